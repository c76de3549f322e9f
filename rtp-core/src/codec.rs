//! Names of payload formats.

use core::fmt;

/// A payload format, by the encoding name of `a=rtpmap`.
///
/// Knowing a name does not mean that there is a depacketizer for it: see [`Depacketizer::new`](crate::Depacketizer::new).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// `H264` (RFC 6184).
    H264,
    /// `H265` (RFC 7798).
    H265,
    /// `AV1` (AV1 RTP specification 1.0).
    Av1,
    /// `VP8` (RFC 7741).
    Vp8,
    /// `VP9` (RFC 9628).
    Vp9,
    /// `JPEG` (RFC 2435).
    Jpeg,
    /// `MP4V-ES`, MPEG-4 Visual (RFC 6416).
    Mpeg4Video,
    /// `MPV`, MPEG-1 and MPEG-2 video (RFC 2250).
    MpegVideo,
    /// `MPEG4-GENERIC`, taken as AAC (RFC 3640).
    Aac,
    /// `MP4A-LATM` (RFC 6416).
    Latm,
    /// `opus` (RFC 7587).
    Opus,
    /// `PCMU`, G.711 µ-law (RFC 3551 §4.5.14).
    Pcmu,
    /// `PCMA`, G.711 A-law (RFC 3551 §4.5.14).
    Pcma,
    /// `G722` (RFC 3551 §4.5.2): sampled at 16 kHz, though its clock rate is 8 kHz.
    G722,
    /// `L16`, linear PCM, big-endian (RFC 3551 §4.5.11).
    L16,
    /// `MP2T`, an MPEG-2 transport stream (RFC 2250 §2).
    MpegTs,
    /// `MPA`, MPEG audio layers I–III (RFC 2250 §3.5).
    Mpa,
    /// `AC3` (RFC 4184).
    Ac3,
    /// `vnd.onvif.metadata`.
    OnvifMetadata,
    /// Anything else: passed on, never looked into.
    Other,
}

const NAMES: &[(&str, Codec)] = &[
    ("H264", Codec::H264),
    ("H265", Codec::H265),
    ("HEVC", Codec::H265),
    ("AV1", Codec::Av1),
    ("VP8", Codec::Vp8),
    ("VP9", Codec::Vp9),
    ("JPEG", Codec::Jpeg),
    ("MP4V-ES", Codec::Mpeg4Video),
    ("MPV", Codec::MpegVideo),
    ("MPEG4-GENERIC", Codec::Aac),
    ("MP4A-LATM", Codec::Latm),
    ("opus", Codec::Opus),
    ("PCMU", Codec::Pcmu),
    ("PCMA", Codec::Pcma),
    ("G722", Codec::G722),
    ("L16", Codec::L16),
    ("MP2T", Codec::MpegTs),
    ("MPA", Codec::Mpa),
    ("AC3", Codec::Ac3),
    ("vnd.onvif.metadata", Codec::OnvifMetadata),
];

impl Codec {
    /// The codec of an encoding name, compared without case (RFC 4855 §3); [`Codec::Other`] if unknown.
    ///
    /// ```
    /// use rtp_core::Codec;
    /// assert_eq!(Codec::from_encoding_name("mpeg4-generic"), Codec::Aac);
    /// ```
    #[must_use]
    pub fn from_encoding_name(name: &str) -> Self {
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or(Self::Other, |&(_, codec)| codec)
    }

    /// The encoding name as registered; `""` for [`Codec::Other`].
    #[must_use]
    pub fn encoding_name(self) -> &'static str {
        NAMES
            .iter()
            .find(|&&(_, codec)| codec == self)
            .map_or("", |&(name, _)| name)
    }

    /// Whether this is a video format.
    #[must_use]
    pub const fn is_video(self) -> bool {
        matches!(
            self,
            Self::H264
                | Self::H265
                | Self::Av1
                | Self::Vp8
                | Self::Vp9
                | Self::Jpeg
                | Self::Mpeg4Video
                | Self::MpegVideo
        )
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Other => "other",
            known => known.encoding_name(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_ignore_case() {
        for &(name, codec) in NAMES {
            assert_eq!(Codec::from_encoding_name(name), codec);
            assert_eq!(Codec::from_encoding_name(&name.to_ascii_lowercase()), codec);
            assert_eq!(Codec::from_encoding_name(codec.encoding_name()), codec);
        }
        assert_eq!(Codec::from_encoding_name("X-unknown"), Codec::Other);
        assert_eq!(Codec::from_encoding_name(""), Codec::Other);
    }
}
