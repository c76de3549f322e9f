//! Choosing one alternative of a Transport header.

use super::{
    ChannelMap, Group, LocalAddresses, MediaConnections, NegotiatedTransport, Reports, ports,
};
use crate::error::ProtocolError;
use crate::server::Direction;
use rtsp_msg::Version;
use rtsp_msg::headers::{
    Address, ConnectionUse, Delivery, Lower, Mode, Profile, SetupRole, TransportSpec,
};
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
    /// The channels in use on the connection; `None` where frames cannot be interleaved: the media is another connection's, or
    /// RTSP does not run over TCP (RFC 7826 §C.2.1, RFC 2326 §10.12).
    pub channels: Option<&'a ChannelMap>,
    /// Our ports for RTP and RTCP; `None` where there are no datagrams.
    pub server_ports: Option<(u16, u16)>,
    /// Whether RTP and RTCP of this media can share a flow: their packet types do not collide (RFC 5761 §4).
    pub mux: bool,
    /// Whether media can travel on TCP connections of their own.
    pub connections: bool,
    /// Those that the media has now.
    pub before: Option<MediaConnections>,
    /// The group that this media is sent to; `None` where there is none.
    pub multicast: Option<Group>,
    /// Whether media can be encrypted by SRTP: keys can be told, and there are some.
    pub secure: bool,
}

/// What is chosen. `Debug` leaves the key out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selected {
    /// How packets travel.
    pub transport: NegotiatedTransport,
    /// The RTP profile, as it was offered.
    pub profile: Profile,
    /// The key-management message that came with it, in base64 (RTSP/2.0).
    pub mikey: Option<String>,
}

impl std::fmt::Debug for Selected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Selected")
            .field("transport", &self.transport)
            .field("profile", &self.profile)
            .field("has_mikey", &self.mikey.is_some())
            .finish()
    }
}

impl Selected {
    /// The one alternative of the answer; see [`NegotiatedTransport::to_spec`].
    #[must_use]
    pub fn to_spec(
        &self,
        version: Version,
        direction: Direction,
        local: LocalAddresses,
        ssrc: Option<u32>,
    ) -> TransportSpec {
        let mut spec = self.transport.to_spec(version, direction, local, ssrc);
        spec.profile = self.profile.clone();
        spec
    }
}

/// Why one alternative is not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    Unsupported,
    Foreign,
    Unreachable,
}

/// Chooses the first alternative that can be used: the order is the peer's preference. What is unknown is skipped, not refused:
/// IPTV boxes offer `MP2T/RTP/TCP` first.
///
/// Channels that are in use, or that are no pair, are replaced by the next free pair: the peer uses what the answer says.
///
/// # Errors
/// Where nothing can be used: [`ProtocolError::DestinationProhibited`] when something names an address that is not the peer's
/// (packets are never sent to third parties), [`ProtocolError::Forbidden`] in RTSP/2.0 when all are SRTP without a key, [`ProtocolError::DestinationUnreachable`] when one that is no host's, else
/// [`ProtocolError::UnsupportedTransport`].
pub fn select(offers: &[TransportSpec], can: &Capabilities<'_>) -> Result<Selected, ProtocolError> {
    let (mut foreign, mut unreachable) = (false, false);
    for offer in offers {
        match usable(offer, can) {
            Ok(transport) => {
                return Ok(Selected {
                    transport,
                    profile: offer.profile.clone(),
                    mikey: offer.mikey.clone(),
                });
            }
            Err(Unusable::Foreign) => foreign = true,
            Err(Unusable::Unreachable) => unreachable = true,
            Err(Unusable::Unsupported) => {}
        }
    }
    // RFC 7826 §C.1.4.1, step 7.
    let keyless = |offer: &TransportSpec| offer.profile.is_secure() && offer.mikey.is_none();
    if can.version == Version::V2_0 && !offers.is_empty() && offers.iter().all(keyless) {
        return Err(ProtocolError::Forbidden);
    }
    Err(if foreign {
        ProtocolError::DestinationProhibited
    } else if unreachable {
        ProtocolError::DestinationUnreachable
    } else {
        ProtocolError::UnsupportedTransport
    })
}

/// The first destination among the offers that is not the peer's own: an attempt to direct media at somebody else, to be logged
/// whatever is chosen (RFC 7826 §18.54).
///
/// Multicast addresses are nobody's own: where they lead to is not decided by those who name them.
#[must_use]
pub fn foreign(offers: &[TransportSpec], peer: IpAddr) -> Option<&str> {
    offers.iter().find_map(|offer| {
        let unicast = offer.delivery != Some(Delivery::Multicast);
        let hosts = offer
            .dest_addr
            .iter()
            .map(|address| address.host.as_deref());
        hosts
            .chain([offer.destination.as_deref()])
            .flatten()
            .find(|host| unicast && !host.is_empty() && own(host, peer).is_err())
    })
}

