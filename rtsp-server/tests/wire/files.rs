//! Movies on demand.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use rtsp_server::ServerHandle;

use crate::{
    peer::{Event, Message, Pair, Peer, within},
    source::{address, be32, has_rtcp, sequence, server_with, timestamp},
};

/// The clip that the server has built in: 10.24 s of H.264 and AAC.
const CLIP: &[u8] = include_bytes!("../../demo/demo.mp4");
const LENGTH: f64 = 10.24;

/// A directory of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("trackside-wire-{}-{number}", std::process::id()));
        std::fs::create_dir_all(path.join("films/sub")).expect("a directory");
        std::fs::write(path.join("films/clip.mp4"), CLIP).expect("a film");
        std::fs::write(path.join("films/sub/a b.mp4"), CLIP).expect("a film");
        std::fs::write(path.join("films/text.mp4"), b"no film at all").expect("a text");
        std::fs::write(path.join("secret.mp4"), CLIP).expect("a secret");
        Self(path)
    }

    fn films(&self) -> PathBuf {
        self.0.join("films")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn server(folder: &Folder) -> ServerHandle {
    let films = folder.films();
    server_with(|config| config.files = Some(films)).await
}

/// The two numbers of `npt=a-b` in an answer.
fn range(answer: &Message) -> (f64, f64) {
    let value = answer.expect_header("Range");
    let npt = value
        .strip_prefix("npt=")
        .unwrap_or_else(|| panic!("{value}"));
    let (start, end) = npt.split_once('-').expect("a range");
    (
        start.parse().expect("a start"),
        end.parse().unwrap_or(f64::NAN),
    )
}

/// `seq` and `rtptime` of one media in RTP-Info.
fn first(answer: &Message, media: usize) -> (u16, u32) {
    let info = answer.expect_header("RTP-Info");
    let one = info
        .split(',')
        .find(|one| one.contains(&format!("trackID={media}")))
        .unwrap_or_else(|| panic!("media {media} in {info}"));
    let value = |name: &str| {
        let rest = one
            .split(name)
            .nth(1)
            .unwrap_or_else(|| panic!("{name} in {one}"));
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse::<u32>().expect("a number")
    };
    (value("seq=") as u16, value("rtptime="))
}

async fn play(peer: &mut Peer, range: &str) -> Message {
    let uri = peer.uri("/files/clip.mp4");
    let header = if range.is_empty() {
        String::new()
    } else {
        format!("Range: npt={range}\r\n")
    };
    peer.ask("PLAY", &uri, &header).await
}

async fn ready(server: &ServerHandle, media: usize) -> Peer {
    let mut peer = Peer::connect(address(server)).await;
    for index in 0..media {
        let uri = format!("{}/trackID={index}", peer.uri("/files/clip.mp4"));
        let transport = format!(
            "RTP/AVP/TCP;unicast;interleaved={}-{}",
            index * 2,
            index * 2 + 1
        );
        peer.setup(&uri, &transport).await.expect(200);
    }
    peer
}

/// What comes up to the BYEs of all media: the packets by media.
async fn to_the_end(peer: &mut Peer, media: usize) -> Vec<Vec<Vec<u8>>> {
    let mut packets = vec![Vec::new(); media];
    let mut byes = vec![false; media];
    while byes.contains(&false) {
        let (channel, packet) = peer.frame().await;
        let index = usize::from(channel / 2);
        if channel % 2 == 0 {
            assert!(!byes[index], "media {index} after its BYE");
            packets[index].push(packet);
        } else if has_rtcp(&packet, 203) {
            byes[index] = true;
        } else {
            assert!(has_rtcp(&packet, 200), "{packet:?}");
        }
    }
    packets
}

#[tokio::test]
async fn a_film_is_described_with_its_length_and_parameters() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let mut peer = Peer::connect(address(&server)).await;
    for path in ["/files/clip.mp4", "/files/sub/a%20b.mp4"] {
        let uri = peer.uri(path);
        let answer = peer.ask("DESCRIBE", &uri, "").await.expect(200);
        let text = answer.text();
        assert!(text.contains("a=range:npt=0"), "{text}");
        let length: f64 = text
            .split("a=range:npt=0-")
            .nth(1)
            .or_else(|| text.split("a=range:npt=0.000-").nth(1))
            .and_then(|rest| rest.lines().next())
            .and_then(|length| length.parse().ok())
            .expect("a length");
        assert!((length - LENGTH).abs() < 0.05, "{length}");
        for wanted in [
            "m=video 0 RTP/AVP ",
            "H264/90000",
            "sprop-parameter-sets=",
            "m=audio 0 RTP/AVP ",
            "48000",
            "config=",
            "a=control:trackID=0",
            "a=control:trackID=1",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert_eq!(answer.expect_header("Content-Base"), format!("{uri}/"));
    }
}

#[tokio::test]
async fn no_name_leaves_the_directory() {
    let folder = Folder::new();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.0.join("secret.mp4"), folder.films().join("link.mp4"))
            .expect("a link");
        std::os::unix::fs::symlink(&folder.0, folder.films().join("up")).expect("a link");
        std::os::unix::fs::symlink("clip.mp4", folder.films().join("inside.mp4")).expect("a link");
    }
    let server = server(&folder).await;
    let absolute = folder.0.join("secret.mp4");
    let absolute = absolute.to_str().expect("a path");
    for name in [
        "../secret.mp4",
        "sub/../../secret.mp4",
        "%2e%2e/secret.mp4",
        "%2e%2e%2fsecret.mp4",
        "..%2fsecret.mp4",
        "..%5csecret.mp4",
        "%252e%252e/secret.mp4",
        "sub/%2e%2e/%2e%2e/secret.mp4",
        "..%c0%afsecret.mp4",
        "clip.mp4%00.mp4",
        "/secret.mp4",
        &absolute[1..],
        absolute,
        "link.mp4",
        "up/secret.mp4",
        "",
        ".",
        "sub",
        "nothing.mp4",
        "%ff%fe.mp4",
        "%",
        "%4",
    ] {
        let mut peer = Peer::connect(address(&server)).await;
        let uri = peer.uri(&format!("/files/{name}"));
        for method in ["DESCRIBE", "SETUP"] {
            let status = peer
                .ask(
                    method,
                    &uri,
                    "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
                )
                .await
                .status();
            assert!(
                [400, 403, 404].contains(&status),
                "{method} {name}: {status}"
            );
        }
    }
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/files/text.mp4");
    peer.ask("DESCRIBE", &uri, "").await.expect(415);
    #[cfg(unix)]
    {
        let uri = peer.uri("/files/inside.mp4");
        peer.ask("DESCRIBE", &uri, "").await.expect(200);
    }
}

