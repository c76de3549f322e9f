//! `Media-Properties` and `Media-Range`: what a presentation is and how far it reaches (RFC 7826 §18.29, §18.30).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::lex;
use super::range::{NptTime, Range};
use super::rate::Scale;
use super::time::UtcTime;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::token::is_token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

/// Properties of a presentation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaProperties(pub Vec<MediaProperty>);

/// One property.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MediaProperty {
    /// `Random-Access`: anywhere, with the longest distance between random access points if it is known.
    RandomAccess(Option<Duration>),
    /// `Beginning-Only`: only to the beginning.
    BeginningOnly,
    /// `No-Seeking`: nowhere.
    NoSeeking,
    /// `Immutable`: will not change.
    Immutable,
    /// `Dynamic`: may change.
    Dynamic,
    /// `Time-Progressing`: grows with time, as live media does.
    TimeProgressing,
    /// `Unlimited`: kept for the session's life.
    Unlimited,
    /// `Time-Limited`: kept until then.
    TimeLimited(UtcTime),
    /// `Time-Duration`: each part is kept so long.
    TimeDuration(Duration),
    /// `Scales`: single ones, and ranges from one to another.
    Scales(Vec<(Scale, Option<Scale>)>),
    /// Any other, to be ignored.
    Other(String, Option<String>),
}

const FLAGS: [(&str, MediaProperty); 6] = [
    ("Beginning-Only", MediaProperty::BeginningOnly),
    ("No-Seeking", MediaProperty::NoSeeking),
    ("Immutable", MediaProperty::Immutable),
    ("Dynamic", MediaProperty::Dynamic),
    ("Time-Progressing", MediaProperty::TimeProgressing),
    ("Unlimited", MediaProperty::Unlimited),
];

impl MediaProperty {
    fn parse(text: &str) -> Option<Self> {
        let (name, value) = lex::pair(text);
        if !is_token(name.as_bytes()) {
            return None;
        }
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if value.is_none()
            && let Some((_, flag)) = FLAGS.into_iter().find(|(known, _)| is(known))
        {
            return Some(flag);
        }
        if is("Random-Access") {
            return Some(Self::RandomAccess(match value {
                Some(value) => Some(seconds(value)?),
                None => None,
            }));
        }
        if is("Time-Limited") {
            return UtcTime::parse_clock(value?).map(Self::TimeLimited);
        }
        if is("Time-Duration") {
            return seconds(value?).map(Self::TimeDuration);
        }
        if is("Scales") {
            let list = lex::unquote(value?)?;
            return lex::split(&list, b',')
                .map(scales)
                .collect::<Option<_>>()
                .map(Self::Scales);
        }
        let value = match value {
            Some(value) => Some(String::from(&*lex::unquote(value)?)),
            None => None,
        };
        Some(Self::Other(String::from(name), value))
    }

    fn push(&self, out: &mut String) {
        if let Some((name, _)) = FLAGS.iter().find(|(_, flag)| flag == self) {
            return out.push_str(name);
        }
        match self {
            Self::RandomAccess(None) => out.push_str("Random-Access"),
            Self::RandomAccess(Some(distance)) => push_seconds("Random-Access=", *distance, out),
            Self::TimeLimited(time) => {
                out.push_str("Time-Limited=");
                time.push_clock(out);
            }
            Self::TimeDuration(duration) => push_seconds("Time-Duration=", *duration, out),
            Self::Scales(scales) => {
                out.push_str("Scales=\"");
                for (index, (from, to)) in scales.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    from.push(out);
                    if let Some(to) = to {
                        out.push(':');
                        to.push(out);
                    }
                }
                out.push('"');
            }
            Self::Other(name, value) => {
                out.push_str(name);
                if let Some(value) = value {
                    out.push('=');
                    lex::push_value(value, out);
                }
            }
            // Those without a value are written above.
            _ => {}
        }
    }
}

/// `POS-FLOAT` seconds; the digits are those of `npt-sec`.
fn seconds(text: &str) -> Option<Duration> {
    lex::positive_decimal(text)?;
    match NptTime::parse(text)? {
        NptTime::At(duration) => Some(duration),
        NptTime::Now => None,
    }
}

