//! Versions, URIs and session identifiers (RFC 7826 §4).

use super::*;

#[test]
fn r2_ver_01_major_and_minor_are_separate_integers() {
    // As text or as fractions, some of these would be 1.0, 2.0, or no versions at all.
    for text in [
        "RTSP/2.4",
        "RTSP/2.13",
        "RTSP/12.3",
        "RTSP/1.00001",
        "RTSP/10.0",
        "RTSP/20.0",
        "RTSP/0.1",
        "RTSP/18446744073709551618.0",
        "RTSP/2.18446744073709551616",
    ] {
        assert_eq!(
            Version::parse(text),
            Err(VersionError::Unsupported),
            "{text}"
        );
    }
    assert!(Version::V1_0 < Version::V2_0);
}

#[test]
fn r2_ver_02_leading_zeros_are_ignored() {
    assert_eq!(Version::parse("RTSP/02.00"), Ok(Version::V2_0));
    assert_eq!(
        request("OPTIONS * RTSP/0002.0\r\nCSeq: 1\r\n\r\n").version,
        Version::V2_0
    );
}

#[test]
fn r2_ver_03_no_leading_zeros_are_written() {
    for version in [Version::V1_0, Version::V2_0] {
        let mut out = BytesMut::new();
        Request::new(Method::Options, RequestTarget::Any, version).encode(&mut out);
        Response::new(version, StatusCode::OK).encode(&mut out);
        let text = std::str::from_utf8(&out).unwrap();
        let expected = version.as_str();
        assert_eq!(
            text,
            format!("OPTIONS * {expected}\r\n\r\n{expected} 200 OK\r\n\r\n")
        );
    }
}

#[test]
fn r2_ver_08_an_unsupported_version_is_told_from_nonsense() {
    assert_eq!(
        refused("OPTIONS * RTSP/3.0\r\nCSeq: 1\r\n\r\n"),
        DecodeErrorKind::Version
    );
    assert_eq!(
        refused("OPTIONS * RTSP/x\r\nCSeq: 1\r\n\r\n"),
        DecodeErrorKind::StartLine
    );
}

// URIs

#[test]
fn r2_uri_02_rtsp_means_port_554() {
    assert_eq!(Uri::parse("rtsp://h/").unwrap().port_or_default(), 554);
}

#[test]
fn r2_uri_03_rtsps_means_port_322() {
    assert_eq!(Uri::parse("rtsps://h/").unwrap().port_or_default(), 322);
}

#[test]
fn r2_uri_04_an_authority_with_a_host_is_needed() {
    for text in ["rtsp:///x", "rtsp://:554/x", "rtsp://u@/x"] {
        assert_eq!(Uri::parse(text).map(|_| ()), Err(UriError::Host), "{text}");
    }
    assert!(Uri::parse("rtsp:x").is_err());
    let asked = request("DESCRIBE rtsp:///x RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.target, RequestTarget::Invalid("rtsp:///x".into()));
}

#[test]
fn r2_uri_05_scheme_and_host_compare_without_case_and_paths_with() {
    let uri = |text: &str| Uri::parse(text).unwrap();
    assert_eq!(uri("RTSP://HOST/Foo"), uri("rtsp://host/Foo"));
    assert_ne!(uri("RTSP://HOST/Foo"), uri("rtsp://host/foo"));
    assert_ne!(uri("rtsp://h/a?X"), uri("rtsp://h/a?x"));
    assert_eq!(uri("RTSP://HOST/Foo?Bar").as_str(), "RTSP://HOST/Foo?Bar");
}

#[test]
fn r2_uri_06_fragments_are_stripped_from_what_people_type() {
    assert_eq!(
        Uri::from_iri("rtsp://h/a#t=5").unwrap().as_str(),
        "rtsp://h/a"
    );
}

#[test]
fn r2_uri_07_a_fragment_is_an_error_in_a_request() {
    assert_eq!(
        Uri::parse("rtsp://h/a#b").map(|_| ()),
        Err(UriError::Character)
    );
    let asked = request("DESCRIBE rtsp://h/a#b RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.target, RequestTarget::Invalid("rtsp://h/a#b".into()));
}

#[test]
fn r2_uri_08_ipv6_literals_stand_in_brackets() {
    let text = "rtsp://[2001:db8::1]:554/a";
    let uri = Uri::parse(text).unwrap();
    assert_eq!(
        (uri.host(), uri.host_is_ipv6(), uri.port()),
        ("2001:db8::1", true, Some(554))
    );
    assert_eq!(uri.to_string(), text);
    assert!(Uri::parse("rtsp://2001:db8::1/a").is_err());
    let text = "RTP/AVP;unicast;dest_addr=\"[::1]:5000\"";
    assert_eq!(specs(text)[0].dest_addr[0].host.as_deref(), Some("::1"));
    assert_eq!(encoded(&Transport(specs(text))), text);
}

#[test]
fn r2_uri_09_path_parameters_belong_to_the_path() {
    assert_eq!(
        Uri::parse("rtsp://h/a;p=1/b;q").unwrap().path(),
        "/a;p=1/b;q"
    );
}

#[test]
fn r2_uri_10_queries_are_opaque() {
    let asked = request("DESCRIBE rtsp://h/a?x=%2F&y RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(asked.target.as_str(), "rtsp://h/a?x=%2F&y");
    let mut out = BytesMut::new();
    asked.encode(&mut out);
    assert!(out.starts_with(b"DESCRIBE rtsp://h/a?x=%2F&y RTSP/2.0\r\n"));
}

#[test]
fn r2_uri_11_iris_are_mapped() {
    assert_eq!(
        Uri::from_iri("rtsp://h/ü b").unwrap().as_str(),
        "rtsp://h/%C3%BC%20b"
    );
}

#[test]
fn r2_uri_15_from_and_location_quote_separators() {
    for text in ["\"rtsp://h/a;p=1\"", "\"rtsp://h/a,b\""] {
        assert_eq!(encoded(&header::<Location>(text).unwrap()), text);
        assert_eq!(encoded(&header::<From>(text).unwrap()), text);
    }
    let location = Location(Uri::parse("rtsp://h/a;p=1").unwrap());
    assert_eq!(header::<Location>(&encoded(&location)), Ok(location));
}

// Session identifiers

#[test]
fn r2_sid_03_ids_have_8_to_128_characters_and_never_257() {
    for length in [8, 128, 256] {
        let id = "a".repeat(length);
        assert_eq!(strict::<Session>(&id).unwrap().id, id);
    }
    assert_eq!(
        kind(strict::<Session>(&"a".repeat(257))),
        HeaderErrorKind::Syntax
    );
}

#[test]
fn r2_sid_04_ids_have_these_characters() {
    assert_eq!(strict::<Session>("a+b$c-_.Z").unwrap().id, "a+b$c-_.Z");
    for text in ["a b", "a/b", "a:b", "a\"b", "ä"] {
        assert!(strict::<Session>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_sid_06_ids_compare_with_case() {
    assert_ne!(header::<Session>("abcdefgH"), header::<Session>("abcdefgh"));
}
