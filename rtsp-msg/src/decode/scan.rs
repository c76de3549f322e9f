//! Finding the end of a head, each byte looked at once.

use crate::error::DecodeErrorKind;
use crate::limits::Limits;

/// How far the current head was searched for its end, the first empty line (RFC 7826 §5.1).
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    position: usize,
    line_start: usize,
    lines: usize,
    /// The line before this one ended in a lone CR.
    lone_cr: bool,
}

/// Where a line ends, and where the next one starts.
pub(super) enum LineEnd {
    /// No line end in these bytes.
    None,
    /// A CR is the last byte: the next one decides.
    Undecided(usize),
    /// A line end of CR LF, or of one byte.
    At { end: usize, next: usize },
}

/// The first line end at or after `from`.
pub(super) fn line_end(bytes: &[u8], from: usize) -> LineEnd {
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

impl HeadScan {
    /// Whether nothing of a message was seen.
    pub(super) fn is_fresh(&self) -> bool {
        self.position == 0
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
            if end == self.line_start {
                return Ok(Some(next));
            }
            self.lone_cr = next == end.saturating_add(1) && bytes.get(end) == Some(&b'\r');
            self.lines = self.lines.saturating_add(1);
            if self.lines > limits.header_count.saturating_add(1) {
                return Err((DecodeErrorKind::TooManyHeaders, self.line_start));
            }
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

    fn check(
        &self,
        line_end: usize,
        end: usize,
        limits: &Limits,
    ) -> Result<(), (DecodeErrorKind, usize)> {
        if self.lines == 0 && line_end > limits.start_line {
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

#[cfg(test)]
std::thread_local! {
    static WORK: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}
