//! `name=value, name="value"` as in challenges and their answers (RFC 7235 §2.1).

/// How many parameters are read; no scheme has as many.
const MOST: usize = 32;

/// The parameters, names in any case, each at most once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Takes the value of one out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self
            .0
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(self.0.swap_remove(at).1)
    }
}

/// Reads them all. `None` for a name without a value, an open quote, a name that comes twice, or too many.
pub(super) fn parse(text: &str) -> Option<Parameters> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        let valid = !name.is_empty()
            && name
                .bytes()
                .all(|c| c.is_ascii_graphic() && !b"\",;".contains(&c));
        let (value, after) = value(after.trim_start())?;
        let repeated = found
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !valid || repeated || found.len() >= MOST {
            return None;
        }
        found.push((name.to_owned(), value));
        let after = after.trim_start();
        if !after.is_empty() && !after.starts_with(',') {
            return None;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    Some(Parameters(found))
}

/// One value and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return Some((value.trim_end().to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let mut all = parse(r#" realm="a \"b\", c", nonce=xyz ,QOP="auth",,empty="" "#).unwrap();
        assert_eq!(all.take("realm").as_deref(), Some("a \"b\", c"));
        assert_eq!(all.take("Nonce").as_deref(), Some("xyz"));
        assert_eq!(all.take("qop").as_deref(), Some("auth"));
        assert_eq!(all.take("empty").as_deref(), Some(""));
        assert_eq!(all.take("realm"), None);
    }

    #[test]
    fn nonsense() {
        for text in [
            "a", "a=\"", "a=\"b\\", "=b", "a=1, A=2", "a=\"b\"c", "a b\"=c", ", x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let many: String = (0..10_000).map(|n| format!("p{n}=1,")).collect();
        assert_eq!(parse(&many), None);
    }
}
