//! Messages off a read buffer.

use super::memory;
use bytes::BytesMut;
use rtsp_msg::{
    DecodeErrorKind, Decoder, FrameRun, InterleavedFrame, Leniency, Limits, Message, RequestTarget,
};

/// What a decoder made of bytes.
#[derive(Debug, PartialEq)]
enum Event {
    Message(Message),
    /// Kind, offset, and whether the search for the next message began.
    Refused(DecodeErrorKind, u64, bool),
}

/// A connection's end that reads.
struct Reader {
    decoder: Decoder,
    buffer: BytesMut,
    events: Vec<Event>,
    searching: bool,
    /// Frames are taken as runs, as the server does.
    runs: bool,
}

impl Reader {
    fn new(leniency: &Leniency, runs: bool) -> Self {
        Self {
            decoder: Decoder::new(limits(), leniency.clone()),
            buffer: BytesMut::new(),
            events: Vec::new(),
            searching: false,
            runs,
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        loop {
            if self.searching {
                self.searching = !self.decoder.resync(&mut self.buffer);
                if self.searching {
                    return;
                }
            }
            if self.runs && self.take_run() {
                continue;
            }
            match self.decoder.decode(&mut self.buffer) {
                Ok(None) => return,
                Ok(Some(message)) => self.events.push(Event::Message(message)),
                Err(error) => {
                    let seen = Event::Refused(error.kind, error.offset, error.fatal);
                    self.events.push(seen);
                    self.searching = error.fatal;
                }
            }
        }
    }

    fn take_run(&mut self) -> bool {
        let mut run = FrameRun::new();
        let taken = self.decoder.decode_run(&mut self.buffer, &mut run);
        for frame in &run.frames {
            let payload = run.payload(*frame);
            assert_eq!(payload.len(), usize::from(frame.len), "a frame was cut");
            let channel = frame.channel;
            self.events
                .push(Event::Message(Message::Interleaved(InterleavedFrame {
                    channel,
                    payload,
                })));
        }
        taken == Ok(true)
    }

    /// Every byte that came is accounted for.
    fn check(&self, sent: usize) {
        let held = self.buffer.len() as u64;
        assert_eq!(self.decoder.consumed() + held, sent as u64);
    }
}

/// Small ones, so that they are met.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.start_line = 256;
    limits.uri = 128;
    limits.header_count = 16;
    limits.header_bytes = 1024;
    limits.body = 512;
    limits
}

/// The first byte says what is tolerated, the second where the bytes are cut; the others are what a peer sends.
pub fn message(input: &[u8]) {
    let [lenient, cut, bytes @ ..] = input else {
        return;
    };
    let leniency = match lenient % 3 {
        0 => Leniency::default(),
        1 => Leniency::strict(),
        _ => Leniency::permissive(),
    };
    let whole = memory::bounded(64 * bytes.len() + 16 * 1024, || read(&leniency, bytes));
    for event in &whole {
        if let Event::Message(message) = event {
            returns(message);
        }
    }
    for runs in [false, true] {
        let each = pieces(&leniency, bytes, usize::from(*cut).max(1), runs);
        assert_eq!(whole, each, "cut every {cut} bytes, runs: {runs}");
        let single = pieces(&leniency, bytes, 1, runs);
        assert_eq!(whole, single, "byte by byte, runs: {runs}");
    }
    // Every way to cut a short one in two.
    for at in 0..bytes.len().min(96) {
        let mut reader = Reader::new(&leniency, true);
        let (head, tail) = bytes.split_at(at);
        reader.read(head);
        reader.check(head.len());
        reader.read(tail);
        assert_eq!(whole, reader.events, "cut at {at}");
    }
}

fn read(leniency: &Leniency, bytes: &[u8]) -> Vec<Event> {
    let mut reader = Reader::new(leniency, false);
    reader.read(bytes);
    reader.check(bytes.len());
    reader.events
}

fn pieces(leniency: &Leniency, bytes: &[u8], length: usize, runs: bool) -> Vec<Event> {
    let mut reader = Reader::new(leniency, runs);
    for piece in bytes.chunks(length) {
        reader.read(piece);
    }
    reader.check(bytes.len());
    reader.events
}

/// What is written is read again by a reader that tolerates nothing, and says the same.
fn returns(message: &Message) {
    if let Message::Request(request) = message
        && let RequestTarget::Invalid(_) = request.target
    {
        // It is kept as it came, to be told of, and made of what is no URI may become one.
        return;
    }
    let mut out = BytesMut::new();
    match message {
        Message::Request(request) => request.encode(&mut out),
        Message::Response(response) => response.encode(&mut out),
        Message::Interleaved(frame) => frame.encode(&mut out).expect("it came in a frame"),
    }
    let mut decoder = Decoder::new(Limits::default(), Leniency::strict());
    let mut buffer = out.clone();
    let again = decoder.decode(&mut buffer);
    let again = again.unwrap_or_else(|error| panic!("{error}: {out:?} of {message:?}"));
    let again = again.unwrap_or_else(|| panic!("cut short: {out:?} of {message:?}"));
    assert!(buffer.is_empty(), "{buffer:?} is left of {out:?}");
    let mut second = BytesMut::new();
    match (message, &again) {
        (Message::Request(sent), Message::Request(got)) => {
            assert_eq!(
                (&sent.method, sent.version),
                (&got.method, got.version),
                "{out:?}"
            );
            assert_eq!(sent.body, got.body, "{out:?}");
            if let (RequestTarget::Uri(sent), RequestTarget::Uri(got)) = (&sent.target, &got.target)
            {
                let sent = rtsp_msg::Uri::from_iri(sent.as_str()).expect("it is one");
                assert_eq!(sent.without_userinfo(), *got, "{out:?}");
                assert_eq!(got.userinfo(), None, "{out:?}");
            }
            got.encode(&mut second);
        }
        (Message::Response(sent), Message::Response(got)) => {
            assert_eq!(
                (sent.status, sent.version),
                (got.status, got.version),
                "{out:?}"
            );
            got.encode(&mut second);
        }
        (Message::Interleaved(sent), Message::Interleaved(got)) => {
            assert_eq!(sent, got);
            return;
        }
        _ => panic!("{message:?} came back as {again:?}"),
    }
    assert_eq!(out, second, "written twice");
}
