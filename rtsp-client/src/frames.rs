//! Frames instead of packets.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use rtp_core::Frame;
use rtp_core::Parameters;
use rtsp_session::client::PlayRequest;
use rtsp_session::media::Alignment;
use rtsp_session::media::Place;

use crate::Error;
use crate::Event;
use crate::Interruption;
use crate::MediaPacket;
use crate::Playing;
use unpacker::Unpacker;

mod unpacker;

/// A frame of one media.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MediaFrame {
    /// The media's index in the description.
    pub media: usize,
    /// The source that it came from; most media have but one.
    pub ssrc: u32,
    /// The frame.
    pub frame: Frame,
    /// Where it lies in time, on the clock that all media share.
    pub place: Option<Place>,
}

/// What happens while frames are read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FrameEvent {
    /// A frame.
    Frame(MediaFrame),
    /// As [`Event::Interrupted`].
    Interrupted {
        /// What happened.
        reason: Interruption,
        /// The number of the next attempt in this row, from 1.
        attempt: u32,
        /// How long the next attempt waits.
        wait: Duration,
    },
    /// As [`Event::Resumed`]. The places of later frames go on after those of earlier ones, with the time of the outage between.
    Resumed {
        /// Whether the presentation still has the same media and formats.
        same_formats: bool,
    },
}

/// The frames of a presentation that plays.
///
/// Media whose format has no depacketizer yield nothing; [`is_readable`](Self::is_readable) tells which.
#[derive(Debug)]
pub struct Frames {
    playing: Playing,
    media: Vec<Option<Unpacker>>,
    ready: VecDeque<FrameEvent>,
    /// Until when frames are held back for a better alignment; set by the first frame.
    hold: Hold,
    patience: Option<Duration>,
    joint: Joint,
}

/// How the frames of a session are placed after those of the sessions before it.
#[derive(Clone, Copy, Debug, Default)]
struct Joint {
    /// Seconds that are added in this session.
    shift: f64,
    /// The latest place so far, and when it was given.
    latest: Option<(f64, Instant)>,
    /// A new session has had no frame yet.
    open: bool,
    /// Where the first frame of a new session belongs, until it is placed.
    resume_at: Option<f64>,
}

/// Whether frames wait for a better alignment of their media.
#[derive(Clone, Copy, Debug)]
enum Hold {
    No,
    For(Duration),
    Until(Instant),
}

impl Frames {
    pub(crate) fn new(playing: Playing) -> Self {
        Self {
            media: Self::unpackers(&playing),
            playing,
            ready: VecDeque::new(),
            hold: Hold::No,
            patience: None,
            joint: Joint::default(),
        }
    }

    fn unpackers(playing: &Playing) -> Vec<Option<Unpacker>> {
        let unpacker = |media: &sdp::Media| Unpacker::new(media.formats.first()?);
        playing.description().media.iter().map(unpacker).collect()
    }

    /// Holds the first frames back until all media have begun and the server's reports align them exactly, but not longer than
    /// `patience`. For those who write files: without it, frames come at once, aligned by what is known then.
    #[must_use]
    pub fn aligned(mut self, patience: Duration) -> Self {
        self.hold = Hold::For(patience);
        self.patience = Some(patience);
        self
    }

