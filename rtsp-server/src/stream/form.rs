//! A batch as it goes out: framed for a layout, or as datagrams. Made once per batch and layout on a
//! shard, shared by all readers there.

use bytes::{BufMut as _, Bytes, BytesMut};
use rtsp_session::transport::framing;
use smallvec::SmallVec;

use super::{
    batch::{Batch, Entry, Kind, PREFIX},
    layout::Layout,
};

/// The frames of one batch for one layout.
#[derive(Debug)]
pub(crate) struct Framed {
    /// Concatenated, they are the bytes to write.
    pub(crate) chunks: SmallVec<[Bytes; 1]>,
    /// Where each frame ends in the concatenation.
    pub(crate) ends: Box<[u32]>,
}

impl Framed {
    /// Frames `batch` for `layout`.
    pub(crate) fn new(batch: &Batch, layout: &Layout) -> Self {
        match layout {
            Layout::Channels(_) => Self::interleaved(batch, layout),
            Layout::Flow { .. } => Self::behind_lengths(batch, layout),
        }
    }

    /// Packets behind two octets of length each (RFC 4571 §2): one copy, which all readers of the flow share.
    fn behind_lengths(batch: &Batch, layout: &Layout) -> Self {
        let carried = || batch.entries().iter().filter(|entry| layout.carries(entry));
        let total = carried().map(|entry| usize::from(entry.len) + framing::PREFIX);
        let mut copied = BytesMut::with_capacity(total.sum());
        let mut ends = Vec::new();
        for entry in carried() {
            copied.put_u16(entry.len);
            copied.put_slice(batch.packet(entry));
            ends.push(copied.len() as u32);
        }
        Self {
            chunks: (!copied.is_empty())
                .then(|| copied.freeze())
                .into_iter()
                .collect(),
            ends: ends.into_boxed_slice(),
        }
    }

    /// `$` frames, sharing the stored bytes where their prefixes already fit.
    fn interleaved(batch: &Batch, layout: &Layout) -> Self {
        let mut chunks = SmallVec::<[Bytes; 1]>::new();
        let mut ends = Vec::with_capacity(batch.entries().len());
        let mut copied = BytesMut::new();
        let mut run = None::<Run>;
        let mut end = 0_u32;
        for entry in batch.entries() {
            let Some(channel) = layout.channel(entry.media, entry.kind) else {
                continue;
            };
            end += u32::from(entry.len) + PREFIX as u32;
            ends.push(end);
            if batch.stored_channel(entry) == Some(channel) {
                if !copied.is_empty() {
                    chunks.push(copied.split().freeze());
                }
                match &mut run {
                    Some(run) if run.continues(entry) => {
                        run.to = entry.start + u32::from(entry.len);
                    }
                    _ => {
                        flush(&mut run, batch, &mut chunks);
                        run = Some(Run::new(entry));
                    }
                }
            } else {
                flush(&mut run, batch, &mut chunks);
                copied.reserve(usize::from(entry.len) + PREFIX);
                copied.put_slice(&[b'$', channel]);
                copied.put_u16(entry.len);
                copied.put_slice(batch.packet(entry));
            }
        }
        flush(&mut run, batch, &mut chunks);
        if !copied.is_empty() {
            chunks.push(copied.freeze());
        }
        Self {
            chunks,
            ends: ends.into_boxed_slice(),
        }
    }

    /// Bytes in all.
    pub(crate) fn len(&self) -> u32 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Where frame `item` begins.
    pub(crate) fn start(&self, item: u32) -> u32 {
        match item.checked_sub(1) {
            Some(before) => self
                .ends
                .get(before as usize)
                .copied()
                .unwrap_or_else(|| self.len()),
            None => 0,
        }
    }

    /// The chunks from byte `from` on.
    pub(crate) fn from(&self, from: u32) -> impl Iterator<Item = &[u8]> {
        let mut skip = from as usize;
        self.chunks.iter().filter_map(move |chunk| {
            let skipped = skip.min(chunk.len());
            skip -= skipped;
            chunk.get(skipped..).filter(|rest| !rest.is_empty())
        })
    }

    /// The frame in which byte `at` lies, and the rest of that frame from `at` on, empty where `at` is where a
    /// frame begins.
    pub(crate) fn split(&self, at: u32) -> (u32, Bytes) {
        let item = self.ends.partition_point(|end| *end <= at) as u32;
        if self.start(item) == at {
            return (item, Bytes::new());
        }
        let mut left = (self.start(item + 1) - at) as usize;
        let mut rest = BytesMut::with_capacity(left);
        for piece in self.from(at) {
            let taken = piece.get(..left.min(piece.len())).unwrap_or_default();
            rest.put_slice(taken);
            left -= taken.len();
            if left == 0 {
                break;
            }
        }
        (item + 1, rest.freeze())
    }
}

