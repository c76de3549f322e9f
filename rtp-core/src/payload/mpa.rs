//! MPEG audio, layers I to III (RFC 2250 §3.5). A frame is one MPEG audio frame with its header.

use bytes::{Bytes, BytesMut};

use super::{AudioParameters, PacketWriter, Parameters};
use crate::{Error, Frame, Packet, frame::FrameQueue};

/// What the header of an MPEG audio frame says (ISO/IEC 11172-3 §2.4.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FrameHeader {
    /// Bytes of the whole frame; `None` for the free format, which does not tell.
    len: Option<usize>,
    samples: u32,
    sample_rate: u32,
    channels: u8,
}

/// kbit/s by index, for MPEG-1 layers I–III, and MPEG-2 layer I and layers II and III.
const BIT_RATES: [[u16; 15]; 5] = [
    [
        0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
    ],
    [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ],
    [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
    ],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

impl FrameHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let &[0xff, second, third, fourth] = bytes.first_chunk()? else {
            return None;
        };
        if second & 0xe0 != 0xe0 {
            return None;
        }
        let (version, layer) = (second >> 3 & 3, 4 - (second >> 1 & 3));
        if version == 1 || layer == 4 {
            return None;
        }
        let first_version = version == 3;
        let table = match (first_version, layer) {
            (true, layer) => usize::from(layer - 1),
            (false, 1) => 3,
            (false, _) => 4,
        };
        let bit_rate = u32::from(*BIT_RATES.get(table)?.get(usize::from(third >> 4))?) * 1000;
        let shift = match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
        let sample_rate = [44_100_u32, 48_000, 32_000].get(usize::from(third >> 2 & 3))? >> shift;
        let padding = u32::from(third >> 1 & 1);
        let (samples, len) = match (layer, first_version) {
            (1, _) => (384, (12 * bit_rate / sample_rate + padding) * 4),
            (3, false) => (576, 72 * bit_rate / sample_rate + padding),
            _ => (1152, 144 * bit_rate / sample_rate + padding),
        };
        let len = usize::try_from(len).ok().filter(|_| bit_rate > 0);
        Some(Self {
            len,
            samples,
            sample_rate,
            channels: if fourth >> 6 == 3 { 1 } else { 2 },
        })
    }
}

#[derive(Debug)]
pub(crate) struct Depacketizer {
    clock_rate: u32,
    parameters: Option<Parameters>,
    /// Timestamp and what came so far of a frame in fragments.
    partial: Option<(u32, BytesMut)>,
    after_loss: bool,
}

impl Depacketizer {
    pub(crate) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            parameters: None,
            partial: None,
            after_loss: false,
        }
    }

    pub(crate) fn push(&mut self, packet: &Packet, out: &mut FrameQueue) -> Result<(), Error> {
        let payload = packet.payload_bytes();
        let Some(&[_, _, high, low]) = payload.first_chunk() else {
            return Err(Error::Truncated {
                needed: 4,
                have: payload.len(),
            });
        };
        let offset = usize::from(u16::from_be_bytes([high, low]));
        let body = payload.slice(4..);
        if body.is_empty() {
            return Err(Error::EmptyPayload);
        }
        if offset == 0 {
            self.after_loss = false;
            let unfinished = if self.partial.take().is_some() {
                Err(Error::UnfinishedFragment)
            } else {
                Ok(())
            };
            return self.frames(body, packet.timestamp(), out).and(unfinished);
        }
        let Some((timestamp, mut bytes)) = self
            .partial
            .take()
            .filter(|(_, bytes)| bytes.len() == offset)
        else {
            return if self.after_loss {
                Ok(())
            } else {
                Err(Error::OrphanFragment)
            };
        };
        bytes.extend_from_slice(&body);
        match FrameHeader::parse(&bytes).and_then(|header| header.len) {
            Some(len) if bytes.len() > len => Err(Error::Length {
                offset: 0,
                announced: len,
                left: bytes.len(),
            }),
            Some(len) if bytes.len() == len => self.frames(bytes.freeze(), timestamp, out),
            _ => {
                self.partial = Some((timestamp, bytes));
                Ok(())
            }
        }
    }

    /// Whole frames in a row; the last one may be the first part of a frame in fragments.
    fn frames(&mut self, mut rest: Bytes, start: u32, out: &mut FrameQueue) -> Result<(), Error> {
        let mut timestamp = start;
        while !rest.is_empty() {
            let Some(header) = FrameHeader::parse(&rest) else {
                return Err(Error::Syntax("MPEG audio header"));
            };
            let len = header.len.unwrap_or(rest.len());
            if len > rest.len() {
                self.partial = Some((timestamp, BytesMut::from(&rest[..])));
                return Ok(());
            }
            let ticks = u64::from(header.samples) * u64::from(self.clock_rate)
                / u64::from(header.sample_rate.max(1));
            let duration = u32::try_from(ticks).ok();
            let mut frame = Frame::audio(timestamp, rest.split_to(len.max(1)), duration);
            frame.parameters_changed = self.note(header);
            out.push(frame);
            timestamp = timestamp.wrapping_add(duration.unwrap_or(0));
        }
        Ok(())
    }

    fn note(&mut self, header: FrameHeader) -> bool {
        let audio = AudioParameters {
            sample_rate: header.sample_rate,
            channels: header.channels,
        };
        let parameters = Some(Parameters::Audio(audio));
        let changed = self.parameters != parameters;
        self.parameters = parameters;
        changed
    }

    pub(crate) fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref()
    }

    pub(crate) fn lost(&mut self) {
        self.partial = None;
        self.after_loss = true;
    }
}

/// One frame (or several that fit) a packet; a larger one in fragments.
pub(crate) fn packetize(
    writer: &mut PacketWriter,
    frame: &[u8],
    timestamp: u32,
) -> Result<(), Error> {
    if frame.len() > usize::from(u16::MAX) {
        return Err(Error::FrameTooLarge {
            limit: usize::from(u16::MAX),
        });
    }
    let most = writer.config.max_payload - 4;
    for (n, part) in frame.chunks(most).enumerate() {
        let [high, low] = u16::try_from(n * most).unwrap_or(u16::MAX).to_be_bytes();
        writer.packet(false, timestamp, &[&[0, 0, high, low], part]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_length_and_duration() {
        // MPEG-1 layer III, 128 kbit/s, 44.1 kHz, no padding, joint stereo.
        let header = FrameHeader::parse(&[0xff, 0xfb, 0x90, 0x64]).unwrap();
        assert_eq!(
            header,
            FrameHeader {
                len: Some(417),
                samples: 1152,
                sample_rate: 44_100,
                channels: 2
            }
        );
        // MPEG-1 layer II, 192 kbit/s, 48 kHz, mono.
        let header = FrameHeader::parse(&[0xff, 0xfd, 0xa4, 0xc0]).unwrap();
        assert_eq!(
            header,
            FrameHeader {
                len: Some(576),
                samples: 1152,
                sample_rate: 48_000,
                channels: 1
            }
        );
        assert_eq!(
            FrameHeader::parse(&[0xff, 0xfb, 0xf0, 0]),
            None,
            "bit rate 15 is forbidden"
        );
        assert_eq!(
            FrameHeader::parse(&[0xff, 0xfb, 0x9c, 0]),
            None,
            "rate 3 is reserved"
        );
        assert_eq!(FrameHeader::parse(&[0xff, 0xfb, 0]), None);
    }
}
