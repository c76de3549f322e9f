//! What the server asks of its client, how that is answered, and what follows from it.

use std::time::Instant;

use rtsp_msg::HeaderName;
use rtsp_msg::Leniency;
use rtsp_msg::Method;
use rtsp_msg::Request;
use rtsp_msg::Response;
use rtsp_msg::Version;
use rtsp_msg::headers::MediaProperties;
use rtsp_msg::headers::MediaRange;
use rtsp_msg::headers::NotifyReason;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::RequestStatus;
use rtsp_msg::headers::RtpInfo;
use rtsp_msg::headers::Scale;
use rtsp_msg::headers::Session;
use rtsp_msg::headers::TerminateReason;
use sdp::Description;

use super::ClientSession;
use super::EndReason;
use super::Event;
use super::Notice;
use super::NoticeKind;
use super::Redirect;
use super::play;
use super::redirect;
use super::request::FEATURES;
use crate::ProtocolError;
use crate::server::parameters;
use crate::server::respond;
use crate::server::rules::unsupported;

/// What we understand as the asked side (RFC 7826 §13, Table 7).
const METHODS_V2: [Method; 6] = [
    Method::Options,
    Method::GetParameter,
    Method::SetParameter,
    Method::PlayNotify,
    Method::Redirect,
    Method::Teardown,
];

/// The same in RTSP/1.0 (RFC 2326 §10). TEARDOWN and PLAY_NOTIFY, which servers of 1.0 do not have, are taken all the same.
const METHODS_V1: [Method; 5] = [
    Method::Options,
    Method::GetParameter,
    Method::SetParameter,
    Method::Redirect,
    Method::Announce,
];

/// A parameter of ours that the server may ask for (GET_PARAMETER) or set (SET_PARAMETER; RFC 7826 §13.8, §13.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A parameter of text/parameters has nothing else.
pub struct OwnParameter {
    /// Its name: visible characters without a colon.
    pub name: String,
    /// Its value, one line of text.
    pub value: String,
    /// Whether the server may set it.
    pub writable: bool,
}

/// What follows from a request once it is answered.
#[derive(Debug)]
enum Consequence {
    Nothing,
    Tell(Event),
    End(EndReason),
    Redirect(Redirect, Option<Instant>),
}

type Reaction = Result<(Response, Consequence), ProtocolError>;

impl ClientSession {
    /// The server asks; it has its answer before anything follows from it.
    pub(super) fn asked(&mut self, request: &Request) {
        let (response, consequence) = self.react(request).unwrap_or_else(|error| {
            let refusal = respond::error(request.version, error);
            (refusal, Consequence::Nothing)
        });
        self.connection.answer(request, response);
        match consequence {
            Consequence::Nothing => {}
            Consequence::Tell(event) => self.emit(event),
            Consequence::End(reason) => self.end(reason),
            Consequence::Redirect(redirect, at) => self.redirected(redirect, at),
        }
    }

    fn react(&mut self, request: &Request) -> Reaction {
        let version = request.version;
        if version == Version::V2_0 && request.cseq().is_none() {
            return Err(ProtocolError::NoSequence);
        }
        if request.headers.contains(&HeaderName::AcceptCredentials) {
            // RFC 7826 §18.2: clients tell proxies by it whom they trust; nobody tells us.
            return Err(ProtocolError::BadHeader("Accept-Credentials"));
        }
        let methods = match version {
            Version::V1_0 => &METHODS_V1[..],
            Version::V2_0 => &METHODS_V2[..],
        };
        let tags = unsupported(request, |tag| FEATURES.contains(&tag));
        if !tags.is_empty() {
            return Err(ProtocolError::OptionNotSupported { tags });
        }
        if request.method == Method::Options {
            let response = respond::options(version, methods, None);
            return Ok((response, Consequence::Nothing));
        }
        self.check_session(request)?;
        match &request.method {
            Method::GetParameter => self.asked_for_parameters(request),
            Method::SetParameter => self.given_parameters(request),
            Method::PlayNotify => self.notified(request),
            Method::Redirect => self.asked_to_leave(request),
            Method::Teardown => {
                let reason = self.connection.typed::<TerminateReason>(&request.headers);
                let reason = EndReason::TornDown(reason);
                Ok((respond::ok(version), Consequence::End(reason)))
            }
            Method::Announce if version == Version::V1_0 => self.redescribed(request),
            _ => Err(ProtocolError::NotImplemented {
                public: methods.to_vec(),
            }),
        }
    }

    /// A request that names a session must name ours; PLAY_NOTIFY has to name one (RFC 7826 §13.5).
    fn check_session(&self, request: &Request) -> Result<(), ProtocolError> {
        let named = request
            .headers
            .typed_with::<Session>(&Leniency::permissive());
        match named.map_err(|_| ProtocolError::BadHeader("Session"))? {
            Some(named) if Some(&named.id) != self.session.as_ref() => {
                Err(ProtocolError::SessionNotFound)
            }
            None if request.method == Method::PlayNotify && request.version == Version::V2_0 => {
                Err(ProtocolError::BadHeader("Session"))
            }
            _ => Ok(()),
        }
    }