fn push_seconds(name: &str, duration: Duration, out: &mut String) {
    out.push_str(name);
    NptTime::At(duration).push(out);
}

fn scales(text: &str) -> Option<(Scale, Option<Scale>)> {
    match text.split_once(':') {
        Some((from, to)) => Some((
            Scale::parse(from.trim_end())?,
            Some(Scale::parse(to.trim_start())?),
        )),
        None => Some((Scale::parse(text)?, None)),
    }
}

impl Header for MediaProperties {
    fn name() -> HeaderName {
        HeaderName::MediaProperties
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        lex::list("Media-Properties", values, MediaProperty::parse).map(Self)
    }

    fn encode(&self, out: &mut String) {
        for (index, property) in self.0.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            property.push(out);
        }
    }
}

/// What can be played at the moment, in one or more units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaRange(pub Vec<Range>);

impl Header for MediaRange {
    fn name() -> HeaderName {
        HeaderName::MediaRange
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        lex::list("Media-Range", values, |text| Range::parse(text).ok()).map(Self)
    }

    fn encode(&self, out: &mut String) {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            range.push(out);
        }
    }
}

/// Directives for those who keep descriptions (RFC 7826 §18.11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheControl(pub Vec<CacheDirective>);

/// One directive: its name and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheDirective {
    /// The name, in lower case.
    pub name: String,
    /// The value, without quotes.
    pub value: Option<String>,
}

impl CacheControl {
    /// Whether a directive of that name is there.
    pub fn has(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|directive| directive.name.eq_ignore_ascii_case(name))
    }

    /// The whole seconds of a directive such as `max-age`; `None` when it is not there or no number.
    pub fn seconds(&self, name: &str) -> Option<u64> {
        let directive = self
            .0
            .iter()
            .find(|directive| directive.name.eq_ignore_ascii_case(name))?;
        lex::number(directive.value.as_deref()?, 19)
    }
}

impl Header for CacheControl {
    fn name() -> HeaderName {
        HeaderName::CacheControl
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let directive = |text: &str| {
            let (name, value) = lex::pair(text);
            let value = match value {
                Some(value) if value.starts_with('"') || is_token(value.as_bytes()) => {
                    Some(String::from(&*lex::unquote(value)?))
                }
                Some(_) => return None,
                None => None,
            };
            is_token(name.as_bytes()).then(|| CacheDirective {
                name: name.to_ascii_lowercase(),
                value,
            })
        };
        lex::list("Cache-Control", values, directive).map(Self)
    }

    fn encode(&self, out: &mut String) {
        for (index, directive) in self.0.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            out.push_str(&directive.name);
            if let Some(value) = &directive.value {
                out.push('=');
                lex::push_value(value, out);
            }
        }
    }
}

/// Keys for the media, one line an alternative (RFC 4567 §4.1).
#[derive(Clone, PartialEq, Eq)]
pub struct KeyMgmt(pub Vec<KeyMgmtSpec>);

/// The message of one key-management protocol. `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyMgmtSpec {
    /// The protocol: `mikey`.
    pub protocol: String,
    /// The media or presentation that it is for.
    pub uri: Option<String>,
    /// The message, in base64.
    pub message: String,
}

impl core::fmt::Debug for KeyMgmt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list()
            .entries(
                self.0
                    .iter()
                    .map(|spec| format!("{};uri={:?}", spec.protocol, spec.uri)),
            )
            .finish()
    }
}

impl core::fmt::Debug for KeyMgmtSpec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyMgmtSpec")
            .field("protocol", &self.protocol)
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

