//! Paths that lose, double, delay and reorder packets, between a publisher, the real program and its readers: what a reader misses is
//! what the paths lost, exactly, and nothing comes twice or out of order.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rtp_core::Reordered;
use rtsp_session::media::{Receiver, ReceiverConfig};

use crate::{
    Program,
    peer::{Pair, Peer, server_ports},
    source::{Track, announce, audio, sequence},
};

/// Packets between two that pass undisturbed, which all readers are waited for at: fewer than any socket holds.
const WINDOW: usize = 100;
const WINDOWS: usize = 6;
/// How many read; every other one by UDP.
const READERS: usize = 50;
/// A packet that is delayed lets so many pass at most: fewer than are waited for behind a gap.
const LATEST: u64 = 20;
/// What is delayed in order to be put in order again is given up after 100 ms, and a busy machine may need so long for a few packets.
const ATTEMPTS: u64 = 4;

/// A path with faults: the same for the same seed.
struct Path {
    state: u64,
    /// Percent.
    loss: u64,
    /// How many packets pass before each of these.
    held: Vec<(u64, Vec<u8>)>,
    lost: BTreeSet<u16>,
    delayed: BTreeSet<u16>,
}

impl Path {
    fn new(seed: u64, loss: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            loss,
            held: Vec::new(),
            lost: BTreeSet::new(),
            delayed: BTreeSet::new(),
        }
    }

    /// xorshift64*.
    fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    /// What comes out at the other end now that this has gone in.
    fn pass(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if self.below(100) < self.loss {
            self.lost.insert(sequence(packet));
        } else if self.below(100) < 5 {
            self.delayed.insert(sequence(packet));
            let after = 1 + self.below(LATEST);
            self.held.push((after, packet.to_vec()));
        } else {
            out.push(packet.to_vec());
            if self.below(100) < 5 {
                let after = self.below(LATEST);
                self.held.push((after, packet.to_vec()));
            }
        }
        self.held.retain_mut(|(after, packet)| {
            let due = *after == 0;
            if due {
                out.push(std::mem::take(packet));
            }
            *after = after.saturating_sub(1);
            !due
        });
        out
    }

    /// What is still on its way, and then this, undisturbed.
    fn finish(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        let held = self.held.drain(..).map(|(_, packet)| packet);
        held.chain([packet.to_vec()]).collect()
    }
}

/// Somebody who reads by TCP, to whom nothing is lost on the way, or by UDP.
struct Reader {
    peer: Peer,
    pair: Option<Pair>,
}

impl Reader {
    async fn new(program: &Program, path: &str, udp: bool) -> Self {
        let mut peer = Peer::connect(program.address).await;
        if !udp {
            peer.play_tcp(path, 1).await;
            return Self { peer, pair: None };
        }
        let pair = Pair::local().await;
        let uri = peer.uri(path);
        let media = format!("{uri}/trackID=0");
        peer.setup(&media, &pair.transport()).await.expect(200);
        peer.ask("PLAY", &uri, "").await.expect(200);
        let pair = Some(pair);
        Self { peer, pair }
    }

    /// What comes up to the packet with this number, that included.
    async fn until(&mut self, last: u16) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let packet = match &self.pair {
                None => self.peer.frame_on(0).await,
                Some(pair) => pair.packet().await,
            };
            let end = sequence(&packet) == last;
            all.push(packet);
            if end {
                return all;
            }
        }
    }
}

/// A publisher by UDP whose packets take a path with faults.
struct Publisher {
    /// Without it the stream ends.
    _peer: Peer,
    pair: Pair,
    to: SocketAddr,
    path: Path,
}

impl Publisher {
    async fn new(program: &Program, name: &str, path: Path) -> Self {
        let mut peer = Peer::connect(program.address).await;
        announce(&mut peer, name, &audio()).await.expect(200);
        let pair = Pair::local().await;
        let uri = format!("{}/streamid=0", peer.uri(name));
        let transport = format!("{};mode=record", pair.transport());
        let answer = peer.setup(&uri, &transport).await.expect(200);
        let to = SocketAddr::new(program.address.ip(), server_ports(&answer).0);
        let uri = peer.uri(name);
        peer.ask("RECORD", &uri, "").await.expect(200);
        Self {
            _peer: peer,
            pair,
            to,
            path,
        }
    }

    async fn send(&self, packets: Vec<Vec<u8>>) {
        for packet in packets {
            let sent = self.pair.rtp.send_to(&packet, self.to).await;
            sent.expect("sent");
        }
    }
}

