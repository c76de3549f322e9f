//! What RTSP wants of a message: a key for a media, and how far its sources have come.

use rtcp::NtpTime;

use super::{CryptoSession, DecodeError, KeyEntry, Message, MessageKind, Payload, Policy};
use crate::{
    random::Random,
    srtp::{MasterKey, Receiver, Suite},
};

/// Parameters of an SRTP policy (RFC 3830 §6.10.1, RFC 7714 §14.3).
mod parameter {
    pub(super) const CIPHER: u8 = 0;
    pub(super) const KEY_LENGTH: u8 = 1;
    pub(super) const AUTHENTICATION: u8 = 2;
    pub(super) const AUTHENTICATION_KEY: u8 = 3;
    pub(super) const SALT_LENGTH: u8 = 4;
    pub(super) const PRF: u8 = 5;
    pub(super) const RATE: u8 = 6;
    pub(super) const RTP_ENCRYPTED: u8 = 7;
    pub(super) const RTCP_ENCRYPTED: u8 = 8;
    pub(super) const AUTHENTICATED: u8 = 10;
    pub(super) const TAG_LENGTH: u8 = 11;
    pub(super) const PREFIX: u8 = 12;
    pub(super) const AEAD_TAG: u8 = 20;
}

/// AES in counter mode and AES-GCM, as policies number them.
const AES_CM: u8 = 1;
const AES_GCM: u8 = 6;

/// Why a message brings no key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyingError {
    /// It cannot be read.
    #[error("the message cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// A message of another kind than a pre-shared one.
    #[error("a message that brings no key by itself")]
    Kind,
    /// Keys that are encrypted or authenticated by what is not shared.
    #[error("keys under a key that is not known here")]
    Protected,
    /// No key, or more than one for a media.
    #[error("not one key, but {0}")]
    KeyCount(usize),
    /// A key that keys are made of: only traffic keys are taken.
    #[error("a key that is no traffic key")]
    NotForTraffic,
    /// A key or salt that does not have the length of its suite.
    #[error("a key of the wrong length")]
    KeyLength,
    /// Something other than SRTP, or SRTP in a way that is not supported.
    #[error("parameter {0} of the policy asks for what is not supported")]
    Policy(u8),
}

/// The key of a media, with the sources that it is for.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // Made by who offers a key.
pub struct Keying {
    /// The key.
    pub master: MasterKey,
    /// The sources and their rollovers.
    pub sources: Vec<(u32, u32)>,
}

impl Keying {
    /// Reads the message of an exchange without encryption of its own, in base64.
    ///
    /// # Errors
    ///
    /// See [`KeyingError`].
    pub fn decode(text: &str) -> Result<Self, KeyingError> {
        Self::from_message(&Message::decode_base64(text)?)
    }

    /// The same of a message that was read.
    ///
    /// # Errors
    ///
    /// See [`KeyingError`].
    pub fn from_message(message: &Message) -> Result<Self, KeyingError> {
        if message.kind != MessageKind::PreShared {
            return Err(KeyingError::Kind);
        }
        let policy = message.payloads.iter().find_map(|payload| match payload {
            Payload::Policy(policy) => Some(policy),
            _ => None,
        });
        let suite = policy.map_or(Ok(Suite::default()), suite_of)?;
        let mut entries = Vec::new();
        for payload in &message.payloads {
            if let Payload::Keys {
                encryption,
                contents,
                mac_algorithm,
                ..
            } = payload
            {
                if (*encryption, *mac_algorithm) != (0, 0) {
                    return Err(KeyingError::Protected);
                }
                entries.extend(KeyEntry::decode_all(contents)?);
            }
        }
        let [entry] = entries.as_slice() else {
            return Err(KeyingError::KeyCount(entries.len()));
        };
        let master = master_of(suite, entry)?;
        let sources = message
            .sessions
            .iter()
            .map(|session| (session.ssrc, session.roc))
            .collect();
        Ok(Self { master, sources })
    }

    /// The message of an exchange without encryption of its own. It holds the key as it is: only TLS may carry it.
    #[must_use]
    pub fn to_message(&self, now: NtpTime, random: &mut Random) -> Message {
        let entry = KeyEntry {
            identifier: Some(self.master.identifier().to_vec()).filter(|mki| !mki.is_empty()),
            // Key and salt in one, as GStreamer reads and writes it.
            ..KeyEntry::traffic(self.master.key_and_salt())
        };
        Message {
            kind: MessageKind::PreShared,
            wants_response: false,
            prf: 0,
            bundle: random.number(),
            sessions: self
                .sources
                .iter()
                .map(|(ssrc, roc)| CryptoSession {
                    policy: 0,
                    ssrc: *ssrc,
                    roc: *roc,
                })
                .collect(),
            payloads: vec![
                Payload::Timestamp {
                    kind: 0,
                    value: now.0,
                },
                Payload::Random(random.bytes::<16>().to_vec()),
                Payload::Policy(policy_of(self.master.suite())),
                Payload::Keys {
                    encryption: 0,
                    contents: KeyEntry::encode_all(&[entry]),
                    mac_algorithm: 0,
                    mac: Vec::new(),
                },
            ],
        }
    }

