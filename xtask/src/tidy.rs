//! `cargo xtask tidy`: the rules of the house that a program can check.

mod layers;
mod manifests;
mod names;
mod sizes;
mod text;

use crate::failure::{During, Failure, Result};
use crate::workspace;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A tracked file and what is in it.
pub(crate) struct Source {
    /// From the root of the workspace, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The folder of the crate that it belongs to.
    fn krate(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The name without folder and extension.
    fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split('.').next().unwrap_or_default()
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether all of it is for tests.
    fn is_test(&self) -> bool {
        let mut parts = self.path.split('/');
        self.path.ends_with("/tests.rs")
            || parts.any(|part| matches!(part, "tests" | "benches" | "examples" | "fuzz"))
    }
}

/// A rule that is broken, and where.
#[derive(Debug, PartialEq)]
pub(crate) struct Breach {
    pub(crate) place: String,
    pub(crate) rule: String,
}

impl Breach {
    fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            rule: rule.into(),
        }
    }

    fn at(source: &Source, line: usize, rule: impl Into<String>) -> Self {
        Self::new(format!("{}:{line}", source.path), rule)
    }
}

/// Checks everything; whether nothing is broken.
pub(crate) fn run() -> Result<bool> {
    let sources = sources()?;
    let metadata = workspace::metadata()?;
    let mut breaches = layers::check(&metadata)?;
    breaches.extend(manifests::check(&metadata, &workspace::root()));
    for source in &sources {
        breaches.extend(sizes::check(source));
        breaches.extend(names::check(source));
        breaches.extend(text::check(source));
    }
    for breach in &breaches {
        println!("{}: {}", breach.place, breach.rule);
    }
    println!("tidy: {} files, {} breaches", sources.len(), breaches.len());
    Ok(breaches.is_empty())
}

/// The text files that git tracks, and those that it will be asked to.
fn sources() -> Result<Vec<Source>> {
    let root = workspace::root();
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(&root)
        .stdin(Stdio::null())
        .output()
        .during(|| "git ls-files".into())?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "git ls-files: {}",
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    let paths = String::from_utf8_lossy(&output.stdout).into_owned();
    let read = |path: &str| {
        let bytes = std::fs::read(root.join(PathBuf::from(path))).ok()?;
        // A file that is no text has no words to check.
        String::from_utf8(bytes).ok().map(|text| Source {
            path: path.to_owned(),
            text,
        })
    };
    let sources: Vec<Source> = paths
        .split('\0')
        .filter(|path| !path.is_empty())
        .filter_map(read)
        .collect();
    if sources.is_empty() {
        return Err(Failure::new("git tracks no file here"));
    }
    Ok(sources)
}

#[cfg(test)]
pub(crate) mod case {
    use super::Source;

    pub(crate) fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::case::source;

    #[test]
    fn a_source_knows_what_it_is() {
        assert!(source("rtcp/src/compound/tests.rs", "").is_test());
        assert!(source("rtcp/benches/compound.rs", "").is_test());
        assert!(!source("rtcp/src/compound.rs", "").is_test());
        assert_eq!(source("rtcp/src/compound.rs", "").krate(), "rtcp");
        assert_eq!(source("rtcp/src/compound.rs", "").stem(), "compound");
    }
}
