//! What PLAY asks for, and what its answer tells about the range.

use rtsp_msg::headers::MediaProperty;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::Scale;
use rtsp_msg::headers::SeekStyle;
use rtsp_msg::headers::Speed;

use super::*;

/// Set up, in this version.
fn ready(policy: VersionPolicy) -> Bench {
    let config = SessionConfig {
        version: policy,
        ..SessionConfig::default()
    };
    let mut bench = Bench::with(usize::MAX, config);
    let version = match policy {
        VersionPolicy::V2_0 => "RTSP/2.0",
        _ => "RTSP/1.0",
    };
    let answer = |bench: &mut Bench, headers: &[&str], body| {
        let request = bench.request();
        let answer = response(&request, "200 OK", headers, body);
        bench.arrives(answer.replacen("RTSP/1.0", version, 1));
    };
    bench.command(ClientSession::describe);
    answer(&mut bench, &[], "");
    answer(&mut bench, &["Content-Type: application/sdp"], SDP);
    bench.event();
    let request = TransportRequest::Interleaved { rtp: 0, rtcp: 1 };
    bench.command(|session, now| session.setup(now, 0, request));
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    let properties = "Media-Properties: No-Seeking, Immutable";
    answer(&mut bench, &["Session: abc", transport, properties], "");
    bench.event();
    bench
}

fn range(text: &str) -> Option<Range> {
    Some(Range::parse(text).unwrap())
}

fn asked(policy: VersionPolicy, request: &PlayRequest) -> Result<String, SessionError> {
    let mut bench = ready(policy);
    bench.session.play(bench.now, request)?;
    bench.drain();
    Ok(bench.request())
}

#[test]
fn r2_range_04_negative_scale_asks_for_a_decreasing_range() {
    let backwards = |text: Option<&str>| {
        let request = PlayRequest {
            range: text.map(|text| Range::parse(text).unwrap()),
            scale: Scale::new(-1.0),
            ..PlayRequest::default()
        };
        asked(VersionPolicy::V2_0, &request)
    };
    for (text, sent) in [
        ("npt=15-", "npt=15-0"),
        ("npt=15-10", "npt=15-10"),
        ("smpte=0:00:15-0:00:10", "smpte=0:00:15-0:00:10"),
        (
            "clock=20260101T000010Z-20260101T000000Z",
            "clock=20260101T000010Z-20260101T000000Z",
        ),
    ] {
        let play = backwards(Some(text)).unwrap();
        assert_eq!(header(&play, "Scale"), Some("-1"));
        let range = header(&play, "Range").unwrap();
        assert_eq!(Range::parse(range), Range::parse(sent), "{range}");
    }
    for text in [
        None,
        Some("npt=10-15"),
        Some("npt=-15"),
        Some("clock=20260101T000000Z-"),
    ] {
        let refused = backwards(text);
        assert!(
            matches!(refused, Err(SessionError::Misuse { .. })),
            "{text:?}"
        );
    }
    // Nor a decreasing range forwards.
    let forwards = PlayRequest::of(Range::parse("npt=15-10").unwrap());
    assert!(asked(VersionPolicy::V2_0, &forwards).is_err());
}

#[test]
fn each_version_says_speed_and_seek_style_in_its_way() {
    let request = PlayRequest {
        range: range("npt=10-20"),
        scale: Scale::new(2.0),
        speed: Speed::exact(1.5),
        seek_style: Some(SeekStyle::FirstPrior),
    };
    let play = asked(VersionPolicy::V2_0, &request).unwrap();
    assert_eq!(header(&play, "Range"), Some("npt=10-20"));
    assert_eq!(header(&play, "Scale"), Some("2"));
    assert_eq!(header(&play, "Speed"), Some("1.5-1.5"));
    assert_eq!(header(&play, "Seek-Style"), Some("First-Prior"));
    let play = asked(VersionPolicy::V1_0, &request).unwrap();
    assert_eq!(header(&play, "Speed"), Some("1.5"));
    assert_eq!(header(&play, "Seek-Style"), None);
}

