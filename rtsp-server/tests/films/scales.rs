//! Scale.

use std::time::Instant;

use crate::{
    BOTH, FILM, House, Played, V1, V2, ask, first, npt,
    peer::Peer,
    play, setup,
    source::{Source, address, av, server_with, timestamp},
};

#[tokio::test]
async fn r2_range_06_07_r1_hdr_13_the_actual_scale_is_answered() {
    let house = House::new().await;
    for version in BOTH {
        for (asked, actual) in [
            ("1", "1"),
            ("2.0", "2"),
            ("0.5", "0.5"),
            ("2.345678", "2.35"),
            ("100", "8"),
            ("0.01", "0.5"),
            ("999999999999", "8"),
        ] {
            let mut peer = house.ready(version, &[0]).await;
            let scale = format!("Scale: {asked}\r\n");
            let answer = play(&mut peer, "1-", &scale).await.expect(200);
            assert_eq!(answer.expect_header("Scale"), actual, "{asked}");
        }
        for (asked, actual) in [("-1", "-1"), ("-0.1", "-0.5"), ("-77", "-8")] {
            let mut peer = house.ready(version, &[0]).await;
            let scale = format!("Scale: {asked}\r\n");
            let answer = play(&mut peer, "5-1", &scale).await.expect(200);
            assert_eq!(answer.expect_header("Scale"), actual, "{asked}");
        }
        // Nobody else hears of it in RTSP/1.0.
        let mut peer = house.ready(version, &[0]).await;
        let answer = play(&mut peer, "1-", "").await.expect(200);
        let told = (version == V2).then_some("1");
        assert_eq!(answer.header("Scale"), told);
    }
}

#[tokio::test]
async fn r2_range_09_numbers_that_are_none_are_400() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.ready(version, &[0]).await;
        for header in [
            "Scale: 0",
            "Scale: -0.0",
            "Scale: NaN",
            "Scale: inf",
            "Scale: -infinity",
            "Scale: 1e9",
            "Scale: 99999999999999999999",
            "Scale: 0x2",
            "Scale:",
            "Speed: 0",
            "Speed: -1",
            "Speed: NaN",
            "Speed: 2-1",
            "Speed: 1-inf",
        ] {
            let answer = play(&mut peer, "1-", &format!("{header}\r\n")).await;
            assert_eq!(answer.status(), 400, "{header} {version}");
        }
        play(&mut peer, "1-", "").await.expect(200);
    }
}

#[tokio::test]
async fn r2_rtp_27_r1_rtp_03_r2_range_10_faster_by_key_frames() {
    let house = House::new().await;
    for version in BOTH {
        for (scale, range, frames, step) in [
            ("4", "2-6", vec![50, 75, 100, 125], 22_500),
            ("2", "2-4", vec![50, 75], 45_000),
            ("0.5", "2-2.2", vec![50, 51, 52, 53, 54], 7200),
        ] {
            let mut peer = house.ready(version, &[0]).await;
            let begun = Instant::now();
            let header = format!("Scale: {scale}\r\n");
            let answer = play(&mut peer, range, &header).await.expect(200);
            let played = Played::to_the_end(&mut peer, &[0]).await;
            assert_eq!(played.frames(), frames, "{scale}");
            assert!(played.steps().iter().all(|one| *one == step), "{scale}");
            let (sequence, time) = first(&answer, 0);
            played.assert_no_gap(sequence);
            assert_eq!(timestamp(&played.packets[0][0]), time);
            let (start, end) = npt(answer.expect_header("Range"));
            let factor: f64 = scale.parse().unwrap();
            let took = begun.elapsed().as_secs_f64();
            assert!(took > (end - start) / factor - 0.02, "{scale}: {took}");
        }
    }
}

#[tokio::test]
async fn r2_range_05_backwards_to_the_beginning() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.ready(version, &[0, 1]).await;
        let answer = play(&mut peer, "4.3-0", "Scale: -8\r\n").await.expect(200);
        // From the key frame before.
        assert_eq!(npt(answer.expect_header("Range")), (4.0, 0.0));
        // A source that has sent nothing has nothing to say goodbye for (RFC 3550 §6.3.7).
        let played = Played::to_the_end(&mut peer, &[0]).await;
        assert_eq!(played.frames(), [100, 75, 50, 25, 0]);
        assert!(played.steps().iter().all(|step| *step == 11_250));
        assert!(played.packets[1].is_empty(), "no sound backwards");
        if let Some(end) = played.end {
            // The timescale runs backwards (RFC 7826 §13.5.1).
            assert_eq!(end.expect_header("Scale"), "-8");
            assert_eq!(npt(end.expect_header("Range")), (4.0, 0.0));
        }
        // At the beginning there is nothing before it.
        let again = ask(&mut peer, "PLAY", "Scale: -1\r\n").await;
        assert_eq!(again.status(), 457, "{version}");
    }
}

