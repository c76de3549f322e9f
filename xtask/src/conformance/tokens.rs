//! Rust source as the few kinds of tokens that finding tests needs. What stands in a comment or a string is never taken for code.

/// A piece of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// What stands between the quotes of a string of any kind, escapes as they are.
    Text(&'a str),
    /// A line of an outer doc comment (`///`), without the slashes.
    Doc(&'a str),
    /// One character of punctuation.
    Mark(char),
}

/// Cuts source into tokens.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        rest: source,
        tokens: Vec::new(),
    };
    while lexer.step() {}
    lexer.tokens
}

struct Lexer<'a> {
    rest: &'a str,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    /// Takes what is next; false at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            self.line_comment();
        } else if self.rest.starts_with("/*") {
            self.block_comment();
        } else if first.is_alphabetic() || first == '_' {
            self.word_or_prefixed_text();
        } else if first.is_ascii_digit() {
            let word = self.take_while(|letter| letter.is_alphanumeric() || letter == '_');
            self.tokens.push(Token::Word(word));
        } else if first == '"' {
            self.take(1);
            self.text();
        } else if first == '\'' {
            self.character_or_lifetime();
        } else {
            self.take(first.len_utf8());
            if !first.is_whitespace() {
                self.tokens.push(Token::Mark(first));
            }
        }
        true
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !belongs(letter));
        self.take(end.unwrap_or(self.rest.len()))
    }

    fn line_comment(&mut self) {
        let line = self.take_while(|letter| letter != '\n');
        // Four slashes are no documentation.
        if let Some(doc) = line.strip_prefix("///").filter(|doc| !doc.starts_with('/')) {
            self.tokens.push(Token::Doc(doc));
        }
    }

    /// Block comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0;
        while !self.rest.is_empty() {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.take(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.take(2);
                if depth == 0 {
                    return;
                }
            } else {
                let length = self.rest.chars().next().map_or(1, char::len_utf8);
                self.take(length);
            }
        }
    }

    fn word_or_prefixed_text(&mut self) {
        let word = self.take_while(|letter| letter.is_alphanumeric() || letter == '_');
        let raw = matches!(word, "r" | "br" | "cr");
        if matches!(word, "b" | "c") && self.rest.starts_with('"') {
            self.take(1);
            self.text();
        } else if word == "b" && self.rest.starts_with('\'') {
            self.character_or_lifetime();
        } else if raw && self.raw_text() {
        } else if word == "r" && self.rest.starts_with('#') {
            // A raw identifier: what follows is its name.
            self.take(1);
        } else {
            self.tokens.push(Token::Word(word));
        }
    }

    /// The rest of a string after its opening quote.
    fn text(&mut self) {
        let start = self.rest;
        let mut escaped = false;
        for (at, letter) in start.char_indices() {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    self.take(at + 1);
                    self.tokens.push(Token::Text(&start[..at]));
                    return;
                }
                _ => {}
            }
        }
        self.rest = "";
    }

    /// A raw string after its `r`, if it is one.
    fn raw_text(&mut self) -> bool {
        let hashes = self.rest.bytes().take_while(|byte| *byte == b'#').count();
        if self.rest.as_bytes().get(hashes) != Some(&b'"') {
            return false;
        }
        self.take(hashes + 1);
        let end = format!("\"{}", "#".repeat(hashes));
        let length = self.rest.find(&end).unwrap_or(self.rest.len());
        let text = self.take(length);
        self.take(end.len());
        self.tokens.push(Token::Text(text));
        true
    }

    /// `'a'` and `'\n'` are characters, `'a` is a lifetime.
    fn character_or_lifetime(&mut self) {
        self.take(1);
        let mut letters = self.rest.char_indices();
        let (first, second) = (letters.next(), letters.next());
        match (first, second) {
            (Some((_, '\\')), Some((at, escaped))) => {
                self.take(at + escaped.len_utf8());
                self.take_while(|letter| letter != '\'');
                self.take(1);
            }
            (Some(_), Some((at, '\''))) => {
                self.take(at + 1);
            }
            _ => {
                self.take_while(|letter| letter.is_alphanumeric() || letter == '_');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Token::{Doc, Mark, Text, Word};
    use super::*;

    #[test]
    fn code_comments_and_strings_are_told_apart() {
        let cases: &[(&str, &[Token<'_>])] = &[
            ("fn a", &[Word("fn"), Word("a")]),
            ("a // fn b\nc", &[Word("a"), Word("c")]),
            ("/* fn /* b */ c */ d", &[Word("d")]),
            ("/// R2\n//// no\n//! no\nx", &[Doc(" R2"), Word("x")]),
            (r#""a\"b\\" c"#, &[Text(r#"a\"b\\"#), Word("c")]),
            (r###"r#"a"b"# c"###, &[Text("a\"b"), Word("c")]),
            (r#"r"\" c"#, &[Text("\\"), Word("c")]),
            (r#"b"a" br"b" c"c""#, &[Text("a"), Text("b"), Text("c")]),
            ("r#fn x", &[Word("fn"), Word("x")]),
            (r"'a' '\'' '\u{1F}' b'\\' x", &[Word("x")]),
            (r#"'"' "a""#, &[Text("a")]),
            ("&'a str", &[Mark('&'), Word("str")]),
            ("'ü' x", &[Word("x")]),
            ("1_u8.x", &[Word("1_u8"), Mark('.'), Word("x")]),
        ];
        for (source, expected) in cases {
            assert_eq!(tokens(source), *expected, "{source}");
        }
    }

    #[test]
    fn what_is_cut_off_ends() {
        for source in ["\"a", "r#\"a\"", "/* a", "'", "'\\", "b'", "//", "r#"] {
            tokens(source);
        }
    }
}
