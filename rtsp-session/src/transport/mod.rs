//! Transports: what a SETUP offers, what is chosen of it, and how that is written down (RFC 7826 §18.54, RFC 2326 §12.39).

pub mod channels;
pub mod framing;
pub mod multicast;
mod negotiated;
pub mod offer;
pub mod ports;
mod select;

pub use channels::ChannelMap;
pub use multicast::Group;
pub use negotiated::{ACTIVE_PORT, LocalAddresses, MediaConnections, NegotiatedTransport, Reports};
pub use select::{Capabilities, Selected, foreign, select, wants_multicast};

use crate::leniency::Leniency;
use rtsp_msg::headers::Transport;
use rtsp_msg::{HeaderName, Request, Version};

/// The feature tag of RTP and RTCP on one flow (RFC 7826 §C.1.6.4).
pub const MUX_FEATURE: &str = "setup.rtp.rtcp.mux";

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

/// Whether RTP and RTCP of a media can share a flow: none of its payload types looks like a packet of RTCP with the marker bit
/// taken off (RFC 5761 §4).
#[must_use]
pub fn can_multiplex(media: &sdp::Media) -> bool {
    let mut formats = media.formats.iter();
    !formats.any(|format| (64..=95).contains(&format.payload_type))
}
