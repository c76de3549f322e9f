//! Headers that are text: `Server`, `User-Agent`, `Timestamp`, `MTag` and its conditions, `x-sessioncookie`.

use alloc::string::String;
use alloc::vec::Vec;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

macro_rules! texts {
    ($($(#[$doc:meta])* $type:ident = $name:literal, $valid:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $type(pub String);

            impl Header for $type {
                fn name() -> HeaderName {
                    HeaderName::$type
                }

                fn decode_noting(values: &mut dyn Iterator<Item = &str>, _: &mut Tolerance<'_>) -> Result<Self, HeaderError> {
                    let value = lex::single($name, values)?;
                    match $valid(value) {
                        true => Ok(Self(String::from(value))),
                        false => Err(lex::error($name, HeaderErrorKind::Syntax)),
                    }
                }

                fn encode(&self, out: &mut String) {
                    out.push_str(&self.0);
                }
            }
        )*
    };
}

texts! {
    /// Products and comments that the server is made of (RFC 7826 §18.48).
    Server = "Server", |_: &str| true;
    /// The same of the client (RFC 7826 §18.56).
    UserAgent = "User-Agent", |_: &str| true;
    /// What binds the two connections of an HTTP tunnel together: opaque, at most 256 visible characters.
    XSessionCookie = "x-sessioncookie",
        |text: &str| text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
}

/// When the sender sent the request, by its own clock; in the response with the time that passed at the server
/// (RFC 7826 §18.53). Kept as text, because it must come back digit by digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp {
    /// Seconds.
    pub value: String,
    /// Seconds between the request and its response.
    pub delay: Option<String>,
}

impl Header for Timestamp {
    fn name() -> HeaderName {
        HeaderName::Timestamp
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let mut words = lex::single("Timestamp", values)?.split_ascii_whitespace();
        let (value, delay) = (words.next().unwrap_or(""), words.next());
        if words.next().is_some()
            || !is_time(value, 19)
            || !delay.is_none_or(|delay| is_time(delay, 9))
        {
            return Err(lex::error("Timestamp", HeaderErrorKind::Number));
        }
        Ok(Self {
            value: String::from(value),
            delay: delay.map(String::from),
        })
    }

    fn encode(&self, out: &mut String) {
        out.push_str(&self.value);
        if let Some(delay) = &self.delay {
            out.extend([" ", delay]);
        }
    }
}

/// `*DIGIT ["." *9DIGIT]` with a digit somewhere.
fn is_time(text: &str, max_digits: usize) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits =
        |part: &str, max| part.len() <= max && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole, max_digits) && digits(fraction, 9) && text.len() > usize::from(text.contains('.'))
}

/// A tag that changes with the description (RFC 7826 §18.31).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MTag {
    /// Whether it only says that the meaning is the same.
    pub weak: bool,
    /// The tag, without its quotes.
    pub opaque: String,
}

impl MTag {
    fn parse(text: &str) -> Option<Self> {
        let (weak, quoted) = text
            .strip_prefix("W/")
            .map_or((false, text), |rest| (true, rest));
        let opaque = lex::unquote(quoted).filter(|_| quoted.starts_with('"'))?;
        Some(Self {
            weak,
            opaque: opaque.into_owned(),
        })
    }

    /// Whether both stand for the same bytes: identical, and neither weak (RFC 7826 §16.1.3).
    pub fn is_strongly(&self, other: &Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Whether both stand for the same meaning, be they weak or not (RFC 7826 §16.1.3).
    pub fn is_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    fn push(&self, out: &mut String) {
        if self.weak {
            out.push_str("W/");
        }
        lex::quote(&self.opaque, out);
    }
}

impl Header for MTag {
    fn name() -> HeaderName {
        HeaderName::MTag
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        Self::parse(lex::single("MTag", values)?).ok_or(lex::error("MTag", HeaderErrorKind::Syntax))
    }