    /// A context for what is sealed with this key.
    #[must_use]
    pub fn receiver(&self) -> Receiver {
        let mut receiver = Receiver::new(&self.master);
        for (ssrc, roc) in &self.sources {
            receiver.expect(*ssrc, *roc);
        }
        receiver
    }
}

pub(super) fn master_of(suite: Suite, entry: &KeyEntry) -> Result<MasterKey, KeyingError> {
    if entry.generates {
        return Err(KeyingError::NotForTraffic);
    }
    let salt = entry.salt.iter().flat_map(|salt| salt.iter());
    let octets = zeroize::Zeroizing::new(entry.key.iter().chain(salt).copied().collect::<Vec<_>>());
    let master = MasterKey::new(suite, &octets).map_err(|_| KeyingError::KeyLength)?;
    // GStreamer writes an SPI of no octets where it means none.
    Ok(match &entry.identifier {
        Some(mki) => master.with_identifier(mki),
        None => master,
    })
}

/// What a policy asks for. What it leaves out is as SRTP has it by default.
pub(super) fn suite_of(policy: &Policy) -> Result<Suite, KeyingError> {
    use parameter as p;
    let or = |number, otherwise| {
        let given = policy.parameters.iter().any(|(known, _)| *known == number);
        match policy.octet(number) {
            Some(value) => Ok(value),
            None if given => Err(KeyingError::Policy(number)),
            None => Ok(otherwise),
        }
    };
    let must = |number, wanted| match or(number, wanted)? {
        value if value == wanted => Ok(()),
        _ => Err(KeyingError::Policy(number)),
    };
    if policy.protocol != 0 {
        return Err(KeyingError::Policy(u8::MAX));
    }
    for (number, wanted) in [
        (p::PRF, 0),
        (p::RATE, 0),
        (p::RTP_ENCRYPTED, 1),
        (p::RTCP_ENCRYPTED, 1),
        (p::PREFIX, 0),
    ] {
        must(number, wanted)?;
    }
    if or(p::CIPHER, AES_CM)? == AES_GCM {
        must(p::AEAD_TAG, 16)?;
        return match or(p::KEY_LENGTH, 16)? {
            16 => Ok(Suite::AeadAes128Gcm),
            32 => Ok(Suite::AeadAes256Gcm),
            _ => Err(KeyingError::Policy(p::KEY_LENGTH)),
        };
    }
    for (number, wanted) in [
        (p::CIPHER, AES_CM),
        (p::KEY_LENGTH, 16),
        (p::AUTHENTICATION, 1),
        (p::SALT_LENGTH, 14),
        (p::AUTHENTICATED, 1),
    ] {
        must(number, wanted)?;
    }
    // GStreamer puts the length of the tag where that of the key belongs.
    let tag = match or(p::AUTHENTICATION_KEY, 20)? {
        20 => or(p::TAG_LENGTH, 10)?,
        tag => or(p::TAG_LENGTH, tag)?,
    };
    match tag {
        10 => Ok(Suite::AesCm128HmacSha1_80),
        4 => Ok(Suite::AesCm128HmacSha1_32),
        _ => Err(KeyingError::Policy(p::TAG_LENGTH)),
    }
}

pub(super) fn policy_of(suite: Suite) -> Policy {
    use parameter as p;
    let mut all = vec![(p::KEY_LENGTH, suite.key_length() as u8)];
    if suite.is_aead() {
        all.extend([(p::CIPHER, AES_GCM), (p::AEAD_TAG, suite.rtp_tag() as u8)]);
    } else {
        let tag = suite.rtp_tag() as u8;
        all.extend([
            (p::CIPHER, AES_CM),
            (p::AUTHENTICATION, 1),
            // As GStreamer reads it; others are told by the parameter that is meant for it.
            (p::AUTHENTICATION_KEY, if tag == 4 { tag } else { 20 }),
            (p::TAG_LENGTH, tag),
            (p::AUTHENTICATED, 1),
        ]);
    }
    all.extend([(p::RTP_ENCRYPTED, 1), (p::RTCP_ENCRYPTED, 1)]);
    all.sort_unstable();
    Policy {
        number: 0,
        protocol: 0,
        parameters: all
            .into_iter()
            .map(|(number, value)| (number, vec![value]))
            .collect(),
    }
}
