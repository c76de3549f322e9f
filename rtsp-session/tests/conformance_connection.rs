//! Rules of RFC 7826 and RFC 2326 about messages and connections, each by the number of its row in the table of requirements:
//! bytes in, bytes out.

mod support;

use rtsp_msg::{HeaderName, Method, Request, RequestTarget, Response, StatusCode, Version};
use rtsp_session::server::{CloseReason, ConnectionConfig, RequestId};
use std::time::Duration;
use support::{Line, header};

const VERSIONS: [(&str, Version); 2] = [("1.0", Version::V1_0), ("2.0", Version::V2_0)];

fn line() -> Line {
    Line::new(ConnectionConfig::default())
}

fn ask(version: &str, method: &str, target: &str, cseq: u32, more: &str) -> String {
    format!("{method} {target} RTSP/{version}\r\nCSeq: {cseq}\r\n{more}\r\n")
}

/// What the line answers to a request; those that get through get 200.
fn exchange(line: &mut Line, request: &str) -> String {
    line.send(request);
    while !line.requests.is_empty() {
        line.answer_ok();
    }
    line.take()
}

fn code(text: &str) -> u16 {
    text.get(9..12)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {text}"))
}

const URI: &str = "rtsp://192.0.2.1/a";

/// Requests that the connection answers itself, with all the causes that it has, and what it answers.
fn refusals(version: &str) -> Vec<(String, u16)> {
    let ask = |method: &str, target: &str, more: &str| ask(version, method, target, 7, more);
    vec![
        (ask("OPTIONS", "*", ""), 200),
        (ask("DESCRIBE", "nonsense", ""), 400),
        (ask("FOO", URI, ""), 501),
        (ask("OPTIONS", "*", "Require: x.y\r\n"), 551),
        (ask("OPTIONS", "*", "no header\r\n"), 400),
        (
            ask("DESCRIBE", &format!("rtsp://h/{}", "a".repeat(5000)), ""),
            414,
        ),
        (ask("DESCRIBE", "rtspu://h/a", ""), 501),
    ]
}

#[test]
fn r2_ver_03_06_r1_ver_02_answers_are_in_the_version_of_the_request() {
    for (version, _) in VERSIONS {
        for (request, status) in refusals(version) {
            let answer = exchange(&mut line(), &request);
            assert_eq!(code(&answer), status, "{request}");
            // A request that cannot be read has no version that can be trusted.
            if status != 400 && status != 414 || request.contains("nonsense") {
                let first = format!("RTSP/{version} {status} ");
                assert!(answer.starts_with(&first), "{request}: {answer}");
            }
            assert!(
                version == "2.0" || answer.starts_with("RTSP/1.0 "),
                "{answer}"
            );
        }
    }
    let only = |versions| {
        Line::new(ConnectionConfig {
            versions,
            ..ConnectionConfig::default()
        })
    };
    // The 505 too.
    let answer = exchange(
        &mut only(vec![Version::V2_0]),
        &ask("1.0", "OPTIONS", "*", 1, ""),
    );
    assert!(answer.starts_with("RTSP/1.0 505 "), "{answer}");
    let answer = exchange(
        &mut only(vec![Version::V1_0]),
        &ask("2.0", "OPTIONS", "*", 1, ""),
    );
    assert_eq!(code(&answer), 505);
}

#[test]
fn r2_ver_08_09_r1_ver_03_another_version_is_505_with_its_reason() {
    for version in ["3.0", "9.0", "2.1", "1.1", "0.9", "12.3"] {
        let mut line = line();
        let answer = exchange(&mut line, &ask(version, "OPTIONS", "*", 31, ""));
        assert_eq!(code(&answer), 505, "{version}: {answer}");
        assert_eq!(header(&answer, "CSeq"), Some("31"));
        assert!(header(&answer, "Content-Type").is_some_and(|kind| kind.starts_with("text/plain")));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            header(&answer, "Content-Length"),
            Some(body.len().to_string().as_str())
        );
        assert!(
            body.contains("RTSP/1.0") && body.contains("RTSP/2.0"),
            "{body}"
        );
        assert_eq!(line.closed, None);
        assert_eq!(
            code(&exchange(&mut line, &ask("2.0", "OPTIONS", "*", 32, ""))),
            200
        );
    }
}

