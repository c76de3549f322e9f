//! How many allocations decoding takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::BytesMut;
use rtsp_msg::{Decoder, FrameRun, Leniency, Limits, Message};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNT.get();
    let result = work();
    (COUNT.get() - before, result)
}

fn decoder() -> Decoder {
    Decoder::new(Limits::default(), Leniency::default())
}

#[test]
fn a_typical_request_takes_two() {
    let text = "SETUP rtsp://192.0.2.7:8554/cam/trackID=0 RTSP/1.0\r\nCSeq: 4\r\nUser-Agent: x\r\nX-Foo: bar\r\n\
                Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 5JyfRDc0aV2mEQK1WbUJxw\r\n\r\n";
    let (mut decoder, mut buf) = (decoder(), BytesMut::from(text));
    let (count, message) = allocations(|| decoder.decode(&mut buf));
    assert!(matches!(message, Ok(Some(Message::Request(_)))));
    assert!(count <= 2, "{count} allocations");
}

#[test]
fn frames_take_none_each() {
    let mut bytes = BytesMut::new();
    for _ in 0..1000 {
        bytes.extend_from_slice(b"$\x00\x00\x04\x80\x60\x00\x01");
    }
    let mut buf = bytes.clone();
    let (mut decoder, mut run) = (decoder(), FrameRun::new());
    run.frames.reserve(1000);
    let (count, taken) = allocations(|| decoder.decode_run(&mut buf, &mut run));
    assert_eq!((taken, run.frames.len()), (Ok(true), 1000));
    assert!(count <= 1, "{count} allocations for a run");

    let (count, frames) = allocations(|| {
        let mut frames = 0;
        while let Ok(Some(Message::Interleaved(_))) = decoder.decode(&mut bytes) {
            frames += 1;
        }
        frames
    });
    assert_eq!(frames, 1000);
    assert!(count <= 1, "{count} allocations for single frames");
}
