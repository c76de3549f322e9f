use crate::field;

/// A packet of an application's own (APP, packet type 204, RFC 3550 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct App<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> App<'a> {
    /// The application's number for the kind of packet, 0 to 31.
    pub fn subtype(&self) -> u8 {
        field::u8_at(self.bytes, 0) & 31
    }

    /// The source that it comes from.
    pub fn ssrc(&self) -> u32 {
        field::u32_at(self.bytes, 4)
    }

    /// The application's name in ASCII.
    pub fn name(&self) -> [u8; 4] {
        field::u32_at(self.bytes, 8).to_be_bytes()
    }

    /// What the application put there.
    pub fn payload(&self) -> &'a [u8] {
        field::from(self.bytes, 12)
    }
}
