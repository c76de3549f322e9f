//! A complete head to a message without its body.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;

use bytes::Bytes;

use super::scan::{self, Line, Lines};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::header_list::Headers;
use crate::header_name;
use crate::headers::CSeq;
use crate::leniency::{Deviation, Deviations, Leniency};
use crate::limits::Limits;
use crate::message::{Message, Request, RequestTarget, Response};
use crate::method::Method;
use crate::status::StatusCode;
use crate::token;
use crate::uri::Uri;
use crate::version::{Version, VersionError};

/// What comes of a head, and of the bytes behind it.
pub(super) enum After {
    /// A message was put out; it has a body of so many bytes.
    Message(usize),
    /// The message is refused. Bytes of its body are to be passed over, `None` when that is unknown or too much.
    Refused(Refusal, Option<u64>),
}

/// Why a message is refused, and what of it could be read.
pub(super) struct Refusal {
    pub(super) kind: DecodeErrorKind,
    /// Where in the head.
    pub(super) at: usize,
    pub(super) cseq: Option<u32>,
    pub(super) version: Option<Version>,
    pub(super) in_response: bool,
}

impl Refusal {
    /// Of bytes in which nothing could be read.
    pub(super) const fn of_bytes(kind: DecodeErrorKind, at: usize) -> Self {
        Self {
            kind,
            at,
            cseq: None,
            version: None,
            in_response: false,
        }
    }

    /// The error, for a head that began at `start` in the stream.
    pub(super) fn error(self, start: u64, fatal: bool) -> DecodeError {
        DecodeError {
            offset: start.saturating_add(self.at as u64),
            kind: self.kind,
            cseq: self.cseq,
            version: self.version,
            fatal,
            in_response: self.in_response,
        }
    }
}

/// What a decoder returns. A message is built where it is returned: it is some hundred bytes to move.
pub(super) type Decoded = Result<Option<Message>, DecodeError>;

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

