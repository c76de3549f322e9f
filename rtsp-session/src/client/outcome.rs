//! What the answers to a session's requests mean.

use rtsp_msg::HeaderName;
use rtsp_msg::Method;
use rtsp_msg::Response;
use rtsp_msg::StatusCode;
use rtsp_msg::Version;
use rtsp_msg::headers::ContentBase;
use rtsp_msg::headers::ContentLocation;
use rtsp_msg::headers::ContentType;
use rtsp_msg::headers::NptTime;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::RtpInfo;
use rtsp_msg::headers::SeekStyle;
use rtsp_msg::headers::Session;
use rtsp_msg::headers::Transport;
use sdp::Description;

use super::ClientSession;
use super::Conduct;
use super::Deviation;
use super::Event;
use super::KeepAlive;
use super::MediaTransport;
use super::PlayStart;
use super::RequestFailure;
use super::RequestId;
use super::SessionError;
use super::SessionIdPolicy;
use super::SessionOutput;
use super::TransportRequest;
use super::VersionPolicy;
use super::overload;
use super::play;
use super::redirect;
use super::step::SetUp;
use super::step::Step;
use super::transport;
use super::version;

/// More methods than this no server has.
const MAX_METHODS: usize = 64;

impl ClientSession {
    /// A response has come.
    pub(super) fn answered(&mut self, id: RequestId, response: &Response) {
        if let Some(server) = response.headers.first(&HeaderName::Server) {
            self.server = Some(server.to_owned());
        }
        if let Some(at) = self.keepalives.iter().position(|(kept, _)| *kept == id) {
            let (_, method) = self.keepalives.remove(at);
            self.kept_alive(&method, response);
            return;
        }
        let Some(at) = self.steps.iter().position(|(open, _)| *open == id) else {
            return;
        };
        let (_, step) = self.steps.remove(at);
        match self.conclude(step, response) {
            Ok(Some(event)) => self.launch_outcome(event),
            Ok(None) => {}
            Err(error) => self.step_failed(error),
        }
        self.launch_answered();
        self.look_for_loss(response.status);
    }

    fn step_failed(&mut self, error: SessionError) {
        self.then = None;
        if self.launch.is_some() {
            self.launch_failed(error);
        } else {
            self.emit(Event::Failed(error));
        }
    }

    fn kept_alive(&mut self, method: &Method, response: &Response) {
        if redirect::is_redirection(response.status) {
            let location = response.headers.first(&HeaderName::Location);
            if let Ok(redirect) = redirect::judge(&self.uri, location) {
                self.leave(redirect, true);
            }
            return;
        }
        let listed = self.public.contains(method);
        if listed && !response.status.is_success() && !is_gone(response.status) {
            self.note(Conduct::KeepAliveRefused);
        }
        if self.keepalive.answered(method, response.status) {
            self.lost();
        }
    }

    /// 454 says that the session is gone. 455 says so too when the server was about to go: it has been a little early, or our
    /// request a little late (RFC 7826 §B.4).
    fn look_for_loss(&mut self, status: StatusCode) {
        let lost = match status {
            StatusCode::SESSION_NOT_FOUND => self.session.is_some(),
            StatusCode::METHOD_NOT_VALID_IN_THIS_STATE => self.departure.is_some(),
            _ => false,
        };
        if lost {
            self.lost();
        }
    }

    /// A request of ours gets no response.
    pub(super) fn unanswered(&mut self, id: RequestId, failure: RequestFailure) {
        let Some(at) = self.steps.iter().position(|(open, _)| *open == id) else {
            return;
        };
        let (_, step) = self.steps.remove(at);
        if self.probing && !self.connection.has_heard() {
            self.refused_version();
            return;
        }
        let method = step.method();
        if step == Step::Teardown {
            self.finish();
            self.emit(Event::TornDown);
        } else {
            self.step_failed(SessionError::NoResponse { method, failure });
            self.launch_answered();
        }
    }

    /// RTSP/2.0 does not work here, and the connection is of no use any more.
    pub(super) fn refused_version(&mut self) {
        self.probing = false;
        self.then = None;
        self.emit(Event::Failed(SessionError::VersionRefused));
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.out.push_back(SessionOutput::Event(event));
    }

