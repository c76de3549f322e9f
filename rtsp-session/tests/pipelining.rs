//! Pipelined-Requests (RFC 7826 §12, §18.33): a session is used before its id is known.

mod support;

use support::header;
use support::world::World;

const URI: &str = "rtsp://192.0.2.1/a";

/// A request of RTSP/2.0.
fn ask(method: &str, target: &str, cseq: u32, more: &[&str]) -> String {
    let lines: String = more.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {target} RTSP/2.0\r\nCSeq: {cseq}\r\n{lines}\r\n")
}

fn setup(media: u8, cseq: u32, more: &str) -> String {
    let channels = media * 2;
    let transport = format!(
        "Transport: RTP/AVP/TCP;unicast;interleaved={channels}-{}",
        channels + 1
    );
    ask(
        "SETUP",
        &format!("{URI}/trackID={media}"),
        cseq,
        &[&transport, more],
    )
}

/// Status, CSeq and session of each answer.
fn answers(text: &str) -> Vec<(u16, u32, Option<String>)> {
    text.split_inclusive("\r\n\r\n")
        .map(|answer| {
            let session = header(answer, "Session").and_then(|value| value.split(';').next());
            (
                answer[9..12].parse().unwrap(),
                header(answer, "CSeq").unwrap().parse().unwrap(),
                session.map(str::to_owned),
            )
        })
        .collect()
}

/// The codes alone.
fn codes(text: &str) -> Vec<u16> {
    answers(text).iter().map(|answer| answer.0).collect()
}

const P: &str = "Pipelined-Requests: 7";

#[test]
fn r2_pipe_01_02_03_04_07_a_session_in_one_write() {
    for piece in [1, 7, usize::MAX] {
        let mut world = World::new();
        let connection = world.connect(7);
        let all = [
            setup(0, 1, P),
            setup(1, 2, P),
            ask("PLAY", URI, 3, &[P, "Range: npt=0-"]),
            ask("GET_PARAMETER", URI, 4, &[P]),
        ]
        .concat();
        let written: String = all
            .as_bytes()
            .chunks(piece)
            .map(|piece| world.send(connection, piece))
            .collect();
        let answers = answers(&written);
        let id = answers[0].2.clone();
        assert!(id.is_some());
        let expected: Vec<_> = (1..=4).map(|cseq| (200, cseq, id.clone())).collect();
        assert_eq!(answers, expected);
        assert_eq!(world.sessions.len(), 1);
        let session = world.sessions.values().next().unwrap();
        assert_eq!(session.media().len(), 2);
        assert_eq!(session.state(), rtsp_session::server::State::Play);
    }
}

#[test]
fn r2_pipe_05_a_setup_that_fails_binds_nothing() {
    let mut world = World::new();
    let connection = world.connect(7);
    let bad = ask(
        "SETUP",
        &format!("{URI}/trackID=0"),
        1,
        &["Transport: RAW/X/UDP;unicast", P],
    );
    let text = world.send(
        connection,
        [bad, setup(1, 2, P), ask("PLAY", URI, 3, &[P])].concat(),
    );
    assert_eq!(codes(&text), [461, 200, 200]);
    assert_eq!(world.sessions.len(), 1);
}

#[test]
fn r2_pipe_06_a_session_header_counts_more() {
    let mut world = World::new();
    let connection = world.connect(7);
    let text = world.send(connection, setup(0, 1, "") + &setup(1, 2, P));
    let ids: Vec<_> = answers(&text)
        .into_iter()
        .map(|answer| answer.2.unwrap())
        .collect();
    assert_ne!(ids[0], ids[1]);
    let session = format!("Session: {}", ids[0]);
    let text = world.send(connection, ask("PLAY", URI, 3, &[&session, P]));
    assert_eq!(answers(&text), [(200, 3, Some(ids[0].clone()))]);
    // A session that is none is not made up for.
    let text = world.send(connection, ask("PLAY", URI, 4, &["Session: bogus123", P]));
    assert_eq!(codes(&text), [454]);
}

#[test]
fn r2_pipe_08_names_belong_to_their_connection() {
    let mut world = World::new();
    let (one, two) = (world.connect(7), world.connect(7));
    assert_eq!(codes(&world.send(one, setup(0, 1, P))), [200]);
    assert_eq!(codes(&world.send(two, ask("PLAY", URI, 1, &[P]))), [454]);
    assert_eq!(codes(&world.send(two, setup(0, 2, P))), [200]);
    assert_eq!(world.sessions.len(), 2);
}

#[test]
fn r2_pipe_09_10_a_name_ends_with_its_session() {
    let mut world = World::new();
    let connection = world.connect(7);
    for (method, cseq) in [
        ("PLAY", 1),
        ("PAUSE", 2),
        ("GET_PARAMETER", 3),
        ("TEARDOWN", 4),
    ] {
        let text = world.send(connection, ask(method, URI, cseq, &[P]));
        assert_eq!(codes(&text), [454], "{method}");
    }
    let all = [
        setup(0, 5, P),
        ask("TEARDOWN", URI, 6, &[P]),
        ask("PLAY", URI, 7, &[P]),
        setup(0, 8, P),
        ask("PLAY", URI, 9, &[P]),
    ];
    assert_eq!(
        codes(&world.send(connection, all.concat())),
        [200, 200, 454, 200, 200]
    );
}

#[test]
fn names_that_are_none_and_versions_without_them_are_ignored() {
    let mut world = World::new();
    let connection = world.connect(7);
    for name in ["x", "", "-1", "12345678901", "7, 8"] {
        let line = format!("Pipelined-Requests: {name}");
        let text = world.send(connection, ask("OPTIONS", URI, 1, &[&line]));
        assert_eq!(codes(&text), [200], "{name}");
    }
    // RFC 7826 §18.49: DESCRIBE has no session.
    let described = world.send(connection, ask("DESCRIBE", URI, 2, &[P]));
    assert!(described.starts_with("RTSP/2.0 200 "), "{described}");
    let old = setup(0, 3, P).replace("RTSP/2.0", "RTSP/1.0");
    assert_eq!(codes(&world.send(connection, old)), [200]);
    let old = ask("PLAY", URI, 4, &[P]).replace("RTSP/2.0", "RTSP/1.0");
    assert_eq!(codes(&world.send(connection, old)), [454]);
}

/// GStreamer's names have up to ten digits, RFC 7826 §20.2.3 allows eight.
#[test]
fn long_names() {
    let mut world = World::new();
    let connection = world.connect(7);
    let name = "Pipelined-Requests: 4117513484";
    let all = setup(0, 1, name) + &ask("PLAY", URI, 2, &[name]);
    assert_eq!(codes(&world.send(connection, all)), [200, 200]);
}
