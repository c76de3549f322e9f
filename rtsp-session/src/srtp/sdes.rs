//! Keys in `a=crypto` (RFC 4568).
//!
//! The key stands there as it is, so a description with it is for TLS alone. It says nothing of rollovers: whoever gets it has to be sent packets
//! whose sequence numbers have not rolled over yet, as far as the seal is concerned. Nothing can be agreed on in RTSP, which has no
//! answer: session parameters that change how packets are sealed are refused by name.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::{MasterKey, Suite};

/// Octets of an attribute's value.
const MAX_LENGTH: usize = 1024;

/// One `a=crypto`.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // Complete: what is supported of the attribute.
pub struct Crypto {
    /// Its number, by which an answer would choose it.
    pub tag: u32,
    /// Its suite and key.
    pub master: MasterKey,
}

/// Why an `a=crypto` is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// It breaks the grammar.
    #[error("malformed")]
    Syntax,
    /// A suite that is not known.
    #[error("the crypto suite {0} is not known")]
    Suite(String),
    /// A key that does not fit the suite.
    #[error("a key of the wrong length")]
    KeyLength,
    /// More than one key.
    #[error("more than one key")]
    SeveralKeys,
    /// A session parameter that changes how packets are sealed.
    #[error("the session parameter {0} is not supported")]
    Parameter(String),
}

impl Crypto {
    /// Reads the value of an `a=crypto`.
    ///
    /// # Errors
    ///
    /// See [`CryptoError`].
    pub fn parse(value: &str) -> Result<Self, CryptoError> {
        if value.len() > MAX_LENGTH {
            return Err(CryptoError::Syntax);
        }
        let mut words = value.split_ascii_whitespace();
        let mut word = || words.next().ok_or(CryptoError::Syntax);
        let (tag, suite, keys) = (word()?, word()?, word()?);
        let digits = tag.len() <= 9 && tag.bytes().all(|digit| digit.is_ascii_digit());
        let tag = tag.parse().ok().filter(|_| digits);
        let tag = tag.ok_or(CryptoError::Syntax)?;
        let suite = Suite::named(suite).ok_or_else(|| CryptoError::Suite(suite.to_owned()))?;
        for parameter in words {
            // These two concern the peer alone, or no more than its bookkeeping.
            let name = parameter.split('=').next().unwrap_or_default();
            if !name.eq_ignore_ascii_case("WSH") && parameter != "KDR=0" {
                return Err(CryptoError::Parameter(parameter.to_owned()));
            }
        }
        if keys.contains(';') {
            return Err(CryptoError::SeveralKeys);
        }
        let master = key(suite, keys)?;
        Ok(Self { tag, master })
    }
}

/// `inline:` with key and salt, and maybe a lifetime and an identifier (RFC 4568 §6.1).
fn key(suite: Suite, text: &str) -> Result<MasterKey, CryptoError> {
    let (method, rest) = text.split_once(':').ok_or(CryptoError::Syntax)?;
    if !method.eq_ignore_ascii_case("inline") {
        return Err(CryptoError::Syntax);
    }
    let mut parts = rest.split('|');
    let octets = parts.next().unwrap_or_default();
    let octets = BASE64_STANDARD.decode(octets);
    let octets = Zeroizing::new(octets.map_err(|_| CryptoError::Syntax)?);
    let mut master = MasterKey::new(suite, &octets).map_err(|_| CryptoError::KeyLength)?;
    let mut identified = false;
    for (place, part) in parts.enumerate() {
        match part.split_once(':') {
            Some((value, length)) if !identified => {
                master = master.with_identifier(&identifier(value, length)?);
                identified = true;
            }
            // A lifetime, which is never longer than what a key lives anyway.
            None if place == 0 && is_lifetime(part) => {}
            _ => return Err(CryptoError::Syntax),
        }
    }
    Ok(master)
}

/// `VALUE:LENGTH`: a number in so many octets.
fn identifier(value: &str, length: &str) -> Result<Vec<u8>, CryptoError> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if !digits(value) || !digits(length) {
        return Err(CryptoError::Syntax);
    }
    let value: u64 = value.parse().map_err(|_| CryptoError::Syntax)?;
    let length: usize = length.parse().map_err(|_| CryptoError::Syntax)?;
    let octets = value.to_be_bytes();
    let used = octets.len() - value.leading_zeros() as usize / 8;
    if length == 0 || length > 128 || used > length {
        return Err(CryptoError::Syntax);
    }
    let mut identifier = vec![0; length.saturating_sub(octets.len())];
    identifier.extend(&octets[octets.len().saturating_sub(length)..]);
    Ok(identifier)
}

