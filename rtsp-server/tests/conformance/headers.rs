//! Which headers stand in which messages: RFC 7826, Figures 2 to 5, held against what a server writes.

use std::collections::BTreeSet;

use rtsp_server::{Config, Decision, Elsewhere, Handler, Request, Server, ServerHandle};

use crate::{
    Live, TCP, VERSIONS, ask, ask_track,
    peer::{Event, Message, Peer},
    source::{Source, address, av, server_with},
    track,
};

/// Header, where, rights of proxies, method, presence.
const MATRIX: &str = include_str!("../../../xtask/conformance/header_matrix.tsv");
/// RFC 7826 §18.12: what is between two neighbours, and may be named by Connection.
const HOP_BY_HOP: [&str; 2] = ["close", "keep-alive"];

/// The presence that the figures give a header in the response with this status to this method; the row for the status before the
/// one for all.
fn presence(header: &str, method: &str, status: u16) -> Option<&'static str> {
    let class = |kind: &str| match kind {
        "r" | "G" | "Gc" | "R,c" | "c" => Some(0),
        "3rr" => ((300..400).contains(&status) && status != 304).then_some(1),
        "4xx,5xx" => (status >= 400).then_some(1),
        "R" => None,
        codes => codes
            .split(',')
            .any(|code| code == status.to_string() || (code == "3rr" && status / 100 == 3))
            .then_some(2),
    };
    MATRIX
        .lines()
        .skip(1)
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let fits = cells[0].eq_ignore_ascii_case(header) && cells[3] == method;
            fits.then_some((class(cells[1])?, cells[4]))
        })
        .max_by_key(|(rank, _)| *rank)
        .map(|(_, presence)| presence)
}

/// Holds one response against the figures.
#[track_caller]
fn hold(method: &str, response: &Message) {
    let status = response.status();
    for (name, value) in &response.headers {
        // RFC 7826 §17.4.19 puts Allow into 455, which the figures do not know.
        // Who answers a client's REDIRECT is a server, which the figures do not expect.
        let by_text = status == 455 && name == "Allow" || name == "Server" && method == "REDIRECT";
        assert!(
            by_text || presence(name, method, status) != Some("-"),
            "{name} does not apply to {method} {status}: {response:#?}"
        );
        if name == "Connection" {
            let options: Vec<_> = value
                .split(',')
                .map(|one| one.trim().to_ascii_lowercase())
                .collect();
            assert!(
                options.iter().all(|one| HOP_BY_HOP.contains(&one.as_str())),
                "{value}"
            );
        }
        if name == "Expires" {
            panic!("R2-HDR-21: nothing here expires: {response:#?}");
        }
        // R2-HDR-08: no body is coded, and none says that it is.
        assert_ne!(name, "Content-Encoding");
    }
    let headers: BTreeSet<&str> = MATRIX
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .collect();
    for name in headers {
        let needed = match presence(name, method, status) {
            // What an error is about may be what would have been told.
            Some("m") => {
                status < 300
                    || !matches!(
                        name,
                        "Session"
                            | "Transport"
                            | "Range"
                            | "Accept-Ranges"
                            | "Media-Properties"
                            | "Seek-Style"
                            | "Public"
                    )
            }
            Some("*") => !response.body.is_empty(),
            // §18.21: a server that has a clock sends it with all; §18.30: with every SETUP.
            Some("o/*") => name == "Date",
            _ => false,
        };
        // Seek-Style is the answer to a seek, and Timestamp to a Timestamp.
        let asked = !matches!(name, "Seek-Style" | "Timestamp");
        assert!(
            !needed || !asked || response.header(name).is_some(),
            "{name} is missing in {method} {status}: {response:#?}"
        );
    }
    match status {
        405 | 455 => assert!(!response.expect_header("Allow").is_empty()),
        501 => assert!(!response.expect_header("Public").is_empty()),
        551 => assert!(!response.expect_header("Unsupported").is_empty()),
        _ => {}
    }
}

