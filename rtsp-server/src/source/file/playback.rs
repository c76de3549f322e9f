mod delivery;

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use rtsp_client::movie::MediaStart;
use rtsp_client::movie::playable_tracks;
use rtsp_client::mp4::MovieFile;
use rtsp_client::mp4::Track;

pub(crate) use delivery::Progress;

use super::lane::Lane;
use super::lane::SECOND;
use super::lane::rescale;
use super::length_of;
use super::pace::Pace;
use super::segment::Segment;
use super::segment::nanos;
use super::segment::to_duration;
use super::wish::End;
use super::wish::MediaPosition;
use super::wish::PlayError;
use super::wish::PlayStart;
use super::wish::SeekPolicy;
use super::wish::Wish;
use crate::source::SourceError;
use crate::source::sender;

/// One session that plays a file: says which packets are due by a given time. Looks at no clock, and never reads.
#[derive(Debug)]
pub(crate) struct FilePlayback {
    movie: Arc<MovieFile>,
    lanes: Vec<Lane>,
    duration: Duration,
    state: State,
    /// Media came or went since it played last: it has to be sought anew.
    rearranged: bool,
    /// Counts jumps: what was asked to be read before one is of no use after it.
    generation: u64,
    reading: bool,
    /// The most payload that packets of a media may have, where its peer said so.
    payloads: Vec<(usize, usize)>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Ready,
    Playing(Segment),
    Resting(Rest),
}

/// Nothing is sent.
#[derive(Debug, Clone, Copy)]
struct Rest {
    /// Where a PLAY without a start goes on, in nanoseconds of the media.
    at: i64,
    /// What was played, as it is from here on; and whether it can be gone on with without a jump.
    segment: Segment,
    in_place: bool,
    since: Instant,
    /// All of the range was sent.
    ended: bool,
}

impl FilePlayback {
    /// A session of the media that [`choose`](Self::choose) says.
    pub(crate) fn new(movie: Arc<MovieFile>) -> Self {
        Self {
            movie,
            lanes: Vec::new(),
            duration: Duration::ZERO,
            state: State::Ready,
            rearranged: false,
            generation: 0,
            reading: false,
            payloads: Vec::new(),
        }
    }

