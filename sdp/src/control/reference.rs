//! RFC 3986 §5.2, for RTSP 2.0.

/// The URI of `control` relative to `base` by RFC 3986 §5.2, as RFC 7826 §D.1.1 asks of RTSP 2.0.
///
/// A control that is missing, empty or `*` means `base`. See [`resolve`](super::resolve) for RTSP 1.0 as deployed.
///
/// ```
/// use sdp::control::resolve_reference;
///
/// assert_eq!(resolve_reference("rtsp://host/movie", Some("trackID=1")), "rtsp://host/trackID=1");
/// assert_eq!(resolve_reference("rtsp://host/movie/", Some("trackID=1")), "rtsp://host/movie/trackID=1");
/// ```
pub fn resolve_reference(base: &str, control: Option<&str>) -> String {
    let control = control.unwrap_or_default().trim();
    if control.is_empty() || control == "*" {
        return base.to_owned();
    }
    if super::is_absolute(control) {
        return control.to_owned();
    }
    let base = base.split('#').next().unwrap_or(base);
    let (before_query, _) = base.split_once('?').unwrap_or((base, ""));
    let Some((scheme, rest)) = before_query.split_once("://") else {
        return control.to_owned();
    };
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    if control.starts_with("//") {
        return format!("{scheme}:{control}");
    }
    if control.starts_with('?') {
        return format!("{scheme}://{authority}{path}{control}");
    }
    let end = control.find(['?', '#']).unwrap_or(control.len());
    let (reference, suffix) = control.split_at(end);
    let merged = if reference.starts_with('/') {
        reference.to_owned()
    } else {
        // Everything of the base up to its last slash (RFC 3986 §5.2.3).
        let folder = path
            .rfind('/')
            .and_then(|slash| path.get(..=slash))
            .unwrap_or("/");
        format!("{folder}{reference}")
    };
    format!("{scheme}://{authority}{}{suffix}", without_dots(&merged))
}

/// Removes `.` and `..` segments (RFC 3986 §5.2.4) from a path that starts with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}
