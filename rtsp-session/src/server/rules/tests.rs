use super::*;
use rtsp_msg::Uri;

fn config() -> ConnectionConfig {
    ConnectionConfig {
        methods: vec![
            Method::Options,
            Method::Describe,
            Method::Setup,
            Method::Play,
            Method::Announce,
            Method::Record,
            Method::GetParameter,
            Method::SetParameter,
        ],
        ..ConnectionConfig::default()
    }
}

fn request(
    method: Method,
    target: &str,
    version: Version,
    headers: &[(HeaderName, &str)],
) -> Request {
    let target = match target {
        "*" => RequestTarget::Any,
        _ => Uri::parse(target).map_or_else(
            |_| RequestTarget::Invalid(target.into()),
            RequestTarget::Uri,
        ),
    };
    let mut request = Request::new(method, target, version);
    request.headers.append(HeaderName::CSeq, "7");
    for (name, value) in headers {
        request.headers.append(name.clone(), value);
    }
    request
}

fn verdict(request: &Request) -> u16 {
    match screen(request, &config()) {
        Ok(()) => 200,
        Err(error) => error.status().code(),
    }
}

#[test]
fn methods_and_targets() {
    use Version::{V1_0, V2_0};
    for (method, target, version, code) in [
        (Method::Options, "*", V1_0, 200),
        (Method::Options, "rtsp://h", V2_0, 200),
        (Method::Describe, "rtsp://h/a", V1_0, 200),
        (Method::Describe, "*", V2_0, 400),
        (Method::Play, "*", V1_0, 400),
        (Method::Describe, "rtsp:///x", V1_0, 400),
        (Method::Describe, "/a", V2_0, 400),
        (Method::Describe, "rtspu://h/a", V2_0, 501),
        (Method::Announce, "rtsp://h/a", V1_0, 200),
        (Method::Announce, "rtsp://h/a", V2_0, 501),
        (Method::Record, "rtsp://h/a", V2_0, 501),
        (Method::Redirect, "rtsp://h/a", V1_0, 501),
        (Method::Pause, "rtsp://h/a", V1_0, 501), // not among this server's methods
        (Method::parse("FOO").unwrap(), "rtsp://h/a", V1_0, 501),
        (Method::parse("PL").unwrap(), "AY rtsp://h/a", V2_0, 400),
    ] {
        let request = request(method.clone(), target, version, &[]);
        assert_eq!(verdict(&request), code, "{method:?} {target} {version}");
    }
}

