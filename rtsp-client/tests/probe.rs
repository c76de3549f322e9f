//! The program's `probe` where nothing but HTTP gets through.

use std::io::Read;
use std::net::TcpListener;
use std::process::Command;
use std::thread;

/// What comes first on the next connection; the answer is the end.
fn cut(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut heard = [0; 4096];
    let count = stream.read(&mut heard).unwrap();
    String::from_utf8_lossy(&heard[..count]).into_owned()
}

#[test]
fn what_gets_no_answer_is_tried_within_http_and_both_reasons_are_told() {
    for (arguments, tunnelled) in [(&[][..], true), (&["--transport", "tcp"], false)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("rtsp://{}/live", listener.local_addr().unwrap());
        let network = thread::spawn(move || {
            assert!(cut(&listener).starts_with("OPTIONS "));
            if tunnelled {
                assert!(cut(&listener).starts_with("GET /live HTTP/1.0\r\n"));
            }
        });
        let output = Command::new(env!("CARGO_BIN_EXE_rtsp-client"))
            .args(arguments)
            .args(["probe", &url])
            .output()
            .unwrap();
        network.join().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        let error = format!("error: {url}: the connection closed before the response");
        assert!(told.contains(&error), "{told}");
        for turn in [
            "turning to a tunnel over HTTP",
            "closes instead of answering HTTP",
        ] {
            assert_eq!(told.contains(turn), tunnelled, "{told}");
        }
    }
}
