//! Answers that take their time (RFC 7826 §10.4).

use std::{sync::Arc, time::Duration};

use rtsp_server::{Config, Handler, Pull, Server, ServerHandle};
use sdp::Description;
use tokio::{net::TcpListener, sync::Notify};

use crate::{
    peer::{Event, Message, Peer},
    source::{address, video},
};

/// A handler that has what is missing when it is told to have it.
struct Slow(Arc<Notify>);

impl Handler for Slow {
    async fn missing(&self, _path: Arc<str>) {
        self.0.notified().await;
    }
}

/// A server that tells peers to wait after a moment.
async fn server(handler: impl Handler, change: impl FnOnce(&mut Config)) -> ServerHandle {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.limits.continue_after = Duration::from_millis(40);
    change(&mut config);
    Server::start_with(config, handler).await.expect("a server")
}

async fn message(peer: &mut Peer) -> Message {
    match peer.next().await {
        Event::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn r2_code_01_r2_conn_18_a_slow_handler_is_told_of_and_answered_in_the_end() {
    let ready = Arc::new(Notify::new());
    let server = server(Slow(Arc::clone(&ready)), |_| {}).await;
    let mut peers = Vec::new();
    for version in ["RTSP/1.0", "RTSP/2.0"] {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        let uri = peer.uri("/later");
        let describe = peer.request("DESCRIBE", &uri, "", b"");
        peer.send(&describe).await;
        peers.push(peer);
    }
    let [mut old, mut new] = <[Peer; 2]>::try_from(peers).ok().unwrap();
    for _ in 0..3 {
        let told = message(&mut new).await.expect(100);
        assert_eq!(told.first_line, "RTSP/2.0 100 Continue");
        assert_eq!(told.header("CSeq"), Some("1"));
        assert!(told.body.is_empty() && told.header("Session").is_none());
    }
    // A request behind it waits for its turn.
    let options = new.request("OPTIONS", "*", "", b"");
    new.send(&options).await;
    let description = Description::parse(video().as_bytes()).unwrap();
    let _publisher = server.publish("/later", description).unwrap();
    ready.notify_waiters();
    let last = loop {
        let answer = message(&mut new).await;
        if answer.status() != 100 {
            break answer.expect(200);
        }
    };
    assert_eq!(last.header("CSeq"), Some("1"));
    assert!(last.text().contains("m=video"));
    let behind = message(&mut new).await.expect(200);
    assert_eq!(behind.header("CSeq"), Some("2"));
    // Players of RTSP/1.0 take 100 for the last word: they hear nothing but that.
    let only = message(&mut old).await.expect(200);
    assert!(only.text().contains("m=video"));
}

#[tokio::test]
async fn r2_conn_18_a_path_that_is_pulled_may_take_its_time() {
    // An upstream that takes connections and says nothing.
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtsp://{}/cam", upstream.local_addr().unwrap());
    let server = server(rtsp_server::DefaultHandler, |config| {
        config.pulls = vec![Pull::new("/cam", url)];
    })
    .await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.version = "RTSP/2.0";
    let uri = peer.uri("/cam");
    let describe = peer.request("DESCRIBE", &uri, "", b"");
    peer.send(&describe).await;
    for _ in 0..2 {
        message(&mut peer).await.expect(100);
    }
}

/// Whoever leaves while his request is worked on leaves nothing behind.
#[tokio::test]
async fn a_peer_that_leaves_meanwhile_is_not_missed() {
    let ready = Arc::new(Notify::new());
    let server = server(Slow(Arc::clone(&ready)), |config| {
        config.limits.limit_loopback = true;
        config.limits.connections_per_address = 1;
    })
    .await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.version = "RTSP/2.0";
    let uri = peer.uri("/later/trackID=0");
    let transport = format!("Transport: {}\r\n", crate::TCP);
    let setup = peer.request("SETUP", &uri, &transport, b"");
    peer.send(&setup).await;
    message(&mut peer).await.expect(100);
    drop(peer);
    let description = Description::parse(video().as_bytes()).unwrap();
    let publisher = server.publish("/later", description).unwrap();
    ready.notify_waiters();
    // Its place is free again, and nobody reads.
    loop {
        let mut other = Peer::connect(address(&server)).await;
        let options = other.request("OPTIONS", "*", "", b"");
        if tokio::io::AsyncWriteExt::write_all(&mut other.stream, &options)
            .await
            .is_ok()
            && let Event::Message(answer) = other.next().await
        {
            answer.expect(200);
            break;
        }
    }
    assert_eq!(publisher.readers(), 0);
}
