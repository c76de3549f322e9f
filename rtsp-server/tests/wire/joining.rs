//! Where a reader starts, and where it goes on after a pause.

use crate::{
    peer::{Message, Peer},
    source::{
        Source, Track, address, audio, av, be32, is_key, sequence, server, server_with, timestamp,
        video,
    },
};

fn promised_sequence(answer: &Message) -> Option<u16> {
    let info = answer.header("RTP-Info")?;
    let digits = info.split("seq=").nth(1)?;
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}

async fn reader(server: &rtsp_server::ServerHandle, media: usize) -> (Peer, Message) {
    let mut peer = Peer::connect(address(server)).await;
    let answer = peer.play_tcp("/live", media).await;
    (peer, answer)
}

#[tokio::test]
async fn who_joins_late_gets_the_kept_key_frame_at_once() {
    for threads in [1, 2] {
        let server = server(threads).await;
        let mut source = Source::tcp(&server, "/live", &video()).await;
        let mut track = Track::video();
        // Without a key frame there is nothing to start from but what comes next.
        source
            .send_all(&[(0, track.delta(500)), (0, track.delta(500))])
            .await;
        let (mut early, answer) = reader(&server, 1).await;
        assert_eq!(promised_sequence(&answer), Some(track.sequence));
        for group in 0..3 {
            let mut packets = vec![(0, track.key(1200))];
            packets.extend((0..20).map(|_| (0, track.delta(900))));
            source.send_all(&packets).await;
            // Nothing is sent now: what comes is what was kept.
            for _ in 0..threads {
                let (mut late, answer) = reader(&server, 1).await;
                assert_eq!(
                    promised_sequence(&answer),
                    Some(sequence(&packets[0].1)),
                    "group {group}"
                );
                for (_, packet) in &packets {
                    assert!(late.frame_on(0).await == *packet);
                }
            }
            for (_, packet) in &packets {
                assert!(early.frame_on(0).await == *packet);
            }
        }
    }
}

#[tokio::test]
async fn a_key_frame_of_many_packets_is_started_at_its_first() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    source
        .send_all(&[(0, track.key(100)), (0, track.delta(100))])
        .await;
    // Parameter sets, then slices: one picture, one timestamp.
    let time = track.timestamp;
    let mut picture = Vec::new();
    for first in [0x67, 0x68, 0x65, 0x65] {
        let mut packet = track.key(400);
        packet[4..8].copy_from_slice(&time.to_be_bytes());
        packet[12] = first;
        picture.push((0, packet));
    }
    source.send_all(&picture).await;
    let (mut late, answer) = reader(&server, 1).await;
    assert_eq!(promised_sequence(&answer), Some(sequence(&picture[0].1)));
    for (_, packet) in &picture {
        assert!(late.frame_on(0).await == *packet);
    }
}

#[tokio::test]
async fn sound_alone_starts_live() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &audio()).await;
    let mut track = Track::audio();
    let old: Vec<_> = (0..50).map(|_| (0, track.sound(100))).collect();
    source.send_all(&old).await;
    let (mut late, answer) = reader(&server, 1).await;
    let next = track.sound(100);
    assert_eq!(promised_sequence(&answer), Some(sequence(&next)));
    source.send(0, &next).await;
    assert_eq!(late.frame_on(0).await, next);
}

#[tokio::test]
async fn a_server_may_be_told_to_start_live() {
    let server = server_with(|config| config.start = rtsp_server::Start::Live).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    source
        .send_all(&[(0, track.key(100)), (0, track.delta(100))])
        .await;
    let (mut late, _) = reader(&server, 1).await;
    let next = track.delta(150);
    source.send(0, &next).await;
    assert_eq!(late.frame_on(0).await, next);
}

#[tokio::test]
async fn sound_that_came_with_the_key_frame_comes_with_it() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    source
        .send_all(&[(1, sound.sound(80)), (0, picture.key(100))])
        .await;
    let kept = [
        (1, sound.sound(81)),
        (0, picture.delta(82)),
        (1, sound.sound(83)),
    ];
    source.send_all(&kept).await;
    let (mut late, answer) = reader(&server, 2).await;
    let info = answer.expect_header("RTP-Info");
    assert!(
        info.contains(&format!(
            "seq={};rtptime={}",
            sequence(&kept[0].1),
            timestamp(&kept[0].1)
        )),
        "{info}"
    );
    assert!(is_key(&late.frame_on(0).await));
    assert_eq!(late.frame_on(2).await, kept[0].1);
}

/// All RTP packets up to this one.
async fn until(peer: &mut Peer, last: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    loop {
        packets.push(peer.frame_on(0).await);
        if packets.last().is_some_and(|packet| packet == last) {
            return packets;
        }
    }
}

