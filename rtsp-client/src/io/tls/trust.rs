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
