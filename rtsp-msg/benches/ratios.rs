//! How many times faster than `rtsp-types` messages are taken off a read buffer: five runs, in each of which the two
//! take turns on the same corpus; printed is the median of the five ratios, and all five.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtsp_msg::{Decoder, FrameRun, Leniency, Limits};

mod corpus;

const RUNS: usize = 5;
const TURNS: usize = 300;
/// Buffers in a turn, each filled before the clock starts.
const BUFFERS: usize = 4;
/// Rounds over one buffer in a turn of runs.
const ROUNDS: usize = 16;

type Times = (Duration, Duration);

/// The shortest of `TURNS` turns of each.
fn shortest(mut ours: impl FnMut() -> Duration, mut theirs: impl FnMut() -> Duration) -> Times {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..TURNS {
        best.0 = best.0.min(ours());
        best.1 = best.1.min(theirs());
    }
    best
}

fn turn(bytes: &[u8], mut work: impl FnMut(&mut BytesMut)) -> Duration {
    let mut buffers: [BytesMut; BUFFERS] = std::array::from_fn(|_| BytesMut::from(bytes));
    let start = Instant::now();
    for buffer in &mut buffers {
        work(buffer);
    }
    start.elapsed()
}

/// `count` messages are taken in a turn.
fn ratios(name: &str, count: usize, goal: f64, mut run: impl FnMut() -> Times) {
    let mut runs: Vec<(f64, f64, f64)> = (0..RUNS)
        .map(|_| {
            let (ours, theirs) = run();
            let each = |time: Duration| time.as_secs_f64() * 1e9 / count as f64;
            (each(theirs) / each(ours), each(ours), each(theirs))
        })
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, theirs) = runs[RUNS / 2];
    let all: Vec<String> = runs
        .iter()
        .map(|(ratio, ..)| format!("{ratio:.1}"))
        .collect();
    let all = all.join(" ");
    println!("{name:<22} {ours:>9.1} {theirs:>11.1} {ratio:>6.1} {goal:>5.0}   {all}");
}

fn main() {
    let mut decoder = Decoder::new(Limits::default(), Leniency::default());
    println!("ns each                trackside  rtsp-types  ratio  goal   all runs");
    for (name, bytes, count, goal) in [
        (
            "requests",
            corpus::stream(&corpus::REQUESTS),
            corpus::REQUESTS.len() * corpus::ROUNDS,
            5.0,
        ),
        (
            "responses",
            corpus::stream(&corpus::RESPONSES),
            corpus::RESPONSES.len() * corpus::ROUNDS,
            5.0,
        ),
        ("frames", corpus::frames(), corpus::FRAMES, 4.0),
    ] {
        let mut ours = || {
            turn(&bytes, |buffer| {
                assert_eq!(corpus::trackside(&mut decoder, buffer), count);
            })
        };
        ratios(name, BUFFERS * count, goal, || {
            shortest(&mut ours, || {
                turn(&bytes, |buffer| {
                    assert_eq!(corpus::rtsp_types::<Vec<u8>>(buffer), count);
                })
            })
        });
        ratios(&format!("{name}, borrowed"), BUFFERS * count, 0.0, || {
            shortest(&mut ours, || {
                turn(&bytes, |buffer| {
                    assert_eq!(corpus::rtsp_types::<&[u8]>(buffer), count);
                })
            })
        });
    }
    runs("run, borrowed", &mut decoder, corpus::frames());
    runs("mixed run, borrowed", &mut decoder, corpus::mixed_frames());
}

/// A run against frames that rtsp-types borrows: both go over one buffer again and again.
fn runs(name: &str, decoder: &mut Decoder, theirs: Vec<u8>) {
    let mut run = FrameRun::new();
    let mut ours = BytesMut::from(&theirs[..]);
    let timed = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            work();
        }
        start.elapsed()
    };
    ratios(name, ROUNDS * corpus::FRAMES, 15.0, || {
        shortest(
            || timed(&mut || corpus::run(decoder, &mut run, &mut ours)),
            || {
                timed(&mut || {
                    assert_eq!(corpus::rtsp_types::<&[u8]>(&theirs), corpus::FRAMES);
                })
            },
        )
    });
}
