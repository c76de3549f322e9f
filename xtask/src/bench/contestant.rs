//! The servers: ours, the bare sender, and every other that is installed or named.

use super::Options;
use super::machine::{Machine, runs};
use super::scenario::{Measure, Scenario};
use crate::failure::{Failure, Result};
use crate::interop::free_port;
use crate::interop::process::{Process, TICK, tail};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const STARTING: Duration = Duration::from_secs(15);
/// Two segments: ZLMediaKit wants an application and a stream.
const PATH: &str = "live/load";
const SYSTEM_PYTHON: &str = "/usr/bin/python3";
const GST_PROBE: &str = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";

/// Who takes part.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Contestant {
    Bare,
    Trackside,
    Gst,
    MediaMtx(PathBuf),
    ZlMediaKit(PathBuf),
    Go2Rtc(PathBuf),
    Live555(PathBuf),
}

/// A server that runs.
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) url: String,
    /// Where the load publishes, if not there.
    pub(super) publish_to: Option<String>,
    /// What it pulls from.
    upstream: Option<Process>,
}

impl Running {
    /// Ends it, upstream last.
    pub(super) fn end(mut self) {
        self.process.kill();
        if let Some(upstream) = &mut self.upstream {
            upstream.kill();
        }
    }
}

/// Those that are here, the bare sender first.
pub(super) fn present(options: &Options, machine: &Machine) -> Result<Vec<Contestant>> {
    let mut all = vec![Contestant::Trackside];
    if runs(Command::new(SYSTEM_PYTHON).args(["-c", GST_PROBE])) {
        all.push(Contestant::Gst);
        std::fs::write(machine.path("gst_relay.py"), include_str!("gst_relay.py"))?;
    }
    let given = [
        options.mediamtx.clone().map(Contestant::MediaMtx),
        options.zlmediakit.clone().map(Contestant::ZlMediaKit),
        options.go2rtc.clone().map(Contestant::Go2Rtc),
        options.live555.clone().map(Contestant::Live555),
    ];
    all.extend(given.into_iter().flatten());
    for name in &options.servers {
        if !all.iter().any(|contestant| contestant.name() == name) {
            return Err(Failure::new(format!(
                "{name} is not here: install it, or name its program"
            )));
        }
    }
    all.retain(|contestant| options.wants_server(contestant.name()));
    all.insert(0, Contestant::Bare);
    Ok(all)
}

impl Contestant {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Bare => "bare sender",
            Self::Trackside => "trackside",
            Self::Gst => "gst-rtsp-server",
            Self::MediaMtx(_) => "mediamtx",
            Self::ZlMediaKit(_) => "zlmediakit",
            Self::Go2Rtc(_) => "go2rtc",
            Self::Live555(_) => "live555",
        }
    }

    pub(super) fn is_peer(&self) -> bool {
        !matches!(self, Self::Bare | Self::Trackside)
    }

    /// Whether it makes the frames itself.
    pub(super) fn publishes_itself(&self) -> bool {
        *self == Self::Bare
    }

    /// Starts it for a scenario.
    pub(super) fn start(&self, machine: &Machine, scenario: &Scenario) -> Result<Running> {
        let port = free_port()?;
        let mut upstream = None;
        let mut publish_to = None;
        if matches!(self, Self::Gst | Self::Live555(_)) {
            // These do not relay what is published to them, but what they pull.
            let (process, url) = ours(machine, free_port()?, Role::Upstream)?;
            upstream = Some(process);
            publish_to = Some(url);
        }
        let pulled = publish_to.clone().unwrap_or_default();
        let url = format!("rtsp://127.0.0.1:{port}/{PATH}");
        let (command, url) = match self {
            Self::Trackside => {
                let (process, url) = ours(machine, port, Role::Measured)?;
                return Ok(Running {
                    process,
                    url,
                    publish_to,
                    upstream,
                });
            }
            Self::Bare => (bare(machine, port, scenario), url),
            Self::Gst => {
                let mut command = machine.measured(Path::new(SYSTEM_PYTHON));
                command
                    .arg(machine.path("gst_relay.py"))
                    .arg(port.to_string())
                    .arg(pulled);
                (command, url)
            }
            Self::MediaMtx(program) => {
                let file = configure(machine, "mediamtx.yml", &mediamtx(port)?)?;
                let mut command = machine.measured(program);
                command.arg(file);
                (command, url)
            }
            Self::ZlMediaKit(program) => {
                let file = configure(machine, "zlmediakit.ini", &zlmediakit(port))?;
                let mut command = machine.measured(program);
                command.arg("-t").arg("1").arg("-c").arg(file);
                (command, url)
            }
            Self::Go2Rtc(program) => {
                let file = configure(machine, "go2rtc.yaml", &go2rtc(port))?;
                let mut command = machine.measured(program);
                command.arg("-config").arg(file);
                (command, format!("rtsp://127.0.0.1:{port}/load"))
            }
            Self::Live555(program) => {
                let mut command = machine.measured(program);
                command.arg("-p").arg(port.to_string()).arg(pulled);
                (command, format!("rtsp://127.0.0.1:{port}/proxyStream"))
            }
        };
        let process = listening(machine, self.name(), command, port)?;
        Ok(Running {
            process,
            url,
            publish_to,
            upstream,
        })
    }
}

