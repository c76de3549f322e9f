//! Where playing begins and ends: Range, Seek-Style, PLAY in the middle of playing.

use std::time::{Duration, Instant};

use crate::{
    BOTH, FILM, House, Played, V1, V2, ask, first, npt, number,
    peer::{Event, Peer},
    play,
    source::{has_rtcp, sequence, timestamp},
};

/// The frame that has this sequence number.
async fn frame(peer: &mut Peer, wanted: u16) -> Vec<u8> {
    loop {
        let packet = peer.frame_on(0).await;
        if sequence(&packet) == wanted {
            return packet;
        }
    }
}

#[tokio::test]
async fn r2_range_18_20_21_r2_play_02_r2_rtpi_05_each_policy_begins_where_it_says() {
    let house = House::new().await;
    for (asked, style, start, begins) in [
        ("", "RAP", 3.0, 75),
        ("RAP", "RAP", 3.0, 75),
        ("rap", "RAP", 3.0, 75),
        ("First-Prior", "First-Prior", 3.48, 87),
        ("Next", "Next", 3.52, 88),
        ("CoRAP", "CoRAP", 3.0, 75),
        ("foo", "RAP", 3.0, 75),
    ] {
        let mut peer = house.ready(V2, &[0]).await;
        let header = match asked {
            "" => String::new(),
            asked => format!("Seek-Style: {asked}\r\n"),
        };
        let answer = play(&mut peer, "3.5-", &header).await.expect(200);
        assert_eq!(answer.expect_header("Seek-Style"), style, "{asked}");
        assert_eq!(npt(answer.expect_header("Range")), (start, 12.0), "{asked}");
        let (wanted, time) = first(&answer, 0);
        let packet = peer.frame_on(0).await;
        assert_eq!(
            (sequence(&packet), timestamp(&packet), number(&packet)),
            (wanted, time, begins),
            "{asked}"
        );
    }
    // RTSP/1.0 knows nothing of it.
    let mut peer = house.ready(V1, &[0]).await;
    let answer = play(&mut peer, "3.5-", "Seek-Style: Next\r\n")
        .await
        .expect(200);
    assert_eq!(answer.header("Seek-Style"), None);
    assert_eq!(npt(answer.expect_header("Range")).0, 3.0);
}

#[tokio::test]
async fn r2_rtpi_05_rtptime_is_that_of_the_range_in_the_middle_of_sound() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.ready(version, &[1]).await;
        for range in ["3.50003-", "7.7777-"] {
            let answer = play(&mut peer, range, "").await.expect(200);
            let (start, _) = npt(answer.expect_header("Range"));
            let (wanted, time) = first(&answer, 1);
            let packet = loop {
                let packet = peer.frame_on(2).await;
                if sequence(&packet) == wanted {
                    break packet;
                }
            };
            // A whole sample of PCM is the next one; RTP time is told of the start itself, to the nearest tick.
            let ticks = timestamp(&packet).wrapping_sub(time).cast_signed();
            let begins = (start * 8000.0).ceil() - start * 8000.0;
            assert!((f64::from(ticks) - begins).abs() <= 1.0, "{ticks} {begins}");
            ask(&mut peer, "PAUSE", "").await.expect(200);
        }
    }
}

#[tokio::test]
async fn r2_range_19_corap_seeks_only_to_what_is_nearer() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    play(&mut peer, "5-", "").await.expect(200);
    while number(&peer.frame_on(0).await) < 140 {}
    let paused = ask(&mut peer, "PAUSE", "").await.expect(200);
    let (place, _) = npt(paused.expect_header("Range"));
    assert!((5.6..5.99).contains(&place), "{place}");
    // Just beyond the pause point: that is nearer than 5 s.
    let near = format!("{:.3}-", place + 0.1);
    let answer = play(&mut peer, &near, "Seek-Style: CoRAP\r\n")
        .await
        .expect(200);
    assert_eq!(answer.expect_header("Seek-Style"), "Next");
    assert_eq!(npt(answer.expect_header("Range")).0, place);
    // The key frame at 9 s is nearer to 9.5 s.
    let answer = play(&mut peer, "9.5-", "Seek-Style: CoRAP\r\n")
        .await
        .expect(200);
    assert_eq!(answer.expect_header("Seek-Style"), "CoRAP");
    assert_eq!(npt(answer.expect_header("Range")).0, 9.0);
    let packet = frame(&mut peer, first(&answer, 0).0).await;
    assert_eq!(number(&packet), 225);
}

