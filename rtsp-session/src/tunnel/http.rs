//! RTSP over HTTP: the answers come as the endless body of a GET, the requests go in base64 as that of a POST; a cookie that the
//! client makes up says which belong together (Apple, "Tunnelling RTSP and RTP over HTTP"; ONVIF Streaming §5.1.1.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut as _, BytesMut};

use super::head::COOKIE;

/// What both carry.
const TUNNELLED: &str = "application/x-rtsp-tunnelled";

/// The head of the answer to a GET: what follows is RTSP. There is no length, so the version is that which needs none.
pub const OPENED: &[u8] =
    b"HTTP/1.0 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\nPragma: no-cache\r\n\
    Content-Type: application/x-rtsp-tunnelled\r\n\r\n";

/// The head of a client's GET, for `path` at `host` (with its port where that is not HTTP's).
#[must_use]
pub fn get(host: &str, path: &str, cookie: &str, user_agent: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\n{COOKIE}: {cookie}\r\nAccept: {TUNNELLED}\r\n\
         Pragma: no-cache\r\nCache-Control: no-cache\r\n\r\n"
    )
    .into_bytes()
}

/// The head of a client's POST. Its length is a large number that means nothing: the body goes on for as long as it does.
#[must_use]
pub fn post(host: &str, path: &str, cookie: &str, user_agent: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\n{COOKIE}: {cookie}\r\nContent-Type: {TUNNELLED}\r\n\
         Pragma: no-cache\r\nCache-Control: no-cache\r\nContent-Length: 32767\r\nExpires: Sun, 9 Jan 1972 00:00:00 GMT\r\n\r\n"
    )
    .into_bytes()
}

/// Puts octets into the body of a POST: whole, with its own padding, so that it can be read at once.
pub fn encode(octets: &[u8], body: &mut BytesMut) {
    body.put_slice(STANDARD.encode(octets).as_bytes());
}

/// Takes the body of a POST apart, however it is cut. Each message may have been encoded by itself, so padding may be anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Body {
    /// The characters of a group of four that have come.
    group: [u8; 4],
    count: usize,
}

/// A body that is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body of the POST is no base64")]
#[non_exhaustive]
pub struct NoBase64;

impl Body {
    /// Takes all of `body`, and adds what it says to `octets`.
    ///
    /// # Errors
    ///
    /// [`NoBase64`] where it is none; what came before has been added.
    pub fn decode(&mut self, body: &mut BytesMut, octets: &mut BytesMut) -> Result<(), NoBase64> {
        octets.reserve(body.len() / 4 * 3 + 3);
        for byte in body.iter().filter(|byte| !byte.is_ascii_whitespace()) {
            if let Some(place) = self.group.get_mut(self.count) {
                *place = *byte;
            }
            self.count += 1;
            if self.count == self.group.len() {
                self.count = 0;
                let mut three = [0; 3];
                let len = STANDARD.decode_slice(self.group, &mut three);
                let len = len.map_err(|_| NoBase64)?;
                octets.put_slice(three.get(..len).unwrap_or_default());
            }
        }
        body.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_however_they_are_cut_and_padded() {
        let mut body = BytesMut::new();
        for message in [&b"OPTIONS"[..], b"a", b"", b"\x00\xff\x80", b"ab"] {
            encode(message, &mut body);
            body.put_slice(b"\r\n");
        }
        for size in 1..body.len() {
            let (mut decoder, mut octets) = (Body::default(), BytesMut::new());
            for piece in body.chunks(size) {
                let mut piece = BytesMut::from(piece);
                decoder.decode(&mut piece, &mut octets).unwrap();
            }
            assert_eq!(&octets[..], b"OPTIONSa\x00\xff\x80ab", "{size}");
        }
        let mut decoder = Body::default();
        let mut wrong = BytesMut::from(&b"QUJDQ=AA"[..]);
        let mut octets = BytesMut::new();
        assert_eq!(decoder.decode(&mut wrong, &mut octets), Err(NoBase64));
        assert_eq!(&octets[..], b"ABC");
    }
}
