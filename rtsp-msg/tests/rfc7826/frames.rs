//! Binary data between messages (RFC 7826 §14).

use super::*;

#[test]
fn r2_ilv_01_frames_have_a_prefix_of_four_bytes() {
    for length in [0usize, 1, 65535] {
        let frame = InterleavedFrame {
            channel: 9,
            payload: vec![0xA5; length].into(),
        };
        let mut out = BytesMut::new();
        frame.encode(&mut out).unwrap();
        assert_eq!(&out[..4], [0x24, 9, (length >> 8) as u8, length as u8]);
        assert_eq!(out.len(), 4 + length);
        assert_eq!(messages(&out), [Ok(Message::Interleaved(frame))]);
    }
}

#[test]
fn r2_ilv_02_one_packet_is_one_frame() {
    let results = messages(b"$\0\0\x03abc$\0\0\x03def");
    let payloads: Vec<_> = results
        .iter()
        .map(|result| match result {
            Ok(Message::Interleaved(frame)) => &frame.payload[..],
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(payloads, [b"abc", b"def"]);
}

#[test]
fn r2_ilv_03_no_frames_within_a_message() {
    let results =
        messages("SET_PARAMETER * RTSP/2.0\r\nX: $\0x\r\nContent-Length: 6\r\n\r\n$\0\0\x02ab");
    // The NUL in the head is refused, the body is no frame.
    assert_eq!(results, [Err(DecodeErrorKind::HeaderLine)]);
    let results =
        messages("SET_PARAMETER * RTSP/2.0\r\nX: $\r\nContent-Length: 6\r\n\r\n$\0\0\x02ab");
    assert!(
        matches!(&results[..], [Ok(Message::Request(asked))] if &asked.body[..] == b"$\0\0\x02ab")
    );
}

#[test]
fn r2_ilv_04_frames_between_any_two_messages() {
    let stream = b"$\0\0\x01aOPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n$\x01\0\0RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n$\0\0\x01b";
    let whole = messages(stream);
    assert_eq!(whole.len(), 5);
    for at in 0..stream.len() {
        let (mut decoder, mut buf) = (shorthand::decoder(), BytesMut::from(&stream[..at]));
        let mut results = shorthand::drain(&mut decoder, &mut buf);
        buf.extend_from_slice(&stream[at..]);
        results.extend(shorthand::drain(&mut decoder, &mut buf));
        assert_eq!(results, whole, "cut at {at}");
    }
}

#[test]
fn r2_ilv_09_a_frame_on_an_unknown_channel_is_a_frame() {
    let results = messages(b"$\xc8\0\x01xOPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n");
    assert!(
        matches!(&results[..], [Ok(Message::Interleaved(frame)), Ok(Message::Request(_))] if frame.channel == 200)
    );
}

#[test]
fn r2_ilv_12_frames_in_parts() {
    let (results, _) = messages_with(
        Leniency::default(),
        b"$\x01\x01\x00"
            .iter()
            .chain(&[7; 256])
            .copied()
            .collect::<Vec<_>>(),
    );
    assert!(
        matches!(&results[..], [Ok(Message::Interleaved(frame))] if frame.payload.len() == 256)
    );
}
