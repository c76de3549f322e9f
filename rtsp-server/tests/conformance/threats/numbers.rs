//! Lines that are too short or too long, and numbers that are none: refused, and the connection lives or ends in order.

use rtsp_server::Publisher;
use tokio::io::AsyncWriteExt as _;

use super::{is_unharmed, publish};
use crate::{
    TCP, VERSIONS, ask,
    peer::{Event, Peer, within},
    ready,
    source::{address, announce, server, video},
    track,
};

/// Numbers that are none, or far too many.
const NUMBERS: [&str; 22] = [
    "",
    "-",
    "+",
    "-0",
    "-1",
    "+1",
    "0x10",
    "1e308",
    "1e999",
    "-1e308",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "infinity",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "1.",
    "\u{661}",
];

/// Sends octets and says which statuses came back until it closed, or answered the request that follows.
async fn statuses(peer: &mut Peer, bytes: &[u8]) -> Vec<u16> {
    let end = peer.request("OPTIONS", "*", "X-End: 1\r\n", b"");
    let last = peer.cseq.to_string();
    // It may close before all is sent.
    let _ = within("send", peer.stream.write_all(bytes)).await;
    let _ = within("send", peer.stream.write_all(&end)).await;
    let mut all = Vec::new();
    loop {
        match peer.next().await {
            Event::Message(answer) if answer.header("CSeq") == Some(&last) => return all,
            Event::Message(answer) => all.push(answer.status()),
            Event::Frame(..) => {}
            Event::Closed => return all,
        }
    }
}

/// Each is tried on a connection of its own; none is taken for good.
async fn are_refused(
    publisher: &mut Publisher,
    server: &rtsp_server::ServerHandle,
    all: &[Vec<u8>],
) {
    for bytes in all {
        let mut peer = Peer::connect(address(server)).await;
        // Numbers of requests that are none cannot be mistaken for its own.
        peer.cseq = 70_000;
        for status in statuses(&mut peer, bytes).await {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]);
            assert!(
                (400..=505).contains(&status) && status != 500,
                "{status} to {shown}"
            );
        }
    }
    is_unharmed(server, publisher).await;
}

#[tokio::test]
async fn threat_request_line_underflow() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let mut all: Vec<Vec<u8>> = Vec::new();
    for line in [
        " ",
        "  ",
        "\t",
        "\0",
        "\0\0\0\0",
        "a",
        "?",
        " ?",
        "/",
        " / ",
        "DESCRIBE",
        "DESCRIBE ",
        " DESCRIBE",
        "DESCRIBE  RTSP/1.0",
        " DESCRIBE rtsp://h/live RTSP/1.0",
        "\tDESCRIBE rtsp://h/live RTSP/1.0",
        "DESCRIBE rtsp: RTSP/1.0",
        "DESCRIBE rtsp:/ RTSP/1.0",
        "DESCRIBE rtsp:// RTSP/1.0",
        "DESCRIBE rtsp://: RTSP/1.0",
        "DESCRIBE rtsp://@ RTSP/1.0",
        "DESCRIBE ? RTSP/1.0",
        "DESCRIBE rtsp://h? RTSP/",
        "DESCRIBE rtsp://h/live RTSP",
        "DESCRIBE rtsp://h/live RTSP/",
        "DESCRIBE rtsp://h/live RTSP/1",
        "DESCRIBE rtsp://h/live RTSP/1.",
        "DESCRIBE rtsp://h/live RTSP/.0",
        "DESCRIBE rtsp://h/live RTSP/9.9",
        "RTSP/1.0",
        "RTSP/1.0 ",
        "DESCRIBE rtsp://h/live RTSP/1.0 RTSP/1.0",
        "DESCRIBE\0rtsp://h/live\0RTSP/1.0",
        "DESCRIBE rtsp://h/\0 RTSP/1.0",
        ":",
        ": :",
    ] {
        for end in [
            "\r\nCSeq: 1\r\n\r\n",
            "\r\n\r\n",
            "\n\n",
            "\r\r",
            "\0\r\n\r\n",
        ] {
            all.push(format!("{line}{end}").into_bytes());
        }
    }
    are_refused(&mut publisher, &server, &all).await;
}

