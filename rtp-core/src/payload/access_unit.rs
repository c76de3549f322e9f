//! From NAL units to access units: what H.264 and H.265 have in common.

use bytes::{BufMut, Bytes, BytesMut};

use super::nal::{AnnexB, find_start_code};
use crate::{Error, Frame, frame::FrameQueue};

/// What a NAL unit means for the access unit that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Class {
    /// A slice of the picture. Without one there is no access unit.
    pub(crate) picture: bool,
    /// Decoding can start with this access unit.
    pub(crate) random_access: bool,
    /// Stands only before the slices of a picture: behind one it begins the next access unit.
    pub(crate) begins: bool,
    /// One of the parameter sets.
    pub(crate) parameter_set: bool,
}

/// What differs between H.264 and H.265.
pub(crate) trait Syntax {
    fn classify(unit: &[u8]) -> Class;
    /// Takes note of a parameter set; true if it changes the stream's parameters.
    fn parameter_set(&mut self, unit: &[u8]) -> bool;
}

/// Collects the units of one access unit in the form that a [`Frame`] has.
///
/// An access unit ends with the marker, if it has a picture by then (cameras set it on parameter sets too), or
/// where the timestamp changes, under the same condition. Units in front of a picture wait for it.
#[derive(Debug)]
pub(crate) struct Assembler<S> {
    pub(crate) syntax: S,
    limit: usize,
    buffer: BytesMut,
    /// Where the unit begins whose fragments are being collected.
    fragment: Option<usize>,
    timestamp: u32,
    picture: bool,
    random_access: bool,
    parameters_changed: bool,
    /// Everything up to the end of the access unit is dropped.
    overfull: bool,
    /// Packets lost since the last one that arrived.
    tail_loss: u32,
    /// Fragments without beginning are no surprise.
    after_loss: bool,
    /// Size of the last access unit: what the next one will probably need.
    last_len: usize,
    /// Units that had start codes inside.
    pub(crate) annex_b: u64,
}

