//! How long a server is left alone that cannot keep up (RFC 7826 §10.7).

use std::time::Duration;
use std::time::UNIX_EPOCH;

use rtsp_msg::Leniency;
use rtsp_msg::Response;
use rtsp_msg::StatusCode;
use rtsp_msg::headers::RetryAfter;

use crate::Now;
use crate::random::Random;

/// The mean of the first pause.
const FIRST: Duration = Duration::from_secs(5);

/// The mean of the longest pause.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// The pauses between attempts at an address that does not answer: 5 s at first, twice as long after each failure, up to half an
/// hour; each by chance between half and one and a half of that (RFC 7826 §10.7).
///
/// ```
/// use rtsp_session::{client::Silence, random::Random};
/// use std::time::Duration;
///
/// let mut random = Random::from_seed([1; 32]);
/// let mut silence = Silence::default();
/// let first = silence.failed(&mut random);
/// assert!(first >= Duration::from_millis(2_500) && first <= Duration::from_millis(7_500));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Silence {
    failures: u32,
}

impl Silence {
    /// No connection, or no response. How long to wait before the next attempt.
    pub fn failed(&mut self, random: &mut Random) -> Duration {
        let doubled = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let mean = FIRST.saturating_mul(doubled).min(LONGEST);
        let chance = f64::from(random.number()) / f64::from(u32::MAX);
        mean.mul_f64(0.5 + chance)
    }

    /// The address has answered.
    pub fn answered(&mut self) {
        self.failures = 0;
    }
}

/// How long an overloaded server or proxy wants to be left alone (RFC 7826 §17.5.4, §17.5.8). Without `Retry-After` 503 and 553
/// mean no more than 500.
pub(super) fn retry_after(response: &Response, now: Now) -> Option<Duration> {
    let overloaded = matches!(
        response.status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::PROXY_UNAVAILABLE
    );
    if !overloaded {
        return None;
    }
    let told = response
        .headers
        .typed_with::<RetryAfter>(&Leniency::permissive());
    match told.ok()?? {
        // What is more than a lifetime is not reckoned with, only waited for.
        RetryAfter::Seconds(seconds) => Some(Duration::from_secs(seconds.min(u64::from(u32::MAX)))),
        RetryAfter::At(time) => {
            let now = now.wall.duration_since(UNIX_EPOCH).ok()?;
            Some(time.to_unix()?.saturating_sub(now))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_ovl_04_r2_ovl_05_pauses_double_from_five_seconds_to_half_an_hour() {
        let mut random = Random::from_seed([3; 32]);
        let mut silence = Silence::default();
        let mut ratios = Vec::new();
        for mean in [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 1_800, 1_800, 1_800] {
            let ratio = silence.failed(&mut random).as_secs_f64() / f64::from(mean);
            assert!((0.5..=1.5).contains(&ratio), "{mean} s: {ratio}");
            ratios.push(ratio);
        }
        // Not the same each time, and on both sides of the mean.
        ratios.sort_by(f64::total_cmp);
        assert!(ratios.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ratios[0] < 0.9 && ratios[ratios.len() - 1] > 1.1);
        silence.answered();
        assert!(silence.failed(&mut random) <= Duration::from_millis(7_500));
        silence.failures = u32::MAX;
        assert!(silence.failed(&mut random) <= LONGEST * 3 / 2);
    }
}
