//! ANNOUNCE and RECORD: whose a path is, what becomes of its readers, and what the publisher is told.

use std::time::Duration;

use crate::{
    peer::{Event, Pair, Peer, within},
    source::{
        Source, Track, address, announce, audio, av, be32, has_rtcp, rtcp_packets, server,
        server_with, video,
    },
};

/// Publishes as soon as the path is free.
async fn publish_again(server: &rtsp_server::ServerHandle, path: &str) -> Source {
    let free = async {
        loop {
            let mut peer = Peer::connect(address(server)).await;
            let status = announce(&mut peer, path, &video()).await.status();
            if status == 200 {
                return;
            }
            assert_eq!(status, 403);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("a free path", free).await;
    // The connection that asked is gone again.
    let taken = async {
        loop {
            let mut peer = Peer::connect(address(server)).await;
            if announce(&mut peer, path, &video()).await.status() == 200 {
                return Source::tcp_on(peer, path, &video()).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the path", taken).await
}

#[tokio::test]
async fn a_taken_path_is_refused_in_words_and_its_publisher_undisturbed() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 2).await;
    for path in ["/live", "/live/"] {
        let mut second = Peer::connect(address(&server)).await;
        let answer = announce(&mut second, path, &video()).await.expect(403);
        assert!(answer.text().contains("taken"), "{answer:#?}");
        assert_eq!(answer.expect_header("Content-Type"), "text/plain");
        // It may go elsewhere on the same connection.
        let mut elsewhere = Source::tcp_on(second, "/elsewhere", &video()).await;
        elsewhere.send(0, &Track::video().key(100)).await;
        elsewhere.teardown().await;
    }
    let packet = Track::video().key(77);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
}

#[tokio::test]
async fn an_announced_path_is_taken_before_anybody_records() {
    let server = server(2).await;
    let mut first = Peer::connect(address(&server)).await;
    announce(&mut first, "/live", &video()).await.expect(200);
    let mut second = Peer::connect(address(&server)).await;
    announce(&mut second, "/live", &video()).await.expect(403);
    // Not yet there for readers.
    let uri = second.uri("/live");
    second.ask("DESCRIBE", &uri, "").await.expect(404);
    // Announced anew by the same: it is still its own.
    announce(&mut first, "/live", &av()).await.expect(200);
    drop(first);
    drop(publish_again(&server, "/live").await);
}

/// What a reader sees of the end of its stream.
async fn told_of_the_end(reader: &mut Peer, version: &str) {
    let session = reader.session.clone().expect("a session");
    let mut byes = Vec::new();
    loop {
        match reader.next().await {
            Event::Frame(channel, packet) if channel % 2 == 1 && has_rtcp(&packet, 203) => {
                let bye = rtcp_packets(&packet)
                    .into_iter()
                    .find(|packet| packet[1] == 203)
                    .map(|bye| be32(bye, 4));
                byes.push((channel, bye.expect("a source")));
            }
            Event::Frame(..) => assert!(byes.is_empty(), "media after the BYE"),
            Event::Message(message) if message.first_line.starts_with("PLAY_NOTIFY ") => {
                // RFC 7826 §13.5.1: the end of the stream is said before that of the session.
                assert_eq!(version, "RTSP/2.0", "{message:#?}");
                assert_eq!(message.expect_header("Notify-Reason"), "end-of-stream");
            }
            Event::Message(message) => {
                assert_eq!(version, "RTSP/2.0", "{message:#?}");
                assert!(message.first_line.starts_with("TEARDOWN "), "{message:#?}");
                assert_eq!(message.expect_header("Session"), session);
                message.expect_header("CSeq");
                break;
            }
            Event::Closed => {
                assert_eq!(version, "RTSP/1.0");
                break;
            }
        }
    }
    byes.sort_unstable();
    assert_eq!(
        byes,
        [(1, Track::video().ssrc), (3, Track::audio().ssrc)],
        "a BYE for each media"
    );
}

#[tokio::test]
async fn readers_are_told_when_the_publisher_goes_and_the_path_is_free() {
    for threads in [1, 3] {
        let server = server(threads).await;
        for teardown in [true, false] {
            for udp in [false, true] {
                let mut source = match udp {
                    false => Source::tcp(&server, "/live", &av()).await,
                    true => Source::udp(&server, "/live", &av()).await,
                };
                let mut readers = Vec::new();
                for number in 0..4 {
                    let mut reader = Peer::connect(address(&server)).await;
                    reader.version = ["RTSP/1.0", "RTSP/2.0"][number % 2];
                    reader.play_tcp("/live", 2).await;
                    readers.push(reader);
                }
                let (mut picture, mut sound) = (Track::video(), Track::audio());
                source.send(0, &picture.key(100)).await;
                source.send(1, &sound.sound(100)).await;
                for reader in &mut readers {
                    let mut got = [false; 2];
                    while got != [true; 2] {
                        let (channel, _) = reader.frame().await;
                        got[usize::from(channel / 2)] |= channel % 2 == 0;
                    }
                }
                match (teardown, udp) {
                    // A UDP session outlives its connection: only TEARDOWN and the timeout end it.
                    (_, true) | (true, _) => source.teardown().await,
                    (false, false) => drop(source),
                }
                for reader in &mut readers {
                    let version = reader.version;
                    told_of_the_end(reader, version).await;
                }
                assert_eq!(server.streams(), 0);
            }
        }
        publish_again(&server, "/live").await;
    }
}

#[tokio::test]
async fn udp_readers_get_their_bye_by_udp() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut reader = Peer::connect(address(&server)).await;
    let pair = Pair::local().await;
    let uri = format!("{}/trackID=0", reader.uri("/live"));
    reader.setup(&uri, &pair.transport()).await.expect(200);
    let uri = reader.uri("/live");
    reader.ask("PLAY", &uri, "").await.expect(200);
    let packet = track.key(100);
    source.send(0, &packet).await;
    assert_eq!(pair.packet().await, packet);
    drop(source);
    while !has_rtcp(&pair.report().await, 203) {}
    reader.until_closed().await;
}

#[tokio::test]
async fn a_silent_publisher_is_timed_out_and_its_path_free() {
    let server = server_with(|config| config.limits.session_timeout = Duration::from_secs(1)).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    assert_eq!(
        source
            .peer
            .ask("OPTIONS", "*", "")
            .await
            .expect(200)
            .status(),
        200
    );
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 2).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    source.send(0, &picture.key(100)).await;
    source.send(1, &sound.sound(100)).await;
    // Nothing more is sent.
    told_of_the_end(&mut reader, "RTSP/1.0").await;
    source.peer.until_closed().await;
    publish_again(&server, "/live").await;
}

#[tokio::test]
async fn a_publisher_that_dies_over_udp_leaves_its_path_free() {
    // The session timeout alone would keep the path for a minute: longer than any camera takes to come back.
    let server = server(2).await;
    let mut source = Source::udp(&server, "/live", &av()).await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 2).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    source.send(0, &picture.key(100)).await;
    source.send(1, &sound.sound(100)).await;
    let mut got = [false; 2];
    while got != [true; 2] {
        let (channel, _) = reader.frame().await;
        got[usize::from(channel / 2)] |= channel % 2 == 0;
    }
    drop(source);
    told_of_the_end(&mut reader, "RTSP/1.0").await;
    publish_again(&server, "/live").await;
}