#[tokio::test]
async fn threat_content_length() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let mut all = Vec::new();
    for version in VERSIONS {
        for method in ["ANNOUNCE", "SET_PARAMETER", "GET_PARAMETER", "PLAY"] {
            for number in NUMBERS {
                for lines in [
                    format!("Content-Length: {number}\r\n"),
                    format!("Content-Length: 4\r\nContent-Length: {number}\r\n"),
                    format!("Content-Length: {number}\r\nContent-Length: 4\r\n"),
                    format!("Content-Length: 4, {number}\r\n"),
                ] {
                    let head = format!(
                        "{method} rtsp://h/none {version}\r\nCSeq: 1\r\nSession: none\r\n{lines}\r\n"
                    );
                    all.push(head.into_bytes());
                }
            }
        }
    }
    are_refused(&mut publisher, &server, &all).await;
}

#[tokio::test]
async fn threat_assertion_on_client_numbers() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    for version in VERSIONS {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        ready(&mut peer).await;
        for header in [
            "Scale",
            "Speed",
            "Bandwidth",
            "Blocksize",
            "Max-Forwards",
            "Timestamp",
            "Session",
            "RTP-Info",
            "Seek-Style",
            "Pipelined-Requests",
        ] {
            for number in NUMBERS {
                for value in [
                    number.to_owned(),
                    format!("{number};timeout={number}"),
                    format!("{number}:{number}"),
                ] {
                    let uri = peer.uri("/live");
                    for method in ["PLAY", "PAUSE", "GET_PARAMETER"] {
                        let lines = format!("{header}: {value}\r\n");
                        let answer = peer.ask(method, &uri, &lines).await;
                        assert_ne!(answer.status(), 500, "{method} with {lines}");
                    }
                }
            }
        }
        for number in NUMBERS {
            for transport in [
                format!("RTP/AVP;unicast;client_port={number}"),
                format!("RTP/AVP;unicast;client_port={number}-{number}"),
                format!(
                    "RTP/AVP;unicast;client_port=5000-{number};ttl={number};layers={number};ssrc={number}"
                ),
                format!("RTP/AVP/TCP;unicast;interleaved={number}-{number}"),
                format!("RTP/AVP;unicast;dest_addr=\":{number}\"/\":{number}\""),
            ] {
                let mut peer = Peer::connect(address(&server)).await;
                peer.version = version;
                let uri = track(&peer, 0);
                let answer = peer.setup(&uri, &transport).await;
                assert_ne!(answer.status(), 500, "{transport}");
                if answer.status() == 200 {
                    ask(&mut peer, "TEARDOWN").await.expect(200);
                }
            }
        }
        ask(&mut peer, "TEARDOWN").await.expect(200);
    }
    is_unharmed(&server, &mut publisher).await;
}

/// Numbers in descriptions.
#[tokio::test]
async fn threat_numeric_laxity() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let mut tried = 0;
    for number in NUMBERS {
        for (from, to) in [
            ("m=video 0 ", format!("m=video {number} ")),
            ("m=video 0 ", format!("m=video 0/{number} ")),
            ("RTP/AVP 96", format!("RTP/AVP {number}")),
            (
                "a=rtpmap:96 H264/90000",
                format!("a=rtpmap:{number} H264/90000"),
            ),
            (
                "a=rtpmap:96 H264/90000",
                format!("a=rtpmap:96 H264/{number}"),
            ),
            ("t=0 0", format!("t={number} {number}")),
            ("o=- 19 1", format!("o=- {number} {number}")),
            (
                "a=control:streamid=0",
                format!("b=AS:{number}\r\na=control:streamid=0"),
            ),
            (
                "a=control:streamid=0",
                format!("a=framerate:{number}\r\na=control:streamid=0"),
            ),
            (
                "a=control:streamid=0",
                format!("a=range:npt={number}-{number}\r\na=control:streamid=0"),
            ),
            (
                "c=IN IP4 127.0.0.1",
                format!("c=IN IP4 239.0.0.1/{number}/{number}"),
            ),
        ] {
            let sdp = video().replace(from, &to);
            assert!(sdp.contains(&to));
            let mut peer = Peer::connect(address(&server)).await;
            // The one before may not be gone yet.
            tried += 1;
            let path = format!("/bomb{tried}");
            let status = announce(&mut peer, &path, &sdp).await.status();
            assert!([200, 400, 415].contains(&status), "{status} to {to}");
            if status == 200 {
                let uri = format!("{}/streamid=0", peer.uri(&path));
                let answer = peer.setup(&uri, &format!("{TCP};mode=record")).await;
                assert_ne!(answer.status(), 500, "{to}");
            }
        }
    }
    is_unharmed(&server, &mut publisher).await;
}

