//! SETUP, PLAY, PAUSE, TEARDOWN, and what a session is.

use std::collections::HashSet;

use crate::{
    Live, TCP, TCP_TOO, VERSIONS, ask, ask_track,
    peer::{Pair, Peer},
    ready, track,
};

const METHODS: [&str; 6] = [
    "PLAY",
    "PAUSE",
    "TEARDOWN",
    "OPTIONS",
    "GET_PARAMETER",
    "SET_PARAMETER",
];

#[tokio::test]
async fn r2_opt_01_r1_opt_01_r2_sm_13_options_in_every_state_changes_nothing() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        ask(&mut peer, "OPTIONS").await.expect(200);
        ready(&mut peer).await;
        for method in ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER"] {
            let answer = ask(&mut peer, method).await.expect(200);
            assert!(method != "OPTIONS" || !answer.expect_header("Public").is_empty());
        }
        // Still ready: it plays.
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
        for method in ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER"] {
            ask(&mut peer, method).await.expect(200);
            live.reaches(&mut peer, 0).await;
        }
        // And a publisher that is asked goes on publishing.
        if version == "RTSP/1.0" {
            live.source.peer.sync().await;
            ask(&mut live.source.peer, "OPTIONS").await.expect(200);
            live.reaches(&mut peer, 0).await;
        }
    }
}

#[tokio::test]
async fn r2_opt_03_r2_cap_01_r2_uri_14_r1_opt_02_r1_meth_02_public_says_what_there_is() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        for uri in [
            "*".to_owned(),
            peer.uri(""),
            peer.uri("/"),
            peer.uri("/live"),
            track(&peer, 0),
        ] {
            let answer = peer.ask("OPTIONS", &uri, "").await.expect(200);
            let public: Vec<&str> = answer.expect_header("Public").split(", ").collect();
            let mut expected = vec![
                "OPTIONS",
                "DESCRIBE",
                "SETUP",
                "PLAY",
                "PAUSE",
                "TEARDOWN",
                "GET_PARAMETER",
                "SET_PARAMETER",
            ];
            if version == "RTSP/1.0" {
                expected.extend(["ANNOUNCE", "RECORD"]);
            }
            for method in &expected {
                assert!(public.contains(method), "{uri}: {method} in {public:?}");
            }
            assert_eq!(public.len(), expected.len(), "{public:?}");
            assert!(!uri.ends_with('*') || answer.header("Allow").is_none());
        }
        // Each of them is there: none is answered 501.
        for method in [
            "DESCRIBE",
            "SETUP",
            "PLAY",
            "PAUSE",
            "TEARDOWN",
            "GET_PARAMETER",
            "SET_PARAMETER",
        ] {
            assert_ne!(ask(&mut peer, method).await.status(), 501, "{method}");
        }
    }
}

#[tokio::test]
async fn r2_opt_06_r2_sess_01_03_session_comes_back() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        ready(&mut peer).await;
        let id = peer.session.clone().unwrap();
        for method in [
            "PLAY",
            "PAUSE",
            "PLAY",
            "OPTIONS",
            "GET_PARAMETER",
            "SET_PARAMETER",
        ] {
            let answer = ask(&mut peer, method).await.expect(200);
            assert_eq!(
                answer.expect_header("Session").split(';').next(),
                Some(id.as_str()),
                "{method}"
            );
        }
    }
}

#[tokio::test]
async fn r2_sess_05_r2_setup_17_r2_code_23_r2_play_01_28_r1_sid_05_no_session_is_454() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        for method in ["PLAY", "PAUSE", "TEARDOWN"] {
            let answer = ask(&mut peer, method).await.expect(454);
            assert!(answer.header("Session").is_none());
        }
        peer.session = Some("bogus1234".into());
        for method in METHODS {
            let answer = ask(&mut peer, method).await.expect(454);
            assert!(answer.header("Session").is_none(), "{method}");
        }
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, TCP).await.expect(454);
        assert!(answer.header("Session").is_none() && answer.header("Transport").is_none());
        // No session was made, and no channel taken.
        peer.session = None;
        let answer = peer.setup(&uri, TCP).await.expect(200);
        assert_eq!(
            answer.parameter("Transport", "interleaved").as_deref(),
            Some("0-1")
        );
    }
}

