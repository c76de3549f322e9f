//! What a message is made of (RFC 3830 §6.2 to §6.15).

use std::fmt;

use zeroize::Zeroizing;

use super::DecodeError;

/// Nothing follows.
pub(super) const LAST: u8 = 0;
/// The number of a key entry among payloads.
pub(super) const KEY_ENTRY: u8 = 20;
/// Parameters of a policy.
const MAX_PARAMETERS: usize = 32;
/// Keys in one payload.
const MAX_KEYS: usize = 8;

/// One payload.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// `KEMAC`: keys, encrypted or not, and a MAC or none.
    Keys {
        /// 0 NULL, 1 AES-CM-128, 2 AES key wrap.
        encryption: u8,
        /// Key entries, maybe encrypted: see [`KeyEntry::decode_all`].
        contents: Zeroizing<Vec<u8>>,
        /// 0 NULL, 1 HMAC-SHA-1-160.
        mac_algorithm: u8,
        /// Empty with NULL.
        mac: Vec<u8>,
    },
    /// `PKE`: the envelope key under a public key.
    Envelope {
        /// Whether the envelope key is kept for later: 0 not, 1 yes, 2 for this bundle.
        cache: u8,
        /// What it is, encrypted; 14 bits of length.
        contents: Vec<u8>,
    },
    /// `SIGN`: always the last.
    Signature {
        /// 0 RSA PKCS #1 v1.5, 1 RSA-PSS.
        algorithm: u8,
        /// 12 bits of length.
        signature: Vec<u8>,
    },
    /// `T`
    Timestamp {
        /// 0 NTP in UTC, 1 NTP, 2 a counter.
        kind: u8,
        /// NTP time, or the counter.
        value: u64,
    },
    /// `ID`
    Identity {
        /// 0 NAI, 1 URI.
        kind: u8,
        /// Whose it is.
        name: Vec<u8>,
    },
    /// `CERT`
    Certificate {
        /// 0 X.509v3, 1 a URL of one, 2 for signatures only, 3 for encryption only.
        kind: u8,
        /// DER, or the URL.
        contents: Vec<u8>,
    },
    /// `CHASH`
    CertificateHash {
        /// 0 SHA-1, 1 MD5.
        function: u8,
        /// As long as the function says.
        hash: Vec<u8>,
    },
    /// `V`
    Verification {
        /// 0 NULL, 1 HMAC-SHA-1-160.
        algorithm: u8,
        /// As long as the algorithm says.
        mac: Vec<u8>,
    },
    /// `SP`
    Policy(Policy),
    /// `RAND`
    Random(Vec<u8>),
    /// `ERR`: one of the numbers of RFC 3830 §6.12.
    Error(u8),
    /// A general extension (§6.15).
    Extension {
        /// 0 vendor, 1 key management in SDP, 4 a bundle of RFC 4738.
        kind: u8,
        /// As the kind has it.
        contents: Vec<u8>,
    },
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(policy) => policy.fmt(f),
            Self::Error(number) => write!(f, "Error({number})"),
            // No contents: they may be keys.
            other => write!(f, "Payload {}", other.number()),
        }
    }
}

/// A security policy: how SRTP is to be used (RFC 3830 §6.10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // As the wire has it.
pub struct Policy {
    /// Its number in this message.
    pub number: u8,
    /// 0 is SRTP.
    pub protocol: u8,
    /// Types and values (§6.10.1).
    pub parameters: Vec<(u8, Vec<u8>)>,
}

/// A key (RFC 3830 §6.13).
#[derive(Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // As the wire has it.
pub struct KeyEntry {
    /// Whether it is one that keys are made of (TGK), or one of traffic (TEK).
    pub generates: bool,
    /// The key.
    pub key: Zeroizing<Vec<u8>>,
    /// The salt, where it stands apart.
    pub salt: Option<Zeroizing<Vec<u8>>>,
    /// The identifier of the key in packets (SPI or MKI).
    pub identifier: Option<Vec<u8>>,
    /// From which packet index to which it holds, as its octets are.
    pub interval: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEntry")
            .field("generates", &self.generates)
            .finish_non_exhaustive()
    }
}

/// What is left to be read.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    fn pair(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes([self.octet()?, self.octet()?]))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn owned(&mut self, length: impl Into<usize>) -> Result<Vec<u8>, DecodeError> {
        Ok(self.take(length.into())?.to_vec())
    }
}

fn length_of(what: &'static str, value: u8, lengths: &[usize]) -> Result<usize, DecodeError> {
    let length = lengths.get(usize::from(value)).copied();
    length.ok_or(DecodeError::Value { what, value })
}

/// Octets of MACs, hashes and timestamps by their numbers.
const MACS: &[usize] = &[0, 20];
const HASHES: &[usize] = &[20, 16];
const TIMES: &[usize] = &[8, 8, 4];

