//! What peers agree on.

use std::fmt;

use zeroize::Zeroizing;

use super::Suite;
use crate::random::Random;

/// Most octets of a master key identifier (RFC 4568 §6.1).
const MKI_LENGTH: usize = 128;

/// A master key with its salt, for one suite. It is overwritten when it is dropped, and no `Debug` shows it.
#[derive(Clone)]
pub struct MasterKey {
    suite: Suite,
    /// Key, then salt.
    octets: Zeroizing<Vec<u8>>,
    mki: Vec<u8>,
}

/// A key that does not fit its suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{suite} has keys of {expected} octets with their salt, not {got}")]
pub struct KeyLengthError {
    /// For what it should have been.
    pub suite: Suite,
    /// Octets that key and salt have together.
    pub expected: usize,
    /// Octets that there were.
    pub got: usize,
}

impl MasterKey {
    /// A fresh key.
    #[must_use]
    pub fn generate(suite: Suite, random: &mut Random) -> Self {
        let drawn = Zeroizing::new(random.bytes::<46>());
        let length = suite.key_length() + suite.salt_length();
        Self {
            suite,
            octets: Zeroizing::new(drawn.iter().copied().take(length).collect()),
            mki: Vec::new(),
        }
    }

    /// A key of octets, the salt behind the key, as `a=crypto` and most MIKEY messages have them.
    ///
    /// # Errors
    ///
    /// When there are not as many octets as the suite has.
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Result<Self, KeyLengthError> {
        let expected = suite.key_length() + suite.salt_length();
        if key_and_salt.len() != expected {
            return Err(KeyLengthError {
                suite,
                expected,
                got: key_and_salt.len(),
            });
        }
        Ok(Self {
            suite,
            octets: Zeroizing::new(key_and_salt.to_vec()),
            mki: Vec::new(),
        })
    }

    /// The same key, named in every packet by `mki`, of which 128 octets count (RFC 3711 §3.1).
    #[must_use]
    pub fn with_identifier(mut self, mki: &[u8]) -> Self {
        self.mki = mki.iter().copied().take(MKI_LENGTH).collect();
        self
    }

    /// What it is for.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The key without its salt. Secret.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.octets
            .get(..self.suite.key_length())
            .unwrap_or_default()
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        self.octets
            .get(self.suite.key_length()..)
            .unwrap_or_default()
    }

    /// Key and salt together. Secret.
    #[must_use]
    pub fn key_and_salt(&self) -> &[u8] {
        &self.octets
    }

    /// The identifier that packets carry; mostly none.
    #[must_use]
    pub fn identifier(&self) -> &[u8] {
        &self.mki
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}