#[tokio::test]
async fn a_range_is_played_at_its_pace_and_ends_with_byes() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let mut peer = ready(&server, 2).await;
    let start = Instant::now();
    let answer = play(&mut peer, "0-1.5").await.expect(200);
    assert_eq!(range(&answer), (0.0, 1.5));
    let promised = [first(&answer, 0), first(&answer, 1)];
    let packets = to_the_end(&mut peer, 2).await;
    assert!(
        start.elapsed() > Duration::from_millis(1200),
        "not faster than its time: {:?}",
        start.elapsed()
    );
    for (media, rate) in [(0, 90_000.0), (1, 48_000.0)] {
        let got = &packets[media];
        assert_eq!(sequence(&got[0]), promised[media].0);
        assert_eq!(timestamp(&got[0]), promised[media].1);
        for (before, after) in got.iter().zip(&got[1..]) {
            assert_eq!(
                sequence(after),
                sequence(before).wrapping_add(1),
                "no gap in media {media}"
            );
            assert_eq!(be32(after, 8), be32(&got[0], 8), "one source");
        }
        let last = got
            .iter()
            .map(|packet| timestamp(packet).wrapping_sub(promised[media].1))
            .max();
        let seconds = f64::from(last.unwrap()) / rate;
        assert!(
            (1.3..1.55).contains(&seconds),
            "media {media} to {seconds} s"
        );
    }
    // In 1.0 the session rests, and plays again as another source.
    let answer = play(&mut peer, "9.9-").await.expect(200);
    let (from, to) = range(&answer);
    assert!(from <= 9.9 && (to - LENGTH).abs() < 0.05, "{from}-{to}");
    let again = to_the_end(&mut peer, 2).await;
    for media in 0..2 {
        assert_ne!(
            be32(&again[media][0], 8),
            be32(&packets[media][0], 8),
            "a fresh source after a BYE"
        );
        assert_eq!(sequence(&again[media][0]), first(&answer, media).0);
        let after = timestamp(&again[media][0]).wrapping_sub(first(&answer, media).1);
        assert!(
            after < 1024,
            "media {media}: {after} ticks after the start of the range"
        );
    }
}

