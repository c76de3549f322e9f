//! How things end: the server's shutdown, and peers that leave without a word.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;

use crate::{
    peer::{Event, Pair, Peer, frame, within},
    source::{Source, Track, address, av, has_rtcp, server, video},
};

#[tokio::test]
async fn shutdown_says_goodbye_to_all_and_is_quick() {
    for threads in [1, 3] {
        let server = server(threads).await;
        let address = address(&server);
        let mut source = Source::tcp(&server, "/live", &av()).await;
        let (mut picture, mut sound) = (Track::video(), Track::audio());
        source
            .send_all(&[(0, picture.key(100)), (1, sound.sound(100))])
            .await;
        let mut readers = Vec::new();
        for _ in 0..4 {
            let mut reader = Peer::connect(address).await;
            reader.play_tcp("/live", 2).await;
            readers.push(reader);
        }
        let mut udp = Peer::connect(address).await;
        let pair = Pair::local().await;
        let uri = format!("{}/trackID=0", udp.uri("/live"));
        udp.setup(&uri, &pair.transport()).await.expect(200);
        let uri = udp.uri("/live");
        udp.ask("PLAY", &uri, "").await.expect(200);
        pair.packet().await;
        let mut idle = Peer::connect(address).await;
        idle.sync().await;

        let start = Instant::now();
        within("shutdown", server.shutdown()).await;
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{:?}",
            start.elapsed()
        );

        for reader in &mut readers {
            let events = reader.until_closed().await;
            for channel in [1, 3] {
                let bye = |event: &Event| matches!(event, Event::Frame(on, packet) if *on == channel && has_rtcp(packet, 203));
                assert!(
                    events.iter().any(bye),
                    "a BYE on channel {channel}: {events:?}"
                );
            }
        }
        while !has_rtcp(&pair.report().await, 203) {}
        udp.until_closed().await;
        source.peer.until_closed().await;
        idle.until_closed().await;
        assert!(
            tokio::net::TcpStream::connect(address).await.is_err(),
            "nobody listens any more"
        );
    }
}

#[tokio::test]
async fn a_frame_that_comes_with_the_end_of_its_stream_reaches_all() {
    for threads in [1, 3] {
        let server = server(threads).await;
        let mut source = Source::tcp(&server, "/live", &video()).await;
        let mut track = Track::video();
        source.send(0, &track.key(100)).await;
        let mut readers = Vec::new();
        for _ in 0..4 {
            let mut reader = Peer::connect(address(&server)).await;
            reader.play_tcp("/live", 1).await;
            reader.frame_on(0).await;
            readers.push(reader);
        }
        let last = track.delta(1000);
        let uri = source.peer.uri("/live");
        let mut both = frame(0, &last);
        both.extend(source.peer.request("TEARDOWN", &uri, "", b""));
        source.peer.send(&both).await;
        for reader in &mut readers {
            let events = reader.until_closed().await;
            let is_last =
                |event: &Event| matches!(event, Event::Frame(0, packet) if *packet == last);
            assert!(events.iter().any(is_last), "{threads} threads: {events:?}");
        }
    }
}

#[tokio::test]
async fn shutdown_does_not_wait_for_who_does_not_read() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut stalled = Peer::connect_narrow(address(&server), 4 << 10).await;
    stalled.play_tcp("/live", 1).await;
    let mut track = Track::video();
    for _ in 0..200 {
        source.send(0, &track.key(60_000)).await;
    }
    source.peer.sync().await;
    let start = Instant::now();
    within("shutdown", server.shutdown()).await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_dropped_handle_stops_the_server() {
    let server = server(2).await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.sync().await;
    drop(server);
    peer.until_closed().await;
}

#[tokio::test]
async fn what_was_asked_before_the_end_of_a_half_closed_connection_is_answered() {
    let server = server(2).await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let mut all = peer.request("OPTIONS", &uri, "", b"");
    all.extend(peer.request("DESCRIBE", &uri, "", b""));
    all.extend(peer.request("DESCRIBE", "rtsp://127.0.0.1/none", "", b""));
    peer.send(&all).await;
    peer.stream.shutdown().await.expect("half closed");
    for status in [200, 200, 404] {
        assert_eq!(peer.response("what was asked").await.status(), status);
    }
    assert_eq!(peer.next().await, Event::Closed);
}

#[tokio::test]
async fn connection_close_is_heeded() {
    let server = server(1).await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.ask("OPTIONS", "*", "Connection: close\r\n")
        .await
        .expect(200);
    assert_eq!(peer.next().await, Event::Closed);
}

#[tokio::test]
async fn a_storm_of_connections_leaves_nothing_behind() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let description = sdp::Description::parse(video().as_bytes()).unwrap();
    let publisher = server.publish("/own", description).expect("a path");
    let mut count = publisher.watch_readers();
    let mut good = Peer::connect(address(&server)).await;
    good.play_tcp("/live", 1).await;
    for round in 0..30 {
        let mut storm = Vec::new();
        for number in 0..10 {
            let mut peer = Peer::connect(address(&server)).await;
            match number % 5 {
                0 => {}
                1 => peer.send(b"DESCRIBE rtsp://127.0.0.1/li").await,
                2 => {
                    peer.play_tcp("/own", 1).await;
                }
                3 => peer.send_frame(9, &[0; 100]).await,
                _ => {
                    let uri = peer.uri(&format!("/storm/{round}/{number}"));
                    let request = peer.request(
                        "ANNOUNCE",
                        &uri,
                        "Content-Type: application/sdp\r\n",
                        av().as_bytes(),
                    );
                    peer.send(&request).await;
                }
            }
            if number % 2 == 0 {
                // With a reset instead of a farewell.
                let _ = peer.stream.set_zero_linger();
            }
            storm.push(peer);
        }
        drop(storm);
        let packet = track.key(400);
        source.send(0, &packet).await;
        assert_eq!(good.frame_on(0).await, packet);
    }
    within("no reader left", count.wait_for(|count| *count == 0))
        .await
        .expect("a count");
}

#[tokio::test]
async fn a_publisher_in_this_process_feeds_readers_and_ends_them() {
    let server = server(2).await;
    let description = sdp::Description::parse(av().as_bytes()).unwrap();
    let mut publisher = server.publish("/own", description.clone()).expect("a path");
    assert!(
        server.publish("/own", description.clone()).is_err(),
        "taken"
    );
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/own", 2).await;
    let mut count = publisher.watch_readers();
    within("a reader", count.wait_for(|count| *count == 1))
        .await
        .expect("a count");
    assert_eq!(publisher.readers(), 1);
    for _ in 0..20 {
        let packets = [picture.key(1000), sound.sound(160)];
        publisher.push(0, packets[0].clone().into());
        publisher.push(1, packets[1].clone().into());
        publisher.push(9, vec![0x80; 20].into());
        publisher.push(0, vec![0; 5].into());
        publisher.flush().await.expect("it runs");
        assert_eq!(reader.frame_on(0).await, packets[0]);
        assert_eq!(reader.frame_on(2).await, packets[1]);
    }
    drop(publisher);
    let events = reader.until_closed().await;
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Frame(1, packet) if has_rtcp(packet, 203)))
    );
    server.publish("/own", description).expect("free again");
}
