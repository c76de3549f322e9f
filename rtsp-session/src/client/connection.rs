//! One connection to a server: requests go out with numbers, responses come back to them, frames pass through.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use bytes::BytesMut;
use rtsp_msg::Decoder;
use rtsp_msg::FrameRef;
use rtsp_msg::FrameRun;
use rtsp_msg::Header;
use rtsp_msg::HeaderName;
use rtsp_msg::Headers;
use rtsp_msg::Message;
use rtsp_msg::Method;
use rtsp_msg::Request;
use rtsp_msg::Response;
use rtsp_msg::StatusCode;
use rtsp_msg::Tolerance;
use rtsp_msg::Version;
use rtsp_msg::headers::WwwAuthenticate;

use super::CloseReason;
use super::Conduct;
use super::ConnectionConfig;
use super::CseqPolicy;
use super::Deviation;
use super::RequestFailure;
use super::deviation::Met;
use super::overload;
use super::request::FEATURES;
use crate::Now;
use crate::applicability;
use crate::auth::Answerer;
use crate::auth::Challenged;
use crate::random::Random;

/// Names a request of ours until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(u32);

/// What happened to the connection. Complete by nature.
#[derive(Debug)]
pub enum Input<'a> {
    /// Octets were read; what is understood is taken off the front, the rest stays for the next read.
    Read(&'a mut BytesMut),
    /// The peer has closed its side.
    Eof,
    /// The instant of the last `Wait` has come.
    Timeout,
}

/// What the connection wants. Poll until `Wait` after each input and each request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send these octets.
    Write(Bytes),
    /// The final response to a request. Credentials have been tried where they were asked for.
    Response {
        /// Of which request.
        id: RequestId,
        /// The response, whatever its status.
        response: Response,
    },
    /// A request that will get no response any more.
    Failed {
        /// Which one.
        id: RequestId,
        /// Why.
        failure: RequestFailure,
    },
    /// The server asks something: [`ClientConnection::answer`] it.
    Request(Request),
    /// Interleaved frames, in the order of their arrival among responses.
    Frames(FrameRun),
    /// It has closed, but requests are not lost yet: [`ClientConnection::replace`] sends them over another. Where there is none,
    /// another `Input::Eof` says so.
    Lost(CloseReason),
    /// Nothing will come any more; close after the writes.
    Close(CloseReason),
    /// Nothing to do before this instant, or before there is input.
    Wait {
        /// When to come back with `Input::Timeout`; `None`: only input matters.
        until: Option<Instant>,
    },
}

/// A request that waits for its response.
#[derive(Debug)]
struct Open {
    id: RequestId,
    cseq: u32,
    request: Request,
    deadline: Instant,
    /// How often it has gone out again with credentials.
    challenges: u8,
    /// Nobody waits for the response: a keep-alive (quirk: some servers never answer them).
    optional: bool,
}

/// More requests than this may not wait at once; a server that answers no keep-alive must not fill memory.
const MAX_OPEN: usize = 32;

/// Errors in framing that are survived, in a row.
const MAX_RESYNCS: u32 = 16;

/// The connection, without its socket.
#[derive(Debug)]
pub struct ClientConnection {
    config: ConnectionConfig,
    answerer: Option<Answerer>,
    random: Random,
    decoder: Decoder,
    met: Met,
    next_cseq: u32,
    /// The number of the last PLAY.
    last_play: Option<u32>,
    open: VecDeque<Open>,
    /// Requests that may not go out before `leave_alone_until`.
    held: VecDeque<Open>,
    /// The server is overloaded and wants to be left alone until then.
    leave_alone_until: Option<Instant>,
    /// A password was wanted in clear text, and withheld.
    withheld: bool,
    out: VecDeque<Output>,
    resyncs: u32,
    closed: bool,
    /// Nothing comes any more: it is closed, and no other takes its place.
    ended: bool,
    /// When it closes, another may take its place.
    replaceable: bool,
    /// A message has come, or a frame.
    heard: bool,
    challenged: bool,
    /// The credentials have been accepted once.
    proven: bool,
}

impl ClientConnection {
    /// A connection on which nothing has been said. `random` makes the nonces of Digest answers.
    #[must_use]
    pub fn new(config: ConnectionConfig, random: Random) -> Self {
        Self {
            answerer: config.credentials.clone().map(Answerer::new),
            decoder: Decoder::new(config.limits.clone(), config.leniency.clone()),
            met: Met::default(),
            config,
            random,
            next_cseq: 1,
            last_play: None,
            open: VecDeque::new(),
            held: VecDeque::new(),
            leave_alone_until: None,
            withheld: false,
            out: VecDeque::new(),
            resyncs: 0,
            closed: false,
            ended: false,
            replaceable: false,
            heard: false,
            challenged: false,
            proven: false,
        }
    }

