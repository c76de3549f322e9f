//! What a client asks for in SETUP, and what it makes of the answer.

use rtsp_msg::Version;
use rtsp_msg::headers::ConnectionUse;
use rtsp_msg::headers::Delivery;
use rtsp_msg::headers::Lower;
use rtsp_msg::headers::Profile;
use rtsp_msg::headers::SetupRole;
use rtsp_msg::headers::Transport;
use rtsp_msg::headers::TransportSpec;
use sdp::Media;

use crate::server::Direction;
use crate::transport::Group;
use crate::transport::offer;
use crate::transport::offer::Mux;

/// The transport to ask for.
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
    /// TCP connections for this media alone (RFC 7826 §C.2.2): RTSP/2.0 only, and only to play.
    Connections {
        /// Our ports for RTP and RTCP where the server is to open the connections; `None`: we do, which also works from behind
        /// address translation.
        listening: Option<(u16, u16)>,
    },
    /// Datagrams to a multicast group: that of the description where it names one, else one of the server's choice. Only to play.
    Multicast,
    /// Either, as the server likes: a group first, where the description names one, and datagrams to these ports of ours.
    MulticastOrUdp {
        /// The even port, for RTP.
        rtp: u16,
        /// The odd port above it, for RTCP.
        rtcp: u16,
    },
}

/// How RTP and RTCP of one media share what was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum Flows {
    /// Each has its own.
    Separate,
    /// They share one, told apart by their packet types (RFC 5761 §4).
    Muxed,
    /// There is only one, for RTP: nobody sends RTCP (RFC 7826 §C.1.2).
    RtpOnly,
}

/// The transport that the server granted for one media.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaTransport {
    /// Datagrams.
    Udp {
        /// The server's ports for RTP and RTCP, where it told them; some cameras do not, or say 0. Equal where there is one.
        server: Option<(u16, u16)>,
        /// The address that the server says it sends from, if it says so.
        source: Option<String>,
        /// What travels where.
        flows: Flows,
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
    /// TCP connections for this media alone. PLAY has to wait until they are there (RFC 7826 §C.2.2).
    Connections {
        /// The server's ports for RTP and RTCP, to be connected to; `None` where the server connects to ours.
        server: Option<(u16, u16)>,
        /// The server's address there, if it says one.
        host: Option<String>,
        /// What travels where: with [`Flows::Separate`] there are two connections, else one.
        flows: Flows,
        /// The SSRC that the server announced.
        ssrc: Option<u32>,
    },
    /// Datagrams to a multicast group, to be joined before PLAY.
    Multicast {
        /// The group. Its address is a multicast one, whatever the server says.
        group: Group,
        /// The SSRC that the server announced.
        ssrc: Option<u32>,
    },
}

/// The alternatives for a `Transport` header, the best first.
///
/// RTP and RTCP on one flow come first where they are worth asking for: always in RTSP/2.0, with a second port named unless the
/// description says that the server can (RFC 7826 §C.1.6.4); in RTSP/1.0, which has no word for it, where the description
/// does. `group` is that of the description.
///
/// # Errors
///
/// Why it cannot be asked for at all.
pub(super) fn offers(
    version: Version,
    request: TransportRequest,
    media: &Media,
    group: Option<Group>,
    record: bool,
) -> Result<Vec<TransportSpec>, &'static str> {
    let direction = match record {
        true => Direction::Record,
        false => Direction::Play,
    };
    let said = media
        .attributes
        .iter()
        .any(|attribute| attribute.is("rtcp-mux"));
    let mux = match (version, said) {
        (Version::V2_0, true) => Some(Mux::Only),
        (Version::V2_0, false) | (_, true) => Some(Mux::WithSpare),
        _ => None,
    };
    let muxes = mux.filter(|_| !record).into_iter().chain([Mux::Never]);
    let mut offers: Vec<_> = match request {
        TransportRequest::Interleaved { rtp, rtcp } => {
            let mut spec = offer::interleaved(rtp, direction);
            spec.interleaved = Some((rtp, Some(rtcp)));
            vec![spec]
        }
        TransportRequest::Multicast | TransportRequest::MulticastOrUdp { .. } if record => {
            return Err("multicast is for playing");
        }
        TransportRequest::Multicast => {
            // VLC answers 403 to a destination, even to its own.
            let any = group.filter(|_| version != Version::V2_0).map(|_| None);
            let all = [group].into_iter().chain(any);
            all.map(|group| offer::multicast(version, group)).collect()
        }
        TransportRequest::MulticastOrUdp { rtp, rtcp } => {
            let both = muxes.map(|mux| offer::udp(version, (rtp, rtcp), mux, direction));
            let mut both: Vec<_> = both.collect();
            let multicast = offer::multicast(version, group);
            // Without a word of it in the description it is the exception.
            both.insert(if group.is_some() { 0 } else { both.len() }, multicast);
            both
        }
        TransportRequest::Udp { rtp, rtcp } => muxes
            .map(|mux| offer::udp(version, (rtp, rtcp), mux, direction))
            .collect(),
        TransportRequest::Connections { .. } if version != Version::V2_0 || record => {
            return Err("connections of their own are for playing in RTSP/2.0");
        }
        TransportRequest::Connections { listening } => muxes
            .map(|mux| offer::connections(listening, mux))
            .collect(),
    };
    let profile = match media.protocol.to_ascii_uppercase() {
        it if it.starts_with("RTP/AVPF") => Profile::RtpAvpf,
        it if it == "RTP/SAVP" => Profile::RtpSavp,
        it if it == "RTP/SAVPF" => Profile::RtpSavpf,
        _ => Profile::RtpAvp,
    };
    for offer in &mut offers {
        offer.profile = profile.clone();
    }
    Ok(offers)
}