impl Header for KeyMgmt {
    fn name() -> HeaderName {
        HeaderName::KeyMgmt
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let specs = lex::list("KeyMgmt", values, |text| {
            let (mut protocol, mut uri, mut message) = (None, None, None);
            for (name, value) in lex::split(text, b';').map(lex::pair) {
                let slot = match name {
                    _ if name.eq_ignore_ascii_case("prot") => &mut protocol,
                    _ if name.eq_ignore_ascii_case("uri") => &mut uri,
                    _ if name.eq_ignore_ascii_case("data") => &mut message,
                    _ => continue,
                };
                if slot.replace(lex::unquote(value?)?.into_owned()).is_some() {
                    return None;
                }
            }
            let (protocol, message) = (protocol?, message?);
            let valid = is_token(protocol.as_bytes()) && lex::is_base64(&message);
            valid.then_some(KeyMgmtSpec {
                protocol,
                uri,
                message,
            })
        })?;
        match specs.is_empty() {
            true => Err(lex::error("KeyMgmt", HeaderErrorKind::Empty)),
            false => Ok(Self(specs)),
        }
    }

    fn encode(&self, out: &mut String) {
        for (index, spec) in self.0.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            out.extend(["prot=", &spec.protocol, ";"]);
            if let Some(uri) = &spec.uri {
                out.push_str("uri=");
                lex::quote(uri, out);
                out.push(';');
            }
            out.push_str("data=");
            lex::quote(&spec.message, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::lex::tests::{decode, decode_lines, encoded};
    use super::*;

    #[test]
    fn properties_round_trip() {
        let text = "Random-Access=2.5, Time-Progressing, Time-Limited=20081128T165900Z, Time-Duration=7200, \
                    Scales=\"-20, -10, 0.5:2\", x-a=b, Unlimited";
        let value = decode::<MediaProperties>(text).unwrap();
        assert_eq!(
            value.0[0],
            MediaProperty::RandomAccess(Some(Duration::from_millis(2500)))
        );
        assert_eq!(value.0[1], MediaProperty::TimeProgressing);
        assert!(matches!(&value.0[4], MediaProperty::Scales(scales) if scales.len() == 3));
        assert_eq!(encoded(&value), text);
        for text in [
            "Random-Access",
            "Beginning-Only",
            "No-Seeking",
            "Immutable",
            "Dynamic",
        ] {
            assert_eq!(encoded(&decode::<MediaProperties>(text).unwrap()), text);
        }
        for text in [
            "Random-Access=-1",
            "Random-Access=nan",
            "Time-Limited",
            "Time-Limited=2014",
            "Scales=\"0\"",
            "Scales=\"inf\"",
            "Scales=1,2:x",
            "a b",
        ] {
            assert!(decode::<MediaProperties>(text).is_err(), "{text}");
        }
        assert_eq!(decode::<MediaProperties>(""), Ok(MediaProperties(vec![])));
    }

    #[test]
    fn ranges_round_trip() {
        let text = "npt=0-10.5, clock=19961108T142300Z-19961108T143520Z";
        assert_eq!(encoded(&decode::<MediaRange>(text).unwrap()), text);
        assert!(decode::<MediaRange>("npt=5-x").is_err());
    }

    #[test]
    fn cache_directives() {
        let value = decode_lines::<CacheControl>(&["Max-Age=30, no-cache", "x=\"a,b\""]).unwrap();
        assert!(value.has("NO-CACHE") && !value.has("public"));
        assert_eq!(
            (value.seconds("max-age"), value.seconds("x")),
            (Some(30), None)
        );
        assert_eq!(encoded(&value), "max-age=30, no-cache, x=\"a,b\"");
    }

    #[test]
    fn keys_round_trip_and_are_not_shown() {
        let text = "prot=mikey;uri=\"rtsp://h/a\";data=\"AQAFgM0X\"";
        let value = decode::<KeyMgmt>(text).unwrap();
        assert_eq!(encoded(&value), text);
        assert!(!format!("{value:?} {:?}", value.0[0]).contains("AQAF"));
        assert_eq!(
            decode::<KeyMgmt>("prot=mikey; data=\"AQAFgM0X\"")
                .unwrap()
                .0[0]
                .uri,
            None
        );
        for text in [
            "",
            "prot=mikey",
            "prot=mikey;data=\"A\"",
            "data=\"AQAF\"",
            "prot=a;prot=b;data=\"\"",
            "prot=mikey;data=\"AQAF",
        ] {
            assert!(decode::<KeyMgmt>(text).is_err(), "{text}");
        }
    }
}
