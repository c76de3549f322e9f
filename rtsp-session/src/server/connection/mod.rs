//! One connection: framing, authentication, the order of answers, and how long it may be silent.

mod config;
mod events;
mod outstanding;
mod pending;
mod phase;
mod pipeline;

pub use config::ConnectionConfig;
pub use events::{Addresses, Authentication, CloseReason, Incoming, Input, Output, RequestId};

use super::{date, rules};
use crate::applicability;
use crate::auth::gate::{Gate, Proof};
use crate::error::ProtocolError;
use crate::now::Now;
use crate::random::Random;
use crate::timer::Timers;
use bytes::{Bytes, BytesMut};
use outstanding::Outstanding;
use pending::{Echo, Pending};
use phase::{Phase, Timer};
use pipeline::{Bindings, Meaning};
use rtsp_msg::{
    DecodeError, DecodeErrorKind, Decoder, FrameRun, HeaderName, Message, Request, Response,
    Version,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// The server's end of one connection.
///
/// ```
/// # use rtsp_session::{Now, random::Random, server::*};
/// # use rtsp_msg::{Response, StatusCode};
/// # use bytes::BytesMut;
/// # let addresses = Addresses { local: "127.0.0.1:8554".parse().unwrap(), peer: "127.0.0.1:4000".parse().unwrap() };
/// let now = Now::read();
/// let mut connection =
///     ServerConnection::new(now, ConnectionConfig::default().into(), addresses, Random::from_seed([0; 32]));
/// let mut buffer = BytesMut::from("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
/// connection.handle(now, Input::Read(&mut buffer));
/// let Output::Request(incoming) = connection.poll() else { panic!("a request came in") };
/// let response = Response::new(incoming.request.version, StatusCode::OK);
/// connection.answer(incoming.id, response);
/// let Output::Write(bytes) = connection.poll() else { panic!("it was answered") };
/// assert!(bytes.starts_with(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"));
/// assert!(matches!(connection.poll(), Output::Wait { .. }));
/// ```
#[derive(Debug)]
pub struct ServerConnection {
    config: Arc<ConnectionConfig>,
    addresses: Addresses,
    random: Random,
    now: Now,
    decoder: Decoder,
    gate: Option<Gate>,
    pending: Pending,
    outstanding: Outstanding,
    bindings: Bindings,
    events: VecDeque<Output>,
    out: BytesMut,
    spare: FrameRun,
    phase: Phase,
    eof: bool,
    /// Decoding stopped because enough requests are pending: the buffer may hold more.
    stalled: bool,
    /// Framing was lost: the decoder looks for the next message.
    searching: bool,
    sessions: usize,
    malformed: u32,
    failures: u32,
    timers: Timers<Timer, 7>,
}

impl ServerConnection {
    /// A connection that was accepted just now.
    #[must_use]
    pub fn new(
        now: Now,
        config: Arc<ConnectionConfig>,
        addresses: Addresses,
        random: Random,
    ) -> Self {
        let mut timers = Timers::new();
        timers.set(
            Timer::FirstRequest,
            now.monotonic + config.first_request_timeout,
        );
        if config.users.is_some() {
            let at = now.monotonic + config.unauthenticated_timeout;
            timers.set(Timer::Unauthenticated, at);
        }
        Self {
            decoder: Decoder::new(config.limits.clone(), config.leniency.clone()),
            gate: config.users.clone().map(|users| {
                Gate::new(
                    users,
                    config.schemes.clone(),
                    config.nonce_lifetime,
                    config.session_leniency.clone(),
                )
                .handing_out(config.shell_proves)
            }),
            config,
            addresses,
            random,
            now,
            pending: Pending::default(),
            outstanding: Outstanding::default(),
            bindings: Bindings::default(),
            events: VecDeque::new(),
            out: BytesMut::new(),
            spare: FrameRun::new(),
            phase: Phase::Open,
            eof: false,
            stalled: false,
            searching: false,
            sessions: 0,
            malformed: 0,
            failures: 0,
            timers,
        }
    }

    /// Takes what came in. Then [`poll`](Self::poll) until [`Output::Wait`].
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Read(buffer) => self.read(buffer),
            Input::Eof => {
                self.eof = true;
                if self.stalled {
                    self.timers
                        .set(Timer::Linger, now.monotonic + self.config.message_timeout);
                } else {
                    self.drain(CloseReason::PeerClosed);
                }
            }
            Input::Timeout => self.timeout(),
        }
    }

    /// What to do next.
    #[must_use]
    pub fn poll(&mut self) -> Output {
        if !self.out.is_empty() {
            return Output::Write(self.out.split().freeze());
        }
        if let Some(event) = self.events.pop_front() {
            if self.events.is_empty() && !matches!(event, Output::Frames(_)) {
                // Messages are rare, and an idle connection keeps no queue. A publisher's, which is filled by each read, stays.
                self.events = VecDeque::new();
            }
            return event;
        }
        match self.phase {
            Phase::Closing(reason) => {
                self.phase = Phase::Closed;
                Output::Close(reason)
            }
            Phase::Closed => Output::Wait { until: None },
            Phase::Open | Phase::Draining(_) => Output::Wait {
                until: self.timers.next(),
            },
        }
    }

    /// Answers a request. Once for each, in any order: answers are written in the order of the requests, with CSeq, Date, Server,
    /// Session and the like filled in where the response does not have them. A second answer to one request is ignored.
    pub fn answer(&mut self, id: RequestId, response: Response) {
        if let Some(name) = self.pending.echo(id).and_then(|echo| echo.creates) {
            self.bindings.answered(name, &response);
        }
        if self.pending.answer(id, response) {
            self.settle();
        }
    }

    /// Answers a request with the reason why it is not done.
    pub fn refuse(&mut self, id: RequestId, error: ProtocolError) {
        if matches!(error, ProtocolError::Unauthorized) {
            return self.challenge(id);
        }
        let version = self
            .pending
            .echo(id)
            .map_or(Version::V1_0, |echo| echo.version);
        self.answer(id, error.into_response(version));
    }

    /// Answers a request with 401 and a challenge for each scheme of the config, `stale` when that is why. With no users, or no
    /// scheme, there is nothing that could be proved: 403.
    pub fn challenge(&mut self, id: RequestId) {
        let Some(echo) = self.pending.echo(id) else {
            return;
        };
        let (version, stale) = (echo.version, echo.stale);
        let Some(gate) = self.gate.as_mut().filter(|gate| gate.has_schemes()) else {
            return self.answer(id, ProtocolError::Forbidden.into_response(version));
        };
        let mut response = ProtocolError::Unauthorized.into_response(version);
        // A line each: many peers read only one challenge a line.
        for challenge in gate.challenges(self.now.monotonic, &mut self.random, stale) {
            let mut value = String::new();
            challenge.push(&mut value);
            response.headers.append(HeaderName::WwwAuthenticate, value);
        }
        self.answer(id, response);
    }

    /// Sends a request to the peer: TEARDOWN, REDIRECT, PLAY_NOTIFY, OPTIONS. Its CSeq and Date are filled in. What comes of it is
    /// said once, by [`Output::Response`] or [`Output::Unanswered`].
    ///
    /// `None`, and nothing is sent, when too many are unanswered or the connection is closing.
    pub fn request(&mut self, now: Now, mut request: Request) -> Option<RequestId> {
        self.now = now;
        if self.phase != Phase::Open || self.outstanding.len() >= self.config.outstanding_requests {
            return None;
        }
        if date::is_known(now.wall) && !request.headers.contains(&HeaderName::Date) {
            request
                .headers
                .append(HeaderName::Date, date::format(now.wall));
        }
        let id = self.pending.take_id();
        let until = now.monotonic + self.config.answer_timeout;
        self.outstanding.push(&mut request, id, until);
        request.encode(&mut self.out);
        self.await_answers();
        Some(id)
    }

    /// A session has ended: what Pipelined-Requests called it means nothing any more (RFC 7826 §18.33).
    pub fn forget_session(&mut self, session: &str) {
        self.bindings.forget(session);
    }

    /// Starts or stops the clock of our own requests.
    fn await_answers(&mut self) {
        match self.outstanding.deadline() {
            Some(at) => self.timers.set(Timer::Answer, at),
            None => self.timers.stop(Timer::Answer),
        }
    }

    /// Closes the connection once all that was asked is answered.
    pub fn close(&mut self) {
        self.drain(CloseReason::Server);
    }

    /// How many sessions need this connection: with any, it is never closed for being idle.
    pub fn set_sessions(&mut self, now: Now, count: usize) {
        self.now = now;
        self.sessions = count;
        if count > 0 {
            self.timers.stop(Timer::Unauthenticated);
        }
        self.rest();
    }

    /// Should the shell read from the socket, or call again with what is in the buffer? Not while enough requests are pending.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.phase == Phase::Open && !self.is_full()
    }

    /// Takes a run back whose frames were dealt with: its list serves for the next one.
    pub fn recycle(&mut self, mut run: FrameRun) {
        run.bytes = Bytes::new();
        run.frames.clear();
        if run.frames.capacity() > self.spare.frames.capacity() {
            self.spare = run;
        }
    }

    /// Both ends.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &ConnectionConfig {
        &self.config
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= self.config.pending_requests.max(1)
    }

    fn read(&mut self, buffer: &mut BytesMut) {
        self.stalled = false;
        let mut completed = false;
        while self.phase == Phase::Open {
            if self.is_full() {
                self.stalled = !buffer.is_empty();
                break;
            }
            if self.searching {
                self.searching = !self.decoder.resync(buffer);
                if self.searching {
                    break;
                }
            }
            match self.decode(buffer) {
                Ok(true) => completed = true,
                Ok(false) => break,
                Err(error) => {
                    completed = true;
                    self.undecodable(error, buffer);
                }
            }
        }
        if self.phase != Phase::Open {
            // Nothing more is read from this peer.
            buffer.clear();
            return;
        }
        if self.eof && !self.stalled {
            return self.drain(CloseReason::PeerClosed);
        }
        self.watch_partial(completed, buffer);
        self.rest();
    }

    /// One step of decoding. `false` when there is nothing complete.
    fn decode(&mut self, buffer: &mut BytesMut) -> Result<bool, DecodeError> {
        let mut run = std::mem::take(&mut self.spare);
        match self.decoder.decode_run(buffer, &mut run) {
            Ok(true) => {
                self.events.push_back(Output::Frames(run));
                return Ok(true);
            }
            other => {
                self.spare = run;
                other?;
            }
        }
        let Some(message) = self.decoder.decode(buffer)? else {
            return Ok(false);
        };
        match message {
            Message::Request(request) => self.incoming(request),
            Message::Response(response) => self.matched(response),
            Message::Interleaved(frame) => self
                .events
                .push_back(Output::frame(frame.channel, frame.payload)),
        }
        Ok(true)
    }

    fn incoming(&mut self, mut request: Request) {
        self.timers.stop(Timer::FirstRequest);
        applicability::heed_request(&mut request);
        let meaning = self
            .bindings
            .resolve(&mut request, &self.config.session_leniency);
        let mut echo = Echo::of(&request);
        let mut verdict = rules::screen(&request, &self.config);
        if verdict.is_ok() && meaning == Meaning::Unknown {
            verdict = Err(ProtocolError::SessionNotFound);
        }
        if let Err(error) = verdict {
            let response = error.into_response(request.version);
            let id = self.owe(echo);
            return self.answer(id, response);
        }
        if let Meaning::Creates(name) = meaning {
            echo.creates = Some(name);
        }
        let proof = match &mut self.gate {
            Some(gate) => gate.verify(self.now.monotonic, &request),
            None => Proof::None,
        };
        let mut offered = None;
        let (user, authentication) = match proof {
            Proof::None => (None, Authentication::Anonymous),
            Proof::Offered(credentials) => {
                offered = Some(credentials);
                (None, Authentication::Offered)
            }
            Proof::User(user) => {
                self.timers.stop(Timer::Unauthenticated);
                self.failures = 0;
                (Some(user), Authentication::User)
            }
            Proof::Stale => {
                echo.stale = true;
                (None, Authentication::Stale)
            }
            Proof::Wrong => {
                self.failures += 1;
                (None, Authentication::Failed)
            }
        };
        let id = self.owe(echo);
        self.events.push_back(Output::Request(Incoming {
            id,
            request,
            user,
            offered,
            authentication,
        }));
        self.count_failures();
    }

    /// The shell has proved what a request offered, or disproved it: that counts like the connection's own proofs.
    pub fn authenticated(&mut self, proved: bool) {
        if proved {
            self.timers.stop(Timer::Unauthenticated);
            self.failures = 0;
        } else {
            self.failures += 1;
        }
        self.count_failures();
    }

    fn count_failures(&mut self) {
        if self.failures > self.config.failed_authentications {
            self.drain(CloseReason::TooManyFailures);
        }
    }

    /// A response: to one of our requests, or nobody's and dropped (RFC 7826 §18.20).
    fn matched(&mut self, response: Response) {
        if response.status.is_provisional() {
            return;
        }
        let Some(cseq) = response.cseq() else { return };
        if let Some(id) = self.outstanding.take(cseq) {
            self.events.push_back(Output::Response { id, response });
            self.await_answers();
        }
    }

    /// What cannot be read is answered in its turn, and reading goes on where the next message can be found.
    fn undecodable(&mut self, error: DecodeError, buffer: &mut BytesMut) {
        if !error.in_response {
            let version = error.version.unwrap_or(Version::V1_0);
            let id = self.owe(Echo::unreadable(version, error.cseq));
            let cause = match ProtocolError::from(error.kind) {
                ProtocolError::BodyTooLarge { .. } => ProtocolError::BodyTooLarge {
                    retry_after: self.config.body_retry_after,
                },
                other => other,
            };
            self.answer(id, cause.into_response(version));
        }
        if error.kind.is_limit() {
            self.events.push_back(Output::Refused(error.kind));
        }
        // A peer that speaks another version says nothing that is malformed (RFC 7826 §10.3, §17.5.6).
        if error.kind != DecodeErrorKind::Version {
            self.malformed += 1;
        }
        if self.malformed > self.config.malformed_messages {
            self.drain(CloseReason::TooManyMalformed);
        } else if error.fatal && error.kind.is_limit() {
            // What follows is more of the same, as much as the peer likes.
            self.drain(CloseReason::FramingLost);
        } else if error.fatal {
            self.searching = !self.decoder.resync(buffer);
        }
    }

    /// Starts, keeps or stops the clock of a message that is not complete yet.
    fn watch_partial(&mut self, completed: bool, buffer: &BytesMut) {
        let between = buffer.is_empty() && self.decoder.is_between_messages();
        let partial = !self.stalled && !between;
        if !partial {
            self.timers.stop(Timer::Message);
        } else if (completed && !self.searching) || self.timers.at(Timer::Message).is_none() {
            self.timers.set(
                Timer::Message,
                self.now.monotonic + self.config.message_timeout,
            );
        }
    }

    /// One more answer is owed.
    fn owe(&mut self, echo: Echo) -> RequestId {
        let id = self.pending.push(echo, self.now.monotonic);
        self.watch_oldest();
        id
    }

    /// Starts, keeps or stops the clock of the answer that is owed for longest: the others wait for it.
    fn watch_oldest(&mut self) {
        match self.pending.slow_at(&self.config) {
            Some(at) if self.phase == Phase::Open => self.timers.set(Timer::Continue, at),
            _ => self.timers.stop(Timer::Continue),
        }
    }

    /// Starts or stops the clock of idleness.
    fn rest(&mut self) {
        if self.sessions > 0 || !self.pending.is_empty() {
            self.timers.stop(Timer::Idle);
        } else {
            self.timers
                .set(Timer::Idle, self.now.monotonic + self.config.idle_timeout);
        }
    }

    fn timeout(&mut self) {
        let now = self.now.monotonic;
        if self.phase == Phase::Closed {
            return;
        }
        if self.timers.expire(Timer::Linger, now) {
            self.end(match self.phase {
                Phase::Draining(reason) => reason,
                _ => CloseReason::PeerClosed,
            });
        }
        if self.timers.expire(Timer::FirstRequest, now) {
            self.drain(CloseReason::NoRequest);
        }
        if self.timers.expire(Timer::Message, now) {
            self.drain(CloseReason::TooSlow);
        }
        if self.timers.expire(Timer::Unauthenticated, now) {
            self.drain(CloseReason::Unauthenticated);
        }
        if self.timers.expire(Timer::Idle, now) {
            self.drain(CloseReason::Idle);
        }
        if self.timers.expire(Timer::Continue, now) {
            let config = Arc::clone(&self.config);
            self.pending.go_on(&config, self.now, &mut self.out);
            self.watch_oldest();
        }
        if self.timers.expire(Timer::Answer, now) {
            while let Some(id) = self.outstanding.expire(now) {
                self.events.push_back(Output::Unanswered { id });
            }
            self.await_answers();
        }
    }

    /// Reads no more; closes once all is answered, or after a while.
    fn drain(&mut self, reason: CloseReason) {
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::Draining(reason);
        self.give_up();
        self.stalled = false;
        self.timers = Timers::new();
        self.timers.set(
            Timer::Linger,
            self.now.monotonic + self.config.linger_timeout,
        );
        self.settle();
    }

    /// Nobody answers our own requests any more.
    fn give_up(&mut self) {
        for id in self.outstanding.clear() {
            self.events.push_back(Output::Unanswered { id });
        }
    }

    /// Closes when what is there was said.
    fn end(&mut self, reason: CloseReason) {
        self.give_up();
        self.phase = Phase::Closing(reason);
    }

    /// Writes the answers that are ready, and closes if they were the last.
    fn settle(&mut self) {
        if matches!(self.phase, Phase::Closing(_) | Phase::Closed) {
            return;
        }
        let config = Arc::clone(&self.config);
        let asked = self.pending.flush(&config, self.now.wall, &mut self.out);
        self.watch_oldest();
        if asked {
            self.end(CloseReason::Requested);
        } else if let Phase::Draining(reason) = self.phase {
            if self.pending.is_empty() {
                self.end(reason);
            }
        } else if self.pending.is_empty() {
            self.rest();
        }
    }
}
