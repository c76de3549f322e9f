//! Session ids.

use crate::random::Random;
use std::fmt;

/// Random characters: 22 × log2(62) = 130.99 bits (RFC 7826 §4.3 asks for 128).
const SECRET: usize = 22;
/// All characters: the last two carry the shard.
const LENGTH: usize = SECRET + 2;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The id of a session: letters and digits only, because dashes and dots confuse several peers.
///
/// The last two characters are the number of the shard on which the session lives, in hexadecimal, so that a request that
/// arrives elsewhere finds its way without a table.
///
/// ```
/// use rtsp_session::{random::Random, server::SessionId};
/// let id = SessionId::generate(&mut Random::from_seed([1; 32]), 17);
/// assert_eq!(id.shard(), 17);
/// assert_eq!(SessionId::parse(id.as_str()), Some(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId {
    text: [u8; LENGTH],
    shard: u8,
}

impl SessionId {
    /// A new id, out of the system's random source in a server.
    #[must_use]
    pub fn generate(random: &mut Random, shard: u8) -> Self {
        let mut text = [b'0'; LENGTH];
        let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
        let letters = random.letters(SECRET);
        let tail = [digit(shard >> 4), digit(shard & 15)];
        for (to, from) in text.iter_mut().zip(letters.bytes().chain(tail)) {
            *to = from;
        }
        Self { text, shard }
    }

    /// Reads an id as a peer sent it, without parameters. `None` for whatever cannot be an id of ours: 454.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
        if !text.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let nibble = |letter: &u8| HEX.iter().position(|digit| digit == letter);
        let [.., high, low] = &text;
        let shard = u8::try_from(nibble(high)? * 16 + nibble(low)?).ok()?;
        Some(Self { text, shard })
    }

    /// As in the Session header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Letters and digits only, by both ways of making one.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// Where the session lives.
    #[must_use]
    pub const fn shard(&self) -> u8 {
        self.shard
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Enough to tell sessions apart in a log, too little to use.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SessionId({}…)",
            self.as_str().get(..6).unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn r2_sid_01_ids_are_random_and_hold_their_shard() {
        let mut random = Random::from_seed([9; 32]);
        let mut seen = HashSet::new();
        for shard in (0..=255).cycle().take(10_000) {
            let id = SessionId::generate(&mut random, shard);
            assert_eq!(id.shard(), shard);
            assert!(id.as_str().bytes().all(|c| c.is_ascii_alphanumeric()));
            assert_eq!(SessionId::parse(id.as_str()), Some(id));
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn what_is_not_ours_is_no_id() {
        let id = SessionId::generate(&mut Random::from_seed([9; 32]), 255);
        let text = id.as_str();
        let umlaut = format!("{}é", &text[..22]);
        for wrong in [
            "",
            "12345678",
            &text[1..],
            &format!("{text}0"),
            &format!("{}ZZ", &text[..22]),
            &umlaut,
        ] {
            assert_eq!(SessionId::parse(wrong), None, "{wrong}");
        }
        let other_case: String = text
            .chars()
            .map(|c| {
                if c.is_lowercase() {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect();
        assert_ne!(
            SessionId::parse(&other_case),
            Some(id),
            "R2-SID-06: ids are case-sensitive"
        );
        assert!(!format!("{id:?}").contains(text));
    }
}
