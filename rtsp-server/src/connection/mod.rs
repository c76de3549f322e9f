//! A connection on its shard: what is read, answered and written.

mod arrival;
mod describe;
mod film;
mod groups;
mod http;
mod identity;
mod outbox;
mod parameters;
mod pause;
mod play;
pub(crate) mod position;
mod publish;
mod request;
mod rules;
mod secure;
mod setup;
mod target;
mod task;
mod ways;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use rtsp_msg::{
    FrameRun, HeaderName, Method, Request, Response, Uri, Version, headers::TerminateReason,
};
use rtsp_session::{
    Now,
    server::{
        Addresses, Incoming, Input, Output, Peer, RequestId, ServerConnection, SessionId, State,
    },
    srtp::MasterKey,
    transport::{ChannelMap, NegotiatedTransport},
};
use smallvec::SmallVec;
use tokio::{net::TcpStream, sync::Notify};

use self::arrival::Arrived;
pub(crate) use self::outbox::Outbox;
use self::rules::{limit_behind, limit_of};
pub(crate) use self::{film::next_range, request::forwarded, rules::connection_config};
use crate::{
    accept::{Door, Permit},
    io::socket::Socket,
    refusals::Limit,
    shard::{Asked, Ended, Role, Shard},
    stream::{
        reader::ReaderId,
        registry::{Claim, StreamId},
    },
};

/// Bytes of answers that a peer may leave unread before it is read no more, and before it is given up.
const OUTBOX_PAUSE: usize = 64 * 1024;
const OUTBOX_LIMIT: usize = 1024 * 1024;

/// One connection of a shard.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) stream: Socket,
    pub(crate) outbox: RefCell<Outbox>,
    /// Readers whose media goes out here.
    pub(crate) readers: RefCell<SmallVec<[(StreamId, ReaderId); 1]>>,
    pub(crate) channels: RefCell<ChannelMap>,
    /// What was announced here and is not yet recorded.
    pub(crate) announced: RefCell<Option<Announced>>,
    /// What was described here last with keys for one reader, until SETUP makes a session of it.
    pub(crate) told: RefCell<Option<secure::Told>>,
    protocol: RefCell<ServerConnection>,
    buffer: RefCell<BytesMut>,
    sessions: RefCell<SmallVec<[SessionId; 1]>>,
    requests: RefCell<VecDeque<Incoming>>,
    working: Cell<bool>,
    /// Whether nobody on the way can read it.
    pub(crate) encrypted: bool,
    /// Who is at the other end, as far as that was proved.
    identity: RefCell<identity::Identity>,
    /// Our own requests that wait for an answer.
    asked: RefCell<SmallVec<[(RequestId, Asked); 2]>>,
    wants_write: Cell<bool>,
    wake: Notify,
    /// Close once everything is written.
    finishing: Cell<bool>,
    /// Close now.
    abandoned: Cell<bool>,
    done: Cell<bool>,
    ended: Notify,
    /// Its place among the connections. A request that is still in work when the connection has closed keeps it.
    permit: Permit,
}

/// What ANNOUNCE told of a path, until SETUP makes a session of it.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) claim: Claim,
    pub(crate) base: String,
    pub(crate) description: Arc<sdp::Description>,
    /// What each media's publisher is told is sealed with, where it may have keys.
    pub(crate) keys: Vec<MasterKey>,
}

/// Takes a connection in.
pub(crate) fn spawn(
    shard: &Rc<Shard>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    door: Door,
) {
    let shard = Rc::clone(shard);
    tokio::task::spawn_local(arrival::run(shard, stream, peer, permit, door));
}

impl Link {
    fn new(shard: &Shard, arrived: Arrived, peer: SocketAddr) -> std::io::Result<Self> {
        let stream = arrived.socket;
        let local = stream.tcp().local_addr()?;
        let random = shard.random.borrow_mut().fork();
        let encrypted = stream.is_secure();
        let config = shard.shared.connection_config_of(encrypted);
        let protocol =
            ServerConnection::new(arrived.since, config, Addresses { local, peer }, random);
        Ok(Self {
            id: shard.id.of_connection(shard.shared.next_connection()),
            local,
            peer,
            stream,
            outbox: RefCell::default(),
            readers: RefCell::default(),
            channels: RefCell::default(),
            announced: RefCell::default(),
            told: RefCell::default(),
            protocol: RefCell::new(protocol),
            buffer: RefCell::new(arrived.buffer),
            sessions: RefCell::default(),
            requests: RefCell::default(),
            working: Cell::new(false),
            encrypted,
            identity: RefCell::default(),
            asked: RefCell::default(),
            wants_write: Cell::new(false),
            wake: Notify::new(),
            finishing: Cell::new(false),
            abandoned: Cell::new(false),
            done: Cell::new(false),
            ended: Notify::new(),
            permit: arrived.permit,
        })
    }

