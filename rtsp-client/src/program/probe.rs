//! `rtsp-client probe`.

mod measure;
mod report;

use std::process::ExitCode;
use std::time::Duration;

use rtsp_client::Client;
use rtsp_client::Described;
use rtsp_client::TransportPolicy;

use super::arguments::Global;
use super::arguments::Probe;
use super::failure::Failure;
use measure::Measurement;
use report::Attempt;
use report::Report;

/// The exit status when the URL can be asked, but does not play.
const DOES_NOT_PLAY: u8 = 1;

pub(crate) async fn run(global: &Global, probe: &Probe) -> Result<ExitCode, Failure> {
    let described = match describe(global, probe, TransportPolicy::Udp).await {
        Ok(described) => described,
        Err(failure) => {
            if probe.json {
                println!("{}", report::trouble(&probe.url, failure.what()));
            }
            return Err(failure);
        }
    };
    let mut report = Report::new(&described);
    let transports = match global.policy() {
        TransportPolicy::Udp => vec![TransportPolicy::Udp],
        TransportPolicy::Tcp => vec![TransportPolicy::Tcp],
        _ => vec![TransportPolicy::Udp, TransportPolicy::Tcp],
    };
    // The first description serves the first transport.
    let mut described = match global.policy() {
        TransportPolicy::Tcp => None,
        _ => Some(described),
    };
    for transport in transports {
        let described = match described.take() {
            Some(described) => Ok(described),
            None => describe(global, probe, transport).await,
        };
        let measured = report.measured();
        // One transport is measured; of the other it is enough that it works.
        let full = !measured;
        let attempt = match described {
            Ok(described) => attempt(described, transport, probe.duration, full).await,
            Err(failure) => Attempt::failed(transport, failure.what()),
        };
        report.attempts.push(attempt);
    }
    if probe.json {
        println!("{}", report.json());
    } else {
        print!("{report}");
    }
    Ok(if report.plays() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DOES_NOT_PLAY)
    })
}

async fn describe(
    global: &Global,
    probe: &Probe,
    transport: TransportPolicy,
) -> Result<Described, Failure> {
    let mut options = global.options();
    options.transport = transport;
    Ok(Client::describe(&probe.url, options).await?)
}

/// Plays over one transport and looks at what comes.
async fn attempt(
    described: Described,
    transport: TransportPolicy,
    duration: Duration,
    full: bool,
) -> Attempt {
    match Measurement::take(described, duration, full).await {
        Ok(measurement) if measurement.any_packet() => Attempt::worked(transport, measurement),
        Ok(_) => Attempt::failed(transport, "the server agrees, but no packet comes"),
        Err(error) => Attempt::failed(transport, &error.to_string()),
    }
}
