//! What real cameras, servers and players send, one fixture each: what is made of it, and under which name it is
//! tolerated.
#![allow(missing_docs)]

use std::time::Duration;

use bytes::BytesMut;
use rtsp_msg::headers::{
    ContentBase, ContentType, Lower, Mode, Public, Range, RtpInfo, Session, Transport,
    WwwAuthenticate,
};
use rtsp_msg::{
    DecodeErrorKind, FrameRun, Header, HeaderName, Leniency, Message, Method, Request,
    RequestTarget, StatusCode, Uri, Version,
};

mod shorthand;
use shorthand::{encoded, header, messages, messages_with, noting, request, response, strict};

/// What a permissive reader tolerated of `value` while it read the header; a strict one sees something else.
fn tolerated<H: Header + PartialEq + std::fmt::Debug>(value: &str) -> (H, Vec<&'static str>) {
    let (read, names) = noting::<H>(value);
    let read = read.unwrap_or_else(|error| panic!("{value}: {error}"));
    let same = strict::<H>(value).as_ref() == Ok(&read);
    assert_eq!(same, names.is_empty(), "{value}: {names:?}");
    (read, names)
}

fn base(value: &str) -> (String, Vec<&'static str>) {
    let (ContentBase(base), names) = tolerated(value);
    (base, names)
}

fn spec(value: &str) -> (rtsp_msg::headers::TransportSpec, Vec<&'static str>) {
    let (Transport(mut specs), names) = tolerated(value);
    (specs.pop().unwrap_or_else(|| panic!("{value}")), names)
}

#[test]
fn quirk_01_trailing_space_in_cseq() {
    assert_eq!(
        response("RTSP/1.0 200 OK\r\nCSeq: 101 \r\n\r\n").cseq(),
        Some(101)
    );
}

#[test]
fn quirk_02_cseq_is_read_in_any_case_and_written_in_one() {
    for name in ["Cseq", "cseq", "CSEQ", "CSeq"] {
        assert_eq!(
            response(format!("RTSP/1.0 200 OK\r\n{name}: 5\r\n\r\n")).cseq(),
            Some(5)
        );
    }
    let mut request = Request::new(Method::Options, RequestTarget::Any, Version::V1_0);
    request
        .headers
        .append(HeaderName::parse("cseq").unwrap(), "5");
    let mut out = BytesMut::new();
    request.encode(&mut out);
    assert_eq!(&out[..], b"OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\n");
}

#[test]
fn quirk_03_a_response_without_cseq_is_a_response() {
    assert_eq!(
        response("RTSP/1.0 200 OK\r\nSession: 1\r\n\r\n").cseq(),
        None
    );
}

#[test]
fn quirk_04_empty_values_and_doubled_spaces() {
    let text = "RTSP/1.0  200  OK\r\nCSeq: 1\r\nX-Accept-Dynamic-Rate:\r\nSession: \r\n\r\n";
    let (results, met) = messages_with(Leniency::default(), text);
    let [Ok(Message::Response(response))] = &results[..] else {
        panic!("{results:?}")
    };
    assert_eq!((response.status, &*response.reason), (StatusCode::OK, "OK"));
    assert_eq!(response.headers.first(&HeaderName::Session), Some(""));
    assert!(met.iter().map(|one| one.name()).eq(["status_line_spaces"]));
    let (strict, _) = messages_with(Leniency::strict(), text);
    assert_eq!(strict, [Err(DecodeErrorKind::StartLine)]);
}

#[test]
fn quirk_05_a_line_of_one_space_or_stray_text_before_rtp_info() {
    let text = "RTSP/1.0 200 OK\r\nServer: Customer RTSP Server\r\nCSeq: 6\r\n \r\nRTP-Info: url=a;seq=1\r\n\r\n$\0\0\0";
    let (results, met) = messages_with(Leniency::default(), text);
    let [Ok(Message::Response(response)), Ok(Message::Interleaved(_))] = &results[..] else {
        panic!("{results:?}")
    };
    assert_eq!((response.cseq(), response.headers.len()), (Some(6), 3));
    assert!(met.is_empty());

    let stray = "RTSP/1.0 200 OK\r\nCSeq: 6\r\nCustomer RTSP Server\r\nSession: 1\r\n\r\n$\0\0\0";
    let (results, met) = messages_with(Leniency::permissive(), stray);
    assert!(
        matches!(&results[..], [Ok(Message::Response(response)), Ok(_)] if response.headers.len() == 2)
    );
    assert!(
        met.iter()
            .map(|one| one.name())
            .eq(["unreadable_header_lines"])
    );
    // Refused, but framing lives on.
    let (results, _) = messages_with(Leniency::default(), stray);
    assert!(matches!(
        results[..],
        [
            Err(DecodeErrorKind::HeaderLine),
            Ok(Message::Interleaved(_))
        ]
    ));
}

