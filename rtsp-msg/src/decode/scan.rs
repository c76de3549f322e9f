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

/// The first line end at or after `from`.
#[inline]
fn line_end(bytes: &[u8], from: usize) -> LineEnd {
    let found = bytes
        .get(from..)
        .and_then(|rest| memchr::memchr2(b'\r', b'\n', rest));
    let Some(end) = found.and_then(|at| at.checked_add(from)) else {
        return LineEnd::None;
    };
    let after = end.saturating_add(1);
    match (bytes.get(end), bytes.get(after)) {
        (Some(b'\r'), Some(b'\n')) => LineEnd::At {
            end,
            next: after.saturating_add(1),
        },
        (Some(b'\r'), None) => LineEnd::Undecided(end),
        _ => LineEnd::At { end, next: after },
    }
}

impl Default for HeadScan {
    fn default() -> Self {
        Self {
            position: 0,
            line_start: 0,
            lone_cr: false,
            bare: false,
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
        (self.lone_cr, self.bare) = (false, false);
    }

    /// The lines of the head that [`HeadScan::advance`] found.
    pub(super) fn lines(&self) -> Lines<'_> {
        Lines {
            all: &self.lines,
            bare: self.bare,
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
            let (end, next) = match line_end(bytes, self.position) {
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
