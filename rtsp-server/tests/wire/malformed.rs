//! What peers should not send. Each is answered or ends its own connection; a good reader plays through all of it.

use rtsp_server::ServerHandle;
use tokio::io::AsyncWriteExt as _;

use crate::{
    peer::{Event, Message, Pair, Peer, server_ports},
    source::{Source, Track, address, av, server, video},
};

/// A stream with one reader, and both without fault.
struct Witness {
    source: Source,
    reader: Peer,
    track: Track,
}

impl Witness {
    async fn new(server: &ServerHandle) -> Self {
        let source = Source::tcp(server, "/good", &video()).await;
        let mut reader = Peer::connect(address(server)).await;
        reader.play_tcp("/good", 1).await;
        Self {
            source,
            reader,
            track: Track::video(),
        }
    }

    /// Packets go through, each next after the one before.
    async fn plays(&mut self) {
        for _ in 0..3 {
            let packet = self.track.key(500);
            self.source.send(0, &packet).await;
            assert!(self.reader.frame_on(0).await == packet);
        }
    }
}

async fn raw(peer: &mut Peer, bytes: &[u8]) -> Message {
    peer.send(bytes).await;
    peer.response("what was sent raw").await
}

/// Sends what the server may stop reading at any point; returns what it answered until it closed or fell silent.
async fn flood(server: &ServerHandle, bytes: &[u8]) -> Vec<Event> {
    let mut peer = Peer::connect(address(server)).await;
    let (mut reading, mut writing) = (Vec::new(), bytes);
    // The server may close while there is still something to send.
    loop {
        tokio::select! {
            written = peer.stream.write(writing), if !writing.is_empty() => match written {
                Ok(count) => writing = &writing[count..],
                Err(_) => writing = &[],
            },
            else => break,
        }
    }
    let _ = peer.stream.shutdown().await;
    loop {
        match peer.next().await {
            Event::Closed => return reading,
            event => reading.push(event),
        }
    }
}

#[tokio::test]
async fn malformed_requests_get_400_with_their_cseq_and_the_connection_lives() {
    let server = server(1).await;
    let mut witness = Witness::new(&server).await;
    for request in [
        "DESCRIBE rtsp://h/x y RTSP/1.0\r\nCSeq: 7\r\n\r\n",
        "DESCRIBE \x01\x02 RTSP/1.0\r\nCSeq: 7\r\n\r\n",
        "SETUP rtsp://127.0.0.1/good/trackID=0 RTSP/1.0\r\nCSeq: 7\r\n\r\n",
        "SETUP rtsp://127.0.0.1/good/trackID=0 RTSP/1.0\r\nCSeq: 7\r\nTransport: \r\n\r\n",
        "DESCRIBE http://[::1/x RTSP/1.0\r\nCSeq: 7\r\n\r\n",
        "DESCRIBE rtsp://127.0.0.1/good RTSP/1.0\r\nCSeq: 7\r\nno colon here\r\n\r\n",
        "DESCRIBE * RTSP/1.0\r\nCSeq: 7\r\n\r\n",
    ] {
        let mut peer = Peer::connect(address(&server)).await;
        let answer = raw(&mut peer, request.as_bytes()).await;
        assert_eq!(answer.status(), 400, "{request:?}: {answer:#?}");
        assert_eq!(answer.header("CSeq"), Some("7"), "{request:?}: {answer:#?}");
        assert!(answer.first_line.starts_with("RTSP/1.0 400 "));
        peer.sync().await;
        witness.plays().await;
    }
    // Without a CSeq there is none to repeat.
    let mut peer = Peer::connect(address(&server)).await;
    let answer = raw(&mut peer, b"OPTIONS * RTSP/1.0\r\n\r\n").await;
    assert_eq!((answer.status(), answer.header("CSeq")), (400, None));
    peer.sync().await;
}

