//! What a shard does by the clock: pacing, overdue datagrams, reports, sessions that expire.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use rtsp_session::server::State;

use super::{Ending, Role, Shard};
use crate::refusals::Limit;
use crate::stream::{
    local::Aftermath,
    reader::{CATCH_UP_TICK, Reader},
};

/// How often sessions and reports are looked at.
const HOUSEKEEPING: Duration = Duration::from_millis(500);
/// How often publishers are told what arrived (RFC 3550 §6.2: 5 s, halved for a quick first one).
const REPORT: Duration = Duration::from_secs(5);

/// Runs for the life of the shard.
pub(super) async fn run(shard: Rc<Shard>) {
    let mut housekeeping = Instant::now() + HOUSEKEEPING;
    loop {
        let mut next = housekeeping;
        if shard.paced.get() {
            next = next.min(Instant::now() + CATCH_UP_TICK);
        }
        if let Some(overdue) = shard.overdue() {
            next = next.min(overdue);
        }
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => {}
            // Something became due earlier.
            () = shard.ticker.notified() => {
                shard.end_evicted();
                continue;
            }
        }
        if shard.paced.get() {
            shard.pace();
        }
        shard.end_evicted();
        shard.release_overdue();
        if Instant::now() >= housekeeping {
            housekeeping = Instant::now() + HOUSEKEEPING;
            shard.expire();
            shard.check_breakers();
            shard.watch_readers();
            shard.update_media();
            shard.check_publishers();
            shard.report();
        }
    }
}

impl Shard {
    /// When the first datagram that waits for a lost one is let go.
    fn overdue(&self) -> Option<Instant> {
        let streams = self.streams.borrow();
        streams
            .values()
            .filter_map(|local| local.origin.as_ref()?.ingest.deadline())
            .min()
    }

    fn release_overdue(&self) {
        let now = Instant::now();
        let due: Vec<_> = {
            let streams = self.streams.borrow();
            let due = streams.iter().filter(|(_, local)| {
                local
                    .origin
                    .as_ref()
                    .and_then(|origin| origin.ingest.deadline())
                    .is_some_and(|at| at <= now)
            });
            due.map(|(id, _)| *id).collect()
        };
        for id in due {
            self.ingest(id, |ingest, now| ingest.release_overdue(now));
        }
    }

    /// Looks after readers whose connections are full.
    fn watch_readers(&self) {
        let mut after = Aftermath::default();
        let now = Instant::now();
        for local in self.streams.borrow_mut().values_mut() {
            local.watch(now, &mut after);
        }
        self.settle(&after);
    }

    /// Ends the sessions of readers that were too slow, and their connections: what is in the way of their media is in the
    /// way of any word about it.
    fn end_evicted(&self) {
        for reader in self.evicted.take() {
            let sessions = self.sessions.borrow();
            let its = sessions.values().find_map(|entry| match &entry.role {
                Role::Reader(reading) if reading.reader == Some(reader) => {
                    Some((entry.session.id(), entry.session.connection()))
                }
                _ => None,
            });
            drop(sessions);
            let Some((session, connection)) = its else {
                continue;
            };
            let link = connection.and_then(|id| self.links.borrow().get(&id).cloned());
            self.end_session(session, Ending::TooSlow);
            if let Some(link) = link {
                link.abandon();
            }
        }
    }

    /// Ends the sessions of publishers that send more than they may.
    fn check_publishers(&self) {
        let most = self.shared.config.limits.publish_bit_rate;
        if most == 0 {
            return;
        }
        let mut beyond = Vec::new();
        for entry in self.sessions.borrow().values() {
            if let Role::Publisher(publishing) = &entry.role {
                let stream = &publishing.stream;
                let media = 0..stream.shapes.len();
                let bits: u64 = media
                    .map(|media| stream.clocks.of(media as u8).bit_rate)
                    .sum();
                if bits > most {
                    tracing::warn!(path = %stream.path, bits, most, "a publisher sends more than it may: its session ends");
                    beyond.push((entry.session.id(), entry.session.owner_address()));
                }
            }
        }
        for (session, address) in beyond {
            self.shared
                .counters
                .refusals
                .count(Limit::PublishBitRate, address);
            self.end_session(session, Ending::TooMuch);
        }
    }

    /// Sends readers that are behind their next share.
    fn pace(&self) {
        self.paced.set(false);
        let mut after = Aftermath::default();
        let now = Instant::now();
        for local in self.streams.borrow_mut().values_mut() {
            local.pump_where(Reader::is_paced, now, &mut after);
        }
        self.settle(&after);
    }

    /// Tells publishers what arrived.
    fn report(&self) {
        let now = Instant::now();
        let mut due = Vec::new();
        for entry in self.sessions.borrow_mut().values_mut() {
            let Role::Publisher(publishing) = &mut entry.role else {
                continue;
            };
            if entry.session.state() == State::Record && publishing.next_report <= now {
                // RFC 3550 §6.3.1: spread between half and one and a half of the interval.
                let spread = self.random.borrow_mut().number() % 1000;
                publishing.next_report = now + REPORT / 2 + REPORT * spread / 1000;
                due.push((entry.session.id(), publishing.stream.id));
            }
        }
        for (session, stream) in due {
            let sessions = self.sessions.borrow();
            let Some(entry) = sessions.get(&session) else {
                continue;
            };
            let link = self.link_of(&entry.session);
            for media in entry.session.media() {
                let media = media.index as u8;
                let report = self.with_stream(stream, |local, now, _| {
                    local.origin.as_mut()?.ingest.receiver_report(media, now)
                });
                if let Some(report) = report.flatten() {
                    let (session, link) = (&entry.session, link.as_deref());
                    self.send_rtcp(session, media, link, entry.local, &report);
                }
            }
        }
    }
}
