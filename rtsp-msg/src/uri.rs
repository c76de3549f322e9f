//! URIs of the schemes `rtsp`, `rtsps` and `rtspu`.

use alloc::borrow::Cow;
use alloc::string::String;
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
#[derive(Clone)]
pub struct Uri {
    text: String,
    scheme: Scheme,
    port: Option<u16>,
    /// End of the userinfo, which starts after `://`; no userinfo when `host.start` follows at once.
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
        if text.len() > Self::MAX_LEN {
            return Err(UriError::TooLong);
        }
        if text.bytes().any(is_forbidden) {
            return Err(UriError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UriError::Scheme)?;
        let scheme = [Scheme::Rtsp, Scheme::Rtsps, Scheme::Rtspu]
            .into_iter()
            .find(|known| scheme.eq_ignore_ascii_case(known.as_str()))
            .ok_or(UriError::Scheme)?;
        let authority_len = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(authority_len).ok_or(UriError::Host)?;
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((userinfo, host_port)) => (Some(userinfo), host_port),
            None => (None, authority),
        };
        let (host, ipv6, port) = split_host_port(host_port)?;
        let (path, query) = match tail.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (tail, None),
        };
        let span = |part: &str| span_of(text, part);
        Ok(Self {
            scheme,
            port,
            userinfo: userinfo.map(span),
            host: span(host),
            ipv6,
            path: span(path),
            query: query.map(span),
            text: String::from(text),
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
        self.scheme
    }

    /// What stands before the `@`, as it stands there: usually `user:password`, percent-encoded.
    pub fn userinfo(&self) -> Option<&str> {
        self.userinfo.map(|span| self.part(span))
    }

    /// User name and password, percent-decoded; `None` without userinfo or when an escape in it is malformed.
    pub fn credentials(&self) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        let userinfo = self.userinfo()?;
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        Some((decode(user).ok()?, decode(password).ok()?))
    }

    /// The host, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.part(self.host)
    }

    /// Whether the host stood in brackets.
    pub fn host_is_ipv6(&self) -> bool {
        self.ipv6
    }

    /// The port, if the URI names one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port, or else the scheme's.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// The path as it was sent, `/` when there was none.
    pub fn path(&self) -> &str {
        match self.part(self.path) {
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
        self.query.map(|span| self.part(span))
    }

    /// The whole text, **password included**.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same without user information: what goes on the wire.
    #[must_use]
    pub fn without_userinfo(&self) -> Self {
        if self.userinfo.is_none() {
            return self.clone();
        }
        let mut text = String::with_capacity(self.text.len());
        self.push_without_userinfo(&mut text);
        Self::parse(&text).unwrap_or_else(|_| self.clone())
    }

    /// The text in two parts around the user information, to be written one after the other.
    pub(crate) fn around_userinfo(&self) -> (&str, &str) {
        let Some((start, end)) = self.userinfo else {
            return (&self.text, "");
        };
        let before = self.text.get(..usize::from(start)).unwrap_or("");
        let after = self.text.get(usize::from(end) + 1..).unwrap_or("");
        (before, after)
    }

    fn push_without_userinfo(&self, out: &mut String) {
        let (before, after) = self.around_userinfo();
        out.push_str(before);
        out.push_str(after);
    }

    fn part(&self, (start, end): Span) -> &str {
        self.text
            .get(Range {
                start: usize::from(start),
                end: usize::from(end),
            })
            .unwrap_or("")
    }
}

fn is_forbidden(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, 0x7F | b'"' | b'<' | b'>' | b'\\' | b'#' | b'^' | b'`')
}

/// Where `part`, a slice of `text`, lies in it. Both are at most `u16::MAX` long.
fn span_of(text: &str, part: &str) -> Span {
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    let clamp = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    (clamp(start), clamp(start.saturating_add(part.len())))
}

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
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
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
        self.scheme == other.scheme
            && self.port_or_default() == other.port_or_default()
            && self.host().eq_ignore_ascii_case(other.host())
            && self.userinfo() == other.userinfo()
            && self.path() == other.path()
            && self.query() == other.query()
    }
}

impl Eq for Uri {}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scheme.hash(state);
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