fn bare(machine: &Machine, port: u16, scenario: &Scenario) -> Command {
    let mut command = machine.measured(&machine.load);
    let listen = format!("127.0.0.1:{port}");
    command.args([
        "bare-sender",
        "--listen",
        &listen,
        "--bitrate",
        scenario.bitrate,
    ]);
    if matches!(scenario.measure, Measure::Sessions(_)) {
        command.arg("--silent");
    }
    if !scenario.in_step {
        command.args(["--phases", &scenario.publishers.to_string()]);
    }
    command
}

/// What our server is there for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// To be measured.
    Measured,
    /// To be measured, with the built-in clip to read.
    WithClip,
    /// For others to pull from.
    Upstream,
}

/// Our server.
pub(super) fn ours(machine: &Machine, port: u16, role: Role) -> Result<(Process, String)> {
    let (mut command, name) = match role {
        Role::Measured | Role::WithClip => (machine.measured(&machine.server), "trackside"),
        Role::Upstream => (machine.beside(&machine.server), "upstream"),
    };
    let listen = format!("127.0.0.1:{port}");
    command.args(["--listen", &listen, "--threads", "1", "--log", "warn"]);
    if role != Role::WithClip {
        command.arg("--no-demo");
    }
    let process = listening(machine, name, command, port)?;
    Ok((process, format!("rtsp://127.0.0.1:{port}/{PATH}")))
}

fn listening(machine: &Machine, name: &str, mut command: Command, port: u16) -> Result<Process> {
    let log = machine.path(&format!("{}.log", name.replace(' ', "-")));
    let mut process = Process::start(name, &mut command, &log)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Instant::now() + STARTING;
    // A connection is the only sign that all of them give.
    while TcpStream::connect(address).is_err() {
        if !process.running() || Instant::now() > deadline {
            return Err(Failure::new(format!(
                "{name} does not listen: {}",
                tail(&log, 3)
            )));
        }
        process.wait_quietly(TICK);
    }
    Ok(process)
}

fn configure(machine: &Machine, name: &str, text: &str) -> Result<PathBuf> {
    let file = machine.path(name);
    std::fs::write(&file, text)?;
    Ok(file)
}

fn mediamtx(port: u16) -> Result<String> {
    let rtp = free_port()?;
    Ok(format!(
        "logLevel: warn\nrtmp: no\nhls: no\nwebrtc: no\nsrt: no\nrtspAddress: 127.0.0.1:{port}\n\
         rtpAddress: 127.0.0.1:{rtp}\nrtcpAddress: 127.0.0.1:{}\nwriteQueueSize: 4096\npaths:\n  all_others:\n",
        rtp + 1
    ))
}

fn zlmediakit(port: u16) -> String {
    format!(
        "[api]\napiDebug=0\n[general]\nmergeWriteMS=0\n[protocol]\nenable_hls=0\nenable_mp4=0\nenable_rtmp=0\nenable_ts=0\n\
         enable_fmp4=0\nenable_rtsp=1\n[rtsp]\nport={port}\nsslport=0\n[rtmp]\nport=0\nsslport=0\n[http]\nport=0\nsslport=0\n\
         [shell]\nport=0\n[rtp_proxy]\nport=0\n[rtc]\nport=0\ntcpPort=0\n[srt]\nport=0\n"
    )
}

fn go2rtc(port: u16) -> String {
    format!(
        "log:\n  level: warn\napi:\n  listen: \"\"\nwebrtc:\n  listen: \"\"\nrtsp:\n  listen: \"127.0.0.1:{port}\"\n\
         streams:\n  load:\n"
    )
}
