//! OPTIONS of a path, feature tags, versions.

use crate::{FILM, House, ask};

#[tokio::test]
async fn r2_opt_04_05_r2_hdr_11_r2_code_12_options_of_a_path() {
    let house = House::new().await;
    let mut peer = house.peer("RTSP/2.0").await;
    for path in ["/live", FILM] {
        let answer = ask(&mut peer, "OPTIONS", path, "").await.expect(200);
        assert_eq!(answer.header("Allow"), None, "all of Public");
        let media = format!("{path}/trackID=0");
        let answer = ask(&mut peer, "OPTIONS", &media, "").await.expect(200);
        let allow = answer.expect_header("Allow");
        assert!(
            allow.contains("SETUP") && !allow.contains("DESCRIBE"),
            "{allow}"
        );
        let refused = ask(&mut peer, "DESCRIBE", &media, "").await.expect(405);
        assert_eq!(refused.expect_header("Allow"), allow, "R2-CODE-12");
    }
    for path in ["/none", "/files/none.mp4"] {
        ask(&mut peer, "OPTIONS", path, "").await.expect(404);
    }
    // RTSP/1.0 peers ask before they publish.
    peer.version = "RTSP/1.0";
    let answer = ask(&mut peer, "OPTIONS", "/none", "").await.expect(200);
    assert!(answer.expect_header("Public").contains("ANNOUNCE"));
    assert_eq!(answer.header("Allow"), None);
    let answer = ask(&mut peer, "OPTIONS", "/live", "").await.expect(200);
    let allow = answer.expect_header("Allow");
    assert!(
        allow.contains("SETUP") && !allow.contains("ANNOUNCE"),
        "{allow}"
    );
}

#[tokio::test]
async fn r2_cap_02_03_07_08_09_16_r1_hdr_04_06_r2_code_46_feature_tags() {
    let house = House::new().await;
    for version in crate::BOTH {
        let mut peer = house.peer(version).await;
        for (path, code) in [("/live", 200), ("/none", 404)] {
            let answer = ask(&mut peer, "DESCRIBE", path, "Supported: play.scale\r\n").await;
            assert!(
                answer
                    .expect(code)
                    .expect_header("Supported")
                    .contains("play.basic")
            );
        }
        ask(&mut peer, "DESCRIBE", "/live", "Require: play.basic\r\n")
            .await
            .expect(200);
        let refused = ask(
            &mut peer,
            "DESCRIBE",
            "/live",
            "Require: play.basic, foo, bar\r\n",
        )
        .await;
        assert_eq!(refused.expect(551).expect_header("Unsupported"), "foo, bar");
        let code = if version == "RTSP/1.0" { 551 } else { 200 };
        ask(&mut peer, "DESCRIBE", "/live", "Proxy-Require: foo\r\n")
            .await
            .expect(code);
    }
}

#[tokio::test]
async fn r2_ver_04_06_r1_ver_02_answers_have_the_version_of_the_request() {
    let house = House::new().await;
    let mut peer = house.peer("RTSP/1.0").await;
    for version in crate::BOTH {
        peer.version = version;
        for (path, code) in [("/live", 200), ("/none", 404)] {
            let answer = ask(&mut peer, "DESCRIBE", path, "").await.expect(code);
            assert!(answer.first_line.starts_with(&format!("{version} ")));
        }
    }
}
