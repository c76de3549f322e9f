//! gst-rtsp-server: plays a clip to anybody, takes what is recorded to it.

use crate::failure::Result;
use crate::interop::clip::Clip;
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Served, Sink, Transport};
use crate::interop::stage::{self, Stage};

pub(crate) const PEER: Peer = Peer {
    serve: Some(serve),
    accept: Some(accept),
    ..Peer::new(
        "gst-rtsp-server",
        "apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
        |machine| {
            machine.system_version(
                "import gi; gi.require_version('GstRtspServer', '1.0'); \
                 from gi.repository import Gst, GstRtspServer; print('%d.%d.%d' % Gst.version()[:3])",
            )
        },
    )
};

pub(crate) fn serve(stage: &Stage<'_>, clip: &Clip) -> Result<Served> {
    serve_on(stage, clip, stage::free_port()?)
}

/// Serves on a port that is known before: for a server that goes and comes back.
pub(crate) fn serve_on(stage: &Stage<'_>, clip: &Clip, port: u16) -> Result<Served> {
    let mut command = stage.machine.system_script("gst_rtsp_server.py");
    command.arg("play").arg(port.to_string()).arg(&clip.path);
    let mut process = stage.start("gst-rtsp-server", &mut command)?;
    stage.until_listening(&mut process, port)?;
    Ok(Served {
        process,
        url: format!("rtsp://127.0.0.1:{port}/clip"),
    })
}

fn accept(stage: &Stage<'_>, _clip: &Clip, _transport: Transport) -> Result<Sink> {
    let port = stage::free_port()?;
    let movie = stage.path("recorded.mkv");
    let mut command = stage.machine.system_script("gst_rtsp_server.py");
    command.arg("record").arg(port.to_string()).arg(&movie);
    let mut process = stage.start("gst-rtsp-server", &mut command)?;
    stage.until_listening(&mut process, port)?;
    Ok(Sink {
        process,
        url: format!("rtsp://127.0.0.1:{port}/clip"),
        capture: Capture::Movie {
            video: movie,
            audio: None,
        },
    })
}
