//! What RTSP/2.0 has and RTSP/1.0 has not, or has otherwise, with the rows of the table of requirements that say so: real sockets
//! on loopback, a scripted peer, and assertions on the bytes that it gets.
#![allow(missing_docs)]

#[allow(dead_code)] // each program uses a part
#[path = "../wire/peer.rs"]
mod peer;
#[allow(dead_code)]
#[path = "../wire/source.rs"]
mod source;

mod conditions;
mod drain;
mod natures;
mod notify;
mod options;
mod parameters;
mod pipelining;
mod ranges;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use rtsp_server::ServerHandle;

use crate::{
    peer::{Event, Message, Peer},
    source::{Source, address, av, server_with},
};

/// The clip that the server has built in: 10.24 s of H.264 and AAC.
const CLIP: &[u8] = include_bytes!("../../demo/demo.mp4");
const FILM: &str = "/files/clip.mp4";
const LENGTH: f64 = 10.24;
const BOTH: [&str; 2] = ["RTSP/1.0", "RTSP/2.0"];

/// A server with a film, and a live stream of two media at `/live`.
struct House {
    server: ServerHandle,
    source: Source,
    folder: PathBuf,
}

impl House {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("trackside-rtsp2-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a directory");
        std::fs::write(folder.join("clip.mp4"), CLIP).expect("a film");
        let films = folder.clone();
        let server = server_with(|config| config.files = Some(films)).await;
        let source = Source::tcp(&server, "/live", &av()).await;
        Self {
            server,
            source,
            folder,
        }
    }

    async fn peer(&self, version: &'static str) -> Peer {
        let mut peer = Peer::connect(address(&self.server)).await;
        peer.version = version;
        peer
    }

    /// A peer with both media of a path set up.
    async fn ready(&self, version: &'static str, path: &str) -> Peer {
        let mut peer = self.peer(version).await;
        for media in 0..2 {
            setup(&mut peer, path, media, "").await.expect(200);
        }
        peer
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// SETUP of one media, interleaved, with more headers. The session of the answer is kept.
async fn setup(peer: &mut Peer, path: &str, media: usize, more: &str) -> Message {
    let uri = format!("{}/trackID={media}", peer.uri(path));
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

/// A request about a whole presentation.
async fn ask(peer: &mut Peer, method: &str, path: &str, headers: &str) -> Message {
    let uri = peer.uri(path);
    peer.ask(method, &uri, headers).await
}

/// The next request of the server's. Media before it is passed over.
async fn request(peer: &mut Peer, method: &str) -> Message {
    loop {
        match peer.next().await {
            Event::Message(message) if message.first_line.starts_with(method) => return message,
            Event::Message(other) => panic!("{method}, not {other:#?}"),
            Event::Closed => panic!("closed instead of {method}"),
            Event::Frame(..) => {}
        }
    }
}

/// Answers a request of the server's.
async fn answer(peer: &mut Peer, request: &Message, status: &str) {
    let cseq = request.expect_header("CSeq");
    let version = peer.version;
    let text = format!("{version} {status}\r\nCSeq: {cseq}\r\n\r\n");
    peer.send(text.as_bytes()).await;
}

/// The two numbers of `npt=a-b`; NaN where there is none.
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
