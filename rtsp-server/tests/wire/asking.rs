//! Users whom an HTTP server knows: who is asked about whom, what the answers do, and what becomes of peers where there is none.

use rtsp_server::{Access, Config, HttpCheck, Limit, ServerHandle};
use rtsp_session::auth::Credentials;
use serde_json::json;

use crate::{
    http::{Asked, Http, answer},
    peer::{Message, Peer, within},
    source::{Source, Track, address, announce, av, server_with, video},
    users::BOB,
};

const EVE: &str = "Authorization: Basic ZXZlOnNlY3JldA==\r\n";
const EVE_WRONG: &str = "Authorization: Basic ZXZlOndyb25n\r\n";
const MAL: &str = "Authorization: Basic bWFsOnNlY3JldA==\r\n";
const BOB_WRONG: &str = "Authorization: Basic Ym9iOndyb25n\r\n";

/// A server for users, of whom it knows bob.
async fn server_asking(http: &Http, change: impl FnOnce(&mut Config)) -> ServerHandle {
    server_with(|config| {
        config.read = Access::Users;
        config.publish = Access::Users;
        config.control = Access::Users;
        config.users = vec![Credentials::new("bob", "secret")];
        config.check = Some(HttpCheck::new(&http.url));
        change(config);
    })
    .await
}

async fn source(server: &ServerHandle, path: &str) -> Source {
    let mut peer = Peer::connect(address(server)).await;
    peer.extra = BOB.into();
    Source::tcp_on(peer, path, &video()).await
}

/// Everybody whose password is "secret", and the token "good", may do everything but with /forbidden.
fn judge(asked: &Asked) -> Vec<u8> {
    let question: serde_json::Value = serde_json::from_str(&asked.body).expect("JSON");
    let known = question["password"] == "secret" || question["token"] == "good";
    let status = match question["path"].as_str() {
        _ if !known => 401,
        Some("/forbidden") => 403,
        _ => 200,
    };
    answer(status, "").into_bytes()
}

async fn describe(peer: &mut Peer, path: &str, headers: &str) -> Message {
    let uri = peer.uri(path);
    peer.ask("DESCRIBE", &uri, headers).await
}

#[tokio::test]
async fn who_is_not_known_here_is_asked_about() {
    let http = Http::new(judge).await;
    let server = server_asking(&http, |_| {}).await;
    let _live = source(&server, "/live").await;
    let _forbidden = source(&server, "/forbidden").await;
    let mut peer = Peer::connect(address(&server)).await;
    let refused = describe(&mut peer, "/live", "").await.expect(401);
    let schemes: Vec<_> = refused
        .all("WWW-Authenticate")
        .filter_map(|value| value.split(' ').next())
        .collect();
    // live555 looks at the first alone.
    assert_eq!(schemes, ["Basic", "Bearer"]);
    for headers in [BOB, BOB_WRONG] {
        let expected = if headers == BOB { 200 } else { 401 };
        describe(&mut peer, "/live", headers).await.expect(expected);
    }
    assert_eq!(
        http.asked(),
        [],
        "nobody is asked about who shows nothing, and who is known here"
    );
    for (path, headers, status) in [
        ("/live", EVE_WRONG, 401),
        ("/live", EVE, 200),
        ("/forbidden", EVE, 403),
        ("/live", "Authorization: Bearer bad\r\n", 401),
        ("/live", "Authorization: Bearer good\r\n", 200),
    ] {
        let answer = describe(&mut peer, path, headers).await;
        assert_eq!(answer.status(), status, "{path} {headers}");
    }
    let question = |user, password, token, path| {
        json!({
            "user": user, "password": password, "token": token, "ip": "127.0.0.1",
            "action": "read", "path": path, "protocol": "rtsp",
        })
    };
    assert_eq!(
        http.questions(),
        [
            question("eve", "wrong", "", "/live"),
            question("eve", "secret", "", "/live"),
            question("eve", "secret", "", "/forbidden"),
            question("", "", "bad", "/live"),
            question("", "", "good", "/live"),
        ]
    );
    assert!(
        http.asked()
            .iter()
            .all(|it| it.line == "POST /auth HTTP/1.1")
    );
}

