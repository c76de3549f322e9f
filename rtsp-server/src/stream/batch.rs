//! What one read produced: packets of one stream, shared by all its readers.

use std::time::Instant;

use bytes::{BufMut as _, Bytes, BytesMut};
use smallvec::SmallVec;

/// Most media that one stream may have: a set of them fits a word.
pub(crate) const MAX_MEDIA: usize = 32;

/// Length of the `$`, channel, length prefix (RFC 7826 §14).
pub(crate) const PREFIX: usize = 4;

/// What a packet may grow by, with its prefix, when it is written anew.
const ROOM: usize = 32;

/// Which of the two packet flows of a media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Rtp,
    Rtcp,
}

/// A set of media indices below [`MAX_MEDIA`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MediaSet(u32);

impl MediaSet {
    pub(crate) fn insert(&mut self, media: u8) {
        self.0 |= 1_u32.checked_shl(media.into()).unwrap_or(0);
    }

    pub(crate) fn remove(&mut self, media: u8) {
        self.0 &= !1_u32.checked_shl(media.into()).unwrap_or(0);
    }

    pub(crate) fn contains(self, media: u8) -> bool {
        self.0 & 1_u32.checked_shl(media.into()).unwrap_or(0) != 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..MAX_MEDIA as u8).filter(move |media| self.contains(*media))
    }
}

impl FromIterator<u8> for MediaSet {
    fn from_iter<I: IntoIterator<Item = u8>>(media: I) -> Self {
        let mut set = Self::default();
        media.into_iter().for_each(|media| set.insert(media));
        set
    }
}

/// Where one packet lies in a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) media: u8,
    pub(crate) kind: Kind,
    /// Index into the chunks of the batch.
    pub(crate) chunk: u16,
    /// First byte of the packet in the chunk; its prefix stands before it.
    pub(crate) start: u32,
    pub(crate) len: u16,
    /// RTP sequence number; 0 for RTCP.
    pub(crate) sequence: u16,
    /// RTP timestamp; 0 for RTCP.
    pub(crate) timestamp: u32,
    /// How often the sequence number has rolled over, where packets may be sealed.
    pub(crate) roc: u32,
}

/// Packets of one stream that arrived together, in order. Immutable once made and shared by every
/// reader on every shard.
#[derive(Debug)]
pub(crate) struct Batch {
    chunks: SmallVec<[Bytes; 1]>,
    entries: Box<[Entry]>,
    /// The media that begin a random-access point with the first packet of this batch.
    starts: MediaSet,
    arrived: Instant,
    bytes: usize,
    /// RTP packets of each media that the stream had before this batch.
    before: Counts,
}

/// RTP packets of a stream since it began, by media.
pub(crate) type Counts = SmallVec<[u64; 2]>;

fn count(counts: &mut Counts, media: u8) {
    let media = usize::from(media);
    if counts.len() <= media {
        counts.resize(media + 1, 0);
    }
    if let Some(count) = counts.get_mut(media) {
        *count += 1;
    }
}

impl Batch {
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn starts(&self) -> MediaSet {
        self.starts
    }

    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// What the batch costs in memory: the bytes of its buffers.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// RTP packets of a media that the stream had before the entry `item` of this batch.
    pub(crate) fn packets_before(&self, item: u32, media: u8) -> u64 {
        let entries = self.entries.iter().take(item as usize);
        let here = entries.filter(|entry| entry.media == media && entry.kind == Kind::Rtp);
        let before = self.before.get(usize::from(media)).copied();
        before.unwrap_or(0) + here.count() as u64
    }

    /// RTP packets of each media that the stream had with this batch.
    pub(crate) fn counts_after(&self) -> Counts {
        let mut counts = self.before.clone();
        for entry in self.entries.iter().filter(|entry| entry.kind == Kind::Rtp) {
            count(&mut counts, entry.media);
        }
        counts
    }

    /// The packet without its prefix.
    pub(crate) fn packet(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        self.chunks
            .get(usize::from(entry.chunk))
            .and_then(|chunk| chunk.get(start..start + usize::from(entry.len)))
            .unwrap_or_default()
    }

