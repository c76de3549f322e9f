//! Headers that a server answers by itself.

use super::*;

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
