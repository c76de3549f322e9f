//! Transports: what a SETUP offers, what is chosen of it, and how that is written down (RFC 7826 §18.54, RFC 2326 §12.39).

pub mod channels;
pub mod offer;
pub mod ports;
mod select;

pub use channels::ChannelMap;
pub use select::{Capabilities, select};

use crate::leniency::Leniency;
use crate::server::Direction;
use rtsp_msg::headers::{Address, Delivery, Lower, Mode, Profile, Transport, TransportSpec};
use rtsp_msg::{HeaderName, Request, Version};
use std::net::{IpAddr, SocketAddr};

/// The version whose transport parameters a SETUP is read and answered by: its own, but for what `leniency` names.
#[must_use]
pub fn grammar(request: &Request, leniency: &Leniency) -> Version {
    let gstreamer = leniency.gstreamer_ports
        && request
            .headers
            .first(&HeaderName::UserAgent)
            .is_some_and(|agent| agent.starts_with("GStreamer/"));
    let ports_of_1_0 = || {
        let offers = request.headers.typed::<Transport>().ok().flatten();
        offers.is_some_and(|offers| offers.0.iter().any(|offer| offer.client_port.is_some()))
    };
    match request.version {
        Version::V2_0 if gstreamer && ports_of_1_0() => Version::V1_0,
        version => version,
    }
}

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
        /// Where the peer takes RTCP, and sends it from.
        peer_rtcp: SocketAddr,
        /// Our ports: RTP, RTCP.
        server_ports: (u16, u16),
    },
}

impl NegotiatedTransport {
    /// Is it within the RTSP connection?
    #[must_use]
    pub const fn is_interleaved(&self) -> bool {
        matches!(self, Self::Interleaved { .. })
    }

    /// The one alternative of the answer. `local` is our address as the peer reached it; `ssrc` that of the RTP packets that
    /// the peer will get, where it is known.
    #[must_use]
    pub fn to_spec(
        &self,
        version: Version,
        direction: Direction,
        local: IpAddr,
        ssrc: Option<u32>,
    ) -> TransportSpec {
        let lower = if self.is_interleaved() {
            Lower::Tcp
        } else {
            Lower::Udp
        };
        let mut spec = TransportSpec::new(Profile::RtpAvp, lower);
        spec.delivery = Some(Delivery::Unicast);
        spec.ssrc.extend(ssrc);
        // Only where it is not the default: several peers do not understand the parameter.
        spec.mode = (direction == Direction::Record).then_some(Mode::Record);
        match *self {
            Self::Interleaved { rtp, rtcp } => spec.interleaved = Some((rtp, Some(rtcp))),
            Self::Udp {
                peer_rtp,
                peer_rtcp,
                server_ports,
            } if version == Version::V2_0 => {
                let address = |host: IpAddr, port| Address {
                    host: Some(host.to_string()),
                    port,
                };
                spec.dest_addr = [peer_rtp, peer_rtcp]
                    .map(|to| address(to.ip().to_canonical(), to.port()))
                    .into();
                spec.src_addr = [server_ports.0, server_ports.1]
                    .map(|port| address(local.to_canonical(), port))
                    .into();
            }
            Self::Udp {
                peer_rtp,
                peer_rtcp,
                server_ports,
            } => {
                spec.client_port = Some((peer_rtp.port(), Some(peer_rtcp.port())));
                spec.server_port = Some((server_ports.0, Some(server_ports.1)));
            }
        }
        spec
    }
}
