//! What the wire crates cost beside the crates that people would pick: the same bytes, the same work, in one run.
//!
//! Every crate takes its turn in each of five rounds; printed at the end is the median of the five ratios. The
//! process fails when a goal is missed. Criterion's arguments work: a filter, `--quick`, `--test`.
#![allow(missing_docs, reason = "a program")]

use std::process::ExitCode;

use criterion::Criterion;

mod contest;
mod conversation;
mod h264;
mod messages;
mod rtcp_packets;
mod rtp_packets;

fn main() -> ExitCode {
    let mut criterion = Criterion::default().configure_from_args();
    let mut table = contest::Table::default();
    rtp_packets::contests(&mut criterion, &mut table);
    rtcp_packets::contests(&mut criterion, &mut table);
    h264::contests(&mut criterion, &mut table);
    messages::contests(&mut criterion, &mut table);
    if table.print() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
