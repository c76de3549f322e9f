//! One media of a session: which of its samples come next.

use std::collections::VecDeque;
use std::time::Duration;

use rtsp_client::movie::MediaSender;
use rtsp_client::movie::samples_together;
use rtsp_client::mp4::MovieFile;
use rtsp_client::mp4::Sample;
use rtsp_client::mp4::Track;
use rtsp_client::mp4::duration_to_ticks;

use super::SeekPolicy;
use super::pace::Pace;
use super::read::Frame;
use super::read::Unit;

/// One media of a session: how far its track was read and sent.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) media: usize,
    pub(super) track: usize,
    pub(super) video: bool,
    pub(super) sender: MediaSender,
    walk: Walk,
    /// The next sample to be read, or backwards the one after it; and the same of the first that was not sent.
    next: u32,
    unsent: u32,
    /// The first sample that is not to be read.
    end: u32,
    /// Samples that are shown earlier than this, in ticks of the track, are left out: they refer to what was not sent.
    earliest: i64,
    allowance: Allowance,
    queue: VecDeque<Frame>,
    /// The bytes in the queue.
    pub(super) queued: u64,
    /// The end of what was sent, in ticks of the RTP clock since the start of the session.
    pub(super) sent_until: i64,
}

/// Which samples are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// None: sound that is not played at its own pace is muted (RFC 7826 §18.46).
    Silent,
    /// All of them, in the order of decoding.
    All,
    /// Random-access points, as many as the rate of bytes allows.
    Points,
    /// The same backwards.
    PointsBack,
}

/// The bytes that may be sent so that the rate stays that of normal play (RFC 7826 §18.46).
#[derive(Debug, Clone, Copy, Default)]
struct Allowance {
    /// `None` before the first sample, which is always sent.
    bytes: Option<i64>,
    /// What a second allows.
    most: i64,
    /// The time up to which it has grown, in ticks of the track.
    at: i64,
}

