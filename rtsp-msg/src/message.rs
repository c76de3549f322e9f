//! Requests, responses, and what else a connection carries.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::header_list::Headers;
use crate::header_name::HeaderName;
use crate::headers::CSeq;
use crate::interleaved::InterleavedFrame;
use crate::method::Method;
use crate::status::StatusCode;
use crate::uri::{self, Uri};
use crate::version::Version;

/// One unit of what a connection carries. Complete: there is nothing else (RFC 7826 §5, §14).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // moved once or twice a message; boxing would cost an allocation each
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
    /// A packet of media.
    Interleaved(InterleavedFrame),
}

/// What a request is about.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestTarget {
    /// `*`: the server as a whole.
    Any,
    /// A presentation or a media.
    Uri(Uri),
    /// A path without scheme and host; only with [`Leniency::path_only_target`](crate::Leniency::path_only_target).
    Path(String),
    /// Text that is no URI. The request is whole apart from it, so that it can be answered.
    Invalid(String),
}

impl RequestTarget {
    /// The URI, if it is one.
    pub fn uri(&self) -> Option<&Uri> {
        match self {
            Self::Uri(uri) => Some(uri),
            _ => None,
        }
    }

    /// The text as received, **password included**.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Uri(uri) => uri.as_str(),
            Self::Path(text) | Self::Invalid(text) => text,
        }
    }
}

impl From<Uri> for RequestTarget {
    fn from(uri: Uri) -> Self {
        Self::Uri(uri)
    }
}

/// Without a password. Text that is no URI is shown up to an `@`, which may end one.
impl fmt::Display for RequestTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Uri(uri) => fmt::Display::fmt(uri, f),
            Self::Path(text) | Self::Invalid(text) => {
                let shown = text.rsplit_once('@').map_or(&**text, |(_, after)| after);
                write!(f, "{}", shown.escape_debug())
            }
        }
    }
}

impl fmt::Debug for RequestTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestTarget({self})")
    }
}

/// A request (RFC 7826 §7, RFC 2326 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Of what.
    pub target: RequestTarget,
    /// In which version.
    pub version: Version,
    /// The headers. `Content-Length` is written from the body, whatever stands here.
    pub headers: Headers,
    /// The body, empty if there is none.
    pub body: Bytes,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, target: impl Into<RequestTarget>, version: Version) -> Self {
        Self {
            method,
            target: target.into(),
            version,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// The number in `CSeq`; `None` when it is missing, unreadable, or given twice with different numbers.
    pub fn cseq(&self) -> Option<u32> {
        cseq(&self.headers)
    }

    /// Appends the request as it stands on the wire: strict grammar, without user information in the URI.
    pub fn encode(&self, out: &mut BytesMut) {
        out.reserve(self.target.as_str().len() + self.headers.encoded_len() + self.body.len() + 80);
        out.put_slice(self.method.as_str().as_bytes());
        out.put_u8(b' ');
        match &self.target {
            RequestTarget::Any => out.put_u8(b'*'),
            RequestTarget::Uri(uri) => {
                let (before, after) = uri.around_userinfo();
                put_uri(before, out);
                put_uri(after, out);
            }
            RequestTarget::Path(text) | RequestTarget::Invalid(text) => put_uri(text, out),
        }
        out.put_u8(b' ');
        out.put_slice(self.version.as_str().as_bytes());
        out.put_slice(b"\r\n");
        put_headers_and_body(&self.headers, &self.body, out);
    }
}

/// A response (RFC 7826 §8, RFC 2326 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// In which version.
    pub version: Version,
    /// The outcome.
    pub status: StatusCode,
    /// For people; has no meaning (RFC 7826 §8.1.1).
    pub reason: Cow<'static, str>,
    /// The headers. `Content-Length` is written from the body, whatever stands here.
    pub headers: Headers,
    /// The body, empty if there is none.
    pub body: Bytes,
}

impl Response {
    /// A response with the standard reason phrase, without headers and body.
    pub fn new(version: Version, status: StatusCode) -> Self {
        let reason = Cow::Borrowed(status.reason());
        Self {
            version,
            status,
            reason,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// The number in `CSeq`; `None` when it is missing, unreadable, or given twice with different numbers.
    pub fn cseq(&self) -> Option<u32> {
        cseq(&self.headers)
    }

    /// Appends the response as it stands on the wire, in strict grammar. A status that forbids a body gets none.
    pub fn encode(&self, out: &mut BytesMut) {
        out.reserve(self.reason.len() + self.headers.encoded_len() + self.body.len() + 80);
        out.put_slice(self.version.as_str().as_bytes());
        let code = self.status.code();
        // A code has three digits.
        let digits = [code / 100 % 10, code / 10 % 10, code % 10].map(|digit| b'0' + digit as u8);
        out.put_u8(b' ');
        out.put_slice(&digits);
        out.put_u8(b' ');
        match self.reason.trim() {
            "" => out.put_slice(self.status.reason().as_bytes()),
            reason => out.extend(
                reason
                    .bytes()
                    .map(|byte| if byte.is_ascii_control() { b' ' } else { byte }),
            ),
        }
        out.put_slice(b"\r\n");
        let body: &[u8] = if self.status.forbids_body() {
            &[]
        } else {
            &self.body
        };
        put_headers_and_body(&self.headers, body, out);
    }
}

fn cseq(headers: &Headers) -> Option<u32> {
    headers.typed::<CSeq>().ok().flatten().map(|cseq| cseq.0)
}

/// Bytes that would break the start line leave as percent escapes.
fn put_uri(text: &str, out: &mut BytesMut) {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return out.put_slice(text.as_bytes());
    }
    let mut escaped = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte.is_ascii_graphic() {
            true => escaped.push(char::from(byte)),
            false => uri::push_escaped(&mut escaped, byte),
        }
    }
    out.put_slice(escaped.as_bytes());
}

fn put_headers_and_body(headers: &Headers, body: &[u8], out: &mut BytesMut) {
    for (name, value) in headers.iter() {
        if name.eq_ignore_ascii_case("Content-Length") {
            continue;
        }
        put_line(name, value.as_bytes(), out);
    }
    if !body.is_empty() {
        let mut digits = [0; 20];
        put_line(
            HeaderName::ContentLength.as_str(),
            decimal(body.len(), &mut digits),
            out,
        );
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
}

fn put_line(name: &str, value: &[u8], out: &mut BytesMut) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// A decimal number without an allocation.
fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or(&[])
}

#[cfg(test)]
#[path = "message/tests.rs"]
mod tests;