/// What PLAY of ten seconds on is answered with.
fn told(headers: &[&str]) -> (Bench, PlayStart) {
    let mut bench = ready(VersionPolicy::V1_0);
    let request = PlayRequest::from(Duration::from_secs(10));
    bench.command(|session, now| session.play(now, &request));
    let mut all = vec!["Session: abc"];
    all.extend(headers);
    bench.answer("200 OK", &all, "");
    match bench.event() {
        Event::Playing(start) => (bench, start),
        other => panic!("{other:?}"),
    }
}

#[test]
fn r2_range_17_an_unknown_policy_is_ignored_and_the_range_counts() {
    let (_, start) = told(&["Range: npt=8.5-30", "Seek-Style: Psychic"]);
    assert_eq!(start.seek_style, None);
    assert_eq!(start.start, Some(Duration::from_millis(8_500)));
    let (_, start) = told(&["Range: npt=8.5-30", "Seek-Style: RAP"]);
    assert_eq!(start.seek_style, Some(SeekStyle::Rap));
}

#[test]
fn the_server_says_what_it_does() {
    let (_, start) = told(&["Range: npt=10-20", "Scale: 2.0", "Speed: 0.5-1.5"]);
    assert_eq!(start.range, range("npt=10-20"));
    assert_eq!(start.scale, Scale::new(2.0));
    assert_eq!(start.speed, Speed::between(0.5, 1.5));
    let (_, start) = told(&[]);
    assert_eq!((start.scale, start.speed, start.range), (None, None, None));
}

#[test]
fn r2_media_02_properties_that_are_not_known_are_ignored() {
    let (bench, _) = told(&["Media-Properties: Foo=1, Immutable, Random-Access=5.0, Bar"]);
    assert_eq!(bench.session.seeking(), Seeking::Anywhere);
    let known = bench.session.media_properties().unwrap();
    assert!(known.0.contains(&MediaProperty::Immutable));
    // Nothing known about seeking: the description has the word.
    let (bench, _) = told(&["Media-Properties: Foo=1"]);
    assert_eq!(bench.session.seeking(), Seeking::Unknown);
}

#[test]
fn r2_sdp_13_and_r1_sdp_05_an_open_end_cannot_be_sought_in_unless_the_server_says_otherwise() {
    let described = |session: &str, media: &str| {
        let sdp = SDP
            .replacen("a=control:*\r\n", &format!("a=control:*\r\n{session}"), 1)
            .replacen("trackID=0\r\n", &format!("trackID=0\r\n{media}"), 1);
        let mut bench = Bench::new(usize::MAX);
        bench.command(ClientSession::describe);
        bench.answer("200 OK", &[], "");
        bench.answer("200 OK", &["Content-Type: application/sdp"], &sdp);
        bench.event();
        bench
    };
    for (session, media, expected) in [
        ("a=range:npt=0-\r\n", "", Seeking::Nowhere),
        ("a=range:npt=now-\r\n", "", Seeking::Nowhere),
        ("a=range:npt=0-30\r\n", "", Seeking::Anywhere),
        ("", "a=range:npt=0-30\r\n", Seeking::Anywhere),
        ("", "a=range:clock=20260101T000000Z-\r\n", Seeking::Nowhere),
        (
            "a=range:npt=0-\r\n",
            "a=range:npt=0-30\r\n",
            Seeking::Nowhere,
        ),
        ("", "", Seeking::Unknown),
        ("a=range:bananas=3-\r\n", "", Seeking::Unknown),
    ] {
        let bench = described(session, media);
        assert_eq!(bench.session.seeking(), expected, "{session:?} {media:?}");
    }
    let mut bench = described("a=range:npt=0-\r\n", "");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    let properties = "Media-Properties: Random-Access, Time-Progressing, Unlimited";
    bench.setup(0, &["Session: abc", transport, properties]);
    assert_eq!(bench.session.seeking(), Seeking::Anywhere);
}

#[test]
fn r2_rtpi_08_rtp_info_may_lack_one_of_its_numbers() {
    let (_, start) = told(&["RTP-Info: url=rtsp://cam.example/live/trackID=0;rtptime=70"]);
    assert_eq!(start.points[0].sequence, None);
    assert_eq!(start.points[0].timestamp, Some(70));
    let (_, start) = told(&["RTP-Info: url=rtsp://cam.example/live/trackID=0;seq=7"]);
    assert_eq!(start.points[0].sequence, Some(7));
    assert_eq!(start.points[0].timestamp, None);
}
