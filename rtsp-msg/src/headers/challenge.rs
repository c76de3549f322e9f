//! `WWW-Authenticate` and `Proxy-Authenticate`.

use alloc::string::String;
use alloc::vec::Vec;

use super::auth_param::{
    Algorithm, Parameters, Qop, WORDS, find, find_owned, push_pair, push_parameter,
};
use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::token::is_token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

/// Challenges that are read of one message.
const MAX_CHALLENGES: usize = 16;

/// The ways in which a server lets a request be authenticated, from any number of lines (RFC 7826 §18.58, RFC 7235 §4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WwwAuthenticate(pub Vec<Challenge>);

/// The same of a proxy (RFC 7826 §18.34, RFC 7235 §4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyAuthenticate(pub Vec<Challenge>);

/// One way of authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenge {
    /// `Basic` (RFC 7617).
    Basic {
        /// What the credentials are for.
        realm: String,
    },
    /// `Digest` (RFC 7616, RFC 2617, RFC 2069).
    Digest(DigestChallenge),
    /// Any other, to be ignored.
    Other {
        /// Its name.
        scheme: String,
        /// Its parameters.
        parameters: Vec<(String, String)>,
    },
}

/// A Digest challenge (RFC 7616 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestChallenge {
    /// What the credentials are for.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// To be sent back as it is.
    pub opaque: Option<String>,
    /// URIs to which the credentials apply, separated by spaces.
    pub domain: Option<String>,
    /// The credentials were right but for their nonce.
    pub stale: bool,
    /// The hash; MD5 if none is named.
    pub algorithm: Option<Algorithm>,
    /// Qualities of protection to choose from; none in the manner of RFC 2069. Unknown ones are left out.
    pub qop: Vec<Qop>,
    /// `charset=UTF-8` was given.
    pub utf8: bool,
    /// The server takes hashed user names.
    pub userhash: bool,
}

impl DigestChallenge {
    fn from_parameters(parameters: &Parameters<'_>) -> Result<Self, HeaderErrorKind> {
        let is_true =
            |name| find(parameters, name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self {
            realm: find_owned(parameters, "realm").unwrap_or_default(),
            nonce: find_owned(parameters, "nonce").ok_or(HeaderErrorKind::Syntax)?,
            opaque: find_owned(parameters, "opaque"),
            domain: find_owned(parameters, "domain"),
            stale: is_true("stale"),
            algorithm: find(parameters, "algorithm").map(Algorithm::parse),
            qop: find(parameters, "qop")
                .unwrap_or("")
                .split(',')
                .map(str::trim)
                .filter_map(Qop::parse)
                .collect(),
            utf8: find(parameters, "charset")
                .is_some_and(|value| value.eq_ignore_ascii_case("UTF-8")),
            userhash: is_true("userhash"),
        })
    }

    fn encode(&self, out: &mut String) {
        out.push_str("Digest ");
        push_pair("realm", &self.realm, true, out);
        if let Some(domain) = &self.domain {
            push_pair("domain", domain, true, out);
        }
        push_pair("nonce", &self.nonce, true, out);
        if let Some(opaque) = &self.opaque {
            push_pair("opaque", opaque, true, out);
        }
        if self.stale {
            push_pair("stale", "true", false, out);
        }
        if let Some(algorithm) = &self.algorithm {
            push_pair("algorithm", algorithm.as_str(), false, out);
        }
        if let Some((first, rest)) = self.qop.split_first() {
            let mut list = String::from(first.as_str());
            for qop in rest {
                list.push(',');
                list.push_str(qop.as_str());
            }
            push_pair("qop", &list, true, out);
        }
        if self.utf8 {
            push_pair("charset", "UTF-8", false, out);
        }
        if self.userhash {
            push_pair("userhash", "true", false, out);
        }
    }
}

impl Challenge {
    fn from_parts(scheme: &str, parameters: &Parameters<'_>) -> Result<Self, HeaderErrorKind> {
        if scheme.eq_ignore_ascii_case("Basic") {
            return Ok(Self::Basic {
                realm: find_owned(parameters, "realm").unwrap_or_default(),
            });
        }
        if scheme.eq_ignore_ascii_case("Digest") {
            return DigestChallenge::from_parameters(parameters).map(Self::Digest);
        }
        let parameters = parameters
            .iter()
            .map(|(name, value)| (String::from(*name), String::from(&**value)));
        Ok(Self::Other {
            scheme: String::from(scheme),
            parameters: parameters.collect(),
        })
    }

