//! Which servers a client believes.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::Der;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ParsedCertificate;

use super::Fingerprint;
use super::provider;

/// Which servers a client believes to be who they say. There is no way to believe everybody.
#[derive(Clone, Default)]
pub struct Trust {
    verifier: Option<Arc<dyn ServerCertVerifier>>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whom = match self.verifier {
            Some(_) => "chosen",
            None => "system",
        };
        f.debug_tuple("Trust").field(&whom).finish()
    }
}

/// Why there is nobody to believe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A file of certificates cannot be read.
    #[error("cannot read certificates from {file}: {error}")]
    File {
        /// Which.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is no certificate in it.
    #[error("{0} has no certificate in it: it should be PEM, with BEGIN CERTIFICATE")]
    Empty(PathBuf),
    /// A certificate is none.
    #[error("a certificate of {file} cannot be used: {error}")]
    Certificate {
        /// Where it is.
        file: PathBuf,
        /// What is wrong with it.
        error: rustls::Error,
    },
    /// The system has no certificates of authorities.
    #[error("this system has no certificates of authorities: {0}")]
    System(String),
}

impl Trust {
    /// Servers whose certificates were issued by the authorities of this system, for the name that they are asked by. The default.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Servers whose certificates were issued by the authorities of a PEM file, instead of the system's. A self-signed
    /// certificate is its own authority.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has no certificate, or one that cannot be used.
    pub fn authorities(file: &Path) -> Result<Self, TrustError> {
        let unreadable = |error| TrustError::File {
            file: file.to_owned(),
            error,
        };
        let pem = std::fs::read(file).map_err(unreadable)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate
                .map_err(|error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))?;
            let added = roots.add(certificate);
            added.map_err(|error| TrustError::Certificate {
                file: file.to_owned(),
                error,
            })?;
        }
        if roots.is_empty() {
            return Err(TrustError::Empty(file.to_owned()));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| TrustError::System(error.to_string()))?;
        Ok(Self {
            verifier: Some(verifier),
        })
    }

    /// The servers with these very certificates, whatever their names, issuers and dates. Whoever has the fingerprint from the
    /// server itself needs nothing else.
    #[must_use]
    pub fn pinned(fingerprints: impl IntoIterator<Item = Fingerprint>) -> Self {
        Self {
            verifier: Some(Arc::new(Pinned {
                fingerprints: fingerprints.into_iter().collect(),
                provider: provider(),
            })),
        }
    }

    /// Whether a server that has proved `known` by TLS is believed to be who made these certificates, its own first, too: it is the same one, or signed by
    /// the key of that, or would be believed by itself.
    pub(crate) fn believes(
        &self,
        chain: &[&[u8]],
        known: &CertificateDer<'_>,
        host: &str,
    ) -> Result<(), String> {
        let (own, rest) = chain.split_first().ok_or("there is none")?;
        let own = CertificateDer::from(*own);
        if own == *known || is_vouched_for(&own, known) {
            return Ok(());
        }
        let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
        let rest: Vec<_> = rest.iter().map(|one| CertificateDer::from(*one)).collect();
        let verifier = match &self.verifier {
            Some(verifier) => Arc::clone(verifier),
            None => of_system().map_err(|error| error.to_string())?,
        };
        let verified = verifier.verify_server_cert(&own, &rest, &name, &[], UnixTime::now());
        match verified {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(why))) => {
                Err(why.0.to_string())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// What rustls is told.
    ///
    /// # Errors
    ///
    /// When the system's authorities are wanted and it has none.
    pub fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        let verifier = match &self.verifier {
            Some(verifier) => Arc::clone(verifier),
            None => of_system()?,
        };
        let unusable = |error: rustls::Error| TrustError::System(error.to_string());
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            // The verifiers above all check; the name says only that others could be given.
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

fn of_system() -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let why = match why.is_empty() {
            true => "none was found".to_owned(),
            false => why.join("; "),
        };
        return Err(TrustError::System(why));
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    Ok(verifier.map_err(|error| TrustError::System(error.to_string()))?)
}

/// Whether a certificate is signed by the key of another, which need be no authority: who can sign by it is who proved it by TLS.
fn is_vouched_for(certificate: &CertificateDer<'_>, by: &CertificateDer<'_>) -> bool {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else {
        return false;
    };
    let Ok(mut anchor) = webpki::anchor_from_trusted_cert(by) else {
        return false;
    };
    // It is the key that counts, by whatever name.
    anchor.subject = Der::from_slice(certificate.issuer());
    anchor.name_constraints = None;
    let algorithms = provider().signature_verification_algorithms.all;
    let usage = webpki::KeyUsage::server_auth();
    let now = UnixTime::now();
    certificate
        .verify_for_usage(algorithms, &[anchor], &[], now, usage, None, None)
        .is_ok()
}

/// Whether a certificate is valid for a host, by its subjectAltName.
pub(super) fn names(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let Ok(name) = ServerName::try_from(host) else {
        return false;
    };
    ParsedCertificate::try_from(certificate)
        .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
}

/// Believes in certificates by their fingerprints.
#[derive(Debug)]
struct Pinned {
    fingerprints: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(certificate);
        if self.fingerprints.contains(&shown) {
            return Ok(ServerCertVerified::assertion());
        }
        let other = rustls::OtherError(Arc::new(Unpinned(shown)));
        Err(CertificateError::Other(other).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// The server has another certificate than was expected.
#[derive(Debug, thiserror::Error)]
#[error("the server's certificate has the fingerprint {0}, which is not the one that is trusted")]
struct Unpinned(Fingerprint);

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertifiedKey, Issuer, KeyPair, generate_simple_self_signed};

    use super::*;

    fn made(name: &str) -> CertifiedKey<KeyPair> {
        generate_simple_self_signed([name.to_owned()]).unwrap()
    }

    #[test]
    fn who_made_keys_is_who_has_the_key_of_tls_or_whom_tls_would_believe() {
        let (server, other) = (made("cam.example"), made("cam.example"));
        let known = server.cert.der();
        let by = |voucher: &KeyPair| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::default();
            let issuer = Issuer::from_params(&params, voucher);
            params.signed_by(&key, &issuer).unwrap().der().to_vec()
        };
        let pinned = Trust::pinned([Fingerprint::of(known)]);
        let believes = |trust: &Trust, own: &[u8]| trust.believes(&[own], known, "cam.example");
        assert_eq!(believes(&pinned, known), Ok(()));
        assert_eq!(believes(&pinned, &by(&server.signing_key)), Ok(()));
        // Others, also those that say they are the same.
        for stranger in [other.cert.der().to_vec(), by(&other.signing_key)] {
            let why = believes(&pinned, &stranger).unwrap_err();
            assert!(why.contains("fingerprint"), "{why}");
        }
        assert!(believes(&pinned, b"nothing of the kind").is_err());
        assert!(pinned.believes(&[], known, "cam.example").is_err());
        // One that an authority says is this host.
        let file = std::env::temp_dir().join(format!("rtsp-client-trust-{}", std::process::id()));
        std::fs::write(&file, other.cert.pem()).unwrap();
        let authorities = Trust::authorities(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(believes(&authorities, other.cert.der()), Ok(()));
        let elsewhere = authorities.believes(&[other.cert.der()], known, "elsewhere.example");
        assert!(elsewhere.is_err());
        assert!(believes(&authorities, made("cam.example").cert.der()).is_err());
    }
}
