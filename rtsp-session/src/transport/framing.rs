//! RTP and RTCP on TCP connections of their own: each packet behind its length in two octets, big-endian (RFC 4571 §2).

use bytes::{Buf as _, Bytes, BytesMut};

/// Octets before each packet.
pub const PREFIX: usize = 2;

/// The prefix of a packet of `len` octets; `None` for one that no prefix can announce.
#[must_use]
pub fn prefix(len: usize) -> Option<[u8; PREFIX]> {
    u16::try_from(len).ok().map(u16::to_be_bytes)
}

/// Takes the next whole packet off `buffer`, without a copy; `None` while it is not whole. A length of 0 is no packet and is
/// passed over (RFC 4571 §2 has no use for it). Needs at most 64 KiB and the prefix in the buffer.
///
/// ```
/// use rtsp_session::transport::framing;
/// let mut buffer = bytes::BytesMut::from(&[0, 2, 0x80, 0x60, 0, 0, 0, 1, 0x80, 0, 9][..]);
/// assert_eq!(framing::next(&mut buffer).as_deref(), Some(&[0x80, 0x60][..]));
/// assert_eq!(framing::next(&mut buffer).as_deref(), Some(&[0x80][..]));
/// assert_eq!(framing::next(&mut buffer), None);
/// assert_eq!(&buffer[..], [0, 9]);
/// ```
pub fn next(buffer: &mut BytesMut) -> Option<Bytes> {
    loop {
        let len = usize::from(u16::from_be_bytes([*buffer.first()?, *buffer.get(1)?]));
        if buffer.len() < PREFIX + len {
            return None;
        }
        buffer.advance(PREFIX);
        if len > 0 {
            return Some(buffer.split_to(len).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_whole_however_they_came_in() {
        let packets = [vec![1_u8], vec![2; 300], vec![3; 65_535]];
        let mut wire = Vec::new();
        for packet in &packets {
            wire.extend(prefix(packet.len()).unwrap());
            wire.extend(packet);
        }
        for step in [1, 2, 3, 7, 1000, wire.len()] {
            let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
            for piece in wire.chunks(step) {
                buffer.extend_from_slice(piece);
                got.extend(std::iter::from_fn(|| next(&mut buffer)).map(|packet| packet.to_vec()));
            }
            assert_eq!(got, packets, "in pieces of {step}");
        }
        assert_eq!(prefix(65_536), None);
    }
}
