//! Bytes to messages.

mod head;
mod resync;
mod scan;

use alloc::vec::Vec;

use bytes::{Buf, Bytes, BytesMut};

use crate::error::DecodeError;
use crate::interleaved::{FrameRef, FrameRun, InterleavedFrame, PREFIX_LEN};
use crate::leniency::{Deviations, Leniency};
use crate::limits::Limits;
use crate::message::Message;
use head::{After, Decoded, Refusal, parse_head};
use resync::Search;
use scan::HeadScan;

/// Takes messages off the front of a read buffer.
///
/// The buffer is the caller's; between calls it may only grow at its end. The decoder remembers how far it has
/// looked, so the work is linear in the bytes received, however small the pieces in which they come. Bodies and
/// payloads are split off the buffer, not copied; the head is copied once.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    leniency: Leniency,
    /// Bytes taken off the buffer so far.
    consumed: u64,
    scan: HeadScan,
    /// The last head ended in a lone CR that was the last byte here: an LF that follows belongs to it, however the bytes are cut.
    awaits_lf: bool,
    stage: Stage,
    deviations: Deviations,
    /// Those among them that nobody has taken yet.
    untaken: Deviations,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one a connection
enum Stage {
    /// At a message's start, or in its head.
    Head,
    /// The head is decoded, the body is not yet complete.
    Body { message: Message, length: usize },
    /// Passing over the body of a message that was refused.
    Skip(u64),
    /// The framing is lost.
    Lost { error: DecodeError, search: Search },
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Limits, leniency: Leniency) -> Self {
        let (scan, deviations) = (HeadScan::default(), Deviations::default());
        Self {
            limits,
            leniency,
            consumed: 0,
            scan,
            awaits_lf: false,
            stage: Stage::Head,
            deviations,
            untaken: deviations,
        }
    }

    /// Takes the next message off the buffer; `None` when it needs more bytes.
    ///
    /// # Errors
    ///
    /// See [`DecodeErrorKind`](crate::DecodeErrorKind). After an error that is not fatal the next call goes on behind the refused message.
    /// After a fatal one every call returns the same error, until [`Decoder::resync`] has found a message.
    #[inline]
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Message>, DecodeError> {
        if matches!(self.stage, Stage::Head) && self.scan.is_fresh() && buf.first() == Some(&b'$') {
            return Ok(self.take_frame(buf));
        }
        self.decode_text(buf)
    }

    fn decode_text(&mut self, buf: &mut BytesMut) -> Result<Option<Message>, DecodeError> {
        if !self.at_boundary(buf)? {
            return Ok(self.take_body(buf));
        }
        match buf.first() {
            None => return Ok(None),
            Some(b'$') => return Ok(self.take_frame(buf)),
            Some(_) => {}
        }
        let end = match self.scan.advance(buf, &self.limits) {
            Ok(Some(end)) => end,
            Ok(None) => return Ok(None),
            Err((kind, at)) => {
                // What was scanned looks like the start of a message still: the search begins behind its first byte, or it would find
                // the same again, for ever.
                return Err(self.lose(self.consumed, 1, Refusal::of_bytes(kind, at)));
            }
        };
        let offset = self.consumed;
        self.awaits_lf = end == buf.len() && buf.last() == Some(&b'\r');
        let mut decoded = Ok(None);
        let mut met = Deviations::default();
        let after = parse_head(
            buf.get(..end).unwrap_or(&[]),
            self.scan.lines(),
            &self.limits,
            &self.leniency,
            &mut met,
            &mut decoded,
        );
        self.note(met);
        self.consume(buf, end);
        self.scan.reset();
        match after {
            After::Message(0) => {}
            After::Message(length) => self.await_body(length, buf, &mut decoded),
            After::Refused(refusal, Some(length)) => {
                self.stage = Stage::Skip(length);
                decoded = Err(refusal.error(offset, false));
            }
            After::Refused(refusal, None) => decoded = Err(self.lose(offset, 0, refusal)),
        }
        decoded
    }

    /// Gives the message its body, or keeps it until that is there.
    fn await_body(&mut self, length: usize, buf: &mut BytesMut, decoded: &mut Decoded) {
        if let (Ok(Some(message)), true) = (&mut *decoded, length <= buf.len()) {
            return self.attach_body(message, length, buf);
        }
        if let Ok(message @ Some(_)) = decoded
            && let Some(message) = message.take()
        {
            self.stage = Stage::Body { message, length };
        }
    }

    /// If the buffer starts with complete interleaved frames, takes all of them off as one: into `run`, whose list
    /// keeps its memory. Stops before an incomplete frame or a text message; `false` when there is none.
    ///
    /// # Errors
    ///
    /// Only when framing was lost before.
    pub fn decode_run(
        &mut self,
        buf: &mut BytesMut,
        run: &mut FrameRun,
    ) -> Result<bool, DecodeError> {
        run.frames.clear();
        run.bytes = Bytes::new();
        if !self.at_boundary(buf)? {
            return Ok(false);
        }
        // Offsets have 32 bits: of a larger buffer, a part.
        let bytes = buf.get(..buf.len().min(u32::MAX as usize)).unwrap_or(&[]);
        let at = collect_frames(bytes, &mut run.frames);
        if at == 0 {
            return Ok(false);
        }
        run.bytes = buf.split_to(at).freeze();
        self.consumed = self.consumed.saturating_add(at as u64);
        Ok(true)
    }

    /// After a fatal error: drops bytes until one is found at which a message plausibly starts: a start line, or an
    /// interleaved frame of RTP or RTCP that is followed by another frame or message. `false` when none is there yet.
    /// Without a fatal error before, does nothing and returns `true`.
    pub fn resync(&mut self, buf: &mut BytesMut) -> bool {
        let Stage::Lost { search, .. } = &mut self.stage else {
            return true;
        };
        let (drop, found) = search.advance(buf);
        self.consume(buf, drop);
        if found {
            self.stage = Stage::Head;
        }
        found
    }

    /// Deviations that were met and tolerated since the connection began, those of [`Decoder::note`] included.
    pub fn deviations(&self) -> Deviations {
        self.deviations
    }

    /// Adds what was met in typed headers of this connection's messages.
    pub fn note(&mut self, met: Deviations) {
        self.deviations.merge(met);
        self.untaken.merge(met);
    }

    /// Takes out what was met since the last call: called after each message, it tells how often a deviation occurs.
    pub fn take_deviations(&mut self) -> Deviations {
        core::mem::take(&mut self.untaken)
    }

    /// Bytes taken off the buffer since the connection began.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// What this decoder tolerates; for the typed headers of its messages.
    pub fn leniency(&self) -> &Leniency {
        &self.leniency
    }

    /// Whether the decoder is between two messages: a connection that ends now has lost nothing (when its buffer is
    /// empty too).
    pub fn is_between_messages(&self) -> bool {
        matches!(self.stage, Stage::Head) && self.scan.is_fresh()
    }

    /// Finishes skipping and drops empty lines before a message; `false` while a body is awaited.
    #[inline]
    fn at_boundary(&mut self, buf: &mut BytesMut) -> Result<bool, DecodeError> {
        if self.awaits_lf
            && let Some(first) = buf.first()
        {
            self.awaits_lf = false;
            let count = usize::from(*first == b'\n');
            self.consume(buf, count);
        }
        match &mut self.stage {
            Stage::Head => {}
            Stage::Body { .. } => return Ok(false),
            Stage::Lost { error, .. } => return Err(*error),
            Stage::Skip(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
                *left = left.saturating_sub(here as u64);
                let done = *left == 0;
                self.consume(buf, here);
                if !done {
                    return Ok(true);
                }
                self.stage = Stage::Head;
            }
        }
        if self.scan.is_fresh() && matches!(buf.first(), Some(b'\r' | b'\n')) {
            let empty = buf
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            self.consume(buf, empty);
        }
        Ok(true)
    }

    fn take_body(&mut self, buf: &mut BytesMut) -> Option<Message> {
        match core::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Body {
                mut message,
                length,
            } if length <= buf.len() => {
                self.attach_body(&mut message, length, buf);
                Some(message)
            }
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    fn attach_body(&mut self, message: &mut Message, length: usize, buf: &mut BytesMut) {
        let bytes = buf.split_to(length).freeze();
        self.consumed = self.consumed.saturating_add(length as u64);
        match message {
            Message::Request(request) => request.body = bytes,
            Message::Response(response) => response.body = bytes,
            Message::Interleaved(_) => {}
        }
    }

    /// The buffer starts with `$`.
    #[inline]
    fn take_frame(&mut self, buf: &mut BytesMut) -> Option<Message> {
        let [_, channel, high, low, behind @ ..] = &buf[..] else {
            return None;
        };
        let (channel, length) = (*channel, u16::from_be_bytes([*high, *low]));
        let length = usize::from(length);
        if behind.len() < length {
            return None;
        }
        let whole = PREFIX_LEN.wrapping_add(length);
        let mut payload = buf.split_to(whole).freeze();
        payload.advance(PREFIX_LEN);
        self.consumed = self.consumed.wrapping_add(whole as u64);
        Some(Message::Interleaved(InterleavedFrame { channel, payload }))
    }

    /// Nothing more can be told of what follows a head that began at `start`; the search for the next leaves so many bytes out.
    fn lose(&mut self, start: u64, behind: usize, refusal: Refusal) -> DecodeError {
        let error = refusal.error(start, true);
        let search = Search::new(behind);
        self.scan.reset();
        self.stage = Stage::Lost { error, search };
        error
    }

    #[inline]
    fn consume(&mut self, buf: &mut BytesMut, count: usize) {
        buf.advance(count);
        self.consumed = self.consumed.saturating_add(count as u64);
    }

    /// Bytes that were looked at while searching for ends of heads.
    #[cfg(test)]
    fn bytes_scanned(&self) -> u64 {
        self.scan.work()
    }
}

