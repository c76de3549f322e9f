//! Which channel carries what on a reader's connection.

use super::batch::{Entry, Kind, MediaSet};

/// The interleaved channels of one reader: for each media its RTP and RTCP channel, or none where the
/// media was not set up. Readers with equal layouts share the framed bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout(Vec<Option<(u8, u8)>>);

impl Layout {
    pub(crate) fn set(&mut self, media: u8, channels: Option<(u8, u8)>) {
        let at = usize::from(media);
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = channels;
    }

    pub(crate) fn channel(&self, media: u8, kind: Kind) -> Option<u8> {
        let (rtp, rtcp) = self.0.get(usize::from(media)).copied().flatten()?;
        Some(match kind {
            Kind::Rtp => rtp,
            Kind::Rtcp => rtcp,
        })
    }

    /// The media that have channels.
    pub(crate) fn all(&self) -> MediaSet {
        (0_u8..)
            .zip(&self.0)
            .filter_map(|(media, channels)| channels.map(|_| media))
            .collect()
    }

    /// Whether a packet is for a reader with this layout.
    pub(crate) fn carries(&self, entry: &Entry) -> bool {
        self.channel(entry.media, entry.kind).is_some()
    }

    /// Which media and flow a channel belongs to.
    pub(crate) fn media(&self, channel: u8) -> Option<(u8, Kind)> {
        self.0
            .iter()
            .enumerate()
            .find_map(|(media, channels)| match channels {
                Some((rtp, _)) if *rtp == channel => Some((media as u8, Kind::Rtp)),
                Some((_, rtcp)) if *rtcp == channel => Some((media as u8, Kind::Rtcp)),
                _ => None,
            })
    }
}

#[cfg(test)]
impl Layout {
    /// Channels 0-1 for the first of `count` media, 2-3 for the second and so on, as nearly every peer asks.
    pub(crate) fn canonical(count: u8) -> Self {
        let mut layout = Self::default();
        (0..count).for_each(|media| layout.set(media, Some((media * 2, media * 2 + 1))));
        layout
    }
}
