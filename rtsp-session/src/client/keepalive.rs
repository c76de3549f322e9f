//! When and how a session is kept alive.

use std::time::Duration;
use std::time::Instant;

use rtsp_msg::Method;
use rtsp_msg::StatusCode;

/// The timeout that holds when the server names none (RFC 7826 §18.49, RFC 2326 §12.37).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Not more often than this, whatever the server asks for.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Decides when the next keep-alive is due and which method it uses.
///
/// The interval is half the session's timeout, so that one may be lost. Answers are not waited for: some servers never
/// give any.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    interval: Duration,
    due: Option<Instant>,
    get_parameter: bool,
}

impl KeepAlive {
    /// For a server with these methods. It is idle until [`start`](Self::start).
    ///
    /// GET_PARAMETER where the server offers it (VLC's server takes nothing else for a sign of life), else OPTIONS.
    #[must_use]
    pub fn new(public: &[Method]) -> Self {
        Self {
            interval: DEFAULT_TIMEOUT / 2,
            due: None,
            get_parameter: public.contains(&Method::GetParameter),
        }
    }

    /// Takes the timeout of a `Session` header; zero is what some cameras say for "none".
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        let timeout = timeout.filter(|t| !t.is_zero()).unwrap_or(DEFAULT_TIMEOUT);
        self.interval = (timeout / 2).max(MIN_INTERVAL);
    }

    /// The session exists from now on.
    pub fn start(&mut self, now: Instant) {
        self.due = Some(now + self.interval);
    }

    /// The session is over.
    pub fn stop(&mut self) {
        self.due = None;
    }

    /// When the next one is due.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The method to use, if one is due now.
    pub fn poll(&mut self, now: Instant) -> Option<Method> {
        self.due.filter(|due| *due <= now)?;
        self.due = Some(now + self.interval);
        Some(if self.get_parameter {
            Method::GetParameter
        } else {
            Method::Options
        })
    }

    /// Looks at the answer to one. Whether it says that the session is no more.
    pub fn answered(&mut self, method: &Method, status: StatusCode) -> bool {
        if status == StatusCode::SESSION_NOT_FOUND {
            return true;
        }
        // 405 and 501 mean it; 551 and 400 are what some cameras say instead.
        if *method == Method::GetParameter && !status.is_success() {
            self.get_parameter = false;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_timeout_and_never_more_than_once_a_second() {
        let start = Instant::now();
        for (timeout, interval) in [
            (None, 30_000),
            (Some(0), 30_000),
            (Some(10), 5_000),
            (Some(1), 1_000),
        ] {
            let mut keepalive = KeepAlive::new(&[]);
            assert_eq!(keepalive.due(), None);
            keepalive.set_timeout(timeout.map(Duration::from_secs));
            keepalive.start(start);
            let due = start + Duration::from_millis(interval);
            assert_eq!(keepalive.due(), Some(due));
            assert_eq!(keepalive.poll(due - Duration::from_millis(1)), None);
            assert_eq!(keepalive.poll(due), Some(Method::Options));
            assert_eq!(keepalive.due(), Some(due + Duration::from_millis(interval)));
        }
    }

    #[test]
    fn the_method_is_the_one_that_works() {
        let now = Instant::now();
        let mut keepalive = KeepAlive::new(&[Method::Options, Method::GetParameter]);
        keepalive.start(now);
        let mut later = now;
        let mut next = |keepalive: &mut KeepAlive| {
            later += Duration::from_secs(30);
            keepalive.poll(later).unwrap()
        };
        assert_eq!(next(&mut keepalive), Method::GetParameter);
        assert!(!keepalive.answered(&Method::GetParameter, StatusCode::OK));
        assert_eq!(next(&mut keepalive), Method::GetParameter);
        assert!(!keepalive.answered(&Method::GetParameter, StatusCode::NOT_IMPLEMENTED));
        assert_eq!(next(&mut keepalive), Method::Options);
        assert!(keepalive.answered(&Method::Options, StatusCode::SESSION_NOT_FOUND));
    }
}
