//! Access units to packets, packetization mode 1 (RFC 6184 §6.3).

use super::{LengthPrefixed, unit_type};
use crate::payload::pack::Packing;

/// Single units, STAP-A and FU-A.
pub(crate) struct H264;

impl Packing for H264 {
    const AGGREGATE_HEADER: usize = 1;
    const UNIT_HEADER: usize = 1;
    const FRAGMENT_HEADER: usize = 2;

    fn joins(unit: &[u8]) -> bool {
        let kind = unit.first().map_or(0, |&first| super::unit_type(first));
        (unit_type::SEI..=unit_type::SPS_EXTENSION).contains(&kind)
    }

    /// The importance is the highest of the units' (RFC 6184 §5.7).
    fn aggregate_header(units: LengthPrefixed<'_>) -> [u8; 2] {
        let importance = units
            .flatten()
            .filter_map(|unit| unit.first())
            .map(|first| first & 0x60)
            .max();
        [unit_type::STAP_A | importance.unwrap_or(0), 0]
    }

    fn fragment_header(unit: &[u8], flags: u8) -> [u8; 3] {
        let header = unit.first().copied().unwrap_or(0);
        [
            header & 0xe0 | unit_type::FU_A,
            flags | super::unit_type(header),
            0,
        ]
    }
}
