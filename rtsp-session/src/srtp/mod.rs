//! Secure RTP (RFC 3711, RFC 7714), and how its keys are agreed on.
//!
//! - [`Suite`] names what protects packets, [`MasterKey`] is what peers agree on, [`Keys`] is what is derived from it.
//! - [`Keys`] seal and open single packets whose index is known. Nothing in there changes, so the same packet becomes the same octets wherever it is
//!   sealed: that is how one sealed form serves all readers who share a key.
//! - [`Indexes`] gives the packets that one publisher sends their index, and refuses to give one twice: two packets under one index would tell what
//!   they have in common.
//! - [`Sender`] and [`Receiver`] are both ends of a context of their own: indexes, rollover, replay, lifetimes.
//!
//! Readers who are given the same key can forge packets to each other, as with every group key (RFC 3711 §9.1); only what a
//! peer sends to us has a key of its own.
//!
//! Keys are overwritten when they are dropped and are not in any `Debug`. AES and GCM are RustCrypto's, because no provider of
//! TLS offers AES in counter mode: the same crates then do both, in constant time, without a C compiler.

mod cipher;
mod error;
mod index;
mod keys;
mod master;
pub mod mikey;
mod receiver;
mod replay;
pub mod sdes;
mod sender;
mod suite;

pub use error::{OpenError, SealError};
pub use index::{Assigned, Indexes};
pub use keys::Keys;
pub use master::{KeyLengthError, MasterKey};
pub use receiver::{Drops, Receiver};
pub use sender::Sender;
pub use suite::Suite;

#[cfg(test)]
mod tests;
