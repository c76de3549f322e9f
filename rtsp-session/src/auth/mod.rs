//! Authentication: Basic and Digest, both the verifying and the answering side.
//!
//! The server keeps [`Users`] and, per connection, a [`Gate`] that makes challenges and checks what comes back. The other
//! side keeps [`Credentials`] in an [`Answerer`] that picks the best challenge it understands. RFC 7617 (Basic), RFC 7616 and
//! RFC 2617 (Digest with MD5, SHA-256 and SHA-512-256, with `qop=auth` and without), RFC 7826 §19.1.
//! What takes longer to check than a connection may wait, hashed passwords and tokens, is handed to the shell: [`Offered`].

pub mod challenge;
pub mod digest;
pub mod gate;
pub mod nonce;
pub mod users;

pub use challenge::{Answerer, Challenged};
pub use digest::Algorithm;
pub use gate::{Gate, Proof};
pub use users::{Scheme, Users};

use std::fmt;

/// A user name and a password. `Debug` shows neither's secret part.
#[derive(Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Complete by nature.
pub struct Credentials {
    /// The name, without a colon where Basic is to work (RFC 7617 §2).
    pub username: String,
    /// The secret.
    pub password: String,
}

impl Credentials {
    /// A pair of name and password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("password", &"…")
            .finish()
    }
}

/// Credentials that a connection hands out unproved, for the shell to look into: see
/// [`ConnectionConfig::shell_proves`](crate::server::ConnectionConfig::shell_proves). `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Basic and Bearer are what shows the secret itself.
pub enum Offered {
    /// A name and a password, by Basic.
    Password(Credentials),
    /// A token, by Bearer.
    Token(String),
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(credentials) => f.debug_tuple("Password").field(credentials).finish(),
            Self::Token(_) => f.write_str("Token(…)"),
        }
    }
}

/// Compares secrets without telling by the time it takes where they differ. The lengths are no secret.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let difference = a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y));
    // Keeps the optimiser from turning the fold into an early exit.
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_keep_their_secret() {
        let shown = format!("{:?}", Credentials::new("ann", "hunter2"));
        assert!(shown.contains("ann"));
        assert!(!shown.contains("hunter2"));
        for offered in [
            Offered::Password(Credentials::new("ann", "hunter2")),
            Offered::Token("hunter2".into()),
        ] {
            let shown = format!("{offered:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn comparison() {
        assert!(constant_time_eq(b"", b""));
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abc", b"abd"));
        assert!(!constant_time_eq(b"abc", b"ab"));
    }
}
