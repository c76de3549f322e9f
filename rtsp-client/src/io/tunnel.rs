//! Tunnels: RTSP over a pair of HTTP connections, and over WebSocket.

use std::future::poll_fn;
use std::io;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Buf as _;
use bytes::BytesMut;
use rtsp_session::random::Random;
use rtsp_session::tunnel::head;
use rtsp_session::tunnel::websocket;
use rtsp_session::tunnel::websocket::Control;
use rtsp_session::tunnel::websocket::Decoder;
use rtsp_session::tunnel::websocket::End;
use rtsp_session::tunnel::websocket::Opcode;

mod post;

pub(super) use post::Post;

use super::leg::Leg;
use super::wire::Destination;
use super::wire::write_all;

/// A read.
const READ_BYTES: usize = 64 << 10;

/// What is framed or encoded at once; base64 is not padded in the middle of it.
const PIECE_BYTES: usize = 48 << 10;

/// Reads without a result before others get their turn.
const READS: usize = 16;

/// The `Host` of HTTP.
fn host(to: &Destination<'_>) -> String {
    match to.host.contains(':') {
        true => format!("[{}]:{}", to.host, to.port),
        false => format!("{}:{}", to.host, to.port),
    }
}

/// The answer to what was asked, and what has come behind it.
async fn answer(leg: &mut Leg) -> io::Result<(head::Answer, BytesMut)> {
    let mut read = BytesMut::new();
    loop {
        read.reserve(READ_BYTES);
        if poll_fn(|cx| leg.poll_read_buf(cx, &mut read)).await? == 0 {
            return Err(io::Error::other("it closes instead of answering HTTP"));
        }
        match head::response(&read) {
            Ok(Some(answer)) => {
                read.advance(answer.len);
                return Ok((answer, read));
            }
            Ok(None) => {}
            Err(error) => return Err(io::Error::other(format!("it answers with {error}"))),
        }
    }
}

fn refused(what: &str, answer: &head::Answer) -> io::Error {
    let (status, reason) = (answer.status, &answer.reason);
    io::Error::other(format!("it answers {what} by {status} {reason}"))
}

/// Writes what was taken before. `WouldBlock` while something is left.
fn flush(leg: &mut Leg, outbound: &mut BytesMut) -> io::Result<()> {
    while !outbound.is_empty() {
        match leg.try_write(outbound)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => outbound.advance(count),
        }
    }
    Ok(())
}

/// Frames of WebSocket, both ways.
#[derive(Debug)]
pub(super) struct Frames {
    decoder: Decoder,
    /// Makes the masks, which nobody may know before (RFC 6455 §5.3).
    random: Random,
    /// What has come and is not taken apart.
    inbound: BytesMut,
    /// What is framed and has not left.
    outbound: BytesMut,
    /// The server has said that nothing follows.
    closed: bool,
}

impl Frames {
    pub(super) async fn begin(
        to: &Destination<'_>,
        leg: &mut Leg,
        random: &mut Random,
    ) -> io::Result<Self> {
        let key = websocket::key(random.bytes());
        let asked = websocket::upgrade(&host(to), to.path, &key, to.user_agent);
        write_all(leg, &asked).await?;
        let (answer, inbound) = answer(leg).await?;
        if !websocket::is_switched(&answer, &key) {
            return Err(match answer.status {
                101 => io::Error::other("it does not agree to speak RTSP over WebSocket"),
                _ => refused("the request for a WebSocket", &answer),
            });
        }
        Ok(Self {
            decoder: Decoder::new(End::Client),
            random: random.fork(),
            inbound,
            outbound: BytesMut::new(),
            closed: false,
        })
    }

    pub(super) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        leg: &mut Leg,
        into: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        let before = into.len();
        for _ in 0..READS {
            self.take(leg, into)?;
            if into.len() > before {
                return Poll::Ready(Ok(into.len() - before));
            }
            if self.closed {
                return Poll::Ready(Ok(0));
            }
            self.inbound.reserve(READ_BYTES);
            if ready!(leg.poll_read_buf(cx, &mut self.inbound))? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes apart what has come.
    fn take(&mut self, leg: &mut Leg, into: &mut BytesMut) -> io::Result<()> {
        loop {
            let key = self.random.bytes();
            match self.decoder.decode(&mut self.inbound, into) {
                Ok(None) => return Ok(()),
                // Once what waits has left, a later one will be answered (RFC 6455 §5.5.3).
                Ok(Some(Control::Ping(payload))) if self.outbound.is_empty() => {
                    websocket::encode(Opcode::Pong, &payload, Some(key), &mut self.outbound);
                }
                Ok(Some(Control::Close(status))) => {
                    self.closed = true;
                    websocket::close(status, Some(key), &mut self.outbound);
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    websocket::close(Some(error.status()), Some(key), &mut self.outbound);
                    let _ = flush(leg, &mut self.outbound);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
            // What does not go now goes with what is written next.
            match flush(leg, &mut self.outbound) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    }

    pub(super) fn try_write(&mut self, leg: &mut Leg, from: &[u8]) -> io::Result<usize> {
        flush(leg, &mut self.outbound)?;
        if from.is_empty() {
            return leg.try_write(&[]);
        }
        let piece = from.get(..PIECE_BYTES).unwrap_or(from);
        let key = self.random.bytes();
        websocket::encode(Opcode::Binary, piece, Some(key), &mut self.outbound);
        match flush(leg, &mut self.outbound) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(piece.len()),
        }
    }

    pub(super) fn finish(&mut self, leg: &mut Leg) {
        if !self.closed && self.outbound.is_empty() {
            let key = self.random.bytes();
            websocket::close(Some(1000), Some(key), &mut self.outbound);
        }
        let _ = flush(leg, &mut self.outbound);
    }
}
