//! PLAY and PAUSE of what can be sought.

use std::path::PathBuf;

use rtsp_server::ServerHandle;

use crate::{
    TCP, TCP_TOO, VERSIONS,
    peer::{Event, Message, Peer},
    source::{address, has_rtcp, server_with},
};

/// How long the clip is that the server has built in, in seconds.
const LENGTH: f64 = 10.24;

/// A folder with the clip in it, removed at the end.
struct Films(PathBuf);

impl Films {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("trackside-films-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        std::fs::write(path.join("clip.mp4"), include_bytes!("../../demo/demo.mp4"))
            .expect("a film");
        Self(path)
    }

    async fn server(&self) -> ServerHandle {
        server_with(|config| config.files = Some(self.0.clone())).await
    }
}

impl Drop for Films {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A peer that has set up both media of the clip.
async fn ready(server: &ServerHandle, version: &'static str) -> Peer {
    let mut peer = Peer::connect(address(server)).await;
    peer.version = version;
    for (media, transport) in [TCP, TCP_TOO].into_iter().enumerate() {
        let uri = format!("{}/trackID={media}", peer.uri("/files/clip.mp4"));
        let answer = peer.setup(&uri, transport).await.expect(200);
        if version == "RTSP/2.0" {
            assert!(answer.expect_header("Accept-Ranges").contains("npt"));
        }
    }
    peer
}

async fn ask(peer: &mut Peer, method: &str, range: &str) -> Message {
    let uri = peer.uri("/files/clip.mp4");
    let range = if range.is_empty() {
        String::new()
    } else {
        format!("Range: {range}\r\n")
    };
    peer.ask(method, &uri, &range).await
}

/// The two numbers of `npt=a-b`.
#[track_caller]
fn range(answer: &Message) -> (f64, Option<f64>) {
    let value = answer.expect_header("Range");
    let (start, end) = value
        .strip_prefix("npt=")
        .and_then(|npt| npt.split_once('-'))
        .unwrap_or_else(|| panic!("{value}"));
    (start.parse().expect("a start"), end.parse().ok())
}

#[tokio::test]
async fn r2_play_07_r1_play_05_07_answers_say_what_is_played() {
    let films = Films::new("range");
    let server = films.server().await;
    for version in VERSIONS {
        for (asked, start, end) in [
            ("", 0.0, LENGTH),
            ("npt=0-", 0.0, LENGTH),
            ("npt=0-99999", 0.0, LENGTH),
            ("npt=0-4", 0.0, 4.0),
        ] {
            let mut peer = ready(&server, version).await;
            let answer = ask(&mut peer, "PLAY", asked).await.expect(200);
            let (first, last) = range(&answer);
            assert!((first - start).abs() < 0.01, "{asked}: {first}");
            assert!(
                last.is_none_or(|last| (last - end).abs() < 0.1),
                "{asked}: {last:?}"
            );
            assert!(
                last.is_some() || end == LENGTH,
                "{asked}: a stop that was asked for is told"
            );
        }
    }
}

#[tokio::test]
async fn r2_code_26_r1_play_08_outside_the_film_is_457() {
    let films = Films::new("outside");
    let server = films.server().await;
    for version in VERSIONS {
        let mut peer = ready(&server, version).await;
        ask(&mut peer, "PLAY", "npt=99999-").await.expect(457);
        // And nothing has changed.
        ask(&mut peer, "PLAY", "npt=0-").await.expect(200);
    }
}

#[tokio::test]
async fn r2_range_02_r2_code_25_r1_time_06_08_units_that_are_none() {
    let films = Films::new("units");
    let server = films.server().await;
    for unit in ["foo=1-2", "bytes=0-1"] {
        let mut peer = ready(&server, "RTSP/2.0").await;
        let answer = ask(&mut peer, "PLAY", unit).await.expect(456);
        assert!(answer.expect_header("Accept-Ranges").contains("npt"));
        let mut peer = ready(&server, "RTSP/1.0").await;
        ask(&mut peer, "PLAY", unit).await.expect(501);
        ask(&mut peer, "PLAY", "").await.expect(200);
    }
}

#[tokio::test]
async fn r2_pause_03_r1_pause_01_r2_play_04_a_pause_keeps_its_place() {
    let films = Films::new("pause");
    let server = films.server().await;
    for version in VERSIONS {
        let mut peer = ready(&server, version).await;
        ask(&mut peer, "PLAY", "npt=3-").await.expect(200);
        for _ in 0..20 {
            peer.frame().await;
        }
        let paused = ask(&mut peer, "PAUSE", "").await.expect(200);
        let (place, _) = range(&paused);
        assert!((2.0..9.0).contains(&place), "{place}");
        if version == "RTSP/2.0" {
            let again = ask(&mut peer, "PAUSE", "").await.expect(200);
            assert_eq!(again.expect_header("Range"), paused.expect_header("Range"));
        }
        let (resumed, _) = range(&ask(&mut peer, "PLAY", "").await.expect(200));
        assert!((resumed - place).abs() < 0.05, "{place} and {resumed}");
    }
}

#[tokio::test]
async fn r2_rtp_29_a_pause_is_no_goodbye() {
    let films = Films::new("bye");
    let server = films.server().await;
    for version in VERSIONS {
        let mut peer = ready(&server, version).await;
        ask(&mut peer, "PLAY", "").await.expect(200);
        let mut sources = std::collections::HashSet::new();
        for _ in 0..2 {
            for _ in 0..40 {
                let (channel, packet) = peer.frame().await;
                if channel % 2 == 1 {
                    assert!(!has_rtcp(&packet, 203), "BYE");
                } else {
                    sources.insert((channel, packet[8..12].to_vec()));
                }
            }
            let uri = peer.uri("/files/clip.mp4");
            for method in ["PAUSE", "PLAY"] {
                let request = peer.request(method, &uri, "", b"");
                peer.send(&request).await;
                loop {
                    match peer.next().await {
                        Event::Frame(channel, packet) if channel % 2 == 1 => {
                            assert!(!has_rtcp(&packet, 203), "BYE");
                        }
                        Event::Frame(..) => {}
                        Event::Message(answer) => {
                            assert_eq!(answer.status(), 200);
                            break;
                        }
                        Event::Closed => panic!("closed"),
                    }
                }
            }
        }
        assert_eq!(sources.len(), 2, "each media keeps its SSRC");
    }
}

#[tokio::test]
async fn r2_setup_06_accept_ranges_in_every_setup() {
    let films = Films::new("accept");
    let server = films.server().await;
    ready(&server, "RTSP/2.0").await;
}
