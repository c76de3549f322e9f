//! Who a client is where keys are exchanged by RSA.

use std::fmt;
use std::sync::Arc;

use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::KeyPair;
use rtsp_session::srtp::mikey::reverse::Identity;
use rtsp_session::srtp::mikey::reverse::generate_key;
use tokio::sync::OnceCell;

use crate::Error;
use crate::ErrorKind;
use crate::conversation::random;

/// Who a client is where keys of SRTP are exchanged by MIKEY-RSA-R, which RTSP/2.0 does: a key of RSA, and its certificate. The default is a fresh key
/// with a certificate that it has signed itself, made when it is first needed, and the same for all clones: it says no more than that who has the
/// session is who gets the keys (RFC 7826 §C.1.4.1).
#[derive(Clone, Default)]
pub struct KeyIdentity {
    made: Arc<OnceCell<Arc<Identity>>>,
}

impl fmt::Debug for KeyIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyIdentity").finish_non_exhaustive()
    }
}

impl KeyIdentity {
    /// One that there is.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            made: Arc::new(OnceCell::new_with(Some(Arc::new(identity)))),
        }
    }

    /// It, made if need be, beside the tasks that must not wait.
    pub(crate) async fn get(&self, place: &str) -> Result<Arc<Identity>, Error> {
        let failed = |why: String| {
            let text = format!("no RSA key to exchange keys of SRTP with: {why}");
            Error::new(ErrorKind::Io, place, text)
        };
        let made = self.made.get_or_try_init(|| async {
            let mut random = random(place)?;
            let made = tokio::task::spawn_blocking(move || {
                make(&mut random).map_err(|error| error.to_string())
            });
            let made = made.await.map_err(|error| failed(error.to_string()))?;
            made.map(Arc::new).map_err(failed)
        });
        made.await.cloned()
    }
}

fn make(
    random: &mut rtsp_session::random::Random,
) -> Result<Identity, Box<dyn std::error::Error + Send + Sync>> {
    let key = generate_key(random)?;
    let pair =
        KeyPair::from_pkcs8_der_and_sign_algo(&key.to_vec().into(), &rcgen::PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "rtsp-client");
    let certificate = params.self_signed(&pair)?;
    Ok(Identity::new(
        &key,
        vec![certificate.der().to_vec()],
        "rtsp-client",
    )?)
}