#[test]
fn r2_cap_03_unsupported_lists_exactly_the_unknown_tags() {
    let headers = [
        (HeaderName::Require, "play.basic, x.y"),
        (HeaderName::ProxyRequire, "p"),
        (HeaderName::Require, "z,, x.y"),
    ];
    for (version, expected) in [
        (Version::V1_0, vec!["x.y", "z", "p"]),
        (Version::V2_0, vec!["x.y", "z"]),
    ] {
        let request = request(Method::Describe, "rtsp://h/a", version, &headers);
        match screen(&request, &config()) {
            Err(ProtocolError::OptionNotSupported { tags }) => assert_eq!(tags, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn r2_hdr_07_an_answer_that_may_not_be_sent_as_it_is_is_406() {
    use Method::{Describe, GetParameter, Options, SetParameter};
    for (method, body, accepted, code) in [
        (Describe, "", "gzip", 200),
        (Describe, "", "", 200),
        (Describe, "", "gzip;q=1, *;q=0.1", 200),
        (Describe, "", "identity;q=0", 406),
        (Describe, "", "gzip, *;q=0", 406),
        (Describe, "", "*;q=0, identity;q=0.001", 200),
        (Describe, "", "not a list;;", 200),
        (GetParameter, "a\r\n", "*;q=0", 406),
        (GetParameter, "", "*;q=0", 200),
        (SetParameter, "a: 1\r\n", "*;q=0", 200),
        (Options, "", "*;q=0", 200),
    ] {
        let headers = [(HeaderName::AcceptEncoding, accepted)];
        let mut request = request(method.clone(), "rtsp://h/a", Version::V2_0, &headers);
        request.body = body.into();
        assert_eq!(verdict(&request), code, "{method} {accepted}");
    }
}

#[test]
fn r2_hdr_09_a_coded_body_is_415() {
    use Version::{V1_0, V2_0};
    for (method, version, body, coding, code) in [
        (Method::SetParameter, V2_0, "a: 1\r\n", "gzip", 415),
        (Method::SetParameter, V2_0, "a: 1\r\n", "identity", 200),
        (Method::SetParameter, V2_0, "a: 1\r\n", "Identity, br", 415),
        (Method::SetParameter, V2_0, "", "gzip", 200),
        (Method::GetParameter, V1_0, "a\r\n", "deflate", 415),
        (Method::Announce, V1_0, "v=0\r\n", "gzip", 415),
        (Method::Announce, V1_0, "v=0\r\n", "IDENTITY", 200),
    ] {
        let headers = [(HeaderName::ContentEncoding, coding)];
        let mut request = request(method.clone(), "rtsp://h/a", version, &headers);
        request.body = body.into();
        assert_eq!(verdict(&request), code, "{method} {coding}");
    }
}

#[test]
fn r1_hdr_20_a_conference_is_not_known() {
    use Version::{V1_0, V2_0};
    let headers = [(
        HeaderName::Conference,
        "199702170042.SAA08642@obiwan.arl.wustl.edu%20Starr",
    )];
    for (method, version, code) in [
        (Method::Setup, V1_0, 452),
        (Method::Describe, V1_0, 200),
        (Method::Setup, V2_0, 200),
    ] {
        let request = request(method, "rtsp://h/a", version, &headers);
        let answer = screen(&request, &config())
            .map_or_else(|error| error.into_response(version).status.code(), |()| 200);
        assert_eq!(answer, code, "{version}");
    }
}

#[test]
fn accept_has_qualities_and_ranges() {
    for (accept, wanted) in [
        (None, true),
        (Some(""), true),
        (Some("application/sdp"), true),
        (Some("Application/*;q=0.5"), true),
        (Some("text/html, */*;q=0.1"), true),
        (Some("text/html"), false),
        (Some("application/sdp;q=0, */*"), false),
        (Some("what is this"), true),
    ] {
        let headers: Vec<_> = accept
            .map(|value| (HeaderName::Accept, value))
            .into_iter()
            .collect();
        let request = request(Method::Describe, "rtsp://h/a", Version::V2_0, &headers);
        assert_eq!(accepts(&request, "application/sdp"), wanted, "{accept:?}");
    }
}

#[test]
fn r2_cseq_08_a_request_without_number_is_refused() {
    let mut request = request(Method::Options, "*", Version::V1_0, &[]);
    request.headers.remove(&HeaderName::CSeq);
    assert_eq!(verdict(&request), 400);
    request.headers.append(HeaderName::CSeq, "seven");
    assert_eq!(verdict(&request), 400);
}

#[test]
fn r2_ver_05_a_version_that_is_switched_off_is_505() {
    let request = request(Method::Options, "*", Version::V1_0, &[]);
    let config = ConnectionConfig {
        versions: vec![Version::V2_0],
        ..config()
    };
    assert_eq!(screen(&request, &config), Err(ProtocolError::Version));
}

#[test]
fn r1_hdr_11_r2_hdr_14_blocksize_is_a_number() {
    for (value, code) in [("1200", 200), ("0", 400), ("-1", 400), ("abc", 400)] {
        let headers = [(HeaderName::Blocksize, value)];
        let request = request(Method::Setup, "rtsp://h/a", Version::V2_0, &headers);
        assert_eq!(verdict(&request), code, "{value}");
    }
}
