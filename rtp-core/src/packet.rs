//! Whole packets: validated once, then read without failure.

use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Error, Header};

/// Where the parts of a validated packet lie. CSRC list and extension are found again from the bytes: few ask.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Layout {
    header: Header,
    payload_start: u32,
    payload_end: u32,
}

/// Bytes up to the end of the CSRC list.
fn csrc_end(first: u8) -> usize {
    Header::LEN + 4 * usize::from(first & 0x0f)
}

impl Layout {
    #[inline]
    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let header = Header::parse(bytes)?;
        let first = bytes.first().copied().unwrap_or_default();
        let have = bytes.len();
        let mut start = csrc_end(first);
        if first & 0x10 != 0 {
            let Some(&[_, _, l0, l1]) = bytes.get(start..).and_then(|rest| rest.first_chunk())
            else {
                return Err(Error::Truncated {
                    needed: start + 4,
                    have,
                });
            };
            start += 4 + 4 * usize::from(u16::from_be_bytes([l0, l1]));
        }
        if have < start {
            return Err(Error::Truncated {
                needed: start,
                have,
            });
        }
        let mut end = have;
        if first & 0x20 != 0 {
            let count = bytes.last().copied().unwrap_or_default();
            let left = have - start;
            if count == 0 || usize::from(count) > left {
                return Err(Error::Padding { count, have: left });
            }
            end -= usize::from(count);
        }
        Ok(Self {
            header,
            payload_start: narrow(start),
            payload_end: narrow(end),
        })
    }
}

/// Offsets of a packet fit 32 bits: the header ends before 2^19, and longer packets are cut by `parse`.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

fn widen(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

macro_rules! getters {
    () => {
        /// The fixed header as a value.
        #[inline]
        #[must_use]
        pub fn header(&self) -> Header {
            self.layout.header
        }

        /// The marker bit.
        #[inline]
        #[must_use]
        pub fn marker(&self) -> bool {
            self.layout.header.marker
        }

        /// Payload type, 0–127.
        #[inline]
        #[must_use]
        pub fn payload_type(&self) -> u8 {
            self.layout.header.payload_type
        }

        /// Sequence number.
        #[inline]
        #[must_use]
        pub fn sequence(&self) -> u16 {
            self.layout.header.sequence
        }

        /// Timestamp in units of the format's clock rate.
        #[inline]
        #[must_use]
        pub fn timestamp(&self) -> u32 {
            self.layout.header.timestamp
        }

        /// Synchronization source.
        #[inline]
        #[must_use]
        pub fn ssrc(&self) -> u32 {
            self.layout.header.ssrc
        }

        /// Contributing sources, at most 15.
        pub fn csrcs(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
            let bytes = self.as_slice();
            let end = csrc_end(bytes.first().copied().unwrap_or_default());
            let list = bytes.get(Header::LEN..end).unwrap_or_default();
            list.chunks_exact(4).map(|word| match *word {
                [a, b, c, d] => u32::from_be_bytes([a, b, c, d]),
                _ => 0,
            })
        }

        /// The header extension: profile-defined identifier and body, whose length is a multiple of 4
        /// (RFC 3550 §5.3.1).
        #[inline]
        #[must_use]
        pub fn extension(&self) -> Option<(u16, &[u8])> {
            let bytes = self.as_slice();
            let first = bytes.first().copied().filter(|first| first & 0x10 != 0)?;
            let (&[p0, p1, _, _], _) = bytes.get(csrc_end(first)..)?.split_first_chunk()?;
            let body = bytes.get(csrc_end(first) + 4..widen(self.layout.payload_start))?;
            Some((u16::from_be_bytes([p0, p1]), body))
        }

        /// Payload, without padding.
        #[inline]
        #[must_use]
        pub fn payload(&self) -> &[u8] {
            let range = widen(self.layout.payload_start)..widen(self.layout.payload_end);
            self.as_slice().get(range).unwrap_or_default()
        }

        /// Padding bytes at the end of the packet, the count byte included.
        #[inline]
        #[must_use]
        pub fn padding_len(&self) -> usize {
            self.as_slice().len() - widen(self.layout.payload_end)
        }

        /// Length of everything before the payload, in bytes.
        #[inline]
        #[must_use]
        pub fn header_len(&self) -> usize {
            widen(self.layout.payload_start)
        }
    };
}

/// One RTP packet that owns its bytes. Validated once by [`Packet::parse`]; a clone shares the bytes.
///
/// ```
/// use rtp_core::{Header, Packet};
///
/// let header = Header { marker: true, payload_type: 96, sequence: 7, timestamp: 90_000, ssrc: 1 };
/// let packet = Packet::new(&header, b"payload");
/// let parsed = Packet::parse(packet.into_bytes())?;
/// assert_eq!(parsed.sequence(), 7);
/// assert_eq!(parsed.payload(), b"payload");
/// # Ok::<(), rtp_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    bytes: Bytes,
    layout: Layout,
}

