//! The verifying side, one for each connection: makes challenges, checks what comes back.

use super::digest::{Algorithm, Auth, response, session_secret};
use super::nonce::{Nonces, Use};
use super::users::{Scheme, Users};
use super::{Credentials, Offered, constant_time_eq};
use crate::leniency::Leniency;
use crate::random::Random;
use rtsp_msg::headers::{Authorization, Challenge, DigestChallenge, DigestCredentials, Qop};
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
    /// They are the shell's to prove: a password or a token in the clear.
    Offered(Offered),
    /// They are wrong, or cannot be read.
    Wrong,
}

/// The verifying side of one connection.
#[derive(Debug)]
pub struct Gate {
    users: Arc<Users>,
    schemes: Vec<Scheme>,
    nonces: Nonces,
    leniency: Leniency,
    /// Passwords and tokens that are shown are handed out.
    hands_out: bool,
}

impl Gate {
    /// Lets in `users` who prove themselves by one of `schemes`.
    #[must_use]
    pub fn new(
        users: Arc<Users>,
        schemes: Vec<Scheme>,
        nonce_lifetime: Duration,
        leniency: Leniency,
    ) -> Self {
        Self {
            users,
            schemes,
            nonces: Nonces::new(nonce_lifetime),
            leniency,
            hands_out: false,
        }
    }

    /// The same, but what shows its secret, Basic and Bearer, is [`Proof::Offered`] to the shell. Digest is proved as before.
    #[must_use]
    pub fn handing_out(mut self, hands_out: bool) -> Self {
        self.hands_out = hands_out;
        self
    }

    /// The challenges, to be sent in this order and in a line each: see [`Scheme::ALL`].
    ///
    /// Realm and nonce come first: live555 (so VLC) reads only this one shape.
    pub fn challenges(&mut self, now: Instant, random: &mut Random, stale: bool) -> Vec<Challenge> {
        let realm = self.users.realm().to_owned();
        let mut challenges = Vec::with_capacity(self.schemes.len());
        for scheme in &self.schemes {
            let realm = realm.clone();
            challenges.push(match scheme {
                Scheme::Basic => Challenge::Basic { realm },
                Scheme::Bearer => Challenge::Other {
                    scheme: "Bearer".into(),
                    parameters: vec![("realm".into(), realm)],
                },
                Scheme::Digest(algorithm) => Challenge::Digest(DigestChallenge {
                    realm,
                    nonce: self.nonces.issue(now, random).to_owned(),
                    stale,
                    algorithm: Some(algorithm.to_header()),
                    qop: vec![Qop::Auth],
                    ..DigestChallenge::default()
                }),
            });
        }
        challenges
    }

    /// Is there a way to prove anything?
    #[must_use]
    pub fn has_schemes(&self) -> bool {
        !self.schemes.is_empty()
    }

    /// Checks the Authorization header of a request, if it has one. More than one are wrong.
    pub fn verify(&mut self, now: Instant, request: &Request) -> Proof {
        match request
            .headers
            .all(&HeaderName::Authorization)
            .take(2)
            .count()
        {
            0 => return Proof::None,
            1 => {}
            _ => return Proof::Wrong,
        }
        match request.headers.typed::<Authorization>() {
            Ok(Some(Authorization::Basic { username, password }))
                if self.schemes.contains(&Scheme::Basic) =>
            {
                let credentials = Credentials { username, password };
                if self.hands_out {
                    return Proof::Offered(Offered::Password(credentials));
                }
                let user = self.users.verify(&credentials);
                user.map_or(Proof::Wrong, Proof::User)
            }
            Ok(Some(Authorization::Bearer { token }))
                if self.hands_out && self.schemes.contains(&Scheme::Bearer) =>
            {
                Proof::Offered(Offered::Token(token))
            }
            Ok(Some(Authorization::Digest(answer))) => {
                self.digest(now, request, &answer).unwrap_or(Proof::Wrong)
            }
            _ => Proof::Wrong,
        }
    }

    /// `None` when it is wrong or cannot be checked.
    fn digest(
        &mut self,
        now: Instant,
        request: &Request,
        answer: &DigestCredentials,
    ) -> Option<Proof> {
        let (algorithm, session) = match &answer.algorithm {
            None => (Algorithm::Md5, false),
            Some(named) => Algorithm::from_header(named)?,
        };
        let offered = self.schemes.contains(&Scheme::Digest(algorithm));
        if !offered
            || answer.userhash
            || answer.realm != self.users.realm()
            || !names(&answer.uri, request, &self.leniency)
        {
            return None;
        }
        let count = match answer.qop {
            // The old form (RFC 2069), which live555 and many cameras send whatever is offered.
            None if self.leniency.digest_without_qop => None,
            // `auth-int` proves more than is asked for.
            Some(Qop::Auth | Qop::AuthInt) => Some((answer.nc?, answer.cnonce.as_deref()?)),
            _ => return None,
        };
        let user = self.users.prove(&answer.username, algorithm, |secret| {
            let session_key;
            let secret = if session {
                let cnonce = answer.cnonce.as_deref().unwrap_or("");
                session_key = session_secret(algorithm, secret, &answer.nonce, cnonce);
                &session_key
            } else {
                secret
            };
            proves(answer, algorithm, secret, request, count)
        })?;
        Some(
            match self
                .nonces
                .spend(now, &answer.nonce, count.map(|(nc, _)| nc))
            {
                Use::Fresh => Proof::User(user),
                Use::Stale => Proof::Stale,
            },
        )
    }
}

/// Is the answer's response the one that this secret gives?
fn proves(
    answer: &DigestCredentials,
    algorithm: Algorithm,
    secret: &str,
    request: &Request,
    count: Option<(u32, &str)>,
) -> bool {
    let method = request.method.as_str();
    let body = (answer.qop == Some(Qop::AuthInt)).then_some(&*request.body);
    let given = answer.response.to_ascii_lowercase();
    let right = |auth: Option<Auth<'_>>| {
        let expected = response(algorithm, secret, &answer.nonce, auth, method, &answer.uri);
        constant_time_eq(expected.as_bytes(), given.as_bytes())
    };
    let Some((nc, cnonce)) = count else {
        return right(None);
    };
    // The count is hashed as it was written, and it may have been written in capitals.
    [format!("{nc:08x}"), format!("{nc:08X}")]
        .iter()
        .any(|nc| right(Some(Auth { nc, cnonce, body })))
}

/// Does the `uri` of a Digest answer name what the request is about? It must be the request's URI (RFC 7616 §3.4.6), or
/// - the same without scheme and host ([`Leniency::digest_path_only`]);
/// - with SETUP, the presentation that the media belongs to ([`Leniency::digest_presentation_uri`]).
fn names(uri: &str, request: &Request, leniency: &Leniency) -> bool {
    let target = match &request.target {
        RequestTarget::Uri(target) => target.without_userinfo(),
        other => return uri == other.as_str(),
    };
    let whole = target.as_str();
    if uri == whole {
        return true;
    }
    if uri.starts_with('/') {
        return leniency.digest_path_only && path_and_query(whole) == Some(uri);
    }
    let base = uri.strip_suffix('/').unwrap_or(uri);
    leniency.digest_presentation_uri
        && request.method == Method::Setup
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
