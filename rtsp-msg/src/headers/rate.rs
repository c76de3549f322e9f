//! `Scale`, `Speed` and `Seek-Style`: how a range is played.

use alloc::format;
use alloc::string::String;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::token::Token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

/// Ratio of presentation time to wall-clock time: 2 is fast forward, −1 backward (RFC 7826 §18.46).
///
/// Always finite and not zero, below 10¹² in magnitude.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Scale(f64);

impl Scale {
    /// A scale; `None` when it is zero, not finite, or too large or small to be written.
    pub fn new(value: f64) -> Option<Self> {
        positive(value.abs()).map(|_| Self(value))
    }

    /// Reads an optional minus and a decimal number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text
            .strip_prefix('-')
            .map_or((1.0, text), |digits| (-1.0, digits));
        Self::new(sign * lex::positive_decimal(digits)?)
    }

    pub(super) fn push(self, out: &mut String) {
        if self.0 < 0.0 {
            out.push('-');
        }
        push_decimal(self.0.abs(), out);
    }

    /// The number.
    pub const fn value(self) -> f64 {
        self.0
    }
}

/// Ratio of delivery rate to real time, without effect on what is seen (RFC 7826 §18.50, RFC 2326 §12.35).
///
/// 2.0 gives bounds, 1.0 one number. Always positive and finite, the lower bound not above the upper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    lower: f64,
    upper: Option<f64>,
}

impl Speed {
    /// One number, as in 1.0.
    pub fn exact(value: f64) -> Option<Self> {
        positive(value).map(|lower| Self { lower, upper: None })
    }

    /// Bounds, as in 2.0.
    pub fn between(lower: f64, upper: f64) -> Option<Self> {
        let bounds = (positive(lower)?, positive(upper)?);
        (bounds.0 <= bounds.1).then_some(Self {
            lower,
            upper: Some(upper),
        })
    }

    /// The lower bound, or the number.
    pub fn lower(self) -> f64 {
        self.lower
    }

    /// The upper bound, or the number.
    pub fn upper(self) -> f64 {
        self.upper.unwrap_or(self.lower)
    }
}

/// Where to go when a range starts between random access points (RFC 7826 §18.47).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SeekStyle {
    /// `RAP`: the random access point before.
    Rap,
    /// `CoRAP`: that, unless the pause point is nearer.
    CoRap,
    /// `First-Prior`: the unit at or just before the start.
    FirstPrior,
    /// `Next`: the unit after.
    Next,
    /// Any other, to be ignored.
    Other(Token),
}

impl SeekStyle {
    fn as_str(&self) -> &str {
        match self {
            Self::Rap => "RAP",
            Self::CoRap => "CoRAP",
            Self::FirstPrior => "First-Prior",
            Self::Next => "Next",
            Self::Other(token) => token,
        }
    }
}

/// What nine fraction digits and twelve others can say.
fn positive(value: f64) -> Option<f64> {
    (value.is_finite() && (1e-9..1e12).contains(&value)).then_some(value)
}

fn push_decimal(value: f64, out: &mut String) {
    let text = format!("{value:.9}");
    out.push_str(text.trim_end_matches('0').trim_end_matches('.'));
}

impl Header for Scale {
    fn name() -> HeaderName {
        HeaderName::Scale
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Scale", values)?;
        Self::parse(value).ok_or(lex::error("Scale", HeaderErrorKind::Number))
    }

    fn encode(&self, out: &mut String) {
        self.push(out);
    }
}

impl Header for Speed {
    fn name() -> HeaderName {
        HeaderName::Speed
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Speed", values)?;
        let speed = match value.split_once('-') {
            Some((lower, upper)) => lex::positive_decimal(lower.trim_end())
                .zip(lex::positive_decimal(upper.trim_start()))
                .and_then(|(lower, upper)| Self::between(lower, upper)),
            None => lex::positive_decimal(value).and_then(Self::exact),
        };
        speed.ok_or(lex::error("Speed", HeaderErrorKind::Number))
    }

    fn encode(&self, out: &mut String) {
        push_decimal(self.lower, out);
        if let Some(upper) = self.upper {
            out.push('-');
            push_decimal(upper, out);
        }
    }
}

impl Header for SeekStyle {
    fn name() -> HeaderName {
        HeaderName::SeekStyle
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Seek-Style", values)?;
        let known = [Self::Rap, Self::CoRap, Self::FirstPrior, Self::Next];
        match known
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(value))
        {
            Some(known) => Ok(known),
            None => Token::new(value)
                .map(Self::Other)
                .ok_or(lex::error("Seek-Style", HeaderErrorKind::Syntax)),
        }
    }

    fn encode(&self, out: &mut String) {
        out.push_str(self.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, encoded};
    use super::*;

    const NUMBERS_THAT_ARE_NONE: [&str; 16] = [
        "",
        "NaN",
        "inf",
        "-inf",
        "infinity",
        "0",
        "-0",
        "0.0",
        "1e308",
        "0x10",
        "+1",
        "--1",
        "1.",
        ".5",
        "1,5",
        "1234567890123",
    ];

    #[test]
    fn r2_range_09_scale() {
        for (text, value, written) in [
            ("1", 1.0, "1"),
            ("2.50", 2.5, "2.5"),
            ("-1.0", -1.0, "-1"),
            ("0.000000001", 1e-9, "0.000000001"),
            ("999999999999", 999_999_999_999.0, "999999999999"),
        ] {
            let scale = decode::<Scale>(text).unwrap();
            assert_eq!((scale.value(), &*encoded(&scale)), (value, written));
        }
        for text in NUMBERS_THAT_ARE_NONE {
            assert!(decode::<Scale>(text).is_err(), "{text}");
        }
        for value in [f64::NAN, f64::INFINITY, 0.0, -0.0, 1e308, 1e-300] {
            assert_eq!(Scale::new(value), None, "{value}");
        }
    }

    #[test]
    fn r2_range_13_r1_hdr_14_speed() {
        for (text, bounds, written) in [
            ("2", (2.0, 2.0), "2"),
            ("1.0-2.5", (1.0, 2.5), "1-2.5"),
            ("1 - 1", (1.0, 1.0), "1-1"),
        ] {
            let speed = decode::<Speed>(text).unwrap();
            assert_eq!(
                ((speed.lower(), speed.upper()), &*encoded(&speed)),
                (bounds, written)
            );
        }
        for text in NUMBERS_THAT_ARE_NONE
            .into_iter()
            .chain(["0-1", "2-1", "-1", "1-", "1--2", "1-nan", "1-2-3"])
        {
            assert!(decode::<Speed>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn r2_range_22_policies_compare_without_case() {
        assert_eq!(decode::<SeekStyle>("rap"), Ok(SeekStyle::Rap));
        for text in ["RAP", "CoRAP", "First-Prior", "Next", "foo"] {
            assert_eq!(encoded(&decode::<SeekStyle>(text).unwrap()), text);
        }
        assert!(decode::<SeekStyle>("a b").is_err());
    }
}
