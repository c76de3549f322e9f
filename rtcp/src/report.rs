use crate::NtpTime;
use crate::ReportBlock;
use crate::field;

/// The sender's part of a sender report (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SenderInfo {
    /// The source that reports on its sending.
    pub ssrc: u32,
    /// Wall-clock time of this report.
    pub ntp: NtpTime,
    /// The same instant in units of the RTP timestamp.
    pub rtp_timestamp: u32,
    /// RTP packets sent since the start, modulo 2³².
    pub packet_count: u32,
    /// Payload bytes sent since the start, without headers and padding, modulo 2³².
    pub octet_count: u32,
}

impl SenderInfo {
    /// Size on the wire, in bytes.
    pub const SIZE: usize = 24;

    /// Reads it: what follows the four header bytes of a sender report.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        Self {
            ssrc: field::u32_at(bytes, 0),
            ntp: NtpTime(field::u64_at(bytes, 4)),
            rtp_timestamp: field::u32_at(bytes, 12),
            packet_count: field::u32_at(bytes, 16),
            octet_count: field::u32_at(bytes, 20),
        }
    }

    /// Writes it.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::SIZE] {
        let words = [
            self.ssrc,
            (self.ntp.0 >> 32) as u32,
            self.ntp.0 as u32,
            self.rtp_timestamp,
            self.packet_count,
            self.octet_count,
        ];
        let mut bytes = [0; Self::SIZE];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

/// A sender report (SR, packet type 200, RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> SenderReport<'a> {
    /// The source that reports.
    pub fn ssrc(&self) -> u32 {
        field::u32_at(self.bytes, 4)
    }

    /// Wall-clock time of the report; [`NtpTime::UNKNOWN`] where the sender has none.
    pub fn ntp(&self) -> NtpTime {
        NtpTime(field::u64_at(self.bytes, 8))
    }

    /// The same instant in units of the RTP timestamp.
    pub fn rtp_timestamp(&self) -> u32 {
        field::u32_at(self.bytes, 16)
    }

    /// RTP packets sent since the start, modulo 2³².
    pub fn packet_count(&self) -> u32 {
        field::u32_at(self.bytes, 20)
    }

    /// Payload bytes sent since the start, modulo 2³².
    pub fn octet_count(&self) -> u32 {
        field::u32_at(self.bytes, 24)
    }

    /// All the sender's fields at once.
    pub fn sender_info(&self) -> SenderInfo {
        SenderInfo {
            ssrc: self.ssrc(),
            ntp: self.ntp(),
            rtp_timestamp: self.rtp_timestamp(),
            packet_count: self.packet_count(),
            octet_count: self.octet_count(),
        }
    }

    /// How this source receives others; at most 31.
    pub fn report_blocks(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        blocks(self.bytes, 28)
    }
}

/// A receiver report (RR, packet type 201, RFC 3550 §6.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    /// The receiver that reports.
    pub fn ssrc(&self) -> u32 {
        field::u32_at(self.bytes, 4)
    }

    /// How it receives; at most 31.
    pub fn report_blocks(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        blocks(self.bytes, 8)
    }
}

fn blocks(packet: &[u8], start: usize) -> impl ExactSizeIterator<Item = ReportBlock> + use<'_> {
    let count = usize::from(field::u8_at(packet, 0) & 31);
    let (blocks, _) = field::from(packet, start).as_chunks();
    blocks.iter().take(count).map(ReportBlock::parse)
}
