use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    Codec, Depacketizer, Error, Frame, Header, Packet, Packetizer, PacketizerConfig,
    testing::Xorshift,
};

/// (SPS, width, height, frame rate, interlaced, reorder frames), from x264.
type Case = (&'static str, u32, u32, (u32, u32), bool, u8);

const SPS: [Case; 4] = [
    (
        "67640028acd940780227e5c044000003000400000300c83c60c658",
        1920,
        1080,
        (50, 2),
        false,
        2,
    ),
    (
        "6742c01ed900a02ff9701100000303e90000ea600f162e48",
        640,
        360,
        (60_000, 2002),
        false,
        0,
    ),
    (
        "6764001eacd940b424dff8020001688000000300800000190f8a14cb",
        720,
        576,
        (50, 2),
        true,
        2,
    ),
    (
        "67f40016919b282a10f1f1f80880000003008000003c078b16cb",
        322,
        242,
        (120, 2),
        false,
        2,
    ),
];

const AVCC: [&str; 2] = [
    "01640028ffe1001b67640028acd940780227e5c044000003000400000300c83c60c65801000668ebe3cb22c0fdf8f800",
    "01f40016ffe1001a67f40016919b282a10f1f1f80880000003008000003c078b16cb01000668ebe3c44844fff8f800",
];

pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn sps() -> Vec<u8> {
    hex(SPS[0].0)
}

fn pps() -> Vec<u8> {
    hex("68ebe3cb22c0")
}

/// Feeds payloads; a packet is (marker, timestamp, payload), and the sequence number counts up.
struct Feed {
    depacketizer: Depacketizer,
    sequence: u16,
    errors: Vec<Error>,
}

impl Feed {
    fn new(fmtp: Option<&str>) -> Self {
        let depacketizer = Depacketizer::new(Codec::H264, 90_000, None, fmtp).unwrap();
        Self {
            depacketizer,
            sequence: 100,
            errors: vec![],
        }
    }

    fn push(&mut self, marker: bool, timestamp: u32, payload: &[u8]) -> &mut Self {
        let header = Header {
            marker,
            payload_type: 96,
            sequence: self.sequence,
            timestamp,
            ssrc: 1,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.errors
            .extend(self.depacketizer.push(&Packet::new(&header, payload)).err());
        self
    }

    fn skip(&mut self) -> &mut Self {
        self.sequence = self.sequence.wrapping_add(1);
        self
    }

    fn frames(&mut self) -> Vec<Frame> {
        core::iter::from_fn(|| self.depacketizer.pop()).collect()
    }

    /// Timestamp and units of each frame.
    fn units(&mut self) -> Vec<(u32, Vec<Vec<u8>>)> {
        let split = |frame: &Frame| {
            LengthPrefixed::new(&frame.payload)
                .map(|unit| unit.unwrap().to_vec())
                .collect()
        };
        self.frames()
            .iter()
            .map(|frame| (frame.timestamp, split(frame)))
            .collect()
    }
}

#[test]
fn sps_of_a_real_encoder() {
    for (text, width, height, frame_rate, interlaced, reorder) in SPS {
        let unit = hex(text);
        let parsed = Sps::parse(&unit).unwrap();
        assert_eq!((parsed.width, parsed.height), (width, height), "{text}");
        assert_eq!(parsed.frame_rate, Some(frame_rate));
        assert_eq!(parsed.interlaced, interlaced);
        assert_eq!(parsed.reorder_frames, Some(reorder));
        assert_eq!(parsed.profile_level_id, unit[1..4]);
        let mut longer = unit.clone();
        longer.push(0xff);
        assert_eq!(
            Sps::parse(&longer),
            Ok(parsed),
            "a stray byte behind it does no harm"
        );
    }
    assert_eq!(
        Sps::parse(&hex(SPS[2].0)).unwrap().pixel_aspect,
        Some((64, 45))
    );
    assert_eq!(Sps::parse(&hex(SPS[3].0)).unwrap().chroma_format, 3);
}

#[test]
fn broken_sps_is_an_error_or_a_value_never_a_panic() {
    let mut random = Xorshift::new(21);
    for (text, ..) in SPS {
        let unit = hex(text);
        for end in 0..unit.len() {
            let _ = Sps::parse(&unit[..end]);
        }
        for _ in 0..5000 {
            let mut broken = unit.clone();
            for _ in 0..1 + random.below(4) {
                let at = 1 + random.below(broken.len() - 1);
                broken[at] = random.next() as u8;
            }
            if let Ok(parsed) = Sps::parse(&broken) {
                assert!(
                    parsed.width > 0
                        && parsed.width <= 0xffff
                        && parsed.height > 0
                        && parsed.height <= 0xffff
                );
            }
        }
    }
    assert!(Sps::parse(&[]).is_err());
    assert!(Sps::parse(&[0x67]).is_err());
    assert!(Sps::parse(&pps()).is_err());
}

#[test]
fn parameters_agree_from_avcc_fmtp_and_units() {
    for text in AVCC {
        let record = hex(text);
        let parameters = Parameters::from_avcc(&record).unwrap();
        assert_eq!(parameters.to_avcc(), record);
        assert_eq!(
            Parameters::from_fmtp(&parameters.fmtp()),
            Ok(parameters.clone())
        );
        assert_eq!(Parameters::from_units(parameters.units()), Ok(parameters));
        for end in 0..record.len() - 4 {
            assert!(
                Parameters::from_avcc(&record[..end]).is_err(),
                "cut at {end}"
            );
        }
    }
    let parameters = Parameters::from_avcc(&hex(AVCC[0])).unwrap();
    assert_eq!(parameters.codec_string(), "avc1.640028");
    let fmtp = "packetization-mode=1;profile-level-id=640028;sprop-parameter-sets=Z2QAKKzZQHgCJ+XARAAAAwAEAAADAMg8YMZY,aOvjyyLA";
    assert_eq!(parameters.fmtp(), fmtp);
}

#[test]
fn sprop_with_start_codes_several_units_or_rubbish() {
    // One entry that holds both sets with start codes, and others that hold nothing.
    let mut both = vec![0, 0, 0, 1];
    both.extend(sps());
    both.extend([0, 0, 1]);
    both.extend(pps());
    let mut text = alloc::string::String::from("sprop-parameter-sets=,!!,AA==,");
    base64::Engine::encode_string(
        &base64::engine::general_purpose::STANDARD_NO_PAD,
        &both,
        &mut text,
    );
    let parameters = Parameters::from_fmtp(&text).unwrap();
    assert_eq!(
        (&parameters.sps[..], &parameters.pps[..]),
        (&sps()[..], &pps()[..])
    );
    assert_eq!(
        Parameters::from_fmtp("sprop-parameter-sets=,"),
        Err(Error::Parameter("sprop-parameter-sets"))
    );
}

#[test]
fn parameters_follow_the_stream() {
    let fmtp = Parameters::from_avcc(&hex(AVCC[0])).unwrap().fmtp();
    let mut feed = Feed::new(Some(&fmtp));
    assert_eq!(
        feed.depacketizer.parameters().unwrap().dimensions(),
        Some((1920, 1080))
    );
    feed.push(false, 1, &sps())
        .push(false, 1, &pps())
        .push(true, 1, &[0x65, 1]);
    let frames = feed.frames();
    assert_eq!(
        (
            frames.len(),
            frames[0].parameters_changed,
            frames[0].random_access
        ),
        (1, false, true)
    );
    feed.push(false, 2, &hex(SPS[1].0))
        .push(true, 2, &[0x65, 1])
        .push(true, 3, &[0x41, 1]);
    let frames = feed.frames();
    assert_eq!(
        frames
            .iter()
            .map(|frame| frame.parameters_changed)
            .collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(
        feed.depacketizer.parameters().unwrap().dimensions(),
        Some((640, 360))
    );

    let mut feed = Feed::new(None);
    assert!(feed.depacketizer.parameters().is_none());
    feed.push(false, 1, &sps())
        .push(false, 1, &pps())
        .push(true, 1, &[0x65, 1]);
    assert!(feed.frames()[0].parameters_changed);
}

#[test]
fn marker_on_parameter_sets_and_sei_does_not_end_the_picture() {
    let mut feed = Feed::new(None);
    feed.push(true, 5, &sps())
        .push(true, 5, &pps())
        .push(true, 5, &[6, 5, 1, 0, 0x80])
        .push(true, 5, &[0x65, 1]);
    let expected = vec![(5, vec![sps(), pps(), vec![6, 5, 1, 0, 0x80], vec![0x65, 1]])];
    assert_eq!(feed.units(), expected);
}

#[test]
fn sets_with_a_timestamp_of_their_own_join_the_picture_behind() {
    let mut feed = Feed::new(None);
    feed.push(true, 1, &[0x41, 1])
        .push(false, 2, &sps())
        .push(false, 3, &pps())
        .push(true, 4, &[0x65, 1]);
    assert_eq!(
        feed.units(),
        [
            (1, vec![vec![0x41, 1]]),
            (4, vec![sps(), pps(), vec![0x65, 1]])
        ]
    );
}

#[test]
fn without_any_marker_the_timestamp_ends_pictures() {
    let mut feed = Feed::new(None);
    feed.push(false, 1, &[0x65, 1])
        .push(false, 1, &[0x65, 2])
        .push(false, 2, &[0x41, 3]);
    assert_eq!(feed.units(), [(1, vec![vec![0x65, 1], vec![0x65, 2]])]);
    feed.depacketizer.flush();
    assert_eq!(feed.units(), [(2, vec![vec![0x41, 3]])]);
    feed.depacketizer.flush();
    assert_eq!(feed.units(), []);
}

#[test]
fn a_delimiter_begins_a_picture_when_nothing_else_tells() {
    let mut feed = Feed::new(None);
    for n in 1..=3 {
        feed.push(false, 0, &[0x09, 0xf0])
            .push(false, 0, &[0x41, n]);
    }
    assert_eq!(
        feed.units(),
        [
            (0, vec![vec![9, 0xf0], vec![0x41, 1]]),
            (0, vec![vec![9, 0xf0], vec![0x41, 2]])
        ]
    );
}

#[test]
fn timestamp_change_inside_a_fragmented_unit_is_passed_over() {
    let mut feed = Feed::new(None);
    feed.push(false, 1, &[0x7c, 0x85, 1])
        .push(false, 2, &[0x7c, 0x05, 2])
        .push(true, 2, &[0x7c, 0x45, 3]);
    assert_eq!(feed.units(), [(1, vec![vec![0x65, 1, 2, 3]])]);
    assert_eq!(feed.errors, []);
}

#[test]
fn start_codes_inside_units_split_them() {
    let mut inside = sps();
    inside.extend([0, 0, 0, 1]);
    inside.extend(pps());
    inside.extend([0, 0, 1, 0x65, 1, 2]);
    let expected = vec![(7, vec![sps(), pps(), vec![0x65, 1, 2]])];
    let mut feed = Feed::new(None);
    feed.push(true, 7, &inside);
    assert_eq!(feed.units(), expected);
    assert_eq!(feed.depacketizer.counters().annex_b, 1);

    let mut with_code = vec![0, 0, 0, 1];
    with_code.extend(&inside);
    let mut feed = Feed::new(None);
    feed.push(true, 7, &with_code);
    assert_eq!(
        feed.units(),
        expected,
        "a start code in place of the header"
    );

    let mut feed = Feed::new(None);
    let (one, two) = inside[1..].split_at(sps().len() + 1);
    let fragment = |flags: u8, body: &[u8]| [&[0x7c, flags | 7], body].concat();
    feed.push(false, 7, &fragment(0x80, one))
        .push(true, 7, &fragment(0x40, two));
    assert_eq!(feed.units(), expected, "and inside fragments");

    let mut feed = Feed::new(None);
    let length = (inside.len() as u16).to_be_bytes();
    feed.push(true, 7, &[&[0x78], &length[..], &inside].concat());
    assert_eq!(feed.units(), expected, "and inside an aggregate");
}

#[test]
fn odd_fragments() {
    let mut feed = Feed::new(None);
    feed.push(true, 1, &[0x7c, 0xc5, 1, 2]);
    assert_eq!(
        feed.units(),
        [(1, vec![vec![0x65, 1, 2]])],
        "first and last at once"
    );
    feed.push(false, 2, &[0x7c, 0x85])
        .push(false, 2, &[0x7c, 0x05])
        .push(true, 2, &[0x7c, 0x45, 9]);
    assert_eq!(feed.units(), [(2, vec![vec![0x65, 9]])], "empty ones");
    feed.push(false, 3, &[0x7c, 0x85, 1])
        .push(true, 3, &[0x7c, 0x41, 2]);
    assert_eq!(
        feed.units(),
        [(3, vec![vec![0x65, 1, 2]])],
        "the type changes"
    );
    feed.push(false, 4, &[0x7c, 0x85, 1])
        .push(true, 4, &[0x7c, 0x05, 2]);
    assert_eq!(
        feed.units(),
        [(4, vec![vec![0x65, 1, 2]])],
        "marker but no end"
    );
    assert_eq!(feed.errors, []);
    feed.push(false, 5, &[0x7c, 0x85, 1])
        .push(true, 5, &[0x7c, 0xc5, 2]);
    assert_eq!(
        feed.units(),
        [(5, vec![vec![0x65, 1], vec![0x65, 2]])],
        "never ended"
    );
    feed.push(false, 6, &[0x7c, 0x05, 1])
        .push(true, 6, &[0x7c])
        .push(false, 6, &[])
        .push(false, 6, &[0x1e]);
    assert_eq!(feed.units(), []);
    let expected = [
        Error::UnfinishedFragment,
        Error::OrphanFragment,
        Error::Truncated { needed: 2, have: 1 },
        Error::EmptyPayload,
        Error::UnitType(30),
    ];
    assert_eq!(feed.errors, expected);
    assert_eq!(feed.depacketizer.counters().malformed, 5);
}

#[test]
fn lying_lengths_keep_what_stands_before_them() {
    let mut feed = Feed::new(None);
    feed.push(true, 1, &[0x78, 0, 2, 0x65, 1, 0, 0, 0, 9, 0x41]);
    assert_eq!(feed.units(), [(1, vec![vec![0x65, 1]])]);
    assert_eq!(
        feed.errors,
        [Error::Length {
            offset: 7,
            announced: 9,
            left: 1
        }]
    );
    feed.push(true, 2, &[0x78, 0]).push(true, 3, &[0x78]);
    assert_eq!(feed.units(), []);
}

#[test]
fn loss_drops_the_torn_unit_and_shows_on_the_frame() {
    let mut feed = Feed::new(None);
    feed.push(true, 1, &[0x65, 1]);
    // The middle of a fragmented slice is lost; the other slice of the picture stays.
    feed.push(false, 2, &[0x41, 7])
        .push(false, 2, &[0x7c, 0x81, 1])
        .skip();
    feed.push(false, 2, &[0x7c, 0x01, 3])
        .push(true, 2, &[0x7c, 0x41, 4])
        .push(true, 3, &[0x41, 8]);
    let frames = feed.frames();
    assert_eq!(
        frames
            .iter()
            .map(|frame| frame.loss_before)
            .collect::<Vec<_>>(),
        [0, 1, 0]
    );
    assert_eq!(frames[1].payload, &[0, 0, 0, 2, 0x41, 7][..]);
    assert_eq!(feed.errors, [], "known loss is no error");
    assert_eq!(feed.depacketizer.counters().lost, 1);
}

#[test]
fn loss_at_the_border_shows_on_both_sides() {
    let mut feed = Feed::new(None);
    feed.push(false, 1, &[0x65, 1]);
    feed.skip()
        .push(true, 2, &[0x41, 1])
        .push(true, 3, &[0x41, 1]);
    assert_eq!(
        feed.frames()
            .iter()
            .map(|frame| frame.loss_before)
            .collect::<Vec<_>>(),
        [1, 1, 0]
    );
    feed.depacketizer.lost(2);
    feed.skip().skip().push(true, 4, &[0x41, 1]);
    assert_eq!(feed.frames()[0].loss_before, 2, "told and seen count once");
    assert_eq!(feed.depacketizer.counters().lost, 3);
}

#[test]
fn late_packets_are_refused_a_restart_is_not() {
    let mut feed = Feed::new(None);
    feed.push(true, 1, &[0x65, 1]).push(true, 2, &[0x41, 1]);
    feed.sequence -= 2;
    feed.push(true, 1, &[0x65, 1]);
    assert_eq!(feed.errors, [Error::Late { sequence: 100 }]);
    assert_eq!(feed.frames().len(), 2);
    feed.push(true, 3, &[0x65, 3]).push(true, 4, &[0x41, 3]);
    assert_eq!(
        feed.frames().len(),
        2,
        "two in a row are the sender's new count"
    );
    feed.sequence = 40_000;
    feed.push(true, 5, &[0x65, 3]);
    assert_eq!(feed.frames().len(), 1);
}

#[test]
fn a_picture_without_end_is_bounded() {
    let mut feed = Feed::new(None);
    feed.depacketizer.set_frame_limit(10_000);
    let slice = [&[0x41][..], &[0xaa; 999]].concat();
    for _ in 0..100 {
        feed.push(false, 1, &slice);
    }
    feed.push(true, 1, &slice);
    assert_eq!(feed.frames(), []);
    assert!(
        feed.errors.len() > 80
            && feed
                .errors
                .iter()
                .all(|e| *e == Error::FrameTooLarge { limit: 10_000 })
    );
    feed.push(true, 2, &slice);
    assert_eq!(feed.frames().len(), 1, "the next one is taken again");
    feed.push(false, 3, &[0x7c, 0x81]);
    for _ in 0..100 {
        feed.push(false, 3, &[&[0x7c, 0x01][..], &[0xbb; 500]].concat());
    }
    feed.push(true, 4, &slice);
    assert_eq!(feed.frames().len(), 1);
}

#[test]
fn recovery_points_are_random_access() {
    let mut feed = Feed::new(None);
    feed.push(false, 1, &[6, 6, 1, 0x84, 0x80])
        .push(true, 1, &[0x41, 1])
        .push(true, 2, &[0x41, 1]);
    assert_eq!(
        feed.frames()
            .iter()
            .map(|frame| frame.random_access)
            .collect::<Vec<_>>(),
        [true, false]
    );
    // Its picture is lost: the next one does not inherit it.
    feed.push(false, 3, &[6, 6, 1, 0x84, 0x80])
        .skip()
        .push(true, 4, &[0x41, 1]);
    assert!(!feed.frames()[0].random_access);
}

fn packets(frame: &[u8], max_payload: usize) -> Vec<Packet> {
    let config = PacketizerConfig {
        max_payload,
        sequence: 65_530,
        ..PacketizerConfig::default()
    };
    let mut packetizer = Packetizer::new(Codec::H264, config).unwrap();
    packetizer.push(frame, 9).unwrap();
    core::iter::from_fn(|| packetizer.pop())
        .map(|bytes| Packet::parse(bytes).unwrap())
        .collect()
}

#[test]
fn parameter_sets_travel_together() {
    let frame = nal::length_prefixed([&sps()[..], &pps(), &[0x65, 1, 2]]);
    let packets = packets(&frame, 1400);
    assert_eq!(packets.len(), 2);
    assert_eq!(packets[0].payload()[0], 0x78);
    assert_eq!(packets[1].payload(), [0x65, 1, 2]);
    assert_eq!(
        packets.iter().map(Packet::marker).collect::<Vec<_>>(),
        [false, true]
    );
    assert!(random_access(packets[0].payload()) && random_access(packets[1].payload()));
}

#[test]
fn empty_units_and_lying_lengths_in_a_frame() {
    let mut frame = nal::length_prefixed([&[0x65, 1][..], &[]]);
    assert_eq!(packets(&frame, 1400).len(), 1);
    assert!(packets(&frame, 1400)[0].marker());
    frame.extend([0, 0, 0, 9, 1]);
    let mut packetizer = Packetizer::new(Codec::H264, PacketizerConfig::default()).unwrap();
    assert_eq!(
        packetizer.push(&frame, 0),
        Err(Error::Length {
            offset: 10,
            announced: 9,
            left: 1
        })
    );
    assert!(packetizer.pop().is_some(), "what stands before is sent");
    assert_eq!(packetizer.push(&[], 0), Err(Error::EmptyPayload));
}

#[test]
fn frames_survive_the_journey_at_every_size() {
    let mut random = Xorshift::new(31);
    for round in 0..400 {
        let max_payload = 64 + random.below(1500);
        let mut units = Vec::new();
        if random.chance(30) {
            units.extend([sps(), pps()]);
        }
        for _ in 0..1 + random.below(4) {
            let size = if random.chance(20) {
                max_payload - 2 + random.below(5)
            } else {
                1 + random.below(9000)
            };
            let mut unit: Vec<u8> = random.exactly(size).iter().map(|byte| byte | 4).collect();
            unit[0] = if random.chance(50) { 0x65 } else { 0x41 };
            units.push(unit);
        }
        let frame = nal::length_prefixed(units.iter().map(|unit| &unit[..]));
        let packets = packets(&frame, max_payload);
        let mut depacketizer = Depacketizer::new(Codec::H264, 90_000, None, None).unwrap();
        for packet in &packets {
            assert!(packet.payload().len() <= max_payload);
            depacketizer.push(packet).unwrap();
        }
        assert_eq!(packets.iter().filter(|packet| packet.marker()).count(), 1);
        let out = depacketizer.pop().unwrap();
        assert_eq!(out.payload, frame, "round {round}");
        assert_eq!((out.timestamp, out.loss_before), (9, 0));
        assert!(depacketizer.pop().is_none());
    }
}
