//! How the packets of a session travel, by media.

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use rtsp_session::client::ClientSession;
use rtsp_session::client::Flows;
use rtsp_session::client::MediaTransport;
use rtsp_session::client::PacketKind;
use rtsp_session::client::TransportRequest;
use rtsp_session::transport::Group;

use crate::io::framed::FramedConnections;
use crate::io::multicast::Membership;
use crate::io::udp::DatagramOptions;
use crate::io::udp::DatagramPair;
use crate::io::udp::DatagramSocket;
use crate::io::udp::Origin;
use crate::io::udp::Outgoing;
use crate::io::udp::PairPorts;
use crate::io::udp::ReceiveBuffer;

/// An RTP header without meaning, to open the way through address translation: version 2, all else zero.
const PUNCH_RTP: [u8; 12] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// An empty receiver report, for the same.
const PUNCH_RTCP: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 0];

/// One media's sockets and where its packets go.
#[derive(Debug)]
pub(crate) struct DatagramPath {
    rtp: DatagramSocket,
    /// `None` where RTCP shares RTP's, or there is none.
    rtcp: Option<DatagramSocket>,
    /// Whose packets are taken; `None`: anybody's, in a group without a source of its own.
    sources: Option<[IpAddr; 2]>,
    /// They are sent to a group.
    is_group: bool,
    rtp_to: Option<SocketAddr>,
    rtcp_to: Option<SocketAddr>,
}

/// How the packets of one media travel.
#[derive(Debug)]
pub(crate) enum Path {
    Datagrams(Box<DatagramPath>),
    Interleaved {
        rtp: u8,
        rtcp: u8,
    },
    /// TCP connections for this media alone.
    Connections(Box<FramedConnections>),
}

impl DatagramPath {
    /// Binds a pair on the address from which the server is reached.
    pub(crate) fn bind(local: IpAddr, server: IpAddr) -> io::Result<Self> {
        let options = DatagramOptions::default();
        let DatagramPair { rtp, rtcp } = DatagramPair::bind(local, PairPorts::Ephemeral, &options)?;
        Ok(Self {
            rtp,
            rtcp: Some(rtcp),
            sources: Some([server; 2]),
            is_group: false,
            rtp_to: None,
            rtcp_to: None,
        })
    }

    /// Joins a group on the interface that has an address; on the system's choice where that is of another family.
    ///
    /// Where only one may send to the group, nobody else is heard and nothing is reported: networks carry nothing of receivers there
    /// (RFC 4607 §1, RFC 5760 §1).
    pub(crate) fn join(group: &Group, interface: IpAddr) -> io::Result<Self> {
        let interface = match (group.address, interface) {
            (IpAddr::V4(_), IpAddr::V6(_)) => Ipv4Addr::UNSPECIFIED.into(),
            (IpAddr::V6(_), IpAddr::V4(_)) => Ipv6Addr::UNSPECIFIED.into(),
            (_, same) => same,
        };
        let join = |group_port| {
            let membership = Membership {
                group: group_port,
                source: group.source,
                interface,
                ttl: group.ttl.unwrap_or(1),
            };
            membership.join(&DatagramOptions::default())
        };
        Ok(Self {
            rtp: join(group.rtp())?,
            rtcp: Some(join(group.rtcp())?),
            sources: group.source.map(|source| [source; 2]),
            is_group: true,
            rtp_to: None,
            rtcp_to: Some(group.rtcp()).filter(|_| !group.is_source_specific()),
        })
    }

    /// Whether packets are sent to a group.
    pub(crate) fn is_group(&self) -> bool {
        self.is_group
    }

    pub(crate) fn request(&self) -> TransportRequest {
        let rtp = self.rtp.local_address().port();
        let rtcp = self.rtcp.as_ref().map_or(rtp, |s| s.local_address().port());
        TransportRequest::Udp { rtp, rtcp }
    }

