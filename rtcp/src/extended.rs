use crate::ErrorKind;
use crate::NtpTime;
use crate::field;

/// An extended report (XR, packet type 207, RFC 3611 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedReport<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> ExtendedReport<'a> {
    /// The source that reports.
    pub fn ssrc(&self) -> u32 {
        field::u32_at(self.bytes, 4)
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = ExtendedBlock<'a>> + use<'a> {
        let mut rest = field::from(self.bytes, 8);
        core::iter::from_fn(move || {
            let (block, next) = split(rest)?;
            rest = next;
            Some(block)
        })
    }

    pub(crate) fn check(&self) -> Result<(), ErrorKind> {
        let mut rest = field::from(self.bytes, 8);
        while !rest.is_empty() {
            let malformed = ErrorKind::Malformed { packet_type: 207 };
            (_, rest) = split(rest).ok_or(malformed)?;
        }
        Ok(())
    }
}

/// One block of an extended report (RFC 3611 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedBlock<'a> {
    /// What kind of block: 4 is the receiver's reference time, 5 the answer to it.
    pub block_type: u8,
    /// What these eight bits are depends on the kind.
    pub type_specific: u8,
    /// The contents: a multiple of four bytes.
    pub contents: &'a [u8],
}

impl<'a> ExtendedBlock<'a> {
    /// The receiver's wall-clock time, if this is such a block (RFC 3611 §4.4).
    pub fn reference_time(&self) -> Option<NtpTime> {
        (self.block_type == 4 && self.contents.len() >= 8)
            .then(|| NtpTime(field::u64_at(self.contents, 0)))
    }

    /// The answers to reference times, empty if this is no such block (RFC 3611 §4.5).
    pub fn delays(&self) -> impl Iterator<Item = ReferenceDelay> + use<'a> {
        let contents: &'a [u8] = if self.block_type == 5 {
            self.contents
        } else {
            &[]
        };
        contents.chunks_exact(12).map(|delay| ReferenceDelay {
            ssrc: field::u32_at(delay, 0),
            last_reference: field::u32_at(delay, 4),
            delay: field::u32_at(delay, 8),
        })
    }
}

/// The answer to a receiver's reference time (RFC 3611 §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ReferenceDelay {
    /// The receiver that this answers.
    pub ssrc: u32,
    /// Middle 32 bits of its last reference time.
    pub last_reference: u32,
    /// Time from getting that to sending this, in 1/65536 s.
    pub delay: u32,
}

/// Splits off the next block; `None` at the end, or where its length runs over it.
fn split(bytes: &[u8]) -> Option<(ExtendedBlock<'_>, &[u8])> {
    let ([block_type, type_specific, high, low], rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([*high, *low])).checked_mul(4)?;
    let (contents, rest) = rest.split_at_checked(length)?;
    let block = ExtendedBlock {
        block_type: *block_type,
        type_specific: *type_specific,
        contents,
    };
    Some((block, rest))
}
