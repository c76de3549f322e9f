//! Keys by RSA-R (RFC 4738), as RTSP/2.0 has them by default (RFC 7826 §C.1.4.1): the client asks in the `MIKEY` parameter of SETUP and brings its
//! certificate, the server answers with the key of the media, hidden under the client's public key and signed by the server's.
//!
//! - [`Inquiry`] is the client's side: it makes the `I_MESSAGE` and takes the `R_MESSAGE`.
//! - [`Unproved`] is the server's: an `I_MESSAGE` as it was read. [`Unproved::prove`] makes an [`Asked`] of it, [`Asked::answer`] says what the answer has, and
//!   [`Unsigned::sign`] makes the `R_MESSAGE` of that. The first takes a fraction of a millisecond, the last several: both can be done elsewhere.
//! - [`Replays`] remembers what was asked, so that nothing is answered twice.
//!
//! Both have an [`Identity`]. What a certificate is worth is for the caller to say: this module takes the key out of it, and nothing else. A client's may be
//! self-signed (RFC 7826 §C.1.4.1): it says only that who has the session has the keys.
//!
//! What RFC 4738 leaves open is done so: each crypto session has the key at its place in KEMAC, one alone is for all of them. A traffic key (TEK) is
//! used as it is, because what a stream sends is sealed once for all its readers (RFC 3830 §6.13); of a key that generates others (TGK), each crypto session has its own.
//! Signatures are RSASSA-PKCS1-v1_5 over SHA-1, the default of RFC 3830 §4.2.1; those over SHA-256 are taken, and answered in kind. Nobody can prepare a collision: whoever signs
//! has random octets of its own in front of all that the other side has a say in. Certificates are taken as they are; a URL of one is not fetched, because
//! a server that asks wherever its peers point at is a tool against others.

mod identity;
mod initiator;
mod replays;
mod responder;

pub use identity::{Identity, IdentityError, generate_key};
pub use initiator::{Inquiry, Told};
pub use replays::Replays;
pub use responder::{Asked, Unproved, Unsigned};

use super::{DecodeError, KeyingError, Message, MessageKind, Payload};

/// KEMAC: AES in counter mode, HMAC-SHA-1 (RFC 3830 §6.2).
const AES_CM: u8 = 1;
const HMAC_SHA1: u8 = 1;
/// SIGN: RSASSA-PKCS1-v1_5 (RFC 3830 §6.5).
const PKCS1: u8 = 0;
/// ID: a URI (RFC 3830 §6.7).
const URI: u8 = 1;
/// The extension that has another bundle, for groups (RFC 4738 §3.9.3).
const OTHER_BUNDLE: u8 = 4;
/// Octets in front of a signature: its kind and length.
const SIGNATURE_HEADER: usize = 2;
/// Octets of RAND, at least (RFC 3830 §6.11).
const RANDOM: usize = 16;

