//! Keys of RSA, and the certificates that say whose they are.

use std::fmt;

use pki_types::CertificateDer;
use rsa::{
    PrivateKey, PublicKey,
    pkcs1::DecodeRsaPrivateKey as _,
    pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _},
    rand_core::{TryCryptoRng, TryRng},
    sha2::Sha256,
    traits::PublicKeyParts as _,
};
use sha1::Sha1;
use webpki::EndEntityCert;
use zeroize::Zeroizing;

use super::ReverseError;
use crate::random::Random;

/// Bits of a modulus that are taken: less can be broken, more costs too much.
pub(super) const SIZES: std::ops::RangeInclusive<usize> = 2048..=4096;
/// Bits of the keys that [`generate_key`] makes.
const FRESH: usize = 2048;
/// Certificates of one side, from its own to one of an authority.
pub(super) const MAX_CHAIN: usize = 6;
/// Octets of one certificate.
pub(super) const MAX_CERTIFICATE: usize = 4096;
/// Octets of a name.
pub(super) const MAX_NAME: usize = 255;

/// The generator as the keys want it.
pub(super) struct Source<'a>(pub(super) &'a mut Random);

impl TryRng for Source<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.number())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_ne_bytes(self.0.bytes()))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(octets);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

/// What is hashed for a signature. MIKEY has no field for it: the signature itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// What RFC 3830 §4.2.1 makes the default.
    Sha1,
    Sha256,
}

/// Who we are in an exchange by RSA-R: a private key, and the certificates that are sent with it. The key is overwritten when it is dropped, and no
/// `Debug` shows it.
pub struct Identity {
    pub(super) key: PrivateKey,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) name: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Why a key and its certificates cannot be used for RSA-R.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// It is no RSA key in PKCS #8 or PKCS #1.
    #[error("the key is not one of RSA")]
    NotRsa,
    /// Too small to be safe, or too large to be fast.
    #[error("a key of {0} bits: it should have 2048 to 4096")]
    Size(usize),
    /// There is no certificate, the first is none, or there are too many or too large ones.
    #[error(
        "the certificates cannot be used: the first has to be an X.509v3 certificate, of 6 at most, 4096 octets each"
    )]
    Certificates,
    /// The first certificate is for another key.
    #[error("the certificate is not for this key")]
    Mismatch,
}

impl Identity {
    /// A key in DER (PKCS #8, PKCS #1), its certificates in DER, its own first, and a name, of which 255 octets count.
    ///
    /// # Errors
    ///
    /// See [`IdentityError`].
    pub fn new(key: &[u8], chain: Vec<Vec<u8>>, name: &str) -> Result<Self, IdentityError> {
        let key = PrivateKey::from_pkcs8_der(key)
            .or_else(|_| PrivateKey::from_pkcs1_der(key))
            .map_err(|_| IdentityError::NotRsa)?;
        let bits = key.n().bit_width() as usize;
        if !SIZES.contains(&bits) {
            return Err(IdentityError::Size(bits));
        }
        let own = chain.first().ok_or(IdentityError::Certificates)?;
        if chain.len() > MAX_CHAIN || chain.iter().any(|one| one.len() > MAX_CERTIFICATE) {
            return Err(IdentityError::Certificates);
        }
        let public = public_key(own).map_err(|_| IdentityError::Certificates)?;
        if public != *key.as_public_key() {
            return Err(IdentityError::Mismatch);
        }
        Ok(Self {
            key,
            chain,
            name: name.bytes().take(MAX_NAME).collect(),
        })
    }

    /// Octets of a signature.
    pub(super) fn signature_length(&self) -> usize {
        self.key.size()
    }

    pub(super) fn sign(
        &self,
        hash: Hash,
        signed: &[u8],
        random: &mut Random,
    ) -> Result<Vec<u8>, ReverseError> {
        let random = &mut Source(random);
        let made = match hash {
            Hash::Sha1 => self.key.pkcs1v15_sign_with_rng::<Sha1, _>(random, signed),
            Hash::Sha256 => self.key.pkcs1v15_sign_with_rng::<Sha256, _>(random, signed),
        };
        made.map_err(|_| ReverseError::Cryptography)
    }

    /// Opens an envelope. What comes out is no proof of anything: the MAC that it makes is.
    pub(super) fn open(
        &self,
        envelope: &[u8],
        random: &mut Random,
    ) -> Result<Zeroizing<Vec<u8>>, ReverseError> {
        let opened = self
            .key
            .pkcs1v15_decrypt_with_rng(&mut Source(random), envelope);
        opened
            .map(Zeroizing::new)
            .map_err(|_| ReverseError::Protection)
    }
}

/// Makes a key of 2048 bits, in PKCS #8 (DER). It takes a good part of a second of computing.
///
/// # Errors
///
/// When no primes were found, which does not happen with a generator that is random.
pub fn generate_key(random: &mut Random) -> Result<Zeroizing<Vec<u8>>, ReverseError> {
    let key = PrivateKey::new(&mut Source(random), FRESH);
    let key = key.map_err(|_| ReverseError::Cryptography)?;
    let der = key.to_pkcs8_der().map_err(|_| ReverseError::Cryptography)?;
    Ok(der.to_bytes())
}

/// The key that a certificate is for. Nothing else of the certificate is looked at.
pub(super) fn public_key(certificate: &[u8]) -> Result<PublicKey, ReverseError> {
    let der = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&der).map_err(|_| ReverseError::Certificate)?;
    let spki = certificate.subject_public_key_info();
    // A modulus beyond 8192 bits is refused before anything is computed.
    let key = PublicKey::from_public_key_der(&spki).map_err(|_| ReverseError::Certificate)?;
    let bits = key.n().bit_width() as usize;
    if !SIZES.contains(&bits) {
        return Err(ReverseError::KeySize(bits));
    }
    Ok(key)
}

/// What was hashed, where the signature is good.
pub(super) fn verify(
    key: &PublicKey,
    signed: &[u8],
    signature: &[u8],
) -> Result<Hash, ReverseError> {
    if signature.len() != key.size() {
        return Err(ReverseError::Signature);
    }
    if key.pkcs1v15_verify::<Sha1>(signed, signature).is_ok() {
        return Ok(Hash::Sha1);
    }
    let other = key.pkcs1v15_verify::<Sha256>(signed, signature);
    other
        .map(|()| Hash::Sha256)
        .map_err(|_| ReverseError::Signature)
}

/// Puts a secret into an envelope for the owner of a key.
pub(super) fn enclose(
    key: &PublicKey,
    secret: &[u8],
    random: &mut Random,
) -> Result<Vec<u8>, ReverseError> {
    key.pkcs1v15_encrypt_with_rng(&mut Source(random), secret)
        .map_err(|_| ReverseError::Cryptography)
}
