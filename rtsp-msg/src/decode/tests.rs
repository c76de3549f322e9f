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
fn scanning_is_linear_in_the_bytes_received() {
    let mut text = String::from("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n");
    while text.len() < 32 * 1024 {
        text.push_str(&format!("X-Padding: {}\r\n", "x".repeat(500)));
    }
    text.push_str("\r\n");
    let (mut decoder, mut buf) = (decoder(), BytesMut::new());
    let before = decoder.bytes_scanned();
    let mut messages = 0;
    for byte in text.bytes() {
        buf.extend_from_slice(&[byte]);
        messages += usize::from(decoder.decode(&mut buf).unwrap().is_some());
    }
    assert_eq!(messages, 1);
    // A CR at the end of the buffer is looked at again, nothing else is.
    let scanned = decoder.bytes_scanned() - before;
    assert!(
        scanned <= text.len() as u64 + 2 * text.lines().count() as u64,
        "{scanned} for {}",
        text.len()
    );
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
fn r2_msg_27_a_body_over_the_limit_is_refused_before_it_is_awaited() {
    for length in [
        "1048577",
        "2147483648",
        "9223372036854775808",
        "9999999999999999999",
    ] {
        let mut buf = BytesMut::from(&*format!(
            "SET_PARAMETER * RTSP/1.0\r\nCSeq: 3\r\nContent-Length: {length}\r\n\r\n"
        ));
        let capacity = buf.capacity();
        let error = decoder().decode(&mut buf).unwrap_err();
        assert_eq!(
            (error.kind, error.fatal, error.cseq),
            (DecodeErrorKind::BodyTooLarge, true, Some(3))
        );
        assert!(error.kind.is_limit() && buf.capacity() <= capacity);
    }
    assert_eq!(
        decode_all(b"SET_PARAMETER * RTSP/1.0\r\nContent-Length: 1048576\r\n\r\n"),
        []
    );
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
fn heads_over_a_limit_are_refused_while_they_arrive() {
    let limits = Limits {
        start_line: 64,
        uri: 32,
        header_count: 4,
        header_bytes: 256,
        body: 16,
    };
    let refused = |bytes: &[u8]| {
        let (mut decoder, mut buf) = (
            Decoder::new(limits.clone(), Leniency::default()),
            BytesMut::new(),
        );
        for &byte in bytes {
            buf.extend_from_slice(&[byte]);
            if let Err(error) = decoder.decode(&mut buf) {
                assert_eq!(
                    decoder.decode(&mut buf).map_err(|again| again == error),
                    Err(error.fatal),
                    "{error}"
                );
                return (error.kind, buf.len());
            }
        }
        panic!("{bytes:?}")
    };
    let (kind, held) = refused("a".repeat(100_000).as_bytes());
    assert_eq!((kind, held), (DecodeErrorKind::StartLineTooLong, 65));
    let (kind, held) = refused(format!("OPTIONS * RTSP/1.0\r\nX: {}", "a".repeat(1000)).as_bytes());
    assert_eq!((kind, held), (DecodeErrorKind::HeadTooLarge, 257));
    let (kind, _) = refused(format!("OPTIONS * RTSP/1.0\r\n{}", "a:b\r\n".repeat(1000)).as_bytes());
    assert_eq!(kind, DecodeErrorKind::TooManyHeaders);
    let at_limit = format!("OPTIONS * RTSP/1.0\r\n{}\r\n", "a:b\r\n".repeat(4));
    assert_eq!(
        decode_all_with(
            &mut Decoder::new(limits.clone(), Leniency::default()),
            at_limit.as_bytes()
        )
        .len(),
        1
    );
}

#[test]
fn r2_msg_26_a_uri_over_the_limit_is_told_apart() {
    let text = format!(
        "DESCRIBE rtsp://h/{} RTSP/1.0\r\nCSeq: 4\r\n\r\n",
        "a".repeat(4096)
    );
    let error = error(text.as_bytes());
    assert_eq!(
        (error.kind, error.cseq, error.fatal),
        (DecodeErrorKind::UriTooLong, Some(4), false)
    );
}

#[test]
fn r2_ilv_04_a_run_takes_all_complete_frames() {
    let mut buf = BytesMut::from(
        &b"\r\n$\x00\x00\x02ab$\x01\x00\x00$\x02\x00\x01cOPTIONS * RTSP/1.0\r\n\r\n$\x00\x00\x05ab"
            [..],
    );
    let (mut decoder, mut run) = (decoder(), FrameRun::new());
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(true));
    let frames: Vec<_> = run.iter().collect();
    assert_eq!(frames, [(0, &b"ab"[..]), (1, b""), (2, b"c")]);
    assert_eq!(run.payload(run.frames[0]), "ab");
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(false));
    assert!(run.frames.is_empty());
    assert!(matches!(
        decoder.decode(&mut buf),
        Ok(Some(Message::Request(_)))
    ));
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(false));
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    buf.extend_from_slice(b"cde");
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(true));
    assert_eq!(run.iter().next(), Some((0, &b"abcde"[..])));
    assert_eq!(decoder.consumed(), 48);
}

