//! `Content-Type`.

use alloc::string::String;
use alloc::vec::Vec;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::{Deviation, Tolerance};
use crate::token::is_token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

const NAME: &str = "Content-Type";

/// What the body is (RFC 7826 §18.19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// Type and subtype in lower case: `application/sdp`.
    pub essence: String,
    /// Parameters in order, values without quotes.
    pub parameters: Vec<(String, String)>,
}

impl ContentType {
    /// `application/sdp`
    pub fn sdp() -> Self {
        Self {
            essence: String::from("application/sdp"),
            parameters: Vec::new(),
        }
    }

    /// `text/parameters`: the body of GET_PARAMETER and SET_PARAMETER (RFC 7826 §20.3).
    pub fn text_parameters() -> Self {
        Self {
            essence: String::from("text/parameters"),
            parameters: Vec::new(),
        }
    }

    /// Whether type and subtype are these, whatever the parameters.
    pub fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }
}

impl Header for ContentType {
    fn name() -> HeaderName {
        HeaderName::ContentType
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single(NAME, values)?;
        let mut parts = lex::split(value, b';');
        let (kind, subtype) = parts
            .next()
            .and_then(|essence| essence.split_once('/'))
            .unwrap_or(("", ""));
        let (kind, subtype) = (kind.trim_end(), subtype.trim_start());
        if !is_token(kind.as_bytes()) || !is_token(subtype.as_bytes()) {
            return Err(lex::error(NAME, HeaderErrorKind::Syntax));
        }
        let mut essence =
            String::with_capacity(kind.len().saturating_add(subtype.len()).saturating_add(1));
        essence.extend([kind, "/", subtype]);
        essence.make_ascii_lowercase();
        let mut parameters = Vec::new();
        for part in parts {
            if part.is_empty() && tolerance.allow(Deviation::EmptyElements) {
                continue;
            }
            if parameters.len() >= lex::MAX_ELEMENTS {
                return Err(lex::error(NAME, HeaderErrorKind::TooMany));
            }
            let (name, Some(value)) = lex::pair(part) else {
                return Err(lex::error(NAME, HeaderErrorKind::Syntax));
            };
            if !is_token(name.as_bytes()) {
                return Err(lex::error(NAME, HeaderErrorKind::Syntax));
            }
            let value = lex::unquote(value).ok_or(lex::error(NAME, HeaderErrorKind::Quote))?;
            parameters.push((String::from(name), value.into_owned()));
        }
        Ok(Self {
            essence,
            parameters,
        })
    }

    fn encode(&self, out: &mut String) {
        out.push_str(&self.essence);
        for (name, value) in &self.parameters {
            out.extend([";", name, "="]);
            lex::push_value(value, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::lex::tests::{decode, decode_strict, encoded};
    use super::*;

    #[test]
    fn types_round_trip() {
        assert_eq!(
            decode_strict::<ContentType>("application/sdp"),
            Ok(ContentType::sdp())
        );
        assert_eq!(encoded(&ContentType::text_parameters()), "text/parameters");
        let text = "text/plain;charset=utf-8;x=\"a;b\"";
        let value = decode_strict::<ContentType>(text).unwrap();
        assert_eq!(
            value.parameters,
            vec![
                ("charset".into(), "utf-8".into()),
                ("x".into(), "a;b".into())
            ]
        );
        assert_eq!(encoded(&value), text);
    }

    #[test]
    fn quirk_08_parameters_and_case_do_not_matter() {
        for text in [
            "Application/SDP; charset=utf-8",
            "application/sdp;",
            "application / sdp",
        ] {
            assert!(
                decode::<ContentType>(text).unwrap().is("application/sdp"),
                "{text}"
            );
        }
        for text in [
            "",
            "sdp",
            "application/",
            "/sdp",
            "a/b/c",
            "application/sdp;charset",
            "a/b;c=\"d",
            "a/b;\"c=d",
        ] {
            assert!(decode::<ContentType>(text).is_err(), "{text}");
        }
    }
}
