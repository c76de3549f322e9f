//! What of a Transport header is chosen, and where packets then go.

use crate::{
    Live, TCP, VERSIONS, ask,
    peer::{Pair, receive, server_ports},
    track,
};

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
async fn r2_setup_18_r2_trans_02_03_r1_setup_05_the_first_that_can_be_is_chosen() {
    let live = Live::new().await;
    for version in VERSIONS {
        let pair = Pair::local().await;
        let udp = udp(version, &pair);
        for (offers, chosen) in [
            (format!("{udp},{TCP}"), "RTP/AVP;"),
            (format!("{TCP},{udp}"), "RTP/AVP/TCP;"),
            (format!("RTP/FOO;unicast,{TCP},{udp}"), "RTP/AVP/TCP;"),
            (format!("RAW/RAW/UDP;unicast,{udp},{TCP}"), "RTP/AVP;"),
        ] {
            let mut peer = live.peer(version).await;
            let uri = track(&peer, 0);
            let answer = peer.setup(&uri, &offers).await.expect(200);
            let transport = answer
                .expect_header("Transport")
                .replace("RTP/AVP/UDP", "RTP/AVP");
            assert!(transport.starts_with(chosen), "{offers}: {transport}");
            let mut quoted = false;
            let commas = transport.chars().filter(|letter| {
                quoted ^= *letter == '"';
                *letter == ',' && !quoted
            });
            assert_eq!(commas.count(), 0, "one alone: {transport}");
        }
    }
}

#[tokio::test]
async fn r2_trans_04_an_unknown_parameter_rules_its_spec_out() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let pair = Pair::local().await;
    let offers = format!("{};foo=1,{TCP}", udp("RTSP/2.0", &pair));
    let answer = peer.setup(&uri, &offers).await.expect(200);
    assert!(
        answer
            .expect_header("Transport")
            .starts_with("RTP/AVP/TCP;")
    );
}

#[tokio::test]
async fn r2_trans_05_r2_code_30_r1_setup_06_none_is_461() {
    let live = Live::new().await;
    for version in VERSIONS {
        for offer in [
            "RTP/FOO;unicast",
            "RAW/RAW;unicast",
            "RAW/X/UDP;unicast;client_port=5000-5001",
        ] {
            let mut peer = live.peer(version).await;
            let uri = track(&peer, 0);
            let answer = peer.setup(&uri, offer).await.expect(461);
            assert!(answer.header("Transport").is_none() && answer.header("Session").is_none());
        }
    }
}