#[test]
fn r1_msg_02_lines_end_in_crlf() {
    for (version, _) in VERSIONS {
        for (request, _) in refusals(version) {
            let answer = exchange(&mut line(), &request);
            let (head, _) = answer.split_once("\r\n\r\n").unwrap();
            assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{head:?}");
        }
    }
}

#[test]
fn r2_msg_13_r1_msg_08_r2_code_48_a_body_is_announced_with_length_and_type() {
    let mut bodies = 0;
    for (version, _) in VERSIONS {
        for (request, status) in refusals(version) {
            let answer = exchange(&mut line(), &request);
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            let length = header(&answer, "Content-Length");
            if body.is_empty() {
                assert!(length.is_none_or(|length| length == "0"), "{answer}");
                assert!(status < 500, "a server's fault is explained: {answer}");
            } else {
                assert_eq!(length, Some(body.len().to_string().as_str()), "{answer}");
                assert!(header(&answer, "Content-Type").is_some(), "{answer}");
                bodies += 1;
            }
        }
    }
    assert!(bodies > 0);
    // A body that is not announced is not consumed.
    let mut line = line();
    line.send(
        "SET_PARAMETER rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n",
    );
    assert!(line.requests[0].request.body.is_empty());
    line.answer_ok();
    assert_eq!(line.requests[0].request.method, Method::Options);
}

/// Headers that mean nothing here, or nothing any more.
const STRANGE: &[&str] = &[
    "X-Foo: bar\r\n",
    "Cookie: a=b\r\n",
    "Host: other.example\r\n",
    "Pragma: no-cache\r\n",
    "Upgrade: websocket\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Content-Foo: 1\r\n",
    "Max-Forwards: 0\r\n",
];

#[test]
fn r2_msg_10_16_30_r1_msg_06_11_12_13_17_r2_hdr_03_strange_headers_change_nothing() {
    for (version, _) in VERSIONS {
        for method in [
            "OPTIONS",
            "DESCRIBE",
            "SETUP",
            "PLAY",
            "PAUSE",
            "TEARDOWN",
            "GET_PARAMETER",
            "SET_PARAMETER",
        ] {
            let plain = exchange(&mut line(), &ask(version, method, URI, 5, ""));
            assert_eq!(code(&plain), 200, "{method}");
            for strange in STRANGE {
                let mut line = line();
                let request = ask(version, method, URI, 5, strange);
                let answer = exchange(&mut line, &request);
                assert_eq!(answer, plain, "{method} with {strange}");
                // Nothing of it was taken for a body.
                let next = exchange(&mut line, &ask(version, "OPTIONS", "*", 6, ""));
                assert_eq!(
                    (code(&next), header(&next, "CSeq")),
                    (200, Some("6")),
                    "{strange}"
                );
            }
        }
    }
}

#[test]
fn r2_msg_07_r1_msg_10_methods_are_case_sensitive() {
    for (version, _) in VERSIONS {
        for method in ["options", "Options", "play", "OPTIONS_"] {
            let answer = exchange(&mut line(), &ask(version, method, "*", 5, ""));
            assert_eq!(code(&answer), 501, "{method}");
        }
    }
}

#[test]
fn r2_msg_08_a_method_is_a_token_and_no_dollar() {
    let mut line = line();
    for method in ["PL(AY", "PL\tAY", "PL\u{1}AY", "PLÄY", "PL:AY"] {
        let answer = exchange(&mut line, &ask("2.0", method, URI, 3, ""));
        assert_eq!(code(&answer), 400, "{method}");
    }
    // Channel 88, 32 bytes and 32 times 256 of them: a frame, however it looks.
    line.send(b"$X \x03abc");
    line.send([b'x'; 0x2003 - 3]);
    assert_eq!(line.frames.len(), 1);
    assert_eq!(line.frames[0].0, b'X');
    assert!(line.take().is_empty());
}

