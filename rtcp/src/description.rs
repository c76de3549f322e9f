use crate::ErrorKind;
use crate::field;

/// A source description (SDES, packet type 202, RFC 3550 §6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceDescription<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> SourceDescription<'a> {
    /// The sources described; at most 31.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'a>> + use<'a> {
        let mut rest = field::from(self.bytes, 4);
        let count = field::u8_at(self.bytes, 0) & 31;
        (0..count).map_while(move |_| {
            let (chunk, next) = split(rest)?;
            rest = next;
            Some(chunk)
        })
    }

    /// The canonical name of a source, if it is in here.
    pub fn cname(&self, ssrc: u32) -> Option<&'a [u8]> {
        let mut chunks = self.chunks().filter(|chunk| chunk.ssrc == ssrc);
        chunks
            .find_map(|chunk| chunk.items().find(|(kind, _)| *kind == ItemKind::Cname))
            .map(|(_, text)| text)
    }

    /// Whether all chunks that the header promises are there, and no item runs over the end.
    pub(crate) fn check(&self) -> Result<(), ErrorKind> {
        let mut rest = field::from(self.bytes, 4);
        for _ in 0..field::u8_at(self.bytes, 0) & 31 {
            let malformed = ErrorKind::Malformed { packet_type: 202 };
            (_, rest) = split(rest).ok_or(malformed)?;
        }
        Ok(())
    }
}

/// What a source says of itself: a list of items (RFC 3550 §6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The source, or contributing source.
    pub ssrc: u32,
    items: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The items in order. Texts should be UTF-8, at most 255 bytes; nobody checked.
    pub fn items(&self) -> impl Iterator<Item = (ItemKind, &'a [u8])> + use<'a> {
        let mut rest = self.items;
        core::iter::from_fn(move || {
            let (item, next) = split_item(rest)?;
            rest = next;
            Some(item)
        })
    }
}

/// Splits off the next chunk. Its items end with a NUL byte and are filled with more up to a multiple of four bytes;
/// gortsplib's users met senders without, so the end of the packet will do. `None` if it runs over that end.
fn split(bytes: &[u8]) -> Option<(Chunk<'_>, &[u8])> {
    let (ssrc, items) = bytes.split_first_chunk()?;
    let mut rest = items;
    while rest.first().is_some_and(|kind| *kind != 0) {
        (_, rest) = split_item(rest)?;
    }
    // `rest` begins at the terminator. Chunks begin at multiples of four, from the packet as from here.
    let length = items.len().checked_sub(rest.len())?;
    let chunk = Chunk {
        ssrc: u32::from_be_bytes(*ssrc),
        items: items.get(..length)?,
    };
    let end = (length | 3).checked_add(1)?;
    Some((chunk, field::from(items, end)))
}

/// Kind and text.
type Item<'a> = (ItemKind, &'a [u8]);

/// Splits off the next item; `None` at the end, or where the length runs over it.
fn split_item(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let ([kind, length], rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some(((ItemKind::from_byte(*kind), text), rest))
}

/// Kinds of description items (RFC 3550 §12.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ItemKind {
    /// Canonical name, which binds the media of one participant together.
    Cname,
    /// User name.
    Name,
    /// E-mail address.
    Email,
    /// Telephone number.
    Phone,
    /// Where the user is.
    Location,
    /// Name of the application.
    Tool,
    /// Notice about the state of the source.
    Note,
    /// Private extension, with a prefix of its own.
    Private,
    /// Any other number.
    Other(u8),
}

impl ItemKind {
    pub(crate) fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Cname,
            2 => Self::Name,
            3 => Self::Email,
            4 => Self::Phone,
            5 => Self::Location,
            6 => Self::Tool,
            7 => Self::Note,
            8 => Self::Private,
            other => Self::Other(other),
        }
    }

    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::Cname => 1,
            Self::Name => 2,
            Self::Email => 3,
            Self::Phone => 4,
            Self::Location => 5,
            Self::Tool => 6,
            Self::Note => 7,
            Self::Private => 8,
            Self::Other(byte) => byte,
        }
    }
}
