//! The heads of HTTP that tunnels begin with.

use super::websocket;

/// Octets of a head at most.
pub const HEAD_BYTES: usize = 8 * 1024;
/// Headers of one at most.
const HEADERS: usize = 64;
/// Octets of a cookie at most.
pub const COOKIE_BYTES: usize = 128;
/// Octets of an origin at most.
const ORIGIN_BYTES: usize = 512;

/// The header that ties a GET and a POST together.
pub(super) const COOKIE: &str = "x-sessioncookie";

/// What a request of HTTP asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ask {
    /// To be the way back of the tunnel with this cookie.
    Get(String),
    /// To be the way forth of the tunnel with this cookie.
    Post(String),
    /// To speak RTSP over WebSocket, with this `Sec-WebSocket-Key`; it is 16 octets in base64.
    WebSocket(String),
    /// Anything else.
    Other,
}

/// What the head of a request says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// What is asked for.
    pub ask: Ask,
    /// The site whose page asks, if a browser does (RFC 6454 §7). Empty where that is too long or no text.
    pub origin: Option<String>,
    /// How long the head is; what follows is no part of it.
    pub len: usize,
}

/// A head that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// It is no HTTP.
    #[error("no HTTP")]
    Malformed,
    /// It is longer than [`HEAD_BYTES`].
    #[error("the head is too long")]
    TooLong,
    /// It has more headers than are taken.
    #[error("the head has too many headers")]
    TooMany,
    /// The cookie is empty, too long, or has characters that no cookie has.
    #[error("no usable x-sessioncookie")]
    Cookie,
    /// A POST is in chunks: what it carries would not be base64 alone.
    #[error("the POST of a tunnel has no Transfer-Encoding")]
    Chunked,
    /// A WebSocket is asked for in another version than 13 (RFC 6455 §4.4).
    #[error("the version of WebSocket is 13")]
    WebSocketVersion,
    /// A WebSocket is asked for without saying that it is for RTSP (ONVIF Streaming §7.3.1).
    #[error("Sec-WebSocket-Protocol has to offer rtsp.onvif.org")]
    WebSocketProtocol,
    /// A WebSocket is asked for without the headers that this takes (RFC 6455 §4.2.1).
    #[error("Connection: Upgrade and a Sec-WebSocket-Key of 16 octets are missing")]
    WebSocketKey,
}

impl HeadError {
    /// The status line, behind the version, that says so.
    #[must_use]
    pub const fn status(self) -> &'static str {
        match self {
            Self::TooLong | Self::TooMany => "431 Request Header Fields Too Large",
            Self::Chunked => "501 Not Implemented",
            Self::WebSocketVersion => "426 Upgrade Required",
            _ => "400 Bad Request",
        }
    }
}

/// Reads the head of a request; `None` while it is not whole.
///
/// # Errors
///
/// See [`HeadError`]; nothing that follows makes it better.
pub fn request(read: &[u8]) -> Result<Option<Request>, HeadError> {
    if !is_whole(read)? {
        return Ok(None);
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let Some(len) = length(head.parse(read), read)? else {
        return Ok(None);
    };
    let fields = Fields(head.headers);
    let upgrades = fields.lists("Upgrade", "websocket");
    let ask = match (head.method, fields.first(COOKIE)) {
        (Some("GET"), _) if upgrades => Ask::WebSocket(fields.websocket_key()?),
        (_, None) => Ask::Other,
        // QuickTime says in Accept and Content-Type what it wants; others leave it out: the cookie is enough.
        (Some("GET"), Some(cookie)) => Ask::Get(usable(cookie)?),
        // Content-Length says nothing: clients make one up, and go on behind it.
        (Some("POST"), Some(_)) if fields.first("Transfer-Encoding").is_some() => {
            return Err(HeadError::Chunked);
        }
        (Some("POST"), Some(cookie)) => Ask::Post(usable(cookie)?),
        _ => Ask::Other,
    };
    let origin = fields.origin();
    Ok(Some(Request { ask, origin, len }))
}

/// What the head of an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What the status is called there.
    pub reason: String,
    /// How long the head is; what follows is no part of it.
    pub len: usize,
    /// `Sec-WebSocket-Accept`.
    pub(super) accept: Option<String>,
    /// `Upgrade` says WebSocket and `Sec-WebSocket-Protocol` says RTSP.
    pub(super) upgraded: bool,
}

