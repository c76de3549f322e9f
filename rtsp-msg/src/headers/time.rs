//! Moments and positions: what `Range` and dates are made of (RFC 7826 §4.4, RFC 5322 §3.3).

use alloc::string::String;
use core::fmt::{self, Write};
use core::time::Duration;

use super::lex;

/// A moment in UTC, to the nanosecond, in the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    /// 60 in a leap second.
    second: u8,
    nanosecond: u32,
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl UtcTime {
    /// The moment `since` after 1970-01-01T00:00:00Z; `None` after the year 9999.
    pub fn from_unix(since: Duration) -> Option<Self> {
        let days = i64::try_from(since.as_secs() / 86_400).ok()?;
        let (year, month, day) = civil_from_days(days)?;
        let second = since.as_secs() % 86_400;
        Some(Self {
            year: u16::try_from(year).ok().filter(|&year| year <= 9999)?,
            month,
            day,
            hour: (second / 3600) as u8,
            minute: (second / 60 % 60) as u8,
            second: (second % 60) as u8,
            nanosecond: since.subsec_nanos(),
        })
    }

    /// Time since 1970-01-01T00:00:00Z; `None` before it.
    pub fn to_unix(self) -> Option<Duration> {
        let days = u64::try_from(days_from_civil(
            self.year.into(),
            self.month.into(),
            self.day.into(),
        ))
        .ok()?;
        let of_day =
            u64::from(self.hour) * 3600 + u64::from(self.minute) * 60 + u64::from(self.second);
        Some(Duration::new(days * 86_400 + of_day, self.nanosecond))
    }

    /// Reads `YYYYMMDDThhmmss[.fraction]Z` (RFC 7826 §4.4.3).
    pub fn parse_clock(text: &str) -> Option<Self> {
        let text = text.strip_suffix('Z')?;
        let (date, clock) = text.split_once('T')?;
        let (clock, fraction) = clock
            .split_once('.')
            .map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
        if date.len() != 8 || clock.len() != 6 {
            return None;
        }
        let nanosecond = match fraction {
            Some(fraction) => nanoseconds(fraction)?,
            None => 0,
        };
        let part = |text: &str, at: usize, length: usize| {
            lex::number::<u8>(text.get(at..at.checked_add(length)?)?, length)
        };
        let year = lex::number(date.get(..4)?, 4)?;
        let (month, day) = (part(date, 4, 2)?, part(date, 6, 2)?);
        Self::new(
            year,
            month,
            day,
            part(clock, 0, 2)?,
            part(clock, 2, 2)?,
            part(clock, 4, 2)?,
            nanosecond,
        )
    }

    /// Reads a date of RFC 5322 §3.3, day name optional, with the zone `GMT`, `UT`, `UTC`, `Z` or an offset.
    pub fn parse_date(text: &str) -> Option<Self> {
        let text = match text.split_once(',') {
            Some((day, rest)) => {
                let day = day.trim();
                DAYS.iter().find(|name| {
                    day.get(..3)
                        .is_some_and(|start| start.eq_ignore_ascii_case(name))
                })?;
                rest
            }
            None => text,
        };
        let mut words = text.split_ascii_whitespace();
        let day = lex::number(words.next()?, 2)?;
        let month = words.next()?;
        let month = MONTHS
            .iter()
            .position(|name| name.eq_ignore_ascii_case(month))?;
        let year = words
            .next()
            .filter(|year| year.len() == 4)
            .and_then(|year| lex::number(year, 4))?;
        let mut clock = words.next()?.split(':');
        let mut part = || clock.next().and_then(|part| lex::number::<u8>(part, 2));
        let (hour, minute, second) = (part()?, part()?, part().unwrap_or(0));
        let offset = zone(words.next()?)?;
        if words.next().is_some() {
            return None;
        }
        let month = u8::try_from(month).ok()?.checked_add(1)?;
        let local = Self::new(year, month, day, hour, minute, second, 0)?;
        if offset == 0 {
            return Some(local);
        }
        let seconds = i64::try_from(local.to_unix()?.as_secs())
            .ok()?
            .checked_sub(offset)?;
        Self::from_unix(Duration::from_secs(u64::try_from(seconds).ok()?))
    }

    /// Appends `YYYYMMDDThhmmss[.fraction]Z`.
    pub fn push_clock(self, out: &mut String) {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanosecond,
        } = self;
        let _ = write!(
            out,
            "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}"
        );
        push_fraction(nanosecond, out);
        out.push('Z');
    }

    /// Appends `Thu, 23 Jan 1997 15:35:06 GMT`, the form that both versions' peers read.
    pub fn push_date(self, out: &mut String) {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        let weekday = (days_from_civil(year.into(), month.into(), day.into()) + 4).rem_euclid(7);
        let name = usize::try_from(weekday)
            .ok()
            .and_then(|at| DAYS.get(at))
            .unwrap_or(&"Sun");
        let month = MONTHS
            .get(usize::from(month).saturating_sub(1))
            .unwrap_or(&"Jan");
        let _ = write!(
            out,
            "{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
        );
    }

    fn new(
        year: u16,
        month: u8,
        day: u8,
        hour: u8,
        minute: u8,
        second: u8,
        nanosecond: u32,
    ) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        let valid = (1..=days).contains(&day) && hour < 24 && minute < 60 && second <= 60;
        valid.then_some(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanosecond,
        })
    }
}

