use super::*;
use crate::random::Random;
use std::net::Ipv4Addr;

const OWN: u64 = 1;
const OTHER: u64 = 2;

fn peer(connection: u64, last: u8, user: Option<&str>) -> Peer {
    Peer {
        connection,
        address: Ipv4Addr::new(192, 0, 2, last).into(),
        user: user.map(Arc::from),
        secure: false,
    }
}

fn udp() -> NegotiatedTransport {
    NegotiatedTransport::Udp {
        peer_rtp: "192.0.2.1:5000".parse().unwrap(),
        reports: crate::transport::Reports::To("192.0.2.1:5001".parse().unwrap()),
        server_ports: (6000, 6001),
    }
}

const TCP: NegotiatedTransport = NegotiatedTransport::Interleaved { rtp: 0, rtcp: 1 };

fn session(
    version: Version,
    user: Option<&str>,
    transport: NegotiatedTransport,
    direction: Direction,
) -> (ServerSession, Now) {
    let now = Now::read();
    let id = SessionId::generate(&mut Random::from_seed([5; 32]), 0);
    let maker = peer(OWN, 1, user);
    let mut session = ServerSession::new(
        now,
        id,
        version,
        "/live".into(),
        &maker,
        SessionConfig::default(),
    );
    session.setup(now, 0, transport, direction);
    (session, now)
}

/// Every method that a peer can send with a session's id.
const METHODS: [Method; 8] = [
    Method::Options,
    Method::Setup,
    Method::Play,
    Method::Pause,
    Method::Record,
    Method::Teardown,
    Method::GetParameter,
    Method::SetParameter,
];

/// What the server does with a request: admission before all else, then the state.
fn ask(session: &ServerSession, method: &Method, peer: &Peer) -> u16 {
    let object = if *method == Method::Setup {
        Object::Media(0)
    } else {
        Object::Presentation
    };
    let verdict = session
        .admit(peer)
        .and_then(|()| session.check(method, object));
    verdict.map_or_else(|error| error.status().code(), |()| 200)
}

/// Is the peer admitted, whichever method it sends? Admission must not depend on the method, nor refusal change anything.
fn admitted(session: &ServerSession, peer: &Peer) -> bool {
    let before = format!("{session:?}");
    let verdicts = METHODS.map(|method| ask(session, &method, peer) != 454);
    assert_eq!(format!("{session:?}"), before);
    assert!(
        verdicts.iter().all(|verdict| *verdict == verdicts[0]),
        "{verdicts:?}"
    );
    verdicts[0]
}

#[test]
fn r2_auth_13_ownership_of_a_session_with_a_user() {
    for transport in [udp(), TCP] {
        let (mut session, now) = session(Version::V1_0, Some("ann"), transport, Direction::Play);
        for (who, expected) in [
            (peer(OWN, 1, Some("ann")), true),
            (peer(OWN, 1, None), true),
            (peer(OWN, 1, Some("bob")), false),
            (peer(OTHER, 1, Some("ann")), true),
            (peer(OTHER, 9, Some("ann")), true),
            (peer(OTHER, 1, Some("bob")), false),
            (peer(OTHER, 1, None), false),
            (peer(OTHER, 9, None), false),
        ] {
            assert_eq!(admitted(&session, &who), expected, "{who:?} {transport:?}");
        }
        session.connection_closed(now, OWN);
        for (who, expected) in [
            (peer(OTHER, 9, Some("ann")), true),
            (peer(OTHER, 1, None), false), // the address is no proof where there is a user
            (peer(OWN, 1, None), false),   // a number that comes back
            (peer(OTHER, 1, Some("bob")), false),
        ] {
            assert_eq!(
                admitted(&session, &who),
                expected,
                "after the close: {who:?} {transport:?}"
            );
        }
    }
}

#[test]
fn ownership_of_a_session_without_a_user() {
    let (mut session, now) = session(Version::V1_0, None, udp(), Direction::Play);
    for (who, expected) in [
        (peer(OWN, 1, None), true),
        (peer(OWN, 1, Some("ann")), true),
        (peer(OTHER, 1, None), false), // same address, but the connection is open
        (peer(OTHER, 9, None), false),
        (peer(OTHER, 1, Some("ann")), false),
    ] {
        assert_eq!(admitted(&session, &who), expected, "{who:?}");
    }
    assert_eq!(session.connection_closed(now, OTHER), AfterClose::Unrelated);
    assert!(
        !admitted(&session, &peer(OTHER, 1, None)),
        "somebody else's connection closed"
    );
    assert_eq!(session.connection_closed(now, OWN), AfterClose::Orphan);
    for (who, expected) in [
        (peer(OTHER, 1, None), true),
        (peer(OTHER, 9, None), false),
        (peer(OTHER, 1, Some("ann")), false),
    ] {
        assert_eq!(
            admitted(&session, &who),
            expected,
            "after the close: {who:?}"
        );
    }
    session.adopt(&peer(OTHER, 1, None));
    assert!(admitted(&session, &peer(OTHER, 1, None)));
    assert!(
        !admitted(&session, &peer(3, 1, None)),
        "taken over: closed to others again"
    );
    assert_eq!(session.connection(), Some(OTHER));
}

