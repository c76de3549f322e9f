//! How far live media reach: they grow with time while their source sends, and rest while it does not.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The progress of one live stream. Looked at once a request, not per packet.
#[derive(Debug)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug)]
struct State {
    /// How far media reached when they last began to grow, or to rest.
    reached: Duration,
    /// Since when they have grown; `None` while they rest.
    since: Option<Instant>,
    changes: u64,
}

/// What there is to know of it at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// How far media reach.
    pub(crate) elapsed: Duration,
    /// Whether they grow with time.
    pub(crate) grows: bool,
    /// How often that changed: estimates made before are wrong when it is another number (RFC 7826 §13.5.2).
    pub(crate) basis: u64,
}

impl Progress {
    /// Of media that begin to grow.
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(State {
            reached: Duration::ZERO,
            since: Some(now),
            changes: 0,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reach(&self, now: Instant) -> Reach {
        let state = self.state();
        Reach {
            elapsed: state.elapsed(now),
            grows: state.since.is_some(),
            basis: state.changes,
        }
    }

    /// The source sends no more, for now.
    pub(crate) fn halt(&self, now: Instant) {
        let mut state = self.state();
        if state.since.is_some() {
            state.reached = state.elapsed(now);
            state.since = None;
            state.changes += 1;
        }
    }

    /// The source sends again.
    pub(crate) fn go_on(&self, now: Instant) {
        let mut state = self.state();
        if state.since.is_none() {
            state.since = Some(now);
            state.changes += 1;
        }
    }
}

impl State {
    fn elapsed(&self, now: Instant) -> Duration {
        let more = self
            .since
            .map(|since| now.saturating_duration_since(since))
            .unwrap_or_default();
        self.reached + more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_grow_while_their_source_sends() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let progress = Progress::new(start);
        let reach = |seconds| {
            let Reach {
                elapsed,
                grows,
                basis,
            } = progress.reach(at(seconds));
            (elapsed.as_secs(), grows, basis)
        };
        assert_eq!(reach(10), (10, true, 0));
        progress.go_on(at(11)); // it does
        assert_eq!(reach(12), (12, true, 0));
        progress.halt(at(20));
        progress.halt(at(25));
        assert_eq!(reach(100), (20, false, 1));
        progress.go_on(at(100));
        assert_eq!(reach(105), (25, true, 2));
    }
}
