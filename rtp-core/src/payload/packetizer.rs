//! Frames to packets, whatever the format.

use alloc::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use super::{aac, audio, h264, h265, mpa, pack, vpx};
use crate::{Codec, Error, Header};

/// How packets are to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketizerConfig {
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// Synchronization source.
    pub ssrc: u32,
    /// Sequence number of the first packet.
    pub sequence: u16,
    /// Most bytes of payload in a packet, headers of the payload format included; the RTP header (12 bytes)
    /// comes on top. At least 64 are used.
    pub max_payload: usize,
    /// Clock rate of the timestamps in Hz.
    pub clock_rate: u32,
    /// Channels of audio; 1 or 0 for others.
    pub channels: u8,
}

impl Default for PacketizerConfig {
    /// Payload type 96, 1400 bytes, 90 kHz, all else 0.
    fn default() -> Self {
        Self {
            payload_type: 96,
            ssrc: 0,
            sequence: 0,
            max_payload: 1400,
            clock_rate: 90_000,
            channels: 0,
        }
    }
}

/// Turns the frames of one media into packets.
#[derive(Debug)]
pub struct Packetizer {
    inner: Inner,
    writer: PacketWriter,
}

#[derive(Debug)]
enum Inner {
    H264,
    H265,
    Aac,
    Opus,
    Audio(Codec),
    Mpa,
    Vpx(vpx::Format),
}

/// Packets under construction: back to back in one buffer, from which they are split without a copy.
#[derive(Debug)]
pub(crate) struct PacketWriter {
    pub(crate) config: PacketizerConfig,
    buffer: BytesMut,
    lengths: VecDeque<usize>,
}

impl PacketWriter {
    /// Appends one packet whose payload is the concatenation of `parts`.
    pub(crate) fn packet(&mut self, marker: bool, timestamp: u32, parts: &[&[u8]]) {
        self.packet_with(marker, timestamp, |out| {
            for part in parts {
                out.put_slice(part);
            }
        });
    }

    /// Appends one packet whose payload `write` appends.
    pub(crate) fn packet_with(
        &mut self,
        marker: bool,
        timestamp: u32,
        write: impl FnOnce(&mut BytesMut),
    ) {
        let header = Header {
            marker,
            payload_type: self.config.payload_type,
            sequence: self.config.sequence,
            timestamp,
            ssrc: self.config.ssrc,
        };
        self.config.sequence = self.config.sequence.wrapping_add(1);
        let start = self.buffer.len();
        self.buffer.put_slice(&header.to_bytes());
        write(&mut self.buffer);
        self.lengths.push_back(self.buffer.len() - start);
    }
}

impl Packetizer {
    /// The least payload that is worked with, in octets, whatever the configuration says.
    pub const MIN_PAYLOAD: usize = 64;

    /// A packetizer for `codec`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec without packetizer.
    pub fn new(codec: Codec, config: PacketizerConfig) -> Result<Self, Error> {
        let inner = match codec {
            Codec::H264 => Inner::H264,
            Codec::H265 => Inner::H265,
            Codec::Aac => Inner::Aac,
            Codec::Opus => Inner::Opus,
            Codec::Mpa => Inner::Mpa,
            Codec::Vp8 => Inner::Vpx(vpx::Format::Vp8),
            Codec::Vp9 => Inner::Vpx(vpx::Format::Vp9),
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16 => Inner::Audio(codec),
            _ => return Err(Error::Unsupported(codec)),
        };
        let config = PacketizerConfig {
            max_payload: Self::payload_within(config.max_payload),
            ..config
        };
        let writer = PacketWriter {
            config,
            buffer: BytesMut::new(),
            lengths: VecDeque::new(),
        };
        Ok(Self { inner, writer })
    }

    /// Turns one frame into packets; pop them until `None`. `frame` is what [`Frame::payload`](crate::Frame::payload)
    /// holds: NAL units behind lengths of four bytes for H.264 and H.265, the raw unit for audio.
    ///
    /// # Errors
    /// What is wrong with the frame; the part before it may have become packets.
    pub fn push(&mut self, frame: &[u8], timestamp: u32) -> Result<(), Error> {
        let writer = &mut self.writer;
        if frame.is_empty() {
            return Err(Error::EmptyPayload);
        }
        writer
            .buffer
            .reserve(frame.len() + frame.len() / writer.config.max_payload * 16 + 64);
        match self.inner {
            Inner::H264 => pack::packetize::<h264::H264>(writer, frame, timestamp),
            Inner::H265 => pack::packetize::<h265::H265>(writer, frame, timestamp),
            Inner::Aac => aac::packetize(writer, frame, timestamp),
            Inner::Mpa => mpa::packetize(writer, frame, timestamp),
            Inner::Vpx(format) => {
                vpx::packetize(format, writer, frame, timestamp);
                Ok(())
            }
            Inner::Audio(codec) => {
                audio::packetize(codec, writer, frame, timestamp);
                Ok(())
            }
            // A packet must not be split (RFC 7587 §4.2).
            Inner::Opus if frame.len() > usize::from(u16::MAX) => Err(Error::FrameTooLarge {
                limit: usize::from(u16::MAX),
            }),
            Inner::Opus => {
                writer.packet(false, timestamp, &[frame]);
                Ok(())
            }
        }
    }

    /// The next whole RTP packet.
    pub fn pop(&mut self) -> Option<Bytes> {
        let length = self.writer.lengths.pop_front()?;
        Some(
            self.writer
                .buffer
                .split_to(length.min(self.writer.buffer.len()))
                .freeze(),
        )
    }

    /// The sequence number that the next packet to be made will have.
    #[must_use]
    pub fn next_sequence(&self) -> u16 {
        self.writer.config.sequence
    }

    /// Sets the sequence number of the next packet to be made.
    pub fn set_sequence(&mut self, sequence: u16) {
        self.writer.config.sequence = sequence;
    }

    /// Sets the synchronization source of the packets to be made.
    pub fn set_ssrc(&mut self, ssrc: u32) {
        self.writer.config.ssrc = ssrc;
    }

    /// Sets the most payload of the packets to be made, in octets; below [`MIN_PAYLOAD`](Self::MIN_PAYLOAD) it is that.
    pub fn set_max_payload(&mut self, octets: usize) {
        self.writer.config.max_payload = Self::payload_within(octets);
    }

    fn payload_within(octets: usize) -> usize {
        octets.clamp(Self::MIN_PAYLOAD, usize::from(u16::MAX))
    }

    /// The configuration, with the present sequence number.
    #[must_use]
    pub fn config(&self) -> &PacketizerConfig {
        &self.writer.config
    }
}
