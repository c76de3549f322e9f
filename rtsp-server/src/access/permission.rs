//! Who may do what, to which paths, from where.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{
    config::{Access, Config, names},
    handler::{Action, Decision, Request},
};

/// One permission: somebody may do some things to some paths, from some addresses. What no permission allows is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Permission {
    /// Whose it is.
    pub who: Who,
    /// What may be done.
    pub actions: Vec<Action>,
    /// Paths with their leading `/`, or beginnings of paths and a `*`. With none, all of them.
    pub paths: Vec<String>,
    /// Where peers have to be. With none, anywhere.
    pub from: Vec<AddressRange>,
}

/// Whose a permission is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Who {
    /// Everybody, whether they prove to be somebody or not.
    Everybody,
    /// Every user who proves to be one.
    Users,
    /// This user.
    User(String),
}

impl Permission {
    /// All actions on all paths, from anywhere.
    #[must_use]
    pub fn new(who: Who) -> Self {
        Self {
            who,
            actions: Action::ALL.to_vec(),
            paths: Vec::new(),
            from: Vec::new(),
        }
    }

    /// Would it allow this, for the right user?
    pub(crate) fn covers(&self, request: &Request<'_>) -> bool {
        let action = self.actions.contains(&request.action);
        let path = self.paths.is_empty()
            || self
                .paths
                .iter()
                .any(|pattern| names(pattern, request.path).is_some());
        let from = self.from.is_empty()
            || self
                .from
                .iter()
                .any(|range| range.contains(request.address));
        action && path && from
    }
}

impl Who {
    fn is(&self, user: Option<&str>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Users => user.is_some(),
            Self::User(name) => user == Some(name.as_str()),
        }
    }
}

/// Addresses that begin alike: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    bits: u8,
}

/// What is no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an address, or addresses that begin alike, such as \"192.0.2.0/24\" or \"2001:db8::/32\""
)]
#[non_exhaustive]
pub struct AddressRangeError;

impl AddressRange {
    /// Is the address one of them? IPv4 addresses as IPv6 sockets show them are IPv4 addresses.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differ = u32::from(first) ^ u32::from(address);
                differ.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differ = u128::from(first) ^ u128::from(address);
                differ.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().map_err(|_| AddressRangeError)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| AddressRangeError)?
            }
            Some(_) => return Err(AddressRangeError),
        };
        (bits <= most)
            .then_some(Self { first, bits })
            .ok_or(AddressRangeError)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// What the configuration says of a request.
pub(crate) fn by_config(request: &Request<'_>, config: &Config) -> Decision {
    let access = match request.action {
        Action::Read => config.read,
        Action::Publish => config.publish,
        Action::Control => config.control,
    };
    match access {
        Access::Open => Decision::Allow,
        Access::Guarded if config.is_local() => Decision::Allow,
        Access::Closed => Decision::Deny("the configuration allows it to nobody"),
        Access::Permitted => permitted(request, config),
        Access::Guarded | Access::Users if !config.has_users() => {
            Decision::Deny(match request.action {
                Action::Read => "no users are configured: set `users`, or `read = \"open\"`",
                Action::Publish => "no users are configured: set `users`, or `publish = \"open\"`",
                Action::Control => "no users are configured: set `users`, or `control = \"open\"`",
            })
        }
        _ if request.user.is_none() => Decision::Authenticate,
        _ => match request.rights {
            Some(rights) if !rights.iter().any(|one| one.covers(request)) => NOT_IN_TOKEN,
            _ => Decision::Allow,
        },
    }
}

const NOT_IN_TOKEN: Decision = Decision::Deny("the user's token does not allow it");

