//! Proves what connections hand out: passwords and tokens. Bounded in number, for each address too, and never on a shard.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Instant};

use rtsp_session::{
    auth::{Algorithm, Credentials, Offered, Users, constant_time_eq},
    random::Random,
};

use super::{
    check::Check,
    http::HttpUrlError,
    passwords,
    permission::Permission,
    token::{self, TokenProver, Worth},
    turns::Turns,
};
use crate::config::Config;

/// Tokens that are looked at at once: their keys may have to be fetched.
const TOKENS_AT_ONCE: usize = 8;

/// Who somebody is.
#[derive(Clone, Debug)]
pub(crate) struct Proved {
    pub(crate) user: Arc<str>,
    /// What the user's token allows, where it says so, or what others have said yes to.
    pub(crate) rights: Option<Arc<[Permission]>>,
    /// How long that holds on the connection.
    pub(crate) until: Option<Instant>,
    /// Others were asked, and are asked again about what is not among the rights.
    pub(crate) elsewhere: bool,
}

/// What came of a check.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Proved(Proved),
    /// Nobody that this server knows: others have to be asked, about what is wanted.
    Elsewhere,
    /// They were good, and are not any more.
    Expired,
    Wrong,
    /// Too many checks are under way, or nobody can tell now.
    Busy,
}

/// Proves passwords and tokens.
pub(crate) struct Verifier {
    plain: Arc<Users>,
    hashed: HashMap<Arc<str>, Arc<str>>,
    /// The hash that is checked for users that do not exist, so that they take the same time.
    nobody: Option<Arc<str>>,
    tokens: Option<Arc<TokenProver>>,
    check: Option<Check>,
    passwords: Turns,
    signatures: Turns,
    salt: String,
}

impl Verifier {
    /// For the users of a configuration, and of those that it names to be asked.
    pub(crate) fn new(config: &Config, random: &mut Random) -> Result<Self, HttpUrlError> {
        let (hashed, plain): (Vec<_>, Vec<_>) = config
            .users
            .iter()
            .partition(|user| passwords::is_hash(&user.password));
        let hashed: HashMap<Arc<str>, Arc<str>> = hashed
            .into_iter()
            .map(|user| (user.username.as_str().into(), user.password.as_str().into()))
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let tokens = config.tokens.as_ref().map(TokenProver::new).transpose()?;
        Ok(Self {
            plain: Arc::new(Users::new(&config.realm, plain.into_iter().cloned())),
            nobody: hashed.values().next().cloned(),
            hashed,
            tokens: tokens.map(Arc::new),
            check: config.check.as_ref().map(Check::new).transpose()?,
            passwords: Turns::new(cores.div_ceil(2)),
            signatures: Turns::new(TOKENS_AT_ONCE),
            salt: random.letters(32),
        })
    }

    /// Do peers have to show their secrets, because of some of them no Digest can be proved?
    pub(crate) fn needs_secrets(&self) -> bool {
        !self.hashed.is_empty() || self.takes_tokens()
    }

    /// Whether tokens are looked at, here or elsewhere.
    pub(crate) fn takes_tokens(&self) -> bool {
        self.tokens.is_some() || self.check.is_some()
    }

    /// Who is asked about users that are not known here.
    pub(crate) fn check(&self) -> Option<&Check> {
        self.check.as_ref()
    }

    /// Those whose passwords are known, for Digest.
    pub(crate) fn plain(&self) -> &Arc<Users> {
        &self.plain
    }

    /// What a connection keeps of credentials that it has proved, to know them again.
    pub(crate) fn trace(&self, offered: &Offered) -> String {
        let (kind, name, secret) = match offered {
            Offered::Password(it) => ("Basic", it.username.as_str(), it.password.as_str()),
            Offered::Token(token) => ("Bearer", "", token.as_str()),
        };
        // A name has no colon (RFC 7617 §2), so no other pair gives the same.
        Algorithm::Sha256.hash(&[&self.salt, kind, name, secret])
    }

    /// Are these the credentials that left this trace?
    pub(crate) fn left(&self, trace: &str, offered: &Offered) -> bool {
        constant_time_eq(trace.as_bytes(), self.trace(offered).as_bytes())
    }

    /// Whose credentials they are.
    pub(crate) async fn prove(&self, offered: &Offered, address: IpAddr) -> Verdict {
        match (offered, &self.tokens) {
            (Offered::Token(token), Some(prover)) => self.token(prover, token, address).await,
            (Offered::Token(_), None) if self.check.is_some() => Verdict::Elsewhere,
            (Offered::Token(_), None) => Verdict::Wrong,
            // Players that know Basic only show a token as a password.
            (Offered::Password(it), Some(prover))
                if !self.knows(&it.username) && token::may_be(&it.password) =>
            {
                self.token(prover, &it.password, address).await
            }
            (Offered::Password(credentials), _) => self.password(credentials, address).await,
        }
    }

    fn knows(&self, username: &str) -> bool {
        self.hashed.contains_key(username) || self.plain.knows(username)
    }