#[test]
fn r2_msg_02_03_a_head_ends_at_its_empty_line() {
    let mut line = line();
    let request = "\r\n\r\n\r\n\r\n\r\nOPTIONS * RTSP/2.0\r\nCSeq: 9\r\n\r\n";
    for byte in request.bytes() {
        assert!(line.requests.is_empty());
        line.send([byte]);
    }
    assert_eq!(line.requests.len(), 1);
}

#[test]
fn r2_msg_12_a_header_that_is_no_list_stands_once() {
    for twice in [
        "CSeq: 5\r\nCSeq: 6\r\n",
        "CSeq: 5\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
    ] {
        let mut line = line();
        line.send(format!("OPTIONS * RTSP/2.0\r\n{twice}\r\n"));
        assert!(line.requests.is_empty(), "{twice}");
        assert_eq!(code(&line.take()), 400, "{twice}");
    }
}

#[test]
fn r2_msg_17_an_unexpected_body_is_passed_over() {
    for (version, _) in VERSIONS {
        for method in ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN"] {
            let mut line = line();
            line.send(ask(version, method, URI, 5, "Content-Length: 10\r\n") + "PLAY * RTS");
            line.send(ask(version, "OPTIONS", "*", 6, ""));
            line.answer_ok();
            assert_eq!(line.requests.len(), 1, "{method}");
            line.answer_ok();
            assert_eq!(line.codes(), [200, 200], "{method}");
        }
    }
}

#[test]
fn r2_msg_20_a_message_that_is_cut_off_is_discarded() {
    let whole = "SET_PARAMETER rtsp://h/a RTSP/2.0\r\nCSeq: 1\r\nContent-Type: text/parameters\r\nContent-Length: 8\r\n\r\na: 1\r\n\r\n";
    for length in 1..whole.len() {
        let mut line = line();
        line.send(&whole[..length]);
        line.finish();
        assert!(line.requests.is_empty(), "{length} bytes are no message");
        assert!(line.written.is_empty(), "{length}");
        assert_eq!(line.closed, Some(CloseReason::PeerClosed), "{length}");
    }
}

#[test]
fn r2_msg_28_a_flood_of_requests_waits_where_it_came_from() {
    let mut line = line();
    let request = ask("2.0", "OPTIONS", "*", 1, "");
    line.send(request.repeat(10_000));
    // Handed out one at a time; and the shell is told to read no more, so that the rest stays in the peer's socket.
    assert_eq!(line.requests.len(), 1);
    assert!(!line.connection.wants_read());
    assert!(line.written.is_empty());
}

#[test]
fn r2_conn_14_a_connection_outlives_its_last_session() {
    let mut line = line();
    exchange(&mut line, &ask("2.0", "SETUP", URI, 1, ""));
    line.connection.set_sessions(line.now, 1);
    line.drain();
    exchange(
        &mut line,
        &ask("2.0", "TEARDOWN", URI, 2, "Session: abcdefgh\r\n"),
    );
    line.connection.set_sessions(line.now, 0);
    line.drain();
    line.pass(Duration::from_secs(10));
    assert_eq!(line.closed, None);
    assert_eq!(
        code(&exchange(&mut line, &ask("2.0", "SETUP", URI, 3, ""))),
        200
    );
}

#[test]
fn r2_conn_13_r1_conn_09_a_silent_connection_with_a_session_stays() {
    let mut line = line();
    exchange(&mut line, &ask("2.0", "SETUP", URI, 1, ""));
    line.connection.set_sessions(line.now, 1);
    line.drain();
    line.pass(Duration::from_secs(7200));
    assert_eq!(line.closed, None, "only the session's own timeout ends it");
    line.connection.set_sessions(line.now, 0);
    line.drain();
    line.pass(Duration::from_secs(7200));
    assert_eq!(line.closed, Some(CloseReason::Idle));
}

