//! Reception statistics: what a receiver report says (RFC 3550 §6.4.1, A.1, A.3, A.8).

use core::time::Duration;

use crate::{
    sequence::{MAX_DROPOUT, MAX_MISORDER, distance},
    timestamp,
};

/// The figures of one report block about one source. Field for field what RFC 3550 §6.4.1 carries, without
/// the SSRC and the echo of the last sender report, which are not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceptionReport {
    /// Fraction of packets lost since the previous report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the start, clamped to 24 bits signed; negative with duplicates.
    pub cumulative_lost: i32,
    /// Cycles in the upper 16 bits, highest sequence number in the lower.
    pub extended_highest_sequence: u32,
    /// Interarrival jitter in units of the clock rate.
    pub jitter: u32,
}

/// Counts the packets of one source as they arrive.
///
/// ```
/// use core::time::Duration;
/// use rtp_core::ReceiverStats;
///
/// let mut stats = ReceiverStats::new(90_000);
/// for (sequence, millis) in [(1, 0), (2, 40), (4, 120)] {
///     stats.on_packet(sequence, u32::from(sequence) * 3600, Duration::from_millis(millis));
/// }
/// assert_eq!((stats.expected(), stats.received(), stats.lost()), (4, 3, 1));
/// assert_eq!(stats.report().fraction_lost, 64);
/// ```
#[derive(Debug, Clone, Default)]
pub struct ReceiverStats {
    clock_rate: u32,
    started: bool,
    cycles: u32,
    highest: u16,
    base: u32,
    /// The successor of a packet that jumped; a packet with it confirms a restart.
    suspect: Option<u16>,
    /// Bit n: the packet n before the highest has arrived.
    recent: u64,
    received: u32,
    expected_prior: u32,
    received_prior: u32,
    transit: u32,
    /// Jitter times 16, as in RFC 3550 A.8.
    jitter: u32,
    duplicates: u64,
    reordered: u64,
    restarts: u32,
}

