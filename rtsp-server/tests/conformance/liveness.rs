//! Signs of life: which ones keep a session, and which end it all the same.

use std::{net::SocketAddr, time::Duration};

use rtsp_server::ServerHandle;
use tokio::time::{Interval, interval};

use crate::{
    VERSIONS, ask,
    peer::{Event, Message, Pair, Peer},
    source::{Source, Track, address, av, server_with, video},
    track,
};

/// How often whoever lives says so: many times within a timeout.
const TICK: Duration = Duration::from_millis(150);

/// Sessions live for a second here, and not much longer.
async fn hasty() -> ServerHandle {
    server_with(|config| {
        config.limits.session_timeout = Duration::from_secs(1);
        config.limits.session_grace = Duration::from_millis(200);
    })
    .await
}

/// A reader of the first media by UDP that plays, or not.
struct Reader {
    peer: Peer,
    pair: Pair,
    reports: SocketAddr,
}

impl Reader {
    async fn new(server: &ServerHandle, version: &'static str, plays: bool) -> Self {
        let mut peer = Peer::connect(address(server)).await;
        peer.version = version;
        let pair = Pair::local().await;
        let (port, next) = (pair.port(), pair.port() + 1);
        let transport = match version {
            "RTSP/1.0" => pair.transport(),
            _ => format!("RTP/AVP;unicast;dest_addr=\":{port}\"/\":{next}\""),
        };
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, &transport).await.expect(200);
        if plays {
            ask(&mut peer, "PLAY").await.expect(200);
        }
        let reports = SocketAddr::new(address(server).ip(), rtcp_port(&answer));
        Self {
            peer,
            pair,
            reports,
        }
    }

    async fn report(&self, compound: &[u8]) {
        let sent = self.pair.rtcp.send_to(compound, self.reports).await;
        sent.expect("a report");
    }
}

/// Where the server takes reports: the second of `server_port=5000-5001`, or of `src_addr=":5000"/":5001"`.
fn rtcp_port(answer: &Message) -> u16 {
    let ports = answer
        .parameter("Transport", "server_port")
        .or_else(|| answer.parameter("Transport", "src_addr"))
        .expect("the server's ports");
    let last = ports.rsplit(['-', ':']).next().unwrap_or_default();
    last.trim_matches('"').parse().expect("a port")
}

/// An empty receiver report.
const RR: [u8; 8] = [0x80, 201, 0, 1, 9, 9, 9, 9];

/// Waits until the server says that a session that showed nothing has timed out; `alive` is called all the time meanwhile.
async fn ends(peer: &mut Peer, ticks: &mut Interval, mut alive: impl AsyncFnMut()) -> Message {
    loop {
        tokio::select! {
            event = peer.next() => match event {
                Event::Message(message) => return message,
                Event::Frame(..) => {}
                Event::Closed => panic!("closed without a word"),
            },
            _ = ticks.tick() => alive().await,
        }
    }
}

#[tokio::test]
async fn r2_live_06_12_r1_conn_10_reports_of_readers_and_publishers_keep_their_sessions() {
    let server = hasty().await;
    let mut source = Source::udp(&server, "/live", &av()).await;
    let video = Track::video();
    let mut living = Vec::new();
    for version in VERSIONS {
        for compound in [RR.to_vec(), video.report(1 << 32)] {
            for plays in [true, false] {
                living.push((Reader::new(&server, version, plays).await, compound.clone()));
            }
        }
    }
    let mut asking = Reader::new(&server, "RTSP/1.0", true).await;
    let mut ticks = interval(TICK);
    // Three sessions that say nothing come and go.
    for _ in 0..3 {
        let mut silent = Reader::new(&server, "RTSP/2.0", true).await;
        let teardown = ends(&mut silent.peer, &mut ticks, async || {
            // The publisher sends no media, only what it would report about them.
            source.send_report(0, &video.report(1 << 32)).await;
            for (reader, compound) in &living {
                reader.report(compound).await;
            }
            ask(&mut asking.peer, "GET_PARAMETER").await.expect(200);
        })
        .await;
        assert!(teardown.first_line.starts_with("TEARDOWN"));
        let reason = teardown.expect_header("Terminate-Reason");
        assert!(reason.starts_with("Session-Timeout"), "{reason}");
    }
    for (mut reader, _) in living {
        ask(&mut reader.peer, "PLAY").await.expect(200);
    }
    ask(&mut asking.peer, "PAUSE").await.expect(200);
    let uri = source.peer.uri("/live");
    source.peer.ask("PAUSE", &uri, "").await.expect(200);
}

#[tokio::test]
async fn r2_live_06_reports_in_the_connection_keep_a_session_that_waits() {
    let server = hasty().await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut waiting = Vec::new();
    for version in VERSIONS {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        let uri = track(&peer, 0);
        peer.setup(&uri, crate::TCP).await.expect(200);
        waiting.push(peer);
    }
    let mut video = Track::video();
    let mut ticks = interval(TICK);
    for _ in 0..2 {
        let mut silent = Reader::new(&server, "RTSP/2.0", false).await;
        ends(&mut silent.peer, &mut ticks, async || {
            source.send(0, &video.key(100)).await;
            for peer in &mut waiting {
                peer.send_frame(1, &RR).await;
            }
        })
        .await;
    }
    for mut peer in waiting {
        ask(&mut peer, "PLAY").await.expect(200);
    }
}

#[tokio::test]
async fn r2_tear_07_a_session_that_only_lives_is_ended_in_the_end() {
    let server = server_with(|config| {
        config.limits.session_timeout = Duration::from_secs(1);
        config.limits.inactive_timeouts = 2;
    })
    .await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut idle = Reader::new(&server, "RTSP/2.0", false).await;
    let mut plays = Reader::new(&server, "RTSP/2.0", true).await;
    let mut old = Reader::new(&server, "RTSP/1.0", false).await;
    let mut ticks = interval(TICK);
    let began = std::time::Instant::now();
    let session = idle.peer.session.clone().expect("a session");
    let teardown = loop {
        source.send(0, &track.key(100)).await;
        for one in [&mut plays, &mut old] {
            ask(&mut one.peer, "GET_PARAMETER").await.expect(200);
        }
        let uri = idle.peer.uri("/live");
        let request = idle.peer.request("SET_PARAMETER", &uri, "", b"");
        idle.peer.send(&request).await;
        match idle.peer.next().await {
            Event::Message(message) if message.first_line.starts_with("RTSP/") => {
                message.expect(200);
            }
            Event::Message(message) => break message,
            other => panic!("{other:?}"),
        }
        ticks.tick().await;
    };
    assert!(began.elapsed() >= Duration::from_secs(2), "two timeouts");
    assert!(teardown.first_line.starts_with("TEARDOWN"));
    assert_eq!(teardown.expect_header("Session"), session);
    let reason = teardown.expect_header("Terminate-Reason");
    assert!(reason.starts_with("Session-Timeout"), "{reason}");
    // What plays is used, and RTSP/1.0 has no such end.
    ask(&mut plays.peer, "PAUSE").await.expect(200);
    ask(&mut old.peer, "PLAY").await.expect(200);
}
