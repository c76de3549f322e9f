//! AES in counter mode, HMAC-SHA1 and AES-GCM, as SRTP uses them.

use aes::{
    Aes128, Aes256,
    cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper},
};
use aes_gcm::{AeadInOut, Aes128Gcm, Aes256Gcm, Nonce, Tag, aead::array::Array};
use ctr::{CtrCore, flavors::Ctr128BE};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::Suite;

/// Octets of a GCM tag (RFC 7714 §13).
pub(super) const GCM_TAG: usize = 16;

/// Octets of an HMAC-SHA1 key (RFC 3711 §5.2).
const MAC_KEY: usize = 20;

/// Labels of the derived keys (RFC 3711 §4.3.1); those of RTCP are three more.
const ENCRYPTION: u8 = 0;
const AUTHENTICATION: u8 = 1;
const SALT: u8 = 2;
const OF_RTCP: u8 = 3;

/// The session keys of RTP or of RTCP.
pub(super) enum Cipher {
    /// Counter mode and a MAC beside it.
    Counter(Box<Counter>),
    Gcm128(Box<Aes128Gcm>, [u8; 12]),
    Gcm256(Box<Aes256Gcm>, [u8; 12]),
}

/// What counter mode needs.
pub(super) struct Counter {
    aes: Aes128,
    mac: Hmac<Sha1>,
    salt: [u8; 14],
}

impl Cipher {
    /// Derives the session keys (RFC 3711 §4.3 at a key derivation rate of 0, RFC 7714 §11).
    pub(super) fn derive(suite: Suite, master: &[u8], salt: &[u8], rtcp: bool) -> Self {
        let of = if rtcp { OF_RTCP } else { 0 };
        let draw = |label: u8, out: &mut [u8]| derive(master, salt, label + of, out);
        match suite {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => {
                let mut key = Zeroizing::new([0; 16]);
                let mut mac = Zeroizing::new([0; MAC_KEY]);
                let mut salt = [0; 14];
                draw(ENCRYPTION, &mut *key);
                draw(AUTHENTICATION, &mut *mac);
                draw(SALT, &mut salt);
                Self::Counter(Box::new(Counter {
                    aes: Aes128::new(&Array(*key)),
                    mac: keyed(&mac),
                    salt,
                }))
            }
            Suite::AeadAes128Gcm => {
                let mut key = Zeroizing::new([0; 16]);
                let mut salt = [0; 12];
                draw(ENCRYPTION, &mut *key);
                draw(SALT, &mut salt);
                Self::Gcm128(Box::new(Aes128Gcm::new(&Array(*key))), salt)
            }
            Suite::AeadAes256Gcm => {
                let mut key = Zeroizing::new([0; 32]);
                let mut salt = [0; 12];
                draw(ENCRYPTION, &mut *key);
                draw(SALT, &mut salt);
                Self::Gcm256(Box::new(Aes256Gcm::new(&Array(*key))), salt)
            }
        }
    }

    /// Encrypts or decrypts in counter mode (RFC 3711 §4.1.1). GCM does it with [`seal`](Self::seal) and [`open`](Self::open).
    pub(super) fn counter(&self, ssrc: u32, index: u64, payload: &mut [u8]) {
        if let Self::Counter(counter) = self {
            let mut iv = [0; 16];
            iv[..14].copy_from_slice(&counter.salt);
            xor(&mut iv[4..8], &ssrc.to_be_bytes());
            xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
            key_stream(&counter.aes, iv, payload);
        }
    }

    /// The MAC over `parts`; `None` with GCM.
    pub(super) fn mac(&self, parts: [&[u8]; 2]) -> Option<Hmac<Sha1>> {
        let Self::Counter(counter) = self else {
            return None;
        };
        let mut mac = counter.mac.clone();
        parts.iter().for_each(|part| mac.update(part));
        Some(mac)
    }

    /// Encrypts with GCM; the tag. `None` in counter mode, and where a payload is longer than GCM takes.
    pub(super) fn seal(
        &self,
        nonce: [u8; 12],
        associated: &[u8],
        payload: &mut [u8],
    ) -> Option<[u8; GCM_TAG]> {
        let tag = match self {
            Self::Counter(_) => return None,
            Self::Gcm128(gcm, salt) => {
                gcm.encrypt_inout_detached(&salted(nonce, salt), associated, payload.into())
            }
            Self::Gcm256(gcm, salt) => {
                gcm.encrypt_inout_detached(&salted(nonce, salt), associated, payload.into())
            }
        };
        tag.ok().map(|tag| tag.0)
    }

