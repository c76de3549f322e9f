//! What a presentation is and how far it reaches: Media-Properties, Media-Range and Accept-Ranges (RFC 7826 §4.7, §18.29).

use super::unit::{TimeUnit, whole_microseconds};
use rtsp_msg::headers::{
    AcceptRanges, MediaProperties, MediaProperty, MediaRange, Range, Scale, SmpteRate,
};
use rtsp_msg::{HeaderName, Headers};
use std::time::{Duration, SystemTime};

/// The units of a film: it has no place in the calendar. The list that Accept-Ranges gives, and the same as text.
const FILM: [TimeUnit; 4] = [
    TimeUnit::Npt,
    TimeUnit::Smpte(SmpteRate::Default),
    TimeUnit::Smpte(SmpteRate::Rate25),
    TimeUnit::Smpte(SmpteRate::Drop30),
];
const FILM_TEXT: &str = "npt, smpte, smpte-25, smpte-30-drop";
/// The units of what happens at a time that is known.
const EVENT: [TimeUnit; 2] = [TimeUnit::Npt, TimeUnit::Clock];
const EVENT_TEXT: &str = "npt, clock";

/// What a presentation is, as its headers tell it.
///
/// ```
/// use rtsp_session::server::Nature;
/// use rtsp_msg::{HeaderName, Headers};
/// use std::time::Duration;
///
/// let mut headers = Headers::new();
/// Nature::live(Duration::from_millis(96_230)).describe(&mut headers);
/// assert_eq!(headers.first(&HeaderName::MediaRange), Some("npt=0-96.23"));
/// assert_eq!(
///     headers.first(&HeaderName::MediaProperties),
///     Some("No-Seeking, Time-Progressing, Time-Duration=0")
/// );
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Nature {
    kind: Kind,
    scales: Vec<(Scale, Option<Scale>)>,
    origin: Option<SystemTime>,
    accepted: Option<AcceptRanges>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Live {
        elapsed: Duration,
        grows: bool,
    },
    Recorded {
        duration: Duration,
    },
    Kept {
        elapsed: Duration,
        window: Option<Duration>,
    },
}

