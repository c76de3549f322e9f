use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use super::super::lex::tests::{decode, decode_lines, decode_strict, encoded};
use super::*;

fn one(text: &str) -> TransportSpec {
    let Transport(specs) = decode::<Transport>(text).unwrap();
    assert_eq!(specs.len(), 1, "{text}");
    specs.into_iter().next().unwrap()
}

fn none(text: &str) {
    assert_eq!(decode::<Transport>(text), Ok(Transport(vec![])), "{text}");
}

fn tcp() -> TransportSpec {
    TransportSpec {
        delivery: Some(Delivery::Unicast),
        interleaved: Some((0, Some(1))),
        ..TransportSpec::new(Profile::RtpAvp, Lower::Tcp)
    }
}

fn udp() -> TransportSpec {
    TransportSpec {
        delivery: Some(Delivery::Unicast),
        client_port: Some((5000, Some(5001))),
        ..TransportSpec::default()
    }
}

fn address(host: &str, port: u16) -> Address {
    Address {
        host: (!host.is_empty()).then(|| host.to_string()),
        port,
    }
}

/// What is written and read alike, in both directions.
fn cases() -> Vec<(&'static str, TransportSpec)> {
    vec![
        ("RTP/AVP/TCP;unicast;interleaved=0-1", tcp()),
        ("RTP/AVP;unicast;client_port=5000-5001", udp()),
        (
            "RTP/AVP;unicast;source=192.0.2.1;client_port=5000-5001;server_port=6970-6971;ssrc=0A13C760",
            TransportSpec {
                source: Some("192.0.2.1".into()),
                server_port: Some((6970, Some(6971))),
                ssrc: vec![0x0A13_C760],
                ..udp()
            },
        ),
        (
            "RTP/AVP;multicast;destination=232.0.0.1;port=3456-3457;ttl=127;layers=2;mode=\"PLAY\"",
            TransportSpec {
                delivery: Some(Delivery::Multicast),
                destination: Some("232.0.0.1".into()),
                port: Some((3456, Some(3457))),
                ttl: Some(127),
                layers: Some(2),
                mode: Some(Mode::Play),
                ..TransportSpec::default()
            },
        ),
        (
            "RTP/SAVPF;unicast;dest_addr=\"192.0.2.5:1\"/\"[2001:db8::1]:2\";src_addr=\":4588\";ssrc=00000001/FFFFFFFF;RTCP-mux;MIKEY=AQA=",
            TransportSpec {
                profile: Profile::RtpSavpf,
                delivery: Some(Delivery::Unicast),
                dest_addr: vec![address("192.0.2.5", 1), address("2001:db8::1", 2)],
                src_addr: vec![address("", 4588)],
                ssrc: vec![1, u32::MAX],
                rtcp_mux: true,
                mikey: Some("AQA=".into()),
                ..TransportSpec::default()
            },
        ),
        (
            "RTP/AVP/TCP;unicast;dest_addr=\":9\";setup=actpass;connection=new;x-a;x-b=\"c;d\"",
            TransportSpec {
                delivery: Some(Delivery::Unicast),
                dest_addr: vec![address("", 9)],
                setup: Some(SetupRole::ActPass),
                connection: Some(ConnectionUse::New),
                extensions: vec![("x-a".into(), None), ("x-b".into(), Some("c;d".into()))],
                ..TransportSpec::new(Profile::RtpAvp, Lower::Tcp)
            },
        ),
        (
            "MP2T/RTP/TCP;unicast;mode=\"PLAY,RECORD\";append",
            TransportSpec {
                profile: Profile::Other("MP2T/RTP".into()),
                lower: Lower::Tcp,
                delivery: Some(Delivery::Unicast),
                mode: Some(Mode::PlayAndRecord),
                append: true,
                ..TransportSpec::default()
            },
        ),
    ]
}

#[test]
fn r2_trans_01_specs_round_trip() {
    for (text, spec) in cases() {
        assert_eq!(
            decode_strict::<Transport>(text),
            Ok(Transport(vec![spec.clone()])),
            "{text}"
        );
        assert_eq!(encoded(&Transport(vec![spec])), text);
    }
    let all: Vec<_> = cases().into_iter().map(|(_, spec)| spec).collect();
    let written = encoded(&Transport(all.clone()));
    assert_eq!(decode_strict::<Transport>(&written), Ok(Transport(all)));
}

#[test]
fn r2_msg_09_several_lines_are_one_list() {
    let lines = [
        "RTP/AVP/TCP;unicast;interleaved=0-1",
        "RTP/AVP;unicast;client_port=5000-5001",
    ];
    assert_eq!(
        decode_lines::<Transport>(&lines),
        Ok(Transport(vec![tcp(), udp()]))
    );
}

#[test]
fn r2_trans_04_05_unreadable_specs_are_passed_over() {
    let text = "RTP/AVP;unicast;ttl=300, RAW;;=, RTP/AVP/TCP;unicast;interleaved=0-1";
    assert_eq!(decode::<Transport>(text), Ok(Transport(vec![tcp()])));
    // IPTV boxes: the unknown protocol stands first and must not spoil the rest.
    let Transport(specs) =
        decode("MP2T/RTP/TCP;unicast;interleaved=0-1,RTP/AVP/TCP;unicast;interleaved=0-1").unwrap();
    assert_eq!(specs.last(), Some(&tcp()));
    none("RTP / AVP;unicast");
}

