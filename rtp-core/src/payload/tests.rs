use alloc::{vec, vec::Vec};

use crate::{
    Codec, Depacketizer, Error, Frame, Header, Packet, Packetizer, PacketizerConfig, nal,
    testing::Xorshift,
};

const CODECS: &[(Codec, u32, u8, Option<&str>)] = &[
    (
        Codec::H264,
        90_000,
        0,
        Some("sprop-parameter-sets=Z2QAKKzZQHgCJ+XARAAAAwAEAAADAMg8YMZY,aOvjyyLA"),
    ),
    (Codec::H265, 90_000, 0, None),
    (Codec::H265, 90_000, 0, Some("sprop-max-don-diff=1")),
    (
        Codec::Aac,
        48_000,
        2,
        Some("mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190"),
    ),
    (Codec::Aac, 48_000, 2, Some("mode=AAC-lbr")),
    (
        Codec::Aac,
        48_000,
        2,
        Some(
            "mode=generic;sizelength=7;indexlength=1;indexdeltalength=1;ctsdeltalength=32;dtsdeltalength=3;auxiliarydatasizelength=3",
        ),
    ),
    (Codec::Opus, 48_000, 2, Some("sprop-stereo=1")),
    (Codec::Pcmu, 8000, 1, None),
    (Codec::L16, 44_100, 2, None),
    (Codec::G722, 8000, 1, None),
    (Codec::Mpa, 90_000, 0, None),
    (Codec::MpegTs, 90_000, 0, None),
];

fn depacketizer(codec: Codec, clock_rate: u32, channels: u8, fmtp: Option<&str>) -> Depacketizer {
    Depacketizer::new(codec, clock_rate, Some(channels), fmtp).unwrap()
}

/// A unit that its format takes for a whole one.
fn frame(codec: Codec, random: &mut Xorshift) -> Vec<u8> {
    match codec {
        Codec::H264 | Codec::H265 => {
            let units: Vec<Vec<u8>> = (0..1 + random.below(3))
                .map(|_| {
                    let size = 3 + random.below(4000);
                    let mut unit: Vec<u8> =
                        random.exactly(size).iter().map(|byte| byte | 4).collect();
                    unit[0] = if codec == Codec::H264 { 0x41 } else { 0x02 };
                    unit[1] = 1;
                    unit
                })
                .collect();
            nal::length_prefixed(units.iter().map(|unit| &unit[..]))
        }
        // MPEG-1 layer III, 128 kbit/s, 44.1 kHz.
        Codec::Mpa => [&[0xff, 0xfb, 0x90, 0x64], &random.exactly(413)[..]].concat(),
        Codec::Aac => [&[0x21], &random.bytes(3000)[..]].concat(),
        _ => [&[0], &random.bytes(800)[..]].concat(),
    }
}

fn packets(codec: Codec, channels: u8, frames: &[Vec<u8>], max_payload: usize) -> Vec<Packet> {
    let config = PacketizerConfig {
        max_payload,
        channels,
        sequence: 65_500,
        ..PacketizerConfig::default()
    };
    let mut packetizer = Packetizer::new(codec, config).unwrap();
    let mut packets = vec![];
    for (n, frame) in frames.iter().enumerate() {
        packetizer.push(frame, 3000 * n as u32).unwrap();
        packets.extend(
            core::iter::from_fn(|| packetizer.pop()).map(|bytes| Packet::parse(bytes).unwrap()),
        );
    }
    packets
}

fn drain(depacketizer: &mut Depacketizer) -> Vec<Frame> {
    core::iter::from_fn(|| depacketizer.pop()).collect()
}

