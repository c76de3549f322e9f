//! A complete head to a message without its body.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;

use bytes::Bytes;

use super::scan::{Line, Lines};
use crate::error::DecodeErrorKind;
use crate::header_list::Headers;
use crate::header_name::{self, HeaderName};
use crate::headers::CSeq;
use crate::leniency::{Deviation, Deviations, Leniency};
use crate::limits::Limits;
use crate::message::{Message, Request, RequestTarget, Response};
use crate::method::Method;
use crate::status::StatusCode;
use crate::token;
use crate::uri::Uri;
use crate::version::{Version, VersionError};

/// What a head turned out to be.
#[allow(clippy::large_enum_variant)] // taken apart at once
pub(super) enum Head {
    Message {
        message: Message,
        length: usize,
    },
    /// `length` of the body to pass over; `None` when that is unknown or too much.
    Refused {
        kind: DecodeErrorKind,
        at: usize,
        cseq: Option<u32>,
        in_response: bool,
        length: Option<u64>,
    },
}

/// The first fault found. Reading goes on behind it, to learn `CSeq` and the body's length.
struct Faults<'a> {
    first: Option<(DecodeErrorKind, usize)>,
    leniency: &'a Leniency,
    deviations: &'a mut Deviations,
}

impl Faults<'_> {
    fn set(&mut self, kind: DecodeErrorKind, at: usize) {
        self.first.get_or_insert((kind, at));
    }

    /// Notes a tolerated deviation, or a fault if it is not tolerated.
    fn tolerate(&mut self, allowed: bool, deviation: Deviation, kind: DecodeErrorKind, at: usize) {
        match allowed {
            true => self.deviations.note(deviation),
            false => self.set(kind, at),
        }
    }
}

/// The message that `head` makes; its lines were found on the way to its end.
pub(super) fn parse_head(
    head: &[u8],
    lines: Lines<'_>,
    limits: &Limits,
    leniency: &Leniency,
    deviations: &mut Deviations,
) -> Head {
    let mut faults = Faults {
        first: None,
        leniency,
        deviations,
    };
    if lines.bare {
        let allowed = leniency.bare_line_ends;
        let (deviation, kind) = (Deviation::BareLineEnds, DecodeErrorKind::LineEnd);
        faults.tolerate(allowed, deviation, kind, bare_line_end(head));
    }
    let (start, headers) = match plain_text(head) {
        Some(text) => parse_plain(text, lines.all, limits, &mut faults),
        None => parse_unusual(head, lines.all, limits, &mut faults),
    };
    let in_response = is_status_line(head);

    let length = match &start {
        StartLine::Response { status, .. } if status.forbids_body() => Ok(0),
        _ => content_length(&headers, &mut faults),
    };
    let fits = |length: u64| {
        usize::try_from(length)
            .ok()
            .filter(|&length| length <= limits.body)
    };
    let (kind, at, length) = match (length, faults.first) {
        (Err(kind), _) => (kind, 0, None),
        (Ok(length), first) => match (fits(length), first) {
            (None, _) => (DecodeErrorKind::BodyTooLarge, 0, None),
            (Some(_), Some((kind, at))) => (kind, at, Some(length)),
            (Some(length), None) => return start.into_head(headers, length),
        },
    };
    let cseq = headers.typed::<CSeq>().ok().flatten().map(|cseq| cseq.0);
    Head::Refused {
        kind,
        at,
        cseq,
        in_response,
        length,
    }
}

/// The head as text if it is UTF-8 and has no control characters but line ends and tabs.
#[inline]
fn plain_text(head: &[u8]) -> Option<&str> {
    // No early end, so that the compiler makes vectors of it.
    let controls = head.iter().fold(false, |found, &byte| {
        found | (byte < b' ') & (byte != b'\r') & (byte != b'\n') & (byte != b'\t') | (byte == 0x7F)
    });
    match controls {
        true => None,
        false => core::str::from_utf8(head).ok(),
    }
}