#[test]
fn r2_sec_03_datagrams_go_only_to_where_the_peer_has_proved_to_be() {
    for version in [Version::V1_0, Version::V2_0] {
        let (mut session, now) = session(version, Some("ann"), udp(), Direction::Play);
        let play = |session: &ServerSession| {
            let verdict = session.check(&Method::Play, Object::Presentation);
            verdict.map_or_else(|error| error.status_in(version).code(), |()| 200)
        };
        assert_eq!(
            (play(&session), session.is_where_its_datagrams_go()),
            (200, true)
        );
        session.adopt(&peer(OTHER, 1, Some("ann")));
        assert_eq!(
            play(&session),
            200,
            "another connection of the same address"
        );
        session.adopt(&peer(OTHER, 9, Some("ann")));
        assert_eq!(
            (play(&session), session.is_where_its_datagrams_go()),
            (403, false)
        );
        session.setup(now, 0, TCP, Direction::Play);
        assert_eq!(
            (play(&session), session.is_where_its_datagrams_go()),
            (200, true)
        );
    }
    // What is recorded comes from there.
    let (mut session, _) = session(Version::V1_0, Some("ann"), udp(), Direction::Record);
    session.adopt(&peer(OTHER, 9, Some("ann")));
    assert!(session.is_where_its_datagrams_go());
}

#[test]
fn r2_ilv_11_an_interleaved_session_ends_with_its_connection() {
    let (mut tcp, now) = session(Version::V1_0, None, TCP, Direction::Play);
    assert!(!admitted(&tcp, &peer(OTHER, 1, None)));
    assert_eq!(tcp.connection_closed(now, OWN), AfterClose::End);
    // One media of several within the connection is enough.
    let (mut mixed, now) = session(Version::V1_0, None, udp(), Direction::Play);
    mixed.setup(now, 1, TCP, Direction::Play);
    assert_eq!(mixed.connection_closed(now, OWN), AfterClose::End);
}

#[test]
fn channels_stay_on_their_connection() {
    let (mut session, _) = session(Version::V1_0, Some("ann"), TCP, Direction::Play);
    let other = peer(OTHER, 1, Some("ann"));
    assert_eq!(
        session.check_transport(&other, &TCP),
        Err(ProtocolError::UnsupportedTransport)
    );
    assert_eq!(
        session.check_transport(&other, &udp()),
        Err(ProtocolError::UnsupportedTransport)
    );
    assert_eq!(session.check_transport(&peer(OWN, 1, None), &TCP), Ok(()));
    session.adopt(&other);
    assert_eq!(session.connection(), Some(OWN));
}

#[test]
fn a_session_of_nothing_ends_with_its_connection() {
    let now = Now::read();
    let id = SessionId::generate(&mut Random::from_seed([5; 32]), 0);
    let mut session = ServerSession::new(
        now,
        id,
        Version::V1_0,
        "/a".into(),
        &peer(OWN, 1, None),
        SessionConfig::default(),
    );
    assert_eq!(session.connection_closed(now, OWN), AfterClose::End);
}

#[test]
fn one_media_of_several() {
    for (version, play, teardown_ready, teardown_play) in [
        (Version::V1_0, 460, 200, 200),
        (Version::V2_0, 460, 200, 455),
    ] {
        let (mut session, now) = session(version, None, udp(), Direction::Play);
        let code = |session: &ServerSession, method, object| {
            session
                .check(&method, object)
                .map_or_else(|error| error.status().code(), |()| 200)
        };
        assert_eq!(
            code(&session, Method::Play, Object::Media(0)),
            200,
            "its only media is the presentation"
        );
        session.setup(now, 2, udp(), Direction::Play);
        assert_eq!(code(&session, Method::Play, Object::Media(0)), play);
        assert_eq!(
            code(&session, Method::Teardown, Object::Media(0)),
            teardown_ready
        );
        assert_eq!(
            code(&session, Method::Teardown, Object::Media(1)),
            404,
            "not set up"
        );
        assert_eq!(code(&session, Method::Setup, Object::Presentation), 459);
        session.play(now);
        assert_eq!(
            code(&session, Method::Teardown, Object::Media(2)),
            teardown_play
        );
        assert_eq!(code(&session, Method::Setup, Object::Media(2)), 200);
        assert_eq!(code(&session, Method::Setup, Object::Media(1)), 455);
        assert_eq!(session.remove_media(2).map(|media| media.index), Some(2));
        assert_eq!(session.state(), State::Play);
        assert_eq!(session.remove_media(2), None);
        assert!(session.remove_media(0).is_some());
        assert_eq!(session.state(), State::Init);
    }
}

