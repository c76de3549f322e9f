//! What the grammars share: lists, parameters, quoted strings, numbers (RFC 7826 §20.1).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use base64::Engine;

use crate::token::is_token;
use crate::typed::{HeaderError, HeaderErrorKind};

/// Elements of any one header, or parameters of one element, that are read. No header in use comes near.
pub(crate) const MAX_ELEMENTS: usize = 256;

pub(crate) const fn error(name: &'static str, kind: HeaderErrorKind) -> HeaderError {
    HeaderError { name, kind }
}

/// The one value of a header that is no list; a repetition must say the same (RFC 7826 §5.2).
pub(crate) fn single<'a>(
    name: &'static str,
    values: &mut dyn Iterator<Item = &'a str>,
) -> Result<&'a str, HeaderError> {
    let value = values.next().map_or("", str::trim);
    if value.is_empty() {
        return Err(error(name, HeaderErrorKind::Empty));
    }
    for other in values {
        if other.trim() != value {
            return Err(error(name, HeaderErrorKind::Repeated));
        }
    }
    Ok(value)
}

/// The elements of all lines of a list; empty ones are passed over.
pub(crate) fn list<T>(
    name: &'static str,
    values: &mut dyn Iterator<Item = &str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, HeaderError> {
    let mut elements = Vec::new();
    for element in values
        .flat_map(|line| split(line, b','))
        .filter(|element| !element.is_empty())
    {
        if elements.len() >= MAX_ELEMENTS {
            return Err(error(name, HeaderErrorKind::TooMany));
        }
        elements.push(parse(element).ok_or(error(name, HeaderErrorKind::Syntax))?);
    }
    Ok(elements)
}

/// Whether it is base64 with its padding and without stray bits (RFC 4648 §4).
pub(crate) fn is_base64(text: &str) -> bool {
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .is_ok()
}

/// Splits at a separator outside quoted strings; the pieces are trimmed and may be empty.
pub(crate) fn split(text: &str, separator: u8) -> Split<'_> {
    Split {
        rest: Some(text),
        scanner: Scanner::default(),
        separator,
    }
}

pub(crate) struct Split<'a> {
    rest: Option<&'a str>,
    scanner: Scanner,
    separator: u8,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let (piece, rest) = match self.scanner.find(text, self.separator) {
            Some(at) => (text.get(..at)?, text.get(at.saturating_add(1)..)),
            None => (text, None),
        };
        self.rest = rest;
        Some(piece.trim())
    }
}

/// Finds bytes outside quoted strings. Once a quote has no end, it and all behind it quote nothing: looking for the
/// end of each anew would make hostile input cost the square of its length.
#[derive(Default)]
pub(crate) struct Scanner {
    quote_left_open: bool,
}

impl Scanner {
    /// The first such byte outside quoted strings.
    pub(crate) fn find(&mut self, text: &str, wanted: u8) -> Option<usize> {
        let bytes = text.as_bytes();
        let mut at = 0usize;
        while let Some(&byte) = bytes.get(at) {
            if byte == wanted {
                return Some(at);
            }
            let quoted = match byte {
                b'"' if !self.quote_left_open => bytes.get(at..).and_then(quoted_len),
                _ => Some(1),
            };
            self.quote_left_open |= quoted.is_none();
            at = at.saturating_add(quoted.unwrap_or(1));
        }
        None
    }
}

/// Bytes of the quoted string at the start of `bytes`, both quotes included.
pub(crate) fn quoted_len(bytes: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (at, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.checked_add(1),
            _ => {}
        }
    }
    None
}

/// Whether every quote in a text has its end.
pub(crate) fn closes_quotes(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'"', rest) {
        let quoted = rest.get(at..).unwrap_or_default();
        let Some(behind) = quoted_len(quoted).and_then(|end| quoted.get(end..)) else {
            return false;
        };
        rest = behind;
    }
    true
}

/// `name` or `name=value`, both trimmed.
pub(crate) fn pair(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
        None => (text, None),
    }
}

/// What a value says: the inside of a quoted string, or the text as it is; `None` when a quote is left open or
/// something follows its end.
pub(crate) fn unquote(text: &str) -> Option<Cow<'_, str>> {
    if !text.starts_with('"') {
        return (!text.contains('"')).then_some(Cow::Borrowed(text));
    }
    if quoted_len(text.as_bytes()) != Some(text.len()) {
        return None;
    }
    let inside = text.get(1..text.len().checked_sub(1)?)?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    let mut out = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    Some(Cow::Owned(out))
}

