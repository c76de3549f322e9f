//! Our own two programs.

use crate::failure::{Failure, Result};
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Protection, Publishing, Reading, Served};
use crate::interop::process::Process;
use crate::interop::stage::{self, Stage};
use std::ffi::OsStr;
use std::path::PathBuf;
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

/// Our server, and the same by TLS.
pub(crate) struct Secure {
    /// In the clear.
    pub(crate) served: Served,
    /// The root of its URLs by TLS, with a slash at the end.
    pub(crate) url: String,
    /// Its certificate, which it made for itself.
    pub(crate) certificate: PathBuf,
    /// The key of that.
    pub(crate) key: PathBuf,
}

/// Starts the server with a certificate of its own.
pub(crate) fn secure_server(stage: &Stage<'_>, srtp: &str) -> Result<Secure> {
    let port = stage::free_port()?;
    let (certificate, key) = (stage.path("certificate.pem"), stage.path("key.pem"));
    let listen = format!("127.0.0.1:{port}");
    let arguments: [&OsStr; 10] = [
        "--tls".as_ref(),
        "self-signed".as_ref(),
        "--tls-cert".as_ref(),
        certificate.as_ref(),
        "--tls-key".as_ref(),
        key.as_ref(),
        "--tls-listen".as_ref(),
        listen.as_ref(),
        "--srtp".as_ref(),
        srtp.as_ref(),
    ];
    let served = server(stage, arguments)?;
    Ok(Secure {
        served,
        url: format!("rtsps://127.0.0.1:{port}/"),
        certificate,
        key,
    })
}

fn client(stage: &Stage<'_>, transport: &str, protection: Protection<'_>) -> Command {
    let mut command = Command::new(&stage.machine.client);
    command.args(["--transport", transport]);
    match protection.authority {
        Some(file) => command.arg("--tls-ca").arg(file),
        None if protection.srtp => command.arg("--srtp-in-clear"),
        None => &mut command,
    };
    command
}

fn record(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let movie = stage.path("client.mp4");
    let mut command = client(stage, reading.transport.name(), reading.protection);
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
    let mut command = client(stage, publishing.transport.name(), publishing.protection);
    command
        .arg("publish")
        .arg(&publishing.clip.path)
        .arg(publishing.url);
    if publishing.protection.srtp {
        command.arg("--srtp");
    }
    stage.start("rtsp-client-publisher", &mut command)
}

/// What `probe --json` says, as JSON.
pub(crate) fn probe(stage: &Stage<'_>, url: &str, transport: &str) -> Result<serde_json::Value> {
    let mut command = client(stage, transport, Protection::default());
    command.args(["probe", "--json", url]);
    let text = stage.output("rtsp-client-probe", &mut command, Duration::from_secs(30))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("probe --json is not JSON: {error}")))
}