    fn encode(&self, out: &mut String) {
        self.push(out);
    }
}

/// The tags that a condition names. Complete by its grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MTagCondition {
    /// `*`: any.
    Any,
    /// One of these.
    Tags(Vec<MTag>),
}

/// Go on only if one of the tags is the current one (RFC 7826 §18.24).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(pub MTagCondition);

/// Go on only if none of the tags is the current one (RFC 7826 §18.26).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfNoneMatch(pub MTagCondition);

fn decode_condition(
    name: &'static str,
    values: &mut dyn Iterator<Item = &str>,
) -> Result<MTagCondition, HeaderError> {
    let mut tags = Vec::new();
    for text in values
        .flat_map(|line| lex::split(line, b','))
        .filter(|text| !text.is_empty())
    {
        if text == "*" {
            return Ok(MTagCondition::Any);
        }
        if tags.len() >= lex::MAX_ELEMENTS {
            return Err(lex::error(name, HeaderErrorKind::TooMany));
        }
        tags.push(MTag::parse(text).ok_or(lex::error(name, HeaderErrorKind::Syntax))?);
    }
    match tags.is_empty() {
        true => Err(lex::error(name, HeaderErrorKind::Empty)),
        false => Ok(MTagCondition::Tags(tags)),
    }
}

fn encode_condition(condition: &MTagCondition, out: &mut String) {
    match condition {
        MTagCondition::Any => out.push('*'),
        MTagCondition::Tags(tags) => {
            for (index, tag) in tags.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                tag.push(out);
            }
        }
    }
}

macro_rules! conditions {
    ($($type:ident = $name:literal;)*) => {
        $(impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::$type
            }

            fn decode_noting(values: &mut dyn Iterator<Item = &str>, _: &mut Tolerance<'_>) -> Result<Self, HeaderError> {
                decode_condition($name, values).map(Self)
            }

            fn encode(&self, out: &mut String) {
                encode_condition(&self.0, out);
            }
        })*
    };
}

conditions! {
    IfMatch = "If-Match";
    IfNoneMatch = "If-None-Match";
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::lex::tests::{decode, encoded};
    use super::*;

    #[test]
    fn r1_hdr_15_a_timestamp_comes_back_digit_by_digit() {
        for text in ["1.5", "01.50", "5.", ".5", "1234567890.123456789 0.5", "7"] {
            assert_eq!(encoded(&decode::<Timestamp>(text).unwrap()), text);
        }
        for text in [
            "",
            ".",
            "-1",
            "+1",
            "1e5",
            "nan",
            "1 2 3",
            "1 -2",
            "12345678901234567890",
            "1.1234567890",
        ] {
            assert!(decode::<Timestamp>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tags_and_conditions_round_trip() {
        for text in ["\"abc\"", "W/\"a,b\\\"\"", "\"\""] {
            assert_eq!(encoded(&decode::<MTag>(text).unwrap()), text);
            assert_eq!(encoded(&decode::<IfMatch>(text).unwrap()), text);
        }
        let two = decode::<IfNoneMatch>("\"a,b\",W/\"c\"").unwrap();
        assert_eq!(encoded(&two), "\"a,b\", W/\"c\"");
        let c = MTag {
            weak: true,
            opaque: "c".into(),
        };
        let a = MTag {
            weak: false,
            opaque: "a,b".into(),
        };
        assert_eq!(two.0, MTagCondition::Tags(vec![a, c]));
        assert_eq!(decode::<IfMatch>("*"), Ok(IfMatch(MTagCondition::Any)));
        for text in ["", "abc", "\"abc", "w/\"a\"", "\"a\"b"] {
            assert!(decode::<MTag>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cookies_are_visible_and_bounded() {
        assert!(decode::<XSessionCookie>("tD9hKgAAfB8ABCftAAAAAw").is_ok());
        for text in ["", "a b", &"a".repeat(257), "ü"] {
            assert!(decode::<XSessionCookie>(text).is_err(), "{text}");
        }
    }
}
