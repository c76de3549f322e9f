//! Every limit of the configuration file, met by the program that reads it: who meets it is refused, and the log has its name.

use super::*;
use crate::source::{Source, Track, announce, av, video};
use rtsp_server::Limit;

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";
/// What makes limits of an address hold on loopback.
const HERE: &str = "limit_loopback = true\n";
/// Somebody who can log in, and has to.
const USERS: &str = "[users]\nann = \"secret\"\n";
/// Somebody else, whom nobody knows.
const EVE: &str = "Authorization: Basic ZXZlOnNlY3JldA==\r\n";

/// Somebody who asks for a WebSocket.
const SWITCH: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// What is done to a program.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// So many connections, of which the last is closed.
    Connect(usize),
    /// Nothing, something, or half of something is said, and then nothing more.
    Say(&'static str),
    /// The same with something in it so many times.
    Long(&'static str, &'static str, usize, &'static str),
    /// These halves of tunnels over HTTP come, each on a connection of its own: a method, a cookie, and what follows.
    Halves(&'static [(&'static str, &'static str, &'static str)]),
    /// Two sessions, on one connection or two; the second is refused so.
    Sessions(bool, u16),
    /// A media that says how much it takes is set up.
    SetUp,
    /// So many streams, besides that of the demo, of which the last is refused so.
    Announce(usize, u16),
    Publish,
    /// Keys are asked for by RSA, by two at once, again and again.
    Exchange,
    /// Passwords of somebody whom nobody knows.
    Guess,
    /// Requests, without end.
    Ask,
}

/// How a limit is met.
struct Met {
    limit: Limit,
    /// What else the file says in front of the table of limits.
    before: &'static str,
    /// What it says in that table.
    inside: &'static str,
    deed: Deed,
}

/// A limit that is met where everybody may do everything.
const fn open(limit: Limit, inside: &'static str, deed: Deed) -> Met {
    Met {
        limit,
        before: "",
        inside,
        deed,
    }
}