/// Consecutive stored frames of one chunk.
struct Run {
    chunk: u16,
    from: u32,
    to: u32,
}

impl Run {
    fn new(entry: &Entry) -> Self {
        Self {
            chunk: entry.chunk,
            from: entry.start - PREFIX as u32,
            to: entry.start + u32::from(entry.len),
        }
    }

    fn continues(&self, entry: &Entry) -> bool {
        self.chunk == entry.chunk && self.to == entry.start - PREFIX as u32
    }
}

fn flush(run: &mut Option<Run>, batch: &Batch, chunks: &mut SmallVec<[Bytes; 1]>) {
    if let Some(run) = run.take() {
        chunks.extend(batch.chunk(run.chunk, run.from, run.to));
    }
}

/// Most segments that one send call takes (the kernel's `UDP_MAX_SEGMENTS` is 64 or more).
const MAX_SEGMENTS: usize = 64;
/// Most bytes that one send call takes: what fits an IPv4 datagram before it is cut into segments.
const MAX_GROUP: usize = 65_507;

/// Datagrams of one media that go out with one call: equal in size, but for a shorter last one.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) media: u8,
    pub(crate) kind: Kind,
    pub(crate) contents: Bytes,
    /// Size of each segment; `None` for a single datagram.
    pub(crate) segment: Option<u16>,
    pub(crate) packets: u16,
}

/// The datagrams of one batch, in order.
#[derive(Debug)]
pub(crate) struct Datagrams {
    pub(crate) groups: Box<[Group]>,
}

impl Datagrams {
    /// Groups the packets of `batch`; `segments` is the most that one call may carry here, `mtu` the largest
    /// segment that is sent so.
    pub(crate) fn new(batch: &Batch, segments: usize, mtu: u16) -> Self {
        let limit = segments.clamp(1, MAX_SEGMENTS);
        let mut groups = Vec::new();
        let mut rest = batch.entries();
        while let Some(first) = rest.first() {
            let count = if first.len > mtu {
                1
            } else {
                run_length(rest, limit)
            };
            let (run, after) = rest.split_at(count);
            groups.push(group(batch, first, run));
            rest = after;
        }
        Self {
            groups: groups.into_boxed_slice(),
        }
    }
}

/// How many entries from the first on can share a call.
fn run_length(entries: &[Entry], limit: usize) -> usize {
    let Some(first) = entries.first() else {
        return 0;
    };
    let mut bytes = 0;
    let mut count = 0;
    for entry in entries.iter().take(limit) {
        let same =
            entry.media == first.media && entry.kind == first.kind && entry.kind == Kind::Rtp;
        bytes += usize::from(entry.len);
        if count > 0 && (!same || entry.len > first.len || bytes > MAX_GROUP) {
            break;
        }
        count += 1;
        if entry.len < first.len || !same {
            break;
        }
    }
    count
}

