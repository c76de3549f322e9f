//! Random conversations: up to eight messages from both sides on two connections, with duplicates, delays and time-outs at each
//! point. Whatever is sent, nothing panics, no session is left that nobody owns, each request is answered once and in its order,
//! and an answer is one that the table of states allows.

mod support;

use rtsp_msg::headers::{Range, TerminateCause};
use rtsp_session::random::Random;
use rtsp_session::server::{Nature, SessionId, State, notify};
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
/// Nobody, ann, bob, and ann with a wrong password.
const USERS: [&str; 6] = [
    "",
    "",
    "",
    "Authorization: Basic YW5uOmE=\r\n",
    "Authorization: Basic Ym9iOmI=\r\n",
    "Authorization: Basic YW5uOng=\r\n",
];
const KNOWN: [u16; 20] = [
    200, 302, 304, 400, 401, 403, 404, 405, 451, 454, 455, 456, 457, 459, 460, 461, 463, 501, 505,
    551,
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
    /// The first lines of what the server sent.
    heard: Vec<String>,
    version: &'static str,
    user: &'static str,
}

/// A request that was sent.
#[derive(Clone)]
struct Sent {
    text: String,
    cseq: u32,
    method: &'static str,
    /// It names a session that was gone by then, or never was.
    dead: bool,
}

/// What one peer has sent and is owed, and what it was asked.
struct Side {
    connection: usize,
    cseq: u32,
    owed: VecDeque<Sent>,
    last: Option<Sent>,
    /// The numbers of the server's requests that it has not answered.
    asked: Vec<u32>,
    last_asked: u32,
    /// How many requests the server sent.
    count: usize,
    closed: bool,
}

