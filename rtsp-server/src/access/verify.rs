//! Proves what connections hand out: passwords and tokens. Bounded in number, for each address too, and never on a shard.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Instant};

use rtsp_session::{
    auth::{Algorithm, Credentials, Offered, Users, constant_time_eq},
    random::Random,
};
use tokio::{runtime::Handle, sync::Semaphore};

use super::{passwords, permission::Permission};
use crate::{config::Config, places::Places};

/// Checks that may wait for their turn.
const WAITING: usize = 64;
/// Checks of one address that may be under way or wait.
const WAITING_PER_ADDRESS: usize = 4;

/// Who somebody is.
#[derive(Clone, Debug)]
pub(crate) struct Proved {
    pub(crate) user: Arc<str>,
    /// What the user's token allows, where it says so.
    pub(crate) rights: Option<Arc<[Permission]>>,
    /// How long that holds on the connection.
    pub(crate) until: Option<Instant>,
}

/// What came of a check.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Proved(Proved),
    /// Nobody that this server knows: others may.
    Unknown,
    Wrong,
    /// Too many checks are under way.
    Busy,
}

/// Proves passwords.
pub(crate) struct Verifier {
    plain: Arc<Users>,
    hashed: HashMap<Arc<str>, Arc<str>>,
    /// The hash that is checked for users that do not exist, so that they take the same time.
    nobody: Option<Arc<str>>,
    /// Others prove whom this server does not know.
    asks_elsewhere: bool,
    slots: Arc<Semaphore>,
    places: Arc<Places>,
    runtime: Handle,
    salt: String,
}

impl Verifier {
    pub(crate) fn new(config: &Config, asks_elsewhere: bool, random: &mut Random) -> Self {
        let (hashed, plain): (Vec<_>, Vec<_>) = config
            .users
            .iter()
            .partition(|user| passwords::is_hash(&user.password));
        let hashed: HashMap<Arc<str>, Arc<str>> = hashed
            .into_iter()
            .map(|user| (user.username.as_str().into(), user.password.as_str().into()))
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            plain: Arc::new(Users::new(&config.realm, plain.into_iter().cloned())),
            nobody: hashed.values().next().cloned(),
            hashed,
            asks_elsewhere,
            slots: Arc::new(Semaphore::new(cores.div_ceil(2))),
            places: Places::new(WAITING, WAITING_PER_ADDRESS, true),
            runtime: Handle::current(),
            salt: random.letters(32),
        }
    }

    /// Do peers have to show their secrets, because of some of them no Digest can be proved?
    pub(crate) fn needs_secrets(&self) -> bool {
        !self.hashed.is_empty() || self.asks_elsewhere
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
        match offered {
            Offered::Password(credentials) => self.password(credentials, address).await,
            Offered::Token(_) if self.asks_elsewhere => Verdict::Unknown,
            Offered::Token(_) => Verdict::Wrong,
        }
    }

    async fn password(&self, credentials: &Credentials, address: IpAddr) -> Verdict {
        if let Some(user) = self.plain.verify(credentials) {
            return proved(user);
        }
        let known = self.hashed.get_key_value(credentials.username.as_str());
        let unknown = known.is_none() && !self.plain.knows(&credentials.username);
        if unknown && self.asks_elsewhere {
            return Verdict::Unknown;
        }
        let Some(hash) = known.map(|(_, hash)| hash).or(self.nobody.as_ref()) else {
            return Verdict::Wrong;
        };
        let Some(_place) = self.places.take(address) else {
            return Verdict::Busy;
        };
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return Verdict::Busy;
        };
        let (hash, password) = (Arc::clone(hash), credentials.password.clone());
        let check = self.runtime.spawn_blocking(move || {
            // Given back when the work is done, not when nobody waits for it any more.
            let _slot = slot;
            passwords::is_right(&hash, &password)
        });
        let right = check.await.unwrap_or(false);
        match known {
            Some((user, _)) if right => proved(Arc::clone(user)),
            _ => Verdict::Wrong,
        }
    }
}

fn proved(user: Arc<str>) -> Verdict {
    Verdict::Proved(Proved {
        user,
        rights: None,
        until: None,
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
            users: vec![
                Credentials::new("plain", "hunter2"),
                Credentials::new("hashed", passwords::tests::quick("hunter2")),
            ],
            ..Config::default()
        };
        Verifier::new(&config, asks_elsewhere, &mut Random::from_seed([7; 32]))
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
        assert!(verifier.places.are_all_back(), "places come back");
    }

    #[tokio::test]
    async fn whom_this_server_does_not_know_others_may() {
        let verifier = verifier(true);
        let verdict = verifier.prove(&offer("nobody", "x"), HERE).await;
        assert!(matches!(verdict, Verdict::Unknown));
        for name in ["plain", "hashed"] {
            let verdict = verifier.prove(&offer(name, "x"), HERE).await;
            assert!(matches!(verdict, Verdict::Wrong), "{name} is ours");
        }
    }

    #[tokio::test]
    async fn one_address_cannot_take_all_places() {
        let verifier = verifier(false);
        let places: Vec<_> = (0..10).filter_map(|_| verifier.places.take(HERE)).collect();
        assert_eq!(places.len(), WAITING_PER_ADDRESS);
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
