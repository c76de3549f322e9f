//! Opus: a packet is a frame (RFC 7587).

use super::{AudioParameters, Parameters};
use crate::{Error, Frame, Packet, frame::FrameQueue};

/// Length of an Opus packet in samples of 48 kHz, from its first bytes (RFC 6716 §3.1); `None` if it is
/// malformed or longer than the 120 ms that are allowed.
pub(crate) fn duration(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1920, 2880]
            .get(usize::from(config & 3))
            .copied()?,
        config @ 12..=15 => 480 << (config & 1),
        config => 120 << (config & 3),
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    let total = frame * count;
    (total > 0 && total <= 5760).then_some(total)
}

#[derive(Debug)]
pub(crate) struct Depacketizer {
    pub(crate) parameters: Option<Parameters>,
}

impl Depacketizer {
    /// `a=rtpmap` always says two channels; `sprop-stereo` says what the sender will mostly send (RFC 7587 §6.1).
    pub(crate) fn new(channels: u8) -> Self {
        let audio = AudioParameters {
            sample_rate: 48_000,
            channels,
        };
        Self {
            parameters: Some(Parameters::Opus(audio)),
        }
    }

    pub(crate) fn push(&mut self, packet: &Packet, out: &mut FrameQueue) -> Result<(), Error> {
        let payload = packet.payload_bytes();
        if payload.is_empty() {
            return Err(Error::EmptyPayload);
        }
        let duration = duration(&payload);
        out.push(Frame::audio(packet.timestamp(), payload, duration));
        Ok(())
    }
}
