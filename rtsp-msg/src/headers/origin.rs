//! Who sends, and from where: `From`, `Referrer` and `Referer`, `Host`, `Conference`, `x-server-ip-address`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::IpAddr;

use super::lex;
use super::proxy::split_host;
use crate::header_list::Headers;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::typed::{Header, HeaderError, HeaderErrorKind};
use crate::version::Version;

/// The human who is responsible for the request: a URI, in 1.0 a mail address (RFC 7826 §18.23, RFC 2326 §12.20).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct From {
    /// A name to show.
    pub display_name: Option<String>,
    /// The address.
    pub address: String,
    /// Parameters of the header, not of the URI.
    pub parameters: Vec<(String, Option<String>)>,
}

impl From {
    fn parse(text: &str) -> Option<Self> {
        let quoted = lex::quoted_len(text.as_bytes()).filter(|_| text.starts_with('"'));
        let (start, rest) = match quoted {
            Some(end) => text.split_at_checked(end)?,
            None => ("", text),
        };
        let (display, address, rest) = match rest.split_once('<') {
            Some((name, rest)) => {
                let (address, rest) = rest.split_once('>')?;
                let name = if quoted.is_some() { start } else { name.trim() };
                (Some(name), String::from(address.trim()), rest)
            }
            None if quoted.is_some() => (None, lex::unquote(start)?.into_owned(), rest),
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                let (address, rest) = rest.split_at_checked(end)?;
                (None, String::from(address.trim()), rest)
            }
        };
        let display_name = match display.filter(|name| !name.is_empty()) {
            Some(name) => Some(lex::unquote(name)?.into_owned()),
            None => None,
        };
        let mut parameters = Vec::new();
        let mut parts = lex::split(rest, b';');
        if parts.next() != Some("") || !is_address(&address) {
            return None;
        }
        for part in parts {
            if parameters.len() >= lex::MAX_ELEMENTS {
                return None;
            }
            parameters.push(lex::parameter(part)?);
        }
        Some(Self {
            display_name,
            address,
            parameters,
        })
    }
}

fn is_address(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>".contains(&byte))
}

impl Header for From {
    fn name() -> HeaderName {
        HeaderName::From
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        Self::parse(lex::single("From", values)?).ok_or(lex::error("From", HeaderErrorKind::Syntax))
    }

    /// An address with a comma or a semicolon is written within quotes (RFC 7826 §18).
    fn encode(&self, out: &mut String) {
        match &self.display_name {
            Some(name) => {
                lex::quote(name, out);
                out.extend([" <", &self.address, ">"]);
            }
            None if self.address.contains([',', ';']) => lex::quote(&self.address, out),
            None => out.push_str(&self.address),
        }
        lex::push_parameters(&self.parameters, out);
    }
}

/// Where the client got the URI from: `Referrer` in 2.0, `Referer` in 1.0 (RFC 7826 §18.41, RFC 2326 §12.30).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer(pub String);

/// The same, as 1.0 spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referer(pub String);

impl Referrer {
    /// Reads it, however it is spelled.
    ///
    /// # Errors
    ///
    /// When the value is no URI reference.
    pub fn of(
        headers: &Headers,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Option<Self>, HeaderError> {
        if let Some(found) = headers.typed_noting::<Self>(tolerance)? {
            return Ok(Some(found));
        }
        let found = headers.typed_noting::<Referer>(tolerance)?;
        Ok(found.map(|Referer(uri)| Self(uri)))
    }

    /// Writes it as the version spells it.
    pub fn put(&self, version: Version, headers: &mut Headers) {
        match version {
            Version::V1_0 => headers.set(&Referer(self.0.clone())),
            Version::V2_0 => headers.set(self),
        }
    }
}

macro_rules! references {
    ($($type:ident = $name:literal, $valid:expr;)*) => {
        $(impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::$type
            }

            fn decode_noting(
                values: &mut dyn Iterator<Item = &str>,
                _: &mut Tolerance<'_>,
            ) -> Result<Self, HeaderError> {
                let value = lex::single($name, values)?;
                match $valid(value) {
                    true => Ok(Self(String::from(value))),
                    false => Err(lex::error($name, HeaderErrorKind::Syntax)),
                }
            }

            fn encode(&self, out: &mut String) {
                out.push_str(&self.0);
            }
        })*
    };
}

/// The conference that a session belongs to: opaque (RFC 2326 §12.8; not in 2.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conference(pub String);

references! {
    Referrer = "Referrer", is_address;
    Referer = "Referer", is_address;
    // `1*xchar`, which is visible; separators are URI-escaped (RFC 2326 §3.3).
    Conference = "Conference", is_address;
}

