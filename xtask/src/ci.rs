//! `cargo xtask ci`: everything that a change must pass, step by step, with a summary at the end.

use crate::failure::{During, Failure, Result};
use crate::{conformance, interop, tidy, workspace};
use serde_json::Value;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Which steps, and how strict.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Peers that must be installed, as for `interop`; with `all` every tool must be there too.
    #[arg(long, value_name = "PEERS", value_delimiter = ',')]
    require: Vec<String>,
    /// Only these steps.
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<String>,
    /// All steps but these.
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    skip: Vec<String>,
    /// Only lists the steps.
    #[arg(long)]
    list: bool,
    /// The Python environment with the peers from PyPI, as for `interop`.
    #[arg(long, value_name = "DIR", env = "INTEROP_VENV")]
    venv: Option<PathBuf>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    /// A tool is not installed, and nobody has said that it must be.
    NotRun,
}

impl Outcome {
    fn of(good: bool) -> Self {
        if good { Self::Passed } else { Self::Failed }
    }
}

type Run = fn(&Options) -> Result<Outcome>;

/// The steps, the quick ones first.
const STEPS: &[(&str, &str, Run)] = &[
    ("fmt", "the code is formatted", |_| {
        cargo("fmt", &["--all", "--check"])
    }),
    ("tidy", "the rules of the house hold", |_| {
        tidy::run().map(Outcome::of)
    }),
    ("conformance", "no rule of the RFCs lost its test", |_| {
        conformance::check().map(Outcome::of)
    }),
    (
        "clippy",
        "no lint is broken, in code, tests, examples and benches",
        |_| {
            // With the features that the tasks themselves leave off.
            cargo(
                "clippy",
                &[
                    "--workspace",
                    "--all-targets",
                    "--features",
                    "xtask/retina,xtask/codecs",
                    "--locked",
                    "--",
                    "-D",
                    "warnings",
                ],
            )
        },
    ),
    ("docs", "the documentation builds without a warning", |_| {
        docs()
    }),
    ("test", "the README's test command", |_| {
        cargo("test", &["--workspace", "--no-fail-fast", "--locked"])
    }),
    ("alone", "each crate builds and tests by itself", |_| {
        alone()
    }),
    ("no-std", "the wire crates build without std", |_| no_std()),
    (
        "deny",
        "licences, sources and bans of the dependencies",
        deny,
    ),
    (
        "advisories",
        "no dependency has a known vulnerability, where its list can be had",
        advisories,
    ),
    ("package", "each crate can be published", |_| package()),
    ("interop", "the peers agree", |options| {
        let options = interop::Options {
            require: options.require.clone(),
            venv: options.venv.clone(),
            jobs: interop::JOBS,
            ..Default::default()
        };
        interop::run(&options).map(Outcome::of)
    }),
];

/// Runs the steps; whether none failed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let steps = chosen(options)?;
    if options.list {
        for (name, what, _) in steps {
            println!("{name:<11} {what}");
        }
        return Ok(true);
    }
    let mut rows = Vec::new();
    for (name, what, run) in steps {
        println!("\n== {name}: {what}");
        let begin = Instant::now();
        let outcome = run(options).unwrap_or_else(|failure| {
            println!("{failure}");
            Outcome::Failed
        });
        rows.push((*name, outcome, begin.elapsed()));
    }
    Ok(conclude(&rows))
}

fn chosen(options: &Options) -> Result<Vec<&'static (&'static str, &'static str, Run)>> {
    for name in options.only.iter().chain(&options.skip) {
        if !STEPS.iter().any(|(step, ..)| step == name) {
            return Err(Failure::new(format!(
                "no step is named {name}; --list shows them"
            )));
        }
    }
    let wanted = |name: &str| {
        (options.only.is_empty() || options.only.iter().any(|only| only == name))
            && !options.skip.iter().any(|skip| skip == name)
    };
    Ok(STEPS.iter().filter(|(name, ..)| wanted(name)).collect())
}

fn conclude(rows: &[(&str, Outcome, Duration)]) -> bool {
    println!();
    for (name, outcome, time) in rows {
        let word = match outcome {
            Outcome::Passed => "pass",
            Outcome::Failed => "FAIL",
            Outcome::NotRun => "not run",
        };
        println!("{word:<8} {name:<11} {:>7.1} s", time.as_secs_f64());
    }
    let count = |wanted| {
        rows.iter()
            .filter(|(_, outcome, _)| *outcome == wanted)
            .count()
    };
    let (passed, failed, not_run) = (
        count(Outcome::Passed),
        count(Outcome::Failed),
        count(Outcome::NotRun),
    );
    // Alone on its line and the last one: programs read it.
    if not_run == 0 {
        println!("\n{passed} passed, {failed} failed");
    } else {
        println!("\n{passed} passed, {failed} failed, {not_run} skipped");
    }
    failed == 0
}

fn cargo(task: &str, arguments: &[&str]) -> Result<Outcome> {
    status(workspace::cargo().arg(task).args(arguments))
}

fn status(command: &mut Command) -> Result<Outcome> {
    let status = command
        .status()
        .during(|| format!("running {:?}", command.get_program()))?;
    Ok(Outcome::of(status.success()))
}

fn docs() -> Result<Outcome> {
    let mut command = workspace::cargo();
    command.env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--exclude",
        "xtask",
        "--locked",
    ]);
    status(&mut command)
}

