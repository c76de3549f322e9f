use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    Codec, Depacketizer, Error, Frame, Header, Packet, Packetizer, PacketizerConfig, keyframe,
    testing::Xorshift,
};

const BOTH: [(Codec, Format); 2] = [(Codec::Vp8, Format::Vp8), (Codec::Vp9, Format::Vp9)];

/// 320 by 240.
const VP8_KEY: [u8; 10] = [0x50, 0x01, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x40];
/// 320 by 240, profile 0, BT.601.
const VP9_KEY: [u8; 9] = [0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e, 0xf0];

fn picture(format: Format, key: bool, len: usize, random: &mut Xorshift) -> Vec<u8> {
    let mut picture: Vec<u8> = match (format, key) {
        (Format::Vp8, true) => VP8_KEY.to_vec(),
        (Format::Vp8, false) => vec![0x51, 0, 0],
        (Format::Vp9, true) => VP9_KEY.to_vec(),
        (Format::Vp9, false) => vec![0x86, 0, 0],
    };
    let rest = len.saturating_sub(picture.len());
    picture.extend(random.exactly(rest));
    picture
}

fn depacketizer(codec: Codec) -> Depacketizer {
    Depacketizer::new(codec, 90_000, None, None).unwrap()
}

/// The packets of these pictures, 3600 apart.
fn packets(codec: Codec, pictures: &[Vec<u8>]) -> Vec<Packet> {
    let mut packetizer = Packetizer::new(
        codec,
        PacketizerConfig {
            max_payload: 100,
            sequence: 65_530,
            ..PacketizerConfig::default()
        },
    )
    .unwrap();
    for (at, picture) in (0..).zip(pictures) {
        packetizer.push(picture, at * 3600).unwrap();
    }
    core::iter::from_fn(|| packetizer.pop())
        .map(|bytes| Packet::parse(bytes).unwrap())
        .collect()
}

