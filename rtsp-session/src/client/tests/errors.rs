//! Refusals, silence, and servers that do not keep to the rules.

use super::*;

const BASIC: &str = "WWW-Authenticate: Basic realm=\"cam\"";
const DIGEST: &str =
    "WWW-Authenticate: Digest realm=\"cam\", nonce=\"1234\", algorithm=MD5, qop=\"auth\"";

#[test]
fn credentials_are_given_once_and_by_the_best_scheme() {
    with_every_split(|split| {
        let mut bench = Bench::with_credentials(split);
        bench.command(ClientSession::describe);
        let first = bench.answer("401 Unauthorized", &[BASIC, DIGEST], "");
        assert_eq!(header(&first, "Authorization"), None);
        let second = bench.answer("200 OK", &[], "");
        let proof = header(&second, "Authorization").unwrap();
        assert!(proof.starts_with("Digest "), "{proof}");
        assert!(
            proof.contains("username=\"ann\"") && proof.contains("nc=00000001"),
            "{proof}"
        );
        assert_ne!(
            header(&first, "CSeq"),
            header(&second, "CSeq"),
            "each has its own number"
        );
        // The next request has its own proof at once.
        let describe = bench.answer("401 Unauthorized", &[DIGEST], "");
        assert!(
            header(&describe, "Authorization")
                .unwrap()
                .contains("nc=00000002")
        );
        // A nonce may be old without `stale`, so it is tried again, but only once.
        bench.answer("401 Unauthorized", &[DIGEST], "");
        let SessionError::Unauthorized {
            had_credentials, ..
        } = bench.failure()
        else {
            panic!()
        };
        assert!(had_credentials);
        assert!(bench.sent.is_empty());
    });
}

#[test]
fn without_credentials_a_challenge_is_the_end_and_the_url_keeps_its_secret() {
    let mut bench = Bench::new(usize::MAX);
    bench.command(ClientSession::describe);
    let request = bench.answer("401 Unauthorized", &[BASIC], "");
    assert!(!request.contains("secret"), "{request}");
    let SessionError::Unauthorized {
        had_credentials, ..
    } = bench.failure()
    else {
        panic!()
    };
    assert!(!had_credentials);
}

#[test]
fn wrong_and_missing_sequence_numbers() {
    // Missing, and of a request that never was.
    for cseq in ["", "CSeq: 77\r\n", "CSeq: x\r\n"] {
        let mut bench = Bench::new(1);
        bench.command(ClientSession::describe);
        bench.request();
        bench.arrives(format!("RTSP/1.0 200 OK\r\n{cseq}\r\n"));
        assert!(bench.request().starts_with("DESCRIBE "), "{cseq}");

        let mut config = SessionConfig::default();
        config.connection.cseq = CseqPolicy::Strict;
        let mut bench = Bench::with(1, config);
        bench.command(ClientSession::describe);
        bench.request();
        bench.arrives(format!("RTSP/1.0 200 OK\r\n{cseq}\r\n"));
        assert!(bench.sent.is_empty(), "{cseq}");
    }
}

#[test]
fn a_response_that_comes_twice_answers_nothing_else() {
    let mut bench = Bench::new(usize::MAX);
    bench.play();
    bench.passes(Duration::from_secs(10));
    let keepalive = bench.request();
    bench.command(ClientSession::pause);
    let pause = bench.request();
    let ok = response(&keepalive, "200 OK", &[], "");
    bench.arrives(&ok);
    assert!(bench.events.is_empty());
    bench.arrives(response(&pause, "200 OK", &[], ""));
    assert!(matches!(bench.event(), Event::Paused));
    bench.arrives(&ok);
    assert!(bench.events.is_empty());
}

