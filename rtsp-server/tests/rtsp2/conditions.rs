//! If-Match, If-None-Match, If-Modified-Since.

use crate::{BOTH, FILM, House, ask, setup};

#[tokio::test]
async fn r2_cond_04_10_r2_code_05_a_description_that_the_peer_has_is_not_sent_again() {
    let house = House::new().await;
    for path in ["/live", FILM] {
        let mut peer = house.peer("RTSP/2.0").await;
        let described = ask(&mut peer, "DESCRIBE", path, "").await.expect(200);
        let tag = described.expect_header("MTag").to_owned();
        assert!(described.text().contains(&format!("\r\na=mtag:{tag}\r\n")));
        let header = format!("If-None-Match: \"other\", {tag}\r\n");
        let answer = ask(&mut peer, "DESCRIBE", path, &header).await.expect(304);
        assert_eq!(answer.expect_header("MTag"), tag);
        answer.expect_header("Date");
        assert!(answer.body.is_empty() && answer.header("Content-Type").is_none());
        ask(&mut peer, "DESCRIBE", path, "If-None-Match: \"other\"\r\n")
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn r2_cond_01_02_05_08_r1_setup_08_a_setup_may_depend_on_the_description() {
    let house = House::new().await;
    for path in ["/live", FILM] {
        let mut peer = house.peer("RTSP/2.0").await;
        let described = ask(&mut peer, "DESCRIBE", path, "").await.expect(200);
        let tag = described.expect_header("MTag").to_owned();
        for (header, code) in [
            ("If-Match: \"wrong\"\r\n".to_owned(), 412),
            (format!("If-None-Match: {tag}\r\n"), 412),
            (format!("If-Match: {tag}\r\nIf-None-Match: \"x\"\r\n"), 400),
            ("If-Match: *\r\n".to_owned(), 200),
        ] {
            peer.session = None;
            let answer = setup(&mut peer, path, 0, &header).await.expect(code);
            assert_eq!(answer.header("Session").is_some(), code == 200, "{header}");
        }
        // What was refused took no channels: they are there for the next media.
        let answer = setup(&mut peer, path, 1, &format!("If-Match: {tag}\r\n"))
            .await
            .expect(200);
        assert_eq!(
            answer.parameter("Transport", "interleaved").as_deref(),
            Some("2-3")
        );
    }
    let mut peer = house.peer("RTSP/1.0").await;
    setup(&mut peer, "/live", 0, "If-Match: \"wrong\"\r\n")
        .await
        .expect(412);
}

#[tokio::test]
async fn r2_cond_03_07_r1_desc_05_dates() {
    let house = House::new().await;
    for version in BOTH {
        let mut peer = house.peer(version).await;
        let described = ask(&mut peer, "DESCRIBE", "/live", "").await.expect(200);
        let modified = described.expect_header("Last-Modified").to_owned();
        let header = format!("If-Modified-Since: {modified}\r\n");
        let answer = ask(&mut peer, "DESCRIBE", "/live", &header)
            .await
            .expect(304);
        assert!(answer.body.is_empty());
        let answer = setup(&mut peer, "/live", 0, &header).await.expect(304);
        assert_eq!(answer.header("Session"), None);
        let long_ago = "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
        ask(&mut peer, "DESCRIBE", "/live", long_ago)
            .await
            .expect(200);
        // A request that would fail does so.
        ask(&mut peer, "DESCRIBE", "/none", "If-None-Match: *\r\n")
            .await
            .expect(404);
    }
}
