use super::*;
use crate::auth::{Answerer, Challenged, Credentials};
use rtsp_msg::{Response, StatusCode, Uri, Version};

const HOUR: Duration = Duration::from_secs(3600);

fn text(challenge: &Challenge) -> String {
    let mut value = String::new();
    challenge.push(&mut value);
    value
}

struct World {
    gate: Gate,
    random: Random,
    now: Instant,
}

fn world(schemes: &[Scheme]) -> World {
    let users = Users::new(
        "cam",
        [
            Credentials::new("ann", "hunter2"),
            Credentials::new("bob", "b\"o\\b"),
        ],
    );
    World {
        gate: Gate::new(Arc::new(users), schemes.to_vec(), HOUR, Leniency::default()),
        random: Random::from_seed([4; 32]),
        now: Instant::now(),
    }
}

impl World {
    fn unauthorized(&mut self, stale: bool) -> Response {
        let mut response = Response::new(Version::V1_0, StatusCode::UNAUTHORIZED);
        for challenge in self.gate.challenges(self.now, &mut self.random, stale) {
            response
                .headers
                .append(HeaderName::WwwAuthenticate, text(&challenge));
        }
        response
    }

    fn verify(&mut self, method: Method, target: &str, authorization: Option<&str>) -> Proof {
        let mut request = request(method, target);
        if let Some(value) = authorization {
            request.headers.append(HeaderName::Authorization, value);
        }
        self.gate.verify(self.now, &request)
    }
}

const URI: &str = "rtsp://h/live/a?x=1";

fn request(method: Method, target: &str) -> Request {
    Request::new(method, Uri::parse(target).unwrap(), Version::V1_0)
}

#[test]
fn r2_auth_08_with_auth_int_another_body_proves_nothing() {
    let mut world = world(&[Scheme::Digest(Algorithm::Sha256)]);
    let mut challenge = world.unauthorized(false);
    let offered = challenge
        .headers
        .first(&HeaderName::WwwAuthenticate)
        .unwrap();
    let insists = offered.replace("\"auth\"", "\"auth-int\"");
    assert_ne!(insists, offered);
    challenge
        .headers
        .insert(HeaderName::WwwAuthenticate, insists);
    let mut answerer = Answerer::new(Credentials::new("ann", "hunter2"));
    assert_eq!(answerer.challenged(&challenge), Challenged::Retry);
    for (signed, sent, right) in [
        ("", "", true),
        ("a: 1\r\n", "a: 1\r\n", true),
        ("a: 1\r\n", "a: 2\r\n", false),
        ("a: 1\r\n", "", false),
        ("", "a: 1\r\n", false),
    ] {
        let mut request = request(Method::SetParameter, URI);
        request.body = signed.into();
        let value = answerer.authorize(&request, &mut world.random).unwrap();
        assert!(value.contains("qop=auth-int"), "{value}");
        request.headers.append(HeaderName::Authorization, value);
        request.body = sent.into();
        let proof = world.gate.verify(world.now, &request);
        assert_eq!(
            matches!(proof, Proof::User(_)),
            right,
            "{signed:?} {sent:?}"
        );
    }
}

#[test]
fn every_scheme_lets_the_right_user_in() {
    for schemes in [
        &Scheme::ALL[..],
        &[Scheme::Basic],
        &[Scheme::Digest(Algorithm::Md5)],
        &[Scheme::Digest(Algorithm::Sha256)],
        &[Scheme::Digest(Algorithm::Sha512_256)],
    ] {
        let mut world = world(schemes);
        for (name, password, right) in [
            ("ann", "hunter2", true),
            ("bob", "b\"o\\b", true),
            ("ann", "hunter3", false),
            ("eve", "hunter2", false),
        ] {
            let mut answerer = Answerer::new(Credentials::new(name, password));
            let challenge = world.unauthorized(false);
            assert_eq!(answerer.challenged(&challenge), Challenged::Retry);
            for method in [Method::Describe, Method::Setup, Method::Play] {
                let value = answerer
                    .authorize(&request(method.clone(), URI), &mut world.random)
                    .unwrap();
                let proof = world.verify(method, URI, Some(&value));
                let expected = if right {
                    Proof::User(Arc::from(name))
                } else {
                    Proof::Wrong
                };
                assert_eq!(proof, expected, "{schemes:?} {name} {value}");
            }
        }
        assert_eq!(world.verify(Method::Describe, URI, None), Proof::None);
    }
}

