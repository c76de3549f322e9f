//! How many times faster than `rtsp-types` messages are taken off a read buffer: five runs, in each of which the two
//! take turns on the same corpus; printed is the median of the five ratios, and all five.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtsp_msg::{Decoder, FrameRun, Leniency, Limits};

mod corpus;

const RUNS: usize = 5;
const TURNS: usize = 300;

/// The shortest of `TURNS` turns of each; a turn is four buffers, each filled before the clock starts.
fn shortest(
    bytes: &[u8],
    mut ours: impl FnMut(&mut BytesMut),
    mut theirs: impl FnMut(&mut BytesMut),
) -> (Duration, Duration) {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..TURNS {
        best.0 = best.0.min(turn(bytes, &mut ours));
        best.1 = best.1.min(turn(bytes, &mut theirs));
    }
    best
}

fn turn(bytes: &[u8], work: &mut impl FnMut(&mut BytesMut)) -> Duration {
    let mut buffers: [BytesMut; 4] = std::array::from_fn(|_| BytesMut::from(bytes));
    let start = Instant::now();
    for buffer in &mut buffers {
        work(buffer);
    }
    start.elapsed()
}

fn ratios(name: &str, count: usize, goal: f64, mut run: impl FnMut() -> (Duration, Duration)) {
    let mut runs: Vec<(f64, f64, f64)> = (0..RUNS)
        .map(|_| {
            let (ours, theirs) = run();
            let each = |time: Duration| time.as_secs_f64() * 1e9 / (4 * count) as f64;
            (each(theirs) / each(ours), each(ours), each(theirs))
        })
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, theirs) = runs[RUNS / 2];
    let all: Vec<String> = runs
        .iter()
        .map(|(ratio, ..)| format!("{ratio:.1}"))
        .collect();
    println!(
        "{name:<10} {ours:>7.1} {theirs:>11.1} {ratio:>6.1} {goal:>5.0}   {}",
        all.join(" ")
    );
}

fn beside(decoder: &mut Decoder, bytes: &[u8], count: usize) -> (Duration, Duration) {
    shortest(
        bytes,
        |buffer| assert_eq!(corpus::trackside(decoder, buffer), count),
        |buffer| assert_eq!(corpus::rtsp_types(buffer), count),
    )
}

fn main() {
    let mut decoder = Decoder::new(Limits::default(), Leniency::default());
    println!("ns each    trackside  rtsp-types  ratio  goal   all runs");
    for (name, messages) in [
        ("requests", &corpus::REQUESTS[..]),
        ("responses", &corpus::RESPONSES[..]),
    ] {
        let bytes = corpus::stream(messages);
        ratios(name, messages.len() * corpus::ROUNDS, 5.0, || {
            beside(&mut decoder, &bytes, messages.len() * corpus::ROUNDS)
        });
    }
    let bytes = corpus::frames();
    ratios("frames", corpus::FRAMES, 4.0, || {
        beside(&mut decoder, &bytes, corpus::FRAMES)
    });
    let mut frames = FrameRun::new();
    ratios("as a run", corpus::FRAMES, 15.0, || {
        let ours = |buffer: &mut BytesMut| {
            let taken = decoder.decode_run(std::hint::black_box(buffer), &mut frames);
            assert_eq!((taken, frames.frames.len()), (Ok(true), corpus::FRAMES));
        };
        shortest(&bytes, ours, |buffer| {
            assert_eq!(corpus::rtsp_types(buffer), corpus::FRAMES);
        })
    });
}
