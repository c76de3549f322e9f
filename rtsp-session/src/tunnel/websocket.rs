//! RTSP over WebSocket (ONVIF Streaming §7, RFC 6455): one connection, on which frames carry RTSP as a stream of octets.
//!
//! Written here because RTSP needs little of it and that without a copy more than masking takes: octets are handed on as they come, so no
//! message is ever kept, whatever length it has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes, BytesMut};
use sha1::{Digest as _, Sha1};

use super::head::Answer;

/// What RTSP is called in `Sec-WebSocket-Protocol` (ONVIF Streaming §7.3.1).
pub const PROTOCOL: &str = "rtsp.onvif.org";

/// Octets of one frame at most. Nothing is kept of it, but nobody has a reason for more.
pub const FRAME_BYTES: u64 = 16 * 1024 * 1024;
/// Octets of a frame's header at most (RFC 6455 §5.2).
const HEADER_BYTES: usize = 14;
/// Octets of a control frame's payload at most (RFC 6455 §5.5).
const CONTROL_BYTES: u64 = 125;

/// What a key is hashed with (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A key for [`upgrade`], of 16 random octets.
#[must_use]
pub fn key(random: [u8; 16]) -> String {
    STANDARD.encode(random)
}

pub(super) fn is_key(text: &str) -> bool {
    // 16 octets are 24 characters.
    let mut octets = [0; 18];
    text.len() == 24 && STANDARD.decode_slice(text, &mut octets) == Ok(16)
}

/// What a server answers to a key, to show that it has understood (RFC 6455 §4.2.2).
#[must_use]
pub fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// The head of a client's request, for `path` at `host` (with its port where that is not HTTP's).
#[must_use]
pub fn upgrade(host: &str, path: &str, key: &str, user_agent: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// The head of the answer to it: what follows are frames.
#[must_use]
pub fn switched(key: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\
         Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n",
        accept(key)
    )
    .into_bytes()
}

/// Whether an answer says that frames of RTSP follow, to who has asked with `key` (RFC 6455 §4.1).
#[must_use]
pub fn is_switched(answer: &Answer, key: &str) -> bool {
    answer.status == 101 && answer.upgraded && answer.accept.as_deref() == Some(&accept(key))
}

/// Which end of a connection this is: a client masks what it sends, a server does not (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Who has asked.
    Client,
    /// Who was asked.
    Server,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opcode {
    /// More of a message.
    Continuation,
    /// A message of text, or its beginning.
    Text,
    /// A message of octets, or its beginning.
    Binary,
    /// The last one.
    Close,
    /// To be answered by a pong.
    Ping,
    /// The answer to a ping.
    Pong,
}

impl Opcode {
    const fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }
}

/// The header of a frame that is sent.
#[derive(Debug, Clone, Copy)]
pub struct FrameHeader {
    octets: [u8; HEADER_BYTES],
    len: usize,
}

impl FrameHeader {
    /// Of a frame that is a message of its own, with `len` octets of payload; `mask` is what a client has masked them with.
    #[must_use]
    pub fn new(opcode: Opcode, len: usize, mask: Option<[u8; 4]>) -> Self {
        let mut header = Self {
            octets: [0; HEADER_BYTES],
            len: 0,
        };
        let masked = if mask.is_some() { 0x80 } else { 0 };
        header.put(&[0x80 | opcode.number()]);
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(len @ ..=125), _) => header.put(&[masked | len]),
            (_, Ok(len)) => {
                header.put(&[masked | 126]);
                header.put(&len.to_be_bytes());
            }
            _ => {
                header.put(&[masked | 127]);
                header.put(&(len as u64).to_be_bytes());
            }
        }
        if let Some(mask) = mask {
            header.put(&mask);
        }
        header
    }

    fn put(&mut self, octets: &[u8]) {
        let free = self.octets.iter_mut().skip(self.len);
        for (place, octet) in free.zip(octets) {
            *place = *octet;
        }
        self.len += octets.len();
    }

    /// As it is sent.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// Masks octets that are `at` octets into their frame, or takes the mask off (RFC 6455 §5.3).
