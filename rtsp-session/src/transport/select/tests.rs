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
        mux: true,
        connections: true,
        before: None,
        multicast: None,
        secure: false,
    };
    match select(&offers(text), &can) {
        Ok(selected) => {
            let local = "192.0.2.1".parse::<IpAddr>().unwrap();
            let spec = selected.to_spec(version, direction, local.into(), None);
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
    // One port for both: by the parameter, and as live555 says it.
    (
        "RTP/AVP;unicast;client_port=5000-5001;RTCP-mux",
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6000;RTCP-mux",
    ),
    (
        "RTP/AVP;unicast;client_port=5000-5000",
        "RTP/AVP;unicast;client_port=5000-5000;server_port=6000;RTCP-mux",
    ),
    // Connections of their own are RTSP/2.0's.
    (
        "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=active",
        "RTP/AVP/TCP;unicast;interleaved=2-3",
    ),
    // Nobody's address.
    (
        "RTP/AVP;unicast;destination=0.0.0.0;client_port=5000-5001",
        "462",
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
        ("RTP/AVP/TCP;unicast", "461"),
        (
            "RTP/AVP/TCP;unicast;interleaved=2-3;dest_addr=\":5000\"/\":5001\"",
            "461",
        ),
        (
            "RTP/AVPF;unicast;dest_addr=\":5000\"",
            "RTP/AVPF;unicast;dest_addr=\"192.0.2.7:5000\";src_addr=\"192.0.2.1:6000\"",
        ),
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
            mux: true,
            connections: true,
            before: None,
            multicast: None,
            secure: false,
        };
        let select = |offers: &[TransportSpec], can: &Capabilities<'_>| {
            super::select(offers, can).map(|selected| selected.transport)
        };
        let udp = offer::udp(version, (5000, 5001), offer::Mux::Never, Direction::Play);
        let tcp = offer::interleaved(8, Direction::Play);
        assert_eq!(
            select(&[udp.clone(), tcp.clone()], &can),
            Ok(NegotiatedTransport::Udp {
                peer_rtp: "[2001:db8::7]:5000".parse().unwrap(),
                reports: Reports::To("[2001:db8::7]:5001".parse().unwrap()),
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

/// One SETUP in RTSP/2.0, where the server may do all but what `change` takes from it.
fn in_2_0(
    text: &str,
    change: impl FnOnce(&mut Capabilities<'_>),
) -> Result<Selected, ProtocolError> {
    let channels = ChannelMap::new();
    let mut can = Capabilities {
        version: Version::V2_0,
        direction: Direction::Play,
        peer: "192.0.2.7".parse().unwrap(),
        channels: Some(&channels),
        server_ports: Some((6000, 6001)),
        mux: true,
        connections: true,
        before: None,
        multicast: None,
        secure: false,
    };
    change(&mut can);
    select(&offers(text), &can)
}

fn text_of(selected: &Selected) -> String {
    let local = "192.0.2.1".parse::<IpAddr>().unwrap();
    let spec = selected.to_spec(Version::V2_0, Direction::Play, local.into(), None);
    let mut text = String::new();
    Transport(vec![spec]).encode(&mut text);
    text
}

#[test]
fn r2_trans_21_multiplexing_is_done_or_the_alternative_is_not_chosen() {
    let mux = "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";RTCP-mux";
    let both = format!("{mux},RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"");
    let chosen = in_2_0(&both, |_| {}).unwrap();
    assert_eq!(
        text_of(&chosen),
        "RTP/AVP;unicast;dest_addr=\"192.0.2.7:5000\"/\"192.0.2.7:5001\";src_addr=\"192.0.2.1:6000\";RTCP-mux"
    );
    let NegotiatedTransport::Udp {
        peer_rtp, reports, ..
    } = chosen.transport
    else {
        panic!("{chosen:?}")
    };
    assert_eq!(reports.destination(peer_rtp), Some(peer_rtp));
    let chosen = in_2_0(&both, |can| can.mux = false).unwrap();
    assert!(!text_of(&chosen).contains("RTCP-mux"));
    assert_eq!(
        in_2_0(mux, |can| can.mux = false),
        Err(ProtocolError::UnsupportedTransport)
    );
    // Channels are two: who wants one for both is not served with them.
    assert_eq!(
        in_2_0("RTP/AVP/TCP;unicast;interleaved=0;RTCP-mux", |_| {}),
        Err(ProtocolError::UnsupportedTransport)
    );
}

#[test]
fn r2_trans_24_26_r2_rtp_18_19_roles_and_reuse_of_connections() {
    for (asked, answered) in [
        ("\":9\"/\":9\";setup=active", "passive"),
        ("\":9\"/\":9\"", "passive"),
        ("\":5000\"/\":5001\";setup=passive", "active"),
        ("\":5000\"/\":5001\";setup=actpass", "passive"),
    ] {
        for (more, connection) in [
            ("", "new"),
            (";connection=new", "new"),
            (";connection=existing", "new"),
        ] {
            let offer = format!("RTP/AVP/TCP;unicast;dest_addr={asked}{more}");
            let chosen = in_2_0(&offer, |_| {}).unwrap();
            let listening = chosen.transport.listening_on((7000, 7001));
            let chosen = Selected {
                transport: match answered {
                    "active" => chosen.transport,
                    _ => listening,
                },
                ..chosen
            };
            let text = text_of(&chosen);
            assert!(
                text.ends_with(&format!(";setup={answered};connection={connection}")),
                "{offer}: {text}"
            );
            let source = match answered {
                "active" => "src_addr=\"192.0.2.1:9\"/\"192.0.2.1:9\"",
                _ => "src_addr=\"192.0.2.1:7000\"/\"192.0.2.1:7001\"",
            };
            assert!(text.contains(source), "{text}");
            let ports = asked
                .split(';')
                .next()
                .unwrap()
                .replace("\":", "\"192.0.2.7:");
            assert!(text.contains(&format!("dest_addr={ports};")), "{text}");
            // A second SETUP of the same media.
            let NegotiatedTransport::Connections(before) = chosen.transport else {
                panic!("{chosen:?}")
            };
            let again = in_2_0(&offer, |can| can.before = Some(before)).unwrap();
            let expected = match more {
                ";connection=new" => "new",
                _ => "existing",
            };
            let text = text_of(&again);
            assert!(text.ends_with(&format!("connection={expected}")), "{text}");
        }
    }
    for offer in [
        "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=holdconn",
        "RTP/AVP/TCP;unicast;dest_addr=\":0\"/\":9\"",
        "RTP/AVP/TCP;unicast;dest_addr=\":5000\"/\":5000\";setup=passive",
        "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";setup=active",
        "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";connection=new",
        "RTP/AVP/TCP;unicast;interleaved=0-1;setup=active",
    ] {
        assert_eq!(
            in_2_0(offer, |_| {}),
            Err(ProtocolError::UnsupportedTransport),
            "{offer}"
        );
    }
}

#[test]
fn r2_rtp_15_r1_ilv_03_nothing_is_interleaved_but_with_a_connection() {
    for version in [Version::V1_0, Version::V2_0] {
        for offer in [
            "RTP/AVP/TCP;unicast;interleaved=0-1",
            "RTP/AVPF/TCP;unicast;interleaved=0-1",
            "RTP/AVP;unicast;interleaved=0-1",
        ] {
            let chosen = in_2_0(offer, |can| {
                can.version = version;
                can.channels = None;
            });
            assert_eq!(chosen, Err(ProtocolError::UnsupportedTransport), "{offer}");
        }
        let tcp = "RTP/AVP/TCP;unicast;interleaved=0-1";
        assert!(in_2_0(tcp, |can| can.version = version).is_ok());
    }
}

#[test]
fn r2_code_31_nobodys_address_is_unreachable_and_a_strangers_prohibited() {
    let to = |host: &str| format!("RTP/AVP;unicast;dest_addr=\"{host}:5000\"/\"{host}:5001\"");
    for (host, expected) in [
        ("0.0.0.0", ProtocolError::DestinationUnreachable),
        ("[::]", ProtocolError::DestinationUnreachable),
        ("255.255.255.255", ProtocolError::DestinationUnreachable),
        ("240.0.0.1", ProtocolError::DestinationUnreachable),
        ("224.0.0.1", ProtocolError::DestinationProhibited),
        ("192.0.2.8", ProtocolError::DestinationProhibited),
        ("[2001:db8::1]", ProtocolError::DestinationProhibited),
        ("example.com", ProtocolError::DestinationProhibited),
    ] {
        let offer = to(host);
        assert_eq!(in_2_0(&offer, |_| {}), Err(expected), "{host}");
        assert!(foreign(&offers(&offer), "192.0.2.7".parse().unwrap()).is_some());
    }
    let own = offers(&to("192.0.2.7"));
    assert_eq!(foreign(&own, "192.0.2.7".parse().unwrap()), None);
    assert_eq!(ProtocolError::DestinationUnreachable.status().code(), 462);
}

#[test]
fn a_source_that_is_another_address_is_named() {
    let local = LocalAddresses {
        rtsp: "192.0.2.1".parse().unwrap(),
        media: "192.0.2.2".parse().unwrap(),
    };
    for (version, offer, part) in [
        (
            Version::V1_0,
            "RTP/AVP;unicast;client_port=5000-5001",
            "source=192.0.2.2;",
        ),
        (
            Version::V2_0,
            "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"",
            "src_addr=\"192.0.2.2:6000\"/\"192.0.2.2:6001\"",
        ),
    ] {
        let chosen = in_2_0(offer, |can| can.version = version).unwrap();
        let spec = chosen.to_spec(version, Direction::Play, local, None);
        let mut text = String::new();
        Transport(vec![spec]).encode(&mut text);
        assert!(text.contains(part), "{text}");
    }
}

/// The answer to an offer where there is a group.
fn cast(text: &str, version: Version, address: &str, direction: Direction) -> String {
    let address: IpAddr = address.parse().unwrap();
    let source: IpAddr = match address {
        IpAddr::V4(_) => [192, 0, 2, 1].into(),
        IpAddr::V6(_) => "2001:db8::1".parse().unwrap(),
    };
    let group = Group {
        address,
        ports: (7000, 7001),
        ttl: Some(16),
        source: Some(source),
    };
    let can = Capabilities {
        version,
        direction,
        peer: [192, 0, 2, 7].into(),
        channels: None,
        server_ports: Some((6000, 6001)),
        mux: true,
        connections: true,
        before: None,
        multicast: Some(group),
        secure: false,
    };
    match select(&offers(text), &can) {
        Ok(selected) => {
            let spec = selected.to_spec(version, direction, source.into(), None);
            let mut text = String::new();
            Transport(vec![spec]).encode(&mut text);
            text
        }
        Err(error) => error.status_in(version).code().to_string(),
    }
}

#[test]
fn r1_trans_06_multicast_has_port_ttl_and_one_layer() {
    let granted = "RTP/AVP;multicast;destination=239.1.2.3;source=192.0.2.1;port=7000-7001;ttl=16";
    for (offer, expected) in [
        // FFmpeg, GStreamer.
        ("RTP/AVP/UDP;multicast", granted),
        ("RTP/AVP/UDP;multicast;mode=play", granted),
        // live555, which names what the description does.
        ("RTP/AVP;multicast;port=7000-7001", granted),
        (
            "RTP/AVP;multicast;destination=239.1.2.3;port=7000-7001;ttl=127;layers=1",
            granted,
        ),
        // The default of RFC 2326 §12.39.
        ("RTP/AVP", granted),
        ("RTP/AVP;destination=239.1.2.3;port=1-2", granted),
        ("RTP/AVP;multicast;layers=3", "461"),
        ("RTP/AVP/TCP;multicast", "461"),
        ("RTP/AVP;multicast;interleaved=0-1", "461"),
        ("RTP/AVP;multicast;RTCP-mux", "461"),
        ("RTP/AVP;multicast;ttl=300", "461"),
        // Not to groups of the peer's choice, nor to hosts.
        ("RTP/AVP;multicast;destination=239.9.9.9", "403"),
        ("RTP/AVP;multicast;destination=192.0.2.7", "403"),
        (
            "RTP/AVP;multicast;destination=239.9.9.9,RTP/AVP;unicast;client_port=5000-5001",
            "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
        ),
        // The peer's preference.
        (
            "RTP/AVP;unicast;client_port=5000-5001,RTP/AVP;multicast",
            "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
        ),
        (
            "RTP/AVP;multicast,RTP/AVP;unicast;client_port=5000-5001",
            granted,
        ),
    ] {
        let answer = cast(offer, Version::V1_0, "239.1.2.3", Direction::Play);
        assert_eq!(answer, expected, "{offer}");
    }
    let recorded = cast(
        "RTP/AVP;multicast;mode=record",
        Version::V1_0,
        "239.1.2.3",
        Direction::Record,
    );
    assert_eq!(recorded, "461");
}

#[test]
fn offers_of_multicast_in_rtsp_2() {
    let granted = "RTP/AVP;multicast;dest_addr=\"[ff15::4]:7000\"/\"[ff15::4]:7001\";\
        src_addr=\"[2001:db8::1]:7000\"/\"[2001:db8::1]:7001\";ttl=16";
    for (offer, expected) in [
        ("RTP/AVP;multicast", granted),
        (
            "RTP/AVP;multicast;dest_addr=\"[ff15::4]:7000\"/\"[ff15::4]:7001\";ttl=16",
            granted,
        ),
        (
            "RTP/AVP;multicast;dest_addr=\"[ff15::5]:7000\"/\"[ff15::5]:7001\"",
            "463",
        ),
        ("RTP/AVP;multicast;destination=ff15::4", "461"),
        ("RTP/AVP", "461"),
    ] {
        let answer = cast(offer, Version::V2_0, "ff15::4", Direction::Play);
        assert_eq!(answer, expected, "{offer}");
    }
    let peer = [192, 0, 2, 7].into();
    let its = offers("RTP/AVP;multicast;dest_addr=\"239.1.2.3:7000\"/\"239.1.2.3:7001\"");
    assert_eq!(foreign(&its, peer), None);
    assert!(wants_multicast(&its, Version::V2_0));
}
