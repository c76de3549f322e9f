//! Caches and proxies (RFC 7826 §16).

use super::*;

#[test]
fn r2_cond_12_a_tag_is_quoted_and_may_be_weak() {
    for (text, weak, opaque) in [
        ("\"abc\"", false, "abc"),
        ("W/\"abc\"", true, "abc"),
        ("\"\"", false, ""),
        ("\"a\\\"b\"", false, "a\"b"),
        ("\"W/\"", false, "W/"),
    ] {
        let tag = header::<MTag>(text).unwrap();
        assert_eq!((tag.weak, tag.opaque.as_str()), (weak, opaque), "{text}");
        assert_eq!(encoded(&tag), text);
    }
    for text in [
        "",
        "abc",
        "W/abc",
        "w/\"abc\"",
        "W/ \"abc\"",
        "\"abc",
        "abc\"",
        "\"a\" \"b\"",
        "*",
    ] {
        assert!(header::<MTag>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_cond_09_weak_tags_are_never_strongly_the_same() {
    let tag = |text: &str| header::<MTag>(text).unwrap();
    for (one, other, strongly, weakly) in [
        ("\"1\"", "\"1\"", true, true),
        ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "W/\"1\"", false, true),
        ("W/\"1\"", "W/\"1\"", false, true),
        ("\"1\"", "\"2\"", false, false),
        ("W/\"1\"", "W/\"2\"", false, false),
        ("\"a\"", "\"A\"", false, false),
    ] {
        let (one, other) = (tag(one), tag(other));
        assert_eq!(one.is_strongly(&other), strongly, "{one:?} {other:?}");
        assert_eq!(one.is_weakly(&other), weakly, "{one:?} {other:?}");
    }
}

#[test]
fn r2_cache_06_directives_are_tokens_with_values() {
    let text = "no-cache, public, private, no-transform, only-if-cached, max-stale=30, min-fresh=5, \
                must-revalidate, proxy-revalidate, max-age=3600, max-stale, x-mine=\"a, b\"";
    let control = header::<CacheControl>(text).unwrap();
    assert_eq!(control.0.len(), 12);
    for name in [
        "no-cache",
        "public",
        "private",
        "no-transform",
        "only-if-cached",
        "must-revalidate",
        "proxy-revalidate",
    ] {
        let directive = control.0.iter().find(|one| one.name == name).unwrap();
        assert_eq!(directive.value, None, "{name}");
    }
    let value = |name: &str| {
        let directive = control.0.iter().find(|one| one.name == name);
        directive.and_then(|one| one.value.as_deref())
    };
    assert_eq!(value("max-stale"), Some("30"));
    assert_eq!(value("min-fresh"), Some("5"));
    assert_eq!(value("max-age"), Some("3600"));
    // An unknown one is kept, with the comma in its quotes.
    assert_eq!(value("x-mine"), Some("a, b"));
    assert_eq!(header::<CacheControl>(&encoded(&control)), Ok(control));
    assert!(header::<CacheControl>("MAX-AGE=1").unwrap().has("max-age"));
    for text in ["=1", "a b", "max-age=\"1", "max age=1", "a=b c"] {
        assert!(header::<CacheControl>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_pipe_13_pipelined_requests_has_one_to_eight_digits() {
    for (text, number) in [
        ("0", 0),
        ("7", 7),
        ("00000001", 1),
        ("99999999", 99_999_999),
    ] {
        assert_eq!(
            header::<PipelinedRequests>(text),
            Ok(PipelinedRequests(number))
        );
    }
    for text in ["", "123456789", "-1", "+1", "1.5", "0x1", "1 2", "\u{661}"] {
        assert!(header::<PipelinedRequests>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_tls_13_connection_credentials_are_a_uri_and_a_chain() {
    let text = "\"rtsps://proxy.example.com/\";MIIDNTCCAp4=";
    let credentials = header::<ConnectionCredentials>(text).unwrap();
    assert_eq!(credentials.uri, "rtsps://proxy.example.com/");
    assert_eq!(credentials.chain, "MIIDNTCCAp4=");
    assert_eq!(encoded(&credentials), text);
    for text in [
        "",
        "rtsps://proxy.example.com/;MIID",
        "\"rtsps://proxy.example.com/\"",
        "\"rtsps://proxy.example.com/\";",
        "\"rtsps://proxy.example.com/\";MII*",
        "\"rtsps://proxy.example.com/;MIID",
        "\"rtsps://proxy.example.com/\" MIID",
    ] {
        assert!(header::<ConnectionCredentials>(text).is_err(), "{text}");
    }
}

// Authentication

#[test]
fn r2_auth_10_challenges_in_one_line_or_in_several() {
    let lines = [
        "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-256",
        "Negotiate",
        "Basic realm=\"a\"",
    ];
    let several = header_lines::<WwwAuthenticate>(&lines).unwrap();
    assert_eq!(
        header::<WwwAuthenticate>(&lines.join(", ")),
        Ok(several.clone())
    );
    assert!(matches!(
        &several.0[..],
        [
            Challenge::Digest(_),
            Challenge::Other { .. },
            Challenge::Basic { .. }
        ]
    ));
}

#[test]
fn r2_auth_11_stale_is_read() {
    let stale = |text: &str| match &header::<WwwAuthenticate>(text).unwrap().0[..] {
        [Challenge::Digest(digest)] => digest.stale,
        other => panic!("{other:?}"),
    };
    assert!(stale("Digest realm=\"a\", nonce=\"b\", stale=TRUE"));
    assert!(!stale("Digest realm=\"a\", nonce=\"b\", stale=false"));
    assert!(!stale("Digest realm=\"a\", nonce=\"b\""));
}
