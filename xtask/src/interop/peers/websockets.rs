//! The websockets library of Python: a script speaks RTSP over it and sets up video only.

use crate::failure::Result;
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Reading};
use crate::interop::stage::Stage;
use std::time::Duration;

pub(crate) const PEER: Peer = Peer {
    read: Some(read),
    ..Peer::new(
        "websockets",
        "target/interop-venv/bin/pip install websockets",
        |machine| {
            machine
                .venv_version("import websockets; print(importlib.metadata.version('websockets'))")
        },
    )
};

fn read(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let movie = stage.path("websockets.h264");
    let mut command = stage.machine.venv_script("websockets_reader.py");
    command
        .args([reading.url, &(reading.seconds * 25).to_string()])
        .arg(&movie);
    stage.output("websockets", &mut command, Duration::from_secs(40))?;
    Ok(Capture::Movie {
        video: movie,
        audio: None,
    })
}
