//! One session over one connection: from OPTIONS to TEARDOWN, one step at a time.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use rtsp_msg::FrameRun;
use rtsp_msg::HeaderName;
use rtsp_msg::Method;
use rtsp_msg::Request;
use rtsp_msg::RequestTarget;
use rtsp_msg::Uri;
use rtsp_msg::Version;
use rtsp_msg::headers::MediaProperties;
use rtsp_msg::headers::NptTime;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::Transport;
use sdp::Description;

use super::ClientConnection;
use super::CloseReason;
use super::ConnectionConfig;
use super::Input;
use super::KeepAlive;
use super::MediaTransport;
use super::PlayRequest;
use super::PlayStart;
use super::Redirect;
use super::RequestId;
use super::SessionError;
use super::State;
use super::TransportRequest;
use super::VersionPolicy;
use super::channels::Channels;
use super::channels::PacketKind;
use super::connection;
use super::transport;
use crate::Now;
use crate::auth::Answerer;
use crate::random::Random;

/// The formats of `Range` that we read (RFC 7826 §18.5).
const RANGES: &str = "npt, smpte, clock";

/// The feature tags that hold for us (RFC 7826 §11, §18.51).
const FEATURES: &str = "play.basic, play.scale, play.speed";

/// What to do when a server changes the session id between two SETUPs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionIdPolicy {
    /// Keep the first (what FFmpeg does, and what the cameras that change it expect).
    #[default]
    UseFirst,
    /// Follow the server.
    UseLatest,
    /// Fail (RFC 7826 §18.49: one session, one id).
    Require,
}

/// What a session is told at its start.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionConfig {
    /// For the connection underneath.
    pub connection: ConnectionConfig,
    /// Which version to speak.
    pub version: VersionPolicy,
    /// What to do about changing session ids.
    pub session_id: SessionIdPolicy,
}

/// What has become of the session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The description is there: [`ClientSession::description`].
    Described,
    /// The server has taken our description.
    Announced,
    /// One media is set up.
    SetUp {
        /// Its index in the description.
        media: usize,
        /// The transport that the server granted.
        transport: MediaTransport,
    },
    /// The server plays.
    Playing(PlayStart),
    /// The server records.
    Recording,
    /// Nothing flows any more; the session stays.
    Paused,
    /// The session is over because we ended it.
    TornDown,
    /// The server sends us elsewhere; this session is over.
    Redirected(Redirect),
    /// The step that was asked for last has failed.
    Failed(SessionError),
    /// The session is over because the server ended it.
    Ended(EndReason),
}

/// Why the server ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// It sent TEARDOWN.
    TornDown,
    /// It sent PLAY_NOTIFY with the end of the stream.
    EndOfStream,
    /// It no longer knows the session.
    SessionLost,
}

/// What the session wants. Poll until `Wait` after each input and each command.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send these octets.
    Write(Bytes),
    /// Interleaved frames, in the order of their arrival among events. They may come before `Playing`.
    Frames(FrameRun),
    /// Something has happened.
    Event(Event),
    /// Nothing will come any more; close after the writes.
    Close(CloseReason),
    /// Nothing to do before this instant, or before there is input.
    Wait {
        /// When to come back with `Input::Timeout`; `None`: only input matters.
        until: Option<Instant>,
    },
}

/// What a request of ours is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Options,
    Describe,
    Announce,
    Setup {
        media: usize,
        request: TransportRequest,
    },
    Play,
    Record,
    Pause,
    Teardown,
}

impl Step {
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Options => Method::Options,
            Self::Describe => Method::Describe,
            Self::Announce => Method::Announce,
            Self::Setup { .. } => Method::Setup,
            Self::Play => Method::Play,
            Self::Record => Method::Record,
            Self::Pause => Method::Pause,
            Self::Teardown => Method::Teardown,
        }
    }
}

/// A media that is set up.
#[derive(Clone, Debug)]
pub(super) struct SetUp {
    pub(super) control: String,
    pub(super) transport: MediaTransport,
}

