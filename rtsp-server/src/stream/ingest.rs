//! From what a publisher sent to batches: parsed once, counted, marked, and otherwise left as it is.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::{Bytes, BytesMut};
use rtcp::{Compound, CompoundWriter, NtpTime, ReportBlock};
use rtp_core::{
    Codec, PacketView, Push, ReceiverStats, Reorder, ReorderConfig, Reordered, keyframe,
};
use rtsp_msg::FrameRun;
use rtsp_session::{
    Now,
    srtp::{Indexes, SealError},
};

use super::{
    batch::{Batch, BatchBuilder, Kind, Mark},
    clocks::{CNAME, Clock, Clocks, Sending, ticks},
    layout::Layout,
};

/// After this long without a report of the publisher the server writes its own.
const OWN_REPORT: Duration = Duration::from_secs(5);

/// A packet that can still be sealed and framed.
const LONGEST: usize = 65_000;

/// The shortest time over which a bit rate means something.
const RATE_INTERVAL: Duration = Duration::from_secs(1);

/// What a description says of one media, as far as packets are concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) codec: Codec,
    pub(crate) clock_rate: u32,
}

impl Shape {
    /// Whether readers have to start at a key frame.
    pub(crate) fn has_key_frames(self) -> bool {
        keyframe::has_key_frames(self.codec)
    }
}

/// Exact counts of what a publisher sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Received {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
    /// Not RTP, or no packet of this stream.
    pub(crate) malformed: u64,
    pub(crate) duplicates: u64,
}

#[derive(Debug)]
struct Media {
    shape: Shape,
    source: Option<(u32, ReceiverStats)>,
    clock: Option<Clock>,
    /// Whose clock the publisher told. FFmpeg reports before its first packet.
    reported: Option<u32>,
    first_packet: Option<Instant>,
    /// Octets at the moment when the bit rate was found last.
    measured: Option<(u32, Instant)>,
    bit_rate: u64,
    /// Timestamp of the last packet.
    newest: Option<u32>,
    /// Timestamp of the last random-access point, so that its other packets do not count again.
    key_timestamp: Option<u32>,
    reorder: Option<Reorder<Bytes>>,
    /// The source whose packets `reorder` puts in order.
    ordered: Option<u32>,
    packets: u32,
    octets: u32,
    malformed: u64,
    duplicates: u64,
    /// Where packets may be sealed: no index twice.
    indexes: Option<Indexes>,
    roc: u32,
}

/// How packets come to a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feed {
    /// They may come out of order and twice.
    pub(crate) datagrams: bool,
    /// Nobody else writes sender reports.
    pub(crate) own: bool,
    /// Readers may get them sealed.
    pub(crate) sealable: bool,
}

/// The receiving end of one stream: lives on the shard that its publisher feeds.
#[derive(Debug)]
pub(crate) struct Ingest {
    media: Vec<Media>,
    builder: BatchBuilder,
    out: Vec<Batch>,
    /// Wall clock and monotonic clock at the start, so that reports of all media agree.
    start: Now,
    /// The server is itself the source: it writes reports from the first packet on.
    own: bool,
    ssrc: u32,
    clocks: Arc<Clocks>,
    /// When the last packet came.
    heard: Option<Instant>,
}

impl Ingest {
    /// `ssrc` is what the server calls itself in receiver reports.
    pub(crate) fn new(
        shapes: &[Shape],
        clocks: Arc<Clocks>,
        Feed {
            datagrams,
            own,
            sealable,
        }: Feed,
        ssrc: u32,
        start: Now,
    ) -> Self {
        let media = shapes.iter().map(|shape| Media {
            shape: *shape,
            source: None,
            clock: None,
            reported: None,
            first_packet: None,
            measured: None,
            bit_rate: 0,
            newest: None,
            key_timestamp: None,
            reorder: datagrams.then(|| Reorder::new(ReorderConfig::default())),
            ordered: None,
            packets: 0,
            octets: 0,
            malformed: 0,
            duplicates: 0,
            indexes: sealable.then(Indexes::new),
            roc: 0,
        });
        Self {
            media: media.collect(),
            builder: BatchBuilder::default(),
            out: Vec::new(),
            start,
            own,
            ssrc,
            clocks,
            heard: None,
        }
    }

