//! The mark that every packet of the load carries: which packet it is, and when it was written.
//!
//! All octets but the slice header before it have their top bit set, so that no start code can arise in a NAL unit, and a
//! server that takes frames apart and cuts them anew leaves the mark whole.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

/// What a mark begins with.
const MAGIC: [u8; 4] = [0xD4, 0xF3, 0xEC, 0xE4];

/// Octets of a mark.
pub(crate) const LEN: usize = MAGIC.len() + 4 + 2 + 6 + 9;

/// Where a mark may begin in an RTP payload of H.264: behind the header of a NAL unit or of a fragment (RFC 6184 §5.6,
/// §5.8), and the two octets of the slice header.
const OFFSETS: [usize; 2] = [4, 3];

/// The mark of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Tells runs of the program apart; 28 bits.
    pub(crate) run: u32,
    /// Which publisher of the run; 14 bits.
    pub(crate) publisher: u16,
    /// Which of the publisher's packets, from 0; 42 bits.
    pub(crate) index: u64,
    /// When its frame was handed to the system, nanoseconds since 1970; 63 bits.
    pub(crate) sent: u64,
}

/// The wall clock as a stamp has it: processes of one machine agree on it.
pub(crate) fn clock() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
        })
}

impl Stamp {
    /// The octets of the mark.
    pub(crate) fn emit(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        let mut rest = &mut out[..];
        let mut put = |bytes: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            head.copy_from_slice(bytes);
            rest = tail;
        };
        put(&MAGIC);
        put(&sevens::<4>(u64::from(self.run)));
        put(&sevens::<2>(u64::from(self.publisher)));
        put(&sevens::<6>(self.index));
        put(&sevens::<9>(self.sent));
        out
    }

    /// Finds the mark in the payload of an RTP packet.
    pub(crate) fn find(payload: &[u8]) -> Option<Self> {
        OFFSETS
            .iter()
            .find_map(|offset| Self::parse(payload.get(*offset..)?))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (run, rest) = number::<4>(rest)?;
        let (publisher, rest) = number::<2>(rest)?;
        let (index, rest) = number::<6>(rest)?;
        let (sent, _) = number::<9>(rest)?;
        Some(Self {
            run: run as u32,
            publisher: publisher as u16,
            index,
            sent,
        })
    }
}

/// Seven bits an octet, the highest first.
fn sevens<const N: usize>(value: u64) -> [u8; N] {
    std::array::from_fn(|at| 0x80 | (value >> (7 * (N - 1 - at))) as u8)
}

fn number<const N: usize>(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = bytes.split_first_chunk::<N>()?;
    let value = digits
        .iter()
        .fold(0, |value, digit| value << 7 | u64::from(digit & 0x7F));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_and_holds_no_start_code() {
        for (index, sent) in [(0, 0), (1, 1), ((1 << 42) - 1, (1 << 63) - 1)] {
            let stamp = Stamp {
                run: (1 << 28) - 1,
                publisher: 16_383,
                index,
                sent,
            };
            let octets = stamp.emit();
            assert!(octets.iter().all(|octet| octet & 0x80 != 0));
            for before in [&[0x7C, 0x85, 0x88, 0x84][..], &[0x65, 0x88, 0x84]] {
                let payload = [before, &octets].concat();
                assert_eq!(Stamp::find(&payload), Some(stamp));
            }
        }
        assert_eq!(Stamp::find(&[0x7C; 60]), None);
        assert_eq!(Stamp::find(&[]), None);
    }
}
