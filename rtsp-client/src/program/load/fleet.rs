//! A thread of readers: one loop over all their sockets.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use mio::Events;
use mio::Poll;
use mio::Token;
use rtsp_session::Now;
use rtsp_session::random::Random;

use super::datagrams::Memory;
use super::link::Broken;
use super::link::Link;
use super::link::READ_BYTES;
use super::plan::Plan;
use super::reader::Around;
use super::reader::Conduct;
use super::reader::MAX_MEDIA;
use super::reader::Progress;
use super::reader::Reader;
use super::tally::Tally;

/// Tokens of one reader: its connection, and two sockets for each media.
const STRIDE: usize = 1 + 2 * MAX_MEDIA;
/// How often timers are looked at, and whether the phase has changed.
const SWEEP: Duration = Duration::from_millis(20);
/// Connections of a burst that are opened before those that are there are looked at again.
const OPENED_AT_ONCE: usize = 16;

/// What the run is at; only ever moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    /// Readers join.
    Joining,
    /// The window is open.
    Measuring,
    /// Readers that stalled read again.
    Resuming,
    /// Publishers have stopped; what is on its way arrives.
    Draining,
    /// All leave.
    Ending,
}

/// What all threads of a run share.
#[derive(Debug)]
pub(super) struct Board {
    phase: AtomicU8,
    /// Packets and octets that readers received.
    pub(super) packets: AtomicU64,
    pub(super) octets: AtomicU64,
    /// Packets of each publisher, once it has stopped; before, `u64::MAX`.
    pub(super) published: Vec<AtomicU64>,
    pub(super) run: u32,
}

/// What a thread tells while it runs.
#[derive(Debug)]
pub(super) enum News {
    /// All publishers are recording.
    Publishing,
    /// A reader has its first key frame.
    Joined,
    /// A reader that was to stay, or a publisher, has failed.
    Failed(String),
}

impl Board {
    pub(super) fn new(publishers: usize, run: u32) -> Self {
        Self {
            phase: AtomicU8::new(Phase::Joining as u8),
            packets: AtomicU64::new(0),
            octets: AtomicU64::new(0),
            published: (0..publishers).map(|_| AtomicU64::new(u64::MAX)).collect(),
            run,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    pub(super) fn has_reached(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Acquire) >= phase as u8
    }

    fn measuring(&self) -> bool {
        self.phase.load(Ordering::Acquire) == Phase::Measuring as u8
    }

    /// How many packets a publisher of this run has sent in the end.
    fn final_count(&self, (run, publisher): (u32, u16)) -> Option<u64> {
        let count = self.published.get(usize::from(publisher))?;
        let count = count.load(Ordering::Acquire);
        (run == self.run && count != u64::MAX).then_some(count)
    }
}

/// One thread's part of the readers.
pub(super) struct Fleet {
    plan: Arc<Plan>,
    board: Arc<Board>,
    news: mpsc::Sender<News>,
    poll: Poll,
    readers: Vec<Option<Reader>>,
    free: Vec<usize>,
    tally: Tally,
    random: Random,
    /// Of all threads: which this is, and how many there are.
    share: (usize, usize),
    begun: Instant,
    /// Readers that have been started, of those that stay.
    started: usize,
    /// When the window opened.
    window: Option<Instant>,
    /// Sessions that come and go, started so far.
    sessions: u64,
}

impl Fleet {
    pub(super) fn new(
        plan: Arc<Plan>,
        board: Arc<Board>,
        news: mpsc::Sender<News>,
        share: (usize, usize),
        random: Random,
    ) -> io::Result<Self> {
        Ok(Self {
            plan,
            board,
            news,
            poll: Poll::new()?,
            readers: Vec::new(),
            free: Vec::new(),
            tally: Tally::default(),
            random,
            share,
            begun: Instant::now(),
            started: 0,
            window: None,
            sessions: 0,
        })
    }

    /// Runs until the last phase.
    pub(super) fn run(mut self) -> Tally {
        let mut memory = vec![0; READ_BYTES];
        let mut datagrams = Memory::new();
        let mut events = Events::with_capacity(1024);
        let mut sweep = Instant::now();
        let mut resumed = false;
        while !self.board.has_reached(Phase::Ending) {
            if self.board.measuring() {
                self.window.get_or_insert_with(Instant::now);
            }
            let next = self.start_due().min(sweep);
            let wait = next.saturating_duration_since(Instant::now());
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                self.failed(error.to_string(), true);
                break;
            }
            for event in &events {
                let at = event.token().0 / STRIDE;
                let slot = event.token().0 % STRIDE;
                if slot == 0 && event.is_writable() {
                    self.with(at, |reader, around| {
                        reader.writable(around).map(|()| Progress::Goes)
                    });
                }
                if event.is_readable() || event.is_read_closed() {
                    self.ready(at, slot, &mut memory, &mut datagrams);
                }
            }
            let now = Instant::now();
            if now >= sweep {
                sweep = now + SWEEP;
                self.sweep();
            }
            if !resumed && self.board.has_reached(Phase::Resuming) {
                resumed = true;
                // Their sockets told long ago that there is something.
                for at in 0..self.readers.len() {
                    self.ready(at, 0, &mut memory, &mut datagrams);
                }
            }
        }
        self.finish()
    }

