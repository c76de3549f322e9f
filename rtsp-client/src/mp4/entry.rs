use bytes::Bytes;
use mp4_atom::Atom;
use rtp_core::Codec;
use rtp_core::Parameters;

use super::Error;
use super::FourCc;
use super::boxes::Boxes;
use super::boxes::Fields;

/// A codec with what its decoder has to know before the first sample.
///
/// Parameter sets are whole NAL units without start code or length.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrackConfig {
    /// `avc1`, `avc3`: H.264. `avc3` may carry its parameter sets in the samples only, then the lists are empty.
    H264 {
        /// Sequence parameter sets.
        sps: Vec<Bytes>,
        /// Picture parameter sets.
        pps: Vec<Bytes>,
        /// Width in pixels, as the sample entry says.
        width: u16,
        /// Height in pixels, as the sample entry says.
        height: u16,
    },
    /// `hvc1`, `hev1`: H.265. `hev1` may carry its parameter sets in the samples only, then the lists are empty.
    H265 {
        /// Video parameter sets.
        vps: Vec<Bytes>,
        /// Sequence parameter sets.
        sps: Vec<Bytes>,
        /// Picture parameter sets.
        pps: Vec<Bytes>,
        /// Width in pixels, as the sample entry says.
        width: u16,
        /// Height in pixels, as the sample entry says.
        height: u16,
    },
    /// `mp4a` with MPEG-4 audio: AAC. Each sample is one raw access unit.
    Aac {
        /// The AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
        config: Bytes,
        /// Samples a second, before any band replication.
        sample_rate: u32,
        /// Channels; 0 where the configuration describes them itself.
        channels: u8,
    },
    /// `Opus`. Each sample is one Opus packet.
    Opus {
        /// Output channels.
        channels: u8,
        /// Samples at 48 kHz to drop from the start of the decoded stream (RFC 7845 §4.2).
        pre_skip: u16,
    },
    /// `ulaw`: G.711 µ-law; each sample is one byte a channel.
    Pcmu {
        /// Samples a second.
        sample_rate: u32,
        /// Channels.
        channels: u8,
    },
    /// `alaw`: G.711 A-law; each sample is one byte a channel.
    Pcma {
        /// Samples a second.
        sample_rate: u32,
        /// Channels.
        channels: u8,
    },
    /// `twos` or `sowt` with 16 bits: linear PCM, signed. Big-endian as RTP has it, whatever it is in the file.
    L16 {
        /// Samples a second.
        sample_rate: u32,
        /// Channels.
        channels: u8,
    },
    /// `mp4a` or `.mp3` with MPEG-1 or MPEG-2 audio (mostly layer III). Each sample is one frame with its header.
    MpegAudio {
        /// Samples a second.
        sample_rate: u32,
        /// Channels.
        channels: u8,
    },
}

