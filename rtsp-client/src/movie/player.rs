//! A movie as packets, each with the time at which it is due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use rtp_core::timestamp::rescale;
use rtsp_session::random::Random;
use sdp::Description;

use super::MediaSender;
use super::MediaStart;
use super::RtpFormat;
use super::describe;
use super::playable_tracks;
use super::samples_together;
use crate::mp4::MovieFile;
use crate::mp4::ticks_to_duration;

/// Why a movie cannot be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayerError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] crate::mp4::Error),
    /// A sample cannot be put into packets.
    #[error("a sample cannot be put into packets: {0}")]
    Packetize(#[from] rtp_core::Error),
    /// The file has no track that RTP has a format for.
    #[error("no track of this file can be sent over RTP")]
    NoTracks,
}

/// A packet and when to send it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DuePacket {
    /// The media's index in the description.
    pub media: usize,
    /// When it is due, since the start.
    pub due: Duration,
    /// The whole RTP packet.
    pub packet: Bytes,
}

/// One track on its way.
#[derive(Debug)]
struct Lane {
    track: usize,
    sender: MediaSender,
    first: u32,
    next: u32,
}

/// Plays a movie: its packets in the order in which they are due, once or for ever.
#[derive(Debug)]
pub struct MoviePlayer {
    movie: Arc<MovieFile>,
    description: Description,
    lanes: Vec<Lane>,
    looping: bool,
    /// Where the present round begins, since the start.
    round: Duration,
    sample: BytesMut,
    ready: VecDeque<DuePacket>,
}

impl MoviePlayer {
    /// At the start of the movie. `name` is the name of the session.
    ///
    /// # Errors
    ///
    /// When no track can be sent.
    pub fn new(
        movie: Arc<MovieFile>,
        name: &str,
        looping: bool,
        random: &mut Random,
    ) -> Result<Self, PlayerError> {
        let mut lanes = Vec::new();
        for number in playable_tracks(&movie) {
            let Some(track) = movie.tracks().get(number) else {
                continue;
            };
            let Some(format) = RtpFormat::of(track.config(), lanes.len()) else {
                continue;
            };
            // What lies before the start is an encoder's priming, or was cut away.
            let mut first = track.find(Duration::ZERO);
            if track.config().is_video() {
                first = track.random_access_at_or_before(first);
            }
            lanes.push(Lane {
                track: number,
                sender: MediaSender::new(format, MediaStart::random(random))?,
                first,
                next: first,
            });
        }
        if lanes.is_empty() {
            return Err(PlayerError::NoTracks);
        }
        Ok(Self {
            description: describe(&movie, name),
            movie,
            lanes,
            looping,
            round: Duration::ZERO,
            sample: BytesMut::new(),
            ready: VecDeque::new(),
        })
    }

    /// What is played: one media for each track that RTP has a format for.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// For each media its SSRC and the RTP timestamp of the start, for [`Recording::anchor`](crate::Recording::anchor).
    pub fn anchors(&self) -> impl Iterator<Item = (u32, u32)> {
        self.lanes
            .iter()
            .map(|lane| (lane.sender.ssrc(), lane.sender.timestamp(0)))
    }

    /// The next packet; `None` at the end of a movie that is played once.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or a sample cannot be put into packets.
    pub fn pop(&mut self) -> Result<Option<DuePacket>, PlayerError> {
        loop {
            if let Some(packet) = self.ready.pop_front() {
                return Ok(Some(packet));
            }
            let next = self
                .lanes
                .iter()
                .enumerate()
                .filter_map(|(at, lane)| Some((self.due(lane)?, at)));
            match next.min() {
                Some((due, at)) => self.make(at, due)?,
                None if self.looping && !self.movie.duration().is_zero() => {
                    self.round += self.movie.duration();
                    for lane in &mut self.lanes {
                        lane.next = lane.first;
                    }
                }
                None => return Ok(None),
            }
        }
    }

    /// When the next sample of a lane is due.
    fn due(&self, lane: &Lane) -> Option<Duration> {
        let track = self.movie.tracks().get(lane.track)?;
        let sample = track.sample(lane.next)?;
        let ticks = sample.decode_time.max(0);
        Some(self.round + ticks_to_duration(ticks, track.timescale()))
    }

    /// Makes the packets of the next sample of a lane.
    fn make(&mut self, at: usize, due: Duration) -> Result<(), PlayerError> {
        let Some(lane) = self.lanes.get_mut(at) else {
            return Ok(());
        };
        let track = self.movie.tracks().get(lane.track);
        let Some((track, sample)) = track.and_then(|t| Some((t, t.sample(lane.next)?))) else {
            return Ok(());
        };
        let count = samples_together(track, lane.next, track.sample_count());
        self.sample.clear();
        self.movie
            .read_samples(lane.track, lane.next, count, &mut self.sample)?;
        lane.next += count;
        if self.sample.is_empty() {
            return Ok(());
        }
        let clock_rate = lane.sender.clock_rate();
        let round = rtp_core::timestamp::from_duration(self.round, clock_rate);
        let shown = rescale(sample.presentation_time, track.timescale(), clock_rate);
        // Only the low 32 bits count in the end.
        let ticks = shown.wrapping_add(round as i64);
        let ready = &mut self.ready;
        lane.sender.send(&self.sample, ticks, |packet| {
            ready.push_back(DuePacket {
                media: at,
                due,
                packet,
            });
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