    /// Starts what is due; when the next is.
    fn start_due(&mut self) -> Instant {
        let (which, of) = self.share;
        let now = Instant::now();
        let own = self.plan.readers.saturating_sub(which).div_ceil(of);
        for _ in 0..OPENED_AT_ONCE {
            if self.started >= own {
                break;
            }
            let number = which + self.started * of;
            let due = self.begun + self.plan.joins_at(number);
            if due > now {
                return due;
            }
            self.started += 1;
            self.open(number, self.plan.conduct(number));
        }
        if self.started < own {
            return now;
        }
        self.start_sessions(now)
    }

    /// Sessions come at their rate while the window is open.
    fn start_sessions(&mut self, now: Instant) -> Instant {
        let far = now + Duration::from_secs(3600);
        let (Some(rate), Some(window)) = (self.plan.sessions_per_second, self.window) else {
            return far;
        };
        if self.board.has_reached(Phase::Resuming) {
            return far;
        }
        let (which, of) = self.share;
        loop {
            let number = which as u64 + self.sessions * of as u64;
            let due = window + Duration::from_secs_f64(number as f64 / rate);
            if due > now {
                return due;
            }
            self.sessions += 1;
            self.open(number as usize, self.plan.session_conduct);
        }
    }

    fn open(&mut self, number: usize, conduct: Conduct) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.readers.push(None);
            self.readers.len() - 1
        });
        let (address, uri) = self.plan.target(number);
        let link = Link::open(
            (address, uri),
            &self.plan,
            self.random.fork(),
            (self.poll.registry(), Token(at * STRIDE)),
        );
        match link {
            Ok(link) => {
                let reader = Reader::new(link, address, conduct, at * STRIDE);
                if let Some(slot) = self.readers.get_mut(at) {
                    *slot = Some(reader);
                }
            }
            Err(error) => {
                self.free.push(at);
                self.failed(format!("cannot connect: {error}"), stays(conduct));
            }
        }
    }

    fn ready(&mut self, at: usize, slot: usize, memory: &mut [u8], datagrams: &mut Memory) {
        let window = self.board.measuring();
        self.with(at, |reader, around| {
            if reader.conduct() == Conduct::Stalls && window && reader.joined() {
                return Ok(Progress::Goes);
            }
            match slot {
                0 => reader.readable(memory, around),
                slot => reader.datagrams(slot - 1, datagrams, around),
            }
        });
    }

    fn sweep(&mut self) {
        let now = Now::read();
        for at in 0..self.readers.len() {
            self.with(at, |reader, around| {
                reader.tick(now, around).map(|()| Progress::Goes)
            });
        }
    }

    /// Lets a reader do something, and draws the consequences.
    fn with(
        &mut self,
        at: usize,
        work: impl FnOnce(&mut Reader, &mut Around<'_>) -> Result<Progress, Broken>,
    ) {
        let Some(slot) = self.readers.get_mut(at) else {
            return;
        };
        let Some(reader) = slot else { return };
        let mut around = Around {
            tally: &mut self.tally,
            registry: self.poll.registry(),
            measuring: self.board.measuring(),
            udp: self.plan.udp,
        };
        let result = work(reader, &mut around);
        let (packets, octets) = reader.take_counts();
        if packets > 0 {
            self.board.packets.fetch_add(packets, Ordering::Relaxed);
            self.board.octets.fetch_add(octets, Ordering::Relaxed);
        }
        let staying = stays(reader.conduct());
        match result {
            Ok(Progress::Goes) => {}
            Ok(Progress::Joined) => {
                if staying {
                    // Nobody listens once the run is over.
                    let _ = self.news.send(News::Joined);
                }
            }
            Ok(Progress::Done) => {
                *slot = None;
                self.free.push(at);
            }
            Err(why) => {
                if let Some(reader) = slot.take() {
                    count(&self.board, &mut self.tally, &reader);
                }
                self.free.push(at);
                self.failed(why, staying);
            }
        }
    }

    fn failed(&mut self, why: String, staying: bool) {
        if staying {
            let _ = self.news.send(News::Failed(why.clone()));
        }
        self.tally.fail(why);
    }

    fn finish(mut self) -> Tally {
        for reader in self.readers.iter_mut().flatten() {
            count(&self.board, &mut self.tally, reader);
            reader.leave();
        }
        self.tally
    }
}

fn stays(conduct: Conduct) -> bool {
    matches!(conduct, Conduct::Steady | Conduct::Stalls)
}

/// Adds what came of a reader in the end. Sessions that come and go are no measure of loss.
fn count(board: &Board, tally: &mut Tally, reader: &Reader) {
    if !stays(reader.conduct()) {
        return;
    }
    let mut lost = false;
    for (origin, mut course) in reader.courses() {
        if let Some(published) = origin.and_then(|origin| board.final_count(origin)) {
            course.end(published);
        }
        lost |= course.lost > 0;
        match reader.conduct() {
            Conduct::Stalls => tally.stalled.merge(&course),
            _ => tally.steady.merge(&course),
        }
    }
    tally.lossy += u64::from(lost && reader.conduct() == Conduct::Steady);
}
