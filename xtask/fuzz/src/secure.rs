//! SRTP: what was not sealed is not opened, and nothing is opened twice. And how its keys are exchanged.

use super::memory;
use arbitrary::{Arbitrary, Unstructured};
use bytes::BytesMut;
use rtcp::NtpTime;
use rtsp_session::random::Random;
use rtsp_session::srtp::mikey::reverse::{Identity, Inquiry, ReverseError, Unproved};
use rtsp_session::srtp::mikey::{KeyEntry, Keying, Message, MessageKind, Payload};
use rtsp_session::srtp::sdes::Crypto;
use rtsp_session::srtp::{MasterKey, OpenError, Receiver, Sender, Suite};
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

/// What the network does.
#[derive(Arbitrary, Debug)]
enum Event {
    /// A packet is sealed: one of three sources, how many numbers on, and its payload; then it is opened, or kept.
    Rtp(u8, u8, Vec<u8>, bool),
    /// A compound likewise.
    Rtcp(u8, Vec<u8>, bool),
    /// One of those that were kept comes, a second time perhaps, with a bit changed perhaps.
    Kept(u8, Option<u16>),
    /// Anything comes.
    Rtp2(Vec<u8>),
    /// Anything comes as RTCP.
    Rtcp2(Vec<u8>),
}

struct Pair {
    sender: Sender,
    receiver: Receiver,
    sequences: [u16; 3],
    /// What was sealed: whether RTP, the sealed form, and what it was.
    kept: Vec<(bool, BytesMut, Vec<u8>)>,
    opened: HashSet<(bool, Vec<u8>)>,
    failures: u64,
}

/// The first byte names the suite; the others are what happens.
pub fn srtp(input: &[u8]) {
    let [suite, rest @ ..] = input else {
        return;
    };
    let suite = Suite::ALL[usize::from(*suite) % Suite::ALL.len()];
    let mut master = MasterKey::generate(suite, &mut Random::from_seed([9; 32]));
    if input.len().is_multiple_of(2) {
        master = master.with_identifier(&[1, 2, 3, 4]);
    }
    let events: Vec<Event> = Unstructured::new(rest)
        .arbitrary_iter()
        .expect("an iterator")
        .flatten()
        .collect();
    let mut pair = Pair {
        sender: Sender::new(&master),
        receiver: Receiver::new(&master),
        sequences: [65_500, 0, 32_000],
        kept: Vec::new(),
        opened: HashSet::new(),
        failures: 0,
    };
    memory::bounded(256 * rest.len() + 64 * 1024, || {
        for event in events {
            pair.happen(event);
        }
    });
    assert_eq!(pair.receiver.drops().total(), pair.failures);
}

impl Pair {
    fn happen(&mut self, event: Event) {
        match event {
            Event::Rtp(source, step, payload, now) => {
                let source = usize::from(source) % self.sequences.len();
                self.sequences[source] = self.sequences[source]
                    .wrapping_add((step % 100).into())
                    .wrapping_add(1);
                let [high, low] = self.sequences[source].to_be_bytes();
                let mut packet = vec![0x80, 96, high, low, 0, 0, 0, 9, 0, 0, 0, source as u8];
                packet.extend(payload);
                let mut sealed = BytesMut::new();
                self.sender
                    .seal_rtp(&packet, &mut sealed)
                    .expect("numbers ascend");
                assert_eq!(sealed[..12], packet[..12]);
                self.kept.push((true, sealed, packet));
                if now {
                    self.come(self.kept.len() - 1, None);
                }
            }
            Event::Rtcp(source, mut payload, now) => {
                payload.resize(payload.len().min(80) / 4 * 4, 0);
                let length = payload.len() as u8 / 4 + 1;
                let mut packet = vec![0x80, 201, 0, length, 0, 0, 0, source % 3];
                packet.extend(payload);
                let mut sealed = BytesMut::new();
                self.sender
                    .seal_rtcp(&packet, &mut sealed)
                    .expect("few were sent");
                self.kept.push((false, sealed, packet));
                if now {
                    self.come(self.kept.len() - 1, None);
                }
            }
            Event::Kept(which, change) => {
                if !self.kept.is_empty() {
                    self.come(usize::from(which) % self.kept.len(), change);
                }
            }
            Event::Rtp2(bytes) => self.refused(true, &bytes),
            Event::Rtcp2(bytes) => self.refused(false, &bytes),
        }
    }

