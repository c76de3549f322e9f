//! Inputs to begin with, made from what the tests of the crates read.

use super::header::HEADERS;
use super::payload::{FORMATS, whole_frame};
use super::secure::{IDENTITY, INQUIRY};
use bytes::BytesMut;
use rtcp::{CompoundWriter, FullIntraRequest, NtpTime, ReportBlock, SenderInfo};
use rtp_core::{Packetizer, PacketizerConfig};
use rtsp_session::random::Random;
use rtsp_session::srtp::mikey::reverse::Unproved;
use rtsp_session::srtp::mikey::{Keying, Message};
use rtsp_session::srtp::{MasterKey, Suite};
use rtsp_session::tunnel::http;
use rtsp_session::tunnel::websocket::{self, Opcode};

/// An input: its target, its name, and itself.
pub type Seed = (&'static str, String, Vec<u8>);

/// All inputs that are made here.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let mut seeds = messages();
    seeds.extend(headers());
    seeds.extend(descriptions());
    seeds.extend(uris());
    seeds.extend(packets());
    seeds.extend(compounds());
    seeds.extend(payloads());
    seeds.extend(keys());
    seeds.extend(connections());
    seeds.extend(tunnels());
    seeds
}

fn seed(target: &'static str, name: impl Into<String>, parts: &[&[u8]]) -> Seed {
    (target, name.into(), parts.concat())
}

