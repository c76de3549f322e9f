//! PLAY of a published stream: every packet, in order, with what tells its time.

use std::io::{Read as _, Write as _};

use crate::{
    peer::{Event, Message, Peer},
    source::{
        Source, Track, address, av, be32, has_rtcp, rtcp_packets, sequence, server, server_with,
        timestamp, video,
    },
};

/// What a PLAY answer promises of one media.
#[track_caller]
pub(crate) fn promised(answer: &Message, media: usize) -> (u16, u32) {
    let all = answer.expect_header("RTP-Info");
    let one = all
        .split(',')
        .find(|one| one.contains(&format!("trackID={media}")))
        .unwrap_or_else(|| panic!("media {media} in RTP-Info: {all}"));
    let value = |name: &str| {
        let at = one.find(name).unwrap_or_else(|| panic!("{name} in {one}")) + name.len();
        let digits: String = one[at..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().expect("a number")
    };
    (value("seq=") as u16, value("rtptime="))
}

/// A key frame and some packets of two media, to be kept for those who join; the report before them.
pub(crate) async fn begin(
    source: &mut Source,
    video: &mut Track,
    sound: &mut Track,
) -> Vec<(usize, Vec<u8>)> {
    source
        .send_report(0, &video.report(0xE000_0000_0000_0000))
        .await;
    source
        .send_report(1, &sound.report(0xE000_0000_0000_0000))
        .await;
    let packets = mixed(video, sound, 8);
    source.send_all(&packets).await;
    packets
}

/// One key frame, and then pictures and sound by turns.
pub(crate) fn mixed(video: &mut Track, sound: &mut Track, count: usize) -> Vec<(usize, Vec<u8>)> {
    (0..count)
        .map(|at| match at {
            0 => (0, video.key(700)),
            at if at % 3 == 1 => (1, sound.sound(172)),
            at => (0, video.delta(100 + at * 37 % 1200)),
        })
        .collect()
}

/// More streams than share one turn of a shard, fed at the same moment: each reader gets its own and nothing else.
#[tokio::test]
async fn streams_that_are_fed_at_once_reach_their_own_readers() {
    let server = server(1).await;
    let mut streams = Vec::new();
    for number in 0..80 {
        let path = format!("/live/{number}");
        let source = Source::tcp(&server, &path, &video()).await;
        let mut readers = Vec::new();
        for _ in 0..2 {
            let mut reader = Peer::connect(address(&server)).await;
            reader.play_tcp(&path, 1).await;
            readers.push(reader);
        }
        streams.push((source, Track::video(), readers));
    }
    for round in 0..5 {
        let mut sent = Vec::new();
        for (number, (source, track, _)) in streams.iter_mut().enumerate() {
            let packet = match round {
                0 => track.key(200 + number),
                _ => track.delta(200 + number),
            };
            source.send(0, &packet).await;
            sent.push(packet);
        }
        for ((_, _, readers), packet) in streams.iter_mut().zip(&sent) {
            for reader in readers {
                assert_eq!(reader.frame_on(0).await, *packet, "round {round}");
            }
        }
    }
}

/// Publishes to a reader over TCP that joins after the first packets, and compares every byte.
async fn byte_exact_over_tcp(threads: usize, version: &'static str) {
    let server = server(threads).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    let mut sent = begin(&mut source, &mut picture, &mut sound).await;
    // As many readers as there are shards, so that one is on each.
    let mut readers = Vec::new();
    for _ in 0..threads.max(2) {
        let mut reader = Peer::connect(address(&server)).await;
        reader.version = version;
        let answer = reader.play_tcp("/live", 2).await;
        assert_eq!(
            answer.expect_header("Session"),
            reader.session.as_ref().unwrap()
        );
        assert!(
            answer.expect_header("Range").starts_with("npt="),
            "{answer:#?}"
        );
        assert_eq!(
            promised(&answer, 0),
            (sequence(&sent[0].1), timestamp(&sent[0].1))
        );
        let first_sound = &sent.iter().find(|(media, _)| *media == 1).unwrap().1;
        assert_eq!(
            promised(&answer, 1),
            (sequence(first_sound), timestamp(first_sound))
        );
        readers.push(reader);
    }
    let more = mixed(&mut picture, &mut sound, 400);
    source.send_all(&more).await;
    sent.extend(more);
    for reader in &mut readers {
        let mut reported = [false; 2];
        for (at, (media, packet)) in sent.iter().enumerate() {
            loop {
                let (channel, got) = reader.frame().await;
                if channel % 2 == 1 {
                    assert!(has_rtcp(&got, 200), "a sender report: {got:?}");
                    assert_eq!(
                        be32(&got, 4),
                        [picture.ssrc, sound.ssrc][usize::from(channel / 2)]
                    );
                    reported[usize::from(channel / 2)] = true;
                    continue;
                }
                assert_eq!(reported, [true; 2], "reports come before media");
                assert_eq!(usize::from(channel), media * 2, "packet {at}");
                assert!(got == *packet, "packet {at} is changed");
                break;
            }
        }
    }
}

#[tokio::test]
async fn tcp_readers_get_every_byte_in_order_on_one_shard() {
    byte_exact_over_tcp(1, "RTSP/1.0").await;
}

#[tokio::test]
async fn tcp_readers_get_every_byte_in_order_on_two_shards() {
    byte_exact_over_tcp(2, "RTSP/1.0").await;
}

#[tokio::test]
async fn tcp_readers_get_every_byte_in_order_on_four_shards() {
    byte_exact_over_tcp(4, "RTSP/1.0").await;
}

#[tokio::test]
async fn tcp_readers_of_2_0_get_every_byte_in_order() {
    byte_exact_over_tcp(2, "RTSP/2.0").await;
}

#[tokio::test]
async fn the_answer_to_play_comes_before_all_media() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    begin(&mut source, &mut picture, &mut sound).await;
    for _ in 0..4 {
        let mut reader = Peer::connect(address(&server)).await;
        let uri = format!("{}/trackID=0", reader.uri("/live"));
        reader
            .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
            .await
            .expect(200);
        // PLAY and what follows in one go: the answers keep their order and media does not come between the first two.
        let uri = reader.uri("/live");
        let mut both = reader.request("PLAY", &uri, "", b"");
        both.extend(reader.request("GET_PARAMETER", &uri, "", b""));
        reader.send(&both).await;
        let Event::Message(first) = reader.next().await else {
            panic!("media before the answer to PLAY");
        };
        assert_eq!(first.expect_header("CSeq"), "2");
        let second = reader.response("GET_PARAMETER").await;
        assert_eq!(second.expect_header("CSeq"), "3");
    }
}

