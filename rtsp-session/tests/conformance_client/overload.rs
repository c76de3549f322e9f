//! Servers that cannot keep up, and connections that are lost.

use rtsp_session::client::{
    ClientSession, CloseReason, Event, Input, PlayRequest, SessionConfig, SessionError,
    SessionOutput, State, TransportRequest, VersionPolicy,
};
use std::time::Duration;

use crate::script::{BOTH, Script, URI, header, response, with_every_split};

fn refusal(script: &mut Script) -> (u16, Option<Duration>) {
    match script.event() {
        Event::Failed(SessionError::Refused {
            status,
            retry_after,
            ..
        }) => (status.code(), retry_after),
        other => panic!("{other:?}"),
    }
}

#[test]
fn r2_code_43_r2_code_47_r2_ovl_03_an_overloaded_server_is_left_alone_for_as_long_as_it_says() {
    with_every_split(|split| {
        for version in BOTH {
            for (status, retry) in [
                ("503 Service Unavailable", "30"),
                ("553 Proxy Unavailable", "30"),
                ("503 Service Unavailable", "Tue, 14 Nov 2023 22:13:50 GMT"),
            ] {
                let mut script = Script::of(version);
                script.split = split;
                script.describe();
                let tcp = TransportRequest::Interleaved { rtp: 0, rtcp: 1 };
                script.command(|session, now| session.setup(now, 0, tcp));
                script.answer(status, &format!("Retry-After: {retry}\r\n"), "");
                let code = status[..3].parse().unwrap();
                let pause = Duration::from_secs(30);
                assert_eq!(refusal(&mut script), (code, Some(pause)));
                // The next request may be given, but waits.
                script.command(|session, now| session.setup(now, 0, tcp));
                script.passes(pause - Duration::from_millis(1));
                assert!(script.sent.is_empty() && script.events.is_empty());
                script.passes(Duration::from_millis(1));
                assert!(script.request().starts_with("SETUP "));
                // Its own time for an answer begins only now.
                script.passes(Duration::from_secs(9));
                assert!(script.events.is_empty());
            }
        }
    });
}

#[test]
fn r2_code_43_without_a_time_503_is_500() {
    for (status, header) in [
        ("503 Service Unavailable", ""),
        ("500 Internal Server Error", "Retry-After: 30\r\n"),
        ("503 Service Unavailable", "Retry-After: soon\r\n"),
    ] {
        let mut script = Script::playing_in("RTSP/2.0");
        script.command(ClientSession::pause);
        script.answer(status, header, "");
        assert_eq!(refusal(&mut script).1, None);
        assert_eq!(script.session.state(), State::Playing);
        script.command(ClientSession::pause);
        assert!(script.request().starts_with("PAUSE "), "at once");
    }
}

#[test]
fn no_keep_alives_pile_up_meanwhile() {
    let mut script = Script::playing_in("RTSP/2.0");
    script.command(ClientSession::pause);
    script.answer("503 Service Unavailable", "Retry-After: 3600\r\n", "");
    script.passes(Duration::from_secs(3599));
    assert!(script.sent.is_empty());
    script.passes(Duration::from_secs(2));
    assert_eq!(script.sent.len(), 1, "{:#?}", script.sent);
}

#[test]
fn r2_conn_17_it_closes_only_when_nothing_is_open() {
    with_every_split(|split| {
        let mut script = Script::playing_in("RTSP/2.0");
        script.split = split;
        script.passes(Duration::from_secs(10));
        let keepalive = script.request();
        script.command(ClientSession::teardown);
        let teardown = script.request();
        script.session.close();
        script.drain();
        assert_eq!(script.closed, None);
        script.arrives(response(&teardown, "200 OK", "", ""));
        assert!(matches!(script.event(), Event::TornDown));
        assert_eq!(script.closed, None, "one is still open");
        script.arrives(response(&keepalive, "200 OK", "", ""));
        assert_eq!(script.closed, Some(CloseReason::Done));
        // What is never answered does not keep it open for ever.
        let mut script = Script::playing_in("RTSP/2.0");
        script.command(ClientSession::pause);
        script.session.close();
        script.drain();
        script.passes(Duration::from_secs(9));
        assert_eq!(script.closed, None);
        script.passes(Duration::from_secs(1));
        assert_eq!(script.closed, Some(CloseReason::Done));
    });
}

/// Playing over UDP, with a driver that can connect again.
fn over_udp(version: VersionPolicy) -> Script {
    let mut config = SessionConfig::default();
    config.version = version;
    config.reconnects = true;
    let mut script = Script::with(URI, config);
    script.describe_with("Public: OPTIONS, SET_PARAMETER\r\n", "", crate::SDP);
    let request = TransportRequest::Udp {
        rtp: 5000,
        rtcp: 5001,
    };
    script.command(|session, now| session.setup(now, 0, request));
    let sent = script.request();
    let transport = header(&sent, "Transport").unwrap();
    let granted = format!("Session: abcdefgh;timeout=60\r\nTransport: {transport}\r\n");
    script.arrives(response(&sent, "200 OK", &granted, ""));
    assert!(matches!(script.event(), Event::SetUp { .. }));
    script.play();
    script
}

