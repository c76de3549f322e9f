//! Where RTP and RTCP flow: together or apart, to one address, on TCP connections of their own.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
};

use crate::{
    Live, TCP, VERSIONS, ask,
    peer::{Message, Pair, Peer, receive, server_ports, within},
    source::{Source, address, av, be32, has_rtcp, rtcp_packets, server, server_with},
    track,
};

/// The ports in `src_addr`.
#[track_caller]
fn source_ports(answer: &Message) -> Vec<u16> {
    let source = answer.parameter("Transport", "src_addr").expect("src_addr");
    let port = |one: &str| one.trim_matches('"').rsplit(':').next()?.parse().ok();
    source
        .split('/')
        .map(|one| port(one).expect("a port"))
        .collect()
}

/// A receiver report about `source`, and a request for a key frame of it.
fn asks_for_key_frame(source: u32) -> Vec<u8> {
    let mut out = vec![0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 206, 0, 2, 0, 0, 0, 7];
    out.extend(source.to_be_bytes());
    out
}

/// Waits for what the server asks of its publisher on the first media, and says what types of packets it has.
async fn asked(source: &mut Source) -> Vec<u8> {
    loop {
        let compound = source.peer.frame_on(1).await;
        let packets = rtcp_packets(&compound);
        if packets.iter().any(|packet| packet[1] == 206) {
            return packets.iter().map(|packet| packet[0] & 31).collect();
        }
    }
}

impl Live {
    /// A report of the publisher's, and a key frame.
    async fn report_and_send(&mut self) -> Vec<u8> {
        let report = self.video.report(0xE000_0000_0000_0000);
        self.source.send_report(0, &report).await;
        let packet = self.send().await;
        self.source.peer.sync().await;
        packet
    }
}

#[tokio::test]
async fn r2_rtp_12_r2_rtp_13_multiplexing_is_told_of_and_done() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let described = ask(&mut peer, "DESCRIBE").await.expect(200);
        let told = described.text().matches("a=rtcp-mux\r\n").count();
        assert_eq!(told, if version == "RTSP/2.0" { 2 } else { 0 });
        let supported = peer.ask("OPTIONS", "*", "Supported: x\r\n").await;
        let tags = supported.expect_header("Supported");
        let has = tags
            .split(',')
            .any(|tag| tag.trim() == "setup.rtp.rtcp.mux");
        assert!(has, "{tags}");
        let require = "Require: setup.rtp.rtcp.mux\r\n";
        peer.ask("OPTIONS", "*", require).await.expect(200);

        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = socket.local_addr().expect("its address").port();
        let offer = match version {
            "RTSP/1.0" => format!("RTP/AVP;unicast;client_port={port};RTCP-mux"),
            _ => format!("RTP/AVP;unicast;dest_addr=\":{port}\";RTCP-mux"),
        };
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, &offer).await.expect(200);
        assert!(answer.parameter("Transport", "RTCP-mux").is_some());
        let ports = match version {
            "RTSP/1.0" => {
                let port = answer.parameter("Transport", "server_port");
                vec![port.expect("server_port").parse().expect("one port")]
            }
            _ => source_ports(&answer),
        };
        assert_eq!(ports.len(), 1);
        let packet = live.report_and_send().await;
        ask(&mut peer, "PLAY").await.expect(200);
        let (mut rtp, mut report) = (false, false);
        while !(rtp && report) {
            let (got, from) = receive(&socket).await;
            assert_eq!(from.port(), ports[0], "all comes from the one port");
            rtp |= got == packet;
            report |= got[1] == 200;
        }
        // What comes back to that port is told apart: a report, not media.
        let request = asks_for_key_frame(be32(&packet, 8));
        let to: SocketAddr = ([127, 0, 0, 1], ports[0]).into();
        socket.send_to(&request, to).await.expect("sent");
        assert!(asked(&mut live.source).await.contains(&1), "PLI");
        ask(&mut peer, "TEARDOWN").await.expect(200);
    }
}

