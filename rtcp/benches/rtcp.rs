//! Reading and writing what a media stream exchanges every few seconds, beside the crate `rtcp-types`.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::BatchSize;
use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use rtcp::Compound;
use rtcp::CompoundWriter;
use rtcp::NtpTime;
use rtcp::Packet;
use rtcp::ReportBlock;
use rtcp::SenderInfo;

const CNAME: &str = "camera@192.0.2.7";

const SENDER: SenderInfo = SenderInfo {
    ssrc: 0x1122_3344,
    ntp: NtpTime(0xe900_0000_8000_0000),
    rtp_timestamp: 90_000,
    packet_count: 2_500,
    octet_count: 3_000_000,
};

fn block(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 3,
        cumulative_lost: 17,
        extended_highest_sequence: 0x0001_2345,
        jitter: 40,
        last_sender_report: 0x1234_5678,
        delay_since_last_sender_report: 0x0001_0000,
    }
}

fn ours(buffer: &mut BytesMut, blocks: &[ReportBlock]) {
    CompoundWriter::new(buffer)
        .sender_report(&SENDER, blocks)
        .cname(SENDER.ssrc, CNAME);
}

fn theirs(buffer: &mut [u8], blocks: &[ReportBlock]) -> usize {
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

/// The sum of a field of each block, so that none is optimized away.
fn read_ours(bytes: &[u8]) -> u32 {
    let compound = Compound::parse(bytes).expect("a valid compound");
    compound.iter().fold(0, |sum, packet| match packet {
        Packet::SenderReport(report) => report
            .report_blocks()
            .fold(sum ^ report.rtp_timestamp(), |sum, block| {
                sum ^ block.jitter
            }),
        Packet::SourceDescription(source) => {
            sum ^ source
                .cname(SENDER.ssrc)
                .map_or(0, |name| name.len() as u32)
        }
        _ => sum,
    })
}

fn read_theirs(bytes: &[u8]) -> u32 {
    let compound = rtcp_types::Compound::parse(bytes).expect("a valid compound");
    compound.fold(0, |sum, packet| match packet.expect("a valid packet") {
        rtcp_types::Packet::Sr(report) => report
            .report_blocks()
            .fold(sum ^ report.rtp_timestamp(), |sum, block| {
                sum ^ block.interarrival_jitter()
            }),
        rtcp_types::Packet::Sdes(source) => source
            .chunks()
            .flat_map(rtcp_types::SdesChunk::items)
            .fold(sum, |sum, item| sum ^ item.value().len() as u32),
        _ => sum,
    })
}

fn benchmarks(criterion: &mut Criterion) {
    for count in [0, 1, 31] {
        let blocks: Vec<_> = (0..count).map(block).collect();
        let mut bytes = BytesMut::new();
        ours(&mut bytes, &blocks);
        let mut other = [0; 2048];
        let length = theirs(&mut other, &blocks);
        assert_eq!(bytes, other[..length], "both write the same");
        assert_eq!(read_ours(&bytes), read_theirs(&bytes), "both read the same");

        let mut group = criterion.benchmark_group(format!("sender report, {count} blocks, cname"));
        group.bench_function("read", |bench| bench.iter(|| read_ours(black_box(&bytes))));
        group.bench_function("read, rtcp-types", |bench| {
            bench.iter(|| read_theirs(black_box(&bytes)));
        });
        let mut buffer = BytesMut::with_capacity(2048);
        group.bench_function("write", |bench| {
            bench.iter(|| {
                buffer.clear();
                ours(&mut buffer, black_box(&blocks));
                buffer.len()
            });
        });
        group.bench_function("write, rtcp-types", |bench| {
            bench.iter(|| theirs(&mut other, black_box(&blocks)));
        });
        group.bench_function("rewrite in place", |bench| {
            bench.iter_batched_ref(
                || bytes.clone(),
                |bytes| rtcp::patch::rewrite_sender(bytes, |sender| sender.ssrc ^= 1),
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
