//! Headers of ONVIF's replay: `Rate-Control`, `Frames`, `Immediate` (ONVIF Streaming Specification §6.5).

use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::token::Token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

macro_rules! switches {
    ($($(#[$doc:meta])* $type:ident = $name:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct $type(pub bool);

            impl Header for $type {
                fn name() -> HeaderName {
                    HeaderName::$type
                }

                fn decode_noting(
                    values: &mut dyn Iterator<Item = &str>,
                    _: &mut Tolerance<'_>,
                ) -> Result<Self, HeaderError> {
                    match lex::single($name, values)? {
                        yes if yes.eq_ignore_ascii_case("yes") => Ok(Self(true)),
                        no if no.eq_ignore_ascii_case("no") => Ok(Self(false)),
                        _ => Err(lex::error($name, HeaderErrorKind::Syntax)),
                    }
                }

                fn encode(&self, out: &mut String) {
                    out.push_str(if self.0 { "yes" } else { "no" });
                }
            }
        )*
    };
}

switches! {
    /// Whether the server paces the stream; if not, the client does, by reading. `yes` when it is not said.
    RateControl = "Rate-Control";
    /// Whether a PLAY takes the place of the one before at once.
    Immediate = "Immediate";
}

/// Which frames are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frames {
    /// `all`
    All,
    /// `intra`: key frames, at least so far apart on the recording's timeline, in whole milliseconds.
    Intra(Option<Duration>),
    /// `predicted`: key frames and those predicted from earlier ones.
    Predicted,
    /// Any other.
    Other(Token),
}

impl Header for Frames {
    fn name() -> HeaderName {
        HeaderName::Frames
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Frames", values)?;
        let is = |text: &str, other: &str| text.eq_ignore_ascii_case(other);
        match value.split_once('/') {
            Some((intra, interval)) if is(intra, "intra") => lex::number(interval, 9)
                .map(|interval| Self::Intra(Some(Duration::from_millis(interval))))
                .ok_or(lex::error("Frames", HeaderErrorKind::Number)),
            None if is(value, "intra") => Ok(Self::Intra(None)),
            None if is(value, "predicted") => Ok(Self::Predicted),
            None if is(value, "all") => Ok(Self::All),
            _ => Token::new(value)
                .map(Self::Other)
                .ok_or(lex::error("Frames", HeaderErrorKind::Syntax)),
        }
    }

    fn encode(&self, out: &mut String) {
        match self {
            Self::All => out.push_str("all"),
            Self::Predicted => out.push_str("predicted"),
            Self::Intra(None) => out.push_str("intra"),
            Self::Intra(Some(interval)) => {
                let _ = write!(out, "intra/{}", interval.as_millis().min(999_999_999));
            }
            Self::Other(token) => out.push_str(token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, encoded};
    use super::*;

    #[test]
    fn replay_headers_round_trip() {
        for text in ["all", "intra", "intra/4000", "predicted", "x-some"] {
            assert_eq!(encoded(&decode::<Frames>(text).unwrap()), text);
        }
        assert_eq!(
            decode::<Frames>("Intra/4000"),
            Ok(Frames::Intra(Some(Duration::from_secs(4))))
        );
        for text in ["", "intra/", "intra/-1", "intra/1000000000", "all/1", "a b"] {
            assert!(decode::<Frames>(text).is_err(), "{text}");
        }
        assert_eq!(decode::<RateControl>("No"), Ok(RateControl(false)));
        assert_eq!(encoded(&Immediate(true)), "yes");
        assert!(decode::<Immediate>("1").is_err());
    }
}