#[test]
fn silence_is_an_error_after_the_timeout() {
    let mut bench = Bench::new(usize::MAX);
    bench.command(ClientSession::describe);
    bench.request();
    bench.passes(Duration::from_secs(9));
    assert!(bench.events.is_empty());
    bench.passes(Duration::from_secs(1));
    assert!(matches!(bench.failure(), SessionError::NoResponse { .. }));
    // It comes too late.
    bench.arrives("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    assert!(bench.sent.is_empty() && bench.events.is_empty());
}

#[test]
fn a_provisional_response_buys_time() {
    let mut bench = Bench::new(1);
    bench.command(ClientSession::describe);
    let options = bench.request();
    bench.passes(Duration::from_secs(9));
    bench.arrives(response(&options, "100 Continue", &[], ""));
    bench.passes(Duration::from_secs(9));
    assert!(bench.events.is_empty());
    bench.arrives(response(&options, "200 OK", &[], ""));
    assert!(bench.request().starts_with("DESCRIBE "));
}

#[test]
fn servers_without_options_are_asked_all_the_same() {
    let mut bench = Bench::new(usize::MAX);
    bench.command(ClientSession::describe);
    bench.answer("501 Not Implemented", &[], "");
    assert!(bench.request().starts_with("DESCRIBE "));
}

#[test]
fn refusals_carry_status_and_reason() {
    let mut bench = Bench::new(usize::MAX);
    bench.command(ClientSession::describe);
    bench.answer("200 OK", &[], "");
    bench.answer("404 Stream Not Found", &[], "");
    let error = bench.failure();
    assert_eq!(
        error.to_string(),
        "the server refused DESCRIBE: 404 Stream Not Found"
    );
}

#[test]
fn descriptions_that_are_none() {
    for body in ["", "<html>", "v=0\r\n"] {
        let mut bench = Bench::new(usize::MAX);
        bench.command(ClientSession::describe);
        bench.answer("200 OK", &[], "");
        bench.answer("200 OK", &[], body);
        match bench.event() {
            Event::Failed(SessionError::Misbehaved { .. } | SessionError::Description(_)) => {}
            // What can be mended is: an empty presentation.
            Event::Described => assert!(bench.session.description().unwrap().media.is_empty()),
            other => panic!("{body:?} {other:?}"),
        }
    }
}

#[test]
fn redirections_keep_credentials_at_home_and_encryption_on() {
    let mut bench = Bench::with_credentials(usize::MAX);
    bench.command(ClientSession::describe);
    bench.answer("302 Found", &["Location: rtsp://other.example/x"], "");
    let Event::Redirected(redirect) = bench.event() else {
        panic!()
    };
    assert!(!redirect.same_host);
    assert!(bench.sent.is_empty());

    let mut bench = Bench::new(usize::MAX);
    bench.command(ClientSession::describe);
    bench.answer("302 Found", &[], "");
    assert!(matches!(
        bench.failure(),
        SessionError::Redirect(RedirectError::NoLocation)
    ));
}

#[test]
fn a_connection_that_closes_fails_what_is_open() {
    let mut bench = Bench::new(usize::MAX);
    bench.command(ClientSession::describe);
    bench.eof();
    assert!(matches!(bench.failure(), SessionError::NoResponse { .. }));
    assert_eq!(bench.closed, Some(CloseReason::ByPeer));
    // Nothing more comes of it, and nothing panics.
    assert!(bench.session.describe(bench.now).is_ok());
    bench.arrives("");
    bench.passes(Duration::from_secs(60));
}

#[test]
fn commands_out_of_place_are_refused_and_change_nothing() {
    let mut bench = Bench::new(usize::MAX);
    let now = bench.now;
    let play = PlayRequest::resume();
    assert!(matches!(
        bench.session.play(now, &play),
        Err(SessionError::Misuse { .. })
    ));
    assert!(bench.session.teardown(now).is_err());
    bench.command(ClientSession::describe);
    assert!(bench.session.describe(now).is_err(), "one step at a time");
    bench.answer("200 OK", &[], "");
    bench.answer("200 OK", &["Content-Type: application/sdp"], SDP);
    bench.event();
    let request = TransportRequest::Interleaved { rtp: 0, rtcp: 1 };
    assert!(
        bench.session.setup(now, 2, request).is_err(),
        "there is no such media"
    );
}

#[test]
fn noise_is_survived_or_ends_the_connection_but_never_hangs() {
    with_every_split(|split| {
        let mut bench = Bench::new(split);
        bench.play();
        bench.arrives("\r\n\r\n");
        bench.arrives(b"$\x00\x00\x03abc");
        bench.arrives("nonsense without end\r\n\r\n");
        bench.arrives(b"$\x01\x00\x03def");
        assert_eq!(bench.frames.first(), Some(&(0, b"abc".to_vec())));
        assert!(bench.closed.is_some() || bench.frames.contains(&(1, b"def".to_vec())));
    });
}

#[test]
fn r2_tls_07_nobody_tells_us_whom_to_trust() {
    use rtsp_msg::headers::AcceptCredentials;
    use rtsp_msg::{Header, Leniency};

    let credential = "User \"rtsps://proxy.example/\";sha-256;exaIl9VMbQMOFGClx5rXnPJKVNI=";
    for text in ["User", "Proxy", "Any", credential] {
        let read = AcceptCredentials::decode(&mut std::iter::once(text), &Leniency::strict());
        assert!(read.is_ok(), "{text}: {read:?}");
        let mut bench = Bench::new(usize::MAX);
        bench.play();
        let asked = "GET_PARAMETER rtsp://cam.example/live RTSP/2.0\r\nCSeq: 7\r\nSession: abc\r\n";
        bench.arrives(format!("{asked}Accept-Credentials: {text}\r\n\r\n"));
        assert!(bench.request().starts_with("RTSP/2.0 400 "), "{text}");
        bench.arrives(format!("{asked}\r\n"));
        assert!(bench.request().starts_with("RTSP/2.0 200 "));
    }
    let read = |text| AcceptCredentials::decode(&mut std::iter::once(text), &Leniency::strict());
    assert!(matches!(
        read("Everybody"),
        Ok(AcceptCredentials::Other(..))
    ));
    assert!(read("").is_err());
}
