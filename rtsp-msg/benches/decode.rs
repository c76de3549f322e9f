//! What it costs to take messages off a read buffer, beside `rtsp-types`.
#![allow(missing_docs)] // criterion makes public functions

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rtsp_msg::headers::Transport;
use rtsp_msg::{Decoder, FrameRun, Leniency, Limits};

const REQUEST: &[u8] = b"SETUP rtsp://192.0.2.7:8554/cam/trackID=0 RTSP/1.0\r\n\
    CSeq: 4\r\n\
    User-Agent: Lavf61.7.100\r\n\
    Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\
    Session: 5JyfRDc0aV2mEQK1WbUJxw\r\n\
    Authorization: Digest username=\"u\", realm=\"cam\", nonce=\"abcdefgh\", uri=\"rtsp://192.0.2.7:8554/cam\", response=\"00112233445566778899aabbccddeeff\"\r\n\
    \r\n";

const RESPONSE: &[u8] = b"RTSP/1.0 200 OK\r\n\
    CSeq: 5\r\n\
    Server: Trackside\r\n\
    Date: Thu, 23 Jan 1997 15:35:06 GMT\r\n\
    Session: 5JyfRDc0aV2mEQK1WbUJxw;timeout=60\r\n\
    Range: npt=0.000-\r\n\
    RTP-Info: url=rtsp://192.0.2.7:8554/cam/trackID=0;seq=45102;rtptime=12345678\r\n\
    \r\n";

const FRAMES: usize = 32;

fn decoder() -> Decoder {
    Decoder::new(Limits::default(), Leniency::default())
}

/// 1200 bytes of payload each, as a video sends them.
fn frames() -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..FRAMES {
        bytes.extend([b'$', 0, 0x04, 0xB0, 0x80]);
        bytes.extend([0x60; 1199]);
    }
    bytes
}

fn text(c: &mut Criterion) {
    for (name, bytes) in [("request", REQUEST), ("response", RESPONSE)] {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function("trackside", |b| {
            let mut decoder = decoder();
            b.iter_batched_ref(
                || BytesMut::from(bytes),
                |buf| decoder.decode(black_box(buf)),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("rtsp-types", |b| {
            b.iter(|| rtsp_types::Message::<Vec<u8>>::parse(black_box(bytes)));
        });
        group.bench_function("byte by byte", |b| {
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
}

fn transport(c: &mut Criterion) {
    let mut buf = BytesMut::from(REQUEST);
    let Ok(Some(rtsp_msg::Message::Request(request))) = decoder().decode(&mut buf) else {
        return;
    };
    c.bench_function("transport header", |b| {
        b.iter(|| black_box(&request.headers).typed::<Transport>());
    });
}

fn interleaved(c: &mut Criterion) {
    let bytes = frames();
    let mut group = c.benchmark_group("32 frames");
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("one by one", |b| {
        let mut decoder = decoder();
        b.iter_batched_ref(
            || BytesMut::from(&bytes[..]),
            |buf| {
                while let Ok(Some(message)) = decoder.decode(buf) {
                    black_box(message);
                }
            },
            BatchSize::NumIterations(8),
        );
    });
    group.bench_function("as a run", |b| {
        let (mut decoder, mut run) = (decoder(), FrameRun::new());
        b.iter_batched_ref(
            || BytesMut::from(&bytes[..]),
            |buf| black_box(decoder.decode_run(buf, &mut run)),
            BatchSize::NumIterations(8),
        );
    });
    group.bench_function("rtsp-types", |b| {
        b.iter(|| {
            let mut rest = &bytes[..];
            while let Ok((message, consumed)) = rtsp_types::Message::<&[u8]>::parse(black_box(rest))
            {
                black_box(message);
                rest = &rest[consumed..];
            }
        });
    });
}

criterion_group!(benches, text, transport, interleaved);
criterion_main!(benches);
