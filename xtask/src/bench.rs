//! `cargo xtask bench`: the criterion benches, and servers under load, one after the other in one run.
//!
//! Everything is told as a ratio to a bare sender of the same frames that ran a moment before on the same core.

mod contestant;
mod criterion;
mod idle;
mod latency;
mod machine;
mod report;
mod scenario;
mod trial;

use self::contestant::Contestant;
use self::machine::Machine;
use self::report::Report;
use self::scenario::{Effort, Scenario};
use crate::failure::{Failure, Result};
use std::path::PathBuf;

/// What is measured, and against whom.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Only these: `criterion`, or scenarios of the table; --list shows them.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Short windows and one round: to see that all of it works.
    #[arg(long)]
    quick: bool,
    /// How often each scenario is run, other servers once; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Seconds that are measured.
    #[arg(long, value_name = "N", default_value_t = 8)]
    seconds: u64,
    /// Only these servers, besides the bare sender: trackside, gst-rtsp-server, mediamtx, zlmediakit, go2rtc, live555.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    servers: Vec<String>,
    /// The program of MediaMTX.
    #[arg(long, value_name = "FILE", env = "MEDIAMTX")]
    mediamtx: Option<PathBuf>,
    /// `MediaServer` of ZLMediaKit.
    #[arg(long, value_name = "FILE", env = "ZLMEDIAKIT")]
    zlmediakit: Option<PathBuf>,
    /// The program of go2rtc.
    #[arg(long, value_name = "FILE", env = "GO2RTC")]
    go2rtc: Option<PathBuf>,
    /// `live555ProxyServer`.
    #[arg(long, value_name = "FILE", env = "LIVE555_PROXY")]
    live555: Option<PathBuf>,
    /// Only lists the scenarios.
    #[arg(long)]
    list: bool,
    /// Where the table goes: `bench-report.md` and `bench-report.json` there.
    #[arg(long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// What criterion gets.
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn effort(&self) -> Effort {
        match self.quick {
            true => Effort {
                seconds: 2,
                joining: 500,
            },
            false => Effort {
                seconds: self.seconds.max(1),
                joining: 250,
            },
        }
    }
}

/// Runs what was asked for; whether all of it worked and kept to its limits.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let names: Vec<_> = scenario::ALL.iter().map(|scenario| scenario.name).collect();
    if let Some(unknown) = options
        .only
        .iter()
        .find(|only| *only != "criterion" && *only != idle::NAME && !names.contains(&only.as_str()))
    {
        return Err(Failure::new(format!(
            "no bench is named {unknown}; --list shows them"
        )));
    }
    if options.list {
        println!("{:<14} the benches of the crates", "criterion");
        for scenario in scenario::ALL {
            println!("{:<14} {}", scenario.name, scenario.what());
        }
        println!("{:<14} {}", idle::NAME, idle::WHAT);
        return Ok(true);
    }
    let mut codecs = Ok(true);
    if options.wants("criterion") {
        codecs = criterion::run(options.quick, &options.arguments);
    }
    let wanted: Vec<&Scenario> = scenario::ALL
        .iter()
        .filter(|scenario| options.wants(scenario.name))
        .collect();
    if wanted.is_empty() && !options.wants(idle::NAME) {
        return codecs;
    }
    let machine = Machine::prepare()?;
    let contestants = contestant::present(options, &machine)?;
    let mut report = Report::new(&machine);
    let mut good = codecs.unwrap_or_else(|failure| {
        report.failed("criterion", &failure);
        false
    });
    for round in 0..options.rounds() {
        for scenario in &wanted {
            for contestant in &contestants {
                // What others cost is for comparison: once is enough.
                if !scenario.concerns(contestant) || (round > 0 && contestant.is_peer()) {
                    continue;
                }
                println!("== {} {} ({})", scenario.name, contestant.name(), round + 1);
                let outcome = trial::run(&machine, scenario, contestant, options.effort());
                report.add(scenario, contestant, outcome);
                report.write(&options.output)?;
            }
        }
    }
    if options.wants(idle::NAME) && options.wants_server(Contestant::Trackside.name()) {
        match idle::run(&machine, options.quick) {
            Ok(rows) => report.idle(rows),
            Err(failure) => report.failed(idle::NAME, &failure),
        }
    }
    good &= report.conclude(&options.output)?;
    machine.clean();
    Ok(good)
}

impl Options {
    fn wants_server(&self, name: &str) -> bool {
        self.servers.is_empty() || self.servers.iter().any(|server| server == name)
    }
}
