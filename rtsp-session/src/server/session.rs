//! One session: whose it is, what is set up, in which state it is and how long it lives.

use super::SessionId;
use super::lifetime::{Lapse, Lifetime, SessionConfig};
use super::state::{Event, State, Step, allowed, step};
use crate::error::ProtocolError;
use crate::now::Now;
use crate::transport::NegotiatedTransport;
use rtsp_msg::{Method, Version};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Who asks: enough to decide whose a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Built by the shell for each request.
pub struct Peer {
    /// The number of the connection, never used twice by one server.
    pub connection: u64,
    /// Where the connection comes from, without the port.
    pub address: IpAddr,
    /// The user whose credentials this request proved.
    pub user: Option<Arc<str>>,
    /// The connection is sealed by TLS.
    pub secure: bool,
}

/// Which way media flow in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_enums)] // RFC 2326 §12.39 names these two.
pub enum Direction {
    /// To the peer.
    #[default]
    Play,
    /// From the peer.
    Record,
}

/// What a request is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A URI names one or the other.
pub enum Object {
    /// The presentation as a whole: its aggregate control URI.
    Presentation,
    /// One media, by its index in the description.
    Media(usize),
}

/// One media that is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionMedia {
    /// Its index in the description.
    pub index: usize,
    /// How its packets travel.
    pub transport: NegotiatedTransport,
    /// Whether they can.
    pub way: Way,
}

/// Whether what was negotiated for a media can carry it by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // RFC 7826 §17.4.26 and §17.4.28 have an answer for each.
pub enum Way {
    /// It can.
    Open,
    /// Connections are still to be made.
    Awaited,
    /// Connections cannot be made.
    Unreachable,
}

/// What becomes of a session whose connection closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum AfterClose {
    /// The session is not tied to that connection: nothing changes.
    Unrelated,
    /// Its media travel on that connection: it ends (RFC 7826 §14).
    End,
    /// It lives on until its timeout; another connection of the same peer may take it over (RFC 7826 §10.2).
    Orphan,
}

/// One session. It lives in a table above the connections, because it outlives and changes them.
///
/// It decides; the server does. Ask [`admit`](Self::admit) and [`check`](Self::check), do the work, then tell the session what
/// was done by [`setup`](Self::setup), [`play`](Self::play) and the like. What fails in between has changed nothing.
#[derive(Debug)]
pub struct ServerSession {
    id: SessionId,
    version: Version,
    presentation: String,
    owner: Peer,
    connected: bool,
    direction: Direction,
    state: State,
    media: Vec<SessionMedia>,
    lifetime: Lifetime,
}

impl ServerSession {
    /// A session that `peer` asked for, with nothing set up yet.
    #[must_use]
    pub fn new(
        now: Now,
        id: SessionId,
        version: Version,
        presentation: String,
        peer: &Peer,
        config: SessionConfig,
    ) -> Self {
        Self {
            id,
            version,
            presentation,
            owner: peer.clone(),
            connected: true,
            direction: Direction::Play,
            state: State::Init,
            media: Vec::new(),
            lifetime: Lifetime::new(now, config),
        }
    }

    /// May this peer use the session at all?
    ///
    /// The id is no proof: it travels in the clear. A session answers
    /// - its own connection, unless the request proves to be another user's than the session's (RFC 7826 §19.1);
    /// - the user who made it, from any connection;
    /// - where neither side has proved a user: the same address, once the session's connection has closed (RFC 7826 §10.2).
    ///
    /// One that was made over TLS is reached by TLS only: so nothing of it is ever said in the clear (RFC 7826 §19.3.1).
    ///
    /// # Errors
    /// [`ProtocolError::SessionNotFound`] for everyone else: a stranger does not learn that the session exists.
    pub fn admit(&self, peer: &Peer) -> Result<(), ProtocolError> {
        if self.owner.secure && !peer.secure {
            return Err(ProtocolError::SessionNotFound);
        }
        let own = self.connected && peer.connection == self.owner.connection;
        let admitted = match (&self.owner.user, &peer.user) {
            (Some(owner), Some(user)) => owner == user,
            (Some(_), None) => own,
            // Somebody who proved a name while the session has none: on its own connection that is its maker.
            (None, Some(_)) => own,
            (None, None) => own || (!self.connected && peer.address == self.owner.address),
        };
        if admitted {
            Ok(())
        } else {
            Err(ProtocolError::SessionNotFound)
        }
    }

    /// Where its peer is.
    #[must_use]
    pub fn owner_address(&self) -> IpAddr {
        self.owner.address
    }

