//! `text/parameters`: the bodies of GET_PARAMETER and SET_PARAMETER (RFC 7826 §F), and which of them can be read here.

use crate::error::ProtocolError;
use rtsp_msg::{HeaderName, Headers};

/// The type of these bodies.
pub const MEDIA_TYPE: &str = "text/parameters";

/// The most parameters that one body may name.
const MOST: usize = 256;

/// Is the body one that can be read? A body without a type is taken to be `text/parameters`: RTSP/1.0 peers leave it out.
///
/// # Errors
/// [`ProtocolError::UnsupportedMediaType`] for other types (RFC 7826 §13.8). Codings the connection has refused already.
pub fn check_type(headers: &Headers) -> Result<(), ProtocolError> {
    let essence = |value: &str| {
        let kind = value.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(MEDIA_TYPE)
    };
    let readable = headers.first(&HeaderName::ContentType).is_none_or(essence);
    readable
        .then_some(())
        .ok_or(ProtocolError::UnsupportedMediaType)
}

/// The names in a GET_PARAMETER body, in order. A value behind a name is passed over.
///
/// ```
/// use rtsp_session::server::parameters;
/// assert_eq!(parameters::asked(b"packets_received\r\njitter\r\n")?, ["packets_received", "jitter"]);
/// # Ok::<(), rtsp_session::ProtocolError>(())
/// ```
///
/// # Errors
/// [`ProtocolError::Malformed`] for what is no text or has a line without a name, [`ProtocolError::BodyTooLarge`] for more
/// than 256 names.
pub fn asked(body: &[u8]) -> Result<Vec<&str>, ProtocolError> {
    lines(body, |line| name(line.split(':').next()?))
}

/// The names and values in a SET_PARAMETER body, in order.
///
/// # Errors
/// [`ProtocolError::Malformed`] for what is no text or has a line without a name or a colon, [`ProtocolError::BodyTooLarge`]
/// for more than 256 parameters.
pub fn given(body: &[u8]) -> Result<Vec<(&str, &str)>, ProtocolError> {
    lines(body, |line| {
        let (before, value) = line.split_once(':')?;
        Some((name(before)?, value.trim()))
    })
}

/// A body of names, one a line.
#[must_use]
pub fn names<'a>(names: impl IntoIterator<Item = &'a (impl AsRef<str> + ?Sized + 'a)>) -> String {
    names
        .into_iter()
        .map(|name| format!("{}\r\n", one_line(name.as_ref())))
        .collect()
}

/// A body of names and values, one a line.
#[must_use]
pub fn values(values: &[(&str, String)]) -> String {
    values
        .iter()
        .map(|(name, value)| format!("{name}: {}\r\n", one_line(value)))
        .collect()
}

/// A value cannot begin another line.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// Visible characters of US-ASCII but the colon (RFC 7826 §F). White space around is not the name's.
fn name(text: &str) -> Option<&str> {
    let text = text.trim_matches([' ', '\t']);
    let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then_some(text)
}

fn lines<'a, T>(
    body: &'a [u8],
    parse: impl Fn(&'a str) -> Option<T>,
) -> Result<Vec<T>, ProtocolError> {
    let text = std::str::from_utf8(body).map_err(|_| ProtocolError::Malformed)?;
    let mut all = Vec::new();
    for line in text
        .split(['\r', '\n'])
        .filter(|line| !line.trim().is_empty())
    {
        if all.len() >= MOST {
            return Err(ProtocolError::BodyTooLarge { retry_after: None });
        }
        all.push(parse(line).ok_or(ProtocolError::Malformed)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_parm_01_r2_getp_04_r2_setp_08_bodies() {
        assert_eq!(asked(b"a\r\nb:\r\n\r\n c \r\n").unwrap(), ["a", "b", "c"]);
        assert_eq!(
            given(b"a: 1\r\nb:\r\nc : x: y \r\n").unwrap(),
            [("a", "1"), ("b", ""), ("c", "x: y")]
        );
        assert_eq!(names(["a", "b\r\nc: 1"]), "a\r\nb  c: 1\r\n");
        assert_eq!(
            values(&[("a", "1".into()), ("b", "x\r\ny: 2".into())]),
            "a: 1\r\nb: x  y: 2\r\n"
        );
        assert_eq!(asked(b"").unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn r2_parm_02_names_are_ascii_and_values_are_text() {
        assert_eq!(
            given("x: \u{fc}\r\n".as_bytes()).unwrap(),
            [("x", "\u{fc}")]
        );
        for body in [
            "a b: 1",
            "\u{fc}: 1",
            "a\tb: 1",
            "\u{7f}: 1",
            "\u{a0}a: 1",
            ": 1",
        ] {
            assert_eq!(
                given(body.as_bytes()),
                Err(ProtocolError::Malformed),
                "{body:?}"
            );
            let alone = body.split(':').next().unwrap_or_default();
            if !alone.is_empty() {
                assert_eq!(
                    asked(alone.as_bytes()),
                    Err(ProtocolError::Malformed),
                    "{body:?}"
                );
            }
        }
        for byte in (0x21..0x7F_u8).filter(|byte| *byte != b':') {
            let body = [byte, b':', b'1'];
            assert_eq!(given(&body).unwrap()[0].0.as_bytes(), [byte]);
        }
        assert_eq!(given(b"a: \xff"), Err(ProtocolError::Malformed));
    }

    #[test]
    fn r2_parm_03_white_space_before_the_colon_and_empty_values() {
        let body = b"a :\r\nb: \r\nc:\td\r\ne \t: f\r\n";
        assert_eq!(
            given(body).unwrap(),
            [("a", ""), ("b", ""), ("c", "d"), ("e", "f")]
        );
        assert_eq!(asked(body).unwrap(), ["a", "b", "c", "e"]);
    }

    #[test]
    fn what_is_no_parameter() {
        for body in [&b"\xff\xfe"[..], b": 1", b"a b", b"a\0"] {
            assert_eq!(asked(body), Err(ProtocolError::Malformed), "{body:?}");
        }
        for body in [&b"a"[..], b": 1", b"a b: 1", b"\x80: 1"] {
            assert_eq!(given(body), Err(ProtocolError::Malformed), "{body:?}");
        }
        let many = "a\n".repeat(257);
        assert_eq!(
            asked(many.as_bytes()),
            Err(ProtocolError::BodyTooLarge { retry_after: None })
        );
    }

    #[test]
    fn r2_getp_02_r2_setp_06_r2_code_19_other_types_are_refused() {
        for (name, value, readable) in [
            (HeaderName::ContentType, "text/parameters", true),
            (
                HeaderName::ContentType,
                "Text/Parameters; charset=utf-8",
                true,
            ),
            (HeaderName::ContentType, "application/json", false),
            (HeaderName::ContentType, "image/png", false),
            (HeaderName::UserAgent, "x", true),
        ] {
            let mut headers = Headers::new();
            headers.append(name, value);
            assert_eq!(check_type(&headers).is_ok(), readable, "{value}");
        }
    }
}
