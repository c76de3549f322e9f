//! One session over one connection: from OPTIONS to TEARDOWN, one step at a time.

use std::collections::VecDeque;
use std::time::Duration;

use rtsp_msg::HeaderName;
use rtsp_msg::Method;
use rtsp_msg::Request;
use rtsp_msg::Uri;
use rtsp_msg::Version;
use rtsp_msg::headers::MediaProperties;
use rtsp_msg::headers::NptTime;
use rtsp_msg::headers::Range;
use sdp::Description;

use super::ClientConnection;
use super::CloseReason;
use super::ConnectionConfig;
use super::Event;
use super::Input;
use super::KeepAlive;
use super::MediaTransport;
use super::OwnParameter;
use super::PlayRequest;
use super::RequestId;
use super::SessionError;
use super::SessionOutput as Output;
use super::SrtpPolicy;
use super::State;
use super::TransportRequest;
use super::VersionPolicy;
use super::channels::Channels;
use super::channels::PacketKind;
use super::connection;
use super::keying::Keyring;
use super::launch::Launch;
use super::leaving::Departure;
use super::request::misuse;
use super::step::SetUp;
use super::step::Step;
use crate::Now;
use crate::auth::Answerer;
use crate::random::Random;

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

/// Headers that a request cannot do without: they go out with the feature tag that names them, so that who does not understand them
/// refuses the request instead of passing over them (RFC 7826 §7.2, §11).
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // RFC 7826 §11 knows nothing else about a feature.
pub struct Extension {
    /// The feature tag, such as `onvif-replay`.
    pub feature: String,
    /// The methods whose requests carry it.
    pub methods: Vec<Method>,
    /// Its headers.
    pub headers: Vec<(HeaderName, String)>,
    /// Whether proxies on the way have to understand it too (RFC 7826 §15.1).
    pub proxies: bool,
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
    /// What the server may ask us for, or set.
    pub parameters: Vec<OwnParameter>,
    /// What the peer has to understand beyond RTSP itself.
    pub extensions: Vec<Extension>,
    /// Whether the driver can connect again where a connection is lost and its session is not
    /// ([`Output::Reconnect`](super::SessionOutput::Reconnect)).
    pub reconnects: bool,
    /// SETUP is to be refused if the presentation is not that of the description any more: its `a=mtag` (in 1.0 `a=etag`) goes
    /// along in `If-Match` (RFC 7826 §D.1.9, RFC 2326 §C.1.8).
    pub if_match: bool,
    /// Where keys of media that are encrypted by SRTP may travel.
    pub srtp: SrtpPolicy,
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
    pub(super) launch: Option<Launch>,
    /// The id that stands for the session while it has none (RFC 7826 §18.33).
    pub(super) pipeline: Option<u32>,
    /// How many such ids this connection has seen.
    pub(super) pipelines: u32,
    /// The server has told when it will be gone.
    pub(super) departure: Option<Departure>,
    /// To be closed once nothing is open any more, for this reason.
    pub(super) closing: Option<CloseReason>,
    pub(super) recording: bool,
    pub(super) keyring: Keyring,
    pub(super) out: VecDeque<Output>,
}

impl ClientSession {
    /// A session for the presentation `uri`. User information in the URI is not used: give credentials in `config`.
    #[must_use]
    pub fn new(now: Now, uri: &Uri, config: SessionConfig, mut random: Random) -> Self {
        let uri = uri.without_userinfo();
        Self {
            keyring: Keyring::new(random.fork()),
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
            keepalive: KeepAlive::new(Version::V1_0, &[]),
            launch: None,
            pipeline: None,
            pipelines: 0,
            departure: None,
            closing: None,
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

    /// Asks what the server can do, and takes this description for that of the presentation: it was had from elsewhere, so that
    /// there is no DESCRIBE (RFC 7826 §13.2, RFC 2326 §10.2). Relative controls belong to the session's URI.
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe).
    pub fn adopt(&mut self, now: Now, description: Description) -> Result<(), SessionError> {
        self.check(now, &Method::Describe)?;
        self.media = vec![None; description.media.len()];
        self.description = Some(description);
        self.begin(now, Step::Adopt)
    }

    /// Asks what the server can do, then announces what we will send (ANNOUNCE), which only RTSP/1.0 has:
    /// [`VersionPolicy::Negotiate`] does not try RTSP/2.0 here.
    ///
    /// A media with the profile `RTP/SAVP` gets a fresh key, and its packets have to be [sealed](Self::seal); the key is for the source that its `a=ssrc` names.
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe); `Misuse` also with [`VersionPolicy::V2_0`].
    pub fn announce(&mut self, now: Now, mut description: Description) -> Result<(), SessionError> {
        match self.config.version {
            VersionPolicy::V2_0 => {
                return Err(misuse(Method::Announce, "RTSP/2.0 does not have it"));
            }
            VersionPolicy::V1_0 | VersionPolicy::Negotiate => self.version = Version::V1_0,
        }
        self.check(now, &Method::Announce)?;
        self.announce_keys(&mut description)?;
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
        let flows = matches!(self.state, State::Playing | State::Recording);
        if flows && self.transport(media).is_none() {
            return Err(misuse(
                Method::Setup,
                "media can be added only before they flow",
            ));
        }
        self.offer_keys(media)?;
        let message = self.setup_message(media, request)?;
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
        let message = self.play_message(request)?;
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
        let mut message = self.message(Method::Record, self.aggregate_target());
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
        let message = self.message(Method::Pause, self.aggregate_target());
        self.send(Step::Pause, message);
        Ok(())
    }

