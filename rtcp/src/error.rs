/// Why bytes are no valid RTCP compound.
///
/// What stands in front of [`offset`](Self::offset) was valid: a caller who prefers half a compound to none can parse
/// that much again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("RTCP packet at byte {offset}: {kind}")]
pub struct Error {
    /// Where the packet at fault begins, in bytes from the start of the compound.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What is wrong with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No bytes at all.
    #[error("nothing there")]
    Empty,
    /// Fewer bytes than the header, the length field or a count asks for.
    #[error("{expected} bytes expected, {actual} there")]
    Truncated {
        /// How many bytes the packet, or the part that was read, needs.
        expected: usize,
        /// How many there are.
        actual: usize,
    },
    /// A version other than 2 (RFC 3550 §6.4.1).
    #[error("version {0}")]
    Version(u8),
    /// Padding of impossible size, or not in the last packet (RFC 3550 §6.4.1, §A.2).
    #[error("bad padding")]
    Padding,
    /// A compound that starts with this packet type instead of a report (RFC 3550 §6.1).
    #[error("packet type {0} is no report")]
    FirstPacket(u8),
    /// Contents that contradict themselves, in a packet of this type.
    #[error("malformed packet of type {packet_type}")]
    Malformed {
        /// The packet type.
        packet_type: u8,
    },
}
