//! What is fuzzed: for each target a function that takes an input and fails where a property does not hold.
//!
//! libFuzzer drives them (`targets/`, `cargo xtask fuzz`); `cargo test` calls them with every input in `seeds/` and
//! `regressions/`, so that what was found once stays found. An input in `regressions/` is named for what it showed.
#![forbid(unsafe_code)]

mod compound;
mod connection;
mod description;
mod header;
mod memory;
mod message;
mod payload;
mod rtp;
mod secure;
mod seeds;
mod targets;
mod tunnel;
mod uri;

pub use seeds::{Seed, seeds};
pub use targets::{TARGETS, Target, run};
