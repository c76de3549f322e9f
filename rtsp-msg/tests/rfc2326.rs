//! The rules of RFC 2326 for whoever reads and writes messages, one test for each; names begin with the rule's id.
#![allow(missing_docs)]

use std::time::Duration;

use bytes::BytesMut;
use rtsp_msg::headers::*;
use rtsp_msg::{
    DecodeErrorKind, HeaderName, InterleavedFrame, Leniency, Message, Method, Request,
    RequestTarget, Response, Scheme, StatusCode, Token, Uri, Version,
};

mod shorthand;
use shorthand::{
    encoded, header, header_lines, messages, messages_with, refused, request, response,
};

fn at(seconds: f64) -> Option<NptTime> {
    Some(NptTime::At(Duration::from_secs_f64(seconds)))
}

fn specs(text: &str) -> Vec<TransportSpec> {
    header::<Transport>(text).unwrap().0
}

#[test]
fn r1_ver_01_leading_zeros_are_ignored() {
    for text in ["RTSP/1.0", "RTSP/01.00"] {
        assert_eq!(Version::parse(text), Ok(Version::V1_0), "{text}");
    }
}

#[test]
fn r1_ver_04_schemes_and_the_default_port() {
    for (text, scheme) in [
        ("rtsp://h/a", Scheme::Rtsp),
        ("rtspu://h/a", Scheme::Rtspu),
        ("rtsp://h:/a", Scheme::Rtsp),
    ] {
        let uri = Uri::parse(text).unwrap();
        assert_eq!(
            (uri.scheme(), uri.port_or_default()),
            (scheme, 554),
            "{text}"
        );
    }
}

#[test]
fn r1_ver_09_a_conference_id_is_opaque() {
    let text = "199702170042.SAA08642@obiwan.arl.wustl.edu%20Starr";
    assert_eq!(header::<Conference>(text), Ok(Conference(text.into())));
    assert!(header::<Conference>("").is_err());
}

#[test]
fn r1_sid_02_ids_of_any_length() {
    for id in ["a", &"x".repeat(200), "a$b-_.+"] {
        assert_eq!(header::<Session>(id).unwrap().id, id);
    }
}

#[test]
fn r1_sid_06_timeouts_are_seconds() {
    let session = header::<Session>("abc;timeout=30").unwrap();
    assert_eq!(
        (&*session.id, session.timeout),
        ("abc", Some(Duration::from_secs(30)))
    );
    assert_eq!(encoded(&Session::new(session.id)), "abc");
}

#[test]
fn r1_time_01_normal_play_time() {
    let npt = |start, end| Ok(Range::Npt { start, end });
    assert_eq!(header::<Range>("npt=1:2:3.5-"), npt(at(3723.5), None));
    assert_eq!(header::<Range>("npt=-20"), npt(None, at(20.0)));
    assert_eq!(header::<Range>("npt=now-"), npt(Some(NptTime::Now), None));
    assert!(header::<Range>("npt=1:60:0-").is_err() && header::<Range>("npt=1:100:0-").is_err());
}

#[test]
fn r1_time_02_an_empty_fraction() {
    assert_eq!(
        header::<Range>("npt=5.-"),
        Ok(Range::Npt {
            start: at(5.0),
            end: None
        })
    );
}

#[test]
fn r1_time_03_smpte_with_an_open_end() {
    for text in [
        "smpte=10:12:33:20-",
        "smpte=10:07:33-",
        "smpte=10:07:00-10:07:33:05.01",
        "smpte-25=10:07:00-10:07:33:05.01",
    ] {
        assert_eq!(encoded(&header::<Range>(text).unwrap()), text);
    }
}

#[test]
fn r1_time_04_clock_times_are_utc() {
    let text = "clock=19961108T143720.25Z-";
    assert_eq!(encoded(&header::<Range>(text).unwrap()), text);
    for text in [
        "clock=19961108T143720.25-",
        "clock=19961108T143720.25+0100-",
    ] {
        assert!(header::<Range>(text).is_err(), "{text}");
    }
}

