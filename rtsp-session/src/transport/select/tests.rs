use super::*;
use crate::transport::offer;
use rtsp_msg::headers::Transport;
use rtsp_msg::{Header, HeaderName, Headers};

fn offers(text: &str) -> Vec<TransportSpec> {
    let mut headers = Headers::new();
    headers.append(HeaderName::Transport, text);
    headers
        .typed::<Transport>()
        .ok()
        .flatten()
        .map(|transport| transport.0)
        .unwrap_or_default()
}

/// The answer to an offer as text, or the status of the refusal.
fn answer(text: &str, version: Version, direction: Direction, peer: &str) -> String {
    let mut channels = ChannelMap::new();
    channels.insert(0, 1);
    let can = Capabilities {
        version,
        direction,
        peer: peer.parse().unwrap(),
        channels: Some(&channels),
        server_ports: Some((6000, 6001)),
    };
    match select(&offers(text), &can) {
        Ok(transport) => {
            let spec = transport.to_spec(version, direction, "192.0.2.1".parse().unwrap(), None);
            let mut text = String::new();
            Transport(vec![spec]).encode(&mut text);
            text
        }
        Err(error) => error.status_in(version).code().to_string(),
    }
}

/// Offers of RTSP/1.0 peers, and the answer to each.
const OFFERS: &[(&str, &str)] = &[
    // FFmpeg, GStreamer, live555.
    (
        "RTP/AVP/TCP;unicast;interleaved=2-3",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    (
        "RTP/AVP/UDP;unicast;client_port=5000-5001",
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
    ),
    (
        "RTP/AVP;unicast;client_port=5000-5001",
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
    ),
    (
        "RTP/AVP;unicast;client_port=5000",
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
    ),
    // Channels in use, odd, single, none.
    (
        "RTP/AVP/TCP;unicast;interleaved=0-1",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    (
        "RTP/AVP/TCP;unicast;interleaved=5-9",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    (
        "RTP/AVP/TCP;unicast;interleaved=4",
        "RTP/AVP/TCP;unicast;interleaved=4-5",
    ),
    ("RTP/AVP/TCP;unicast", "RTP/AVP/TCP;unicast;interleaved=2-3"),
    (
        "RTP/AVP/TCP;interleaved=2-3",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    // IPTV boxes: the unknown is skipped.
    (
        "MP2T/RTP/TCP;unicast;interleaved=2-3,RTP/AVP/TCP;unicast;interleaved=2-3",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    (
        "RTP/SAVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=2-3",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    (
        "RTP/AVP;multicast;port=5000-5001,RTP/AVP/TCP;unicast;interleaved=2-3",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    // What a peer says about itself, and about others.
    (
        "RTP/AVP;unicast;destination=192.0.2.7;client_port=5000-5001",
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
    ),
    (
        "RTP/AVP;unicast;destination=198.51.100.1;client_port=5000-5001",
        "403",
    ),
    (
        "RTP/AVP;unicast;destination=example.com;client_port=5000-5001",
        "403",
    ),
    (
        "RTP/AVP;unicast;destination=198.51.100.1;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=2-3",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    // Nothing usable.
    ("", "461"),
    ("RAW/X/UDP", "461"),
    ("RTP/AVP", "461"),
    ("RTP/AVP;unicast", "461"),
    ("RTP/AVP;unicast;client_port=0-0", "461"),
    ("RTP/AVP;unicast;client_port=65535", "461"),
    ("RTP/AVP;multicast", "461"),
    ("RTP/AVP/TCP;unicast;interleaved=2-3;mode=record", "461"),
    (
        "RTP/AVP/TCP;unicast;interleaved=2-3;mode=\"PLAY\"",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    (
        "RTP/AVP/TCP;unicast;interleaved=2-3;x-new=1",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    (",;,=;=,,", "461"),
];

#[test]
fn offers_of_rtsp_1() {
    for (offered, answered) in OFFERS {
        assert_eq!(
            answer(offered, Version::V1_0, Direction::Play, "192.0.2.7"),
            *answered,
            "{offered}"
        );
    }
}

#[test]
fn publishers() {
    for (offered, answered) in [
        (
            "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record",
            "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record",
        ),
        (
            "RTP/AVP/TCP;unicast;interleaved=2-3;mode=\"RECORD\"",
            "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record",
        ),
        (
            "RTP/AVP/TCP;unicast;interleaved=2-3",
            "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record",
        ),
        ("RTP/AVP/TCP;unicast;interleaved=2-3;mode=play", "461"),
        (
            "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record;append",
            "461",
        ), // R1-REC-05
    ] {
        assert_eq!(
            answer(offered, Version::V1_0, Direction::Record, "192.0.2.7"),
            answered,
            "{offered}"
        );
    }
    let offered = "RTP/AVP/TCP;unicast;interleaved=2-3";
    assert_eq!(
        answer(offered, Version::V2_0, Direction::Record, "192.0.2.7"),
        "461"
    );
}

#[test]
fn offers_of_rtsp_2() {
    let udp = "RTP/AVP;unicast;dest_addr=\"192.0.2.7:5000\"/\"192.0.2.7:5001\";src_addr=\"192.0.2.1:6000\"/\"192.0.2.1:6001\"";
    for (offered, answered) in [
        ("RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"", udp),
        (
            "RTP/AVP/UDP;unicast;dest_addr=\"192.0.2.7:5000\"/\"192.0.2.7:5001\";ssrc=0A0B0C0D",
            udp,
        ),
        (
            "RTP/AVP/TCP;unicast;interleaved=2-3",
            "RTP/AVP/TCP;unicast;interleaved=2-3",
        ),
        // R2-CODE-32
        (
            "RTP/AVP;unicast;dest_addr=\"198.51.100.7:5000\"/\"198.51.100.7:5001\"",
            "463",
        ),
        (
            "RTP/AVP;unicast;dest_addr=\"192.0.2.7:5000\"/\"198.51.100.7:5001\"",
            "463",
        ),
        // R2-TRANS-07
        ("RTP/AVP/TCP;interleaved=2-3", "461"),
        // R2-TRANS-04, -32
        ("RTP/AVP/TCP;unicast;interleaved=2-3;x-new=1", "461"),
        ("RTP/AVP;unicast;client_port=5000-5001", "461"),
        // R2-TRANS-21
        (
            "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";RTCP-mux",
            "461",
        ),
        // A connection of its own.
        (
            "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=passive;connection=new",
            "461",
        ),
        ("RTP/AVP/TCP;unicast", "461"),
        (
            "RTP/AVP/TCP;unicast;interleaved=2-3;dest_addr=\":5000\"/\":5001\"",
            "461",
        ),
        ("RTP/AVP;unicast;dest_addr=\":5000\"", "461"),
    ] {
        assert_eq!(
            answer(offered, Version::V2_0, Direction::Play, "192.0.2.7"),
            answered,
            "{offered}"
        );
    }
}

#[test]
fn our_own_offers_are_usable() {
    for version in [Version::V1_0, Version::V2_0] {
        let channels = ChannelMap::new();
        let can = Capabilities {
            version,
            direction: Direction::Play,
            peer: "2001:db8::7".parse().unwrap(),
            channels: Some(&channels),
            server_ports: Some((6000, 6001)),
        };
        let udp = offer::udp(version, (5000, 5001), Direction::Play);
        let tcp = offer::interleaved(8, Direction::Play);
        assert_eq!(
            select(&[udp.clone(), tcp.clone()], &can),
            Ok(NegotiatedTransport::Udp {
                peer_rtp: "[2001:db8::7]:5000".parse().unwrap(),
                peer_rtcp: "[2001:db8::7]:5001".parse().unwrap(),
                server_ports: (6000, 6001)
            })
        );
        let chosen = select(
            &[udp.clone(), tcp.clone()],
            &Capabilities {
                server_ports: None,
                ..can
            },
        );
        assert_eq!(
            chosen,
            Ok(NegotiatedTransport::Interleaved { rtp: 8, rtcp: 9 })
        );
        let none = Capabilities {
            server_ports: None,
            channels: None,
            ..can
        };
        assert_eq!(
            select(&[udp, tcp], &none),
            Err(ProtocolError::UnsupportedTransport)
        );
    }
}

#[test]
fn an_address_in_both_families_is_the_same() {
    let offered = "RTP/AVP;unicast;destination=192.0.2.7;client_port=5000-5001";
    let answered = answer(offered, Version::V1_0, Direction::Play, "::ffff:192.0.2.7");
    assert!(
        answered.starts_with("RTP/AVP;unicast;client_port"),
        "{answered}"
    );
}

#[test]
fn gstreamers_ports_in_2_0() {
    use crate::leniency::Leniency;
    use rtsp_msg::{Method, Request, Uri};
    let grammar = |version, agent: &str, offer: &str, leniency: &Leniency| {
        let uri = Uri::parse("rtsp://h/a/trackID=0").unwrap();
        let mut request = Request::new(Method::Setup, uri, version);
        request.headers.append(HeaderName::UserAgent, agent);
        request.headers.append(HeaderName::Transport, offer);
        crate::transport::grammar(&request, leniency)
    };
    use Version::{V1_0, V2_0};
    let (ports, addresses) = (
        "RTP/AVP;unicast;client_port=5000-5001",
        "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"",
    );
    let (lenient, strict) = (Leniency::default(), Leniency::strict());
    for (version, agent, offer, leniency, expected) in [
        (V2_0, "GStreamer/1.22.0", ports, &lenient, V1_0),
        (V2_0, "GStreamer/1.22.0", addresses, &lenient, V2_0),
        (V2_0, "GStreamer/1.22.0", ports, &strict, V2_0),
        (V2_0, "other", ports, &lenient, V2_0),
        (V1_0, "other", ports, &lenient, V1_0),
    ] {
        assert_eq!(
            grammar(version, agent, offer, leniency),
            expected,
            "{agent} {offer}"
        );
    }
}