fn permitted(request: &Request<'_>, config: &Config) -> Decision {
    if let Some(rights) = request.rights {
        return match rights.iter().any(|one| one.covers(request)) {
            true => Decision::Allow,
            false => NOT_IN_TOKEN,
        };
    }
    let mut for_others = false;
    for permission in config.permissions.iter().filter(|one| one.covers(request)) {
        if permission.who.is(request.user) {
            return Decision::Allow;
        }
        for_others = true;
    }
    match request.user {
        // Some user may, and nobody has been named.
        None if for_others || config.asks_others() => Decision::Authenticate,
        _ => Decision::Deny("no permission allows it to this user, path and address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_addresses() {
        for (range, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("::1", "::1", "::2"),
        ] {
            let range: AddressRange = range.parse().unwrap();
            assert!(range.contains(inside.parse().unwrap()), "{range} {inside}");
            assert!(
                !range.contains(outside.parse().unwrap()),
                "{range} {outside}"
            );
        }
        for text in [
            "",
            "/",
            "10/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/999",
            "h",
        ] {
            assert!(text.parse::<AddressRange>().is_err(), "{text}");
        }
    }

    fn ask(
        config: &Config,
        user: Option<&str>,
        (action, path, address): (Action, &str, &str),
    ) -> Decision {
        let request = Request {
            action,
            path,
            user,
            address: address.parse().unwrap(),
            encrypted: false,
            rights: None,
        };
        by_config(&request, config)
    }

    fn permissions() -> Config {
        let mut ann = Permission::new(Who::User("ann".into()));
        ann.actions = vec![Action::Publish];
        ann.paths = vec!["/cams/*".into(), "/door".into()];
        ann.from = vec!["192.0.2.0/24".parse().unwrap()];
        let mut users = Permission::new(Who::Users);
        users.actions = vec![Action::Read];
        users.paths = vec!["/cams/*".into()];
        let mut all = Permission::new(Who::Everybody);
        all.actions = vec![Action::Read];
        all.paths = vec!["/public".into()];
        Config {
            read: Access::Permitted,
            publish: Access::Permitted,
            control: Access::Permitted,
            permissions: vec![ann, users, all],
            ..Config::default()
        }
    }

    #[test]
    fn users_actions_paths_and_addresses_have_all_to_fit() {
        use Action::{Control, Publish, Read};
        let config = permissions();
        let (here, away) = ("192.0.2.9", "198.51.100.1");
        let ann = Some("ann");
        for (user, asked) in [
            (ann, (Publish, "/cams/1", here)),
            (ann, (Publish, "/door", here)),
            (ann, (Read, "/cams/1", away)),
            (Some("bob"), (Read, "/cams/1", away)),
            (None, (Read, "/public", away)),
            (ann, (Read, "/public", away)),
        ] {
            assert_eq!(
                ask(&config, user, asked),
                Decision::Allow,
                "{user:?} {asked:?}"
            );
        }
        for (user, asked) in [
            (ann, (Publish, "/cams/1", away)),
            (ann, (Publish, "/door/x", here)),
            (ann, (Publish, "/public", here)),
            (ann, (Control, "/cams/1", here)),
            (Some("bob"), (Publish, "/cams/1", here)),
            (Some("bob"), (Read, "/door", here)),
            // Nobody could: no use to ask for a password.
            (None, (Publish, "/cams/1", away)),
            (None, (Read, "/other", here)),
            (None, (Read, "/cams", here)),
        ] {
            assert!(
                matches!(ask(&config, user, asked), Decision::Deny(_)),
                "{user:?} {asked:?}"
            );
        }
        for asked in [(Publish, "/cams/1", here), (Read, "/cams/1", away)] {
            assert_eq!(
                ask(&config, None, asked),
                Decision::Authenticate,
                "{asked:?}"
            );
        }
    }

    #[test]
    fn what_a_token_allows_is_all_that_its_user_may() {
        let mut config = permissions();
        let mut right = Permission::new(Who::Users);
        right.actions = vec![Action::Read];
        right.paths = vec!["/mine".into()];
        let rights = [right];
        let ask = |config: &Config, path, user| {
            let request = Request {
                action: Action::Read,
                path,
                user: Some(user),
                address: [192, 0, 2, 9].into(),
                encrypted: true,
                rights: Some(&rights),
            };
            by_config(&request, config)
        };
        assert_eq!(ask(&config, "/mine", "token:x"), Decision::Allow);
        assert!(matches!(ask(&config, "/cams/1", "ann"), Decision::Deny(_)));
        config.read = Access::Users;
        config.users = vec![rtsp_session::auth::Credentials::new("ann", "x")];
        assert_eq!(ask(&config, "/mine", "token:x"), Decision::Allow);
        assert!(matches!(ask(&config, "/cams/1", "ann"), Decision::Deny(_)));
    }
}
