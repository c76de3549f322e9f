//! Packetizing and reordering. Parsing and depacketizing are measured by `cargo xtask bench`, beside other crates.
#![allow(missing_docs, reason = "the macros make undocumented items")]

use std::{hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rtp_core::{Codec, Packetizer, PacketizerConfig, Reorder, ReorderConfig, Reordered};

/// One picture of 160 kB in two slices.
fn picture() -> Vec<u8> {
    let slice = |first| {
        let mut slice = vec![first; 80_000];
        for (n, byte) in slice.iter_mut().enumerate().skip(1) {
            *byte = (n * 31 % 251) as u8 | 4;
        }
        slice
    };
    rtp_core::nal::length_prefixed([&slice(0x65)[..], &slice(0x65)])
}

fn packets() -> Vec<Bytes> {
    let mut packetizer = Packetizer::new(Codec::H264, PacketizerConfig::default()).unwrap();
    packetizer.push(&picture(), 0).unwrap();
    std::iter::from_fn(|| packetizer.pop()).collect()
}

fn packetize(c: &mut Criterion) {
    let picture = picture();
    let mut group = c.benchmark_group("packetize");
    group.throughput(Throughput::Elements(packets().len() as u64));
    group.bench_function("H264", |b| {
        let mut packetizer = Packetizer::new(Codec::H264, PacketizerConfig::default()).unwrap();
        b.iter(|| {
            packetizer.push(black_box(&picture), 0).unwrap();
            while let Some(packet) = packetizer.pop() {
                black_box(packet);
            }
        });
    });
    group.finish();
}

fn reorder(c: &mut Criterion) {
    let mut group = c.benchmark_group("reorder");
    group.throughput(Throughput::Elements(1));
    group.bench_function("in order", |b| {
        let mut reorder = Reorder::new(ReorderConfig::default());
        let mut sequence = 0_u16;
        b.iter(|| {
            sequence = sequence.wrapping_add(1);
            reorder.push(Duration::ZERO, sequence, sequence);
            let Some(Reordered::Item(item)) = reorder.pop(Duration::ZERO) else {
                unreachable!("in order")
            };
            item
        });
    });
    group.finish();
}

criterion_group!(benches, packetize, reorder);
criterion_main!(benches);
