//! What the server asks of its client: PLAY_NOTIFY, TEARDOWN, ANNOUNCE, parameters, feature tags.

use rtsp_msg::StatusCode;
use rtsp_msg::headers::{MediaProperty, NptTime, Range, TerminateCause};
use rtsp_session::client::{
    ClientSession, EndReason, Event, Notice, NoticeKind, OwnParameter, PlayRequest, SessionConfig,
    State, VersionPolicy,
};
use std::time::Duration;

use crate::script::{BOTH, SDP, Script, URI, header, with_every_split};

/// A request of the server's.
fn ask(version: &str, method: &str, headers: &[&str], body: &str) -> String {
    let mut all = format!("{method} {URI} {version}\r\nCSeq: 77\r\n");
    for line in headers {
        all += &format!("{line}\r\n");
    }
    if !body.is_empty() {
        all += &format!("Content-Length: {}\r\n", body.len());
    }
    all + "\r\n" + body
}

/// The server asks; the status, and the whole answer.
fn answer_to(script: &mut Script, request: &str) -> (u16, String) {
    script.arrives(request);
    let answer = script.request();
    assert_eq!(header(&answer, "CSeq"), header(request, "CSeq"), "{answer}");
    (answer[9..12].parse().unwrap(), answer)
}

const SESSION: &str = "Session: abcdefgh";