#[tokio::test]
async fn lengths_that_are_none_are_refused_before_memory_is_taken() {
    let server = server(1).await;
    let mut witness = Witness::new(&server).await;
    for (length, status) in [
        ("9223372036854775808", 413),
        ("18446744073709551616", 400),
        ("99999999999999999999999999", 400),
        ("-1", 400),
        ("+5", 400),
        ("0x10", 400),
        ("1 2", 400),
        ("5\r\nContent-Length: 6", 400),
        ("262145", 413),
        ("4294967295", 413),
    ] {
        let request = format!(
            "ANNOUNCE rtsp://127.0.0.1/x RTSP/1.0\r\nCSeq: 9\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut peer = Peer::connect(address(&server)).await;
        // Not a byte of the body is sent: the refusal does not wait for it.
        let answer = raw(&mut peer, request.as_bytes()).await;
        let got = answer.status();
        assert!(
            got == status || (got == 413 && length.len() > 19),
            "{length}: {answer:#?}"
        );
        assert_eq!(answer.header("CSeq"), Some("9"), "{length}");
        witness.plays().await;
    }
    // The same length twice is one length; the largest that is allowed is waited for.
    let mut peer = Peer::connect(address(&server)).await;
    let request = "GET_PARAMETER rtsp://127.0.0.1/x RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab";
    let status = raw(&mut peer, request.as_bytes()).await.status();
    assert!(status == 451 || status == 400, "{status}");
}

#[tokio::test]
async fn heads_without_end_are_given_up() {
    let server = server(1).await;
    let mut witness = Witness::new(&server).await;
    let many = |count: usize| -> Vec<u8> {
        let mut out = b"OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n".to_vec();
        (0..count).for_each(|at| out.extend_from_slice(format!("X-{at}: y\r\n").as_bytes()));
        out.extend_from_slice(b"\r\n");
        out
    };
    let mut endless = b"OPTIONS * RTSP/1.0\r\nCSeq: 5\r\nX: ".to_vec();
    endless.resize(4 << 20, b'a');
    let mut target = b"DESCRIBE rtsp://127.0.0.1/".to_vec();
    target.resize(1 << 20, b'a');
    let spaces = vec![b' '; 1 << 20];
    let newlines = b"\r\n".repeat(1 << 19);
    for (what, bytes) in [
        ("ten thousand headers", many(10_000)),
        ("an endless header", endless),
        ("an endless target", target),
        ("spaces", spaces),
        ("newlines", newlines),
    ] {
        for event in flood(&server, &bytes).await {
            match event {
                Event::Message(answer) => {
                    let status = answer.status();
                    assert!(
                        (400..500).contains(&status) && status != 404,
                        "{what}: {answer:#?}"
                    );
                }
                other => panic!("{what}: {other:?}"),
            }
        }
        witness.plays().await;
    }
    // A hundred headers are none too many.
    let mut peer = Peer::connect(address(&server)).await;
    assert_eq!(raw(&mut peer, &many(100)).await.status(), 200);
}

#[tokio::test]
async fn garbage_ends_only_the_connection_that_it_came_on() {
    let server = server(2).await;
    let mut witness = Witness::new(&server).await;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = |len: usize| -> Vec<u8> {
        (0..len)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect()
    };
    for round in 0..12 {
        let mut bytes = match round % 4 {
            0 => noise(200_000),
            1 => b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            2 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(50),
            _ => b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n".repeat(100),
        };
        if round >= 8 {
            let tail = noise(10_000);
            bytes.extend_from_slice(&tail);
        }
        flood(&server, &bytes).await;
        witness.plays().await;
    }
}

#[tokio::test]
async fn frames_on_channels_that_nobody_set_up_are_dropped() {
    let server = server(2).await;
    let mut witness = Witness::new(&server).await;
    let mut peer = Peer::connect(address(&server)).await;
    let mut forged = Track::video();
    for channel in [0, 1, 2, 200, 255] {
        for size in [0, 1, 11, 12, 1400, 65_535] {
            let mut packet = forged.key(size);
            packet.truncate(size);
            peer.send_frame(channel, &packet).await;
        }
    }
    peer.sync().await;
    // A reader that sends media is no publisher; what it sends as reports is looked at with care.
    for channel in [0, 1] {
        for bytes in [
            &b""[..],
            b"x",
            &[0x80, 201, 0xff, 0xff],
            &[0x81, 201, 0, 1, 0, 0, 0, 0],
            &[0xff; 1000],
        ] {
            witness.reader.send_frame(channel, bytes).await;
        }
    }
    witness.plays().await;
    // What a publisher sends that is no RTP reaches nobody.
    for bytes in [&b""[..], b"x", &[0x80; 11], &[0x40; 100], &[0x9f; 40]] {
        witness.source.peer.send_frame(0, bytes).await;
        witness.source.peer.send_frame(1, bytes).await;
        witness.source.peer.send_frame(77, bytes).await;
    }
    witness.plays().await;
}

#[tokio::test]
async fn requests_may_come_byte_by_byte() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let track = format!("{uri}/trackID=0");
    let mut all = peer.request("DESCRIBE", &uri, "", b"");
    all.extend(peer.request(
        "SETUP",
        &track,
        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
        b"",
    ));
    all.extend(crate::peer::frame(1, &[0x80, 201, 0, 1, 0, 0, 0, 9]));
    all.extend(b"\r\n");
    all.extend(peer.request("GET_PARAMETER", &uri, "", b"volume\r\n"));
    for byte in &all {
        peer.send(&[*byte]).await;
    }
    assert_eq!(peer.response("DESCRIBE").await.status(), 200);
    let setup = peer.response("SETUP").await.expect(200);
    assert_eq!(peer.response("GET_PARAMETER").await.status(), 451);
    peer.session = setup
        .expect_header("Session")
        .split(';')
        .next()
        .map(str::to_owned);
    for byte in peer.request("PLAY", &uri, "", b"") {
        peer.send(&[byte]).await;
    }
    assert_eq!(peer.response("PLAY").await.status(), 200);
    // And so may media.
    let packet = Track::video().key(60);
    for byte in crate::peer::frame(0, &packet) {
        source.peer.send(&[byte]).await;
    }
    assert_eq!(peer.frame_on(0).await, packet);
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_answered_in_order() {
    let server = server(2).await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let mut all = Vec::new();
    for at in 0..100 {
        let method = ["OPTIONS", "DESCRIBE", "GET_PARAMETER", "PLAY"][at % 4];
        all.extend(peer.request(method, &uri, "", b""));
    }
    peer.send(&all).await;
    for at in 0..100 {
        let answer = peer.response("one of a hundred").await;
        assert_eq!(answer.expect_header("CSeq"), (at + 1).to_string());
        assert_eq!(answer.status(), [200, 200, 200, 454][at % 4]);
    }
}

#[tokio::test]
async fn each_refusal_has_its_status() {
    let server = server(1).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let (uri, none) = (peer.uri("/live"), peer.uri("/none"));
    let answer = peer.ask("OPTIONS", "*", "").await.expect(200);
    let public = answer.expect_header("Public");
    for method in [
        "OPTIONS",
        "DESCRIBE",
        "ANNOUNCE",
        "SETUP",
        "PLAY",
        "PAUSE",
        "RECORD",
        "TEARDOWN",
        "GET_PARAMETER",
    ] {
        assert!(public.contains(method), "{public}");
    }
    peer.ask("FLY", &uri, "")
        .await
        .expect(501)
        .expect_header("Public");
    let answer = raw(
        &mut peer,
        format!("DESCRIBE {uri} RTSP/3.0\r\nCSeq: 2\r\n\r\n").as_bytes(),
    )
    .await;
    assert_eq!(answer.status(), 505);
    let answer = peer
        .ask("DESCRIBE", &uri, "Require: dancing, singing\r\n")
        .await
        .expect(551);
    assert_eq!(answer.expect_header("Unsupported"), "dancing, singing");
    peer.ask("DESCRIBE", &none, "").await.expect(404);
    peer.ask("PLAY", &uri, "").await.expect(454);
    peer.ask("TEARDOWN", &uri, "").await.expect(454);
}

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

#[tokio::test]
async fn each_refusal_of_a_setup_has_its_status() {
    let server = server(1).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let (track, third) = (format!("{uri}/trackID=0"), format!("{uri}/trackID=2"));
    peer.setup(&uri, TCP).await.expect(459);
    peer.setup(&third, TCP).await.expect(404);
    for transport in [
        "RTP/SAVP;unicast;client_port=5000-5001",
        "RAW/RAW/UDP;unicast;client_port=5000-5001",
        "RTP/AVP;multicast",
        "RTP/AVP;unicast",
        "RTP/AVP;unicast;client_port=0-0",
        "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record",
    ] {
        let status = peer.setup(&track, transport).await.status();
        assert_eq!(status, 461, "{transport}");
    }
    // Never to somebody else.
    for destination in ["127.0.0.2", "192.0.2.1", "example.com", "::1"] {
        let transport = format!("RTP/AVP;unicast;destination={destination};client_port=5000-5001");
        let status = peer.setup(&track, &transport).await.status();
        assert!(status == 403 || status == 463, "{destination}: {status}");
    }
    assert!(peer.session.is_none(), "no session came of any of it");
}

#[tokio::test]
async fn each_refusal_in_a_session_has_its_status() {
    let server = server(1).await;
    let _source = Source::tcp(&server, "/live", &av()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let (track, other) = (format!("{uri}/trackID=0"), format!("{uri}/trackID=1"));
    peer.setup(&track, TCP).await.expect(200);
    let answer = peer.ask("PAUSE", &uri, "").await.expect(455);
    assert!(answer.expect_header("Allow").contains("PLAY"));
    peer.ask("RECORD", &uri, "").await.expect(455);
    peer.setup(&other, "RTP/AVP/TCP;unicast;interleaved=2-3")
        .await
        .expect(200);
    peer.ask("PLAY", &track, "").await.expect(460);
    peer.ask("PLAY", &uri, "").await.expect(200);
    peer.ask("PAUSE", &other, "").await.expect(460);
    let answer = peer
        .ask_with("GET_PARAMETER", &uri, "", b"jitter\r\n")
        .await
        .expect(451);
    assert!(answer.text().contains("jitter"));
    peer.ask("GET_PARAMETER", &uri, "").await.expect(200);
    peer.ask("TEARDOWN", &uri, "").await.expect(200);
    peer.ask("TEARDOWN", &uri, "").await.expect(454);
}

#[tokio::test]
async fn a_port_in_use_is_refused_and_its_owner_undisturbed() {
    let server = server(1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut owner = Peer::connect(address(&server)).await;
    let pair = Pair::local().await;
    let track = format!("{}/trackID=0", owner.uri("/live"));
    let answer = owner.setup(&track, &pair.transport()).await.expect(200);
    let mut thief = Peer::connect(address(&server)).await;
    for (rtp, rtcp) in [(0, 1), (1, 2), (0, 9)] {
        let transport = format!(
            "RTP/AVP;unicast;client_port={}-{}",
            pair.port() + rtp,
            pair.port() + rtcp
        );
        let status = thief.setup(&track, &transport).await.status();
        if (rtp, rtcp) == (1, 2) {
            // Not the same: what RTP goes to there is RTCP's here. Either is right, as long as the owner keeps its own.
            assert!(status == 461 || status == 200, "{status}");
            thief.session = None;
        } else {
            assert_eq!(status, 461);
        }
    }
    // Nor can it be had by who sends to our own ports.
    let (rtp, _) = server_ports(&answer);
    let mut echo = Peer::connect(address(&server)).await;
    let transport = format!("RTP/AVP;unicast;client_port={rtp}-{}", rtp + 1);
    echo.setup(&track, &transport).await;
    let uri = owner.uri("/live");
    owner.ask("PLAY", &uri, "").await.expect(200);
    let packet = Track::video().key(100);
    source.send(0, &packet).await;
    assert_eq!(pair.packet().await, packet);
}

#[tokio::test]
async fn sessions_of_one_connection_are_limited() {
    let server =
        crate::source::server_with(|config| config.limits.sessions_per_connection = 4).await;
    let mut witness = Witness::new(&server).await;
    let mut peer = Peer::connect(address(&server)).await;
    let track = format!("{}/trackID=0", peer.uri("/good"));
    for at in 0..6 {
        peer.session = None;
        let status = peer
            .setup(&track, "RTP/AVP/TCP;unicast;interleaved=0-1")
            .await
            .status();
        assert_eq!(status, if at < 4 { 200 } else { 453 }, "SETUP {at}");
    }
    let refused = server.refused(rtsp_server::Limit::SessionsPerConnection);
    assert_eq!(refused, 2);
    witness.plays().await;
}
