//! Random conversations: up to eight messages on two connections, with duplicates, delays and time-outs. Whatever is sent, nothing
//! panics, no session is left that nobody owns, each request is answered once and in its order, and an answer is one that the
//! table of states allows.

mod support;

use rtsp_session::random::Random;
use rtsp_session::server::State;
use std::collections::VecDeque;
use std::time::Duration;
use support::header;
use support::world::World;

const URI: &str = "rtsp://192.0.2.1/a";
const METHODS: [&str; 12] = [
    "OPTIONS",
    "DESCRIBE",
    "SETUP",
    "SETUP",
    "PLAY",
    "PAUSE",
    "RECORD",
    "RECORD",
    "TEARDOWN",
    "GET_PARAMETER",
    "SET_PARAMETER",
    "FOO",
];
const TRANSPORTS: [&str; 7] = [
    "RTP/AVP/TCP;unicast;interleaved=0-1",
    "RTP/AVP/TCP;unicast;interleaved=2-3",
    "RTP/AVP;unicast;client_port=5000-5001",
    "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"",
    "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record",
    "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record",
    "RAW/RAW/UDP;unicast",
];
/// The longest time for which a session may live without a sign of life, and then some.
const LONG: Duration = Duration::from_secs(70);

/// One run, from a seed.
struct Run {
    world: World,
    random: Random,
    lines: Vec<Side>,
    /// Session ids that peers have heard of.
    ids: Vec<String>,
    log: Vec<String>,
}

