//! What goes into a connection, and what comes out.

use crate::auth::Offered;
use bytes::{Bytes, BytesMut};
use rtsp_msg::{DecodeErrorKind, FrameRef, FrameRun, Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// Names one request of a connection, in either direction. Never used twice by one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

/// Both ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Complete by nature.
pub struct Addresses {
    /// Ours, as the peer reached it.
    pub local: SocketAddr,
    /// The peer's.
    pub peer: SocketAddr,
}

/// What comes in.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)] // A socket and a clock have nothing else to say.
pub enum Input<'a> {
    /// Bytes were read. What cannot be used yet stays in the buffer: call again with the same buffer, with more in it, or after
    /// [`ServerConnection::answer`](super::ServerConnection::answer) made [`ServerConnection::wants_read`](super::ServerConnection::wants_read) true again.
    Read(&'a mut BytesMut),
    /// The peer will send no more.
    Eof,
    /// The time of the last [`Output::Wait`] has come.
    Timeout,
}

/// What to do next.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // moved once a request; boxing would cost an allocation each
pub enum Output {
    /// A request for the server: [`answer`](super::ServerConnection::answer) it once.
    Request(Incoming),
    /// Interleaved frames, in their order among the requests.
    Frames(FrameRun),
    /// The peer's answer to one of our requests.
    Response {
        /// As [`request`](super::ServerConnection::request) returned it.
        id: RequestId,
        /// What the peer said.
        response: Response,
    },
    /// A message was refused because of this limit: for the record, it is answered already.
    Refused(DecodeErrorKind),
    /// The peer did not answer one of our requests in time, and will not any more.
    Unanswered {
        /// As [`request`](super::ServerConnection::request) returned it.
        id: RequestId,
    },
    /// Write these bytes, after all before them.
    Write(Bytes),
    /// Close the connection once all is written. Nothing but waiting comes after it.
    Close(CloseReason),
    /// Nothing to do until more comes in, or until this time.
    Wait {
        /// When to call with [`Input::Timeout`].
        until: Option<Instant>,
    },
}

impl Output {
    /// A frame whose prefix is not at hand.
    pub(super) fn frame(channel: u8, payload: Bytes) -> Self {
        let len = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        Self::Frames(FrameRun {
            bytes: payload,
            frames: vec![FrameRef {
                channel,
                start: 0,
                len,
            }],
        })
    }
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed it.
    #[error("closed by the peer")]
    PeerClosed,
    /// The peer asked for it by `Connection: close`.
    #[error("the peer asked for it")]
    Requested,
    /// What the peer sent left no way to tell where the next message begins.
    #[error("framing lost")]
    FramingLost,
    /// Too many messages that could not be read.
    #[error("too many malformed messages")]
    TooManyMalformed,
    /// Too many wrong passwords.
    #[error("too many failed authentications")]
    TooManyFailures,
    /// No request within the time for the first one.
    #[error("no request in time")]
    NoRequest,
    /// A message was begun and not completed in time.
    #[error("message not completed in time")]
    TooSlow,
    /// There are users, none was proved in time, and no session was made.
    #[error("nobody logged in")]
    Unauthenticated,
    /// Nothing for too long, and no session that needs the connection.
    #[error("idle")]
    Idle,
    /// The server wanted it.
    #[error("closed by the server")]
    Server,
}

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum Authentication {
    /// No credentials. The first request of most peers, not an attack.
    Anonymous,
    /// Credentials that were proved.
    User,
    /// Credentials that the shell has to prove, and then tell of it:
    /// [`authenticated`](super::ServerConnection::authenticated).
    Offered,
    /// Credentials that are right but for an old nonce: [`challenge`](super::ServerConnection::challenge) it, unless it needs none.
    Stale,
    /// Credentials that prove nothing: [`challenge`](super::ServerConnection::challenge) it, unless it needs none.
    Failed,
}

/// One request that passed the rules of the connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct Incoming {
    /// For the answer.
    pub id: RequestId,
    /// The request.
    pub request: Request,
    /// The user whose credentials it proved.
    pub user: Option<Arc<str>>,
    /// What the shell has to prove.
    pub offered: Option<Offered>,
    /// Whether it proved any.
    pub authentication: Authentication,
}
