//! What it costs to take messages off a read buffer, beside `rtsp-types` on the same corpus.
//!
//! Both get a buffer that was just filled, take all messages off it and drop each; filling is not measured.
#![allow(missing_docs)] // criterion makes public functions

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rtsp_msg::headers::Transport;
use rtsp_msg::{Decoder, FrameRun, Leniency, Limits};

mod corpus;

/// Buffers that are filled ahead: few, so that they stay in the cache.
const BATCH: BatchSize = BatchSize::NumIterations(4);

fn decoder() -> Decoder {
    Decoder::new(Limits::default(), Leniency::default())
}

fn beside_rtsp_types(c: &mut Criterion) {
    for (name, bytes, count) in [
        (
            "requests",
            corpus::stream(&corpus::REQUESTS),
            corpus::REQUESTS.len() * corpus::ROUNDS,
        ),
        (
            "responses",
            corpus::stream(&corpus::RESPONSES),
            corpus::RESPONSES.len() * corpus::ROUNDS,
        ),
        ("frames", corpus::frames(), corpus::FRAMES),
    ] {
        let fill = || BytesMut::from(&bytes[..]);
        assert_eq!(corpus::trackside(&mut decoder(), &mut fill()), count);
        assert_eq!(corpus::rtsp_types::<&[u8]>(&bytes), count);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function("trackside", |b| {
            let mut decoder = decoder();
            b.iter_batched_ref(fill, |buf| corpus::trackside(&mut decoder, buf), BATCH);
        });
        group.bench_function("rtsp-types", |b| {
            b.iter_batched_ref(fill, |buf| corpus::rtsp_types::<Vec<u8>>(buf), BATCH);
        });
        group.bench_function("rtsp-types, borrowed", |b| {
            b.iter_batched_ref(fill, |buf| corpus::rtsp_types::<&[u8]>(buf), BATCH);
        });
    }
}

fn run(c: &mut Criterion) {
    let mut group = c.benchmark_group("run");
    group.throughput(Throughput::Elements(corpus::FRAMES as u64));
    let mut buf = BytesMut::from(&corpus::frames()[..]);
    group.bench_function("trackside", |b| {
        let (mut decoder, mut run) = (decoder(), FrameRun::new());
        b.iter(|| corpus::run(&mut decoder, &mut run, &mut buf));
    });
    group.bench_function("rtsp-types, borrowed", |b| {
        b.iter(|| corpus::rtsp_types::<&[u8]>(&buf));
    });
}

fn byte_by_byte(c: &mut Criterion) {
    let bytes = corpus::REQUESTS[3].as_bytes();
    c.bench_function("a request byte by byte", |b| {
        let mut decoder = decoder();
        b.iter_batched_ref(
            || BytesMut::with_capacity(bytes.len()),
            |buf| {
                for &byte in bytes {
                    buf.extend_from_slice(&[byte]);
                    black_box(decoder.decode(buf).ok());
                }
            },
            BatchSize::SmallInput,
        );
    });
}

fn transport(c: &mut Criterion) {
    let mut buf = BytesMut::from(corpus::REQUESTS[3]);
    let Ok(Some(rtsp_msg::Message::Request(request))) = decoder().decode(&mut buf) else {
        return;
    };
    c.bench_function("transport header", |b| {
        b.iter(|| black_box(&request.headers).typed::<Transport>());
    });
}

criterion_group!(benches, beside_rtsp_types, run, byte_by_byte, transport);
criterion_main!(benches);