const CONVERSATION: &[(&str, &[u8])] = &[
    ("options", b"OPTIONS rtsp://192.0.2.1/cam RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: LibVLC/3.0.18\r\n\r\n"),
    ("describe", b"DESCRIBE rtsp://u:p@192.0.2.1:8554/cam?x=1 RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n"),
    ("answer", b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 7\r\n\r\nv=0\r\ns="),
    ("announce", b"ANNOUNCE rtsp://192.0.2.1/cam RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 5\r\n\r\nv=0\r\nSETUP * RTSP/2.0\r\n"),
    ("setup", b"SETUP rtsp://[2001:db8::1]/cam/trackID=0 RTSP/2.0\r\nCSeq: 4\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"),
    ("frames", b"$\x00\x00\x04abcd$\x01\x00\x00$\x00\x00\x02xyOPTIONS * RTSP/1.0\nCSeq: 5\n\n$\x02\x01\x00cut"),
    ("folded", b"PLAY rtsp://192.0.2.1/cam RTSP/1.0\r\nCSeq: 6\r\nRange: npt=0-\r\n ,clock=1-\r\nSession: a;timeout=60\r\n\r\n\r\n\r\n"),
    ("lost", b"no start line at all\r\nCSeq: 7\r\n\r\nOPTIONS rtsp://192.0.2.1 RTSP/1.0\r\nCSeq: 8\r\n\r\n"),
    ("refused", b"SETUP rtsp://192.0.2.1 RTSP/9.0\r\nCSeq: 9\r\nContent-Length: 3\r\n\r\nabcRTSP/1.0 404 \r\nCSeq: 9\r\n\r\n"),
    ("too-large", b"GET_PARAMETER * RTSP/2.0\r\nCSeq: 10\r\nContent-Length: 9999\r\n\r\nabc"),
    ("resync", b"OPTIONS \xff\r\n\r\n$\x00\x00\x09\x8023456789$\x00\x00\x08\x817654321$"),
];

fn messages() -> Vec<Seed> {
    CONVERSATION
        .iter()
        .map(|(name, text)| seed("message", *name, &[&[0, 7], text]))
        .collect()
}

/// The table that the headers' own test reads: a line a header, in the third column what is read.
const TABLE: &str = include_str!("../../../rtsp-msg/tests/headers.tsv");

fn headers() -> Vec<Seed> {
    let squash = |name: &str| name.replace('-', "").to_ascii_lowercase();
    let mut seeds = Vec::new();
    for (row, line) in TABLE.lines().enumerate().skip(1) {
        let mut columns = line.split('\t');
        let (Some(name), Some(value)) = (columns.next(), columns.nth(1)) else {
            continue;
        };
        for (number, (header, _)) in HEADERS.iter().enumerate() {
            if squash(header) == squash(name) {
                let file = format!("{}-{row}", squash(name));
                seeds.push(seed(
                    "header",
                    file,
                    &[&[number as u8, 0], value.as_bytes()],
                ));
            }
        }
    }
    seeds
}

macro_rules! fixtures {
    ($($name:literal),*) => {
        [$(($name, &include_bytes!(concat!("../../../sdp/tests/fixtures/", $name, ".sdp"))[..])),*]
    };
}

fn descriptions() -> Vec<Seed> {
    let fixtures = fixtures!(
        "anpviz",
        "cheap-camera",
        "dahua",
        "ffmpeg",
        "flir",
        "gst-rtsp-server",
        "hanwha",
        "hikvision",
        "onvif-back-channel",
        "rtspclientsink",
        "tp-link",
        "vlc"
    );
    fixtures
        .iter()
        .map(|(name, text)| seed("sdp", *name, &[text]))
        .collect()
}

fn uris() -> Vec<Seed> {
    let texts = [
        "rtsp://example.com/a/b?c=d\ntrackID=1",
        "rtsps://user:pa%20ss@[2001:db8::1%25eth0]:322/%7Ea\n?x",
        "RTSP://HOST:\n*",
        "rtsp://192.0.2.1/cam/trackID=7/\nrtsp://other/x",
        "rtspu://höst/ä b#c\n../d/./e",
    ];
    texts
        .iter()
        .enumerate()
        .map(|(number, text)| seed("uri", number.to_string(), &[text.as_bytes()]))
        .collect()
}

fn packets() -> Vec<Seed> {
    let plain = [0x80, 0xe0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0x65, 0x88, 1, 2];
    let full = [
        0xb1, 96, 1, 2, 0, 0, 0, 3, 0, 0, 0, 4, // header, one source behind it
        0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0, // an extension
        0x7c, 0x85, 1, 2, 0, 0, 0, 4, // payload and padding
    ];
    // A gap, what fills it, a jump that is confirmed, a pause, a report.
    let mut order = vec![8, 100];
    for (kind, rest) in [
        (0, &[1_u8, 10, 0][..]),
        (0, &[2, 10, 0]),
        (0, &[0xff, 10, 0]),
        (1, &[0, 9, 1, 2, 3, 4]),
        (1, &[1, 9, 1, 2, 3, 4]),
        (2, &[200, 0]),
        (4, &[]),
        (3, &[]),
    ] {
        order.push(1);
        order.extend(variant(kind, 5));
        order.extend(rest);
    }
    vec![
        seed("rtp", "plain", &[&plain]),
        seed("rtp", "everything", &[&full]),
        seed("reorder", "gap-and-restart", &[&order]),
    ]
}

fn compounds() -> Vec<Seed> {
    let sender = SenderInfo {
        ssrc: 1,
        ntp: NtpTime(0xe000_0000_8000_0000),
        rtp_timestamp: 90_000,
        packet_count: 25,
        octet_count: 30_000,
    };
    let block = ReportBlock {
        ssrc: 2,
        fraction_lost: 3,
        cumulative_lost: -4,
        extended_highest_sequence: 65_540,
        jitter: 5,
        last_sender_report: 6,
        delay_since_last_sender_report: 7,
    };
    let written = |name: &str, write: &dyn Fn(&mut CompoundWriter<'_>)| {
        let mut buffer = BytesMut::new();
        write(&mut CompoundWriter::new(&mut buffer));
        seed("rtcp", name, &[&buffer])
    };
    let mut parts = Vec::new();
    for kind in 0..12 {
        parts.push(1);
        parts.extend(variant(kind, 12));
        parts.extend([
            0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 1, 0, 0, 0, 5, 0,
        ]);
    }
    vec![
        written("sender", &|writer| {
            writer
                .sender_report(&sender, &[block; 2])
                .cname(1, "camera")
                .bye(&[1], Some("done"));
        }),
        written("receiver", &|writer| {
            writer
                .receiver_report(1, &[block])
                .cname(1, "viewer")
                .nack(1, 2, &[7, 9, 40])
                .pli(1, 2);
        }),
        written("feedback", &|writer| {
            let request = FullIntraRequest {
                ssrc: 2,
                sequence: 3,
            };
            writer
                .receiver_report(1, &[])
                .fir(1, &[request])
                .remb(1, 1_000_000, &[2, 3]);
        }),
        written("extended", &|writer| {
            writer
                .receiver_report(1, &[])
                .reference_time(1, NtpTime(9))
                .app(1, 2, *b"name", b"four");
        }),
        // Twelve statuses: a run, and a vector of two bits.
        seed(
            "rtcp",
            "transport-wide",
            &[&[
                0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 12, 0, 0, 1, 0, 0x20, 5, 0xd6,
                0x40, 4, 4, 4, 4,
            ]],
        ),
        seed("rtcp-writer", "one-of-each", &[&parts]),
    ]
}

/// Of each format: a frame in packets, with one lost, a flush and the frame again.
fn payloads() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (number, format) in FORMATS.iter().enumerate() {
        let name = format!(
            "{number}-{}",
            format.codec.encoding_name().to_ascii_lowercase()
        );
        let Some(frame) = whole_frame(format.codec) else {
            let packet = [&[1, 4, 188][..], &[0x47; 188]].concat();
            seeds.push(seed("depacketizer", name, &[&[number as u8, 0], &packet]));
            continue;
        };
        let config = PacketizerConfig {
            max_payload: 240,
            channels: format.channels,
            clock_rate: format.clock_rate,
            ..PacketizerConfig::default()
        };
        let Ok(mut packetizer) = Packetizer::new(format.codec, config) else {
            continue;
        };
        let mut events = vec![number as u8, 0];
        for _ in 0..2 {
            if packetizer.push(&frame, 0).is_err() {
                continue;
            }
            let mut kind = 16 | 4;
            while let Some(packet) = packetizer.pop() {
                let marker = packet[1] >> 7 << 5;
                events.extend([1, kind | marker]);
                if kind & 16 != 0 {
                    events.extend(3000_u16.to_le_bytes());
                }
                events.push((packet.len() - 12) as u8);
                events.extend(&packet[12..]);
                kind = 4;
            }
            events.extend([1, 0, 1, 1, 1]);
        }
        seeds.push(seed("depacketizer", name.clone(), &[&events]));
        let short = &frame[frame.len().min(4) * usize::from(format.codec.is_video())..];
        let short = &short[..short.len().min(200)];
        seeds.push(seed(
            "packetizer",
            name,
            &[&[number as u8, 20, 0, 9], short],
        ));
    }
    seeds
}

