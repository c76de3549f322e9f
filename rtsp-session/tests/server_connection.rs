//! The server's end of a connection against a scripted peer.

mod support;

use bytes::Bytes;
use rtsp_msg::{HeaderName, Limits, Method, Request, RequestTarget, Response, StatusCode, Version};
use rtsp_session::auth::{Credentials, Users};
use rtsp_session::server::{Authentication, CloseReason, ConnectionConfig};
use std::sync::Arc;
use std::time::Duration;
use support::{Line, header};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn many(pending_requests: usize) -> ConnectionConfig {
    ConnectionConfig {
        pending_requests,
        ..ConnectionConfig::default()
    }
}

fn options(cseq: u32) -> String {
    format!("OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n")
}

fn cseqs(text: &str) -> Vec<u32> {
    text.split("\r\n")
        .filter_map(|line| line.strip_prefix("CSeq: ")?.parse().ok())
        .collect()
}

#[test]
fn r2_pipe_02_answers_leave_in_the_order_of_their_requests() {
    let mut line = Line::new(many(8));
    line.send((1..=4).map(options).collect::<String>());
    assert_eq!(line.requests.len(), 4);
    for at in [2, 0, 3, 1] {
        let id = line.requests[at].id;
        line.answer(id, Response::new(Version::V1_0, StatusCode::OK));
        line.answer(id, Response::new(Version::V1_0, StatusCode::NOT_FOUND)); // ignored
        let expected: &[u32] = match at {
            2 | 3 => &[],
            0 => &[1],
            _ => &[2, 3, 4],
        };
        let text = line.take();
        assert_eq!(cseqs(&text), expected);
        assert!(!text.contains("404"));
    }
}

#[test]
fn r2_pipe_01_one_request_at_a_time_unless_told_otherwise() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send((1..=100).map(options).collect::<String>());
    assert_eq!(line.requests.len(), 1);
    assert!(!line.connection.wants_read());
    let held = line.buffer.len();
    assert!(
        held > 90 * options(1).len(),
        "the rest waits unread: {held}"
    );
    for cseq in 1..=100 {
        assert_eq!(line.requests.len(), 1);
        line.answer_ok();
        assert_eq!(cseqs(&line.take()), [cseq]);
    }
    assert!(line.buffer.is_empty() && line.connection.wants_read());
}

/// The same script whatever the pieces in which it arrives.
#[test]
fn any_segmentation_gives_the_same() {
    let script = [
        b"OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n".as_slice(),
        b"$\x00\x00\x03abc$\x01\x00\x00",
        b"SET_PARAMETER rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\n$\x00\x00\x09x",
        b"$\x02\x00\x01!",
        b"DESCRIBE nonsense RTSP/1.0\r\nCSeq: 3\r\n\r\n",
        b"FOO rtsp://h/a RTSP/1.0\r\nCSeq: 4\r\n\r\n",
        b"OPTIONS rtsp://h/a RTSP/3.0\r\nCSeq: 5\r\n\r\n",
        b"\r\n\r\nOPTIONS * RTSP/2.0\r\nCSeq: 6\r\nRequire: nope\r\n\r\n",
        b"$\x03\x00\x02hi",
        b"OPTIONS rtsp://h/a RTSP/2.0\r\nCSeq: 7\r\nbroken\r\n\r\n",
        b"TEARDOWN rtsp://h/a RTSP/1.0\r\nCSeq: 8\r\nConnection: close\r\n\r\n",
    ]
    .concat();
    let run = |cuts: &dyn Fn(usize) -> bool| {
        let mut line = Line::new(ConnectionConfig::default());
        let mut from = 0;
        for to in 1..=script.len() {
            if to == script.len() || cuts(to) {
                line.send(&script[from..to]);
                from = to;
            }
            while !line.requests.is_empty() {
                line.answer_ok();
            }
        }
        (line.take(), line.frames, line.order, line.closed)
    };
    let whole = run(&|_| false);
    assert_eq!(
        whole.2,
        [
            "request OPTIONS",
            "frame 0",
            "frame 1",
            "request SET_PARAMETER",
            "frame 2",
            "frame 3",
            "request TEARDOWN"
        ]
    );
    assert_eq!(cseqs(&whole.0), [1, 2, 3, 4, 5, 6, 7, 8]);
    let codes: Vec<&str> = whole
        .0
        .split("\r\n")
        .filter(|l| l.starts_with("RTSP/"))
        .map(|l| &l[..12])
        .collect();
    assert_eq!(
        codes,
        [
            "RTSP/1.0 200",
            "RTSP/1.0 200",
            "RTSP/1.0 400",
            "RTSP/1.0 501",
            "RTSP/1.0 505",
            "RTSP/2.0 551",
            "RTSP/2.0 400",
            "RTSP/1.0 200"
        ]
    );
    assert_eq!(whole.3, Some(CloseReason::Requested));
    assert_eq!(run(&|_| true), whole, "byte by byte");
    for cut in 1..script.len() {
        assert_eq!(run(&|to| to == cut), whole, "cut at {cut}");
    }
}

