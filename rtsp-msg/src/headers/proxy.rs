//! What proxies on the way add and are told: `Via`, `Accept-Credentials`, `Connection-Credentials`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::token::{Token, is_token};
use crate::typed::{Header, HeaderError, HeaderErrorKind};

/// The proxies that a message has passed, in order (RFC 7826 §18.57).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Via(pub Vec<ViaEntry>);

/// One proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViaEntry {
    /// The protocol received: `RTSP`. Left out in the short form of HTTP, and taken for `RTSP`.
    pub protocol: String,
    /// Its version: `2.0`.
    pub version: String,
    /// What carried it: `TCP`, `TLS`; not said in the short form of RTSP/1.0.
    pub transport: Option<String>,
    /// The proxy's name, or a pseudonym for it.
    pub host: String,
    /// Its port.
    pub port: Option<u16>,
    /// `ttl`, `maddr`, `received` and others.
    pub parameters: Vec<(String, Option<String>)>,
}

impl ViaEntry {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = lex::split(text, b';');
        let (protocol, by) = parts.next()?.rsplit_once([' ', '\t'])?;
        // A comment of HTTP's Via has no place here, nor have more words.
        let mut words = protocol.split('/').map(str::trim);
        let (first, second, third) = (words.next()?, words.next(), words.next());
        let (protocol, version, transport) = match (first, second, third, words.next()) {
            (version, None, ..) => ("RTSP", version, None),
            (protocol, Some(version), transport, None) => (protocol, version, transport),
            _ => return None,
        };
        let tokens = [Some(protocol), Some(version), transport];
        if !tokens
            .into_iter()
            .flatten()
            .all(|word| is_token(word.as_bytes()))
        {
            return None;
        }
        let (host, port) = split_host(by)?;
        let mut parameters = Vec::new();
        for part in parts {
            if parameters.len() >= lex::MAX_ELEMENTS {
                return None;
            }
            parameters.push(lex::parameter(part)?);
        }
        Some(Self {
            protocol: String::from(protocol),
            version: String::from(version),
            transport: transport.map(String::from),
            host: String::from(host),
            port,
            parameters,
        })
    }

    fn push(&self, out: &mut String) {
        out.extend([&*self.protocol, "/", &self.version]);
        if let Some(transport) = &self.transport {
            out.extend(["/", transport]);
        }
        out.push(' ');
        match self.host.contains(':') {
            true => out.extend(["[", &self.host, "]"]),
            false => out.push_str(&self.host),
        }
        if let Some(port) = self.port {
            let _ = write!(out, ":{port}");
        }
        lex::push_parameters(&self.parameters, out);
    }
}

/// `host [":" port]`, an IPv6 address in brackets, which it loses.
pub(super) fn split_host(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<core::net::Ipv6Addr>().ok()?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':')?),
            };
            (address, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let proper = |byte: u8| byte.is_ascii_graphic() && !b",;\"/@[]<>\\".contains(&byte);
    if host.is_empty() || !host.bytes().all(proper) {
        return None;
    }
    let port = match port {
        Some(port) => Some(lex::number(port, 5)?),
        None => None,
    };
    Some((host, port))
}

impl Header for Via {
    fn name() -> HeaderName {
        HeaderName::Via
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        lex::list("Via", values, ViaEntry::parse).map(Self)
    }

    fn encode(&self, out: &mut String) {
        for (index, entry) in self.0.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            entry.push(out);
        }
    }
}

/// How proxies decide whether to trust the next hop's certificate (RFC 7826 §18.2, §19.3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptCredentials {
    /// `Any`: whatever the next hop shows.
    Any,
    /// `Proxy`: the proxy decides.
    Proxy,
    /// `User`: only what is named here.
    User(Vec<AcceptedCredential>),
    /// Any other method, with what follows it.
    Other(Token, String),
}

/// A certificate that the client accepts, by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedCredential {
    /// Whose it is: an `rtsps` URI without path.
    pub uri: String,
    /// The hash: `sha-256`.
    pub algorithm: String,
    /// The hash's value, in base64.
    pub hash: String,
}

impl AcceptedCredential {
    fn parse(text: &str) -> Option<Self> {
        let (uri, rest) = quoted_uri(text)?;
        let (algorithm, hash) = rest.split_once(';')?;
        let (algorithm, hash) = (algorithm.trim(), hash.trim());
        let valid = is_token(algorithm.as_bytes()) && lex::is_base64(hash) && !hash.is_empty();
        valid.then(|| Self {
            uri,
            algorithm: String::from(algorithm),
            hash: String::from(hash),
        })
    }
}

/// `"URI";` and what follows.
fn quoted_uri(text: &str) -> Option<(String, &str)> {
    let end = lex::quoted_len(text.as_bytes()).filter(|_| text.starts_with('"'))?;
    let (quoted, rest) = text.split_at_checked(end)?;
    let uri = lex::unquote(quoted)?.into_owned();
    let rest = rest.trim_start().strip_prefix(';')?;
    (!uri.is_empty()).then_some((uri, rest.trim()))
}

