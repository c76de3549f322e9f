//! What our requests look like, and which of them are made at all.

use rtsp_msg::{HeaderName, Method};
use rtsp_session::auth::Credentials;
use rtsp_session::client::{
    ClientSession, Event, Extension, PlayRequest, SessionConfig, SessionError, State,
    TransportRequest, VersionPolicy,
};
use std::time::Duration;

use crate::script::{BOTH, SDP, Script, URI, header};

const TCP: TransportRequest = TransportRequest::Interleaved { rtp: 0, rtcp: 1 };

fn misused(result: Result<(), SessionError>) -> bool {
    matches!(result, Err(SessionError::Misuse { .. }))
}

/// What each command does now: the letters of those that are allowed.
fn allowed(script: impl Fn() -> Script) -> String {
    type Command = fn(&mut Script) -> Result<(), SessionError>;
    let commands: [(char, Command); 6] = [
        ('S', |s| s.session.setup(s.now, 0, TCP)),
        ('P', |s| s.session.play(s.now, &PlayRequest::resume())),
        ('U', |s| s.session.pause(s.now)),
        ('R', |s| s.session.record(s.now)),
        ('T', |s| s.session.teardown(s.now)),
        ('G', |s| s.session.ask_parameters(s.now, &["a"])),
    ];
    let mut letters = String::new();
    for (letter, command) in commands {
        let mut script = script();
        let before = script.all.len();
        let result = command(&mut script);
        script.drain();
        assert_eq!(
            script.all.len() - before,
            usize::from(result.is_ok()),
            "{letter}"
        );
        assert!(result.is_ok() || misused(result), "{letter}");
        if script.all.len() > before {
            letters.push(letter);
        }
    }
    letters
}

#[test]
fn r1_sm_01_r1_sm_02_only_what_the_state_allows_is_sent() {
    let described = |version: &str| {
        let mut script = Script::of(version);
        script.describe();
        script
    };
    let ready = |version: &str| {
        let mut script = described(version);
        script.setup(0, "Session: abcdefgh\r\n");
        assert_eq!(script.session.state(), State::Ready);
        script
    };
    let playing = |version: &str| {
        let mut script = ready(version);
        script.play();
        assert_eq!(script.session.state(), State::Playing);
        script
    };
    let recording = || {
        let mut script = Script::new();
        let description = sdp::Description::parse(SDP.as_bytes()).unwrap();
        script.command(|session, now| session.announce(now, description));
        script.answer("200 OK", "", "");
        script.answer("200 OK", "", "");
        script.events.clear();
        script.setup(0, "Session: abcdefgh\r\n");
        script.command(ClientSession::record);
        script.answer("200 OK", "", "");
        script.events.clear();
        assert_eq!(script.session.state(), State::Recording);
        script
    };
    assert_eq!(allowed(|| described("RTSP/1.0")), "SG");
    assert_eq!(allowed(|| ready("RTSP/1.0")), "SPRTG");
    assert_eq!(allowed(|| playing("RTSP/1.0")), "SPUTG");
    assert_eq!(allowed(recording), "SURTG");
    assert_eq!(allowed(|| described("RTSP/2.0")), "SG");
    assert_eq!(allowed(|| ready("RTSP/2.0")), "SPUTG");
    assert_eq!(allowed(|| playing("RTSP/2.0")), "SPUTG");
    // Back again: PAUSE to Ready, TEARDOWN to Init.
    for version in BOTH {
        let mut script = playing(version);
        script.command(ClientSession::pause);
        script.answer("200 OK", "", "");
        assert_eq!(script.session.state(), State::Ready);
        script.command(ClientSession::teardown);
        script.answer("200 OK", "", "");
        assert_eq!(script.session.state(), State::Init);
    }
    let mut script = recording();
    script.command(ClientSession::pause);
    script.answer("200 OK", "", "");
    assert_eq!(script.session.state(), State::Ready);
}

#[test]
fn a_transport_changes_while_media_flow_but_none_are_added() {
    for version in BOTH {
        let mut script = Script::of(version);
        script.describe();
        script.setup(0, "Session: abcdefgh\r\n");
        script.play();
        assert!(misused(script.session.setup(script.now, 1, TCP)));
        let setup = script.setup(0, "");
        assert_eq!(header(&setup, "Session"), Some("abcdefgh"));
        assert_eq!(script.session.state(), State::Playing);
    }
}