    /// May the session do this now?
    ///
    /// # Errors
    /// [`ProtocolError::WrongState`] with the methods that it may, [`ProtocolError::OnlyAggregate`],
    /// [`ProtocolError::AggregateNotAllowed`] for a SETUP of a whole presentation, [`ProtocolError::NotImplemented`] for RECORD
    /// in RTSP/2.0; for PLAY [`ProtocolError::TransportNotReady`] and [`ProtocolError::DestinationUnreachable`] while the
    /// connections of a media are not there (RFC 7826 §C.2.2), and [`ProtocolError::Forbidden`] of datagrams that go to where the peer
    /// is not (RFC 7826 §21.2.1). Methods that never change the state always pass.
    pub fn check(&self, method: &Method, object: Object) -> Result<(), ProtocolError> {
        let Some(event) = self.event(method, object)? else {
            return Ok(());
        };
        match step(self.version, self.state, event) {
            Step::To(_) if event == Event::Play && self.fits(event) => self.ways_open(),
            Step::To(_) if self.fits(event) => Ok(()),
            Step::To(_) | Step::WrongState => Err(ProtocolError::WrongState {
                allow: self.allowed(),
            }),
            Step::OnlyAggregate => Err(ProtocolError::OnlyAggregate),
            Step::Unknown => Err(ProtocolError::NotImplemented {
                public: self.allowed(),
            }),
        }
    }

    fn ways_open(&self) -> Result<(), ProtocolError> {
        if !self.is_where_its_datagrams_go() {
            // 463 is for SETUP (RFC 7826 §8.1, Table 4).
            return Err(ProtocolError::Forbidden);
        }
        let has = |way| self.media.iter().any(|media| media.way == way);
        if has(Way::Unreachable) {
            return Err(ProtocolError::DestinationUnreachable);
        }
        if has(Way::Awaited) {
            return Err(ProtocolError::TransportNotReady);
        }
        Ok(())
    }

    /// Is its peer where the datagrams of what it reads go? The handshake of its connection has proved that address and no other:
    /// who has gone elsewhere, and be it the session's own user, has to SETUP anew, and keeps nothing flowing to where it was.
    #[must_use]
    pub fn is_where_its_datagrams_go(&self) -> bool {
        let here = self.owner.address.to_canonical();
        self.direction == Direction::Record
            || self.media.iter().all(|media| match media.transport {
                NegotiatedTransport::Udp { peer_rtp, .. } => peer_rtp.ip().to_canonical() == here,
                _ => true,
            })
    }

    /// The connections of a media have been made, or are gone, or cannot be made.
    pub fn set_way(&mut self, media: usize, way: Way) {
        if let Some(media) = self.media.iter_mut().find(|one| one.index == media) {
            media.way = way;
        }
    }

    /// May this transport join the session? Channels belong to one connection: media of a session cannot be spread over two.
    ///
    /// # Errors
    /// [`ProtocolError::UnsupportedTransport`].
    pub fn check_transport(
        &self,
        peer: &Peer,
        transport: &NegotiatedTransport,
    ) -> Result<(), ProtocolError> {
        let elsewhere = peer.connection != self.owner.connection;
        if elsewhere && (transport.is_interleaved() || self.is_interleaved()) {
            return Err(ProtocolError::UnsupportedTransport);
        }
        Ok(())
    }

    fn event(&self, method: &Method, object: Object) -> Result<Option<Event>, ProtocolError> {
        let one_of_several = match object {
            Object::Presentation => false,
            Object::Media(index) => self.media.len() > 1 || !self.has(index),
        };
        Ok(Some(match (method, object) {
            (Method::Setup, Object::Presentation) => {
                return Err(ProtocolError::AggregateNotAllowed);
            }
            (Method::Setup, Object::Media(index)) if self.has(index) => Event::SetupAgain,
            (Method::Setup, Object::Media(_)) => Event::Setup,
            (Method::Play, _) if one_of_several => Event::PlayMedia,
            (Method::Play, _) => Event::Play,
            (Method::Pause, _) if one_of_several => Event::PauseMedia,
            (Method::Pause, _) => Event::Pause,
            (Method::Record, _) if one_of_several => Event::RecordMedia,
            (Method::Record, _) => Event::Record,
            (Method::Teardown, Object::Media(index)) if !self.has(index) => {
                return Err(ProtocolError::NotFound);
            }
            (Method::Teardown, _) if one_of_several => Event::TeardownMedia,
            (Method::Teardown, _) => Event::Teardown,
            _ => return Ok(None),
        }))
    }

    /// PLAY is for sessions that were set up to play, RECORD for those set up to record (RFC 2326 §10.11).
    fn fits(&self, event: Event) -> bool {
        match event {
            Event::Play => self.direction == Direction::Play,
            Event::Record => self.direction == Direction::Record,
            _ => true,
        }
    }

    fn has(&self, index: usize) -> bool {
        self.media.iter().any(|media| media.index == index)
    }

    /// The methods that it may do now, for an Allow header.
    #[must_use]
    pub fn allowed(&self) -> Vec<Method> {
        let mut methods = allowed(self.version, self.state);
        methods.retain(|method| match method {
            Method::Play => self.direction == Direction::Play,
            Method::Record => self.direction == Direction::Record,
            _ => true,
        });
        methods
    }

