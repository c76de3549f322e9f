//! One connection of a server that says what the test says.

use bytes::BytesMut;
use rtp_core::Header;
use rtp_core::Packet;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:trackID=0\r\n";

/// One connection: a request at a time, as text.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: BytesMut,
    pub(crate) requests: Vec<String>,
    /// The version that it answers in.
    pub(crate) version: &'static str,
    /// The session that it tells.
    pub(crate) session: String,
}

impl Peer {
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        Self {
            stream,
            buffer: BytesMut::new(),
            requests: Vec::new(),
            version: "RTSP/1.0",
            session: "s1".to_owned(),
        }
    }

    /// The next request, past interleaved frames; `None` when the client has closed.
    pub(crate) async fn request(&mut self) -> Option<String> {
        loop {
            while self.buffer.first() == Some(&b'$') && self.buffer.len() >= 4 {
                let len = 4 + usize::from(u16::from_be_bytes([self.buffer[2], self.buffer[3]]));
                if self.buffer.len() < len {
                    break;
                }
                let _ = self.buffer.split_to(len);
            }
            if self.buffer.first() != Some(&b'$')
                && let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n")
            {
                let head = self.buffer.split_to(end + 4);
                let text = String::from_utf8(head.to_vec()).unwrap();
                self.requests.push(text.lines().next().unwrap().to_owned());
                return Some(text);
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn answer(&mut self, request: &str, status: &str, rest: &str) {
        let cseq = header(request, "CSeq").unwrap();
        let (version, session) = (self.version, &self.session);
        let response =
            format!("{version} {status}\r\nCSeq: {cseq}\r\nSession: {session}\r\n{rest}");
        let end = if rest.contains("\r\n\r\n") {
            ""
        } else {
            "\r\n"
        };
        let _ = self.stream.write_all((response + end).as_bytes()).await;
    }
}

pub(crate) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = message.split("\r\n");
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub(crate) fn packet(sequence: u16) -> Vec<u8> {
    packet_of(77, sequence)
}

pub(crate) fn packet_of(ssrc: u32, sequence: u16) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type: 0,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc,
    };
    Packet::new(&header, &[0xd5; 160]).into_bytes().to_vec()
}

pub(crate) fn frame(channel: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![b'$', channel];
    out.extend((payload.len() as u16).to_be_bytes());
    out.extend(payload);
    out
}

/// RTCP BYE behind an empty receiver report.
pub(crate) fn bye() -> Vec<u8> {
    let mut out = BytesMut::new();
    let mut writer = rtcp::CompoundWriter::new(&mut out);
    writer.receiver_report(77, &[]).bye(&[77], None);
    out.to_vec()
}