fn put_pair(length: usize, out: &mut Vec<u8>) {
    out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}

fn put_long(contents: &[u8], out: &mut Vec<u8>) {
    put_pair(contents.len(), out);
    out.extend(contents.iter().take(usize::from(u16::MAX)));
}

fn put_short(contents: &[u8], out: &mut Vec<u8>) {
    out.push(u8::try_from(contents.len()).unwrap_or(u8::MAX));
    out.extend(contents.iter().take(usize::from(u8::MAX)));
}

impl Payload {
    pub(super) fn number(&self) -> u8 {
        match self {
            Self::Keys { .. } => 1,
            Self::Envelope { .. } => 2,
            Self::Signature { .. } => 4,
            Self::Timestamp { .. } => 5,
            Self::Identity { .. } => 6,
            Self::Certificate { .. } => 7,
            Self::CertificateHash { .. } => 8,
            Self::Verification { .. } => 9,
            Self::Policy(_) => 10,
            Self::Random(_) => 11,
            Self::Error(_) => 12,
            Self::Extension { .. } => 21,
        }
    }

    /// Reads the payload of that number; returns the number of the next one and what is left.
    pub(super) fn decode(number: u8, octets: &[u8]) -> Result<(Self, u8, &[u8]), DecodeError> {
        let mut from = Reader(octets);
        if number == 4 {
            // It has no next payload: it is the last.
            let word = from.pair()?;
            let payload = Self::Signature {
                algorithm: (word >> 12) as u8,
                signature: from.owned(word & 0x0FFF)?,
            };
            return Ok((payload, LAST, from.0));
        }
        let next = from.octet()?;
        let payload = Self::contents(number, &mut from)?;
        Ok((payload, next, from.0))
    }

    fn contents(number: u8, from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match number {
            1 => {
                let encryption = from.octet()?;
                let length = from.pair()?;
                let contents = Zeroizing::new(from.owned(length)?);
                let mac_algorithm = from.octet()?;
                let mac = from.owned(length_of("a MAC", mac_algorithm, MACS)?)?;
                Self::Keys {
                    encryption,
                    contents,
                    mac_algorithm,
                    mac,
                }
            }
            2 => {
                let word = from.pair()?;
                Self::Envelope {
                    cache: (word >> 14) as u8,
                    contents: from.owned(word & 0x3FFF)?,
                }
            }
            5 => {
                let kind = from.octet()?;
                let length = length_of("a timestamp", kind, TIMES)?;
                let octets = from.take(length)?;
                let value = octets
                    .iter()
                    .fold(0, |value, octet| value << 8 | u64::from(*octet));
                Self::Timestamp { kind, value }
            }
            6 | 7 => {
                let (kind, length) = (from.octet()?, from.pair()?);
                let contents = from.owned(length)?;
                match number {
                    6 => Self::Identity {
                        kind,
                        name: contents,
                    },
                    _ => Self::Certificate { kind, contents },
                }
            }
            8 => {
                let function = from.octet()?;
                let hash = from.owned(length_of("a hash", function, HASHES)?)?;
                Self::CertificateHash { function, hash }
            }
            9 => {
                let algorithm = from.octet()?;
                let mac = from.owned(length_of("a MAC", algorithm, MACS)?)?;
                Self::Verification { algorithm, mac }
            }
            10 => Self::Policy(Policy::decode(from)?),
            11 => {
                let length = from.octet()?;
                Self::Random(from.owned(length)?)
            }
            12 => {
                let number = from.octet()?;
                from.pair()?;
                Self::Error(number)
            }
            21 => {
                let (kind, length) = (from.octet()?, from.pair()?);
                let contents = from.owned(length)?;
                Self::Extension { kind, contents }
            }
            other => return Err(DecodeError::Payload(other)),
        })
    }

    pub(super) fn encode(&self, next: u8, out: &mut Vec<u8>) {
        if let Self::Signature {
            algorithm,
            signature,
        } = self
        {
            let length = signature.len().min(0x0FFF);
            put_pair(usize::from(*algorithm & 0x0F) << 12 | length, out);
            out.extend(signature.iter().take(length));
            return;
        }
        out.push(next);
        match self {
            Self::Signature { .. } => {}
            Self::Keys {
                encryption,
                contents,
                mac_algorithm,
                mac,
            } => {
                out.push(*encryption);
                put_long(contents, out);
                out.push(*mac_algorithm);
                out.extend(mac);
            }
            Self::Envelope { cache, contents } => {
                let length = contents.len().min(0x3FFF);
                put_pair(usize::from(*cache & 3) << 14 | length, out);
                out.extend(contents.iter().take(length));
            }
            Self::Timestamp { kind, value } => {
                out.push(*kind);
                let octets = value.to_be_bytes();
                let skip = if *kind == 2 { 4 } else { 0 };
                out.extend(&octets[skip..]);
            }
            Self::Identity {
                kind,
                name: contents,
            }
            | Self::Certificate { kind, contents }
            | Self::Extension { kind, contents } => {
                out.push(*kind);
                put_long(contents, out);
            }
            Self::CertificateHash {
                function: kind,
                hash: contents,
            }
            | Self::Verification {
                algorithm: kind,
                mac: contents,
            } => {
                out.push(*kind);
                out.extend(contents);
            }
            Self::Policy(policy) => policy.encode(out),
            Self::Random(random) => put_short(random, out),
            Self::Error(number) => out.extend([*number, 0, 0]),
        }
    }
}

