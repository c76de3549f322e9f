//! URIs of the schemes `rtsp`, `rtsps` and `rtspu`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Range;

/// How a URI's server is reached (RFC 7826 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `rtsp`: over TCP.
    Rtsp,
    /// `rtsps`: over TLS on TCP.
    Rtsps,
    /// `rtspu`: over UDP (RFC 2326; 2.0 answers 501).
    Rtspu,
}

impl Scheme {
    /// The scheme in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtsp => "rtsp",
            Self::Rtsps => "rtsps",
            Self::Rtspu => "rtspu",
        }
    }

    /// 554, for `rtsps` 322.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Rtsp | Self::Rtspu => 554,
            Self::Rtsps => 322,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An absolute URI with authority (RFC 7826 §4.2, RFC 3986).
///
/// The text stays as it was received: nothing is decoded, resolved or mapped to another case. Non-ASCII characters in
/// path and query are taken as they are (players send file names so); [`Uri::from_iri`] encodes them.
///
/// Two URIs are equal when scheme, host (without regard to case) and port (with the default filled in), user
/// information, path and query are.
///
/// `Display` and `Debug` put `***` in place of a password. [`Uri::as_str`] has it.
pub struct Uri {
    /// The URI, or what it is a part of: the head of a message.
    text: Arc<str>,
    start: u32,
    parts: Parts,
}

/// Where the parts of a URI lie in its text.
#[derive(Clone, Copy)]
struct Parts {
    len: u16,
    scheme: Scheme,
    port: Option<u16>,
    userinfo: Option<Span>,
    host: Span,
    ipv6: bool,
    path: Span,
    query: Option<Span>,
}

type Span = (u16, u16);

/// Why a text is no URI that RTSP can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Longer than [`Uri::MAX_LEN`].
    #[error("URI too long")]
    TooLong,
    /// No scheme, no `//` after it, or a scheme other than the three.
    #[error("not an rtsp, rtsps or rtspu URI")]
    Scheme,
    /// No host, or characters in it that no host has.
    #[error("URI without a proper host")]
    Host,
    /// Not a number up to 65535.
    #[error("URI with a malformed port")]
    Port,
    /// A control character, a space, a quote, `#` or another character that no URI has.
    #[error("URI with a character that it must not have")]
    Character,
    /// A percent sign without two hexadecimal digits, or an encoded NUL, or no UTF-8 after decoding.
    #[error("URI with a malformed escape")]
    Escape,
}

impl Uri {
    /// The longest URI that is taken, in bytes. [`Limits::uri`](crate::Limits::uri) is usually the tighter bound.
    pub const MAX_LEN: usize = u16::MAX as usize;