#[test]
fn r1_time_05_a_range_with_its_time() {
    let timed = header::<TimedRange>("npt=10-15;time=19970123T143720Z").unwrap();
    assert_eq!(
        timed.range,
        Range::Npt {
            start: at(10.0),
            end: at(15.0)
        }
    );
    assert_eq!(timed.time, UtcTime::parse_clock("19970123T143720Z"));
    assert!(header::<TimedRange>("npt=10-15;time=noon").is_err());
}

#[test]
fn r1_time_06_bytes_are_no_known_unit() {
    assert_eq!(
        header::<Range>("bytes=0-1"),
        Ok(Range::Other("bytes=0-1".into()))
    );
}

#[test]
fn r1_msg_01_lone_cr_and_lone_lf_end_lines() {
    for end in ["\n", "\r", "\r\n"] {
        let text = ["OPTIONS * RTSP/1.0", "CSeq: 3", "X: y", "", ""].join(end);
        let (results, _) = messages_with(Leniency::default(), text);
        assert!(
            matches!(&results[..], [Ok(Message::Request(asked))] if asked.cseq() == Some(3) && asked.headers.len() == 2),
            "{end:?} {results:?}"
        );
    }
}

#[test]
fn r1_msg_02_lines_are_written_with_crlf() {
    let mut out = BytesMut::new();
    let mut response = Response::new(Version::V1_0, StatusCode::OK);
    response.headers.append(HeaderName::Server, "a\nb\rc");
    response.encode(&mut out);
    assert_eq!(&out[..], b"RTSP/1.0 200 OK\r\nServer: a b c\r\n\r\n");
}

#[test]
fn r1_msg_03_headers_are_those_of_http() {
    let asked =
        request("OPTIONS * RTSP/1.0\r\ncseq:\r\n 7\r\nREQUIRE: a,\r\n\tb\r\nRequire: c\r\n\r\n");
    assert_eq!(asked.cseq(), Some(7));
    assert_eq!(
        asked.headers.typed::<Require>().unwrap().unwrap().0,
        ["a", "b", "c"]
    );
}

#[test]
fn r1_msg_04_some_responses_never_have_a_body() {
    for code in [100, 199, 204, 304] {
        let text = format!(
            "RTSP/1.0 {code} X\r\nContent-Length: 10\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n"
        );
        let results = messages(text);
        assert!(
            matches!(&results[..], [Ok(_), Ok(Message::Response(next))] if next.cseq() == Some(2)),
            "{code}"
        );
    }
}

