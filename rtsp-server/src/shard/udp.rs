//! Datagrams that arrive at a shard's ports.

use std::{io, rc::Rc, time::Duration};

use bytes::Bytes;
use rtsp_client::io::udp::{DatagramSocket, Origin, ReceiveBuffer};
use rtsp_session::{client::PacketKind, server::State};
use tokio::task::JoinHandle;

use super::{Role, Shard};
use crate::{
    io::udp::Ports,
    stream::{
        batch::Kind,
        lane::{Lane, Way},
        reader::Reader,
    },
};

/// System-level buffers that one read fills; each may hold many datagrams of one peer.
const BUFFERS: usize = 16;
/// How long reading rests after it failed.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);

/// Starts reading both sockets of a pair, and going on when a full one takes more.
pub(super) fn spawn(shard: &Rc<Shard>, ports: &Rc<Ports>) {
    for kind in [Kind::Rtp, Kind::Rtcp] {
        tokio::task::spawn_local(receive(Rc::clone(shard), Rc::clone(ports), kind));
    }
    spawn_resume(shard, ports);
}

/// Starts going on when a full socket of a pair takes more.
pub(super) fn spawn_resume(shard: &Rc<Shard>, ports: &Rc<Ports>) -> JoinHandle<()> {
    tokio::task::spawn_local(resume(Rc::clone(shard), Rc::clone(ports)))
}

async fn receive(shard: Rc<Shard>, ports: Rc<Ports>, kind: Kind) {
    let socket: &DatagramSocket = match kind {
        Kind::Rtp => &ports.pair.rtp,
        Kind::Rtcp => &ports.pair.rtcp,
    };
    let mut buffer = ReceiveBuffer::new(BUFFERS);
    let mut datagrams = Vec::new();
    loop {
        match socket.receive(&mut buffer).await {
            Ok(_) => {
                buffer.freeze_into(&mut datagrams);
                shard.datagrams(&ports, kind, &mut datagrams);
            }
            // An ICMP error of some earlier send: its reader times out by itself.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => {
                tracing::warn!(%error, address = %socket.local_address(), "reading datagrams failed");
                // What fails at once again must not fill the log, nor the shard's time.
                tokio::time::sleep(FAILURE_PAUSE).await;
            }
        }
        // One flood must not keep the other tasks of the shard waiting.
        tokio::task::yield_now().await;
    }
}

/// Sends on where a socket was full.
async fn resume(shard: Rc<Shard>, ports: Rc<Ports>) {
    loop {
        ports.full.notified().await;
        let (rtp, rtcp) = (&ports.pair.rtp, &ports.pair.rtcp);
        if rtp.writable().await.is_err() || rtcp.writable().await.is_err() {
            continue;
        }
        let ids: Vec<_> = shard.streams.borrow().keys().copied().collect();
        for id in ids {
            shard.with_stream(id, |local, now, after| {
                let waits = |lane: &Lane| {
                    lane.blocked && matches!(&lane.way, Way::Udp { ports: its, .. } | Way::Srtp { ports: its, .. } if Rc::ptr_eq(its, &ports))
                };
                let blocked = |reader: &Reader| reader.lanes.iter().any(waits);
                local.pump_where(blocked, now, after);
            });
        }
    }
}

impl Shard {
    fn datagrams(&self, ports: &Ports, kind: Kind, datagrams: &mut Vec<(Origin, Bytes)>) {
        let mut last = None;
        for (origin, packet) in datagrams.drain(..) {
            // What does not come from a negotiated address is not for anybody here.
            let Some(peer) = ports.peer(origin.source, kind) else {
                self.shared.counters.foreign_datagram();
                continue;
            };
            let reports = || PacketKind::of(&packet, PacketKind::Rtp) == PacketKind::Rtcp;
            let kind = match peer.muxed && reports() {
                true => Kind::Rtcp,
                false => kind,
            };
            let mut sessions = self.sessions.borrow_mut();
            let Some(entry) = sessions.get_mut(&peer.session) else {
                continue;
            };
            entry.session.touch(self.now());
            let publishing = match &entry.role {
                Role::Publisher(_) if entry.session.state() != State::Record => continue,
                Role::Publisher(publishing) => Some((publishing.stream.id, publishing.secured)),
                Role::Reader(_) => None,
            };
            drop(sessions);
            match publishing {
                Some((stream, secured)) => {
                    let packet = match secured {
                        true => self.open_packet((peer.session, peer.media), kind, &packet),
                        false => Some(packet),
                    };
                    let Some(packet) = packet else { continue };
                    if last.is_some_and(|last| last != stream) {
                        self.flush_ingest(&mut last);
                    }
                    last = Some(stream);
                    self.with_stream(stream, |local, now, _| {
                        if let Some(feed) = &mut local.origin {
                            feed.ingest.datagram(peer.media, kind, packet, now);
                        }
                    });
                }
                None => self.feedback(peer.session, peer.media, &packet),
            }
        }
        self.flush_ingest(&mut last);
    }

    fn flush_ingest(&self, stream: &mut Option<crate::stream::registry::StreamId>) {
        if let Some(stream) = stream.take() {
            self.ingest(stream, |ingest, now| ingest.close(now));
        }
    }
}
