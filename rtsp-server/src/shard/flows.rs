//! TCP connections that carry one media each (RFC 7826 §C.2.2): how they come to be, what is read from them, how they end.
//!
//! Each media has listening ports of its own, so a connection that comes in belongs to exactly one; it has to come from the
//! session's peer. A port stops listening with its first connection, or when nobody comes for a while.

use std::{
    cell::{Cell, RefCell},
    io,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use bytes::{BufMut as _, BytesMut};
use rtsp_session::{
    client::PacketKind,
    server::{SessionId, Way},
    transport::{ACTIVE_PORT, MediaConnections, Reports, framing},
};
use tokio::{
    io::Interest,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::AbortHandle,
};

use super::{Role, Shard};
use crate::{
    accept::{self, Permit},
    connection::Outbox,
    stream::ring::Position,
};

/// How long a connection may take to come to be.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a PLAY waits for connections that its peer has made and the server has not looked at yet.
const GRACE: Duration = Duration::from_millis(100);
/// How long the last packets may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);
/// A read; reports are small.
const READ: usize = 4 * 1024;
/// Reads before other tasks of the shard get their turn.
const READS: usize = 8;
/// Bytes of reports that may wait; more are dropped, as they would be on a full network.
const OUTBOX_LIMIT: usize = 64 * 1024;

/// One connection of one media.
#[derive(Debug)]
pub(crate) struct FlowLink {
    session: SessionId,
    media: u8,
    pub(crate) stream: TcpStream,
    pub(crate) outbox: RefCell<Outbox>,
    /// How far its stream was sent here, counted in entries.
    pub(crate) sent: Cell<Position>,
    wants_write: Cell<bool>,
    wake: Notify,
    finishing: Cell<bool>,
    _permit: Permit,
}

/// The connections of one media.
#[derive(Debug)]
pub(super) struct FlowPath {
    muxed: bool,
    /// For RTP, and for RTCP where that has its own.
    links: Option<(Rc<FlowLink>, Option<Rc<FlowLink>>)>,
    making: AbortHandle,
}

/// Where one connection comes from.
enum Origin {
    Incoming(TcpListener, Permit),
    Outgoing(SocketAddr, Permit),
}

/// Both count from the moment that they are waited for: listening takes a descriptor, too.
fn admit(shard: &Shard, peer: IpAddr) -> io::Result<Permit> {
    let permit = shard.shared.gatekeeper.admit(peer);
    permit.map_err(|_| io::Error::other("the limit of connections is reached"))
}

impl FlowLink {
    /// Asks for a call when the socket takes more.
    pub(crate) fn want_write(&self) {
        if !self.wants_write.replace(true) {
            self.wake.notify_one();
        }
    }

    /// Sends one packet after all that waits; where too much does, it is dropped.
    fn send(&self, packet: &[u8]) {
        let Some(prefix) = framing::prefix(packet.len()) else {
            return;
        };
        let flushed = {
            let mut outbox = self.outbox.borrow_mut();
            if outbox.len() > OUTBOX_LIMIT {
                return;
            }
            let mut out = BytesMut::with_capacity(prefix.len() + packet.len());
            out.put_slice(&prefix);
            out.put_slice(packet);
            outbox.push(out.freeze());
            outbox.flush(&self.stream).is_ok_and(|all| all)
        };
        if !flushed {
            self.want_write();
        }
    }

    /// Closes it once everything is written.
    fn finish(&self) {
        self.finishing.set(true);
        self.wake.notify_one();
    }
}

impl Drop for FlowPath {
    fn drop(&mut self) {
        self.making.abort();
        if let Some((rtp, rtcp)) = self.links.take() {
            rtp.finish();
            if let Some(rtcp) = rtcp {
                rtcp.finish();
            }
        }
    }
}

impl Shard {
    /// Lets the connections of one media come to be, in place of those that it had; they close. Returns the ports to name for
    /// them.
    ///
    /// # Errors
    /// When the system has no port or descriptor to listen with, or the limit of connections is reached; nothing has changed then.
    pub(crate) fn open_flows(
        self: &Rc<Self>,
        session: SessionId,
        media: u8,
        wanted: MediaConnections,
        local: IpAddr,
    ) -> io::Result<(u16, u16)> {
        let addresses = [
            Some(wanted.peer_rtp),
            match wanted.reports {
                Reports::To(address) => Some(address),
                Reports::Muxed { .. } | Reports::None => None,
            },
        ];
        let mut ports = [ACTIVE_PORT; 2];
        let mut origins = Vec::new();
        for (address, port) in addresses.into_iter().zip(&mut ports) {
            let Some(address) = address else { continue };
            let permit = admit(self, address.ip())?;
            origins.push(if wanted.active {
                Origin::Outgoing(address, permit)
            } else {
                let listener = accept::bind(SocketAddr::new(local, 0))?;
                *port = listener.local_addr()?.port();
                Origin::Incoming(TcpListener::from_std(listener)?, permit)
            });
        }
        let peer = wanted.peer_rtp.ip();
        let shard = Rc::clone(self);
        let making = tokio::task::spawn_local(async move {
            let mut streams = Vec::new();
            let all = async {
                for origin in origins {
                    streams.push(origin.stream(local, peer).await?);
                }
                Ok::<(), io::Error>(())
            };
            let made = tokio::time::timeout(PATIENCE, all).await;
            let made = made.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            match made {
                Ok(()) => shard.flows_made(session, media, streams),
                Err(error) => shard.flows_failed(session, media, wanted.active, &error),
            }
        });
        let path = FlowPath {
            muxed: wanted.reports.are_muxed(),
            links: None,
            making: making.abort_handle(),
        };
        self.flows.borrow_mut().insert((session, media), path);
        Ok((ports[0], ports[1]))
    }

    /// Waits, but not for long, until the connections of a session are there or cannot be made: what its peer sees connected may
    /// be news here.
    pub(crate) async fn flows_settle(&self, session: &SessionId) {
        let awaited = || {
            let sessions = self.sessions.borrow();
            let media = sessions.get(session).map(|entry| entry.session.media());
            media.is_some_and(|media| media.iter().any(|one| one.way == Way::Awaited))
        };
        let settled = async {
            loop {
                let changed = self.flow_changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if !awaited() {
                    return;
                }
                changed.await;
            }
        };
        let _ = tokio::time::timeout(GRACE, settled).await;
    }

    /// Closes the connections of a session, or of one of its media, once everything is written.
    pub(crate) fn close_flows(&self, session: &SessionId, media: Option<u8>) {
        let keep = |of: &(SessionId, u8)| of.0 != *session || media.is_some_and(|one| one != of.1);
        self.flows.borrow_mut().retain(|of, _| keep(of));
    }

    /// The connections of one media, if they are there: that of RTP, and that of RTCP; the same where they share one.
    pub(crate) fn flow_links(
        &self,
        session: &SessionId,
        media: u8,
    ) -> Option<(Rc<FlowLink>, Option<Rc<FlowLink>>)> {
        let paths = self.flows.borrow();
        let path = paths.get(&(*session, media))?;
        let (rtp, rtcp) = path.links.as_ref()?;
        let shared = path.muxed.then(|| Rc::clone(rtp));
        Some((Rc::clone(rtp), rtcp.clone().or(shared)))
    }

    /// Sends one compound on the connection for it.
    pub(super) fn send_on_flow(&self, session: &SessionId, media: u8, compound: &[u8]) {
        if let Some((_, Some(link))) = self.flow_links(session, media) {
            link.send(compound);
        }
    }

    fn flows_made(
        self: &Rc<Self>,
        session: SessionId,
        media: u8,
        streams: Vec<(TcpStream, Permit)>,
    ) {
        let mut links = streams.into_iter().map(|(stream, permit)| {
            let _ = stream.set_nodelay(true);
            Rc::new(FlowLink {
                session,
                media,
                stream,
                outbox: RefCell::default(),
                sent: Cell::default(),
                wants_write: Cell::new(false),
                wake: Notify::new(),
                finishing: Cell::new(false),
                _permit: permit,
            })
        });
        let (rtp, rtcp) = (links.next(), links.next());
        let Some(rtp) = rtp else { return };
        if let Some(path) = self.flows.borrow_mut().get_mut(&(session, media)) {
            for link in [Some(&rtp), rtcp.as_ref()].into_iter().flatten() {
                tokio::task::spawn_local(run(Rc::clone(self), Rc::clone(link)));
            }
            path.links = Some((rtp, rtcp));
        }
        tracing::debug!(session = ?session, media, "its data connections are there");
        self.set_way(&session, media, Way::Open);
    }

    fn flows_failed(&self, session: SessionId, media: u8, active: bool, error: &io::Error) {
        tracing::info!(session = ?session, media, active, %error, "its data connections cannot be made");
        self.flows.borrow_mut().remove(&(session, media));
        if active {
            self.set_way(&session, media, Way::Unreachable);
        }
    }

    /// A connection of a media has closed: what it has set up cannot carry it any more.
    fn flow_closed(&self, link: &Rc<FlowLink>) {
        let of = (link.session, link.media);
        let its = |path: &FlowPath| {
            let (rtp, rtcp) = path.links.as_ref()?;
            Some(Rc::ptr_eq(rtp, link) || rtcp.as_ref().is_some_and(|one| Rc::ptr_eq(one, link)))
        };
        let known = self.flows.borrow().get(&of).and_then(its).unwrap_or(false);
        if known {
            tracing::debug!(session = ?link.session, media = link.media, "a data connection has closed");
            self.flows.borrow_mut().remove(&of);
            self.set_way(&link.session, link.media, Way::Awaited);
        }
    }

    fn set_way(&self, session: &SessionId, media: u8, way: Way) {
        if let Some(entry) = self.sessions.borrow_mut().get_mut(session) {
            entry.session.set_way(usize::from(media), way);
        }
        self.flow_changed.notify_waiters();
    }

    /// What waits on a connection goes first, then its reader goes on. `false` when the connection is over.
    fn flow_writable(&self, link: &FlowLink) -> bool {
        link.wants_write.set(false);
        let Ok(all) = link.outbox.borrow_mut().flush(&link.stream) else {
            return false;
        };
        if !all {
            link.wants_write.set(true);
            return true;
        }
        let reader = match self.sessions.borrow().get(&link.session).map(|e| &e.role) {
            Some(Role::Reader(reading)) => reading.reader.map(|id| (reading.stream.id, id)),
            _ => None,
        };
        if let Some((stream, reader)) = reader {
            self.with_stream(stream, |local, now, after| local.pump(reader, now, after));
            self.drained.notify_waiters();
        }
        true
    }

    /// Reports that came. RTP of a reader has no meaning (RFC 7826 §C.2.2).
    fn flow_packets(&self, link: &FlowLink, buffer: &mut BytesMut) {
        while let Some(packet) = framing::next(buffer) {
            if PacketKind::of(&packet, PacketKind::Rtp) == PacketKind::Rtcp {
                if let Some(entry) = self.sessions.borrow_mut().get_mut(&link.session) {
                    entry.session.touch(self.now());
                }
                self.feedback(link.session, link.media, &packet);
            }
        }
    }
}

impl Origin {
    async fn stream(self, local: IpAddr, peer: IpAddr) -> io::Result<(TcpStream, Permit)> {
        match self {
            Self::Outgoing(to, permit) => {
                let socket = match to {
                    SocketAddr::V4(_) => TcpSocket::new_v4()?,
                    SocketAddr::V6(_) => TcpSocket::new_v6()?,
                };
                socket.bind(SocketAddr::new(local, 0))?;
                Ok((socket.connect(to).await?, permit))
            }
            Self::Incoming(listener, permit) => loop {
                let (stream, from) = listener.accept().await?;
                if from.ip().to_canonical() != peer.to_canonical() {
                    tracing::warn!(peer = %from.ip(), "a data connection from an address that is not the session's was closed");
                    continue;
                }
                return Ok((stream, permit));
            },
        }
    }
}

/// Reads and writes one connection until it is over.
async fn run(shard: Rc<Shard>, link: Rc<FlowLink>) {
    let mut buffer = BytesMut::new();
    loop {
        let interest = match link.wants_write.get() {
            true => Interest::READABLE | Interest::WRITABLE,
            false => Interest::READABLE,
        };
        let ready = tokio::select! {
            ready = link.stream.ready(interest) => ready,
            () = link.wake.notified() => {
                if link.finishing.get() {
                    break;
                }
                continue;
            }
        };
        let Ok(ready) = ready else { break };
        if ready.is_writable() && link.wants_write.get() && !shard.flow_writable(&link) {
            break;
        }
        if ready.is_readable() && !read(&shard, &link, &mut buffer) {
            break;
        }
        // A flood must not keep the other tasks of the shard waiting.
        tokio::task::yield_now().await;
    }
    shard.flow_closed(&link);
    let _ = tokio::time::timeout(FAREWELL, flush(&link)).await;
}

/// Takes what has come; `false` at the end.
fn read(shard: &Shard, link: &FlowLink, buffer: &mut BytesMut) -> bool {
    for _ in 0..READS {
        buffer.reserve(READ);
        match link.stream.try_read_buf(buffer) {
            Ok(0) => return false,
            Ok(_) => shard.flow_packets(link, buffer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    true
}

async fn flush(link: &FlowLink) {
    loop {
        let all = link.outbox.borrow_mut().flush(&link.stream);
        if !matches!(all, Ok(false)) || link.stream.writable().await.is_err() {
            return;
        }
    }
}
