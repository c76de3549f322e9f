//! Streams that are sent to multicast groups: once for all, by the stream's home.
//!
//! To the stream a group is one more reader, whose datagrams happen to reach many.

use std::{
    cell::Cell,
    collections::HashMap,
    io,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rtcp::{Compound, Packet};
use rtsp_client::io::{
    multicast::Membership,
    udp::{DatagramOptions, DatagramSocket, Outgoing, ReceiveBuffer},
};
use rtsp_session::transport::{Group, Reports};
use tokio::task::JoinHandle;

use super::{Mail, Shard, ShardId};
use crate::{
    io::udp::Ports,
    multicast::Lease,
    stream::{
        clocks::Sending,
        lane::{Destination, NewWay},
        reader::{Reader, ReaderId},
        registry::{Stream, StreamId},
    },
};

/// How many reports of one media are read in a second: receivers share 5 % of the bandwidth among them, however many they are
/// (RFC 3550 §6.2), so more is not from receivers that keep to it.
const REPORTS_A_SECOND: u32 = 100;
/// How many receivers of one media are told apart.
const MOST_RECEIVERS: usize = 4096;
/// Who has said nothing for so long has left (RFC 3550 §6.3.5: five times the interval).
const LEFT_AFTER: Duration = Duration::from_secs(30);
/// A share of lost packets, of 256, from which on it is worth a line in the log.
const WORTH_SAYING: u8 = 26;

/// At least so long passes between the reports that those who join are given.
const BETWEEN_GREETINGS: Duration = Duration::from_secs(1);

/// A group that is sent to.
pub(super) struct Cast {
    lease: Arc<Lease>,
    ports: Rc<Ports>,
    reader: ReaderId,
    /// When those who join were last told the time of the media.
    greeted: Cell<Instant>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Cast {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shard {
    /// Begins or ends sending to a group, by whether anybody plays; greets who joins what goes on.
    pub(super) fn look_at_cast(self: &Rc<Self>, lease: &Arc<Lease>) {
        let wanted = lease.is_wanted();
        let runs = {
            let casts = self.casts.borrow();
            let cast = casts.get(&lease.address);
            if let Some(cast) = cast.filter(|_| wanted) {
                cast.greet();
            }
            cast.is_some()
        };
        match (wanted, runs) {
            (true, false) => {
                if let Err(error) = self.begin_cast(lease) {
                    tracing::warn!(path = %lease.stream.path, group = %lease.address, %error, "a multicast group cannot be sent to");
                }
            }
            (false, true) => self.end_cast(lease),
            _ => {}
        }
    }

    fn begin_cast(self: &Rc<Self>, lease: &Arc<Lease>) -> io::Result<()> {
        let stream = &lease.stream;
        let ports = Ports::of(lease.sockets()?);
        let groups = lease.groups();
        let to = |(media, group): (u8, &Group)| {
            Destination::new(media, group.rtp(), Reports::To(group.rtcp()))
        };
        let way = NewWay::Udp {
            ports: Rc::clone(&ports),
            source: None,
            destinations: (0_u8..).zip(&groups).map(to).collect(),
            sealing: None,
        };
        let mut cast = Cast {
            lease: Arc::clone(lease),
            ports,
            reader: self.next_reader(),
            greeted: Cell::new(Instant::now()),
            tasks: Vec::new(),
        };
        cast.tasks.push(super::udp::spawn_resume(self, &cast.ports));
        // A socket that is new takes nothing until the reactor has looked at it.
        let greeting = cast.compounds(|sending| sending.report(Instant::now()));
        let ports = Rc::clone(&cast.ports);
        cast.tasks.push(tokio::task::spawn_local(async move {
            for (group, compound) in greeting {
                tell(
                    ports.pair.rtcp.send(&to_group(&group, &compound)).await,
                    &group,
                );
            }
        }));
        for (media, group) in (0_u8..).zip(&groups) {
            let membership = Membership {
                group: group.rtcp(),
                source: None,
                interface: lease.source,
                ttl: lease.ttl,
            };
            match membership.join(&DatagramOptions::default()) {
                Ok(socket) => {
                    let listener = listen(Rc::clone(self), Arc::clone(stream), media, socket);
                    cast.tasks.push(tokio::task::spawn_local(listener));
                }
                Err(error) => {
                    tracing::warn!(path = %stream.path, group = %group.rtcp(), %error, "reports of a multicast group are not heard");
                }
            }
        }
        let video = stream.video(0..groups.len() as u8);
        let placed = self.with_stream(stream.id, |local, now, after| {
            let live = local.ring.live();
            let place = Reader::new(cast.reader, [way], video, live, &mut local.ring);
            local.add(place);
            local.pump(cast.reader, now, after);
        });
        match placed {
            Some(()) => {
                tracing::info!(path = %stream.path, group = %lease.address, reader = cast.reader.0, ttl = lease.ttl, "multicast begins");
                self.casts.borrow_mut().insert(lease.address, cast);
            }
            // It has ended meanwhile.
            None => self.tell_members(stream.id, "it has ended"),
        }
        Ok(())
    }

    /// A stream is over. Its readers by multicast may be sessions of any shard, and no shard but this needed to have the stream for them.
    pub(super) fn tell_members(&self, stream: StreamId, reason: &'static str) {
        for shard in 0..self.shared.mailboxes().len() {
            let ended = Mail::Ended { stream, reason };
            self.shared.post(ShardId(shard as u8), ended);
        }
    }

    /// Whether a stream is sent to a group.
    pub(super) fn is_cast(&self, stream: StreamId) -> bool {
        let casts = self.casts.borrow();
        casts.values().any(|cast| cast.lease.stream.id == stream)
    }

    /// The server is going down: those in the groups are told, whoever they are.
    pub(super) fn end_casts(&self) {
        let leases: Vec<_> = self
            .casts
            .borrow()
            .values()
            .map(|cast| Arc::clone(&cast.lease))
            .collect();
        for lease in leases {
            self.end_cast(&lease);
        }
    }

    fn end_cast(&self, lease: &Lease) {
        let Some(cast) = self.casts.borrow_mut().remove(&lease.address) else {
            return;
        };
        let stream = &lease.stream;
        let reader = self.remove_reader(stream.id, cast.reader);
        cast.tell(|sending| sending.bye(Instant::now(), "nobody is in the group any more"));
        let counters = reader.map(|reader| reader.counters).unwrap_or_default();
        tracing::info!(
            path = %stream.path, group = %lease.address, packets = counters.packets, bytes = counters.bytes,
            refused_datagrams = counters.refused_datagrams, "multicast ends"
        );
    }
}

impl Cast {
    /// Somebody has joined; the time of the media is told, unless that was done just now.
    fn greet(&self) {
        let now = Instant::now();
        if now.saturating_duration_since(self.greeted.get()) >= BETWEEN_GREETINGS {
            self.greeted.set(now);
            self.tell(|sending| sending.report(now));
        }
    }

    /// Sends a compound for each media that there is one for.
    fn tell(&self, compound: impl Fn(&Sending) -> Option<Bytes>) {
        for (group, compound) in self.compounds(compound) {
            tell(
                self.ports.pair.rtcp.try_send(&to_group(&group, &compound)),
                &group,
            );
        }
    }

    fn compounds(&self, compound: impl Fn(&Sending) -> Option<Bytes>) -> Vec<(Group, Bytes)> {
        let clocks = &self.lease.stream.clocks;
        let groups = (0_u8..).zip(self.lease.groups());
        groups
            .filter_map(|(media, group)| Some((group, compound(&clocks.of(media))?)))
            .collect()
    }
}

fn to_group<'a>(group: &Group, contents: &'a [u8]) -> Outgoing<'a> {
    Outgoing {
        destination: group.rtcp(),
        contents,
        segment_size: None,
        source: None,
    }
}

fn tell(sent: io::Result<()>, group: &Group) {
    if let Err(error) = sent {
        tracing::debug!(%error, group = %group.address, "a report was not sent");
    }
}

/// Reads what receivers report. Anybody can send to a group: what is read is bounded, and ends nothing.
async fn listen(shard: Rc<Shard>, stream: Arc<Stream>, media: u8, socket: DatagramSocket) {
    let mut buffer = ReceiveBuffer::new(1);
    let mut datagrams = Vec::new();
    let mut audience = Audience::new(Instant::now());
    loop {
        if let Err(error) = socket.receive(&mut buffer).await {
            tracing::warn!(%error, path = %stream.path, "reading reports of a multicast group failed");
            return;
        }
        buffer.freeze_into(&mut datagrams);
        for (_, packet) in datagrams.drain(..) {
            shard.group_report(&stream, media, &packet, &mut audience);
        }
        tokio::task::yield_now().await;
    }
}

impl Shard {
    fn group_report(&self, stream: &Stream, media: u8, packet: &Bytes, audience: &mut Audience) {
        let now = Instant::now();
        if !audience.admits(now) {
            return;
        }
        let Ok(compound) = Compound::parse_reduced(packet) else {
            return;
        };
        let source = stream.clocks.of(media).ssrc;
        for packet in compound.iter() {
            match packet {
                Packet::ReceiverReport(report) => {
                    let is_new = audience.heard(report.ssrc(), now);
                    let lost = report
                        .report_blocks()
                        .filter(|block| Some(block.ssrc) == source)
                        .map(|block| block.fraction_lost)
                        .max();
                    if is_new || lost >= Some(WORTH_SAYING) {
                        tracing::debug!(
                            path = %stream.path, media, receivers = audience.seen.len(),
                            lost_percent = u32::from(lost.unwrap_or(0)) * 100 / 256, "a receiver of a group reports"
                        );
                    }
                }
                Packet::PayloadFeedback(feedback)
                    if source.is_some_and(|source| feedback.asks_for_key_frame(source)) =>
                {
                    self.ask_for_key_frame(stream.id, media);
                }
                _ => {}
            }
        }
    }
}

/// Who is in a group, as far as they say so.
struct Audience {
    seen: HashMap<u32, Instant>,
    second: Instant,
    left: u32,
    dropped: u64,
}

impl Audience {
    fn new(now: Instant) -> Self {
        Self {
            seen: HashMap::new(),
            second: now,
            left: REPORTS_A_SECOND,
            dropped: 0,
        }
    }

    /// Whether one more report is read.
    fn admits(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.left = REPORTS_A_SECOND;
        }
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return true;
        }
        self.dropped += 1;
        if self.dropped.is_power_of_two() {
            tracing::warn!(
                dropped = self.dropped,
                "more reports come to a multicast group than its receivers may send: they are not read"
            );
        }
        false
    }

    /// A receiver has said something; whether it is a new one.
    fn heard(&mut self, ssrc: u32, now: Instant) -> bool {
        if let Some(last) = self.seen.get_mut(&ssrc) {
            *last = now;
            return false;
        }
        if self.seen.len() >= MOST_RECEIVERS {
            let stays = |last: &Instant| now.saturating_duration_since(*last) < LEFT_AFTER;
            self.seen.retain(|_, last| stays(last));
        }
        self.seen.len() < MOST_RECEIVERS && self.seen.insert(ssrc, now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_and_receivers_are_bounded() {
        let start = Instant::now();
        let mut audience = Audience::new(start);
        let admitted = (0..1000).filter(|_| audience.admits(start)).count();
        assert_eq!(admitted, REPORTS_A_SECOND as usize);
        assert!(audience.admits(start + Duration::from_secs(1)));

        let new = (0..10_000)
            .filter(|ssrc| audience.heard(*ssrc, start))
            .count();
        assert_eq!(new, MOST_RECEIVERS);
        assert!(!audience.heard(0, start));
        let later = start + LEFT_AFTER;
        assert!(audience.heard(10_000, later), "those who left make room");
        assert_eq!(audience.seen.len(), 1);
    }
}
