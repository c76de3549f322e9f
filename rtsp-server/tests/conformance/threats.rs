//! Classes of bugs that have broken RTSP software, by their names: what an attacker on one connection can do to the others is
//! nothing. The classes are those of the table in the design notes: one test each, named `threat_` and the class. Floods of half-open connections
//! are in `hostile`, payloads in `rtp-core`, certificates and servers that attack clients in `wire/tls`, tokens in `wire/tokens`.

mod numbers;
mod stolen;

use rtsp_server::{Access, Publisher, ServerHandle};
use rtsp_session::auth::Credentials;
use tokio::io::AsyncWriteExt as _;

use crate::{
    TCP, TCP_TOO, VERSIONS, ask,
    peer::{Event, Peer, within},
    ready,
    source::{Source, Track, address, av, server, server_with},
    track,
};

/// A stream of two media that this process feeds, at `/live`.
fn publish(server: &ServerHandle) -> Publisher {
    let description = sdp::Description::parse(av().as_bytes()).expect("a description");
    server.publish("/live", description).expect("a path")
}

/// The server serves as it always does, and nobody reads any more but who does.
async fn is_unharmed(server: &ServerHandle, publisher: &mut Publisher) {
    let mut readers = publisher.watch_readers();
    within(
        "readers that are gone",
        readers.wait_for(|count| *count == 0),
    )
    .await
    .expect("a stream");
    let mut peer = Peer::connect(address(server)).await;
    ready(&mut peer).await;
    ask(&mut peer, "PLAY").await.expect(200);
    let packet = Track::video().key(300);
    publisher.push(0, packet.clone().into());
    publisher.flush().await.expect("a server");
    while peer.frame_on(0).await != packet {}
    ask(&mut peer, "TEARDOWN").await.expect(200);
}

/// The steps of a session, and how it may break off.
const STEPS: [&str; 8] = [
    "OPTIONS", "DESCRIBE", "SETUP 0", "SETUP 1", "PLAY", "PAUSE", "PLAY", "TEARDOWN",
];

async fn step(peer: &mut Peer, name: &str) {
    match name {
        "SETUP 0" => drop(peer.setup(&track(peer, 0), TCP).await.expect(200)),
        "SETUP 1" => drop(peer.setup(&track(peer, 1), TCP_TOO).await.expect(200)),
        method => drop(ask(peer, method).await.expect(200)),
    }
}

#[tokio::test]
async fn threat_use_after_free_on_teardown_with_media_in_flight() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let mut video = Track::video();
    for version in VERSIONS {
        for steps in 1..=STEPS.len() {
            for way in ["drop", "half-close", "TEARDOWN", "frame", "garbage"] {
                let mut peer = Peer::connect(address(&server)).await;
                peer.version = version;
                for name in &STEPS[..steps] {
                    step(&mut peer, name).await;
                    publisher.push(0, video.key(1200).into());
                    publisher.flush().await.expect("a server");
                }
                // A request is on its way, and what ends it right behind.
                let uri = peer.uri("/live");
                let mut bytes = peer.request("PLAY", &uri, "", b"");
                match way {
                    "TEARDOWN" => bytes.extend(peer.request("TEARDOWN", &uri, "", b"")),
                    "frame" => bytes.extend(b"$\x01\xff\xff and no more"),
                    "garbage" => bytes.extend([0xff; 300]),
                    _ => {}
                }
                peer.send(&bytes).await;
                if way == "half-close" {
                    peer.stream.shutdown().await.expect("half of it");
                    peer.until_closed().await;
                }
                drop(peer);
            }
        }
    }
    is_unharmed(&server, &mut publisher).await;
}

