//! Keys by MIKEY-RSA-R: who we are in it, what was asked before, and where it is computed, which is on no shard.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::SystemTime,
};

use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey};
use rtsp_session::{
    random::Random,
    srtp::mikey::reverse::{
        Asked, Identity, Replays, ReverseError, Unproved, Unsigned, generate_key,
    },
};
use rustls::{SignatureScheme, sign};

use crate::{access::turns::Turns, config::Limits, io::tls::Tls, places::Place};

/// Questions that are remembered, so that none is answered twice.
const REMEMBERED: usize = 8192;

/// Why a question is not answered.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Too many of them wait.
    Busy,
    /// It is not as it should be.
    Refused(ReverseError),
    /// There is no key to answer with, or it failed.
    Broken,
}

impl From<ReverseError> for Unanswered {
    fn from(error: ReverseError) -> Self {
        match error {
            ReverseError::Cryptography => Self::Broken,
            error => Self::Refused(error),
        }
    }
}

/// A question that was proved, and all that is needed to answer it.
#[derive(Debug)]
pub(crate) struct Question {
    /// The message.
    pub(crate) text: String,
    pub(crate) asked: Asked,
    pub(crate) identity: Arc<Identity>,
    /// Kept until it is answered: who was let in does not have to wait for a place again.
    place: Place,
}

/// All exchanges of a server.
#[derive(Debug)]
pub(crate) struct Exchanges {
    turns: Turns,
    replays: Mutex<Replays>,
    tls: Option<Arc<Tls>>,
    /// Who we are where there is no TLS.
    own: OnceLock<Option<Arc<Identity>>>,
}

impl Exchanges {
    pub(crate) fn new(limits: &Limits, tls: Option<Arc<Tls>>) -> Self {
        let all = limits.key_exchanges.max(1);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            turns: Turns::of(cores.div_ceil(2), all, all.div_ceil(4)),
            replays: Mutex::new(Replays::new(limits.clock_skew, REMEMBERED)),
            tls,
            own: OnceLock::new(),
        }
    }

    /// Proves a question of that address. Nothing that is refused leaves anything behind.
    pub(crate) async fn prove(
        self: &Arc<Self>,
        address: IpAddr,
        text: &str,
        now: SystemTime,
    ) -> Result<Question, Unanswered> {
        let read = Unproved::decode(text)?;
        self.with_replays(|replays| replays.check(now, &read))?;
        let place = self.turns.place(address).ok_or(Unanswered::Busy)?;
        let all = Arc::clone(self);
        let work = move || -> Result<_, Unanswered> {
            let asked = read.prove()?;
            all.with_replays(|replays| replays.note(now, &asked))?;
            Ok((asked, all.identity().ok_or(Unanswered::Broken)?))
        };
        let proved = self.turns.run(work).await.ok_or(Unanswered::Broken)?;
        let (asked, identity) = proved?;
        Ok(Question {
            text: text.to_owned(),
            asked,
            identity,
            place,
        })
    }

    /// Signs the answer to a question.
    pub(crate) async fn sign(
        &self,
        answer: Unsigned,
        question: Question,
        mut random: Random,
    ) -> Result<String, Unanswered> {
        let _place = question.place;
        let work = move || answer.sign(&mut random);
        let signed = self.turns.run(work).await.ok_or(Unanswered::Broken)?;
        Ok(signed?)
    }

    fn with_replays<T>(&self, work: impl FnOnce(&mut Replays) -> T) -> T {
        work(&mut self.replays.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who we are: by the certificate of TLS as it is now. It may have to be made, which takes a while.
    fn identity(&self) -> Option<Arc<Identity>> {
        match &self.tls {
            Some(tls) => tls.exchange_identity(),
            None => self.own.get_or_init(|| made(None)).clone(),
        }
    }
}

/// Makes a key of RSA, and a certificate for it that the key of TLS vouches for, or the key itself.
pub(crate) fn made(voucher: Option<&dyn sign::SigningKey>) -> Option<Arc<Identity>> {
    let made = make(voucher);
    match &made {
        Ok(_) => tracing::info!(
            vouched = voucher.is_some(),
            "an RSA key was made, to exchange keys of SRTP with"
        ),
        Err(error) => tracing::error!(%error, "no RSA key to exchange keys of SRTP with"),
    }
    made.ok().map(Arc::new)
}

fn make(voucher: Option<&dyn sign::SigningKey>) -> Result<Identity, Box<dyn std::error::Error>> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let key = generate_key(&mut Random::from_seed(seed))?;
    let pair =
        KeyPair::from_pkcs8_der_and_sign_algo(&key.to_vec().into(), &rcgen::PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "keys of SRTP");
    let certificate = match voucher {
        None => params.self_signed(&pair)?,
        Some(key) => {
            let voucher = Voucher::new(key).ok_or("the key of TLS cannot vouch for it")?;
            params.signed_by(&pair, &rcgen::Issuer::from_params(&params, voucher))?
        }
    };
    let chain = vec![certificate.der().to_vec()];
    Ok(Identity::new(&key, chain, "rtsp-server")?)
}

/// The key of TLS, as it signs certificates.
struct Voucher {
    signer: Box<dyn sign::Signer>,
    algorithm: &'static SignatureAlgorithm,
}

impl Voucher {
    fn new(key: &dyn sign::SigningKey) -> Option<Self> {
        let known = [
            (
                SignatureScheme::ECDSA_NISTP256_SHA256,
                &rcgen::PKCS_ECDSA_P256_SHA256,
            ),
            (
                SignatureScheme::ECDSA_NISTP384_SHA384,
                &rcgen::PKCS_ECDSA_P384_SHA384,
            ),
            (SignatureScheme::ED25519, &rcgen::PKCS_ED25519),
            (SignatureScheme::RSA_PKCS1_SHA256, &rcgen::PKCS_RSA_SHA256),
        ];
        known.into_iter().find_map(|(scheme, algorithm)| {
            let signer = key.choose_scheme(&[scheme])?;
            Some(Self { signer, algorithm })
        })
    }
}

impl PublicKeyData for Voucher {
    /// Not told: who is vouched for shows the certificate of TLS.
    fn der_bytes(&self) -> &[u8] {
        &[]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Voucher {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signed = self.signer.sign(message);
        signed.map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
