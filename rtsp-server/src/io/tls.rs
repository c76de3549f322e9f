//! What the server proves to be itself with, and how that is replaced while it runs.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rtsp_client::io::tls::{Fingerprint, provider};
use rtsp_session::srtp::mikey::reverse;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::{config::Identity, exchange};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {file}: {error}")]
    File {
        /// Which.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is none of what should be in a file.
    #[error("{file}: expected {expected} in PEM: {error}")]
    Content {
        /// Which.
        file: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is wrong.
        error: rustls::pki_types::pem::Error,
    },
    /// Certificate and key cannot be used.
    #[error("certificate and key do not fit or cannot be used: {0}")]
    Unusable(rustls::Error),
    /// Of the two files of a certificate that is kept, one is there and the other is not.
    #[error(
        "there is no {missing} beside {found}: put it back, or remove {found} to have both made anew"
    )]
    Incomplete {
        /// Which is there.
        found: PathBuf,
        /// Which is not.
        missing: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {file}: {error}")]
    Unwritable {
        /// Which.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A self-signed certificate could not be made.
    #[error("cannot make a self-signed certificate: {0}")]
    SelfSigned(String),
}

/// What connections begin TLS with.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// Where there is nothing but TLS; `None`: it is found on the ports of what is not sealed.
    pub(crate) port: Option<u16>,
    current: Arc<Current>,
    files: Option<(PathBuf, PathBuf)>,
}

/// The certificate and key that are shown to who comes now.
#[derive(Debug)]
struct Current(RwLock<Arc<Shown>>);

/// A certificate with its key, and who we are by it where keys are exchanged by RSA.
#[derive(Debug)]
struct Shown {
    certified: Arc<CertifiedKey>,
    /// Itself, where its key is one of RSA that others take; else one that it vouches for, made when it is wanted first.
    identity: OnceLock<Option<Arc<reverse::Identity>>>,
}

impl Shown {
    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let octets = chain.iter().map(|one| one.to_vec()).collect();
        let own = reverse::Identity::new(key.secret_der(), octets, "rtsp-server");
        let certified = CertifiedKey::from_der(chain, key, &provider());
        Ok(Self {
            certified: Arc::new(certified.map_err(TlsError::Unusable)?),
            identity: match own {
                Ok(own) => OnceLock::from(Some(Arc::new(own))),
                Err(_) => OnceLock::new(),
            },
        })
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.get().certified))
    }
}

impl Current {
    fn get(&self) -> Arc<Shown> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, key: Shown) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        self.get()
            .certified
            .cert
            .first()
            .map(|der| Fingerprint::of(der))
    }
}

impl Tls {
    pub(crate) fn new(identity: &Identity, port: Option<u16>) -> Result<Self, TlsError> {
        let (key, files) = match identity {
            Identity::Files { certificate, key } => (
                load(certificate, key)?,
                Some((certificate.clone(), key.clone())),
            ),
            Identity::SelfSigned { names } => (self_signed(names)?, None),
            Identity::Kept {
                names,
                certificate,
                key,
            } => {
                keep(names, certificate, key)?;
                (
                    load(certificate, key)?,
                    Some((certificate.clone(), key.clone())),
                )
            }
        };
        let current = Arc::new(Current(RwLock::new(Arc::new(key))));
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        Ok(Self {
            config: Arc::new(config),
            port,
            current,
            files,
        })
    }

    /// The certificate that is shown now.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        self.current.fingerprint()
    }

    /// Who we are where keys are exchanged by RSA. It may have to be made, which takes a good part of a second.
    pub(crate) fn exchange_identity(&self) -> Option<Arc<reverse::Identity>> {
        let shown = self.current.get();
        let vouched = || exchange::made(Some(&*shown.certified.key));
        shown.identity.get_or_init(vouched).clone()
    }

    /// Takes the files again whenever they change; what is under way goes on with what it began with.
    pub(crate) async fn reload(self: Arc<Self>) {
        let Some((certificate, key)) = &self.files else {
            return;
        };
        let mut known = (version(certificate), version(key));
        loop {
            tokio::time::sleep(LOOK).await;
            let found = (version(certificate), version(key));
            if found == known {
                continue;
            }
            known = found;
            match load(certificate, key) {
                Ok(loaded) => {
                    self.current.set(loaded);
                    let fingerprint = self.fingerprint().map(tracing::field::display);
                    tracing::info!(file = %certificate.display(), fingerprint, "the certificate was replaced");
                }
                Err(error) => {
                    tracing::warn!(%error, "the certificate has changed and cannot be used: the one before stays");
                }
            }
        }
    }
}

/// What tells one content of a file from another.
fn version(file: &Path) -> Option<(SystemTime, u64)> {
    let found = fs::metadata(file).ok()?;
    Some((found.modified().ok()?, found.len()))
}

fn load(certificate: &Path, key: &Path) -> Result<Shown, TlsError> {
    let read = |file: &Path| {
        fs::read(file).map_err(|error| TlsError::File {
            file: file.to_owned(),
            error,
        })
    };
    let content = |file: &Path, expected: &'static str| {
        let file = file.to_owned();
        move |error| TlsError::Content {
            file,
            expected,
            error,
        }
    };
    let pem = read(certificate)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let mut chain = chain.map_err(content(certificate, "certificates"))?;
    if chain.is_empty() {
        let none = rustls::pki_types::pem::Error::NoItemsFound;
        return Err(content(certificate, "certificates")(none));
    }
    chain.shrink_to_fit();
    let pem = read(key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(content(key, "a private key"))?;
    Shown::new(chain, key)
}