#[test]
fn quirk_06_crlf_before_a_frame() {
    assert_eq!(messages(b"\r\n$\0\0\x01a\r\n\r\n$\0\0\x01b").len(), 2);
    let (mut buf, mut run) = (BytesMut::from(&b"\r\n$\0\0\x01a"[..]), FrameRun::new());
    assert_eq!(
        shorthand::decoder().decode_run(&mut buf, &mut run),
        Ok(true)
    );
}

#[test]
fn quirk_07_frames_before_the_response_to_play() {
    let results = messages(b"$\0\0\x02ab$\x01\0\x01cRTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n$\0\0\x01d");
    let kinds: Vec<_> = results
        .iter()
        .map(|result| matches!(result, Ok(Message::Interleaved(_))))
        .collect();
    assert_eq!(kinds, [true, true, false, true]);
}

#[test]
fn quirk_08_large_descriptions_and_their_content_types() {
    let body = "a".repeat(128 * 1024);
    let text = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(response(text).body.len(), body.len());
    let missing = response("RTSP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nv");
    assert_eq!(missing.headers.typed::<ContentType>(), Ok(None));
    for text in [
        "application/sdp; charset=utf-8",
        "Application/SDP",
        "application/sdp;",
    ] {
        let (kind, _) = tolerated::<ContentType>(text);
        assert!(kind.is("application/sdp"), "{text}");
    }
}

#[test]
fn quirk_09_headers_are_written_in_the_order_given() {
    let mut request = Request::new(Method::Play, RequestTarget::Any, Version::V1_0);
    for (name, value) in [
        (HeaderName::Session, "1"),
        (HeaderName::CSeq, "2"),
        (HeaderName::Range, "npt=0-"),
    ] {
        request.headers.append(name, value);
    }
    request.headers.insert(HeaderName::Session, "3");
    let mut out = BytesMut::new();
    request.encode(&mut out);
    assert_eq!(
        &out[..],
        b"PLAY * RTSP/1.0\r\nSession: 3\r\nCSeq: 2\r\nRange: npt=0-\r\n\r\n"
    );
}

#[test]
fn quirk_10_several_challenges_in_one_401() {
    let response = response(
        "RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n\
         WWW-Authenticate: Basic realm=\"a\"\r\nConnection: close\r\n\r\n",
    );
    let challenges = response
        .headers
        .typed::<WwwAuthenticate>()
        .unwrap()
        .unwrap();
    assert_eq!(challenges.0.len(), 2);
    let (_, names) = tolerated::<WwwAuthenticate>("Basic realm=\"IP Camera\"");
    assert!(names.is_empty());
    let (_, names) = tolerated::<WwwAuthenticate>("Basic realm=IP Camera");
    assert_eq!(names, ["challenge_quotes"]);
}

#[test]
fn quoted_words_in_a_challenge() {
    for (value, name) in [
        (
            "Digest realm=\"HIKVISION\", nonce=\"a1\", stale=\"FALSE\"",
            "algorithm_quotes",
        ),
        (
            "Digest realm=\"x\", nonce=\"a1\", algorithm=\"MD5\"",
            "algorithm_quotes",
        ),
        ("Basic realm=IP Camera", "challenge_quotes"),
    ] {
        let (_, names) = tolerated::<WwwAuthenticate>(value);
        assert_eq!(names, [name], "{value}");
    }
    let (_, names) = tolerated::<WwwAuthenticate>(
        "Digest realm=\"x\", nonce=\"a1\", algorithm=MD5, stale=false",
    );
    assert!(names.is_empty());
}

#[test]
fn quirk_11_551_is_a_status_like_others() {
    let response = response("RTSP/1.0 551 Option not supported\r\nCSeq: 3\r\n\r\n");
    assert_eq!(response.status, StatusCode::OPTION_NOT_SUPPORTED);
}

#[test]
fn quirk_12_public_lists_what_works_and_what_does_not() {
    let public =
        header::<Public>("OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, SET_PARAMETER, GET_PARAMETER,")
            .unwrap();
    assert!(public.contains(&Method::GetParameter));
    let late = response("RTSP/1.0 400 Bad Request\r\nCSeq: 4\r\n\r\n");
    assert_eq!((late.status.code(), late.cseq()), (400, Some(4)));
}

