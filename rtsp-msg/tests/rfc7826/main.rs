//! The rules of RFC 7826 for whoever reads and writes messages, one test for each; names begin with the rule's id.
#![allow(missing_docs)]

mod caches;
mod frames;
mod headers;
mod identifiers;
mod messages;
mod times;
mod transport;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtsp_msg::headers::*;
use rtsp_msg::{
    DecodeErrorKind, HeaderErrorKind, HeaderName, InterleavedFrame, Leniency, Message, Method,
    Request, RequestTarget, Response, StatusCode, Token, Uri, UriError, Version, VersionError,
};

#[path = "../shorthand/mod.rs"]
mod shorthand;
use shorthand::{
    encoded, header, header_lines, messages, messages_with, refused, request, response, strict,
};

fn at(seconds: f64) -> Option<NptTime> {
    Some(NptTime::At(Duration::from_secs_f64(seconds)))
}

fn npt(start: Option<NptTime>, end: Option<NptTime>) -> Result<Range, rtsp_msg::HeaderError> {
    Ok(Range::Npt { start, end })
}

fn specs(text: &str) -> Vec<TransportSpec> {
    header::<Transport>(text).unwrap().0
}

fn kind<T: std::fmt::Debug>(result: Result<T, rtsp_msg::HeaderError>) -> HeaderErrorKind {
    result.unwrap_err().kind
}
