//! The stream of one RTSP connection: plain or sealed by TLS, as it is or within a tunnel.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::BytesMut;
use rtsp_session::random::Random;
use rustls::pki_types::CertificateDer;
use tokio::time::timeout_at;

use super::connect;
use super::leg::Leg;
use super::tls::Trust;
use super::tunnel::Frames;
use super::tunnel::Post;

/// What RTSP goes within.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Carriage {
    /// Nothing.
    #[default]
    Bare,
    /// The pair of a GET and a POST.
    Http,
    /// Frames of WebSocket.
    WebSocket,
}

/// Where a connection leads.
#[derive(Clone, Debug)]
pub(crate) struct Destination<'a> {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// The one of its addresses that it has to be; else any will do.
    pub(crate) at: Option<SocketAddr>,
    /// With TLS, and whom to believe there.
    pub(crate) trust: Option<&'a Trust>,
    pub(crate) carriage: Carriage,
    /// What a tunnel asks for, with its query.
    pub(crate) path: &'a str,
    /// What a tunnel is asked for by.
    pub(crate) user_agent: &'a str,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NotConnected {
    /// Nothing answers.
    Tcp(io::Error),
    /// It answers, but it is not to be trusted, or speaks no TLS.
    Tls(io::Error),
    /// It does not do RTSP in this carriage.
    Tunnel(io::Error),
}

/// A connection that never blocks. Each of its methods that is told to wait by the socket says so.
#[derive(Debug)]
pub(crate) struct Wire {
    leg: Leg,
    tunnel: Tunnel,
}

#[derive(Debug)]
enum Tunnel {
    None,
    /// The leg is its GET.
    Http(Box<Post>),
    WebSocket(Box<Frames>),
}

impl Wire {
    /// Connects, shakes hands where TLS is wanted, and begins the tunnel if it is to be one.
    pub(crate) async fn connect(
        to: &Destination<'_>,
        patience: Duration,
        random: &mut Random,
    ) -> Result<Self, NotConnected> {
        let until = tokio::time::Instant::now() + patience;
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let tcp = match to.at {
            Some(at) => connect::address(at, patience).await,
            None => connect::tcp(to.host, to.port, patience).await,
        };
        let tcp = tcp.map_err(NotConnected::Tcp)?;
        let sealed = timeout_at(until, Leg::new(tcp, to.host, to.trust)).await;
        let mut leg = sealed
            .map_err(late)
            .and_then(|done| done)
            .map_err(NotConnected::Tls)?;
        let begun = timeout_at(until, Box::pin(tunnel(to, &mut leg, random, patience))).await;
        let tunnel = begun
            .map_err(late)
            .and_then(|done| done)
            .map_err(NotConnected::Tunnel)?;
        Ok(Self { leg, tunnel })
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.leg.peer_addr()
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.leg.local_addr()
    }

    /// What RTSP goes within.
    pub(crate) fn carriage(&self) -> Carriage {
        match &self.tunnel {
            Tunnel::None => Carriage::Bare,
            Tunnel::Http(_) => Carriage::Http,
            Tunnel::WebSocket(_) => Carriage::WebSocket,
        }
    }

    /// The certificate that the server has proved to be its own, where there is TLS.
    pub(crate) fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.leg.peer_certificate()
    }

    /// Whether the server has proved to be `host` too: requests about it may go here. What is not sealed proves nothing, and
    /// hides nothing either.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        self.leg.is_for(host)
    }

    /// Reads some octets; 0 is the end.
    pub(crate) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match &mut self.tunnel {
            Tunnel::None => self.leg.poll_read_buf(cx, into),
            Tunnel::Http(post) => post.poll_read_buf(cx, &mut self.leg, into),
            Tunnel::WebSocket(frames) => frames.poll_read_buf(cx, &mut self.leg, into),
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
                    ready!(match &mut self.tunnel {
                        Tunnel::Http(post) => post.poll_write_ready(cx),
                        _ => self.leg.poll_write_ready(cx),
                    })?;
                }
                other => return Poll::Ready(other),
            }
        }
    }

    /// As much as goes now.
    pub(crate) fn try_write(&mut self, from: &[u8]) -> io::Result<usize> {
        match &mut self.tunnel {
            Tunnel::None => self.leg.try_write(from),
            Tunnel::Http(post) => post.try_write(from),
            Tunnel::WebSocket(frames) => frames.try_write(&mut self.leg, from),
        }
    }

    /// Nothing more will be written.
    pub(crate) fn finish(&mut self) {
        match &mut self.tunnel {
            Tunnel::None => {}
            Tunnel::Http(post) => post.finish(),
            Tunnel::WebSocket(frames) => frames.finish(&mut self.leg),
        }
        self.leg.finish();
    }
}

async fn tunnel(
    to: &Destination<'_>,
    leg: &mut Leg,
    random: &mut Random,
    patience: Duration,
) -> io::Result<Tunnel> {
    Ok(match to.carriage {
        Carriage::Bare => Tunnel::None,
        Carriage::Http => {
            let cookie = random.letters(22);
            let early = Post::ask(to, leg, &cookie).await?;
            let post = Post::begin(to, leg.peer_addr()?, &cookie, early, patience).await?;
            Tunnel::Http(Box::new(post))
        }
        Carriage::WebSocket => Tunnel::WebSocket(Box::new(Frames::begin(to, leg, random).await?)),
    })
}

/// Writes all of it.
pub(super) async fn write_all(leg: &mut Leg, mut from: &[u8]) -> io::Result<()> {
    poll_fn(|cx| {
        loop {
            match leg.try_write(from) {
                Ok(0) if from.is_empty() => return Poll::Ready(Ok(())),
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => from = from.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(leg.poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    })
    .await
}
