//! Where the bench runs: the programs under test, the cores, and what to call them.

use crate::failure::{Failure, Result};
use crate::workspace;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The core of whatever is measured, and that of the load.
const CORES: (usize, usize) = (0, 1);

/// The programs, and a folder for what they print.
pub(super) struct Machine {
    pub(super) server: PathBuf,
    pub(super) load: PathBuf,
    folder: PathBuf,
    /// Processes can be kept on a core.
    pinned: bool,
}

impl Machine {
    /// Builds both programs as their users do.
    pub(super) fn prepare() -> Result<Self> {
        let built = workspace::build(&[
            "--release",
            "-p",
            "trackside-rtsp-server",
            "-p",
            "trackside-rtsp-client",
            "--bins",
        ])?;
        let program = |name: &str| {
            let found = built.iter().find(|(target, _)| target == name);
            found
                .map(|(_, path)| path.clone())
                .ok_or_else(|| Failure::new(format!("cargo built no program named {name}")))
        };
        let folder = std::env::temp_dir().join(format!("trackside-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pinned = cores > 1 && runs(Command::new("taskset").arg("--version"));
        if !pinned {
            println!("note: no taskset, or one core only: server and load share their cores");
        }
        Ok(Self {
            server: program("rtsp-server")?,
            load: program("rtsp-client")?,
            folder,
            pinned,
        })
    }

    /// A file of this run.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command on the core of what is measured.
    pub(super) fn measured(&self, program: &Path) -> Command {
        self.on(CORES.0, program)
    }

    /// A command on the core of the load.
    pub(super) fn beside(&self, program: &Path) -> Command {
        self.on(CORES.1, program)
    }

    fn on(&self, core: usize, program: &Path) -> Command {
        if !self.pinned {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.arg("-c").arg(core.to_string()).arg(program);
        command
    }

    /// Kernel, processor and how many cores of it.
    pub(super) fn name(&self) -> String {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let kernel = read("/proc/sys/kernel/osrelease");
        let processors = read("/proc/cpuinfo");
        let models: Vec<&str> = processors
            .lines()
            .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map(|(_, model)| model)
            .collect();
        format!(
            "Linux {}, {} × {}, loopback; {}",
            kernel.trim(),
            models.len(),
            models.first().unwrap_or(&"unknown processor"),
            if self.pinned {
                "server on one core, load on another"
            } else {
                "server and load on the same cores"
            }
        )
    }

    /// Forgets the run.
    pub(super) fn clean(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether a command is there and succeeds.
pub(super) fn runs(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
