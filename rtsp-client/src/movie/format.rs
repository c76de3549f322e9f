//! What a track of a movie is in SDP and RTP, and back.

use std::time::Duration;

use bytes::Bytes;
use rtp_core::Codec;
use rtp_core::Parameters;
use rtp_core::aac;
use rtp_core::h264;
use rtp_core::h265;
use sdp::Description;
use sdp::Format;
use sdp::Media;
use sdp::MediaKind;
use sdp::Origin;

use crate::mp4::MovieFile;
use crate::mp4::Track;
use crate::mp4::TrackConfig;
use crate::mp4::duration_to_ticks;

/// The first payload type that has no fixed meaning (RFC 3551 §3).
const FIRST_DYNAMIC: u8 = 96;

/// How much PCM goes into one packet (RFC 3551 §4.2).
const PCM_PACKET: Duration = Duration::from_millis(20);

/// How one track goes into RTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RtpFormat {
    /// What is in the packets, and how.
    pub codec: Codec,
    /// The payload type, 0–127: a static one where the format has one (RFC 3551 §6).
    pub payload_type: u8,
    /// The clock of the timestamps, in Hz.
    pub clock_rate: u32,
    /// Channels of audio, as the rtpmap names them; 0 for video, and where the format does not say.
    pub channels: u8,
}

impl RtpFormat {
    /// The format of the track that is media `index` of its presentation; `None` if RTP has none for it.
    #[must_use]
    pub fn of(config: &TrackConfig, index: usize) -> Option<Self> {
        let dynamic = FIRST_DYNAMIC
            .saturating_add(u8::try_from(index).unwrap_or(u8::MAX))
            .min(127);
        let (codec, payload_type, clock_rate, channels) = match *config {
            TrackConfig::H264 { .. } => (Codec::H264, dynamic, 90_000, 0),
            TrackConfig::H265 { .. } => (Codec::H265, dynamic, 90_000, 0),
            TrackConfig::Aac {
                ref config,
                sample_rate,
                channels,
            } => {
                // Its fmtp must say how to decode it (RFC 3640 §3.3.1).
                aac::Parameters::from_config(config).ok()?;
                (Codec::Aac, dynamic, sample_rate, channels)
            }
            // The rtpmap is the same for all streams (RFC 7587 §7).
            TrackConfig::Opus { .. } => (Codec::Opus, dynamic, 48_000, 2),
            TrackConfig::Pcmu {
                sample_rate,
                channels,
            } => match (sample_rate, channels) {
                (8_000, 1) => (Codec::Pcmu, 0, 8_000, 1),
                _ => (Codec::Pcmu, dynamic, sample_rate, channels),
            },
            TrackConfig::Pcma {
                sample_rate,
                channels,
            } => match (sample_rate, channels) {
                (8_000, 1) => (Codec::Pcma, 8, 8_000, 1),
                _ => (Codec::Pcma, dynamic, sample_rate, channels),
            },
            TrackConfig::L16 {
                sample_rate,
                channels,
            } => match (sample_rate, channels) {
                (44_100, 2) => (Codec::L16, 10, 44_100, 2),
                (44_100, 1) => (Codec::L16, 11, 44_100, 1),
                _ => (Codec::L16, dynamic, sample_rate, channels),
            },
            TrackConfig::MpegAudio { .. } => (Codec::Mpa, 14, 90_000, 0),
        };
        Some(Self {
            codec,
            payload_type,
            clock_rate,
            channels,
        })
    }

    /// Whether a set marker bit says that a talk spurt begins (RFC 3551 §4.1), and not where an access unit ends.
    #[must_use]
    pub const fn marks_talk_spurts(&self) -> bool {
        matches!(
            self.codec,
            Codec::Opus | Codec::Pcmu | Codec::Pcma | Codec::L16
        )
    }

