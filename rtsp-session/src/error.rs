//! Why a request is refused, by whose fault, and the only map from cause to status code.

use crate::server::parameters;
use bytes::Bytes;
use rtsp_msg::{DecodeErrorKind, HeaderError, HeaderName, Method, Response, StatusCode, Version};
use std::borrow::Cow;

/// Why a request is not done.
///
/// Sorted by whose fault it is; [`status`](Self::status) is the only place in this workspace where a cause becomes a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    // The peer's message is wrong.
    /// The message breaks the grammar.
    #[error("malformed message")]
    Malformed,
    /// The request has no CSeq, or one that is no number.
    #[error("no usable CSeq")]
    NoSequence,
    /// The request target is no URI, or is one that this method cannot be applied to.
    #[error("bad request target")]
    BadTarget,
    /// A header that the method needs is missing or breaks its grammar.
    #[error("missing or malformed {0}")]
    BadHeader(&'static str),
    /// The message was not completed in time.
    #[error("message not completed in time")]
    TooSlow,
    /// The body is announced longer than the limit.
    #[error("body too large")]
    BodyTooLarge {
        /// For the Retry-After header, in seconds, where the limit is one of the moment.
        retry_after: Option<u32>,
    },
    /// The head has more or longer headers than the limit.
    #[error("head too large")]
    HeadTooLarge,
    /// The URI is longer than the limit.
    #[error("URI too long")]
    UriTooLong,
    /// A version of RTSP other than 1.0 and 2.0.
    #[error("version not supported")]
    Version,

    // The peer asks for what it cannot have.
    /// A method that this server does not know; `public` are those that it does.
    #[error("method not implemented")]
    NotImplemented {
        /// For the Public header.
        public: Vec<Method>,
    },
    /// A method that this resource does not have; `allow` are those that it has.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// For the Allow header.
        allow: Vec<Method>,
    },
    /// Require named what is not supported.
    #[error("option not supported: {}", .tags.join(", "))]
    OptionNotSupported {
        /// Exactly the tags that are not supported, for the Unsupported header.
        tags: Vec<String>,
    },
    /// No credentials, or wrong ones. Answered by [`ServerConnection::challenge`](crate::server::ServerConnection::challenge).
    #[error("credentials needed")]
    Unauthorized,
    /// The server's rules forbid it, whoever asks.
    #[error("forbidden")]
    Forbidden,
    /// Nothing has this name.
    #[error("not found")]
    NotFound,
    /// What had this name will never be back, and is nowhere else.
    #[error("gone")]
    Gone,
    /// Another publisher has this path.
    #[error("path in use")]
    PathTaken,
    /// The answer would be of a type that Accept does not name, or of a coding that Accept-Encoding does not.
    #[error("not acceptable")]
    NotAcceptable {
        /// The one type that there is, for the body.
        available: &'static str,
    },
    /// The body has a type or coding that cannot be read.
    #[error("unsupported media type")]
    UnsupportedMediaType,
    /// The body's description cannot be served.
    #[error("unusable session description")]
    BadDescription,
    /// A parameter that is not known.
    #[error("parameter not understood: {}", .names.join(", "))]
    ParameterNotUnderstood {
        /// The names, for the body.
        names: Vec<String>,
    },
    /// A parameter that can be read and not written.
    #[error("parameter is read-only: {}", .names.join(", "))]
    ParameterReadOnly {
        /// The names, for the body.
        names: Vec<String>,
    },
    /// What the request wants to be true of the resource is not: If-Match, If-None-Match.
    #[error("precondition failed")]
    PreconditionFailed,
    /// Both If-Match and If-None-Match, and the like: what no request may have together.
    #[error("headers that exclude each other")]
    Contradiction,
    /// It is to be had elsewhere.
    #[error("moved to {location}")]
    Moved {
        /// For how long, or by which way.
        how: Redirection,
        /// The URI there, for the Location header.
        location: String,
    },
    /// A conference of this name is not known (RFC 2326 §12.9).
    #[error("conference not found")]
    ConferenceNotFound,
    /// No such session, or not this peer's.
    #[error("session not found")]
    SessionNotFound,
    /// Not in this state; `allow` are the methods that are.
    #[error("method not valid in this state")]
    WrongState {
        /// For the Allow header.
        allow: Vec<Method>,
    },
    /// A header that makes no sense for this resource: a seek where nothing can be sought.
    #[error("header not valid for the resource")]
    HeaderNotValid {
        /// For Accept-Ranges, when the unit of a range is why.
        accept_ranges: Option<&'static str>,
    },
    /// A range outside the media.
    #[error("invalid range")]
    InvalidRange,
    /// PLAY_NOTIFY for a reason that is not known, or without one.
    #[error("notification reason unknown")]
    UnknownNotification,
    /// Only for one media at a time.
    #[error("aggregate operation not allowed")]
    AggregateNotAllowed,
    /// Only for the presentation as a whole.
    #[error("only aggregate operation allowed")]
    OnlyAggregate,
    /// None of the transports offered can be used.
    #[error("unsupported transport")]
    UnsupportedTransport,
    /// The transport names an address that is not the peer's own.
    #[error("destination prohibited")]
    DestinationProhibited,
    /// The transport names an address that cannot be reached.
    #[error("destination unreachable")]
    DestinationUnreachable,
    /// Keys for SRTP that cannot be read or used.
    #[error("key management failed")]
    KeyManagement,
    /// More bandwidth or readers than the server gives.
    #[error("not enough bandwidth")]
    NotEnoughBandwidth,
    /// The transport is set up, but its data connection is not there yet.
    #[error("data transport not ready")]
    TransportNotReady,

    // The server's own fault.
    /// Something broke here.
    #[error("internal error")]
    Internal,
    /// Too much to do.
    #[error("overloaded")]
    Overloaded {
        /// For the Retry-After header, in seconds.
        retry_after: Option<u32>,
    },
    /// An upstream server did not answer, or answered nonsense.
    #[error("upstream failed")]
    Upstream,
    /// An upstream server did not answer in time.
    #[error("upstream timed out")]
    UpstreamTimeout,
}

