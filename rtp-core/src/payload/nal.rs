//! NAL units in bulk: the two ways to string them together, which H.264 and H.265 share.

use alloc::{borrow::Cow, vec::Vec};

use crate::Error;

/// Splits a byte stream at its start codes (ISO/IEC 14496-10 Annex B). Bytes before the first start code are a
/// unit too; empty units and zeros behind a unit are left out.
///
/// ```
/// use rtp_core::nal::AnnexB;
/// let units: Vec<&[u8]> = AnnexB::new(&[0, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68]).collect();
/// assert_eq!(units, [&[0x67, 0x42][..], &[0x68]]);
/// ```
#[derive(Debug, Clone)]
pub struct AnnexB<'a> {
    rest: &'a [u8],
}

impl<'a> AnnexB<'a> {
    /// Splits `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for AnnexB<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (unit, rest) = match find_start_code(self.rest) {
                Some(at) => (self.rest.get(..at), self.rest.get(at + 3..)),
                None => (Some(self.rest), None),
            };
            self.rest = rest.unwrap_or_default();
            let unit = without_trailing_zeros(unit.unwrap_or_default());
            if !unit.is_empty() {
                return Some(unit);
            }
        }
        None
    }
}

fn without_trailing_zeros(mut unit: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = unit {
        unit = rest;
    }
    unit
}

/// Where the first `00 00 01` begins. No NAL unit may contain it.
pub(crate) fn find_start_code(bytes: &[u8]) -> Option<usize> {
    // Blocks without two zeros in a row hold none; this loop becomes vector instructions. A block ends with
    // the first byte of the next one, so a pair on the border is seen.
    const BLOCK: usize = 32;
    let mut at = 0;
    while let Some(block) = bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<{ BLOCK + 1 }>())
    {
        let pairs = block.iter().zip(block.iter().skip(1));
        if pairs.fold(false, |found, (first, second)| {
            found | (first | second == 0)
        }) {
            let near = bytes
                .get(at..(at + BLOCK + 2).min(bytes.len()))
                .unwrap_or_default();
            if let Some(offset) = near.windows(3).position(|window| window == [0, 0, 1]) {
                return Some(at + offset);
            }
        }
        at += BLOCK;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.windows(3)
        .position(|window| window == [0, 0, 1])
        .map(|offset| at + offset)
}

/// Splits an access unit into its NAL units, each behind its length in four bytes, big-endian: the form of MP4
/// samples and of [`Frame::payload`](crate::Frame::payload).
///
/// A length beyond the end yields [`Error::Length`], and nothing after it. Empty units are left out.
///
/// ```
/// use rtp_core::nal::LengthPrefixed;
/// let units: Result<Vec<&[u8]>, _> = LengthPrefixed::new(&[0, 0, 0, 2, 0x67, 0x42, 0, 0, 0, 1, 0x68]).collect();
/// assert_eq!(units?, [&[0x67, 0x42][..], &[0x68]]);
/// # Ok::<(), rtp_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LengthPrefixed<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> LengthPrefixed<'a> {
    /// Splits `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            offset: 0,
        }
    }

    /// Bytes that are behind the iteration.
    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }
}

impl<'a> Iterator for LengthPrefixed<'a> {
    type Item = Result<&'a [u8], Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let offset = self.offset;
            let Some((length, body)) = self.rest.split_first_chunk() else {
                let have = self.rest.len();
                self.rest = &[];
                return Some(Err(Error::Truncated { needed: 4, have }));
            };
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let Some((unit, rest)) = body.split_at_checked(length) else {
                self.rest = &[];
                return Some(Err(Error::Length {
                    offset,
                    announced: length,
                    left: body.len(),
                }));
            };
            self.rest = rest;
            self.offset += 4 + length;
            if !unit.is_empty() {
                return Some(Ok(unit));
            }
        }
        None
    }
}

