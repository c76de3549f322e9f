use core::fmt;
use core::ops::Add;
use core::ops::Sub;
use core::time::Duration;

/// Seconds from the start of 1900 to that of 1970.
const UNIX_EPOCH: u64 = 2_208_988_800;

/// An NTP timestamp: seconds since 1900 in the upper 32 bits, their fraction in the lower (RFC 3550 §4).
///
/// The seconds roll over in 2036. As RFC 4330 §3 has it, a value whose first bit is clear counts from then.
/// Arithmetic wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// What a sender without a notion of wall-clock time writes (RFC 3550 §6.4.1).
    pub const UNKNOWN: Self = Self(0);

    /// From a time since the start of 1970 (`SystemTime::duration_since(UNIX_EPOCH)`).
    #[must_use]
    pub fn from_unix(since_1970: Duration) -> Self {
        Self(UNIX_EPOCH << 32) + since_1970
    }

    /// The time since the start of 1970. Times before that, which only broken clocks have, give zero.
    #[must_use]
    pub fn to_unix(self) -> Duration {
        let seconds = self.0 >> 32;
        let era = if seconds < 1 << 31 { 1 << 32 } else { 0 };
        match (seconds | era).checked_sub(UNIX_EPOCH) {
            Some(seconds) => Duration::new(seconds, self.nanoseconds()),
            None => Duration::ZERO,
        }
    }

    /// The middle 32 bits, in units of 1/65536 s: how report blocks name a sender report.
    #[must_use]
    pub fn middle_32(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The difference to an earlier time, negative if it is not earlier, in units of 2⁻³² s.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }

    /// The time from `earlier` until this; `None` if `earlier` is later.
    #[must_use]
    pub fn duration_since(self, earlier: Self) -> Option<Duration> {
        let units = u64::try_from(self.since(earlier)).ok()?;
        Some(Duration::new(units >> 32, Self(units).nanoseconds()))
    }

    fn nanoseconds(self) -> u32 {
        // At most 999 999 999: the fraction is below 2³².
        (((self.0 & 0xffff_ffff).wrapping_mul(1_000_000_000)) >> 32) as u32
    }
}

impl Add<Duration> for NtpTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.wrapping_add(units(duration)))
    }
}

impl Sub<Duration> for NtpTime {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.wrapping_sub(units(duration)))
    }
}

/// Seconds since 1900 (or 2036) with six digits of fraction.
impl fmt::Display for NtpTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 >> 32, self.nanoseconds() / 1000)
    }
}

/// A span in units of 2⁻³² s, rounded up so that whole nanoseconds survive the way there and back.
fn units(duration: Duration) -> u64 {
    let fraction = (u64::from(duration.subsec_nanos()) << 32).div_ceil(1_000_000_000);
    (duration.as_secs() << 32).wrapping_add(fraction)
}

/// A span in units of 1/65536 s, as in the delay of a report block; longer than 18 hours gives the maximum.
#[must_use]
pub fn to_compact(duration: Duration) -> u32 {
    let fraction = (u64::from(duration.subsec_nanos()) << 16) / 1_000_000_000;
    let whole = duration.as_secs().checked_mul(1 << 16);
    let units = whole.and_then(|whole| whole.checked_add(fraction));
    units
        .and_then(|units| u32::try_from(units).ok())
        .unwrap_or(u32::MAX)
}

/// The span of that many units of 1/65536 s.
#[must_use]
pub fn from_compact(units: u32) -> Duration {
    let nanoseconds = (u64::from(units & 0xffff).wrapping_mul(1_000_000_000)) >> 16;
    Duration::new(u64::from(units >> 16), nanoseconds as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_round_trip_to_the_nanosecond() {
        for nanoseconds in [0, 1, 999_999_999, 500_000_000, 123_456_789] {
            for seconds in [
                0,
                1,
                1_700_000_000,
                2_085_978_495,
                2_085_978_496,
                4_000_000_000,
            ] {
                let time = Duration::new(seconds, nanoseconds);
                assert_eq!(NtpTime::from_unix(time).to_unix(), time);
            }
        }
    }

    #[test]
    fn seconds_roll_over_in_2036() {
        let last = NtpTime::from_unix(Duration::from_secs(2_085_978_495));
        assert_eq!(last.0 >> 32, u64::from(u32::MAX));
        let next = last + Duration::from_secs(1);
        assert_eq!(next.0, 0);
        assert_eq!(next.duration_since(last), Some(Duration::from_secs(1)));
        assert_eq!(last.duration_since(next), None);
    }

    #[test]
    fn known_values() {
        // RFC 3550 §6.4.1, figure 2: the sender report and its name in the report block.
        let sent = NtpTime(0xb44d_b705_2000_0000);
        assert_eq!(sent.middle_32(), 0xb705_2000);
        assert_eq!(from_compact(0x0005_4000), Duration::from_millis(5250));
        assert_eq!(to_compact(Duration::from_millis(5250)), 0x0005_4000);
        assert_eq!(to_compact(Duration::from_secs(1 << 20)), u32::MAX);
        assert_eq!(std::format!("{sent}"), "3024992005.125000");
    }

    #[test]
    fn before_1970_is_zero() {
        assert_eq!(NtpTime(0x8000_0000_0000_0000).to_unix(), Duration::ZERO);
    }
}
