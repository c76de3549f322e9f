//! The headers of a message, in order.

use alloc::string::String;
use core::fmt;

use smallvec::SmallVec;

use crate::header_name::{self, HeaderName};
use crate::leniency::Leniency;
use crate::typed::{Header, HeaderError};

/// The headers of one message: ordered, with duplicates.
///
/// All text lies in one buffer, so a decoded message costs one allocation for all its headers, and a known name
/// is found by comparing one byte for each entry.
#[derive(Clone, Default)]
pub struct Headers {
    /// Values, each preceded by its name when that is not a known one. Removed entries leave their text behind.
    text: String,
    entries: SmallVec<[Entry; 8]>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Number of the known name, or [`CUSTOM`].
    index: u8,
    name_start: u32,
    value_start: u32,
    end: u32,
}

const CUSTOM: u8 = u8::MAX;

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// No headers, with room for `text` bytes of values.
    pub(crate) fn with_capacity(text: usize) -> Self {
        Self {
            text: String::with_capacity(text),
            entries: SmallVec::new(),
        }
    }

    /// Adds a line after all others. Control characters in `value` (line ends first of all) become spaces, so
    /// that no value can smuggle in another line.
    pub fn append(&mut self, name: HeaderName, value: impl AsRef<str>) {
        match name.index() {
            Some(index) => self.start_known(index),
            None => self.start_custom(name.as_str()),
        }
        let (mut rest, text) = (value.as_ref().trim_matches([' ', '\t']), &mut self.text);
        while let Some(at) = rest
            .bytes()
            .position(|b| b.is_ascii_control() && b != b'\t')
        {
            let (before, after) = rest.split_at(at);
            text.push_str(before);
            text.push(' ');
            rest = after.get(1..).unwrap_or("");
        }
        text.push_str(rest);
        self.finish_value();
    }

    /// Puts the value in place of the first line of that name and drops the others; appends when there is none.
    pub fn insert(&mut self, name: HeaderName, value: impl AsRef<str>) {
        let position = self.positions(&name).next();
        self.remove(&name);
        self.append(name, value);
        let Some(position) = position else { return };
        if let Some(entry) = self.entries.pop() {
            self.entries.insert(position.min(self.entries.len()), entry);
        }
    }

    /// Drops all lines of that name; says whether there were any.
    pub fn remove(&mut self, name: &HeaderName) -> bool {
        let before = self.entries.len();
        let (index, text) = (name.index(), &self.text);
        self.entries
            .retain(|entry| !entry.is(index, name.as_str(), text));
        if self.entries.is_empty() {
            self.text.clear();
        }
        self.entries.len() != before
    }

    /// Writes a typed header in place of all lines of its name.
    pub fn set<H: Header>(&mut self, header: &H) {
        let mut value = String::new();
        header.encode(&mut value);
        self.insert(H::name(), value);
    }

    /// The value of the first line of that name.
    pub fn first(&self, name: &HeaderName) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all lines of that name, in order.
    pub fn all<'a, 'n>(
        &'a self,
        name: &'n HeaderName,
    ) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let index = name.index();
        let matching = move |entry: &&Entry| entry.is(index, name.as_str(), &self.text);
        self.entries
            .iter()
            .filter(matching)
            .map(|entry| entry.value(&self.text))
    }

    /// Whether there is a line of that name.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.positions(name).next().is_some()
    }

    /// All lines in order: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|entry| (entry.name(&self.text), entry.value(&self.text)))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads a typed header with the default [`Leniency`]; `None` when there is no line of its name.
    ///
    /// # Errors
    ///
    /// When the value cannot be read: a request with it deserves 400.
    pub fn typed<H: Header>(&self) -> Result<Option<H>, HeaderError> {
        self.typed_with(&Leniency::default())
    }

    /// As [`Headers::typed`], with the leniency that the connection has.
    ///
    /// # Errors
    ///
    /// When the value cannot be read.
    pub fn typed_with<H: Header>(&self, leniency: &Leniency) -> Result<Option<H>, HeaderError> {
        let name = H::name();
        if !self.contains(&name) {
            return Ok(None);
        }
        H::decode(&mut self.all(&name), leniency).map(Some)
    }

    fn positions(&self, name: &HeaderName) -> impl Iterator<Item = usize> {
        let index = name.index();
        self.entries
            .iter()
            .enumerate()
            .filter(move |(_, entry)| entry.is(index, name.as_str(), &self.text))
            .map(|(at, _)| at)
    }

    /// Bytes that [`Headers::encode`] writes at most.
    pub(crate) fn encoded_len(&self) -> usize {
        self.iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum()
    }

    // The decoder writes values piece by piece: start, push, finish, and for folded lines extend.

    pub(crate) fn start(&mut self, name: &str) {
        match header_name::lookup(name.as_bytes()) {
            Some(index) => self.start_known(index),
            None => self.start_custom(name),
        }
    }

    pub(crate) fn push_value(&mut self, value: &str) {
        self.text.push_str(value);
        self.finish_value();
    }

    /// Continues the last value after one space.
    pub(crate) fn extend_last(&mut self, more: &str) {
        let empty = self
            .entries
            .last()
            .is_none_or(|entry| entry.value_start == entry.end);
        if !empty && !more.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(more);
        self.finish_value();
    }

    fn start_known(&mut self, index: u8) {
        let at = self.position();
        self.entries.push(Entry {
            index,
            name_start: at,
            value_start: at,
            end: at,
        });
    }

    fn start_custom(&mut self, name: &str) {
        let name_start = self.position();
        self.text.push_str(name);
        let at = self.position();
        self.entries.push(Entry {
            index: CUSTOM,
            name_start,
            value_start: at,
            end: at,
        });
    }

    fn finish_value(&mut self) {
        let end = self.position();
        if let Some(entry) = self.entries.last_mut() {
            entry.end = end;
        }
    }

    /// Headers of 4 GiB exist only when a program appends them; their text is then not found again.
    fn position(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }
}