impl Header for AcceptCredentials {
    fn name() -> HeaderName {
        HeaderName::AcceptCredentials
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        const NAME: &str = "Accept-Credentials";
        let value = lex::single(NAME, values)?;
        let (method, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
        let rest = rest.trim();
        let is = |other: &str| method.eq_ignore_ascii_case(other);
        if is("User") {
            let list = lex::list(NAME, &mut core::iter::once(rest), AcceptedCredential::parse);
            return list.map(Self::User);
        }
        match Token::new(method) {
            Some(_) if is("Any") && rest.is_empty() => Ok(Self::Any),
            Some(_) if is("Proxy") && rest.is_empty() => Ok(Self::Proxy),
            Some(method) if !is("Any") && !is("Proxy") => {
                Ok(Self::Other(method, String::from(rest)))
            }
            _ => Err(lex::error(NAME, HeaderErrorKind::Syntax)),
        }
    }

    fn encode(&self, out: &mut String) {
        match self {
            Self::Any => out.push_str("Any"),
            Self::Proxy => out.push_str("Proxy"),
            Self::User(credentials) => {
                out.push_str("User");
                for (index, credential) in credentials.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { " " });
                    lex::quote(&credential.uri, out);
                    out.extend([";", &credential.algorithm, ";", &credential.hash]);
                }
            }
            Self::Other(method, rest) if rest.is_empty() => out.push_str(method),
            Self::Other(method, rest) => out.extend([method.as_str(), " ", rest]),
        }
    }
}

/// The certificate of the hop that a proxy may not trust by itself (RFC 7826 §18.13, §19.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionCredentials {
    /// Which hop's.
    pub uri: String,
    /// The certificate chain, in base64.
    pub chain: String,
}

impl Header for ConnectionCredentials {
    fn name() -> HeaderName {
        HeaderName::ConnectionCredentials
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        const NAME: &str = "Connection-Credentials";
        let error = lex::error(NAME, HeaderErrorKind::Syntax);
        let (uri, chain) = quoted_uri(lex::single(NAME, values)?).ok_or(error)?;
        match lex::is_base64(chain) && !chain.is_empty() {
            true => Ok(Self {
                uri,
                chain: String::from(chain),
            }),
            false => Err(error),
        }
    }

    fn encode(&self, out: &mut String) {
        lex::quote(&self.uri, out);
        out.extend([";", &self.chain]);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::lex::tests::{decode, decode_lines, encoded};
    use super::*;

    #[test]
    fn r2_hdr_28_via_in_full_and_in_short() {
        let full = "RTSP/2.0/TCP proxy.example.com:8554;ttl=5;received=192.0.2.1, RTSP/1.0/TLS [2001:db8::1]";
        let via = decode::<Via>(full).unwrap();
        assert_eq!(via.0[0].port, Some(8554));
        assert_eq!(via.0[0].parameters[0], ("ttl".into(), Some("5".into())));
        assert_eq!((&*via.0[1].host, via.0[1].port), ("2001:db8::1", None));
        assert_eq!(encoded(&via), full);
        let short = decode_lines::<Via>(&["2.0 host", "RTSP/2.0 other:554"]).unwrap();
        assert_eq!(
            (&*short.0[0].protocol, &*short.0[0].version),
            ("RTSP", "2.0")
        );
        assert_eq!(short.0[0].transport, None);
        assert_eq!(encoded(&short), "RTSP/2.0 host, RTSP/2.0 other:554");
        for text in [
            "host",
            "RTSP/2.0/TCP/x h",
            "/2.0 h",
            "RTSP/2.0/TCP h:x",
            "RTSP/2.0/TCP [::1",
            "2.0 h;=",
            "a b h",
        ] {
            assert!(decode::<Via>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn credentials_of_hops_round_trip() {
        let hash = "dGVzdA==";
        for (text, value) in [
            ("Any", AcceptCredentials::Any),
            ("Proxy", AcceptCredentials::Proxy),
            ("User", AcceptCredentials::User(vec![])),
            (
                "User \"rtsps://p.example/\";sha-256;dGVzdA==",
                AcceptCredentials::User(vec![AcceptedCredential {
                    uri: "rtsps://p.example/".into(),
                    algorithm: "sha-256".into(),
                    hash: hash.into(),
                }]),
            ),
        ] {
            assert_eq!(
                decode::<AcceptCredentials>(text).as_ref(),
                Ok(&value),
                "{text}"
            );
            assert_eq!(encoded(&value), text);
        }
        let two = "User \"rtsps://p/\";sha-256;dGVzdA==, \"rtsps://s/\";sha-256;dGVzdA==";
        assert_eq!(encoded(&decode::<AcceptCredentials>(two).unwrap()), two);
        assert_eq!(
            encoded(&decode::<AcceptCredentials>("x-new a;b").unwrap()),
            "x-new a;b"
        );
        for text in [
            "",
            "Any x",
            "User rtsps://p/;sha-256;dGVzdA==",
            "User \"a\";sha-256;d",
            "User \"a\";sha-256",
            "@",
        ] {
            assert!(decode::<AcceptCredentials>(text).is_err(), "{text}");
        }
        let text = "\"rtsps://s.example/\";dGVzdA==";
        assert_eq!(
            encoded(&decode::<ConnectionCredentials>(text).unwrap()),
            text
        );
        for text in [
            "",
            "\"a\"",
            "\"a\";",
            "\"\";dGVzdA==",
            "a;dGVzdA==",
            "\"a\";dGVzdA",
        ] {
            assert!(decode::<ConnectionCredentials>(text).is_err(), "{text}");
        }
    }
}
