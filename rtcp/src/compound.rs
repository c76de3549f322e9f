use crate::App;
use crate::Bye;
use crate::Error;
use crate::ErrorKind;
use crate::ExtendedReport;
use crate::PayloadFeedback;
use crate::ReceiverReport;
use crate::ReportBlock;
use crate::SenderReport;
use crate::SourceDescription;
use crate::TransportFeedback;
use crate::field;

/// Packets that came in one datagram or interleaved frame (RFC 3550 §6.1), validated whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compound<'a> {
    bytes: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Reads a compound whose first packet is a report, as RFC 3550 §6.1 and §A.2 demand.
    ///
    /// Everything is checked here, so that iterating and reading cannot fail. A description without terminator is
    /// accepted.
    ///
    /// # Errors
    ///
    /// [`Error`] names the first packet at fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let compound = Self::parse_reduced(bytes)?;
        match field::u8_at(bytes, 1) {
            PacketType::SENDER_REPORT | PacketType::RECEIVER_REPORT => Ok(compound),
            other => Err(Error {
                offset: 0,
                kind: ErrorKind::FirstPacket(other),
            }),
        }
    }

    /// The same, whatever the first packet is: reduced-size RTCP (RFC 5506), and the lone farewells of many cameras.
    ///
    /// # Errors
    ///
    /// As [`Compound::parse`].
    pub fn parse_reduced(bytes: &'a [u8]) -> Result<Self, Error> {
        let error = |offset, kind| Error { offset, kind };
        if bytes.is_empty() {
            return Err(error(0, ErrorKind::Empty));
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = bytes.len().saturating_sub(rest.len());
            let (packet, next) = split(rest).map_err(|kind| error(offset, kind))?;
            if packet.padded && !next.is_empty() {
                return Err(error(offset, ErrorKind::Padding));
            }
            packet.check().map_err(|kind| error(offset, kind))?;
            rest = next;
        }
        Ok(Self { bytes })
    }

    /// The packets in order.
    pub fn iter(&self) -> Packets<'a> {
        Packets { rest: self.bytes }
    }

    /// The bytes that it was read from.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The sender report, of which a compound has one at most in practice.
    pub fn sender_report(&self) -> Option<SenderReport<'a>> {
        self.iter().find_map(|packet| match packet {
            Packet::SenderReport(report) => Some(report),
            _ => None,
        })
    }
}

impl<'a> IntoIterator for Compound<'a> {
    type Item = Packet<'a>;
    type IntoIter = Packets<'a>;

    fn into_iter(self) -> Packets<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Compound<'a> {
    type Item = Packet<'a>;
    type IntoIter = Packets<'a>;

    fn into_iter(self) -> Packets<'a> {
        self.iter()
    }
}

/// The packets of a [`Compound`].
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let (packet, rest) = split(self.rest).ok()?;
        self.rest = rest;
        Some(packet.view())
    }
}

impl core::iter::FusedIterator for Packets<'_> {}

