//! aio-rtsp-toolkit's file server, over TCP.

use crate::failure::Result;
use crate::interop::clip::Clip;
use crate::interop::peer::{Peer, Served};
use crate::interop::stage::{self, Stage};

pub(crate) const PEER: Peer = Peer {
    serve: Some(serve),
    ..Peer::new(
        "aio-rtsp-toolkit",
        "target/interop-venv/bin/pip install aio-rtsp-toolkit av",
        |machine| {
            machine.venv_version("import aio_rtsp_toolkit.server; print(importlib.metadata.version('aio-rtsp-toolkit'))")
        },
    )
};

fn serve(stage: &Stage<'_>, clip: &Clip) -> Result<Served> {
    let folder = stage.path("served");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(&clip.path, folder.join("clip.mp4"))?;
    let port = stage::free_port()?;
    let mut command = stage.machine.venv_script("aio_rtsp_toolkit_server.py");
    command.arg(port.to_string()).arg(&folder);
    let mut process = stage.start("aio-rtsp-toolkit", &mut command)?;
    stage.until_listening(&mut process, port)?;
    Ok(Served {
        process,
        url: format!("rtsp://127.0.0.1:{port}/clip.mp4"),
    })
}
