//! Which headers stand in our requests: RFC 7826, Figures 2 to 5.

use rtsp_session::client::{ClientSession, PlayRequest};
use std::collections::BTreeSet;

use crate::script::{Script, header};

/// Header, where, rights of proxies, method, presence.
const MATRIX: &str = include_str!("../../../xtask/conformance/header_matrix.tsv");

/// The presence of a header in a request of a client's.
fn presence(name: &str, method: &str) -> Option<&'static str> {
    let cell = MATRIX.lines().skip(1).find_map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let fits = cells[0].eq_ignore_ascii_case(name)
            && cells[3] == method
            && matches!(cells[1], "R" | "G" | "Gc" | "R,c");
        fits.then_some(cells[4])
    });
    // `o/-`: from clients, from servers.
    cell.map(|cell| cell.split_once('/').map_or(cell, |(client, _)| client))
}

/// R2-HDR-01, R2-HDR-02, R2-HDR-31: each request has what it must have, and nothing that does not apply.
#[test]
fn requests_keep_to_the_figures() {
    let mut script = Script::of("RTSP/2.0");
    script.describe();
    script.setup(0, "Session: abcdefgh\r\n");
    script.play();
    script.command(ClientSession::pause);
    script.answer("200 OK", "", "");
    script.command(|session, now| session.play(now, &PlayRequest::resume()));
    script.answer("200 OK", "", "");
    script.command(|session, now| session.ask_parameters(now, &["a"]));
    script.answer("200 OK", "", "");
    script.command(ClientSession::teardown);
    let names: BTreeSet<&str> = MATRIX
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .collect();
    let mut methods = BTreeSet::new();
    for request in &script.all {
        let method = request.split(' ').next().unwrap();
        methods.insert(method.to_owned());
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        for line in head.split("\r\n").skip(1) {
            let name = line.split(':').next().unwrap();
            let applies = presence(name, method) != Some("-");
            assert!(applies, "{name} does not apply to {method}: {request}");
        }
        for name in &names {
            let needed = match presence(name, method) {
                Some("m" | "m*") => true,
                Some("*") => !body.is_empty(),
                _ => false,
            };
            let there = header(request, name).is_some();
            assert!(!needed || there, "{name} is missing: {request}");
        }
        assert_eq!(header(request, "Connection"), None, "{request}");
    }
    for method in [
        "OPTIONS",
        "DESCRIBE",
        "SETUP",
        "PLAY",
        "PAUSE",
        "GET_PARAMETER",
        "TEARDOWN",
    ] {
        assert!(methods.contains(method), "{method} in {methods:?}");
    }
}