/// The packages that are published, in the order of the workspace.
fn published(metadata: &Value) -> Vec<&Value> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter(|package| !package["publish"].as_array().is_some_and(Vec::is_empty))
        .collect()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap_or_default()
}

/// One crate at a time: what another crate turns on must not be what makes it build.
fn alone() -> Result<Outcome> {
    let metadata = workspace::metadata()?;
    each(published(&metadata), |package| {
        cargo(
            "test",
            &[
                "--quiet",
                "--no-fail-fast",
                "--locked",
                "--package",
                name(package),
            ],
        )
    })
}

fn no_std() -> Result<Outcome> {
    let metadata = workspace::metadata()?;
    // A crate with a feature `std` promises to do without.
    let promises = published(&metadata)
        .into_iter()
        .filter(|package| package["features"]["std"].is_array());
    each(promises.collect(), |package| {
        cargo(
            "build",
            &[
                "--quiet",
                "--locked",
                "--no-default-features",
                "--package",
                name(package),
            ],
        )
    })
}

/// Does something with each package, and goes on after a failure.
fn each(packages: Vec<&Value>, run: impl Fn(&Value) -> Result<Outcome>) -> Result<Outcome> {
    if packages.is_empty() {
        return Err(Failure::new("no package was found"));
    }
    let mut good = true;
    for package in packages {
        println!("-- {}", name(package));
        good &= run(package)? == Outcome::Passed;
    }
    Ok(Outcome::of(good))
}

fn deny(options: &Options) -> Result<Outcome> {
    if !has_deny() {
        let must = options.require.iter().any(|name| name == "all");
        return Ok(if must {
            Outcome::Failed
        } else {
            Outcome::NotRun
        });
    }
    // Advisories have a step of their own, because their list is elsewhere.
    cargo(
        "deny",
        &["--locked", "check", "bans", "licenses", "sources"],
    )
}

fn has_deny() -> bool {
    let version = workspace::cargo()
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let there = version.is_ok_and(|status| status.success());
    if !there {
        println!("cargo-deny is not installed: cargo install --locked cargo-deny");
    }
    there
}

/// What is known of the dependencies is in a repository of others: where that cannot be reached, nothing is known.
fn advisories(_: &Options) -> Result<Outcome> {
    if !has_deny() {
        return Ok(Outcome::NotRun);
    }
    if cargo("deny", &["--locked", "fetch", "db"])? != Outcome::Passed {
        println!("the database of advisories cannot be reached");
        return Ok(Outcome::NotRun);
    }
    cargo(
        "deny",
        &["--locked", "check", "--disable-fetch", "advisories"],
    )
}

fn package() -> Result<Outcome> {
    let folder = workspace::target()?.join("packaging");
    forget(&folder)?;
    forget_extracted()?;
    let mut command = workspace::cargo();
    command
        .args(["package", "--workspace", "--exclude", "xtask", "--locked"])
        .arg("--target-dir")
        .arg(&folder);
    if std::env::var_os("CI").is_none() {
        // At a desk there is work in the tree.
        command.arg("--allow-dirty");
    }
    let outcome = status(&mut command)?;
    forget(&folder)?;
    Ok(outcome)
}

/// Cargo verifies packages against each other by a registry that it makes of them. What it extracts and builds of a registry it keeps: of the
/// same version it would take the old content for ever. So both are forgotten.
fn forget_extracted() -> Result<()> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = home.map(|home| home.join("registry/src"));
    let Some(Ok(registries)) = sources.map(std::fs::read_dir) else {
        return Ok(());
    };
    for registry in registries.flatten() {
        // A registry without a host is such a one.
        if registry.file_name().to_string_lossy().starts_with('-') {
            forget(&registry.path())?;
        }
    }
    Ok(())
}

fn forget(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).during(|| format!("removing {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(only: &[&str], skip: &[&str]) -> Options {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Options {
            require: Vec::new(),
            only: own(only),
            skip: own(skip),
            list: false,
            venv: None,
        }
    }

    fn names(options: &Options) -> Vec<&'static str> {
        chosen(options)
            .unwrap()
            .iter()
            .map(|(name, ..)| *name)
            .collect()
    }

    #[test]
    fn steps_are_chosen_by_name() {
        assert_eq!(names(&options(&[], &[])).len(), STEPS.len());
        assert_eq!(names(&options(&["tidy", "fmt"], &[])), ["fmt", "tidy"]);
        assert!(!names(&options(&[], &["interop"])).contains(&"interop"));
        assert!(chosen(&options(&["nonsense"], &[])).is_err());
        assert!(chosen(&options(&[], &["nonsense"])).is_err());
    }

    #[test]
    fn one_failed_step_fails_all() {
        let row = |outcome| ("x", outcome, Duration::ZERO);
        assert!(conclude(&[row(Outcome::Passed), row(Outcome::NotRun)]));
        assert!(!conclude(&[row(Outcome::Passed), row(Outcome::Failed)]));
    }

    #[test]
    fn what_is_published_is_found() {
        let metadata = json!({ "packages": [{ "name": "a", "publish": null }, { "name": "xtask", "publish": [] }] });
        assert_eq!(
            published(&metadata)
                .iter()
                .map(|package| name(package))
                .collect::<Vec<_>>(),
            ["a"]
        );
    }
}
