//! RTP packets, sequence accounting, reordering and payload formats.
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