/// Makes a certificate and its key in these files, unless they are there.
fn keep(names: &[String], certificate: &Path, key: &Path) -> Result<(), TlsError> {
    let incomplete = |found: &Path, missing: &Path| TlsError::Incomplete {
        found: found.to_owned(),
        missing: missing.to_owned(),
    };
    match (certificate.exists(), key.exists()) {
        (true, true) => return Ok(()),
        (true, false) => return Err(incomplete(certificate, key)),
        (false, true) => return Err(incomplete(key, certificate)),
        (false, false) => {}
    }
    let made = make(names)?;
    write_new(key, &made.signing_key.serialize_pem())?;
    write_new(certificate, &made.cert.pem()).inspect_err(|_| {
        // A key alone would be in the way the next time.
        let _ = fs::remove_file(key);
    })?;
    tracing::info!(file = %certificate.display(), "a self-signed certificate was made");
    Ok(())
}

/// Writes a file that is not there yet and that nobody else may read.
fn write_new(file: &Path, text: &str) -> Result<(), TlsError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()));
    written.map_err(|error| TlsError::Unwritable {
        file: file.to_owned(),
        error,
    })
}

fn make(names: &[String]) -> Result<rcgen::CertifiedKey<rcgen::KeyPair>, TlsError> {
    rcgen::generate_simple_self_signed(names)
        .map_err(|error| TlsError::SelfSigned(error.to_string()))
}

fn self_signed(names: &[String]) -> Result<Shown, TlsError> {
    let made = make(names)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Shown::new(vec![made.cert.der().clone()], key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_has_a_fingerprint_of_its_own() {
        let identity = Identity::SelfSigned {
            names: vec!["localhost".into(), "127.0.0.1".into()],
        };
        let (one, other) = (
            Tls::new(&identity, None).unwrap(),
            Tls::new(&identity, None).unwrap(),
        );
        assert!(one.fingerprint().is_some());
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn who_we_are_in_exchanges_of_keys_is_made_once_for_each_certificate() {
        let identity = Identity::SelfSigned {
            names: vec!["localhost".into()],
        };
        let tls = Tls::new(&identity, None).unwrap();
        let first = tls.exchange_identity().expect("a key of RSA");
        assert!(Arc::ptr_eq(&first, &tls.exchange_identity().unwrap()));
        tls.current.set(self_signed(&["localhost".into()]).unwrap());
        let second = tls.exchange_identity().expect("a key of RSA");
        assert!(!Arc::ptr_eq(&first, &second), "another key vouches for it");
    }

    #[test]
    fn a_certificate_that_is_kept_is_made_once() {
        let folder = std::env::temp_dir().join(format!("rtsp-server-kept-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = (folder.join("c.pem"), folder.join("k.pem"));
        let kept = Identity::Kept {
            names: vec!["localhost".into()],
            certificate: certificate.clone(),
            key: key.clone(),
        };
        let fingerprint = || Tls::new(&kept, None).unwrap().fingerprint().unwrap();
        let first = fingerprint();
        assert_eq!(fingerprint(), first, "the next start has the same");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        // One of them alone is a mistake that nothing is written over.
        fs::remove_file(&certificate).unwrap();
        let fault = Tls::new(&kept, None).unwrap_err().to_string();
        assert!(
            fault.contains("there is no") && fault.contains("c.pem"),
            "{fault}"
        );
        fs::remove_file(&key).unwrap();
        assert_ne!(fingerprint(), first);
        // Where nothing can be written nothing is left.
        let elsewhere = Identity::Kept {
            names: Vec::new(),
            certificate: folder.join("none/c.pem"),
            key: folder.join("alone.pem"),
        };
        let fault = Tls::new(&elsewhere, None).unwrap_err().to_string();
        assert!(fault.starts_with("cannot write"), "{fault}");
        assert!(!folder.join("alone.pem").exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = std::env::temp_dir().join(format!("rtsp-server-tls-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = (folder.join("c.pem"), folder.join("k.pem"));
        let fault = || load(&certificate, &key).unwrap_err().to_string();
        assert!(fault().contains("c.pem"), "{}", fault());
        fs::write(&certificate, "nothing").unwrap();
        assert!(
            fault().contains("expected certificates in PEM"),
            "{}",
            fault()
        );
        let (one, other) = (
            rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap(),
            rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap(),
        );
        fs::write(&certificate, one.cert.pem()).unwrap();
        fs::write(&key, "").unwrap();
        assert!(fault().contains("expected a private key"), "{}", fault());
        fs::write(&key, other.signing_key.serialize_pem()).unwrap();
        assert!(fault().contains("do not fit"), "{}", fault());
        fs::write(&key, one.signing_key.serialize_pem()).unwrap();
        assert!(load(&certificate, &key).is_ok());
        fs::remove_dir_all(&folder).unwrap();
    }
}
