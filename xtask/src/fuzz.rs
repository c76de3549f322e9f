//! `cargo xtask fuzz`: every fuzz target for a while, from the inputs that are kept.
//!
//! The targets are in `xtask/fuzz`, which is no member of the workspace: it needs a nightly toolchain and libFuzzer. What it keeps is replayed
//! by any toolchain, with the tests of xtask.

use crate::failure::{During, Failure, Result};
use crate::workspace;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Which targets, and for how long.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// How long each target runs: `60s`, `10m`, `1h`.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    time: Duration,
    /// Only these targets.
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    only: Vec<String>,
    /// Only lists the targets.
    #[arg(long)]
    list: bool,
}

/// What came of a target.
struct Trial {
    target: String,
    good: bool,
    executions: u64,
    time: Duration,
}

/// Builds the targets and runs them one after the other; whether none found anything.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let folder = workspace::root().join("xtask/fuzz");
    let targets = chosen(&folder, options)?;
    if options.list {
        targets.iter().for_each(|target| println!("{target}"));
        return Ok(true);
    }
    installed()?;
    let place = workspace::target()?.join("fuzz");
    let programs = build(&folder, &place)?;
    let mut trials = Vec::new();
    for target in targets {
        println!("\n== {target}");
        trials.push(fuzz(&folder, &place, &programs, target, options.time)?);
    }
    Ok(conclude(&trials, &place))
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    let (digits, seconds) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3600),
        _ => return Err("a number and s, m or h: 60s".into()),
    };
    let count: u32 = digits
        .parse()
        .map_err(|_| format!("{digits} is no number"))?;
    if count == 0 {
        // libFuzzer would take it for no limit at all.
        return Err("no time at all".into());
    }
    Ok(Duration::from_secs(u64::from(count) * seconds))
}

/// The targets have a folder of seeds each.
fn chosen(folder: &Path, options: &Options) -> Result<Vec<String>> {
    let seeds = folder.join("seeds");
    let entries = std::fs::read_dir(&seeds).during(|| format!("reading {}", seeds.display()))?;
    let mut targets = Vec::new();
    for entry in entries {
        targets.push(entry?.file_name().to_string_lossy().into_owned());
    }
    targets.sort();
    if let Some(unknown) = options.only.iter().find(|name| !targets.contains(name)) {
        return Err(Failure::new(format!(
            "no target is named {unknown}; --list shows them"
        )));
    }
    targets.retain(|name| options.only.is_empty() || options.only.contains(name));
    Ok(targets)
}

/// Cargo of the nightly toolchain, whatever toolchain runs this task.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo"])
        .current_dir(workspace::root())
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .stdin(Stdio::null());
    command
}

fn installed() -> Result<()> {
    let answers = |arguments: &[&str]| {
        let mut command = nightly();
        command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !answers(&["--version"]) {
        return Err(Failure::new(
            "fuzzing needs a nightly toolchain: rustup toolchain install nightly --profile minimal",
        ));
    }
    if !answers(&["fuzz", "--version"]) {
        return Err(Failure::new(
            "cargo-fuzz is not installed: cargo install --locked cargo-fuzz; it needs a C++ compiler (g++) too",
        ));
    }
    Ok(())
}

/// Builds all targets at once; the folder with the programs.
fn build(folder: &Path, place: &Path) -> Result<PathBuf> {
    let mut command = nightly();
    // No address sanitizer: the crates that are fuzzed forbid unsafe code, and it halves the speed.
    command
        .args(["fuzz", "build", "--sanitizer", "none"])
        .arg("--fuzz-dir")
        .arg(folder)
        .arg("--target-dir")
        .arg(place);
    let status = command.status().during(|| "cargo fuzz build".into())?;
    if !status.success() {
        return Err(Failure::new("cargo fuzz build failed"));
    }
    let entries = std::fs::read_dir(place)?;
    // cargo-fuzz always names the platform, so its programs are one folder deeper.
    let programs = entries
        .flatten()
        .map(|entry| entry.path().join("release"))
        .find(|folder| folder.join("message").is_file());
    programs.ok_or_else(|| Failure::new(format!("no programs in {}", place.display())))
}

fn fuzz(
    folder: &Path,
    place: &Path,
    programs: &Path,
    target: String,
    time: Duration,
) -> Result<Trial> {
    let corpus = place.join("corpus").join(&target);
    let artifacts = place.join("artifacts").join(&target);
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(programs.join(&target));
    // What is new goes to the first folder; the others are only read.
    command.arg(corpus).arg(folder.join("seeds").join(&target));
    let regressions = folder.join("regressions").join(&target);
    if regressions.is_dir() {
        command.arg(regressions);
    }
    command
        .arg(format!("-max_total_time={}", time.as_secs()))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"])
        .args(["-print_final_stats=1", "-verbosity=0"])
        .stdin(Stdio::null());
    let begin = Instant::now();
    let output = command.output().during(|| format!("running {target}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let good = output.status.success();
    if !good {
        println!("{told}");
    }
    Ok(Trial {
        target,
        good,
        executions: executions(&told),
        time: begin.elapsed(),
    })
}

/// What libFuzzer says at its end.
fn executions(told: &str) -> u64 {
    let line = told
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    line.and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

fn conclude(trials: &[Trial], place: &Path) -> bool {
    println!();
    for trial in trials {
        let word = if trial.good { "pass" } else { "FAIL" };
        let (seconds, count) = (trial.time.as_secs_f64(), trial.executions);
        println!(
            "{word:<5} {:<14} {seconds:>8.1} s {count:>12} executions",
            trial.target
        );
    }
    let failed = trials.iter().filter(|trial| !trial.good).count();
    if failed > 0 {
        println!(
            "\nThe inputs are in {}. What is fixed goes to xtask/fuzz/regressions/TARGET, named for what it showed.",
            place.join("artifacts").display()
        );
    }
    println!("\n{} passed, {failed} failed", trials.len() - failed);
    failed == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for wrong in ["", "s", "60", "0s", "-1s", "1d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn executions_are_read_from_what_is_told_at_the_end() {
        let told = "Done 7 runs in 1 second(s)\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb: 30\n";
        assert_eq!(executions(told), 1234);
        assert_eq!(executions("==1== ERROR: libFuzzer: deadly signal"), 0);
    }
}
