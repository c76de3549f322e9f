//! Errors: what happened, where, and what to do about it.

use std::fmt;
use std::io;
use std::time::Duration;

use rtsp_msg::StatusCode;
use rtsp_session::client::CloseReason;
use rtsp_session::client::KeysError;
use rtsp_session::client::RequestFailure;
use rtsp_session::client::SessionError;
use rtsp_session::srtp::mikey::reverse::ReverseError;

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL is none that this client can use.
    Url,
    /// No connection to the server.
    Connect,
    /// The server is not who it should be, as far as its certificate tells, or speaks no TLS.
    Untrusted,
    /// The server did not answer in time.
    Timeout,
    /// The server wants credentials, or others.
    Unauthorized,
    /// The server does not have what was asked for.
    NotFound,
    /// The server refused, for another reason.
    Refused,
    /// None of the transports that are allowed works.
    Transport,
    /// What the server sends makes no sense.
    Protocol,
    /// The session is over.
    Closed,
    /// The system refused something.
    Io,
    /// Something that this client cannot do.
    Unsupported,
}

/// What went wrong, and with which server.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    place: String,
    /// There was a connection, and nothing was heard on it that is RTSP.
    unheard: bool,
    /// Boxed: errors are rare, and results should be small.
    cause: Box<Cause>,
}

#[derive(Debug)]
enum Cause {
    Text(String),
    Io(io::Error),
    Session(SessionError),
    Close(CloseReason),
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, place: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            kind,
            place: place.into(),
            unheard: false,
            cause: Box::new(Cause::Text(text.into())),
        }
    }

    pub(crate) fn io(kind: ErrorKind, place: impl Into<String>, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::TimedOut => ErrorKind::Timeout,
            _ => kind,
        };
        Self {
            kind,
            place: place.into(),
            unheard: false,
            cause: Box::new(Cause::Io(error)),
        }
    }

    pub(crate) fn session(place: impl Into<String>, error: SessionError) -> Self {
        let kind = match &error {
            SessionError::Unauthorized { .. } | SessionError::PasswordInClear { .. } => {
                ErrorKind::Unauthorized
            }
            SessionError::Refused { status, .. } => match *status {
                StatusCode::NOT_FOUND => ErrorKind::NotFound,
                StatusCode::UNSUPPORTED_TRANSPORT => ErrorKind::Transport,
                _ => ErrorKind::Refused,
            },
            SessionError::VersionRefused
            | SessionError::Secured {
                error: KeysError::InClear | KeysError::Protocol,
                ..
            } => ErrorKind::Unsupported,
            SessionError::Secured {
                error: KeysError::Reverse(ReverseError::Untrusted(_)),
                ..
            } => ErrorKind::Untrusted,
            SessionError::NoResponse { failure, .. } => match failure {
                RequestFailure::Timeout { .. } => ErrorKind::Timeout,
                _ => ErrorKind::Closed,
            },
            _ => ErrorKind::Protocol,
        };
        Self {
            kind,
            place: place.into(),
            unheard: false,
            cause: Box::new(Cause::Session(error)),
        }
    }

    pub(crate) fn closed(place: impl Into<String>, reason: CloseReason) -> Self {
        Self {
            kind: match reason {
                CloseReason::Framing(_) => ErrorKind::Protocol,
                _ => ErrorKind::Closed,
            },
            place: place.into(),
            unheard: false,
            cause: Box::new(Cause::Close(reason)),
        }
    }

    /// The same, as a matter of the transport.
    pub(crate) fn into_transport(self) -> Self {
        Self {
            kind: ErrorKind::Transport,
            ..self
        }
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The status with which the server refused, if that is what happened.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match &*self.cause {
            Cause::Session(SessionError::Refused { status, .. }) => Some(*status),
            Cause::Session(SessionError::Unauthorized { .. }) => Some(StatusCode::UNAUTHORIZED),
            _ => None,
        }
    }

    /// How long the server wants to be left alone, if it is overloaded and says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match &*self.cause {
            Cause::Session(SessionError::Refused { retry_after, .. }) => *retry_after,
            _ => None,
        }
    }

    /// Whether it may be the network that does not let RTSP, or media on its connection, through.
    pub(crate) fn is_of_the_way(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Transport | ErrorKind::Closed | ErrorKind::Timeout
        )
    }

    /// The same, where nothing was heard of the server.
    pub(crate) fn unheard(self) -> Self {
        Self {
            unheard: true,
            ..self
        }
    }

    /// Whether there was a connection, and nothing was heard on it that is RTSP: a tunnel may get through where this did not.
    #[must_use]
    pub fn is_unheard(&self) -> bool {
        self.unheard
    }

    /// Whether the server is none of RTSP/2.0, but may be one of 1.0.
    pub(crate) fn is_version_refused(&self) -> bool {
        matches!(&*self.cause, Cause::Session(SessionError::VersionRefused))
    }

    /// What its reader can do about it, in one sentence.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match (self.kind, &*self.cause) {
            (ErrorKind::Url, _) => "A URL looks like rtsp://host:port/path.",
            (ErrorKind::Connect, Cause::Io(error))
                if error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                "Is the server running, and is this its port?"
            }
            (ErrorKind::Untrusted, _) => {
                "Trust its authority (--tls-ca) or its very certificate (--tls-pin), if you know that they are right."
            }
            (ErrorKind::Connect, _) => "Check the host name and the network.",
            (_, Cause::Session(SessionError::VersionRefused)) => "Try RTSP/1.0.",
            (
                _,
                Cause::Session(SessionError::Secured {
                    error: KeysError::InClear,
                    ..
                }),
            ) => "Use rtsps, or --srtp-in-clear if you trust everybody on the way.",
            (ErrorKind::Timeout, _) => {
                "The host may be off, behind a firewall, or no RTSP server on this port."
            }
            (
                ErrorKind::Unauthorized,
                Cause::Session(SessionError::Unauthorized {
                    had_credentials: false,
                    ..
                }),
            ) => "Give a user name and a password.",
            (_, Cause::Session(SessionError::PasswordInClear { .. })) => {
                "Try RTSP/1.0, which allows it, if you trust the network."
            }
            (ErrorKind::Unauthorized, _) => "Check the user name and the password.",
            (ErrorKind::NotFound, _) => {
                "Check the path of the URL; nothing may be published there."
            }
            (ErrorKind::Transport, _) => "Try another transport: udp, tcp, http or ws.",
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match &*self.cause {
            Cause::Text(text) => f.write_str(text),
            Cause::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("no answer in time")
            }
            Cause::Io(error) => error.fmt(f),
            Cause::Session(error) => error.fmt(f),
            Cause::Close(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.cause {
            Cause::Text(_) => None,
            Cause::Io(error) => Some(error),
            Cause::Session(error) => Some(error),
            Cause::Close(reason) => Some(reason),
        }
    }
}
