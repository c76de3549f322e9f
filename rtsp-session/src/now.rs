//! The present moment, as an argument.

use std::time::{Duration, Instant, SystemTime};

/// What time it is: on the clock that never jumps and on the one that calendars use.
///
/// Nothing in this crate reads a clock. The shell takes one `Now` per wake-up and hands it to every call, so tests can say
/// what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Two clocks, complete by nature.
pub struct Now {
    /// For deadlines and intervals.
    pub monotonic: Instant,
    /// For `Date` headers and NTP timestamps.
    pub wall: SystemTime,
}

impl Now {
    /// Reads both clocks of the system. Only shells call it.
    #[must_use]
    pub fn read() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// The moment `duration` after this one, on both clocks.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self {
            monotonic: self.monotonic + duration,
            wall: self.wall + duration,
        }
    }
}