#[tokio::test]
async fn a_yes_is_remembered_on_its_connection_for_what_it_was_about() {
    let http = Http::new(judge).await;
    let server = server_asking(&http, |_| {}).await;
    let mut live = source(&server, "/live").await;
    let _other = source(&server, "/other").await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra = EVE.into();
    describe(&mut peer, "/live", "").await.expect(200);
    peer.play_tcp("/live", 1).await;
    let packet = Track::video().key(300);
    live.send(0, &packet).await;
    assert_eq!(peer.frame_on(0).await, packet);
    assert_eq!(http.asked().len(), 1, "DESCRIBE, SETUP and PLAY are one");
    let session = peer.session.take();
    describe(&mut peer, "/other", "").await.expect(200);
    describe(&mut peer, "/other", "").await.expect(200);
    assert_eq!(http.asked().len(), 2, "of another path it said nothing");
    let uri = peer.uri("/live");
    peer.session = session;
    let body = b"name: value\r\n";
    let headers = "Content-Type: text/parameters\r\n";
    // There is no such parameter; may it be set?
    let answer = peer.ask_with("SET_PARAMETER", &uri, headers, body).await;
    answer.expect(451);
    assert_eq!(http.questions()[2]["action"], "control");
    // Elsewhere nobody knows of it.
    let mut again = Peer::connect(address(&server)).await;
    describe(&mut again, "/live", EVE).await.expect(200);
    assert_eq!(http.asked().len(), 4);
}

#[tokio::test]
async fn each_time_is_asked_where_a_yes_does_not_last() {
    let http = Http::new(judge).await;
    let server = server_asking(&http, |config| {
        config.check.as_mut().unwrap().remember = std::time::Duration::ZERO;
    })
    .await;
    let _live = source(&server, "/live").await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra = EVE.into();
    describe(&mut peer, "/live", "").await.expect(200);
    peer.play_tcp("/live", 1).await;
    assert_eq!(http.asked().len(), 2, "for DESCRIBE and SETUP");
    let uri = peer.uri("/live");
    peer.ask("PAUSE", &uri, "").await.expect(200);
}

#[tokio::test]
async fn who_is_asked_says_who_publishes() {
    let http = Http::new(judge).await;
    let server = server_asking(&http, |_| {}).await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra = EVE_WRONG.into();
    announce(&mut peer, "/live", &av()).await.expect(401);
    peer.extra = EVE.into();
    announce(&mut peer, "/forbidden", &av()).await.expect(403);
    let _source = Source::tcp_on(peer, "/live", &av()).await;
    let actions: Vec<_> = http
        .questions()
        .iter()
        .map(|it| it["action"].clone())
        .collect();
    assert_eq!(actions, ["publish"; 3]);
    assert_eq!(server.streams(), 1);
}

