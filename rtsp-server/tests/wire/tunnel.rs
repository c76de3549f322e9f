//! RTSP over HTTP: a GET on which the server speaks, and a POST on which its peer does, in base64.

use std::time::Duration;

use rtsp_server::{Config, Limit, ServerHandle};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::{
    bridge::secure_server,
    peer::within,
    source::{address, server, server_with},
    tunnelled::{base64, get, head, media_reach, open, over_http, post, say},
};

const OPTIONS: &str = "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n";

/// Reads all that comes until the end.
async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    // What the server has not read when it closes makes the system reset the connection.
    let _ = within("the end", stream.read_to_end(&mut read)).await;
    String::from_utf8(read).expect("text")
}

/// The answer to who says this first, and nothing else.
async fn answer(server: &ServerHandle, words: &str) -> String {
    rest(&mut say(server, words).await).await
}

/// Whether the tunnel with these halves answers.
async fn answers(get: &mut TcpStream, post: &mut TcpStream) {
    post.write_all(base64(OPTIONS.as_bytes()).as_bytes())
        .await
        .expect("said");
    let answer = head(get).await;
    assert!(answer.starts_with("RTSP/1.0 200 "), "{answer}");
    assert!(answer.contains("CSeq: 7\r\n"), "{answer}");
}

/// Publishes and plays, both in tunnels.
async fn plays(server: &ServerHandle) {
    let publisher = over_http(server, "publisher").await;
    let readers = [
        over_http(server, "one").await,
        over_http(server, "two/+=").await,
    ];
    media_reach(server, publisher, readers).await;
}

#[tokio::test]
async fn media_go_through_a_tunnel_as_without_one() {
    // The halves of a tunnel come to different shards.
    plays(&server_with(|config| config.threads = 3).await).await;
    plays(&server(1).await).await;
}

#[tokio::test]
async fn a_tunnel_may_be_within_tls() {
    plays(&secure_server(|_| {}).await).await;
}

#[tokio::test]
async fn both_halves_of_a_tunnel_use_tls_or_neither() {
    let server = secure_server(|_| {}).await;
    let mut get = say(&server, &get("c")).await;
    head(&mut get).await;
    let mut plain = TcpStream::connect(address(&server)).await.expect("there");
    let words = post("c");
    plain.write_all(words.as_bytes()).await.expect("said");
    let refused = rest(&mut plain).await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert_eq!(server.refused(Limit::TunnelHalves), 1);
    let mut post = say(&server, &post("c")).await;
    answers(&mut get, &mut post).await;
}

#[tokio::test]
async fn what_is_posted_is_heard_however_it_is_cut() {
    let server = server(2).await;
    let (mut get, mut post) = open(&server, "c").await;
    for octet in base64(OPTIONS.as_bytes()).bytes() {
        post.write_all(&[octet]).await.expect("said");
    }
    let answer = head(&mut get).await;
    assert!(answer.starts_with("RTSP/1.0 200 "), "{answer}");
    // Two messages with an end of their own each, on lines.
    let lines = format!("{0}\r\n{0}\r\n", base64(OPTIONS.as_bytes()));
    post.write_all(lines.as_bytes()).await.expect("said");
    for _ in 0..2 {
        let answer = head(&mut get).await;
        assert!(answer.starts_with("RTSP/1.0 200 "), "{answer}");
    }
    // With the request of HTTP at once.
    let (mut get, late) = (say(&server, &crate::tunnelled::get("d")).await, OPTIONS);
    head(&mut get).await;
    let words = crate::tunnelled::post("d") + &base64(late.as_bytes());
    let _post = say(&server, &words).await;
    let answer = head(&mut get).await;
    assert!(answer.starts_with("RTSP/1.0 200 "), "{answer}");
}

#[tokio::test]
async fn a_post_that_is_closed_may_be_followed_by_another() {
    let server = server(3).await;
    let (mut get, mut first) = open(&server, "c").await;
    answers(&mut get, &mut first).await;
    for _ in 0..3 {
        // The next may come before the end of the last one is seen.
        let mut next = say(&server, &post("c")).await;
        answers(&mut get, &mut first).await;
        drop(first);
        answers(&mut get, &mut next).await;
        first = next;
    }
    drop(first);
    let mut after = say(&server, &post("c")).await;
    answers(&mut get, &mut after).await;
    // Without its GET a tunnel is over.
    drop(get);
    assert_eq!(rest(&mut after).await, "");
}

