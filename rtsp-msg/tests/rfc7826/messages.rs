//! The syntax of messages, their bodies and status lines (RFC 7826 §5 to §8).

use super::*;

const LONG: &str = "SETUP rtsp://h/a RTSP/2.0\r\nCSeq: 302\r\nTransport: RTP/AVP;unicast;\r\n  dest_addr=\":4588\"\r\n\t/\":4589\"\r\n\r\n";

#[test]
fn r2_msg_01_lines_end_in_crlf() {
    let mut response = Response::new(Version::V2_0, StatusCode::OK);
    response.reason = "O\rK\n".into();
    response.headers.append(HeaderName::Server, "a\r\nb\nc");
    let mut request = Request::new(
        Method::Options,
        RequestTarget::Invalid("a\r\nb".into()),
        Version::V2_0,
    );
    request.headers.append(HeaderName::UserAgent, "x\ry");
    let mut out = BytesMut::new();
    response.encode(&mut out);
    request.encode(&mut out);
    let text = std::str::from_utf8(&out).unwrap();
    assert_eq!(text.matches('\r').count(), 6, "{text:?}");
    assert_eq!(text.replace("\r\n", "").find(['\r', '\n']), None);
}

#[test]
fn r2_msg_02_empty_lines_before_a_message_are_skipped() {
    let asked = request("\r\n\r\n\r\n\r\n\r\nOPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.cseq(), Some(1));
}

#[test]
fn r2_msg_03_a_head_ends_at_the_first_empty_line() {
    let (mut decoder, mut buf) = (shorthand::decoder(), BytesMut::new());
    for (at, &byte) in LONG.as_bytes().iter().enumerate() {
        buf.extend_from_slice(&[byte]);
        let message = decoder.decode(&mut buf).unwrap();
        assert_eq!(message.is_some(), at + 1 == LONG.len(), "byte {at}");
    }
}

#[test]
fn r2_msg_04_folded_lines_are_one() {
    let folded = request(LONG);
    assert_eq!(
        folded.headers.first(&HeaderName::Transport),
        Some("RTP/AVP;unicast; dest_addr=\":4588\" /\":4589\"")
    );
    let Transport(folded) = folded.headers.typed().unwrap().unwrap();
    assert_eq!(
        folded,
        specs("RTP/AVP;unicast;dest_addr=\":4588\"/\":4589\"")
    );
}

#[test]
fn r2_msg_05_white_space_around_the_colon() {
    for line in [
        "CSeq : 5",
        "CSeq:5",
        "CSeq:\r\n 5",
        "CSeq\t:\t5",
        "CSeq:   5  ",
    ] {
        assert_eq!(
            request(format!("OPTIONS * RTSP/2.0\r\n{line}\r\n\r\n")).cseq(),
            Some(5),
            "{line:?}"
        );
    }
}

#[test]
fn r2_msg_06_names_and_literals_have_no_case() {
    let asked = request(
        "SET_PARAMETER * RTSP/2.0\r\ncseq: 5\r\nCONTENT-LENGTH: 1\r\ntransport: rtp/avp;UNICAST\r\n\r\nx",
    );
    assert_eq!((asked.cseq(), &asked.body[..]), (Some(5), &b"x"[..]));
    let Transport(specs) = asked.headers.typed().unwrap().unwrap();
    assert_eq!(
        (&specs[0].profile, specs[0].delivery),
        (&Profile::RtpAvp, Some(Delivery::Unicast))
    );
}

#[test]
fn r2_msg_07_methods_have_case() {
    let asked = request("options * RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(
        asked.method,
        Method::Extension(Token::new("options").unwrap())
    );
}

#[test]
fn r2_msg_08_methods_are_tokens_that_no_frame_can_be() {
    // `$X` are a frame's first bytes: its length is that of " O".
    assert_eq!(messages("$XOPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n"), []);
    assert_eq!(
        refused("PL@Y rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\n\r\n"),
        DecodeErrorKind::Method
    );
    let split = request("PL AY rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(split.target, RequestTarget::Invalid("AY rtsp://h/".into()));
}

#[test]
fn r2_msg_09_repeated_lists_are_one_list() {
    let two = header_lines::<Require>(&["a", "b"]).unwrap();
    assert_eq!(two, header::<Require>("a, b").unwrap());
    assert_eq!(two.0, ["a", "b"]);
    let asked =
        request("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\nRequire: a\r\nX: y\r\nrequire: b\r\n\r\n");
    assert_eq!(asked.headers.typed::<Require>(), Ok(Some(two)));
}

#[test]
fn r2_msg_10_unknown_headers_do_no_harm() {
    for method in Method::KNOWN {
        let asked = request(format!(
            "{method} rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\nX-Foo: bar\r\n\r\n"
        ));
        assert_eq!((&asked.method, asked.cseq()), (method, Some(1)));
    }
}

#[test]
fn r2_msg_11_unknown_headers_keep_their_order() {
    let text = "OPTIONS * RTSP/2.0\r\nX-B: 1\r\nCSeq: 1\r\nX-A: 2\r\nx-b: 3\r\n\r\n";
    let asked = request(text);
    let lines: Vec<_> = asked.headers.iter().collect();
    assert_eq!(
        lines,
        [("X-B", "1"), ("CSeq", "1"), ("X-A", "2"), ("x-b", "3")]
    );
    let mut out = BytesMut::new();
    asked.encode(&mut out);
    assert_eq!(&out[..], text.as_bytes());
}

#[test]
fn r2_msg_12_other_headers_stand_once() {
    let asked = request("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\nCSeq: 2\r\n\r\n");
    assert_eq!(asked.cseq(), None);
    assert_eq!(
        kind(asked.headers.typed::<CSeq>()),
        HeaderErrorKind::Repeated
    );
    let lengths = "OPTIONS * RTSP/2.0\r\nCSeq: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(refused(lengths), DecodeErrorKind::ContentLength);
    for result in [
        header_lines::<Range>(&["npt=0-", "npt=1-"]).map(|_| ()),
        header_lines::<Scale>(&["1", "2"]).map(|_| ()),
    ] {
        assert_eq!(kind(result), HeaderErrorKind::Repeated);
    }
}

#[test]
fn r2_msg_13_a_body_is_announced() {
    let mut response = Response::new(Version::V2_0, StatusCode::OK);
    response.headers.set(&ContentType::sdp());
    response.body = Bytes::from_static(b"v=0\r\n");
    let mut out = BytesMut::new();
    response.encode(&mut out);
    let expected =
        b"RTSP/2.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    assert_eq!(&out[..], expected);
}

#[test]
fn r2_msg_14_no_length_means_no_body() {
    let results = messages(
        "DESCRIBE rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/2.0\r\nCSeq: 2\r\n\r\n",
    );
    assert!(
        matches!(&results[..], [Ok(Message::Request(first)), Ok(Message::Request(second))]
        if first.body.is_empty() && second.cseq() == Some(2))
    );
}

#[test]
fn r2_msg_15_lengths_count_octets() {
    let results = messages(
        "SET_PARAMETER * RTSP/2.0\r\nContent-Length: 4\r\n\r\nüéOPTIONS * RTSP/2.0\r\nCSeq: 2\r\n\r\n",
    );
    assert!(
        matches!(&results[..], [Ok(Message::Request(first)), Ok(Message::Request(second))]
        if first.body == "üé" && second.cseq() == Some(2))
    );
}

#[test]
fn r2_msg_16_there_are_no_chunks() {
    let results = messages(
        "SET_PARAMETER * RTSP/2.0\r\nCSeq: 1\r\nTransfer-Encoding: chunked\r\n\r\nOPTIONS * RTSP/2.0\r\nCSeq: 2\r\n\r\n",
    );
    assert!(
        matches!(&results[..], [Ok(Message::Request(first)), Ok(Message::Request(_))] if first.body.is_empty())
    );
}

#[test]
fn r2_msg_17_an_unexpected_body_is_taken_off_the_stream() {
    let results = messages(
        "PLAY rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\nContent-Length: 10\r\n\r\n0123456789OPTIONS * RTSP/2.0\r\nCSeq: 2\r\n\r\n",
    );
    assert!(matches!(&results[1], Ok(Message::Request(second)) if second.cseq() == Some(2)));
}

#[test]
fn r2_msg_19_lengths_are_digits() {
    assert!(
        request("OPTIONS * RTSP/2.0\r\nContent-Length: 0\r\n\r\n")
            .body
            .is_empty()
    );
    assert_eq!(
        &request("OPTIONS * RTSP/2.0\r\nContent-Length: 0000000000000000002\r\n\r\nab").body[..],
        b"ab"
    );
    for value in [
        "-1",
        "+5",
        "5a",
        "",
        "0x1",
        "18446744073709551616",
        "00000000000000000001",
    ] {
        let text = format!("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\nContent-Length: {value}\r\n\r\n");
        assert_eq!(refused(text), DecodeErrorKind::ContentLength, "{value}");
    }
}

#[test]
fn r2_msg_20_half_a_message_is_none() {
    let text = "SET_PARAMETER * RTSP/2.0\r\nCSeq: 1\r\nContent-Length: 8\r\n\r\nhalf";
    let (mut decoder, mut buf) = (shorthand::decoder(), BytesMut::from(text));
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    assert!(
        !decoder.is_between_messages(),
        "whoever closes now has lost something"
    );
}

#[test]
fn r2_msg_21_status_lines() {
    let answered = response("RTSP/2.0 200 Größe\r\n\r\n");
    assert_eq!(
        (answered.status, &*answered.reason),
        (StatusCode::OK, "Größe")
    );
    for line in [
        "RTSP/2.0 20 OK",
        "RTSP/2.0 2000 OK",
        "RTSP/2.0 +20 OK",
        "RTSP/2.0 099 OK",
        "RTSP/2.0 OK",
    ] {
        assert_eq!(
            refused(format!("{line}\r\n\r\n")),
            DecodeErrorKind::StatusCode,
            "{line}"
        );
    }
    let (doubled, _) = messages_with(Leniency::strict(), "RTSP/2.0  200 OK\r\n\r\n");
    assert_eq!(doubled, [Err(DecodeErrorKind::StartLine)]);
}

#[test]
fn r2_msg_22_reasons_have_no_meaning() {
    assert_eq!(
        response("RTSP/2.0 200 Groovy\r\n\r\n").status,
        StatusCode::OK
    );
}

#[test]
fn r2_msg_23_request_lines_have_single_spaces() {
    for line in [
        "OPTIONS  * RTSP/2.0",
        "OPTIONS *  RTSP/2.0",
        "OPTIONS\t* RTSP/2.0",
        "OPTIONS *",
        "OPTIONS * RTSP/2.0 ",
    ] {
        assert_eq!(
            refused(format!("{line}\r\nCSeq: 1\r\n\r\n")),
            DecodeErrorKind::StartLine,
            "{line:?}"
        );
    }
}

#[test]
fn r2_msg_24_quoted_strings_escape_two_characters() {
    let text = "Server-Admin;user-msg=\"a \\\"b\\\" \\\\ ü\"";
    let reason = header::<TerminateReason>(text).unwrap();
    assert_eq!(reason.user_message.as_deref(), Some("a \"b\" \\ ü"));
    assert_eq!(encoded(&reason), text);
}

#[test]
fn r2_msg_25_tokens_have_no_separators() {
    for byte in 0..=0x7Fu8 {
        let text = format!("a{}b", char::from(byte));
        let separator = b"\"(),/:;<=>?@[]{}\\ ".contains(&byte) || byte.is_ascii_control();
        assert_eq!(Token::new(&text).is_none(), separator, "{byte:#x}");
        assert_eq!(HeaderName::parse(&text).is_none(), separator, "{byte:#x}");
        assert_eq!(Method::parse(&text).is_none(), separator, "{byte:#x}");
    }
}

#[test]
fn r2_msg_26_a_long_uri_is_told_apart_and_costs_little() {
    let text = format!(
        "DESCRIBE rtsp://h/{} RTSP/2.0\r\nCSeq: 7\r\n\r\n",
        "a".repeat(5000)
    );
    assert_eq!(refused(text), DecodeErrorKind::UriTooLong);
    let endless = "DESCRIBE rtsp://h/".to_owned() + &"a".repeat(65536);
    assert_eq!(refused(endless), DecodeErrorKind::StartLineTooLong);
}

#[test]
fn r2_msg_27_a_large_body_is_refused_at_its_head() {
    let text = "SET_PARAMETER * RTSP/2.0\r\nCSeq: 7\r\nContent-Length: 9999999999999999999\r\n\r\n";
    assert_eq!(refused(text), DecodeErrorKind::BodyTooLarge);
}

#[test]
fn r2_msg_29_nothing_but_content_type_says_the_type() {
    let asked = request("GET_PARAMETER * RTSP/2.0\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n");
    assert_eq!(asked.headers.typed::<ContentType>(), Ok(None));
}

#[test]
fn r2_msg_30_unknown_body_headers_do_no_harm() {
    let answered =
        response("RTSP/2.0 200 OK\r\nCSeq: 1\r\nContent-Foo: x\r\nContent-Length: 1\r\n\r\nv");
    assert_eq!((answered.cseq(), &answered.body[..]), (Some(1), &b"v"[..]));
}

#[test]
fn r2_stat_01_unknown_codes_act_as_their_class() {
    for (code, class) in [(299, 200), (431, 400), (599, 500), (399, 300)] {
        let answered = response(format!("RTSP/2.0 {code} Whatever\r\n\r\n"));
        assert_eq!(answered.status.class().code(), class);
    }
}

#[test]
fn r2_stat_10_errors_may_have_bodies() {
    let results =
        messages("RTSP/2.0 404 Not Found\r\nContent-Length: 3\r\n\r\nwhyRTSP/2.0 200 OK\r\n\r\n");
    assert!(matches!(&results[..], [Ok(Message::Response(first)), Ok(_)] if first.body == "why"));
}
