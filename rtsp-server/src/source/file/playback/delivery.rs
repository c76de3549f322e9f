//! What of a file is due: reading ahead of it, sending it, and reports of it.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use bytes::Bytes;

use super::FilePlayback;
use super::State;
use crate::source::SenderReport;
use crate::source::SourceError;
use crate::source::file::lane::SECOND;
use crate::source::file::lane::rescale;
use crate::source::file::read::ReadDone;
use crate::source::file::read::ReadJob;
use crate::source::file::segment::Segment;
use crate::source::file::segment::nanos;
use crate::source::file::segment::to_duration;
use crate::source::whole_ticks;

/// Reading begins when less than this of delivery is at hand, and goes on for so long.
const LOW_WATER: Duration = Duration::from_millis(500);
const HIGH_WATER: Duration = Duration::from_millis(1500);
/// The most bytes that one job reads, unless a single sample is larger; and with which none is begun.
const MAX_READ: u64 = 2 << 20;
/// How late the next packet may be, by when it is shown, before the session's time is held instead of catching up.
const MAX_LATE: i64 = 1_000_000_000;

/// What [`FilePlayback::due`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not playing.
    Idle,
    /// Nothing more is due before this time.
    Wait(Instant),
    /// More is due: either the budget is used up, or [`FilePlayback::take_read`] has something to read.
    More,
    /// What is due is being read: see [`FilePlayback::finish_read`].
    Reading,
    /// The end of the range is reached. Said once; not playing after that.
    Ended,
}

impl FilePlayback {
    /// What is to be read next, if it is time. One job at a time: the next comes after [`finish_read`](Self::finish_read).
    pub(crate) fn take_read(&mut self, now: Instant) -> Option<ReadJob> {
        let State::Playing(segment) = self.state else {
            return None;
        };
        let queued: u64 = self.lanes.iter().map(|lane| lane.queued).sum();
        if self.reading || queued >= MAX_READ {
            return None;
        }
        let ahead = |time| {
            segment
                .offset_at(now)
                .saturating_add(segment.pace.delivered_in(time))
        };
        let (first, _) = self.next_unread(&segment)?;
        if first > ahead(LOW_WATER) {
            return None;
        }
        let until = ahead(HIGH_WATER);
        let mut units = Vec::new();
        let mut size = 0;
        while let Some((due, index)) = self.next_unread(&segment) {
            if !units.is_empty() && (due > until || size >= MAX_READ) {
                break;
            }
            let Some(lane) = self.lanes.get_mut(index) else {
                break;
            };
            let Some(track) = self.movie.tracks().get(lane.track) else {
                break;
            };
            if let Some((unit, bytes)) = lane.take_unit(track, index, segment.pace) {
                size += u64::from(bytes);
                units.push(unit);
            }
        }
        self.reading = !units.is_empty();
        self.reading.then(|| ReadJob {
            movie: Arc::clone(&self.movie),
            generation: self.generation,
            units,
        })
    }

    /// When the first sample is shown that has yet to be read, and in which lane that is.
    fn next_unread(&self, segment: &Segment) -> Option<(i64, usize)> {
        let unread = self.lanes.iter().enumerate().filter_map(|(index, lane)| {
            let due = lane.unread_due(self.track(lane)?)?;
            Some((segment.offset(due), index))
        });
        unread.min()
    }

    /// The same of the first sample that has yet to be sent.
    pub(super) fn next_due(&self, segment: &Segment) -> Option<(i64, usize)> {
        let due = self
            .lanes
            .iter()
            .enumerate()
            .filter_map(|(index, lane)| Some((segment.offset(lane.due(&self.movie)?), index)));
        due.min()
    }

    /// Takes what a [`ReadJob`] read. What was asked for before a jump is dropped.
    ///
    /// # Errors
    /// When the file could not be read, or is not the same any more: the session cannot go on.
    pub(crate) fn finish_read(&mut self, done: ReadDone) -> Result<(), SourceError> {
        if done.generation != self.generation {
            return Ok(());
        }
        self.reading = false;
        for frame in done.frames? {
            if let Some(lane) = self.lanes.get_mut(frame.unit.lane) {
                lane.push(frame);
            }
        }
        Ok(())
    }

    /// Hands the packets that are due by `now` to `out`, with the index of their media, but not many more than `budget`.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        budget: usize,
        mut out: impl FnMut(usize, Bytes),
    ) -> Progress {
        let State::Playing(mut segment) = self.state else {
            return Progress::Idle;
        };
        let mut sent = 0;
        loop {
            let Some((offset, index)) = self.next_due(&segment) else {
                // The last of it may be on its way.
                return match self.reading {
                    true => Progress::Reading,
                    false => self.end(now, &segment),
                };
            };
            let due = segment.due(offset);
            if due > now {
                return Progress::Wait(due);
            }
            if sent >= budget {
                return Progress::More;
            }
            let late = now.saturating_duration_since(due);
            if late > segment.pace.delivery(MAX_LATE).min(to_duration(MAX_LATE)) {
                // The peer or the disk was too slow: the session's time stood still meanwhile.
                segment.anchor += late;
                self.state = State::Playing(segment);
            }
            let Some(lane) = self.lanes.get_mut(index) else {
                return Progress::Idle;
            };
            let Some(frame) = lane.pop() else {
                // Late since `take_read` was asked: to be asked again.
                return if self.reading {
                    Progress::Reading
                } else {
                    Progress::More
                };
            };
            let clock_rate = lane.sender.clock_rate();
            let (ticks, media) = (segment.rtp_ticks(frame.unit.ticks, clock_rate), lane.media);
            let result = lane.sender.send(&frame.payload, ticks, |packet| {
                sent += 1;
                out(media, packet);
            });
            // A sample that no decoder could use either is left out; the rest of the file may be good.
            if let Err(error) = result {
                tracing::debug!(media, sample = frame.unit.sample, %error, "a sample is left out");
            }
            let shown = segment.pace.rendered(frame.unit.length).saturating_abs();
            lane.sent_until = lane.sent_until.max(ticks.saturating_add(shown));
        }
    }

    /// All is sent: the end is when the last sample ends.
    fn end(&mut self, now: Instant, segment: &Segment) -> Progress {
        let due = segment.due(segment.length());
        if due > now {
            return Progress::Wait(due);
        }
        self.rest(now, segment, segment.length(), true);
        Progress::Ended
    }

    /// What a sender report for a media says at `now`, which is `wall` by the wall clock; `None` while nothing is played.
    pub(crate) fn report(
        &self,
        media: usize,
        now: Instant,
        wall: SystemTime,
    ) -> Option<SenderReport> {
        let State::Playing(segment) = self.state else {
            return None;
        };
        let sender = &self.lanes.iter().find(|lane| lane.media == media)?.sender;
        let (packet_count, octet_count) = sender.counts();
        let offset = segment.offset_at(now).min(segment.length());
        let at = nanos(whole_ticks(to_duration(offset)));
        let wall = wall
            .checked_sub(segment.pace.delivery(offset - at))
            .unwrap_or(wall);
        let clock_rate = sender.clock_rate();
        let shown = segment.rtp_ticks(rescale(segment.from, SECOND, clock_rate), clock_rate);
        let ticks = shown.saturating_add(rescale(at, SECOND, clock_rate));
        Some(SenderReport {
            ssrc: sender.ssrc(),
            wall,
            rtp_timestamp: sender.timestamp(ticks),
            packet_count,
            octet_count,
        })
    }
}
