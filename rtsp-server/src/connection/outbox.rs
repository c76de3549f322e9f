//! What waits to be written to a connection before media may follow.

use std::{collections::VecDeque, io, io::IoSlice};

use bytes::{Buf as _, Bytes};

use crate::io::socket::Sink;

/// Most slices that one call takes.
const SLICES: usize = 16;

/// Responses, reports and the tail of a frame that was written in part, in the order in which they go out.
///
/// A frame's tail is only ever added to an empty outbox: media is written when nothing waits. So a frame is never cut.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Bytes>,
    bytes: usize,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.queue.push_back(bytes);
        }
    }

    /// Writes until nothing is left (`true`), here and in the stream, or the socket is full (`false`).
    pub(crate) fn flush(&mut self, stream: &impl Sink) -> io::Result<bool> {
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.fill(&mut slices);
            match stream.try_write_vectored(slices.get(..filled).unwrap_or_default()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        stream.try_flush()
    }

    /// Whether all of it can go out in one call, with media behind it.
    pub(crate) fn is_short(&self) -> bool {
        self.queue.len() <= SLICES
    }

    /// Puts what waits into `slices`; how many it took, at most [`SLICES`].
    pub(crate) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let queue = self.queue.iter().take(SLICES);
        for (slice, bytes) in slices.iter_mut().zip(queue) {
            *slice = IoSlice::new(bytes);
        }
        self.queue.len().min(SLICES).min(slices.len())
    }

    /// So much of what waits was written.
    pub(crate) fn written(&mut self, mut count: usize) {
        self.bytes -= count;
        while let Some(first) = self.queue.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_write_leaves_the_rest_in_order() {
        let mut outbox = Outbox::default();
        for piece in ["abc", "", "de", "f"] {
            outbox.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(outbox.len(), 6);
        outbox.written(4);
        assert_eq!(
            outbox
                .queue
                .iter()
                .map(|bytes| &bytes[..])
                .collect::<Vec<_>>(),
            [&b"e"[..], b"f"]
        );
        outbox.written(2);
        assert!(outbox.is_empty());
    }
}