    /// Appends the challenge. Several go into lines of their own with [`Headers::append`](crate::Headers::append):
    /// FFmpeg reads only the first of a line.
    pub fn push(&self, out: &mut String) {
        let start = out.len();
        match self {
            Self::Basic { realm } => {
                out.push_str("Basic ");
                push_pair("realm", realm, true, out);
            }
            Self::Digest(digest) => digest.encode(out),
            Self::Other { scheme, parameters } => {
                out.push_str(scheme);
                out.push(' ');
                for (name, value) in parameters {
                    push_pair(name, value, true, out);
                }
            }
        }
        out.truncate(start.max(out.trim_end().len()));
    }
}

/// Reads the challenges of one line: commas part both challenges and parameters (RFC 7235 §4.1).
fn decode_line(
    line: &str,
    tolerance: &mut Tolerance<'_>,
    out: &mut Vec<Challenge>,
) -> Result<(), HeaderErrorKind> {
    let mut open: Option<(&str, Parameters<'_>)> = None;
    for piece in lex::split(line, b',').filter(|piece| !piece.is_empty()) {
        let (scheme, rest) = scheme_of(piece);
        let parameter = match (scheme, &mut open) {
            (None, None) => return Err(HeaderErrorKind::Syntax),
            (None, Some(_)) => rest,
            (Some(scheme), open) => {
                if let Some((scheme, parameters)) = open.replace((scheme, Vec::new())) {
                    out.push(Challenge::from_parts(scheme, &parameters)?);
                }
                if out.len() >= MAX_CHALLENGES {
                    return Err(HeaderErrorKind::TooMany);
                }
                rest
            }
        };
        let Some((scheme, parameters)) = &mut open else {
            return Err(HeaderErrorKind::Syntax);
        };
        let known = scheme.eq_ignore_ascii_case("Basic") || scheme.eq_ignore_ascii_case("Digest");
        let words = if known { WORDS } else { &[] };
        match push_parameter(parameter, words, tolerance, parameters) {
            Ok(()) => {}
            // A scheme alone, or what an unknown scheme has in place of parameters.
            Err(_) if parameter.is_empty() || !known => {}
            Err(kind) => return Err(kind),
        }
    }
    if let Some((scheme, parameters)) = open {
        out.push(Challenge::from_parts(scheme, &parameters)?);
    }
    Ok(())
}

/// The scheme that a piece starts with, if any, and what follows it: `Digest realm="x"` but not `realm = "x"`.
fn scheme_of(piece: &str) -> (Option<&str>, &str) {
    let (word, rest) = piece.split_once([' ', '\t']).unwrap_or((piece, ""));
    let rest = rest.trim_start();
    if is_token(word.as_bytes()) && !rest.starts_with('=') {
        (Some(word), rest)
    } else {
        (None, piece)
    }
}

fn decode_all(
    name: &'static str,
    values: &mut dyn Iterator<Item = &str>,
    tolerance: &mut Tolerance<'_>,
) -> Result<Vec<Challenge>, HeaderError> {
    let mut challenges = Vec::new();
    for line in values {
        decode_line(line, tolerance, &mut challenges).map_err(|kind| lex::error(name, kind))?;
    }
    match challenges.is_empty() {
        true => Err(lex::error(name, HeaderErrorKind::Empty)),
        false => Ok(challenges),
    }
}

fn encode_all(challenges: &[Challenge], out: &mut String) {
    for (index, challenge) in challenges.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        challenge.push(out);
    }
}

macro_rules! challenge_headers {
    ($($type:ident = $name:literal;)*) => {
        $(impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::$type
            }

            fn decode_noting(values: &mut dyn Iterator<Item = &str>, tolerance: &mut Tolerance<'_>) -> Result<Self, HeaderError> {
                decode_all($name, values, tolerance).map(Self)
            }

            fn encode(&self, out: &mut String) {
                encode_all(&self.0, out);
            }
        })*
    };
}

