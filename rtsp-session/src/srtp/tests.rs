use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit};
use bytes::BytesMut;

use super::{cipher::Cipher, keys::RTP_LIFETIME, *};
use crate::random::Random;

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}

fn packet(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 9]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn compound(ssrc: u32) -> Vec<u8> {
    let mut report = vec![0x80, 201, 0, 1];
    report.extend(ssrc.to_be_bytes());
    report.extend([0x81, 203, 0, 1]);
    report.extend(ssrc.to_be_bytes());
    report
}

fn master(suite: Suite) -> MasterKey {
    MasterKey::generate(suite, &mut Random::from_seed([5; 32]))
}

fn sealed(sender: &mut Sender, packet: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    sender.seal_rtp(packet, &mut out).unwrap();
    out
}

fn opened(receiver: &mut Receiver, packet: &[u8]) -> Result<BytesMut, OpenError> {
    let mut out = BytesMut::new();
    receiver.open_rtp(packet, &mut out).map(|()| out)
}

/// Session keys of the vectors of RFC 7714, which begin behind the key derivation.
fn gcm(suite: Suite) -> Keys {
    let key: Vec<u8> = (0..suite.key_length() as u8).collect();
    let salt: [u8; 12] = *b"Quid pro quo";
    let cipher = || match suite {
        Suite::AeadAes128Gcm => {
            Cipher::Gcm128(Box::new(Aes128Gcm::new_from_slice(&key).unwrap()), salt)
        }
        _ => Cipher::Gcm256(Box::new(Aes256Gcm::new_from_slice(&key).unwrap()), salt),
    };
    Keys {
        suite,
        rtp: cipher(),
        rtcp: cipher(),
        mki: Box::default(),
    }
}

#[test]
fn rfc_7714_16_srtp_packets() {
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
         69736120 696e2070 61727465 73207472 6573",
    );
    let vectors = [
        (
            Suite::AeadAes128Gcm,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
             0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            Suite::AeadAes256Gcm,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
             9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ];
    for (suite, expected) in vectors {
        let keys = gcm(suite);
        let mut out = BytesMut::new();
        keys.seal_rtp(0, &plain, &mut out).unwrap();
        assert_eq!(out, hex(expected), "{suite}");
        let mut back = BytesMut::new();
        keys.open_rtp(0, &out, &mut back).unwrap();
        assert_eq!(back, plain);
    }
}

#[test]
fn rfc_7714_17_srtcp_packets() {
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let vectors = [
        (
            Suite::AeadAes128Gcm,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
             c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
             45d9eade 800005d4",
        ),
        (
            Suite::AeadAes256Gcm,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
             a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c
             b26ac3be 800005d4",
        ),
    ];
    for (suite, expected) in vectors {
        let keys = gcm(suite);
        let mut out = BytesMut::new();
        keys.seal_rtcp(0x5d4, &plain, &mut out).unwrap();
        assert_eq!(out, hex(expected), "{suite}");
        let mut back = BytesMut::new();
        assert_eq!(keys.open_rtcp(&out, &mut back), Ok(0x5d4));
        assert_eq!(back, plain);
    }
    // §17.3 and §17.4: authenticated only.
    let tagged = [
        (Suite::AeadAes128Gcm, "841dd968 3dd78ec9 2ae58790 125f62b3"),
        (Suite::AeadAes256Gcm, "91db4afb feee5a97 8fab4393 ed2615fe"),
    ];
    for (suite, tag) in tagged {
        let packet = [plain.clone(), hex(tag), hex("000005d4")].concat();
        let mut back = BytesMut::new();
        assert_eq!(gcm(suite).open_rtcp(&packet, &mut back), Ok(0x5d4));
        assert_eq!(back, plain);
    }
}

#[test]
fn all_suites_open_what_they_sealed_and_nothing_that_was_touched() {
    for suite in Suite::ALL {
        for mki in [&b""[..], b"k1"] {
            let master = master(suite).with_identifier(mki);
            let mut sender = Sender::new(&master);
            let plain = packet(7, 10, b"some payload");
            let out = sealed(&mut sender, &plain);
            assert_eq!(out.len(), plain.len() + suite.rtp_tag() + mki.len());
            assert_ne!(out[12..plain.len()], plain[12..]);
            for at in 0..out.len() {
                let mut touched = out.clone();
                touched[at] ^= 1;
                let mut receiver = Receiver::new(&master);
                assert!(opened(&mut receiver, &touched).is_err(), "{suite} {at}");
                assert_eq!(receiver.drops().total(), 1);
            }
            for length in 0..out.len() {
                assert!(opened(&mut Receiver::new(&master), &out[..length]).is_err());
            }
            assert_eq!(opened(&mut Receiver::new(&master), &out).unwrap(), plain);

            let report = compound(7);
            let mut out = BytesMut::from("before");
            sender.seal_rtcp(&report, &mut out).unwrap();
            let out = out.split_off(6);
            let mut receiver = Receiver::new(&master);
            for at in 0..out.len() {
                let mut touched = out.clone();
                touched[at] ^= 0x80;
                let mut back = BytesMut::new();
                assert!(receiver.open_rtcp(&touched, &mut back).is_err());
                assert!(back.is_empty());
                assert!(receiver.open_rtcp(&out[..at], &mut back).is_err());
            }
            let mut back = BytesMut::new();
            receiver.open_rtcp(&out, &mut back).unwrap();
            assert_eq!(back, report);
            let again = receiver.open_rtcp(&out, &mut back);
            assert_eq!(again, Err(OpenError::Replayed));
            assert_eq!(back, report, "nothing added");
        }
    }
}

