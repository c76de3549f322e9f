//! One RTSP connection with its socket: the session's machine, driven.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;
use std::time::Instant;

use bytes::Buf;
use bytes::BytesMut;
use rtsp_msg::FrameRun;
use rtsp_msg::Scheme;
use rtsp_msg::Uri;
use rtsp_session::Now;
use rtsp_session::auth::Credentials;
use rtsp_session::client::ClientSession;
use rtsp_session::client::CloseReason;
use rtsp_session::client::Event;
use rtsp_session::client::Exchange;
use rtsp_session::client::Input;
use rtsp_session::client::SessionConfig;
use rtsp_session::client::SessionError;
use rtsp_session::client::SessionOutput;
use rtsp_session::client::SrtpPolicy;
use rtsp_session::client::State;
use rtsp_session::random::Random;
use rtsp_session::srtp::mikey::reverse::Identity;
use tokio::task::JoinSet;

use crate::Error;
use crate::ErrorKind;
use crate::Options;
use crate::TransportPolicy;
use crate::io::wire::NotConnected;
use crate::io::wire::Wire;
use way::Way;

mod way;

/// How much one read asks for; frames are slices of it.
const READ_BYTES: usize = 64 << 10;

/// How much may wait to be written before [`Conversation::wants_flush`] says so.
const WRITE_BYTES: usize = 256 << 10;

/// How many octets of frames may wait while a step runs; beyond, the oldest are dropped.
const BACKLOG_BYTES: usize = 16 << 20;

/// How long a server keeps a session that has not said (RFC 7826 §18.49).
const SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// A connected session.
#[derive(Debug)]
pub(crate) struct Conversation {
    wire: Wire,
    /// Boxed: it is large, and conversations are moved.
    pub(crate) session: Box<ClientSession>,
    uri: Uri,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    inbound: BytesMut,
    pub(crate) outbound: BytesMut,
    /// Frames that nobody has taken yet, with the time of their read.
    pub(crate) frames: VecDeque<(Now, FrameRun)>,
    frame_bytes: usize,
    pub(crate) events: VecDeque<Event>,
    pub(crate) until: Option<Instant>,
    pub(crate) closed: Option<CloseReason>,
    way: Way,
    /// Who we are where keys are exchanged by RSA, once they are.
    identity: Option<Arc<Identity>>,
    random: Random,
    /// The connection that takes the place of one that was lost; empty while there is one.
    next: JoinSet<Result<Wire, NotConnected>>,
}

fn is_multicast(host: &str) -> bool {
    host.parse()
        .is_ok_and(|address: IpAddr| address.is_multicast())
}

/// A secure random seed.
pub(crate) fn random(place: &str) -> Result<Random, Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Error::new(ErrorKind::Io, place, format!("no randomness: {error}")))?;
    Ok(Random::from_seed(seed))
}

impl Conversation {
    /// Connects to the server of `uri`. `credentials` are those to use there.
    pub(crate) async fn connect(
        uri: &Uri,
        options: &Options,
        credentials: Option<Credentials>,
    ) -> Result<Self, Error> {
        let place = uri.without_userinfo().to_string();
        if !matches!(uri.scheme(), Scheme::Rtsp | Scheme::Rtsps) {
            let text = "this scheme is not supported";
            return Err(Error::new(ErrorKind::Unsupported, place, text));
        }
        if is_multicast(uri.host()) {
            // RFC 7826 §10: requests go to one server.
            let text = "a multicast address is no server";
            return Err(Error::new(ErrorKind::Url, place, text));
        }
        let mut random = random(&place)?;
        let mut way = Way::new(uri, options);
        let refused = |error| way.not_connected(error);
        let wire = way.connect(&mut random).await.map_err(refused)?;
        let (peer, local) = wire
            .peer_addr()
            .and_then(|peer| Ok((peer, wire.local_addr()?)))
            .map_err(|error| refused(NotConnected::Tcp(error)))?;
        // A session is of one server, whatever else has its name.
        way.at = Some(peer);
        let mut config = SessionConfig::default();
        config.connection.user_agent.clone_from(&options.user_agent);
        config.connection.credentials = credentials;
        config.connection.encrypted = uri.scheme() == Scheme::Rtsps;
        config.connection.response_timeout = options.response_timeout;
        config.connection.cseq = options.cseq;
        config.connection.courtesy = options.courtesy.clone();
        config.if_match = options.if_match;
        config.session_id = options.session_id;
        config.version = options.version;
        config.srtp = options.srtp;
        config.reconnects = true;
        let session = ClientSession::new(Now::read(), uri, config, random.fork());
        Ok(Self {
            wire,
            session: Box::new(session),
            uri: uri.without_userinfo(),
            peer,
            local,
            inbound: BytesMut::with_capacity(READ_BYTES),
            outbound: BytesMut::new(),
            frames: VecDeque::new(),
            frame_bytes: 0,
            events: VecDeque::new(),
            until: None,
            closed: None,
            way,
            identity: None,
            random,
            next: JoinSet::new(),
        })
    }

