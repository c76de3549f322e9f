//! MIKEY (RFC 3830, RFC 4738): messages, and the exchanges that RTSP peers make of them.
//!
//! [`Message`] reads and writes every payload that the modes in use have, RSA-R's included. [`Keying`] is what RTSP wants to
//! know: the key of a media, and how far its sources have come.
//!
//! The exchange of `KeyMgmt` and `a=key-mgmt` (RFC 4567) as GStreamer makes it carries the key as it is, in a message of the pre-shared kind
//! whose encryption and MAC are NULL (RFC 3830 §4.2.3): whoever reads the RTSP connection has it. So it is for TLS alone.
//!
//! [`reverse`] is the exchange of RTSP/2.0, by RSA: there keys are encrypted for the one who asks for them.

mod derive;
mod keying;
mod message;
mod payload;
pub mod reverse;

pub use keying::{Keying, KeyingError};
pub use message::{CryptoSession, DecodeError, Message, MessageKind};
pub use payload::{KeyEntry, Payload, Policy};

#[cfg(test)]
mod tests;
