//! Processes that end with the cell that started them: each leads a process group, and whole groups are ended, whatever happens.

use crate::failure::{During, Failure, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a wait looks again.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// The groups that run now, for the handler of Ctrl-C.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends every group that runs; nothing is started afterwards.
pub(crate) fn end_all() {
    // The lock is kept on purpose: whoever wants to start a process now waits for the exit of the program.
    let groups = groups();
    for group in groups.iter() {
        signal(*group, Signal::KILL);
    }
    std::mem::forget(groups);
}

fn signal(group: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(group) {
        // The group may be gone already, which is what a signal is for.
        let _ = kill_process_group(pid, signal);
    }
}

/// A process, its group and its log.
pub(crate) struct Process {
    name: String,
    child: Child,
    group: i32,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` as the leader of a new group; what it prints goes to `log`.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log)?;
        let copy = file.try_clone()?;
        Self::launch(name, command.stdout(copy).stderr(file), log)
    }

    /// The same with standard output in a file of its own.
    pub(crate) fn start_with_output(
        name: &str,
        command: &mut Command,
        log: &Path,
        output: &Path,
    ) -> Result<Self> {
        let file = File::create(output)?;
        Self::launch(name, command.stdout(file).stderr(File::create(log)?), log)
    }

    fn launch(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        command.stdin(Stdio::null()).process_group(0);
        let mut groups = groups();
        let child = command.spawn().during(|| format!("cannot start {name}"))?;
        let group =
            i32::try_from(child.id()).map_err(|_| Failure::new("a process id past 31 bits"))?;
        groups.insert(group);
        drop(groups);
        Ok(Self {
            name: name.to_owned(),
            child,
            group,
            log: log.to_path_buf(),
            ended: None,
        })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it still runs.
    pub(crate) fn running(&mut self) -> bool {
        self.poll().is_none()
    }

    fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
            if self.ended.is_some() {
                self.forget_group();
            }
        }
        self.ended
    }

    /// Ends what a leader that is gone has left behind.
    fn forget_group(&self) {
        signal(self.group, Signal::KILL);
        groups().remove(&self.group);
    }

    /// Waits for the end of the process; after `limit` it is ended and that is the failure.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        match self.wait_until(Instant::now() + limit) {
            Some(status) => Ok(status),
            None => {
                self.kill();
                Err(Failure::new(format!(
                    "{} did not end within {} s",
                    self.name,
                    limit.as_secs()
                )))
            }
        }
    }

    /// Waits at most `limit` and leaves the process as it is; its status if it has ended.
    pub(crate) fn wait_quietly(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.wait_until(Instant::now() + limit)
    }

    fn wait_until(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.poll() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(TICK);
        }
    }

    /// Asks for an end as Ctrl-C does; whether the process ended by itself within `grace`.
    pub(crate) fn interrupt(&mut self, grace: Duration) -> bool {
        if self.poll().is_some() {
            return true;
        }
        signal(self.group, Signal::INT);
        let ended = self.wait_until(Instant::now() + grace).is_some();
        if !ended {
            self.kill();
        }
        ended
    }

    /// Ends the group at once.
    pub(crate) fn kill(&mut self) {
        if self.ended.is_none() {
            signal(self.group, Signal::KILL);
            self.ended = self.child.wait().ok();
            self.forget_group();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs `command` to its end within `limit`; its output, or why there is none.
pub(crate) fn output(
    name: &str,
    command: &mut Command,
    limit: Duration,
    log: &Path,
) -> Result<String> {
    let text = log.with_extension("out");
    let mut process = Process::start_with_output(name, command, log, &text)?;
    let status = process.wait(limit)?;
    if !status.success() {
        return Err(Failure::new(format!(
            "{name} ended with {status}: {}",
            tail(log, 3).replace('\n', " | ")
        )));
    }
    Ok(String::from_utf8_lossy(&std::fs::read(&text)?).into_owned())
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    // Players draw over their status line: the last of its states is enough.
    let all: Vec<&str> = text
        .lines()
        .map(|line| {
            line.rsplit('\r')
                .find(|part| !part.trim().is_empty())
                .unwrap_or(line)
        })
        .collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("trackside-xtask-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_group_ends_with_its_owner() {
        let log = scratch("group.log");
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo $!; wait"]);
        let process = Process::start("shell", &mut shell, &log).unwrap();
        let grandchild = loop {
            let text = tail(&log, 1);
            if let Ok(id) = text.trim().parse::<i32>() {
                break id;
            }
            sleep(TICK);
        };
        drop(process);
        let gone = Instant::now() + Duration::from_secs(5);
        // A killed process stays a zombie until its new parent has reaped it: its state tells.
        let alive = || {
            std::fs::read_to_string(format!("/proc/{grandchild}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z"))
        };
        while alive() && Instant::now() < gone {
            sleep(TICK);
        }
        let _ = std::fs::remove_file(&log);
        assert!(!alive(), "the grandchild outlived its group");
    }

    #[test]
    fn a_wait_is_bounded() {
        let log = scratch("wait.log");
        let mut process = Process::start("sleep", Command::new("sleep").arg("600"), &log).unwrap();
        let failure = process.wait(Duration::from_millis(50)).unwrap_err();
        let _ = std::fs::remove_file(&log);
        assert!(failure.to_string().contains("did not end"), "{failure}");
        assert!(!process.running());
    }

    #[test]
    fn output_tells_why_a_command_failed() {
        let log = scratch("why.log");
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo out; echo because >&2; exit 3"]);
        let failure = output("shell", &mut shell, Duration::from_secs(10), &log).unwrap_err();
        let _ = std::fs::remove_file(&log);
        let _ = std::fs::remove_file(log.with_extension("out"));
        assert!(failure.to_string().contains("because"), "{failure}");
    }
}
