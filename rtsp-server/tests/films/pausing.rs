//! PAUSE: at once, and in RTSP/1.0 at a point that is yet to come.

use crate::{
    BOTH, FILM, House, Played, V1, V2, ask, first, npt, number,
    peer::{Event, Peer},
    play,
    source::{has_rtcp, sequence, timestamp},
};

/// The answer to a request, and the media before it.
async fn answer(peer: &mut Peer, method: &str, headers: &str) -> (crate::Message, Vec<Vec<u8>>) {
    let uri = peer.uri(FILM);
    let request = peer.request(method, &uri, headers, b"");
    peer.send(&request).await;
    let mut frames = Vec::new();
    loop {
        match peer.next().await {
            Event::Message(message) => return (message.expect(200), frames),
            Event::Frame(0, packet) => frames.push(packet),
            Event::Frame(..) => {}
            Event::Closed => panic!("closed"),
        }
    }
}

#[tokio::test]
async fn r2_pause_01_06_a_pause_stops_at_once_and_tells_what_is_left() {
    let house = House::new().await;
    // RTSP/2.0 has no Range in requests: it is not looked at.
    for header in ["", "Range: npt=9-\r\n", "Range: npt=1-\r\n"] {
        let mut peer = house.ready(V2, &[0]).await;
        play(&mut peer, "2-10", "").await.expect(200);
        let mut last = Vec::new();
        while last.is_empty() || number(&last) < 60 {
            last = peer.frame_on(0).await;
        }
        let (paused, rest) = answer(&mut peer, "PAUSE", header).await;
        let last = rest.last().unwrap_or(&last);
        let (place, end) = npt(paused.expect_header("Range"));
        assert_eq!(end, 10.0, "{header}");
        let sent = f64::from(number(last)) / 25.0;
        assert!((sent..sent + 0.3).contains(&place), "{place} after {sent}");
        // Nothing comes but answers.
        peer.sync().await;
        let (resumed, before) = answer(&mut peer, "PLAY", "Range: npt=-10\r\n").await;
        assert!(before.is_empty(), "media in a pause");
        assert_eq!(npt(resumed.expect_header("Range")), (place, 10.0));
        let next = peer.frame_on(0).await;
        assert_eq!(number(&next), number(last) + 1);
        assert_eq!(sequence(&next), sequence(last).wrapping_add(1));
    }
}

#[tokio::test]
async fn what_is_left_can_be_asked_for_with_next() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    play(&mut peer, "2-3", "").await.expect(200);
    let mut frames = Vec::new();
    while frames.len() < 12 {
        frames.push(peer.frame_on(0).await);
    }
    let (paused, rest) = answer(&mut peer, "PAUSE", "").await;
    frames.extend(rest);
    let range = paused.expect_header("Range").to_owned();
    let headers = format!("Range: {range}\r\nSeek-Style: Next\r\n");
    let (resumed, _) = answer(&mut peer, "PLAY", &headers).await;
    assert_eq!(resumed.expect_header("Seek-Style"), "Next");
    let played = Played::to_the_end(&mut peer, &[0]).await;
    frames.extend(played.packets[0].iter().cloned());
    let numbers: Vec<_> = frames.iter().map(|packet| number(packet)).collect();
    assert_eq!(
        numbers,
        (50..75).collect::<Vec<_>>(),
        "without gap or repetition"
    );
}

#[tokio::test]
async fn without_a_range_2_0_resumes_to_the_end_of_the_film_and_1_0_to_that_of_the_range() {
    let house = House::new().await;
    for (version, end) in [(V2, 12.0), (V1, 4.0)] {
        let mut peer = house.ready(version, &[0]).await;
        play(&mut peer, "2-4", "").await.expect(200);
        peer.frame_on(0).await;
        ask(&mut peer, "PAUSE", "").await.expect(200);
        let resumed = ask(&mut peer, "PLAY", "").await.expect(200);
        assert_eq!(npt(resumed.expect_header("Range")).1, end, "{version}");
    }
}

#[tokio::test]
async fn r2_pause_04_r1_pause_06_media_stay_together_over_a_pause() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.ready(version, &[0, 1]).await;
        let mut info = play(&mut peer, "2-4", "").await.expect(200);
        for _ in 0..2 {
            let starts = [first(&info, 0).1, first(&info, 1).1];
            let mut shown = [None::<f64>; 2];
            for _ in 0..40 {
                let (channel, packet) = peer.frame().await;
                if channel % 2 == 0 {
                    let media = usize::from(channel / 2);
                    let rate = [90_000.0, 8000.0][media];
                    let ticks = timestamp(&packet).wrapping_sub(starts[media]);
                    shown[media] = Some(f64::from(ticks.cast_signed()) / rate);
                }
                if let [Some(video), Some(sound)] = shown {
                    assert!((video - sound).abs() < 0.05, "{shown:?}");
                }
            }
            ask(&mut peer, "PAUSE", "").await.expect(200);
            info = ask(&mut peer, "PLAY", "").await.expect(200);
        }
    }
}

