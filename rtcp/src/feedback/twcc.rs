use core::time::Duration;

use crate::field;

/// When each packet of a transport arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportWideFeedback<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> TransportWideFeedback<'a> {
    /// Transport-wide sequence number of the first packet that it tells of.
    pub fn base_sequence(&self) -> u16 {
        field::u16_at(self.bytes, 0)
    }

    /// How many packets it tells of, lost ones included.
    pub fn status_count(&self) -> u16 {
        field::u16_at(self.bytes, 2)
    }

    /// The time that the first difference counts from, in units of 64 ms, signed 24 bits.
    pub fn reference_time(&self) -> i32 {
        ((field::u24_at(self.bytes, 4) << 8) as i32) >> 8
    }

    /// Number of this feedback, to find lost ones.
    pub fn feedback_count(&self) -> u8 {
        field::u8_at(self.bytes, 7)
    }

    /// The packets that arrived, in order of sequence. All others of [`status_count`](Self::status_count) did not.
    pub fn received(&self) -> impl Iterator<Item = ReceivedPacket> + use<'a> {
        let mut deltas = self.split().map(|(_, deltas)| deltas).unwrap_or_default();
        let sequence = self.base_sequence();
        self.runs()
            .scan(0_u16, |position, (symbol, count)| {
                let start = *position;
                *position = position.wrapping_add(count);
                Some((symbol, start, count))
            })
            .filter(|(symbol, ..)| symbol.delta_size() > 0)
            .flat_map(|(symbol, start, count)| {
                (0..count).map(move |step| (symbol, start.wrapping_add(step)))
            })
            .map_while(move |(symbol, position)| {
                let (delta, rest) = deltas.split_at_checked(symbol.delta_size())?;
                deltas = rest;
                let delta = match *delta {
                    [small] => i16::from(small),
                    [high, low] => i16::from_be_bytes([high, low]),
                    _ => return None,
                };
                let sequence = sequence.wrapping_add(position);
                Some(ReceivedPacket { sequence, delta })
            })
    }

    /// Costs as much as there are bytes, however many packets they claim to tell of.
    pub(super) fn is_valid(&self) -> bool {
        self.split().is_some()
    }

    /// The status chunks and the differences; `None` if one of them is too short or malformed.
    fn split(&self) -> Option<(&'a [u8], &'a [u8])> {
        let body = self.bytes.get(8..)?;
        let mut left = self.status_count();
        let mut rest = body;
        let mut deltas = 0_usize;
        while left > 0 {
            let (chunk, next) = rest.split_first_chunk()?;
            rest = next;
            for (symbol, count) in Chunk(u16::from_be_bytes(*chunk)).runs() {
                let count = count.min(left);
                left = left.saturating_sub(count);
                if symbol == Symbol::Reserved && count > 0 {
                    return None;
                }
                deltas =
                    deltas.checked_add(usize::from(count).checked_mul(symbol.delta_size())?)?;
            }
        }
        let chunks = body.get(..body.len().checked_sub(rest.len())?)?;
        Some((chunks, rest.get(..deltas)?))
    }

    /// Runs of packets with the same status, together [`status_count`](Self::status_count).
    fn runs(&self) -> impl Iterator<Item = (Symbol, u16)> + use<'a> {
        let (chunks, _) = self
            .split()
            .map(|(chunks, _)| chunks)
            .unwrap_or_default()
            .as_chunks();
        let mut left = self.status_count();
        let runs = chunks
            .iter()
            .flat_map(|chunk| Chunk(u16::from_be_bytes(*chunk)).runs());
        runs.map_while(move |(symbol, count)| {
            let count = count.min(left);
            left = left.saturating_sub(count);
            (count > 0).then_some((symbol, count))
        })
    }
}

/// A packet that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReceivedPacket {
    /// Its transport-wide sequence number.
    pub sequence: u16,
    /// Its time after the one before, or after the reference time for the first, in units of 250 µs.
    pub delta: i16,
}

impl ReceivedPacket {
    /// The unit of [`delta`](Self::delta).
    pub const UNIT: Duration = Duration::from_micros(250);
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbol {
    NotReceived,
    SmallDelta,
    LargeDelta,
    Reserved,
}

impl Symbol {
    fn from_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::NotReceived,
            1 => Self::SmallDelta,
            2 => Self::LargeDelta,
            _ => Self::Reserved,
        }
    }

    /// What to write for a packet: `None` for a lost one, else its difference.
    pub(crate) fn of(delta: Option<i16>) -> Self {
        match delta {
            None => Self::NotReceived,
            Some(0..=255) => Self::SmallDelta,
            Some(_) => Self::LargeDelta,
        }
    }

    pub(crate) fn bits(self) -> u16 {
        match self {
            Self::NotReceived => 0,
            Self::SmallDelta => 1,
            Self::LargeDelta => 2,
            Self::Reserved => 3,
        }
    }

    pub(crate) fn delta_size(self) -> usize {
        match self {
            Self::NotReceived | Self::Reserved => 0,
            Self::SmallDelta => 1,
            Self::LargeDelta => 2,
        }
    }
}

/// Sixteen bits on the status of up to 8191 packets.
#[derive(Clone, Copy)]
struct Chunk(u16);

impl Chunk {
    /// A run, or a vector of 14 one-bit or 7 two-bit symbols, as runs.
    fn runs(self) -> impl Iterator<Item = (Symbol, u16)> {
        let (symbols, count) = match self.0 >> 14 {
            0 | 1 => (1_u16, self.0 & 0x1fff),
            2 => (14, 1),
            _ => (7, 1),
        };
        (0..symbols).map(move |index| {
            let symbol = match symbols {
                1 => self.0 >> 13,
                14 => self.0 >> 13_u16.saturating_sub(index) & 1,
                _ => self.0 >> 12_u16.saturating_sub(index.saturating_mul(2)),
            };
            (Symbol::from_bits(symbol), count)
        })
    }
}