/// Puts out the message that `head` makes, without its body; its lines were found on the way to its end.
pub(super) fn parse_head(
    head: &[u8],
    lines: Lines<'_>,
    limits: &Limits,
    leniency: &Leniency,
    deviations: &mut Deviations,
    out: &mut Decoded,
) -> After {
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
    let controls = lines.controls || memchr::memchr(0x7F, head).is_some();
    if let (false, None) = (controls, faults.first)
        && let Ok(text) = core::str::from_utf8(head)
        && let Some(length) = parse_plain(text, lines.all, limits, &mut faults, out)
    {
        return After::Message(length);
    }
    parse_unusual(head, lines.all, limits, &mut faults, out)
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

/// A head whose lines can be read where they lie: nothing in it is copied but the head as a whole. The body's length;
/// `None` when there is anything wrong with it, or folded.
fn parse_plain(
    text: &str,
    lines: &[Line],
    limits: &Limits,
    faults: &mut Faults<'_>,
    out: &mut Decoded,
) -> Option<usize> {
    let shared: Arc<str> = Arc::from(text);
    let (first, lines) = lines.split_first()?;
    let first = text.get(first.range())?;
    let headers = Headers::of_head(Arc::clone(&shared), lines.len());
    parse_start_line(first, Some(shared), headers, limits, faults, out).ok()?;
    let headers = headers_of(out)?;
    for line in lines {
        let start = line.start as usize;
        let line = text.as_bytes().get(line.range())?;
        let colon = scan::colon(line)?;
        let (name, value) = line.split_at_checked(colon)?;
        let (index, name) = match header_name::lookup(name) {
            Some(index) => (Some(index), name),
            None => unusual_name(name)?,
        };
        let mut value_start = start.saturating_add(colon).saturating_add(1);
        let mut value = value.get(1..)?;
        while let [b' ' | b'\t', rest @ ..] = value {
            value_start = value_start.saturating_add(1);
            value = rest;
        }
        while let [rest @ .., b' ' | b'\t'] = value {
            value = rest;
        }
        let name = start..start.saturating_add(name.len());
        let value = value_start..value_start.saturating_add(value.len());
        if !headers.push_line(index, name, value) {
            return None;
        }
    }
    let length = content_length(headers, faults).ok()?;
    let length = usize::try_from(length).ok()?;
    match out {
        _ if faults.first.is_some() || length > limits.body => None,
        Ok(Some(Message::Response(response))) if response.status.forbids_body() => Some(0),
        _ => Some(length),
    }
}

fn headers_of(out: &mut Decoded) -> Option<&mut Headers> {
    match out {
        Ok(Some(Message::Request(request))) => Some(&mut request.headers),
        Ok(Some(Message::Response(response))) => Some(&mut response.headers),
        _ => None,
    }
}

/// A name that is not known as it stands: with blanks behind it, or an extension.
fn unusual_name(name: &[u8]) -> Option<(Option<u8>, &[u8])> {
    let name = name.trim_ascii_end();
    match header_name::lookup(name) {
        None if !token::is_token(name) => None,
        index => Some((index, name)),
    }
}

/// A head with folded lines, with control characters, with bytes that are no UTF-8, or with a fault.
#[cold]
fn parse_unusual(
    head: &[u8],
    lines: &[Line],
    limits: &Limits,
    faults: &mut Faults<'_>,
    out: &mut Decoded,
) -> After {
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
    let start = match is_status_line(first.as_bytes()) && first.bytes().any(is_control) {
        true => Err(DecodeErrorKind::StartLine),
        false => parse_start_line(&first, None, Headers::new(), limits, faults, out),
    };
    if let Err(kind) = start {
        faults.set(kind, 0);
        *out = Ok(None);
    }
    let headers = unusual_headers(lines, faults);
    let length = match out {
        Ok(Some(Message::Response(response))) if response.status.forbids_body() => Ok(0),
        _ => content_length(&headers, faults),
    };
    let fits = |length: u64| {
        usize::try_from(length)
            .ok()
            .filter(|&length| length <= limits.body)
    };
    let (kind, at, length) = match (length, faults.first) {
        (Err(kind), _) => (kind, 0, None),
        (Ok(length), first) => match (fits(length), first, headers_of(out)) {
            (None, ..) => (DecodeErrorKind::BodyTooLarge, 0, None),
            (Some(_), Some((kind, at)), _) => (kind, at, Some(length)),
            (Some(length), None, Some(slot)) => {
                *slot = headers;
                return After::Message(length);
            }
            // Not without a fault noted, but if it were: refused all the same.
            (Some(_), None, None) => (DecodeErrorKind::StartLine, 0, Some(length)),
        },
    };
    *out = Ok(None);
    let refusal = Refusal {
        kind,
        at,
        cseq: headers.typed::<CSeq>().ok().flatten().map(|cseq| cseq.0),
        version: split_version(&first).ok().map(|(_, version)| version),
        in_response: is_status_line(first.as_bytes()),
    };
    After::Refused(refusal, length)
}

/// Puts out a message with these headers. `line` lies at the start of `head`, if there is one.
fn parse_start_line(
    line: &str,
    head: Option<Arc<str>>,
    headers: Headers,
    limits: &Limits,
    faults: &mut Faults<'_>,
    out: &mut Decoded,
) -> Result<(), DecodeErrorKind> {
    match is_status_line(line.as_bytes()) {
        true => parse_status_line(line, headers, faults, out),
        false => parse_request_line(line, head, headers, limits, faults, out),
    }
}

/// `Method SP Request-URI SP RTSP-Version` (RFC 7826 §7.1).
fn parse_request_line(
    line: &str,
    head: Option<Arc<str>>,
    headers: Headers,
    limits: &Limits,
    faults: &mut Faults<'_>,
    out: &mut Decoded,
) -> Result<(), DecodeErrorKind> {
    let trimmed = if faults.leniency.request_line_spaces {
        line.trim_matches(' ')
    } else {
        line
    };
    let space = trimmed.bytes().position(|byte| byte == b' ');
    let (method, rest) = split_at_byte(trimmed, space).ok_or(DecodeErrorKind::StartLine)?;
    let (target, version) = split_version(rest)?;
    let method = Method::parse(method).ok_or(DecodeErrorKind::Method)?;
    let target = match trim_spaces(target) {
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
    let body = Bytes::new();
    if target == "*" {
        let target = RequestTarget::Any;
        *out = Ok(Some(Message::Request(Request {
            method,
            target,
            version,
            headers,
            body,
        })));
        return Ok(());
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
    *out = Ok(Some(Message::Request(Request {
        method,
        target,
        version,
        headers,
        body,
    })));
    Ok(())
}

#[inline]
fn trim_spaces(text: &str) -> &str {
    match text.as_bytes() {
        [b' ', ..] | [.., b' '] => text.trim_matches(' '),
        _ => text,
    }
}

/// What stands before the last space, and the version behind it.
#[inline]
fn split_version(text: &str) -> Result<(&str, Version), DecodeErrorKind> {
    for version in [Version::V1_0, Version::V2_0] {
        let target = text.strip_suffix(version.as_str());
        if let Some(target) = target.and_then(|target| target.strip_suffix(' ')) {
            return Ok((target, version));
        }
    }
    let (target, version) = text.rsplit_once(' ').ok_or(DecodeErrorKind::StartLine)?;
    Ok((target, parse_version(version)?))
}

/// What stands before and behind the byte at `at`.
#[inline]
fn split_at_byte(text: &str, at: Option<usize>) -> Option<(&str, &str)> {
    let at = at?;
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}

/// `RTSP-Version SP Status-Code SP Reason-Phrase` (RFC 7826 §8.1).
fn parse_status_line(
    line: &str,
    headers: Headers,
    faults: &mut Faults<'_>,
    out: &mut Decoded,
) -> Result<(), DecodeErrorKind> {
    let (version, status, reason) = match split_usual_status_line(line) {
        Some(parts) => parts,
        None => split_status_line(line, faults)?,
    };
    let standard = status.reason();
    let reason = match reason.is_empty() || reason == standard {
        true => Cow::Borrowed(standard),
        false => Cow::Owned(String::from(reason)),
    };
    *out = Ok(Some(Message::Response(Response {
        version,
        status,
        reason,
        headers,
        body: Bytes::new(),
    })));
    Ok(())
}

/// The parts of a status line where every one is where it belongs.
fn split_usual_status_line(line: &str) -> Option<(Version, StatusCode, &str)> {
    let (version, rest) = line.as_bytes().split_first_chunk::<9>()?;
    let version = match version {
        b"RTSP/1.0 " => Version::V1_0,
        b"RTSP/2.0 " => Version::V2_0,
        _ => return None,
    };
    let reason = match rest {
        [_, _, _, b' ', b' ', ..] | [.., b' ' | b'\t'] => return None,
        [_, _, _, b' ', _, ..] => line.get(13..)?,
        _ => return None,
    };
    Some((version, StatusCode::parse(line.get(9..12)?)?, reason))
}

#[cold]
fn split_status_line<'a>(
    line: &'a str,
    faults: &mut Faults<'_>,
) -> Result<(Version, StatusCode, &'a str), DecodeErrorKind> {
    let (version, rest) = line.split_once(' ').ok_or(DecodeErrorKind::StartLine)?;
    let after_version = version.len();
    let version = parse_version(version)?;
    let trimmed = rest.trim_start_matches(' ');
    let (code, reason) = match trimmed.split_once(' ') {
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
        faults.tolerate(allowed, deviation, kind, after_version);
    }
    let reason = reason.unwrap_or("").trim_end_matches([' ', '\t']);
    if reason.is_empty() {
        let allowed = faults.leniency.missing_reason;
        let (deviation, kind) = (Deviation::MissingReason, DecodeErrorKind::StartLine);
        faults.tolerate(allowed, deviation, kind, line.len());
    }
    Ok((version, status, reason))
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
    for value in headers.content_lengths() {
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
