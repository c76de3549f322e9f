//! Where decoding can start, told from a payload without depacketizing it.

use crate::{Codec, h264, h265};

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
        Codec::Vp8 => vp8(payload).unwrap_or(false),
        Codec::Vp9 => vp9(payload).unwrap_or(false),
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

/// RFC 7741 §4.2, §4.3: start of the first partition, and an inverse key frame flag of 0.
fn vp8(payload: &[u8]) -> Option<bool> {
    let (&descriptor, mut rest) = payload.split_first()?;
    if descriptor & 0x10 == 0 || descriptor & 0x07 != 0 {
        return Some(false);
    }
    if descriptor & 0x80 != 0 {
        let (&extension, behind) = rest.split_first()?;
        let picture_id = match (extension & 0x80 != 0, behind.first()?) {
            (false, _) => 0,
            (true, first) => 1 + usize::from(first >> 7),
        };
        let level = usize::from(extension & 0x40 != 0);
        let layer = usize::from(extension & 0x30 != 0);
        rest = behind.get(picture_id + level + layer..)?;
    }
    Some(rest.first()? & 1 == 0)
}

/// draft-ietf-payload-vp9 §4.2: beginning of a frame that is not predicted from another picture, in the lowest layer.
fn vp9(payload: &[u8]) -> Option<bool> {
    let &descriptor = payload.first()?;
    let bit = |mask: u8| descriptor & mask != 0;
    let (id, inter, layers, flexible) = (bit(0x80), bit(0x40), bit(0x20), bit(0x10));
    let (begins, structure) = (bit(0x08), bit(0x02));
    if inter || !begins {
        return Some(false);
    }
    let mut rest = payload.get(1..)?;
    if id {
        rest = rest.get(1 + usize::from(rest.first()? >> 7)..)?;
    }
    if layers {
        if rest.first()? >> 1 & 7 != 0 {
            return Some(false);
        }
        // Without flexible mode the index of the base layer follows.
        rest = rest.get(1 + usize::from(!flexible)..)?;
    }
    if structure {
        rest = rest.get(vp9_structure(rest)?..)?;
    }
    vp9_key_frame(rest)
}

/// Octets of a scalability structure (draft-ietf-payload-vp9 §4.2.1).
fn vp9_structure(payload: &[u8]) -> Option<usize> {
    let (&flags, rest) = payload.split_first()?;
    let sizes = if flags & 0x10 != 0 {
        4 * (usize::from(flags >> 5) + 1)
    } else {
        0
    };
    let mut groups = 0;
    if flags & 0x08 != 0 {
        let mut pictures = rest.get(sizes..)?.iter();
        let count = *pictures.next()?;
        groups = 1;
        for _ in 0..count {
            let references = usize::from(pictures.next()? >> 2 & 3);
            groups += 1 + references;
            if let Some(last) = references.checked_sub(1) {
                pictures.nth(last)?;
            }
        }
    }
    Some(1 + sizes + groups)
}

/// Whether the uncompressed header of a VP9 frame says that it is a key frame. FFmpeg never sets the P bit of the
/// descriptor, so that this bit alone tells nothing.
fn vp9_key_frame(frame: &[u8]) -> Option<bool> {
    let header = *frame.first()?;
    if header >> 6 != 2 {
        return Some(false);
    }
    // Profile 3 has a reserved bit before the two flags.
    let flags = if header & 0x30 == 0x30 {
        header << 1
    } else {
        header
    };
    Some(flags & 0x0c == 0)
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
