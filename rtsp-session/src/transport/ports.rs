//! Pairs of UDP ports: RTP on one, RTCP on the other (RFC 3550 §11).

use std::ops::RangeInclusive;

/// The pair that a peer named: `client_port=5000-5001`, or `5000` alone, which means the next port for RTCP
/// (quirk of many cameras; RFC 2326 §12.39 shows both).
///
/// `None` when a port is 0 or there is no next port.
#[must_use]
pub fn pair((rtp, rtcp): (u16, Option<u16>)) -> Option<(u16, u16)> {
    let rtcp = match rtcp {
        Some(rtcp) => rtcp,
        None => rtp.checked_add(1)?,
    };
    (rtp != 0 && rtcp != 0 && rtp != rtcp).then_some((rtp, rtcp))
}

/// Even/odd pairs out of a range, each tried once, from a random start: what to try to bind.
///
/// ```
/// let pairs: Vec<_> = rtsp_session::transport::ports::pairs(5001..=5007, 1).collect();
/// assert_eq!(pairs, [(5004, 5005), (5006, 5007), (5002, 5003)]);
/// ```
pub fn pairs(range: RangeInclusive<u16>, random: u32) -> impl Iterator<Item = (u16, u16)> {
    let first = u32::from(*range.start()).next_multiple_of(2);
    let end = u32::from(*range.end());
    // Pairs whose odd port is still within the range.
    let count = (end + 1).saturating_sub(first) / 2;
    let start = random.checked_rem(count).unwrap_or(0);
    (0..count).filter_map(move |turn| {
        let rtp = first + (start + turn) % count * 2;
        Some((u16::try_from(rtp).ok()?, u16::try_from(rtp + 1).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_pairs() {
        for (named, expected) in [
            ((5000, Some(5001)), Some((5000, 5001))),
            ((5000, None), Some((5000, 5001))),
            ((5001, Some(5000)), Some((5001, 5000))),
            ((65535, None), None),
            ((0, None), None),
            ((0, Some(1)), None),
            ((5000, Some(0)), None),
            ((5000, Some(5000)), None),
        ] {
            assert_eq!(pair(named), expected, "{named:?}");
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(
            pairs(65534..=65535, 9).collect::<Vec<_>>(),
            [(65534, 65535)]
        );
        assert_eq!(pairs(5001..=5002, 0).count(), 0);
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = 9..=2;
        assert_eq!(pairs(reversed, 0).count(), 0);
        assert_eq!(pairs(0..=65535, u32::MAX).count(), 32768);
        assert!(
            pairs(1024..=2047, 77)
                .all(|(rtp, rtcp)| rtp % 2 == 0 && rtcp == rtp + 1 && rtcp <= 2047)
        );
    }
}
