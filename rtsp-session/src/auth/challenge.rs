//! The answering side: picks the best challenge that it understands, and answers it.

use super::Credentials;
use super::digest::{Algorithm, Auth, response, secret, session_secret};
use crate::random::Random;
use rtsp_msg::headers::{
    self, AuthenticationInfo, Authorization, Challenge, DigestChallenge, DigestCredentials, Qop,
    WwwAuthenticate,
};
use rtsp_msg::{Header, HeaderName, Leniency, Request, Response};
use std::fmt;

/// What to do after a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum Challenged {
    /// Send the request again, with the Authorization header of [`Answerer::authorize`].
    Retry,
    /// The credentials were refused: no point in sending them again.
    Refused,
    /// No challenge in it that can be answered.
    Unanswerable,
}

/// The answering side of one server.
///
/// Takes the strongest scheme that is offered (RFC 7616 §3.7): Digest with SHA-512-256, SHA-256, MD5, Basic; what it does not
/// know it skips.
///
/// ```
/// use rtsp_session::{auth::{Answerer, Challenged, Credentials}, random::Random};
/// use rtsp_msg::{HeaderName, Method, Request, Response, StatusCode, Uri, Version};
/// let mut answerer = Answerer::new(Credentials::new("ann", "hunter2"));
/// let mut response = Response::new(Version::V1_0, StatusCode::UNAUTHORIZED);
/// response.headers.append(HeaderName::WwwAuthenticate, "Basic realm=\"cam\"");
/// assert_eq!(answerer.challenged(&response), Challenged::Retry);
/// let request = Request::new(Method::Describe, Uri::parse("rtsp://h/a")?, Version::V1_0);
/// let value = answerer.authorize(&request, &mut Random::from_seed([0; 32]));
/// assert_eq!(value.as_deref(), Some("Basic YW5uOmh1bnRlcjI="));
/// assert_eq!(answerer.challenged(&response), Challenged::Refused);
/// # Ok::<(), rtsp_msg::UriError>(())
/// ```
#[derive(Debug)]
pub struct Answerer {
    credentials: Credentials,
    /// Basic is answered only where allowed: it shows the password to everyone on the way.
    basic: bool,
    /// The last challenge could have been answered by Basic alone.
    withheld: bool,
    chosen: Option<Chosen>,
    /// The chosen challenge was answered at least once.
    answered: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Chosen {
    Basic,
    Digest {
        algorithm: Algorithm,
        session: bool,
        challenge: DigestChallenge,
        count: u32,
    },
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic => f.write_str("Basic"),
            Self::Digest { algorithm, .. } => write!(f, "Digest({algorithm})"),
        }
    }
}

impl Answerer {
    /// Will answer with these credentials.
    #[must_use]
    pub const fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            basic: true,
            withheld: false,
            chosen: None,
            answered: false,
        }
    }

    /// Whether Basic may be answered from now on: not on connections that others can read. At first it may.
    pub fn allow_basic(&mut self, allowed: bool) {
        self.basic = allowed;
        if !allowed && matches!(self.chosen, Some(Chosen::Basic)) {
            self.chosen = None;
        }
    }

    /// Whether the last challenge was for Basic alone, which was not allowed.
    #[must_use]
    pub const fn has_withheld(&self) -> bool {
        self.withheld
    }

    /// Reads the challenges of a 401. A line that cannot be read takes no others with it.
    pub fn challenged(&mut self, response: &Response) -> Challenged {
        let leniency = Leniency::default();
        let mut best: Option<(Chosen, bool)> = None;
        let mut basic_offered = false;
        for line in response.headers.all(&HeaderName::WwwAuthenticate) {
            let Ok(offered) = WwwAuthenticate::decode(&mut std::iter::once(line), &leniency) else {
                continue;
            };
            for (chosen, stale) in offered.0.into_iter().filter_map(Chosen::of) {
                basic_offered |= chosen == Chosen::Basic;
                let usable = self.basic || chosen != Chosen::Basic;
                if usable
                    && best
                        .as_ref()
                        .is_none_or(|(best, _)| chosen.strength() > best.strength())
                {
                    best = Some((chosen, stale));
                }
            }
        }
        self.withheld = best.is_none() && basic_offered;
        let Some((chosen, stale)) = best else {
            return Challenged::Unanswerable;
        };
        let refused = self.answered && !stale;
        self.chosen = Some(chosen);
        self.answered = false;
        if refused {
            Challenged::Refused
        } else {
            Challenged::Retry
        }
    }

    /// The value of the Authorization header for a request, once a challenge was read. A new one for each request: nonces are
    /// counted.
    pub fn authorize(&mut self, request: &Request, random: &mut Random) -> Option<String> {
        let chosen = self.chosen.as_mut()?;
        self.answered = true;
        let mut value = String::new();
        chosen
            .answer(&self.credentials, request, random)
            .encode(&mut value);
        Some(value)
    }

    /// Reads a response that is not 401. It proves that the credentials are good, so that a later challenge is answered again.
    /// The next nonce in its Authentication-Info takes the place of the one in use (RFC 7616 §3.5).
    pub fn accepted(&mut self, response: &Response) {
        self.answered = false;
        let given = response.headers.typed::<AuthenticationInfo>();
        let next = given.ok().flatten().and_then(|all| all.nextnonce);
        if let (
            Some(next),
            Some(Chosen::Digest {
                challenge, count, ..
            }),
        ) = (next, &mut self.chosen)
        {
            challenge.nonce = next;
            *count = 0;
        }
    }
}

