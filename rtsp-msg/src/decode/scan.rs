//! Finding the end of a head, each byte looked at once, and noting its lines on the way.

use alloc::vec::Vec;

use crate::error::DecodeErrorKind;
use crate::limits::Limits;

/// How far the current head was searched for its end, the first empty line (RFC 7826 §5.1).
#[derive(Debug)]
pub(super) struct HeadScan {
    position: usize,
    line_start: usize,
    /// The line before this one ended in a lone CR.
    lone_cr: bool,
    /// A line so far ended in one byte.
    bare: bool,
    /// There is a control character other than line ends, tabs and DEL.
    controls: bool,
    /// The lines so far; keeps its memory from head to head.
    lines: Vec<Line>,
}

/// A line of a head, without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Line {
    pub(super) const fn range(self) -> core::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A head that is complete.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    /// Those before the empty one.
    pub(super) all: &'a [Line],
    /// Whether a line ends in a lone CR or LF.
    pub(super) bare: bool,
    /// Whether there are control characters other than line ends, tabs and DEL.
    pub(super) controls: bool,
}

/// Where a line ends, and where the next one starts.
enum LineEnd {
    /// No line end in these bytes.
    None,
    /// A CR is the last byte: the next one decides.
    Undecided(usize),
    /// A line end of CR LF, or of one byte.
    At { end: usize, next: usize },
}

/// One in each byte of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH_BITS: u64 = ONES << 7;

/// The first byte below 0x20, sixteen bytes at a time.
#[inline]
fn control(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    while let Some((words, behind)) = rest.split_first_chunk::<16>() {
        let words = u128::from_le_bytes(*words);
        let (low, high) = (words as u64, (words >> 64) as u64);
        if (below_space(low) | below_space(high)) & HIGH_BITS != 0 {
            // The lowest bit is that of the first such byte; those above it may be wrong.
            let found = match below_space(low) & HIGH_BITS {
                0 => (below_space(high) & HIGH_BITS).trailing_zeros() / 8 + 8,
                found => found.trailing_zeros() / 8,
            };
            return Some(passed(bytes, rest).wrapping_add(found as usize));
        }
        rest = behind;
    }
    let at = rest.iter().position(|&byte| byte < b' ')?;
    Some(passed(bytes, rest).wrapping_add(at))
}

/// The high bit of each byte below 0x20 is set, up to the first one.
#[inline]
const fn below_space(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word
}

/// The first colon, eight bytes at a time.
#[inline]
pub(super) fn colon(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word) ^ (ONES * b':' as u64);
        // The lowest bit found is at the first byte of zero; those above it may be wrong.
        let found = word.wrapping_sub(ONES) & !word & HIGH_BITS;
        if found != 0 {
            return Some(passed(bytes, rest).wrapping_add((found.trailing_zeros() / 8) as usize));
        }
        rest = behind;
    }
    let at = rest.iter().position(|&byte| byte == b':')?;
    Some(passed(bytes, rest).wrapping_add(at))
}

/// Bytes before `rest`, an end of `bytes`.
#[inline]
fn passed(bytes: &[u8], rest: &[u8]) -> usize {
    bytes.len().wrapping_sub(rest.len())
}

impl Default for HeadScan {
    fn default() -> Self {
        Self {
            position: 0,
            line_start: 0,
            lone_cr: false,
            bare: false,
            controls: false,
            // More lines than most heads have.
            lines: Vec::with_capacity(16),
        }
    }
}

