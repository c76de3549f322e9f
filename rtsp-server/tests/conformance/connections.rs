//! Connections, and the sessions that outlive them.

use rtsp_server::Config;

use crate::{
    Live, VERSIONS, ask, close,
    peer::{Event, Pair, Peer},
    ready,
    source::{Source, Track, address, server_with, video},
    track,
};

#[tokio::test]
async fn r2_conn_01_r1_conn_01_r2_live_10_a_session_over_tcp() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        ask(&mut peer, "OPTIONS").await.expect(200);
        ask(&mut peer, "DESCRIBE").await.expect(200);
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, crate::TCP).await.expect(200);
        let timeout = answer
            .parameter("Session", "timeout")
            .map_or(60, |seconds| seconds.parse().unwrap());
        assert!(timeout >= 30, "{timeout}");
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
        ask(&mut peer, "TEARDOWN").await.expect(200);
    }
}

#[tokio::test]
async fn r2_conn_04_05_r1_conn_06_r1_sid_08_a_session_may_change_its_connection() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let pair = Pair::local().await;
        let transport = match version {
            "RTSP/1.0" => pair.transport(),
            _ => format!(
                "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
                pair.port(),
                pair.port() + 1
            ),
        };
        let mut session = None;
        let mut one = live.peer(version).await;
        let uri = track(&one, 0);
        one.setup(&uri, &transport).await.expect(200);
        std::mem::swap(&mut session, &mut one.session);
        for method in ["PLAY", "GET_PARAMETER", "PAUSE", "PLAY", "TEARDOWN"] {
            // The connection before this one is closed, and the server has seen it.
            close(one).await;
            one = live.peer(version).await;
            one.session.clone_from(&session);
            ask(&mut one, method).await.expect(200);
            if method == "GET_PARAMETER" {
                let packet = live.send().await;
                while pair.packet().await != packet {}
            }
        }
    }
}

#[tokio::test]
async fn r2_conn_10_many_sessions_on_one_connection() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let mut ids = Vec::new();
        for channels in ["0-1", "2-3", "4-5"] {
            peer.session = None;
            let uri = track(&peer, 0);
            peer.setup(&uri, &format!("RTP/AVP/TCP;unicast;interleaved={channels}"))
                .await
                .expect(200);
            ids.push(peer.session.clone());
            ask(&mut peer, "PLAY").await.expect(200);
        }
        let packet = live.send().await;
        for channel in [0, 2, 4] {
            assert_eq!(peer.frame_on(channel).await, packet);
        }
        peer.session.clone_from(&ids[1]);
        ask(&mut peer, "TEARDOWN").await.expect(200);
        peer.session.clone_from(&ids[2]);
        ask(&mut peer, "PAUSE").await.expect(200);
        live.reaches(&mut peer, 0).await;
    }
}

#[tokio::test]
async fn r2_conn_22_r2_uri_08_ipv6_all_the_way() {
    let mut config = Config::default();
    config.listen = vec!["[::1]:0".parse().unwrap()];
    let Ok(server) = rtsp_server::Server::start(config).await else {
        return; // a machine without IPv6
    };
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    for version in VERSIONS {
        let pair = Pair::bind(std::net::Ipv6Addr::LOCALHOST).await;
        let transport = match version {
            "RTSP/1.0" => pair.transport(),
            _ => format!(
                "RTP/AVP;unicast;dest_addr=\"[::1]:{}\"/\"[::1]:{}\"",
                pair.port(),
                pair.port() + 1
            ),
        };
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        let uri = peer.uri("/live");
        assert!(uri.starts_with("rtsp://[::1]:"));
        let answer = peer.ask("DESCRIBE", &uri, "").await.expect(200);
        assert!(answer.text().contains("c=IN IP6 ::"), "{}", answer.text());
        let answer = peer
            .setup(&format!("{uri}/trackID=0"), &transport)
            .await
            .expect(200);
        if version == "RTSP/2.0" {
            let dest = answer.parameter("Transport", "dest_addr").unwrap();
            assert!(dest.starts_with("\"[::1]:"), "{dest}");
        }
        peer.ask("PLAY", &uri, "").await.expect(200);
        let packet = track.key(200);
        source.send(0, &packet).await;
        while pair.packet().await != packet {}
        peer.ask("TEARDOWN", &uri, "").await.expect(200);
    }
}

#[tokio::test]
async fn r2_conn_08_r1_conn_05_a_reader_without_connection_is_not_called() {
    let mut live = Live::new().await;
    let pair = Pair::local().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let transport = format!(
        "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
        pair.port(),
        pair.port() + 1
    );
    peer.setup(&uri, &transport).await.expect(200);
    ask(&mut peer, "PLAY").await.expect(200);
    let packet = live.send().await;
    while pair.packet().await != packet {}
    close(peer).await;
    // The stream ends, and the server would say so by a request.
    live.source.teardown().await;
    let mut other = live.peer("RTSP/2.0").await;
    other.ask("OPTIONS", "*", "").await.expect(200);
    ask(&mut other, "DESCRIBE").await.expect(404);
}

#[tokio::test]
async fn r2_ilv_13_a_reader_that_does_not_read_takes_bounded_memory_and_harms_nobody() {
    let server = server_with(|config| config.limits.ring = 256 * 1024).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut slow = Peer::connect_narrow(address(&server), 4096).await;
    slow.play_tcp("/live", 1).await;
    let mut good = Peer::connect(address(&server)).await;
    good.play_tcp("/live", 1).await;
    // Sixteen megabytes, far more than ring and sockets hold.
    for _ in 0..40 {
        let packets: Vec<_> = (0..400).map(|_| (0, track.key(1000))).collect();
        source.send_all(&packets).await;
        let last = &packets.last().unwrap().1;
        while good.frame_on(0).await != *last {}
    }
    // It is answered after what its socket holds, long before all that was sent.
    let uri = slow.uri("/live");
    let request = slow.request("GET_PARAMETER", &uri, "", b"");
    slow.send(&request).await;
    let mut bytes = 0;
    loop {
        match slow.next().await {
            Event::Frame(_, packet) => bytes += packet.len(),
            Event::Message(answer) => {
                assert_eq!(answer.status(), 200);
                break;
            }
            Event::Closed => panic!("closed"),
        }
    }
    assert!(bytes < 12_000_000, "{bytes} bytes were kept for it");
}

#[tokio::test]
async fn r1_meth_08_headers_that_a_server_must_know() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/1.0").await;
    let uri = track(&peer, 0);
    peer.ask(
        "SETUP",
        &uri,
        &format!("Transport: {}\r\nRequire: nothing.known\r\n", crate::TCP),
    )
    .await
    .expect(551);
    peer.ask("SETUP", &uri, "").await.expect(400);
    ready(&mut peer).await;
    ask(&mut peer, "PLAY").await.expect(200);
    let uri = peer.uri("/live");
    peer.ask("GET_PARAMETER", &uri, "Connection: close\r\n")
        .await
        .expect(200);
    peer.until_closed().await;
}
