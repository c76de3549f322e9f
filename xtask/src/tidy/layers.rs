//! Who may depend on whom, checked on what Cargo resolves.

use super::Breach;
use crate::failure::{During, Failure, Result};
use crate::workspace;
use serde_json::Value;
use std::process::Stdio;

const PREFIX: &str = "trackside-";

/// What a crate must not have below it, of the crates of the house and of others.
struct Layer {
    krate: &'static str,
    height: u8,
    house: &'static [&'static str],
    others: &'static [&'static str],
}

/// Nothing that waits, opens, draws or tells the time.
const NO_WORLD: &[&str] = &[
    "tokio",
    "mio",
    "async-std",
    "smol",
    "socket2",
    "quinn-udp",
    "rustix",
    "nix",
    "rand",
    "getrandom",
    "chrono",
    "time",
];
const NO_IO: &[&str] = &[
    "tokio",
    "mio",
    "async-std",
    "smol",
    "socket2",
    "quinn-udp",
    "rustix",
    "nix",
];
const ALL: &[&str] = &[
    "rtsp-msg",
    "rtp-core",
    "rtcp",
    "sdp",
    "rtsp-session",
    "rtsp-client",
    "rtsp-server",
];

const LAYERS: &[Layer] = &[
    Layer {
        krate: "rtsp-msg",
        height: 0,
        house: ALL,
        others: NO_WORLD,
    },
    Layer {
        krate: "rtp-core",
        height: 0,
        house: ALL,
        others: NO_WORLD,
    },
    Layer {
        krate: "rtcp",
        height: 0,
        house: ALL,
        others: NO_WORLD,
    },
    Layer {
        krate: "sdp",
        height: 0,
        house: ALL,
        others: NO_WORLD,
    },
    Layer {
        krate: "rtsp-session",
        height: 1,
        house: &["rtsp-client", "rtsp-server"],
        others: NO_IO,
    },
    Layer {
        krate: "rtsp-client",
        height: 2,
        house: &["rtsp-server"],
        others: &[],
    },
    Layer {
        krate: "rtsp-server",
        height: 3,
        house: &[],
        others: &[],
    },
    // Its reader of retina needs tokio, behind a feature that the tasks do not use.
    Layer {
        krate: "xtask",
        height: 4,
        house: ALL,
        others: &["tokio"],
    },
];

/// Checks all members of the workspace.
pub(super) fn check(metadata: &Value) -> Result<Vec<Breach>> {
    let mut breaches = members(metadata);
    for layer in LAYERS {
        let package = package_name(layer.krate);
        breaches.extend(judge(layer, &below(&package)?));
    }
    breaches.extend(dev_dependencies(metadata));
    Ok(breaches)
}

fn package_name(krate: &str) -> String {
    if krate == "xtask" {
        krate.to_owned()
    } else {
        format!("{PREFIX}{krate}")
    }
}

/// Every crate has a layer: there is no crate "common" underneath.
fn members(metadata: &Value) -> Vec<Breach> {
    let known: Vec<String> = LAYERS
        .iter()
        .map(|layer| package_name(layer.krate))
        .collect();
    names(metadata)
        .filter(|name| !known.iter().any(|known| known == name))
        .map(|name| {
            Breach::new(
                "Cargo.toml",
                format!("the crate {name} has no layer; ARCHITECTURE.md says which there are"),
            )
        })
        .collect()
}

fn names(metadata: &Value) -> impl Iterator<Item = &str> {
    metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| package["name"].as_str())
}

/// All that is compiled for a package, tests and features that are off aside.
fn below(package: &str) -> Result<Vec<String>> {
    let output = workspace::cargo()
        .args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .stderr(Stdio::inherit())
        .output()
        .during(|| "cargo tree".into())?;
    if !output.status.success() {
        return Err(Failure::new(format!("cargo tree of {package} failed")));
    }
    // Itself comes first.
    Ok(dependencies(&String::from_utf8_lossy(&output.stdout))
        .skip(1)
        .collect())
}

fn dependencies(tree: &str) -> impl Iterator<Item = String> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
}

