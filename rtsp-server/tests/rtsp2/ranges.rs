//! PLAY after PLAY, and ranges that cannot be played.

use crate::{
    FILM, House, LENGTH, ask, npt,
    peer::{Event, Peer},
    request, setup,
    source::has_rtcp,
};

/// Waits for the BYE of one media.
async fn bye(peer: &mut Peer, channel: u8) {
    while !has_rtcp(&peer.frame_on(channel).await, 203) {}
}

#[tokio::test]
async fn r2_ver_10_r2_play_16_a_second_range_replaces_the_first_in_2_0() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    ask(&mut peer, "PLAY", FILM, "Range: npt=0-\r\n")
        .await
        .expect(200);
    let answer = ask(&mut peer, "PLAY", FILM, "Range: npt=9.9-10\r\n")
        .await
        .expect(200);
    assert!(answer.header("RTP-Info").is_some());
    // Much sooner than the first would have ended.
    let end = request(&mut peer, "PLAY_NOTIFY").await;
    assert_eq!(npt(end.expect_header("Range")).1, 10.0);
}

#[tokio::test]
async fn r2_ver_10_r1_play_02_ranges_queue_in_1_0() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/1.0", FILM).await;
    ask(&mut peer, "PLAY", FILM, "Range: npt=0-0.3\r\n")
        .await
        .expect(200);
    let queued = ask(&mut peer, "PLAY", FILM, "Range: npt=8-8.3\r\n")
        .await
        .expect(200);
    assert_eq!(npt(queued.expect_header("Range")), (8.0, 8.3));
    assert_eq!(queued.header("RTP-Info"), None, "not known yet");
    ask(&mut peer, "PLAY", FILM, "Range: npt=5-5.2\r\n")
        .await
        .expect(200);
    // One BYE, behind all of them: 0.8 s of sound, and what is sent before the ranges begin.
    let (mut packets, mut last) = (0, None);
    loop {
        let (channel, packet) = peer.frame().await;
        if channel == 3 && has_rtcp(&packet, 203) {
            break;
        }
        if channel == 2 {
            packets += 1;
            let number = crate::source::sequence(&packet);
            if let Some(last) = last {
                assert_eq!(number, u16::wrapping_add(last, 1), "without a loss");
            }
            last = Some(number);
        }
    }
    assert!(packets >= 36, "{packets} frames of 21 ms");
}

#[tokio::test]
async fn r1_pause_04_a_pause_empties_the_queue() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/1.0", FILM).await;
    for range in ["0-5", "8-9"] {
        let header = format!("Range: npt={range}\r\n");
        ask(&mut peer, "PLAY", FILM, &header).await.expect(200);
    }
    ask(&mut peer, "PAUSE", FILM, "").await.expect(200);
    let answer = ask(&mut peer, "PLAY", FILM, "Range: npt=10-10.1\r\n")
        .await
        .expect(200);
    assert!(answer.header("RTP-Info").is_some(), "it plays now");
    bye(&mut peer, 1).await;
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/1.0", FILM).await;
    let mut codes = Vec::new();
    for _ in 0..20 {
        let answer = ask(&mut peer, "PLAY", FILM, "Range: npt=0-1\r\n").await;
        codes.push(answer.status());
    }
    assert_eq!(codes.iter().filter(|code| **code == 200).count(), 17);
    assert_eq!(codes.last(), Some(&455));
}

#[tokio::test]
async fn r1_play_06_r1_sm_05_a_range_that_ended_leaves_1_0_in_ready() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/1.0", FILM).await;
    ask(&mut peer, "PLAY", FILM, "Range: npt=2-2.2\r\n")
        .await
        .expect(200);
    bye(&mut peer, 1).await;
    bye(&mut peer, 3).await;
    let answer = ask(&mut peer, "PLAY", FILM, "").await.expect(200);
    let (start, end) = npt(answer.expect_header("Range"));
    assert!(start <= 2.2 && (end - LENGTH).abs() < 0.05, "{start}-{end}");
}

#[tokio::test]
async fn r2_play_05_08_09_13_outside_the_film_is_457_with_the_place_and_the_range() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    for range in ["99999-", "5-2", "-0"] {
        let answer = ask(&mut peer, "PLAY", FILM, &format!("Range: npt={range}\r\n"))
            .await
            .expect(457);
        assert_eq!(
            npt(answer.expect_header("Media-Range")),
            (0.0, LENGTH),
            "{range}"
        );
        assert_eq!(npt(answer.expect_header("Range")).0, 0.0, "{range}");
    }
    // At the end there is no more to play.
    ask(&mut peer, "PLAY", FILM, "Range: npt=10-\r\n")
        .await
        .expect(200);
    request(&mut peer, "PLAY_NOTIFY").await;
    let answer = ask(&mut peer, "PLAY", FILM, "").await.expect(457);
    assert!((npt(answer.expect_header("Range")).0 - LENGTH).abs() < 0.05);
    // R2-PLAY-15, R2-SM-07: still in Play.
    ask(&mut peer, "PLAY", FILM, "Range: npt=1-\r\n")
        .await
        .expect(200);
}

#[tokio::test]
async fn r2_play_15_r2_sm_07_after_the_end_of_a_range_play_goes_on_from_there() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    ask(&mut peer, "PLAY", FILM, "Range: npt=4-4.2\r\n")
        .await
        .expect(200);
    request(&mut peer, "PLAY_NOTIFY").await;
    let answer = ask(&mut peer, "PLAY", FILM, "").await.expect(200);
    let (start, _) = npt(answer.expect_header("Range"));
    assert!((3.0..=4.2).contains(&start), "{start}");
    ask(&mut peer, "PAUSE", FILM, "").await.expect(200);
}

#[tokio::test]
async fn r1_play_09_r2_code_25_seeking_live_media() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/1.0", "/live").await;
    ask(&mut peer, "PLAY", "/live", "Range: npt=10-\r\n")
        .await
        .expect(456);
    ask(&mut peer, "PLAY", "/live", "Range: npt=0.000-\r\n")
        .await
        .expect(200);
    let mut peer = house.ready("RTSP/2.0", "/live").await;
    let answer = ask(&mut peer, "PLAY", "/live", "Range: smpte=00:00:10-\r\n")
        .await
        .expect(456);
    assert_eq!(answer.expect_header("Accept-Ranges"), "npt, clock");
}

#[tokio::test]
async fn r2_rtp_30_no_goodbye_at_the_end_of_a_range_in_2_0() {
    let house = House::new().await;
    let mut peer = house.peer("RTSP/2.0").await;
    setup(&mut peer, FILM, 0, "").await.expect(200);
    let range = "Range: npt=10-10.1\r\n";
    let mut sources = Vec::new();
    for _ in 0..2 {
        ask(&mut peer, "PLAY", FILM, range).await.expect(200);
        loop {
            match peer.next().await {
                Event::Frame(0, packet) => sources.push(crate::source::be32(&packet, 8)),
                Event::Frame(_, report) => assert!(!has_rtcp(&report, 203), "a BYE"),
                Event::Message(message) => {
                    assert!(message.first_line.starts_with("PLAY_NOTIFY"));
                    break;
                }
                Event::Closed => panic!("closed"),
            }
        }
    }
    sources.dedup();
    assert_eq!(sources.len(), 1, "one source, whatever is played");
    // With the session it ends.
    ask(&mut peer, "TEARDOWN", FILM, "").await.expect(200);
    bye(&mut peer, 1).await;
}
