//! SRTP: who gets keys, by which way, and that packets go by them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::BytesMut;
use rtsp_server::Srtp;
use rtsp_session::{
    random::Random,
    srtp::{MasterKey, OpenError, Receiver, Sender, Suite, mikey::Keying, sdes::Crypto},
};

use crate::{
    Live, TCP, ask,
    peer::{Message, Pair, Peer, receive},
    source::{Source, Track, address, announce, av, has_rtcp, server_with, video},
    track,
};

async fn secured() -> Live {
    let server = server_with(|config| config.srtp = Srtp::Forced).await;
    let source = Source::tcp(&server, "/live", &av()).await;
    Live::of(server, source)
}

/// A key of ours, and the message that tells of it.
fn own_key() -> (MasterKey, String) {
    let random = &mut Random::from_seed([9; 32]);
    let master = MasterKey::generate(Suite::default(), random);
    let keying = Keying {
        master: master.clone(),
        sources: vec![(77, 0)],
    };
    let message = keying.to_message(rtcp::NtpTime(1 << 60), random);
    (master, message.encode_base64())
}

fn open(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut out = BytesMut::new();
    receiver.open_rtp(packet, &mut out)?;
    Ok(out.to_vec())
}

fn seal(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    sender.seal_rtp(packet, &mut out).expect("sealed");
    out.to_vec()
}

#[tokio::test]
async fn r2_sec_07_r2_rtp_10_37_a_key_in_setup_is_answered_by_the_key_of_the_media() {
    let mut live = secured().await;
    let (_, told) = own_key();
    for profile in ["RTP/SAVP", "RTP/SAVPF"] {
        let mut peer = live.peer("RTSP/2.0").await;
        let described = ask(&mut peer, "DESCRIBE").await.expect(200);
        assert!(described.text().contains("m=video 0 RTP/SAVP"));
        assert!(
            !described.text().contains("key-mgmt"),
            "not how RTSP/2.0 does it"
        );
        let uri = track(&peer, 0);
        let offer = format!("{profile}/TCP;unicast;interleaved=0-1;MIKEY={told}");
        let answer = peer.setup(&uri, &offer).await.expect(200);
        let transport = answer.expect_header("Transport");
        assert!(
            transport.starts_with(&format!("{profile}/TCP;")),
            "{transport}"
        );
        let given = transport.split(";MIKEY=").nth(1).expect("a MIKEY message");
        let mut receiver = Keying::decode(given).expect("a key").receiver();
        ask(&mut peer, "PLAY").await.expect(200);
        // The video begins before its sequence number rolls over, and goes on behind.
        for _ in 0..20 {
            let plain = live.send().await;
            let sealed = loop {
                let sealed = peer.frame_on(0).await;
                if sealed[2..4] == plain[2..4] {
                    break sealed;
                }
                open(&mut receiver, &sealed).expect("an earlier one");
            };
            assert_ne!(sealed[12..plain.len()], plain[12..], "encrypted");
            assert_eq!(open(&mut receiver, &sealed), Ok(plain));
        }
        peer.session = None;
    }
    // Who wants it as it is gets it so, and no key.
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let answer = peer.setup(&uri, TCP).await.expect(200);
    assert!(!answer.expect_header("Transport").contains("MIKEY"));
    ask(&mut peer, "PLAY").await.expect(200);
    live.reaches(&mut peer, 0).await;
}

#[tokio::test]
async fn r2_rtp_08_srtp_without_a_key_is_forbidden() {
    let live = secured().await;
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let offers =
        "RTP/SAVP/TCP;unicast;interleaved=0-1,RTP/SAVPF;unicast;dest_addr=\":5000\"/\":5001\"";
    peer.setup(&uri, offers).await.expect(403);
    // One that needs none is taken.
    peer.setup(&uri, &format!("{offers},{TCP}"))
        .await
        .expect(200);
}