#[tokio::test]
async fn r2_trans_32_parameters_of_1_0_are_unknown_in_2_0() {
    let live = Live::new().await;
    for more in [
        "client_port=5000-5001",
        "server_port=5000-5001",
        "port=5000-5001",
        "destination=127.0.0.1",
        "source=127.0.0.1",
    ] {
        let mut peer = live.peer("RTSP/2.0").await;
        let uri = track(&peer, 0);
        let offer = format!("RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";{more}");
        let offer = if more.starts_with("client") {
            format!("RTP/AVP;unicast;{more}")
        } else {
            offer
        };
        peer.setup(&uri, &offer).await.expect(461);
    }
}

#[tokio::test]
async fn r2_trans_10_13_14_r2_rtp_02_05_35_packets_go_where_they_are_asked_to() {
    let mut live = Live::new().await;
    let pair = Pair::local().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let answer = peer.setup(&uri, &udp("RTSP/2.0", &pair)).await.expect(200);
    let (rtp, rtcp) = (pair.port(), pair.port() + 1);
    let expected = format!("\"127.0.0.1:{rtp}\"/\"127.0.0.1:{rtcp}\"");
    assert_eq!(
        answer.parameter("Transport", "dest_addr"),
        Some(expected),
        "whole, and both of them"
    );
    let source = answer.parameter("Transport", "src_addr").expect("src_addr");
    let ports: Vec<u16> = source
        .split('/')
        .map(|one| {
            one.trim_matches('"')
                .rsplit(':')
                .next()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    let report = live.video.report(0xE000_0000_0000_0000);
    live.source.send_report(0, &report).await;
    let packet = live.send().await;
    live.source.peer.sync().await;
    ask(&mut peer, "PLAY").await.expect(200);
    let (got, from) = receive(&pair.rtp).await;
    assert_eq!((got, from.port()), (packet, ports[0]));
    let (got, from) = receive(&pair.rtcp).await;
    assert_eq!((got[1], from.port()), (200, ports[1]), "a sender report");
}

#[tokio::test]
async fn r1_trans_05_12_ports_are_answered_by_ports() {
    let mut live = Live::new().await;
    for pair_of_ports in [true, false] {
        let pair = Pair::local().await;
        let offer = match pair_of_ports {
            true => pair.transport(),
            false => format!("RTP/AVP;unicast;client_port={}", pair.port()),
        };
        let mut peer = live.peer("RTSP/1.0").await;
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, &offer).await.expect(200);
        assert_eq!(
            answer.parameter("Transport", "client_port"),
            Some(format!("{}-{}", pair.port(), pair.port() + 1)),
            "RTCP one above"
        );
        let (rtp, rtcp) = server_ports(&answer);
        assert!(rtp % 2 == 0 && rtcp == rtp + 1);
        let report = live.video.report(0xE000_0000_0000_0000);
        live.source.send_report(0, &report).await;
        let packet = live.send().await;
        live.source.peer.sync().await;
        ask(&mut peer, "PLAY").await.expect(200);
        while receive(&pair.rtp).await != (packet.clone(), ([127, 0, 0, 1], rtp).into()) {}
        let (_, from) = receive(&pair.rtcp).await;
        assert_eq!(from.port(), rtcp);
        ask(&mut peer, "TEARDOWN").await.expect(200);
    }
}

#[tokio::test]
async fn r2_trans_11_r2_sec_01_02_03_r2_code_32_r1_trans_04_r1_auth_04_07_a_foreign_destination_is_refused()
 {
    let live = Live::new().await;
    for (version, status, offer) in [
        (
            "RTSP/1.0",
            403,
            "RTP/AVP;unicast;destination=203.0.113.9;client_port=5000-5001",
        ),
        (
            "RTSP/2.0",
            463,
            "RTP/AVP;unicast;dest_addr=\"203.0.113.9:5000\"/\"203.0.113.9:5001\"",
        ),
    ] {
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, offer).await.expect(status);
        assert!(answer.header("Session").is_none() && answer.header("Transport").is_none());
    }
    // Not even to another address of this machine.
    let other = Pair::bind([127, 0, 0, 2]).await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let offer = format!(
        "RTP/AVP;unicast;dest_addr=\"127.0.0.2:{}\"/\"127.0.0.2:{}\"",
        other.port(),
        other.port() + 1
    );
    peer.setup(&uri, &offer).await.expect(463);
}

#[tokio::test]
async fn r2_trans_19_20_r1_trans_09_ssrc_is_the_servers_to_say() {
    let mut live = Live::new().await;
    let packet = live.send().await;
    live.source.peer.sync().await;
    let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        let answer = peer
            .setup(&uri, &format!("{TCP};ssrc=DEADBEEF"))
            .await
            .expect(200);
        assert_eq!(
            answer.parameter("Transport", "ssrc"),
            Some(format!("{ssrc:08X}")),
            "{version}"
        );
        ask(&mut peer, "PLAY").await.expect(200);
        assert_eq!(peer.frame_on(0).await, packet);
    }
}

/// Cameras and their players leave `/TCP` out: that is read over by name, and the answer says what it was taken for.
#[tokio::test]
async fn r2_rtp_36_interleaved_is_answered_as_tcp() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        let offer = "RTP/AVP;unicast;interleaved=0-1";
        let answer = peer.setup(&uri, offer).await.expect(200);
        let transport = answer.expect_header("Transport");
        assert!(transport.starts_with("RTP/AVP/TCP;"), "{transport}");
    }
}
