//! Playing and recording, as they should go.

use super::*;

#[test]
fn a_session_from_options_to_teardown() {
    with_every_split(|split| {
        let mut bench = Bench::new(split);
        bench.describe(&["Server: Cam/1", "Content-Base: rtsp://cam.example/live/"]);
        assert_eq!(bench.session.server(), Some("Cam/1"));
        assert_eq!(bench.session.description().unwrap().media.len(), 2);

        let setup = bench.setup(
            0,
            &[
                "Session: abc;timeout=20",
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1",
            ],
        );
        assert!(
            setup.starts_with("SETUP rtsp://cam.example/live/trackID=0 RTSP/1.0"),
            "{setup}"
        );
        let transport = header(&setup, "Transport").unwrap();
        assert_eq!(transport, "RTP/AVP/TCP;unicast;interleaved=0-1");
        assert_eq!(header(&setup, "Session"), None);
        assert!(matches!(bench.event(), Event::SetUp { media: 0, .. }));
        let setup = bench.setup(
            1,
            &["Session: abc", "Transport: RTP/AVP/TCP;interleaved=2-3"],
        );
        assert_eq!(header(&setup, "Session"), Some("abc"));
        bench.event();
        assert_eq!(bench.session.timeout(), Some(Duration::from_secs(20)));

        let request = PlayRequest::from(Duration::from_millis(1_500));
        bench.command(|session, now| session.play(now, &request));
        let play = bench.request();
        assert!(
            play.starts_with("PLAY rtsp://cam.example/live/ RTSP/1.0"),
            "{play}"
        );
        assert_eq!(header(&play, "Range"), Some("npt=1.5-"));
        // Packets overtake the response to PLAY (v4l2rtspserver).
        bench.arrives(b"$\x00\x00\x04earl");
        let info =
            "RTP-Info: url=rtsp://cam.example/live/trackID=0;seq=7;rtptime=70,url=trackID=1;seq=8";
        bench.arrives(response(
            &play,
            "200 OK",
            &["Session: abc", "Range: npt=1.5-9", info],
            "",
        ));
        bench.arrives(b"$\x03\x00\x02ok");
        let Event::Playing(info) = bench.event() else {
            panic!()
        };
        assert_eq!(info.start, Some(Duration::from_millis(1_500)));
        assert_eq!(info.points[0].timestamp, Some(70));
        assert_eq!(
            (info.points[1].sequence, info.points[1].timestamp),
            (Some(8), None)
        );
        assert_eq!(bench.frames, [(0, b"earl".to_vec()), (3, b"ok".to_vec())]);
        assert_eq!(bench.session.channel(3), Some((1, PacketKind::Rtcp)));
        assert_eq!(bench.session.channel(4), None);
        assert_eq!(bench.session.state(), State::Playing);

        bench.command(ClientSession::teardown);
        let teardown = bench.answer("200 OK", &[], "");
        assert!(teardown.starts_with("TEARDOWN rtsp://cam.example/live/ RTSP/1.0"));
        assert!(matches!(bench.event(), Event::TornDown));
        assert_eq!(bench.session.state(), State::Init);
    });
}

#[test]
fn the_base_of_control_uris() {
    for (headers, control) in [
        (&[][..], "rtsp://cam.example/live/trackID=0"),
        (
            &["Content-Base: rtsp://10.0.0.9/x/"],
            "rtsp://10.0.0.9/x/trackID=0",
        ),
        (&["Content-Base: "], "rtsp://cam.example/live/trackID=0"),
        (
            &["Content-Location: rtsp://cam.example/y"],
            "rtsp://cam.example/y/trackID=0",
        ),
        (
            &["Content-Location: rtsp://a/", "Content-Base: rtsp://b/z"],
            "rtsp://b/z/trackID=0",
        ),
        (
            &["Content-Base: /relative/"],
            "rtsp://cam.example/relative/trackID=0",
        ),
    ] {
        let mut bench = Bench::new(usize::MAX);
        bench.describe(headers);
        let setup = bench.setup(0, &["Session: abc"]);
        assert!(
            setup.starts_with(&format!("SETUP {control} RTSP/1.0")),
            "{headers:?} {setup}"
        );
    }
}

#[test]
fn keep_alives_at_half_the_timeout_that_nobody_waits_for() {
    let mut bench = Bench::new(usize::MAX);
    bench.play();
    for _ in 0..100 {
        bench.passes(Duration::from_secs(10));
        // Never answered; the session goes on all the same.
        let request = bench.request();
        assert!(
            request.starts_with("GET_PARAMETER rtsp://cam.example/live RTSP/1.0"),
            "{request}"
        );
        assert_eq!(header(&request, "Session"), Some("abc"));
    }
    assert!(bench.events.is_empty());
    assert!(bench.closed.is_none());
    bench.passes(Duration::from_secs(10));
    bench.answer("501 Not Implemented", &[], "");
    bench.passes(Duration::from_secs(10));
    let request = bench.answer("200 OK", &[], "");
    assert!(
        request.starts_with("OPTIONS rtsp://cam.example/live RTSP/1.0"),
        "{request}"
    );
    bench.passes(Duration::from_secs(10));
    bench.answer("454 Session Not Found", &[], "");
    assert!(matches!(
        bench.event(),
        Event::Ended(EndReason::SessionLost)
    ));
    bench.passes(Duration::from_secs(100));
    assert!(bench.sent.is_empty(), "nothing is left to keep alive");
}