/// A conversation in which every method is answered, well and badly.
async fn talk(peer: &mut Peer) -> Vec<(&'static str, Message)> {
    let mut told = Vec::new();
    let live = peer.uri("/live");
    let nothing = peer.uri("/nothing");
    let one = track(peer, 0);
    for (method, uri, headers) in [
        ("OPTIONS", &live, ""),
        ("OPTIONS", &nothing, ""),
        ("OPTIONS", &one, ""),
        ("DESCRIBE", &live, "Supported: a.b\r\nTimestamp: 1.5\r\n"),
        ("DESCRIBE", &live, "Accept: text/html\r\n"),
        ("DESCRIBE", &live, "Accept-Encoding: *;q=0\r\n"),
        ("DESCRIBE", &live, "If-None-Match: *\r\n"),
        ("DESCRIBE", &nothing, ""),
        ("DESCRIBE", &one, ""),
        (
            "SETUP",
            &live,
            "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
        ),
        ("SETUP", &one, "Transport: RTP/AVP;multicast\r\n"),
        ("SETUP", &one, "Transport: nonsense\r\n"),
        ("SETUP", &one, ""),
        (
            "SETUP",
            &one,
            "Require: x.y\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
        ),
        ("PLAY", &live, ""),
        ("PAUSE", &live, ""),
        ("TEARDOWN", &live, ""),
        ("GET_PARAMETER", &live, ""),
        ("SET_PARAMETER", &live, ""),
        ("REDIRECT", &live, ""),
    ] {
        told.push((method, peer.ask(method, uri, headers).await));
    }
    for method in ["GET_PARAMETER", "SET_PARAMETER"] {
        for kind in ["text/parameters", "image/png"] {
            let headers = format!("Content-Type: {kind}\r\n");
            let body = b"unknown: 1\r\n";
            told.push((method, peer.ask_with(method, &live, &headers, body).await));
        }
    }
    told.push(("SETUP", peer.setup(&one, TCP).await));
    told.push(("PAUSE", ask_track(peer, "PAUSE", 0).await));
    let seek = [
        ("PLAY", "Range: smpte=00:00:10-\r\n"),
        ("PLAY", "Range: npt=99999-\r\n"),
        ("PLAY", "Scale: 0\r\n"),
        ("PLAY", ""),
        ("PLAY", "Seek-Style: RAP\r\n"),
        ("PAUSE", ""),
    ];
    for (method, headers) in seek {
        told.push((method, peer.ask(method, &live, headers).await));
    }
    for method in [
        "OPTIONS",
        "DESCRIBE",
        "GET_PARAMETER",
        "SET_PARAMETER",
        "TEARDOWN",
        "PLAY",
    ] {
        told.push((method, ask(peer, method).await));
    }
    told
}

/// R2-HDR-01, R2-HDR-02, R2-HDR-08, R2-HDR-21, R2-HDR-31: each answer has what it must have, and nothing that does not apply.
#[tokio::test]
async fn answers_keep_to_the_figures() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let told = talk(&mut peer).await;
    for (method, response) in &told {
        hold(method, response);
    }
    let statuses = |method: &str| -> BTreeSet<u16> {
        let of = told.iter().filter(|(known, _)| *known == method);
        of.map(|(_, response)| response.status()).collect()
    };
    // The conversation went where it was meant to go.
    assert!(
        statuses("DESCRIBE").is_superset(&[200, 304, 404, 405, 406].into()),
        "{:?}",
        statuses("DESCRIBE")
    );
    assert!(
        statuses("SETUP").is_superset(&[200, 400, 459, 461, 551].into()),
        "{:?}",
        statuses("SETUP")
    );
    assert!(
        statuses("PLAY").is_superset(&[200, 454, 456].into()),
        "{:?}",
        statuses("PLAY")
    );
    for method in [
        "OPTIONS",
        "PAUSE",
        "TEARDOWN",
        "GET_PARAMETER",
        "SET_PARAMETER",
    ] {
        assert!(statuses(method).contains(&200), "{method}");
    }
    assert!(statuses("SET_PARAMETER").is_superset(&[415, 451].into()));
    assert!(statuses("REDIRECT").contains(&501));
}

