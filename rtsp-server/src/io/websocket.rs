//! A connection on which RTSP goes in frames of WebSocket.

use std::io::{self, IoSlice};

use bytes::{Buf as _, BytesMut};
use rtsp_session::tunnel::websocket::{self, Control, Decoder, End, FrameHeader, Opcode};
use smallvec::SmallVec;

use super::socket::{Leg, Sink};

/// Octets of one frame that is sent, at most.
const FRAME: usize = 64 * 1024;
/// One read of frames.
const READ: usize = 16 * 1024;
/// Reads that bring nothing but frames about the connection, before others get their turn.
const READS: usize = 8;
/// Pings are not answered while so much waits to be written: a later one will be (RFC 6455 §5.5.3).
const PONGS: usize = 4 * 1024;

/// The frames of one connection, both ways.
#[derive(Debug)]
pub(crate) struct WebSocket {
    decoder: Decoder,
    /// What has come and is not taken apart: the beginning of a frame.
    inbound: BytesMut,
    /// What is framed and has not left.
    outbound: BytesMut,
    /// The peer has said that nothing follows.
    closed: bool,
}

impl WebSocket {
    /// One on which so much has come already.
    pub(crate) fn new(inbound: BytesMut) -> Self {
        Self {
            decoder: Decoder::new(End::Server),
            inbound,
            outbound: BytesMut::new(),
            closed: false,
        }
    }

    /// Puts what is offered into a frame, which is sent as far as it goes; the rest waits in here, and nothing more is taken before it
    /// has left.
    pub(super) fn try_write_vectored(
        &mut self,
        leg: &Leg,
        slices: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        if !self.try_flush(leg)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut taken = 0;
        let mut payload = SmallVec::<[&[u8]; 64]>::new();
        for slice in slices {
            let len = slice.len().min(FRAME - taken);
            payload.push(slice.get(..len).unwrap_or_default());
            taken += len;
        }
        if taken == 0 {
            return Ok(0);
        }
        let header = FrameHeader::new(Opcode::Binary, taken, None);
        let parts = || std::iter::once(header.as_octets()).chain(payload.iter().copied());
        let offered: SmallVec<[IoSlice<'_>; 65]> = parts().map(IoSlice::new).collect();
        let mut sent = leg.try_write_vectored(&offered)?;
        for part in parts() {
            let left = part.get(sent.min(part.len())..).unwrap_or_default();
            self.outbound.extend_from_slice(left);
            sent = sent.saturating_sub(part.len());
        }
        Ok(taken)
    }

    /// Writes what is framed; `false` when the socket is full.
    pub(super) fn try_flush(&mut self, leg: &Leg) -> io::Result<bool> {
        while !self.outbound.is_empty() {
            match leg.try_write_vectored(&[IoSlice::new(&self.outbound)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.outbound.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // Few connections write more than the socket takes: the others keep nothing.
        self.outbound = BytesMut::new();
        leg.try_flush()
    }

    /// Reads what frames carry. 0 is the end, said or not.
    pub(super) fn try_read_buf(&mut self, leg: &Leg, into: &mut BytesMut) -> io::Result<usize> {
        let before = into.len();
        for _ in 0..READS {
            self.take(leg, into)?;
            if into.len() > before {
                return Ok(into.len() - before);
            }
            if self.closed {
                return Ok(0);
            }
            self.inbound.reserve(READ);
            match leg.try_read_buf(&mut self.inbound) {
                Ok(0) => return Ok(0),
                Ok(_) => {}
                Err(error) => {
                    if self.inbound.is_empty() {
                        self.inbound = BytesMut::new();
                    }
                    return Err(error);
                }
            }
        }
        // The socket has not said so: it will be ready again at once.
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Takes apart what has come.
    pub(super) fn take(&mut self, leg: &Leg, into: &mut BytesMut) -> io::Result<()> {
        loop {
            match self.decoder.decode(&mut self.inbound, into) {
                Ok(None) => break,
                Ok(Some(Control::Ping(payload))) if self.outbound.len() < PONGS => {
                    websocket::encode(Opcode::Pong, &payload, None, &mut self.outbound);
                }
                Ok(Some(Control::Close(status))) if !self.closed => {
                    self.closed = true;
                    websocket::close(status, None, &mut self.outbound);
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    websocket::close(Some(error.status()), None, &mut self.outbound);
                    let _ = self.try_flush(leg);
                    self.closed = true;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
        if !self.outbound.is_empty() {
            // What does not go now goes with what is written next.
            let _ = self.try_flush(leg)?;
        }
        Ok(())
    }

    /// Tells the peer that nothing follows, as far as that is possible without waiting.
    pub(super) fn close(&mut self, leg: &Leg) {
        if !self.closed && self.outbound.is_empty() {
            self.closed = true;
            websocket::close(Some(1000), None, &mut self.outbound);
        }
        let _ = self.try_flush(leg);
    }
}
