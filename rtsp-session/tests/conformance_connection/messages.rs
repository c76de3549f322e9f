//! Versions, the syntax of messages, and their targets.

use super::*;

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
