//! The tasks of the workspace: `cargo xtask --help`.
#![forbid(unsafe_code)]

mod bench;
mod ci;
mod conformance;
mod failure;
mod fuzz;
mod interop;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The tasks of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs real peers against the server and the client, and compares what arrives with what was sent.
    Interop(interop::Options),
    /// Checks the rules of the house: layers, sizes, names, manifests.
    Tidy,
    /// Joins the rules of the RFCs with the tests that prove them.
    Conformance(conformance::Options),
    /// Runs everything that a change must pass, and prints a line a step.
    Ci(ci::Options),
    /// Runs every fuzz target for a while, from the inputs that are kept.
    Fuzz(fuzz::Options),
    /// Runs the criterion benches, and servers under load beside a bare sender; arguments after `--` go to criterion.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Interop(options) => interop::run(&options),
        Task::Tidy => tidy::run(),
        Task::Conformance(options) => conformance::run(&options),
        Task::Ci(options) => ci::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Bench(options) => bench::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(2)
        }
    }
}