/// R2-HDR-01, R2-HDR-02, R2-HDR-31: what the server asks itself.
#[tokio::test]
async fn requests_of_the_server_keep_to_the_figures() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    peer.play_tcp("/live", 1).await;
    live.server.shutdown().await;
    let mut seen = BTreeSet::new();
    for event in peer.until_closed().await {
        let Event::Message(message) = event else {
            continue;
        };
        let method = message.first_line.split(' ').next().unwrap().to_owned();
        seen.insert(method.clone());
        for (name, _) in &message.headers {
            let cell = of_request(name, &method);
            assert!(
                cell != Some("-"),
                "{name} does not apply to {method}: {message:#?}"
            );
        }
        let headers: BTreeSet<&str> = MATRIX
            .lines()
            .skip(1)
            .filter_map(|line| line.split('\t').next())
            .collect();
        for name in headers {
            if of_request(name, &method) == Some("m") {
                message.expect_header(name);
            }
        }
    }
    assert!(
        seen.contains("TEARDOWN") || seen.contains("PLAY_NOTIFY"),
        "{seen:?}"
    );
}

/// The presence of a header in a request of the server's.
fn of_request(header: &str, method: &str) -> Option<&'static str> {
    let cell = MATRIX.lines().skip(1).find_map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let fits = cells[0].eq_ignore_ascii_case(header)
            && cells[3] == method
            && matches!(cells[1], "R" | "G" | "Gc" | "R,c");
        fits.then_some(cells[4])
    });
    // `-/o`: from clients, from servers.
    cell.map(|cell| cell.split_once('/').map_or(cell, |(_, server)| server))
}

/// R2-HDR-01: what does not apply is not there at all.
#[tokio::test]
async fn what_does_not_apply_to_a_request_is_ignored() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = peer.uri("/live");
    // A session that is none, a tag that is none, a size that is none, a coding that is none.
    peer.ask(
        "DESCRIBE",
        &uri,
        "Session: nobodysnobodys\r\nIf-Match: x\r\nContent-Encoding: gzip\r\nPipelined-Requests: 7\r\nRange: x\r\n",
    )
    .await
    .expect(200);
    peer.ask(
        "OPTIONS",
        &uri,
        "If-Match: x\r\nBlocksize: 0\r\nTransport: x\r\n",
    )
    .await
    .expect(200);
    let one = track(&peer, 0);
    peer.ask(
        "SETUP",
        &one,
        &format!("Transport: {TCP}\r\nRange: npt=99-\r\nScale: 0\r\nAccept: text/html\r\nConference: x\r\n"),
    )
    .await
    .expect(200);
    let answer = peer.setup(&one, TCP).await;
    answer.expect(200);
    for (method, headers) in [
        (
            "PLAY",
            "Transport: x\r\nIf-None-Match: *\r\nAccept-Ranges: smpte\r\n",
        ),
        (
            "PAUSE",
            "Range: clock=19961108T142300Z-\r\nBlocksize: 0\r\nScale: 0\r\nSpeed: x\r\n",
        ),
        (
            "GET_PARAMETER",
            "Blocksize: 0\r\nScale: 0\r\nTransport: x\r\n",
        ),
        (
            "TEARDOWN",
            "Range: npt=99-\r\nBlocksize: 0\r\nTransport: x\r\n",
        ),
    ] {
        peer.ask(method, &uri, headers).await.expect(200);
    }
}

