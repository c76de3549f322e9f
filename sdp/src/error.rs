use core::fmt;

/// Why a session description was refused.
///
/// Everything that real peers get wrong and that has one sensible reading is repaired instead, see
/// [`Repair`](crate::Repair). Line numbers count from 1 in the input as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More bytes than [`Limits::bytes`](crate::Limits::bytes).
    #[error("the description has {actual} bytes, more than {limit}")]
    TooLarge {
        /// The limit in force, in bytes.
        limit: usize,
        /// The size of the input, in bytes.
        actual: usize,
    },
    /// A line, a media, a format or an attribute more than its limit.
    #[error("line {line}: more than {limit} {part}")]
    TooMany {
        /// What there is too much of.
        part: Part,
        /// The limit in force.
        limit: usize,
        /// The line that went over it.
        line: u32,
    },
    /// A line longer than [`Limits::line_bytes`](crate::Limits::line_bytes).
    #[error("line {line} has {actual} bytes, more than {limit}")]
    LineTooLong {
        /// The line at fault.
        line: u32,
        /// The limit in force, in bytes.
        limit: usize,
        /// The length of the line, in bytes.
        actual: usize,
    },
    /// No line of it is one of a session description (RFC 8866 §5).
    #[error("not a session description")]
    NotADescription,
    /// The version is not 0 (RFC 8866 §5.1).
    #[error("line {line}: unknown version")]
    Version {
        /// The line at fault.
        line: u32,
    },
    /// An `m=` line that cannot be read (RFC 8866 §5.14).
    #[error("line {line}: bad media line")]
    Media {
        /// The line at fault.
        line: u32,
    },
    /// Any other line that cannot be read and that no repair knows.
    #[error("line {line}: bad syntax")]
    Syntax {
        /// The line at fault.
        line: u32,
    },
}

/// What [`Error::TooMany`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Lines of any kind.
    Lines,
    /// `m=` lines.
    Media,
    /// Formats of one `m=` line.
    Formats,
    /// `a=` lines of the whole description.
    Attributes,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lines => "lines",
            Self::Media => "media",
            Self::Formats => "formats",
            Self::Attributes => "attributes",
        })
    }
}