impl<S: Syntax> Assembler<S> {
    pub(crate) fn new(syntax: S, limit: usize) -> Self {
        Self {
            syntax,
            limit,
            buffer: BytesMut::new(),
            fragment: None,
            timestamp: 0,
            picture: false,
            random_access: false,
            parameters_changed: false,
            overfull: false,
            tail_loss: 0,
            after_loss: false,
            last_len: 0,
            annex_b: 0,
        }
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Before the units of a packet. `continues`: it goes on with a fragmented unit, whatever its timestamp says.
    pub(crate) fn begin_packet(&mut self, timestamp: u32, continues: bool, out: &mut FrameQueue) {
        if timestamp != self.timestamp && !(continues && self.fragment.is_some()) {
            self.commit_fragment(out);
            let lost = self.tail_loss;
            if self.finish(out) {
                // It cannot be known whether the end of that one or the beginning of this one is missing.
                out.pending_loss = out.pending_loss.saturating_add(lost);
            }
            self.overfull = false;
            self.timestamp = timestamp;
        }
        self.tail_loss = 0;
    }

    /// After the units of a packet.
    pub(crate) fn end_packet(&mut self, marker: bool, out: &mut FrameQueue) {
        if marker {
            self.commit_fragment(out);
            self.finish(out);
            self.overfull = false;
        }
    }

    /// A whole unit.
    pub(crate) fn unit(&mut self, unit: &[u8], out: &mut FrameQueue) -> Result<(), Error> {
        let unfinished = self.end_fragment_early(out);
        self.after_loss = false;
        if unit.is_empty() {
            return unfinished;
        }
        let start = self.buffer.len();
        self.reserve(unit.len() + 4)?;
        self.buffer.put_u32(0);
        self.buffer.put_slice(unit);
        self.commit(start, out);
        unfinished
    }

    /// First fragment of a unit: its rebuilt header, and what follows.
    pub(crate) fn fragment_start(
        &mut self,
        header: &[u8],
        body: &[u8],
        out: &mut FrameQueue,
    ) -> Result<(), Error> {
        let unfinished = self.end_fragment_early(out);
        self.after_loss = false;
        let start = self.buffer.len();
        self.reserve(4 + header.len() + body.len())?;
        self.buffer.put_u32(0);
        self.buffer.put_slice(header);
        self.buffer.put_slice(body);
        self.fragment = Some(start);
        unfinished
    }

    /// A further fragment.
    pub(crate) fn fragment(
        &mut self,
        body: &[u8],
        end: bool,
        out: &mut FrameQueue,
    ) -> Result<(), Error> {
        if self.fragment.is_none() {
            return if self.after_loss || self.overfull {
                Ok(())
            } else {
                Err(Error::OrphanFragment)
            };
        }
        self.reserve(body.len())?;
        self.buffer.put_slice(body);
        if end {
            self.commit_fragment(out);
        }
        Ok(())
    }

    /// Every packet so far came, so a unit whose end was not marked is whole all the same.
    fn end_fragment_early(&mut self, out: &mut FrameQueue) -> Result<(), Error> {
        if self.fragment.is_none() {
            return Ok(());
        }
        self.commit_fragment(out);
        Err(Error::UnfinishedFragment)
    }

    fn commit_fragment(&mut self, out: &mut FrameQueue) {
        if let Some(start) = self.fragment.take() {
            self.commit(start, out);
        }
    }

    fn reserve(&mut self, more: usize) -> Result<(), Error> {
        if self.overfull {
            return Err(Error::FrameTooLarge { limit: self.limit });
        }
        if self.buffer.len().saturating_add(more) > self.limit {
            self.discard();
            self.overfull = true;
            return Err(Error::FrameTooLarge { limit: self.limit });
        }
        if self.buffer.capacity() == 0 {
            self.buffer
                .reserve(self.last_len.clamp(more, more.max(256 * 1024)));
        }
        Ok(())
    }

    /// Writes the length of the unit that begins at `start`, and notes what it means.
    fn commit(&mut self, start: usize, out: &mut FrameQueue) {
        let Some(unit) = self.buffer.get(start + 4..) else {
            return;
        };
        if find_start_code(unit).is_some() {
            // Some cameras string units together inside one (V380); each becomes one of its own.
            self.annex_b += 1;
            let tail = self.buffer.split_off(start);
            for unit in AnnexB::new(tail.get(4..).unwrap_or_default()) {
                let start = self.buffer.len();
                self.buffer.put_u32(0);
                self.buffer.put_slice(unit);
                self.commit_one(start, out);
            }
        } else {
            self.commit_one(start, out);
        }
    }

    fn commit_one(&mut self, mut start: usize, out: &mut FrameQueue) {
        let class = self
            .buffer
            .get(start + 4..)
            .map(S::classify)
            .unwrap_or_default();
        if class.begins && self.picture {
            let tail = self.buffer.split_off(start);
            self.finish(out);
            self.buffer = tail;
            start = 0;
        }
        let unit = self.buffer.get_mut(start..).unwrap_or_default();
        if let Some((length, unit)) = unit.split_first_chunk_mut() {
            *length = u32::try_from(unit.len()).unwrap_or(u32::MAX).to_be_bytes();
            if class.parameter_set {
                self.parameters_changed |= self.syntax.parameter_set(unit);
            }
        }
        self.picture |= class.picture;
        self.random_access |= class.random_access;
    }

    /// Hands out the access unit, if it has a picture.
    fn finish(&mut self, out: &mut FrameQueue) -> bool {
        if !self.picture {
            return false;
        }
        self.last_len = self.buffer.len();
        out.push(Frame {
            timestamp: self.timestamp,
            payload: self.take(),
            random_access: self.random_access,
            loss_before: 0,
            parameters_changed: self.parameters_changed,
            duration: None,
        });
        self.parameters_changed = false;
        self.forget_picture();
        true
    }

    fn take(&mut self) -> Bytes {
        core::mem::take(&mut self.buffer).freeze()
    }

    fn forget_picture(&mut self) {
        self.picture = false;
        self.random_access = false;
    }

    fn discard(&mut self) {
        self.fragment = None;
        self.buffer = BytesMut::new();
        self.forget_picture();
    }

    /// Packets are missing here: a unit in fragments cannot be completed.
    pub(crate) fn lost(&mut self, count: u32) {
        self.tail_loss = self.tail_loss.saturating_add(count);
        self.after_loss = true;
        if let Some(start) = self.fragment.take() {
            self.buffer.truncate(start);
        }
        if !self.picture {
            // A recovery point whose picture may be gone promises nothing for the next one.
            self.random_access = false;
        }
    }

    /// Nothing more comes for now.
    pub(crate) fn flush(&mut self, out: &mut FrameQueue) {
        self.commit_fragment(out);
        self.finish(out);
        self.discard();
        self.overfull = false;
    }
}
