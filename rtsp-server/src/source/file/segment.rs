//! A stretch that is played without a jump, and the times that hold in it.

use std::time::{Duration, Instant};

use super::{
    lane::{SECOND, rescale},
    pace::Pace,
};

/// A stretch that is played without a jump.
///
/// Three times run in it: that of the *media* (normal play time), that in which they are *shown*, which RTP timestamps count
/// (RFC 7826 §C.6), and that in which they are *delivered*. Scale lies between the first two, Speed between the last two. All
/// are in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// Where it begins in the media, and where it ends.
    pub(super) from: i64,
    pub(super) to: i64,
    /// When its delivery begins.
    pub(super) anchor: Instant,
    /// When it begins to be shown, since the start of the session.
    pub(super) elapsed: i64,
    pub(super) pace: Pace,
}

impl Segment {
    /// When a time of the media is shown, from the beginning of this stretch on.
    pub(super) fn offset(&self, time: i64) -> i64 {
        self.pace.rendered(time.saturating_sub(self.from))
    }

    /// How long it takes to show all of it.
    pub(super) fn length(&self) -> i64 {
        self.offset(self.to).max(0)
    }

    /// When to deliver what is shown at `offset`.
    pub(super) fn due(&self, offset: i64) -> Instant {
        self.anchor + self.pace.delivery(offset)
    }

    /// What is delivered at `now`, by when it is shown; beyond the end when that is over.
    pub(super) fn offset_at(&self, now: Instant) -> i64 {
        self.pace
            .delivered_in(now.saturating_duration_since(self.anchor))
    }

    /// The time of the media that is shown at `offset`.
    pub(super) fn at(&self, offset: i64) -> i64 {
        self.from
            .saturating_add(self.pace.media(offset.clamp(0, self.length())))
    }

    /// What is delivered at `now`, by its time in the media.
    pub(super) fn position(&self, now: Instant) -> i64 {
        self.at(self.offset_at(now))
    }

    /// The RTP time, in ticks since the start of the session, of a time of the media in ticks of the same clock.
    pub(super) fn rtp_ticks(&self, ticks: i64, clock_rate: u32) -> i64 {
        let start = rescale(self.elapsed, SECOND, clock_rate);
        let from = rescale(self.from, SECOND, clock_rate);
        start.saturating_add(self.pace.rendered(ticks.saturating_sub(from)))
    }

    /// The same stretch going on from what is shown at `offset`, after `halted` without delivery.
    pub(super) fn resumed(&self, offset: i64, halted: Duration, now: Instant, pace: Pace) -> Self {
        Self {
            from: self.at(offset),
            anchor: now,
            elapsed: self
                .elapsed
                .saturating_add(offset)
                .saturating_add(nanos(halted)),
            pace,
            to: self.to,
        }
    }
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What is before the start counts as the start.
pub(super) fn to_duration(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
