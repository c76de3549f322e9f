//! Control URIs: where to send the requests for a session or one of its media (RFC 7826 §D.1.1).

mod reference;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use reference::resolve_reference;

/// The URI of a session or media whose description came with `base` and whose `a=control` is `control`.
///
/// `base` is the Content-Base, else the Content-Location, else the URI of the DESCRIBE. A control that is missing,
/// empty or `*` means `base`; one with a scheme stands for itself; any other is *appended* as text with one
/// `/` between. RFC 2326 §C.1.1 asks for RFC 1808 resolution, but deployed servers follow live555, FFmpeg and VLC in appending: it
/// matters when `base` ends without slash or has a query, behind which the control goes too. A control that
/// starts with `?` is appended without slash.
///
/// ```
/// use sdp::control::resolve;
///
/// assert_eq!(resolve("rtsp://host/cam", Some("trackID=1")), "rtsp://host/cam/trackID=1");
/// assert_eq!(resolve("rtsp://host/cam?hd=1", Some("trackID=1")), "rtsp://host/cam?hd=1/trackID=1");
/// assert_eq!(resolve("rtsp://host/cam/", Some("*")), "rtsp://host/cam/");
/// ```
pub fn resolve(base: &str, control: Option<&str>) -> String {
    let control = control.unwrap_or_default().trim();
    if control.is_empty() || control == "*" {
        return base.to_owned();
    }
    if is_absolute(control) {
        return control.to_owned();
    }
    if control.starts_with('?') {
        return format!("{base}{control}");
    }
    let base = base.strip_suffix('/').unwrap_or(base);
    let control = control.strip_prefix('/').unwrap_or(control);
    format!("{base}/{control}")
}

/// The control of the media at `index` in descriptions of [`for_describe`](crate::Description::for_describe): `trackID=N`.
pub fn track(index: usize) -> String {
    format!("trackID={index}")
}

/// Takes [`track`] off the URI, or path, of a SETUP: the URI of the presentation and the index of the media.
///
/// Finds it where the various ways of resolving put it: at the end of the path, in front of a query (GStreamer) or
/// behind a query (FFmpeg, live555), with or without a slash at its own end. `None` for any other URI.
///
/// ```
/// use sdp::control::split_track;
///
/// assert_eq!(split_track("/cam/trackID=1").unwrap(), ("/cam".into(), 1));
/// assert_eq!(split_track("/cam/trackID=1?hd=1").unwrap(), ("/cam?hd=1".into(), 1));
/// assert_eq!(split_track("/cam?hd=1/trackID=1").unwrap(), ("/cam?hd=1".into(), 1));
/// assert_eq!(split_track("/cam"), None);
/// ```
pub fn split_track(uri: &str) -> Option<(Cow<'_, str>, usize)> {
    if let Some((presentation, index)) = split_end(uri) {
        return Some((Cow::Borrowed(presentation), index));
    }
    let (path, query) = uri.split_once('?')?;
    let (presentation, index) = split_end(path)?;
    Some((Cow::Owned(format!("{presentation}?{query}")), index))
}

fn split_end(uri: &str) -> Option<(&str, usize)> {
    let uri = uri.strip_suffix('/').unwrap_or(uri);
    let (presentation, last) = uri.rsplit_once('/')?;
    let (name, digits) = last.split_once('=')?;
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() && digits.len() <= 4;
    if !name.eq_ignore_ascii_case("trackID") || !plain {
        return None;
    }
    Some((presentation, digits.parse().ok()?))
}

/// Whether it begins with a scheme and `://`.
fn is_absolute(control: &str) -> bool {
    let Some((scheme, _)) = control.split_once("://") else {
        return false;
    };
    let first = scheme
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic());
    first
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}
