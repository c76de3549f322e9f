//! GET_PARAMETER and SET_PARAMETER.

use std::{collections::HashMap, sync::Mutex};

use rtsp_server::{Config, Handler, ParameterError, Scope, Server, ServerHandle};

use crate::{
    BOTH, FILM, House, ask, npt,
    peer::{Message, Peer},
    setup,
    source::{Source, address, av},
};

/// Values of each session, and a few that cannot be changed.
#[derive(Default)]
struct Values(Mutex<HashMap<String, String>>);

fn key(scope: &Scope<'_>, name: &str) -> String {
    format!(
        "{} {} {name}",
        scope.path,
        scope.session.unwrap_or_default()
    )
}

impl Handler for Values {
    fn parameter(&self, scope: &Scope<'_>, name: &str) -> Option<String> {
        match name {
            "path" => Some(scope.path.to_owned()),
            "a" | "b" => {
                let values = self.0.lock().unwrap();
                Some(values.get(&key(scope, name)).cloned().unwrap_or_default())
            }
            _ => None,
        }
    }

    fn set_parameters(
        &self,
        scope: &Scope<'_>,
        values: &[(&str, &str)],
    ) -> Result<(), ParameterError> {
        let names = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
            let names = values.iter().map(|(name, _)| *name);
            names
                .filter(|name| wanted(name))
                .map(str::to_owned)
                .collect()
        };
        let unknown = names(&|name| !["a", "b", "path"].contains(&name));
        let fixed = names(&|name| name == "path");
        if !unknown.is_empty() {
            return Err(ParameterError::Unknown(unknown));
        }
        if !fixed.is_empty() {
            return Err(ParameterError::ReadOnly(fixed));
        }
        let mut all = self.0.lock().unwrap();
        for (name, value) in values {
            all.insert(key(scope, name), (*value).to_owned());
        }
        Ok(())
    }
}

async fn server() -> (ServerHandle, Source) {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.threads = 2;
    let server = Server::start_with(config, Values::default()).await.unwrap();
    let source = Source::tcp(&server, "/live", &av()).await;
    (server, source)
}

async fn ready(server: &ServerHandle, version: &'static str) -> Peer {
    let mut peer = Peer::connect(address(server)).await;
    peer.version = version;
    setup(&mut peer, "/live", 0, "").await.expect(200);
    peer
}

async fn parameters(peer: &mut Peer, method: &str, kind: &str, body: &str) -> Message {
    let uri = peer.uri("/live");
    let header = match kind {
        "" => String::new(),
        kind => format!("Content-Type: {kind}\r\n"),
    };
    peer.ask_with(method, &uri, &header, body.as_bytes()).await
}

const TEXT: &str = "text/parameters";

#[tokio::test]
async fn r2_getp_01_03_04_r2_setp_01_02_03_05_08_r1_gsp_03_04_values_come_and_go() {
    let (server, _source) = server().await;
    for version in BOTH {
        let mut one = ready(&server, version).await;
        let mut two = ready(&server, version).await;
        for _ in 0..2 {
            let answer = parameters(&mut one, "SET_PARAMETER", TEXT, "a: 1\r\nb: x: y\r\n").await;
            assert!(answer.expect(200).body.is_empty());
        }
        let answer = parameters(&mut one, "GET_PARAMETER", TEXT, "a\r\nb\r\npath\r\n")
            .await
            .expect(200);
        assert_eq!(answer.text(), "a: 1\r\nb: x: y\r\npath: /live\r\n");
        assert_eq!(answer.expect_header("Content-Type"), TEXT);
        // Another session has others.
        let answer = parameters(&mut two, "GET_PARAMETER", TEXT, "a\r\n").await;
        assert_eq!(answer.expect(200).text(), "a: \r\n");
        // All or none.
        let answer = parameters(
            &mut one,
            "SET_PARAMETER",
            TEXT,
            "a: 2\r\npath: /x\r\nb: 2\r\n",
        )
        .await;
        assert_eq!(answer.expect(458).text(), "path\r\n");
        let answer = parameters(&mut one, "GET_PARAMETER", TEXT, "a\r\nb\r\n").await;
        assert_eq!(answer.text(), "a: 1\r\nb: x: y\r\n");
    }
}

