//! The server's side.

use std::fmt;
use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rsa::PublicKey;
use sha1::Digest as _;
use zeroize::Zeroizing;

use super::{
    AES_CM, HMAC_SHA1, Identity, Parts, ReverseError, URI, credentials,
    identity::{self, Hash},
    replays::Digest,
};
use crate::{
    random::Random,
    srtp::{
        MasterKey, Suite,
        mikey::{
            CryptoSession, KeyEntry, Keying, Message, MessageKind, Payload,
            derive::Bundle,
            keying::{policy_of, suite_of},
            message::octets_of,
            payload::KEY_ENTRY,
        },
    },
};

/// Octets of keys that others are made of.
const GENERATOR: usize = 32;

/// An `I_MESSAGE` that was read: nothing in it is proved.
#[derive(Debug)]
pub struct Unproved {
    octets: Zeroizing<Vec<u8>>,
    message: Message,
    time: u64,
    digest: Digest,
}

impl Unproved {
    /// Reads a message in base64.
    ///
    /// # Errors
    ///
    /// When it is none of RSA-R, or has no time.
    pub fn decode(text: &str) -> Result<Self, ReverseError> {
        let octets = octets_of(text)?;
        let message = Message::decode(&octets)?;
        let parts = Parts::of(&message, MessageKind::ReverseRequest)?;
        let time = parts.time.ok_or(ReverseError::Missing("a timestamp"))?;
        let digest = sha1::Sha1::digest(&*octets).0;
        Ok(Self {
            time,
            digest,
            message,
            octets,
        })
    }

