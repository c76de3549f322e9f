//! `Session`.

use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::{Deviation, Tolerance};
use crate::typed::{Header, HeaderError, HeaderErrorKind};

const NAME: &str = "Session";

/// The longest id that is read, in bytes; the grammar of RFC 7826 §20.2.1 ends at 256.
const MAX_ID: usize = 512;

/// The id of a session and, in responses, how long it lives without a sign of life (RFC 7826 §18.49).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// The id: opaque, compared with regard to case.
    pub id: String,
    /// The timeout in whole seconds, if one is given; 60 s are meant otherwise. Larger ones than `u32::MAX` seconds
    /// are read as that.
    pub timeout: Option<Duration>,
}

impl Session {
    /// A session without a timeout, as requests carry it.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            timeout: None,
        }
    }
}

impl Header for Session {
    fn name() -> HeaderName {
        HeaderName::Session
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single(NAME, values)?;
        let mut parts = lex::split(value, b';');
        let id = parts.next().unwrap_or("");
        if id.is_empty() {
            return Err(lex::error(NAME, HeaderErrorKind::Empty));
        }
        let proper = id.len() <= 256 && id.bytes().all(is_id_byte);
        let passable = id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_graphic());
        let readable = proper || passable && tolerance.allow(Deviation::SessionCharacters);
        if !readable {
            return Err(lex::error(NAME, HeaderErrorKind::Syntax));
        }
        let mut timeout = None;
        for (name, value) in parts.map(lex::pair) {
            if !name.eq_ignore_ascii_case("timeout") {
                continue;
            }
            if timeout.is_some() {
                return Err(lex::error(NAME, HeaderErrorKind::Repeated));
            }
            match value
                .and_then(|value| lex::number::<u64>(value, 19))
                .filter(|&seconds| seconds > 0)
            {
                Some(seconds) => {
                    timeout = Some(Duration::from_secs(seconds.min(u64::from(u32::MAX))));
                }
                None if tolerance.allow(Deviation::SessionTimeout) => {}
                None => return Err(lex::error(NAME, HeaderErrorKind::Number)),
            }
        }
        Ok(Self {
            id: String::from(id),
            timeout,
        })
    }

    fn encode(&self, out: &mut String) {
        out.push_str(&self.id);
        if let Some(timeout) = self.timeout {
            let _ = write!(out, ";timeout={}", timeout.as_secs().max(1));
        }
    }
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'-' | b'_' | b'.' | b'+')
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, decode_lines, decode_strict, encoded};
    use super::*;

    fn session(id: &str, timeout: Option<u64>) -> Session {
        Session {
            id: id.into(),
            timeout: timeout.map(Duration::from_secs),
        }
    }

    #[test]
    fn r2_sess_06_id_and_timeout() {
        let cases = [
            ("12345678", session("12345678", None), "12345678"),
            (
                "a1b2c3d4;timeout=30",
                session("a1b2c3d4", Some(30)),
                "a1b2c3d4;timeout=30",
            ),
            (
                "a1b2c3d4 ; timeout = 30",
                session("a1b2c3d4", Some(30)),
                "a1b2c3d4;timeout=30",
            ),
            (
                "a+b$c-_.Z;Timeout=060;x=y",
                session("a+b$c-_.Z", Some(60)),
                "a+b$c-_.Z;timeout=60",
            ),
        ];
        for (text, value, written) in cases {
            assert_eq!(
                decode_strict::<Session>(text).as_ref(),
                Ok(&value),
                "{text}"
            );
            assert_eq!(encoded(&value), written);
            assert_eq!(decode_strict::<Session>(written), Ok(value));
        }
    }

    #[test]
    fn r2_sid_03_04_strange_ids_pass_only_when_tolerated() {
        for text in ["a/b", "{x}", &"a".repeat(257)] {
            assert_eq!(
                decode::<Session>(text).map(|session| session.id),
                Ok(text.into())
            );
            assert!(decode_strict::<Session>(text).is_err(), "{text}");
        }
        for text in ["", ";timeout=1", "a b", "ü", &"a".repeat(513)] {
            assert!(decode::<Session>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quirk_13_a_timeout_of_zero_is_none() {
        for text in [
            "x;timeout=0",
            "x;timeout=",
            "x;timeout=-5",
            "x;timeout=1e9",
            "x;timeout=99999999999999999999",
        ] {
            assert_eq!(decode::<Session>(text), Ok(session("x", None)), "{text}");
            assert!(decode_strict::<Session>(text).is_err(), "{text}");
        }
        let huge = decode::<Session>("x;timeout=9999999999999999999").unwrap();
        assert_eq!(huge.timeout, Some(Duration::from_secs(u32::MAX.into())));
    }

    #[test]
    fn two_lines_must_agree() {
        assert!(decode_lines::<Session>(&["a", "a"]).is_ok());
        assert!(decode_lines::<Session>(&["a", "b"]).is_err());
    }
}
