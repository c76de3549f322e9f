//! Why a packet is not sealed or not opened.

/// Why a packet cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It has no header of its kind.
    #[error("not a packet: its header does not fit")]
    Malformed,
    /// A packet with this index was sealed before, or may have been.
    #[error("the index of this packet is used up")]
    IndexReused,
    /// The key has protected as many packets as it may (RFC 3711 §9.2).
    #[error("the key has come to the end of its life")]
    KeyExpired,
    /// There are as many sources under this key as are kept.
    #[error("too many sources under one key")]
    TooManySources,
    /// Nothing was agreed on to seal it with.
    #[error("there is no key for it")]
    NoKey,
}

/// Why a packet is not opened. Whatever it is, the packet changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Too short for its header and what protects it.
    #[error("not a protected packet: it is too short for its header, tag and index")]
    Malformed,
    /// Not made with this key, or changed on the way.
    #[error("its authentication failed")]
    AuthenticationFailed,
    /// It was here before.
    #[error("it was received before")]
    Replayed,
    /// So far behind the newest that nobody knows whether it was here before.
    #[error("it is older than the replay window")]
    Old,
    /// It names another master key than this one.
    #[error("its master key identifier is not that of the key")]
    UnknownKey,
    /// The key has protected as many packets as it may (RFC 3711 §9.2).
    #[error("the key has come to the end of its life")]
    KeyExpired,
    /// There are as many sources under this key as are kept.
    #[error("too many sources under one key")]
    TooManySources,
    /// Nothing was agreed on to open it with.
    #[error("there is no key for it")]
    NoKey,
}
