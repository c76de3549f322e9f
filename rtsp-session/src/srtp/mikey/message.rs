//! A message: the common header, then payloads (RFC 3830 §6.1).

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::payload::{self, Payload};

/// Octets of a message. Certificates are the longest that they carry.
pub(super) const MAX_LENGTH: usize = 16 * 1024;
/// Payloads of a message.
const MAX_PAYLOADS: usize = 32;
/// Crypto sessions of a message: one for each media that a stream may have, and some.
const MAX_SESSIONS: usize = 64;
/// Before the map: version, type, next payload, V and PRF, CSB ID, #CS, map type.
const HEADER: usize = 10;
/// Octets of a crypto session in a map of the kind SRTP-ID.
const SESSION: usize = 9;

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not base64 (RFC 4648 §4).
    #[error("not base64")]
    Base64,
    /// Longer than any that is of use.
    #[error("a message of more than {MAX_LENGTH} octets")]
    TooLong,
    /// It ends within a payload, or a length in it points behind its end.
    #[error("the message is cut short")]
    Truncated,
    /// There is something behind the last payload.
    #[error("octets behind the last payload")]
    Trailing,
    /// Another version than 1.
    #[error("version {0} of MIKEY")]
    Version(u8),
    /// A map of crypto sessions that is not of SRTP.
    #[error("a map of crypto sessions of type {0}")]
    MapType(u8),
    /// A payload that nobody defined.
    #[error("a payload of type {0}")]
    Payload(u8),
    /// A value in a payload decides about lengths, and is not known.
    #[error("{what} of type {value}")]
    Value {
        /// What it would be.
        what: &'static str,
        /// The value.
        value: u8,
    },
    /// More payloads, sessions or parameters than are of use.
    #[error("too many {0}")]
    TooMany(&'static str),
}

/// What a message is for (RFC 3830 §6.1, RFC 4738 §3.9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageKind {
    /// Keys under a pre-shared key, or under none.
    PreShared,
    /// The verification of it.
    PreSharedVerification,
    /// Keys under the responder's public key.
    PublicKey,
    /// The verification of it.
    PublicKeyVerification,
    /// An error.
    Error,
    /// `RSA-R I_MSG`: asks for keys under the initiator's public key.
    ReverseRequest,
    /// `RSA-R R_MSG`: brings them.
    ReverseResponse,
    /// Any other.
    Other(u8),
}

impl MessageKind {
    const NUMBERS: [(Self, u8); 7] = [
        (Self::PreShared, 0),
        (Self::PreSharedVerification, 1),
        (Self::PublicKey, 2),
        (Self::PublicKeyVerification, 3),
        (Self::Error, 6),
        (Self::ReverseRequest, 9),
        (Self::ReverseResponse, 10),
    ];

    fn of(number: u8) -> Self {
        let known = Self::NUMBERS.iter().find(|(_, known)| *known == number);
        known.map_or(Self::Other(number), |(kind, _)| *kind)
    }

    fn number(self) -> u8 {
        if let Self::Other(number) = self {
            return number;
        }
        let known = Self::NUMBERS.iter().find(|(kind, _)| *kind == self);
        known.map_or(u8::MAX, |(_, number)| *number)
    }
}

/// An SRTP source that keys are for (RFC 3830 §6.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // As the wire has it.
pub struct CryptoSession {
    /// The number of its policy.
    pub policy: u8,
    /// The source; 0 where it is not known yet.
    pub ssrc: u32,
    /// How often its sequence number has rolled over.
    pub roc: u32,
}

/// A MIKEY message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // As the wire has it.
pub struct Message {
    /// What it is for.
    pub kind: MessageKind,
    /// The V flag: the initiator wants a response.
    pub wants_response: bool,
    /// The pseudo-random function; 0 is MIKEY-1, which everybody has.
    pub prf: u8,
    /// The crypto session bundle.
    pub bundle: u32,
    /// What keys are for.
    pub sessions: Vec<CryptoSession>,
    /// All else, in order.
    pub payloads: Vec<Payload>,
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`].
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        if octets.len() > MAX_LENGTH {
            return Err(DecodeError::TooLong);
        }
        let (header, mut rest) = octets
            .split_first_chunk::<HEADER>()
            .ok_or(DecodeError::Truncated)?;
        let [version, kind, mut next, flags, b0, b1, b2, b3, count, map] = *header;
        if version != 1 {
            return Err(DecodeError::Version(version));
        }
        if map != 0 {
            return Err(DecodeError::MapType(map));
        }
        if usize::from(count) > MAX_SESSIONS {
            return Err(DecodeError::TooMany("crypto sessions"));
        }
        let mut sessions = Vec::with_capacity(count.into());
        for _ in 0..count {
            let (session, after) = rest
                .split_first_chunk::<SESSION>()
                .ok_or(DecodeError::Truncated)?;
            let [policy, s0, s1, s2, s3, r0, r1, r2, r3] = *session;
            sessions.push(CryptoSession {
                policy,
                ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
                roc: u32::from_be_bytes([r0, r1, r2, r3]),
            });
            rest = after;
        }
        let mut payloads = Vec::new();
        while next != payload::LAST {
            if payloads.len() == MAX_PAYLOADS {
                return Err(DecodeError::TooMany("payloads"));
            }
            let (payload, following, after) = Payload::decode(next, rest)?;
            payloads.push(payload);
            (next, rest) = (following, after);
        }
        if !rest.is_empty() {
            return Err(DecodeError::Trailing);
        }
        Ok(Self {
            kind: MessageKind::of(kind),
            wants_response: flags & 0x80 != 0,
            prf: flags & 0x7F,
            bundle: u32::from_be_bytes([b0, b1, b2, b3]),
            sessions,
            payloads,
        })
    }

    /// Reads a message in base64, as it stands in SDP and headers.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`].
    pub fn decode_base64(text: &str) -> Result<Self, DecodeError> {
        Self::decode(&octets_of(text)?)
    }

    /// Appends the message. Lists and fields over what their length fields can say are cut there; [`decode`](Self::decode)
    /// makes none that are.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let sessions = &self.sessions[..self.sessions.len().min(MAX_SESSIONS)];
        let next = |at: usize| self.payloads.get(at).map_or(payload::LAST, Payload::number);
        out.extend([1, self.kind.number(), next(0)]);
        out.push(u8::from(self.wants_response) << 7 | self.prf & 0x7F);
        out.extend(self.bundle.to_be_bytes());
        out.extend([sessions.len() as u8, 0]);
        for session in sessions {
            out.push(session.policy);
            out.extend(session.ssrc.to_be_bytes());
            out.extend(session.roc.to_be_bytes());
        }
        for (at, payload) in self.payloads.iter().enumerate() {
            payload.encode(next(at + 1), out);
        }
    }

    /// The message in base64.
    #[must_use]
    pub fn encode_base64(&self) -> String {
        let mut octets = zeroize::Zeroizing::new(Vec::new());
        self.encode(&mut octets);
        BASE64_STANDARD.encode(&*octets)
    }
}

/// The octets of a message in base64.
pub(super) fn octets_of(text: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, DecodeError> {
    if text.len() > MAX_LENGTH / 3 * 4 + 4 {
        return Err(DecodeError::TooLong);
    }
    let octets = BASE64_STANDARD.decode(text.trim());
    octets
        .map(zeroize::Zeroizing::new)
        .map_err(|_| DecodeError::Base64)
}
