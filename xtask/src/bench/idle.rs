//! What connections cost that say nothing, and sessions that are set up and not played.

use super::contestant::{self, Role};
use super::machine::Machine;
use crate::failure::{Failure, Result};
use crate::interop::free_port;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Its name among the scenarios.
pub(super) const NAME: &str = "idle";
/// What it is, in words.
pub(super) const WHAT: &str =
    "2000 idle connections, 2000 sessions that are set up: memory and processor time";

const CONNECTIONS: usize = 2000;
/// Octets of resident memory at most.
const LIMITS: [(&str, u64); 2] = [("idle connection", 8 * 1024), ("session set up", 16 * 1024)];

/// What each of them costs.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) what: &'static str,
    pub(super) octets: u64,
    pub(super) limit: u64,
    /// Processor time of all together, beyond that of the server without them, while nothing happens, milliseconds a second.
    pub(super) busy: f64,
}

/// More than this, in milliseconds a second for all together, is not nothing: half a percent of a core.
const NOTHING: f64 = 5.0;

impl Idle {
    /// Whether it costs no more than it may.
    pub(super) fn held(&self) -> bool {
        self.octets <= self.limit && self.busy <= NOTHING
    }
}

/// Opens them, waits, and looks.
pub(super) fn run(machine: &Machine, quick: bool) -> Result<Vec<Idle>> {
    let seconds = if quick { 1 } else { 5 };
    let mut rows = Vec::new();
    for (what, limit) in LIMITS {
        let (process, url) = contestant::ours(machine, free_port()?, Role::WithClip)?;
        let demo = url.replace("live/load", "demo");
        let address = demo
            .split('/')
            .nth(2)
            .ok_or_else(|| Failure::new("no address in the URL"))?
            .to_owned();
        let set_up = what.starts_with("session");
        // What the first connection brings into memory is the server's own.
        let first = open(&address, &demo, true)?;
        let before = resident(process.id())?;
        // So are its clocks, and the clip that it plays to nobody.
        let alone = busy_for(process.id(), seconds)?;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(open(&address, &demo, set_up)?);
        }
        let after = resident(process.id())?;
        let worked = busy_for(process.id(), seconds)?.saturating_sub(alone);
        drop((first, connections));
        rows.push(Idle {
            what,
            octets: after.saturating_sub(before) / CONNECTIONS as u64,
            limit,
            busy: worked.as_secs_f64() * 1e3 / seconds as f64,
        });
    }
    Ok(rows)
}

/// A connection that was answered once, and has a session if that is wanted.
fn open(address: &str, url: &str, set_up: bool) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    ask(
        &mut stream,
        &format!("OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    )?;
    if set_up {
        let described = ask(
            &mut stream,
            &format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\n\r\n"),
        )?;
        let control = described
            .lines()
            .skip_while(|line| !line.starts_with("m="))
            .find_map(|line| line.strip_prefix("a=control:"))
            .ok_or_else(|| Failure::new(format!("no control in: {described}")))?;
        let media = if control.starts_with("rtsp://") {
            control.to_owned()
        } else {
            format!("{url}/{control}")
        };
        ask(
            &mut stream,
            &format!(
                "SETUP {media} RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
            ),
        )?;
    }
    Ok(stream)
}

fn ask(stream: &mut TcpStream, request: &str) -> Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    let mut memory = [0; 4096];
    loop {
        let read = stream.read(&mut memory)?;
        text.push_str(&String::from_utf8_lossy(&memory[..read]));
        let head = text.find("\r\n\r\n").map(|end| end + 4);
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length:")?.trim().parse().ok())
            .unwrap_or(0);
        match head {
            Some(head) if text.len() >= head + length => break,
            _ if read == 0 => {
                return Err(Failure::new(format!("the server hung up after: {text}")));
            }
            _ => {}
        }
    }
    if text.starts_with("RTSP/1.0 200") {
        Ok(text)
    } else {
        Err(Failure::new(format!(
            "{} for {request}",
            text.lines().next().unwrap_or_default()
        )))
    }
}

fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    number
        .map(|kb| kb * 1024)
        .ok_or_else(|| Failure::new("the system does not tell memory"))
}

/// Time that the threads of a process were on a processor.
fn busy(pid: u32) -> Result<Duration> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        sum += text
            .split_ascii_whitespace()
            .next()
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(Duration::from_nanos(sum))
}

/// What they do in so many seconds from now.
fn busy_for(pid: u32, seconds: u64) -> Result<Duration> {
    let before = busy(pid)?;
    std::thread::sleep(Duration::from_secs(seconds));
    Ok(busy(pid)?.saturating_sub(before))
}