const MET: &[Met] = &[
    open(Limit::Connections, "connections = 3\n", Deed::Connect(4)),
    open(
        Limit::ConnectionsPerAddress,
        "connections_per_address = 3\n",
        Deed::Connect(4),
    ),
    Met {
        before: "read = \"users\"\ncleartext_passwords = true\n",
        ..open(Limit::Failures, "failures_per_address = 2\n", Deed::Guess)
    },
    open(Limit::RequestRate, "requests_per_second = 1\n", Deed::Ask),
    open(
        Limit::Sessions,
        "sessions = 1\n",
        Deed::Sessions(false, 503),
    ),
    open(
        Limit::SessionsPerAddress,
        "sessions_per_address = 1\n",
        Deed::Sessions(false, 453),
    ),
    open(
        Limit::SessionsPerConnection,
        "sessions_per_connection = 1\n",
        Deed::Sessions(true, 453),
    ),
    open(Limit::Bandwidth, "bandwidth = 1000\n", Deed::SetUp),
    open(Limit::Streams, "streams = 2\n", Deed::Announce(2, 503)),
    open(Limit::Media, "media = 1\n", Deed::Announce(1, 400)),
    open(
        Limit::PublishBitRate,
        "publish_bit_rate = 10000\n",
        Deed::Publish,
    ),
    open(
        Limit::HeaderBytes,
        "header_bytes = 2048\n",
        Deed::Long("OPTIONS * RTSP/1.0\r\nX-Long: ", "a", 3000, "\r\n\r\n"),
    ),
    open(
        Limit::HeaderCount,
        "header_count = 16\n",
        Deed::Long("OPTIONS * RTSP/1.0\r\n", "X: 1\r\n", 17, "\r\n"),
    ),
    open(
        Limit::Url,
        "url = 128\n",
        Deed::Long(
            "OPTIONS rtsp://h/",
            "a",
            200,
            " RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        ),
    ),
    open(
        Limit::Body,
        "body = 4096\n",
        Deed::Say("SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4097\r\n\r\n"),
    ),
    open(
        Limit::HalfOpen,
        "half_open = 1\n",
        Deed::Halves(&[("GET", "a", ""), ("GET", "b", "")]),
    ),
    open(
        Limit::HalfOpen,
        "half_open_per_address = 1\n",
        Deed::Halves(&[("GET", "a", ""), ("GET", "b", "")]),
    ),
    open(
        Limit::TunnelHalves,
        "",
        Deed::Halves(&[("GET", "a", ""), ("GET", "a", "")]),
    ),
    open(
        Limit::TunnelBase64,
        "",
        Deed::Halves(&[("GET", "a", ""), ("POST", "a", "!!!!")]),
    ),
    open(
        Limit::WebSocketFrames,
        "",
        Deed::Long(
            SWITCH,
            "Sec-WebSocket-Protocol: rtsp.onvif.org\r\n",
            1,
            "\r\n\x01\x01\x01",
        ),
    ),
    open(
        Limit::WebSocketOrigins,
        "",
        Deed::Long(
            SWITCH,
            "Origin: http://pages.example\r\n",
            1,
            "Sec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n",
        ),
    ),
    open(
        Limit::Handshake,
        "handshake_timeout = 1\n",
        Deed::Halves(&[("GET", "a", "")]),
    ),
    open(
        Limit::FirstRequest,
        "first_request_timeout = 1\n",
        Deed::Say(""),
    ),
    open(
        Limit::Message,
        "message_timeout = 1\n",
        Deed::Say("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\n"),
    ),
    Met {
        before: "read = \"users\"\n",
        ..open(
            Limit::Unauthenticated,
            "unauthenticated_timeout = 1\n",
            Deed::Say("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
        )
    },
    open(
        Limit::Idle,
        "idle_timeout = 1\n",
        Deed::Say("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    ),
    Met {
        before: "read = \"users\"\ncleartext_passwords = true\n",
        ..open(Limit::PasswordChecks, "", Deed::Guess)
    },
    Met {
        before: "srtp = \"forced\"\n",
        ..open(Limit::KeyExchanges, "key_exchanges = 1\n", Deed::Exchange)
    },
];

/// Does something until the program has written what it should.
async fn until_told(program: &Program, limit: Limit, mut deed: impl AsyncFnMut()) {
    let wanted = format!("limit={limit} ");
    let told = async {
        while program.has_told(&wanted) == 0 {
            deed().await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(limit.as_str(), told).await;
}

/// Says this and stays.
async fn say(program: &Program, words: &str) -> Peer {
    let mut peer = Peer::connect(program.address).await;
    peer.send(words.as_bytes()).await;
    peer
}

async fn halves(program: &Program, all: &[(&str, &str, &str)]) -> Vec<Peer> {
    let mut peers = Vec::new();
    for (method, cookie, behind) in all {
        let half = format!(
            "{method} / HTTP/1.0\r\nx-sessioncookie: {cookie}\r\nAccept: application/x-rtsp-tunnelled\r\n\
             Content-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n\r\n{behind}"
        );
        let mut peer = say(program, &half).await;
        if peers.is_empty() && all.len() > 1 {
            // It is there before the others come.
            assert!(
                matches!(peer.next().await, Event::Message(answer) if answer.first_line.contains(" 200 "))
            );
        }
        peers.push(peer);
    }
    peers
}

async fn connect(program: &Program, count: usize) -> Vec<Peer> {
    let mut peers = Vec::new();
    for _ in 1..count {
        let mut peer = Peer::connect(program.address).await;
        peer.sync().await;
        peers.push(peer);
    }
    let mut refused = Peer::connect(program.address).await;
    assert_eq!(refused.next().await, Event::Closed);
    peers
}

async fn sessions(program: &Program, on_one: bool, status: u16) -> Vec<Peer> {
    let mut peer = Peer::connect(program.address).await;
    let uri = format!("{}/trackID=0", peer.uri("/demo"));
    peer.setup(&uri, TCP).await.expect(200);
    peer.session = None;
    if on_one {
        let transport = TCP.replace("0-1", "2-3");
        peer.setup(&uri, &transport).await.expect(status);
        return vec![peer];
    }
    let mut second = Peer::connect(program.address).await;
    second.setup(&uri, TCP).await.expect(status);
    vec![peer, second]
}

async fn set_up(program: &Program) -> Vec<Peer> {
    let peer = Peer::connect(program.address).await;
    let source = Source::tcp_on(peer, "/live", &av()).await;
    let mut reader = Peer::connect(program.address).await;
    let uri = format!("{}/trackID=1", reader.uri("/live"));
    reader.setup(&uri, TCP).await.expect(453);
    vec![source.peer, reader]
}

async fn announced(program: &Program, count: usize, status: u16) -> Vec<Peer> {
    let mut peers = Vec::new();
    for number in 1..=count {
        let mut peer = Peer::connect(program.address).await;
        let answer = announce(&mut peer, &format!("/live{number}"), &av()).await;
        answer.expect(if number == count { status } else { 200 });
        peers.push(peer);
    }
    peers
}

async fn publish(program: &Program, limit: Limit) {
    let peer = Peer::connect(program.address).await;
    let mut source = Source::tcp_on(peer, "/live", &video()).await;
    let mut track = Track::video();
    until_told(program, limit, async || {
        // Once its session has ended nobody reads.
        let frame = crate::peer::frame(0, &track.key(1200));
        let _ = source.peer.stream.write_all(&frame).await;
    })
    .await;
}

async fn guess(program: &Program, limit: Limit) {
    until_told(program, limit, async || {
        let mut peer = Peer::connect(program.address).await;
        let uri = peer.uri("/demo");
        let request = peer.request("DESCRIBE", &uri, EVE, b"");
        let _ = peer.stream.write_all(&request).await;
        let _ = peer.next().await;
    })
    .await;
}

async fn exchange(program: &Program, limit: Limit) {
    let random = &mut rtsp_session::random::Random::from_seed([1; 32]);
    until_told(program, limit, async || {
        let mut peers = Vec::new();
        for _ in 0..2 {
            let mut peer = Peer::connect(program.address).await;
            peer.version = "RTSP/2.0";
            let uri = format!("{}/trackID=0", peer.uri("/demo"));
            let text = crate::rsa::inquiry(Duration::ZERO, random);
            let offer = format!(
                "Transport: RTP/SAVP/TCP;unicast;interleaved=0-1;MIKEY={}\r\n",
                text.text()
            );
            let request = peer.request("SETUP", &uri, &offer, b"");
            peer.send(&request).await;
            peers.push(peer);
        }
        for mut peer in peers {
            let status = peer.response("SETUP").await.status();
            assert!([200, 503].contains(&status), "{status}");
        }
    })
    .await;
}

async fn ask(program: &Program, limit: Limit) {
    let mut peer = Peer::connect(program.address).await;
    until_told(program, limit, async || {
        let request = peer.request("OPTIONS", "*", "", b"");
        let _ = peer.stream.write_all(&request).await;
    })
    .await;
}

async fn meet(program: &Program, limit: Limit, deed: Deed) {
    let peers = match deed {
        Deed::Connect(count) => connect(program, count).await,
        Deed::Say(words) => vec![say(program, words).await],
        Deed::Long(before, again, count, behind) => {
            let text = [before, &again.repeat(count), behind].concat();
            vec![say(program, &text).await]
        }
        Deed::Halves(all) => halves(program, all).await,
        Deed::Sessions(on_one, status) => sessions(program, on_one, status).await,
        Deed::SetUp => set_up(program).await,
        Deed::Announce(count, status) => announced(program, count, status).await,
        Deed::Publish => return publish(program, limit).await,
        Deed::Guess => return guess(program, limit).await,
        Deed::Exchange => return exchange(program, limit).await,
        Deed::Ask => return ask(program, limit).await,
    };
    until_told(program, limit, async || {}).await;
    drop(peers);
}

#[tokio::test]
async fn every_limit_is_met_by_its_name() {
    for limit in Limit::ALL {
        assert!(
            MET.iter().any(|met| met.limit == *limit),
            "{limit} is not met"
        );
    }
    for (number, met) in MET.iter().enumerate() {
        let Met {
            limit,
            before,
            inside,
            deed,
        } = met;
        let users = if before.contains("users") { USERS } else { "" };
        let check = match limit {
            // Nobody is there who could be asked.
            Limit::PasswordChecks => "[check]\nurl = \"http://127.0.0.1:9/\"\n",
            _ => "",
        };
        let text = format!("{before}[limits]\n{HERE}{inside}{users}{check}");
        let program = Program::with(&format!("limit-{number}"), &text);
        meet(&program, *limit, *deed).await;
        // Others are served, unless the limit is on all who come from here.
        if !matches!(deed, Deed::Connect(_) | Deed::Guess | Deed::Ask) && before.is_empty() {
            is_served(&program).await;
        }
    }
}
