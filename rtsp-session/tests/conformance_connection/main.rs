//! Rules of RFC 7826 and RFC 2326 about messages and connections, each by the number of its row in the table of requirements:
//! bytes in, bytes out.

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod headers;
mod messages;

use rtsp_msg::{HeaderName, Method, Request, RequestTarget, Response, StatusCode, Version};
use rtsp_session::server::{CloseReason, ConnectionConfig, RequestId};
use std::time::Duration;
use support::{Line, header};

const VERSIONS: [(&str, Version); 2] = [("1.0", Version::V1_0), ("2.0", Version::V2_0)];

fn line() -> Line {
    Line::new(ConnectionConfig::default())
}

fn ask(version: &str, method: &str, target: &str, cseq: u32, more: &str) -> String {
    format!("{method} {target} RTSP/{version}\r\nCSeq: {cseq}\r\n{more}\r\n")
}

/// What the line answers to a request; those that get through get 200.
fn exchange(line: &mut Line, request: &str) -> String {
    line.send(request);
    while !line.requests.is_empty() {
        line.answer_ok();
    }
    line.take()
}

fn code(text: &str) -> u16 {
    text.get(9..12)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {text}"))
}

const URI: &str = "rtsp://192.0.2.1/a";

/// Requests that the connection answers itself, with all the causes that it has, and what it answers.
fn refusals(version: &str) -> Vec<(String, u16)> {
    let ask = |method: &str, target: &str, more: &str| ask(version, method, target, 7, more);
    vec![
        (ask("OPTIONS", "*", ""), 200),
        (ask("DESCRIBE", "nonsense", ""), 400),
        (ask("FOO", URI, ""), 501),
        (ask("OPTIONS", "*", "Require: x.y\r\n"), 551),
        (ask("OPTIONS", "*", "no header\r\n"), 400),
        (
            ask("DESCRIBE", &format!("rtsp://h/{}", "a".repeat(5000)), ""),
            414,
        ),
        (ask("DESCRIBE", "rtspu://h/a", ""), 501),
    ]
}
