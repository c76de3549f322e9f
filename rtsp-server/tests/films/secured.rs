//! Films by SRTP: each session has keys and sources of its own, which last over pauses and jumps.

use bytes::BytesMut;
use rtsp_server::Srtp;
use rtsp_session::{
    random::Random,
    srtp::{Receiver, mikey::Keying},
};

use crate::{
    FILM, House, V1, V2, ask, first, npt, number,
    peer::{Event, Message, Peer},
    play,
    source::{be32, has_rtcp, sequence},
};

async fn sealing() -> House {
    House::with(|config| config.srtp = Srtp::Forced).await
}

/// The keys of a description.
fn keys(described: &Message) -> Vec<Keying> {
    let text = described.text();
    assert!(text.contains("m=video 0 RTP/SAVP"), "{text}");
    let lines = text.lines();
    lines
        .filter_map(|line| line.strip_prefix("a=key-mgmt:mikey "))
        .map(|text| Keying::decode(text).expect("a key"))
        .collect()
}

/// Sets the video up by SRTP, interleaved. `told` is a MIKEY message of the peer's own.
async fn setup(peer: &mut Peer, told: Option<&str>) -> Message {
    let uri = format!("{}/trackID=0", peer.uri(FILM));
    let told = told.map_or_else(String::new, |told| format!(";MIKEY={told}"));
    let offer = format!("RTP/SAVP/TCP;unicast;interleaved=0-1{told}");
    peer.setup(&uri, &offer).await.expect(200)
}

