//! What a connection carries, and how it is framed there.

use super::batch::{Entry, Kind, MediaSet};

/// What of a stream goes out on one connection. Readers with equal layouts share the framed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Frames on an RTSP connection (RFC 7826 §14): for each media its RTP and RTCP channel, or none where the media was not set
    /// up.
    Channels(Vec<Option<(u8, u8)>>),
    /// A connection of its own (RFC 7826 §C.2.2), framed as RFC 4571 says: of one media RTP, RTCP or both.
    Flow { media: u8, rtp: bool, rtcp: bool },
}

impl Default for Layout {
    fn default() -> Self {
        Self::Channels(Vec::new())
    }
}

impl Layout {
    /// Gives a media its channels, or takes them from it.
    pub(crate) fn set(&mut self, media: u8, channels: Option<(u8, u8)>) {
        if let Self::Channels(all) = self {
            let at = usize::from(media);
            if all.len() <= at {
                all.resize(at + 1, None);
            }
            all[at] = channels;
        }
    }

    pub(crate) fn channel(&self, media: u8, kind: Kind) -> Option<u8> {
        let Self::Channels(all) = self else {
            return None;
        };
        let (rtp, rtcp) = all.get(usize::from(media)).copied().flatten()?;
        Some(match kind {
            Kind::Rtp => rtp,
            Kind::Rtcp => rtcp,
        })
    }

    /// The media that are carried.
    pub(crate) fn all(&self) -> MediaSet {
        match self {
            Self::Channels(all) => (0_u8..)
                .zip(all)
                .filter_map(|(media, channels)| channels.map(|_| media))
                .collect(),
            Self::Flow { media, .. } => std::iter::once(*media).collect(),
        }
    }

    /// Whether a packet is for a reader with this layout.
    pub(crate) fn carries(&self, entry: &Entry) -> bool {
        match self {
            Self::Channels(_) => self.channel(entry.media, entry.kind).is_some(),
            Self::Flow { media, rtp, rtcp } => {
                entry.media == *media
                    && match entry.kind {
                        Kind::Rtp => *rtp,
                        Kind::Rtcp => *rtcp,
                    }
            }
        }
    }

    /// Whether nothing is carried.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Channels(all) if all.iter().all(Option::is_none))
    }

    /// Which media and flow a channel belongs to.
    pub(crate) fn media(&self, channel: u8) -> Option<(u8, Kind)> {
        let Self::Channels(all) = self else {
            return None;
        };
        all.iter()
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
