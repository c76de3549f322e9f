use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    Codec, Depacketizer, Error, Frame, Header, Packet, Packetizer, PacketizerConfig, nal,
    payload::h264::tests::hex, testing::Xorshift,
};

/// (SPS, width, height, frame rate, bits, sub-layers, reorder frames), from x265.
type Case = (&'static str, u32, u32, (u32, u32), u8, u8, u8);

const SPS: [Case; 3] = [
    (
        "420101016000000300900000030000030078a003c08010e596566924caf0168080000003008000000c84",
        1920,
        1080,
        (25, 1),
        8,
        1,
        2,
    ),
    (
        "42010102200000030090000003000003003fa005120169c94d964a924caf01680800001f480003a98040",
        642,
        358,
        (30_000, 1001),
        10,
        1,
        0,
    ),
    (
        "420101016000000300900000030000030099a001e020021c596566924caf0168080000030008000003019040",
        3840,
        2160,
        (50, 1),
        8,
        1,
        2,
    ),
];

const VPS: &str = "40010c01ffff016000000300900000030000030078959809";
const PPS: &str = "4401c172b46240";
const HVCC: &str = "01016000000090000000000078f000fcfdf8f800000f03a00001001840010c01ffff016000000300900000030000030078959809a10001002a420101016000000300900000030000030078a003c08010e596566924caf0168080000003008000000c84a2000100074401c172b46240";

fn sets() -> [Vec<u8>; 3] {
    [hex(VPS), hex(SPS[0].0), hex(PPS)]
}

struct Feed {
    depacketizer: Depacketizer,
    sequence: u16,
    errors: Vec<Error>,
}

impl Feed {
    fn new(fmtp: Option<&str>) -> Self {
        let depacketizer = Depacketizer::new(Codec::H265, 90_000, None, fmtp).unwrap();
        Self {
            depacketizer,
            sequence: 65_530,
            errors: vec![],
        }
    }

    fn push(&mut self, marker: bool, timestamp: u32, payload: &[u8]) -> &mut Self {
        let header = Header {
            marker,
            payload_type: 96,
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

    fn units(&mut self) -> Vec<Vec<Vec<u8>>> {
        let split = |frame: &Frame| {
            LengthPrefixed::new(&frame.payload)
                .map(|unit| unit.unwrap().to_vec())
                .collect()
        };
        self.frames().iter().map(split).collect()
    }
}

#[test]
fn sps_of_a_real_encoder() {
    for (text, width, height, frame_rate, bits, layers, reorder) in SPS {
        let parsed = Sps::parse(&hex(text)).unwrap();
        assert_eq!((parsed.width, parsed.height), (width, height), "{text}");
        assert_eq!(parsed.frame_rate, Some(frame_rate), "{text}");
        assert_eq!(
            (parsed.bit_depth_luma, parsed.bit_depth_chroma),
            (bits, bits)
        );
        assert_eq!(
            (parsed.temporal_layers, parsed.reorder_frames),
            (layers, Some(reorder))
        );
    }
}

#[test]
fn broken_sps_is_an_error_or_a_value_never_a_panic() {
    let mut random = Xorshift::new(22);
    for (text, ..) in SPS {
        let unit = hex(text);
        for end in 0..unit.len() {
            let _ = Sps::parse(&unit[..end]);
        }
        for _ in 0..5000 {
            let mut broken = unit.clone();
            for _ in 0..1 + random.below(4) {
                let at = 2 + random.below(broken.len() - 2);
                broken[at] = random.next() as u8;
            }
            if let Ok(parsed) = Sps::parse(&broken) {
                assert!(
                    parsed.width > 0
                        && parsed.width <= 0xffff
                        && parsed.height > 0
                        && parsed.height <= 0xffff
                );
            }
        }
    }
}

#[test]
fn parameters_agree_from_hvcc_fmtp_and_units() {
    let record = hex(HVCC);
    let parameters = Parameters::from_hvcc(&record).unwrap();
    assert_eq!(parameters.to_hvcc(), record);
    assert_eq!(
        Parameters::from_fmtp(&parameters.fmtp()),
        Ok(parameters.clone())
    );
    assert_eq!(
        Parameters::from_units(parameters.units()),
        Ok(parameters.clone())
    );
    assert_eq!(parameters.codec_string(), "hvc1.1.6.L120.90");
    for end in 0..record.len() {
        assert!(
            Parameters::from_hvcc(&record[..end]).is_err(),
            "cut at {end}"
        );
    }
}

#[test]
fn incomplete_sprops_give_way_to_the_stream() {
    let [vps, sps, pps] = sets();
    let whole = Parameters::from_hvcc(&hex(HVCC)).unwrap().fmtp();
    let (_, without_vps) = whole.split_once(';').unwrap();
    let mut feed = Feed::new(Some(without_vps));
    assert!(feed.depacketizer.parameters().is_none());
    feed.push(false, 1, &vps)
        .push(false, 1, &sps)
        .push(false, 1, &pps)
        .push(true, 1, &[0x26, 1, 9]);
    let frame = &feed.frames()[0];
    assert!(frame.parameters_changed && frame.random_access);
    assert_eq!(
        feed.depacketizer.parameters().unwrap().dimensions(),
        Some((1920, 1080))
    );
    assert_eq!(
        feed.depacketizer.parameters().unwrap().frame_rate(),
        Some(25.0)
    );
}

#[test]
fn sets_of_other_layers_change_nothing() {
    let [vps, sps, pps] = sets();
    let mut feed = Feed::new(None);
    feed.push(false, 1, &vps)
        .push(false, 1, &sps)
        .push(false, 1, &pps)
        .push(true, 1, &[0x26, 1, 9]);
    let mut layered = hex(SPS[1].0);
    layered[1] |= 0x08;
    feed.push(false, 2, &layered).push(true, 2, &[0x02, 1, 9]);
    assert!(!feed.frames()[1].parameters_changed);
}

#[test]
fn aggregates_fragments_and_order_numbers() {
    let mut feed = Feed::new(None);
    feed.push(true, 1, &[0x60, 1, 0, 3, 0x26, 1, 7, 0, 2, 0x26, 1]);
    assert_eq!(feed.units(), [vec![vec![0x26, 1, 7], vec![0x26, 1]]]);
    feed.push(false, 2, &[0x62, 1, 0x93, 5])
        .push(true, 2, &[0x62, 1, 0x53, 6]);
    assert_eq!(feed.units(), [vec![vec![0x26, 1, 5, 6]]]);
    feed.push(true, 3, &[0x62, 1, 0xd3, 5]);
    assert_eq!(feed.units(), [vec![vec![0x26, 1, 5]]]);

    let mut feed = Feed::new(Some("sprop-max-don-diff=2"));
    feed.push(
        true,
        1,
        &[0x60, 1, 9, 9, 0, 3, 0x26, 1, 7, 9, 0, 2, 0x26, 1],
    );
    assert_eq!(feed.units(), [vec![vec![0x26, 1, 7], vec![0x26, 1]]]);
    feed.push(false, 2, &[0x62, 1, 0x93, 9, 9, 5])
        .push(true, 2, &[0x62, 1, 0x53, 6]);
    assert_eq!(feed.units(), [vec![vec![0x26, 1, 5, 6]]]);
    feed.push(true, 3, &[0x26, 1, 9, 9, 7]);
    assert_eq!(feed.units(), [vec![vec![0x26, 1, 7]]]);
    assert_eq!(feed.errors, []);
    feed.push(true, 4, &[0x60, 1, 9])
        .push(true, 5, &[0x60, 1, 9, 9, 0, 3, 1])
        .push(true, 6, &[0x26, 1, 9]);
    assert_eq!(feed.errors.len(), 3);
}

#[test]
fn malformed_payloads_are_reported_and_passed_over() {
    let mut feed = Feed::new(None);
    for payload in [
        &[][..],
        &[0x26],
        &[0x62, 1],
        &[0x64, 1, 0],
        &[0x60, 1, 0],
        &[0x60, 1, 0, 1, 9],
        &[0x62, 1, 0x13, 1],
    ] {
        feed.push(true, 1, payload);
    }
    assert_eq!(feed.errors.len(), 7);
    assert_eq!(feed.frames(), []);
    feed.push(true, 1, &[0x26, 1, 9]);
    assert_eq!(feed.frames().len(), 1);
}

#[test]
fn frames_survive_the_journey_at_every_size() {
    let mut random = Xorshift::new(32);
    for round in 0..400 {
        let max_payload = 64 + random.below(1500);
        let mut units = Vec::new();
        if random.chance(30) {
            units.extend(sets());
        }
        for _ in 0..1 + random.below(4) {
            let size = if random.chance(20) {
                max_payload - 2 + random.below(5)
            } else {
                3 + random.below(9000)
            };
            let mut unit: Vec<u8> = random.exactly(size).iter().map(|byte| byte | 4).collect();
            unit[0] = if random.chance(50) { 0x26 } else { 0x02 };
            unit[1] = 1;
            units.push(unit);
        }
        let frame = nal::length_prefixed(units.iter().map(|unit| &unit[..]));
        let config = PacketizerConfig {
            max_payload,
            ..PacketizerConfig::default()
        };
        let mut packetizer = Packetizer::new(Codec::H265, config).unwrap();
        packetizer.push(&frame, 9).unwrap();
        let mut depacketizer = Depacketizer::new(Codec::H265, 90_000, None, None).unwrap();
        while let Some(bytes) = packetizer.pop() {
            assert!(bytes.len() <= max_payload + Header::LEN);
            depacketizer.push(&Packet::parse(bytes).unwrap()).unwrap();
        }
        assert_eq!(depacketizer.pop().unwrap().payload, frame, "round {round}");
        assert!(depacketizer.pop().is_none());
    }
}
