//! A server whose clock was never set, as on a device that keeps no time while it is off.

mod support;

use bytes::BytesMut;
use rtsp_msg::{HeaderName, Method, Request, Response, StatusCode, Uri, Version};
use rtsp_session::Now;
use rtsp_session::random::Random;
use rtsp_session::server::ConnectionConfig;
use std::time::{Duration, SystemTime};
use support::{Line, from, header, start};

const DESCRIBE: &str = "DESCRIBE rtsp://192.0.2.1/a RTSP/2.0\r\nCSeq: 1\r\n\r\n";

/// What is answered at a time to a request whose answer has dates.
fn answer(now: Now) -> String {
    let config = ConnectionConfig::default();
    let mut line = Line::open(now, config, from(7), Random::from_seed([1; 32]));
    line.send(DESCRIBE);
    let id = line.requests.remove(0).id;
    let mut response = Response::new(Version::V2_0, StatusCode::OK);
    for name in [HeaderName::LastModified, HeaderName::Expires] {
        let date = "Mon, 23 Nov 2026 00:00:00 GMT";
        response.headers.append(name, date);
    }
    line.answer(id, response);
    line.take()
}

#[test]
fn r2_hdr_18_without_a_clock_nothing_has_a_date() {
    let known = answer(start());
    let unset = answer(Now {
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(300),
        ..start()
    });
    for name in ["Date", "Last-Modified", "Expires"] {
        assert!(header(&known, name).is_some(), "{name}: {known}");
        assert_eq!(header(&unset, name), None, "{unset}");
    }
    assert!(unset.starts_with("RTSP/2.0 200 OK\r\n"));
}

#[test]
fn r2_hdr_18_nor_have_requests_of_the_server() {
    for (wall, dated) in [(300, false), (1_795_392_000, true)] {
        let now = Now {
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(wall),
            ..start()
        };
        let config = ConnectionConfig::default();
        let mut line = Line::open(now, config, from(7), Random::from_seed([1; 32]));
        let uri = Uri::parse("rtsp://192.0.2.1/a").unwrap();
        let request = Request::new(Method::Options, uri, Version::V2_0);
        line.connection.request(now, request).unwrap();
        line.drain();
        let mut written = BytesMut::from(line.take().as_bytes());
        let text = String::from_utf8(written.split().to_vec()).unwrap();
        assert_eq!(header(&text, "Date").is_some(), dated, "{text}");
    }
}
