//! What a peer would like to get: `Accept`, `Accept-Encoding`, `Accept-Language` (RFC 7826 §18.1, §18.3, §18.4).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::token::is_token;
use crate::typed::{Header, HeaderError};

/// How much something is wanted, in thousandths: 0 not at all, 1000 the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quality(u16);

impl Quality {
    /// Not acceptable.
    pub const ZERO: Self = Self(0);
    /// What is meant when nothing is said.
    pub const ONE: Self = Self(1000);

    /// A quality; `None` above 1000 thousandths.
    pub const fn from_thousandths(thousandths: u16) -> Option<Self> {
        match thousandths {
            0..=1000 => Some(Self(thousandths)),
            _ => None,
        }
    }

    /// The thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// `0` or `1` with at most three digits behind a point.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let whole = match whole {
            "0" => 0u16,
            "1" => 1000,
            _ => return None,
        };
        let fraction = fraction
            .bytes()
            .chain(core::iter::repeat(b'0'))
            .take(3)
            .fold(0u16, |number, digit| {
                number
                    .saturating_mul(10)
                    .saturating_add(u16::from(digit & 15))
            });
        Self::from_thousandths(whole.checked_add(fraction)?)
    }

    fn push(self, out: &mut String) {
        let (whole, fraction) = (self.0 / 1000, self.0 % 1000);
        let _ = write!(out, ";q={whole}");
        if fraction != 0 {
            let _ = write!(out, ".{fraction:03}");
            out.truncate(out.trim_end_matches('0').len());
        }
    }
}

/// One entry of an `Accept` header and its kin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// What is wanted: a range of media types, a coding, a range of languages. In lower case, but for languages.
    pub value: String,
    /// Parameters before `q`: of the media type.
    pub parameters: Vec<(String, Option<String>)>,
    /// How much it is wanted; `None` when it is not said, which means [`Quality::ONE`].
    pub quality: Option<Quality>,
    /// Parameters behind `q`.
    pub extensions: Vec<(String, Option<String>)>,
}

impl Preference {
    /// Wanted as much as anything.
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            parameters: Vec::new(),
            quality: None,
            extensions: Vec::new(),
        }
    }

    fn parse(text: &str, valid: impl Fn(&str) -> bool) -> Option<Self> {
        let mut parts = lex::split(text, b';');
        let value = parts.next().filter(|value| valid(value))?;
        let mut preference = Self::new(value);
        for (name, value) in parts.map(lex::pair) {
            if !is_token(name.as_bytes()) {
                return None;
            }
            if preference.quality.is_none() && name.eq_ignore_ascii_case("q") {
                preference.quality = Some(Quality::parse(value?)?);
                continue;
            }
            let list = match preference.quality {
                None => &mut preference.parameters,
                Some(_) => &mut preference.extensions,
            };
            if list.len() >= lex::MAX_ELEMENTS {
                return None;
            }
            let value = match value {
                Some(value) => Some(lex::unquote(value)?.into_owned()),
                None => None,
            };
            list.push((String::from(name), value));
        }
        Some(preference)
    }

    fn push(&self, out: &mut String) {
        out.push_str(&self.value);
        lex::push_parameters(&self.parameters, out);
        match self.quality {
            Some(quality) => quality.push(out),
            // What follows would be read as parameters of the type.
            None if !self.extensions.is_empty() => Quality::ONE.push(out),
            None => {}
        }
        lex::push_parameters(&self.extensions, out);
    }

    fn wanted(&self) -> Quality {
        self.quality.unwrap_or(Quality::ONE)
    }
}

