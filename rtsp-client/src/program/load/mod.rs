//! `rtsp-client load`: publishers and readers by the thousand, and what becomes of their packets.
//!
//! A few threads with one loop each over all their sockets; readers are state machines, and every read takes as much as
//! there is. So the load costs little beside what it loads.

mod bare;
mod datagrams;
mod film;
mod fleet;
mod link;
mod plan;
mod process;
mod publishers;
mod reader;
mod report;
mod socket;
mod stamp;
mod tally;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use rtsp_session::random::Random;

use self::fleet::Board;
use self::fleet::Fleet;
use self::fleet::News;
use self::fleet::Phase;
use self::plan::Plan;
use self::process::Cost;
use self::publishers::Publishers;
use self::report::Report;
use self::report::Window;
use self::tally::Tally;
use super::arguments::Global;
use super::failure::Failure;

pub(crate) use self::bare::BareSender;
pub(crate) use self::bare::run as run_bare_sender;
pub(crate) use self::plan::Load;

/// How long readers that stalled have to catch up.
const RESUMING: Duration = Duration::from_secs(3);
/// Nothing has come for so long: nothing is on its way.
const QUIET: Duration = Duration::from_millis(300);
/// How long what is on its way may take to arrive.
const DRAINING: Duration = Duration::from_secs(5);
/// How long sessions may take to end.
const ENDING: Duration = Duration::from_millis(200);

/// Runs the load, and tells what came of it.
pub(crate) fn run(global: &Global, load: &Load) -> Result<ExitCode, Failure> {
    let plan = Arc::new(Plan::new(global, load)?);
    // As many sockets as the system lets us have.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    if let Some(pid) = plan.pid {
        Cost::of(pid).map_err(|error| {
            let hint =
                "--pid is the process id of the server, on this machine, and works on Linux.";
            Failure::new(format!("process {pid}: {error}"), Some(hint))
        })?;
    }
    let report = Run::start(plan)?.finish()?;
    report.print()?;
    Ok(report.status())
}

/// The threads of a run, and what they tell.
struct Run {
    plan: Arc<Plan>,
    board: Arc<Board>,
    news: mpsc::Receiver<News>,
    publishing: Option<JoinHandle<()>>,
    fleets: Vec<JoinHandle<Tally>>,
    failed: usize,
}

impl Run {
    /// Starts publishers, then readers, and waits for all of them.
    fn start(plan: Arc<Plan>) -> Result<Self, Failure> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| Failure::new(error, None))?;
        let mut random = Random::from_seed(seed);
        let board = Arc::new(Board::new(plan.publishers, random.number() >> 4));
        let (sender, news) = mpsc::channel();
        let mut run = Self {
            board,
            news,
            publishing: None,
            fleets: Vec::new(),
            failed: 0,
            plan,
        };
        if run.plan.publishers > 0 {
            let (plan, board) = (Arc::clone(&run.plan), Arc::clone(&run.board));
            let publishers = Publishers::open(plan, board, sender.clone(), random.fork());
            let publishers = publishers.map_err(|error| cannot_start(&error))?;
            run.publishing = Some(thread::spawn(move || publishers.run()));
            run.until_publishing()?;
        }
        for which in 0..run.plan.threads {
            let share = (which, run.plan.threads);
            let (plan, board) = (Arc::clone(&run.plan), Arc::clone(&run.board));
            let fleet = Fleet::new(plan, board, sender.clone(), share, random.fork());
            let fleet = fleet.map_err(|error| cannot_start(&error))?;
            run.fleets.push(thread::spawn(move || fleet.run()));
        }
        run.until_joined();
        Ok(run)
    }

    fn until_publishing(&self) -> Result<(), Failure> {
        match self.news.recv_timeout(self.plan.patience * 2) {
            Ok(News::Publishing) => Ok(()),
            Ok(News::Failed(why)) => Err(Failure::new(why, None)),
            _ => Err(Failure::new("the server lets nobody publish in time", None)),
        }
    }

    fn until_joined(&mut self) {
        let deadline = Instant::now() + self.plan.joining_takes();
        let mut open = self.plan.readers;
        while open > 0 {
            match self.hear(deadline) {
                Some(News::Joined | News::Failed(_)) => open -= 1,
                Some(News::Publishing) => {}
                None => return,
            }
        }
    }

    /// What is told until then.
    fn hear(&mut self, deadline: Instant) -> Option<News> {
        let wait = deadline.saturating_duration_since(Instant::now());
        match self.news.recv_timeout(wait) {
            Ok(News::Failed(why)) => {
                self.failed += 1;
                if self.failed == 1 {
                    eprintln!("note: {why}");
                }
                Some(News::Failed(why))
            }
            Ok(news) => Some(news),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    fn pass(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while self.hear(deadline).is_some() {}
        // Where nobody is left to tell anything, the time passes all the same.
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
    }

    fn finish(mut self) -> Result<Report, Failure> {
        self.pass(self.plan.warm_up);
        let begin = Look::take(&self)?;
        self.board.enter(Phase::Measuring);
        self.pass(self.plan.duration);
        let end = Look::take(&self)?;
        self.board.enter(Phase::Resuming);
        if self.plan.stalled() > 0 {
            self.pass(RESUMING);
        }
        self.board.enter(Phase::Draining);
        self.drain();
        self.board.enter(Phase::Ending);
        let mut tally = Tally::default();
        for fleet in self.fleets.drain(..) {
            if let Ok(part) = fleet.join() {
                tally.merge(part);
            }
        }
        if let Some(publishing) = self.publishing.take() {
            let _ = publishing.join();
        }
        while let Ok(news) = self.news.try_recv() {
            if let News::Failed(why) = news {
                // Readers have told their tally already.
                if why.starts_with("publishing") {
                    tally.fail(why);
                }
            }
        }
        let window = begin.until(&end);
        Ok(Report::new(self.plan, window, tally))
    }

    /// Waits until nothing comes any more; of a stream that others publish there is no end.
    fn drain(&mut self) {
        if self.plan.publishers == 0 {
            return;
        }
        let deadline = Instant::now() + DRAINING;
        let mut before = u64::MAX;
        while Instant::now() < deadline {
            let packets = self.board.packets.load(Ordering::Relaxed);
            if packets == before {
                break;
            }
            before = packets;
            self.pass(QUIET);
        }
        self.pass(ENDING);
    }
}

/// How things stood at one instant.
struct Look {
    at: Instant,
    packets: u64,
    octets: u64,
    server: Option<Cost>,
    own: Option<Cost>,
}

impl Look {
    fn take(run: &Run) -> Result<Self, Failure> {
        let server = run.plan.pid.map(Cost::of).transpose();
        let server = server.map_err(|error| {
            Failure::new(format!("the server's process is gone: {error}"), None)
        })?;
        Ok(Self {
            at: Instant::now(),
            packets: run.board.packets.load(Ordering::Relaxed),
            octets: run.board.octets.load(Ordering::Relaxed),
            server,
            own: Cost::of(std::process::id()).ok(),
        })
    }

    fn until(&self, end: &Self) -> Window {
        let spent = |before: Option<Cost>, now: Option<Cost>| Some(now?.since(&before?));
        Window {
            time: end.at.saturating_duration_since(self.at),
            packets: end.packets - self.packets,
            octets: end.octets - self.octets,
            server: spent(self.server, end.server),
            memory: end.server.map(|cost| (cost.resident, cost.peak)),
            own: spent(self.own, end.own),
        }
    }
}

fn cannot_start(error: &io::Error) -> Failure {
    Failure::new(format!("cannot start: {error}"), None)
}
