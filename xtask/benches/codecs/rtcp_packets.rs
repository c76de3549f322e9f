//! Reading and writing what a media stream exchanges every few seconds, beside `rtcp-types` and webrtc-rs `rtcp`.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::Criterion;
use rtcp::{Compound, CompoundWriter, NtpTime, Packet, ReportBlock, SenderInfo};
use webrtc_rtcp::reception_report::ReceptionReport;
use webrtc_rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use webrtc_util::marshal::Marshal;

use crate::contest::{AS_FAST, Contest, Table, each};

const CNAME: &str = "camera@192.0.2.7";

const SENDER: SenderInfo = SenderInfo {
    ssrc: 0x1122_3344,
    ntp: NtpTime(0xe900_0000_8000_0000),
    rtp_timestamp: 90_000,
    packet_count: 2_500,
    octet_count: 3_000_000,
};

/// What a compound says, folded so that no crate may leave a field out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Read {
    sender: u64,
    blocks: u32,
    names: usize,
}

impl Read {
    fn sender(&mut self, ssrc: u32, ntp: u64, rest: [u32; 3]) {
        self.sender ^= ntp ^ u64::from(ssrc);
        self.sender ^= rest.iter().fold(0, |sum, word| sum ^ u64::from(*word));
    }

    fn block(&mut self, fraction: u8, words: [u32; 6]) {
        self.blocks ^= words
            .iter()
            .fold(u32::from(fraction), |sum, word| sum ^ word);
    }
}

fn blocks(count: usize) -> Vec<ReportBlock> {
    (0..count as u32)
        .map(|ssrc| ReportBlock {
            ssrc,
            fraction_lost: 3,
            cumulative_lost: 17,
            extended_highest_sequence: 0x0001_2345,
            jitter: 40,
            last_sender_report: 0x1234_5678,
            delay_since_last_sender_report: 0x0001_0000,
        })
        .collect()
}

fn write(buffer: &mut BytesMut, blocks: &[ReportBlock]) -> usize {
    buffer.clear();
    CompoundWriter::new(buffer)
        .sender_report(&SENDER, blocks)
        .cname(SENDER.ssrc, CNAME);
    buffer.len()
}

fn write_rtcp_types(buffer: &mut [u8], blocks: &[ReportBlock]) -> usize {
    use rtcp_types::RtcpPacketWriterExt;
    let mut report = rtcp_types::SenderReport::builder(SENDER.ssrc)
        .ntp_timestamp(SENDER.ntp.0)
        .rtp_timestamp(SENDER.rtp_timestamp)
        .packet_count(SENDER.packet_count)
        .octet_count(SENDER.octet_count);
    for block in blocks {
        report = report.add_report_block(
            rtcp_types::ReportBlock::builder(block.ssrc)
                .fraction_lost(block.fraction_lost)
                .cumulative_lost(block.cumulative_lost as u32)
                .extended_sequence_number(block.extended_highest_sequence)
                .interarrival_jitter(block.jitter)
                .last_sender_report_timestamp(block.last_sender_report)
                .delay_since_last_sender_report_timestamp(block.delay_since_last_sender_report),
        );
    }
    let chunk = rtcp_types::SdesChunk::builder(SENDER.ssrc).add_item(
        rtcp_types::SdesItem::builder(rtcp_types::SdesItem::CNAME, CNAME),
    );
    rtcp_types::Compound::builder()
        .add_packet(report)
        .add_packet(rtcp_types::Sdes::builder().add_chunk(chunk))
        .write_into(buffer)
        .expect("a valid compound")
}

fn write_webrtc(buffer: &mut [u8], blocks: &[ReportBlock]) -> usize {
    let report = webrtc_rtcp::sender_report::SenderReport {
        ssrc: SENDER.ssrc,
        ntp_time: SENDER.ntp.0,
        rtp_time: SENDER.rtp_timestamp,
        packet_count: SENDER.packet_count,
        octet_count: SENDER.octet_count,
        reports: blocks
            .iter()
            .map(|block| ReceptionReport {
                ssrc: block.ssrc,
                fraction_lost: block.fraction_lost,
                total_lost: block.cumulative_lost as u32,
                last_sequence_number: block.extended_highest_sequence,
                jitter: block.jitter,
                last_sender_report: block.last_sender_report,
                delay: block.delay_since_last_sender_report,
            })
            .collect(),
        profile_extensions: Bytes::new(),
    };
    let description = SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: SENDER.ssrc,
            items: vec![SourceDescriptionItem {
                sdes_type: SdesType::SdesCname,
                text: Bytes::from_static(CNAME.as_bytes()),
            }],
        }],
    };
    let first = report.marshal_to(buffer).expect("room");
    first + description.marshal_to(&mut buffer[first..]).expect("room")
}