#[test]
fn answers_repeat_what_they_must() {
    let mut line = Line::new(ConnectionConfig {
        features: vec!["play.basic".into()],
        ..ConnectionConfig::default()
    });
    let ask = |line: &mut Line, method: &str, status: StatusCode| {
        line.send(format!(
            "{method} rtsp://h/a RTSP/2.0\r\nCSeq: 3\r\nSession: abcdefgh ;timeout=9\r\nTimestamp: 4.5\r\n\
             Supported: x\r\nProxy-Supported: p.q\r\n\r\n"
        ));
        let id = line.requests.remove(0).id;
        let mut response = Response::new(Version::V1_0, status);
        response.headers.append(HeaderName::CSeq, "99");
        response.headers.append(HeaderName::Location, "rtsp://h/b");
        line.answer(id, response);
        line.take()
    };
    let text = ask(&mut line, "GET_PARAMETER", StatusCode::OK);
    assert_eq!(
        text,
        format!(
            "RTSP/2.0 200 OK\r\nCSeq: 3\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\nServer: {}\r\nSession: abcdefgh\r\n\
             Timestamp: 4.5\r\nProxy-Supported: p.q\r\nSupported: play.basic\r\nLocation: rtsp://h/b\r\n\r\n",
            line.connection.config().server
        )
    );
    for (method, status, session) in [
        ("PLAY", StatusCode::OK, true),
        ("PAUSE", StatusCode::METHOD_NOT_VALID_IN_THIS_STATE, true),
        ("OPTIONS", StatusCode::SESSION_NOT_FOUND, false),
        ("DESCRIBE", StatusCode::OK, false),
        ("TEARDOWN", StatusCode::OK, false),
    ] {
        let text = ask(&mut line, method, status);
        assert_eq!(
            header(&text, "Session").is_some(),
            session,
            "{method} {status}"
        );
    }
}

#[test]
fn r2_msg_27_a_body_over_the_limit_is_refused_before_it_comes() {
    let mut limits = Limits::default();
    limits.body = 1000;
    for length in [
        "1001",
        "9223372036854775807",
        "18446744073709551616",
        "-1",
        "5,6",
    ] {
        let mut line = Line::new(ConnectionConfig {
            limits: limits.clone(),
            ..ConnectionConfig::default()
        });
        line.send(format!(
            "ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\nContent-Length: {length}\r\n\r\n"
        ));
        let text = line.take();
        let (code, closed) = match length.len() {
            4 | 19 => ("413", Some(CloseReason::FramingLost)),
            _ => ("400", None),
        };
        assert!(
            text.starts_with(&format!("RTSP/1.0 {code} ")) && cseqs(&text) == [5],
            "{length}: {text}"
        );
        assert_eq!(line.closed, closed, "{length}");
        line.send([b'x'; 10_000]);
        assert!(line.buffer.is_empty(), "{length}");
    }
}

/// A body that is announced and never comes holds the connection for a while only.
#[test]
fn a_body_that_dribbles_is_cut_off() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send("ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 1000000\r\n\r\n");
    for _ in 0..20 {
        line.send([b'x'; 10]);
        line.pass(secs(1));
    }
    assert!(line.written.is_empty());
    assert_eq!(line.closed, Some(CloseReason::TooSlow));
}

#[test]
fn a_head_without_end_is_refused_and_the_connection_closed() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send("OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\n");
    for _ in 0..10_000 {
        line.send("X-Filler: 0123456789\r\n");
        assert!(line.buffer.len() < 128 * 1024, "memory is bounded");
    }
    assert_eq!(line.codes(), [400]);
    assert_eq!(line.closed, Some(CloseReason::FramingLost));
}

#[test]
fn r2_msg_26_a_long_uri_is_414() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send(format!(
        "DESCRIBE rtsp://h/{} RTSP/1.0\r\nCSeq: 5\r\n\r\n",
        "a".repeat(5000)
    ));
    assert_eq!(line.codes()[0], 414);
}

#[test]
fn garbage_is_answered_a_few_times_and_then_closed() {
    let mut line = Line::new(ConnectionConfig::default());
    for cseq in 0..20 {
        line.send(format!(
            "OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: {cseq}\r\nno header\r\n\r\n"
        ));
    }
    assert_eq!(line.codes(), [400; 11]);
    assert_eq!(line.closed, Some(CloseReason::TooManyMalformed));
}

