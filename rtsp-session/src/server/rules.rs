//! What a connection refuses by itself, before anybody looks at sessions: the rules that need only the request.

use super::ConnectionConfig;
use crate::error::ProtocolError;
use rtsp_msg::headers::Blocksize;
use rtsp_msg::{HeaderName, Method, Request, RequestTarget, Scheme, Version};

/// Judges one request by the server's versions, methods and option tags.
///
/// # Errors
/// The first rule that it breaks: CSeq (RFC 7826 §18.20), version (§17.5.6), method (§17.5.2), target (§7.1), Blocksize
/// (§18.10), Require (§18.43).
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
    if tags.is_empty() {
        Ok(())
    } else {
        Err(ProtocolError::OptionNotSupported { tags })
    }
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
mod tests {
    use super::*;
    use rtsp_msg::Uri;

    fn config() -> ConnectionConfig {
        ConnectionConfig {
            methods: vec![
                Method::Options,
                Method::Describe,
                Method::Setup,
                Method::Play,
                Method::Announce,
                Method::Record,
            ],
            ..ConnectionConfig::default()
        }
    }

    fn request(
        method: Method,
        target: &str,
        version: Version,
        headers: &[(HeaderName, &str)],
    ) -> Request {
        let target = match target {
            "*" => RequestTarget::Any,
            _ => Uri::parse(target).map_or_else(
                |_| RequestTarget::Invalid(target.into()),
                RequestTarget::Uri,
            ),
        };
        let mut request = Request::new(method, target, version);
        request.headers.append(HeaderName::CSeq, "7");
        for (name, value) in headers {
            request.headers.append(name.clone(), value);
        }
        request
    }

    fn verdict(request: &Request) -> u16 {
        match screen(request, &config()) {
            Ok(()) => 200,
            Err(error) => error.status().code(),
        }
    }

    #[test]
    fn methods_and_targets() {
        use Version::{V1_0, V2_0};
        for (method, target, version, code) in [
            (Method::Options, "*", V1_0, 200),
            (Method::Options, "rtsp://h", V2_0, 200),
            (Method::Describe, "rtsp://h/a", V1_0, 200),
            (Method::Describe, "*", V2_0, 400),
            (Method::Play, "*", V1_0, 400),
            (Method::Describe, "rtsp:///x", V1_0, 400),
            (Method::Describe, "/a", V2_0, 400),
            (Method::Describe, "rtspu://h/a", V2_0, 501),
            (Method::Announce, "rtsp://h/a", V1_0, 200),
            (Method::Announce, "rtsp://h/a", V2_0, 501),
            (Method::Record, "rtsp://h/a", V2_0, 501),
            (Method::Redirect, "rtsp://h/a", V1_0, 501),
            (Method::Pause, "rtsp://h/a", V1_0, 501), // not among this server's methods
            (Method::parse("FOO").unwrap(), "rtsp://h/a", V1_0, 501),
            (Method::parse("PL").unwrap(), "AY rtsp://h/a", V2_0, 400),
        ] {
            let request = request(method.clone(), target, version, &[]);
            assert_eq!(verdict(&request), code, "{method:?} {target} {version}");
        }
    }

    #[test]
    fn r2_cap_03_unsupported_lists_exactly_the_unknown_tags() {
        let headers = [
            (HeaderName::Require, "play.basic, x.y"),
            (HeaderName::ProxyRequire, "p"),
            (HeaderName::Require, "z,, x.y"),
        ];
        for (version, expected) in [
            (Version::V1_0, vec!["x.y", "z", "p"]),
            (Version::V2_0, vec!["x.y", "z"]),
        ] {
            let request = request(Method::Describe, "rtsp://h/a", version, &headers);
            match screen(&request, &config()) {
                Err(ProtocolError::OptionNotSupported { tags }) => assert_eq!(tags, expected),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn r2_cseq_08_a_request_without_number_is_refused() {
        let mut request = request(Method::Options, "*", Version::V1_0, &[]);
        request.headers.remove(&HeaderName::CSeq);
        assert_eq!(verdict(&request), 400);
        request.headers.append(HeaderName::CSeq, "seven");
        assert_eq!(verdict(&request), 400);
    }

    #[test]
    fn r2_ver_05_a_version_that_is_switched_off_is_505() {
        let request = request(Method::Options, "*", Version::V1_0, &[]);
        let config = ConnectionConfig {
            versions: vec![Version::V2_0],
            ..config()
        };
        assert_eq!(screen(&request, &config), Err(ProtocolError::Version));
    }

    #[test]
    fn r1_hdr_11_r2_hdr_14_blocksize_is_a_number() {
        for (value, code) in [("1200", 200), ("0", 400), ("-1", 400), ("abc", 400)] {
            let headers = [(HeaderName::Blocksize, value)];
            let request = request(Method::Setup, "rtsp://h/a", Version::V2_0, &headers);
            assert_eq!(verdict(&request), code, "{value}");
        }
    }
}