    /// Empty it is a question whether we are alive.
    fn asked_for_parameters(&self, request: &Request) -> Reaction {
        if request.body.is_empty() {
            return Ok((respond::ok(request.version), Consequence::Nothing));
        }
        parameters::check_type(&request.headers)?;
        let mut values = Vec::new();
        let mut unknown = Vec::new();
        for name in parameters::asked(&request.body)? {
            match self.config.parameters.iter().find(|own| own.name == name) {
                Some(own) => values.push((name, own.value.clone())),
                None => unknown.push(name.to_owned()),
            }
        }
        if !unknown.is_empty() {
            return Err(ProtocolError::ParameterNotUnderstood { names: unknown });
        }
        let response = respond::parameters(request.version, parameters::values(&values));
        Ok((response, Consequence::Nothing))
    }

    /// All of them are set, or none.
    fn given_parameters(&mut self, request: &Request) -> Reaction {
        if request.body.is_empty() {
            return Ok((respond::ok(request.version), Consequence::Nothing));
        }
        parameters::check_type(&request.headers)?;
        let given = parameters::given(&request.body)?;
        let own = &mut self.config.parameters;
        let names = |matches: &dyn Fn(Option<&OwnParameter>) -> bool| -> Vec<String> {
            let all = given.iter().map(|(name, _)| *name);
            all.filter(|name| matches(own.iter().find(|own| own.name == *name)))
                .map(str::to_owned)
                .collect()
        };
        let unknown = names(&|own| own.is_none());
        if !unknown.is_empty() {
            return Err(ProtocolError::ParameterNotUnderstood { names: unknown });
        }
        let read_only = names(&|own| own.is_some_and(|own| !own.writable));
        if !read_only.is_empty() {
            return Err(ProtocolError::ParameterReadOnly { names: read_only });
        }
        let mut set = Vec::new();
        for (name, value) in given {
            if let Some(own) = own.iter_mut().find(|own| own.name == name) {
                own.value = value.to_owned();
                set.push((name.to_owned(), value.to_owned()));
            }
        }
        let event = Event::ParametersSet(set);
        Ok((respond::ok(request.version), Consequence::Tell(event)))
    }

    fn notified(&mut self, request: &Request) -> Reaction {
        let headers = &request.headers;
        let reason = self.connection.typed::<NotifyReason>(headers);
        let kind = match reason {
            Some(NotifyReason::EndOfStream) => {
                let ended = self.connection.typed::<RequestStatus>(headers);
                let cseq = ended.as_ref().map(|ended| ended.cseq);
                if cseq < self.connection.last_play() && cseq.is_some() {
                    // Another PLAY has taken its place meanwhile.
                    return Ok((respond::ok(request.version), Consequence::Nothing));
                }
                NoticeKind::EndOfStream {
                    status: ended.map(|ended| ended.status),
                }
            }
            Some(NotifyReason::MediaPropertiesUpdate) => NoticeKind::PropertiesChanged {
                properties: self.connection.typed::<MediaProperties>(headers),
                available: self.connection.typed::<MediaRange>(headers),
            },
            Some(NotifyReason::ScaleChange) => NoticeKind::ScaleChanged {
                scale: self.connection.typed::<Scale>(headers).map(Scale::value),
            },
            _ => return Err(ProtocolError::UnknownNotification),
        };
        self.take_properties(headers);
        let info = self.connection.typed::<RtpInfo>(headers);
        let target = request.target.uri().map(|uri| uri.as_str());
        let controls = self.controls();
        let notice = Notice {
            media: target.and_then(|target| {
                let same = |control: &Option<String>| control.as_deref() == Some(target);
                let aggregate = self.aggregate() == target;
                controls.iter().position(same).filter(|_| !aggregate)
            }),
            kind,
            range: self.connection.typed::<Range>(headers),
            points: info.map_or_else(Vec::new, |info| play::points(Some(&info), &controls)),
        };
        let event = Event::Notified(notice);
        Ok((respond::ok(request.version), Consequence::Tell(event)))
    }

    fn asked_to_leave(&self, request: &Request) -> Reaction {
        let response = respond::ok(request.version);
        let location = request.headers.first(&HeaderName::Location);
        let consequence = match redirect::judge(&self.uri, location) {
            Ok(redirect) => Consequence::Redirect(redirect, redirect::moment(request, self.now)),
            // Without a place to go, the session just has to end (RFC 7826 §13.10).
            Err(_) => Consequence::End(EndReason::TornDown(None)),
        };
        Ok((response, consequence))
    }

    /// A description that says the same of the media that we know, and perhaps more, is taken (RFC 2326 §10.3).
    fn redescribed(&mut self, request: &Request) -> Reaction {
        let refused = || ProtocolError::NotImplemented {
            public: METHODS_V1.to_vec(),
        };
        let kind = request.headers.first(&HeaderName::ContentType);
        let sdp = kind.is_none_or(|kind| kind.trim().eq_ignore_ascii_case("application/sdp"));
        if !sdp {
            return Err(ProtocolError::UnsupportedMediaType);
        }
        let known = self
            .description
            .as_ref()
            .filter(|_| !request.body.is_empty());
        let known = known.ok_or_else(refused)?;
        let new = Description::parse(&request.body).map_err(|_| ProtocolError::BadDescription)?;
        let same_controls = known.media.iter().map(|media| &media.control);
        let same_controls = same_controls.eq(new.media.iter().map(|media| &media.control));
        if !same_controls || self.recording {
            return Err(refused());
        }
        self.description = Some(new);
        let event = Event::Redescribed;
        Ok((respond::announce(request.version), Consequence::Tell(event)))
    }
}
