//! What an exchange of keys by RSA-R needs from outside.

use std::fmt;
use std::sync::Arc;

use crate::srtp::mikey::reverse::Identity;

/// How keys are exchanged by RSA-R: by whom, and with which servers. It is of one connection.
#[derive(Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// Who we are.
    pub identity: Arc<Identity>,
    /// The certificate that the server has proved to be its own, in DER, where the connection has TLS: it may rely on that.
    pub certificate: Option<Vec<u8>>,
    /// Which servers are believed.
    pub believe: Arc<Believing>,
}

type Believing = dyn Fn(&[&[u8]]) -> Result<(), String> + Send + Sync;

impl Exchange {
    /// An exchange with servers whose certificates `believe` takes.
    pub fn new(
        identity: Arc<Identity>,
        certificate: Option<Vec<u8>>,
        believe: impl Fn(&[&[u8]]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            identity,
            certificate,
            believe: Arc::new(believe),
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
