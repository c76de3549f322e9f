//! The index of a packet: its sequence number, and how often that has rolled over.

use super::{
    SealError,
    keys::{Header, RTP_LIFETIME},
    replay::Window,
};

/// Sources under one key that are remembered.
pub(super) const MAX_SOURCES: usize = 32;

/// The index that a sequence number most likely has, next to the newest one (RFC 3711 §3.3.1, appendix A).
/// `None` before the first packet or behind the last one that a key can have.
pub(super) fn estimate(newest: u64, sequence: u16) -> Option<u64> {
    // The nearest number that ends in these 16 bits; as far on as back is taken as back, as appendix A has it.
    let behind = (newest as u16).wrapping_sub(sequence);
    let index = if behind <= 1 << 15 {
        newest.checked_sub(behind.into())
    } else {
        newest.checked_add(u64::from(sequence.wrapping_sub(newest as u16)))
    };
    index.filter(|index| *index < RTP_LIFETIME)
}

/// What a packet was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// How often its sequence number has rolled over, to be handed to [`Keys::seal_rtp`](super::Keys::seal_rtp).
    pub roc: u32,
    /// Whether it is the first of a source.
    pub first: bool,
}

/// The indexes of what one end sends: none is given twice.
///
/// Counts start at zero with each source. A packet that is late by more than the window, or that was here before, gets none.
#[derive(Debug, Default)]
pub struct Indexes {
    sources: Vec<(u32, Window)>,
    packets: u64,
}

impl Indexes {
    /// No source yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a packet its index.
    ///
    /// # Errors
    ///
    /// When it is no packet, its index is used up, or the key is.
    pub fn assign(&mut self, packet: &[u8]) -> Result<Assigned, SealError> {
        let header = Header::parse(packet).ok_or(SealError::Malformed)?;
        if self.packets >= RTP_LIFETIME {
            return Err(SealError::KeyExpired);
        }
        let room = self.sources.len() < MAX_SOURCES;
        let known = self
            .sources
            .iter_mut()
            .find(|(ssrc, _)| *ssrc == header.ssrc);
        let assigned = match known {
            Some((_, window)) => Assigned {
                roc: (follow(window, header.sequence)? >> 16) as u32,
                first: false,
            },
            None if room => {
                let window = Window::new(header.sequence.into());
                self.sources.push((header.ssrc, window));
                Assigned {
                    roc: 0,
                    first: true,
                }
            }
            None => return Err(SealError::TooManySources),
        };
        self.packets += 1;
        Ok(assigned)
    }

    /// How often the newest sequence number of a source has rolled over.
    #[must_use]
    pub fn rollovers(&self, ssrc: u32) -> Option<u32> {
        let known = self.sources.iter().find(|(known, _)| *known == ssrc);
        known.map(|(_, window)| (window.newest() >> 16) as u32)
    }
}

/// The index of the next packet of a source that is known.
fn follow(window: &mut Window, sequence: u16) -> Result<u64, SealError> {
    let newest = window.newest();
    let index = estimate(newest, sequence).ok_or(if newest < RTP_LIFETIME / 2 {
        SealError::IndexReused // before the first one of all
    } else {
        SealError::KeyExpired
    })?;
    window.check(index).map_err(|_| SealError::IndexReused)?;
    window.insert(index);
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As RFC 3711 appendix A writes it, with the rollover counter not below zero.
    fn appendix_a(newest: u64, sequence: u16) -> Option<u64> {
        let (roc, last) = ((newest >> 16) as i64, (newest & 0xFFFF) as i64);
        let sequence = i64::from(sequence);
        let v = if last < 32_768 {
            if sequence - last > 32_768 {
                roc - 1
            } else {
                roc
            }
        } else if last - 32_768 > sequence {
            roc + 1
        } else {
            roc
        };
        u64::try_from(v * 65_536 + sequence)
            .ok()
            .filter(|index| *index < RTP_LIFETIME)
    }

    fn packet(sequence: u16) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        vec![0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 7, 1]
    }

    #[test]
    fn a_key_protects_2_48_packets_of_all_sources_and_no_more() {
        let mut indexes = Indexes::new();
        indexes.packets = RTP_LIFETIME - 1;
        assert!(indexes.assign(&packet(1)).is_ok());
        for sequence in [2, 3] {
            let refused = indexes.assign(&packet(sequence));
            assert_eq!(refused, Err(SealError::KeyExpired));
        }
    }

    #[test]
    fn indexes_of_a_source_do_not_begin_again_after_the_last() {
        let mut indexes = Indexes::new();
        indexes.sources.push((7, Window::new(RTP_LIFETIME - 2)));
        let last = indexes.assign(&packet(u16::MAX)).unwrap();
        assert_eq!(last.roc, u32::MAX);
        for sequence in [0, 1, 0x7FFE] {
            let refused = indexes.assign(&packet(sequence));
            assert_eq!(refused, Err(SealError::KeyExpired), "{sequence}");
        }
        assert_eq!(
            indexes.assign(&packet(u16::MAX)),
            Err(SealError::IndexReused)
        );
    }

    #[test]
    fn estimates_are_those_of_appendix_a() {
        let edges = [0_u16, 1, 2, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF];
        for roc in [0_u64, 1, 2, 77, 0xFFFF_FFFE, 0xFFFF_FFFF] {
            for last in edges {
                for sequence in edges {
                    let newest = roc << 16 | u64::from(last);
                    // Exactly half way round, either answer is as good.
                    if last.abs_diff(sequence) == 0x8000 {
                        continue;
                    }
                    assert_eq!(
                        estimate(newest, sequence),
                        appendix_a(newest, sequence),
                        "{newest:x} {sequence:x}"
                    );
                }
            }
        }
    }
}
