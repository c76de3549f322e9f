//! The client over real sockets, against a server that does as the test says.

mod elsewhere;
mod ending;
mod flows;
mod moved;
mod peer;
mod reconnecting;
mod seeking;
mod versions;

use std::net::SocketAddr;
use std::time::Duration;

use rtsp_client::Client;
use rtsp_client::End;
use rtsp_client::ErrorKind;
use rtsp_client::Event;
use rtsp_client::Options;
use rtsp_client::PlayOptions;
use rtsp_client::TransportPolicy;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::UdpSocket;

use peer::Peer;
use peer::SDP;
use peer::bye;
use peer::frame;
use peer::header;
use peer::packet;

/// What the server does about UDP.
#[derive(Clone, Copy, PartialEq)]
enum Udp {
    Works,
    Refused,
    Silent,
}

/// Serves connections until the client stops coming; the requests that it saw.
async fn serve(listener: TcpListener, udp: Udp, sequences: Vec<u16>) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let mut peer = Peer::accept(&listener).await;
        let done = converse(&mut peer, udp, &sequences).await;
        seen.append(&mut peer.requests);
        if done {
            return seen;
        }
    }
}

/// One connection; whether it played to the end.
async fn converse(peer: &mut Peer, udp: Udp, sequences: &[u16]) -> bool {
    let sockets = [
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
    ];
    let mut to: Option<SocketAddr> = None;
    let mut played = false;
    while let Some(request) = peer.request().await {
        let method = request.split(' ').next().unwrap();
        match method {
            "OPTIONS" => {
                let public = "Public: DESCRIBE\r\n";
                peer.answer(&request, "200 OK", public).await;
            }
            "DESCRIBE" => {
                let body = format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len());
                peer.answer(&request, "200 OK", &body).await;
            }
            "SETUP" => {
                let transport = header(&request, "Transport").unwrap();
                let ports = transport.split("client_port=").nth(1);
                if ports.is_some() && udp == Udp::Refused {
                    peer.answer(&request, "461 Unsupported Transport", "").await;
                    continue;
                }
                to = ports.map(|ports| {
                    let port = ports.split('-').next().unwrap().parse().unwrap();
                    SocketAddr::from(([127, 0, 0, 1], port))
                });
                let rest = match to {
                    Some(_) => format!(
                        "Transport: {transport};server_port={}-{}\r\n",
                        sockets[0].local_addr().unwrap().port(),
                        sockets[1].local_addr().unwrap().port(),
                    ),
                    // Another channel pair than was asked for.
                    None => "Transport: RTP/AVP/TCP;unicast;interleaved=6-7\r\n".to_owned(),
                };
                peer.answer(&request, "200 OK", &rest).await;
            }
            "PLAY" => {
                peer.answer(&request, "200 OK", "").await;
                match to {
                    Some(_) if udp == Udp::Silent => continue,
                    Some(to) => {
                        for &sequence in sequences {
                            sockets[0].send_to(&packet(sequence), to).await.unwrap();
                        }
                        let rtcp = SocketAddr::new(to.ip(), to.port() + 1);
                        sockets[1].send_to(&bye(), rtcp).await.unwrap();
                    }
                    None => {
                        let mut bytes = frame(99, b"of nobody");
                        for &sequence in sequences {
                            bytes.extend(frame(6, &packet(sequence)));
                        }
                        bytes.extend(frame(7, &bye()));
                        peer.stream.write_all(&bytes).await.unwrap();
                    }
                }
                played = true;
            }
            _ => peer.answer(&request, "200 OK", "").await,
        }
    }
    played
}

/// Plays to the end; the packets and losses in order, and what the server saw.
async fn play(
    udp: Udp,
    policy: TransportPolicy,
    sequences: &[u16],
) -> (Vec<String>, TransportPolicy, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve(listener, udp, sequences.to_vec()));
    let mut options = Options::default();
    options.transport = policy;
    options.first_packet_timeout = Duration::from_millis(300);
    let url = format!("rtsp://user:secret@127.0.0.1:{port}/x");
    let described = Client::describe(&url, options).await.unwrap();
    let mut playing = described.play(PlayOptions::default()).await.unwrap();
    let mut got = Vec::new();
    while let Some(event) = playing.next_event().await.unwrap() {
        match event {
            Event::Packet(packet) => got.push(packet.packet.sequence().to_string()),
            Event::Lost { first, count, .. } => got.push(format!("lost {first}+{count}")),
            _ => {}
        }
    }
    assert_eq!(playing.end(), Some(&End::Bye));
    let transport = playing.transport();
    playing.close().await;
    (got, transport, server.await.unwrap())
}

