//! What becomes of readers that are too slow, by the policy of their path, and what is told of it.

use std::time::Duration;

use rtsp_server::{Handler, PathRule, ServerHandle, SlowCause, SlowReader, SlowReaders};
use tokio::sync::mpsc;

use crate::{
    peer::{Event, Peer, within},
    source::{Source, Track, address, is_key, sequence, server_of, timestamp, video},
};

/// Packets of a picture, and pictures of a group.
const PACKETS: usize = 4;
const GROUP: usize = 10;
const PACKET: usize = 20_000;
/// What a connection may hold in the kernels, both ends together, and then some.
const ENOUGH: usize = 16 << 20;

/// Passes on what it is told.
struct Watching(mpsc::UnboundedSender<SlowReader>);

impl Handler for Watching {
    fn slow_reader(&self, event: &SlowReader) {
        let _ = self.0.send(event.clone());
    }
}

type Events = mpsc::UnboundedReceiver<SlowReader>;

/// A server with this policy for `/live`, and another for all else, and what it tells.
async fn watched(policy: SlowReaders, threads: usize, ring: usize) -> (ServerHandle, Events) {
    let (told, events) = mpsc::unbounded_channel();
    let server = server_of(Watching(told), |config| {
        config.threads = threads;
        config.limits.ring = ring;
        config.slow_readers = match policy {
            SlowReaders::Disconnect => SlowReaders::SkipToKeyFrame,
            _ => SlowReaders::Disconnect,
        };
        config.paths = vec![PathRule::new("/live", policy)];
    });
    (server.await, events)
}

async fn event(events: &mut Events) -> SlowReader {
    within("word of a slow reader", events.recv())
        .await
        .expect("the server is there")
}

async fn reader(server: &ServerHandle) -> Peer {
    let mut reader = Peer::connect(address(server)).await;
    reader.play_tcp("/live", 1).await;
    reader
}

/// One that takes little without being read.
async fn stalled(server: &ServerHandle) -> Peer {
    let mut reader = Peer::connect_narrow(address(server), 16 << 10).await;
    reader.play_tcp("/live", 1).await;
    reader
}

/// Sends pictures until `bytes` are out, each when `good` have the one before.
async fn send(
    source: &mut Source,
    track: &mut Track,
    good: &mut [Peer],
    bytes: usize,
) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    while sent.len() * PACKET < bytes {
        for at in 0..GROUP {
            let picture = track.picture(at == 0, PACKETS, PACKET);
            for packet in &picture {
                source.send(0, packet).await;
            }
            for reader in &mut *good {
                for packet in &picture {
                    assert!(
                        reader.frame_on(0).await == *packet,
                        "a reader lost a packet"
                    );
                }
            }
            sent.extend(picture);
        }
    }
    sent
}

/// Reads to the last of `sent`; tells how many packets did not come, and in how many gaps.
async fn read(reader: &mut Peer, sent: &[Vec<u8>]) -> (u64, usize) {
    let (mut next, mut missing, mut gaps, mut before) = (0, 0, 0, None::<Vec<u8>>);
    while next < sent.len() {
        let packet = reader.frame_on(0).await;
        let at = sent[next..].iter().position(|known| *known == packet);
        let at = next + at.expect("a whole packet, later than all before");
        if at > next {
            missing += (at - next) as u64;
            gaps += 1;
            assert!(is_key(&packet), "it goes on at a key frame");
            assert_eq!(at % PACKETS, 0, "with its first packet");
            if let Some(before) = before {
                assert_ne!(
                    sequence(&packet),
                    sequence(&before).wrapping_add(1),
                    "the gap shows"
                );
                assert_ne!(timestamp(&packet), timestamp(&before));
            }
        }
        next = at + 1;
        before = Some(packet);
    }
    (missing, gaps)
}