#[test]
fn ffmpeg_ends_up_with_md5() {
    // FFmpeg: each Digest header overwrites the one before; Basic counts only before any Digest.
    let mut world = world(&Scheme::ALL);
    let challenges = world.gate.challenges(world.now, &mut world.random, false);
    let challenges: Vec<String> = challenges.iter().map(text).collect();
    let last_digest = challenges
        .iter()
        .rfind(|one| one.starts_with("Digest "))
        .unwrap();
    assert!(last_digest.contains("algorithm=MD5,"), "{last_digest}");
    // live555 scans for exactly this.
    assert!(
        last_digest.starts_with("Digest realm=\"cam\", nonce=\""),
        "{last_digest}"
    );
    assert!(challenges.last().unwrap().starts_with("Basic "));
}

/// As FFmpeg and live555 write them.
#[test]
fn answers_of_real_peers() {
    let mut world = world(&Scheme::ALL);
    let nonce = world
        .gate
        .nonces
        .issue(world.now, &mut world.random)
        .to_owned();
    let key = super::super::digest::secret(Algorithm::Md5, "ann", "cam", "hunter2");
    let uri = "rtsp://h/live/";
    let auth = Auth {
        nc: "00000001",
        cnonce: "abc",
        body: None,
    };
    let counted = response(Algorithm::Md5, &key, &nonce, Some(auth), "DESCRIBE", uri);
    let ffmpeg = format!(
        "Digest username=\"ann\",realm=\"cam\",nonce=\"{nonce}\",uri=\"{uri}\",response=\"{counted}\",algorithm=MD5,qop=\"auth\",cnonce=\"abc\",nc=00000001"
    );
    assert_eq!(
        world.verify(Method::Describe, uri, Some(&ffmpeg)),
        Proof::User("ann".into())
    );
    assert_eq!(
        world.verify(Method::Describe, uri, Some(&ffmpeg)),
        Proof::Stale,
        "R2-AUTH-12: a replay"
    );
    // VLC (live555): the old form, without qop; SETUP with the URI of the presentation.
    let old = response(Algorithm::Md5, &key, &nonce, None, "SETUP", uri);
    let vlc = format!(
        "Digest username=\"ann\", realm=\"cam\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{old}\""
    );
    assert_eq!(
        world.verify(Method::Setup, "rtsp://h/live/trackID=0", Some(&vlc)),
        Proof::User("ann".into())
    );
    assert_eq!(
        world.verify(Method::Setup, "rtsp://h/other/trackID=0", Some(&vlc)),
        Proof::Wrong
    );
    assert_eq!(
        world.verify(Method::Play, uri, Some(&vlc)),
        Proof::Wrong,
        "another method"
    );
}

