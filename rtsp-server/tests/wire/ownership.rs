//! Whose a session is: its own connection's, the same user's, and the same address's once its connection has closed. Anybody
//! else gets 454, and nothing changes.

use rtsp_server::{Access, ServerHandle};

use crate::{
    peer::{Message, PATIENCE, Pair, Peer, within},
    source::{Source, Track, address, av, server, server_with, video},
    users::{ANN, BOB, METHODS, ann_and_bob},
};

/// Asks for something in a session by one method.
async fn try_method(
    peer: &mut Peer,
    method: &str,
    session: &str,
    path: &str,
    udp: bool,
) -> Message {
    peer.session = Some(session.to_owned());
    let pair = Pair::local().await;
    let (uri, headers) = match (method, udp) {
        ("SETUP", true) => (
            format!("{}/trackID=0", peer.uri(path)),
            format!("Transport: {}\r\n", pair.transport()),
        ),
        ("SETUP", false) => (
            format!("{}/trackID=0", peer.uri(path)),
            "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n".to_owned(),
        ),
        _ => (peer.uri(path), String::new()),
    };
    let answer = peer.ask(method, &uri, &headers).await;
    peer.session = None;
    answer
}

/// A reader, and where its packets go.
struct Reader {
    peer: Peer,
    pair: Option<Pair>,
    session: String,
}

impl Reader {
    async fn play(server: &ServerHandle, path: &str, udp: bool, extra: &str) -> Self {
        let mut peer = Peer::connect(address(server)).await;
        peer.extra = extra.to_owned();
        Self::play_on(peer, path, udp).await
    }

    async fn play_on(mut peer: Peer, path: &str, udp: bool) -> Self {
        let pair = if udp { Some(Pair::local().await) } else { None };
        let transport = match &pair {
            Some(pair) => pair.transport(),
            None => "RTP/AVP/TCP;unicast;interleaved=0-1".to_owned(),
        };
        let uri = format!("{}/trackID=0", peer.uri(path));
        peer.setup(&uri, &transport).await.expect(200);
        let uri = peer.uri(path);
        peer.ask("PLAY", &uri, "").await.expect(200);
        let session = peer.session.clone().expect("a session");
        Self {
            peer,
            pair,
            session,
        }
    }

    /// Waits for a packet.
    async fn gets(&mut self, wanted: &[u8]) {
        loop {
            let packet = match &self.pair {
                Some(pair) => pair.packet().await,
                None => self.peer.frame_on(0).await,
            };
            if packet == wanted {
                return;
            }
        }
    }
}

/// The session is what it was: it plays, and its own connection pauses and plays it.
async fn is_unharmed(reader: &mut Reader, source: &mut Source, track: &mut Track) {
    let packet = track.key(200);
    source.send(0, &packet).await;
    reader.gets(&packet).await;
    for method in ["PAUSE", "PLAY"] {
        let uri = reader.peer.uri("/live");
        reader.peer.ask(method, &uri, "").await.expect(200);
    }
}

#[tokio::test]
async fn strangers_get_454_for_every_method_and_change_nothing() {
    for threads in [1, 3] {
        let server = server(threads).await;
        let mut source = Source::tcp(&server, "/live", &video()).await;
        let mut track = Track::video();
        for udp in [false, true] {
            let mut reader = Reader::play(&server, "/live", udp, "").await;
            for from in [[127, 0, 0, 1], [127, 0, 0, 2]] {
                for method in METHODS {
                    let mut stranger = Peer::connect_from(address(&server), from).await;
                    let answer =
                        try_method(&mut stranger, method, &reader.session, "/live", udp).await;
                    assert_eq!(answer.status(), 454, "{method} from {from:?}: {answer:#?}");
                    assert!(answer.header("Session").is_none(), "{answer:#?}");
                    // The connection of who asked is none the worse for it.
                    stranger.sync().await;
                }
            }
            is_unharmed(&mut reader, &mut source, &mut track).await;
        }
    }
}

