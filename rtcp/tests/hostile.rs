//! Compounds that lie: refused with the right word, or read without harm.

use bytes::BytesMut;
use rtcp::Compound;
use rtcp::CompoundWriter;
use rtcp::Error;
use rtcp::ErrorKind;
use rtcp::FullIntraRequest;
use rtcp::NtpTime;
use rtcp::Packet;
use rtcp::PayloadMessage;
use rtcp::ReportBlock;
use rtcp::SenderInfo;
use rtcp::TransportMessage;

const RECEIVER_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];

fn refusal(bytes: &[u8]) -> ErrorKind {
    Compound::parse_reduced(bytes).unwrap_err().kind
}

/// A packet with that header and body, whose length field is right.
fn packet(first: u8, packet_type: u8, body: &[u8]) -> Vec<u8> {
    assert_eq!(body.len() % 4, 0);
    let words = u16::try_from(body.len() / 4).unwrap().to_be_bytes();
    let mut bytes = vec![first, packet_type, words[0], words[1]];
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn nothing_and_less_than_a_header() {
    assert_eq!(refusal(&[]), ErrorKind::Empty);
    for length in 1..4 {
        assert_eq!(
            refusal(&RECEIVER_REPORT[..length]),
            ErrorKind::Truncated {
                expected: 4,
                actual: length
            }
        );
    }
}

#[test]
fn lengths_that_lie() {
    // A length of zero words is a header alone, too little for any report.
    assert_eq!(
        refusal(&[0x80, 201, 0, 0]),
        ErrorKind::Truncated {
            expected: 8,
            actual: 4
        }
    );
    assert_eq!(
        refusal(&[0x80, 200, 0, 0, 0, 0, 0, 0]),
        ErrorKind::Truncated {
            expected: 28,
            actual: 4
        }
    );
    assert_eq!(
        refusal(&[0x80, 201, 0xff, 0xff, 0, 0, 0, 9]),
        ErrorKind::Truncated {
            expected: 262_144,
            actual: 8
        }
    );
    // A count of blocks beyond the length.
    assert_eq!(
        refusal(&[0x9f, 201, 0, 1, 0, 0, 0, 9]),
        ErrorKind::Truncated {
            expected: 752,
            actual: 8
        }
    );
    assert_eq!(
        refusal(&packet(0x82, 203, &[0; 4])),
        ErrorKind::Truncated {
            expected: 12,
            actual: 8
        }
    );
    assert_eq!(
        refusal(&packet(0x80, 204, &[0; 4])),
        ErrorKind::Truncated {
            expected: 12,
            actual: 8
        }
    );
    assert_eq!(
        refusal(&packet(0x81, 206, &[0; 4])),
        ErrorKind::Truncated {
            expected: 12,
            actual: 8
        }
    );
    assert_eq!(
        refusal(&packet(0x80, 207, &[])),
        ErrorKind::Truncated {
            expected: 8,
            actual: 4
        }
    );
}

#[test]
fn the_offset_is_that_of_the_packet_at_fault() {
    let mut bytes = RECEIVER_REPORT.repeat(3);
    bytes[16] = 0x40;
    let error = Compound::parse(&bytes).unwrap_err();
    assert_eq!(
        error,
        Error {
            offset: 16,
            kind: ErrorKind::Version(1)
        }
    );
    assert_eq!(
        Compound::parse(&bytes[..error.offset])
            .unwrap()
            .iter()
            .count(),
        2
    );
    // Junk behind a compound, as some cameras send.
    let mut bytes = RECEIVER_REPORT.to_vec();
    bytes.extend_from_slice(b"junk");
    assert_eq!(Compound::parse(&bytes).unwrap_err().offset, 8);
}

#[test]
fn the_first_packet_is_a_report_unless_the_size_is_reduced() {
    let bye = [0x81, 203, 0, 1, 0, 0, 0, 9];
    let error = Compound::parse(&bye).unwrap_err();
    assert_eq!(error.kind, ErrorKind::FirstPacket(203));
    assert!(matches!(
        Compound::parse_reduced(&bye).unwrap().iter().next(),
        Some(Packet::Bye(_))
    ));
}

#[test]
fn padding_is_of_the_last_packet_and_fits() {
    let padded = |padding| packet(0xa0, 201, &[0, 0, 0, 9, 0, 0, 0, padding]);
    assert!(Compound::parse(&padded(4)).is_ok());
    assert_eq!(
        refusal(&padded(8)),
        ErrorKind::Truncated {
            expected: 8,
            actual: 4
        }
    );
    for padding in [0, 1, 3, 5, 12, 255] {
        assert_eq!(refusal(&padded(padding)), ErrorKind::Padding, "{padding}");
    }
    let mut twice = padded(4);
    twice.extend_from_slice(&padded(4));
    assert_eq!(refusal(&twice), ErrorKind::Padding);
    // The header alone cannot be padding.
    assert_eq!(refusal(&[0xa0, 192, 0, 0]), ErrorKind::Padding);
}

#[test]
fn descriptions() {
    let malformed = ErrorKind::Malformed { packet_type: 202 };
    // A chunk too few, half a source, an item over the end, half an item.
    assert_eq!(refusal(&packet(0x81, 202, &[])), malformed);
    assert_eq!(
        refusal(&packet(0x82, 202, &[0, 0, 0, 9, 0, 0, 0, 0])),
        malformed
    );
    assert_eq!(
        refusal(&packet(0x81, 202, &[0, 0, 0, 9, 1, 3, b'a', b'b'])),
        malformed
    );
    assert_eq!(
        refusal(&packet(0x81, 202, &[0, 0, 0, 9, 1, 1, b'a', 2])),
        malformed
    );
    assert_eq!(
        refusal(&packet(0x81, 202, &[0, 0, 0, 9, 1, 255, b'a', b'b'])),
        malformed
    );

    // No terminator: tolerated.
    let bytes = packet(0x81, 202, &[0, 0, 0, 9, 1, 2, b'a', b'b']);
    let Some(Packet::SourceDescription(description)) =
        Compound::parse_reduced(&bytes).unwrap().iter().next()
    else {
        panic!();
    };
    assert_eq!(description.cname(9), Some(&b"ab"[..]));
    // No items at all, with and without terminator, and a promise of no chunks.
    for body in [&[0, 0, 0, 9][..], &[0, 0, 0, 9, 0, 0, 0, 0]] {
        let bytes = packet(0x81, 202, body);
        let Some(Packet::SourceDescription(description)) =
            Compound::parse_reduced(&bytes).unwrap().iter().next()
        else {
            panic!();
        };
        assert_eq!(
            description
                .chunks()
                .map(|chunk| (chunk.ssrc, chunk.items().count()))
                .collect::<Vec<_>>(),
            [(9, 0)]
        );
    }
    assert!(Compound::parse_reduced(&packet(0x80, 202, &[1; 8])).is_ok());
}

#[test]
fn a_huge_description_is_read_in_one_go() {
    let mut body = vec![0, 0, 0, 9];
    body.extend(
        [7, 255]
            .iter()
            .copied()
            .chain([b'n'; 255])
            .cycle()
            .take(257 * 1000),
    );
    body.extend([0; 4]);
    body.truncate(body.len() / 4 * 4);
    let bytes = packet(0x81, 202, &body);
    let Some(Packet::SourceDescription(description)) =
        Compound::parse_reduced(&bytes).unwrap().iter().next()
    else {
        panic!();
    };
    assert_eq!(description.chunks().next().unwrap().items().count(), 1000);
}

#[test]
fn a_flood_of_farewells_is_as_many_as_fit() {
    let farewell = packet(0x9f, 203, &[0xab; 124]);
    let flood = farewell.repeat(500);
    let compound = Compound::parse_reduced(&flood).unwrap();
    let named = compound.iter().map(|packet| match packet {
        Packet::Bye(bye) => bye.ssrcs().len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(named.sum::<usize>(), 500 * 31);
    let empty = [0x80, 203, 0, 0].repeat(10_000);
    assert_eq!(
        Compound::parse_reduced(&empty).unwrap().iter().count(),
        10_000
    );
    assert_eq!(
        refusal(&packet(0x80, 203, &[4, b'a', b'b', b'c'])),
        ErrorKind::Malformed { packet_type: 203 }
    );
}

#[test]
fn feedback() {
    let (transport, payload) = (
        ErrorKind::Malformed { packet_type: 205 },
        ErrorKind::Malformed { packet_type: 206 },
    );
    let with = |contents: &[u8]| [&[0; 8][..], contents].concat();
    assert_eq!(refusal(&packet(0x81, 205, &with(&[]))), transport);
    assert_eq!(refusal(&packet(0x84, 206, &with(&[]))), payload);
    assert_eq!(refusal(&packet(0x84, 206, &with(&[0; 4]))), payload);
    // REMB that promises a source more than there is, and one without its figures.
    assert_eq!(
        refusal(&packet(0x8f, 206, &with(b"REMB\x01\0\0\0"))),
        payload
    );
    assert_eq!(refusal(&packet(0x8f, 206, &with(b"REMB"))), payload);
    assert!(Compound::parse_reduced(&packet(0x8f, 206, &with(b"XYZZ"))).is_ok());
}

#[test]
fn arrival_times_that_lie() {
    let malformed = ErrorKind::Malformed { packet_type: 205 };
    let times = |count: u16, rest: &[u8]| {
        let [high, low] = count.to_be_bytes();
        packet(
            0x8f,
            205,
            &[
                &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, high, low, 0, 0, 0, 0][..],
                rest,
            ]
            .concat(),
        )
    };
    assert_eq!(refusal(&packet(0x8f, 205, &[0; 12])), malformed);
    // Statuses without chunk, with too short a run, differences missing, the reserved symbol.
    assert_eq!(refusal(&times(1, &[])), malformed);
    assert_eq!(refusal(&times(9, &[0, 4, 0, 4])), malformed);
    assert_eq!(refusal(&times(4, &[0x20, 4, 1, 1])), malformed);
    assert_eq!(refusal(&times(1, &[0x60, 1, 0, 0])), malformed);
    // 65535 lost packets in 16 bytes cost nothing to read: there is none to tell of.
    let lost = times(u16::MAX, &[0x1f, 0xff].repeat(10));
    let Some(Packet::TransportFeedback(feedback)) =
        Compound::parse_reduced(&lost).unwrap().iter().next()
    else {
        panic!();
    };
    let TransportMessage::TransportWide(read) = feedback.message() else {
        panic!()
    };
    assert_eq!(
        (read.status_count(), read.received().count()),
        (u16::MAX, 0)
    );
    // One-bit symbols: 14 of them, of which the first and the last arrived.
    let bits = times(14, &[0b1010_0000, 0b0000_0001, 7, 8]);
    let Some(Packet::TransportFeedback(feedback)) =
        Compound::parse_reduced(&bits).unwrap().iter().next()
    else {
        panic!();
    };
    let TransportMessage::TransportWide(read) = feedback.message() else {
        panic!()
    };
    assert_eq!(
        read.received()
            .map(|packet| (packet.sequence, packet.delta))
            .collect::<Vec<_>>(),
        [(0, 7), (13, 8)]
    );
}

#[test]
fn extended_reports() {
    let malformed = ErrorKind::Malformed { packet_type: 207 };
    assert_eq!(
        refusal(&packet(0x80, 207, &[0, 0, 0, 9, 4, 0, 0, 2, 0, 0, 0, 0])),
        malformed
    );
    assert_eq!(
        refusal(&packet(0x80, 207, &[0, 0, 0, 9, 4, 0, 0xff, 0xff])),
        malformed
    );
    // A reference time that is too short is a block like any other.
    let short = packet(0x80, 207, &[0, 0, 0, 9, 4, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0]);
    let Some(Packet::ExtendedReport(report)) =
        Compound::parse_reduced(&short).unwrap().iter().next()
    else {
        panic!();
    };
    let read: Vec<_> = report
        .blocks()
        .map(|block| (block.reference_time(), block.delays().count()))
        .collect();
    assert_eq!(read, [(None, 0), (None, 0)]);
}

#[test]
fn an_unknown_type_is_handed_on() {
    let bytes = packet(0x85, 213, &[1, 2, 3, 4]);
    let Some(Packet::Unknown(unknown)) = Compound::parse_reduced(&bytes).unwrap().iter().next()
    else {
        panic!();
    };
    assert_eq!(
        (unknown.packet_type(), unknown.count(), unknown.contents()),
        (213, 5, &[1, 2, 3, 4][..])
    );
}

/// Calls every getter and exhausts every iterator; returns something of each so that none is left out.
fn read_all(compound: &Compound<'_>) -> usize {
    compound.iter().map(|packet| read_packet(&packet)).sum()
}

fn read_packet(packet: &Packet<'_>) -> usize {
    match packet {
        Packet::SenderReport(report) => {
            let _ = (
                report.sender_info(),
                report.ntp().to_unix(),
                report.ntp().to_string(),
            );
            report
                .report_blocks()
                .filter(|block| block.round_trip(report.ntp()).is_some())
                .count()
        }
        Packet::ReceiverReport(report) => {
            report.report_blocks().count() + (report.ssrc() & 1) as usize
        }
        Packet::SourceDescription(description) => {
            let _ = description.cname(9);
            description
                .chunks()
                .map(|chunk| chunk.items().map(|(_, text)| text.len()).sum::<usize>())
                .sum()
        }
        Packet::Bye(bye) => bye.ssrcs().count() + bye.reason().map_or(0, <[u8]>::len),
        Packet::App(app) => {
            app.payload().len() + usize::from(app.subtype()) + usize::from(app.name()[0])
        }
        Packet::TransportFeedback(feedback) => match feedback.message() {
            TransportMessage::Nack(nack) => nack.lost().count(),
            TransportMessage::TransportWide(times) => times.received().count(),
            TransportMessage::Other(contents) => contents.len(),
            _ => 0,
        },
        Packet::PayloadFeedback(feedback) => match feedback.message() {
            PayloadMessage::FullIntra(requests) => requests.iter().count(),
            PayloadMessage::Bitrate(rate) => {
                rate.ssrcs().count() + (rate.bits_per_second() & 1) as usize
            }
            _ => usize::from(feedback.asks_for_key_frame(2)),
        },
        Packet::ExtendedReport(report) => report
            .blocks()
            .map(|block| block.delays().count() + block.contents.len())
            .sum(),
        Packet::Unknown(unknown) => unknown.contents().len(),
        _ => 0,
    }
}

/// A generator of numbers that are the same in each run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        (self.next() & 0xff) as u8
    }
}

