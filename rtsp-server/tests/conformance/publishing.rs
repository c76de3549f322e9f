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

/// 250 warns of storage that runs out. What is published goes to who reads it, and is stored nowhere: there is nothing to warn of.
#[tokio::test]
async fn r1_rec_04_nothing_is_stored_so_no_storage_runs_low() {
    let server = server(1).await;
    let mut peer = Peer::connect(address(&server)).await;
    announce(&mut peer, "/live", &video()).await.expect(200);
    let uri = peer.uri("/live");
    peer.setup(&format!("{uri}/streamid=0"), &format!("{TCP};mode=record"))
        .await
        .expect(200);
    // Not even for a thousand hours.
    peer.ask("RECORD", &uri, "Range: npt=0-3600000\r\n")
        .await
        .expect(200);
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
    let packet = track.key(100);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
    source.peer.ask("PAUSE", &uri, "").await.expect(200);
    // While it pauses nothing is recorded: the next that is read is what comes after.
    source.send(0, &track.key(100)).await;
    source.peer.ask("RECORD", &uri, "").await.expect(200);
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

/// What is recorded here is kept under the URI that was asked for and nowhere else: so it is 200, and no Location.
#[tokio::test]
async fn r1_rec_02_a_recording_is_where_it_was_announced() {
    let server = server(1).await;
    let mut source = Peer::connect(address(&server)).await;
    announce(&mut source, "/live", &video()).await.expect(200);
    let uri = source.uri("/live");
    let record = format!("{TCP};mode=record");
    source
        .setup(&format!("{uri}/streamid=0"), &record)
        .await
        .expect(200);
    let answer = source.ask("RECORD", &uri, "").await.expect(200);
    assert_eq!(answer.header("Location"), None);
    let mut peer = Peer::connect(address(&server)).await;
    peer.play_tcp("/live", 1).await;
    let packet = Track::video().key(100);
    source.send_frame(0, &packet).await;
    assert_eq!(peer.frame_on(0).await, packet);
}

/// A publisher that has announced and set up `/live`.
async fn ready_to_record(server: &rtsp_server::ServerHandle) -> Peer {
    let mut source = Peer::connect(address(server)).await;
    announce(&mut source, "/live", &video()).await.expect(200);
    let uri = format!("{}/streamid=0", source.uri("/live"));
    source
        .setup(&uri, &format!("{TCP};mode=record"))
        .await
        .expect(200);
    source
}

/// `clock` of so many seconds from now, as Unix knows them.
fn clock(seconds: i64) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let at = now.as_secs().checked_add_signed(seconds).unwrap();
    let time = rtsp_msg::headers::UtcTime::from_unix(std::time::Duration::from_secs(at)).unwrap();
    time.to_string()
}

#[tokio::test]
async fn r1_rec_03_what_is_live_is_recorded_by_the_clock() {
    let server = server(1).await;
    let mut source = ready_to_record(&server).await;
    let uri = source.uri("/live");
    for (range, status) in [
        ("smpte=0:10:00-".to_owned(), 501),
        (format!("clock={}-", clock(3600)), 456),
        (format!("clock=-{}", clock(-60)), 456),
        (format!("clock={}-{}", clock(-3600), clock(-60)), 456),
        ("clock=nonsense-".to_owned(), 400),
    ] {
        let answer = source
            .ask("RECORD", &uri, &format!("Range: {range}\r\n"))
            .await;
        assert_eq!(answer.status(), status, "{range}: {answer:#?}");
    }
    // FFmpeg's habit says nothing; what has begun begins now.
    source
        .ask("RECORD", &uri, "Range: npt=0.000-\r\n")
        .await
        .expect(200);
    let range = format!("Range: clock={}-\r\n", clock(-3600));
    let answer = source.ask("RECORD", &uri, &range).await.expect(200);
    let told = answer.expect_header("Range");
    assert!(
        [-2, -1, 0]
            .iter()
            .any(|ago| *told == format!("clock={}-", clock(*ago))),
        "{told}"
    );
}

#[tokio::test]
async fn r1_rec_03_a_recording_ends_by_the_clock() {
    let server = server(1).await;
    let mut source = ready_to_record(&server).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = source.uri("/live");
    let range = format!("Range: clock=-{}\r\n", clock(2));
    source.ask("RECORD", &uri, &range).await.expect(200);
    peer.play_tcp("/live", 1).await;
    let mut track = Track::video();
    let before = track.key(100);
    source.send_frame(0, &before).await;
    assert_eq!(peer.frame_on(0).await, before);
    // A media is set up anew in Ready, not in Record.
    let media = format!("{uri}/streamid=0");
    let record = format!("{TCP};mode=record");
    let mut refused = 0;
    while source.setup(&media, &record).await.status() == 455 {
        refused += 1;
    }
    assert!(refused > 0, "it was recorded first");
    let after = track.key(100);
    source.send_frame(0, &after).await;
    source.sync().await;
    // Had it been taken, it would have come before the answer.
    peer.sync().await;
    source.ask("RECORD", &uri, "").await.expect(200);
    let again = track.key(100);
    source.send_frame(0, &again).await;
    assert_eq!(peer.frame_on(0).await, again);
}
