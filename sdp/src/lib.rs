//! What a session description (SDP, RFC 8866) means to RTSP: media, formats, control URIs, ranges.
//!
//! ```
//! use sdp::Description;
//! use sdp::MediaKind;
//! use sdp::Repair;
//!
//! // Without `o=`, without `t=`, and with bare line feeds, as some cameras send it.
//! let description = Description::parse(
//!     b"v=0\n\
//!       s=Front door\n\
//!       a=control:*\n\
//!       m=video 0 RTP/AVP 96\n\
//!       a=rtpmap:96 H264/90000\n\
//!       a=fmtp:96 packetization-mode=1;profile-level-id=64001F;\n\
//!       a=control:trackID=1\n",
//! )?;
//!
//! let video = &description.media[0];
//! assert_eq!(video.kind, MediaKind::Video);
//! assert!(video.formats[0].is("h264"));
//! assert_eq!(video.formats[0].clock_rate, 90_000);
//! assert_eq!(video.formats[0].parameter("profile-level-id"), Some("64001F"));
//!
//! // What had to be mended is told by name.
//! assert_eq!(
//!     description.repairs(),
//!     [Repair::LineEnds, Repair::MissingOrigin, Repair::MissingTime, Repair::FmtpSemicolon]
//! );
//!
//! // Where to send SETUP.
//! let uri = sdp::control::resolve("rtsp://192.0.2.7/door", video.control.as_deref());
//! assert_eq!(uri, "rtsp://192.0.2.7/door/trackID=1");
//!
//! // Written again, it is valid.
//! assert!(description.encode().starts_with("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=Front door\r\n"));
//! # Ok::<(), sdp::Error>(())
//! ```
//!
//! Parsing is in two passes. The first mends lines: the named [`Repair`]s, each with the peers that need it, tested by a
//! fixture. The second parses strictly and reads formats. All sizes and counts are bounded by [`Limits`].
//!
//! A server answers DESCRIBE with [`Description::for_describe`] of what a publisher announced.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

mod answer;
mod attribute;
mod connection;
pub mod control;
mod description;
mod encode;
mod error;
mod format;
mod limits;
mod media;
mod parse;
mod repair;
mod static_payload;

pub use attribute::Attribute;
pub use connection::Bandwidth;
pub use connection::Connection;
pub use description::Description;
pub use description::Origin;
pub use description::Timing;
pub use description::same_formats;
pub use error::Error;
pub use error::Part;
pub use format::Format;
pub use limits::Limits;
pub use media::Direction;
pub use media::Media;
pub use media::MediaKind;
pub use repair::Repair;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
