//! Rules of RFC 7826 and RFC 2326 about the requesting side, each by the number of its row in the table of requirements: a
//! scripted server on a virtual clock.

mod asked;
mod figures;
mod forms;
mod groups;
mod launching;
mod overload;
mod redirected;
#[allow(dead_code)] // each module uses a part
mod script;

use rtsp_session::auth::Credentials;
use rtsp_session::client::{
    ClientSession, EndReason, Event, PlayRequest, SessionConfig, SessionError, State,
    TransportRequest,
};
use std::time::Duration;

use script::{SDP, Script, header, response};

#[test]
fn r2_sess_02_07_r1_sid_03_06_r2_tear_01_r2_live_02_the_session_is_in_all_its_requests() {
    let mut script = Script::playing();
    script.command(ClientSession::pause);
    script.answer("200 OK", "", "");
    script.command(|session, now| session.play(now, &PlayRequest::resume()));
    script.answer("200 OK", "", "");
    script.passes(Duration::from_secs(10));
    script.answer("200 OK", "", "");
    script.command(ClientSession::teardown);
    let teardown = script.request();
    assert!(teardown.starts_with("TEARDOWN ") && !teardown.contains("Terminate-Reason"));
    let mut seen = 0;
    for request in &script.all {
        let method = request.split(' ').next().unwrap();
        let first = ["rackID=0 RTSP", "DESCRIBE "]
            .iter()
            .any(|one| request.contains(one))
            || seen == 0 && method == "OPTIONS";
        // Exactly the id: without the parameter that came behind it.
        let expected = (!first).then_some("abcdefgh");
        assert_eq!(header(request, "Session"), expected, "{request}");
        seen += 1;
    }
    assert!(seen >= 9);
}

#[test]
fn r1_sid_02_ids_of_any_length_are_taken() {
    for id in ["1", "a+b$c-_.Z", &"x".repeat(200)] {
        let mut script = Script::new();
        script.describe();
        script.setup(0, &format!("Session: {id}\r\n"));
        assert_eq!(header(&script.play(), "Session"), Some(id));
    }
}

#[test]
fn r2_cseq_05_r2_conn_11_responses_are_paired_by_their_number() {
    let mut script = Script::playing();
    script.passes(Duration::from_secs(10));
    let keepalive = script.request();
    script.command(ClientSession::pause);
    let pause = script.request();
    assert_ne!(header(&keepalive, "CSeq"), header(&pause, "CSeq"));
    // The second is answered first.
    script.arrives(response(&pause, "200 OK", "", ""));
    assert!(matches!(script.event(), Event::Paused));
    script.arrives(response(&keepalive, "200 OK", "", ""));
    assert!(script.events.is_empty());
}

#[test]
fn r2_conn_19_a_reply_may_take_ten_seconds_and_100_begins_anew() {
    let mut script = Script::new();
    script.command(ClientSession::describe);
    let options = script.request();
    for _ in 0..5 {
        script.passes(Duration::from_millis(9_900));
        assert!(script.events.is_empty());
        script.arrives(response(&options, "100 Continue", "", ""));
    }
    script.passes(Duration::from_millis(9_900));
    assert!(script.events.is_empty());
    script.arrives(response(&options, "200 OK", "", ""));
    assert!(script.request().starts_with("DESCRIBE "));
}

#[test]
fn r1_conn_02_r2_conn_03_nothing_is_sent_twice() {
    let mut script = Script::new();
    script.command(ClientSession::describe);
    script.passes(Duration::from_secs(60));
    assert_eq!(script.all.len(), 1, "{:#?}", script.all);
    assert!(matches!(
        script.event(),
        Event::Failed(SessionError::NoResponse { .. })
    ));
}

#[test]
fn r2_msg_22_the_reason_is_for_people() {
    for status in ["200 Groovy", "200 Not Found", "200 "] {
        let mut script = Script::new();
        script.command(ClientSession::describe);
        script.answer(status, "", "");
        assert!(script.request().starts_with("DESCRIBE "), "{status}");
    }
}

