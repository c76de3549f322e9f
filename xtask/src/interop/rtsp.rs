//! One RTSP request by hand: is this path there?

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The status that DESCRIBE gets, or nothing where nobody answers.
pub(crate) fn describe(url: &str) -> Option<u16> {
    let host = url.strip_prefix("rtsp://")?.split('/').next()?;
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(
        stream,
        "DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    let mut piece = [0; 512];
    while !answer.contains(&b'\n') {
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => answer.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
    status(&String::from_utf8_lossy(&answer))
}

fn status(answer: &str) -> Option<u16> {
    answer
        .strip_prefix("RTSP/1.0 ")?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_read() {
        assert_eq!(status("RTSP/1.0 404 Not Found\r\n"), Some(404));
        assert_eq!(status("HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(status("RTSP/1.0"), None);
    }
}
