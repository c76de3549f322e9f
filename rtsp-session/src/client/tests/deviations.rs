//! What a server does otherwise than the RFCs say, one fixture each, and the name under which it is told.

use super::*;

fn names(bench: &Bench) -> Vec<(&'static str, u64)> {
    let all = bench.session.deviations().iter();
    all.map(|(deviation, count)| (deviation.name(), *count))
        .collect()
}

/// The same after PLAY, without what came before.
fn noted(bench: &Bench) -> Vec<&'static str> {
    names(bench).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_server_that_keeps_to_the_rules_has_none() {
    with_every_split(|split| {
        let mut bench = Bench::new(split);
        bench.play();
        assert_eq!(names(&bench), []);
    });
}

#[test]
fn quirk_03_and_12_responses_without_cseq_or_with_that_of_another() {
    let mut bench = Bench::new(usize::MAX);
    bench.command(ClientSession::describe);
    bench.request();
    bench.arrives("RTSP/1.0 200 OK\r\nPublic: DESCRIBE\r\n\r\n");
    let describe = bench.request();
    let repeated = response(&describe, "200 OK", &["Content-Type: application/sdp"], SDP);
    bench.arrives(repeated.replacen("CSeq: 2", "CSeq: 1", 1));
    assert!(matches!(bench.event(), Event::Described));
    assert_eq!(names(&bench), [("missing_cseq", 1), ("wrong_cseq", 1)]);
}

#[test]
fn quirk_04_05_and_06_heads_that_are_not_well_formed_are_counted() {
    with_every_split(|split| {
        let mut bench = Bench::new(split);
        bench.command(ClientSession::describe);
        let options = bench.request();
        let answer = response(&options, "200 OK", &["Public: DESCRIBE"], "");
        bench.arrives(answer.replacen("RTSP/1.0 200 OK", "RTSP/1.0  200  OK", 1));
        let describe = bench.request();
        let answer = response(&describe, "200 OK", &["Content-Type: application/sdp"], SDP);
        bench.arrives(answer.replacen("RTSP/1.0 200", "RTSP/1.0  200", 1));
        bench.event();
        assert_eq!(names(&bench), [("status_line_spaces", 2)]);
    });
}

#[test]
fn quirk_08_and_22_descriptions_that_need_repair() {
    let mut bench = Bench::new(usize::MAX);
    bench.command(ClientSession::describe);
    bench.answer("200 OK", &[], "");
    bench.answer(
        "200 OK",
        &[],
        &SDP.replace("\r\n", "\n").replace("t=0 0\n", ""),
    );
    bench.event();
    let noted = noted(&bench);
    for name in ["missing_content_type", "line-ends", "missing-time"] {
        assert!(noted.contains(&name), "{name}: {noted:?}");
    }
}

#[test]
fn quirk_10_quoted_words_in_a_challenge() {
    let mut bench = Bench::with_credentials(usize::MAX);
    bench.command(ClientSession::describe);
    let challenge = "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\", algorithm=\"MD5\"";
    bench.answer("401 Unauthorized", &[challenge], "");
    assert!(header(&bench.request(), "Authorization").is_some());
    assert_eq!(names(&bench), [("algorithm_quotes", 1)]);
}

#[test]
fn quirk_11_and_12_keep_alives_that_are_refused_or_never_answered() {
    let mut bench = Bench::new(usize::MAX);
    bench.play();
    bench.passes(Duration::from_secs(10));
    bench.answer("551 Option not supported", &[], "");
    assert_eq!(names(&bench), [("keep_alive_refused", 1)]);
    bench.passes(Duration::from_secs(30));
    assert!(noted(&bench).contains(&"keep_alive_unanswered"));
}