#[tokio::test]
async fn a_tenth_of_the_readers_stalls_and_each_packet_that_they_skip_is_told() {
    let (server, mut events) = watched(SlowReaders::SkipToKeyFrame, 2, 2 << 20).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let (mut good, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..18 {
        good.push(reader(&server).await);
    }
    for _ in 0..2 {
        slow.push(stalled(&server).await);
    }
    let mut sent = send(&mut source, &mut track, &mut good, ENOUGH).await;
    // While nobody reads it can be seen why.
    let mut told = vec![event(&mut events).await, event(&mut events).await];
    assert_ne!(told[0].reader, told[1].reader);
    for event in &told {
        assert_eq!((&*event.path, event.disconnected), ("/live", false));
        assert!(event.skipped_packets > 0);
        assert!(
            matches!(event.cause, SlowCause::WindowClosed | SlowCause::SourceLate),
            "{event:?}"
        );
    }
    assert!(
        told.iter()
            .any(|event| event.cause == SlowCause::WindowClosed)
    );
    let mut missing = 0;
    sent.extend(track.picture(true, PACKETS, PACKET));
    for packet in &sent[sent.len() - PACKETS..] {
        source.send(0, packet).await;
    }
    for reader in &mut slow {
        let (skipped, gaps) = read(reader, &sent).await;
        assert!(gaps > 0, "it was not overtaken");
        missing += skipped;
        let peer = reader.stream.local_addr().expect("an address");
        assert!(told.iter().any(|event| event.peer == Some(peer)));
    }
    // It plays on like any other.
    let more = track.picture(false, PACKETS, 500);
    for packet in &more {
        source.send(0, packet).await;
        for reader in &mut slow {
            assert!(reader.frame_on(0).await == *packet);
        }
    }
    while let Ok(event) = events.try_recv() {
        told.push(event);
    }
    let counts = server.slow_readers();
    assert_eq!(counts.skipped_packets, missing, "exact to the packet");
    assert_eq!(counts.events(), told.len() as u64);
    assert_eq!(counts.disconnected, 0);
    assert_eq!(server.slow_readers_of("/live"), Some(counts));
    assert_eq!(server.slow_readers_of("/other"), None);
    let told: u64 = told.iter().map(|event| event.skipped_packets).sum();
    assert!(told <= missing, "{told} of {missing}");
}

#[tokio::test]
async fn a_latency_cap_skips_what_the_ring_still_has() {
    // All that is sent stays: without the cap nothing would be skipped.
    let cap = SlowReaders::LatencyCap(Duration::from_millis(300));
    let (server, mut events) = watched(cap, 1, 4 * ENOUGH).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut slow = stalled(&server).await;
    let mut sent = send(&mut source, &mut track, &mut [], ENOUGH).await;
    source.peer.sync().await;
    let first = event(&mut events).await;
    assert!(
        first.skipped_packets > 0 && !first.disconnected,
        "{first:?}"
    );
    assert!(first.stalled >= Duration::from_millis(300), "{first:?}");
    sent.extend(track.picture(true, PACKETS, PACKET));
    for packet in &sent[sent.len() - PACKETS..] {
        source.send(0, packet).await;
    }
    let (missing, gaps) = read(&mut slow, &sent).await;
    assert!(gaps > 0);
    assert_eq!(server.slow_readers().skipped_packets, missing);
}

#[tokio::test]
async fn a_latency_cap_does_not_cut_what_a_reader_begins_with() {
    let cap = Duration::from_millis(100);
    let (server, mut events) = watched(SlowReaders::LatencyCap(cap), 1, 4 * ENOUGH).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut sent = track.picture(true, PACKETS, PACKET);
    while sent.len() * PACKET < ENOUGH {
        sent.extend(track.picture(false, PACKETS, PACKET));
    }
    for packet in &sent {
        source.send(0, packet).await;
    }
    source.peer.sync().await;
    // The group of pictures grows older than the cap.
    tokio::time::sleep(2 * cap).await;
    let mut late = stalled(&server).await;
    assert_eq!(read(&mut late, &sent).await, (0, 0));
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn where_the_path_says_so_a_slow_reader_is_disconnected() {
    let (server, mut events) = watched(SlowReaders::Disconnect, 2, 2 << 20).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let mut good = vec![reader(&server).await, reader(&server).await];
    let mut slow = stalled(&server).await;
    send(&mut source, &mut track, &mut good, ENOUGH).await;
    let event = event(&mut events).await;
    assert!(
        event.disconnected && event.skipped_packets == 0,
        "{event:?}"
    );
    assert_eq!(event.peer, slow.stream.local_addr().ok());
    // Whole frames in order, without a gap, to where it was cut off.
    let got = slow.until_closed().await;
    let frames = got.iter().filter(|event| matches!(event, Event::Frame(..)));
    assert!(frames.count() > 0);
    let counts = server.slow_readers();
    assert_eq!((counts.disconnected, counts.events()), (1, 1));
    // The rest read on.
    send(&mut source, &mut track, &mut good, PACKET).await;
    assert!(events.try_recv().is_err());
}
