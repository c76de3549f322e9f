//! The rules of RFC 7826 for whoever reads and writes messages, one test for each; names begin with the rule's id.
#![allow(missing_docs)]

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtsp_msg::headers::*;
use rtsp_msg::{
    DecodeErrorKind, HeaderErrorKind, HeaderName, InterleavedFrame, Leniency, Message, Method,
    Request, RequestTarget, Response, StatusCode, Token, Uri, UriError, Version, VersionError,
};

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

// Versions

#[test]
fn r2_ver_01_major_and_minor_are_separate_integers() {
    // As text or as fractions, some of these would be 1.0, 2.0, or no versions at all.
    for text in [
        "RTSP/2.4",
        "RTSP/2.13",
        "RTSP/12.3",
        "RTSP/1.00001",
        "RTSP/10.0",
        "RTSP/20.0",
        "RTSP/0.1",
        "RTSP/18446744073709551618.0",
        "RTSP/2.18446744073709551616",
    ] {
        assert_eq!(
            Version::parse(text),
            Err(VersionError::Unsupported),
            "{text}"
        );
    }
    assert!(Version::V1_0 < Version::V2_0);
}

#[test]
fn r2_ver_02_leading_zeros_are_ignored() {
    assert_eq!(Version::parse("RTSP/02.00"), Ok(Version::V2_0));
    assert_eq!(
        request("OPTIONS * RTSP/0002.0\r\nCSeq: 1\r\n\r\n").version,
        Version::V2_0
    );
}

#[test]
fn r2_ver_03_no_leading_zeros_are_written() {
    for version in [Version::V1_0, Version::V2_0] {
        let mut out = BytesMut::new();
        Request::new(Method::Options, RequestTarget::Any, version).encode(&mut out);
        Response::new(version, StatusCode::OK).encode(&mut out);
        let text = std::str::from_utf8(&out).unwrap();
        let expected = version.as_str();
        assert_eq!(
            text,
            format!("OPTIONS * {expected}\r\n\r\n{expected} 200 OK\r\n\r\n")
        );
    }
}

#[test]
fn r2_ver_08_an_unsupported_version_is_told_from_nonsense() {
    assert_eq!(
        refused("OPTIONS * RTSP/3.0\r\nCSeq: 1\r\n\r\n"),
        DecodeErrorKind::Version
    );
    assert_eq!(
        refused("OPTIONS * RTSP/x\r\nCSeq: 1\r\n\r\n"),
        DecodeErrorKind::StartLine
    );
}

// URIs

#[test]
fn r2_uri_02_rtsp_means_port_554() {
    assert_eq!(Uri::parse("rtsp://h/").unwrap().port_or_default(), 554);
}

#[test]
fn r2_uri_03_rtsps_means_port_322() {
    assert_eq!(Uri::parse("rtsps://h/").unwrap().port_or_default(), 322);
}