    /// Reads an absolute URI. A fragment is an error (RFC 7826 §20.2.1): requests cannot have one.
    ///
    /// # Errors
    ///
    /// See [`UriError`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let parts = Parts::parse(text)?;
        let text = Arc::from(text);
        Ok(Self {
            text,
            start: 0,
            parts,
        })
    }

    /// Reads the URI of `len` bytes at `start` in `head`, and keeps it where it lies.
    pub(crate) fn parse_within(head: Arc<str>, start: usize, len: usize) -> Result<Self, UriError> {
        let text = head.get(start..start.saturating_add(len));
        let parts = Parts::parse(text.unwrap_or(""))?;
        Ok(Self {
            text: head,
            start: u32::try_from(start).map_err(|_| UriError::TooLong)?,
            parts,
        })
    }

    /// Reads what a person typed: strips the fragment and percent-encodes spaces and non-ASCII characters
    /// (RFC 7826 §4.2, RFC 3987 §3.1).
    ///
    /// # Errors
    ///
    /// See [`UriError`].
    pub fn from_iri(text: &str) -> Result<Self, UriError> {
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        if text.bytes().all(|byte| byte.is_ascii() && byte != b' ') {
            return Self::parse(text);
        }
        if text.len() > Self::MAX_LEN {
            return Err(UriError::TooLong);
        }
        let mut encoded = String::with_capacity(text.len() * 2);
        for byte in text.bytes() {
            if byte.is_ascii() && byte != b' ' {
                encoded.push(char::from(byte));
            } else {
                push_escaped(&mut encoded, byte);
            }
        }
        Self::parse(&encoded)
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// What stands before the `@`, as it stands there: usually `user:password`, percent-encoded.
    pub fn userinfo(&self) -> Option<&str> {
        self.parts.userinfo.map(|span| self.part(span))
    }

    /// User name and password, percent-decoded; `None` without userinfo or when an escape in it is malformed.
    pub fn credentials(&self) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        let userinfo = self.userinfo()?;
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        Some((decode(user).ok()?, decode(password).ok()?))
    }

    /// The host, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.part(self.parts.host)
    }

    /// Whether the host stood in brackets.
    pub fn host_is_ipv6(&self) -> bool {
        self.parts.ipv6
    }

    /// The port, if the URI names one.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The port, or else the scheme's.
    pub fn port_or_default(&self) -> u16 {
        self.parts.port.unwrap_or(self.parts.scheme.default_port())
    }

    /// The path as it was sent, `/` when there was none.
    pub fn path(&self) -> &str {
        match self.part(self.parts.path) {
            "" => "/",
            path => path,
        }
    }

    /// The path percent-decoded once. It may hold `..`, `//`, `\` and whatever else the peer encoded: it is not yet
    /// safe to hand to a file system.
    ///
    /// # Errors
    ///
    /// [`UriError::Escape`] when an escape is malformed, stands for NUL, or makes no UTF-8.
    pub fn decoded_path(&self) -> Result<Cow<'_, str>, UriError> {
        decode(self.path())
    }

    /// What stands after the first `?`.
    pub fn query(&self) -> Option<&str> {
        self.parts.query.map(|span| self.part(span))
    }

    /// The whole text, **password included**.
    pub fn as_str(&self) -> &str {
        let start = self.start as usize;
        self.text
            .get(start..start.saturating_add(usize::from(self.parts.len)))
            .unwrap_or("")
    }

    /// The same without user information: what goes on the wire.
    #[must_use]
    pub fn without_userinfo(&self) -> Self {
        if self.parts.userinfo.is_none() {
            return self.clone();
        }
        let mut text = String::with_capacity(usize::from(self.parts.len));
        self.push_without_userinfo(&mut text);
        Self::parse(&text).unwrap_or_else(|_| self.clone())
    }

    /// The text in two parts around the user information, to be written one after the other.
    pub(crate) fn around_userinfo(&self) -> (&str, &str) {
        let text = self.as_str();
        let Some((start, end)) = self.parts.userinfo else {
            return (text, "");
        };
        let before = text.get(..usize::from(start)).unwrap_or("");
        let after = text.get(usize::from(end) + 1..).unwrap_or("");
        (before, after)
    }

    fn push_without_userinfo(&self, out: &mut String) {
        let (before, after) = self.around_userinfo();
        out.push_str(before);
        out.push_str(after);
    }

    fn part(&self, (start, end): Span) -> &str {
        self.as_str()
            .get(Range {
                start: usize::from(start),
                end: usize::from(end),
            })
            .unwrap_or("")
    }
}

impl Parts {
    fn parse(text: &str) -> Result<Self, UriError> {
        let len = u16::try_from(text.len()).map_err(|_| UriError::TooLong)?;
        match Self::parse_usual(text.as_bytes(), len) {
            Some(parts) => Ok(parts),
            None => Self::parse_any(text, len),
        }
    }

