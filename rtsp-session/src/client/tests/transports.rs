//! What servers answer to SETUP and PLAY.

use rtsp_msg::Leniency;
use rtsp_msg::headers::RtpInfo;

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