#[tokio::test]
async fn r2_setup_01_r2_sess_08_r1_sid_01_04_r2_sid_01_02_05_r1_auth_05_ids_are_new_and_random() {
    let live = Live::new().await;
    let mut ids = Vec::new();
    for _ in 0..60 {
        let mut peer = live.peer("RTSP/2.0").await;
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, TCP).await.expect(200);
        let id = answer
            .expect_header("Session")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        assert!(
            (22..=128).contains(&id.len()),
            "128 bits need 22 characters: {id}"
        );
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"$-_.+".contains(&byte)),
            "{id}"
        );
        ids.push(id);
    }
    let all: HashSet<&String> = ids.iter().collect();
    assert_eq!(all.len(), ids.len());
    // No prefix or progression: at each of the random places there are many different characters.
    for place in 0..22 {
        let letters: HashSet<u8> = ids.iter().map(|id| id.as_bytes()[place]).collect();
        assert!(letters.len() > 20, "place {place}: {} of 60", letters.len());
    }
    let mut sorted = ids.clone();
    sorted.sort();
    assert_ne!(sorted, ids);
}

#[tokio::test]
async fn r2_sess_08_one_peers_teardown_leaves_the_other() {
    let mut live = Live::new().await;
    let (mut one, mut other) = (live.peer("RTSP/2.0").await, live.peer("RTSP/2.0").await);
    ready(&mut one).await;
    ready(&mut other).await;
    assert_ne!(one.session, other.session);
    ask(&mut other, "PLAY").await.expect(200);
    ask(&mut one, "TEARDOWN").await.expect(200);
    live.reaches(&mut other, 0).await;
}

#[tokio::test]
async fn r2_sid_06_ids_are_case_sensitive() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    ready(&mut peer).await;
    let id = peer.session.clone().unwrap();
    let swap = |letter: char| match letter {
        letter if letter.is_ascii_lowercase() => letter.to_ascii_uppercase(),
        letter => letter.to_ascii_lowercase(),
    };
    let at = id
        .find(|letter: char| letter.is_ascii_alphabetic())
        .unwrap();
    let other: String = id
        .char_indices()
        .map(|(place, letter)| if place == at { swap(letter) } else { letter })
        .collect();
    peer.session = Some(other);
    ask(&mut peer, "PLAY").await.expect(454);
    peer.session = Some(id);
    ask(&mut peer, "PLAY").await.expect(200);
}

#[tokio::test]
async fn r2_setup_02_r1_setup_01_04_r2_sm_01_02_04_a_second_setup_joins() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        let first = peer.setup(&uri, TCP).await.expect(200);
        let uri = track(&peer, 1);
        let second = peer.setup(&uri, TCP_TOO).await.expect(200);
        assert_eq!(
            first.expect_header("Session"),
            second.expect_header("Session"),
            "R2-LIVE-03: the timeout too"
        );
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
    }
}

#[tokio::test]
async fn r2_setup_16_one_of_two_media_is_enough() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        peer.setup(&uri, TCP).await.expect(200);
        let answer = ask(&mut peer, "PLAY").await.expect(200);
        assert!(
            !answer
                .header("RTP-Info")
                .unwrap_or_default()
                .contains("trackID=1")
        );
        live.reaches(&mut peer, 0).await;
    }
}

#[tokio::test]
async fn r2_setup_03_a_failed_setup_leaves_all_as_it_was() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let (video, audio) = (track(&peer, 0), track(&peer, 1));
        peer.setup(&video, TCP).await.expect(200);
        // In Ready: neither the media that is there nor the session changes.
        for uri in [&video, &audio] {
            let answer = peer.setup(uri, "RTP/FOO;unicast").await.expect(461);
            assert!(answer.header("Transport").is_none());
        }
        peer.setup(&format!("{}/trackID=9", peer.uri("/live")), TCP_TOO)
            .await
            .expect(404);
        let answer = peer.setup(&audio, TCP_TOO).await.expect(200);
        assert_eq!(
            answer.parameter("Transport", "interleaved").as_deref(),
            Some("2-3")
        );
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
        // In Play.
        assert!(peer.setup(&video, "RTP/FOO;unicast").await.status() >= 400);
        live.reaches(&mut peer, 0).await;
    }
}