    /// Who is at the other end, as sessions see it.
    pub(crate) fn peer(&self, user: Option<Arc<str>>) -> Peer {
        Peer {
            connection: self.id,
            address: self.peer.ip(),
            user,
            secure: self.stream.is_secure(),
        }
    }

    /// Whether what goes over it is encrypted.
    pub(crate) fn is_secure(&self) -> bool {
        self.stream.is_secure()
    }

    /// Asks for a call when the socket takes more.
    pub(crate) fn want_write(&self) {
        if !self.wants_write.replace(true) {
            self.wake.notify_one();
        }
    }

    /// Sends `bytes` after all that waits. While a request is in work they go out with its answer, or before it where that
    /// takes longer than the next turn of the connection.
    pub(crate) fn send(&self, bytes: Bytes) {
        if self.working.get() {
            self.outbox.borrow_mut().push(bytes);
            return self.wake.notify_one();
        }
        let flushed = {
            let mut outbox = self.outbox.borrow_mut();
            outbox.push(bytes);
            outbox.len() <= OUTBOX_LIMIT && outbox.flush(&self.stream).is_ok_and(|all| all)
        };
        if !flushed {
            self.want_write();
        }
    }

    /// Closes the connection once everything is written.
    pub(crate) fn finish(&self) {
        self.finishing.set(true);
        self.wake.notify_one();
    }

    /// Resets the connection at once, whatever waits to be written, here and in the system: a frame may be under way, of which
    /// the rest will not come, so this is no orderly end.
    pub(crate) fn abandon(&self) {
        let socket = socket2::SockRef::from(self.stream.tcp());
        if let Err(error) = socket.set_linger(Some(std::time::Duration::ZERO)) {
            tracing::debug!(peer = %self.peer, %error, "the connection will end in order");
        }
        self.abandoned.set(true);
        self.wake.notify_one();
    }

    /// Waits until it is closed.
    pub(crate) async fn closed(&self) {
        while !self.done.get() {
            self.ended.notified().await;
        }
    }

    /// Ties a session to this connection.
    pub(crate) fn add_session(&self, now: Now, id: SessionId) {
        let mut sessions = self.sessions.borrow_mut();
        if !sessions.contains(&id) {
            sessions.push(id);
        }
        self.protocol.borrow_mut().set_sessions(now, sessions.len());
    }

    pub(crate) fn session_count(&self) -> usize {
        self.sessions.borrow().len()
    }

    /// A session that was tied to this connection has ended.
    pub(crate) fn forget_session(&self, id: SessionId) {
        let mut sessions = self.sessions.borrow_mut();
        sessions.retain(|known| *known != id);
        self.protocol.borrow_mut().forget_session(id.as_str());
        self.protocol
            .borrow_mut()
            .set_sessions(Now::read(), sessions.len());
        self.wake.notify_one();
    }

    pub(crate) fn take_sessions(&self) -> SmallVec<[SessionId; 1]> {
        std::mem::take(&mut self.sessions.borrow_mut())
    }

    /// The channels of a transport are nobody's any more.
    pub(crate) fn free_channels(&self, transport: &NegotiatedTransport) {
        if let NegotiatedTransport::Interleaved { rtp, rtcp } = *transport {
            self.channels.borrow_mut().remove(rtp, rtcp);
        }
    }

    /// Tells the peer that the server has ended a session: by TEARDOWN in 2.0, by closing in 1.0, which has no such
    /// request. A connection that has other sessions stays open: they know nothing of it.
    pub(crate) fn announce_end(&self, ended: &Ended) {
        if ended.version != Version::V2_0 {
            if self.session_count() == 0 {
                self.finish();
            }
            return;
        }
        let Ok(uri) = Uri::parse(&ended.presentation) else {
            return;
        };
        let mut request = Request::new(Method::Teardown, uri, Version::V2_0);
        request
            .headers
            .append(HeaderName::Session, ended.session.as_str());
        request.headers.set(&TerminateReason {
            cause: ended.reason.cause(),
            time: None,
            user_message: Some(ended.reason.as_str().into()),
        });
        tracing::debug!(session = ?ended.session, reason = ended.reason.as_str(), "TEARDOWN to the peer");
        self.ask(request, Asked::TornDown);
    }

    /// Sends a request of ours; `false` where too many wait for their answers already.
    pub(crate) fn ask(&self, request: Request, about: Asked) -> bool {
        let id = self.protocol.borrow_mut().request(Now::read(), request);
        if let Some(id) = id {
            self.asked.borrow_mut().push((id, about));
            self.wake.notify_one();
        }
        id.is_some()
    }

