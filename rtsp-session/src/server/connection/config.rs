//! What a connection allows, and for how long.

use crate::auth::{Scheme, Users};
use rtsp_msg::{Leniency, Limits, Method, Version};
use std::sync::Arc;
use std::time::Duration;

/// The rules of the server's connections. Shared by all of them.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)] // Configuration: start from `default()` and set fields.
pub struct ConnectionConfig {
    /// How large messages may be.
    pub limits: Limits,
    /// Seconds after which a body that is too large now may be welcome, for the Retry-After header of 413. `None` where the limit
    /// stays what it is (RFC 7826 §17.4.12).
    pub body_retry_after: Option<u32>,
    /// Which deviations of the grammar are read over.
    pub leniency: Leniency,
    /// Which deviations in the use of it are.
    pub session_leniency: crate::leniency::Leniency,
    /// The versions that the server speaks; requests in others are answered 505, in their own version.
    pub versions: Vec<Version>,
    /// The methods that the server has, in the order of a Public header. Others are answered 501 here.
    pub methods: Vec<Method>,
    /// The option tags that it supports, for Supported: a Require with others is answered 551 here.
    pub features: Vec<String>,
    /// The Server header of all answers; none when empty.
    pub server: String,
    /// Who may prove to be whom. With none, credentials are not looked at.
    pub users: Option<Arc<Users>>,
    /// The ways to prove it, in the order in which they are offered.
    pub schemes: Vec<Scheme>,
    /// Whether the shell proves passwords and tokens that are shown, that is Basic and Bearer: those whose proof takes time (hashes
    /// made to be slow, questions to others). They come with the request, [`Incoming::offered`](super::Incoming::offered).
    pub shell_proves: bool,
    /// How long a Digest nonce is good for.
    pub nonce_lifetime: Duration,
    /// How many requests are handed out before one of them is answered. One by default: RFC 7826 §12 wants each
    /// request finished before the next is begun, and a PLAY that overtakes its SETUP would fail. The rest waits unread, in the
    /// shell's buffer and the socket's.
    pub pending_requests: usize,
    /// How many of our own requests may be unanswered.
    pub outstanding_requests: usize,
    /// How long the peer may take to answer one of our requests. RFC 7826 §10.4: 10 s and more.
    pub answer_timeout: Duration,
    /// How long a request may take before its peer is told by 100 (Continue) that it takes longer, and told again
    /// (RFC 7826 §10.4: 5 s).
    pub continue_after: Duration,
    /// The versions in which that is told. RFC 2326 has the code and no rule when to send it; GStreamer and FFmpeg take it for
    /// the final answer and give up, so by default it is not told in RTSP/1.0.
    pub continue_versions: Vec<Version>,
    /// How many messages that cannot be read are answered before the connection is closed. One in another version of RTSP is
    /// none of them: it is 505, as often as it comes.
    pub malformed_messages: u32,
    /// How many wrong passwords in a row are answered before the connection is closed.
    pub failed_authentications: u32,
    /// How long the first request may take to come.
    pub first_request_timeout: Duration,
    /// How long a message may take from its first byte to its last. RFC 7826 §10.5: 10 s or more.
    pub message_timeout: Duration,
    /// Where there are users, how long a connection may last that has proved none and has no session, whatever it asks.
    pub unauthenticated_timeout: Duration,
    /// How long a connection without sessions may be silent.
    pub idle_timeout: Duration,
    /// How long answers may take that are owed when no more is read.
    pub linger_timeout: Duration,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            body_retry_after: None,
            leniency: Leniency::default(),
            session_leniency: crate::leniency::Leniency::default(),
            versions: vec![Version::V1_0, Version::V2_0],
            methods: vec![
                Method::Options,
                Method::Describe,
                Method::Announce,
                Method::Setup,
                Method::Play,
                Method::Pause,
                Method::Record,
                Method::Teardown,
                Method::GetParameter,
                Method::SetParameter,
            ],
            features: vec!["play.basic".into()],
            server: concat!("Trackside/", env!("CARGO_PKG_VERSION")).into(),
            users: None,
            schemes: Scheme::ALL.to_vec(),
            shell_proves: false,
            nonce_lifetime: Duration::from_secs(3600),
            pending_requests: 1,
            outstanding_requests: 10,
            answer_timeout: Duration::from_secs(10),
            continue_after: Duration::from_secs(5),
            continue_versions: vec![Version::V2_0],
            malformed_messages: 10,
            failed_authentications: 10,
            first_request_timeout: Duration::from_secs(30),
            message_timeout: Duration::from_secs(20),
            unauthenticated_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            linger_timeout: Duration::from_secs(10),
        }
    }
}
