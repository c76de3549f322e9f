//! The payload types that need no `a=rtpmap` (RFC 3551 §6, tables 4 and 5) and the clock rates to assume
//! where a description gives none.

use crate::MediaKind;

/// Encoding name, clock rate in Hz and, where more than one, channels of a static payload type.
pub(crate) fn lookup(payload_type: u8) -> Option<(&'static str, u32, Option<u8>)> {
    Some(match payload_type {
        0 => ("PCMU", 8_000, None),
        3 => ("GSM", 8_000, None),
        4 => ("G723", 8_000, None),
        5 => ("DVI4", 8_000, None),
        6 => ("DVI4", 16_000, None),
        7 => ("LPC", 8_000, None),
        8 => ("PCMA", 8_000, None),
        9 => ("G722", 8_000, None),
        10 => ("L16", 44_100, Some(2)),
        11 => ("L16", 44_100, None),
        12 => ("QCELP", 8_000, None),
        13 => ("CN", 8_000, None),
        14 => ("MPA", 90_000, None),
        15 => ("G728", 8_000, None),
        16 => ("DVI4", 11_025, None),
        17 => ("DVI4", 22_050, None),
        18 => ("G729", 8_000, None),
        25 => ("CelB", 90_000, None),
        26 => ("JPEG", 90_000, None),
        28 => ("nv", 90_000, None),
        31 => ("H261", 90_000, None),
        32 => ("MPV", 90_000, None),
        33 => ("MP2T", 90_000, None),
        34 => ("H263", 90_000, None),
        _ => return None,
    })
}

/// The clock rate of an encoding whose `a=rtpmap` has none that can be used.
pub(crate) fn assumed_clock_rate(kind: &MediaKind, encoding: &str) -> u32 {
    let is = |name: &&str| encoding.eq_ignore_ascii_case(name);
    if is(&"opus") {
        48_000
    } else if ["L16", "L20", "L24", "MPEG4-GENERIC", "MP4A-LATM"]
        .iter()
        .any(is)
    {
        44_100
    } else if *kind == MediaKind::Audio && !["MPA", "mpa-robust", "MP2T"].iter().any(is) {
        8_000
    } else {
        90_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_the_table_and_nothing_else() {
        let assigned: Vec<u8> = (0..=255)
            .filter(|&payload_type| lookup(payload_type).is_some())
            .collect();
        assert_eq!(
            assigned,
            [
                0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 25, 26, 28, 31, 32, 33,
                34
            ]
        );
        assert_eq!(lookup(10), Some(("L16", 44_100, Some(2))));
        assert_eq!(lookup(11), Some(("L16", 44_100, None)));
    }

    #[test]
    fn assumed_clock_rates_are_never_zero() {
        assert_eq!(assumed_clock_rate(&MediaKind::Video, "H264"), 90_000);
        assert_eq!(assumed_clock_rate(&MediaKind::Audio, "PCMA"), 8_000);
        assert_eq!(assumed_clock_rate(&MediaKind::Audio, "OPUS"), 48_000);
        assert_eq!(assumed_clock_rate(&MediaKind::Audio, "mpa"), 90_000);
        assert_eq!(
            assumed_clock_rate(&MediaKind::Application, "vnd.onvif.metadata"),
            90_000
        );
    }
}