#[test]
fn a_run_and_single_frames_are_the_same() {
    let lengths = [
        3usize, 3, 3, 5, 5, 5, 5, 0, 0, 0, 3, 5, 3, 5, 5, 300, 300, 300, 300, 2, 0, 1,
    ];
    let mut stream = vec![];
    for (index, length) in lengths.into_iter().enumerate() {
        stream.extend([b'$', index as u8, (length >> 8) as u8, length as u8]);
        stream.extend(core::iter::repeat_n(b'$', length));
    }
    for end in 0..=stream.len() {
        let (mut buf, mut run) = (BytesMut::from(&stream[..end]), FrameRun::new());
        decoder().decode_run(&mut buf, &mut run).unwrap();
        let rest = buf.len();
        let mut one_by_one = BytesMut::from(&stream[..end]);
        let singles = drain(&mut decoder(), &mut one_by_one);
        assert_eq!(rest, one_by_one.len(), "{end} bytes");
        let frames = run.iter().map(|(channel, payload)| {
            Ok(Message::Interleaved(InterleavedFrame {
                channel,
                payload: Bytes::copy_from_slice(payload),
            }))
        });
        assert_eq!(frames.collect::<Results>(), singles, "{end} bytes");
    }
}

#[test]
fn r2_ilv_03_no_run_within_a_body() {
    let (mut decoder, mut run) = (decoder(), FrameRun::new());
    let mut buf =
        BytesMut::from(&b"SET_PARAMETER * RTSP/1.0\r\nContent-Length: 6\r\n\r\n$\x00\x00\x00"[..]);
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(false));
    buf.extend_from_slice(b"ab$\x00\x00\x00");
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(false));
    assert!(
        matches!(decoder.decode(&mut buf), Ok(Some(Message::Request(request))) if request.body.len() == 6)
    );
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(true));
}

#[test]
fn resync_finds_the_next_message_at_every_segmentation() {
    let lost = b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n";
    let rtp = b"$\x00\x00\x0c\x80\x60\x00\x01\0\0\0\0\0\0\0\0";
    let garbage: Vec<u8> = (0..2000u32).map(|n| (n * 7 % 251) as u8).collect();
    let goals: [&[u8]; 3] = [
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"PLAY rtsp://h/ RTSP/1.0\r\n\r\n",
        &[&rtp[..], rtp].concat(),
    ];
    for goal in goals {
        let stream = [lost, &garbage[..], goal].concat();
        for size in [1, 3, 64, stream.len()] {
            let (mut decoder, mut buf, mut found) = (decoder(), BytesMut::new(), None);
            for piece in stream.chunks(size) {
                buf.extend_from_slice(piece);
                match decoder.decode(&mut buf) {
                    Err(error) if error.fatal => {
                        if decoder.resync(&mut buf) {
                            found = found.or(decoder.decode(&mut buf).unwrap());
                        }
                    }
                    Ok(message) => found = found.or(message),
                    Err(error) => panic!("{error}"),
                }
            }
            let found = found.unwrap_or_else(|| panic!("{goal:?} in pieces of {size}"));
            assert_eq!(matches!(found, Message::Interleaved(_)), goal[0] == b'$');
        }
    }
}

#[test]
fn resync_holds_no_more_than_one_frame() {
    let (mut decoder, mut buf) = (
        decoder(),
        BytesMut::from("OPTIONS * RTSP/1.0\r\nContent-Length: x\r\n\r\n"),
    );
    assert!(decoder.decode(&mut buf).is_err());
    for _ in 0..1000 {
        buf.extend_from_slice(&[b'$', 0, 0xFF, 0xFF, 0x80].repeat(200));
        assert!(!decoder.resync(&mut buf));
        assert!(buf.len() < 70_000);
    }
    let mut sound = super::tests::decoder();
    assert!(sound.resync(&mut buf));
}

#[test]
fn quirk_01_trailing_space_in_cseq() {
    assert_eq!(
        response("RTSP/1.0 200 OK\r\nCSeq: 101 \r\n\r\n").cseq(),
        Some(101)
    );
}

#[test]
fn quirk_02_03_cseq_in_any_case_or_missing() {
    assert_eq!(
        response("RTSP/1.0 200 OK\r\nCseq: 5\r\n\r\n").cseq(),
        Some(5)
    );
    assert_eq!(response("RTSP/1.0 200 OK\r\n\r\n").cseq(), None);
}

