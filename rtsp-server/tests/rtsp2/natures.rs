//! What SETUP, PLAY and PAUSE tell of the media.

use crate::{FILM, House, LENGTH, ask, npt, setup};

#[tokio::test]
async fn r2_setup_06_08_09_r2_play_23_r2_media_05_06_07_live_media_tell_what_they_are() {
    let house = House::new().await;
    let mut peer = house.peer("RTSP/2.0").await;
    for media in 0..2 {
        let answer = setup(&mut peer, "/live", media, "").await.expect(200);
        assert_eq!(answer.expect_header("Accept-Ranges"), "npt, clock");
        assert_eq!(
            answer.expect_header("Media-Properties"),
            "No-Seeking, Time-Progressing, Time-Duration=0"
        );
        let (start, end) = npt(answer.expect_header("Media-Range"));
        assert!(start == 0.0 && (0.0..30.0).contains(&end), "{start}-{end}");
    }
    for method in ["PLAY", "PAUSE"] {
        let answer = ask(&mut peer, method, "/live", "").await.expect(200);
        let (_, end) = npt(answer.expect_header("Media-Range"));
        assert!((0.0..30.0).contains(&end), "{end}");
    }
}

#[tokio::test]
async fn r2_setup_08_r2_media_06_films_tell_what_they_are() {
    let house = House::new().await;
    let mut peer = house.peer("RTSP/2.0").await;
    let answer = setup(&mut peer, FILM, 0, "").await.expect(200);
    assert_eq!(
        answer.expect_header("Media-Properties"),
        "Random-Access, Immutable, Unlimited, Scales=\"-8:-0.5, 0.5:8\""
    );
    assert_eq!(npt(answer.expect_header("Media-Range")), (0.0, LENGTH));
}

#[tokio::test]
async fn rtsp_1_peers_are_spared_what_they_do_not_know() {
    let house = House::new().await;
    let mut peer = house.peer("RTSP/1.0").await;
    let answer = setup(&mut peer, FILM, 0, "").await.expect(200);
    for name in ["Accept-Ranges", "Media-Properties", "Media-Range"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    let answer = ask(&mut peer, "PLAY", FILM, "").await.expect(200);
    assert_eq!(answer.header("Seek-Style"), None);
}

#[tokio::test]
async fn r2_setup_07_r2_range_23_no_unit_in_common_is_456() {
    let house = House::new().await;
    for (path, units) in [
        ("/live", "npt, clock"),
        (FILM, "npt, smpte, smpte-25, smpte-30-drop"),
    ] {
        let mut peer = house.peer("RTSP/2.0").await;
        let answer = setup(&mut peer, path, 0, "Accept-Ranges: bytes, foo\r\n")
            .await
            .expect(456);
        assert_eq!(answer.expect_header("Accept-Ranges"), units);
        assert_eq!(answer.header("Session"), None);
        setup(&mut peer, path, 0, "Accept-Ranges: clock, npt\r\n")
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn r2_play_22_live_media_are_at_an_explicit_time() {
    let house = House::new().await;
    for range in [
        "",
        "Range: npt=now-\r\n",
        "Range: npt=0-\r\n",
        "Range: npt=99999-\r\n",
    ] {
        let mut peer = house.ready("RTSP/2.0", "/live").await;
        let answer = ask(&mut peer, "PLAY", "/live", range).await.expect(200);
        let (start, end) = npt(answer.expect_header("Range"));
        assert!(
            (0.0..30.0).contains(&start) && end.is_nan(),
            "{start}-{end}"
        );
    }
    // RTSP/1.0 players know `now`.
    let mut peer = house.ready("RTSP/1.0", "/live").await;
    let answer = ask(&mut peer, "PLAY", "/live", "").await.expect(200);
    assert_eq!(answer.expect_header("Range"), "npt=now-");
}

#[tokio::test]
async fn r2_play_14_r2_range_15_16_films_tell_how_they_were_sought() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    for headers in [
        "Range: npt=5-\r\nSeek-Style: foo\r\n",
        "Range: npt=2-\r\n",
        "",
    ] {
        let answer = ask(&mut peer, "PLAY", FILM, headers).await.expect(200);
        assert_eq!(answer.expect_header("Seek-Style"), "RAP", "{headers}");
    }
}

#[tokio::test]
async fn r2_pause_03_a_pause_is_told_again() {
    let house = House::new().await;
    for path in ["/live", FILM] {
        let mut peer = house.ready("RTSP/2.0", path).await;
        ask(&mut peer, "PLAY", path, "").await.expect(200);
        let first = ask(&mut peer, "PAUSE", path, "").await.expect(200);
        let again = ask(&mut peer, "PAUSE", path, "").await.expect(200);
        assert_eq!(first.expect_header("Range"), again.expect_header("Range"));
    }
}