challenge_headers! {
    WwwAuthenticate = "WWW-Authenticate";
    ProxyAuthenticate = "Proxy-Authenticate";
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::super::lex::tests::{decode, decode_lines, decode_strict, encoded};
    use super::*;

    fn digest(realm: &str, nonce: &str) -> DigestChallenge {
        DigestChallenge {
            realm: realm.into(),
            nonce: nonce.into(),
            ..DigestChallenge::default()
        }
    }

    fn basic(realm: &str) -> Challenge {
        Challenge::Basic {
            realm: realm.into(),
        }
    }

    #[test]
    fn r2_auth_10_challenges_round_trip() {
        let full = DigestChallenge {
            opaque: Some("5ccc".into()),
            domain: Some("/ rtsp://h/".into()),
            stale: true,
            algorithm: Some(Algorithm::Sha256),
            qop: vec![Qop::Auth, Qop::AuthInt],
            utf8: true,
            userhash: true,
            ..digest("a \"b\" \\, c", "dcd98b7102dd")
        };
        let cases = [
            ("Basic realm=\"cam\"", vec![basic("cam")]),
            (
                "Digest realm=\"cam\", nonce=\"abc\"",
                vec![Challenge::Digest(digest("cam", "abc"))],
            ),
            (
                "Digest realm=\"a \\\"b\\\" \\\\, c\", domain=\"/ rtsp://h/\", nonce=\"dcd98b7102dd\", opaque=\"5ccc\", stale=true, algorithm=SHA-256, qop=\"auth,auth-int\", charset=UTF-8, userhash=true",
                vec![Challenge::Digest(full)],
            ),
            (
                "Digest realm=\"x\", nonce=\"n\", algorithm=MD5, Basic realm=\"x\"",
                vec![
                    Challenge::Digest(DigestChallenge {
                        algorithm: Some(Algorithm::Md5),
                        ..digest("x", "n")
                    }),
                    basic("x"),
                ],
            ),
        ];
        for (text, challenges) in cases {
            let value = WwwAuthenticate(challenges);
            assert_eq!(
                decode_strict::<WwwAuthenticate>(text).as_ref(),
                Ok(&value),
                "{text}"
            );
            assert_eq!(encoded(&value), text);
        }
    }

    #[test]
    fn r2_auth_10_one_line_or_several_are_the_same() {
        let (a, b, c) = (
            "Digest realm=\"x\", nonce=\"n\"",
            "Negotiate",
            "Basic realm=\"x\"",
        );
        let several = decode_lines::<WwwAuthenticate>(&[a, b, c]).unwrap();
        assert_eq!(
            decode::<WwwAuthenticate>(&format!("{a}, {b},{c}")),
            Ok(several.clone())
        );
        assert_eq!(several.0.len(), 3);
        assert!(matches!(&several.0[1], Challenge::Other { scheme, .. } if scheme == "Negotiate"));
        assert_eq!(encoded(&several), format!("{a}, {b}, {c}"));
        let token68 = decode::<WwwAuthenticate>("Negotiate abc==, Basic realm=\"x\"").unwrap();
        assert_eq!(token68.0.len(), 2);
    }

    #[test]
    fn another_scheme_may_quote_its_algorithm() {
        let value = decode_strict::<WwwAuthenticate>("Other algorithm=SHA-256, stale=\"no\"");
        let value = value.unwrap();
        let text = encoded(&value);
        assert_eq!(text, "Other algorithm=\"SHA-256\", stale=\"no\"");
        assert_eq!(decode_strict::<WwwAuthenticate>(&text), Ok(value));
        assert!(decode_strict::<WwwAuthenticate>("Digest realm=\"a\", algorithm=\"MD5\"").is_err());
        // With or without quotes it is one word.
        for algorithm in ["\"\"", "\"M D5\"", "M=D5", "\"MD5,\""] {
            let text = format!("Digest realm=\"a\", nonce=\"b\", algorithm={algorithm}");
            assert!(decode::<WwwAuthenticate>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn quotes_that_peers_forget() {
        assert_eq!(
            decode::<WwwAuthenticate>("Basic realm=IP Camera")
                .unwrap()
                .0,
            [basic("IP Camera")]
        );
        assert!(decode_strict::<WwwAuthenticate>("Basic realm=IP Camera").is_err());
        let value = decode::<WwwAuthenticate>(
            "digest Realm = \"x\",nonce=abc,stale=\"FALSE\",algorithm=\"md5\",qop=auth",
        )
        .unwrap();
        let expected = DigestChallenge {
            algorithm: Some(Algorithm::Md5),
            qop: vec![Qop::Auth],
            ..digest("x", "abc")
        };
        assert_eq!(value.0, [Challenge::Digest(expected)]);
        assert_eq!(decode::<WwwAuthenticate>("Basic").unwrap().0, [basic("")]);
    }

    #[test]
    fn malformed_challenges_are_refused() {
        for text in [
            "",
            ",",
            "=",
            "realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest realm=\"x, nonce=\"y\"",
            "Digest nonce=\"a\"b",
            "Digest nonce=\"a\", nonce=\"b\"",
            "Digest =x, nonce=\"a\"",
            "Digest nonce=\"",
            "Digest nonce=\"a\\\"",
        ] {
            assert!(decode::<WwwAuthenticate>(text).is_err(), "{text}");
        }
        let flood = (0..10_000).fold(String::from("Digest nonce=\"a\""), |text, n| {
            format!("{text},p{n}=1")
        });
        assert_eq!(
            decode::<WwwAuthenticate>(&flood).unwrap_err().kind,
            HeaderErrorKind::TooMany
        );
        assert_eq!(
            decode::<WwwAuthenticate>(&"Basic,".repeat(10_000))
                .unwrap_err()
                .kind,
            HeaderErrorKind::TooMany
        );
    }
}
