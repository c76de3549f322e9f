//! The ways that a session's media go out, from what was negotiated for them.

use std::{net::IpAddr, rc::Rc};

use rtsp_session::{server::ServerSession, transport::NegotiatedTransport};
use smallvec::SmallVec;

use super::Link;
use crate::{
    shard::Shard,
    stream::{
        lane::{Destination, NewWay, Pipe},
        layout::Layout,
        reader::ReaderId,
        registry::StreamId,
        secure::Sealing,
    },
};

/// The ways of the media that are `wanted`: what is interleaved goes together, so do datagrams, and each connection of its own
/// is one. Datagrams leave from `local`.
pub(super) fn of(
    shard: &Shard,
    session: &ServerSession,
    local: IpAddr,
    link: Option<&Rc<Link>>,
    wanted: impl Fn(u8) -> bool,
) -> SmallVec<[NewWay; 2]> {
    let mut ways = SmallVec::new();
    let sealing = sealing(shard, session);
    let mut layout = Layout::default();
    let mut destinations = SmallVec::<[Destination; 2]>::new();
    for media in session.media() {
        let index = media.index as u8;
        if !wanted(index) {
            continue;
        }
        match media.transport {
            NegotiatedTransport::Interleaved { rtp, rtcp } => layout.set(index, Some((rtp, rtcp))),
            NegotiatedTransport::Udp {
                peer_rtp, reports, ..
            } => destinations.push(Destination::new(index, peer_rtp, reports)),
            NegotiatedTransport::Connections(_) => {
                ways.extend(connections(shard, session, index));
            }
            _ => {}
        }
    }
    if let Some(link) = link.filter(|_| !layout.is_empty()) {
        let pipe = Pipe::Rtsp(Rc::clone(link));
        ways.push(NewWay::Tcp {
            pipe,
            layout,
            sealing: sealing.clone(),
        });
    }
    let ports = destinations.first();
    let ports = ports.and_then(|first| shard.ports.towards(first.rtp.ip()));
    if let Some(ports) = ports {
        ways.push(NewWay::Udp {
            ports: Rc::clone(ports),
            source: ports.source(local),
            destinations,
            sealing,
        });
    }
    ways
}

/// What the packets of a session are sealed with: those of all its media or of none.
fn sealing(shard: &Shard, session: &ServerSession) -> Option<Sealing> {
    let mut media = session.media().iter();
    media.find_map(|media| shard.sealing(session.id(), media.index as u8))
}

/// One for RTP and one for RTCP, or one for both.
fn connections(shard: &Shard, session: &ServerSession, media: u8) -> SmallVec<[NewWay; 2]> {
    let Some((rtp, rtcp)) = shard.flow_links(&session.id(), media) else {
        return SmallVec::new();
    };
    let shared = rtcp.as_ref().is_some_and(|rtcp| Rc::ptr_eq(&rtp, rtcp));
    let sealing = sealing(shard, session);
    let flow = |link, rtp, rtcp| NewWay::Tcp {
        pipe: Pipe::Own(link),
        layout: Layout::Flow { media, rtp, rtcp },
        sealing: sealing.clone(),
    };
    std::iter::once(flow(rtp, true, shared))
        .chain(rtcp.filter(|_| !shared).map(|link| flow(link, false, true)))
        .collect()
}

/// Takes a reader's media to the way that a SETUP has given it while it plays. The answer to it is out.
pub(super) fn switch(
    shard: &Shard,
    (session, local): (&ServerSession, IpAddr),
    (stream, reader): (StreamId, ReaderId),
    media: u8,
    link: Option<&Rc<Link>>,
) {
    let ways = of(shard, session, local, link, |index| index == media);
    let interleaved = shard.with_stream(stream, |local, now, after| {
        let interleaved = local.switch_media(reader, media, ways);
        local.pump(reader, now, after);
        interleaved
    });
    if let Some(link) = link {
        let mut readers = link.readers.borrow_mut();
        readers.retain(|known| known.1 != reader);
        if interleaved == Some(true) {
            readers.push((stream, reader));
        }
    }
    tracing::info!(session = ?session.id(), media, "goes another way from now on");
}