/// Reads the head of an answer; `None` while it is not whole.
///
/// # Errors
///
/// See [`HeadError`].
pub fn response(read: &[u8]) -> Result<Option<Answer>, HeadError> {
    if !is_whole(read)? {
        return Ok(None);
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let Some((len, status)) = length(head.parse(read), read)?.zip(head.code) else {
        return Ok(None);
    };
    let fields = Fields(head.headers);
    let text = |value: &[u8]| std::str::from_utf8(value).ok().map(str::to_owned);
    Ok(Some(Answer {
        status,
        reason: head.reason.unwrap_or_default().to_owned(),
        len,
        accept: fields.first("Sec-WebSocket-Accept").and_then(text),
        upgraded: fields.lists("Upgrade", "websocket")
            && fields.lists("Sec-WebSocket-Protocol", websocket::PROTOCOL),
    }))
}

/// An answer that says no, with the reason as its body.
#[must_use]
pub fn refusal(status: &str, reason: &str) -> Vec<u8> {
    let version = match status.starts_with("426 ") {
        true => "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n",
        false => "",
    };
    format!(
        "HTTP/1.1 {status}\r\n{version}Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reason}\n",
        reason.len() + 1
    )
    .into_bytes()
}

/// Whether the head has ended. Looked for before anything is parsed, so that octets that come one by one are not parsed each time.
fn is_whole(read: &[u8]) -> Result<bool, HeadError> {
    let mut lines = read.split_inclusive(|byte| *byte == b'\n').skip(1);
    let whole = lines.any(|line| line == b"\r\n" || line == b"\n");
    match whole {
        false if read.len() >= HEAD_BYTES => Err(HeadError::TooLong),
        whole => Ok(whole),
    }
}

fn length(parsed: httparse::Result<usize>, read: &[u8]) -> Result<Option<usize>, HeadError> {
    match parsed {
        Ok(httparse::Status::Complete(len)) if len <= HEAD_BYTES => Ok(Some(len)),
        Ok(httparse::Status::Partial) if read.len() < HEAD_BYTES => Ok(None),
        Ok(_) => Err(HeadError::TooLong),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooMany),
        Err(_) => Err(HeadError::Malformed),
    }
}