#[test]
fn lost_framing_is_found_again() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send("OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nrubbish");
    line.send(options(2));
    assert_eq!(line.requests.len(), 1);
    line.answer_ok();
    let text = line.take();
    assert_eq!(cseqs(&text), [1, 2]);
    assert!(text.starts_with("RTSP/1.0 400 "), "{text}");
    assert_eq!(line.closed, None);
}

#[test]
fn frames_keep_their_place_among_requests() {
    let mut line = Line::new(ConnectionConfig::default());
    let script = [
        b"$\x00\x00\x01a".as_slice(),
        options(1).as_bytes(),
        b"$\x00\x00\x01b$\x01\x00\x01c",
    ]
    .concat();
    line.send(script);
    assert_eq!(
        line.order,
        ["frame 0", "request OPTIONS"],
        "what follows a request waits for its answer"
    );
    line.answer_ok();
    assert_eq!(
        line.order,
        ["frame 0", "request OPTIONS", "frame 0", "frame 1"]
    );
    let payloads: Vec<&Bytes> = line.frames.iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, ["a", "b", "c"]);
}

#[test]
fn the_first_request_must_come_in_time() {
    let mut line = Line::new(ConnectionConfig::default());
    line.pass(secs(29));
    assert_eq!(line.closed, None);
    line.pass(secs(1));
    assert_eq!(line.closed, Some(CloseReason::NoRequest));
    assert_eq!(line.until, None);
}

#[test]
fn r2_conn_16_a_message_must_be_completed_in_time() {
    for opening in [
        "OPTIONS rtsp://h/a RT",
        "ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 99\r\n\r\nv=0",
        "$\0\x01\0x",
    ] {
        let mut line = Line::new(ConnectionConfig::default());
        line.send(options(1));
        line.answer_ok();
        line.send(opening);
        for _ in 0..19 {
            line.pass(secs(1));
            line.send("x"); // a byte a second does not help
        }
        assert_eq!(line.closed, None, "not before 10 s: {opening}");
        line.pass(secs(1));
        assert_eq!(line.closed, Some(CloseReason::TooSlow), "{opening}");
    }
}

#[test]
fn a_slow_but_steady_publisher_is_not_too_slow() {
    let mut line = Line::new(ConnectionConfig::default());
    line.connection.set_sessions(line.now, 1);
    line.send(options(1));
    line.answer_ok();
    let frame = b"$\x00\x00\x04abcd";
    for turn in 0..200 {
        // Each read ends within a frame.
        line.send(&frame[turn % 8..]);
        line.send(&frame[..(turn + 1) % 8]);
        line.pass(secs(5));
    }
    assert_eq!(line.closed, None);
    assert_eq!(line.frames.len(), 200);
}

#[test]
fn idle_connections_close_unless_a_session_needs_them() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send(options(1));
    line.pass(secs(500));
    assert_eq!(line.closed, None, "a request is not answered yet");
    line.answer_ok();
    line.connection.set_sessions(line.now, 2);
    line.drain();
    line.pass(secs(5000));
    assert_eq!(line.closed, None, "sessions need it");
    line.connection.set_sessions(line.now, 0);
    line.drain();
    line.pass(secs(59));
    line.send(options(2));
    line.answer_ok();
    line.pass(secs(59));
    assert_eq!(line.closed, None);
    line.pass(secs(1));
    assert_eq!(line.closed, Some(CloseReason::Idle));
}

#[test]
fn what_was_asked_before_the_end_is_still_answered() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send((1..=3).map(options).collect::<String>() + "OPTIONS rtsp://h/a RTSP/1.0\r\nCSe");
    line.finish();
    assert_eq!(line.closed, None);
    for cseq in 1..=3 {
        line.answer_ok();
        assert_eq!(cseqs(&line.take()), [cseq]);
    }
    assert_eq!(line.closed, Some(CloseReason::PeerClosed));
}

#[test]
fn an_answer_that_never_comes_does_not_hold_a_closed_connection() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send((1..=3).map(options).collect::<String>());
    line.finish();
    line.pass(secs(30));
    assert_eq!(line.closed, Some(CloseReason::PeerClosed));
    assert!(!line.connection.wants_read());
}

#[test]
fn after_the_close_nothing_happens() {
    let mut line = Line::new(ConnectionConfig::default());
    line.finish();
    assert_eq!(line.closed, Some(CloseReason::PeerClosed));
    line.send(options(1));
    line.pass(secs(100));
    assert!(line.requests.is_empty() && line.written.is_empty() && line.until.is_none());
    let request = Request::new(Method::Options, RequestTarget::Any, Version::V1_0);
    assert_eq!(line.connection.request(line.now, request), None);
}

