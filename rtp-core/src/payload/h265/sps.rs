//! The sequence parameter set (ITU-T H.265 §7.3.2.2).

use super::super::{bits::BitReader, h264::read_vui_picture, nal::unescape};
use crate::Error;

/// What a sequence parameter set says, as far as it matters outside a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sps {
    /// Profile space, tier and profile in one byte; compatibility flags in four; constraint flags in six; level:
    /// the general part of `profile_tier_level`, as MP4 stores it.
    pub profile_tier_level: [u8; 12],
    /// `sps_seq_parameter_set_id`, 0–15.
    pub id: u8,
    /// Temporal sub-layers, 1–7.
    pub temporal_layers: u8,
    /// `sps_temporal_id_nesting_flag`.
    pub temporal_id_nested: bool,
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8–16.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8–16.
    pub bit_depth_chroma: u8,
    /// Width of the visible picture in pixels.
    pub width: u32,
    /// Height of the visible picture in pixels.
    pub height: u32,
    /// Frames a second as a fraction (numerator, denominator), if the VUI tells.
    pub frame_rate: Option<(u32, u32)>,
    /// Width and height of a pixel, if the VUI tells.
    pub pixel_aspect: Option<(u16, u16)>,
    /// Most frames that precede another in decoding order and follow it in output order; 0: no B-frames.
    pub reorder_frames: Option<u8>,
}

const MAX_SIDE: u32 = 0xffff;

impl Sps {
    /// Reads an SPS: a NAL unit with its header of two bytes, without start code. Bytes behind it do no harm.
    ///
    /// # Errors
    /// [`Error::Syntax`] if it is none, ends early or claims what no SPS can.
    pub fn parse(unit: &[u8]) -> Result<Self, Error> {
        Self::read(unit).ok_or(Error::Syntax("H.265 sequence parameter set"))
    }

    fn read(unit: &[u8]) -> Option<Self> {
        let (&[first, _], body) = unit.split_first_chunk()?;
        if super::unit_type(first) != super::unit_type::SPS || body.len() > 4096 {
            return None;
        }
        let body = unescape(body);
        let mut bits = BitReader::new(&body);
        bits.skip(4)?; // sps_video_parameter_set_id
        let more_layers = bits.bits(3)?;
        let temporal_id_nested = bits.flag()?;
        let mut profile_tier_level = [0; 12];
        for byte in &mut profile_tier_level {
            *byte = bits.byte()?;
        }
        skip_sub_layers(&mut bits, more_layers)?;
        let mut sps = Self {
            profile_tier_level,
            id: u8::try_from(bits.ue()?).ok().filter(|&id| id < 16)?,
            temporal_layers: u8::try_from(more_layers + 1).ok()?,
            temporal_id_nested,
            chroma_format: 1,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
            width: 0,
            height: 0,
            frame_rate: None,
            pixel_aspect: None,
            reorder_frames: None,
        };
        sps.read_size(&mut bits)?;
        // What follows only adds.
        let _ = sps.read_rest(&mut bits, more_layers);
        Some(sps)
    }

    fn read_size(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.chroma_format = u8::try_from(bits.ue()?)
            .ok()
            .filter(|&format| format <= 3)?;
        let separate_planes = self.chroma_format == 3 && bits.flag()?;
        let side = |value: u32| Some(value).filter(|&value| value <= MAX_SIDE);
        let (width, height) = (side(bits.ue()?)?, side(bits.ue()?)?);
        let (mut crop_x, mut crop_y) = (0, 0);
        if bits.flag()? {
            let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
            let chroma = if separate_planes {
                0
            } else {
                self.chroma_format
            };
            let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
            let unit_y = if chroma == 1 { 2 } else { 1 };
            crop_x = left.checked_add(right)?.checked_mul(unit_x)?;
            crop_y = top.checked_add(bottom)?.checked_mul(unit_y)?;
        }
        self.width = width.checked_sub(crop_x).filter(|&width| width > 0)?;
        self.height = height.checked_sub(crop_y).filter(|&height| height > 0)?;
        self.bit_depth_luma = u8::try_from(bits.ue()?).ok().filter(|&more| more <= 8)? + 8;
        self.bit_depth_chroma = u8::try_from(bits.ue()?).ok().filter(|&more| more <= 8)? + 8;
        Some(())
    }

