//! What a track of a movie is in SDP and RTP, and back.

use rtp_core::Codec;
use rtp_core::Parameters;
use rtp_core::aac;
use rtp_core::h264;
use rtp_core::h265;
use sdp::Format;
use sdp::Media;
use sdp::MediaKind;

use crate::mp4::Track;
use crate::mp4::TrackConfig;

/// The first payload type that has no fixed meaning (RFC 3551 §3).
const FIRST_DYNAMIC: u8 = 96;

/// How one track goes into RTP: its codec, and its format in the description.
pub(super) fn of_track(config: &TrackConfig, index: usize) -> Option<(Codec, Format)> {
    let index = u8::try_from(index).unwrap_or(u8::MAX);
    let dynamic = FIRST_DYNAMIC.saturating_add(index).min(127);
    let format = |codec: Codec, payload_type, clock_rate, channels, fmtp: Option<String>| {
        let mut format = Format::new(payload_type, codec.encoding_name(), clock_rate);
        format.channels = Some(channels).filter(|&channels| channels > 0);
        format.fmtp = fmtp;
        (codec, format)
    };
    Some(match config {
        TrackConfig::H264 { sps, pps, .. } => {
            let sets = sps.iter().chain(pps).map(AsRef::as_ref);
            let fmtp = h264::Parameters::from_units(sets)
                .ok()
                .map(|sets| sets.fmtp());
            let fmtp = fmtp.unwrap_or_else(|| "packetization-mode=1".to_owned());
            format(Codec::H264, dynamic, 90_000, 0, Some(fmtp))
        }
        TrackConfig::H265 { vps, sps, pps, .. } => {
            let sets = vps.iter().chain(sps).chain(pps).map(AsRef::as_ref);
            let fmtp = h265::Parameters::from_units(sets)
                .ok()
                .map(|sets| sets.fmtp());
            format(Codec::H265, dynamic, 90_000, 0, fmtp)
        }
        TrackConfig::Aac {
            config,
            sample_rate,
            channels,
        } => {
            let fmtp = aac::Parameters::from_config(config).ok()?.fmtp();
            format(Codec::Aac, dynamic, *sample_rate, *channels, Some(fmtp))
        }
        // The rtpmap is the same for all streams (RFC 7587 §7).
        TrackConfig::Opus { channels, .. } => {
            let fmtp = (*channels == 2).then(|| "sprop-stereo=1".to_owned());
            format(Codec::Opus, dynamic, 48_000, 2, fmtp)
        }
        TrackConfig::Pcmu {
            sample_rate,
            channels,
        } => {
            let fixed = (*sample_rate, *channels) == (8_000, 1);
            let payload_type = if fixed { 0 } else { dynamic };
            format(Codec::Pcmu, payload_type, *sample_rate, *channels, None)
        }
        TrackConfig::Pcma {
            sample_rate,
            channels,
        } => {
            let fixed = (*sample_rate, *channels) == (8_000, 1);
            let payload_type = if fixed { 8 } else { dynamic };
            format(Codec::Pcma, payload_type, *sample_rate, *channels, None)
        }
        TrackConfig::L16 {
            sample_rate,
            channels,
        } => format(Codec::L16, dynamic, *sample_rate, *channels, None),
        TrackConfig::MpegAudio { .. } => format(Codec::Mpa, 14, 90_000, 0, None),
    })
}

/// A track as a media of a description, to be announced.
pub(super) fn media(track: &Track, index: usize) -> Option<(Codec, Media)> {
    let (codec, format) = of_track(track.config(), index)?;
    let kind = if track.config().is_video() {
        MediaKind::Video
    } else {
        MediaKind::Audio
    };
    let mut media = Media::rtp(kind, format);
    media.control = Some(sdp::control::track(index));
    Some((codec, media))
}

/// A received format as a track, if the container has room for it.
pub(super) fn to_track(codec: Codec, parameters: &Parameters) -> Option<TrackConfig> {
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
