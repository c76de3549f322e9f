//! `Date`, `Expires`, `Last-Modified`, `If-Modified-Since` and `Retry-After`.

use alloc::string::String;
use core::fmt::Write;

use super::lex;
use super::time::UtcTime;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

macro_rules! dates {
    ($($(#[$doc:meta])* $type:ident = $name:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $type(pub UtcTime);

            impl Header for $type {
                fn name() -> HeaderName {
                    HeaderName::$type
                }

                fn decode_noting(values: &mut dyn Iterator<Item = &str>, _: &mut Tolerance<'_>) -> Result<Self, HeaderError> {
                    let value = lex::single($name, values)?;
                    UtcTime::parse_date(value).map(Self).ok_or(lex::error($name, HeaderErrorKind::Syntax))
                }

                fn encode(&self, out: &mut String) {
                    self.0.push_date(out);
                }
            }
        )*
    };
}

dates! {
    /// When the message was made (RFC 7826 §18.21).
    Date = "Date";
    /// When the description gets stale (RFC 7826 §18.22). A value that cannot be read means that it is.
    Expires = "Expires";
    /// When the description was last changed (RFC 7826 §18.27).
    LastModified = "Last-Modified";
    /// Makes DESCRIBE and SETUP depend on a change since (RFC 7826 §18.25).
    IfModifiedSince = "If-Modified-Since";
}

/// When to try again (RFC 7826 §18.44).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // complete by its grammar
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// At this moment.
    At(UtcTime),
}

impl Header for RetryAfter {
    fn name() -> HeaderName {
        HeaderName::RetryAfter
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Retry-After", values)?;
        let seconds = lex::number(value, 19).map(Self::Seconds);
        let parsed = seconds.or_else(|| UtcTime::parse_date(value).map(Self::At));
        parsed.ok_or(lex::error("Retry-After", HeaderErrorKind::Syntax))
    }

    fn encode(&self, out: &mut String) {
        match self {
            Self::Seconds(seconds) => {
                let _ = write!(out, "{seconds}");
            }
            Self::At(time) => time.push_date(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, encoded};
    use super::*;

    #[test]
    fn r2_hdr_20_25_dates_and_delays() {
        let text = "Thu, 23 Jan 1997 15:35:06 GMT";
        assert_eq!(encoded(&decode::<Date>(text).unwrap()), text);
        assert_eq!(encoded(&decode::<RetryAfter>(text).unwrap()), text);
        assert_eq!(decode::<RetryAfter>("120"), Ok(RetryAfter::Seconds(120)));
        assert_eq!(encoded(&RetryAfter::Seconds(5)), "5");
        assert!(decode::<Expires>("0").is_err());
        for text in ["", "-1", "soon", "1.5", "99999999999999999999"] {
            assert!(decode::<RetryAfter>(text).is_err(), "{text}");
        }
    }
}
