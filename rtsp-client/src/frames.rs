//! Frames instead of packets.

use std::collections::VecDeque;

use rtp_core::Codec;
use rtp_core::Depacketizer;
use rtp_core::Frame;
use rtp_core::Parameters;
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
        }
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
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            match self.playing.next_event().await? {
                Some(event) => self.take(&event),
                None => return Ok(None),
            }
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
                    let place = self.playing.timeline().place(media, frame.timestamp);
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
