//! AAC (RFC 3640).

use alloc::string::String;

use bytes::Bytes;

/// The configuration of a stream and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    pub config: Bytes,
    /// Samples a second and channel, of the core codec.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u8,
}

impl Parameters {
    pub(crate) fn codec_string(&self) -> String {
        String::new()
    }

    pub(crate) fn fmtp(&self) -> String {
        String::new()
    }
}