pub fn mask(octets: &mut [u8], key: [u8; 4], at: u64) {
    let mut turned = key;
    turned.rotate_left((at % 4) as usize);
    let [a, b, c, d] = turned;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = octets.as_chunks_mut::<8>();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
    }
    for (octet, key) in rest.iter_mut().zip([a, b, c, d].into_iter().cycle()) {
        *octet ^= key;
    }
}

/// What the other end says about the connection itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// To be answered by a pong with the same payload; one that was not answered is forgotten when the next comes (RFC 6455 §5.5.3).
    Ping(Bytes),
    /// It is there.
    Pong,
    /// Nothing follows. It is answered with the same status, if there was one (RFC 6455 §5.5.1).
    Close(Option<u16>),
}

/// Frames that the other end must not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A bit is set that means nothing here, or there is no such opcode (RFC 6455 §5.2).
    #[error("a frame of WebSocket that means nothing")]
    Reserved,
    /// A client does not mask, or a server does (RFC 6455 §5.1).
    #[error("a frame of WebSocket with the mask of the wrong end")]
    Mask,
    /// The length is written longer than it has to be, or is larger than is taken.
    #[error("a frame of WebSocket that is too long")]
    Length,
    /// A control frame is in pieces, or a message begins in another, or goes on where there is none (RFC 6455 §5.4).
    #[error("pieces of WebSocket messages in the wrong order")]
    Fragment,
    /// A control frame has a payload that it cannot have (RFC 6455 §5.5).
    #[error("a control frame of WebSocket with a wrong payload")]
    Control,
}

impl FrameError {
    /// The status of the close frame that says so (RFC 6455 §7.4.1).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Length => 1009,
            _ => 1002,
        }
    }
}

/// Takes frames apart, however they are cut.
#[derive(Debug)]
pub struct Decoder {
    end: End,
    /// A frame of which some payload is to come.
    open: Option<Open>,
    /// A message of which some frames are to come.
    fragmented: bool,
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    left: u64,
    mask: Option<[u8; 4]>,
    at: u64,
}

/// What a header says, and how long it is.
#[derive(Debug, Clone, Copy)]
struct Read {
    last: bool,
    opcode: Opcode,
    payload: u64,
    mask: Option<[u8; 4]>,
    len: usize,
}

impl Decoder {
    /// For what arrives at this end.
    #[must_use]
    pub fn new(end: End) -> Self {
        Self {
            end,
            open: None,
            fragmented: false,
            closed: false,
        }
    }

