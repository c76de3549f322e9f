//! Whole sessions against a scripted peer: what flows over the wire, whose sessions are, how long they live.

mod support;

use base64::Engine;
use rtsp_session::server::{CloseReason, State};
use std::time::Duration;
use support::header;
use support::world::World;

/// A request with its headers, one a line.
fn ask(method: &str, target: &str, cseq: u32, more: &[&str]) -> String {
    versioned("1.0", method, target, cseq, more)
}

fn versioned(version: &str, method: &str, target: &str, cseq: u32, more: &[&str]) -> String {
    let lines: String = more
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\r\n"))
        .collect();
    format!("{method} {target} RTSP/{version}\r\nCSeq: {cseq}\r\n{lines}\r\n")
}

fn code(answer: &str) -> u16 {
    answer
        .get(9..12)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {answer}"))
}

const URI: &str = "rtsp://192.0.2.1/a";
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
const UDP: &str = "Transport: RTP/AVP;unicast;client_port=5000-5001";

fn track(number: u32) -> String {
    format!("{URI}/trackID={number}")
}

/// Sets up one media and plays it: the Session line to send from then on.
fn playing(world: &mut World, connection: usize, transport: &str, more: &[&str]) -> String {
    let lines = [&[transport], more].concat();
    let answer = world.send(connection, ask("SETUP", &track(0), 1, &lines));
    assert_eq!(code(&answer), 200, "{answer}");
    let id = header(&answer, "Session")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let session = format!("Session: {id}");
    let lines = [&[session.as_str()], more].concat();
    assert_eq!(
        code(&world.send(connection, ask("PLAY", URI, 2, &lines))),
        200
    );
    session
}

/// The session of an interleaved reader as FFmpeg has it, in any segmentation.
#[test]
fn a_reader_from_options_to_teardown() {
    let run = |pieces: usize| {
        let mut world = World::new();
        let connection = world.connect(7);
        let mut session = String::new();
        let mut all = String::new();
        let mut cseq = 0;
        let mut exchange = |world: &mut World, request: String| {
            let mut answer = String::new();
            for piece in request.as_bytes().chunks(pieces) {
                assert!(answer.is_empty(), "answered before it was asked");
                answer += &world.send(connection, piece);
            }
            all += &answer;
            answer
        };
        let mut next = || {
            cseq += 1;
            cseq
        };
        exchange(&mut world, ask("OPTIONS", URI, next(), &[]));
        exchange(
            &mut world,
            ask("DESCRIBE", URI, next(), &["Accept: application/sdp"]),
        );
        for number in [0, 1] {
            let channels = format!("{}-{}", number * 2, number * 2 + 1);
            let transport = format!("Transport: RTP/AVP/TCP;unicast;interleaved={channels}");
            let answer = exchange(
                &mut world,
                ask("SETUP", &track(number), next(), &[&transport, &session]),
            );
            assert_eq!(
                header(&answer, "Transport"),
                Some(&transport["Transport: ".len()..])
            );
            let id = header(&answer, "Session").unwrap();
            assert!(id.ends_with(";timeout=60"), "{id}");
            session = format!("Session: {}", id.split(';').next().unwrap());
        }
        for method in ["PLAY", "PAUSE", "PLAY", "GET_PARAMETER", "TEARDOWN"] {
            let answer = exchange(&mut world, ask(method, URI, next(), &[&session]));
            assert_eq!(code(&answer), 200, "{method}: {answer}");
            assert_eq!(
                header(&answer, "Session").is_some(),
                method != "TEARDOWN",
                "{answer}"
            );
        }
        assert!(world.sessions.is_empty());
        let answer = exchange(&mut world, ask("PLAY", URI, next(), &[&session]));
        assert_eq!(code(&answer), 454);
        all
    };
    let whole = run(usize::MAX);
    assert_eq!(run(1), whole, "byte by byte");
    assert_eq!(run(7), whole, "seven bytes at a time");
}

/// The same in one write: each request is done before the next is begun.
#[test]
fn r2_pipe_01_a_pipelined_session() {
    let mut world = World::new();
    let connection = world.connect(7);
    let session = playing(&mut world, connection, TCP, &[]);
    let requests = [
        ask("PAUSE", URI, 3, &[&session]),
        ask(
            "SETUP",
            &track(1),
            4,
            &[&session, "Transport: RTP/AVP/TCP;unicast;interleaved=2-3"],
        ),
        ask("PLAY", URI, 5, &[&session]),
        ask("SETUP", &track(2), 6, &[&session, TCP]),
        ask("TEARDOWN", URI, 7, &[&session]),
        ask("TEARDOWN", URI, 8, &[&session]),
    ];
    let answers = world.send(connection, requests.concat());
    let codes: Vec<u16> = answers
        .split("\r\n\r\n")
        .filter(|one| !one.is_empty())
        .map(code)
        .collect();
    assert_eq!(codes, [200, 200, 200, 455, 200, 454]);
    let refused = answers.split("\r\n\r\n").nth(3).unwrap();
    assert!(
        refused.contains(
            "\r\nAllow: OPTIONS, DESCRIBE, GET_PARAMETER, SET_PARAMETER, PLAY, PAUSE, TEARDOWN"
        ),
        "{refused}"
    );
}

