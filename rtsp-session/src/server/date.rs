//! The Date header (RFC 7826 §18.21: RFC 5322 form, in GMT).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whether a clock tells the time at all. One that was never set, on a device that keeps no time while it is off, begins with
/// 1970; such a server says no Date, Expires or Last-Modified (RFC 7826 §18.21).
pub(crate) fn is_known(wall: SystemTime) -> bool {
    const A_YEAR: Duration = Duration::from_secs(365 * 86_400);
    wall.duration_since(UNIX_EPOCH)
        .is_ok_and(|since| since >= A_YEAR)
}

/// `Mon, 23 Nov 2026 00:11:47 GMT`. Moments before 1970 are shown as 1970.
pub(crate) fn format(wall: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = wall
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let weekday = usize::try_from(days % 7)
        .ok()
        .and_then(|day| DAYS.get(day))
        .copied()
        .unwrap_or_default();
    let month = MONTHS.get(month).copied().unwrap_or_default();
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month (from 0) and day (from 1) of a count of days since 1970-01-01, in the Gregorian calendar.
///
/// Years are taken to begin in March, so that the leap day is the last one; 146 097 days are 400 years.
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12;
    let year = era * 400 + year + u64::from(month < 2);
    (year, usize::try_from(month).unwrap_or(0), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (853981337, "Thu, 23 Jan 1997 01:02:17 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_709_164_799, "Wed, 28 Feb 2024 23:59:59 GMT"),
            (1_795_392_707, "Mon, 23 Nov 2026 00:11:47 GMT"),
            (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(format(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
