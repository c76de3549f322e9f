//! Finds the tests in a source file, and the ids that each names.

use super::ids;
use super::tokens::{Token, tokens};
use std::collections::BTreeSet;

/// A test function and the rows that it says it proves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) ids: BTreeSet<String>,
}

/// The tests of a source file: functions with `#[test]`, `#[tokio::test]` and the like.
pub(super) fn tests(source: &str) -> Vec<Test> {
    let tokens = tokens(source);
    let tables = tables(&tokens);
    let mut found = Vec::new();
    let mut header = Header::default();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at] {
            Token::Doc(line) => header.ids.extend(ids::in_doc(line)),
            Token::Mark('#') if tokens.get(at + 1) == Some(&Token::Mark('[')) => {
                let end = group(&tokens, at + 1);
                header.is_test |= is_test(&tokens[at + 2..end]);
                at = end;
            }
            Token::Word("fn") if header.is_test => {
                let (test, end) = test(&tokens, at, &tables, std::mem::take(&mut header));
                found.extend(test);
                at = end;
            }
            Token::Word("pub") if tokens.get(at + 1) == Some(&Token::Mark('(')) => {
                at = group(&tokens, at + 1);
            }
            Token::Word("pub" | "async" | "const" | "unsafe" | "extern") => {}
            // What is no function takes its attributes and its documentation with it.
            _ => header = Header::default(),
        }
        at += 1;
    }
    found
}

/// What stands before an item.
#[derive(Default)]
struct Header {
    is_test: bool,
    ids: Vec<String>,
}

