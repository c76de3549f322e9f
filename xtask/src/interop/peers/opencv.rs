//! OpenCV's VideoCapture, as most people's Python uses it: pictures, no audio.

use crate::failure::Result;
use crate::interop::clip::{RATE, SECONDS};
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Reading};
use crate::interop::stage::Stage;
use std::time::Duration;

pub(crate) const PEER: Peer = Peer {
    read: Some(read),
    ..Peer::new(
        "OpenCV",
        "target/interop-venv/bin/pip install opencv-python-headless",
        |machine| machine.venv_version("import cv2; print(cv2.__version__)"),
    )
};

fn read(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let hashes = |name: &str, url: &str, frames: u32| -> Result<Vec<String>> {
        let mut command = stage.machine.venv_script("opencv_reader.py");
        command.args([reading.transport.name(), url, &frames.to_string()]);
        let text = stage.output(name, &mut command, Duration::from_secs(40))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    let seen = hashes("opencv", reading.url, reading.seconds * RATE)?;
    let source = hashes(
        "opencv-of-the-source",
        &reading.clip.path.to_string_lossy(),
        SECONDS * RATE,
    )?;
    Ok(Capture::Pictures { seen, source })
}
