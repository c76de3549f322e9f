//! Finding a message after framing was lost.

use crate::interleaved::{PREFIX_LEN, Prefix};
use crate::method::Method;

/// A search through a buffer that grows at its end and is cut at its front. Each byte is tried once as the start of
/// a line and once as the start of a frame.
#[derive(Debug)]
pub(super) struct Search {
    /// No start line begins before this.
    text: usize,
    /// No frame begins before this.
    frame: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Plausible {
    Yes,
    No,
    /// More bytes decide.
    Undecided,
}

impl Search {
    /// A search that starts at byte `from` of the buffer.
    pub(super) fn new(from: usize) -> Self {
        Self {
            text: from,
            frame: from,
        }
    }

    /// How many bytes to drop from the front, and whether a message starts behind them.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> (usize, bool) {
        let text = self.find_text(bytes);
        let frame = self.find_frame(bytes, text.unwrap_or(bytes.len()));
        let found = frame.or(text);
        let drop = found.unwrap_or(self.text.min(self.frame)).min(bytes.len());
        self.text = self.text.saturating_sub(drop);
        self.frame = self.frame.saturating_sub(drop);
        (drop, found.is_some())
    }

    fn find_text(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(rest) = bytes.get(self.text..).filter(|rest| !rest.is_empty()) {
            match start_line(rest) {
                Plausible::Yes => return Some(self.text),
                Plausible::Undecided => return None,
                Plausible::No => self.text = self.text.saturating_add(1),
            }
        }
        None
    }

    fn find_frame(&mut self, bytes: &[u8], before: usize) -> Option<usize> {
        while self.frame < before {
            let rest = bytes.get(self.frame..)?;
            match frame(rest) {
                Plausible::Yes => return Some(self.frame),
                Plausible::Undecided => return None,
                Plausible::No => self.frame = self.frame.saturating_add(1),
            }
        }
        None
    }
}

/// A status line, or a request line with a known method.
fn start_line(bytes: &[u8]) -> Plausible {
    let status = [&b"RTSP/1.0 "[..], b"RTSP/2.0 "]
        .into_iter()
        .map(|known| prefix(bytes, known));
    let request = Method::KNOWN.iter().map(|method| {
        let name = method.as_str().as_bytes();
        match (prefix(bytes, name), bytes.get(name.len()..)) {
            (Plausible::Yes, Some(rest)) => {
                match (prefix(rest, b" rtsp"), prefix(rest, b" * RTSP/")) {
                    (Plausible::No, other) | (other, Plausible::No) => other,
                    (either, _) => either,
                }
            }
            (seen, _) => seen,
        }
    });
    status
        .chain(request)
        .fold(Plausible::No, |best, seen| match (best, seen) {
            (Plausible::Yes, _) | (_, Plausible::Yes) => Plausible::Yes,
            (Plausible::Undecided, _) | (_, Plausible::Undecided) => Plausible::Undecided,
            _ => Plausible::No,
        })
}

fn prefix(bytes: &[u8], known: &[u8]) -> Plausible {
    if bytes.len() >= known.len() {
        if bytes.starts_with(known) {
            Plausible::Yes
        } else {
            Plausible::No
        }
    } else if known.starts_with(bytes) {
        Plausible::Undecided
    } else {
        Plausible::No
    }
}

/// A frame whose payload has the version of RTP and RTCP, followed by the start of another unit.
fn frame(bytes: &[u8]) -> Plausible {
    if bytes.first() != Some(&b'$') {
        return Plausible::No;
    }
    let (Some(prefix), Some(first)) = (Prefix::parse(bytes), bytes.get(PREFIX_LEN)) else {
        return Plausible::Undecided;
    };
    if prefix.length < 8 || first >> 6 != 2 {
        return Plausible::No;
    }
    let end = PREFIX_LEN.saturating_add(usize::from(prefix.length));
    match bytes.get(end..) {
        None | Some([]) => Plausible::Undecided,
        Some([b'$', ..]) => Plausible::Yes,
        Some(rest) => start_line(rest),
    }
}
