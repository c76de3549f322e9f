//! A whole server without sockets: connections and the sessions above them, on a virtual clock.

#[path = "../../../rtsp-session/tests/support/mod.rs"]
mod support;

use super::memory;
use arbitrary::{Arbitrary, Unstructured};
use bytes::{Bytes, BytesMut};
use rtsp_msg::headers::TerminateCause;
use rtsp_msg::{
    Decoder, HeaderName, Leniency, Limits, Message, Method, Request, RequestTarget, Response,
    StatusCode, Uri, Version,
};
use rtsp_session::auth::{Answerer, Credentials};
use rtsp_session::random::Random;
use rtsp_session::server::{ConnectionConfig, Nature, SessionId, State, notify};
use std::collections::VecDeque;
use std::time::Duration;
use support::world::World;

const METHODS: [&str; 12] = [
    "SETUP",
    "PLAY",
    "PAUSE",
    "RECORD",
    "TEARDOWN",
    "OPTIONS",
    "DESCRIBE",
    "ANNOUNCE",
    "GET_PARAMETER",
    "SET_PARAMETER",
    "REDIRECT",
    "X-OTHER",
];
const TARGETS: [&str; 8] = [
    "rtsp://192.0.2.1/a/trackID=0",
    "rtsp://192.0.2.1/a/trackID=1",
    "rtsp://192.0.2.1/a",
    "rtsp://192.0.2.1/a/",
    "rtsp://192.0.2.1/b",
    "*",
    "/a",
    "rtsp://u:p@192.0.2.1:8554/a/trackID=0?x",
];
const TRANSPORTS: [&str; 8] = [
    "RTP/AVP/TCP;unicast;interleaved=0-1",
    "RTP/AVP/TCP;unicast;interleaved=2-3",
    "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record",
    "RTP/AVP;unicast;client_port=5000-5001",
    "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\",RTP/AVP/TCP;unicast",
    "RTP/AVP;unicast;dest_addr=\":5000\";RTCP-mux",
    "RTP/AVP;multicast",
    "RAW/RAW/UDP;unicast",
];
const LINES: [&str; 12] = [
    "Pipelined-Requests: 1\r\n",
    "Pipelined-Requests: 2\r\n",
    "Range: npt=0-\r\n",
    "Range: npt=10-20\r\nScale: 2\r\n",
    "Require: play.basic\r\n",
    "Require: x.y\r\n",
    "Connection: close\r\n",
    "Authorization: Basic YW5uOmE=\r\n",
    "Authorization: Basic YW5uOng=\r\n",
    "If-Match: \"a\"\r\n",
    "Content-Length: 3\r\n\r\nabc",
    "Session: bogus\r\n",
];

/// One thing that happens.
#[derive(Arbitrary, Debug)]
enum Event {
    /// A request: who asks, method, target, version, which session it names, transport and whether a challenge is answered, lines
    /// more, where it is cut.
    Request(bool, u8, u8, u8, u8, u8, u16, u8),
    /// Any bytes.
    Bytes(bool, Vec<u8>),
    /// A frame of media: channel and length.
    Frame(bool, u8, u8),
    /// An answer to one of the server's requests, by its number from the last.
    Answer(bool, u8, u8),
    /// Time passes.
    Seconds(u8),
    /// A peer closes its connection.
    Close(bool),
    /// The server asks something about a session.
    Ask(u8, u8),
    /// From here on the server takes its time, or has done with what it had.
    Slow,
}

/// What one peer has sent, as a decoder of its own sees it, and what it was sent.
struct Side {
    connection: usize,
    decoder: Decoder,
    sent: BytesMut,
    searching: bool,
    /// The numbers of requests that are owed an answer, in their order; none where they cannot be read.
    owed: VecDeque<Option<u32>>,
    frames: Vec<(u8, Bytes)>,
    cseq: u32,
    /// What the server writes.
    answers: Decoder,
    received: BytesMut,
    last_asked: Option<u32>,
    asked: usize,
    closed: bool,
    /// Answers the challenges of Digest; the one peer is ann, the other bob.
    answerer: Answerer,
    random: Random,
}

impl Side {
    fn new(connection: usize) -> Self {
        let config = ConnectionConfig::default();
        Self {
            connection,
            decoder: Decoder::new(config.limits, config.leniency),
            sent: BytesMut::new(),
            searching: false,
            owed: VecDeque::new(),
            frames: Vec::new(),
            cseq: 0,
            answers: Decoder::new(Limits::default(), Leniency::strict()),
            received: BytesMut::new(),
            last_asked: None,
            asked: 0,
            closed: false,
            answerer: Answerer::new(match connection {
                0 => Credentials::new("ann", "a"),
                _ => Credentials::new("bob", "b"),
            }),
            random: Random::from_seed([5; 32]),
        }
    }

    /// The line that proves who asks, once there was a challenge.
    fn proof(&mut self, method: &str, target: &str) -> Option<String> {
        let target = match target {
            "*" => RequestTarget::Any,
            text => Uri::parse(text)
                .map_or_else(|_| RequestTarget::Path(text.into()), RequestTarget::Uri),
        };
        let request = Request::new(Method::parse(method)?, target, Version::V1_0);
        let value = self.answerer.authorize(&request, &mut self.random)?;
        Some(format!("Authorization: {value}\r\n"))
    }

