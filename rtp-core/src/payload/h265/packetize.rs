//! Access units to packets (RFC 7798 §4.4), without decoding order numbers.

use super::{LengthPrefixed, unit_type};
use crate::payload::pack::Packing;

/// Single units, AP and FU.
pub(crate) struct H265;

impl Packing for H265 {
    const AGGREGATE_HEADER: usize = 2;
    const UNIT_HEADER: usize = 2;
    const FRAGMENT_HEADER: usize = 3;

    /// Everything that is no slice.
    fn joins(unit: &[u8]) -> bool {
        unit.len() >= 2
            && unit
                .first()
                .is_some_and(|&first| super::unit_type(first) >= unit_type::VPS)
    }

    /// Layer and temporal id are the lowest of the units' (RFC 7798 §4.4.2).
    fn aggregate_header(units: LengthPrefixed<'_>) -> [u8; 2] {
        let (mut layer, mut temporal) = (0x3f, 7);
        for unit in units.flatten() {
            if let Some(&[first, second]) = unit.first_chunk() {
                layer = layer.min((first & 1) << 5 | second >> 3);
                temporal = temporal.min(second & 7);
            }
        }
        [
            unit_type::AGGREGATION << 1 | layer >> 5,
            layer << 3 | temporal,
        ]
    }

    fn fragment_header(unit: &[u8], flags: u8) -> [u8; 3] {
        let (first, second) = match unit {
            [first, second, ..] => (*first, *second),
            _ => (0, 0),
        };
        [
            first & 0x81 | unit_type::FRAGMENT << 1,
            second,
            flags | super::unit_type(first),
        ]
    }
}
