//! One connection: plain, or sealed by TLS.

use std::io;
use std::io::IoSlice;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::tls::Channel;
use super::tls::Trust;

/// A connection that never blocks. Each of its methods that is told to wait by the socket says so.
#[derive(Debug)]
pub(super) struct Leg {
    tcp: TcpStream,
    tls: Option<Box<Channel>>,
}

impl Leg {
    /// Shakes hands where TLS is wanted: there is no way back from that to a plain connection.
    ///
    /// # Errors
    ///
    /// What TLS says: the other end is not to be trusted, or speaks no TLS.
    pub(super) async fn new(tcp: TcpStream, host: &str, trust: Option<&Trust>) -> io::Result<Self> {
        let Some(trust) = trust else {
            return Ok(Self { tcp, tls: None });
        };
        let config = trust
            .config()
            .map_err(|error| io::Error::other(error.to_string()))?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::other("no certificate can have such a name"))?;
        let mut channel = Channel::client(config, name)?;
        match channel.handshake(&tcp).await {
            Ok(()) => Ok(Self {
                tcp,
                tls: Some(Box::new(channel)),
            }),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(io::Error::other("it closes instead of speaking TLS"))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// As [`Wire::peer_certificate`](super::wire::Wire::peer_certificate).
    pub(super) fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.tls.as_ref()?.peer_certificate()
    }

    /// As [`Wire::is_for`](super::wire::Wire::is_for).
    pub(super) fn is_for(&self, host: &str) -> bool {
        self.tls.as_ref().is_none_or(|tls| tls.is_for(host))
    }

    /// Reads some octets; 0 is the end.
    pub(super) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            let read = match &mut self.tls {
                None => self.tcp.try_read_buf(into),
                Some(tls) => tls.try_read_buf(&self.tcp, into),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Waits until the socket takes more.
    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(cx)
    }

    /// As much as goes now; 0 octets of an empty `from` say that all has left that was taken before.
    pub(super) fn try_write(&mut self, from: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None if from.is_empty() => Ok(0),
            None => self.tcp.try_write(from),
            Some(tls) if from.is_empty() => match tls.try_flush(&self.tcp)? {
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            },
            Some(tls) => tls.try_write_vectored(&self.tcp, &[IoSlice::new(from)]),
        }
    }

    /// Nothing more will be written.
    pub(super) fn finish(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close(&self.tcp);
        }
        let _ = socket2::SockRef::from(&self.tcp).shutdown(Shutdown::Write);
    }
}