/// The offset of the first line end that is not CR LF.
#[cold]
fn bare_line_end(head: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = head.get(at) {
        match (byte, head.get(at.saturating_add(1))) {
            (b'\r', Some(b'\n')) => at = at.saturating_add(2),
            (b'\r' | b'\n', _) => return at,
            _ => at = at.saturating_add(1),
        }
    }
    0
}

/// A head whose lines can be read where they lie: nothing in it is copied but the head as a whole.
fn parse_plain(
    text: &str,
    lines: &[Line],
    limits: &Limits,
    faults: &mut Faults<'_>,
) -> (StartLine, Headers) {
    let shared: Arc<str> = Arc::from(text);
    let (first, rest) = lines
        .split_first()
        .unwrap_or((&Line { start: 0, end: 0 }, &[]));
    let first = text.get(first.range()).unwrap_or("");
    let start = StartLine::parse(first, Some(&shared), limits, faults);
    if let Some(headers) = plain_headers(text, shared, rest) {
        return (start, headers);
    }
    let lines = rest.iter().map(|line| {
        let text = text.get(line.range()).unwrap_or("");
        (line.start as usize, Cow::Borrowed(text))
    });
    (start, unusual_headers(lines, faults))
}

/// `None` when a line is folded or unreadable.
fn plain_headers(text: &str, shared: Arc<str>, lines: &[Line]) -> Option<Headers> {
    let mut headers = Headers::of_head(shared, lines.len());
    let bytes = text.as_bytes();
    for line in lines {
        let (start, end) = (line.start as usize, line.end as usize);
        let line = bytes.get(start..end)?;
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        let blanks = |bytes: &[u8]| bytes.iter().take_while(|&&byte| is_blank(byte)).count();
        let after = blanks(value.get(1..)?).saturating_add(1);
        let mut name_end = colon;
        let mut index = header_name::lookup(name);
        if index.is_none() {
            name_end = name.trim_ascii_end().len();
            let name = name.get(..name_end)?;
            index = header_name::lookup(name);
            if index.is_none() && !token::is_token(name) {
                return None;
            }
        }
        let value_start = start.saturating_add(colon).saturating_add(after);
        let mut value_end = end;
        while value_end > value_start
            && bytes
                .get(value_end.wrapping_sub(1))
                .is_some_and(|&byte| is_blank(byte))
        {
            value_end = value_end.wrapping_sub(1);
        }
        let name = start..start.saturating_add(name_end);
        if !headers.push_line(index, name, value_start..value_end.max(value_start)) {
            return None;
        }
    }
    Some(headers)
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A head with bytes that are no UTF-8, or with control characters.
#[cold]
fn parse_unusual(
    head: &[u8],
    lines: &[Line],
    limits: &Limits,
    faults: &mut Faults<'_>,
) -> (StartLine, Headers) {
    if let Err(error) = core::str::from_utf8(head) {
        let allowed = faults.leniency.non_utf8;
        let (deviation, kind) = (Deviation::NonUtf8, DecodeErrorKind::NonUtf8);
        faults.tolerate(allowed, deviation, kind, error.valid_up_to());
    }
    let mut lines = lines.iter().map(|line| {
        let bytes = head.get(line.range()).unwrap_or(&[]);
        (line.start as usize, String::from_utf8_lossy(bytes))
    });
    let (_, first) = lines.next().unwrap_or((0, Cow::Borrowed("")));
    let start = StartLine::parse(&first, None, limits, faults);
    (start, unusual_headers(lines, faults))
}

enum StartLine {
    Request {
        method: Method,
        target: RequestTarget,
        version: Version,
    },
    Response {
        version: Version,
        status: StatusCode,
        reason: Cow<'static, str>,
    },
    Unreadable,
}

impl StartLine {
    /// `line` lies at the start of `head`, if there is one.
    fn parse(
        line: &str,
        head: Option<&Arc<str>>,
        limits: &Limits,
        faults: &mut Faults<'_>,
    ) -> Self {
        let parsed = match is_status_line(line.as_bytes()) {
            true => parse_status_line(line, faults),
            false => parse_request_line(line, head, limits, faults),
        };
        parsed.unwrap_or_else(|kind| {
            faults.set(kind, 0);
            Self::Unreadable
        })
    }

    #[inline]
    fn into_head(self, headers: Headers, length: usize) -> Head {
        let body = Bytes::new();
        let message = match self {
            Self::Request {
                method,
                target,
                version,
            } => Message::Request(Request {
                method,
                target,
                version,
                headers,
                body,
            }),
            Self::Response {
                version,
                status,
                reason,
            } => Message::Response(Response {
                version,
                status,
                reason,
                headers,
                body,
            }),
            // Not without a fault noted, but if it were: refused all the same.
            Self::Unreadable => {
                let (kind, length) = (DecodeErrorKind::StartLine, Some(length as u64));
                return Head::Refused {
                    kind,
                    at: 0,
                    cseq: None,
                    in_response: false,
                    length,
                };
            }
        };
        Head::Message { message, length }
    }
}

/// `Method SP Request-URI SP RTSP-Version` (RFC 7826 §7.1).
fn parse_request_line(
    line: &str,
    head: Option<&Arc<str>>,
    limits: &Limits,
    faults: &mut Faults<'_>,
) -> Result<StartLine, DecodeErrorKind> {
    let trimmed = if faults.leniency.request_line_spaces {
        line.trim_matches(' ')
    } else {
        line
    };
    let (method, rest) = split_at_byte(trimmed, memchr::memchr(b' ', trimmed.as_bytes()))
        .ok_or(DecodeErrorKind::StartLine)?;
    let (target, version) = split_at_byte(rest, memchr::memrchr(b' ', rest.as_bytes()))
        .ok_or(DecodeErrorKind::StartLine)?;
    let version = parse_version(version)?;
    let method = Method::parse(method).ok_or(DecodeErrorKind::Method)?;
    let target = match target.trim_matches(' ') {
        "" => return Err(DecodeErrorKind::StartLine),
        inner if inner.len() == target.len() && trimmed.len() == line.len() => target,
        inner if faults.leniency.request_line_spaces => {
            faults.deviations.note(Deviation::RequestLineSpaces);
            inner
        }
        _ => return Err(DecodeErrorKind::StartLine),
    };
    if target.len() > limits.uri {
        return Err(DecodeErrorKind::UriTooLong);
    }
    if target == "*" {
        let target = RequestTarget::Any;
        return Ok(StartLine::Request {
            method,
            target,
            version,
        });
    }
    let uri = match head {
        Some(head) => {
            let start = (target.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
            Uri::parse_within(head, start, target.len())
        }
        None => Uri::parse(target),
    };
    let target = match (target, uri) {
        (_, Ok(uri)) => RequestTarget::Uri(uri),
        (path, Err(_)) if path.starts_with('/') && faults.leniency.path_only_target => {
            faults.deviations.note(Deviation::PathOnlyTarget);
            RequestTarget::Path(String::from(path))
        }
        (text, Err(_)) => RequestTarget::Invalid(String::from(text)),
    };
    Ok(StartLine::Request {
        method,
        target,
        version,
    })
}

/// What stands before and behind the byte at `at`.
#[inline]
fn split_at_byte(text: &str, at: Option<usize>) -> Option<(&str, &str)> {
    let at = at?;
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}

/// `RTSP-Version SP Status-Code SP Reason-Phrase` (RFC 7826 §8.1).
fn parse_status_line(line: &str, faults: &mut Faults<'_>) -> Result<StartLine, DecodeErrorKind> {
    let space = memchr::memchr(b' ', line.as_bytes());
    let (version, rest) = split_at_byte(line, space).ok_or(DecodeErrorKind::StartLine)?;
    let version = parse_version(version)?;
    let trimmed = rest.trim_start_matches(' ');
    let (code, reason) = match split_at_byte(trimmed, memchr::memchr(b' ', trimmed.as_bytes())) {
        Some((code, reason)) => (code, Some(reason.trim_start_matches(' '))),
        None => (trimmed, None),
    };
    let status = StatusCode::parse(code).ok_or(DecodeErrorKind::StatusCode)?;
    let plain = code
        .len()
        .saturating_add(reason.map_or(0, |reason| reason.len().saturating_add(1)));
    if rest.len() != plain {
        let allowed = faults.leniency.status_line_spaces;
        let (deviation, kind) = (Deviation::StatusLineSpaces, DecodeErrorKind::StartLine);
        faults.tolerate(allowed, deviation, kind, space.unwrap_or(0));
    }
    let reason = reason.unwrap_or("").trim_end_matches([' ', '\t']);
    if reason.is_empty() {
        let allowed = faults.leniency.missing_reason;
        let (deviation, kind) = (Deviation::MissingReason, DecodeErrorKind::StartLine);
        faults.tolerate(allowed, deviation, kind, line.len());
    }
    if reason.bytes().any(is_control) {
        return Err(DecodeErrorKind::StartLine);
    }
    let standard = status.reason();
    let reason = match reason.is_empty() || reason == standard {
        true => Cow::Borrowed(standard),
        false => Cow::Owned(String::from(reason)),
    };
    Ok(StartLine::Response {
        version,
        status,
        reason,
    })
}

/// No method has a slash.
fn is_status_line(line: &[u8]) -> bool {
    line.get(..5)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"RTSP/"))
}

