//! aiortsp, which sets up video only; the script puts its packets together.

use crate::failure::Result;
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Reading};
use crate::interop::stage::Stage;
use std::time::Duration;

pub(crate) const PEER: Peer = Peer {
    read: Some(read),
    ..Peer::new(
        "aiortsp",
        "target/interop-venv/bin/pip install aiortsp",
        |machine| {
            machine.venv_version("import aiortsp; print(importlib.metadata.version('aiortsp'))")
        },
    )
};

fn read(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let movie = stage.path("aiortsp.h264");
    let mut command = stage.machine.venv_script("aiortsp_reader.py");
    command
        .args([
            reading.transport.name(),
            reading.url,
            &(reading.seconds * 25).to_string(),
        ])
        .arg(&movie);
    stage.output("aiortsp", &mut command, Duration::from_secs(40))?;
    Ok(Capture::Movie {
        video: movie,
        audio: None,
    })
}
