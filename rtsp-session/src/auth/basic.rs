//! The Basic scheme (RFC 7617).

use super::Credentials;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Longest credentials that are looked at, in characters of base64.
const LONGEST: usize = 1024;

/// Padding is not asked for: several cameras leave it out.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What follows `Basic ` in an Authorization header.
#[must_use]
pub fn encode(credentials: &Credentials) -> String {
    ENGINE.encode(format!("{}:{}", credentials.username, credentials.password))
}

/// Reads what follows `Basic `. `None` when it is too long, not base64, not UTF-8 or has no colon.
#[must_use]
pub fn decode(token: &str) -> Option<Credentials> {
    if token.len() > LONGEST {
        return None;
    }
    let text = String::from_utf8(ENGINE.decode(token.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(Credentials::new(username, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7617_examples() {
        assert_eq!(
            encode(&Credentials::new("Aladdin", "open sesame")),
            "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(
            decode("dGVzdDoxMjPCow=="),
            Some(Credentials::new("test", "123£"))
        );
        assert_eq!(
            decode("QWxhZGRpbjpvcGVuIHNlc2FtZQ"),
            Some(Credentials::new("Aladdin", "open sesame"))
        );
        assert_eq!(
            decode("YTpiOmM="),
            Some(Credentials::new("a", "b:c")),
            "only the first colon parts"
        );
    }

    #[test]
    fn nonsense_is_no_credentials() {
        for token in [
            "",
            "=",
            "!!!!",
            "YWJj",
            "//////8=",
            &"A".repeat(1025),
            "YTpi\u{e9}",
        ] {
            assert_eq!(decode(token), None, "{token}");
        }
    }
}
