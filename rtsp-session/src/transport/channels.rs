//! Interleaved channels of one connection: which of the 256 are in use.

/// The set of channels in use on one connection (RFC 7826 §14: channels of different streams never collide).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelMap {
    used: [u64; 4],
}

impl ChannelMap {
    /// No channel in use.
    #[must_use]
    pub const fn new() -> Self {
        Self { used: [0; 4] }
    }

    /// Is the channel in use?
    #[must_use]
    pub fn contains(&self, channel: u8) -> bool {
        let (word, bit) = place(channel);
        self.used.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Marks both channels. `false`, and no change, when one of them is in use.
    pub fn insert(&mut self, rtp: u8, rtcp: u8) -> bool {
        if self.contains(rtp) || self.contains(rtcp) {
            return false;
        }
        for channel in [rtp, rtcp] {
            let (word, bit) = place(channel);
            if let Some(bits) = self.used.get_mut(word) {
                *bits |= bit;
            }
        }
        true
    }

    /// Frees both channels.
    pub fn remove(&mut self, rtp: u8, rtcp: u8) {
        for channel in [rtp, rtcp] {
            let (word, bit) = place(channel);
            if let Some(bits) = self.used.get_mut(word) {
                *bits &= !bit;
            }
        }
    }

    /// The pair that was asked for if it is free, else the first free even/odd pair.
    ///
    /// RTCP goes on the next higher channel (RFC 7826 §14), so a wish for other pairs, or for 255 alone, is answered with a pair
    /// of our choice: the peer must use what the answer says.
    #[must_use]
    pub fn choose(&self, wish: Option<(u8, Option<u8>)>) -> Option<(u8, u8)> {
        if let Some((rtp, rtcp)) = wish {
            let next = rtp.checked_add(1);
            let rtcp = rtcp.or(next);
            if let Some(rtcp) = rtcp.filter(|_| rtcp == next)
                && !self.contains(rtp)
                && !self.contains(rtcp)
            {
                return Some((rtp, rtcp));
            }
        }
        (0..=254)
            .step_by(2)
            .map(|rtp| (rtp, rtp + 1))
            .find(|&(rtp, rtcp)| !self.contains(rtp) && !self.contains(rtcp))
    }
}

fn place(channel: u8) -> (usize, u64) {
    (usize::from(channel >> 6), 1 << (channel & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes() {
        let mut map = ChannelMap::new();
        assert!(map.insert(0, 1));
        for (wish, chosen) in [
            (None, (2, 3)),
            (Some((4, Some(5))), (4, 5)),
            (Some((6, None)), (6, 7)),
            (Some((7, Some(8))), (7, 8)),
            (Some((0, Some(1))), (2, 3)),   // in use
            (Some((1, Some(2))), (2, 3)),   // half in use
            (Some((8, Some(8))), (2, 3)),   // both on one
            (Some((9, Some(8))), (2, 3)),   // swapped
            (Some((255, None)), (2, 3)),    // no next channel
            (Some((255, Some(0))), (2, 3)), // wraps
            (Some((254, Some(255))), (254, 255)),
        ] {
            assert_eq!(map.choose(wish), Some(chosen), "{wish:?}");
        }
    }

    #[test]
    fn full_map_has_no_pair() {
        let mut map = ChannelMap::new();
        for rtp in (0..=254).step_by(2) {
            assert!(map.insert(rtp, rtp + 1));
            assert!(!map.insert(rtp, rtp + 1));
        }
        assert_eq!(map.choose(None), None);
        map.remove(200, 201);
        assert_eq!(map.choose(Some((0, None))), Some((200, 201)));
    }

    #[test]
    fn a_refused_insert_changes_nothing() {
        let mut map = ChannelMap::new();
        assert!(map.insert(4, 5));
        let before = map.clone();
        assert!(!map.insert(5, 6));
        assert_eq!(map, before);
    }
}
