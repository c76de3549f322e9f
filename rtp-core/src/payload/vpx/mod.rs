//! VP8 (RFC 7741) and VP9 (RFC 9628, draft-ietf-payload-vp9-16): pictures cut anywhere, each piece behind a descriptor.
//!
//! A frame is a whole picture as the codec made it. Of a picture with spatial layers (VP9) it holds all of them, one after
//! the other.

mod depacketize;
mod descriptor;
mod packetize;

pub(crate) use depacketize::Depacketizer;
pub(crate) use descriptor::{Piece, vp8, vp9};
pub(crate) use packetize::packetize;

use super::bits::BitReader;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Vp8,
    Vp9,
}

impl Format {
    /// Where a payload's picture begins, and whether that is the picture's beginning.
    pub(crate) fn piece(self, payload: &[u8]) -> Option<Piece<'_>> {
        match self {
            Self::Vp8 => vp8(payload),
            Self::Vp9 => vp9(payload),
        }
    }

    /// Whether decoding can start with a picture that begins so.
    pub(crate) fn is_key(self, picture: &[u8]) -> bool {
        match self {
            // The inverse key frame flag (RFC 6386 §9.1).
            Self::Vp8 => picture.first().is_some_and(|first| first & 1 == 0),
            // FFmpeg never sets the P bit of the descriptor, so that this bit alone tells nothing.
            Self::Vp9 => vp9_key_frame(picture).is_some(),
        }
    }

    /// Width and height in pixels, from the beginning of a key frame.
    pub(crate) fn dimensions(self, picture: &[u8]) -> Option<(u32, u32)> {
        match self {
            Self::Vp8 => vp8_dimensions(picture),
            Self::Vp9 => vp9_dimensions(picture),
        }
    }
}

/// Behind the frame tag of three bytes: a start code, and width and height of 14 bits each below two of scaling (RFC 6386 §9.1).
fn vp8_dimensions(picture: &[u8]) -> Option<(u32, u32)> {
    let &[_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = picture.first_chunk()? else {
        return None;
    };
    let pixels = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((pixels(w0, w1), pixels(h0, h1)))
}

/// The uncompressed header of a key frame, read up to its profile and flags (VP9 bitstream specification §6.2).
fn vp9_key_frame(picture: &[u8]) -> Option<(u32, BitReader<'_>)> {
    let mut bits = BitReader::new(picture);
    if bits.bits(2)? != 2 {
        return None;
    }
    let profile = u32::from(bits.flag()?) | u32::from(bits.flag()?) << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    let (shows_existing, inter) = (bits.flag()?, bits.flag()?);
    (!shows_existing && !inter).then_some((profile, bits))
}

/// What follows those: two flags, a sync code, the colours, and the size less one.
fn vp9_dimensions(picture: &[u8]) -> Option<(u32, u32)> {
    const SRGB: u32 = 7;
    let (profile, mut bits) = vp9_key_frame(picture)?;
    bits.skip(2)?;
    if bits.bits(24)? != 0x49_8342 {
        return None;
    }
    if profile >= 2 {
        bits.skip(1)?;
    }
    let subsampled = profile == 1 || profile == 3;
    if bits.bits(3)? == SRGB {
        bits.skip(usize::from(subsampled))?;
    } else {
        bits.skip(if subsampled { 4 } else { 1 })?;
    }
    Some((bits.bits(16)? + 1, bits.bits(16)? + 1))
}

#[cfg(test)]
mod tests;