#[tokio::test]
async fn made_up_ids_are_not_found() {
    let server = server(3).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut reader = Reader::play(&server, "/live", false, "").await;
    let real = reader.session.clone();
    let mut peer = Peer::connect(address(&server)).await;
    let other = real.chars().rev().collect::<String>();
    let long = "A".repeat(3000);
    for id in [
        "1",
        "",
        "../../etc",
        &other,
        &long,
        &real[..real.len() - 1],
        "\u{e9}\u{e9}\u{e9}",
    ] {
        for method in ["PLAY", "TEARDOWN", "GET_PARAMETER"] {
            let status = try_method(&mut peer, method, id, "/live", false)
                .await
                .status();
            assert!(
                status == 454 || status == 400,
                "{method} with {id:?}: {status}"
            );
        }
    }
    is_unharmed(&mut reader, &mut source, &mut Track::video()).await;
}

/// Two users, and reading is for users.
async fn server_of_users(threads: usize) -> ServerHandle {
    server_with(|config| {
        config.threads = threads;
        config.read = Access::Users;
        config.users = ann_and_bob();
    })
    .await
}

#[tokio::test]
async fn another_user_gets_454_and_the_same_user_may_all() {
    for threads in [1, 3] {
        let server = server_of_users(threads).await;
        let mut source = Source::tcp(&server, "/live", &video()).await;
        let mut track = Track::video();
        for udp in [false, true] {
            let mut reader = Reader::play(&server, "/live", udp, ANN).await;
            for extra in [BOB, ""] {
                for method in METHODS {
                    let mut stranger = Peer::connect(address(&server)).await;
                    stranger.extra = extra.to_owned();
                    let answer =
                        try_method(&mut stranger, method, &reader.session, "/live", udp).await;
                    assert_eq!(answer.status(), 454, "{method} as {extra:?}: {answer:#?}");
                }
            }
            is_unharmed(&mut reader, &mut source, &mut track).await;
            // Another user's credentials on the session's own connection are another user's.
            reader.peer.extra = BOB.to_owned();
            let uri = reader.peer.uri("/live");
            reader.peer.ask("PAUSE", &uri, "").await.expect(454);
            reader.peer.extra = ANN.to_owned();
            is_unharmed(&mut reader, &mut source, &mut track).await;
            // The same user, from elsewhere.
            let mut same = Peer::connect_from(address(&server), [127, 0, 0, 2]).await;
            same.extra = ANN.to_owned();
            for method in ["OPTIONS", "GET_PARAMETER", "PAUSE"] {
                try_method(&mut same, method, &reader.session, "/live", udp)
                    .await
                    .expect(200);
            }
            // But datagrams are not started from where they do not go to.
            let status = if udp { 403 } else { 200 };
            try_method(&mut same, "PLAY", &reader.session, "/live", udp)
                .await
                .expect(status);
            if udp {
                let mut back = Peer::connect(address(&server)).await;
                back.extra = ANN.to_owned();
                try_method(&mut back, "PLAY", &reader.session, "/live", udp)
                    .await
                    .expect(200);
            }
            let packet = track.key(99);
            source.send(0, &packet).await;
            reader.gets(&packet).await;
            try_method(&mut same, "TEARDOWN", &reader.session, "/live", udp)
                .await
                .expect(200);
            try_method(&mut same, "GET_PARAMETER", &reader.session, "/live", udp)
                .await
                .expect(454);
        }
    }
}