    /// Takes what SETUP granted.
    pub(crate) fn granted(self, transport: &MediaTransport) -> Path {
        match transport {
            MediaTransport::Interleaved { rtp, rtcp, .. } => Path::Interleaved {
                rtp: *rtp,
                rtcp: *rtcp,
            },
            MediaTransport::Udp {
                server,
                source,
                flows,
                ..
            } => {
                let mut path = self;
                if let Some([ip, told]) = &mut path.sources {
                    let source = source.as_deref().and_then(|source| source.parse().ok());
                    *told = source.unwrap_or(*ip);
                    // Where the server is heard from is not where it is reached: a foreign address gets nothing from us.
                    path.rtp_to = server.map(|(rtp, _)| SocketAddr::new(*ip, rtp));
                    path.rtcp_to = server.map(|(_, rtcp)| SocketAddr::new(*ip, rtcp));
                }
                match flows {
                    Flows::Separate => {}
                    Flows::Muxed => path.rtcp = None,
                    Flows::RtpOnly => (path.rtcp, path.rtcp_to) = (None, None),
                }
                Path::Datagrams(Box::new(path))
            }
            _ => Path::Datagrams(Box::new(self)),
        }
    }

    /// Whether packets can be sent to the server.
    pub(crate) fn can_send(&self) -> bool {
        self.rtp_to.is_some()
    }

    /// Sends a small packet to each of the server's ports, so that address translators on the way let its packets in.
    /// Where the media has SRTP, and the server can open what is ours, they are sealed like all else.
    pub(crate) fn punch(&self, session: &mut ClientSession, media: usize) {
        let both = [
            (PacketKind::Rtp, &PUNCH_RTP[..]),
            (PacketKind::Rtcp, &PUNCH_RTCP),
        ];
        for (kind, packet) in both {
            let sealed = session.seal(media, kind, packet);
            self.try_send(kind, sealed.as_deref().unwrap_or(packet));
        }
    }

    /// Sends one datagram if there is where to; what the socket does not take now is lost, as datagrams may be.
    pub(crate) fn try_send(&self, kind: PacketKind, contents: &[u8]) -> bool {
        let (socket, to) = self.socket(kind);
        let Some(destination) = to else { return false };
        let outgoing = Outgoing {
            destination,
            contents,
            segment_size: None,
            source: None,
        };
        socket.try_send(&outgoing).is_ok()
    }

    /// Sends one datagram, waiting for room.
    pub(crate) async fn send(&self, kind: PacketKind, contents: &[u8]) -> io::Result<()> {
        let (socket, to) = self.socket(kind);
        let Some(destination) = to else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let outgoing = Outgoing {
            destination,
            contents,
            segment_size: None,
            source: None,
        };
        socket.send(&outgoing).await
    }

    /// Reads one batch from each socket that has something and hands over the datagrams of the server.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReceiveBuffer,
        out: &mut Vec<(Origin, Bytes)>,
        mut take: impl FnMut(PacketKind, Bytes),
    ) -> Poll<io::Result<()>> {
        let mut any = false;
        let own = self.rtcp.as_ref().map(|socket| (PacketKind::Rtcp, socket));
        for (kind, socket) in [(PacketKind::Rtp, &self.rtp)].into_iter().chain(own) {
            // A readiness that turns out to be stale registers the task again.
            while socket.poll_readable(cx).is_ready() {
                match socket.try_receive(buffer) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    // An ICMP message about something sent: nothing is wrong with what arrives.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                    Err(error) => return Poll::Ready(Err(error)),
                }
                buffer.freeze_into(out);
                for (origin, bytes) in out.drain(..) {
                    let its = |sources: [IpAddr; 2]| sources.contains(&origin.source.ip());
                    if self.sources.is_none_or(its) {
                        any = true;
                        take(kind, bytes);
                    }
                }
                if any {
                    break;
                }
            }
        }
        if any {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn socket(&self, kind: PacketKind) -> (&DatagramSocket, Option<SocketAddr>) {
        match kind {
            PacketKind::Rtp => (&self.rtp, self.rtp_to),
            PacketKind::Rtcp => (self.rtcp.as_ref().unwrap_or(&self.rtp), self.rtcp_to),
        }
    }
}