#[test]
fn the_uri_must_be_the_requests() {
    for (uri, method, target, same) in [
        ("rtsp://h/a", Method::Play, "rtsp://h/a", true),
        ("/a", Method::Play, "rtsp://h/a", true),
        ("/a?x", Method::Play, "rtsp://h/a?x", true),
        ("/a", Method::Play, "rtsp://h/b/a", false),
        ("", Method::Play, "rtsp://h/a", false),
        ("/", Method::Play, "rtsp://h/a", false),
        ("rtsp://h/a", Method::Play, "rtsp://h/a/trackID=0", false),
        ("rtsp://h/a", Method::Setup, "rtsp://h/a/trackID=0", true),
        ("rtsp://h/a/", Method::Setup, "rtsp://h/a/trackID=0", true),
        ("rtsp://h/a", Method::Setup, "rtsp://h/ab/trackID=0", false),
        ("rtsp://h", Method::Setup, "rtsp://h/a/trackID=0", false),
        ("rtsp://h/", Method::Setup, "rtsp://h/a/trackID=0", false),
        ("rtsp://other/a", Method::Play, "rtsp://h/a", false),
        ("*", Method::Options, "rtsp://h/a", false),
    ] {
        let request = Request::new(method, Uri::parse(target).unwrap(), Version::V1_0);
        assert_eq!(
            names(uri, &request, &Leniency::default()),
            same,
            "{uri} for {target}"
        );
        assert_eq!(
            names(uri, &request, &Leniency::strict()),
            uri == target,
            "{uri} for {target}, strictly"
        );
    }
    let any = Request::new(Method::Options, RequestTarget::Any, Version::V1_0);
    assert!(names("*", &any, &Leniency::strict()));
}

#[test]
fn old_nonces_are_stale_and_are_renewed_without_asking() {
    let mut world = world(&Scheme::ALL);
    let mut answerer = Answerer::new(Credentials::new("ann", "hunter2"));
    let challenge = world.unauthorized(false);
    answerer.challenged(&challenge);
    world.now += HOUR;
    let value = answerer
        .authorize(&request(Method::Play, URI), &mut world.random)
        .unwrap();
    assert_eq!(world.verify(Method::Play, URI, Some(&value)), Proof::Stale);
    let challenge = world.unauthorized(true);
    assert!(
        challenge
            .headers
            .first(&HeaderName::WwwAuthenticate)
            .unwrap()
            .contains("stale=true")
    );
    assert_eq!(answerer.challenged(&challenge), Challenged::Retry);
    let value = answerer
        .authorize(&request(Method::Play, URI), &mut world.random)
        .unwrap();
    assert_eq!(
        world.verify(Method::Play, URI, Some(&value)),
        Proof::User("ann".into())
    );
}

#[test]
fn a_wrong_password_with_an_old_nonce_is_wrong_not_stale() {
    let mut world = world(&Scheme::ALL);
    let mut answerer = Answerer::new(Credentials::new("ann", "wrong"));
    let challenge = world.unauthorized(false);
    answerer.challenged(&challenge);
    world.now += HOUR;
    let value = answerer
        .authorize(&request(Method::Play, URI), &mut world.random)
        .unwrap();
    assert_eq!(world.verify(Method::Play, URI, Some(&value)), Proof::Wrong);
}

#[test]
fn a_guess_does_not_use_up_the_counts_of_the_right_one() {
    let mut world = world(&Scheme::ALL);
    let challenge = world.unauthorized(false);
    let mut wrong = Answerer::new(Credentials::new("ann", "guess"));
    wrong.challenged(&challenge);
    let value = wrong
        .authorize(&request(Method::Play, URI), &mut world.random)
        .unwrap();
    assert_eq!(world.verify(Method::Play, URI, Some(&value)), Proof::Wrong);
    let mut right = Answerer::new(Credentials::new("ann", "hunter2"));
    right.challenged(&challenge);
    let value = right
        .authorize(&request(Method::Play, URI), &mut world.random)
        .unwrap();
    assert_eq!(
        world.verify(Method::Play, URI, Some(&value)),
        Proof::User("ann".into())
    );
}

#[test]
fn schemes_that_were_not_offered_prove_nothing() {
    let mut world = world(&[Scheme::Digest(Algorithm::Sha256)]);
    assert_eq!(
        world.verify(Method::Play, URI, Some("Basic YW5uOmh1bnRlcjI=")),
        Proof::Wrong
    );
    let nonce = world
        .gate
        .nonces
        .issue(world.now, &mut world.random)
        .to_owned();
    let key = super::super::digest::secret(Algorithm::Md5, "ann", "cam", "hunter2");
    let answer = response(Algorithm::Md5, &key, &nonce, None, "PLAY", URI);
    let value = format!(
        "Digest username=\"ann\", realm=\"cam\", nonce=\"{nonce}\", uri=\"{URI}\", response=\"{answer}\""
    );
    assert_eq!(world.verify(Method::Play, URI, Some(&value)), Proof::Wrong);
}

