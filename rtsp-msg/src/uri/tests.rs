use alloc::format;
use alloc::string::ToString;

use super::*;

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn parts_lie_where_the_grammar_puts_them() {
    let parsed = uri("rtsp://bob:p%40ss@cam.example:8554/a/b;p=1/c?x=%2F&y?z");
    assert_eq!(parsed.scheme(), Scheme::Rtsp);
    assert_eq!(parsed.userinfo(), Some("bob:p%40ss"));
    assert_eq!(parsed.credentials(), Some(("bob".into(), "p@ss".into())));
    assert_eq!(parsed.host(), "cam.example");
    assert_eq!(parsed.port(), Some(8554));
    assert_eq!(parsed.path(), "/a/b;p=1/c");
    assert_eq!(parsed.query(), Some("x=%2F&y?z"));
    assert_eq!(
        parsed.without_userinfo().as_str(),
        "rtsp://cam.example:8554/a/b;p=1/c?x=%2F&y?z"
    );

    let bare = uri("rtsp://h");
    assert_eq!(
        (bare.path(), bare.query(), bare.userinfo()),
        ("/", None, None)
    );
    let query = uri("rtsp://h?q");
    assert_eq!((query.path(), query.query()), ("/", Some("q")));
}

#[test]
fn r2_uri_02_03_default_ports() {
    assert_eq!(uri("rtsp://h/").port_or_default(), 554);
    assert_eq!(uri("rtspu://h/").port_or_default(), 554);
    assert_eq!(uri("rtsps://h/").port_or_default(), 322);
}

#[test]
fn r1_ver_04_an_empty_port_is_the_default() {
    assert_eq!(uri("rtsp://h:/a").port(), None);
    assert_eq!(uri("rtsp://h:/a").port_or_default(), 554);
}

#[test]
fn r2_uri_04_a_host_is_needed() {
    for text in [
        "rtsp:///x",
        "rtsp://",
        "rtsp://:554/x",
        "rtsp://a@/x",
        "rtsp://[]/x",
        "rtsp://[::1/x",
        "rtsp://[::1]x/",
        "rtsp://[1.2.3.4]/",
    ] {
        assert_eq!(Uri::parse(text).unwrap_err(), UriError::Host, "{text}");
    }
    for text in [
        "rtsp:x",
        "",
        "*",
        "/a",
        "http://h/",
        "rtsp:/h/",
        "://h/",
        "xrtsp://h/",
    ] {
        assert_eq!(Uri::parse(text).unwrap_err(), UriError::Scheme, "{text}");
    }
}

#[test]
fn r2_uri_05_scheme_and_host_compare_without_case() {
    assert_eq!(uri("RTSP://HOST/Foo"), uri("rtsp://host:554/Foo"));
    assert_ne!(uri("rtsp://host/Foo"), uri("rtsp://host/foo"));
    assert_ne!(uri("rtsp://host/a?Q"), uri("rtsp://host/a?q"));
    assert_eq!(uri("RTSP://HOST/Foo").as_str(), "RTSP://HOST/Foo");
}

#[test]
fn r2_uri_06_07_fragments_are_stripped_before_sending_and_refused_on_receipt() {
    assert_eq!(Uri::parse("rtsp://h/a#b").unwrap_err(), UriError::Character);
    assert_eq!(
        Uri::from_iri("rtsp://h/a#t=5").unwrap().as_str(),
        "rtsp://h/a"
    );
}

#[test]
fn r2_uri_08_ipv6_literals() {
    let parsed = uri("rtsp://u@[2001:db8::1]:8554/a");
    assert_eq!(
        (parsed.host(), parsed.host_is_ipv6(), parsed.port()),
        ("2001:db8::1", true, Some(8554))
    );
    assert_eq!(uri("rtsp://[fe80::1%25eth0]/a").host(), "fe80::1%25eth0");
    assert!(!uri("rtsp://127.0.0.1/").host_is_ipv6());
}

#[test]
fn r2_uri_11_iris_are_percent_encoded() {
    assert_eq!(
        Uri::from_iri("rtsp://h/für elise").unwrap().as_str(),
        "rtsp://h/f%C3%BCr%20elise"
    );
    assert_eq!(uri("rtsp://h/für").decoded_path().unwrap(), "/für");
    assert_eq!(uri("rtsp://h/f%C3%BCr").decoded_path().unwrap(), "/für");
}

#[test]
fn ports_are_strict_numbers() {
    for port in [
        "65536",
        "-1",
        "+5",
        "0x10",
        "99999999999999999999",
        "5a",
        "000554",
    ] {
        let text = format!("rtsp://h:{port}/");
        assert_eq!(Uri::parse(&text).unwrap_err(), UriError::Port, "{text}");
    }
    assert_eq!(uri("rtsp://h:65535/").port(), Some(65535));
}

#[test]
fn characters_that_break_lines_or_quotes_are_refused() {
    for text in [
        "rtsp://h/a b",
        "rtsp://h/a\r\nX: y",
        "rtsp://h/\0",
        "rtsp://h/a\"b",
        "rtsp://h/\x7f",
        "rtsp://h/a\tb",
        "rtsp://h/\\..\\",
    ] {
        assert_eq!(
            Uri::parse(text).unwrap_err(),
            UriError::Character,
            "{text:?}"
        );
    }
    assert_eq!(
        Uri::parse(&format!("rtsp://h/{}", "a".repeat(Uri::MAX_LEN))).unwrap_err(),
        UriError::TooLong
    );
    assert_eq!(Uri::parse("rtsp://hö/").unwrap_err(), UriError::Host);
}

#[test]
fn malformed_escapes_are_seen_when_decoding() {
    for path in ["/%", "/%4", "/%zz", "/%00", "/%ff", "/%+1"] {
        assert_eq!(
            uri(&format!("rtsp://h{path}")).decoded_path().unwrap_err(),
            UriError::Escape,
            "{path}"
        );
    }
    assert_eq!(
        uri("rtsp://h/%2e%2e/%252e").decoded_path().unwrap(),
        "/../%2e"
    );
}

#[test]
fn a_password_is_never_shown() {
    let parsed = uri("rtsp://bob:secret@h/a?b");
    assert_eq!(parsed.to_string(), "rtsp://bob:***@h/a?b");
    assert!(!format!("{parsed:?}").contains("secret"));
    // A raw `@` in the password: the last one ends it.
    let raw = uri("rtsp://bob:se@cret@h/a");
    assert_eq!((raw.host(), raw.to_string().contains("cret")), ("h", false));
}
