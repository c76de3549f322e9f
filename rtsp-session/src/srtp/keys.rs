//! Sealing and opening of packets whose index is known.

use std::fmt;

use bytes::BytesMut;
use hmac::Mac;

use super::{
    MasterKey, OpenError, SealError, Suite,
    cipher::{Cipher, GCM_TAG, nonce},
};

/// The fixed part of an RTP header (RFC 3550 §5.1).
const RTP_HEADER: usize = 12;
/// What stays readable of a compound: its first header and the SSRC behind it (RFC 3711 §3.4).
const RTCP_HEADER: usize = 8;
/// E flag and index behind a compound.
const INDEX: usize = 4;
/// The E flag: the compound is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// Packets of RTP and of RTCP that a key may protect, and what their indexes stay below (RFC 3711 §9.2).
pub(super) const RTP_LIFETIME: u64 = 1 << 48;
pub(super) const RTCP_LIFETIME: u32 = 1 << 31;

/// The session keys of one master key. They do not change: whoever seals a packet with its index gets the same octets.
pub struct Keys {
    pub(super) suite: Suite,
    pub(super) rtp: Cipher,
    pub(super) rtcp: Cipher,
    pub(super) mki: Box<[u8]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}

/// What of an RTP packet SRTP looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
    /// Octets that stay readable.
    pub(super) length: usize,
}

impl Header {
    /// Of a packet that may be encrypted: nothing behind the header is looked at.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; RTP_HEADER] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut length = RTP_HEADER + usize::from(fixed[0] & 0x0F) * 4;
        if fixed[0] & 0x10 != 0 {
            let words: [u8; 2] = packet.get(length + 2..length + 4)?.try_into().ok()?;
            length += 4 + usize::from(u16::from_be_bytes(words)) * 4;
        }
        (length <= packet.len()).then_some(Self {
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            length,
        })
    }
}

/// The source of a compound.
pub(super) fn rtcp_source(compound: &[u8]) -> Option<u32> {
    let header: &[u8; RTCP_HEADER] = compound.first_chunk()?;
    let source = [header[4], header[5], header[6], header[7]];
    (header[0] >> 6 == 2).then_some(u32::from_be_bytes(source))
}

impl Keys {
    /// The session keys of a master key.
    #[must_use]
    pub fn derive(master: &MasterKey) -> Self {
        let derive = |rtcp| Cipher::derive(master.suite(), master.key(), master.salt(), rtcp);
        Self {
            suite: master.suite(),
            rtp: derive(false),
            rtcp: derive(true),
            mki: master.identifier().into(),
        }
    }

    /// What they are for.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Octets that sealing adds to an RTP packet.
    #[must_use]
    pub fn rtp_growth(&self) -> usize {
        self.suite.rtp_tag() + self.mki.len()
    }

    /// Octets that sealing adds to a compound.
    #[must_use]
    pub fn rtcp_growth(&self) -> usize {
        INDEX + self.suite.rtcp_tag() + self.mki.len()
    }

    /// Appends the RTP packet to `out`, sealed. `roc` is how often its sequence number has rolled over.
    ///
    /// # Errors
    ///
    /// When it is no packet; then `out` is as before.
    pub fn seal_rtp(&self, roc: u32, packet: &[u8], out: &mut BytesMut) -> Result<(), SealError> {
        let header = Header::parse(packet).ok_or(SealError::Malformed)?;
        let index = u64::from(roc) << 16 | u64::from(header.sequence);
        out.reserve(packet.len() + self.rtp_growth());
        let start = out.len();
        out.extend_from_slice(packet);
        let (readable, payload) = out[start..].split_at_mut(header.length);
        if self.suite.is_aead() {
            let tag = self.rtp.seal(nonce(header.ssrc, index), readable, payload);
            let Some(tag) = tag else {
                out.truncate(start);
                return Err(SealError::Malformed);
            };
            out.extend_from_slice(&tag);
            out.extend_from_slice(&self.mki);
        } else {
            self.rtp.counter(header.ssrc, index, payload);
            let mac = self.rtp.mac([&out[start..], &roc.to_be_bytes()]);
            out.extend_from_slice(&self.mki);
            put_tag(out, mac, self.suite.rtp_tag());
        }
        Ok(())
    }

    /// Appends the compound to `out`, sealed with an index of 31 bits.
    ///
    /// # Errors
    ///
    /// When it is no compound or the index is none; then `out` is as before.
    pub fn seal_rtcp(
        &self,
        index: u32,
        compound: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), SealError> {
        let ssrc = rtcp_source(compound).ok_or(SealError::Malformed)?;
        if index >= RTCP_LIFETIME {
            return Err(SealError::KeyExpired);
        }
        let word = (index | ENCRYPTED).to_be_bytes();
        out.reserve(compound.len() + self.rtcp_growth());
        let start = out.len();
        out.extend_from_slice(compound);
        let (readable, payload) = out[start..].split_at_mut(RTCP_HEADER);
        if self.suite.is_aead() {
            let associated = associated(readable, word);
            let tag = self
                .rtcp
                .seal(nonce(ssrc, index.into()), &associated, payload);
            let Some(tag) = tag else {
                out.truncate(start);
                return Err(SealError::Malformed);
            };
            out.extend_from_slice(&tag);
            out.extend_from_slice(&word);
            out.extend_from_slice(&self.mki);
        } else {
            self.rtcp.counter(ssrc, index.into(), payload);
            out.extend_from_slice(&word);
            let mac = self.rtcp.mac([&out[start..], &[]]);
            out.extend_from_slice(&self.mki);
            put_tag(out, mac, self.suite.rtcp_tag());
        }
        Ok(())
    }