impl Policy {
    /// The value of a parameter that is one octet.
    #[must_use]
    pub fn octet(&self, number: u8) -> Option<u8> {
        let (_, value) = self.parameters.iter().find(|(known, _)| *known == number)?;
        match value.as_slice() {
            [value] => Some(*value),
            _ => None,
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (number, protocol, length) = (from.octet()?, from.octet()?, from.pair()?);
        let mut within = Reader(from.take(length.into())?);
        let mut parameters = Vec::new();
        while !within.0.is_empty() {
            if parameters.len() == MAX_PARAMETERS {
                return Err(DecodeError::TooMany("parameters of a policy"));
            }
            let (kind, length) = (within.octet()?, within.octet()?);
            parameters.push((kind, within.owned(length)?));
        }
        Ok(Self {
            number,
            protocol,
            parameters,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend([self.number, self.protocol]);
        let mut parameters = Vec::new();
        for (kind, value) in self.parameters.iter().take(MAX_PARAMETERS) {
            parameters.push(*kind);
            put_short(value, &mut parameters);
        }
        put_long(&parameters, out);
    }
}

impl KeyEntry {
    /// A traffic key without limits.
    #[must_use]
    pub fn traffic(key: &[u8]) -> Self {
        Self {
            generates: false,
            key: Zeroizing::new(key.to_vec()),
            salt: None,
            identifier: None,
            interval: None,
        }
    }

    /// Reads the entries of a [`Payload::Keys`] that is not encrypted, or not any more.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`].
    pub fn decode_all(octets: &[u8]) -> Result<Vec<Self>, DecodeError> {
        let mut from = Reader(octets);
        let mut entries = Vec::new();
        let mut next = KEY_ENTRY;
        while next != LAST {
            if next != KEY_ENTRY {
                return Err(DecodeError::Payload(next));
            }
            if entries.len() == MAX_KEYS {
                return Err(DecodeError::TooMany("keys"));
            }
            next = from.octet()?;
            entries.push(Self::decode(&mut from)?);
        }
        if !from.0.is_empty() {
            return Err(DecodeError::Trailing);
        }
        Ok(entries)
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let word = from.octet()?;
        let (kind, validity) = (word >> 4, word & 0x0F);
        if kind > 3 {
            return Err(DecodeError::Value {
                what: "a key",
                value: kind,
            });
        }
        let length = from.pair()?;
        let key = Zeroizing::new(from.owned(length)?);
        let salt = match kind & 1 {
            0 => None,
            _ => {
                let length = from.pair()?;
                Some(Zeroizing::new(from.owned(length)?))
            }
        };
        let short = |from: &mut Reader<'_>| {
            let length = from.octet()?;
            from.owned(length)
        };
        let (identifier, interval) = match validity {
            0 => (None, None),
            1 => (Some(short(from)?), None),
            2 => (None, Some((short(from)?, short(from)?))),
            value => {
                let what = "a validity";
                return Err(DecodeError::Value { what, value });
            }
        };
        Ok(Self {
            generates: kind < 2,
            key,
            salt,
            identifier,
            interval,
        })
    }

    /// Writes entries, as they stand in a [`Payload::Keys`] before it is encrypted.
    #[must_use]
    pub fn encode_all(entries: &[Self]) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::new());
        let entries = &entries[..entries.len().min(MAX_KEYS)];
        for (at, entry) in entries.iter().enumerate() {
            let last = at + 1 == entries.len();
            out.push(if last { LAST } else { KEY_ENTRY });
            let kind = u8::from(!entry.generates) << 1 | u8::from(entry.salt.is_some());
            let validity = match (&entry.identifier, &entry.interval) {
                (Some(_), _) => 1,
                (None, Some(_)) => 2,
                (None, None) => 0,
            };
            out.push(kind << 4 | validity);
            put_long(&entry.key, &mut out);
            if let Some(salt) = &entry.salt {
                put_long(salt, &mut out);
            }
            if let Some(identifier) = &entry.identifier {
                put_short(identifier, &mut out);
            } else if let Some((from, to)) = &entry.interval {
                put_short(from, &mut out);
                put_short(to, &mut out);
            }
        }
        out
    }
}