#[tokio::test]
async fn threat_use_after_free_on_setup_twice_and_setup_race() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    for version in VERSIONS {
        // The same media again and again, with one id, in one breath, on channels that change.
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        let uri = track(&peer, 0);
        peer.setup(&uri, TCP).await.expect(200);
        let mut bytes = Vec::new();
        for round in 0..50 {
            let channels = [TCP, TCP_TOO][round % 2];
            bytes.extend(peer.request("SETUP", &uri, &format!("Transport: {channels}\r\n"), b""));
        }
        peer.send(&bytes).await;
        for _ in 0..50 {
            peer.response("SETUP").await.expect(200);
        }
        // From elsewhere, at the same time, with the same id and without one.
        let mut others = Vec::new();
        for number in 0..4 {
            let mut other = Peer::connect(address(&server)).await;
            other.version = version;
            if number % 2 == 0 {
                other.session.clone_from(&peer.session);
            }
            let request = other.request("SETUP", &uri, &format!("Transport: {TCP}\r\n"), b"");
            other.send(&request).await;
            others.push((other, if number % 2 == 0 { 454 } else { 200 }));
        }
        for (other, expected) in &mut others {
            other.response("SETUP").await.expect(*expected);
        }
        ask(&mut peer, "PLAY").await.expect(200);
        ask(&mut peer, "TEARDOWN").await.expect(200);
        // The id is gone: it cannot be used again, not even to make a session.
        peer.setup(&uri, TCP).await.expect(454);
    }
    is_unharmed(&server, &mut publisher).await;
}

#[tokio::test]
async fn threat_authorization_header_parsing() {
    let server = server_with(|config| {
        config.users = vec![Credentials::new("ann", "hunter2")];
        config.read = Access::Users;
    })
    .await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let many = "a=b,".repeat(2_000);
    let long = "A".repeat(15_000);
    let values = [
        String::new(),
        "Basic".into(),
        "Basic !!!!".into(),
        "Basic YW5u".into(),
        format!("Basic {long}"),
        "Digest".into(),
        "Digest username=\"ann".into(),
        "Digest username=\"ann\\".into(),
        format!("Digest {many}"),
        format!("Digest response=\"{long}\""),
        "Digest username=\"ann\", username=\"bob\", response=\"\"".into(),
        "Digest nc=ffffffffff, qop=auth, cnonce=\"\"".into(),
        "Bearer x".into(),
        ", , ,".into(),
    ];
    for version in VERSIONS {
        for value in &values {
            for twice in [false, true] {
                let mut peer = Peer::connect(address(&server)).await;
                peer.version = version;
                let line = format!("Authorization: {value}\r\n");
                let lines = if twice { line.repeat(2) } else { line };
                let answer = peer.ask("DESCRIBE", "rtsp://h/live", &lines).await;
                let code = answer.status();
                assert!([400, 401].contains(&code), "{code} to {value:.40}");
                assert!(answer.body.is_empty() || code == 400);
            }
        }
    }
}

/// No way to write a URL, and no method, leads past the credentials.
#[tokio::test]
async fn threat_authentication_bypass_by_url_and_method() {
    let server = server_with(|config| {
        config.users = vec![Credentials::new("ann", "hunter2")];
        config.read = Access::Users;
        config.publish = Access::Users;
        config.demo = true;
    })
    .await;
    let _publisher = publish(&server);
    let paths = [
        "/live",
        "/live/",
        "//live",
        "/./live",
        "/x/../live",
        "/%6cive",
        "/LIVE",
        "/live?x",
        "/live/trackID=0",
        "/live?a/trackID=0",
        "/live/trackID=0?a",
        "/live#x",
        "/demo",
        "/demo/trackID=0",
        "/live;x",
        "/live%2f",
        "*",
    ];
    let hosts = [
        "",
        "rtsp://elsewhere",
        "rtsp://ann@elsewhere",
        "RTSP://127.0.0.1:1",
    ];
    for version in VERSIONS {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        for path in paths {
            for host in hosts {
                let uri = match (path, host) {
                    ("*", _) => "*".to_owned(),
                    (_, "") => peer.uri(path),
                    _ => format!("{host}{path}"),
                };
                for (method, headers) in [
                    ("DESCRIBE", ""),
                    (
                        "SETUP",
                        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
                    ),
                    (
                        "SETUP",
                        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n",
                    ),
                    ("PLAY", ""),
                    ("RECORD", ""),
                    ("ANNOUNCE", "Content-Type: application/sdp\r\n"),
                    ("GET_PARAMETER", "Session: x\r\n"),
                    ("TEARDOWN", ""),
                ] {
                    let answer = peer.ask(method, &uri, headers).await;
                    let code = answer.status();
                    assert!((400..=501).contains(&code), "{code} to {method} {uri}");
                    assert!(answer.header("Session").is_none() && !answer.text().contains("m="));
                }
                // What it may know of everything is not what there is.
                let options = peer.ask("OPTIONS", &uri, "").await;
                assert!(options.header("Allow").is_none(), "{uri}");
            }
        }
    }
}

