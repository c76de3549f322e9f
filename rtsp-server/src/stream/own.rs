//! Batches sealed for one reader alone, by keys that begin with it.
//!
//! `a=crypto` (RFC 4568) tells a key and nothing of how often sequence numbers have rolled over, so for who has its key from there
//! they have not when its packets begin. Sealed once more under the key that others share, the packet of a later round would have the index of an
//! earlier one; so such a reader has keys of its own, and costs what sealing for it costs.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};

use bytes::BytesMut;
use rtp_core::PacketView;
use rtsp_session::srtp::SealError;

use super::{
    batch::{Batch, Kind, MediaSet},
    form::{Datagrams, Framed},
    secure::{self, Secured},
};

/// Most batches that are kept for a lane: as many as it offers to its socket at once.
const KEPT: usize = 64;

/// The keys of one reader, and where its packets began.
#[derive(Debug)]
pub(crate) struct Own {
    secured: Arc<Secured>,
    /// By media and source, how often the sequence number had rolled over with the first packet. Never forgotten: under a new start
    /// indexes would come twice. Ingest takes packets of so many sources only.
    starts: RefCell<Vec<(u8, u32, u32)>>,
}

impl Own {
    /// By these keys, from the next packet on.
    pub(crate) fn new(secured: Arc<Secured>) -> Self {
        Self {
            secured,
            starts: RefCell::default(),
        }
    }

    /// Appends a packet to `out`, sealed; `roc` is what the stream counts. The same packet always becomes the same octets.
    pub(crate) fn seal(
        &self,
        (media, kind): (u8, Kind),
        roc: u32,
        packet: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), SealError> {
        let roc = match kind {
            Kind::Rtp => self.rollovers(media, packet, roc)?,
            Kind::Rtcp => 0,
        };
        self.secured.seal((media, kind), roc, packet, out)
    }

    /// Rollovers since the reader's first packet of this source.
    fn rollovers(&self, media: u8, packet: &[u8], roc: u32) -> Result<u32, SealError> {
        let view = PacketView::parse(packet).map_err(|_| SealError::Malformed)?;
        let ssrc = view.ssrc();
        let mut starts = self.starts.borrow_mut();
        let known = starts
            .iter()
            .find(|(of, source, _)| (*of, *source) == (media, ssrc));
        let start = match known {
            Some((_, _, start)) => *start,
            None => {
                starts.push((media, ssrc, roc));
                roc
            }
        };
        // One that is late by a round would get an index of the end.
        roc.checked_sub(start).ok_or(SealError::IndexReused)
    }
}

/// What was sealed last for one lane, in the forms that it sends.
#[derive(Debug)]
pub(super) struct Kept {
    own: Rc<Own>,
    /// What the lane carries: the rest is not sealed, so it does not begin either.
    media: MediaSet,
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
pub(super) struct Slot {
    index: u64,
    pub(super) batch: Arc<Batch>,
    pub(super) framed: Option<Rc<Framed>>,
    pub(super) datagrams: Option<Rc<Datagrams>>,
}

impl Kept {
    pub(super) fn new(own: Rc<Own>, media: MediaSet) -> Self {
        Self {
            own,
            media,
            slots: VecDeque::new(),
        }
    }

    /// Batch `index`, sealed at first use.
    pub(super) fn slot(&mut self, index: u64, batch: &Batch) -> Option<&mut Slot> {
        if let Some(at) = self.slots.iter().position(|slot| slot.index == index) {
            return self.slots.get_mut(at);
        }
        if self.slots.len() >= KEPT {
            self.slots.pop_front();
        }
        self.slots.push_back(Slot {
            index,
            batch: secure::seal_own(batch, &self.own, self.media),
            framed: None,
            datagrams: None,
        });
        self.slots.back_mut()
    }

    /// What lies before batch `index` was sent.
    pub(super) fn let_go(&mut self, index: u64) {
        self.slots.retain(|slot| slot.index >= index);
    }

    /// The lane carries no more of a media: its frames are others from now on.
    pub(super) fn leave(&mut self, media: u8) {
        self.media.remove(media);
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rtsp_session::{random::Random, srtp::Receiver};

    use super::super::batch::{BatchBuilder, Mark};
    use super::*;

    fn packet(sequence: u16, ssrc: u8) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        vec![0x80, 96, high, low, 0, 0, 0, 9, 0, 0, 0, ssrc, 1, 2, 3, 4]
    }

    #[test]
    fn a_reader_begins_with_no_rollover_and_no_index_comes_twice() {
        let random = &mut Random::from_seed([6; 32]);
        let secured = Arc::new(Secured::default());
        let master = secured.keys(1, random)[0].master.clone();
        let own = Own::new(secured);
        let mut receiver = Receiver::new(&master);
        let mut goes = |sequence, ssrc, roc| {
            let mut sealed = BytesMut::new();
            own.seal((0, Kind::Rtp), roc, &packet(sequence, ssrc), &mut sealed)?;
            let mut opened = BytesMut::new();
            receiver.open_rtp(&sealed, &mut opened).expect("opened");
            assert_eq!(opened, packet(sequence, ssrc));
            Ok(())
        };
        // The stream is in its sixth round.
        assert_eq!(goes(0xFFFE, 1, 5), Ok(()));
        assert_eq!(goes(0xFFFF, 1, 5), Ok(()));
        assert_eq!(goes(0, 1, 6), Ok(()));
        assert_eq!(goes(0xFFFD, 1, 4), Err(SealError::IndexReused));
        // Another source in between, and back: it goes on where it was.
        assert_eq!(goes(9, 2, 0), Ok(()));
        assert_eq!(goes(1, 1, 6), Ok(()));
    }

    #[test]
    fn media_that_are_not_carried_have_not_begun() {
        let random = &mut Random::from_seed([6; 32]);
        let secured = Arc::new(Secured::default());
        secured.keys(2, random);
        let own = Rc::new(Own::new(secured));
        let mut builder = BatchBuilder::default();
        for media in [0, 1] {
            let mark = Mark {
                kind: Kind::Rtp,
                roc: 3,
                ..Mark::rtcp(media)
            };
            assert!(builder.push_copy(mark, media * 2, &packet(7, media)));
        }
        let batch = builder.finish(Instant::now()).expect("a batch");
        let mut kept = Kept::new(Rc::clone(&own), [0].into_iter().collect());
        let sealed = Arc::clone(&kept.slot(4, &batch).expect("sealed").batch);
        assert_eq!(sealed.entries().len(), 2);
        assert_eq!(sealed.packet(&sealed.entries()[1]), b"");
        assert_eq!(*own.starts.borrow(), [(0, 0, 3)]);
        // Made once, until it was sent.
        let again = Arc::clone(&kept.slot(4, &batch).expect("sealed").batch);
        assert!(Arc::ptr_eq(&sealed, &again));
        for index in 5..200 {
            kept.slot(index, &batch);
        }
        assert!(kept.slots.len() <= KEPT);
        kept.let_go(199);
        assert_eq!(kept.slots.len(), 1);
    }
}
