use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use rtcp::NtpTime;

use super::*;
use crate::random::Random;
use crate::srtp::mikey::{CryptoSession, KeyEntry, Keying, Policy, message::octets_of};
use crate::srtp::{MasterKey, Receiver, Sender, Suite};
use base64::{Engine as _, prelude::BASE64_STANDARD};

const SERVER: &str = "rtsps://cam.example:8322/";

/// A key of its own, and a certificate that it has signed itself.
fn made(seed: u8) -> Arc<Identity> {
    let key = generate_key(&mut Random::from_seed([seed; 32])).unwrap();
    let certificate = certify(&key);
    Arc::new(Identity::new(&key, vec![certificate], "urn:somebody").unwrap())
}

fn certify(key: &[u8]) -> Vec<u8> {
    let key =
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&key.to_vec().into(), &rcgen::PKCS_RSA_SHA256)
            .unwrap();
    let params = rcgen::CertificateParams::new(vec!["cam.example".to_owned()]).unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

pub(crate) static CLIENT: LazyLock<Arc<Identity>> = LazyLock::new(|| made(1));
pub(crate) static RESPONDER: LazyLock<Arc<Identity>> = LazyLock::new(|| made(2));

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn ntp(at: SystemTime) -> NtpTime {
    NtpTime::from_unix(at.duration_since(SystemTime::UNIX_EPOCH).unwrap())
}

fn inquiry(at: SystemTime, random: &mut Random) -> Inquiry {
    Inquiry::new(&CLIENT, 77, SERVER, ntp(at), random).unwrap()
}

fn keying(suite: Suite, random: &mut Random) -> Keying {
    Keying {
        master: MasterKey::generate(suite, random),
        sources: vec![(9, 3)],
    }
}

pub(crate) fn believe(chain: &[&[u8]]) -> Result<(), String> {
    match chain == [&RESPONDER.chain[0][..]] {
        true => Ok(()),
        false => Err("another".to_owned()),
    }
}

fn answered(inquiry: &Inquiry, keying: &Keying, random: &mut Random) -> (String, Option<Keying>) {
    let asked = Unproved::decode(inquiry.text()).unwrap().prove().unwrap();
    let (unsigned, theirs) = asked.answer(&RESPONDER, keying, random).unwrap();
    (unsigned.sign(random).unwrap(), theirs)
}

fn encoded(octets: &[u8]) -> String {
    BASE64_STANDARD.encode(octets)
}

fn refused(text: &str) -> ReverseError {
    let read = Unproved::decode(text);
    read.and_then(|read| read.prove()).unwrap_err()
}

#[test]
fn both_have_the_keys_of_both_directions_after_one_exchange() {
    let random = &mut Random::from_seed([3; 32]);
    for suite in Suite::ALL {
        let inquiry = inquiry(now(), random);
        assert!(is_inquiry(inquiry.text()));
        let message = Message::decode_base64(inquiry.text()).unwrap();
        assert_eq!(message.kind, MessageKind::ReverseRequest);
        assert!(message.wants_response);
        let has = |wanted: fn(&Payload) -> bool| message.payloads.iter().any(wanted);
        assert!(has(|it| matches!(it, Payload::Certificate { kind: 0, .. })));
        assert!(has(|it| matches!(
            it,
            Payload::Policy(Policy { protocol: 0, .. })
        )));
        let keying = keying(suite, random);
        let (text, theirs) = answered(&inquiry, &keying, random);
        assert!(!is_inquiry(&text));
        let told = inquiry.take(&text, None, &believe, random).unwrap();
        assert_eq!(told.theirs.master.suite(), suite);
        assert_eq!(
            told.theirs.master.key_and_salt(),
            keying.master.key_and_salt()
        );
        assert_eq!(told.theirs.sources, [(9, 3)]);
        let theirs = theirs.unwrap();
        assert_eq!(theirs.sources, [(77, 0)]);
        assert_eq!(theirs.master.key_and_salt(), told.own.key_and_salt());
        assert_ne!(theirs.master.key(), keying.master.key());
        // A report of the client's is what the server reads.
        let report = [0x80, 201, 0, 1, 0, 0, 0, 77];
        let mut sealed = bytes::BytesMut::new();
        Sender::new(&told.own)
            .seal_rtcp(&report, &mut sealed)
            .unwrap();
        let mut opened = bytes::BytesMut::new();
        Receiver::new(&theirs.master)
            .open_rtcp(&sealed, &mut opened)
            .unwrap();
        assert_eq!(opened[..], report);
        let shown = format!("{inquiry:?} {told:?} {:?}", *CLIENT);
        assert!(
            !shown.contains(&format!("{:?}", told.own.key())),
            "no keys are shown"
        );
    }
}