#[tokio::test]
async fn nobody_publishes_over_what_the_server_serves() {
    let server = server_with(|config| {
        config.demo = true;
        config.files = Some(std::env::temp_dir());
        config.pulls = vec![rtsp_server::Pull::new("/cam", "rtsp://127.0.0.1:9/")];
    })
    .await;
    let mut peer = Peer::connect(address(&server)).await;
    for path in ["/files/a.mp4", "/files/b/c", "/cam", "/cam/", "/demo"] {
        let refused = announce(&mut peer, path, &video()).await;
        assert_eq!(refused.status(), 403, "{path}");
    }
    for path in ["/files", "/camera", "/demonstration"] {
        announce(&mut peer, path, &video()).await.expect(200);
    }
}

#[tokio::test]
async fn the_publisher_is_told_of_loss_as_it_is() {
    let server = server(2).await;
    let mut source = Source::udp(&server, "/live", &audio()).await;
    let mut track = Track::audio();
    let first = track.sequence;
    source
        .send_report(0, &track.report(0xE000_0000_1234_5678))
        .await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 1).await;
    let mut sent = Vec::new();
    for at in 0..100 {
        let packet = track.sound(100);
        // Ten are lost, among them two in a row; the first and the last are there.
        if at % 11 == 5 || at == 50 {
            continue;
        }
        source.send(0, &packet).await;
        sent.push(packet);
    }
    let lost = 100 - sent.len() as u32;
    for packet in &sent {
        assert_eq!(
            reader.frame_on(0).await,
            *packet,
            "what is lost delays the rest but little"
        );
    }
    let (pair, _, _) = &source.ways[0];
    loop {
        let report = pair.report().await;
        let packets = rtcp_packets(&report);
        assert_eq!(packets[0][1], 201, "a receiver report");
        assert!(packets.iter().any(|packet| packet[1] == 202), "with a name");
        let block = &packets[0][8..32];
        assert_eq!(be32(block, 0), track.ssrc);
        if be32(block, 8) != u32::from(first) + 99 {
            // Written while packets were still coming in.
            continue;
        }
        assert_eq!(be32(block, 4) & 0xFF_FFFF, lost, "lost in all");
        assert_eq!(
            be32(block, 16),
            0x0000_1234,
            "the middle of the report's time"
        );
        assert_ne!(be32(block, 20), 0, "since then");
        break;
    }
}

