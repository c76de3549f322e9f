//! What a connection refuses by itself, before anybody looks at sessions: the rules that need only the request.

use super::ConnectionConfig;
use crate::error::ProtocolError;
use rtsp_msg::headers::{Accept, AcceptEncoding, Blocksize, Quality};
use rtsp_msg::{HeaderName, Method, Request, RequestTarget, Scheme, Version};

/// The coding of a body that is not coded (RFC 7826 §18.15).
const IDENTITY: &str = "identity";

/// Judges one request by the server's versions, methods and option tags.
///
/// # Errors
/// The first rule that it breaks: CSeq (RFC 7826 §18.20), version (§17.5.6), method (§17.5.2), target (§7.1), Blocksize
/// (§18.10), Require (§18.43), codings of bodies (§18.3, §18.15), Conference (RFC 2326 §12.9).
pub fn screen(request: &Request, config: &ConnectionConfig) -> Result<(), ProtocolError> {
    let (methods, features) = (&config.methods, &config.features);
    if request.cseq().is_none() {
        return Err(ProtocolError::NoSequence);
    }
    if !config.versions.contains(&request.version) {
        return Err(ProtocolError::Version);
    }
    // What is no URI is a mistake in the request line, whatever stands before it: `PL AY rtsp://...` is no method PL.
    if matches!(request.target, RequestTarget::Invalid(_)) {
        return Err(ProtocolError::BadTarget);
    }
    if !methods.contains(&request.method) || !exists_in(&request.method, request.version) {
        return Err(ProtocolError::NotImplemented {
            public: public(methods, request.version),
        });
    }
    match &request.target {
        // RFC 7826 §7.1: `*` only where no resource is meant.
        RequestTarget::Any if request.method != Method::Options => {
            return Err(ProtocolError::BadTarget);
        }
        // RFC 7826 §4.2: rtspu has no meaning any more.
        RequestTarget::Uri(uri) if uri.scheme() == Scheme::Rtspu => {
            return Err(ProtocolError::NotImplemented {
                public: public(methods, request.version),
            });
        }
        _ => {}
    }
    // Any size will do but one that is none.
    request
        .headers
        .typed::<Blocksize>()
        .map_err(|_| ProtocolError::BadHeader("Blocksize"))?;
    let tags = unsupported(request, |tag| features.iter().any(|feature| feature == tag));
    if !tags.is_empty() {
        return Err(ProtocolError::OptionNotSupported { tags });
    }
    codings(request)?;
    // RFC 2326 §12.9: there are no conferences here that a session could be of. RTSP/2.0 has no such header.
    let conference = request.version != Version::V2_0
        && request.method == Method::Setup
        && request.headers.contains(&HeaderName::Conference);
    match conference {
        true => Err(ProtocolError::ConferenceNotFound),
        false => Ok(()),
    }
}

/// Bodies come and go as they are: one that is coded cannot be read (RFC 7826 §18.15), and a peer that refuses what is not coded
/// cannot be answered where the answer has a body (§18.3).
fn codings(request: &Request) -> Result<(), ProtocolError> {
    let headers = &request.headers;
    let coded = headers
        .all(&HeaderName::ContentEncoding)
        .flat_map(|value| value.split(','))
        .any(|coding| {
            !matches!(coding.trim(), "") && !coding.trim().eq_ignore_ascii_case(IDENTITY)
        });
    if coded && !request.body.is_empty() {
        return Err(ProtocolError::UnsupportedMediaType);
    }
    let answered_with_body = match request.method {
        Method::Describe => true,
        Method::GetParameter => !request.body.is_empty(),
        _ => false,
    };
    // One that cannot be read says nothing.
    let accepted = headers.typed::<AcceptEncoding>().ok().flatten();
    let refused = accepted.is_some_and(|accepted| accepted.quality_of(IDENTITY) == Quality::ZERO);
    match answered_with_body && refused {
        true => Err(ProtocolError::NotAcceptable {
            available: IDENTITY,
        }),
        false => Ok(()),
    }
}

/// Does a request want a body of this type, or say nothing of it (RFC 7826 §18.1)?
#[must_use]
pub fn accepts(request: &Request, essence: &str) -> bool {
    // An Accept that cannot be read says nothing.
    let accepted = request.headers.typed::<Accept>().ok().flatten();
    accepted.is_none_or(|accepted| accepted.quality_of(essence) != Quality::ZERO)
}

/// ANNOUNCE and RECORD are gone from RTSP/2.0 (RFC 7826 §H).
#[must_use]
pub const fn exists_in(method: &Method, version: Version) -> bool {
    match version {
        Version::V2_0 => !matches!(method, Method::Announce | Method::Record),
        _ => !matches!(method, Method::PlayNotify),
    }
}

/// The methods that exist in this version, for a Public header.
#[must_use]
pub fn public(methods: &[Method], version: Version) -> Vec<Method> {
    methods
        .iter()
        .filter(|method| exists_in(method, version))
        .cloned()
        .collect()
}

/// Methods as they stand in Allow and Public.
#[must_use]
pub fn list(methods: &[Method]) -> String {
    crate::error::list(methods)
}

/// Exactly the tags that are asked for and not supported. RTSP/1.0 servers treat Proxy-Require like Require
/// (RFC 2326 §12.27), RTSP/2.0 servers ignore it (RFC 7826 §18.37).
pub(crate) fn unsupported(request: &Request, supports: impl Fn(&str) -> bool) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let names: &[HeaderName] = match request.version {
        Version::V2_0 => &[HeaderName::Require],
        _ => &[HeaderName::Require, HeaderName::ProxyRequire],
    };
    for value in names.iter().flat_map(|name| request.headers.all(name)) {
        for tag in value
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
        {
            if !supports(tag) && !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
    }
    tags
}

#[cfg(test)]
mod tests;