#[test]
fn r2_opt_02_07_r2_live_07_09_keep_alives_in_time_and_without_a_body() {
    let mut script = Script::playing();
    assert!(script.all[0].starts_with("OPTIONS "));
    for _ in 0..6 {
        script.passes(Duration::from_millis(19_999));
        // One or more within each timeout, the last of them not at its end.
        assert!(!script.sent.is_empty());
        for request in std::mem::take(&mut script.sent) {
            assert_eq!(header(&request, "Session"), Some("abcdefgh"));
            assert!(header(&request, "Content-Length").is_none_or(|length| length == "0"));
            assert!(
                request.starts_with("OPTIONS rtsp://cam.example/live RTSP/"),
                "the server has no other: {request}"
            );
            script.arrives(response(&request, "200 OK", "", ""));
        }
    }
    assert!(script.events.is_empty());
}

#[test]
fn r2_setup_11_r2_sdp_02_20_r1_sdp_11_r1_meth_04_an_aggregate_is_one_session() {
    let mut script = Script::new();
    let sdp = SDP.replace("control:*", "control:rtsp://cam.example/movie/");
    script.describe_with("", "Content-Base: rtsp://cam.example/movie/\r\n", &sdp);
    let first = script.setup(0, "Session: abcdefgh\r\n");
    let second = script.setup(1, "Session: abcdefgh\r\n");
    assert!(
        first.starts_with("SETUP rtsp://cam.example/movie/trackID=0 "),
        "{first}"
    );
    assert!(
        second.starts_with("SETUP rtsp://cam.example/movie/trackID=1 "),
        "{second}"
    );
    assert_eq!(
        (header(&first, "Session"), header(&second, "Session")),
        (None, Some("abcdefgh"))
    );
    let play = script.play();
    assert!(
        play.starts_with("PLAY rtsp://cam.example/movie/ RTSP/"),
        "{play}"
    );
    script.command(ClientSession::teardown);
    let teardown = script.answer("200 OK", "", "");
    assert!(
        teardown.starts_with("TEARDOWN rtsp://cam.example/movie/ RTSP/"),
        "{teardown}"
    );
}

#[test]
fn r2_sdp_04_05_07_r1_sdp_01_where_controls_lead() {
    for (headers, control, expected) in [
        (
            "Content-Base: rtsp://b/x/\r\nContent-Location: rtsp://l/y/\r\n",
            "trackID=0",
            "rtsp://b/x/trackID=0",
        ),
        (
            "Content-Location: rtsp://l/y/\r\n",
            "trackID=0",
            "rtsp://l/y/trackID=0",
        ),
        ("", "trackID=0", "rtsp://cam.example/live/trackID=0"),
        (
            "Content-Base: rtsp://b/x/\r\n",
            " trackID=0",
            "rtsp://b/x/trackID=0",
        ),
        (
            "Content-Base: rtsp://b/x/\r\n",
            "rtsp://other/z",
            "rtsp://other/z",
        ),
    ] {
        let mut script = Script::new();
        script.describe_with(
            "",
            headers,
            &SDP.replace("control:trackID=0", &format!("control:{control}")),
        );
        let setup = script.setup(0, "Session: abcdefgh\r\n");
        assert!(
            setup.starts_with(&format!("SETUP {expected} RTSP/")),
            "{headers}{control}: {setup}"
        );
    }
    for base in ["rtsp://b/x/", "rtsp://b/x"] {
        let mut script = Script::new();
        script.describe_with("", &format!("Content-Base: {base}\r\n"), SDP);
        script.setup(0, "Session: abcdefgh\r\n");
        let play = script.play();
        assert!(
            play.starts_with(&format!("PLAY {base} RTSP/")),
            "* is the base itself: {play}"
        );
    }
}

#[test]
fn r2_uri_10_12_r1_ver_07_targets_are_absolute_and_whole() {
    let mut script = Script::with("rtsp://cam.example/a?x=%2F&y", SessionConfig::default());
    script.describe_with("", "Content-Base: rtsp://cam.example/a/\r\n", SDP);
    script.setup(0, "Session: abcdefgh\r\n");
    script.play();
    for request in &script.all {
        let target = request.split(' ').nth(1).unwrap();
        assert!(target.starts_with("rtsp://cam.example/a"), "{request}");
    }
    assert!(
        script.all[1].starts_with("DESCRIBE rtsp://cam.example/a?x=%2F&y RTSP/"),
        "{}",
        script.all[1]
    );
}

