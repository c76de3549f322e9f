//! Typed headers, one file a header or small family.
//!
//! Each reads both versions' grammar where they differ, tolerates what [`Leniency`](crate::Leniency) names, and writes
//! strictly.

mod auth_param;
mod challenge;
mod credentials;
mod cseq;
mod lex;
mod list;
mod range;
mod rtp_info;
mod session;
mod smpte;
mod time;
mod transport;
mod transport_decode;
mod transport_encode;

pub use auth_param::{Algorithm, Qop};
pub use challenge::{Challenge, DigestChallenge, ProxyAuthenticate, WwwAuthenticate};
pub use credentials::{AuthenticationInfo, Authorization, DigestCredentials, ProxyAuthorization};
pub use cseq::CSeq;
pub use list::{
    AcceptRanges, Allow, Connection, ProxyRequire, ProxySupported, Public, Require, Supported,
    Unsupported,
};
pub use range::{NptTime, Range, TimedRange};
pub use rtp_info::{RtpInfo, RtpInfoEntry};
pub use session::Session;
pub use smpte::{SmpteRate, SmpteTime};
pub use time::UtcTime;
pub use transport::{
    Address, ConnectionUse, Delivery, Lower, Mode, Profile, SetupRole, Transport, TransportSpec,
};