    /// The URI, for error messages.
    pub(crate) fn place(&self) -> String {
        self.uri.to_string()
    }

    /// The URI, without credentials.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether nobody on the way can read what is said.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.uri.scheme() == Scheme::Rtsps
    }

    /// Whether requests about `uri` may go to this server: with TLS, only if its certificate is for that host too
    /// (RFC 7826 §19.2).
    pub(crate) fn may_ask_about(&self, uri: &Uri) -> bool {
        uri.host().eq_ignore_ascii_case(self.uri.host()) || self.wire.is_for(uri.host())
    }

    /// How frames on this connection travel.
    pub(crate) fn interleaved(&self) -> TransportPolicy {
        TransportPolicy::interleaved(self.wire.carriage())
    }

    /// Makes what keys are exchanged by RSA with, where they are to be.
    pub(crate) async fn prepare_exchange(&mut self, options: &Options) -> Result<(), Error> {
        let may = self.is_encrypted() || options.srtp == SrtpPolicy::Forced;
        if !may || !self.session.wants_exchange() {
            return Ok(());
        }
        let identity = options.key_identity.get(&self.place()).await?;
        self.exchange_by(identity);
        Ok(())
    }

    /// Has keys exchanged with who has the certificate that this connection has shown.
    fn exchange_by(&mut self, identity: Arc<Identity>) {
        let known = self.wire.peer_certificate().cloned();
        let certificate = known.as_ref().map(|it| it.to_vec());
        let (way, host) = (self.way.clone(), self.uri.host().to_owned());
        let believe = move |chain: &[&[u8]]| match (&known, &way.trust) {
            (Some(known), Some(trust)) => trust.believes(chain, known, &host),
            // In the clear everybody on the way is trusted.
            _ => Ok(()),
        };
        self.identity = Some(Arc::clone(&identity));
        let exchange = Exchange::new(identity, certificate, believe);
        self.session.exchange_by(exchange);
    }

    /// The address of the server.
    pub(crate) fn peer_ip(&self) -> IpAddr {
        self.peer.ip()
    }

    /// Runs a command of the session and waits for its outcome.
    pub(crate) async fn step(
        &mut self,
        command: impl FnOnce(&mut ClientSession, Now) -> Result<(), SessionError>,
    ) -> Result<Event, Error> {
        let command = command(&mut self.session, Now::read());
        command.map_err(|error| Error::session(self.place(), error))?;
        self.drain();
        self.outcome().await
    }

    /// Waits for the next outcome of what runs.
    pub(crate) async fn outcome(&mut self) -> Result<Event, Error> {
        loop {
            // What the server tells of its own accord stays for who asked for none of it.
            let outcome = self.events.iter().position(Event::is_outcome);
            match outcome.and_then(|at| self.events.remove(at)) {
                Some(Event::Failed(error)) => return Err(Error::session(self.place(), error)),
                Some(event) => return Ok(event),
                None => {}
            }
            if let Some(reason) = &self.closed {
                return Err(Error::closed(self.place(), reason.clone()));
            }
            self.turn(None).await?;
        }
    }

    /// Waits for something to happen on the connection, or for `deadline`.
    pub(crate) async fn turn(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        let until = self.until.into_iter().chain(deadline).min();
        let io = poll_fn(|cx| self.poll_io(cx));
        let result = match until {
            Some(until) => tokio::time::timeout_at(until.into(), io).await,
            None => Ok(io.await),
        };
        match result {
            Ok(result) => result,
            Err(_) => {
                self.timeout();
                Ok(())
            }
        }
    }

    /// Lets the session do what is due by now.
    pub(crate) fn timeout(&mut self) {
        let now = Now::read();
        if self.until.is_some_and(|until| until <= now.monotonic) {
            self.session.handle(now, Input::Timeout);
            self.drain();
        }
    }

    /// Writes what waits and reads once; ready when anything was read, the connection has ended, or all is written that
    /// waited for a while.
    pub(crate) fn poll_io(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.poll_next(cx).is_pending() {
            return Poll::Pending;
        }
        let flushed = self.poll_flush(cx)?;
        if self.closed.is_some() {
            return Poll::Ready(Ok(()));
        }
        let mut progress = flushed;
        self.inbound.reserve(READ_BYTES);
        match self.wire.poll_read_buf(cx, &mut self.inbound) {
            Poll::Pending => {}
            Poll::Ready(Ok(0)) => {
                self.session.handle(Now::read(), Input::Eof);
                self.drain();
                progress = true;
            }
            Poll::Ready(Ok(_)) => {
                let now = Now::read();
                self.session.handle(now, Input::Read(&mut self.inbound));
                self.drain();
                progress = true;
            }
            Poll::Ready(Err(error)) => {
                self.lost(error)?;
                progress = true;
            }
        }
        if progress {
            // What the session has to say to it goes out at once.
            let _ = self.poll_flush(cx)?;
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// Writes as much as the socket takes. Whether something waited and all of it is gone.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let waited = !self.outbound.is_empty();
        while self.next.is_empty() {
            match self.wire.poll_write(cx, &self.outbound) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(_)) if self.outbound.is_empty() => return Ok(waited),
                Poll::Ready(Ok(0)) => self.lost(io::ErrorKind::WriteZero.into())?,
                Poll::Ready(Ok(count)) => self.outbound.advance(count),
                Poll::Ready(Err(error)) => self.lost(error)?,
            }
        }
        Ok(true)
    }

    /// Waits for the connection that takes the place of one that was lost; the session goes on there (RFC 7826 §10.4).
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(next) = ready!(self.next.poll_join_next(cx)) else {
            return Poll::Ready(());
        };
        let place = self.uri.as_str();
        match next {
            Ok(Ok(wire)) => {
                tracing::info!(place, "connected again: the session goes on");
                self.wire = wire;
                if let Some(identity) = self.identity.take() {
                    self.exchange_by(identity);
                }
                self.session.reconnected(Now::read());
            }
            Ok(Err(error)) => {
                let error = self.way.not_connected(error);
                tracing::warn!(place, %error, "the session cannot go on");
                self.session.handle(Now::read(), Input::Eof);
            }
            Err(_) => self.session.handle(Now::read(), Input::Eof),
        }
        self.drain();
        Poll::Ready(())
    }

    /// The connection is gone, and the session is not.
    fn connect_again(&mut self, reason: &CloseReason) {
        let place = self.uri.as_str();
        tracing::warn!(place, %reason, "the connection was lost: connecting again, for the same session");
        self.wire.finish();
        self.inbound.clear();
        self.outbound.clear();
        let patience = self.session.timeout().unwrap_or(SESSION_TIMEOUT);
        let again = self.way.clone().again(self.random.fork(), patience);
        self.next.spawn(again);
    }

    /// Whether so much waits to be written that the caller must let it go out first.
    pub(crate) fn wants_flush(&self) -> bool {
        self.outbound.len() >= WRITE_BYTES
    }

    /// Takes everything that the session has to say.
    pub(crate) fn drain(&mut self) {
        loop {
            match self.session.poll() {
                SessionOutput::Write(bytes) => self.outbound.extend_from_slice(&bytes),
                SessionOutput::Event(event) => self.events.push_back(event),
                SessionOutput::Frames(run) => self.keep(run),
                SessionOutput::Close(reason) => {
                    self.closed.get_or_insert(reason);
                }
                SessionOutput::Reconnect(reason) => self.connect_again(&reason),
                SessionOutput::Wait { until } => {
                    self.until = until;
                    return;
                }
                _ => {}
            }
        }
    }

    fn keep(&mut self, run: FrameRun) {
        self.frame_bytes += run.bytes.len();
        self.frames.push_back((Now::read(), run));
        while self.frame_bytes > BACKLOG_BYTES {
            let Some((_, dropped)) = self.frames.pop_front() else {
                return;
            };
            self.frame_bytes -= dropped.bytes.len();
        }
    }

    /// The oldest frames that nobody has taken.
    pub(crate) fn take_frames(&mut self) -> Option<(Now, FrameRun)> {
        let (now, run) = self.frames.pop_front()?;
        self.frame_bytes -= run.bytes.len();
        Some((now, run))
    }

    /// Ends the session and waits for the answer, but not for long.
    pub(crate) async fn teardown(&mut self, patience: Duration) {
        if self.session.state() == State::Init || self.closed.is_some() {
            return;
        }
        let step = self.step(ClientSession::teardown);
        let _ = tokio::time::timeout(patience, step).await;
    }

    /// Gives the session up at once: the server is told as far as that is possible without waiting.
    pub(crate) fn abandon(&mut self) {
        if self.closed.is_none() && self.session.teardown(Now::read()).is_ok() {
            self.drain();
            let _ = self.wire.try_write(&self.outbound);
        }
        // Before the socket itself goes: some servers have room for one session only.
        self.wire.finish();
        self.closed.get_or_insert(CloseReason::TornDown);
    }

    /// The end of the session, unless that outlives its connection.
    fn lost(&mut self, error: io::Error) -> Result<(), Error> {
        self.session.handle(Now::read(), Input::Eof);
        self.drain();
        match self.next.is_empty() {
            true => Err(Error::io(ErrorKind::Closed, self.place(), error)),
            false => Ok(()),
        }
    }
}

/// The server should know that we are gone, as far as that is possible without waiting.
impl Drop for Conversation {
    fn drop(&mut self) {
        self.abandon();
    }
}
