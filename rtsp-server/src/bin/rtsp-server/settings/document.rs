//! Reading a TOML document so that everything that is wrong with it is found at once, each with its line.

use std::{cell::RefCell, fmt, ops::Range, path::Path, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::values;

/// How alike a key must be to one that exists for it to be proposed, of 1.
const ALIKE: f64 = 0.8;
/// A value that is shown in a message is cut to so many characters.
const SHOWN: usize = 60;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    file: String,
    line: usize,
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// The problems of one file as they are found.
pub(super) struct Report<'a> {
    file: &'a Path,
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            problems: RefCell::default(),
        }
    }

    /// `FILE:LINE` of an offset.
    pub(super) fn origin(&self, offset: usize) -> String {
        format!("{}:{}", self.file.display(), self.line(offset))
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn add(&self, offset: usize, text: String) {
        self.problems.borrow_mut().push(Problem {
            file: self.file.display().to_string(),
            line: self.line(offset),
            text,
        });
    }

    /// All problems, by line.
    pub(super) fn finish(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort();
        problems
    }
}

/// A table whose keys are asked for one by one; those that nobody asked for are unknown.
pub(super) struct Table<'a> {
    report: &'a Report<'a>,
    /// What its keys are called in messages: `limits.`, or nothing at the root.
    prefix: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// The document itself.
    pub(super) fn root(report: &'a Report<'a>, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            report,
            prefix: String::new(),
            table: table.get_ref(),
            span: table.span(),
            known: Vec::new(),
        }
    }

    /// The value of a key, if it is there.
    pub(super) fn place(&mut self, key: &'static str) -> Option<Place<'a>> {
        self.known.push(key);
        let (_, value) = self.table.iter().find(|(name, _)| *name.get_ref() == key)?;
        Some(self.place_of(key, value))
    }

    /// The value of a key that has to be there.
    pub(super) fn required(&mut self, key: &'static str) -> Option<Place<'a>> {
        let place = self.place(key);
        if place.is_none() {
            let name = self.prefix.trim_end_matches('.');
            self.report
                .add(self.span.start, format!("{name}: {key:?} is missing"));
        }
        place
    }

    /// All keys with their values, whatever they are called.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Place<'a>)> {
        self.table
            .iter()
            .map(|(name, value)| (&**name.get_ref(), self.place_of(name.get_ref(), value)))
    }

    fn place_of(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Place<'a> {
        Place {
            report: self.report,
            name: format!("{}{key}", self.prefix),
            value,
        }
    }

    /// Names the keys that nobody asked for.
    pub(super) fn finish(self) {
        for name in self.table.keys() {
            let key: &str = name.get_ref();
            if self.known.contains(&key) {
                continue;
            }
            let alike = |known: &&&str| strsim::jaro_winkler(known, key);
            let nearest = self
                .known
                .iter()
                .max_by(|a, b| alike(a).total_cmp(&alike(b)))
                .filter(|nearest| alike(nearest) >= ALIKE);
            let text = match nearest {
                Some(nearest) => format!(
                    "unknown key \"{0}{key}\"; did you mean \"{0}{nearest}\"?",
                    self.prefix
                ),
                None => format!(
                    "unknown key \"{}{key}\"; expected one of {}",
                    self.prefix,
                    self.known.join(", ")
                ),
            };
            self.report.add(name.span().start, text);
        }
    }
}

/// A value, what it is called and where it stands.
#[derive(Clone)]
pub(super) struct Place<'a> {
    report: &'a Report<'a>,
    name: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Place<'a> {
    fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    /// `FILE:LINE` of this value.
    pub(super) fn origin(&self) -> String {
        self.report.origin(self.value.span().start)
    }

    /// Reports what is wrong with the value, in words.
    pub(super) fn wrong(&self, what: impl fmt::Display) {
        self.report
            .add(self.value.span().start, format!("{}: {what}", self.name));
    }

    /// Reports what was expected and what was found.
    pub(super) fn expected<T>(&self, what: impl fmt::Display) -> Option<T> {
        self.wrong(format_args!("expected {what}, found {}", self.found()));
        None
    }

    fn found(&self) -> String {
        match self.value() {
            DeValue::String(text) => {
                let shown: String = text.chars().take(SHOWN).collect();
                let cut = if shown.len() < text.len() { "…" } else { "" };
                format!("{shown:?}{cut}")
            }
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(_) => "a date".into(),
            DeValue::Array(_) => "a list".into(),
            DeValue::Table(_) => "a table".into(),
        }
    }

    /// The text that it is, if it is one.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        self.value().as_str()
    }

    /// Text that may be shown.
    pub(super) fn text(&self, what: &str) -> Option<&'a str> {
        self.value().as_str().or_else(|| self.expected(what))
    }

    /// Text that is never shown, nor is anything that stands in its place.
    pub(super) fn secret(&self, what: &str) -> Option<&'a str> {
        let text = self.value().as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(format_args!("expected {what}"));
        }
        text
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        let value = self.value().as_bool();
        value.or_else(|| self.expected("true or false"))
    }

    fn integer(&self) -> Option<u64> {
        let number = self.value().as_integer()?;
        u64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// A whole number of that range.
    pub(super) fn number(&self, range: Range<usize>) -> Option<usize> {
        let number = self.integer().and_then(|n| usize::try_from(n).ok());
        number.filter(|n| range.contains(n)).or_else(|| {
            if range.end == usize::MAX {
                self.expected(format_args!("a whole number from {} on", range.start))
            } else {
                let last = range.end.saturating_sub(1);
                self.expected(format_args!(
                    "a whole number from {} to {last}",
                    range.start
                ))
            }
        })
    }

    /// Bytes, at least so many.
    pub(super) fn size(&self, least: usize) -> Option<usize> {
        let size = match self.value() {
            DeValue::String(text) => values::size(text),
            _ => self.integer().and_then(|n| usize::try_from(n).ok()),
        };
        let Some(size) = size else {
            return self.expected(values::SIZE);
        };
        if size < least {
            return self.expected(format_args!("{least} bytes or more"));
        }
        Some(size)
    }

    pub(super) fn duration(&self, least: Duration) -> Option<Duration> {
        let duration = match self.value() {
            DeValue::String(text) => values::duration(text),
            _ => self
                .integer()
                .map(Duration::from_secs)
                .filter(|duration| *duration <= values::MAX_DURATION),
        };
        let Some(duration) = duration else {
            return self.expected(values::DURATION);
        };
        if duration < least {
            return self.expected(format_args!("{least:?} or more"));
        }
        Some(duration)
    }

    /// One of several words, by what each stands for.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.value().as_str();
        let found = words.iter().find(|(word, _)| Some(*word) == text);
        found.map(|(_, meaning)| *meaning).or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.expected(words.join(" or "))
        })
    }

    /// The elements of a list.
    pub(super) fn list(&self, what: &str) -> Option<Vec<Self>> {
        let Some(list) = self.value().as_array() else {
            return self.expected(what);
        };
        let element = |(index, value)| Self {
            report: self.report,
            name: format!("{}[{index}]", self.name),
            value,
        };
        Some(list.iter().enumerate().map(element).collect())
    }

    pub(super) fn is_list(&self) -> bool {
        self.value().is_array()
    }

    /// The table that the value is.
    pub(super) fn table(&self, what: &str) -> Option<Table<'a>> {
        let Some(table) = self.value().as_table() else {
            return self.expected(what);
        };
        Some(Table {
            report: self.report,
            prefix: format!("{}.", self.name),
            table,
            span: self.value.span(),
            known: Vec::new(),
        })
    }
}
