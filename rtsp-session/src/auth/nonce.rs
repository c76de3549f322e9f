//! The server's nonces: made for one connection, short-lived, each use counted.

use crate::random::Random;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many nonces a connection keeps. More than one, so that a request that was under way while a new one was made still counts.
const KEPT: usize = 4;

/// The verdict on a nonce that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Use {
    /// Ours, alive, and this use of it is new.
    Fresh,
    /// Unknown to this connection, too old, or a count that was used before: ask again with `stale=true` (RFC 7616 §3.3).
    Stale,
}

/// The nonces of one connection.
///
/// A nonce that was overheard is of no use on another connection, and its memory is bounded whatever a peer sends.
#[derive(Debug)]
pub struct Nonces {
    lifetime: Duration,
    kept: VecDeque<Nonce>,
}

#[derive(Debug)]
struct Nonce {
    text: String,
    made: Instant,
    highest: u32,
    /// Bit n: count `highest - n` was seen. Pipelined requests may be counted before they are ordered.
    seen: u64,
}

impl Nonces {
    /// No nonce yet; each will live for `lifetime`.
    #[must_use]
    pub fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            kept: VecDeque::new(),
        }
    }

    /// The nonce to put into a challenge now: a new one, unless the newest was never used and is in the first half of its life.
    pub fn issue(&mut self, now: Instant, random: &mut Random) -> &str {
        let reusable = self.kept.back().is_some_and(|nonce| {
            nonce.highest == 0 && now.saturating_duration_since(nonce.made) < self.lifetime / 2
        });
        if !reusable {
            if self.kept.len() >= KEPT {
                self.kept.pop_front();
            }
            // 32 characters: 190 bits.
            self.kept.push_back(Nonce {
                text: random.letters(32),
                made: now,
                highest: 0,
                seen: 0,
            });
        }
        self.kept.back().map_or("", |nonce| &nonce.text)
    }

    /// Is the nonce one of ours that still lives? Looks only.
    #[must_use]
    pub fn alive(&self, now: Instant, text: &str) -> bool {
        self.find(now, text).is_some()
    }

    /// Counts one use. `count` is the `nc` parameter, `None` for the old form without `qop`, which cannot be counted.
    ///
    /// Only call it with a response that proved the password: else a stranger could use up somebody's counts.
    pub fn spend(&mut self, now: Instant, text: &str, count: Option<u32>) -> Use {
        let Some(index) = self.find(now, text) else {
            return Use::Stale;
        };
        let Some(nonce) = self.kept.get_mut(index) else {
            return Use::Stale;
        };
        match count {
            None => Use::Fresh,
            Some(count) => nonce.spend(count),
        }
    }

    fn find(&self, now: Instant, text: &str) -> Option<usize> {
        self.kept.iter().position(|nonce| {
            nonce.text == text && now.saturating_duration_since(nonce.made) < self.lifetime
        })
    }
}

impl Nonce {
    fn spend(&mut self, count: u32) -> Use {
        if count == 0 {
            return Use::Stale;
        }
        if let Some(ahead) = count.checked_sub(self.highest).filter(|&ahead| ahead > 0) {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return Use::Fresh;
        }
        let bit = 1_u64
            .checked_shl(self.highest.saturating_sub(count))
            .unwrap_or(0);
        if bit == 0 || self.seen & bit != 0 {
            return Use::Stale;
        }
        self.seen |= bit;
        Use::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn nonces() -> (Nonces, Random, Instant) {
        (
            Nonces::new(HOUR),
            Random::from_seed([3; 32]),
            Instant::now(),
        )
    }

    #[test]
    fn counts_are_used_once() {
        let (mut nonces, mut random, now) = nonces();
        let nonce = nonces.issue(now, &mut random).to_owned();
        for (count, verdict) in [
            (1, Use::Fresh),
            (1, Use::Stale),
            (2, Use::Fresh),
            (5, Use::Fresh),
            (4, Use::Fresh),
            (4, Use::Stale),
            (3, Use::Fresh),
            (2, Use::Stale),
            (0, Use::Stale),
            (100, Use::Fresh),
            (36, Use::Stale), // out of the window
            (37, Use::Fresh),
            (u32::MAX, Use::Fresh),
            (101, Use::Stale),
            (u32::MAX, Use::Stale),
        ] {
            assert_eq!(
                nonces.spend(now, &nonce, Some(count)),
                verdict,
                "count {count}"
            );
        }
        assert_eq!(
            nonces.spend(now, &nonce, None),
            Use::Fresh,
            "the old form is not counted"
        );
    }

    #[test]
    fn old_and_foreign_nonces_are_stale() {
        let (mut nonces, mut random, now) = nonces();
        let nonce = nonces.issue(now, &mut random).to_owned();
        assert_eq!(nonces.spend(now, "somebody else's", Some(1)), Use::Stale);
        assert_eq!(nonces.spend(now + HOUR, &nonce, Some(1)), Use::Stale);
        assert!(nonces.alive(now + HOUR - Duration::from_secs(1), &nonce));
    }

    #[test]
    fn memory_is_bounded_and_unused_nonces_serve_again() {
        let (mut nonces, mut random, now) = nonces();
        let first = nonces.issue(now, &mut random).to_owned();
        assert_eq!(nonces.issue(now, &mut random), first);
        let later = nonces.issue(now + HOUR / 2, &mut random).to_owned();
        assert_ne!(later, first);
        for turn in 1..100 {
            let nonce = nonces.issue(now + HOUR * turn, &mut random).to_owned();
            nonces.spend(now + HOUR * turn, &nonce, Some(1));
        }
        assert_eq!(nonces.kept.len(), KEPT);
    }
}
