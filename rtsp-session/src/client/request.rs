//! Our requests as messages, as their version wants them.

use std::time::Duration;

use rtsp_msg::Header;
use rtsp_msg::HeaderName;
use rtsp_msg::Leniency;
use rtsp_msg::Method;
use rtsp_msg::Request;
use rtsp_msg::RequestTarget;
use rtsp_msg::Uri;
use rtsp_msg::Version;
use rtsp_msg::headers::IfMatch;
use rtsp_msg::headers::MediaProperty;
use rtsp_msg::headers::PipelinedRequests;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::Transport;

use super::ClientSession;
use super::Extension;
use super::PlayRequest;
use super::SessionError;
use super::TransportRequest;
use super::transport;
use crate::transport::Group;

/// The formats of `Range` that we read (RFC 7826 §18.5).
const RANGES: &str = "npt, smpte, clock";

/// The feature tags that hold for us (RFC 7826 §11, §18.51).
pub(super) const FEATURES: [&str; 4] = [
    "play.basic",
    "play.scale",
    "play.speed",
    crate::transport::MUX_FEATURE,
];

impl ClientSession {
    /// A request with what every request carries.
    pub(super) fn message(&self, method: Method, target: RequestTarget) -> Request {
        let mut message = Request::new(method, target, self.version);
        let (method, headers) = (&message.method, &mut message.headers);
        // RFC 7826 Figure 3: DESCRIBE is about the presentation, never about a session.
        let sessionless = self.version == Version::V2_0 && *method == Method::Describe;
        match (&self.session, self.pipeline) {
            _ if sessionless => {}
            // RFC 7826 §18.33: who knows the session names it, and nothing else.
            (Some(session), _) => headers.insert(HeaderName::Session, session),
            (None, Some(pipeline)) => headers.set(&PipelinedRequests(pipeline)),
            (None, None) => {}
        }
        let extensions = self.config.extensions.iter();
        let used: Vec<_> = extensions
            .filter(|extension| extension.methods.contains(method))
            .collect();
        for (name, value) in used.iter().flat_map(|extension| &extension.headers) {
            headers.insert(name.clone(), value);
        }
        let tags = |wanted: &dyn Fn(&Extension) -> bool| {
            let tags = used.iter().filter(|extension| wanted(extension));
            let tags: Vec<_> = tags.map(|extension| extension.feature.as_str()).collect();
            Some(tags.join(", ")).filter(|tags| !tags.is_empty())
        };
        if let Some(tags) = tags(&|_| true) {
            headers.insert(HeaderName::Require, tags);
        }
        if let Some(tags) = tags(&|extension| extension.proxies) {
            headers.insert(HeaderName::ProxyRequire, tags);
        }
        message
    }

    pub(super) fn options_message(&self) -> Request {
        let mut message = self.message(Method::Options, self.uri.clone().into());
        if self.version == Version::V2_0 {
            message
                .headers
                .insert(HeaderName::Supported, FEATURES.join(", "));
        }
        message
    }

    pub(super) fn setup_message(
        &self,
        media: usize,
        request: TransportRequest,
    ) -> Result<Request, SessionError> {
        let described = self.description.as_ref();
        let described = described.and_then(|description| description.media.get(media));
        let (Some(control), Some(described)) = (self.control(media), described) else {
            return Err(misuse(Method::Setup, "the description has no such media"));
        };
        let (version, group) = (self.grammar(request), self.group(media));
        let specs = transport::offers(version, request, described, group, self.recording)
            .map_err(|why| misuse(Method::Setup, why))?;
        let mut message = self.message(Method::Setup, target(&control));
        let mut specs = Transport(specs);
        self.tell_key(media, &control, &mut specs, &mut message);
        message.headers.set(&specs);
        if self.version == Version::V2_0 {
            message.headers.insert(HeaderName::AcceptRanges, RANGES);
        }
        if let Some(tag) = self.tag().filter(|_| self.config.if_match) {
            message.headers.set(&tag);
        }
        Ok(message)
    }

    /// The version in whose way ports are asked for. gst-rtsp-server (1.22) speaks RTSP/2.0 but for them: it passes over
    /// `dest_addr`, grants what is left, and sends nothing anywhere.
    fn grammar(&self, request: TransportRequest) -> Version {
        let named = self.server.as_deref().unwrap_or_default();
        match request {
            TransportRequest::Interleaved { .. } | TransportRequest::Connections { .. } => {
                self.version
            }
            _ if named.starts_with("GStreamer RTSP") => Version::V1_0,
            _ => self.version,
        }
    }

    /// The multicast group that the description names for a media.
    pub(super) fn group(&self, media: usize) -> Option<Group> {
        let description = self.description.as_ref()?;
        Group::described(description, description.media.get(media)?)
    }

    /// The description's tag, if it has a readable one.
    fn tag(&self) -> Option<IfMatch> {
        let description = self.description.as_ref()?;
        let text = description
            .attribute("mtag")
            .or(description.attribute("etag"))?;
        IfMatch::decode(&mut std::iter::once(text), &Leniency::strict()).ok()
    }

    pub(super) fn play_message(&self, request: &PlayRequest) -> Result<Request, SessionError> {
        let mut message = self.message(Method::Play, self.aggregate_target());
        let live = PlayRequest::of(Range::now());
        let request = match &request.range {
            // RFC 7826 §13.6: what goes on and is not kept has no point to go back to.
            None if self.version == Version::V2_0 && self.is_live_and_not_kept() => &live,
            _ => request,
        };
        let written = request.write(self.version, &mut message.headers);
        written.map_err(|why| misuse(Method::Play, why))?;
        Ok(message)
    }

    fn is_live_and_not_kept(&self) -> bool {
        let has = |property| {
            let known = self.properties.as_ref();
            known.is_some_and(|known| known.0.contains(&property))
        };
        has(MediaProperty::TimeProgressing) && has(MediaProperty::TimeDuration(Duration::ZERO))
    }

    /// The URI of the presentation as a whole.
    pub(super) fn aggregate(&self) -> String {
        let control = self.description.as_ref().and_then(|d| d.control.as_deref());
        sdp::control::resolve(&self.base, control)
    }

    pub(super) fn aggregate_target(&self) -> RequestTarget {
        target(&self.aggregate())
    }

    /// The URI of one media.
    pub(super) fn control(&self, media: usize) -> Option<String> {
        let media = self.description.as_ref()?.media.get(media)?;
        Some(sdp::control::resolve(&self.base, media.control.as_deref()))
    }

    /// Per media of the description the URI by which it was set up.
    pub(super) fn controls(&self) -> Vec<Option<String>> {
        let controls = self.media.iter();
        controls
            .map(|media| media.as_ref().map(|media| media.control.clone()))
            .collect()
    }
}

pub(super) fn misuse(method: Method, why: &'static str) -> SessionError {
    SessionError::Misuse { method, why }
}

/// A control URI as a request's target; one that is no URI goes out as it stands, the server wrote it.
fn target(uri: &str) -> RequestTarget {
    match Uri::parse(uri) {
        Ok(uri) => RequestTarget::Uri(uri.without_userinfo()),
        Err(_) => RequestTarget::Invalid(uri.to_owned()),
    }
}