    /// Says the most payload that packets of a media shall have, in octets (RFC 7826 §18.10).
    pub(crate) fn limit_payload(&mut self, media: usize, octets: usize) {
        self.payloads.retain(|(of, _)| *of != media);
        self.payloads.push((media, octets));
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.media == media) {
            lane.sender.limit_payload(octets);
        }
    }

    /// Says which media are played, by index in the description, each with the numbers that it begins with if it was not played
    /// before. `false` for a media that is not in the file.
    ///
    /// # Errors
    /// When there is no packetizer for one of them.
    pub(crate) fn choose(&mut self, media: &[(usize, MediaStart)]) -> Result<bool, SourceError> {
        let known = |lane: &Lane| media.iter().any(|(index, _)| *index == lane.media);
        let before = self.lanes.len();
        self.lanes.retain(known);
        self.rearranged |= self.lanes.len() != before;
        if self.rearranged {
            // The places of the others have changed: what is being read is not for them.
            self.generation += 1;
            self.reading = false;
        }
        let tracks = playable_tracks(&self.movie);
        for &(index, start) in media {
            if self.lanes.iter().any(|lane| lane.media == index) {
                continue;
            }
            let track = tracks.get(index).copied();
            let Some((number, track)) =
                track.and_then(|number| Some((number, self.movie.tracks().get(number)?)))
            else {
                return Ok(false);
            };
            let config = track.config();
            let mut sender = sender(config, index, start)?;
            if let Some((_, octets)) = self.payloads.iter().find(|(of, _)| *of == index) {
                sender.limit_payload(*octets);
            }
            self.lanes
                .push(Lane::new(index, number, config.is_video(), sender));
            self.rearranged = true;
        }
        let chosen: Vec<_> = self.lanes.iter().map(|lane| lane.media).collect();
        self.duration = length_of(&self.movie, &chosen);
        Ok(true)
    }

    fn track(&self, lane: &Lane) -> Option<&Track> {
        self.movie.tracks().get(lane.track)
    }

    fn has_video(&self) -> bool {
        self.lanes.iter().any(|lane| lane.video)
    }

    /// Plays what is wished for.
    ///
    /// Sequence numbers go on by one over all. RTP time goes on where it was when something else is played in the middle of
    /// playing, and for as long as nothing was sent after a pause or an end (RFC 7826 §C.3, §C.4).
    ///
    /// # Errors
    /// When the range is not within the file; nothing is changed then.
    pub(crate) fn play(&mut self, now: Instant, wish: &Wish) -> Result<PlayStart, PlayError> {
        let pace = wish.pace(self.pace(), self.has_video());
        let here = self.position_nanos(now);
        if let (None, End::At(end), true) = (wish.start, wish.end, wish.goes_on) {
            // Whether the new end has passed already (RFC 7826 §13.4.3).
            let end = nanos(end);
            let passed = match pace.backwards() {
                true => end >= here,
                false => end <= here,
            };
            if passed {
                return Ok(self.stop_at(now, end, wish.policy));
            }
        }
        let begins = wish.start.map_or(here, nanos);
        let end = self.end_of(wish, pace);
        self.check(begins, end, wish, pace)?;
        let stays = match (wish.start, wish.policy) {
            (None, _) => true,
            (Some(start), SeekPolicy::CoRap) => {
                self.is_nearer(here, start) && self.check(here, end, wish, pace).is_ok()
            }
            (Some(_), _) => false,
        };
        let begins = if stays { here } else { begins };
        let (mut segment, policy) = self.position_at(now, wish, begins, stays, pace);
        let wait = wish
            .not_before
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        segment.anchor += wait;
        segment.elapsed = segment.elapsed.saturating_add(nanos(wait));
        segment.to = end;
        if pace.backwards() && segment.from <= end && end > 0 {
            // No point of random access lies between: nothing is shown in this time.
            segment.from = begins;
        }
        for lane in &mut self.lanes {
            if let Some(track) = self.movie.tracks().get(lane.track) {
                lane.set_end(track, to_duration(end));
            }
        }
        self.generation += 1;
        self.reading = false;
        self.rearranged = false;
        self.state = State::Playing(segment);
        Ok(PlayStart {
            start: to_duration(segment.from),
            end: to_duration(end),
            policy,
            pace,
            passed: false,
        })
    }

    fn pace(&self) -> Pace {
        match self.state {
            State::Ready => Pace::NORMAL,
            State::Playing(segment) | State::Resting(Rest { segment, .. }) => segment.pace,
        }
    }

    /// Where the wish ends, in nanoseconds.
    fn end_of(&self, wish: &Wish, pace: Pace) -> i64 {
        let whole = match pace.backwards() {
            true => 0,
            false => nanos(self.duration),
        };
        match (wish.end, self.state) {
            (End::At(end), _) => nanos(end.min(self.duration)),
            (
                End::Kept,
                State::Playing(segment)
                | State::Resting(Rest {
                    segment,
                    ended: false,
                    ..
                }),
            ) if segment.pace.backwards() == pace.backwards() => segment.to,
            _ => whole,
        }
    }

    /// Whether there is anything to play from `begins` to `end` (RFC 7826 §13.4.1, §18.40).
    fn check(&self, begins: i64, end: i64, wish: &Wish, pace: Pace) -> Result<(), PlayError> {
        let length = nanos(self.duration);
        let valid = match pace.backwards() {
            true => end < begins && begins <= length,
            // An end beyond that of the media is as good as that.
            false => begins < length && end > begins,
        };
        let asked = match wish.end {
            End::At(end) => pace.backwards() || nanos(end) > begins,
            _ => true,
        };
        match valid && asked {
            true => Ok(()),
            false => Err(PlayError::InvalidRange {
                duration: self.duration,
            }),
        }
    }

    /// Goes to where the wish begins, or `stays` where it is, and says under which policy.
    fn position_at(
        &mut self,
        now: Instant,
        wish: &Wish,
        begins: i64,
        stays: bool,
        pace: Pace,
    ) -> (Segment, SeekPolicy) {
        // Going on with the next unit is named so to those who know the word (RFC 7826 §18.47, CoRAP).
        let going_on = match wish.policy {
            SeekPolicy::CoRap => SeekPolicy::Next,
            policy => policy,
        };
        if let Some(segment) = self.go_on(now, pace).filter(|_| stays) {
            return (segment, going_on);
        }
        let policy = match wish.start {
            Some(_) if stays => going_on,
            _ => wish.policy,
        };
        self.lanes
            .iter_mut()
            .for_each(|lane| lane.sender.mark_next());
        (self.jump(now, begins, policy, pace), policy)
    }

    /// Whether the place where it is is nearer to `start` than the random-access point before that (RFC 7826 §18.47, CoRAP).
    fn is_nearer(&self, here: i64, start: Duration) -> bool {
        let point = self
            .lanes
            .iter()
            .filter(|lane| lane.video)
            .filter_map(|lane| {
                let track = self.track(lane)?;
                let point = track.sample(track.find_random_access(start))?;
                Some(rescale(point.presentation_time, track.timescale(), SECOND))
            })
            .min();
        let start = nanos(start);
        point.is_some_and(|point| here.abs_diff(start) <= point.abs_diff(start))
    }

    /// What is played going on from where it is, without a jump; `None` where that cannot be.
    fn go_on(&mut self, now: Instant, pace: Pace) -> Option<Segment> {
        if self.rearranged || !self.pace().same_scale(pace) {
            return None;
        }
        match self.state {
            State::Ready => None,
            State::Playing(segment) => {
                let offset = segment.offset_at(now).min(segment.length());
                Some(segment.resumed(offset, Duration::ZERO, now, pace))
            }
            State::Resting(rest) if rest.in_place => {
                self.lanes
                    .iter_mut()
                    .for_each(|lane| lane.sender.mark_next());
                let halted = now.saturating_duration_since(rest.since);
                Some(rest.segment.resumed(0, halted, now, pace))
            }
            State::Resting(_) => None,
        }
    }

    /// Goes elsewhere in the file.
    fn jump(&mut self, now: Instant, to: i64, policy: SeekPolicy, pace: Pace) -> Segment {
        let elapsed = self.rtp_elapsed(now);
        let time = to_duration(to);
        let movie = Arc::clone(&self.movie);
        let mut seek = |video: bool, time: Duration, policy: SeekPolicy| {
            let lanes = self.lanes.iter_mut().filter(|lane| lane.video == video);
            let firsts = lanes.filter_map(|lane| {
                let track = movie.tracks().get(lane.track)?;
                lane.set_pace(pace);
                lane.seek(track, time, policy)
            });
            firsts.min()
        };
        let video = seek(true, time, policy);
        // Sound begins with the picture; where everything comes from the time on, there.
        let (sound_time, sound_policy) = match (video, policy) {
            (_, SeekPolicy::Next) => (time, policy),
            (Some(video), _) => (to_duration(video.min(to)), SeekPolicy::Rap),
            (None, _) => (time, policy),
        };
        let sound = seek(false, sound_time, sound_policy);
        let from = match (policy, video) {
            (SeekPolicy::Next, _) => video.into_iter().chain(sound).min().unwrap_or(to).max(to),
            (_, Some(video)) => video.min(to),
            (SeekPolicy::FirstPrior, None) => sound.unwrap_or(to).min(to),
            (_, None) => to,
        };
        Segment {
            from,
            to: from,
            anchor: now,
            elapsed,
            pace,
        }
    }

    /// The RTP time at which something new begins: never before what was sent ends. With frames that are sent before they are
    /// shown, that is a little ahead.
    fn rtp_elapsed(&self, now: Instant) -> i64 {
        let sent = self
            .lanes
            .iter()
            .map(|lane| rescale(lane.sent_until, lane.sender.clock_rate(), SECOND));
        let shown = match self.state {
            State::Ready => 0,
            State::Playing(segment) => {
                segment.elapsed + segment.offset_at(now).min(segment.length())
            }
            State::Resting(rest) => rest
                .segment
                .elapsed
                .saturating_add(nanos(now.saturating_duration_since(rest.since))),
        };
        sent.max().unwrap_or(0).max(shown)
    }

    /// For RTP-Info: each media in the order in which they were set up, with the RTP timestamp of a time of the presentation.
    pub(crate) fn positions(&self, at: Duration) -> Vec<MediaPosition> {
        let segment = match self.state {
            State::Ready => return Vec::new(),
            State::Playing(segment) | State::Resting(Rest { segment, .. }) => segment,
        };
        let media = self.lanes.iter().map(|lane| {
            let sender = &lane.sender;
            let clock_rate = sender.clock_rate();
            let ticks = segment.rtp_ticks(rescale(nanos(at), SECOND, clock_rate), clock_rate);
            MediaPosition {
                media: lane.media,
                ssrc: sender.ssrc(),
                sequence: sender.next_sequence(),
                rtp_timestamp: sender.timestamp(ticks),
            }
        });
        media.collect()
    }

    /// Stops, and answers where: a PLAY without a start goes on from there, without a gap or a repetition.
    pub(crate) fn pause(&mut self, now: Instant) -> Duration {
        if let State::Playing(segment) = self.state {
            // What is late was not sent yet, and comes after the pause.
            let unsent = self.next_due(&segment).map(|(offset, _)| offset);
            let offset = segment
                .offset_at(now)
                .min(segment.length())
                .min(unsent.unwrap_or(i64::MAX))
                .max(0);
            self.rest(now, &segment, offset, false);
        }
        self.position(now)
    }

    fn rest(&mut self, now: Instant, segment: &Segment, offset: i64, ended: bool) {
        let rest = segment.resumed(offset, Duration::ZERO, now, segment.pace);
        self.state = State::Resting(Rest {
            at: rest.from,
            segment: rest,
            in_place: true,
            since: now,
            ended,
        });
    }

    /// Stops at once. A PLAY without a start goes on from `at`, wherever it was.
    pub(crate) fn pause_at(&mut self, now: Instant, at: Duration) {
        self.pause(now);
        if let State::Resting(rest) = &mut self.state {
            let at = nanos(at.min(self.duration));
            rest.in_place &= rest.at == at;
            rest.at = at;
        }
    }

    /// The end that is asked for has passed: it stops, and that end is where it is (RFC 7826 §13.4.3).
    fn stop_at(&mut self, now: Instant, end: i64, policy: SeekPolicy) -> PlayStart {
        let (from, pace) = match self.state {
            State::Playing(segment) | State::Resting(Rest { segment, .. }) => {
                (segment.from, segment.pace)
            }
            State::Ready => (0, Pace::NORMAL),
        };
        self.pause_at(now, to_duration(end));
        if let State::Resting(rest) = &mut self.state {
            rest.ended = true;
        }
        PlayStart {
            start: to_duration(match pace.backwards() {
                true => from.max(end),
                false => from.min(end),
            }),
            end: to_duration(end),
            policy,
            pace,
            passed: true,
        }
    }

    /// What is played at the moment, as if it had been asked for just now.
    pub(crate) fn present(&self, now: Instant) -> Option<PlayStart> {
        let State::Playing(segment) = self.state else {
            return None;
        };
        Some(PlayStart {
            start: to_duration(segment.position(now)),
            end: to_duration(segment.to),
            policy: SeekPolicy::Rap,
            pace: segment.pace,
            passed: false,
        })
    }

    /// Ends what plays at another time than was asked for, which lies ahead. `false` where it does not.
    pub(crate) fn end_at(&mut self, now: Instant, end: Duration) -> bool {
        let at = nanos(end);
        let State::Playing(segment) = &mut self.state else {
            return false;
        };
        let offset = segment.offset(at);
        if offset <= segment.offset_at(now) || offset > segment.length() {
            return false;
        }
        segment.to = at;
        for lane in &mut self.lanes {
            if let Some(track) = self.movie.tracks().get(lane.track) {
                lane.set_end(track, end);
            }
        }
        self.generation += 1;
        self.reading = false;
        true
    }

    /// What is played at the moment: where it began and where it will end.
    pub(crate) fn playing(&self) -> Option<(Duration, Duration)> {
        match self.state {
            State::Playing(segment) => Some((to_duration(segment.from), to_duration(segment.to))),
            _ => None,
        }
    }

    /// Where it is in the presentation.
    pub(crate) fn position(&self, now: Instant) -> Duration {
        to_duration(self.position_nanos(now))
    }

    fn position_nanos(&self, now: Instant) -> i64 {
        match self.state {
            State::Ready => 0,
            State::Playing(segment) => segment.position(now),
            State::Resting(rest) => rest.at,
        }
    }

    /// Begins a media anew with other numbers, as is due after its BYE. No matter in which state.
    pub(crate) fn restart_media(&mut self, media: usize, start: MediaStart) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.media == media) {
            lane.sender.restart(start);
        }
    }
}