#[test]
fn extensions_and_contributors_stay_readable() {
    let mut plain = packet(7, 1, &[]);
    plain[0] |= 0x12;
    plain.extend([1; 8]);
    plain.extend([0xBE, 0xDE, 0, 1, 9, 9, 9, 9]);
    let readable = plain.len();
    plain.extend(b"payload");
    for suite in Suite::ALL {
        let out = sealed(&mut Sender::new(&master(suite)), &plain);
        assert_eq!(out[..readable], plain[..readable]);
        assert_ne!(out[readable..plain.len()], plain[readable..]);
        let back = opened(&mut Receiver::new(&master(suite)), &out);
        assert_eq!(back.unwrap(), plain);
    }
    // An extension that says it is longer than the packet.
    plain[readable - 5] = 200;
    let mut out = BytesMut::new();
    let refused = Sender::new(&master(Suite::default())).seal_rtp(&plain, &mut out);
    assert_eq!(refused, Err(SealError::Malformed));
    assert!(out.is_empty());
}

#[test]
fn sequence_numbers_roll_over_again_and_again() {
    for suite in Suite::ALL {
        let master = master(suite);
        let (mut sender, mut receiver) = (Sender::new(&master), Receiver::new(&master));
        let mut sequence = 65_000_u16;
        for number in 0..300_000_u32 {
            // A few packets of a run are sent, as if the others had been lost.
            let plain = packet(3, sequence, &number.to_be_bytes());
            if number % 97 == 0 || !(10..=65_525).contains(&sequence) {
                let out = sealed(&mut sender, &plain);
                assert_eq!(opened(&mut receiver, &out).unwrap(), plain);
            }
            sequence = sequence.wrapping_add(1);
        }
        assert_eq!(sender.rollovers(3), Some(5));
        assert_eq!(receiver.drops(), Drops::default());
    }
}

#[test]
fn packets_out_of_order_around_a_rollover_are_opened_once_each() {
    let master = master(Suite::default());
    let (mut sender, mut receiver) = (Sender::new(&master), Receiver::new(&master));
    let order: Vec<u16> = (0..200_u16).map(|n| n.wrapping_sub(100)).collect();
    let mut packets: Vec<_> = order
        .iter()
        .map(|sequence| sealed(&mut sender, &packet(3, *sequence, b"x")))
        .collect();
    packets.chunks_mut(8).for_each(<[_]>::reverse);
    for out in &packets {
        assert!(opened(&mut receiver, out).is_ok());
    }
    for out in &packets {
        let again = opened(&mut receiver, out);
        assert!(matches!(again, Err(OpenError::Replayed | OpenError::Old)));
    }
    assert_eq!(receiver.drops().replayed, 200);
}

#[test]
fn a_receiver_that_joins_late_has_to_be_told_of_rollovers() {
    let master = master(Suite::default());
    let mut sender = Sender::new(&master);
    for sequence in 0..=65_535 {
        sealed(&mut sender, &packet(3, sequence, b"x"));
    }
    let out = sealed(&mut sender, &packet(3, 0, b"late"));
    let mut untold = Receiver::new(&master);
    assert_eq!(
        opened(&mut untold, &out),
        Err(OpenError::AuthenticationFailed)
    );
    let mut told = Receiver::new(&master);
    told.expect(3, sender.rollovers(3).unwrap());
    // A report of the same source that comes first changes nothing of this.
    let (mut report, mut back) = (BytesMut::new(), BytesMut::new());
    sender.seal_rtcp(&compound(3), &mut report).unwrap();
    told.open_rtcp(&report, &mut back).unwrap();
    assert!(opened(&mut told, &out).is_ok());
    // Told just before, or just after, it rolled over.
    for (roc, is_opened) in [(0, true), (2, true), (3, false)] {
        let mut told = Receiver::new(&master);
        told.expect(3, roc);
        assert_eq!(opened(&mut told, &out).is_ok(), is_opened, "{roc}");
    }
}