#[test]
fn r1_play_01_play_waits_for_its_setups() {
    let mut script = Script::new();
    script.describe();
    script.setup(0, "Session: abcdefgh\r\n");
    let request = TransportRequest::Interleaved { rtp: 2, rtcp: 3 };
    script.command(|session, now| session.setup(now, 1, request));
    let setup = script.request();
    let play = PlayRequest::from(Duration::ZERO);
    assert!(script.session.play(script.now, &play).is_err());
    script.drain();
    assert!(script.sent.is_empty());
    script.arrives(response(
        &setup,
        "200 OK",
        "Session: abcdefgh\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n",
        "",
    ));
    script.event();
    assert!(script.play().starts_with("PLAY "));
}

const BASIC: &str = "WWW-Authenticate: Basic realm=\"cam\"\r\n";

fn digest(nonce: &str, more: &str) -> String {
    format!(
        "WWW-Authenticate: Digest realm=\"cam\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"{more}\r\n"
    )
}

fn guarded() -> Script {
    let mut config = SessionConfig::default();
    config.connection.credentials = Some(Credentials::new("ann", "hunter2"));
    let mut script = Script::with("rtsp://cam.example/live", config);
    script.command(ClientSession::describe);
    script
}

#[test]
fn r2_auth_01_r1_auth_03_r2_auth_04_each_request_is_proven_by_what_the_server_knows() {
    for (challenge, scheme) in [
        (BASIC.to_owned(), "Basic "),
        (digest("1234", ""), "Digest "),
    ] {
        let mut script = guarded();
        let first = script.answer("401 Unauthorized", &challenge, "");
        assert_eq!(
            header(&first, "Authorization"),
            None,
            "not before it is asked for"
        );
        let mut proofs = Vec::new();
        for _ in 0..2 {
            let request = script.request();
            let proof = header(&request, "Authorization").unwrap().to_owned();
            assert!(proof.starts_with(scheme), "{proof}");
            proofs.push(proof);
            script.arrives(response(
                &request,
                "200 OK",
                "Content-Type: application/sdp\r\n",
                SDP,
            ));
            if script.sent.is_empty() {
                break;
            }
        }
        assert!(matches!(script.event(), Event::Described));
        assert_eq!(proofs.len(), 2, "OPTIONS and DESCRIBE");
        assert!(scheme == "Basic " || proofs[0] != proofs[1], "each its own");
    }
}

#[test]
fn r2_auth_11_a_stale_nonce_is_replaced_without_asking() {
    let mut script = guarded();
    script.answer("401 Unauthorized", &digest("1234", ""), "");
    script.answer("401 Unauthorized", &digest("5678", ", stale=true"), "");
    assert!(script.events.is_empty());
    let request = script.request();
    assert!(
        header(&request, "Authorization")
            .unwrap()
            .contains("nonce=\"5678\""),
        "{request}"
    );
    // Not for ever.
    let stale = digest("9abc", ", stale=true");
    script.arrives(response(&request, "401 Unauthorized", &stale, ""));
    assert!(matches!(
        script.event(),
        Event::Failed(SessionError::Unauthorized { .. })
    ));
    assert!(script.sent.is_empty());
}

#[test]
fn r2_auth_05_09_15_our_answers_prove_nothing() {
    let mut script = guarded();
    script.answer("401 Unauthorized", BASIC, "");
    script.request();
    script.arrives("OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n");
    let answer = script.request();
    assert!(answer.starts_with("RTSP/1.0 200 "), "{answer}");
    assert!(
        !answer.contains("uthorization") && !answer.contains("Authentication-Info"),
        "{answer}"
    );
}

#[test]
fn r2_meth_04_r1_meth_06_r2_getp_12_every_request_of_the_server_is_answered() {
    for (request, expected) in [
        ("FOO rtsp://x/ RTSP/1.0\r\nCSeq: 41\r\n\r\n", &["501"][..]),
        (
            "ANNOUNCE rtsp://x/ RTSP/1.0\r\nCSeq: 42\r\n\r\n",
            &["200", "501"],
        ),
        ("OPTIONS * RTSP/1.0\r\nCSeq: 43\r\n\r\n", &["200"]),
        (
            "GET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 44\r\nSession: abcdefgh\r\nContent-Type: text/parameters\r\nContent-Length: 3\r\n\r\na\r\n",
            &["200", "451", "501"],
        ),
    ] {
        let mut script = Script::playing();
        script.arrives(request);
        let answer = script.request();
        let status = answer.get(9..12).unwrap();
        assert!(expected.contains(&status), "{request}{answer}");
        assert_eq!(header(&answer, "CSeq"), header(request, "CSeq"));
    }
}

