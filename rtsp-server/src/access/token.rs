//! JSON Web Tokens (RFC 7519): whose they are, until when, and what they allow.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use jsonwebtoken::{Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    http::HttpUrlError,
    keys::{Found, KeySet},
    permission::{Permission, Who},
    signature,
    verify::Proved,
};
use crate::{config::Tokens, handler::Action};

/// The longest token that is looked at, in bytes: they have to fit into a header line.
const MOST_BYTES: usize = 8 * 1024;
/// How far clocks may be apart, in seconds.
const LEEWAY: u64 = 30;
/// The most rights of one token, and the longest name of a user.
const MOST_RIGHTS: usize = 64;
const MOST_NAME: usize = 256;

/// Proves tokens.
pub(crate) struct TokenProver {
    keys: KeySet,
    tokens: Tokens,
}

/// What a token is worth.
#[derive(Debug)]
pub(crate) enum Worth {
    Proved(Proved),
    /// It was good.
    Expired,
    Wrong(&'static str),
    /// Its keys cannot be had.
    Unknown,
}

impl TokenProver {
    pub(crate) fn new(tokens: &Tokens) -> Result<Self, HttpUrlError> {
        signature::install();
        Ok(Self {
            keys: KeySet::new(tokens)?,
            tokens: tokens.clone(),
        })
    }

    /// Looks at a token. Its key may have to be fetched: this blocks.
    pub(crate) fn prove(&self, token: &str) -> Worth {
        if token.len() > MOST_BYTES {
            return Worth::Wrong("it is too long");
        }
        let Ok(header) = decode_header(token) else {
            return Worth::Wrong("it is no JSON Web Token");
        };
        if header.crit.is_some() {
            // RFC 7515 §4.1.11: what has to be understood and is not.
            return Worth::Wrong("it has critical extensions");
        }
        let key = match self.keys.find(header.kid.as_deref()) {
            Found::Key(key) => key,
            Found::Unknown => return Worth::Wrong("its key is not known"),
            Found::Unavailable => return Worth::Unknown,
        };
        // The key's algorithm, whatever the token says.
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = &self.tokens.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.tokens.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        match decode::<Map<String, Value>>(token, &key.key, &validation) {
            Ok(data) => self.claims(&data.claims),
            Err(error) => match error.kind() {
                ErrorKind::ExpiredSignature => Worth::Expired,
                ErrorKind::InvalidSignature => Worth::Wrong("its signature is not its key's"),
                ErrorKind::InvalidAlgorithm => Worth::Wrong("its algorithm is not its key's"),
                ErrorKind::ImmatureSignature => Worth::Wrong("it is not good yet"),
                ErrorKind::InvalidIssuer => Worth::Wrong("somebody else issued it"),
                ErrorKind::InvalidAudience => Worth::Wrong("it is for somebody else"),
                ErrorKind::MissingRequiredClaim(_) => Worth::Wrong("a claim is missing"),
                _ => Worth::Wrong("it cannot be read"),
            },
        }
    }