#[tokio::test]
async fn r2_setup_19_allow_tells_what_a_media_has_not() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let described = ask(&mut peer, "DESCRIBE").await.expect(200);
    assert_eq!(described.header("Allow"), None, "a presentation has all");
    let one = track(&peer, 0);
    let answer = peer.setup(&one, TCP).await.expect(200);
    let allow: BTreeSet<&str> = answer.expect_header("Allow").split(", ").collect();
    // A media is not described.
    let session = peer.session.take();
    let refused = peer.ask("DESCRIBE", &one, "").await.expect(405);
    assert_eq!(
        refused
            .expect_header("Allow")
            .split(", ")
            .collect::<BTreeSet<_>>(),
        allow
    );
    peer.session = session;
    assert!(!allow.contains("DESCRIBE"));
    for method in [
        "OPTIONS",
        "SETUP",
        "PLAY",
        "PAUSE",
        "TEARDOWN",
        "GET_PARAMETER",
        "SET_PARAMETER",
    ] {
        assert!(allow.contains(method), "{method}");
    }
}

#[tokio::test]
async fn r2_cache_07_a_description_has_its_own_location() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let own = peer.uri("/live");
        for (path, location) in [
            ("/live", None),
            ("/live/", Some(&own)),
            ("/live?quality=2", Some(&own)),
        ] {
            let uri = peer.uri(path);
            let answer = peer.ask("DESCRIBE", &uri, "").await.expect(200);
            assert_eq!(
                answer.header("Content-Location"),
                location.map(String::as_str),
                "{path}"
            );
            // What controls are relative to is said apart (§18.18).
            assert!(answer.expect_header("Content-Base").starts_with(&uri));
            if let Some(location) = location {
                let again = peer.ask("DESCRIBE", location, "").await.expect(200);
                assert_eq!(again.header("MTag").is_some(), version == "RTSP/2.0");
                assert_eq!(again.header("MTag"), answer.header("MTag"));
            }
        }
    }
}

/// Paths that were there, and paths that are elsewhere.
struct Moved;

impl Handler for Moved {
    fn authorize(&self, request: &Request<'_>, _: &Config) -> Decision {
        let elsewhere = || "rtsp://other.example:8554".to_owned();
        match request.path {
            "/gone" => Decision::Gone,
            "/for-good" => Decision::Elsewhere(Elsewhere::Permanently(elsewhere())),
            "/for-now" => Decision::Elsewhere(Elsewhere::Temporarily(
                "rtsp://other.example/x?y".to_owned(),
            )),
            "/by-proxy" => Decision::Elsewhere(Elsewhere::ThroughProxy(elsewhere())),
            "/mistaken" => Decision::Elsewhere(Elsewhere::Permanently("nowhere".to_owned())),
            "/private" => Decision::Deny("not for anybody"),
            _ => Decision::Allow,
        }
    }
}

async fn moved() -> (ServerHandle, Peer) {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.threads = 1;
    config.users = vec![rtsp_server::Credentials::new("ann", "secret")];
    let server = Server::start_with(config, Moved).await.expect("a server");
    let peer = Peer::connect(address(&server)).await;
    (server, peer)
}

/// R2-CODE-02, R2-CODE-06, R2-CODE-16, R2-HDR-02: what the embedder says of a path, with what each status needs.
#[tokio::test]
async fn paths_that_are_gone_or_elsewhere() {
    let (_server, mut peer) = moved().await;
    for version in VERSIONS {
        peer.version = version;
        for (path, status, location) in [
            ("/gone", 410, None),
            ("/nothing", 404, None),
            ("/for-good", 301, Some("rtsp://other.example:8554/for-good")),
            ("/for-now", 302, Some("rtsp://other.example/x?y")),
            ("/by-proxy", 305, Some("rtsp://other.example:8554")),
            ("/mistaken", 500, None),
        ] {
            for method in ["DESCRIBE", "SETUP"] {
                let uri = peer.uri(path);
                let headers = format!("Transport: {TCP}\r\n");
                let answer = peer.ask(method, &uri, &headers).await.expect(status);
                assert_eq!(answer.header("Location"), location, "{path}");
                assert!(status == 500 || answer.body.is_empty(), "{answer:#?}");
                if version == "RTSP/2.0" {
                    hold(method, &answer);
                }
            }
        }
    }
    // A publisher is told the same.
    peer.version = "RTSP/1.0";
    let uri = peer.uri("/gone");
    peer.ask_with(
        "ANNOUNCE",
        &uri,
        "Content-Type: application/sdp\r\n",
        av().as_bytes(),
    )
    .await
    .expect(410);
}