#[test]
fn r1_msg_05_the_length_is_in_content_length() {
    let results = messages(
        "ANNOUNCE rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabcOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n",
    );
    let bodies: Vec<_> = results
        .iter()
        .map(|result| match result {
            Ok(Message::Request(asked)) => (asked.cseq(), asked.body.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(bodies, [(Some(1), 3), (Some(2), 0), (Some(3), 0)]);
}

#[test]
fn r1_msg_06_there_are_no_chunks() {
    let results = messages(
        "ANNOUNCE rtsp://h/ RTSP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nOPTIONS * RTSP/1.0\r\n\r\n",
    );
    assert!(matches!(&results[..], [Ok(Message::Request(first)), Ok(_)] if first.body.is_empty()));
}

#[test]
fn r1_msg_07_a_body_is_written_with_its_length() {
    let mut asked = Request::new(Method::Announce, RequestTarget::Any, Version::V1_0);
    asked.headers.append(HeaderName::ContentLength, "99");
    asked.body = bytes::Bytes::from_static(b"abc");
    let mut out = BytesMut::new();
    asked.encode(&mut out);
    assert_eq!(
        &out[..],
        b"ANNOUNCE * RTSP/1.0\r\nContent-Length: 3\r\n\r\nabc"
    );
}

#[test]
fn r1_msg_08_no_length_no_body() {
    let results = messages("ANNOUNCE rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\nv=0\r\n\r\n");
    assert!(matches!(&results[..], [Ok(Message::Request(asked)), Err(_)] if asked.body.is_empty()));
}

#[test]
fn r1_msg_09_methods_and_extensions() {
    for text in [
        "DESCRIBE",
        "ANNOUNCE",
        "GET_PARAMETER",
        "OPTIONS",
        "PAUSE",
        "PLAY",
        "RECORD",
        "REDIRECT",
        "SETUP",
        "SET_PARAMETER",
        "TEARDOWN",
    ] {
        let asked = request(format!("{text} rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"));
        assert!(!matches!(asked.method, Method::Extension(_)), "{text}");
        assert_eq!(asked.method.as_str(), text);
    }
    let asked = request("FOO rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.method, Method::Extension(Token::new("FOO").unwrap()));
}

#[test]
fn r1_msg_10_methods_have_case_and_no_dollar_in_front() {
    let asked = request("play rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.method, Method::Extension(Token::new("play").unwrap()));
    assert_eq!(
        messages("$PLAY rtsp://h/ RTSP/1.0\r\n\r\n"),
        [],
        "the start of a frame"
    );
}

#[test]
fn r1_msg_11_unknown_entity_headers_do_no_harm() {
    let answered =
        response("RTSP/1.0 200 OK\r\nCSeq: 1\r\nX-Foo: bar\r\nContent-Length: 1\r\n\r\nv");
    assert_eq!(&answered.body[..], b"v");
}

#[test]
fn r1_msg_12_headers_of_http_do_no_harm() {
    let asked = request("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nCookie: a=b; c=d\r\nX-Any: \"\r\n\r\n");
    assert_eq!(asked.cseq(), Some(1));
}

#[test]
fn r1_msg_13_host_does_no_harm() {
    assert_eq!(
        request("OPTIONS * RTSP/1.0\r\nHost: other\r\nCSeq: 1\r\n\r\n").cseq(),
        Some(1)
    );
}

#[test]
fn r1_msg_14_status_lines() {
    let answered = response("RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n\r\n");
    assert_eq!(
        (answered.version, answered.status),
        (Version::V1_0, StatusCode::SESSION_NOT_FOUND)
    );
    assert_eq!(
        refused("RTSP/1.0 45 Session Not Found\r\n\r\n"),
        DecodeErrorKind::StatusCode
    );
}

#[test]
fn r1_msg_15_unknown_codes_act_as_their_class() {
    for (code, class) in [
        (431, StatusCode::BAD_REQUEST),
        (599, StatusCode::INTERNAL_SERVER_ERROR),
        (299, StatusCode::OK),
    ] {
        assert_eq!(
            response(format!("RTSP/1.0 {code} X\r\n\r\n"))
                .status
                .class(),
            class
        );
    }
}

#[test]
fn r1_msg_17_pragma_upgrade_and_transfer_encoding_mean_nothing() {
    let results = messages(
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nPragma: no-cache\r\nUpgrade: HTTP/2\r\nTransfer-Encoding: chunked\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n",
    );
    assert!(
        matches!(&results[..], [Ok(Message::Request(first)), Ok(Message::Request(second))]
        if first.headers.len() == 4 && second.cseq() == Some(2))
    );
}

#[test]
fn r1_ilv_01_frames_round_trip() {
    for length in [0usize, 1, 1500, 65535] {
        let frame = InterleavedFrame {
            channel: 1,
            payload: vec![1; length].into(),
        };
        let mut out = BytesMut::new();
        frame.encode(&mut out).unwrap();
        assert_eq!(messages(&out), [Ok(Message::Interleaved(frame))]);
    }
    let long = InterleavedFrame {
        channel: 1,
        payload: vec![1; 65536].into(),
    };
    assert!(long.encode(&mut BytesMut::new()).is_err());
}

#[test]
fn r1_ilv_04_one_channel_or_a_range() {
    for (value, channels) in [
        ("0", Some((0, None))),
        ("0-1", Some((0, Some(1)))),
        ("254-255", Some((254, Some(255)))),
        ("256", None),
    ] {
        let specs = specs(&format!("RTP/AVP/TCP;unicast;interleaved={value}"));
        assert_eq!(
            specs.first().and_then(|spec| spec.interleaved),
            channels,
            "{value}"
        );
    }
}

#[test]
fn r1_ilv_05_unicast_may_be_left_out() {
    let spec = &specs("RTP/AVP/TCP;interleaved=0-1")[0];
    assert!(spec.is_unicast() && spec.lower == Lower::Tcp);
}

#[test]
fn r1_trans_01_alternatives_in_order_of_preference() {
    let specs =
        specs("RTP/AVP;multicast;ttl=127;mode=\"PLAY\",RTP/AVP;unicast;client_port=3456-3457");
    assert_eq!(specs.len(), 2);
    assert_eq!(
        (specs[0].delivery, specs[0].ttl, &specs[0].mode),
        (Some(Delivery::Multicast), Some(127), &Some(Mode::Play))
    );
    assert_eq!(
        (specs[1].is_unicast(), specs[1].client_port),
        (true, Some((3456, Some(3457))))
    );
}

#[test]
fn r1_trans_02_multicast_unless_something_says_otherwise() {
    assert!(!specs("RTP/AVP")[0].is_unicast());
    assert!(specs("RTP/AVP/TCP;interleaved=0-1")[0].is_unicast());
    assert!(specs("RTP/AVP;client_port=5000-5001")[0].is_unicast());
}

#[test]
fn r1_trans_08_modes_quoted_or_bare_in_any_case() {
    for (text, mode) in [
        ("record", Mode::Record),
        ("\"RECORD\"", Mode::Record),
        ("Play", Mode::Play),
        ("\"PLAY,RECORD\"", Mode::PlayAndRecord),
    ] {
        assert_eq!(
            specs(&format!("RTP/AVP;unicast;mode={text}"))[0].mode,
            Some(mode),
            "{text}"
        );
    }
}

#[test]
fn r1_trans_10_udp_is_meant_when_nothing_is_said() {
    assert_eq!(
        specs("RTP/AVP;unicast;client_port=1-2"),
        specs("RTP/AVP/UDP;unicast;client_port=1-2")
    );
}

#[test]
fn r1_trans_11_unknown_parameters_are_kept_and_do_no_harm() {
    let spec = &specs("RTP/AVP;unicast;client_port=1-2;x=1;y")[0];
    assert_eq!(spec.client_port, Some((1, Some(2))));
    assert_eq!(
        spec.extensions,
        [("x".into(), Some("1".into())), ("y".into(), None)]
    );
    assert!(spec.is_valid_in(Version::V1_0));
}

#[test]
fn r1_trans_12_a_single_client_port() {
    assert_eq!(
        specs("RTP/AVP;unicast;client_port=5000")[0].client_port,
        Some((5000, None))
    );
}

#[test]
fn r1_hdr_11_blocksize_is_positive() {
    assert_eq!(header::<Blocksize>("1024"), Ok(Blocksize(1024)));
    assert!(header::<Blocksize>("0").is_err() && header::<Blocksize>("abc").is_err());
}

#[test]
fn r1_hdr_12_bandwidth_is_a_number_of_bits() {
    assert_eq!(header::<Bandwidth>("4000"), Ok(Bandwidth(4000)));
}

#[test]
fn r1_hdr_14_speed_is_one_number_above_zero() {
    let speed = header::<Speed>("2.5").unwrap();
    assert_eq!((speed.lower(), speed.upper()), (2.5, 2.5));
    assert_eq!(encoded(&speed), "2.5");
    assert!(header::<Speed>("0").is_err() && header::<Speed>("0.0").is_err());
}

#[test]
fn r1_hdr_15_timestamps_come_back() {
    assert_eq!(encoded(&header::<Timestamp>("1.5").unwrap()), "1.5");
}

#[test]
fn r1_hdr_16_unreadable_expiries_are_told_from_none() {
    assert!(header::<Expires>("0").is_err());
}

#[test]
fn r1_hdr_17_urls_in_rtp_info_are_bare() {
    let RtpInfo(entries) =
        header("url=rtsp://h/s;streamid=0;seq=1;rtptime=2,url=rtsp://h/t").unwrap();
    assert_eq!(
        (&*entries[0].url, entries[0].seq, entries[0].rtptime),
        ("rtsp://h/s;streamid=0", Some(1), Some(2))
    );
    assert_eq!(
        (&*entries[1].url, entries[1].seq, entries[1].rtptime),
        ("rtsp://h/t", None, None)
    );
}

#[test]
fn r1_hdr_19_credentials_are_those_of_http() {
    let text = "Basic dTpwOnE=";
    let Authorization::Basic { username, password } = header(text).unwrap() else {
        panic!()
    };
    assert_eq!((&*username, &*password), ("u", "p:q"));
    assert_eq!(encoded(&Authorization::Basic { username, password }), text);
}

#[test]
fn r1_hdr_21_referer_has_one_r_in_1_0_and_both_are_read() {
    let mut headers = rtsp_msg::Headers::new();
    Referrer("http://h/".into()).put(Version::V1_0, &mut headers);
    assert_eq!(
        headers.iter().collect::<Vec<_>>(),
        [("Referer", "http://h/")]
    );
    for name in ["Referer", "Referrer"] {
        let asked = request(format!("OPTIONS * RTSP/1.0\r\n{name}: http://h/\r\n\r\n"));
        let leniency = Leniency::default();
        let found = Referrer::of(&asked.headers, &mut rtsp_msg::Tolerance::new(&leniency));
        assert_eq!(found, Ok(Some(Referrer("http://h/".into()))), "{name}");
    }
}

#[test]
fn r1_hdr_22_option_tags() {
    assert_eq!(
        header_lines::<Require>(&["com.foo.x"]).unwrap().0,
        ["com.foo.x"]
    );
    for text in ["a b", "a\u{e9}", "a;b"] {
        assert!(header::<Require>(text).is_err(), "{text}");
    }
}

#[test]
fn r1_hdr_24_what_a_body_is_and_where() {
    let answered = response(
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Base: rtsp://h/a/\r\nContent-Location: a.sdp\r\n\
         Content-Encoding: gzip\r\nContent-Language: en, mi\r\n\r\n",
    );
    let headers = &answered.headers;
    assert_eq!(headers.typed(), Ok(Some(ContentBase("rtsp://h/a/".into()))));
    assert_eq!(headers.typed(), Ok(Some(ContentLocation("a.sdp".into()))));
    assert_eq!(
        headers.typed(),
        Ok(Some(ContentEncoding(vec!["gzip".into()])))
    );
    assert_eq!(
        headers.typed(),
        Ok(Some(ContentLanguage(vec!["en".into(), "mi".into()])))
    );
}

#[test]
fn r1_hdr_25_location_is_absolute() {
    assert_eq!(
        header::<Location>("rtsp://h:8554/a").unwrap().0.port(),
        Some(8554)
    );
    assert!(header::<Location>("/a").is_err());
}

#[test]
fn r1_hdr_26_retry_after_in_both_forms() {
    assert_eq!(header::<RetryAfter>("2"), Ok(RetryAfter::Seconds(2)));
    assert!(matches!(
        header::<RetryAfter>("Fri, 31 Dec 1999 23:59:59 GMT"),
        Ok(RetryAfter::At(_))
    ));
}

#[test]
fn r1_auth_08_digest_with_or_without_qop() {
    for text in [
        "Digest username=\"u\", realm=\"a\", nonce=\"b\", uri=\"rtsp://h/\", response=\"00112233445566778899aabbccddeeff\"",
        "Digest username=\"u\", realm=\"a\", nonce=\"b\", uri=\"rtsp://h/\", response=\"00112233445566778899aabbccddeeff\", \
         cnonce=\"c\", qop=auth, nc=00000001",
    ] {
        assert_eq!(encoded(&header::<Authorization>(text).unwrap()), text);
    }
}
