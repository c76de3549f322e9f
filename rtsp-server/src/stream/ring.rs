//! The newest batches of a stream, kept for readers that join and for readers that lag.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use smallvec::SmallVec;

use super::{
    batch::{Batch, Counts, Kind, MAX_MEDIA, MediaSet},
    form::{Datagrams, Framed},
    layout::Layout,
    own::Kept,
    secure::{self, Sealing, Secured},
};

/// How much a ring keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingLimits {
    /// Bytes of batches at most; a group of pictures larger than this is not kept.
    pub(crate) bytes: usize,
    /// Batches at least this young are kept within `bytes` even when a newer key frame is there.
    pub(crate) age: Duration,
}

/// Number of a layout within a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LayoutId(u32);

/// How packets leave a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    /// As they are.
    Plain,
    /// Sealed with the keys of the stream.
    Stream,
    /// Sealed for one lane alone, by its number within the ring.
    Own(u32),
}

/// A layout in use, and by how many readers.
#[derive(Debug)]
struct Interned {
    layout: Layout,
    /// How its readers get packets.
    seal: Seal,
    readers: usize,
}

/// A place in a ring: a batch by its number since the stream began, and an item in it: an entry, or what a reader counts, frames
/// of its layout or groups of datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) batch: u64,
    pub(crate) item: u32,
}

#[derive(Debug)]
struct Slot {
    batch: Arc<Batch>,
    framed: SmallVec<[(LayoutId, Rc<Framed>); 1]>,
    datagrams: Option<Rc<Datagrams>>,
    sealed: Option<Arc<Batch>>,
    sealed_datagrams: Option<Rc<Datagrams>>,
}

/// The batches of one stream on one shard. Readers hold [`Position`]s; nothing in here knows them.
#[derive(Debug)]
pub(crate) struct Ring {
    slots: VecDeque<Slot>,
    /// Number of the first slot.
    first: u64,
    bytes: usize,
    limits: RingLimits,
    /// Per media the numbers of the two newest batches that begin a random-access point, newest last.
    starts: [Option<(Option<u64>, u64)>; MAX_MEDIA],
    layouts: BTreeMap<LayoutId, Interned>,
    next_layout: u32,
    /// What lanes with keys of their own get.
    own: BTreeMap<u32, Kept>,
    next_own: u32,
    segments: usize,
    mtu: u16,
    /// Where the last gap began, and what the stream had before it.
    before_gap: Option<(u64, Counts)>,
    /// When the source went on after it had paused.
    source_resumed: Option<Instant>,
    /// What packets are sealed with, where readers get them so.
    secured: Arc<Secured>,
}

/// A source that sends nothing for so long, and then goes on, was late.
const SOURCE_PAUSE: Duration = Duration::from_secs(1);

impl Ring {
    /// An empty ring; `segments` is the most that one send call may carry, `mtu` the largest segment.
    pub(crate) fn new(limits: RingLimits, segments: usize, mtu: u16) -> Self {
        Self {
            slots: VecDeque::new(),
            first: 0,
            bytes: 0,
            limits,
            starts: [None; MAX_MEDIA],
            layouts: BTreeMap::new(),
            next_layout: 0,
            own: BTreeMap::new(),
            next_own: 0,
            segments,
            mtu,
            before_gap: None,
            source_resumed: None,
            secured: Arc::default(),
        }
    }

    /// The same, where readers may get packets sealed with these keys.
    pub(crate) fn secured_by(mut self, secured: &Arc<Secured>) -> Self {
        self.secured = Arc::clone(secured);
        self
    }

    /// Number of the oldest batch that is kept.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Number that the next batch will have.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// Numbers what follows from `first` on; for an empty ring.
    pub(crate) fn begin(&mut self, first: u64) {
        if self.slots.is_empty() {
            self.first = first;
        }
    }

