//! Typed headers, one file a header or small family.
//!
//! Each reads both versions' grammar where they differ, tolerates what [`Leniency`](crate::Leniency) names, and writes
//! strictly.

mod cseq;
mod lex;
mod session;
mod transport;
mod transport_decode;
mod transport_encode;

pub use cseq::CSeq;
pub use session::Session;
pub use transport::{
    Address, ConnectionUse, Delivery, Lower, Mode, Profile, SetupRole, Transport, TransportSpec,
};
