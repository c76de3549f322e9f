//! Changing header fields in place, for a relay that keeps the payload.
//!
//! Each function expects a packet that was parsed before; a slice shorter than the fixed header is left as it is.

/// Replaces the sequence number.
pub fn set_sequence(packet: &mut [u8], sequence: u16) {
    put(packet, 2, sequence.to_be_bytes());
}

/// Replaces the timestamp.
pub fn set_timestamp(packet: &mut [u8], timestamp: u32) {
    put(packet, 4, timestamp.to_be_bytes());
}

/// Replaces the synchronization source.
pub fn set_ssrc(packet: &mut [u8], ssrc: u32) {
    put(packet, 8, ssrc.to_be_bytes());
}

/// Replaces the payload type, modulo 128; the marker stays.
pub fn set_payload_type(packet: &mut [u8], payload_type: u8) {
    if let Some(byte) = packet.get_mut(1) {
        *byte = *byte & 0x80 | payload_type & 0x7f;
    }
}

/// Sets or clears the marker; the payload type stays.
pub fn set_marker(packet: &mut [u8], marker: bool) {
    if let Some(byte) = packet.get_mut(1) {
        *byte = *byte & 0x7f | u8::from(marker) << 7;
    }
}

fn put<const N: usize>(packet: &mut [u8], offset: usize, value: [u8; N]) {
    if let Some(field) = packet.get_mut(offset..offset + N) {
        field.copy_from_slice(&value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Header;

    #[test]
    fn fields_change_alone() {
        let before = Header {
            marker: true,
            payload_type: 1,
            sequence: 2,
            timestamp: 3,
            ssrc: 4,
        };
        let mut bytes = before.to_bytes();
        set_sequence(&mut bytes, 20);
        assert_eq!(
            Header::parse(&bytes),
            Ok(Header {
                sequence: 20,
                ..before
            })
        );
        set_timestamp(&mut bytes, 30);
        set_ssrc(&mut bytes, 40);
        set_payload_type(&mut bytes, 0xff);
        let after = Header {
            marker: true,
            payload_type: 127,
            sequence: 20,
            timestamp: 30,
            ssrc: 40,
        };
        assert_eq!(Header::parse(&bytes), Ok(after));
        set_marker(&mut bytes, false);
        assert_eq!(
            Header::parse(&bytes),
            Ok(Header {
                marker: false,
                ..after
            })
        );
    }

    #[test]
    fn short_slices_are_left_alone() {
        let mut bytes = [0x80, 0, 1];
        set_sequence(&mut bytes, 0xffff);
        set_timestamp(&mut bytes, 1);
        set_ssrc(&mut [], 1);
        set_payload_type(&mut [], 1);
        assert_eq!(bytes, [0x80, 0, 1]);
    }
}