/// Whether the session asks for another connection.
fn wants_another(script: &mut Script) -> bool {
    script.session.handle(script.now, Input::Eof);
    match script.session.poll() {
        SessionOutput::Reconnect(reason) => {
            assert_eq!(reason, CloseReason::ByPeer);
            true
        }
        SessionOutput::Close(_) | SessionOutput::Event(_) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r2_conn_20_unanswered_requests_go_out_again_on_another_connection() {
    let mut script = over_udp(VersionPolicy::V2_0);
    script.command(ClientSession::pause);
    let lost = script.request();
    assert!(wants_another(&mut script));
    script.drain();
    assert!(script.events.is_empty(), "it has not failed");
    let now = script.now;
    script.session.reconnected(now);
    script.drain();
    let again = script.answer("200 OK", "", "");
    assert!(again.starts_with("PAUSE "));
    assert_eq!(header(&again, "Session"), header(&lost, "Session"));
    assert!(matches!(script.event(), Event::Paused));
}

#[test]
fn r2_conn_20_or_a_keep_alive_says_which_connection_it_is_now() {
    let mut script = over_udp(VersionPolicy::V2_0);
    assert!(wants_another(&mut script));
    let now = script.now;
    script.session.reconnected(now);
    script.drain();
    let alive = script.answer("200 OK", "", "");
    assert!(alive.starts_with(&format!("SET_PARAMETER {URI} RTSP/2.0\r\n")));
    assert_eq!(header(&alive, "Session"), Some("abcdefgh"));
    assert_eq!(script.session.state(), State::Playing);
    // What is asked for while there is none waits.
    assert!(wants_another(&mut script));
    script.command(ClientSession::pause);
    assert!(script.sent.is_empty());
    script.session.reconnected(now);
    script.drain();
    assert!(script.answer("200 OK", "", "").starts_with("PAUSE "));
    assert!(matches!(script.event(), Event::Paused));
}

#[test]
fn where_no_other_can_be_had_it_is_over() {
    let mut script = over_udp(VersionPolicy::V2_0);
    script.command(ClientSession::pause);
    script.request();
    assert!(wants_another(&mut script));
    script.eof();
    assert!(matches!(
        script.event(),
        Event::Failed(SessionError::NoResponse { .. })
    ));
    assert_eq!(script.closed, Some(CloseReason::ByPeer));
    // Media on the connection are gone with it, and so are sessions of 1.0.
    assert!(!wants_another(&mut over_udp(VersionPolicy::V1_0)));
    let mut config = SessionConfig::default();
    config.version = VersionPolicy::V2_0;
    config.reconnects = true;
    let mut script = Script::with(URI, config).on_to_playing();
    assert!(!wants_another(&mut script));
}

#[test]
fn r1_msg_16_what_a_refusal_says_in_its_body_is_shown() {
    for (kind, body, shown) in [
        (
            "text/plain",
            "Camera 3 is\r\n\x1b[31mbeing   cleaned",
            " (Camera 3 is [31mbeing cleaned)",
        ),
        ("text/html", "<b>no</b>", " (<b>no</b>)"),
        ("application/json", "{}", ""),
    ] {
        let mut script = Script::new();
        script.command(ClientSession::describe);
        script.answer("200 OK", "", "");
        let kind = format!("Content-Type: {kind}\r\n");
        script.answer("499 Odd", &kind, body);
        let Event::Failed(error) = script.event() else {
            panic!()
        };
        let expected = format!("the server refused DESCRIBE: 499 Odd{shown}");
        assert_eq!(error.to_string(), expected);
    }
    let long = "x".repeat(100_000);
    let mut script = Script::new();
    script.command(ClientSession::describe);
    script.answer("200 OK", "", "");
    script.answer("400 Bad Request", "", &long);
    let Event::Failed(error) = script.event() else {
        panic!()
    };
    assert!(error.to_string().len() < 1_000);
}

#[test]
fn r2_pause_05_live_media_that_are_not_kept_go_on_where_they_are() {
    for (properties, expected) in [
        (
            "No-Seeking, Time-Progressing, Time-Duration=0",
            Some("npt=now-"),
        ),
        ("Random-Access, Time-Progressing, Time-Duration=30", None),
        ("Random-Access, Immutable, Unlimited", None),
    ] {
        let mut script = Script::v2();
        script.describe();
        let properties = format!("Session: abcdefgh\r\nMedia-Properties: {properties}\r\n");
        script.setup(0, &properties);
        script.play();
        script.command(ClientSession::pause);
        script.answer("200 OK", "Range: npt=21-\r\n", "");
        script.event();
        script.command(|session, now| session.play(now, &PlayRequest::resume()));
        let play = script.request();
        assert_eq!(header(&play, "Range"), expected);
    }
}
