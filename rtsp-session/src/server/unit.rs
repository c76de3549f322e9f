//! The units in which a Range counts time (RFC 7826 §4.4, RFC 2326 §3.5 to §3.7).

use rtsp_msg::headers::{AcceptRanges, NptTime, Range, SmpteRate, SmpteTime, UtcTime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature: the RFCs name these.
pub enum TimeUnit {
    /// Seconds since the beginning of the presentation: every server understands it (RFC 7826 §18.40).
    Npt,
    /// Frames since the beginning of the presentation, at a rate of their own.
    Smpte(SmpteRate),
    /// UTC.
    Clock,
}

impl TimeUnit {
    /// That of a range; `None` when nobody knows it.
    #[must_use]
    pub const fn of(range: &Range) -> Option<Self> {
        match range {
            Range::Npt { .. } => Some(Self::Npt),
            Range::Smpte { rate, .. } => Some(Self::Smpte(*rate)),
            Range::Clock { .. } => Some(Self::Clock),
            _ => None,
        }
    }

    /// Its name in Accept-Ranges.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Npt => "npt",
            Self::Smpte(rate) => rate.as_str(),
            Self::Clock => "clock",
        }
    }

    /// Is it in a list of units that a peer accepts?
    #[must_use]
    pub fn is_in(self, accepted: &AcceptRanges) -> bool {
        let named = |unit: &String| unit.eq_ignore_ascii_case(self.name());
        accepted.0.iter().any(named)
    }

    /// A range in this unit. `origin` is when the presentation began, for [`TimeUnit::Clock`]. Times that the unit cannot say
    /// are said in normal play time; both are, so that a range has one unit.
    #[must_use]
    pub fn range(
        self,
        start: Option<Duration>,
        end: Option<Duration>,
        origin: Option<SystemTime>,
    ) -> Range {
        let said = match self {
            Self::Npt => None,
            Self::Smpte(rate) => {
                let code = |time: Duration| SmpteTime::at(time, rate);
                both(start, end, code).map(|(start, end)| Range::Smpte { rate, start, end })
            }
            Self::Clock => origin.and_then(|origin| {
                let clock = |time: Duration| {
                    let unix = origin.duration_since(UNIX_EPOCH).ok()?.checked_add(time)?;
                    UtcTime::from_unix(whole_microseconds(unix))
                };
                both(start, end, clock).map(|(start, end)| Range::Clock { start, end })
            }),
        };
        said.unwrap_or(Range::Npt {
            start: start.map(NptTime::At),
            end: end.map(NptTime::At),
        })
    }
}

/// Both ends of a range in another form; `None` when one of them has none.
fn both<T>(
    start: Option<Duration>,
    end: Option<Duration>,
    form: impl Fn(Duration) -> Option<T>,
) -> Option<(Option<T>, Option<T>)> {
    let one = |time: Option<Duration>| match time {
        Some(time) => form(time).map(Some),
        None => Some(None),
    };
    Some((one(start)?, one(end)?))
}

/// A fraction of a second as most peers read it.
pub(crate) const fn whole_microseconds(time: Duration) -> Duration {
    Duration::new(time.as_secs(), time.subsec_micros() * 1000)
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum Bound {
    /// Where it is now, whenever that is: `now`.
    Now,
    /// Time since the beginning of the presentation.
    At(Duration),
}

/// The two ends of a range, whatever its unit: `None` when nobody knows that unit, or when it has no meaning here, as UTC has
/// none without an `origin`. UTC before the beginning is the beginning.
#[must_use]
pub fn bounds(range: &Range, origin: Option<SystemTime>) -> Option<(Option<Bound>, Option<Bound>)> {
    match range {
        Range::Npt { start, end } => {
            let bound = |time: NptTime| match time {
                NptTime::Now => Bound::Now,
                NptTime::At(at) => Bound::At(at),
            };
            Some((start.map(bound), end.map(bound)))
        }
        Range::Smpte { rate, start, end } => {
            let bound = |time: SmpteTime| Bound::At(time.to_duration(*rate));
            Some((start.map(bound), end.map(bound)))
        }
        Range::Clock { start, end } => {
            let origin = origin?.duration_since(UNIX_EPOCH).ok()?;
            let bound = |time: UtcTime| {
                let unix = time.to_unix().unwrap_or_default();
                Bound::At(unix.saturating_sub(origin))
            };
            Some((start.map(bound), end.map(bound)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Duration = Duration::from_secs(1_795_392_000);

    #[test]
    fn ranges_in_all_units() {
        let origin = Some(UNIX_EPOCH + ORIGIN);
        let (start, end) = (Duration::from_millis(5200), Duration::from_secs(65));
        for (unit, text) in [
            (TimeUnit::Npt, "npt=5.2-65"),
            (
                TimeUnit::Smpte(SmpteRate::Rate25),
                "smpte-25=00:00:05:05-00:01:05",
            ),
            (
                TimeUnit::Smpte(SmpteRate::Default),
                "smpte=00:00:05:05.84-00:01:05:00.05",
            ),
            (TimeUnit::Clock, "clock=20261123T000005.2Z-20261123T000105Z"),
        ] {
            let range = unit.range(Some(start), Some(end), origin);
            let mut written = String::new();
            range.push(&mut written);
            assert_eq!(written, text);
            assert_eq!(TimeUnit::of(&range), Some(unit));
            let (from, to) = bounds(&range, origin).unwrap();
            for (bound, time) in [(from, start), (to, end)] {
                let Some(Bound::At(at)) = bound else {
                    panic!("{bound:?}");
                };
                assert!(at <= time && time - at < Duration::from_millis(1), "{text}");
            }
        }
    }

    #[test]
    fn what_a_unit_cannot_say_is_said_in_npt() {
        let long = Some(Duration::from_secs(400_000));
        let smpte = TimeUnit::Smpte(SmpteRate::Rate25).range(None, long, None);
        assert_eq!(TimeUnit::of(&smpte), Some(TimeUnit::Npt));
        let clock = TimeUnit::Clock.range(long, None, None);
        assert_eq!(TimeUnit::of(&clock), Some(TimeUnit::Npt));
        let endless = TimeUnit::Clock.range(Some(Duration::MAX), None, Some(UNIX_EPOCH));
        assert_eq!(TimeUnit::of(&endless), Some(TimeUnit::Npt));
    }

    #[test]
    fn clocks_mean_nothing_without_an_origin() {
        let range = Range::parse("clock=20261123T000005Z-").unwrap();
        assert_eq!(bounds(&range, None), None);
        let at = |seconds| Some((Some(Bound::At(Duration::from_secs(seconds))), None));
        assert_eq!(bounds(&range, Some(UNIX_EPOCH + ORIGIN)), at(5));
        // Before it began.
        let later = UNIX_EPOCH + ORIGIN + Duration::from_secs(60);
        assert_eq!(bounds(&range, Some(later)), at(0));
        assert_eq!(bounds(&Range::parse("foo=1-").unwrap(), None), None);
    }
}
