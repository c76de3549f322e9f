//! Who may prove to be whom: the server's list of users.

use super::digest::{Algorithm, secret};
use super::{Credentials, constant_time_eq};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A way to prove a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// RFC 7617: the password itself, readable by everyone on the way without TLS.
    Basic,
    /// RFC 7616 with this hash.
    Digest(Algorithm),
    /// RFC 6750: a token, which everyone on the way can use without TLS. Only a shell that looks into tokens offers it.
    Bearer,
}

impl Scheme {
    /// All schemes that prove a password, in the order in which they are offered.
    ///
    /// RFC 7616 §3.7 asks for the preferred one first. FFmpeg, GStreamer and live555 (so VLC) take the *last* Digest that they
    /// see, whatever its hash, then fail if it is not MD5: so MD5 is the last Digest. All three prefer any Digest to Basic.
    pub const ALL: [Self; 4] = [
        Self::Digest(Algorithm::Sha512_256),
        Self::Digest(Algorithm::Sha256),
        Self::Digest(Algorithm::Md5),
        Self::Basic,
    ];
}

/// The users of one realm. Keeps hashes, not passwords; `Debug` shows neither.
///
/// ```
/// use rtsp_session::auth::{Credentials, Users};
/// let users = Users::new("trackside", [Credentials::new("ann", "hunter2")]);
/// assert!(users.verify(&Credentials::new("ann", "hunter2")).is_some());
/// assert!(users.verify(&Credentials::new("ann", "hunter3")).is_none());
/// ```
pub struct Users {
    realm: String,
    known: HashMap<Arc<str>, Secrets>,
    /// Stands for users that do not exist, so that they cost the same time.
    nobody: Secrets,
}

struct Secrets {
    md5: String,
    sha256: String,
    sha512_256: String,
}

impl Secrets {
    fn new(realm: &str, credentials: &Credentials) -> Self {
        let of = |algorithm| {
            secret(
                algorithm,
                &credentials.username,
                realm,
                &credentials.password,
            )
        };
        Self {
            md5: of(Algorithm::Md5),
            sha256: of(Algorithm::Sha256),
            sha512_256: of(Algorithm::Sha512_256),
        }
    }

    fn of(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Sha512_256 => &self.sha512_256,
        }
    }
}

impl Users {
    /// The users of `realm`. Quotes, backslashes and controls in the realm become `_`: several peers do not unescape it.
    pub fn new(realm: &str, credentials: impl IntoIterator<Item = Credentials>) -> Self {
        let realm: String = realm
            .chars()
            .map(|c| {
                if c == '"' || c == '\\' || c.is_control() {
                    '_'
                } else {
                    c
                }
            })
            .collect();
        let known = credentials
            .into_iter()
            .map(|one| (Arc::from(one.username.as_str()), Secrets::new(&realm, &one)))
            .collect();
        let nobody = Secrets::new(&realm, &Credentials::new("", ""));
        Self {
            realm,
            known,
            nobody,
        }
    }

    /// What the password is for, as shown to the peer's user.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Is there such a user?
    #[must_use]
    pub fn knows(&self, username: &str) -> bool {
        self.known.contains_key(username)
    }

    /// True when nobody can prove anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Checks a password in the clear. Takes the same time for unknown users and wrong passwords.
    #[must_use]
    pub fn verify(&self, credentials: &Credentials) -> Option<Arc<str>> {
        let offered = secret(
            Algorithm::Sha256,
            &credentials.username,
            &self.realm,
            &credentials.password,
        );
        self.prove(&credentials.username, Algorithm::Sha256, |kept| {
            constant_time_eq(kept.as_bytes(), offered.as_bytes())
        })
    }

    /// Lets `proof` judge the user's secret H(username:realm:password). `None` when it fails or the user is unknown.
    pub fn prove(
        &self,
        username: &str,
        algorithm: Algorithm,
        proof: impl FnOnce(&str) -> bool,
    ) -> Option<Arc<str>> {
        match self.known.get_key_value(username) {
            Some((name, secrets)) => proof(secrets.of(algorithm)).then(|| Arc::clone(name)),
            None => {
                std::hint::black_box(proof(self.nobody.of(algorithm)));
                None
            }
        }
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users")
            .field("realm", &self.realm)
            .field("count", &self.known.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_pair_passes() {
        let users = Users::new(
            "a \"b\"",
            [Credentials::new("ann", "x"), Credentials::new("bob", "")],
        );
        assert_eq!(users.realm(), "a _b_");
        assert_eq!(
            users.verify(&Credentials::new("ann", "x")).as_deref(),
            Some("ann")
        );
        assert_eq!(
            users.verify(&Credentials::new("bob", "")).as_deref(),
            Some("bob")
        );
        for (name, password) in [
            ("ann", ""),
            ("ann", "X"),
            ("bob", "x"),
            ("", ""),
            ("Ann", "x"),
        ] {
            assert_eq!(
                users.verify(&Credentials::new(name, password)),
                None,
                "{name}:{password}"
            );
        }
        let shown = format!("{users:?}");
        assert!(!shown.contains("ann"), "{shown}");
    }

    #[test]
    fn nobody_cannot_be_proved_even_by_a_yes() {
        let users = Users::new("r", []);
        assert!(users.is_empty());
        assert_eq!(users.prove("", Algorithm::Md5, |_| true), None);
    }
}