/// The numbers that are missing in what was read, which has to be of what was sent, in order.
fn missing(sent: &[Vec<u8>], read: &[Vec<u8>]) -> BTreeSet<u16> {
    let mut missing = BTreeSet::new();
    let mut read = read.iter().peekable();
    for packet in sent {
        if read.next_if_eq(&packet).is_none() {
            missing.insert(sequence(packet));
        }
    }
    assert_eq!(
        read.next(),
        None,
        "twice, out of order, or of somebody else"
    );
    missing
}

/// What our own reception misses of packets that came by a path with faults, a millisecond apart.
fn missed(path: &mut Path, read: &[Vec<u8>]) -> BTreeSet<u16> {
    let mut now = Instant::now();
    let mut receiver = Receiver::new(now, ReceiverConfig::datagrams(8000, 1, "reader"));
    let mut missed = BTreeSet::new();
    let mut last: Option<u16> = None;
    let arrivals: Vec<Vec<u8>> = {
        let windows = read.iter().enumerate().map(|(at, packet)| {
            let undisturbed = at == 0 || at + 1 == read.len();
            match undisturbed {
                true => path.finish(packet),
                false => path.pass(packet),
            }
        });
        windows.flatten().collect()
    };
    let mut pop = |receiver: &mut Receiver, now| {
        while let Some((_, next)) = receiver.pop(now) {
            match next {
                Reordered::Item(arrived) => {
                    let number = arrived.packet.sequence();
                    let after = last.replace(number).map(|last| number.wrapping_sub(last));
                    assert!(after.is_none_or(|after| (1..1000).contains(&after)));
                }
                Reordered::Lost { first, count } => {
                    missed.extend((0..count).map(|more| first.wrapping_add(more)));
                }
            }
        }
    };
    for packet in arrivals {
        let packet = rtp_core::Packet::parse(Bytes::from(packet)).expect("RTP");
        receiver.push(now, packet);
        pop(&mut receiver, now);
        now += Duration::from_millis(1);
    }
    pop(&mut receiver, now + Duration::from_secs(1));
    missed
}

/// Whether the server put all in order that was only late. What else it left out is a mistake.
async fn goes_well(program: &Program, seed: u64, loss: u64) -> bool {
    let name = format!("/lossy-{seed}");
    let mut publisher = Publisher::new(program, &name, Path::new(seed, loss)).await;
    let mut readers = Vec::new();
    for number in 0..READERS {
        readers.push(Reader::new(program, &name, number % 2 == 1).await);
    }
    let mut track = Track::audio();
    // It comes round on the way.
    track.sequence = 65_000;
    let mut sent = Vec::new();
    let mut read = vec![Vec::new(); readers.len()];
    for _ in 0..=WINDOWS {
        let end = track.sound(120);
        let packets = publisher.path.finish(&end);
        publisher.send(packets).await;
        for (reader, read) in readers.iter_mut().zip(&mut read) {
            read.append(&mut reader.until(sequence(&end)).await);
        }
        sent.push(end);
        for _ in 0..WINDOW {
            let packet = track.sound(120);
            let packets = publisher.path.pass(&packet);
            publisher.send(packets).await;
            sent.push(packet);
        }
    }
    // What was sent after the last one that was waited for is nobody's.
    sent.truncate(sent.len() - WINDOW);
    let (lost, delayed) = (&publisher.path.lost, &publisher.path.delayed);
    let sent_numbers: BTreeSet<u16> = sent.iter().map(|packet| sequence(packet)).collect();
    let lost: BTreeSet<u16> = lost.intersection(&sent_numbers).copied().collect();
    assert!(!lost.is_empty() && !delayed.is_empty());
    let out = missing(&sent, &read[0]);
    assert!(lost.is_subset(&out), "what was lost cannot come");
    let late: BTreeSet<u16> = out.difference(&lost).copied().collect();
    assert!(late.is_subset(delayed), "{late:?} were not lost");
    for (number, (reader, read)) in (0..).zip(readers.iter().zip(&read)) {
        assert_eq!(missing(&sent, read), out, "all readers get the same");
        if reader.pair.is_some() {
            let mut path = Path::new(seed + 1000 + number, loss);
            let missed = missed(&mut path, read);
            let expected: BTreeSet<u16> = out.union(&path.lost).copied().collect();
            assert_eq!(missed, expected);
        }
    }
    late.is_empty()
}

#[tokio::test]
async fn threat_paths_that_lose_and_reorder_make_the_gaps_that_they_make_and_no_other() {
    let program = Program::start("lossy", "");
    for loss in [1, 5, 10] {
        let mut well = false;
        for attempt in 0..ATTEMPTS {
            // What comes too late by the clock is not the paths' doing: the same once more, elsewhere.
            well = well || goes_well(&program, loss * 100 + attempt, loss).await;
        }
        assert!(well, "what was only late did not come, at {loss} % loss");
    }
}
