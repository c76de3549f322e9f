//! Packets to access units, beside `retina` and webrtc-rs `rtp`.
//!
//! All start from whole RTP packets, are handed each through a buffer that it is copied into (what a read from
//! a socket does), and end with one contiguous access unit of NAL units behind their lengths. `retina` has no public way in;
//! this is the one that its own bench uses: its parser of headers, its ring buffer, its depacketizer, without the
//! timeline and the loss accounting that come between in its client. Ours does its loss accounting.

use std::hint::black_box;
use std::num::NonZeroU32;

use bytes::{Bytes, BytesMut};
use criterion::Criterion;
use rtp_core::{Codec, Depacketizer, Packet, Packetizer, PacketizerConfig, nal};
use webrtc_rtp::packetizer::Depacketizer as _;
use webrtc_util::marshal::Unmarshal;

use crate::contest::{AS_FAST, Contest, Table, each};

/// Those of a small camera picture; all three take them from here.
const FMTP: &str = "packetization-mode=1;profile-level-id=42C01E;\
                    sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==";

/// The pictures of a second.
const PICTURES: usize = 25;

/// Bytes as an encoder makes them: any value, with emulation prevention where it is due.
fn slice(first: u8, length: usize, random: &mut u32) -> Vec<u8> {
    let mut slice = vec![first, 0x88];
    let mut zeros = 0;
    while slice.len() < length {
        *random ^= *random << 13;
        *random ^= *random >> 17;
        *random ^= *random << 5;
        let byte = (*random >> 24) as u8;
        if zeros >= 2 && byte <= 3 {
            slice.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        slice.push(byte);
    }
    slice.push(0x80);
    slice
}

/// A second of video in packets of up to 1200 bytes: a key frame with its parameter sets, then others, each of
/// `slices` slices that are `length` bytes together.
fn second(length: usize, slices: usize) -> Vec<Vec<u8>> {
    let parameters = rtp_core::h264::Parameters::from_fmtp(FMTP).expect("parameter sets");
    let config = PacketizerConfig {
        max_payload: 1188,
        ..PacketizerConfig::default()
    };
    let mut packetizer = Packetizer::new(Codec::H264, config).expect("H.264");
    let mut random = 0x1234_5678;
    for picture in 0..PICTURES {
        let first = if picture == 0 { 0x65 } else { 0x41 };
        let pictures: Vec<_> = (0..slices)
            .map(|_| slice(first, length / slices, &mut random))
            .collect();
        let sets = [&parameters.sps[..], &parameters.pps].into_iter();
        let units = sets
            .filter(|_| picture == 0)
            .chain(pictures.iter().map(Vec::as_slice));
        let frame = nal::length_prefixed(units);
        packetizer
            .push(&frame, picture as u32 * 3600)
            .expect("a frame");
    }
    std::iter::from_fn(|| packetizer.pop())
        .map(|bytes| bytes.to_vec())
        .collect()
}

/// Packets that go on where they ended, again and again.
struct Stream {
    packets: Vec<Vec<u8>>,
    sequence: u16,
}

impl Stream {
    fn new(packets: &[Vec<u8>]) -> Self {
        Self {
            packets: packets.to_vec(),
            sequence: 0,
        }
    }

    fn each(&mut self, mut take: impl FnMut(&[u8])) {
        for packet in &mut self.packets {
            packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
            self.sequence = self.sequence.wrapping_add(1);
            take(black_box(packet));
        }
    }
}

/// What came out: frames, key frames, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Out {
    frames: usize,
    keys: usize,
    bytes: usize,
}

impl Out {
    fn frame(&mut self, frame: &[u8], key: bool) {
        self.frames += 1;
        self.keys += usize::from(key);
        self.bytes += black_box(frame).len();
    }
}

/// The buffer that reads go to: as large as the server's.
const READ: usize = 256 << 10;

fn copied(read: &mut BytesMut, bytes: &[u8]) -> Bytes {
    if read.capacity() < bytes.len() {
        read.reserve(READ);
    }
    read.extend_from_slice(bytes);
    read.split().freeze()
}