#[test]
fn r2_trans_06_07_parameters_stand_once() {
    none("RTP/AVP;unicast;unicast");
    none("RTP/AVP;unicast;multicast");
    none("RTP/AVP;unicast;ttl=1;TTL=1");
    none("RTP/AVP;unicast;x-a;X-A");
}

#[test]
fn r2_trans_08_udp_is_the_default() {
    assert_eq!(one("RTP/AVP;unicast"), one("rtp/avp/udp;UNICAST"));
}

#[test]
fn r2_trans_16_17_addresses() {
    for value in [
        "\"h\"",
        "h:1",
        "\":1\"/\":2\"/\":3\"",
        "\":65536\"",
        "\":-1\"",
        "\"\"",
        "\":\"",
        "\"::1:5\"",
        "\":1",
        "\"[x]:1\"",
    ] {
        none(&format!("RTP/AVP;unicast;dest_addr={value}"));
    }
    let spec = one("RTP/AVP;unicast;dest_addr=\":4588\" / \":4589\"");
    assert_eq!(spec.dest_addr, [address("", 4588), address("", 4589)]);
}

#[test]
fn r2_trans_18_channels() {
    for value in [
        "", "256", "5-4", "-1", "0-", "0-256", "a", "0-1-2", "+1", "0x0",
    ] {
        none(&format!("RTP/AVP/TCP;unicast;interleaved={value}"));
    }
    none("RTP/AVP/TCP;unicast;interleaved");
    assert_eq!(
        one("RTP/AVP/TCP;interleaved=254-255").interleaved,
        Some((254, Some(255)))
    );
    assert_eq!(
        one("RTP/AVP/TCP;interleaved=7").interleaved,
        Some((7, None))
    );
}

#[test]
fn r2_trans_25_28_29_31_bad_values() {
    for parameter in [
        "setup=holdconn",
        "ttl=256",
        "ttl=-1",
        "layers=x",
        "connection=old",
        "MIKEY=AQB=",
        "MIKEY=A",
        "client_port=65536",
        "client_port=5000-99999",
    ] {
        none(&format!("RTP/AVP;unicast;{parameter}"));
    }
}

#[test]
fn r1_trans_02_unicast_may_be_implied() {
    assert!(one("RTP/AVP/TCP;interleaved=0-1").is_unicast());
    assert!(one("RTP/AVP;client_port=5000-5001").is_unicast());
    assert!(!one("RTP/AVP").is_unicast());
}

#[test]
fn r1_trans_08_quirk_15_modes() {
    for (text, mode) in [
        ("mode=record", Mode::Record),
        ("mode=\"RECORD\"", Mode::Record),
        ("mode=receive", Mode::Record),
        ("mode=play", Mode::Play),
        ("mode=\"PLAY, RECORD\"", Mode::PlayAndRecord),
        ("mode=\"seek\"", Mode::Other("seek".into())),
    ] {
        assert_eq!(
            one(&format!("RTP/AVP;unicast;{text}")).mode,
            Some(mode),
            "{text}"
        );
    }
    assert_eq!(
        decode_strict::<Transport>("RTP/AVP;unicast;mode=receive"),
        Ok(Transport(vec![]))
    );
    let spec = TransportSpec {
        mode: Some(Mode::Record),
        ..tcp()
    };
    assert!(spec.is_record());
    assert_eq!(
        encoded(&Transport(vec![spec])),
        "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
    );
}

#[test]
fn quirk_30_interleaved_without_tcp_is_tcp() {
    assert_eq!(one("RTP/AVP;unicast;interleaved=0-1"), tcp());
    let Transport(strict) = decode_strict("RTP/AVP;unicast;interleaved=0-1").unwrap();
    assert_eq!(strict[0].lower, Lower::Udp);
}

#[test]
fn quirk_31_server_ports_of_zero_and_single_ones() {
    assert_eq!(
        one("RTP/AVP;unicast;server_port=0-0").server_port,
        Some((0, Some(0)))
    );
    assert_eq!(
        one("RTP/AVP;unicast;client_port=5000").client_port,
        Some((5000, None))
    );
}

#[test]
fn quirk_32_forms_of_ssrc() {
    for (text, ssrc) in [
        (" 1C2D3E4F", Some(0x1C2D_3E4F)),
        ("C2D3E4F", Some(0x0C2D_3E4F)),
        ("0x6f7c", Some(0x6f7c)),
        ("A046", Some(0xA046)),
        ("1234567890", None),
        ("xyz", None),
        ("", None),
        ("-1", None),
        ("+1234567", None),
    ] {
        let text = format!("RTP/AVP;unicast;ssrc={text}");
        assert_eq!(one(&text).ssrc.first().copied(), ssrc, "{text}");
    }
    assert_eq!(
        decode_strict::<Transport>("RTP/AVP;unicast;ssrc=0x6f7c"),
        Ok(Transport(vec![]))
    );
}

#[test]
fn floods_and_emptiness_are_refused() {
    assert_eq!(
        decode::<Transport>("").unwrap_err().kind,
        HeaderErrorKind::Empty
    );
    assert_eq!(
        decode::<Transport>(" , ,").unwrap_err().kind,
        HeaderErrorKind::Empty
    );
    let flood = "RTP/AVP,".repeat(33);
    assert_eq!(
        decode::<Transport>(&flood).unwrap_err().kind,
        HeaderErrorKind::TooMany
    );
    none(&(0..40).fold(String::from("RTP/AVP"), |text, n| format!("{text};p{n}")));
    none("RTP/AVP;unicast;destination=\"a\r\nb\"");
}
