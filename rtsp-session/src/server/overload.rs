//! When there is too much to do: what a refused peer is told (RFC 7826 §10.7).

use crate::random::Random;
use std::time::{Duration, Instant};

/// The shortest and the longest time that a peer is asked to stay away, in seconds.
const LEAST: u32 = 2;
const MOST: u32 = 120;
/// Refusals count for so long.
const WINDOW: Duration = Duration::from_secs(10);

/// Counts refusals: the more there are, the longer peers are asked to stay away, each a little different, so that they do not
/// all come back at once.
///
/// ```
/// use rtsp_session::{random::Random, server::Overload};
/// use std::time::Instant;
/// let (mut overload, mut random) = (Overload::default(), Random::from_seed([1; 32]));
/// assert!((2..=6).contains(&overload.refuse(Instant::now(), &mut random)));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Overload {
    began: Option<Instant>,
    before: u32,
    now: u32,
}

impl Overload {
    /// One more peer is refused: for Retry-After, in seconds.
    pub fn refuse(&mut self, now: Instant, random: &mut Random) -> u32 {
        match self.began.map(|began| now.saturating_duration_since(began)) {
            Some(since) if since < WINDOW => {}
            Some(since) if since < WINDOW * 2 => self.turn(now, self.now),
            _ => self.turn(now, 0),
        }
        self.now = self.now.saturating_add(1);
        // One second more for each ten refusals of late, and up to twice as much by chance.
        let load = self.before.saturating_add(self.now) / 10;
        let base = load.saturating_add(LEAST).min(MOST / 2);
        base + random.number() % (base + 1)
    }

    fn turn(&mut self, now: Instant, before: u32) {
        self.began = Some(now);
        self.before = before;
        self.now = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn r2_ovl_01_02_retry_after_grows_with_load_and_varies() {
        let (mut overload, mut random) = (Overload::default(), Random::from_seed([3; 32]));
        let start = Instant::now();
        let mut round = |at: Instant, count: u32| {
            (0..count)
                .map(|_| overload.refuse(at, &mut random))
                .collect::<Vec<_>>()
        };
        let mean = |all: &[u32]| f64::from(all.iter().sum::<u32>()) / all.len() as f64;
        let calm = round(start, 20);
        assert!(calm.iter().collect::<HashSet<_>>().len() > 2, "{calm:?}");
        let busy = round(start + Duration::from_secs(1), 2000);
        assert!(mean(&busy) > 2.0 * mean(&calm));
        assert!(busy.iter().all(|seconds| (LEAST..=MOST).contains(seconds)));
        let later = round(start + Duration::from_secs(60), 20);
        assert!(mean(&later) < mean(&busy) / 2.0, "{later:?}");
    }
}
