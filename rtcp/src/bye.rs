use crate::ErrorKind;
use crate::field;

/// A farewell (BYE, packet type 203, RFC 3550 §6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bye<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> Bye<'a> {
    /// The sources that leave; at most 31, possibly none.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        let (ssrcs, _) = field::from(self.bytes, 4).as_chunks();
        ssrcs
            .iter()
            .take(self.count())
            .map(|ssrc| u32::from_be_bytes(*ssrc))
    }

    /// Why, in text that should be UTF-8 but was not checked.
    pub fn reason(&self) -> Option<&'a [u8]> {
        let (length, text) = self.after_ssrcs().split_first()?;
        text.get(..usize::from(*length))
            .filter(|text| !text.is_empty())
    }

    fn count(&self) -> usize {
        usize::from(field::u8_at(self.bytes, 0) & 31)
    }

    fn after_ssrcs(&self) -> &'a [u8] {
        field::from(self.bytes, 4 + 4 * self.count())
    }

    pub(crate) fn check(&self) -> Result<(), ErrorKind> {
        match self.after_ssrcs().split_first() {
            Some((length, text)) if text.len() < usize::from(*length) => {
                Err(ErrorKind::Malformed { packet_type: 203 })
            }
            _ => Ok(()),
        }
    }
}