fn valid() -> BytesMut {
    let mut buffer = BytesMut::new();
    let sender = SenderInfo {
        ssrc: 1,
        ntp: NtpTime(0x8899_aabb_ccdd_eeff),
        ..SenderInfo::default()
    };
    let mut writer = CompoundWriter::new(&mut buffer);
    writer
        .sender_report(&sender, &[ReportBlock::default(); 2])
        .cname(1, "someone@192.0.2.1")
        .app(1, 3, *b"name", b"12345678")
        .nack(1, 2, &[1, 2, 40])
        .pli(1, 2)
        .fir(
            1,
            &[FullIntraRequest {
                ssrc: 2,
                sequence: 3,
            }],
        )
        .remb(1, 5_000_000, &[2])
        .reference_time(1, sender.ntp);
    writer.transport_wide(
        (1, 2),
        65_000,
        99,
        1,
        &[Some(1), None, Some(-400), None, Some(3)],
    );
    writer.bye(&[1], Some("bye"));
    buffer
}

#[test]
fn every_truncation_is_refused_or_read() {
    let bytes = valid();
    let whole = Compound::parse(&bytes).unwrap();
    assert_eq!(whole.iter().count(), 10);
    let ends: Vec<usize> = (1..bytes.len())
        .filter(|end| Compound::parse(&bytes[..*end]).is_ok())
        .collect();
    // Only between packets.
    assert_eq!(ends.len(), 9, "{ends:?}");
    for end in ends {
        read_all(&Compound::parse(&bytes[..end]).unwrap());
    }
}