#[tokio::test]
async fn r2_code_10_credentials_do_not_help_against_403() {
    let (_server, mut peer) = moved().await;
    for version in VERSIONS {
        peer.version = version;
        let uri = peer.uri("/private");
        for headers in ["", "Authorization: Basic YW5uOnNlY3JldA==\r\n"] {
            let answer = peer.ask("DESCRIBE", &uri, headers).await.expect(403);
            assert_eq!(answer.header("WWW-Authenticate"), None);
        }
    }
}

#[tokio::test]
async fn r2_code_18_a_bound_of_the_moment_says_when() {
    for (retry, told) in [(None, None), (Some(90), Some("90"))] {
        let server = server_with(|config| {
            config.limits.body = 4096;
            config.limits.body_retry_after = retry.map(std::time::Duration::from_secs);
        })
        .await;
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = "RTSP/2.0";
        let uri = peer.uri("/x");
        let request = peer.request("SET_PARAMETER", &uri, "Content-Length: 5000\r\n", b"");
        peer.send(&request).await;
        let answer = peer.response("a body that is too large").await.expect(413);
        assert!(answer.first_line.starts_with("RTSP/2.0 "), "{answer:#?}");
        assert_eq!(answer.header("Retry-After"), told);
    }
}

#[tokio::test]
async fn r2_code_22_more_than_there_is_to_give_is_453() {
    let server = server_with(|config| config.limits.bandwidth = 1_000_000).await;
    // The sound says 64 kbit/s already.
    let told = av().replace("\r\na=rtpmap:96", "\r\nb=TIAS:600000\r\na=rtpmap:96");
    assert_eq!(told.matches("\r\nb=").count(), 2, "{told}");
    let _source = Source::tcp(&server, "/live", &told).await;
    for (before, version) in VERSIONS.into_iter().enumerate() {
        let mut one = Peer::connect(address(&server)).await;
        let mut two = Peer::connect(address(&server)).await;
        one.version = version;
        two.version = version;
        let (video, audio) = (track(&one, 0), track(&one, 1));
        one.setup(&video, TCP).await.expect(200);
        // The same again is no more than before.
        one.setup(&video, TCP).await.expect(200);
        let refused = two.setup(&video, TCP).await.expect(453);
        assert_eq!(refused.header("Session"), None);
        two.setup(&audio, TCP).await.expect(200);
        let refused = server.refused(rtsp_server::Limit::Bandwidth);
        assert_eq!(refused, before as u64 + 1);
        let uri = one.uri("/live");
        one.ask("TEARDOWN", &uri, "").await.expect(200);
        two.setup(&video, "RTP/AVP/TCP;unicast;interleaved=2-3")
            .await
            .expect(200);
        two.ask("TEARDOWN", &uri, "").await.expect(200);
    }
}

#[tokio::test]
async fn r2_cond_06_a_date_counts_for_nothing_beside_a_tag_that_does_not_match() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = peer.uri("/live");
    let described = ask(&mut peer, "DESCRIBE").await.expect(200);
    let (tag, modified) = (
        described.expect_header("MTag"),
        described.expect_header("Last-Modified"),
    );
    for (headers, status) in [
        (format!("If-Modified-Since: {modified}\r\n"), 304),
        (format!("If-None-Match: {tag}\r\n"), 304),
        (
            format!("If-None-Match: \"other\"\r\nIf-Modified-Since: {modified}\r\n"),
            200,
        ),
    ] {
        peer.ask("DESCRIBE", &uri, &headers).await.expect(status);
    }
}