#[tokio::test]
async fn two_hundred_readers_get_all() {
    const READERS: usize = 200;
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    let mut sent = begin(&mut source, &mut picture, &mut sound).await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = Peer::connect(address(&server)).await;
        reader.play_tcp("/live", 2).await;
        readers.push(reader);
    }
    let more = mixed(&mut picture, &mut sound, 150);
    source.send_all(&more).await;
    sent.extend(more);
    for (number, reader) in readers.iter_mut().enumerate() {
        for (at, (media, packet)) in sent.iter().enumerate() {
            loop {
                let (channel, got) = reader.frame().await;
                if channel % 2 == 0 {
                    assert_eq!(
                        usize::from(channel),
                        media * 2,
                        "reader {number}, packet {at}"
                    );
                    assert!(got == *packet, "reader {number}, packet {at}");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn reports_of_the_publisher_reach_readers_and_the_servers_own_are_right() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let ntp = 0xE123_4567_0000_0000_u64;
    let anchor = track.timestamp;
    source.send_report(0, &track.report(ntp)).await;
    source
        .send_all(&[(0, track.key(300)), (0, track.delta(300))])
        .await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 1).await;
    // At once: the publisher's mapping, carried on to now.
    let (channel, report) = reader.frame().await;
    assert_eq!((channel, report[1]), (1, 200));
    let at = (u64::from(be32(&report, 8)) << 32) | u64::from(be32(&report, 12));
    let elapsed = (at - ntp) as f64 / 4_294_967_296.0;
    assert!((0.0..60.0).contains(&elapsed), "{elapsed} s");
    let ticks = f64::from(be32(&report, 16).wrapping_sub(anchor));
    assert!(
        (ticks - elapsed * 90_000.0).abs() < 90.0,
        "{ticks} ticks in {elapsed} s"
    );
    assert!(
        rtcp_packets(&report).iter().any(|packet| packet[1] == 202),
        "with a name"
    );
    // Later ones as they are.
    let later = track.report(ntp + (2 << 32));
    source.send_report(0, &later).await;
    source.send_all(&[(0, track.delta(300))]).await;
    loop {
        let (channel, packet) = reader.frame().await;
        if channel == 1 && packet == later {
            break;
        }
        assert!(
            sequence(&packet) != track.sequence.wrapping_sub(1) || channel != 0,
            "too late"
        );
    }
}

#[tokio::test]
async fn the_demo_plays_from_a_key_frame() {
    let server = server_with(|config| config.demo = true).await;
    // It is there for the first who comes: nothing but the server's own threads has run since.
    let mut first = std::net::TcpStream::connect(address(&server)).expect("a connection");
    first
        .set_read_timeout(Some(crate::peer::PATIENCE))
        .expect("a timeout");
    first
        .write_all(b"DESCRIBE rtsp://127.0.0.1/demo RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        .expect("asked");
    let mut status = [0; 12];
    first.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"RTSP/1.0 200");
    let mut reader = Peer::connect(address(&server)).await;
    let answer = reader.play_tcp("/demo", 2).await;
    let mut first = [None, None];
    let mut reported = [false; 2];
    while first.contains(&None) {
        let (channel, packet) = reader.frame().await;
        let media = usize::from(channel / 2);
        match channel % 2 {
            0 if first[media].is_none() => {
                assert!(
                    reported[media],
                    "a report before the first packet of media {media}"
                );
                first[media] = Some((sequence(&packet), timestamp(&packet)));
            }
            1 => reported[media] |= has_rtcp(&packet, 200),
            _ => {}
        }
    }
    let promise = answer.expect_header("RTP-Info");
    for (media, first) in first.iter().enumerate() {
        let (sequence, _) = first.expect("a packet");
        let wanted = format!("trackID={media};seq={sequence}");
        assert!(promise.contains(&wanted), "{wanted} in {promise}");
    }
}

#[tokio::test]
async fn formats_that_nobody_knows_pass_untouched() {
    let sdp = "v=0\r\no=- 3 1 IN IP4 127.0.0.1\r\ns=Odd\r\nt=0 0\r\nm=application 0 RTP/AVP 107\r\n\
               a=rtpmap:107 X-NOBODY-KNOWS/12345\r\na=fmtp:107 some=thing;else\r\na=x-vendor:kept\r\na=control:streamid=0\r\n";
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/odd", sdp).await;
    let mut reader = Peer::connect(address(&server)).await;
    let uri = reader.uri("/odd");
    let answer = reader.ask("DESCRIBE", &uri, "").await.expect(200);
    for line in [
        "a=rtpmap:107 X-NOBODY-KNOWS/12345",
        "a=fmtp:107 some=thing;else",
        "a=x-vendor:kept",
    ] {
        assert!(
            answer.text().lines().any(|known| known == line),
            "{line} in {}",
            answer.text()
        );
    }
    reader.play_tcp("/odd", 1).await;
    let head = |first: u8, sequence: u8| -> Vec<u8> {
        vec![first, 107, 0, sequence, 0, 0, 0, 9, 1, 2, 3, 4]
    };
    let packets = [
        // No payload, padding, contributing sources, an extension, all of it, and the largest that a frame can carry.
        head(0x80, 1),
        [head(0xA0, 2), vec![7, 7, 0, 0, 3]].concat(),
        [head(0x82, 3), vec![0xEE; 8], vec![1]].concat(),
        [
            head(0x90, 4),
            vec![0xBE, 0xDE, 0, 1, 9, 9, 9, 9],
            vec![2; 30],
        ]
        .concat(),
        [
            head(0xB1, 5),
            vec![0xEE; 4],
            vec![0xBE, 0xDE, 0, 0],
            vec![3; 30],
            vec![0, 2],
        ]
        .concat(),
        [head(0x80, 6), vec![4; 65_535 - 12]].concat(),
    ];
    for packet in &packets {
        source.send(0, packet).await;
        assert!(reader.frame_on(0).await == *packet, "{:?}", &packet[..12]);
    }
}

#[tokio::test]
async fn a_wish_for_a_key_frame_reaches_the_publisher_but_not_many_times() {
    for threads in [1, 3] {
        let server = server(threads).await;
        let mut source = Source::tcp(&server, "/live", &video()).await;
        let mut track = Track::video();
        source.send_all(&[(0, track.key(100))]).await;
        let mut wish = vec![0x80, 201, 0, 1, 0, 0, 0, 9, 0x81, 206, 0, 2, 0, 0, 0, 9];
        wish.extend_from_slice(&track.ssrc.to_be_bytes());
        for _ in 0..3 {
            let mut reader = Peer::connect(address(&server)).await;
            reader.play_tcp("/live", 1).await;
            for _ in 0..20 {
                reader.send_frame(1, &wish).await;
            }
            reader.sync().await;
        }
        let mut wishes = 0;
        // A report follows within some seconds, and the wishes come before it or soon after.
        loop {
            let (channel, compound) = source.peer.frame().await;
            assert_eq!(channel, 1);
            let packets = rtcp_packets(&compound);
            match packets.iter().find(|packet| packet[1] == 206) {
                Some(wish) => {
                    wishes += 1;
                    assert_eq!(be32(wish, 8), track.ssrc);
                }
                None if wishes > 0 => break,
                None => {}
            }
        }
        assert!(
            (1..10).contains(&wishes),
            "{wishes} wishes of 60 were handed on"
        );
    }
}