/// Each header that a method needs: left out, empty, doubled, and with nonsense in it.
#[tokio::test]
async fn threat_missing_pieces_of_requests() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let headers = [
        "Transport",
        "Session",
        "Range",
        "Content-Type",
        "Require",
        "Accept",
        "Blocksize",
        "Scale",
        "Speed",
        "Pipelined-Requests",
        "Accept-Ranges",
        "If-None-Match",
        "Connection",
        "Timestamp",
        "Seek-Style",
    ];
    let values = [
        "",
        ";",
        ",",
        "=",
        "\"",
        "-1",
        "99999999999999999999",
        "NaN",
        "a;b=c,d;e",
        "npt=-",
        "\u{fe}",
    ];
    for version in VERSIONS {
        for method in [
            "DESCRIBE",
            "SETUP",
            "PLAY",
            "PAUSE",
            "GET_PARAMETER",
            "SET_PARAMETER",
            "RECORD",
            "TEARDOWN",
            "ANNOUNCE",
        ] {
            let mut peer = Peer::connect(address(&server)).await;
            peer.version = version;
            for header in headers {
                for value in values {
                    let line = format!("{header}: {value}\r\n");
                    for lines in [line.clone(), line.repeat(2)] {
                        let uri = track(&peer, 0);
                        let answer = peer.ask(method, &uri, &lines).await;
                        assert_ne!(answer.status(), 500, "{method} with {line}");
                        if let Some(id) = answer.header("Session") {
                            // One that was made all the same is given back.
                            let id = id.split(';').next().map(str::to_owned);
                            peer.session = id.filter(|_| answer.status() == 200);
                            if peer.session.is_some() {
                                ask(&mut peer, "TEARDOWN").await;
                                peer.session = None;
                            }
                        }
                    }
                }
            }
        }
    }
    is_unharmed(&server, &mut publisher).await;
}

#[tokio::test]
async fn threat_connection_flood() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let mut good = Peer::connect(address(&server)).await;
    ready(&mut good).await;
    ask(&mut good, "PLAY").await.expect(200);
    let mut video = Track::video();
    for round in 0..20 {
        let mut storm = Vec::new();
        for number in 0..50 {
            let mut peer = Peer::connect(address(&server)).await;
            match number % 3 {
                0 => {}
                1 => peer.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").await,
                _ => peer.send(b"$\x00\xff\xff").await,
            }
            storm.push(peer);
        }
        drop(storm);
        let packet = video.key(600);
        publisher.push(0, packet.clone().into());
        publisher.flush().await.expect("a server");
        assert_eq!(good.frame_on(0).await, packet, "round {round}");
    }
    ask(&mut good, "TEARDOWN").await.expect(200);
    is_unharmed(&server, &mut publisher).await;
}

#[tokio::test]
async fn threat_malformed_rtcp() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let mut peer = Peer::connect(address(&server)).await;
    ready(&mut peer).await;
    ask(&mut peer, "PLAY").await.expect(200);
    let mut sdes = vec![0x9f, 202, 0xff, 0xff];
    sdes.resize(1_000, b'x');
    let compounds: [&[u8]; 9] = [
        &[],
        &[0x80],
        &[0x80, 201, 0, 0],
        &[0x80, 201, 0xff, 0xff, 0, 0, 0, 1],
        &[0x9f, 201, 0, 1, 0, 0, 0, 1],
        &[0x40, 200, 0, 6],
        &[0x81, 203, 0, 1, 0, 0, 0, 1],
        &[0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0],
        &sdes,
    ];
    for _ in 0..50 {
        for compound in compounds {
            peer.send_frame(1, compound).await;
        }
    }
    // A BYE from a reader is its own affair: it plays on until it says so by RTSP.
    let packet = Track::video().key(300);
    publisher.push(0, packet.clone().into());
    publisher.flush().await.expect("a server");
    loop {
        match peer.next().await {
            Event::Frame(0, got) if got == packet => break,
            Event::Frame(..) => {}
            other => panic!("{other:?}"),
        }
    }
    ask(&mut peer, "TEARDOWN").await.expect(200);
    is_unharmed(&server, &mut publisher).await;
}
