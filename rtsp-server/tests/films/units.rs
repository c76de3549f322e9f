//! Units of time: npt, smpte and clock; `now`; when to begin.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::{
    BOTH, House, Played, V1, V2, ask, first, npt, number,
    peer::Peer,
    play, setup,
    source::{Source, av, timestamp},
};

#[tokio::test]
async fn r2_range_01_r1_time_07_r2_play_11_frames_and_seconds_in_the_unit_of_the_request() {
    let house = House::new().await;
    for version in BOTH {
        for (asked, answered, frame) in [
            ("npt=5-6", "npt=5-6", 125),
            ("npt=0:00:05-0:00:06", "npt=5-6", 125),
            (
                "smpte-25=0:00:05-0:00:06:05",
                "smpte-25=00:00:05-00:00:06:05",
                125,
            ),
            // 29.97 frames a second: key frames lie between its frames.
            (
                "smpte=0:00:05:10-0:00:06",
                "smpte=00:00:04:29.85-00:00:06",
                125,
            ),
            (
                "smpte-30-drop=0:00:05-",
                "smpte-30-drop=00:00:04:29.85-00:00:11:29.64",
                125,
            ),
        ] {
            let mut peer = house.ready(version, &[0]).await;
            let answer = ask(&mut peer, "PLAY", &format!("Range: {asked}\r\n"))
                .await
                .expect(200);
            assert_eq!(answer.expect_header("Range"), answered, "{asked}");
            let packet = peer.frame_on(0).await;
            assert_eq!(number(&packet), frame, "{asked}");
            // RTP-Info tells of the time that is named, which may be a hair before the frame.
            let ahead = timestamp(&packet).wrapping_sub(first(&answer, 0).1);
            assert!(ahead < 40, "{asked}: {ahead} ticks");
        }
    }
}

#[tokio::test]
async fn r2_play_12_the_unit_stays_that_of_the_session() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    ask(&mut peer, "PLAY", "Range: smpte-25=0:00:02-0:00:04\r\n")
        .await
        .expect(200);
    peer.frame_on(0).await;
    let answer = ask(&mut peer, "PAUSE", "").await.expect(200);
    let value = answer.expect_header("Range");
    assert!(
        value.starts_with("smpte-25=00:00:02") && value.ends_with("-00:00:04"),
        "{value}"
    );
    let answer = ask(&mut peer, "PLAY", "").await.expect(200);
    let value = answer.expect_header("Range");
    assert!(value.starts_with("smpte-25=00:00:02"), "{value}");
    // Who asks for another unit gets that.
    let answer = ask(&mut peer, "GET_PARAMETER", "Range: npt\r\n")
        .await
        .expect(200);
    let (place, end) = npt(answer.expect_header("Range"));
    assert!((2.0..4.0).contains(&place) && end == 12.0, "{place}-{end}");
    let answer = play(&mut peer, "6-6.2", "").await.expect(200);
    assert_eq!(npt(answer.expect_header("Range")), (6.0, 6.2));
    let played = Played::to_the_end(&mut peer, &[0]).await;
    let end = played.end.expect("PLAY_NOTIFY");
    assert_eq!(npt(end.expect_header("Range")), (6.0, 6.2));
}

#[tokio::test]
async fn r2_time_04_r1_time_10_a_film_has_no_now_and_no_date() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.ready(version, &[0]).await;
        for range in ["now-", "now-5", "5-now"] {
            let answer = play(&mut peer, range, "").await;
            assert_eq!(answer.status(), 457, "{range} {version}");
        }
        let status = if version == V1 { 501 } else { 456 };
        let answer = ask(&mut peer, "PLAY", "Range: clock=20261123T000000Z-\r\n").await;
        assert_eq!(answer.status(), status);
        if version == V2 {
            assert_eq!(
                answer.expect_header("Accept-Ranges"),
                "npt, smpte, smpte-25, smpte-30-drop"
            );
        }
        play(&mut peer, "5-", "").await.expect(200);
    }
}

#[tokio::test]
async fn r2_media_08_the_range_in_each_unit_that_is_accepted() {
    let house = House::new().await;
    let mut peer = house.peer(V2).await;
    for (accepts, range) in [
        (
            "",
            "npt=0-12, smpte=00:00:00-00:00:11:29.64, smpte-25=00:00:00-00:00:12, \
             smpte-30-drop=00:00:00-00:00:11:29.64",
        ),
        ("Accept-Ranges: npt\r\n", "npt=0-12"),
        (
            "Accept-Ranges: clock, smpte-25, npt\r\n",
            "npt=0-12, smpte-25=00:00:00-00:00:12",
        ),
    ] {
        let answer = setup(&mut peer, 0, accepts).await.expect(200);
        assert_eq!(
            answer.expect_header("Accept-Ranges"),
            "npt, smpte, smpte-25, smpte-30-drop"
        );
        assert_eq!(answer.expect_header("Media-Range"), range);
    }
    // Sound alone is shorter.
    let mut peer = house.peer(V2).await;
    let answer = setup(&mut peer, 1, "Accept-Ranges: npt\r\n").await;
    assert_eq!(answer.expect(200).expect_header("Media-Range"), "npt=0-10");
    play(&mut peer, "11-", "").await.expect(457);
    let answer = setup(&mut peer, 0, "Accept-Ranges: npt\r\n").await;
    assert_eq!(answer.expect(200).expect_header("Media-Range"), "npt=0-12");
    play(&mut peer, "11-", "").await.expect(200);
}

