//! The benches of the crates, one after the other.

use crate::failure::{During, Failure, Result};
use crate::workspace;
use serde_json::Value;

/// Runs the benches of all crates, one after the other.
pub(super) fn run(quick: bool, arguments: &[String]) -> Result<bool> {
    let metadata = workspace::metadata()?;
    let benches = benches(&metadata);
    if benches.is_empty() {
        return Err(Failure::new("no crate has a bench"));
    }
    let effort: &[&str] = match quick {
        _ if !arguments.is_empty() => &[],
        true => &["--quick"],
        false => &["--warm-up-time", "1", "--measurement-time", "2"],
    };
    let mut good = true;
    for bench in benches {
        let mut command = workspace::cargo();
        command
            .args(["bench", "--package", bench.package, "--bench", bench.name])
            .args(["--features", &bench.features.join(","), "--"])
            .args(effort)
            .args(arguments);
        let status = command
            .status()
            .during(|| format!("running the bench {}", bench.name))?;
        good &= status.success();
    }
    Ok(good)
}

/// A bench and what must be on for it.
#[derive(Debug, PartialEq, Eq)]
struct Bench<'a> {
    package: &'a str,
    name: &'a str,
    features: Vec<&'a str>,
}

/// Named one by one: without names Cargo would run the unit tests' harness too, which knows no argument of criterion's.
fn benches(metadata: &Value) -> Vec<Bench<'_>> {
    fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
        value[key].as_array().into_iter().flatten()
    }
    let mut benches = Vec::new();
    for package in list(metadata, "packages") {
        for target in list(package, "targets") {
            if list(target, "kind").any(|kind| kind == "bench") {
                benches.push(Bench {
                    package: package["name"].as_str().unwrap_or_default(),
                    name: target["name"].as_str().unwrap_or_default(),
                    features: list(target, "required-features")
                        .filter_map(Value::as_str)
                        .collect(),
                });
            }
        }
    }
    benches
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn benches_are_found() {
        let metadata = json!({ "packages": [
            { "name": "a", "targets": [{ "kind": ["bench"], "name": "fast" }, { "kind": ["lib"], "name": "a" }] },
            { "name": "xtask", "targets": [
                { "kind": ["bench"], "name": "side", "required-features": ["others"] },
            ] },
        ] });
        let bench = |package, name, features: &[&'static str]| Bench {
            package,
            name,
            features: features.to_vec(),
        };
        assert_eq!(
            benches(&metadata),
            [bench("a", "fast", &[]), bench("xtask", "side", &["others"])]
        );
    }
}