#[tokio::test]
async fn r2_time_09_r1_time_09_r2_play_03_what_lies_in_a_range_is_sent_and_no_more() {
    let house = House::new().await;
    for version in BOTH {
        for (range, frames) in [
            ("3-3.08", 75..77),
            ("3-3.0801", 75..78),
            ("3-3.1", 75..78),
            ("11.5-9999", 275..300),
        ] {
            let mut peer = house.ready(version, &[0]).await;
            let begun = Instant::now();
            let answer = play(&mut peer, range, "").await.expect(200);
            let (start, end) = npt(answer.expect_header("Range"));
            let played = Played::to_the_end(&mut peer, &[0]).await;
            assert_eq!(played.frames(), frames.collect::<Vec<_>>(), "{range}");
            let took = begun.elapsed().as_secs_f64();
            assert!(took > end - start - 0.02, "{range}: {took}");
            // And nothing more comes.
            peer.sync().await;
            let probe = ask(&mut peer, "GET_PARAMETER", "").await;
            assert_eq!(probe.status(), 200);
        }
    }
}

#[tokio::test]
async fn r2_play_17_a_new_end_goes_on_to_there() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    let answer = play(&mut peer, "1-2", "").await.expect(200);
    let begin = first(&answer, 0);
    let mut frames = Vec::new();
    while frames.len() < 10 {
        frames.push(peer.frame_on(0).await);
    }
    let answer = play(&mut peer, "-2.4", "").await.expect(200);
    let (start, end) = npt(answer.expect_header("Range"));
    assert!((1.3..2.0).contains(&start) && end == 2.4, "{start}-{end}");
    // One timeline, that of the first PLAY.
    let ticks = first(&answer, 0).1.wrapping_sub(begin.1);
    let exact = (start - 1.0) * 90_000.0;
    assert!((f64::from(ticks) - exact).abs() <= 1.0, "{ticks} {exact}");
    let played = Played::to_the_end(&mut peer, &[0]).await;
    frames.extend(played.packets[0].iter().cloned());
    let numbers: Vec<_> = frames.iter().map(|packet| number(packet)).collect();
    assert_eq!(numbers, (25..60).collect::<Vec<_>>());
    for (index, packet) in frames.iter().enumerate() {
        assert_eq!(sequence(packet), begin.0.wrapping_add(index as u16));
        assert_eq!(timestamp(packet), begin.1.wrapping_add(index as u32 * 3600));
    }
    let end = played.end.expect("PLAY_NOTIFY");
    assert_eq!(npt(end.expect_header("Range")).1, 2.4);
}

#[tokio::test]
async fn r2_play_18_an_end_that_has_passed_stops_at_once() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    play(&mut peer, "4-10", "").await.expect(200);
    while number(&peer.frame_on(0).await) < 120 {}
    let uri = peer.uri(FILM);
    let request = peer.request("PLAY", &uri, "Range: npt=-4.2\r\n", b"");
    let cseq = peer.cseq;
    peer.send(&request).await;
    let answer = loop {
        match peer.next().await {
            Event::Message(message) => break message.expect(200),
            Event::Closed => panic!("closed"),
            Event::Frame(..) => {}
        }
    };
    assert_eq!(npt(answer.expect_header("Range")), (4.0, 4.2));
    // The very next thing is the notification: no media comes before it.
    let Event::Message(notify) = peer.next().await else {
        panic!("media after the end");
    };
    assert!(notify.first_line.starts_with("PLAY_NOTIFY"), "{notify:?}");
    assert_eq!(notify.expect_header("Notify-Reason"), "end-of-stream");
    let status = notify.expect_header("Request-Status");
    assert!(status.contains(&format!("cseq={cseq} ")) && status.contains("status=200"));
    assert_eq!(npt(notify.expect_header("Range")).1, 4.2);
    // The pause point is what was asked for.
    let answer = ask(&mut peer, "PAUSE", "").await.expect(200);
    assert_eq!(npt(answer.expect_header("Range")).0, 4.2);
    let answer = ask(&mut peer, "PLAY", "").await.expect(200);
    assert_eq!(npt(answer.expect_header("Range")), (4.0, 12.0));
    let packet = frame(&mut peer, first(&answer, 0).0).await;
    assert_eq!(number(&packet), 100);
}

#[tokio::test]
async fn r2_play_10_an_end_before_the_pause_point_is_457() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    play(&mut peer, "8-", "").await.expect(200);
    peer.frame_on(0).await;
    let paused = ask(&mut peer, "PAUSE", "").await.expect(200);
    let (place, _) = npt(paused.expect_header("Range"));
    for end in ["2", "8"] {
        let answer = play(&mut peer, &format!("-{end}"), "").await.expect(457);
        let (start, rest) = npt(answer.expect_header("Range"));
        assert!(start == place && rest.is_nan(), "the pause point");
        assert_eq!(npt(answer.expect_header("Media-Range")), (0.0, 12.0));
    }
    play(&mut peer, "-9", "").await.expect(200);
    // While it plays, an error tells what is left of what plays.
    let answer = play(&mut peer, "99-", "").await.expect(457);
    let (start, rest) = npt(answer.expect_header("Range"));
    assert!((8.0..9.0).contains(&start) && rest == 9.0, "{start}-{rest}");
}

