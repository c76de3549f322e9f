//! Transports: what a SETUP offers, what is chosen of it, and how that is written down.

pub mod channels;
pub mod ports;

pub use channels::ChannelMap;

use std::net::SocketAddr;

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
}