/// The host of the request as in HTTP: players behind a tunnel send it. Without meaning here (RFC 2326 §12.21).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The name or address, without brackets.
    pub name: String,
    /// The port, if one is given.
    pub port: Option<u16>,
}

impl Header for Host {
    fn name() -> HeaderName {
        HeaderName::Host
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let parsed = split_host(lex::single("Host", values)?);
        let (name, port) = parsed.ok_or(lex::error("Host", HeaderErrorKind::Syntax))?;
        Ok(Self {
            name: String::from(name),
            port,
        })
    }

    fn encode(&self, out: &mut String) {
        match self.name.contains(':') {
            true => out.extend(["[", &self.name, "]"]),
            false => out.push_str(&self.name),
        }
        if let Some(port) = self.port {
            let _ = write!(out, ":{port}");
        }
    }
}

/// Which of several servers behind one name the POST of an HTTP tunnel must go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct XServerIpAddress(pub IpAddr);

impl Header for XServerIpAddress {
    fn name() -> HeaderName {
        HeaderName::XServerIpAddress
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        const NAME: &str = "x-server-ip-address";
        let address = lex::single(NAME, values)?.parse();
        address
            .map(Self)
            .map_err(|_| lex::error(NAME, HeaderErrorKind::Syntax))
    }

    fn encode(&self, out: &mut String) {
        let _ = write!(out, "{}", self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, encoded};
    use super::*;
    use crate::leniency::Leniency;

    #[test]
    fn r2_uri_15_from_quotes_what_has_separators() {
        for (text, display, address, written) in [
            (
                "user@example.com",
                None,
                "user@example.com",
                "user@example.com",
            ),
            ("rtsp://h/a", None, "rtsp://h/a", "rtsp://h/a"),
            (
                "\"rtsp://h/a;b,c\"",
                None,
                "rtsp://h/a;b,c",
                "\"rtsp://h/a;b,c\"",
            ),
            ("<rtsp://h/a;b>", None, "rtsp://h/a;b", "\"rtsp://h/a;b\""),
            (
                "\"A. \\\"B\\\"\" <rtsp://h/a;b>",
                Some("A. \"B\""),
                "rtsp://h/a;b",
                "\"A. \\\"B\\\"\" <rtsp://h/a;b>",
            ),
            ("Ann B <a@b>", Some("Ann B"), "a@b", "\"Ann B\" <a@b>"),
        ] {
            let from = decode::<From>(text).unwrap();
            assert_eq!(
                (from.display_name.as_deref(), &*from.address),
                (display, address),
                "{text}"
            );
            assert_eq!(encoded(&from), written);
            assert_eq!(decode::<From>(written), Ok(from));
        }
        let tagged = decode::<From>("rtsp://h/a;tag=x").unwrap();
        assert_eq!(tagged.address, "rtsp://h/a");
        assert_eq!(tagged.parameters, [("tag".into(), Some("x".into()))]);
        for text in ["", "<a", "\"a", "a b", "\"a\" b", "a;=", "<>"] {
            assert!(decode::<From>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn r2_hdr_27_r1_hdr_21_each_version_spells_referrer_its_way() {
        let referrer = Referrer("http://h/list.html".into());
        for (version, name) in [(Version::V1_0, "Referer"), (Version::V2_0, "Referrer")] {
            let mut headers = Headers::new();
            referrer.put(version, &mut headers);
            assert_eq!(headers.iter().next(), Some((name, "http://h/list.html")));
            let leniency = Leniency::strict();
            let read = Referrer::of(&headers, &mut Tolerance::new(&leniency));
            assert_eq!(read, Ok(Some(referrer.clone())));
        }
        assert!(decode::<Referrer>("a b").is_err());
    }

    #[test]
    fn hosts_and_addresses() {
        for text in ["h", "h:80", "[::1]:80", "192.0.2.1"] {
            assert_eq!(encoded(&decode::<Host>(text).unwrap()), text);
        }
        for text in ["", "h:", "h:70000", "[::1", "a b", "::1"] {
            assert!(decode::<Host>(text).is_err(), "{text}");
        }
        assert_eq!(
            encoded(&decode::<XServerIpAddress>("192.0.2.1").unwrap()),
            "192.0.2.1"
        );
        assert!(decode::<XServerIpAddress>("h").is_err());
    }

    #[test]
    fn r1_ver_09_conferences_are_opaque() {
        let text = "199702170042.SAA08642@obiwan.arl.wustl.edu%20Starr";
        assert_eq!(encoded(&decode::<Conference>(text).unwrap()), text);
        assert!(decode::<Conference>("a b").is_err());
    }
}