impl HeadScan {
    /// Whether nothing of a message was seen.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        self.position == 0
    }

    /// Forgets the head.
    pub(super) fn reset(&mut self) {
        self.lines.clear();
        (self.position, self.line_start) = (0, 0);
        (self.lone_cr, self.bare, self.controls) = (false, false, false);
    }

    /// The lines of the head that [`HeadScan::advance`] found.
    pub(super) fn lines(&self) -> Lines<'_> {
        Lines {
            all: &self.lines,
            bare: self.bare,
            controls: self.controls,
        }
    }

    /// Goes on searching; the length of the head if `bytes` has all of it.
    ///
    /// # Errors
    ///
    /// What limit is exceeded, and at which byte.
    pub(super) fn advance(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, (DecodeErrorKind, usize)> {
        loop {
            let (end, next) = match self.line_end(bytes) {
                LineEnd::At { end, next } => (end, next),
                // A peer that ends lines in lone CRs sends nothing after the last one.
                LineEnd::Undecided(end) if self.lone_cr && end == self.line_start => {
                    (end, end.saturating_add(1))
                }
                LineEnd::Undecided(end) => return self.pause(end, bytes.len(), limits),
                LineEnd::None => return self.pause(bytes.len(), bytes.len(), limits),
            };
            self.count(next);
            self.check(end, next, limits)?;
            let bare = next == end.saturating_add(1);
            self.bare |= bare;
            if end == self.line_start {
                return Ok(Some(next));
            }
            self.lone_cr = bare && bytes.get(end) == Some(&b'\r');
            if self.lines.len() > limits.header_count {
                return Err((DecodeErrorKind::TooManyHeaders, self.line_start));
            }
            self.lines.push(Line {
                start: position(self.line_start),
                end: position(end),
            });
            self.line_start = next;
            self.position = next;
        }
    }

    /// The first line end that was not yet passed.
    #[inline]
    fn line_end(&mut self, bytes: &[u8]) -> LineEnd {
        let mut from = self.position;
        loop {
            let Some(found) = bytes.get(from..).and_then(control) else {
                return LineEnd::None;
            };
            let end = from.wrapping_add(found);
            let after = end.wrapping_add(1);
            match (bytes.get(end), bytes.get(after)) {
                (Some(b'\r'), Some(b'\n')) => {
                    let next = after.wrapping_add(1);
                    return LineEnd::At { end, next };
                }
                (Some(b'\r'), None) => return LineEnd::Undecided(end),
                (Some(b'\r' | b'\n'), _) => return LineEnd::At { end, next: after },
                (Some(b'\t'), _) => {}
                _ => self.controls = true,
            }
            from = after;
        }
    }

    fn pause(
        &mut self,
        at: usize,
        end: usize,
        limits: &Limits,
    ) -> Result<Option<usize>, (DecodeErrorKind, usize)> {
        self.count(end);
        self.position = at;
        self.check(at, end, limits)?;
        Ok(None)
    }

    #[inline]
    fn check(
        &self,
        line_end: usize,
        end: usize,
        limits: &Limits,
    ) -> Result<(), (DecodeErrorKind, usize)> {
        if self.lines.is_empty() && line_end > limits.start_line {
            return Err((DecodeErrorKind::StartLineTooLong, limits.start_line));
        }
        if end > limits.header_bytes {
            return Err((DecodeErrorKind::HeadTooLarge, limits.header_bytes));
        }
        Ok(())
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self)]
    fn count(&self, _to: usize) {}

    #[cfg(test)]
    fn count(&self, to: usize) {
        WORK.with(|work| work.set(work.get() + (to - self.position) as u64));
    }

    #[cfg(test)]
    #[allow(clippy::unused_self)]
    pub(super) fn work(&self) -> u64 {
        WORK.with(std::cell::Cell::get)
    }
}

/// Heads of 4 GiB exist only where limits allow them; they are then not read.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
std::thread_local! {
    static WORK: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_find_the_same() {
        for byte in 0..=255u8 {
            for at in 0..20 {
                let mut bytes = [b'a'; 20];
                bytes[at] = byte;
                let expected = |found: bool| found.then_some(at);
                assert_eq!(control(&bytes), expected(byte < b' '), "{byte} at {at}");
                assert_eq!(colon(&bytes), expected(byte == b':'), "{byte} at {at}");
                // What follows does not matter, least of all one more.
                bytes[19] = b':';
                assert_eq!(colon(&bytes).unwrap(), if byte == b':' { at } else { 19 });
            }
        }
    }
}
