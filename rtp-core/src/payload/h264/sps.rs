//! The sequence parameter set (ISO/IEC 14496-10 §7.3.2.1.1).

use super::super::{bits::BitReader, nal::unescape};
use crate::Error;

/// What a sequence parameter set says, as far as it matters outside a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sps {
    /// `profile_idc`, constraint flags, `level_idc`: the `profile-level-id` of SDP.
    pub profile_level_id: [u8; 3],
    /// `seq_parameter_set_id`, 0–31.
    pub id: u8,
    /// `chroma_format_idc`: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8–14.
    pub bit_depth_luma: u8,
    /// Bits of a chroma sample, 8–14.
    pub bit_depth_chroma: u8,
    /// Width of the visible picture in pixels.
    pub width: u32,
    /// Height of the visible picture in pixels.
    pub height: u32,
    /// Pictures may be fields.
    pub interlaced: bool,
    /// Frames a second as a fraction (numerator, denominator), if the VUI tells.
    pub frame_rate: Option<(u32, u32)>,
    /// Width and height of a pixel, if the VUI tells.
    pub pixel_aspect: Option<(u16, u16)>,
    /// Most frames that precede another in decoding order and follow it in output order, if the VUI tells;
    /// 0: no B-frames.
    pub reorder_frames: Option<u8>,
}

/// Profiles whose SPS carries the chroma format (§7.3.2.1.1).
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Larger than any picture that a level allows.
const MAX_SIDE: u32 = 0xffff;

impl Sps {
    /// Reads an SPS: a NAL unit with its header byte, without start code. Bytes behind it do no harm.
    ///
    /// # Errors
    /// [`Error::Syntax`] if it is none, ends early or claims what no SPS can.
    pub fn parse(unit: &[u8]) -> Result<Self, Error> {
        Self::read(unit).ok_or(Error::Syntax("H.264 sequence parameter set"))
    }

    fn read(unit: &[u8]) -> Option<Self> {
        let (&first, body) = unit.split_first()?;
        if super::unit_type(first) != super::unit_type::SPS || body.len() > 4096 {
            return None;
        }
        let body = unescape(body);
        let mut bits = BitReader::new(&body);
        let profile_level_id = [bits.byte()?, bits.byte()?, bits.byte()?];
        let id = u8::try_from(bits.ue()?).ok().filter(|&id| id < 32)?;
        let mut sps = Self {
            profile_level_id,
            id,
            chroma_format: 1,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
            width: 0,
            height: 0,
            interlaced: false,
            frame_rate: None,
            pixel_aspect: None,
            reorder_frames: None,
        };
        let [profile, _, _] = profile_level_id;
        let separate_planes = HIGH_PROFILES.contains(&profile) && sps.read_chroma(&mut bits)?;
        sps.read_order(&mut bits)?;
        sps.read_size(&mut bits, separate_planes)?;
        // What follows only adds: a broken VUI does not make the rest wrong.
        if bits.flag() == Some(true) {
            let _ = sps.read_vui(&mut bits);
        }
        Some(sps)
    }

