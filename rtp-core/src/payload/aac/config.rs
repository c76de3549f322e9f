//! AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) and ADTS headers (§1.A.3.2).

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

use bytes::Bytes;

use crate::{
    Error,
    payload::{
        bits::{BitReader, BitWriter},
        fmtp,
    },
};

const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
    7350,
];

mod object {
    pub(super) const AAC_LC: u8 = 2;
    pub(super) const SBR: u8 = 5;
    pub(super) const PARAMETRIC_STEREO: u8 = 29;
}

/// The fields of an AudioSpecificConfig that matter outside a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AudioSpecificConfig {
    /// Audio object type of the core codec: 1 Main, 2 LC, 3 SSR, 4 LTP, 23 LD, 39 ELD, …
    pub object_type: u8,
    /// Samples a second and channel of the core codec.
    pub sample_rate: u32,
    /// Channel configuration: 1–6 channels as such, 7 is 7.1, 0 is told elsewhere.
    pub channel_configuration: u8,
    /// Samples a second of the output, if spectral band replication is announced.
    pub extension_sample_rate: Option<u32>,
    /// Parametric stereo is announced: the output has two channels.
    pub parametric_stereo: bool,
    /// Samples of a frame and channel of the core codec: 1024 or 960, less for LD and ELD.
    pub frame_length: u16,
}

impl AudioSpecificConfig {
    /// A plain AAC-LC configuration.
    ///
    /// # Errors
    /// [`Error::Parameter`] for zero or more than 8 channels, 7 among them, or a rate of 0 or of 2^24 and more.
    pub fn low_complexity(sample_rate: u32, channels: u8) -> Result<Self, Error> {
        let channel_configuration = match channels {
            1..=6 => channels,
            8 => 7,
            _ => return Err(Error::Parameter("channels")),
        };
        if sample_rate == 0 || sample_rate >> 24 != 0 {
            return Err(Error::Parameter("sample rate"));
        }
        Ok(Self {
            object_type: object::AAC_LC,
            sample_rate,
            channel_configuration,
            extension_sample_rate: None,
            parametric_stereo: false,
            frame_length: 1024,
        })
    }

    /// Reads an AudioSpecificConfig, as `config` of `a=fmtp` and the `esds` box hold it.
    ///
    /// # Errors
    /// [`Error::Syntax`] if it ends early or its rate is reserved.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(&mut BitReader::new(bytes)).ok_or(Error::Syntax("AudioSpecificConfig"))
    }

    fn read(bits: &mut BitReader<'_>) -> Option<Self> {
        let mut object_type = read_object_type(bits)?;
        let sample_rate = read_rate(bits)?;
        let channel_configuration = u8::try_from(bits.bits(4)?).ok()?;
        let mut extension_sample_rate = None;
        let parametric_stereo = object_type == object::PARAMETRIC_STEREO;
        if object_type == object::SBR || parametric_stereo {
            extension_sample_rate = Some(read_rate(bits)?);
            object_type = read_object_type(bits)?;
        }
        let mut config = Self {
            object_type,
            sample_rate,
            channel_configuration,
            extension_sample_rate,
            parametric_stereo,
            frame_length: 1024,
        };
        if let (1..=4 | 6 | 7 | 17 | 19..=23 | 39, Some(short)) = (object_type, bits.flag()) {
            config.frame_length = match (object_type, short) {
                (23 | 39, false) => 512,
                (23 | 39, true) => 480,
                (_, false) => 1024,
                (_, true) => 960,
            };
        }
        if extension_sample_rate.is_none() && matches!(object_type, 1..=4) {
            config.read_extension(bits);
        }
        Some(config)
    }

    /// SBR and PS announced behind the core's own part, which older decoders pass over.
    fn read_extension(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        if bits.flag()? {
            bits.skip(14)?; // coreCoderDelay
        }
        bits.flag()?; // extensionFlag
        if self.channel_configuration == 0 || bits.bits(11)? != 0x2b7 {
            return None;
        }
        if read_object_type(bits)? == object::SBR && bits.flag()? {
            self.extension_sample_rate = Some(read_rate(bits)?);
            self.parametric_stereo = bits.bits(11)? == 0x548 && bits.flag()?;
        }
        Some(())
    }

    /// The configuration as bytes. Extensions are announced in front (hierarchical signalling).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bits = BitWriter::default();
        if let Some(rate) = self.extension_sample_rate {
            let outer = if self.parametric_stereo {
                object::PARAMETRIC_STEREO
            } else {
                object::SBR
            };
            write_object_type(&mut bits, outer);
            write_rate(&mut bits, self.sample_rate);
            bits.bits(4, self.channel_configuration.into());
            write_rate(&mut bits, rate);
            write_object_type(&mut bits, self.object_type);
        } else {
            write_object_type(&mut bits, self.object_type);
            write_rate(&mut bits, self.sample_rate);
            bits.bits(4, self.channel_configuration.into());
        }
        bits.bits(1, u32::from(matches!(self.frame_length, 960 | 480)));
        bits.bits(2, 0); // dependsOnCoreCoder, extensionFlag
        bits.finish()
    }

    /// Channels of the output; 0 if the stream tells them elsewhere.
    #[must_use]
    pub fn channels(&self) -> u8 {
        match self.channel_configuration {
            1 if self.parametric_stereo => 2,
            7 | 12 | 14 => 8,
            11 => 7,
            direct @ 0..=6 => direct,
            _ => 0,
        }
    }
}

