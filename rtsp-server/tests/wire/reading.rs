//! DESCRIBE, SETUP and PLAY of a published stream.

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
};

use crate::{
    peer::{Event, Message, Pair, Peer, server_ports},
    source::{
        FMTP, Source, Track, address, audio, av, be32, has_rtcp, is_key, rtcp_packets, sequence,
        server, server_with, timestamp, video,
    },
};

/// What a PLAY answer promises of one media.
#[track_caller]
fn promised(answer: &Message, media: usize) -> (u16, u32) {
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
async fn begin(source: &mut Source, video: &mut Track, sound: &mut Track) -> Vec<(usize, Vec<u8>)> {
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
fn mixed(video: &mut Track, sound: &mut Track, count: usize) -> Vec<(usize, Vec<u8>)> {
    (0..count)
        .map(|at| match at {
            0 => (0, video.key(700)),
            at if at % 3 == 1 => (1, sound.sound(172)),
            at => (0, video.delta(100 + at * 37 % 1200)),
        })
        .collect()
}

#[tokio::test]
async fn describe_tells_what_was_announced() {
    let server = server(2).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut peer = Peer::connect(address(&server)).await;
    for path in ["/live", "/live/"] {
        let uri = peer.uri(path);
        let answer = peer
            .ask("DESCRIBE", &uri, "Accept: application/sdp\r\n")
            .await
            .expect(200);
        assert_eq!(answer.first_line, "RTSP/1.0 200 OK");
        assert_eq!(answer.expect_header("Content-Type"), "application/sdp");
        assert_eq!(answer.expect_header("Content-Base"), peer.uri("/live/"));
        assert_eq!(
            answer.expect_header("Content-Length"),
            answer.body.len().to_string()
        );
        assert!(answer.header("Session").is_none(), "{answer:#?}");
        let lines: Vec<&str> = answer.text().split("\r\n").collect();
        for line in [
            "v=0",
            "s=Two media",
            "t=0 0",
            "c=IN IP4 0.0.0.0",
            "a=control:*",
            "m=video 0 RTP/AVP 96",
            "a=rtpmap:96 H264/90000",
            &format!("a=fmtp:96 {FMTP}"),
            "a=framerate:25",
            "a=control:trackID=0",
            "m=audio 0 RTP/AVP 0",
            "b=AS:64",
            "a=control:trackID=1",
        ] {
            assert!(lines.contains(&line), "{line} in {lines:#?}");
        }
        assert!(!answer.text().contains("streamid"), "{lines:#?}");
        assert!(lines[1].starts_with("o="), "{lines:#?}");
    }
    let uri = peer.uri("/nothing");
    peer.ask("DESCRIBE", &uri, "").await.expect(404);
    let uri = peer.uri("/live");
    peer.ask("DESCRIBE", &uri, "Accept: text/html\r\n")
        .await
        .expect(406);
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

#[tokio::test]
async fn the_description_is_the_same_for_all_who_ask() {
    let server = server(4).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let mut peer = Peer::connect(address(&server)).await;
        let uri = peer.uri("/live");
        seen.push(peer.ask("DESCRIBE", &uri, "").await.expect(200).body);
    }
    seen.dedup();
    assert_eq!(
        seen.len(),
        1,
        "the same origin as long as the same is offered"
    );
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
async fn transport_answers_say_what_was_agreed() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    begin(&mut source, &mut picture, &mut sound).await;

    let mut reader = Peer::connect(address(&server)).await;
    let uri = format!("{}/trackID=0", reader.uri("/live"));
    let answer = reader
        .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await
        .expect(200);
    let value = answer.expect_header("Transport");
    assert!(value.starts_with("RTP/AVP/TCP;unicast;"), "{value}");
    assert_eq!(
        answer.parameter("Transport", "interleaved").as_deref(),
        Some("0-1")
    );
    let ssrc = answer.parameter("Transport", "ssrc").expect("ssrc");
    assert_eq!(ssrc.to_uppercase(), format!("{:08X}", picture.ssrc));
    assert_eq!(
        answer.parameter("Session", "timeout").as_deref(),
        Some("60")
    );
    let id = reader.session.clone().unwrap();
    assert!(
        id.len() >= 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{id}"
    );

    let mut reader = Peer::connect(address(&server)).await;
    let pair = Pair::local().await;
    let answer = reader.setup(&uri, &pair.transport()).await.expect(200);
    let value = answer.expect_header("Transport");
    assert!(
        value.starts_with("RTP/AVP;unicast;") || value.starts_with("RTP/AVP/UDP;unicast;"),
        "{value}"
    );
    let echoed = answer.parameter("Transport", "client_port");
    assert_eq!(echoed, Some(format!("{}-{}", pair.port(), pair.port() + 1)));
    let (rtp, rtcp) = server_ports(&answer);
    assert!(rtp % 2 == 0 && rtcp == rtp + 1, "{value}");

    // The first alternative that can be used, wherever it stands.
    let mut reader = Peer::connect(address(&server)).await;
    let offers = "MP2T/RTP/TCP;unicast;interleaved=0-1,RTP/AVP;multicast;port=5000-5001,RTP/AVP/TCP;unicast;interleaved=4-5";
    let answer = reader.setup(&uri, offers).await.expect(200);
    assert_eq!(
        answer.parameter("Transport", "interleaved").as_deref(),
        Some("4-5")
    );
}

/// Reads packets of a media over UDP, in order, until `count` are there.
async fn datagrams(pair: &Pair, count: usize) -> Vec<Vec<u8>> {
    let mut packets = Vec::with_capacity(count);
    while packets.len() < count {
        packets.push(pair.packet().await);
    }
    packets
}

async fn play_udp(
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
async fn only_the_media_that_were_set_up_come() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    begin(&mut source, &mut picture, &mut sound).await;
    let mut reader = Peer::connect(address(&server)).await;
    let uri = format!("{}/trackID=1", reader.uri("/live"));
    reader
        .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await
        .expect(200);
    let uri = reader.uri("/live");
    let answer = reader.ask("PLAY", &uri, "").await.expect(200);
    let promise = answer.expect_header("RTP-Info").to_owned();
    assert!(
        promise.contains("trackID=1") && !promise.contains("trackID=0"),
        "{promise}"
    );
    // A reader without video starts live.
    let packets = mixed(&mut picture, &mut sound, 100);
    source.send_all(&packets).await;
    for (_, packet) in packets.iter().filter(|(media, _)| *media == 1) {
        let (channel, got) = loop {
            let (channel, got) = reader.frame().await;
            if channel != 1 {
                break (channel, got);
            }
            assert_eq!(be32(&got, 4), sound.ssrc, "the report of another media");
        };
        assert_eq!(channel, 0);
        assert!(got == *packet);
    }
}

#[tokio::test]
async fn channels_are_as_asked_for_or_the_next_free_ones() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    for (asked, given) in [
        (["200-201", "7-8"], [200, 7]),
        (["2-3", "0-1"], [2, 0]),
        (["0-1", "0-1"], [0, 2]),
        (["254-255", "3-7"], [254, 0]),
        (["9", "255"], [9, 0]),
    ] {
        let mut reader = Peer::connect(address(&server)).await;
        for (media, asked) in asked.iter().enumerate() {
            let uri = format!("{}/trackID={media}", reader.uri("/live"));
            let answer = reader
                .setup(&uri, &format!("RTP/AVP/TCP;unicast;interleaved={asked}"))
                .await
                .expect(200);
            let expected = format!("{}-{}", given[media], given[media] + 1);
            let said = answer.parameter("Transport", "interleaved");
            assert_eq!(said, Some(expected), "{asked}");
        }
        let uri = reader.uri("/live");
        reader.ask("PLAY", &uri, "").await.expect(200);
        let packets = mixed(&mut picture, &mut sound, 20);
        source.send_all(&packets).await;
        // Earlier key frames may come first: what counts is that what was sent now comes where it should.
        for (media, packet) in &packets {
            loop {
                let (channel, got) = reader.frame().await;
                let media_of = |channel| given.iter().position(|rtp| channel == *rtp);
                if media_of(channel).is_some() && got == *packet {
                    assert_eq!(media_of(channel), Some(*media));
                    break;
                }
                assert!(
                    given.contains(&channel) || given.contains(&channel.wrapping_sub(1)),
                    "channel {channel}"
                );
            }
        }
    }
}

#[tokio::test]
async fn channels_are_free_again_after_teardown() {
    let server = server(1).await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut reader = Peer::connect(address(&server)).await;
    for _ in 0..140 {
        let uri = format!("{}/trackID=0", reader.uri("/live"));
        let answer = reader
            .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
            .await
            .expect(200);
        assert_eq!(
            answer.parameter("Transport", "interleaved").as_deref(),
            Some("0-1")
        );
        let uri = reader.uri("/live");
        reader.ask("TEARDOWN", &uri, "").await.expect(200);
        reader.session = None;
    }
}

#[tokio::test]
async fn a_media_that_is_torn_down_stops_and_the_other_goes_on() {
    let server = server(2).await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    begin(&mut source, &mut picture, &mut sound).await;
    for udp in [false, true] {
        let mut reader = Peer::connect(address(&server)).await;
        let mut pairs = Vec::new();
        if udp {
            pairs = play_udp(&mut reader, "/live", &[0, 1]).await.1;
        } else {
            reader.play_tcp("/live", 2).await;
        }
        let uri = format!("{}/trackID=0", reader.uri("/live"));
        let answer = reader.ask("TEARDOWN", &uri, "").await.expect(200);
        assert_eq!(
            answer.expect_header("Session"),
            reader.session.as_ref().unwrap()
        );
        let packets = mixed(&mut picture, &mut sound, 30);
        let last = packets
            .iter()
            .rfind(|(media, _)| *media == 1)
            .unwrap()
            .1
            .clone();
        source.send_all(&packets).await;
        let newest = |packet: &[u8]| {
            packets
                .iter()
                .any(|(media, known)| *media == 0 && known == packet)
        };
        if udp {
            while pairs[1].packet().await != last {}
            let mut buffer = [0; 2048];
            while let Ok(len) = pairs[0].rtp.try_recv(&mut buffer) {
                assert!(!newest(&buffer[..len]), "a packet of what was torn down");
            }
        } else {
            // In TEARDOWN's wake nothing of the first media comes, up to the last packet of the second.
            loop {
                let (_, packet) = reader.frame().await;
                assert!(!newest(&packet), "a packet of what was torn down");
                if packet == last {
                    break;
                }
            }
        }
        let uri = reader.uri("/live");
        reader.ask("TEARDOWN", &uri, "").await.expect(200);
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
async fn a_presentation_of_one_media_goes_by_its_own_name() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/radio", &audio()).await;
    let mut reader = Peer::connect(address(&server)).await;
    let uri = reader.uri("/radio");
    reader
        .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await
        .expect(200);
    reader.ask("PLAY", &uri, "").await.expect(200);
    let packet = Track::audio().sound(172);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
}

#[tokio::test]
async fn queries_belong_to_the_reader_and_not_to_the_path() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    source.send_all(&[(0, track.key(100))]).await;
    for uri in ["/live?token=x/trackID=0", "/live/trackID=0?token=x"] {
        let mut reader = Peer::connect(address(&server)).await;
        let describe = reader.uri("/live?token=x");
        reader.ask("DESCRIBE", &describe, "").await.expect(200);
        let uri = reader.uri(uri);
        reader
            .setup(&uri, "RTP/AVP/TCP;unicast;interleaved=0-1")
            .await
            .expect(200);
        reader.ask("PLAY", &describe, "").await.expect(200);
        assert!(is_key(&reader.frame_on(0).await));
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
