//! Interleaved frames: RTP and RTCP inside an RTSP connection (RFC 7826 §14, RFC 2326 §10.12).

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes before the payload of a frame: `$`, the channel, and the payload's length in network byte order.
pub const PREFIX_LEN: usize = 4;

/// One interleaved frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterleavedFrame {
    /// The channel that a SETUP assigned.
    pub channel: u8,
    /// One packet: RTP or RTCP, at most 65535 bytes.
    pub payload: Bytes,
}

impl InterleavedFrame {
    /// Writes prefix and payload.
    ///
    /// # Errors
    ///
    /// When the payload exceeds 65535 bytes; nothing is written then.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), FrameTooLong> {
        let prefix = Prefix::new(self.channel, self.payload.len())?;
        out.reserve(PREFIX_LEN + self.payload.len());
        out.put_slice(&prefix.emit());
        out.put_slice(&self.payload);
        Ok(())
    }
}

/// A payload that no frame can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payload of {length} bytes does not fit an interleaved frame")]
#[non_exhaustive]
pub struct FrameTooLong {
    /// The payload's length in bytes.
    pub length: usize,
}

/// The four bytes before a payload, for writers that frame in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The channel.
    pub channel: u8,
    /// The payload's length in bytes.
    pub length: u16,
}

impl Prefix {
    /// A prefix for a payload of `length` bytes.
    ///
    /// # Errors
    ///
    /// When `length` exceeds 65535.
    pub fn new(channel: u8, length: usize) -> Result<Self, FrameTooLong> {
        let length = u16::try_from(length).map_err(|_| FrameTooLong { length })?;
        Ok(Self { channel, length })
    }

    /// Reads a prefix at the start of `bytes`; `None` when there is no `$` or not yet all of it.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [b'$', channel, high, low, ..] => Some(Self {
                channel,
                length: u16::from_be_bytes([high, low]),
            }),
            _ => None,
        }
    }

    /// The prefix as it stands on the wire.
    pub const fn emit(self) -> [u8; PREFIX_LEN] {
        let [high, low] = self.length.to_be_bytes();
        [b'$', self.channel, high, low]
    }
}

/// Several complete frames that were taken at once: one buffer, no reference count for each frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameRun {
    /// The frames as received, prefixes included.
    pub bytes: Bytes,
    /// Where each payload lies, in order.
    pub frames: Vec<FrameRef>,
}

/// Where one payload lies within [`FrameRun::bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRef {
    /// The channel.
    pub channel: u8,
    /// Offset of the payload's first byte.
    pub start: u32,
    /// The payload's length in bytes.
    pub len: u16,
}

impl FrameRun {
    /// An empty run; hand the same one to every `decode_run`, its list keeps its memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Channel and payload of each frame, borrowed.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.frames
            .iter()
            .map(|frame| (frame.channel, self.bytes.get(frame.range()).unwrap_or(&[])))
    }

    /// One payload as a slice that shares the buffer; empty when `frame` is not of this run.
    pub fn payload(&self, frame: FrameRef) -> Bytes {
        match frame.range() {
            range if range.end <= self.bytes.len() => self.bytes.slice(range),
            _ => Bytes::new(),
        }
    }
}

impl FrameRef {
    /// The payload's bytes within the run.
    pub const fn range(self) -> core::ops::Range<usize> {
        let start = self.start as usize;
        start..start.saturating_add(self.len as usize)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn r2_ilv_01_round_trip_of_lengths() {
        for length in [0, 1, 1500, 65535] {
            let frame = InterleavedFrame {
                channel: 7,
                payload: Bytes::from(vec![0x5A; length]),
            };
            let mut out = BytesMut::new();
            frame.encode(&mut out).unwrap();
            let prefix = Prefix::parse(&out).unwrap();
            assert_eq!((prefix.channel, usize::from(prefix.length)), (7, length));
            assert_eq!(&out[PREFIX_LEN..], &frame.payload[..]);
        }
    }

    #[test]
    fn a_payload_of_65536_bytes_is_refused() {
        let frame = InterleavedFrame {
            channel: 0,
            payload: Bytes::from(vec![0; 65536]),
        };
        let mut out = BytesMut::new();
        assert_eq!(frame.encode(&mut out), Err(FrameTooLong { length: 65536 }));
        assert!(out.is_empty());
    }

    #[test]
    fn a_foreign_frame_reference_yields_nothing() {
        let run = FrameRun::new();
        assert!(
            run.payload(FrameRef {
                channel: 0,
                start: u32::MAX,
                len: u16::MAX
            })
            .is_empty()
        );
    }
}
