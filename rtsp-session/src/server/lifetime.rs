//! How long a session lives: its signs of life, how long it may do nothing, and when it goes on elsewhere.

use crate::now::Now;
use rtsp_msg::Version;
use std::time::{Duration, Instant, SystemTime};

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Configuration: fields are public, new ones are a breaking change on purpose.
pub struct SessionConfig {
    /// What the Session header announces. RFC 7826 §18.49: 60 s unless told otherwise, less than 30 s is not recommended.
    pub timeout: Duration,
    /// How much longer the session really lives: signs of life may be late by a round trip.
    pub grace: Duration,
    /// For how many times the timeout an RTSP/2.0 session may do nothing but show that it lives; 0 is for ever. RFC 7826 §13.7.2
    /// recommends 10 at least. Sessions of RTSP/1.0, which could not be told, may for ever.
    pub inactive: u32,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            grace: Duration::from_secs(5),
            inactive: 10,
        }
    }
}

/// Why the time of a session is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The three ways that RFC 7826 §B.4 and §13.7.2 have.
pub enum Lapse {
    /// No sign of life within the timeout (RFC 7826 §18.49).
    Silent,
    /// Signs of life, and nothing else, for too long (RFC 7826 §13.7.2).
    Inactive,
    /// The time that a REDIRECT named has come (RFC 7826 §13.10).
    Redirected,
}

/// The clocks of one session.
#[derive(Debug)]
pub(super) struct Lifetime {
    config: SessionConfig,
    /// The last sign of life.
    alive: Instant,
    /// Since when no media flow; `None` while they do.
    resting: Option<Instant>,
    redirect: Option<Instant>,
}

impl Lifetime {
    pub(super) const fn new(now: Now, config: SessionConfig) -> Self {
        Self {
            config,
            alive: now.monotonic,
            resting: Some(now.monotonic),
            redirect: None,
        }
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.config.timeout
    }

    pub(super) fn touch(&mut self, now: Now) {
        self.alive = self.alive.max(now.monotonic);
    }

    pub(super) const fn flow(&mut self) {
        self.resting = None;
    }

    pub(super) const fn rest(&mut self, now: Now) {
        self.resting = Some(now.monotonic);
    }

    /// It goes on elsewhere from `at` on. A second time takes the place of the first.
    pub(super) fn redirect(&mut self, now: Now, at: SystemTime) {
        // A time that has passed is now.
        let left = at.duration_since(now.wall).unwrap_or_default();
        self.redirect = now.monotonic.checked_add(left);
    }

    pub(super) const fn is_redirected(&self) -> bool {
        self.redirect.is_some()
    }

    /// When its time is up, and why, should nothing happen until then.
    pub(super) fn end(&self, version: Version) -> (Instant, Lapse) {
        let silent = self.alive + self.config.timeout + self.config.grace;
        let inactive = self
            .resting
            .filter(|_| version == Version::V2_0 && self.config.inactive > 0)
            .and_then(|since| {
                since.checked_add(self.config.timeout.checked_mul(self.config.inactive)?)
            });
        [
            Some((silent, Lapse::Silent)),
            self.redirect.map(|at| (at, Lapse::Redirected)),
            inactive.map(|at| (at, Lapse::Inactive)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
        .unwrap_or((silent, Lapse::Silent))
    }
}
