//! The table: on the terminal, as Markdown, as JSON.

use super::cell::{Cell, Outcome};
use super::clip::RECIPES;
use super::peer::Peer;
use crate::failure::Result;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// A cell that was run, or could not be.
pub(crate) struct Row {
    pub(crate) cell: Cell,
    pub(crate) outcome: Outcome,
    pub(crate) time: Duration,
}

impl Row {
    pub(crate) fn line(&self) -> String {
        let (mark, words) = self.words();
        format!(
            "{mark:<7} {:<18} {:<17} {:<4}  {:<38} {:>5.1} s  {words}",
            self.cell.peer,
            self.cell.direction,
            self.cell.transport,
            self.what(),
            self.time.as_secs_f64()
        )
    }

    fn what(&self) -> String {
        if self.cell.what.is_empty() {
            self.cell.clip.to_owned()
        } else {
            format!("{}, {}", self.cell.clip, self.cell.what)
        }
    }

    fn words(&self) -> (&'static str, String) {
        match &self.outcome {
            Outcome::Passed(evidence) => ("pass", evidence.clone()),
            Outcome::Failed { reason, .. } => ("FAIL", reason.clone()),
            Outcome::Missing { peer, install } => ("missing", format!("{peer}: {install}")),
        }
    }
}

/// How many of each outcome.
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) missing: usize,
}

pub(crate) fn count(rows: &[Row]) -> Counts {
    let of = |wanted: fn(&Outcome) -> bool| rows.iter().filter(|row| wanted(&row.outcome)).count();
    Counts {
        passed: of(|outcome| matches!(outcome, Outcome::Passed(_))),
        failed: of(|outcome| matches!(outcome, Outcome::Failed { .. })),
        missing: of(|outcome| matches!(outcome, Outcome::Missing { .. })),
    }
}

/// Writes `interop-report.md` and `interop-report.json` into `folder`.
pub(crate) fn write(
    folder: &Path,
    rows: &[Row],
    versions: &[(&Peer, Option<String>)],
) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("interop-report.md"), markdown(rows, versions))?;
    std::fs::write(
        folder.join("interop-report.json"),
        format!("{:#}\n", as_json(rows, versions)),
    )?;
    Ok(())
}

fn markdown(rows: &[Row], versions: &[(&Peer, Option<String>)]) -> String {
    let counts = count(rows);
    let mut text = format!(
        "# Interop\n\n{} passed, {} failed, {} missing\n\n| peer | version |\n|---|---|\n",
        counts.passed, counts.failed, counts.missing
    );
    for (peer, version) in versions {
        let version = version
            .clone()
            .unwrap_or_else(|| format!("missing: `{}`", peer.install));
        let _ = writeln!(text, "| {} | {version} |", peer.name);
    }
    text.push_str("\n| clip | formats |\n|---|---|\n");
    for recipe in RECIPES
        .iter()
        .filter(|recipe| rows.iter().any(|row| row.cell.clip == recipe.name))
    {
        let _ = writeln!(text, "| {} | {} |", recipe.name, recipe.formats);
    }
    text.push_str("\n| peer | direction | transport | clip | result | time | evidence |\n|---|---|---|---|---|---:|---|\n");
    for row in rows {
        let (mark, words) = row.words();
        let cell = &row.cell;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {mark} | {:.1} s | {} |",
            cell.peer,
            cell.direction,
            cell.transport,
            row.what(),
            row.time.as_secs_f64(),
            words.replace('|', "\\|").replace('\n', " ")
        );
    }
    text
}

fn as_json(rows: &[Row], versions: &[(&Peer, Option<String>)]) -> Value {
    let counts = count(rows);
    let peers: Vec<Value> = versions
        .iter()
        .map(|(peer, version)| json!({ "name": peer.name, "version": version, "install": peer.install }))
        .collect();
    let cells: Vec<Value> = rows
        .iter()
        .map(|row| {
            let (mark, words) = row.words();
            json!({
                "id": row.cell.id(),
                "peer": row.cell.peer,
                "direction": row.cell.direction.to_string(),
                "transport": row.cell.transport.name(),
                "clip": row.cell.clip,
                "what": row.cell.what,
                "result": mark.to_lowercase(),
                "seconds": row.time.as_secs_f64(),
                "evidence": words,
            })
        })
        .collect();
    json!({
        "passed": counts.passed,
        "failed": counts.failed,
        "missing": counts.missing,
        "peers": peers,
        "cells": cells,
    })
}

#[cfg(test)]
mod tests {
    use super::super::cell::Direction;
    use super::super::peer::Transport;
    use super::super::peers::mpv;
    use super::*;

    fn row(outcome: Outcome) -> Row {
        let cell = Cell {
            peer: "mpv",
            direction: Direction::ReadsFromServer,
            transport: Transport::Udp,
            clip: "h264",
            what: "",
            needs: vec![&mpv::PEER],
            limit: Duration::from_secs(1),
            run: Box::new(|_| Ok(String::new())),
        };
        Row {
            cell,
            outcome,
            time: Duration::from_millis(1500),
        }
    }

    #[test]
    fn each_outcome_is_named_and_counted() {
        let rows = [
            row(Outcome::Passed("75 frames".into())),
            row(Outcome::Failed {
                reason: "a | b".into(),
                logs: String::new(),
            }),
            row(Outcome::Missing {
                peer: "mpv",
                install: "apt-get install mpv",
            }),
        ];
        let versions = [(&mpv::PEER, None)];
        let text = markdown(&rows, &versions);
        assert!(text.contains("1 passed, 1 failed, 1 missing"), "{text}");
        assert!(
            text.contains("| mpv | read from server | udp | h264 | FAIL | 1.5 s | a \\| b |"),
            "{text}"
        );
        assert!(text.contains("missing: `apt-get install mpv`"), "{text}");
        let value = as_json(&rows, &versions);
        assert_eq!(value["cells"][1]["result"], "fail");
        assert_eq!(value["cells"][2]["evidence"], "mpv: apt-get install mpv");
    }
}