fn parse_version(text: &str) -> Result<Version, DecodeErrorKind> {
    Version::parse(text).map_err(|error| match error {
        VersionError::Unsupported => DecodeErrorKind::Version,
        VersionError::Syntax => DecodeErrorKind::StartLine,
    })
}

/// `header-name HCOLON header-value`, folded over any number of lines (RFC 7826 §20.1, §20.2.1).
#[cold]
fn unusual_headers<'a>(
    lines: impl Iterator<Item = (usize, Cow<'a, str>)>,
    faults: &mut Faults<'_>,
) -> Headers {
    let mut headers = Headers::new();
    let mut folds_into = false;
    for (at, line) in lines {
        let value_ok = !line.bytes().any(is_control);
        if value_ok && folds_into && line.starts_with([' ', '\t']) {
            headers.extend_last(line.trim_matches([' ', '\t']));
            continue;
        }
        let parts = line
            .split_once(':')
            .map(|(name, value)| (name.trim_end_matches([' ', '\t']), value));
        match parts.filter(|(name, _)| value_ok && token::is_token(name.as_bytes())) {
            Some((name, value)) => {
                headers.push_owned(name, value.trim_matches([' ', '\t']));
                folds_into = true;
            }
            None => {
                let allowed = faults.leniency.unreadable_header_lines;
                faults.tolerate(
                    allowed,
                    Deviation::UnreadableHeaderLines,
                    DecodeErrorKind::HeaderLine,
                    at,
                );
                folds_into = false;
            }
        }
    }
    headers
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// 1 to 19 digits, the same on every line; none means none (RFC 7826 §5.4, §18.17).
fn content_length(headers: &Headers, faults: &mut Faults<'_>) -> Result<u64, DecodeErrorKind> {
    let mut length = None;
    for value in headers.all(&HeaderName::ContentLength) {
        let digits =
            (1..=19).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
        let value = value
            .parse::<u64>()
            .ok()
            .filter(|_| digits)
            .ok_or(DecodeErrorKind::ContentLength)?;
        match length {
            None => length = Some(value),
            Some(other) if other == value && faults.leniency.repeated_content_length => {
                faults.deviations.note(Deviation::RepeatedContentLength);
            }
            Some(_) => return Err(DecodeErrorKind::ContentLength),
        }
    }
    Ok(length.unwrap_or(0))
}
