//! Typed headers, one file a header or small family.
//!
//! Each reads both versions' grammar where they differ, tolerates what [`Leniency`](crate::Leniency) names, and writes
//! strictly.

mod accept;
mod auth_param;
mod base;
mod challenge;
mod content_type;
mod credentials;
mod cseq;
mod date;
mod lex;
mod list;
mod media;
mod notify;
mod number;
mod onvif;
mod origin;
mod proxy;
mod range;
mod rate;
mod rtp_info;
mod session;
mod smpte;
mod text;
mod time;
mod transport;
mod transport_decode;
mod transport_encode;

pub use accept::{Accept, AcceptEncoding, AcceptLanguage, Preference, Quality};
pub use auth_param::{Algorithm, Qop};
pub use base::{ContentBase, ContentLocation, Location};
pub use challenge::{Challenge, DigestChallenge, ProxyAuthenticate, WwwAuthenticate};
pub use content_type::ContentType;
pub use credentials::{
    AuthenticationInfo, Authorization, DigestCredentials, ProxyAuthenticationInfo,
    ProxyAuthorization,
};
pub use cseq::CSeq;
pub use date::{Date, Expires, IfModifiedSince, LastModified, RetryAfter};
pub use list::{
    AcceptRanges, Allow, Connection, ContentEncoding, ContentLanguage, ProxyRequire,
    ProxySupported, Public, Require, Supported, Unsupported,
};
pub use media::{
    CacheControl, CacheDirective, KeyMgmt, KeyMgmtSpec, MediaProperties, MediaProperty, MediaRange,
};
pub use notify::{NotifyReason, RequestStatus, TerminateCause, TerminateReason};
pub use number::{Bandwidth, Blocksize, ContentLength, PipelinedRequests};
pub use onvif::{Frames, Immediate, RateControl};
pub use origin::{Conference, From, Host, Referer, Referrer, XServerIpAddress};
pub use proxy::{AcceptCredentials, AcceptedCredential, ConnectionCredentials, Via, ViaEntry};
pub use range::{NptTime, Range, TimedRange};
pub use rate::{Scale, SeekStyle, Speed};
pub use rtp_info::{RtpInfo, RtpInfoEntry};
pub use session::Session;
pub use smpte::{SmpteRate, SmpteTime};
pub use text::{
    IfMatch, IfNoneMatch, MTag, MTagCondition, Server, Timestamp, UserAgent, XSessionCookie,
};
pub use time::UtcTime;
pub use transport::{
    Address, ConnectionUse, Delivery, Lower, Mode, Profile, SetupRole, Transport, TransportSpec,
};
