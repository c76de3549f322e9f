//! Frames instead of packets.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use rtp_core::Codec;
use rtp_core::Depacketizer;
use rtp_core::Frame;
use rtp_core::Parameters;
use rtsp_session::media::Alignment;
use rtsp_session::media::Place;

use crate::Error;
use crate::Event;
use crate::Playing;

/// A frame of one media.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MediaFrame {
    /// The media's index in the description.
    pub media: usize,
    /// The frame.
    pub frame: Frame,
    /// Where it lies in time, on the clock that all media share.
    pub place: Option<Place>,
}

/// The frames of a presentation that plays.
///
/// Media whose format has no depacketizer yield nothing; [`is_readable`](Self::is_readable) tells which.
#[derive(Debug)]
pub struct Frames {
    playing: Playing,
    media: Vec<Option<Unpacker>>,
    ready: VecDeque<MediaFrame>,
    /// Until when frames are held back for a better alignment; set by the first frame.
    hold: Hold,
}

/// Whether frames wait for a better alignment of their media.
#[derive(Clone, Copy, Debug)]
enum Hold {
    No,
    For(Duration),
    Until(Instant),
}

#[derive(Debug)]
struct Unpacker {
    payload_type: u8,
    depacketizer: Depacketizer,
    errors: u64,
}

impl Frames {
    pub(crate) fn new(playing: Playing) -> Self {
        let unpacker = |media: &sdp::Media| {
            let format = media.formats.first()?;
            let depacketizer = Depacketizer::new(
                Codec::from_encoding_name(&format.encoding),
                format.clock_rate,
                format.channels,
                format.fmtp.as_deref(),
            );
            Some(Unpacker {
                payload_type: format.payload_type,
                depacketizer: depacketizer.ok()?,
                errors: 0,
            })
        };
        let media = playing.description().media.iter().map(unpacker).collect();
        Self {
            playing,
            media,
            ready: VecDeque::new(),
            hold: Hold::No,
        }
    }

    /// Holds the first frames back until all media have begun and the server's reports align them exactly, but not longer than
    /// `patience`. For those who write files: without it, frames come at once, aligned by what is known then.
    #[must_use]
    pub fn aligned(mut self, patience: Duration) -> Self {
        self.hold = Hold::For(patience);
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
            self.release();
            let held = match self.hold {
                Hold::Until(until) => Some(until),
                _ => None,
            };
            if held.is_none()
                && let Some(frame) = self.ready.pop_front()
            {
                return Ok(Some(frame));
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
                Some(event) => self.take(&event),
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
        let timeline = self.playing.timeline();
        for held in &mut self.ready {
            held.place = timeline.place(held.media, held.frame.timestamp);
        }
    }

    /// Whether frames of this media can be read out of its packets.
    #[must_use]
    pub fn is_readable(&self, media: usize) -> bool {
        matches!(self.media.get(media), Some(Some(_)))
    }

    /// What is known by now about the coding of a media: size, sample rate, parameter sets.
    #[must_use]
    pub fn parameters(&self, media: usize) -> Option<&Parameters> {
        self.media.get(media)?.as_ref()?.depacketizer.parameters()
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

    fn take(&mut self, event: &Event) {
        match event {
            Event::Packet(packet) => {
                let media = packet.media;
                let Some(Some(unpacker)) = self.media.get_mut(media) else {
                    return;
                };
                // Cameras mix in packets of other payload types (Geovision: 50); they are no part of the format.
                if packet.packet.payload_type() != unpacker.payload_type {
                    return;
                }
                if unpacker.depacketizer.push(&packet.packet).is_err() {
                    unpacker.errors += 1;
                }
                while let Some(frame) = unpacker.depacketizer.pop() {
                    if let Hold::For(patience) = self.hold {
                        self.hold = Hold::Until(Instant::now() + patience);
                    }
                    let place = match self.hold {
                        Hold::No => self.playing.timeline().place(media, frame.timestamp),
                        _ => None,
                    };
                    self.ready.push_back(MediaFrame {
                        media,
                        frame,
                        place,
                    });
                }
            }
            Event::Lost { media, count, .. } => {
                if let Some(Some(unpacker)) = self.media.get_mut(*media) {
                    unpacker.depacketizer.lost(*count);
                }
            }
            _ => {}
        }
    }
}