    /// One of those that were sealed comes, with a bit changed perhaps.
    fn come(&mut self, which: usize, change: Option<u16>) {
        let (rtp, mut sealed, packet) = self.kept[which].clone();
        if let Some(bit) = change {
            let bit = usize::from(bit) % (sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            return self.refused(rtp, &sealed);
        }
        let mut out = BytesMut::from(&b"before"[..]);
        match self.open(rtp, &sealed, &mut out) {
            Ok(()) => {
                assert_eq!(&out[6..], packet, "it is what it was");
                assert!(self.opened.insert((rtp, sealed.to_vec())), "opened twice");
            }
            Err(error) => {
                self.failures += 1;
                assert_eq!(out, b"before"[..]);
                assert_ne!(error, OpenError::Malformed);
            }
        }
    }

    /// What nobody sealed.
    fn refused(&mut self, rtp: bool, bytes: &[u8]) {
        if self.kept.iter().any(|(_, sealed, _)| sealed == bytes) {
            return;
        }
        let mut out = BytesMut::from(&b"before"[..]);
        assert!(self.open(rtp, bytes, &mut out).is_err(), "nobody sealed it");
        assert_eq!(out, b"before"[..]);
        self.failures += 1;
    }

    fn open(&mut self, rtp: bool, bytes: &[u8], out: &mut BytesMut) -> Result<(), OpenError> {
        if rtp {
            self.receiver.open_rtp(bytes, out)
        } else {
            self.receiver.open_rtcp(bytes, out)
        }
    }
}

/// A MIKEY message; or, behind a zero, one in base64; or, behind a one, a value of `a=crypto`.
pub fn mikey(input: &[u8]) {
    let most = 64 * input.len() + 16 * 1024;
    match input {
        [0, text @ ..] => {
            let Ok(text) = std::str::from_utf8(text) else {
                return;
            };
            if let Ok(message) = memory::bounded(most, || Message::decode_base64(text)) {
                let again = message.encode_base64();
                assert_eq!(Message::decode_base64(&again).as_ref(), Ok(&message));
            }
        }
        // No message begins so: version 1 is followed by a kind.
        [1, b'#', text @ ..] => crypto(text),
        octets => {
            if let Ok(message) = memory::bounded(most, || Message::decode(octets)) {
                agreed(&message);
                by_rsa(&message);
            }
        }
    }
}

fn agreed(message: &Message) {
    let mut octets = Vec::new();
    message.encode(&mut octets);
    assert_eq!(Message::decode(&octets).as_ref(), Ok(message), "{octets:?}");
    for payload in &message.payloads {
        if let Payload::Keys { contents, .. } = payload
            && let Ok(entries) = KeyEntry::decode_all(contents)
        {
            let again = KeyEntry::encode_all(&entries);
            assert_eq!(KeyEntry::decode_all(&again), Ok(entries));
        }
    }
    let Ok(keying) = Keying::from_message(message) else {
        return;
    };
    let told = keying.to_message(NtpTime(7), &mut Random::from_seed([3; 32]));
    let again = Keying::from_message(&told).expect("it was made of a key");
    assert_eq!(again.sources, keying.sources);
    same(&again.master, &keying.master);
    let mut receiver = keying.receiver();
    assert!(
        receiver
            .open_rtp(&[0x80; 40], &mut BytesMut::new())
            .is_err()
    );
}

/// Who asks and who answers by RSA-R. Its key was made for this.
pub(crate) static IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(|| {
    let certificate = include_bytes!("rsa/certificate.der").to_vec();
    let identity = Identity::new(include_bytes!("rsa/key.der"), vec![certificate], "fuzz");
    Arc::new(identity.expect("a key and its certificate"))
});

/// What was asked, once.
pub(crate) static INQUIRY: LazyLock<Inquiry> = LazyLock::new(|| {
    let random = &mut Random::from_seed([4; 32]);
    Inquiry::new(&IDENTITY, 7, "rtsps://fuzz/", NtpTime(5), random).expect("a good key")
});

/// A message as a question and as an answer: what nobody has signed is refused, by whatever cause but our own.
fn by_rsa(message: &Message) {
    if !matches!(
        message.kind,
        MessageKind::ReverseRequest | MessageKind::ReverseResponse
    ) {
        return;
    }
    let text = message.encode_base64();
    // Numbers of keys beside what was sent.
    let most = 64 * text.len() + 256 * 1024;
    let inquiry = &*INQUIRY;
    let random = &mut Random::from_seed([5; 32]);
    if let Ok(read) = memory::bounded(most, || Unproved::decode(&text)) {
        match memory::bounded(most, || read.prove()) {
            Ok(asked) => {
                let master = MasterKey::generate(Suite::default(), random);
                let sources = vec![(1, 2)];
                let keying = Keying { master, sources };
                if let Ok((unsigned, _)) = asked.answer(&IDENTITY, &keying, random) {
                    let answer = unsigned.sign(random).expect("its parts are bounded");
                    assert!(Message::decode_base64(&answer).is_ok());
                }
            }
            Err(error) => assert_ne!(error, ReverseError::Cryptography),
        }
    }
    let taken = memory::bounded(most, || inquiry.take(&text, None, &|_| Ok(()), random));
    if let Err(error) = taken {
        assert_ne!(error, ReverseError::Cryptography);
    }
}

fn same(one: &MasterKey, other: &MasterKey) {
    assert_eq!(one.suite(), other.suite());
    assert_eq!(one.key_and_salt(), other.key_and_salt());
    assert_eq!(one.identifier(), other.identifier());
}

fn crypto(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(crypto) = memory::bounded(64 * text.len() + 16 * 1024, || Crypto::parse(text)) else {
        return;
    };
    let again = Crypto::parse(&crypto.to_string()).expect("it was written here");
    assert_eq!(again.tag, crypto.tag);
    same(&again.master, &crypto.master);
}
