//! Runs of interleaved frames, and how the next message is found behind what is none.

use super::*;

#[test]
fn r2_ilv_04_a_run_takes_all_complete_frames() {
    let mut buf = BytesMut::from(
        &b"\r\n$\x00\x00\x02ab$\x01\x00\x00$\x02\x00\x01cOPTIONS * RTSP/1.0\r\n\r\n$\x00\x00\x05ab"
            [..],
    );
    let (mut decoder, mut run) = (decoder(), FrameRun::new());
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(true));
    let frames: Vec<_> = run.iter().collect();
    assert_eq!(frames, [(0, &b"ab"[..]), (1, b""), (2, b"c")]);
    assert_eq!(run.payload(run.frames[0]), "ab");
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(false));
    assert!(run.frames.is_empty());
    assert!(matches!(
        decoder.decode(&mut buf),
        Ok(Some(Message::Request(_)))
    ));
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(false));
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    buf.extend_from_slice(b"cde");
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(true));
    assert_eq!(run.iter().next(), Some((0, &b"abcde"[..])));
    assert_eq!(decoder.consumed(), 48);
}

#[test]
fn a_run_and_single_frames_are_the_same() {
    let lengths = [
        3usize, 3, 3, 5, 5, 5, 5, 0, 0, 0, 3, 5, 3, 5, 5, 300, 300, 300, 300, 2, 0, 1,
    ];
    let mut stream = vec![];
    for (index, length) in lengths.into_iter().enumerate() {
        stream.extend([b'$', index as u8, (length >> 8) as u8, length as u8]);
        stream.extend(core::iter::repeat_n(b'$', length));
    }
    for end in 0..=stream.len() {
        let (mut buf, mut run) = (BytesMut::from(&stream[..end]), FrameRun::new());
        decoder().decode_run(&mut buf, &mut run).unwrap();
        let rest = buf.len();
        let mut one_by_one = BytesMut::from(&stream[..end]);
        let singles = drain(&mut decoder(), &mut one_by_one);
        assert_eq!(rest, one_by_one.len(), "{end} bytes");
        let frames = run.iter().map(|(channel, payload)| {
            Ok(Message::Interleaved(InterleavedFrame {
                channel,
                payload: Bytes::copy_from_slice(payload),
            }))
        });
        assert_eq!(frames.collect::<Results>(), singles, "{end} bytes");
    }
}

#[test]
fn r2_ilv_03_no_run_within_a_body() {
    let (mut decoder, mut run) = (decoder(), FrameRun::new());
    let mut buf =
        BytesMut::from(&b"SET_PARAMETER * RTSP/1.0\r\nContent-Length: 6\r\n\r\n$\x00\x00\x00"[..]);
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(false));
    buf.extend_from_slice(b"ab$\x00\x00\x00");
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(false));
    assert!(
        matches!(decoder.decode(&mut buf), Ok(Some(Message::Request(request))) if request.body.len() == 6)
    );
    assert_eq!(decoder.decode_run(&mut buf, &mut run), Ok(true));
}

#[test]
fn resync_finds_the_next_message_at_every_segmentation() {
    let lost = b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n";
    let rtp = b"$\x00\x00\x0c\x80\x60\x00\x01\0\0\0\0\0\0\0\0";
    let garbage: Vec<u8> = (0..2000u32).map(|n| (n * 7 % 251) as u8).collect();
    let goals: [&[u8]; 3] = [
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"PLAY rtsp://h/ RTSP/1.0\r\n\r\n",
        &[&rtp[..], rtp].concat(),
    ];
    for goal in goals {
        let stream = [lost, &garbage[..], goal].concat();
        for size in [1, 3, 64, stream.len()] {
            let (mut decoder, mut buf, mut found) = (decoder(), BytesMut::new(), None);
            for piece in stream.chunks(size) {
                buf.extend_from_slice(piece);
                match decoder.decode(&mut buf) {
                    Err(error) if error.fatal => {
                        if decoder.resync(&mut buf) {
                            found = found.or(decoder.decode(&mut buf).unwrap());
                        }
                    }
                    Ok(message) => found = found.or(message),
                    Err(error) => panic!("{error}"),
                }
            }
            let found = found.unwrap_or_else(|| panic!("{goal:?} in pieces of {size}"));
            assert_eq!(matches!(found, Message::Interleaved(_)), goal[0] == b'$');
        }
    }
}

#[test]
fn resync_holds_no_more_than_one_frame() {
    let (mut decoder, mut buf) = (
        decoder(),
        BytesMut::from("OPTIONS * RTSP/1.0\r\nContent-Length: x\r\n\r\n"),
    );
    assert!(decoder.decode(&mut buf).is_err());
    for _ in 0..1000 {
        buf.extend_from_slice(&[b'$', 0, 0xFF, 0xFF, 0x80].repeat(200));
        assert!(!decoder.resync(&mut buf));
        assert!(buf.len() < 70_000);
    }
    let mut sound = super::tests::decoder();
    assert!(sound.resync(&mut buf));
}
