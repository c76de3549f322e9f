//! `rtsp-client probe`.

mod measure;
mod report;

use std::process::ExitCode;
use std::time::Duration;

use rtsp_client::Client;
use rtsp_client::Described;
use rtsp_client::PlayOptions;
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
    let play = probe.playback.options()?;
    let transports: &[TransportPolicy] = match global.policy() {
        TransportPolicy::Udp => &[TransportPolicy::Udp],
        TransportPolicy::Tcp => &[TransportPolicy::Tcp],
        TransportPolicy::Multicast => &[TransportPolicy::Multicast],
        TransportPolicy::Http => &[TransportPolicy::Http],
        TransportPolicy::WebSocket => &[TransportPolicy::WebSocket],
        _ => &[
            TransportPolicy::Udp,
            TransportPolicy::Tcp,
            TransportPolicy::Http,
        ],
    };
    let mut report: Option<Report> = None;
    for &transport in transports {
        let tunnel = transport == TransportPolicy::Http;
        if tunnel && report.as_ref().is_some_and(Report::measured) {
            // It is for where nothing else gets through.
            continue;
        }
        let described = match (describe(global, probe, transport).await, &mut report) {
            (Ok(described), _) => described,
            (Err(failure), Some(report)) => {
                let attempt = Attempt::failed(transport, failure.what());
                report.attempts.push(attempt);
                continue;
            }
            (Err(failure), None) => {
                if probe.json {
                    println!("{}", report::trouble(&probe.url, failure.what()));
                }
                return Err(failure);
            }
        };
        let report = report.get_or_insert_with(|| Report::new(&described));
        // One transport is measured; of the other it is enough that it works.
        let full = !report.measured();
        let attempt = attempt(described, transport, play.clone(), probe.duration, full).await;
        report.attempts.push(attempt);
    }
    let Some(report) = report else {
        return Ok(ExitCode::from(DOES_NOT_PLAY));
    };
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
    play: PlayOptions,
    duration: Duration,
    full: bool,
) -> Attempt {
    match Measurement::take(described, play, duration, full).await {
        Ok(measurement) if measurement.any_packet() => Attempt::worked(transport, measurement),
        Ok(measurement) if measurement.unopened > 0 => Attempt::failed(
            transport,
            "packets of SRTP come, but none of them can be opened with the key that the server tells",
        ),
        Ok(_) => Attempt::failed(transport, "the server agrees, but no packet comes"),
        Err(error) => Attempt::failed(transport, &error.to_string()),
    }
}
