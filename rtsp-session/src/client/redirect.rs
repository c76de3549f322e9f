//! Where a server may send us, and with what in our hands.

use rtsp_msg::Scheme;
use rtsp_msg::Uri;

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
}

/// Judges the `Location` of a 3xx response or a REDIRECT (RFC 7826 §17.3, §18.29; RFC 2326 §10.10).
///
/// # Errors
///
/// When there is nothing to follow, or following would leave encryption behind.
pub fn judge(from: &Uri, location: Option<&str>) -> Result<Redirect, RedirectError> {
    let location = location.map(str::trim).filter(|text| !text.is_empty());
    let location = location.ok_or(RedirectError::NoLocation)?;
    let uri = if location.contains("://") {
        Uri::parse(location)
    } else {
        Uri::parse(&sdp::control::resolve(&origin(from), Some(location)))
    };
    let uri = uri.map_err(|_| RedirectError::NoLocation)?;
    if from.scheme() == Scheme::Rtsps && uri.scheme() != Scheme::Rtsps {
        return Err(RedirectError::Downgrade(uri.without_userinfo().to_string()));
    }
    let same_host = from.host().eq_ignore_ascii_case(uri.host())
        && from.port_or_default() == uri.port_or_default();
    Ok(Redirect {
        uri: uri.without_userinfo(),
        same_host,
    })
}

/// Scheme and authority of `uri`, with a slash.
fn origin(uri: &Uri) -> String {
    let text = uri.as_str();
    let authority = text.find("://").map_or(0, |at| at + 3);
    let end = text
        .get(authority..)
        .and_then(|rest| rest.find(['/', '?']))
        .map_or(text.len(), |at| at + authority);
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