    pub(super) fn time(&self) -> u64 {
        self.time
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Proves that it is from the owner of the key that its certificate is for. It takes a fraction of a millisecond.
    ///
    /// # Errors
    ///
    /// See [`ReverseError`]: what is wrong with it.
    pub fn prove(&self) -> Result<Asked, ReverseError> {
        let parts = Parts::of(&self.message, MessageKind::ReverseRequest)?;
        for (there, what) in [
            (parts.keys.is_some(), "KEMAC"),
            (parts.envelope.is_some(), "PKE"),
        ] {
            if there {
                return Err(ReverseError::Unexpected(what));
            }
        }
        // RFC 7826 §C.1.4.1: the client's certificate is included.
        let own = parts
            .chain
            .first()
            .ok_or(ReverseError::Missing("a certificate"))?;
        let key = identity::public_key(own)?;
        let (signed, signature) = parts.signed(&self.octets, true)?;
        let hash = identity::verify(&key, signed, signature)?;
        // In front of certificates stands who asks, behind them who is asked.
        let mut names = parts.before.iter().chain(&parts.behind);
        let initiator = match parts.before.is_empty() {
            true => Vec::new(),
            false => names.next().map(|name| name.to_vec()).unwrap_or_default(),
        };
        let responder = names.next().map(|name| name.to_vec());
        if names.next().is_some() {
            return Err(ReverseError::Unexpected("an identity"));
        }
        let sessions = &self.message.sessions;
        let count = |zero: bool| sessions.iter().filter(|it| (it.ssrc == 0) == zero).count();
        if count(true) > 1 || count(false) > 1 {
            // SETUP is about one media.
            return Err(ReverseError::Unexpected("a crypto session"));
        }
        let suites = parts.policies.iter().map(|policy| suite_of(policy).ok());
        Ok(Asked {
            key,
            hash,
            bundle: self.message.bundle,
            sessions: sessions.clone(),
            time: self.time,
            digest: self.digest,
            random: parts.random.map(<[u8]>::to_vec),
            initiator,
            responder,
            suites: (!parts.policies.is_empty()).then(|| suites.flatten().collect()),
        })
    }
}

/// An `I_MESSAGE` that its signature has proved.
pub struct Asked {
    key: PublicKey,
    hash: Hash,
    bundle: u32,
    sessions: Vec<CryptoSession>,
    time: u64,
    digest: Digest,
    random: Option<Vec<u8>>,
    initiator: Vec<u8>,
    responder: Option<Vec<u8>>,
    /// What is on offer; `None`: anything.
    suites: Option<Vec<Suite>>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("bundle", &self.bundle)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

impl Asked {
    pub(super) fn time(&self) -> u64 {
        self.time
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Answers with the key of a media and its first source. The answer is to be signed; the other key, where the initiator sends
    /// something, is for that, and was made for it alone.
    ///
    /// # Errors
    ///
    /// [`ReverseError::Suite`] when the key is for none that was on offer.
    pub fn answer(
        &self,
        identity: &Arc<Identity>,
        keying: &Keying,
        random: &mut Random,
    ) -> Result<(Unsigned, Option<Keying>), ReverseError> {
        let suite = keying.master.suite();
        if self
            .suites
            .as_ref()
            .is_some_and(|all| !all.contains(&suite))
        {
            return Err(ReverseError::Suite);
        }
        let ours: [u8; super::RANDOM] = random.bytes();
        let bundle = Bundle {
            number: self.bundle,
            random: self.random.as_deref().unwrap_or(&ours),
        };
        let Keys {
            sessions,
            entries,
            theirs,
        } = self.keys(bundle, keying, random)?;
        let responder = self.responder.as_ref().unwrap_or(&identity.name).clone();
        let envelope = Zeroizing::new(random.bytes::<GENERATOR>());
        let keys = hide(bundle, (&*envelope, self.time), &responder, &entries);
        let name = |name: &[u8]| Payload::Identity {
            kind: URI,
            name: name.to_vec(),
        };
        let mut payloads = vec![Payload::Timestamp {
            kind: 0,
            value: self.time,
        }];
        if self.random.is_none() {
            payloads.push(Payload::Random(ours.to_vec()));
        }
        payloads.push(name(&responder));
        payloads.extend(credentials(identity).skip(1));
        payloads.extend([Payload::Policy(policy_of(suite)), keys]);
        let appended = [&self.initiator[..], &responder, &self.time.to_be_bytes()].concat();
        let unsigned = Unsigned {
            message: Message {
                kind: MessageKind::ReverseResponse,
                wants_response: false,
                prf: 0,
                bundle: self.bundle,
                sessions,
                payloads,
            },
            envelope,
            key: self.key.clone(),
            hash: self.hash,
            identity: Arc::clone(identity),
            appended,
        };
        Ok((unsigned, theirs))
    }

    /// What the answer says about keys: a fresh one for what the initiator sends.
    fn keys(
        &self,
        bundle: Bundle<'_>,
        keying: &Keying,
        random: &mut Random,
    ) -> Result<Keys, ReverseError> {
        let suite = keying.master.suite();
        // Whose source it is fills it in (RFC 3830 §6.1.1).
        let (ssrc, roc) = keying.sources.first().copied().unwrap_or_default();
        let mut sessions: Vec<_> = self.sessions.iter().map(of_policy_0).collect();
        let place = sessions.iter().position(|session| session.ssrc == 0);
        let place = place.unwrap_or_else(|| {
            sessions.push(CryptoSession::default());
            sessions.len() - 1
        });
        let mut entries = Vec::with_capacity(sessions.len());
        let mut theirs = None;
        for (at, session) in sessions.iter_mut().enumerate() {
            if at == place {
                (session.ssrc, session.roc) = (ssrc, roc);
                entries.push(entry_of(&keying.master));
                continue;
            }
            let generator = Zeroizing::new(random.bytes::<GENERATOR>());
            let octets = bundle.traffic(
                &*generator,
                (at + 1) as u8,
                suite.key_length(),
                suite.salt_length(),
            );
            let master = MasterKey::new(suite, &octets).map_err(|_| ReverseError::Suite)?;
            theirs = Some(Keying {
                master,
                sources: vec![(session.ssrc, session.roc)],
            });
            entries.push(KeyEntry {
                generates: true,
                ..KeyEntry::traffic(&*generator)
            });
        }
        Ok(Keys {
            sessions,
            entries,
            theirs,
        })
    }
}

/// What an answer says about keys.
struct Keys {
    sessions: Vec<CryptoSession>,
    /// One for each of these.
    entries: Vec<KeyEntry>,
    /// What the initiator seals with.
    theirs: Option<Keying>,
}

/// All crypto sessions are under the one policy of an answer.
fn of_policy_0(session: &CryptoSession) -> CryptoSession {
    CryptoSession {
        policy: 0,
        ..*session
    }
}

fn entry_of(master: &MasterKey) -> KeyEntry {
    KeyEntry {
        salt: Some(Zeroizing::new(master.salt().to_vec())),
        identifier: Some(master.identifier().to_vec()).filter(|mki| !mki.is_empty()),
        ..KeyEntry::traffic(master.key())
    }
}

/// `KEMAC`: who answers, and the keys (RFC 4738 §3.6).
pub(super) fn hide(
    bundle: Bundle<'_>,
    (envelope, time): (&[u8], u64),
    responder: &[u8],
    entries: &[KeyEntry],
) -> Payload {
    let mut contents = Zeroizing::new(Vec::new());
    let name = Payload::Identity {
        kind: URI,
        name: responder.to_vec(),
    };
    name.encode(KEY_ENTRY, &mut contents);
    contents.extend(KeyEntry::encode_all(entries).iter());
    bundle.cipher(envelope, time, &mut contents);
    let mac = bundle.mac(envelope, &covered(&contents));
    Payload::Keys {
        encryption: AES_CM,
        contents,
        mac_algorithm: HMAC_SHA1,
        mac: mac.to_vec(),
    }
}

/// What the MAC of a `KEMAC` is about: all of it but the MAC, as if nothing followed (RFC 3830 §6.2).
pub(super) fn covered(contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap_or(u16::MAX);
    let mut covered = vec![0, AES_CM];
    covered.extend(length.to_be_bytes());
    covered.extend(contents);
    covered.push(HMAC_SHA1);
    covered
}

/// An `R_MESSAGE` but for what takes long: the envelope and the signature.
pub struct Unsigned {
    pub(super) message: Message,
    pub(super) envelope: Zeroizing<[u8; GENERATOR]>,
    key: PublicKey,
    hash: Hash,
    identity: Arc<Identity>,
    appended: Vec<u8>,
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned").finish_non_exhaustive()
    }
}

impl Unsigned {
    /// The message, in base64. It takes several milliseconds of computing.
    ///
    /// # Errors
    ///
    /// When our own key fails, or our certificates are too long for any message.
    pub fn sign(mut self, random: &mut Random) -> Result<String, ReverseError> {
        let contents = identity::enclose(&self.key, &*self.envelope, random)?;
        self.message.payloads.push(Payload::Envelope {
            // It is not kept: each answer has one of its own.
            cache: 0,
            contents,
        });
        let by = (&*self.identity, self.hash);
        let octets = super::sign(&self.message, by, Some(&self.appended), random)?;
        Ok(BASE64_STANDARD.encode(octets))
    }
}
