//! The table of ratios: on the terminal, as Markdown, as JSON.

use super::contestant::Contestant;
use super::idle::Idle;
use super::latency::{self, Latency, Standing};
use super::machine::Machine;
use super::scenario::{Measure, Scenario};
use super::trial::Outcome;
use crate::failure::{During, Failure, Result};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// What the server may have in memory with readers that stall: the ring of the one stream by default, and what it has anyway.
const STALLS_MEMORY: u64 = (32 + 32) << 20;

/// What was measured of one server in one scenario, round by round.
struct Entry {
    scenario: Scenario,
    contestant: &'static str,
    peer: bool,
    outcomes: Vec<Outcome>,
    failures: Vec<String>,
}

/// All of it.
pub(super) struct Report {
    machine: String,
    entries: Vec<Entry>,
    idle: Vec<Idle>,
    /// What could not be run at all, and why.
    failures: Vec<String>,
}

/// How one scenario stands.
struct Line {
    scenario: Scenario,
    value: String,
    limit: String,
    held: Option<bool>,
    entries: Vec<usize>,
}

impl Report {
    pub(super) fn new(machine: &Machine) -> Self {
        Self {
            machine: machine.name(),
            entries: Vec::new(),
            idle: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Something beside the loads did not work.
    pub(super) fn failed(&mut self, what: &str, failure: &Failure) {
        println!("   {failure}");
        self.failures.push(format!("{what}: {failure}"));
    }

    pub(super) fn add(
        &mut self,
        scenario: &Scenario,
        contestant: &Contestant,
        outcome: Result<Outcome>,
    ) {
        let name = contestant.name();
        let known = self
            .entries
            .iter()
            .position(|entry| entry.scenario.name == scenario.name && entry.contestant == name);
        let at = known.unwrap_or_else(|| {
            self.entries.push(Entry {
                scenario: *scenario,
                contestant: name,
                peer: contestant.is_peer(),
                outcomes: Vec::new(),
                failures: Vec::new(),
            });
            self.entries.len() - 1
        });
        match outcome {
            Ok(outcome) => {
                println!("   {}", outcome.line());
                self.entries[at].outcomes.push(outcome);
            }
            Err(failure) => {
                println!("   {failure}");
                self.entries[at].failures.push(failure.to_string());
            }
        }
    }

    pub(super) fn idle(&mut self, rows: Vec<Idle>) {
        self.idle = rows;
    }

    /// Prints and writes it; whether all limits were held that could be judged.
    pub(super) fn conclude(&self, folder: &Path) -> Result<bool> {
        let lines = self.lines();
        println!("\n{}", self.markdown(&lines));
        self.write(folder)?;
        let held = lines.iter().all(|line| line.held != Some(false));
        let prompt = self.standings().iter().all(Standing::held);
        let idle = self.idle.iter().all(Idle::held);
        Ok(held && prompt && idle && self.failures.is_empty())
    }

    /// Writes what there is so far: a run that is cut short has told all that it found.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let lines = self.lines();
        let text = self.markdown(&lines);
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).during(|| format!("writing {name}"))
        };
        write("bench-report.md", &text)?;
        write("bench-report.json", &format!("{:#}", self.json(&lines)))
    }

    /// How latency stands where packets are counted.
    fn standings(&self) -> Vec<Standing> {
        let own = self.entries.iter().filter(|entry| {
            entry.contestant == Contestant::Trackside.name()
                && matches!(
                    entry.scenario.measure,
                    Measure::Packets(_) | Measure::PacketsAgainst(..)
                )
        });
        own.filter_map(|entry| {
            let name = entry.scenario.name;
            let bare = self.entry(name, Contestant::Bare.name());
            let peers = self.entries.iter().filter(|other| {
                other.scenario.name == name && other.peer && other.lost() + other.failed() == 0
            });
            Some(Standing::new(
                entry.scenario.what(),
                entry.latency()?,
                bare.and_then(Entry::latency),
                peers.filter_map(Entry::latency),
            ))
        })
        .collect()
    }

    fn entry(&self, scenario: &str, contestant: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.scenario.name == scenario && entry.contestant == contestant)
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            match lines
                .iter_mut()
                .find(|line| line.scenario.name == entry.scenario.name)
            {
                Some(line) => line.entries.push(at),
                None => lines.push(Line {
                    scenario: entry.scenario,
                    value: String::new(),
                    limit: String::new(),
                    held: None,
                    entries: vec![at],
                }),
            }
        }
        for line in &mut lines {
            self.judge(line);
        }
        lines
    }

    fn judge(&self, line: &mut Line) {
        let name = line.scenario.name;
        let Some(own) = self.entry(name, Contestant::Trackside.name()) else {
            return;
        };
        let cost = |scenario: &str, contestant: &Contestant| {
            self.entry(scenario, contestant.name())
                .and_then(Entry::cost)
        };
        let ratio = match line.scenario.measure {
            Measure::Packets(limit) => {
                line.limit = limit.map_or(String::new(), |limit| format!("{limit:.2}"));
                own.cost()
                    .zip(cost(name, &Contestant::Bare))
                    .map(|pair| (pair, limit))
            }
            Measure::Sessions(limit) => {
                line.limit = format!("{limit:.2}");
                own.cost()
                    .zip(cost(name, &Contestant::Bare))
                    .map(|pair| (pair, Some(limit)))
            }
            Measure::PacketsAgainst(limit, other) => {
                line.limit = format!("{limit:.2} × {other}");
                own.cost()
                    .zip(cost(other, &Contestant::Trackside))
                    .map(|pair| (pair, Some(limit)))
            }
            Measure::Joins(limit) => {
                line.limit = format!("{limit:.0} ms");
                let join = own.median(|outcome| outcome.join);
                line.value = join.map_or(String::new(), |join| format!("{join:.1} ms"));
                line.held = join.map(|join| join <= limit);
                None
            }
            Measure::Stalls => {
                line.limit = format!("none lost, {} MiB", STALLS_MEMORY >> 20);
                line.value = own.stalls();
                line.held = Some(own.stalls_held());
                None
            }
        };
        if let Some(((own_cost, base), limit)) = ratio {
            line.value = format!("{:.2}", own_cost / base);
            line.held = limit.map(|limit| own_cost <= limit * base);
        }
        if own.lost() > 0 && line.scenario.measure != Measure::Stalls {
            line.value += &format!(", {} lost", own.lost());
            line.held = Some(false);
        }
        if own.failed() > 0 || !own.failures.is_empty() || own.outcomes.is_empty() {
            line.held = Some(false);
        }
    }

    fn markdown(&self, lines: &[Line]) -> String {
        let mut names: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if !names.contains(&entry.contestant) {
                names.push(entry.contestant);
            }
        }
        let mut out = String::new();
        let mut put = |line: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{line}");
        };
        put(format!("{}.\n", self.machine));
        put("Processor time of the whole server in µs for each packet that a reader received (or for each session), and in parentheses \
             latency from the publisher's write to the reader's read, p50 and p99, or p99 from PLAY to the first key frame. The \
             ratio is ours to the bare sender's of the same run, or to what the limit names.\n"
            .into());
        put(format!("| load | ratio | limit | {} |", names.join(" | ")));
        put(format!("|---|---|---|{}", "---|".repeat(names.len())));
        for line in lines {
            let mark = match line.held {
                Some(false) => " ✗",
                Some(true) => " ✓",
                None => "",
            };
            let cells = names.iter().map(|name| {
                let entry = line.entries.iter().map(|at| &self.entries[*at]);
                let found = entry.into_iter().find(|entry| entry.contestant == *name);
                found.map_or_else(String::new, Entry::cell)
            });
            put(format!(
                "| {} | {}{mark} | {} | {} |",
                line.scenario.what(),
                line.value,
                line.limit,
                cells.collect::<Vec<_>>().join(" | ")
            ));
        }
        for idle in &self.idle {
            let mark = if idle.held() { "✓" } else { "✗" };
            put(format!(
                "| {} | {:.1} KiB {mark} | {} KiB | {} |",
                idle.what,
                idle.octets as f64 / 1024.0,
                idle.limit / 1024,
                names
                    .iter()
                    .map(|name| if *name == Contestant::Trackside.name() {
                        format!("{:.2} ms/s for all", idle.busy)
                    } else {
                        String::new()
                    })
                    .collect::<Vec<_>>()
                    .join(" | ")
            ));
        }
        let standings = self.standings();
        if !standings.is_empty() {
            put(format!("\n{}", latency::head()));
            standings.iter().for_each(|standing| put(standing.row()));
        }
        if !self.failures.is_empty() {
            put("\nDid not run:\n".into());
            self.failures.iter().for_each(|why| put(format!("- {why}")));
        }
        out
    }

    fn json(&self, lines: &[Line]) -> Value {
        let entries = self.entries.iter().map(|entry| {
            json!({
                "scenario": entry.scenario.name,
                "server": entry.contestant,
                "peer": entry.peer,
                "us": entry.cost(),
                "rounds": entry.outcomes.iter().map(|outcome| &outcome.whole).collect::<Vec<_>>(),
                "failures": entry.failures,
            })
        });
        let ratios = lines.iter().map(|line| {
            json!({
                "scenario": line.scenario.name,
                "value": line.value,
                "limit": line.limit,
                "held": line.held,
            })
        });
        let idle = self.idle.iter().map(|idle| {
            json!({ "what": idle.what, "octets": idle.octets, "limit": idle.limit, "ms_per_s": idle.busy })
        });
        json!({
            "machine": self.machine,
            "ratios": ratios.collect::<Vec<_>>(),
            "servers": entries.collect::<Vec<_>>(),
            "idle": idle.collect::<Vec<_>>(),
            "latency": self.standings().iter().map(Standing::json).collect::<Vec<_>>(),
            "failures": self.failures,
        })
    }
}

