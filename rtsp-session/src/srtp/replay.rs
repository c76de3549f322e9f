//! Which indexes were here before.

use super::OpenError;

/// Indexes that are remembered below the newest: RFC 3711 §3.3.2 asks for 64 at least; bursts out of order reach further.
const SIZE: u64 = 128;

/// The newest index, and which of those before it were here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    newest: u64,
    /// The lowest bit is the newest one.
    seen: u128,
}

impl Window {
    /// A window that has seen one index.
    pub(super) fn new(index: u64) -> Self {
        Self {
            newest: index,
            seen: 1,
        }
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether the index may be taken.
    pub(super) fn check(&self, index: u64) -> Result<(), OpenError> {
        let Some(behind) = self.newest.checked_sub(index) else {
            return Ok(());
        };
        if behind >= SIZE {
            return Err(OpenError::Old);
        }
        if self.seen >> behind & 1 == 1 {
            return Err(OpenError::Replayed);
        }
        Ok(())
    }

    /// The index was here.
    pub(super) fn insert(&mut self, index: u64) {
        match self.newest.checked_sub(index) {
            Some(behind) if behind < SIZE => self.seen |= 1 << behind,
            Some(_) => {}
            None => {
                let ahead = index - self.newest;
                self.seen = if ahead < SIZE {
                    self.seen << ahead | 1
                } else {
                    1
                };
                self.newest = index;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::random::Random;

    #[test]
    fn a_window_agrees_with_a_set() {
        let mut random = Random::from_seed([3; 32]);
        let mut seen = HashSet::from([1000]);
        let mut window = Window::new(1000);
        let mut newest = 1000_u64;
        for _ in 0..50_000 {
            let jump = u64::from(random.number() % 400);
            let index = (newest + jump).saturating_sub(300);
            let expected = if newest.saturating_sub(index) >= SIZE {
                Err(OpenError::Old)
            } else if seen.contains(&index) {
                Err(OpenError::Replayed)
            } else {
                Ok(())
            };
            assert_eq!(window.check(index), expected, "{index} after {newest}");
            if expected.is_ok() {
                window.insert(index);
                seen.insert(index);
                newest = newest.max(index);
            }
        }
    }
}
