//! A server that sends its readers away.

use std::time::{Duration, SystemTime};

use crate::{
    House, answer, ask,
    peer::{Event, Peer, within},
    request, setup,
    source::{Source, address, av, has_rtcp, server_with},
};

const TARGET: &str = "rtsp://192.0.2.9:8554";

#[tokio::test]
async fn r2_redir_01_02_r2_sm_10_readers_of_2_0_are_redirected() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", "/live").await;
    ask(&mut peer, "PLAY", "/live", "").await.expect(200);
    let moves = async {
        let redirect = request(&mut peer, "REDIRECT").await;
        let uri = peer.uri("/live");
        assert_eq!(redirect.first_line, format!("REDIRECT {uri} RTSP/2.0"));
        assert_eq!(redirect.expect_header("Location"), format!("{TARGET}/live"));
        assert_eq!(
            redirect.expect_header("Session"),
            peer.session.as_deref().unwrap()
        );
        let reason = redirect.expect_header("Terminate-Reason");
        assert!(reason.starts_with("Server-Admin"), "{reason}");
        answer(&mut peer, &redirect, "200 OK").await;
    };
    let (drained, ()) = tokio::join!(house.server.drain(Some(TARGET)), moves);
    drained.expect("a URI");
    // The session is gone, the connection is not, and who comes now goes there at once.
    ask(&mut peer, "PLAY", "/live", "").await.expect(454);
    peer.session = None;
    for method in ["DESCRIBE", "SETUP"] {
        let answer = match method {
            "SETUP" => setup(&mut peer, "/live", 0, "").await,
            _ => ask(&mut peer, method, "/live", "").await,
        };
        let location = answer.expect(302).expect_header("Location").to_owned();
        assert_eq!(
            location,
            format!("{TARGET}/live"),
            "R2-STAT-03, R2-STAT-04, R2-CODE-03"
        );
        assert!(answer_has_no_body(&mut peer).await);
    }
}

/// The next exchange works, so nothing but the head was sent.
async fn answer_has_no_body(peer: &mut crate::peer::Peer) -> bool {
    peer.sync().await;
    true
}

#[tokio::test]
async fn r1_redir_01_readers_of_1_0_are_redirected_and_let_go() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/1.0", "/live").await;
    ask(&mut peer, "PLAY", "/live", "").await.expect(200);
    let moves = async {
        let redirect = request(&mut peer, "REDIRECT").await;
        assert!(redirect.first_line.ends_with(" RTSP/1.0"));
        assert_eq!(redirect.expect_header("Location"), format!("{TARGET}/live"));
        assert_eq!(redirect.header("Terminate-Reason"), None);
        // FFmpeg does not know the method.
        answer(&mut peer, &redirect, "501 Not Implemented").await;
    };
    let (drained, ()) = tokio::join!(house.server.drain(Some(TARGET)), moves);
    drained.expect("a URI");
    peer.until_closed().await;
}