#[tokio::test]
async fn ranges_that_are_none_are_refused_and_change_nothing() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let mut peer = ready(&server, 1).await;
    for (value, statuses) in [
        ("npt=20-", &[457][..]),
        ("npt=5-3", &[457, 400]),
        ("npt=10.24-", &[457]),
        ("npt=99999999999999999999-", &[457, 400]),
        ("npt=abc", &[400]),
        ("npt=", &[400]),
        ("smpte=0:00:20-", &[457]),
        ("smpte=0:00:01:30-", &[400]),
        ("clock=20260101T000000Z-", &[456, 501]),
        ("furlongs=1-", &[456, 501]),
    ] {
        let uri = peer.uri("/files/clip.mp4");
        let status = peer
            .ask("PLAY", &uri, &format!("Range: {value}\r\n"))
            .await
            .status();
        assert!(statuses.contains(&status), "{value}: {status}");
    }
    let answer = play(&mut peer, "0-0.5").await.expect(200);
    assert_eq!(range(&answer), (0.0, 0.5));
    to_the_end(&mut peer, 1).await;
}

#[tokio::test]
async fn a_pause_halts_and_play_goes_on_from_there() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let mut peer = ready(&server, 2).await;
    // Video starts at the key frame before.
    let answer = play(&mut peer, "1-4").await.expect(200);
    let (begun, _) = range(&answer);
    assert!((0.0..=1.0).contains(&begun), "{begun}");
    let mut last = [0_u16; 2];
    for _ in 0..30 {
        let (channel, packet) = peer.frame().await;
        if channel % 2 == 0 {
            last[usize::from(channel / 2)] = sequence(&packet);
        }
    }
    let uri = peer.uri("/files/clip.mp4");
    let request = peer.request("PAUSE", &uri, "", b"");
    peer.send(&request).await;
    let answer = loop {
        match peer.next().await {
            Event::Message(answer) => break answer.expect(200),
            Event::Frame(channel, packet) if channel % 2 == 0 => {
                last[usize::from(channel / 2)] = sequence(&packet);
            }
            Event::Frame(..) => {}
            Event::Closed => panic!("closed"),
        }
    };
    let value = answer.expect_header("Range").to_owned();
    let paused: f64 = value["npt=".len()..]
        .trim_end_matches('-')
        .parse()
        .expect("a place");
    assert!((begun..4.0).contains(&paused), "{value}");
    // While it rests nothing comes: the next thing is the answer to PLAY.
    peer.sync().await;
    let request = peer.request("PLAY", &uri, "", b"");
    peer.send(&request).await;
    let Event::Message(answer) = peer.next().await else {
        panic!("media in a pause");
    };
    let answer = answer.expect(200);
    let (from, to) = range(&answer);
    assert!(
        (from - paused).abs() < 0.1 && (to - 4.0).abs() < 0.01,
        "paused at {paused}, on at {from}-{to}"
    );
    for (media, last) in last.iter().enumerate() {
        let promised = first(&answer, media).0;
        assert_eq!(promised, last.wrapping_add(1), "media {media}");
    }
    let packets = to_the_end(&mut peer, 2).await;
    for (media, packets) in packets.iter().enumerate() {
        assert_eq!(sequence(&packets[0]), first(&answer, media).0);
        for (before, after) in packets.iter().zip(&packets[1..]) {
            assert_eq!(sequence(after), sequence(before).wrapping_add(1));
        }
    }
}

#[tokio::test]
async fn a_jump_while_playing_goes_on_with_the_same_source() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let mut peer = ready(&server, 1).await;
    play(&mut peer, "0-").await.expect(200);
    let source = be32(&peer.frame_on(0).await, 8);
    // RTSP/1.0 would play it after the first (RFC 2326 §10.5).
    peer.version = "RTSP/2.0";
    let answer = play(&mut peer, "9-9.5").await.expect(200);
    let (from, to) = range(&answer);
    assert!(from <= 9.0 && (to - 9.5).abs() < 0.01, "{from}-{to}");
    let (wanted, time) = first(&answer, 0);
    loop {
        let packet = peer.frame_on(0).await;
        if sequence(&packet) == wanted {
            assert_eq!(timestamp(&packet), time);
            assert_eq!(be32(&packet, 8), source);
            break;
        }
    }
    to_the_end(&mut peer, 1).await;
}

