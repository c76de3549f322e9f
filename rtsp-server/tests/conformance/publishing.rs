//! ANNOUNCE and RECORD of RTSP/1.0.

use crate::{
    TCP,
    peer::Peer,
    source::{Source, Track, address, announce, audio, av, server, video},
};

#[tokio::test]
async fn r1_ann_01_what_is_announced_is_described() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let answer = peer.ask("DESCRIBE", &uri, "").await.expect(200);
    assert!(answer.text().contains("a=rtpmap:96 H264/90000"));
    peer.play_tcp("/live", 1).await;
    let packet = Track::video().key(100);
    source.send(0, &packet).await;
    assert_eq!(peer.frame_on(0).await, packet);
}

#[tokio::test]
async fn r1_ann_02_05_only_a_description_that_can_be_read() {
    let server = server(1).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    peer.ask_with(
        "ANNOUNCE",
        &uri,
        "Content-Type: text/plain\r\n",
        av().as_bytes(),
    )
    .await
    .expect(415);
    peer.ask_with(
        "ANNOUNCE",
        &uri,
        "Content-Type: application/sdp\r\n",
        b"xyz",
    )
    .await
    .expect(400);
    peer.ask("ANNOUNCE", &uri, "Content-Type: application/sdp\r\n")
        .await
        .expect(400);
    // Nothing was stored.
    peer.ask("DESCRIBE", &uri, "").await.expect(404);
    peer.setup(&format!("{uri}/streamid=0"), &format!("{TCP};mode=record"))
        .await
        .expect(404);
    announce(&mut peer, "/live", &av()).await.expect(200);
}

#[tokio::test]
async fn r1_ann_03_a_second_announce_replaces_the_first() {
    let server = server(1).await;
    let mut peer = Peer::connect(address(&server)).await;
    announce(&mut peer, "/live", &av()).await.expect(200);
    let mut source = Source::tcp_on(peer, "/live", &audio()).await;
    let mut reader = Peer::connect(address(&server)).await;
    let uri = reader.uri("/live");
    let answer = reader.ask("DESCRIBE", &uri, "").await.expect(200);
    assert_eq!(
        answer.text().matches("\r\nm=").count(),
        1,
        "{}",
        answer.text()
    );
    assert!(answer.text().contains("m=audio"));
    reader.play_tcp("/live", 1).await;
    let packet = Track::audio().sound(100);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
}

#[tokio::test]
async fn r1_rec_01_record_needs_a_session_for_it() {
    let server = server(1).await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    peer.ask("RECORD", &uri, "").await.expect(454);
    peer.setup(&format!("{uri}/trackID=0"), &format!("{TCP};mode=\"PLAY\""))
        .await
        .expect(200);
    let answer = peer.ask("RECORD", &uri, "").await.expect(455);
    assert!(answer.expect_header("Allow").contains("PLAY"));
}

#[tokio::test]
async fn r1_rec_05_append_is_refused() {
    let server = server(1).await;
    let mut peer = Peer::connect(address(&server)).await;
    announce(&mut peer, "/live", &video()).await.expect(200);
    let uri = format!("{}/streamid=0", peer.uri("/live"));
    let answer = peer.setup(&uri, &format!("{TCP};mode=record;append")).await;
    assert!(answer.status() >= 400, "{answer:#?}");
    peer.setup(&uri, &format!("{TCP};mode=record"))
        .await
        .expect(200);
}

#[tokio::test]
async fn r1_rec_06_recording_pauses_and_ends() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 1).await;
    let mut track = Track::video();
    let uri = source.peer.uri("/live");
    for method in ["PAUSE", "RECORD"] {
        let packet = track.key(100);
        source.send(0, &packet).await;
        assert_eq!(reader.frame_on(0).await, packet);
        source.peer.ask(method, &uri, "").await.expect(200);
    }
    let packet = track.key(100);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
    source.teardown().await;
    let mut other = Peer::connect(address(&server)).await;
    other.ask("DESCRIBE", &uri, "").await.expect(404);
}

#[tokio::test]
async fn r1_trans_08_modes_in_any_dress() {
    let server = server(1).await;
    for mode in [
        ";mode=record",
        ";mode=\"RECORD\"",
        ";mode=Record",
        ";mode=\"record\"",
        ";mode=receive",
    ] {
        let mut peer = Peer::connect(address(&server)).await;
        announce(&mut peer, "/live", &video()).await.expect(200);
        let uri = format!("{}/streamid=0", peer.uri("/live"));
        peer.setup(&uri, &format!("{TCP}{mode}")).await.expect(200);
        let uri = peer.uri("/live");
        peer.ask("RECORD", &uri, "").await.expect(200);
        peer.ask("TEARDOWN", &uri, "").await.expect(200);
    }
}
