use alloc::{format, vec, vec::Vec};

use super::{config::Adts, *};
use crate::{
    Codec, Depacketizer, Error, Frame, Header, Packet, Packetizer, PacketizerConfig,
    payload::h264::tests::hex, testing::Xorshift,
};

const HBR: &str = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190";

struct Feed {
    depacketizer: Depacketizer,
    sequence: u16,
    errors: Vec<Error>,
}

impl Feed {
    fn new(clock_rate: u32, fmtp: Option<&str>) -> Self {
        let depacketizer = Depacketizer::new(Codec::Aac, clock_rate, Some(2), fmtp).unwrap();
        Self {
            depacketizer,
            sequence: 0,
            errors: vec![],
        }
    }

    fn push(&mut self, marker: bool, timestamp: u32, payload: &[u8]) -> &mut Self {
        let header = Header {
            marker,
            payload_type: 97,
            sequence: self.sequence,
            timestamp,
            ssrc: 1,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.errors
            .extend(self.depacketizer.push(&Packet::new(&header, payload)).err());
        self
    }

    fn frames(&mut self) -> Vec<Frame> {
        core::iter::from_fn(|| self.depacketizer.pop()).collect()
    }

    fn units(&mut self) -> Vec<(u32, Vec<u8>)> {
        self.frames()
            .into_iter()
            .map(|frame| (frame.timestamp, frame.payload.to_vec()))
            .collect()
    }
}

#[test]
fn configurations() {
    // (hex, object type, rate, channels, extension, frame length)
    let cases = [
        ("1190", 2, 48_000, 2, None, 1024),
        ("1210", 2, 44_100, 2, None, 1024),
        ("1408", 2, 16_000, 1, None, 1024),
        ("1194", 2, 48_000, 2, None, 960),
        ("2b118800", 2, 24_000, 2, Some(48_000), 1024),
        ("eb098800", 2, 24_000, 2, Some(48_000), 1024),
        ("131056e598", 2, 24_000, 2, Some(48_000), 1024),
        ("138856e5a54880", 2, 22_050, 2, Some(44_100), 1024),
        ("1780177008", 2, 12_000, 1, None, 1024),
    ];
    for (text, object_type, rate, channels, extension, frame_length) in cases {
        let Ok(config) = AudioSpecificConfig::parse(&hex(text)) else {
            panic!("{text}")
        };
        assert_eq!(
            (config.object_type, config.frame_length),
            (object_type, frame_length),
            "{text}"
        );
        let got = (
            config.sample_rate,
            config.channels(),
            config.extension_sample_rate,
        );
        assert_eq!(got, (rate, channels, extension), "{text}");
        let again = AudioSpecificConfig::parse(&config.to_bytes());
        assert_eq!(again, Ok(config), "{text}");
    }
    assert_eq!(
        AudioSpecificConfig::low_complexity(48_000, 2)
            .unwrap()
            .to_bytes(),
        [0x11, 0x90]
    );
    assert_eq!(
        AudioSpecificConfig::low_complexity(44_099, 1)
            .unwrap()
            .sample_rate,
        44_099
    );
    for (rate, channels) in [(0, 2), (1 << 24, 2), (48_000, 0), (48_000, 7), (48_000, 9)] {
        assert!(AudioSpecificConfig::low_complexity(rate, channels).is_err());
    }
    assert_eq!(
        AudioSpecificConfig::parse(&[0x11]),
        Err(Error::Syntax("AudioSpecificConfig"))
    );
    assert_eq!(
        AudioSpecificConfig::parse(&[]),
        Err(Error::Syntax("AudioSpecificConfig"))
    );
    let mut random = Xorshift::new(41);
    for _ in 0..20_000 {
        if let Ok(config) = AudioSpecificConfig::parse(&random.bytes(16)) {
            assert!(config.sample_rate > 0);
        }
    }
}

#[test]
fn fmtp_and_back() {
    let parameters = Parameters::from_fmtp(HBR).unwrap();
    assert_eq!(
        (
            parameters.sample_rate,
            parameters.channels,
            parameters.frame_length
        ),
        (48_000, 2, 1024)
    );
    assert_eq!(parameters.fmtp(), HBR);
    assert_eq!(parameters.codec_string(), "mp4a.40.2");
    for broken in ["config=", "config=1", "config=zz", "mode=AAC-hbr", ""] {
        assert!(Parameters::from_fmtp(broken).is_err(), "{broken}");
    }
    assert!(Parameters::from_fmtp(&format!("config={}", "11".repeat(4000))).is_err());
}

#[test]
fn several_units_step_by_their_length() {
    let mut feed = Feed::new(48_000, Some(HBR));
    feed.push(
        true,
        1000,
        &[0, 48, 0, 2 << 3, 0, 1 << 3, 0, 3 << 3, 1, 2, 3, 4, 5, 6],
    );
    assert_eq!(
        feed.units(),
        [(1000, vec![1, 2]), (2024, vec![3]), (3048, vec![4, 5, 6])]
    );
    assert_eq!(feed.errors, []);
}

#[test]
fn duration_is_in_the_clock_of_the_packets() {
    // Core at 24 kHz, clock 48 kHz: 1024 samples are 2048 ticks.
    let fmtp = "sizelength=13;indexlength=3;indexdeltalength=3;config=1310";
    let mut feed = Feed::new(48_000, Some(fmtp));
    feed.push(true, 0, &[0, 32, 0, 8, 0, 8, 1, 2]);
    assert_eq!(feed.units(), [(0, vec![1]), (2048, vec![2])]);
    let mut feed = Feed::new(
        90_000,
        Some("sizelength=13;indexlength=3;indexdeltalength=3;config=1190;constantDuration=7"),
    );
    feed.push(true, 0, &[0, 32, 0, 8, 0, 8, 1, 2]);
    let frames = feed.frames();
    assert_eq!((frames[1].timestamp, frames[1].duration), (7, Some(7)));
}

#[test]
fn interleaved_units_carry_the_time_of_their_index() {
    let mut feed = Feed::new(48_000, Some(HBR));
    feed.push(true, 0, &[0, 32, 0, 8, 0, 8 | 2, 1, 2]);
    assert_eq!(feed.units(), [(0, vec![1]), (3 * 1024, vec![2])]);
}

#[test]
fn the_fields_of_the_header_are_as_announced() {
    let mut feed = Feed::new(
        8000,
        Some("mode=AAC-lbr;sizelength=6;indexlength=2;indexdeltalength=2;config=1588"),
    );
    feed.push(true, 5, &[0, 16, 2 << 2, 1 << 2, 7, 8, 9]);
    assert_eq!(feed.units(), [(5, vec![7, 8]), (1029, vec![9])]);

    let mut feed = Feed::new(8000, Some("mode=generic;constantsize=2;config=1588"));
    feed.push(true, 5, &[1, 2, 3, 4]);
    assert_eq!(feed.units(), [(5, vec![1, 2]), (1029, vec![3, 4])]);

    // CTS, DTS, random access and stream state: 8 + 1 + 1 + 4 + 1 + 1 + 2 = 18 bits.
    let fmtp = "mode=generic;sizelength=8;ctsdeltalength=4;dtsdeltalength=1;randomaccessindication=1;streamstateindication=2;config=1588";
    let mut feed = Feed::new(8000, Some(fmtp));
    let mut bits = crate::payload::bits::BitWriter::default();
    bits.bits(16, 13 + 18);
    for (size, cts) in [(1, None), (2, Some(0xf))] {
        bits.bits(8, size);
        bits.bits(1, u32::from(cts.is_some()));
        if let Some(cts) = cts {
            bits.bits(4, cts);
        }
        bits.bits(1, u32::from(cts.is_some()));
        if cts.is_some() {
            bits.bits(1, 1);
        }
        bits.bits(3, 0);
    }
    let mut payload = bits.finish();
    payload.extend([7, 8, 9]);
    feed.push(true, 100, &payload);
    assert_eq!(
        feed.units(),
        [(100, vec![7]), (99, vec![8, 9])],
        "a CTS of −1"
    );

    let mut feed = Feed::new(
        8000,
        Some(
            "sizelength=13;indexlength=3;indexdeltalength=3;auxiliarydatasizelength=8;config=1588",
        ),
    );
    feed.push(true, 5, &[0, 16, 0, 8, 16, 0xaa, 0xbb, 7]);
    assert_eq!(feed.units(), [(5, vec![7])]);
    feed.push(true, 6, &[0, 16, 0, 8, 255, 0xaa]);
    assert_eq!(feed.errors.len(), 1);
}

#[test]
fn fragments_come_together_or_not_at_all() {
    let mut feed = Feed::new(48_000, Some(HBR));
    let part = |bytes: &[u8]| [&[0, 16, 0, 6 << 3], bytes].concat();
    feed.push(false, 9, &part(&[1, 2]))
        .push(false, 9, &part(&[3, 4]))
        .push(true, 9, &part(&[5, 6]));
    assert_eq!(feed.units(), [(9, vec![1, 2, 3, 4, 5, 6])]);
    // The middle is lost.
    feed.push(false, 10, &part(&[1, 2]));
    feed.sequence += 1;
    feed.push(true, 10, &part(&[5, 6]))
        .push(true, 11, &[0, 16, 0, 8, 7]);
    let frames = feed.frames();
    assert_eq!(
        (frames.len(), frames[0].timestamp, frames[0].loss_before),
        (1, 11, 1)
    );
    assert_eq!(feed.errors, []);
    // Ends too early, begins again, never began.
    feed.push(false, 12, &part(&[1]))
        .push(true, 12, &part(&[2]));
    feed.push(false, 13, &part(&[1]))
        .push(false, 14, &part(&[1]))
        .push(true, 14, &part(&[2, 3, 4, 5, 6]));
    feed.push(true, 15, &part(&[1]));
    let expected = [
        Error::UnfinishedFragment,
        Error::UnfinishedFragment,
        Error::OrphanFragment,
    ];
    assert_eq!(feed.errors, expected);
    assert_eq!(feed.units(), [(14, vec![1, 2, 3, 4, 5, 6])]);
}

#[test]
fn announced_size_is_bounded() {
    let mut feed = Feed::new(
        48_000,
        Some("sizelength=32;indexlength=0;indexdeltalength=0;config=1190"),
    );
    feed.push(false, 0, &[0, 32, 0xff, 0xff, 0xff, 0xff, 1]);
    assert_eq!(
        feed.errors,
        [Error::FrameTooLarge {
            limit: Depacketizer::FRAME_LIMIT
        }]
    );
}

fn adts(len: u16) -> Vec<u8> {
    let frame = len + 7;
    // LC, 48 kHz, two channels.
    vec![
        0xff,
        0xf1,
        0x4c,
        0x80 | (frame >> 11) as u8,
        (frame >> 3) as u8,
        (frame << 5) as u8 | 0x1f,
        0xfc,
    ]
}

#[test]
fn adts_headers_are_taken_off() {
    let parsed = Adts::parse(&adts(4)).unwrap();
    assert_eq!(
        (
            parsed.header_len,
            parsed.frame_len,
            parsed.config.sample_rate
        ),
        (7, 11, 48_000)
    );
    assert_eq!(parsed.config.to_bytes(), [0x11, 0x90]);
    let wrapped = [adts(4), vec![1, 2, 3, 4]].concat();
    let mut feed = Feed::new(48_000, Some(HBR));
    feed.push(true, 0, &[&[0, 16, 0, 11 << 3], &wrapped[..]].concat());
    feed.push(true, 1024, &[&wrapped[..], &wrapped].concat());
    assert_eq!(
        feed.units(),
        [
            (0, vec![1, 2, 3, 4]),
            (1024, vec![1, 2, 3, 4]),
            (2048, vec![1, 2, 3, 4])
        ]
    );
    assert_eq!(feed.errors, []);
    feed.push(true, 3072, &[&wrapped[..], &[0xff]].concat());
    assert_eq!(feed.errors, [Error::Syntax("ADTS frame")]);
}

#[test]
fn without_parameters_the_clock_tells() {
    let mut feed = Feed::new(48_000, None);
    assert_eq!(
        feed.depacketizer.parameters().unwrap().sample_rate(),
        Some(48_000)
    );
    feed.push(true, 0, &[0, 16, 0, 8, 1]);
    assert_eq!(feed.units(), [(0, vec![1])]);
    let mut feed = Feed::new(0, Some("config=zz"));
    assert!(feed.depacketizer.parameters().is_none());
    feed.push(true, 0, &[&[0, 16, 0, 8 << 3], &adts(1)[..], &[5]].concat());
    assert!(feed.frames()[0].parameters_changed);
    assert_eq!(
        feed.depacketizer.parameters().unwrap().sample_rate(),
        Some(48_000)
    );
}

#[test]
fn units_survive_the_journey_at_every_size() {
    let mut random = Xorshift::new(42);
    for _ in 0..400 {
        let max_payload = 64 + random.below(1400);
        let config = PacketizerConfig {
            max_payload,
            clock_rate: 48_000,
            ..PacketizerConfig::default()
        };
        let mut packetizer = Packetizer::new(Codec::Aac, config).unwrap();
        let mut depacketizer = Depacketizer::new(Codec::Aac, 48_000, Some(2), Some(HBR)).unwrap();
        for n in 0..4_u32 {
            let size = 1 + random.below(8191);
            let mut unit = random.exactly(size);
            unit[0] = 0x21;
            packetizer.push(&unit, n * 1024).unwrap();
            while let Some(bytes) = packetizer.pop() {
                assert!(bytes.len() <= max_payload + Header::LEN);
                depacketizer.push(&Packet::parse(bytes).unwrap()).unwrap();
            }
            let frame = depacketizer.pop().unwrap();
            assert_eq!(
                (frame.timestamp, frame.payload.to_vec(), frame.duration),
                (n * 1024, unit, Some(1024))
            );
            assert!(depacketizer.pop().is_none());
        }
        assert_eq!(
            packetizer.push(&[0; 8192], 0),
            Err(Error::FrameTooLarge { limit: 8191 })
        );
    }
}