    /// Notes what bytes are to whoever reads them.
    fn note(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        loop {
            if self.searching {
                self.searching = !self.decoder.resync(&mut self.sent);
                if self.searching {
                    return;
                }
            }
            match self.decoder.decode(&mut self.sent) {
                Ok(None) => return,
                Ok(Some(Message::Request(request))) => self.owed.push_back(request.cseq()),
                Ok(Some(Message::Response(_))) => {}
                Ok(Some(Message::Interleaved(frame))) => {
                    self.frames.push((frame.channel, frame.payload));
                }
                Err(error) => {
                    if !error.in_response {
                        self.owed.push_back(error.cseq);
                    }
                    self.searching = error.fatal;
                }
            }
        }
    }

    /// Takes what the server wrote.
    fn hear(&mut self, text: &str, slow: bool, ids: &mut Vec<String>) {
        self.received.extend_from_slice(text.as_bytes());
        loop {
            let message = self.answers.decode(&mut self.received);
            match message.unwrap_or_else(|error| panic!("{error}: the server wrote {text:?}")) {
                None => break,
                Some(Message::Response(response)) => self.answered(&response, slow, ids),
                Some(Message::Request(request)) => {
                    let number = request.cseq().expect("the server numbers its requests");
                    assert!(
                        self.last_asked.is_none_or(|last| number > last),
                        "twice {number}"
                    );
                    self.last_asked = Some(number);
                    self.asked += 1;
                }
                Some(Message::Interleaved(frame)) => panic!("nothing plays: {frame:?}"),
            }
        }
        assert!(
            self.received.is_empty(),
            "half a message: {:?}",
            self.received
        );
    }