#[tokio::test]
async fn r2_getp_05_r2_setp_04_07_r2_code_20_27_r1_gsp_02_05_07_what_cannot_be_is_named() {
    let (server, _source) = server().await;
    for version in BOTH {
        let mut peer = ready(&server, version).await;
        let answer = parameters(&mut peer, "GET_PARAMETER", TEXT, "x\r\na\r\ny\r\n")
            .await
            .expect(451);
        assert_eq!(answer.text(), "x\r\ny\r\n");
        assert_eq!(answer.expect_header("Content-Type"), TEXT);
        let body = "Transport: RTP/AVP;unicast\r\na: 1\r\n";
        let answer = parameters(&mut peer, "SET_PARAMETER", TEXT, body).await;
        assert_eq!(answer.expect(451).text(), "Transport\r\n");
        let answer = parameters(&mut peer, "SET_PARAMETER", TEXT, "path: x\r\n").await;
        assert_eq!(answer.expect(458).text(), "path\r\n");
        parameters(&mut peer, "SET_PARAMETER", TEXT, "no value\r\n")
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn r2_getp_02_r2_setp_06_r2_code_19_other_types_are_415() {
    let (server, _source) = server().await;
    let mut peer = ready(&server, "RTSP/2.0").await;
    for method in ["GET_PARAMETER", "SET_PARAMETER"] {
        for kind in ["application/json", "image/png"] {
            parameters(&mut peer, method, kind, "a: 1")
                .await
                .expect(415);
        }
    }
    // RTSP/1.0 peers leave the type out.
    parameters(&mut peer, "GET_PARAMETER", "", "a\r\n")
        .await
        .expect(200);
}

#[tokio::test]
async fn a_server_without_parameters_knows_none() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", "/live").await;
    let answer = parameters(&mut peer, "GET_PARAMETER", TEXT, "packets\r\n").await;
    assert_eq!(answer.expect(451).text(), "packets\r\n");
    let answer = parameters(&mut peer, "SET_PARAMETER", TEXT, "packets: 1\r\n").await;
    assert_eq!(answer.expect(451).text(), "packets\r\n");
    // R2-GETP-06, R2-LIVE-05, R1-GSP-01: without a body it is a sign of life.
    for method in ["GET_PARAMETER", "SET_PARAMETER"] {
        ask(&mut peer, method, "/live", "").await.expect(200);
    }
}

#[tokio::test]
async fn r2_getp_07_08_10_r2_play_26_r2_media_01_09_empty_headers_are_questions() {
    let house = House::new().await;
    let mut peer = house.ready("RTSP/2.0", FILM).await;
    let all = "Accept-Ranges:\r\nMedia-Properties:\r\nMedia-Range:\r\nRange:\r\nRTP-Info:\r\n";
    let answer = ask(&mut peer, "GET_PARAMETER", FILM, all).await.expect(200);
    assert_eq!(
        answer.expect_header("Accept-Ranges"),
        "npt, smpte, smpte-25, smpte-30-drop"
    );
    assert_eq!(
        answer.expect_header("Media-Properties"),
        "Random-Access, Immutable, Unlimited, Scales=\"-8:-0.5, 0.5:8\""
    );
    assert_eq!(npt(answer.expect_header("Media-Range")).0, 0.0);
    assert_eq!(npt(answer.expect_header("Range")).0, 0.0);
    assert_eq!(answer.expect_header("RTP-Info"), "", "nothing flows");
    ask(&mut peer, "PLAY", FILM, "Range: npt=2-9\r\n")
        .await
        .expect(200);
    peer.frame_on(2).await;
    let answer = ask(&mut peer, "GET_PARAMETER", FILM, "RTP-Info:\r\n")
        .await
        .expect(200);
    let (start, end) = npt(answer.expect_header("Range"));
    assert!((1.0..9.0).contains(&start) && end == 9.0, "{start}-{end}");
    assert!(
        answer
            .expect_header("RTP-Info")
            .contains("trackID=1\" ssrc=")
    );
    assert_eq!(answer.header("Media-Range"), None, "not asked for");

    // Live media reach further and further.
    let mut peer = house.ready("RTSP/2.0", "/live").await;
    let mut before = -1.0;
    for _ in 0..2 {
        let answer = ask(&mut peer, "GET_PARAMETER", "/live", "Media-Range:\r\n").await;
        let (_, end) = npt(answer.expect(200).expect_header("Media-Range"));
        assert!(end > before, "{end}");
        before = end;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