/// A scale has to be changed by the server where it cannot go on. Films are there to their end, and what is live is played at 1, so it always
/// can: what was granted holds to the last frame.
#[tokio::test]
async fn r2_pn_18_a_scale_that_was_granted_goes_on_to_the_end() {
    let house = House::new().await;
    for (scale, range) in [("2", "7-"), ("8", "2-"), ("-4", "6-0")] {
        let mut peer = house.ready(V2, &[0]).await;
        let header = format!("Scale: {scale}\r\n");
        let answer = play(&mut peer, range, &header).await.expect(200);
        assert_eq!(answer.expect_header("Scale"), scale);
        let end = Played::to_the_end(&mut peer, &[0]).await.end;
        let end = end.expect("RTSP/2.0 tells the end");
        assert_eq!(end.expect_header("Notify-Reason"), "end-of-stream");
        assert_eq!(end.expect_header("Scale"), scale);
    }
}

#[tokio::test]
async fn r2_range_03_decreasing_ranges_only_backwards() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.ready(version, &[0]).await;
        for (range, scale) in [
            ("15-10", ""),
            ("5-3", ""),
            ("5-3", "Scale: 1\r\n"),
            ("5-3", "Scale: 4\r\n"),
            ("3-5", "Scale: -1\r\n"),
            ("0-", "Scale: -1\r\n"),
            ("99-3", "Scale: -1\r\n"),
        ] {
            let answer = play(&mut peer, range, scale).await;
            assert_eq!(answer.status(), 457, "{range} {scale}");
        }
        play(&mut peer, "5-3", "Scale: -1\r\n").await.expect(200);
    }
}

#[tokio::test]
async fn r2_cap_14_15_what_films_can_do_is_told() {
    let house = House::new().await;
    let mut peer = house.peer(V2).await;
    let uri = peer.uri(FILM);
    let tags = |value: &str| {
        value
            .split(',')
            .map(|tag| tag.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let answer = peer.ask("OPTIONS", &uri, "Supported: x\r\n").await;
    let told = tags(answer.expect(200).expect_header("Supported"));
    for tag in ["play.basic", "play.scale", "play.speed"] {
        assert!(told.iter().any(|one| one == tag), "{tag} in {told:?}");
    }
    peer.ask("OPTIONS", &uri, "Require: play.scale, play.speed\r\n")
        .await
        .expect(200);
    let properties = setup(&mut peer, 1, "").await.expect(200);
    let properties = properties.expect_header("Media-Properties").to_owned();
    assert!(!properties.contains("Scales"), "sound alone: {properties}");
    let properties = setup(&mut peer, 0, "").await.expect(200);
    let properties = properties.expect_header("Media-Properties").to_owned();
    assert!(
        properties.ends_with("Scales=\"-8:-0.5, 0.5:8\""),
        "{properties}"
    );
    // A server without films has nothing to scale.
    let server = server_with(|_| {}).await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.version = V2;
    let answer = peer.ask("OPTIONS", "*", "Supported: x\r\n").await;
    let told = tags(answer.expect(200).expect_header("Supported"));
    assert!(
        !told
            .iter()
            .any(|tag| tag == "play.scale" || tag == "play.speed")
    );
}

#[tokio::test]
async fn r2_range_08_14_what_is_live_goes_at_its_own_pace() {
    let server = server_with(|_| {}).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    for version in BOTH {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        let uri = peer.uri("/live");
        let answer = peer
            .setup(
                &format!("{uri}/trackID=0"),
                "RTP/AVP/TCP;unicast;interleaved=0-1",
            )
            .await
            .expect(200);
        if let Some(properties) = answer.header("Media-Properties") {
            assert!(!properties.contains("Scales"), "{properties}");
        }
        let headers = "Scale: 2\r\nSpeed: 1-2\r\n";
        let headers = if version == V1 {
            "Scale: 2\r\nSpeed: 2\r\n"
        } else {
            headers
        };
        let answer = peer.ask("PLAY", &uri, headers).await.expect(200);
        assert_eq!(answer.header("Scale"), None);
        assert_eq!(answer.header("Speed"), None);
    }
}

#[tokio::test]
async fn the_scale_changes_while_it_plays() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.ready(version, &[0]).await;
        play(&mut peer, "0-", "").await.expect(200);
        while crate::number(&peer.frame_on(0).await) < 5 {}
        // RTSP/1.0 would queue a Range: it says the new scale alone.
        let answer = ask(&mut peer, "PLAY", "Scale: 8\r\n").await.expect(200);
        assert_eq!(answer.expect_header("Scale"), "8");
        let (wanted, time) = first(&answer, 0);
        let packet = loop {
            let packet = peer.frame_on(0).await;
            if crate::source::sequence(&packet) == wanted {
                break packet;
            }
        };
        assert_eq!((timestamp(&packet), crate::number(&packet)), (time, 0));
        let next = peer.frame_on(0).await;
        assert_eq!(crate::number(&next), 25);
        assert_eq!(timestamp(&next).wrapping_sub(time), 11_250);
        // A question whether the server lives changes nothing in RTSP/1.0.
        if version == V1 {
            ask(&mut peer, "PLAY", "").await.expect(200);
            let next = peer.frame_on(0).await;
            assert_eq!(crate::number(&next) % 25, 0);
        }
    }
}
