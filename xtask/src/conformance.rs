//! `cargo xtask conformance`: the rules of RFC 7826 and RFC 2326 joined with the tests that hold us to them.
//!
//! `xtask/conformance/requirements.tsv` numbers the rules, `not-applicable.tsv` and `later.tsv` say which of them need no test (yet) and why. How a test names
//! its rules is told in `ids`. Sources are scanned, nothing is compiled.

mod coverage;
mod ids;
mod report;
mod scan;
mod table;
mod tokens;

use crate::failure::{During, Failure, Result};
use crate::workspace;
use coverage::{Coverage, Place};
use std::path::{Path, PathBuf};

/// What to print, and what to compare with.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Options {
    /// Lists the open rows with their wording, of one area or of all.
    #[arg(long, value_name = "AREA", num_args = 0..=1)]
    open: Option<Option<String>>,
    /// Fails if an area covers fewer rows than this file says.
    #[arg(long, value_name = "FILE")]
    at_least: Option<PathBuf>,
    /// Writes the file for `--at-least`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Writes the figures and all rows as Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Writes the same as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The folder of the table.
fn folder() -> PathBuf {
    workspace::root().join("xtask").join("conformance")
}

/// Joins, prints and compares; whether nothing is wrong.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let coverage = read()?;
    if let Some(area) = &options.open {
        open(&coverage, area.as_deref())?;
    } else {
        print!("{}", report::text(&coverage));
    }
    if let Some(path) = &options.markdown {
        write(path, &report::markdown(&coverage))?;
    }
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&report::json(&coverage))?;
        write(path, &json)?;
    }
    if let Some(path) = &options.record {
        write(path, &coverage.record())?;
    }
    let fallen = match &options.at_least {
        Some(path) => coverage.fallen(&table::read(path)?)?,
        None => Vec::new(),
    };
    for fall in &fallen {
        println!("fewer rows are covered: {fall}");
    }
    for error in &coverage.errors {
        println!("error: {error}");
    }
    Ok(fallen.is_empty() && coverage.errors.is_empty())
}

/// The step of `cargo xtask ci`: no error, and no figure has fallen.
pub(crate) fn check() -> Result<bool> {
    run(&Options {
        at_least: Some(folder().join("covered.txt")),
        ..Options::default()
    })
}

fn open(coverage: &Coverage, area: Option<&str>) -> Result<()> {
    if let Some(area) = area
        && !coverage
            .areas()
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(area))
    {
        return Err(Failure::new(format!("there is no area {area}")));
    }
    for row in coverage.open(area) {
        println!("{}", report::line(row));
    }
    Ok(())
}

fn read() -> Result<Coverage> {
    let folder = folder();
    let rows = table::rows(&table::read(&folder.join("requirements.tsv"))?)?;
    let not_applicable = table::reasons(&table::read(&folder.join("not-applicable.tsv"))?)?;
    let later = table::reasons(&table::read(&folder.join("later.tsv"))?)?;
    Ok(Coverage::join(rows, &not_applicable, &later, &places()?))
}

/// All tests of the crates that are published. The tasks' own tests prove no rule.
fn places() -> Result<Vec<Place>> {
    let root = workspace::root();
    let metadata = workspace::metadata()?;
    let mut files = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = package["manifest_path"].as_str().map(Path::new);
        if let Some(krate) = manifest.and_then(Path::parent)
            && package["name"] != env!("CARGO_PKG_NAME")
        {
            sources(&krate.join("src"), &mut files)?;
            sources(&krate.join("tests"), &mut files)?;
        }
    }
    files.sort();
    let mut places = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap_or(&file);
        let path = path.to_string_lossy().replace('\\', "/");
        let tests = scan::tests(&table::read(&file)?);
        places.extend(tests.into_iter().map(|test| Place {
            path: path.clone(),
            test,
        }));
    }
    if places.is_empty() {
        return Err(Failure::new("no crate has a test"));
    }
    Ok(places)
}

/// The Rust files below a folder, which need not be there.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).during(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_joins_with_the_tests() {
        let coverage = read().unwrap();
        assert_eq!(coverage.errors, [""; 0]);
        assert_eq!(coverage.total().rows, 839);
        assert!(coverage.total().covered > 0);
    }
}
