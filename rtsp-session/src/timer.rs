//! Deadlines of one machine: a small fixed set, each either running or not.

use std::marker::PhantomData;
use std::time::Instant;

/// `N` timers, named by the variants of a fieldless enum `K` whose values are `0..N`.
///
/// ```
/// use rtsp_session::timer::Timers;
/// use std::time::{Duration, Instant};
///
/// #[derive(Clone, Copy)]
/// enum Timer { Idle, Answer }
/// impl From<Timer> for usize {
///     fn from(timer: Timer) -> usize { timer as usize }
/// }
///
/// let start = Instant::now();
/// let mut timers = Timers::<Timer, 2>::new();
/// timers.set(Timer::Idle, start + Duration::from_secs(5));
/// timers.set(Timer::Answer, start + Duration::from_secs(2));
/// assert_eq!(timers.next(), Some(start + Duration::from_secs(2)));
/// assert!(timers.expire(Timer::Answer, start + Duration::from_secs(2)));
/// assert!(!timers.expire(Timer::Idle, start + Duration::from_secs(2)));
/// ```
#[derive(Debug, Clone)]
pub struct Timers<K, const N: usize> {
    at: [Option<Instant>; N],
    names: PhantomData<fn(K)>,
}

impl<K: Into<usize>, const N: usize> Timers<K, N> {
    /// All timers stopped.
    #[must_use]
    pub fn new() -> Self {
        Self {
            at: [None; N],
            names: PhantomData,
        }
    }

    /// Starts a timer, or moves it.
    pub fn set(&mut self, timer: K, at: Instant) {
        if let Some(slot) = self.at.get_mut(timer.into()) {
            *slot = Some(at);
        }
    }

    /// Stops a timer.
    pub fn stop(&mut self, timer: K) {
        if let Some(slot) = self.at.get_mut(timer.into()) {
            *slot = None;
        }
    }

    /// When a timer will fire, if it runs.
    #[must_use]
    pub fn at(&self, timer: K) -> Option<Instant> {
        self.at.get(timer.into()).copied().flatten()
    }

    /// The earliest of all deadlines.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.at.iter().flatten().min().copied()
    }

    /// True once when the timer is due: it is stopped by being asked.
    pub fn expire(&mut self, timer: K, now: Instant) -> bool {
        let Some(slot) = self.at.get_mut(timer.into()) else {
            return false;
        };
        let due = slot.is_some_and(|at| at <= now);
        if due {
            *slot = None;
        }
        due
    }
}

impl<K: Into<usize>, const N: usize> Default for Timers<K, N> {
    fn default() -> Self {
        Self::new()
    }
}
