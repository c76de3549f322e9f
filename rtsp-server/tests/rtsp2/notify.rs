//! PLAY_NOTIFY, and TEARDOWN by the server.

use crate::{FILM, House, answer, ask, npt, peer::Event, request, source::sequence};

#[tokio::test]
async fn r2_pn_01_05_06_08_09_11_the_end_of_a_range_is_told() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    ask(&mut peer, "PLAY", FILM, "Range: npt=9.8-10\r\n")
        .await
        .expect(200);
    let play = peer.cseq;
    let mut last = [0; 2];
    let notice = loop {
        match peer.next().await {
            Event::Frame(channel, packet) if channel % 2 == 0 => {
                last[usize::from(channel / 2)] = sequence(&packet);
            }
            Event::Frame(..) => {}
            Event::Message(message) => break message,
            Event::Closed => panic!("closed"),
        }
    };
    let uri = peer.uri(FILM);
    assert_eq!(notice.first_line, format!("PLAY_NOTIFY {uri} RTSP/2.0"));
    assert_eq!(notice.expect_header("Notify-Reason"), "end-of-stream");
    assert_eq!(
        notice.expect_header("Session"),
        peer.session.as_deref().unwrap()
    );
    assert_eq!(
        notice.expect_header("Request-Status"),
        format!("cseq={play} status=200 reason=\"OK\"")
    );
    assert_eq!(npt(notice.expect_header("Range")).1, 10.0);
    notice.expect_header("Date");
    assert!(notice.body.is_empty() && notice.header("Scale").is_none());
    let info = notice.expect_header("RTP-Info");
    for (media, last) in last.iter().enumerate() {
        let url = format!("url=\"{uri}/trackID={media}\" ssrc=");
        assert!(
            info.contains(&url) && info.contains(&format!(":seq={last};")),
            "{info}"
        );
    }
    // One for both media, and the session goes on.
    answer(&mut peer, &notice, "200 OK").await;
    ask(&mut peer, "PAUSE", FILM, "").await.expect(200);
    peer.sync().await;
    ask(&mut peer, "GET_PARAMETER", FILM, "").await.expect(200);
}