#[tokio::test]
async fn udp_with_packets_out_of_order() {
    let (got, transport, seen) = play(Udp::Works, TransportPolicy::Auto, &[1, 3, 2, 4, 6]).await;
    assert_eq!(got, ["1", "2", "3", "4", "lost 5+1", "6"]);
    assert_eq!(transport, TransportPolicy::Udp);
    assert!(seen.last().unwrap().starts_with("TEARDOWN "), "{seen:?}");
    assert!(seen.iter().all(|line| !line.contains("secret")), "{seen:?}");
}

#[tokio::test]
async fn tcp_with_channels_of_the_server() {
    let (got, transport, _) = play(Udp::Works, TransportPolicy::Tcp, &[65_534, 65_535, 0, 2]).await;
    assert_eq!(got, ["65534", "65535", "0", "lost 1+1", "2"]);
    assert_eq!(transport, TransportPolicy::Tcp);
}

#[tokio::test]
async fn tcp_when_udp_is_refused() {
    let (got, transport, seen) = play(Udp::Refused, TransportPolicy::Auto, &[1, 2]).await;
    assert_eq!(got, ["1", "2"]);
    assert_eq!(transport, TransportPolicy::Tcp);
    let describes = seen
        .iter()
        .filter(|line| line.starts_with("DESCRIBE "))
        .count();
    assert_eq!(describes, 2, "{seen:?}");
}

#[tokio::test]
async fn tcp_when_udp_is_silent() {
    let (got, transport, seen) = play(Udp::Silent, TransportPolicy::Auto, &[1, 2]).await;
    assert_eq!(got, ["1", "2"]);
    assert_eq!(transport, TransportPolicy::Tcp);
    let teardown = seen.iter().position(|line| line.starts_with("TEARDOWN "));
    let second = seen.iter().rposition(|line| line.starts_with("SETUP "));
    assert!(teardown.unwrap() < second.unwrap(), "{seen:?}");
}

#[tokio::test]
async fn no_other_transport_when_one_is_demanded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve(listener, Udp::Refused, Vec::new()));
    let mut options = Options::default();
    options.transport = TransportPolicy::Udp;
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let described = Client::describe(&url, options).await.unwrap();
    let error = described.play(PlayOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    server.abort();
}

#[tokio::test]
async fn next_can_be_cancelled_at_any_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sequences: Vec<u16> = (0..500).collect();
    let server = tokio::spawn(serve(listener, Udp::Works, sequences.clone()));
    let mut options = Options::default();
    options.transport = TransportPolicy::Tcp;
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let described = Client::describe(&url, options).await.unwrap();
    let mut playing = described.play(PlayOptions::default()).await.unwrap();
    let mut got = Vec::new();
    loop {
        tokio::select! {
            biased;
            // Ready at the second poll at the latest: most calls of `next` are dropped unfinished.
            () = tokio::task::yield_now() => {}
            packet = playing.next() => match packet.unwrap() {
                Some(packet) => got.push(packet.packet.sequence()),
                None => break,
            },
        }
    }
    assert_eq!(got, sequences);
    playing.close().await;
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_closes_after_its_challenge_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener).await;
        let options = peer.request().await.unwrap();
        let challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
        peer.answer(&options, "401 Unauthorized", challenge).await;
        drop(peer);
        let mut peer = Peer::accept(&listener).await;
        let options = peer.request().await.unwrap();
        let proof = header(&options, "Authorization").unwrap().to_owned();
        peer.answer(&options, "200 OK", "").await;
        let describe = peer.request().await.unwrap();
        let body = format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len());
        peer.answer(&describe, "200 OK", &body).await;
        proof
    });
    let url = format!("rtsp://ann:hunter2@127.0.0.1:{port}/x");
    let described = Client::describe(&url, Options::default()).await.unwrap();
    assert_eq!(described.description().media.len(), 1);
    assert!(!described.url().contains("hunter2"));
    assert_eq!(server.await.unwrap(), "Basic YW5uOmh1bnRlcjI=");
}