impl Entry {
    fn median(&self, what: impl Fn(&Outcome) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.outcomes.iter().filter_map(what).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    fn cost(&self) -> Option<f64> {
        self.median(|outcome| outcome.cost)
    }

    fn latency(&self) -> Option<Latency> {
        Some(Latency {
            p50: self.median(|outcome| Some(outcome.latency?.p50))?,
            p99: self.median(|outcome| Some(outcome.latency?.p99))?,
        })
    }

    fn failed(&self) -> u64 {
        self.outcomes.iter().map(|outcome| outcome.failed).sum()
    }

    /// The most memory that the server ever had.
    fn peak(&self) -> u64 {
        let peaks = self.outcomes.iter().map(|outcome| outcome.peak);
        peaks.max().unwrap_or(0)
    }

    fn skipped(&self) -> u64 {
        self.outcomes.iter().map(|outcome| outcome.skipped).sum()
    }

    fn stalls(&self) -> String {
        format!(
            "{} lost, {} skipped by the stalled, {} MiB",
            self.lost(),
            self.skipped(),
            self.peak() >> 20
        )
    }

    /// The others lost nothing, memory was bounded, and those that stalled went on at key frames. Where nothing was skipped,
    /// nobody stalled for long enough to tell.
    fn stalls_held(&self) -> bool {
        let to_key = self.outcomes.iter().all(|outcome| outcome.to_key);
        self.lost() == 0 && self.skipped() > 0 && to_key && self.peak() <= STALLS_MEMORY
    }

    fn lost(&self) -> u64 {
        self.outcomes.iter().map(|outcome| outcome.lost).sum()
    }

    fn cell(&self) -> String {
        let Some(cost) = self.cost() else {
            return self.failures.first().map_or("–".into(), |why| {
                why.replace('|', "/").chars().take(60).collect()
            });
        };
        let mut text = format!("{cost:.2}");
        if let (Measure::Joins(_), Some(join)) =
            (self.scenario.measure, self.median(|outcome| outcome.join))
        {
            let _ = write!(text, " ({join:.1} ms)");
        } else if let Some(latency) = self.latency() {
            let _ = write!(text, " ({})", latency.text());
        }
        if self.lost() > 0 {
            let _ = write!(text, ", {} lost", self.lost());
        }
        if self.failed() > 0 {
            let _ = write!(text, ", {} failed", self.failed());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::ALL;
    use super::*;

    fn outcome(cost: f64, lost: u64) -> Outcome {
        Outcome {
            cost: Some(cost),
            lost,
            failed: 0,
            latency: Some(Latency {
                p50: 1000.0,
                p99: 2000.0,
            }),
            join: Some(10.0),
            skipped: 5,
            to_key: true,
            peak: 10 << 20,
            whole: Value::Null,
        }
    }

    fn report(rows: &[(&str, Contestant, f64, u64)]) -> Report {
        let mut report = Report {
            machine: "here".into(),
            entries: Vec::new(),
            idle: Vec::new(),
            failures: Vec::new(),
        };
        for (name, contestant, cost, lost) in rows {
            let scenario = ALL.iter().find(|scenario| scenario.name == *name).unwrap();
            report.add(scenario, contestant, Ok(outcome(*cost, *lost)));
        }
        report
    }

    #[test]
    fn ratios_are_of_medians_and_held_to_their_limits() {
        let rows = [
            ("tcp-200-4m", Contestant::Bare, 1.0, 0),
            ("tcp-200-4m", Contestant::Trackside, 9.0, 0),
            ("tcp-200-4m", Contestant::Trackside, 1.1, 0),
            ("tcp-200-4m", Contestant::Trackside, 1.0, 0),
            ("tcp-400-500k", Contestant::Bare, 1.0, 0),
            ("tcp-400-500k", Contestant::Trackside, 0.8, 0),
            ("streams", Contestant::Trackside, 1.0, 0),
        ];
        let lines = report(&rows).lines();
        let found: Vec<_> = lines
            .iter()
            .map(|line| (&line.value[..], line.held))
            .collect();
        assert_eq!(
            found,
            [
                ("1.10", Some(true)),
                ("0.80", Some(false)),
                ("1.25", Some(true))
            ]
        );
        assert!(
            report(&rows)
                .markdown(&lines)
                .contains("| 1.10 ✓ | 1.15 | 1.00 (1.00, 2.00 ms) | 1.10 (1.00, 2.00 ms) |")
        );
    }

    #[test]
    fn what_is_lost_is_never_held() {
        let lines = report(&[
            ("udp-1500-1m", Contestant::Bare, 1.0, 0),
            ("udp-1500-1m", Contestant::Trackside, 0.5, 3),
            ("stalls", Contestant::Trackside, 1.0, 0),
        ])
        .lines();
        assert_eq!(lines[0].held, Some(false));
        assert_eq!(
            (&lines[1].value[..], lines[1].held),
            ("0 lost, 5 skipped by the stalled, 10 MiB", Some(true))
        );
    }
}
