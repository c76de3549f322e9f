use std::fmt;

use super::Error;
use super::source::Source;

/// The four letters that name a box or a sample entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{}", byte.escape_ascii())?;
        }
        Ok(())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Big-endian numbers, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number of 4 bytes in version 0 of a box and of 8 in version 1.
    pub(super) fn versioned(&mut self, version: u8) -> Option<u64> {
        if version == 1 {
            self.u64()
        } else {
            self.u32().map(u64::from)
        }
    }

    pub(super) fn fourcc(&mut self) -> Option<[u8; 4]> {
        self.array()
    }

    /// The version of a full box; its flags are passed over.
    pub(super) fn version(&mut self) -> Option<u8> {
        self.u32().map(|word| word.to_be_bytes()[0])
    }
}

/// The boxes within the body of another, in order.
///
/// What is left after the last whole box is passed over: QuickTime ends some lists with four zero bytes.
pub(super) struct Boxes<'a>(Fields<'a>);

impl<'a> Boxes<'a> {
    pub(super) const fn of(body: &'a [u8]) -> Self {
        Self(Fields(body))
    }

    /// The body of the first box of this kind.
    pub(super) fn find(body: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
        Self::of(body)
            .find(|(found, _)| found == kind)
            .map(|(_, inner)| inner)
    }

    /// The body of the first box on the way down these kinds.
    pub(super) fn descend(body: &'a [u8], kinds: &[&[u8; 4]]) -> Option<&'a [u8]> {
        kinds
            .iter()
            .try_fold(body, |body, kind| Self::find(body, kind))
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let size = self.0.u32()?;
        let kind = self.0.fourcc()?;
        let len = match size {
            0 => self.0.0.len(),
            1 => usize::try_from(self.0.u64()?.checked_sub(16)?).ok()?,
            _ => usize::try_from(size.checked_sub(8)?).ok()?,
        };
        // A box that reaches beyond its parent ends the list, as does anything else that is no box.
        Some((kind, self.0.take(len)?))
    }
}

/// The entries of a table: a full box that counts entries of one size. The count is held against the bytes
/// that are there before anything is done with it.
pub(super) fn entries<'a, const N: usize>(
    kind: &[u8; 4],
    fields: &mut Fields<'a>,
) -> Result<&'a [[u8; N]], Error> {
    let count = fields.u32().ok_or(Error::malformed(kind, "cut short"))?;
    let (entries, _) = fields.0.as_chunks::<N>();
    usize::try_from(count)
        .ok()
        .and_then(|count| entries.get(..count))
        .ok_or(Error::malformed(
            kind,
            "more entries than its size has room for",
        ))
}

/// The header of a box at the top level of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct TopLevel {
    pub(super) kind: [u8; 4],
    /// Where the body starts, in bytes from the start of the file.
    pub(super) body: u64,
    /// How long the body is. It may reach beyond the end of a file that is truncated.
    pub(super) len: u64,
}

impl TopLevel {
    /// Reads the header at `offset`; `None` at the end of the file.
    pub(super) fn read(source: &Source, offset: u64) -> Result<Option<Self>, Error> {
        let left = source.len().saturating_sub(offset);
        if left < 8 {
            return Ok(None);
        }
        let mut head = [0; 16];
        let wanted = if left < 16 { 8 } else { 16 };
        source.read_exact_at(&mut head[..wanted], offset)?;
        let mut fields = Fields(&head[..wanted]);
        let size = fields.u32().unwrap_or(0);
        let kind = fields.fourcc().unwrap_or_default();
        let malformed = Error::Malformed {
            kind: FourCc(kind),
            reason: "smaller than its own header",
        };
        let (header, len) = match size {
            0 => (8, left - 8),
            1 => (
                16,
                fields
                    .u64()
                    .and_then(|size| size.checked_sub(16))
                    .ok_or(malformed)?,
            ),
            _ => (8, u64::from(size).checked_sub(8).ok_or(malformed)?),
        };
        Ok(Some(Self {
            kind,
            body: offset + header,
            len,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_end_where_the_parent_ends() {
        let body = [
            0, 0, 0, 9, b'f', b'r', b'e', b'e', 7, 0, 0, 0, 200, b'm', b'o', b'o', b'v', 1,
        ];
        let found: Vec<_> = Boxes::of(&body).collect();
        assert_eq!(found, [(*b"free", &[7][..])]);
    }

    #[test]
    fn sizes_below_the_header_end_the_list() {
        for size in 2..8 {
            assert_eq!(
                Boxes::of(&[0, 0, 0, size, b'f', b'r', b'e', b'e']).count(),
                0
            );
        }
        let wide = [0, 0, 0, 1, b'f', b'r', b'e', b'e', 0, 0, 0, 0, 0, 0, 0, 15];
        assert_eq!(Boxes::of(&wide).count(), 0);
    }

    #[test]
    fn a_count_beyond_the_box_is_refused() {
        let mut fields = Fields(&[0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]);
        assert!(matches!(
            entries::<4>(b"stsz", &mut fields),
            Err(Error::Malformed { .. })
        ));
        let mut fields = Fields(&[0, 0, 0, 1, 1, 2, 3, 4, 5]);
        assert_eq!(entries::<4>(b"stsz", &mut fields).unwrap(), [[1, 2, 3, 4]]);
    }

    #[test]
    fn names_are_printable_whatever_they_hold() {
        assert_eq!(FourCc([b'a', 0xa9, 0, b'"']).to_string(), "a\\xa9\\x00\\\"");
    }
}