    /// Adds the batch with the number `index`. A gap before it (a mailbox ran over) empties the ring: what was
    /// kept no longer leads up to what follows.
    pub(crate) fn push(&mut self, index: u64, batch: Arc<Batch>) {
        let last = self.slots.back().map(|slot| &slot.batch);
        if last.is_some_and(|last| {
            batch.arrived().saturating_duration_since(last.arrived()) > SOURCE_PAUSE
        }) {
            self.source_resumed = Some(batch.arrived());
        }
        if index != self.end() {
            self.before_gap = last.map(|last| (self.end(), last.counts_after()));
            self.slots.clear();
            self.bytes = 0;
            self.first = index;
            self.starts = [None; MAX_MEDIA];
        }
        for media in batch.starts().iter() {
            let slot = &mut self.starts[usize::from(media)];
            *slot = Some((slot.map(|(_, newest)| newest), index));
        }
        self.bytes += batch.bytes();
        self.slots.push_back(Slot {
            batch,
            framed: SmallVec::new(),
            datagrams: None,
            sealed: None,
            sealed_datagrams: None,
        });
        self.evict();
    }

    fn evict(&mut self) {
        let newest = self.slots.back().map(|slot| slot.batch.arrived());
        // Everything from the last but one key frame on stays, so that a reader that lags has a whole group of slack.
        let keep_from = self
            .starts
            .iter()
            .flatten()
            .map(|(before, newest)| before.unwrap_or(*newest))
            .min();
        while self.slots.len() > 1 {
            let Some(oldest) = self.slots.front() else {
                break;
            };
            let old = newest.is_some_and(|newest| {
                newest.saturating_duration_since(oldest.batch.arrived()) > self.limits.age
            });
            let needed = keep_from.is_some_and(|keep| self.first >= keep);
            if self.bytes <= self.limits.bytes && (needed || !old) {
                break;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(slot) = self.slots.pop_front() {
            self.bytes -= slot.batch.bytes();
            self.first += 1;
        }
        for start in &mut self.starts {
            if start.is_some_and(|(_, newest)| newest < self.first) {
                *start = None;
            }
        }
    }

    /// Drops what lies before `position`: for rings with one reader that never misses anything.
    pub(crate) fn release(&mut self, position: Position) {
        while self.first < position.batch && !self.slots.is_empty() {
            self.drop_oldest();
        }
    }

    /// The newest place from which every media of `video` has a key frame.
    pub(crate) fn random_access(&self, video: MediaSet) -> Option<Position> {
        let mut at = None;
        for media in video.iter() {
            let (_, newest) = (*self.starts.get(usize::from(media))?)?;
            at = Some(at.map_or(newest, |at: u64| at.min(newest)));
        }
        at.map(|batch| Position { batch, item: 0 })
    }

    /// The place of what comes next.
    pub(crate) fn live(&self) -> Position {
        Position {
            batch: self.end(),
            item: 0,
        }
    }

    /// Whether `position` is still there, or is what comes next.
    pub(crate) fn holds(&self, position: Position) -> bool {
        position.batch >= self.first && position.batch <= self.end()
    }

    /// RTP packets of `media` that the stream had before the entry at `place`; `None` where the ring no longer knows.
    pub(crate) fn packets_before(&self, place: Position, media: u8) -> Option<u64> {
        if let Some(slot) = self.slot(place.batch) {
            return Some(slot.batch.packets_before(place.item, media));
        }
        match (&self.before_gap, self.slots.back()) {
            (_, Some(last)) if place.batch == self.end() => {
                Some(last.batch.packets_before(u32::MAX, media))
            }
            (Some((end, before)), _) if place.batch == *end => {
                Some(before.get(usize::from(media)).copied().unwrap_or(0))
            }
            _ => None,
        }
    }

    /// When the batch with the number `index` arrived.
    pub(crate) fn arrived(&self, index: u64) -> Option<Instant> {
        Some(self.slot(index)?.batch.arrived())
    }

    /// When the source last went on after a pause.
    pub(crate) fn source_resumed(&self) -> Option<Instant> {
        self.source_resumed
    }

    fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots
            .get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    fn slot_mut(&mut self, index: u64) -> Option<&mut Slot> {
        self.slots
            .get_mut(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    /// Batches from `from` on, for another shard that attaches.
    pub(crate) fn snapshot(&self, from: u64) -> Vec<Arc<Batch>> {
        let skip = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.slots
            .iter()
            .skip(skip)
            .map(|slot| Arc::clone(&slot.batch))
            .collect()
    }

    /// How the packets of these media leave for who gets them sealed so. Every call asks for a [`close_seal`](Self::close_seal), or for a layout
    /// that has it.
    pub(crate) fn open_seal(&mut self, sealing: Option<&Sealing>, media: MediaSet) -> Seal {
        let own = match sealing {
            None => return Seal::Plain,
            Some(Sealing::Stream(_)) => return Seal::Stream,
            Some(Sealing::Own(own)) => own,
        };
        let id = self.next_own;
        self.next_own = self.next_own.wrapping_add(1);
        self.own.insert(id, Kept::new(Rc::clone(own), media));
        Seal::Own(id)
    }

    /// Nobody gets packets so any more.
    pub(crate) fn close_seal(&mut self, seal: Seal) {
        if let Seal::Own(id) = seal {
            self.own.remove(&id);
        }
    }

    /// Who gets packets so gets none of a media any more.
    pub(crate) fn narrow_seal(&mut self, seal: Seal, media: u8) {
        if let Some(kept) = self.kept(seal) {
            kept.leave(media);
        }
    }

    /// Who gets packets so has got all before batch `index`.
    pub(crate) fn let_go(&mut self, seal: Seal, index: u64) {
        if let Some(kept) = self.kept(seal) {
            kept.let_go(index);
        }
    }

    fn kept(&mut self, seal: Seal) -> Option<&mut Kept> {
        match seal {
            Seal::Own(id) => self.own.get_mut(&id),
            Seal::Plain | Seal::Stream => None,
        }
    }

    /// The number for `layout`, shared by all readers that have the same and get packets in the same way. Every call asks for a
    /// [`release_layout`](Self::release_layout).
    pub(crate) fn intern(&mut self, layout: Layout, seal: Seal) -> LayoutId {
        let own = matches!(seal, Seal::Own(_));
        let mut known = self.layouts.iter_mut();
        let same = known.find(|(_, known)| !own && known.seal == seal && known.layout == layout);
        if let Some((id, known)) = same {
            known.readers += 1;
            return *id;
        }
        let id = LayoutId(self.next_layout);
        self.next_layout = self.next_layout.wrapping_add(1);
        let interned = Interned {
            layout,
            seal,
            readers: 1,
        };
        self.layouts.insert(id, interned);
        id
    }

    /// A reader no longer needs the layout; with the last one its frames go.
    pub(crate) fn release_layout(&mut self, id: LayoutId) {
        let Some(known) = self.layouts.get_mut(&id) else {
            return;
        };
        known.readers -= 1;
        if known.readers == 0 {
            self.layouts.remove(&id);
            self.slots
                .iter_mut()
                .for_each(|slot| slot.framed.retain(|(have, _)| *have != id));
        }
    }

    /// The frames of batch `index` for a layout, made at first use.
    pub(crate) fn framed(&mut self, index: u64, id: LayoutId) -> Option<Rc<Framed>> {
        if let Seal::Own(own) = self.seal_of(id) {
            return self.own_framed(index, id, own);
        }
        let made = self
            .slot(index)?
            .framed
            .iter()
            .find(|(have, _)| *have == id)
            .map(|(_, framed)| Rc::clone(framed));
        if made.is_some() {
            return made;
        }
        let batch = match self.seal_of(id) {
            Seal::Stream => self.sealed(index)?,
            _ => Arc::clone(&self.slot(index)?.batch),
        };
        let framed = Rc::new(Framed::new(&batch, self.layout(id)?));
        self.slot_mut(index)?.framed.push((id, Rc::clone(&framed)));
        Some(framed)
    }

    fn own_framed(&mut self, index: u64, id: LayoutId, own: u32) -> Option<Rc<Framed>> {
        let batch = Arc::clone(&self.slot(index)?.batch);
        let layout = &self.layouts.get(&id)?.layout;
        let slot = self.own.get_mut(&own)?.slot(index, &batch)?;
        let made = slot
            .framed
            .get_or_insert_with(|| Rc::new(Framed::new(&slot.batch, layout)));
        Some(Rc::clone(made))
    }

    /// How the readers with a layout get packets.
    pub(crate) fn seal_of(&self, id: LayoutId) -> Seal {
        self.layouts
            .get(&id)
            .map_or(Seal::Plain, |known| known.seal)
    }

    /// Batch `index` sealed, once for all readers here.
    fn sealed(&mut self, index: u64) -> Option<Arc<Batch>> {
        let secured = Arc::clone(&self.secured);
        let slot = self.slot_mut(index)?;
        let batch = &slot.batch;
        let sealed = slot
            .sealed
            .get_or_insert_with(|| secure::seal(batch, &secured));
        Some(Arc::clone(sealed))
    }

    /// The datagrams of batch `index`, sealed, made at first use.
    fn sealed_datagrams(&mut self, index: u64) -> Option<Rc<Datagrams>> {
        if let Some(made) = &self.slot(index)?.sealed_datagrams {
            return Some(Rc::clone(made));
        }
        let made = Rc::new(Datagrams::new(
            &*self.sealed(index)?,
            self.segments,
            self.mtu,
        ));
        self.slot_mut(index)?.sealed_datagrams = Some(Rc::clone(&made));
        Some(made)
    }

    /// The datagrams of batch `index`, made at first use.
    pub(crate) fn datagrams(&mut self, index: u64) -> Option<Rc<Datagrams>> {
        let (segments, mtu) = (self.segments, self.mtu);
        let slot = self.slot_mut(index)?;
        Some(Rc::clone(slot.datagrams.get_or_insert_with(|| {
            Rc::new(Datagrams::new(&slot.batch, segments, mtu))
        })))
    }

    /// From a frame of a layout to the entry that it is.
    pub(crate) fn entry_of_frame(&self, at: Position, id: LayoutId) -> Position {
        let of_layout = |(slot, layout): (&Slot, &Layout)| {
            let mut framed = (0_u32..)
                .zip(slot.batch.entries())
                .filter(|(_, entry)| layout.carries(entry));
            // Behind the last frame, which was sent but for a tail, lies the end of the batch.
            let end = slot.batch.entries().len() as u32;
            framed.nth(at.item as usize).map_or(end, |(index, _)| index)
        };
        let item = self.slot(at.batch).zip(self.layout(id)).map(of_layout);
        Position {
            item: item.unwrap_or(0),
            ..at
        }
    }

    /// From an entry to the frame of a layout that it is, or the next one.
    pub(crate) fn frame_of_entry(&self, at: Position, id: LayoutId) -> Position {
        let of_layout = |(slot, layout): (&Slot, &Layout)| {
            let before = slot.batch.entries().iter().take(at.item as usize);
            before.filter(|entry| layout.carries(entry)).count() as u32
        };
        let item = self.slot(at.batch).zip(self.layout(id)).map(of_layout);
        Position {
            item: item.unwrap_or(0),
            ..at
        }
    }

    /// The datagrams of batch `index`, sealed or as they are.
    pub(crate) fn groups(&mut self, index: u64, seal: Seal) -> Option<Rc<Datagrams>> {
        match seal {
            Seal::Plain => self.datagrams(index),
            Seal::Stream => self.sealed_datagrams(index),
            Seal::Own(own) => {
                let batch = Arc::clone(&self.slot(index)?.batch);
                let (segments, mtu) = (self.segments, self.mtu);
                let slot = self.own.get_mut(&own)?.slot(index, &batch)?;
                let made = slot
                    .datagrams
                    .get_or_insert_with(|| Rc::new(Datagrams::new(&slot.batch, segments, mtu)));
                Some(Rc::clone(made))
            }
        }
    }

    /// From a group of datagrams to its first entry.
    pub(crate) fn entry_of_group(&mut self, at: Position, seal: Seal) -> Position {
        let item = self.groups(at.batch, seal).map(|datagrams| {
            let before = datagrams.groups.iter().take(at.item as usize);
            before.map(|group| u32::from(group.packets)).sum()
        });
        Position {
            item: item.unwrap_or(0),
            ..at
        }
    }

    /// From an entry to the group of datagrams that begins with it, or the next one.
    pub(crate) fn group_of_entry(&mut self, at: Position, seal: Seal) -> Position {
        let item = self.groups(at.batch, seal).map(|datagrams| {
            let mut entries = 0;
            let before = datagrams.groups.iter().take_while(|group| {
                let begun = entries < at.item;
                entries += u32::from(group.packets);
                begun
            });
            before.count() as u32
        });
        Position {
            item: item.unwrap_or(0),
            ..at
        }
    }

    pub(crate) fn layout(&self, id: LayoutId) -> Option<&Layout> {
        Some(&self.layouts.get(&id)?.layout)
    }

    /// Sequence number and RTP timestamp of the newest packet of `media`.
    pub(crate) fn last_packet(&self, media: u8) -> Option<(u16, u32)> {
        self.slots
            .iter()
            .rev()
            .flat_map(|slot| slot.batch.entries().iter().rev())
            .find(|entry| entry.media == media && entry.kind == Kind::Rtp)
            .map(|entry| (entry.sequence, entry.timestamp))
    }

    /// Sequence number and RTP timestamp of the first packet of `media` at or after `position`, an entry.
    pub(crate) fn first_packet(&self, position: Position, media: u8) -> Option<(u16, u32)> {
        let skip = usize::try_from(position.batch.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let done = if self.holds(position) {
            position.item as usize
        } else {
            0
        };
        self.slots
            .iter()
            .skip(skip)
            .flat_map(|slot| slot.batch.entries())
            .skip(done)
            .find(|entry| entry.media == media && entry.kind == Kind::Rtp)
            .map(|entry| (entry.sequence, entry.timestamp))
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{BatchBuilder, Mark};
    use super::*;

    const LIMITS: RingLimits = RingLimits {
        bytes: 10_000,
        age: Duration::from_secs(4),
    };

    fn batch(at: Instant, size: usize, key: bool, sequence: u16) -> Arc<Batch> {
        let mut builder = BatchBuilder::default();
        let mark = Mark {
            kind: Kind::Rtp,
            sequence,
            random_access: key,
            ..Mark::rtcp(0)
        };
        assert!(builder.push_copy(mark, 0, &vec![0; size]));
        Arc::new(builder.finish(at).unwrap())
    }

    fn video() -> MediaSet {
        [0].into_iter().collect()
    }

    #[test]
    fn a_reader_starts_at_the_newest_key_frame() {
        let (mut ring, now) = (Ring::new(LIMITS, 1, 1500), Instant::now());
        for index in 0..20 {
            ring.push(index, batch(now, 10, index % 8 == 0, 100 + index as u16));
        }
        assert_eq!(
            ring.random_access(video()),
            Some(Position { batch: 16, item: 0 })
        );
        assert_eq!(
            ring.first_packet(Position { batch: 16, item: 0 }, 0),
            Some((116, 0))
        );
        assert_eq!(ring.first_packet(ring.live(), 0), None);
        assert_eq!(
            ring.random_access([0, 1].into_iter().collect()),
            None,
            "the other video has none yet"
        );
        assert_eq!(ring.random_access(MediaSet::default()), None);
    }

    #[test]
    fn memory_is_bounded_even_when_the_group_is_not() {
        let (mut ring, now) = (Ring::new(LIMITS, 1, 1500), Instant::now());
        for index in 0..1000 {
            ring.push(index, batch(now, 1000, index == 0, 0));
            assert!(ring.bytes <= LIMITS.bytes || ring.slots.len() == 1);
        }
        assert_eq!(
            ring.random_access(video()),
            None,
            "its key frame is gone, so it is no start"
        );
        assert_eq!(ring.end(), 1000);
        assert!(ring.holds(ring.live()) && !ring.holds(Position::default()));
    }

    #[test]
    fn old_groups_go_but_the_last_two_stay() {
        let (mut ring, start) = (Ring::new(LIMITS, 1, 1500), Instant::now());
        for second in 0..30_u64 {
            ring.push(
                second,
                batch(start + Duration::from_secs(second), 10, second % 10 == 0, 0),
            );
        }
        assert_eq!(ring.first(), 10);
    }

    #[test]
    fn a_gap_empties_the_ring() {
        let (mut ring, now) = (Ring::new(LIMITS, 1, 1500), Instant::now());
        ring.push(0, batch(now, 10, true, 0));
        ring.push(5, batch(now, 10, false, 0));
        assert_eq!((ring.first(), ring.end()), (5, 6));
        assert_eq!(ring.random_access(video()), None);
    }

    #[test]
    fn places_are_the_same_in_entries_frames_and_groups() {
        let (mut ring, now) = (Ring::new(LIMITS, 1, 1500), Instant::now());
        let mut builder = BatchBuilder::default();
        for (sequence, media) in [0, 1, 0, 1, 1].into_iter().enumerate() {
            let mark = Mark {
                kind: Kind::Rtp,
                sequence: sequence as u16,
                media,
                ..Mark::rtcp(0)
            };
            assert!(builder.push_copy(mark, media * 2, &[0; 20]));
        }
        ring.push(0, Arc::new(builder.finish(now).unwrap()));
        ring.push(1, batch(now, 10, false, 9));
        let mut second = Layout::default();
        second.set(1, Some((0, 1)));
        let (both, second) = (
            ring.intern(Layout::canonical(2), Seal::Plain),
            ring.intern(second, Seal::Plain),
        );
        let at = |item| Position { batch: 0, item };
        for entry in 0..=5 {
            assert_eq!(ring.frame_of_entry(at(entry), both), at(entry));
            assert_eq!(ring.entry_of_frame(at(entry), both), at(entry));
            assert_eq!(ring.group_of_entry(at(entry), Seal::Plain), at(entry));
            assert_eq!(ring.entry_of_group(at(entry), Seal::Plain), at(entry));
        }
        for (frame, entry) in [(0, 1), (1, 3), (2, 4), (3, 5)] {
            assert_eq!(ring.entry_of_frame(at(frame), second), at(entry));
            assert_eq!(ring.frame_of_entry(at(entry), second), at(frame));
        }
        assert_eq!(
            ring.first_packet(at(3), 0),
            Some((9, 0)),
            "in the next batch"
        );
        assert_eq!(ring.first_packet(at(4), 1), Some((4, 0)));
    }

    #[test]
    fn packets_are_numbered_over_batches_and_gaps() {
        let (mut ring, now) = (Ring::new(LIMITS, 1, 1500), Instant::now());
        let mut builder = BatchBuilder::default();
        let mut batch = |packets: &[(u8, Kind)]| {
            for (media, kind) in packets {
                let mark = Mark {
                    kind: *kind,
                    ..Mark::rtcp(*media)
                };
                assert!(builder.push_copy(mark, 0, &[0; 20]));
            }
            Arc::new(builder.finish(now).unwrap())
        };
        let at = |batch, item| Position { batch, item };
        ring.push(0, batch(&[(0, Kind::Rtp), (0, Kind::Rtcp), (1, Kind::Rtp)]));
        ring.push(1, batch(&[(0, Kind::Rtp), (0, Kind::Rtp)]));
        assert_eq!(ring.packets_before(at(0, 0), 0), Some(0));
        assert_eq!(ring.packets_before(at(0, 2), 0), Some(1));
        assert_eq!(ring.packets_before(at(1, 1), 0), Some(2));
        assert_eq!(ring.packets_before(at(1, 1), 1), Some(1));
        assert_eq!(ring.packets_before(ring.live(), 0), Some(3));
        assert_eq!(ring.packets_before(at(3, 0), 0), None);
        // Two batches that never came.
        let lost = [batch(&[(0, Kind::Rtp)]), batch(&[(1, Kind::Rtp)])];
        ring.push(4, batch(&[(1, Kind::Rtp)]));
        assert_eq!(lost.len(), 2);
        assert_eq!(ring.packets_before(at(2, 0), 0), Some(3), "before the gap");
        assert_eq!(ring.packets_before(at(2, 0), 1), Some(1));
        assert_eq!(ring.packets_before(at(3, 0), 0), None, "within it");
        assert_eq!(ring.packets_before(at(4, 0), 0), Some(4), "behind it");
        assert_eq!(ring.packets_before(at(4, 0), 1), Some(2));
        assert_eq!(ring.packets_before(ring.live(), 1), Some(3));
    }

    #[test]
    fn forms_are_made_once_and_shared() {
        let (mut ring, now) = (Ring::new(LIMITS, 1, 1500), Instant::now());
        ring.push(0, batch(now, 10, true, 0));
        let (a, b) = (
            ring.intern(Layout::canonical(1), Seal::Plain),
            ring.intern(Layout::canonical(1), Seal::Plain),
        );
        assert_eq!(a, b);
        assert!(Rc::ptr_eq(
            &ring.framed(0, a).unwrap(),
            &ring.framed(0, b).unwrap()
        ));
        assert!(Rc::ptr_eq(
            &ring.datagrams(0).unwrap(),
            &ring.datagrams(0).unwrap()
        ));
        assert!(ring.framed(1, a).is_none());
        ring.release_layout(a);
        assert!(ring.framed(0, b).is_some(), "one reader still has it");
        ring.release_layout(b);
        assert!(ring.framed(0, b).is_none());
        assert_ne!(
            ring.intern(Layout::canonical(1), Seal::Plain),
            b,
            "numbers are not used again"
        );
    }
}
