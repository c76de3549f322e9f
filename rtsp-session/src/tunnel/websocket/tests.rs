use super::super::head;
use super::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a server makes of frames that come in pieces of this size: the octets, what was said beside them, and the mistake.
fn heard(wire: &[u8], size: usize) -> (Vec<u8>, Vec<Control>, Option<FrameError>) {
    let mut decoder = Decoder::new(End::Server);
    let (mut buffer, mut octets, mut said) = (BytesMut::new(), BytesMut::new(), Vec::new());
    for piece in wire.chunks(size) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer, &mut octets) {
                Ok(Some(control)) => said.push(control),
                Ok(None) => break,
                Err(error) => return (octets.to_vec(), said, Some(error)),
            }
        }
    }
    (octets.to_vec(), said, None)
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut wire = BytesMut::new();
    encode(Opcode::Binary, payload, Some(KEY), &mut wire);
    wire[0] = first;
    wire.to_vec()
}

/// RFC 6455 §1.3, and ONVIF Streaming §7.3.1.
#[test]
fn a_key_is_answered_as_in_the_rfc() {
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    assert_eq!(accept(key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(is_key(key) && is_key(&super::key([255; 16])));
    let answer = head::response(&switched(key)).unwrap().unwrap();
    assert!(is_switched(&answer, key));
    assert!(!is_switched(&answer, "dGhlIHNhbXBsZSBub25jZR=="));
    let asked = head::request(&upgrade("h", "/live", key, "me")).unwrap();
    assert_eq!(asked.unwrap().ask, head::Ask::WebSocket(key.into()));
    let refused = head::response(&head::refusal("403 Forbidden", "no"));
    assert!(!is_switched(&refused.unwrap().unwrap(), key));
}

/// RFC 6455 §5.7.
#[test]
fn the_examples_of_the_rfc_are_read_and_written() {
    let masked = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(heard(&masked, 1), (b"Hello".to_vec(), vec![], None));
    let mut wire = BytesMut::new();
    encode(Opcode::Text, b"Hello", Some(KEY), &mut wire);
    assert_eq!(&wire[..], masked);
    let fragments = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    let mut decoder = Decoder::new(End::Client);
    let mut octets = BytesMut::new();
    let mut buffer = BytesMut::from(&fragments[..]);
    assert_eq!(decoder.decode(&mut buffer, &mut octets), Ok(None));
    assert_eq!(&octets[..], b"Hello");
    for (len, header) in [
        (125, &[0x82, 125][..]),
        (256, &[0x82, 0x7e, 0x01, 0x00]),
        (65_536, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        assert_eq!(
            FrameHeader::new(Opcode::Binary, len, None).as_octets(),
            header
        );
    }
}

#[test]
fn frames_are_read_however_they_are_cut() {
    let mut wire = Vec::new();
    let mut expected = Vec::new();
    for len in [0, 1, 3, 124, 125, 126, 127, 300, 70_000] {
        let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let (head, tail) = payload.split_at(len / 3);
        wire.extend(frame(0x82, &payload));
        wire.extend(frame(0x02, head));
        wire.extend(frame(0x89, b"ping"));
        wire.extend(frame(0x80, tail));
        expected.extend([&payload[..], &payload].concat());
    }
    wire.extend(frame(0x8a, b""));
    wire.extend(frame(0x88, &[0x03, 0xe8, b'b', b'y', b'e']));
    // Nothing counts behind it.
    wire.extend(frame(0x82, b"more"));
    for size in [1, 2, 7, 1000, wire.len()] {
        let (octets, said, error) = heard(&wire, size);
        assert!(octets == expected, "{size}");
        assert_eq!(error, None, "{size}");
        let (pings, rest) = said.split_at(9);
        let ping = Control::Ping(Bytes::from_static(b"ping"));
        assert!(pings.iter().all(|said| *said == ping), "{size}");
        assert_eq!(rest, [Control::Pong, Control::Close(Some(1000))], "{size}");
    }
}

#[test]
fn what_no_client_may_send_is_an_error_as_soon_as_it_is_seen() {
    let long = |len: u64| [&[0x82, 0xff][..], &len.to_be_bytes(), &KEY].concat();
    for (wire, error) in [
        (frame(0xc2, b"a"), FrameError::Reserved),
        (frame(0x83, b"a"), FrameError::Reserved),
        (frame(0x8b, b"a"), FrameError::Reserved),
        (vec![0x82, 1, b'a'], FrameError::Mask),
        (frame(0x80, b"a"), FrameError::Fragment),
        (
            [frame(0x02, b"a"), frame(0x82, b"b")].concat(),
            FrameError::Fragment,
        ),
        (frame(0x09, b"a"), FrameError::Fragment),
        (frame(0x89, &[0; 126]), FrameError::Control),
        (frame(0x88, b"a"), FrameError::Control),
        (frame(0x88, &999_u16.to_be_bytes()), FrameError::Control),
        (frame(0x88, &1005_u16.to_be_bytes()), FrameError::Control),
        (frame(0x88, &5000_u16.to_be_bytes()), FrameError::Control),
        (vec![0x82, 0xfe, 0, 125, 1, 2, 3, 4], FrameError::Length),
        (long(65_535), FrameError::Length),
        (long(FRAME_BYTES + 1), FrameError::Length),
        (long(u64::MAX), FrameError::Length),
    ] {
        for size in [1, wire.len()] {
            assert_eq!(heard(&wire, size).2, Some(error), "{wire:x?}");
        }
    }
    assert_eq!(heard(&long(FRAME_BYTES), 1).2, None);
    let mut decoder = Decoder::new(End::Client);
    let mut wire = BytesMut::from(&frame(0x82, b"a")[..]);
    let masked = decoder.decode(&mut wire, &mut BytesMut::new());
    assert_eq!(masked, Err(FrameError::Mask));
    assert_eq!(FrameError::Length.status(), 1009);
}

#[test]
fn a_mask_is_its_own_inverse_wherever_it_begins() {
    let plain: Vec<u8> = (0..40).collect();
    for at in 0..9 {
        for len in 0..plain.len() {
            let mut octets = plain[..len].to_vec();
            mask(&mut octets, KEY, at);
            for (number, octet) in octets.iter().enumerate() {
                let key = KEY[(at as usize + number) % 4];
                assert_eq!(*octet, plain[number] ^ key);
            }
        }
    }
    let mut wire = BytesMut::new();
    close(Some(1000), None, &mut wire);
    assert_eq!(&wire[..], [0x88, 2, 3, 0xe8]);
}
