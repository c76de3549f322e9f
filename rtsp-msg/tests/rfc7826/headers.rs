//! Headers but Transport (RFC 7826 §18).

use super::*;

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
