//! Who may do what.

use rtsp_server::{Access, ServerHandle};
use rtsp_session::auth::Credentials;

use crate::{
    TCP, VERSIONS,
    peer::{Message, Peer},
    source::{Source, address, av, server_with},
};

/// An Authorization header, encoded by another program.
fn basic(credentials: &str) -> String {
    let text = match credentials {
        "ann:secret" => "YW5uOnNlY3JldA==",
        "ann:wrong" => "YW5uOndyb25n",
        "bob:hidden" => "Ym9iOmhpZGRlbg==",
        "nobody:secret" => "bm9ib2R5OnNlY3JldA==",
        other => panic!("{other}"),
    };
    format!("Authorization: Basic {text}\r\n")
}

async fn guarded() -> (ServerHandle, Source) {
    let server = server_with(|config| {
        config.read = Access::Users;
        config.users = vec![
            Credentials::new("ann", "secret"),
            Credentials::new("bob", "hidden"),
        ];
    })
    .await;
    let source = Source::tcp(&server, "/live", &av()).await;
    (server, source)
}

async fn connect(server: &ServerHandle, version: &'static str) -> Peer {
    let mut peer = Peer::connect(address(server)).await;
    peer.version = version;
    peer
}

#[tokio::test]
async fn r2_auth_06_r2_code_08_r1_auth_02_r1_hdr_19_a_challenge_comes_with_401() {
    let (server, _source) = guarded().await;
    for version in VERSIONS {
        let mut peer = connect(&server, version).await;
        let uri = peer.uri("/live");
        let answer = peer.ask("DESCRIBE", &uri, "").await.expect(401);
        let challenges: Vec<&str> = answer.all("WWW-Authenticate").collect();
        assert!(!challenges.is_empty());
        assert!(
            challenges.iter().all(|one| one.contains("realm=\"")),
            "{challenges:?}"
        );
        assert!(answer.body.is_empty(), "nothing of it is told");
        peer.ask("DESCRIBE", &uri, &basic("ann:wrong"))
            .await
            .expect(401);
        peer.ask("DESCRIBE", &uri, &basic("ann:secret"))
            .await
            .expect(200);
    }
}

/// A parameter of a challenge.
fn parameter(challenge: &str, name: &str) -> String {
    let all = challenge.split_once(' ').unwrap().1;
    let found = all
        .split(", ")
        .find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('='));
    found
        .unwrap_or_else(|| panic!("{name} in {challenge}"))
        .trim_matches('"')
        .to_owned()
}

fn digest_challenge(answer: &Message) -> &str {
    let challenges = answer.all("WWW-Authenticate");
    let mut digests =
        challenges.filter(|one| one.starts_with("Digest ") && one.contains("SHA-256"));
    digests.next().expect("a challenge")
}