/// A session, without its socket.
///
/// Commands ([`describe`](Self::describe), [`setup`](Self::setup), [`play`](Self::play)…) start one step; its outcome comes
/// as one [`Event`]. Only one step runs at a time, since what a step may say depends on the answer to the one before.
#[derive(Debug)]
pub struct ClientSession {
    pub(super) config: SessionConfig,
    pub(super) connection: ClientConnection,
    pub(super) uri: Uri,
    pub(super) now: Now,
    pub(super) version: Version,
    /// OPTIONS is out to learn whether the server speaks RTSP/2.0.
    pub(super) probing: bool,
    pub(super) base: String,
    pub(super) state: State,
    pub(super) description: Option<Description>,
    pub(super) properties: Option<MediaProperties>,
    /// What OPTIONS is followed by.
    pub(super) then: Option<Step>,
    pub(super) steps: Vec<(RequestId, Step)>,
    pub(super) keepalives: Vec<(RequestId, Method)>,
    pub(super) media: Vec<Option<SetUp>>,
    pub(super) channels: Channels,
    pub(super) session: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) public: Vec<Method>,
    pub(super) server: Option<String>,
    pub(super) keepalive: KeepAlive,
    pub(super) recording: bool,
    pub(super) out: VecDeque<Output>,
}

impl ClientSession {
    /// A session for the presentation `uri`. User information in the URI is not used: give credentials in `config`.
    #[must_use]
    pub fn new(now: Now, uri: &Uri, config: SessionConfig, random: Random) -> Self {
        let uri = uri.without_userinfo();
        Self {
            connection: ClientConnection::new(config.connection.clone(), random),
            version: config.version.first(),
            probing: false,
            config,
            base: uri.as_str().to_owned(),
            uri,
            now,
            state: State::Init,
            description: None,
            properties: None,
            then: None,
            steps: Vec::new(),
            keepalives: Vec::new(),
            media: Vec::new(),
            channels: Channels::default(),
            session: None,
            timeout: None,
            public: Vec::new(),
            server: None,
            keepalive: KeepAlive::new(&[]),
            recording: false,
            out: VecDeque::new(),
        }
    }

    /// Asks what the server can do (OPTIONS), then for the description of the presentation (DESCRIBE).
    ///
    /// # Errors
    ///
    /// `Misuse` while another step runs or a session exists. The same holds for the other commands.
    pub fn describe(&mut self, now: Now) -> Result<(), SessionError> {
        self.begin(now, Step::Describe)
    }

