//! The answering side: picks the best challenge that it understands, and answers it.

use super::digest::{Algorithm, Auth, response, secret, session_secret};
use super::{Credentials, basic, parameters};
use crate::random::Random;
use rtsp_msg::{HeaderName, Response};
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
/// Takes the strongest scheme that is offered (RFC 7616 §3.7): Digest with SHA-256, Digest with MD5, Basic; what it does not
/// know it skips.
///
/// ```
/// use rtsp_session::{auth::{Answerer, Challenged, Credentials}, random::Random};
/// use rtsp_msg::{HeaderName, Response, StatusCode, Version};
/// let mut answerer = Answerer::new(Credentials::new("ann", "hunter2"));
/// let mut response = Response::new(Version::V1_0, StatusCode::UNAUTHORIZED);
/// response.headers.append(HeaderName::WwwAuthenticate, "Basic realm=\"cam\"");
/// assert_eq!(answerer.challenged(&response), Challenged::Retry);
/// let value = answerer.authorize("DESCRIBE", "rtsp://h/a", &mut Random::from_seed([0; 32]));
/// assert_eq!(value.as_deref(), Some("Basic YW5uOmh1bnRlcjI="));
/// assert_eq!(answerer.challenged(&response), Challenged::Refused);
/// ```
#[derive(Debug)]
pub struct Answerer {
    credentials: Credentials,
    /// Basic is answered only where allowed: it shows the password to everyone on the way.
    basic: bool,
    chosen: Option<Challenge>,
    /// The chosen challenge was answered at least once.
    answered: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Challenge {
    Basic,
    Digest {
        algorithm: Algorithm,
        session: bool,
        /// As spelled by the server; some compare it.
        algorithm_name: Option<String>,
        realm: String,
        nonce: String,
        opaque: Option<String>,
        auth: bool,
        count: u32,
    },
}

impl fmt::Debug for Challenge {
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
            chosen: None,
            answered: false,
        }
    }

    /// Never answers Basic: for connections that others can read.
    #[must_use]
    pub const fn without_basic(mut self) -> Self {
        self.basic = false;
        self
    }

    /// Reads the challenges of a 401.
    pub fn challenged(&mut self, response: &Response) -> Challenged {
        let mut best: Option<(Challenge, bool)> = None;
        for value in response.headers.all(&HeaderName::WwwAuthenticate) {
            for one in split(value) {
                let Some((challenge, stale)) = Challenge::parse(one) else {
                    continue;
                };
                let usable = self.basic || challenge != Challenge::Basic;
                if usable
                    && best
                        .as_ref()
                        .is_none_or(|(best, _)| challenge.strength() > best.strength())
                {
                    best = Some((challenge, stale));
                }
            }
        }
        let Some((challenge, stale)) = best else {
            return Challenged::Unanswerable;
        };
        let refused = self.answered && !stale;
        self.chosen = Some(challenge);
        self.answered = false;
        if refused {
            Challenged::Refused
        } else {
            Challenged::Retry
        }
    }

    /// The value of the Authorization header for a request, once a challenge was read. A new one for each request: nonces are
    /// counted. `uri` is the request's target as it is sent.
    pub fn authorize(&mut self, method: &str, uri: &str, random: &mut Random) -> Option<String> {
        let challenge = self.chosen.as_mut()?;
        self.answered = true;
        Some(challenge.answer(&self.credentials, method, uri, random))
    }

    /// The nonce of an Authentication-Info header takes the place of the one in use (RFC 7616 §3.5). A response that is not 401
    /// proves that the credentials are good, so that a later challenge is answered again.
    pub fn accepted(&mut self, response: &Response) {
        self.answered = false;
        let Some(value) = response.headers.first(&HeaderName::AuthenticationInfo) else {
            return;
        };
        let next = parameters::parse(value).and_then(|mut all| all.take("nextnonce"));
        if let (Some(next), Some(Challenge::Digest { nonce, count, .. })) = (next, &mut self.chosen)
        {
            *nonce = next;
            *count = 0;
        }
    }
}

impl Challenge {
    /// One challenge, and whether it says that only the nonce was old.
    fn parse(text: &str) -> Option<(Self, bool)> {
        let (scheme, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("Basic") {
            return Some((Self::Basic, false));
        }
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut all = parameters::parse(rest)?;
        let algorithm_name = all.take("algorithm");
        let name = algorithm_name.as_deref().unwrap_or("MD5");
        let qop = all.take("qop");
        let auth = qop.as_deref().is_some_and(|qop| {
            qop.split(',')
                .any(|one| one.trim().eq_ignore_ascii_case("auth"))
        });
        if qop.is_some_and(|qop| !qop.trim().is_empty()) && !auth {
            return None; // auth-int only
        }
        let session = name.len() > 5 && name.to_ascii_lowercase().ends_with("-sess");
        let stale = all
            .take("stale")
            .is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
        let challenge = Self::Digest {
            algorithm: Algorithm::from_name(name)?,
            session,
            realm: all.take("realm")?,
            nonce: all.take("nonce")?,
            opaque: all.take("opaque"),
            algorithm_name,
            auth,
            count: 0,
        };
        Some((challenge, stale))
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
        }
    }

    fn answer(
        &mut self,
        credentials: &Credentials,
        method: &str,
        uri: &str,
        random: &mut Random,
    ) -> String {
        let Self::Digest {
            algorithm,
            session,
            algorithm_name,
            realm,
            nonce,
            opaque,
            auth,
            count,
        } = self
        else {
            return format!("Basic {}", basic::encode(credentials));
        };
        *count = count.wrapping_add(1).max(1);
        let (nc, cnonce) = (format!("{count:08x}"), random.letters(22));
        let mut key = secret(
            *algorithm,
            &credentials.username,
            realm,
            &credentials.password,
        );
        if *session {
            key = session_secret(*algorithm, &key, nonce, &cnonce);
        }
        let with = auth.then_some(Auth {
            nc: &nc,
            cnonce: &cnonce,
        });
        let answer = response(*algorithm, &key, nonce, with, method, uri);
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{answer}\"",
            quote(&credentials.username),
            quote(realm),
            quote(nonce),
            quote(uri),
        );
        if let Some(name) = algorithm_name {
            value.push_str(&format!(", algorithm={name}"));
        }
        if let Some(opaque) = opaque {
            value.push_str(&format!(", opaque={}", quote(opaque)));
        }
        if *auth {
            value.push_str(&format!(", qop=auth, nc={nc}, cnonce=\"{cnonce}\""));
        } else if *session {
            value.push_str(&format!(", cnonce=\"{cnonce}\""));
        }
        value
    }
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Several challenges in one line: each begins with a word that no `=` follows.
fn split(value: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                let rest = value.get(at + 1..).unwrap_or("").trim_start();
                let word = rest.split([' ', '\t', ',', '=', '"']).next().unwrap_or("");
                let after = rest.get(word.len()..).unwrap_or("");
                let parameter = after.trim_start().starts_with('=');
                if !word.is_empty()
                    && !parameter
                    && after.starts_with([' ', '\t'])
                    && starts.len() < 16
                {
                    starts.push(at + 1);
                }
            }
            _ => {}
        }
    }
    let ends = starts
        .iter()
        .skip(1)
        .map(|start| start - 1)
        .chain([value.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(&start, end)| value.get(start..end))
        .map(str::trim)
        .collect()
}

#[cfg(test)]
mod tests;
