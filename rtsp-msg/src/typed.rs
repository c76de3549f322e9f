//! Typed headers: what they have in common.

use alloc::string::String;

use crate::header_name::HeaderName;
use crate::leniency::{Leniency, Tolerance};

/// A header with a meaning: reads all lines of one name, writes one value.
pub trait Header: Sized {
    /// The name under which it stands.
    fn name() -> HeaderName;

    /// Reads the values of every line of that name, in order; there is at least one.
    ///
    /// Headers that are lists take all lines together; others refuse a second line that differs (RFC 7826 §5.2).
    ///
    /// # Errors
    ///
    /// When a value breaks the grammar in a way that is not tolerated.
    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError>;

    /// As [`Header::decode_noting`], where nobody wants to know what was tolerated.
    ///
    /// # Errors
    ///
    /// When a value breaks the grammar in a way that `leniency` does not name.
    fn decode(
        values: &mut dyn Iterator<Item = &str>,
        leniency: &Leniency,
    ) -> Result<Self, HeaderError> {
        Self::decode_noting(values, &mut Tolerance::new(leniency))
    }

    /// Appends the value, always in strict grammar.
    fn encode(&self, out: &mut String);
}

/// A header whose value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {kind}")]
#[non_exhaustive]
pub struct HeaderError {
    /// The header's name, as the RFC spells it.
    pub name: &'static str,
    /// What is wrong.
    pub kind: HeaderErrorKind,
}

/// What is wrong with a header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderErrorKind {
    /// No value, where one is needed.
    #[error("no value")]
    Empty,
    /// The value breaks the grammar.
    #[error("malformed")]
    Syntax,
    /// A number with a sign, other characters, too many digits, or out of its range.
    #[error("number malformed or out of range")]
    Number,
    /// The header, or a parameter in it, appears twice.
    #[error("given more than once")]
    Repeated,
    /// A quoted string without its end.
    #[error("unterminated quoted string")]
    Quote,
    /// More elements than anyone needs.
    #[error("too many elements")]
    TooMany,
}
