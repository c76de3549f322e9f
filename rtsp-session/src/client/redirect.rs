//! Where a server may send us, and with what in our hands.

use std::time::Duration;
use std::time::Instant;
use std::time::UNIX_EPOCH;

use rtsp_msg::Leniency;
use rtsp_msg::Request;
use rtsp_msg::Scheme;
use rtsp_msg::StatusCode;
use rtsp_msg::Uri;
use rtsp_msg::headers::Date;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::TerminateReason;

use crate::Now;

/// Why a redirection is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// There is no `Location`, or no URI in it.
    #[error("the server redirects to nowhere")]
    NoLocation,
    /// From an encrypted connection to an open one.
    #[error("the server redirects from rtsps to {0}, which is not encrypted")]
    Downgrade(String),
    /// Too many in a row.
    #[error("the server redirects in circles")]
    TooMany,
}

/// A redirection that may be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Where to go. It never carries credentials.
    pub uri: Uri,
    /// Whether it is the same host: credentials may go there again, and nowhere else.
    pub same_host: bool,
    /// The server named a host and nothing more: the media there may be taken to be the same, which a conditional SETUP confirms
    /// (RFC 7826 §13.10).
    pub same_media: bool,
}

/// Judges the `Location` of a 3xx response (RFC 7826 §17.3, §18.29; RFC 2326 §10.10).
///
/// # Errors
///
/// When there is nothing to follow, or following would leave encryption behind.
pub fn judge(from: &Uri, location: Option<&str>) -> Result<Redirect, RedirectError> {
    let location = location.map(str::trim).filter(|text| !text.is_empty());
    let location = location.ok_or(RedirectError::NoLocation)?;
    let absolute = if location.contains("://") {
        location.to_owned()
    } else {
        sdp::control::resolve(&origin(from), Some(location))
    };
    let mut uri = Uri::parse(&absolute).map_err(|_| RedirectError::NoLocation)?;
    if from.scheme() == Scheme::Rtsps && uri.scheme() != Scheme::Rtsps {
        return Err(RedirectError::Downgrade(uri.without_userinfo().to_string()));
    }
    let same_media = names_host_only(&uri);
    if same_media {
        let there = format!("{}{}", origin(&uri).trim_end_matches('/'), rest(from));
        uri = Uri::parse(&there).map_err(|_| RedirectError::NoLocation)?;
    }
    // At another port somebody else may listen; one with TLS has a certificate to prove that it is the same host.
    let same_host = from.host().eq_ignore_ascii_case(uri.host())
        && (from.port_or_default() == uri.port_or_default() || uri.scheme() == Scheme::Rtsps);
    Ok(Redirect {
        uri: uri.without_userinfo(),
        same_host,
        same_media,
    })
}

/// Whether a response sends us elsewhere. An unknown code of the class does, as 302 (RFC 7826 §17.3); 304 does not, and 305 sends
/// us to a proxy, which we do not use.
pub(super) fn is_redirection(status: StatusCode) -> bool {
    status.is_redirection() && !matches!(status, StatusCode::NOT_MODIFIED | StatusCode::USE_PROXY)
}

/// When a REDIRECT wants the session gone; `None`: now.
///
/// RTSP/2.0 says it by the clock of the `Date` in the same request, so that the clocks need not agree (RFC 7826 §13.10);
/// RTSP/1.0 in the `Range` (RFC 2326 §10.10). A little is taken off, so that the session is over before it has to be.
pub(super) fn moment(request: &Request, now: Now) -> Option<Instant> {
    let leniency = Leniency::permissive();
    let headers = &request.headers;
    let reason = headers.typed_with::<TerminateReason>(&leniency).ok()?;
    let time = match reason.and_then(|reason| reason.time) {
        Some(time) => time,
        None => match headers.typed_with::<Range>(&leniency).ok()?? {
            Range::Clock { start, .. } => start?,
            _ => return None,
        },
    };
    let date = headers.typed_with::<Date>(&leniency).ok().flatten();
    let date = match date {
        Some(Date(date)) => date.to_unix()?,
        None => now.wall.duration_since(UNIX_EPOCH).ok()?,
    };
    let left = time.to_unix()?.checked_sub(date)?.min(MOST_NOTICE);
    let early = (left / 2).min(EARLY);
    Some(now.monotonic + left - early).filter(|at| *at > now.monotonic)
}

/// How long before a server's deadline its session is ended.
const EARLY: Duration = Duration::from_secs(2);

/// No server announces its end so far ahead.
const MOST_NOTICE: Duration = Duration::from_secs(30 * 86_400);

/// Whether a `Location` has neither a path nor a query.
fn names_host_only(uri: &Uri) -> bool {
    rest(uri).is_empty()
}

/// What stands behind the authority.
fn rest(uri: &Uri) -> &str {
    let text = uri.as_str();
    let authority = text.find("://").map_or(0, |at| at + 3);
    let path = text
        .get(authority..)
        .and_then(|rest| rest.find(['/', '?']))
        .map_or(text.len(), |at| at + authority);
    text.get(path..).unwrap_or_default()
}

/// Scheme and authority of `uri`, with a slash.
fn origin(uri: &Uri) -> String {
    let text = uri.as_str();
    let end = text.len() - rest(uri).len();
    format!("{}/", text.get(..end).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    #[test]
    fn credentials_stay_with_their_host() {
        let from = uri("rtsp://cam.example/a");
        let judge = |location| judge(&from, Some(location)).unwrap();
        assert!(judge("rtsp://cam.example/b").same_host);
        assert!(judge("rtsp://CAM.example:554/b").same_host);
        assert!(!judge("rtsp://cam.example:8554/b").same_host);
        assert!(!judge("rtsp://other.example/b").same_host);
        assert!(!judge("rtsp://cam.example.evil/b").same_host);
    }

    #[test]
    fn encryption_is_never_left() {
        let from = uri("rtsps://cam.example/a");
        let refused = judge(&from, Some("rtsp://cam.example/a"));
        assert!(matches!(refused, Err(RedirectError::Downgrade(_))));
        assert!(judge(&from, Some("rtsps://other.example/a")).is_ok());
        assert!(judge(&uri("rtsp://a/"), Some("rtsps://a/")).is_ok());
    }

    #[test]
    fn nowhere() {
        let from = uri("rtsp://cam.example/a");
        for location in [None, Some(""), Some("  "), Some("http://cam.example/")] {
            assert!(judge(&from, location).is_err(), "{location:?}");
        }
    }

    #[test]
    fn a_path_alone_stays_on_the_host() {
        let from = uri("rtsp://cam.example:8554/a?b");
        let to = judge(&from, Some("/c")).unwrap();
        assert_eq!(to.uri.as_str(), "rtsp://cam.example:8554/c");
        assert!(to.same_host);
    }
}
