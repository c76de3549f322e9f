//! The program's `load` against its `bare-sender`: everything that is sent is counted, and nothing else.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

/// A bare sender that ends with the test.
struct Sender {
    child: Child,
    url: String,
}

impl Sender {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rtsp-client"))
            .arg("bare-sender")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap();
        Self {
            url: format!("rtsp://{address}/live"),
            child,
        }
    }

    fn load(&self, arguments: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_rtsp-client"))
            .args(["load", &self.url, "--json", "--publishers", "0"])
            .args(["--pid", &self.child.id().to_string()])
            .args(["--ramp", "0.1", "--warm-up", "0", "--duration", "0.5"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_reader_gets_every_packet() {
    let sender = Sender::start(&["--bitrate", "500k"]);
    for transport in ["tcp", "udp"] {
        let told = sender.load(&["--readers", "4", "--transport", transport]);
        let number = |path: &str| told.pointer(path).and_then(Value::as_f64).unwrap();
        assert_eq!(number("/joined"), 4.0, "{transport}");
        assert_eq!(number("/lost") + number("/unstamped"), 0.0, "{transport}");
        assert!(number("/packets") >= 8.0, "{transport}: {told}");
        assert_eq!(
            number("/latency_us/count"),
            number("/packets"),
            "{transport}"
        );
        assert!(number("/latency_us/p50") > 0.0 && number("/join_us/p99") > 0.0);
        assert!(number("/server/resident_octets") > 0.0, "{told}");
    }
}

#[test]
fn sessions_come_and_go_at_their_rate() {
    let sender = Sender::start(&["--silent"]);
    let told = sender.load(&["--readers", "0", "--sessions-per-second", "40"]);
    let sessions = told["sessions"].as_u64().unwrap();
    assert!((10..=21).contains(&sessions), "{told}");
    assert_eq!(told["packets"], 0, "a silent sender sends nothing");
}

#[test]
fn what_cannot_be_read_is_said() {
    let output = Command::new(env!("CARGO_BIN_EXE_rtsp-client"))
        .args(["load", "http://127.0.0.1/x"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("rtsp://"), "{text}");
}
