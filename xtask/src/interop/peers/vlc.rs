//! VLC's RTSP output. It does not run as root, and so runs as nobody there.

use crate::failure::Result;
use crate::interop::clip::Clip;
use crate::interop::machine;
use crate::interop::peer::{Peer, Served};
use crate::interop::stage::{self, Stage};
use std::fs::Permissions;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

pub(crate) const PEER: Peer = Peer {
    serve: Some(serve),
    ..Peer::new("VLC", "apt-get install vlc-bin vlc-plugin-base", |_| {
        // `vlc --version` refuses root as well.
        machine::version(&mut vlc(&std::env::temp_dir(), "vlc", "--version")).map(|line| {
            line.split_whitespace()
                .nth(2)
                .unwrap_or_default()
                .to_owned()
        })
    })
};

fn vlc(home: &std::path::Path, program: &str, argument: &str) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
        command
    } else {
        Command::new(program)
    };
    command.env("HOME", home).arg(argument);
    command
}

fn serve(stage: &Stage<'_>, clip: &Clip) -> Result<Served> {
    play(stage, clip, "")
}

/// Serves to a group by the loopback interface, from this port on.
pub(crate) fn serve_group(
    stage: &Stage<'_>,
    clip: &Clip,
    group: IpAddr,
    port: u16,
) -> Result<Served> {
    play(stage, clip, &format!("dst={group},port={port},ttl=1,"))
}

fn play(stage: &Stage<'_>, clip: &Clip, group: &str) -> Result<Served> {
    let home = stage.path("vlc-home");
    std::fs::create_dir_all(&home)?;
    std::fs::set_permissions(&home, Permissions::from_mode(0o777))?;
    let movie = home.join("clip.mp4");
    std::fs::copy(&clip.path, &movie)?;
    std::fs::set_permissions(&movie, Permissions::from_mode(0o644))?;
    let port = stage::free_port()?;
    let url = format!("rtsp://127.0.0.1:{port}/clip");
    let mut command = vlc(&home, "cvlc", "--no-color");
    command
        .args(["-I", "dummy", "--sout-all", "--loop", "--miface=lo"])
        .arg(&movie)
        .arg(format!("--sout=#rtp{{{group}sdp={url}}}"));
    let mut process = stage.start("vlc", &mut command)?;
    stage.until_listening(&mut process, port)?;
    Ok(Served { process, url })
}
