//! A reader that is behind: when it has to leave something out, how much that is, and why it came to it.

use std::time::{Duration, Instant};

use super::Reader;
use crate::{
    io::tcp,
    stream::{
        batch::{Counts, MediaSet},
        lane::{Lane, Way},
        ring::{Position, Ring},
        slow::SlowCause,
    },
};

/// A source that paused is told as the cause for so long after it went on: what it sent at once is read by then.
const SOURCE_BURST: Duration = Duration::from_secs(2);

/// What a reader was made to leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// RTP packets of its media.
    pub(crate) packets: u64,
    pub(crate) stalled: Duration,
    pub(crate) cause: SlowCause,
}

/// What is known of a reader's being behind.
#[derive(Debug)]
pub(super) struct Lag {
    /// Number of the first batch that arrived after the reader began: older ones it gets as fast as it can take them.
    joined: u64,
    /// Waits for the next key frame, because what was kept was lost.
    waiting_for_key: bool,
    /// Where it skipped to, as long as nothing was sent from there.
    skipped_to: Option<Position>,
    /// What the stream had, by media, where a reader is that is behind: kept from when the ring knew.
    reached: Counts,
    /// Why it is blocked, as was seen while it was.
    cause: Option<SlowCause>,
    /// Packets that it skipped after it was last told of.
    untold: u64,
    /// It gets nothing more: its connection is to be closed.
    pub(super) evicted: bool,
}

impl Lag {
    pub(super) fn new(joined: u64) -> Self {
        Self {
            joined,
            waiting_for_key: false,
            skipped_to: None,
            reached: Counts::new(),
            cause: None,
            untold: 0,
            evicted: false,
        }
    }

    /// Nothing was left out that is still to be made good.
    pub(super) fn is_level(&self) -> bool {
        !self.waiting_for_key && !self.evicted && self.skipped_to.is_none()
    }
}

impl Reader {
    /// Whether it cannot go on where it is: the ring has dropped what comes next, or that is older than `latency`, the most
    /// that it may be behind because its connection is full.
    pub(crate) fn lags(&self, ring: &Ring, latency: Option<Duration>, now: Instant) -> bool {
        if self.lag.waiting_for_key || self.lag.evicted {
            return false;
        }
        !ring.holds(self.position())
            || (self.is_waiting() && self.is_stale(self.position(), ring, latency, now))
    }

    fn is_stale(
        &self,
        position: Position,
        ring: &Ring,
        latency: Option<Duration>,
        now: Instant,
    ) -> bool {
        let age = ring
            .arrived(position.batch)
            .filter(|_| position.batch >= self.lag.joined)
            .map(|at| now.saturating_duration_since(at));
        age.zip(latency).is_some_and(|(age, latency)| age > latency)
    }

    /// Leaves out what lies before the newest key frame, or before the next one where that is too old as well.
    pub(crate) fn skip(
        &mut self,
        ring: &mut Ring,
        latency: Option<Duration>,
        now: Instant,
    ) -> Skipped {
        if self.lag.reached.is_empty() {
            self.lag.reached = self.counts(ring);
        }
        let position = self.position();
        let key = ring
            .random_access(self.video)
            .filter(|key| *key > position && !self.is_stale(*key, ring, latency, now));
        self.lag.waiting_for_key = key.is_none() && self.video != MediaSet::default();
        let packets = self.leave_out(ring, key.unwrap_or_else(|| ring.live()));
        self.counters.skips += 1;
        Skipped {
            packets,
            stalled: self.stalled(now),
            cause: self.cause(ring, now),
        }
    }

    /// Gives it up: it gets nothing more.
    pub(crate) fn evict(&mut self, ring: &Ring, now: Instant) -> Skipped {
        self.lag.evicted = true;
        Skipped {
            packets: 0,
            stalled: self.stalled(now),
            cause: self.cause(ring, now),
        }
    }

    /// Before it sends: after a skip it begins with the newest key frame, whatever time it took until it could. `false` while
    /// there is none.
    pub(super) fn begin_anew(&mut self, ring: &mut Ring) -> bool {
        let Some(skipped_to) = self.lag.skipped_to else {
            return true;
        };
        let key = ring.random_access(self.video);
        if let Some(key) = key.filter(|key| *key >= skipped_to) {
            self.lag.untold += self.leave_out(ring, key);
            self.lag.waiting_for_key = false;
        }
        !self.lag.waiting_for_key
    }

    /// Goes on at `position`, the beginning of a batch. Returns how many packets it does not get.
    fn leave_out(&mut self, ring: &mut Ring, position: Position) -> u64 {
        self.skip_to(position, ring);
        let counts = self.counts(ring);
        let both = counts.iter().zip(&self.lag.reached);
        let packets = both.map(|(now, then)| now.saturating_sub(*then)).sum();
        self.counters.skipped_packets += packets;
        self.lag.reached = counts;
        self.lag.skipped_to = Some(position);
        packets
    }

    /// What it has skipped since the last event that told of it.
    pub(crate) fn take_untold(&mut self) -> u64 {
        std::mem::take(&mut self.lag.untold)
    }

    /// After it has sent what it could.
    pub(super) fn note_place(&mut self, ring: &mut Ring) {
        if self.is_waiting() || self.is_paced() {
            self.lag.reached = self.counts(ring);
        } else {
            self.lag.reached.clear();
            self.lag.cause = None;
        }
        if self.lag.skipped_to.is_some_and(|to| to != self.position()) {
            self.lag.skipped_to = None;
        }
    }

    /// What the stream had of each of its media before the place where it is with that; none where the ring does not know.
    fn counts(&self, ring: &mut Ring) -> Counts {
        let before = |media| {
            let place = self.place_of(media, ring);
            ring.packets_before(place, media)
        };
        let counts: Option<Counts> = self.media.iter().map(before).collect();
        counts.unwrap_or_default()
    }

    /// Gets no more of one media.
    pub(super) fn leave_behind(&mut self, media: u8) {
        if let Some(at) = self.media.iter().position(|known| known == media)
            && at < self.lag.reached.len()
        {
            self.lag.reached.remove(at);
        }
        self.media.remove(media);
    }

    fn stalled(&self, now: Instant) -> Duration {
        self.blocked_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Looks, while it is blocked, at what holds its connection back: when that takes more again it is too late.
    pub(crate) fn look(&mut self) {
        let mut blocked = self.lanes.iter().filter(|lane| lane.blocked);
        if let Some(Way::Tcp { pipe, .. }) = blocked.next().map(|lane| &lane.way) {
            self.lag.cause = Some(tcp::full_because(pipe.stream()));
        }
    }

    /// Why it is behind, as far as can be seen.
    fn cause(&self, ring: &Ring, now: Instant) -> SlowCause {
        let Some(since) = self.blocked_since else {
            return SlowCause::ServerBusy;
        };
        let burst = ring.source_resumed().is_some_and(|resumed| {
            now.saturating_duration_since(resumed.min(since)) < SOURCE_BURST
        });
        let mut blocked = self.lanes.iter().filter(|lane: &&Lane| lane.blocked);
        match blocked.next().map(|lane| &lane.way) {
            _ if burst => SlowCause::SourceLate,
            Some(Way::Tcp { pipe, .. }) => self
                .lag
                .cause
                .unwrap_or_else(|| tcp::full_because(pipe.stream())),
            // The socket is the shard's, and its peer has no window.
            Some(Way::Udp { .. } | Way::Srtp { .. }) | None => SlowCause::Network,
        }
    }
}