#[test]
fn a_receiver_that_was_away_for_rounds_finds_the_sequence_again() {
    let master = master(Suite::default());
    let keys = Keys::derive(&master);
    let made = |index: u32| {
        let (roc, packet) = (index >> 16, packet(7, index as u16, b"media"));
        let mut sealed = BytesMut::new();
        keys.seal_rtp(roc, &packet, &mut sealed).unwrap();
        (packet, sealed)
    };
    for away in [1, 40_000, 70_000, 200_000, 1_000_000] {
        let mut receiver = Receiver::new(&master);
        for index in 65_500..65_600 {
            let (_, sealed) = made(index);
            // The first packet is known to be of the first round.
            opened(&mut receiver, &sealed).unwrap();
        }
        let (packet, sealed) = made(65_600 + away);
        let lost = away >= 1 << 15;
        if lost {
            assert!(opened(&mut receiver, &sealed).is_err(), "{away}");
        }
        receiver.resume();
        // Strangers end nothing, and what was here before is not taken again.
        let mut forged = sealed.clone();
        forged[13] ^= 1;
        assert!(opened(&mut receiver, &forged).is_err());
        assert!(opened(&mut receiver, &made(65_599).1).is_err());
        assert_eq!(opened(&mut receiver, &sealed).unwrap(), packet, "{away}");
        assert!(opened(&mut receiver, &sealed).is_err());
        assert!(opened(&mut receiver, &made(65_599).1).is_err());
        // And on, over the next rollover.
        for step in 1..=30 {
            let (packet, sealed) = made(65_600 + away + step * 5000);
            assert_eq!(opened(&mut receiver, &sealed).unwrap(), packet);
        }
    }
}

#[test]
fn an_index_is_never_used_twice() {
    let mut sender = Sender::new(&master(Suite::AeadAes128Gcm));
    sealed(&mut sender, &packet(3, 500, b"one"));
    sealed(&mut sender, &packet(3, 700, b"two"));
    let mut out = BytesMut::new();
    for sequence in [700, 500, 400] {
        let refused = sender.seal_rtp(&packet(3, sequence, b"other"), &mut out);
        assert_eq!(refused, Err(SealError::IndexReused), "{sequence}");
    }
    assert!(out.is_empty());
    sealed(&mut sender, &packet(3, 699, b"late, but not yet used"));
    sealed(&mut sender, &packet(4, 700, b"of another source"));
}

#[test]
fn sources_under_a_key_are_bounded_and_forgers_take_no_place() {
    let master = master(Suite::default());
    let (mut sender, mut receiver) = (Sender::new(&master), Receiver::new(&master));
    for ssrc in 0..1000 {
        let mut forged = packet(ssrc, 0, b"forged");
        forged.extend([0; 10]);
        assert_eq!(
            opened(&mut receiver, &forged),
            Err(OpenError::AuthenticationFailed)
        );
    }
    let mut out = BytesMut::new();
    for ssrc in 0..40 {
        out.clear();
        let sealed = sender.seal_rtp(&packet(ssrc, 0, b"x"), &mut out);
        if ssrc < 32 {
            assert!(sealed.is_ok() && opened(&mut receiver, &out).is_ok());
        } else {
            assert_eq!(sealed, Err(SealError::TooManySources));
        }
    }
    assert_eq!(receiver.drops().forged, 1000);
}

#[test]
fn a_key_comes_to_its_end() {
    let master = master(Suite::default());
    let keys = Keys::derive(&master);
    let mut out = BytesMut::new();
    assert_eq!(
        keys.seal_rtcp(1 << 31, &compound(1), &mut out),
        Err(SealError::KeyExpired)
    );
    // The last index that there is, and what would follow.
    let last = packet(3, u16::MAX, b"last");
    keys.seal_rtp(u32::MAX, &last, &mut out).unwrap();
    let mut receiver = Receiver::new(&master);
    receiver.expect(3, u32::MAX);
    assert_eq!(opened(&mut receiver, &out).unwrap(), last);
    out.clear();
    keys.seal_rtp(0, &packet(3, 0, b"wrapped"), &mut out)
        .unwrap();
    assert_eq!(opened(&mut receiver, &out), Err(OpenError::KeyExpired));
    assert_eq!(index::estimate(RTP_LIFETIME - 1, 0), None);
}

#[test]
fn keys_differ_by_packet_kind_and_are_not_shown() {
    let master = master(Suite::AeadAes256Gcm);
    let other = MasterKey::generate(Suite::AeadAes256Gcm, &mut Random::from_seed([6; 32]));
    let out = sealed(&mut Sender::new(&master), &packet(3, 1, b"x"));
    assert_eq!(
        opened(&mut Receiver::new(&other), &out),
        Err(OpenError::AuthenticationFailed)
    );
    let shown = format!("{master:?} {:?}", Sender::new(&master));
    assert!(!shown.contains(&format!("{:?}", master.key()[0..4].to_vec()).replace(['[', ']'], "")));
    assert!(shown.contains("MasterKey { suite: AeadAes256Gcm, .. }"));
    assert_eq!(
        MasterKey::new(Suite::AeadAes128Gcm, &[0; 30]).unwrap_err(),
        KeyLengthError {
            suite: Suite::AeadAes128Gcm,
            expected: 28,
            got: 30
        }
    );
}

#[test]
fn names_are_those_of_sdp() {
    for suite in Suite::ALL {
        assert_eq!(Suite::named(suite.name()), Some(suite));
    }
    assert_eq!(Suite::named("aes_cm_128_hmac_sha1_80"), None);
}