#[tokio::test]
async fn r2_rtp_09_r2_code_35_a_key_that_cannot_be_read_is_466() {
    let live = secured().await;
    let (_, told) = own_key();
    let octets = BASE64_STANDARD.decode(&told).expect("base64");
    for length in [1, 9, 30, octets.len() - 1] {
        let mut peer = live.peer("RTSP/2.0").await;
        let uri = track(&peer, 0);
        let cut = BASE64_STANDARD.encode(&octets[..length]);
        let offer = format!("RTP/SAVP/TCP;unicast;interleaved=0-1;MIKEY={cut}");
        let answer = peer.setup(&uri, &offer).await.expect(466);
        assert!(answer.header("Session").is_none(), "no session is left");
        // RTSP/1.0 has another number for it (RFC 4567 §3.2).
        let mut peer = live.peer("RTSP/1.0").await;
        let headers = format!(
            "Transport: RTP/SAVP/TCP;unicast;interleaved=0-1\r\nKeyMgmt: prot=mikey;uri=\"{uri}\";data=\"{cut}\"\r\n"
        );
        peer.ask("SETUP", &uri, &headers).await.expect(463);
    }
}

#[tokio::test]
async fn readers_of_1_0_have_their_key_from_the_description() {
    let mut live = secured().await;
    let mut readers = Vec::new();
    for _ in 0..2 {
        // The one comes after the sequence number has rolled over.
        let mut peer = live.peer("RTSP/1.0").await;
        let described = ask(&mut peer, "DESCRIBE").await.expect(200);
        let keys: Vec<_> = described
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("a=key-mgmt:mikey "))
            .map(|text| Keying::decode(text).expect("a key"))
            .collect();
        assert_eq!(keys.len(), 2, "one for each media");
        assert_ne!(
            keys[0].master.key(),
            keys[1].master.key(),
            "each has its own"
        );
        let uri = track(&peer, 0);
        let pair = Pair::local().await;
        let offer = pair.transport().replace("RTP/AVP", "RTP/SAVP");
        let answer = peer.setup(&uri, &offer).await.expect(200);
        assert!(answer.expect_header("Transport").starts_with("RTP/SAVP;"));
        // All media of a session are sealed, or none.
        let other = track(&peer, 1);
        peer.setup(&other, TCP).await.expect(461);
        ask(&mut peer, "PLAY").await.expect(200);
        readers.push((peer, pair, keys[0].receiver()));
        for _ in 0..20 {
            let plain = live.send().await;
            for (_, pair, receiver) in &mut readers {
                loop {
                    let (sealed, _) = receive(&pair.rtp).await;
                    assert_ne!(sealed[12..16], plain[12..16]);
                    let opened = open(receiver, &sealed).expect("authentic");
                    if opened == plain {
                        break;
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_secured_publisher_is_heard_and_nobody_else() {
    let server = server_with(|config| config.srtp = Srtp::Forced).await;
    let (master, told) = own_key();
    let crypto = Crypto {
        tag: 1,
        master: master.clone(),
    };
    for attribute in [
        format!("a=key-mgmt:mikey {told}"),
        format!("a=crypto:{crypto}"),
    ] {
        let sdp = format!("{}{attribute}\r\n", video().replace("RTP/AVP", "RTP/SAVP"));
        let mut peer = Peer::connect(address(&server)).await;
        let answer = announce(&mut peer, "/sealed", &sdp).await.expect(200);
        assert_eq!(
            answer.header("KeyMgmt").is_some(),
            attribute.contains("mikey"),
            "a key for reports to who can be told"
        );
        let uri = format!("{}/streamid=0", peer.uri("/sealed"));
        let offer = "RTP/SAVP/TCP;unicast;interleaved=0-1;mode=record";
        peer.setup(&uri, offer).await.expect(200);
        let uri = peer.uri("/sealed");
        peer.ask("RECORD", &uri, "").await.expect(200);
        let mut reader = Peer::connect(address(&server)).await;
        reader.play_tcp("/sealed", 1).await;
        let (mut sender, mut video) = (Sender::new(&master), Track::video());
        for _ in 0..12 {
            let plain = video.key(200);
            let sealed = seal(&mut sender, &plain);
            // Not sealed, touched, and twice: only one gets through.
            peer.send_frame(0, &plain).await;
            let mut touched = sealed.clone();
            touched[20] ^= 1;
            peer.send_frame(0, &touched).await;
            peer.send_frame(0, &sealed).await;
            peer.send_frame(0, &sealed).await;
            assert_eq!(reader.frame_on(0).await, plain);
        }
        peer.ask("TEARDOWN", &uri, "").await.expect(200);
    }
}

#[tokio::test]
async fn no_key_leaves_a_server_that_has_no_tls_unless_it_is_told_to() {
    for srtp in [Srtp::Off, Srtp::OverTls] {
        let server = server_with(|config| config.srtp = srtp).await;
        let source = Source::tcp(&server, "/live", &av()).await;
        let live = Live::of(server, source);
        let mut peer = live.peer("RTSP/1.0").await;
        let described = ask(&mut peer, "DESCRIBE").await.expect(200);
        assert!(!described.text().contains("SAVP") && !described.text().contains("key-mgmt"));
        let uri = track(&peer, 0);
        let offer = "RTP/SAVP/TCP;unicast;interleaved=0-1";
        peer.setup(&uri, offer).await.expect(461);
    }
}

/// The keys of `a=crypto` in a description.
fn crypto(described: &Message) -> Vec<MasterKey> {
    let text = described.text();
    let lines = text.lines();
    lines
        .filter_map(|line| line.strip_prefix("a=crypto:"))
        .map(|text| Crypto::parse(text).expect("a key").master)
        .collect()
}

#[tokio::test]
async fn readers_by_a_crypto_have_keys_of_their_own_that_begin_with_them() {
    let server = server_with(|config| (config.srtp, config.sdes) = (Srtp::Forced, true)).await;
    let source = Source::tcp(&server, "/live", &av()).await;
    let mut live = Live::of(server, source);
    let mut told = Vec::new();
    let (mut by_udp, mut by_tcp) = (Vec::new(), Vec::new());
    // The first come before the sequence number rolls over, the others behind. FFmpeg asks for RTP/AVP, and means what it was told.
    for profile in ["RTP/SAVP", "RTP/AVP", "RTP/SAVP", "RTP/AVP"] {
        let mut peer = live.peer("RTSP/1.0").await;
        let described = ask(&mut peer, "DESCRIBE").await.expect(200);
        assert!(described.text().contains("a=key-mgmt:mikey "));
        let masters = crypto(&described);
        assert_eq!(masters.len(), 2, "one for each media");
        let uri = track(&peer, 0);
        let pair = Pair::local().await;
        let offer = pair.transport().replace("RTP/AVP", profile);
        let answer = peer.setup(&uri, &offer).await.expect(200);
        let transport = answer.expect_header("Transport");
        assert!(transport.starts_with("RTP/SAVP;"), "{transport}");
        ask(&mut peer, "PLAY").await.expect(200);
        // No rollover is known: only that of the packets themselves.
        by_udp.push((peer, pair, Receiver::new(&masters[0])));
        told.extend(masters);
        let mut peer = live.peer("RTSP/1.0").await;
        let masters = crypto(&ask(&mut peer, "DESCRIBE").await.expect(200));
        let offer = format!("{profile}/TCP;unicast;interleaved=0-1");
        let answer = peer.setup(&uri, &offer).await.expect(200);
        assert!(
            answer
                .expect_header("Transport")
                .starts_with("RTP/SAVP/TCP;")
        );
        ask(&mut peer, "PLAY").await.expect(200);
        by_tcp.push((peer, Receiver::new(&masters[0])));
        told.extend(masters);
        for _ in 0..20 {
            let plain = live.send().await;
            for (_, pair, receiver) in &mut by_udp {
                while open(receiver, &receive(&pair.rtp).await.0).expect("authentic") != plain {}
            }
            for (peer, receiver) in &mut by_tcp {
                while open(receiver, &peer.frame_on(0).await).expect("authentic") != plain {}
            }
        }
    }
    // A pause, and on with the same keys.
    for (peer, receiver) in &mut by_tcp {
        ask(peer, "PAUSE").await.expect(200);
        ask(peer, "PLAY").await.expect(200);
        let plain = live.send().await;
        while open(receiver, &peer.frame_on(0).await).expect("authentic") != plain {}
    }
    for (at, one) in told.iter().enumerate() {
        assert!(told[..at].iter().all(|other| other.key() != one.key()));
    }
}

#[tokio::test]
async fn who_answers_by_mikey_has_the_key_of_the_stream_though_a_crypto_was_there_too() {
    let server = server_with(|config| (config.srtp, config.sdes) = (Srtp::Forced, true)).await;
    let source = Source::tcp(&server, "/live", &av()).await;
    let mut live = Live::of(server, source);
    let (_, told) = own_key();
    let mut peer = live.peer("RTSP/1.0").await;
    let described = ask(&mut peer, "DESCRIBE").await.expect(200);
    let mut lines = described.text().lines();
    let key = lines.find_map(|line| line.strip_prefix("a=key-mgmt:mikey "));
    let mut receiver = Keying::decode(key.expect("a key"))
        .expect("a key")
        .receiver();
    let uri = track(&peer, 0);
    let headers = format!(
        "Transport: RTP/SAVP/TCP;unicast;interleaved=0-1\r\nKeyMgmt: prot=mikey;uri=\"{uri}\";data=\"{told}\"\r\n"
    );
    let answer = peer.ask("SETUP", &uri, &headers).await.expect(200);
    peer.session = answer
        .header("Session")
        .map(|id| id.split(';').next().unwrap_or(id).to_owned());
    ask(&mut peer, "PLAY").await.expect(200);
    for _ in 0..3 {
        let plain = live.send().await;
        while open(&mut receiver, &peer.frame_on(0).await).expect("authentic") != plain {}
    }
    // What was told is for one session: the next one of the connection has another key, and RTP/AVP is what it says.
    peer.session = None;
    peer.setup(&uri, "RTP/AVP/TCP;unicast;interleaved=4-5")
        .await
        .expect(200);
    ask(&mut peer, "PLAY").await.expect(200);
    live.reaches(&mut peer, 4).await;
}

#[tokio::test]
async fn without_being_told_to_a_crypto_is_for_ffmpeg_alone_which_knows_nothing_else() {
    let mut live = secured().await;
    for (agent, told) in [
        ("Lavf59.27.100", true),
        ("GStreamer/1.22.0", false),
        ("", false),
    ] {
        let mut peer = live.peer("RTSP/1.0").await;
        let uri = peer.uri("/live");
        let header = format!("User-Agent: {agent}\r\n");
        let described = peer.ask("DESCRIBE", &uri, &header).await.expect(200);
        let masters = crypto(&described);
        assert_eq!(masters.len(), if told { 2 } else { 0 }, "{agent}");
        let uri = track(&peer, 0);
        let answer = peer.setup(&uri, TCP).await.expect(200);
        let sealed = answer
            .expect_header("Transport")
            .starts_with("RTP/SAVP/TCP;");
        assert_eq!(sealed, told, "{agent}");
        // All media or none.
        let other = track(&peer, 1);
        let answer = peer.setup(&other, crate::TCP_TOO).await.expect(200);
        let sealed = answer
            .expect_header("Transport")
            .starts_with("RTP/SAVP/TCP;");
        assert_eq!(sealed, told, "{agent}");
        ask(&mut peer, "PLAY").await.expect(200);
        match masters.first() {
            None => live.reaches(&mut peer, 0).await,
            Some(master) => {
                let mut receiver = Receiver::new(master);
                let plain = live.send().await;
                while open(&mut receiver, &peer.frame_on(0).await).expect("authentic") != plain {}
            }
        }
    }
    // RTSP/2.0 has another way.
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = peer.uri("/live");
    let header = "User-Agent: Lavf59.27.100\r\n";
    let described = peer.ask("DESCRIBE", &uri, header).await.expect(200);
    assert!(crypto(&described).is_empty());
}

#[tokio::test]
async fn who_comes_in_any_round_of_a_long_stream_opens_it_and_so_does_who_was_there_before() {
    let server = server_with(|config| (config.srtp, config.sdes) = (Srtp::Forced, true)).await;
    let source = Source::tcp(&server, "/live", &av()).await;
    let mut live = Live::of(server, source);
    let mut readers = Vec::new();
    for round in 0..6 {
        for by_mikey in [true, false] {
            let mut peer = live.peer("RTSP/1.0").await;
            let described = ask(&mut peer, "DESCRIBE").await.expect(200);
            let mut lines = described.text().lines();
            let key = lines.find_map(|line| line.strip_prefix("a=key-mgmt:mikey "));
            let keying = Keying::decode(key.expect("a key")).expect("a key");
            let own = crypto(&described).swap_remove(0);
            let uri = track(&peer, 0);
            let (_, told) = own_key();
            let mut headers = "Transport: RTP/SAVP/TCP;unicast;interleaved=0-1\r\n".to_owned();
            if by_mikey {
                headers += &format!("KeyMgmt: prot=mikey;uri=\"{uri}\";data=\"{told}\"\r\n");
            }
            let answer = peer.ask("SETUP", &uri, &headers).await.expect(200);
            let id = answer.expect_header("Session").split(';').next();
            peer.session = id.map(str::to_owned);
            // What was described is a rollover old when media come.
            live.video.sequence = live.video.sequence.wrapping_add(30_000);
            live.send().await;
            ask(&mut peer, "PLAY").await.expect(200);
            let receiver = match by_mikey {
                true => keying.receiver(),
                false => Receiver::new(&own),
            };
            readers.push((peer, receiver));
        }
        // More than one round each time: 65,536 packets are some 160 s of 4 Mbit/s.
        for _ in 0..7 {
            live.video.sequence = live.video.sequence.wrapping_add(10_000);
            let plain = live.send().await;
            for (peer, receiver) in &mut readers {
                while open(receiver, &peer.frame_on(0).await).expect("authentic") != plain {}
            }
        }
        assert!(
            readers.iter().all(|(_, it)| it.drops().total() == 0),
            "round {round}"
        );
    }
}

#[tokio::test]
async fn each_publisher_of_a_path_has_new_keys() {
    let server = server_with(|config| config.srtp = Srtp::Forced).await;
    let mut all: Vec<Keying> = Vec::new();
    for _ in 0..3 {
        let source = Source::tcp(&server, "/live", &av()).await;
        let mut peer = Peer::connect(address(&server)).await;
        let described = ask(&mut peer, "DESCRIBE").await.expect(200);
        let lines = described.text().lines();
        let keys = lines.filter_map(|line| line.strip_prefix("a=key-mgmt:mikey "));
        let keys: Vec<_> = keys
            .map(|text| Keying::decode(text).expect("a key"))
            .collect();
        assert_eq!(keys.len(), 2);
        for key in keys {
            let known = all
                .iter()
                .any(|known| known.master.key() == key.master.key());
            assert!(!known, "a key of the publisher before");
            all.push(key);
        }
        let uri = source.peer.uri("/live");
        let mut publisher = source.peer;
        publisher.ask("TEARDOWN", &uri, "").await.expect(200);
    }
}

#[tokio::test]
async fn a_setup_with_the_same_key_does_not_open_the_door_to_what_was_here_before() {
    let server = server_with(|config| config.srtp = Srtp::Forced).await;
    let source = Source::tcp(&server, "/live", &av()).await;
    let mut live = Live::of(server, source);
    let (master, told) = own_key();
    let mut peer = live.peer("RTSP/2.0").await;
    let uri = track(&peer, 0);
    let offer = format!("RTP/SAVP/TCP;unicast;interleaved=0-1;MIKEY={told}");
    peer.setup(&uri, &offer).await.expect(200);
    ask(&mut peer, "PLAY").await.expect(200);
    let report = [0x80, 201, 0, 1, 0, 0, 0, 77];
    let mut sealed = BytesMut::new();
    let mut sender = Sender::new(&master);
    sender.seal_rtcp(&report, &mut sealed).expect("sealed");
    let unopened = || live.server.unopened_packets();
    peer.send_frame(1, &sealed).await;
    peer.sync().await;
    assert_eq!(unopened(), 0);
    peer.setup(&uri, &offer).await.expect(200);
    peer.send_frame(1, &sealed).await;
    peer.sync().await;
    assert_eq!(unopened(), 1);
    live.send().await;
}

#[tokio::test]
async fn r2_rtp_33_r2_rtp_34_what_holds_for_the_plain_profiles_holds_for_the_sealed_ones() {
    let mut live = secured().await;
    let (master, told) = own_key();
    let mut sender = Sender::new(&master);
    let mut watcher = live.peer("RTSP/2.0").await;
    crate::ready(&mut watcher).await;
    ask(&mut watcher, "PLAY").await.expect(200);
    for profile in ["RTP/SAVP", "RTP/SAVPF"] {
        live.reaches(&mut watcher, 0).await;
        let mut peer = live.peer("RTSP/2.0").await;
        let uri = track(&peer, 0);
        let offer = format!("{profile}/TCP;unicast;interleaved=0-1;MIKEY={told}");
        let answer = peer.setup(&uri, &offer).await.expect(200);
        let ssrc = format!("{:08X}", live.video.ssrc);
        let transport = answer.expect_header("Transport");
        assert!(
            transport.to_uppercase().contains(&format!(";SSRC={ssrc}")),
            "{transport}"
        );
        let given = transport.split(";MIKEY=").nth(1).expect("a key");
        let keying = Keying::decode(given).expect("a key");
        assert_eq!(keying.sources[0].0, live.video.ssrc);
        let mut receiver = keying.receiver();
        // RTP-Info names the first packet, of that source.
        let playing = ask(&mut peer, "PLAY").await.expect(200);
        let info = playing.expect_header("RTP-Info");
        assert!(
            info.to_uppercase().contains(&format!("SSRC={ssrc}")),
            "{info}"
        );
        let named = info
            .split("seq=")
            .nth(1)
            .and_then(|rest| rest.split(';').next());
        let first = open(&mut receiver, &peer.frame_on(0).await).expect("authentic");
        let sequence = u16::from_be_bytes([first[2], first[3]]);
        assert_eq!(named, Some(&*sequence.to_string()));
        // Reports go both ways, sealed; feedback reaches the publisher.
        let report = live.video.report(0xE000_0000_0000_0000);
        live.source.send_report(0, &report).await;
        loop {
            let mut opened = BytesMut::new();
            receiver
                .open_rtcp(&peer.frame_on(1).await, &mut opened)
                .expect("authentic");
            if opened[..] == report[..] {
                break;
            }
        }
        if profile == "RTP/SAVPF" {
            let mut wish = vec![0x80, 201, 0, 1, 0, 0, 0, 77, 0x81, 206, 0, 2, 0, 0, 0, 77];
            wish.extend(live.video.ssrc.to_be_bytes());
            let mut sealed = BytesMut::new();
            sender.seal_rtcp(&wish, &mut sealed).expect("sealed");
            peer.send_frame(1, &sealed).await;
            while !has_rtcp(&live.source.peer.frame_on(1).await, 206) {}
        }
        assert_eq!(live.server.unopened_packets(), 0);
        ask(&mut peer, "TEARDOWN").await.expect(200);
    }
}
