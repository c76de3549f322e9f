//! What challenges and credentials are made of (RFC 7235 §2.1, RFC 7616).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::lex;
use crate::leniency::{Deviation, Tolerance};
use crate::token::is_token;
use crate::typed::HeaderErrorKind;

/// A hash algorithm of Digest (RFC 7616 §3.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// `MD5`, also meant when none is named.
    Md5,
    /// `MD5-sess`
    Md5Sess,
    /// `SHA-256`
    Sha256,
    /// `SHA-256-sess`
    Sha256Sess,
    /// `SHA-512-256`
    Sha512_256,
    /// `SHA-512-256-sess`
    Sha512_256Sess,
    /// Any other.
    Other(String),
}

impl Algorithm {
    const KNOWN: [Self; 6] = [
        Self::Md5,
        Self::Md5Sess,
        Self::Sha256,
        Self::Sha256Sess,
        Self::Sha512_256,
        Self::Sha512_256Sess,
    ];

    /// Reads a name, in any case.
    pub fn parse(text: &str) -> Self {
        let known = Self::KNOWN
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text));
        known.unwrap_or_else(|| Self::Other(String::from(text)))
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
            Self::Sha512_256 => "SHA-512-256",
            Self::Sha512_256Sess => "SHA-512-256-sess",
            Self::Other(text) => text,
        }
    }
}

/// A quality of protection of Digest (RFC 7616 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Qop {
    /// `auth`: the request line is protected.
    Auth,
    /// `auth-int`: the body too.
    AuthInt,
}

impl Qop {
    /// Reads a name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text))
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// The parameters behind a scheme: names in the order received, values without quotes.
pub(super) type Parameters<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// Parameters that are read behind one scheme.
const MAX_PARAMETERS: usize = 64;

/// Parameters of Digest whose values stand without quotes (RFC 7616 §3.3). Other schemes may have any of that name.
pub(super) const WORDS: &[&str] = &["algorithm", "stale"];

/// Adds `name=value`. Those named in `words` must not have quotes.
pub(super) fn push_parameter<'a>(
    text: &'a str,
    words: &[&str],
    tolerance: &mut Tolerance<'_>,
    out: &mut Parameters<'a>,
) -> Result<(), HeaderErrorKind> {
    let (name, Some(value)) = lex::pair(text) else {
        return Err(HeaderErrorKind::Syntax);
    };
    if !is_token(name.as_bytes()) {
        return Err(HeaderErrorKind::Syntax);
    }
    if out.len() >= MAX_PARAMETERS {
        return Err(HeaderErrorKind::TooMany);
    }
    if out
        .iter()
        .any(|(other, _)| other.eq_ignore_ascii_case(name))
    {
        return Err(HeaderErrorKind::Repeated);
    }
    if !value.starts_with('"')
        && !is_token(value.as_bytes())
        && !tolerance.allow(Deviation::ChallengeQuotes)
    {
        return Err(HeaderErrorKind::Syntax);
    }
    let is_word = words.iter().any(|word| name.eq_ignore_ascii_case(word));
    if is_word && value.starts_with('"') && !tolerance.allow(Deviation::AlgorithmQuotes) {
        return Err(HeaderErrorKind::Syntax);
    }
    let value = lex::unquote(value).ok_or(HeaderErrorKind::Quote)?;
    if is_word && !is_token(value.as_bytes()) {
        return Err(HeaderErrorKind::Syntax);
    }
    out.push((name, value));
    Ok(())
}

/// The value of one parameter.
pub(super) fn find<'a>(parameters: &'a Parameters<'_>, name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| &**value)
}

pub(super) fn find_owned(parameters: &Parameters<'_>, name: &str) -> Option<String> {
    find(parameters, name).map(String::from)
}

/// Appends `name="value"` or `name=value`, after a comma unless it is the first.
pub(super) fn push_pair(name: &str, value: &str, quoted: bool, out: &mut String) {
    if !out.ends_with(' ') {
        out.push_str(", ");
    }
    out.push_str(name);
    out.push('=');
    match quoted {
        true => lex::quote(value, out),
        false => lex::push_value(value, out),
    }
}
