//! Tunnels: heads of HTTP, the base64 of a POST, frames of WebSocket. However they are cut, they say the same.

use super::memory;
use bytes::BytesMut;
use rtsp_session::tunnel::head::{self, Ask, COOKIE_BYTES, HEAD_BYTES};
use rtsp_session::tunnel::http;
use rtsp_session::tunnel::websocket::{self, Control, Decoder, End, FrameError, Opcode};

/// The first byte says what it is, the second where a body is cut; the others are a head or a body.
pub fn tunnel(input: &[u8]) {
    match input {
        [kind, _, bytes @ ..] if kind % 2 == 0 => heads(bytes),
        [_, cut, bytes @ ..] => body(bytes, usize::from(*cut).max(1)),
        _ => {}
    }
}

fn heads(bytes: &[u8]) {
    let most = 4 * HEAD_BYTES;
    let request = memory::bounded(most, || head::request(bytes));
    let answer = memory::bounded(most, || head::response(bytes));
    // What is known of a beginning does not change with what follows.
    for at in 0..bytes.len().min(256) {
        let beginning = head::request(&bytes[..at]);
        assert!(beginning == Ok(None) || beginning == request, "cut at {at}");
        let beginning = head::response(&bytes[..at]);
        assert!(beginning == Ok(None) || beginning == answer, "cut at {at}");
    }
    if bytes.len() >= HEAD_BYTES {
        assert_ne!(request, Ok(None), "nobody is waited for so long");
        assert_ne!(answer, Ok(None), "nobody is waited for so long");
    }
    if let Ok(Some(request)) = request {
        assert!(request.len <= bytes.len() && request.len <= HEAD_BYTES);
        match request.ask {
            Ask::Get(cookie) | Ask::Post(cookie) => {
                assert!((1..=COOKIE_BYTES).contains(&cookie.len()));
                assert!(cookie.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            Ask::WebSocket(key) => {
                let switched = head::response(&websocket::switched(&key));
                let switched = switched.expect("an answer").expect("a whole one");
                assert!(websocket::is_switched(&switched, &key));
            }
            _ => {}
        }
    }
    if let Ok(Some(answer)) = answer {
        assert!(answer.len <= bytes.len() && answer.len <= HEAD_BYTES);
    }
}

fn body(bytes: &[u8], cut: usize) {
    let decoded = |size: usize| {
        let (mut decoder, mut octets) = (http::Body::default(), BytesMut::new());
        let mut pieces = bytes.chunks(size.max(1)).map(BytesMut::from);
        let all = pieces.try_for_each(|mut piece| decoder.decode(&mut piece, &mut octets));
        (all, octets)
    };
    let whole = memory::bounded(8 * bytes.len() + 4096, || decoded(bytes.len()));
    assert!(whole.1.len() <= bytes.len() / 4 * 3);
    assert_eq!(whole, decoded(cut), "cut every {cut} bytes");
    assert_eq!(whole, decoded(1), "byte by byte");
    let mut body = BytesMut::new();
    http::encode(bytes, &mut body);
    let mut again = BytesMut::new();
    let read = http::Body::default().decode(&mut body, &mut again);
    assert_eq!((read, &again[..]), (Ok(()), bytes));
}

/// What frames say, at one of the ends.
type Heard = (BytesMut, Vec<Control>, Option<FrameError>);

/// The first byte says which end reads, the second where the frames are cut; the others are frames.
pub fn websocket(input: &[u8]) {
    let [end, cut, bytes @ ..] = input else {
        return;
    };
    let end = match end % 2 {
        0 => End::Server,
        _ => End::Client,
    };
    let whole = memory::bounded(64 * bytes.len() + 4096, || heard(end, bytes, bytes.len()));
    let cut = usize::from(*cut).max(1);
    assert_eq!(whole, heard(end, bytes, cut), "cut every {cut} bytes");
    assert_eq!(whole, heard(end, bytes, 1), "byte by byte");
    assert!(whole.0.len() <= bytes.len());
    let closes = whole
        .1
        .iter()
        .filter(|said| matches!(said, Control::Close(_)));
    assert!(closes.count() <= 1, "nothing follows it");
    // What is framed here is heard there.
    for (end, key) in [
        (End::Server, Some([cut as u8, 9, 0, 255])),
        (End::Client, None),
    ] {
        let mut wire = BytesMut::new();
        websocket::encode(Opcode::Binary, bytes, key, &mut wire);
        let (octets, said, error) = heard(end, &wire, cut);
        assert_eq!((&octets[..], said, error), (bytes, vec![], None));
    }
}

fn heard(end: End, bytes: &[u8], size: usize) -> Heard {
    let mut decoder = Decoder::new(end);
    let (mut wire, mut octets, mut said) = (BytesMut::new(), BytesMut::new(), Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        wire.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut wire, &mut octets) {
                Ok(Some(control)) => said.push(control),
                Ok(None) => break,
                Err(error) => return (octets, said, Some(error)),
            }
        }
    }
    (octets, said, None)
}