#[tokio::test]
async fn play_after_pause_goes_on_where_it_was_and_never_back() {
    for threads in [1, 2] {
        let server = server(threads).await;
        let mut source = Source::tcp(&server, "/live", &video()).await;
        let mut track = Track::video();
        let mut sent = vec![(0, track.key(500))];
        sent.extend((0..5).map(|_| (0, track.delta(500))));
        source.send_all(&sent).await;
        let mut peers = Vec::new();
        for _ in 0..2 {
            let (mut peer, _) = reader(&server, 1).await;
            until(&mut peer, &sent.last().unwrap().1).await;
            peers.push(peer);
        }
        for round in 0..4 {
            for peer in &mut peers {
                let uri = peer.uri("/live");
                peer.ask("PAUSE", &uri, "").await.expect(200);
            }
            // A key frame among what comes meanwhile makes no difference: all of it is still kept.
            let mut packets: Vec<_> = (0..7).map(|_| (0, track.delta(300))).collect();
            packets[3] = (0, track.key(300));
            packets[4..]
                .iter_mut()
                .for_each(|(_, packet)| *packet = track.delta(300));
            // Sequence numbers as if three had been lost: readers see what the publisher sent.
            source.send_all(&packets).await;
            for peer in &mut peers {
                let uri = peer.uri("/live");
                let answer = peer.ask("PLAY", &uri, "").await.expect(200);
                let promise = promised_sequence(&answer);
                assert_eq!(promise, Some(sequence(&packets[0].1)), "round {round}");
                let got = until(peer, &packets.last().unwrap().1).await;
                assert!(
                    got.iter().eq(packets.iter().map(|(_, packet)| packet)),
                    "round {round}"
                );
            }
        }
    }
}

#[tokio::test]
async fn play_after_a_pause_that_outlasted_the_ring_starts_at_a_key_frame() {
    let server = server_with(|config| config.limits.ring = 20_000).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let first = track.key(1000);
    source.send_all(&[(0, first.clone())]).await;
    let (mut peer, _) = reader(&server, 1).await;
    until(&mut peer, &first).await;
    let uri = peer.uri("/live");
    peer.ask("PAUSE", &uri, "").await.expect(200);
    let mut newest = 0;
    for at in 0..200 {
        let packet = if at % 10 == 0 {
            track.key(1000)
        } else {
            track.delta(1000)
        };
        if at % 10 == 0 {
            newest = sequence(&packet);
        }
        source.send_all(&[(0, packet)]).await;
    }
    let answer = peer.ask("PLAY", &uri, "").await.expect(200);
    assert_eq!(promised_sequence(&answer), Some(newest));
    let packet = peer.frame_on(0).await;
    assert!(is_key(&packet));
    assert_eq!(sequence(&packet), newest);
}

#[tokio::test]
async fn play_while_playing_says_where_it_is_and_goes_on() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let first = track.key(500);
    source.send_all(&[(0, first.clone())]).await;
    for version in ["RTSP/1.0", "RTSP/2.0"] {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        peer.play_tcp("/live", 1).await;
        while peer.frame_on(0).await != first {}
        let uri = peer.uri("/live");
        let answer = peer.ask("PLAY", &uri, "").await.expect(200);
        assert_eq!(promised_sequence(&answer), Some(track.sequence));
    }
    let (mut peer, _) = reader(&server, 1).await;
    let uri = peer.uri("/live");
    peer.ask("PLAY", &uri, "").await.expect(200);
    let next = track.delta(500);
    source.send(0, &next).await;
    let got = until(&mut peer, &next).await;
    assert_eq!(got, [first, next], "nothing twice");
}

#[tokio::test]
async fn a_publisher_without_reports_is_reported_for() {
    let server = server(1).await;
    let description = sdp::Description::parse(audio().as_bytes()).expect("a description");
    let mut publisher = server.publish("/live", description).expect("a path");
    let mut track = Track::audio();
    publisher.push(0, track.sound(100).into());
    publisher.flush().await.expect("it runs");
    let mut peer = Peer::connect(address(&server)).await;
    // The server's own source has reports from its first packet on.
    let described = peer.uri("/live");
    peer.ask("DESCRIBE", &described, "").await.expect(200);
    peer.play_tcp("/live", 1).await;
    let (channel, report) = peer.frame().await;
    assert_eq!((channel, report[1]), (1, 200));
    assert_eq!(be32(&report, 4), track.ssrc);
}

#[tokio::test]
async fn who_begins_between_a_report_and_the_first_packet_is_told_the_time() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    // As FFmpeg does: the report of a media goes ahead of its first packet.
    source
        .send_report(0, &track.report(0xE123_4567_0000_0000))
        .await;
    source.send_all(&[]).await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.play_tcp("/live", 1).await;
    source.send_all(&[(0, track.key(300))]).await;
    let (channel, report) = peer.frame().await;
    assert_eq!((channel, report[1]), (1, 200));
    assert_eq!(be32(&report, 4), track.ssrc);
}
