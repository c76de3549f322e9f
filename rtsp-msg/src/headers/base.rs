//! `Content-Base`, `Content-Location` and `Location`.

use alloc::format;
use alloc::string::String;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::{Deviation, Tolerance};
use crate::typed::{Header, HeaderError, HeaderErrorKind};
use crate::uri::Uri;

/// What relative URIs of the body are relative to (RFC 7826 §18.13). May itself be relative to the request's URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentBase(pub String);

/// Where the body is to be found, if elsewhere than asked (RFC 7826 §18.18). May be relative to the request's URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentLocation(pub String);

/// Where the client is sent (RFC 7826 §18.28): an absolute URI, never with user information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(pub Uri);

/// A URI reference of visible characters; bases as some peers write them are mended.
fn reference(
    name: &'static str,
    values: &mut dyn Iterator<Item = &str>,
    tolerance: &mut Tolerance<'_>,
) -> Result<String, HeaderError> {
    let value = lex::single(name, values)?;
    let bare = match value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
    {
        Some(inner) if tolerance.allow(Deviation::BaseUri) => inner,
        _ => value,
    };
    let bad = |byte: u8| byte <= b' ' || byte == 0x7F || b"\"<>".contains(&byte);
    if bare.is_empty() || bare.len() > Uri::MAX_LEN || bare.bytes().any(bad) {
        return Err(lex::error(name, HeaderErrorKind::Syntax));
    }
    let mended = mend(bare);
    Ok(
        match mended != bare && tolerance.allow(Deviation::BaseUri) {
            true => mended,
            false => String::from(bare),
        },
    )
}

fn mend(text: &str) -> String {
    // `rtsp://rtsp://host/…`
    let text = match text.split_once("://") {
        Some((_, rest))
            if rest
                .get(..7)
                .is_some_and(|start| start.eq_ignore_ascii_case("rtsp://")) =>
        {
            rest
        }
        _ => text,
    };
    if Uri::parse(text).is_ok() {
        return String::from(text);
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        // `192.168.1.10:554/stream0/`: no scheme, but a host with a port.
        None if looks_like_authority(text) => ("rtsp", text),
        None => return String::from(text),
    };
    // `rtsp://::ffff:1.2.3.4/`: an IPv6 address without brackets.
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let mended = match authority.parse::<core::net::Ipv6Addr>() {
        Ok(_) => format!("{scheme}://[{authority}]{path}"),
        Err(_) => format!("{scheme}://{rest}"),
    };
    if Uri::parse(&mended).is_ok() {
        mended
    } else {
        String::from(text)
    }
}

fn looks_like_authority(text: &str) -> bool {
    let authority = text.split('/').next().unwrap_or("");
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| lex::number::<u16>(port, 5).is_some())
        || authority.parse::<core::net::IpAddr>().is_ok()
}

macro_rules! references {
    ($($type:ident = $name:literal;)*) => {
        $(impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::$type
            }

            fn decode_noting(values: &mut dyn Iterator<Item = &str>, tolerance: &mut Tolerance<'_>) -> Result<Self, HeaderError> {
                reference($name, values, tolerance).map(Self)
            }

            fn encode(&self, out: &mut String) {
                out.push_str(&self.0);
            }
        })*
    };
}

references! {
    ContentBase = "Content-Base";
    ContentLocation = "Content-Location";
}

impl Header for Location {
    fn name() -> HeaderName {
        HeaderName::Location
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Location", values)?;
        let error = lex::error("Location", HeaderErrorKind::Syntax);
        let uri = lex::unquote(value).ok_or(error)?;
        Uri::parse(&uri).map(Self).map_err(|_| error)
    }

    /// Within quotes when it holds a comma or a semicolon (RFC 7826 §18).
    fn encode(&self, out: &mut String) {
        let uri = self.0.without_userinfo();
        match uri.as_str() {
            text if text.contains([',', ';']) => lex::quote(text, out),
            text => out.push_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, decode_lines, decode_strict, encoded};
    use super::*;

    #[test]
    fn quirks_17_18_21_29_bases_are_mended() {
        for (text, base) in [
            ("rtsp://h/a/", "rtsp://h/a/"),
            ("rtsp://h/a", "rtsp://h/a"),
            (
                "192.168.1.10:554/stream0/",
                "rtsp://192.168.1.10:554/stream0/",
            ),
            ("192.168.1.10/stream0/", "rtsp://192.168.1.10/stream0/"),
            ("rtsp://rtsp://192.168.1.10/a/", "rtsp://192.168.1.10/a/"),
            ("rtsp://::ffff:1.2.3.4/a/", "rtsp://[::ffff:1.2.3.4]/a/"),
            ("\"rtsp://h/a/\"", "rtsp://h/a/"),
            ("stream0/", "stream0/"),
            ("/stream0/", "/stream0/"),
            ("http://h/a", "http://h/a"),
        ] {
            assert_eq!(
                decode::<ContentBase>(text),
                Ok(ContentBase(base.into())),
                "{text}"
            );
        }
        assert_eq!(
            decode_strict::<ContentBase>("h:554/a"),
            Ok(ContentBase("h:554/a".into()))
        );
        for text in ["", "a b", "a\"b", "\u{1}", "\""] {
            assert!(decode::<ContentBase>(text).is_err(), "{text:?}");
        }
        assert_eq!(encoded(&ContentLocation("a/b".into())), "a/b");
    }

    #[test]
    fn r2_uri_15_r2_hdr_24_location_is_one_absolute_uri() {
        for text in ["rtsp://h:8554/a", "\"rtsp://h/a;b,c\""] {
            assert_eq!(encoded(&decode::<Location>(text).unwrap()), text);
        }
        assert!(decode::<Location>("rtsp://h/a;b").is_ok());
        for text in [
            "",
            "/a",
            "rtsp://h/a, rtsp://h/b",
            "rtsp://h/a rtsp://h/b",
            "\"rtsp://h/a",
        ] {
            assert!(decode::<Location>(text).is_err(), "{text}");
        }
        assert!(decode_lines::<Location>(&["rtsp://h/a", "rtsp://h/b"]).is_err());
        assert_eq!(
            encoded(&Location(Uri::parse("rtsp://u:p@h/a").unwrap())),
            "rtsp://h/a"
        );
    }
}
