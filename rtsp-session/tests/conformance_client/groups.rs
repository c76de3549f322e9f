//! Multicast: what is asked for of what a description names, and what is made of the answer.

use rtsp_session::client::{Event, MediaTransport, SessionError, TransportRequest};

use crate::script::{Script, header};

/// A description of two groups: the session's, and that of one media.
const GROUPS: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=cam\r\nc=IN IP4 239.1.1.1/16\r\nt=0 0\r\na=control:*\r\n\
    a=source-filter: incl IN IP4 * 192.0.2.9\r\n\
    m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n\
    m=audio 5010 RTP/AVP 0\r\nc=IN IP6 ff15::8\r\na=control:trackID=1\r\n";

/// The Transport header of a SETUP in a version.
fn asked(version: &str, media: usize, request: TransportRequest) -> String {
    let mut script = Script::of(version);
    script.describe_with("Public: DESCRIBE, SETUP, OPTIONS\r\n", "", GROUPS);
    script.command(|session, now| session.setup(now, media, request));
    header(&script.request(), "Transport").unwrap().to_owned()
}

#[test]
fn r2_trans_30_r2_sdp_17_the_group_and_ttl_of_the_description_are_in_transport() {
    let ask = |media| asked("RTSP/2.0", media, TransportRequest::Multicast);
    assert_eq!(
        ask(0),
        "RTP/AVP;multicast;dest_addr=\"239.1.1.1:5000\"/\"239.1.1.1:5001\";ttl=16"
    );
    assert_eq!(
        ask(1),
        "RTP/AVP;multicast;dest_addr=\"[ff15::8]:5010\"/\"[ff15::8]:5011\""
    );
}

#[test]
fn r1_setup_03_the_transport_of_multicast_has_address_port_and_ttl() {
    let ask = |media| asked("RTSP/1.0", media, TransportRequest::Multicast);
    // Another group of the server's choice will do: some refuse to be told theirs.
    let first = "RTP/AVP;multicast;destination=239.1.1.1;port=5000-5001;ttl=16, RTP/AVP;multicast";
    assert_eq!(ask(0), first);
    let second = "RTP/AVP;multicast;destination=ff15::8;port=5010-5011, RTP/AVP;multicast";
    assert_eq!(ask(1), second);
}

#[test]
fn r1_trans_03_both_kinds_are_offered_as_two_alternatives() {
    let both = TransportRequest::MulticastOrUdp {
        rtp: 6000,
        rtcp: 6001,
    };
    assert_eq!(
        asked("RTSP/1.0", 0, both),
        "RTP/AVP;multicast;destination=239.1.1.1;port=5000-5001;ttl=16, \
         RTP/AVP;unicast;client_port=6000-6001"
    );
    let modern = asked("RTSP/2.0", 0, both);
    let specs: Vec<_> = modern.split(", ").collect();
    assert!(specs.len() >= 2, "{modern}");
    assert!(specs[0].contains(";multicast;"), "{modern}");
    let rest = &specs[1..];
    assert!(
        rest.iter().all(|spec| spec.contains(";unicast;")),
        "{modern}"
    );
}

/// What is made of an answer.
fn granted(request: TransportRequest, answer: &str) -> Result<MediaTransport, SessionError> {
    let mut script = Script::of("RTSP/1.0");
    script.describe_with("Public: DESCRIBE, SETUP, OPTIONS\r\n", "", GROUPS);
    script.command(|session, now| session.setup(now, 0, request));
    let headers = format!("Session: abcdefgh\r\nTransport: {answer}\r\n");
    script.answer("200 OK", &headers, "");
    match script.events.pop() {
        Some(Event::SetUp { transport, .. }) => Ok(transport),
        Some(Event::Failed(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_granted_group_is_a_multicast_address() {
    let group = |answer| match granted(TransportRequest::Multicast, answer) {
        Ok(MediaTransport::Multicast { group, .. }) => {
            let source = group.source.map(|source| source.to_string());
            Some((group.rtp().to_string(), group.ports.1, group.ttl, source))
        }
        Ok(other) => panic!("{answer}: {other:?}"),
        Err(SessionError::Misbehaved { .. }) => None,
        Err(other) => panic!("{answer}: {other}"),
    };
    let is = |address: &str, rtcp, ttl, source: Option<&str>| {
        Some((address.to_owned(), rtcp, ttl, source.map(str::to_owned)))
    };
    for (answer, expected) in [
        (
            "RTP/AVP;multicast;destination=239.7.7.7;source=192.0.2.1;port=7000-7001;ttl=3",
            is("239.7.7.7:7000", 7001, Some(3), Some("192.0.2.1")),
        ),
        // Silent: as it was described.
        (
            "RTP/AVP;multicast",
            is("239.1.1.1:5000", 5001, Some(16), Some("192.0.2.9")),
        ),
        (
            "RTP/AVP;multicast;destination=239.1.1.1;port=7000",
            is("239.1.1.1:7000", 7001, Some(16), Some("192.0.2.9")),
        ),
        // As VLC has it.
        (
            "RTP/AVP/UDP;destination=239.7.7.7;port=7000-7001;ttl=1;mode=play",
            is("239.7.7.7:7000", 7001, Some(1), None),
        ),
        // A host, nobody, no port, a name.
        (
            "RTP/AVP;multicast;destination=192.0.2.77;port=7000-7001",
            None,
        ),
        ("RTP/AVP;multicast;destination=0.0.0.0;port=7000-7001", None),
        ("RTP/AVP;multicast;destination=239.7.7.7;port=0-1", None),
        ("RTP/AVP;multicast;destination=239.7.7.7", None),
        (
            "RTP/AVP;multicast;destination=group.example;port=7000-7001",
            None,
        ),
        // Not what was asked for.
        (
            "RTP/AVP;unicast;client_port=6000-6001;server_port=1-2",
            None,
        ),
        ("RTP/AVP/TCP;unicast;interleaved=0-1", None),
    ] {
        assert_eq!(group(answer), expected, "{answer}");
    }
    let both = TransportRequest::MulticastOrUdp {
        rtp: 6000,
        rtcp: 6001,
    };
    let unicast = granted(
        both,
        "RTP/AVP;unicast;client_port=6000-6001;server_port=8000-8001",
    );
    assert!(matches!(
        unicast,
        Ok(MediaTransport::Udp {
            server: Some((8000, 8001)),
            ..
        })
    ));
}
