use core::time::Duration;

use crate::NtpTime;
use crate::field;
use crate::ntp;

/// How one source is received, in sender and receiver reports (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ReportBlock {
    /// The source that this is about.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since reception began; negative with duplicates. 24 bits on the wire, and held there.
    pub cumulative_lost: i32,
    /// Highest sequence number received in the lower 16 bits, its cycles in the upper.
    pub extended_highest_sequence: u32,
    /// Interarrival jitter, in units of the RTP timestamp.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time in the last sender report, 0 if there was none.
    pub last_sender_report: u32,
    /// Time from getting that report to sending this block, in 1/65536 s.
    pub delay_since_last_sender_report: u32,
}

impl ReportBlock {
    /// Size on the wire, in bytes.
    pub const SIZE: usize = 24;

    const LOST_MAX: i32 = 0x7f_ffff;

    /// Reads a block.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let lost = field::u24_at(bytes, 5);
        Self {
            ssrc: field::u32_at(bytes, 0),
            fraction_lost: field::u8_at(bytes, 4),
            // Sign extension of 24 bits.
            cumulative_lost: ((lost << 8) as i32) >> 8,
            extended_highest_sequence: field::u32_at(bytes, 8),
            jitter: field::u32_at(bytes, 12),
            last_sender_report: field::u32_at(bytes, 16),
            delay_since_last_sender_report: field::u32_at(bytes, 20),
        }
    }

    /// Writes the block.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::SIZE] {
        let lost = self
            .cumulative_lost
            .clamp(-Self::LOST_MAX - 1, Self::LOST_MAX);
        let loss = (u32::from(self.fraction_lost) << 24) | (lost as u32 & 0x00ff_ffff);
        let words = [
            self.ssrc,
            loss,
            self.extended_highest_sequence,
            self.jitter,
            self.last_sender_report,
            self.delay_since_last_sender_report,
        ];
        let mut bytes = [0; Self::SIZE];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// The round-trip time that this block shows, if it arrived at `now` at the sender of the reports
    /// (RFC 3550 §6.4.1, figure 2). `None` if it answers no report, or if its times contradict each other.
    #[must_use]
    pub fn round_trip(&self, now: NtpTime) -> Option<Duration> {
        if self.last_sender_report == 0 {
            return None;
        }
        let elapsed = now.middle_32().wrapping_sub(self.last_sender_report);
        // Half of the range is 9 hours: more than that is a time in the future.
        let elapsed = Some(elapsed).filter(|elapsed| *elapsed < 1 << 31)?;
        let trip = elapsed.checked_sub(self.delay_since_last_sender_report)?;
        Some(ntp::from_compact(trip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(i32, [u8; 3]); 5] = [
        (0, [0, 0, 0]),
        (-1, [0xff, 0xff, 0xff]),
        (0x7f_ffff, [0x7f, 0xff, 0xff]),
        (-0x80_0000, [0x80, 0, 0]),
        (258, [0, 1, 2]),
    ];

    #[test]
    fn cumulative_loss_is_signed() {
        for (cumulative_lost, wire) in CASES {
            let block = ReportBlock {
                ssrc: 1,
                fraction_lost: 0xaa,
                cumulative_lost,
                jitter: 7,
                ..ReportBlock::default()
            };
            let bytes = block.emit();
            assert_eq!(bytes[4], 0xaa);
            assert_eq!(bytes[5..8], wire);
            assert_eq!(ReportBlock::parse(&bytes), block);
        }
    }

    #[test]
    fn cumulative_loss_is_held_at_its_bounds() {
        let lost = |cumulative_lost| {
            let block = ReportBlock {
                cumulative_lost,
                ..ReportBlock::default()
            };
            ReportBlock::parse(&block.emit()).cumulative_lost
        };
        assert_eq!(lost(i32::MAX), 0x7f_ffff);
        assert_eq!(lost(i32::MIN), -0x80_0000);
    }

    #[test]
    fn round_trip_of_the_rfc() {
        // RFC 3550 §6.4.1, figure 2.
        let block = ReportBlock {
            last_sender_report: 0xb705_2000,
            delay_since_last_sender_report: 0x0005_4000,
            ..ReportBlock::default()
        };
        let now = NtpTime(0xb44d_b710_8000_0000);
        assert_eq!(block.round_trip(now), Some(Duration::from_millis(6125)));
        assert_eq!(block.round_trip(NtpTime(0xb44d_b706_0000_0000)), None);
        assert_eq!(ReportBlock::default().round_trip(now), None);
    }
}
