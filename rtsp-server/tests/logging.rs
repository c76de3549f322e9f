//! What the log says, and what it never does: a subscriber takes everything that the server logs, down to the last detail.
#![allow(missing_docs)]

#[allow(dead_code)] // each program uses a part
#[path = "wire/http.rs"]
mod http;
#[allow(dead_code)]
#[path = "wire/peer.rs"]
mod peer;
#[allow(dead_code)]
#[path = "wire/source.rs"]
mod source;

use std::{
    io,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use peer::{Event, Peer};
use rtsp_server::{Access, HttpCheck, Pull, ServerHandle, Tokens};
use rtsp_session::auth::Credentials;
use source::{Source, address, announce, server_with, video};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that was logged.
#[derive(Default)]
struct Log(Mutex<Vec<u8>>);

struct Line(&'static Log);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for &'static Log {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line(self)
    }
}

impl Log {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

/// The log of this process, from the first call on. It has no colours, so that texts stay together.
fn log() -> &'static Log {
    static LOG: OnceLock<&'static Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log: &'static Log = Box::leak(Box::default());
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log)
            .init();
        log
    })
}

/// ann's credentials, as Basic sends them.
const BASIC: &str = "YW5uOmNvcnJlY3QtaG9yc2U=";

/// What people tell about themselves.
const PERSONAL: &str = "From: ann@example.org\r\nReferrer: rtsp://diary.example/my-day\r\nUser-Agent: watcher-of-ann/3\r\n";

