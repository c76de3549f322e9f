//! A complete head to a message without its body.

use alloc::borrow::Cow;
use alloc::string::String;

use bytes::Bytes;

use super::scan::{LineEnd, line_end};
use crate::error::DecodeErrorKind;
use crate::header_list::Headers;
use crate::header_name::HeaderName;
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

/// `head` ends in an empty line.
pub(super) fn parse_head(
    head: &[u8],
    limits: &Limits,
    leniency: &Leniency,
    deviations: &mut Deviations,
) -> Head {
    let mut faults = Faults {
        first: None,
        leniency,
        deviations,
    };
    let text = match core::str::from_utf8(head) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) => {
            faults.tolerate(
                leniency.non_utf8,
                Deviation::NonUtf8,
                DecodeErrorKind::NonUtf8,
                error.valid_up_to(),
            );
            String::from_utf8_lossy(head)
        }
    };
    let mut lines = Lines { text: &text, at: 0 };
    let (at, first_line) = lines.next(&mut faults).unwrap_or((0, ""));
    let start = StartLine::parse(first_line, limits, &mut faults, at);
    let in_response = is_status_line(first_line);
    let headers = parse_headers(lines, &mut faults);

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

/// The lines of a head without their ends, with the offset of each.
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lines<'a> {
    /// `None` at the empty line.
    fn next(&mut self, faults: &mut Faults<'_>) -> Option<(usize, &'a str)> {
        let (end, next) = match line_end(self.text.as_bytes(), self.at) {
            LineEnd::At { end, next } => (end, next),
            LineEnd::Undecided(end) => (end, end.saturating_add(1)),
            LineEnd::None => return None,
        };
        let at = self.at;
        if next.saturating_sub(end) == 1 {
            let allowed = faults.leniency.bare_line_ends;
            faults.tolerate(
                allowed,
                Deviation::BareLineEnds,
                DecodeErrorKind::LineEnd,
                end,
            );
        }
        self.at = next;
        self.text
            .get(at..end)
            .filter(|line| !line.is_empty())
            .map(|line| (at, line))
    }
}

enum StartLine<'a> {
    Request {
        method: Method,
        target: RequestTarget,
        version: Version,
    },
    Response {
        version: Version,
        status: StatusCode,
        reason: &'a str,
    },
    Unreadable,
}

impl<'a> StartLine<'a> {
    fn parse(line: &'a str, limits: &Limits, faults: &mut Faults<'_>, at: usize) -> Self {
        let parsed = match is_status_line(line) {
            true => parse_status_line(line, faults),
            false => parse_request_line(line, limits, faults),
        };
        parsed.unwrap_or_else(|kind| {
            faults.set(kind, at);
            Self::Unreadable
        })
    }

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
            } => {
                let reason = match reason == status.reason() {
                    true => Cow::Borrowed(status.reason()),
                    false => Cow::Owned(String::from(reason)),
                };
                Message::Response(Response {
                    version,
                    status,
                    reason,
                    headers,
                    body,
                })
            }
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
fn parse_request_line<'a>(
    line: &str,
    limits: &Limits,
    faults: &mut Faults<'_>,
) -> Result<StartLine<'a>, DecodeErrorKind> {
    let trimmed = if faults.leniency.request_line_spaces {
        line.trim_matches(' ')
    } else {
        line
    };
    let (method, rest) = trimmed.split_once(' ').ok_or(DecodeErrorKind::StartLine)?;
    let (target, version) = rest.rsplit_once(' ').ok_or(DecodeErrorKind::StartLine)?;
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
    let target = match (target, Uri::parse(target)) {
        ("*", _) => RequestTarget::Any,
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

/// `RTSP-Version SP Status-Code SP Reason-Phrase` (RFC 7826 §8.1).
fn parse_status_line<'a>(
    line: &'a str,
    faults: &mut Faults<'_>,
) -> Result<StartLine<'a>, DecodeErrorKind> {
    let (version, rest) = line.split_once(' ').ok_or(DecodeErrorKind::StartLine)?;
    let version = parse_version(version)?;
    let (code, reason) = match rest.trim_start_matches(' ').split_once(' ') {
        Some((code, reason)) => (code, Some(reason.trim_start_matches(' '))),
        None => (rest.trim_start_matches(' '), None),
    };
    let status = StatusCode::parse(code).ok_or(DecodeErrorKind::StatusCode)?;
    let plain = code
        .len()
        .saturating_add(reason.map_or(0, |reason| reason.len().saturating_add(1)));
    let doubled = rest.len() != plain;
    if doubled {
        let allowed = faults.leniency.status_line_spaces;
        faults.tolerate(
            allowed,
            Deviation::StatusLineSpaces,
            DecodeErrorKind::StartLine,
            version_end(line),
        );
    }
    let reason = reason.unwrap_or("").trim_end_matches([' ', '\t']);
    if reason.is_empty() {
        let allowed = faults.leniency.missing_reason;
        faults.tolerate(
            allowed,
            Deviation::MissingReason,
            DecodeErrorKind::StartLine,
            line.len(),
        );
    }
    if reason.bytes().any(is_control) {
        return Err(DecodeErrorKind::StartLine);
    }
    let reason = if reason.is_empty() {
        status.reason()
    } else {
        reason
    };
    Ok(StartLine::Response {
        version,
        status,
        reason,
    })
}

/// No method has a slash.
fn is_status_line(line: &str) -> bool {
    line.get(..5)
        .is_some_and(|name| name.eq_ignore_ascii_case("RTSP/"))
}

fn version_end(line: &str) -> usize {
    line.find(' ').unwrap_or(0)
}

fn parse_version(text: &str) -> Result<Version, DecodeErrorKind> {
    Version::parse(text).map_err(|error| match error {
        VersionError::Unsupported => DecodeErrorKind::Version,
        VersionError::Syntax => DecodeErrorKind::StartLine,
    })
}

/// `header-name HCOLON header-value`, folded over any number of lines (RFC 7826 §20.1, §20.2.1).
fn parse_headers(mut lines: Lines<'_>, faults: &mut Faults<'_>) -> Headers {
    let mut headers = Headers::with_capacity(lines.text.len().saturating_sub(lines.at));
    let mut folds_into = false;
    while let Some((at, line)) = lines.next(faults) {
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
                headers.start(name);
                headers.push_value(value.trim_matches([' ', '\t']));
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
