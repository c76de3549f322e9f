//! Conditions of a request: If-Match, If-None-Match, If-Modified-Since (RFC 7826 §18.24 to §18.26, RFC 2326 §12.22, §12.23).

use crate::error::ProtocolError;
use crate::now::Now;
use rtsp_msg::headers::{IfMatch, IfModifiedSince, IfNoneMatch, MTag, MTagCondition};
use rtsp_msg::{HeaderName, Method, Request};
use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a request's conditions are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Built for each request.
pub struct Representation {
    /// The tag of the description.
    pub tag: MTag,
    /// When it changed last, where that is known.
    pub modified: Option<SystemTime>,
}

/// When something was changed, as it may be told at `now`: never later than that, whatever its time stamp says (RFC 7826 §18.27).
#[must_use]
pub fn last_modified(modified: SystemTime, now: Now) -> SystemTime {
    modified.min(now.wall)
}

/// What becomes of a request whose conditions were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature.
pub enum Verdict {
    /// It is done.
    Proceed,
    /// The peer has it already: 304, without a body.
    NotModified,
}

/// A strong tag of these bytes: others have another one (RFC 7826 §4.6, §16.1.4).
#[must_use]
pub fn tag(bytes: &[u8]) -> MTag {
    let digest = Sha256::digest(bytes);
    MTag {
        weak: false,
        opaque: digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    }
}

/// Does a request have conditions at all?
#[must_use]
pub fn is_conditional(request: &Request) -> bool {
    let headers = &request.headers;
    headers.contains(&HeaderName::IfMatch)
        || headers.contains(&HeaderName::IfNoneMatch)
        || headers.contains(&HeaderName::IfModifiedSince)
}

/// Judges the conditions of a request that would succeed without them: ask this last (RFC 7826 §18.26).
///
/// # Errors
/// [`ProtocolError::PreconditionFailed`] when If-Match does not hold, or If-None-Match does for a method other than DESCRIBE;
/// [`ProtocolError::Contradiction`] for both at once; [`ProtocolError::BadHeader`] for tags that are none.
pub fn judge(request: &Request, now: &Representation) -> Result<Verdict, ProtocolError> {
    let if_match = request.headers.typed::<IfMatch>()?;
    let if_none = request.headers.typed::<IfNoneMatch>()?;
    match (if_match, if_none) {
        (Some(_), Some(_)) => Err(ProtocolError::Contradiction),
        (Some(IfMatch(wanted)), None) => {
            // Weak tags never match strongly (RFC 7826 §18.24).
            if matches(&wanted, &now.tag, true) {
                Ok(Verdict::Proceed)
            } else {
                Err(ProtocolError::PreconditionFailed)
            }
        }
        (None, Some(IfNoneMatch(known))) => {
            // Without a match the date is not looked at.
            match (matches(&known, &now.tag, false), &request.method) {
                (false, _) => Ok(Verdict::Proceed),
                (true, Method::Describe) => Ok(Verdict::NotModified),
                (true, _) => Err(ProtocolError::PreconditionFailed),
            }
        }
        (None, None) => Ok(by_date(request, now)),
    }
}

fn matches(condition: &MTagCondition, tag: &MTag, strong: bool) -> bool {
    match condition {
        MTagCondition::Any => true,
        MTagCondition::Tags(tags) => tags.iter().any(|one| match strong {
            true => one.is_strongly(tag),
            false => one.is_weakly(tag),
        }),
    }
}

/// A date that cannot be read, or that lies ahead of what is known, is no condition.
fn by_date(request: &Request, now: &Representation) -> Verdict {
    let since = request.headers.typed::<IfModifiedSince>().ok().flatten();
    let since = since.and_then(|IfModifiedSince(time)| time.to_unix());
    let modified = now
        .modified
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    match (since, modified) {
        // Dates have whole seconds.
        (Some(since), Some(modified)) if modified.as_secs() <= since.as_secs() => {
            Verdict::NotModified
        }
        _ => Verdict::Proceed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtsp_msg::{Uri, Version};
    use std::time::Duration;

    fn verdict(method: Method, headers: &[(HeaderName, &str)]) -> u16 {
        let uri = Uri::parse("rtsp://h/a").unwrap();
        let mut request = Request::new(method, uri, Version::V2_0);
        for (name, value) in headers {
            request.headers.append(name.clone(), value);
        }
        let now = Representation {
            tag: MTag {
                weak: false,
                opaque: "t1".into(),
            },
            // Mon, 23 Nov 2026 00:00:00 GMT
            modified: Some(UNIX_EPOCH + Duration::from_millis(1_795_392_000_700)),
        };
        match judge(&request, &now) {
            Ok(Verdict::Proceed) => 200,
            Ok(Verdict::NotModified) => 304,
            Err(error) => error.status().code(),
        }
    }

    #[test]
    fn r2_cond_01_to_08_r2_code_17_r1_desc_05_r1_setup_08_conditions() {
        use HeaderName::{IfMatch, IfModifiedSince, IfNoneMatch};
        use Method::{Describe, Setup};
        let (before, at) = (
            "Sun, 22 Nov 2026 23:59:59 GMT",
            "Mon, 23 Nov 2026 00:00:00 GMT",
        );
        type Case<'a> = (Method, &'a [(HeaderName, &'a str)], u16);
        let cases: &[Case<'_>] = &[
            (Setup, &[], 200),
            (Setup, &[(IfMatch, "\"t1\"")], 200),
            (Setup, &[(IfMatch, "\"x\", \"t1\"")], 200),
            (Setup, &[(IfMatch, "\"wrong\"")], 412),
            (Setup, &[(IfMatch, "W/\"t1\"")], 412),
            (Setup, &[(IfMatch, "*")], 200),
            (Describe, &[(IfNoneMatch, "\"t1\"")], 304),
            (Describe, &[(IfNoneMatch, "W/\"t1\"")], 304),
            (Describe, &[(IfNoneMatch, "*")], 304),
            (Describe, &[(IfNoneMatch, "\"t0\"")], 200),
            (Setup, &[(IfNoneMatch, "\"t1\"")], 412),
            (Setup, &[(IfNoneMatch, "\"t0\"")], 200),
            (Describe, &[(IfModifiedSince, at)], 304),
            (Setup, &[(IfModifiedSince, at)], 304),
            (Describe, &[(IfModifiedSince, before)], 200),
            (Describe, &[(IfModifiedSince, "yesterday")], 200),
            // R2-COND-06: a tag that does not match makes the date count for nothing.
            (
                Describe,
                &[(IfNoneMatch, "\"t0\""), (IfModifiedSince, at)],
                200,
            ),
            (Setup, &[(IfMatch, "\"t1\""), (IfNoneMatch, "\"t0\"")], 400),
            (Setup, &[(IfMatch, "t1")], 400),
        ];
        for (method, headers, code) in cases {
            assert_eq!(
                verdict(method.clone(), headers),
                *code,
                "{method:?} {headers:?}"
            );
        }
    }

    #[test]
    fn r2_cond_11_13_tags_change_with_every_byte() {
        assert_eq!(tag(b"v=0"), tag(b"v=0"));
        assert_ne!(tag(b"v=0"), tag(b"v=1"));
        assert_eq!(tag(b"").opaque.len(), 32);
    }
}
