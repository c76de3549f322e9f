//! The parameter sets of a stream: from SDP, from MP4, from the stream itself.

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

use base64::Engine;
use bytes::Bytes;

use super::{AnnexB, Sps, unit_type};
use crate::{
    Error,
    payload::fmtp::{self, LENIENT_BASE64},
};

/// The parameter sets of a stream and what its sequence parameter set says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
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
    /// `profile_idc`, constraint flags, `level_idc`.
    pub profile_level_id: [u8; 3],
    /// Most frames that are shown after one that follows them in the stream, if the SPS says so; 0: no B-frames.
    pub reorder_frames: Option<u8>,
}

/// Bounds of what is kept: a stream has one or two of these, of some dozen bytes.
const MAX_SETS: usize = 16;
const MAX_SET_LEN: usize = 4096;

/// `pic_parameter_set_id`, or `seq_parameter_set_id` for an SPS.
fn set_id(unit: &[u8]) -> Option<u32> {
    let skip = if unit_type(*unit.first()?) == unit_type::SPS {
        4
    } else {
        1
    };
    let start = unit.get(skip..)?;
    super::BitReader::new(start.get(..start.len().min(8))?).ue()
}

/// Parameter sets as they come, by id.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    sps: Vec<Bytes>,
    pps: Vec<Bytes>,
}

impl Collected {
    /// Keeps a parameter set in place of the one with its id; true if that changes anything.
    pub(crate) fn take(&mut self, unit: &[u8]) -> bool {
        let list = match unit.first().map(|&first| unit_type(first)) {
            Some(unit_type::SPS) if Sps::parse(unit).is_ok() => &mut self.sps,
            Some(unit_type::PPS) if unit.len() > 1 => &mut self.pps,
            _ => return false,
        };
        let (id, known) = (set_id(unit), list.len());
        if id.is_none() || unit.len() > MAX_SET_LEN {
            return false;
        }
        match list.iter_mut().find(|other| set_id(other) == id) {
            Some(same) if *same == unit => false,
            Some(other) => {
                *other = Bytes::copy_from_slice(unit);
                true
            }
            None if known < MAX_SETS => {
                list.push(Bytes::copy_from_slice(unit));
                true
            }
            None => false,
        }
    }

    /// Both sets are needed.
    pub(crate) fn parameters(&self) -> Option<Parameters> {
        let sps = self.sps.first()?.clone();
        let (pps, more_pps) = self.pps.split_first()?;
        let parsed = Sps::parse(&sps).ok()?;
        Some(Parameters {
            sps,
            pps: pps.clone(),
            more_pps: more_pps.to_vec(),
            width: parsed.width,
            height: parsed.height,
            frame_rate: parsed.frame_rate,
            profile_level_id: parsed.profile_level_id,
            reorder_frames: parsed.reorder_frames,
        })
    }

    /// `sprop-parameter-sets`: entries that cannot be read are passed over; one may hold several units.
    pub(crate) fn take_fmtp(&mut self, fmtp: &str) {
        let sets = fmtp::parameter(fmtp, "sprop-parameter-sets").unwrap_or_default();
        for entry in sets.split(',') {
            if let Ok(bytes) = LENIENT_BASE64.decode(entry.trim()) {
                for unit in AnnexB::new(&bytes) {
                    self.take(unit);
                }
            }
        }
    }
}

impl Parameters {
    /// From units without start codes; those that are no parameter sets are passed over.
    ///
    /// # Errors
    /// [`Error::Parameter`] if an SPS that can be read, or a PPS, is missing.
    pub fn from_units<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut collected = Collected::default();
        for unit in units {
            collected.take(unit);
        }
        collected
            .parameters()
            .ok_or(Error::Parameter("parameter sets"))
    }

    /// From `a=fmtp` (`sprop-parameter-sets`, RFC 6184 §8.1).
    ///
    /// # Errors
    /// [`Error::Parameter`] if an SPS that can be read, or a PPS, is missing.
    pub fn from_fmtp(fmtp: &str) -> Result<Self, Error> {
        let mut collected = Collected::default();
        collected.take_fmtp(fmtp);
        collected
            .parameters()
            .ok_or(Error::Parameter("sprop-parameter-sets"))
    }

    /// From an AVCDecoderConfigurationRecord (`avcC`, ISO/IEC 14496-15 §5.3.3.1).
    ///
    /// # Errors
    /// [`Error::Syntax`] if it ends early, [`Error::Parameter`] if a usable SPS or PPS is missing.
    pub fn from_avcc(record: &[u8]) -> Result<Self, Error> {
        fn units<'a>(rest: &mut &'a [u8], mask: u8, collected: &mut Collected) -> Option<()> {
            let (&count, mut at): (&u8, &'a [u8]) = rest.split_first()?;
            for _ in 0..count & mask {
                let (length, body) = at.split_first_chunk()?;
                let (unit, behind) =
                    body.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                collected.take(unit);
                at = behind;
            }
            *rest = at;
            Some(())
        }
        let mut collected = Collected::default();
        let mut rest = record.get(5..).unwrap_or_default();
        units(&mut rest, 0x1f, &mut collected)
            .and_then(|()| units(&mut rest, 0xff, &mut collected))
            .ok_or(Error::Syntax("AVCDecoderConfigurationRecord"))?;
        collected
            .parameters()
            .ok_or(Error::Parameter("parameter sets"))
    }

    /// All parameter sets, in the order in which a decoder wants them.
    pub fn units(&self) -> impl Iterator<Item = &[u8]> {
        [&self.sps, &self.pps]
            .into_iter()
            .chain(&self.more_pps)
            .map(|set| &set[..])
    }

    /// The AVCDecoderConfigurationRecord of the stream, for lengths of four bytes.
    #[must_use]
    pub fn to_avcc(&self) -> Vec<u8> {
        let [profile, constraints, level] = self.profile_level_id;
        let mut out = Vec::from([1, profile, constraints, level, 0xff, 0xe1]);
        let put = |out: &mut Vec<u8>, unit: &[u8]| {
            out.extend(u16::try_from(unit.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend(unit);
        };
        put(&mut out, &self.sps);
        out.push(u8::try_from(1 + self.more_pps.len()).unwrap_or(u8::MAX));
        for pps in core::iter::once(&self.pps).chain(&self.more_pps) {
            put(&mut out, pps);
        }
        if let (100 | 110 | 122 | 144 | 244, Ok(sps)) = (profile, Sps::parse(&self.sps)) {
            out.extend([
                0xfc | sps.chroma_format,
                0xf8 | (sps.bit_depth_luma - 8),
                0xf8 | (sps.bit_depth_chroma - 8),
                0,
            ]);
        }
        out
    }

    /// The value of `a=fmtp` behind the payload type (RFC 6184 §8.1).
    #[must_use]
    pub fn fmtp(&self) -> String {
        let [profile, constraints, level] = self.profile_level_id;
        let mut out = String::from("packetization-mode=1;profile-level-id=");
        let _ = write!(
            out,
            "{profile:02X}{constraints:02X}{level:02X};sprop-parameter-sets="
        );
        for (n, unit) in self.units().enumerate() {
            if n > 0 {
                out.push(',');
            }
            base64::engine::general_purpose::STANDARD.encode_string(unit, &mut out);
        }
        out
    }

    /// As RFC 6381 §3.3 names the codec: `avc1.64001F`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        let [profile, constraints, level] = self.profile_level_id;
        let mut out = String::from("avc1.");
        let _ = write!(out, "{profile:02X}{constraints:02X}{level:02X}");
        out
    }
}
