//! Where the workspace is, what is in it, and the programs that it builds.

use crate::failure::{During, Failure, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the workspace: the folder above this crate's.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo, as the one that runs this task.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// `cargo metadata` of the members alone.
pub(crate) fn metadata() -> Result<Value> {
    let output = cargo()
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .stderr(Stdio::inherit())
        .output()
        .during(|| "cargo metadata".into())?;
    if !output.status.success() {
        return Err(Failure::new("cargo metadata failed"));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The target folder in use.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata()?;
    let folder = metadata["target_directory"]
        .as_str()
        .ok_or_else(|| Failure::new("cargo metadata names no target folder"))?;
    Ok(folder.into())
}

/// Builds with `cargo build` and the arguments given; returns the executables that Cargo names, by target name.
pub(crate) fn build(arguments: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    let output = cargo()
        .arg("build")
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .during(|| "cargo build".into())?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "cargo build {} failed",
            arguments.join(" ")
        )));
    }
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

fn executables(messages: &str) -> Vec<(String, PathBuf)> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter_map(|message| {
            Some((
                message["target"]["name"].as_str()?.to_owned(),
                message["executable"].as_str()?.into(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_the_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"rtsp_server"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"rtsp-server"},"executable":"/x/rtsp-server"}"#,
            "\nnot json\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(
            executables(messages),
            [("rtsp-server".to_owned(), PathBuf::from("/x/rtsp-server"))]
        );
    }
}
