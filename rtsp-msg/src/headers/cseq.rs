//! `CSeq`.

use alloc::string::String;
use core::fmt::Write;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::{Deviation, Tolerance};
use crate::typed::{Header, HeaderError, HeaderErrorKind};

/// The number of a request on its connection, repeated in the response (RFC 7826 §18.20, RFC 2326 §12.17).
///
/// The grammar has 1 to 9 digits. Ten that fit 32 bits are read too if
/// [`Leniency::cseq_digits`](crate::Leniency::cseq_digits) is set, because RFC 2326 sets no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CSeq(pub u32);

impl Header for CSeq {
    fn name() -> HeaderName {
        HeaderName::CSeq
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("CSeq", values)?;
        lex::number(value, 10)
            .filter(|_| value.len() < 10 || tolerance.allow(Deviation::CseqDigits))
            .map(Self)
            .ok_or(lex::error("CSeq", HeaderErrorKind::Number))
    }

    fn encode(&self, out: &mut String) {
        let _ = write!(out, "{}", self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, encoded};
    use super::*;

    #[test]
    fn r2_cseq_06_digits_only() {
        for (text, number) in [
            ("0", 0),
            ("999999999", 999_999_999),
            ("007", 7),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(decode::<CSeq>(text), Ok(CSeq(number)), "{text}");
        }
        for text in [
            "1a",
            "-1",
            "+1",
            "1.0",
            "4294967296",
            "18446744073709551617",
            "0x1",
            "1 2",
        ] {
            assert_eq!(
                decode::<CSeq>(text).map_err(|error| error.kind),
                Err(HeaderErrorKind::Number),
                "{text}"
            );
        }
        assert_eq!(
            decode::<CSeq>("").map_err(|error| error.kind),
            Err(HeaderErrorKind::Empty)
        );
        assert_eq!(encoded(&CSeq(312)), "312");
    }
}
