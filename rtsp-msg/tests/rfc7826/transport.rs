//! Transport (RFC 7826 §18.54).

use super::*;

#[test]
fn r2_trans_01_a_list_of_alternatives_with_quoted_lists() {
    let text = "RTP/AVP;unicast;dest_addr=\":4588\"/\":4589\";mode=\"PLAY\", RTP/AVP/TCP;unicast;interleaved=0-1, \
                RTP/SAVPF/TCP;unicast;dest_addr=\"[::1]:9\";x=\"a,b;c/d\"";
    let specs = specs(text);
    assert_eq!(specs.len(), 3);
    assert_eq!(specs[0].dest_addr.len(), 2);
    assert_eq!(specs[1].interleaved, Some((0, Some(1))));
    assert_eq!(specs[2].extensions, [("x".into(), Some("a,b;c/d".into()))]);
}

#[test]
fn r2_trans_04_unknown_parameters_and_protocols_spoil_their_alternative_only() {
    let all = specs("RTP/AVP;unicast;foo=1, RTP/FOO;unicast, RTP/AVP/TCP;unicast;interleaved=0-1");
    let valid: Vec<_> = all
        .iter()
        .map(|spec| spec.is_valid_in(Version::V2_0))
        .collect();
    assert_eq!(valid, [false, true, true]);
    assert_eq!(all[1].profile, Profile::Other("RTP/FOO".into()));
}

#[test]
fn r2_trans_06_parameters_stand_once_in_any_order() {
    assert_eq!(specs("RTP/AVP;unicast;ttl=1;ttl=1"), []);
    assert_eq!(
        specs("RTP/AVP;ttl=1;unicast;layers=2"),
        specs("RTP/AVP;layers=2;ttl=1;unicast")
    );
}

#[test]
fn r2_trans_07_unicast_or_multicast() {
    assert_eq!(specs("RTP/AVP;unicast;multicast"), []);
    assert!(!specs("RTP/AVP;dest_addr=\":1\"")[0].is_valid_in(Version::V2_0));
    assert!(specs("RTP/AVP;unicast;dest_addr=\":1\"")[0].is_valid_in(Version::V2_0));
}

#[test]
fn r2_trans_08_udp_is_meant_when_nothing_is_said() {
    assert_eq!(specs("RTP/AVP;unicast"), specs("RTP/AVP/UDP;unicast"));
    assert_eq!(specs("RTP/AVP;unicast")[0].lower, Lower::Udp);
}

#[test]
fn r2_trans_09_no_space_within_the_protocol() {
    assert_eq!(specs("RTP / AVP;unicast"), []);
    assert_eq!(specs("RTP/AVP /TCP;unicast;interleaved=0-1"), []);
}

#[test]
fn r2_trans_16_one_or_two_addresses_each_with_a_port() {
    for value in [
        "\"h\"",
        "\":1\"/\":2\"/\":3\"",
        "\"h:\"",
        "\"\"",
        "\":65536\"",
    ] {
        assert_eq!(
            specs(&format!("RTP/AVP;unicast;dest_addr={value}")),
            [],
            "{value}"
        );
    }
    assert_eq!(
        specs("RTP/AVP;unicast;src_addr=\"h:1\"/\":2\"")[0]
            .src_addr
            .len(),
        2
    );
}

#[test]
fn r2_trans_17_addresses_are_quoted() {
    let address = |host: Option<&str>, port| Address {
        host: host.map(Into::into),
        port,
    };
    assert_eq!(
        specs("RTP/AVP;unicast;dest_addr=\"192.0.2.5:1\"/\"[2001:db8::1]:2\"")[0].dest_addr,
        [
            address(Some("192.0.2.5"), 1),
            address(Some("2001:db8::1"), 2)
        ]
    );
    assert_eq!(
        specs("RTP/AVP;unicast;dest_addr=\":4588\"/\":4589\"")[0].dest_addr,
        [address(None, 4588), address(None, 4589)]
    );
    assert_eq!(specs("RTP/AVP;unicast;dest_addr=192.0.2.5:1"), []);
    assert_eq!(specs("RTP/AVP;unicast;dest_addr=\"2001:db8::1:2\""), []);
}

#[test]
fn r2_trans_18_channels_are_bytes() {
    for (value, channels) in [
        ("7", (7, None)),
        ("0-1", (0, Some(1))),
        ("254-255", (254, Some(255))),
    ] {
        assert_eq!(
            specs(&format!("RTP/AVP/TCP;unicast;interleaved={value}"))[0].interleaved,
            Some(channels)
        );
    }
    for value in [
        "interleaved",
        "interleaved=256",
        "interleaved=5-4",
        "interleaved=",
        "interleaved=a",
    ] {
        assert_eq!(
            specs(&format!("RTP/AVP/TCP;unicast;{value}")),
            [],
            "{value}"
        );
    }
}

#[test]
fn r2_trans_23_channels_exclude_connections_of_their_own() {
    for parameter in [
        "setup=active",
        "connection=new",
        "dest_addr=\":9\"",
        "src_addr=\":9\"",
    ] {
        let spec = &specs(&format!("RTP/AVP/TCP;unicast;interleaved=0-1;{parameter}"))[0];
        assert!(!spec.is_valid_in(Version::V2_0), "{parameter}");
    }
}

#[test]
fn r2_trans_25_there_is_no_holdconn() {
    assert_eq!(
        specs("RTP/AVP/TCP;unicast;dest_addr=\":9\";setup=holdconn"),
        []
    );
}

#[test]
fn r2_trans_27_play_is_the_only_mode() {
    assert!(specs("RTP/AVP;unicast;mode=\"PLAY\"")[0].is_valid_in(Version::V2_0));
    assert!(specs("RTP/AVP;unicast")[0].is_valid_in(Version::V2_0));
    for mode in ["RECORD", "PLAY,RECORD", "SEEK"] {
        let spec = &specs(&format!("RTP/AVP;unicast;mode=\"{mode}\""))[0];
        assert!(!spec.is_valid_in(Version::V2_0), "{mode}");
        assert!(spec.is_valid_in(Version::V1_0), "{mode}");
    }
}

#[test]
fn r2_trans_28_ttl_is_a_byte() {
    assert_eq!(specs("RTP/AVP;multicast;ttl=255")[0].ttl, Some(255));
    assert_eq!(specs("RTP/AVP;multicast;ttl=300"), []);
}

#[test]
fn r2_trans_29_layers_are_a_number() {
    assert_eq!(specs("RTP/AVP;multicast;layers=3")[0].layers, Some(3));
    assert_eq!(specs("RTP/AVP;multicast;layers=x"), []);
}

#[test]
fn r2_trans_31_mikey_is_base64() {
    assert_eq!(
        specs("RTP/SAVP;unicast;MIKEY=AQA=")[0].mikey.as_deref(),
        Some("AQA=")
    );
    // The last two bits before the padding are not zero.
    assert_eq!(specs("RTP/SAVP;unicast;MIKEY=AQB="), []);
}

#[test]
fn r2_trans_32_parameters_of_1_0_are_not_of_2_0() {
    for parameter in [
        "client_port=1-2",
        "server_port=1-2",
        "port=1-2",
        "destination=h",
        "source=h",
        "append",
    ] {
        let spec = &specs(&format!("RTP/AVP;unicast;{parameter}"))[0];
        assert!(!spec.is_valid_in(Version::V2_0), "{parameter}");
        assert!(spec.is_valid_in(Version::V1_0), "{parameter}");
    }
}
