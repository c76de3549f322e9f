//! FFmpeg: reads, publishes, and takes one publisher in listen mode.

use crate::failure::Result;
use crate::interop::clip::Clip;
use crate::interop::fingerprint::{self, Capture};
use crate::interop::machine;
use crate::interop::peer::{Peer, Publishing, Reading, Sink, Transport};
use crate::interop::process::Process;
use crate::interop::stage::{self, Stage};
use std::process::Command;
use std::time::Duration;

pub(crate) const PEER: Peer = Peer {
    read: Some(read),
    publish: Some(publish),
    accept: Some(accept),
    ..Peer::new("FFmpeg", "apt-get install ffmpeg", |_| {
        machine::version(Command::new("ffmpeg").arg("-version")).map(|line| {
            line.split_whitespace()
                .nth(2)
                .unwrap_or_default()
                .to_owned()
        })
    })
};

pub(crate) fn command() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-y", "-v", "warning"]);
    command
}

fn read(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    read_with(
        stage,
        reading,
        "ffmpeg",
        &["-t".to_owned(), reading.seconds.to_string()],
    )
}

/// Reads with more input options; `name` tells several readers of one cell apart.
pub(crate) fn read_with(
    stage: &Stage<'_>,
    reading: &Reading<'_>,
    name: &str,
    options: &[String],
) -> Result<Capture> {
    let (mut process, capture) = start_reading(stage, reading, name, options)?;
    let status = process.wait(stage.left(Duration::from_secs(60)))?;
    if !status.success() {
        return Err(crate::failure::Failure::new(format!(
            "FFmpeg ended with {status}"
        )));
    }
    Ok(capture)
}

/// Starts a reader that goes on beside others.
pub(crate) fn start_reading(
    stage: &Stage<'_>,
    reading: &Reading<'_>,
    name: &str,
    options: &[String],
) -> Result<(Process, Capture)> {
    let folder = stage.path(name);
    std::fs::create_dir_all(&folder)?;
    let transport = match reading.transport {
        // A name of its own for the same by TLS.
        Transport::Http if reading.protection.authority.is_some() => "https",
        Transport::Multicast => "udp_multicast",
        other => other.name(),
    };
    let mut command = command();
    command
        // Five seconds without a packet are an end: a server that forgot this reader is a failure, not a wait.
        .args(["-rtsp_transport", transport, "-timeout", "8000000"])
        .args(options)
        .args(["-i", reading.url])
        .args(fingerprint::outputs(
            reading.clip.recipe,
            Some(0),
            Some(0),
            &folder,
        ));
    Ok((stage.start(name, &mut command)?, Capture::Tracks(folder)))
}

pub(crate) fn publish(stage: &Stage<'_>, publishing: &Publishing<'_>) -> Result<Process> {
    let mut command = command();
    command
        .args(["-re", "-i"])
        .arg(&publishing.clip.path)
        // Theora and Vorbis in RTP are "experimental" since twenty years.
        .args([
            "-map",
            "0:v",
            "-map",
            "0:a",
            "-c",
            "copy",
            "-strict",
            "experimental",
        ])
        .args([
            "-f",
            "rtsp",
            "-rtsp_transport",
            publishing.transport.name(),
            publishing.url,
        ]);
    stage.start("ffmpeg-publisher", &mut command)
}

fn accept(stage: &Stage<'_>, clip: &Clip, transport: Transport) -> Result<Sink> {
    let port = stage::free_port()?;
    let url = format!("rtsp://127.0.0.1:{port}/in");
    let folder = stage.path("ffmpeg-sink");
    std::fs::create_dir_all(&folder)?;
    let mut command = command();
    command
        .args([
            "-rtsp_flags",
            "listen",
            "-rtsp_transport",
            transport.name(),
            "-i",
            &url,
        ])
        .args(fingerprint::outputs(clip.recipe, Some(0), Some(0), &folder));
    let mut process = stage.start("ffmpeg-sink", &mut command)?;
    stage.until_listening(&mut process, port)?;
    Ok(Sink {
        process,
        url,
        capture: Capture::Tracks(folder),
    })
}
