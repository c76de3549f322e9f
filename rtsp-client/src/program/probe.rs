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
    let report = match explore(global, probe, &play).await {
        Ok(report) => report,
        Err(failure) => {
            if probe.json {
                println!("{}", report::trouble(&probe.url, failure.what()));
            }
            return Err(failure);
        }
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

const fn transports(policy: TransportPolicy) -> &'static [TransportPolicy] {
    match policy {
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
    }
}

/// Tries one transport after the other. Fails as the first one did, where none came to a description.
async fn explore(global: &Global, probe: &Probe, play: &PlayOptions) -> Result<Report, Failure> {
    let mut report: Option<Report> = None;
    let mut unheard: Option<(Attempt, Failure)> = None;
    for &transport in transports(global.policy()) {
        let tunnel = transport == TransportPolicy::Http;
        let measured = report.as_ref().is_some_and(Report::measured);
        // A tunnel is for where nothing else gets through; and who gets no answer to RTSP gets none on another connection either.
        if (tunnel && measured) || (!tunnel && unheard.is_some()) {
            continue;
        }
        if tunnel && let Some((_, failure)) = &unheard {
            tracing::warn!(error = %failure.what(), "RTSP gets no answer, turning to a tunnel over HTTP");
        }
        let error = match (describe(global, probe, transport).await, &mut report) {
            (Ok(described), report) => {
                let report = report.get_or_insert_with(|| Report::new(&described));
                if let Some((attempt, _)) = unheard.take() {
                    report.attempts.push(attempt);
                }
                // One transport is measured; of the other it is enough that it works.
                let full = !report.measured();
                let attempt =
                    attempt(described, transport, play.clone(), probe.duration, full).await;
                report.attempts.push(attempt);
                continue;
            }
            (Err(error), Some(report)) => {
                let attempt = Attempt::failed(transport, &error.to_string());
                report.attempts.push(attempt);
                continue;
            }
            (Err(error), None) => error,
        };
        if unheard.is_some() {
            tracing::warn!(%error, "no tunnel over HTTP either");
        } else if error.is_unheard() {
            let attempt = Attempt::failed(transport, &error.to_string());
            unheard = Some((attempt, error.into()));
        } else {
            return Err(error.into());
        }
    }
    match (report, unheard) {
        (Some(report), _) => Ok(report),
        (None, Some((_, failure))) => Err(failure),
        (None, None) => Err(Failure::new("no transport was tried", None)),
    }
}

async fn describe(
    global: &Global,
    probe: &Probe,
    transport: TransportPolicy,
) -> Result<Described, rtsp_client::Error> {
    let mut options = global.options();
    options.transport = transport;
    Client::describe(&probe.url, options).await
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
