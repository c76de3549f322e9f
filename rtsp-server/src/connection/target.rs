//! What a request URI means to this server.

use rtsp_msg::{Request, RequestTarget, Uri};

/// A path, and perhaps one media of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// With its leading `/` and without one at the end.
    pub(crate) path: String,
    /// The number that `trackID=` gives.
    pub(crate) media: Option<usize>,
}

impl Target {
    /// Reads the URI of a request; `None` where it has none.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        match &request.target {
            RequestTarget::Uri(uri) => Some(Self::from_uri(uri)),
            _ => None,
        }
    }

    /// The URI that the path itself has at the host that the request names, where that is not the request's.
    pub(crate) fn location(&self, request: &Request) -> Option<String> {
        let RequestTarget::Uri(uri) = &request.target else {
            return None;
        };
        let uri = uri.without_userinfo();
        let asked = uri.as_str();
        let authority = asked.find("://").map_or(0, |at| at + 3);
        let end = asked.get(authority..)?.find(['/', '?']);
        let host = asked.get(..end.map_or(asked.len(), |end| authority + end))?;
        let own = format!("{host}{}", self.path);
        (own != asked).then_some(own)
    }

    /// Reads the path and the track of a URI. Peers put the track after the path or after the query (quirk 20).
    pub(crate) fn from_uri(uri: &Uri) -> Self {
        match sdp::control::split_track(uri.as_str()) {
            Some((base, media)) => {
                let path = Uri::parse(&base)
                    .map_or_else(|_| uri.path().to_owned(), |base| base.path().to_owned());
                Self {
                    path: trim(&path),
                    media: Some(media),
                }
            }
            None => Self {
                path: trim(uri.path()),
                media: None,
            },
        }
    }
}

/// `/live/` and `/live` are one path.
fn trim(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> (String, Option<usize>) {
        let Target { path, media } = Target::from_uri(&Uri::parse(uri).unwrap());
        (path, media)
    }

    #[test]
    fn tracks_are_found_where_players_put_them() {
        for (uri, path, media) in [
            ("rtsp://h/live", "/live", None),
            ("rtsp://h/live/", "/live", None),
            ("rtsp://h/", "/", None),
            ("rtsp://h", "/", None),
            ("rtsp://h:8554/live/trackID=0", "/live", Some(0)),
            ("rtsp://h/a/b/trackID=12", "/a/b", Some(12)),
            ("rtsp://h/live/trackID=1?token=x", "/live", Some(1)),
            ("rtsp://h/live?token=x/trackID=1", "/live", Some(1)),
            ("rtsp://[::1]:8554/live/trackID=3", "/live", Some(3)),
        ] {
            assert_eq!(target(uri), (path.to_owned(), media), "{uri}");
        }
    }

    #[test]
    fn a_path_has_one_location() {
        for (uri, location) in [
            ("rtsp://h/live", None),
            ("rtsp://h:8554/live/", Some("rtsp://h:8554/live")),
            (
                "rtsp://u:p@[::1]:554/live?x=/1",
                Some("rtsp://[::1]:554/live"),
            ),
            ("rtsp://h/", None),
            ("rtsp://h", Some("rtsp://h/")),
        ] {
            let uri = Uri::parse(uri).unwrap();
            let version = rtsp_msg::Version::V2_0;
            let request = Request::new(rtsp_msg::Method::Describe, uri, version);
            let target = Target::of(&request).unwrap();
            assert_eq!(target.location(&request).as_deref(), location);
        }
    }

    #[test]
    fn numbers_that_are_none_are_part_of_the_path() {
        assert_eq!(target("rtsp://h/live/trackID=x").1, None);
        assert_eq!(target("rtsp://h/live/trackID=99999999999999999999").1, None);
    }
}