    /// The peer has answered a request of ours, or will not.
    fn answered(&self, shard: &Shard, id: RequestId, response: Option<&Response>) {
        let about = {
            let mut asked = self.asked.borrow_mut();
            let at = asked.iter().position(|(known, _)| *known == id);
            at.map(|at| asked.remove(at).1)
        };
        if let Some(about) = about {
            shard.answered(about, response);
        }
    }

    /// Lets the protocol act on what it has, and sends what comes of it. `Err`: the connection is over.
    fn drive(self: &Rc<Self>, shard: &Rc<Shard>) -> Result<Option<std::time::Instant>, Over> {
        let until = self.act(shard);
        self.flush()?;
        if !self.working.get() && !self.requests.borrow().is_empty() {
            self.working.set(true);
            tokio::task::spawn_local(request::work(Rc::clone(shard), Rc::clone(self)));
        }
        Ok(until)
    }

    /// Lets the protocol act on what it has, and queues what it has to say; until when it then waits.
    fn act(&self, shard: &Shard) -> Option<std::time::Instant> {
        self.feed();
        loop {
            let output = self.protocol.borrow_mut().poll();
            match output {
                Output::Request(incoming) => self.requests.borrow_mut().push_back(incoming),
                Output::Frames(run) => {
                    self.frames(shard, &run);
                    self.protocol.borrow_mut().recycle(run);
                }
                Output::Response { id, response } => self.answered(shard, id, Some(&response)),
                Output::Unanswered { id } => self.answered(shard, id, None),
                Output::Write(bytes) => self.outbox.borrow_mut().push(bytes),
                Output::Refused(kind) => self.met(shard, limit_of(kind)),
                Output::Close(reason) => {
                    self.met(shard, limit_behind(reason));
                    tracing::debug!(peer = %self.peer, %reason, "closing");
                    self.finishing.set(true);
                }
                Output::Wait { until } => break until,
                _ => {}
            }
        }
    }

    /// A limit was met, if it was one.
    fn met(&self, shard: &Shard, limit: Option<Limit>) {
        if let Some(limit) = limit {
            shard.shared.counters.refusals.count(limit, self.peer);
        }
    }

    /// Gives the protocol what was read and not taken yet.
    fn feed(&self) {
        let mut protocol = self.protocol.borrow_mut();
        let mut buffer = self.buffer.borrow_mut();
        if !buffer.is_empty() && protocol.wants_read() {
            protocol.handle(Now::read(), Input::Read(&mut buffer));
        }
    }

    /// Writes what waits. `Err` when the connection is over.
    fn flush(&self) -> Result<(), Over> {
        if self.abandoned.get() {
            return Err(Over);
        }
        let mut outbox = self.outbox.borrow_mut();
        match outbox.flush(&self.stream) {
            Ok(true) if self.finishing.get() => Err(Over),
            Ok(true) => Ok(()),
            Ok(false) if outbox.len() > OUTBOX_LIMIT => {
                tracing::warn!(peer = %self.peer, waiting = outbox.len(), "it does not read its answers: closed");
                Err(Over)
            }
            Ok(false) => {
                drop(outbox);
                self.want_write();
                Ok(())
            }
            Err(_) => Err(Over),
        }
    }

    /// Interleaved frames: media of a publisher, reports of readers. Channels that no session has are counted and dropped.
    fn frames(&self, shard: &Shard, run: &FrameRun) {
        let sessions: SmallVec<[SessionId; 1]> = self.sessions.borrow().clone();
        let now = shard.now();
        for id in sessions {
            let feeds = {
                let mut all = shard.sessions.borrow_mut();
                let Some(entry) = all
                    .get_mut(&id)
                    .filter(|entry| entry.session.is_interleaved())
                else {
                    continue;
                };
                match &entry.role {
                    Role::Publisher(publishing) => {
                        entry.session.touch(now);
                        if entry.session.state() != State::Record {
                            continue;
                        }
                        Some((
                            id,
                            publishing.stream.id,
                            publishing.layout.clone(),
                            publishing.secured,
                        ))
                    }
                    Role::Reader(_) => None,
                }
            };
            match feeds {
                Some((_, stream, layout, false)) => {
                    shard.ingest(stream, |ingest, now| ingest.frames(run, &layout, now));
                }
                Some((id, stream, layout, true)) => {
                    shard.ingest(stream, |ingest, now| {
                        for (channel, packet) in run.iter() {
                            if let Some((media, kind)) = layout.media(channel)
                                && let Some(opened) = shard.open_packet((id, media), kind, packet)
                            {
                                ingest.packet(media, kind, &opened, now);
                            }
                        }
                        ingest.close(now);
                    });
                }
                None => shard.interleaved_feedback(id, run),
            }
        }
    }
}

/// The connection is over.
#[derive(Debug)]
struct Over;
