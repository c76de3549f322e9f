use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use bytes::Bytes;
use rtsp_client::movie::MediaStart;
use rtsp_client::movie::playable_tracks;
use rtsp_client::mp4::MovieFile;

use super::lane::Lane;
use super::lane::SECOND;
use super::lane::rescale;
use super::read::ReadDone;
use super::read::ReadJob;
use crate::source::SenderReport;
use crate::source::SourceError;
use crate::source::sender;
use crate::source::whole_ticks;

/// Reading begins when less than this is at hand, in nanoseconds, and goes on for so long.
const LOW_WATER: i64 = 500_000_000;
const HIGH_WATER: i64 = 1_500_000_000;
/// The most bytes that one job reads, unless a single sample is larger.
const MAX_READ: u64 = 2 << 20;
/// How late the next packet may be before the session's time is held instead of catching up.
const MAX_LATE: Duration = Duration::from_secs(1);

/// One session that plays a file: says which packets are due by a given time. Looks at no clock, and never reads.
#[derive(Debug)]
pub(crate) struct FilePlayback {
    movie: Arc<MovieFile>,
    lanes: Vec<Lane>,
    duration: Duration,
    /// The first PLAY: RTP time counts from here.
    epoch: Option<Instant>,
    state: State,
    /// Counts jumps: what was asked to be read before one is of no use after it.
    generation: u64,
    reading: bool,
}

/// Times of the presentation are in nanoseconds of normal play time, those of the session in nanoseconds since the epoch.
#[derive(Debug, Clone, Copy)]
enum State {
    Ready,
    Playing(Segment),
    Paused(Segment),
    Ended { at: i64 },
}

/// A stretch that is played without a jump. Paused, it begins where it is to go on.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// Where it began, and where it ends.
    from: i64,
    to: i64,
    /// When it began.
    anchor: Instant,
    /// When it began in the session's time, which RTP timestamps count.
    elapsed: i64,
}

impl Segment {
    fn due(&self, time: i64) -> Instant {
        match u64::try_from(time.saturating_sub(self.from)) {
            Ok(after) => self.anchor + Duration::from_nanos(after),
            Err(_) => self.anchor,
        }
    }

    fn position(&self, now: Instant) -> i64 {
        self.from
            .saturating_add(nanos(now.saturating_duration_since(self.anchor)))
    }

    /// The RTP time, in ticks since the epoch, of a time of the presentation, itself in ticks of the same clock.
    fn rtp_ticks(&self, ticks: i64, clock_rate: u32) -> i64 {
        let start = rescale(self.elapsed, SECOND, clock_rate);
        start
            .saturating_add(ticks)
            .saturating_sub(rescale(self.from, SECOND, clock_rate))
    }
}

/// Where playing really starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlayStart {
    /// For the Range header: for video the random-access point at or before what was asked for.
    pub(crate) start: Duration,
    /// For the Range header.
    pub(crate) end: Duration,
    /// For the RTP-Info header, in the order in which the media were set up.
    pub(crate) media: Vec<MediaPosition>,
}

/// Where one media starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaPosition {
    /// The media, by index.
    pub(crate) media: usize,
    /// Its synchronization source.
    pub(crate) ssrc: u32,
    /// The sequence number of the next packet.
    pub(crate) sequence: u16,
    /// The RTP timestamp of [`PlayStart::start`].
    pub(crate) rtp_timestamp: u32,
}