    /// The packet without its prefix, sharing the buffer.
    pub(crate) fn packet_bytes(&self, entry: &Entry) -> Bytes {
        let start = entry.start as usize;
        self.chunks
            .get(usize::from(entry.chunk))
            .filter(|chunk| chunk.len() >= start + usize::from(entry.len))
            .map(|chunk| chunk.slice(start..start + usize::from(entry.len)))
            .unwrap_or_default()
    }

    /// The bytes `from..to` of a chunk, none where they are not there.
    pub(crate) fn chunk(&self, chunk: u16, from: u32, to: u32) -> Option<Bytes> {
        let chunk = self.chunks.get(usize::from(chunk))?;
        (from <= to && to as usize <= chunk.len()).then(|| chunk.slice(from as usize..to as usize))
    }

    /// The same batch with other packets: `write` appends the one that takes the place of each.
    pub(crate) fn map(&self, mut write: impl FnMut(&Entry, &[u8], &mut BytesMut)) -> Self {
        let mut chunk = BytesMut::with_capacity(self.bytes + self.entries.len() * ROOM);
        let mut entries = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let channel = entry.media * 2 + u8::from(entry.kind == Kind::Rtcp);
            chunk.put_slice(&[b'$', channel, 0, 0]);
            let start = chunk.len();
            write(entry, self.packet(entry), &mut chunk);
            let len = u16::try_from(chunk.len() - start).unwrap_or(0);
            chunk.truncate(start + usize::from(len));
            if let Some(prefix) = chunk.get_mut(start - 2..start) {
                prefix.copy_from_slice(&len.to_be_bytes());
            }
            entries.push(Entry {
                chunk: 0,
                start: start as u32,
                len,
                ..*entry
            });
        }
        let bytes = chunk.len() + std::mem::size_of_val(&*entries);
        Self {
            chunks: SmallVec::from_iter([chunk.freeze()]),
            entries: entries.into_boxed_slice(),
            starts: self.starts,
            arrived: self.arrived,
            bytes,
            before: self.before.clone(),
        }
    }

    /// The channel in the prefix that the packet is stored with.
    pub(crate) fn stored_channel(&self, entry: &Entry) -> Option<u8> {
        let at = (entry.start as usize).checked_sub(PREFIX - 1)?;
        self.chunks.get(usize::from(entry.chunk))?.get(at).copied()
    }
}

/// Collects the packets of one batch.
#[derive(Debug, Default)]
pub(crate) struct BatchBuilder {
    chunks: SmallVec<[Bytes; 1]>,
    entries: Vec<Entry>,
    arena: BytesMut,
    starts: MediaSet,
    /// RTP packets by media before the batch that is made, and with it.
    before: Counts,
    counts: Counts,
}

/// What is known of a packet before its place is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) media: u8,
    pub(crate) kind: Kind,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) random_access: bool,
    /// How often the sequence number has rolled over, where packets may be sealed.
    pub(crate) roc: u32,
}

impl Mark {
    pub(crate) fn rtcp(media: u8) -> Self {
        Self {
            media,
            kind: Kind::Rtcp,
            sequence: 0,
            timestamp: 0,
            random_access: false,
            roc: 0,
        }
    }
}

impl BatchBuilder {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a packet that stands with its prefix in `buffer` at `start`. Consecutive packets of the
    /// same buffer share one chunk.
    pub(crate) fn push_framed(&mut self, mark: Mark, buffer: &Bytes, start: u32, len: u16) {
        self.seal_arena();
        let shares = self.chunks.last().is_some_and(|chunk| {
            std::ptr::eq(chunk.as_ptr(), buffer.as_ptr()) && chunk.len() == buffer.len()
        });
        if !shares {
            self.chunks.push(buffer.clone());
        }
        self.add(mark, start, len);
    }

    /// Copies a packet in and frames it for `channel`. Packets over 65,535 bytes cannot be framed and are
    /// refused.
    pub(crate) fn push_copy(&mut self, mark: Mark, channel: u8, packet: &[u8]) -> bool {
        let Ok(len) = u16::try_from(packet.len()) else {
            return false;
        };
        if self.arena.is_empty() {
            // The arena becomes the chunk after those that are there when it is sealed.
            self.arena.reserve(packet.len() + PREFIX);
        }
        self.arena.put_u8(b'$');
        self.arena.put_u8(channel);
        self.arena.put_u16(len);
        let start = self.arena.len() as u32;
        self.arena.put_slice(packet);
        let chunk = self.chunks.len() as u16;
        self.add_at(mark, chunk, start, len);
        true
    }

