//! What servers answer to SETUP and PLAY.

use rtsp_msg::Leniency;
use rtsp_msg::headers::RtpInfo;
use rtsp_msg::headers::Transport;

use super::*;
use crate::client::play;

fn granted(
    request: TransportRequest,
    answer: Option<&str>,
) -> Result<MediaTransport, SessionError> {
    let mut bench = Bench::new(usize::MAX);
    bench.describe(&[]);
    bench.command(|session, now| session.setup(now, 0, request));
    let transport = answer.map(|answer| format!("Transport: {answer}"));
    let mut headers = vec!["Session: abc"];
    headers.extend(transport.as_deref());
    bench.answer("200 OK", &headers, "");
    match bench.event() {
        Event::SetUp { transport, .. } => {
            if let MediaTransport::Interleaved { rtp, rtcp, .. } = transport {
                assert_eq!(bench.session.channel(rtp), Some((0, PacketKind::Rtp)));
                assert_eq!(bench.session.channel(rtcp), Some((0, PacketKind::Rtcp)));
            }
            Ok(transport)
        }
        Event::Failed(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn interleaved_channels_as_the_server_wants_them() {
    let asked = TransportRequest::Interleaved { rtp: 0, rtcp: 1 };
    for (answer, expected) in [
        (Some("RTP/AVP/TCP;unicast;interleaved=0-1"), (0, 1)),
        (
            Some("RTP/AVP/TCP;unicast;interleaved=10-11;ssrc=0001ABCD"),
            (10, 11),
        ),
        (Some("RTP/AVP/TCP;interleaved=4"), (4, 5)),
        (Some("RTP/AVP/TCP;unicast"), (0, 1)),
        // Escam Q6 forgets `/TCP`.
        (Some("RTP/AVP;unicast;interleaved=2-3"), (2, 3)),
        (None, (0, 1)),
        (Some("what is this"), (0, 1)),
    ] {
        let Ok(MediaTransport::Interleaved { rtp, rtcp, .. }) = granted(asked, answer) else {
            panic!("{answer:?}")
        };
        assert_eq!((rtp, rtcp), expected, "{answer:?}");
    }
    let udp = granted(
        asked,
        Some("RTP/AVP;unicast;client_port=1-2;server_port=3-4"),
    );
    assert!(matches!(udp, Err(SessionError::Misbehaved { .. })));
}

#[test]
fn udp_ports_told_and_untold() {
    let asked = TransportRequest::Udp {
        rtp: 5000,
        rtcp: 5001,
    };
    for (answer, expected) in [
        (
            Some("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001"),
            Some((6000, 6001)),
        ),
        (
            Some("RTP/AVP/UDP;unicast;server_port=6000"),
            Some((6000, 6001)),
        ),
        // OpenIPC tells none, others 0.
        (Some("RTP/AVP;unicast;client_port=5000-5001"), None),
        (Some("RTP/AVP;unicast;server_port=0-0"), None),
        (None, None),
    ] {
        let Ok(MediaTransport::Udp { server, .. }) = granted(asked, answer) else {
            panic!("{answer:?}")
        };
        assert_eq!(server, expected, "{answer:?}");
    }
    let tcp = granted(asked, Some("RTP/AVP/TCP;unicast;interleaved=0-1"));
    assert!(matches!(
        tcp,
        Ok(MediaTransport::Interleaved { rtp: 0, .. })
    ));
    let multicast = granted(
        asked,
        Some("RTP/AVP;multicast;destination=224.2.0.1;port=1-2"),
    );
    assert!(matches!(multicast, Err(SessionError::Misbehaved { .. })));
}

#[test]
fn a_session_is_needed_and_its_id_may_change() {
    let mut bench = Bench::new(usize::MAX);
    bench.describe(&[]);
    bench.setup(0, &[]);
    assert!(matches!(bench.failure(), SessionError::Misbehaved { .. }));

    for (policy, expected) in [
        (SessionIdPolicy::UseFirst, Some("one")),
        (SessionIdPolicy::UseLatest, Some("two")),
        (SessionIdPolicy::Require, None),
    ] {
        let config = SessionConfig {
            session_id: policy,
            ..SessionConfig::default()
        };
        let mut bench = Bench::with(usize::MAX, config);
        bench.describe(&[]);
        bench.setup(0, &["Session: one"]);
        bench.event();
        bench.setup(1, &["Session: two"]);
        match expected {
            Some(id) => {
                assert!(matches!(bench.event(), Event::SetUp { .. }));
                assert_eq!(bench.session.session_id(), Some(id));
            }
            None => assert!(matches!(bench.failure(), SessionError::Misbehaved { .. })),
        }
    }
}

#[test]
fn rtp_info_as_servers_send_it() {
    let controls = [
        Some("rtsp://cam.example/live/trackID=0".to_owned()),
        None,
        Some("rtsp://cam.example/live/trackID=2".to_owned()),
    ];
    let only = [Some("rtsp://cam.example/live/trackID=0".to_owned())];
    let points = |text: &str, controls: &[Option<String>]| {
        let mut headers = rtsp_msg::Headers::new();
        headers.append(rtsp_msg::HeaderName::RtpInfo, text);
        let info = headers.typed_with::<RtpInfo>(&Leniency::permissive());
        let points = play::points(info.ok().flatten().as_ref(), controls);
        points
            .iter()
            .map(|point| (point.sequence, point.timestamp))
            .collect::<Vec<_>>()
    };
    let none = (None, None);
    // Absolute and relative, in another order, with an entry for a media that was not set up (Reolink).
    let text = "url=trackID=2;seq=3;rtptime=4,url=rtsp://cam.example/live/trackID=1;seq=9,\
        url=rtsp://CAM.example:554/live/trackID=0;seq=1;rtptime=2";
    let expected = [(Some(1), Some(2)), none, (Some(3), Some(4))];
    assert_eq!(points(text, &controls), expected);
    // A trailing `;` (Laureii), a negative time (OMNY M5S2A).
    let text = "url=rtsp://cam.example/live/trackID=0;seq=1;rtptime=2;";
    assert_eq!(points(text, &controls), [(Some(1), Some(2)), none, none]);
    let text = "url=rtsp://cam.example/live/trackID=0;seq=1;rtptime=-2";
    assert_eq!(points(text, &controls), [(Some(1), None), none, none]);
    // The wrong URL where there is one media only (GW4089IP); where there are two it means nothing.
    let text = "url=rtsp://10.0.0.1/other;seq=1;rtptime=2";
    assert_eq!(points(text, &only), [(Some(1), Some(2))]);
    assert_eq!(points(text, &controls), [none; 3]);
    assert_eq!(play::points(None, &controls).len(), 3);
}

/// What is asked for in SETUP, by version and description.
fn offered(version: VersionPolicy, attributes: &str, request: TransportRequest) -> String {
    let config = SessionConfig {
        version,
        ..SessionConfig::default()
    };
    let mut bench = Bench::with(usize::MAX, config);
    let name = match version {
        VersionPolicy::V2_0 => "RTSP/2.0",
        _ => "RTSP/1.0",
    };
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 3456 RTP/AVP 0\r\n\
         a=control:trackID=0\r\n{attributes}"
    );
    bench.command(ClientSession::describe);
    for (headers, body) in [
        (vec!["Public: DESCRIBE, SETUP"], ""),
        (vec!["Content-Type: application/sdp"], sdp.as_str()),
    ] {
        let request = bench.request();
        let answer = response(&request, "200 OK", &headers, body);
        bench.arrives(answer.replace("RTSP/1.0 200", &format!("{name} 200")));
    }
    assert!(matches!(bench.event(), Event::Described));
    bench.command(|session, now| session.setup(now, 0, request));
    let setup = bench.request();
    let mut lines = setup.split("\r\n");
    let transport = lines.find_map(|line| line.strip_prefix("Transport: "));
    transport.expect("a Transport").to_owned()
}

const PORTS: TransportRequest = TransportRequest::Udp {
    rtp: 5000,
    rtcp: 5001,
};

#[test]
fn r2_setup_04_r2_trans_22_r2_rtp_14_r2_sdp_08_all_that_is_known_is_offered() {
    use VersionPolicy::{V1_0, V2_0};
    let apart = "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"";
    // Both ways are offered, as two alternatives; the ports are ours, whatever the description says of its own.
    assert_eq!(
        offered(V2_0, "", PORTS),
        format!("{apart};RTCP-mux, {apart}")
    );
    // Where the server says that it can, one address will do.
    assert_eq!(
        offered(V2_0, "a=rtcp-mux\r\n", PORTS),
        format!("RTP/AVP;unicast;dest_addr=\":5000\";RTCP-mux, {apart}")
    );
    // RTSP/1.0 has no word for it: only servers that have shown to know it are asked.
    let ports = "RTP/AVP;unicast;client_port=5000-5001";
    assert_eq!(offered(V1_0, "", PORTS), ports);
    assert_eq!(
        offered(V1_0, "a=rtcp-mux\r\n", PORTS),
        format!("{ports};RTCP-mux, {ports}")
    );
    let frames = TransportRequest::Interleaved { rtp: 2, rtcp: 3 };
    for version in [V1_0, V2_0] {
        let offer = offered(version, "a=rtcp-mux\r\n", frames);
        assert_eq!(offer, "RTP/AVP/TCP;unicast;interleaved=2-3");
    }
}

#[test]
fn r2_rtp_16_connections_of_their_own() {
    let active = TransportRequest::Connections { listening: None };
    let passive = TransportRequest::Connections {
        listening: Some((5000, 5001)),
    };
    let v2 = VersionPolicy::V2_0;
    let tcp = "RTP/AVP/TCP;unicast;dest_addr=";
    assert_eq!(
        offered(v2, "a=rtcp-mux\r\n", active),
        format!(
            "{tcp}\":9\";RTCP-mux;setup=active;connection=new, {tcp}\":9\"/\":9\";setup=active;connection=new"
        )
    );
    let offer = offered(v2, "", passive);
    let last = format!("{tcp}\":5000\"/\":5001\";setup=passive;connection=new");
    assert!(offer.ends_with(&last), "{offer}");
    // RTSP/1.0 does not have them, and they cannot be pipelined with PLAY.
    let mut bench = Bench::new(usize::MAX);
    bench.describe(&[]);
    let misuse = bench.session.setup(bench.now, 0, active);
    assert!(matches!(misuse, Err(SessionError::Misuse { .. })));
    let play = PlayRequest::default();
    let misuse = bench.session.start(bench.now, &[(0, active)], &play);
    assert!(matches!(misuse, Err(SessionError::Misuse { .. })));
    for (answer, expected) in [
        (
            "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";src_addr=\"192.0.2.1:7\"/\"192.0.2.1:8\";setup=passive;connection=new",
            Some((Some((7, 8)), Flows::Separate)),
        ),
        (
            "RTP/AVP/TCP;unicast;dest_addr=\":9\";src_addr=\":7\";RTCP-mux;setup=passive;connection=new",
            Some((Some((7, 7)), Flows::Muxed)),
        ),
        (
            "RTP/AVP/TCP;unicast;dest_addr=\":9\";src_addr=\":7\";setup=passive",
            Some((Some((7, 7)), Flows::RtpOnly)),
        ),
        // Roles, ports and connections that do not go with what was asked for.
        (
            "RTP/AVP/TCP;unicast;src_addr=\":7\"/\":8\";setup=active",
            None,
        ),
        ("RTP/AVP/TCP;unicast;setup=passive", None),
        (
            "RTP/AVP/TCP;unicast;src_addr=\":7\"/\":8\";connection=existing",
            None,
        ),
        ("RTP/AVP;unicast;src_addr=\":7\"/\":8\"", None),
    ] {
        let transport = Transport(decoded(answer));
        let got = crate::client::transport::granted(Some(&transport), active, None);
        let got = got.ok().map(|granted| match granted {
            MediaTransport::Connections { server, flows, .. } => (server, flows),
            other => panic!("{answer}: {other:?}"),
        });
        assert_eq!(got, expected, "{answer}");
    }
}

fn decoded(text: &str) -> Vec<rtsp_msg::headers::TransportSpec> {
    let mut headers = rtsp_msg::Headers::new();
    headers.append(rtsp_msg::HeaderName::Transport, text);
    let transport = headers.typed_with::<Transport>(&Leniency::permissive());
    transport
        .ok()
        .flatten()
        .map(|one| one.0)
        .unwrap_or_default()
}

#[test]
fn r2_rtp_03_r2_rtp_04_where_datagrams_and_reports_go() {
    for (answer, server, flows) in [
        (
            "dest_addr=\":1\"/\":2\";src_addr=\":7\"/\":9\"",
            (7, 9),
            Flows::Separate,
        ),
        (
            "dest_addr=\":1\"/\":2\";src_addr=\":7\";RTCP-mux",
            (7, 7),
            Flows::Muxed,
        ),
        (
            "dest_addr=\":1\"/\":2\";src_addr=\":7\"/\":9\";RTCP-mux",
            (7, 7),
            Flows::Muxed,
        ),
        ("dest_addr=\":1\";src_addr=\":7\"", (7, 7), Flows::RtpOnly),
        (
            "dest_addr=\":1\"/\":2\";src_addr=\":7\"",
            (7, 7),
            Flows::RtpOnly,
        ),
    ] {
        let transport = Transport(decoded(&format!("RTP/AVP;unicast;{answer}")));
        let got = crate::client::transport::granted(Some(&transport), PORTS, None);
        let Ok(MediaTransport::Udp {
            server: to,
            flows: its,
            ..
        }) = got
        else {
            panic!("{answer}: {got:?}")
        };
        assert_eq!((to, its), (Some(server), flows), "{answer}");
    }
}
