//! SETUP: which media, on which channels or ports, and until when.

use crate::{
    datagrams::play_udp,
    peer::{Pair, Peer, server_ports},
    reading::{begin, mixed},
    source::{Source, Track, address, av, be32, server, video},
};

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
