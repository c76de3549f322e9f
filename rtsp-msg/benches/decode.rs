//! A request that comes byte by byte, and a typed header. Whole messages are measured by `cargo xtask bench`, beside
//! `rtsp-types`.
#![allow(missing_docs)] // criterion makes public functions

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rtsp_msg::headers::Transport;
use rtsp_msg::{Decoder, Leniency, Limits};

const SETUP: &str = "SETUP rtsp://192.0.2.7:8554/cam/trackID=0 RTSP/1.0\r\nCSeq: 4\r\nUser-Agent: Lavf61.7.100\r\n\
     Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\
     Authorization: Digest username=\"u\", realm=\"cam\", nonce=\"8b84a3b789283a8bea8da7fa7d41f08b\", \
     uri=\"rtsp://192.0.2.7:8554/cam\", response=\"00112233445566778899aabbccddeeff\"\r\n\r\n";

fn decoder() -> Decoder {
    Decoder::new(Limits::default(), Leniency::default())
}

fn byte_by_byte(c: &mut Criterion) {
    c.bench_function("a request byte by byte", |b| {
        let mut decoder = decoder();
        b.iter_batched_ref(
            || BytesMut::with_capacity(SETUP.len()),
            |buf| {
                for &byte in SETUP.as_bytes() {
                    buf.extend_from_slice(&[byte]);
                    black_box(decoder.decode(buf).ok());
                }
            },
            BatchSize::SmallInput,
        );
    });
}

fn transport(c: &mut Criterion) {
    let mut buf = BytesMut::from(SETUP);
    let Ok(Some(rtsp_msg::Message::Request(request))) = decoder().decode(&mut buf) else {
        return;
    };
    c.bench_function("transport header", |b| {
        b.iter(|| black_box(&request.headers).typed::<Transport>());
    });
}

criterion_group!(benches, byte_by_byte, transport);
criterion_main!(benches);
