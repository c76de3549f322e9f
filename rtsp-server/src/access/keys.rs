//! The keys that tokens are signed by: a JWK set (RFC 7517), fetched from where it is published, and again from time to time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;

use super::http::{Http, HttpUrlError};
use crate::config::Tokens;

/// The largest set that is read, in bytes, and the most keys of it.
const MOST_BYTES: u64 = 256 * 1024;
const MOST_KEYS: usize = 64;
/// How long fetching may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Whatever tokens name, keys are not fetched more often than this.
const PAUSE: Duration = Duration::from_secs(10);
/// So many times the age at which keys are to be fetched again they are used where that fails.
const STALE: u32 = 4;

/// One key, and the one algorithm that it is for.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    id: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

/// What is said of a key.
#[derive(Debug)]
pub(crate) enum Found {
    Key(Key),
    /// There is no such key.
    Unknown,
    /// There are no keys at all, for now.
    Unavailable,
}

/// The keys of one publisher.
pub(crate) struct KeySet {
    http: Http,
    refresh: Duration,
    pause: Duration,
    kept: Mutex<Kept>,
    /// Held by who fetches them.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    keys: Arc<[Key]>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KeySet {
    pub(crate) fn new(tokens: &Tokens) -> Result<Self, HttpUrlError> {
        Ok(Self {
            http: Http::new(&tokens.keys, PATIENCE)?,
            // They would be too old before they could be fetched again.
            refresh: tokens.refresh.max(PAUSE),
            pause: PAUSE,
            kept: Mutex::default(),
            fetching: Mutex::default(),
        })
    }

    /// The key that a token names; without a name, the only one that there is. It may be fetched first: this blocks.
    pub(crate) fn find(&self, id: Option<&str>) -> Found {
        let now = Instant::now();
        let (keys, fresh) = self.kept(now);
        let known = named(&keys, id);
        if fresh && let Some(key) = known {
            return Found::Key(key);
        }
        let fetching = match known {
            // Old, and good until there are newer ones: nobody waits for these.
            Some(_) => self.fetching.try_lock().ok(),
            None => Some(lock(&self.fetching)),
        };
        if fetching.is_some() && self.may_try(now) {
            self.fetch();
        }
        drop(fetching);
        let (keys, _) = self.kept(Instant::now());
        match named(&keys, id) {
            Some(key) => Found::Key(key),
            None if keys.is_empty() => Found::Unavailable,
            None => Found::Unknown,
        }
    }

    /// The keys that may be used, and whether they are young enough not to be fetched again.
    fn kept(&self, now: Instant) -> (Arc<[Key]>, bool) {
        let kept = lock(&self.kept);
        let age = kept.fetched.map(|at| now.saturating_duration_since(at));
        match age {
            Some(age) if age < self.refresh => (Arc::clone(&kept.keys), true),
            Some(age) if age < self.refresh.saturating_mul(STALE) => {
                (Arc::clone(&kept.keys), false)
            }
            _ => (Arc::default(), false),
        }
    }

    /// Whether it is time to fetch; notes that it is done.
    fn may_try(&self, now: Instant) -> bool {
        let mut kept = lock(&self.kept);
        let waited = |at| now.saturating_duration_since(at) >= self.pause;
        if !kept.tried.is_none_or(waited) {
            return false;
        }
        kept.tried = Some(now);
        true
    }

    fn fetch(&self) {
        let url = self.http.shown();
        let body = match self.http.get(MOST_BYTES) {
            Ok(body) => body,
            Err(error) => {
                return tracing::error!(url, %error, "the keys of tokens cannot be fetched");
            }
        };
        match read(&body) {
            Ok((keys, skipped)) => {
                tracing::info!(
                    url,
                    keys = keys.len(),
                    skipped,
                    "the keys of tokens are here"
                );
                let mut kept = lock(&self.kept);
                kept.keys = keys.into();
                kept.fetched = Some(Instant::now());
            }
            Err(problem) => tracing::error!(url, problem, "the keys of tokens cannot be used"),
        }
    }
}

fn named(keys: &[Key], id: Option<&str>) -> Option<Key> {
    match id {
        Some(id) => keys.iter().find(|key| key.id.as_deref() == Some(id)),
        None => keys.first().filter(|_| keys.len() == 1),
    }
    .cloned()
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The keys of a set that check signatures, and how many others there are in it.
fn read(text: &[u8]) -> Result<(Vec<Key>, usize), &'static str> {
    let set: Set = serde_json::from_slice(text).map_err(|_| "this is no JWK set")?;
    let all = set.keys.len();
    if all > MOST_KEYS {
        return Err("there are more than 64 keys");
    }
    let keys: Vec<Key> = set.keys.into_iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err("no key of it can be used");
    }
    let skipped = all - keys.len();
    Ok((keys, skipped))
}