#[tokio::test]
async fn r2_pn_04_what_was_paused_does_not_end() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    ask(&mut peer, "PLAY", FILM, "Range: npt=10-10.2\r\n")
        .await
        .expect(200);
    ask(&mut peer, "PAUSE", FILM, "").await.expect(200);
    // Longer than it would have played.
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let options = peer.request("OPTIONS", "*", "", b"");
    peer.send(&options).await;
    loop {
        match peer.next().await {
            Event::Frame(..) => {}
            Event::Message(message) if message.first_line.starts_with("RTSP/2.0 ") => break,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_peer_that_knows_nothing_of_the_session_ends_it() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    ask(&mut peer, "PLAY", FILM, "Range: npt=10-\r\n")
        .await
        .expect(200);
    let notice = request(&mut peer, "PLAY_NOTIFY").await;
    answer(&mut peer, &notice, "454 Session Not Found").await;
    ask(&mut peer, "PAUSE", FILM, "").await.expect(454);
}

#[tokio::test]
async fn r2_tear_06_a_stream_that_ends_is_told_and_torn_down() {
    let mut house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", "/live").await;
    ask(&mut peer, "PLAY", "/live", "").await.expect(200);
    house.source.teardown().await;
    let notice = request(&mut peer, "PLAY_NOTIFY").await;
    assert_eq!(notice.expect_header("Notify-Reason"), "end-of-stream");
    let (start, end) = npt(notice.expect_header("Range"));
    assert!(start <= end, "explicit times: {start}-{end}");
    let teardown = request(&mut peer, "TEARDOWN").await;
    assert_eq!(
        teardown.first_line,
        format!("TEARDOWN {} RTSP/2.0", peer.uri("/live"))
    );
    assert_eq!(teardown.header("Session"), notice.header("Session"));
    let reason = teardown.expect_header("Terminate-Reason");
    assert!(reason.starts_with("Internal-Error;user-msg=\""), "{reason}");
    // The connection stays.
    peer.sync().await;
}

/// The next notification that tells how far media reach: its properties, and where the range ends.
async fn update(peer: &mut crate::peer::Peer) -> (String, f64) {
    let notice = request(peer, "PLAY_NOTIFY").await;
    assert_eq!(
        notice.expect_header("Notify-Reason"),
        "media-properties-update"
    );
    notice.expect_header("Date");
    assert_eq!(
        notice.expect_header("Session"),
        peer.session.as_deref().unwrap()
    );
    assert!(notice.body.is_empty());
    let (start, end) = npt(notice.expect_header("Media-Range"));
    assert_eq!(start, 0.0);
    npt(notice.expect_header("Range"));
    let properties = notice.expect_header("Media-Properties").to_owned();
    answer(peer, &notice, "200 OK").await;
    (properties, end)
}

#[tokio::test]
async fn r2_pn_15_readers_hear_when_live_media_stop_and_when_they_go_on() {
    let mut house = House::new().await;
    let mut peers = Vec::new();
    // On two shards.
    for _ in 0..2 {
        let mut peer = house.ready("RTSP/2.0", "/live").await;
        ask(&mut peer, "PLAY", "/live", "").await.expect(200);
        peers.push(peer);
    }
    let mut rests = house.ready("RTSP/2.0", "/live").await;
    let mut old = house.ready("RTSP/1.0", "/live").await;
    ask(&mut old, "PLAY", "/live", "").await.expect(200);
    let uri = house.source.peer.uri("/live");
    house.source.peer.ask("PAUSE", &uri, "").await.expect(200);
    let mut reached = Vec::new();
    for peer in &mut peers {
        let (properties, end) = update(peer).await;
        assert_eq!(properties, "No-Seeking, Dynamic, Time-Duration=0");
        reached.push(end);
    }
    assert_eq!(reached[0], reached[1], "they rest where they are");
    // Who asks meanwhile hears the same.
    let answer = ask(&mut rests, "GET_PARAMETER", "/live", "Media-Range:\r\n").await;
    assert_eq!(npt(answer.expect_header("Media-Range")).1, reached[0]);
    house.source.peer.ask("RECORD", &uri, "").await.expect(200);
    for peer in &mut peers {
        let (properties, end) = update(peer).await;
        assert_eq!(properties, "No-Seeking, Time-Progressing, Time-Duration=0");
        assert!(end >= reached[0], "{end} after {}", reached[0]);
    }
    // Whoever does not play was not told, nor who speaks RTSP/1.0.
    for peer in [&mut rests, &mut old] {
        let options = peer.request("OPTIONS", "*", "", b"");
        peer.send(&options).await;
        loop {
            match peer.next().await {
                Event::Frame(..) => {}
                Event::Message(message) => break drop(message.expect(200)),
                Event::Closed => panic!("closed"),
            }
        }
    }
}

#[tokio::test]
async fn r2_pn_15_what_the_process_itself_feeds_may_halt_too() {
    let house = House::new().await;
    let description = sdp::Description::parse(crate::source::video().as_bytes()).unwrap();
    let publisher = house.server.publish("/own", description).unwrap();
    let mut peer = house.peer("RTSP/2.0").await;
    crate::setup(&mut peer, "/own", 0, "").await.expect(200);
    ask(&mut peer, "PLAY", "/own", "").await.expect(200);
    publisher.halt();
    assert!(update(&mut peer).await.0.contains("Dynamic"));
    publisher.resume();
    assert!(update(&mut peer).await.0.contains("Time-Progressing"));
}

#[tokio::test]
async fn r2_meth_02_every_method_that_a_server_must_have() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    let options = ask(&mut peer, "OPTIONS", FILM, "").await.expect(200);
    let public: Vec<&str> = options.expect_header("Public").split(", ").collect();
    for method in [
        "OPTIONS",
        "SETUP",
        "PLAY",
        "PAUSE",
        "TEARDOWN",
        "SET_PARAMETER",
    ] {
        assert!(public.contains(&method), "{method} in {public:?}");
    }
    ask(&mut peer, "SET_PARAMETER", FILM, "").await.expect(200);
    ask(&mut peer, "PLAY", FILM, "Range: npt=1-\r\n")
        .await
        .expect(200);
    ask(&mut peer, "PAUSE", FILM, "").await.expect(200);
    ask(&mut peer, "PLAY", FILM, "Range: npt=10-\r\n")
        .await
        .expect(200);
    // And what it asks of clients.
    let notice = request(&mut peer, "PLAY_NOTIFY").await;
    answer(&mut peer, &notice, "200 OK").await;
    let mut other = house.ready("RTSP/2.0", "/live").await;
    ask(&mut peer, "TEARDOWN", FILM, "").await.expect(200);
    ask(&mut peer, "PAUSE", FILM, "").await.expect(454);
    house.server.drain(None).await.expect("nothing to be wrong");
    request(&mut other, "TEARDOWN").await;
}
