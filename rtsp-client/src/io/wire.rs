//! The stream of one RTSP connection: plain, or sealed by TLS.

use std::io;
use std::io::IoSlice;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::connect;
use super::tls::Channel;
use super::tls::Trust;

/// Where a connection leads.
#[derive(Clone, Debug)]
pub(crate) struct Destination<'a> {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// With TLS, and whom to believe there.
    pub(crate) trust: Option<&'a Trust>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NotConnected {
    /// Nothing answers.
    Tcp(io::Error),
    /// It answers, but it is not to be trusted, or speaks no TLS.
    Tls(io::Error),
}

/// A connection that never blocks. Each of its methods that is told to wait by the socket says so.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    tls: Option<Box<Channel>>,
}

impl Wire {
    /// Connects, and shakes hands where TLS is wanted: there is no way back from that to a plain connection.
    pub(crate) async fn connect(
        to: &Destination<'_>,
        patience: Duration,
    ) -> Result<Self, NotConnected> {
        let begun = tokio::time::Instant::now();
        let tcp = connect::tcp(to.host, to.port, patience)
            .await
            .map_err(NotConnected::Tcp)?;
        let Some(trust) = to.trust else {
            return Ok(Self { tcp, tls: None });
        };
        let other = |error: String| NotConnected::Tls(io::Error::other(error));
        let config = trust.config().map_err(|error| other(error.to_string()))?;
        let name = ServerName::try_from(to.host.to_owned())
            .map_err(|_| other("no certificate can have such a name".to_owned()))?;
        let mut channel = Channel::client(config, name).map_err(NotConnected::Tls)?;
        match tokio::time::timeout_at(begun + patience, channel.handshake(&tcp)).await {
            Ok(Ok(())) => Ok(Self {
                tcp,
                tls: Some(Box::new(channel)),
            }),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(other("it closes instead of speaking TLS".to_owned()))
            }
            Ok(Err(error)) => Err(NotConnected::Tls(error)),
            Err(_) => Err(NotConnected::Tls(io::ErrorKind::TimedOut.into())),
        }
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Whether the server has proved to be `host` too: requests about it may go here. What is not sealed proves nothing, and
    /// hides nothing either.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        self.tls.as_ref().is_none_or(|tls| tls.is_for(host))
    }

    /// Reads some octets; 0 is the end.
    pub(crate) fn poll_read_buf(
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

    /// Writes some of what there is; an answer of 0 octets to an empty `from` says that all has left that was taken before.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(from) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.tcp.poll_write_ready(cx))?;
                }
                other => return Poll::Ready(other),
            }
        }
    }

    /// As much as goes now.
    pub(crate) fn try_write(&mut self, from: &[u8]) -> io::Result<usize> {
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
    pub(crate) fn finish(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close(&self.tcp);
        }
        let _ = socket2::SockRef::from(&self.tcp).shutdown(Shutdown::Write);
    }
}