/// One packet of a compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// SR, 200
    SenderReport(SenderReport<'a>),
    /// RR, 201
    ReceiverReport(ReceiverReport<'a>),
    /// SDES, 202
    SourceDescription(SourceDescription<'a>),
    /// BYE, 203
    Bye(Bye<'a>),
    /// APP, 204
    App(App<'a>),
    /// RTPFB, 205
    TransportFeedback(TransportFeedback<'a>),
    /// PSFB, 206
    PayloadFeedback(PayloadFeedback<'a>),
    /// XR, 207
    ExtendedReport(ExtendedReport<'a>),
    /// Any other type
    Unknown(Unknown<'a>),
}

/// A packet of a type that this crate does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown<'a> {
    bytes: &'a [u8],
}

impl<'a> Unknown<'a> {
    /// The packet type, 192 to 223 by custom.
    pub fn packet_type(&self) -> u8 {
        field::u8_at(self.bytes, 1)
    }

    /// The five bits that are a count or a format in other packets.
    pub fn count(&self) -> u8 {
        field::u8_at(self.bytes, 0) & 31
    }

    /// What follows the four header bytes, without padding.
    pub fn contents(&self) -> &'a [u8] {
        field::from(self.bytes, 4)
    }
}

/// Packet types (RFC 3550 §12.1, RFC 4585 §9, RFC 3611 §6.2).
pub(crate) struct PacketType;

impl PacketType {
    pub(crate) const SENDER_REPORT: u8 = 200;
    pub(crate) const RECEIVER_REPORT: u8 = 201;
    pub(crate) const SOURCE_DESCRIPTION: u8 = 202;
    pub(crate) const BYE: u8 = 203;
    pub(crate) const APP: u8 = 204;
    pub(crate) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(crate) const PAYLOAD_FEEDBACK: u8 = 206;
    pub(crate) const EXTENDED_REPORT: u8 = 207;
}

/// A packet cut out by its length field.
pub(crate) struct Raw<'a> {
    /// From its header to its end without padding.
    bytes: &'a [u8],
    padded: bool,
}

/// Cuts the next packet off: version, length and padding are right (RFC 3550 §6.4.1).
pub(crate) fn split(bytes: &[u8]) -> Result<(Raw<'_>, &[u8]), ErrorKind> {
    let truncated = |expected| ErrorKind::Truncated {
        expected,
        actual: bytes.len(),
    };
    let Some(&[first, _, high, low]) = bytes.first_chunk() else {
        return Err(truncated(4));
    };
    if first >> 6 != 2 {
        return Err(ErrorKind::Version(first >> 6));
    }
    let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
    let (packet, rest) = bytes.split_at_checked(length).ok_or(truncated(length))?;
    let padded = first & 0x20 != 0;
    let padding = if padded {
        packet.last().copied().unwrap_or(0)
    } else {
        0
    };
    if padded && (padding == 0 || padding % 4 != 0) {
        return Err(ErrorKind::Padding);
    }
    let end = length
        .checked_sub(usize::from(padding))
        .filter(|end| *end >= 4);
    let packet = end
        .and_then(|end| packet.get(..end))
        .ok_or(ErrorKind::Padding)?;
    Ok((
        Raw {
            bytes: packet,
            padded,
        },
        rest,
    ))
}

impl<'a> Raw<'a> {
    fn packet_type(&self) -> u8 {
        field::u8_at(self.bytes, 1)
    }

    fn view(&self) -> Packet<'a> {
        let bytes = self.bytes;
        match self.packet_type() {
            PacketType::SENDER_REPORT => Packet::SenderReport(SenderReport { bytes }),
            PacketType::RECEIVER_REPORT => Packet::ReceiverReport(ReceiverReport { bytes }),
            PacketType::SOURCE_DESCRIPTION => {
                Packet::SourceDescription(SourceDescription { bytes })
            }
            PacketType::BYE => Packet::Bye(Bye { bytes }),
            PacketType::APP => Packet::App(App { bytes }),
            PacketType::TRANSPORT_FEEDBACK => {
                Packet::TransportFeedback(TransportFeedback { bytes })
            }
            PacketType::PAYLOAD_FEEDBACK => Packet::PayloadFeedback(PayloadFeedback { bytes }),
            PacketType::EXTENDED_REPORT => Packet::ExtendedReport(ExtendedReport { bytes }),
            _ => Packet::Unknown(Unknown { bytes }),
        }
    }

    /// Checks all that the getters of its view rely on.
    fn check(&self) -> Result<(), ErrorKind> {
        let count = usize::from(field::u8_at(self.bytes, 0) & 31);
        let expected = match self.packet_type() {
            PacketType::SENDER_REPORT => 28 + ReportBlock::SIZE * count,
            PacketType::RECEIVER_REPORT => 8 + ReportBlock::SIZE * count,
            PacketType::BYE => 4 + 4 * count,
            PacketType::APP | PacketType::TRANSPORT_FEEDBACK | PacketType::PAYLOAD_FEEDBACK => 12,
            PacketType::EXTENDED_REPORT => 8,
            _ => 4,
        };
        let actual = self.bytes.len();
        if actual < expected {
            return Err(ErrorKind::Truncated { expected, actual });
        }
        match self.view() {
            Packet::SourceDescription(packet) => packet.check(),
            Packet::Bye(packet) => packet.check(),
            Packet::TransportFeedback(packet) => packet.check(),
            Packet::PayloadFeedback(packet) => packet.check(),
            Packet::ExtendedReport(packet) => packet.check(),
            _ => Ok(()),
        }
    }
}
