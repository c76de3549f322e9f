//! retina, the other RTSP client in Rust: driven by a small program of this crate.

use crate::failure::{Failure, Result};
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Reading};
use crate::interop::stage::Stage;
use std::process::Command;
use std::time::Duration;

pub(crate) const PEER: Peer = Peer {
    read: Some(read),
    ..Peer::new(
        "retina",
        "cargo build --release -p xtask --features retina",
        |machine| {
            machine
                .retina
                .as_ref()
                .map(|_| env!("CARGO_PKG_VERSION_MAJOR").to_owned())
                .map(|_| "0.4".to_owned())
        },
    )
};

fn read(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let program = stage
        .machine
        .retina
        .as_ref()
        .ok_or_else(|| Failure::new("the reader was not built"))?;
    let (video, audio) = (stage.path("retina.h264"), stage.path("retina.aac"));
    let mut command = Command::new(program);
    command
        .args([
            reading.transport.name(),
            reading.url,
            &(reading.seconds * 25).to_string(),
        ])
        .args([&video, &audio]);
    stage.output("retina", &mut command, Duration::from_secs(40))?;
    Ok(Capture::Movie {
        video,
        audio: Some(audio),
    })
}