/// The next packet of the video, opened; reports are opened, too. `None`: a BYE.
async fn next(peer: &mut Peer, receiver: &mut Receiver) -> Option<Vec<u8>> {
    loop {
        let mut opened = BytesMut::new();
        match peer.next().await {
            Event::Frame(0, packet) => {
                receiver.open_rtp(&packet, &mut opened).expect("authentic");
                assert_ne!(packet[12..], opened[12..], "encrypted");
                return Some(opened.to_vec());
            }
            Event::Frame(1, packet) => {
                receiver.open_rtcp(&packet, &mut opened).expect("authentic");
                if has_rtcp(&opened, 203) {
                    return None;
                }
            }
            Event::Message(message) if message.first_line.starts_with("PLAY_NOTIFY") => {
                return None;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Asks while media come: what came before the answer is opened.
async fn answer(
    peer: &mut Peer,
    receiver: &mut Receiver,
    method: &str,
    headers: &str,
) -> (Message, Option<Vec<u8>>) {
    let uri = peer.uri(FILM);
    let request = peer.request(method, &uri, headers, b"");
    peer.send(&request).await;
    let mut last = None;
    loop {
        let mut opened = BytesMut::new();
        match peer.next().await {
            Event::Message(message) => return (message.expect(200), last),
            Event::Frame(0, packet) => {
                receiver.open_rtp(&packet, &mut opened).expect("authentic");
                last = Some(opened.to_vec());
            }
            Event::Frame(..) => {}
            Event::Closed => panic!("closed"),
        }
    }
}

/// A session of the video, and what opens its packets.
async fn session(house: &House, version: &'static str) -> (Peer, Receiver, Keying) {
    let mut peer = house.peer(version).await;
    let key = if version == V1 {
        let described = ask(&mut peer, "DESCRIBE", "").await.expect(200);
        let key = keys(&described).swap_remove(0);
        setup(&mut peer, None).await;
        key
    } else {
        let random = &mut Random::from_seed([5; 32]);
        let question = crate::rsa::inquiry(std::time::Duration::ZERO, random);
        let answer = setup(&mut peer, Some(question.text())).await;
        let transport = answer.expect_header("Transport");
        let given = transport.split(";MIKEY=").nth(1).expect("an answer");
        let told = question.take(given, None, &|_| Ok(()), random);
        told.expect("keys").theirs
    };
    let receiver = key.receiver();
    (peer, receiver, key)
}

#[tokio::test]
async fn r2_sec_07_a_film_is_played_sealed_from_the_source_that_was_told_and_over_pauses_and_jumps()
{
    let house = sealing().await;
    for version in [V1, V2] {
        let (mut peer, mut receiver, key) = session(&house, version).await;
        assert_eq!(key.sources.len(), 1, "told from the start");
        let info = play(&mut peer, "2-", "").await.expect(200);
        let (wanted, _) = first(&info, 0);
        let packet = next(&mut peer, &mut receiver).await.expect("a packet");
        assert_eq!((sequence(&packet), number(&packet)), (wanted, 50));
        assert_eq!(be32(&packet, 8), key.sources[0].0, "the source of the key");
        // A pause, and on.
        let (_, rest) = answer(&mut peer, &mut receiver, "PAUSE", "").await;
        let last = rest.unwrap_or(packet);
        let (_, early) = answer(&mut peer, &mut receiver, "PLAY", "").await;
        assert_eq!(early, None);
        let packet = next(&mut peer, &mut receiver).await.expect("a packet");
        assert_eq!(number(&packet), number(&last) + 1);
        // Back and forth.
        for (range, frame) in [("7-", 175), ("1-1.2", 25)] {
            answer(&mut peer, &mut receiver, "PAUSE", "").await;
            let header = format!("Range: npt={range}\r\n");
            answer(&mut peer, &mut receiver, "PLAY", &header).await;
            let packet = next(&mut peer, &mut receiver).await.expect("a packet");
            assert_eq!(number(&packet), frame);
        }
        // To the end of the range.
        let mut last = 0;
        while let Some(packet) = next(&mut peer, &mut receiver).await {
            last = number(&packet);
        }
        assert_eq!(last, 29);
        assert_eq!(receiver.drops().total(), 0);
    }
}

#[tokio::test]
async fn a_film_is_sealed_again_after_its_end_however_often_it_was_played() {
    let house = sealing().await;
    let (mut peer, mut receiver, key) = session(&house, V1).await;
    // One source more than are kept under one key, by us as by receivers: a new one each time (RFC 3550 §6.6).
    for round in 0..33 {
        if round == 20 {
            receiver = key.receiver();
        }
        let (info, _) = answer(&mut peer, &mut receiver, "PLAY", "Range: npt=2-2.04\r\n").await;
        assert_eq!(npt(info.expect_header("Range")).0, 2.0);
        let packet = next(&mut peer, &mut receiver).await.expect("a packet");
        assert_eq!(number(&packet), 50, "round {round}");
        assert_eq!(next(&mut peer, &mut receiver).await, None);
    }
}

#[tokio::test]
async fn no_two_sessions_of_a_film_share_a_key() {
    let house = sealing().await;
    let mut all = Vec::new();
    for _ in 0..2 {
        let mut peer = house.peer(V1).await;
        // Twice on one connection: the last description counts, for one session.
        for _ in 0..2 {
            peer.session = None;
            let forgotten = ask(&mut peer, "DESCRIBE", "").await.expect(200);
            let described = ask(&mut peer, "DESCRIBE", "").await.expect(200);
            for described in [&forgotten, &described] {
                all.extend(keys(described).into_iter().map(|key| key.master));
            }
            setup(&mut peer, None).await;
            peer.session = None;
        }
        // A session that nobody was told the key of: sealed with another one.
        let uri = format!("{}/trackID=0", peer.uri(FILM));
        let offer = "RTP/SAVP/TCP;unicast;interleaved=4-5";
        peer.setup(&uri, offer).await.expect(200);
        play(&mut peer, "2-", "").await.expect(200);
        let packet = peer.frame_on(4).await;
        for master in &all {
            let mut out = BytesMut::new();
            let opened = Receiver::new(master).open_rtp(&packet, &mut out);
            assert!(opened.is_err() && out.is_empty());
        }
    }
    assert_eq!(all.len(), 16);
    for (at, one) in all.iter().enumerate() {
        let others = &all[..at];
        assert!(others.iter().all(|other| other.key() != one.key()));
    }
}

#[tokio::test]
async fn who_asks_for_a_film_in_the_clear_gets_it_in_the_clear_and_the_key_that_was_told_is_gone() {
    let house = sealing().await;
    let mut peer = house.peer(V1).await;
    let described = ask(&mut peer, "DESCRIBE", "").await.expect(200);
    let told = keys(&described).swap_remove(0);
    crate::setup(&mut peer, 0, "").await.expect(200);
    play(&mut peer, "2-", "").await.expect(200);
    assert_eq!(number(&peer.frame_on(0).await), 50);
    peer.session = None;
    let uri = format!("{}/trackID=0", peer.uri(FILM));
    let offer = "RTP/SAVP/TCP;unicast;interleaved=4-5";
    peer.setup(&uri, offer).await.expect(200);
    play(&mut peer, "2-", "").await.expect(200);
    let mut out = BytesMut::new();
    let packet = peer.frame_on(4).await;
    assert!(told.receiver().open_rtp(&packet, &mut out).is_err());
}