#[test]
fn quirk_13_timeouts_of_zero_and_strange_session_ids() {
    let (session, names) = tolerated::<Session>("x;timeout=0");
    assert_eq!((session.timeout, names), (None, vec!["session_timeout"]));
    let (session, names) = tolerated::<Session>("a-b-c;timeout=15");
    assert_eq!(
        (session.timeout, names.len()),
        (Some(Duration::from_secs(15)), 0)
    );
    let (session, names) = tolerated::<Session>("{12/34}");
    assert_eq!(
        (&*session.id, names),
        ("{12/34}", vec!["session_characters"])
    );
}

#[test]
fn quirk_14_a_description_may_be_asked_for_again() {
    // Hikvision wants DESCRIBE before it takes another SETUP: the numbers just go on.
    let text = "DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 9\r\n\r\n".repeat(2);
    assert_eq!(messages(text).len(), 2);
}

#[test]
fn quirk_15_forms_of_mode() {
    for (mode, expected, names) in [
        ("\"PLAY\"", Mode::Play, vec![]),
        ("PLAY", Mode::Play, vec![]),
        ("play", Mode::Play, vec!["transport_mode"]),
        ("Record", Mode::Record, vec!["transport_mode"]),
        ("receive", Mode::Record, vec!["transport_mode"]),
        ("\"receive\"", Mode::Record, vec!["transport_mode"]),
    ] {
        let (spec, met) = spec(&format!("RTP/AVP/TCP;unicast;interleaved=0-1;mode={mode}"));
        assert_eq!((spec.mode, met), (Some(expected), names), "{mode}");
    }
    // It is left out where nobody sets it.
    assert!(
        !encoded(&header::<Transport>("RTP/AVP;unicast;client_port=1-2").unwrap()).contains("mode")
    );
}

#[test]
fn quirk_16_a_path_as_target() {
    let text = "DESCRIBE /live/a RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let (results, met) = messages_with(Leniency::permissive(), text);
    assert!(
        matches!(&results[..], [Ok(Message::Request(request))] if request.target == RequestTarget::Path("/live/a".into()))
    );
    assert!(met.iter().map(|one| one.name()).eq(["path_only_target"]));
    assert_eq!(
        request(text).target,
        RequestTarget::Invalid("/live/a".into())
    );
}

#[test]
fn quirk_17_a_base_without_scheme() {
    let mended = ("rtsp://192.168.1.10:554/stream0/".into(), vec!["base_uri"]);
    assert_eq!(base("192.168.1.10:554/stream0/"), mended);
}

#[test]
fn quirk_18_doubled_schemes_and_bare_ipv6_addresses() {
    assert_eq!(
        base("rtsp://rtsp://h/a/"),
        ("rtsp://h/a/".into(), vec!["base_uri"])
    );
    let bare = base("rtsp://::ffff:1.2.3.4/a/");
    assert_eq!(
        bare,
        ("rtsp://[::ffff:1.2.3.4]/a/".into(), vec!["base_uri"])
    );
    // By the grammar it is a host with an empty port: that is why a base has to be mended before it is used.
    assert_eq!(Uri::parse("rtsp://rtsp://h/a").unwrap().host(), "rtsp");
}

#[test]
fn quirks_19_20_uris_keep_every_byte_of_path_and_query() {
    for text in [
        "rtsp://h/a?x=1/trackID=0",
        "rtsp://h/a/trackID=0?x=1",
        "rtsp://h/a/",
        "rtsp://h//a/./../b",
    ] {
        let request = request(format!("SETUP {text} RTSP/1.0\r\nCSeq: 1\r\n\r\n"));
        assert_eq!(request.target.as_str(), text);
    }
}

#[test]
fn quirk_21_relative_bases_stay_relative() {
    for text in ["stream0/", "/stream0/", "rtsp://other.example/a/"] {
        assert_eq!(base(text), (text.into(), vec![]));
    }
}

#[test]
fn quirk_29_a_base_keeps_its_slash_or_its_lack() {
    assert_eq!(base("rtsp://h/a/").0, "rtsp://h/a/");
    assert_eq!(base("rtsp://h/a").0, "rtsp://h/a");
}

#[test]
fn quirk_30_interleaved_as_servers_answer_it() {
    let (escam, names) = spec("RTP/AVP;unicast;interleaved=0-1");
    assert_eq!(
        (escam.lower, names),
        (Lower::Tcp, vec!["transport_without_lower"])
    );
    for (value, channels) in [("5-6", (5, Some(6))), ("2", (2, None))] {
        let (spec, names) = spec(&format!("RTP/AVP/TCP;unicast;interleaved={value}"));
        assert_eq!((spec.interleaved, names.len()), (Some(channels), 0));
    }
    assert_eq!(spec("RTP/AVP/TCP;unicast").0.interleaved, None);
}

