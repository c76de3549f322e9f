//! The client's side.

use std::fmt;
use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rtcp::NtpTime;

use super::{
    Believe, Identity, Parts, ReverseError, URI, credentials, identity, identity::Hash,
    responder::covered,
};
use crate::{
    random::Random,
    srtp::{
        MasterKey, Suite,
        mikey::{
            CryptoSession, KeyEntry, Keying, KeyingError, Message, MessageKind, Payload,
            derive::Bundle,
            keying::{master_of, policy_of, suite_of},
            message::octets_of,
            payload::KEY_ENTRY,
        },
    },
};

/// Octets of envelope keys that are taken.
const ENVELOPES: std::ops::RangeInclusive<usize> = 16..=64;

/// What a client has asked, to know the answer by.
pub struct Inquiry {
    identity: Arc<Identity>,
    bundle: u32,
    ssrc: u32,
    time: u64,
    pub(super) random: [u8; super::RANDOM],
    responder: Vec<u8>,
    text: String,
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry")
            .field("bundle", &self.bundle)
            .field("ssrc", &self.ssrc)
            .finish_non_exhaustive()
    }
}

/// What an answer brings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Told {
    /// The server's key, and its source.
    pub theirs: Keying,
    /// The key for what we send, from the source that was named in the question.
    pub own: MasterKey,
}

impl Inquiry {
    /// Asks the server of that URI, of which 255 octets count, for the key of a media; what we send will be from `ssrc`, which is not 0. It takes several
    /// milliseconds of computing.
    ///
    /// # Errors
    ///
    /// When our own key fails, or our certificates are too long for any message.
    pub fn new(
        identity: &Arc<Identity>,
        ssrc: u32,
        responder: &str,
        now: NtpTime,
        random: &mut Random,
    ) -> Result<Self, ReverseError> {
        let mut responder = responder.as_bytes().to_vec();
        responder.truncate(identity::MAX_NAME);
        let rand = random.bytes::<{ super::RANDOM }>();
        let mut payloads = vec![
            Payload::Timestamp {
                kind: 0,
                value: now.0,
            },
            Payload::Random(rand.to_vec()),
        ];
        payloads.extend(credentials(identity));
        payloads.push(Payload::Identity {
            kind: URI,
            name: responder.clone(),
        });
        payloads.extend((0..).zip(Suite::ALL).map(|(number, suite)| {
            let mut policy = policy_of(suite);
            policy.number = number;
            Payload::Policy(policy)
        }));
        let message = Message {
            kind: MessageKind::ReverseRequest,
            // RFC 4738 §3.4.
            wants_response: true,
            prf: 0,
            bundle: random.number(),
            // Ours, and one for the server to fill in.
            sessions: [ssrc, 0]
                .map(|ssrc| CryptoSession {
                    ssrc,
                    ..CryptoSession::default()
                })
                .into(),
            payloads,
        };
        let octets = super::sign(&message, (identity, Hash::Sha1), None, random)?;
        Ok(Self {
            identity: Arc::clone(identity),
            bundle: message.bundle,
            ssrc,
            time: now.0,
            random: rand,
            responder,
            text: BASE64_STANDARD.encode(octets),
        })
    }