/// What a run has met.
#[derive(Default, Debug)]
struct Met {
    ready: bool,
    play: bool,
    record: bool,
    notified: bool,
    redirected: bool,
    torn_down: bool,
    told_to_wait: bool,
    answered: bool,
    unanswered: bool,
    taken_over: bool,
    timed_out: bool,
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
            asked: Vec::new(),
            last_asked: 0,
            count: 0,
            closed: false,
        });
        let version = ["1.0", "2.0"][random.number() as usize % 2];
        let user = USERS[random.number() as usize % USERS.len()];
        Self {
            world,
            random,
            version,
            user,
            lines: lines.into(),
            ids: Vec::new(),
            log: Vec::new(),
            heard: Vec::new(),
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

    /// A request of a peer's.
    fn request(&mut self, side: usize) -> Sent {
        let method = self.one(&METHODS);
        // Most of a conversation is in one version and by one user, or it would not get far.
        let version = match self.chance(4) {
            true => self.one(&["1.0", "2.0", "3.0"]),
            false => self.version,
        };
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
        let cseq = self.lines[side].cseq;
        let mut text = format!("{method} {target} RTSP/{version}\r\nCSeq: {cseq}\r\n");
        if method == "SETUP" && !self.chance(10) {
            let transport = self.one(&TRANSPORTS);
            text += &format!("Transport: {transport}\r\n");
        }
        let mut dead = false;
        if !self.ids.is_empty() && !self.chance(4) {
            let last = self.ids.len() - 1;
            let at = match self.chance(4) {
                true => self.below(last + 1),
                false => last,
            };
            let id = self.ids[at].clone();
            dead = self.is_dead(&id);
            text += &format!("Session: {id}\r\n");
        } else if self.chance(4) {
            dead = true;
            text += "Session: bogus\r\n";
        }
        if self.chance(4) {
            text += &format!("Pipelined-Requests: {}\r\n", self.below(3));
        }
        if self.chance(4) {
            let range = self.one(&["npt=0-", "npt=10-20", "npt=now-", "foo=1-", "npt=-"]);
            text += &format!("Range: {range}\r\n");
        }
        if self.chance(12) {
            text += "Require: x.y\r\n";
        }
        text += match self.chance(4) {
            true => self.one(&USERS),
            false => self.user,
        };
        text += "\r\n";
        Sent {
            text,
            cseq,
            method,
            dead,
        }
    }

    fn is_dead(&self, id: &str) -> bool {
        SessionId::parse(id).is_none_or(|id| !self.world.sessions.contains_key(&id))
    }

    /// One step: a message of either side, a duplicate, silence, or the end of a connection.
    fn step(&mut self) {
        let side = self.below(2);
        match self.below(20) {
            0 | 1 => {
                let pause = self.one(&[1, 5, 9, 59, 66]);
                self.log.push(format!("{pause} s"));
                self.world.pass(Duration::from_secs(pause));
                self.hear();
            }
            2 if !self.lines[side].closed => {
                self.log.push(format!("{side} closes"));
                self.world.close(self.lines[side].connection);
                self.lines[side].closed = true;
                self.hear();
            }
            3 => {
                if let Some(last) = self.lines[side].last.clone() {
                    // The same bytes again, number and all.
                    let dead = header(&last.text, "Session").is_some_and(|id| self.is_dead(id));
                    self.send(side, Sent { dead, ..last });
                }
            }
            4 => {
                let noise = self.one(&[
                    "RTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\n",
                    "$\x09\x00\x02ab",
                    "\r\n\r\n",
                ]);
                self.log.push(format!("{side} noise"));
                self.deliver(side, noise.as_bytes());
            }
            5..=7 => self.server_asks(),
            8 | 9 => self.peer_answers(side),
            10 => {
                // From here on the server takes its time, or has done with what it had.
                self.log.push("slow or not".into());
                self.world.slow = !self.world.slow;
                self.catch_up();
            }
            _ => {
                let request = self.request(side);
                self.send(side, request);
            }
        }
        self.check();
    }

    /// What waits is answered, unless the server takes its time.
    fn catch_up(&mut self) {
        for side in 0..self.lines.len() {
            if !self.world.slow {
                self.world.work(self.lines[side].connection);
            }
        }
        self.hear();
    }

    /// A request of the server's about a session that there is.
    fn server_asks(&mut self) {
        let mut ids: Vec<SessionId> = self.world.sessions.keys().copied().collect();
        ids.sort();
        if ids.is_empty() {
            return;
        }
        let id = self.one(&ids);
        let kind = self.below(4);
        self.log.push(format!("server asks, kind {kind}"));
        match kind {
            0 => {
                let nature = Nature::live(Duration::from_secs(9));
                let range = Range::npt_from(nature.position());
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
        self.hear();
    }

    /// An answer to one of the server's requests: late, twice or to none, perhaps.
    fn peer_answers(&mut self, side: usize) {
        let asked = self.lines[side].asked.clone();
        if asked.is_empty() {
            return;
        }
        let cseq = self.one(&asked);
        let status = self.one(&[
            "200 OK",
            "454 Session Not Found",
            "501 Not Implemented",
            "100 Continue",
        ]);
        let answer = format!("RTSP/2.0 {status}\r\nCSeq: {cseq}\r\n\r\n");
        self.log.push(format!("{side} answers {cseq} {status}"));
        for _ in 0..=self.below(2) {
            self.deliver(side, answer.as_bytes());
        }
    }

    fn send(&mut self, side: usize, request: Sent) {
        self.log
            .push(format!("{side} {}", request.text.replace("\r\n", " | ")));
        if self.lines[side].closed || self.world.closed(self.lines[side].connection) {
            return;
        }
        self.lines[side].owed.push_back(request.clone());
        self.deliver(side, request.text.as_bytes());
        self.lines[side].last = Some(request);
    }

    /// Sends bytes, in one piece or in two, and takes what comes back.
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
        self.hear();
    }

    /// Takes what the server wrote to either side.
    fn hear(&mut self) {
        for side in 0..self.lines.len() {
            let text = self.world.take(self.lines[side].connection);
            self.take(side, &text);
        }
    }

    fn take(&mut self, side: usize, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (head, after) = rest.split_once("\r\n\r\n").expect("a whole message");
            let message = format!("{head}\r\n\r\n");
            let length: usize =
                header(&message, "Content-Length").map_or(0, |len| len.parse().unwrap());
            rest = &after[length..];
            self.heard.push(head.lines().next().unwrap().to_owned());
            match message.starts_with("RTSP/") {
                true => self.take_answer(side, &message),
                false => self.take_request(side, &message),
            }
        }
    }

    fn take_answer(&mut self, side: usize, answer: &str) {
        let got: u32 = header(answer, "CSeq").map_or(0, |cseq| cseq.parse().unwrap());
        let code: u16 = answer[9..12].parse().unwrap();
        let Some(first) = self.lines[side].owed.front().cloned() else {
            self.fail("an answer to nothing");
        };
        if got != first.cseq {
            self.fail(&format!(
                "{} {} answered as {got}",
                first.method, first.cseq
            ));
        }
        if code == 100 {
            if !self.world.slow || !answer.starts_with("RTSP/2.0") {
                self.fail("told to wait for nothing");
            }
            return;
        }
        self.lines[side].owed.pop_front();
        if !KNOWN.contains(&code) {
            self.fail(&format!("{} answered {code}", first.method));
        }
        // A Session in DESCRIBE means nothing to RTSP/2.0 (RFC 7826 §18, Figure 3).
        let ignored = first.method == "DESCRIBE" && first.text.contains(" RTSP/2.0\r\n");
        if first.dead && !ignored && (code == 200 || code == 304) {
            self.fail(&format!(
                "{} of a session that is gone: {code}",
                first.method
            ));
        }
        if let Some(id) = header(answer, "Session").filter(|_| code == 200) {
            let id = id.split(';').next().unwrap().to_owned();
            if !self.ids.contains(&id) {
                self.ids.push(id);
            }
        }
    }

    fn take_request(&mut self, side: usize, request: &str) {
        let cseq = header(request, "CSeq").unwrap().parse().unwrap();
        let side = &mut self.lines[side];
        let follows = cseq > side.last_asked;
        side.last_asked = cseq;
        side.asked.push(cseq);
        side.count += 1;
        if !follows {
            self.fail("a number of the server's twice");
        }
    }

    /// What holds at any time.
    fn check(&self) {
        for side in &self.lines {
            let open = !side.closed && !self.world.closed(side.connection);
            if open && !side.owed.is_empty() && !self.world.slow {
                self.fail("a request without an answer");
            }
            let line = &self.world.lines[side.connection].0;
            if line.responses.len() + line.unanswered.len() > side.count {
                self.fail("more outcomes than requests of the server's");
            }
        }
        for session in self.world.sessions.values() {
            if session.media().is_empty() || session.state() == State::Init {
                self.fail("a session without media");
            }
            let owner = session.connection();
            let open = |number: u64| {
                self.lines.iter().any(|side| {
                    side.connection as u64 == number
                        && !side.closed
                        && !self.world.closed(side.connection)
                })
            };
            if owner.is_some_and(|number| !open(number)) {
                self.fail("a session of a connection that is closed");
            }
            if owner.is_none() && session.is_interleaved() {
                self.fail("an interleaved session without a connection");
            }
            if session.lapse(self.world.now).is_some() {
                self.fail("a session past its time");
            }
        }
    }

    /// In the end everybody is silent, and everything is gone.
    fn end(&mut self) {
        self.world.slow = false;
        self.catch_up();
        self.check();
        self.world.pass(LONG);
        // What the server asked about the last of them is given up by then.
        self.world.pass(Duration::from_secs(11));
        self.hear();
        if !self.world.sessions.is_empty() {
            self.fail("sessions that nobody has");
        }
        for side in &self.lines {
            let line = &self.world.lines[side.connection].0;
            if line.responses.len() + line.unanswered.len() != side.count {
                self.fail("a request of the server's that nothing came of");
            }
        }
    }

    fn note(&self, met: &mut Met) {
        for session in self.world.sessions.values() {
            match session.state() {
                State::Init => {}
                State::Ready => met.ready = true,
                State::Play => met.play = true,
                State::Record => met.record = true,
            }
            met.redirected |= session.is_redirected();
        }
        for (line, _) in &self.world.lines {
            met.answered |= !line.responses.is_empty();
            met.unanswered |= !line.unanswered.is_empty();
        }
        met.timed_out |= self.world.ended.iter().any(|(_, why)| *why == "timeout");
        met.taken_over |= self.world.taken_over > 0;
    }

    fn heard(&self, what: &str) -> bool {
        self.heard.iter().any(|line| line.contains(what))
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{what} after\n{}", self.log.join("\n"));
    }
}

#[test]
fn random_conversations_leave_nothing_behind() {
    for seed in 0..3_000 {
        let mut run = Run::new(seed);
        let messages = 1 + run.below(8);
        for _ in 0..messages {
            run.step();
        }
        run.end();
    }
}

/// The walks reach what they are there to try: every state, every request of the server's, every way to be late.
#[test]
fn r2_sm_01_random_conversations_meet_every_state() {
    let mut met = Met::default();
    for seed in 10_000..14_000 {
        let mut run = Run::new(seed);
        for _ in 0..8 {
            run.step();
            run.note(&mut met);
        }
        met.told_to_wait |= run.heard("100 Continue");
        met.notified |= run.heard("PLAY_NOTIFY");
        met.torn_down |= run.heard("TEARDOWN");
        run.end();
    }
    let all = [
        met.ready,
        met.play,
        met.record,
        met.notified,
        met.redirected,
        met.torn_down,
        met.told_to_wait,
        met.answered,
        met.unanswered,
        met.taken_over,
        met.timed_out,
    ];
    assert_eq!(all, [true; 11], "the walks do not go far enough: {met:?}");
}
