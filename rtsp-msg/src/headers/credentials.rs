//! `Authorization`, `Proxy-Authorization` and `Authentication-Info`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::auth_param::{
    Algorithm, Parameters, Qop, WORDS, find, find_owned, push_pair, push_parameter,
};
use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::token::is_token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

/// Credentials for the server (RFC 7826 §18.8, RFC 7235 §4.2). `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorization {
    /// `Basic` (RFC 7617).
    Basic {
        /// The user's name, without a colon.
        username: String,
        /// The password.
        password: String,
    },
    /// `Digest` (RFC 7616).
    Digest(DigestCredentials),
    /// `Bearer` (RFC 6750 §2.1): who has the token may use it.
    Bearer {
        /// The token, of the characters that RFC 6750 allows.
        token: String,
    },
    /// Any other scheme.
    Other {
        /// Its name.
        scheme: String,
    },
}

/// The same for a proxy (RFC 7826 §18.36).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyAuthorization(pub Authorization);

/// Digest credentials (RFC 7616 §3.4). `Debug` leaves the response out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DigestCredentials {
    /// The user's name, or its hash with `userhash`. `username*` (RFC 5987) is read too and decoded.
    pub username: String,
    /// As in the challenge.
    pub realm: String,
    /// As in the challenge.
    pub nonce: String,
    /// The request's URI as the client wrote it.
    pub uri: String,
    /// The proof, in hexadecimal digits.
    pub response: String,
    /// As in the challenge.
    pub opaque: Option<String>,
    /// As in the challenge.
    pub algorithm: Option<Algorithm>,
    /// The quality of protection chosen; none in the manner of RFC 2069.
    pub qop: Option<Qop>,
    /// How often the nonce was used, this time included.
    pub nc: Option<u32>,
    /// The client's nonce.
    pub cnonce: Option<String>,
    /// Whether the user's name is hashed.
    pub userhash: bool,
}

impl DigestCredentials {
    fn from_parameters(parameters: &Parameters<'_>) -> Result<Self, HeaderErrorKind> {
        let needed = |name| find_owned(parameters, name).ok_or(HeaderErrorKind::Syntax);
        let nc = match find(parameters, "nc") {
            Some(nc) if nc.len() == 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Some(u32::from_str_radix(nc, 16).map_err(|_| HeaderErrorKind::Number)?)
            }
            Some(_) => return Err(HeaderErrorKind::Number),
            None => None,
        };
        let qop = match find(parameters, "qop") {
            Some(qop) => Some(Qop::parse(qop).ok_or(HeaderErrorKind::Syntax)?),
            None => None,
        };
        let username = match (
            find_owned(parameters, "username"),
            find(parameters, "username*"),
        ) {
            (Some(username), None) => username,
            (None, Some(extended)) => decode_extended(extended).ok_or(HeaderErrorKind::Syntax)?,
            _ => return Err(HeaderErrorKind::Syntax),
        };
        Ok(Self {
            username,
            realm: needed("realm")?,
            nonce: needed("nonce")?,
            uri: needed("uri")?,
            response: needed("response")?,
            opaque: find_owned(parameters, "opaque"),
            algorithm: find(parameters, "algorithm").map(Algorithm::parse),
            qop,
            nc,
            cnonce: find_owned(parameters, "cnonce"),
            userhash: find(parameters, "userhash")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }

    fn encode(&self, out: &mut String) {
        out.push_str("Digest ");
        for (name, value) in [
            ("username", &self.username),
            ("realm", &self.realm),
            ("nonce", &self.nonce),
            ("uri", &self.uri),
            ("response", &self.response),
        ] {
            push_pair(name, value, true, out);
        }
        if let Some(algorithm) = &self.algorithm {
            push_pair("algorithm", algorithm.as_str(), false, out);
        }
        if let Some(cnonce) = &self.cnonce {
            push_pair("cnonce", cnonce, true, out);
        }
        if let Some(opaque) = &self.opaque {
            push_pair("opaque", opaque, true, out);
        }
        if let Some(qop) = self.qop {
            push_pair("qop", qop.as_str(), false, out);
        }
        if let Some(nc) = self.nc {
            push_pair("nc", &format!("{nc:08x}"), false, out);
        }
        if self.userhash {
            push_pair("userhash", "true", false, out);
        }
    }
}

/// `UTF-8''percent-encoded` (RFC 5987 §3.2).
fn decode_extended(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_, value) = rest.split_once('\'')?;
    let decoded = crate::uri::decode(value).ok()?;
    charset
        .eq_ignore_ascii_case("UTF-8")
        .then(|| decoded.into_owned())
}

