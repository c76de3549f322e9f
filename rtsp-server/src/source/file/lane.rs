use std::collections::VecDeque;
use std::time::Duration;

use rtsp_client::movie::MediaSender;
use rtsp_client::movie::samples_together;
use rtsp_client::mp4::MovieFile;
use rtsp_client::mp4::Track;

use super::read::Frame;
use super::read::Unit;

/// One media of a session: how far its track was read and sent.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) media: usize,
    pub(super) track: usize,
    pub(super) sender: MediaSender,
    /// The next sample to be read, and the first that is not to be.
    next: u32,
    end: u32,
    /// Samples that are shown earlier than this, in ticks of the track, are left out: they refer to what was not sent.
    earliest: i64,
    pub(super) queue: VecDeque<Frame>,
    /// The end of what was sent, in ticks of the RTP clock since the start of the session.
    pub(super) sent_until: i64,
}

/// Ticks of one clock in those of another, rounded to the nearest.
pub(super) fn rescale(ticks: i64, from: u32, to: u32) -> i64 {
    let from = i128::from(from.max(1));
    let scaled = (i128::from(ticks) * i128::from(to) + from / 2).div_euclid(from);
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

/// One second, in the nanoseconds in which play time is counted.
pub(super) const SECOND: u32 = 1_000_000_000;

impl Lane {
    pub(super) const fn new(media: usize, track: usize, sender: MediaSender) -> Self {
        Self {
            media,
            track,
            sender,
            next: 0,
            end: 0,
            earliest: i64::MIN,
            queue: VecDeque::new(),
            sent_until: 0,
        }
    }

    /// Goes to the random-access point at or before `time`. When that is shown, in nanoseconds.
    pub(super) fn seek_video(&mut self, track: &Track, time: Duration) -> i64 {
        self.queue.clear();
        self.next = track.find_random_access(time);
        self.earliest = track
            .sample(self.next)
            .map_or(0, |sample| sample.presentation_time);
        rescale(self.earliest, track.timescale(), SECOND)
    }

    /// Goes to the first sample that begins at `time` or later.
    pub(super) fn seek_audio(&mut self, track: &Track, time: Duration) {
        self.queue.clear();
        self.earliest = rtsp_client::mp4::duration_to_ticks(time, track.timescale());
        self.next = track.find(time);
        while track
            .sample(self.next)
            .is_some_and(|sample| sample.presentation_time < self.earliest)
        {
            self.next += 1;
        }
    }

    /// Plays to `end`, or to the end of the track.
    pub(super) fn set_end(&mut self, track: &Track, end: Option<Duration>) {
        self.end = end.map_or(track.sample_count(), |end| track.count_before(end));
        self.queue.retain(|frame| frame.unit.sample < self.end);
    }

    /// When the next sample is due that has yet to be read, in nanoseconds of play time.
    pub(super) fn unread_due(&self, track: &Track) -> Option<i64> {
        let sample = (self.next < self.end)
            .then(|| track.sample(self.next))
            .flatten()?;
        Some(rescale(sample.decode_time, track.timescale(), SECOND))
    }

    /// When the next sample is due, read or not.
    pub(super) fn due(&self, movie: &MovieFile) -> Option<i64> {
        match self.queue.front() {
            Some(frame) => Some(frame.unit.due),
            None => self.unread_due(movie.tracks().get(self.track)?),
        }
    }

    /// Takes the next samples to be read, and their size in bytes; passes over those that are not to be sent.
    pub(super) fn take_unit(&mut self, track: &Track, lane: usize) -> Option<(Unit, u32)> {
        while self.next < self.end {
            let first = self.next;
            let sample = track.sample(first)?;
            let count = samples_together(track, first, self.end);
            self.next += count;
            if sample.size == 0 || sample.presentation_time < self.earliest {
                continue;
            }
            let clock_rate = self.sender.clock_rate();
            let length = i64::from(sample.duration).saturating_mul(count.into());
            let unit = Unit {
                lane,
                track: self.track,
                sample: first,
                count,
                due: rescale(sample.decode_time, track.timescale(), SECOND),
                ticks: rescale(sample.presentation_time, track.timescale(), clock_rate),
                end_ticks: rescale(
                    sample.presentation_time.saturating_add(length),
                    track.timescale(),
                    clock_rate,
                ),
            };
            return Some((unit, sample.size.saturating_mul(count)));
        }
        None
    }
}
