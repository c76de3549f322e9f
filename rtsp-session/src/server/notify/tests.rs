use super::*;
use crate::now::Now;
use crate::random::Random;
use crate::server::{Peer, SessionConfig, SessionId};
use bytes::BytesMut;
use rtsp_msg::headers::{NptTime, RtpInfoEntry};
use std::time::Duration;

fn session(version: Version) -> ServerSession {
    let id = SessionId::generate(&mut Random::from_seed([0; 32]), 0);
    let peer = Peer {
        connection: 1,
        address: [192, 0, 2, 7].into(),
        user: None,
        secure: false,
    };
    ServerSession::new(
        Now::read(),
        id,
        version,
        "rtsp://192.0.2.1:8554/live/cam?q=1".into(),
        &peer,
        SessionConfig::default(),
    )
}

/// The request as lines, without the id of the session.
fn lines(session: &ServerSession, request: &Request) -> Vec<String> {
    let mut out = BytesMut::new();
    request.encode(&mut out);
    let text = String::from_utf8(out.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "", "R2-PN-11, 17, 22: no body");
    let head = head.replace(session.id().as_str(), "ID");
    head.split("\r\n").map(str::to_owned).collect()
}

fn info() -> RtpInfo {
    RtpInfo(vec![RtpInfoEntry {
        url: "rtsp://192.0.2.1:8554/live/cam/trackID=0".into(),
        ssrc: Some(0xd3ad_beef),
        seq: Some(5),
        rtptime: Some(90),
    }])
}

fn npt(start: u64, end: Option<u64>) -> Range {
    let at = |seconds| NptTime::At(Duration::from_secs(seconds));
    Range::Npt {
        start: Some(at(start)),
        end: end.map(at),
    }
}

#[test]
fn r2_pn_01_05_06_07_08_11_end_of_stream() {
    let session = session(Version::V2_0);
    let end = EndOfStream {
        play: 854,
        status: StatusCode::OK,
        range: npt(0, Some(15)),
        scale: Scale::new(2.0),
        rtp_info: info(),
    };
    let request = end_of_stream(&session, &end).unwrap();
    assert_eq!(
        lines(&session, &request),
        [
            "PLAY_NOTIFY rtsp://192.0.2.1:8554/live/cam?q=1 RTSP/2.0",
            "Session: ID",
            "Notify-Reason: end-of-stream",
            "Request-Status: cseq=854 status=200 reason=\"OK\"",
            "Range: npt=0-15",
            "Scale: 2",
            "RTP-Info: url=\"rtsp://192.0.2.1:8554/live/cam/trackID=0\" ssrc=D3ADBEEF:seq=5;rtptime=90",
        ]
    );
    let end = EndOfStream {
        scale: Scale::new(1.0),
        rtp_info: RtpInfo::default(),
        ..end
    };
    let request = end_of_stream(&session, &end).unwrap();
    assert_eq!(
        lines(&session, &request).len(),
        5,
        "no Scale, no empty RTP-Info"
    );
}

#[test]
fn r2_pn_13_14_17_media_properties_update() {
    let session = session(Version::V2_0);
    let nature = Nature::live(Duration::from_secs(90));
    let request =
        media_properties_update(&session, &nature, &Range::npt_from(nature.position())).unwrap();
    assert_eq!(
        lines(&session, &request)[1..],
        [
            "Session: ID",
            "Notify-Reason: media-properties-update",
            "Media-Properties: No-Seeking, Time-Progressing, Time-Duration=0",
            "Media-Range: npt=0-90",
            "Range: npt=90-",
        ]
    );
}

