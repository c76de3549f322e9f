//! What a connection does while its server takes its time, each rule by the number of its row in the table of requirements.
//! Nothing here sleeps: time is an argument.

mod support;

use rtsp_msg::{Response, StatusCode, Version};
use rtsp_session::server::{CloseReason, ConnectionConfig};
use std::time::Duration;
use support::{Line, header};

fn ask(version: &str, method: &str, cseq: u32, more: &str) -> String {
    format!("{method} rtsp://192.0.2.1/a RTSP/{version}\r\nCSeq: {cseq}\r\n{more}\r\n")
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn r2_code_01_r2_conn_18_a_request_that_takes_longer_is_told_100_each_five_seconds_and_answered_once()
 {
    let mut line = Line::new(ConnectionConfig::default());
    line.send(ask("2.0", "DESCRIBE", 7, "Timestamp: 4.2\r\n"));
    line.pass(Duration::from_millis(4_999));
    assert_eq!(line.take(), "", "five seconds are not over");
    line.pass(Duration::from_millis(1));
    let told = line.take();
    assert!(
        told.starts_with("RTSP/2.0 100 Continue\r\nCSeq: 7\r\n"),
        "{told}"
    );
    // Whose answer it is and when it was sent, and nothing of what is not known yet.
    assert_eq!(header(&told, "Timestamp"), Some("4.2"));
    assert!(header(&told, "Date").is_some() && told.ends_with("\r\n\r\n"));
    line.pass(seconds(4));
    assert_eq!(line.take(), "");
    line.pass(seconds(1));
    assert_eq!(line.codes(), [100]);
    line.pass(seconds(15));
    assert_eq!(line.codes(), [100, 100, 100]);
    line.answer_ok();
    let last = line.take();
    assert!(last.starts_with("RTSP/2.0 200 OK\r\nCSeq: 7\r\n"), "{last}");
    // One that was answered is not told anything any more.
    line.pass(seconds(20));
    assert_eq!(line.take(), "");
}

#[test]
fn r2_conn_18_a_quick_answer_stands_alone() {
    let mut line = Line::new(ConnectionConfig::default());
    for cseq in 1..20 {
        line.send(ask("2.0", "OPTIONS", cseq, ""));
        line.pass(seconds(4));
        line.answer_ok();
        assert_eq!(line.codes(), [200], "{cseq}");
    }
}

/// 100 goes to the request that is worked on: to one behind it would overtake the answer before.
#[test]
fn r2_conn_18_r2_pipe_02_only_the_oldest_is_told() {
    let mut line = Line::new(ConnectionConfig {
        pending_requests: 3,
        ..ConnectionConfig::default()
    });
    for cseq in 1..=3 {
        line.send(ask("2.0", "DESCRIBE", cseq, ""));
    }
    let (first, second) = (line.requests[0].id, line.requests[1].id);
    line.answer(second, Response::new(Version::V2_0, StatusCode::OK));
    line.pass(seconds(5));
    let told = line.take();
    assert_eq!(told.matches("RTSP/2.0").count(), 1);
    assert_eq!(header(&told, "CSeq"), Some("1"));
    line.answer(first, Response::new(Version::V2_0, StatusCode::OK));
    assert_eq!(line.codes(), [200, 200]);
    // The third has waited for five seconds as well.
    line.pass(Duration::from_millis(1));
    let told = line.take();
    assert_eq!((header(&told, "CSeq"), &told[9..12]), (Some("3"), "100"));
}

/// RFC 2326 §7.1.1 has the code, and nothing on when it is sent. FFmpeg and GStreamer give up at it.
#[test]
fn peers_of_1_0_wait_in_silence_unless_the_server_is_told_otherwise() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send(ask("1.0", "DESCRIBE", 1, ""));
    line.pass(seconds(30));
    assert_eq!(line.take(), "");
    line.answer_ok();
    assert_eq!(line.codes(), [200]);
    let mut line = Line::new(ConnectionConfig {
        continue_versions: vec![Version::V1_0],
        ..ConnectionConfig::default()
    });
    line.send(ask("1.0", "DESCRIBE", 1, ""));
    line.pass(seconds(5));
    assert!(
        line.take()
            .starts_with("RTSP/1.0 100 Continue\r\nCSeq: 1\r\n")
    );
}

/// A peer that closed its half is still answered, and not kept up with news.
#[test]
fn a_peer_that_sends_no_more_gets_its_answer_alone() {
    let mut line = Line::new(ConnectionConfig::default());
    line.send(ask("2.0", "DESCRIBE", 1, ""));
    line.pass(seconds(5));
    assert_eq!(line.codes(), [100]);
    line.finish();
    line.pass(seconds(6));
    assert_eq!(line.take(), "");
    line.answer_ok();
    assert_eq!(line.codes(), [200]);
    assert_eq!(line.closed, Some(CloseReason::PeerClosed));
}

#[test]
fn r2_conn_15_r2_ver_08_other_versions_are_505_for_ever_and_not_malformed() {
    let mut line = Line::new(ConnectionConfig::default());
    for cseq in 1..=200 {
        line.send(format!("OPTIONS * RTSP/3.{cseq}\r\nCSeq: {cseq}\r\n\r\n"));
        let refused = line.take();
        assert!(refused.contains(" 505 ") && refused.contains(&format!("CSeq: {cseq}\r\n")));
    }
    line.send("OPTIONS * RTSP/2.0\r\nCSeq: 201\r\n\r\n");
    line.answer_ok();
    assert_eq!(line.codes(), [200]);
    assert_eq!(line.closed, None);
}

#[test]
fn r2_conn_15_r2_code_07_a_method_in_two_words_is_400_and_closes_nothing() {
    for version in ["1.0", "2.0"] {
        let mut line = Line::new(ConnectionConfig::default());
        for cseq in 1..=40 {
            line.send(ask(version, "PL AY", cseq, ""));
            assert_eq!(line.codes(), [400]);
        }
        line.send(ask(version, "OPTIONS", 41, ""));
        line.answer_ok();
        assert_eq!((line.codes(), line.closed), (vec![200], None));
    }
}
