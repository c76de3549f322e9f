//! The parameter sets of a stream: from SDP, from MP4, from the stream itself.

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

use base64::Engine;
use bytes::Bytes;

use super::{AnnexB, Sps, unit_type};
use crate::{
    Error,
    payload::{
        bits::BitReader,
        fmtp::{self, LENIENT_BASE64},
    },
};

/// The parameter sets of a stream and what its sequence parameter set says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// Video parameter set: a NAL unit without start code.
    pub vps: Bytes,
    /// Sequence parameter set: a NAL unit without start code.
    pub sps: Bytes,
    /// Picture parameter set: a NAL unit without start code.
    pub pps: Bytes,
    /// Further picture parameter sets, with other ids.
    pub more_pps: Vec<Bytes>,
    /// Width of the visible picture in pixels.
    pub width: u32,
    /// Height of the visible picture in pixels.
    pub height: u32,
    /// Frames a second as a fraction (numerator, denominator), if the SPS says so.
    pub frame_rate: Option<(u32, u32)>,
    /// Most frames that are shown after one that follows them in the stream; 0: no B-frames.
    pub reorder_frames: Option<u8>,
}

/// Bounds of what is kept: a stream has one or two of these, of some dozen bytes.
const MAX_SETS: usize = 16;
const MAX_SET_LEN: usize = 4096;

fn set_id(unit: &[u8]) -> Option<u32> {
    let (&[first, second], body) = unit.split_first_chunk()?;
    if first & 1 != 0 || second >> 3 != 0 {
        // Sets of other layers are of no use without a multi-layer decoder.
        return None;
    }
    match super::unit_type(first) {
        unit_type::VPS => body.first().map(|&byte| u32::from(byte >> 4)),
        unit_type::SPS => Sps::parse(unit).ok().map(|sps| u32::from(sps.id)),
        unit_type::PPS => BitReader::new(body).ue().filter(|&id| id < 64),
        _ => None,
    }
}

/// Parameter sets as they come, by id.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    vps: Vec<Bytes>,
    sps: Vec<Bytes>,
    pps: Vec<Bytes>,
}

impl Collected {
    /// Keeps a parameter set in place of the one with its id; true if that changes anything.
    pub(crate) fn take(&mut self, unit: &[u8]) -> bool {
        let list = match unit.first().map(|&first| super::unit_type(first)) {
            Some(unit_type::VPS) => &mut self.vps,
            Some(unit_type::SPS) => &mut self.sps,
            Some(unit_type::PPS) => &mut self.pps,
            _ => return false,
        };
        if list.iter().any(|other| *other == unit) {
            return false;
        }
        let id = set_id(unit);
        if id.is_none() || unit.len() > MAX_SET_LEN {
            return false;
        }
        let known = list.len();
        match list.iter_mut().find(|other| set_id(other) == id) {
            Some(other) => *other = Bytes::copy_from_slice(unit),
            None if known < MAX_SETS => list.push(Bytes::copy_from_slice(unit)),
            None => return false,
        }
        true
    }

    /// All three sets are needed.
    pub(crate) fn parameters(&self) -> Option<Parameters> {
        let vps = self.vps.first()?.clone();
        let sps = self.sps.first()?.clone();
        let (pps, more_pps) = self.pps.split_first()?;
        let parsed = Sps::parse(&sps).ok()?;
        Some(Parameters {
            vps,
            sps,
            pps: pps.clone(),
            more_pps: more_pps.to_vec(),
            width: parsed.width,
            height: parsed.height,
            frame_rate: parsed.frame_rate,
            reorder_frames: parsed.reorder_frames,
        })
    }

    /// `sprop-vps`, `sprop-sps`, `sprop-pps`: entries that cannot be read are passed over.
    pub(crate) fn take_fmtp(&mut self, fmtp: &str) {
        for name in ["sprop-vps", "sprop-sps", "sprop-pps"] {
            let sets = fmtp::parameter(fmtp, name).unwrap_or_default();
            for entry in sets.split(',') {
                if let Ok(bytes) = LENIENT_BASE64.decode(entry.trim()) {
                    for unit in AnnexB::new(&bytes) {
                        self.take(unit);
                    }
                }
            }
        }
    }
}