#[tokio::test]
async fn r2_tear_06_11_r2_media_10_without_a_target_sessions_end_with_a_reason() {
    let mut house = House::new().await;
    // Media were sent, so that there is a source to say goodbye for.
    let mut new = house.ready("RTSP/2.0", "/live").await;
    let mut old = house.ready("RTSP/1.0", "/live").await;
    ask(&mut new, "PLAY", "/live", "").await.expect(200);
    ask(&mut old, "PLAY", "/live", "").await.expect(200);
    let packet = crate::source::Track::video().key(300);
    house.source.send(0, &packet).await;
    new.frame_on(0).await;
    old.frame_on(0).await;
    within("drain", house.server.drain(None))
        .await
        .expect("nothing to be wrong");
    let teardown = request(&mut new, "TEARDOWN").await;
    let reason = teardown.expect_header("Terminate-Reason");
    assert!(reason.starts_with("Server-Admin;user-msg=\""), "{reason}");
    let before = old.until_closed().await;
    assert!(
        before
            .iter()
            .any(|event| matches!(event, Event::Frame(1, report) if has_rtcp(report, 203))),
        "a BYE"
    );
    new.session = None;
    let answer = ask(&mut new, "DESCRIBE", "/live", "").await.expect(503);
    assert!(answer.expect_header("Retry-After").parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_not_waited_for_for_ever() {
    let house = House::new().await;
    let peer = house.ready("RTSP/2.0", "/live").await;
    drop(peer);
    within("drain", house.server.drain(Some(TARGET)))
        .await
        .expect("a URI");
    assert!(house.server.drain(Some("no uri")).await.is_err());
}

#[tokio::test]
async fn r2_ovl_02_r2_code_42_more_sessions_than_there_may_be_are_503() {
    let server = server_with(|config| config.limits.sessions = 3).await;
    // The publisher's is one of them.
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut peers = Vec::new();
    for expected in [200, 200, 503] {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = "RTSP/2.0";
        let answer = setup(&mut peer, "/live", 0, "").await.expect(expected);
        assert_eq!(answer.header("Retry-After").is_some(), expected == 503);
        assert_eq!(answer.header("Session").is_some(), expected == 200);
        // R2-CODE-48: it says why.
        assert_eq!(answer.body.is_empty(), expected == 200);
        peers.push(peer);
    }
    let refused = || server.refused(rtsp_server::Limit::Sessions);
    assert_eq!(refused(), 1);
    ask(&mut peers[0], "TEARDOWN", "/live", "")
        .await
        .expect(200);
    setup(&mut peers[2], "/live", 0, "").await.expect(200);
    assert_eq!(refused(), 1, "counted where it was met, and there only");
}

/// What `time=` of a Terminate-Reason and `clock=` of a Range say, in seconds of the day.
fn seconds_of_day(clock: &str) -> u64 {
    let (_, time) = clock.split_once('T').expect("a time");
    let digits = |at: usize| time[at..at + 2].parse::<u64>().expect("two digits");
    digits(0) * 3600 + digits(2) * 60 + digits(4)
}

#[tokio::test]
async fn r2_redir_05_r1_redir_01_r2_sm_12_until_its_time_a_redirect_changes_nothing() {
    let mut house = House::new().await;
    let mut new = house.ready("RTSP/2.0", "/live").await;
    let mut old = house.ready("RTSP/1.0", "/live").await;
    let mut asks = house.ready("RTSP/2.0", "/live").await;
    for peer in [&mut new, &mut old, &mut asks] {
        ask(peer, "PLAY", "/live", "").await.expect(200);
    }
    let at = SystemTime::now() + Duration::from_secs(2);
    let server = &house.server;
    let source = &mut house.source;
    let peers = async {
        let redirect = request(&mut new, "REDIRECT").await;
        assert_eq!(redirect.expect_header("Location"), format!("{TARGET}/live"));
        redirect.expect_header("Date");
        let time = redirect
            .parameter("Terminate-Reason", "time")
            .expect("a time");
        answer(&mut new, &redirect, "200 OK").await;
        let redirect = request(&mut old, "REDIRECT").await;
        let range = redirect.expect_header("Range");
        let clock = range
            .strip_prefix("clock=")
            .and_then(|it| it.strip_suffix("-"));
        assert_eq!(clock, Some(time.as_str()), "{range}");
        redirect.expect_header("Date");
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        assert_eq!(seconds_of_day(&time), since.ceil() as u64 % 86_400);
        // FFmpeg does not know the method. It may stay as long as the others.
        answer(&mut old, &redirect, "501 Not Implemented").await;
        // Who comes now goes there at once.
        let mut next = Peer::connect(address(server)).await;
        next.version = "RTSP/2.0";
        setup(&mut next, "/live", 0, "").await.expect(302);
        // DESCRIBE is sent elsewhere, and is about no session, whatever it names (RFC 7826 §18, Figure 3).
        let redirect = request(&mut asks, "REDIRECT").await;
        answer(&mut asks, &redirect, "200 OK").await;
        let moved = ask(&mut asks, "DESCRIBE", "/live", "").await.expect(302);
        assert_eq!(moved.expect_header("Location"), format!("{TARGET}/live"));
        ask(&mut asks, "PAUSE", "/live", "").await.expect(200);
        // All play on.
        let packet = crate::source::Track::video().key(300);
        source.send(0, &packet).await;
        while new.frame_on(0).await != packet {}
        while old.frame_on(0).await != packet {}
        ask(&mut new, "PAUSE", "/live", "").await.expect(200);
        ask(&mut new, "PLAY", "/live", "").await.expect(200);
        assert!(SystemTime::now() < at, "a machine that is far too busy");
        let teardown = request(&mut new, "TEARDOWN").await;
        let reason = teardown.expect_header("Terminate-Reason");
        assert!(reason.starts_with("Server-Admin"), "{reason}");
        assert!(SystemTime::now() >= at);
        let before = old.until_closed().await;
        let bye = |event: &Event| matches!(event, Event::Frame(1, report) if has_rtcp(report, 203));
        assert!(before.iter().any(bye), "a BYE");
        ask(&mut new, "PLAY", "/live", "").await.expect(454);
    };
    let (redirected, ()) = tokio::join!(server.redirect(TARGET, at), peers);
    redirected.expect("a URI");
    assert!(server.redirect("no uri", at).await.is_err());
}

#[tokio::test]
async fn r2_redir_10_who_does_not_answer_a_redirect_is_not_waited_for() {
    let server =
        server_with(|config| config.limits.answer_timeout = Duration::from_millis(500)).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let far = SystemTime::now() + Duration::from_secs(3600);
    let mut peer = Peer::connect(address(&server)).await;
    peer.version = "RTSP/2.0";
    setup(&mut peer, "/live", 0, "").await.expect(200);
    let mut old = Peer::connect(address(&server)).await;
    setup(&mut old, "/live", 0, "").await.expect(200);
    let silent = async {
        request(&mut old, "REDIRECT").await;
        request(&mut peer, "REDIRECT").await;
        let teardown = request(&mut peer, "TEARDOWN").await;
        assert!(
            teardown
                .expect_header("Terminate-Reason")
                .starts_with("Server-Admin")
        );
        ask(&mut peer, "PLAY", "/live", "").await.expect(454);
        // In RTSP/1.0, where FFmpeg does not answer, it may stay until then.
        ask(&mut old, "PLAY", "/live", "").await.expect(200);
        ask(&mut old, "TEARDOWN", "/live", "").await.expect(200);
    };
    // An hour ahead, and nobody is left to wait for.
    let redirected = within("redirect", server.redirect(TARGET, far));
    tokio::join!(redirected, silent).0.expect("a URI");
}