#[test]
fn an_octet_that_is_changed_anywhere_is_found_and_so_is_what_is_cut() {
    let random = &mut Random::from_seed([4; 32]);
    let inquiry = inquiry(now(), random);
    let asked = octets_of(inquiry.text()).unwrap();
    let keying = keying(Suite::default(), random);
    let answer = octets_of(&answered(&inquiry, &keying, random).0).unwrap();
    let take = |octets: &[u8], random: &mut Random| {
        inquiry.take(&encoded(octets), None, &|_| Ok(()), random)
    };
    assert!(take(&answer, random).is_ok());
    for at in 0..asked.len().max(answer.len()) {
        for change in [0x01, 0x80] {
            for whole in [&asked, &answer] {
                let mut changed = whole.to_vec();
                let Some(octet) = changed.get_mut(at) else {
                    continue;
                };
                *octet ^= change;
                let refused = match std::ptr::eq(whole, &raw const asked) {
                    true => Unproved::decode(&encoded(&changed))
                        .and_then(|read| read.prove())
                        .err(),
                    false => take(&changed, random).err(),
                };
                assert!(refused.is_some(), "octet {at} changed by {change}");
                assert_ne!(refused, Some(ReverseError::Cryptography));
            }
        }
        if at < asked.len() {
            assert!(Unproved::decode(&encoded(&asked[..at])).is_err());
        }
        if at < answer.len() {
            assert!(take(&answer[..at], random).is_err());
        }
    }
}

#[test]
fn what_is_of_another_time_or_was_here_before_is_refused() {
    let random = &mut Random::from_seed([5; 32]);
    let window = Duration::from_secs(60);
    let mut replays = Replays::new(window, 3);
    let mut ask = |replays: &mut Replays, at: SystemTime, now: SystemTime| {
        let read = Unproved::decode(inquiry(at, random).text()).unwrap();
        replays.check(now, &read)?;
        let asked = read.prove()?;
        replays.note(now, &asked)?;
        assert_eq!(replays.check(now, &read), Err(ReverseError::Replayed));
        let later = now + Duration::from_nanos(12_345_678);
        assert_eq!(replays.check(later, &read), Err(ReverseError::Replayed));
        assert_eq!(replays.note(now, &asked), Err(ReverseError::Replayed));
        Ok(())
    };
    let second = Duration::from_secs(1);
    for off in [window - second, Duration::ZERO] {
        assert_eq!(ask(&mut replays, now() - off, now()), Ok(()));
        let beyond = off + window + second;
        assert_eq!(
            ask(&mut replays, now() - beyond, now()),
            Err(ReverseError::Time)
        );
        assert_eq!(
            ask(&mut replays, now() + beyond, now()),
            Err(ReverseError::Time)
        );
    }
    assert_eq!(ask(&mut replays, now() + window, now()), Ok(()));
    // It is full: the oldest is forgotten, and nothing that old is taken any more.
    assert_eq!(ask(&mut replays, now() + second, now()), Ok(()));
    assert_eq!(
        ask(&mut replays, now() - window, now()),
        Err(ReverseError::Time)
    );
    assert_eq!(ask(&mut replays, now() + second + second, now()), Ok(()));
    assert_eq!(ask(&mut replays, now(), now()), Err(ReverseError::Time));
    // What nobody could send again makes room.
    let later = now() + 3 * window;
    for off in 0..3 {
        assert_eq!(ask(&mut replays, later + second * off, later), Ok(()));
    }
    // The seconds of NTP begin anew on 7 February 2036.
    let era = SystemTime::UNIX_EPOCH + Duration::from_secs(2_085_978_496);
    let mut replays = Replays::new(window, 3);
    assert_eq!(ask(&mut replays, era - second, era + second), Ok(()));
    assert_eq!(ask(&mut replays, era + second, era - second), Ok(()));
}

