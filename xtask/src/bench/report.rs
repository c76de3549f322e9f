//! The table of ratios: on the terminal, as Markdown, as JSON.

use super::contestant::Contestant;
use super::idle::Idle;
use super::machine::Machine;
use super::scenario::{Measure, Scenario};
use super::trial::Outcome;
use crate::failure::{During, Result};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

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
        }
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
        let text = self.markdown(&lines);
        println!("\n{text}");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).during(|| format!("writing {name}"))
        };
        write("bench-report.md", &text)?;
        write("bench-report.json", &format!("{:#}", self.json(&lines)))?;
        let held = lines.iter().all(|line| line.held != Some(false));
        Ok(held && self.idle.iter().all(|idle| idle.octets <= idle.limit))
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
                line.limit = "none lost".into();
                line.value = format!("{} lost", own.lost());
                line.held = Some(!own.outcomes.is_empty() && own.lost() == 0);
                None
            }
        };
        if let Some(((own_cost, base), limit)) = ratio {
            line.value = format!("{:.2}", own_cost / base);
            line.held = limit.map(|limit| own_cost <= limit * base);
        }
        if own.lost() > 0 {
            line.value += &format!(", {} lost", own.lost());
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
            let mark = if idle.octets <= idle.limit {
                "✓"
            } else {
                "✗"
            };
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
        let ms = |us: f64| us / 1e3;
        let latency = |which: fn(&(f64, f64)) -> f64| {
            self.median(move |outcome| outcome.latency.as_ref().map(which))
        };
        if let (Measure::Joins(_), Some(join)) =
            (self.scenario.measure, self.median(|outcome| outcome.join))
        {
            let _ = write!(text, " ({join:.1} ms)");
        } else if let (Some(p50), Some(p99)) = (latency(|pair| pair.0), latency(|pair| pair.1)) {
            let _ = write!(text, " ({:.2}, {:.2} ms)", ms(p50), ms(p99));
        }
        if self.lost() > 0 {
            let _ = write!(text, ", {} lost", self.lost());
        }
        let failed: u64 = self.outcomes.iter().map(|outcome| outcome.failed).sum();
        if failed > 0 {
            let _ = write!(text, ", {failed} failed");
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
            latency: Some((1000.0, 2000.0)),
            join: Some(10.0),
            whole: Value::Null,
        }
    }

    fn report(rows: &[(&str, Contestant, f64, u64)]) -> Report {
        let mut report = Report {
            machine: "here".into(),
            entries: Vec::new(),
            idle: Vec::new(),
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
        assert_eq!((&lines[1].value[..], lines[1].held), ("0 lost", Some(true)));
    }
}
