//! Whose a session is, by which connection it is reached, and what its state belongs to.

use rtsp_server::ServerHandle;
use rtsp_session::auth::Credentials;

use crate::{
    Live, TCP, TCP_TOO, VERSIONS, ask, ask_track,
    peer::{Event, Message, Pair, Peer},
    ready,
    source::{Source, address, av, server_with},
    track,
};

/// ann, with her password.
const ANN: &str = "Authorization: Basic YW5uOmh1bnRlcjI=\r\n";

async fn guarded() -> ServerHandle {
    server_with(|config| {
        config.users = vec![
            Credentials::new("ann", "hunter2"),
            Credentials::new("bob", "x"),
        ];
    })
    .await
}

async fn ann(server: &ServerHandle, version: &'static str) -> Peer {
    let mut peer = Peer::connect(address(server)).await;
    peer.version = version;
    peer.extra = ANN.into();
    peer
}

fn udp(pair: &Pair, version: &str) -> String {
    match version {
        "RTSP/1.0" => pair.transport(),
        _ => format!(
            "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
            pair.port(),
            pair.port() + 1
        ),
    }
}

/// The next request of the server's.
async fn asked(peer: &mut Peer) -> Message {
    match peer.next().await {
        Event::Message(message) if !message.first_line.starts_with("RTSP/") => message,
        other => panic!("a request, not {other:?}"),
    }
}