fn decode_credentials(
    value: &str,
    tolerance: &mut Tolerance<'_>,
) -> Result<Authorization, HeaderErrorKind> {
    let (scheme, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    if !is_token(scheme.as_bytes()) {
        return Err(HeaderErrorKind::Syntax);
    }
    if scheme.eq_ignore_ascii_case("Basic") {
        let bytes = STANDARD
            .decode(rest.trim())
            .map_err(|_| HeaderErrorKind::Syntax)?;
        let text = String::from_utf8(bytes).map_err(|_| HeaderErrorKind::Syntax)?;
        let (username, password) = text.split_once(':').ok_or(HeaderErrorKind::Syntax)?;
        return Ok(Authorization::Basic {
            username: String::from(username),
            password: String::from(password),
        });
    }
    if scheme.eq_ignore_ascii_case("Bearer") {
        let token = rest.trim();
        let plain = token.trim_end_matches('=');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if plain.is_empty() || !plain.bytes().all(is_plain) {
            return Err(HeaderErrorKind::Syntax);
        }
        return Ok(Authorization::Bearer {
            token: String::from(token),
        });
    }
    if !scheme.eq_ignore_ascii_case("Digest") {
        return Ok(Authorization::Other {
            scheme: String::from(scheme),
        });
    }
    let parameters = decode_parameters(rest, tolerance)?;
    DigestCredentials::from_parameters(&parameters).map(Authorization::Digest)
}

fn decode_parameters<'a>(
    text: &'a str,
    tolerance: &mut Tolerance<'_>,
) -> Result<Parameters<'a>, HeaderErrorKind> {
    let mut parameters = Vec::new();
    for piece in lex::split(text, b',').filter(|piece| !piece.is_empty()) {
        push_parameter(piece, WORDS, tolerance, &mut parameters)?;
    }
    Ok(parameters)
}

impl Header for Authorization {
    fn name() -> HeaderName {
        HeaderName::Authorization
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Authorization", values)?;
        decode_credentials(value, tolerance).map_err(|kind| lex::error("Authorization", kind))
    }

    fn encode(&self, out: &mut String) {
        match self {
            Self::Basic { username, password } => {
                out.push_str("Basic ");
                STANDARD.encode_string(format!("{username}:{password}"), out);
            }
            Self::Digest(digest) => digest.encode(out),
            Self::Bearer { token } => {
                out.push_str("Bearer ");
                out.push_str(token);
            }
            Self::Other { scheme } => out.push_str(scheme),
        }
    }
}

impl Header for ProxyAuthorization {
    fn name() -> HeaderName {
        HeaderName::ProxyAuthorization
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Proxy-Authorization", values)?;
        decode_credentials(value, tolerance)
            .map(Self)
            .map_err(|kind| lex::error("Proxy-Authorization", kind))
    }

    fn encode(&self, out: &mut String) {
        self.0.encode(out);
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { username, .. } => write!(f, "Basic {{ username: {username:?}, .. }}"),
            Self::Digest(digest) => fmt::Debug::fmt(digest, f),
            Self::Bearer { .. } => f.write_str("Bearer { .. }"),
            Self::Other { scheme } => write!(f, "Other {{ scheme: {scheme:?} }}"),
        }
    }
}

impl fmt::Debug for DigestCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestCredentials")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .field("uri", &self.uri)
            .field("algorithm", &self.algorithm)
            .field("qop", &self.qop)
            .field("nc", &self.nc)
            .finish_non_exhaustive()
    }
}

/// What a server says after authentication went well (RFC 7826 §18.7, RFC 7615).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthenticationInfo {
    /// The nonce to use from now on.
    pub nextnonce: Option<String>,
    /// The quality of protection of the response.
    pub qop: Option<Qop>,
    /// The server's proof.
    pub rspauth: Option<String>,
    /// The client's nonce.
    pub cnonce: Option<String>,
    /// The client's count.
    pub nc: Option<u32>,
}

/// The same of a proxy (RFC 7826 §18.35).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyAuthenticationInfo(pub AuthenticationInfo);

impl AuthenticationInfo {
    fn parse(
        name: &'static str,
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single(name, values)?;
        let parameters =
            decode_parameters(value, tolerance).map_err(|kind| lex::error(name, kind))?;
        let nc = find(&parameters, "nc")
            .filter(|nc| nc.len() == 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit()));
        Ok(Self {
            nextnonce: find_owned(&parameters, "nextnonce"),
            qop: find(&parameters, "qop").and_then(Qop::parse),
            rspauth: find_owned(&parameters, "rspauth"),
            cnonce: find_owned(&parameters, "cnonce"),
            nc: nc.and_then(|nc| u32::from_str_radix(nc, 16).ok()),
        })
    }
}

impl Header for AuthenticationInfo {
    fn name() -> HeaderName {
        HeaderName::AuthenticationInfo
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        Self::parse("Authentication-Info", values, tolerance)
    }

    fn encode(&self, out: &mut String) {
        let mut text = String::from(" ");
        for (name, value) in [
            ("nextnonce", &self.nextnonce),
            ("rspauth", &self.rspauth),
            ("cnonce", &self.cnonce),
        ] {
            if let Some(value) = value {
                push_pair(name, value, true, &mut text);
            }
        }
        if let Some(qop) = self.qop {
            push_pair("qop", qop.as_str(), false, &mut text);
        }
        if let Some(nc) = self.nc {
            push_pair("nc", &format!("{nc:08x}"), false, &mut text);
        }
        out.push_str(text.trim_start());
    }
}

impl Header for ProxyAuthenticationInfo {
    fn name() -> HeaderName {
        HeaderName::ProxyAuthenticationInfo
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        AuthenticationInfo::parse("Proxy-Authentication-Info", values, tolerance).map(Self)
    }

    fn encode(&self, out: &mut String) {
        self.0.encode(out);
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
