//! Films on demand in both versions, with the rows of the table of requirements that say so: real sockets on loopback, a scripted
//! peer, and assertions on the packets and bytes that it gets.
#![allow(missing_docs)]

#[allow(dead_code)] // each program uses a part
#[path = "../wire/peer.rs"]
mod peer;
#[allow(dead_code)]
#[path = "../wire/rsa.rs"]
mod rsa;
#[allow(dead_code)]
#[path = "../wire/source.rs"]
mod source;

mod describing;
mod pausing;
mod scales;
mod secured;
mod seeking;
mod sizes;
mod speeds;
mod units;

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use rtsp_client::mp4::{MovieWriter, NewSample, TrackConfig};
use rtsp_server::{Config, ServerHandle};

use crate::{
    peer::{Event, Message, Peer},
    source::{address, has_rtcp, sequence, server_with, timestamp},
};

const FILM: &str = "/files/plain.mp4";
const V1: &str = "RTSP/1.0";
const V2: &str = "RTSP/2.0";
const BOTH: [&str; 2] = [V1, V2];

/// A server with one film: 12 s of video at 25 frames a second with a key frame every second, 10 s of PCM at 8 kHz. The last four
/// bytes of each frame are its number.
struct House {
    server: ServerHandle,
    folder: PathBuf,
}