/// Writes `units` one after the other, each behind its length in four bytes, big-endian.
pub fn length_prefixed<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for unit in units {
        out.extend(u32::try_from(unit.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(unit);
    }
    out
}

/// Removes the emulation prevention bytes (`00 00 03`) of a NAL unit (ISO/IEC 14496-10 §7.4.1).
pub(crate) fn unescape(unit: &[u8]) -> Cow<'_, [u8]> {
    if !unit.windows(3).any(|window| window == [0, 0, 3]) {
        return Cow::Borrowed(unit);
    }
    let mut out = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    Cow::Owned(out)
}

/// The payload types and bodies of an SEI unit's messages, `body` behind the NAL header
/// (ISO/IEC 14496-10 §7.3.2.3). Ends at the first malformed one.
pub(crate) fn sei_messages(body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = body;
    core::iter::from_fn(move || {
        let kind = sei_number(&mut rest)?;
        let length = usize::try_from(sei_number(&mut rest)?).ok()?;
        let (message, behind) = rest.split_at_checked(length)?;
        rest = behind;
        Some((kind, message))
    })
}

fn sei_number(rest: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    loop {
        let (&byte, behind) = rest.split_first()?;
        *rest = behind;
        value = value.checked_add(u32::from(byte))?;
        if byte != 0xff {
            return Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Xorshift;

    #[test]
    fn annex_b_splits_at_both_start_codes() {
        let cases: [(&[u8], &[&[u8]]); 7] = [
            (&[], &[]),
            (&[0, 0, 1], &[]),
            (&[0, 0, 0, 1, 5, 6, 0, 0, 1, 7], &[&[5, 6], &[7]]),
            (&[0x67, 0, 0, 0, 1, 0x68], &[&[0x67], &[0x68]]),
            (&[0, 0, 1, 5, 0, 0, 0], &[&[5]]),
            (&[0, 0, 1, 0, 0, 1, 9], &[&[9]]),
            (&[1, 2, 3], &[&[1, 2, 3]]),
        ];
        for (bytes, units) in cases {
            assert_eq!(AnnexB::new(bytes).collect::<Vec<_>>(), units, "{bytes:?}");
        }
    }

    #[test]
    fn start_codes_are_found_where_a_plain_search_finds_them() {
        let mut random = Xorshift::new(5);
        let mut found = 0;
        for _ in 0..20_000 {
            let mut bytes = random.bytes(150);
            let kinds = 3 + (random.next() % 20) as u8;
            for byte in &mut bytes {
                *byte %= kinds;
            }
            let plain = bytes.windows(3).position(|window| window == [0, 0, 1]);
            assert_eq!(find_start_code(&bytes), plain, "{bytes:?}");
            found += usize::from(plain.is_some());
        }
        assert!(found > 1000);
    }

    #[test]
    fn lengths_that_lie_end_the_iteration() {
        let mut units = LengthPrefixed::new(&[0, 0, 0, 1, 9, 0, 0, 0, 5, 1]);
        assert_eq!(units.next(), Some(Ok(&[9][..])));
        assert_eq!(
            units.next(),
            Some(Err(Error::Length {
                offset: 5,
                announced: 5,
                left: 1
            }))
        );
        assert_eq!(units.next(), None);
        let mut units = LengthPrefixed::new(&[0, 0, 0]);
        assert_eq!(
            units.next(),
            Some(Err(Error::Truncated { needed: 4, have: 3 }))
        );
        assert_eq!(units.next(), None);
        assert_eq!(LengthPrefixed::new(&[0xff; 4]).count(), 1);
    }

    #[test]
    fn emulation_prevention_is_removed() {
        assert_eq!(*unescape(&[1, 0, 0, 3, 1, 0, 0, 3]), [1, 0, 0, 1, 0, 0]);
        assert_eq!(*unescape(&[0, 0, 3, 0, 0, 3, 0]), [0, 0, 0, 0, 0]);
        assert!(matches!(unescape(&[1, 2, 3]), Cow::Borrowed(_)));
    }

    #[test]
    fn sei_messages_are_walked() {
        let body = [6, 1, 0x80, 0xff, 1, 2, 7, 8, 0x80];
        let messages: Vec<_> = sei_messages(&body).collect();
        assert_eq!(messages, [(6, &[0x80][..]), (256, &[7, 8])]);
        assert_eq!(sei_messages(&[5, 200, 1]).count(), 0);
    }
}
