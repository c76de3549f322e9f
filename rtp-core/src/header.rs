//! The fixed header of twelve bytes.

use crate::Error;

/// The fixed part of an RTP header (RFC 3550 §5.1), without CSRC list and extension.
///
/// A plain value for writing and for tests; [`Packet`](crate::Packet) reads whole packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Header {
    /// End of an access unit for video, start of a talk spurt for audio (profile-defined).
    pub marker: bool,
    /// Payload type, 0–127; a larger value is written modulo 128.
    pub payload_type: u8,
    /// Sequence number; one more with each packet, wraps at 2^16.
    pub sequence: u16,
    /// Sampling instant of the first byte of payload, in units of the format's clock rate, wraps at 2^32.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
}

impl Header {
    /// Length in bytes.
    pub const LEN: usize = 12;

    /// Reads the fixed header at the start of `bytes`. CSRC list, extension and padding are not looked at.
    ///
    /// # Errors
    /// [`Error::Truncated`] for fewer than twelve bytes, [`Error::Version`] for another version than 2.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let Some(head) = bytes.first_chunk::<{ Self::LEN }>() else {
            return Err(Error::Truncated {
                needed: Self::LEN,
                have: bytes.len(),
            });
        };
        let [first, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = *head;
        if first >> 6 != 2 {
            return Err(Error::Version(first >> 6));
        }
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
        })
    }

    /// The header as it stands on the wire (big-endian; version 2; no padding, extension or CSRC).
    #[inline]
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [i0, i1, i2, i3] = self.ssrc.to_be_bytes();
        let second = u8::from(self.marker) << 7 | (self.payload_type & 0x7f);
        [0x80, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3]
    }

    /// Writes the header to the first twelve bytes of `buffer`.
    ///
    /// # Errors
    /// [`Error::Buffer`] if `buffer` is shorter; nothing is written then.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<(), Error> {
        let have = buffer.len();
        match buffer.first_chunk_mut::<{ Self::LEN }>() {
            Some(head) => {
                *head = self.to_bytes();
                Ok(())
            }
            None => Err(Error::Buffer {
                needed: Self::LEN,
                have,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emit_and_parse_agree() {
        let cases = [
            Header::default(),
            Header {
                marker: true,
                payload_type: 96,
                sequence: 0xfffe,
                timestamp: 0xdead_beef,
                ssrc: 1,
            },
            Header {
                marker: false,
                payload_type: 127,
                sequence: 1,
                timestamp: 2,
                ssrc: u32::MAX,
            },
        ];
        for header in cases {
            let mut buffer = [0xff; 14];
            header.emit(&mut buffer).unwrap();
            assert_eq!(Header::parse(&buffer), Ok(header));
            assert_eq!(buffer[12..], [0xff, 0xff], "only twelve bytes are written");
        }
    }

    #[test]
    fn short_or_foreign_is_refused() {
        assert_eq!(
            Header::parse(&[0x80; 11]),
            Err(Error::Truncated {
                needed: 12,
                have: 11
            })
        );
        assert_eq!(Header::parse(&[0x40; 12]), Err(Error::Version(1)));
        assert_eq!(
            Header::default().emit(&mut [0; 11]),
            Err(Error::Buffer {
                needed: 12,
                have: 11
            })
        );
    }
}
