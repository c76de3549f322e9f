//! `Range`.

use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;

use super::lex;
use super::smpte::{SmpteRate, SmpteTime};
use super::time::{self, UtcTime};
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::token::is_token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

const NAME: &str = "Range";

/// An interval of a presentation's time: its start belongs to it, its end does not (RFC 7826 §18.40, RFC 2326 §12.29).
///
/// A unit without an interval (`npt`) asks for the position; both ends are `None` then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Range {
    /// `npt`: time since the presentation's beginning (RFC 7826 §4.4.2).
    Npt {
        /// Where it begins.
        start: Option<NptTime>,
        /// Where it ends.
        end: Option<NptTime>,
    },
    /// `smpte`: frames (RFC 7826 §4.4.1).
    Smpte {
        /// Which count.
        rate: SmpteRate,
        /// Where it begins.
        start: Option<SmpteTime>,
        /// Where it ends.
        end: Option<SmpteTime>,
    },
    /// `clock`: absolute time (RFC 7826 §4.4.3).
    Clock {
        /// Where it begins.
        start: Option<UtcTime>,
        /// Where it ends.
        end: Option<UtcTime>,
    },
    /// Another unit, whole: `unit` or `unit=value`. RFC 7826 answers 456, RFC 2326 501.
    Other(String),
}

/// A position in normal play time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // complete by its grammar
pub enum NptTime {
    /// `now`: the live edge.
    Now,
    /// Time since the beginning.
    At(Duration),
}

/// `Range` with the moment at which it takes effect, `;time=` (RFC 2326 §12.29; not in 2.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedRange {
    /// The interval.
    pub range: Range,
    /// When to start.
    pub time: Option<UtcTime>,
}

impl Range {
    /// `npt=0-`, or from another start, to the end.
    pub const fn npt_from(start: Duration) -> Self {
        Self::Npt {
            start: Some(NptTime::At(start)),
            end: None,
        }
    }

    /// `npt=now-`: live.
    pub const fn now() -> Self {
        Self::Npt {
            start: Some(NptTime::Now),
            end: None,
        }
    }

    /// Reads one interval, as it also stands in SDP's `a=range` (RFC 7826 §D.1.6).
    ///
    /// # Errors
    ///
    /// When a known unit has a malformed interval, or one without both ends.
    pub fn parse(text: &str) -> Result<Self, HeaderErrorKind> {
        let (unit, interval) = lex::pair(text.trim());
        if !is_token(unit.as_bytes()) {
            return Err(if unit.is_empty() {
                HeaderErrorKind::Empty
            } else {
                HeaderErrorKind::Syntax
            });
        }
        let is = |other: &str| unit.eq_ignore_ascii_case(other);
        if is("npt") {
            let (start, end) = interval_of(interval, NptTime::parse)?;
            return Ok(Self::Npt { start, end });
        }
        if is("clock") {
            let (start, end) = interval_of(interval, UtcTime::parse_clock)?;
            return Ok(Self::Clock { start, end });
        }
        if let Some(rate) = SmpteRate::parse(unit) {
            let (start, end) = interval_of(interval, |text| SmpteTime::parse(text, rate))?;
            return Ok(Self::Smpte { rate, start, end });
        }
        if !lex::closes_quotes(text) {
            // What comes behind it in a list would be part of it.
            return Err(HeaderErrorKind::Quote);
        }
        Ok(Self::Other(String::from(text.trim())))
    }

    /// Appends the interval.
    pub fn push(&self, out: &mut String) {
        match self {
            Self::Npt { start, end } => {
                push_interval("npt", start, end, |time, out| time.push(out), out);
            }
            Self::Clock { start, end } => {
                push_interval("clock", start, end, |time, out| time.push_clock(out), out);
            }
            Self::Smpte { rate, start, end } => {
                push_interval(rate.as_str(), start, end, |time, out| time.push(out), out);
            }
            Self::Other(text) => out.push_str(text),
        }
    }
}

