//! SRTP: what is asked for, which keys are taken, and what is refused.

use bytes::Bytes;
use bytes::BytesMut;
use rtcp::NtpTime;

use super::*;
use crate::srtp::MasterKey;
use crate::srtp::OpenError;
use crate::srtp::SealError;
use crate::srtp::Sender;
use crate::srtp::Suite;
use crate::srtp::mikey::Keying;
use crate::srtp::mikey::reverse::Replays;
use crate::srtp::mikey::reverse::ReverseError;
use crate::srtp::mikey::reverse::Unproved;
use crate::srtp::mikey::reverse::is_inquiry;
use crate::srtp::mikey::reverse::tests::{CLIENT, RESPONDER, believe};
use crate::srtp::sdes::Crypto;

const TCP: TransportRequest = TransportRequest::Interleaved { rtp: 0, rtcp: 1 };
const GRANTED: &str = "Transport: RTP/SAVP/TCP;unicast;interleaved=0-1";

/// The server's key, and the message that tells of it: its source has rolled over three times.
fn of_server() -> (MasterKey, String) {
    let random = &mut Random::from_seed([5; 32]);
    let master = MasterKey::generate(Suite::AeadAes128Gcm, random);
    let keying = Keying {
        master: master.clone(),
        sources: vec![(9, 3)],
    };
    let message = keying.to_message(NtpTime(1 << 60), random);
    (master, message.encode_base64())
}

fn sdp(profile: &str, attributes: &[String]) -> String {
    let mut sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=cam\r\nt=0 0\r\nm=video 0 {profile} 96\r\na=rtpmap:96 H264/90000\r\na=control:v\r\n"
    );
    for attribute in attributes {
        sdp += &format!("a={attribute}\r\n");
    }
    sdp
}

/// Says the same in the version that is spoken.
fn answer(bench: &mut Bench, headers: &[&str], body: &str) -> String {
    let request = bench.request();
    let response = response(&request, "200 OK", headers, body);
    bench.arrives(match bench.session.version() {
        rtsp_msg::Version::V2_0 => response.replacen("RTSP/1.0", "RTSP/2.0", 1),
        _ => response,
    });
    request
}

fn described(version: VersionPolicy, encrypted: bool, sdp: &str) -> Bench {
    let mut config = SessionConfig {
        version,
        ..SessionConfig::default()
    };
    config.connection.encrypted = encrypted;
    let mut bench = Bench::with(7, config);
    bench.command(ClientSession::describe);
    answer(&mut bench, &["Public: DESCRIBE, SETUP"], "");
    answer(&mut bench, &["Content-Type: application/sdp"], sdp);
    assert!(matches!(bench.event(), Event::Described));
    bench
}

/// SETUP, answered; what was asked for.
fn set_up(bench: &mut Bench, headers: &[&str]) -> String {
    bench.command(|session, now| session.setup(now, 0, TCP));
    let mut all = vec!["Session: abc"];
    all.extend(headers);
    answer(bench, &all, "")
}

fn packet(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 9]);
    packet.extend(*b"a payload");
    packet
}

fn open(session: &mut ClientSession, sealed: &[u8]) -> Result<Bytes, OpenError> {
    session.open(0, PacketKind::Rtp, Bytes::copy_from_slice(sealed))
}

/// What the server seals is opened once, and nothing else is.
fn hears(session: &mut ClientSession, master: &MasterKey, roc: u32) {
    let keys = crate::srtp::Keys::derive(master);
    let mut opened = 0;
    // The sequence number rolls over on the way.
    for (sequence, roc) in [(65_534, roc), (65_535, roc), (0, roc + 1), (1, roc + 1)] {
        let mut sealed = BytesMut::new();
        keys.seal_rtp(roc, &packet(sequence), &mut sealed).unwrap();
        assert_ne!(sealed[12..20], packet(sequence)[12..20]);
        let mut forged = sealed.clone();
        forged[13] ^= 1;
        assert_eq!(open(session, &forged), Err(OpenError::AuthenticationFailed));
        assert_eq!(open(session, &sealed).as_deref(), Ok(&packet(sequence)[..]));
        assert_eq!(open(session, &sealed), Err(OpenError::Replayed));
        opened += 1;
    }
    let in_clear = open(session, &packet(2)).unwrap_err();
    assert!(matches!(
        in_clear,
        OpenError::AuthenticationFailed | OpenError::Malformed
    ));
    let drops = session.unopened(0).unwrap();
    assert_eq!(drops.replayed, opened);
    assert_eq!(drops.total(), 2 * opened + 1);
}

