//! Those who read while others attack.

use super::*;
use crate::peer::Pair;

/// How many there are; every other one by UDP.
const COUNT: usize = 50;
/// Readers by UDP show so often that they live.
const ALIVE: Duration = Duration::from_millis(500);

/// Fifty who read the built-in clip, by TCP and UDP in turn, and notice each packet that is missing.
pub(crate) struct Witnesses {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Seen>>,
}

/// What one of them has seen.
#[derive(Default)]
struct Seen {
    last: Option<u16>,
    count: usize,
}

impl Seen {
    /// What is missing before this packet.
    fn packet(&mut self, packet: &[u8]) -> u16 {
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let expected = self.last.map_or(sequence, |last| last.wrapping_add(1));
        self.last = Some(sequence);
        self.count += 1;
        sequence.wrapping_sub(expected)
    }
}

impl Witnesses {
    pub(crate) async fn new(program: &Program) -> Self {
        let mut all = Self {
            stop: Arc::default(),
            tasks: Vec::new(),
        };
        for number in 0..COUNT {
            let peer = Peer::connect(program.address).await;
            match number % 2 {
                0 => all.by_tcp(peer).await,
                _ => all.by_udp(peer).await,
            }
        }
        all
    }

    /// One by TCP, on a connection of its own making.
    pub(crate) async fn of(peer: Peer) -> Self {
        let mut one = Self {
            stop: Arc::default(),
            tasks: Vec::new(),
        };
        one.by_tcp(peer).await;
        one
    }

    async fn by_tcp(&mut self, mut peer: Peer) {
        peer.play_tcp("/demo", 2).await;
        let stop = Arc::clone(&self.stop);
        self.tasks.push(tokio::spawn(async move {
            let mut seen = Seen::default();
            while !stop.load(Ordering::Relaxed) {
                match peer.next().await {
                    Event::Frame(0, packet) => {
                        let missing = seen.packet(&packet);
                        assert_eq!(missing, 0, "after {} packets by TCP", seen.count);
                    }
                    Event::Closed => panic!("closed after {} packets", seen.count),
                    _ => {}
                }
            }
            seen
        }));
    }

    async fn by_udp(&mut self, mut peer: Peer) {
        let pair = Pair::local().await;
        let uri = peer.uri("/demo");
        let media = format!("{uri}/trackID=0");
        peer.setup(&media, &pair.transport()).await.expect(200);
        peer.ask("PLAY", &uri, "").await.expect(200);
        let stop = Arc::clone(&self.stop);
        self.tasks.push(tokio::spawn(async move {
            let mut seen = Seen::default();
            let mut missing = 0;
            let mut alive = tokio::time::interval(ALIVE);
            let mut buffer = vec![0; 65_536];
            while !stop.load(Ordering::Relaxed) {
                tokio::select! {
                    len = pair.rtp.recv(&mut buffer) => {
                        missing += usize::from(seen.packet(&buffer[..len.expect("a datagram")]));
                        // What the system has no room for while this test does something else is nobody's fault.
                        if missing > 0 {
                            let dropped = dropped(pair.port());
                            assert!(missing <= dropped, "{missing} after {} packets by UDP", seen.count);
                        }
                    }
                    _ = alive.tick() => {
                        peer.ask("GET_PARAMETER", &uri, "").await.expect(200);
                    }
                }
            }
            seen
        }));
    }

    /// Everybody got everything, and goes on to get something.
    pub(crate) async fn got_everything(self) {
        // At least a second picture more.
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let seen = within("a witness", task).await.expect("no gap");
            assert!(seen.count > 5, "{} packets", seen.count);
        }
    }
}

/// How many datagrams the system has dropped at a port of ours.
fn dropped(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/udp").expect("the system's sockets");
    let local = format!("0100007F:{port:04X}");
    let line = table
        .lines()
        .find(|line| line.split_whitespace().nth(1) == Some(&local));
    let drops = line.and_then(|line| line.split_whitespace().last()?.parse().ok());
    drops.unwrap_or(0)
}