    /// Ends the session (TEARDOWN). Steps that still run are given up.
    ///
    /// # Errors
    ///
    /// `Misuse` when there is no session to end.
    pub fn teardown(&mut self, now: Now) -> Result<(), SessionError> {
        self.give_up_steps();
        self.check(now, &Method::Teardown)?;
        self.keepalive.stop();
        let message = self.message(Method::Teardown, self.aggregate_target());
        self.send(Step::Teardown, message);
        Ok(())
    }

    /// Closes the connection as soon as no request of ours waits for its answer any more (RFC 7826 §10.3).
    pub fn close(&mut self) {
        self.keepalive.stop();
        self.closing.get_or_insert(CloseReason::Done);
    }

    /// A report about media of the session has been sent to the server: where RTCP is a sign of life, no other is needed for a
    /// while (RFC 7826 §10.5).
    pub fn on_report(&mut self, now: Now) {
        self.keepalive.on_report(now.monotonic);
    }

    /// Gives a parameter of ours another value, for the server to ask for. Whether there is one of that name.
    pub fn set_own_parameter(&mut self, name: &str, value: impl Into<String>) -> bool {
        let own = self.config.parameters.iter_mut();
        let own = own.into_iter().find(|own| own.name == name);
        own.map(|own| own.value = value.into()).is_some()
    }

    /// Tells what happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = now;
        if matches!(input, Input::Timeout) {
            self.leave_in_time();
            self.keep_alive(now);
        }
        self.connection.set_replaceable(self.outlives_connection());
        self.connection.handle(now, input);
        if self.probing && self.connection.is_garbled() {
            // Whatever it is, it is not the answer of a server of RTSP/2.0.
            self.give_up_steps();
            self.refused_version();
        }
    }

    /// There is another connection to the same server. Requests without an answer go out on it again; if there are none, a keep-alive
    /// tells the server which connection is the session's now (RFC 7826 §10.4).
    pub fn reconnected(&mut self, now: Now) {
        self.now = now;
        self.keepalives.clear();
        if !self.connection.replace(now) && self.session.is_some() {
            let method = self.keepalive.method();
            self.show_life(now, method);
        }
    }

    /// Whether the server keeps the session when its connection closes: media travel elsewhere (RFC 7826 §10.2). Servers of 1.0 may
    /// end it with the connection (RFC 7826 §App.H.2).
    fn outlives_connection(&self) -> bool {
        let interleaved =
            |media: &SetUp| matches!(media.transport, MediaTransport::Interleaved { .. });
        self.config.reconnects
            && self.version == Version::V2_0
            && self.session.is_some()
            && self.closing.is_none()
            && !self.media.iter().flatten().any(interleaved)
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
                connection::Output::Lost(reason) => return Output::Reconnect(reason),
                connection::Output::Close(reason) => {
                    self.keepalive.stop();
                    return Output::Close(reason);
                }
                connection::Output::Wait { until } => {
                    if self.connection.is_idle()
                        && let Some(reason) = self.closing.take()
                    {
                        self.connection.close(reason);
                        continue;
                    }
                    let departure = self.departure.as_ref().map(|departure| departure.at);
                    let own = [self.keepalive.due(), departure].into_iter().flatten();
                    let until = until.into_iter().chain(own).min();
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

    /// Whether the server has said anything yet that could be understood.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.connection.has_heard()
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
        let message = self.options_message();
        self.send(Step::Options, message);
    }

    /// Whether `method` has a place now; takes the time.
    pub(super) fn check(&mut self, now: Now, method: &Method) -> Result<(), SessionError> {
        self.now = now;
        if !self.steps.is_empty() || self.launch.is_some() {
            return Err(misuse(method.clone(), "another step is not answered yet"));
        }
        match self.state.after(self.version, method) {
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
            Some(Step::Adopt) => self.emit(Event::Described),
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
        if self.connection.is_holding() {
            return;
        }
        self.show_life(now, method);
    }

    fn show_life(&mut self, now: Now, method: Method) {
        let message = self.message(method.clone(), self.aggregate_target());
        let id = self.connection.request_optional(now, message);
        // Those that were never answered are forgotten.
        if self.keepalives.len() >= 8 {
            self.keepalives.remove(0);
        }
        self.keepalives.push((id, method));
    }

    pub(super) fn send(&mut self, step: Step, message: Request) {
        let id = self.connection.request(self.now, message);
        self.steps.push((id, step));
    }
}
