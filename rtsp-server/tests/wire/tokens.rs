//! Users whose tokens are signed by a key that is published: which are taken, and what they allow.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use rtsp_server::{Access, Config, Limit, ServerHandle, Tokens};
use rtsp_session::auth::Credentials;
use serde_json::{Value, json};

use crate::{
    http::{Http, answer},
    peer::{Message, Peer},
    signer::{Signer, bearer, claims, header, now, signed, with},
    source::{Source, Track, address, announce, av, server_with, video},
    users::BOB,
};

/// Keys were fetched, and not more often than every ten seconds since `begin`.
fn is_patient(keys: &Http, begin: std::time::Instant) {
    let most = 1 + begin.elapsed().as_secs() / 10;
    let count = keys.connections() as u64;
    assert!((1..=most).contains(&count), "{count} times, not {most}");
}

async fn published(keys: &[Value]) -> Http {
    Http::saying(answer(200, &json!({ "keys": keys }).to_string())).await
}

/// A server of users that it does not know itself, but for bob.
async fn server_of(keys: &Http, change: impl FnOnce(&mut Tokens)) -> ServerHandle {
    let mut tokens = Tokens::new(&keys.url);
    tokens.issuer = Some("https://id.example".into());
    tokens.audience = Some("cameras".into());
    change(&mut tokens);
    server_with(|config: &mut Config| {
        config.read = Access::Users;
        config.publish = Access::Users;
        config.users = vec![Credentials::new("bob", "secret")];
        config.tokens = Some(tokens);
    })
    .await
}

async fn source(server: &ServerHandle, path: &str) -> Source {
    let mut peer = Peer::connect(address(server)).await;
    peer.extra = BOB.into();
    Source::tcp_on(peer, path, &video()).await
}

fn basic(name: &str, password: &str) -> String {
    use base64::engine::general_purpose::STANDARD;
    let both = STANDARD.encode(format!("{name}:{password}"));
    format!("Authorization: Basic {both}\r\n")
}

async fn describe(peer: &mut Peer, path: &str, headers: &str) -> Message {
    let uri = peer.uri(path);
    peer.ask("DESCRIBE", &uri, headers).await
}

#[tokio::test]
async fn a_token_lets_in_by_bearer_and_as_a_password() {
    let signer = Signer::new();
    let keys = published(&[signer.public("zero"), signer.public("one")]).await;
    let server = server_of(&keys, |_| {}).await;
    let mut live = source(&server, "/live").await;
    assert_eq!(keys.connections(), 0, "fetched when they are needed");
    let token = signer.sign(&header(), &claims());
    for headers in [
        bearer(&token),
        basic("eve", &token),
        basic("", &token),
        basic("whoever", &token),
    ] {
        let mut peer = Peer::connect(address(&server)).await;
        describe(&mut peer, "/live", "").await.expect(401);
        peer.extra = headers;
        describe(&mut peer, "/live", "").await.expect(200);
        peer.play_tcp("/live", 1).await;
        let packet = Track::video().key(300);
        live.send(0, &packet).await;
        while peer.frame_on(0).await != packet {}
    }
    assert_eq!(keys.connections(), 1);
    assert_eq!(keys.asked()[0].line, "GET /auth HTTP/1.1");
    // Only where credentials belong; and bob is asked for his password.
    let mut peer = Peer::connect(address(&server)).await;
    for path in [
        format!("/live?token={token}"),
        format!("/live?jwt={token}"),
        format!("/live?access_token={token}"),
    ] {
        describe(&mut peer, &path, "").await.expect(401);
    }
    describe(&mut peer, "/live", &basic("bob", &token))
        .await
        .expect(401);
}

fn ed25519() -> Ed25519KeyPair {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    Ed25519KeyPair::from_pkcs8(key.as_ref()).expect("a key")
}

fn by_ed(key: &Ed25519KeyPair, header: &Value) -> String {
    signed(header, &claims(), |text| key.sign(text).as_ref().to_vec())
}

/// Signed with a secret.
fn by_secret(secret: &[u8], id: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let header = json!({"alg": "HS256", "kid": id});
    signed(&header, &claims(), |text| {
        hmac::sign(&key, text).as_ref().to_vec()
    })
}

