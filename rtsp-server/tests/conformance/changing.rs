//! SETUP of a media that is set up: another way for its packets (RFC 7826 §13.3.1).

use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::{
    Live, TCP, TCP_TOO, VERSIONS, ask,
    peer::{Pair, Peer, within},
    source::{Source, av, sequence, server, timestamp},
    track,
};

/// The parameters of the one entry of RTP-Info: its URL, sequence number, timestamp.
fn rtp_info(info: &str) -> (String, u16, Option<u32>) {
    let of = |name: &str| {
        let (_, rest) = info.split_once(name)?;
        Some(rest.split([';', ',']).next().unwrap_or(rest).to_owned())
    };
    let url = of("url=").expect("a URL");
    let url = url
        .trim_start_matches('"')
        .split('"')
        .next()
        .expect("a URL");
    (
        url.to_owned(),
        of("seq=").expect("seq").parse().expect("a number"),
        of("rtptime=").map(|time| time.parse().expect("a number")),
    )
}

fn udp(version: &str, pair: &Pair) -> String {
    match version {
        "RTSP/1.0" => pair.transport(),
        _ => format!(
            "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
            pair.port(),
            pair.port() + 1
        ),
    }
}

#[tokio::test]
async fn r2_setup_13_r2_setup_14_a_change_in_play_loses_nothing() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let (video, audio) = (track(&peer, 0), track(&peer, 1));
        let pair = Pair::local().await;
        peer.setup(&video, &udp(version, &pair)).await.expect(200);
        peer.setup(&audio, TCP_TOO).await.expect(200);
        ask(&mut peer, "PLAY").await.expect(200);
        let first = live.send().await;
        while pair.packet().await != first {}
        // From datagrams to the connection, and back, and to others: each packet comes once, in order, by one of the ways.
        let mut expected = sequence(&first).wrapping_add(1);
        let pairs = [Pair::local().await, Pair::local().await];
        for round in 0..4 {
            let (offer, on_udp) = match round {
                0 | 2 => (TCP.to_owned(), None),
                _ => (udp(version, &pairs[round / 2]), Some(&pairs[round / 2])),
            };
            let answer = peer.setup(&video, &offer).await.expect(200);
            let (url, seq, time) = rtp_info(answer.expect_header("RTP-Info"));
            assert_eq!(url, video);
            assert_eq!(seq, expected, "the switch point");
            assert_eq!(time, None, "that packet is not there yet");
            assert!(answer.expect_header("Range").starts_with("npt="));
            for _ in 0..3 {
                let packet = live.send().await;
                let got = match on_udp {
                    Some(pair) => pair.packet().await,
                    None => peer.frame_on(0).await,
                };
                assert_eq!(got, packet, "the same source and timestamps");
                assert_eq!(sequence(&got), expected);
                expected = expected.wrapping_add(1);
            }
        }
        let mut buffer = [0; 1500];
        assert!(
            pair.rtp.try_recv(&mut buffer).is_err(),
            "the first way is not used"
        );
        ask(&mut peer, "PAUSE").await.expect(200);
        ask(&mut peer, "PLAY").await.expect(200);
        let packet = live.send().await;
        while pairs[1].packet().await != packet {}
    }
}

/// What the old way could not take yet comes by the new one.
#[tokio::test]
async fn r2_setup_13_the_switch_point_is_where_the_old_way_was() {
    let mut live = Live::new().await;
    let mut peer = Peer::connect_narrow(crate::address(&live.server), 4096).await;
    peer.version = "RTSP/2.0";
    let video = track(&peer, 0);
    peer.setup(&video, TCP).await.expect(200);
    ask(&mut peer, "PLAY").await.expect(200);
    // More than the narrow connection takes.
    for _ in 0..200 {
        let packet = live.video.delta(60_000);
        live.source.send(0, &packet).await;
    }
    let last = live.video.key(400);
    live.source.send(0, &last).await;
    live.source.peer.sync().await;
    let pair = Pair::local().await;
    let request = peer.request(
        "SETUP",
        &video,
        &format!("Transport: {}\r\n", udp("RTSP/2.0", &pair)),
        b"",
    );
    peer.send(&request).await;
    let mut newest = None;
    let answer = loop {
        match peer.next().await {
            crate::peer::Event::Frame(0, packet) => newest = Some(packet),
            crate::peer::Event::Frame(..) => {}
            crate::peer::Event::Message(message) => break message.expect(200),
            crate::peer::Event::Closed => panic!("closed"),
        }
    };
    let (_, seq, time) = rtp_info(answer.expect_header("RTP-Info"));
    let newest = newest.expect("some came the old way");
    assert_eq!(
        seq,
        sequence(&newest).wrapping_add(1),
        "no gap and no overlap"
    );
    let got = pair.packet().await;
    assert_eq!((sequence(&got), Some(timestamp(&got))), (seq, time));
}

#[tokio::test]
async fn r2_setup_20_media_of_another_presentation_do_not_join() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let _other = Source::tcp(&live.server, "/other", &av()).await;
        let mut peer = live.peer(version).await;
        let video = track(&peer, 0);
        peer.setup(&video, TCP).await.expect(200);
        let session = peer.session.clone();
        let elsewhere = format!("{}/trackID=1", peer.uri("/other"));
        let answer = peer.setup(&elsewhere, TCP_TOO).await.expect(459);
        assert!(answer.header("Transport").is_none());
        assert_eq!(peer.session, session);
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
    }
}

/// A refused SETUP leaves all as it was (RFC 7826 §13.3): here the addresses that a media has.
#[tokio::test]
async fn a_change_that_is_refused_changes_nothing() {
    // On one shard both sessions get their packets from the same ports.
    let server = server(1).await;
    let source = Source::tcp(&server, "/live", &av()).await;
    let mut live = Live::of(server, source);
    let (mine, theirs) = (Pair::local().await, Pair::local().await);
    let mut other = live.peer("RTSP/2.0").await;
    let video = track(&other, 0);
    other
        .setup(&video, &udp("RTSP/2.0", &theirs))
        .await
        .expect(200);
    let mut peer = live.peer("RTSP/2.0").await;
    peer.setup(&video, &udp("RTSP/2.0", &mine))
        .await
        .expect(200);
    ask(&mut peer, "PLAY").await.expect(200);
    peer.setup(&video, &udp("RTSP/2.0", &theirs))
        .await
        .expect(461);
    peer.setup(&video, "RTP/FOO;unicast").await.expect(461);
    let packet = live.send().await;
    while mine.packet().await != packet {}
    // Connections of its own, and the end of them, in Ready.
    ask(&mut peer, "PAUSE").await.expect(200);
    let offer = "RTP/AVP/TCP;unicast;dest_addr=\":9\";connection=new";
    let answer = peer.setup(&video, offer).await.expect(200);
    let source = answer.parameter("Transport", "src_addr").expect("src_addr");
    let port = source.trim_matches('"').rsplit(':').next().expect("a port");
    let mut stream = TcpStream::connect(("127.0.0.1", port.parse().expect("a port")))
        .await
        .expect("connected");
    peer.setup(&video, &udp("RTSP/2.0", &mine))
        .await
        .expect(200);
    let end = within("the end", stream.read(&mut [0; 64])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "closed");
    ask(&mut peer, "PLAY").await.expect(200);
    let packet = live.send().await;
    while mine.packet().await != packet {}
}
