//! What was agreed on for one media, and how the answer says it.

use super::Group;
use crate::server::Direction;
use rtsp_msg::Version;
use rtsp_msg::headers::{
    Address, ConnectionUse, Delivery, Lower, Mode, Profile, SetupRole, TransportSpec,
};
use std::net::{IpAddr, SocketAddr};

/// The port that stands where a party opens connections and does not listen (RFC 7826 §C.2.2): discard.
pub const ACTIVE_PORT: u16 = 9;

/// How the packets of one media travel: one alternative, agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NegotiatedTransport {
    /// Within the RTSP connection, on these channels.
    Interleaved {
        /// The channel of RTP.
        rtp: u8,
        /// The channel of RTCP, the next higher one.
        rtcp: u8,
    },
    /// In datagrams.
    Udp {
        /// Where the peer takes RTP, and sends it from.
        peer_rtp: SocketAddr,
        /// Where it takes reports, and sends them from.
        reports: Reports,
        /// Our ports: RTP, RTCP.
        server_ports: (u16, u16),
    },
    /// On TCP connections of their own (RFC 7826 §C.2.2).
    Connections(MediaConnections),
    /// In datagrams to a multicast group, once for all who are in it.
    Multicast(Group),
}

/// Where the reports (RTCP) of a media go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum Reports {
    /// To an address of their own.
    To(SocketAddr),
    /// Where RTP goes: both share one flow and are told apart by their packet types (RFC 5761 §4).
    Muxed {
        /// The second port that the peer named for the case that they do not; it may let go of it.
        spare: Option<u16>,
    },
    /// Nowhere: the peer named one address and no multiplexing (RFC 7826 §C.1.2).
    None,
}

impl Reports {
    /// Where reports go for RTP to `rtp`; `None` where none are sent.
    #[must_use]
    pub const fn destination(self, rtp: SocketAddr) -> Option<SocketAddr> {
        match self {
            Self::To(address) => Some(address),
            Self::Muxed { .. } => Some(rtp),
            Self::None => None,
        }
    }

    /// Do they share RTP's flow?
    #[must_use]
    pub const fn are_muxed(self) -> bool {
        matches!(self, Self::Muxed { .. })
    }

    /// The second port of the peer's, where it named one.
    const fn second_port(self) -> Option<u16> {
        match self {
            Self::To(address) => Some(address.port()),
            Self::Muxed { spare } => spare,
            Self::None => None,
        }
    }
}

/// TCP connections that carry one media, framed as RFC 4571 says: one for RTP and one for RTCP, or one for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // Complete: all that RFC 7826 §C.2.2 negotiates.
pub struct MediaConnections {
    /// Do we open them? Else we listen.
    pub active: bool,
    /// Were they there before this SETUP?
    pub existing: bool,
    /// Where the peer listens for that of RTP; the port is any where it opens them.
    pub peer_rtp: SocketAddr,
    /// Where the peer listens for that of RTCP, if there is one.
    pub reports: Reports,
    /// Where we listen: RTP, RTCP; [`ACTIVE_PORT`] where we open them.
    pub server_ports: (u16, u16),
}

impl MediaConnections {
    /// How many connections there are: 1 or 2.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self.reports {
            Reports::To(_) => 2,
            Reports::Muxed { .. } | Reports::None => 1,
        }
    }
}

/// Which address is whose in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Complete by nature.
pub struct LocalAddresses {
    /// Where the peer reached us for RTSP.
    pub rtsp: IpAddr,
    /// Where datagrams come from.
    pub media: IpAddr,
}

impl From<IpAddr> for LocalAddresses {
    /// Both alike.
    fn from(address: IpAddr) -> Self {
        Self {
            rtsp: address,
            media: address,
        }
    }
}

impl NegotiatedTransport {
    /// Is it within the RTSP connection?
    #[must_use]
    pub const fn is_interleaved(&self) -> bool {
        matches!(self, Self::Interleaved { .. })
    }

    /// The same, with the ports that we listen on: those that the system has given.
    #[must_use]
    pub const fn listening_on(self, server_ports: (u16, u16)) -> Self {
        match self {
            Self::Connections(connections) => Self::Connections(MediaConnections {
                server_ports,
                ..connections
            }),
            other => other,
        }
    }

    /// The one alternative of the answer, in the form of the version. `ssrc` is that of the RTP packets that the peer will get,
    /// where it is known.
    #[must_use]
    pub fn to_spec(
        &self,
        version: Version,
        direction: Direction,
        local: LocalAddresses,
        ssrc: Option<u32>,
    ) -> TransportSpec {
        let lower = match self {
            Self::Udp { .. } | Self::Multicast(_) => Lower::Udp,
            Self::Interleaved { .. } | Self::Connections(_) => Lower::Tcp,
        };
        let mut spec = TransportSpec::new(Profile::RtpAvp, lower);
        spec.delivery = Some(match self {
            Self::Multicast(_) => Delivery::Multicast,
            _ => Delivery::Unicast,
        });
        spec.ssrc.extend(ssrc);
        // Only where it is not the default: several peers do not understand the parameter.
        spec.mode = (direction == Direction::Record).then_some(Mode::Record);
        match *self {
            Self::Interleaved { rtp, rtcp } => spec.interleaved = Some((rtp, Some(rtcp))),
            Self::Udp {
                peer_rtp,
                reports,
                server_ports,
            } => {
                spec.rtcp_mux = reports.are_muxed();
                if version == Version::V2_0 {
                    addresses(&mut spec, peer_rtp, reports, local.media, server_ports);
                } else {
                    let separate = matches!(reports, Reports::To(_));
                    spec.client_port = Some((peer_rtp.port(), reports.second_port()));
                    spec.server_port = Some((server_ports.0, separate.then_some(server_ports.1)));
                    spec.source = (local.media.to_canonical() != local.rtsp.to_canonical())
                        .then(|| local.media.to_canonical().to_string());
                }
            }
            Self::Connections(MediaConnections {
                active,
                existing,
                peer_rtp,
                reports,
                server_ports,
            }) => {
                spec.rtcp_mux = reports.are_muxed();
                spec.setup = Some(match active {
                    true => SetupRole::Active,
                    false => SetupRole::Passive,
                });
                spec.connection = Some(match existing {
                    true => ConnectionUse::Existing,
                    false => ConnectionUse::New,
                });
                addresses(&mut spec, peer_rtp, reports, local.rtsp, server_ports);
            }
            Self::Multicast(group) => group.tell(&mut spec, version),
        }
        spec
    }
}

/// `dest_addr` and `src_addr` (RFC 7826 §18.54): what the peer named stays, our own is one address for each flow.
fn addresses(
    spec: &mut TransportSpec,
    peer_rtp: SocketAddr,
    reports: Reports,
    local: IpAddr,
    server_ports: (u16, u16),
) {
    let address = |host: IpAddr, port| Address {
        host: Some(host.to_canonical().to_string()),
        port,
    };
    let peer = peer_rtp.ip();
    let second = reports.second_port().map(|port| address(peer, port));
    spec.dest_addr = std::iter::once(address(peer, peer_rtp.port()))
        .chain(second)
        .collect();
    let separate = matches!(reports, Reports::To(_));
    spec.src_addr = std::iter::once(server_ports.0)
        .chain(separate.then_some(server_ports.1))
        .map(|port| address(local, port))
        .collect();
}
