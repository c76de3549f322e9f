//! Reading and writing structures that are measured in bits.

use alloc::vec::Vec;

/// Reads bits from the most significant one on. Every read fails with `None` at the end.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Next bit.
    at: usize,
    /// Bits that may be read.
    end: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::limited(bytes, bytes.len() * 8)
    }

    /// Reads no more than `count` bits.
    pub(crate) fn limited(bytes: &'a [u8], count: usize) -> Self {
        Self {
            bytes,
            at: 0,
            end: count.min(bytes.len() * 8),
        }
    }

    /// Bits that are left.
    pub(crate) fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8).filter(|_| self.at < self.end)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// The next `count` bits, at most 32.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        let width = usize::try_from(count).ok()?;
        if width > 32 || width > self.left() {
            return None;
        }
        let mut value = 0_u64;
        let first = self.at / 8;
        for offset in 0..5 {
            value = value << 8 | u64::from(self.bytes.get(first + offset).copied().unwrap_or(0));
        }
        let shift = 40 - self.at % 8 - width;
        self.at += width;
        u32::try_from(value >> shift & ((1_u64 << width) - 1)).ok()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        u8::try_from(self.bits(8)?).ok()
    }

    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        (count <= self.left()).then(|| self.at += count)
    }

    /// Unsigned Exp-Golomb code, below 2^32 − 1 (ISO/IEC 14496-10 §9.1).
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.bits(zeros)?;
        u32::try_from((1_u64 << zeros) - 1 + u64::from(rest)).ok()
    }

    /// Signed Exp-Golomb code.
    pub(crate) fn se(&mut self) -> Option<i32> {
        let code = self.ue()?;
        let magnitude = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 1 { magnitude } else { -magnitude })
    }
}

/// Writes bits from the most significant one on.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    used: usize,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`.
    pub(crate) fn bits(&mut self, count: u32, value: u32) {
        for shift in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value.checked_shr(shift).unwrap_or(0) & 1) as u8;
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }

    /// The bytes, the last one filled up with zeros.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Xorshift;

    #[test]
    fn what_is_written_is_read() {
        let mut random = Xorshift::new(3);
        for _ in 0..500 {
            let fields: Vec<(u32, u32)> = (0..random.below(40))
                .map(|_| {
                    let width = random.below(33) as u32;
                    (width, (random.next() & ((1 << width) - 1)) as u32)
                })
                .collect();
            let mut writer = BitWriter::default();
            for &(width, value) in &fields {
                writer.bits(width, value);
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for &(width, value) in &fields {
                assert_eq!(reader.bits(width), Some(value));
            }
            assert!(reader.left() < 8);
        }
    }

    #[test]
    fn exp_golomb_codes() {
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!(
            [reader.ue(), reader.ue(), reader.ue(), reader.ue()],
            [Some(0), Some(1), Some(2), Some(3)]
        );
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!(
            [reader.se(), reader.se(), reader.se(), reader.se()],
            [Some(0), Some(1), Some(-1), Some(2)]
        );
        assert_eq!(BitReader::new(&[0; 8]).ue(), None);
        assert_eq!(
            BitReader::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).ue(),
            Some(u32::MAX - 1)
        );
    }

    #[test]
    fn the_end_is_the_end() {
        let mut reader = BitReader::new(&[0xff]);
        assert_eq!(reader.bits(9), None);
        assert_eq!(reader.skip(9), None);
        assert_eq!(reader.bits(8), Some(0xff));
        assert_eq!(reader.flag(), None);
        assert_eq!(reader.bits(0), Some(0));
        assert_eq!(reader.bits(33), None);
        let mut reader = BitReader::limited(&[0xff; 2], 9);
        assert_eq!(
            (reader.bits(8), reader.flag(), reader.flag()),
            (Some(0xff), Some(true), None)
        );
    }
}