fn notice(script: &mut Script) -> Notice {
    match script.event() {
        Event::Notified(notice) => notice,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r2_pn_02_r2_pn_12_r2_meth_03_the_end_of_the_stream_is_answered_at_once_and_may_be_followed_by_play()
 {
    with_every_split(|split| {
        let mut script = Script::playing_in("RTSP/2.0");
        script.split = split;
        let play = header(&script.all[4], "CSeq").unwrap().to_owned();
        assert!(script.all[4].starts_with("PLAY "));
        let status = format!("Request-Status: cseq={play} status=200 reason=\"OK\"");
        let info = format!("RTP-Info: url=\"{URI}/trackID=0\" ssrc=0000000A:seq=9;rtptime=90");
        let headers = [
            SESSION,
            "Notify-Reason: end-of-stream",
            &status,
            "Range: npt=-15",
            &info,
        ];
        let request = ask("RTSP/2.0", "PLAY_NOTIFY", &headers, "");
        let (code, answer) = answer_to(&mut script, &request);
        assert_eq!((code, header(&answer, "Session")), (200, Some("abcdefgh")));
        assert!(answer.starts_with("RTSP/2.0 200 "), "{answer}");
        let notice = notice(&mut script);
        assert_eq!(notice.media, None);
        assert_eq!(
            notice.kind,
            NoticeKind::EndOfStream {
                status: Some(StatusCode::OK)
            }
        );
        let end = Some(NptTime::At(Duration::from_secs(15)));
        assert_eq!(notice.range, Some(Range::Npt { start: None, end }));
        assert_eq!(notice.points[0].sequence, Some(9));
        // The session is there as before, and kept alive.
        assert_eq!(script.session.state(), State::Playing);
        script.passes(Duration::from_secs(10));
        script.answer("200 OK", "", "");
        let again = PlayRequest::from(Duration::ZERO);
        script.command(|session, now| session.play(now, &again));
        let play = script.answer("200 OK", "", "");
        assert_eq!(header(&play, "Session"), Some("abcdefgh"));
        assert!(matches!(script.event(), Event::Playing(_)));

        // Word of the end of the PLAY before changes nothing any more, but is answered.
        let (code, _) = answer_to(&mut script, &request);
        assert_eq!(code, 200);
        assert!(script.events.is_empty(), "{:?}", script.events);
    });
}

#[test]
fn changed_properties_and_scales_are_told() {
    let mut script = Script::playing_in("RTSP/2.0");
    let headers = [
        SESSION,
        "Notify-Reason: media-properties-update",
        "Media-Properties: Time-Progressing, Time-Limited=20301128T165900Z, Random-Access=2.5",
        "Media-Range: npt=00:00:00-01:37:21.394",
        "Range: npt=00:00:03.51-",
    ];
    let request = ask("RTSP/2.0", "PLAY_NOTIFY", &headers, "");
    assert_eq!(answer_to(&mut script, &request).0, 200);
    let told = notice(&mut script);
    let NoticeKind::PropertiesChanged {
        properties: Some(properties),
        available: Some(available),
    } = told.kind
    else {
        panic!("{told:?}")
    };
    assert!(properties.0.contains(&MediaProperty::TimeProgressing));
    assert_eq!(available.0.len(), 1);
    assert_eq!(script.session.media_properties(), Some(&properties));

    let headers = [
        SESSION,
        "Notify-Reason: scale-change",
        "Scale: 1",
        "Range: npt=10-",
    ];
    let request =
        ask("RTSP/2.0", "PLAY_NOTIFY", &headers, "").replace(URI, &format!("{URI}/trackID=1"));
    assert_eq!(answer_to(&mut script, &request).0, 200);
    let told = notice(&mut script);
    assert_eq!(told.kind, NoticeKind::ScaleChanged { scale: Some(1.0) });
    assert_eq!(told.media, Some(1));
}

#[test]
fn r2_pn_03_r2_code_34_an_unknown_reason_is_465_and_changes_nothing() {
    for version in BOTH {
        for reason in ["Notify-Reason: x-sunset", "Notify-Reason: a b", "X-Y: z"] {
            let mut script = Script::playing_in(version);
            let request = ask(version, "PLAY_NOTIFY", &[SESSION, reason], "");
            let (code, answer) = answer_to(&mut script, &request);
            assert_eq!(code, 465, "{version} {reason}");
            assert_eq!(header(&answer, "Session"), Some("abcdefgh"));
            assert!(script.events.is_empty());
        }
    }
}

#[test]
fn r2_pn_23_a_notification_for_another_session_is_454() {
    let mut script = Script::playing_in("RTSP/2.0");
    for session in ["Session: abcdefgi", "Session: ABCDEFGH"] {
        let headers = [session, "Notify-Reason: end-of-stream"];
        let request = ask("RTSP/2.0", "PLAY_NOTIFY", &headers, "");
        let (code, answer) = answer_to(&mut script, &request);
        assert_eq!((code, header(&answer, "Session")), (454, None));
    }
    // None at all breaks the rule that there is one.
    let request = ask(
        "RTSP/2.0",
        "PLAY_NOTIFY",
        &["Notify-Reason: end-of-stream"],
        "",
    );
    assert_eq!(answer_to(&mut script, &request).0, 400);
    assert!(script.events.is_empty());
}

#[test]
fn r2_meth_03_teardown_ends_the_session_and_says_why() {
    with_every_split(|split| {
        let mut script = Script::playing_in("RTSP/2.0");
        script.split = split;
        // What runs at that moment is over with it.
        script.command(ClientSession::pause);
        let pause = script.request();
        let reason = "Terminate-Reason: Server-Admin;user-msg=\"back at nine\"";
        let request = ask("RTSP/2.0", "TEARDOWN", &[SESSION, reason], "");
        let (code, _) = answer_to(&mut script, &request);
        assert_eq!(code, 200);
        let Event::Ended(EndReason::TornDown(Some(reason))) = script.event() else {
            panic!()
        };
        assert_eq!(reason.cause, TerminateCause::ServerAdmin);
        assert_eq!(reason.user_message.as_deref(), Some("back at nine"));
        assert_eq!(script.session.state(), State::Init);
        // The answer to it comes too late.
        script.arrives(crate::response(&pause, "454 Session Not Found", "", ""));
        script.passes(Duration::from_secs(100));
        assert!(script.sent.is_empty() && script.events.is_empty());
    });
}

#[test]
fn r1_ann_04_a_description_is_updated_or_501() {
    let kind = "Content-Type: application/sdp";
    let update = SDP.replace("s=cam", "s=garden");
    let announce = ask("RTSP/1.0", "ANNOUNCE", &[SESSION, kind], &update);
    let mut script = Script::playing();
    assert_eq!(answer_to(&mut script, &announce).0, 200);
    assert!(matches!(script.event(), Event::Redescribed));
    let described = script.session.description().unwrap();
    assert_eq!(described.session_name, "garden");

    // Other media are another presentation.
    let other = SDP.replace("trackID=1", "trackID=7");
    let announce = ask("RTSP/1.0", "ANNOUNCE", &[SESSION, kind], &other);
    let (code, answer) = answer_to(&mut script, &announce);
    assert_eq!(code, 501);
    assert!(header(&answer, "Public").unwrap().contains("OPTIONS"));
    assert!(script.events.is_empty());
    let control = &script.session.description().unwrap().media[1].control;
    assert_eq!(control.as_deref(), Some("trackID=1"));

    // Nothing is described yet.
    let mut script = Script::new();
    assert_eq!(
        answer_to(&mut script, &announce.replace("Session", "X-S")).0,
        501
    );
    // RTSP/2.0 does not have it.
    let mut script = Script::playing_in("RTSP/2.0");
    let announce = ask("RTSP/2.0", "ANNOUNCE", &[SESSION, kind], &update);
    assert_eq!(answer_to(&mut script, &announce).0, 501);
    assert!(script.events.is_empty());
}

#[test]
fn r2_cap_05_require_of_the_server_is_heeded() {
    for version in BOTH {
        for method in ["OPTIONS", "SET_PARAMETER", "TEARDOWN"] {
            let mut script = Script::playing_in(version);
            let headers = [SESSION, "Require: play.basic, x.y, play.z"];
            let request = ask(version, method, &headers, "");
            let (code, answer) = answer_to(&mut script, &request);
            assert_eq!(code, 551, "{method}");
            assert_eq!(header(&answer, "Unsupported"), Some("x.y, play.z"));
            assert!(script.events.is_empty(), "not performed");
        }
        let mut script = Script::playing_in(version);
        let request = ask(version, "OPTIONS", &["Require: play.basic"], "");
        assert_eq!(answer_to(&mut script, &request).0, 200);
    }
}

#[test]
fn what_every_answer_has() {
    let mut script = Script::playing_in("RTSP/2.0");
    let headers = ["Supported: play.basic", "Timestamp: 5.1"];
    let (_, answer) = answer_to(&mut script, &ask("RTSP/2.0", "OPTIONS", &headers, ""));
    assert!(header(&answer, "Supported").unwrap().contains("play.basic"));
    assert_eq!(header(&answer, "Timestamp"), Some("5.1"));
    assert!(header(&answer, "User-Agent").is_some());
    let public = header(&answer, "Public").unwrap();
    for method in ["PLAY_NOTIFY", "REDIRECT", "TEARDOWN"] {
        assert!(public.contains(method), "{public}");
    }
    // A request without a number cannot be answered but by saying so.
    script.arrives("OPTIONS * RTSP/2.0\r\n\r\n");
    assert!(script.request().starts_with("RTSP/2.0 400 "));
}

#[test]
fn parameters_are_told_and_set_or_none_of_them() {
    let kind = "Content-Type: text/parameters";
    let parameters = [("jitter", "0.4", false), ("volume", "3", true)];
    let own = |(name, value, writable): (&str, &str, bool)| OwnParameter {
        name: name.into(),
        value: value.into(),
        writable,
    };
    let mut config = SessionConfig::default();
    config.version = VersionPolicy::V2_0;
    config.parameters = parameters.map(own).into();
    let mut script = Script::with(URI, config).on_to_playing();
    for (method, body, code, expected) in [
        ("GET_PARAMETER", "", 200, ""),
        (
            "GET_PARAMETER",
            "volume\r\njitter\r\n",
            200,
            "volume: 3\r\njitter: 0.4\r\n",
        ),
        ("GET_PARAMETER", "volume\r\ncolour\r\n", 451, "colour\r\n"),
        ("SET_PARAMETER", "", 200, ""),
        ("SET_PARAMETER", "volume: 9\r\nhue: 1\r\n", 451, "hue\r\n"),
        (
            "SET_PARAMETER",
            "volume: 9\r\njitter: 1\r\n",
            458,
            "jitter\r\n",
        ),
        ("SET_PARAMETER", "volume", 400, ""),
    ] {
        let request = ask("RTSP/2.0", method, &[SESSION, kind], body);
        let (status, answer) = answer_to(&mut script, &request);
        assert_eq!(status, code, "{request}");
        assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{answer}");
        assert!(script.events.is_empty());
    }
    let other = ask(
        "RTSP/2.0",
        "SET_PARAMETER",
        &["Content-Type: text/html"],
        "volume: 9",
    );
    assert_eq!(answer_to(&mut script, &other).0, 415);
    let set = ask(
        "RTSP/2.0",
        "SET_PARAMETER",
        &[SESSION, kind],
        "volume: 9\r\n",
    );
    assert_eq!(answer_to(&mut script, &set).0, 200);
    let Event::ParametersSet(set) = script.event() else {
        panic!()
    };
    assert_eq!(set, [("volume".to_owned(), "9".to_owned())]);
    assert!(script.session.set_own_parameter("jitter", "0.5"));
    assert!(!script.session.set_own_parameter("colour", "0.5"));
    let request = ask("RTSP/2.0", "GET_PARAMETER", &[kind], "volume\r\njitter\r\n");
    let (_, answer) = answer_to(&mut script, &request);
    assert!(
        answer.ends_with("\r\n\r\nvolume: 9\r\njitter: 0.5\r\n"),
        "{answer}"
    );
}
