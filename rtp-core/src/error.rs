//! What can be wrong with a packet, a payload or a format.

use crate::Codec;

/// Why a packet, a payload or a set of format parameters was refused.
///
/// Small and `Copy`. An error of [`Depacketizer::push`](crate::Depacketizer::push) concerns that one
/// packet only: the depacketizer has already dropped what it could not use and goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The packet or payload ends before a field that it must contain.
    #[error("{have} bytes, but at least {needed} are needed")]
    Truncated {
        /// Bytes that were needed.
        needed: usize,
        /// Bytes that were there.
        have: usize,
    },
    /// The version field is not 2 (RFC 3550 §5.1).
    #[error("RTP version {0} instead of 2")]
    Version(u8),
    /// The padding count is zero or exceeds the payload (RFC 3550 §5.1).
    #[error("padding of {count} bytes in a payload of {have}")]
    Padding {
        /// The last byte of the packet.
        count: u8,
        /// Bytes after the header.
        have: usize,
    },
    /// There is no packetizer or depacketizer for this format.
    #[error("no payload format for {0}")]
    Unsupported(Codec),
    /// A format parameter (`a=fmtp`), clock rate or configuration value is missing or wrong.
    #[error("format parameter {0} is missing or wrong")]
    Parameter(&'static str),
    /// A packet without payload where the format needs one.
    #[error("empty payload")]
    EmptyPayload,
    /// A length inside the payload points beyond its end.
    #[error("{announced} bytes announced at offset {offset}, {left} are left")]
    Length {
        /// Offset of the length field in the payload.
        offset: usize,
        /// What the field says.
        announced: usize,
        /// What is left behind it.
        left: usize,
    },
    /// A reserved or unusable unit type (RFC 6184 §5.2, RFC 7798 §4.4).
    #[error("unit type {0} is not usable here")]
    UnitType(u8),
    /// A fragment without its beginning; the unit is dropped.
    #[error("fragment without its beginning")]
    OrphanFragment,
    /// A new unit began before the last fragment of the previous one; the previous one is dropped.
    #[error("fragmented unit never ended")]
    UnfinishedFragment,
    /// The access unit exceeds the bound; it is dropped whole.
    #[error("access unit exceeds {limit} bytes")]
    FrameTooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// The packet is older than what was already processed, or a duplicate; it is dropped.
    #[error("packet {sequence} is late or a duplicate")]
    Late {
        /// Its sequence number.
        sequence: u16,
    },
    /// A parameter set or configuration does not follow its syntax; the value names the structure.
    #[error("malformed {0}")]
    Syntax(&'static str),
    /// The buffer given to write into is too small.
    #[error("buffer of {have} bytes, {needed} are needed")]
    Buffer {
        /// Bytes that were needed.
        needed: usize,
        /// Bytes that were there.
        have: usize,
    },
}
