//! AAC: AudioSpecificConfig, and the payload format of RFC 3640.
//!
//! A frame is one raw access unit, without ADTS header.

mod config;
mod depacketize;
mod packetize;

pub use config::{AudioSpecificConfig, Parameters};
pub(crate) use depacketize::Depacketizer;
pub(crate) use packetize::packetize;

#[cfg(test)]
mod tests;