/// How a resource is to be had elsewhere (RFC 7826 §17.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Redirection {
    /// It is there from now on: 301.
    Permanent,
    /// It is there for now: 302.
    Temporary,
    /// It is had through the proxy there, and only so: 305.
    Proxy,
}

impl ProtocolError {
    /// The only map from cause to status code. It is that of RTSP/2.0; [`into_response`](Self::into_response) replaces codes
    /// that RTSP/1.0 does not have.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed
            | Self::NoSequence
            | Self::BadTarget
            | Self::BadHeader(_)
            | Self::HeadTooLarge
            | Self::Contradiction
            | Self::ConferenceNotFound
            | Self::BadDescription => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::REQUEST_MESSAGE_BODY_TOO_LARGE,
            Self::UriTooLong => StatusCode::REQUEST_URI_TOO_LONG,
            Self::Version => StatusCode::RTSP_VERSION_NOT_SUPPORTED,
            Self::NotImplemented { .. } => StatusCode::NOT_IMPLEMENTED,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::OptionNotSupported { .. } => StatusCode::OPTION_NOT_SUPPORTED,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            // RTSP has no 409 Conflict. 403 is "understood, refused, do not repeat".
            Self::Forbidden | Self::PathTaken => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Gone => StatusCode::GONE,
            Self::NotAcceptable { .. } => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ParameterNotUnderstood { .. } => StatusCode::PARAMETER_NOT_UNDERSTOOD,
            Self::ParameterReadOnly { .. } => StatusCode::PARAMETER_IS_READ_ONLY,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::Moved { how, .. } => match how {
                Redirection::Permanent => StatusCode::MOVED_PERMANENTLY,
                Redirection::Temporary => StatusCode::FOUND,
                Redirection::Proxy => StatusCode::USE_PROXY,
            },
            Self::SessionNotFound => StatusCode::SESSION_NOT_FOUND,
            Self::WrongState { .. } => StatusCode::METHOD_NOT_VALID_IN_THIS_STATE,
            Self::HeaderNotValid { .. } => StatusCode::HEADER_FIELD_NOT_VALID,
            Self::InvalidRange => StatusCode::INVALID_RANGE,
            Self::UnknownNotification => StatusCode::NOTIFICATION_REASON_UNKNOWN,
            Self::AggregateNotAllowed => StatusCode::AGGREGATE_OPERATION_NOT_ALLOWED,
            Self::OnlyAggregate => StatusCode::ONLY_AGGREGATE_OPERATION_ALLOWED,
            Self::UnsupportedTransport => StatusCode::UNSUPPORTED_TRANSPORT,
            Self::DestinationProhibited => StatusCode::DESTINATION_PROHIBITED,
            Self::DestinationUnreachable => StatusCode::DESTINATION_UNREACHABLE,
            Self::KeyManagement => StatusCode::KEY_MANAGEMENT_ERROR,
            Self::NotEnoughBandwidth => StatusCode::NOT_ENOUGH_BANDWIDTH,
            Self::TransportNotReady => StatusCode::DATA_TRANSPORT_NOT_READY_YET,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The code in this version: RTSP/1.0 lacks those from 463 up to 472, RTSP/2.0 has 452 no more (RFC 7826 §17.4.16).
    #[must_use]
    pub const fn status_in(&self, version: Version) -> StatusCode {
        match (version, self) {
            // RFC 2326 §16 names 403 for what looks like an attack.
            (Version::V1_0, Self::DestinationProhibited) => StatusCode::FORBIDDEN,
            // RFC 4567 §3.2, for RTSP/1.0. RFC 7826 has the number for something else.
            (Version::V1_0, Self::KeyManagement) => StatusCode::DESTINATION_PROHIBITED,
            (Version::V1_0, Self::ConferenceNotFound) => StatusCode::CONFERENCE_NOT_FOUND,
            (Version::V1_0, Self::TransportNotReady) => StatusCode::METHOD_NOT_VALID_IN_THIS_STATE,
            // RFC 2326 §12.29: a unit of Range that is not understood. RFC 7826 §18.40 has 456 for it.
            (
                Version::V1_0,
                Self::HeaderNotValid {
                    accept_ranges: Some(_),
                },
            ) => StatusCode::NOT_IMPLEMENTED,
            _ => self.status(),
        }
    }

