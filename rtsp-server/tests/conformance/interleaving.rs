//! `$` frames among messages.

use crate::{
    Live, TCP, VERSIONS, ask,
    peer::{Event, Pair},
    ready,
    source::has_rtcp,
    track,
};

#[tokio::test]
async fn r2_ilv_05_06_r1_ilv_02_r2_rtp_35_reports_have_the_next_channel() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let report = live.video.report(0xE000_0000_0000_0000);
        live.source.send_report(0, &report).await;
        let packet = live.send().await;
        live.source.peer.sync().await;
        for (offer, channels) in [("4-5", (4, 5)), ("6", (6, 7))] {
            if version == "RTSP/2.0" && offer == "6" {
                continue; // a pair is needed
            }
            let mut peer = live.peer(version).await;
            let uri = track(&peer, 0);
            let transport = format!("RTP/AVP/TCP;unicast;interleaved={offer}");
            let answer = peer.setup(&uri, &transport).await.expect(200);
            assert_eq!(
                answer.parameter("Transport", "interleaved"),
                Some(format!("{}-{}", channels.0, channels.1))
            );
            ask(&mut peer, "PLAY").await.expect(200);
            let (mut media, mut reports) = (0, 0);
            while media == 0 || reports == 0 {
                let (channel, got) = peer.frame().await;
                if channel == channels.1 {
                    assert!(has_rtcp(&got, 200));
                    reports += 1;
                } else {
                    assert_eq!((channel, &got), (channels.0, &packet));
                    media += 1;
                }
            }
            // The peer's report on the same channel is taken as one: the session goes on.
            peer.send_frame(channels.1, &[0x80, 201, 0, 1, 1, 2, 3, 4])
                .await;
            ask(&mut peer, "GET_PARAMETER").await.expect(200);
        }
    }
}

#[tokio::test]
async fn r2_ilv_07_08_channels_never_collide() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let (video, audio) = (track(&peer, 0), track(&peer, 1));
        let first = peer.setup(&video, TCP).await.expect(200);
        let second = peer.setup(&audio, TCP).await.expect(200);
        let channels =
            |answer: &crate::peer::Message| answer.parameter("Transport", "interleaved").unwrap();
        assert_eq!(channels(&first), "0-1");
        let other = channels(&second);
        let rtp: u8 = other.split('-').next().unwrap().parse().unwrap();
        assert!(rtp > 1, "{other}");
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
        let sound = crate::source::Track::audio().sound(160);
        live.source.send(1, &sound).await;
        loop {
            if peer.frame_on(rtp).await == sound {
                break;
            }
        }
    }
}

#[tokio::test]
async fn r2_ilv_09_a_frame_on_no_channel_is_dropped() {
    let mut live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        peer.send_frame(200, b"nobody's").await;
        ready(&mut peer).await;
        peer.send_frame(200, b"nobody's").await;
        ask(&mut peer, "PLAY").await.expect(200);
        peer.send_frame(200, &[0; 60_000]).await;
        live.reaches(&mut peer, 0).await;
    }
}

#[tokio::test]
async fn r2_ilv_10_addresses_and_channels_exclude_each_other() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    for both in [
        "dest_addr=\":5000\"/\":5001\"",
        "src_addr=\":5000\"/\":5001\"",
    ] {
        peer.setup(&uri, &format!("{TCP};{both}")).await.expect(461);
    }
    let answer = peer.setup(&uri, TCP).await.expect(200);
    assert!(!answer.expect_header("Transport").contains("_addr"));
}

#[tokio::test]
async fn r2_ilv_11_media_ends_with_its_connection() {
    let mut live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    ready(&mut peer).await;
    ask(&mut peer, "PLAY").await.expect(200);
    live.reaches(&mut peer, 0).await;
    let session = peer.session.clone();
    drop(peer);
    let mut other = live.peer("RTSP/2.0").await;
    other.session = session;
    for _ in 0..3 {
        live.send().await;
    }
    live.source.peer.sync().await;
    // Nothing comes here but the answer.
    let request = other.request("PLAY", "rtsp://127.0.0.1/live", "", b"");
    other.send(&request).await;
    match other.next().await {
        Event::Message(answer) => assert_eq!(answer.status(), 454),
        event => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn r1_ilv_05_r1_trans_02_unicast_may_be_left_out() {
    let mut live = Live::new().await;
    let mut peer = live.peer("RTSP/1.0").await;
    let uri = track(&peer, 0);
    peer.setup(&uri, "RTP/AVP/TCP;interleaved=0-1")
        .await
        .expect(200);
    ask(&mut peer, "PLAY").await.expect(200);
    live.reaches(&mut peer, 0).await;
    let pair = Pair::local().await;
    let mut peer = live.peer("RTSP/1.0").await;
    let offer = format!("RTP/AVP;client_port={}-{}", pair.port(), pair.port() + 1);
    peer.setup(&uri, &offer).await.expect(200);
}

#[tokio::test]
async fn r1_conn_08_r1_ilv_01_messages_and_media_share_a_connection() {
    let mut live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        ready(&mut peer).await;
        ask(&mut peer, "PLAY").await.expect(200);
        for turn in 0..30_u8 {
            let packet = live.send().await;
            peer.send_frame(1, &[0x80, 201, 0, 1, 1, 2, 3, turn]).await;
            ask(&mut peer, "GET_PARAMETER").await.expect(200);
            loop {
                if peer.frame_on(0).await == packet {
                    break;
                }
            }
        }
    }
}