/// `2^48`, or a number.
fn is_lifetime(text: &str) -> bool {
    let digits = text.strip_prefix("2^").unwrap_or(text);
    !digits.is_empty() && digits.len() <= 15 && digits.bytes().all(|digit| digit.is_ascii_digit())
}

impl fmt::Display for Crypto {
    /// The value of the attribute, with the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = Zeroizing::new(BASE64_STANDARD.encode(self.master.key_and_salt()));
        write!(f, "{} {} inline:{}", self.tag, self.master.suite(), *key)?;
        let mki = self.master.identifier();
        let (zeros, octets) = mki.split_at(mki.len().saturating_sub(8));
        if !mki.is_empty() && zeros.iter().all(|octet| *octet == 0) {
            let value = octets
                .iter()
                .fold(0, |value: u64, octet| value << 8 | u64::from(*octet));
            write!(f, "|{value}:{}", mki.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4568 §4.1 has 30 octets in this form.
    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn attributes_are_read_and_written() {
        for (text, written, mki) in [
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"),
                &[0, 0, 0, 1][..],
            ),
            (
                format!("12  AES_CM_128_HMAC_SHA1_32 inline:{KEY}"),
                format!("12 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"),
                &[],
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 INLINE:{KEY}|66051:3 WSH=60 KDR=0"),
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|66051:3"),
                &[1, 2, 3],
            ),
        ] {
            let crypto = Crypto::parse(&text).unwrap();
            assert_eq!(crypto.to_string(), written);
            assert_eq!(crypto.master.identifier(), mki);
            assert_eq!(crypto.master.key(), b"YS___semctl () {");
            let again = Crypto::parse(&written).unwrap();
            assert_eq!(again.master.key_and_salt(), crypto.master.key_and_salt());
            assert!(!format!("{crypto:?}").contains(KEY));
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        let suite = "AES_CM_128_HMAC_SHA1_80";
        let parameter = |text: &str| CryptoError::Parameter(text.to_owned());
        for (text, error) in [
            (
                format!("1 {suite} inline:{KEY} UNENCRYPTED_SRTP"),
                parameter("UNENCRYPTED_SRTP"),
            ),
            (
                format!("1 {suite} inline:{KEY} UNENCRYPTED_SRTCP"),
                parameter("UNENCRYPTED_SRTCP"),
            ),
            (
                format!("1 {suite} inline:{KEY} UNAUTHENTICATED_SRTP"),
                parameter("UNAUTHENTICATED_SRTP"),
            ),
            (format!("1 {suite} inline:{KEY} KDR=4"), parameter("KDR=4")),
            (
                format!("1 {suite} inline:{KEY} FEC_ORDER=FEC_SRTP"),
                parameter("FEC_ORDER=FEC_SRTP"),
            ),
            (format!("1 {suite} inline:{KEY} -EXT"), parameter("-EXT")),
            (
                format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
                CryptoError::Suite("F8_128_HMAC_SHA1_80".to_owned()),
            ),
            (
                format!("1 {suite} inline:{KEY}|1:4;inline:{KEY}|2:4"),
                CryptoError::SeveralKeys,
            ),
            (
                format!("1 AEAD_AES_128_GCM inline:{KEY}"),
                CryptoError::KeyLength,
            ),
            (format!("1 {suite} inline:AAAA"), CryptoError::KeyLength),
        ] {
            assert_eq!(Crypto::parse(&text).unwrap_err(), error, "{text}");
        }
        for text in [
            String::new(),
            format!("1 {suite}"),
            format!("x {suite} inline:{KEY}"),
            format!("+1 {suite} inline:{KEY}"),
            format!("1234567890 {suite} inline:{KEY}"),
            format!("1 {suite} outline:{KEY}"),
            format!("1 {suite} inline:{KEY}|1:0"),
            format!("1 {suite} inline:{KEY}|256:1"),
            format!("1 {suite} inline:{KEY}|1:129"),
            format!("1 {suite} inline:{KEY}|-1:4"),
            format!("1 {suite} inline:{KEY}|1:4|2^20"),
            format!("1 {suite} inline:{KEY}|2^"),
            format!("1 {suite} inline:{KEY}!"),
            format!("1 {suite} inline:{}", "A".repeat(2000)),
        ] {
            assert_eq!(
                Crypto::parse(&text).unwrap_err(),
                CryptoError::Syntax,
                "{text}"
            );
        }
    }
}