fn interval_of<T>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<(Option<T>, Option<T>), HeaderErrorKind> {
    let Some(text) = text else {
        return Ok((None, None));
    };
    let (start, end) = text.split_once('-').ok_or(HeaderErrorKind::Syntax)?;
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        text => parse(text).map(Some).ok_or(HeaderErrorKind::Number),
    };
    match (bound(start)?, bound(end)?) {
        (None, None) => Err(HeaderErrorKind::Syntax),
        bounds => Ok(bounds),
    }
}

fn push_interval<T: Copy>(
    unit: &str,
    start: &Option<T>,
    end: &Option<T>,
    push: impl Fn(T, &mut String),
    out: &mut String,
) {
    out.push_str(unit);
    if start.is_none() && end.is_none() {
        return;
    }
    out.push('=');
    if let Some(start) = start {
        push(*start, out);
    }
    out.push('-');
    if let Some(end) = end {
        push(*end, out);
    }
}

impl NptTime {
    /// Reads `now`, seconds, or `h:m:s`, the latter two with an optional fraction.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("now") {
            return Some(Self::Now);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let nanoseconds = time::nanoseconds(fraction)?;
        let mut parts = whole.split(':');
        let seconds = match (parts.next()?, parts.next(), parts.next(), parts.next()) {
            (seconds, None, ..) => lex::number::<u64>(seconds, 19)?,
            (hours, Some(minutes), Some(seconds), None) => {
                let below_60 = |text| lex::number::<u64>(text, 2).filter(|&number| number < 60);
                let hours = lex::number::<u64>(hours, 19)?.checked_mul(3600)?;
                hours
                    .checked_add(below_60(minutes)? * 60)?
                    .checked_add(below_60(seconds)?)?
            }
            _ => return None,
        };
        Some(Self::At(Duration::new(seconds, nanoseconds)))
    }

    /// Appends it as `hh:mm:ss`, all three always there (RFC 7826 §4.4.2).
    pub fn push_hms(self, out: &mut String) {
        let Self::At(at) = self else {
            return self.push(out);
        };
        let seconds = at.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let _ = write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60);
        time::push_fraction(at.subsec_nanos(), out);
    }

    /// Appends it, in seconds.
    pub fn push(self, out: &mut String) {
        match self {
            Self::Now => out.push_str("now"),
            Self::At(at) => {
                let _ = write!(out, "{}", at.as_secs());
                time::push_fraction(at.subsec_nanos(), out);
            }
        }
    }
}

impl Header for Range {
    fn name() -> HeaderName {
        HeaderName::Range
    }

    /// A `;time=` is passed over; see [`TimedRange`].
    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        TimedRange::decode_noting(values, tolerance).map(|timed| timed.range)
    }

    fn encode(&self, out: &mut String) {
        self.push(out);
    }
}

impl Header for TimedRange {
    fn name() -> HeaderName {
        HeaderName::Range
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single(NAME, values)?;
        let mut parts = lex::split(value, b';');
        let range =
            Range::parse(parts.next().unwrap_or("")).map_err(|kind| lex::error(NAME, kind))?;
        let mut time = None;
        for (name, value) in parts.map(lex::pair) {
            if name.eq_ignore_ascii_case("time") && time.is_none() {
                let parsed = value.and_then(UtcTime::parse_clock);
                time = Some(parsed.ok_or(lex::error(NAME, HeaderErrorKind::Number))?);
            }
        }
        Ok(Self { range, time })
    }