    /// The response that says so, with the headers that its status demands (Allow, Public, Unsupported, Accept-Ranges,
    /// Retry-After) and a line of text where RFC 7826 asks for a body: with 406, 451, 458 and all 5xx.
    #[must_use]
    pub fn into_response(self, version: Version) -> Response {
        let status = self.status_in(version);
        let mut response = Response::new(version, status);
        if matches!(self, Self::PathTaken) {
            response.reason = Cow::Borrowed("Path In Use");
        }
        if version == Version::V1_0 && matches!(self, Self::KeyManagement) {
            response.reason = Cow::Borrowed("Key management failure");
        }
        let headers = &mut response.headers;
        match &self {
            Self::NotImplemented { public } => headers.append(HeaderName::Public, list(public)),
            Self::MethodNotAllowed { allow } | Self::WrongState { allow } => {
                headers.append(HeaderName::Allow, list(allow));
            }
            Self::OptionNotSupported { tags } => {
                headers.append(HeaderName::Unsupported, tags.join(", "));
            }
            Self::HeaderNotValid {
                accept_ranges: Some(units),
            } => headers.append(HeaderName::AcceptRanges, units),
            Self::Moved { location, .. } => headers.append(HeaderName::Location, location),
            Self::Overloaded {
                retry_after: Some(seconds),
            }
            | Self::BodyTooLarge {
                retry_after: Some(seconds),
            } => {
                headers.append(HeaderName::RetryAfter, seconds.to_string());
            }
            _ => {}
        }
        let text = match &self {
            Self::ParameterNotUnderstood { names } | Self::ParameterReadOnly { names } => {
                Some((parameters::names(names), "text/parameters"))
            }
            Self::NotAcceptable { available } => Some((
                format!("available: {available}\r\n"),
                "text/plain;charset=utf-8",
            )),
            Self::Version => Some((
                "supported versions: RTSP/1.0, RTSP/2.0\r\n".into(),
                "text/plain;charset=utf-8",
            )),
            _ if status.code() >= 500 => Some((format!("{self}\r\n"), "text/plain;charset=utf-8")),
            _ => None,
        };
        if let Some((text, kind)) = text {
            headers.append(HeaderName::ContentType, kind);
            response.body = Bytes::from(text);
        }
        response
    }
}

impl From<DecodeErrorKind> for ProtocolError {
    fn from(kind: DecodeErrorKind) -> Self {
        match kind {
            DecodeErrorKind::Version => Self::Version,
            DecodeErrorKind::UriTooLong => Self::UriTooLong,
            DecodeErrorKind::BodyTooLarge => Self::BodyTooLarge { retry_after: None },
            kind if kind.is_limit() => Self::HeadTooLarge,
            _ => Self::Malformed,
        }
    }
}

impl From<HeaderError> for ProtocolError {
    fn from(error: HeaderError) -> Self {
        Self::BadHeader(error.name)
    }
}

/// Methods with commas between, as in Allow and Public.
pub(crate) fn list(methods: &[Method]) -> String {
    methods
        .iter()
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
