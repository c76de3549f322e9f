//! Names of certificates.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use sha2::Digest as _;
use sha2::Sha256;

/// The SHA-256 digest of a certificate in DER (RFC 7826 §18.2). Shown and read as `AB:CD:…`, 32 octets in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// What a text would have to be to name a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")]
#[non_exhaustive]
pub struct FingerprintError;

impl Fingerprint {
    /// That of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// The 32 octets.
    #[must_use]
    pub fn octets(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_char(':')?;
            }
            write!(f, "{octet:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let mut digits = text.trim().bytes().filter(|byte| *byte != b':');
        let mut octets = [0; 32];
        for octet in &mut octets {
            *octet = digit(digits.next())? << 4 | digit(digits.next())?;
        }
        match digits.next() {
            None => Ok(Self(octets)),
            Some(_) => Err(FingerprintError),
        }
    }
}

fn digit(byte: Option<u8>) -> Result<u8, FingerprintError> {
    match byte {
        Some(byte @ b'0'..=b'9') => Ok(byte - b'0'),
        Some(byte @ b'a'..=b'f') => Ok(byte - b'a' + 10),
        Some(byte @ b'A'..=b'F') => Ok(byte - b'A' + 10),
        _ => Err(FingerprintError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read() {
        // FIPS 180-2, appendix B.1.
        let abc = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
        assert_eq!(Fingerprint::of(b"abc").to_string(), abc);
        for text in [abc.to_owned(), abc.to_lowercase(), abc.replace(':', "")] {
            assert_eq!(text.parse(), Ok(Fingerprint::of(b"abc")));
        }
        for wrong in [
            "",
            "AB",
            &abc[3..],
            &format!("{abc}:00"),
            &abc.replace('B', "G"),
        ] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(FingerprintError));
        }
    }
}
