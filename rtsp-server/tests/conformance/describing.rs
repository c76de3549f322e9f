//! DESCRIBE and the description.

use crate::{Live, VERSIONS, ask, track};

#[tokio::test]
async fn r2_desc_01_02_05_07_r1_desc_01_the_description_is_whole() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        // Without Accept: any type.
        let answer = ask(&mut peer, "DESCRIBE").await.expect(200);
        assert_eq!(answer.expect_header("Content-Type"), "application/sdp");
        assert_eq!(
            answer.expect_header("Content-Length"),
            answer.body.len().to_string()
        );
        assert!(answer.header("Session").is_none());
        let media: Vec<&str> = answer.text().split("\r\nm=").skip(1).collect();
        assert_eq!(media.len(), 2);
        for one in media {
            let payload_type: u8 = one
                .lines()
                .next()
                .unwrap()
                .rsplit(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            let mapped = one.contains(&format!("a=rtpmap:{payload_type} "));
            assert!(
                mapped || payload_type < 96,
                "a dynamic type is mapped: {one}"
            );
            assert_eq!(one.matches("a=control:").count(), 1, "{one}");
        }
        assert!(
            answer.text().contains("sprop-parameter-sets="),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn r2_sess_04_no_session_in_describe_within_a_session_either() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        crate::ready(&mut peer).await;
        let answer = ask(&mut peer, "DESCRIBE").await.expect(200);
        assert!(answer.header("Session").is_none(), "{answer:#?}");
    }
}

#[tokio::test]
async fn r2_desc_06_r1_desc_04_r2_code_13_accept_is_respected() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let uri = peer.uri("/live");
        for (accept, status) in [
            ("application/x", 406),
            ("application/sdp;q=0, */*", 406),
            ("text/html", 406),
            ("application/sdp", 200),
            ("text/html, application/sdp", 200),
            ("application/*", 200),
            ("*/*", 200),
        ] {
            let answer = peer
                .ask("DESCRIBE", &uri, &format!("Accept: {accept}\r\n"))
                .await;
            assert_eq!(answer.status(), status, "{accept}");
            let kind = answer.expect_header("Content-Type");
            // What there is instead (RFC 7826 §17.4.7).
            let (expected, says) = match status {
                406 => ("text/plain;charset=utf-8", "application/sdp"),
                _ => ("application/sdp", "m=video"),
            };
            assert_eq!(kind, expected, "{accept}");
            assert!(answer.text().contains(says), "{accept}");
        }
    }
}

#[tokio::test]
async fn r2_desc_03_08_r1_desc_03_r2_setup_10_r2_sdp_01_controls_lead_back_here() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let answer = ask(&mut peer, "DESCRIBE").await.expect(200);
        let base = answer.expect_header("Content-Base").to_owned();
        assert!(base.starts_with(&peer.uri("/live")), "{base}");
        let (session, media) = answer.text().split_once("\r\nm=").unwrap();
        assert!(session.contains("\r\na=control:*"), "{session}");
        let controls: Vec<String> = media
            .lines()
            .filter_map(|line| line.strip_prefix("a=control:"))
            .map(str::to_owned)
            .collect();
        assert_eq!(controls.len(), 2);
        let mut seen = vec![base.clone()];
        for (number, control) in controls.iter().enumerate() {
            // By RFC 3986: a base that ends in a slash, and a name below it.
            assert!(
                base.ends_with('/') && !control.contains(':') && !control.starts_with('/'),
                "{base} {control}"
            );
            let uri = format!("{base}{control}");
            assert!(!seen.contains(&uri));
            let channels = format!(
                "RTP/AVP/TCP;unicast;interleaved={}-{}",
                number * 2,
                number * 2 + 1
            );
            peer.setup(&uri, &channels).await.expect(200);
            seen.push(uri);
        }
        peer.ask("PLAY", &base, "").await.expect(200);
    }
}

#[tokio::test]
async fn r1_sdp_03_04_06_07_09_10_lines_that_must_be_there() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let answer = ask(&mut peer, "DESCRIBE").await.expect(200);
        let lines: Vec<&str> = answer.text().split("\r\n").collect();
        assert!(lines.contains(&"t=0 0"), "{lines:#?}");
        assert!(lines.contains(&"c=IN IP4 0.0.0.0"), "{lines:#?}");
        for line in lines.iter().filter(|line| line.starts_with("m=")) {
            assert_eq!(line.split(' ').nth(1), Some("0"), "{line}");
        }
        assert!(lines.contains(&"a=rtpmap:96 H264/90000"));
        let controls = lines
            .iter()
            .filter(|line| line.starts_with("a=control:trackID="))
            .count();
        assert_eq!(controls, 2);
    }
}

#[tokio::test]
async fn r2_code_11_what_is_not_there_is_404() {
    let live = Live::new().await;
    for version in VERSIONS {
        let mut peer = live.peer(version).await;
        let nothing = peer.uri("/nothing");
        peer.ask("DESCRIBE", &nothing, "").await.expect(404);
        peer.setup(&format!("{nothing}/trackID=0"), crate::TCP)
            .await
            .expect(404);
        let uri = track(&peer, 7);
        peer.setup(&uri, crate::TCP).await.expect(404);
    }
}

#[tokio::test]
async fn r2_uri_05_r1_ver_06_paths_are_opaque() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let other = peer.uri("/LIVE");
    peer.ask("DESCRIBE", &other, "").await.expect(404);
    let mut peer = live.peer("RTSP/1.0").await;
    let query = peer.uri("/live?x=1");
    peer.ask("DESCRIBE", &query, "").await.expect(200);
    // Scheme and host in any case.
    let loud = peer.uri("/live").replace("rtsp://", "RTSP://");
    peer.ask("DESCRIBE", &loud, "").await.expect(200);
}

#[tokio::test]
async fn r2_hdr_10_any_language_will_do() {
    let live = Live::new().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = peer.uri("/live");
    peer.ask("DESCRIBE", &uri, "").await.expect(200);
    peer.ask("DESCRIBE", &uri, "Accept-Language: da, *;q=0.5\r\n")
        .await
        .expect(200);
}