#[test]
fn keys_that_are_too_small_or_none_of_rsa_are_refused() {
    let random = &mut Random::from_seed([6; 32]);
    let with = |certificate: Vec<u8>| {
        let mut message =
            Message::decode_base64(inquiry(now(), &mut Random::from_seed([7; 32])).text()).unwrap();
        for payload in &mut message.payloads {
            if let Payload::Certificate { contents, .. } = payload {
                *contents = certificate.clone();
            }
        }
        message.encode_base64()
    };
    // A modulus of 1024 bits, in a certificate made by openssl.
    let small = include_bytes!("small.der");
    assert_eq!(refused(&with(small.to_vec())), ReverseError::KeySize(1024));
    let other = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    let ecdsa = other.cert.der().to_vec();
    assert_eq!(refused(&with(ecdsa.clone())), ReverseError::Certificate);
    assert_eq!(refused(&with(vec![0x30; 300])), ReverseError::Certificate);
    assert_eq!(refused(&with(vec![0x30; 4097])), ReverseError::Certificate);
    // A good one of somebody else.
    assert_eq!(
        refused(&with(RESPONDER.chain[0].clone())),
        ReverseError::Signature
    );

    let key = generate_key(random).unwrap();
    let own = certify(&key);
    let new = |key: &[u8], chain: &[Vec<u8>]| Identity::new(key, chain.to_vec(), "x").unwrap_err();
    assert_eq!(
        new(
            &other.signing_key.serialize_der(),
            std::slice::from_ref(&ecdsa)
        ),
        IdentityError::NotRsa
    );
    assert_eq!(new(&key, &[]), IdentityError::Certificates);
    assert_eq!(
        new(&key, &vec![own.clone(); 7]),
        IdentityError::Certificates
    );
    assert_eq!(new(&key, &[ecdsa]), IdentityError::Certificates);
    assert_eq!(new(&key, &RESPONDER.chain[..1]), IdentityError::Mismatch);
    assert_eq!(
        new(include_bytes!("small.key.der"), &[small.to_vec()]),
        IdentityError::Size(1024)
    );
}

/// The question of the client, changed and signed again.
fn changed(by: &dyn Fn(&mut Message)) -> String {
    let random = &mut Random::from_seed([8; 32]);
    let mut message = Message::decode_base64(inquiry(now(), random).text()).unwrap();
    message.payloads.pop();
    by(&mut message);
    let signed = sign(&message, (&CLIENT, identity::Hash::Sha256), None, random);
    encoded(&signed.unwrap())
}