/// The protection to answer with: bodies are hashed only where the server insists.
fn qop_of(challenge: &DigestChallenge) -> Option<Qop> {
    [Qop::Auth, Qop::AuthInt]
        .into_iter()
        .find(|qop| challenge.qop.contains(qop))
}

impl Chosen {
    /// A challenge that can be answered, and whether it says that only the nonce was old.
    fn of(challenge: Challenge) -> Option<(Self, bool)> {
        let challenge = match challenge {
            Challenge::Basic { .. } => return Some((Self::Basic, false)),
            Challenge::Digest(challenge) => challenge,
            _ => return None,
        };
        let named = challenge
            .algorithm
            .as_ref()
            .unwrap_or(&headers::Algorithm::Md5);
        let (algorithm, session) = Algorithm::from_header(named)?;
        if !challenge.qop.is_empty() && qop_of(&challenge).is_none() {
            return None; // none that is known
        }
        let stale = challenge.stale;
        Some((
            Self::Digest {
                algorithm,
                session,
                challenge,
                count: 0,
            },
            stale,
        ))
    }

    const fn strength(&self) -> u8 {
        match self {
            Self::Basic => 0,
            Self::Digest {
                algorithm: Algorithm::Md5,
                ..
            } => 1,
            Self::Digest {
                algorithm: Algorithm::Sha256,
                ..
            } => 2,
            Self::Digest {
                algorithm: Algorithm::Sha512_256,
                ..
            } => 3,
        }
    }

    fn answer(
        &mut self,
        credentials: &Credentials,
        request: &Request,
        random: &mut Random,
    ) -> Authorization {
        let (method, uri) = (request.method.as_str(), request.target.as_str());
        let Credentials { username, password } = credentials.clone();
        let Self::Digest {
            algorithm,
            session,
            challenge,
            count,
        } = self
        else {
            return Authorization::Basic { username, password };
        };
        *count = count.wrapping_add(1).max(1);
        let (nc, cnonce) = (format!("{count:08x}"), random.letters(22));
        let mut key = secret(*algorithm, &username, &challenge.realm, &password);
        if *session {
            key = session_secret(*algorithm, &key, &challenge.nonce, &cnonce);
        }
        let qop = qop_of(challenge);
        let counted = qop.is_some();
        let auth = qop.map(|qop| Auth {
            nc: &nc,
            cnonce: &cnonce,
            body: (qop == Qop::AuthInt).then_some(&*request.body),
        });
        let response = response(*algorithm, &key, &challenge.nonce, auth, method, uri);
        Authorization::Digest(DigestCredentials {
            username,
            realm: challenge.realm.clone(),
            nonce: challenge.nonce.clone(),
            uri: uri.to_owned(),
            response,
            opaque: challenge.opaque.clone(),
            algorithm: challenge.algorithm.clone(),
            qop,
            nc: counted.then_some(*count),
            cnonce: (counted || *session).then_some(cnonce),
            userhash: false,
        })
    }
}

#[cfg(test)]
mod tests;
