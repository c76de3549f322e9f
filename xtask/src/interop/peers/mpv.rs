//! mpv: what it reads, it records.

use crate::failure::Result;
use crate::interop::fingerprint::Capture;
use crate::interop::machine;
use crate::interop::peer::{Peer, Reading};
use crate::interop::stage::Stage;
use std::process::Command;
use std::time::Duration;

pub(crate) const PEER: Peer = Peer {
    read: Some(read),
    ..Peer::new("mpv", "apt-get install mpv", |_| {
        machine::version(Command::new("mpv").arg("--version")).map(|line| {
            line.split_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned()
        })
    })
};

fn read(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let movie = stage.path("mpv.mkv");
    let mut command = Command::new("mpv");
    command
        .args([
            "--no-config",
            "--no-terminal",
            "--vo=null",
            "--ao=null",
            "--untimed",
        ])
        .arg(format!("--rtsp-transport={}", reading.transport))
        .arg(format!("--stream-record={}", movie.display()))
        .arg(format!("--length={}", reading.seconds))
        .arg(reading.url);
    let mut process = stage.start("mpv", &mut command)?;
    let _ =
        process.wait_quietly(stage.left(Duration::from_secs(u64::from(reading.seconds) * 2 + 6)));
    process.interrupt(Duration::from_secs(5));
    Ok(Capture::Movie {
        video: movie,
        audio: None,
    })
}