/// What the server granted; where its answer is silent, what was asked for.
///
/// # Errors
///
/// What the answer asks of us that we cannot do.
pub(super) fn granted(
    answer: Option<&Transport>,
    asked: TransportRequest,
    group: Option<Group>,
) -> Result<MediaTransport, &'static str> {
    let spec = answer.and_then(|transport| transport.0.first());
    let ssrc = spec.and_then(|spec| spec.ssrc.first().copied());
    let channels = spec.and_then(|spec| spec.interleaved);
    // RFC 2326 §12.39: what is neither is multicast. VLC says neither, and names the group.
    let cast = spec.filter(|spec| match spec.delivery {
        Some(delivery) => delivery == Delivery::Multicast,
        None => Group::named(spec).is_some(),
    });
    match (cast, asked) {
        (Some(spec), TransportRequest::Multicast | TransportRequest::MulticastOrUdp { .. }) => {
            return multicast(spec, group, ssrc);
        }
        (Some(_), _) => return Err("it grants multicast, which was not asked for"),
        (None, TransportRequest::Multicast) => return Err("it does not grant multicast"),
        (None, _) => {}
    }
    // Some cameras forget `/TCP`, but not `interleaved`.
    let tcp = channels.is_some() || spec.is_some_and(|spec| spec.lower == Lower::Tcp);
    match (asked, channels) {
        (TransportRequest::Connections { listening }, None) => {
            connections(spec.filter(|_| tcp), listening.is_some(), ssrc)
        }
        (_, Some((rtp, rtcp))) => Ok(MediaTransport::Interleaved {
            rtp,
            rtcp: rtcp.unwrap_or_else(|| rtp.wrapping_add(1)),
            ssrc,
        }),
        (TransportRequest::Interleaved { rtp, rtcp }, None) => {
            if spec.is_some_and(has_ports) {
                return Err("it grants UDP where TCP was asked for");
            }
            Ok(MediaTransport::Interleaved { rtp, rtcp, ssrc })
        }
        (_, None) if tcp => Err("it grants TCP where UDP was asked for, and names no channels"),
        (_, None) => Ok(MediaTransport::Udp {
            server: spec.and_then(server_ports),
            source: spec.and_then(source),
            flows: spec.map_or(Flows::Separate, flows),
            ssrc,
        }),
    }
}

/// The group that was granted: where the answer says less than the description, that holds.
fn multicast(
    spec: &TransportSpec,
    described: Option<Group>,
    ssrc: Option<u32>,
) -> Result<MediaTransport, &'static str> {
    let silent = spec.destination.is_none() && spec.dest_addr.is_empty();
    let granted = Group::named(spec);
    let mut group = granted
        .or(described.filter(|_| silent))
        .ok_or("it grants multicast, and names no group that could be joined")?;
    if let Some(described) = described.filter(|described| described.address == group.address) {
        group.ttl = group.ttl.or(described.ttl);
        group.source = group.source.or(described.source);
    }
    Ok(MediaTransport::Multicast { group, ssrc })
}

fn connections(
    spec: Option<&TransportSpec>,
    listening: bool,
    ssrc: Option<u32>,
) -> Result<MediaTransport, &'static str> {
    let Some(spec) = spec else {
        return Err("it does not grant the connections that were asked for");
    };
    if spec.connection == Some(ConnectionUse::Existing) {
        return Err("it wants to use connections that there are not");
    }
    // The one who listens has said so; who says nothing takes the other part.
    let server_opens = spec.setup == Some(SetupRole::Active);
    if server_opens != listening {
        return Err("it wants the connections to be opened by the wrong side");
    }
    let server = server_ports(spec).filter(|_| !listening);
    if server.is_none() && !listening {
        return Err("it does not say where to connect to");
    }
    Ok(MediaTransport::Connections {
        server,
        host: source(spec),
        flows: flows(spec),
        ssrc,
    })
}

fn has_ports(spec: &TransportSpec) -> bool {
    spec.client_port.is_some() || spec.server_port.is_some() || !spec.dest_addr.is_empty()
}

/// `server_port` of RTSP/1.0, `src_addr` of RTSP/2.0. A port of 0 is none.
fn server_ports(spec: &TransportSpec) -> Option<(u16, u16)> {
    let named = match spec.src_addr.as_slice() {
        [] => spec
            .server_port
            .map(|(rtp, rtcp)| (rtp, rtcp.unwrap_or_else(|| rtp.wrapping_add(1)))),
        [one] => Some((one.port, one.port)),
        [rtp, rtcp, ..] => Some((rtp.port, rtcp.port)),
    };
    let one_port = |(rtp, rtcp)| (rtp, if spec.rtcp_mux { rtp } else { rtcp });
    named.filter(|(rtp, _)| *rtp != 0).map(one_port)
}

fn source(spec: &TransportSpec) -> Option<String> {
    let host = spec
        .src_addr
        .first()
        .and_then(|address| address.host.clone());
    host.or_else(|| spec.source.clone())
        .filter(|source| !source.is_empty())
}

fn flows(spec: &TransportSpec) -> Flows {
    if spec.rtcp_mux {
        Flows::Muxed
    } else if spec.dest_addr.len() == 1 || spec.src_addr.len() == 1 {
        Flows::RtpOnly
    } else {
        Flows::Separate
    }
}