    /// True if the colour planes are coded separately.
    fn read_chroma(&mut self, bits: &mut BitReader<'_>) -> Option<bool> {
        self.chroma_format = u8::try_from(bits.ue()?)
            .ok()
            .filter(|&format| format <= 3)?;
        let separate_planes = self.chroma_format == 3 && bits.flag()?;
        self.bit_depth_luma = u8::try_from(bits.ue()?).ok().filter(|&more| more <= 6)? + 8;
        self.bit_depth_chroma = u8::try_from(bits.ue()?).ok().filter(|&more| more <= 6)? + 8;
        bits.flag()?; // qpprime_y_zero_transform_bypass_flag
        if bits.flag()? {
            let lists = if self.chroma_format == 3 { 12 } else { 8 };
            for list in 0..lists {
                if bits.flag()? {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Some(separate_planes)
    }

    /// Frame numbers and picture order count: nothing of it is kept.
    fn read_order(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        bits.ue()?; // log2_max_frame_num_minus4
        match bits.ue()? {
            0 => {
                bits.ue()?; // log2_max_pic_order_cnt_lsb_minus4
            }
            1 => {
                bits.flag()?;
                bits.se()?;
                bits.se()?;
                let cycle = bits.ue()?;
                if cycle > 255 {
                    return None;
                }
                for _ in 0..cycle {
                    bits.se()?;
                }
            }
            2 => {}
            _ => return None,
        }
        bits.ue()?; // max_num_ref_frames
        bits.flag()?; // gaps_in_frame_num_value_allowed_flag
        Some(())
    }

    fn read_size(&mut self, bits: &mut BitReader<'_>, separate_planes: bool) -> Option<()> {
        let columns = bits.ue()?.checked_add(1)?;
        let rows = bits.ue()?.checked_add(1)?;
        let frames_only = bits.flag()?;
        self.interlaced = !frames_only;
        if !frames_only {
            bits.flag()?; // mb_adaptive_frame_field_flag
        }
        bits.flag()?; // direct_8x8_inference_flag
        let fields = if frames_only { 1 } else { 2 };
        let width = columns.checked_mul(16).filter(|&width| width <= MAX_SIDE)?;
        let height = rows
            .checked_mul(16 * fields)
            .filter(|&height| height <= MAX_SIDE)?;
        let (mut crop_x, mut crop_y) = (0, 0);
        if bits.flag()? {
            let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
            let chroma = if separate_planes {
                0
            } else {
                self.chroma_format
            };
            let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
            let unit_y = if chroma == 1 { 2 } else { 1 } * fields;
            crop_x = left.checked_add(right)?.checked_mul(unit_x)?;
            crop_y = top.checked_add(bottom)?.checked_mul(unit_y)?;
        }
        self.width = width.checked_sub(crop_x).filter(|&width| width > 0)?;
        self.height = height.checked_sub(crop_y).filter(|&height| height > 0)?;
        Some(())
    }

    /// Video usability information (§E.1.1).
    fn read_vui(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        read_vui_picture(bits, &mut self.pixel_aspect)?;
        if bits.flag()? {
            let ticks = bits.bits(32)?;
            let scale = bits.bits(32)?;
            bits.flag()?; // fixed_frame_rate_flag
            // Two ticks are a frame.
            self.frame_rate = ticks
                .checked_mul(2)
                .filter(|&ticks| ticks > 0 && scale > 0)
                .map(|ticks| (scale, ticks));
        }
        let nal_hrd = bits.flag()?;
        if nal_hrd {
            skip_hrd(bits)?;
        }
        let vcl_hrd = bits.flag()?;
        if vcl_hrd {
            skip_hrd(bits)?;
        }
        if nal_hrd || vcl_hrd {
            bits.flag()?; // low_delay_hrd_flag
        }
        bits.flag()?; // pic_struct_present_flag
        if bits.flag()? {
            bits.flag()?; // motion_vectors_over_pic_boundaries_flag
            for _ in 0..4 {
                bits.ue()?;
            }
            self.reorder_frames = u8::try_from(bits.ue()?).ok().filter(|&frames| frames <= 16);
        }
        Some(())
    }
}

/// How video usability information begins, up to where the samples of colour lie; the same in H.265.
pub(crate) fn read_vui_picture(
    bits: &mut BitReader<'_>,
    pixel_aspect: &mut Option<(u16, u16)>,
) -> Option<()> {
    if bits.flag()? {
        *pixel_aspect = read_pixel_aspect(bits)?;
    }
    if bits.flag()? {
        bits.flag()?; // overscan_appropriate_flag
    }
    if bits.flag()? {
        bits.skip(4)?; // video_format, video_full_range_flag
        if bits.flag()? {
            bits.skip(24)?; // colour description
        }
    }
    if bits.flag()? {
        bits.ue()?; // chroma_sample_loc_type_top_field
        bits.ue()?;
    }
    Some(())
}

/// `None` inside: unspecified. The table is Table E-1, the same in H.265.
#[allow(clippy::option_option, reason = "the outer one is the end of the bits")]
fn read_pixel_aspect(bits: &mut BitReader<'_>) -> Option<Option<(u16, u16)>> {
    const TABLE: [(u16, u16); 16] = [
        (1, 1),
        (12, 11),
        (10, 11),
        (16, 11),
        (40, 33),
        (24, 11),
        (20, 11),
        (32, 11),
        (80, 33),
        (18, 11),
        (15, 11),
        (64, 33),
        (160, 99),
        (4, 3),
        (3, 2),
        (2, 1),
    ];
    let index = bits.byte()?;
    if index == 255 {
        let (width, height) = (bits.bits(16)?, bits.bits(16)?);
        let pair = u16::try_from(width).ok().zip(u16::try_from(height).ok());
        return Some(pair.filter(|&(width, height)| width > 0 && height > 0));
    }
    Some(
        usize::from(index)
            .checked_sub(1)
            .and_then(|index| TABLE.get(index))
            .copied(),
    )
}

fn skip_scaling_list(bits: &mut BitReader<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            let delta = bits.se()?;
            next = (last + delta.clamp(-128, 127)) & 0xff;
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

fn skip_hrd(bits: &mut BitReader<'_>) -> Option<()> {
    let count = bits.ue()?;
    if count > 31 {
        return None;
    }
    bits.skip(8)?; // bit_rate_scale, cpb_size_scale
    for _ in 0..=count {
        bits.ue()?;
        bits.ue()?;
        bits.flag()?;
    }
    bits.skip(20) // four lengths of 5 bits
}