/// The server opens our reports with the key that it was told, from the source that it was told.
fn is_heard(session: &mut ClientSession, told: &str) {
    let keying = Keying::decode(told).unwrap();
    let ssrc = session.reporter(0).unwrap();
    assert_eq!(keying.sources, [(ssrc, 0)]);
    let mut report = BytesMut::new();
    rtcp::CompoundWriter::new(&mut report).receiver_report(ssrc, &[]);
    let sealed = session.seal(0, PacketKind::Rtcp, &report).unwrap();
    let mut opened = BytesMut::new();
    keying.receiver().open_rtcp(&sealed, &mut opened).unwrap();
    assert_eq!(opened, report);
}

#[test]
fn a_description_with_a_key_is_answered_in_the_header_of_setup() {
    for profile in ["RTP/SAVP", "RTP/SAVPF"] {
        let (master, message) = of_server();
        let text = sdp(profile, &[format!("key-mgmt:mikey {message}")]);
        let mut bench = described(VersionPolicy::V1_0, true, &text);
        let setup = set_up(&mut bench, &[GRANTED]);
        assert!(matches!(bench.event(), Event::SetUp { media: 0, .. }));
        assert_eq!(
            header(&setup, "Transport").unwrap(),
            format!("{profile}/TCP;unicast;interleaved=0-1")
        );
        let told = header(&setup, "KeyMgmt").unwrap();
        let told = told.strip_prefix("prot=mikey;uri=\"rtsp://cam.example/live/v\";data=\"");
        let told = told.unwrap().trim_end_matches('"').to_owned();
        assert_eq!(
            Keying::decode(&told).unwrap().master.suite(),
            master.suite()
        );
        hears(&mut bench.session, &master, 3);
        is_heard(&mut bench.session, &told);
        assert!(
            !format!("{:?}", bench.session).contains(&told),
            "no keys are shown"
        );
    }
}

#[test]
fn a_key_in_crypto_begins_without_rollovers_and_is_not_answered() {
    let master = MasterKey::generate(Suite::default(), &mut Random::from_seed([6; 32]));
    let crypto = Crypto {
        tag: 2,
        master: master.clone(),
    };
    let unknown = "crypto:1 F8_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    let text = sdp(
        "RTP/SAVP",
        &[unknown.to_owned(), format!("crypto:{crypto}")],
    );
    let mut bench = described(VersionPolicy::V1_0, true, &text);
    let setup = set_up(&mut bench, &[GRANTED]);
    assert!(matches!(bench.event(), Event::SetUp { .. }));
    assert!(setup.contains("RTP/SAVP/TCP") && header(&setup, "KeyMgmt").is_none());
    hears(&mut bench.session, &master, 0);
    let sealed = bench
        .session
        .seal(0, PacketKind::Rtcp, &[0x80, 201, 0, 1, 0, 0, 0, 7]);
    assert_eq!(
        sealed,
        Err(SealError::NoKey),
        "the server has no key of ours"
    );
}

#[test]
fn r2_sec_07_r2_rtp_37_keys_of_2_0_travel_in_transport() {
    let (master, message) = of_server();
    for profile in ["RTP/SAVP", "RTP/SAVPF"] {
        let mut bench = described(VersionPolicy::V2_0, true, &sdp(profile, &[]));
        let granted = format!("Transport: {profile}/TCP;unicast;interleaved=0-1;MIKEY={message}");
        let setup = set_up(&mut bench, &[&granted]);
        assert!(matches!(bench.event(), Event::SetUp { .. }));
        let asked = header(&setup, "Transport").unwrap();
        assert!(asked.starts_with(&format!("{profile}/TCP;")), "{asked}");
        let told = asked
            .split("MIKEY=")
            .nth(1)
            .unwrap()
            .split([';', ','])
            .next();
        let told = told.unwrap().trim_matches('"').to_owned();
        hears(&mut bench.session, &master, 3);
        is_heard(&mut bench.session, &told);
    }
}