fn read(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    let compound = Compound::parse(bytes).expect("a valid compound");
    for packet in &compound {
        match packet {
            Packet::SenderReport(report) => {
                let sender = report.sender_info();
                let rest = [
                    sender.rtp_timestamp,
                    sender.packet_count,
                    sender.octet_count,
                ];
                read.sender(sender.ssrc, sender.ntp.0, rest);
                for block in report.report_blocks() {
                    read.block(
                        block.fraction_lost,
                        [
                            block.ssrc,
                            block.cumulative_lost as u32,
                            block.extended_highest_sequence,
                            block.jitter,
                            block.last_sender_report,
                            block.delay_since_last_sender_report,
                        ],
                    );
                }
            }
            Packet::SourceDescription(source) => {
                let items = source.chunks().flat_map(|chunk| chunk.items());
                read.names += items.map(|(_, text)| text.len()).sum::<usize>();
            }
            _ => {}
        }
    }
    read
}

fn read_rtcp_types(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    let compound = rtcp_types::Compound::parse(bytes).expect("a valid compound");
    for packet in compound {
        match packet.expect("a valid packet") {
            rtcp_types::Packet::Sr(report) => {
                let rest = [
                    report.rtp_timestamp(),
                    report.packet_count(),
                    report.octet_count(),
                ];
                read.sender(report.ssrc(), report.ntp_timestamp(), rest);
                for block in report.report_blocks() {
                    read.block(
                        block.fraction_lost(),
                        [
                            block.ssrc(),
                            block.cumulative_lost(),
                            block.extended_sequence_number(),
                            block.interarrival_jitter(),
                            block.last_sender_report_timestamp(),
                            block.delay_since_last_sender_report_timestamp(),
                        ],
                    );
                }
            }
            rtcp_types::Packet::Sdes(source) => {
                let items = source.chunks().flat_map(rtcp_types::SdesChunk::items);
                read.names += items.map(|item| item.value().len()).sum::<usize>();
            }
            _ => {}
        }
    }
    read
}

fn read_webrtc(bytes: &Bytes) -> Read {
    let mut read = Read::default();
    let packets = webrtc_rtcp::packet::unmarshal(&mut bytes.clone()).expect("a valid compound");
    for packet in &packets {
        let packet = packet.as_any();
        if let Some(report) = packet.downcast_ref::<webrtc_rtcp::sender_report::SenderReport>() {
            let rest = [report.rtp_time, report.packet_count, report.octet_count];
            read.sender(report.ssrc, report.ntp_time, rest);
            for block in &report.reports {
                read.block(
                    block.fraction_lost,
                    [
                        block.ssrc,
                        block.total_lost,
                        block.last_sequence_number,
                        block.jitter,
                        block.last_sender_report,
                        block.delay,
                    ],
                );
            }
        } else if let Some(source) = packet.downcast_ref::<SourceDescription>() {
            let items = source.chunks.iter().flat_map(|chunk| &chunk.items);
            read.names += items.map(|item| item.text.len()).sum::<usize>();
        }
    }
    read
}

pub(crate) fn contests(criterion: &mut Criterion, table: &mut Table) {
    for count in [0, 1, 31] {
        let blocks = blocks(count);
        let (mut ours, mut theirs, mut webrtc) = (BytesMut::new(), [0; 2048], [0; 2048]);
        write(&mut ours, &blocks);
        let length = write_rtcp_types(&mut theirs, &blocks);
        assert_eq!(ours, theirs[..length], "both write the same");
        let length = write_webrtc(&mut webrtc, &blocks);
        // Where it fills up to a word it writes a padding count, though its header announces no padding.
        assert_eq!(ours.len(), length, "all write as much");
        let bytes = ours.clone().freeze();
        assert_eq!(read(&bytes), read_rtcp_types(&bytes), "both read the same");
        assert_eq!(read(&bytes), read_webrtc(&bytes), "all read the same");

        let name = |what| format!("RTCP, {what} a report, blocks: {count}");
        Contest::new(name("read"), 1, each(|| read(black_box(&bytes))))
            .against(
                "rtcp-types",
                AS_FAST,
                each(|| read_rtcp_types(black_box(&bytes))),
            )
            .against(
                "webrtc-rs rtcp",
                AS_FAST,
                each(|| read_webrtc(black_box(&bytes))),
            )
            .run(criterion, table);
        Contest::new(
            name("write"),
            1,
            each(|| write(&mut ours, black_box(&blocks))),
        )
        .against(
            "rtcp-types",
            AS_FAST,
            each(|| write_rtcp_types(&mut theirs, black_box(&blocks))),
        )
        .against(
            "webrtc-rs rtcp",
            AS_FAST,
            each(|| write_webrtc(&mut webrtc, black_box(&blocks))),
        )
        .run(criterion, table);
    }
}