/// Why an exchange by RSA-R comes to nothing. All but [`Cryptography`](Self::Cryptography) are the peer's fault; servers answer 466.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReverseError {
    /// The message cannot be read.
    #[error("the message cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// A message of another kind.
    #[error("a message of another kind than RSA-R's")]
    Kind,
    /// Something is missing.
    #[error("a message without {0}")]
    Missing(&'static str),
    /// Something is there that must not be, or more often than it may.
    #[error("a message that has {0} once too often")]
    Unexpected(&'static str),
    /// Something is done in a way that is not supported.
    #[error("{what} of type {value} is not supported")]
    Unsupported {
        /// What.
        what: &'static str,
        /// The number of the way.
        value: u8,
    },
    /// No X.509v3 certificate of an RSA key, or a chain that is too long.
    #[error("a certificate that is none of an RSA key")]
    Certificate,
    /// A key that is too small or too large.
    #[error("an RSA key of {0} bits: 2048 to 4096 are taken")]
    KeySize(usize),
    /// The message is not from who it says, or was changed.
    #[error("the signature is not good")]
    Signature,
    /// Its time is too far from ours.
    #[error("a message of another time: are both clocks right?")]
    Time,
    /// It was here before.
    #[error("a message that was here before")]
    Replayed,
    /// The certificate is not believed.
    #[error("the certificate is not believed: {0}")]
    Untrusted(String),
    /// The answer is to another question.
    #[error("an answer to another question: its {0} is not what was asked")]
    NotAsked(&'static str),
    /// None of the suites on offer is what the media has, or what was chosen was not on offer.
    #[error("no suite that both have")]
    Suite,
    /// What is hidden is not what its MAC says.
    #[error("the keys are not what was hidden")]
    Protection,
    /// The keys cannot be used.
    #[error("{0}")]
    Keying(#[from] KeyingError),
    /// Our own key failed.
    #[error("our own key cannot be used")]
    Cryptography,
}

/// Who says whether certificates are believed, the peer's own first; or why not.
pub type Believe<'a> = dyn Fn(&[&[u8]]) -> Result<(), String> + 'a;

/// Whether a message in base64 asks for keys by RSA-R. It may still be one that cannot be read.
#[must_use]
pub fn is_inquiry(text: &str) -> bool {
    // Version and kind are the first two octets, so they are in the first three letters.
    let text = text.trim_start();
    ["AQk", "AQl", "AQm", "AQn"]
        .iter()
        .any(|begin| text.starts_with(begin))
}

/// The parts of a message, each there once at most.
#[derive(Default)]
struct Parts<'a> {
    time: Option<u64>,
    random: Option<&'a [u8]>,
    /// Those in front of the certificates, or without any, and those behind.
    before: Vec<&'a [u8]>,
    behind: Vec<&'a [u8]>,
    chain: Vec<&'a [u8]>,
    policies: Vec<&'a super::Policy>,
    keys: Option<&'a [u8]>,
    mac: &'a [u8],
    envelope: Option<&'a [u8]>,
    signature: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn of(message: &'a Message, kind: MessageKind) -> Result<Self, ReverseError> {
        if message.kind != kind {
            return Err(ReverseError::Kind);
        }
        let unsupported = |what, value| Err(ReverseError::Unsupported { what, value });
        if message.prf != 0 {
            return unsupported("a pseudo-random function", message.prf);
        }
        let mut parts = Self::default();
        for payload in &message.payloads {
            match payload {
                Payload::Timestamp { kind: 0 | 1, value } => {
                    once(&mut parts.time, *value, "a timestamp")?;
                }
                Payload::Timestamp { kind, .. } => return unsupported("a timestamp", *kind),
                Payload::Random(octets) => once(&mut parts.random, &octets[..], "RAND")?,
                Payload::Identity { name, .. } => {
                    let names = match parts.chain.is_empty() {
                        true => &mut parts.before,
                        false => &mut parts.behind,
                    };
                    if name.len() > identity::MAX_NAME || names.len() == 2 {
                        return Err(ReverseError::Unexpected("an identity"));
                    }
                    names.push(name);
                }
                Payload::Certificate { kind: 0, contents } => {
                    let full = parts.chain.len() == identity::MAX_CHAIN;
                    if full || contents.len() > identity::MAX_CERTIFICATE {
                        return Err(ReverseError::Certificate);
                    }
                    parts.chain.push(contents);
                }
                Payload::Certificate { kind, .. } => return unsupported("a certificate", *kind),
                Payload::Policy(policy) => parts.policies.push(policy),
                Payload::Keys {
                    encryption: AES_CM,
                    contents,
                    mac_algorithm: HMAC_SHA1,
                    mac,
                } => {
                    once(&mut parts.keys, &contents[..], "KEMAC")?;
                    parts.mac = mac;
                }
                Payload::Keys {
                    encryption: AES_CM,
                    mac_algorithm,
                    ..
                } => return unsupported("a MAC", *mac_algorithm),
                Payload::Keys { encryption, .. } => return unsupported("encryption", *encryption),
                Payload::Envelope { contents, .. } => {
                    once(&mut parts.envelope, &contents[..], "PKE")?;
                }
                Payload::Signature {
                    algorithm: PKCS1,
                    signature,
                } => parts.signature = Some(signature),
                Payload::Signature { algorithm, .. } => {
                    return unsupported("a signature", *algorithm);
                }
                Payload::Extension {
                    kind: OTHER_BUNDLE, ..
                } => return Err(ReverseError::Unexpected("another bundle")),
                // RFC 3830 §6.15: what is not known is passed over.
                Payload::Extension { .. } => {}
                other => return unsupported("a payload", other.number()),
            }
        }
        Ok(parts)
    }

    /// The octets that the signature is about, and the signature. That of an answer leaves its own header out (RFC 4738 §3.6).
    fn signed<'b>(
        &self,
        octets: &'b [u8],
        header: bool,
    ) -> Result<(&'b [u8], &'a [u8]), ReverseError> {
        let signature = self.signature.ok_or(ReverseError::Missing("a signature"))?;
        let behind = signature.len() + if header { 0 } else { SIGNATURE_HEADER };
        let end = octets.len().checked_sub(behind);
        let signed = end.and_then(|end| octets.get(..end));
        Ok((signed.ok_or(DecodeError::Truncated)?, signature))
    }
}

fn once<T>(slot: &mut Option<T>, value: T, what: &'static str) -> Result<(), ReverseError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ReverseError::Unexpected(what)),
    }
}

/// Identities and certificates, as they stand in a message.
fn credentials(identity: &Identity) -> impl Iterator<Item = Payload> {
    let name = Payload::Identity {
        kind: URI,
        name: identity.name.clone(),
    };
    let chain = identity.chain.iter().map(|one| Payload::Certificate {
        kind: 0,
        contents: one.clone(),
    });
    std::iter::once(name).chain(chain)
}

/// Signs a message, behind all of which `appended` is thought, and ends it with the signature.
fn sign(
    message: &Message,
    (identity, hash): (&Identity, identity::Hash),
    appended: Option<&[u8]>,
    random: &mut crate::random::Random,
) -> Result<Vec<u8>, ReverseError> {
    let length = identity.signature_length();
    let mut whole = message.clone();
    whole.payloads.push(Payload::Signature {
        algorithm: PKCS1,
        signature: vec![0; length],
    });
    let mut octets = Vec::new();
    whole.encode(&mut octets);
    let end = octets.len().saturating_sub(length);
    let signature = match appended {
        None => identity.sign(hash, &octets[..end], random)?,
        Some(appended) => {
            let end = end.saturating_sub(SIGNATURE_HEADER);
            identity.sign(hash, &[&octets[..end], appended].concat(), random)?
        }
    };
    octets.truncate(end);
    octets.extend(signature);
    if octets.len() > super::message::MAX_LENGTH {
        // Certificates of our own that nobody could read.
        return Err(DecodeError::TooLong.into());
    }
    Ok(octets)
}

#[cfg(test)]
pub(crate) mod tests;
