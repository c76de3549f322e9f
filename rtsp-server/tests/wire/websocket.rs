//! RTSP over WebSocket, as ONVIF has it.

use rtsp_server::{Limit, ServerHandle};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    bridge::secure_server,
    peer::within,
    slow::{catches_up, overtake},
    source::{Source, Track, server, server_with, video},
    tunnelled::{
        connect, frame, head, masked, media_reach, over_narrow_websocket, over_websocket, say,
        switch,
    },
};

const OPTIONS: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n";

/// Who asks for a WebSocket without being a browser.
const ASKED: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A WebSocket to the server.
async fn switched(server: &ServerHandle) -> TcpStream {
    let mut stream = connect(server).await;
    switch(&mut stream).await;
    stream
}

/// The next frame, which has to be an answer.
async fn answered(stream: &mut TcpStream) {
    let (first, payload) = within("a frame", frame(stream)).await.expect("an answer");
    assert_eq!(first, 0x82, "octets, whole");
    assert!(payload.starts_with(b"RTSP/1.0 200 "), "{payload:?}");
}

async fn plays(server: &ServerHandle) {
    let publisher = over_websocket(server).await;
    let readers = [over_websocket(server).await, over_websocket(server).await];
    media_reach(server, publisher, readers).await;
}

#[tokio::test]
async fn media_go_through_a_websocket_as_without_one() {
    plays(&server(2).await).await;
}

#[tokio::test]
async fn a_websocket_may_be_within_tls() {
    plays(&secure_server(|_| {}).await).await;
}

#[tokio::test]
async fn frames_are_heard_however_they_are_cut() {
    let server = server(1).await;
    let mut stream = switched(&server).await;
    let (first, second) = OPTIONS.split_at(9);
    for frames in [
        masked(0x82, OPTIONS),
        // Some pages send text.
        masked(0x81, OPTIONS),
        [masked(0x02, first), masked(0x80, second)].concat(),
        // A message of RTSP in two of WebSocket, and a pong that nobody has asked for.
        [masked(0x82, first), masked(0x8a, b""), masked(0x82, second)].concat(),
        [masked(0x02, b""), masked(0x80, OPTIONS)].concat(),
    ] {
        stream.write_all(&frames).await.expect("said");
        answered(&mut stream).await;
        for octet in frames {
            stream.write_all(&[octet]).await.expect("said");
        }
        answered(&mut stream).await;
    }
    // With the request at once.
    let mut early = connect(&server).await;
    let words = [ASKED.as_bytes(), &masked(0x82, OPTIONS)].concat();
    early.write_all(&words).await.expect("said");
    head(&mut early).await;
    answered(&mut early).await;
}

#[tokio::test]
async fn pings_are_answered_and_so_is_the_end() {
    let server = server(1).await;
    let mut stream = switched(&server).await;
    let frames = [masked(0x89, b"there?"), masked(0x82, OPTIONS)].concat();
    stream.write_all(&frames).await.expect("said");
    let pong = within("a pong", frame(&mut stream)).await;
    assert_eq!(pong, Some((0x8a, b"there?".to_vec())));
    answered(&mut stream).await;
    let close = masked(0x88, &1000_u16.to_be_bytes());
    stream.write_all(&close).await.expect("said");
    let end = within("the end", frame(&mut stream)).await;
    assert_eq!(end, Some((0x88, vec![0x03, 0xe8])));
    assert_eq!(within("the end", frame(&mut stream)).await, None);
}

#[tokio::test]
async fn frames_that_are_wrong_end_their_connection_and_no_other() {
    let server = server(1).await;
    let mut good = switched(&server).await;
    let long = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    for (wrong, status) in [
        (vec![0x82, 1, b'a'], 1002_u16),
        (masked(0xf2, b"a"), 1002),
        (masked(0x83, b"a"), 1002),
        (masked(0x80, b"a"), 1002),
        (masked(0x89, &[0; 126]), 1002),
        // A ping in pieces, a message within another, an end without a reason that there is.
        (masked(0x09, b"a"), 1002),
        ([masked(0x02, b"a"), masked(0x82, b"b")].concat(), 1002),
        (masked(0x88, &1006_u16.to_be_bytes()), 1002),
        (long, 1009),
    ] {
        let mut stream = switched(&server).await;
        stream.write_all(&wrong).await.expect("said");
        let end = within("the end", frame(&mut stream)).await;
        assert_eq!(end, Some((0x88, status.to_be_bytes().to_vec())));
    }
    assert_eq!(server.refused(Limit::WebSocketFrames), 9);
    // The same where it comes with the request.
    let mut early = connect(&server).await;
    let words = [ASKED.as_bytes(), &masked(0x83, b"a")].concat();
    early.write_all(&words).await.expect("said");
    head(&mut early).await;
    let end = within("the end", frame(&mut early)).await;
    assert_eq!(end, Some((0x88, 1002_u16.to_be_bytes().to_vec())));
    assert_eq!(server.refused(Limit::WebSocketFrames), 10);
    let words = masked(0x82, OPTIONS);
    good.write_all(&words).await.expect("said");
    answered(&mut good).await;
}

/// What a browser asks on behalf of a page of this site.
fn asked_by(site: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nOrigin: {site}\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let own = "https://nvr.example";
    for (allowed, site, status) in [
        (&[][..], own, "403"),
        (&[own][..], own, "101"),
        (&[own][..], "https://nvr.example.evil", "403"),
        (&[own][..], "http://nvr.example", "403"),
        (&[own][..], "null", "403"),
        (&["*"][..], "https://any.example", "101"),
    ] {
        let server = server_with(|config| {
            config.websocket_origins = allowed.iter().map(ToString::to_string).collect();
        })
        .await;
        let answer = head(&mut say(&server, &asked_by(site)).await).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{site}: {answer}");
    }
}

#[tokio::test]
async fn who_asks_for_a_websocket_wrongly_is_told() {
    let server = server_with(|config| config.websocket_origins = vec!["*".into()]).await;
    let good = asked_by("https://a.example");
    for (from, to, status) in [
        ("Version: 13", "Version: 8", "426 "),
        ("rtsp.onvif.org", "chat", "400 "),
        ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", "400 "),
        (
            "Connection: keep-alive, Upgrade",
            "Connection: close",
            "400 ",
        ),
    ] {
        let wrong = good.replace(from, to);
        assert_ne!(wrong, good);
        let mut answer = String::new();
        let mut stream = say(&server, &wrong).await;
        let _ = within("the end", stream.read_to_string(&mut answer)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn who_stops_reading_frames_delays_nobody_and_loses_whole_packets_only() {
    let server = server_with(|config| config.limits.ring = 2 << 20).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let first = track.key(1000);
    source.send_all(&[(0, first.clone())]).await;
    let mut stalled = over_narrow_websocket(&server).await;
    stalled.play_tcp("/live", 1).await;
    let mut good = over_websocket(&server).await;
    good.play_tcp("/live", 1).await;
    assert_eq!(good.frame_on(0).await, first);
    let mut good = [good];
    let packets = overtake(&mut source, &mut track, &mut good, first).await;
    catches_up(&mut stalled, &packets).await;
}