/// Whether an attribute's path ends in `test`: `test`, `tokio::test(start_paused = true)`, not `cfg(test)`.
fn is_test(attribute: &[Token<'_>]) -> bool {
    let path = attribute
        .iter()
        .take_while(|token| matches!(token, Token::Word(_) | Token::Mark(':')));
    path.last() == Some(&Token::Word("test"))
}

/// The test whose `fn` stands at `at`, and where its body ends.
fn test(
    tokens: &[Token<'_>],
    at: usize,
    tables: &[Table<'_>],
    header: Header,
) -> (Option<Test>, usize) {
    let Some(Token::Word(name)) = tokens.get(at + 1).copied() else {
        return (None, at);
    };
    let Some(open) = body(tokens, at + 2) else {
        return (None, at + 1);
    };
    let end = group(tokens, open);
    let mut ids: BTreeSet<String> = header.ids.into_iter().collect();
    ids.extend(ids::in_name(name));
    for token in &tokens[open..end] {
        match token {
            Token::Text(text) => ids.extend(ids::in_text(text)),
            Token::Word(word) => {
                let named = tables.iter().filter(|table| table.name == *word);
                ids.extend(named.flat_map(|table| table.ids.iter().cloned()));
            }
            _ => {}
        }
    }
    let name = name.to_owned();
    (Some(Test { name, ids }), end)
}

/// Where the body of a function opens, whose parameters come first.
fn body(tokens: &[Token<'_>], mut at: usize) -> Option<usize> {
    while at < tokens.len() {
        match tokens[at] {
            Token::Mark('{') => return Some(at),
            Token::Mark(';') => return None,
            Token::Mark('(' | '[') => at = group(tokens, at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the bracket that opens at `open` closes; the end of the source if it does not.
fn group(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// A `const` or `static` whose strings hold ids.
struct Table<'a> {
    name: &'a str,
    ids: Vec<String>,
}

fn tables<'a>(tokens: &[Token<'a>]) -> Vec<Table<'a>> {
    let mut tables = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        let &[Token::Word("const" | "static"), Token::Word(name)] = pair else {
            continue;
        };
        // A constant function is no table.
        if name == "fn" || tokens.get(at + 2) != Some(&Token::Mark(':')) {
            continue;
        }
        let mut end = at + 2;
        let mut ids = Vec::new();
        while end < tokens.len() && tokens[end] != Token::Mark(';') {
            if matches!(tokens[end], Token::Mark('(' | '[' | '{')) {
                let close = group(tokens, end);
                for token in &tokens[end..close] {
                    if let Token::Text(text) = token {
                        ids.extend(ids::in_text(text));
                    }
                }
                end = close;
            }
            end += 1;
        }
        if !ids.is_empty() {
            tables.push(Table { name, ids });
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests of a source, each as `name: ids`.
    fn found(source: &str) -> Vec<String> {
        let line = |test: Test| {
            let ids: Vec<_> = test.ids.into_iter().collect();
            format!("{}: {}", test.name, ids.join(" "))
        };
        tests(source).into_iter().map(line).collect()
    }

    #[test]
    fn only_tests_are_found() {
        let cases: &[(&str, &[&str])] = &[
            ("#[test] fn r2_msg_01_x() {}", &["r2_msg_01_x: R2-MSG-01"]),
            (
                "#[tokio::test(flavor = \"multi_thread\")] async fn r2_msg_01() { }",
                &["r2_msg_01: R2-MSG-01"],
            ),
            (
                "#[test]\n#[should_panic]\n/// Doc.\npub(crate) fn r2_msg_01() -> [u8; 2] { [1; 2] }",
                &["r2_msg_01: R2-MSG-01"],
            ),
            ("fn r2_msg_01() {}", &[]),
            ("#[cfg(test)] fn r2_msg_01() {}", &[]),
            ("#[cfg(test)] mod a { fn r2_msg_01() {} }", &[]),
            (
                "#[cfg(test)] mod a { #[test] fn r2_msg_01() {} fn r2_msg_02() {} }",
                &["r2_msg_01: R2-MSG-01"],
            ),
            ("#[test] const A: u8 = 1; fn r2_msg_01() {}", &[]),
            ("// #[test]\nfn r2_msg_01() {}", &[]),
            ("/* #[test] */ fn r2_msg_01() {}", &[]),
            ("const A: &str = \"#[test] fn r2_msg_01() {}\";", &[]),
            ("const A: &str = r#\"\n#[test] fn r2_msg_01() {}\"#;", &[]),
            (
                "proptest! { #[test] fn r2_msg_01(a in 0..9_u8) { } }",
                &["r2_msg_01: R2-MSG-01"],
            ),
        ];
        for (source, expected) in cases {
            assert_eq!(found(source), *expected, "{source}");
        }
    }

    #[test]
    fn strings_count_within_the_test_alone() {
        assert_eq!(
            found(
                "#[test] fn cases() { for id in [\"R2-MSG-04\", \"R2-MSG-05: x\"] { f(id) } } fn f() { \"R2-MSG-06\"; }"
            ),
            ["cases: R2-MSG-04 R2-MSG-05"]
        );
        assert_eq!(
            found("#[test] fn a() { /* R2-MSG-04 */ f() // R2-MSG-05\n }"),
            ["a: "]
        );
    }

    #[test]
    fn a_table_counts_for_the_test_that_names_it() {
        let table = "const CASES: &[(&str, u8)] = &[(\"R2-MSG-04\", b';'), (\"R2-MSG-05\", 2)];";
        let uses = "#[test] fn a() { for case in CASES { case() } } #[test] fn b() {}";
        assert_eq!(
            found(&format!("{table} {uses}")),
            ["a: R2-MSG-04 R2-MSG-05", "b: "]
        );
        assert_eq!(
            found(&format!("{uses} static {}", &table[6..])),
            ["a: R2-MSG-04 R2-MSG-05", "b: "]
        );
        assert_eq!(
            found(&format!("{table} #[test] fn a() {{ \"CASES\"; }}")),
            ["a: "]
        );
    }

    #[test]
    fn a_doc_comment_may_name_ids() {
        assert_eq!(
            found("/// R2-SDP-01, R2-SDP-03: all.\n/// Not R2-SDP-04.\n#[test] fn a() {}"),
            ["a: R2-SDP-01 R2-SDP-03"]
        );
        assert_eq!(
            found("/// R2-SDP-01: it.\nfn helper() {}\n#[test] fn a() {}"),
            ["a: "]
        );
    }

    #[test]
    fn braces_in_strings_and_characters_do_not_confuse() {
        assert_eq!(
            found(
                "#[test] fn r2_msg_01() { let a = '{'; let b = \"{{\"; } #[test] fn r2_msg_02() { '\\''; } #[test] fn r2_msg_03() {}"
            ),
            [
                "r2_msg_01: R2-MSG-01",
                "r2_msg_02: R2-MSG-02",
                "r2_msg_03: R2-MSG-03"
            ]
        );
    }
}