#[tokio::test]
async fn a_post_that_comes_first_waits_for_its_get() {
    let server = server(2).await;
    let words = post("c") + &base64(OPTIONS.as_bytes());
    let _post = say(&server, &words).await;
    let _other = say(&server, &get("another")).await;
    let mut get = say(&server, &get("c")).await;
    let opened = head(&mut get).await;
    assert!(opened.starts_with("HTTP/1.0 200 "), "{opened}");
    let answer = head(&mut get).await;
    assert!(answer.starts_with("RTSP/1.0 200 "), "{answer}");
}

fn strict(config: &mut Config) {
    config.limits.limit_loopback = true;
    config.limits.handshake_timeout = Duration::from_secs(1);
    config.limits.first_request_timeout = Duration::from_secs(2);
}

#[tokio::test]
async fn a_half_without_the_other_is_given_up() {
    let server = server_with(strict).await;
    let mut get = say(&server, &get("c")).await;
    head(&mut get).await;
    assert_eq!(rest(&mut get).await, "", "closed");
    assert_eq!(server.refused(Limit::Handshake), 1);
    let refused = answer(&server, &post("c")).await;
    assert!(refused.starts_with("HTTP/1.1 404 "), "{refused}");
    assert_eq!(server.refused(Limit::Handshake), 2);
}

#[tokio::test]
async fn halves_without_the_other_are_numbered() {
    let server = server_with(|config| {
        config.limits.limit_loopback = true;
        config.limits.half_open_per_address = 2;
        config.limits.handshake_timeout = Duration::from_secs(5);
    })
    .await;
    let mut one = say(&server, &get("one")).await;
    head(&mut one).await;
    let mut two = say(&server, &get("two")).await;
    head(&mut two).await;
    for words in [get("three"), post("four")] {
        let refused = answer(&server, &words).await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    }
    assert_eq!(server.refused(Limit::HalfOpen), 2);
    // What is whole does not count.
    let mut whole = say(&server, &post("one")).await;
    answers(&mut one, &mut whole).await;
    let (mut get, mut post) = open(&server, "after").await;
    answers(&mut get, &mut post).await;
}

