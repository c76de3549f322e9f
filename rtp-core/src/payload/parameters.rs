//! What a decoder or a file needs to know about a stream.

use alloc::string::{String, ToString};

use super::{aac, h264, h265};

/// Rate and channels of an audio format that needs nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AudioParameters {
    /// Samples a second and channel, as they are really taken: 16 000 for G.722, whose RTP clock is 8000.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u8,
}

/// Parameters of a stream, as far as `a=fmtp` and the packets so far have told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parameters {
    /// H.264: parameter sets and what the SPS says.
    H264(h264::Parameters),
    /// H.265: parameter sets and what the SPS says.
    H265(h265::Parameters),
    /// AAC: AudioSpecificConfig and what it says.
    Aac(aac::Parameters),
    /// Opus; always 48 kHz.
    Opus(AudioParameters),
    /// G.711, G.722, L16, MPEG audio and other plain audio.
    Audio(AudioParameters),
    /// A picture format that carries its size in the stream (JPEG, VP8, VP9, AV1).
    Picture {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl Parameters {
    /// Width and height in pixels, for video.
    #[must_use]
    pub fn dimensions(&self) -> Option<(u32, u32)> {
        match self {
            Self::H264(parameters) => Some((parameters.width, parameters.height)),
            Self::H265(parameters) => Some((parameters.width, parameters.height)),
            Self::Picture { width, height } => Some((*width, *height)),
            Self::Aac(_) | Self::Opus(_) | Self::Audio(_) => None,
        }
    }

    /// Frames a second, where the stream says so.
    #[must_use]
    pub fn frame_rate(&self) -> Option<f64> {
        let (numerator, denominator) = match self {
            Self::H264(parameters) => parameters.frame_rate?,
            Self::H265(parameters) => parameters.frame_rate?,
            _ => return None,
        };
        (denominator != 0).then(|| f64::from(numerator) / f64::from(denominator))
    }

    /// Samples a second and channel, for audio.
    #[must_use]
    pub fn sample_rate(&self) -> Option<u32> {
        match self {
            Self::Aac(parameters) => Some(parameters.sample_rate),
            Self::Opus(audio) | Self::Audio(audio) => Some(audio.sample_rate),
            _ => None,
        }
    }

    /// Channels, for audio.
    #[must_use]
    pub fn channels(&self) -> Option<u8> {
        match self {
            Self::Aac(parameters) => Some(parameters.channels),
            Self::Opus(audio) | Self::Audio(audio) => Some(audio.channels),
            _ => None,
        }
    }

    /// The codec as RFC 6381 §3.3 names it (`avc1.64001F`, `hvc1.1.6.L93.B0`, `mp4a.40.2`, `opus`), where there is
    /// such a name.
    #[must_use]
    pub fn codec_string(&self) -> Option<String> {
        match self {
            Self::H264(parameters) => Some(parameters.codec_string()),
            Self::H265(parameters) => Some(parameters.codec_string()),
            Self::Aac(parameters) => Some(parameters.codec_string()),
            Self::Opus(_) => Some("opus".to_string()),
            Self::Audio(_) | Self::Picture { .. } => None,
        }
    }

    /// The value of `a=fmtp` (without the payload type) that announces this stream as [`Packetizer`](crate::Packetizer)
    /// sends it; `None` where none is needed.
    #[must_use]
    pub fn fmtp(&self) -> Option<String> {
        match self {
            Self::H264(parameters) => Some(parameters.fmtp()),
            Self::H265(parameters) => Some(parameters.fmtp()),
            Self::Aac(parameters) => Some(parameters.fmtp()),
            Self::Opus(audio) if audio.channels > 1 => Some("sprop-stereo=1".to_string()),
            Self::Opus(_) | Self::Audio(_) | Self::Picture { .. } => None,
        }
    }
}
