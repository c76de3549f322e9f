//! The verifying side, one for each connection: makes challenges, checks what comes back.

use super::digest::{Algorithm, Auth, response, session_secret};
use super::nonce::{Nonces, Use};
use super::users::{Scheme, Users};
use super::{basic, constant_time_eq, parameters};
use crate::random::Random;
use rtsp_msg::{HeaderName, Method, Request, RequestTarget};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the credentials of one request prove.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum Proof {
    /// There are none.
    None,
    /// They are this user's.
    User(Arc<str>),
    /// They are right, but for a nonce that is not good any more: the peer need not ask its user again.
    Stale,
    /// They are wrong, or cannot be read.
    Wrong,
}

/// The verifying side of one connection.
#[derive(Debug)]
pub struct Gate {
    users: Arc<Users>,
    schemes: Vec<Scheme>,
    nonces: Nonces,
}

impl Gate {
    /// Lets in `users` who prove themselves by one of `schemes`.
    #[must_use]
    pub fn new(users: Arc<Users>, schemes: Vec<Scheme>, nonce_lifetime: Duration) -> Self {
        Self {
            users,
            schemes,
            nonces: Nonces::new(nonce_lifetime),
        }
    }

    /// A WWW-Authenticate value for each scheme, to be sent in this order and in a line each: see [`Scheme::ALL`].
    ///
    /// Realm and nonce come first, in quotes: live555 (so VLC) reads only this one shape.
    pub fn challenges(&mut self, now: Instant, random: &mut Random, stale: bool) -> Vec<String> {
        let realm = self.users.realm().to_owned();
        let mut challenges = Vec::with_capacity(self.schemes.len());
        for scheme in &self.schemes {
            challenges.push(match scheme {
                Scheme::Basic => format!("Basic realm=\"{realm}\""),
                Scheme::Digest(algorithm) => {
                    let nonce = self.nonces.issue(now, random);
                    let stale = if stale { ", stale=true" } else { "" };
                    format!("Digest realm=\"{realm}\", nonce=\"{nonce}\"{stale}, algorithm={algorithm}, qop=\"auth\"")
                }
            });
        }
        challenges
    }

    /// Checks the Authorization header of a request, if it has one. More than one are wrong.
    pub fn verify(&mut self, now: Instant, request: &Request) -> Proof {
        let mut values = request.headers.all(&HeaderName::Authorization);
        let Some(value) = values.next() else {
            return Proof::None;
        };
        if values.next().is_some() {
            return Proof::Wrong;
        }
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("Basic") && self.schemes.contains(&Scheme::Basic) {
            let user = basic::decode(rest).and_then(|credentials| self.users.verify(&credentials));
            return user.map_or(Proof::Wrong, Proof::User);
        }
        if scheme.eq_ignore_ascii_case("Digest") {
            return self.digest(now, request, rest).unwrap_or(Proof::Wrong);
        }
        Proof::Wrong
    }

    /// `None` when it cannot be read or is wrong.
    fn digest(&mut self, now: Instant, request: &Request, value: &str) -> Option<Proof> {
        let answer = Answer::parse(value)?;
        if !self.schemes.contains(&Scheme::Digest(answer.algorithm))
            || answer.realm != self.users.realm()
            || !names(&answer.uri, request)
        {
            return None;
        }
        let auth = answer
            .count
            .as_ref()
            .map(|(nc, cnonce)| Auth { nc, cnonce });
        let method = request.method.as_str();
        let user = self
            .users
            .prove(&answer.username, answer.algorithm, |secret| {
                let session;
                let secret = match (&answer.count, answer.session) {
                    (Some((_, cnonce)), true) => {
                        session = session_secret(answer.algorithm, secret, &answer.nonce, cnonce);
                        &session
                    }
                    _ => secret,
                };
                let expected = response(
                    answer.algorithm,
                    secret,
                    &answer.nonce,
                    auth,
                    method,
                    &answer.uri,
                );
                constant_time_eq(
                    expected.as_bytes(),
                    answer.response.to_ascii_lowercase().as_bytes(),
                )
            })?;
        let count = match &answer.count {
            Some((nc, _)) => Some(u32::from_str_radix(nc, 16).ok()?),
            None => None,
        };
        Some(match self.nonces.spend(now, &answer.nonce, count) {
            Use::Fresh => Proof::User(user),
            Use::Stale => Proof::Stale,
        })
    }
}

/// The parameters of a Digest answer.
struct Answer {
    username: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    algorithm: Algorithm,
    /// A `-sess` algorithm.
    session: bool,
    /// `nc` and `cnonce`, with `qop=auth`. Without `qop` it is the old form (RFC 2069), which live555 and many cameras send.
    count: Option<(String, String)>,
}

impl Answer {
    fn parse(value: &str) -> Option<Self> {
        let mut parameters = parameters::parse(value)?;
        let algorithm = parameters.take("algorithm").unwrap_or_else(|| "MD5".into());
        let count = match parameters.take("qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let (nc, cnonce) = (parameters.take("nc")?, parameters.take("cnonce")?);
                if nc.len() != 8 || !nc.bytes().all(|c| c.is_ascii_hexdigit()) {
                    return None;
                }
                Some((nc, cnonce))
            }
            Some(_) => return None,
        };
        Some(Self {
            username: parameters.take("username")?,
            realm: parameters.take("realm")?,
            nonce: parameters.take("nonce")?,
            uri: parameters.take("uri")?,
            response: parameters.take("response")?,
            session: algorithm.len() > 5 && algorithm.to_ascii_lowercase().ends_with("-sess"),
            algorithm: Algorithm::from_name(&algorithm)?,
            count,
        })
    }
}

/// Does the `uri` of a Digest answer name what the request is about? It must be the request's URI (RFC 7616 §3.4.6), or
/// - the same without scheme and host, as HTTP libraries write it;
/// - with SETUP, the presentation that the media belongs to (live555, so VLC).
fn names(uri: &str, request: &Request) -> bool {
    let target = match &request.target {
        RequestTarget::Uri(target) => target.without_userinfo(),
        other => return uri == other.as_str(),
    };
    let whole = target.as_str();
    if uri == whole
        || (uri.starts_with('/') && whole.ends_with(uri) && path_and_query(whole) == Some(uri))
    {
        return true;
    }
    let base = uri.strip_suffix('/').unwrap_or(uri);
    request.method == Method::Setup
        && path_and_query(base).is_some_and(|path| path.len() > 1)
        && whole
            .strip_prefix(base)
            .is_some_and(|rest| rest.starts_with(['/', '?']))
}

fn path_and_query(uri: &str) -> Option<&str> {
    let rest = uri.split_once("://").map(|(_, rest)| rest)?;
    rest.find('/').and_then(|at| rest.get(at..))
}

#[cfg(test)]
mod tests;