    /// The next frame; `None` when the presentation is over.
    ///
    /// Cancel-safe: a cancelled call has lost nothing.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    #[allow(clippy::should_implement_trait)] // It is the async form of it.
    pub async fn next(&mut self) -> Result<Option<MediaFrame>, Error> {
        loop {
            match self.next_event().await? {
                Some(FrameEvent::Frame(frame)) => return Ok(Some(frame)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next frame, or an interruption of the presentation; `None` when it is over.
    ///
    /// Cancel-safe: a cancelled call has lost nothing.
    ///
    /// # Errors
    ///
    /// When the connection breaks; with [`Options::reconnect`](crate::Options::reconnect), when it is given up.
    pub async fn next_event(&mut self) -> Result<Option<FrameEvent>, Error> {
        loop {
            self.release();
            let held = match self.hold {
                Hold::Until(until) => Some(until),
                _ => None,
            };
            if held.is_none()
                && let Some(event) = self.ready.pop_front()
            {
                return Ok(Some(event));
            }
            let event = match held {
                Some(until) => {
                    let next = self.playing.next_event();
                    match tokio::time::timeout_at(until.into(), next).await {
                        Ok(event) => event?,
                        Err(_) => continue,
                    }
                }
                None => self.playing.next_event().await?,
            };
            match event {
                Some(event) => self.take(event),
                None if self.ready.is_empty() => return Ok(None),
                None => self.let_go(),
            }
        }
    }

    /// Ends the holding back if there is no more to wait for.
    fn release(&mut self) {
        if let Hold::Until(until) = self.hold {
            let timeline = self.playing.timeline();
            let best = timeline.all_begun() && timeline.best() == Some(Alignment::SenderReports);
            if best || until <= Instant::now() {
                self.let_go();
            }
        }
    }

    fn let_go(&mut self) {
        self.hold = Hold::No;
        let mut ready = std::mem::take(&mut self.ready);
        for event in &mut ready {
            if let FrameEvent::Frame(held) = event
                && held.place.is_none()
            {
                held.place = self.place(held.media, held.ssrc, held.frame.timestamp);
            }
        }
        self.ready = ready;
    }

    /// Where a frame lies, counted over all sessions.
    fn place(&mut self, media: usize, ssrc: u32, timestamp: u32) -> Option<Place> {
        let mut place = self.playing.timeline().place(media, ssrc, timestamp)?;
        let joint = &mut self.joint;
        if let Some(at) = joint.resume_at.take() {
            joint.shift = at - place.seconds;
        }
        if joint.shift != 0.0 {
            let clock_rate = self.media.get(media)?.as_ref()?.clock_rate();
            let ticks = (joint.shift * f64::from(clock_rate)).round();
            place.ticks = place.ticks.saturating_add(ticks as i64);
            place.seconds += joint.shift;
        }
        if joint
            .latest
            .is_none_or(|(latest, _)| latest < place.seconds)
        {
            joint.latest = Some((place.seconds, Instant::now()));
        }
        Some(place)
    }

    /// Another session has taken the place of the one before.
    fn resume(&mut self) {
        self.media = Self::unpackers(&self.playing);
        self.hold = self.patience.map_or(Hold::No, Hold::For);
        self.joint.open = true;
    }

    /// As [`Playing::seek`]: frames of what played before are not handed out any more.
    ///
    /// # Errors
    ///
    /// See there.
    pub async fn seek(&mut self, request: &PlayRequest) -> Result<(), Error> {
        self.playing.seek(request).await?;
        let of_media = |event: &FrameEvent| matches!(event, FrameEvent::Frame(_));
        self.ready.retain(|event| !of_media(event));
        for unpacker in self.media.iter_mut().flatten() {
            unpacker.forget();
        }
        Ok(())
    }

    /// Whether frames of this media can be read out of its packets.
    #[must_use]
    pub fn is_readable(&self, media: usize) -> bool {
        matches!(self.media.get(media), Some(Some(_)))
    }

    /// What is known by now about the coding of a media: size, sample rate, parameter sets.
    #[must_use]
    pub fn parameters(&self, media: usize) -> Option<&Parameters> {
        self.media.get(media)?.as_ref()?.parameters()
    }

    /// Packets of a media that could not be read.
    #[must_use]
    pub fn errors(&self, media: usize) -> u64 {
        let unpacker = self.media.get(media).and_then(Option::as_ref);
        unpacker.map_or(0, |unpacker| unpacker.errors)
    }

    /// The presentation underneath.
    #[must_use]
    pub fn playing(&self) -> &Playing {
        &self.playing
    }

    /// The presentation underneath.
    pub fn playing_mut(&mut self) -> &mut Playing {
        &mut self.playing
    }

    /// Ends the session and waits for the server's answer, but not for long.
    pub async fn close(self) {
        self.playing.close().await;
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Packet(packet) => self.unpack(&packet),
            Event::Lost {
                media, ssrc, count, ..
            } => {
                if let Some(Some(unpacker)) = self.media.get_mut(media) {
                    unpacker.lost(ssrc, count);
                }
            }
            Event::Interrupted {
                reason,
                attempt,
                wait,
            } => {
                // What was held back is not to be aligned any better.
                self.let_go();
                self.ready.push_back(FrameEvent::Interrupted {
                    reason,
                    attempt,
                    wait,
                });
            }
            Event::Resumed { same_formats } => {
                self.resume();
                self.ready.push_back(FrameEvent::Resumed { same_formats });
            }
            _ => {}
        }
    }

    fn unpack(&mut self, packet: &MediaPacket) {
        let media = packet.media;
        let ssrc = packet.packet.ssrc();
        let Some(Some(unpacker)) = self.media.get_mut(media) else {
            return;
        };
        unpacker.push(&packet.packet);
        while let Some(frame) = self.pop(media) {
            if let Hold::For(patience) = self.hold {
                self.hold = Hold::Until(Instant::now() + patience);
            }
            if std::mem::take(&mut self.joint.open) {
                let resume_at = |(latest, at): (f64, Instant)| latest + at.elapsed().as_secs_f64();
                self.joint.resume_at = self.joint.latest.map(resume_at);
            }
            let place = match self.hold {
                Hold::No => self.place(media, ssrc, frame.timestamp),
                _ => None,
            };
            self.ready.push_back(FrameEvent::Frame(MediaFrame {
                media,
                ssrc,
                frame,
                place,
            }));
        }
    }

    fn pop(&mut self, media: usize) -> Option<Frame> {
        self.media.get_mut(media)?.as_mut()?.pop()
    }
}
