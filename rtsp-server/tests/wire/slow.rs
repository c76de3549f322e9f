//! A reader that does not read: it delays nobody, costs a bounded amount, and goes on at a key frame.

use crate::{
    peer::{Event, Pair, Peer},
    source::{Source, Track, address, is_key, sequence, server_with, video},
};

/// What a connection may hold in the kernels, both ends together, and then some.
const ENOUGH: usize = 16 << 20;
const PACKET: usize = 60_000;
const GROUP: usize = 10;

/// Publishes more than a connection holds, and a key frame at the end. Whoever is `good` gets all of it; what was sent is returned.
pub(crate) async fn overtake(
    source: &mut Source,
    track: &mut Track,
    good: &mut [Peer],
    first: Vec<u8>,
) -> Vec<Vec<u8>> {
    let mut packets = vec![first];
    while packets.len() * PACKET < ENOUGH {
        for at in 0..GROUP {
            let packet = if at == 0 {
                track.key(PACKET)
            } else {
                track.delta(PACKET)
            };
            source.send(0, &packet).await;
            // The publisher goes on only when those who read have it: nobody else is waited for.
            for reader in &mut *good {
                assert!(reader.frame_on(0).await == packet);
            }
            packets.push(packet);
        }
    }
    let last = track.key(500);
    source.send(0, &last).await;
    packets.push(last);
    packets
}

/// Reads what a stalled reader still gets of `packets`, up to the last.
pub(crate) async fn catches_up(reader: &mut Peer, packets: &[Vec<u8>]) {
    let uri = reader.uri("/live");
    let request = reader.request("GET_PARAMETER", &uri, "", b"");
    reader.send(&request).await;
    let (mut answered, mut gaps, mut got, mut next) = (false, 0, 0, 0);
    while next < packets.len() {
        match reader.next().await {
            Event::Message(message) => {
                assert_eq!(message.status(), 200);
                answered = true;
            }
            Event::Frame(0, packet) => {
                let at = packets[next..].iter().position(|known| *known == packet);
                let at = next + at.expect("a whole packet, later than all before");
                if at > next {
                    gaps += 1;
                    assert!(is_key(&packet), "it goes on at a key frame");
                }
                next = at + 1;
                got += packet.len();
            }
            Event::Frame(..) => {}
            Event::Closed => panic!("closed"),
        }
    }
    assert!(gaps > 0, "it was overtaken");
    assert!(got < ENOUGH / 2, "{got} bytes were kept for it");
    if !answered {
        reader.response("GET_PARAMETER").await.expect(200);
    }
}

#[tokio::test]
async fn who_stops_reading_delays_nobody_and_goes_on_at_a_key_frame() {
    let server = server_with(|config| {
        config.threads = 2;
        config.limits.ring = 2 << 20;
    })
    .await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let first = track.key(1000);
    source.send_all(&[(0, first.clone())]).await;
    // Two that stall, so that one is on each shard, and two that read.
    let (mut stalled, mut good) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let mut reader = Peer::connect_narrow(address(&server), 16 << 10).await;
        reader.play_tcp("/live", 1).await;
        stalled.push(reader);
        let mut reader = Peer::connect(address(&server)).await;
        reader.play_tcp("/live", 1).await;
        assert_eq!(reader.frame_on(0).await, first);
        good.push(reader);
    }
    let mut packets = overtake(&mut source, &mut track, &mut good, first).await;
    for reader in &mut stalled {
        catches_up(reader, &packets).await;
        // It is a reader like any other again.
        let packet = track.delta(100);
        source.send(0, &packet).await;
        assert_eq!(reader.frame_on(0).await, packet);
        for reader in &mut good {
            while reader.frame_on(0).await != packet {}
        }
        packets.push(packet);
    }
}

#[tokio::test]
async fn a_pause_in_the_middle_of_a_batch_goes_on_with_the_next_packet_and_says_so() {
    // Batches are as the reads of the server happen to cut them: several sizes meet each case.
    for size in [60_000, 23_000, 7_000] {
        pause_in_the_middle(size).await;
    }
}

async fn pause_in_the_middle(size: usize) {
    let server = server_with(|config| config.threads = 1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut reader = Peer::connect_narrow(address(&server), 16 << 10).await;
    reader.play_tcp("/live", 1).await;
    let mut packets = vec![track.key(size)];
    while packets.len() * size < 8 << 20 {
        packets.push(track.delta(size));
    }
    for packet in &packets {
        source.send(0, packet).await;
    }
    source.peer.sync().await;
    // What it has not read stands in the way of the answer, not of the pause.
    let uri = reader.uri("/live");
    let request = reader.request("PAUSE", &uri, "", b"");
    reader.send(&request).await;
    let mut next = 0;
    loop {
        match reader.next().await {
            Event::Message(answer) => break assert_eq!(answer.status(), 200),
            Event::Frame(0, packet) => {
                assert!(packet == packets[next], "packet {next}");
                next += 1;
            }
            Event::Frame(..) => {}
            Event::Closed => panic!("closed"),
        }
    }
    assert!(next < packets.len(), "the socket took all of it");
    let answer = reader.ask("PLAY", &uri, "").await.expect(200);
    let promise = format!("seq={};", sequence(&packets[next]));
    let info = answer.expect_header("RTP-Info");
    assert!(info.contains(&promise), "{promise} in {info}");
    for packet in &packets[next..] {
        assert!(reader.frame_on(0).await == *packet);
    }
}

#[tokio::test]
async fn answers_that_are_not_read_stop_the_reading_of_requests() {
    let server = server_with(|config| config.threads = 1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut flooding = Peer::connect_narrow(address(&server), 4 << 10).await;
    // Many more requests than any buffer holds the answers of; the server stops reading and goes on.
    let requests = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(400_000);
    let written = tokio::time::timeout(std::time::Duration::from_secs(2), async {
        use tokio::io::AsyncWriteExt as _;
        flooding.stream.write_all(requests.as_bytes()).await
    })
    .await;
    assert!(
        !matches!(written, Ok(Ok(()))),
        "13 MB of requests were read without an answer being taken"
    );
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/live", 1).await;
    let packet = Track::video().key(100);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
}

#[tokio::test]
async fn a_reader_whose_ports_are_gone_disturbs_nobody() {
    let server = server_with(|config| config.threads = 1).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut readers = Vec::new();
    for _ in 0..3 {
        let mut reader = Peer::connect(address(&server)).await;
        let pair = Pair::local().await;
        let uri = format!("{}/trackID=0", reader.uri("/live"));
        reader.setup(&uri, &pair.transport()).await.expect(200);
        let uri = reader.uri("/live");
        reader.ask("PLAY", &uri, "").await.expect(200);
        readers.push((reader, pair));
    }
    // Its connection stays: as far as the server knows it is still there.
    let (_gone, pair) = readers.remove(1);
    drop(pair);
    for at in 0..100 {
        let packet = if at % 10 == 0 {
            track.key(1000)
        } else {
            track.delta(1000)
        };
        source.send(0, &packet).await;
        for (_, pair) in &readers {
            assert!(pair.packet().await == packet);
        }
    }
}
