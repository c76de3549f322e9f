//! Every input that fuzzing keeps, through the function that it is for.
//!
//! One test after the other: the targets measure what they allocate.

/// The library of `xtask/fuzz`, which is in another workspace: a member of this one cannot depend on it.
#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
// It is a library, of which only a part is used here.
mod fuzz;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that all inputs may have together.
const MOST: u64 = 512 * 1024;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// Files in `fuzz/KIND/TARGET`, in the order of their names.
fn inputs(kind: &str, target: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join(kind).join(target)) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_fuzzing_found_stays_found() {
    let _turn = alone();
    let mut bytes = 0;
    for (target, run) in fuzz::TARGETS {
        let seeds = inputs("seeds", target);
        assert!(!seeds.is_empty(), "{target} has nothing to begin with");
        for file in seeds.into_iter().chain(inputs("regressions", target)) {
            let input = fs::read(&file).unwrap();
            bytes += input.len() as u64;
            // Shown when it fails.
            println!("{}", file.display());
            run(&input);
        }
    }
    assert!(bytes <= MOST, "{bytes} bytes of inputs");
}

#[test]
fn every_folder_of_inputs_and_every_program_belongs_to_a_target() {
    let _turn = alone();
    let known = |name: &str| fuzz::TARGETS.iter().any(|(target, _)| *target == name);
    for kind in ["seeds", "regressions"] {
        let Ok(folders) = fs::read_dir(root().join(kind)) else {
            continue;
        };
        for folder in folders {
            let name = folder.unwrap().file_name().into_string().unwrap();
            assert!(known(&name), "{kind}/{name}");
        }
    }
    for (target, _) in fuzz::TARGETS {
        let program = root()
            .join("targets")
            .join(format!("{}.rs", target.replace('-', "_")));
        let text = fs::read_to_string(&program).unwrap();
        assert!(
            text.contains(&format!("\"{target}\"")),
            "{}",
            program.display()
        );
    }
}

#[test]
fn the_inputs_that_are_made_are_those_that_are_kept() {
    let _turn = alone();
    for (target, name, input) in fuzz::seeds() {
        let file = root().join("seeds").join(target).join(&name);
        let kept = fs::read(&file).unwrap_or_default();
        assert!(
            kept == input,
            "{} is another: cargo run --manifest-path xtask/fuzz/Cargo.toml --no-default-features --example seeds",
            file.display()
        );
    }
}
