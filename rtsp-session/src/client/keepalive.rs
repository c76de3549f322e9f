//! When and how a session is kept alive.

use std::time::Duration;
use std::time::Instant;

use rtsp_msg::Method;
use rtsp_msg::StatusCode;
use rtsp_msg::Version;

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
    /// What may be used, the best first. OPTIONS stands at the end and stays.
    methods: Vec<Method>,
    /// RTCP is a sign of life too.
    by_rtcp: bool,
}

impl KeepAlive {
    /// For a server with these methods. It is idle until [`start`](Self::start).
    ///
    /// RTSP/2.0: RTCP where it flows, else SET_PARAMETER, GET_PARAMETER, OPTIONS (RFC 7826 §10.5), the first that the server
    /// names. RTSP/1.0: GET_PARAMETER where the server names it (VLC's server takes nothing else for a sign of life), else OPTIONS;
    /// RTCP counts for nothing, many servers of 1.0 do not look at it.
    #[must_use]
    pub fn new(version: Version, public: &[Method]) -> Self {
        let best: &[Method] = match version {
            Version::V1_0 => &[Method::GetParameter],
            Version::V2_0 => &[Method::SetParameter, Method::GetParameter],
        };
        let named = best.iter().filter(|method| public.contains(method));
        Self {
            interval: DEFAULT_TIMEOUT / 2,
            due: None,
            methods: named.cloned().chain([Method::Options]).collect(),
            by_rtcp: version == Version::V2_0,
        }
    }

    /// A report about the session's media has been sent to the server.
    pub fn on_report(&mut self, now: Instant) {
        if self.by_rtcp && self.due.is_some() {
            self.due = Some(now + self.interval);
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
        Some(self.method())
    }

    /// The method that is used now.
    #[must_use]
    pub fn method(&self) -> Method {
        self.methods.first().cloned().unwrap_or(Method::Options)
    }

    /// Looks at the answer to one. Whether it says that the session is no more.
    pub fn answered(&mut self, method: &Method, status: StatusCode) -> bool {
        if status == StatusCode::SESSION_NOT_FOUND {
            return true;
        }
        // 405 and 501 mean it; 551 and 400 are what some cameras say instead.
        if !status.is_success() && *method != Method::Options {
            self.methods.retain(|known| known != method);
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
            let mut keepalive = KeepAlive::new(Version::V1_0, &[]);
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
        let mut keepalive = KeepAlive::new(Version::V1_0, &[Method::Options, Method::GetParameter]);
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

    #[test]
    fn r2_live_08_the_order_of_preference() {
        let start = Instant::now();
        let all = [Method::Options, Method::GetParameter, Method::SetParameter];
        for (public, expected) in [
            (&all[..], Method::SetParameter),
            (&all[..2], Method::GetParameter),
            (&all[..1], Method::Options),
            (&[], Method::Options),
        ] {
            let mut keepalive = KeepAlive::new(Version::V2_0, public);
            keepalive.start(start);
            assert_eq!(
                keepalive.poll(start + Duration::from_secs(30)),
                Some(expected)
            );
        }
        // What is refused is not tried again.
        let mut keepalive = KeepAlive::new(Version::V2_0, &all);
        keepalive.start(start);
        for (round, expected) in (1..).zip([
            Method::SetParameter,
            Method::GetParameter,
            Method::Options,
            Method::Options,
        ]) {
            let now = start + Duration::from_secs(30) * round;
            assert_eq!(keepalive.poll(now), Some(expected.clone()));
            keepalive.answered(&expected, StatusCode::METHOD_NOT_ALLOWED);
        }
    }

    #[test]
    fn r2_live_08_reports_keep_alive_in_2_0_and_nothing_else_then() {
        for (version, silent) in [(Version::V2_0, true), (Version::V1_0, false)] {
            let mut now = Instant::now();
            let mut keepalive = KeepAlive::new(version, &[]);
            keepalive.on_report(now);
            assert_eq!(keepalive.due(), None, "there is no session yet");
            keepalive.start(now);
            let mut sent = 0;
            for _ in 0..60 {
                now += Duration::from_secs(5);
                keepalive.on_report(now);
                sent += usize::from(keepalive.poll(now).is_some());
            }
            assert_eq!(sent == 0, silent, "{version}");
            // When they stop, requests take over.
            assert!(keepalive.poll(now + Duration::from_secs(30)).is_some());
        }
    }
}
