//! What the writer writes, the reader reads.

use bytes::BytesMut;
use rtcp::Compound;
use rtcp::CompoundWriter;
use rtcp::FullIntraRequest;
use rtcp::ItemKind;
use rtcp::NtpTime;
use rtcp::Packet;
use rtcp::PayloadMessage;
use rtcp::ReferenceDelay;
use rtcp::ReportBlock;
use rtcp::SenderInfo;
use rtcp::TransportMessage;

fn write(act: impl FnOnce(&mut CompoundWriter<'_>)) -> BytesMut {
    // Something in front, which no packet may touch.
    let mut buffer = BytesMut::from(&b"$"[..]);
    let mut writer = CompoundWriter::new(&mut buffer);
    act(&mut writer);
    let length = writer.len();
    let start = buffer.split_to(1);
    assert_eq!(start, b"$"[..]);
    assert_eq!(buffer.len(), length);
    assert_eq!(length % 4, 0);
    buffer
}

/// The only packet of `bytes`.
fn only(bytes: &[u8]) -> Packet<'_> {
    let mut packets = Compound::parse_reduced(bytes).unwrap().into_iter();
    let packet = packets.next().unwrap();
    assert_eq!(packets.next(), None);
    packet
}

fn block(number: u32) -> ReportBlock {
    ReportBlock {
        ssrc: number,
        fraction_lost: 3,
        cumulative_lost: -4,
        extended_highest_sequence: 0x0001_ffff,
        jitter: 5,
        last_sender_report: 6,
        delay_since_last_sender_report: 7,
    }
}

const SENDER: SenderInfo = SenderInfo {
    ssrc: 0x0102_0304,
    ntp: NtpTime(0x1112_1314_1516_1718),
    rtp_timestamp: 0x2122_2324,
    packet_count: 0x3132_3334,
    octet_count: 0x4142_4344,
};

#[test]
fn a_sender_report_byte_for_byte() {
    let bytes = write(|writer| {
        writer.sender_report(&SENDER, &[]).cname(SENDER.ssrc, "ab");
    });
    let expected = [
        0x80, 200, 0, 6, 1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x21, 0x22,
        0x23, 0x24, 0x31, 0x32, 0x33, 0x34, 0x41, 0x42, 0x43, 0x44, //
        0x81, 202, 0, 3, 1, 2, 3, 4, 1, 2, b'a', b'b', 0, 0, 0, 0,
    ];
    assert_eq!(bytes, expected[..]);
    let report = Compound::parse(&bytes).unwrap().sender_report().unwrap();
    assert_eq!(report.sender_info(), SENDER);
    assert_eq!(report.report_blocks().len(), 0);
}