#[test]
fn r2_hdr_04_r1_hdr_02_r2_stat_08_every_request_says_who_asks_and_counts_on() {
    for version in BOTH {
        let mut script = Script::of(version);
        let odd = "X-Odd: 1\r\nWarning: 99 \"x\"\r\nSession-Id: 9\r\nDate: yesterday\r\n";
        let public = format!("Public: OPTIONS, GET_PARAMETER\r\n{odd}");
        // What answers have beyond what we know changes nothing.
        script.describe_with(&public, odd, SDP);
        script.setup(0, &format!("Session: abcdefgh;timeout=20;x=y\r\n{odd}"));
        script.play();
        script.passes(Duration::from_secs(10));
        script.answer("200 OK", odd, "");
        script.command(ClientSession::pause);
        script.answer("200 OK", odd, "");
        script.event();
        script.command(ClientSession::teardown);
        script.answer("200 OK", odd, "");
        assert!(matches!(script.event(), Event::TornDown));
        assert_eq!(script.all.len(), 7);
        for (number, request) in (1..).zip(&script.all) {
            assert_eq!(header(request, "CSeq"), Some(&*format!("{number}")));
            let agent = header(request, "User-Agent").unwrap();
            assert!(agent.starts_with("Trackside/"), "{request}");
        }
        // Nobody is refused for not saying who asks.
        script.arrives(format!("OPTIONS * {version}\r\nCSeq: 1\r\n\r\n"));
        assert!(script.sent.last().unwrap().contains(" 200 OK\r\n"));
    }
}

#[test]
fn r2_play_27_the_beginning_is_asked_for() {
    for version in BOTH {
        let mut script = Script::of(version);
        script.describe();
        script.setup(0, "Session: abcdefgh\r\n");
        let play = script.play();
        assert_eq!(header(&play, "Range"), Some("npt=0-"));
    }
}

#[test]
fn r2_getp_09_r2_getp_11_where_it_stands_is_asked_in_the_session_and_by_range_and_rtp_info() {
    let mut script = Script::v2();
    script.describe();
    assert!(misused(script.session.locate(script.now)), "no session yet");
    let mut script = Script::playing();
    assert!(misused(script.session.locate(script.now)), "not in 1.0");
    let mut script = Script::playing_in("RTSP/2.0");
    script.command(ClientSession::locate);
    let info =
        format!("RTP-Info: url=\"{URI}/trackID=0\" ssrc=0A13C760:seq=45102;rtptime=12345678");
    let told =
        format!("Range: npt=12.5-60\r\n{info}\r\nMedia-Properties: Random-Access, Unlimited\r\n");
    let request = script.answer("200 OK", &told, "");
    assert!(request.starts_with(&format!("GET_PARAMETER {URI} RTSP/2.0\r\n")));
    assert_eq!(header(&request, "Session"), Some("abcdefgh"));
    for name in ["Range", "RTP-Info", "Accept-Ranges"] {
        assert_eq!(header(&request, name).map(str::trim), Some(""), "{request}");
    }
    let Event::Located(place) = script.event() else {
        panic!()
    };
    assert_eq!(place.start, Some(Duration::from_millis(12_500)));
    assert_eq!(place.points[0].sequence, Some(45_102));
    assert_eq!(script.session.state(), State::Playing);
}