#[test]
fn r2_tear_09_the_servers_teardown_is_obeyed() {
    for request in [
        "TEARDOWN rtsp://cam.example/live RTSP/1.0\r\nCSeq: 7\r\nSession: abcdefgh\r\n\r\n",
        // Without a session: all that are on the connection.
        "TEARDOWN * RTSP/1.0\r\nCSeq: 7\r\n\r\n",
    ] {
        let mut script = Script::playing();
        script.arrives(request);
        assert!(script.request().starts_with("RTSP/1.0 200 "));
        assert!(matches!(
            script.event(),
            Event::Ended(EndReason::TornDown(None))
        ));
        script.passes(Duration::from_secs(100));
        assert!(script.sent.is_empty(), "nothing is kept alive");
    }
}

#[test]
fn r1_meth_05_r1_redir_03_a_player_pauses_and_follows() {
    let mut script = Script::playing();
    script.command(ClientSession::pause);
    assert!(script.answer("200 OK", "", "").starts_with("PAUSE "));
    assert!(matches!(script.event(), Event::Paused));
    assert_eq!(script.session.state(), State::Ready);
    script.arrives("REDIRECT rtsp://cam.example/live RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://other.example/live\r\n\r\n");
    assert!(script.sent.remove(0).starts_with("RTSP/1.0 200 "));
    assert!(script.request().starts_with("TEARDOWN "));
    match script.event() {
        Event::Redirected(redirect) => {
            assert_eq!(redirect.uri.as_str(), "rtsp://other.example/live");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn r1_meth_07_headers_that_a_player_must_read_in_any_dress() {
    let mut script = Script::new();
    script.command(ClientSession::describe);
    let options = script.request();
    let cseq = header(&options, "CSeq").unwrap();
    script.arrives(format!(
        "RTSP/1.0 200 OK\r\ncseq :\r\n {cseq}\r\npublic: OPTIONS,\r\n\tDESCRIBE\r\n\r\n"
    ));
    let describe = script.request();
    let cseq = header(&describe, "CSeq").unwrap();
    let length = SDP.len();
    script.arrives(format!(
        "RTSP/1.0 200 OK\r\nCSEQ:{cseq}\r\ncontent-TYPE: application/sdp\r\nCONTENT-length:\r\n {length}\r\nconTENT-base:\r\n\trtsp://b/x/\r\n\r\n{SDP}"
    ));
    assert!(matches!(script.event(), Event::Described));
    let request = TransportRequest::Interleaved { rtp: 0, rtcp: 1 };
    script.command(|session, now| session.setup(now, 0, request));
    let setup = script.request();
    assert!(setup.starts_with("SETUP rtsp://b/x/trackID=0 "), "{setup}");
    let cseq = header(&setup, "CSeq").unwrap();
    script.arrives(format!(
        "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nsession: abcdefgh\r\n ;timeout=20\r\ntransport: RTP/AVP/TCP;\r\n unicast;INTERLEAVED=4-5\r\n\r\n"
    ));
    assert!(matches!(script.event(), Event::SetUp { .. }));
    assert_eq!(script.session.timeout(), Some(Duration::from_secs(20)));
    assert!(script.session.channel(4).is_some() && script.session.channel(0).is_none());
}

#[test]
fn r2_cseq_02_r2_ver_03_r2_msg_18_numbers_and_first_lines_of_requests() {
    let mut script = Script::playing();
    script.command(ClientSession::teardown);
    let mut last = None;
    for request in &script.all {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(body.is_empty(), "{request}");
        assert!(!head.replace("\r\n", "").contains(['\r', '\n']));
        let version = head
            .split("\r\n")
            .next()
            .unwrap()
            .rsplit(' ')
            .next()
            .unwrap();
        assert!(["RTSP/1.0", "RTSP/2.0"].contains(&version), "{version}");
        let cseq: u32 = header(request, "CSeq").unwrap().parse().unwrap();
        assert!(last.is_none_or(|last| cseq == last + 1), "{request}");
        last = Some(cseq);
    }
}
