//! Packets to frames, whatever the format.

use super::{Parameters, aac, audio, fmtp, h264, h265, mpa, opus, vpx};
use crate::{
    Codec, Error, Frame, Packet,
    frame::FrameQueue,
    sequence::{MAX_DROPOUT, MAX_MISORDER, distance},
};

/// Counters of a [`Depacketizer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DepacketizerCounters {
    /// Packets taken.
    pub packets: u64,
    /// Packets lost, as told by [`Depacketizer::lost`] or seen by a jump of the sequence number.
    pub lost: u64,
    /// Packets dropped because they were late or duplicates.
    pub late: u64,
    /// Packets with an error in their payload.
    pub malformed: u64,
    /// NAL units that had start codes inside and were split at them.
    pub annex_b: u64,
    /// Frames dropped because nobody popped the earlier ones.
    pub overflow: u64,
}

/// Turns the packets of one media into frames.
///
/// Expects packets in order, as [`Reorder`](crate::Reorder) gives them, and is told of loss by
/// [`lost`](Self::lost); a gap that it was not told of is seen and counted all the same. Nothing that a packet contains ends it:
/// an error concerns that packet, and the next one is taken again.
#[derive(Debug)]
pub struct Depacketizer {
    inner: Inner,
    out: FrameQueue,
    expected: Option<u16>,
    /// Successor of a late packet: two late ones in a row are a restart of the sender.
    suspect: Option<u16>,
    counters: DepacketizerCounters,
}

#[derive(Debug)]
enum Inner {
    H264(h264::Depacketizer),
    H265(h265::Depacketizer),
    Aac(aac::Depacketizer),
    Opus(opus::Depacketizer),
    Audio(audio::Depacketizer),
    Mpa(mpa::Depacketizer),
    Vpx(vpx::Depacketizer),
}

impl Depacketizer {
    /// Bound of a frame's size in bytes, unless [`set_frame_limit`](Self::set_frame_limit) says otherwise.
    pub const FRAME_LIMIT: usize = 8 << 20;

    /// A depacketizer for a format as SDP describes it. `channels` are those of `a=rtpmap`, 1 if absent;
    /// `fmtp` is the value of `a=fmtp` behind the payload type.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec without depacketizer. Unusable parameters degrade to what the
    /// packets tell, where they can.
    pub fn new(
        codec: Codec,
        clock_rate: u32,
        channels: Option<u8>,
        fmtp: Option<&str>,
    ) -> Result<Self, Error> {
        let fmtp = fmtp.unwrap_or_default();
        let channel_count = channels.unwrap_or(1).max(1);
        let inner = match codec {
            Codec::H264 => Inner::H264(h264::Depacketizer::new(fmtp, Self::FRAME_LIMIT)),
            Codec::H265 => Inner::H265(h265::Depacketizer::new(fmtp, Self::FRAME_LIMIT)),
            Codec::Aac => Inner::Aac(aac::Depacketizer::new(
                fmtp,
                clock_rate,
                channel_count,
                Self::FRAME_LIMIT,
            )),
            Codec::Opus => {
                let stereo = fmtp::number(fmtp, "sprop-stereo") == Some(1);
                Inner::Opus(opus::Depacketizer::new(if stereo { 2 } else { 1 }))
            }
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16 | Codec::MpegTs => {
                Inner::Audio(audio::Depacketizer::new(codec, clock_rate, channel_count))
            }
            Codec::Mpa => Inner::Mpa(mpa::Depacketizer::new(clock_rate)),
            Codec::Vp8 => Inner::Vpx(vpx::Depacketizer::new(vpx::Format::Vp8, Self::FRAME_LIMIT)),
            Codec::Vp9 => Inner::Vpx(vpx::Depacketizer::new(vpx::Format::Vp9, Self::FRAME_LIMIT)),
            _ => return Err(Error::Unsupported(codec)),
        };
        Ok(Self {
            inner,
            out: FrameQueue::default(),
            expected: None,
            suspect: None,
            counters: DepacketizerCounters::default(),
        })
    }