#[test]
fn play_and_record_do_not_mix() {
    for (direction, play, record) in [(Direction::Play, 200, 455), (Direction::Record, 455, 200)] {
        let (session, _) = session(Version::V1_0, None, udp(), direction);
        let me = peer(OWN, 1, None);
        assert_eq!(ask(&session, &Method::Play, &me), play);
        assert_eq!(ask(&session, &Method::Record, &me), record);
        let allowed = session.allowed();
        assert_eq!(allowed.contains(&Method::Play), play == 200);
        assert_eq!(allowed.contains(&Method::Record), record == 200);
    }
    let (session, _) = session(Version::V2_0, None, udp(), Direction::Play);
    assert_eq!(ask(&session, &Method::Record, &peer(OWN, 1, None)), 501);
}

#[test]
fn end_of_media_differs_by_version() {
    for (version, after) in [(Version::V1_0, State::Ready), (Version::V2_0, State::Play)] {
        let (mut session, now) = session(version, None, udp(), Direction::Play);
        session.play(now);
        session.end_of_media(now);
        assert_eq!(session.state(), after);
    }
}

#[test]
fn it_lives_as_long_as_its_peer_shows_signs_of_life() {
    let (mut session, now) = session(Version::V1_0, None, udp(), Direction::Play);
    let late = |seconds| now.after(Duration::from_secs(seconds));
    assert_eq!(session.lapse(late(64)), None);
    assert_eq!(session.lapse(late(65)), Some(Lapse::Silent));
    session.touch(late(40));
    session.touch(late(20)); // out of order: no step back
    assert_eq!(session.lapse(late(104)), None);
    assert_eq!(session.lapse(late(105)), Some(Lapse::Silent));
    session.connection_closed(late(50), OWN);
    assert_eq!(
        session.deadline(),
        late(115).monotonic,
        "an orphan gets a whole timeout"
    );
}

/// All sequences of events up to six long: the state always follows the table, and nothing panics.
#[test]
fn all_sequences_of_requests() {
    let (mut session, now) = session(Version::V1_0, None, udp(), Direction::Play);
    let methods = [
        Method::Setup,
        Method::Play,
        Method::Pause,
        Method::Record,
        Method::Teardown,
    ];
    for sequence in 0..5_usize.pow(6) {
        session.state = State::Init;
        session.media.clear();
        let mut rest = sequence;
        for _ in 0..6 {
            let method = &methods[rest % 5];
            rest /= 5;
            let object = if *method == Method::Setup {
                Object::Media(0)
            } else {
                Object::Presentation
            };
            if session.check(method, object).is_err() {
                continue;
            }
            match method {
                Method::Setup => session.setup(now, 0, udp(), Direction::Play),
                Method::Play => session.play(now),
                Method::Pause => session.pause(now),
                Method::Record => session.record(now),
                _ => {
                    session.remove_media(0);
                }
            }
            let flowing = matches!(session.state(), State::Play | State::Record);
            assert!(
                !flowing || !session.media().is_empty(),
                "flowing without media: {sequence}"
            );
            assert_ne!(
                session.state(),
                State::Record,
                "a session set up to play records: {sequence}"
            );
        }
    }
}

#[test]
fn r2_rtp_21_r2_code_33_r2_code_31_play_waits_for_connections() {
    use crate::transport::{MediaConnections, Reports};
    let peer_rtp = "192.0.2.1:9".parse().unwrap();
    let connections = |existing| {
        NegotiatedTransport::Connections(MediaConnections {
            active: false,
            existing,
            peer_rtp,
            reports: Reports::To(peer_rtp),
            server_ports: (7000, 7001),
        })
    };
    let direction = Direction::Play;
    let (mut session, now) = session(Version::V2_0, None, connections(false), direction);
    session.setup(now, 1, udp(), direction);
    let play = |session: &ServerSession| {
        let checked = session.check(&Method::Play, Object::Presentation);
        checked.map_or_else(|error| error.status().code(), |()| 200)
    };
    assert_eq!(play(&session), 464);
    assert_eq!(
        session.check(&Method::Teardown, Object::Presentation),
        Ok(()),
        "nothing else waits"
    );
    session.set_way(0, Way::Unreachable);
    assert_eq!(play(&session), 462);
    session.set_way(0, Way::Open);
    assert_eq!(play(&session), 200);
    // What exists is open still; what is new is not.
    session.setup(now, 0, connections(true), direction);
    assert_eq!(play(&session), 200);
    session.setup(now, 0, connections(false), direction);
    assert_eq!(play(&session), 464);
    session.setup(now, 0, udp(), direction);
    assert_eq!(play(&session), 200);
}
