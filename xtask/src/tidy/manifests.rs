//! What each crate must bring: a README, a CHANGELOG, and the fields that a registry shows.

use super::Breach;
use serde_json::Value;
use std::path::Path;

const FIELDS: &[&str] = &[
    "description",
    "license",
    "repository",
    "rust_version",
    "readme",
];

pub(super) fn check(metadata: &Value, root: &Path) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        // `publish = false` is an empty list of registries.
        if package["publish"].as_array().is_some_and(Vec::is_empty) {
            continue;
        }
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let folder = manifest.parent().unwrap_or(root);
        let name = package["name"].as_str().unwrap_or_default();
        breaches.extend(fields(name, package));
        for file in ["README.md", "CHANGELOG.md"] {
            let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
            breaches.extend(document(name, file, &text));
        }
    }
    breaches
}

fn fields(name: &str, package: &Value) -> Vec<Breach> {
    let absent = |field: &&&str| package[**field].as_str().is_none_or(str::is_empty);
    FIELDS
        .iter()
        .filter(absent)
        .map(|field| Breach::new(name, format!("its manifest has no {field}")))
        .collect()
}

fn document(name: &str, file: &str, text: &str) -> Option<Breach> {
    // A heading and a line are the least that can be called one.
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    (lines < 2).then(|| Breach::new(name, format!("it has no {file}, or an empty one")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn missing_fields_are_named() {
        let mut package = json!({
            "description": "x", "license": "MIT", "repository": "https://example.org", "rust_version": "1.88", "readme": "README.md"
        });
        assert_eq!(fields("sdp", &package), []);
        package["license"] = Value::Null;
        package["description"] = "".into();
        let rules: Vec<String> = fields("sdp", &package)
            .into_iter()
            .map(|breach| breach.rule)
            .collect();
        assert_eq!(
            rules,
            [
                "its manifest has no description",
                "its manifest has no license"
            ]
        );
    }

    #[test]
    fn an_empty_document_is_none() {
        assert!(document("sdp", "README.md", "").is_some());
        assert!(document("sdp", "README.md", "# sdp\n\n").is_some());
        assert!(document("sdp", "README.md", "# sdp\n\nWhat it is.\n").is_none());
    }
}