/// Whatever is no clear yes is none, and no fault of who asked.
#[tokio::test]
async fn without_a_clear_answer_nobody_is_let_in() {
    let yes = Http::saying(answer(200, "")).await;
    let redirect = format!(
        "HTTP/1.1 307 Elsewhere\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        yes.url
    );
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(200_000));
    for said in [
        answer(500, ""),
        answer(404, "yes"),
        redirect,
        long,
        String::new(),
        "HTTP/1.1 ".to_owned(),
        "RTSP/1.0 200 OK\r\n\r\n".to_owned(),
        "\0\0\0\0".to_owned(),
    ] {
        let http = Http::saying(said.clone()).await;
        let server = server_asking(&http, |config| {
            config.limits.limit_loopback = true;
            config.limits.failures_per_address = 1;
        })
        .await;
        let _live = source(&server, "/live").await;
        let mut peer = Peer::connect(address(&server)).await;
        for _ in 0..2 {
            let refused = describe(&mut peer, "/live", EVE).await.expect(503);
            assert!(refused.header("Retry-After").is_some(), "{said:.40}");
        }
        assert_eq!(server.refused(Limit::PasswordChecks), 2, "{said:.40}");
        describe(&mut peer, "/live", BOB).await.expect(200);
    }
    assert_eq!(
        yes.connections(),
        0,
        "nobody is sent elsewhere with a password"
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_lets_nobody_in() {
    let http = Http::saying(answer(200, "")).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let server = server_asking(&http, |config| {
        config.check = Some(HttpCheck::new(nowhere));
    })
    .await;
    let mut peer = Peer::connect(address(&server)).await;
    describe(&mut peer, "/live", EVE).await.expect(503);
    describe(&mut peer, "/live", BOB).await.expect(404);
}

/// A question that takes long holds up who it is about, and nobody else: not on the same shard either.
#[tokio::test]
async fn while_somebody_is_asked_others_are_served() {
    let http = Http::new(judge).await;
    http.hold();
    let server = server_asking(&http, |config| {
        config.threads = 1;
        config.check.as_mut().unwrap().timeout = std::time::Duration::from_secs(600);
    })
    .await;
    let mut live = source(&server, "/live").await;
    let mut waiting = Peer::connect(address(&server)).await;
    let uri = waiting.uri("/live");
    let request = waiting.request("DESCRIBE", &uri, EVE, b"");
    waiting.send(&request).await;
    let is_asked = async {
        while http.asked().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    within("a question", is_asked).await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.extra = BOB.into();
    reader.play_tcp("/live", 1).await;
    let packet = Track::video().key(300);
    live.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
    http.gate.add_permits(1);
    waiting.response("DESCRIBE").await.expect(200);
}

/// One address has four questions under way, or waiting.
#[tokio::test]
async fn one_address_cannot_ask_without_end() {
    let http = Http::new(judge).await;
    http.hold();
    let server = server_asking(&http, |config| {
        config.check.as_mut().unwrap().timeout = std::time::Duration::from_secs(600);
    })
    .await;
    let _live = source(&server, "/live").await;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut peer = Peer::connect(address(&server)).await;
        let uri = peer.uri("/live");
        let request = peer.request("DESCRIBE", &uri, EVE, b"");
        peer.send(&request).await;
        waiting.push(peer);
    }
    let are_asked = async {
        while http.asked().len() < 4 {
            tokio::task::yield_now().await;
        }
    };
    within("four questions", are_asked).await;
    let mut one_more = Peer::connect(address(&server)).await;
    describe(&mut one_more, "/live", EVE).await.expect(503);
    assert_eq!(server.refused(Limit::PasswordChecks), 1);
    let mut other = Peer::connect_from(address(&server), [127, 0, 0, 2]).await;
    let uri = other.uri("/live");
    let request = other.request("DESCRIBE", &uri, EVE, b"");
    other.send(&request).await;
    http.gate.add_permits(5);
    other.response("DESCRIBE").await.expect(200);
    for mut peer in waiting {
        peer.response("DESCRIBE").await.expect(200);
    }
}

#[tokio::test]
async fn a_session_of_who_was_asked_about_is_nobody_elses() {
    let http = Http::new(judge).await;
    for threads in [1, 3] {
        let server = server_asking(&http, |config| config.threads = threads).await;
        let _live = source(&server, "/live").await;
        let mut peer = Peer::connect(address(&server)).await;
        peer.extra = EVE.into();
        peer.play_tcp("/live", 1).await;
        for (headers, asks_first, status) in [
            ("", false, 454),
            (EVE_WRONG, false, 454),
            (MAL, false, 454),
            // Known by now, and another.
            (MAL, true, 454),
            (BOB, true, 454),
            ("Authorization: Bearer good\r\n", true, 454),
            // What they show has proved nothing yet.
            (EVE, false, 454),
            (EVE, true, 200),
        ] {
            let mut other = Peer::connect(address(&server)).await;
            if asks_first {
                describe(&mut other, "/live", headers).await.expect(200);
            }
            other.session.clone_from(&peer.session);
            let uri = other.uri("/live");
            let answer = other.ask("GET_PARAMETER", &uri, headers).await;
            assert_eq!(answer.status(), status, "{headers} {asks_first}");
        }
        let uri = peer.uri("/live");
        peer.ask("TEARDOWN", &uri, "").await.expect(200);
    }
}

/// A path that ends in a `*` would read as the beginning of many.
#[tokio::test]
async fn a_yes_to_one_path_is_none_to_others() {
    let http = Http::new(judge).await;
    let server = server_asking(&http, |_| {}).await;
    let _live = source(&server, "/live").await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra = EVE.into();
    describe(&mut peer, "/li*", "").await.expect(403);
    assert_eq!(http.asked(), []);
    describe(&mut peer, "/live", "").await.expect(200);
    assert_eq!(http.asked().len(), 1);
}

#[tokio::test]
async fn a_url_that_is_none_is_told_at_start() {
    for url in ["", "rtsp://me:hunter2@h/", "me:hunter2"] {
        let mut config = Config::default();
        config.listen = vec!["127.0.0.1:0".parse().unwrap()];
        config.check = Some(HttpCheck::new(url));
        let error = rtsp_server::Server::start(config).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("check") && !text.contains("hunter2"),
            "{text}"
        );
    }
}