#[tokio::test]
async fn r2_rtp_12_payload_types_that_look_like_reports_are_not_multiplexed() {
    let server = server(1).await;
    let sdp = "v=0\r\no=- 3 1 IN IP4 127.0.0.1\r\ns=Odd\r\nt=0 0\r\nm=application 0 RTP/AVP 72\r\n\
               a=rtpmap:72 odd/90000\r\na=control:streamid=0\r\n";
    let _source = Source::tcp(&server, "/live", sdp).await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.version = "RTSP/2.0";
    let described = ask(&mut peer, "DESCRIBE").await.expect(200);
    assert!(!described.text().contains("rtcp-mux"));
    let uri = track(&peer, 0);
    let mux = "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";RTCP-mux";
    peer.setup(&uri, mux).await.expect(461);
    let both = format!("{mux},RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"");
    let answer = peer.setup(&uri, &both).await.expect(200);
    assert!(answer.parameter("Transport", "RTCP-mux").is_none());
    assert_eq!(source_ports(&answer).len(), 2);
}

#[tokio::test]
async fn r2_rtp_04_to_one_address_goes_no_rtcp() {
    let mut live = Live::new().await;
    let pair = Pair::local().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let offer = format!("RTP/AVP;unicast;dest_addr=\":{}\"", pair.port());
    let answer = peer.setup(&uri, &offer).await.expect(200);
    assert_eq!(source_ports(&answer).len(), 1);
    live.report_and_send().await;
    ask(&mut peer, "PLAY").await.expect(200);
    let mut last = live.report_and_send().await;
    for _ in 0..5 {
        last = live.report_and_send().await;
    }
    loop {
        let got = pair.packet().await;
        assert_ne!(got[1], 200, "only media");
        if got == last {
            break;
        }
    }
    // The farewell, which would be a BYE, is none either.
    ask(&mut peer, "TEARDOWN").await.expect(200);
    let mut buffer = [0; 1500];
    for socket in [&pair.rtp, &pair.rtcp] {
        while let Ok(len) = socket.try_recv(&mut buffer) {
            assert!(!(192..=223).contains(&buffer[1]), "{:?}", &buffer[..len]);
        }
    }
}

#[tokio::test]
async fn r2_trans_15_r1_trans_07_media_from_another_address_name_it() {
    let server = server_with(|config| {
        config.threads = 1;
        config.media_address = Some([127, 0, 0, 2].into());
    })
    .await;
    let source = Source::tcp(&server, "/live", &av()).await;
    let mut live = Live::of(server, source);
    for version in VERSIONS {
        let pair = Pair::local().await;
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        let offer = match version {
            "RTSP/1.0" => pair.transport(),
            _ => format!(
                "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
                pair.port(),
                pair.port() + 1
            ),
        };
        let answer = peer.setup(&uri, &offer).await.expect(200);
        let rtp = match version {
            "RTSP/1.0" => {
                let source = answer.parameter("Transport", "source");
                assert_eq!(source.as_deref(), Some("127.0.0.2"));
                server_ports(&answer).0
            }
            _ => {
                let source = answer.parameter("Transport", "src_addr");
                assert!(source.is_some_and(|list| list.starts_with("\"127.0.0.2:")));
                source_ports(&answer)[0]
            }
        };
        ask(&mut peer, "PLAY").await.expect(200);
        let packet = live.send().await;
        let expected = ([127, 0, 0, 2], rtp).into();
        while receive(&pair.rtp).await != (packet.clone(), expected) {}
        ask(&mut peer, "TEARDOWN").await.expect(200);
    }
}

/// What a connection of its own brings: packets behind two octets of length.
async fn framed(stream: &mut TcpStream) -> Vec<u8> {
    let len = within("a length", stream.read_u16()).await.expect("open");
    let mut packet = vec![0; usize::from(len)];
    within("a packet", stream.read_exact(&mut packet))
        .await
        .expect("whole");
    packet
}

async fn connect(port: u16) -> TcpStream {
    within("connect", TcpStream::connect(("127.0.0.1", port)))
        .await
        .expect("connected")
}

/// PLAY as soon as the server has seen the connections.
async fn play_when_ready(peer: &mut Peer) -> Message {
    loop {
        let answer = ask(peer, "PLAY").await;
        match answer.status() {
            464 => tokio::task::yield_now().await,
            _ => return answer,
        }
    }
}

const ACTIVE: &str = "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=active;connection=new";

#[tokio::test]
async fn r2_rtp_17_r2_rtp_19_r2_rtp_21_r2_rtp_22_r2_code_33_the_server_listens() {
    let mut live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let answer = peer.setup(&uri, ACTIVE).await.expect(200);
    let transport = answer.expect_header("Transport").to_owned();
    assert!(transport.starts_with("RTP/AVP/TCP;unicast;"), "{transport}");
    assert!(!transport.contains("interleaved"), "{transport}");
    for (name, value) in [
        ("setup", "passive"),
        ("connection", "new"),
        ("dest_addr", "\"127.0.0.1:9\"/\"127.0.0.1:9\""),
    ] {
        let told = answer.parameter("Transport", name);
        assert_eq!(told.as_deref(), Some(value), "{transport}");
    }
    let ports = source_ports(&answer);
    assert_eq!(ports.len(), 2);
    ask(&mut peer, "PLAY").await.expect(464);
    let mut rtp = connect(ports[0]).await;
    let early = ask(&mut peer, "PLAY").await.expect(464);
    assert!(early.header("Range").is_some(), "as any refused PLAY");
    let mut rtcp = connect(ports[1]).await;
    let packet = live.report_and_send().await;
    play_when_ready(&mut peer).await.expect(200);
    assert_eq!(framed(&mut rtp).await, packet);
    let report = framed(&mut rtcp).await;
    assert_eq!(report[1], 200, "a sender report: {report:?}");
    for _ in 0..20 {
        let packet = live.send().await;
        assert_eq!(framed(&mut rtp).await, packet);
    }
    // Reports of the reader's, in one write and cut in two.
    let request = asks_for_key_frame(be32(&packet, 8));
    let mut wire = u16::try_from(request.len())
        .expect("short")
        .to_be_bytes()
        .to_vec();
    wire.extend(&request);
    rtcp.write_all(&wire[..5]).await.expect("written");
    rtcp.flush().await.expect("out");
    rtcp.write_all(&wire[5..]).await.expect("written");
    assert!(asked(&mut live.source).await.contains(&1), "PLI");
    // PAUSE keeps the connections, PLAY goes on with them, TEARDOWN ends them with a BYE.
    ask(&mut peer, "PAUSE").await.expect(200);
    ask(&mut peer, "PLAY").await.expect(200);
    let packet = live.send().await;
    while framed(&mut rtp).await != packet {}
    ask(&mut peer, "TEARDOWN").await.expect(200);
    while !has_rtcp(&framed(&mut rtcp).await, 203) {}
    for stream in [&mut rtp, &mut rtcp] {
        let end = within("the end", stream.read(&mut [0; 64])).await;
        assert!(matches!(end, Ok(0) | Err(_)), "closed");
    }
}

#[tokio::test]
async fn r2_trans_24_r2_rtp_18_the_server_opens_the_connections() {
    let mut live = Live::new().await;
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        TcpListener::bind("127.0.0.1:0").await.expect("a port"),
    ];
    let ports = listeners
        .each_ref()
        .map(|listener| listener.local_addr().expect("its address").port());
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let offer = format!(
        "RTP/AVP/TCP;unicast;dest_addr=\":{}\"/\":{}\";setup=passive;connection=new",
        ports[0], ports[1]
    );
    let answer = peer.setup(&uri, &offer).await.expect(200);
    assert_eq!(
        answer.parameter("Transport", "setup").as_deref(),
        Some("active")
    );
    assert_eq!(source_ports(&answer), [9, 9]);
    let mut streams = Vec::new();
    for listener in &listeners {
        streams.push(within("the server", listener.accept()).await.expect("it").0);
    }
    let packet = live.report_and_send().await;
    play_when_ready(&mut peer).await.expect(200);
    assert_eq!(framed(&mut streams[0]).await, packet);
    assert_eq!(framed(&mut streams[1]).await[1], 200);
}