    /// Queues a request. `CSeq`, `User-Agent` and `Authorization` are filled in.
    pub fn request(&mut self, now: Now, request: Request) -> RequestId {
        self.enqueue(now, request, false)
    }

    /// As [`request`](Self::request), but no response within the time is no failure.
    pub fn request_optional(&mut self, now: Now, request: Request) -> RequestId {
        self.enqueue(now, request, true)
    }

    /// Answers a request of the server's, with what every answer carries: the number of the request, who we are, its timestamp
    /// and, where they were asked for, our feature tags.
    pub fn answer(&mut self, request: &Request, mut response: Response) {
        let headers = &mut response.headers;
        for name in [HeaderName::CSeq, HeaderName::Timestamp] {
            if let Some(value) = request.headers.first(&name) {
                headers.insert(name, value);
            }
        }
        if request.version == Version::V2_0 && request.headers.contains(&HeaderName::Supported) {
            headers.insert(HeaderName::Supported, FEATURES.join(", "));
        }
        let session = request.headers.first(&HeaderName::Session);
        if let Some(session) = session.filter(|_| response.status != StatusCode::SESSION_NOT_FOUND)
        {
            headers.insert(HeaderName::Session, session);
        }
        if !self.config.user_agent.is_empty() {
            headers.insert(HeaderName::UserAgent, self.config.user_agent.clone());
        }
        let mut bytes = BytesMut::new();
        response.encode(&mut bytes);
        self.out.push_back(Output::Write(bytes.freeze()));
    }

    /// The number of the last PLAY that was sent.
    pub(super) fn last_play(&self) -> Option<u32> {
        self.last_play
    }

