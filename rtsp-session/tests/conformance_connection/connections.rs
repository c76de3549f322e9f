//! Connections: what keeps them open and what closes them, requests in order, both ways, and their numbers.

use super::*;

/// A request of ours, if one more may be outstanding.
fn own_request(line: &mut Line) -> Option<RequestId> {
    let request = Request::new(Method::Options, RequestTarget::Any, Version::V2_0);
    line.connection.request(line.now, request)
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