#[tokio::test]
async fn r2_code_31_r1_trans_13_where_nobody_can_be_reached_is_462() {
    let live = Live::new().await;
    // Nobody's address.
    for (version, offer) in [
        (
            "RTSP/1.0",
            "RTP/AVP;unicast;destination=0.0.0.0;client_port=5000-5001",
        ),
        (
            "RTSP/2.0",
            "RTP/AVP;unicast;dest_addr=\"240.0.0.1:5000\"/\"240.0.0.1:5001\"",
        ),
    ] {
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, offer).await.expect(462);
        assert!(answer.header("Session").is_none());
    }
    // Ports where nobody listens: known when the connection is refused.
    let free = {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        taken.local_addr().expect("its address").port()
    };
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let offer = format!("RTP/AVP/TCP;unicast;dest_addr=\":{free}\";setup=passive");
    peer.setup(&uri, &offer).await.expect(200);
    play_when_ready(&mut peer).await.expect(462);
    // Another way is still open.
    peer.setup(&uri, TCP).await.expect(200);
    ask(&mut peer, "PLAY").await.expect(200);
}

#[tokio::test]
async fn r2_trans_26_connections_new_and_existing() {
    let mut live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let existing = "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=active;connection=existing";
    let default = "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\"";
    let connection = |answer: &Message| answer.parameter("Transport", "connection");
    // There is none yet.
    let answer = peer.setup(&uri, existing).await.expect(200);
    assert_eq!(connection(&answer).as_deref(), Some("new"));
    let ports = source_ports(&answer);
    let mut old = [connect(ports[0]).await, connect(ports[1]).await];
    let packet = live.report_and_send().await;
    play_when_ready(&mut peer).await.expect(200);
    assert_eq!(framed(&mut old[0]).await, packet);
    ask(&mut peer, "PAUSE").await.expect(200);
    for offer in [existing, default] {
        let answer = peer.setup(&uri, offer).await.expect(200);
        assert_eq!(connection(&answer).as_deref(), Some("existing"));
        assert_eq!(source_ports(&answer), ports);
        ask(&mut peer, "PLAY").await.expect(200);
        let packet = live.send().await;
        while framed(&mut old[0]).await != packet {}
        ask(&mut peer, "PAUSE").await.expect(200);
    }
    let answer = peer.setup(&uri, ACTIVE).await.expect(200);
    assert_eq!(connection(&answer).as_deref(), Some("new"));
    let new = source_ports(&answer);
    assert_ne!(new, ports);
    ask(&mut peer, "PLAY").await.expect(464);
    for stream in &mut old {
        // The stray report of the last PLAY, and the end.
        let mut rest = Vec::new();
        let _ = within("the end", stream.read_to_end(&mut rest)).await;
    }
    let mut rtp = connect(new[0]).await;
    let _rtcp = connect(new[1]).await;
    play_when_ready(&mut peer).await.expect(200);
    let packet = live.send().await;
    while framed(&mut rtp).await != packet {}
}