    /// Takes the next packet. Pop frames until `None` afterwards, also after an error.
    ///
    /// # Errors
    /// What was wrong with this packet; what could be used of it was used.
    pub fn push(&mut self, packet: &Packet) -> Result<(), Error> {
        self.follow(packet.sequence())?;
        self.counters.packets += 1;
        let out = &mut self.out;
        let result = match &mut self.inner {
            Inner::H264(inner) => inner.push(packet, out),
            Inner::H265(inner) => inner.push(packet, out),
            Inner::Aac(inner) => inner.push(packet, out),
            Inner::Opus(inner) => inner.push(packet, out),
            Inner::Audio(inner) => inner.push(packet, out),
            Inner::Mpa(inner) => inner.push(packet, out),
            Inner::Vpx(inner) => inner.push(packet, out),
        };
        self.counters.malformed += u64::from(result.is_err());
        result
    }

    /// Finds gaps that nobody told of, and refuses what lies behind.
    fn follow(&mut self, sequence: u16) -> Result<(), Error> {
        let step = self
            .expected
            .map_or(0, |expected| distance(expected, sequence));
        let late = step < 0 && step.unsigned_abs() <= MAX_MISORDER;
        if late && self.suspect != Some(sequence) {
            self.suspect = Some(sequence.wrapping_add(1));
            self.counters.late += 1;
            return Err(Error::Late { sequence });
        }
        if step > 0 && step.unsigned_abs() < MAX_DROPOUT {
            self.lost(step.unsigned_abs());
        } else if step != 0 {
            // A sender that starts over: how much is missing cannot be known.
            self.lost(1);
        }
        self.suspect = None;
        self.expected = Some(sequence.wrapping_add(1));
        Ok(())
    }

    /// `count` packets will not come; those pushed next follow after them.
    pub fn lost(&mut self, count: u16) {
        self.expected = self.expected.map(|expected| expected.wrapping_add(count));
        self.counters.lost += u64::from(count);
        self.out.pending_loss = self.out.pending_loss.saturating_add(u32::from(count));
        match &mut self.inner {
            _ if count == 0 => {}
            Inner::H264(inner) => inner.lost(count.into()),
            Inner::H265(inner) => inner.lost(count.into()),
            Inner::Aac(inner) => inner.lost(),
            Inner::Mpa(inner) => inner.lost(),
            Inner::Vpx(inner) => inner.lost(),
            Inner::Opus(_) | Inner::Audio(_) => {}
        }
    }

    /// The stream ends or pauses: an access unit that only waits for its marker becomes a frame.
    pub fn flush(&mut self) {
        match &mut self.inner {
            Inner::H264(inner) => inner.flush(&mut self.out),
            Inner::H265(inner) => inner.flush(&mut self.out),
            Inner::Aac(inner) => inner.lost(),
            Inner::Mpa(inner) => inner.lost(),
            Inner::Vpx(inner) => inner.flush(&mut self.out),
            Inner::Opus(_) | Inner::Audio(_) => {}
        }
    }

    /// Bounds the size of a frame in bytes; a larger one is dropped and reported by [`push`](Self::push).
    pub fn set_frame_limit(&mut self, limit: usize) {
        match &mut self.inner {
            Inner::H264(inner) => inner.set_limit(limit),
            Inner::H265(inner) => inner.set_limit(limit),
            Inner::Aac(inner) => inner.set_limit(limit),
            Inner::Vpx(inner) => inner.set_limit(limit),
            // One packet bounds them.
            Inner::Opus(_) | Inner::Audio(_) | Inner::Mpa(_) => {}
        }
    }

    /// The next finished frame.
    pub fn pop(&mut self) -> Option<Frame> {
        self.out.pop()
    }

    /// What is known about the stream; may change with it, see [`Frame::parameters_changed`].
    #[must_use]
    pub fn parameters(&self) -> Option<&Parameters> {
        match &self.inner {
            Inner::H264(inner) => inner.parameters(),
            Inner::H265(inner) => inner.parameters(),
            Inner::Aac(inner) => inner.parameters(),
            Inner::Opus(inner) => inner.parameters.as_ref(),
            Inner::Audio(inner) => inner.parameters.as_ref(),
            Inner::Mpa(inner) => inner.parameters(),
            Inner::Vpx(inner) => inner.parameters(),
        }
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> DepacketizerCounters {
        let annex_b = match &self.inner {
            Inner::H264(inner) => inner.annex_b(),
            Inner::H265(inner) => inner.annex_b(),
            _ => 0,
        };
        DepacketizerCounters {
            overflow: self.out.overflow,
            annex_b,
            ..self.counters
        }
    }
}