#[test]
fn r2_conn_15_r2_hdr_30_refusals_do_not_close() {
    let mut line = line();
    let causes = [
        StatusCode::NOT_FOUND,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_ACCEPTABLE,
        StatusCode::SESSION_NOT_FOUND,
        StatusCode::METHOD_NOT_VALID_IN_THIS_STATE,
        StatusCode::HEADER_FIELD_NOT_VALID,
        StatusCode::AGGREGATE_OPERATION_NOT_ALLOWED,
        StatusCode::UNSUPPORTED_TRANSPORT,
        StatusCode::PRECONDITION_FAILED,
        StatusCode::INTERNAL_SERVER_ERROR,
    ];
    for cseq in 0..40 {
        line.send(ask("2.0", "DESCRIBE", URI, cseq, ""));
        let id = line.requests.remove(0).id;
        let status = causes[cseq as usize % causes.len()];
        line.answer(id, Response::new(Version::V2_0, status));
        let answer = line.take();
        assert_eq!(code(&answer), status.code());
        assert_eq!(header(&answer, "Connection"), None);
    }
    // What the connection refuses itself is no reason either.
    for cseq in 0..40 {
        let answer = exchange(&mut line, &ask("2.0", "FOO", URI, cseq, ""));
        assert_eq!((code(&answer), header(&answer, "Connection")), (501, None));
    }
    assert_eq!(line.closed, None);
    assert_eq!(
        code(&exchange(&mut line, &ask("2.0", "OPTIONS", "*", 99, ""))),
        200
    );
}

#[test]
fn r2_conn_16_a_message_has_ten_seconds_to_be_whole() {
    let request = ask("2.0", "OPTIONS", "*", 1, "");
    for cut in [1, 5, 20, request.len() - 1] {
        let mut line = line();
        line.send(&request[..cut]);
        line.pass(Duration::from_secs(10));
        line.send(&request[cut..]);
        assert_eq!(line.requests.len(), 1, "cut at {cut}");
    }
}

/// A request of ours, if one more may be outstanding.
fn own_request(line: &mut Line) -> Option<RequestId> {
    let request = Request::new(Method::Options, RequestTarget::Any, Version::V2_0);
    line.connection.request(line.now, request)
}

#[test]
fn r2_conn_09_requests_go_both_ways_at_once() {
    let mut line = line();
    // Both have asked before either answers, and by the same number.
    line.send(ask("2.0", "OPTIONS", "*", 1, ""));
    let own = own_request(&mut line).unwrap();
    line.drain();
    let asked = line.take();
    assert!(
        asked.starts_with("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n"),
        "{asked}"
    );
    line.send("RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n");
    line.answer_ok();
    if line.responses.is_empty() {
        line.send("");
    }
    assert_eq!(
        line.responses.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [own]
    );
    assert_eq!(line.codes(), [200]);
}

#[test]
fn r2_conn_03_nothing_is_sent_twice() {
    let mut line = line();
    own_request(&mut line).unwrap();
    line.connection.set_sessions(line.now, 1);
    line.drain();
    assert!(!line.take().is_empty());
    line.pass(Duration::from_secs(120));
    assert!(
        line.take().is_empty(),
        "an unanswered request is not repeated"
    );
}

#[test]
fn r2_conn_12_at_most_ten_requests_are_outstanding() {
    let mut line = line();
    let sent = (0..50).filter(|_| own_request(&mut line).is_some()).count();
    line.drain();
    assert_eq!(sent, 10);
    assert_eq!(line.take().matches("OPTIONS * RTSP/2.0\r\n").count(), 10);
}

#[test]
fn r2_cseq_01_02_03_r1_hdr_01_r2_conn_21_every_message_has_its_number() {
    let mut line = line();
    let mut cseq = 12_345;
    for turn in 0..500 {
        let version = VERSIONS[turn % 2].0;
        cseq += 1;
        let request = match turn % 4 {
            0 => ask(version, "OPTIONS", "*", cseq, ""),
            1 => ask(version, "FOO", URI, cseq, ""),
            2 => ask(version, "DESCRIBE", URI, cseq, ""),
            _ => ask(version, "OPTIONS", "*", cseq, "Require: x\r\n"),
        };
        let answer = exchange(&mut line, &request);
        assert_eq!(
            header(&answer, "CSeq"),
            Some(cseq.to_string().as_str()),
            "{answer}"
        );
        assert_eq!(answer.matches("\r\nCSeq: ").count(), 1);
    }
    // Our own: each one more than the one before.
    for expected in 1..=10 {
        own_request(&mut line).unwrap();
        line.drain();
        let text = line.take();
        assert!(
            text.contains(&format!("\r\nCSeq: {expected}\r\n")),
            "{text}"
        );
    }
}

