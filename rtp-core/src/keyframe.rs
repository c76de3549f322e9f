//! Where decoding can start, told from a payload without depacketizing it.

use crate::{Codec, h264, h265, payload::vpx::Format};

/// Whether a stream of this format has points where decoding can start and others where it cannot, and
/// [`random_access`] knows them.
#[must_use]
pub const fn has_key_frames(codec: Codec) -> bool {
    matches!(
        codec,
        Codec::H264
            | Codec::H265
            | Codec::Av1
            | Codec::Vp8
            | Codec::Vp9
            | Codec::Jpeg
            | Codec::Mpeg4Video
            | Codec::MpegVideo
    )
}

/// Whether this payload (of one RTP packet, without RTP header and padding) begins, or belongs to the
/// beginning of, a point where decoding can start.
///
/// Several packets of such a point may say so (parameter sets, then each slice): the first one of a
/// timestamp is where a reader starts. Never true for formats without such knowledge.
///
/// - H.264: SPS, IDR, or a recovery point that is right at once. A PPS alone is none: some encoders repeat it
///   with every picture.
/// - H.265: VPS, SPS, and IDR, CRA and BLA pictures.
/// - VP8, VP9: first packet of a key frame. AV1: first packet of a coded video sequence.
/// - JPEG: first packet of each picture.
/// - MPEG-1, -2 and -4 video: a sequence header, or an I-picture of MPEG-4.
#[must_use]
pub fn random_access(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::H264 => h264::random_access(payload),
        Codec::H265 => h265::random_access(payload),
        Codec::Vp8 => begins_key_frame(Format::Vp8, payload),
        Codec::Vp9 => begins_key_frame(Format::Vp9, payload),
        // The N bit of the aggregation header (AV1 RTP specification §4.4).
        Codec::Av1 => payload.first().is_some_and(|&header| header & 0x08 != 0),
        // Fragment offset 0 (RFC 2435 §3.1.2).
        Codec::Jpeg => payload.get(1..4) == Some(&[0, 0, 0]),
        // The S bit of the video-specific header (RFC 2250 §3.4).
        Codec::MpegVideo => payload.get(2).is_some_and(|&flags| flags & 0x20 != 0),
        Codec::Mpeg4Video => mpeg4(payload),
        _ => false,
    }
}

/// The first packet of a picture, in its lowest layer, that says itself and by its descriptor that it needs no other.
fn begins_key_frame(format: Format, payload: &[u8]) -> bool {
    format
        .piece(payload)
        .is_some_and(|piece| piece.begins && !piece.inter && format.is_key(piece.bytes))
}

/// The start codes at the beginning: a sequence, or a VOP that is intra coded (ISO/IEC 14496-2 §6.2).
fn mpeg4(payload: &[u8]) -> bool {
    match payload {
        [0, 0, 1, 0xb0 | 0xb3, ..] => true,
        [0, 0, 1, 0xb6, first, ..] => first >> 6 == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Xorshift;

    const CASES: &[(Codec, &[u8], bool)] = &[
        (Codec::H264, &[0x67, 0x42], true),
        (Codec::H264, &[0x68, 0xce], false),
        (Codec::H264, &[0x65, 0x88], true),
        (Codec::H264, &[0x41, 0x9a], false),
        (Codec::H264, &[0x06, 6, 1, 0x84, 0x80], true),
        (Codec::H264, &[0x06, 6, 1, 0x40, 0x80], false),
        (Codec::H264, &[0x06, 5, 1, 0x84, 0x80], false),
        (Codec::H264, &[0x78, 0, 1, 0x09, 0, 2, 0x67, 0x42], true),
        (Codec::H264, &[0x78, 0, 1, 0x09, 0, 9, 0x67, 0x42], false),
        (Codec::H264, &[0x7c, 0x85, 1], true),
        (Codec::H264, &[0x7c, 0x05, 1], false),
        (Codec::H264, &[0x7c, 0x81, 1], false),
        (Codec::H264, &[0, 0, 0, 1, 0x67, 1], true),
        (Codec::H265, &[0x40, 1], true),
        (Codec::H265, &[0x44, 1], false),
        (Codec::H265, &[0x26, 1], true),
        (Codec::H265, &[0x2a, 1], true),
        (Codec::H265, &[0x02, 1], false),
        (Codec::H265, &[0x62, 1, 0x93], true),
        (Codec::H265, &[0x62, 1, 0x13], false),
        (Codec::H265, &[0x60, 1, 0, 2, 0x42, 1], true),
        (Codec::Vp8, &[0x10, 0], true),
        (Codec::Vp8, &[0x10, 1], false),
        (Codec::Vp8, &[0x00, 0], false),
        (Codec::Vp8, &[0x90, 0x80, 0x80, 1, 0], true),
        (Codec::Vp8, &[0x90, 0xf0, 0x80, 1, 0, 0, 1], false),
        (Codec::Vp9, &[0x08, 0x82], true),
        (Codec::Vp9, &[0x08, 0x86], false),
        (Codec::Vp9, &[0x08, 0x88], false),
        (Codec::Vp9, &[0x08, 0xb1], true),
        (Codec::Vp9, &[0x08], false),
        (Codec::Vp9, &[0x48, 0x82], false),
        (Codec::Vp9, &[0xa8, 0x81, 1, 0x00, 5, 0x82], true),
        (Codec::Vp9, &[0xa8, 0x81, 1, 0x02, 5, 0x82], false),
        (Codec::Vp9, &[0xb8, 0x01, 0x00, 0x82], true),
        (
            Codec::Vp9,
            &[0x0a, 0x18, 1, 2, 3, 4, 2, 0x04, 9, 0x00, 0x82],
            true,
        ),
        (
            Codec::Vp9,
            &[0x0a, 0x18, 1, 2, 3, 4, 2, 0x04, 9, 0x00, 0x86],
            false,
        ),
        (Codec::Vp9, &[0x0a, 0x08, 255, 0x0c], false),
        (Codec::Av1, &[0x18, 1], true),
        (Codec::Av1, &[0x10, 1], false),
        (Codec::Jpeg, &[0, 0, 0, 0, 1], true),
        (Codec::Jpeg, &[0, 0, 5, 0, 1], false),
        (Codec::MpegVideo, &[0, 0, 0x20, 0], true),
        (Codec::Mpeg4Video, &[0, 0, 1, 0xb6, 0x10], true),
        (Codec::Mpeg4Video, &[0, 0, 1, 0xb6, 0x50], false),
        (Codec::Opus, &[0x67], false),
        (Codec::Other, &[0x65], false),
    ];

    #[test]
    fn starts_are_told_from_the_rest() {
        for &(codec, payload, expected) in CASES {
            assert_eq!(
                random_access(codec, payload),
                expected,
                "{codec} {payload:02x?}"
            );
        }
    }

    #[test]
    fn no_payload_panics() {
        let mut random = Xorshift::new(11);
        for &(codec, payload, _) in CASES {
            for end in 0..payload.len() {
                let _ = random_access(codec, &payload[..end]);
            }
            for _ in 0..2000 {
                let _ = random_access(codec, &random.bytes(40));
            }
        }
    }
}