#[tokio::test]
async fn r2_setup_15_a_transport_may_change_in_ready() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let pair = Pair::local().await;
        let uri = track(&peer, 0);
        let udp = match version {
            "RTSP/1.0" => pair.transport(),
            _ => format!(
                "RTP/AVP;unicast;dest_addr=\":{}\"/\":{}\"",
                pair.port(),
                pair.port() + 1
            ),
        };
        peer.setup(&uri, &udp).await.expect(200);
        let answer = peer.setup(&uri, TCP).await.expect(200);
        assert_eq!(
            answer.parameter("Transport", "interleaved").as_deref(),
            Some("0-1")
        );
        ask(&mut peer, "PLAY").await.expect(200);
        for _ in 0..3 {
            live.reaches(&mut peer, 0).await;
        }
        let mut buffer = [0; 1500];
        let stray = pair.rtp.try_recv(&mut buffer);
        assert!(stray.is_err(), "nothing goes the old way");
    }
}

#[tokio::test]
async fn r2_setup_12_r2_trans_33_r1_setup_02_r2_sm_08_r2_code_24_r1_hdr_10_what_cannot_change_in_play_is_455()
 {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        let (video, audio) = (track(&peer, 0), track(&peer, 1));
        peer.setup(&video, TCP).await.expect(200);
        ask(&mut peer, "PLAY").await.expect(200);
        // A media more; and for the one that plays, connections that it would have to wait for.
        let mut refused = vec![(&audio, TCP_TOO)];
        if version == "RTSP/2.0" {
            refused.push((
                &video,
                "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=active;connection=new",
            ));
        }
        for (uri, offer) in refused {
            let answer = peer.setup(uri, offer).await.expect(455);
            let allow = answer.expect_header("Allow");
            assert!(
                allow.contains("PAUSE") && allow.contains("TEARDOWN") && !allow.contains("SETUP"),
                "{allow}"
            );
            live.reaches(&mut peer, 0).await;
        }
    }
}

#[tokio::test]
async fn r2_code_28_r2_meth_05_r1_setup_07_setup_is_for_one_media() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let uri = peer.uri("/live");
        let answer = peer.setup(&uri, TCP).await.expect(459);
        assert!(answer.header("Session").is_none());
    }
}

#[tokio::test]
async fn r2_play_19_r2_pause_02_r2_code_29_r1_play_10_one_media_of_an_aggregate_is_460() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        ready(&mut peer).await;
        ask_track(&mut peer, "PLAY", 0).await.expect(460);
        // Still ready.
        ask(&mut peer, "PLAY").await.expect(200);
        ask_track(&mut peer, "PAUSE", 0).await.expect(460);
        live.reaches(&mut peer, 0).await;
    }
}

#[tokio::test]
async fn r2_tear_02_r1_tear_01_03_r2_sm_09_a_session_that_is_torn_down_is_gone() {
    for version in VERSIONS {
        for playing in [false, true] {
            let live = Live::new().await;
            let mut peer = live.peer(version).await;
            ready(&mut peer).await;
            if playing {
                ask(&mut peer, "PLAY").await.expect(200);
            }
            let answer = ask(&mut peer, "TEARDOWN").await.expect(200);
            assert!(answer.header("Session").is_none(), "{answer:#?}");
            for method in METHODS {
                ask(&mut peer, method).await.expect(454);
            }
            // What it had is free.
            peer.session = None;
            ready(&mut peer).await;
        }
    }
}

#[tokio::test]
async fn r2_tear_03_05_r1_tear_02_r2_sm_03_one_media_goes_and_the_session_stays() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        ready(&mut peer).await;
        let id = peer.session.clone().unwrap();
        let answer = ask_track(&mut peer, "TEARDOWN", 1).await.expect(200);
        assert_eq!(
            answer.expect_header("Session").split(';').next(),
            Some(id.as_str())
        );
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
        ask(&mut peer, "PAUSE").await.expect(200);
        let answer = ask_track(&mut peer, "TEARDOWN", 0).await.expect(200);
        assert!(
            answer.header("Session").is_none(),
            "the last media takes the session with it"
        );
        ask(&mut peer, "PLAY").await.expect(454);
    }
}