    /// The same for a description, with the format parameters that `config` has.
    #[must_use]
    pub fn to_sdp(&self, config: &TrackConfig) -> Format {
        let mut format = Format::new(
            self.payload_type,
            self.codec.encoding_name(),
            self.clock_rate,
        );
        format.channels = Some(self.channels).filter(|&channels| channels > 0);
        format.fmtp = fmtp(config);
        format
    }
}

/// What is in the configuration; without it the little that is true of all, so that a reader waits for it in the stream.
fn fmtp(config: &TrackConfig) -> Option<String> {
    match config {
        TrackConfig::H264 { .. } => {
            let parameters = h264::Parameters::from_units(parameter_sets(config));
            let fmtp = parameters.ok().map(|parameters| parameters.fmtp());
            fmtp.or_else(|| Some("packetization-mode=1".to_owned()))
        }
        TrackConfig::H265 { .. } => {
            let parameters = h265::Parameters::from_units(parameter_sets(config));
            parameters.ok().map(|parameters| parameters.fmtp())
        }
        TrackConfig::Aac { config, .. } => {
            let parameters = aac::Parameters::from_config(config);
            parameters.ok().map(|parameters| parameters.fmtp())
        }
        TrackConfig::Opus { channels: 2, .. } => Some("sprop-stereo=1".to_owned()),
        _ => None,
    }
}

/// The parameter sets of a video track, in the order in which a decoder wants them.
fn parameter_sets(config: &TrackConfig) -> impl Iterator<Item = &[u8]> {
    let (vps, sps, pps): (&[Bytes], &[Bytes], &[Bytes]) = match config {
        TrackConfig::H264 { sps, pps, .. } => (&[], sps, pps),
        TrackConfig::H265 { vps, sps, pps, .. } => (vps, sps, pps),
        _ => (&[], &[], &[]),
    };
    vps.iter().chain(sps).chain(pps).map(|set| &set[..])
}

/// The parameter sets of a video track as NAL units behind lengths of 4 octets, to be put before a frame; empty for others.
#[must_use]
pub fn in_band_parameters(config: &TrackConfig) -> Bytes {
    let mut out = Vec::new();
    for set in parameter_sets(config) {
        // A parameter set's length is 16 bits in the box that it was read from.
        out.extend_from_slice(&(set.len() as u32).to_be_bytes());
        out.extend_from_slice(set);
    }
    out.into()
}

/// The tracks that RTP has a format for, by index in the file: media number n of the presentation is the nth of them.
#[must_use]
pub fn playable_tracks(movie: &MovieFile) -> Vec<usize> {
    let tracks = movie.tracks().iter().enumerate();
    tracks
        .filter(|(_, track)| RtpFormat::of(track.config(), 0).is_some())
        .map(|(number, _)| number)
        .collect()
}

/// Describes a movie: each of its [`playable_tracks`] is one media, with `trackID=N` as control. It says no range, as that of
/// something live: [`npt_range`] makes one.
#[must_use]
pub fn describe(movie: &MovieFile, name: &str) -> Description {
    let mut description = Description::new(Origin::default(), name);
    description.control = Some("*".to_owned());
    for number in playable_tracks(movie) {
        let index = description.media.len();
        let media = movie.tracks().get(number).and_then(|t| media(t, index));
        description.media.extend(media);
    }
    description
}

fn media(track: &Track, index: usize) -> Option<Media> {
    let config = track.config();
    let format = RtpFormat::of(config, index)?.to_sdp(config);
    let kind = if config.is_video() {
        MediaKind::Video
    } else {
        MediaKind::Audio
    };
    let mut media = Media::rtp(kind, format);
    media.control = Some(sdp::control::track(index));
    media.framerate = track
        .frame_rate()
        .map(|rate| (rate * 1000.0).round() / 1000.0)
        .filter(|&rate| rate > 0.0);
    Some(media)
}