#[test]
fn reports_hold_31_blocks_and_go_on_in_receiver_reports() {
    for count in [0, 1, 31, 32, 62, 63] {
        let blocks: Vec<_> = (0..count).map(block).collect();
        for sends in [false, true] {
            let bytes = write(|writer| {
                if sends {
                    writer.sender_report(&SENDER, &blocks);
                } else {
                    writer.receiver_report(9, &blocks);
                }
            });
            let compound = Compound::parse(&bytes).unwrap();
            let mut read = Vec::new();
            for (index, packet) in compound.iter().enumerate() {
                match packet {
                    Packet::SenderReport(report) if sends && index == 0 => {
                        read.extend(report.report_blocks());
                    }
                    Packet::ReceiverReport(report) => {
                        assert_eq!(report.ssrc(), if sends { SENDER.ssrc } else { 9 });
                        read.extend(report.report_blocks());
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(read, blocks);
            assert_eq!(compound.iter().count(), blocks.len().div_ceil(31).max(1));
        }
    }
}

#[test]
fn descriptions_of_every_length_are_terminated() {
    for length in 0..=300 {
        let text: String = "x".repeat(length);
        let bytes = write(|writer| {
            writer.source_description(
                5,
                &[
                    (ItemKind::Tool, "t"),
                    (ItemKind::Cname, &text),
                    (ItemKind::Other(0), "gone"),
                ],
            );
        });
        let Packet::SourceDescription(description) = only(&bytes) else {
            panic!();
        };
        let kept = &text.as_bytes()[..length.min(255)];
        assert_eq!(description.cname(5), Some(kept));
        assert_eq!(description.cname(6), None);
        let items: Vec<_> = description
            .chunks()
            .flat_map(|chunk| chunk.items().collect::<Vec<_>>())
            .collect();
        assert_eq!(
            items,
            [(ItemKind::Tool, &b"t"[..]), (ItemKind::Cname, kept)]
        );
        assert_eq!(bytes.last(), Some(&0));
    }
}

/// A description of several sources in one packet, as mixers write: each chunk filled up to four bytes by its own
/// terminator, which is one to four bytes long.
#[test]
fn several_sources_in_one_description() {
    for length in 0..9_u8 {
        let mut bytes = vec![0x83, 202, 0, 0];
        for ssrc in [7, 8, 9] {
            bytes.extend([0, 0, 0, ssrc, 1, length]);
            bytes.extend((0..length).map(|_| b'a' + ssrc));
            bytes.push(0);
            while bytes.len() % 4 != 0 {
                bytes.push(0);
            }
        }
        bytes[3] = u8::try_from(bytes.len() / 4 - 1).unwrap();
        rtcp::patch::replace_ssrc(&mut bytes, 9, 19).unwrap();
        let Packet::SourceDescription(description) = only(&bytes) else {
            panic!();
        };
        let sources: Vec<_> = description.chunks().map(|chunk| chunk.ssrc).collect();
        assert_eq!(sources, [7, 8, 19], "{length}");
        for (ssrc, letter) in [(7, b'h'), (8, b'i'), (19, b'j')] {
            assert_eq!(
                description.cname(ssrc),
                Some(&vec![letter; length.into()][..])
            );
        }
    }
}

#[test]
fn texts_are_cut_between_characters() {
    let text = "é".repeat(200);
    let bytes = write(|writer| {
        writer.cname(1, &text).bye(&[1], Some(&text));
    });
    for packet in Compound::parse_reduced(&bytes).unwrap() {
        let text = match packet {
            Packet::SourceDescription(packet) => packet.cname(1),
            Packet::Bye(bye) => bye.reason(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            std::str::from_utf8(text.unwrap()).unwrap().chars().count(),
            127
        );
    }
}

#[test]
fn farewells() {
    for count in [0_u32, 1, 31, 32, 100] {
        for reason in [None, Some("a"), Some("abc"), Some("end of stream")] {
            let ssrcs: Vec<u32> = (0..count).collect();
            let bytes = write(|writer| {
                writer.bye(&ssrcs, reason);
            });
            let mut read = Vec::new();
            let mut reasons = Vec::new();
            for packet in Compound::parse_reduced(&bytes).unwrap() {
                let Packet::Bye(bye) = packet else {
                    panic!("{packet:?}")
                };
                read.extend(bye.ssrcs());
                reasons.push(bye.reason());
            }
            assert_eq!(read, ssrcs);
            assert_eq!(reasons.pop(), Some(reason.map(str::as_bytes)));
            assert!(reasons.iter().all(Option::is_none));
        }
    }
}

#[test]
fn application_packets() {
    let bytes = write(|writer| {
        writer.app(1, 33, *b"qtsi", b"12345");
    });
    let Packet::App(app) = only(&bytes) else {
        panic!()
    };
    assert_eq!((app.ssrc(), app.subtype(), app.name()), (1, 1, *b"qtsi"));
    assert_eq!(app.payload(), b"12345\0\0\0");
}

#[test]
fn lost_packets() {
    for (lost, entries) in [
        (vec![], 0),
        (vec![7], 1),
        (vec![7, 8, 23], 1),
        (vec![7, 24], 2),
        (vec![65535, 0, 15], 1),
        (vec![65535, 0, 16], 2),
        ((0..4000).collect(), 236),
        ((0..400).map(|number| number * 100).collect(), 400),
    ] {
        let bytes = write(|writer| {
            writer.nack(1, 2, &lost);
        });
        if lost.is_empty() {
            assert!(bytes.is_empty());
            continue;
        }
        let mut read = Vec::new();
        let mut count = 0;
        for packet in Compound::parse_reduced(&bytes).unwrap() {
            let Packet::TransportFeedback(feedback) = packet else {
                panic!("{packet:?}")
            };
            assert_eq!((feedback.sender_ssrc(), feedback.media_ssrc()), (1, 2));
            let TransportMessage::Nack(nack) = feedback.message() else {
                panic!()
            };
            read.extend(nack.lost());
            count += nack.entries().len();
        }
        assert_eq!((read, count), (lost, entries));
    }
}

#[test]
fn lost_packets_named_twice_are_asked_for_once() {
    let bytes = write(|writer| {
        writer.nack(1, 2, &[7, 7, 8, 8]);
    });
    let Packet::TransportFeedback(feedback) = only(&bytes) else {
        panic!()
    };
    let TransportMessage::Nack(nack) = feedback.message() else {
        panic!()
    };
    assert_eq!(nack.lost().collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn key_frame_requests() {
    let requests = [
        FullIntraRequest {
            ssrc: 5,
            sequence: 1,
        },
        FullIntraRequest {
            ssrc: 6,
            sequence: 255,
        },
    ];
    let bytes = write(|writer| {
        writer.pli(1, 2).fir(1, &requests).fir(1, &[]);
    });
    let mut packets = Compound::parse_reduced(&bytes).unwrap().iter();
    let Some(Packet::PayloadFeedback(loss)) = packets.next() else {
        panic!()
    };
    assert_eq!(loss.message(), PayloadMessage::PictureLoss);
    assert_eq!(
        (
            loss.sender_ssrc(),
            loss.asks_for_key_frame(2),
            loss.asks_for_key_frame(1)
        ),
        (1, true, false)
    );
    let Some(Packet::PayloadFeedback(intra)) = packets.next() else {
        panic!()
    };
    let PayloadMessage::FullIntra(read) = intra.message() else {
        panic!()
    };
    assert_eq!(read.iter().collect::<Vec<_>>(), requests);
    assert_eq!(
        [0, 5, 6].map(|ssrc| intra.asks_for_key_frame(ssrc)),
        [false, true, true]
    );
    assert_eq!(packets.next(), None);
}

#[test]
fn bit_rates_keep_18_bits() {
    for (rate, kept) in [
        (0, 0),
        (1, 1),
        (0x3_ffff, 0x3_ffff),
        (0x4_0001, 0x4_0000),
        (8_927_168, 8_927_168),
        (u64::MAX, 0x3_ffff << 46),
    ] {
        let bytes = write(|writer| {
            writer.remb(1, rate, &[72, 73]);
        });
        let Packet::PayloadFeedback(feedback) = only(&bytes) else {
            panic!()
        };
        let PayloadMessage::Bitrate(bitrate) = feedback.message() else {
            panic!()
        };
        assert_eq!(bitrate.bits_per_second(), kept);
        assert_eq!(bitrate.ssrcs().collect::<Vec<_>>(), [72, 73]);
    }
}

#[test]
fn a_bit_rate_over_64_bits_is_the_largest() {
    let mut bytes = write(|writer| {
        writer.remb(1, 1, &[]);
    });
    bytes[17..20].copy_from_slice(&[0xff, 0xff, 0xff]);
    let Packet::PayloadFeedback(feedback) = only(&bytes) else {
        panic!()
    };
    let PayloadMessage::Bitrate(bitrate) = feedback.message() else {
        panic!()
    };
    assert_eq!(bitrate.bits_per_second(), u64::MAX);
}

#[test]
fn arrival_times() {
    let mixed: Vec<Option<i16>> = vec![
        Some(0),
        None,
        Some(255),
        Some(256),
        Some(-1),
        Some(i16::MIN),
        None,
        Some(4),
    ];
    let long: Vec<Option<i16>> = (0..2000)
        .map(|number| (number % 900 > 30).then_some(number))
        .collect();
    for (arrivals, taken) in [
        (vec![], 0),
        (vec![None; 9], 9),
        (mixed, 8),
        (long, 1024),
        (vec![Some(1); 7], 7),
    ] {
        let base = 65_530;
        let bytes = write(|writer| {
            assert_eq!(
                writer.transport_wide((1, 2), base, -5, 250, &arrivals),
                taken
            );
        });
        let Packet::TransportFeedback(feedback) = only(&bytes) else {
            panic!()
        };
        let TransportMessage::TransportWide(times) = feedback.message() else {
            panic!()
        };
        assert_eq!(
            (
                times.base_sequence(),
                times.reference_time(),
                times.feedback_count()
            ),
            (base, -5, 250)
        );
        assert_eq!(usize::from(times.status_count()), taken);
        let expected: Vec<_> = (base..=u16::MAX)
            .chain(0..)
            .zip(&arrivals[..taken])
            .filter_map(|(sequence, delta)| Some((sequence, (*delta)?)))
            .collect();
        let read: Vec<_> = times
            .received()
            .map(|packet| (packet.sequence, packet.delta))
            .collect();
        assert_eq!(read, expected);
    }
}

#[test]
fn reference_times() {
    let delays: Vec<_> = (0..200)
        .map(|ssrc| ReferenceDelay {
            ssrc,
            last_reference: 1,
            delay: 2,
        })
        .collect();
    let bytes = write(|writer| {
        writer
            .reference_time(1, SENDER.ntp)
            .reference_delays(2, &delays);
    });
    let mut read = Vec::new();
    let mut time = None;
    for packet in Compound::parse_reduced(&bytes).unwrap() {
        let Packet::ExtendedReport(report) = packet else {
            panic!("{packet:?}")
        };
        for block in report.blocks() {
            time = time.or(block.reference_time());
            read.extend(block.delays());
        }
    }
    assert_eq!(time, Some(SENDER.ntp));
    assert_eq!(read, delays);
}

#[test]
fn padding_reaches_the_multiple() {
    for multiple in [0_u8, 2, 4, 8, 16, 252] {
        let bytes = write(|writer| {
            writer
                .receiver_report(1, &[])
                .cname(1, "x")
                .bye(&[1], None)
                .pad(multiple);
        });
        let valid = multiple >= 4;
        assert!(!valid || bytes.len() % usize::from(multiple) == 0);
        let compound = Compound::parse(&bytes).unwrap();
        let Some(Packet::Bye(bye)) = compound.iter().last() else {
            panic!()
        };
        assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [1]);
        assert_eq!(bye.reason(), None);
    }
    assert!(
        write(|writer| {
            writer.pad(4);
        })
        .is_empty()
    );
}