/// RFC 7616 §3.4 for ann, by hand.
fn digest(answer: &Message, method: &str, uri: &str, count: u32) -> String {
    use sha2::Digest as _;
    let hash = |text: String| -> String {
        sha2::Sha256::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let challenge = digest_challenge(answer);
    let (realm, nonce) = (parameter(challenge, "realm"), parameter(challenge, "nonce"));
    let secret = hash(format!("ann:{realm}:secret"));
    let request = hash(format!("{method}:{uri}"));
    let response = hash(format!("{secret}:{nonce}:{count:08x}:cafe:auth:{request}"));
    format!(
        "Authorization: Digest username=\"ann\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm=SHA-256, \
         response=\"{response}\", qop=auth, nc={count:08x}, cnonce=\"cafe\"\r\n"
    )
}

#[tokio::test]
async fn r2_auth_02_07_12_r1_auth_01_digest_is_of_this_request_and_once() {
    let (server, _source) = guarded().await;
    for version in VERSIONS {
        let mut peer = connect(&server, version).await;
        let uri = peer.uri("/live");
        peer.ask("DESCRIBE", &uri, &basic("ann:secret"))
            .await
            .expect(200);
        let challenge = peer.ask("DESCRIBE", &uri, "").await.expect(401);
        peer.ask("DESCRIBE", &uri, &digest(&challenge, "DESCRIBE", &uri, 1))
            .await
            .expect(200);
        // The same again is a replay.
        peer.ask("DESCRIBE", &uri, &digest(&challenge, "DESCRIBE", &uri, 1))
            .await
            .expect(401);
        peer.ask("DESCRIBE", &uri, &digest(&challenge, "DESCRIBE", &uri, 2))
            .await
            .expect(200);
        // Of another method, and of another URI.
        peer.ask("DESCRIBE", &uri, &digest(&challenge, "SETUP", &uri, 3))
            .await
            .expect(401);
        let other = peer.uri("/other");
        let status = peer
            .ask("DESCRIBE", &uri, &digest(&challenge, "DESCRIBE", &other, 4))
            .await
            .status();
        assert!(status == 401 || status == 400, "{status}");
    }
}

#[tokio::test]
async fn r2_auth_17_without_credentials_nothing_happens() {
    let (server, _source) = guarded().await;
    for version in VERSIONS {
        let mut peer = connect(&server, version).await;
        let uri = format!("{}/trackID=0", peer.uri("/live"));
        for credentials in [String::new(), basic("ann:wrong"), basic("nobody:secret")] {
            let headers = format!("Transport: {TCP}\r\n{credentials}");
            let answer = peer.ask("SETUP", &uri, &headers).await.expect(401);
            assert!(answer.header("Session").is_none() && answer.header("Transport").is_none());
        }
        // No channel was taken.
        peer.extra = basic("ann:secret");
        let answer = peer.setup(&uri, TCP).await.expect(200);
        assert_eq!(
            answer.parameter("Transport", "interleaved").as_deref(),
            Some("0-1")
        );
    }
}

#[tokio::test]
async fn r2_auth_13_a_session_is_its_users() {
    let (server, _source) = guarded().await;
    for version in VERSIONS {
        let mut ann = connect(&server, version).await;
        ann.extra = basic("ann:secret");
        ann.play_tcp("/live", 1).await;
        let mut bob = connect(&server, version).await;
        bob.extra = basic("bob:hidden");
        bob.session.clone_from(&ann.session);
        let uri = ann.uri("/live");
        for method in ["PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"] {
            bob.ask(method, &uri, "").await.expect(454);
        }
        ann.ask("PAUSE", &uri, "").await.expect(200);
    }
}

#[tokio::test]
async fn r2_auth_05_09_15_what_only_answers_and_requests_of_peers_have() {
    let (server, mut source) = guarded().await;
    let mut peer = connect(&server, "RTSP/2.0").await;
    peer.extra = basic("ann:secret");
    peer.play_tcp("/live", 1).await;
    // The end of the stream makes the server ask something.
    source.teardown().await;
    let request = loop {
        if let crate::peer::Event::Message(message) = peer.next().await {
            break message;
        }
    };
    assert!(
        request.first_line.ends_with(" RTSP/2.0"),
        "a request: {request:#?}"
    );
    for name in [
        "Authorization",
        "Proxy-Authorization",
        "Authentication-Info",
        "Proxy-Authentication-Info",
    ] {
        assert!(request.header(name).is_none(), "{request:#?}");
    }
}

/// A directory with one film in it and one beside it, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let path =
            std::env::temp_dir().join(format!("trackside-conformance-{}", std::process::id()));
        std::fs::create_dir_all(path.join("films")).expect("a directory");
        let clip = include_bytes!("../../demo/demo.mp4");
        std::fs::write(path.join("films/clip.mp4"), clip).expect("a film");
        std::fs::write(path.join("secret.mp4"), clip).expect("a secret");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn r2_uri_16_r1_auth_06_nothing_outside_the_folder() {
    let folder = Folder::new();
    let server = server_with(|config| config.files = Some(folder.0.join("films"))).await;
    for version in VERSIONS {
        let mut peer = connect(&server, version).await;
        let uri = peer.uri("/files/clip.mp4");
        peer.ask("DESCRIBE", &uri, "").await.expect(200);
        for path in [
            "/files/../secret.mp4",
            "/files/%2e%2e/secret.mp4",
            "/files/..%2fsecret.mp4",
            "/files/%2e%2e%2fsecret.mp4",
            "/files/..\\secret.mp4",
            "/files/..%5csecret.mp4",
            "/files/./../secret.mp4",
            "/files//../secret.mp4",
            "/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/files/clip.mp4%00",
        ] {
            let uri = peer.uri(path);
            let status = peer.ask("DESCRIBE", &uri, "").await.status();
            assert!((400..500).contains(&status), "{path}: {status}");
        }
    }
}