#[tokio::test]
async fn a_cookie_is_of_one_tunnel_and_of_one_address() {
    let server = server_with(strict).await;
    let (mut good, mut said) = open(&server, "c").await;
    answers(&mut good, &mut said).await;
    let taken = answer(&server, &get("c")).await;
    assert!(taken.starts_with("HTTP/1.1 400 "), "{taken}");
    assert_eq!(server.refused(Limit::TunnelHalves), 1);
    let wrong = answer(&server, &post("C")).await;
    assert!(wrong.starts_with("HTTP/1.1 404 "), "{wrong}");
    // Somebody who has seen the cookie, elsewhere.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.2:0".parse().expect("an address"))
        .expect("bound");
    let mut thief = socket.connect(address(&server)).await.expect("there");
    let words = post("c") + &base64(b"TEARDOWN * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    thief.write_all(words.as_bytes()).await.expect("said");
    let refused = rest(&mut thief).await;
    assert!(refused.starts_with("HTTP/1.1 404 "), "{refused}");
    assert_eq!(server.refused(Limit::Handshake), 2);
    // One POST may wait for the end of the first, and no more.
    let mut third = say(&server, &post("c")).await;
    let mut fourth = say(&server, &post("c")).await;
    let refused = tokio::select! {
        refused = head(&mut third) => refused,
        refused = head(&mut fourth) => refused,
    };
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert_eq!(server.refused(Limit::TunnelHalves), 2);
    answers(&mut good, &mut said).await;
}

/// A page whose name leads to the server (DNS rebinding) is of the same site for a browser, which then lets it say any header.
#[tokio::test]
async fn pages_of_other_sites_have_no_tunnel_over_http() {
    let server = server_with(|config| {
        config.websocket_origins = vec!["https://nvr.example".into()];
    })
    .await;
    let by = |site: &str, words: String| {
        words.replace("User-Agent", &format!("Origin: {site}\r\nUser-Agent"))
    };
    for (number, words) in [get("c"), post("c")].into_iter().enumerate() {
        let words = by("http://rebound.example:8554", words);
        let refused = answer(&server, &words).await;
        assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
        let count = server.refused(Limit::WebSocketOrigins);
        assert_eq!(count, number as u64 + 1);
    }
    let mut get = say(&server, &by("https://nvr.example", get("c"))).await;
    head(&mut get).await;
    let mut post = say(&server, &by("https://nvr.example", post("c"))).await;
    answers(&mut get, &mut post).await;
}

/// QuickTime says 32767 and goes on behind that: what it says binds nobody, and takes no memory.
#[tokio::test]
async fn the_length_of_a_post_means_nothing() {
    let server = server(2).await;
    for length in ["0", "1", "-1", "4294967296", "99999999999999999999", "a"] {
        let mut get = say(&server, &get("c")).await;
        head(&mut get).await;
        let words = post("c").replace("32767", length);
        let mut post = say(&server, &words).await;
        answers(&mut get, &mut post).await;
        let lines = format!("{}\r\n", "\r\n".repeat(40_000));
        post.write_all(lines.as_bytes()).await.expect("said");
        answers(&mut get, &mut post).await;
        drop(get);
        assert_eq!(rest(&mut post).await, "", "its cookie is free");
    }
    let chunked = post("d").replace("Content-Length: 32767", "Transfer-Encoding: chunked");
    let refused = answer(&server, &chunked).await;
    assert!(refused.starts_with("HTTP/1.1 501 "), "{refused}");
}

/// CVE-2019-6256: live555 went on with a connection that it had freed.
#[tokio::test]
async fn a_get_and_its_post_on_one_connection_are_refused() {
    let server = server(2).await;
    let both = get("c") + &post("c") + &base64(OPTIONS.as_bytes());
    let refused = answer(&server, &both).await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let mut get = say(&server, &get("c")).await;
    head(&mut get).await;
    let words = post("c");
    get.write_all(words.as_bytes()).await.expect("said");
    assert_eq!(rest(&mut get).await, "", "closed");
    assert_eq!(server.refused(Limit::TunnelBase64), 1);
    // The same when the tunnel is whole.
    let (mut get, mut post) = open(&server, "c").await;
    answers(&mut get, &mut post).await;
    get.write_all(words.as_bytes()).await.expect("said");
    assert_eq!(rest(&mut get).await, "", "closed");
    assert_eq!(rest(&mut post).await, "", "closed");
    assert_eq!(server.refused(Limit::TunnelBase64), 2);
    let (mut get, mut post) = open(&server, "c").await;
    answers(&mut get, &mut post).await;
}

#[tokio::test]
async fn what_is_no_base64_ends_its_tunnel_and_no_other() {
    let server = server(2).await;
    let (mut good, mut said) = open(&server, "good").await;
    for nonsense in ["OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "====", "QUJDQ=AA"] {
        let (mut get, mut post) = open(&server, "bad").await;
        post.write_all(nonsense.as_bytes()).await.expect("said");
        assert_eq!(rest(&mut get).await, "", "{nonsense}");
    }
    assert_eq!(server.refused(Limit::TunnelBase64), 3);
    answers(&mut good, &mut said).await;
}

#[tokio::test]
async fn heads_of_http_are_bounded_in_length_and_time() {
    let server = server_with(strict).await;
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(9000));
    let refused = answer(&server, &long).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65));
    let refused = answer(&server, &many).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    let counts = [Limit::HeaderBytes, Limit::HeaderCount].map(|limit| server.refused(limit));
    assert_eq!(counts, [1, 1]);
    let cookie = get(&"c".repeat(129));
    let refused = answer(&server, &cookie).await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let before = server.refused(Limit::FirstRequest);
    let silent = answer(&server, "GET / HTTP/1.1\r\nX: and then nothing").await;
    assert_eq!(silent, "");
    assert_eq!(server.refused(Limit::FirstRequest), before + 1);
}

#[tokio::test]
async fn nothing_else_is_had_by_http() {
    let server = server(1).await;
    for request in [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /live HTTP/1.0\r\n\r\n",
        "POST /live HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd",
        "GET /live HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ] {
        let page = answer(&server, request).await;
        assert!(page.starts_with("HTTP/1.1 404 "), "{page}");
        let (head, body) = page.split_once("\r\n\r\n").expect("a body");
        let length = format!("Content-Length: {}", body.len());
        assert!(head.lines().any(|line| line == length), "{page}");
        assert!(body.len() < 100);
    }
}
