//! URIs, and the controls that are resolved against them.

use super::memory;
use rtsp_msg::Uri;
use sdp::control;

/// A URI and a control, apart by a line end.
pub fn uri(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (text, control) = text.split_once('\n').unwrap_or((text, ""));
    // A path of nothing but slashes is as many segments, each kept as a slice while dots are removed.
    memory::bounded(48 * input.len() + 4096, || {
        controls(text, control);
        if let Ok(uri) = Uri::from_iri(text) {
            check(&uri);
        }
    });
    let Ok(uri) = Uri::parse(text) else {
        return;
    };
    assert_eq!(uri.as_str(), text);
    check(&uri);
}

fn check(uri: &Uri) {
    assert_eq!(Uri::parse(uri.as_str()).as_ref(), Ok(uri));
    assert!(!uri.host().is_empty());
    assert!(uri.path().starts_with('/'));
    assert!(uri.port().is_none_or(|port| port == uri.port_or_default()));
    if let Ok(path) = uri.decoded_path() {
        assert!(!path.contains('\0'));
    }
    let bare = uri.without_userinfo();
    assert_eq!(bare.userinfo(), None);
    assert_eq!(
        (
            bare.scheme(),
            bare.host(),
            bare.port(),
            bare.path(),
            bare.query()
        ),
        (
            uri.scheme(),
            uri.host(),
            uri.port(),
            uri.path(),
            uri.query()
        )
    );
    if let Some((user, password)) = uri.credentials()
        && password.len() > 8
        && !bare.as_str().contains(&*password)
        // A name that has the password in it is shown all the same.
        && !user.contains(&*password)
        && !uri.userinfo().is_some_and(|both| both.split(':').next().is_some_and(|name| name.contains(&*password)))
    {
        let shown = format!("{uri} {uri:?}");
        assert!(!shown.contains(&*password), "{shown} tells the password");
    }
}

fn controls(base: &str, control: &str) {
    let resolved = control::resolve(base, Some(control));
    assert!(resolved.len() <= base.len() + control.len() + 1);
    let reference = control::resolve_reference(base, Some(control));
    assert!(reference.len() <= base.len() + control.len() + 2);
    let media = control::resolve(base, Some(&control::track(7)));
    let (_, index) = control::split_track(&media).expect("a track was put there");
    assert_eq!(index, 7);
    if let Some((presentation, _)) = control::split_track(base) {
        assert!(presentation.len() < base.len());
    }
}