#[tokio::test]
async fn r2_tear_04_one_media_of_an_aggregate_in_play() {
    let mut live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    ready(&mut peer).await;
    ask(&mut peer, "PLAY").await.expect(200);
    let answer = ask_track(&mut peer, "TEARDOWN", 1).await.expect(455);
    assert!(answer.expect_header("Allow").contains("TEARDOWN"));
    live.reaches(&mut peer, 0).await;
    // RTSP/1.0 has no such rule: the stream is freed (RFC 2326 §10.7).
    let mut peer = live.peer("RTSP/1.0").await;
    ready(&mut peer).await;
    ask(&mut peer, "PLAY").await.expect(200);
    ask_track(&mut peer, "TEARDOWN", 1).await.expect(200);
    live.reaches(&mut peer, 0).await;
}

#[tokio::test]
async fn r2_msg_18_r2_setp_05_answers_to_these_have_no_body() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, TCP).await.expect(200);
        assert_eq!(
            (answer.body.len(), answer.header("Content-Type")),
            (0, None)
        );
        for method in ["OPTIONS", "PLAY", "PAUSE", "SET_PARAMETER", "TEARDOWN"] {
            let answer = ask(&mut peer, method).await.expect(200);
            assert_eq!(
                (answer.body.len(), answer.header("Content-Type")),
                (0, None),
                "{method}"
            );
        }
    }
}

#[tokio::test]
async fn r2_rtpi_01_02_03_04_06_r1_play_11_rtp_info_names_what_comes_first() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let first = live.send().await;
        live.source.peer.sync().await;
        let mut peer = live.peer(version).await;
        let uri = track(&peer, 0);
        peer.setup(&uri, TCP).await.expect(200);
        let answer = ask(&mut peer, "PLAY").await.expect(200);
        let sequence = u16::from_be_bytes([first[2], first[3]]);
        let timestamp = u32::from_be_bytes([first[4], first[5], first[6], first[7]]);
        let ssrc = u32::from_be_bytes([first[8], first[9], first[10], first[11]]);
        let expected = match version {
            "RTSP/1.0" => format!("url={uri};seq={sequence};rtptime={timestamp}"),
            _ => format!("url=\"{uri}\" ssrc={ssrc:08X}:seq={sequence};rtptime={timestamp}"),
        };
        assert_eq!(answer.expect_header("RTP-Info"), expected);
        assert_eq!(peer.frame_on(0).await, first, "and it does come first");
    }
}

#[tokio::test]
async fn r1_sm_04_what_a_state_does_not_have_is_455() {
    let mut live = Live::new().await;
    let publisher: &mut Peer = &mut live.source.peer;
    let uri = publisher.uri("/live");
    let answer = publisher.ask("PLAY", &uri, "").await.expect(455);
    assert!(answer.expect_header("Allow").contains("TEARDOWN"));
    let mut peer = live.peer("RTSP/1.0").await;
    ask(&mut peer, "PAUSE").await.expect(454);
    ready(&mut peer).await;
    ask(&mut peer, "RECORD").await.expect(455);
}

#[tokio::test]
async fn r1_sm_07_teardown_of_nothing_does_no_harm() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/1.0").await;
    ask(&mut peer, "TEARDOWN").await.expect(454);
    ready(&mut peer).await;
}

#[tokio::test]
async fn r1_play_03_play_while_playing_changes_nothing() {
    let mut live = Live::new().await;
    let mut peer = live.peer("RTSP/1.0").await;
    ready(&mut peer).await;
    ask(&mut peer, "PLAY").await.expect(200);
    live.reaches(&mut peer, 0).await;
    let before = live.send().await;
    ask(&mut peer, "PLAY").await.expect(200);
    let after = live.send().await;
    assert_eq!(peer.frame_on(0).await, before);
    assert_eq!(
        peer.frame_on(0).await,
        after,
        "nothing twice, nothing left out"
    );
}

#[tokio::test]
async fn r2_sm_06_pause_stops_and_play_goes_on() {
    for version in VERSIONS {
        let mut live = Live::new().await;
        let mut peer = live.peer(version).await;
        ready(&mut peer).await;
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
        ask(&mut peer, "PAUSE").await.expect(200);
        live.send().await;
        live.source.peer.sync().await;
        // Whatever was sent before this answer would stand before it.
        ask(&mut peer, "GET_PARAMETER").await.expect(200);
        ask(&mut peer, "PLAY").await.expect(200);
        live.reaches(&mut peer, 0).await;
    }
}