    fn claims(&self, claims: &Map<String, Value>) -> Worth {
        let subject = claims.get("sub").and_then(Value::as_str);
        let subject = subject.filter(|name| {
            (1..=MOST_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
        });
        let Some(subject) = subject else {
            return Worth::Wrong("its user's name cannot be used");
        };
        let rights = match &self.tokens.rights {
            None => None,
            Some(claim) => match rights(claims.get(claim)) {
                Some(rights) => Some(rights),
                None => return Worth::Wrong("its rights cannot be read"),
            },
        };
        let Some(until) = claims.get("exp").and_then(until) else {
            return Worth::Expired;
        };
        Worth::Proved(Proved {
            // No user of the configuration has a colon in its name.
            user: format!("token:{subject}").into(),
            rights,
            until: Some(until),
            elsewhere: false,
        })
    }
}

/// Whether a password may be a token.
pub(crate) fn may_be(password: &str) -> bool {
    password.starts_with("eyJ") && password.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// When a token is good no more; `None` where that has come.
fn until(expires: &Value) -> Option<Instant> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let left = expires.as_f64()? + LEEWAY as f64 - since.ok()?.as_secs_f64();
    // For ever is as good as a century.
    let left = Duration::try_from_secs_f64(left.min(3.2e9)).ok()?;
    Instant::now().checked_add(left)
}

#[derive(Deserialize)]
// What is not understood may be meant to restrict.
#[serde(deny_unknown_fields)]
struct Right {
    actions: Vec<String>,
    paths: Vec<String>,
}

/// What a token allows; `None` where that cannot be read. Where nothing is said it is nothing.
fn rights(claim: Option<&Value>) -> Option<Arc<[Permission]>> {
    let Some(claim) = claim else {
        return Some(Arc::default());
    };
    let claim = claim.as_array().filter(|it| it.len() <= MOST_RIGHTS)?;
    claim.iter().map(right).collect()
}

fn right(value: &Value) -> Option<Permission> {
    let right = Right::deserialize(value).ok()?;
    let mut permission = Permission::new(Who::Users);
    let named = |name: &String| {
        let all = Action::ALL.into_iter();
        all.into_iter().find(|action| action.as_str() == name)
    };
    permission.actions = right.actions.iter().map(named).collect::<Option<_>>()?;
    let is_pattern = |path: &String| {
        path.starts_with('/') && !path.strip_suffix('*').unwrap_or(path).contains('*')
    };
    // A permission without paths would be for all of them.
    let good = !right.paths.is_empty() && right.paths.iter().all(is_pattern);
    permission.paths = right.paths;
    good.then_some(permission)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rights_are_what_is_said_and_nothing_else() {
        assert_eq!(rights(None).unwrap().len(), 0, "nothing is said");
        let claim = json!([
            {"actions": ["read"], "paths": ["/cams/*", "/door"]},
            {"actions": ["publish", "control"], "paths": ["/mine"]},
            {"actions": [], "paths": ["/x"]},
        ]);
        let rights = rights(Some(&claim)).unwrap();
        assert_eq!(rights.len(), 3);
        assert_eq!(rights[0].actions, [Action::Read]);
        assert_eq!(rights[0].paths, ["/cams/*", "/door"]);
        assert_eq!(rights[1].actions, [Action::Publish, Action::Control]);
        assert_eq!(rights[2].actions, []);
    }

    #[test]
    fn rights_that_cannot_be_read_are_no_rights() {
        let many = vec![json!({"actions": ["read"], "paths": ["/"]}); MOST_RIGHTS + 1];
        for claim in [
            json!("read"),
            json!(null),
            json!({}),
            json!([1]),
            json!([{"actions": ["read"]}]),
            json!([{"paths": ["/a"]}]),
            json!([{"actions": ["read"], "paths": []}]),
            json!([{"actions": ["read"], "paths": [""]}]),
            json!([{"actions": ["read"], "paths": ["a"]}]),
            json!([{"actions": ["read"], "paths": ["*"]}]),
            json!([{"actions": ["read"], "paths": ["/a*b"]}]),
            json!([{"actions": ["delete"], "paths": ["/a"]}]),
            json!([{"actions": "read", "paths": ["/a"]}]),
            json!([{"actions": ["read"], "paths": ["/a"], "from": ["192.0.2.1"]}]),
            json!(many),
        ] {
            assert!(rights(Some(&claim)).is_none(), "{claim}");
        }
    }

    #[test]
    fn times_that_are_no_times_are_over() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap().as_secs();
        assert!(until(&json!(now + 60)).is_some() && until(&json!(1e300)).is_some());
        for value in [json!(0), json!(-1e300), json!("x"), json!(now - LEEWAY - 1)] {
            assert!(until(&value).is_none(), "{value}");
        }
    }

    #[test]
    fn passwords_are_told_from_tokens() {
        assert!(may_be("eyJhbGciOiJub25lIn0.e30."));
        for password in ["", "a.b.c", "eyJ", "eyJ.a", "eyJ.a.b.c"] {
            assert!(!may_be(password), "{password}");
        }
    }
}