#[test]
fn r2_setp_09_r1_gsp_06_parameters_are_set_one_by_one() {
    for version in BOTH {
        let mut script = Script::playing_in(version);
        script.command(|session, now| session.set_parameter(now, "brightness", "40 %"));
        let set = script.answer("200 OK", "", "");
        assert!(set.ends_with("\r\n\r\nbrightness: 40 %\r\n"), "{set}");
        assert_eq!(header(&set, "Content-Type"), Some("text/parameters"));
        assert_eq!(header(&set, "Session"), Some("abcdefgh"));
        assert!(matches!(script.event(), Event::ParameterTaken));
        // No second one is smuggled in.
        for (name, value) in [
            ("a: 1\r\nb", "2"),
            ("a", "1\r\nb: 2"),
            ("", "1"),
            ("a b", "1"),
        ] {
            let refused = script.session.set_parameter(script.now, name, value);
            assert!(misused(refused), "{name:?} {value:?}");
        }
        script.command(|session, now| session.set_parameter(now, "hue", "1"));
        script.answer("451 Parameter Not Understood", "", "hue\r\n");
        let Event::Failed(error) = script.event() else {
            panic!()
        };
        assert!(error.to_string().contains("(hue)"), "{error}");

        script.command(|session, now| session.ask_parameters(now, &["jitter", "loss"]));
        let kind = "Content-Type: text/parameters\r\n";
        let get = script.answer("200 OK", kind, "jitter: 0.3\r\nloss: 0\r\n");
        assert!(get.ends_with("\r\n\r\njitter\r\nloss\r\n"), "{get}");
        let Event::Parameters(told) = script.event() else {
            panic!()
        };
        let expected = [("jitter", "0.3"), ("loss", "0")];
        assert_eq!(
            told,
            expected.map(|(name, value)| (name.into(), value.into()))
        );
    }
}

#[test]
fn r2_cap_12_r2_proxy_12_headers_that_must_be_understood_come_with_their_feature_tags() {
    let extension = |feature: &str, method, name, value: &str, proxies| Extension {
        feature: feature.into(),
        methods: vec![method],
        headers: vec![(name, value.into())],
        proxies,
    };
    let mut config = SessionConfig::default();
    config.version = VersionPolicy::V2_0;
    config.connection.courtesy.referrer = Some("http://www.example/films".into());
    config.extensions = vec![
        extension(
            "onvif-replay",
            Method::Play,
            HeaderName::Frames,
            "intra",
            false,
        ),
        extension("x.quota", Method::Play, HeaderName::Immediate, "yes", true),
        extension(
            "x.lens",
            Method::Setup,
            HeaderName::RateControl,
            "no",
            false,
        ),
    ];
    let mut script = Script::with(URI, config);
    script.describe();
    script.setup(0, "Session: abcdefgh\r\n");
    let play = script.play();
    assert_eq!(header(&play, "Frames"), Some("intra"));
    assert_eq!(header(&play, "Require"), Some("onvif-replay, x.quota"));
    assert_eq!(header(&play, "Proxy-Require"), Some("x.quota"));
    let setup = &script.all[2];
    assert_eq!(header(setup, "Require"), Some("x.lens"));
    assert_eq!(header(setup, "Proxy-Require"), None);
    for request in &script.all[..2] {
        assert_eq!(header(request, "Require"), None, "{request}");
    }
    for request in &script.all {
        assert_eq!(
            header(request, "Referrer"),
            Some("http://www.example/films")
        );
    }
}

#[test]
fn r2_auth_03_a_password_in_clear_text_goes_only_over_encrypted_connections() {
    let basic = "WWW-Authenticate: Basic realm=\"cam\"\r\n";
    let digest =
        "WWW-Authenticate: Digest realm=\"cam\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"\r\n";
    for (version, encrypted, challenge, sent) in [
        (VersionPolicy::V2_0, false, basic.to_owned(), None),
        (VersionPolicy::V2_0, true, basic.to_owned(), Some("Basic ")),
        (
            VersionPolicy::V2_0,
            false,
            format!("{basic}{digest}"),
            Some("Digest "),
        ),
        // Cameras of 1.0 know nothing else.
        (VersionPolicy::V1_0, false, basic.to_owned(), Some("Basic ")),
    ] {
        let mut config = SessionConfig::default();
        config.version = version;
        config.connection.encrypted = encrypted;
        config.connection.credentials = Some(Credentials::new("ann", "hunter2"));
        let mut script = Script::with(URI, config);
        script.command(ClientSession::describe);
        script.answer("401 Unauthorized", &challenge, "");
        match sent {
            Some(scheme) => {
                let proof = script.request();
                let proof = header(&proof, "Authorization").unwrap();
                assert!(proof.starts_with(scheme), "{proof}");
            }
            None => {
                assert!(script.sent.is_empty(), "{:?}", script.sent);
                let Event::Failed(error) = script.event() else {
                    panic!()
                };
                assert!(matches!(error, SessionError::PasswordInClear { .. }));
                assert!(error.to_string().contains("rtsps"), "{error}");
            }
        }
    }
}
