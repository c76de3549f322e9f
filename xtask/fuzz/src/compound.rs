//! RTCP compounds: read, changed in place, written.

use super::memory;
use arbitrary::{Arbitrary, Unstructured};
use bytes::BytesMut;
use rtcp::{
    Compound, CompoundWriter, FullIntraRequest, ItemKind, NtpTime, Packet, PayloadMessage,
    ReferenceDelay, ReportBlock, SenderInfo, TransportMessage, patch,
};

/// A compound as a peer sends it.
pub fn compound(input: &[u8]) {
    // Reading allocates nothing at all.
    let reduced = memory::bounded(0, || {
        let reduced = Compound::parse_reduced(input);
        let whole = Compound::parse(input);
        assert!(
            reduced.is_ok() || whole.is_err(),
            "a whole one is one of reduced size too"
        );
        if let Ok(compound) = &reduced {
            look(compound, input.len());
        }
        reduced.is_ok()
    });
    let mut changed = input.to_vec();
    let before = kinds(input);
    let sent = patch::rewrite_sender(&mut changed, |sender| {
        sender.ssrc ^= 1;
        sender.rtp_timestamp = !sender.rtp_timestamp;
    });
    assert_eq!(sent.is_ok(), reduced);
    if !reduced {
        assert_eq!(changed, input, "what is not valid is not touched");
    }
    assert_eq!(kinds(&changed), before);
    let replaced = patch::replace_ssrc(&mut changed, 1, 2);
    assert_eq!(replaced.is_ok(), reduced);
    assert_eq!(kinds(&changed), before);
}

fn kinds(bytes: &[u8]) -> Vec<u16> {
    let compound = Compound::parse_reduced(bytes).ok();
    let packets = compound.into_iter().flatten();
    packets.map(kind).collect()
}

fn kind(packet: Packet<'_>) -> u16 {
    match packet {
        Packet::SenderReport(_) => 200,
        Packet::ReceiverReport(_) => 201,
        Packet::SourceDescription(_) => 202,
        Packet::Bye(_) => 203,
        Packet::App(_) => 204,
        Packet::TransportFeedback(_) => 205,
        Packet::PayloadFeedback(_) => 206,
        Packet::ExtendedReport(_) => 207,
        Packet::Unknown(unknown) => unknown.packet_type().into(),
        _ => 0,
    }
}

/// Reads all that can be read.
fn look(compound: &Compound<'_>, length: usize) {
    // No list is longer than what may stand for it: a status of one bit in transport-wide feedback is the least, and a
    // run-length chunk is bounded by the count of 16 bits.
    let most = 8 * length + usize::from(u16::MAX);
    for packet in compound {
        let count = match packet {
            Packet::SenderReport(report) => report.report_blocks().len(),
            Packet::ReceiverReport(report) => report.report_blocks().len(),
            Packet::SourceDescription(description) => {
                let _ = description.cname(7);
                description
                    .chunks()
                    .map(|chunk| chunk.items().count())
                    .sum()
            }
            Packet::Bye(bye) => bye.ssrcs().len() + bye.reason().map_or(0, <[u8]>::len),
            Packet::App(app) => app.payload().len(),
            Packet::TransportFeedback(feedback) => match feedback.message() {
                TransportMessage::Nack(nack) => nack.lost().count(),
                TransportMessage::TransportWide(wide) => {
                    let received = wide.received().count();
                    assert!(received <= usize::from(wide.status_count()));
                    received
                }
                _ => 0,
            },
            Packet::PayloadFeedback(feedback) => {
                let _ = feedback.asks_for_key_frame(feedback.media_ssrc());
                match feedback.message() {
                    PayloadMessage::FullIntra(requests) => requests.iter().len(),
                    PayloadMessage::Bitrate(bitrate) => {
                        let _ = bitrate.bits_per_second();
                        bitrate.ssrcs().count()
                    }
                    _ => 0,
                }
            }
            Packet::ExtendedReport(report) => report
                .blocks()
                .map(|block| block.delays().count() + usize::from(block.reference_time().is_some()))
                .sum(),
            Packet::Unknown(unknown) => unknown.contents().len(),
            _ => 0,
        };
        assert!(count <= most, "{count} elements of {length} bytes");
    }
}

/// A packet to write.
#[derive(Arbitrary, Debug)]
enum Part {
    Sender(u32, u64, u32, Vec<u32>),
    Receiver(u32, Vec<u32>),
    Name(u32, String),
    Description(u32, String, String),
    Bye(Vec<u32>, Option<String>),
    App(u32, u8, [u8; 4], Vec<u8>),
    Nack(u32, Vec<u16>),
    Pli(u32),
    Fir(u32, Vec<(u32, u8)>),
    Remb(u32, u64, Vec<u32>),
    ReferenceTime(u32, u64),
    Delays(u32, Vec<(u32, u32, u32)>),
}