#[test]
fn r2_cseq_04_r1_conn_04_requests_are_done_in_their_order() {
    let mut line = line();
    line.send(
        (1..=10)
            .map(|cseq| ask("1.0", "OPTIONS", URI, cseq, ""))
            .collect::<String>(),
    );
    let mut done = Vec::new();
    while !line.requests.is_empty() {
        assert_eq!(line.requests.len(), 1, "the next only after the one before");
        done.push(line.requests[0].request.cseq().unwrap());
        line.answer_ok();
    }
    assert_eq!(done, (1..=10).collect::<Vec<_>>());
    let text = line.take();
    let answered: Vec<&str> = text
        .split("\r\n")
        .filter_map(|line| line.strip_prefix("CSeq: "))
        .collect();
    assert_eq!(
        answered,
        ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
    );
}

#[test]
fn r2_cseq_07_any_first_number_will_do() {
    for first in [0, 1, 12_345, 999_999_999] {
        let answer = exchange(&mut line(), &ask("2.0", "OPTIONS", "*", first, ""));
        assert_eq!(code(&answer), 200, "{first}");
        assert_eq!(header(&answer, "CSeq"), Some(first.to_string().as_str()));
    }
}

#[test]
fn r2_cseq_08_r2_code_07_r1_hdr_03_without_a_number_400_without_a_number() {
    for (version, _) in VERSIONS {
        let mut line = line();
        let answer = exchange(&mut line, &format!("OPTIONS * RTSP/{version}\r\n\r\n"));
        assert_eq!(code(&answer), 400, "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("cseq"), "{answer}");
        assert_eq!(
            code(&exchange(&mut line, &ask(version, "OPTIONS", "*", 2, ""))),
            200
        );
    }
}

#[test]
fn r2_cseq_09_a_response_to_nothing_is_ignored() {
    let mut line = line();
    for stray in ["1", "77", "999999999", "-1", "x"] {
        line.send(format!("RTSP/2.0 200 OK\r\nCSeq: {stray}\r\n\r\n"));
    }
    line.send("RTSP/2.0 454 Session Not Found\r\n\r\n");
    assert!(line.responses.is_empty() && line.written.is_empty());
    assert_eq!(
        code(&exchange(&mut line, &ask("2.0", "OPTIONS", "*", 1, ""))),
        200
    );
}

#[test]
fn r2_hdr_16_17_all_answers_have_their_date() {
    for (version, _) in VERSIONS {
        for (request, _) in refusals(version) {
            let answer = exchange(&mut line(), &request);
            assert_eq!(
                header(&answer, "Date"),
                Some("Mon, 23 Nov 2026 00:00:00 GMT"),
                "{answer}"
            );
        }
    }
}

#[test]
fn r2_hdr_29_r1_conn_07_connection_close_is_honoured() {
    for (version, _) in VERSIONS {
        let mut line = line();
        let answer = exchange(
            &mut line,
            &ask(version, "OPTIONS", "*", 1, "Connection: close\r\n"),
        );
        assert_eq!(code(&answer), 200, "it is answered first");
        assert_eq!(line.closed, Some(CloseReason::Requested));
    }
}

#[test]
fn r2_hdr_05_r1_hdr_15_r2_media_15_16_a_timestamp_comes_back_as_it_was() {
    for (version, _) in VERSIONS {
        for (request, status) in refusals(version) {
            if status == 414 || request.contains("no header") {
                continue; // nothing of it can be read
            }
            let request = request.replace("\r\n\r\n", "\r\nTimestamp: 12.3450\r\n\r\n");
            let answer = exchange(&mut line(), &request);
            assert_eq!(code(&answer), status);
            let echoed = header(&answer, "Timestamp").unwrap_or_else(|| panic!("{answer}"));
            assert_eq!(echoed.split(' ').next(), Some("12.3450"), "{answer}");
            assert!(header(&answer, "Server").is_some_and(|server| server.contains('/')));
        }
    }
}

#[test]
fn r2_cap_02_r1_hdr_04_r2_code_46_what_is_required_and_not_there_is_551() {
    for (version, _) in VERSIONS {
        for method in [
            "OPTIONS",
            "DESCRIBE",
            "SETUP",
            "PLAY",
            "TEARDOWN",
            "GET_PARAMETER",
        ] {
            let mut line = line();
            line.send(ask(version, method, URI, 4, "Require: x.y\r\n"));
            assert!(line.requests.is_empty(), "{method} was done");
            let answer = line.take();
            assert_eq!(
                (code(&answer), header(&answer, "Unsupported")),
                (551, Some("x.y"))
            );
        }
    }
}

#[test]
fn r2_cap_07_r1_hdr_06_proxy_require_binds_the_server_in_1_0_alone() {
    for (version, status) in [("1.0", 551), ("2.0", 200)] {
        let answer = exchange(
            &mut line(),
            &ask(version, "OPTIONS", "*", 4, "Proxy-Require: x.y\r\n"),
        );
        assert_eq!(code(&answer), status, "{answer}");
        assert_eq!(
            header(&answer, "Unsupported"),
            (status == 551).then_some("x.y")
        );
    }
}

#[test]
fn r2_cap_08_10_supported_is_answered_by_supported() {
    let more = "Supported: a.b\r\nProxy-Supported: p.q, r\r\n";
    for (request, status) in [
        (ask("2.0", "OPTIONS", "*", 4, more), 200),
        (ask("2.0", "FOO", URI, 4, more), 501),
        (
            ask("2.0", "OPTIONS", "*", 4, &format!("{more}Require: z\r\n")),
            551,
        ),
        (ask("2.0", "DESCRIBE", "nonsense", 4, more), 400),
    ] {
        let answer = exchange(&mut line(), &request);
        assert_eq!(code(&answer), status);
        assert!(
            header(&answer, "Supported").is_some_and(|tags| tags.contains("play.basic")),
            "{answer}"
        );
        assert_eq!(
            header(&answer, "Proxy-Supported"),
            Some("p.q, r"),
            "{answer}"
        );
    }
    let mut line = line();
    line.send(ask("2.0", "DESCRIBE", URI, 4, more));
    let id = line.requests.remove(0).id;
    line.answer(id, Response::new(Version::V2_0, StatusCode::NOT_FOUND));
    assert!(header(&line.take(), "Supported").is_some());
    let plain = exchange(&mut line, &ask("2.0", "OPTIONS", "*", 5, ""));
    assert_eq!(header(&plain, "Supported"), None, "nobody asked");
}

#[test]
fn r2_code_40_41_r1_meth_01_r2_meth_01_an_unknown_method_is_501_with_public() {
    for (version, _) in VERSIONS {
        let answer = exchange(&mut line(), &ask(version, "FOO", URI, 4, ""));
        assert_eq!(code(&answer), 501);
        let public = header(&answer, "Public").unwrap_or_else(|| panic!("{answer}"));
        for method in ["OPTIONS", "SETUP", "PLAY", "TEARDOWN"] {
            assert!(public.split(", ").any(|one| one == method), "{public}");
        }
        assert_eq!(
            public.contains("ANNOUNCE"),
            version == "1.0",
            "RTSP/2.0 has none: {public}"
        );
    }
}

#[test]
fn r2_uri_01_04_07_12_13_r1_ver_08_targets_that_are_none() {
    for (version, _) in VERSIONS {
        for (method, target, status) in [
            ("DESCRIBE", "rtspu://h/x", 501),
            ("DESCRIBE", "rtsp:///x", 400),
            ("DESCRIBE", "rtsp:x", 400),
            ("DESCRIBE", "/a", 400),
            ("DESCRIBE", "http://h/a", 400),
            ("DESCRIBE", "*", 400),
            ("SETUP", "*", 400),
            ("PLAY", "*", 400),
            ("TEARDOWN", "*", 400),
            ("OPTIONS", "*", 200),
            ("OPTIONS", "rtsp://h", 200),
            ("OPTIONS", "rtsp://h/", 200),
        ] {
            let answer = exchange(&mut line(), &ask(version, method, target, 4, ""));
            assert_eq!(
                code(&answer),
                status,
                "{version} {method} {target}: {answer}"
            );
            assert_eq!(header(&answer, "CSeq"), Some("4"));
        }
    }
    let answer = exchange(&mut line(), &ask("2.0", "DESCRIBE", "rtsp://h/a#b", 4, ""));
    assert_eq!(code(&answer), 400, "a fragment is never sent");
}

#[test]
fn r2_code_15_a_request_that_is_not_completed_is_408_or_the_end() {
    let mut line = line();
    line.send("OPTIONS * RTSP/2.0\r\nCSe");
    line.pass(Duration::from_secs(10));
    assert!(
        line.take().is_empty() && line.closed.is_none(),
        "not before 10 s"
    );
    line.pass(Duration::from_secs(60));
    assert_eq!(line.closed, Some(CloseReason::TooSlow));
    assert!(line.codes().iter().all(|code| *code == 408));
}

#[test]
fn r2_auth_05_15_our_requests_and_answers_prove_nothing() {
    let mut line = line();
    own_request(&mut line).unwrap();
    line.drain();
    let text = line.take()
        + &exchange(
            &mut line,
            &ask(
                "2.0",
                "OPTIONS",
                "*",
                1,
                "Authorization: Basic YTpi\r\nProxy-Authorization: Basic YTpi\r\n",
            ),
        );
    assert!(!text.contains("uthorization"), "{text}");
}

#[test]
fn r2_code_39_a_fault_of_ours_is_500_and_the_connection_lives() {
    let mut line = line();
    line.send(ask("2.0", "DESCRIBE", URI, 8, ""));
    let id = line.requests.remove(0).id;
    let error = rtsp_session::ProtocolError::Internal;
    line.answer(id, error.into_response(Version::V2_0));
    let answer = line.take();
    assert_eq!(code(&answer), 500);
    assert!(
        !answer.split_once("\r\n\r\n").unwrap().1.is_empty(),
        "R2-CODE-48"
    );
    assert_eq!(line.closed, None);
    assert_eq!(
        code(&exchange(&mut line, &ask("2.0", "OPTIONS", "*", 9, ""))),
        200
    );
}

#[test]
fn r2_stat_10_errors_with_bodies_keep_the_peer_in_step() {
    // Both ways: ours say their length, and theirs are passed over by it.
    let mut line = line();
    own_request(&mut line).unwrap();
    line.drain();
    line.take();
    line.send("RTSP/2.0 454 Session Not Found\r\nCSeq: 1\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nRTSP/2.0 OPTIONS * RTSP/2.0\r\nCSeq: 3\r\n\r\n");
    assert_eq!(line.responses.len(), 1);
    assert_eq!(line.responses[0].1.body, "RTSP/2.0 ");
    assert_eq!(line.requests.len(), 1);
}

#[test]
fn r2_sess_03_a_session_comes_back_without_its_timeout() {
    for method in ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER"] {
        let with = exchange(
            &mut line(),
            &ask("2.0", method, URI, 1, "Session: abcdefgh;timeout=5\r\n"),
        );
        assert_eq!(header(&with, "Session"), Some("abcdefgh"), "{method}");
        let without = exchange(&mut line(), &ask("2.0", method, URI, 1, ""));
        assert_eq!(header(&without, "Session"), None, "{method}");
    }
}

#[test]
fn r2_sess_04_r2_desc_05_describe_has_no_session() {
    let mut line = line();
    line.send(ask("2.0", "DESCRIBE", URI, 1, "Session: abcdefgh\r\n"));
    let id = line.requests.remove(0).id;
    let response = rtsp_session::server::respond::describe(Version::V2_0, URI, "v=0\r\n");
    line.answer(id, response);
    let answer = line.take();
    assert_eq!((code(&answer), header(&answer, "Session")), (200, None));
    assert!(!answer.contains(HeaderName::Session.as_str()), "{answer}");
}