/// Nothing was sent to this peer but answers.
async fn was_left_alone(peer: &mut Peer) {
    let options = peer.request("OPTIONS", "*", "", b"");
    peer.send(&options).await;
    match peer.next().await {
        Event::Message(message) => drop(message.expect(200)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn r2_conn_06_07_the_latest_connection_is_the_one_that_is_asked() {
    for version in VERSIONS {
        let server = guarded().await;
        let mut source = Source::tcp(&server, "/live", &av()).await;
        let pair = Pair::local().await;
        let mut first = ann(&server, version).await;
        let uri = track(&first, 0);
        first.setup(&uri, &udp(&pair, version)).await.expect(200);
        ask(&mut first, "PLAY").await.expect(200);
        // Connections go to the shards in turn: both ways across are tried.
        let mut others = Vec::new();
        for _ in 0..3 {
            let mut other = ann(&server, version).await;
            other.session.clone_from(&first.session);
            ask(&mut other, "SET_PARAMETER").await.expect(200);
            others.push(other);
        }
        // The one before the last has it again.
        let mut latest = others.remove(1);
        ask(&mut latest, "GET_PARAMETER").await.expect(200);
        // Media go on, whichever connection asks.
        let packet = crate::Track::video().key(200);
        source.send(0, &packet).await;
        while pair.packet().await != packet {}
        if version == "RTSP/2.0" {
            source.teardown().await;
            let notice = asked(&mut latest).await;
            assert!(notice.first_line.starts_with("PLAY_NOTIFY"), "{notice:?}");
            let teardown = asked(&mut latest).await;
            assert!(teardown.first_line.starts_with("TEARDOWN"), "{teardown:?}");
        } else {
            let drained = server.drain(Some("rtsp://192.0.2.9"));
            let moved = async {
                let redirect = asked(&mut latest).await;
                assert!(redirect.first_line.starts_with("REDIRECT"), "{redirect:?}");
                let cseq = redirect.expect_header("CSeq");
                let text = format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n\r\n");
                latest.send(text.as_bytes()).await;
            };
            tokio::join!(drained, moved).0.expect("a URI");
        }
        for mut other in others.into_iter().chain([first]) {
            other.session = None;
            was_left_alone(&mut other).await;
        }
    }
}

/// The connection of before is one like any other: it closes, and the session does not end with it.
#[tokio::test]
async fn r2_conn_06_a_connection_that_lost_its_session_does_not_end_it() {
    for version in VERSIONS {
        let server = guarded().await;
        let mut source = Source::tcp(&server, "/live", &av()).await;
        let pair = Pair::local().await;
        let mut first = ann(&server, version).await;
        let uri = track(&first, 0);
        first.setup(&uri, &udp(&pair, version)).await.expect(200);
        for _ in 0..4 {
            let mut next = ann(&server, version).await;
            next.session.clone_from(&first.session);
            ask(&mut next, "PLAY").await.expect(200);
            crate::close(first).await;
            first = next;
        }
        let packet = crate::Track::video().key(200);
        source.send(0, &packet).await;
        while pair.packet().await != packet {}
        ask(&mut first, "TEARDOWN").await.expect(200);
    }
}

/// Media in a connection stay in it: who asks elsewhere is served, and the session moves nowhere.
#[tokio::test]
async fn r2_conn_07_a_session_in_a_connection_stays_there() {
    for version in VERSIONS {
        let server = guarded().await;
        let mut source = Source::tcp(&server, "/live", &av()).await;
        let mut first = ann(&server, version).await;
        let uri = track(&first, 0);
        first.setup(&uri, TCP).await.expect(200);
        ask(&mut first, "PLAY").await.expect(200);
        for _ in 0..2 {
            let mut other = ann(&server, version).await;
            other.session.clone_from(&first.session);
            ask(&mut other, "GET_PARAMETER").await.expect(200);
            crate::close(other).await;
        }
        let packet = crate::Track::video().key(200);
        source.send(0, &packet).await;
        while first.frame_on(0).await != packet {}
    }
}

#[tokio::test]
async fn r1_sm_06_each_session_of_a_stream_has_its_state_and_an_aggregate_has_one() {
    let mut live = Live::new().await;
    let mut peer = live.peer("RTSP/1.0").await;
    // Two sessions of one stream, on one connection.
    let mut ids = Vec::new();
    for transport in [TCP, TCP_TOO] {
        peer.session = None;
        let uri = track(&peer, 0);
        peer.setup(&uri, transport).await.expect(200);
        ids.push(peer.session.clone());
        ask(&mut peer, "PLAY").await.expect(200);
    }
    peer.session.clone_from(&ids[0]);
    ask_track(&mut peer, "PAUSE", 0).await.expect(200);
    ask(&mut peer, "PAUSE").await.expect(455);
    // The other plays on, and alone.
    let packet = live.send().await;
    let (channel, got) = loop {
        let (channel, got) = peer.frame().await;
        if channel % 2 == 0 {
            break (channel, got);
        }
    };
    assert_eq!((channel, got), (2, packet));
    // An aggregate: its state is that of all its streams. One of them is not paused by itself, and nothing changes.
    let mut pair = live.peer("RTSP/1.0").await;
    ready(&mut pair).await;
    ask(&mut pair, "PLAY").await.expect(200);
    let refused = ask_track(&mut pair, "PAUSE", 0).await;
    assert_eq!(refused.status(), 460);
    live.reaches(&mut pair, 0).await;
    ask(&mut pair, "PAUSE").await.expect(200);
    live.send().await;
    let sound = crate::Track::audio().sound(100);
    live.source.send(1, &sound).await;
    live.source.peer.sync().await;
    // PLAY goes on for both.
    ask(&mut pair, "PLAY").await.expect(200);
    live.reaches(&mut pair, 0).await;
    // TEARDOWN of one stream is of that one (RFC 2326 §10.7).
    ask_track(&mut pair, "TEARDOWN", 1).await.expect(200);
    ask_track(&mut pair, "PAUSE", 0).await.expect(200);
}

/// A server may do without ids where it has other means. This one never does: an id in every answer to SETUP, and nothing without it.
#[tokio::test]
async fn r1_sid_07_a_session_goes_by_its_id_and_nothing_else() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/1.0").await;
    let mut seen = Vec::new();
    for (media, transport) in [TCP, TCP_TOO].into_iter().enumerate() {
        let uri = track(&peer, media);
        let answer = peer.setup(&uri, transport).await.expect(200);
        let id = answer
            .expect_header("Session")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        seen.push(id);
    }
    assert_eq!(seen[0], seen[1]);
    let id = peer.session.take();
    for method in ["PLAY", "PAUSE", "RECORD", "TEARDOWN"] {
        let answer = ask(&mut peer, method).await.expect(454);
        assert!(answer.header("Session").is_none());
    }
    // The session on this connection knows nothing of it.
    peer.session = id;
    ask(&mut peer, "PLAY").await.expect(200);
    ask(&mut peer, "TEARDOWN").await.expect(200);
}

/// A connection that only asked for a session that stays elsewhere is idle like any other.
#[tokio::test]
async fn r2_conn_06_a_session_that_stays_elsewhere_keeps_no_other_connection_open() {
    let server = server_with(|config| {
        config.users = vec![Credentials::new("ann", "hunter2")];
        config.limits.idle_timeout = std::time::Duration::from_secs(1);
    })
    .await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut first = ann(&server, "RTSP/2.0").await;
    let uri = track(&first, 0);
    first.setup(&uri, TCP).await.expect(200);
    // One of the two is on the other shard.
    for _ in 0..2 {
        let mut other = ann(&server, "RTSP/2.0").await;
        other.session.clone_from(&first.session);
        ask(&mut other, "GET_PARAMETER").await.expect(200);
        assert_eq!(other.next().await, Event::Closed);
    }
    ask(&mut first, "PLAY").await.expect(200);
}
