//! Others that prove who somebody is: an HTTP server that is asked, and who signs tokens.

use std::{fmt, time::Duration};

/// An HTTP server that is asked about users whom this server does not know: by POST of a JSON object with `user`, `password`, `token`, `ip`,
/// `action` (`read`, `publish`, `control`), `path` and `protocol` (`rtsp`, `rtsps`). It answers 2xx for yes, 401 where the credentials are
/// wrong, 403 where they are right and that is not allowed. Any other answer, and none, is a no for now.
///
/// It is asked where the configuration wants a user ([`Access::Users`](super::Access::Users), [`Access::Permitted`](super::Access::Permitted),
/// [`Access::Guarded`](super::Access::Guarded)), and only about peers that show credentials.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpCheck {
    /// Where it is, an `http://` or `https://` URL.
    pub url: String,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long a yes holds on the connection that it was for.
    pub remember: Duration,
}

impl HttpCheck {
    /// Asks at `url`; an answer may take 3 s, and holds for 30 s.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            timeout: Duration::from_secs(3),
            remember: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for HttpCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCheck")
            .field("url", &shown(&self.url))
            .field("timeout", &self.timeout)
            .field("remember", &self.remember)
            .finish()
    }
}

/// Whose tokens prove users: JSON Web Tokens (RFC 7519) that are signed by keys of a JWK set (RFC 7517), offered by Bearer (RFC 6750) or as
/// the password of Basic, with any user name.
///
/// A token has to say until when it is good (`exp`) and whose it is (`sub`). It is signed by RSA (2048 bits or more), by ECDSA with P-256 or
/// P-384, or by Ed25519; by which of them, its key says, not the token. Symmetric keys are not used.
///
/// Signatures are checked by the process's provider of the crate `jsonwebtoken`. Where a program that embeds the server has installed none,
/// starting a server that takes tokens installs one that uses *ring* and can only check.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// Where their keys are, an `http://` or `https://` URL.
    pub keys: String,
    /// Who has to have issued them (`iss`). `None`: whoever has the keys.
    pub issuer: Option<String>,
    /// For whom they have to be (`aud`). `None`: for nobody in particular; tokens that name somebody are refused.
    pub audience: Option<String>,
    /// The claim that says what a token allows: a list of objects with `actions` (of `read`, `publish` and `control`) and `paths` (as in
    /// [`Permission::paths`](crate::Permission::paths)). A token without the claim allows nothing. `None`: tokens prove users, and
    /// [`Config::permissions`](super::Config::permissions) say what users may.
    pub rights: Option<String>,
    /// How old keys may become before they are fetched again, 10 s at least. They are fetched for a token with an unknown key too, once in
    /// 10 s at most. Where they cannot be had those that were good stay so until they are four times as old.
    pub refresh: Duration,
}

impl Tokens {
    /// Tokens that are signed by the keys at `keys`, which are fetched each hour.
    #[must_use]
    pub fn new(keys: impl Into<String>) -> Self {
        Self {
            keys: keys.into(),
            issuer: None,
            audience: None,
            rights: None,
            refresh: Duration::from_secs(3600),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("keys", &shown(&self.keys))
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("rights", &self.rights)
            .field("refresh", &self.refresh)
            .finish()
    }
}

/// What of a URL may be shown: neither who asks, nor what is behind the path.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "…".into();
    };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if rest.contains('@') {
        // It may be a password that was not escaped.
        return format!("{scheme}://…");
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_urls_are_not_shown() {
        for (url, expected) in [
            ("https://auth.example/rtsp", "https://auth.example/rtsp"),
            ("https://me:pass@w@h:1/a?key=x#y", "https://h:1/a"),
            ("http://u:p@h", "http://h"),
            ("http://h?x@y", "http://…"),
            ("http://u:pa/ss@h/a", "http://…"),
            ("secret", "…"),
        ] {
            assert_eq!(shown(url), expected);
        }
        let shown = format!("{:?}", HttpCheck::new("http://me:hunter2@h/?hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
        let shown = format!("{:?}", Tokens::new("http://me:hunter2@h/?hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