fn read_object_type(bits: &mut BitReader<'_>) -> Option<u8> {
    let value = bits.bits(5)?;
    u8::try_from(if value == 31 {
        32 + bits.bits(6)?
    } else {
        value
    })
    .ok()
}

fn write_object_type(bits: &mut BitWriter, value: u8) {
    match value.checked_sub(32) {
        Some(more) => {
            bits.bits(5, 31);
            bits.bits(6, more.into());
        }
        None => bits.bits(5, value.into()),
    }
}

fn read_rate(bits: &mut BitReader<'_>) -> Option<u32> {
    match bits.bits(4)? {
        15 => bits.bits(24).filter(|&rate| rate > 0),
        index => RATES.get(usize::try_from(index).ok()?).copied(),
    }
}

fn write_rate(bits: &mut BitWriter, rate: u32) {
    match RATES
        .iter()
        .position(|&known| known == rate)
        .and_then(|index| u32::try_from(index).ok())
    {
        Some(index) => bits.bits(4, index),
        None => {
            bits.bits(4, 15);
            bits.bits(24, rate);
        }
    }
}

/// The configuration of a stream and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// AudioSpecificConfig as bytes, as MP4 and `a=fmtp` hold it.
    pub config: Bytes,
    /// Samples a second and channel, of the core codec.
    pub sample_rate: u32,
    /// Channels; 0 if only the stream itself tells.
    pub channels: u8,
    /// Samples of a frame and channel, of the core codec.
    pub frame_length: u16,
}

impl Parameters {
    /// From an AudioSpecificConfig.
    ///
    /// # Errors
    /// [`Error::Syntax`] if it cannot be read.
    pub fn from_config(config: &[u8]) -> Result<Self, Error> {
        let parsed = AudioSpecificConfig::parse(config)?;
        Ok(Self {
            config: Bytes::copy_from_slice(config),
            sample_rate: parsed.sample_rate,
            channels: parsed.channels(),
            frame_length: parsed.frame_length,
        })
    }

    /// From `config=` of `a=fmtp` (RFC 3640 §4.1).
    ///
    /// # Errors
    /// [`Error::Parameter`] if it is missing or no hexadecimal number, [`Error::Syntax`] if it cannot be read.
    pub fn from_fmtp(fmtp: &str) -> Result<Self, Error> {
        let text = fmtp::parameter(fmtp, "config")
            .unwrap_or_default()
            .trim_matches('"');
        let bytes = (!text.is_empty())
            .then(|| from_hex(text))
            .flatten()
            .ok_or(Error::Parameter("config"))?;
        Self::from_config(&bytes)
    }

    /// The value of `a=fmtp` behind the payload type, mode AAC-hbr (RFC 3640 §3.3.6).
    #[must_use]
    pub fn fmtp(&self) -> String {
        let mut out = String::from(
            "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=",
        );
        for byte in &self.config {
            let _ = write!(out, "{byte:02X}");
        }
        out
    }

    /// As RFC 6381 §3.3 names the codec: `mp4a.40.2`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        let mut out = String::from("mp4a.40.");
        let kind = read_object_type(&mut BitReader::new(&self.config)).unwrap_or(object::AAC_LC);
        let _ = write!(out, "{kind}");
        out
    }
}

/// At most 64 bytes: a configuration has two to some twenty.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() > 128 {
        return None;
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect();
    digits?
        .chunks(2)
        .map(|pair| {
            if let [high, low] = pair {
                Some(high << 4 | low)
            } else {
                None
            }
        })
        .collect()
}

/// An ADTS header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Adts {
    pub(super) config: AudioSpecificConfig,
    /// 7, or 9 with a checksum.
    pub(super) header_len: usize,
    /// Header and raw unit.
    pub(super) frame_len: usize,
}

impl Adts {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(bytes);
        if bits.bits(12)? != 0xfff {
            return None;
        }
        bits.flag()?; // MPEG version
        if bits.bits(2)? != 0 {
            return None;
        }
        let header_len = if bits.flag()? { 7 } else { 9 };
        let object_type = u8::try_from(bits.bits(2)? + 1).ok()?;
        let sample_rate = RATES.get(usize::try_from(bits.bits(4)?).ok()?).copied()?;
        bits.flag()?;
        let channel_configuration = u8::try_from(bits.bits(3)?).ok()?;
        bits.skip(4)?;
        let frame_len = usize::try_from(bits.bits(13)?)
            .ok()
            .filter(|&len| len > header_len)?;
        bits.skip(11)?; // buffer fullness
        if bits.bits(2)? != 0 {
            // Several raw blocks in one: nobody sends it, and they could not be told apart.
            return None;
        }
        let config = AudioSpecificConfig {
            object_type,
            sample_rate,
            channel_configuration,
            extension_sample_rate: None,
            parametric_stereo: false,
            frame_length: 1024,
        };
        Some(Self {
            config,
            header_len,
            frame_len,
        })
    }
}
