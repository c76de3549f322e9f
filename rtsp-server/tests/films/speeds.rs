//! Speed.

use std::time::{Duration, Instant};

use crate::{
    BOTH, FILM, House, Played, V1, V2, first, npt,
    peer::Pair,
    play,
    source::{sequence, timestamp},
};

#[tokio::test]
async fn r2_range_11_12_faster_than_real_time_and_not_a_packet_less() {
    let house = House::new().await;
    for (version, asked, answered) in [(V1, "20", "20"), (V2, "1.0-20", "1-20")] {
        let mut peer = house.ready(version, &[0, 1]).await;
        let begun = Instant::now();
        let speed = format!("Speed: {asked}\r\n");
        let answer = play(&mut peer, "0-", &speed).await.expect(200);
        assert_eq!(answer.expect_header("Speed"), answered);
        let (sequence, time) = first(&answer, 0);
        let played = Played::to_the_end(&mut peer, &[0, 1]).await;
        let took = begun.elapsed().as_secs_f64();
        // 12 s in 0.6 s.
        assert!((0.55..6.0).contains(&took), "{took}");
        assert_eq!(played.frames(), (0..300).collect::<Vec<_>>());
        played.assert_no_gap(sequence);
        assert_eq!(timestamp(&played.packets[0][0]), time);
        assert!(played.steps().iter().all(|step| *step == 3600));
        let sound: usize = played.packets[1]
            .iter()
            .map(|packet| packet.len() - 12)
            .sum();
        assert_eq!(sound, 80_000, "all of the sound");
    }
}

#[tokio::test]
async fn r2_range_11_as_fast_as_the_connection_takes_it() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0, 1]).await;
    let begun = Instant::now();
    let answer = play(&mut peer, "0-", "Speed: 1-1000000\r\n")
        .await
        .expect(200);
    assert_eq!(answer.expect_header("Speed"), "1-1000");
    let played = Played::to_the_end(&mut peer, &[0, 1]).await;
    assert_eq!(played.frames().len(), 300);
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn slower_delivery_is_a_speed_too() {
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    let begun = Instant::now();
    let answer = play(&mut peer, "0-0.4", "Speed: 0.3-0.5\r\n")
        .await
        .expect(200);
    assert_eq!(answer.expect_header("Speed"), "0.3-0.5");
    let played = Played::to_the_end(&mut peer, &[0]).await;
    assert_eq!(played.frames(), (0..10).collect::<Vec<_>>());
    assert!(played.steps().iter().all(|step| *step == 3600));
    assert!(begun.elapsed() > Duration::from_millis(750));
}

#[tokio::test]
async fn datagrams_are_sent_at_a_bounded_speed() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.peer(version).await;
        let pair = Pair::local().await;
        let uri = format!("{}/trackID=0", peer.uri(FILM));
        let transport = match version {
            V1 => pair.transport(),
            _ => format!(
                "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
                pair.port(),
                pair.port() + 1
            ),
        };
        let answer = peer.setup(&uri, &transport).await.expect(200);
        let session = answer.expect_header("Session").split(';').next();
        peer.session = session.map(str::to_owned);
        let (asked, told) = match version {
            V1 => ("100", "4"),
            _ => ("1-100", "1-4"),
        };
        let answer = play(&mut peer, "0-4", &format!("Speed: {asked}\r\n"))
            .await
            .expect(200);
        assert_eq!(answer.expect_header("Speed"), told);
        let begun = Instant::now();
        let wanted = first(&answer, 0).0;
        for index in 0..100 {
            assert_eq!(sequence(&pair.packet().await), wanted.wrapping_add(index));
        }
        let took = begun.elapsed().as_secs_f64();
        assert!((0.9..4.0).contains(&took), "4 s at 4: {took}");
    }
}

#[tokio::test]
async fn a_peer_that_takes_nothing_holds_the_film_and_nobody_else() {
    let house = House::new().await;
    let mut stalled = Vec::new();
    for _ in 0..4 {
        let mut peer = house.ready(V2, &[0, 1]).await;
        let request = peer.uri(FILM);
        let request = peer.request("PLAY", &request, "Range: npt=0-\r\nSpeed: 1-1000\r\n", b"");
        peer.send(&request).await;
        stalled.push(peer);
    }
    let mut peer = house.ready(V2, &[0]).await;
    let answer = play(&mut peer, "3-3.5", "").await.expect(200);
    assert_eq!(npt(answer.expect_header("Range")), (3.0, 3.5));
    let played = Played::to_the_end(&mut peer, &[0]).await;
    assert_eq!(played.frames(), (75..88).collect::<Vec<_>>());
}