    /// A media was set up, or its transport was changed.
    pub fn setup(
        &mut self,
        now: Now,
        media: usize,
        transport: NegotiatedTransport,
        direction: Direction,
    ) {
        if self.media.is_empty() {
            self.direction = direction;
        }
        let way = |before: Option<Way>| match transport {
            NegotiatedTransport::Connections(connections) if connections.existing => {
                before.unwrap_or(Way::Awaited)
            }
            NegotiatedTransport::Connections(_) => Way::Awaited,
            _ => Way::Open,
        };
        match self.media.iter_mut().find(|one| one.index == media) {
            Some(one) => {
                one.way = way(Some(one.way));
                one.transport = transport;
            }
            None => self.media.push(SessionMedia {
                index: media,
                transport,
                way: way(None),
            }),
        }
        if self.state == State::Init {
            self.state = State::Ready;
        }
        self.lifetime.rest(now);
        self.touch(now);
    }

    /// Media flow to the peer.
    pub fn play(&mut self, now: Now) {
        self.state = State::Play;
        self.lifetime.flow();
        self.touch(now);
    }

    /// Media flow from the peer.
    pub fn record(&mut self, now: Now) {
        self.state = State::Record;
        self.lifetime.flow();
        self.touch(now);
    }

    /// Nothing flows.
    pub fn pause(&mut self, now: Now) {
        self.state = State::Ready;
        self.lifetime.rest(now);
        self.touch(now);
    }

    /// The range or the media ended: RTSP/1.0 pauses by itself, RTSP/2.0 stays in Play (RFC 7826 §B.4).
    pub fn end_of_media(&mut self, now: Now) {
        self.lifetime.rest(now);
        if let Step::To(state) = step(self.version, self.state, Event::EndOfMedia) {
            self.state = state;
        }
    }

    /// One media was torn down. `None` when it was not set up. With the last one the session is in [`State::Init`]: drop it.
    pub fn remove_media(&mut self, index: usize) -> Option<SessionMedia> {
        let at = self.media.iter().position(|media| media.index == index)?;
        let removed = self.media.remove(at);
        if self.media.is_empty() {
            self.state = State::Init;
        }
        Some(removed)
    }

    /// The peer showed that it lives: a request with this session's id, RTCP, or media while it records.
    pub fn touch(&mut self, now: Now) {
        self.lifetime.touch(now);
    }

    /// REDIRECT was sent, and takes effect at a time (RFC 7826 §B.4, "Set RedP"): until then all goes on.
    pub fn redirect_at(&mut self, now: Now, at: SystemTime) {
        if matches!(
            step(self.version, self.state, Event::RedirectLater),
            Step::To(_)
        ) {
            self.lifetime.redirect(now, at);
        }
    }

    /// Whether it goes on elsewhere from some time on.
    #[must_use]
    pub const fn is_redirected(&self) -> bool {
        self.lifetime.is_redirected()
    }

    /// When its time is up, unless something happens before.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.lifetime.end(self.version).0
    }

    /// Whether its time is up, and why: end it then.
    #[must_use]
    pub fn lapse(&self, now: Now) -> Option<Lapse> {
        let (at, why) = self.lifetime.end(self.version);
        (at <= now.monotonic).then_some(why)
    }

    /// A connection closed. Call it for each session that may be tied to it.
    pub fn connection_closed(&mut self, now: Now, connection: u64) -> AfterClose {
        if !self.connected || self.owner.connection != connection {
            return AfterClose::Unrelated;
        }
        self.connected = false;
        if self.is_interleaved() || self.media.is_empty() {
            return AfterClose::End;
        }
        self.touch(now);
        AfterClose::Orphan
    }

    /// Makes an admitted peer's connection the session's own (RFC 7826 §10.2: the latest one is used for requests to the peer).
    /// An interleaved session stays where its channels are. The session's user never changes.
    pub fn adopt(&mut self, peer: &Peer) {
        if self.connected && self.is_interleaved() {
            return;
        }
        self.owner.connection = peer.connection;
        self.owner.address = peer.address;
        self.connected = true;
    }

    /// Do media travel on the RTSP connection?
    #[must_use]
    pub fn is_interleaved(&self) -> bool {
        self.media
            .iter()
            .any(|media| media.transport.is_interleaved())
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The version that its maker speaks.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The path of its presentation.
    #[must_use]
    pub fn presentation(&self) -> &str {
        &self.presentation
    }

    /// The connection that it is tied to, `None` while it has none.
    #[must_use]
    pub fn connection(&self) -> Option<u64> {
        self.connected.then_some(self.owner.connection)
    }

    /// The user who made it, if that was proved.
    #[must_use]
    pub const fn user(&self) -> Option<&Arc<str>> {
        self.owner.user.as_ref()
    }

    /// Which way its media flow. Fixed by the first SETUP.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// What is set up, in the order of the SETUPs.
    #[must_use]
    pub fn media(&self) -> &[SessionMedia] {
        &self.media
    }

    /// One media that is set up.
    #[must_use]
    pub fn media_at(&self, index: usize) -> Option<&SessionMedia> {
        self.media.iter().find(|media| media.index == index)
    }

    /// What the Session header announces, in whole seconds.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.lifetime.timeout()
    }
}

#[cfg(test)]
mod tests;
