//! What a SETUP offers.

use super::{ACTIVE_PORT, Group};
use crate::server::Direction;
use rtsp_msg::Version;
use rtsp_msg::headers::{
    Address, ConnectionUse, Delivery, Lower, Mode, Profile, SetupRole, TransportSpec,
};

/// How RTP and RTCP share a flow, in an offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum Mux {
    /// They do not.
    #[default]
    Never,
    /// They do; a second port is named all the same, which recommends itself where it is not certain that the server can
    /// (RFC 7826 §C.1.6.4).
    WithSpare,
    /// They do, and there is one port.
    Only,
}

/// Packets within the RTSP connection, on channel `rtp` and the next one.
///
/// ```
/// use rtsp_session::{server::Direction, transport::offer};
/// use rtsp_msg::{Header, Version, headers::Transport};
/// let udp = offer::udp(Version::V1_0, (5000, 5001), offer::Mux::Never, Direction::Play);
/// let mut text = String::new();
/// Transport(vec![offer::interleaved(0, Direction::Play), udp]).encode(&mut text);
/// assert_eq!(text, "RTP/AVP/TCP;unicast;interleaved=0-1, RTP/AVP;unicast;client_port=5000-5001");
/// ```
#[must_use]
pub fn interleaved(rtp: u8, direction: Direction) -> TransportSpec {
    let mut spec = unicast(Lower::Tcp, direction);
    spec.interleaved = Some((rtp, rtp.checked_add(1)));
    spec
}

/// Packets in datagrams, to our `ports` (RTP, RTCP) at the address that the RTSP connection comes from.
#[must_use]
pub fn udp(version: Version, ports: (u16, u16), mux: Mux, direction: Direction) -> TransportSpec {
    let mut spec = unicast(Lower::Udp, direction);
    if version == Version::V2_0 {
        named(&mut spec, ports, mux);
    } else {
        spec.client_port = Some((ports.0, (mux != Mux::Only).then_some(ports.1)));
        spec.rtcp_mux = mux != Mux::Never;
    }
    spec
}

/// Packets on TCP connections of their own, which are new ones (RFC 7826 §C.2.2; RTSP/2.0 only). `listening`: our ports for RTP and
/// RTCP, where the server is to open them; `None` where we do.
#[must_use]
pub fn connections(listening: Option<(u16, u16)>, mux: Mux) -> TransportSpec {
    let mut spec = unicast(Lower::Tcp, Direction::Play);
    let ports = listening.unwrap_or((ACTIVE_PORT, ACTIVE_PORT));
    named(&mut spec, ports, mux);
    spec.setup = Some(match listening {
        Some(_) => SetupRole::Passive,
        None => SetupRole::Active,
    });
    spec.connection = Some(ConnectionUse::New);
    spec
}

/// Packets in datagrams to a multicast group: that one, whose time to live is named too, or one of the server's choice.
#[must_use]
pub fn multicast(version: Version, group: Option<Group>) -> TransportSpec {
    let mut spec = TransportSpec::new(Profile::RtpAvp, Lower::Udp);
    spec.delivery = Some(Delivery::Multicast);
    if let Some(group) = group {
        group.tell(&mut spec, version);
        // Who sends is the server's to say.
        spec.source = None;
        spec.src_addr.clear();
    }
    spec
}

fn named(spec: &mut TransportSpec, ports: (u16, u16), mux: Mux) {
    let second = (mux != Mux::Only).then_some(ports.1);
    spec.dest_addr = std::iter::once(ports.0)
        .chain(second)
        .map(|port| Address { host: None, port })
        .collect();
    spec.rtcp_mux = mux != Mux::Never;
}

/// The mode is named only where it is not the default: several servers do not understand `mode="PLAY"`.
fn unicast(lower: Lower, direction: Direction) -> TransportSpec {
    let mut spec = TransportSpec::new(Profile::RtpAvp, lower);
    spec.delivery = Some(Delivery::Unicast);
    spec.mode = (direction == Direction::Record).then_some(Mode::Record);
    spec
}
