//! The stream of one RTSP connection: plain, or sealed by TLS; one connection, the two of a tunnel over HTTP, or a WebSocket.
//!
//! What is plain goes out on the system's socket itself, in batches with that of others; what is sealed or framed goes out one by one.
//! What was sealed or framed and not taken waits in here, a bounded amount: nothing else is taken in before it is out.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, IoSlice},
    task::Poll,
};

use bytes::BytesMut;
use rtsp_client::io::tls::Channel;
use rtsp_session::tunnel::{http::NoBase64, websocket::FrameError};
use smallvec::SmallVec;
use tokio::{
    io::{Interest, Ready},
    net::TcpStream,
};

use super::{
    tunnel::{Spoken, Tunnel},
    websocket::WebSocket,
};
use crate::refusals::Limit;

/// Something that takes octets without blocking.
pub(crate) trait Sink {
    /// Takes some of what is offered, as [`TcpStream::try_write_vectored`].
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Whether all that it has taken has left.
    fn try_flush(&self) -> io::Result<bool>;
}

impl Sink for TcpStream {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write_vectored(slices)
    }

    fn try_flush(&self) -> io::Result<bool> {
        Ok(true)
    }
}

/// One connection: plain, or sealed by TLS.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) tcp: TcpStream,
    pub(super) tls: Option<Box<RefCell<Channel>>>,
}

impl Leg {
    /// As [`TcpStream::try_read_buf`]. Who was not told `WouldBlock` asks again before waiting.
    pub(super) fn try_read_buf(&self, into: &mut BytesMut) -> io::Result<usize> {
        match &self.tls {
            None => self.tcp.try_read_buf(into),
            Some(tls) => tls.borrow_mut().try_read_buf(&self.tcp, into),
        }
    }
}

