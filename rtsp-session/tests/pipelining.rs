//! Pipelined-Requests (RFC 7826 §12, §18.33): a session is used before its id is known.

mod support;

use rtsp_session::client::{
    ClientSession, Event, Input, PlayRequest, SessionConfig, SessionOutput, TransportRequest,
    VersionPolicy,
};
use rtsp_session::random::Random;
use std::time::Duration;
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

/// A client of ours with a description of the presentation, which nobody had to be asked for.
fn described_client(now: rtsp_session::Now) -> ClientSession {
    let mut config = SessionConfig::default();
    config.version = VersionPolicy::V2_0;
    let uri = rtsp_msg::Uri::parse(URI).unwrap();
    let mut client = ClientSession::new(now, &uri, config, Random::from_seed([9; 32]));
    client.describe(now).unwrap();
    let sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=control:trackID=0\r\n\
        m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n";
    for (cseq, body) in [(1, ""), (2, sdp)] {
        outputs(&mut client);
        let length = body.len();
        let answer =
            format!("RTSP/2.0 200 OK\r\nCSeq: {cseq}\r\nContent-Length: {length}\r\n\r\n{body}");
        client.handle(now, Input::Read(&mut answer.as_bytes().into()));
    }
    let (_, events) = outputs(&mut client);
    assert!(matches!(events[..], [Event::Described]));
    client
}

/// What the client wrote, and what it told.
fn outputs(client: &mut ClientSession) -> (String, Vec<Event>) {
    let (mut written, mut events) = (String::new(), Vec::new());
    loop {
        match client.poll() {
            SessionOutput::Write(bytes) => written += std::str::from_utf8(&bytes).unwrap(),
            SessionOutput::Event(event) => events.push(event),
            SessionOutput::Wait { .. } => return (written, events),
            other => panic!("{other:?}"),
        }
    }
}

fn tcp(media: usize, rtp: u8) -> (usize, TransportRequest) {
    (media, TransportRequest::Interleaved { rtp, rtcp: rtp + 1 })
}

#[test]
fn our_client_and_our_server_need_one_round_trip() {
    for piece in [1, 7, usize::MAX] {
        let mut world = World::new();
        let connection = world.connect(7);
        let mut client = described_client(world.now);
        let play = PlayRequest::from(Duration::ZERO);
        client
            .start(world.now, &[tcp(0, 0), tcp(1, 2)], &play)
            .unwrap();
        let (requests, _) = outputs(&mut client);
        let answers: String = requests
            .as_bytes()
            .chunks(piece)
            .map(|piece| world.send(connection, piece))
            .collect();
        // The server plays before the client has heard of it.
        let session = world.sessions.values().next().unwrap();
        assert_eq!(session.state(), rtsp_session::server::State::Play);
        let mut buffer = bytes::BytesMut::new();
        let mut events = Vec::new();
        for piece in answers.as_bytes().chunks(piece) {
            buffer.extend_from_slice(piece);
            client.handle(world.now, Input::Read(&mut buffer));
            let (written, more) = outputs(&mut client);
            assert_eq!(written, "", "nothing is left to be asked");
            events.extend(more);
        }
        assert!(
            matches!(
                events[..],
                [Event::SetUp { .. }, Event::SetUp { .. }, Event::Playing(_)]
            ),
            "{events:?}"
        );
        assert_eq!(client.session_id(), Some(session.id().as_str()));
    }
}

#[test]
fn our_client_pauses_what_our_server_plays_without_the_rest_and_mends_it() {
    let mut world = World::new();
    let connection = world.connect(7);
    let mut client = described_client(world.now);
    let play = PlayRequest::from(Duration::ZERO);
    // There is no such second media as the server hears of.
    client
        .start(world.now, &[tcp(0, 0), tcp(1, 0)], &play)
        .unwrap();
    let mut told = Vec::new();
    let mut exchange = |client: &mut ClientSession, world: &mut World| {
        loop {
            let (requests, events) = outputs(client);
            told.extend(events);
            if requests.is_empty() {
                return std::mem::take(&mut told);
            }
            let refused = requests.replace("trackID=1 RTSP", "trackID=none RTSP");
            let answers = world.send(connection, refused);
            client.handle(world.now, Input::Read(&mut answers.as_bytes().into()));
        }
    };
    let events = exchange(&mut client, &mut world);
    assert!(
        matches!(
            events[..],
            [Event::SetUp { media: 0, .. }, Event::Failed(_)]
        ),
        "{events:?}"
    );
    let state = world.sessions.values().next().unwrap().state();
    assert_eq!(
        state,
        rtsp_session::server::State::Ready,
        "it does not flow"
    );
    assert_eq!(client.state(), rtsp_session::client::State::Ready);
    client.play(world.now, &play).unwrap();
    let events = exchange(&mut client, &mut world);
    assert!(matches!(events[..], [Event::Playing(_)]), "{events:?}");
}
