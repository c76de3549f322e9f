//! Packets to pictures.

use bytes::{BufMut, BytesMut};

use super::Format;
use crate::{Error, Frame, Packet, frame::FrameQueue, payload::Parameters};

#[derive(Debug)]
pub(crate) struct Depacketizer {
    format: Format,
    limit: usize,
    parameters: Option<Parameters>,
    buffer: BytesMut,
    /// Timestamp of the picture in `buffer`.
    picture: Option<u32>,
    /// Of a picture with this timestamp nothing more is of use: a part of it is lost, or it is too large.
    spoilt: Option<u32>,
    /// Pieces without beginning are no surprise.
    after_loss: bool,
    /// Size of the last picture: what the next one will probably need.
    last_len: usize,
}

impl Depacketizer {
    pub(crate) fn new(format: Format, limit: usize) -> Self {
        Self {
            format,
            limit,
            parameters: None,
            buffer: BytesMut::new(),
            picture: None,
            spoilt: None,
            after_loss: false,
            last_len: 0,
        }
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(crate) fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref()
    }

    pub(crate) fn push(&mut self, packet: &Packet, out: &mut FrameQueue) -> Result<(), Error> {
        let timestamp = packet.timestamp();
        if self.picture.is_some_and(|picture| picture != timestamp) {
            // Its marker is missing, and nothing else.
            self.finish(out);
        }
        if self.spoilt.is_some_and(|spoilt| spoilt != timestamp) {
            self.spoilt = None;
        }
        let result = self.piece(packet, timestamp);
        if result.is_err() {
            self.spoil(timestamp);
        }
        if packet.marker() {
            self.finish(out);
            self.spoilt = None;
        }
        result
    }

    fn piece(&mut self, packet: &Packet, timestamp: u32) -> Result<(), Error> {
        let payload = packet.payload();
        let Some(piece) = self.format.piece(payload) else {
            return Err(match payload.len() {
                0 => Error::EmptyPayload,
                have => Error::Truncated {
                    needed: have + 1,
                    have,
                },
            });
        };
        if self.spoilt.is_some() {
            return Ok(());
        }
        match (piece.begins, self.picture) {
            (true, None) => self.picture = Some(timestamp),
            (true, Some(_)) => return Err(Error::UnfinishedFragment),
            (false, None) if self.after_loss => {
                self.spoil(timestamp);
                return Ok(());
            }
            (false, None) => return Err(Error::OrphanFragment),
            (false, Some(_)) => {}
        }
        self.after_loss = false;
        if piece.bytes.is_empty() && self.buffer.is_empty() {
            // A descriptor alone: the picture's beginning is not in it.
            return Err(Error::EmptyPayload);
        }
        if self.buffer.len().saturating_add(piece.bytes.len()) > self.limit {
            return Err(Error::FrameTooLarge { limit: self.limit });
        }
        if self.buffer.capacity() == 0 {
            let least = piece.bytes.len();
            self.buffer
                .reserve(self.last_len.clamp(least, least.max(256 * 1024)));
        }
        self.buffer.put_slice(piece.bytes);
        Ok(())
    }

    /// The picture cannot be completed.
    fn spoil(&mut self, timestamp: u32) {
        self.picture = None;
        self.buffer.clear();
        self.spoilt = Some(timestamp);
    }

    fn finish(&mut self, out: &mut FrameQueue) {
        let Some(timestamp) = self.picture.take() else {
            return;
        };
        let payload = core::mem::take(&mut self.buffer).freeze();
        self.last_len = payload.len();
        let random_access = self.format.is_key(&payload);
        let mut parameters_changed = false;
        if random_access && let Some((width, height)) = self.format.dimensions(&payload) {
            let parameters = Some(Parameters::Picture { width, height });
            parameters_changed = self.parameters != parameters;
            self.parameters = parameters;
        }
        out.push(Frame {
            timestamp,
            payload,
            random_access,
            loss_before: 0,
            parameters_changed,
            duration: None,
        });
    }

    /// Packets are missing here, of this picture or the next one.
    pub(crate) fn lost(&mut self) {
        if let Some(timestamp) = self.picture {
            self.spoil(timestamp);
        }
        self.after_loss = true;
    }

    /// Nothing more comes for now.
    pub(crate) fn flush(&mut self, out: &mut FrameQueue) {
        self.finish(out);
        self.spoilt = None;
    }
}