fn usable(offer: &TransportSpec, can: &Capabilities<'_>) -> Result<NegotiatedTransport, Unusable> {
    let v2 = can.version == Version::V2_0;
    let unicast = is_unicast(offer, v2);
    let profile = match offer.profile {
        Profile::RtpAvp | Profile::RtpAvpf => true,
        // RTSP/2.0 brings its key along. What goes to a group is not sealed.
        Profile::RtpSavp | Profile::RtpSavpf => {
            can.secure && unicast && (!v2 || offer.mikey.is_some())
        }
        _ => false,
    };
    let fits = profile
        && (unicast || is_multicast(offer, v2))
        && fits_direction(offer, can.direction, v2)
        && !(v2 && has_unknown(offer));
    if !fits {
        return Err(Unusable::Unsupported);
    }
    if !unicast {
        return multicast(offer, can);
    }
    match offer.lower {
        Lower::Tcp if v2 && offer.interleaved.is_none() => connections(offer, can),
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

/// As [`is_unicast`]: RTSP/1.0 peers that say neither, nor name channels or ports, mean multicast (RFC 2326 §12.39).
fn is_multicast(offer: &TransportSpec, v2: bool) -> bool {
    match offer.delivery {
        Some(delivery) => delivery == Delivery::Multicast,
        None => !v2 && !is_unicast(offer, v2),
    }
}

/// Whether something among the offers is multicast: a group has to be had to choose it.
#[must_use]
pub fn wants_multicast(offers: &[TransportSpec], version: Version) -> bool {
    let mut offers = offers.iter();
    offers.any(|offer| offer.lower == Lower::Udp && is_multicast(offer, version == Version::V2_0))
}

/// The group is ours to choose: who names one has to name that. Its ports and time to live are what the answer says.
fn multicast(
    offer: &TransportSpec,
    can: &Capabilities<'_>,
) -> Result<NegotiatedTransport, Unusable> {
    let plain = offer.lower == Lower::Udp
        && offer.interleaved.is_none()
        && offer.client_port.is_none()
        && !offer.rtcp_mux
        && offer.layers.unwrap_or(1) == 1
        && offer.dest_addr.len() <= 2;
    let group = can
        .multicast
        .filter(|_| plain && can.direction == Direction::Play);
    let group = group.ok_or(Unusable::Unsupported)?;
    let hosts = offer.dest_addr.iter().map(|to| to.host.as_deref());
    for host in hosts.chain([offer.destination.as_deref()]).flatten() {
        if !host.is_empty() && own(host, group.address).is_err() {
            return Err(Unusable::Foreign);
        }
    }
    Ok(NegotiatedTransport::Multicast(group))
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
/// of what is not supported here; those of connections are for connections. `ssrc` is ignored, and so are `ttl` and `layers`,
/// which mean nothing for one receiver.
fn has_unknown(offer: &TransportSpec) -> bool {
    let connected = offer.setup.is_some() || offer.connection.is_some();
    offer.destination.is_some()
        || offer.source.is_some()
        || offer.client_port.is_some()
        || offer.server_port.is_some()
        || offer.port.is_some()
        || offer.append
        || (offer.mikey.is_some() && !offer.profile.is_secure())
        || !offer.extensions.is_empty()
        || (connected && (offer.lower != Lower::Tcp || offer.interleaved.is_some()))
}

fn interleaved(
    offer: &TransportSpec,
    can: &Capabilities<'_>,
    v2: bool,
) -> Result<NegotiatedTransport, Unusable> {
    // Channels have RTCP on the next one: who insists on one for both is not served so.
    let addressed = !offer.dest_addr.is_empty() || !offer.src_addr.is_empty();
    let channels = can
        .channels
        .filter(|_| !(v2 && (addressed || offer.rtcp_mux)))
        .ok_or(Unusable::Unsupported)?;
    let (rtp, rtcp) = channels
        .choose(offer.interleaved)
        .ok_or(Unusable::Unsupported)?;
    Ok(NegotiatedTransport::Interleaved { rtp, rtcp })
}

fn udp_1(offer: &TransportSpec, can: &Capabilities<'_>) -> Result<NegotiatedTransport, Unusable> {
    let server_ports = can.server_ports.ok_or(Unusable::Unsupported)?;
    let named = offer.client_port.ok_or(Unusable::Unsupported)?;
    // RTSP/1.0 does not know the parameter, but its peers do; live555 says it by naming one port twice.
    let mux = offer.rtcp_mux || named.1 == Some(named.0);
    let (rtp, reports) = if mux {
        let usable = named.0 != 0 && can.mux;
        let reports = Reports::Muxed { spare: named.1 };
        usable.then_some((named.0, reports))
    } else {
        ports::pair(named).map(|(rtp, rtcp)| (rtp, Reports::To(SocketAddr::new(can.peer, rtcp))))
    }
    .ok_or(Unusable::Unsupported)?;
    if let Some(destination) = offer.destination.as_deref().filter(|text| !text.is_empty()) {
        own(destination, can.peer)?;
    }
    Ok(NegotiatedTransport::Udp {
        peer_rtp: SocketAddr::new(can.peer, rtp),
        reports,
        server_ports,
    })
}

fn udp_2(offer: &TransportSpec, can: &Capabilities<'_>) -> Result<NegotiatedTransport, Unusable> {
    let server_ports = can.server_ports.ok_or(Unusable::Unsupported)?;
    if offer.interleaved.is_some() {
        return Err(Unusable::Unsupported);
    }
    let (peer_rtp, reports) = destinations(offer, can)?;
    if reports == Reports::To(peer_rtp) {
        return Err(Unusable::Unsupported);
    }
    Ok(NegotiatedTransport::Udp {
        peer_rtp,
        reports,
        server_ports,
    })
}

/// Where `dest_addr` wants RTP and RTCP (RFC 7826 §C.1.2): one address is RTP's alone, but for multiplexing.
fn destinations(
    offer: &TransportSpec,
    can: &Capabilities<'_>,
) -> Result<(SocketAddr, Reports), Unusable> {
    let to = |address: &Address| {
        if address.port == 0 {
            return Err(Unusable::Unsupported);
        }
        if let Some(host) = address.host.as_deref().filter(|host| !host.is_empty()) {
            own(host, can.peer)?;
        }
        Ok(SocketAddr::new(can.peer, address.port))
    };
    let (rtp, second) = match offer.dest_addr.as_slice() {
        [rtp] => (to(rtp)?, None),
        [rtp, rtcp] => (to(rtp)?, Some(to(rtcp)?)),
        _ => return Err(Unusable::Unsupported),
    };
    let reports = match second {
        _ if offer.rtcp_mux && !can.mux => return Err(Unusable::Unsupported),
        second if offer.rtcp_mux => Reports::Muxed {
            spare: second.map(|address| address.port()),
        },
        Some(rtcp) => Reports::To(rtcp),
        None => Reports::None,
    };
    Ok((rtp, reports))
}

/// RFC 7826 §C.2.2. Who may do either has us listen: that works through address translation at its end.
fn connections(
    offer: &TransportSpec,
    can: &Capabilities<'_>,
) -> Result<NegotiatedTransport, Unusable> {
    if !can.connections {
        return Err(Unusable::Unsupported);
    }
    let (peer_rtp, reports) = destinations(offer, can)?;
    let active = offer.setup == Some(SetupRole::Passive);
    if active && reports == Reports::To(peer_rtp) {
        return Err(Unusable::Unsupported);
    }
    let kept = can.before.filter(|before| {
        let fits = before.active == active || offer.setup == Some(SetupRole::ActPass);
        offer.connection != Some(ConnectionUse::New)
            && fits
            && before.count()
                == if matches!(reports, Reports::To(_)) {
                    2
                } else {
                    1
                }
            && before.reports.are_muxed() == reports.are_muxed()
    });
    let chosen = match kept {
        Some(before) => MediaConnections {
            existing: true,
            peer_rtp,
            reports,
            ..before
        },
        None => MediaConnections {
            active,
            existing: false,
            peer_rtp,
            reports,
            server_ports: (super::ACTIVE_PORT, super::ACTIVE_PORT),
        },
    };
    Ok(NegotiatedTransport::Connections(chosen))
}

/// Is it the peer's own address? Names are not looked up: one that is not an address is foreign.
fn own(host: &str, peer: IpAddr) -> Result<(), Unusable> {
    let host = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(address) if address == peer.to_canonical() => Ok(()),
        Ok(address) if is_nobodys(address) => Err(Unusable::Unreachable),
        _ => Err(Unusable::Foreign),
    }
}

/// Whether no single host can have it (RFC 1122 §3.2.1.3): nothing would arrive there.
fn is_nobodys(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_unspecified() || address.octets()[0] >= 240,
        IpAddr::V6(address) => address.is_unspecified(),
    }
}

#[cfg(test)]
mod tests;
