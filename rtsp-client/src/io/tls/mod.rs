//! TLS over a connection, for both ends: rustls with what this stack needs of it.
//!
//! [`Channel`] seals and opens on a socket that never blocks. [`Trust`] says which servers a client believes, [`Fingerprint`]
//! names a certificate.

mod channel;
mod fingerprint;
mod trust;

pub use self::channel::Channel;
pub use self::fingerprint::Fingerprint;
pub use self::fingerprint::FingerprintError;
pub use self::trust::Trust;
pub use self::trust::TrustError;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography that both ends use: *ring*, in every build the same.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