/// What comes until the server says that it is paused: it is when a PLAY without a Range begins something.
async fn to_the_pause(peer: &mut Peer, last: u32) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    loop {
        match peer.next().await {
            Event::Frame(0, packet) => {
                let number = number(&packet);
                frames.push(packet);
                if number == last {
                    return frames;
                }
            }
            Event::Frame(_, report) => assert!(!has_rtcp(&report, 203), "a pause is no goodbye"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn r1_pause_02_07_a_pause_at_a_point_that_is_yet_to_come() {
    let house = House::new().await;
    for value in ["npt=2.4-", "npt=2.4", "smpte-25=0:00:02:10-"] {
        let mut peer = house.ready(V1, &[0]).await;
        play(&mut peer, "2-", "").await.expect(200);
        let (paused, mut frames) = answer(&mut peer, "PAUSE", &format!("Range: {value}\r\n")).await;
        assert_eq!(paused.expect_header("Range"), "npt=2.4-", "{value}");
        frames.extend(to_the_pause(&mut peer, 59).await);
        // The frame at 2.4 s itself is not played, nor any after it: it goes on with it. Until it pauses a PLAY without a Range
        // changes nothing.
        let (start, end) = loop {
            let (resumed, before) = answer(&mut peer, "PLAY", "").await;
            assert!(before.is_empty(), "{value}: {} frames", before.len());
            let range = npt(resumed.expect_header("Range"));
            if range.1 != 2.4 {
                break range;
            }
        };
        assert_eq!((start, end), (2.4, 12.0), "{value}");
        let next = peer.frame_on(0).await;
        assert_eq!(number(&next), 60, "{value}");
        frames.push(next);
        let numbers: Vec<_> = frames.iter().map(|packet| number(packet)).collect();
        assert_eq!(numbers, (50..61).collect::<Vec<_>>(), "{value}");
        for (index, packet) in frames.iter().enumerate() {
            let begin = sequence(&frames[0]);
            assert_eq!(sequence(packet), begin.wrapping_add(index as u16));
        }
    }
}

#[tokio::test]
async fn r1_pause_02_a_point_that_has_passed_is_now_and_playing_resumes_there() {
    let house = House::new().await;
    let mut peer = house.ready(V1, &[0]).await;
    play(&mut peer, "2-", "").await.expect(200);
    while number(&peer.frame_on(0).await) < 60 {}
    let (paused, _) = answer(&mut peer, "PAUSE", "Range: npt=2.1-\r\n").await;
    assert_eq!(npt(paused.expect_header("Range")).0, 2.1);
    peer.sync().await;
    let (resumed, before) = answer(&mut peer, "PLAY", "").await;
    assert!(before.is_empty());
    // From the key frame before it.
    assert_eq!(npt(resumed.expect_header("Range")).0, 2.0);
    assert_eq!(number(&peer.frame_on(0).await), 50);
}

#[tokio::test]
async fn r1_pause_03_a_point_outside_of_what_is_played_is_457() {
    let house = House::new().await;
    let mut peer = house.ready(V1, &[0]).await;
    play(&mut peer, "2-4", "").await.expect(200);
    play(&mut peer, "6-7", "").await.expect(200);
    for value in ["npt=9-", "npt=1-", "npt=1.99-", "npt=7.01-"] {
        let status = ask(&mut peer, "PAUSE", &format!("Range: {value}\r\n")).await;
        assert_eq!(status.status(), 457, "{value}");
    }
    for value in ["npt=3-4", "npt=x", "npt="] {
        let status = ask(&mut peer, "PAUSE", &format!("Range: {value}\r\n")).await;
        assert_eq!(status.status(), 400, "{value}");
    }
    // It plays on as it did.
    let packet = peer.frame_on(0).await;
    assert!(number(&packet) >= 50);
    ask(&mut peer, "PAUSE", "Range: npt=3-\r\n")
        .await
        .expect(200);
}

#[tokio::test]
async fn r1_pause_02_a_point_in_what_is_queued() {
    let house = House::new().await;
    // In the second of three ranges, and between the first two.
    for (point, frames, place) in [
        ("3.2", (50..55).chain(75..80), 3.2),
        ("2.5", (50..55).chain(0..0), 2.5),
    ] {
        let mut peer = house.ready(V1, &[0]).await;
        for range in ["2-2.2", "3-4", "6-7"] {
            play(&mut peer, range, "").await.expect(200);
        }
        let (_, mut got) = answer(&mut peer, "PAUSE", &format!("Range: npt={point}-\r\n")).await;
        let expected: Vec<u32> = frames.collect();
        got.extend(to_the_pause(&mut peer, *expected.last().unwrap()).await);
        let numbers: Vec<_> = got.iter().map(|packet| number(packet)).collect();
        assert_eq!(numbers, expected, "{point}");
        peer.sync().await;
        let resumed = ask(&mut peer, "PLAY", "").await.expect(200);
        let (start, _) = npt(resumed.expect_header("Range"));
        assert!(start <= place && start >= 2.0, "{point}: {start}");
    }
}

#[tokio::test]
async fn r1_pause_05_one_stream_of_a_film_is_not_paused_alone() {
    let house = House::new().await;
    let mut peer = house.ready(V1, &[0, 1]).await;
    play(&mut peer, "2-", "").await.expect(200);
    let uri = format!("{}/trackID=1", peer.uri(FILM));
    peer.ask("PAUSE", &uri, "").await.expect(460);
    // Both go on.
    peer.frame_on(0).await;
    peer.frame_on(2).await;
    // Where it is the only one, it is the film.
    let mut peer = house.ready(V1, &[1]).await;
    play(&mut peer, "2-", "").await.expect(200);
    peer.frame_on(2).await;
    let uri = format!("{}/trackID=1", peer.uri(FILM));
    peer.ask("PAUSE", &uri, "").await.expect(200);
}