#[test]
fn r2_cseq_10_our_own_requests_have_their_own_numbers() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send(options(1));
    line.answer_ok();
    line.take();
    let request = || Request::new(Method::Options, RequestTarget::Any, Version::V1_0);
    let first = line.connection.request(line.now, request()).unwrap();
    let second = line.connection.request(line.now, request()).unwrap();
    line.drain();
    assert_eq!(cseqs(&line.take()), [1, 2]);
    for (cseq, expected) in [
        ("7", None),
        ("2", Some(second)),
        ("2", None),
        ("x", None),
        ("1", Some(first)),
    ] {
        line.responses.clear();
        line.send(format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n\r\n"));
        assert_eq!(
            line.responses.first().map(|(id, _)| *id),
            expected,
            "CSeq {cseq}"
        );
    }
    let sent = (0..1000)
        .filter(|_| line.connection.request(line.now, request()).is_some())
        .count();
    assert_eq!(sent, 10, "unanswered requests are bounded");
    line.connection.set_sessions(line.now, 1);
    line.drain();
    line.pass(Duration::from_millis(9_999));
    assert_eq!(line.unanswered, []);
    line.pass(Duration::from_millis(1));
    assert_eq!(line.unanswered.len(), 10, "each is given up once");
    assert!(line.connection.request(line.now, request()).is_some());
    line.drain();
    assert_eq!(line.closed, None);
    line.finish();
    assert_eq!(line.unanswered.len(), 11, "nobody is left to answer it");
}

#[test]
fn our_own_requests_are_given_up_where_the_peer_wants_the_connection_closed() {
    let mut line = Line::new(ConnectionConfig::default());
    let request = Request::new(Method::Options, RequestTarget::Any, Version::V1_0);
    let asked = line.connection.request(line.now, request).unwrap();
    line.send("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n");
    line.answer_ok();
    assert!(line.closed.is_some());
    assert_eq!(line.unanswered, [asked], "nobody will answer it");
}

#[test]
fn malformed_responses_are_not_answered() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send("RTSP/1.0 200 OK\r\nCSeq: 1\r\nbroken\r\n\r\n");
    line.send(options(2));
    line.answer_ok();
    assert_eq!(cseqs(&line.take()), [2]);
}

fn guarded() -> Line {
    let users = Users::new("cam", [Credentials::new("ann", "hunter2")]);
    Line::new(ConnectionConfig {
        users: Some(Arc::new(users)),
        ..ConnectionConfig::default()
    })
}

fn with_authorization(cseq: u32, value: &str) -> String {
    format!("DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: {cseq}\r\nAuthorization: {value}\r\n\r\n")
}

#[test]
fn r2_auth_06_a_challenge_is_a_line_for_each_scheme() {
    let mut line = guarded();
    line.send("DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    let incoming = line.requests.remove(0);
    assert_eq!(
        (incoming.authentication, incoming.user.clone()),
        (Authentication::Anonymous, None)
    );
    line.challenge(incoming.id);
    let text = line.take();
    assert!(
        text.starts_with("RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n"),
        "{text}"
    );
    let challenges: Vec<&str> = text
        .split("\r\n")
        .filter_map(|l| l.strip_prefix("WWW-Authenticate: "))
        .collect();
    assert_eq!(challenges.len(), 4);
    for (challenge, algorithm) in challenges.iter().zip(["SHA-512-256", "SHA-256", "MD5"]) {
        assert!(challenge.starts_with("Digest ") && challenge.contains(algorithm));
    }
    assert_eq!(challenges[3], "Basic realm=\"cam\"");
    line.send(with_authorization(2, "Basic YW5uOmh1bnRlcjI="));
    let incoming = line.requests.remove(0);
    assert_eq!(
        (incoming.authentication, incoming.user.as_deref()),
        (Authentication::User, Some("ann"))
    );
}

#[test]
fn without_users_a_challenge_is_403() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send(with_authorization(1, "Basic YW5uOmh1bnRlcjI="));
    let incoming = line.requests.remove(0);
    assert_eq!(incoming.authentication, Authentication::Anonymous);
    line.challenge(incoming.id);
    assert_eq!(line.codes(), [403]);
}

#[test]
fn guessing_ends_the_connection() {
    let mut line = guarded();
    for cseq in 1..=11 {
        assert_eq!(line.closed, None);
        line.send(with_authorization(cseq, "Basic eDp5"));
        let incoming = line.requests.remove(0);
        assert_eq!(incoming.authentication, Authentication::Failed);
        line.challenge(incoming.id);
    }
    assert_eq!(line.codes(), [401; 11]);
    assert_eq!(line.closed, Some(CloseReason::TooManyFailures));
}
