//! What a SETUP offers.

use crate::server::Direction;
use rtsp_msg::Version;
use rtsp_msg::headers::{Address, Delivery, Lower, Mode, Profile, TransportSpec};

/// Packets within the RTSP connection, on channel `rtp` and the next one.
///
/// ```
/// use rtsp_session::{server::Direction, transport::offer};
/// use rtsp_msg::{Header, headers::Transport};
/// let mut text = String::new();
/// Transport(vec![offer::interleaved(0, Direction::Play), offer::udp(rtsp_msg::Version::V1_0, (5000, 5001), Direction::Play)])
///     .encode(&mut text);
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
pub fn udp(version: Version, ports: (u16, u16), direction: Direction) -> TransportSpec {
    let mut spec = unicast(Lower::Udp, direction);
    if version == Version::V2_0 {
        spec.dest_addr = [ports.0, ports.1]
            .map(|port| Address { host: None, port })
            .into();
    } else {
        spec.client_port = Some((ports.0, Some(ports.1)));
    }
    spec
}

/// The mode is named only where it is not the default: several servers do not understand `mode="PLAY"`.
fn unicast(lower: Lower, direction: Direction) -> TransportSpec {
    let mut spec = TransportSpec::new(Profile::RtpAvp, lower);
    spec.delivery = Some(Delivery::Unicast);
    spec.mode = (direction == Direction::Record).then_some(Mode::Record);
    spec
}
