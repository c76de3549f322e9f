//! What this machine has: the programs under test, the peers' interpreters, the clips.

use super::clip::{self, Clip, RECIPES};
use crate::failure::{Failure, Result};
use crate::workspace;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The folder of this run, and everything that its cells share.
pub(crate) struct Machine {
    folder: PathBuf,
    clip_folder: PathBuf,
    pub(crate) server: PathBuf,
    pub(crate) client: PathBuf,
    pub(crate) retina: Option<PathBuf>,
    venv: PathBuf,
    /// Made on first use; a clip that cannot be made fails each cell that asks for it.
    clips: Mutex<HashMap<&'static str, std::result::Result<&'static Clip, String>>>,
}

/// The scripts that drive peers from Python.
const SCRIPTS: &[(&str, &str)] = &[
    (
        "aio_rtsp_toolkit_server.py",
        include_str!("peers/aio_rtsp_toolkit_server.py"),
    ),
    ("aiortsp_reader.py", include_str!("peers/aiortsp_reader.py")),
    ("gst_reader.py", include_str!("peers/gst_reader.py")),
    (
        "gst_rtsp_server.py",
        include_str!("peers/gst_rtsp_server.py"),
    ),
    ("h264_units.py", include_str!("peers/h264_units.py")),
    ("live555_proxy.py", include_str!("peers/live555_proxy.py")),
    ("opencv_reader.py", include_str!("peers/opencv_reader.py")),
    ("pyav_reader.py", include_str!("peers/pyav_reader.py")),
    (
        "websockets_reader.py",
        include_str!("peers/websockets_reader.py"),
    ),
];

/// Debian's Python: GObject introspection lives there and nowhere else.
pub(crate) const SYSTEM_PYTHON: &str = "/usr/bin/python3";

impl Machine {
    /// Builds what is under test unless only the peers are, and makes the folder of the run.
    pub(crate) fn prepare(venv: Option<&Path>, with_us: bool) -> Result<Self> {
        let target = workspace::target()?;
        let (server, client) = if with_us {
            programs()?
        } else {
            (PathBuf::new(), PathBuf::new())
        };
        // A release build of its own: the reader must not be what is slow.
        let retina = workspace::build(&[
            "--release",
            "-p",
            "xtask",
            "--features",
            "retina",
            "--bin",
            "retina-reader",
        ]);
        let retina = retina
            .ok()
            .and_then(|built| built.into_iter().find(|(name, _)| name == "retina-reader"))
            .map(|(_, path)| path);
        // Outside the workspace: peers that run as another user must get in, whoever owns the checkout.
        let folder = std::env::temp_dir().join(format!("trackside-interop-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        for (name, text) in SCRIPTS {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(Self {
            clip_folder: target.join("interop-clips"),
            server,
            client,
            retina,
            venv: venv.map_or_else(|| target.join("interop-venv"), Path::to_path_buf),
            folder,
            clips: Mutex::new(HashMap::new()),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The clip of that name; made now if nobody has asked before.
    pub(crate) fn clip(&self, name: &str) -> Result<&'static Clip> {
        let recipe = clip::recipe(name)?;
        let mut clips = self.clips.lock().unwrap_or_else(PoisonError::into_inner);
        clips
            .entry(recipe.name)
            // Clips live as long as the program: cells on several threads hold them.
            .or_insert_with(|| {
                clip::prepare(recipe, &self.clip_folder)
                    .map(|clip| &*Box::leak(Box::new(clip)))
                    .map_err(|error| error.to_string())
            })
            .clone()
            .map_err(Failure::new)
    }

    /// Makes all clips ahead of the cells, so that no cell's time goes into an encoder.
    pub(crate) fn make_clips(&self, names: impl Iterator<Item = &'static str>) {
        let wanted: Vec<_> = names.collect();
        for recipe in RECIPES
            .iter()
            .filter(|recipe| wanted.contains(&recipe.name))
        {
            // The failure is kept for the cells.
            let _ = self.clip(recipe.name);
        }
    }

    /// A command that runs one of the scripts with Debian's Python.
    pub(crate) fn system_script(&self, script: &str) -> Command {
        let mut command = Command::new(SYSTEM_PYTHON);
        command.arg(self.folder.join(script));
        command
    }

    /// A command that runs one of the scripts in the virtual environment.
    pub(crate) fn venv_script(&self, script: &str) -> Command {
        let mut command = Command::new(self.venv_python());
        command.arg(self.folder.join(script));
        command
    }

    fn venv_python(&self) -> PathBuf {
        self.venv.join("bin/python3")
    }

    /// The version that a Python expression yields in the virtual environment.
    pub(crate) fn venv_version(&self, expression: &str) -> Option<String> {
        version(
            Command::new(self.venv_python())
                .args(["-c", &format!("import importlib.metadata; {expression}")]),
        )
    }

    /// Whether Debian's Python can run this, and what it prints.
    pub(crate) fn system_version(&self, code: &str) -> Option<String> {
        version(Command::new(SYSTEM_PYTHON).args(["-c", code]))
    }

    /// Forgets the run: captures and logs are of use only while something failed.
    pub(crate) fn clean(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Builds the two programs, as their user does.
fn programs() -> Result<(PathBuf, PathBuf)> {
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
    Ok((program("rtsp-server")?, program("rtsp-client")?))
}

/// The first line that a command prints, if it runs and succeeds.
pub(crate) fn version(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    Some(
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned(),
    )
}
