//! A whole server without sockets: connections, and sessions in a table above them. It serves one presentation of two media
//! and takes one publisher's; packets are not its business.

use super::{Line, from, start};
use rtsp_msg::headers::{Session, TerminateCause, Transport, UtcTime};
use rtsp_msg::{Method, Request, Response, StatusCode, Uri, Version};
use rtsp_session::auth::{Credentials, Users};
use rtsp_session::random::Random;
use rtsp_session::server::{
    AfterClose, Authentication, ConnectionConfig, Direction, Incoming, Lapse, Object, Peer,
    ServerSession, SessionConfig, SessionId, State, notify, respond, state,
};
use rtsp_session::transport::{Capabilities, ChannelMap, NegotiatedTransport, select};
use rtsp_session::{Now, ProtocolError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What its sessions are of.
const PRESENTATION: &str = "rtsp://192.0.2.1/a";

pub struct World {
    pub now: Now,
    pub lines: Vec<(Line, ChannelMap)>,
    pub sessions: HashMap<SessionId, ServerSession>,
    /// Ids of sessions that ended, with the cause.
    pub ended: Vec<(SessionId, &'static str)>,
    /// How often a session was taken to another connection while it had one.
    pub taken_over: usize,
    config: ConnectionConfig,
    random: Random,
    /// Every request but OPTIONS needs credentials.
    pub guarded: bool,
    /// The next request of a session is answered with this status, whatever it asks.
    pub inject: Option<StatusCode>,
    /// Requests wait until [`work`](World::work).
    pub slow: bool,
}

impl World {
    pub fn new() -> Self {
        let users = Users::new(
            "w",
            [Credentials::new("ann", "a"), Credentials::new("bob", "b")],
        );
        Self {
            now: start(),
            lines: Vec::new(),
            sessions: HashMap::new(),
            ended: Vec::new(),
            taken_over: 0,
            config: ConnectionConfig {
                users: Some(Arc::new(users)),
                ..ConnectionConfig::default()
            },
            random: Random::from_seed([7; 32]),
            guarded: false,
            inject: None,
            slow: false,
        }
    }

    /// A new connection from 192.0.2.`last`: its number.
    pub fn connect(&mut self, last: u8) -> usize {
        let line = Line::open(
            self.now,
            self.config.clone(),
            from(last),
            self.random.fork(),
        );
        self.lines.push((line, ChannelMap::new()));
        self.lines.len() - 1
    }

    /// Sends bytes; the answers as text.
    pub fn send(&mut self, connection: usize, bytes: impl AsRef<[u8]>) -> String {
        self.lines[connection].0.send(bytes);
        if !self.slow {
            self.work(connection);
        }
        self.settle();
        self.lines[connection].0.take()
    }

    /// Serves the requests of a connection that wait. Of one that has closed meanwhile, what is in work is brought to its end.
    pub fn work(&mut self, connection: usize) {
        while !self.lines[connection].0.requests.is_empty() {
            let incoming = self.lines[connection].0.requests.remove(0);
            let (id, version) = (incoming.id, incoming.request.version);
            match self.serve(connection, &incoming) {
                Ok(response) => self.lines[connection].0.answer(id, response),
                Err(ProtocolError::Unauthorized) => self.lines[connection].0.challenge(id),
                Err(error) => self.lines[connection]
                    .0
                    .answer(id, respond::error(version, error)),
            }
            if self.lines[connection].0.closed.is_some() {
                self.lines[connection].0.requests.clear();
            }
        }
        self.settle();
    }

    /// Takes what was written to a connection.
    pub fn take(&mut self, connection: usize) -> String {
        self.lines[connection].0.take()
    }

    /// Sends a request of the server's to the peer of a session, by the connection that it used last. `false` where it has none,
    /// or where too many wait for their answers.
    pub fn ask(
        &mut self,
        id: SessionId,
        request: impl Fn(&ServerSession) -> Option<Request>,
    ) -> bool {
        let Some(session) = self.sessions.get(&id) else {
            return false;
        };
        let to = session.connection().zip(request(session));
        to.is_some_and(|(connection, request)| self.write(connection as usize, request))
    }

    fn write(&mut self, connection: usize, request: Request) -> bool {
        let line = &mut self.lines[connection].0;
        let sent = line.connection.request(self.now, request).is_some();
        line.drain();
        sent
    }

    /// Sends a session elsewhere: at a time, or at once.
    pub fn redirect(&mut self, id: SessionId, at: Option<SystemTime>) {
        let target = Uri::parse("rtsp://192.0.2.99").unwrap();
        let time = at.map(|at| {
            UtcTime::from_unix(at.duration_since(SystemTime::UNIX_EPOCH).unwrap()).unwrap()
        });
        self.ask(id, |session| notify::redirect(session, &target, time, None));
        match at {
            Some(at) => {
                let now = self.now;
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.redirect_at(now, at);
                }
            }
            None => self.end(id, "redirect"),
        }
    }

    /// Has the server closed the connection, or is about to?
    pub fn closed(&self, connection: usize) -> bool {
        self.lines[connection].0.closed.is_some()
    }

    /// The peer closes the connection.
    pub fn close(&mut self, connection: usize) {
        self.lines[connection].0.finish();
        self.lose(connection);
        self.settle();
    }

    /// A connection is no more, whoever closed it.
    fn lose(&mut self, connection: usize) {
        let now = self.now;
        let ended = self.sessions.values_mut().filter_map(|session| {
            let after = session.connection_closed(now, connection as u64);
            (after == AfterClose::End).then(|| session.id())
        });
        for id in ended.collect::<Vec<_>>() {
            self.end(id, "connection closed");
        }
    }

    pub fn pass(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        for (line, _) in &mut self.lines {
            line.pass(duration);
        }
        let now = self.now;
        let lapsed: Vec<_> = self
            .sessions
            .values()
            .filter_map(|one| Some((one.id(), one.lapse(now)?)))
            .collect();
        for (id, lapse) in lapsed {
            let (cause, why) = match lapse {
                Lapse::Silent => (TerminateCause::SessionTimeout, "timeout"),
                Lapse::Inactive => (TerminateCause::SessionTimeout, "inactive"),
                Lapse::Redirected => (TerminateCause::ServerAdmin, "redirect reached"),
            };
            self.ask(id, |session| notify::teardown(session, cause.clone(), None));
            self.end(id, why);
        }
        self.settle();
    }

    pub fn end(&mut self, id: SessionId, cause: &'static str) {
        if let Some(session) = self.sessions.remove(&id) {
            for (number, (line, channels)) in self.lines.iter_mut().enumerate() {
                line.connection.forget_session(id.as_str());
                for media in session.media() {
                    if let NegotiatedTransport::Interleaved { rtp, rtcp } = media.transport
                        && session.connection() == Some(number as u64)
                    {
                        channels.remove(rtp, rtcp);
                    }
                }
            }
        }
        self.ended.push((id, cause));
    }

    /// Takes the sessions from connections that have closed, and tells the others how many they have.
    fn settle(&mut self) {
        for number in 0..self.lines.len() {
            if self.lines[number].0.closed.is_some() {
                self.lose(number);
            }
        }
        for (number, (line, _)) in self.lines.iter_mut().enumerate() {
            let count = self
                .sessions
                .values()
                .filter(|one| one.connection() == Some(number as u64))
                .count();
            line.connection.set_sessions(self.now, count);
            line.drain();
        }
    }

    fn serve(&mut self, connection: usize, incoming: &Incoming) -> Result<Response, ProtocolError> {
        let request = &incoming.request;
        let version = request.version;
        let open = !self.guarded || request.method == Method::Options;
        match incoming.authentication {
            Authentication::Failed | Authentication::Stale => {
                return Err(ProtocolError::Unauthorized);
            }
            Authentication::Anonymous if !open => return Err(ProtocolError::Unauthorized),
            _ => {}
        }
        let address = self.lines[connection].0.connection.addresses().peer.ip();
        let peer = Peer {
            connection: connection as u64,
            address,
            user: incoming.user.clone(),
            secure: false,
        };
        let id = self.admitted(incoming, &peer)?;
        if let (Some(id), Some(status)) = (id, self.inject.take()) {
            if state::ends_session(status) {
                self.end(id, "3rr");
            }
            return Ok(Response::new(version, status));
        }
        let path = request.target.uri().map_or("", |uri| uri.path()).to_owned();
        let object = match path.rsplit_once("/trackID=") {
            Some((_, number)) => {
                Object::Media(number.parse().map_err(|_| ProtocolError::NotFound)?)
            }
            None => Object::Presentation,
        };
        match (&request.method, id) {
            (Method::Options, _) => Ok(respond::options(version, &self.config.methods, None)),
            (Method::Describe, _) if path == "/a" => Ok(respond::describe(
                version,
                request.target.as_str(),
                "v=0\r\n",
            )),
            (Method::Describe, _) => Err(ProtocolError::NotFound),
            (Method::Announce, _) => Ok(respond::announce(version)),
            (Method::Setup, id) => self.setup(id, &peer, incoming, object),
            (Method::GetParameter, _) => Ok(respond::parameters(version, "")),
            (Method::SetParameter, _) => Ok(respond::ok(version)),
            (_, None) => Err(ProtocolError::SessionNotFound),
            (method, Some(id)) => self.control(id, method, object, version),
        }
    }

    /// The session that the request names, if it names one: it must exist and be this peer's.
    fn admitted(
        &mut self,
        incoming: &Incoming,
        peer: &Peer,
    ) -> Result<Option<SessionId>, ProtocolError> {
        let Some(header) = incoming.request.headers.typed::<Session>()? else {
            return Ok(None);
        };
        let id = SessionId::parse(&header.id).ok_or(ProtocolError::SessionNotFound)?;
        let session = self
            .sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        session.admit(peer)?;
        let before = session.connection();
        session.adopt(peer);
        self.taken_over += usize::from(before.is_some() && before != session.connection());
        session.touch(self.now);
        Ok(Some(id))
    }

    fn setup(
        &mut self,
        id: Option<SessionId>,
        peer: &Peer,
        incoming: &Incoming,
        object: Object,
    ) -> Result<Response, ProtocolError> {
        let version = incoming.request.version;
        let Object::Media(media) = object else {
            return Err(ProtocolError::AggregateNotAllowed);
        };
        let offers = incoming
            .request
            .headers
            .typed::<Transport>()?
            .ok_or(ProtocolError::BadHeader("Transport"))?
            .0;
        let direction = if offers.iter().any(|offer| offer.is_record()) {
            Direction::Record
        } else {
            Direction::Play
        };
        let (line, channels) = &mut self.lines[peer.connection as usize];
        let can = Capabilities {
            version,
            direction,
            peer: peer.address,
            channels: Some(channels),
            server_ports: Some((6000, 6001)),
            mux: true,
            connections: false,
            before: None,
            multicast: None,
            secure: false,
        };
        let transport = select(&offers, &can)?.transport;
        let id = match id {
            Some(id) => id,
            None => {
                let id = SessionId::generate(&mut self.random, 0);
                let config = SessionConfig::default();
                self.sessions.insert(
                    id,
                    ServerSession::new(self.now, id, version, PRESENTATION.into(), peer, config),
                );
                id
            }
        };
        let session = self
            .sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        session.check(&Method::Setup, object)?;
        session.check_transport(peer, &transport)?;
        if let NegotiatedTransport::Interleaved { rtp, rtcp } = transport {
            channels.insert(rtp, rtcp);
        }
        session.setup(self.now, media, transport, direction);
        let local = line.connection.addresses().local.ip();
        let spec = transport.to_spec(version, direction, local.into(), None);
        Ok(respond::setup(version, id, session.timeout(), &spec))
    }

    fn control(
        &mut self,
        id: SessionId,
        method: &Method,
        object: Object,
        version: Version,
    ) -> Result<Response, ProtocolError> {
        let session = self
            .sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        session.check(method, object)?;
        Ok(match method {
            Method::Play => {
                session.play(self.now);
                respond::play(version, id)
            }
            Method::Record => {
                session.record(self.now);
                respond::record(version, id)
            }
            Method::Pause => {
                session.pause(self.now);
                respond::pause(version, id)
            }
            _ => {
                match object {
                    Object::Media(index) => drop(session.remove_media(index)),
                    Object::Presentation => session.media().to_vec().iter().for_each(|media| {
                        session.remove_media(media.index);
                    }),
                }
                let left = (session.state() != State::Init).then_some(id);
                if left.is_none() {
                    self.end(id, "TEARDOWN");
                }
                respond::teardown(version, left)
            }
        })
    }
}
