//! The token, the atom of every grammar here.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use core::ops::Deref;

/// A token: one or more visible ASCII characters without separators (RFC 7826 §20.1).
///
/// The check happens once, when it is made; whoever holds one can write it to the wire as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(Cow<'static, str>);

impl Token {
    /// Checks `text` and copies it; `None` when it is empty or has a character that tokens cannot have.
    pub fn new(text: &str) -> Option<Self> {
        is_token(text.as_bytes()).then(|| Self(Cow::Owned(String::from(text))))
    }

    /// As [`Token::new`], without a copy.
    pub fn from_static(text: &'static str) -> Option<Self> {
        is_token(text.as_bytes()).then_some(Self(Cow::Borrowed(text)))
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Token {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// One bit a character, for the 128 of ASCII.
const TOKEN: u128 = {
    let mut set = 0u128;
    let mut byte = 0x21u8;
    while byte < 0x7F {
        let separator = matches!(
            byte,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
                | b'{'
                | b'}'
        );
        if !separator {
            set |= 1 << byte;
        }
        byte += 1;
    }
    set
};

pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte < 128 && TOKEN & (1 << byte) != 0
}

pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_msg_25_tokens_exclude_separators_and_controls() {
        for byte in 0..=255u8 {
            let separator = b"(),/:;<=>?@[]{}\\\" \t".contains(&byte);
            let expected = byte.is_ascii() && !byte.is_ascii_control() && !separator;
            assert_eq!(is_token_byte(byte), expected, "byte {byte:#04x}");
        }
        assert!(Token::new("").is_none());
        assert!(Token::new("a b").is_none());
        assert_eq!(
            Token::new("com.example.x").as_deref(),
            Some("com.example.x")
        );
        assert!(Token::from_static("ü").is_none());
    }
}
