//! TCP connections that carry one media alone: packets behind lengths (RFC 7826 §C.2.2, RFC 4571).

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;
use rtsp_session::client::Flows;
use rtsp_session::client::MediaTransport;
use rtsp_session::client::PacketKind;
use rtsp_session::client::TransportRequest;
use rtsp_session::transport::framing;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;

/// A read.
const READ_BYTES: usize = 64 << 10;

/// Octets of reports that may wait; more are dropped, as they would be on a full network.
const OUTBOUND_BYTES: usize = 64 << 10;

/// How the connections of one media come to be.
#[derive(Debug)]
pub(crate) enum Making {
    /// We open them.
    Active,
    /// The server does, to these: RTP, RTCP.
    Passive(Box<[TcpListener; 2]>),
}

/// The connections of one media.
#[derive(Debug)]
pub(crate) struct FramedConnections {
    rtp: FramedStream,
    /// `None` where RTCP shares RTP's, or there is none.
    rtcp: Option<FramedStream>,
    flows: Flows,
}

/// One connection, either way.
#[derive(Debug)]
struct FramedStream {
    stream: TcpStream,
    inbound: BytesMut,
    outbound: BytesMut,
    closed: bool,
}

impl Making {
    /// Listens on the address from which the server is reached.
    pub(crate) async fn listen(local: IpAddr) -> io::Result<Self> {
        let listener = || TcpListener::bind((local, 0));
        Ok(Self::Passive(Box::new([
            listener().await?,
            listener().await?,
        ])))
    }

    pub(crate) fn request(&self) -> io::Result<TransportRequest> {
        let listening = match self {
            Self::Active => None,
            Self::Passive(listeners) => {
                let [rtp, rtcp] = &**listeners;
                Some((rtp.local_addr()?.port(), rtcp.local_addr()?.port()))
            }
        };
        Ok(TransportRequest::Connections { listening })
    }

    /// Makes the connections that SETUP granted: all of them, before which there is no PLAY (RFC 7826 §C.2.2).
    ///
    /// # Errors
    ///
    /// `Unsupported` when the grant is something else or leads to another address than the server's, `TimedOut`, else what the
    /// system says.
    pub(crate) async fn make(
        self,
        granted: &MediaTransport,
        local: IpAddr,
        server: IpAddr,
        timeout: Duration,
    ) -> io::Result<FramedConnections> {
        let MediaTransport::Connections {
            server: ports,
            host,
            flows,
            ..
        } = granted
        else {
            return Err(unsupported("the server granted something else"));
        };
        let separate = *flows == Flows::Separate;
        let made = async {
            match (self, ports) {
                (Self::Active, Some((rtp, rtcp))) => {
                    let named = host.as_deref().and_then(|host| host.parse::<IpAddr>().ok());
                    if named.is_some_and(|named| named.to_canonical() != server.to_canonical()) {
                        // Nobody makes us connect to a third party.
                        return Err(unsupported("it leads to another address"));
                    }
                    let open = |port| connect(local, SocketAddr::new(server, port));
                    let rtp = open(*rtp).await?;
                    let rtcp = match separate {
                        true => Some(open(*rtcp).await?),
                        false => None,
                    };
                    Ok((rtp, rtcp))
                }
                (Self::Passive(listeners), None) => {
                    let [rtp, rtcp] = *listeners;
                    let first = accept(&rtp, server).await?;
                    let second = match separate {
                        true => Some(accept(&rtcp, server).await?),
                        false => None,
                    };
                    Ok((first, second))
                }
                _ => Err(unsupported("the wrong side would open the connections")),
            }
        };
        let made = tokio::time::timeout(timeout, made).await;
        let (rtp, rtcp) = made.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(FramedConnections {
            rtp: FramedStream::new(rtp)?,
            rtcp: rtcp.map(FramedStream::new).transpose()?,
            flows: *flows,
        })
    }
}

fn unsupported(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}

async fn connect(local: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // The server takes connections from the address that it knows.
    socket.bind(SocketAddr::new(local, 0))?;
    socket.connect(to).await
}

/// The first connection from the server; others are closed.
async fn accept(listener: &TcpListener, server: IpAddr) -> io::Result<TcpStream> {
    loop {
        let (stream, from) = listener.accept().await?;
        if from.ip().to_canonical() == server.to_canonical() {
            return Ok(stream);
        }
    }
}

impl FramedConnections {
    /// Sends one compound if RTCP has a way; whether it went out or waits to.
    pub(crate) fn send_rtcp(&mut self, compound: &[u8]) -> bool {
        match (&mut self.rtcp, self.flows) {
            (Some(rtcp), _) => rtcp.send(compound),
            (None, Flows::Muxed) => self.rtp.send(compound),
            (None, _) => false,
        }
    }

    /// Writes what waits, and reads what has come. `Ok(false)`: RTP's connection has ended, and nothing will come any more.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(PacketKind, Bytes),
    ) -> Poll<io::Result<bool>> {
        let open = !self.rtp.closed;
        let mut progress = self.rtp.poll(cx, |packet| take(PacketKind::Rtp, packet))?;
        if let Some(rtcp) = &mut self.rtcp {
            progress |= rtcp.poll(cx, |packet| take(PacketKind::Rtcp, packet))?;
        }
        if progress || (open && self.rtp.closed) {
            Poll::Ready(Ok(!self.rtp.closed))
        } else {
            Poll::Pending
        }
    }
}

impl FramedStream {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            inbound: BytesMut::new(),
            outbound: BytesMut::new(),
            closed: false,
        })
    }

    fn send(&mut self, packet: &[u8]) -> bool {
        let Some(prefix) = framing::prefix(packet.len()) else {
            return false;
        };
        if self.closed || self.outbound.len() > OUTBOUND_BYTES {
            return false;
        }
        self.outbound.extend_from_slice(&prefix);
        self.outbound.extend_from_slice(packet);
        // What does not go now goes when the socket is looked at next.
        while let Ok(count @ 1..) = self.stream.try_write(&self.outbound) {
            self.outbound.advance(count);
        }
        true
    }

    /// Writes and reads once; whether packets came.
    fn poll(&mut self, cx: &mut Context<'_>, mut take: impl FnMut(Bytes)) -> io::Result<bool> {
        while !self.closed && !self.outbound.is_empty() {
            match self.stream.try_write(&self.outbound) {
                Ok(count) => self.outbound.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stream.poll_write_ready(cx).is_pending() {
                        break;
                    }
                }
                Err(_) => self.closed = true,
            }
        }
        let mut any = false;
        while !self.closed && !any {
            if self.stream.poll_read_ready(cx)?.is_pending() {
                break;
            }
            self.inbound.reserve(READ_BYTES);
            match self.stream.try_read_buf(&mut self.inbound) {
                Ok(1..) => {
                    while let Some(packet) = framing::next(&mut self.inbound) {
                        any = true;
                        take(packet);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // An end is an end, however it comes; the session says why.
                Ok(0) | Err(_) => self.closed = true,
            }
        }
        Ok(any)
    }
}
