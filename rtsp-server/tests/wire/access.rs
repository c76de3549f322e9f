//! Who may publish and read.

use md5::{Digest as _, Md5};
use rtsp_server::{Access, Config, Server, ServerHandle};
use rtsp_session::auth::Credentials;
use sha2::Sha256;

use crate::{
    peer::{Event, Message, Peer, within},
    source::{Source, Track, address, announce, av, server_with, video},
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(algorithm: &str, text: &str) -> String {
    match algorithm {
        "MD5" => hex(&Md5::digest(text)),
        "SHA-256" => hex(&Sha256::digest(text)),
        other => panic!("{other}"),
    }
}

/// A parameter of a challenge.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    challenge.split([',', ' ']).find_map(|one| {
        let (key, value) = one.trim().split_once('=')?;
        (key == name).then(|| value.trim_matches('"').to_owned())
    })
}

/// The challenge of a Digest algorithm; without a name it is MD5's.
fn digest_challenge(answer: &Message, algorithm: &str) -> String {
    answer
        .all("WWW-Authenticate")
        .find(|value| {
            let named = parameter(value, "algorithm").unwrap_or_else(|| "MD5".into());
            value.starts_with("Digest ") && named.eq_ignore_ascii_case(algorithm)
        })
        .unwrap_or_else(|| panic!("a challenge for {algorithm} in {answer:#?}"))
        .to_owned()
}

/// An Authorization header, as RFC 7616 §3.4 has it computed.
fn digest(challenge: &str, algorithm: &str, method: &str, uri: &str, password: &str) -> String {
    let realm = parameter(challenge, "realm").expect("a realm");
    let nonce = parameter(challenge, "nonce").expect("a nonce");
    let secret = hash(algorithm, &format!("ann:{realm}:{password}"));
    let request = hash(algorithm, &format!("{method}:{uri}"));
    let qop = parameter(challenge, "qop");
    let (response, more) = match qop {
        Some(_) => (
            hash(
                algorithm,
                &format!("{secret}:{nonce}:00000001:cafe:auth:{request}"),
            ),
            ", qop=auth, nc=00000001, cnonce=\"cafe\"",
        ),
        None => (hash(algorithm, &format!("{secret}:{nonce}:{request}")), ""),
    };
    format!(
        "Authorization: Digest username=\"ann\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         algorithm={algorithm}, response=\"{response}\"{more}\r\n"
    )
}

async fn guarded() -> ServerHandle {
    server_with(|config| {
        config.publish = Access::Users;
        config.users = vec![Credentials::new("ann", "secret")];
    })
    .await
}

const SDP: &str = "Content-Type: application/sdp\r\n";

#[tokio::test]
async fn off_loopback_without_users_nobody_publishes_and_everybody_reads() {
    let mut config = Config::default();
    config.listen = vec!["0.0.0.0:0".parse().unwrap()];
    let server = Server::start(config).await.expect("a server");
    let port = address(&server).port();
    let local = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut peer = Peer::connect(local).await;
    announce(&mut peer, "/live", &av()).await.expect(403);
    let mut peer = Peer::connect(local).await;
    peer.extra = "Authorization: Basic YW5uOnNlY3JldA==\r\n".into();
    announce(&mut peer, "/live", &av()).await.expect(403);
    let description = sdp::Description::parse(video().as_bytes()).unwrap();
    let mut publisher = server.publish("/live", description).unwrap();
    let mut reader = Peer::connect(local).await;
    reader.play_tcp("/live", 1).await;
    let packet = Track::video().key(100);
    publisher.push(0, packet.clone().into());
    publisher.flush().await.unwrap();
    assert_eq!(reader.frame_on(0).await, packet);
}

#[tokio::test]
async fn a_publisher_is_challenged_and_let_in_by_each_scheme() {
    let server = guarded().await;
    for scheme in ["Basic", "MD5", "SHA-256"] {
        let mut peer = Peer::connect(address(&server)).await;
        // A path of its own: the publisher before may not be gone yet.
        let path = format!("/{scheme}");
        let uri = peer.uri(&path);
        let answer = announce(&mut peer, &path, &av()).await.expect(401);
        let schemes: Vec<_> = answer
            .all("WWW-Authenticate")
            .map(|value| value.split(' ').next().unwrap().to_owned())
            .collect();
        assert!(
            schemes.contains(&"Basic".to_owned()) && schemes.contains(&"Digest".to_owned()),
            "{schemes:?}"
        );
        for challenge in answer.all("WWW-Authenticate") {
            assert_eq!(
                parameter(challenge, "realm").as_deref(),
                Some("Trackside"),
                "{challenge}"
            );
        }
        let authorization = match scheme {
            "Basic" => "Authorization: Basic YW5uOnNlY3JldA==\r\n".to_owned(),
            algorithm => {
                let challenge = digest_challenge(&answer, algorithm);
                digest(&challenge, algorithm, "ANNOUNCE", &uri, "secret")
            }
        };
        peer.ask_with(
            "ANNOUNCE",
            &uri,
            &format!("{SDP}{authorization}"),
            av().as_bytes(),
        )
        .await
        .expect(200);
    }
}