fn keys() -> Vec<Seed> {
    let mut random = Random::from_seed([1; 32]);
    let mut seeds = Vec::new();
    for (number, suite) in Suite::ALL.into_iter().enumerate() {
        let keying = Keying {
            master: MasterKey::generate(suite, &mut random).with_identifier(&[1]),
            sources: vec![(7, 0), (8, 3)],
        };
        let message = keying.to_message(NtpTime(5), &mut random);
        let mut octets = Vec::new();
        message.encode(&mut octets);
        let text = message.encode_base64();
        seeds.push(seed("mikey", suite.name(), &[&octets]));
        seeds.push(seed(
            "mikey",
            format!("{}-base64", suite.name()),
            &[&[0], text.as_bytes()],
        ));
        let crypto = rtsp_session::srtp::sdes::Crypto {
            tag: 1,
            master: keying.master,
        };
        let crypto = crypto.to_string();
        seeds.push(seed(
            "mikey",
            format!("{}-crypto", suite.name()),
            &[&[1, b'#'], crypto.as_bytes()],
        ));
        let mut events = vec![number as u8];
        for (kind, rest) in [
            (0, &[1, 1, 1, 7, 1, 8, 0, 1][..]),
            (0, &[1, 1, 1, 7, 0, 0]),
            (1, &[1, 1, 7, 1, 8, 0, 1]),
            (2, &[1, 0]),
            (2, &[0, 1, 9, 9]),
            (3, &[1, 0x80, 1, 9, 0]),
        ] {
            events.push(1);
            events.extend(variant(kind, 5));
            events.extend(rest);
        }
        seeds.push(seed("srtp", suite.name(), &[&events]));
    }
    seeds.extend(by_rsa(&mut random));
    seeds
}

/// A question and its answer by RSA-R.
fn by_rsa(random: &mut Random) -> [Seed; 2] {
    let question = INQUIRY.text();
    let read = Unproved::decode(question).expect("made here");
    let asked = read.prove().expect("signed here");
    let keying = Keying {
        master: MasterKey::generate(Suite::default(), random),
        sources: vec![(7, 3)],
    };
    let (unsigned, _) = asked.answer(&IDENTITY, &keying, random).expect("on offer");
    let answer = unsigned.sign(random).expect("a good key");
    [("rsa-r-question", question), ("rsa-r-answer", &answer)].map(|(name, text)| {
        let message = Message::decode_base64(text).expect("made here");
        let mut octets = Vec::new();
        message.encode(&mut octets);
        seed("mikey", name, &[&octets])
    })
}

/// A request as the target reads one: method, target, version, session, transport, lines, cut.
fn asked(fields: [u8; 5], lines: u16) -> Vec<u8> {
    let mut event = vec![1];
    event.extend(variant(0, 8));
    event.push(0);
    event.extend(fields);
    event.extend(lines.to_le_bytes());
    event.push(9);
    event
}

/// The same of the second peer.
fn other(mut event: Vec<u8>) -> Vec<u8> {
    event[5] = 1;
    event
}