#[test]
fn a_torn_stream_yields_only_what_was_sent_and_counts_every_loss() {
    let mut random = Xorshift::new(51);
    for round in 0..150 {
        for codec in [Codec::H264, Codec::H265, Codec::Aac, Codec::Mpa] {
            let frames: Vec<Vec<u8>> = (0..20).map(|_| frame(codec, &mut random)).collect();
            let sent = packets(codec, 2, &frames, 64 + random.below(1000));
            let mut torn = depacketizer(codec, 90_000, 2, None);
            let mut whole = 0;
            let mut lost = 0;
            for (n, packet) in sent.iter().enumerate() {
                if n > 0 && n + 1 < sent.len() && random.chance(5) {
                    lost += 1;
                    continue;
                }
                let _ = torn.push(packet);
                if random.chance(5) {
                    assert!(matches!(torn.push(packet), Err(Error::Late { .. })));
                }
            }
            torn.flush();
            for frame in drain(&mut torn) {
                let original = &frames[frame.timestamp as usize / 3000];
                if frame.payload == original[..] {
                    whole += 1;
                    continue;
                }
                assert!(
                    frame.loss_before > 0,
                    "round {round} {codec}: a frame that differs says why"
                );
                assert!(
                    matches!(codec, Codec::H264 | Codec::H265),
                    "audio units are whole or not there"
                );
                let units: Vec<&[u8]> = nal::LengthPrefixed::new(original)
                    .map(Result::unwrap)
                    .collect();
                for unit in nal::LengthPrefixed::new(&frame.payload) {
                    assert!(
                        units.contains(&unit.unwrap()),
                        "a unit is whole or not there"
                    );
                }
            }
            assert_eq!(torn.counters().lost, lost);
            assert!(whole > 0 || lost > 10);
        }
    }
}

#[test]
fn frames_of_plain_audio_survive_the_journey() {
    let mut random = Xorshift::new(52);
    for codec in [
        Codec::Opus,
        Codec::Mpa,
        Codec::Pcmu,
        Codec::Pcma,
        Codec::G722,
        Codec::L16,
    ] {
        for _ in 0..50 {
            let frames: Vec<Vec<u8>> = (0..5).map(|_| frame(codec, &mut random)).collect();
            let mut depacketizer = depacketizer(codec, 8000, 1, None);
            for packet in packets(codec, 1, &frames, 1000) {
                depacketizer.push(&packet).unwrap();
            }
            let out: Vec<Vec<u8>> = drain(&mut depacketizer)
                .iter()
                .map(|frame| frame.payload.to_vec())
                .collect();
            assert_eq!(out, frames, "{codec}");
        }
    }
}

#[test]
fn long_audio_is_cut_between_samples_and_its_time_goes_on() {
    let frame: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for (codec, channels, step) in [
        (Codec::L16, 2, 24),
        (Codec::L16, 3, 16),
        (Codec::Pcmu, 1, 100),
        (Codec::G722, 1, 100),
    ] {
        let packets = packets(codec, channels, core::slice::from_ref(&frame), 100);
        let joined: Vec<u8> = packets
            .iter()
            .flat_map(|packet| packet.payload().to_vec())
            .collect();
        assert_eq!(joined, frame);
        let block = if codec == Codec::L16 {
            2 * usize::from(channels)
        } else {
            1
        };
        let most = 100 / block * block;
        for (n, packet) in packets.iter().enumerate() {
            assert!(packet.payload().len() == most || n + 1 == packets.len());
            let ticks = (most / block * n) as u32;
            assert_eq!(packet.timestamp(), ticks, "{codec} {channels} {step}");
        }
    }
}

#[test]
fn durations_of_audio() {
    let cases: [(Codec, u8, &[u8], Option<u32>); 7] = [
        (Codec::Pcmu, 1, &[0; 160], Some(160)),
        (Codec::Pcma, 2, &[0; 160], Some(80)),
        (Codec::G722, 1, &[0; 160], Some(160)),
        (Codec::L16, 2, &[0; 160], Some(40)),
        (Codec::Opus, 2, &[0x78, 0], Some(960)),
        (Codec::Opus, 2, &[0x0b, 50], None),
        (Codec::MpegTs, 1, &[0x47; 188], None),
    ];
    for (codec, channels, payload, expected) in cases {
        let mut depacketizer = depacketizer(codec, 8000, channels, None);
        depacketizer
            .push(&Packet::new(&Header::default(), payload))
            .unwrap();
        let frame = depacketizer.pop().unwrap();
        assert_eq!(
            (frame.duration, frame.random_access),
            (expected, true),
            "{codec}"
        );
        assert_eq!(frame.payload, payload);
    }
    let g722 = depacketizer(Codec::G722, 8000, 1, None);
    assert_eq!(g722.parameters().unwrap().sample_rate(), Some(16_000));
}