    /// Ends the batch; `None` when it holds no packet.
    pub(crate) fn finish(&mut self, arrived: Instant) -> Option<Batch> {
        if self.entries.is_empty() {
            return None;
        }
        self.seal_arena();
        let chunks = std::mem::take(&mut self.chunks);
        let entries = std::mem::take(&mut self.entries).into_boxed_slice();
        let bytes = chunks.iter().map(Bytes::len).sum::<usize>() + std::mem::size_of_val(&*entries);
        Some(Batch {
            chunks,
            entries,
            starts: std::mem::take(&mut self.starts),
            arrived,
            bytes,
            before: std::mem::replace(&mut self.before, self.counts.clone()),
        })
    }

    fn seal_arena(&mut self) {
        if !self.arena.is_empty() {
            self.chunks.push(self.arena.split().freeze());
        }
    }

    fn add(&mut self, mark: Mark, start: u32, len: u16) {
        let chunk = self.chunks.len().saturating_sub(1) as u16;
        self.add_at(mark, chunk, start, len);
    }

    fn add_at(&mut self, mark: Mark, chunk: u16, start: u32, len: u16) {
        if mark.random_access && self.entries.is_empty() {
            self.starts.insert(mark.media);
        }
        let Mark {
            media,
            kind,
            sequence,
            timestamp,
            roc,
            ..
        } = mark;
        if kind == Kind::Rtp {
            count(&mut self.counts, media);
        }
        self.entries.push(Entry {
            media,
            kind,
            chunk,
            start,
            len,
            sequence,
            timestamp,
            roc,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(media: u8, random_access: bool) -> Mark {
        Mark {
            media,
            kind: Kind::Rtp,
            sequence: 7,
            timestamp: 9,
            random_access,
            roc: 0,
        }
    }

    #[test]
    fn framed_packets_share_the_read_buffer() {
        let buffer = Bytes::from_static(b"$\x00\x00\x02ab$\x02\x00\x01c");
        let mut builder = BatchBuilder::default();
        builder.push_framed(mark(0, true), &buffer, 4, 2);
        builder.push_framed(mark(1, false), &buffer, 10, 1);
        let batch = builder.finish(Instant::now()).unwrap();
        assert_eq!(batch.packet(&batch.entries()[0]), b"ab");
        assert_eq!(batch.chunk(0, 6, 11).unwrap(), &b"$\x02\x00\x01c"[..]);
        assert_eq!(
            batch.packet(&batch.entries()[1]).as_ptr(),
            buffer[10..].as_ptr(),
            "copied"
        );
        assert!(batch.starts().contains(0) && !batch.starts().contains(1));
        assert!(builder.is_empty());
    }

    #[test]
    fn copied_and_shared_packets_keep_their_order_and_bytes() {
        let buffer = Bytes::from_static(b"$\x05\x00\x01z");
        let mut builder = BatchBuilder::default();
        assert!(builder.push_copy(mark(0, false), 0, b"first"));
        assert!(builder.push_copy(mark(0, true), 0, b"second"));
        builder.push_framed(mark(1, false), &buffer, 4, 1);
        assert!(builder.push_copy(mark(0, false), 1, b"last"));
        let batch = builder.finish(Instant::now()).unwrap();
        let packets: Vec<_> = batch
            .entries()
            .iter()
            .map(|e| batch.packet(e).to_vec())
            .collect();
        assert_eq!(packets, [&b"first"[..], b"second", b"z", b"last"]);
        assert_eq!(batch.stored_channel(&batch.entries()[2]), Some(5));
        assert_eq!(batch.stored_channel(&batch.entries()[3]), Some(1));
        assert_eq!(
            batch.starts(),
            MediaSet::default(),
            "only the first packet may start one"
        );
    }

    #[test]
    fn a_packet_that_no_prefix_can_announce_is_refused() {
        let mut builder = BatchBuilder::default();
        assert!(!builder.push_copy(mark(0, false), 0, &[0; 65_536]));
        assert!(builder.finish(Instant::now()).is_none());
    }
}