/// Tokens that are not signed by the key that they name, in its way; and what is no token.
fn wrongly_signed(signer: &Signer, stranger: &Signer, ed: &Ed25519KeyPair) -> Vec<String> {
    let unsigned = |header: Value| signed(&header, &claims(), |_| Vec::new());
    let by = |signer: &Signer, name, value| signer.sign(&with(header(), name, value), &claims());
    let (x, y) = signer.point();
    let point = [&[4], x, y].concat();
    let whole = signer.sign(&header(), &claims());
    let (text, signature) = whole.rsplit_once('.').expect("a signature");
    let head = text.split_once('.').expect("a header").0;
    let other_claims = BASE64URL.encode(with(claims(), "sub", json!("root")).to_string());
    vec![
        // No signature at all (RFC 8725 §3.2).
        unsigned(json!({"alg": "none"})),
        unsigned(json!({"alg": "none", "kid": "one"})),
        unsigned(json!({"alg": "None", "kid": "one"})),
        format!("{text}."),
        text.to_owned(),
        // The public key as a secret, and a secret that is public.
        by_secret(&point, "one"),
        by_secret(ed.public_key().as_ref(), "ed"),
        by_secret(b"secret", "secret"),
        // Another key, and another algorithm than its key's.
        stranger.sign(&header(), &claims()),
        by(signer, "kid", json!("ed")),
        by(signer, "alg", json!("ES384")),
        by(signer, "alg", json!("EdDSA")),
        by_ed(ed, &json!({"alg": "ES256", "kid": "ed"})),
        by_ed(ed, &json!({"alg": "EdDSA", "kid": "one"})),
        // Keys that nobody has published; which of several is not said.
        by(signer, "kid", json!("two")),
        by(signer, "kid", Value::Null),
        by(stranger, "jwk", stranger.public("one")),
        by(stranger, "jku", json!("http://127.0.0.1:9/")),
        // Something that has to be understood (RFC 7515 §4.1.11).
        by(signer, "crit", json!(["b64"])),
        // What was signed was something else.
        format!("{head}.{other_claims}.{signature}"),
        format!("{whole}="),
        format!("{}!", &whole[..whole.len() - 1]),
        "a.b.c".into(),
        "eyJ..".into(),
        signer.sign(&header(), &with(claims(), "long", json!("x".repeat(8192)))),
    ]
}

/// Claims that do not say what has to be said.
fn wrong_claims() -> Vec<Value> {
    let wrong = [
        ("exp", Value::Null),
        ("exp", json!("never")),
        ("exp", json!(-1)),
        ("nbf", json!(now() + 3600)),
        ("nbf", json!("x")),
        ("iss", Value::Null),
        ("iss", json!("https://id.example.evil")),
        ("aud", Value::Null),
        ("aud", json!("doors")),
        ("aud", json!([])),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("a\r\nb")),
        ("sub", json!("a".repeat(257))),
    ];
    let all = wrong.into_iter();
    all.map(|(name, other)| with(claims(), name, other))
        .collect()
}

#[tokio::test]
async fn threat_control_plane_tokens_with_anything_wrong_let_nobody_in() {
    let (signer, stranger, ed) = (Signer::new(), Signer::new(), ed25519());
    let x = BASE64URL.encode(ed.public_key());
    let keys = published(&[
        signer.public("one"),
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": x}),
        json!({"kty": "oct", "kid": "secret", "k": BASE64URL.encode("secret")}),
    ])
    .await;
    let server = server_of(&keys, |_| {}).await;
    let _live = source(&server, "/live").await;
    let begin = std::time::Instant::now();
    let mut good = Peer::connect(address(&server)).await;
    let in_a_list = with(claims(), "aud", json!(["doors", "cameras"]));
    let whole = signer.sign(&header(), &claims());
    for token in [
        whole.clone(),
        by_ed(&ed, &json!({"alg": "EdDSA", "kid": "ed"})),
        signer.sign(&header(), &in_a_list),
    ] {
        describe(&mut good, "/live", &bearer(&token))
            .await
            .expect(200);
    }
    let mut wrong = wrongly_signed(&signer, &stranger, &ed);
    wrong.extend(
        wrong_claims()
            .iter()
            .map(|claims| signer.sign(&header(), claims)),
    );
    for token in &wrong {
        for headers in [bearer(token), basic("eve", token)] {
            let mut peer = Peer::connect(address(&server)).await;
            let answer = describe(&mut peer, "/live", &headers).await;
            let code = answer.status();
            assert!([400, 401].contains(&code), "{code} for {token}");
        }
    }
    is_patient(&keys, begin);
    describe(&mut good, "/live", &bearer(&whole))
        .await
        .expect(200);
}