/// What is written is valid, whatever was asked for, and says what was said.
pub fn writer(input: &[u8]) {
    let mut source = Unstructured::new(input);
    let Ok(parts) = Vec::<Part>::arbitrary(&mut source) else {
        return;
    };
    let mut buffer = BytesMut::from(&b"$"[..]);
    for part in &parts {
        let start = buffer.len();
        let mut writer = CompoundWriter::new(&mut buffer);
        write(&mut writer, part);
        let length = writer.len();
        assert_eq!(buffer.len(), start + length);
        let written = &buffer[start..];
        if written.is_empty() {
            continue;
        }
        let compound = Compound::parse_reduced(written);
        let compound = compound.unwrap_or_else(|error| panic!("{error} of {part:?}"));
        look(&compound, written.len());
        said(part, &compound);
    }
    assert_eq!(buffer.first(), Some(&b'$'));
}

fn block(number: &u32) -> ReportBlock {
    ReportBlock {
        ssrc: *number,
        fraction_lost: *number as u8,
        cumulative_lost: (*number as i32) >> 8,
        extended_highest_sequence: number.rotate_left(7),
        jitter: number.rotate_left(11),
        last_sender_report: !number,
        delay_since_last_sender_report: number.rotate_left(19),
    }
}

fn write(writer: &mut CompoundWriter<'_>, part: &Part) {
    match part {
        Part::Sender(ssrc, ntp, count, blocks) => {
            let blocks: Vec<_> = blocks.iter().map(block).collect();
            writer.sender_report(&sender(*ssrc, *ntp, *count), &blocks);
        }
        Part::Receiver(ssrc, blocks) => {
            let blocks: Vec<_> = blocks.iter().map(block).collect();
            writer.receiver_report(*ssrc, &blocks);
        }
        Part::Name(ssrc, name) => {
            writer.cname(*ssrc, name);
        }
        Part::Description(ssrc, name, tool) => {
            writer.source_description(*ssrc, &[(ItemKind::Name, name), (ItemKind::Tool, tool)]);
        }
        Part::Bye(ssrcs, reason) => {
            writer.bye(ssrcs, reason.as_deref());
        }
        Part::App(ssrc, subtype, name, payload) => {
            writer.app(*ssrc, *subtype, *name, payload);
        }
        Part::Nack(media, lost) => {
            writer.nack(1, *media, lost);
        }
        Part::Pli(media) => {
            writer.pli(1, *media);
        }
        Part::Fir(sender, requests) => {
            let requests = requests.iter().map(|(ssrc, sequence)| FullIntraRequest {
                ssrc: *ssrc,
                sequence: *sequence,
            });
            writer.fir(*sender, &requests.collect::<Vec<_>>());
        }
        Part::Remb(sender, bits, ssrcs) => {
            writer.remb(*sender, *bits, ssrcs);
        }
        Part::ReferenceTime(ssrc, time) => {
            writer.reference_time(*ssrc, NtpTime(*time));
        }
        Part::Delays(ssrc, delays) => {
            let delays = delays.iter().map(|(ssrc, last, delay)| ReferenceDelay {
                ssrc: *ssrc,
                last_reference: *last,
                delay: *delay,
            });
            writer.reference_delays(*ssrc, &delays.collect::<Vec<_>>());
        }
    }
}

fn sender(ssrc: u32, ntp: u64, count: u32) -> SenderInfo {
    SenderInfo {
        ssrc,
        ntp: NtpTime(ntp),
        rtp_timestamp: !count,
        packet_count: count,
        octet_count: count.rotate_left(9),
    }
}

fn said(part: &Part, compound: &Compound<'_>) {
    match part {
        Part::Sender(ssrc, ntp, count, blocks) => {
            let info = compound.sender_report().map(|report| report.sender_info());
            assert_eq!(info, Some(sender(*ssrc, *ntp, *count)));
            let read: Vec<ReportBlock> = compound
                .iter()
                .flat_map(|packet| match packet {
                    Packet::SenderReport(report) => report.report_blocks().collect(),
                    Packet::ReceiverReport(report) => report.report_blocks().collect(),
                    _ => Vec::new(),
                })
                .collect();
            assert_eq!(read, blocks.iter().map(block).collect::<Vec<_>>());
        }
        Part::Nack(_, lost) => {
            let read: std::collections::BTreeSet<u16> = compound
                .iter()
                .flat_map(|packet| match packet {
                    Packet::TransportFeedback(feedback) => match feedback.message() {
                        TransportMessage::Nack(nack) => nack.lost().collect(),
                        _ => Vec::new(),
                    },
                    _ => Vec::new(),
                })
                .collect();
            assert_eq!(read, lost.iter().copied().collect());
        }
        Part::Bye(ssrcs, _) => {
            let read: Vec<u32> = compound
                .iter()
                .flat_map(|packet| match packet {
                    Packet::Bye(bye) => bye.ssrcs().collect(),
                    _ => Vec::new(),
                })
                .collect();
            assert_eq!(&read, ssrcs);
        }
        _ => {}
    }
}