impl TrackConfig {
    /// The configuration of a stream that comes in RTP; `None` for a codec that MP4 files are not written with here.
    pub fn from_rtp(codec: Codec, parameters: &Parameters) -> Option<Self> {
        // A picture whose side does not fit is none that a decoder would take.
        let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
        Some(match (codec, parameters) {
            (_, Parameters::H264(parameters)) => Self::H264 {
                sps: vec![parameters.sps.clone()],
                pps: std::iter::once(&parameters.pps)
                    .chain(&parameters.more_pps)
                    .cloned()
                    .collect(),
                width: side(parameters.width),
                height: side(parameters.height),
            },
            (_, Parameters::H265(parameters)) => Self::H265 {
                vps: vec![parameters.vps.clone()],
                sps: vec![parameters.sps.clone()],
                pps: std::iter::once(&parameters.pps)
                    .chain(&parameters.more_pps)
                    .cloned()
                    .collect(),
                width: side(parameters.width),
                height: side(parameters.height),
            },
            (_, Parameters::Aac(parameters)) => Self::Aac {
                config: parameters.config.clone(),
                sample_rate: parameters.sample_rate,
                channels: parameters.channels,
            },
            (_, Parameters::Opus(audio)) => Self::Opus {
                channels: audio.channels,
                pre_skip: 0,
            },
            (codec, Parameters::Audio(audio)) => {
                let (sample_rate, channels) = (audio.sample_rate, audio.channels);
                match codec {
                    Codec::Pcmu => Self::Pcmu {
                        sample_rate,
                        channels,
                    },
                    Codec::Pcma => Self::Pcma {
                        sample_rate,
                        channels,
                    },
                    Codec::L16 => Self::L16 {
                        sample_rate,
                        channels,
                    },
                    Codec::Mpa => Self::MpegAudio {
                        sample_rate,
                        channels,
                    },
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// Whether this is video.
    pub const fn is_video(&self) -> bool {
        matches!(self, Self::H264 { .. } | Self::H265 { .. })
    }

    /// Width and height in pixels, for video.
    pub const fn dimensions(&self) -> Option<(u16, u16)> {
        match self {
            Self::H264 { width, height, .. } | Self::H265 { width, height, .. } => {
                Some((*width, *height))
            }
            _ => None,
        }
    }

    /// The bytes that one sample instant of all channels takes, for codecs in which a sample is nothing more: they are
    /// read and sent many at a time.
    pub const fn pcm_frame_size(&self) -> Option<u32> {
        match self {
            Self::Pcmu { channels, .. } | Self::Pcma { channels, .. } => Some(*channels as u32),
            Self::L16 { channels, .. } => Some(*channels as u32 * 2),
            _ => None,
        }
    }
}

/// What a sample entry says: the codec, and how its samples stand in the file.
pub(super) struct Entry {
    pub(super) config: TrackConfig,
    pub(super) form: SampleForm,
}

/// How a sample stands in the file, where that differs from how it is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleForm {
    AsIs,
    /// The lengths before NAL units have so many bytes.
    NalLengths(u8),
    /// PCM with the low byte first.
    LittleEndian,
}

/// Why a track cannot be used.
pub(super) struct Unusable {
    pub(super) kind: FourCc,
    pub(super) reason: String,
}

/// Reads the first sample entry of a `stsd` box.
pub(super) fn decode(stsd: &[u8]) -> Result<Entry, Unusable> {
    let unreadable = || Unusable {
        kind: FourCc(*b"stsd"),
        reason: "no readable sample entry".into(),
    };
    let mut fields = Fields(stsd);
    let version = fields.version().ok_or_else(unreadable)?;
    let count = fields.u32().ok_or_else(unreadable)?;
    let (kind, body) = Boxes::of(fields.0).next().ok_or_else(unreadable)?;
    let unusable = |reason: String| Unusable {
        kind: FourCc(kind),
        reason,
    };
    if count > 1 {
        return Err(unusable("several sample entries in one track".into()));
    }
    let entry = match &kind {
        b"avc1" | b"avc3" => h264(body),
        b"hvc1" | b"hev1" => h265(body),
        b"mp4a" | b".mp3" | b"mp3 " | b"Opus" | b"ulaw" | b"alaw" | b"twos" | b"sowt" => {
            audio(&kind, body, version)
        }
        _ => return Err(unusable("this codec is not supported".into())),
    };
    entry.map_err(|error| unusable(error.to_string()))
}

fn visual(body: &[u8]) -> Result<(u16, u16, &[u8]), Error> {
    let cut = || Error::malformed(b"stsd", "sample entry cut short");
    let mut fields = Fields(body);
    fields.take(24).ok_or_else(cut)?;
    let width = fields.u16().ok_or_else(cut)?;
    let height = fields.u16().ok_or_else(cut)?;
    fields.take(50).ok_or_else(cut)?;
    Ok((width, height, fields.0))
}

fn atom<T: Atom>(kind: &'static [u8; 4], body: &[u8]) -> Result<T, Error> {
    T::decode_body(&mut &body[..]).map_err(|_| Error::malformed(kind, "unreadable"))
}

fn owned(sets: Vec<Vec<u8>>) -> Vec<Bytes> {
    sets.into_iter()
        .filter(|set| !set.is_empty())
        .map(Bytes::from)
        .collect()
}

fn h264(body: &[u8]) -> Result<Entry, Error> {
    let (width, height, children) = visual(body)?;
    let record = Boxes::find(children, b"avcC").ok_or(Error::malformed(b"avcC", "missing"))?;
    let avcc: mp4_atom::Avcc = atom(b"avcC", record)?;
    let form = nal_lengths(b"avcC", avcc.length_size)?;
    let config = TrackConfig::H264 {
        sps: owned(avcc.sequence_parameter_sets),
        pps: owned(avcc.picture_parameter_sets),
        width,
        height,
    };
    Ok(Entry { config, form })
}

fn h265(body: &[u8]) -> Result<Entry, Error> {
    let (width, height, children) = visual(body)?;
    let record = Boxes::find(children, b"hvcC").ok_or(Error::malformed(b"hvcC", "missing"))?;
    let hvcc: mp4_atom::Hvcc = atom(b"hvcC", record)?;
    let form = nal_lengths(b"hvcC", hvcc.length_size_minus_one + 1)?;
    let (mut vps, mut sps, mut pps) = (Vec::new(), Vec::new(), Vec::new());
    for array in hvcc.arrays {
        // ITU-T H.265 table 7-1.
        match array.nal_unit_type {
            32 => vps.extend(owned(array.nalus)),
            33 => sps.extend(owned(array.nalus)),
            34 => pps.extend(owned(array.nalus)),
            _ => {}
        }
    }
    Ok(Entry {
        config: TrackConfig::H265 {
            vps,
            sps,
            pps,
            width,
            height,
        },
        form,
    })
}

const fn nal_lengths(kind: &[u8; 4], size: u8) -> Result<SampleForm, Error> {
    match size {
        4 => Ok(SampleForm::AsIs),
        1 | 2 => Ok(SampleForm::NalLengths(size)),
        _ => Err(Error::malformed(kind, "no such NAL unit length size")),
    }
}

/// The fields that all sound sample entries begin with.
struct Sound<'a> {
    channels: u8,
    bits: u16,
    sample_rate: u32,
    children: &'a [u8],
}

impl<'a> Sound<'a> {
    fn decode(body: &'a [u8], stsd_version: u8) -> Option<Self> {
        let mut fields = Fields(body);
        fields.take(8)?;
        let version = fields.u16()?;
        fields.take(6)?;
        let mut channels = u32::from(fields.u16()?);
        let bits = fields.u16()?;
        fields.take(4)?;
        let mut sample_rate = fields.u32()? >> 16;
        match version {
            // QuickTime's version 1 is longer; the version 1 of ISO/IEC 14496-12 is not, and stands in a `stsd` of version 1.
            1 if stsd_version == 0 => {
                fields.take(16)?;
            }
            2 => {
                fields.take(4)?;
                sample_rate = f64::from_bits(fields.u64()?) as u32;
                channels = fields.u32()?;
                fields.take(20)?;
            }
            _ => {}
        }
        Some(Self {
            channels: u8::try_from(channels).ok()?,
            bits,
            sample_rate,
            children: fields.0,
        })
    }
}

fn audio(kind: &[u8; 4], body: &[u8], stsd_version: u8) -> Result<Entry, Error> {
    let sound = Sound::decode(body, stsd_version)
        .ok_or(Error::malformed(b"stsd", "sample entry cut short"))?;
    let Sound {
        channels,
        sample_rate,
        bits,
        children,
    } = sound;
    let config = match kind {
        b"Opus" => opus(children)?,
        b"mp4a" => mp4a(&sound)?,
        _ if sample_rate == 0 || channels == 0 => {
            return Err(Error::malformed(kind, "no sample rate or no channels"));
        }
        b"ulaw" => TrackConfig::Pcmu {
            sample_rate,
            channels,
        },
        b"alaw" => TrackConfig::Pcma {
            sample_rate,
            channels,
        },
        b"twos" | b"sowt" if bits == 16 => TrackConfig::L16 {
            sample_rate,
            channels,
        },
        b"twos" | b"sowt" => return Err(Error::malformed(kind, "only 16 bits are supported")),
        _ => TrackConfig::MpegAudio {
            sample_rate,
            channels,
        },
    };
    Ok(Entry {
        config,
        form: if kind == b"sowt" {
            SampleForm::LittleEndian
        } else {
            SampleForm::AsIs
        },
    })
}

fn opus(children: &[u8]) -> Result<TrackConfig, Error> {
    let record = Boxes::find(children, b"dOps").ok_or(Error::malformed(b"dOps", "missing"))?;
    let dops: mp4_atom::Dops = atom(b"dOps", record)?;
    // RFC 7587 knows mono and stereo only.
    if dops.channel_mapping.is_some() || dops.output_channel_count > 2 {
        return Err(Error::malformed(
            b"dOps",
            "more than two channels are not supported",
        ));
    }
    Ok(TrackConfig::Opus {
        channels: dops.output_channel_count,
        pre_skip: dops.pre_skip,
    })
}

fn mp4a(sound: &Sound<'_>) -> Result<TrackConfig, Error> {
    let esds = Boxes::find(sound.children, b"esds");
    // QuickTime wraps it once more.
    let esds = esds.or_else(|| Boxes::descend(sound.children, &[b"wave", b"esds"]));
    let mut fields = Fields(esds.ok_or(Error::malformed(b"esds", "missing"))?);
    fields.version();
    let body = esds.unwrap_or_default();
    let esds: mp4_atom::Esds = atom(b"esds", body)?;
    let decoder = esds.es_desc.dec_config;
    match decoder.object_type_indication {
        // MPEG-4 audio, MPEG-2 AAC main, LC and SSR.
        0x40 | 0x66..=0x68 => {
            let config = decoder
                .dec_specific
                .map(|specific| Bytes::from(specific.raw));
            let config = config.filter(|config| config.len() >= 2);
            let config = config.ok_or(Error::malformed(b"esds", "no AudioSpecificConfig"))?;
            let parsed = rtp_core::aac::Parameters::from_config(&config);
            let (sample_rate, channels) = parsed
                .map_or((sound.sample_rate, sound.channels), |parsed| {
                    (parsed.sample_rate, parsed.channels)
                });
            if sample_rate == 0 {
                return Err(Error::malformed(b"esds", "no sample rate"));
            }
            Ok(TrackConfig::Aac {
                config,
                sample_rate,
                channels,
            })
        }
        0x69 | 0x6b if sound.sample_rate > 0 => Ok(TrackConfig::MpegAudio {
            sample_rate: sound.sample_rate,
            channels: sound.channels,
        }),
        _ => Err(Error::malformed(b"esds", "neither AAC nor MPEG audio")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_broken_entries_are_named() {
        let unknown = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8, b'd', b'v', b'h', b'9'];
        let error = decode(&unknown).err().unwrap();
        assert_eq!(
            (error.kind, &*error.reason),
            (FourCc(*b"dvh9"), "this codec is not supported")
        );
        let cut = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8, b'a', b'v', b'c', b'1'];
        assert_eq!(decode(&cut).err().unwrap().kind, FourCc(*b"avc1"));
        assert_eq!(decode(&[0, 0]).err().unwrap().kind, FourCc(*b"stsd"));
    }
}