/// What one peer has sent and is owed.
struct Side {
    connection: usize,
    cseq: u32,
    owed: VecDeque<(u32, &'static str)>,
    last: Option<String>,
    closed: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut world = World::new();
        let mut random = Random::from_seed(bytes);
        // From one address or from two.
        let other = if random.number().is_multiple_of(2) {
            7
        } else {
            8
        };
        let lines = [7, other].map(|last| Side {
            connection: world.connect(last),
            cseq: 0,
            owed: VecDeque::new(),
            last: None,
            closed: false,
        });
        Self {
            world,
            random,
            lines: lines.into(),
            ids: Vec::new(),
            log: Vec::new(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.number() as usize % bound
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A request, and its method.
    fn request(&mut self, side: usize) -> (String, &'static str) {
        let method = self.one(&METHODS);
        let version = self.one(&["1.0", "1.0", "2.0", "2.0", "3.0"]);
        let target = match self.below(8) {
            0 => "*".to_owned(),
            1 => format!("{URI}/trackID=9"),
            2 | 3 => URI.to_owned(),
            _ => format!("{URI}/trackID={}", self.below(2)),
        };
        let target = match method {
            "SETUP" => target,
            _ if self.chance(3) => target,
            _ => URI.to_owned(),
        };
        self.lines[side].cseq += 1;
        let mut text = format!(
            "{method} {target} RTSP/{version}\r\nCSeq: {}\r\n",
            self.lines[side].cseq
        );
        if method == "SETUP" && !self.chance(10) {
            let transport = self.one(&TRANSPORTS);
            text += &format!("Transport: {transport}\r\n");
        }
        if let Some(id) = self.ids.last().cloned()
            && !self.chance(4)
        {
            text += &format!("Session: {id}\r\n");
        } else if self.chance(4) {
            text += "Session: bogus\r\n";
        }
        if self.chance(4) {
            text += &format!("Pipelined-Requests: {}\r\n", self.below(3));
        }
        if self.chance(4) {
            let range = self.one(&["npt=0-", "npt=10-20", "npt=now-", "foo=1-", "npt=-"]);
            text += &format!("Range: {range}\r\n");
        }
        (text + "\r\n", method)
    }

    /// One step: a message, a duplicate, silence, or the end of a connection.
    fn step(&mut self) {
        let side = self.below(2);
        match self.below(12) {
            0 => {
                let pause = self.one(&[1, 9, 59, 66]);
                self.log.push(format!("{pause} s"));
                self.world.pass(Duration::from_secs(pause));
            }
            1 if !self.lines[side].closed => {
                self.log.push(format!("{side} closes"));
                self.world.close(self.lines[side].connection);
                self.lines[side].closed = true;
            }
            2 => {
                if let Some(last) = self.lines[side].last.clone() {
                    // The same bytes again, number and all.
                    let cseq = header_cseq(&last);
                    let method = self.lines[side].owed_method(&last);
                    self.send(side, last, cseq, method);
                }
            }
            3 => {
                let noise = self.one(&[
                    "RTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\n",
                    "$\x09\x00\x02ab",
                    "\r\n\r\n",
                ]);
                self.log.push(format!("{side} noise"));
                self.deliver(side, noise.as_bytes());
            }
            _ => {
                let (text, method) = self.request(side);
                let cseq = self.lines[side].cseq;
                self.send(side, text, cseq, method);
            }
        }
        self.check();
    }

    fn send(&mut self, side: usize, text: String, cseq: u32, method: &'static str) {
        self.log
            .push(format!("{side} {}", text.replace("\r\n", " | ")));
        if self.lines[side].closed || self.world.closed(self.lines[side].connection) {
            return;
        }
        self.lines[side].owed.push_back((cseq, method));
        self.lines[side].last = Some(text.clone());
        self.deliver(side, text.as_bytes());
    }

    /// Sends bytes, in one piece or in two, and takes the answers.
    fn deliver(&mut self, side: usize, bytes: &[u8]) {
        if self.lines[side].closed {
            return;
        }
        let at = self.below(bytes.len());
        let (head, tail) = bytes.split_at(at);
        for piece in [head, tail] {
            let text = self.world.send(self.lines[side].connection, piece);
            self.take(side, &text);
        }
    }

    fn take(&mut self, side: usize, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (head, after) = rest.split_once("\r\n\r\n").expect("a whole answer");
            let answer = format!("{head}\r\n\r\n");
            let length: usize =
                header(&answer, "Content-Length").map_or(0, |len| len.parse().unwrap());
            rest = &after[length..];
            let (cseq, method) = self.lines[side]
                .owed
                .pop_front()
                .unwrap_or_else(|| self.fail("an answer to nothing"));
            let got: u32 = header(&answer, "CSeq").map_or(0, |cseq| cseq.parse().unwrap());
            if got != cseq {
                self.fail(&format!("{method} {cseq} answered as {got}"));
            }
            let code: u16 = head[9..12].parse().unwrap();
            let known = [
                200, 304, 400, 404, 405, 451, 454, 455, 456, 457, 459, 460, 461, 463, 403, 500,
                501, 505,
            ];
            if !known.contains(&code) || code == 500 {
                self.fail(&format!("{method} answered {code}"));
            }
            if let Some(id) = header(&answer, "Session").filter(|_| code == 200) {
                let id = id.split(';').next().unwrap().to_owned();
                if !self.ids.contains(&id) {
                    self.ids.push(id);
                }
            }
        }
    }

    /// What holds at any time.
    fn check(&self) {
        for side in &self.lines {
            if !side.closed && !self.world.closed(side.connection) && !side.owed.is_empty() {
                self.fail("a request without an answer");
            }
        }
        for session in self.world.sessions.values() {
            if session.media().is_empty() || session.state() == State::Init {
                self.fail("a session without media");
            }
            let owner = session.connection();
            let open = |number: u64| {
                self.lines
                    .iter()
                    .any(|side| side.connection as u64 == number && !side.closed)
            };
            if owner.is_some_and(|number| !open(number)) {
                self.fail("a session of a connection that is closed");
            }
            if owner.is_none() && session.is_interleaved() {
                self.fail("an interleaved session without a connection");
            }
            if session.expired(self.world.now) {
                self.fail("a session past its time");
            }
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{what} after\n{}", self.log.join("\n"));
    }
}

impl Side {
    /// The method of a request that was sent.
    fn owed_method(&self, text: &str) -> &'static str {
        let name = text.split(' ').next().unwrap_or_default();
        METHODS
            .into_iter()
            .find(|method| *method == name)
            .unwrap_or("?")
    }
}

fn header_cseq(text: &str) -> u32 {
    header(text, "CSeq").unwrap().parse().unwrap()
}

#[test]
fn random_conversations_leave_nothing_behind() {
    for seed in 0..4_000 {
        let mut run = Run::new(seed);
        let messages = 1 + run.below(8);
        for _ in 0..messages {
            run.step();
        }
        // In the end everybody is silent, and everything is gone.
        run.world.pass(LONG);
        let left: Vec<_> = run.world.sessions.keys().collect();
        if !left.is_empty() {
            run.fail("sessions that nobody has");
        }
    }
}

/// The table of states, as random walks see it: a session that plays was asked to, and one that is told so exists.
#[test]
fn r2_sm_01_random_conversations_meet_every_state() {
    let mut seen = [false; 3];
    for seed in 10_000..16_000 {
        let mut run = Run::new(seed);
        for _ in 0..8 {
            run.step();
            for session in run.world.sessions.values() {
                match session.state() {
                    State::Init => {}
                    State::Ready => seen[0] = true,
                    State::Play => seen[1] = true,
                    State::Record => seen[2] = true,
                }
            }
        }
    }
    assert_eq!(seen, [true; 3], "the walks go nowhere");
}
