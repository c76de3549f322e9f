//! What can go wrong between a client and its server.

use std::time::Duration;

use rtsp_msg::DecodeError;
use rtsp_msg::Method;
use rtsp_msg::StatusCode;

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The server closed it.
    #[error("the server closed the connection")]
    ByPeer,
    /// What the server sent cannot be cut into messages any more.
    #[error("what the server sends is not RTSP: {0}")]
    Framing(DecodeError),
    /// The conversation is at its end: TEARDOWN has been answered.
    #[error("the session has been torn down")]
    TornDown,
    /// The server has sent us elsewhere, and nothing is open here any more.
    #[error("the server has sent us elsewhere")]
    Redirected,
    /// We close it: every request of ours has its answer.
    #[error("closed")]
    Done,
}

/// Why a request gets no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFailure {
    /// The server has kept silent.
    #[error("no response within {} s", after.as_secs_f32())]
    Timeout {
        /// What was asked.
        method: Method,
        /// How long was waited.
        after: Duration,
    },
    /// The connection closed before the response.
    #[error("the connection closed before the response")]
    Closed,
}

/// Why a step of a session failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The server refused.
    #[error("the server refused {method}: {status} {reason}{}{}", told(explanation.as_deref()), later(*retry_after))]
    Refused {
        /// What was asked.
        method: Method,
        /// The status of the refusal.
        status: StatusCode,
        /// The server's words for it.
        reason: String,
        /// What the body of the refusal says, as one line of text.
        explanation: Option<String>,
        /// How long the server wants to be left alone: it is overloaded.
        retry_after: Option<Duration>,
    },
    /// The server does not speak RTSP/2.0: it said so, or the first request in it was the end of the connection. Another
    /// connection may serve for RTSP/1.0.
    #[error("the server does not speak RTSP/2.0")]
    VersionRefused,
    /// The server wants credentials: we have none, or it did not accept them.
    #[error("{method}: {}", if *.had_credentials { "the server did not accept the user name and password" } else { "the server asks for a user name and password" })]
    Unauthorized {
        /// What was asked.
        method: Method,
        /// Whether there were credentials to answer with.
        had_credentials: bool,
    },
    /// The server wants the password in clear text (Basic), and everyone on the way could read it: RTSP/2.0 forbids that without
    /// encryption (RFC 7826 §19.1).
    #[error(
        "{method}: the server wants the password in clear text, which RTSP/2.0 allows only over rtsps"
    )]
    PasswordInClear {
        /// What was asked.
        method: Method,
    },
    /// No response.
    #[error("{failure} ({method})")]
    NoResponse {
        /// What was asked.
        method: Method,
        /// Why there is none.
        failure: RequestFailure,
    },
    /// A response that lacks what its method promises.
    #[error("the response to {method} is not usable: {what}")]
    Misbehaved {
        /// What was asked.
        method: Method,
        /// What is wrong with the response.
        what: &'static str,
    },
    /// The description of the presentation cannot be read.
    #[error("the session description cannot be read: {0}")]
    Description(sdp::Error),
    /// A media is secured by SRTP, and cannot be had so.
    #[error("media {media} is secured by SRTP, and {error}")]
    Secured {
        /// Its index in the description.
        media: usize,
        /// What stands in the way.
        error: super::KeysError,
    },
    /// The server sends us where we do not go.
    #[error(transparent)]
    Redirect(#[from] super::RedirectError),
    /// The machine was asked for what its state does not allow.
    #[error("{method} is not possible now: {why}")]
    Misuse {
        /// What was to be asked.
        method: Method,
        /// What stands in the way.
        why: &'static str,
    },
}

fn told(explanation: Option<&str>) -> String {
    explanation.map_or_else(String::new, |text| format!(" ({text})"))
}

fn later(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |time| {
        format!("; it asks to be left alone for {} s", time.as_secs())
    })
}
