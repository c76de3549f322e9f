//! Payload formats: packets in any order with any contents, and frames on their way there and back.

use super::memory;
use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use rtp_core::{Codec, Depacketizer, Frame, Header, Packet, Packetizer, PacketizerConfig, nal};

/// A format as a description gives it.
pub(crate) struct Format {
    pub(crate) codec: Codec,
    pub(crate) clock_rate: u32,
    pub(crate) channels: u8,
    pub(crate) fmtp: Option<&'static str>,
}

const fn format(codec: Codec, clock_rate: u32, channels: u8, fmtp: Option<&'static str>) -> Format {
    Format {
        codec,
        clock_rate,
        channels,
        fmtp,
    }
}

/// Every format with a depacketizer. New ones go to the end: seeds name them by their number.
pub(crate) const FORMATS: &[Format] = &[
    format(
        Codec::H264,
        90_000,
        0,
        Some("sprop-parameter-sets=Z2QAKKzZQHgCJ+XARAAAAwAEAAADAMg8YMZY,aOvjyyLA"),
    ),
    format(Codec::H265, 90_000, 0, None),
    format(Codec::H265, 90_000, 0, Some("sprop-max-don-diff=1")),
    format(
        Codec::Aac,
        48_000,
        2,
        Some("mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190"),
    ),
    format(Codec::Aac, 48_000, 2, Some("mode=AAC-lbr")),
    format(
        Codec::Aac,
        48_000,
        2,
        Some(
            "mode=generic;sizelength=7;indexlength=1;indexdeltalength=1;ctsdeltalength=32;dtsdeltalength=3;auxiliarydatasizelength=3",
        ),
    ),
    format(Codec::Opus, 48_000, 2, Some("sprop-stereo=1")),
    format(Codec::Pcmu, 8000, 1, None),
    format(Codec::L16, 44_100, 2, None),
    format(Codec::G722, 8000, 1, None),
    format(Codec::Mpa, 90_000, 0, None),
    format(Codec::MpegTs, 90_000, 0, None),
    format(Codec::Vp8, 90_000, 0, None),
    format(Codec::Vp9, 90_000, 0, None),
];

/// The largest frame that is let through: small, so that it is met.
const LIMIT: usize = 2048;
/// The largest packet that an input can hold.
const PACKET: usize = 600;

/// One thing that happens to a depacketizer.
#[derive(Debug)]
enum Event {
    /// The next packet: so many numbers on, so many ticks later, with a marker or not.
    Packet(i8, u16, bool, Vec<u8>),
    Lost(u8),
    Flush,
    Pop,
}

impl<'a> Arbitrary<'a> for Event {
    fn arbitrary(source: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let kind = u8::arbitrary(source)?;
        Ok(match kind & 15 {
            0 => Self::Lost(u8::arbitrary(source)?),
            1 => Self::Flush,
            2 => Self::Pop,
            other => {
                let step = if other == 3 {
                    i8::arbitrary(source)?
                } else {
                    1
                };
                let ticks = if kind & 16 != 0 {
                    u16::arbitrary(source)?
                } else {
                    0
                };
                // A short length is one byte.
                let length = match u8::arbitrary(source)? {
                    long @ 250.. => usize::from(long - 250) * 70 + 250,
                    short => short.into(),
                };
                let length = length.min(source.len());
                Self::Packet(step, ticks, kind & 32 != 0, source.bytes(length)?.to_vec())
            }
        })
    }
}

/// The first byte is the number of the format, the second says whether frames are taken at once; the others are what happens.
pub fn depacketizer(input: &[u8]) {
    let [which, eager, rest @ ..] = input else {
        return;
    };
    let format = &FORMATS[usize::from(*which) % FORMATS.len()];
    let events: Vec<Event> = Unstructured::new(rest)
        .arbitrary_iter()
        .expect("an iterator")
        .flatten()
        .collect();
    // A frame under construction, and those that nobody took.
    let waiting = 8 * rest.len() + 64 * events.len();
    memory::bounded(16 * LIMIT + 8 * waiting + 64 * 1024, || {
        let mut stream = Stream::new(format);
        for event in &events {
            stream.take(event, eager % 2 == 0);
        }
        stream.recovers(format);
    });
}

struct Stream {
    depacketizer: Depacketizer,
    sequence: u16,
    timestamp: u32,
    bytes: usize,
}

impl Stream {
    fn new(format: &Format) -> Self {
        let channels = Some(format.channels).filter(|count| *count > 0);
        let made = Depacketizer::new(format.codec, format.clock_rate, channels, format.fmtp);
        let mut depacketizer = made.expect("the format is known");
        depacketizer.set_frame_limit(LIMIT);
        Self {
            depacketizer,
            sequence: 65_000,
            timestamp: u32::MAX - 5000,
            bytes: 0,
        }
    }

    fn take(&mut self, event: &Event, eager: bool) {
        match event {
            Event::Lost(count) => {
                self.sequence = self.sequence.wrapping_add((*count).into());
                self.depacketizer.lost((*count).into());
            }
            Event::Flush => self.depacketizer.flush(),
            Event::Pop => drop(self.pop()),
            Event::Packet(step, ticks, marker, payload) => {
                self.sequence = self.sequence.wrapping_add_signed((*step).into());
                self.timestamp = self.timestamp.wrapping_add((*ticks).into());
                self.bytes += payload.len();
                let header = Header {
                    marker: *marker,
                    payload_type: 96,
                    sequence: self.sequence,
                    timestamp: self.timestamp,
                    ssrc: 7,
                };
                let before = self.depacketizer.counters();
                let taken = self.depacketizer.push(&Packet::new(&header, payload));
                let after = self.depacketizer.counters();
                assert_eq!(
                    after.packets + after.late,
                    before.packets + before.late + 1,
                    "each packet is counted"
                );
                let failed = after.malformed + after.late - before.malformed - before.late;
                assert_eq!(failed, u64::from(taken.is_err()), "{taken:?}");
            }
        }
        while eager && self.pop().is_some() {}
        let _ = self.depacketizer.parameters();
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.depacketizer.pop()?;
        assert!(!frame.payload.is_empty());
        // One packet bounds what is not put together, and two the MPEG audio frame, whose format has its own limit.
        let most = LIMIT.max(8 * PACKET);
        assert!(
            frame.payload.len() <= most,
            "a frame of {} bytes",
            frame.payload.len()
        );
        Some(frame)
    }

