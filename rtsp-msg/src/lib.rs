//! RTSP 1.0 and 2.0 messages: requests, responses, interleaved frames and their headers.
//!
//! ```
//! use bytes::BytesMut;
//! use rtsp_msg::{Decoder, HeaderName, Leniency, Limits, Message, Response, StatusCode};
//!
//! let mut buf = BytesMut::from("OPTIONS rtsp://example.com/cam RTSP/1.0\r\nCSeq: 2\r\n\r\n");
//! let mut decoder = Decoder::new(Limits::default(), Leniency::default());
//!
//! let Some(Message::Request(request)) = decoder.decode(&mut buf)? else { panic!("a request") };
//! assert_eq!(request.cseq(), Some(2));
//!
//! let mut response = Response::new(request.version, StatusCode::OK);
//! response.headers.append(HeaderName::CSeq, "2");
//! response.headers.append(HeaderName::Public, "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN");
//! let mut out = BytesMut::new();
//! response.encode(&mut out);
//! assert!(out.starts_with(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n"));
//! # Ok::<(), rtsp_msg::DecodeError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod decode;
mod error;
mod header_list;
mod header_name;
pub mod headers;
mod interleaved;
mod leniency;
mod limits;
mod message;
mod method;
mod status;
mod text;
mod token;
mod typed;
mod uri;
mod version;

pub use decode::Decoder;
pub use error::{DecodeError, DecodeErrorKind};
pub use header_list::Headers;
pub use header_name::HeaderName;
pub use interleaved::{FrameRef, FrameRun, FrameTooLong, InterleavedFrame, PREFIX_LEN, Prefix};
pub use leniency::{Deviation, Deviations, Leniency, Tolerance};
pub use limits::Limits;
pub use message::{Message, Request, RequestTarget, Response};
pub use method::Method;
pub use status::StatusCode;
pub use token::Token;
pub use typed::{Header, HeaderError, HeaderErrorKind};
pub use uri::{Scheme, Uri, UriError};
pub use version::{Version, VersionError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
