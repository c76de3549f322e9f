//! What is too long, whatever it is and however it comes, is refused at bounded cost.

use super::*;

#[test]
fn r2_msg_27_a_body_over_the_limit_is_refused_before_it_is_awaited() {
    for length in [
        "1048577",
        "2147483648",
        "9223372036854775808",
        "9999999999999999999",
    ] {
        let mut buf = BytesMut::from(&*format!(
            "SET_PARAMETER * RTSP/1.0\r\nCSeq: 3\r\nContent-Length: {length}\r\n\r\n"
        ));
        let capacity = buf.capacity();
        let error = decoder().decode(&mut buf).unwrap_err();
        assert_eq!(
            (error.kind, error.fatal, error.cseq),
            (DecodeErrorKind::BodyTooLarge, true, Some(3))
        );
        assert!(error.kind.is_limit() && buf.capacity() <= capacity);
    }
    assert_eq!(
        decode_all(b"SET_PARAMETER * RTSP/1.0\r\nContent-Length: 1048576\r\n\r\n"),
        []
    );
}

#[test]
fn heads_over_a_limit_are_refused_while_they_arrive() {
    let limits = Limits {
        start_line: 64,
        uri: 32,
        header_count: 4,
        header_bytes: 256,
        body: 16,
    };
    let refused = |bytes: &[u8]| {
        let (mut decoder, mut buf) = (
            Decoder::new(limits.clone(), Leniency::default()),
            BytesMut::new(),
        );
        for &byte in bytes {
            buf.extend_from_slice(&[byte]);
            if let Err(error) = decoder.decode(&mut buf) {
                assert_eq!(
                    decoder.decode(&mut buf).map_err(|again| again == error),
                    Err(error.fatal),
                    "{error}"
                );
                return (error.kind, buf.len());
            }
        }
        panic!("{bytes:?}")
    };
    let (kind, held) = refused("a".repeat(100_000).as_bytes());
    assert_eq!((kind, held), (DecodeErrorKind::StartLineTooLong, 65));
    let (kind, held) = refused(format!("OPTIONS * RTSP/1.0\r\nX: {}", "a".repeat(1000)).as_bytes());
    assert_eq!((kind, held), (DecodeErrorKind::HeadTooLarge, 257));
    let (kind, _) = refused(format!("OPTIONS * RTSP/1.0\r\n{}", "a:b\r\n".repeat(1000)).as_bytes());
    assert_eq!(kind, DecodeErrorKind::TooManyHeaders);
    let at_limit = format!("OPTIONS * RTSP/1.0\r\n{}\r\n", "a:b\r\n".repeat(4));
    assert_eq!(
        decode_all_with(
            &mut Decoder::new(limits.clone(), Leniency::default()),
            at_limit.as_bytes()
        )
        .len(),
        1
    );
}

#[test]
fn r2_msg_26_a_uri_over_the_limit_is_told_apart() {
    let text = format!(
        "DESCRIBE rtsp://h/{} RTSP/1.0\r\nCSeq: 4\r\n\r\n",
        "a".repeat(4096)
    );
    let error = error(text.as_bytes());
    assert_eq!(
        (error.kind, error.cseq, error.fatal),
        (DecodeErrorKind::UriTooLong, Some(4), false)
    );
}

#[test]
fn scanning_is_linear_in_the_bytes_received() {
    let mut text = String::from("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n");
    while text.len() < 32 * 1024 {
        text.push_str(&format!("X-Padding: {}\r\n", "x".repeat(500)));
    }
    text.push_str("\r\n");
    let (mut decoder, mut buf) = (decoder(), BytesMut::new());
    let before = decoder.bytes_scanned();
    let mut messages = 0;
    for byte in text.bytes() {
        buf.extend_from_slice(&[byte]);
        messages += usize::from(decoder.decode(&mut buf).unwrap().is_some());
    }
    assert_eq!(messages, 1);
    // A CR at the end of the buffer is looked at again, nothing else is.
    let scanned = decoder.bytes_scanned() - before;
    assert!(
        scanned <= text.len() as u64 + 2 * text.lines().count() as u64,
        "{scanned} for {}",
        text.len()
    );
}

/// The start of what is too long may look like that of a message: it is not found again and again.
#[test]
fn what_is_refused_is_not_found_again_when_it_comes_at_once() {
    let long = [b'a'; 20_000];
    for begin in [
        "RTSP/1.0 200 OK",
        "OPTIONS rtsp://h/ RTSP/1.0 ",
        "OPTIONS rtsp://h/",
        "OPTIONS * RTSP/1.0\r\nX: ",
        "\0",
    ] {
        let stream = [
            begin.as_bytes(),
            &long,
            b"\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n",
        ]
        .concat();
        for step in [stream.len(), 4096, 1] {
            let limits = Limits {
                header_bytes: 8192,
                ..Limits::default()
            };
            let (mut decoder, mut buf) =
                (Decoder::new(limits, Leniency::default()), BytesMut::new());
            let (mut found, mut refused) = (Vec::new(), 0);
            let mut searching = false;
            for piece in stream.chunks(step) {
                buf.extend_from_slice(piece);
                loop {
                    searching = searching && !decoder.resync(&mut buf);
                    match decoder.decode(&mut buf) {
                        _ if searching => break,
                        Ok(None) => break,
                        Ok(Some(message)) => found.push(message),
                        Err(error) => {
                            searching = error.fatal;
                            refused += 1;
                        }
                    }
                    assert!(refused < 5, "{begin} by {step}: refused for ever");
                }
            }
            assert!(
                matches!(&found[..], [Message::Request(request)] if request.cseq() == Some(7)),
                "{begin} by {step}: {found:?}"
            );
        }
    }
}

#[test]
fn noise_never_panics() {
    // A small xorshift: the same noise on every run, with the bytes that matter made likely.
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: [&[u8]; 12] = [
        b"\r\n",
        b"$",
        b"RTSP/1.0 ",
        b"OPTIONS ",
        b"* ",
        b"Content-Length: 3",
        b" ",
        b":",
        b"\0",
        b"\xff",
        b"200",
        b"\r\n\r\n",
    ];
    for _ in 0..3000 {
        let mut stream = vec![];
        for _ in 0..next() % 40 {
            let word = words[(next() % 12) as usize];
            stream.extend_from_slice(word);
        }
        let (mut decoder, mut buf) = (
            Decoder::new(Limits::default(), Leniency::permissive()),
            BytesMut::new(),
        );
        for piece in stream.chunks(1 + (next() % 9) as usize) {
            buf.extend_from_slice(piece);
            drain(&mut decoder, &mut buf);
            decoder.resync(&mut buf);
        }
        assert_eq!(decoder.consumed() + buf.len() as u64, stream.len() as u64);
    }
}
