//! What a PLAY asks of a file, and what it gets.

use std::time::{Duration, Instant};

use super::pace::{Delivery, Pace};

/// Where to begin when a range starts between random-access points (RFC 7826 §18.47).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SeekPolicy {
    /// The random-access point before.
    #[default]
    Rap,
    /// That, unless the pause point is nearer.
    CoRap,
    /// The unit that is shown at the time.
    FirstPrior,
    /// The unit after.
    Next,
}

/// Where a PLAY is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// There, or at the end of the media if that comes first.
    At(Duration),
    /// At the end of the media: backwards, at their beginning.
    Media,
    /// Where the last PLAY was to end, if it was not all sent.
    Kept,
}

/// What a PLAY asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wish {
    /// `None` is where it is: where it was paused, or in the middle of playing.
    pub(crate) start: Option<Duration>,
    pub(crate) end: End,
    pub(crate) policy: SeekPolicy,
    /// `None` is 1, unless `goes_on`.
    pub(crate) scale: Option<f64>,
    /// The fastest delivery that is wanted. `None` is real time, unless `goes_on`.
    pub(crate) speed: Option<f64>,
    pub(crate) delivery: Delivery,
    /// What plays goes on as it does, but for what is said here.
    pub(crate) goes_on: bool,
    /// When to begin, if that is not now.
    pub(crate) not_before: Option<Instant>,
}

impl Wish {
    /// The pace that this asks of what goes at `present`.
    pub(super) fn pace(&self, present: Pace, video: bool) -> Pace {
        let kept = if self.goes_on { present } else { Pace::NORMAL };
        let scaled = self.scale.map_or(kept, |asked| kept.scaled(asked, video));
        self.speed
            .map_or(scaled, |most| scaled.delivered(most, self.delivery))
    }
}

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PlayStart {
    /// For the Range header: where it really starts.
    pub(crate) start: Duration,
    /// For the Range header.
    pub(crate) end: Duration,
    /// For the Seek-Style header: the policy that was used.
    pub(crate) policy: SeekPolicy,
    /// For the Scale and Speed headers.
    pub(crate) pace: Pace,
    /// What was played has passed the end that is asked for: it has stopped.
    pub(crate) passed: bool,
}

/// Where one media starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaPosition {
    /// The media, by index.
    pub(crate) media: usize,
    /// Its synchronization source.
    pub(crate) ssrc: u32,
    /// The sequence number of the next packet.
    pub(crate) sequence: u16,
    /// The RTP timestamp of the time that was asked for.
    pub(crate) rtp_timestamp: u32,
}

/// Why a range cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlayError {
    /// It begins at the end or after it, or ends before it begins.
    #[error("the range is not within the {duration:?} of the file")]
    InvalidRange {
        /// How long the media last that are set up.
        duration: Duration,
    },
}
