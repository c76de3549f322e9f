//! Formats where a packet is a frame: G.711, G.722, L16 and others (RFC 3551 §4.5).

use super::{AudioParameters, PacketWriter, Parameters};
use crate::{Codec, Error, Frame, Packet, frame::FrameQueue};

/// Bytes of one sampling instant of one channel as a fraction of clock ticks: how many ticks a byte lasts,
/// as (ticks, bytes); `None` where the payload does not tell.
fn ticks_per_bytes(codec: Codec, channels: u8) -> Option<(u32, u32)> {
    let channels = u32::from(channels.max(1));
    match codec {
        // G.722: one byte is two samples of 16 kHz, which is one tick of its clock of 8 kHz (RFC 3551 §4.5.2).
        Codec::Pcmu | Codec::Pcma | Codec::G722 => Some((1, channels)),
        Codec::L16 => Some((1, 2 * channels)),
        _ => None,
    }
}

/// Ticks of the clock that `len` bytes last.
fn duration(codec: Codec, channels: u8, len: usize) -> Option<u32> {
    let (ticks, bytes) = ticks_per_bytes(codec, channels)?;
    u32::try_from(len)
        .ok()?
        .checked_mul(ticks)?
        .checked_div(bytes)
}

/// The smallest number of bytes that may not be split over packets.
fn block(codec: Codec, channels: u8) -> usize {
    let width = if codec == Codec::L16 { 2 } else { 1 };
    width * usize::from(channels.max(1))
}

/// As many packets as it takes, cut between sampling instants.
pub(crate) fn packetize(codec: Codec, writer: &mut PacketWriter, frame: &[u8], timestamp: u32) {
    let channels = writer.config.channels;
    let block = block(codec, channels);
    let most = (writer.config.max_payload / block).max(1) * block;
    let mut at = timestamp;
    for part in frame.chunks(most) {
        writer.packet(false, at, &[part]);
        at = at.wrapping_add(duration(codec, channels, part.len()).unwrap_or(0));
    }
}

#[derive(Debug)]
pub(crate) struct Depacketizer {
    codec: Codec,
    channels: u8,
    pub(crate) parameters: Option<Parameters>,
}

impl Depacketizer {
    pub(crate) fn new(codec: Codec, clock_rate: u32, channels: u8) -> Self {
        let sample_rate = if codec == Codec::G722 {
            16_000
        } else {
            clock_rate
        };
        let known = matches!(codec, Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16);
        let parameters = known.then_some(Parameters::Audio(AudioParameters {
            sample_rate,
            channels,
        }));
        Self {
            codec,
            channels,
            parameters,
        }
    }

    pub(crate) fn push(&mut self, packet: &Packet, out: &mut FrameQueue) -> Result<(), Error> {
        let payload = packet.payload_bytes();
        if payload.is_empty() {
            return Err(Error::EmptyPayload);
        }
        let duration = duration(self.codec, self.channels, payload.len());
        out.push(Frame::audio(packet.timestamp(), payload, duration));
        Ok(())
    }
}