impl House {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("trackside-films-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a directory");
        write_film(&folder.join("plain.mp4"));
        let films = folder.clone();
        let server = server_with(|config| {
            config.files = Some(films);
            change(config);
        })
        .await;
        Self { server, folder }
    }

    async fn peer(&self, version: &'static str) -> Peer {
        let mut peer = Peer::connect(address(&self.server)).await;
        peer.version = version;
        peer
    }

    /// A peer that has set up these media of the film, interleaved.
    async fn ready(&self, version: &'static str, media: &[usize]) -> Peer {
        let mut peer = self.peer(version).await;
        for &media in media {
            setup(&mut peer, media, "").await.expect(200);
        }
        peer
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn write_film(path: &std::path::Path) {
    let mut writer = MovieWriter::create(path).expect("a film");
    let video = TrackConfig::H264 {
        sps: vec![Bytes::from_static(b"\x67\x42\xc0\x0a\xda\x79\x64")],
        pps: vec![Bytes::from_static(b"\x68\xce\x0f\xc8")],
        width: 64,
        height: 48,
    };
    let video = writer.add_track(video, 90_000).expect("video");
    let sound = TrackConfig::Pcmu {
        sample_rate: 8000,
        channels: 1,
    };
    let sound = writer.add_track(sound, 8000).expect("sound");
    for frame in 0..300_u32 {
        let random_access = frame % 25 == 0;
        let size = if random_access { 600 } else { 200 };
        let mut payload = (size - 4_u32).to_be_bytes().to_vec();
        payload.push(if random_access { 0x65 } else { 0x41 });
        payload.resize(size as usize - 4, 1);
        payload.extend(frame.to_be_bytes());
        let sample = NewSample {
            payload: &payload,
            presentation_time: i64::from(frame) * 3600,
            random_access,
        };
        writer.write(video, sample).expect("a frame");
    }
    for second in 0..10 {
        let sample = NewSample {
            payload: &[0x55; 8000],
            presentation_time: second * 8000,
            random_access: true,
        };
        writer.write(sound, sample).expect("sound");
    }
    writer.finish().expect("a film");
}

/// SETUP of one media, interleaved, with more headers. The session of the answer is kept.
async fn setup(peer: &mut Peer, media: usize, more: &str) -> Message {
    let uri = format!("{}/trackID={media}", peer.uri(FILM));
    let channels = media * 2;
    let transport = format!(
        "Transport: RTP/AVP/TCP;unicast;interleaved={channels}-{}\r\n",
        channels + 1
    );
    let answer = peer.ask("SETUP", &uri, &(transport + more)).await;
    if answer.status() == 200 {
        let id = answer.expect_header("Session").split(';').next();
        peer.session = id.map(|id| id.trim().to_owned());
    }
    answer
}

/// A request about the whole film.
async fn ask(peer: &mut Peer, method: &str, headers: &str) -> Message {
    let uri = peer.uri(FILM);
    peer.ask(method, &uri, headers).await
}

/// PLAY with `Range: npt=` and more headers.
async fn play(peer: &mut Peer, npt: &str, more: &str) -> Message {
    ask(peer, "PLAY", &format!("Range: npt={npt}\r\n{more}")).await
}

/// The two numbers of `npt=a-b`; NaN where there is none.
#[track_caller]
fn npt(value: &str) -> (f64, f64) {
    let first = value.split(',').next().unwrap_or_default();
    let range = first
        .strip_prefix("npt=")
        .unwrap_or_else(|| panic!("{value}"));
    let (start, end) = range.split_once('-').expect("a range");
    let number = |text: &str| match text {
        "" => f64::NAN,
        text => text.parse().unwrap_or_else(|_| panic!("{value}")),
    };
    (number(start), number(end))
}

/// `seq` and `rtptime` of one media in RTP-Info.
#[track_caller]
fn first(answer: &Message, media: usize) -> (u16, u32) {
    let info = answer.expect_header("RTP-Info");
    let one = info
        .split(',')
        .find(|one| one.contains(&format!("trackID={media}")))
        .unwrap_or_else(|| panic!("media {media} in {info}"));
    let value = |name: &str| {
        let rest = one.split(name).nth(1);
        let rest = rest.unwrap_or_else(|| panic!("{name} in {one}"));
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let digits = &rest[..end.unwrap_or(rest.len())];
        digits.parse::<u32>().expect("a number")
    };
    (value("seq=") as u16, value("rtptime="))
}

/// The number of a video frame.
fn number(packet: &[u8]) -> u32 {
    source::be32(packet, packet.len() - 4)
}

/// What came of a film until it stopped.
#[derive(Default)]
struct Played {
    /// The packets of each media.
    packets: [Vec<Vec<u8>>; 2],
    /// PLAY_NOTIFY, in RTSP/2.0.
    end: Option<Message>,
}

impl Played {
    /// All that comes until the end of the range: PLAY_NOTIFY in RTSP/2.0, a BYE of each of `media` in RTSP/1.0.
    async fn to_the_end(peer: &mut Peer, media: &[usize]) -> Self {
        let mut played = Self::default();
        let mut byes = HashSet::new();
        loop {
            match peer.next().await {
                Event::Frame(channel, packet) if channel % 2 == 0 => {
                    played.packets[usize::from(channel / 2)].push(packet);
                }
                Event::Frame(channel, packet) if has_rtcp(&packet, 203) => {
                    byes.insert(channel / 2);
                    if byes.len() == media.len() {
                        return played;
                    }
                }
                Event::Frame(..) => {}
                Event::Message(message) if message.first_line.starts_with("PLAY_NOTIFY") => {
                    played.end = Some(message);
                    return played;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// The numbers of the video frames.
    fn frames(&self) -> Vec<u32> {
        self.packets[0]
            .iter()
            .map(|packet| number(packet))
            .collect()
    }

    /// How far the RTP timestamps of the video frames are from each other.
    fn steps(&self) -> Vec<u32> {
        let stamps: Vec<_> = self.packets[0]
            .iter()
            .map(|packet| timestamp(packet))
            .collect();
        let step = |pair: &[u32]| pair[1].wrapping_sub(pair[0]);
        stamps.windows(2).map(step).collect()
    }

    #[track_caller]
    fn assert_no_gap(&self, first: u16) {
        for (index, packet) in self.packets[0].iter().enumerate() {
            assert_eq!(sequence(packet), first.wrapping_add(index as u16));
        }
    }
}
