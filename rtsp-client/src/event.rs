//! What happens while a presentation plays.

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use rtp_core::Packet;
use rtsp_session::media::ClockPair;

use crate::Interruption;

/// A packet of one media, in order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MediaPacket {
    /// The media's index in the description.
    pub media: usize,
    /// The packet.
    pub packet: Packet,
    /// When it was read from the socket.
    pub arrival: Instant,
}

/// What happens while a presentation plays.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A packet came.
    Packet(MediaPacket),
    /// Packets will not come any more.
    Lost {
        /// The media's index in the description.
        media: usize,
        /// Of which source.
        ssrc: u32,
        /// The sequence number of the first.
        first: u16,
        /// How many.
        count: u16,
    },
    /// The server reported which timestamp belongs to which time of day.
    Clocks {
        /// The media's index in the description.
        media: usize,
        /// Of which source.
        ssrc: u32,
        /// The two clocks.
        clocks: ClockPair,
    },
    /// An RTCP compound came, valid and as it was sent. Its `Clocks` and `Bye` come as events of their own, after it.
    Rtcp {
        /// The media's index in the description.
        media: usize,
        /// The whole compound.
        compound: Bytes,
    },
    /// The server will send no more of this media.
    Bye {
        /// The media's index in the description.
        media: usize,
    },
    /// The session was lost, or an attempt to take it up again failed; another will be made. Only with
    /// [`Options::reconnect`](crate::Options::reconnect).
    Interrupted {
        /// What happened.
        reason: Interruption,
        /// The number of the next attempt in this row, from 1.
        attempt: u32,
        /// How long the next attempt waits.
        wait: Duration,
    },
    /// The presentation plays again, in a new session: sequence numbers, timestamps and sources are others.
    Resumed {
        /// Whether it still has the same media and formats. If not, indices and payload types mean something else now.
        same_formats: bool,
    },
}
