//! Why bytes are no message.

use crate::version::Version;

/// Bytes that are no message, or none that is welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
#[non_exhaustive]
pub struct DecodeError {
    /// Where in the stream, counted in bytes since the decoder was made.
    pub offset: u64,
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// The message's `CSeq` if it could be read, so that a request can be answered.
    pub cseq: Option<u32>,
    /// The message's version if it could be read, so that the answer is of the same.
    pub version: Option<Version>,
    /// Whether it is unknown where the next message starts. If not, the decoder has passed over the message, and
    /// the connection goes on.
    pub fatal: bool,
    /// Whether the message was a response: those are not answered.
    pub in_response: bool,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Neither a request line nor a status line.
    #[error("malformed start line")]
    StartLine,
    /// A method that is no token.
    #[error("malformed method")]
    Method,
    /// A well-formed version that is not spoken here.
    #[error("unsupported version")]
    Version,
    /// A status code that does not have three digits.
    #[error("malformed status code")]
    StatusCode,
    /// A header line without a colon, with a name that is no token, or with control characters.
    #[error("malformed header line")]
    HeaderLine,
    /// A line that ends in a lone CR or LF.
    #[error("line without CRLF")]
    LineEnd,
    /// The head is no UTF-8.
    #[error("head is not UTF-8")]
    NonUtf8,
    /// A `Content-Length` that is not 1 to 19 digits, or several that differ.
    #[error("malformed or conflicting Content-Length")]
    ContentLength,
    /// The start line exceeds [`Limits::start_line`](crate::Limits::start_line).
    #[error("start line too long")]
    StartLineTooLong,
    /// The URI exceeds [`Limits::uri`](crate::Limits::uri).
    #[error("URI too long")]
    UriTooLong,
    /// The head exceeds [`Limits::header_bytes`](crate::Limits::header_bytes).
    #[error("head too large")]
    HeadTooLarge,
    /// More header lines than [`Limits::header_count`](crate::Limits::header_count).
    #[error("too many header lines")]
    TooManyHeaders,
    /// `Content-Length` exceeds [`Limits::body`](crate::Limits::body).
    #[error("body too large")]
    BodyTooLarge,
}

impl DecodeErrorKind {
    /// Whether a limit was hit, as opposed to grammar broken.
    pub const fn is_limit(self) -> bool {
        matches!(
            self,
            Self::StartLineTooLong
                | Self::UriTooLong
                | Self::HeadTooLarge
                | Self::TooManyHeaders
                | Self::BodyTooLarge
        )
    }
}