    /// The `I_MESSAGE`, in base64.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The source that was named for what we send.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Takes the answer, in base64. `known` is the certificate that the server has proved in another way, by TLS: it may leave that out. `believe`
    /// is asked about the certificates, the server's own first, after the signature has proved that the answer is from its owner, and before our key is used.
    ///
    /// # Errors
    ///
    /// See [`ReverseError`]: what is wrong with it. The media must not be had then.
    pub fn take(
        &self,
        text: &str,
        known: Option<&[u8]>,
        believe: &Believe<'_>,
        random: &mut Random,
    ) -> Result<Told, ReverseError> {
        let octets = octets_of(text)?;
        let message = Message::decode(&octets)?;
        let parts = Parts::of(&message, MessageKind::ReverseResponse)?;
        if message.bundle != self.bundle {
            return Err(ReverseError::NotAsked("bundle"));
        }
        if parts.time != Some(self.time) {
            return Err(ReverseError::NotAsked("time"));
        }
        if parts.random.is_some() {
            // RFC 4738 §3.7: it was in the question.
            return Err(ReverseError::Unexpected("RAND"));
        }
        let mut names = parts.before.iter().chain(&parts.behind);
        if names.next().is_some_and(|name| *name != self.responder) {
            return Err(ReverseError::NotAsked("identity"));
        }
        if names.next().is_some() {
            return Err(ReverseError::Unexpected("an identity"));
        }
        let chain = match (parts.chain.is_empty(), known) {
            (true, Some(known)) => vec![known],
            _ => parts.chain.clone(),
        };
        let own = chain
            .first()
            .ok_or(ReverseError::Missing("a certificate"))?;
        let key = identity::public_key(own)?;
        let (signed, signature) = parts.signed(&octets, false)?;
        let time = self.time.to_be_bytes();
        let signed = [signed, &self.identity.name, &self.responder, &time].concat();
        identity::verify(&key, &signed, signature)?;
        believe(&chain).map_err(ReverseError::Untrusted)?;
        let suite = match parts.policies.as_slice() {
            [policy] => suite_of(policy)?,
            [] => return Err(ReverseError::Missing("a policy")),
            _ => return Err(ReverseError::Unexpected("a policy")),
        };
        self.open(&message, &parts, suite, random)
    }

    /// What is hidden in an answer that is believed.
    fn open(
        &self,
        message: &Message,
        parts: &Parts<'_>,
        suite: Suite,
        random: &mut Random,
    ) -> Result<Told, ReverseError> {
        // The first was ours, the second was to be filled in.
        let [ours, theirs] = message.sessions.as_slice() else {
            return Err(ReverseError::NotAsked("number of crypto sessions"));
        };
        if ours.ssrc != self.ssrc {
            return Err(ReverseError::NotAsked("crypto session"));
        }
        let contents = parts.keys.ok_or(ReverseError::Missing("KEMAC"))?;
        let envelope = parts.envelope.ok_or(ReverseError::Missing("PKE"))?;
        let envelope = self.identity.open(envelope, random)?;
        let bundle = Bundle {
            number: self.bundle,
            random: &self.random,
        };
        if !ENVELOPES.contains(&envelope.len())
            || !bundle.is_mac(&envelope, &covered(contents), parts.mac)
        {
            return Err(ReverseError::Protection);
        }
        let mut opened = zeroize::Zeroizing::new(contents.to_vec());
        bundle.cipher(&envelope, self.time, &mut opened);
        // In front of the keys is who made them; it is not the peer's certificate that says so here.
        let (first, next, entries) = Payload::decode(6, &opened)?;
        match first {
            Payload::Identity { name, .. } if name == self.responder && next == KEY_ENTRY => {}
            _ => return Err(ReverseError::NotAsked("hidden identity")),
        }
        let entries = KeyEntry::decode_all(entries)?;
        let (own, other) = match entries.as_slice() {
            [one] => (one, one),
            [own, other] => (own, other),
            _ => return Err(KeyingError::KeyCount(entries.len()).into()),
        };
        Ok(Told {
            theirs: Keying {
                master: master(suite, other, bundle, 2)?,
                // 0: the server does not know it yet.
                sources: Some((theirs.ssrc, theirs.roc))
                    .filter(|(ssrc, _)| *ssrc != 0)
                    .into_iter()
                    .collect(),
            },
            own: master(suite, own, bundle, 1)?,
        })
    }
}

/// The key of a crypto session.
fn master(
    suite: Suite,
    entry: &KeyEntry,
    bundle: Bundle<'_>,
    session: u8,
) -> Result<MasterKey, ReverseError> {
    if !entry.generates {
        return Ok(master_of(suite, entry)?);
    }
    if entry.key.len() < 16 {
        return Err(KeyingError::KeyLength.into());
    }
    let (key, salt) = (suite.key_length(), suite.salt_length());
    let mut octets = bundle.traffic(&entry.key, session, key, salt);
    if let Some(given) = &entry.salt {
        // A salt that is told is not derived (RFC 3830 §4.1.3).
        octets.truncate(key);
        octets.extend(given.iter());
    }
    let master = MasterKey::new(suite, &octets).map_err(|_| KeyingError::KeyLength)?;
    Ok(match &entry.identifier {
        Some(mki) => master.with_identifier(mki),
        None => master,
    })
}
