//! Limits: who meets one is refused, that is counted by its name, and nobody else is hurt.

use std::time::{Duration, Instant};

use rtsp_server::{Access, Config, Limit, Limits, Server, ServerHandle};
use rtsp_session::auth::Credentials;

use crate::{
    peer::{Event, Peer, within},
    source::{Source, Track, address, announce, av, server_with, video},
    users::ANN,
};

async fn limited(change: impl FnOnce(&mut Limits)) -> ServerHandle {
    server_with(|config| {
        config.limits.limit_loopback = true;
        change(&mut config.limits);
    })
    .await
}

/// A reader that has to be none the worse for what others do.
struct Witness {
    source: Source,
    track: Track,
    reader: Peer,
}

impl Witness {
    async fn new(server: &ServerHandle) -> Self {
        let source = Source::tcp(server, "/live", &video()).await;
        let mut reader = Peer::connect_from(address(server), [127, 0, 0, 2]).await;
        reader.play_tcp("/live", 1).await;
        Self {
            source,
            track: Track::video(),
            reader,
        }
    }

    async fn plays(&mut self) {
        let packet = self.track.key(300);
        self.source.send(0, &packet).await;
        while self.reader.frame_on(0).await != packet {}
        self.reader.sync().await;
    }
}

#[tokio::test]
async fn who_asks_too_often_is_answered_later_and_others_at_once() {
    let server = limited(|limits| limits.requests_per_second = 2).await;
    let mut witness = Witness::new(&server).await;
    let mut peer = Peer::connect_from(address(&server), [127, 0, 0, 3]).await;
    // Ten at once are free: five seconds' worth.
    for _ in 0..10 {
        peer.sync().await;
    }
    assert_eq!(server.refused(Limit::RequestRate), 0);
    while server.refused(Limit::RequestRate) == 0 {
        peer.sync().await;
    }
    let begun = Instant::now();
    for _ in 0..4 {
        peer.sync().await;
    }
    let paced = begun.elapsed();
    assert!(paced > Duration::from_secs(1), "{paced:?}");
    let at = Instant::now();
    witness.plays().await;
    assert!(at.elapsed() < paced, "others do not wait");
}

#[tokio::test]
async fn who_asks_far_too_often_is_refused() {
    let server = limited(|limits| limits.requests_per_second = 1).await;
    let mut witness = Witness::new(&server).await;
    // Some are answered at once, then some wait for their turn, a second each; who comes after them is refused.
    let mut waiting = tokio::task::JoinSet::new();
    let (mut last, answer) = loop {
        assert!(waiting.len() < 1000, "nobody is refused");
        let mut peer = Peer::connect_from(address(&server), [127, 0, 0, 3]).await;
        let request = peer.request("OPTIONS", "*", "", b"");
        peer.send(&request).await;
        waiting.spawn(async move {
            let answer = peer.next().await;
            (peer, answer)
        });
        // However long it takes to come: others ask meanwhile.
        let pause = Duration::from_millis(20);
        let Ok(Some(answered)) = tokio::time::timeout(pause, waiting.join_next()).await else {
            continue;
        };
        match answered.expect("an answer") {
            (_, Event::Message(answer)) if answer.status() == 200 => {}
            (peer, Event::Message(answer)) => break (peer, answer),
            (_, other) => panic!("{other:?} and no answer"),
        }
    };
    assert!(server.refused(Limit::RequestRate) > 0);
    assert_eq!(answer.status(), 503);
    assert_eq!(last.next().await, Event::Closed);
    witness.plays().await;
}

#[tokio::test]
async fn messages_beyond_a_limit_are_refused_by_its_name() {
    let server = limited(|limits| {
        limits.url = 200;
        limits.header_count = 20;
        limits.header_bytes = 3000;
        limits.body = 5000;
    })
    .await;
    let mut witness = Witness::new(&server).await;
    let many = "X-Filler: 1\r\n".repeat(30);
    let long = format!("X-Filler: {}\r\n", "a".repeat(4000));
    let url = format!("rtsp://h/{}", "a".repeat(300));
    for (limit, target, headers, status) in [
        (Limit::Url, url.as_str(), "", 414),
        (Limit::HeaderCount, "rtsp://h/a", many.as_str(), 400),
        (Limit::HeaderBytes, "rtsp://h/a", long.as_str(), 400),
        (Limit::Body, "rtsp://h/a", "Content-Length: 6000\r\n", 413),
    ] {
        let mut peer = Peer::connect(address(&server)).await;
        let request = format!("OPTIONS {target} RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n");
        peer.send(request.as_bytes()).await;
        let Event::Message(answer) = peer.next().await else {
            panic!("{limit}: an answer")
        };
        assert_eq!(answer.status(), status, "{limit}");
        assert_eq!(server.refused(limit), 1, "{limit}");
        witness.plays().await;
    }
}

