//! DESCRIBE of a published stream, and the names that it goes by.

use crate::{
    peer::Peer,
    source::{FMTP, Source, Track, address, audio, av, is_key, server, video},
};

#[tokio::test]
async fn describe_tells_what_was_announced() {
    let server = server(2).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut peer = Peer::connect(address(&server)).await;
    for path in ["/live", "/live/"] {
        let uri = peer.uri(path);
        let answer = peer
            .ask("DESCRIBE", &uri, "Accept: application/sdp\r\n")
            .await
            .expect(200);
        assert_eq!(answer.first_line, "RTSP/1.0 200 OK");
        assert_eq!(answer.expect_header("Content-Type"), "application/sdp");
        assert_eq!(answer.expect_header("Content-Base"), peer.uri("/live/"));
        assert_eq!(
            answer.expect_header("Content-Length"),
            answer.body.len().to_string()
        );
        assert!(answer.header("Session").is_none(), "{answer:#?}");
        let lines: Vec<&str> = answer.text().split("\r\n").collect();
        for line in [
            "v=0",
            "s=Two media",
            "t=0 0",
            "c=IN IP4 0.0.0.0",
            "a=control:*",
            "m=video 0 RTP/AVP 96",
            "a=rtpmap:96 H264/90000",
            &format!("a=fmtp:96 {FMTP}"),
            "a=framerate:25",
            "a=control:trackID=0",
            "m=audio 0 RTP/AVP 0",
            "b=AS:64",
            "a=control:trackID=1",
        ] {
            assert!(lines.contains(&line), "{line} in {lines:#?}");
        }
        assert!(!answer.text().contains("streamid"), "{lines:#?}");
        assert!(lines[1].starts_with("o="), "{lines:#?}");
    }
    let uri = peer.uri("/nothing");
    peer.ask("DESCRIBE", &uri, "").await.expect(404);
    let uri = peer.uri("/live");
    peer.ask("DESCRIBE", &uri, "Accept: text/html\r\n")
        .await
        .expect(406);
}

#[tokio::test]
async fn the_description_is_the_same_for_all_who_ask() {
    let server = server(4).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let mut peer = Peer::connect(address(&server)).await;
        let uri = peer.uri("/live");
        seen.push(peer.ask("DESCRIBE", &uri, "").await.expect(200).body);
    }
    seen.dedup();
    assert_eq!(
        seen.len(),
        1,
        "the same origin as long as the same is offered"
    );
}

#[tokio::test]
async fn a_presentation_of_one_media_goes_by_its_own_name() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/radio", &audio()).await;
    let mut reader = Peer::connect(address(&server)).await;
    let uri = reader.uri("/radio");
    reader
        .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await
        .expect(200);
    reader.ask("PLAY", &uri, "").await.expect(200);
    let packet = Track::audio().sound(172);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
}

#[tokio::test]
async fn queries_belong_to_the_reader_and_not_to_the_path() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    source.send_all(&[(0, track.key(100))]).await;
    for uri in ["/live?token=x/trackID=0", "/live/trackID=0?token=x"] {
        let mut reader = Peer::connect(address(&server)).await;
        let describe = reader.uri("/live?token=x");
        reader.ask("DESCRIBE", &describe, "").await.expect(200);
        let uri = reader.uri(uri);
        reader
            .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
            .await
            .expect(200);
        reader.ask("PLAY", &describe, "").await.expect(200);
        assert!(is_key(&reader.frame_on(0).await));
    }
}