/// The range of all of a recording, as in `a=range` (RFC 7826 §4.4.2).
#[must_use]
pub fn npt_range(duration: Duration) -> String {
    let text = format!("{}.{:06}", duration.as_secs(), duration.subsec_micros());
    format!("npt=0-{}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// How many samples from `first` on, but not beyond `end`, go into packets together: 20 ms of PCM that lies side by side in
/// the file, one sample of all else.
#[must_use]
pub fn samples_together(track: &Track, first: u32, end: u32) -> u32 {
    if track.config().pcm_frame_size().is_none() {
        return 1;
    }
    let wanted = duration_to_ticks(PCM_PACKET, track.timescale());
    let most = track.adjacent(first).min(end.saturating_sub(first)).max(1);
    u32::try_from(wanted).unwrap_or(1).clamp(1, most)
}

/// A received format as a track, if the container has room for it.
#[must_use]
pub fn to_track(codec: Codec, parameters: &Parameters) -> Option<TrackConfig> {
    let size = |size: u32| u16::try_from(size).unwrap_or(u16::MAX);
    Some(match (codec, parameters) {
        (_, Parameters::H264(sets)) => {
            let pps = std::iter::once(&sets.pps).chain(&sets.more_pps);
            TrackConfig::H264 {
                sps: vec![sets.sps.clone()],
                pps: pps.cloned().collect(),
                width: size(sets.width),
                height: size(sets.height),
            }
        }
        (_, Parameters::H265(sets)) => {
            let pps = std::iter::once(&sets.pps).chain(&sets.more_pps);
            TrackConfig::H265 {
                vps: vec![sets.vps.clone()],
                sps: vec![sets.sps.clone()],
                pps: pps.cloned().collect(),
                width: size(sets.width),
                height: size(sets.height),
            }
        }
        (_, Parameters::Aac(aac)) => TrackConfig::Aac {
            config: aac.config.clone(),
            sample_rate: aac.sample_rate,
            channels: aac.channels,
        },
        (_, Parameters::Opus(audio)) => TrackConfig::Opus {
            channels: audio.channels.max(1),
            pre_skip: 0,
        },
        (codec, Parameters::Audio(audio)) => {
            let (sample_rate, channels) = (audio.sample_rate, audio.channels.max(1));
            match codec {
                Codec::Pcmu => TrackConfig::Pcmu {
                    sample_rate,
                    channels,
                },
                Codec::Pcma => TrackConfig::Pcma {
                    sample_rate,
                    channels,
                },
                Codec::L16 => TrackConfig::L16 {
                    sample_rate,
                    channels,
                },
                Codec::Mpa => TrackConfig::MpegAudio {
                    sample_rate,
                    channels,
                },
                _ => return None,
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_no_idle_zeros() {
        assert_eq!(npt_range(Duration::from_millis(10_240)), "npt=0-10.24");
        assert_eq!(npt_range(Duration::from_secs(3600)), "npt=0-3600");
        assert_eq!(
            npt_range(Duration::from_micros(100_000_001)),
            "npt=0-100.000001"
        );
    }

    #[test]
    fn static_payload_types_where_there_are_some() {
        let l16 = |sample_rate, channels| TrackConfig::L16 {
            sample_rate,
            channels,
        };
        let payload_type = |config| RtpFormat::of(&config, 3).unwrap().payload_type;
        assert_eq!(payload_type(l16(44_100, 2)), 10);
        assert_eq!(payload_type(l16(44_100, 1)), 11);
        assert_eq!(payload_type(l16(48_000, 2)), 99);
    }

    #[test]
    fn aac_that_cannot_be_described_is_not_sent() {
        let config = |config: &'static [u8]| TrackConfig::Aac {
            config: Bytes::from_static(config),
            sample_rate: 48_000,
            channels: 2,
        };
        assert!(RtpFormat::of(&config(&[0x11, 0x90]), 0).is_some());
        assert_eq!(RtpFormat::of(&config(&[]), 0), None);
    }
}
