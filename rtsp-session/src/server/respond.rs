//! The answers, as values. What every answer carries (CSeq, Date, Server) the connection fills in.

use super::SessionId;
use super::condition::Representation;
use super::rules;
use crate::error::{ProtocolError, list};
use bytes::Bytes;
use rtsp_msg::headers::{LastModified, Session, Transport, TransportSpec, UtcTime};
use rtsp_msg::{HeaderName, Method, Response, StatusCode, Version};
use std::time::Duration;

/// 200 without anything: SET_PARAMETER, ANNOUNCE, keep-alives.
#[must_use]
pub fn ok(version: Version) -> Response {
    Response::new(version, StatusCode::OK)
}

/// OPTIONS: the methods that the server has (RFC 7826 §13.1). `allow` are those of the resource, when they differ.
#[must_use]
pub fn options(version: Version, methods: &[Method], allow: Option<&[Method]>) -> Response {
    let mut response = ok(version);
    response
        .headers
        .append(HeaderName::Public, list(&rules::public(methods, version)));
    if let Some(allow) = allow {
        response.headers.append(HeaderName::Allow, list(allow));
    }
    response
}

/// DESCRIBE: the description and the URI that its control attributes are relative to. `base` gets a slash at its end if it has
/// none: peers append the attribute to it or resolve against it, and both must come out the same.
#[must_use]
pub fn describe(version: Version, base: &str, description: impl Into<Bytes>) -> Response {
    let mut response = ok(version);
    let slash = if base.ends_with('/') { "" } else { "/" };
    response
        .headers
        .append(HeaderName::ContentBase, format!("{base}{slash}"));
    response
        .headers
        .append(HeaderName::ContentType, "application/sdp");
    response.body = description.into();
    response
}

/// What tells one description from the next: Last-Modified, and in RTSP/2.0 MTag (RFC 7826 §18.31).
pub fn represent(response: &mut Response, representation: &Representation) {
    let modified = representation
        .modified
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(UtcTime::from_unix);
    if let Some(time) = modified {
        response.headers.set(&LastModified(time));
    }
    if response.version == Version::V2_0 {
        response.headers.set(&representation.tag);
    }
}

/// 304: the peer has it already. No body (RFC 7826 §17.3.5).
#[must_use]
pub fn not_modified(version: Version, representation: Option<&Representation>) -> Response {
    let mut response = Response::new(version, StatusCode::NOT_MODIFIED);
    if let Some(representation) = representation {
        represent(&mut response, representation);
    }
    response
}

/// ANNOUNCE: the description was taken.
#[must_use]
pub fn announce(version: Version) -> Response {
    ok(version)
}

/// SETUP: the session, how long it lives without a sign of life, and the one transport that was chosen.
#[must_use]
pub fn setup(
    version: Version,
    id: SessionId,
    timeout: Duration,
    transport: &TransportSpec,
) -> Response {
    let mut response = ok(version);
    response.headers.set(&Session {
        id: id.to_string(),
        timeout: Some(timeout),
    });
    response.headers.set(&Transport(vec![transport.clone()]));
    if version == Version::V2_0 {
        response.headers.append(HeaderName::AcceptRanges, "npt");
    }
    response
}

/// PLAY. Range and RTP-Info are the server's to add.
#[must_use]
pub fn play(version: Version, id: SessionId) -> Response {
    with_session(version, id)
}

/// PAUSE. Range is the server's to add, where there is a position.
#[must_use]
pub fn pause(version: Version, id: SessionId) -> Response {
    with_session(version, id)
}

/// RECORD (RTSP/1.0).
#[must_use]
pub fn record(version: Version, id: SessionId) -> Response {
    with_session(version, id)
}

/// TEARDOWN: `left` is the session if other media of it are still set up, `None` when it is gone (RFC 7826 §13.7).
#[must_use]
pub fn teardown(version: Version, left: Option<SessionId>) -> Response {
    left.map_or_else(|| ok(version), |id| with_session(version, id))
}

/// GET_PARAMETER: `name: value` lines, or nothing for a keep-alive.
#[must_use]
pub fn parameters(version: Version, lines: impl Into<Bytes>) -> Response {
    let mut response = ok(version);
    response.body = lines.into();
    if !response.body.is_empty() {
        response
            .headers
            .append(HeaderName::ContentType, "text/parameters");
    }
    response
}

/// The refusal that a cause deserves.
#[must_use]
pub fn error(version: Version, error: ProtocolError) -> Response {
    error.into_response(version)
}

fn with_session(version: Version, id: SessionId) -> Response {
    let mut response = ok(version);
    response.headers.append(HeaderName::Session, id.as_str());
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::server::Direction;
    use crate::transport::offer;
    use bytes::BytesMut;

    fn text(response: &Response) -> String {
        let mut out = BytesMut::new();
        response.encode(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn shapes() {
        let id = SessionId::generate(&mut Random::from_seed([0; 32]), 1);
        let version = Version::V1_0;
        let options = text(&options(
            Version::V2_0,
            &[Method::Options, Method::Announce, Method::Play],
            None,
        ));
        assert_eq!(options, "RTSP/2.0 200 OK\r\nPublic: OPTIONS, PLAY\r\n\r\n");
        let described = text(&describe(version, "rtsp://h/a", "v=0\r\n"));
        assert_eq!(
            described,
            "RTSP/1.0 200 OK\r\nContent-Base: rtsp://h/a/\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
        );
        let transport = "RTP/AVP/TCP;unicast;interleaved=0-1";
        let spec = offer::interleaved(0, Direction::Play);
        let set_up = text(&setup(version, id, Duration::from_secs(60), &spec));
        assert_eq!(
            set_up,
            format!(
                "RTSP/1.0 200 OK\r\nSession: {id};timeout=60\r\nTransport: {transport}\r\n\r\n"
            )
        );
        assert_eq!(text(&teardown(version, None)), "RTSP/1.0 200 OK\r\n\r\n");
        assert_eq!(
            text(&teardown(version, Some(id))),
            format!("RTSP/1.0 200 OK\r\nSession: {id}\r\n\r\n")
        );
        assert_eq!(text(&parameters(version, "")), "RTSP/1.0 200 OK\r\n\r\n");
    }
}