impl Nature {
    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            scales: Vec::new(),
            origin: None,
            accepted: None,
        }
    }

    /// What happens now and is not kept. `elapsed` is the time since it began (RFC 7826 §13.4.6).
    #[must_use]
    pub const fn live(elapsed: Duration) -> Self {
        Self::of(Kind::Live {
            elapsed,
            grows: true,
        })
    }

    /// What happened until its source stopped for a while: it reaches as far as it did, until that goes on.
    #[must_use]
    pub const fn halted(elapsed: Duration) -> Self {
        Self::of(Kind::Live {
            elapsed,
            grows: false,
        })
    }

    /// What is there as a whole, does not change, and can be begun anywhere (RFC 7826 §13.4.4).
    #[must_use]
    pub const fn recorded(duration: Duration) -> Self {
        Self::of(Kind::Recorded { duration })
    }

    /// What happens now and is kept: all of it since it began (RFC 7826 §13.4.7), or the last `window` of it (§13.4.8).
    #[must_use]
    pub const fn kept(elapsed: Duration, window: Option<Duration>) -> Self {
        Self::of(Kind::Kept { elapsed, window })
    }

    /// The scales that it can be played at: single ones, and ranges from one to another.
    #[must_use]
    pub fn with_scales(mut self, scales: Vec<(Scale, Option<Scale>)>) -> Self {
        self.scales = scales;
        self
    }

    /// When it began, by the wall clock: its times can be said in UTC. Recordings were made at some time that nobody knows.
    #[must_use]
    pub const fn begun(mut self, origin: SystemTime) -> Self {
        self.origin = Some(origin);
        self
    }

    /// The units that the peer says it accepts: it is spared the others (RFC 7826 §13.4.6). `None` when it did not say.
    #[must_use]
    pub fn accepted_by(mut self, accepted: Option<AcceptRanges>) -> Self {
        self.accepted = accepted.filter(|units| !units.0.is_empty());
        self
    }

    /// Does it happen now, without a past to go to?
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.kind, Kind::Live { .. })
    }

    /// Does it grow with time?
    #[must_use]
    pub const fn progresses(&self) -> bool {
        matches!(self.kind, Kind::Live { .. } | Kind::Kept { .. })
    }

    /// Where the oldest part begins that there is.
    #[must_use]
    pub const fn start(&self) -> Duration {
        match self.kind {
            Kind::Kept {
                elapsed,
                window: Some(window),
            } => elapsed.saturating_sub(window),
            _ => Duration::ZERO,
        }
    }

    /// Where it ends, or where it is now.
    #[must_use]
    pub const fn end(&self) -> Duration {
        match self.kind {
            Kind::Live { elapsed, .. } | Kind::Kept { elapsed, .. } => elapsed,
            Kind::Recorded { duration } => duration,
        }
    }

    /// When it began, where that is known.
    #[must_use]
    pub const fn origin(&self) -> Option<SystemTime> {
        self.origin
    }

    /// The units of time that a Range may have.
    #[must_use]
    pub const fn units(&self) -> &'static [TimeUnit] {
        match (self.kind, self.origin) {
            (Kind::Recorded { .. }, _) => &FILM,
            (_, Some(_)) => &EVENT,
            (_, None) => &[TimeUnit::Npt],
        }
    }

    /// The same, for Accept-Ranges.
    #[must_use]
    pub const fn accept_ranges(&self) -> &'static str {
        match (self.kind, self.origin) {
            (Kind::Recorded { .. }, _) => FILM_TEXT,
            (_, Some(_)) => EVENT_TEXT,
            (_, None) => "npt",
        }
    }

    /// One property of each group, as RFC 7826 §18.29 wants them.
    #[must_use]
    pub fn properties(&self) -> MediaProperties {
        let mut properties = match self.kind {
            Kind::Live { grows, .. } => vec![
                MediaProperty::NoSeeking,
                match grows {
                    true => MediaProperty::TimeProgressing,
                    // RFC 7826 §18.29: changed by external triggers, not by time.
                    false => MediaProperty::Dynamic,
                },
                MediaProperty::TimeDuration(Duration::ZERO),
            ],
            Kind::Recorded { .. } => vec![
                MediaProperty::RandomAccess(None),
                MediaProperty::Immutable,
                MediaProperty::Unlimited,
            ],
            Kind::Kept { window, .. } => vec![
                MediaProperty::RandomAccess(None),
                MediaProperty::TimeProgressing,
                window.map_or(MediaProperty::Unlimited, MediaProperty::TimeDuration),
            ],
        };
        if !self.scales.is_empty() {
            properties.push(MediaProperty::Scales(self.scales.clone()));
        }
        MediaProperties(properties)
    }

    /// What there is of it now, once in each unit that both ends know (RFC 7826 §18.30).
    #[must_use]
    pub fn range(&self) -> MediaRange {
        let (start, end) = (self.start(), whole_microseconds(self.end()));
        let start = whole_microseconds(start);
        let ranges = self
            .units()
            .iter()
            .filter(|unit| self.may_say(**unit))
            .map(|unit| self.range_in(*unit, Some(start), Some(end)));
        MediaRange(ranges.collect())
    }

    /// Whether an answer may have this unit. Those who said nothing are told all but the time of day, which only those get that
    /// have shown to know it (RFC 7826 §13.4.6).
    #[must_use]
    pub fn may_say(&self, unit: TimeUnit) -> bool {
        self.units().contains(&unit)
            && match &self.accepted {
                Some(accepted) => unit.is_in(accepted),
                None => unit != TimeUnit::Clock,
            }
    }

    /// A range of it in a unit.
    #[must_use]
    pub fn range_in(
        &self,
        unit: TimeUnit,
        start: Option<Duration>,
        end: Option<Duration>,
    ) -> Range {
        unit.range(start, end, self.origin)
    }

    /// Where a reader of it is who has no place of its own: an explicit time, never `now` (RFC 7826 §13.4.6).
    #[must_use]
    pub fn position(&self) -> Duration {
        whole_microseconds(self.end())
    }

    /// All that SETUP tells (RFC 7826 §13.3): Accept-Ranges, Media-Properties and Media-Range.
    pub fn describe(&self, headers: &mut Headers) {
        headers.insert(HeaderName::AcceptRanges, self.accept_ranges());
        headers.set(&self.properties());
        headers.set(&self.range());
    }

    /// Does the peer understand any of the units that there are? One that says nothing understands all (RFC 7826 §18.5).
    #[must_use]
    pub fn shares_unit(&self, accepted: Option<&AcceptRanges>) -> bool {
        accepted.is_none_or(|accepted| {
            accepted.0.is_empty() || self.units().iter().any(|unit| unit.is_in(accepted))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn text(nature: &Nature, name: HeaderName) -> String {
        let mut headers = Headers::new();
        nature.describe(&mut headers);
        headers.first(&name).unwrap_or_default().to_owned()
    }

    fn list(units: &[&str]) -> AcceptRanges {
        units.iter().map(|unit| (*unit).to_owned()).collect()
    }

    #[test]
    fn r2_media_03_06_08_r2_play_29_one_property_of_each_group_and_a_range_in_each_unit() {
        let began = UNIX_EPOCH + Duration::from_secs(1_795_392_000);
        let live = Nature::live(Duration::from_nanos(96_230_499_999));
        let told = live
            .clone()
            .begun(began)
            .accepted_by(Some(list(&["npt", "clock"])));
        let film = Nature::recorded(Duration::from_millis(10_500));
        let kept = Nature::kept(Duration::from_secs(100), Some(Duration::from_secs(60)));
        let all = Nature::kept(Duration::from_secs(100), None);
        for (nature, properties, units, range) in [
            (
                &live,
                "No-Seeking, Time-Progressing, Time-Duration=0",
                "npt",
                "npt=0-96.230499",
            ),
            (
                &told,
                "No-Seeking, Time-Progressing, Time-Duration=0",
                "npt, clock",
                "npt=0-96.230499, clock=20261123T000000Z-20261123T000136.230499Z",
            ),
            (
                &film,
                "Random-Access, Immutable, Unlimited",
                "npt, smpte, smpte-25, smpte-30-drop",
                "npt=0-10.5, smpte=00:00:00-00:00:10:14.68, smpte-25=00:00:00-00:00:10:12.50, \
                 smpte-30-drop=00:00:00-00:00:10:14.68",
            ),
            (
                &kept,
                "Random-Access, Time-Progressing, Time-Duration=60",
                "npt",
                "npt=40-100",
            ),
            (
                &all,
                "Random-Access, Time-Progressing, Unlimited",
                "npt",
                "npt=0-100",
            ),
        ] {
            assert_eq!(text(nature, HeaderName::MediaProperties), properties);
            assert_eq!(text(nature, HeaderName::AcceptRanges), units);
            assert_eq!(text(nature, HeaderName::MediaRange), range);
        }
        let scaled = film.with_scales(vec![(Scale::new(2.0).unwrap(), None)]);
        assert!(text(&scaled, HeaderName::MediaProperties).ends_with(", Scales=\"2\""));
    }

    #[test]
    fn r2_play_24_the_time_of_day_only_for_those_who_know_it() {
        let live = Nature::live(Duration::from_secs(5)).begun(UNIX_EPOCH);
        for (accepted, clock) in [
            (None, false),
            (Some(list(&["npt"])), false),
            (Some(list(&["clock", "npt"])), true),
        ] {
            let nature = live.clone().accepted_by(accepted);
            assert_eq!(nature.may_say(TimeUnit::Clock), clock);
            let range = text(&nature, HeaderName::MediaRange);
            assert_eq!(range.contains("clock="), clock, "{range}");
            assert!(range.starts_with("npt="), "{range}");
        }
    }

    #[test]
    fn r2_setup_07_units_in_common() {
        let film = Nature::recorded(Duration::ZERO);
        assert!(film.shares_unit(None));
        assert!(film.shares_unit(Some(&list(&["foo", "NPT"]))));
        assert!(film.shares_unit(Some(&list(&["smpte-25"]))));
        assert!(!film.shares_unit(Some(&list(&["clock", "foo"]))));
        let live = Nature::live(Duration::ZERO);
        assert!(!live.shares_unit(Some(&list(&["smpte", "clock"]))));
        assert!(live.begun(UNIX_EPOCH).shares_unit(Some(&list(&["clock"]))));
    }
}