    /// Takes what one read of an interleaved publisher brought, without a copy.
    pub(crate) fn frames(&mut self, run: &FrameRun, layout: &Layout, now: Instant) {
        for frame in &run.frames {
            let Some((media, kind)) = layout.media(frame.channel) else {
                continue;
            };
            let start = frame.start as usize;
            let Some(packet) = run.bytes.get(start..start + usize::from(frame.len)) else {
                continue;
            };
            if let Some(mark) = self.mark(media, kind, packet, now) {
                self.split_before(mark, now);
                self.builder
                    .push_framed(mark, &run.bytes, frame.start, frame.len);
            }
            self.own_report(media, now);
        }
        self.close(now);
    }

    /// Takes one datagram. What is in order is ready at once; see [`deadline`](Self::deadline) for the rest.
    pub(crate) fn datagram(&mut self, media: u8, kind: Kind, packet: Bytes, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start.monotonic);
        let sequence = match kind {
            Kind::Rtcp => None,
            Kind::Rtp => match PacketView::parse(&packet) {
                Ok(view) => {
                    self.follow_source(media, view.ssrc(), now);
                    Some(view.sequence())
                }
                Err(_) => return self.malformed(media),
            },
        };
        let Some(state) = self.media.get_mut(usize::from(media)) else {
            return;
        };
        match (sequence, &mut state.reorder) {
            (Some(sequence), Some(reorder)) => {
                if reorder.push(elapsed, sequence, packet) == Push::Duplicate {
                    state.duplicates += 1;
                }
                self.release(media, now);
            }
            _ => self.packet(media, kind, &packet, now),
        }
    }

    /// Takes a compound that readers get as it is: the end of what they were told about.
    pub(crate) fn last_word(&mut self, media: u8, compound: &[u8]) {
        self.builder
            .push_copy(Mark::rtcp(media), media * 2 + 1, compound);
    }

    /// A media has a new source whose random name nobody had before: what is known of those before it is no longer needed.
    pub(crate) fn renew(&mut self, media: u8) {
        if let Some(state) = self.media.get_mut(usize::from(media)) {
            state.indexes = state.indexes.take().map(|_| Indexes::new());
            state.roc = 0;
        }
    }

    /// Takes a whole packet in order, from a source of this process.
    pub(crate) fn packet(&mut self, media: u8, kind: Kind, packet: &[u8], now: Instant) {
        if let Some(mark) = self.mark(media, kind, packet, now) {
            self.split_before(mark, now);
            let channel = media * 2 + u8::from(kind == Kind::Rtcp);
            if !self.builder.push_copy(mark, channel, packet) {
                self.malformed(media);
            }
        }
        self.own_report(media, now);
    }

    /// Lets go of what waited long enough for a packet that does not come.
    pub(crate) fn release_overdue(&mut self, now: Instant) {
        for media in 0..self.media.len() as u8 {
            self.release(media, now);
        }
        self.close(now);
    }

    /// When [`release_overdue`](Self::release_overdue) is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = self
            .media
            .iter()
            .filter_map(|media| media.reorder.as_ref()?.next_deadline())
            .min()?;
        Some(self.start.monotonic + due)
    }

    /// Ends the batch that the last calls filled.
    pub(crate) fn close(&mut self, now: Instant) {
        self.out.extend(self.builder.finish(now));
    }

    /// The finished batches, in order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Batch> + '_ {
        self.out.drain(..)
    }

    /// When something was last heard of the publisher.
    pub(crate) fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// What the server calls itself in what it tells the publisher.
    pub(crate) fn own_source(&self) -> u32 {
        self.ssrc
    }

    /// What to tell the publisher about the reception of `media`: a receiver report with our name.
    pub(crate) fn receiver_report(&mut self, media: u8, now: Instant) -> Option<Bytes> {
        let own = self.ssrc;
        let state = self.media.get_mut(usize::from(media))?;
        let (ssrc, stats) = state.source.as_mut()?;
        let report = stats.report();
        let last = state.clock.filter(|clock| clock.published);
        let block = ReportBlock {
            ssrc: *ssrc,
            fraction_lost: report.fraction_lost,
            cumulative_lost: report.cumulative_lost,
            extended_highest_sequence: report.extended_highest_sequence,
            jitter: report.jitter,
            last_sender_report: last.map_or(0, |clock| clock.ntp.middle_32()),
            delay_since_last_sender_report: last.map_or(0, |clock| {
                ticks(now.saturating_duration_since(clock.at), 65_536)
            }),
        };
        let mut out = BytesMut::new();
        let mut writer = CompoundWriter::new(&mut out);
        writer.receiver_report(own, &[block]);
        writer.cname(own, CNAME);
        Some(out.freeze())
    }

    /// Counts of all media together.
    pub(crate) fn received(&self) -> Received {
        let mut all = Received::default();
        for media in &self.media {
            all.packets += u64::from(media.packets);
            all.bytes += u64::from(media.octets);
            all.malformed += media.malformed;
            all.duplicates += media.duplicates;
            all.lost += media
                .source
                .as_ref()
                .map_or(0, |(_, stats)| u64::try_from(stats.lost()).unwrap_or(0));
        }
        all
    }

    /// Another source has numbers of its own: what waits of the one before goes out, and ordering begins anew.
    fn follow_source(&mut self, media: u8, ssrc: u32, now: Instant) {
        let Some(state) = self.media.get_mut(usize::from(media)) else {
            return;
        };
        if state
            .ordered
            .replace(ssrc)
            .is_none_or(|known| known == ssrc)
        {
            return;
        }
        let before = state.reorder.as_mut();
        let Some(mut before) = before
            .map(|reorder| std::mem::replace(reorder, Reorder::new(ReorderConfig::default())))
        else {
            return;
        };
        while let Some(item) = before.pop(Duration::MAX) {
            if let Reordered::Item(packet) = item {
                self.packet(media, Kind::Rtp, &packet, now);
            }
        }
    }

    fn release(&mut self, media: u8, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start.monotonic);
        while let Some(item) = self
            .media
            .get_mut(usize::from(media))
            .and_then(|state| state.reorder.as_mut())
            .and_then(|reorder| reorder.pop(elapsed))
        {
            // Loss is seen by the statistics; readers see it as the gap that it is.
            if let Reordered::Item(packet) = item {
                self.packet(media, Kind::Rtp, &packet, now);
            }
        }
    }

    fn split_before(&mut self, mark: Mark, now: Instant) {
        if mark.random_access && !self.builder.is_empty() {
            self.close(now);
        }
    }

    fn malformed(&mut self, media: u8) {
        if let Some(state) = self.media.get_mut(usize::from(media)) {
            state.malformed += 1;
        }
    }

    /// Looks into a packet; `None` where readers are not to have it.
    fn mark(&mut self, media: u8, kind: Kind, packet: &[u8], now: Instant) -> Option<Mark> {
        let start = self.start.monotonic;
        self.heard = Some(now);
        let state = self.media.get_mut(usize::from(media))?;
        let known = (state.source.as_ref().map(|(ssrc, _)| *ssrc), state.roc);
        let mark = match kind {
            Kind::Rtp => state.rtp(media, packet, now, start),
            Kind::Rtcp => state.rtcp(media, packet, now),
        };
        let knows = (state.source.as_ref().map(|(ssrc, _)| *ssrc), state.roc);
        if kind == Kind::Rtcp || known != knows {
            state.measure(now);
            self.clocks.set(media, state.sending());
        }
        if mark.is_err() {
            state.malformed += 1;
        }
        mark.ok().flatten()
    }

    /// Writes a report into the stream where the publisher leaves them out.
    fn own_report(&mut self, media: u8, now: Instant) {
        let start = self.start;
        let own = self.own;
        let Some(state) = self.media.get_mut(usize::from(media)) else {
            return;
        };
        let Some(first) = state.first_packet else {
            return;
        };
        let since = match state.clock {
            Some(clock) => clock.at,
            None if own => first.checked_sub(OWN_REPORT).unwrap_or(first),
            None => first,
        };
        if now.saturating_duration_since(since) < OWN_REPORT {
            return;
        }
        let Some(rtp) = state.newest else { return };
        let wall = start.wall + now.saturating_duration_since(start.monotonic);
        let ntp = NtpTime::from_unix(
            wall.duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
        );
        state.clock = Some(Clock {
            ntp,
            rtp,
            at: now,
            published: false,
        });
        state.measure(now);
        let sending = state.sending();
        self.clocks.set(media, sending);
        if let Some(report) = sending.report(now) {
            self.builder
                .push_copy(Mark::rtcp(media), media * 2 + 1, &report);
        }
    }
}

