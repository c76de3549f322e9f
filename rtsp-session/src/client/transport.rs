//! What a client asks for in SETUP, and what it makes of the answer.

use rtsp_msg::headers::Delivery;
use rtsp_msg::headers::Lower;
use rtsp_msg::headers::Mode;
use rtsp_msg::headers::Profile;
use rtsp_msg::headers::Transport;
use rtsp_msg::headers::TransportSpec;

/// The transport to ask for. Complete until other lower transports exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportRequest {
    /// Datagrams to these ports of ours.
    Udp {
        /// The even port, for RTP.
        rtp: u16,
        /// The odd port above it, for RTCP.
        rtcp: u16,
    },
    /// Frames on this connection.
    Interleaved {
        /// The channel for RTP.
        rtp: u8,
        /// The channel for RTCP.
        rtcp: u8,
    },
}

/// The transport that the server granted for one media.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaTransport {
    /// Datagrams.
    Udp {
        /// The server's ports for RTP and RTCP, where it told them; some cameras do not, or say 0.
        server: Option<(u16, u16)>,
        /// The address that the server says it sends from, if it is not that of the connection.
        source: Option<String>,
        /// The SSRC that the server announced. Cameras announce wrong ones: a hint, no more.
        ssrc: Option<u32>,
    },
    /// Frames on the connection.
    Interleaved {
        /// The channel for RTP, which may be another than was asked for.
        rtp: u8,
        /// The channel for RTCP.
        rtcp: u8,
        /// The SSRC that the server announced. Cameras announce wrong ones: a hint, no more.
        ssrc: Option<u32>,
    },
}

/// The offer for a `Transport` header. `profile` is the protocol of the media in the description.
pub(super) fn offer(request: TransportRequest, profile: &str, record: bool) -> TransportSpec {
    let profile = if profile.to_ascii_uppercase().starts_with("RTP/AVPF") {
        Profile::RtpAvpf
    } else {
        Profile::RtpAvp
    };
    let lower = match request {
        TransportRequest::Udp { .. } => Lower::Udp,
        TransportRequest::Interleaved { .. } => Lower::Tcp,
    };
    let mut spec = TransportSpec::new(profile, lower);
    spec.delivery = Some(Delivery::Unicast);
    match request {
        TransportRequest::Udp { rtp, rtcp } => spec.client_port = Some((rtp, Some(rtcp))),
        TransportRequest::Interleaved { rtp, rtcp } => spec.interleaved = Some((rtp, Some(rtcp))),
    }
    if record {
        // Only where it is needed: `mode=play` makes some servers refuse.
        spec.mode = Some(Mode::Record);
    }
    spec
}

/// What the server granted; where its answer is silent, what was asked for.
///
/// # Errors
///
/// What the answer asks of us that we cannot do.
pub(super) fn granted(
    answer: Option<&Transport>,
    asked: TransportRequest,
) -> Result<MediaTransport, &'static str> {
    let spec = answer.and_then(|transport| transport.0.first());
    let ssrc = spec.and_then(|spec| spec.ssrc.first().copied());
    let channels = spec.and_then(|spec| spec.interleaved);
    if spec.is_some_and(|spec| matches!(spec.delivery, Some(Delivery::Multicast))) {
        return Err("it grants multicast, which was not asked for");
    }
    // Some cameras forget `/TCP`, but not `interleaved`.
    let interleaved = channels.is_some() || spec.is_some_and(|spec| spec.lower == Lower::Tcp);
    match (asked, channels) {
        (_, Some((rtp, rtcp))) => Ok(MediaTransport::Interleaved {
            rtp,
            rtcp: rtcp.unwrap_or_else(|| rtp.wrapping_add(1)),
            ssrc,
        }),
        (TransportRequest::Interleaved { rtp, rtcp }, None) => {
            if spec.is_some_and(|spec| spec.client_port.is_some() || spec.server_port.is_some()) {
                return Err("it grants UDP where TCP was asked for");
            }
            Ok(MediaTransport::Interleaved { rtp, rtcp, ssrc })
        }
        (TransportRequest::Udp { .. }, None) if interleaved => {
            Err("it grants TCP where UDP was asked for, and names no channels")
        }
        (TransportRequest::Udp { .. }, None) => Ok(MediaTransport::Udp {
            server: spec
                .and_then(|spec| spec.server_port)
                .filter(|(rtp, _)| *rtp != 0)
                .map(|(rtp, rtcp)| (rtp, rtcp.unwrap_or_else(|| rtp.wrapping_add(1)))),
            source: spec
                .and_then(|spec| spec.source.clone())
                .filter(|source| !source.is_empty()),
            ssrc,
        }),
    }
}
