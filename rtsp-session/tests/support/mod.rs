//! A server without sockets on a virtual clock, and a peer that is a script: bytes in, bytes out.
#![allow(dead_code, unreachable_pub)] // each test program uses a part

pub mod world;

use bytes::{Bytes, BytesMut};
use rtsp_msg::{Response, StatusCode};
use rtsp_session::Now;
use rtsp_session::random::Random;
use rtsp_session::server::{
    Addresses, CloseReason, ConnectionConfig, Incoming, Input, Output, RequestId, ServerConnection,
};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime};

/// The moment at which every script begins: Mon, 23 Nov 2026 00:00:00 GMT on the wall.
pub fn start() -> Now {
    Now {
        monotonic: Instant::now(),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_392_000),
    }
}

/// A connection from 192.0.2.`last`.
pub fn from(last: u8) -> Addresses {
    let peer = (Ipv4Addr::new(192, 0, 2, last), 40_000).into();
    Addresses {
        local: "192.0.2.1:8554".parse().unwrap(),
        peer,
    }
}

/// One connection whose requests wait for the test to answer them.
pub struct Line {
    pub connection: ServerConnection,
    pub now: Now,
    pub buffer: BytesMut,
    pub requests: Vec<Incoming>,
    pub responses: Vec<(RequestId, Response)>,
    /// Our own requests that nobody answered.
    pub unanswered: Vec<RequestId>,
    /// Channel and payload, in order.
    pub frames: Vec<(u8, Bytes)>,
    /// What happened, in order: `request METHOD`, `frame CHANNEL`.
    pub order: Vec<String>,
    pub written: BytesMut,
    pub closed: Option<CloseReason>,
    pub until: Option<Instant>,
}

impl Line {
    pub fn new(config: ConnectionConfig) -> Self {
        Self::open(start(), config, from(7), Random::from_seed([42; 32]))
    }

    pub fn open(now: Now, config: ConnectionConfig, addresses: Addresses, random: Random) -> Self {
        let mut line = Self {
            connection: ServerConnection::new(now, config.into(), addresses, random),
            now,
            buffer: BytesMut::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            unanswered: Vec::new(),
            frames: Vec::new(),
            order: Vec::new(),
            written: BytesMut::new(),
            closed: None,
            until: None,
        };
        line.drain();
        line
    }

    /// The peer sends bytes, in one piece.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.buffer.extend_from_slice(bytes.as_ref());
        self.connection
            .handle(self.now, Input::Read(&mut self.buffer));
        self.drain();
    }

    /// The peer sends no more.
    pub fn finish(&mut self) {
        self.connection.handle(self.now, Input::Eof);
        self.drain();
    }

    /// Time passes; the machine is called exactly when it asked to be.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        while let Some(until) = self.until.filter(|until| *until <= end.monotonic) {
            let step = until.saturating_duration_since(self.now.monotonic);
            self.now = self.now.after(step);
            let before = self.until;
            self.connection.handle(self.now, Input::Timeout);
            self.drain();
            assert_ne!(
                (self.until, self.closed),
                (before, None),
                "a deadline that does not move"
            );
        }
        self.now = end;
    }

    /// Answers the oldest request that waits, by 200.
    pub fn answer_ok(&mut self) {
        let incoming = self.requests.remove(0);
        self.answer(
            incoming.id,
            Response::new(incoming.request.version, StatusCode::OK),
        );
    }

    pub fn answer(&mut self, id: RequestId, response: Response) {
        self.connection.answer(id, response);
        self.after_answer();
    }

    pub fn challenge(&mut self, id: RequestId) {
        self.connection.challenge(id);
        self.after_answer();
    }

    /// What a shell does after an answer: write, then go on with what was read before.
    fn after_answer(&mut self) {
        self.drain();
        if self.connection.wants_read() && !self.buffer.is_empty() {
            self.connection
                .handle(self.now, Input::Read(&mut self.buffer));
            self.drain();
        }
    }

    pub fn drain(&mut self) {
        loop {
            match self.connection.poll() {
                Output::Request(incoming) => {
                    self.order
                        .push(format!("request {}", incoming.request.method.as_str()));
                    self.requests.push(incoming);
                }
                Output::Frames(run) => {
                    for frame in &run.frames {
                        self.order.push(format!("frame {}", frame.channel));
                        self.frames.push((frame.channel, run.payload(*frame)));
                    }
                    self.connection.recycle(run);
                }
                Output::Response { id, response } => self.responses.push((id, response)),
                Output::Unanswered { id } => self.unanswered.push(id),
                Output::Write(bytes) => self.written.extend_from_slice(&bytes),
                Output::Close(reason) => {
                    assert_eq!(self.closed, None, "closed twice");
                    self.closed = Some(reason);
                }
                Output::Wait { until } => {
                    self.until = until;
                    return;
                }
                // Its answer is what tests look at.
                Output::Refused(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes what was written.
    pub fn take(&mut self) -> String {
        String::from_utf8(self.written.split().to_vec()).unwrap()
    }

    /// Takes what was written: the status codes, in order.
    pub fn codes(&mut self) -> Vec<u16> {
        let text = self.take();
        text.split("\r\n")
            .filter_map(|line| {
                line.strip_prefix("RTSP/1.0 ")
                    .or_else(|| line.strip_prefix("RTSP/2.0 "))
            })
            .map(|rest| rest[..3].parse().unwrap())
            .collect()
    }
}

/// The value of a header in a response as text.
pub fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = text.split_once("\r\n\r\n")?;
    head.split("\r\n")
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
