//! The headers of a message, in order.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::header_name::{self, HeaderName};
use crate::leniency::{Leniency, Tolerance};
use crate::text::Text;
use crate::typed::{Header, HeaderError};

/// The headers of one message: ordered, with duplicates.
///
/// All text lies in one buffer (of a decoded message: its head, which the URI shares), so headers cost no allocation
/// each, and a known name is found by comparing one byte for each entry.
#[derive(Clone, Default)]
pub struct Headers {
    /// Holds values, and names that are not known ones. Removed entries leave their text behind.
    text: Text,
    entries: Vec<Entry>,
}

/// Where one line lies in the text.
#[derive(Clone, Copy)]
struct Entry {
    /// Number of the known name, or [`CUSTOM`].
    index: u8,
    /// Bytes between a custom name and its value.
    gap: u16,
    /// Bytes of a custom name.
    name_len: u32,
    value_start: u32,
    value_len: u32,
}

const CUSTOM: u8 = u8::MAX;

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line after all others. Control characters in `value` (line ends first of all) become spaces, so
    /// that no value can smuggle in another line.
    pub fn append(&mut self, name: HeaderName, value: impl AsRef<str>) {
        let mut text = self.text.take();
        let index = name.index();
        let name_len = match index {
            Some(_) => 0,
            None => {
                text.push_str(name.as_str());
                name.as_str().len()
            }
        };
        let value_start = text.len();
        let mut rest = value.as_ref().trim_matches([' ', '\t']);
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
        if self.entries.capacity() == 0 {
            self.entries.reserve(8);
        }
        self.entries.push(Entry {
            index: index.unwrap_or(CUSTOM),
            gap: 0,
            name_len: clamp(name_len),
            value_start: clamp(value_start),
            value_len: clamp(text.len().saturating_sub(value_start)),
        });
        self.text = Text::Owned(text);
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
        let (index, text) = (name.index(), self.text.as_str());
        self.entries
            .retain(|entry| !entry.is(index, name.as_str(), text));
        if self.entries.is_empty() {
            self.text = Text::default();
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
        let (index, text) = (name.index(), self.text.as_str());
        let matching = move |entry: &&Entry| entry.is(index, name.as_str(), text);
        self.entries
            .iter()
            .filter(matching)
            .map(move |entry| entry.value(text))
    }

    /// Whether there is a line of that name.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.positions(name).next().is_some()
    }

    /// All lines in order: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = self.text.as_str();
        self.entries
            .iter()
            .map(move |entry| (entry.name(text), entry.value(text)))
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
        self.typed_noting(&mut Tolerance::new(leniency))
    }

    /// As [`Headers::typed_with`], with a record of what was tolerated.
    ///
    /// # Errors
    ///
    /// When the value cannot be read.
    pub fn typed_noting<H: Header>(
        &self,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Option<H>, HeaderError> {
        let name = H::name();
        if !self.contains(&name) {
            return Ok(None);
        }
        H::decode_noting(&mut self.all(&name), tolerance).map(Some)
    }

    fn positions(&self, name: &HeaderName) -> impl Iterator<Item = usize> {
        let (index, text) = (name.index(), self.text.as_str());
        self.entries
            .iter()
            .enumerate()
            .filter(move |(_, entry)| entry.is(index, name.as_str(), text))
            .map(|(at, _)| at)
    }

    /// Bytes that [`Headers::encode`] writes at most.
    pub(crate) fn encoded_len(&self) -> usize {
        self.iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum()
    }

    // The decoder: lines of a shared head, or, when lines are folded or have bytes to replace, of text of its own.

    /// No lines of `head` yet, with room for `lines` of them.
    pub(crate) fn of_head(head: Arc<str>, lines: usize) -> Self {
        Self {
            text: Text::Shared(head),
            entries: Vec::with_capacity(lines),
        }
    }

    /// The values of `Content-Length`.
    #[inline]
    pub(crate) fn content_lengths(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter(|entry| entry.index == header_name::CONTENT_LENGTH)
            .map(|entry| entry.value(self.text.as_str()))
    }

    /// Adds the line whose name lies at `name` in the text and its value at `value`, behind it; `false` when they
    /// lie too far apart to be noted so.
    #[inline]
    pub(crate) fn push_line(
        &mut self,
        index: Option<u8>,
        name: Range<usize>,
        value: Range<usize>,
    ) -> bool {
        let Ok(gap) = u16::try_from(value.start.saturating_sub(name.end)) else {
            return false;
        };
        self.entries.push(Entry {
            index: index.unwrap_or(CUSTOM),
            gap,
            name_len: clamp(name.len()),
            value_start: clamp(value.start),
            value_len: clamp(value.len()),
        });
        true
    }

    /// Adds a line of text of its own.
    pub(crate) fn push_owned(&mut self, name: &str, value: &str) {
        let mut text = self.text.take();
        let start = text.len();
        text.push_str(name);
        let middle = text.len();
        text.push_str(value);
        self.push_line(
            header_name::lookup(name.as_bytes()),
            start..middle,
            middle..text.len(),
        );
        self.text = Text::Owned(text);
    }

    /// Continues the last value after one space.
    pub(crate) fn extend_last(&mut self, more: &str) {
        let mut text = self.text.take();
        if let Some(entry) = self.entries.last_mut() {
            if entry.value_len > 0 && !more.is_empty() {
                text.push(' ');
            }
            text.push_str(more);
            entry.value_len = clamp(text.len().saturating_sub(entry.value_start as usize));
        }
        self.text = Text::Owned(text);
    }
}

/// Headers of 4 GiB exist only when a program appends them; their text is then not found again.
fn clamp(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Entry {
    fn is(&self, index: Option<u8>, name: &str, text: &str) -> bool {
        match index {
            Some(index) => self.index == index,
            None => self.index == CUSTOM && self.name(text).eq_ignore_ascii_case(name),
        }
    }

    fn name<'a>(&self, text: &'a str) -> &'a str {
        if self.index != CUSTOM {
            return header_name::known_text(self.index);
        }
        let end = (self.value_start as usize).saturating_sub(usize::from(self.gap));
        let start = end.saturating_sub(self.name_len as usize);
        text.get(start..end).unwrap_or("")
    }

    fn value<'a>(&self, text: &'a str) -> &'a str {
        let start = self.value_start as usize;
        text.get(start..start.saturating_add(self.value_len as usize))
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
                Some(
                    HeaderName::Authorization
                    | HeaderName::ProxyAuthorization
                    | HeaderName::KeyMgmt,
                ) => (name, "…"),
                // A key goes up to the end of its parameter; what comes behind is not worth telling apart.
                Some(HeaderName::Transport) => (name, before_key(value)),
                _ => (name, value),
            });
        f.debug_map().entries(shown).finish()
    }
}

/// A Transport up to its first key.
fn before_key(value: &str) -> &str {
    const KEY: &[u8] = b"mikey=";
    let octets = value.as_bytes();
    let key = octets
        .windows(KEY.len())
        .position(|text| text.eq_ignore_ascii_case(KEY));
    key.and_then(|at| value.get(..at)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

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
        headers.append(HeaderName::Transport, "RTP/SAVP;unicast;Mikey=\"c2VjcmV0\"");
        headers.append(HeaderName::KeyMgmt, "prot=mikey;data=\"c2VjcmV0\"");
        let shown = format!("{headers:?}");
        assert!(shown.contains("RTP/SAVP;unicast") && !shown.contains("c2VjcmV0"));
    }
}