    /// What a response to a step means.
    fn conclude(&mut self, step: Step, response: &Response) -> Result<Option<Event>, SessionError> {
        let method = step.method();
        if redirect::is_redirection(response.status) {
            let location = response.headers.first(&HeaderName::Location);
            let redirect = redirect::judge(&self.uri, location)?;
            // RFC 7826 §17.3: what is left of a session here is torn down.
            self.leave(redirect, step != Step::Teardown);
            return Ok(None);
        }
        if response.status == StatusCode::UNAUTHORIZED && self.connection.has_withheld() {
            return Err(SessionError::PasswordInClear { method });
        }
        if response.status == StatusCode::UNAUTHORIZED {
            return Err(SessionError::Unauthorized {
                method,
                had_credentials: self.config.connection.credentials.is_some(),
            });
        }
        match step {
            Step::Options => {
                self.options(response)?;
                return Ok(None);
            }
            // The session may have timed out meanwhile: it is over in any case.
            Step::Teardown => {
                self.finish();
                return Ok(Some(Event::TornDown));
            }
            _ => {}
        }
        if !response.status.is_success() {
            return Err(SessionError::Refused {
                method,
                status: response.status,
                reason: response.reason.trim().to_owned(),
                explanation: explanation(response),
                retry_after: overload::retry_after(response, self.now),
            });
        }
        self.take_session(&method, response)?;
        self.take_properties(&response.headers);
        let state = self
            .state
            .after(self.version, &method)
            .unwrap_or(self.state);
        let event = match step {
            Step::Describe => self.described(response)?,
            Step::Announce => {
                self.take_announced_keys(response);
                Event::Announced
            }
            Step::Setup { media, request } => self.set_up(media, request, response)?,
            Step::Play => {
                self.resume_keys();
                Event::Playing(self.play_info(response))
            }
            Step::Record => Event::Recording,
            Step::GetParameters => Self::parameters_told(response)?,
            Step::SetParameter => Event::ParameterTaken,
            Step::Locate => Event::Located(self.play_info(response)),
            _ => Event::Paused,
        };
        self.state = state;
        Ok(Some(event))
    }

    fn options(&mut self, response: &Response) -> Result<(), SessionError> {
        if std::mem::take(&mut self.probing) && version::refuses(response) {
            if self.config.version == VersionPolicy::V2_0 {
                return Err(SessionError::VersionRefused);
            }
            self.version = Version::V1_0;
            if !response.status.is_success() {
                self.ask_options();
                return Ok(());
            }
        }
        // A server without OPTIONS may still have what we want.
        if response.status.is_success() {
            let lines = response.headers.all(&HeaderName::Public);
            let names = lines.flat_map(|line| line.split(',')).map(str::trim);
            self.public = names.take(MAX_METHODS).filter_map(Method::parse).collect();
            self.keepalive = KeepAlive::new(self.version, &self.public);
        }
        self.proceed();
        Ok(())
    }

    fn described(&mut self, response: &Response) -> Result<Event, SessionError> {
        if response.body.is_empty() {
            return Err(SessionError::Misbehaved {
                method: Method::Describe,
                what: "it has no body",
            });
        }
        let kind = self.connection.typed::<ContentType>(&response.headers);
        if kind.is_none_or(|kind| !kind.is("application/sdp")) {
            self.note(Conduct::MissingContentType);
        }
        let description = Description::parse(&response.body).map_err(SessionError::Description)?;
        for repair in description.repairs() {
            self.connection.note(Deviation::Description(*repair));
        }
        self.base = self.content_base(response);
        self.media = vec![None; description.media.len()];
        self.description = Some(description);
        Ok(Event::Described)
    }

    /// RFC 2326 §C.1.1, RFC 7826 §D.1.1: Content-Base, else Content-Location, else the URI that was asked for.
    fn content_base(&mut self, response: &Response) -> String {
        let headers = &response.headers;
        let base = self.connection.typed::<ContentBase>(headers);
        let base = base.map(|base| base.0).filter(|base| !base.is_empty());
        let base = base.or_else(|| {
            let location = self.connection.typed::<ContentLocation>(headers)?;
            Some(location.0).filter(|location| !location.is_empty())
        });
        match base {
            None => self.uri.as_str().to_owned(),
            Some(base) if base.contains("://") => base,
            Some(base) => sdp::control::resolve_reference(self.uri.as_str(), Some(&base)),
        }
    }