#[test]
fn garbage_by_the_thousand() {
    let mut numbers = Numbers(9);
    let seed = valid();
    let mut accepted = 0_usize;
    for _ in 0..40_000 {
        let mut bytes = seed.to_vec();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(bytes.len());
            match numbers.below(4) {
                0 => bytes[at] = numbers.byte(),
                1 => bytes[at] ^= 1 << numbers.below(8),
                2 => bytes.truncate(at / 4 * 4 + 4),
                _ => {
                    let end = (at + 4 * numbers.below(5)).min(bytes.len());
                    bytes.drain(at..end);
                    bytes.push(numbers.byte());
                }
            }
        }
        if let Ok(compound) = Compound::parse_reduced(&bytes) {
            accepted += 1;
            read_all(&compound);
            let mut patched = bytes.clone();
            let reports =
                rtcp::patch::rewrite_sender(&mut patched, |sender| sender.ssrc ^= 0x5555_0000)
                    .unwrap();
            assert!(reports <= compound.iter().count());
            assert_eq!(patched.len(), bytes.len());
            // A patched compound is as valid as before, packet for packet.
            assert_eq!(
                Compound::parse_reduced(&patched).unwrap().iter().count(),
                compound.iter().count()
            );
        }
    }
    assert!(accepted > 5_000, "only {accepted} were read");
}

#[test]
fn noise_behind_a_plausible_header() {
    let mut numbers = Numbers(10);
    let mut accepted = 0_usize;
    for _ in 0..60_000 {
        let words = numbers.below(24);
        let mut bytes = vec![
            0x80 | (numbers.byte() & 0x1f),
            200 + numbers.byte() % 9,
            0,
            words as u8,
        ];
        let small = numbers.below(2) == 0;
        bytes.extend((0..words * 4).map(|_| {
            if small {
                numbers.byte() & 3
            } else {
                numbers.byte()
            }
        }));
        if let Ok(compound) = Compound::parse_reduced(&bytes) {
            accepted += 1;
            read_all(&compound);
        }
    }
    assert!(accepted > 5_000, "only {accepted} were read");
}