#[tokio::test]
async fn streams_are_limited_and_those_that_there_are_go_on() {
    let server = limited(|limits| limits.streams = 2).await;
    let mut witness = Witness::new(&server).await;
    let mut second = Source::tcp(&server, "/second", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    announce(&mut peer, "/third", &video()).await.expect(503);
    assert_eq!(server.refused(Limit::Streams), 1);
    witness.plays().await;
    second.teardown().await;
    announce(&mut peer, "/third", &video()).await.expect(200);
}

#[tokio::test]
async fn media_of_a_stream_are_limited() {
    let server = limited(|limits| limits.media = 1).await;
    let mut witness = Witness::new(&server).await;
    let mut peer = Peer::connect(address(&server)).await;
    announce(&mut peer, "/two", &av()).await.expect(400);
    assert_eq!(server.refused(Limit::Media), 1);
    announce(&mut peer, "/one", &video()).await.expect(200);
    witness.plays().await;
}

#[tokio::test]
async fn a_publisher_that_sends_too_much_is_ended_and_another_is_not() {
    let server = limited(|limits| limits.publish_bit_rate = 1_000_000).await;
    let mut witness = Witness::new(&server).await;
    let mut greedy = Source::tcp(&server, "/greedy", &video()).await;
    let mut track = Track::video();
    let floods = async {
        while server.refused(Limit::PublishBitRate) == 0 {
            let packet = track.key(1200);
            let frame = [
                &[b'$', 0][..],
                &(packet.len() as u16).to_be_bytes(),
                &packet,
            ]
            .concat();
            // Once it is ended nobody reads.
            if tokio::io::AsyncWriteExt::write_all(&mut greedy.peer.stream, &frame)
                .await
                .is_err()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within("the end of the greedy publisher", floods).await;
    assert_eq!(server.refused(Limit::PublishBitRate), 1);
    let gone = async {
        while server.streams() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("one stream", gone).await;
    witness.plays().await;
}

#[tokio::test]
async fn who_does_not_log_in_is_let_go_and_users_and_readers_stay() {
    let server = server_with(|config: &mut Config| {
        config.publish = Access::Users;
        config.users = vec![Credentials::new("ann", "secret")];
        config.limits.unauthenticated_timeout = Duration::from_millis(2500);
    })
    .await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra = ANN.into();
    let mut source = Source::tcp_on(peer, "/live", &video()).await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 1).await;
    let mut user = Peer::connect(address(&server)).await;
    user.extra = ANN.into();
    user.sync().await;
    let mut idler = Peer::connect(address(&server)).await;
    let ended = async {
        loop {
            let request = idler.request("OPTIONS", "*", "", b"");
            idler.send(&request).await;
            if idler.next().await == Event::Closed {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("the end of who does not log in", ended).await;
    assert_eq!(server.refused(Limit::Unauthenticated), 1);
    user.sync().await;
    let packet = Track::video().key(100);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
    // Without users there is nothing to log in to.
    let server = server_with(|config| {
        config.limits.unauthenticated_timeout = Duration::from_millis(1);
    })
    .await;
    let mut peer = Peer::connect(address(&server)).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        peer.sync().await;
    }
}

#[tokio::test]
async fn refusals_at_the_door_and_by_the_clock_are_counted() {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.limits.limit_loopback = true;
    config.limits.connections_per_address = 2;
    config.limits.sessions_per_address = 1;
    config.limits.first_request_timeout = Duration::from_secs(1);
    config.limits.message_timeout = Duration::from_secs(1);
    config.limits.idle_timeout = Duration::from_millis(1500);
    let server = Server::start(config).await.expect("a server");
    let description = sdp::Description::parse(video().as_bytes()).unwrap();
    let _publisher = server.publish("/live", description).unwrap();
    let mut silent = Peer::connect_from(address(&server), [127, 0, 0, 3]).await;
    assert_eq!(silent.next().await, Event::Closed);
    let mut slow = Peer::connect_from(address(&server), [127, 0, 0, 3]).await;
    slow.sync().await;
    slow.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n").await;
    while slow.next().await != Event::Closed {}
    let mut idle = Peer::connect_from(address(&server), [127, 0, 0, 3]).await;
    idle.sync().await;
    assert_eq!(idle.next().await, Event::Closed);
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 1).await;
    let mut second = Peer::connect(address(&server)).await;
    let uri = format!("{}/trackID=0", second.uri("/live"));
    let transport = "RTP/AVP/TCP;unicast;interleaved=0-1";
    second.setup(&uri, transport).await.expect(453);
    let mut third = Peer::connect(address(&server)).await;
    assert_eq!(third.next().await, Event::Closed);
    for limit in [
        Limit::FirstRequest,
        Limit::Message,
        Limit::Idle,
        Limit::SessionsPerAddress,
        Limit::ConnectionsPerAddress,
    ] {
        assert!(server.refused(limit) > 0, "{limit}");
    }
    let uri = reader.uri("/live");
    reader.ask("GET_PARAMETER", &uri, "").await.expect(200);
}
