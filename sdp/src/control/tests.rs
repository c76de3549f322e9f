use super::resolve;
use super::resolve_reference;
use super::split_track;
use super::track;

#[test]
fn r1_sdp_02_controls_are_appended() {
    for (base, control, uri) in [
        ("rtsp://h/a", Some("t=1"), "rtsp://h/a/t=1"),
        ("rtsp://h/a/", Some("t=1"), "rtsp://h/a/t=1"),
        ("rtsp://h/a/", Some("/t=1"), "rtsp://h/a/t=1"),
        ("rtsp://h", Some("t=1"), "rtsp://h/t=1"),
        ("rtsp://h/", Some("t=1"), "rtsp://h/t=1"),
        ("rtsp://h/a/b.mp4", Some("t=1"), "rtsp://h/a/b.mp4/t=1"),
        // FFmpeg and live555 put it behind the query.
        ("rtsp://h/a?x=1&y=2", Some("t=1"), "rtsp://h/a?x=1&y=2/t=1"),
        ("rtsp://h/a?x=1/", Some("t=1"), "rtsp://h/a?x=1/t=1"),
        ("rtsp://h/a", Some("?ctype=video"), "rtsp://h/a?ctype=video"),
        ("rtsp://h/a/", Some("*"), "rtsp://h/a/"),
        ("rtsp://h/a", Some(" * "), "rtsp://h/a"),
        ("rtsp://h/a", Some(""), "rtsp://h/a"),
        ("rtsp://h/a", None, "rtsp://h/a"),
        ("rtsp://h/a", Some("rtsp://k:8554/b"), "rtsp://k:8554/b"),
        ("rtsp://h/a", Some("RTSPS://k/b"), "RTSPS://k/b"),
        // A colon alone is no scheme (go2rtc met `trackID=a:b`), nor is a URI in a query.
        ("rtsp://h/a", Some("track:1"), "rtsp://h/a/track:1"),
        (
            "rtsp://h/a",
            Some("t?u=rtsp://k"),
            "rtsp://h/a/t?u=rtsp://k",
        ),
    ] {
        assert_eq!(resolve(base, control), uri, "{base} {control:?}");
    }
}

/// RFC 3986 §5.4, as far as controls go.
#[test]
fn r2_sdp_06_references_are_resolved() {
    let base = "rtsp://a/b/c/d;p?q";
    for (control, uri) in [
        ("g", "rtsp://a/b/c/g"),
        ("./g", "rtsp://a/b/c/g"),
        ("g/", "rtsp://a/b/c/g/"),
        ("/g", "rtsp://a/g"),
        ("//g", "rtsp://g"),
        ("?y", "rtsp://a/b/c/d;p?y"),
        ("g?y", "rtsp://a/b/c/g?y"),
        ("g?y/./x", "rtsp://a/b/c/g?y/./x"),
        (";x", "rtsp://a/b/c/;x"),
        (".", "rtsp://a/b/c/"),
        ("./", "rtsp://a/b/c/"),
        ("..", "rtsp://a/b/"),
        ("../", "rtsp://a/b/"),
        ("../g", "rtsp://a/b/g"),
        ("../..", "rtsp://a/"),
        ("../../../../g", "rtsp://a/g"),
        ("/./g", "rtsp://a/g"),
        ("/../g", "rtsp://a/g"),
        ("g.", "rtsp://a/b/c/g."),
        ("./g/.", "rtsp://a/b/c/g/"),
        ("g/../h", "rtsp://a/b/c/h"),
        ("rtsp://x/y", "rtsp://x/y"),
        ("*", base),
        ("", base),
    ] {
        assert_eq!(resolve_reference(base, Some(control)), uri, "{control}");
    }
    assert_eq!(resolve_reference("rtsp://h", Some("t=1")), "rtsp://h/t=1");
    assert_eq!(resolve_reference("rtsp://h/a", None), "rtsp://h/a");
}

#[test]
fn tracks_are_found_wherever_they_were_put() {
    for base in [
        "rtsp://h/a",
        "rtsp://h/a?x=1",
        "/a/b",
        "/a/trackID=7",
        "rtsp://[::1]:554/a?u=/v/w",
    ] {
        let uri = resolve(base, Some(&track(12)));
        assert_eq!(split_track(&uri), Some((base.into(), 12)), "{uri}");
        let uri = format!("{uri}/");
        assert_eq!(split_track(&uri), Some((base.into(), 12)), "{uri}");
    }
    // GStreamer's way.
    assert_eq!(
        split_track("rtsp://h/a/trackid=3?x=1"),
        Some(("rtsp://h/a?x=1".into(), 3))
    );
}

#[test]
fn other_uris_name_no_track() {
    for uri in [
        "",
        "/",
        "trackID=1",
        "/a",
        "/a/trackID=",
        "/a/trackID=-1",
        "/a/trackID=+1",
        "/a/trackID=1x",
        "/a/trackID=99999999999999999999",
        "/a/xtrackID=1",
        "/a?trackID=1",
        "/a/trackID=1/b",
    ] {
        assert_eq!(split_track(uri), None, "{uri}");
    }
}
