//! Going elsewhere while it plays, and what may come then.

use std::time::Duration;

use rtsp_client::Client;
use rtsp_client::Event;
use rtsp_client::Options;
use rtsp_client::PlayOptions;
use rtsp_client::Playing;
use rtsp_client::TransportPolicy;
use rtsp_client::VersionPolicy;
use rtsp_session::client::PlayRequest;
use rtsp_session::client::Seeking;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::peer::Peer;
use crate::peer::SDP;
use crate::peer::bye;
use crate::peer::frame;
use crate::peer::packet;
use crate::peer::packet_of;

/// What the server sends behind its answers to PLAY: the headers, and the packets after them.
type Plays = Vec<(&'static str, Vec<Vec<u8>>)>;

/// Plays from a server that answers each PLAY with the next of these.
async fn playing(version: VersionPolicy, plays: Plays) -> (Playing, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener).await;
        peer.version = if version == VersionPolicy::V2_0 {
            "RTSP/2.0"
        } else {
            "RTSP/1.0"
        };
        let mut plays = plays.into_iter();
        while let Some(request) = peer.request().await {
            match request.split(' ').next().unwrap() {
                "DESCRIBE" => {
                    let body = format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len());
                    peer.answer(&request, "200 OK", &body).await;
                }
                "SETUP" => {
                    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\
                        Media-Properties: Random-Access, Immutable, Unlimited\r\n";
                    peer.answer(&request, "200 OK", transport).await;
                }
                "PLAY" => {
                    let (headers, packets) = plays.next().unwrap();
                    peer.answer(&request, "200 OK", headers).await;
                    for packet in packets {
                        let channel = u8::from((192..=223).contains(&packet[1]));
                        let frame = frame(channel, &packet);
                        peer.stream.write_all(&frame).await.unwrap();
                    }
                }
                _ => peer.answer(&request, "200 OK", "").await,
            }
        }
        peer.requests
    });
    let mut options = Options::default();
    options.transport = TransportPolicy::Tcp;
    options.version = version;
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let described = Client::describe(&url, options).await.unwrap();
    (
        described.play(PlayOptions::default()).await.unwrap(),
        server,
    )
}

/// The packets to the end, by source and sequence number.
async fn rest(playing: &mut Playing) -> Vec<(u32, u16)> {
    let mut got = Vec::new();
    while let Some(event) = playing.next_event().await.unwrap() {
        match event {
            Event::Packet(packet) => got.push((packet.packet.ssrc(), packet.packet.sequence())),
            Event::Lost { first, .. } => panic!("lost {first}"),
            _ => {}
        }
    }
    got
}

fn ten_seconds_on() -> PlayRequest {
    PlayRequest::from(Duration::from_secs(10))
}

/// Two ranges; packets of the first still come after the second has begun.
fn two_ranges() -> Plays {
    let late = [104, 105, 110, 106, 111].map(packet);
    let mut second = late.to_vec();
    second.push(bye());
    vec![
        (
            "Range: npt=0-30\r\nRTP-Info: url=trackID=0;seq=100;rtptime=16000\r\n",
            [100, 101, 102].map(packet).to_vec(),
        ),
        (
            "Range: npt=9.5-30\r\nScale: 2\r\nRTP-Info: url=trackID=0;seq=110;rtptime=17600\r\n",
            second,
        ),
    ]
}

#[tokio::test]
async fn r1_rtp_04_after_a_seek_only_packets_of_the_new_range_are_handed_out() {
    let (mut playing, server) = playing(VersionPolicy::V1_0, two_ranges()).await;
    assert_eq!(playing.seeking(), Seeking::Anywhere);
    let first = playing.next().await.unwrap().unwrap();
    assert_eq!(first.packet.sequence(), 100);
    playing.seek(&ten_seconds_on()).await.unwrap();
    assert_eq!(playing.info().start, Some(Duration::from_millis(9_500)));
    assert_eq!(playing.info().scale.unwrap().value(), 2.0);
    assert_eq!(rest(&mut playing).await, [(77, 110), (77, 111)]);
    let place = playing.timeline().place(0, 77, 111 * 160).unwrap();
    // 20 ms at twice the speed.
    assert_eq!(place.position, Some(Duration::from_millis(9_540)));
    playing.close().await;
    let seen = server.await.unwrap();
    let methods: Vec<_> = seen.iter().map(|r| r.split(' ').next().unwrap()).collect();
    assert_eq!(
        methods[3..],
        ["PLAY", "PAUSE", "PLAY", "TEARDOWN"],
        "a range of 1.0 would wait for the end of the one before"
    );
}

#[tokio::test]
async fn in_version_2_a_range_replaces_the_one_before() {
    let (mut playing, server) = playing(VersionPolicy::V2_0, two_ranges()).await;
    playing.next().await.unwrap().unwrap();
    playing.seek(&ten_seconds_on()).await.unwrap();
    assert_eq!(rest(&mut playing).await, [(77, 110), (77, 111)]);
    playing.close().await;
    let seen = server.await.unwrap();
    assert!(
        !seen.iter().any(|line| line.starts_with("PAUSE ")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn r2_rtpi_08_and_r2_range_17_missing_numbers_a_lost_first_packet_and_unknown_policies_do_no_harm()
 {
    for info in ["seq=100", "rtptime=16000", "seq=100;rtptime=16000"] {
        let headers =
            format!("Range: npt=5-30\r\nSeek-Style: Psychic\r\nRTP-Info: url=trackID=0;{info}\r\n");
        // The packet of RTP-Info is lost: the next is 40 ms later.
        let packets = vec![packet(102), packet(103), bye()];
        let plays = vec![(&*headers.leak(), packets)];
        let (mut playing, _server) = playing(VersionPolicy::V1_0, plays).await;
        assert_eq!(rest(&mut playing).await, [(77, 102), (77, 103)], "{info}");
        let place = playing.timeline().place(0, 77, 103 * 160).unwrap();
        let expected = if info.contains("rtptime") {
            5_060
        } else {
            5_020
        };
        assert_eq!(
            place.position,
            Some(Duration::from_millis(expected)),
            "{info}"
        );
        assert_eq!(playing.info().seek_style, None);
    }
}

#[tokio::test]
async fn r2_rtp_31_all_sources_of_a_media_are_handed_out() {
    let mut packets = Vec::new();
    for sequence in 1..=4 {
        packets.push(packet_of(77, sequence));
        packets.push(packet_of(88, 1_000 + sequence));
    }
    packets.push(bye());
    let mut second = bytes::BytesMut::new();
    let mut writer = rtcp::CompoundWriter::new(&mut second);
    writer.receiver_report(88, &[]).bye(&[88], None);
    packets.push(second.to_vec());
    let (mut playing, _server) = playing(VersionPolicy::V1_0, vec![("", packets)]).await;
    let got = rest(&mut playing).await;
    for (ssrc, first) in [(77, 1), (88, 1_001)] {
        let own: Vec<_> = got.iter().filter(|(source, _)| *source == ssrc).collect();
        assert_eq!(own.len(), 4, "{got:?}");
        assert_eq!(own[0].1, first);
    }
}
