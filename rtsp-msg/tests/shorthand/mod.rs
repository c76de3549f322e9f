//! Short ways to decode and encode.
#![allow(dead_code)] // not every test file takes all of them

use bytes::BytesMut;
use rtsp_msg::{
    DecodeErrorKind, Decoder, Deviations, Header, HeaderError, Headers, Leniency, Limits, Message,
    Request, Response, Tolerance,
};

pub(crate) type Results = Vec<Result<Message, DecodeErrorKind>>;

pub(crate) fn decoder() -> Decoder {
    Decoder::new(Limits::default(), Leniency::default())
}

/// Everything that is complete in `buf`; stops at a fatal error.
pub(crate) fn drain(decoder: &mut Decoder, buf: &mut BytesMut) -> Results {
    let mut results = vec![];
    loop {
        match decoder.decode(buf) {
            Ok(Some(message)) => results.push(Ok(message)),
            Ok(None) => return results,
            Err(error) => {
                results.push(Err(error.kind));
                if error.fatal {
                    return results;
                }
            }
        }
    }
}

pub(crate) fn messages(bytes: impl AsRef<[u8]>) -> Results {
    drain(&mut decoder(), &mut BytesMut::from(bytes.as_ref()))
}

/// As [`messages`], byte for byte, with what was tolerated.
pub(crate) fn messages_with(leniency: Leniency, bytes: impl AsRef<[u8]>) -> (Results, Deviations) {
    let mut decoder = Decoder::new(Limits::default(), leniency);
    let (mut buf, mut results) = (BytesMut::new(), vec![]);
    for &byte in bytes.as_ref() {
        buf.extend_from_slice(&[byte]);
        results.extend(drain(&mut decoder, &mut buf));
    }
    (results, decoder.deviations())
}

pub(crate) fn request(text: impl AsRef<[u8]>) -> Request {
    match messages(text).pop() {
        Some(Ok(Message::Request(request))) => request,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn response(text: impl AsRef<[u8]>) -> Response {
    match messages(text).pop() {
        Some(Ok(Message::Response(response))) => response,
        other => panic!("{other:?}"),
    }
}

/// The only result, an error.
pub(crate) fn refused(text: impl AsRef<[u8]>) -> DecodeErrorKind {
    match messages(text).first() {
        Some(Err(kind)) => *kind,
        other => panic!("{other:?}"),
    }
}

fn of_lines<H: Header>(lines: &[&str]) -> Headers {
    let mut headers = Headers::new();
    for line in lines {
        headers.append(H::name(), line);
    }
    headers
}

/// A typed header of these lines; [`Leniency::default`].
pub(crate) fn header_lines<H: Header>(lines: &[&str]) -> Result<H, HeaderError> {
    let value = of_lines::<H>(lines).typed();
    value.map(|value| value.expect("a line"))
}

pub(crate) fn header<H: Header>(value: &str) -> Result<H, HeaderError> {
    header_lines(&[value])
}

pub(crate) fn strict<H: Header>(value: &str) -> Result<H, HeaderError> {
    let value = of_lines::<H>(&[value]).typed_with(&Leniency::strict());
    value.map(|value| value.expect("a line"))
}

/// As a permissive reader sees it, with the names of what was tolerated.
pub(crate) fn noting<H: Header>(value: &str) -> (Result<H, HeaderError>, Vec<&'static str>) {
    let leniency = Leniency::permissive();
    let mut tolerance = Tolerance::new(&leniency);
    let read = of_lines::<H>(&[value]).typed_noting(&mut tolerance);
    let names = tolerance
        .deviations()
        .iter()
        .map(|one| one.name())
        .collect();
    (read.map(|value| value.expect("a line")), names)
}

pub(crate) fn encoded<H: Header>(header: &H) -> String {
    let mut out = String::new();
    header.encode(&mut out);
    out
}
