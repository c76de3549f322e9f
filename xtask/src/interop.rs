//! `cargo xtask interop`: real peers against the server and the client, judged by what arrived.

mod cell;
mod clip;
mod fingerprint;
mod machine;
mod matrix;
mod peer;
mod peers;
pub(crate) mod process;
mod report;
mod rtsp;
mod scenario;
mod stage;
mod witness;

pub(crate) use stage::free_port;

use crate::failure::{During, Failure, Result};
use cell::{Cell, Outcome};
use machine::Machine;
use peer::Peer;
use report::Row;
use stage::Stage;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Cells at a time: they wait for the clock more than they compute.
pub(crate) const JOBS: u8 = 3;
/// Failed cells that get a second try. More than these, and it is not chance.
const SECOND_TRIES: usize = 3;

/// What to run and what must be there.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Options {
    /// Peers that must be installed: `all`, or names separated by commas. Without it a missing peer is only listed.
    #[arg(long, value_name = "PEERS", value_delimiter = ',')]
    pub(crate) require: Vec<String>,
    /// Only the cells whose line contains this text, for example `GStreamer/udp` or `seek`; several are alternatives.
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Vec<String>,
    /// Where interop-report.md and interop-report.json go [default: the root of the workspace].
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Only lists the cells.
    #[arg(long)]
    pub(crate) list: bool,
    /// Runs the peers against each other, without us: shows which faults are theirs.
    #[arg(long)]
    pub(crate) baseline: bool,
    /// Cells at a time.
    #[arg(long, default_value_t = JOBS, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(crate) jobs: u8,
    /// Keeps the captures and logs even if all cells passed.
    #[arg(long)]
    pub(crate) keep: bool,
    /// The Python environment with the peers from PyPI [default: interop-venv in the target folder].
    #[arg(long, value_name = "DIR", env = "INTEROP_VENV")]
    pub(crate) venv: Option<PathBuf>,
}

/// Runs the matrix; whether all of it passed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let cells = chosen(options);
    if cells.is_empty() {
        return Err(Failure::new("no cell has that text; --list shows them"));
    }
    if options.list {
        for cell in &cells {
            println!("{}", cell.id());
        }
        return Ok(true);
    }
    let required = required(&options.require)?;
    // A program that ends by Ctrl-C runs no destructors.
    ctrlc::set_handler(|| {
        process::end_all();
        std::process::exit(130);
    })
    .during(|| "watching for Ctrl-C".into())?;

    let begin = Instant::now();
    let machine = Machine::prepare(options.venv.as_deref(), !options.baseline)?;
    let versions: Vec<(&Peer, Option<String>)> = peers::ALL
        .iter()
        .map(|peer| (*peer, (peer.version)(&machine)))
        .collect();
    for (peer, version) in &versions {
        println!(
            "{:<18} {}",
            peer.name,
            version
                .as_deref()
                .unwrap_or(&format!("missing; {}", peer.install))
        );
    }
    machine.make_clips(cells.iter().map(|cell| cell.clip));
    println!(
        "{} cells, {} at a time; captures and logs in {}\n",
        cells.len(),
        options.jobs,
        machine.folder().display()
    );

    let rows = run_cells(&machine, cells, usize::from(options.jobs), &versions);
    let rows = try_again(&machine, rows, &versions);
    let absent: Vec<&&Peer> = versions
        .iter()
        .filter(|(peer, version)| version.is_none() && required.contains(peer))
        .map(|(peer, _)| peer)
        .collect();
    let folder = options
        .report
        .clone()
        .unwrap_or_else(crate::workspace::root);
    report::write(&folder, &rows, &versions)?;
    let passed = conclude(&machine, &rows, &absent, begin);
    if passed && !options.keep {
        machine.clean();
    }
    Ok(passed)
}

fn conclude(machine: &Machine, rows: &[Row], absent: &[&&Peer], begin: Instant) -> bool {
    for row in rows {
        if let Outcome::Failed { reason, logs } = &row.outcome {
            println!("\n---- {}\n{reason}\n{logs}", row.cell.id());
        }
    }
    println!("\nThe table:");
    for row in rows {
        println!("{}", row.line());
    }
    for peer in absent {
        println!("required, but missing: {}; {}", peer.name, peer.install);
    }
    let counts = report::count(rows);
    if counts.failed > 0 {
        println!(
            "captures and logs are kept in {}",
            machine.folder().display()
        );
    }
    println!(
        "interop took {:.0} s, {} cells missed a peer",
        begin.elapsed().as_secs_f64(),
        counts.missing
    );
    let failed = counts.failed + absent.len();
    println!("{} passed, {failed} failed", counts.passed);
    failed == 0
}

fn chosen(options: &Options) -> Vec<Cell> {
    let all = if options.baseline {
        matrix::without_us()
    } else {
        matrix::cells()
    };
    let wanted = |cell: &Cell| {
        let id = cell.id().to_lowercase();
        options.only.is_empty()
            || options
                .only
                .iter()
                .any(|text| id.contains(&text.to_lowercase()))
    };
    all.into_iter().filter(wanted).collect()
}

