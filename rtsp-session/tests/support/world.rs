//! A whole server without sockets: connections, and sessions in a table above them. It serves one presentation of two media
//! and takes one publisher's; packets are not its business.

use super::{Line, from, start};
use rtsp_msg::headers::{Session, Transport};
use rtsp_msg::{Method, Response, Version};
use rtsp_session::auth::{Credentials, Users};
use rtsp_session::random::Random;
use rtsp_session::server::{
    AfterClose, Authentication, ConnectionConfig, Direction, Incoming, Object, Peer, ServerSession,
    SessionConfig, SessionId, State, respond,
};
use rtsp_session::transport::{Capabilities, ChannelMap, NegotiatedTransport, select};
use rtsp_session::{Now, ProtocolError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub struct World {
    pub now: Now,
    pub lines: Vec<(Line, ChannelMap)>,
    pub sessions: HashMap<SessionId, ServerSession>,
    /// Ids of sessions that ended, with the cause.
    pub ended: Vec<(SessionId, &'static str)>,
    config: ConnectionConfig,
    random: Random,
    /// Every request but OPTIONS needs credentials.
    pub guarded: bool,
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
            config: ConnectionConfig {
                users: Some(Arc::new(users)),
                ..ConnectionConfig::default()
            },
            random: Random::from_seed([7; 32]),
            guarded: false,
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
        while let Some(incoming) = self.lines[connection].0.requests.pop() {
            let (id, version) = (incoming.id, incoming.request.version);
            match self.serve(connection, &incoming) {
                Ok(response) => self.lines[connection].0.answer(id, response),
                Err(ProtocolError::Unauthorized) => self.lines[connection].0.challenge(id),
                Err(error) => self.lines[connection]
                    .0
                    .answer(id, respond::error(version, error)),
            }
        }
        self.count_sessions();
        self.lines[connection].0.take()
    }

    /// Has the server closed the connection, or is about to?
    pub fn closed(&self, connection: usize) -> bool {
        self.lines[connection].0.closed.is_some()
    }

    /// The peer closes the connection.
    pub fn close(&mut self, connection: usize) {
        self.lines[connection].0.finish();
        let now = self.now;
        let ended = self.sessions.values_mut().filter_map(|session| {
            let after = session.connection_closed(now, connection as u64);
            (after == AfterClose::End).then(|| session.id())
        });
        for id in ended.collect::<Vec<_>>() {
            self.end(id, "connection closed");
        }
        self.count_sessions();
    }

    pub fn pass(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        for (line, _) in &mut self.lines {
            line.pass(duration);
        }
        let now = self.now;
        let expired: Vec<_> = self
            .sessions
            .values()
            .filter(|one| one.expired(now))
            .map(|one| one.id())
            .collect();
        for id in expired {
            self.end(id, "timeout");
        }
        self.count_sessions();
    }

    fn end(&mut self, id: SessionId, cause: &'static str) {
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

    fn count_sessions(&mut self) {
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
            Authentication::Failed => return Err(ProtocolError::Unauthorized),
            Authentication::Anonymous if !open => return Err(ProtocolError::Unauthorized),
            _ => {}
        }
        let address = self.lines[connection].0.connection.addresses().peer.ip();
        let peer = Peer {
            connection: connection as u64,
            address,
            user: incoming.user.clone(),
        };
        let id = self.admitted(incoming, &peer)?;
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
        session.adopt(peer);
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
        };
        let transport = select(&offers, &can)?;
        let id = match id {
            Some(id) => id,
            None => {
                let id = SessionId::generate(&mut self.random, 0);
                let config = SessionConfig::default();
                self.sessions.insert(
                    id,
                    ServerSession::new(self.now, id, version, "/a".into(), peer, config),
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
        let spec = transport.to_spec(version, direction, local, None);
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
