//! What a track of a movie is in SDP and RTP.

use std::time::Duration;

use bytes::Bytes;
use rtp_core::Codec;
use rtp_core::aac;
use rtp_core::h264;
use rtp_core::h265;
use rtsp_client::mp4::MovieFile;
use rtsp_client::mp4::Track;
use rtsp_client::mp4::TrackConfig;
use sdp::Description;
use sdp::Direction;
use sdp::Format;
use sdp::Media;
use sdp::MediaKind;
use sdp::Origin;

/// The first payload type that has no fixed meaning (RFC 3551 §3).
const FIRST_DYNAMIC: u8 = 96;

/// How one track goes into RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpFormat {
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    pub(crate) clock_rate: u32,
    pub(crate) channels: u8,
}

impl RtpFormat {
    /// The format of the track that is media `index` of its presentation.
    pub(crate) fn of(config: &TrackConfig, index: usize) -> Option<Self> {
        let dynamic = FIRST_DYNAMIC
            .saturating_add(u8::try_from(index).unwrap_or(u8::MAX))
            .min(127);
        let audio = |codec, payload_type, clock_rate, channels| Self {
            codec,
            payload_type,
            clock_rate,
            channels,
        };
        Some(match *config {
            TrackConfig::H264 { .. } => audio(Codec::H264, dynamic, 90_000, 0),
            TrackConfig::H265 { .. } => audio(Codec::H265, dynamic, 90_000, 0),
            TrackConfig::Aac {
                sample_rate,
                channels,
                ..
            } => audio(Codec::Aac, dynamic, sample_rate, channels),
            // The rtpmap is the same for all streams (RFC 7587 §7).
            TrackConfig::Opus { .. } => audio(Codec::Opus, dynamic, 48_000, 2),
            TrackConfig::Pcmu {
                sample_rate: 8000,
                channels: 1,
            } => audio(Codec::Pcmu, 0, 8000, 1),
            TrackConfig::Pcma {
                sample_rate: 8000,
                channels: 1,
            } => audio(Codec::Pcma, 8, 8000, 1),
            TrackConfig::L16 {
                sample_rate: 44_100,
                channels: 2,
            } => audio(Codec::L16, 10, 44_100, 2),
            TrackConfig::L16 {
                sample_rate: 44_100,
                channels: 1,
            } => audio(Codec::L16, 11, 44_100, 1),
            TrackConfig::Pcmu {
                sample_rate,
                channels,
            } => audio(Codec::Pcmu, dynamic, sample_rate, channels),
            TrackConfig::Pcma {
                sample_rate,
                channels,
            } => audio(Codec::Pcma, dynamic, sample_rate, channels),
            TrackConfig::L16 {
                sample_rate,
                channels,
            } => audio(Codec::L16, dynamic, sample_rate, channels),
            TrackConfig::MpegAudio { .. } => audio(Codec::Mpa, 14, 90_000, 0),
            _ => return None,
        })
    }

    /// Whether a set marker bit says that a talk spurt begins (RFC 3551 §4.1), and not where an access unit ends.
    pub(crate) const fn marks_talk_spurts(&self) -> bool {
        matches!(
            self.codec,
            Codec::Opus | Codec::Pcmu | Codec::Pcma | Codec::L16
        )
    }
}

/// The tracks that have a payload format, by index in the file: media number n of the presentation is the nth of them.
pub(crate) fn playable_tracks(movie: &MovieFile) -> Vec<usize> {
    let playable = |track: &Track| RtpFormat::of(track.config(), 0).is_some();
    movie
        .tracks()
        .iter()
        .enumerate()
        .filter(|(_, track)| playable(track))
        .map(|(number, _)| number)
        .collect()
}

