//! What must not stand in a file, and what must.

use super::{Breach, Source};

/// Left-overs of work. In two halves, so that this file passes its own rule.
const LEFT: &[(&str, &str)] = &[
    ("todo", "!("),
    ("unimplemented", "!("),
    ("dbg", "!("),
    ("#[ign", "ore"),
];

/// Folders that are somebody's own.
const PLACES: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/")];

/// Crates that do I/O may need one small file of it.
const IO: &[&str] = &["rtsp-client", "rtsp-server"];

pub(super) fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        for rule in line_rules(source, line) {
            breaches.push(Breach::at(source, number + 1, rule));
        }
    }
    breaches.extend(unsafe_code(source));
    breaches
}

fn line_rules(source: &Source, line: &str) -> Vec<String> {
    let mut rules = Vec::new();
    for (head, tail) in PLACES {
        let place = [*head, *tail].concat();
        if line
            .match_indices(&place)
            .any(|(at, _)| starts_a_path(line, at))
        {
            rules.push(format!("{place} is a folder of one machine"));
        }
    }
    if source.is_rust() {
        for (head, tail) in LEFT {
            let left = [*head, *tail].concat();
            if line.contains(&left) {
                rules.push(format!("{left} was left behind"));
            }
        }
    }
    // Tables quote the RFCs, which spell as they like.
    let prose = source.is_rust() || source.path.ends_with(".md");
    if let Some(spelling) = misspelt_reference(line).filter(|_| prose) {
        rules.push(format!(
            "\"{spelling}\": a reference is spelt RFC 7826 §18.54"
        ));
    }
    rules
}

/// Whether what stands at `at` is the start of a path, and not a part of a URL or of a longer path.
fn starts_a_path(line: &str, at: usize) -> bool {
    line[..at].chars().next_back().is_none_or(|before| {
        !before.is_alphanumeric() && !matches!(before, '.' | '-' | '_' | '/' | '~' | '*' | '}')
    })
}

/// A reference to a section of an RFC that is not spelt as all others.
fn misspelt_reference(line: &str) -> Option<String> {
    for (at, _) in line.match_indices("RFC") {
        let rest = &line[at + 3..];
        let number = rest.trim_start();
        let digits = number.chars().take_while(char::is_ascii_digit).count();
        if digits < 3 {
            continue;
        }
        let after = &number[digits..];
        let section = ["sec", "Sec"]
            .iter()
            .any(|word| after.trim_start_matches([',', ' ']).starts_with(word));
        let comma = after.starts_with(", §") || after.starts_with("§");
        if section || comma || !rest.starts_with(' ') {
            return Some(line[at..].chars().take(digits + 14).collect());
        }
    }
    None
}

/// The root of each crate says that there is no unsafe code, or where it may be.
fn unsafe_code(source: &Source) -> Option<Breach> {
    let (_, path) = source.path.split_once('/')?;
    let program = path
        .strip_prefix("src/bin/")
        .is_some_and(|path| !path.contains('/') || path.ends_with("/main.rs"));
    if !program && !matches!(path, "src/lib.rs" | "src/main.rs") {
        return None;
    }
    let forbidden = source.text.contains("#![forbid(unsafe_code)]");
    let denied = IO.contains(&source.krate()) && source.text.contains("#![deny(unsafe_code)]");
    (!forbidden && !denied).then(|| Breach::new(&source.path, "has no #![forbid(unsafe_code)]"))
}

#[cfg(test)]
mod tests {
    use super::super::case::source;
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<String> {
        check(&source(path, text))
            .into_iter()
            .map(|breach| breach.rule)
            .collect()
    }

    #[test]
    fn left_overs_are_found() {
        for (head, tail) in LEFT {
            assert_eq!(
                rules("rtcp/src/a.rs", &format!("    {head}{tail}")).len(),
                1,
                "{head}"
            );
        }
        assert_eq!(rules("rtcp/src/a.rs", "// what to do: todo list"), [""; 0]);
        assert_eq!(
            rules("README.md", &format!("{}{}", LEFT[0].0, LEFT[0].1)),
            [""; 0]
        );
    }

    #[test]
    fn places_of_one_machine_are_found() {
        for (head, tail) in PLACES {
            assert_eq!(
                rules("README.md", &format!("see {head}{tail}x")).len(),
                1,
                "{head}"
            );
            assert_eq!(
                rules("README.md", &format!("https://example.org{head}{tail}x")),
                [""; 0],
                "{head}"
            );
        }
    }

    #[test]
    fn references_have_one_spelling() {
        for wrong in [
            "7826 §18",
            " 7826, section 18.54",
            " 7826 Section 18",
            " 7826, §18",
            " 7826§18",
        ] {
            assert_eq!(rules("a.md", &["RFC", wrong].concat()).len(), 1, "{wrong}");
        }
        for fine in [
            "RFC 7826 §18.54",
            "RFC 2326 and RFC 7826",
            "an RFC",
            "the RFCs",
        ] {
            assert_eq!(rules("a.md", fine), [""; 0], "{fine}");
        }
    }

    #[test]
    fn each_root_forbids_unsafe_code() {
        let forbids = "//! Docs.\n#![forbid(unsafe_code)]\n";
        let denies = "//! Docs.\n#![deny(unsafe_code)]\n";
        assert_eq!(rules("rtcp/src/lib.rs", forbids), [""; 0]);
        assert_eq!(
            rules("rtcp/src/lib.rs", denies).len(),
            1,
            "a wire crate forbids"
        );
        assert_eq!(rules("rtsp-server/src/lib.rs", denies), [""; 0]);
        assert_eq!(rules("rtsp-server/src/main.rs", "fn main() {}\n").len(), 1);
        assert_eq!(
            rules("rtsp-server/src/bin/rtsp-server/main.rs", "fn main() {}\n").len(),
            1
        );
        assert_eq!(rules("xtask/src/bin/reader.rs", "fn main() {}\n").len(), 1);
        assert_eq!(
            rules("rtsp-server/src/bin/rtsp-server/listen.rs", ""),
            [""; 0]
        );
        assert_eq!(rules("rtsp-server/src/io/mod.rs", ""), [""; 0]);
    }
}