#[test]
fn r2_uri_04_an_authority_with_a_host_is_needed() {
    for text in ["rtsp:///x", "rtsp://:554/x", "rtsp://u@/x"] {
        assert_eq!(Uri::parse(text).map(|_| ()), Err(UriError::Host), "{text}");
    }
    assert!(Uri::parse("rtsp:x").is_err());
    let asked = request("DESCRIBE rtsp:///x RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.target, RequestTarget::Invalid("rtsp:///x".into()));
}

#[test]
fn r2_uri_05_scheme_and_host_compare_without_case_and_paths_with() {
    let uri = |text: &str| Uri::parse(text).unwrap();
    assert_eq!(uri("RTSP://HOST/Foo"), uri("rtsp://host/Foo"));
    assert_ne!(uri("RTSP://HOST/Foo"), uri("rtsp://host/foo"));
    assert_ne!(uri("rtsp://h/a?X"), uri("rtsp://h/a?x"));
    assert_eq!(uri("RTSP://HOST/Foo?Bar").as_str(), "RTSP://HOST/Foo?Bar");
}

#[test]
fn r2_uri_06_fragments_are_stripped_from_what_people_type() {
    assert_eq!(
        Uri::from_iri("rtsp://h/a#t=5").unwrap().as_str(),
        "rtsp://h/a"
    );
}

#[test]
fn r2_uri_07_a_fragment_is_an_error_in_a_request() {
    assert_eq!(
        Uri::parse("rtsp://h/a#b").map(|_| ()),
        Err(UriError::Character)
    );
    let asked = request("DESCRIBE rtsp://h/a#b RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.target, RequestTarget::Invalid("rtsp://h/a#b".into()));
}

#[test]
fn r2_uri_08_ipv6_literals_stand_in_brackets() {
    let text = "rtsp://[2001:db8::1]:554/a";
    let uri = Uri::parse(text).unwrap();
    assert_eq!(
        (uri.host(), uri.host_is_ipv6(), uri.port()),
        ("2001:db8::1", true, Some(554))
    );
    assert_eq!(uri.to_string(), text);
    assert!(Uri::parse("rtsp://2001:db8::1/a").is_err());
    let text = "RTP/AVP;unicast;dest_addr=\"[::1]:5000\"";
    assert_eq!(specs(text)[0].dest_addr[0].host.as_deref(), Some("::1"));
    assert_eq!(encoded(&Transport(specs(text))), text);
}

#[test]
fn r2_uri_09_path_parameters_belong_to_the_path() {
    assert_eq!(
        Uri::parse("rtsp://h/a;p=1/b;q").unwrap().path(),
        "/a;p=1/b;q"
    );
}

#[test]
fn r2_uri_10_queries_are_opaque() {
    let asked = request("DESCRIBE rtsp://h/a?x=%2F&y RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.target.as_str(), "rtsp://h/a?x=%2F&y");
    let mut out = BytesMut::new();
    asked.encode(&mut out);
    assert!(out.starts_with(b"DESCRIBE rtsp://h/a?x=%2F&y RTSP/2.0\r\n"));
}

#[test]
fn r2_uri_11_iris_are_mapped() {
    assert_eq!(
        Uri::from_iri("rtsp://h/ü b").unwrap().as_str(),
        "rtsp://h/%C3%BC%20b"
    );
}

#[test]
fn r2_uri_15_from_and_location_quote_separators() {
    for text in ["\"rtsp://h/a;p=1\"", "\"rtsp://h/a,b\""] {
        assert_eq!(encoded(&header::<Location>(text).unwrap()), text);
        assert_eq!(encoded(&header::<From>(text).unwrap()), text);
    }
    let location = Location(Uri::parse("rtsp://h/a;p=1").unwrap());
    assert_eq!(header::<Location>(&encoded(&location)), Ok(location));
}

// Session identifiers

#[test]
fn r2_sid_03_ids_have_8_to_128_characters_and_never_257() {
    for length in [8, 128, 256] {
        let id = "a".repeat(length);
        assert_eq!(strict::<Session>(&id).unwrap().id, id);
    }
    assert_eq!(
        kind(strict::<Session>(&"a".repeat(257))),
        HeaderErrorKind::Syntax
    );
}

#[test]
fn r2_sid_04_ids_have_these_characters() {
    assert_eq!(strict::<Session>("a+b$c-_.Z").unwrap().id, "a+b$c-_.Z");
    for text in ["a b", "a/b", "a:b", "a\"b", "ä"] {
        assert!(strict::<Session>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_sid_06_ids_compare_with_case() {
    assert_ne!(header::<Session>("abcdefgH"), header::<Session>("abcdefgh"));
}

// Times

#[test]
fn r2_time_01_hours_minutes_and_seconds_are_written_whole() {
    for (seconds, text) in [(420, "00:07:00"), (1_411_206, "392:00:06"), (0, "00:00:00")] {
        let mut out = String::new();
        NptTime::At(Duration::from_secs(seconds)).push_hms(&mut out);
        assert_eq!(out, text);
        assert_eq!(
            NptTime::parse(text),
            Some(NptTime::At(Duration::from_secs(seconds)))
        );
    }
}

#[test]
fn r2_time_02_no_leading_zeros_are_needed() {
    assert_eq!(header::<Range>("npt=0:7:5-"), npt(at(425.0), None));
}

#[test]
fn r2_time_03_nineteen_digits_nine_decimals_and_a_point() {
    let edge = NptTime::At(Duration::new(9_999_999_999_999_999_999, 123_456_789));
    assert_eq!(
        header::<Range>("npt=9999999999999999999.123456789-"),
        npt(Some(edge), None)
    );
    for text in ["npt=12345678901234567890-", "npt=1.1234567890-", "npt=1,5-"] {
        assert!(header::<Range>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_time_05_negative_times_are_not() {
    assert!(header::<Range>("npt=-5-").is_err());
    assert_eq!(header::<Range>("npt=-5"), npt(None, at(5.0)));
}

#[test]
fn r2_time_06_clock_times_are_utc() {
    let text = "clock=19961108T143720.25Z-";
    assert_eq!(encoded(&header::<Range>(text).unwrap()), text);
    for text in [
        "clock=19961108T143720+01:00-",
        "clock=19961108t143720z-",
        "clock=19961108T143720-",
        "clock=1996118T143720Z-",
        "clock=19961308T143720Z-",
    ] {
        assert!(header::<Range>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_time_07_smpte_has_frames_and_subframes_of_three_rates() {
    for (text, expected) in [
        ("smpte=10:12:33:20-", SmpteRate::Default),
        ("smpte=10:07:33-", SmpteRate::Default),
        ("smpte=10:07:00-10:07:33:05.01", SmpteRate::Default),
        ("smpte-25=10:07:00-10:07:33:05.01", SmpteRate::Rate25),
        ("smpte-30-drop=10:07:00-", SmpteRate::Drop30),
    ] {
        let range = header::<Range>(text).unwrap();
        assert!(
            matches!(range, Range::Smpte { rate, .. } if rate == expected),
            "{text}"
        );
        assert_eq!(encoded(&range), text);
    }
    assert!(header::<Range>("smpte-25=00:00:00:25-").is_err());
    assert!(header::<Range>("smpte=00:00:00:29-").is_ok());
}

#[test]
fn r2_time_08_drop_frame_codes_leave_numbers_out() {
    let frame = |text| {
        SmpteTime::parse(text, SmpteRate::Drop30)
            .unwrap()
            .frame_number(SmpteRate::Drop30)
    };
    assert_eq!(
        (
            frame("00:01:00:02"),
            frame("00:10:00:00"),
            frame("00:00:59:29")
        ),
        (1800, 17982, 1799)
    );
}

#[test]
fn r2_time_10_one_end_at_least_is_given() {
    assert_eq!(kind(header::<Range>("npt=-")), HeaderErrorKind::Syntax);
    assert!(header::<Range>("clock=-").is_err());
    assert!(header::<Range>("npt=").is_err());
}

#[test]
fn r2_time_11_a_unit_alone_asks() {
    for text in ["npt", "clock", "smpte", "smpte-25"] {
        assert_eq!(encoded(&header::<Range>(text).unwrap()), text);
    }
    assert_eq!(header::<Range>("npt"), npt(None, None));
}

// Messages

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

// Interleaved frames

#[test]
fn r2_ilv_01_frames_have_a_prefix_of_four_bytes() {
    for length in [0usize, 1, 65535] {
        let frame = InterleavedFrame {
            channel: 9,
            payload: vec![0xA5; length].into(),
        };
        let mut out = BytesMut::new();
        frame.encode(&mut out).unwrap();
        assert_eq!(&out[..4], [0x24, 9, (length >> 8) as u8, length as u8]);
        assert_eq!(out.len(), 4 + length);
        assert_eq!(messages(&out), [Ok(Message::Interleaved(frame))]);
    }
}

#[test]
fn r2_ilv_02_one_packet_is_one_frame() {
    let results = messages(b"$\0\0\x03abc$\0\0\x03def");
    let payloads: Vec<_> = results
        .iter()
        .map(|result| match result {
            Ok(Message::Interleaved(frame)) => &frame.payload[..],
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(payloads, [b"abc", b"def"]);
}

#[test]
fn r2_ilv_03_no_frames_within_a_message() {
    let results =
        messages("SET_PARAMETER * RTSP/2.0\r\nX: $\0x\r\nContent-Length: 6\r\n\r\n$\0\0\x02ab");
    // The NUL in the head is refused, the body is no frame.
    assert_eq!(results, [Err(DecodeErrorKind::HeaderLine)]);
    let results =
        messages("SET_PARAMETER * RTSP/2.0\r\nX: $\r\nContent-Length: 6\r\n\r\n$\0\0\x02ab");
    assert!(
        matches!(&results[..], [Ok(Message::Request(asked))] if &asked.body[..] == b"$\0\0\x02ab")
    );
}

#[test]
fn r2_ilv_04_frames_between_any_two_messages() {
    let stream = b"$\0\0\x01aOPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n$\x01\0\0RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n$\0\0\x01b";
    let whole = messages(stream);
    assert_eq!(whole.len(), 5);
    for at in 0..stream.len() {
        let (mut decoder, mut buf) = (shorthand::decoder(), BytesMut::from(&stream[..at]));
        let mut results = shorthand::drain(&mut decoder, &mut buf);
        buf.extend_from_slice(&stream[at..]);
        results.extend(shorthand::drain(&mut decoder, &mut buf));
        assert_eq!(results, whole, "cut at {at}");
    }
}

#[test]
fn r2_ilv_09_a_frame_on_an_unknown_channel_is_a_frame() {
    let results = messages(b"$\xc8\0\x01xOPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert!(
        matches!(&results[..], [Ok(Message::Interleaved(frame)), Ok(Message::Request(_))] if frame.channel == 200)
    );
}

#[test]
fn r2_ilv_12_frames_in_parts() {
    let (results, _) = messages_with(
        Leniency::default(),
        b"$\x01\x01\x00"
            .iter()
            .chain(&[7; 256])
            .copied()
            .collect::<Vec<_>>(),
    );
    assert!(
        matches!(&results[..], [Ok(Message::Interleaved(frame))] if frame.payload.len() == 256)
    );
}

// Headers

#[test]
fn r2_hdr_03_extension_headers_are_kept_apart() {
    let asked = request("PLAY rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\nX-Foo: 1\r\n\r\n");
    assert_eq!(
        asked.headers.first(&HeaderName::parse("x-foo").unwrap()),
        Some("1")
    );
}

#[test]
fn r2_hdr_05_products_and_comments() {
    let text = "PhonyServer/1.0 (a comment) lib/2";
    assert_eq!(encoded(&header::<Server>(text).unwrap()), text);
}

#[test]
fn r2_hdr_06_accept_ranges_of_types_with_qualities() {
    let accept =
        header::<Accept>("application/sdp;q=0.8, text/*;q=0.25, */*;q=0.001, x/y;q=0").unwrap();
    for (essence, thousandths) in [
        ("application/sdp", 800),
        ("text/plain", 250),
        ("a/b", 1),
        ("x/y", 0),
    ] {
        assert_eq!(
            accept.quality_of(essence).thousandths(),
            thousandths,
            "{essence}"
        );
    }
    assert!(header::<Accept>("a/b;q=1.5").is_err() && header::<Accept>("a/b;q=0.0001").is_err());
}

#[test]
fn r2_hdr_12_bandwidth_is_a_positive_number() {
    assert_eq!(header::<Bandwidth>("512"), Ok(Bandwidth(512)));
    for text in ["0", "-1", "1.5", "x"] {
        assert!(header::<Bandwidth>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_hdr_14_blocksize_is_a_positive_number() {
    assert_eq!(header::<Blocksize>("1200"), Ok(Blocksize(1200)));
    for text in ["0", "-1", "abc"] {
        assert!(header::<Blocksize>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_hdr_19_dates_with_gmt_or_an_offset() {
    let gmt = header::<Date>("Thu, 23 Jan 1997 15:35:06 GMT").unwrap();
    assert_eq!(header::<Date>("Thu, 23 Jan 1997 15:35:06 +0000"), Ok(gmt));
    assert_eq!(header::<Date>("Thu, 23 Jan 1997 16:35:06 +0100"), Ok(gmt));
    assert!(header::<Date>("Thu, 23 Jan 97 15:35:06 GMT").is_err());
}

#[test]
fn r2_hdr_20_an_unreadable_expiry_is_told_from_none() {
    assert!(header::<Expires>("0").is_err() && header::<Expires>("garbage").is_err());
    assert!(header::<Expires>("Wed, 23 Jan 2013 15:36:52 +0000").is_ok());
}

#[test]
fn r2_hdr_24_location_is_one_absolute_uri() {
    assert!(
        header::<Location>("rtsp://h/a").is_ok() && header::<Location>("\"rtsp://h/a;b\"").is_ok()
    );
    for text in ["rtsp://h/a, rtsp://h/b", "/a", "a", ""] {
        assert!(header::<Location>(text).is_err(), "{text}");
    }
    assert!(header_lines::<Location>(&["rtsp://h/a", "rtsp://h/b"]).is_err());
}

#[test]
fn r2_hdr_25_retry_after_in_both_forms() {
    assert_eq!(header::<RetryAfter>("120"), Ok(RetryAfter::Seconds(120)));
    assert!(matches!(
        header::<RetryAfter>("Fri, 31 Dec 1999 23:59:59 GMT"),
        Ok(RetryAfter::At(_))
    ));
    assert!(header::<RetryAfter>("-1").is_err());
}

#[test]
fn r2_hdr_27_referrer_has_two_r_in_2_0() {
    let mut headers = rtsp_msg::Headers::new();
    Referrer("http://h/".into()).put(Version::V2_0, &mut headers);
    assert_eq!(
        headers.iter().collect::<Vec<_>>(),
        [("Referrer", "http://h/")]
    );
}

#[test]
fn r2_hdr_28_via_in_full_and_in_short() {
    let via =
        header::<Via>("RTSP/2.0/TCP proxy.example.com:554;received=192.0.2.1, 2.0 host").unwrap();
    assert_eq!(
        (via.0[0].transport.as_deref(), via.0[0].port),
        (Some("TCP"), Some(554))
    );
    assert_eq!(
        (&*via.0[1].protocol, &*via.0[1].version, &*via.0[1].host),
        ("RTSP", "2.0", "host")
    );
    assert!(header::<Via>("host").is_err());
}

#[test]
fn r2_hdr_29_connection_close() {
    assert!(header::<Connection>("x, Close").unwrap().is_close());
}

#[test]
fn r2_cseq_06_one_to_nine_digits() {
    assert_eq!(strict::<CSeq>("0"), Ok(CSeq(0)));
    assert_eq!(strict::<CSeq>("999999999"), Ok(CSeq(999_999_999)));
    for text in ["1000000000", "1a", "-1", "+1", ""] {
        assert!(strict::<CSeq>(text).is_err(), "{text}");
    }
    let (read, names) = shorthand::noting::<CSeq>("4294967295");
    assert_eq!((read, names), (Ok(CSeq(u32::MAX)), vec!["cseq_digits"]));
    assert!(header::<CSeq>("4294967296").is_err());
}

#[test]
fn r2_sess_06_session_with_timeout() {
    let session = strict::<Session>("a1b2c3d4 ; timeout = 30").unwrap();
    assert_eq!(
        (&*session.id, session.timeout),
        ("a1b2c3d4", Some(Duration::from_secs(30)))
    );
}

#[test]
fn r2_range_02_unknown_units_are_told_apart() {
    assert_eq!(
        header::<Range>("foo=1-2"),
        Ok(Range::Other("foo=1-2".into()))
    );
}

#[test]
fn r2_range_09_scale_is_a_number_and_not_zero() {
    for (text, value) in [
        ("1", 1.0),
        ("-3.5", -3.5),
        ("999999999999.5", 999_999_999_999.5),
    ] {
        assert_eq!(header::<Scale>(text).unwrap().value(), value);
    }
    for text in [
        "0",
        "0.0",
        "-0",
        "1234567890123",
        "1.1234567891",
        "nan",
        "inf",
        "1e3",
        "+1",
        ".5",
        "1.",
    ] {
        assert_eq!(
            kind(header::<Scale>(text)),
            HeaderErrorKind::Number,
            "{text}"
        );
    }
}

#[test]
fn r2_range_13_speed_is_a_range_of_positive_numbers() {
    let speed = header::<Speed>("1.0-2.5").unwrap();
    assert_eq!((speed.lower(), speed.upper()), (1.0, 2.5));
    for text in ["0-1", "2-1", "nan-1", "1-inf", "-1", "1-"] {
        assert!(header::<Speed>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_range_22_policies_have_no_case() {
    assert_eq!(header::<SeekStyle>("rap"), header::<SeekStyle>("RAP"));
    assert_eq!(header::<SeekStyle>("corap"), Ok(SeekStyle::CoRap));
}

#[test]
fn r2_range_24_units_are_a_list() {
    assert_eq!(
        header::<AcceptRanges>("npt, smpte, x-foo").unwrap().0,
        ["npt", "smpte", "x-foo"]
    );
}

#[test]
fn r2_media_04_scales_are_quoted_and_never_zero() {
    let text = "Scales=\"-20, 0.5:1.5, 4\"";
    let properties = header::<MediaProperties>(text).unwrap();
    assert!(
        matches!(&properties.0[..], [MediaProperty::Scales(scales)] if scales.len() == 3 && scales[1].1.is_some())
    );
    assert_eq!(encoded(&properties), text);
    for text in ["Scales=\"0\"", "Scales=\"1, 0:2\"", "Scales=\"x\""] {
        assert!(header::<MediaProperties>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_media_10_reasons_for_the_end() {
    for (text, cause) in [
        ("Server-Admin", TerminateCause::ServerAdmin),
        ("Session-Timeout", TerminateCause::SessionTimeout),
        ("Internal-Error", TerminateCause::InternalError),
    ] {
        let reason = header::<TerminateReason>(text).unwrap();
        assert_eq!((&reason.cause, &*encoded(&reason)), (&cause, text));
    }
}

#[test]
fn r2_media_12_the_time_of_the_end_is_utc() {
    let text = "Server-Admin;time=19960213T143205Z";
    assert_eq!(encoded(&header::<TerminateReason>(text).unwrap()), text);
    assert!(header::<TerminateReason>("Server-Admin;time=1996-02-13").is_err());
}

#[test]
fn r2_media_13_request_status() {
    let value = header::<RequestStatus>("cseq=854 status=200 reason=\"OK\"").unwrap();
    assert_eq!(
        (value.cseq, value.status, &*value.reason),
        (854, StatusCode::OK, "OK")
    );
    let folded = request(
        "PLAY_NOTIFY rtsp://h/ RTSP/2.0\r\nCSeq: 1\r\nRequest-Status: cseq=854\r\n status=200\r\n reason=\"OK\"\r\n\r\n",
    );
    assert_eq!(folded.headers.typed(), Ok(Some(value)));
    assert!(header::<RequestStatus>("cseq=854;status=200;reason=\"OK\"").is_err());
}

#[test]
fn r2_media_14_a_notification_has_one_reason() {
    for (text, reason) in [
        ("end-of-stream", NotifyReason::EndOfStream),
        (
            "media-properties-update",
            NotifyReason::MediaPropertiesUpdate,
        ),
        ("scale-change", NotifyReason::ScaleChange),
        ("x-new", NotifyReason::Other(Token::new("x-new").unwrap())),
    ] {
        assert_eq!(header::<NotifyReason>(text), Ok(reason));
    }
    assert!(header::<NotifyReason>("a b").is_err());
}

#[test]
fn r2_media_15_timestamps_come_back_digit_by_digit() {
    for text in ["12.345", "012.3450", "12.345 0.5"] {
        assert_eq!(encoded(&header::<Timestamp>(text).unwrap()), text);
    }
}

#[test]
fn r2_rtpi_07_rtp_info() {
    let folded = response(
        "RTSP/2.0 200 OK\r\nCSeq: 1\r\nRTP-Info: url=\"rtsp://example.com/foo/audio\"\r\n   \
         ssrc=0A13C760:seq=45102;rtptime=12345678,\r\n   url=\"rtsp://example.com/foo/video\"\r\n   \
         ssrc=9A9DE123:seq=30211;rtptime=29567112\r\n\r\n",
    );
    let RtpInfo(entries) = folded.headers.typed().unwrap().unwrap();
    let numbers: Vec<_> = entries
        .iter()
        .map(|one| (one.ssrc, one.seq, one.rtptime))
        .collect();
    assert_eq!(
        numbers,
        [
            (Some(0x0A13_C760), Some(45102), Some(12_345_678)),
            (Some(0x9A9D_E123), Some(30211), Some(29_567_112)),
        ]
    );
    assert_eq!(entries[1].url, "rtsp://example.com/foo/video");
    assert!(
        header::<RtpInfo>("url=\"a\" ssrc=0A13C76:seq=1").is_err(),
        "eight digits"
    );
}

// Transport

#[test]
fn r2_trans_01_a_list_of_alternatives_with_quoted_lists() {
    let text = "RTP/AVP;unicast;dest_addr=\":4588\"/\":4589\";mode=\"PLAY\", RTP/AVP/TCP;unicast;interleaved=0-1, \
                RTP/SAVPF/TCP;unicast;dest_addr=\"[::1]:9\";x=\"a,b;c/d\"";
    let specs = specs(text);
    assert_eq!(specs.len(), 3);
    assert_eq!(specs[0].dest_addr.len(), 2);
    assert_eq!(specs[1].interleaved, Some((0, Some(1))));
    assert_eq!(specs[2].extensions, [("x".into(), Some("a,b;c/d".into()))]);
}

#[test]
fn r2_trans_04_unknown_parameters_and_protocols_spoil_their_alternative_only() {
    let all = specs("RTP/AVP;unicast;foo=1, RTP/FOO;unicast, RTP/AVP/TCP;unicast;interleaved=0-1");
    let valid: Vec<_> = all
        .iter()
        .map(|spec| spec.is_valid_in(Version::V2_0))
        .collect();
    assert_eq!(valid, [false, true, true]);
    assert_eq!(all[1].profile, Profile::Other("RTP/FOO".into()));
}

#[test]
fn r2_trans_06_parameters_stand_once_in_any_order() {
    assert_eq!(specs("RTP/AVP;unicast;ttl=1;ttl=1"), []);
    assert_eq!(
        specs("RTP/AVP;ttl=1;unicast;layers=2"),
        specs("RTP/AVP;layers=2;ttl=1;unicast")
    );
}

#[test]
fn r2_trans_07_unicast_or_multicast() {
    assert_eq!(specs("RTP/AVP;unicast;multicast"), []);
    assert!(!specs("RTP/AVP;dest_addr=\":1\"")[0].is_valid_in(Version::V2_0));
    assert!(specs("RTP/AVP;unicast;dest_addr=\":1\"")[0].is_valid_in(Version::V2_0));
}

#[test]
fn r2_trans_08_udp_is_meant_when_nothing_is_said() {
    assert_eq!(specs("RTP/AVP;unicast"), specs("RTP/AVP/UDP;unicast"));
    assert_eq!(specs("RTP/AVP;unicast")[0].lower, Lower::Udp);
}

#[test]
fn r2_trans_09_no_space_within_the_protocol() {
    assert_eq!(specs("RTP / AVP;unicast"), []);
    assert_eq!(specs("RTP/AVP /TCP;unicast;interleaved=0-1"), []);
}

#[test]
fn r2_trans_16_one_or_two_addresses_each_with_a_port() {
    for value in [
        "\"h\"",
        "\":1\"/\":2\"/\":3\"",
        "\"h:\"",
        "\"\"",
        "\":65536\"",
    ] {
        assert_eq!(
            specs(&format!("RTP/AVP;unicast;dest_addr={value}")),
            [],
            "{value}"
        );
    }
    assert_eq!(
        specs("RTP/AVP;unicast;src_addr=\"h:1\"/\":2\"")[0]
            .src_addr
            .len(),
        2
    );
}

#[test]
fn r2_trans_17_addresses_are_quoted() {
    let address = |host: Option<&str>, port| Address {
        host: host.map(Into::into),
        port,
    };
    assert_eq!(
        specs("RTP/AVP;unicast;dest_addr=\"192.0.2.5:1\"/\"[2001:db8::1]:2\"")[0].dest_addr,
        [
            address(Some("192.0.2.5"), 1),
            address(Some("2001:db8::1"), 2)
        ]
    );
    assert_eq!(
        specs("RTP/AVP;unicast;dest_addr=\":4588\"/\":4589\"")[0].dest_addr,
        [address(None, 4588), address(None, 4589)]
    );
    assert_eq!(specs("RTP/AVP;unicast;dest_addr=192.0.2.5:1"), []);
    assert_eq!(specs("RTP/AVP;unicast;dest_addr=\"2001:db8::1:2\""), []);
}

#[test]
fn r2_trans_18_channels_are_bytes() {
    for (value, channels) in [
        ("7", (7, None)),
        ("0-1", (0, Some(1))),
        ("254-255", (254, Some(255))),
    ] {
        assert_eq!(
            specs(&format!("RTP/AVP/TCP;unicast;interleaved={value}"))[0].interleaved,
            Some(channels)
        );
    }
    for value in [
        "interleaved",
        "interleaved=256",
        "interleaved=5-4",
        "interleaved=",
        "interleaved=a",
    ] {
        assert_eq!(
            specs(&format!("RTP/AVP/TCP;unicast;{value}")),
            [],
            "{value}"
        );
    }
}

#[test]
fn r2_trans_23_channels_exclude_connections_of_their_own() {
    for parameter in [
        "setup=active",
        "connection=new",
        "dest_addr=\":9\"",
        "src_addr=\":9\"",
    ] {
        let spec = &specs(&format!("RTP/AVP/TCP;unicast;interleaved=0-1;{parameter}"))[0];
        assert!(!spec.is_valid_in(Version::V2_0), "{parameter}");
    }
}

#[test]
fn r2_trans_25_there_is_no_holdconn() {
    assert_eq!(
        specs("RTP/AVP/TCP;unicast;dest_addr=\":9\";setup=holdconn"),
        []
    );
}

#[test]
fn r2_trans_27_play_is_the_only_mode() {
    assert!(specs("RTP/AVP;unicast;mode=\"PLAY\"")[0].is_valid_in(Version::V2_0));
    assert!(specs("RTP/AVP;unicast")[0].is_valid_in(Version::V2_0));
    for mode in ["RECORD", "PLAY,RECORD", "SEEK"] {
        let spec = &specs(&format!("RTP/AVP;unicast;mode=\"{mode}\""))[0];
        assert!(!spec.is_valid_in(Version::V2_0), "{mode}");
        assert!(spec.is_valid_in(Version::V1_0), "{mode}");
    }
}

#[test]
fn r2_trans_28_ttl_is_a_byte() {
    assert_eq!(specs("RTP/AVP;multicast;ttl=255")[0].ttl, Some(255));
    assert_eq!(specs("RTP/AVP;multicast;ttl=300"), []);
}

#[test]
fn r2_trans_29_layers_are_a_number() {
    assert_eq!(specs("RTP/AVP;multicast;layers=3")[0].layers, Some(3));
    assert_eq!(specs("RTP/AVP;multicast;layers=x"), []);
}

#[test]
fn r2_trans_31_mikey_is_base64() {
    assert_eq!(
        specs("RTP/SAVP;unicast;MIKEY=AQA=")[0].mikey.as_deref(),
        Some("AQA=")
    );
    // The last two bits before the padding are not zero.
    assert_eq!(specs("RTP/SAVP;unicast;MIKEY=AQB="), []);
}

#[test]
fn r2_trans_32_parameters_of_1_0_are_not_of_2_0() {
    for parameter in [
        "client_port=1-2",
        "server_port=1-2",
        "port=1-2",
        "destination=h",
        "source=h",
        "append",
    ] {
        let spec = &specs(&format!("RTP/AVP;unicast;{parameter}"))[0];
        assert!(!spec.is_valid_in(Version::V2_0), "{parameter}");
        assert!(spec.is_valid_in(Version::V1_0), "{parameter}");
    }
}

// Caches and proxies

#[test]
fn r2_cond_12_a_tag_is_quoted_and_may_be_weak() {
    for (text, weak, opaque) in [
        ("\"abc\"", false, "abc"),
        ("W/\"abc\"", true, "abc"),
        ("\"\"", false, ""),
        ("\"a\\\"b\"", false, "a\"b"),
        ("\"W/\"", false, "W/"),
    ] {
        let tag = header::<MTag>(text).unwrap();
        assert_eq!((tag.weak, tag.opaque.as_str()), (weak, opaque), "{text}");
        assert_eq!(encoded(&tag), text);
    }
    for text in [
        "",
        "abc",
        "W/abc",
        "w/\"abc\"",
        "W/ \"abc\"",
        "\"abc",
        "abc\"",
        "\"a\" \"b\"",
        "*",
    ] {
        assert!(header::<MTag>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_cond_09_weak_tags_are_never_strongly_the_same() {
    let tag = |text: &str| header::<MTag>(text).unwrap();
    for (one, other, strongly, weakly) in [
        ("\"1\"", "\"1\"", true, true),
        ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "W/\"1\"", false, true),
        ("W/\"1\"", "W/\"1\"", false, true),
        ("\"1\"", "\"2\"", false, false),
        ("W/\"1\"", "W/\"2\"", false, false),
        ("\"a\"", "\"A\"", false, false),
    ] {
        let (one, other) = (tag(one), tag(other));
        assert_eq!(one.is_strongly(&other), strongly, "{one:?} {other:?}");
        assert_eq!(one.is_weakly(&other), weakly, "{one:?} {other:?}");
    }
}

#[test]
fn r2_cache_06_directives_are_tokens_with_values() {
    let text = "no-cache, public, private, no-transform, only-if-cached, max-stale=30, min-fresh=5, \
                must-revalidate, proxy-revalidate, max-age=3600, max-stale, x-mine=\"a, b\"";
    let control = header::<CacheControl>(text).unwrap();
    assert_eq!(control.0.len(), 12);
    for name in [
        "no-cache",
        "public",
        "private",
        "no-transform",
        "only-if-cached",
        "must-revalidate",
        "proxy-revalidate",
    ] {
        let directive = control.0.iter().find(|one| one.name == name).unwrap();
        assert_eq!(directive.value, None, "{name}");
    }
    let value = |name: &str| {
        let directive = control.0.iter().find(|one| one.name == name);
        directive.and_then(|one| one.value.as_deref())
    };
    assert_eq!(value("max-stale"), Some("30"));
    assert_eq!(value("min-fresh"), Some("5"));
    assert_eq!(value("max-age"), Some("3600"));
    // An unknown one is kept, with the comma in its quotes.
    assert_eq!(value("x-mine"), Some("a, b"));
    assert_eq!(header::<CacheControl>(&encoded(&control)), Ok(control));
    assert!(header::<CacheControl>("MAX-AGE=1").unwrap().has("max-age"));
    for text in ["=1", "a b", "max-age=\"1", "max age=1", "a=b c"] {
        assert!(header::<CacheControl>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_pipe_13_pipelined_requests_has_one_to_eight_digits() {
    for (text, number) in [
        ("0", 0),
        ("7", 7),
        ("00000001", 1),
        ("99999999", 99_999_999),
    ] {
        assert_eq!(
            header::<PipelinedRequests>(text),
            Ok(PipelinedRequests(number))
        );
    }
    for text in ["", "123456789", "-1", "+1", "1.5", "0x1", "1 2", "\u{661}"] {
        assert!(header::<PipelinedRequests>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_tls_13_connection_credentials_are_a_uri_and_a_chain() {
    let text = "\"rtsps://proxy.example.com/\";MIIDNTCCAp4=";
    let credentials = header::<ConnectionCredentials>(text).unwrap();
    assert_eq!(credentials.uri, "rtsps://proxy.example.com/");
    assert_eq!(credentials.chain, "MIIDNTCCAp4=");
    assert_eq!(encoded(&credentials), text);
    for text in [
        "",
        "rtsps://proxy.example.com/;MIID",
        "\"rtsps://proxy.example.com/\"",
        "\"rtsps://proxy.example.com/\";",
        "\"rtsps://proxy.example.com/\";MII*",
        "\"rtsps://proxy.example.com/;MIID",
        "\"rtsps://proxy.example.com/\" MIID",
    ] {
        assert!(header::<ConnectionCredentials>(text).is_err(), "{text}");
    }
}

// Authentication

#[test]
fn r2_auth_10_challenges_in_one_line_or_in_several() {
    let lines = [
        "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-256",
        "Negotiate",
        "Basic realm=\"a\"",
    ];
    let several = header_lines::<WwwAuthenticate>(&lines).unwrap();
    assert_eq!(
        header::<WwwAuthenticate>(&lines.join(", ")),
        Ok(several.clone())
    );
    assert!(matches!(
        &several.0[..],
        [
            Challenge::Digest(_),
            Challenge::Other { .. },
            Challenge::Basic { .. }
        ]
    ));
}

#[test]
fn r2_auth_11_stale_is_read() {
    let stale = |text: &str| match &header::<WwwAuthenticate>(text).unwrap().0[..] {
        [Challenge::Digest(digest)] => digest.stale,
        other => panic!("{other:?}"),
    };
    assert!(stale("Digest realm=\"a\", nonce=\"b\", stale=TRUE"));
    assert!(!stale("Digest realm=\"a\", nonce=\"b\", stale=false"));
    assert!(!stale("Digest realm=\"a\", nonce=\"b\""));
}