fn group(batch: &Batch, first: &Entry, run: &[Entry]) -> Group {
    let (contents, segment) = if run.len() == 1 {
        (batch.packet_bytes(first), None)
    } else {
        let mut contents =
            BytesMut::with_capacity(run.iter().map(|entry| usize::from(entry.len)).sum());
        run.iter()
            .for_each(|entry| contents.put_slice(batch.packet(entry)));
        (contents.freeze(), Some(first.len))
    };
    Group {
        media: first.media,
        kind: first.kind,
        contents,
        segment,
        packets: run.len() as u16,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::batch::{BatchBuilder, Mark};
    use super::*;

    fn batch(packets: &[(u8, Kind, &[u8])]) -> Batch {
        let mut builder = BatchBuilder::default();
        for (media, kind, packet) in packets {
            let channel = media * 2 + u8::from(*kind == Kind::Rtcp);
            let mark = Mark {
                kind: *kind,
                ..Mark::rtcp(*media)
            };
            assert!(builder.push_copy(mark, channel, packet));
        }
        builder.finish(Instant::now()).unwrap()
    }

    fn bytes(framed: &Framed, from: u32) -> Vec<u8> {
        framed.from(from).flatten().copied().collect()
    }

    const MIXED: &[(u8, Kind, &[u8])] = &[
        (0, Kind::Rtp, b"v1"),
        (1, Kind::Rtp, b"a"),
        (0, Kind::Rtcp, b"sr"),
        (0, Kind::Rtp, b"v2"),
    ];

    #[test]
    fn the_stored_layout_is_one_chunk_without_a_copy() {
        let batch = batch(MIXED);
        let framed = Framed::new(&batch, &Layout::canonical(2));
        assert_eq!(framed.chunks.len(), 1);
        assert_eq!(
            framed.chunks[0].as_ptr(),
            batch.chunk(0, 0, 1).unwrap().as_ptr()
        );
        assert_eq!(
            bytes(&framed, 0),
            b"$\x00\x00\x02v1$\x02\x00\x01a$\x01\x00\x02sr$\x00\x00\x02v2"
        );
        assert_eq!(&*framed.ends, [6, 11, 17, 23]);
    }

    #[test]
    fn media_that_were_not_set_up_are_left_out_and_others_renumbered() {
        let batch = batch(MIXED);
        let mut layout = Layout::default();
        layout.set(0, Some((6, 7)));
        let framed = Framed::new(&batch, &layout);
        assert_eq!(
            bytes(&framed, 0),
            b"$\x06\x00\x02v1$\x07\x00\x02sr$\x06\x00\x02v2"
        );
        let mut only_audio = Layout::default();
        only_audio.set(1, Some((2, 3)));
        let framed = Framed::new(&batch, &only_audio);
        assert_eq!(bytes(&framed, 0), b"$\x02\x00\x01a");
        assert_eq!(Framed::new(&batch, &Layout::default()).len(), 0);
    }

    #[test]
    fn a_flow_of_its_own_has_lengths_before_its_packets() {
        let batch = batch(MIXED);
        for (rtp, rtcp, expected) in [
            (true, false, &b"\x00\x02v1\x00\x02v2"[..]),
            (false, true, b"\x00\x02sr"),
            (true, true, b"\x00\x02v1\x00\x02sr\x00\x02v2"),
        ] {
            let layout = Layout::Flow {
                media: 0,
                rtp,
                rtcp,
            };
            let framed = Framed::new(&batch, &layout);
            assert_eq!(bytes(&framed, 0), expected);
            assert_eq!(framed.len() as usize, expected.len());
            let (item, tail) = framed.split(1);
            assert_eq!((item, &tail[..]), (1, &expected[1..4]));
        }
    }

    #[test]
    fn a_partial_write_splits_at_the_next_frame() {
        let batch = batch(MIXED);
        let framed = Framed::new(&batch, &Layout::canonical(2));
        let whole = bytes(&framed, 0);
        for written in 0..whole.len() as u32 {
            let (item, tail) = framed.split(written);
            let mut joined = whole[..written as usize].to_vec();
            joined.extend_from_slice(&tail);
            assert_eq!(joined.len() as u32, framed.start(item), "frame boundary");
            joined.extend(bytes(&framed, framed.start(item)));
            assert_eq!(joined, whole);
        }
    }

    #[test]
    fn equal_datagrams_share_a_call_and_a_shorter_one_ends_it() {
        let packets: &[(u8, Kind, &[u8])] = &[
            (0, Kind::Rtp, b"aaaa"),
            (0, Kind::Rtp, b"bbbb"),
            (0, Kind::Rtp, b"cc"),
            (0, Kind::Rtp, b"dd"),
            (1, Kind::Rtp, b"ee"),
            (0, Kind::Rtcp, b"sr"),
            (0, Kind::Rtcp, b"by"),
            (0, Kind::Rtp, b"ffff"),
        ];
        let batch = batch(packets);
        let shape = |segments, mtu| {
            Datagrams::new(&batch, segments, mtu)
                .groups
                .iter()
                .map(|g| (g.contents.to_vec(), g.segment))
                .collect::<Vec<_>>()
        };
        let together = shape(64, 1500);
        assert_eq!(together[0], (b"aaaabbbbcc".to_vec(), Some(4)));
        assert_eq!(together[1], (b"dd".to_vec(), None));
        assert_eq!(together.len(), 6);
        assert_eq!(
            shape(1, 1500).len(),
            packets.len(),
            "without segmentation one call a packet"
        );
        assert_eq!(
            shape(64, 3)[0],
            (b"aaaa".to_vec(), None),
            "over the path MTU nothing is grouped"
        );
    }

    #[test]
    fn a_larger_datagram_never_joins_a_group_of_smaller_ones() {
        let batch = batch(&[
            (0, Kind::Rtp, b"aa"),
            (0, Kind::Rtp, b"bbbb"),
            (0, Kind::Rtp, b"cccc"),
        ]);
        let groups = Datagrams::new(&batch, 64, 1500).groups;
        assert_eq!(groups.len(), 2);
        assert_eq!(
            (&groups[0].contents[..], groups[1].segment),
            (&b"aa"[..], Some(4))
        );
    }
}
