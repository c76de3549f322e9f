//! Media time: timestamps beyond 32 bits, and conversion between clock rates.

use core::time::Duration;

/// Extends 32-bit timestamps to 64 bits, relative to the first one of the stream.
///
/// Each is taken as the nearest to the previous one, so B-frames and small steps back come out as such.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimestampExtender {
    last: Option<i64>,
}

impl TimestampExtender {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// The extended value of `timestamp`. The first one keeps its value, 0 to 2^32−1; later ones may be
    /// larger, or negative if they lie before it.
    pub fn extend(&mut self, timestamp: u32) -> i64 {
        let extended = match self.last {
            None => i64::from(timestamp),
            Some(last) => {
                let low = (last & 0xffff_ffff) as u32;
                last.saturating_add(i64::from(distance(low, timestamp)))
            }
        };
        self.last = Some(extended);
        extended
    }

    /// The last extended value.
    #[must_use]
    pub const fn last(&self) -> Option<i64> {
        self.last
    }
}

/// How far `to` lies after `from`, over the wrap.
#[must_use]
pub fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// `ticks` of a clock of `rate` Hz as time; zero for a rate of 0.
#[must_use]
pub fn to_duration(ticks: u64, rate: u32) -> Duration {
    let rate = u64::from(rate);
    if rate == 0 {
        return Duration::ZERO;
    }
    // The remainder is below 2^32, so times 10^9 stays below 2^62.
    let nanos = ticks % rate * 1_000_000_000 / rate;
    Duration::new(ticks / rate, u32::try_from(nanos).unwrap_or(0))
}

/// `time` in ticks of a clock of `rate` Hz, rounded down, saturating.
#[must_use]
pub fn from_duration(time: Duration, rate: u32) -> u64 {
    let whole = time.as_secs().saturating_mul(u64::from(rate));
    whole.saturating_add(u64::from(time.subsec_nanos()) * u64::from(rate) / 1_000_000_000)
}

/// `ticks` of a clock of `from` Hz in ticks of a clock of `to` Hz, rounded down, saturating; zero if `from` is 0.
#[must_use]
pub fn rescale(ticks: i64, from: u32, to: u32) -> i64 {
    if from == 0 {
        return 0;
    }
    let scaled = (i128::from(ticks) * i128::from(to)).div_euclid(i128::from(from));
    i64::try_from(scaled).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_wraps_both_ways() {
        let mut extender = TimestampExtender::new();
        assert_eq!(extender.extend(0xffff_fff0), 0xffff_fff0);
        assert_eq!(extender.extend(0x10), 0x1_0000_0010);
        assert_eq!(extender.extend(0xffff_ffff), 0xffff_ffff);
        let mut extender = TimestampExtender::new();
        assert_eq!(extender.extend(5), 5);
        assert_eq!(extender.extend(0xffff_ffff), -1);
        assert_eq!(extender.extend(6), 6);
    }

    #[test]
    fn conversion_is_exact_where_it_can_be() {
        assert_eq!(to_duration(45_000, 90_000), Duration::from_millis(500));
        assert_eq!(to_duration(u64::MAX, 0), Duration::ZERO);
        assert_eq!(from_duration(Duration::from_millis(500), 90_000), 45_000);
        assert_eq!(from_duration(Duration::MAX, u32::MAX), u64::MAX);
        assert_eq!(rescale(1024, 48_000, 90_000), 1920);
        assert_eq!(rescale(-1, 90_000, 1), -1);
        assert_eq!(rescale(i64::MAX, 1, u32::MAX), i64::MAX);
        assert_eq!(rescale(1, 0, 1), 0);
    }
}