/// Notes the complete frames at the start of `bytes`; how many bytes they are.
fn collect_frames(bytes: &[u8], frames: &mut Vec<FrameRef>) -> usize {
    let (mut rest, mut length_before) = (bytes, None);
    while let [b'$', channel, high, low, behind @ ..] = rest {
        let len = u16::from_be_bytes([*high, *low]);
        let Some(next) = behind.get(usize::from(len)..) else {
            break;
        };
        let start = bytes.len().wrapping_sub(behind.len()) as u32;
        frames.push(FrameRef {
            channel: *channel,
            start,
            len,
        });
        rest = next;
        if length_before != Some(len) {
            length_before = Some(len);
            continue;
        }
        // Packets of one picture have one length. While that holds, where the next frame starts is known before its
        // prefix has come from memory.
        let whole = PREFIX_LEN.wrapping_add(usize::from(len));
        while let Some(([b'$', channel, high, low, ..], next)) = rest.split_at_checked(whole) {
            if u16::from_be_bytes([*high, *low]) != len {
                break;
            }
            let start = bytes
                .len()
                .wrapping_sub(rest.len())
                .wrapping_add(PREFIX_LEN) as u32;
            frames.push(FrameRef {
                channel: *channel,
                start,
                len,
            });
            rest = next;
        }
    }
    bytes.len().wrapping_sub(rest.len())
}

#[cfg(test)]
mod tests;