/// As `clock` time.
impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.push_clock(&mut text);
        f.write_str(&text)
    }
}

/// Seconds east of Greenwich.
fn zone(text: &str) -> Option<i64> {
    if ["GMT", "UT", "UTC", "Z"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(text))
    {
        return Some(0);
    }
    let (sign, digits) = text
        .strip_prefix('+')
        .map(|digits| (1, digits))
        .or(text.strip_prefix('-').map(|digits| (-1, digits)))?;
    let number: i64 = lex::number(digits, 4).filter(|_| digits.len() == 4)?;
    let (hours, minutes) = (number / 100, number % 100);
    (minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar (years start in March here, so that leap days
/// come last).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> Option<(i64, u8, u8)> {
    let days = days.checked_add(719_468)?;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era.checked_mul(400)? + i64::from(month <= 2);
    Some((year, u8::try_from(month).ok()?, u8::try_from(day).ok()?))
}

/// Up to nine digits behind a point, as nanoseconds. None at all are zero: RFC 2326 §3.6 allows `5.`.
pub(super) fn nanoseconds(digits: &str) -> Option<u32> {
    if digits.is_empty() {
        return Some(0);
    }
    let number: u32 = lex::number(digits, 9)?;
    let missing = 9u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
    number.checked_mul(10u32.checked_pow(missing)?)
}

/// `.25`, or nothing for zero.
pub(super) fn push_fraction(nanoseconds: u32, out: &mut String) {
    if nanoseconds != 0 {
        let _ = write!(out, ".{nanoseconds:09}");
        out.truncate(out.trim_end_matches('0').len());
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn date(text: &str) -> Option<String> {
        UtcTime::parse_date(text).map(|time| {
            let mut out = String::new();
            time.push_date(&mut out);
            out
        })
    }

    #[test]
    fn r2_time_06_r1_time_04_clock_times_are_utc() {
        for text in [
            "19961108T143720.25Z",
            "19970123T143720Z",
            "99991231T235960Z",
            "20000229T000000.000000001Z",
        ] {
            assert_eq!(
                UtcTime::parse_clock(text)
                    .map(|time| time.to_string())
                    .as_deref(),
                Some(text)
            );
        }
        for text in [
            "19961108T143720",
            "19961108T143720+01:00",
            "19961108t143720Z",
            "1996118T143720Z",
            "19961308T143720Z",
            "19970229T000000Z",
            "19961108T243720Z",
            "19961108T1437Z",
            "-9961108T143720Z",
            "19961108T143720.1234567890Z",
            "",
            "Z",
            "TZ",
        ] {
            assert_eq!(UtcTime::parse_clock(text), None, "{text}");
        }
    }

    #[test]
    fn unix_time_and_back() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (853_983_306, "19970123T013506Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            let time = UtcTime::from_unix(Duration::from_secs(seconds)).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(time.to_unix(), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(
            UtcTime::from_unix(Duration::from_secs(253_402_300_800)),
            None
        );
        assert_eq!(UtcTime::from_unix(Duration::MAX), None);
        assert_eq!(
            UtcTime::parse_clock("00010101T000000Z").unwrap().to_unix(),
            None
        );
    }

    #[test]
    fn every_day_of_four_centuries_round_trips() {
        for day in (0..146_097 * 2).step_by(17) {
            let time = UtcTime::from_unix(Duration::from_secs(day * 86_400)).unwrap();
            assert_eq!(UtcTime::parse_clock(&time.to_string()), Some(time));
            assert_eq!(time.to_unix(), Some(Duration::from_secs(day * 86_400)));
        }
    }

    #[test]
    fn r2_hdr_19_dates() {
        let written = Some("Thu, 23 Jan 1997 15:35:06 GMT");
        for text in [
            "Thu, 23 Jan 1997 15:35:06 GMT",
            "23 Jan 1997 15:35:06 GMT",
            "Thu, 23 Jan 1997 15:35:06 +0000",
            "Thu, 23 Jan 1997 16:35:06 +0100",
            "thu,  23 jan 1997 10:05:06 -0530",
            "Thursday, 23 Jan 1997 15:35:06 UTC",
        ] {
            assert_eq!(date(text).as_deref(), written, "{text}");
        }
        for text in [
            "",
            "0",
            "garbage",
            "Thu, 23 Jan 97 15:35:06 GMT",
            "Thu, 32 Jan 1997 15:35:06 GMT",
            "Thu, 23 Jan 1997 15:35:06",
            "Thu, 23 Jan 1997 15:35:06 EST",
            "Thu, 23 Jan 1997 25:35:06 GMT",
            "Thu, 23 Jan 1997 15:35:06 +01:00",
            "ü, 1 Jan 1997 0:0:0 GMT",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
