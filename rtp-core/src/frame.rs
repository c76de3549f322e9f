//! What depacketizers produce.

use alloc::collections::VecDeque;

use bytes::Bytes;

/// One access unit: a picture, or one coded unit of audio.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// RTP timestamp, in units of the format's clock rate. Audio units behind the first of a packet get
    /// the timestamp that their position implies.
    pub timestamp: u32,
    /// H.264 and H.265: every NAL unit behind its length in four bytes, big-endian (the `avc1`/`hvc1` sample
    /// format), parameter sets left in. Audio: the raw unit. Others: as their payload module says.
    pub payload: Bytes,
    /// Decoding can start here: IDR, IRAP, or a recovery point without leading pictures; every audio unit.
    pub random_access: bool,
    /// Packets lost before this frame since the previous one, or within it. Units that lost a fragment are
    /// left out of `payload`; with a value above zero the frame may be incomplete.
    pub loss_before: u32,
    /// The parameters of [`Depacketizer::parameters`](crate::Depacketizer::parameters) changed with this frame.
    pub parameters_changed: bool,
    /// Length in units of the clock rate, where the format tells (audio).
    pub duration: Option<u32>,
}

impl Frame {
    /// A frame for a format where every unit can be decoded by itself.
    pub(crate) fn audio(timestamp: u32, payload: Bytes, duration: Option<u32>) -> Self {
        Self {
            timestamp,
            payload,
            random_access: true,
            loss_before: 0,
            parameters_changed: false,
            duration,
        }
    }
}

/// Frames that wait to be taken. Bounded: a caller that never pops loses the newest.
#[derive(Debug, Default)]
pub(crate) struct FrameQueue {
    frames: VecDeque<Frame>,
    /// Packets lost since the last frame went in.
    pub(crate) pending_loss: u32,
    /// Frames refused because nobody took the earlier ones.
    pub(crate) overflow: u64,
}

impl FrameQueue {
    const MAX: usize = 4096;

    /// Queues a frame; losses that nobody claimed are put on it.
    pub(crate) fn push(&mut self, mut frame: Frame) {
        if self.frames.len() >= Self::MAX {
            self.overflow += 1;
            self.pending_loss = self.pending_loss.saturating_add(frame.loss_before);
            return;
        }
        frame.loss_before = frame
            .loss_before
            .saturating_add(core::mem::take(&mut self.pending_loss));
        self.frames.push_back(frame);
    }

    pub(crate) fn pop(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }
}