#[test]
fn unknown_formats_are_refused_by_name() {
    assert_eq!(
        Depacketizer::new(Codec::Other, 90_000, None, None).unwrap_err(),
        Error::Unsupported(Codec::Other)
    );
    let refused = Packetizer::new(Codec::Other, PacketizerConfig::default());
    assert_eq!(refused.unwrap_err(), Error::Unsupported(Codec::Other));
}

#[test]
fn frames_that_nobody_takes_are_bounded() {
    let mut depacketizer = depacketizer(Codec::Pcmu, 8000, 1, None);
    for sequence in 0..10_000 {
        let header = Header {
            sequence,
            ..Header::default()
        };
        depacketizer.push(&Packet::new(&header, &[0; 8])).unwrap();
    }
    assert_eq!(
        drain(&mut depacketizer).len() as u64 + depacketizer.counters().overflow,
        10_000
    );
    assert!(depacketizer.counters().overflow > 5000);
}

/// A piece of well-formed payload, cut, changed or replaced at random.
fn spoilt(material: &[Vec<u8>], random: &mut Xorshift) -> Vec<u8> {
    let mut payload = material[random.below(material.len())].clone();
    if random.chance(40) {
        let at = random.below(payload.len().min(12));
        if let Some(byte) = payload.get_mut(at) {
            *byte = random.next() as u8;
        }
    }
    if random.chance(10) {
        payload.truncate(random.below(payload.len() + 1));
    }
    if random.chance(10) {
        random.bytes(60)
    } else {
        payload
    }
}

/// Spoilt payloads in a row, with jumps of all header fields.
#[test]
fn threat_depacketizer_overflow_no_sequence_of_payloads_panics_or_grows_without_bound() {
    let mut random = Xorshift::new(53);
    for &(codec, clock_rate, channels, fmtp) in CODECS {
        let mut material: Vec<Vec<u8>> = vec![
            vec![],
            vec![0],
            vec![0; 3],
            vec![0xff; 9],
            vec![0, 0, 0, 1, 0x67],
        ];
        if Packetizer::new(codec, PacketizerConfig::default()).is_ok() {
            let frames: Vec<Vec<u8>> = (0..10).map(|_| frame(codec, &mut random)).collect();
            material.extend(
                packets(codec, channels, &frames, 300)
                    .iter()
                    .map(|packet| packet.payload().to_vec()),
            );
        }
        for _ in 0..15 {
            let mut depacketizer = depacketizer(codec, clock_rate, channels, fmtp);
            depacketizer.set_frame_limit(20_000);
            let (mut sequence, mut timestamp) = (0_u16, 0_u32);
            for _ in 0..1000 {
                let payload = spoilt(&material, &mut random);
                sequence = if random.chance(5) {
                    random.next() as u16
                } else {
                    sequence.wrapping_add(1)
                };
                timestamp = if random.chance(30) {
                    random.next() as u32
                } else {
                    timestamp
                };
                let header = Header {
                    marker: random.chance(30),
                    payload_type: 96,
                    sequence,
                    timestamp,
                    ssrc: 1,
                };
                let _ = depacketizer.push(&Packet::new(&header, &payload));
                if random.chance(3) {
                    depacketizer.lost(random.below(5) as u16);
                }
                if random.chance(1) {
                    depacketizer.flush();
                }
                let _ = depacketizer.parameters();
                for frame in drain(&mut depacketizer) {
                    assert!(frame.payload.len() <= 20_100, "{codec}");
                    if matches!(codec, Codec::H264 | Codec::H265) {
                        assert!(
                            nal::LengthPrefixed::new(&frame.payload).all(|unit| unit.is_ok()),
                            "{codec}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn frames_that_are_no_frames_make_no_packetizer_panic() {
    let mut random = Xorshift::new(54);
    for &(codec, ..) in CODECS {
        let Ok(mut packetizer) = Packetizer::new(
            codec,
            PacketizerConfig {
                max_payload: 0,
                ..Default::default()
            },
        ) else {
            continue;
        };
        for _ in 0..2000 {
            let mut bytes = random.bytes(300);
            if random.chance(50) {
                bytes.splice(..0, [0, 0, 0, random.below(200) as u8]);
            }
            let _ = packetizer.push(&bytes, 0);
            while let Some(packet) = packetizer.pop() {
                assert!(Packet::parse(packet).is_ok());
            }
        }
    }
}
