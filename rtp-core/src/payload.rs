//! Payload formats: packets to frames and back.
//!
//! [`Depacketizer`] and [`Packetizer`] are closed enums over the formats, one module each. The modules
//! [`h264`], [`h265`] and [`aac`] also read and write the formats' own parameter structures.

pub mod aac;
mod access_unit;
mod audio;
mod bits;
mod depacketizer;
mod fmtp;
pub mod h264;
pub mod h265;
mod mpa;
pub mod nal;
mod opus;
mod pack;
mod packetizer;
mod parameters;
pub(crate) mod vpx;

pub use depacketizer::{Depacketizer, DepacketizerCounters};
pub use packetizer::{Packetizer, PacketizerConfig};
pub use parameters::{AudioParameters, Parameters};

pub(crate) use packetizer::PacketWriter;

#[cfg(test)]
mod tests;
