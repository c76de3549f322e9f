//! RTP packets, sequence accounting, reordering and payload formats.
//!
//! Everything here is bytes in, values out: no sockets, no clocks (time is an argument), no randomness.
//! `no_std` with `alloc` when the default feature `std` is off.
//!
//! Packets of an H.264 stream on their way from frames to frames, one of them overtaken by the next:
//!
//! ```
//! use core::time::Duration;
//! use rtp_core::{
//!     Codec, Depacketizer, Packet, Packetizer, PacketizerConfig, ReceiverStats, Reorder, ReorderConfig, Reordered,
//! };
//!
//! // A frame holds NAL units, each behind its length in four bytes.
//! let mut frame = 3000_u32.to_be_bytes().to_vec();
//! frame.push(0x65); // IDR slice
//! frame.resize(4 + 3000, 0xaa);
//!
//! let config = PacketizerConfig { payload_type: 96, ssrc: 1, sequence: 65_535, ..PacketizerConfig::default() };
//! let mut packetizer = Packetizer::new(Codec::H264, config)?;
//! packetizer.push(&frame, 90_000)?;
//! let mut wire: Vec<_> = std::iter::from_fn(|| packetizer.pop()).collect();
//! assert_eq!(wire.len(), 3);
//! wire.swap(1, 2);
//!
//! let mut stats = ReceiverStats::new(90_000);
//! let mut reorder = Reorder::new(ReorderConfig::default());
//! let mut depacketizer = Depacketizer::new(Codec::H264, 90_000, None, None)?;
//! for (millis, bytes) in (0..).zip(wire) {
//!     let now = Duration::from_millis(millis);
//!     let packet = Packet::parse(bytes)?;
//!     stats.on_packet(packet.sequence(), packet.timestamp(), now);
//!     reorder.push(now, packet.sequence(), packet);
//!     while let Some(next) = reorder.pop(now) {
//!         match next {
//!             Reordered::Item(packet) => depacketizer.push(&packet)?,
//!             Reordered::Lost { count, .. } => depacketizer.lost(count),
//!         }
//!     }
//! }
//! let received = depacketizer.pop().expect("the marker ended it");
//! assert_eq!(received.payload, frame);
//! assert!(received.random_access);
//! assert_eq!((stats.lost(), stats.reordered()), (0, 1));
//! # Ok::<(), rtp_core::Error>(())
//! ```
//!
//! # Where things are
//!
//! - [`Packet`] and [`PacketView`] are validated once, then read without failure; [`Header`] is the fixed part as a
//!   value, [`patch`] changes it in place for a relay.
//! - [`ReceiverStats`] counts what a receiver report says; [`Reorder`] puts packets in order and makes loss a value;
//!   [`sequence`] and [`timestamp`] undo the wrap.
//! - [`Depacketizer`] and [`Packetizer`] turn packets into [`Frame`]s and back, for the formats of [`payload`];
//!   [`Parameters`] are what a decoder, a file or an SDP needs to know.
//! - [`keyframe`] tells from one payload whether decoding can start there.
//!
//! # Three times
//!
//! *Media time* is the timestamp of packets and frames, in units of the clock rate. *Arrival* and `now` are
//! [`Duration`](core::time::Duration)s from any fixed start, the same for all calls on one value. Wall-clock time
//! is not known here: sender reports connect it to media time.
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

extern crate alloc;

mod codec;
mod error;
mod frame;
mod header;
pub mod keyframe;
mod packet;
pub mod patch;
pub mod payload;
mod reorder;
pub mod sequence;
mod stats;
#[cfg(test)]
mod testing;
pub mod timestamp;

pub use codec::Codec;
pub use error::Error;
pub use frame::Frame;
pub use header::Header;
pub use packet::{Packet, PacketView};
pub use payload::{
    AudioParameters, Depacketizer, DepacketizerCounters, Packetizer, PacketizerConfig, Parameters,
    aac, h264, h265, nal,
};
pub use reorder::{Push, Reorder, ReorderConfig, ReorderCounters, Reordered};
pub use stats::{ReceiverStats, ReceptionReport};

/// The example of the README runs too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