#[test]
fn a_publisher() {
    let mut world = World::new();
    let connection = world.connect(7);
    assert_eq!(
        code(&world.send(connection, ask("ANNOUNCE", URI, 1, &[]))),
        200
    );
    let answer = world.send(
        connection,
        ask("SETUP", &track(0), 2, &[&format!("{TCP};mode=record")]),
    );
    assert_eq!(
        header(&answer, "Transport"),
        Some("RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
    );
    let session = format!(
        "Session: {}",
        header(&answer, "Session")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
    );
    assert_eq!(
        code(&world.send(connection, ask("PLAY", URI, 3, &[&session]))),
        455
    );
    assert_eq!(
        code(&world.send(connection, ask("RECORD", URI, 4, &[&session]))),
        200
    );
    assert_eq!(
        world.sessions.values().next().unwrap().state(),
        State::Record
    );
    world.send(connection, b"$\x00\x00\x03abc");
    assert_eq!(world.lines[connection].0.frames, [(0, "abc".into())]);
    world.close(connection);
    assert_eq!(
        world.ended.iter().map(|(_, why)| *why).collect::<Vec<_>>(),
        ["connection closed"]
    );
}

#[test]
fn r2_ver_04_a_session_of_rtsp_2() {
    let mut world = World::new();
    let connection = world.connect(7);
    let ask = |method: &str, target: &str, cseq, more: &[&str]| {
        versioned("2.0", method, target, cseq, more)
    };
    let transport = "Transport: RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"";
    let answer = world.send(
        connection,
        ask("SETUP", &track(0), 1, &[transport, "Accept-Ranges: npt"]),
    );
    assert!(answer.starts_with("RTSP/2.0 200 OK\r\n"), "{answer}");
    assert!(
        header(&answer, "Transport")
            .unwrap()
            .contains("dest_addr=\"192.0.2.7:5000\"/\"192.0.2.7:5001\"")
    );
    assert_eq!(header(&answer, "Accept-Ranges"), Some("npt"));
    let session = format!(
        "Session: {}",
        header(&answer, "Session")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
    );
    for (method, target, expected) in [
        ("PAUSE", URI, 200), // RFC 7826 §B.4; RTSP/1.0 has 455 here
        ("RECORD", URI, 501),
        ("ANNOUNCE", URI, 501),
        ("PLAY", "*", 400),
        ("PLAY", URI, 200),
        ("TEARDOWN", URI, 200),
    ] {
        let answer = world.send(connection, ask(method, target, 2, &[&session]));
        assert_eq!(code(&answer), expected, "{method}: {answer}");
        assert!(answer.starts_with("RTSP/2.0 "));
    }
    let answer = world.send(connection, ask("SETUP", &track(0), 3, &[UDP]));
    assert_eq!(
        code(&answer),
        461,
        "the parameters of RTSP/1.0 are unknown here"
    );
    assert_eq!(header(&answer, "Transport"), None, "R2-CODE-30");
    let foreign =
        "Transport: RTP/AVP;unicast;dest_addr=\"198.51.100.1:5000\"/\"198.51.100.1:5001\"";
    assert_eq!(
        code(&world.send(connection, ask("SETUP", &track(0), 4, &[foreign]))),
        463
    );
}

const METHODS: [&str; 8] = [
    "OPTIONS",
    "SETUP",
    "PLAY",
    "PAUSE",
    "RECORD",
    "TEARDOWN",
    "GET_PARAMETER",
    "SET_PARAMETER",
];

/// Whoever has only the id gets 454 whatever it asks, and the session goes on as it was.
fn is_locked_out(world: &mut World, connection: usize, session: &str, more: &[&str]) {
    let before = format!("{:?}", world.sessions);
    for method in METHODS {
        let target = if method == "SETUP" {
            track(0)
        } else {
            URI.into()
        };
        let lines = [&[session, UDP], more].concat();
        let answer = world.send(connection, ask(method, &target, 9, &lines));
        assert_eq!(
            code(&answer),
            454,
            "{method} from connection {connection}: {answer}"
        );
        assert_eq!(header(&answer, "Session"), None);
    }
    assert_eq!(format!("{:?}", world.sessions), before);
}

fn basic(credentials: &str) -> String {
    format!(
        "Authorization: Basic {}",
        base64::engine::general_purpose::STANDARD.encode(credentials)
    )
}

#[test]
fn a_stolen_id_is_of_no_use() {
    for transport in [UDP, TCP] {
        let mut world = World::new();
        let own = world.connect(7);
        let same_address = world.connect(7);
        let elsewhere = world.connect(9);
        let session = playing(&mut world, own, transport, &[]);
        is_locked_out(&mut world, same_address, &session, &[]);
        is_locked_out(&mut world, elsewhere, &session, &[]);
        is_locked_out(&mut world, elsewhere, &session, &[&basic("ann:a")]);
        assert_eq!(
            code(&world.send(own, ask("PAUSE", URI, 3, &[&session]))),
            200
        );
    }
}

#[test]
fn the_same_user_may_use_it_from_anywhere_and_no_other() {
    for transport in [UDP, TCP] {
        let mut world = World::new();
        world.guarded = true;
        let own = world.connect(7);
        let other = world.connect(9);
        let (ann, bob) = (basic("ann:a"), basic("bob:b"));
        let session = playing(&mut world, own, transport, &[&ann]);
        is_locked_out(&mut world, other, &session, &[&bob]);
        is_locked_out(&mut world, own, &session, &[&bob]);
        let answer = world.send(other, ask("PAUSE", URI, 3, &[&session]));
        assert_eq!(
            code(&answer),
            401,
            "without credentials it is not even looked at"
        );
        assert_eq!(
            code(&world.send(other, ask("PAUSE", URI, 4, &[&session, &ann]))),
            200
        );
        assert_eq!(
            code(&world.send(own, ask("TEARDOWN", URI, 5, &[&session, &ann]))),
            200
        );
    }
}

#[test]
fn a_session_may_be_taken_over_once_its_connection_has_closed() {
    let mut world = World::new();
    let own = world.connect(7);
    let session = playing(&mut world, own, UDP, &[]);
    let (next, elsewhere) = (world.connect(7), world.connect(9));
    is_locked_out(&mut world, next, &session, &[]);
    world.close(own);
    assert_eq!(world.lines[own].0.closed, Some(CloseReason::PeerClosed));
    is_locked_out(&mut world, elsewhere, &session, &[]);
    is_locked_out(&mut world, next, &session, &[&basic("ann:a")]);
    assert_eq!(
        code(&world.send(next, ask("PAUSE", URI, 3, &[&session]))),
        200
    );
    let third = world.connect(7);
    is_locked_out(&mut world, third, &session, &[]);
}

#[test]
fn r2_live_11_a_session_without_signs_of_life_is_gone() {
    let mut world = World::new();
    let connection = world.connect(7);
    let session = playing(&mut world, connection, UDP, &[]);
    for (turn, method) in ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER"]
        .into_iter()
        .cycle()
        .take(12)
        .enumerate()
    {
        world.pass(Duration::from_secs(50));
        let answer = world.send(connection, ask(method, URI, 10 + turn as u32, &[&session]));
        assert_eq!(code(&answer), 200, "R2-LIVE-04: {method}");
        assert_eq!(
            header(&answer, "Session"),
            Some(&session["Session: ".len()..]),
            "R2-SESS-03"
        );
    }
    // Requests without the id, and with another, keep nothing alive.
    world.pass(Duration::from_secs(50));
    world.send(connection, ask("OPTIONS", URI, 30, &[]));
    world.send(
        connection,
        ask("OPTIONS", URI, 31, &["Session: 0123456789abcdefghijkl00"]),
    );
    world.pass(Duration::from_secs(15));
    assert_eq!(
        world.ended.iter().map(|(_, why)| *why).collect::<Vec<_>>(),
        ["timeout"]
    );
    assert_eq!(
        code(&world.send(connection, ask("PLAY", URI, 32, &[&session]))),
        454
    );
    world.pass(Duration::from_secs(60));
    assert_eq!(world.lines[connection].0.closed, Some(CloseReason::Idle));
}

/// All sequences of four requests: no panic, and at each step one answer with the right number.
#[test]
fn all_short_sequences_of_requests_are_answered() {
    let methods = [
        "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "RECORD", "TEARDOWN",
    ];
    for sequence in 0..methods.len().pow(4) {
        let mut world = World::new();
        let connection = world.connect(7);
        let mut session = String::new();
        let mut rest = sequence;
        for cseq in 1..=4 {
            let method = methods[rest % methods.len()];
            rest /= methods.len();
            let target = if method == "SETUP" {
                track(0)
            } else {
                URI.into()
            };
            let answer = world.send(connection, ask(method, &target, cseq, &[UDP, &session]));
            assert_eq!(
                header(&answer, "CSeq"),
                Some(cseq.to_string().as_str()),
                "{answer}"
            );
            assert!(
                [200, 454, 455].contains(&code(&answer)),
                "{method}: {answer}"
            );
            if let Some(id) = header(&answer, "Session") {
                session = format!("Session: {}", id.split(';').next().unwrap());
            }
        }
    }
}