fn ours(packets: &[Vec<u8>]) -> impl FnMut() -> Out {
    let mut stream = Stream::new(packets);
    let mut read = BytesMut::new();
    let mut depacketizer = Depacketizer::new(Codec::H264, 90_000, None, Some(FMTP)).expect("H.264");
    move || {
        let mut out = Out::default();
        stream.each(|bytes| {
            let packet = Packet::parse(copied(&mut read, bytes)).expect("a packet");
            depacketizer.push(&packet).expect("a good packet");
            while let Some(frame) = depacketizer.pop() {
                out.frame(&frame.payload, frame.random_access);
            }
        });
        out
    }
}

fn retina(packets: &[Vec<u8>]) -> impl FnMut() -> Out {
    let mut stream = Stream::new(packets);
    let mut read = retina::testutil::DepacketizeBuf::new(READ);
    let mut depacketizer =
        retina::codec::Depacketizer::new("video", "h264", 90_000, None, Some(FMTP)).expect("H.264");
    let clock_rate = NonZeroU32::new(90_000).expect("not 0");
    move || {
        let mut out = Out::default();
        stream.each(|bytes| {
            let (header, payload) = retina::rtp::PacketHeader::validate(bytes).expect("a packet");
            let meta = retina::rtp::PacketMeta {
                ctx: retina::PacketContext::dummy(),
                stream_id: 0,
                timestamp: retina::Timestamp::new(header.timestamp().into(), clock_rate, 0)
                    .expect("a timestamp"),
                sequence_number: header.sequence_number(),
                ssrc: header.ssrc(),
                mark: header.mark(),
                loss: 0,
            };
            let payload = &bytes[usize::from(payload.start)..usize::from(payload.end)];
            read.push(&mut depacketizer, meta, payload)
                .expect("a good packet");
            while let Some(item) = depacketizer.pull() {
                if let Ok(retina::codec::CodecItem::VideoFrame(frame)) = item {
                    out.frame(frame.data(), frame.is_random_access_point());
                }
            }
        });
        out
    }
}

/// Knows NAL units, not access units: they are strung together here, and a key frame is told by its slice.
fn webrtc(packets: &[Vec<u8>]) -> impl FnMut() -> Out {
    let mut stream = Stream::new(packets);
    let mut read = BytesMut::new();
    let mut depacketizer = webrtc_rtp::codecs::h264::H264Packet::default();
    depacketizer.is_avc = true;
    let mut frame = Vec::new();
    let mut key = false;
    move || {
        let mut out = Out::default();
        stream.each(|bytes| {
            let packet = webrtc_rtp::packet::Packet::unmarshal(&mut copied(&mut read, bytes))
                .expect("a packet");
            let units = depacketizer
                .depacketize(&packet.payload)
                .expect("a good packet");
            key |= units.get(4).is_some_and(|first| first & 0x1f == 5);
            frame.extend_from_slice(&units);
            if packet.header.marker {
                out.frame(&std::mem::take(&mut frame), std::mem::take(&mut key));
            }
        });
        out
    }
}

pub(crate) fn contests(criterion: &mut Criterion, table: &mut Table) {
    for (name, length, slices) in [
        ("4 Mbit/s", 20_000, 1),
        ("500 kbit/s", 2_300, 1),
        ("20 Mbit/s, 8 slices", 100_000, 8),
        ("small slices", 9_000, 9),
    ] {
        let packets = second(length, slices);
        let out = ours(&packets)();
        assert_eq!((out.frames, out.keys), (PICTURES, 1));
        assert_eq!(out, retina(&packets)(), "both make the same of it");
        assert_eq!(out, webrtc(&packets)(), "all make the same of it");
        Contest::new(
            format!("H.264, {name}"),
            packets.len(),
            each(ours(&packets)),
        )
        .against("retina", AS_FAST, each(retina(&packets)))
        .against("webrtc-rs rtp", AS_FAST, each(webrtc(&packets)))
        .run(criterion, table);
    }
}