impl Parameters {
    /// From units without start codes; those that are no parameter sets are passed over.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a VPS, an SPS that can be read, or a PPS is missing.
    pub fn from_units<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut collected = Collected::default();
        for unit in units {
            collected.take(unit);
        }
        collected
            .parameters()
            .ok_or(Error::Parameter("parameter sets"))
    }

    /// From `a=fmtp` (RFC 7798 §7.1).
    ///
    /// # Errors
    /// [`Error::Parameter`] if a VPS, an SPS that can be read, or a PPS is missing.
    pub fn from_fmtp(fmtp: &str) -> Result<Self, Error> {
        let mut collected = Collected::default();
        collected.take_fmtp(fmtp);
        collected
            .parameters()
            .ok_or(Error::Parameter("sprop-vps, sprop-sps, sprop-pps"))
    }

    /// From an HEVCDecoderConfigurationRecord (`hvcC`, ISO/IEC 14496-15 §8.3.3.1).
    ///
    /// # Errors
    /// [`Error::Syntax`] if it ends early, [`Error::Parameter`] if a usable parameter set is missing.
    pub fn from_hvcc(record: &[u8]) -> Result<Self, Error> {
        fn arrays(record: &[u8], collected: &mut Collected) -> Option<()> {
            let (&count, mut rest) = record.get(22..)?.split_first()?;
            for _ in 0..count {
                let (&[_, high, low], mut at) = rest.split_first_chunk()?;
                for _ in 0..u16::from_be_bytes([high, low]) {
                    let (length, body) = at.split_first_chunk()?;
                    let (unit, behind) =
                        body.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                    collected.take(unit);
                    at = behind;
                }
                rest = at;
            }
            Some(())
        }
        let mut collected = Collected::default();
        arrays(record, &mut collected).ok_or(Error::Syntax("HEVCDecoderConfigurationRecord"))?;
        collected
            .parameters()
            .ok_or(Error::Parameter("parameter sets"))
    }

    /// All parameter sets, in the order in which a decoder wants them.
    pub fn units(&self) -> impl Iterator<Item = &[u8]> {
        [&self.vps, &self.sps, &self.pps]
            .into_iter()
            .chain(&self.more_pps)
            .map(|set| &set[..])
    }

    /// The HEVCDecoderConfigurationRecord of the stream, for lengths of four bytes.
    #[must_use]
    pub fn to_hvcc(&self) -> Vec<u8> {
        let mut out = Vec::from([1]);
        if let Ok(sps) = Sps::parse(&self.sps) {
            out.extend(sps.profile_tier_level);
            out.extend([0xf0, 0, 0xfc, 0xfc | sps.chroma_format]);
            out.extend([
                0xf8 | (sps.bit_depth_luma - 8) & 7,
                0xf8 | (sps.bit_depth_chroma - 8) & 7,
                0,
                0,
            ]);
            out.push((sps.temporal_layers & 7) << 3 | u8::from(sps.temporal_id_nested) << 2 | 3);
        }
        out.push(3);
        let all_pps: Vec<&Bytes> = core::iter::once(&self.pps).chain(&self.more_pps).collect();
        for (kind, sets) in [
            (unit_type::VPS, &[&self.vps][..]),
            (unit_type::SPS, &[&self.sps]),
            (unit_type::PPS, &all_pps),
        ] {
            out.push(0x80 | kind);
            out.extend(u16::try_from(sets.len()).unwrap_or(u16::MAX).to_be_bytes());
            for set in sets {
                out.extend(u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes());
                out.extend_from_slice(set);
            }
        }
        out
    }

    /// The value of `a=fmtp` behind the payload type (RFC 7798 §7.1).
    #[must_use]
    pub fn fmtp(&self) -> String {
        let mut out = String::from("sprop-vps=");
        let encode = |unit: &[u8], out: &mut String| {
            base64::engine::general_purpose::STANDARD.encode_string(unit, out);
        };
        encode(&self.vps, &mut out);
        out.push_str(";sprop-sps=");
        encode(&self.sps, &mut out);
        out.push_str(";sprop-pps=");
        encode(&self.pps, &mut out);
        for pps in &self.more_pps {
            out.push(',');
            encode(pps, &mut out);
        }
        out
    }

    /// As ISO/IEC 14496-15 Annex E names the codec: `hvc1.1.6.L93.B0`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        let mut out = String::from("hvc1.");
        let Ok(sps) = Sps::parse(&self.sps) else {
            return out;
        };
        let [general, c0, c1, c2, c3, constraints @ .., level] = sps.profile_tier_level;
        if general >> 6 > 0 {
            out.push(char::from(b'@' + (general >> 6)));
        }
        let compatibility = u32::from_be_bytes([c0, c1, c2, c3]).reverse_bits();
        let tier = if general & 0x20 == 0 { 'L' } else { 'H' };
        let _ = write!(out, "{}.{compatibility:X}.{tier}{level}", general & 0x1f);
        let used = constraints
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        for byte in constraints.iter().take(used) {
            let _ = write!(out, ".{byte:X}");
        }
        out
    }
}
