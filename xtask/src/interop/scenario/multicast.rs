//! Multicast on one machine: nothing leaves it, by a time to live of 0 or by the loopback interface.

use super::{end, live_on, seen};
use crate::failure::{Failure, Result};
use crate::interop::fingerprint::{Expect, Start};
use crate::interop::peer::{Peer, Reading, Transport, Version};
use crate::interop::peers::{ffmpeg, trackside, vlc};
use crate::interop::stage::{self, Stage};
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Who joins begins with what is on its way.
const JOINED: Expect = Expect {
    start: Start::Anywhere,
    ..Expect::LIVE
};

/// Who joins between two key frames sees nothing before the second.
const SECONDS: u32 = 7;

/// What routes groups of IPv4 somewhere, for peers that cannot be told on which interface to join. A container without a network has none.
pub(crate) const ROUTE: Peer = Peer::new(
    "a route for groups",
    "ip route add 239.253.0.0/16 dev lo",
    |_| routed("239.253.0.1").map(|by| by.to_string()),
);

/// The same for IPv6, whose loopback interface knows no groups by itself.
pub(crate) const ROUTE_V6: Peer = Peer::new(
    "a route for IPv6 groups",
    "ip -6 route add local ff3e::/32 dev lo",
    |_| routed("ff3e::1").map(|by| by.to_string()),
);

/// Which groups there are, and by which interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Groups {
    /// By the interface that they are routed to.
    Routed,
    /// By loopback.
    Loopback,
    /// Such as are joined for one source only, named in the description, by loopback.
    OneSource,
    /// The same of IPv6, by the interface that they are routed to.
    OneSourceV6,
}

impl Groups {
    /// What the server is told of them. Their ports and addresses are nobody else's: cells run side by side.
    fn settings(self, port: u16) -> Result<String> {
        let [high, low] = port.to_be_bytes();
        let group: IpAddr = match self {
            Self::Routed | Self::Loopback => group_of(port).into(),
            Self::OneSource => Ipv4Addr::new(232, 253, high, low).into(),
            Self::OneSourceV6 => Ipv6Addr::new(0xff3e, 0, 0, 0, 0, 0, 0x8000, port).into(),
        };
        let source = match self {
            Self::Routed | Self::OneSourceV6 => routed(&group.to_string()),
            Self::Loopback | Self::OneSource => Some(Ipv4Addr::LOCALHOST.into()),
        };
        let source = source.ok_or_else(|| Failure::new(format!("no route to {group}")))?;
        let described = matches!(self, Self::OneSource | Self::OneSourceV6);
        Ok(format!(
            "[multicast]\ngroups = [\"{group}\"]\nsource = \"{source}\"\nports = [{port}, {}]\nttl = 0\ndescribe = {described}\n",
            port + 7
        ))
    }
}

/// FFmpeg publishes, the peer joins the group that our server sends to.
pub(crate) fn read(
    stage: &Stage<'_>,
    peer: &Peer,
    version: Version,
    groups: Groups,
) -> Result<String> {
    let clip = stage.clip("h264")?;
    let settings = stage.path("server.toml");
    std::fs::write(&settings, groups.settings(stage::free_port()?)?)?;
    let v6 = format!("[::1]:{}", stage::free_port()?);
    let mut arguments: Vec<&OsStr> = vec!["--config".as_ref(), settings.as_ref()];
    if groups == Groups::OneSourceV6 {
        arguments.extend(["--listen".as_ref(), OsStr::new(&v6)]);
    }
    let server = trackside::server(stage, arguments)?;
    let (_publisher, mut url) = live_on(stage, &server, clip, Transport::Tcp, ffmpeg::publish)?;
    if groups == Groups::OneSourceV6 {
        url = format!("rtsp://{v6}/live");
    }
    let reading = Reading {
        live: true,
        version,
        seconds: SECONDS,
        ..Reading::new(&url, Transport::Multicast, clip)
    };
    let evidence = seen(stage, peer, &reading, clip, &JOINED)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// VLC sends to a group, our client joins it. gst-rtsp-server cannot be asked here: it keeps the group's ports for itself, so nobody on
/// its machine can join.
pub(crate) fn played(stage: &Stage<'_>, clip: &str) -> Result<String> {
    let clip = stage.clip(clip)?;
    let port = stage::free_port()?;
    let served = vlc::serve_group(stage, clip, group_of(port).into(), port)?;
    let reading = Reading {
        seconds: SECONDS,
        ..Reading::new(&served.url, Transport::Multicast, clip)
    };
    let evidence = seen(stage, &trackside::CLIENT, &reading, clip, &JOINED)?;
    Ok(evidence.to_string())
}

fn group_of(port: u16) -> Ipv4Addr {
    let [high, low] = port.to_be_bytes();
    Ipv4Addr::new(239, 253, high, low)
}

/// The address of the interface that a group is routed to.
fn routed(group: &str) -> Option<IpAddr> {
    let group: IpAddr = group.parse().ok()?;
    let any: IpAddr = match group {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((group, 9)).ok()?;
    let by = socket.local_addr().ok()?.ip();
    // One that is valid on one link only says nothing without the link.
    let local = matches!(by, IpAddr::V6(by) if by.is_unicast_link_local());
    (!by.is_unspecified() && !local).then_some(by)
}