#[test]
fn quirk_13_30_31_and_32_what_setup_is_answered_with() {
    let mut bench = Bench::new(usize::MAX);
    bench.describe(&[]);
    bench.setup(
        0,
        &[
            "Session: abc;timeout=0",
            "Transport: RTP/AVP;unicast;interleaved=0-1",
        ],
    );
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=2-3;ssrc= 4A5";
    bench.setup(1, &["Session: other", transport]);
    let noted = noted(&bench);
    for name in [
        "session_timeout",
        "transport_without_lower",
        "changed_session",
        "ssrc_forms",
    ] {
        assert!(noted.contains(&name), "{name}: {noted:?}");
    }
    let request = TransportRequest::Udp {
        rtp: 4000,
        rtcp: 4001,
    };
    bench.command(|session, now| session.setup(now, 1, request));
    let transport = "Transport: RTP/AVP;unicast;client_port=4000-4001;server_port=0-0";
    bench.answer("200 OK", &["Session: abc", transport], "");
    assert!(names(&bench).contains(&("missing_server_port", 1)));
}

#[test]
fn quirk_17_bases_without_a_scheme() {
    let mut bench = Bench::new(usize::MAX);
    bench.describe(&["Content-Base: 192.168.1.10:554/stream0/"]);
    assert_eq!(names(&bench), [("base_uri", 1)]);
}

#[test]
fn quirk_33_rtp_info_of_many_kinds() {
    for (info, name) in [
        (
            "url=rtsp://cam.example/live/trackID=0;seq=1;rtptime=-5",
            "rtp_info_numbers",
        ),
        (
            "url=rtsp://cam.example/live/trackID=0;seq=1;",
            "empty_elements",
        ),
        ("url=rtsp://10.0.0.1/other;seq=1", "rtp_info_urls"),
        (
            "url=rtsp://cam.example/live/trackID=0;seq=1,url=rtsp://cam.example/live/x;seq=2",
            "rtp_info_urls",
        ),
    ] {
        let mut bench = Bench::new(usize::MAX);
        bench.describe(&[]);
        bench.setup(
            0,
            &[
                "Session: abc",
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1",
            ],
        );
        bench.event();
        bench.command(|session, now| session.play(now, &PlayRequest::resume()));
        bench.answer(
            "200 OK",
            &["Session: abc", &format!("RTP-Info: {info}")],
            "",
        );
        assert_eq!(names(&bench), [(name, 1)], "{info}");
    }
}

#[test]
fn what_gst_rtsp_server_does_in_version_2() {
    let config = SessionConfig {
        version: VersionPolicy::V2_0,
        ..SessionConfig::default()
    };
    let mut bench = Bench::with(usize::MAX, config);
    let answer = |bench: &mut Bench, headers: &[&str], body| {
        let request = bench.request();
        let answer = response(&request, "200 OK", headers, body);
        bench.arrives(answer.replacen("RTSP/1.0", "RTSP/2.0", 1));
    };
    bench.command(ClientSession::describe);
    answer(&mut bench, &["Server: GStreamer RTSP server"], "");
    answer(&mut bench, &["Content-Type: application/sdp"], SDP);
    bench.event();
    let request = TransportRequest::Udp {
        rtp: 60388,
        rtcp: 60389,
    };
    bench.command(|session, now| session.setup(now, 0, request));
    let asked = header(bench.sent.first().unwrap(), "Transport").unwrap();
    assert_eq!(asked, "RTP/AVP;unicast;client_port=60388-60389");
    // As gst-rtsp-server 1.22 answers.
    let transport = "Transport: RTP/AVP;unicast;client_port=60388-60389;server_port=32930-32931;ssrc=8C516550;mode=\"PLAY\"";
    answer(
        &mut bench,
        &[
            "Session: VT0_l-oqzygrpzit",
            transport,
            "Media-Properties: Random-Access",
        ],
        "",
    );
    bench.event();
    bench.command(|session, now| session.play(now, &PlayRequest::from(Duration::ZERO)));
    let info = "RTP-Info: url=rtsp://cam.example/live/trackID=0;seq=31601;rtptime=142598270";
    answer(
        &mut bench,
        &["Session: VT0_l-oqzygrpzit", info, "Range: npt=0-30"],
        "",
    );
    let Event::Playing(start) = bench.event() else {
        panic!()
    };
    assert_eq!(start.points[0].timestamp, Some(142_598_270));
    let noted = noted(&bench);
    assert_eq!(
        noted,
        ["old_transport", "missing_accept_ranges", "old_rtp_info"]
    );
}