/// Writes a quoted string.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// Writes a token as it is and anything else as a quoted string.
pub(crate) fn push_value(text: &str, out: &mut String) {
    match is_token(text.as_bytes()) {
        true => out.push_str(text),
        false => quote(text, out),
    }
}

/// `name` or `name=value` with a token as name, the value without quotes.
pub(crate) fn parameter(text: &str) -> Option<(String, Option<String>)> {
    let (name, value) = pair(text);
    let value = match value {
        Some(value) => Some(unquote(value)?.into_owned()),
        None => None,
    };
    is_token(name.as_bytes()).then(|| (String::from(name), value))
}

/// Writes parameters, each behind a semicolon.
pub(crate) fn push_parameters(parameters: &[(String, Option<String>)], out: &mut String) {
    for (name, value) in parameters {
        out.extend([";", name]);
        if let Some(value) = value {
            out.push('=');
            push_value(value, out);
        }
    }
}

/// Digits and nothing else, at most `max_digits`, within the type's range.
pub(crate) fn number<T: FromStr>(text: &str, max_digits: usize) -> Option<T> {
    let plain = !text.is_empty()
        && text.len() <= max_digits
        && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// `POS-FLOAT`: 1 to 12 digits, optionally a point and 1 to 9 more. Never infinite, never NaN.
pub(crate) fn positive_decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, max| {
        (1..=max).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if digits(whole, 12) && digits(fraction, 9) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::leniency::Leniency;
    use crate::typed::Header;

    pub(crate) fn decode<H: Header>(text: &str) -> Result<H, HeaderError> {
        H::decode(&mut core::iter::once(text), &Leniency::default())
    }

    pub(crate) fn decode_strict<H: Header>(text: &str) -> Result<H, HeaderError> {
        H::decode(&mut core::iter::once(text), &Leniency::strict())
    }

    pub(crate) fn decode_lines<H: Header>(lines: &[&str]) -> Result<H, HeaderError> {
        H::decode(&mut lines.iter().copied(), &Leniency::default())
    }

    pub(crate) fn encoded<H: Header>(header: &H) -> String {
        let mut out = String::new();
        header.encode(&mut out);
        out
    }

    #[test]
    fn separators_in_quotes_do_not_separate() {
        let pieces: Vec<_> = split(r#"a , "b,c" ,d="e,\",f""#, b',').collect();
        assert_eq!(pieces, ["a", r#""b,c""#, r#"d="e,\",f""#]);
        // An open quote must not swallow what follows.
        let pieces: Vec<_> = split(r#"a="b,c"#, b',').collect();
        assert_eq!(pieces, [r#"a="b"#, "c"]);
    }

    #[test]
    fn hostile_quotes_cost_linear_work() {
        // Every quote is escaped as seen from the first and open as seen from itself.
        let text = String::from("\"") + &"\\\",".repeat(100_000);
        assert_eq!(split(&text, b',').count(), 100_001);
    }

    #[test]
    fn r2_msg_24_quoted_strings_round_trip() {
        for text in ["", "a \"b\" \\ ü", "\\", "\"", "a,b;c=d"] {
            let mut quoted = String::new();
            quote(text, &mut quoted);
            assert_eq!(unquote(&quoted).as_deref(), Some(text), "{quoted}");
        }
        for text in ["\"", "\"a", "a\"", "\"a\"b", "\"a\\\"", "a\"b\"c"] {
            assert_eq!(unquote(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_have_no_sign_and_do_not_wrap() {
        for text in ["", "-1", "+1", " 1", "1 ", "256", "1e1", "0x1", "١"] {
            assert_eq!(number::<u8>(text, 19), None, "{text}");
        }
        assert_eq!(number::<u8>("255", 3), Some(255));
        assert_eq!(number::<u8>("0255", 3), None);
    }

    #[test]
    fn decimals_are_plain() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "nan",
            "inf",
            "1e308",
            "-1",
            "+1",
            "0x1",
            "1234567890123",
            "1.1234567891",
        ] {
            assert_eq!(positive_decimal(text), None, "{text}");
        }
        assert_eq!(positive_decimal("2.5"), Some(2.5));
    }
}
