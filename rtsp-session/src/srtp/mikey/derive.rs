//! What MIKEY makes of keys (RFC 3830 §4.1): other keys, a stream of octets, a MAC.

use aes::{
    Aes128,
    cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper},
};
use aes_gcm::aead::array::Array;
use ctr::{CtrCore, flavors::Ctr128BE};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// Octets of a MAC.
pub(super) const MAC: usize = 20;
/// The crypto session of what is no session's: keys of the message itself.
const NO_SESSION: u8 = 0xFF;

/// What is made of a key (RFC 3830 §4.1.3, §4.1.4).
#[derive(Clone, Copy)]
#[repr(u32)]
enum Purpose {
    Traffic = 0x2AD0_1C64,
    TrafficSalt = 0x39A2_C14B,
    Encryption = 0x1505_33E1,
    Authentication = 0x2D22_AC75,
    Salt = 0x29B8_8916,
}

/// What names an exchange: `csb_id` and RAND.
#[derive(Clone, Copy)]
pub(super) struct Bundle<'a> {
    pub(super) number: u32,
    pub(super) random: &'a [u8],
}

impl Bundle<'_> {
    fn draw<const N: usize>(self, key: &[u8], purpose: Purpose, session: u8) -> Zeroizing<[u8; N]> {
        let mut label = Vec::with_capacity(9 + self.random.len());
        label.extend((purpose as u32).to_be_bytes());
        label.push(session);
        label.extend(self.number.to_be_bytes());
        label.extend(self.random);
        let mut out = Zeroizing::new([0; N]);
        prf(key, &label, &mut *out);
        out
    }

    /// The traffic key and salt of a crypto session, made of the key that generates them.
    pub(super) fn traffic(
        self,
        generator: &[u8],
        session: u8,
        key: usize,
        salt: usize,
    ) -> Zeroizing<Vec<u8>> {
        // Shorter ones are the beginning of longer ones.
        let keys = self.draw::<32>(generator, Purpose::Traffic, session);
        let salts = self.draw::<14>(generator, Purpose::TrafficSalt, session);
        let both = keys.iter().take(key).chain(salts.iter().take(salt));
        Zeroizing::new(both.copied().collect())
    }

    /// Encrypts or decrypts what an envelope key hides (RFC 3830 §4.2.3).
    pub(super) fn cipher(self, envelope: &[u8], time: u64, octets: &mut [u8]) {
        let key = self.draw::<16>(envelope, Purpose::Encryption, NO_SESSION);
        let mut iv = [0; 16];
        let salt = self.draw::<14>(envelope, Purpose::Salt, NO_SESSION);
        let number = self.number.to_be_bytes();
        let within = [0, 0].into_iter().chain(number).chain(time.to_be_bytes());
        for ((to, salt), octet) in iv.iter_mut().zip(salt.iter()).zip(within) {
            *to = salt ^ octet;
        }
        let aes = Aes128::new(&Array(*key));
        let core = CtrCore::<_, Ctr128BE>::inner_iv_init(aes, &Array(iv));
        StreamCipherCoreWrapper::from_core(core).apply_keystream(octets);
    }

    /// The MAC over what an envelope key hides (RFC 3830 §4.2.4).
    pub(super) fn mac(self, envelope: &[u8], covered: &[u8]) -> [u8; MAC] {
        self.keyed(envelope, covered).finalize().into_bytes().0
    }

    /// Whether it is; takes the same time whatever differs.
    pub(super) fn is_mac(self, envelope: &[u8], covered: &[u8], mac: &[u8]) -> bool {
        self.keyed(envelope, covered).verify_slice(mac).is_ok()
    }

    fn keyed(self, envelope: &[u8], covered: &[u8]) -> Hmac<Sha1> {
        let key = self.draw::<MAC>(envelope, Purpose::Authentication, NO_SESSION);
        let mut mac = hmac(&*key);
        mac.update(covered);
        mac
    }
}

#[allow(clippy::expect_used)] // HMAC takes keys of any length.
fn hmac(key: &[u8]) -> Hmac<Sha1> {
    <Hmac<Sha1> as hmac::KeyInit>::new_from_slice(key).expect("a key of any length")
}

/// MIKEY-1 (RFC 3830 §4.1.2): the key in blocks of 256 bits, what each gives is added without carry.
fn prf(key: &[u8], label: &[u8], out: &mut [u8]) {
    for block in key.chunks(32) {
        let keyed = hmac(block);
        let digest = |parts: [&[u8]; 2]| {
            let mut mac = keyed.clone();
            parts.into_iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes()
        };
        let mut link = digest([label, &[]]);
        for part in out.chunks_mut(20) {
            let drawn = Zeroizing::new(digest([&link, label]).0);
            part.iter_mut()
                .zip(drawn.iter())
                .for_each(|(to, from)| *to ^= from);
            link = digest([&link, &[]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::tests::hex;

    #[test]
    fn keys_are_made_as_others_make_them() {
        // By an implementation of RFC 3830 §4.1.2 in another language, of a key of one block and a half.
        let key: Vec<u8> = (0..48).collect();
        let random: Vec<u8> = (0x10..0x20).collect();
        let bundle = Bundle {
            number: 0x1234_5678,
            random: &random,
        };
        let traffic = bundle.traffic(&key, 2, 16, 14);
        assert_eq!(
            *traffic,
            hex("9a28bc66a418964c8fc68b41c20baf9b76d91a1622acaae2efb598b8d60f")
        );
        assert_eq!(
            bundle.mac(&key, b"covered").to_vec(),
            hex("c59e9c9dd15205cc73d4dc91b36d911640c5499a")
        );
        let mut octets = [0; 20];
        bundle.cipher(&key, 0x0102_0304_0506_0708, &mut octets);
        assert_eq!(
            octets.to_vec(),
            hex("3eb17325c00a865fa6e3889310e56cce21e63cdf")
        );
    }
}