impl Packet {
    /// Checks version, CSRC count, extension length and padding count (RFC 3550 A.1) and keeps the bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Version`] or [`Error::Padding`].
    #[inline]
    pub fn parse(bytes: Bytes) -> Result<Self, Error> {
        let layout = Layout::parse(&bytes)?;
        Ok(Self { bytes, layout })
    }

    /// A packet of the fixed header and a copy of `payload`.
    #[must_use]
    pub fn new(header: &Header, payload: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(Header::LEN + payload.len());
        bytes.put_slice(&header.to_bytes());
        bytes.put_slice(payload);
        let layout = Layout {
            header: Header {
                payload_type: header.payload_type & 0x7f,
                ..*header
            },
            payload_start: narrow(Header::LEN),
            payload_end: narrow(bytes.len()),
        };
        Self {
            bytes: bytes.freeze(),
            layout,
        }
    }

    getters!();

    /// Payload as a slice that shares the packet's bytes.
    #[must_use]
    pub fn payload_bytes(&self) -> Bytes {
        let end = widen(self.layout.payload_end).min(self.bytes.len());
        self.bytes
            .slice(widen(self.layout.payload_start).min(end)..end)
    }

    /// The whole packet.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The whole packet.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// A borrowed view of the same packet.
    #[must_use]
    pub fn view(&self) -> PacketView<'_> {
        PacketView {
            bytes: &self.bytes,
            layout: self.layout,
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// One RTP packet in borrowed bytes: the same checks and getters as [`Packet`], without owning anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PacketView<'a> {
    bytes: &'a [u8],
    layout: Layout,
}

impl<'a> PacketView<'a> {
    /// Checks version, CSRC count, extension length and padding count (RFC 3550 A.1).
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Version`] or [`Error::Padding`].
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Ok(Self {
            bytes,
            layout: Layout::parse(bytes)?,
        })
    }

    getters!();

    /// The whole packet.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn as_slice(&self) -> &'a [u8] {
        self.bytes
    }
}

impl fmt::Debug for PacketView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header();
        f.debug_struct("Packet")
            .field("marker", &header.marker)
            .field("payload_type", &header.payload_type)
            .field("sequence", &header.sequence)
            .field("timestamp", &header.timestamp)
            .field("ssrc", &format_args!("{:08x}", header.ssrc))
            .field("payload_len", &self.payload().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;
    use crate::testing::Xorshift;

    fn full() -> Vec<u8> {
        let mut bytes = vec![0xb2, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([0, 0, 0, 4, 0, 0, 0, 5]);
        bytes.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        bytes.extend(b"abc");
        bytes.extend([0, 0, 3]);
        bytes
    }

    #[test]
    fn every_part_is_found() {
        let packet = Packet::parse(full().into()).unwrap();
        assert!(packet.marker());
        assert_eq!(packet.payload_type(), 96);
        assert_eq!(
            (packet.sequence(), packet.timestamp(), packet.ssrc()),
            (1, 2, 3)
        );
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [4, 5]);
        assert_eq!(packet.extension(), Some((0xbede, &[9, 9, 9, 9][..])));
        assert_eq!(packet.payload(), b"abc");
        assert_eq!(packet.payload_bytes(), &b"abc"[..]);
        assert_eq!((packet.header_len(), packet.padding_len()), (28, 3));
        assert_eq!(packet.view(), PacketView::parse(&full()).unwrap());
    }

    #[test]
    fn each_cut_is_refused() {
        let bytes = full();
        for end in 0..28 {
            assert!(PacketView::parse(&bytes[..end]).is_err(), "cut at {end}");
        }
        for end in 28..bytes.len() - 1 {
            // The last byte of the cut packet is taken as padding count and cannot be right.
            let cut = PacketView::parse(&bytes[..end]);
            assert!(
                matches!(cut, Err(Error::Padding { .. })),
                "cut at {end}: {cut:?}"
            );
        }
    }

    #[test]
    fn padding_may_fill_the_payload_but_not_more() {
        let mut bytes = vec![0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 3];
        assert_eq!(PacketView::parse(&bytes).unwrap().payload(), b"");
        bytes[14] = 4;
        assert_eq!(
            PacketView::parse(&bytes),
            Err(Error::Padding { count: 4, have: 3 })
        );
        bytes[14] = 0;
        assert_eq!(
            PacketView::parse(&bytes),
            Err(Error::Padding { count: 0, have: 3 })
        );
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut random = Xorshift::new(1);
        let mut accepted = 0;
        for _ in 0..20_000 {
            let mut bytes = random.bytes(80);
            if let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(packet) = Packet::parse(bytes.into()) {
                accepted += 1;
                assert_eq!(packet.payload(), packet.payload_bytes());
                assert_eq!(
                    packet.header_len() + packet.payload().len() + packet.padding_len(),
                    packet.bytes().len()
                );
                let _ = (packet.csrcs().count(), packet.extension());
            }
        }
        assert!(accepted > 1000, "{accepted}");
    }
}