/// Who guesses has no token that was ever good: an old one is no guess.
#[tokio::test]
async fn a_token_that_has_expired_is_as_good_as_none() {
    let signer = Signer::new();
    let keys = published(&[signer.public("one")]).await;
    let server = server_of(&keys, |_| {}).await;
    let _live = source(&server, "/live").await;
    let old = signer.sign(&header(), &with(claims(), "exp", json!(now() - 3600)));
    let mut peer = Peer::connect(address(&server)).await;
    for _ in 0..50 {
        describe(&mut peer, "/live", &bearer(&old))
            .await
            .expect(401);
    }
    assert_eq!(server.refused(Limit::Failures), 0);
    let new = signer.sign(&header(), &claims());
    describe(&mut peer, "/live", &bearer(&new))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_token_says_what_it_allows() {
    let signer = Signer::new();
    let keys = published(&[signer.public("one")]).await;
    let server = server_of(&keys, |tokens| tokens.rights = Some("rtsp".into())).await;
    for path in ["/live", "/cams/1", "/other"] {
        std::mem::forget(source(&server, path).await);
    }
    let rights = json!([
        {"actions": ["read"], "paths": ["/live", "/cams/*"]},
        {"actions": ["publish"], "paths": ["/mine"]},
    ]);
    let token = bearer(&signer.sign(&header(), &with(claims(), "rtsp", rights)));
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra.clone_from(&token);
    for (path, status) in [
        ("/live", 200),
        ("/cams/1", 200),
        ("/other", 403),
        ("/live/x", 403),
        ("/mine", 403),
    ] {
        let answer = describe(&mut peer, path, "").await;
        assert_eq!(answer.status(), status, "{path}");
        let track = format!("{}/trackID=0", peer.uri(path));
        let transport = "RTP/AVP/TCP;unicast;interleaved=0-1";
        let answer = peer.setup(&track, transport).await;
        assert_eq!(answer.status(), status, "{path}");
        peer.session = None;
        peer = Peer::connect(address(&server)).await;
        peer.extra.clone_from(&token);
    }
    for (path, status) in [("/live2", 403), ("/cams/2", 403), ("/mine", 200)] {
        let mut peer = Peer::connect(address(&server)).await;
        peer.extra.clone_from(&token);
        announce(&mut peer, path, &av()).await.expect(status);
    }
    // Nothing said is nothing allowed; what cannot be read is no token.
    for (rights, status) in [
        (Value::Null, 403),
        (json!([]), 403),
        (json!("read"), 401),
        (json!([{"actions": ["read"], "paths": []}]), 401),
    ] {
        let token = signer.sign(&header(), &with(claims(), "rtsp", rights));
        let mut peer = Peer::connect(address(&server)).await;
        let answer = describe(&mut peer, "/live", &bearer(&token)).await;
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn a_session_of_a_token_is_its_users() {
    let signer = Signer::new();
    let keys = published(&[signer.public("one")]).await;
    let server = server_of(&keys, |_| {}).await;
    let _live = source(&server, "/live").await;
    let of = |user: &str, until| {
        let claims = with(claims(), "sub", json!(user));
        bearer(&signer.sign(&header(), &with(claims, "exp", json!(now() + until))))
    };
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra = of("bob", 3600);
    peer.play_tcp("/live", 1).await;
    for (headers, status) in [
        // The bob of the configuration is another.
        (BOB.to_owned(), 454),
        (of("eve", 3600), 454),
        (of("token:bob", 3600), 454),
        (String::new(), 454),
        // Another token of the same user.
        (of("bob", 7200), 200),
    ] {
        let mut other = Peer::connect(address(&server)).await;
        other.session.clone_from(&peer.session);
        let uri = other.uri("/live");
        let answer = other.ask("GET_PARAMETER", &uri, &headers).await;
        assert_eq!(answer.status(), status, "{headers}");
    }
}

#[tokio::test]
async fn without_an_audience_tokens_for_others_are_refused() {
    let signer = Signer::new();
    let keys = published(&[signer.public("one")]).await;
    let server = server_of(&keys, |tokens| {
        tokens.issuer = None;
        tokens.audience = None;
    })
    .await;
    let _live = source(&server, "/live").await;
    let mut peer = Peer::connect(address(&server)).await;
    for (audience, status) in [(json!("doors"), 401), (Value::Null, 200)] {
        let token = signer.sign(&header(), &with(claims(), "aud", audience));
        describe(&mut peer, "/live", &bearer(&token))
            .await
            .expect(status);
    }
}

#[tokio::test]
async fn without_keys_nobody_is_let_in_and_nobody_is_to_blame() {
    let signer = Signer::new();
    let huge = format!("{{\"keys\":[{}]}}", " ".repeat(300_000));
    for said in [
        answer(500, ""),
        answer(200, ""),
        answer(200, "{\"keys\":[]}"),
        answer(200, &huge),
        String::new(),
    ] {
        let begin = std::time::Instant::now();
        let keys = Http::saying(said).await;
        let server = server_of(&keys, |_| {}).await;
        let _live = source(&server, "/live").await;
        let token = bearer(&signer.sign(&header(), &claims()));
        let mut peer = Peer::connect(address(&server)).await;
        for _ in 0..20 {
            describe(&mut peer, "/live", &token).await.expect(503);
        }
        is_patient(&keys, begin);
        assert_eq!(server.refused(Limit::PasswordChecks), 20);
        describe(&mut peer, "/live", BOB).await.expect(200);
    }
}
