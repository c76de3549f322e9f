//! Choosing one alternative of a Transport header.

use super::{ChannelMap, NegotiatedTransport, ports};
use crate::error::ProtocolError;
use crate::server::Direction;
use rtsp_msg::Version;
use rtsp_msg::headers::{Address, Delivery, Lower, Mode, Profile, TransportSpec};
use std::net::{IpAddr, SocketAddr};

/// What can be chosen, for one SETUP.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)] // Built for each SETUP by the server.
pub struct Capabilities<'a> {
    /// The version of the request: what its parameters mean.
    pub version: Version,
    /// Which way the media flow.
    pub direction: Direction,
    /// The peer's address: the only one that packets may be sent to.
    pub peer: IpAddr,
    /// The channels in use on the connection; `None` where frames cannot be interleaved.
    pub channels: Option<&'a ChannelMap>,
    /// Our ports for RTP and RTCP; `None` where there are no datagrams.
    pub server_ports: Option<(u16, u16)>,
}

/// Why one alternative is not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    Unsupported,
    Foreign,
}

/// Chooses the first alternative that can be used: the order is the peer's preference. What is unknown is skipped, not refused:
/// IPTV boxes offer `MP2T/RTP/TCP` first.
///
/// Channels that are in use, or that are no pair, are replaced by the next free pair: the peer uses what the answer says.
///
/// # Errors
/// [`ProtocolError::DestinationProhibited`] when all that could be used names an address that is not the peer's (packets are never
/// sent to third parties), else [`ProtocolError::UnsupportedTransport`].
pub fn select(
    offers: &[TransportSpec],
    can: &Capabilities<'_>,
) -> Result<NegotiatedTransport, ProtocolError> {
    let mut foreign = false;
    for offer in offers {
        match usable(offer, can) {
            Ok(transport) => return Ok(transport),
            Err(Unusable::Foreign) => foreign = true,
            Err(Unusable::Unsupported) => {}
        }
    }
    Err(if foreign {
        ProtocolError::DestinationProhibited
    } else {
        ProtocolError::UnsupportedTransport
    })
}

fn usable(offer: &TransportSpec, can: &Capabilities<'_>) -> Result<NegotiatedTransport, Unusable> {
    let v2 = can.version == Version::V2_0;
    let fits = offer.profile == Profile::RtpAvp
        && is_unicast(offer, v2)
        && fits_direction(offer, can.direction, v2)
        && !(v2 && has_unknown(offer));
    if !fits {
        return Err(Unusable::Unsupported);
    }
    match offer.lower {
        Lower::Tcp => interleaved(offer, can, v2),
        Lower::Udp if v2 => udp_2(offer, can),
        Lower::Udp => udp_1(offer, can),
        _ => Err(Unusable::Unsupported),
    }
}

/// RTSP/2.0 wants the word; RTSP/1.0 peers leave it out with channels or ports (RFC 2326 §12.39 would have it mean multicast).
fn is_unicast(offer: &TransportSpec, v2: bool) -> bool {
    match offer.delivery {
        Some(delivery) => delivery == Delivery::Unicast,
        None => !v2 && (offer.is_unicast() || offer.lower == Lower::Tcp),
    }
}

/// What the session is for is decided before; a mode that says otherwise is a mistake. Appending is not supported.
fn fits_direction(offer: &TransportSpec, direction: Direction, v2: bool) -> bool {
    match (&offer.mode, direction) {
        (None | Some(Mode::Play), Direction::Play) => true,
        (Some(Mode::PlayAndRecord), Direction::Play) => !v2,
        (None | Some(Mode::Record | Mode::PlayAndRecord), Direction::Record) => {
            !v2 && !offer.append
        }
        _ => false,
    }
}

/// RFC 7826 §18.54: an alternative with unknown parameters is ignored as a whole. Those of RTSP/1.0 are unknown, and so are those
/// of what is not supported here. `ssrc` is ignored.
fn has_unknown(offer: &TransportSpec) -> bool {
    offer.destination.is_some()
        || offer.source.is_some()
        || offer.client_port.is_some()
        || offer.server_port.is_some()
        || offer.port.is_some()
        || offer.append
        || offer.rtcp_mux
        || offer.setup.is_some()
        || offer.connection.is_some()
        || offer.mikey.is_some()
        || !offer.extensions.is_empty()
}

fn interleaved(
    offer: &TransportSpec,
    can: &Capabilities<'_>,
    v2: bool,
) -> Result<NegotiatedTransport, Unusable> {
    let own_connection = v2
        && (offer.interleaved.is_none()
            || !offer.dest_addr.is_empty()
            || !offer.src_addr.is_empty());
    let channels = can
        .channels
        .filter(|_| !own_connection)
        .ok_or(Unusable::Unsupported)?;
    let (rtp, rtcp) = channels
        .choose(offer.interleaved)
        .ok_or(Unusable::Unsupported)?;
    Ok(NegotiatedTransport::Interleaved { rtp, rtcp })
}

fn udp_1(offer: &TransportSpec, can: &Capabilities<'_>) -> Result<NegotiatedTransport, Unusable> {
    let server_ports = can.server_ports.ok_or(Unusable::Unsupported)?;
    let (rtp, rtcp) = offer
        .client_port
        .and_then(ports::pair)
        .ok_or(Unusable::Unsupported)?;
    if let Some(destination) = offer.destination.as_deref().filter(|text| !text.is_empty()) {
        own(destination, can.peer)?;
    }
    let to = |port| SocketAddr::new(can.peer, port);
    Ok(NegotiatedTransport::Udp {
        peer_rtp: to(rtp),
        peer_rtcp: to(rtcp),
        server_ports,
    })
}

fn udp_2(offer: &TransportSpec, can: &Capabilities<'_>) -> Result<NegotiatedTransport, Unusable> {
    let server_ports = can.server_ports.ok_or(Unusable::Unsupported)?;
    let [rtp, rtcp] = offer.dest_addr.as_slice() else {
        return Err(Unusable::Unsupported);
    };
    if offer.interleaved.is_some() || rtp.port == 0 || rtcp.port == 0 || rtp.port == rtcp.port {
        return Err(Unusable::Unsupported);
    }
    let to = |address: &Address| {
        if let Some(host) = address.host.as_deref().filter(|host| !host.is_empty()) {
            own(host, can.peer)?;
        }
        Ok(SocketAddr::new(can.peer, address.port))
    };
    Ok(NegotiatedTransport::Udp {
        peer_rtp: to(rtp)?,
        peer_rtcp: to(rtcp)?,
        server_ports,
    })
}

/// Is it the peer's own address? Names are not looked up: one that is not an address is foreign.
fn own(host: &str, peer: IpAddr) -> Result<(), Unusable> {
    let host = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) if address.to_canonical() == peer.to_canonical() => Ok(()),
        _ => Err(Unusable::Foreign),
    }
}

#[cfg(test)]
mod tests;
