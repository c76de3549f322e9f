//! Format parameters, the value of `a=fmtp` behind the payload type.

use base64::{
    alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Base64 as cameras write it: padding or none, stray bits in the last character.
pub(crate) const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The value of `name` in `fmtp`, names compared without case; `None` if it is missing.
///
/// Accepts a trailing semicolon and blanks around names and values.
pub(crate) fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A decimal parameter; `None` if it is missing or not a number.
pub(crate) fn number(fmtp: &str, name: &str) -> Option<u32> {
    parameter(fmtp, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_however_they_are_written() {
        let fmtp =
            " profile-level-id=42C01E ;Packetization-Mode=1; sprop-parameter-sets=Z0LA,aM4=; ";
        assert_eq!(parameter(fmtp, "packetization-mode"), Some("1"));
        assert_eq!(parameter(fmtp, "sprop-parameter-sets"), Some("Z0LA,aM4="));
        assert_eq!(parameter(fmtp, "mode"), None);
        assert_eq!(number(fmtp, "PACKETIZATION-MODE"), Some(1));
        assert_eq!(number(fmtp, "profile-level-id"), None);
        assert_eq!(parameter("", "x"), None);
    }
}
