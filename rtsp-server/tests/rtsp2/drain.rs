//! A server that sends its readers away.

use crate::{
    House, answer, ask,
    peer::{Event, within},
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
        let mut peer = crate::peer::Peer::connect(address(&server)).await;
        peer.version = "RTSP/2.0";
        let answer = setup(&mut peer, "/live", 0, "").await.expect(expected);
        assert_eq!(answer.header("Retry-After").is_some(), expected == 503);
        assert_eq!(answer.header("Session").is_some(), expected == 200);
        // R2-CODE-48: it says why.
        assert_eq!(answer.body.is_empty(), expected == 200);
        peers.push(peer);
    }
    ask(&mut peers[0], "TEARDOWN", "/live", "")
        .await
        .expect(200);
    setup(&mut peers[2], "/live", 0, "").await.expect(200);
}
