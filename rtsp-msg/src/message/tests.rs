use alloc::format;

use super::*;

fn encoded(encode: impl FnOnce(&mut BytesMut)) -> String {
    let mut out = BytesMut::new();
    encode(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

fn options() -> Request {
    let mut request = Request::new(Method::Options, RequestTarget::Any, Version::V1_0);
    request.headers.append(HeaderName::CSeq, "7");
    request
}

#[test]
fn r2_msg_01_every_line_ends_in_crlf() {
    let text = encoded(|out| options().encode(out));
    assert_eq!(text, "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n");
}

#[test]
fn r1_msg_07_content_length_is_the_bodys() {
    let mut request = options();
    request.headers.append(HeaderName::ContentLength, "3");
    assert!(!encoded(|out| request.encode(out)).contains("Content-Length"));
    request.body = Bytes::from_static(b"h\xc3\xa9llo");
    request
        .headers
        .append(HeaderName::ContentType, "text/parameters");
    let text = encoded(|out| request.encode(out));
    assert!(
        text.ends_with("Content-Type: text/parameters\r\nContent-Length: 6\r\n\r\nhéllo"),
        "{text}"
    );
    assert_eq!(text.matches("Content-Length").count(), 1);
}

#[test]
fn credentials_do_not_leave_in_the_uri() {
    let uri = Uri::parse("rtsp://bob:secret@h:8554/a").unwrap();
    let request = Request::new(Method::Describe, uri, Version::V2_0);
    assert!(
        encoded(|out| request.encode(out)).starts_with("DESCRIBE rtsp://h:8554/a RTSP/2.0\r\n")
    );
    assert!(!format!("{request:?}").contains("secret"));
}

#[test]
fn nothing_breaks_out_of_the_start_line() {
    let target = RequestTarget::Invalid(String::from("rtsp://h/a b\r\nX: ü"));
    let request = Request::new(Method::Play, target, Version::V1_0);
    assert_eq!(
        encoded(|out| request.encode(out)),
        "PLAY rtsp://h/a%20b%0D%0AX:%20%C3%BC RTSP/1.0\r\n\r\n"
    );

    let mut response = Response::new(Version::V1_0, StatusCode::OK);
    response.reason = Cow::Borrowed("fine\r\nX: y");
    assert_eq!(
        encoded(|out| response.encode(out)),
        "RTSP/1.0 200 fine  X: y\r\n\r\n"
    );
}

#[test]
fn r1_msg_04_some_codes_have_no_body() {
    let mut response = Response::new(Version::V1_0, StatusCode::NOT_MODIFIED);
    response.body = Bytes::from_static(b"abc");
    assert_eq!(
        encoded(|out| response.encode(out)),
        "RTSP/1.0 304 Not Modified\r\n\r\n"
    );
}

#[test]
fn r2_msg_12_two_different_cseq_are_none() {
    let mut request = options();
    request.headers.append(HeaderName::CSeq, "7");
    assert_eq!(request.cseq(), Some(7));
    request.headers.append(HeaderName::CSeq, "8");
    assert_eq!(request.cseq(), None);
}

#[test]
fn an_invalid_target_shows_no_password() {
    let target = RequestTarget::Invalid(String::from("rtsp:bob:secret@h/a"));
    assert!(!format!("{target} {target:?}").contains("secret"));
}

#[test]
fn numbers_are_written_whole() {
    for number in [0, 9, 10, 65535, usize::MAX] {
        assert_eq!(
            decimal(number, &mut [0; 20]),
            format!("{number}").as_bytes()
        );
    }
}
