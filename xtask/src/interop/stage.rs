//! What a cell stands on: its folder, its ports, its processes and its deadline.

use super::clip::Clip;
use super::machine::Machine;
use super::process::{self, Process, TICK};
use crate::failure::{Failure, Result};
use std::cell::Cell as Slot;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a cell may use while it runs.
pub(crate) struct Stage<'a> {
    pub(crate) machine: &'a Machine,
    folder: PathBuf,
    deadline: Instant,
    started: Slot<usize>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(machine: &'a Machine, folder: PathBuf, limit: Duration) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            machine,
            folder,
            deadline: Instant::now() + limit,
            started: Slot::new(0),
        })
    }

    /// A file in the cell's own folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn clip(&self, name: &str) -> Result<&'a Clip> {
        self.machine.clip(name)
    }

    /// What is left of the cell's time, at most `limit`.
    pub(crate) fn left(&self, limit: Duration) -> Duration {
        self.deadline
            .saturating_duration_since(Instant::now())
            .min(limit)
    }

    fn log(&self, name: &str) -> PathBuf {
        let number = self.started.get();
        self.started.set(number + 1);
        self.folder.join(format!("{number:02}-{name}.log"))
    }

    pub(crate) fn start(&self, name: &str, command: &mut Command) -> Result<Process> {
        Process::start(name, command.current_dir(&self.folder), &self.log(name))
    }

    /// Runs a command to its end; what it printed.
    pub(crate) fn output(
        &self,
        name: &str,
        command: &mut Command,
        limit: Duration,
    ) -> Result<String> {
        process::output(
            name,
            command.current_dir(&self.folder),
            self.left(limit),
            &self.log(name),
        )
    }

    /// Waits until `ready`; fails when the time is up or `process` ended before.
    pub(crate) fn until(
        &self,
        what: &str,
        limit: Duration,
        process: &mut Process,
        mut ready: impl FnMut() -> bool,
    ) -> Result<()> {
        let limit = self.left(limit);
        let deadline = Instant::now() + limit;
        loop {
            if ready() {
                return Ok(());
            }
            if !process.running() {
                return Err(Failure::new(format!(
                    "{} ended before {what}: {}",
                    process.name(),
                    last_line(process.log())
                )));
            }
            if Instant::now() >= deadline {
                return Err(Failure::new(format!(
                    "not within {:.0} s: {what}",
                    limit.as_secs_f64()
                )));
            }
            sleep(TICK);
        }
    }

    /// Waits until the process listens on a TCP port. Asks the kernel: some peers serve the first connection only.
    pub(crate) fn until_listening(&self, process: &mut Process, port: u16) -> Result<()> {
        self.until(
            &format!("it listened on port {port}"),
            Duration::from_secs(20),
            process,
            || listening(port),
        )
    }

    /// Lets time pass for a peer that cannot tell how far it is.
    pub(crate) fn pass(&self, time: Duration) {
        sleep(self.left(time));
    }
}

fn last_line(log: &Path) -> String {
    process::tail(log, 20)
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it printed nothing")
        .to_owned()
}

/// Whether some socket listens on `port`, from the kernel's tables.
pub(crate) fn listening(port: u16) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        std::fs::read_to_string(table).is_ok_and(|text| table_has_listener(&text, port))
    })
}

fn table_has_listener(table: &str, port: u16) -> bool {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().unwrap_or_default();
        // 0A is LISTEN; the field between is the remote address.
        local.ends_with(&suffix) && fields.nth(1) == Some("0A")
    })
}

/// A TCP port that nobody uses, given out once in the life of this program. Below the range that the kernel draws from,
/// so that no outgoing connection takes it before its listener is up.
pub(crate) fn free_port() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Two runs at a time begin at different places.
    let offset = u16::try_from(std::process::id() % 500).unwrap_or_default() * 20;
    for step in 0..10_000_u16 {
        let port = 20_000 + (offset + step * 2) % 10_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if !given.contains(&port)
            && TcpListener::bind(address).is_ok()
            && UdpSocket::bind(address).is_ok()
        {
            given.insert(port);
            return Ok(port);
        }
    }
    Err(Failure::new("no free port between 20000 and 30000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_told_from_a_connection() {
        let table = "  sl  local_address rem_address   st\n\
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n\
             1: 0100007F:1F91 0100007F:D431 01 00000000:00000000\n";
        assert!(table_has_listener(table, 8080));
        assert!(!table_has_listener(table, 8081));
        assert!(!table_has_listener(table, 0xD431));
    }

    #[test]
    fn the_kernel_shows_a_listener_of_ours() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listening(port));
        drop(listener);
        assert!(!listening(port));
    }

    #[test]
    fn a_port_is_given_out_once() {
        assert_ne!(free_port().unwrap(), free_port().unwrap());
    }
}
