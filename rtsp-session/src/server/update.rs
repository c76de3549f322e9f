//! When readers of live media are told how far these reach (RFC 7826 §13.5.2).

use crate::now::Now;
use std::time::{Duration, Instant};

/// So often they are told though nothing has changed, so that clocks that differ do no harm. RFC 7826 §13.5.2: about 5 minutes,
/// more than 1 minute and less than 2 hours.
const EVERY: Duration = Duration::from_secs(300);

/// The notifications of one session.
///
/// ```
/// use rtsp_session::{Now, server::MediaUpdates};
/// use std::time::Duration;
/// let start = Now::read();
/// let mut updates = MediaUpdates::new(start, 0);
/// assert!(!updates.due(start.after(Duration::from_secs(299)), 0));
/// assert!(updates.due(start.after(Duration::from_secs(300)), 0));
/// // What its estimates rest on has changed: at once.
/// assert!(updates.due(start.after(Duration::from_secs(301)), 1));
/// ```
#[derive(Debug, Clone)]
pub struct MediaUpdates {
    next: Instant,
    basis: u64,
}

impl MediaUpdates {
    /// Its peer has just been told. `basis` is a number that changes with each event that changes what its estimates of the range
    /// rest on: a source that stops or goes on, another retention.
    #[must_use]
    pub fn new(now: Now, basis: u64) -> Self {
        Self {
            next: now.monotonic + EVERY,
            basis,
        }
    }

    /// True once each time that its peer has to be told.
    pub fn due(&mut self, now: Now, basis: u64) -> bool {
        let due = basis != self.basis || self.next <= now.monotonic;
        if due {
            *self = Self::new(now, basis);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it is due within three hours, looked at twice a second as a shard does, in seconds.
    fn told(basis: impl Fn(u64) -> u64) -> Vec<u64> {
        let start = Now::read();
        let mut updates = MediaUpdates::new(start, basis(0));
        (0..3 * 3600 * 2)
            .filter(|half| {
                let now = start.after(Duration::from_millis(half * 500));
                updates.due(now, basis(half / 2))
            })
            .map(|half| half / 2)
            .collect()
    }

    #[test]
    fn r2_pn_16_about_every_five_minutes() {
        let told = told(|_| 0);
        assert_eq!(told.len(), 35, "three hours");
        for pair in told.windows(2) {
            assert_eq!(
                pair[1] - pair[0],
                300,
                "more than a minute, less than two hours"
            );
        }
    }

    #[test]
    fn r2_pn_15_at_once_when_the_basis_changes_and_five_minutes_after_that() {
        // The source stops after 100 s and goes on after 400.
        let told = told(|second| u64::from(second >= 100) + u64::from(second >= 400));
        assert_eq!(told[..4], [100, 400, 700, 1000]);
    }
}