/// Not a packet of this stream.
struct Malformed;

impl Media {
    fn rtp(
        &mut self,
        media: u8,
        packet: &[u8],
        now: Instant,
        start: Instant,
    ) -> Result<Option<Mark>, Malformed> {
        let view = PacketView::parse(packet).map_err(|_| Malformed)?;
        if !self.index(packet)? {
            return Ok(None);
        }
        let ssrc = view.ssrc();
        let clock_rate = self.shape.clock_rate;
        let stats = match &mut self.source {
            Some((known, stats)) if *known == ssrc => stats,
            other => {
                if self.reported != Some(ssrc) {
                    self.clock = None;
                }
                &mut other.insert((ssrc, ReceiverStats::new(clock_rate))).1
            }
        };
        stats.on_packet(
            view.sequence(),
            view.timestamp(),
            now.saturating_duration_since(start),
        );
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(view.payload().len() as u32);
        self.first_packet.get_or_insert(now);
        self.newest = Some(view.timestamp());
        let random_access = keyframe::random_access(self.shape.codec, view.payload())
            && self.key_timestamp != Some(view.timestamp());
        if random_access {
            self.key_timestamp = Some(view.timestamp());
        }
        Ok(Some(Mark {
            media,
            kind: Kind::Rtp,
            sequence: view.sequence(),
            timestamp: view.timestamp(),
            random_access,
            roc: self.roc,
        }))
    }

