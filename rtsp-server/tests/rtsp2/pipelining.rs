//! A whole session in one write.

use crate::{BOTH, FILM, House, ask, peer::Event};

#[tokio::test]
async fn r2_pipe_01_02_04_07_setup_setup_play_in_one_write() {
    let house = House::new().await;
    let mut peer = house.peer("RTSP/2.0").await;
    peer.extra = "Pipelined-Requests: 31\r\n".into();
    let mut all = Vec::new();
    for media in 0..2 {
        let uri = format!("{}/trackID={media}", peer.uri(FILM));
        let transport = format!(
            "Transport: RTP/AVP/TCP;unicast;interleaved={}-{}\r\n",
            media * 2,
            media * 2 + 1
        );
        all.extend(peer.request("SETUP", &uri, &transport, b""));
    }
    let uri = peer.uri(FILM);
    all.extend(peer.request("PLAY", &uri, "Range: npt=0-\r\n", b""));
    peer.send(&all).await;
    let mut session = None;
    for cseq in 1..=3 {
        // No media before the answer to PLAY.
        let Event::Message(answer) = peer.next().await else {
            panic!("an answer");
        };
        assert_eq!(
            (answer.status(), answer.expect_header("CSeq")),
            (200, &*cseq.to_string())
        );
        let id = answer.expect_header("Session").split(';').next().unwrap();
        assert_eq!(*session.get_or_insert_with(|| id.to_owned()), id);
    }
    peer.frame_on(0).await;
    peer.frame_on(2).await;
    ask(&mut peer, "TEARDOWN", FILM, "").await.expect(200);
    ask(&mut peer, "PLAY", FILM, "").await.expect(454);
}

#[tokio::test]
async fn pipelined_names_mean_nothing_in_1_0() {
    let house = House::new().await;
    for (version, code) in BOTH.into_iter().zip([454, 200]) {
        let mut peer = house.peer(version).await;
        peer.extra = "Pipelined-Requests: 1\r\n".into();
        let mut first = crate::setup(&mut peer, "/live", 0, "").await;
        first = first.expect(200);
        first.expect_header("Session");
        peer.session = None;
        ask(&mut peer, "PLAY", "/live", "").await.expect(code);
    }
}