    fn set_up(
        &mut self,
        media: usize,
        request: TransportRequest,
        response: &Response,
    ) -> Result<Event, SessionError> {
        let misbehaved = |what| SessionError::Misbehaved {
            method: Method::Setup,
            what,
        };
        // What cannot be read counts as missing: what we asked for holds then.
        let answer = self.connection.typed::<Transport>(&response.headers);
        let transport = transport::granted(answer.as_ref(), request, self.group(media));
        let transport = transport.map_err(misbehaved)?;
        if self.session.is_none() {
            return Err(misbehaved("it has no Session header"));
        }
        self.take_key(media, answer.as_ref(), response)?;
        if let MediaTransport::Interleaved { rtp, rtcp, .. } = transport {
            self.channels.assign(media, rtp, rtcp);
        }
        self.look_at_setup(answer.as_ref(), &transport, response);
        let control = self.control(media).unwrap_or_default();
        if let Some(slot) = self.media.get_mut(media) {
            *slot = Some(SetUp {
                control,
                transport: transport.clone(),
            });
        }
        Ok(Event::SetUp { media, transport })
    }

    fn play_info(&mut self, response: &Response) -> PlayStart {
        let headers = &response.headers;
        let range = self.connection.typed::<Range>(headers);
        let start = match &range {
            Some(Range::Npt {
                start: Some(NptTime::At(start)),
                ..
            }) => Some(*start),
            _ => None,
        };
        let info = self.connection.typed::<RtpInfo>(headers);
        let controls = self.controls();
        let seek_style = self.connection.typed::<SeekStyle>(headers);
        self.look_at_rtp_info(info.as_ref(), &controls, response);
        PlayStart {
            range,
            start,
            scale: self.connection.typed(headers),
            speed: self.connection.typed(headers),
            seek_style: seek_style.filter(is_known),
            points: play::points(info.as_ref(), &controls),
        }
    }

    /// Reads the `Session` header of an answer that made or uses a session.
    fn take_session(&mut self, method: &Method, response: &Response) -> Result<(), SessionError> {
        let Some(header) = self.connection.typed::<Session>(&response.headers) else {
            return Ok(());
        };
        // DESCRIBE and ANNOUNCE may name a session in advance; it counts from SETUP on.
        if !matches!(method, Method::Setup | Method::Play | Method::Record) {
            return Ok(());
        }
        let changed = self
            .session
            .as_deref()
            .is_some_and(|session| session != header.id);
        match self.config.session_id {
            SessionIdPolicy::Require if changed => {
                return Err(SessionError::Misbehaved {
                    method: method.clone(),
                    what: "it changes the session id",
                });
            }
            SessionIdPolicy::UseFirst if changed => self.note(Conduct::ChangedSession),
            _ => {
                if changed {
                    self.note(Conduct::ChangedSession);
                }
                self.session = Some(header.id.clone());
            }
        }
        if header.timeout.is_some() {
            self.timeout = header.timeout;
        }
        self.keepalive.set_timeout(self.timeout);
        self.keepalive.start(self.now.monotonic);
        Ok(())
    }
}

fn is_gone(status: StatusCode) -> bool {
    status == StatusCode::SESSION_NOT_FOUND
}

/// RFC 7826 §18.47: a policy that is not known is ignored.
fn is_known(style: &SeekStyle) -> bool {
    !matches!(style, SeekStyle::Other(_))
}

/// Of what a server says about a refusal, no more than this is shown.
const MOST_EXPLAINED: usize = 500;

/// What the body of a refusal has for people (RFC 2326 §7.1.1), as one line without anything that a terminal would obey.
fn explanation(response: &Response) -> Option<String> {
    let kind = response.headers.first(&HeaderName::ContentType);
    let readable = kind.is_none_or(|kind| kind.trim_start().starts_with("text/"));
    let text = std::str::from_utf8(&response.body)
        .ok()
        .filter(|_| readable)?;
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let line: String = words.join(" ").chars().take(MOST_EXPLAINED).collect();
    Some(line).filter(|line| !line.is_empty())
}