/// A key, if it is for signatures that can be checked. What it is for is told by the key alone, so no token can have it used as another.
fn key(value: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let signs = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
    if !matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    ) || !jwk.common.key_operations.as_ref().is_none_or(signs)
    {
        return None;
    }
    let by_kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P384 => {
            Algorithm::ES384
        }
        AlgorithmParameters::OctetKeyPair(of) if of.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        // Symmetric keys are no public ones.
        _ => return None,
    };
    let algorithm = match jwk.common.key_algorithm {
        None => by_kind,
        Some(named) => Algorithm::try_from(named).ok()?,
    };
    // RSA has several; each curve has one.
    let fits = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => algorithm.family() == by_kind.family(),
        _ => algorithm == by_kind,
    };
    let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| fits)?;
    Some(Key {
        id: jwk.common.key_id,
        algorithm,
        key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"e","x":"AA","y":"AA"}"#;

    fn of(keys: &[&str]) -> Result<(Vec<Key>, usize), &'static str> {
        read(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn what_a_key_is_for_is_told_by_the_key() {
        for (key, algorithm) in [
            (EC, Algorithm::ES256),
            (
                r#"{"kty":"EC","crv":"P-384","x":"AA","y":"AA","use":"sig"}"#,
                Algorithm::ES384,
            ),
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"AA","key_ops":["verify"]}"#,
                Algorithm::EdDSA,
            ),
            (r#"{"kty":"RSA","n":"AQ","e":"AQAB"}"#, Algorithm::RS256),
            (
                r#"{"kty":"RSA","n":"AQ","e":"AQAB","alg":"PS384"}"#,
                Algorithm::PS384,
            ),
        ] {
            let (keys, skipped) = of(&[key]).unwrap();
            assert_eq!((keys[0].algorithm, skipped), (algorithm, 0), "{key}");
        }
    }

    #[test]
    fn keys_that_are_for_something_else_are_passed_over() {
        for other in [
            // A secret in public would let everybody sign.
            r#"{"kty":"oct","k":"c2VjcmV0","kid":"s"}"#,
            r#"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#,
            // The confusion of RSA keys with secrets, by the key.
            r#"{"kty":"RSA","n":"AQ","e":"AQAB","alg":"HS256"}"#,
            r#"{"kty":"RSA","n":"AQ","e":"AQAB","alg":"none"}"#,
            r#"{"kty":"RSA","n":"AQ","e":"AQAB","alg":"RSA-OAEP"}"#,
            r#"{"kty":"RSA","n":"AQ","e":"AQAB","use":"enc"}"#,
            r#"{"kty":"RSA","n":"AQ","e":"AQAB","key_ops":["encrypt"]}"#,
            r#"{"kty":"RSA","n":"!","e":"AQAB"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","alg":"ES384"}"#,
            r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#,
            r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#,
            r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
            "{}",
            "1",
        ] {
            let (keys, skipped) = of(&[other, EC]).unwrap();
            assert_eq!((keys.len(), skipped), (1, 1), "{other}");
            assert!(of(&[other]).is_err(), "{other}");
        }
    }

    #[test]
    fn sets_are_bounded_and_nonsense_is_told() {
        for text in ["", "[]", "{}", r#"{"keys":1}"#, r#"{"keys":[]}"#, "<html>"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(of(&[EC; MOST_KEYS]).is_ok());
        assert!(of(&[EC; MOST_KEYS + 1]).is_err());
    }

    #[test]
    fn a_token_without_a_name_means_the_only_key() {
        let (one, _) = of(&[EC]).unwrap();
        assert!(named(&one, None).is_some() && named(&one, Some("e")).is_some());
        assert!(named(&one, Some("x")).is_none() && named(&one, Some("")).is_none());
        let (two, _) = of(&[EC, r#"{"kty":"RSA","n":"AQ","e":"AQAB"}"#]).unwrap();
        assert!(named(&two, None).is_none());
    }

    /// Answers so many times, with what a function makes of their number.
    fn serve(times: usize, body: impl Fn(usize) -> String + Send + 'static) -> String {
        use std::io::{BufRead as _, BufReader, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for number in 0..times {
                let (mut stream, _) = listener.accept().unwrap();
                // The whole of the question: what is closed with something unread may take the answer along.
                let lines = BufReader::new(&stream).lines();
                let _ = lines
                    .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
                    .count();
                let body = body(number);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        url
    }

    #[test]
    fn keys_are_fetched_again_for_one_that_is_not_known_and_those_that_were_good_stay() {
        let answers = |number| match number {
            0 => format!(r#"{{"keys":[{EC}]}}"#),
            1 => "<html>".into(),
            _ => format!(r#"{{"keys":[{}]}}"#, EC.replace("\"e\"", "\"new\"")),
        };
        let mut set = KeySet::new(&Tokens::new(serve(3, answers))).unwrap();
        set.pause = Duration::ZERO;
        let is_known = |id| matches!(set.find(Some(id)), Found::Key(_));
        assert!(is_known("e"));
        assert!(!is_known("new") && is_known("e"), "what came is of no use");
        assert!(is_known("new"));
        // Nobody answers any more.
        assert!(!is_known("e") && is_known("new"));
    }

    #[test]
    fn old_keys_are_good_for_a_while_and_then_no_more() {
        let mut set =
            KeySet::new(&Tokens::new(serve(1, |_| format!(r#"{{"keys":[{EC}]}}"#)))).unwrap();
        set.pause = Duration::ZERO;
        assert!(matches!(set.find(None), Found::Key(_)));
        let now = lock(&set.kept).fetched.unwrap();
        for (age, count, fresh) in [(0, 1, true), (1, 1, false), (3, 1, false), (4, 0, false)] {
            let (keys, young) = set.kept(now + set.refresh * age);
            assert_eq!((keys.len(), young), (count, fresh), "{age}");
        }
        // Fetching again fails, and the old one is used.
        set.refresh = Duration::from_nanos(1);
        lock(&set.kept).fetched = Some(Instant::now() + Duration::from_secs(3600));
        assert!(matches!(set.find(None), Found::Key(_)));
    }

    #[test]
    fn where_there_are_no_keys_fetching_is_tried_now_and_then() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", free.local_addr().unwrap());
        drop(free);
        let set = KeySet::new(&Tokens::new(url)).unwrap();
        assert!(matches!(set.find(Some("e")), Found::Unavailable));
        let tried = lock(&set.kept).tried;
        assert!(matches!(set.find(Some("e")), Found::Unavailable));
        assert_eq!(lock(&set.kept).tried, tried, "not again at once");
        assert!(!set.may_try(tried.unwrap() + PAUSE / 2));
        assert!(set.may_try(tried.unwrap() + PAUSE));
    }
}
