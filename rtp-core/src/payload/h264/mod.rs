//! H.264: parameter sets, and the payload format of RFC 6184.
//!
//! Frames hold every NAL unit behind its length in four bytes, parameter sets left in where the sender put them.
//! Single units, STAP-A and FU-A are read and written (packetization modes 0 and 1); interleaved mode (2) is not.

mod depacketize;
mod packetize;
mod parameters;
mod sps;

pub(crate) use depacketize::{Depacketizer, aggregated};
pub(crate) use packetize::H264;
pub use parameters::Parameters;
pub use sps::Sps;
pub(crate) use sps::read_vui_picture;

use super::{bits::BitReader, nal};

pub use nal::{AnnexB, LengthPrefixed};

pub(crate) mod unit_type {
    pub(crate) const SLICE: u8 = 1;
    pub(crate) const IDR: u8 = 5;
    pub(crate) const SEI: u8 = 6;
    pub(crate) const SPS: u8 = 7;
    pub(crate) const PPS: u8 = 8;
    pub(crate) const DELIMITER: u8 = 9;
    pub(crate) const SPS_EXTENSION: u8 = 13;
    pub(crate) const STAP_A: u8 = 24;
    pub(crate) const FU_A: u8 = 28;
}

/// The type of a unit or payload by its first byte.
pub(crate) fn unit_type(first: u8) -> u8 {
    first & 0x1f
}

/// Whether an SEI unit (with its header byte) says that decoding can start here and is right from the first
/// picture on (recovery point with a frame count of 0, ISO/IEC 14496-10 §D.2.8).
pub(crate) fn is_recovery_point(unit: &[u8]) -> bool {
    const RECOVERY_POINT: u32 = 6;
    let body = unit.get(1..).unwrap_or_default();
    nal::sei_messages(body)
        .find(|&(kind, _)| kind == RECOVERY_POINT)
        .is_some_and(|(_, message)| BitReader::new(message).ue() == Some(0))
}

/// Whether a unit stands at the beginning of a random-access point. A PPS does not count: some encoders
/// repeat it with every picture.
fn unit_is_random_access(unit: &[u8]) -> bool {
    match unit.first().map(|&first| unit_type(first)) {
        Some(unit_type::IDR | unit_type::SPS) => true,
        Some(unit_type::SEI) => is_recovery_point(unit),
        _ => false,
    }
}

/// See [`keyframe::random_access`](crate::keyframe::random_access).
pub(crate) fn random_access(payload: &[u8]) -> bool {
    let Some((&first, body)) = payload.split_first() else {
        return false;
    };
    match unit_type(first) {
        unit_type::STAP_A => aggregated(body, 1).flatten().any(unit_is_random_access),
        unit_type::FU_A => body
            .first()
            .is_some_and(|&header| header & 0x80 != 0 && unit_type(header) == unit_type::IDR),
        0 => AnnexB::new(payload).any(unit_is_random_access),
        _ => unit_is_random_access(payload),
    }
}

#[cfg(test)]
pub(crate) mod tests;