#[tokio::test]
async fn r2_rtp_22_multiplexed_on_one_connection_and_rtp_alone() {
    let mut live = Live::new().await;
    for (offer, muxed) in [
        ("RTP/AVP/TCP;unicast;dest_addr=\":9\";RTCP-mux", true),
        ("RTP/AVP/TCP;unicast;dest_addr=\":9\"", false),
    ] {
        let mut peer = live.peer("RTSP/2.0").await;
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, offer).await.expect(200);
        let ports = source_ports(&answer);
        assert_eq!(ports.len(), 1);
        let mut stream = connect(ports[0]).await;
        live.report_and_send().await;
        play_when_ready(&mut peer).await.expect(200);
        let last = live.report_and_send().await;
        let mut reports = 0;
        loop {
            let got = framed(&mut stream).await;
            reports += usize::from(got[1] == 200);
            if got == last {
                break;
            }
        }
        assert_eq!(reports > 0, muxed, "{offer}");
        ask(&mut peer, "TEARDOWN").await.expect(200);
    }
}

#[tokio::test]
async fn a_data_connection_of_somebody_else_is_nobodys() {
    let mut live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let offer = "RTP/AVP/TCP;unicast;dest_addr=\":9\"";
    let answer = peer.setup(&uri, offer).await.expect(200);
    let port = source_ports(&answer)[0];
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.3:0".parse().expect("an address"))
        .expect("bound");
    let to = ([127, 0, 0, 1], port).into();
    let mut stranger = socket.connect(to).await.expect("connected");
    let end = within("the end", stranger.read(&mut [0; 64])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "closed");
    ask(&mut peer, "PLAY").await.expect(464);
    let mut own = connect(port).await;
    play_when_ready(&mut peer).await.expect(200);
    let packet = live.send().await;
    assert_eq!(framed(&mut own).await, packet);
    // One is all that it takes.
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    // Without its connection the session has no way: PLAY is to wait for another.
    drop(own);
    ask(&mut peer, "PAUSE").await.expect(200);
    while ask(&mut peer, "PLAY").await.status() != 464 {
        ask(&mut peer, "PAUSE").await;
    }
}

/// A report on `source`: nothing lost, and `highest` the last that came.
fn reception(source: u32, highest: u16) -> Vec<u8> {
    let mut out = vec![0x81, 201, 0, 7, 0, 0, 0, 7];
    out.extend(source.to_be_bytes());
    out.extend([0, 0, 0, 0]);
    out.extend(u32::from(highest).to_be_bytes());
    out.extend([0; 12]);
    out
}