#[tokio::test]
async fn interleaved_publishers_get_reports_too_and_nothing_is_lost() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &audio()).await;
    let mut track = Track::audio();
    for _ in 0..50 {
        source.send(0, &track.sound(100)).await;
    }
    let (channel, report) = source.peer.frame().await;
    assert_eq!((channel, report[1]), (1, 201));
    assert_eq!(be32(&report, 8), track.ssrc);
    assert_eq!(be32(&report, 12), 0, "nothing lost");
    assert_eq!(be32(&report, 16), u32::from(track.sequence) - 1);
}

#[tokio::test]
async fn descriptions_that_cannot_be_served_are_refused() {
    let server = server(1).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let no_media = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    let kind = "Content-Type: application/sdp\r\n";
    peer.ask_with("ANNOUNCE", &uri, kind, no_media.as_bytes())
        .await
        .expect(400);
    peer.ask_with("ANNOUNCE", &uri, kind, b"\xff\xfe\x00garbage")
        .await
        .expect(400);
    peer.ask_with("ANNOUNCE", &uri, kind, b"").await.expect(400);
    peer.ask_with(
        "ANNOUNCE",
        &uri,
        "Content-Type: image/png\r\n",
        av().as_bytes(),
    )
    .await
    .expect(415);
    let media = "m=audio 0 RTP/AVP 0\r\n".repeat(200);
    peer.ask_with(
        "ANNOUNCE",
        &uri,
        kind,
        format!("{no_media}{media}").as_bytes(),
    )
    .await
    .expect(400);
    // None of them holds the path.
    announce(&mut peer, "/live", &av()).await.expect(200);
    // SETUP of what was not announced.
    let uri = format!("{}/streamid=7", peer.uri("/live"));
    peer.setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
        .await
        .expect(404);
    // RTSP/2.0 has no ANNOUNCE and no RECORD.
    let mut peer = Peer::connect(address(&server)).await;
    peer.version = "RTSP/2.0";
    announce(&mut peer, "/other", &av()).await.expect(501);
}

#[tokio::test]
async fn a_publisher_may_fall_back_from_one_transport_to_another() {
    let server = server(1).await;
    let mut peer = Peer::connect(address(&server)).await;
    announce(&mut peer, "/live", &video()).await.expect(200);
    let uri = format!("{}/streamid=0", peer.uri("/live"));
    peer.setup(&uri, "RTP/AVP;multicast;port=5000-5001;mode=record")
        .await
        .expect(461);
    peer.setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
        .await
        .expect(200);
    let uri = peer.uri("/live");
    peer.ask("RECORD", &uri, "").await.expect(200);
    assert_eq!(server.streams(), 1);
}

#[tokio::test]
async fn datagrams_of_strangers_never_reach_readers() {
    let server = server(2).await;
    let mut source = Source::udp(&server, "/live", &audio()).await;
    let mut track = Track::audio();
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 1).await;
    let stranger = Pair::local().await;
    let elsewhere = Pair::bind([127, 0, 0, 2]).await;
    let (rtp, rtcp) = (source.ways[0].1, source.ways[0].2);
    for _ in 0..200 {
        let mut forged = track.clone();
        forged.sequence = forged.sequence.wrapping_add(5);
        for socket in [&stranger.rtp, &stranger.rtcp, &elsewhere.rtp] {
            socket.send_to(&forged.sound(100), rtp).await.expect("sent");
            socket.send_to(&forged.report(1), rtcp).await.expect("sent");
            // A goodbye in the publisher's name.
            let mut bye = vec![0x80, 201, 0, 1, 0, 0, 0, 0, 0x81, 203, 0, 1];
            bye.extend_from_slice(&track.ssrc.to_be_bytes());
            socket.send_to(&bye, rtcp).await.expect("sent");
        }
        let packet = track.sound(120);
        source.send(0, &packet).await;
        // The publisher's own socket sends garbage, too.
        source.ways[0]
            .0
            .rtp
            .send_to(b"nonsense", rtp)
            .await
            .expect("sent");
        assert_eq!(reader.frame_on(0).await, packet);
    }
}

