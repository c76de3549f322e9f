mod frames;
mod limits;
mod quirks;

use crate::error::DecodeErrorKind;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::header_name::HeaderName;
use crate::leniency::Deviation;
use crate::message::{Request, RequestTarget, Response};
use crate::method::Method;
use crate::status::StatusCode;
use crate::version::Version;

type Results = Vec<Result<Message, DecodeErrorKind>>;

fn decoder() -> Decoder {
    Decoder::new(Limits::default(), Leniency::default())
}

/// Everything that `bytes` hold, given at once; stops at a fatal error.
fn decode_all_with(decoder: &mut Decoder, bytes: &[u8]) -> Results {
    drain(decoder, &mut BytesMut::from(bytes))
}

fn decode_all(bytes: &[u8]) -> Results {
    decode_all_with(&mut decoder(), bytes)
}

fn drain(decoder: &mut Decoder, buf: &mut BytesMut) -> Results {
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

fn request(text: &str) -> Request {
    match &decode_all(text.as_bytes())[..] {
        [Ok(Message::Request(request))] => request.clone(),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn response(text: &str) -> Response {
    match &decode_all(text.as_bytes())[..] {
        [Ok(Message::Response(response))] => response.clone(),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn error(text: &[u8]) -> DecodeError {
    decoder()
        .decode(&mut BytesMut::from(text))
        .expect_err(&String::from_utf8_lossy(text))
}

/// A conversation with everything in it.
const STREAM: &[u8] = b"\r\n\r\nOPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: x\r\n\r\n\
    $\x00\x00\x04\x80\x60\x00\x01$\x01\x00\x00\
    ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 7\r\n\r\nv=0\r\n$\x00\
    RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;\r\n  unicast;\r\n\tinterleaved=0-1\r\n\r\n\
    RTSP/2.0 999 Groovy\r\n\r\n\
    B@D rtsp://h/a RTSP/1.0\r\nCSeq: 4\r\nContent-Length: 5\r\n\r\n12345\
    \r\n$\x02\x00\x01\xff\
    PLAY rtsp://h/a RTSP/3.0\nCSeq: 5\n\n\
    TEARDOWN * RTSP/2.0\r\nCSeq: 6\r\n\r\n";

#[test]
fn a_conversation_is_told_apart() {
    let results = decode_all(STREAM);
    assert_eq!(results.len(), 10, "{results:#?}");
    let Ok(Message::Request(options)) = &results[0] else {
        panic!()
    };
    assert_eq!(
        (&options.method, options.cseq()),
        (&Method::Options, Some(1))
    );
    let frame = |channel, payload: &'static [u8]| {
        Ok(Message::Interleaved(InterleavedFrame {
            channel,
            payload: Bytes::from_static(payload),
        }))
    };
    assert_eq!(results[1], frame(0, b"\x80\x60\x00\x01"));
    assert_eq!(results[2], frame(1, b""));
    let Ok(Message::Request(announce)) = &results[3] else {
        panic!()
    };
    assert_eq!(&announce.body[..], b"v=0\r\n$\x00");
    let Ok(Message::Response(response)) = &results[4] else {
        panic!()
    };
    assert_eq!(
        response.headers.first(&HeaderName::Transport),
        Some("RTP/AVP/TCP; unicast; interleaved=0-1")
    );
    let Ok(Message::Response(groovy)) = &results[5] else {
        panic!()
    };
    assert_eq!(
        (groovy.status.code(), &*groovy.reason, groovy.version),
        (999, "Groovy", Version::V2_0)
    );
    assert_eq!(results[6], Err(DecodeErrorKind::Method));
    assert_eq!(results[7], frame(2, b"\xff"));
    assert_eq!(results[8], Err(DecodeErrorKind::Version));
    assert!(
        matches!(&results[9], Ok(Message::Request(request)) if request.target == RequestTarget::Any)
    );
}

#[test]
fn r2_ilv_12_r2_msg_03_every_segmentation_gives_the_same() {
    let whole = decode_all(STREAM);
    for size in [1, 2, 3, 5, 7, 64] {
        let (mut decoder, mut buf, mut results) = (decoder(), BytesMut::new(), vec![]);
        for piece in STREAM.chunks(size) {
            buf.extend_from_slice(piece);
            results.extend(drain(&mut decoder, &mut buf));
        }
        assert_eq!(results, whole, "pieces of {size}");
        assert!(buf.is_empty() && decoder.is_between_messages());
        assert_eq!(decoder.consumed(), STREAM.len() as u64);
    }
    for at in 0..STREAM.len() {
        let (mut decoder, mut buf) = (decoder(), BytesMut::from(&STREAM[..at]));
        let mut results = drain(&mut decoder, &mut buf);
        buf.extend_from_slice(&STREAM[at..]);
        results.extend(drain(&mut decoder, &mut buf));
        assert_eq!(results, whole, "cut at {at}");
    }
}

#[test]
fn r2_msg_02_empty_lines_before_a_message_are_skipped() {
    assert_eq!(
        request("\r\n\r\n\r\n\r\n\r\nOPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n").cseq(),
        Some(1)
    );
    assert_eq!(decode_all(b"\r\n\n\r"), []);
}

#[test]
fn r2_msg_04_05_06_headers_fold_and_allow_space_before_the_colon() {
    for head in [
        "CSeq : 5",
        "CSeq:5",
        "CSeq:\r\n 5",
        "cseq\t:\t5 ",
        "CSEQ: \r\n\t 5 \r\n  ",
    ] {
        assert_eq!(
            request(&format!("OPTIONS * RTSP/2.0\r\n{head}\r\n\r\n")).cseq(),
            Some(5),
            "{head:?}"
        );
    }
}

#[test]
fn r2_msg_10_11_unknown_headers_are_kept_in_order() {
    let request =
        request("OPTIONS * RTSP/2.0\r\nx-FOO: a\r\nCSeq: 1\r\nX-foo: b\r\nX-Empty:\r\n\r\n");
    let lines: Vec<_> = request.headers.iter().collect();
    assert_eq!(
        lines,
        [
            ("x-FOO", "a"),
            ("CSeq", "1"),
            ("X-foo", "b"),
            ("X-Empty", "")
        ]
    );
}

#[test]
fn r2_msg_08_21_23_malformed_start_lines_are_refused_and_framing_lives_on() {
    for (line, kind) in [
        ("OPTIONS  * RTSP/1.0", DecodeErrorKind::StartLine),
        ("OPTIONS *  RTSP/1.0", DecodeErrorKind::StartLine),
        (" OPTIONS * RTSP/1.0", DecodeErrorKind::Method),
        ("OPTIONS\t* RTSP/1.0", DecodeErrorKind::StartLine),
        ("OPTIONS *", DecodeErrorKind::StartLine),
        ("OPTIONS", DecodeErrorKind::StartLine),
        ("OPTIONS * RTSP/1.0 ", DecodeErrorKind::StartLine),
        ("OPTIONS * HTTP/1.1", DecodeErrorKind::StartLine),
        ("OPTIONS * RTSP/1.1", DecodeErrorKind::Version),
        ("OPT(ONS * RTSP/1.0", DecodeErrorKind::Method),
        ("\0", DecodeErrorKind::StartLine),
        ("RTSP/2.0 20 OK", DecodeErrorKind::StatusCode),
        ("RTSP/2.0 2000 OK", DecodeErrorKind::StatusCode),
        ("RTSP/2.0 -20 OK", DecodeErrorKind::StatusCode),
        ("RTSP/2.0", DecodeErrorKind::StartLine),
        ("RTSP/9.0 200 OK", DecodeErrorKind::Version),
        ("RTSP/2.0 200 O\u{1}K", DecodeErrorKind::StartLine),
    ] {
        let text =
            format!("{line}\r\nCSeq: 7\r\nContent-Length: 3\r\n\r\nabcOPTIONS * RTSP/1.0\r\n\r\n");
        let error = error(text.as_bytes());
        assert_eq!(
            (error.kind, error.cseq, error.fatal),
            (kind, Some(7), false),
            "{line:?}"
        );
        assert_eq!(error.in_response, line.starts_with("RTSP/"), "{line:?}");
        let results = decode_all(text.as_bytes());
        assert!(
            matches!(results[..], [Err(_), Ok(Message::Request(_))]),
            "{line:?}: {results:?}"
        );
    }
}

#[test]
fn a_bad_uri_leaves_the_request_whole() {
    for target in [
        "/a",
        "http://h/",
        "rtsp://h/a b",
        "rtsp://h/a#b",
        "rtsp://h:99999/",
        "a\tb",
        "rtsp://[::1/",
    ] {
        let request = request(&format!("DESCRIBE {target} RTSP/1.0\r\nCSeq: 9\r\n\r\n"));
        assert_eq!(
            (request.cseq(), request.target),
            (Some(9), RequestTarget::Invalid(target.into()))
        );
    }
}

#[test]
fn r2_msg_19_content_length_is_digits_and_says_one_thing() {
    for value in [
        "-1",
        "+5",
        "5a",
        "",
        "5, 5",
        "0x5",
        "18446744073709551616",
        "99999999999999999999",
        "1 2",
        "٥",
    ] {
        let text = format!("PLAY rtsp://h/ RTSP/1.0\r\nCSeq: 3\r\nContent-Length: {value}\r\n\r\n");
        let error = error(text.as_bytes());
        assert_eq!(
            (error.kind, error.fatal, error.cseq),
            (DecodeErrorKind::ContentLength, true, Some(3)),
            "{value}"
        );
    }
    let two =
        |a, b| format!("PLAY * RTSP/1.0\r\nContent-Length: {a}\r\ncontent-length: {b}\r\n\r\nabc");
    assert_eq!(&request(&two("3", "3")).body[..], b"abc");
    assert_eq!(
        error(two("3", "2").as_bytes()).kind,
        DecodeErrorKind::ContentLength
    );
    let strict = decode_all_with(
        &mut Decoder::new(Limits::default(), Leniency::strict()),
        two("3", "3").as_bytes(),
    );
    assert_eq!(strict, [Err(DecodeErrorKind::ContentLength)]);
}

#[test]
fn r2_msg_14_15_16_no_length_no_body_and_lengths_are_octets() {
    let text = "DESCRIBE * RTSP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nSET_PARAMETER * RTSP/1.0\r\nContent-Length: 3\r\n\r\n\u{fc}xOPTIONS * RTSP/1.0\r\n\r\n";
    let results = decode_all(text.as_bytes());
    assert_eq!(results.len(), 3);
    assert!(matches!(&results[1], Ok(Message::Request(request)) if request.body == "üx"));
}

#[test]
fn r1_msg_04_responses_that_have_no_body() {
    let text = "RTSP/1.0 304 Not Modified\r\nContent-Length: 10\r\n\r\nRTSP/1.0 200 OK\r\n\r\n";
    assert_eq!(decode_all(text.as_bytes()).len(), 2);
}

#[test]
fn r2_msg_20_a_truncated_message_is_none() {
    let (mut decoder, mut buf) = (
        decoder(),
        BytesMut::from("OPTIONS * RTSP/1.0\r\nContent-Length: 4\r\n\r\nab"),
    );
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    assert!(!decoder.is_between_messages());
}

#[test]
fn r1_msg_01_lines_may_end_in_cr_or_lf_alone() {
    for end in ["\n", "\r", "\r\n"] {
        let text = ["OPTIONS * RTSP/1.0", "CSeq: 8", "X: y", "", ""].join(end);
        let mut decoder = decoder();
        let results = decode_all_with(&mut decoder, text.as_bytes());
        assert!(
            matches!(&results[..], [Ok(Message::Request(request))] if request.cseq() == Some(8)),
            "{end:?}"
        );
        assert_eq!(
            decoder.deviations().contains(Deviation::BareLineEnds),
            end != "\r\n"
        );
        let mut strict = Decoder::new(Limits::default(), Leniency::strict());
        assert_eq!(
            decode_all_with(&mut strict, text.as_bytes())[0].is_err(),
            end != "\r\n"
        );
    }
}

#[test]
fn an_lf_behind_lone_crs_is_no_body_however_the_bytes_are_cut() {
    let stream = b"SET_PARAMETER * RTSP/1.0\rCSeq: 1\rContent-Length: 4\r\r\n\nabcOPTIONS * RTSP/1.0\rCSeq: 2\r\r\n\
        $\x01\0\x02abOPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n";
    let whole = decode_all(stream);
    let bodies = whole.iter().map(|message| match message {
        Ok(Message::Request(request)) => &request.body[..],
        Ok(Message::Interleaved(frame)) => &frame.payload[..],
        other => panic!("{other:?}"),
    });
    assert_eq!(bodies.collect::<Vec<_>>(), [&b"\nabc"[..], b"", b"ab", b""]);
    for at in 0..stream.len() {
        let (mut decoder, mut buf) = (decoder(), BytesMut::from(&stream[..at]));
        let mut results = drain(&mut decoder, &mut buf);
        buf.extend_from_slice(&stream[at..]);
        results.extend(drain(&mut decoder, &mut buf));
        assert_eq!(results, whole, "cut at {at}");
        assert_eq!(decoder.consumed(), stream.len() as u64);
    }
}

#[test]
fn bytes_that_are_no_utf8_are_replaced() {
    let results = decode_all(b"RTSP/1.0 200 OK\r\nServer: K\xfcche\r\nCSeq: 1\r\n\r\n");
    assert!(
        matches!(&results[..], [Ok(Message::Response(response))] if response.headers.first(&HeaderName::Server) == Some("K\u{fffd}che"))
    );
    let mut strict = Decoder::new(Limits::default(), Leniency::strict());
    let mut buf = BytesMut::from(&b"RTSP/1.0 200 OK\r\nServer: \xfc\r\nCSeq: 1\r\n\r\n"[..]);
    let error = strict.decode(&mut buf).unwrap_err();
    assert_eq!(
        (error.kind, error.offset, error.cseq),
        (DecodeErrorKind::NonUtf8, 25, Some(1))
    );
}

#[test]
fn offsets_count_from_the_connections_start() {
    let mut buf = BytesMut::from("OPTIONS * RTSP/1.0\r\n\r\nOPTIONS * RTSP/1.0\r\nbad\r\n\r\n");
    let mut decoder = decoder();
    assert!(decoder.decode(&mut buf).unwrap().is_some());
    assert_eq!(decoder.decode(&mut buf).unwrap_err().offset, 42);
    // Where nothing can be told of what follows it is that of the head, not of what follows.
    let text = b"OPTIONS * RTSP/1.0\r\nContent-Length: x\r\n\r\n";
    assert_eq!(error(text).offset, 0);
}

#[test]
fn what_is_encoded_is_decoded() {
    let mut request = Request::new(
        Method::Announce,
        crate::Uri::parse("rtsp://h/a").unwrap(),
        Version::V2_0,
    );
    request.headers.append(HeaderName::CSeq, "1");
    request
        .headers
        .append(HeaderName::parse("X-Foo").unwrap(), "bar");
    request.body = Bytes::from_static(b"v=0");
    let mut out = BytesMut::new();
    request.encode(&mut out);
    request.headers.append(HeaderName::ContentLength, "3");
    assert_eq!(
        drain(&mut decoder(), &mut out),
        [Ok(Message::Request(request))]
    );
}