    /// Asks what the server can do, then announces what we will send (ANNOUNCE), which only RTSP/1.0 has:
    /// [`VersionPolicy::Negotiate`] does not try RTSP/2.0 here.
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe); `Misuse` also with [`VersionPolicy::V2_0`].
    pub fn announce(&mut self, now: Now, description: Description) -> Result<(), SessionError> {
        match self.config.version {
            VersionPolicy::V2_0 => {
                return Err(misuse(Method::Announce, "RTSP/2.0 does not have it"));
            }
            VersionPolicy::V1_0 | VersionPolicy::Negotiate => self.version = Version::V1_0,
        }
        self.check(now, &Method::Announce)?;
        self.media = vec![None; description.media.len()];
        self.description = Some(description);
        self.recording = true;
        self.begin(now, Step::Announce)
    }

    /// Sets up one media of the description (SETUP).
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe); `Misuse` also for a media that the description does not have.
    pub fn setup(
        &mut self,
        now: Now,
        media: usize,
        request: TransportRequest,
    ) -> Result<(), SessionError> {
        self.check(now, &Method::Setup)?;
        let (Some(control), Some(protocol)) = (self.control(media), self.protocol(media)) else {
            return Err(misuse(Method::Setup, "the description has no such media"));
        };
        let spec = transport::offer(request, &protocol, self.recording);
        let mut message = self.message(Method::Setup, target(&control));
        if self.version == Version::V2_0 {
            message.headers.insert(HeaderName::AcceptRanges, RANGES);
        }
        message.headers.set(&Transport(vec![spec]));
        self.send(Step::Setup { media, request }, message);
        Ok(())
    }

    /// Starts or goes on with the media that are set up (PLAY).
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe).
    pub fn play(&mut self, now: Now, request: &PlayRequest) -> Result<(), SessionError> {
        self.check(now, &Method::Play)?;
        let mut message = self.message(Method::Play, target(&self.aggregate()));
        let written = request.write(self.version, &mut message.headers);
        written.map_err(|why| misuse(Method::Play, why))?;
        self.send(Step::Play, message);
        Ok(())
    }

    /// Starts sending (RECORD).
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe).
    pub fn record(&mut self, now: Now) -> Result<(), SessionError> {
        self.check(now, &Method::Record)?;
        let mut message = self.message(Method::Record, target(&self.aggregate()));
        message.headers.set(&Range::Npt {
            start: Some(NptTime::At(Duration::ZERO)),
            end: None,
        });
        self.send(Step::Record, message);
        Ok(())
    }

    /// Stops the flow and keeps the session (PAUSE).
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe).
    pub fn pause(&mut self, now: Now) -> Result<(), SessionError> {
        self.check(now, &Method::Pause)?;
        let message = self.message(Method::Pause, target(&self.aggregate()));
        self.send(Step::Pause, message);
        Ok(())
    }

    /// Ends the session (TEARDOWN). Steps that still run are given up.
    ///
    /// # Errors
    ///
    /// `Misuse` when there is no session to end.
    pub fn teardown(&mut self, now: Now) -> Result<(), SessionError> {
        self.steps.clear();
        self.then = None;
        self.check(now, &Method::Teardown)?;
        self.keepalive.stop();
        let message = self.message(Method::Teardown, target(&self.aggregate()));
        self.send(Step::Teardown, message);
        Ok(())
    }

    /// Tells what happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = now;
        if matches!(input, Input::Timeout) {
            self.keep_alive(now);
        }
        self.connection.handle(now, input);
        if self.probing && self.connection.is_garbled() {
            // Whatever it is, it is not the answer of a server of RTSP/2.0.
            self.steps.clear();
            self.refused_version();
        }
    }

    /// The next thing to do; `Wait` when there is none.
    pub fn poll(&mut self) -> Output {
        loop {
            if let Some(output) = self.out.pop_front() {
                return output;
            }
            match self.connection.poll() {
                connection::Output::Write(bytes) => return Output::Write(bytes),
                connection::Output::Frames(run) => return Output::Frames(run),
                connection::Output::Close(reason) => {
                    self.keepalive.stop();
                    return Output::Close(reason);
                }
                connection::Output::Wait { until } => {
                    let until = until.into_iter().chain(self.keepalive.due()).min();
                    return Output::Wait { until };
                }
                connection::Output::Response { id, response } => self.answered(id, &response),
                connection::Output::Failed { id, failure } => self.unanswered(id, failure),
                connection::Output::Request(request) => self.asked(&request),
            }
        }
    }

    /// Where the session is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The description: the server's, or the one that we announced.
    #[must_use]
    pub fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    /// The version that is spoken; while it is being negotiated, the one that is tried.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The URI that relative control URIs belong to.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What the server says that it can do; empty if it did not say.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.public
    }

    /// What the server calls itself.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// The session id, once there is one.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The session's timeout, if the server named one.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether the server has asked for credentials.
    #[must_use]
    pub fn was_challenged(&self) -> bool {
        self.connection.was_challenged()
    }

    /// See [`ClientConnection::take_authentication`].
    pub fn take_authentication(&mut self) -> Option<Answerer> {
        self.connection.take_authentication()
    }

    /// See [`ClientConnection::set_authentication`].
    pub fn set_authentication(&mut self, answerer: Answerer) {
        self.connection.set_authentication(answerer);
    }

    /// The granted transport of a media, once it is set up.
    #[must_use]
    pub fn transport(&self, media: usize) -> Option<&MediaTransport> {
        Some(&self.media.get(media)?.as_ref()?.transport)
    }

    /// To which media a frame of this channel belongs, and what it carries by negotiation. `None` for channels that were
    /// never set up: their data is to be ignored (a session that ended before, or a default of the server).
    #[must_use]
    pub fn channel(&self, channel: u8) -> Option<(usize, PacketKind)> {
        self.channels.of(channel)
    }

    fn begin(&mut self, now: Now, then: Step) -> Result<(), SessionError> {
        self.check(now, &then.method())?;
        self.then = Some(then);
        self.probing = self.version == Version::V2_0 && !self.connection.has_heard();
        self.ask_options();
        Ok(())
    }

    pub(super) fn ask_options(&mut self) {
        let mut message = self.message(Method::Options, self.uri.clone().into());
        if self.version == Version::V2_0 {
            message.headers.insert(HeaderName::Supported, FEATURES);
        }
        self.send(Step::Options, message);
    }

    /// Whether `method` has a place now; takes the time.
    fn check(&mut self, now: Now, method: &Method) -> Result<(), SessionError> {
        self.now = now;
        if !self.steps.is_empty() {
            return Err(misuse(method.clone(), "another step is not answered yet"));
        }
        match self.state.after(method) {
            Some(_) => Ok(()),
            None => Err(misuse(
                method.clone(),
                "the session is not in the state for it",
            )),
        }
    }

    /// Sends what comes after OPTIONS.
    pub(super) fn proceed(&mut self) {
        match self.then.take() {
            Some(Step::Describe) => {
                let mut message = self.message(Method::Describe, self.uri.clone().into());
                message
                    .headers
                    .insert(HeaderName::Accept, "application/sdp");
                self.send(Step::Describe, message);
            }
            Some(Step::Announce) => {
                let mut message = self.message(Method::Announce, self.uri.clone().into());
                message
                    .headers
                    .insert(HeaderName::ContentType, "application/sdp");
                if let Some(description) = &self.description {
                    message.body = description.encode().into();
                }
                self.send(Step::Announce, message);
            }
            _ => {}
        }
    }

    fn keep_alive(&mut self, now: Now) {
        let Some(method) = self.keepalive.poll(now.monotonic) else {
            return;
        };
        let message = self.message(method.clone(), target(&self.aggregate()));
        let id = self.connection.request_optional(now, message);
        // Those that were never answered are forgotten.
        if self.keepalives.len() >= 8 {
            self.keepalives.remove(0);
        }
        self.keepalives.push((id, method));
    }

    fn message(&self, method: Method, target: RequestTarget) -> Request {
        let mut message = Request::new(method, target, self.version);
        if let Some(session) = &self.session {
            message.headers.insert(HeaderName::Session, session);
        }
        message
    }

    fn send(&mut self, step: Step, message: Request) {
        let id = self.connection.request(self.now, message);
        self.steps.push((id, step));
    }

    /// The URI of the presentation as a whole.
    fn aggregate(&self) -> String {
        let control = self.description.as_ref().and_then(|d| d.control.as_deref());
        sdp::control::resolve(&self.base, control)
    }

    /// The URI of one media.
    pub(super) fn control(&self, media: usize) -> Option<String> {
        let media = self.description.as_ref()?.media.get(media)?;
        Some(sdp::control::resolve(&self.base, media.control.as_deref()))
    }

    fn protocol(&self, media: usize) -> Option<String> {
        Some(
            self.description
                .as_ref()?
                .media
                .get(media)?
                .protocol
                .clone(),
        )
    }
}

fn misuse(method: Method, why: &'static str) -> SessionError {
    SessionError::Misuse { method, why }
}

/// A control URI as a request's target; one that is no URI goes out as it stands, the server wrote it.
fn target(uri: &str) -> RequestTarget {
    match Uri::parse(uri) {
        Ok(uri) => RequestTarget::Uri(uri.without_userinfo()),
        Err(_) => RequestTarget::Invalid(uri.to_owned()),
    }
}