#[tokio::test]
async fn threat_range_and_seek() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let mut ranges = vec![
        "npt=10-5".to_owned(),
        "npt=now-now".into(),
        "npt=-".into(),
        "npt=".into(),
        "npt".into(),
        "=".into(),
        "npt=0-;time=".into(),
        "clock=99991231T235959Z-".into(),
        "clock=00000000T000000Z-99999999T999999Z".into(),
        "clock=20260230T250061.999999999999999999999Z-".into(),
        "smpte=10:61:61:61-".into(),
        "smpte-30-drop=99:99:99:99.99-00:00:00:00".into(),
        "smpte=0:0:0:9999999999-".into(),
        "npt=1:99:99.9999999999999999999999-".into(),
        format!("clock={}Z-", "2".repeat(10_000)),
        format!("npt={}-", "9".repeat(10_000)),
        format!("npt=0.{}-", "9".repeat(10_000)),
    ];
    for unit in ["npt", "clock", "smpte", "smpte-25"] {
        ranges.extend(
            NUMBERS
                .iter()
                .map(|number| format!("{unit}={number}-{number}")),
        );
    }
    for version in VERSIONS {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        ready(&mut peer).await;
        for range in &ranges {
            let uri = peer.uri("/live");
            for method in ["PLAY", "PAUSE", "GET_PARAMETER"] {
                let lines = format!("Range: {range}\r\n");
                let answer = peer.ask(method, &uri, &lines).await;
                assert_ne!(answer.status(), 500, "{method} with {range:.60}");
            }
        }
        ask(&mut peer, "TEARDOWN").await.expect(200);
    }
    is_unharmed(&server, &mut publisher).await;
}

#[tokio::test]
async fn threat_uri_overflow() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let mut all = Vec::new();
    for version in VERSIONS {
        for method in ["DESCRIBE", "SETUP", "PLAY", "ANNOUNCE", "TEARDOWN"] {
            for uri in [
                format!("rtsp://h/{}", "a".repeat(5_000)),
                format!("rtsp://h/{}", "%41".repeat(2_000)),
                format!("rtsp://{}/", "h".repeat(5_000)),
                format!("rtsp://h:{}/", "9".repeat(5_000)),
                format!("rtsp://{}@h/", "u".repeat(5_000)),
                format!("rtsp://h/none?{}", "a=b&".repeat(1_500)),
                format!("rtsp://h/{}", "../".repeat(1_000)),
                format!("rtsp://h/{}", "/".repeat(4_000)),
                format!("rtsp://h/files/{}none.mp4", "%2e%2e%2f".repeat(300)),
                format!("rtsp://[{}]/", ":".repeat(3_000)),
                "rtsp://h/%".into(),
                "rtsp://h/%0".into(),
                "rtsp://h/%00%ff%zz".into(),
            ] {
                all.push(format!("{method} {uri} {version}\r\nCSeq: 1\r\n\r\n").into_bytes());
            }
        }
    }
    are_refused(&mut publisher, &server, &all).await;
}

/// Long headers of HTTP, as tunnels have them, and of RTSP.
#[tokio::test]
async fn threat_header_copy_overflow() {
    let server = server(2).await;
    let mut publisher = publish(&server);
    let long = "A".repeat(70_000);
    let mut all = Vec::new();
    for name in [
        "Accept",
        "x-sessioncookie",
        "CSeq",
        "Session",
        "Transport",
        "User-Agent",
        &long,
    ] {
        for start in [
            "DESCRIBE rtsp://h/none RTSP/1.0",
            "SETUP rtsp://h/none RTSP/2.0",
        ] {
            all.push(format!("{start}\r\n{name}: {long}\r\n\r\n").into_bytes());
        }
    }
    are_refused(&mut publisher, &server, &all).await;
    // HTTP is answered in HTTP, and that is the end.
    for start in ["GET /live HTTP/1.1", "POST /live HTTP/1.0"] {
        for name in ["Accept", "x-sessioncookie"] {
            let mut stream = tokio::net::TcpStream::connect(address(&server))
                .await
                .expect("a server");
            let _ = stream
                .write_all(format!("{start}\r\n{name}: {long}\r\n\r\n").as_bytes())
                .await;
            let mut said = Vec::new();
            let _ = within(
                "the end",
                tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut said),
            )
            .await;
            assert!(
                said.is_empty() || said.starts_with(b"HTTP/1."),
                "{:?}",
                String::from_utf8_lossy(&said)
            );
        }
    }
    is_unharmed(&server, &mut publisher).await;
}