/// Why a range cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlayError {
    /// It begins at the end or after it, or ends before it begins.
    #[error("the range is not within the {duration:?} of the file")]
    InvalidRange {
        /// How long the media last that are set up.
        duration: Duration,
    },
}

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
    /// A session of these media, by index in the description, each with the numbers it begins with. `None` for a
    /// media that is not in the file.
    ///
    /// # Errors
    /// When there is no packetizer for one of them.
    pub(crate) fn new(
        movie: Arc<MovieFile>,
        media: &[(usize, MediaStart)],
    ) -> Result<Option<Self>, SourceError> {
        let tracks = playable_tracks(&movie);
        let mut lanes = Vec::with_capacity(media.len());
        for &(index, start) in media {
            let Some((&number, track)) = tracks
                .get(index)
                .and_then(|number| Some((number, movie.tracks().get(*number)?)))
            else {
                return Ok(None);
            };
            lanes.push(Lane::new(
                index,
                number,
                sender(track.config(), index, start)?,
            ));
        }
        let duration = lanes
            .iter()
            .filter_map(|lane| movie.tracks().get(lane.track))
            .map(rtsp_client::mp4::Track::duration)
            .max()
            .unwrap_or_default();
        Ok(Some(Self {
            movie,
            lanes,
            duration,
            epoch: None,
            state: State::Ready,
            generation: 0,
            reading: false,
        }))
    }

    /// Plays from `start` to `end`. Without `start` it goes on where it was paused, else begins at the beginning; while it
    /// plays, it plays on. Without `end` it plays to the end that was set before the pause, else to the end of the file.
    ///
    /// Sequence numbers go on by one, RTP time goes on with real time, over pauses and jumps alike (RFC 7826 §C.3, §C.4).
    ///
    /// # Errors
    /// When the range is not within the file; nothing is changed then.
    pub(crate) fn play(
        &mut self,
        now: Instant,
        start: Option<Duration>,
        end: Option<Duration>,
    ) -> Result<PlayStart, PlayError> {
        let begins = start.unwrap_or_else(|| to_duration(self.resume_point(now)));
        let invalid = PlayError::InvalidRange {
            duration: self.duration,
        };
        if begins >= self.duration || end.is_some_and(|end| end <= begins) {
            return Err(invalid);
        }
        let epoch = *self.epoch.get_or_insert(now);
        let session = nanos(now.saturating_duration_since(epoch));
        let mut segment = match (start, self.state) {
            (None, State::Playing(segment)) => segment,
            (None, State::Paused(segment)) => Segment {
                anchor: now,
                elapsed: segment.elapsed.max(session),
                ..segment
            },
            _ => self.jump(now, begins, session),
        };
        if end.is_some()
            || !matches!(
                (start, self.state),
                (None, State::Playing(_) | State::Paused(_))
            )
        {
            self.set_end(end);
            segment.to = nanos(end.map_or(self.duration, |end| end.min(self.duration)));
        }
        if !matches!((start, self.state), (None, State::Playing(_))) {
            self.lanes
                .iter_mut()
                .for_each(|lane| lane.sender.mark_next());
        }
        self.state = State::Playing(segment);
        Ok(self.play_start(now, &segment, start.is_none()))
    }

    /// Where a PLAY without a start begins.
    fn resume_point(&self, now: Instant) -> i64 {
        match self.state {
            State::Playing(segment) => segment.position(now).min(segment.to.saturating_sub(1)),
            State::Paused(segment) => segment.from,
            State::Ready | State::Ended { .. } => 0,
        }
    }

    /// Goes elsewhere in the file: to where all video can be decoded from.
    fn jump(&mut self, now: Instant, to: Duration, session: i64) -> Segment {
        self.generation += 1;
        self.reading = false;
        let mut from = nanos(to);
        for lane in &mut self.lanes {
            if let Some(track) = self
                .movie
                .tracks()
                .get(lane.track)
                .filter(|track| track.config().is_video())
            {
                from = from.min(lane.seek_video(track, to));
            }
        }
        for lane in &mut self.lanes {
            if let Some(track) = self
                .movie
                .tracks()
                .get(lane.track)
                .filter(|track| !track.config().is_video())
            {
                lane.seek_audio(track, to_duration(from));
            }
        }
        // Never earlier than what was sent ends: with frames that are sent before they are shown, that is a little ahead.
        let sent = self
            .lanes
            .iter()
            .map(|lane| rescale(lane.sent_until, lane.sender.clock_rate(), SECOND));
        let elapsed = sent.max().unwrap_or(0).max(session);
        Segment {
            from,
            to: from,
            anchor: now,
            elapsed,
        }
    }

    fn set_end(&mut self, end: Option<Duration>) {
        for lane in &mut self.lanes {
            if let Some(track) = self.movie.tracks().get(lane.track) {
                lane.set_end(track, end);
            }
        }
    }

    fn play_start(&self, now: Instant, segment: &Segment, resumed: bool) -> PlayStart {
        let start = if resumed {
            segment.position(now)
        } else {
            segment.from
        }
        .max(0);
        let media = self.lanes.iter().map(|lane| {
            let sender = &lane.sender;
            let ticks = segment.rtp_ticks(
                rescale(start, SECOND, sender.clock_rate()),
                sender.clock_rate(),
            );
            MediaPosition {
                media: lane.media,
                ssrc: sender.ssrc(),
                sequence: sender.next_sequence(),
                rtp_timestamp: sender.timestamp(ticks),
            }
        });
        PlayStart {
            start: to_duration(start),
            end: to_duration(segment.to),
            media: media.collect(),
        }
    }

    /// Stops, and answers where: a PLAY without a start goes on from there, without a gap or a repetition.
    pub(crate) fn pause(&mut self, now: Instant) -> Duration {
        if let State::Playing(segment) = self.state {
            // What is late was not sent yet, and comes after the pause.
            let unsent = self
                .lanes
                .iter()
                .filter_map(|lane| lane.due(&self.movie))
                .min();
            let at = segment
                .position(now)
                .min(segment.to)
                .min(unsent.unwrap_or(i64::MAX))
                .max(segment.from);
            let elapsed = segment.elapsed + (at - segment.from);
            self.state = State::Paused(Segment {
                from: at,
                elapsed,
                ..segment
            });
        }
        self.position(now)
    }

    /// Where it is in the presentation.
    pub(crate) fn position(&self, now: Instant) -> Duration {
        to_duration(match self.state {
            State::Ready => 0,
            State::Playing(segment) => segment.position(now).min(segment.to),
            State::Paused(segment) => segment.from,
            State::Ended { at } => at,
        })
    }

    /// Begins a media anew with other numbers, as is due after its BYE. No matter in which state.
    pub(crate) fn restart_media(&mut self, media: usize, start: MediaStart) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.media == media) {
            lane.sender.restart(start);
        }
    }

    /// What is to be read next, if it is time. One job at a time: the next comes after [`finish_read`](Self::finish_read).
    pub(crate) fn take_read(&mut self, now: Instant) -> Option<ReadJob> {
        let State::Playing(segment) = self.state else {
            return None;
        };
        let position = segment.position(now);
        let (first, _) = self.next_unread()?;
        if self.reading || first > position.saturating_add(LOW_WATER) {
            return None;
        }
        let mut units = Vec::new();
        let mut size = 0;
        while let Some((due, index)) = self.next_unread() {
            if !units.is_empty() && (due > position.saturating_add(HIGH_WATER) || size >= MAX_READ)
            {
                break;
            }
            let Some(lane) = self.lanes.get_mut(index) else {
                break;
            };
            let Some(track) = self.movie.tracks().get(lane.track) else {
                break;
            };
            if let Some((unit, bytes)) = lane.take_unit(track, index) {
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

    /// When the first sample is due that has yet to be read, and in which lane that is.
    fn next_unread(&self) -> Option<(i64, usize)> {
        let unread = self.lanes.iter().enumerate().filter_map(|(index, lane)| {
            Some((
                lane.unread_due(self.movie.tracks().get(lane.track)?)?,
                index,
            ))
        });
        unread.min()
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
                lane.queue.push_back(frame);
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
            let next = self
                .lanes
                .iter()
                .enumerate()
                .filter_map(|(index, lane)| Some((lane.due(&self.movie)?, index)));
            let Some((time, index)) = next.min() else {
                return self.end(now, &segment);
            };
            let due = segment.due(time);
            if due > now {
                return Progress::Wait(due);
            }
            if sent >= budget {
                return Progress::More;
            }
            if now.saturating_duration_since(due) > MAX_LATE {
                // The peer or the disk was too slow: the session's time stood still meanwhile.
                segment.anchor += now.saturating_duration_since(due);
                self.state = State::Playing(segment);
            }
            let Some(lane) = self.lanes.get_mut(index) else {
                return Progress::Idle;
            };
            let Some(frame) = lane.queue.pop_front() else {
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
            lane.sent_until = lane
                .sent_until
                .max(segment.rtp_ticks(frame.unit.end_ticks, clock_rate));
        }
    }

    /// All is sent: the end is when the last sample ends.
    fn end(&mut self, now: Instant, segment: &Segment) -> Progress {
        let due = segment.due(segment.to);
        if due > now {
            return Progress::Wait(due);
        }
        self.state = State::Ended { at: segment.to };
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
        let now = to_duration(segment.position(now));
        let at = whole_ticks(now);
        let wall = wall.checked_sub(now - at).unwrap_or(wall);
        let position = rescale(nanos(at), SECOND, sender.clock_rate());
        let rtp_timestamp = sender.timestamp(segment.rtp_ticks(position, sender.clock_rate()));
        Some(SenderReport {
            ssrc: sender.ssrc(),
            wall,
            rtp_timestamp,
            packet_count,
            octet_count,
        })
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What is before the start counts as the start.
fn to_duration(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