    /// Decrypts with GCM; whether the tag is right. What is behind a wrong one is not decrypted.
    pub(super) fn open(
        &self,
        nonce: [u8; 12],
        associated: &[u8],
        payload: &mut [u8],
        tag: [u8; GCM_TAG],
    ) -> bool {
        let tag: Tag = Array(tag);
        let opened = match self {
            Self::Counter(_) => return false,
            Self::Gcm128(gcm, salt) => {
                gcm.decrypt_inout_detached(&salted(nonce, salt), associated, payload.into(), &tag)
            }
            Self::Gcm256(gcm, salt) => {
                gcm.decrypt_inout_detached(&salted(nonce, salt), associated, payload.into(), &tag)
            }
        };
        opened.is_ok()
    }
}

/// The nonce of a GCM packet: source, then index, right-aligned, with the salt over it (RFC 7714 §8.1, §9.1).
pub(super) fn nonce(ssrc: u32, index: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[6..12].copy_from_slice(&index.to_be_bytes()[2..]);
    nonce
}

fn salted(mut nonce: [u8; 12], salt: &[u8; 12]) -> Nonce<aes_gcm::aead::consts::U12> {
    xor(&mut nonce, salt);
    Array(nonce)
}

fn xor(into: &mut [u8], with: &[u8]) {
    into.iter_mut()
        .zip(with)
        .for_each(|(into, with)| *into ^= with);
}

fn keyed(key: &[u8; MAC_KEY]) -> Hmac<Sha1> {
    // HMAC takes keys of every length; this one fits its block.
    let mut block = Zeroizing::new([0; 64]);
    block[..MAC_KEY].copy_from_slice(key);
    <Hmac<Sha1> as KeyInit>::new(&Array(*block))
}

/// XORs the key stream that begins at `iv` into `payload`.
fn key_stream<A>(aes: &A, iv: [u8; 16], payload: &mut [u8])
where
    A: aes::cipher::BlockCipherEncrypt
        + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
{
    let core = CtrCore::<&A, Ctr128BE>::inner_iv_init(aes, &Array(iv));
    StreamCipherCoreWrapper::from_core(core).apply_keystream(payload);
}

/// The pseudo-random function with AES in counter mode (RFC 3711 §4.3.3, RFC 6188 §3 for 256 bits).
fn derive(master: &[u8], salt: &[u8], label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    for (into, octet) in iv.iter_mut().zip(salt.iter().take(14)) {
        *into = *octet;
    }
    iv[7] ^= label;
    out.fill(0);
    if let Ok(master) = <&[u8; 32]>::try_from(master) {
        key_stream(&Aes256::new(&Array(*master)), iv, out);
    } else if let Ok(master) = <&[u8; 16]>::try_from(master) {
        key_stream(&Aes128::new(&Array(*master)), iv, out);
    }
}

#[cfg(test)]
mod tests {
    use aes_gcm::aead::KeySizeUser;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        super::super::tests::hex(text)
    }

    #[test]
    fn rfc_3711_b_2_key_stream() {
        let aes = Aes128::new_from_slice(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let mut stream = vec![0; 1_044_512];
        let iv = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000");
        key_stream(&aes, iv.try_into().unwrap(), &mut stream);
        let block = |number: usize| stream[number * 16..][..16].to_vec();
        assert_eq!(block(0), hex("E03EAD0935C95E80E166B16DD92B4EB4"));
        assert_eq!(block(1), hex("D23513162B02D0F72A43A2FE4A5F97AB"));
        assert_eq!(block(2), hex("41E95B3BB0A2E8DD477901E4FCA894C0"));
        assert_eq!(block(0xFEFF), hex("EC8CDF7398607CB0F2D21675EA9EA1E4"));
        assert_eq!(block(0xFF00), hex("362B7C3C6773516318A077D7FC5073AE"));
        assert_eq!(block(0xFF01), hex("6A2CC3787889374FBEB4C81B17BA6C44"));
    }

    #[test]
    fn rfc_3711_b_3_key_derivation() {
        let master = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let derived = |label, length| {
            let mut out = vec![0; length];
            derive(&master, &salt, label, &mut out);
            out
        };
        assert_eq!(
            derived(ENCRYPTION, 16),
            hex("C61E7A93744F39EE10734AFE3FF7A087")
        );
        assert_eq!(derived(SALT, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(
            derived(AUTHENTICATION, 94),
            hex("CEBE321F6FF7716B6FD4AB49AF256A15\
                 6D38BAA48F0A0ACF3C34E2359E6CDBCE\
                 E049646C43D9327AD175578EF7227098\
                 6371C10C9A369AC2F94A8C5FBCDDDC25\
                 6D6E919A48B610EF17C2041E47403576\
                 6B68642C59BBFC2F34DB60DBDFB2")
        );
    }

    #[test]
    fn keys_have_the_sizes_of_their_suites() {
        assert_eq!(Aes128Gcm::key_size(), Suite::AeadAes128Gcm.key_length());
        assert_eq!(Aes256Gcm::key_size(), Suite::AeadAes256Gcm.key_length());
    }
}