#[test]
fn quirk_31_server_ports_missing_or_zero() {
    assert_eq!(
        spec("RTP/AVP;unicast;client_port=5000-5001").0.server_port,
        None
    );
    let zero = spec("RTP/AVP;unicast;client_port=5000-5001;server_port=0-0");
    assert_eq!(zero.0.server_port, Some((0, Some(0))));
}

#[test]
fn quirk_32_forms_of_ssrc() {
    for (text, ssrc, names) in [
        (" 1C2D3E4F", Some(0x1C2D_3E4F), vec![]),
        ("C2D3E4F", Some(0x0C2D_3E4F), vec!["ssrc_forms"]),
        ("0x6f7c", Some(0x6f7c), vec!["ssrc_forms"]),
        ("A046", Some(0xA046), vec!["ssrc_forms"]),
        ("1234567890", None, vec!["ssrc_forms"]),
    ] {
        let (spec, met) = spec(&format!("RTP/AVP;unicast;ssrc={text}"));
        assert_eq!((spec.ssrc.first().copied(), met), (ssrc, names), "{text}");
    }
}

#[test]
fn quirk_33_what_stands_in_rtp_info() {
    for (text, seq, rtptime, names) in [
        (
            "url=a;seq=1;rtptime=2;",
            Some(1),
            Some(2),
            vec!["empty_elements"],
        ),
        ("url=a;seq=0;rtptime=7", Some(0), Some(7), vec![]),
        ("url=a;seq=1", Some(1), None, vec![]),
        (
            "url=a;seq=1;rtptime=-5",
            Some(1),
            None,
            vec!["rtp_info_numbers"],
        ),
    ] {
        let (RtpInfo(entries), met) = tolerated(text);
        assert_eq!(
            (entries[0].seq, entries[0].rtptime, met),
            (seq, rtptime, names),
            "{text}"
        );
    }
    let (RtpInfo(entries), _) = tolerated("url=rtsp://h/a;seq=1,url=rtsp://h/not/set/up;seq=2");
    assert_eq!(entries.len(), 2);
    assert!(tolerated::<RtpInfo>("").0.0.is_empty());
}

#[test]
fn quirk_34_frames_on_channels_that_nobody_assigned() {
    let results = messages(b"$\xc8\0\x02abRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    assert!(matches!(&results[0], Ok(Message::Interleaved(frame)) if frame.channel == 200));
    assert!(matches!(&results[1], Ok(Message::Response(_))));
}

#[test]
fn quirk_35_feature_tags_of_back_channels() {
    let request = request(
        "DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nRequire: www.onvif.org/ver20/backchannel\r\n\r\n",
    );
    let require = request
        .headers
        .typed::<rtsp_msg::headers::Require>()
        .unwrap()
        .unwrap();
    assert_eq!(require.0, ["www.onvif.org/ver20/backchannel"]);
}

#[test]
fn quirk_36_frames_as_large_as_they_can_be() {
    for length in [10_000usize, 65_535] {
        let mut bytes = vec![b'$', 0, (length >> 8) as u8, (length & 255) as u8];
        bytes.resize(4 + length, 7);
        assert!(
            matches!(&messages(&bytes)[..], [Ok(Message::Interleaved(frame))] if frame.payload.len() == length)
        );
    }
}

#[test]
fn quirk_40_a_live_range_where_there_is_an_end() {
    for text in ["npt=now-", "npt=0.000-", "npt=0-0", "npt=5-5"] {
        assert!(header::<Range>(text).is_ok(), "{text}");
    }
}

/// The client's `probe` shows both: what the decoder met and what typed headers did.
#[test]
fn deviations_of_a_connection_come_together() {
    let mut decoder = rtsp_msg::Decoder::new(rtsp_msg::Limits::default(), Leniency::permissive());
    let mut buf = BytesMut::from("RTSP/1.0 200 OK\nCSeq: 1\nSession: x;timeout=0\n\n");
    let Ok(Some(Message::Response(response))) = decoder.decode(&mut buf) else {
        panic!()
    };
    let leniency = decoder.leniency().clone();
    let mut tolerance = rtsp_msg::Tolerance::new(&leniency);
    response
        .headers
        .typed_noting::<Session>(&mut tolerance)
        .unwrap();
    decoder.note(tolerance.deviations());
    let names: Vec<_> = decoder.deviations().iter().map(|one| one.name()).collect();
    assert_eq!(names, ["bare_line_ends", "session_timeout"]);
}
