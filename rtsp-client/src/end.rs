//! Why a session is over.

use std::fmt;

use rtsp_session::client::EndReason;

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The sender said goodbye for every media (RTCP BYE): the end of the presentation.
    Bye,
    /// The server ended the session (TEARDOWN), or told that the stream is at its end.
    ByServer,
    /// The server no longer knows the session.
    SessionLost,
    /// The server closed the connection.
    Disconnected,
    /// The server sends us to this URL.
    Redirected(String),
    /// We ended it.
    Closed,
}

impl From<EndReason> for End {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::EndOfStream => Self::Bye,
            EndReason::SessionLost => Self::SessionLost,
            _ => Self::ByServer,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bye => f.write_str("the stream is at its end"),
            Self::ByServer => f.write_str("the server ended the session"),
            Self::SessionLost => f.write_str("the server no longer knows the session"),
            Self::Disconnected => f.write_str("the server closed the connection"),
            Self::Redirected(url) => write!(f, "the server redirects to {url}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}
