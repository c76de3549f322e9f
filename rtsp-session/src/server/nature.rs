//! What a presentation is and how far it reaches: Media-Properties, Media-Range and Accept-Ranges (RFC 7826 §4.7, §18.29).

use rtsp_msg::headers::{
    AcceptRanges, MediaProperties, MediaProperty, MediaRange, NptTime, Range, Scale,
};
use rtsp_msg::{HeaderName, Headers};
use std::time::Duration;

/// The unit of time that every presentation understands (RFC 7826 §18.40).
const NPT: &str = "npt";

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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Live { elapsed: Duration, grows: bool },
    Recorded { duration: Duration },
}

impl Nature {
    /// What happens now and is not kept. `elapsed` is the time since it began (RFC 7826 §13.4.6).
    #[must_use]
    pub const fn live(elapsed: Duration) -> Self {
        Self {
            kind: Kind::Live {
                elapsed,
                grows: true,
            },
            scales: Vec::new(),
        }
    }

    /// What happened until its source stopped for a while: it reaches as far as it did, until that goes on.
    #[must_use]
    pub const fn halted(elapsed: Duration) -> Self {
        Self {
            kind: Kind::Live {
                elapsed,
                grows: false,
            },
            scales: Vec::new(),
        }
    }

    /// What is there as a whole, does not change, and can be begun anywhere (RFC 7826 §13.4.4).
    #[must_use]
    pub const fn recorded(duration: Duration) -> Self {
        Self {
            kind: Kind::Recorded { duration },
            scales: Vec::new(),
        }
    }

    /// The scales that it can be played at: single ones, and ranges from one to another.
    #[must_use]
    pub fn with_scales(mut self, scales: Vec<(Scale, Option<Scale>)>) -> Self {
        self.scales = scales;
        self
    }

    /// Does it happen now?
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.kind, Kind::Live { .. })
    }

    /// Where it ends, or where it is now.
    #[must_use]
    pub const fn end(&self) -> Duration {
        match self.kind {
            Kind::Live { elapsed, .. } => elapsed,
            Kind::Recorded { duration } => duration,
        }
    }

    /// The units of time that a Range may have.
    #[must_use]
    pub const fn accept_ranges(&self) -> &'static str {
        NPT
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
        };
        if !self.scales.is_empty() {
            properties.push(MediaProperty::Scales(self.scales.clone()));
        }
        MediaProperties(properties)
    }

    /// What there is of it now.
    #[must_use]
    pub fn range(&self) -> MediaRange {
        MediaRange(vec![Range::Npt {
            start: Some(NptTime::At(Duration::ZERO)),
            end: Some(NptTime::At(whole_milliseconds(self.end()))),
        }])
    }

    /// Where a reader of it is who has no place of its own: an explicit time, never `now` (RFC 7826 §13.4.6).
    #[must_use]
    pub fn position(&self) -> Range {
        Range::npt_from(whole_milliseconds(self.end()))
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
            accepted.0.is_empty()
                || accepted
                    .0
                    .iter()
                    .any(|unit| unit.eq_ignore_ascii_case(self.accept_ranges()))
        })
    }
}

/// Milliseconds are as fine as anybody needs, and shorter to write.
pub(crate) const fn whole_milliseconds(time: Duration) -> Duration {
    Duration::new(time.as_secs(), time.subsec_millis() * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(nature: &Nature, name: HeaderName) -> String {
        let mut headers = Headers::new();
        nature.describe(&mut headers);
        headers.first(&name).unwrap_or_default().to_owned()
    }

    #[test]
    fn r2_media_03_06_one_property_of_each_group() {
        let live = Nature::live(Duration::from_micros(96_230_499));
        let file = Nature::recorded(Duration::from_millis(10_500));
        for (nature, properties, range) in [
            (
                &live,
                "No-Seeking, Time-Progressing, Time-Duration=0",
                "npt=0-96.23",
            ),
            (&file, "Random-Access, Immutable, Unlimited", "npt=0-10.5"),
        ] {
            assert_eq!(text(nature, HeaderName::MediaProperties), properties);
            // R2-MEDIA-08: one range for each unit that SETUP accepts.
            assert_eq!(text(nature, HeaderName::MediaRange), range);
            assert_eq!(text(nature, HeaderName::AcceptRanges), "npt");
        }
        let scaled = file.with_scales(vec![(Scale::new(2.0).unwrap(), None)]);
        assert!(text(&scaled, HeaderName::MediaProperties).ends_with(", Scales=\"2\""));
    }

    #[test]
    fn r2_setup_07_units_in_common() {
        let nature = Nature::recorded(Duration::ZERO);
        let list = |units: &[&str]| units.iter().map(|unit| (*unit).to_owned()).collect();
        assert!(nature.shares_unit(None));
        assert!(nature.shares_unit(Some(&list(&["smpte", "NPT"]))));
        assert!(!nature.shares_unit(Some(&list(&["smpte", "clock"]))));
    }
}