    /// `rtsp://host:port/path?query` with a name or an IPv4 address as host: each byte is looked at once.
    fn parse_usual(bytes: &[u8], len: u16) -> Option<Self> {
        const HOST_START: usize = 7;
        let rest = bytes.strip_prefix(b"rtsp://")?;
        let host_len = rest
            .iter()
            .position(|&byte| class(byte) & NOT_IN_HOST != 0)
            .unwrap_or(rest.len());
        let mut tail = rest.get(host_len..)?;
        let mut port = None;
        if let [b':', digits @ ..] = tail {
            let mut number = 0u32;
            tail = digits;
            while let [digit @ b'0'..=b'9', after @ ..] = tail {
                number = number.checked_mul(10)?.checked_add(u32::from(digit & 15))?;
                tail = after;
            }
            if !(1..=5).contains(&digits.len().checked_sub(tail.len())?) {
                return None;
            }
            port = Some(u16::try_from(number).ok()?);
        }
        let path = bytes.len().checked_sub(tail.len())?;
        let seen = tail.iter().fold(0, |seen, &byte| seen | class(byte));
        if host_len == 0 || !matches!(tail, [] | [b'/', ..]) || seen & FORBIDDEN != 0 {
            return None;
        }
        let question = match seen & QUESTION {
            0 => None,
            _ => memchr::memchr(b'?', tail).map(|found| path.saturating_add(found)),
        };
        Some(Self {
            len,
            scheme: Scheme::Rtsp,
            port,
            userinfo: None,
            host: (
                clamp(HOST_START),
                clamp(HOST_START.saturating_add(host_len)),
            ),
            ipv6: false,
            path: (clamp(path), question.map_or(len, clamp)),
            query: question.map(|question| (clamp(question.saturating_add(1)), len)),
        })
    }

    fn parse_any(text: &str, len: u16) -> Result<Self, UriError> {
        let bytes = text.as_bytes();
        if bytes.iter().any(|&byte| class(byte) & FORBIDDEN != 0) {
            return Err(UriError::Character);
        }
        let (scheme, authority_start) = parse_scheme(bytes).ok_or(UriError::Scheme)?;
        let rest = bytes.get(authority_start..).unwrap_or(&[]);
        let authority_end = rest
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?'))
            .map_or(bytes.len(), |at| at.saturating_add(authority_start));
        let authority = text.get(authority_start..authority_end).unwrap_or("");
        let (userinfo, host_port) = match memchr::memrchr(b'@', authority.as_bytes()) {
            Some(end) => {
                let end = authority_start.saturating_add(end);
                (
                    Some((clamp(authority_start), clamp(end))),
                    end.saturating_add(1),
                )
            }
            None => (None, authority_start),
        };
        let (host, ipv6, port) = split_host_port(text.get(host_port..authority_end).unwrap_or(""))?;
        let host_start = host_port.saturating_add(usize::from(ipv6));
        let tail = bytes.get(authority_end..).unwrap_or(&[]);
        let question = memchr::memchr(b'?', tail).map(|found| authority_end.saturating_add(found));
        Ok(Self {
            len,
            scheme,
            port,
            userinfo,
            host: (
                clamp(host_start),
                clamp(host_start.saturating_add(host.len())),
            ),
            ipv6,
            path: (clamp(authority_end), question.map_or(len, clamp)),
            query: question.map(|question| (clamp(question.saturating_add(1)), len)),
        })
    }
}

/// The scheme, and where the authority begins behind `://`.
fn parse_scheme(bytes: &[u8]) -> Option<(Scheme, usize)> {
    if bytes.starts_with(b"rtsp://") {
        return Some((Scheme::Rtsp, 7));
    }
    [Scheme::Rtsp, Scheme::Rtsps, Scheme::Rtspu]
        .into_iter()
        .find_map(|scheme| {
            let (name, rest) = bytes.split_at_checked(scheme.as_str().len())?;
            let matches = name.eq_ignore_ascii_case(scheme.as_str().as_bytes());
            (matches && rest.starts_with(b"://")).then(|| (scheme, name.len().saturating_add(3)))
        })
}

