//! RTSP/2.0, RTSP/1.0, and how it is found out which.

use super::*;

fn config(version: VersionPolicy) -> SessionConfig {
    SessionConfig {
        version,
        ..SessionConfig::default()
    }
}

fn probing(version: VersionPolicy, split: usize) -> Bench {
    let mut bench = Bench::with(split, config(version));
    bench.command(ClientSession::describe);
    bench
}

/// Answers a probe with another version in the status line.
fn answer(bench: &mut Bench, version: &str, status: &str) -> String {
    let request = bench.request();
    let response = response(&request, status, &["Public: DESCRIBE"], "");
    bench.arrives(response.replace("RTSP/1.0", version));
    request
}

#[test]
fn cameras_are_asked_in_1_0() {
    let mut bench = probing(VersionPolicy::default(), 1);
    let options = answer(&mut bench, "RTSP/1.0", "200 OK");
    assert!(options.starts_with("OPTIONS rtsp://cam.example/live RTSP/1.0\r\n"));
    assert_eq!(header(&options, "Supported"), None);
    assert!(bench.request().contains(" RTSP/1.0\r\n"));
    assert_eq!(bench.session.version(), rtsp_msg::Version::V1_0);
}

#[test]
fn a_server_of_2_0_stays_with_it() {
    with_every_split(|split| {
        for policy in [VersionPolicy::V2_0, VersionPolicy::Negotiate] {
            let mut bench = probing(policy, split);
            let options = answer(&mut bench, "RTSP/2.0", "200 OK");
            assert!(options.starts_with("OPTIONS rtsp://cam.example/live RTSP/2.0\r\n"));
            let supported = header(&options, "Supported").unwrap();
            assert!(supported.split(", ").any(|tag| tag == "play.basic"));
            let describe = bench.request();
            assert!(describe.starts_with("DESCRIBE rtsp://cam.example/live RTSP/2.0\r\n"));
            assert_eq!(bench.session.version(), rtsp_msg::Version::V2_0);
        }
    });
}

#[test]
fn r2_ver_07_a_status_line_of_1_0_or_505_leads_to_1_0() {
    with_every_split(|split| {
        // What is known already is not asked again.
        let mut bench = probing(VersionPolicy::Negotiate, split);
        answer(&mut bench, "RTSP/1.0", "200 OK");
        assert!(
            bench
                .request()
                .starts_with("DESCRIBE rtsp://cam.example/live RTSP/1.0\r\n")
        );
        assert_eq!(bench.session.methods(), [rtsp_msg::Method::Describe]);

        for (version, status) in [
            ("RTSP/1.0", "505 RTSP Version Not Supported"),
            ("RTSP/2.0", "505 RTSP Version Not Supported"),
            ("RTSP/1.0", "400 Bad Request"),
            ("RTSP/2.0", "400 Bad Request"),
        ] {
            let mut bench = probing(VersionPolicy::Negotiate, split);
            let probe = answer(&mut bench, version, status);
            assert!(probe.starts_with("OPTIONS rtsp://cam.example/live RTSP/2.0\r\n"));
            let again = answer(&mut bench, "RTSP/1.0", "200 OK");
            assert!(again.starts_with("OPTIONS rtsp://cam.example/live RTSP/1.0\r\n"));
            assert!(
                bench
                    .request()
                    .starts_with("DESCRIBE rtsp://cam.example/live RTSP/1.0\r\n")
            );
            assert!(bench.events.is_empty());

            // Or it stops.
            let mut bench = probing(VersionPolicy::V2_0, split);
            answer(&mut bench, version, status);
            assert_eq!(bench.failure(), SessionError::VersionRefused);
            assert!(bench.sent.is_empty());
        }
    });
}

#[test]
fn other_refusals_of_options_say_nothing_about_the_version() {
    let mut bench = probing(VersionPolicy::Negotiate, 1);
    answer(&mut bench, "RTSP/2.0", "404 Not Found");
    assert!(bench.request().contains(" RTSP/2.0\r\n"));
}

#[test]
fn a_probe_may_end_the_connection() {
    with_every_split(|split| {
        for policy in [VersionPolicy::V2_0, VersionPolicy::Negotiate] {
            let mut bench = probing(policy, split);
            bench.eof();
            assert_eq!(bench.failure(), SessionError::VersionRefused);

            let mut bench = probing(policy, split);
            bench.passes(Duration::from_secs(10));
            assert_eq!(bench.failure(), SessionError::VersionRefused);

            let mut bench = probing(policy, split);
            bench.arrives("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(bench.failure(), SessionError::VersionRefused);
            bench.passes(Duration::from_secs(60));
            assert!(bench.events.is_empty(), "once");
        }
        // A connection that has spoken before it closed is no matter of versions, nor is one of 1.0.
        let mut bench = probing(VersionPolicy::Negotiate, split);
        bench.arrives("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n");
        bench.eof();
        assert!(matches!(bench.failure(), SessionError::NoResponse { .. }));
        let mut bench = probing(VersionPolicy::V1_0, split);
        bench.eof();
        assert!(matches!(bench.failure(), SessionError::NoResponse { .. }));
    });
}

#[test]
fn publishing_needs_1_0() {
    let description = sdp::Description::parse(SDP.as_bytes()).unwrap();
    let mut bench = Bench::with(1, config(VersionPolicy::Negotiate));
    bench.command(|session, now| session.announce(now, description.clone()));
    assert!(
        bench
            .request()
            .starts_with("OPTIONS rtsp://cam.example/live RTSP/1.0\r\n")
    );
    let mut bench = Bench::with(1, config(VersionPolicy::V2_0));
    let refused = bench.session.announce(bench.now, description);
    assert!(matches!(refused, Err(SessionError::Misuse { .. })));
}