impl ReceiverStats {
    /// Nothing received yet. With a `clock_rate` of 0 the jitter stays 0.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            ..Self::default()
        }
    }

    /// Counts a packet. `arrival` is measured from any fixed start.
    pub fn on_packet(&mut self, sequence: u16, timestamp: u32, arrival: Duration) {
        if !self.started {
            self.restart(sequence);
        } else if !self.update(sequence) {
            return;
        }
        self.received = self.received.wrapping_add(1);
        self.update_jitter(timestamp, arrival);
    }

    fn restart(&mut self, sequence: u16) {
        let restarts = if self.started {
            self.restarts.saturating_add(1)
        } else {
            0
        };
        *self = Self {
            clock_rate: self.clock_rate,
            started: true,
            highest: sequence,
            base: u32::from(sequence),
            recent: 1,
            jitter: self.jitter,
            transit: self.transit,
            duplicates: self.duplicates,
            reordered: self.reordered,
            restarts,
            ..Self::default()
        };
    }

    /// RFC 3550 A.1, without probation: the source was negotiated. False if the packet does not count.
    fn update(&mut self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest);
        let behind = distance(sequence, self.highest);
        if ahead != 0 && ahead < MAX_DROPOUT {
            if sequence < self.highest {
                self.cycles = self.cycles.wrapping_add(0x1_0000);
            }
            self.highest = sequence;
            self.recent = self.recent.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.suspect = None;
        } else if ahead == 0 || (behind > 0 && behind.unsigned_abs() <= MAX_MISORDER) {
            let bit = 1_u64
                .checked_shl(u32::from(behind.unsigned_abs()))
                .unwrap_or(0);
            if self.recent & bit != 0 {
                self.duplicates += 1;
            } else {
                self.reordered += 1;
                self.recent |= bit;
            }
        } else if self.suspect == Some(sequence) {
            // Two in a row: the sender has restarted.
            self.restart(sequence);
            self.base = u32::from(sequence.wrapping_sub(1));
            if sequence == 0 {
                self.cycles = 0x1_0000;
            }
            self.received = 1;
            self.recent = 0b11;
        } else {
            self.suspect = Some(sequence.wrapping_add(1));
            return false;
        }
        true
    }

    fn update_jitter(&mut self, packet: u32, arrival: Duration) {
        if self.clock_rate == 0 {
            return;
        }
        // Only the difference of two transits matters, so the wrap to 32 bits does no harm.
        let arrival = (timestamp::from_duration(arrival, self.clock_rate) & 0xffff_ffff) as u32;
        let transit = arrival.wrapping_sub(packet);
        let step = timestamp::distance(self.transit, transit).unsigned_abs();
        self.transit = transit;
        // A first packet has nothing to compare with; a jump of more than 10 s is a new timeline, not jitter.
        if self.received > 1 && u64::from(step) < 10 * u64::from(self.clock_rate) {
            self.jitter = self
                .jitter
                .saturating_add(step)
                .saturating_sub((self.jitter + 8) >> 4);
        }
    }

    /// Packets that should have arrived, from the first to the highest sequence number.
    #[must_use]
    pub fn expected(&self) -> u32 {
        if self.started {
            self.extended_highest()
                .wrapping_sub(self.base)
                .wrapping_add(1)
        } else {
            0
        }
    }

    /// Packets that arrived, late and duplicate ones included (RFC 3550 §6.4.1).
    #[must_use]
    pub fn received(&self) -> u32 {
        self.received
    }

    /// Expected minus received; negative when duplicates outnumber losses.
    #[must_use]
    pub fn lost(&self) -> i32 {
        self.expected().wrapping_sub(self.received).cast_signed()
    }

    /// Cycles in the upper 16 bits, highest sequence number in the lower.
    #[must_use]
    pub fn extended_highest(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.highest))
    }

    /// Interarrival jitter in units of the clock rate.
    #[must_use]
    pub fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// Packets that arrived again, among the last 64.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that arrived behind a newer one.
    #[must_use]
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    /// Times that the sender started over with other sequence numbers.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// The figures for a report block; begins the next interval of the fraction (RFC 3550 A.3).
    pub fn report(&mut self) -> ReceptionReport {
        let expected = self.expected();
        let expected_interval = expected.wrapping_sub(self.expected_prior);
        let received_interval = self.received.wrapping_sub(self.received_prior);
        self.expected_prior = expected;
        self.received_prior = self.received;
        let lost = i64::from(expected_interval) - i64::from(received_interval);
        let fraction = if expected_interval == 0 || lost <= 0 {
            0
        } else {
            (lost << 8) / i64::from(expected_interval)
        };
        ReceptionReport {
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: self.lost().clamp(-0x80_0000, 0x7f_ffff),
            extended_highest_sequence: self.extended_highest(),
            jitter: self.jitter(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(sequences: impl IntoIterator<Item = u16>) -> ReceiverStats {
        let mut stats = ReceiverStats::new(8000);
        for (n, sequence) in sequences.into_iter().enumerate() {
            stats.on_packet(
                sequence,
                n as u32 * 160,
                Duration::from_millis(20 * n as u64),
            );
        }
        stats
    }

    #[test]
    fn nothing_received_reports_nothing() {
        let mut stats = ReceiverStats::new(8000);
        assert_eq!(stats.expected(), 0);
        assert_eq!(stats.report(), ReceptionReport::default());
    }

    #[test]
    fn loss_is_counted_over_the_wrap() {
        let mut stats = fed([65_533, 65_534, 1, 2]);
        assert_eq!(
            (stats.expected(), stats.received(), stats.lost()),
            (6, 4, 2)
        );
        let report = stats.report();
        assert_eq!(report.fraction_lost, (2 * 256 / 6) as u8);
        assert_eq!(report.extended_highest_sequence, 0x1_0002);
        assert_eq!(stats.report().fraction_lost, 0, "the interval starts anew");
        assert_eq!(stats.lost(), 2, "the sum does not");
    }

    #[test]
    fn duplicates_and_late_packets_are_told_apart() {
        let stats = fed([10, 12, 11, 11, 12]);
        assert_eq!((stats.reordered(), stats.duplicates()), (1, 2));
        assert_eq!(
            (stats.expected(), stats.received(), stats.lost()),
            (3, 5, -2)
        );
        let mut stats = fed([1, 1, 1]);
        assert_eq!(
            stats.report(),
            ReceptionReport {
                cumulative_lost: -2,
                extended_highest_sequence: 1,
                ..Default::default()
            }
        );
    }

    #[test]
    fn one_stray_packet_changes_nothing_two_in_a_row_restart() {
        let stats = fed([10, 11, 40_000, 12, 13]);
        assert_eq!(
            (stats.expected(), stats.received(), stats.restarts()),
            (4, 4, 0)
        );
        let stats = fed([10, 11, 40_000, 40_001, 40_002]);
        assert_eq!(
            (
                stats.expected(),
                stats.received(),
                stats.lost(),
                stats.restarts()
            ),
            (3, 3, 0, 1)
        );
        let stats = fed([30_000, 30_001, 65_535, 0, 1]);
        assert_eq!(
            (stats.expected(), stats.received(), stats.lost()),
            (3, 3, 0)
        );
    }

    #[test]
    fn total_loss_in_an_interval_cannot_exceed_255() {
        let mut stats = fed([0]);
        stats.report();
        stats.on_packet(2999, 0, Duration::ZERO);
        assert_eq!(stats.report().fraction_lost, 255);
    }

    #[test]
    fn jitter_follows_a_8() {
        let mut stats = ReceiverStats::new(1000);
        stats.on_packet(0, 0, Duration::ZERO);
        stats.on_packet(1, 20, Duration::from_millis(36));
        assert_eq!(stats.jitter(), 1, "16 ms of deviation add 16/16");
        let mut steady = ReceiverStats::new(90_000);
        for n in 0..1000_u32 {
            steady.on_packet(
                n as u16,
                n.wrapping_mul(3600),
                Duration::from_millis(u64::from(n) * 40),
            );
        }
        assert_eq!(steady.jitter(), 0);
        let mut unclocked = ReceiverStats::new(0);
        unclocked.on_packet(0, 5, Duration::from_secs(5));
        unclocked.on_packet(1, 500, Duration::from_secs(50));
        assert_eq!(unclocked.jitter(), 0);
    }
}