#[test]
fn recording_announces_sets_up_and_records() {
    with_every_split(|split| {
        let mut bench = Bench::new(split);
        let description = sdp::Description::parse(SDP.as_bytes()).unwrap();
        bench.command(|session, now| session.announce(now, description));
        bench.answer("200 OK", &["Public: ANNOUNCE, SETUP, RECORD"], "");
        let announce = bench.answer("200 OK", &[], "");
        assert!(announce.starts_with("ANNOUNCE rtsp://cam.example/live RTSP/1.0"));
        assert_eq!(header(&announce, "Content-Type"), Some("application/sdp"));
        assert!(announce.contains("a=control:trackID=1"));
        assert!(matches!(bench.event(), Event::Announced));
        let request = TransportRequest::Udp {
            rtp: 5000,
            rtcp: 5001,
        };
        bench.command(|session, now| session.setup(now, 0, request));
        let transport =
            "Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;mode=receive";
        let setup = bench.answer("200 OK", &["Session: abc", transport], "");
        let asked = header(&setup, "Transport").unwrap();
        assert!(
            asked.starts_with("RTP/AVP;unicast;client_port=5000-5001;mode="),
            "{asked}"
        );
        assert!(asked.to_ascii_lowercase().contains("record"), "{asked}");
        let Event::SetUp { transport, .. } = bench.event() else {
            panic!()
        };
        let MediaTransport::Udp { server, .. } = transport else {
            panic!()
        };
        assert_eq!(server, Some((6000, 6001)));
        bench.command(ClientSession::record);
        let record = bench.answer("200 OK", &[], "");
        assert!(record.starts_with("RECORD rtsp://cam.example/live RTSP/1.0"));
        assert!(matches!(bench.event(), Event::Recording));
        assert_eq!(bench.session.state(), State::Recording);
    });
}

#[test]
fn pause_and_play_on() {
    let mut bench = Bench::new(3);
    bench.play();
    bench.command(ClientSession::pause);
    bench.answer("200 OK", &["Session: abc"], "");
    assert!(matches!(bench.event(), Event::Paused));
    assert_eq!(bench.session.state(), State::Ready);
    let resume = PlayRequest::resume();
    bench.command(|session, now| session.play(now, &resume));
    let play = bench.answer("200 OK", &["Session: abc"], "");
    assert_eq!(header(&play, "Range"), None);
    assert!(matches!(bench.event(), Event::Playing(_)));
}

#[test]
fn the_server_asks_and_is_answered() {
    with_every_split(|split| {
        let mut bench = Bench::new(split);
        bench.play();
        for (request, expected) in [
            ("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "200 OK"),
            (
                "GET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 2\r\nSession: abc\r\n\r\n",
                "200 OK",
            ),
            (
                "SET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\na: b",
                "451",
            ),
            ("FROB rtsp://x/ RTSP/1.0\r\nCSeq: 4\r\n\r\n", "501"),
            (
                "TEARDOWN rtsp://x/ RTSP/1.0\r\nCSeq: 5\r\nSession: other\r\n\r\n",
                "454",
            ),
        ] {
            bench.arrives(request);
            let answer = bench.request();
            assert!(
                answer.starts_with(&format!("RTSP/1.0 {expected}")),
                "{answer}"
            );
            assert_eq!(header(&answer, "CSeq"), header(request, "CSeq"));
            assert!(bench.events.is_empty());
        }
        bench.arrives("TEARDOWN rtsp://x/ RTSP/1.0\r\nCSeq: 6\r\nSession: abc\r\n\r\n");
        assert!(bench.request().starts_with("RTSP/1.0 200"));
        assert!(matches!(
            bench.event(),
            Event::Ended(EndReason::TornDown(None))
        ));
    });
}

#[test]
fn the_server_sends_us_elsewhere() {
    let mut bench = Bench::new(1);
    bench.play();
    bench.arrives("REDIRECT * RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://other.example/live\r\n\r\n");
    assert!(bench.sent.remove(0).starts_with("RTSP/1.0 200"));
    assert!(bench.request().starts_with("TEARDOWN "));
    let Event::Redirected(redirect) = bench.event() else {
        panic!()
    };
    assert_eq!(redirect.uri.as_str(), "rtsp://other.example/live");
    assert!(!redirect.same_host);
}
