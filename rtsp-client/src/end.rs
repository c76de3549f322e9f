//! Why a session is over.

use std::fmt;

use rtsp_msg::headers::TerminateCause;
use rtsp_msg::headers::TerminateReason;
use rtsp_session::client::EndReason;

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The sender said goodbye for every media (RTCP BYE): the end of the presentation.
    Bye,
    /// The server ended the session (TEARDOWN).
    ByServer {
        /// What it wants its user to read, if it says why.
        message: Option<String>,
    },
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
            EndReason::SessionLost => Self::SessionLost,
            EndReason::TornDown(Some(reason)) => Self::ByServer {
                message: Some(explanation(&reason)),
            },
            _ => Self::ByServer { message: None },
        }
    }
}

/// What the server wants to be read, or else what the cause means (RFC 7826 §18.52). Nothing in it reaches a terminal as a command.
fn explanation(reason: &TerminateReason) -> String {
    let said = reason.user_message.as_deref().map(printable);
    said.filter(|said| !said.is_empty())
        .unwrap_or_else(|| match &reason.cause {
            TerminateCause::SessionTimeout => "it was kept long enough".to_owned(),
            TerminateCause::ServerAdmin => "the server is being shut down".to_owned(),
            TerminateCause::InternalError => "something broke there".to_owned(),
            TerminateCause::Other(cause) => cause.to_string(),
            _ => String::new(),
        })
}

fn printable(text: &str) -> String {
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    visible
        .take(MOST_SHOWN)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Of what a server says, no more than this is shown.
const MOST_SHOWN: usize = 500;

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bye => f.write_str("the stream is at its end"),
            Self::ByServer { message: None } => f.write_str("the server ended the session"),
            Self::ByServer {
                message: Some(message),
            } => write!(f, "the server ended the session: {message}"),
            Self::SessionLost => f.write_str("the server no longer knows the session"),
            Self::Disconnected => f.write_str("the server closed the connection"),
            Self::Redirected(url) => write!(f, "the server redirects to {url}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}