    /// After whatever came before, whole frames come through again.
    fn recovers(mut self, format: &Format) {
        self.depacketizer.flush();
        while self.pop().is_some() {}
        let Some(frame) = whole_frame(format.codec) else {
            return;
        };
        let config = PacketizerConfig {
            sequence: self.sequence.wrapping_add(1),
            max_payload: 300,
            channels: format.channels,
            clock_rate: format.clock_rate,
            ..PacketizerConfig::default()
        };
        let mut packetizer = Packetizer::new(format.codec, config).expect("the format is known");
        let mut got = Vec::new();
        for number in 1..=3_u32 {
            let timestamp = self.timestamp.wrapping_add(number.wrapping_mul(3000));
            packetizer.push(&frame, timestamp).expect("it is whole");
            while let Some(bytes) = packetizer.pop() {
                let packet = Packet::parse(bytes).expect("it was made here");
                let _ = self.depacketizer.push(&packet);
                while let Some(frame) = self.pop() {
                    got.push(frame.payload);
                }
            }
        }
        self.depacketizer.flush();
        while let Some(frame) = self.pop() {
            got.push(frame.payload);
        }
        if self.plain(format) {
            let last = got.last().map(Bytes::len);
            assert!(
                got.iter().any(|payload| payload[..] == frame[..]),
                "{last:?} came out last"
            );
        }
    }

    /// What comes out is what went in: not where the packets' format is another one than the packetizer writes.
    fn plain(&self, format: &Format) -> bool {
        let other_form = format.fmtp.is_some_and(|fmtp| {
            fmtp.contains("max-don-diff") || fmtp.contains("mode=generic") || fmtp.contains("lbr")
        });
        !other_form && !matches!(format.codec, Codec::Vp8 | Codec::Vp9)
    }
}

/// A frame as its format wants it; `None` without a packetizer.
pub(crate) fn whole_frame(codec: Codec) -> Option<Vec<u8>> {
    let unit = |first: [u8; 2], length: usize| {
        let mut unit = first.to_vec();
        unit.resize(length, 0xa5);
        unit
    };
    Some(match codec {
        Codec::H264 => {
            nal::length_prefixed([&unit([0x65, 0x88], 700)[..], &unit([0x65, 0x04], 90)[..]])
        }
        Codec::H265 => {
            nal::length_prefixed([&unit([0x26, 0x01], 700)[..], &unit([0x26, 0x01], 90)[..]])
        }
        Codec::Mpa => [&[0xff, 0xfb, 0x90, 0x64], &[0x55; 413][..]].concat(),
        Codec::Aac => unit([0x21, 0x10], 500),
        Codec::Vp8 => [
            &[0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00],
            &[0x33; 700][..],
        ]
        .concat(),
        Codec::Vp9 => unit([0x82, 0x49], 700),
        Codec::MpegTs => return None,
        Codec::Opus => unit([0x78, 0x01], 120),
        _ => unit([0x10, 0x20], 160),
    })
}

/// The first byte is the number of the format, the next three how its packets are made and which are lost; the others are the frame.
pub fn packetizer(input: &[u8]) {
    let [which, most, lose, split, content @ ..] = input else {
        return;
    };
    let format = &FORMATS[usize::from(*which) % FORMATS.len()];
    if matches!(format.codec, Codec::MpegTs) {
        return;
    }
    let frame = match format.codec {
        Codec::H264 | Codec::H265 => {
            nal::length_prefixed(content.chunks(usize::from(*split) * 8 + 8))
        }
        _ => content.to_vec(),
    };
    let config = PacketizerConfig {
        max_payload: usize::from(*most) * 4,
        channels: format.channels,
        clock_rate: format.clock_rate,
        sequence: 65_530,
        ..PacketizerConfig::default()
    };
    let packets = memory::bounded(128 * frame.len() + 64 * 1024, || {
        packets(format, config, &frame)
    });
    let mut stream = Stream::new(format);
    stream.depacketizer.set_frame_limit(1 << 20);
    let whole = *lose == 0;
    for (number, bytes) in packets.iter().enumerate() {
        if !whole && number % (usize::from(*lose) + 1) == 1 {
            continue;
        }
        let packet = Packet::parse(bytes.clone()).expect("it was made here");
        assert!(
            packet.payload().len() <= config.max_payload.max(Packetizer::MIN_PAYLOAD)
                || format.codec == Codec::Opus
        );
        let _ = stream.depacketizer.push(&packet);
    }
    stream.depacketizer.flush();
    while let Some(frame) = stream.depacketizer.pop() {
        assert!(frame.payload.len() <= 2 * content.len() + 8 * packets.len() + 64);
    }
}

fn packets(format: &Format, config: PacketizerConfig, frame: &[u8]) -> Vec<Bytes> {
    let mut packetizer = Packetizer::new(format.codec, config).expect("the format is known");
    let _ = packetizer.push(frame, 0);
    std::iter::from_fn(|| packetizer.pop()).collect()
}