    async fn token(&self, prover: &Arc<TokenProver>, token: &str, address: IpAddr) -> Verdict {
        let (prover, token) = (Arc::clone(prover), token.to_owned());
        let worth = self.signatures.take(address, move || prover.prove(&token));
        match worth.await {
            Some(Worth::Proved(proved)) => Verdict::Proved(proved),
            Some(Worth::Expired) => Verdict::Expired,
            Some(Worth::Wrong(why)) => {
                tracing::info!(%address, why, "a token proves nobody");
                Verdict::Wrong
            }
            Some(Worth::Unknown) | None => Verdict::Busy,
        }
    }

    async fn password(&self, credentials: &Credentials, address: IpAddr) -> Verdict {
        if let Some(user) = self.plain.verify(credentials) {
            return proved(user);
        }
        if self.check.is_some() && !self.knows(&credentials.username) {
            return Verdict::Elsewhere;
        }
        let known = self.hashed.get_key_value(credentials.username.as_str());
        let Some(hash) = known.map(|(_, hash)| hash).or(self.nobody.as_ref()) else {
            return Verdict::Wrong;
        };
        let (hash, password) = (Arc::clone(hash), credentials.password.clone());
        let check = move || passwords::is_right(&hash, &password);
        match (self.passwords.take(address, check).await, known) {
            (None, _) => Verdict::Busy,
            (Some(true), Some((user, _))) => proved(Arc::clone(user)),
            _ => Verdict::Wrong,
        }
    }
}

fn proved(user: Arc<str>) -> Verdict {
    Verdict::Proved(Proved {
        user,
        rights: None,
        until: None,
        elsewhere: false,
    })
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn verifier(asks_elsewhere: bool) -> Verifier {
        let config = Config {
            check: asks_elsewhere.then(|| crate::HttpCheck::new("http://127.0.0.1:9/")),
            users: vec![
                Credentials::new("plain", "hunter2"),
                Credentials::new("hashed", passwords::tests::quick("hunter2")),
            ],
            ..Config::default()
        };
        Verifier::new(&config, &mut Random::from_seed([7; 32])).unwrap()
    }

    fn offer(name: &str, password: &str) -> Offered {
        Offered::Password(Credentials::new(name, password))
    }

    #[tokio::test]
    async fn both_kinds_of_users_are_proved_and_nobody_else() {
        let verifier = verifier(false);
        for name in ["plain", "hashed"] {
            let verdict = verifier.prove(&offer(name, "hunter2"), HERE).await;
            assert!(matches!(verdict, Verdict::Proved(it) if &*it.user == name));
        }
        let hash = passwords::tests::quick("hunter2");
        for (name, password) in [
            ("plain", "x"),
            ("hashed", "x"),
            ("hashed", ""),
            ("nobody", "hunter2"),
            // Who has the hash does not have the password.
            ("hashed", &hash),
        ] {
            let verdict = verifier.prove(&offer(name, password), HERE).await;
            assert!(matches!(verdict, Verdict::Wrong), "{name}:{password}");
        }
        assert!(
            verifier.passwords.places().are_all_back(),
            "places come back"
        );
    }

    #[tokio::test]
    async fn whom_this_server_does_not_know_others_may() {
        let verifier = verifier(true);
        for offered in [offer("nobody", "x"), Offered::Token("x".into())] {
            let verdict = verifier.prove(&offered, HERE).await;
            assert!(matches!(verdict, Verdict::Elsewhere), "{offered:?}");
        }
        for name in ["plain", "hashed"] {
            let verdict = verifier.prove(&offer(name, "x"), HERE).await;
            assert!(matches!(verdict, Verdict::Wrong), "{name} is ours");
        }
    }

    #[tokio::test]
    async fn one_address_cannot_take_all_places() {
        let verifier = verifier(false);
        let places: Vec<_> = (0..10)
            .filter_map(|_| verifier.passwords.places().take(HERE))
            .collect();
        assert_eq!(places.len(), super::super::turns::PER_ADDRESS);
        let verdict = verifier.prove(&offer("hashed", "hunter2"), HERE).await;
        assert!(matches!(verdict, Verdict::Busy));
        let other = [192, 0, 2, 1].into();
        let verdict = verifier.prove(&offer("hashed", "hunter2"), other).await;
        assert!(
            matches!(verdict, Verdict::Proved(_)),
            "another address has its own"
        );
        drop(places);
        let verdict = verifier.prove(&offer("hashed", "hunter2"), HERE).await;
        assert!(matches!(verdict, Verdict::Proved(_)));
    }

    #[test]
    fn traces_are_of_these_credentials_only() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        let verifier = verifier(false);
        let trace = verifier.trace(&offer("ann", "b:c"));
        assert!(verifier.left(&trace, &offer("ann", "b:c")));
        for other in [
            offer("ann", "b"),
            offer("bob", "b:c"),
            Offered::Token("b:c".into()),
        ] {
            assert!(!verifier.left(&trace, &other));
        }
        assert!(!trace.contains("b:c"));
    }
}