    /// Appends to `out` what a sealed RTP packet was. Replay is the business of [`Receiver`](super::Receiver).
    ///
    /// # Errors
    ///
    /// When it was not sealed with this key and this `roc`; then `out` is as before.
    pub fn open_rtp(&self, roc: u32, packet: &[u8], out: &mut BytesMut) -> Result<(), OpenError> {
        let header = Header::parse(packet).ok_or(OpenError::Malformed)?;
        let index = u64::from(roc) << 16 | u64::from(header.sequence);
        let start = out.len();
        if self.suite.is_aead() {
            let sealed = self.without_mki(packet)?;
            let (body, tag) = split_tag(sealed, header.length)?;
            out.extend_from_slice(body);
            let (readable, payload) = out[start..].split_at_mut(header.length);
            if !self
                .rtp
                .open(nonce(header.ssrc, index), readable, payload, tag)
            {
                out.truncate(start);
                return Err(OpenError::AuthenticationFailed);
            }
        } else {
            let (body, tag) = self.split_mac(packet, self.suite.rtp_tag(), header.length)?;
            let mac = self.rtp.mac([body, &roc.to_be_bytes()]);
            verify(mac, tag)?;
            out.extend_from_slice(body);
            let payload = &mut out[start + header.length..];
            self.rtp.counter(header.ssrc, index, payload);
        }
        Ok(())
    }

    /// Appends to `out` what a sealed compound was, and returns its index. One that is authenticated only is taken, too.
    ///
    /// # Errors
    ///
    /// When it was not sealed with this key; then `out` is as before.
    pub fn open_rtcp(&self, packet: &[u8], out: &mut BytesMut) -> Result<u32, OpenError> {
        let ssrc = rtcp_source(packet).ok_or(OpenError::Malformed)?;
        let start = out.len();
        if self.suite.is_aead() {
            let sealed = self.without_mki(packet)?;
            let (sealed, word) = split_word(sealed)?;
            let index = word & !ENCRYPTED;
            let (body, tag) = split_tag(sealed, RTCP_HEADER)?;
            out.extend_from_slice(body);
            let opened = if word & ENCRYPTED != 0 {
                let (readable, payload) = out[start..].split_at_mut(RTCP_HEADER);
                let associated = associated(readable, word.to_be_bytes());
                self.rtcp
                    .open(nonce(ssrc, index.into()), &associated, payload, tag)
            } else {
                let associated = [body, &word.to_be_bytes()].concat();
                self.rtcp
                    .open(nonce(ssrc, index.into()), &associated, &mut [], tag)
            };
            if !opened {
                out.truncate(start);
                return Err(OpenError::AuthenticationFailed);
            }
            Ok(index)
        } else {
            let least = RTCP_HEADER + INDEX;
            let (sealed, tag) = self.split_mac(packet, self.suite.rtcp_tag(), least)?;
            verify(self.rtcp.mac([sealed, &[]]), tag)?;
            let (body, word) = split_word(sealed)?;
            let index = word & !ENCRYPTED;
            out.extend_from_slice(body);
            if word & ENCRYPTED != 0 {
                let payload = &mut out[start + RTCP_HEADER..];
                self.rtcp.counter(ssrc, index.into(), payload);
            }
            Ok(index)
        }
    }

    /// The packet before its master key identifier, which has to be ours.
    fn without_mki<'a>(&self, packet: &'a [u8]) -> Result<&'a [u8], OpenError> {
        let at = packet.len().checked_sub(self.mki.len());
        let (sealed, mki) = at
            .and_then(|at| packet.split_at_checked(at))
            .ok_or(OpenError::Malformed)?;
        if *mki != *self.mki {
            return Err(OpenError::UnknownKey);
        }
        Ok(sealed)
    }

    /// What the MAC is over, at least `least` octets, and the MAC.
    fn split_mac<'a>(
        &self,
        packet: &'a [u8],
        length: usize,
        least: usize,
    ) -> Result<(&'a [u8], &'a [u8]), OpenError> {
        let at = packet.len().checked_sub(length);
        let (rest, tag) = at
            .and_then(|at| packet.split_at_checked(at))
            .ok_or(OpenError::Malformed)?;
        let body = self.without_mki(rest)?;
        if body.len() < least {
            return Err(OpenError::Malformed);
        }
        Ok((body, tag))
    }
}

fn associated(readable: &[u8], word: [u8; INDEX]) -> [u8; RTCP_HEADER + INDEX] {
    let mut associated = [0; RTCP_HEADER + INDEX];
    let octets = readable.iter().chain(&word);
    associated
        .iter_mut()
        .zip(octets)
        .for_each(|(into, octet)| *into = *octet);
    associated
}

fn put_tag(out: &mut BytesMut, mac: Option<impl Mac>, length: usize) {
    if let Some(mac) = mac {
        let tag = mac.finalize().into_bytes();
        out.extend_from_slice(tag.get(..length).unwrap_or(&tag));
    }
}

fn verify(mac: Option<impl Mac>, tag: &[u8]) -> Result<(), OpenError> {
    // Compared in constant time.
    mac.and_then(|mac| mac.verify_truncated_left(tag).ok())
        .ok_or(OpenError::AuthenticationFailed)
}

fn split_tag(sealed: &[u8], least: usize) -> Result<(&[u8], [u8; GCM_TAG]), OpenError> {
    let (body, tag) = sealed.split_last_chunk().ok_or(OpenError::Malformed)?;
    if body.len() < least {
        return Err(OpenError::Malformed);
    }
    Ok((body, *tag))
}

fn split_word(sealed: &[u8]) -> Result<(&[u8], u32), OpenError> {
    let (rest, word) = sealed.split_last_chunk().ok_or(OpenError::Malformed)?;
    Ok((rest, u32::from_be_bytes(*word)))
}
