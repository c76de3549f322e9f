//! The stream of one RTSP connection: plain, or sealed by TLS.
//!
//! What is plain goes out on the system's socket itself, in batches with that of others; what is sealed goes out one by one. What was
//! sealed and not taken waits in here, a bounded amount: nothing else is taken in before it is out.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
};

use bytes::BytesMut;
use rtsp_client::io::tls::Channel;
use smallvec::SmallVec;
use tokio::{
    io::{Interest, Ready},
    net::TcpStream,
};

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

/// The stream of one RTSP connection.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    tls: Option<Box<RefCell<Channel>>>,
}

impl Socket {
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self { tcp, tls: None }
    }

    /// The same with TLS, of which the handshake is done.
    pub(crate) fn seal(self, tls: Channel) -> Self {
        Self {
            tls: Some(Box::new(RefCell::new(tls))),
            ..self
        }
    }

    /// The system's socket.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Whether what is written to the system's socket is what the peer reads.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Whether TLS keeps others from reading and changing it.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Waits for the system's socket.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.tcp.ready(interest).await
    }

    /// As [`TcpStream::try_read_buf`]. Who was not told `WouldBlock` asks again before waiting.
    pub(crate) fn try_read_buf(&self, into: &mut BytesMut) -> io::Result<usize> {
        match &self.tls {
            None => self.tcp.try_read_buf(into),
            Some(tls) => tls.borrow_mut().try_read_buf(&self.tcp, into),
        }
    }

    /// The last words of TLS.
    pub(crate) fn close(&self) {
        if let Some(tls) = &self.tls {
            tls.borrow_mut().close(&self.tcp);
        }
    }
}

impl Sink for Socket {
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