    fn read_rest(&mut self, bits: &mut BitReader<'_>, more_layers: u32) -> Option<()> {
        let order_bits = bits.ue()?.checked_add(4).filter(|&bits| bits <= 16)?;
        let all_layers = bits.flag()?;
        for _ in if all_layers { 0 } else { more_layers }..=more_layers {
            bits.ue()?; // sps_max_dec_pic_buffering_minus1
            self.reorder_frames = u8::try_from(bits.ue()?).ok().filter(|&frames| frames <= 16);
            bits.ue()?; // sps_max_latency_increase_plus1
        }
        for _ in 0..6 {
            bits.ue()?; // block sizes, transform depths
        }
        if bits.flag()? && bits.flag()? {
            skip_scaling_lists(bits)?;
        }
        bits.skip(2)?; // amp, sample adaptive offset
        if bits.flag()? {
            bits.skip(8)?;
            bits.ue()?;
            bits.ue()?;
            bits.flag()?;
        }
        skip_reference_sets(bits)?;
        if bits.flag()? {
            let count = bits.ue().filter(|&count| count <= 32)?;
            for _ in 0..count {
                bits.bits(order_bits)?;
                bits.flag()?;
            }
        }
        bits.skip(2)?; // temporal mvp, strong intra smoothing
        if bits.flag()? {
            self.read_vui(bits)
        } else {
            Some(())
        }
    }

    /// Video usability information up to the timing (§E.2.1).
    fn read_vui(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        read_vui_picture(bits, &mut self.pixel_aspect)?;
        bits.skip(3)?; // neutral chroma, field sequence, frame field
        if bits.flag()? {
            for _ in 0..4 {
                bits.ue()?; // default display window
            }
        }
        if bits.flag()? {
            let ticks = bits.bits(32)?;
            let scale = bits.bits(32)?;
            self.frame_rate = (ticks > 0 && scale > 0).then_some((scale, ticks));
        }
        Some(())
    }
}

fn skip_sub_layers(bits: &mut BitReader<'_>, more_layers: u32) -> Option<()> {
    let mut skip = 0;
    for _ in 0..more_layers {
        skip += if bits.flag()? { 88 } else { 0 };
        skip += if bits.flag()? { 8 } else { 0 };
    }
    if more_layers > 0 {
        for _ in more_layers..8 {
            bits.skip(2)?;
        }
    }
    bits.skip(skip)
}

/// §7.3.4.
fn skip_scaling_lists(bits: &mut BitReader<'_>) -> Option<()> {
    for size in 0..4 {
        let matrices = if size == 3 { 2 } else { 6 };
        for _ in 0..matrices {
            if !bits.flag()? {
                bits.ue()?;
                continue;
            }
            if size > 1 {
                bits.se()?;
            }
            for _ in 0..core::cmp::min(64, 1 << (4 + 2 * size)) {
                bits.se()?;
            }
        }
    }
    Some(())
}

/// Short-term reference picture sets (§7.3.7).
fn skip_reference_sets(bits: &mut BitReader<'_>) -> Option<()> {
    let sets = bits.ue().filter(|&sets| sets <= 64)?;
    let mut previous = 0;
    for set in 0..sets {
        if set > 0 && bits.flag()? {
            bits.flag()?; // delta_rps_sign
            bits.ue()?; // abs_delta_rps_minus1
            let mut pictures = 0;
            for _ in 0..=previous {
                let used = bits.flag()?;
                pictures += u32::from(used || bits.flag()?);
            }
            previous = pictures;
        } else {
            let negative = bits.ue().filter(|&count| count <= 16)?;
            let positive = bits.ue().filter(|&count| count <= 16)?;
            previous = negative + positive;
            for _ in 0..previous {
                bits.ue()?;
                bits.flag()?;
            }
        }
    }
    Some(())
}
