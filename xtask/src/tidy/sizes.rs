//! How long files are, and what a lib.rs may hold. (Clippy counts functions.)

use super::{Breach, Source};

/// Lines of a file, its tests aside.
const CODE: usize = 600;
/// Lines of a test module that stands in the file that it tests.
const TESTS: usize = 200;

pub(super) fn check(source: &Source) -> Vec<Breach> {
    if !source.is_rust() || source.is_test() {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    let (code, tests) = split(&source.text);
    if code > CODE {
        breaches.push(Breach::new(
            &source.path,
            format!("{code} lines without its tests; {CODE} hold one concept"),
        ));
    }
    if tests > TESTS {
        let folder = source.path.trim_end_matches(".rs");
        breaches.push(Breach::new(
            &source.path,
            format!("{tests} lines of tests; over {TESTS} they go to {folder}/tests.rs"),
        ));
    }
    if source.path.ends_with("/src/lib.rs") {
        breaches.extend(library_root(source));
    }
    breaches
}

/// Lines before the test module, and from there on.
fn split(text: &str) -> (usize, usize) {
    let total = text.lines().count();
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.windows(2).position(|pair| {
        // `mod tests;` is in a file of its own, and costs two lines here.
        pair[0].trim() == "#[cfg(test)]"
            && pair[1].trim_start().starts_with("mod ")
            && pair[1].ends_with('{')
    });
    start.map_or((total, 0), |start| (start, total - start))
}

/// A lib.rs has docs, `mod` and `use`: who looks for code looks in a module.
fn library_root(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut item = Item::None;
    let mut excused = false;
    for (number, line) in source.text.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default().trim();
        match item {
            Item::Statement if line.contains(';') => item = Item::None,
            Item::Attribute if line.ends_with(")]") => item = Item::None,
            Item::Statement | Item::Attribute => {}
            Item::None if line.is_empty() => {}
            Item::None if line.starts_with('#') => {
                // The README's examples run as tests of an item that exists only then.
                excused |= line == "#[cfg(doctest)]";
                item = if line.ends_with(']') {
                    Item::None
                } else {
                    Item::Attribute
                };
            }
            Item::None
                if STATEMENTS.iter().any(|start| line.starts_with(start))
                    && !opens_a_module(line) =>
            {
                item = if line.contains(';') {
                    Item::None
                } else {
                    Item::Statement
                };
            }
            Item::None => {
                if !excused {
                    breaches.push(Breach::at(
                        source,
                        number + 1,
                        "a lib.rs holds docs, `mod` and `pub use` only",
                    ));
                }
                excused = false;
            }
        }
    }
    breaches
}

/// What a lib.rs may consist of.
const STATEMENTS: &[&str] = &[
    "mod ",
    "pub mod ",
    "pub(crate) mod ",
    "use ",
    "pub use ",
    "pub(crate) use ",
    "extern crate ",
];

/// What a line of a lib.rs is in the middle of.
#[derive(Clone, Copy)]
enum Item {
    None,
    Statement,
    Attribute,
}

fn opens_a_module(line: &str) -> bool {
    line.contains("mod ") && line.ends_with('{')
}

#[cfg(test)]
mod tests {
    use super::super::case::source;
    use super::*;

    #[test]
    fn code_and_tests_are_counted_apart() {
        let code = "fn a() {}\n".repeat(600);
        let tests = |lines: usize| {
            format!(
                "#[cfg(test)]\nmod tests {{\n{}}}\n",
                "    // x\n".repeat(lines)
            )
        };
        assert_eq!(
            check(&source("rtcp/src/a.rs", &format!("{code}{}", tests(197)))),
            []
        );
        assert_eq!(
            check(&source("rtcp/src/a.rs", &format!("{code}fn b() {{}}\n"))).len(),
            1
        );
        assert_eq!(check(&source("rtcp/src/a.rs", &tests(198))).len(), 1);
        assert_eq!(
            check(&source("rtcp/src/a/tests.rs", &"fn a() {}\n".repeat(900))),
            []
        );
        assert_eq!(
            split("fn a() {}\n#[cfg(test)]\nmod tests;\n"),
            (3, 0),
            "tests elsewhere hide nothing"
        );
    }

    #[test]
    fn a_lib_holds_no_code() {
        let fine = "//! Docs.\n#![forbid(unsafe_code)]\n#![cfg_attr(\n    not(test),\n    warn(clippy::panic)\n)]\n\nextern crate alloc;\nmod a;\npub mod b;\npub use a::{\n    A,\n    B,\n};\n\
                    #[doc = include_str!(\"../README.md\")]\n#[cfg(doctest)]\nstruct Readme;\n";
        assert_eq!(check(&source("rtcp/src/lib.rs", fine)), []);
        for code in [
            "pub fn a() {}",
            "struct A;",
            "mod a {",
            "impl A {",
            "const A: u8 = 1;",
        ] {
            let text = format!("//! Docs.\n{code}\n");
            let found = check(&source("rtcp/src/lib.rs", &text));
            assert_eq!(found.len(), usize::from(true), "{code}: {found:?}");
        }
        assert_eq!(check(&source("rtcp/src/other.rs", "struct A;\n")), []);
    }
}
