use bytes::Bytes;
use mp4_atom::Encode;

use super::moov::Writer;
use crate::mp4::Error;
use crate::mp4::TrackConfig;

/// The sample entry of a codec, as `stsd` holds it.
pub(super) fn sample_entry(config: &TrackConfig) -> Result<Vec<u8>, Error> {
    let mut out = Writer::default();
    match config {
        TrackConfig::H264 {
            sps,
            pps,
            width,
            height,
        } => {
            let record = rtp_core::h264::Parameters::from_units(units(&[sps, pps]))
                .map_err(|_| Error::Unwritable {
                    reason: "H.264 without parameter sets",
                })?
                .to_avcc();
            visual(&mut out, b"avc1", (*width, *height), b"avcC", &record);
        }
        TrackConfig::H265 {
            vps,
            sps,
            pps,
            width,
            height,
        } => {
            let record = rtp_core::h265::Parameters::from_units(units(&[vps, sps, pps]))
                .map_err(|_| Error::Unwritable {
                    reason: "H.265 without parameter sets",
                })?
                .to_hvcc();
            visual(&mut out, b"hvc1", (*width, *height), b"hvcC", &record);
        }
        audio => sound_entry(&mut out, audio)?,
    }
    Ok(out.into_inner())
}

fn sound_entry(out: &mut Writer, config: &TrackConfig) -> Result<(), Error> {
    match *config {
        TrackConfig::Aac {
            ref config,
            sample_rate,
            channels,
        } => {
            sound(
                out,
                b"mp4a",
                sample_rate,
                channels.max(1),
                &esds(0x40, Some(config))?,
            );
        }
        // MPEG-1 audio, which decoders take to be any MPEG audio: they look at its own headers.
        TrackConfig::MpegAudio {
            sample_rate,
            channels,
        } => {
            sound(out, b"mp4a", sample_rate, channels, &esds(0x6b, None)?);
        }
        TrackConfig::Opus { channels, pre_skip } => {
            let dops = mp4_atom::Dops {
                output_channel_count: channels,
                pre_skip,
                input_sample_rate: 48_000,
                output_gain: 0,
                channel_mapping: None,
            };
            sound(out, b"Opus", 48_000, channels, &encoded(&dops)?);
        }
        TrackConfig::Pcmu {
            sample_rate,
            channels,
        } => pcm(out, b"ulaw", sample_rate, channels),
        TrackConfig::Pcma {
            sample_rate,
            channels,
        } => pcm(out, b"alaw", sample_rate, channels),
        TrackConfig::L16 {
            sample_rate,
            channels,
        } => pcm(out, b"twos", sample_rate, channels),
        TrackConfig::H264 { .. } | TrackConfig::H265 { .. } => {}
    }
    Ok(())
}

fn units<'a>(lists: &[&'a Vec<Bytes>]) -> Vec<&'a [u8]> {
    lists
        .iter()
        .flat_map(|list| list.iter().map(|unit| &unit[..]))
        .collect()
}

fn encoded(atom: &impl Encode) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    atom.encode(&mut out).map_err(|_| Error::Unwritable {
        reason: "this codec configuration",
    })?;
    Ok(out)
}

fn esds(object_type_indication: u8, config: Option<&Bytes>) -> Result<Vec<u8>, Error> {
    let dec_specific = config.map(|config| mp4_atom::esds::DecoderSpecific {
        raw: config.to_vec(),
        ..Default::default()
    });
    encoded(&mp4_atom::Esds {
        es_desc: mp4_atom::esds::EsDescriptor {
            dec_config: mp4_atom::esds::DecoderConfig {
                object_type_indication,
                // Audio (ISO/IEC 14496-1 table 6).
                stream_type: 5,
                dec_specific,
                ..Default::default()
            },
            ..Default::default()
        },
    })
}

/// ISO/IEC 14496-12 §12.1.3.
fn visual(
    out: &mut Writer,
    kind: &[u8; 4],
    (width, height): (u16, u16),
    record_kind: &[u8; 4],
    record: &[u8],
) {
    out.atom(kind, |out| {
        out.bytes(&[0; 6]);
        out.u16(1);
        out.bytes(&[0; 16]);
        out.u16(width);
        out.u16(height);
        // 72 dots an inch, both ways.
        out.u32(0x48_0000);
        out.u32(0x48_0000);
        out.u32(0);
        out.u16(1);
        out.bytes(&[0; 32]);
        out.u16(24);
        out.u16(u16::MAX);
        out.atom(record_kind, |out| out.bytes(record));
    });
}

/// A sound entry with QuickTime's channel layout, without which players guess: 100 is mono, 101 stereo.
fn pcm(out: &mut Writer, kind: &[u8; 4], sample_rate: u32, channels: u8) {
    let mut layout = Writer::default();
    if let 1 | 2 = channels {
        layout.full(b"chan", 0, 0, |out| {
            out.u32(((u32::from(channels) + 99) << 16) | u32::from(channels));
            out.u32(0);
            out.u32(0);
        });
    }
    sound(out, kind, sample_rate, channels, &layout.into_inner());
}

/// ISO/IEC 14496-12 §12.2.3. The rate is fixed-point with 16 bits before the point; above that the codec's own counts.
fn sound(out: &mut Writer, kind: &[u8; 4], sample_rate: u32, channels: u8, children: &[u8]) {
    out.atom(kind, |out| {
        out.bytes(&[0; 6]);
        out.u16(1);
        out.bytes(&[0; 8]);
        out.u16(channels.into());
        out.u16(16);
        out.u32(0);
        out.u32(u32::from(u16::try_from(sample_rate).unwrap_or(0)) << 16);
        out.bytes(children);
    });
}