#[tokio::test]
async fn r2_rtp_24_26_28_a_range_that_replaces_another_goes_on_in_rtp() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0, 1]).await;
    play(&mut peer, "1-", "").await.expect(200);
    let mut last = loop {
        let packet = peer.frame_on(0).await;
        if number(&packet) >= 40 {
            break timestamp(&packet);
        }
    };
    let answer = play(&mut peer, "7-7.5", "").await.expect(200);
    let (wanted, time) = first(&answer, 0);
    let (sound, _) = first(&answer, 1);
    let (mut jump, mut marks) = (None, Vec::new());
    let played = loop {
        match peer.next().await {
            Event::Frame(0, packet) => {
                if sequence(&packet) == wanted {
                    assert_eq!((number(&packet), timestamp(&packet)), (175, time));
                    jump = Some(timestamp(&packet).wrapping_sub(last));
                }
                last = timestamp(&packet);
            }
            Event::Frame(2, packet) if packet[1] & 0x80 != 0 => marks.push(sequence(&packet)),
            Event::Frame(1 | 3, report) => assert!(!has_rtcp(&report, 203)),
            Event::Frame(..) => {}
            Event::Message(message) => break message,
            Event::Closed => panic!("closed"),
        }
    };
    assert!(played.first_line.starts_with("PLAY_NOTIFY"));
    // A frame, and what of one had passed when the request came.
    let jump = jump.expect("a packet before and after");
    assert!((3600..7200).contains(&jump), "{jump} ticks");
    assert!(marks.contains(&sound), "sound tells of the jump: {marks:?}");
}

#[tokio::test]
async fn r2_play_20_media_of_a_film_play_together() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.ready(version, &[0, 1]).await;
        let begun = Instant::now();
        let answer = play(&mut peer, "2-3", "").await.expect(200);
        let (_, video) = first(&answer, 0);
        let (_, sound) = first(&answer, 1);
        let mut seen = [0.0_f64; 2];
        // What comes together is shown together, as RTP-Info maps it.
        while begun.elapsed() < Duration::from_millis(700) {
            match peer.frame().await {
                (0, packet) => {
                    seen[0] = f64::from(timestamp(&packet).wrapping_sub(video)) / 90_000.0;
                }
                (2, packet) => {
                    seen[1] = f64::from(timestamp(&packet).wrapping_sub(sound)) / 8000.0;
                }
                _ => continue,
            }
            assert!((seen[0] - seen[1]).abs() < 0.1, "{seen:?}");
        }
        assert!(seen[0] > 0.4, "{seen:?}");
    }
}

#[tokio::test]
async fn r1_meth_03_ranges_are_for_what_can_be_sought() {
    let house = House::new().await;
    let mut peer = house.ready(V1, &[0]).await;
    let answer = play(&mut peer, "5-6", "").await.expect(200);
    assert_eq!(npt(answer.expect_header("Range")), (5.0, 6.0));
    ask(&mut peer, "PAUSE", "").await.expect(200);
    let _source = crate::source::Source::tcp(&house.server, "/live", &crate::source::av()).await;
    let mut peer = house.peer(V1).await;
    let uri = peer.uri("/live");
    peer.setup(
        &format!("{uri}/trackID=0"),
        "RTP/AVP/TCP;unicast;interleaved=0-1",
    )
    .await
    .expect(200);
    peer.ask("PLAY", &uri, "Range: npt=10-\r\n")
        .await
        .expect(456);
    peer.ask("PLAY", &uri, "").await.expect(200);
}

#[tokio::test]
async fn r2_pn_10_an_end_that_does_not_come_is_told_as_what_it_is() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    play(&mut peer, "0-11", "").await.expect(200);
    let cseq = peer.cseq;
    peer.frame_on(0).await;
    let film = std::fs::OpenOptions::new()
        .write(true)
        .open(house.folder.join("plain.mp4"))
        .expect("the film");
    film.set_len(500).expect("cut");
    // Nothing was announced before; what comes says that it went wrong, and where.
    let notify = loop {
        match peer.next().await {
            Event::Message(message) => break message,
            Event::Closed => panic!("closed without a word"),
            Event::Frame(..) => {}
        }
    };
    assert!(notify.first_line.starts_with("PLAY_NOTIFY"), "{notify:?}");
    let status = notify.expect_header("Request-Status");
    assert!(
        status.contains(&format!("cseq={cseq} ")) && status.contains("status=500"),
        "{status}"
    );
    let (_, end) = npt(notify.expect_header("Range"));
    assert!(end < 4.0, "{end}");
}
