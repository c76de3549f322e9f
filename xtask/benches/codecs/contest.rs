//! Crates in turn on the same work: criterion measures, this keeps what each sample showed, and prints ratios.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};

/// Rounds, in each of which every entrant is measured once. Reported is the median of the rounds' ratios.
const ROUNDS: usize = 5;

/// Inputs that are filled ahead of the clock: few, so that they stay in the cache.
const AHEAD: usize = 4;

type Work<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;

struct Entrant<'a> {
    name: &'static str,
    /// Least ratio to this crate that is held.
    goal: f64,
    work: Work<'a>,
    /// Nanoseconds an element in each round, of the quickest sample: whatever else the machine does only adds to it.
    rounds: Vec<f64>,
}

/// Our crate against others on one piece of work.
pub(crate) struct Contest<'a> {
    name: String,
    elements: usize,
    /// Ours comes first.
    entrants: Vec<Entrant<'a>>,
}

impl<'a> Contest<'a> {
    /// `elements` are in one iteration of the work: times are told for each.
    pub(crate) fn new(
        name: impl Into<String>,
        elements: usize,
        ours: impl FnMut(u64) -> Duration + 'a,
    ) -> Self {
        let contest = Self {
            name: name.into(),
            elements,
            entrants: Vec::new(),
        };
        contest.against("trackside", 1.0, ours)
    }

    /// Another crate, and how many times faster than it ours has to be.
    pub(crate) fn against(
        mut self,
        name: &'static str,
        goal: f64,
        work: impl FnMut(u64) -> Duration + 'a,
    ) -> Self {
        self.entrants.push(Entrant {
            name,
            goal,
            work: Box::new(work),
            rounds: Vec::new(),
        });
        self
    }

    /// Lets all take turns, and adds a row for each of the others.
    pub(crate) fn run(mut self, criterion: &mut Criterion, table: &mut Table) {
        let mut group = criterion.benchmark_group(&self.name);
        group
            .throughput(Throughput::Elements(self.elements as u64))
            .sample_size(30)
            .warm_up_time(Duration::from_millis(50))
            .measurement_time(Duration::from_millis(200));
        for round in 1..=ROUNDS {
            for entrant in &mut self.entrants {
                let mut quickest = f64::MAX;
                let id = BenchmarkId::new(entrant.name, round);
                group.bench_function(id, |bencher| {
                    bencher.iter_custom(|iterations| {
                        let time = (entrant.work)(iterations);
                        let elements = iterations as f64 * self.elements as f64;
                        quickest = quickest.min(time.as_secs_f64() * 1e9 / elements);
                        time
                    });
                });
                // Left out by criterion's filter.
                if quickest < f64::MAX {
                    entrant.rounds.push(quickest);
                }
            }
        }
        group.finish();
        table.add(&self);
    }
}

/// The goal where being as fast will do: never slower than 1.05 times.
pub(crate) const AS_FAST: f64 = 1.0 / 1.05;

/// What came out.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

struct Row {
    contest: String,
    other: &'static str,
    goal: f64,
    /// Ratio, nanoseconds of ours, nanoseconds of the other; by ratio.
    rounds: Vec<(f64, f64, f64)>,
}

impl Row {
    fn median(&self) -> (f64, f64, f64) {
        self.rounds[self.rounds.len() / 2]
    }

    fn held(&self) -> bool {
        self.median().0 >= self.goal
    }
}

impl Table {
    fn add(&mut self, contest: &Contest<'_>) {
        let Some((ours, others)) = contest.entrants.split_first() else {
            return;
        };
        for other in others {
            let rounds = ours.rounds.iter().zip(&other.rounds);
            let mut rounds: Vec<_> = rounds
                .map(|(ours, other)| (other / ours, *ours, *other))
                .collect();
            rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
            if !rounds.is_empty() {
                self.rows.push(Row {
                    contest: contest.name.clone(),
                    other: other.name,
                    goal: other.goal,
                    rounds,
                });
            }
        }
    }

    /// Prints the rows; whether all goals were held.
    pub(crate) fn print(&self) -> bool {
        println!(
            "\nns each, the median of {ROUNDS} rounds; a ratio above 1: trackside is faster\n"
        );
        println!(
            "{:<34} {:<20} {:>9} {:>9} {:>6} {:>5}   all rounds",
            "", "against", "trackside", "other", "ratio", "goal"
        );
        for row in &self.rows {
            let (ratio, ours, other) = row.median();
            let all: Vec<_> = row.rounds.iter().map(|(r, ..)| format!("{r:.2}")).collect();
            println!(
                "{:<34} {:<20} {ours:>9.1} {other:>9.1} {ratio:>6.2} {:>5.2}   {}{}",
                row.contest,
                row.other,
                row.goal,
                all.join(" "),
                if row.held() { "" } else { "   MISSED" }
            );
        }
        self.rows.iter().all(Row::held)
    }
}

/// The work again and again.
pub(crate) fn each<T>(mut work: impl FnMut() -> T) -> impl FnMut(u64) -> Duration {
    move |iterations| {
        let start = Instant::now();
        for _ in 0..iterations {
            black_box(work());
        }
        start.elapsed()
    }
}

/// The work on inputs that are made before the clock starts.
pub(crate) fn filled<I, T>(
    fill: impl Fn() -> I,
    mut work: impl FnMut(&mut I) -> T,
) -> impl FnMut(u64) -> Duration {
    move |iterations| {
        let mut time = Duration::ZERO;
        let mut left = usize::try_from(iterations).unwrap_or(usize::MAX);
        while left > 0 {
            let mut inputs: [I; AHEAD] = std::array::from_fn(|_| fill());
            let taken = left.min(AHEAD);
            let start = Instant::now();
            for input in inputs.iter_mut().take(taken) {
                black_box(work(input));
            }
            time += start.elapsed();
            left -= taken;
        }
        time
    }
}
