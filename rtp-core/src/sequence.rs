//! Sequence numbers: distance, extension beyond 16 bits, and a sender's restart (RFC 3550 A.1).

/// A forward step of this many packets or more is not believed from one packet (RFC 3550 A.1).
pub const MAX_DROPOUT: u16 = 3000;
/// A backward step of more than this many packets is not believed from one packet (RFC 3550 A.1).
pub const MAX_MISORDER: u16 = 100;

/// How far `to` lies after `from`, −32768 to 32767, over the wrap.
///
/// ```
/// use rtp_core::sequence::distance;
/// assert_eq!(distance(65_535, 1), 2);
/// assert_eq!(distance(1, 65_535), -2);
/// ```
#[must_use]
pub fn distance(from: u16, to: u16) -> i16 {
    to.wrapping_sub(from).cast_signed()
}

/// Extends sequence numbers to 64 bits, so that they order and subtract without wrap.
///
/// The first number starts at 65 536 + itself, so that a packet from before the first one still has a
/// positive value. Every number is taken as the nearest to the highest so far; a restart of the sender
/// appears as the step that it is. Reference: RFC 3550 A.1.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtendedSequence {
    highest: Option<u64>,
}

impl ExtendedSequence {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The extended value of `sequence`, which moves the highest forward if it is newer.
    pub fn extend(&mut self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            let first = 0x1_0000 + u64::from(sequence);
            self.highest = Some(first);
            return first;
        };
        let step = distance(low(highest), sequence);
        let extended = highest.saturating_add_signed(i64::from(step));
        self.highest = Some(highest.max(extended));
        extended
    }

    /// The highest extended value so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// The 16 bits that stand on the wire.
#[must_use]
pub const fn low(extended: u64) -> u16 {
    (extended & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_over_the_wrap() {
        assert_eq!(distance(10, 10), 0);
        assert_eq!(distance(0, 32_767), 32_767);
        assert_eq!(distance(0, 32_768), -32_768);
        assert_eq!(distance(65_000, 100), 636);
    }

    #[test]
    fn extension_counts_cycles_and_keeps_old_packets_old() {
        let mut extended = ExtendedSequence::new();
        assert_eq!(extended.extend(65_534), 0x1_0000 + 65_534);
        assert_eq!(extended.extend(1), 0x2_0001);
        assert_eq!(extended.extend(65_535), 0x1_ffff);
        assert_eq!(extended.highest(), Some(0x2_0001));
        let mut expected = 0x2_0001;
        let mut sequence = 1_u16;
        for _ in 0..200_000 {
            sequence = sequence.wrapping_add(1);
            expected += 1;
            assert_eq!(extended.extend(sequence), expected);
        }
        assert_eq!(low(expected), sequence);
    }

    #[test]
    fn packets_from_before_the_first_stay_positive() {
        let mut extended = ExtendedSequence::new();
        assert_eq!(extended.extend(0), 0x1_0000);
        assert_eq!(extended.extend(65_535), 0xffff);
    }
}