#[test]
fn quirk_04_empty_values_and_doubled_spaces_in_the_status_line() {
    let mut decoder = decoder();
    let text =
        b"RTSP/1.0  200   OK\r\nCSeq: 1\r\nX-Accept-Dynamic-Rate:\r\n\r\nRTSP/1.0 404\r\n\r\n";
    let results = decode_all_with(&mut decoder, text);
    assert!(matches!(&results[0], Ok(Message::Response(response)) if response.reason == "OK"));
    assert!(
        matches!(&results[1], Ok(Message::Response(response)) if response.status == StatusCode::NOT_FOUND)
    );
    assert!(
        decoder
            .deviations()
            .iter()
            .eq([Deviation::StatusLineSpaces, Deviation::MissingReason])
    );
    let mut strict = Decoder::new(Limits::default(), Leniency::strict());
    assert!(
        decode_all_with(&mut strict, text)
            .iter()
            .all(Result::is_err)
    );
}

#[test]
fn quirk_05_a_line_of_one_space_does_not_end_the_head() {
    let text = b"RTSP/1.0 200 OK\r\nServer: Customer RTSP Server\r\nCSeq: 6\r\n \r\nRTP-Info: url=a;seq=1\r\n\r\n$\x00\x00\x00";
    let results = decode_all(text);
    let [Ok(Message::Response(response)), Ok(Message::Interleaved(_))] = &results[..] else {
        panic!("{results:?}")
    };
    assert_eq!((response.cseq(), response.headers.len()), (Some(6), 3));

    let stray = b"RTSP/1.0 200 OK\r\nCSeq: 6\r\nstray text\r\nSession: 1\r\n\r\n";
    assert_eq!(decode_all(stray), [Err(DecodeErrorKind::HeaderLine)]);
    let results = decode_all_with(
        &mut Decoder::new(Limits::default(), Leniency::permissive()),
        stray,
    );
    assert!(
        matches!(&results[..], [Ok(Message::Response(response))] if response.headers.len() == 2)
    );
}

#[test]
fn quirk_06_crlf_before_a_frame() {
    assert_eq!(decode_all(b"\r\n$\x00\x00\x01a\r\n$\x00\x00\x01b").len(), 2);
}

#[test]
fn quirk_16_a_path_as_target() {
    let text = b"DESCRIBE /live RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let results = decode_all_with(
        &mut Decoder::new(Limits::default(), Leniency::permissive()),
        text,
    );
    assert!(
        matches!(&results[..], [Ok(Message::Request(request))] if request.target == RequestTarget::Path("/live".into()))
    );
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

#[test]
fn noise_never_panics() {
    // A small xorshift: the same noise on every run, with the bytes that matter made likely.
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: [&[u8]; 12] = [
        b"\r\n",
        b"$",
        b"RTSP/1.0 ",
        b"OPTIONS ",
        b"* ",
        b"Content-Length: 3",
        b" ",
        b":",
        b"\0",
        b"\xff",
        b"200",
        b"\r\n\r\n",
    ];
    for _ in 0..3000 {
        let mut stream = vec![];
        for _ in 0..next() % 40 {
            let word = words[(next() % 12) as usize];
            stream.extend_from_slice(word);
        }
        let (mut decoder, mut buf) = (
            Decoder::new(Limits::default(), Leniency::permissive()),
            BytesMut::new(),
        );
        for piece in stream.chunks(1 + (next() % 9) as usize) {
            buf.extend_from_slice(piece);
            drain(&mut decoder, &mut buf);
            decoder.resync(&mut buf);
        }
        assert_eq!(decoder.consumed() + buf.len() as u64, stream.len() as u64);
    }
}

/// The start of what is too long may look like that of a message: it is not found again and again.
#[test]
fn what_is_refused_is_not_found_again_when_it_comes_at_once() {
    let long = [b'a'; 20_000];
    for begin in [
        "RTSP/1.0 200 OK",
        "OPTIONS rtsp://h/ RTSP/1.0 ",
        "OPTIONS rtsp://h/",
        "OPTIONS * RTSP/1.0\r\nX: ",
        "\0",
    ] {
        let stream = [
            begin.as_bytes(),
            &long,
            b"\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n",
        ]
        .concat();
        for step in [stream.len(), 4096, 1] {
            let limits = Limits {
                header_bytes: 8192,
                ..Limits::default()
            };
            let (mut decoder, mut buf) =
                (Decoder::new(limits, Leniency::default()), BytesMut::new());
            let (mut found, mut refused) = (Vec::new(), 0);
            let mut searching = false;
            for piece in stream.chunks(step) {
                buf.extend_from_slice(piece);
                loop {
                    searching = searching && !decoder.resync(&mut buf);
                    match decoder.decode(&mut buf) {
                        _ if searching => break,
                        Ok(None) => break,
                        Ok(Some(message)) => found.push(message),
                        Err(error) => {
                            searching = error.fatal;
                            refused += 1;
                        }
                    }
                    assert!(refused < 5, "{begin} by {step}: refused for ever");
                }
            }
            assert!(
                matches!(&found[..], [Message::Request(request)] if request.cseq() == Some(7)),
                "{begin} by {step}: {found:?}"
            );
        }
    }
}
