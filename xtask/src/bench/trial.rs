//! One scenario against one server.

use super::contestant::Contestant;
use super::latency::Latency;
use super::machine::Machine;
use super::scenario::{Effort, Measure, Scenario};
use crate::failure::{Failure, Result};
use crate::interop::process::{Process, tail};
use serde_json::Value;
use std::time::Duration;

/// What a run takes besides its window: joining, catching up, draining.
const BESIDES: Duration = Duration::from_secs(90);

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Microseconds of processor time a delivered packet, or a session.
    pub(super) cost: Option<f64>,
    pub(super) lost: u64,
    pub(super) failed: u64,
    pub(super) latency: Option<Latency>,
    /// p99 from PLAY to the first key frame, ms.
    pub(super) join: Option<f64>,
    /// Packets that readers skipped which had stalled,
    pub(super) skipped: u64,
    /// and whether each of them went on at a key frame.
    pub(super) to_key: bool,
    /// The most memory of the server, octets.
    pub(super) peak: u64,
    /// All that the load has told.
    pub(super) whole: Value,
}

/// Starts the server, puts it under load, ends it.
pub(super) fn run(
    machine: &Machine,
    scenario: &Scenario,
    contestant: &Contestant,
    effort: Effort,
) -> Result<Outcome> {
    let running = contestant.start(machine, scenario)?;
    let file = machine.path("load.json");
    let log = machine.path("load.log");
    let _ = std::fs::remove_file(&file);
    let mut command = machine.beside(&machine.load);
    command.arg("load").arg(&running.url);
    command.args(scenario.arguments(contestant, effort));
    if let Some(url) = &running.publish_to {
        command.args(["--publish-to", url]);
    }
    // The process is the one that taskset has become.
    command.arg("--pid").arg(running.process.id().to_string());
    command.arg("--json-file").arg(&file);
    let mut load = Process::start("load", &mut command, &log)?;
    let ended = load.wait(Duration::from_secs(effort.seconds) + BESIDES);
    running.end();
    ended?;
    let text = std::fs::read(&file).map_err(|_| {
        Failure::new(format!(
            "the load did not run: {}",
            tail(&log, 3).replace('\n', " | ")
        ))
    })?;
    Ok(Outcome::new(serde_json::from_slice(&text)?, scenario))
}

impl Outcome {
    fn new(whole: Value, scenario: &Scenario) -> Self {
        let number = |path: &str| whole.pointer(path).and_then(Value::as_f64);
        let count = |path: &str| whole.pointer(path).and_then(Value::as_u64).unwrap_or(0);
        let cost = match scenario.measure {
            Measure::Sessions(_) => number("/server/us_per_session"),
            _ => number("/server/us_per_packet"),
        };
        Self {
            cost,
            lost: count("/lost"),
            failed: count("/failed"),
            latency: number("/latency_us/p50")
                .zip(number("/latency_us/p99"))
                .map(|(p50, p99)| Latency { p50, p99 }),
            skipped: count("/stalled/lost"),
            to_key: count("/stalled/gaps") == count("/stalled/gaps_to_key_frame"),
            peak: count("/server/peak_octets"),
            join: number("/join_us/p99").map(|us| us / 1e3),
            whole,
        }
    }

    /// In a line.
    pub(super) fn line(&self) -> String {
        let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.2}"));
        format!(
            "{} µs, {} lost, {} failed, latency {}, join p99 {} ms",
            number(self.cost),
            self.lost,
            self.failed,
            self.latency.map_or("–".into(), Latency::text),
            number(self.join),
        )
    }
}
