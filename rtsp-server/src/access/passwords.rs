//! Passwords that are kept as Argon2id hashes (RFC 9106). To check one takes tens of milliseconds and tens of megabytes, by
//! intention: so it is done on threads of its own, few at a time.

use argon2::{
    Algorithm, Argon2, Params,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};

/// What every hash begins with.
const MARK: &str = "$argon2";
/// The most memory that one check may take, in KiB.
const MOST_MEMORY: u32 = 1 << 20;
/// The most passes over it.
const MOST_PASSES: u32 = 64;

/// Is this a hash, rather than a password?
pub(crate) fn is_hash(password: &str) -> bool {
    password.starts_with(MARK)
}

/// Can passwords be checked against this Argon2id hash?
///
/// # Errors
///
/// What is wrong with it. The text shows nothing of the hash.
pub fn check(hash: &str) -> Result<(), &'static str> {
    let hash = PasswordHash::new(hash).map_err(|_| "it is no Argon2id hash in PHC form")?;
    if Algorithm::try_from(hash.algorithm.as_str()) != Ok(Algorithm::Argon2id) {
        return Err("only Argon2id will do, of the Argon2 hashes");
    }
    if hash.hash.is_none() || hash.salt.is_none() {
        return Err("salt or hash is missing");
    }
    let parameters = Params::try_from(&hash).map_err(|_| "its parameters are none of Argon2id")?;
    if parameters.m_cost() > MOST_MEMORY || parameters.t_cost() > MOST_PASSES {
        return Err("a check would take more than 1 GiB, or 64 passes");
    }
    Ok(())
}

/// Is it the password? Takes long: never on a shard.
pub(crate) fn is_right(hash: &str, password: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok()
}

/// The Argon2id hash of a password, with a salt of its own, in the form in which [`Config::users`](crate::Config::users) take it
/// (19 MiB, two passes: the second recommendation of OWASP).
///
/// # Errors
///
/// When the password is empty, or the system gives no random numbers.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    if password.is_empty() {
        return Err(HashError("an empty password is none"));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    let hash = hash.map_err(|_| HashError("the system gives no random numbers"))?;
    Ok(hash.to_string())
}

/// Why there is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HashError(&'static str);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `argon2 -id -k 64 -t 1 -p 1`, of "hunter2"; small, so that tests are quick.
    pub(crate) fn quick(password: &str) -> String {
        let params = Params::new(64, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params);
        argon2
            .hash_password(password.as_bytes())
            .unwrap()
            .to_string()
    }

    #[test]
    fn hashes_know_their_password() {
        let hash = quick("hunter2");
        assert!(is_hash(&hash) && check(&hash).is_ok(), "{hash}");
        assert!(is_right(&hash, "hunter2"));
        assert!(!is_right(&hash, "hunter3") && !is_right(&hash, ""));
        assert!(!is_hash("hunter2") && !is_hash("$1$x"));
        assert!(hash_password("").is_err());
    }

    /// By the reference implementation.
    #[test]
    fn hashes_of_other_programs_are_read() {
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(check(hash), Ok(()));
    }

    #[test]
    fn what_cannot_be_checked_is_told() {
        for hash in [
            "$argon2",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=4000000000,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=1000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ] {
            assert!(check(hash).is_err(), "{hash}");
        }
    }
}