/// SETUP by RSA-R: its question, and what the session makes of an answer with what `change` leaves of the message.
fn by_rsa(change: fn(&str) -> String) -> (Bench, String, Option<Keying>) {
    let mut bench = described(VersionPolicy::V2_0, true, &sdp("RTP/SAVP", &[]));
    assert!(bench.session.wants_exchange());
    let exchange = Exchange::new(std::sync::Arc::clone(&CLIENT), None, believe);
    bench.session.exchange_by(exchange);
    assert!(!bench.session.wants_exchange());
    bench.command(|session, now| session.setup(now, 0, TCP));
    let request = bench.request();
    let asked = header(&request, "Transport").unwrap();
    let asked = asked.split("MIKEY=").nth(1).unwrap().split([';', ',']);
    let asked = asked.map(|it| it.trim_matches('"')).next().unwrap();
    assert!(is_inquiry(asked));
    let random = &mut Random::from_seed([8; 32]);
    let (master, _) = of_server();
    let keying = Keying {
        master,
        sources: vec![(9, 3)],
    };
    let read = Unproved::decode(asked).unwrap();
    let replays = Replays::new(Duration::from_secs(1), 1);
    replays.check(bench.now.wall, &read).unwrap();
    let proved = read.prove().unwrap();
    let (unsigned, theirs) = proved.answer(&RESPONDER, &keying, random).unwrap();
    let told = change(&unsigned.sign(random).unwrap());
    let granted = format!("Transport: RTP/SAVP/TCP;unicast;interleaved=0-1{told}");
    let response = response(&request, "200 OK", &["Session: abc", &granted], "");
    bench.arrives(response.replacen("RTSP/1.0", "RTSP/2.0", 1));
    (bench, asked.to_owned(), theirs)
}

#[test]
fn keys_of_2_0_are_asked_for_by_rsa_by_who_has_an_identity() {
    let (mut bench, asked, theirs) = by_rsa(|told| format!(";MIKEY={told}"));
    assert!(matches!(bench.event(), Event::SetUp { .. }));
    hears(&mut bench.session, &of_server().0, 3);
    let theirs = theirs.unwrap();
    let ssrc = bench.session.reporter(0).unwrap();
    assert_eq!(theirs.sources, [(ssrc, 0)]);
    let mut report = BytesMut::new();
    rtcp::CompoundWriter::new(&mut report).receiver_report(ssrc, &[]);
    let sealed = bench.session.seal(0, PacketKind::Rtcp, &report).unwrap();
    let mut opened = BytesMut::new();
    theirs.receiver().open_rtcp(&sealed, &mut opened).unwrap();
    assert_eq!(opened, report);
    // At the same time, another question: each has a time of its own (RFC 3830 §5.2).
    bench.command(|session, now| session.setup(now, 0, TCP));
    let request = bench.request();
    assert!(!request.contains(&asked[..40]));
    assert!(
        !format!("{:?}", bench.session).contains(&asked),
        "no messages are shown"
    );
}

#[test]
fn answers_to_rsa_that_are_missing_or_of_another_kind_are_refused_by_cause() {
    let refused = |change: fn(&str) -> String| {
        let mut bench = by_rsa(change).0;
        let failed = bench.failure();
        assert!(!bench.session.is_secured(0));
        match failed {
            SessionError::Secured { media: 0, error } => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|_| String::new()), KeysError::Missing);
    let as_it_is = refused(|_| format!(";MIKEY={}", of_server().1));
    assert_eq!(as_it_is, KeysError::Reverse(ReverseError::Kind));
    let cut = refused(|told| format!(";MIKEY={}", &told[..40]));
    assert!(matches!(cut, KeysError::Reverse(ReverseError::Decode(_))));
}

#[test]
fn no_key_goes_in_clear_unless_that_is_wanted() {
    let (master, message) = of_server();
    let text = sdp("RTP/SAVP", &[format!("key-mgmt:mikey {message}")]);
    for version in [VersionPolicy::V1_0, VersionPolicy::V2_0] {
        let mut bench = described(version, false, &text);
        let refused = |result: Result<(), SessionError>| {
            let error = KeysError::InClear;
            assert_eq!(result, Err(SessionError::Secured { media: 0, error }));
        };
        let now = bench.now;
        refused(bench.session.setup(now, 0, TCP));
        let play = PlayRequest::from(Duration::ZERO);
        refused(bench.session.start(now, &[(0, TCP)], &play));
        bench.drain();
        assert!(bench.sent.is_empty(), "nothing was said");
    }
    let announced = sdp::Description::parse(text.as_bytes()).unwrap();
    let mut bench = Bench::new(usize::MAX);
    let now = bench.now;
    assert!(bench.session.announce(now, announced).is_err());

    let config = SessionConfig {
        srtp: SrtpPolicy::Forced,
        ..SessionConfig::default()
    };
    let mut bench = Bench::with(7, config);
    bench.command(ClientSession::describe);
    answer(&mut bench, &[], "");
    answer(&mut bench, &["Content-Type: application/sdp"], &text);
    bench.events.clear();
    set_up(&mut bench, &[GRANTED]);
    assert!(matches!(bench.event(), Event::SetUp { .. }));
    hears(&mut bench.session, &master, 3);
}