#[tokio::test]
async fn datagrams_carry_a_film_as_well() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let mut peer = Peer::connect(address(&server)).await;
    let pair = Pair::local().await;
    let uri = format!("{}/trackID=1", peer.uri("/files/clip.mp4"));
    peer.setup(&uri, &pair.transport()).await.expect(200);
    let answer = play(&mut peer, "2-2.5").await.expect(200);
    let packet = pair.packet().await;
    let (promised, time) = first(&answer, 1);
    assert_eq!(sequence(&packet), promised);
    // `rtptime` is that of the range's start, in the middle of a frame of sound (RFC 2326 §12.33).
    assert!(timestamp(&packet).wrapping_sub(time) < 1024);
    while !has_rtcp(&pair.report().await, 203) {}
    // And again.
    play(&mut peer, "2-2.2").await.expect(200);
    while !has_rtcp(&pair.report().await, 203) {}
}

fn open_files(path: &Path) -> usize {
    let wanted = path.canonicalize().expect("the file");
    std::fs::read_dir("/proc/self/fd")
        .expect("descriptors")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| *target == wanted)
        .count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn twenty_sessions_have_one_open_file_and_none_is_left() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let film = folder.films().join("clip.mp4");
    let mut peers = Vec::new();
    for _ in 0..20 {
        let mut peer = ready(&server, 2).await;
        play(&mut peer, "0-").await.expect(200);
        peer.frame_on(0).await;
        peers.push(peer);
    }
    assert_eq!(open_files(&film), 1);
    drop(peers);
    let closed = async {
        while open_files(&film) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within("the file to be closed", closed).await;
}

#[tokio::test]
async fn a_film_that_is_cut_short_while_it_plays_ends_its_session() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let mut peer = ready(&server, 2).await;
    play(&mut peer, "0-").await.expect(200);
    peer.frame_on(0).await;
    let film = std::fs::OpenOptions::new()
        .write(true)
        .open(folder.films().join("clip.mp4"))
        .expect("the film");
    film.set_len(1000).expect("cut");
    let events = peer.until_closed().await;
    for channel in [1, 3] {
        let bye = |event: &Event| matches!(event, Event::Frame(on, packet) if *on == channel && has_rtcp(packet, 203));
        assert!(events.iter().any(bye), "a BYE on channel {channel}");
    }
    // It is no film any more.
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/files/clip.mp4");
    peer.ask("DESCRIBE", &uri, "").await.expect(415);
}

#[tokio::test]
async fn a_film_that_is_replaced_by_name_plays_on_and_the_next_session_gets_the_new_one() {
    let folder = Folder::new();
    let server = server(&folder).await;
    let mut peer = ready(&server, 1).await;
    play(&mut peer, "0-1").await.expect(200);
    peer.frame_on(0).await;
    let new = folder.films().join("new");
    std::fs::write(&new, b"nothing").expect("a file");
    std::fs::rename(new, folder.films().join("clip.mp4")).expect("replaced");
    to_the_end(&mut peer, 1).await;
    let mut other = Peer::connect(address(&server)).await;
    let uri = other.uri("/files/clip.mp4");
    other.ask("DESCRIBE", &uri, "").await.expect(415);
}

#[tokio::test]
async fn who_does_not_read_a_film_holds_up_nobody_else() {
    let folder = Folder::new();
    let server = server_with({
        let films = folder.films();
        |config| {
            config.files = Some(films);
            config.threads = 1;
        }
    })
    .await;
    let mut stalled = Vec::new();
    for _ in 0..4 {
        let mut peer = ready(&server, 2).await;
        play(&mut peer, "0-").await.expect(200);
        stalled.push(peer);
    }
    let mut peer = ready(&server, 2).await;
    play(&mut peer, "3-3.5").await.expect(200);
    to_the_end(&mut peer, 2).await;
}