/// Offsets are below [`Uri::MAX_LEN`], which was checked.
fn clamp(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// In no URI.
const FORBIDDEN: u8 = 1;
/// Not in a `reg-name` (RFC 3986 §3.2.2).
const NOT_IN_HOST: u8 = 2;
const QUESTION: u8 = 4;

#[inline]
fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(FORBIDDEN)
}

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, which would refuse an index out of range
static CLASSES: [u8; 256] = {
    let mut classes = [NOT_IN_HOST; 256];
    let mut byte = 0u8;
    while byte < 128 {
        classes[byte as usize] = match byte {
            0..=b' ' | 0x7F | b'"' | b'<' | b'>' | b'\\' | b'#' | b'^' | b'`' => {
                FORBIDDEN | NOT_IN_HOST
            }
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => 0,
            b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'' => 0,
            b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => 0,
            b'?' => QUESTION | NOT_IN_HOST,
            _ => NOT_IN_HOST,
        };
        byte += 1;
    }
    classes
};

fn split_host_port(text: &str) -> Result<(&str, bool, Option<u16>), UriError> {
    let (host, ipv6, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UriError::Host)?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port),
            None if after.is_empty() => None,
            None => return Err(UriError::Host),
        };
        // A zone is no part of RFC 3986, but link-local cameras are reached with one (RFC 6874).
        let (address, zone) = host.split_once('%').unwrap_or((host, "0"));
        if address.parse::<core::net::Ipv6Addr>().is_err() || !zone.bytes().all(is_host_byte) {
            return Err(UriError::Host);
        }
        (host, true, port)
    } else {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        if host.is_empty() || !host.bytes().all(is_host_byte) {
            return Err(UriError::Host);
        }
        (host, false, port)
    };
    // `rtsp://h:/a` has an empty port, which means the default (RFC 3986 §3.2.3).
    let port = port
        .filter(|port| !port.is_empty())
        .map(parse_port)
        .transpose()?;
    Ok((host, ipv6, port))
}

fn parse_port(text: &str) -> Result<u16, UriError> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true if text.len() <= 5 => text.parse().map_err(|_| UriError::Port),
        _ => Err(UriError::Port),
    }
}

/// `reg-name` of RFC 3986 §3.2.2.
fn is_host_byte(byte: u8) -> bool {
    class(byte) & NOT_IN_HOST == 0
}

pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, UriError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(UriError::Escape);
        };
        match u8::try_from(high << 4 | low) {
            Ok(byte) if byte != 0 => decoded.push(byte),
            _ => return Err(UriError::Escape),
        }
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| UriError::Escape)
}

pub(crate) fn push_escaped(out: &mut String, byte: u8) {
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.extend(char::from_digit(u32::from(nibble), 16).map(|digit| digit.to_ascii_uppercase()));
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.around_userinfo();
        f.write_str(before)?;
        if let Some(userinfo) = self.userinfo() {
            match userinfo.split_once(':') {
                Some((user, _)) => write!(f, "{user}:***@")?,
                None => write!(f, "{userinfo}@")?,
            }
        }
        f.write_str(after)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({self})")
    }
}

impl core::str::FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(text)
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.parts.scheme == other.parts.scheme
            && self.port_or_default() == other.port_or_default()
            && self.host().eq_ignore_ascii_case(other.host())
            && self.userinfo() == other.userinfo()
            && self.path() == other.path()
            && self.query() == other.query()
    }
}

impl Eq for Uri {}

/// A copy that does not hold on to the message that the URI came with.
impl Clone for Uri {
    fn clone(&self) -> Self {
        let text = match self.text.len() > usize::from(self.parts.len) {
            true => Arc::from(self.as_str()),
            false => Arc::clone(&self.text),
        };
        Self {
            text,
            start: 0,
            parts: self.parts,
        }
    }
}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts.scheme.hash(state);
        self.port_or_default().hash(state);
        for byte in self.host().bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        self.userinfo().hash(state);
        self.path().hash(state);
        self.query().hash(state);
    }
}

#[cfg(test)]
#[path = "uri/tests.rs"]
mod tests;
