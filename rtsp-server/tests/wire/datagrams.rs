//! Media by UDP: from which ports and addresses they come, and in which order.

use std::net::SocketAddr;

use crate::{
    peer::{Message, Pair, Peer, server_ports},
    reading::{begin, mixed, promised},
    source::{
        Source, Track, address, av, has_rtcp, sequence, server, server_with, timestamp, video,
    },
};

/// Reads packets of a media over UDP, in order, until `count` are there.
async fn datagrams(pair: &Pair, count: usize) -> Vec<Vec<u8>> {
    let mut packets = Vec::with_capacity(count);
    while packets.len() < count {
        packets.push(pair.packet().await);
    }
    packets
}

pub(crate) async fn play_udp(
    reader: &mut Peer,
    path: &str,
    media: &[usize],
) -> (Message, Vec<Pair>, Vec<(u16, u16)>) {
    let (mut pairs, mut ports) = (Vec::new(), Vec::new());
    for index in media {
        let pair = Pair::local().await;
        let uri = format!("{}/trackID={index}", reader.uri(path));
        let answer = reader.setup(&uri, &pair.transport()).await.expect(200);
        ports.push(server_ports(&answer));
        pairs.push(pair);
    }
    let uri = reader.uri(path);
    let answer = reader.ask("PLAY", &uri, "").await.expect(200);
    (answer, pairs, ports)
}

#[tokio::test]
async fn udp_readers_get_every_byte_from_the_ports_that_they_were_told() {
    for threads in [1, 2] {
        let server = server(threads).await;
        let mut source = Source::tcp(&server, "/live", &av()).await;
        let (mut picture, mut sound) = (Track::video(), Track::audio());
        let mut sent = begin(&mut source, &mut picture, &mut sound).await;
        let mut readers = Vec::new();
        for _ in 0..2 {
            let mut reader = Peer::connect(address(&server)).await;
            let (answer, pairs, ports) = play_udp(&mut reader, "/live", &[0, 1]).await;
            assert_eq!(promised(&answer, 0).0, sequence(&sent[0].1));
            for (media, pair) in pairs.iter().enumerate() {
                let (report, from) = crate::peer::receive(&pair.rtcp).await;
                assert!(has_rtcp(&report, 200), "a report at once");
                assert_eq!(from, SocketAddr::new(address(&server).ip(), ports[media].1));
                let (packet, from) = crate::peer::receive(&pair.rtp).await;
                assert_eq!(from, SocketAddr::new(address(&server).ip(), ports[media].0));
                assert_eq!(
                    promised(&answer, media),
                    (sequence(&packet), timestamp(&packet))
                );
                let first = &sent.iter().find(|(of, _)| *of == media).unwrap().1;
                assert!(packet == *first, "the first packet of media {media}");
            }
            readers.push((reader, pairs));
        }
        // Few enough for the smallest receive buffer.
        let more = mixed(&mut picture, &mut sound, 60);
        source.send_all(&more).await;
        sent.extend(more);
        for (_, pairs) in &readers {
            for (media, pair) in pairs.iter().enumerate() {
                let wanted: Vec<&Vec<u8>> = sent
                    .iter()
                    .filter(|(of, _)| *of == media)
                    .map(|(_, packet)| packet)
                    .skip(1)
                    .collect();
                let got = datagrams(pair, wanted.len()).await;
                assert!(got.iter().eq(wanted), "media {media} byte for byte");
            }
        }
    }
}

#[tokio::test]
async fn datagrams_out_of_order_and_twice_come_out_in_order_and_once() {
    let server = server(2).await;
    let mut source = Source::udp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    let mut readers = Vec::new();
    for _ in 0..2 {
        let mut reader = Peer::connect(address(&server)).await;
        reader.play_tcp("/live", 2).await;
        readers.push(reader);
    }
    let packets = mixed(&mut picture, &mut sound, 90);
    // In order at first, then by threes backwards, each second one twice.
    for (at, three) in packets.chunks(3).enumerate() {
        let mut three: Vec<_> = three.iter().collect();
        if at > 0 {
            three.reverse();
        }
        for (media, packet) in three {
            source.send(*media, packet).await;
            if sequence(packet).is_multiple_of(2) {
                source.send(*media, packet).await;
            }
        }
    }
    for reader in &mut readers {
        let mut got = [Vec::new(), Vec::new()];
        while got[0].len() + got[1].len() < packets.len() {
            let (channel, packet) = reader.frame().await;
            if channel % 2 == 0 {
                got[usize::from(channel / 2)].push(packet);
            }
        }
        for (media, got) in got.iter().enumerate() {
            let wanted = packets.iter().filter(|(of, _)| *of == media);
            assert!(
                got.iter().eq(wanted.map(|(_, packet)| packet)),
                "media {media} in order, once"
            );
        }
    }
}

#[tokio::test]
async fn packets_and_reports_come_from_the_address_that_was_connected_to() {
    for threads in [1, 3] {
        let server = server_with(|config| {
            config.threads = threads;
            config.publish = rtsp_server::Access::Open;
            config.listen = vec!["0.0.0.0:0".parse().unwrap()];
        })
        .await;
        let port = address(&server).port();
        let there = SocketAddr::from(([127, 0, 0, 3], port));
        let mut source = Source::tcp_on(Peer::connect(there).await, "/live", &video()).await;
        let mut track = Track::video();
        source
            .send_report(0, &track.report(0xE000_0000_0000_0000))
            .await;
        source.send_all(&[(0, track.key(100))]).await;
        let mut reader = Peer::connect(there).await;
        let (_, pairs, ports) = play_udp(&mut reader, "/live", &[0]).await;
        let (_, from) = crate::peer::receive(&pairs[0].rtp).await;
        assert_eq!(from, SocketAddr::new(there.ip(), ports[0].0));
        let (report, from) = crate::peer::receive(&pairs[0].rtcp).await;
        assert!(has_rtcp(&report, 200));
        assert_eq!(
            from,
            SocketAddr::new(there.ip(), ports[0].1),
            "the report at the start"
        );
        drop(source);
        loop {
            let (report, from) = crate::peer::receive(&pairs[0].rtcp).await;
            assert_eq!(from, SocketAddr::new(there.ip(), ports[0].1));
            if has_rtcp(&report, 203) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn both_families_are_served_from_one_stream() {
    let server = server_with(|config| config.listen.push("[::1]:0".parse().unwrap())).await;
    let Some(six) = server.addresses().iter().find(|address| address.is_ipv6()) else {
        // No IPv6 here, and the server goes on without.
        return assert_eq!(server.skipped().count(), 1);
    };
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let first = track.key(100);
    source.send_all(&[(0, first.clone())]).await;
    let mut tcp = Peer::connect(*six).await;
    let uri = tcp.uri("/live");
    let answer = tcp.ask("DESCRIBE", &uri, "").await.expect(200);
    assert!(answer.text().contains("c=IN IP6 ::"), "{}", answer.text());
    tcp.play_tcp("/live", 1).await;
    assert_eq!(tcp.frame_on(0).await, first);
    let mut udp = Peer::connect(*six).await;
    let pair = Pair::bind(six.ip()).await;
    let track_uri = format!("{uri}/trackID=0");
    let answer = udp.setup(&track_uri, &pair.transport()).await.expect(200);
    udp.ask("PLAY", &uri, "").await.expect(200);
    let (packet, from) = crate::peer::receive(&pair.rtp).await;
    assert_eq!(packet, first);
    assert_eq!(from, SocketAddr::new(six.ip(), server_ports(&answer).0));
}
