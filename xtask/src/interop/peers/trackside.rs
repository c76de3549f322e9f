//! Our own two programs.

use crate::failure::{Failure, Result};
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Publishing, Reading, Served};
use crate::interop::process::Process;
use crate::interop::stage::{self, Stage};
use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

pub(crate) const CLIENT: Peer = Peer {
    read: Some(record),
    publish: Some(publish),
    ..Peer::new(
        "rtsp-client",
        "cargo build --release -p trackside-rtsp-client",
        |machine| {
            crate::interop::machine::version(Command::new(&machine.client).arg("--version")).map(
                |line| {
                    line.split_whitespace()
                        .nth(1)
                        .unwrap_or_default()
                        .to_owned()
                },
            )
        },
    )
};

/// Starts the server with more arguments; the URL is its root, with a slash at the end.
pub(crate) fn server<S: AsRef<OsStr>>(
    stage: &Stage<'_>,
    arguments: impl IntoIterator<Item = S>,
) -> Result<Served> {
    let port = stage::free_port()?;
    let mut command = Command::new(&stage.machine.server);
    command
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(arguments);
    let mut process = stage.start("rtsp-server", &mut command)?;
    stage.until_listening(&mut process, port)?;
    Ok(Served {
        process,
        url: format!("rtsp://127.0.0.1:{port}/"),
    })
}

fn client(stage: &Stage<'_>, transport: &str) -> Command {
    let mut command = Command::new(&stage.machine.client);
    command.args(["--transport", transport]);
    command
}

fn record(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let movie = stage.path("client.mp4");
    let mut command = client(stage, reading.transport.name());
    command
        .args(["--rtsp-version", reading.version.name()])
        .args(["record", reading.url])
        .arg(&movie)
        .args(["--duration", &reading.seconds.to_string()]);
    stage.output("rtsp-client", &mut command, Duration::from_secs(40))?;
    Ok(Capture::Movie {
        video: movie,
        audio: None,
    })
}

fn publish(stage: &Stage<'_>, publishing: &Publishing<'_>) -> Result<Process> {
    let mut command = client(stage, publishing.transport.name());
    command
        .arg("publish")
        .arg(&publishing.clip.path)
        .arg(publishing.url);
    stage.start("rtsp-client-publisher", &mut command)
}

/// What `probe --json` says, as JSON.
pub(crate) fn probe(stage: &Stage<'_>, url: &str, transport: &str) -> Result<serde_json::Value> {
    let mut command = client(stage, transport);
    command.args(["probe", "--json", url]);
    let text = stage.output("rtsp-client-probe", &mut command, Duration::from_secs(30))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("probe --json is not JSON: {error}")))
}