/// Packets of a source arrive at the reader again, at the latest with the last of these.
async fn recovers(source: &mut Source, reader: &mut Peer, track: &mut Track) {
    let packets: Vec<_> = (0..40).map(|_| track.sound(90)).collect();
    for packet in &packets {
        source.send(0, packet).await;
    }
    let last = packets.last().expect("packets");
    while reader.frame_on(0).await != *last {}
}

#[tokio::test]
async fn a_publisher_that_jumps_or_begins_anew_is_followed() {
    for udp in [false, true] {
        let server = server(2).await;
        let mut source = match udp {
            true => Source::udp(&server, "/live", &audio()).await,
            false => Source::tcp(&server, "/live", &audio()).await,
        };
        let mut track = Track::audio();
        track.sequence = 30_000;
        let mut reader = Peer::connect(address(&server)).await;
        reader.play_tcp("/live", 1).await;
        recovers(&mut source, &mut reader, &mut track).await;
        for (what, jump) in [("on", 9_000_u16), ("back", 50_000), ("far", 32_768)] {
            track.sequence = track.sequence.wrapping_add(jump);
            within(what, recovers(&mut source, &mut reader, &mut track)).await;
        }
        // Another source, with numbers just below.
        track.ssrc = 0x5555_5555;
        track.sequence = track.sequence.wrapping_sub(60);
        within(
            "another source",
            recovers(&mut source, &mut reader, &mut track),
        )
        .await;
    }
}

#[tokio::test]
async fn silent_udp_readers_end_and_those_who_report_stay() {
    let server = server_with(|config| config.limits.session_timeout = Duration::from_secs(1)).await;
    let mut source = Source::tcp(&server, "/live", &audio()).await;
    let mut track = Track::audio();
    let mut readers = Vec::new();
    for _ in 0..2 {
        let mut reader = Peer::connect(address(&server)).await;
        let pair = Pair::local().await;
        let uri = format!("{}/trackID=0", reader.uri("/live"));
        let answer = reader.setup(&uri, &pair.transport()).await.expect(200);
        let uri = reader.uri("/live");
        reader.ask("PLAY", &uri, "").await.expect(200);
        let to = (address(&server).ip(), crate::peer::server_ports(&answer).1);
        readers.push((reader, pair, to));
    }
    let [(mut silent, ended, _), (_alive, pair, to)] = <[_; 2]>::try_from(readers).ok().unwrap();
    let report = [0x80, 201, 0, 1, 0, 0, 0, 5];
    let bye = async {
        loop {
            source.send(0, &track.sound(100)).await;
            pair.rtcp.send_to(&report, to).await.expect("sent");
            pair.packet().await;
            let heard = tokio::time::timeout(Duration::from_millis(300), ended.report()).await;
            if heard.is_ok_and(|report| has_rtcp(&report, 203)) {
                return;
            }
        }
    };
    within("the silent one's end", bye).await;
    silent.until_closed().await;
    let packet = track.sound(100);
    source.send(0, &packet).await;
    while pair.packet().await != packet {}
}

#[tokio::test]
async fn who_announced_one_path_may_read_another_that_begins_alike() {
    let server = server(1).await;
    let mut other = Source::tcp(&server, "/live2", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    announce(&mut peer, "/live", &video()).await.expect(200);
    peer.play_tcp("/live2", 1).await;
    let packet = Track::video().key(100);
    other.send(0, &packet).await;
    assert_eq!(peer.frame_on(0).await, packet);
    // What was announced is still there to be set up.
    peer.session = None;
    let uri = format!("{}/streamid=0", peer.uri("/live"));
    peer.setup(&uri, "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record")
        .await
        .expect(200);
}

#[tokio::test]
async fn the_root_is_a_path_like_any_other() {
    let server = server(1).await;
    let mut peer = Peer::connect(address(&server)).await;
    let root = format!("rtsp://{}", address(&server));
    peer.ask_with(
        "ANNOUNCE",
        &root,
        "Content-Type: application/sdp\r\n",
        video().as_bytes(),
    )
    .await
    .expect(200);
    let uri = format!("{root}/streamid=0");
    peer.setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
        .await
        .expect(200);
    peer.ask("RECORD", &root, "").await.expect(200);
    let mut reader = Peer::connect(address(&server)).await;
    reader.ask("DESCRIBE", &root, "").await.expect(200);
    let uri = format!("{root}/trackID=0");
    reader
        .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await
        .expect(200);
    reader.ask("PLAY", &root, "").await.expect(200);
    let packet = Track::video().key(100);
    peer.send_frame(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
}