impl Entry {
    fn is(&self, index: Option<u8>, name: &str, text: &str) -> bool {
        match index {
            Some(index) => self.index == index,
            None => self.index == CUSTOM && self.name(text).eq_ignore_ascii_case(name),
        }
    }

    fn name<'a>(&self, text: &'a str) -> &'a str {
        match self.index {
            CUSTOM => text
                .get(self.name_start as usize..self.value_start as usize)
                .unwrap_or(""),
            index => header_name::known_text(index),
        }
    }

    fn value<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.value_start as usize..self.end as usize)
            .unwrap_or("")
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        let same =
            |((a, x), (b, y)): ((&str, &str), (&str, &str))| a.eq_ignore_ascii_case(b) && x == y;
        self.len() == other.len() && self.iter().zip(other.iter()).all(same)
    }
}

impl Eq for Headers {}

/// Credentials are not shown.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .iter()
            .map(|(name, value)| match HeaderName::parse(name) {
                Some(HeaderName::Authorization | HeaderName::ProxyAuthorization) => (name, "…"),
                _ => (name, value),
            });
        f.debug_map().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    fn custom(name: &str) -> HeaderName {
        HeaderName::parse(name).unwrap()
    }

    #[test]
    fn r2_msg_11_order_and_duplicates_are_kept() {
        let mut headers = Headers::new();
        headers.append(HeaderName::CSeq, "1");
        headers.append(custom("X-Foo"), "a");
        headers.append(HeaderName::Require, "x");
        headers.append(custom("x-foo"), "b");
        let lines: Vec<_> = headers.iter().collect();
        assert_eq!(
            lines,
            [
                ("CSeq", "1"),
                ("X-Foo", "a"),
                ("Require", "x"),
                ("x-foo", "b")
            ]
        );
        assert_eq!(
            headers.all(&custom("X-FOO")).collect::<Vec<_>>(),
            vec!["a", "b"]
        );
        assert_eq!(headers.first(&HeaderName::Require), Some("x"));
        assert_eq!(headers.first(&HeaderName::Session), None);
    }

    #[test]
    fn insert_takes_the_place_of_the_first() {
        let mut headers = Headers::new();
        headers.append(HeaderName::Session, "a");
        headers.append(HeaderName::CSeq, "1");
        headers.append(HeaderName::Session, "b");
        headers.insert(HeaderName::Session, "c");
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [("Session", "c"), ("CSeq", "1")]
        );
        headers.insert(HeaderName::Date, "d");
        assert_eq!(headers.len(), 3);
        assert!(headers.remove(&HeaderName::Session));
        assert!(!headers.remove(&HeaderName::Session));
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [("CSeq", "1"), ("Date", "d")]
        );
    }

    #[test]
    fn no_value_smuggles_in_a_line() {
        let mut headers = Headers::new();
        headers.append(HeaderName::Server, " a\r\nSession: 1\0b\x7f ");
        assert_eq!(headers.first(&HeaderName::Server), Some("a  Session: 1 b "));
    }

    #[test]
    fn debug_hides_credentials() {
        let mut headers = Headers::new();
        headers.append(HeaderName::Authorization, "Basic c2VjcmV0");
        assert!(!format!("{headers:?}").contains("c2VjcmV0"));
    }
}