/// Describes a movie: each of its [`playable_tracks`] is one media. A live one has no range.
pub(crate) fn describe(movie: &MovieFile, name: &str, live: bool) -> Description {
    let mut description = Description::new(Origin::default(), name);
    description.control = Some("*".to_owned());
    description.range = (!live).then(|| npt_range(movie.duration()));
    for number in playable_tracks(movie) {
        let index = description.media.len();
        description.media.extend(
            movie
                .tracks()
                .get(number)
                .and_then(|track| media(track, index)),
        );
    }
    description
}

/// The range of all of a recording (RFC 7826 §4.4.2).
fn npt_range(duration: Duration) -> String {
    let text = format!("{}.{:06}", duration.as_secs(), duration.subsec_micros());
    format!("npt=0-{}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn media(track: &Track, index: usize) -> Option<Media> {
    let config = track.config();
    let rtp = RtpFormat::of(config, index)?;
    let mut format = Format::new(rtp.payload_type, rtp.codec.encoding_name(), rtp.clock_rate);
    if rtp.channels > 0 {
        format = format.with_channels(rtp.channels);
    }
    if let Some(fmtp) = fmtp(config) {
        format = format.with_fmtp(fmtp);
    }
    let kind = if config.is_video() {
        MediaKind::Video
    } else {
        MediaKind::Audio
    };
    let mut media = Media::rtp(kind, format);
    media.control = Some(sdp::control::track(index));
    media.direction = Direction::ReceiveOnly;
    media.framerate = track
        .frame_rate()
        .map(|rate| (rate * 1000.0).round() / 1000.0)
        .filter(|&rate| rate > 0.0);
    Some(media)
}

/// What is in the configuration; without it the little that is true of all, so that a reader waits for it in the stream.
fn fmtp(config: &TrackConfig) -> Option<String> {
    match config {
        TrackConfig::H264 { .. } => Some(
            h264::Parameters::from_units(parameter_sets(config)).map_or_else(
                |_| "packetization-mode=1".to_owned(),
                |parameters| parameters.fmtp(),
            ),
        ),
        TrackConfig::H265 { .. } => h265::Parameters::from_units(parameter_sets(config))
            .ok()
            .map(|parameters| parameters.fmtp()),
        TrackConfig::Aac { config, .. } => aac::Parameters::from_config(config)
            .ok()
            .map(|parameters| parameters.fmtp()),
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

/// The parameter sets of a video track as NAL units behind lengths of 4 bytes, to be put before a frame.
pub(crate) fn in_band_parameters(config: &TrackConfig) -> Bytes {
    let mut out = Vec::new();
    for set in parameter_sets(config) {
        // A parameter set's length is 16 bits in the box that it was read from.
        out.extend_from_slice(&(set.len() as u32).to_be_bytes());
        out.extend_from_slice(set);
    }
    out.into()
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
    fn the_demo_is_described() {
        let movie = MovieFile::from_static(super::super::demo::CLIP).unwrap();
        let description = describe(&movie, "demo", true);
        assert_eq!(description.range, None);
        let [video, audio] = &description.media[..] else {
            panic!()
        };
        assert_eq!(
            (&video.kind, video.framerate),
            (&MediaKind::Video, Some(25.0))
        );
        let TrackConfig::H264 { sps, pps, .. } = movie.tracks()[0].config() else {
            panic!()
        };
        let format = &video.formats[0];
        assert_eq!(format.parameter("profile-level-id"), Some("4D401F"));
        let parameters = h264::Parameters::from_fmtp(format.fmtp.as_ref().unwrap()).unwrap();
        assert_eq!((&parameters.sps, &parameters.pps), (&sps[0], &pps[0]));
        let format = &audio.formats[0];
        assert_eq!((format.clock_rate, format.channels), (48_000, Some(1)));
        // AAC-LC, 48 kHz, one channel.
        assert!(format.parameter("config").unwrap().starts_with("1188"));
        assert_eq!(
            Description::parse(description.encode().as_bytes())
                .unwrap()
                .repairs(),
            []
        );
    }
}