/// Sessions of a user who answers challenges.
fn challenged() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for version in [0, 1] {
        // Without credentials, then in answer to the challenge; the other peer tries what is not its own.
        let mut digest = vec![
            asked([6, 2, version, 255, 0], 0),
            asked([6, 2, version, 255, 128], 0),
            asked([0, 0, version, 255, 128], 0),
            asked([1, 2, version, 0, 128], 0),
            other(asked([6, 2, version, 255, 0], 0)),
            other(asked([2, 2, version, 0, 128], 0)),
        ];
        for _ in 0..7 {
            // Until the challenge is stale.
            digest.push([&[1][..], &variant(4, 8), &[50]].concat());
            digest.push(asked([8, 2, version, 0, 128], 0));
        }
        digest.push(asked([8, 2, version, 0, 128], 0));
        digest.push(asked([4, 2, version, 0, 128], 0));
        seeds.push(seed(
            "connection",
            format!("digest-{version}"),
            &[&[1], &digest.concat()],
        ));
    }
    seeds
}

fn connections() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for version in [0, 1] {
        let film = [
            asked([5, 2, version, 255, 0], 0),
            asked([6, 2, version, 255, 0], 0),
            asked([0, 0, version, 255, 0], 0),
            asked([0, 1, version, 0, 1], 0),
            asked([1, 2, version, 0, 0], 4),
            // A frame, then time.
            [&[1][..], &variant(2, 8), &[0, 0, 9]].concat(),
            [&[1][..], &variant(4, 8), &[30]].concat(),
            // Something is asked of the peer, and answered.
            [&[1][..], &variant(6, 8), &[0, 0]].concat(),
            [&[1][..], &variant(3, 8), &[0, 0, 0]].concat(),
            asked([2, 2, version, 0, 0], 0),
            asked([4, 2, version, 0, 0], 0),
        ];
        seeds.push(seed(
            "connection",
            format!("play-{version}"),
            &[&[0], &film.concat()],
        ));
        let publisher = [
            asked([7, 2, version, 255, 0], 0),
            asked([0, 0, version, 255, 2], 128),
            asked([3, 2, version, 0, 0], 128),
            // The server takes its time, the peer goes on and leaves.
            [&[1][..], &variant(7, 8)].concat(),
            asked([8, 2, version, 0, 0], 1024),
            [&[1][..], &variant(4, 8), &[9]].concat(),
            [&[1][..], &variant(5, 8), &[0]].concat(),
        ];
        seeds.push(seed(
            "connection",
            format!("record-{version}"),
            &[&[1], &publisher.concat()],
        ));
    }
    seeds.extend(challenged());
    let noise: Vec<u8> = b"noise\r\n\r\n$\x00\x00\x02ab"
        .iter()
        .flat_map(|byte| [1, *byte])
        .collect();
    let bytes = [
        &[1][..],
        &variant(1, 8),
        &[0],
        &noise,
        &[0],
        &asked([5, 5, 1, 255, 0], 64),
    ]
    .concat();
    seeds.push(seed("connection", "noise", &[&[2], &bytes]));
    seeds
}

fn tunnels() -> Vec<Seed> {
    let key = websocket::key([7; 16]);
    let head = |name: &str, head: Vec<u8>| seed("tunnel", name, &[&[0, 5], &head]);
    let mut body = BytesMut::new();
    http::encode(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", &mut body);
    http::encode(b"$\x00\x00\x04abcd", &mut body);
    let mut frames = BytesMut::new();
    let mut put = |first: Option<u8>, opcode, payload: &[u8]| {
        let at = frames.len();
        websocket::encode(opcode, payload, Some([1, 2, 3, 4]), &mut frames);
        if let Some(first) = first {
            frames[at] = first;
        }
    };
    put(None, Opcode::Binary, b"OPTIONS * RTSP/1.0\r\n");
    put(Some(0x02), Opcode::Binary, b"CSeq: 1\r\n");
    put(None, Opcode::Ping, b"there?");
    put(Some(0x80), Opcode::Continuation, &[b'\n'; 200]);
    put(None, Opcode::Pong, b"");
    put(None, Opcode::Close, &1000_u16.to_be_bytes());
    let mut answer = BytesMut::new();
    websocket::encode(Opcode::Text, &[b'a'; 126], None, &mut answer);
    websocket::close(None, None, &mut answer);
    vec![
        head("get", http::get("h:8554", "/live?a=b", "c", "me")),
        head("post", http::post("h", "/", "c", "me")),
        head("upgrade", websocket::upgrade("h", "/", &key, "me")),
        head("switched", websocket::switched(&key)),
        head("opened", http::OPENED.to_vec()),
        seed("tunnel", "body", &[&[1, 3], &body]),
        seed("websocket", "asked", &[&[0, 3], &frames]),
        seed("websocket", "answered", &[&[1, 3], &answer]),
    ]
}

/// How `arbitrary` reads the number of an enum's variant, of so many.
fn variant(number: u64, of: u64) -> [u8; 4] {
    let value = (number << 32).div_ceil(of);
    (value as u32).to_le_bytes()
}