fn judge(layer: &Layer, below: &[String]) -> Vec<Breach> {
    let own = package_name(layer.krate);
    let forbidden = |name: &String| {
        let house = layer.house.iter().any(|krate| package_name(krate) == *name);
        *name != own && (house || layer.others.contains(&name.as_str()))
    };
    let mut found: Vec<&String> = below.iter().filter(|name| forbidden(name)).collect();
    found.sort();
    found.dedup();
    found
        .into_iter()
        .map(|name| Breach::new(layer.krate, format!("must not depend on {name}")))
        .collect()
}

/// A dev-dependency sideways or upwards is by path alone: a version would make a circle that cannot be published.
fn dev_dependencies(metadata: &Value) -> Vec<Breach> {
    let height = |name: &str| {
        LAYERS
            .iter()
            .find(|layer| package_name(layer.krate) == name)
            .map(|layer| layer.height)
    };
    let mut breaches = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let (Some(name), Some(dependencies)) =
            (package["name"].as_str(), package["dependencies"].as_array())
        else {
            continue;
        };
        for dependency in dependencies
            .iter()
            .filter(|dependency| dependency["kind"] == "dev")
        {
            let Some(other) = dependency["name"].as_str() else {
                continue;
            };
            let upwards = height(other)
                .zip(height(name))
                .is_some_and(|(other, own)| other >= own);
            if upwards && dependency["req"] != "*" {
                breaches.push(Breach::new(
                    name,
                    format!("the dev-dependency {other} must be by path, without a version"),
                ));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn layer(krate: &str) -> &'static Layer {
        LAYERS.iter().find(|layer| layer.krate == krate).unwrap()
    }

    fn tree(text: &str) -> Vec<String> {
        dependencies(text).skip(1).collect()
    }

    #[test]
    fn a_wire_crate_stands_alone() {
        let fine = tree("trackside-rtcp v0.1.0 (/x/rtcp)\nbytes v1.10.0\nthiserror v2.0.0\n");
        assert_eq!(judge(layer("rtcp"), &fine), []);
        let sideways = tree(
            "trackside-rtcp v0.1.0 (/x/rtcp)\nbytes v1.10.0\ntrackside-rtp-core v0.1.0 (/x/rtp-core)\n",
        );
        assert_eq!(
            judge(layer("rtcp"), &sideways),
            [Breach::new("rtcp", "must not depend on trackside-rtp-core")]
        );
        let world = tree("trackside-sdp v0.1.0 (/x/sdp)\ntokio v1.45.0\n");
        assert_eq!(judge(layer("sdp"), &world).len(), 1);
    }

    #[test]
    fn sessions_do_no_io_and_the_client_knows_no_server() {
        assert_eq!(
            judge(
                layer("rtsp-session"),
                &tree("trackside-rtsp-session v0.1.0\ntrackside-rtcp v0.1.0\n")
            ),
            []
        );
        assert_eq!(
            judge(
                layer("rtsp-session"),
                &tree("trackside-rtsp-session v0.1.0\nsocket2 v0.6.0\n")
            )
            .len(),
            1
        );
        assert_eq!(
            judge(
                layer("rtsp-client"),
                &tree("trackside-rtsp-client v0.1.0\ntrackside-rtsp-server v0.1.0\n")
            )
            .len(),
            1
        );
        assert_eq!(
            judge(
                layer("rtsp-server"),
                &tree("trackside-rtsp-server v0.1.0\ntrackside-rtsp-client v0.1.0\n")
            ),
            []
        );
    }

    #[test]
    fn a_crate_without_a_layer_is_named() {
        let metadata =
            json!({ "packages": [{ "name": "trackside-rtcp" }, { "name": "trackside-common" }] });
        let breaches = members(&metadata);
        assert_eq!(breaches.len(), 1);
        assert!(breaches[0].rule.contains("trackside-common"));
    }

    #[test]
    fn circles_of_dev_dependencies_have_no_version() {
        let with = |req: &str| {
            json!({ "packages": [{ "name": "trackside-rtsp-client", "dependencies": [
                { "name": "trackside-rtsp-server", "kind": "dev", "req": req },
                { "name": "trackside-rtcp", "kind": "dev", "req": "^0.1.0" },
            ] }] })
        };
        assert_eq!(dev_dependencies(&with("*")), []);
        assert_eq!(dev_dependencies(&with("^0.1.0")).len(), 1);
    }
}
