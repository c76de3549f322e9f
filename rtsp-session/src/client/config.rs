//! What a connection is told at its start.

use std::time::Duration;

use rtsp_msg::Leniency;
use rtsp_msg::Limits;

use super::Courtesy;
use crate::auth::Credentials;

/// How a response finds its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CseqPolicy {
    /// By its `CSeq` alone; a response without a known one is dropped (RFC 7826 §18.20).
    Strict,
    /// As `Strict`, and a response without `CSeq`, or with one that was never sent, answers the oldest open request.
    ///
    /// Some cameras leave it out, and Tapo repeats the previous one in an error.
    #[default]
    Lenient,
}

/// What a connection is told at its start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionConfig {
    /// The `User-Agent` of each request; some cameras refuse requests without.
    pub user_agent: String,
    /// Who we are, if the server asks.
    pub credentials: Option<Credentials>,
    /// Whether nobody on the way can read what is said (`rtsps`).
    pub encrypted: bool,
    /// How long a response may take.
    pub response_timeout: Duration,
    /// How responses find their requests.
    pub cseq: CseqPolicy,
    /// Bounds on what the server sends.
    pub limits: Limits,
    /// Deviations from the grammar that are let pass.
    pub leniency: Leniency,
    /// What requests say about the user.
    pub courtesy: Courtesy,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            user_agent: concat!("Trackside/", env!("CARGO_PKG_VERSION")).to_owned(),
            credentials: None,
            encrypted: false,
            response_timeout: Duration::from_secs(10),
            cseq: CseqPolicy::default(),
            limits: Limits::default(),
            leniency: Leniency::permissive(),
            courtesy: Courtesy::default(),
        }
    }
}
