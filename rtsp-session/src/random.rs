//! Randomness, handed over at construction.

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// A cryptographically secure stream of random numbers (ChaCha20).
///
/// Binaries seed it from the system; tests seed it with a constant and get the same session ids and nonces each time.
pub struct Random(ChaCha20Rng);

impl Random {
    /// The stream of this seed. The seed must be secret and unpredictable where it matters.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// An independent stream, seeded by this one: one for each connection.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.bytes())
    }

    /// `N` random octets.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Fills all of it.
    pub(crate) fn fill(&mut self, octets: &mut [u8]) {
        self.0.fill_bytes(octets);
    }

    /// A random number of 32 bits: an SSRC, the start of a timestamp.
    pub fn number(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// `length` characters out of letters and digits, each with log2(62) = 5.95 bits.
    #[must_use]
    pub fn letters(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut text = String::with_capacity(length);
        while text.len() < length {
            // Rejection keeps each letter equally likely: 62 of the 64 values of six bits are used.
            for byte in self.bytes::<32>() {
                if let Some(letter) = ALPHABET.get(usize::from(byte & 63))
                    && text.len() < length
                {
                    text.push(char::from(*letter));
                }
            }
        }
        text
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_differ_and_seeds_repeat() {
        let mut a = Random::from_seed([7; 32]);
        let mut b = Random::from_seed([7; 32]);
        assert_eq!(a.letters(40), b.letters(40));
        let mut fork = a.fork();
        assert_ne!(fork.letters(40), a.letters(40));
    }

    #[test]
    fn letters_are_spread_evenly() {
        let mut counts = [0_u32; 128];
        for letter in Random::from_seed([1; 32]).letters(62_000).bytes() {
            counts[usize::from(letter)] += 1;
        }
        let used: Vec<u32> = counts.into_iter().filter(|&n| n > 0).collect();
        assert_eq!(used.len(), 62);
        // 1000 expected each, standard deviation 31.
        assert!(used.iter().all(|n| (850..1150).contains(n)), "{used:?}");
    }
}