#[tokio::test]
async fn r2_rtp_11_what_does_not_arrive_is_not_sent_on() {
    for version in VERSIONS {
        let server = server(1).await;
        let source = Source::tcp(&server, "/live", &av()).await;
        let mut live = Live::of(server, source);
        let pair = Pair::local().await;
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        let offer = match version {
            "RTSP/1.0" => pair.transport(),
            _ => format!(
                "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
                pair.port(),
                pair.port() + 1
            ),
        };
        let answer = peer.setup(&uri, &offer).await.expect(200);
        let to = match version {
            "RTSP/1.0" => server_ports(&answer).1,
            _ => source_ports(&answer)[1],
        };
        ask(&mut peer, "PLAY").await.expect(200);
        let packet = live.send().await;
        while pair.packet().await != packet {}
        let (ssrc, highest) = (be32(&packet, 8), crate::source::sequence(&packet));
        // As long as it says that more arrives, more comes.
        for _ in 0..20 {
            let packet = live.send().await;
            assert_eq!(pair.packet().await, packet);
            let report = reception(ssrc, crate::source::sequence(&packet));
            pair.rtcp
                .send_to(&report, ("127.0.0.1", to))
                .await
                .expect("sent");
        }
        // Then it says that nothing does any more, and is told goodbye.
        let mut buffer = [0; 1500];
        let stuck = reception(ssrc, highest);
        within("the end", async {
            loop {
                live.send().await;
                let _ = pair.rtcp.send_to(&stuck, ("127.0.0.1", to)).await;
                live.source.peer.sync().await;
                if let Ok(len) = pair.rtcp.try_recv(&mut buffer)
                    && has_rtcp(&buffer[..len], 203)
                {
                    return;
                }
            }
        })
        .await;
        match version {
            "RTSP/1.0" => drop(peer.until_closed().await),
            _ => match peer.next().await {
                crate::peer::Event::Message(message) => {
                    assert!(message.first_line.starts_with("TEARDOWN"), "{message:?}");
                    let reason = message.expect_header("Terminate-Reason");
                    assert!(reason.contains("no media arrive"), "{reason}");
                }
                other => panic!("{other:?}"),
            },
        }
        // The way rests: nobody gets it at once.
        let mut again = live.peer(version).await;
        let uri = track(&again, 0);
        again.setup(&uri, &offer).await.expect(461);
        again.setup(&uri, TCP).await.expect(200);
    }
}

/// Our own client, each way that it can: packets come as they were published, and so do sender reports where there are such.
#[tokio::test]
async fn r2_rtp_01_r2_rtp_20_r2_rtp_22_the_client_plays_each_way() {
    use rtsp_client::{Client, Event, Options, PlayOptions, TransportPolicy, VersionPolicy};
    for policy in [
        TransportPolicy::Udp,
        TransportPolicy::Tcp,
        TransportPolicy::Connections,
        TransportPolicy::ServerConnects,
    ] {
        let mut live = Live::new().await;
        let url = format!("rtsp://{}/live", address(&live.server));
        let mut options = Options::default();
        options.transport = policy;
        options.version = VersionPolicy::V2_0;
        live.report_and_send().await;
        let described = Client::describe(&url, options).await.expect("described");
        let mut playing = described.play(PlayOptions::default()).await.expect("plays");
        let last = live.report_and_send().await;
        let mut reported = false;
        within("the last packet", async {
            loop {
                match playing.next_event().await.expect("it plays") {
                    Some(Event::Packet(got)) if got.packet.bytes()[..] == last[..] => break,
                    Some(Event::Clocks { .. }) => reported = true,
                    Some(_) => {}
                    None => panic!("{policy:?}: {:?}", playing.end()),
                }
            }
        })
        .await;
        assert!(reported, "{policy:?}");
        playing.close().await;
    }
}

#[tokio::test]
async fn r2_sec_05_data_connections_that_are_waited_for_are_connections() {
    for (room, status) in [(3, 461), (4, 200)] {
        let server = server_with(|config| {
            config.limits.connections_per_address = room;
            config.limits.limit_loopback = true;
        })
        .await;
        let mut source = Source::tcp(&server, "/live", &av()).await;
        source.peer.sync().await;
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = "RTSP/2.0";
        let uri = track(&peer, 0);
        peer.setup(&uri, ACTIVE).await.expect(status);
    }
}
