//! Which interleaved channel carries what.

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// Media.
    Rtp,
    /// Reports.
    Rtcp,
}

impl PacketKind {
    /// Looks at the packet type, which tells the two apart (RFC 5761 §4); some cameras swap the channels.
    ///
    /// A payload too short to tell is what the channel says it is.
    #[must_use]
    pub fn of(payload: &[u8], negotiated: Self) -> Self {
        match payload.get(1) {
            Some(192..=223) => Self::Rtcp,
            Some(_) => Self::Rtp,
            None => negotiated,
        }
    }
}

/// The channels of one connection. Answers in constant time.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels {
    uses: Vec<Option<(u16, PacketKind)>>,
}

impl Channels {
    /// Gives two channels to a media; what they had before is forgotten, the server's latest word counts.
    pub(super) fn assign(&mut self, media: usize, rtp: u8, rtcp: u8) {
        let Ok(media) = u16::try_from(media) else {
            return;
        };
        self.uses.resize(256, None);
        for (channel, kind) in [(rtcp, PacketKind::Rtcp), (rtp, PacketKind::Rtp)] {
            if let Some(slot) = self.uses.get_mut(usize::from(channel)) {
                *slot = Some((media, kind));
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.uses.clear();
    }

    pub(super) fn of(&self, channel: u8) -> Option<(usize, PacketKind)> {
        let (media, kind) = (*self.uses.get(usize::from(channel))?)?;
        Some((usize::from(media), kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_know_their_media() {
        let mut channels = Channels::default();
        assert_eq!(channels.of(0), None);
        channels.assign(0, 0, 1);
        channels.assign(1, 255, 254);
        assert_eq!(channels.of(1), Some((0, PacketKind::Rtcp)));
        assert_eq!(channels.of(255), Some((1, PacketKind::Rtp)));
        assert_eq!(channels.of(2), None);
        channels.clear();
        assert_eq!(channels.of(0), None);
    }

    #[test]
    fn swapped_channels_are_seen_through() {
        assert_eq!(
            PacketKind::of(&[0x80, 200, 0, 6], PacketKind::Rtp),
            PacketKind::Rtcp
        );
        assert_eq!(
            PacketKind::of(&[0x80, 0xe0, 0, 6], PacketKind::Rtcp),
            PacketKind::Rtp
        );
        assert_eq!(PacketKind::of(&[0x80], PacketKind::Rtcp), PacketKind::Rtcp);
    }
}
