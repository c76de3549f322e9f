use rtcp::NtpTime;

use super::*;
use crate::{
    random::Random,
    srtp::{MasterKey, Suite, tests::hex},
};

/// What GStreamer 1.22 puts into a description: T, RAND, SP, KEMAC with a key of 30 octets.
fn of_gstreamer() -> Vec<u8> {
    hex("01 00 05 00 12345678 01 00
         00 aabbccdd 00000002
         0b 00 e000000000000000
         0a 10 000102030405060708090a0b0c0d0e0f
         01 00 00 0015 00 01 01 01 01 10 02 01 01 03 01 0a 07 01 01 08 01 01 0a 01 01
         00 00 0022
           00 20 001e E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6
         00")
}

fn every_payload() -> Message {
    Message {
        kind: MessageKind::ReverseResponse,
        wants_response: true,
        prf: 0,
        bundle: 0xCAFE_0001,
        sessions: vec![
            CryptoSession {
                policy: 0,
                ssrc: 7,
                roc: 9,
            },
            CryptoSession::default(),
        ],
        payloads: vec![
            Payload::Timestamp { kind: 0, value: 77 },
            Payload::Timestamp { kind: 2, value: 5 },
            Payload::Random(vec![1; 16]),
            Payload::Identity {
                kind: 1,
                name: b"rtsps://host/".to_vec(),
            },
            Payload::Certificate {
                kind: 0,
                contents: vec![0x30; 900],
            },
            Payload::CertificateHash {
                function: 1,
                hash: vec![2; 16],
            },
            Payload::Verification {
                algorithm: 1,
                mac: vec![3; 20],
            },
            Payload::Policy(Policy {
                number: 1,
                protocol: 0,
                parameters: vec![(0, vec![1]), (6, vec![0, 0])],
            }),
            Payload::Keys {
                encryption: 1,
                contents: vec![4; 60].into(),
                mac_algorithm: 1,
                mac: vec![5; 20],
            },
            Payload::Envelope {
                cache: 1,
                contents: vec![6; 256],
            },
            Payload::Error(10),
            Payload::Extension {
                kind: 4,
                contents: vec![0, 0, 0, 8],
            },
            Payload::Signature {
                algorithm: 0,
                signature: vec![7; 256],
            },
        ],
    }
}

#[test]
fn a_message_of_gstreamer_is_read() {
    let message = Message::decode(&of_gstreamer()).unwrap();
    let keying = Keying::from_message(&message).unwrap();
    assert_eq!(keying.master.suite(), Suite::AesCm128HmacSha1_80);
    assert_eq!(keying.master.key(), hex("E1F97A0D3E018BE0D64FA32C06DE4139"));
    assert_eq!(keying.master.salt(), hex("0EC675AD498AFEEBB6960B3AABE6"));
    assert_eq!(keying.sources, [(0xAABB_CCDD, 2)]);
    let mut again = Vec::new();
    message.encode(&mut again);
    assert_eq!(again, of_gstreamer());
    assert!(!format!("{message:?}").contains("225"), "no keys are shown");
}

#[test]
fn keys_of_all_suites_go_there_and_back() {
    let mut random = Random::from_seed([1; 32]);
    for suite in Suite::ALL {
        for mki in [&b""[..], b"\x01\x02"] {
            let master = MasterKey::generate(suite, &mut random).with_identifier(mki);
            let keying = Keying {
                master,
                sources: vec![(5, 1), (6, 0)],
            };
            let now = NtpTime::from_unix(std::time::Duration::from_secs(1_700_000_000));
            let text = keying.to_message(now, &mut random).encode_base64();
            let back = Keying::decode(&text).unwrap();
            assert_eq!(back.master.suite(), suite);
            assert_eq!(back.master.key_and_salt(), keying.master.key_and_salt());
            assert_eq!(back.master.identifier(), mki);
            assert_eq!(back.sources, keying.sources);
        }
    }
}

#[test]
fn every_payload_goes_there_and_back() {
    let message = every_payload();
    let mut octets = Vec::new();
    message.encode(&mut octets);
    assert_eq!(Message::decode(&octets).unwrap(), message);
    assert_eq!(
        Message::decode_base64(&message.encode_base64()).unwrap(),
        message
    );
    let entries = vec![
        KeyEntry {
            generates: true,
            salt: Some(vec![1; 14].into()),
            interval: Some((vec![0; 6], vec![9; 6])),
            ..KeyEntry::traffic(&[8; 16])
        },
        KeyEntry {
            identifier: Some(vec![1, 2, 3, 4]),
            ..KeyEntry::traffic(&[9; 30])
        },
    ];
    let octets = KeyEntry::encode_all(&entries);
    assert_eq!(KeyEntry::decode_all(&octets).unwrap(), entries);
    for length in 0..octets.len() {
        assert!(KeyEntry::decode_all(&octets[..length]).is_err());
    }
}

#[test]
fn whatever_is_cut_or_changed_is_refused_or_read_without_panic() {
    let mut octets = Vec::new();
    every_payload().encode(&mut octets);
    for whole in [octets, of_gstreamer()] {
        for length in 0..whole.len() {
            assert!(Message::decode(&whole[..length]).is_err(), "{length}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(Message::decode(&longer).is_err());
        for at in 0..whole.len() {
            for change in [1, 0x10, 0x80, 0xFF] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                if let Ok(message) = Message::decode(&changed) {
                    let _ = Keying::from_message(&message);
                }
            }
        }
    }
    let mut random = Random::from_seed([2; 32]);
    for _ in 0..2000 {
        let mut noise = random.bytes::<64>();
        noise[0] = 1;
        noise[8] = 0;
        noise[9] = 0;
        let _ = Message::decode(&noise);
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_cause() {
    let good = Message::decode(&of_gstreamer()).unwrap();
    let with = |number: u8, value: u8| {
        let mut message = good.clone();
        for payload in &mut message.payloads {
            if let Payload::Policy(policy) = payload {
                policy.parameters.retain(|(known, _)| *known != number);
                policy.parameters.push((number, vec![value]));
            }
        }
        Keying::from_message(&message).map(|keying| keying.master.suite())
    };
    assert_eq!(with(3, 4), Ok(Suite::AesCm128HmacSha1_32));
    assert_eq!(with(3, 20), Ok(Suite::AesCm128HmacSha1_80));
    assert_eq!(with(11, 4), Ok(Suite::AesCm128HmacSha1_32));
    for (number, value) in [
        (0, 2),
        (0, 0),
        (1, 24),
        (2, 0),
        (7, 0),
        (8, 0),
        (10, 0),
        (12, 8),
        (11, 5),
    ] {
        assert_eq!(with(number, value), Err(KeyingError::Policy(number)));
    }
    // AES-GCM with its salt apart, and with one octet too many.
    assert_eq!(with(0, 6), Err(KeyingError::KeyLength));
    let change = |by: &dyn Fn(&mut Message)| {
        let mut message = good.clone();
        by(&mut message);
        Keying::from_message(&message).unwrap_err()
    };
    let kind = change(&|message| message.kind = MessageKind::ReverseRequest);
    assert_eq!(kind, KeyingError::Kind);
    let none = change(&|message| {
        message.payloads.pop();
    });
    assert_eq!(none, KeyingError::KeyCount(0));
    let keys = |encryption: u8, entries: &[KeyEntry]| Payload::Keys {
        encryption,
        contents: KeyEntry::encode_all(entries),
        mac_algorithm: 0,
        mac: Vec::new(),
    };
    let entry = KeyEntry::traffic(&[1; 30]);
    let replaced = |payload: Payload| {
        change(&|message| {
            message.payloads.pop();
            message.payloads.push(payload.clone());
        })
    };
    assert_eq!(
        replaced(keys(1, std::slice::from_ref(&entry))),
        KeyingError::Protected
    );
    assert_eq!(
        replaced(keys(0, &[entry.clone(), entry.clone()])),
        KeyingError::KeyCount(2)
    );
    let generating = KeyEntry {
        generates: true,
        ..entry
    };
    assert_eq!(replaced(keys(0, &[generating])), KeyingError::NotForTraffic);
    assert!(matches!(
        Keying::decode("not base64!"),
        Err(KeyingError::Decode(DecodeError::Base64))
    ));
    assert_eq!(Message::decode(&[1; 20_000]), Err(DecodeError::TooLong));
}

#[test]
fn a_receiver_knows_the_rollovers_that_it_was_told() {
    let keying = Keying::from_message(&Message::decode(&of_gstreamer()).unwrap()).unwrap();
    let mut packet = vec![0x80, 96, 0, 5, 0, 0, 0, 0];
    packet.extend(0xAABB_CCDD_u32.to_be_bytes());
    packet.extend(b"payload");
    let mut sealed = bytes::BytesMut::new();
    let keys = crate::srtp::Keys::derive(&keying.master);
    keys.seal_rtp(2, &packet, &mut sealed).unwrap();
    let mut opened = bytes::BytesMut::new();
    let told = keying.receiver().open_rtp(&sealed, &mut opened);
    assert_eq!((told, &opened[..]), (Ok(()), &packet[..]));
}