    /// Whether no request of ours waits for its answer.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty() && self.held.is_empty()
    }

    /// Whether requests wait for a better moment.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether a password was wanted that may not go out here.
    pub(super) fn has_withheld(&self) -> bool {
        self.withheld
    }

    /// Whether the server has asked for credentials at least once.
    #[must_use]
    pub fn was_challenged(&self) -> bool {
        self.challenged
    }

    /// Whether the server has said anything yet that could be understood.
    pub(super) fn has_heard(&self) -> bool {
        self.heard
    }

    /// Whether what came last could not be understood.
    pub(super) fn is_garbled(&self) -> bool {
        self.resyncs > 0
    }

    /// Takes out what was learned about the server's challenge, for another connection to the same server: some servers close
    /// after their 401.
    pub fn take_authentication(&mut self) -> Option<Answerer> {
        self.answerer.take()
    }

    /// Goes on with what another connection has learned, so that the first request has its proof.
    pub fn set_authentication(&mut self, answerer: Answerer) {
        self.answerer = Some(answerer);
    }

    /// The deviations that were met and accepted, in the order of their first occurrence, and how often.
    #[must_use]
    pub fn deviations(&self) -> &[(Deviation, u64)] {
        self.met.all()
    }

    /// Notes a deviation that was met outside of this connection.
    pub fn note(&mut self, deviation: Deviation) {
        self.met.note(deviation);
    }

    /// A header of a message of this connection; what cannot be read counts as missing. Notes what was tolerated.
    pub(super) fn typed<H: Header>(&mut self, headers: &Headers) -> Option<H> {
        let mut tolerance = Tolerance::new(&self.config.leniency);
        let value = headers.typed_noting::<H>(&mut tolerance);
        self.met.note_all(tolerance.deviations());
        value.ok().flatten()
    }

    /// Tells what happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Read(buffer) => self.read(now, buffer),
            Input::Eof => self.close(CloseReason::ByPeer),
            Input::Timeout => self.expire(now),
        }
    }

    /// The next thing to do; `Wait` when there is none.
    pub fn poll(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| {
            let deadlines = self.open.iter().map(|open| open.deadline);
            let held = self.leave_alone_until;
            Output::Wait {
                until: deadlines.chain(held).min(),
            }
        })
    }

    fn enqueue(&mut self, now: Now, mut request: Request, optional: bool) -> RequestId {
        let id = RequestId(self.next_cseq);
        if self.ended || self.open.len() + self.held.len() >= MAX_OPEN {
            let failure = RequestFailure::Closed;
            self.out.push_back(Output::Failed { id, failure });
            self.next_cseq = self.next_cseq.wrapping_add(1);
            return id;
        }
        if !self.config.user_agent.is_empty() {
            request
                .headers
                .insert(HeaderName::UserAgent, self.config.user_agent.clone());
        }
        let encrypted = self.config.encrypted;
        self.config.courtesy.write(encrypted, &mut request);
        let open = Open {
            id,
            cseq: 0,
            request,
            deadline: now.monotonic,
            challenges: 0,
            optional,
        };
        match self.leave_alone_until {
            Some(until) if until > now.monotonic => self.held.push_back(open),
            _ if self.closed => self.held.push_back(open),
            _ => self.transmit(now, open),
        }
        id
    }

    /// Sends a request, for the first time or again; each transmission has a number of its own (RFC 7826 §18.20).
    fn transmit(&mut self, now: Now, mut open: Open) {
        open.cseq = self.next_cseq;
        open.deadline = now.monotonic + self.config.response_timeout;
        if open.request.method == Method::Play {
            self.last_play = Some(open.cseq);
        }
        self.next_cseq = self.next_cseq.wrapping_add(1);
        let cseq = open.cseq.to_string();
        open.request.headers.insert(HeaderName::CSeq, cseq);
        let answerer = self.answerer.as_mut();
        let proof = answerer.and_then(|one| one.authorize(&open.request, &mut self.random));
        if let Some(value) = proof {
            open.request
                .headers
                .insert(HeaderName::Authorization, value);
        }
        let mut bytes = BytesMut::new();
        open.request.encode(&mut bytes);
        self.out.push_back(Output::Write(bytes.freeze()));
        self.open.push_back(open);
    }

    fn read(&mut self, now: Now, buffer: &mut BytesMut) {
        while !self.closed {
            let mut run = FrameRun::default();
            match self.decoder.decode_run(buffer, &mut run) {
                Ok(true) => {
                    self.understood();
                    self.out.push_back(Output::Frames(run));
                    continue;
                }
                Ok(false) => {}
                Err(error) => {
                    if !self.survive(error, buffer) {
                        return;
                    }
                    continue;
                }
            }
            match self.decoder.decode(buffer) {
                Ok(None) => return,
                Ok(Some(message)) => {
                    self.understood();
                    self.met.note_all(self.decoder.take_deviations());
                    self.message(now, message);
                }
                Err(error) => {
                    if !self.survive(error, buffer) {
                        return;
                    }
                }
            }
        }
    }

    fn understood(&mut self) {
        self.resyncs = 0;
        self.heard = true;
    }

    /// After an error in framing: whether reading can go on at once.
    fn survive(&mut self, error: rtsp_msg::DecodeError, buffer: &mut BytesMut) -> bool {
        self.resyncs += 1;
        if self.resyncs > MAX_RESYNCS {
            self.close(CloseReason::Framing(error));
            return false;
        }
        if error.fatal {
            self.met.note(Deviation::Conduct(Conduct::PassedOver));
            return self.decoder.resync(buffer);
        }
        true
    }

    fn message(&mut self, now: Now, message: Message) {
        match message {
            Message::Response(response) => self.response(now, response),
            Message::Request(mut request) => {
                applicability::heed_request(&mut request);
                self.out.push_back(Output::Request(request));
            }
            Message::Interleaved(frame) => {
                let len = u16::try_from(frame.payload.len()).unwrap_or(u16::MAX);
                self.out.push_back(Output::Frames(FrameRun {
                    bytes: frame.payload,
                    frames: vec![FrameRef {
                        channel: frame.channel,
                        start: 0,
                        len,
                    }],
                }));
            }
        }
    }

    fn response(&mut self, now: Now, mut response: Response) {
        let cseq = response.cseq();
        let Some(at) = self.position(cseq) else {
            return;
        };
        match (cseq, self.open.get(at)) {
            (None, _) => self.met.note(Deviation::Conduct(Conduct::MissingCseq)),
            (Some(cseq), Some(open)) if open.cseq != cseq => {
                self.met.note(Deviation::Conduct(Conduct::WrongCseq));
            }
            _ => {}
        }
        if response.status.is_provisional() {
            // RFC 2326 §7.1.1: the final response is still to come.
            if let Some(open) = self.open.get_mut(at) {
                open.deadline = now.monotonic + self.config.response_timeout;
            }
            return;
        }
        let Some(mut open) = self.open.remove(at) else {
            return;
        };
        if let Some(pause) = overload::retry_after(&response, now) {
            // RFC 7826 §10.7: no further request before that.
            let until = now.monotonic.checked_add(pause);
            self.leave_alone_until = self.leave_alone_until.max(until);
        }
        if response.status == StatusCode::UNAUTHORIZED {
            self.challenged = true;
            let _ = self.typed::<WwwAuthenticate>(&response.headers);
            if self.can_answer(&response, open.challenges) {
                open.challenges = open.challenges.saturating_add(1);
                self.transmit(now, open);
                return;
            }
        } else if let Some(answerer) = &mut self.answerer {
            answerer.accepted(&response);
            self.proven |= open.request.headers.contains(&HeaderName::Authorization);
        }
        applicability::heed_response(&mut response, &open.request.method);
        self.out.push_back(Output::Response {
            id: open.id,
            response,
        });
    }

    /// Reads the challenge; whether it is worth an answer to a request that was challenged so many times before.
    fn can_answer(&mut self, response: &Response, before: u8) -> bool {
        let Some(answerer) = &mut self.answerer else {
            return false;
        };
        // RFC 7826 §19.1: not over a connection that others can read. RTSP/1.0 has no such rule, and many cameras know nothing else.
        answerer.allow_basic(self.config.encrypted || response.version == Version::V1_0);
        let challenged = answerer.challenged(response);
        self.withheld = answerer.has_withheld();
        match challenged {
            // Once for the credentials, and once more where only their nonce was stale (RFC 7616 §3.3).
            Challenged::Retry => before < 2,
            // Credentials that were good a moment ago: the nonce is old, and the server forgot to say `stale`.
            Challenged::Refused => self.proven && before == 0,
            Challenged::Unanswerable => false,
        }
    }

    fn position(&self, cseq: Option<u32>) -> Option<usize> {
        let exact = self.open.iter().position(|open| Some(open.cseq) == cseq);
        if exact.is_some() || self.config.cseq == CseqPolicy::Strict {
            return exact;
        }
        // A number that was ours and is no longer open belongs to a request that has been given up or answered twice.
        // An error with it is taken for the oldest request all the same only if that is all there is.
        match cseq {
            Some(cseq) if cseq < self.next_cseq && self.open.len() != 1 => None,
            _ if self.open.is_empty() => None,
            _ => Some(0),
        }
    }

    fn expire(&mut self, now: Now) {
        if self
            .leave_alone_until
            .is_some_and(|until| until <= now.monotonic)
        {
            self.leave_alone_until = None;
            for open in std::mem::take(&mut self.held) {
                self.transmit(now, open);
            }
        }
        while let Some(at) = self
            .open
            .iter()
            .position(|open| open.deadline <= now.monotonic)
        {
            let Some(open) = self.open.remove(at) else {
                return;
            };
            if open.optional {
                self.met
                    .note(Deviation::Conduct(Conduct::KeepAliveUnanswered));
            } else {
                self.out.push_back(Output::Failed {
                    id: open.id,
                    failure: RequestFailure::Timeout {
                        method: open.request.method.clone(),
                        after: self.config.response_timeout,
                    },
                });
            }
        }
    }

    /// Whether it is worth while to connect again when it closes.
    pub(super) fn set_replaceable(&mut self, replaceable: bool) {
        self.replaceable = replaceable;
    }

    /// Another connection has taken the place of the one that was lost: what was not answered goes out again (RFC 7826 §10.4).
    /// Whether anything did.
    pub fn replace(&mut self, now: Now) -> bool {
        if self.ended {
            return false;
        }
        self.decoder = Decoder::new(self.config.limits.clone(), self.config.leniency.clone());
        self.closed = false;
        self.resyncs = 0;
        let open = std::mem::take(&mut self.open);
        let held = match self.leave_alone_until {
            Some(_) => VecDeque::new(),
            None => std::mem::take(&mut self.held),
        };
        // Keep-alives are made anew.
        let again = open.into_iter().chain(held).filter(|open| !open.optional);
        let again: Vec<_> = again.collect();
        let any = !again.is_empty();
        for open in again {
            self.transmit(now, open);
        }
        any
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if self.ended {
            return;
        }
        if self.replaceable && !self.closed {
            self.closed = true;
            self.out.push_back(Output::Lost(reason));
            return;
        }
        self.closed = true;
        self.ended = true;
        for open in self.open.drain(..).chain(self.held.drain(..)) {
            self.out.push_back(Output::Failed {
                id: open.id,
                failure: RequestFailure::Closed,
            });
        }
        self.out.push_back(Output::Close(reason));
    }
}