    /// Takes octets off `wire` and adds what they carry to `octets`, until something is said about the connection itself, or all is
    /// taken but the beginning of a frame. Text is taken as octets: RTSP is both. Nothing is taken behind a close frame.
    ///
    /// # Errors
    ///
    /// See [`FrameError`]; the connection cannot be used any more.
    pub fn decode(
        &mut self,
        wire: &mut BytesMut,
        octets: &mut BytesMut,
    ) -> Result<Option<Control>, FrameError> {
        loop {
            if let Some(open) = &mut self.open {
                let len = usize::try_from(open.left)
                    .unwrap_or(usize::MAX)
                    .min(wire.len());
                let mut payload = wire.split_to(len);
                if let Some(key) = open.mask {
                    mask(&mut payload, key, open.at);
                }
                octets.extend_from_slice(&payload);
                open.at += len as u64;
                open.left -= len as u64;
                if open.left > 0 {
                    return Ok(None);
                }
                self.open = None;
            }
            if self.closed {
                return Ok(None);
            }
            let Some(header) = self.header(wire)? else {
                return Ok(None);
            };
            match header.opcode {
                Opcode::Close | Opcode::Ping | Opcode::Pong => {
                    let whole = header.len + header.payload as usize;
                    if wire.len() < whole {
                        return Ok(None);
                    }
                    wire.advance(header.len);
                    let mut payload = wire.split_to(whole - header.len);
                    if let Some(key) = header.mask {
                        mask(&mut payload, key, 0);
                    }
                    return self.control(header.opcode, payload.freeze()).map(Some);
                }
                Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                    wire.advance(header.len);
                    self.fragmented = !header.last;
                    self.open = Some(Open {
                        left: header.payload,
                        mask: header.mask,
                        at: 0,
                    });
                }
            }
        }
    }

    /// The header at the beginning of `wire`, once it is whole, if it may be there.
    fn header(&self, wire: &[u8]) -> Result<Option<Read>, FrameError> {
        let [first, second, rest @ ..] = wire else {
            return Ok(None);
        };
        let opcode = Opcode::from_number(first & 0x0f).filter(|_| first & 0x70 == 0);
        let opcode = opcode.ok_or(FrameError::Reserved)?;
        let masked = second & 0x80 != 0;
        if masked != (self.end == End::Server) {
            return Err(FrameError::Mask);
        }
        let last = first & 0x80 != 0;
        let control = opcode.number() >= 8;
        let fits = match opcode {
            Opcode::Continuation => self.fragmented,
            Opcode::Text | Opcode::Binary => !self.fragmented,
            _ => last,
        };
        if !fits {
            return Err(FrameError::Fragment);
        }
        let (payload, shortest, wide) = match second & 0x7f {
            126 => match rest.first_chunk::<2>() {
                Some(len) => (u16::from_be_bytes(*len).into(), 126, 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk::<8>() {
                Some(len) => (u64::from_be_bytes(*len), 1 << 16, 8),
                None => return Ok(None),
            },
            len => (u64::from(len), 0, 0),
        };
        if control && payload > CONTROL_BYTES {
            return Err(FrameError::Control);
        }
        if payload < shortest || payload > FRAME_BYTES {
            return Err(FrameError::Length);
        }
        let mask = match (masked, rest.get(wide..).and_then(<[u8]>::first_chunk::<4>)) {
            (true, None) => return Ok(None),
            (true, Some(key)) => Some(*key),
            (false, _) => None,
        };
        Ok(Some(Read {
            last,
            opcode,
            payload,
            mask,
            len: 2 + wide + if masked { 4 } else { 0 },
        }))
    }

    fn control(&mut self, opcode: Opcode, payload: Bytes) -> Result<Control, FrameError> {
        match opcode {
            Opcode::Ping => return Ok(Control::Ping(payload)),
            Opcode::Pong => return Ok(Control::Pong),
            _ => self.closed = true,
        }
        match (&payload[..], payload.first_chunk::<2>()) {
            ([], _) => Ok(Control::Close(None)),
            (_, Some(status)) => match u16::from_be_bytes(*status) {
                status if is_sent(status) => Ok(Control::Close(Some(status))),
                _ => Err(FrameError::Control),
            },
            (_, None) => Err(FrameError::Control),
        }
    }
}

/// Whether a close frame may have this status: some are for who only sees a connection end (RFC 6455 §7.4).
const fn is_sent(status: u16) -> bool {
    matches!(status, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Puts a frame into `wire` that is a message of its own; `key` is what a client masks it with.
pub fn encode(opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>, wire: &mut BytesMut) {
    wire.extend_from_slice(FrameHeader::new(opcode, payload.len(), key).as_octets());
    let begin = wire.len();
    wire.extend_from_slice(payload);
    if let (Some(key), Some(payload)) = (key, wire.get_mut(begin..)) {
        mask(payload, key, 0);
    }
}

/// Puts a close frame into `wire`.
pub fn close(status: Option<u16>, key: Option<[u8; 4]>, wire: &mut BytesMut) {
    let status = status.map(u16::to_be_bytes);
    let payload = status.as_ref().map_or(&[][..], |status| status);
    encode(Opcode::Close, payload, key, wire);
}

#[cfg(test)]
mod tests;
