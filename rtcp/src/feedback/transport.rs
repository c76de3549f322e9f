use super::TransportWideFeedback;
use crate::ErrorKind;
use crate::field;

/// Feedback on the transport (RTPFB, packet type 205, RFC 4585 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportFeedback<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    /// The number of the message, 0 to 31.
    pub fn format(&self) -> u8 {
        field::u8_at(self.bytes, 0) & 31
    }

    /// Who sent the feedback.
    pub fn sender_ssrc(&self) -> u32 {
        field::u32_at(self.bytes, 4)
    }

    /// The source that it is about.
    pub fn media_ssrc(&self) -> u32 {
        field::u32_at(self.bytes, 8)
    }

    /// What it says.
    pub fn message(&self) -> TransportMessage<'a> {
        let contents = field::from(self.bytes, 12);
        match self.format() {
            1 => TransportMessage::Nack(Nack { entries: contents }),
            15 => TransportMessage::TransportWide(TransportWideFeedback { bytes: contents }),
            _ => TransportMessage::Other(contents),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ErrorKind> {
        let valid = match self.message() {
            TransportMessage::Nack(nack) => !nack.entries.is_empty(),
            TransportMessage::TransportWide(feedback) => feedback.is_valid(),
            TransportMessage::Other(_) => true,
        };
        valid
            .then_some(())
            .ok_or(ErrorKind::Malformed { packet_type: 205 })
    }
}

/// What feedback on the transport says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportMessage<'a> {
    /// Packets are missing: format 1.
    Nack(Nack<'a>),
    /// When each packet arrived: format 15.
    TransportWide(TransportWideFeedback<'a>),
    /// The contents of any other format.
    Other(&'a [u8]),
}

/// A list of lost packets (generic NACK, RFC 4585 §6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack<'a> {
    entries: &'a [u8],
}

impl<'a> Nack<'a> {
    /// The entries as on the wire.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = NackEntry> + use<'a> {
        let (entries, _) = self.entries.as_chunks();
        entries.iter().map(|[a, b, c, d]| NackEntry {
            first: u16::from_be_bytes([*a, *b]),
            following: u16::from_be_bytes([*c, *d]),
        })
    }

    /// The sequence number of each lost packet.
    pub fn lost(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.entries().flat_map(|entry| entry.lost())
    }
}

/// One lost packet and which of the 16 after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NackEntry {
    /// Sequence number of the lost packet.
    pub first: u16,
    /// Bit *i* says that packet `first + 1 + i` is lost too.
    pub following: u16,
}

impl NackEntry {
    /// The sequence numbers that it names.
    pub fn lost(self) -> impl Iterator<Item = u16> {
        let following = (0..16_u16).filter(move |bit| self.following >> bit & 1 == 1);
        core::iter::once(self.first)
            .chain(following.map(move |bit| self.first.wrapping_add(bit).wrapping_add(1)))
    }
}