#[test]
fn what_is_secured_and_cannot_be_had_so_is_refused_by_cause() {
    let (_, message) = of_server();
    let cut = format!("key-mgmt:mikey {}", &message[..40]);
    let good = format!("key-mgmt:mikey {message}");
    let setup = |attributes: &[String], headers: &[&str]| {
        let mut bench = described(VersionPolicy::V1_0, true, &sdp("RTP/SAVP", attributes));
        let now = bench.now;
        let asked = bench.session.setup(now, 0, TCP);
        bench.drain();
        let failed = match asked {
            Ok(()) => {
                let mut all = vec!["Session: abc"];
                all.extend(headers);
                answer(&mut bench, &all, "");
                bench.failure()
            }
            Err(error) => error,
        };
        assert!(!bench.session.is_secured(0));
        match failed {
            SessionError::Secured { media: 0, error } => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(setup(&[], &[GRANTED]), KeysError::Missing);
    assert!(matches!(setup(&[cut], &[]), KeysError::Mikey(_)));
    assert_eq!(
        setup(&["key-mgmt:kink AAAA".into()], &[]),
        KeysError::Protocol
    );
    assert_eq!(setup(&["key-mgmt:mikey".into()], &[]), KeysError::Protocol);
    assert!(matches!(
        setup(&["crypto:1 AES".into()], &[]),
        KeysError::Crypto(_)
    ));
    let plain = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    assert_eq!(setup(&[good], &[plain]), KeysError::Downgraded);
    // A key that comes only with the answer.
    let text = sdp("RTP/SAVP", &[]);
    let mut bench = described(VersionPolicy::V1_0, true, &text);
    let key = format!("KeyMgmt: prot=mikey;data=\"{message}\"");
    set_up(&mut bench, &[GRANTED, &key]);
    assert!(matches!(bench.event(), Event::SetUp { .. }) && bench.session.is_secured(0));
}

#[test]
fn what_is_published_is_sealed_over_the_wrap_and_reports_are_opened() {
    let (master, message) = of_server();
    let attributes = [
        "ssrc:9 cname:me".to_owned(),
        "crypto:1 of another time".to_owned(),
    ];
    let announced = sdp::Description::parse(sdp("RTP/SAVP", &attributes).as_bytes()).unwrap();
    let mut config = SessionConfig::default();
    config.connection.encrypted = true;
    let mut bench = Bench::with(64, config);
    bench.command(|session, now| session.announce(now, announced));
    answer(&mut bench, &[], "");
    let key = format!("KeyMgmt: prot=mikey;uri=\"rtsp://cam.example/live/v\";data=\"{message}\"");
    let announce = answer(&mut bench, &[&key], "");
    assert!(matches!(bench.event(), Event::Announced));
    assert!(!announce.contains("a=crypto"));
    let told = announce
        .lines()
        .find_map(|line| line.strip_prefix("a=key-mgmt:mikey "));
    let told = Keying::decode(told.unwrap()).unwrap();
    assert_eq!(told.sources, [(9, 0)]);
    let key = announce
        .split("mikey ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    assert!(
        !format!("{:?}", bench.session).contains(key),
        "no keys are shown"
    );
    let granted = format!("{GRANTED};mode=record");
    let setup = set_up(&mut bench, &[&granted]);
    assert!(setup.contains("RTP/SAVP/TCP"));
    assert!(
        header(&setup, "KeyMgmt").unwrap().contains(key),
        "the same key"
    );
    let mut receiver = told.receiver();
    for sequence in [65_534, 65_535, 0, 1] {
        let plain = packet(sequence);
        let sealed = bench.session.seal(0, PacketKind::Rtp, &plain);
        let mut opened = BytesMut::new();
        receiver.open_rtp(&sealed.unwrap(), &mut opened).unwrap();
        assert_eq!(opened, plain);
    }
    let last = packet(1);
    let again = bench.session.seal(0, PacketKind::Rtp, &last);
    assert_eq!(again, Err(SealError::IndexReused));
    let mut report = BytesMut::new();
    rtcp::CompoundWriter::new(&mut report).receiver_report(5, &[]);
    let mut sealed = BytesMut::new();
    Sender::new(&master)
        .seal_rtcp(&report, &mut sealed)
        .unwrap();
    let opened = bench.session.open(0, PacketKind::Rtcp, sealed.freeze());
    assert_eq!(opened, Ok(report.freeze()));
}
