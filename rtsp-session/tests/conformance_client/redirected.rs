//! Being sent elsewhere: REDIRECT, and 3rr in a session.

use rtsp_session::client::{
    ClientSession, CloseReason, Event, PlayRequest, Redirect, SessionError, State,
};
use std::time::Duration;

use crate::script::{BOTH, Script, URI, header, response, with_every_split};

fn redirect(version: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("REDIRECT {URI} {version}\r\nCSeq: 77\r\n{headers}\r\n")
}

const SESSION: &str = "Session: abcdefgh";
const LOCATION: &str = "Location: rtsp://other.example:8554/film";

fn left_for(script: &mut Script) -> Redirect {
    match script.event() {
        Event::Redirected(redirect) => redirect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r2_redir_04_07_r2_meth_03_without_a_time_it_goes_at_once_and_closes_after_its_answer() {
    with_every_split(|split| {
        for session in [Some(SESSION), None] {
            let mut script = Script::playing_in("RTSP/2.0");
            script.split = split;
            let headers: Vec<_> = session
                .into_iter()
                .chain([LOCATION, "Terminate-Reason: Server-Admin"])
                .collect();
            script.arrives(redirect("RTSP/2.0", &headers));
            // The 2xx ends the session: nothing else is sent.
            let answer = script.request();
            assert!(answer.starts_with("RTSP/2.0 200 "), "{answer}");
            assert_eq!(header(&answer, "CSeq"), Some("77"));
            let to = left_for(&mut script);
            assert_eq!(to.uri.as_str(), "rtsp://other.example:8554/film");
            assert!(!to.same_host && !to.same_media);
            assert_eq!(script.session.state(), State::Init);
            assert_eq!(script.closed, Some(CloseReason::Redirected));
            script.passes(Duration::from_secs(100));
            assert!(script.sent.is_empty(), "nothing is kept alive");
        }
    });
}

#[test]
fn r1_redir_02_r1_sm_03_in_1_0_the_old_session_is_torn_down() {
    with_every_split(|split| {
        let mut script = Script::playing();
        script.split = split;
        script.arrives(redirect("RTSP/1.0", &[LOCATION]));
        assert_eq!(script.sent.len(), 2, "{:#?}", script.sent);
        assert!(script.sent.remove(0).starts_with("RTSP/1.0 200 "));
        assert!(script.sent[0].starts_with(&format!("TEARDOWN {URI} RTSP/1.0\r\n")));
        assert_eq!(header(&script.sent[0], "Session"), Some("abcdefgh"));
        left_for(&mut script);
        assert_eq!(script.session.state(), State::Init);
        // Only then it closes.
        assert_eq!(script.closed, None);
        script.answer("200 OK", "", "");
        assert_eq!(script.closed, Some(CloseReason::Redirected));
        assert!(script.events.is_empty());
    });
}

#[test]
fn r2_redir_06_with_a_time_it_goes_before_it_by_the_clock_of_the_server() {
    with_every_split(|split| {
        let mut script = Script::playing_in("RTSP/2.0");
        script.split = split;
        // The server's calendar is 30 years behind ours: 142 s are left.
        let headers = [
            SESSION,
            LOCATION,
            "Terminate-Reason: Server-Admin;time=19960213T143305Z",
            "Date: Tue, 13 Feb 1996 14:30:43 GMT",
        ];
        script.arrives(redirect("RTSP/2.0", &headers));
        assert!(script.request().starts_with("RTSP/2.0 200 "));
        let Event::RedirectedAt { redirect, at } = script.event() else {
            panic!()
        };
        assert_eq!(redirect.uri.as_str(), "rtsp://other.example:8554/film");
        let left = at - script.now.monotonic;
        assert!(left < Duration::from_secs(142) && left > Duration::from_secs(130));
        // Until then all goes on.
        assert_eq!(script.session.state(), State::Playing);
        for _ in 0..13 {
            script.passes(Duration::from_secs(10));
            let alive = script.answer("200 OK", "", "");
            assert_eq!(header(&alive, "Session"), Some("abcdefgh"));
        }
        assert!(script.events.is_empty() && script.closed.is_none());
        script.passes(Duration::from_secs(11));
        let teardown = script
            .sent
            .iter()
            .find(|sent| sent.starts_with("TEARDOWN "));
        assert_eq!(header(teardown.unwrap(), "Session"), Some("abcdefgh"));
        left_for(&mut script);
        for request in std::mem::take(&mut script.sent) {
            script.arrives(response(&request, "200 OK", "", ""));
        }
        assert_eq!(script.closed, Some(CloseReason::Redirected));
        assert!(script.sent.is_empty());
    });
}

#[test]
fn times_that_are_past_or_none_or_1_0s() {
    for (version, headers) in [
        (
            "RTSP/2.0",
            "Terminate-Reason: Server-Admin;time=19960213T143043Z\r\nDate: Tue, 13 Feb 1996 14:30:43 GMT",
        ),
        ("RTSP/2.0", "Terminate-Reason: Server-Admin;time=soon"),
        ("RTSP/1.0", "Range: clock=19960213T143205Z-"),
        ("RTSP/1.0", "Range: npt=5-"),
    ] {
        let mut script = Script::playing_in(version);
        script.arrives(redirect(version, &[LOCATION, headers]));
        left_for(&mut script);
    }
    // Without a Date our own clock has to do (2023-11-14T22:13:20Z).
    for (version, header) in [
        ("RTSP/1.0", "Range: clock=20231114T221420Z-"),
        (
            "RTSP/2.0",
            "Terminate-Reason: Server-Admin;time=20231114T221420Z",
        ),
        (
            "RTSP/2.0",
            "Terminate-Reason: Server-Admin;time=99991231T235959Z",
        ),
    ] {
        let mut script = Script::playing_in(version);
        script.arrives(redirect(version, &[LOCATION, header]));
        let Event::RedirectedAt { at, .. } = script.event() else {
            panic!("{header}")
        };
        assert!(at > script.now.monotonic + Duration::from_secs(55));
    }
}

#[test]
fn a_host_alone_means_the_same_media_there() {
    for location in ["rtsp://other.example", "rtsp://other.example:554"] {
        let mut script = Script::playing_in("RTSP/2.0");
        let location = format!("Location: {location}");
        script.arrives(redirect("RTSP/2.0", &[&location]));
        let to = left_for(&mut script);
        assert!(to.same_media);
        assert!(to.uri.as_str().ends_with("/live"), "{}", to.uri);
    }
}

#[test]
fn r2_stat_06_r1_sm_03_3rr_in_a_session_tears_it_down_and_leads_elsewhere() {
    with_every_split(|split| {
        for version in BOTH {
            let mut script = Script::playing_in(version);
            script.split = split;
            script.command(ClientSession::pause);
            script.answer("302 Elsewhere", &format!("{LOCATION}\r\n"), "");
            let teardown = script.request();
            assert!(teardown.starts_with(&format!("TEARDOWN {URI} {version}\r\n")));
            assert_eq!(header(&teardown, "Session"), Some("abcdefgh"));
            let to = left_for(&mut script);
            assert_eq!(to.uri.as_str(), "rtsp://other.example:8554/film");
            assert_eq!(script.session.state(), State::Init);
            script.arrives(response(&teardown, "200 OK", "", ""));
            assert_eq!(script.closed, Some(CloseReason::Redirected));

            // A keep-alive is a request in the session as well.
            let mut script = Script::playing_in(version);
            script.passes(Duration::from_secs(10));
            script.answer("301 Moved Permanently", &format!("{LOCATION}\r\n"), "");
            assert!(script.request().starts_with("TEARDOWN "));
            left_for(&mut script);
        }
    });
}

#[test]
fn r2_stat_05_an_unknown_3rr_is_302_but_304_and_305_are_not() {
    for version in BOTH {
        for status in ["301 A", "302 B", "303 C", "307 D", "399 E"] {
            let mut script = Script::of(version);
            script.command(ClientSession::describe);
            script.answer("200 OK", "", "");
            script.answer(status, &format!("{LOCATION}\r\n"), "");
            let to = left_for(&mut script);
            assert_eq!(
                to.uri.as_str(),
                "rtsp://other.example:8554/film",
                "{status}"
            );
            assert!(script.sent.is_empty(), "there is no session to tear down");
        }
        for status in ["304 Not Modified", "305 Use Proxy"] {
            let mut script = Script::of(version);
            script.command(ClientSession::describe);
            script.answer("200 OK", "", "");
            script.answer(status, &format!("{LOCATION}\r\n"), "");
            assert!(matches!(
                script.event(),
                Event::Failed(SessionError::Refused { .. })
            ));
        }
    }
}

#[test]
fn r2_sm_14_a_session_that_went_a_little_early_is_followed_all_the_same() {
    with_every_split(|split| {
        for status in [
            "454 Session Not Found",
            "455 Method Not Valid In This State",
        ] {
            let mut script = Script::playing_in("RTSP/2.0");
            script.split = split;
            let headers = [
                SESSION,
                LOCATION,
                "Terminate-Reason: Server-Admin;time=20231114T221420Z",
            ];
            script.arrives(redirect("RTSP/2.0", &headers));
            script.request();
            assert!(matches!(script.event(), Event::RedirectedAt { .. }));
            script.command(ClientSession::pause);
            script.answer(status, "", "");
            let failed = script.events.remove(0);
            assert!(matches!(failed, Event::Failed(_)), "{failed:?}");
            left_for(&mut script);
            assert_eq!(script.session.state(), State::Init);
        }
    });
}

#[test]
fn r2_sm_14_r1_sm_03_454_is_the_end_of_the_session_and_455_is_not() {
    for version in BOTH {
        let mut script = Script::playing_in(version);
        script.command(ClientSession::pause);
        script.answer("455 Method Not Valid In This State", "", "");
        assert!(matches!(script.event(), Event::Failed(_)));
        assert_eq!(
            script.session.state(),
            State::Playing,
            "4xx changes nothing"
        );
        script.command(ClientSession::pause);
        script.answer("404 Not Found", "", "");
        assert!(matches!(script.event(), Event::Failed(_)));
        assert_eq!(script.session.state(), State::Playing);
        // It has timed out meanwhile.
        let play = PlayRequest::resume();
        script.command(|session, now| session.play(now, &play));
        script.answer("454 Session Not Found", "", "");
        assert!(matches!(script.events.remove(0), Event::Failed(_)));
        assert!(matches!(script.event(), Event::Ended(_)));
        assert_eq!(script.session.state(), State::Init);
        assert_eq!(script.session.session_id(), None);
        script.passes(Duration::from_secs(100));
        assert!(script.sent.is_empty(), "nothing is kept alive");
        // TEARDOWN of what is gone already is no failure.
        let mut script = Script::playing_in(version);
        script.command(ClientSession::teardown);
        script.answer("454 Session Not Found", "", "");
        assert!(matches!(script.event(), Event::TornDown));
    }
}