    fn answered(&mut self, response: &Response, slow: bool, ids: &mut Vec<String>) {
        let first = self.owed.front().expect("an answer to nothing");
        if let Some(number) = first {
            assert_eq!(
                response.cseq(),
                Some(*number),
                "not the oldest is answered: {response:?}"
            );
        }
        if response.status.is_provisional() {
            assert!(slow, "told to wait for nothing");
            return;
        }
        self.owed.pop_front();
        match response.status {
            StatusCode::UNAUTHORIZED => drop(self.answerer.challenged(response)),
            _ => self.answerer.accepted(response),
        }
        if let Some(id) = response.headers.first(&HeaderName::Session) {
            let id = id.split(';').next().unwrap_or_default().to_owned();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
}

struct Run {
    world: World,
    sides: [Side; 2],
    ids: Vec<String>,
}

/// The first byte says whether credentials are needed and where the second peer is; the others are what happens.
pub fn connection(input: &[u8]) {
    let [setting, rest @ ..] = input else {
        return;
    };
    let events: Vec<Event> = Unstructured::new(rest)
        .arbitrary_iter()
        .expect("an iterator")
        .flatten()
        .take(64)
        .collect();
    memory::bounded(4 << 20, || {
        let mut world = World::new();
        world.guarded = setting & 1 != 0;
        let second = 7 + (setting >> 1 & 1);
        let sides = [7, second].map(|last| Side::new(world.connect(last)));
        let mut run = Run {
            world,
            sides,
            ids: Vec::new(),
        };
        for event in &events {
            run.happen(event);
            run.check();
        }
        run.end();
    });
}

impl Run {
    fn happen(&mut self, event: &Event) {
        match event {
            Event::Request(second, method, target, version, session, transport, lines, cut) => {
                let text = self.request(
                    *second,
                    [*method, *target, *version, *session, *transport],
                    *lines,
                );
                let at = usize::from(*cut) % (text.len() + 1);
                let (head, tail) = text.as_bytes().split_at(at);
                self.send(*second, head);
                self.send(*second, tail);
            }
            Event::Bytes(second, bytes) => self.send(*second, bytes),
            Event::Frame(second, channel, length) => {
                let mut frame = vec![b'$', *channel, 0, *length];
                frame.resize(4 + usize::from(*length), 0x80);
                self.send(*second, &frame);
            }
            Event::Answer(second, behind, status) => {
                let last = self.side(*second).last_asked.unwrap_or(0);
                let number = last.wrapping_sub((*behind).into());
                let status = ["200 OK", "454 Session Not Found", "100 Continue", "999 Odd"]
                    [usize::from(*status) % 4];
                let text = format!(
                    "RTSP/2.0 {status}\r\nCSeq: {}\r\n\r\n",
                    number % 1_000_000_000
                );
                self.send(*second, text.as_bytes());
            }
            Event::Seconds(count) => {
                self.world.pass(Duration::from_secs((*count).into()));
            }
            Event::Close(second) => {
                let connection = self.side(*second).connection;
                if !self.side(*second).closed {
                    self.side(*second).closed = true;
                    self.world.close(connection);
                }
            }
            Event::Ask(which, kind) => self.ask(*which, *kind),
            Event::Slow => {
                self.world.slow = !self.world.slow;
                self.work();
            }
        }
        self.hear();
    }

    fn side(&mut self, second: bool) -> &mut Side {
        &mut self.sides[usize::from(second)]
    }

    fn request(
        &mut self,
        second: bool,
        [method, target, version, session, transport]: [u8; 5],
        lines: u16,
    ) -> String {
        let side = self.side(second);
        side.cseq += 1;
        let cseq = side.cseq;
        let one = |of: &[&'static str], at: u8| of[usize::from(at) % of.len()];
        let (method, target) = (one(&METHODS, method), one(&TARGETS, target));
        let version = one(&["1.0", "2.0", "1.0", "2.0", "3.0"], version);
        let proof = side.proof(method, target).filter(|_| transport & 0x80 != 0);
        let mut text = format!("{method} {target} RTSP/{version}\r\nCSeq: {cseq}\r\n");
        if method == "SETUP" {
            text += &format!("Transport: {}\r\n", one(&TRANSPORTS, transport));
        }
        // Mostly the newest.
        if let Some(id) = self.ids.iter().rev().nth(usize::from(session >> 5)) {
            text += &format!("Session: {id}\r\n");
        }
        text.extend(proof);
        // Mostly no more lines.
        let mut body = "\r\n";
        for (bit, line) in LINES.iter().enumerate() {
            if lines >> bit & 1 != 0 && lines >> 12 == 0 {
                text += line;
                if line.contains("\r\n\r\n") {
                    body = "";
                    break;
                }
            }
        }
        text + body
    }

    fn send(&mut self, second: bool, bytes: &[u8]) {
        let connection = self.side(second).connection;
        if self.side(second).closed || self.world.closed(connection) {
            return;
        }
        self.side(second).note(bytes);
        let text = self.world.send(connection, bytes);
        let slow = self.world.slow;
        self.sides[usize::from(second)].hear(&text, slow, &mut self.ids);
    }

    fn ask(&mut self, which: u8, kind: u8) {
        let mut ids: Vec<SessionId> = self.world.sessions.keys().copied().collect();
        ids.sort();
        let Some(id) = ids.get(usize::from(which) % ids.len().max(1)).copied() else {
            return;
        };
        match kind % 4 {
            0 => {
                let nature = Nature::live(Duration::from_secs(9));
                let range = rtsp_msg::headers::Range::npt_from(nature.position());
                self.world.ask(id, |session| {
                    notify::media_properties_update(session, &nature, &range)
                });
            }
            1 => self.world.redirect(id, None),
            2 => {
                let at = self.world.now.after(Duration::from_secs(30)).wall;
                self.world.redirect(id, Some(at));
            }
            _ => {
                self.world.ask(id, |session| {
                    notify::teardown(session, TerminateCause::ServerAdmin, None)
                });
                self.world.end(id, "server");
            }
        }
    }

    fn work(&mut self) {
        for side in &self.sides {
            if !self.world.slow {
                self.world.work(side.connection);
            }
        }
    }

    fn hear(&mut self) {
        for side in &mut self.sides {
            let text = self.world.take(side.connection);
            side.hear(&text, true, &mut self.ids);
        }
    }

    /// What holds at any time.
    fn check(&self) {
        for side in &self.sides {
            let (line, _) = &self.world.lines[side.connection];
            let open = !side.closed && line.closed.is_none();
            if open && !self.world.slow {
                assert!(
                    side.owed.is_empty(),
                    "requests without an answer: {:?}",
                    side.owed
                );
                assert_eq!(line.frames, side.frames, "frames were lost or cut");
            } else {
                assert!(
                    side.frames.starts_with(&line.frames),
                    "frames that nobody sent"
                );
            }
            assert!(line.responses.len() + line.unanswered.len() <= side.asked);
        }
        for session in self.world.sessions.values() {
            assert!(!session.media().is_empty() && session.state() != State::Init);
            let owner = session.connection();
            let open = |number: u64| {
                self.sides.iter().any(|side| {
                    side.connection as u64 == number
                        && !side.closed
                        && !self.world.closed(side.connection)
                })
            };
            assert!(
                owner.is_none_or(open),
                "a session of a connection that is closed"
            );
            assert!(
                owner.is_some() || !session.is_interleaved(),
                "an interleaved session without a connection"
            );
            assert!(
                session.lapse(self.world.now).is_none(),
                "a session past its time"
            );
        }
    }

    /// In the end everybody is silent, and everything is gone.
    fn end(&mut self) {
        self.world.slow = false;
        self.work();
        self.hear();
        self.check();
        // What the server asked about the last of them is given up ten seconds after that.
        for seconds in [70, 11] {
            self.world.pass(Duration::from_secs(seconds));
            self.hear();
        }
        assert!(self.world.sessions.is_empty(), "sessions that nobody has");
        for side in &self.sides {
            let (line, _) = &self.world.lines[side.connection];
            let came = line.responses.len() + line.unanswered.len();
            assert_eq!(
                came, side.asked,
                "a request of the server's that nothing came of"
            );
        }
    }
}
