//! H.264 (RFC 6184).

use alloc::{string::String, vec::Vec};

use bytes::Bytes;

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
}

impl Parameters {
    pub(crate) fn codec_string(&self) -> String {
        String::new()
    }

    pub(crate) fn fmtp(&self) -> String {
        String::new()
    }
}
