use super::*;
use rtsp_msg::{Method, StatusCode, Uri, Version};

fn play() -> Request {
    Request::new(Method::Play, Uri::parse("rtsp://h").unwrap(), Version::V1_0)
}

fn unauthorized(lines: &[&str]) -> Response {
    let mut response = Response::new(Version::V1_0, StatusCode::UNAUTHORIZED);
    for line in lines {
        response.headers.append(HeaderName::WwwAuthenticate, line);
    }
    response
}

fn chosen(lines: &[&str]) -> Option<String> {
    let mut answerer = Answerer::new(Credentials::new("u", "p"));
    match answerer.challenged(&unauthorized(lines)) {
        Challenged::Retry => answerer.chosen.map(|challenge| format!("{challenge:?}")),
        _ => None,
    }
}

#[test]
fn r2_auth_10_the_strongest_challenge_is_taken() {
    let md5 = "Digest realm=\"r\", nonce=\"n\"";
    let sha = "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"";
    for (lines, expected) in [
        (vec!["Basic realm=\"r\""], Some("Basic")),
        (vec!["Basic realm=\"r\"", md5], Some("Digest(MD5)")),
        (vec![sha, md5, "Basic realm=\"r\""], Some("Digest(SHA-256)")),
        (
            vec![
                "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256",
                sha,
                md5,
            ],
            Some("Digest(SHA-512-256)"),
        ),
        (
            vec!["Digest realm=\"r\", nonce=\"n\", algorithm=SHA-3", md5],
            Some("Digest(MD5)"),
        ),
        (vec!["Negotiate", "Basic realm=\"r\""], Some("Basic")),
        (vec!["Negotiate abc=="], None),
        (vec![], None),
        (vec![""], None),
        // In one line.
        (
            vec!["Basic realm=\"a, Digest b\", Digest realm=\"r\", nonce=\"n\""],
            Some("Digest(MD5)"),
        ),
        (
            vec!["Digest realm=\"r\", nonce=\"n\", Basic realm=\"r\""],
            Some("Digest(MD5)"),
        ),
        (
            vec![
                "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
                "Basic realm=\"r\"",
            ],
            Some("Digest(MD5)"),
        ),
        // What cannot be answered is no offer.
        (vec!["Digest realm=\"r\""], None),
        (vec!["Digest realm=\"r, nonce=\"n\""], None),
    ] {
        assert_eq!(chosen(&lines).as_deref(), expected, "{lines:?}");
    }
}

#[test]
fn basic_can_be_ruled_out() {
    let mut answerer = Answerer::new(Credentials::new("u", "p"));
    answerer.allow_basic(false);
    assert_eq!(
        answerer.challenged(&unauthorized(&["Basic realm=\"r\""])),
        Challenged::Unanswerable
    );
    assert_eq!(
        answerer.authorize(&play(), &mut Random::from_seed([0; 32])),
        None
    );
}

#[test]
fn r2_code_09_the_same_challenge_again_is_a_refusal() {
    let mut random = Random::from_seed([0; 32]);
    let mut answerer = Answerer::new(Credentials::new("u", "p"));
    let first = unauthorized(&["Digest realm=\"r\", nonce=\"1\", qop=\"auth\""]);
    assert_eq!(answerer.challenged(&first), Challenged::Retry);
    assert!(answerer.authorize(&play(), &mut random).is_some());
    let stale = unauthorized(&["Digest realm=\"r\", nonce=\"2\", stale=TRUE, qop=\"auth\""]);
    assert_eq!(answerer.challenged(&stale), Challenged::Retry);
    let value = answerer.authorize(&play(), &mut random).unwrap();
    assert!(
        value.contains("nonce=\"2\"") && value.contains("nc=00000001"),
        "{value}"
    );
    assert!(
        answerer
            .authorize(&play(), &mut random)
            .unwrap()
            .contains("nc=00000002")
    );
    assert_eq!(answerer.challenged(&first), Challenged::Refused);
    // After the server took the credentials once, a new challenge is a new question.
    answerer.authorize(&play(), &mut random);
    answerer.accepted(&Response::new(Version::V1_0, StatusCode::OK));
    assert_eq!(answerer.challenged(&first), Challenged::Retry);
}

#[test]
fn nextnonce_is_taken() {
    let mut random = Random::from_seed([0; 32]);
    let mut answerer = Answerer::new(Credentials::new("u", "p"));
    answerer.challenged(&unauthorized(&[
        "Digest realm=\"r\", nonce=\"1\", qop=\"auth\", opaque=\"o\"",
    ]));
    assert!(
        answerer
            .authorize(&play(), &mut random)
            .unwrap()
            .contains("opaque=\"o\"")
    );
    let mut response = Response::new(Version::V1_0, StatusCode::OK);
    response.headers.append(
        HeaderName::AuthenticationInfo,
        "nextnonce=\"2\", nc=00000001",
    );
    answerer.accepted(&response);
    let value = answerer.authorize(&play(), &mut random).unwrap();
    assert!(
        value.contains("nonce=\"2\"") && value.contains("nc=00000001"),
        "{value}"
    );
}

#[test]
fn debug_shows_no_secret() {
    let mut answerer = Answerer::new(Credentials::new("u", "hunter2"));
    answerer.challenged(&unauthorized(&[
        "Digest realm=\"r\", nonce=\"secret-nonce\"",
    ]));
    let shown = format!("{answerer:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("secret-nonce"),
        "{shown}"
    );
}
