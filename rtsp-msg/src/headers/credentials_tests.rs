use alloc::string::ToString;

use super::super::lex::tests::{decode, decode_lines, decode_strict, encoded};
use super::*;

fn digest() -> DigestCredentials {
    DigestCredentials {
        username: "Mufasa".into(),
        realm: "a, \"b\"".into(),
        nonce: "7ypf/xlj".into(),
        uri: "rtsp://h/a?b,c".into(),
        response: "8ca523f5e9506fed4657c9700eebdbec".into(),
        ..DigestCredentials::default()
    }
}

#[test]
fn r1_auth_08_credentials_round_trip() {
    let full = DigestCredentials {
        opaque: Some("FQhe/qaU".into()),
        algorithm: Some(Algorithm::Sha256),
        qop: Some(Qop::Auth),
        nc: Some(0x1f),
        cnonce: Some("f2/wE4q7".into()),
        userhash: true,
        ..digest()
    };
    let cases = [
        (
            "Basic dXNlcjpwYTpzcw==",
            Authorization::Basic {
                username: "user".into(),
                password: "pa:ss".into(),
            },
        ),
        (
            "Basic Og==",
            Authorization::Basic {
                username: String::new(),
                password: String::new(),
            },
        ),
        (
            "Digest username=\"Mufasa\", realm=\"a, \\\"b\\\"\", nonce=\"7ypf/xlj\", uri=\"rtsp://h/a?b,c\", response=\"8ca523f5e9506fed4657c9700eebdbec\"",
            Authorization::Digest(digest()),
        ),
        (
            "Digest username=\"Mufasa\", realm=\"a, \\\"b\\\"\", nonce=\"7ypf/xlj\", uri=\"rtsp://h/a?b,c\", response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=SHA-256, cnonce=\"f2/wE4q7\", opaque=\"FQhe/qaU\", qop=auth, nc=0000001f, userhash=true",
            Authorization::Digest(full),
        ),
        (
            "Bearer eyJ-._~+/a=",
            Authorization::Bearer {
                token: "eyJ-._~+/a=".into(),
            },
        ),
        (
            "Negotiate",
            Authorization::Other {
                scheme: "Negotiate".into(),
            },
        ),
    ];
    for (text, value) in cases {
        assert_eq!(
            decode_strict::<Authorization>(text).as_ref(),
            Ok(&value),
            "{text}"
        );
        assert_eq!(encoded(&value), text);
    }
}

#[test]
fn ffmpegs_form_is_read() {
    let text = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"rtsp://h/\", response=\"0\", algorithm=\"MD5\", cnonce=\"c\", qop=\"auth\", nc=00000001";
    let Ok(Authorization::Digest(digest)) = decode::<Authorization>(text) else {
        panic!("{text}")
    };
    assert_eq!(
        (digest.algorithm, digest.qop, digest.nc),
        (Some(Algorithm::Md5), Some(Qop::Auth), Some(1))
    );
}

#[test]
fn user_names_in_extended_notation() {
    let text = "Digest username*=UTF-8''J%C3%A4s%C3%B8n, realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\"";
    let Ok(Authorization::Digest(digest)) = decode::<Authorization>(text) else {
        panic!("{text}")
    };
    assert_eq!(digest.username, "Jäsøn");
}

#[test]
fn malformed_credentials_are_refused() {
    for text in [
        "",
        "Basic",
        "Basic !!!!",
        "Basic dXNlcg==",
        "Basic dXNlcjpwYXNz=",
        "Basic /////w==",
        "Digest",
        "Digest username=\"u\"",
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"u\"",
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0",
        "Digest username=\"u\", username=\"v\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\"",
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\", nc=1",
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\", nc=+0000001",
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\", qop=x",
        "D\u{fc}gest a=b",
    ] {
        assert!(decode::<Authorization>(text).is_err(), "{text}");
    }
    let flood = (0..10_000).fold(String::from("Digest "), |text, n| {
        text + "p" + &n.to_string() + "=1,"
    });
    assert_eq!(
        decode::<Authorization>(&flood).unwrap_err().kind,
        HeaderErrorKind::TooMany
    );
    assert_eq!(
        decode_lines::<Authorization>(&["Basic Og==", "Basic YTo="])
            .unwrap_err()
            .kind,
        HeaderErrorKind::Repeated
    );
    let long = "A".repeat(64 * 1024);
    assert!(decode::<Authorization>(&("Basic ".to_string() + &long)).is_err());
}

#[test]
fn debug_shows_no_secret() {
    let basic = Authorization::Basic {
        username: "user".into(),
        password: "hunter2".into(),
    };
    assert!(!format!("{basic:?}").contains("hunter2"));
    assert!(!format!("{:?}", Authorization::Digest(digest())).contains("8ca523f5"));
}

#[test]
fn authentication_info_round_trips() {
    let text = "nextnonce=\"n\", rspauth=\"0a\", cnonce=\"c\", qop=auth, nc=00000002";
    let value = decode_strict::<AuthenticationInfo>(text).unwrap();
    assert_eq!((value.nextnonce.as_deref(), value.nc), (Some("n"), Some(2)));
    assert_eq!(encoded(&value), text);
}
