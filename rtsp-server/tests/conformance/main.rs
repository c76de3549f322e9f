//! Rules of RFC 7826 and RFC 2326 about a server, each by the number of its row in the table of requirements: real sockets on
//! loopback, a scripted peer, and assertions on the bytes that it gets.
#![allow(missing_docs)]

#[allow(dead_code)] // each program uses a part
#[path = "../wire/peer.rs"]
mod peer;
#[allow(dead_code)]
#[path = "../wire/source.rs"]
mod source;
#[allow(dead_code)]
#[path = "../wire/users.rs"]
mod users;

mod access;
mod changing;
mod connections;
mod describing;
mod films;
mod flows;
mod headers;
mod interleaving;
mod limits;
mod liveness;
mod owning;
mod profiles;
mod publishing;
mod secured;
mod sessions;
mod threats;
mod transports;
mod waiting;

use rtsp_server::ServerHandle;
use tokio::io::AsyncWriteExt as _;

use crate::{
    peer::{Message, Peer},
    source::{Source, Track, address, av, server},
};

const VERSIONS: [&str; 2] = ["RTSP/1.0", "RTSP/2.0"];
const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";
const TCP_TOO: &str = "RTP/AVP/TCP;unicast;interleaved=2-3";

/// A server with a stream of two media at `/live`.
struct Live {
    server: ServerHandle,
    source: Source,
    video: Track,
}

impl Live {
    async fn new() -> Self {
        let server = server(2).await;
        let source = Source::tcp(&server, "/live", &av()).await;
        Self::of(server, source)
    }

    fn of(server: ServerHandle, source: Source) -> Self {
        Self {
            server,
            source,
            video: Track::video(),
        }
    }

    async fn peer(&self, version: &'static str) -> Peer {
        let mut peer = Peer::connect(address(&self.server)).await;
        peer.version = version;
        peer
    }

    /// One more key frame.
    async fn send(&mut self) -> Vec<u8> {
        let packet = self.video.key(300);
        self.source.send(0, &packet).await;
        packet
    }

    /// What is published now reaches the peer.
    async fn reaches(&mut self, peer: &mut Peer, channel: u8) {
        let packet = self.send().await;
        loop {
            if peer.frame_on(channel).await == packet {
                return;
            }
        }
    }
}

fn track(peer: &Peer, media: usize) -> String {
    format!("{}/trackID={media}", peer.uri("/live"))
}

/// Asks about `/live` in the peer's session.
async fn ask(peer: &mut Peer, method: &str) -> Message {
    let uri = peer.uri("/live");
    peer.ask(method, &uri, "").await
}

/// Asks about one media of it.
async fn ask_track(peer: &mut Peer, method: &str, media: usize) -> Message {
    let uri = track(peer, media);
    peer.ask(method, &uri, "").await
}

/// Sets up both media, interleaved.
async fn ready(peer: &mut Peer) {
    for (media, transport) in [TCP, TCP_TOO].into_iter().enumerate() {
        let uri = track(peer, media);
        peer.setup(&uri, transport).await.expect(200);
    }
}

/// Closes a connection, and waits until the server has seen it.
async fn close(mut peer: Peer) {
    peer.stream.shutdown().await.expect("shut down");
    peer.until_closed().await;
}