/// The headers of a head.
struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let named = self
            .0
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value.trim_ascii())
    }

    fn first(&self, name: &'static str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Whether a header that is a list has this in it.
    fn lists(&self, name: &'static str, wanted: &str) -> bool {
        let mut items = self
            .all(name)
            .flat_map(|value| value.split(|byte| *byte == b','));
        items.any(|item| item.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
    }

    fn websocket_key(&self) -> Result<String, HeadError> {
        if self.first("Sec-WebSocket-Version") != Some(b"13") {
            return Err(HeadError::WebSocketVersion);
        }
        if !self.lists("Sec-WebSocket-Protocol", websocket::PROTOCOL) {
            return Err(HeadError::WebSocketProtocol);
        }
        let key = self
            .first("Sec-WebSocket-Key")
            .and_then(|key| std::str::from_utf8(key).ok());
        let key = key.filter(|key| self.lists("Connection", "upgrade") && websocket::is_key(key));
        key.map(str::to_owned).ok_or(HeadError::WebSocketKey)
    }

    fn origin(&self) -> Option<String> {
        // What does not fit is nobody's origin, so it is no way around the question.
        self.first("Origin").map(|origin| {
            let text = std::str::from_utf8(origin).ok();
            text.filter(|text| text.len() <= ORIGIN_BYTES)
                .unwrap_or_default()
                .to_owned()
        })
    }
}

fn usable(cookie: &[u8]) -> Result<String, HeadError> {
    let usable =
        (1..=COOKIE_BYTES).contains(&cookie.len()) && cookie.iter().all(u8::is_ascii_graphic);
    let text = std::str::from_utf8(cookie).ok().filter(|_| usable);
    text.map(str::to_owned).ok_or(HeadError::Cookie)
}

#[cfg(test)]
mod tests {
    use super::super::http::{OPENED, get, post};
    use super::*;

    #[test]
    fn heads_are_read_however_they_are_cut() {
        for (head, ask) in [
            (get("h", "/live", "abc123", "me"), Ask::Get("abc123".into())),
            (post("h:8554", "/", "x/y=", "me"), Ask::Post("x/y=".into())),
            (
                b"GET /s HTTP/1.1\r\nX-SessionCookie:  q \r\n\r\n".to_vec(),
                Ask::Get("q".into()),
            ),
            (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), Ask::Other),
            (b"GET / HTTP/1.0\n\n".to_vec(), Ask::Other),
            (
                b"PUT / HTTP/1.1\r\nx-sessioncookie: q\r\n\r\n".to_vec(),
                Ask::Other,
            ),
        ] {
            for cut in 0..head.len() {
                assert_eq!(request(&head[..cut]), Ok(None), "{cut}");
            }
            let more = [&head[..], b"rest"].concat();
            let request = request(&more).unwrap().unwrap();
            assert_eq!((request.ask, request.len), (ask, head.len()));
            assert_eq!(request.origin, None);
        }
        let opened = response(OPENED).unwrap().unwrap();
        assert_eq!((opened.status, opened.len), (200, OPENED.len()));
        let refusal = refusal("404 Not Found", "no");
        let refused = response(&refusal).unwrap().unwrap();
        assert_eq!((refused.status, refused.len), (404, refusal.len() - 3));
        assert_eq!(refused.reason, "Not Found");
    }

    #[test]
    fn heads_and_cookies_are_bounded() {
        let with = |cookie: &str| format!("GET / HTTP/1.0\r\nx-sessioncookie: {cookie}\r\n\r\n");
        assert_eq!(request(with("").as_bytes()), Err(HeadError::Cookie));
        assert_eq!(request(with("a b").as_bytes()), Err(HeadError::Cookie));
        let longest = "c".repeat(COOKIE_BYTES);
        assert!(matches!(request(with(&longest).as_bytes()), Ok(Some(_))));
        let long = format!("{longest}c");
        assert_eq!(request(with(&long).as_bytes()), Err(HeadError::Cookie));
        let endless = format!("GET / HTTP/1.0\r\nA: {}", "a".repeat(HEAD_BYTES));
        assert_eq!(request(endless.as_bytes()), Err(HeadError::TooLong));
        let late = format!("{endless}\r\n\r\n");
        assert_eq!(request(late.as_bytes()), Err(HeadError::TooLong));
        let many = format!("GET / HTTP/1.0\r\n{}\r\n", "A: b\r\n".repeat(HEADERS + 1));
        assert_eq!(request(many.as_bytes()), Err(HeadError::TooMany));
        assert_eq!(
            request(b"\x01 / HTTP/1.0\r\n\r\n"),
            Err(HeadError::Malformed)
        );
    }

    #[test]
    fn a_post_is_base64_alone_and_who_asks_is_told_with_it() {
        let asked = |line: &str| {
            let head = format!("POST / HTTP/1.1\r\nx-sessioncookie: q\r\n{line}\r\n\r\n");
            request(head.as_bytes()).map(Option::unwrap)
        };
        for coding in ["chunked", "gzip, chunked", "identity", ""] {
            let line = format!("Transfer-Encoding: {coding}");
            assert_eq!(asked(&line), Err(HeadError::Chunked), "{coding}");
        }
        for length in ["0", "-1", "32767", "99999999999999999999999", "a"] {
            let request = asked(&format!("Content-Length: {length}")).unwrap();
            assert_eq!(request.ask, Ask::Post("q".into()), "{length}");
        }
        let long = format!("http://{}.example", "a".repeat(ORIGIN_BYTES));
        for (site, told) in [("null", "null"), (long.as_str(), ""), ("", "")] {
            let request = asked(&format!("Origin: {site}")).unwrap();
            assert_eq!(request.origin.as_deref(), Some(told));
        }
    }

    /// The example of ONVIF Streaming §7.3.1, and what it lacks when one of its lines is another.
    #[test]
    fn a_websocket_is_asked_for_by_five_headers() {
        const LINES: [&str; 5] = [
            "Upgrade: websocket",
            "Connection: keep-alive, Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol: chat, rtsp.onvif.org",
            "Sec-WebSocket-Version: 13",
        ];
        let asked = |at: usize, line: &str| {
            let mut lines = LINES;
            lines[at] = line;
            let head = format!(
                "GET /webSocketServer HTTP/1.1\r\nHost: 192.168.0.1\r\n{}\r\nOrigin: http://example.com\r\n\r\n",
                lines.join("\r\n")
            );
            request(head.as_bytes()).map(|read| {
                let read = read.unwrap();
                assert_eq!(read.origin.as_deref(), Some("http://example.com"));
                read.ask
            })
        };
        let key = Ask::WebSocket("dGhlIHNhbXBsZSBub25jZQ==".into());
        assert_eq!(asked(0, LINES[0]), Ok(key));
        assert_eq!(asked(0, "X: y"), Ok(Ask::Other));
        assert_eq!(asked(0, "Upgrade: h2c"), Ok(Ask::Other));
        for (at, line, error) in [
            (1, "Connection: close", HeadError::WebSocketKey),
            (2, "X: y", HeadError::WebSocketKey),
            (2, "Sec-WebSocket-Key: c2hvcnQ=", HeadError::WebSocketKey),
            (3, "X: y", HeadError::WebSocketProtocol),
            (
                3,
                "Sec-WebSocket-Protocol: chat",
                HeadError::WebSocketProtocol,
            ),
            (4, "Sec-WebSocket-Version: 8", HeadError::WebSocketVersion),
            (4, "X: y", HeadError::WebSocketVersion),
        ] {
            assert_eq!(asked(at, line), Err(error), "{line}");
        }
        let outdated = refusal(HeadError::WebSocketVersion.status(), "13");
        assert!(
            outdated.starts_with(b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n")
        );
    }
}