/// A session that tells all there is to tell: its id.
async fn tell_everything(server: &ServerHandle, version: &'static str) -> String {
    let mut peer = Peer::connect(address(server)).await;
    peer.version = version;
    peer.extra = PERSONAL.into();
    let uri = format!(
        "rtsp://ann:correct-horse@{}/live?token=query-secret",
        peer.address
    );
    // Wrong ones first, then right ones, then things that are refused.
    peer.extra += "Authorization: Basic d3Jvbmctc2VjcmV0OmFubg==\r\n";
    peer.ask("DESCRIBE", &uri, "").await.expect(401);
    peer.extra = format!("{PERSONAL}Authorization: Basic {BASIC}\r\n");
    peer.ask("DESCRIBE", &uri, "").await.expect(200);
    let media = uri.replace("/live?", "/live/trackID=0?");
    peer.setup(&media, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await
        .expect(200);
    let id = peer.session.clone().expect("a session");
    peer.ask("PLAY", &uri, "").await.expect(200);
    peer.ask("RECORD", &uri, "").await;
    let parameters = "Content-Type: text/parameters\r\n";
    peer.ask_with("SET_PARAMETER", &uri, parameters, b"pin: body-secret\r\n")
        .await
        .expect(451);
    peer.ask("FOO", &uri, "").await.expect(501);
    // Not even in a message that cannot be read.
    let broken =
        format!("DESCRIBE {uri} RTSP/1.0\r\nCSeq: 900\r\nAuthorization Basic {BASIC}\r\n\r\n");
    peer.send(broken.as_bytes()).await;
    peer.response("what cannot be read").await.expect(400);
    let teardown = peer.request("TEARDOWN", &uri, "", b"");
    peer.send(&teardown).await;
    peer.response("TEARDOWN").await.expect(200);
    id
}

#[tokio::test]
async fn r2_sec_09_no_secret_and_nothing_personal_is_logged() {
    let log = log();
    let server = server_with(|config| {
        config.cleartext_passwords = true;
        config.users = vec![Credentials::new("ann", "correct-horse")];
        config.read = Access::Users;
    })
    .await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    // Another server pulls from it, with the password in its URL.
    let url = format!(
        "rtsp://ann:correct-horse@{}/live?token=query-secret",
        address(&server)
    );
    let second = server_with(|config| config.pulls = vec![Pull::new("/pulled", url)]).await;
    let mut reader = Peer::connect(address(&second)).await;
    let uri = reader.uri("/pulled");
    let describe = reader.request("DESCRIBE", &uri, "", b"");
    reader.send(&describe).await;
    let track = source::Track::video();
    source.send(0, &track.clone().key(100)).await;
    reader.response("DESCRIBE").await.expect(200);

    let mut ids = vec![source.peer.session.clone().expect("a session")];
    for version in ["RTSP/1.0", "RTSP/2.0"] {
        ids.push(tell_everything(&server, version).await);
    }
    // A digest, too: its response is as good as the password for as long as its nonce lives.
    let mut peer = Peer::connect(address(&server)).await;
    let digest = "Authorization: Digest username=\"ann\", realm=\"Trackside\", nonce=\"nonce-secret\", uri=\"/live\", response=\"0123456789abcdef0123456789abcdef\"\r\n";
    let uri = peer.uri("/live");
    peer.ask("DESCRIBE", &uri, digest).await.expect(401);
    announce(&mut peer, "/live", &video()).await.expect(403);
    server.shutdown().await;
    second.shutdown().await;

    let text = log.text();
    for said in [
        "connected",
        "session ended",
        "wrong credentials",
        "pulling",
        "/live",
    ] {
        assert!(text.contains(said), "the log is not taken: {said}\n{text}");
    }
    let secrets = [
        "correct-horse",
        BASIC,
        "d3Jvbmctc2VjcmV0OmFubg",
        "query-secret",
        "body-secret",
        "nonce-secret",
        "0123456789abcdef",
        "ann@example.org",
        "diary.example",
        "watcher-of-ann",
    ];
    for secret in secrets.into_iter().chain(ids.iter().map(String::as_str)) {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}

#[tokio::test]
async fn who_is_asked_about_users_and_what_they_show_is_not_in_the_log() {
    let log = log();
    let check = http::Http::new(|asked| {
        let status = if asked.body.contains("told-to-others") {
            200
        } else {
            500
        };
        http::answer(status, "").into_bytes()
    })
    .await;
    let with_secrets =
        |url: &str| url.replace("http://", "http://me:url-secret@") + "?key=key-secret";
    let url = with_secrets(&check.url);
    for tokens in [false, true] {
        let url = url.clone();
        let server = server_with(|config| {
            config.read = Access::Users;
            config.check = Some(HttpCheck::new(&url));
            config.tokens = tokens.then(|| Tokens::new(&url));
        })
        .await;
        let _source = Source::tcp(&server, "/live", &video()).await;
        let mut peer = Peer::connect(address(&server)).await;
        let uri = peer.uri("/live");
        for (shown, status) in [
            // eve:told-to-others, and eve:told-in-vain
            ("Basic ZXZlOnRvbGQtdG8tb3RoZXJz", 200),
            ("Basic ZXZlOnRvbGQtaW4tdmFpbg==", 503),
            (
                "Bearer eyJ-token-secret.a.b",
                if tokens { 401 } else { 503 },
            ),
        ] {
            let headers = format!("Authorization: {shown}\r\n");
            peer.ask("DESCRIBE", &uri, &headers).await.expect(status);
        }
        server.shutdown().await;
    }
    let text = log.text();
    for said in [
        "this is neither yes nor no",
        "a token proves nobody",
        "/auth",
    ] {
        assert!(text.contains(said), "the log is not taken: {said}");
    }
    for secret in [
        "url-secret",
        "key-secret",
        "told-to-others",
        "told-in-vain",
        "ZXZlOnRvbG",
        "token-secret",
    ] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}

#[tokio::test]
async fn r2_sec_04_what_looks_like_an_attack_is_403_and_in_the_log() {
    let log = log();
    let folder = std::env::temp_dir().join(format!("trackside-risky-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory");
    let films = folder.clone();
    let server = server_with(|config| config.files = Some(films)).await;
    for version in ["RTSP/1.0", "RTSP/2.0"] {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        for path in [
            "/files/../risky.mp4",
            "/files/a/%2e%2e/%2e%2e/risky.mp4",
            "/files/..%2frisky.mp4",
            "/files/..%5crisky.mp4",
            "/files/risky.mp4%00.txt",
            "/files/.risky.mp4",
        ] {
            let uri = peer.uri(path);
            let before = log.text().len();
            peer.ask("DESCRIBE", &uri, "").await.expect(403);
            let said = log.text().split_off(before);
            assert!(
                said.lines().any(|line| line.contains("WARN")
                    && line.contains("refused with 403")
                    && line.contains("risky")),
                "{path}: {said}"
            );
        }
        // What is only missing is that.
        let uri = peer.uri("/files/missing.mp4");
        peer.ask("DESCRIBE", &uri, "").await.expect(404);
        // Media to somebody else: a weapon (RFC 2326 §16, RFC 7826 §21.2.1).
        peer.sync().await;
    }
    let _ = std::fs::remove_dir_all(&folder);
}

#[tokio::test]
async fn r2_sec_06_guessing_session_ids_is_slow_and_shows_in_the_log() {
    let log = log();
    let server = server_with(|config| config.limits.limit_loopback = true).await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut owner = Peer::connect_from(address(&server), [127, 0, 0, 3]).await;
    owner.play_tcp("/live", 1).await;
    // Ids of the right form, over several connections from one address.
    let from = [127, 0, 0, 77];
    let mut keep = Peer::connect_from(address(&server), from).await;
    keep.sync().await;
    let began = std::time::Instant::now();
    for round in 0..6 {
        let mut guesser = Peer::connect_from(address(&server), from).await;
        let uri = guesser.uri("/live");
        for number in 0..4 {
            guesser.session = Some(format!("Guess{round}{number}aaaaaaaaaaaaaaa00"));
            guesser.ask("TEARDOWN", &uri, "").await.expect(454);
        }
    }
    // 16 are free; the eight after them wait 50, 100 ... 400 ms.
    assert!(began.elapsed().as_millis() >= 1800, "{:?}", began.elapsed());
    let text = log.text();
    let told: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("session ids may be being guessed"))
        .collect();
    assert_eq!(told.len(), 1, "one line for many guesses: {told:?}");
    assert!(
        told[0].contains("127.0.0.77") && told[0].contains("WARN"),
        "{told:?}"
    );
    assert!(
        !text.contains("Guess00aaaa"),
        "not even a wrong id is shown whole"
    );
    // Nobody else waits, and the session is untouched.
    let uri = owner.uri("/live");
    owner.ask("GET_PARAMETER", &uri, "").await.expect(200);
    let options = owner.request("OPTIONS", "*", "", b"");
    owner.send(&options).await;
    assert!(matches!(owner.next().await, Event::Message(answer) if answer.status() == 200));
}

#[tokio::test]
async fn r2_trans_12_media_for_somebody_else_is_refused_and_logged() {
    let log = log();
    let server = server_with(|_| ()).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    source.send(0, &source::Track::video().key(100)).await;
    for (version, status, host, parameter) in [
        (
            "RTSP/1.0",
            403,
            "203.0.113.77",
            "destination=203.0.113.77;client_port=5000-5001",
        ),
        (
            "RTSP/2.0",
            463,
            "203.0.113.78",
            "dest_addr=\"203.0.113.78:5000\"/\"203.0.113.78:5001\"",
        ),
    ] {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        let uri = format!("{}/trackID=0", peer.uri("/live"));
        let offer = format!("RTP/AVP;unicast;{parameter}");
        peer.setup(&uri, &offer).await.expect(status);
        let text = log.text();
        let line = text.lines().find(|line| line.contains(host));
        let line = line.unwrap_or_else(|| panic!("nothing of {host} in the log"));
        assert!(
            line.contains("WARN") && line.contains("127.0.0.1"),
            "{line}"
        );
    }
    server.shutdown().await;
}
