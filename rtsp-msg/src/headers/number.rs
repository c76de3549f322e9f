//! Headers that are a number: `Content-Length`, `Blocksize`, `Bandwidth`, `Pipelined-Requests`.

use alloc::string::String;
use core::fmt::Write;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

macro_rules! numbers {
    ($($(#[$doc:meta])* $type:ident($number:ty) = $name:literal, $digits:literal, $min:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $type(pub $number);

            impl Header for $type {
                fn name() -> HeaderName {
                    HeaderName::$type
                }

                fn decode_noting(values: &mut dyn Iterator<Item = &str>, _: &mut Tolerance<'_>) -> Result<Self, HeaderError> {
                    let value = lex::single($name, values)?;
                    let number = lex::number::<$number>(value, $digits).filter(|number| ($min..).contains(number));
                    number.map(Self).ok_or(lex::error($name, HeaderErrorKind::Number))
                }

                fn encode(&self, out: &mut String) {
                    let _ = write!(out, "{}", self.0);
                }
            }
        )*
    };
}

numbers! {
    /// Octets of the body (RFC 7826 §18.17). Messages write and read it themselves.
    ContentLength(u64) = "Content-Length", 19, 0;
    /// The packet size that a client would like, in octets without headers of lower layers (RFC 7826 §18.10).
    Blocksize(u32) = "Blocksize", 9, 1;
    /// The bandwidth of the client: **bits** a second in 1.0, **kilobits** in 2.0 (RFC 2326 §12.6, RFC 7826 §18.9).
    Bandwidth(u64) = "Bandwidth", 19, 1;
    /// What binds pipelined requests to the session that the first of them makes (RFC 7826 §18.33).
    PipelinedRequests(u32) = "Pipelined-Requests", 8, 0;
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, decode_lines, encoded};
    use super::*;

    #[test]
    fn r2_msg_19_content_length() {
        assert_eq!(decode::<ContentLength>("0"), Ok(ContentLength(0)));
        assert_eq!(
            decode::<ContentLength>("9999999999999999999"),
            Ok(ContentLength(9_999_999_999_999_999_999))
        );
        for text in ["-1", "+5", "5a", "", "18446744073709551616"] {
            assert!(decode::<ContentLength>(text).is_err(), "{text}");
        }
        assert!(decode_lines::<ContentLength>(&["1", "2"]).is_err());
    }

    #[test]
    fn r2_hdr_12_14_r1_hdr_11_12_positive_numbers() {
        assert_eq!(encoded(&decode::<Blocksize>("1200").unwrap()), "1200");
        for text in ["0", "-1", "abc", "1234567890"] {
            assert!(decode::<Blocksize>(text).is_err(), "{text}");
        }
        assert_eq!(decode::<Bandwidth>("4000"), Ok(Bandwidth(4000)));
        assert_eq!(
            decode::<PipelinedRequests>("00012345"),
            Ok(PipelinedRequests(12345))
        );
        assert!(decode::<PipelinedRequests>("123456789").is_err());
    }
}
