//! Access units to packets, mode AAC-hbr (RFC 3640 §3.3.6).

use crate::{Error, payload::PacketWriter};

/// The size field has 13 bits.
const MAX_UNIT: usize = 0x1fff;
/// AU-headers-length and one AU-header.
const HEADER: usize = 4;

/// One unit a packet; one that does not fit is spread over several, the marker on the last.
pub(crate) fn packetize(
    writer: &mut PacketWriter,
    unit: &[u8],
    timestamp: u32,
) -> Result<(), Error> {
    let size = u16::try_from(unit.len())
        .ok()
        .filter(|&size| usize::from(size) <= MAX_UNIT);
    let Some(size) = size else {
        return Err(Error::FrameTooLarge { limit: MAX_UNIT });
    };
    let [high, low] = (size << 3).to_be_bytes();
    let mut parts = unit.chunks(writer.config.max_payload - HEADER).peekable();
    while let Some(part) = parts.next() {
        writer.packet(
            parts.peek().is_none(),
            timestamp,
            &[&[0, 16, high, low], part],
        );
    }
    Ok(())
}