impl Sink for Leg {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(tls) = &self.tls else {
            return self.tcp.try_write_vectored(slices);
        };
        let mut tls = tls.borrow_mut();
        let mut left: SmallVec<[IoSlice<'_>; 64]> = SmallVec::from_slice(slices);
        let mut left = &mut left[..];
        let mut taken = 0;
        while !left.is_empty() {
            match tls.try_write_vectored(&self.tcp, left) {
                Ok(0) => break,
                Ok(count) => {
                    taken += count;
                    IoSlice::advance_slices(&mut left, count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    fn try_flush(&self) -> io::Result<bool> {
        match &self.tls {
            None => Ok(true),
            Some(tls) => tls.borrow_mut().try_flush(&self.tcp),
        }
    }
}

/// Under which name it is counted that a read of a [`Socket`] found what may not come within a tunnel.
pub(crate) fn breach(error: &io::Error) -> Option<Limit> {
    let cause = error.get_ref()?;
    if cause.is::<FrameError>() {
        return Some(Limit::WebSocketFrames);
    }
    (cause.is::<NoBase64>() || cause.is::<Spoken>()).then_some(Limit::TunnelBase64)
}

/// The stream of one RTSP connection.
#[derive(Debug)]
pub(crate) struct Socket {
    /// What is read comes this way, not by the leg, which is the way back. The first to go: who sees the end may use its cookie again.
    tunnel: Option<Box<RefCell<Tunnel>>>,
    /// What goes over the leg is in frames.
    websocket: Option<Box<RefCell<WebSocket>>>,
    leg: Leg,
}

impl Socket {
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self {
            tunnel: None,
            websocket: None,
            leg: Leg { tcp, tls: None },
        }
    }

    /// The same with TLS, of which the handshake is done.
    pub(crate) fn seal(mut self, tls: Channel) -> Self {
        self.leg.tls = Some(Box::new(RefCell::new(tls)));
        self
    }

    /// The same as the way back of a tunnel.
    pub(crate) fn through(mut self, tunnel: Tunnel) -> Self {
        self.tunnel = Some(Box::new(RefCell::new(tunnel)));
        self
    }

    /// The same with frames from here on.
    pub(crate) fn framed(mut self, websocket: WebSocket) -> Self {
        self.websocket = Some(Box::new(RefCell::new(websocket)));
        self
    }

    /// What it is made of, before it is anything more than a connection.
    pub(super) fn into_parts(self) -> (TcpStream, Option<Channel>) {
        (self.leg.tcp, self.leg.tls.map(|tls| tls.into_inner()))
    }

    /// The system's socket that is written to.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.leg.tcp
    }

    /// Whether what is written to the system's socket is what the peer reads.
    pub(crate) fn is_plain(&self) -> bool {
        self.leg.tls.is_none() && self.websocket.is_none()
    }

    /// Whether TLS keeps others from reading and changing it.
    pub(crate) fn is_secure(&self) -> bool {
        self.leg.tls.is_some()
    }

    /// Whether a read that left room has taken all that there was.
    pub(crate) fn reads_plainly(&self) -> bool {
        self.is_plain() && self.tunnel.is_none()
    }

    /// Waits for the system's socket, or those of a tunnel.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let Some(tunnel) = &self.tunnel else {
            return self.leg.tcp.ready(interest).await;
        };
        poll_fn(|cx| {
            let mut ready = Ready::EMPTY;
            if interest.is_writable() && self.leg.tcp.poll_write_ready(cx)?.is_ready() {
                ready |= Ready::WRITABLE;
            }
            // Both are asked, so that either wakes.
            if interest.is_readable()
                && (self.leg.tcp.poll_read_ready(cx)?.is_ready()
                    | tunnel.borrow_mut().poll_ready(cx)?.is_ready())
            {
                ready |= Ready::READABLE;
            }
            match ready.is_empty() {
                true => Poll::Pending,
                false => Poll::Ready(Ok(ready)),
            }
        })
        .await
    }

    /// Waits until the first POST of a tunnel is there. `InvalidData` when something else comes, `UnexpectedEof` when the GET is
    /// over.
    pub(crate) async fn joined(&self) -> io::Result<()> {
        let Some(tunnel) = &self.tunnel else {
            return Ok(());
        };
        poll_fn(|cx| {
            while self.leg.tcp.poll_read_ready(cx)?.is_ready() {
                match self.over() {
                    None => {}
                    Some(Ok(_)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                }
            }
            tunnel.borrow_mut().poll_joined(cx)
        })
        .await
    }

    /// As [`TcpStream::try_read_buf`]. Who was not told `WouldBlock` asks again before waiting.
    pub(crate) fn try_read_buf(&self, into: &mut BytesMut) -> io::Result<usize> {
        if let Some(websocket) = &self.websocket {
            return websocket.borrow_mut().try_read_buf(&self.leg, into);
        }
        let Some(tunnel) = &self.tunnel else {
            return self.leg.try_read_buf(into);
        };
        match self.over() {
            Some(end) => end,
            None => tunnel.borrow_mut().try_read_buf(into),
        }
    }

    /// Takes apart what has come of a WebSocket before anybody reads it.
    pub(crate) fn unframe(&self, into: &mut BytesMut) -> io::Result<()> {
        match &self.websocket {
            None => Ok(()),
            Some(websocket) => websocket.borrow_mut().take(&self.leg, into),
        }
    }

    /// How the GET of a tunnel has ended, if it has: nothing else may come on it.
    fn over(&self) -> Option<io::Result<usize>> {
        match self.leg.try_read_buf(&mut BytesMut::with_capacity(64)) {
            Ok(0) => Some(Ok(0)),
            Ok(_) => Some(Err(io::Error::new(io::ErrorKind::InvalidData, Spoken))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// The last words of WebSocket and of TLS.
    pub(crate) fn close(&self) {
        if let Some(websocket) = &self.websocket {
            websocket.borrow_mut().close(&self.leg);
        }
        if let Some(tls) = &self.leg.tls {
            tls.borrow_mut().close(&self.leg.tcp);
        }
    }
}

impl Sink for Socket {
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.websocket {
            None => self.leg.try_write_vectored(slices),
            Some(websocket) => websocket.borrow_mut().try_write_vectored(&self.leg, slices),
        }
    }

    fn try_flush(&self) -> io::Result<bool> {
        match &self.websocket {
            None => self.leg.try_flush(),
            Some(websocket) => websocket.borrow_mut().try_flush(&self.leg),
        }
    }
}
