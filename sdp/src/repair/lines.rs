//! From bytes to lines of `letter=value`.

use std::borrow::Cow;

use super::Repair;
use super::Repairs;
use crate::Error;
use crate::Limits;
use crate::error::Part;

/// One `letter=value` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Where it stood in the input, from 1; 0 for a line that was made up.
    pub(crate) number: u32,
    /// The letter.
    pub(crate) key: char,
    /// What stands behind the `=`, without blanks at its end.
    pub(crate) value: Cow<'a, str>,
}

/// Decodes the input as text.
pub(super) fn text<'a>(
    input: &'a [u8],
    limits: &Limits,
    repairs: &mut Repairs,
) -> Result<Cow<'a, str>, Error> {
    if input.len() > limits.bytes {
        return Err(Error::TooLarge {
            limit: limits.bytes,
            actual: input.len(),
        });
    }
    let input = match input.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => {
            repairs.add(Repair::ByteOrderMark);
            rest
        }
        None => input,
    };
    let mut text = String::from_utf8_lossy(input);
    if matches!(text, Cow::Owned(_)) {
        repairs.add(Repair::NotUtf8);
    }
    if text.contains('\0') {
        repairs.add(Repair::NulByte);
        text = Cow::Owned(text.replace('\0', ""));
    }
    Ok(text)
}

/// Splits text into lines, without those that carry nothing.
pub(super) fn split<'a>(
    text: &'a str,
    limits: &Limits,
    repairs: &mut Repairs,
) -> Result<Vec<Line<'a>>, Error> {
    let mut lines = Vec::new();
    let mut number = 0_u32;
    let mut rest = text;
    while !rest.is_empty() {
        number = number.saturating_add(1);
        let (raw, next) = cut(rest, repairs);
        rest = next;
        if raw.len() > limits.line_bytes {
            return Err(Error::LineTooLong {
                line: number,
                limit: limits.line_bytes,
                actual: raw.len(),
            });
        }
        let line = raw.trim();
        if line.is_empty() {
            repairs.add(Repair::BlankLine);
            continue;
        }
        let Some((key, value)) = key_and_value(line) else {
            repairs.add(Repair::JunkLine);
            continue;
        };
        // `s= ` is how RFC 4566 §5.3 writes a session without a name.
        if line.len() != raw.len() && key != 's' {
            repairs.add(Repair::SurroundingBlanks);
        }
        if lines.len() == limits.lines {
            return Err(Error::TooMany {
                part: Part::Lines,
                limit: limits.lines,
                line: number,
            });
        }
        let value = Cow::Borrowed(value);
        lines.push(Line { number, key, value });
    }
    Ok(lines)
}

/// The first line without its end, and what follows.
fn cut<'a>(text: &'a str, repairs: &mut Repairs) -> (&'a str, &'a str) {
    let Some(end) = text.find(['\r', '\n']) else {
        repairs.add(Repair::NoFinalNewline);
        return (text, "");
    };
    let (line, rest) = text.split_at(end);
    if let Some(rest) = rest.strip_prefix("\r\n") {
        return (line, rest);
    }
    repairs.add(Repair::LineEnds);
    (line, rest.get(1..).unwrap_or_default())
}

fn key_and_value(line: &str) -> Option<(char, &str)> {
    let (key, value) = line.split_once('=')?;
    let mut letters = key.trim_end().chars();
    let key = letters.next()?;
    (letters.next().is_none() && key.is_ascii_lowercase()).then_some((key, value))
}