#[test]
fn questions_that_are_not_as_they_should_be_are_refused_by_cause() {
    type Change<'a> = &'a dyn Fn(&mut Message);
    let without = |number: u8| {
        move |message: &mut Message| message.payloads.retain(|it| it.number() != number)
    };
    let with =
        |payload: Payload| move |message: &mut Message| message.payloads.push(payload.clone());
    let unsupported = |what, value| ReverseError::Unsupported { what, value };
    let counter = Payload::Timestamp { kind: 2, value: 5 };
    let time = Payload::Timestamp { kind: 1, value: 5 };
    let url = Payload::Certificate {
        kind: 1,
        contents: b"http://169.254.169.254/".to_vec(),
    };
    let name = |length| Payload::Identity {
        kind: 1,
        name: vec![b'a'; length],
    };
    let group = Payload::Extension {
        kind: 4,
        contents: vec![0; 4],
    };
    let envelope = Payload::Envelope {
        cache: 0,
        contents: vec![0; 256],
    };
    let keys = |encryption, mac_algorithm| Payload::Keys {
        encryption,
        contents: vec![0; 40].into(),
        mac_algorithm,
        mac: vec![0; 20 * usize::from(mac_algorithm)],
    };
    let cases: [(Change<'_>, ReverseError); 16] = [
        (&|it| it.kind = MessageKind::PublicKey, ReverseError::Kind),
        (&|it| it.prf = 1, unsupported("a pseudo-random function", 1)),
        (&without(5), ReverseError::Missing("a timestamp")),
        (&with(time), ReverseError::Unexpected("a timestamp")),
        (&with(counter), unsupported("a timestamp", 2)),
        (&without(7), ReverseError::Missing("a certificate")),
        (&with(url), unsupported("a certificate", 1)),
        (
            &with(Payload::Random(vec![1; 16])),
            ReverseError::Unexpected("RAND"),
        ),
        (&with(name(256)), ReverseError::Unexpected("an identity")),
        (&with(name(1)), ReverseError::Unexpected("an identity")),
        (&with(group), ReverseError::Unexpected("another bundle")),
        (&with(envelope), ReverseError::Unexpected("PKE")),
        (&with(keys(1, 1)), ReverseError::Unexpected("KEMAC")),
        (&with(keys(0, 0)), unsupported("encryption", 0)),
        (&with(Payload::Error(1)), unsupported("a payload", 12)),
        (
            &|it| {
                it.sessions.push(CryptoSession {
                    ssrc: 5,
                    ..Default::default()
                });
            },
            ReverseError::Unexpected("a crypto session"),
        ),
    ];
    for (change, cause) in cases {
        assert_eq!(refused(&changed(change)), cause);
    }
}

#[test]
fn signatures_of_another_kind_and_none_are_refused() {
    let pss = Message {
        payloads: vec![Payload::Signature {
            algorithm: 1,
            signature: vec![0; 256],
        }],
        ..Message::decode_base64(&changed(&|_| {})).unwrap()
    };
    assert_eq!(
        refused(&pss.encode_base64()),
        ReverseError::Unsupported {
            what: "a signature",
            value: 1
        }
    );
    let none = Message {
        payloads: vec![],
        ..pss
    };
    assert_eq!(
        refused(&none.encode_base64()),
        ReverseError::Missing("a timestamp")
    );
}

#[test]
fn suites_are_those_on_offer() {
    let random = &mut Random::from_seed([9; 32]);
    let keying = keying(Suite::AeadAes128Gcm, random);
    let prove = |text: &str| Unproved::decode(text).unwrap().prove().unwrap();
    let weak = changed(&|message| {
        let mut left = 0;
        message.payloads.retain(|it| {
            left += usize::from(matches!(it, Payload::Policy(_)));
            // All but GCM.
            !matches!(it, Payload::Policy(_)) || left > 2
        });
    });
    let refused = prove(&weak).answer(&RESPONDER, &keying, random);
    assert_eq!(refused.unwrap_err(), ReverseError::Suite);
    let any = changed(&|message| {
        message
            .payloads
            .retain(|it| !matches!(it, Payload::Policy(_)));
    });
    assert!(prove(&any).answer(&RESPONDER, &keying, random).is_ok());
}

#[test]
fn who_only_listens_or_brings_no_random_octets_is_answered_so() {
    let random = &mut Random::from_seed([10; 32]);
    let keying = keying(Suite::default(), random);
    let text = changed(&|message| {
        message.sessions.clear();
        message
            .payloads
            .retain(|it| !matches!(it, Payload::Random(_)));
    });
    let asked = Unproved::decode(&text).unwrap().prove().unwrap();
    let (unsigned, theirs) = asked.answer(&RESPONDER, &keying, random).unwrap();
    assert!(theirs.is_none(), "it sends nothing");
    let answer = Message::decode_base64(&unsigned.sign(random).unwrap()).unwrap();
    let sessions: Vec<_> = answer.sessions.iter().map(|it| (it.ssrc, it.roc)).collect();
    assert_eq!(sessions, [(9, 3)]);
    let random = answer.payloads.iter().find_map(|it| match it {
        Payload::Random(octets) => Some(octets.len()),
        _ => None,
    });
    assert_eq!(random, Some(16), "RFC 4738 §3.6");
}

#[test]
fn answers_of_others_and_to_others_are_refused() {
    let random = &mut Random::from_seed([11; 32]);
    let (one, other) = (
        inquiry(now(), random),
        inquiry(now() + Duration::from_secs(1), random),
    );
    let keying = keying(Suite::default(), random);
    let (text, _) = answered(&one, &keying, random);
    assert_eq!(
        other.take(&text, None, &believe, random).unwrap_err(),
        ReverseError::NotAsked("bundle")
    );
    assert_eq!(
        one.take(one.text(), None, &believe, random).unwrap_err(),
        ReverseError::Kind
    );
    // Somebody else with a certificate of its own.
    let asked = Unproved::decode(one.text()).unwrap().prove().unwrap();
    let (unsigned, _) = asked.answer(&CLIENT, &keying, random).unwrap();
    let forged = unsigned.sign(random).unwrap();
    assert_eq!(
        one.take(&forged, None, &believe, random).unwrap_err(),
        ReverseError::Untrusted("another".to_owned())
    );
    // A server that relies on the certificate that TLS has shown, and one that shows none at all.
    let bare = Arc::new(Identity {
        key: rsa::PrivateKey::clone(&RESPONDER.key),
        chain: Vec::new(),
        name: Vec::new(),
    });
    let (unsigned, _) = asked.answer(&bare, &keying, random).unwrap();
    let bare = unsigned.sign(random).unwrap();
    let known = &RESPONDER.chain[0][..];
    assert!(one.take(&bare, Some(known), &believe, random).is_ok());
    assert_eq!(
        one.take(&bare, None, &believe, random).unwrap_err(),
        ReverseError::Missing("a certificate")
    );
    let wrong = &CLIENT.chain[0][..];
    assert_eq!(
        one.take(&bare, Some(wrong), &believe, random).unwrap_err(),
        ReverseError::Signature
    );
}

/// An answer of the server's, with other keys in it, or hidden in another way; signed as it should be.
fn answer_with(
    inquiry: &Inquiry,
    entries: &[KeyEntry],
    by: &dyn Fn(&mut Message),
) -> Result<Told, ReverseError> {
    let random = &mut Random::from_seed([12; 32]);
    let asked = Unproved::decode(inquiry.text()).unwrap().prove().unwrap();
    let (mut unsigned, _) = asked
        .answer(&RESPONDER, &keying(Suite::default(), random), random)
        .unwrap();
    let bundle = super::super::derive::Bundle {
        number: unsigned.message.bundle,
        random: &inquiry.random,
    };
    let Some(&Payload::Timestamp { value, .. }) = unsigned.message.payloads.first() else {
        panic!("a timestamp comes first");
    };
    let keys = responder::hide(
        bundle,
        (&*unsigned.envelope, value),
        SERVER.as_bytes(),
        entries,
    );
    *unsigned.message.payloads.last_mut().unwrap() = keys;
    by(&mut unsigned.message);
    let text = unsigned.sign(random).unwrap();
    inquiry.take(&text, None, &believe, random)
}

#[test]
fn keys_are_for_the_sessions_at_their_place_and_one_is_for_all() {
    let random = &mut Random::from_seed([13; 32]);
    let inquiry = inquiry(now(), random);
    let traffic = KeyEntry::traffic(&[1; 30]);
    let generator = KeyEntry {
        generates: true,
        ..KeyEntry::traffic(&[2; 16])
    };
    let none: &dyn Fn(&mut Message) = &|_| {};
    let one = answer_with(&inquiry, std::slice::from_ref(&traffic), none).unwrap();
    assert_eq!(one.own.key_and_salt(), [1; 30]);
    assert_eq!(one.theirs.master.key_and_salt(), [1; 30]);
    let one = answer_with(&inquiry, std::slice::from_ref(&generator), none).unwrap();
    assert_ne!(one.own.key_and_salt(), one.theirs.master.key_and_salt());
    let two = answer_with(&inquiry, &[traffic.clone(), generator.clone()], none).unwrap();
    assert_eq!(two.own.key_and_salt(), [1; 30]);
    assert_eq!(
        two.theirs.master.key_and_salt(),
        one.theirs.master.key_and_salt()
    );
    let refused = |entries: &[KeyEntry]| answer_with(&inquiry, entries, none).unwrap_err();
    let short = KeyEntry {
        key: vec![3; 8].into(),
        ..generator
    };
    assert_eq!(refused(&[short]), KeyingError::KeyLength.into());
    assert_eq!(
        refused(&[KeyEntry::traffic(&[1; 29])]),
        KeyingError::KeyLength.into()
    );
    assert_eq!(
        refused(&vec![traffic.clone(); 3]),
        KeyingError::KeyCount(3).into()
    );
}

#[test]
fn answers_that_are_not_as_they_should_be_are_refused_by_cause() {
    let inquiry = inquiry(now(), &mut Random::from_seed([14; 32]));
    let traffic = [KeyEntry::traffic(&[1; 30])];
    let by = |change: &dyn Fn(&mut Message)| answer_with(&inquiry, &traffic, change).unwrap_err();
    let random = Payload::Random(vec![1; 16]);
    assert_eq!(
        by(&|it| it.payloads.insert(1, random.clone())),
        ReverseError::Unexpected("RAND")
    );
    assert_eq!(
        by(&|it| it.sessions[0].ssrc = 78),
        ReverseError::NotAsked("crypto session")
    );
    assert_eq!(
        by(&|it| it.sessions.truncate(1)),
        ReverseError::NotAsked("number of crypto sessions")
    );
    let other = Payload::Identity {
        kind: 1,
        name: b"rtsps://other/".to_vec(),
    };
    assert_eq!(
        by(&|it| it.payloads[1] = other.clone()),
        ReverseError::NotAsked("identity")
    );
    let is_policy = |it: &Payload| matches!(it, Payload::Policy(_));
    assert_eq!(
        by(&|it| it.payloads.retain(|one| !is_policy(one))),
        ReverseError::Missing("a policy")
    );
    let keys = |it: &Payload| matches!(it, Payload::Keys { .. });
    assert_eq!(
        by(&|it| it.payloads.retain(|one| !keys(one))),
        ReverseError::Missing("KEMAC")
    );
    let spoilt = by(&|it| {
        for payload in &mut it.payloads {
            if let Payload::Keys { contents, .. } = payload {
                contents[3] ^= 1;
            }
        }
    });
    assert_eq!(spoilt, ReverseError::Protection);
}