#[test]
fn r2_pn_19_20_21_22_scale_change() {
    let session = session(Version::V2_0);
    let change = ScaleChange {
        scale: Scale::new(1.0).unwrap(),
        range: npt(90, None),
        rtp_info: info(),
    };
    let nature = Nature::live(Duration::from_secs(90));
    let request = scale_change(&session, &nature, &change).unwrap();
    let lines = lines(&session, &request);
    assert_eq!(
        lines[1..5],
        [
            "Session: ID",
            "Notify-Reason: scale-change",
            "Scale: 1",
            "Range: npt=90-"
        ]
    );
    assert!(lines[5].starts_with("Media-Properties: ") && lines[6].starts_with("Media-Range: "));
    assert!(lines[7].ends_with("rtptime=90"));
}

#[test]
fn rtsp_1_has_no_notifications() {
    let session = session(Version::V1_0);
    let nature = Nature::live(Duration::ZERO);
    assert!(
        media_properties_update(&session, &nature, &Range::npt_from(nature.position())).is_none()
    );
    assert!(teardown(&session, TerminateCause::ServerAdmin, None).is_none());
}

#[test]
fn r2_redir_01_02_03_05_r1_redir_01_redirects() {
    let time = UtcTime::parse_clock("20261123T090000Z");
    let other = Uri::parse("rtsp://192.0.2.2:8554").unwrap();
    let v2 = session(Version::V2_0);
    let request = redirect(&v2, &other, time, Some("moved house")).unwrap();
    assert_eq!(
        lines(&v2, &request),
        [
            "REDIRECT rtsp://192.0.2.1:8554/live/cam?q=1 RTSP/2.0",
            "Session: ID",
            "Location: rtsp://192.0.2.2:8554/live/cam?q=1",
            "Terminate-Reason: Server-Admin;time=20261123T090000Z;user-msg=\"moved house\"",
        ]
    );
    let v1 = session(Version::V1_0);
    let request = redirect(&v1, &other, time, None).unwrap();
    assert_eq!(
        lines(&v1, &request),
        [
            "REDIRECT rtsp://192.0.2.1:8554/live/cam?q=1 RTSP/1.0",
            "Session: ID",
            "Location: rtsp://192.0.2.2:8554/live/cam?q=1",
            "Range: clock=20261123T090000Z-",
        ]
    );
    let elsewhere = Uri::parse("rtsp://h/other").unwrap();
    assert_eq!(moved(&elsewhere, "rtsp://a/b"), "rtsp://h/other");
    assert_eq!(
        lines(&v2, &redirect_all(&elsewhere, None, None)),
        [
            "REDIRECT * RTSP/2.0",
            "Location: rtsp://h",
            "Terminate-Reason: Server-Admin"
        ]
    );
}

#[test]
fn r2_tear_06_08_the_server_ends_sessions_with_a_reason() {
    let session = session(Version::V2_0);
    let request = teardown(&session, TerminateCause::SessionTimeout, Some("silence")).unwrap();
    assert_eq!(
        lines(&session, &request),
        [
            "TEARDOWN rtsp://192.0.2.1:8554/live/cam?q=1 RTSP/2.0",
            "Session: ID",
            "Terminate-Reason: Session-Timeout;user-msg=\"silence\"",
        ]
    );
    assert_eq!(
        lines(&session, &teardown_all(TerminateCause::ServerAdmin, None)),
        ["TEARDOWN * RTSP/2.0", "Terminate-Reason: Server-Admin"]
    );
}

#[test]
fn r2_redir_11_nobody_is_led_out_of_tls() {
    let moved = |target: &str, from: &str| moved(&Uri::parse(target).unwrap(), from);
    for (target, from, location) in [
        ("rtsp://h:8554", "rtsps://a/live", "rtsps://h:8554/live"),
        ("rtsp://h/all", "rtsps://a/live", "rtsps://h/all"),
        ("rtsps://h", "rtsps://a/live", "rtsps://h/live"),
        ("rtsps://h", "rtsp://a/live", "rtsps://h/live"),
        ("rtsp://h", "rtsp://a/live", "rtsp://h/live"),
    ] {
        assert_eq!(moved(target, from), location);
    }
}
