//! live555's proxy server: reads from upstream over UDP, serves anybody.

use crate::failure::Result;
use crate::interop::peer::{Peer, Served};
use crate::interop::stage::{self, Stage};

pub(crate) const PEER: Peer = Peer {
    relay: Some(relay),
    ..Peer::new(
        "live555",
        "apt-get install build-essential cmake python3-dev && \
         PATH=/usr/bin:/bin target/interop-venv/bin/pip install --no-cache-dir liblivemedia",
        |machine| {
            // Without a compiler the package installs as an empty shell.
            machine.venv_version(
                "from liblivemedia import ProxyServer; print(importlib.metadata.version('liblivemedia'))",
            )
        },
    )
};

fn relay(stage: &Stage<'_>, upstream: &str) -> Result<Served> {
    let port = stage::free_port()?;
    let mut command = stage.machine.venv_script("live555_proxy.py");
    command.args([&port.to_string(), upstream]);
    let mut process = stage.start("live555", &mut command)?;
    stage.until_listening(&mut process, port)?;
    Ok(Served {
        process,
        url: format!("rtsp://127.0.0.1:{port}/proxy"),
    })
}