    /// Finds the index of a packet that may be sealed; `false` where it is used up: nothing else is sealed under it.
    fn index(&mut self, packet: &[u8]) -> Result<bool, Malformed> {
        let Some(indexes) = &mut self.indexes else {
            return Ok(true);
        };
        if packet.len() > LONGEST {
            return Err(Malformed);
        }
        match indexes.assign(packet) {
            Ok(assigned) => self.roc = assigned.roc,
            Err(SealError::IndexReused) => {
                self.duplicates += 1;
                return Ok(false);
            }
            Err(_) => return Err(Malformed),
        }
        Ok(true)
    }

    fn rtcp(&mut self, media: u8, packet: &[u8], now: Instant) -> Result<Option<Mark>, Malformed> {
        let compound = Compound::parse(packet).map_err(|_| Malformed)?;
        let mut report = false;
        for packet in compound.iter() {
            match packet {
                rtcp::Packet::SenderReport(sender) => {
                    let (ntp, rtp) = (sender.ntp(), sender.rtp_timestamp());
                    self.reported = Some(sender.ssrc());
                    self.clock = Some(Clock {
                        ntp,
                        rtp,
                        at: now,
                        published: true,
                    });
                    report = true;
                }
                // The end of the stream is told to readers when it is the end for the server.
                rtcp::Packet::Bye(_) => return Ok(None),
                _ => {}
            }
        }
        Ok(report.then(|| Mark::rtcp(media)))
    }

    /// Finds the bit rate since it was found last, if that is long enough ago to mean something.
    fn measure(&mut self, now: Instant) {
        let Some((octets, at)) = self.measured else {
            self.measured = Some((self.octets, now));
            return;
        };
        let elapsed = now.saturating_duration_since(at);
        if elapsed >= RATE_INTERVAL {
            let bits = u64::from(self.octets.wrapping_sub(octets)) * 8 * 1000;
            self.bit_rate = bits
                / u64::try_from(elapsed.as_millis())
                    .unwrap_or(u64::MAX)
                    .max(1);
            self.measured = Some((self.octets, now));
        }
    }

    fn sending(&self) -> Sending {
        Sending {
            // Publishers may report before they send: who begins to read in between has to know that time, too.
            ssrc: self
                .source
                .as_ref()
                .map_or(self.reported, |(ssrc, _)| Some(*ssrc)),
            clock: self.clock,
            clock_rate: self.shape.clock_rate,
            packets: self.packets,
            octets: self.octets,
            bit_rate: self.bit_rate,
            roc: self.roc,
        }
    }
}
