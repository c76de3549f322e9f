//! What one peer may take, and what it costs the others: nothing.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::{
    VERSIONS,
    peer::{Event, Pair, Peer},
    source::{Source, Track, address, server_with, video},
    track,
};

#[tokio::test]
async fn r2_sec_05_sessions_of_an_address_count_beyond_its_connections() {
    let server = server_with(|config| {
        config.limits.limit_loopback = true;
        // The publisher is of the same address.
        config.limits.sessions_per_address = 3;
    })
    .await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    for (before, version) in VERSIONS.into_iter().enumerate() {
        let mut pairs = Vec::new();
        let mut ids = Vec::new();
        // Sessions by UDP outlive their connections.
        for expected in [200, 200, 453] {
            let mut peer = Peer::connect(address(&server)).await;
            peer.version = version;
            let pair = Pair::local().await;
            let transport = match version {
                "RTSP/1.0" => pair.transport(),
                _ => format!(
                    "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
                    pair.port(),
                    pair.port() + 1
                ),
            };
            let uri = track(&peer, 0);
            peer.setup(&uri, &transport).await.expect(expected);
            pairs.push(pair);
            ids.extend(peer.session.take());
            crate::close(peer).await;
        }
        let refused = server.refused(rtsp_server::Limit::SessionsPerAddress);
        assert_eq!(refused, before as u64 + 1);
        // Somebody else has his own.
        let mut other = Peer::connect_from(address(&server), [127, 0, 0, 2]).await;
        other.version = version;
        other.play_tcp("/live", 1).await;
        // One that is given back is there to be had.
        for id in ids {
            let mut peer = Peer::connect(address(&server)).await;
            peer.version = version;
            peer.session = Some(id);
            let uri = peer.uri("/live");
            peer.ask("TEARDOWN", &uri, "").await.expect(200);
        }
    }
}

#[tokio::test]
async fn r2_sec_05_connections_of_an_address_are_bounded() {
    let server = server_with(|config| {
        config.limits.limit_loopback = true;
        config.limits.connections_per_address = 3;
    })
    .await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        let mut peer = Peer::connect(address(&server)).await;
        peer.sync().await;
        inside.push(peer);
    }
    let mut beyond = Peer::connect(address(&server)).await;
    assert_eq!(beyond.next().await, Event::Closed);
    let mut other = Peer::connect_from(address(&server), [127, 0, 0, 2]).await;
    other.sync().await;
    crate::close(inside.remove(0)).await;
    // Its place is given back once the server is done with it.
    loop {
        let mut again = Peer::connect(address(&server)).await;
        let options = again.request("OPTIONS", "*", "", b"");
        let _ = again.stream.write_all(&options).await;
        if let Event::Message(answer) = again.next().await {
            break drop(answer.expect(200));
        }
    }
}

#[tokio::test]
async fn r2_sec_05_a_flood_of_setups_makes_a_few_sessions_and_others_are_served() {
    let server = server_with(|config| config.limits.sessions_per_connection = 4).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut greedy = Peer::connect(address(&server)).await;
    greedy.version = "RTSP/2.0";
    let uri = track(&greedy, 0);
    let mut flood = Vec::new();
    for channel in 0..100 {
        let transport = format!(
            "Transport: RTP/AVP/TCP;unicast;interleaved={}-{}\r\n",
            channel * 2,
            channel * 2 + 1
        );
        flood.extend(greedy.request("SETUP", &uri, &transport, b""));
    }
    greedy.send(&flood).await;
    // They are worked on one after the other, and meanwhile somebody plays.
    let mut good = Peer::connect(address(&server)).await;
    good.play_tcp("/live", 1).await;
    let packet = Track::video().key(200);
    source.send(0, &packet).await;
    assert_eq!(good.frame_on(0).await, packet);
    let mut made = 0;
    for _ in 0..100 {
        match greedy.response("SETUP").await.status() {
            200 => made += 1,
            code => assert_eq!(code, 453),
        }
    }
    assert_eq!(made, 4);
}

/// Connections that say nothing, half of something, or one byte after the other.
#[tokio::test]
async fn r2_sec_10_connections_that_do_not_come_to_the_point_end_and_harm_nobody() {
    let server = server_with(|config| {
        config.limits.first_request_timeout = Duration::from_secs(1);
        config.limits.message_timeout = Duration::from_secs(1);
    })
    .await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut good = Peer::connect(address(&server)).await;
    good.play_tcp("/live", 1).await;
    let mut silent = Vec::new();
    for number in 0..300 {
        let mut peer = Peer::connect(address(&server)).await;
        if number % 2 == 0 {
            // It has said something sensible before.
            peer.sync().await;
        }
        match number % 3 {
            0 if number % 2 == 0 => peer.send(b"O").await,
            0 => {}
            1 => peer.send(b"OPTIONS * RTSP/1.0\r\nCSe").await,
            _ => {
                peer.send(b"SET_PARAMETER * RTSP/2.0\r\nCSeq: 1\r\nContent-Length: 9\r\n\r\n12")
                    .await;
            }
        }
        silent.push(peer);
    }
    // One of them sends a byte now and then, and is not better off for it.
    let mut dribbling = Peer::connect(address(&server)).await;
    dribbling.sync().await;
    dribbling.send(b"OPTIONS").await;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let mut spent = 0;
    loop {
        ticks.tick().await;
        let packet = track.key(200);
        source.send(0, &packet).await;
        while good.frame_on(0).await != packet {}
        spent += 1;
        assert!(spent < 200, "it is let be");
        if dribbling.stream.write_all(b"x").await.is_err() {
            break;
        }
    }
    for mut peer in silent {
        let before = peer.until_closed().await;
        // 408 at most: no request was whole.
        for event in before {
            let Event::Message(answer) = event else {
                panic!("{event:?}")
            };
            assert_eq!(answer.status(), 408);
        }
    }
    good.sync().await;
}