/// Ticks of one clock in those of another, rounded to the nearest.
pub(super) fn rescale(ticks: i64, from: u32, to: u32) -> i64 {
    let from = i128::from(from.max(1));
    let scaled = (i128::from(ticks) * i128::from(to) + from / 2).div_euclid(from);
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

/// One second, in the nanoseconds in which play time is counted.
pub(super) const SECOND: u32 = 1_000_000_000;

impl Allowance {
    /// Of a track from `at` on.
    fn new(track: &Track, at: i64) -> Self {
        let second = i128::from(track.timescale()) * i128::from(track.size());
        let most = second / i128::from(track.end().max(1));
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Self {
            bytes: None,
            most,
            at,
        }
    }

    /// Whether a sample may be sent; if so, it is counted.
    fn take(&mut self, track: &Track, sample: &Sample, pace: Pace) -> bool {
        let passed = pace
            .rendered(sample.presentation_time.saturating_sub(self.at))
            .max(0);
        self.at = sample.presentation_time;
        let second = i128::from(track.timescale().max(1));
        let gained = i128::from(self.most) * i128::from(passed) / second;
        let gained = i64::try_from(gained).unwrap_or(i64::MAX);
        let size = i64::from(sample.size);
        // A sample larger than what a second allows takes its time.
        let most = self.most.max(size);
        let bytes = match self.bytes {
            Some(bytes) => bytes.saturating_add(gained).min(most),
            None => size,
        };
        // Not for the sake of a few bytes.
        let fits = bytes.saturating_add(size / 16) >= size;
        self.bytes = Some(if fits { bytes - size } else { bytes });
        fits
    }
}

impl Lane {
    pub(super) const fn new(media: usize, track: usize, video: bool, sender: MediaSender) -> Self {
        Self {
            media,
            track,
            video,
            sender,
            walk: Walk::Silent,
            next: 0,
            unsent: 0,
            end: 0,
            earliest: i64::MIN,
            allowance: Allowance {
                bytes: None,
                most: 0,
                at: 0,
            },
            queue: VecDeque::new(),
            queued: 0,
            sent_until: 0,
        }
    }

    /// Says how the media are played from the next seek on.
    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.walk = match self.video {
            true if pace.all_frames() => Walk::All,
            true if pace.backwards() => Walk::PointsBack,
            true => Walk::Points,
            false if pace.is_normal_scale() => Walk::All,
            false => Walk::Silent,
        };
    }

    /// Goes to where `policy` says for `time`. When the first sample from there on is shown, in nanoseconds; `None` when there is
    /// none, or when this media goes along with the others.
    pub(super) fn seek(
        &mut self,
        track: &Track,
        time: Duration,
        policy: SeekPolicy,
    ) -> Option<i64> {
        let wanted = duration_to_ticks(time, track.timescale());
        self.earliest = i64::MIN;
        let first = match self.walk {
            Walk::Silent => {
                self.restart_at(0);
                return None;
            }
            Walk::All if policy == SeekPolicy::Next => self.seek_from(track, wanted),
            Walk::All if policy == SeekPolicy::FirstPrior => {
                let shown = track.sample(track.find_shown(time))?.presentation_time;
                self.seek_from(track, shown)
            }
            Walk::All if self.video => {
                let point = track.find_random_access(time);
                self.restart_at(point);
                self.earliest = track.sample(point)?.presentation_time;
                Some(self.earliest)
            }
            // Each sample is a point of random access: those that begin at the time or later.
            Walk::All => self.seek_from(track, wanted),
            Walk::Points => {
                let point = track.find_random_access(time);
                let shown = track.sample(point)?.presentation_time;
                let next = (policy == SeekPolicy::Next && shown < wanted)
                    .then(|| track.random_access_after(point));
                self.restart_at(next.unwrap_or(Some(point)).unwrap_or(u32::MAX));
                Some(track.sample(self.next)?.presentation_time)
            }
            Walk::PointsBack => {
                let point = track.find_random_access(time);
                let shown = track.sample(point)?.presentation_time;
                let there = shown <= wanted;
                self.restart_at(if there { point.saturating_add(1) } else { 0 });
                there.then_some(shown)
            }
        }?;
        self.allowance = Allowance::new(track, first);
        Some(rescale(first, track.timescale(), SECOND))
    }

    fn seek_from(&mut self, track: &Track, wanted: i64) -> Option<i64> {
        let found = track.find_shown_from(wanted);
        self.restart_at(found.map_or(u32::MAX, |(index, _)| index));
        self.earliest = wanted;
        found.map(|(_, shown)| shown)
    }

    fn restart_at(&mut self, next: u32) {
        (self.next, self.unsent) = (next, next);
        self.drop_queue();
    }

    fn drop_queue(&mut self) {
        self.queue.clear();
        self.queued = 0;
    }

    /// Plays to `end`. Backwards the beginning belongs to what is played, any other end does not (RFC 7826 §18.40). What was
    /// read and not sent is read again.
    pub(super) fn set_end(&mut self, track: &Track, end: Duration) {
        self.next = self.unsent;
        self.drop_queue();
        self.end = match self.walk {
            Walk::Silent => 0,
            Walk::All | Walk::Points => track.count_before(end),
            Walk::PointsBack if end.is_zero() => track.find_shown_from(0).map_or(0, |(at, _)| at),
            Walk::PointsBack => {
                let after = duration_to_ticks(end, track.timescale()).saturating_add(1);
                track
                    .find_shown_from(after)
                    .map_or(u32::MAX, |(index, _)| index)
            }
        };
    }

    /// The next sample to be read.
    fn candidate(&self, track: &Track) -> Option<u32> {
        match self.walk {
            Walk::Silent => None,
            Walk::All | Walk::Points => {
                (self.next < self.end.min(track.sample_count())).then_some(self.next)
            }
            Walk::PointsBack => self
                .next
                .checked_sub(1)
                .filter(|&index| index >= self.end && index < track.sample_count()),
        }
    }

    /// What `next` is behind a candidate that was taken, or passed over, with `count` samples.
    fn after(&self, track: &Track, index: u32, count: u32) -> u32 {
        match self.walk {
            Walk::Silent | Walk::All => index.saturating_add(count),
            Walk::Points => track.random_access_after(index).unwrap_or(u32::MAX),
            Walk::PointsBack => {
                let point = index
                    .checked_sub(1)
                    .map(|before| track.random_access_at_or_before(before))
                    .filter(|&point| track.sample(point).is_some_and(|one| one.random_access));
                point.map_or(0, |point| point.saturating_add(1))
            }
        }
    }

    /// When the next sample is due that has yet to be read, in nanoseconds of play time.
    pub(super) fn unread_due(&self, track: &Track) -> Option<i64> {
        let sample = track.sample(self.candidate(track)?)?;
        Some(self.due_time(track, &sample))
    }

    /// Decoders want frames before they are shown. Random-access points alone come in the order in which they are shown.
    fn due_time(&self, track: &Track, sample: &Sample) -> i64 {
        let time = match self.walk {
            Walk::Silent | Walk::All => sample.decode_time,
            Walk::Points | Walk::PointsBack => sample.presentation_time,
        };
        rescale(time, track.timescale(), SECOND)
    }

    /// When the next sample is due, read or not.
    pub(super) fn due(&self, movie: &MovieFile) -> Option<i64> {
        match self.queue.front() {
            Some(frame) => Some(frame.unit.due),
            None => self.unread_due(movie.tracks().get(self.track)?),
        }
    }

    /// Takes the next samples to be read, and their size in bytes; passes over those that are not to be sent.
    pub(super) fn take_unit(
        &mut self,
        track: &Track,
        lane: usize,
        pace: Pace,
    ) -> Option<(Unit, u32)> {
        while let Some(first) = self.candidate(track) {
            let sample = track.sample(first)?;
            let count = match self.walk {
                Walk::All => samples_together(track, first, self.end),
                _ => 1,
            };
            self.next = self.after(track, first, count);
            if sample.size == 0 || sample.presentation_time < self.earliest {
                continue;
            }
            if self.walk != Walk::All && !self.allowance.take(track, &sample, pace) {
                continue;
            }
            let clock_rate = self.sender.clock_rate();
            let length = i64::from(sample.duration).saturating_mul(count.into());
            let unit = Unit {
                lane,
                track: self.track,
                sample: first,
                count,
                next: self.next,
                due: self.due_time(track, &sample),
                ticks: rescale(sample.presentation_time, track.timescale(), clock_rate),
                length: rescale(length, track.timescale(), clock_rate),
            };
            return Some((unit, sample.size.saturating_mul(count)));
        }
        None
    }

    /// Takes what was read.
    pub(super) fn push(&mut self, frame: Frame) {
        self.queued += frame.payload.len() as u64;
        self.queue.push_back(frame);
    }

    /// The next frame to be sent.
    pub(super) fn pop(&mut self) -> Option<Frame> {
        let frame = self.queue.pop_front()?;
        self.queued -= frame.payload.len() as u64;
        self.unsent = frame.unit.next;
        Some(frame)
    }
}
