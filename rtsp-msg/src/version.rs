//! The protocol version.

use core::fmt;

/// A version of RTSP that this crate speaks. Complete: RFC 2326 and RFC 7826 are all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// RTSP/1.0, RFC 2326.
    V1_0,
    /// RTSP/2.0, RFC 7826.
    V2_0,
}

/// Why a version could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// Not of the form `RTSP/1*DIGIT.1*DIGIT`.
    #[error("not an RTSP version")]
    Syntax,
    /// Well formed, but neither 1.0 nor 2.0: answered 505.
    #[error("an RTSP version that is not spoken here")]
    Unsupported,
}

impl Version {
    /// Reads `RTSP/1.0` or `RTSP/2.0`. Major and minor are integers: leading zeros do not count (RFC 7826 §4.1).
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        match text {
            "RTSP/1.0" => return Ok(Self::V1_0),
            "RTSP/2.0" => return Ok(Self::V2_0),
            _ => {}
        }
        let (name, number) = text.split_once('/').ok_or(VersionError::Syntax)?;
        let (major, minor) = number.split_once('.').ok_or(VersionError::Syntax)?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !name.eq_ignore_ascii_case("RTSP") || !digits(major) || !digits(minor) {
            return Err(VersionError::Syntax);
        }
        match (major.trim_start_matches('0'), minor.trim_start_matches('0')) {
            ("1", "") => Ok(Self::V1_0),
            ("2", "") => Ok(Self::V2_0),
            _ => Err(VersionError::Unsupported),
        }
    }

    /// The version as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "RTSP/1.0",
            Self::V2_0 => "RTSP/2.0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_ver_02_leading_zeros_are_ignored() {
        for (text, expected) in [
            ("RTSP/1.0", Ok(Version::V1_0)),
            ("RTSP/2.0", Ok(Version::V2_0)),
            ("RTSP/01.00", Ok(Version::V1_0)),
            ("RTSP/02.00", Ok(Version::V2_0)),
            ("rtsp/2.0", Ok(Version::V2_0)),
            ("RTSP/2.00000000000000000000000000000000", Ok(Version::V2_0)),
        ] {
            assert_eq!(Version::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn r2_ver_01_numbers_are_integers_of_any_length() {
        for text in [
            "RTSP/1.1",
            "RTSP/10.0",
            "RTSP/20.0",
            "RTSP/12.3",
            "RTSP/99999999999999999999.0",
        ] {
            assert_eq!(
                Version::parse(text),
                Err(VersionError::Unsupported),
                "{text}"
            );
        }
        for text in [
            "",
            "RTSP",
            "RTSP/",
            "RTSP/1",
            "RTSP/1.",
            "RTSP/.0",
            "HTTP/1.0",
            "RTSP/1.0 ",
            "RTSP/-1.0",
            "RTSP/1.0.0",
        ] {
            assert_eq!(Version::parse(text), Err(VersionError::Syntax), "{text}");
        }
        assert!(Version::V1_0 < Version::V2_0);
    }
}
