//! How far a connection is, and what it waits for.

use super::CloseReason;

#[derive(Debug, Clone, Copy)]
pub(super) enum Timer {
    FirstRequest,
    Message,
    Idle,
    Linger,
    Answer,
    Continue,
    Unauthenticated,
}

impl From<Timer> for usize {
    fn from(timer: Timer) -> Self {
        timer as Self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Reading.
    Open,
    /// Not reading any more; what was asked is still answered.
    Draining(CloseReason),
    /// All is answered.
    Closing(CloseReason),
    Closed,
}
