//! Headers that are lists of words: methods, feature tags, units, tokens.

use alloc::string::String;
use alloc::vec::Vec;

use super::accept::is_language;
use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::{Deviation, Tolerance};
use crate::method::Method;
use crate::token::is_token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

/// The elements of all lines. Empty ones are passed over if tolerated; a value of nothing at all is an empty list.
fn elements<T>(
    name: &'static str,
    values: &mut dyn Iterator<Item = &str>,
    tolerance: &mut Tolerance<'_>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, HeaderError> {
    let mut elements = Vec::new();
    for line in values.map(str::trim).filter(|line| !line.is_empty()) {
        for element in lex::split(line, b',') {
            if element.is_empty() && tolerance.allow(Deviation::EmptyElements) {
                continue;
            }
            if elements.len() >= lex::MAX_ELEMENTS {
                return Err(lex::error(name, HeaderErrorKind::TooMany));
            }
            elements.push(parse(element).ok_or(lex::error(name, HeaderErrorKind::Syntax))?);
        }
    }
    Ok(elements)
}

fn push_list<'a>(elements: impl Iterator<Item = &'a str>, out: &mut String) {
    for (index, element) in elements.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(element);
    }
}

/// Visible characters without separators of lists: feature tags of 1.0 are wider than tokens (RFC 2326 §3.8.1).
fn word(text: &str) -> Option<String> {
    let visible = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b",;\"".contains(&byte));
    visible.then(|| String::from(text))
}

macro_rules! lists {
    ($($(#[$doc:meta])* $type:ident($element:ty) = $name:literal, $parse:expr, $show:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            pub struct $type(pub Vec<$element>);

            impl $type {
                /// Whether the element is in the list.
                pub fn contains(&self, element: &$element) -> bool {
                    self.0.contains(element)
                }
            }

            impl FromIterator<$element> for $type {
                fn from_iter<I: IntoIterator<Item = $element>>(elements: I) -> Self {
                    Self(elements.into_iter().collect())
                }
            }

            impl Header for $type {
                fn name() -> HeaderName {
                    HeaderName::$type
                }

                fn decode_noting(values: &mut dyn Iterator<Item = &str>, tolerance: &mut Tolerance<'_>) -> Result<Self, HeaderError> {
                    elements($name, values, tolerance, $parse).map(Self)
                }

                fn encode(&self, out: &mut String) {
                    push_list(self.0.iter().map($show), out);
                }
            }
        )*
    };
}

lists! {
    /// Methods that the peer has at all (RFC 7826 §18.39, RFC 2326 §12.28).
    Public(Method) = "Public", Method::parse, Method::as_str;
    /// Methods that the resource, or its state, allows (RFC 7826 §18.6).
    Allow(Method) = "Allow", Method::parse, Method::as_str;
    /// Features without which the request must be refused, with 551 (RFC 7826 §18.43).
    Require(String) = "Require", word, String::as_str;
    /// The same for proxies; in 1.0 also for servers (RFC 7826 §18.37, RFC 2326 §12.27).
    ProxyRequire(String) = "Proxy-Require", word, String::as_str;
    /// Features that the sender has (RFC 7826 §18.51).
    Supported(String) = "Supported", word, String::as_str;
    /// Features that all proxies on the way have (RFC 7826 §18.38).
    ProxySupported(String) = "Proxy-Supported", word, String::as_str;
    /// Features of the request that are missing (RFC 7826 §18.55).
    Unsupported(String) = "Unsupported", word, String::as_str;
    /// Units that `Range` may have (RFC 7826 §18.5).
    AcceptRanges(String) = "Accept-Ranges", |text| is_token(text.as_bytes()).then(|| String::from(text)), String::as_str;
    /// What was done to the body, in order (RFC 7826 §18.15).
    ContentEncoding(String) = "Content-Encoding", |text| is_token(text.as_bytes()).then(|| text.to_ascii_lowercase()), String::as_str;
    /// Whose languages the body is in (RFC 7826 §18.16).
    ContentLanguage(String) = "Content-Language", |text| is_language(text).then(|| String::from(text)), String::as_str;
    /// Options of the connection, `close` above all (RFC 7826 §18.12).
    Connection(String) = "Connection", |text| is_token(text.as_bytes()).then(|| String::from(text)), String::as_str;
}

impl Connection {
    /// Whether the sender closes the connection after this exchange.
    pub fn is_close(&self) -> bool {
        self.0
            .iter()
            .any(|option| option.eq_ignore_ascii_case("close"))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::lex::tests::{decode, decode_lines, decode_strict, encoded};
    use super::*;

    #[test]
    fn methods_round_trip() {
        let text = "OPTIONS, DESCRIBE, SETUP, X-Foo";
        let public = decode_strict::<Public>(text).unwrap();
        assert!(public.contains(&Method::Setup) && !public.contains(&Method::Play));
        assert!(matches!(public.0.last(), Some(Method::Extension(_))));
        assert_eq!(encoded(&public), text);
        assert_eq!(
            decode::<Public>("OPTIONS,,PLAY,").unwrap().0,
            [Method::Options, Method::Play]
        );
        assert!(decode_strict::<Public>("OPTIONS,,PLAY").is_err());
        assert!(decode::<Public>("OPTIONS, PL AY").is_err());
    }

    #[test]
    fn r2_msg_09_repeated_lines_combine() {
        let two = decode_lines::<Require>(&["a", "b"]);
        assert_eq!(two, decode::<Require>("a, b"));
        assert_eq!(two, Ok(Require(vec!["a".into(), "b".into()])));
    }

    #[test]
    fn r2_cap_13_r1_hdr_22_feature_tags() {
        assert_eq!(
            decode::<Require>("com.foo.x, play.basic").unwrap().0,
            ["com.foo.x", "play.basic"]
        );
        for text in ["a b", "a\u{1}", "ü", "a;b", "\"a\""] {
            assert!(decode::<Require>(text).is_err(), "{text}");
        }
        assert_eq!(decode::<Supported>(""), Ok(Supported(vec![])));
    }

    #[test]
    fn r2_range_24_unknown_units_are_kept() {
        assert_eq!(
            decode::<AcceptRanges>("npt, foo").unwrap().0,
            ["npt", "foo"]
        );
    }

    #[test]
    fn r2_hdr_29_close() {
        assert!(
            decode::<Connection>("Keep-Alive, Close")
                .unwrap()
                .is_close()
        );
        assert!(!decode::<Connection>("Keep-Alive").unwrap().is_close());
    }

    #[test]
    fn floods_are_refused() {
        assert_eq!(
            decode::<Require>(&"a,".repeat(1000)).unwrap_err().kind,
            HeaderErrorKind::TooMany
        );
        assert_eq!(decode::<Require>(&",".repeat(60_000)), Ok(Require(vec![])));
    }
}