    fn encode(&self, out: &mut String) {
        self.range.push(out);
        if let Some(time) = self.time {
            out.push_str(";time=");
            time.push_clock(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, encoded};
    use super::*;

    fn at(seconds: f64) -> Option<NptTime> {
        Some(NptTime::At(Duration::from_secs_f64(seconds)))
    }

    fn npt(start: Option<NptTime>, end: Option<NptTime>) -> Range {
        Range::Npt { start, end }
    }

    #[test]
    fn r2_time_01_02_03_r1_time_01_02_npt() {
        let cases = [
            ("npt=0-", npt(at(0.0), None), "npt=0-"),
            ("npt=0.000-", npt(at(0.0), None), "npt=0-"),
            ("npt=10-15.5", npt(at(10.0), at(15.5)), "npt=10-15.5"),
            ("NPT = 0:7:5 - ", npt(at(425.0), None), "npt=425-"),
            ("npt=1:2:3.5-", npt(at(3723.5), None), "npt=3723.5-"),
            ("npt=392:00:06-", npt(at(1_411_206.0), None), "npt=1411206-"),
            ("npt=now-", Range::now(), "npt=now-"),
            ("npt=-20", npt(None, at(20.0)), "npt=-20"),
            ("npt=5.-", npt(at(5.0), None), "npt=5-"),
            ("npt", npt(None, None), "npt"),
            (
                "npt=0.000000001-9999999999999999999.999999999",
                npt(
                    Some(NptTime::At(Duration::from_nanos(1))),
                    Some(NptTime::At(Duration::new(
                        9_999_999_999_999_999_999,
                        999_999_999,
                    ))),
                ),
                "npt=0.000000001-9999999999999999999.999999999",
            ),
        ];
        for (text, range, written) in cases {
            assert_eq!(decode::<Range>(text).as_ref(), Ok(&range), "{text}");
            assert_eq!(encoded(&range), written);
            assert_eq!(decode::<Range>(written), Ok(range), "{written}");
        }
    }

    #[test]
    fn r2_time_05_10_what_npt_is_not() {
        for text in [
            "npt=-5-",
            "npt=-",
            "npt=",
            "npt=5",
            "npt=1,5-",
            "npt=12345678901234567890-",
            "npt=1.1234567890-",
            "npt=nan-",
            "npt=inf-",
            "npt=1e3-",
            "npt=+1-",
            "npt=0:60:0-",
            "npt=0:0:60-",
            "npt=1:2-",
            "npt=1:2:3:4-",
            "npt=0x1-",
            "npt=9999999999999999:00:00-",
            "=1-2",
            "",
            "n p t=1-",
        ] {
            assert!(decode::<Range>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn clock_ranges_and_start_times() {
        let text = "clock=19961108T142300Z-19961108T143520.5Z";
        let range = decode::<Range>(text).unwrap();
        assert!(matches!(
            range,
            Range::Clock {
                start: Some(_),
                end: Some(_)
            }
        ));
        assert_eq!(encoded(&range), text);

        // R1-TIME-05
        let text = "npt=10-15;time=19970123T143720Z";
        let timed = decode::<TimedRange>(text).unwrap();
        assert_eq!(timed.time, UtcTime::parse_clock("19970123T143720Z"));
        assert_eq!(encoded(&timed), text);
        assert_eq!(decode::<Range>(text), Ok(npt(at(10.0), at(15.0))));
        assert!(decode::<Range>("npt=10-15;time=yesterday").is_err());
    }

    #[test]
    fn r2_time_07_r1_time_03_smpte_ranges() {
        for text in [
            "smpte=10:12:33:20-",
            "smpte=10:07:33-",
            "smpte=10:07:00-10:07:33:05.01",
            "smpte-25=10:07:00-10:07:33:05.01",
            "smpte-30-drop=01:00:00-",
        ] {
            assert_eq!(encoded(&decode::<Range>(text).unwrap()), text);
        }
        for text in [
            "smpte=10:07-",
            "smpte-25=10:07:00:25-",
            "smpte=10:07:00:30-",
            "smpte=100:00:00-",
            "smpte=-1:00:00-",
        ] {
            assert!(decode::<Range>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn r2_range_02_unknown_units_are_kept() {
        assert_eq!(
            decode::<Range>("foo=1-2"),
            Ok(Range::Other("foo=1-2".into()))
        );
        assert_eq!(encoded(&Range::Other("foo=1-2".into())), "foo=1-2");
        for (text, good) in [
            ("foo=\"1,2\"-\"\\\"\"", true),
            ("foo=\"1", false),
            ("foo=\"1\"\"", false),
        ] {
            assert_eq!(Range::parse(text).is_ok(), good, "{text}");
        }
    }
}
