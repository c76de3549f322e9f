//! PyAV: the packets that its demuxer yields, through the same bitstream filters as FFmpeg's.

use crate::failure::Result;
use crate::interop::clip::Compare;
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Reading};
use crate::interop::stage::Stage;
use std::time::Duration;

pub(crate) const PEER: Peer = Peer {
    read: Some(read),
    ..Peer::new(
        "PyAV",
        "target/interop-venv/bin/pip install av",
        |machine| machine.venv_version("import av; print(av.__version__)"),
    )
};

fn read(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let folder = stage.path("pyav");
    std::fs::create_dir_all(&folder)?;
    let filter = |compare| match compare {
        Compare::Units(Some(filter)) => filter,
        _ => "null",
    };
    let mut command = stage.machine.venv_script("pyav_reader.py");
    command
        .args([
            reading.transport.name(),
            reading.url,
            &reading.seconds.to_string(),
        ])
        .args([
            filter(reading.clip.recipe.video),
            filter(reading.clip.recipe.audio),
        ])
        .arg(&folder);
    stage.output("pyav", &mut command, Duration::from_secs(40))?;
    Ok(Capture::Tracks(folder))
}