fn required(names: &[String]) -> Result<Vec<&'static Peer>> {
    if names.iter().any(|name| name == "all") {
        return Ok(peers::ALL.to_vec());
    }
    let find = |name: &String| {
        let found = peers::ALL
            .iter()
            .find(|peer| peer.name.eq_ignore_ascii_case(name))
            .copied();
        found.ok_or_else(|| {
            let known: Vec<&str> = peers::ALL.iter().map(|peer| peer.name).collect();
            Failure::new(format!(
                "no peer is named {name}; there are {}",
                known.join(", ")
            ))
        })
    };
    names.iter().map(find).collect()
}

/// Runs the cells on a few threads; the rows in the order of the matrix.
fn run_cells(
    machine: &Machine,
    cells: Vec<Cell>,
    jobs: usize,
    versions: &[(&Peer, Option<String>)],
) -> Vec<Row> {
    let total = cells.len();
    let queue: Mutex<VecDeque<(usize, Cell)>> = Mutex::new(cells.into_iter().enumerate().collect());
    let rows: Mutex<Vec<(usize, Row)>> = Mutex::new(Vec::with_capacity(total));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((number, cell)) = {
                    queue
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front()
                } {
                    let row = run_cell(machine, number, cell, versions);
                    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                    println!("[{:>3}/{total}] {}", rows.len() + 1, row.line());
                    rows.push((number, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(number, _)| *number);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Peers are programs with races of their own, and the machine may have been busy: what failed is run once more, alone, and what
/// passes then says in the table why it did not at first.
fn try_again(machine: &Machine, rows: Vec<Row>, versions: &[(&Peer, Option<String>)]) -> Vec<Row> {
    let count = report::count(&rows).failed;
    let total = rows.len();
    let again = |(number, row): (usize, Row)| {
        let Outcome::Failed { reason, .. } = &row.outcome else {
            return row;
        };
        if count > SECOND_TRIES {
            return row;
        }
        let first = reason.clone();
        let mut row = run_cell(machine, total + number, row.cell, versions);
        match &mut row.outcome {
            Outcome::Passed(evidence) => {
                *evidence = format!("{evidence}; at the second try, at first: {first}");
            }
            Outcome::Failed { reason, .. } => *reason = format!("{reason}; at first: {first}"),
            Outcome::Missing { .. } => {}
        }
        println!("[  again] {}", row.line());
        row
    };
    rows.into_iter().enumerate().map(again).collect()
}

fn run_cell(
    machine: &Machine,
    number: usize,
    cell: Cell,
    versions: &[(&Peer, Option<String>)],
) -> Row {
    let missing = cell.needs.iter().find(|need| {
        match versions.iter().find(|(peer, _)| peer == *need) {
            Some((_, version)) => version.is_none(),
            // No program, but something of the machine, which nobody can require.
            None => (need.version)(machine).is_none(),
        }
    });
    if let Some(peer) = missing {
        let outcome = Outcome::Missing {
            peer: peer.name,
            install: peer.install,
        };
        return Row {
            cell,
            outcome,
            time: Duration::ZERO,
        };
    }
    let begin = Instant::now();
    let folder = machine
        .folder()
        .join(format!("{number:03}-{}", cell.id().replace('/', "_")));
    // What the cell started ends with it, also when it panics: the processes are owned by its stack.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let stage = Stage::new(machine, folder.clone(), cell.limit)?;
        (cell.run)(&stage)
    }));
    let outcome = match result {
        Ok(Ok(evidence)) => Outcome::Passed(evidence),
        Ok(Err(failure)) => Outcome::Failed {
            reason: failure.to_string(),
            logs: tails(&folder),
        },
        Err(_) => Outcome::Failed {
            reason: "the cell panicked".into(),
            logs: tails(&folder),
        },
    };
    Row {
        cell,
        outcome,
        time: begin.elapsed(),
    }
}

/// The ends of all logs of a cell.
fn tails(folder: &Path) -> String {
    let mut logs: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.sort();
    let mut text = String::new();
    for log in logs {
        let tail = process::tail(&log, 12);
        if !tail.is_empty() {
            text.push_str(&format!("  {}:\n", log.display()));
            for line in tail.lines() {
                text.push_str("    ");
                text.extend(line.chars().take(240));
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_chosen_by_their_text() {
        let options = |only: &[&str]| Options {
            only: only.iter().map(|text| (*text).to_owned()).collect(),
            ..Options::default()
        };
        let all = chosen(&options(&[])).len();
        let some = chosen(&options(&["gstreamer/udp", "seek"]));
        assert!(!some.is_empty() && some.len() < all);
        assert!(
            some.iter()
                .all(|cell| cell.id().to_lowercase().contains("gstreamer/udp")
                    || cell.id().contains("seek"))
        );
        assert!(chosen(&options(&["no such text"])).is_empty());
    }

    #[test]
    fn requirements_are_known_peers() {
        assert_eq!(required(&["all".into()]).unwrap().len(), peers::ALL.len());
        assert_eq!(required(&["vlc".into(), "mpv".into()]).unwrap().len(), 2);
        assert!(required(&["netscape".into()]).is_err());
    }
}
