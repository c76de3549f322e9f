//! gst-rtsp-server: plays a clip to anybody, takes what is recorded to it.

use crate::failure::Result;
use crate::interop::clip::Clip;
use crate::interop::fingerprint::Capture;
use crate::interop::peer::{Peer, Served, Sink, Transport};
use crate::interop::peers::trackside::Secure;
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
    serve_with(stage, clip, port, &[])
}

/// Serves by TLS only, with the certificate of `secure`, which made it for itself.
pub(crate) fn serve_by_tls(stage: &Stage<'_>, clip: &Clip, secure: &Secure) -> Result<Served> {
    let port = stage::free_port()?;
    let files = [&secure.certificate, &secure.key].map(|file| file.to_string_lossy());
    let served = serve_with(stage, clip, port, &["tls", &files[0], &files[1]])?;
    Ok(Served {
        url: format!("rtsps://127.0.0.1:{port}/clip"),
        ..served
    })
}

/// Serves media that are encrypted by SRTP, with their keys in clear.
pub(crate) fn serve_sealed(stage: &Stage<'_>, clip: &Clip) -> Result<Served> {
    serve_with(stage, clip, stage::free_port()?, &["savp"])
}

fn serve_with(stage: &Stage<'_>, clip: &Clip, port: u16, how: &[&str]) -> Result<Served> {
    let mut command = stage.machine.system_script("gst_rtsp_server.py");
    command.arg("play").arg(port.to_string()).arg(&clip.path);
    command.args(how);
    let mut process = stage.start("gst-rtsp-server", &mut command)?;
    stage.until_listening(&mut process, port)?;
    Ok(Served {
        process,
        url: format!("rtsp://127.0.0.1:{port}/clip"),
    })
}

fn accept(stage: &Stage<'_>, _clip: &Clip, _transport: Transport) -> Result<Sink> {
    accept_with(stage, &[])
}

/// Takes media that are encrypted by SRTP.
pub(crate) fn accept_sealed(stage: &Stage<'_>) -> Result<Sink> {
    accept_with(stage, &["savp"])
}

fn accept_with(stage: &Stage<'_>, how: &[&str]) -> Result<Sink> {
    let port = stage::free_port()?;
    let movie = stage.path("recorded.mkv");
    let mut command = stage.machine.system_script("gst_rtsp_server.py");
    command.arg("record").arg(port.to_string()).arg(&movie);
    command.args(how);
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
