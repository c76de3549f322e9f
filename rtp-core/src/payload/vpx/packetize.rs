//! Pictures to packets.

use super::Format;
use crate::payload::PacketWriter;

/// The shortest descriptors: VP8's marks where a picture begins (RFC 7741 §4.2), VP9's also its end and whether it is
/// predicted from others (draft-ietf-payload-vp9-16 §4.2).
pub(crate) fn packetize(format: Format, writer: &mut PacketWriter, frame: &[u8], timestamp: u32) {
    let mut pieces = frame.chunks(writer.config.max_payload - 1).peekable();
    let predicted = if format.is_key(frame) { 0 } else { 0x40 };
    let mut first = true;
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        let descriptor = match format {
            Format::Vp8 => u8::from(first) << 4,
            Format::Vp9 => predicted | u8::from(first) << 3 | u8::from(last) << 2,
        };
        writer.packet(last, timestamp, &[&[descriptor], piece]);
        first = false;
    }
}