#[test]
fn what_shows_its_secret_is_the_shells_to_prove_where_it_is_offered() {
    let mut world = world(&[Scheme::Bearer, Scheme::Basic]);
    world.gate = world.gate.handing_out(true);
    let challenges = world.gate.challenges(world.now, &mut world.random, false);
    let challenges: Vec<String> = challenges.iter().map(text).collect();
    assert_eq!(challenges, ["Bearer realm=\"cam\"", "Basic realm=\"cam\""]);
    assert_eq!(
        world.verify(Method::Play, URI, Some("Basic YW5uOmd1ZXNz")),
        Proof::Offered(Offered::Password(Credentials::new("ann", "guess")))
    );
    assert_eq!(
        world.verify(Method::Play, URI, Some("Bearer a.b.c")),
        Proof::Offered(Offered::Token("a.b.c".into()))
    );
    for value in ["Bearer", "Bearer a b", "Bearer \u{e9}", "Basic !!!"] {
        assert_eq!(
            world.verify(Method::Play, URI, Some(value)),
            Proof::Wrong,
            "{value}"
        );
    }
    let mut world = self::world(&[Scheme::Digest(Algorithm::Sha256)]);
    world.gate = world.gate.handing_out(true);
    for value in ["Basic YW5uOmh1bnRlcjI=", "Bearer a.b.c"] {
        let proof = world.verify(Method::Play, URI, Some(value));
        assert_eq!(proof, Proof::Wrong, "{value} was not offered");
    }
}

/// The inputs that have broken other servers: long values, open quotes, thousands of parameters, bad base64, no UTF-8.
#[test]
fn hostile_headers_are_wrong_and_nothing_else() {
    let mut world = world(&Scheme::ALL);
    let long = "A".repeat(65_536);
    for value in [
        "",
        "Basic",
        "Basic ",
        "Basic =",
        "Basic ////",
        "Digest",
        "Digest ",
        "Digest username=\"",
        "Digest username=\"ann\", username=\"bob\"",
        "Digest ,,,,=,=",
        "Bearer abc",
        &format!("Basic {long}"),
        &format!(
            "Digest username=\"{long}\", realm=\"cam\", nonce=\"{long}\", uri=\"{long}\", response=\"{long}\""
        ),
        &format!("Digest {}", "a=1,".repeat(10_000)),
        &format!("{long} {long}"),
        "Digest username=\"ann\", realm=\"cam\", nonce=\"n\", uri=\"rtsp://h/live/a?x=1\", response=\"\", qop=auth, nc=+0000001, cnonce=\"\"",
        "Digest username=\"ann\", realm=\"cam\", nonce=\"n\", uri=\"rtsp://h/live/a?x=1\", response=\"0\", qop=auth-int, nc=00000001, cnonce=\"c\"",
    ] {
        assert_eq!(
            world.verify(Method::Play, URI, Some(value)),
            Proof::Wrong,
            "{value:.60}"
        );
    }
    let mut twice = Request::new(Method::Play, Uri::parse(URI).unwrap(), Version::V1_0);
    twice
        .headers
        .append(HeaderName::Authorization, "Basic YW5uOmh1bnRlcjI=");
    assert_eq!(
        world.gate.verify(world.now, &twice),
        Proof::User("ann".into())
    );
    twice
        .headers
        .append(HeaderName::Authorization, "Basic YW5uOmh1bnRlcjI=");
    assert_eq!(world.gate.verify(world.now, &twice), Proof::Wrong);
}
