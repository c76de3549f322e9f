//! DESCRIBE of films: how long they are, and when they were changed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rtsp_msg::headers::UtcTime;

use crate::{BOTH, FILM, House, V2, ask, play};

/// The `a=range` of the session and of each media.
fn ranges(text: &str) -> (Option<String>, Vec<Option<String>>) {
    let mut parts = text.split("\r\nm=");
    let range = |part: &str| {
        let mut lines = part.lines();
        lines.find_map(|line| Some(line.strip_prefix("a=range:")?.to_owned()))
    };
    let session = range(parts.next().unwrap_or_default());
    (session, parts.map(range).collect())
}

#[tokio::test]
async fn r2_sdp_12_14_each_media_has_its_own_length() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.peer(version).await;
        let answer = ask(&mut peer, "DESCRIBE", "").await.expect(200);
        let (session, media) = ranges(answer.text());
        assert_eq!(session, None);
        let media: Vec<_> = media.into_iter().flatten().collect();
        assert_eq!(media, ["npt=0-12", "npt=0-10"]);
        // What the description says can be played.
        for (index, range) in media.iter().enumerate() {
            let mut peer = house.ready(version, &[index]).await;
            let answer = ask(&mut peer, "PLAY", &format!("Range: {range}\r\n"))
                .await
                .expect(200);
            assert_eq!(answer.expect_header("Range"), range);
        }
        let mut peer = house.ready(version, &[0, 1]).await;
        let answer = ask(&mut peer, "PLAY", "Range: npt=0-12\r\n")
            .await
            .expect(200);
        assert_eq!(answer.expect_header("Range"), "npt=0-12");
    }
}

#[tokio::test]
async fn r2_sdp_12_media_of_one_length_share_it() {
    let house = House::new().await;
    let clip = include_bytes!("../../demo/demo.mp4");
    std::fs::write(house.folder.join("clip.mp4"), clip).expect("a film");
    let mut peer = house.peer(V2).await;
    let uri = peer.uri("/files/clip.mp4");
    let answer = peer.ask("DESCRIBE", &uri, "").await.expect(200);
    let (session, media) = ranges(answer.text());
    assert_eq!(session.as_deref(), Some("npt=0-10.24"));
    assert_eq!(media, [None, None]);
}

#[tokio::test]
async fn r2_hdr_23_films_were_changed_when_their_file_was_and_never_later_than_now() {
    let house = House::new().await;
    let film = std::fs::OpenOptions::new()
        .write(true)
        .open(house.folder.join("plain.mp4"))
        .expect("the film");
    let now = SystemTime::now();
    for (modified, told) in [
        (
            UNIX_EPOCH + Duration::from_secs(1_600_000_000),
            Some(1_600_000_000),
        ),
        (now + Duration::from_secs(1_000_000), None),
    ] {
        film.set_modified(modified).expect("a time stamp");
        let mut peer = house.peer(V2).await;
        let answer = ask(&mut peer, "DESCRIBE", "").await.expect(200);
        let time = |name: &str| {
            UtcTime::parse_date(answer.expect_header(name))
                .and_then(UtcTime::to_unix)
                .expect("a date")
                .as_secs()
        };
        let (date, changed) = (time("Date"), time("Last-Modified"));
        assert!(changed <= date, "{changed} after {date}");
        assert_eq!(changed, told.unwrap_or(date), "as near as can be");
        let since = answer.expect_header("Last-Modified").to_owned();
        let header = format!("If-Modified-Since: {since}\r\n");
        if told.is_some() {
            ask(&mut peer, "DESCRIBE", &header).await.expect(304);
        }
    }
}

#[tokio::test]
async fn parts_of_a_film_that_is_played_are_not_described_anew() {
    // A film whose session plays is described as before: its own time is nobody else's.
    let house = House::new().await;
    let mut peer = house.ready(V2, &[0]).await;
    let uri = peer.uri(FILM);
    let before = peer.ask("DESCRIBE", &uri, "").await.expect(200);
    play(&mut peer, "3-", "Scale: 2\r\n").await.expect(200);
    let after = peer.ask("DESCRIBE", &uri, "").await.expect(200);
    assert_eq!(before.text(), after.text());
}
