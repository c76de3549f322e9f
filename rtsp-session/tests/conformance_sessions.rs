//! Rules of RFC 7826 and RFC 2326 about how long sessions live, each by the number of its row in the table of requirements: on a
//! virtual clock.

mod support;

use rtsp_session::server::State;
use std::time::Duration;
use support::header;
use support::world::World;

const VERSIONS: [&str; 2] = ["1.0", "2.0"];
const URI: &str = "rtsp://192.0.2.1/a";
const TRACK: &str = "rtsp://192.0.2.1/a/trackID=0";

/// By how much signs of life may be late, and a second.
const LATE: Duration = Duration::from_secs(6);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ask(version: &str, method: &str, target: &str, more: &str) -> String {
    format!("{method} {target} RTSP/{version}\r\nCSeq: 1\r\n{more}\r\n")
}

fn code(text: &str) -> u16 {
    text.get(9..12)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {text}"))
}

/// A reader by UDP that has set up one media: the Session line to send from then on.
fn ready(world: &mut World, connection: usize, version: &str) -> String {
    let transport = match version {
        "1.0" => "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n",
        _ => "Transport: RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"\r\n",
    };
    let answer = world.send(connection, ask(version, "SETUP", TRACK, transport));
    assert_eq!(code(&answer), 200, "{answer}");
    let id = header(&answer, "Session").unwrap().split(';').next();
    format!("Session: {}\r\n", id.unwrap())
}

#[test]
fn r2_live_01_11_r2_pause_07_r2_sm_11_r1_conn_09_r1_sid_06_a_silent_session_ends_after_sixty_seconds()
 {
    for version in VERSIONS {
        for state in [State::Ready, State::Play] {
            let mut world = World::new();
            let connection = world.connect(7);
            let session = ready(&mut world, connection, version);
            if state == State::Play {
                world.send(connection, ask(version, "PLAY", URI, &session));
            }
            world.pass(secs(59));
            assert_eq!(world.sessions.values().next().unwrap().state(), state);
            world.pass(LATE);
            assert!(world.sessions.is_empty());
            let connection = world.connect(7);
            let answer = world.send(connection, ask(version, "PLAY", URI, &session));
            assert_eq!(code(&answer), 454);
        }
    }
}

#[test]
fn r2_live_04_05_r2_setp_01_r2_getp_06_r1_gsp_01_r2_opt_06_any_request_of_a_session_keeps_it() {
    for version in VERSIONS {
        for method in ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "PLAY", "PAUSE"] {
            if version == "1.0" && method == "PAUSE" {
                continue; // not in Ready
            }
            let mut world = World::new();
            let connection = world.connect(7);
            let session = ready(&mut world, connection, version);
            for _ in 0..5 {
                world.pass(secs(50));
                let answer = world.send(connection, ask(version, method, URI, &session));
                assert_eq!(code(&answer), 200, "{method}");
                assert!(header(&answer, "Content-Length").is_none_or(|length| length == "0"));
            }
            assert_eq!(world.sessions.len(), 1, "{method}: 250 s and it lives");
            // A request that is about no session keeps none.
            world.pass(secs(50));
            world.send(connection, ask(version, "OPTIONS", "*", ""));
            world.pass(secs(10) + LATE);
            assert_eq!(world.sessions.len(), 0, "{method}");
        }
    }
}

#[test]
fn r2_live_02_a_timeout_in_a_request_has_no_effect() {
    for version in VERSIONS {
        let mut world = World::new();
        let connection = world.connect(7);
        let session = ready(&mut world, connection, version);
        let with_timeout = session.replace("\r\n", ";timeout=5\r\n");
        let answer = world.send(connection, ask(version, "OPTIONS", URI, &with_timeout));
        assert_eq!(code(&answer), 200);
        world.pass(secs(55));
        assert_eq!(world.sessions.len(), 1);
        let longer = session.replace("\r\n", ";timeout=5000\r\n");
        world.send(connection, ask(version, "OPTIONS", URI, &longer));
        world.pass(secs(60) + LATE);
        assert!(world.sessions.is_empty());
    }
}

#[test]
fn r2_live_03_the_timeout_is_the_same_in_all_answers_to_setup() {
    for version in VERSIONS {
        let mut world = World::new();
        let connection = world.connect(7);
        let mut seen = Vec::new();
        let mut session = String::new();
        for number in 0..2 {
            let transport = format!(
                "Transport: RTP/AVP/TCP;unicast;interleaved={}-{}\r\n{session}",
                number * 2,
                number * 2 + 1
            );
            let target = format!("{URI}/trackID={number}");
            let answer = world.send(connection, ask(version, "SETUP", &target, &transport));
            let value = header(&answer, "Session").unwrap().to_owned();
            session = format!("Session: {}\r\n", value.split(';').next().unwrap());
            seen.push(value);
        }
        assert_eq!(seen[0], seen[1]);
        assert!(seen[0].ends_with(";timeout=60"), "{}", seen[0]);
    }
}

#[test]
fn r2_sm_05_pause_in_ready_stays_ready() {
    let mut world = World::new();
    let connection = world.connect(7);
    let session = ready(&mut world, connection, "2.0");
    for _ in 0..2 {
        let answer = world.send(connection, ask("2.0", "PAUSE", URI, &session));
        assert_eq!(code(&answer), 200);
        assert_eq!(
            world.sessions.values().next().unwrap().state(),
            State::Ready
        );
    }
}

#[test]
fn r2_sess_05_a_guessed_id_is_454_by_every_method() {
    for version in VERSIONS {
        let mut world = World::new();
        let connection = world.connect(7);
        let session = ready(&mut world, connection, version);
        let guessed = session.replace(|letter: char| letter.is_ascii_digit(), "x");
        let stranger = world.connect(9);
        for method in [
            "OPTIONS",
            "PLAY",
            "PAUSE",
            "GET_PARAMETER",
            "SET_PARAMETER",
            "TEARDOWN",
        ] {
            for line in [&guessed, &session] {
                if *line == session && guessed == session {
                    continue;
                }
                let answer = world.send(stranger, ask(version, method, URI, line));
                assert_eq!(code(&answer), 454, "{method}");
                assert_eq!(header(&answer, "Session"), None);
            }
        }
        assert_eq!(world.sessions.len(), 1);
    }
}