fn packet(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Packet {
    let header = Header {
        marker,
        payload_type: 96,
        sequence,
        timestamp,
        ssrc: 1,
    };
    Packet::new(&header, payload)
}

fn frames(depacketizer: &mut Depacketizer) -> Vec<Frame> {
    core::iter::from_fn(|| depacketizer.pop()).collect()
}

#[test]
fn pictures_go_there_and_back() {
    let mut random = Xorshift::new(5);
    for (codec, format) in BOTH {
        let pictures: Vec<_> = [1, 98, 99, 100, 5000]
            .iter()
            .map(|&len| picture(format, len != 99, len, &mut random))
            .collect();
        let packets = packets(codec, &pictures);
        let mut depacketizer = depacketizer(codec);
        for packet in &packets {
            assert!(packet.payload().len() <= 100);
            depacketizer.push(packet).unwrap();
        }
        let frames = frames(&mut depacketizer);
        assert_eq!(frames.len(), pictures.len());
        for ((at, frame), picture) in (0..).zip(&frames).zip(&pictures) {
            assert_eq!(frame.payload, *picture);
            assert_eq!(frame.timestamp, at * 3600);
            assert_eq!(frame.random_access, at != 2, "{codec} {at}");
            assert_eq!(frame.parameters_changed, at == 0);
            assert_eq!(frame.loss_before, 0);
        }
        let parameters = depacketizer.parameters().unwrap();
        assert_eq!(parameters.dimensions(), Some((320, 240)));
        let starts = packets
            .iter()
            .filter(|packet| keyframe::random_access(codec, packet.payload()));
        assert_eq!(starts.count(), 4, "the first packet of each key frame");
    }
}

#[test]
fn a_picture_with_a_gap_is_left_out_and_the_next_one_says_so() {
    let mut random = Xorshift::new(6);
    for (codec, format) in BOTH {
        let pictures: Vec<_> = (0..4)
            .map(|at| picture(format, at == 0, 500, &mut random))
            .collect();
        let packets = packets(codec, &pictures);
        let each = packets.len() / 4;
        // The first, one in the middle, the last of the second picture.
        for missing in [0, each / 2, each - 1] {
            let mut depacketizer = depacketizer(codec);
            for (at, packet) in packets.iter().enumerate() {
                if at != each + missing {
                    depacketizer.push(packet).unwrap();
                }
            }
            let frames = frames(&mut depacketizer);
            let timestamps: Vec<_> = frames.iter().map(|frame| frame.timestamp).collect();
            assert_eq!(timestamps, [0, 7200, 10_800], "{codec}, {missing} missing");
            let losses: Vec<_> = frames.iter().map(|frame| frame.loss_before).collect();
            assert_eq!(losses, [0, 1, 0], "{codec}, {missing} missing");
        }
    }
}

#[test]
fn a_marker_that_is_missing_is_told_by_the_timestamp() {
    let mut depacketizer = depacketizer(Codec::Vp8);
    depacketizer
        .push(&packet(1, 0, false, &[0x10, 0x50]))
        .unwrap();
    depacketizer
        .push(&packet(2, 3600, false, &[0x10, 0x51]))
        .unwrap();
    assert_eq!(depacketizer.pop().unwrap().payload[..], [0x50]);
    assert_eq!(depacketizer.pop(), None);
    depacketizer.flush();
    assert_eq!(depacketizer.pop().unwrap().payload[..], [0x51]);
}

#[test]
fn errors_concern_one_picture() {
    let mut depacketizer = depacketizer(Codec::Vp8);
    let orphan = packet(1, 0, true, &[0x00, 1]);
    assert_eq!(depacketizer.push(&orphan), Err(Error::OrphanFragment));
    let empty = packet(2, 3600, false, &[]);
    assert_eq!(depacketizer.push(&empty), Err(Error::EmptyPayload));
    // The rest of that picture, whose beginning may have been the empty packet.
    depacketizer
        .push(&packet(3, 3600, true, &[0x00, 1]))
        .unwrap();
    let cut = packet(4, 7200, true, &[0x80]);
    assert_eq!(
        depacketizer.push(&cut),
        Err(Error::Truncated { needed: 2, have: 1 })
    );
    depacketizer
        .push(&packet(5, 10_800, false, &[0x10, 0x50]))
        .unwrap();
    let again = packet(6, 10_800, true, &[0x10, 0x50]);
    assert_eq!(depacketizer.push(&again), Err(Error::UnfinishedFragment));
    assert_eq!(depacketizer.pop(), None);
    depacketizer.set_frame_limit(4);
    let large = packet(7, 14_400, false, &[0x10, 1, 2, 3, 4, 5]);
    assert_eq!(
        depacketizer.push(&large),
        Err(Error::FrameTooLarge { limit: 4 })
    );
    depacketizer
        .push(&packet(8, 14_400, true, &[0x00, 6]))
        .unwrap();
    depacketizer
        .push(&packet(9, 18_000, true, &[0x10, 0x50, 2, 3, 4]))
        .unwrap();
    let frame = depacketizer.pop().unwrap();
    assert_eq!(
        (&frame.payload[..], frame.timestamp),
        (&[0x50, 2, 3, 4][..], 18_000)
    );
    assert_eq!(depacketizer.pop(), None);
    assert_eq!(depacketizer.counters().malformed, 5);
}

#[test]
fn a_descriptor_alone_makes_no_picture() {
    let mut depacketizer = depacketizer(Codec::Vp8);
    let alone = packet(1, 0, true, &[0x10]);
    assert_eq!(depacketizer.push(&alone), Err(Error::EmptyPayload));
    assert_eq!(depacketizer.pop(), None);
    // At the end of a picture it harms nothing.
    depacketizer
        .push(&packet(2, 3600, false, &[0x10, 0x50, 2]))
        .unwrap();
    depacketizer.push(&packet(3, 3600, true, &[0x00])).unwrap();
    assert_eq!(&depacketizer.pop().unwrap().payload[..], [0x50, 2]);
}

#[test]
fn descriptors_are_passed_over() {
    let piece = |begins, inter, bytes| {
        Some(Piece {
            begins,
            inter,
            bytes,
        })
    };
    // Picture id of 15 bits, TL0PICIDX, TID and KEYIDX.
    assert_eq!(
        vp8(&[0x90, 0xf0, 0x81, 2, 3, 4, 0xaa]),
        piece(true, false, &[0xaa])
    );
    assert_eq!(vp8(&[0x80, 0x80, 0x01, 0xaa]), piece(false, false, &[0xaa]));
    assert_eq!(
        vp8(&[0x11, 0xaa]),
        piece(false, false, &[0xaa]),
        "a later partition"
    );
    assert_eq!(vp8(&[0x90, 0x80]), None);
    // Flexible, predicted from two pictures.
    assert_eq!(
        vp9(&[0xd8, 0x05, 0x03, 0x04, 0xaa]),
        piece(true, true, &[0xaa])
    );
    // The second spatial layer of a picture does not begin it.
    assert_eq!(vp9(&[0x28, 0x02, 0x07, 0xaa]), piece(false, false, &[0xaa]));
    assert_eq!(
        vp9(&[0x0a, 0x18, 1, 2, 3, 4, 2, 0x04, 9, 0x00, 0xaa]),
        piece(true, false, &[0xaa])
    );
    assert_eq!(vp9(&[0x0a, 0x08, 255, 0x0c]), None);
}

#[test]
fn sizes_are_read_from_key_frames_only() {
    assert_eq!(Format::Vp8.dimensions(&VP8_KEY), Some((320, 240)));
    assert_eq!(Format::Vp9.dimensions(&VP9_KEY), Some((320, 240)));
    for format in [Format::Vp8, Format::Vp9] {
        let key = match format {
            Format::Vp8 => &VP8_KEY[..],
            Format::Vp9 => &VP9_KEY,
        };
        for end in 0..key.len() {
            assert_eq!(format.dimensions(&key[..end]), None, "{format:?} {end}");
        }
    }
    assert_eq!(
        Format::Vp9.dimensions(&[0x86, 0x49, 0x83, 0x42, 0, 0, 0, 0, 0]),
        None
    );
}

#[test]
fn nothing_that_comes_is_a_panic_or_without_bound() {
    let mut random = Xorshift::new(9);
    for (codec, _) in BOTH {
        let mut depacketizer = depacketizer(codec);
        depacketizer.set_frame_limit(1000);
        let mut good = 0;
        for sequence in 0..20_000_u16 {
            if random.chance(5) {
                depacketizer.lost(1);
                continue;
            }
            let timestamp = u32::from(sequence / 4);
            let payload = random.bytes(60);
            let _ = depacketizer.push(&packet(sequence, timestamp, random.chance(25), &payload));
            while let Some(frame) = depacketizer.pop() {
                assert!(frame.payload.len() <= 1000);
                good += 1;
            }
        }
        assert!(good > 100, "{codec}: {good}");
    }
}
