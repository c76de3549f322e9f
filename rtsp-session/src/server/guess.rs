//! Who names sessions that are not there (RFC 7826 §21.1, "Session Hijacking").

use std::time::{Duration, Instant};

/// So many cost nothing: sessions that timed out, or that a server forgot when it was started anew.
const FREE: u32 = 16;
/// Each one more holds the answer back for so much longer,
const STEP: Duration = Duration::from_millis(50);
/// up to this.
const MOST: u32 = 20;
/// Counting begins anew after so long without one.
const FORGIVEN: Duration = Duration::from_secs(60);

/// Counts the requests of one peer for sessions that do not exist, or that are not its own.
///
/// Ids have 130 random bits, so nobody finds one by guessing; whoever tries is slowed down, and shows in the log.
///
/// ```
/// use rtsp_session::server::Guesses;
/// use std::time::Instant;
/// let (mut guesses, now) = (Guesses::default(), Instant::now());
/// assert!(guesses.one_more(now).pause.is_zero());
/// let later = (0..30).map(|_| guesses.one_more(now)).last().unwrap();
/// assert!(!later.pause.is_zero() && later.count == 31);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Guesses {
    count: u32,
    last: Option<Instant>,
}

/// One such request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guess {
    /// How many there were, with this one.
    pub count: u32,
    /// How long its answer is to be held back.
    pub pause: Duration,
    /// It is worth a line in the log: the first that is too many, and each time that there are twice as many.
    pub is_news: bool,
}

impl Guesses {
    /// One more.
    pub fn one_more(&mut self, now: Instant) -> Guess {
        let forgiven = self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) > FORGIVEN);
        self.count = if forgiven { 0 } else { self.count }.saturating_add(1);
        self.last = Some(now);
        let beyond = self.count.saturating_sub(FREE);
        Guess {
            count: self.count,
            pause: STEP * beyond.min(MOST),
            is_news: beyond == 1 || (beyond > 1 && self.count.is_power_of_two()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_sec_06_guessing_is_slowed_and_shown() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let all: Vec<Guess> = (0..1000).map(|_| guesses.one_more(now)).collect();
        assert!(
            all.iter()
                .take(16)
                .all(|guess| guess.pause.is_zero() && !guess.is_news)
        );
        assert!(all.iter().skip(16).all(|guess| !guess.pause.is_zero()));
        assert!(
            all.iter()
                .all(|guess| guess.pause <= Duration::from_secs(1))
        );
        let told: Vec<u32> = all
            .iter()
            .filter(|one| one.is_news)
            .map(|one| one.count)
            .collect();
        assert_eq!(
            told,
            [17, 32, 64, 128, 256, 512],
            "few lines, however many guesses"
        );
        let spent: Duration = all.iter().map(|guess| guess.pause).sum();
        assert!(
            spent > Duration::from_secs(900),
            "1000 guesses take {spent:?}"
        );
        // A mistake now and then is none.
        let mut at = now;
        for _ in 0..100 {
            at += Duration::from_secs(61);
            assert_eq!(guesses.one_more(at).count, 1);
        }
    }
}