macro_rules! preferences {
    ($($(#[$doc:meta])* $type:ident = $name:literal, $valid:expr, $lower:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            pub struct $type(pub Vec<Preference>);

            impl Header for $type {
                fn name() -> HeaderName {
                    HeaderName::$type
                }

                fn decode_noting(
                    values: &mut dyn Iterator<Item = &str>,
                    _: &mut Tolerance<'_>,
                ) -> Result<Self, HeaderError> {
                    let mut list = lex::list($name, values, |text| Preference::parse(text, $valid))?;
                    if $lower {
                        list.iter_mut().for_each(|one| one.value.make_ascii_lowercase());
                    }
                    Ok(Self(list))
                }

                fn encode(&self, out: &mut String) {
                    for (index, preference) in self.0.iter().enumerate() {
                        if index > 0 {
                            out.push_str(", ");
                        }
                        preference.push(out);
                    }
                }
            }
        )*
    };
}

preferences! {
    /// Media types of the description that the client understands (RFC 7826 §18.1).
    Accept = "Accept", is_media_range, true;
    /// Codings of the body that the client undoes (RFC 7826 §18.3).
    AcceptEncoding = "Accept-Encoding", |text: &str| is_token(text.as_bytes()), true;
    /// Languages that the user reads (RFC 7826 §18.4).
    AcceptLanguage = "Accept-Language", |text: &str| text == "*" || is_language(text), false;
}

impl Accept {
    /// How much a media type is wanted: what its most specific range says (RFC 7826 §18.1). An empty list takes all.
    pub fn quality_of(&self, essence: &str) -> Quality {
        if self.0.is_empty() {
            return Quality::ONE;
        }
        let kind = essence.split('/').next().unwrap_or("");
        let specificity = |range: &str| match range.split_once('/') {
            _ if range.eq_ignore_ascii_case(essence) => Some(2),
            Some(("*", "*")) => Some(0),
            Some((other, "*")) if other.eq_ignore_ascii_case(kind) => Some(1),
            _ => None,
        };
        self.0
            .iter()
            .filter_map(|one| Some((specificity(&one.value)?, one.wanted())))
            .max()
            .map_or(Quality::ZERO, |(_, quality)| quality)
    }
}

impl AcceptEncoding {
    /// How much a coding is wanted; `identity` always is, unless it is excluded.
    pub fn quality_of(&self, coding: &str) -> Quality {
        let find = |name: &str| {
            self.0
                .iter()
                .find(|one| one.value.eq_ignore_ascii_case(name))
        };
        match find(coding).or_else(|| find("*")) {
            Some(one) => one.wanted(),
            None if coding.eq_ignore_ascii_case("identity") => Quality::ONE,
            None => Quality::ZERO,
        }
    }
}

/// `*/*`, `type/*` or `type/subtype`.
fn is_media_range(text: &str) -> bool {
    match text.split_once('/') {
        Some(("*", subtype)) => subtype == "*",
        Some((kind, subtype)) => is_token(kind.as_bytes()) && is_token(subtype.as_bytes()),
        None => false,
    }
}

/// Subtags of up to eight letters or digits; RFC 7826 §20.2.3 has letters only, registered tags have digits too.
pub(super) fn is_language(text: &str) -> bool {
    text.split('-').all(|tag| {
        (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, decode_lines, encoded};
    use super::*;

    fn quality(thousandths: u16) -> Quality {
        Quality::from_thousandths(thousandths).unwrap()
    }

    #[test]
    fn r2_hdr_06_accept_ranks_by_the_most_specific_range() {
        let text =
            "text/*;q=0.3, application/sdp;level=1;q=0.7;x=\"a,b\", */*;q=0.5, application/xml;q=0";
        let accept = decode::<Accept>(text).unwrap();
        for (essence, thousandths) in [
            ("application/sdp", 700),
            ("Application/SDP", 700),
            ("text/parameters", 300),
            ("application/xml", 0),
            ("video/mp4", 500),
        ] {
            assert_eq!(
                accept.quality_of(essence),
                quality(thousandths),
                "{essence}"
            );
        }
        assert_eq!(encoded(&accept), text);
        let narrow = decode_lines::<Accept>(&["application/sdp", "text/plain"]).unwrap();
        assert_eq!(narrow.quality_of("application/sdp"), Quality::ONE);
        assert_eq!(narrow.quality_of("image/png"), Quality::ZERO);
        assert_eq!(
            decode::<Accept>("").unwrap().quality_of("a/b"),
            Quality::ONE
        );
        for text in [
            "a",
            "*/a",
            "a/b;q=2",
            "a/b;q=1.001",
            "a/b;q=0.1234",
            "a/b;q=-1",
            "a/b;q",
            "a/b;q=.5",
            "a/b;q=nan",
            "/b",
            "a/",
            "a b/c",
            "a/b;\"",
        ] {
            assert!(decode::<Accept>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn qualities_have_three_decimals() {
        for (text, thousandths, written) in [
            ("0", 0, ";q=0"),
            ("0.", 0, ";q=0"),
            ("1", 1000, ";q=1"),
            ("1.000", 1000, ";q=1"),
            ("0.5", 500, ";q=0.5"),
            ("0.05", 50, ";q=0.05"),
            ("0.123", 123, ";q=0.123"),
        ] {
            let parsed = Quality::parse(text).unwrap();
            assert_eq!(parsed.thousandths(), thousandths, "{text}");
            let mut out = String::new();
            parsed.push(&mut out);
            assert_eq!(out, written);
        }
        assert_eq!(Quality::from_thousandths(1001), None);
    }

    #[test]
    fn encodings_and_languages() {
        let accept = decode::<AcceptEncoding>("GZIP;q=0.5, *;q=0").unwrap();
        assert_eq!(accept.quality_of("gzip"), quality(500));
        assert_eq!(accept.quality_of("identity"), Quality::ZERO);
        assert_eq!(
            AcceptEncoding::default().quality_of("identity"),
            Quality::ONE
        );
        assert_eq!(AcceptEncoding::default().quality_of("gzip"), Quality::ZERO);
        let text = "da, en-gb;q=0.8, *;q=0.1";
        assert_eq!(encoded(&decode::<AcceptLanguage>(text).unwrap()), text);
        for text in ["en_gb", "en-", "abcdefghi", "en;q=x"] {
            assert!(decode::<AcceptLanguage>(text).is_err(), "{text}");
        }
    }
}
