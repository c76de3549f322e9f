//! What a process costs: the time of its threads and its memory, as the system counts them.

use std::io;
use std::time::Duration;

/// What a process has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// In its own code; the system counts in steps of about 10 ms.
    pub(super) user: Duration,
    /// In the system's code.
    pub(super) system: Duration,
    /// Both, exactly, of the threads that run now.
    pub(super) exact: Option<Duration>,
    /// Resident memory, octets.
    pub(super) resident: u64,
    /// The most that it ever was, octets.
    pub(super) peak: u64,
}

/// What a process cost between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) user: Duration,
    pub(super) system: Duration,
    pub(super) total: Duration,
}

impl Cost {
    /// Looks at a process now.
    #[cfg(target_os = "linux")]
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let folder = std::path::PathBuf::from(format!("/proc/{pid}"));
        let (user, system) = ticks(&std::fs::read_to_string(folder.join("stat"))?)
            .ok_or(io::ErrorKind::InvalidData)?;
        let status = std::fs::read_to_string(folder.join("status"))?;
        let exact: Option<Duration> = std::fs::read_dir(folder.join("task"))?
            .map(|task| on_cpu(&std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?))
            .sum();
        Ok(Self {
            user,
            system,
            exact,
            resident: memory(&status, "VmRSS:"),
            peak: memory(&status, "VmHWM:"),
        })
    }

    /// Looks at a process now.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_pid: u32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// What it has cost since an earlier look.
    pub(super) fn since(&self, before: &Self) -> Spent {
        let user = self.user.saturating_sub(before.user);
        let system = self.system.saturating_sub(before.system);
        let exact = self
            .exact
            .zip(before.exact)
            .and_then(|(now, then)| now.checked_sub(then));
        Spent {
            user,
            system,
            // A thread that has ended in between takes its exact time with it, and then the two differ.
            total: exact
                .filter(|exact| *exact + Duration::from_millis(50) > user + system)
                .unwrap_or(user + system),
        }
    }
}

/// User and system time of `/proc/PID/stat`.
#[cfg(target_os = "linux")]
fn ticks(stat: &str) -> Option<(Duration, Duration)> {
    // The name may hold anything, parentheses too.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let second = rustix::param::clock_ticks_per_second() as f64;
    let mut time = || {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(Duration::from_secs_f64(ticks as f64 / second))
    };
    Some((time()?, time()?))
}

/// The time on a processor, of a thread's `schedstat`.
#[cfg(target_os = "linux")]
fn on_cpu(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// A line of `/proc/PID/status` that counts kB.
#[cfg(target_os = "linux")]
fn memory(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_ascii_whitespace().next());
    number.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_costs() {
        let pid = std::process::id();
        let before = Cost::of(pid).unwrap();
        let mut sum = 0_u64;
        let spent = loop {
            sum = (0..1_000_000).fold(sum, |sum: u64, n| std::hint::black_box(sum.wrapping_add(n)));
            let now = Cost::of(pid).unwrap();
            let spent = now.since(&before);
            if spent.total > Duration::from_millis(30) {
                assert!(
                    now.resident > 100_000 && now.peak >= now.resident,
                    "{now:?}"
                );
                break spent;
            }
        };
        assert!(
            spent.user <= spent.total + Duration::from_millis(50),
            "{spent:?}"
        );
        assert!(Cost::of(u32::MAX).is_err());
    }

    #[test]
    fn names_may_hold_parentheses() {
        let stat = "1 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 200 300 0 0";
        let (user, system) = ticks(stat).unwrap();
        assert_eq!(system.as_secs_f64() / user.as_secs_f64(), 1.5);
        assert_eq!(ticks("1 (a"), None);
    }
}