/// Authorization headers that prove nothing, with what is wrong with them.
fn wrong_proofs(answer: &Message, uri: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "a wrong password",
            "Authorization: Basic YW5uOndyb25n\r\n".to_owned(),
        ),
        (
            "nobody",
            "Authorization: Basic bm9ib2R5OnNlY3JldA==\r\n".to_owned(),
        ),
        ("no base64", "Authorization: Basic !!!!\r\n".to_owned()),
        ("no scheme", "Authorization: \r\n".to_owned()),
        (
            "another scheme",
            "Authorization: Bearer secret\r\n".to_owned(),
        ),
        (
            "a wrong password",
            digest(
                &digest_challenge(answer, "MD5"),
                "MD5",
                "ANNOUNCE",
                uri,
                "wrong",
            ),
        ),
        (
            "another method",
            digest(
                &digest_challenge(answer, "SHA-256"),
                "SHA-256",
                "DESCRIBE",
                uri,
                "secret",
            ),
        ),
        (
            "a made-up nonce",
            digest(
                "Digest realm=\"Trackside\", nonce=\"abc\", qop=\"auth\"",
                "MD5",
                "ANNOUNCE",
                uri,
                "secret",
            ),
        ),
    ]
}

#[tokio::test]
async fn wrong_credentials_are_challenged_again() {
    let server = guarded().await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let answer = announce(&mut peer, "/live", &av()).await.expect(401);
    for (what, authorization) in wrong_proofs(&answer, &uri) {
        let status = peer
            .ask_with(
                "ANNOUNCE",
                &uri,
                &format!("{SDP}{authorization}"),
                av().as_bytes(),
            )
            .await
            .status();
        assert!(
            status == 401 || (status == 400 && what.starts_with("no ")),
            "{what}: {status}"
        );
    }
    // A new connection does not use another's nonce up: this one is still good here.
    let challenge = digest_challenge(&answer, "MD5");
    let authorization = digest(&challenge, "MD5", "ANNOUNCE", &uri, "secret");
    peer.ask_with(
        "ANNOUNCE",
        &uri,
        &format!("{SDP}{authorization}"),
        av().as_bytes(),
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn guessing_passwords_ends_with_the_connection() {
    let server = guarded().await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    for number in 0..100 {
        let headers = format!("{SDP}Authorization: Basic YW5uOndyb25n\r\n");
        let request = peer.request("ANNOUNCE", &uri, &headers, av().as_bytes());
        peer.send(&request).await;
        match peer.next().await {
            Event::Message(answer) => assert_eq!(answer.status(), 401),
            Event::Closed => return assert!(number >= 5, "after {number}"),
            Event::Frame(..) => panic!("a frame"),
        }
    }
    panic!("a hundred guesses");
}

#[tokio::test]
async fn publishing_with_credentials_works_to_the_end() {
    let server = guarded().await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra = "Authorization: Basic YW5uOnNlY3JldA==\r\n".into();
    let mut source = Source::tcp_on(peer, "/live", &video()).await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 1).await;
    let packet = Track::video().key(100);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
    source.teardown().await;
}

#[tokio::test]
async fn reading_may_be_for_users_or_for_nobody() {
    let server = server_with(|config| {
        config.read = Access::Users;
        config.users = vec![Credentials::new("ann", "secret")];
    })
    .await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let track = format!("{uri}/trackID=0");
    let transport = "RTP/AVP/TCP;unicast;interleaved=0-1";
    peer.ask("DESCRIBE", &uri, "").await.expect(401);
    peer.setup(&track, transport).await.expect(401);
    // What does not exist is no less secret than what does.
    let nothing = peer.uri("/nothing");
    peer.ask("DESCRIBE", &nothing, "").await.expect(401);
    peer.extra = "Authorization: Basic YW5uOnNlY3JldA==\r\n".into();
    peer.ask("DESCRIBE", &uri, "").await.expect(200);
    peer.play_tcp("/live", 1).await;

    let server = server_with(|config| config.read = Access::Closed).await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    peer.ask("DESCRIBE", &uri, "").await.expect(403);
    let track = format!("{uri}/trackID=0");
    peer.setup(&track, transport).await.expect(403);
}

/// An address of this machine that is not loopback, if there is one. No packet is sent for it.
fn other_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.254:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[tokio::test]
async fn connections_are_counted_by_address_but_for_loopback() {
    let mut config = Config::default();
    config.listen = vec!["0.0.0.0:0".parse().unwrap()];
    config.limits.connections_per_address = 3;
    let server = Server::start(config).await.expect("a server");
    let port = address(&server).port();
    let mut peers = Vec::new();
    for _ in 0..8 {
        let mut peer = Peer::connect(([127, 0, 0, 1], port).into()).await;
        peer.sync().await;
        peers.push(peer);
    }
    let Some(other) = other_address() else { return };
    let there = std::net::SocketAddr::new(other, port);
    let mut peers = Vec::new();
    for _ in 0..3 {
        let mut peer = Peer::connect(there).await;
        peer.sync().await;
        peers.push(peer);
    }
    let mut refused = Peer::connect(there).await;
    assert_eq!(refused.next().await, Event::Closed);
    // One goes, one comes.
    peers.pop();
    let comes = async {
        loop {
            let mut peer = Peer::connect(there).await;
            let request = peer.request("OPTIONS", "*", "", b"");
            peer.send(&request).await;
            if peer.next().await != Event::Closed {
                return;
            }
        }
    };
    within("room for one", comes).await;
}

#[tokio::test]
async fn connections_are_limited_in_all() {
    let server = server_with(|config| config.limits.connections = 5).await;
    let mut peers = Vec::new();
    for _ in 0..5 {
        let mut peer = Peer::connect(address(&server)).await;
        peer.sync().await;
        peers.push(peer);
    }
    let mut refused = Peer::connect(address(&server)).await;
    assert_eq!(refused.next().await, Event::Closed);
    for peer in &mut peers {
        peer.sync().await;
    }
}
