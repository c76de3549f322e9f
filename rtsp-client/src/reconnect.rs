//! When to connect again to a server that was lost.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rtsp_session::client::Silence;
use rtsp_session::random::Random;

use crate::End;
use crate::Error;
use crate::ErrorKind;
use crate::VersionPolicy;

/// That, and how, a presentation is taken up again when it is lost: see [`Options::reconnect`](crate::Options::reconnect).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconnectPolicy {
    /// The pause before the first attempt. Each further attempt waits twice as long as the one before, by chance a quarter more or
    /// less, so that many clients do not come back at once.
    pub first_wait: Duration,
    /// The longest pause. A connection that lasted longer than this ends a row of attempts: the next outage begins with
    /// [`first_wait`](Self::first_wait) again.
    pub longest_wait: Duration,
    /// A server that sends neither packets nor reports for so long is taken for dead.
    pub silence: Duration,
    /// After so many attempts in a row the presentation is over; `None`: never.
    pub max_attempts: Option<u32>,
}

impl Default for ReconnectPolicy {
    /// From half a second to 4 s, after 15 s of silence, for ever.
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(4),
            silence: Duration::from_secs(15),
            max_attempts: None,
        }
    }
}

/// The pauses between attempts, for those who make the attempts themselves.
///
/// ```
/// use rtsp_client::{BackOff, ReconnectPolicy};
/// use rtsp_session::random::Random;
///
/// let policy = ReconnectPolicy::default();
/// let mut back_off = BackOff::new(&policy, Random::from_seed([1; 32]));
/// assert!(back_off.next_wait() < back_off.next_wait());
/// assert_eq!(back_off.attempts(), 2);
/// ```
#[derive(Debug)]
pub struct BackOff {
    first: Duration,
    longest: Duration,
    attempts: u32,
    /// How often the server has not answered at all.
    silence: Silence,
    random: Random,
}

impl BackOff {
    /// Before the first attempt.
    #[must_use]
    pub fn new(policy: &ReconnectPolicy, random: Random) -> Self {
        Self {
            first: policy.first_wait,
            longest: policy.longest_wait,
            attempts: 0,
            silence: Silence::default(),
            random,
        }
    }

    /// How long to wait before the next attempt, which this counts: between three quarters and five quarters of a pause that
    /// doubles each time, up to the longest.
    pub fn next_wait(&mut self) -> Duration {
        let doubled = 2_u32.saturating_pow(self.attempts);
        let pause = self.first.saturating_mul(doubled).min(self.longest);
        self.attempts = self.attempts.saturating_add(1);
        let chance = f64::from(self.random.number()) / f64::from(u32::MAX);
        pause.mul_f64(0.75 + chance / 2.0)
    }

    /// The same after an attempt that failed with `error`: never less than an overloaded server asks for, and in RTSP/2.0, where a
    /// server does not answer at all, what RFC 7826 §10.7 wants, whatever the policy says: 5 s, doubling up to half an hour.
    pub fn wait_after(&mut self, error: &Error, version: VersionPolicy) -> Duration {
        let wait = self.next_wait();
        let asked = error.retry_after().unwrap_or_default();
        let silent = error.kind() == ErrorKind::Timeout && version != VersionPolicy::V1_0;
        let silence = match silent {
            true => self.silence.failed(&mut self.random),
            false => {
                self.silence.answered();
                Duration::ZERO
            }
        };
        wait.max(asked).max(silence)
    }

    /// How many attempts there were in a row.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// It worked: the next pause is the first again.
    pub fn restart(&mut self) {
        self.attempts = 0;
        self.silence.answered();
    }
}

/// Why a presentation was interrupted, or an attempt to take it up again failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Interruption {
    /// The server ended it.
    Ended(End),
    /// The connection broke, or could not be made.
    Lost(Arc<Error>),
    /// Nothing came for so long.
    Silent(Duration),
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(end) => end.fmt(f),
            Self::Lost(error) => error.fmt(f),
            Self::Silent(silence) => write!(f, "nothing came for {} s", silence.as_secs_f32()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rtsp_session::client::SessionError;

    use super::*;

    fn back_off(seed: u8) -> BackOff {
        let policy = ReconnectPolicy::default();
        BackOff::new(&policy, Random::from_seed([seed; 32]))
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut back_off = back_off(1);
        for expected in [500, 1_000, 2_000, 4_000, 4_000] {
            let wait = back_off.next_wait().as_millis();
            assert!(
                (expected * 3 / 4..=expected * 5 / 4).contains(&wait),
                "{wait} ms"
            );
        }
        back_off.restart();
        assert!(back_off.next_wait() <= Duration::from_millis(625));
        assert_eq!(back_off.attempts(), 1);
    }

    #[test]
    fn for_ever_means_for_ever() {
        let mut back_off = back_off(2);
        back_off.attempts = u32::MAX;
        assert!(back_off.next_wait() <= Duration::from_secs(10));
        assert_eq!(back_off.attempts(), u32::MAX);
    }

    #[test]
    fn not_all_come_back_at_once() {
        assert_ne!(back_off(1).next_wait(), back_off(2).next_wait());
    }

    #[test]
    fn r2_ovl_03_04_05_silent_and_overloaded_servers_are_left_alone_for_longer() {
        let error = |kind| Error::new(kind, "rtsp://cam", "x");
        let mut in_1_0 = back_off(3);
        let mut in_2_0 = back_off(3);
        for mean in [5.0, 10.0, 20.0, 40.0] {
            let timeout = error(ErrorKind::Timeout);
            let wait = in_2_0
                .wait_after(&timeout, VersionPolicy::V2_0)
                .as_secs_f64();
            assert!(wait >= mean * 0.5 && wait <= mean * 1.5, "{mean}: {wait}");
            let wait = in_1_0.wait_after(&timeout, VersionPolicy::V1_0);
            assert!(wait <= Duration::from_secs(5));
        }
        let closed = error(ErrorKind::Closed);
        let wait = in_2_0.wait_after(&closed, VersionPolicy::V2_0);
        assert!(wait <= Duration::from_secs(5), "it has answered");
        let overloaded = Error::session(
            "rtsp://cam",
            SessionError::Refused {
                method: rtsp_msg::Method::Describe,
                status: rtsp_msg::StatusCode::SERVICE_UNAVAILABLE,
                reason: String::new(),
                explanation: None,
                retry_after: Some(Duration::from_secs(90)),
            },
        );
        for version in [VersionPolicy::V1_0, VersionPolicy::V2_0] {
            let wait = in_2_0.wait_after(&overloaded, version);
            assert_eq!(wait, Duration::from_secs(90));
        }
    }
}
