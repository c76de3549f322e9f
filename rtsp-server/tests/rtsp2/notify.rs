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
