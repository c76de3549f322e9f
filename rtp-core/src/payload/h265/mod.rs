//! H.265: parameter sets, and the payload format of RFC 7798.
//!
//! Frames hold every NAL unit behind its length in four bytes, parameter sets left in where the sender put them.
//! Single units, aggregation packets and fragmentation units are read and written; decoding order numbers are
//! skipped, units keep the order in which they are sent.

mod depacketize;
mod packetize;
mod parameters;
mod sps;

pub(crate) use depacketize::Depacketizer;
pub(crate) use packetize::H265;
pub use parameters::Parameters;
pub use sps::Sps;

use super::h264::aggregated;
pub use super::nal::{AnnexB, LengthPrefixed};

pub(crate) mod unit_type {
    pub(crate) const VPS: u8 = 32;
    pub(crate) const SPS: u8 = 33;
    pub(crate) const PPS: u8 = 34;
    pub(crate) const DELIMITER: u8 = 35;
    pub(crate) const AGGREGATION: u8 = 48;
    pub(crate) const FRAGMENT: u8 = 49;
}

/// The type of a unit or payload by its first byte.
pub(crate) fn unit_type(first: u8) -> u8 {
    first >> 1 & 0x3f
}

/// BLA, IDR and CRA pictures (ITU-T H.265 Table 7-1).
fn is_irap(kind: u8) -> bool {
    (16..=21).contains(&kind)
}

fn is_random_access(kind: u8) -> bool {
    is_irap(kind) || matches!(kind, unit_type::VPS | unit_type::SPS)
}

fn unit_is_random_access(unit: &[u8]) -> bool {
    unit.first()
        .is_some_and(|&first| is_random_access(unit_type(first)))
}

/// See [`keyframe::random_access`](crate::keyframe::random_access).
pub(crate) fn random_access(payload: &[u8]) -> bool {
    let Some((&[first, _], body)) = payload.split_first_chunk() else {
        return false;
    };
    match unit_type(first) {
        // With decoding order numbers in between, the first unit is not found; those are as good as unused.
        unit_type::AGGREGATION => aggregated(body, 2).flatten().any(unit_is_random_access),
        unit_type::FRAGMENT => body
            .first()
            .is_some_and(|&header| header & 0x80 != 0 && is_irap(header & 0x3f)),
        0 if payload.starts_with(&[0, 0]) => AnnexB::new(payload).any(unit_is_random_access),
        kind => is_random_access(kind),
    }
}

#[cfg(test)]
mod tests;