/// A peer of a live stream that knows these units.
async fn watcher(house: &House, accepts: &str) -> (Peer, String) {
    let mut peer = house.peer(V2).await;
    let uri = peer.uri("/live");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let answer = peer
        .ask(
            "SETUP",
            &format!("{uri}/trackID=0"),
            &format!("{transport}{accepts}"),
        )
        .await
        .expect(200);
    assert_eq!(answer.expect_header("Accept-Ranges"), "npt, clock");
    let session = answer.expect_header("Session").split(';').next();
    peer.session = session.map(str::to_owned);
    let told = answer.expect_header("Media-Range").contains("clock=");
    assert_eq!(told, accepts.contains("clock"));
    (peer, uri)
}

#[tokio::test]
async fn r2_play_24_the_time_of_day_is_told_to_those_who_know_it() {
    let house = House::new().await;
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let _source = Source::tcp(&house.server, "/live", &av()).await;
    let asked = "Range: clock=20200101T000000Z-\r\n";
    let (mut peer, uri) = watcher(&house, "Accept-Ranges: npt, clock\r\n").await;
    // The past of what is live is gone: it is where it is.
    let answer = peer.ask("PLAY", &uri, asked).await.expect(200);
    let value = answer.expect_header("Range");
    let time = value
        .strip_prefix("clock=")
        .and_then(|value| value.strip_suffix('-'))
        .unwrap_or_else(|| panic!("{value}"));
    let told = rtsp_msg::headers::UtcTime::parse_clock(time)
        .and_then(rtsp_msg::headers::UtcTime::to_unix)
        .expect("a time");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let slack = Duration::from_millis(1);
    assert!(before <= told + slack && told <= now + slack, "{value}");
    for accepts in ["Accept-Ranges: npt\r\n", ""] {
        let (mut peer, uri) = watcher(&house, accepts).await;
        for range in [asked, "", "Range: npt=now-\r\n"] {
            let answer = peer.ask("PLAY", &uri, range).await.expect(200);
            let value = answer.expect_header("Range");
            assert!(
                value.starts_with("npt=") && !value.contains("now"),
                "{value}"
            );
        }
    }
}

#[tokio::test]
async fn r1_play_04_playing_begins_when_it_was_asked_to() {
    let house = House::new().await;
    let clock = |ahead: Duration| {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead;
        let mut text = String::new();
        rtsp_msg::headers::UtcTime::from_unix(unix)
            .expect("a time")
            .push_clock(&mut text);
        text
    };
    let mut peer = house.ready(V1, &[0]).await;
    let ahead = Duration::from_millis(700);
    let begun = Instant::now();
    let range = format!("3-3.2;time={}", clock(ahead));
    let answer = play(&mut peer, &range, "").await.expect(200);
    assert!(begun.elapsed() < ahead, "the answer does not wait");
    let packet = peer.frame_on(0).await;
    let waited = begun.elapsed();
    assert!((ahead..ahead * 8).contains(&waited), "{waited:?}");
    assert_eq!(
        (number(&packet), timestamp(&packet)),
        (75, first(&answer, 0).1)
    );
    // A time that has passed is now.
    let mut peer = house.ready(V1, &[0]).await;
    play(&mut peer, "3-3.2;time=19970123T153600Z", "")
        .await
        .expect(200);
    assert_eq!(number(&peer.frame_on(0).await), 75);
    // Nobody's place is kept for days.
    let range = format!("3-;time={}", clock(Duration::from_secs(200_000)));
    let mut peer = house.ready(V1, &[0]).await;
    play(&mut peer, &range, "").await.expect(457);
    play(&mut peer, "3-;time=tomorrow", "").await.expect(400);
}

#[tokio::test]
async fn r1_play_04_what_is_live_begins_when_it_was_asked_to() {
    let house = House::new().await;
    let mut source = Source::tcp(&house.server, "/live", &av()).await;
    let mut video = crate::source::Track::video();
    let mut peer = house.peer(V1).await;
    let uri = peer.uri("/live");
    peer.setup(
        &format!("{uri}/trackID=0"),
        "RTP/AVP/TCP;unicast;interleaved=0-1",
    )
    .await
    .expect(200);
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut text = String::new();
    rtsp_msg::headers::UtcTime::from_unix(unix + Duration::from_millis(600))
        .expect("a time")
        .push_clock(&mut text);
    let begun = Instant::now();
    peer.ask("PLAY", &uri, &format!("Range: npt=now-;time={text}\r\n"))
        .await
        .expect(200);
    // Something new all the time; what comes first comes when it was asked for.
    let packet = loop {
        source.send(0, &video.key(300)).await;
        tokio::select! {
            packet = peer.frame_on(0) => break packet,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    };
    assert!(!packet.is_empty());
    assert!(
        begun.elapsed() > Duration::from_millis(500),
        "{:?}",
        begun.elapsed()
    );
}
