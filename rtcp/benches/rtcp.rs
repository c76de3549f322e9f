//! Adapting a sender's report in place, as relays do. Reading and writing are measured by `cargo xtask bench`, beside
//! other crates.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rtcp::{CompoundWriter, NtpTime, ReportBlock, SenderInfo};

const SENDER: SenderInfo = SenderInfo {
    ssrc: 0x1122_3344,
    ntp: NtpTime(0xe900_0000_8000_0000),
    rtp_timestamp: 90_000,
    packet_count: 2_500,
    octet_count: 3_000_000,
};

fn rewrite(criterion: &mut Criterion) {
    for count in [0, 1, 31] {
        let blocks = vec![ReportBlock::default(); count];
        let mut bytes = BytesMut::new();
        CompoundWriter::new(&mut bytes)
            .sender_report(&SENDER, &blocks)
            .cname(SENDER.ssrc, "camera@192.0.2.7");
        criterion.bench_function(&format!("rewrite in place, {count} blocks"), |bench| {
            bench.iter_batched_ref(
                || bytes.clone(),
                |bytes| rtcp::patch::rewrite_sender(bytes, |sender| sender.ssrc ^= 1),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, rewrite);
criterion_main!(benches);