/// Asks until the session answers: the server learns of a closed connection in its own time.
async fn take_over(server: &ServerHandle, session: &str, method: &str) -> Peer {
    let mut peer = Peer::connect(address(server)).await;
    let taken = async {
        loop {
            let answer = try_method(&mut peer, method, session, "/live", true).await;
            if answer.status() == 200 {
                return;
            }
            assert_eq!(answer.status(), 454, "{answer:#?}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    within("taking a session over", taken).await;
    peer
}

#[tokio::test]
async fn a_udp_session_survives_its_connection_and_is_taken_over_again_and_again() {
    for threads in [1, 3] {
        let server = server(threads).await;
        let mut source = Source::tcp(&server, "/live", &video()).await;
        let mut track = Track::video();
        let Reader {
            peer,
            pair,
            session,
        } = Reader::play(&server, "/live", true, "").await;
        let pair = pair.expect("UDP");
        drop(peer);
        // From connection to connection, over all shards; strangers stay strangers throughout.
        for round in 0..2 * threads + 1 {
            let mut owner = take_over(&server, &session, "GET_PARAMETER").await;
            for from in [[127, 0, 0, 1], [127, 0, 0, 2]] {
                let mut stranger = Peer::connect_from(address(&server), from).await;
                let answer = try_method(&mut stranger, "TEARDOWN", &session, "/live", true).await;
                assert_eq!(answer.status(), 454, "round {round} from {from:?}");
            }
            let packet = track.key(300);
            source.send(0, &packet).await;
            while pair.packet().await != packet {}
            try_method(&mut owner, "PAUSE", &session, "/live", true)
                .await
                .expect(200);
            try_method(&mut owner, "PLAY", &session, "/live", true)
                .await
                .expect(200);
        }
        // Another address, once the connection has closed: never.
        for method in METHODS {
            let mut stranger = Peer::connect_from(address(&server), [127, 0, 0, 2]).await;
            let answer = try_method(&mut stranger, method, &session, "/live", true).await;
            assert_eq!(answer.status(), 454, "{method}");
        }
        let mut owner = take_over(&server, &session, "TEARDOWN").await;
        try_method(&mut owner, "PLAY", &session, "/live", true)
            .await
            .expect(454);
    }
}

#[tokio::test]
async fn an_interleaved_session_ends_with_its_connection() {
    let server = server(2).await;
    let description = sdp::Description::parse(video().as_bytes()).expect("a description");
    let publisher = server.publish("/live", description).expect("a path");
    let mut readers = publisher.watch_readers();
    let reader = Reader::play(&server, "/live", false, "").await;
    within("one reader", readers.wait_for(|count| *count == 1))
        .await
        .unwrap();
    drop(reader.peer);
    within("no reader", readers.wait_for(|count| *count == 0))
        .await
        .unwrap();
    for method in METHODS {
        let mut peer = Peer::connect(address(&server)).await;
        let answer = try_method(&mut peer, method, &reader.session, "/live", false).await;
        assert_eq!(answer.status(), 454, "{method}");
    }
}

#[tokio::test]
async fn a_publishers_session_is_nobody_elses() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let session = source.peer.session.clone().expect("a session");
    let mut reader = Reader::play(&server, "/live", false, "").await;
    for method in METHODS {
        let mut stranger = Peer::connect(address(&server)).await;
        let answer = try_method(&mut stranger, method, &session, "/live", false).await;
        assert_eq!(answer.status(), 454, "{method}");
        // Frames of a stranger are nobody's, whatever their channel.
        stranger.send_frame(0, &Track::video().key(100)).await;
        stranger.sync().await;
    }
    let mut track = Track::video();
    track.ssrc = 7;
    let packet = track.key(50);
    source.send(0, &packet).await;
    assert_eq!(
        reader.peer.frame_on(0).await,
        packet,
        "the first that comes is the publisher's"
    );
}

#[tokio::test]
async fn one_connection_may_have_several_sessions() {
    let server = server(2).await;
    let mut first = Source::tcp(&server, "/one", &video()).await;
    let second = Source::tcp(&server, "/two", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let mut sessions = Vec::new();
    for (path, channels) in [("/one", "0-1"), ("/two", "2-3")] {
        peer.session = None;
        let uri = format!("{}/trackID=0", peer.uri(path));
        peer.setup(&uri, &format!("RTP/AVP/TCP;unicast;interleaved={channels}"))
            .await
            .expect(200);
        let uri = peer.uri(path);
        peer.ask("PLAY", &uri, "").await.expect(200);
        sessions.push(peer.session.clone());
    }
    assert_ne!(sessions[0], sessions[1]);
    // The end of one stream is not the end of the other.
    drop(second);
    let mut track = Track::video();
    let ended = async {
        while server.streams() > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("the stream ends");
    peer.session = sessions[0].clone();
    let uri = peer.uri("/one");
    for _ in 0..3 {
        peer.ask("GET_PARAMETER", &uri, "").await.expect(200);
        let packet = track.key(100);
        first.send(0, &packet).await;
        while peer.frame_on(0).await != packet {}
    }
}
