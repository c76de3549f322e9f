//! Tunnels over HTTP and WebSocket, begun by thousands and filled with what belongs in none, while somebody plays through each.

use std::net::Ipv4Addr;

use rtsp_client::{Client, Options, PlayOptions, TransportPolicy};
use tokio::{io::AsyncReadExt as _, net::TcpSocket};

use super::*;

const OPTIONS: &[u8] = b"T1BUSU9OUyAqIFJUU1AvMS4wDQpDU2VxOiAxDQoNCg==";

fn half(method: &str, cookie: &str) -> String {
    format!("{method} /demo HTTP/1.0\r\nx-sessioncookie: {cookie}\r\nContent-Length: 32767\r\n\r\n")
}

fn upgrade() -> String {
    "GET /demo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n"
        .into()
}

/// Somebody at 127.0.0.`last` says something.
async fn say(program: &Program, last: u8, words: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let own = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
    socket.bind(own).unwrap();
    let stream = within("a connection", socket.connect(program.address)).await;
    let mut stream = stream.expect("a connection");
    // Whoever is refused before it has said all hears of it by a reset.
    let _ = stream.write_all(words).await;
    stream
}

/// The first line that is heard, but for its end; nothing when the connection ends.
async fn line(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let reading = async {
        while let Ok(octet @ 0x0e..) = stream.read_u8().await {
            heard.push(octet);
        }
    };
    within("a line", reading).await;
    String::from_utf8(heard).unwrap()
}

/// Everything that is heard up to an empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let reading = async {
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(stream.read_u8().await.expect("an answer"));
        }
    };
    within("a head", reading).await;
    String::from_utf8(heard).unwrap()
}

/// A tunnel of somebody at 127.0.0.`last` is had.
async fn is_had(program: &Program, last: u8, cookie: &str) {
    let opened = async {
        loop {
            let mut get = say(program, last, half("GET", cookie).as_bytes()).await;
            let opened = head(&mut get).await;
            if opened.starts_with("HTTP/1.0 200 ") {
                return get;
            }
            assert!(opened.starts_with("HTTP/1.1 503 "), "{opened}");
        }
    };
    let mut get = within("a place", opened).await;
    let post = [half("POST", cookie).as_bytes(), OPTIONS].concat();
    let _post = say(program, last, &post).await;
    let answer = head(&mut get).await;
    assert!(answer.starts_with("RTSP/1.0 200 "), "{answer}");
}

/// Our own client as the witness within a tunnel: it notices each packet that is missing.
struct Player {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<usize>,
}

impl Player {
    async fn new(program: &Program, transport: TransportPolicy) -> Self {
        let mut options = Options::default();
        options.transport = transport;
        let url = format!("rtsp://{}/demo", program.address);
        let described = within("a description", Client::describe(&url, options)).await;
        let described = described.expect("a description");
        let mut playing = within("it plays", described.play(PlayOptions::default()))
            .await
            .expect("it plays");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let (mut last, mut count) = (None, 0);
            while !stopped.load(Ordering::Relaxed) {
                let packet = playing.next().await.expect("no error");
                let packet = packet.expect("it goes on");
                if packet.media != 0 {
                    continue;
                }
                let sequence = packet.packet.sequence();
                let expected = last.map_or(sequence, |last: u16| last.wrapping_add(1));
                assert_eq!(sequence, expected, "a gap after {count} packets");
                last = Some(sequence);
                count += 1;
            }
            count
        });
        Self { stop, task }
    }

    async fn got_everything(self) {
        self.stop.store(true, Ordering::Relaxed);
        let count = within("the player", self.task).await.expect("no gap");
        assert!(count > 5, "{count} packets");
    }
}

#[tokio::test]
async fn threat_tunnels_with_one_half_are_numbered_in_all_and_of_each_address() {
    let program = Program::with(
        "halves",
        "[limits]\nlimit_loopback = true\nhalf_open = 30\nhalf_open_per_address = 20\nhandshake_timeout = \"2h\"\n",
    );
    let witnesses = Witnesses::of(Peer::connect(program.address).await).await;
    let through = Player::new(&program, TransportPolicy::Http).await;
    let (descriptors, memory) = (program.descriptors(), program.memory());
    let mut halves = Vec::new();
    let told = |line: String| line.split(' ').nth(1).unwrap_or_default().to_owned();
    for (last, number, expected) in [
        (2, 20, "200"),
        (2, 5, "503"),
        (3, 10, "200"),
        // Those that there are in all.
        (3, 1, "503"),
        (4, 5, "503"),
    ] {
        for count in 0..number {
            let words = half("GET", &format!("{expected}-{count}"));
            let mut get = say(&program, last, words.as_bytes()).await;
            assert_eq!(told(line(&mut get).await), expected, "127.0.0.{last}");
            halves.push(get);
        }
        // A POST that is the first of its tunnel counts the same.
        if expected == "503" {
            let mut post = say(&program, last, half("POST", "first").as_bytes()).await;
            assert_eq!(told(line(&mut post).await), expected, "127.0.0.{last}");
        }
    }
    assert!(program.has_told("limit=half_open") > 0);
    // Who is whole is none of them.
    let post = [half("POST", "200-0").as_bytes(), OPTIONS].concat();
    let whole = say(&program, 2, &post).await;
    let opened = head(&mut halves[0]).await;
    assert!(opened.ends_with("\r\n\r\n"), "{opened}");
    let answer = head(&mut halves[0]).await;
    assert!(answer.starts_with("RTSP/1.0 200 "), "{answer}");
    // Who goes gives its place back.
    drop(halves);
    is_had(&program, 4, "after").await;
    drop(whole);
    through.got_everything().await;
    witnesses.got_everything().await;
    program.is_as_before(descriptors, memory).await;
}

/// What belongs in no tunnel, by how it begins.
fn nonsense() -> Vec<(Vec<u8>, &'static str)> {
    let long = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    let ping = [0x89, 0x80, 0, 0, 0, 0].repeat(3000);
    let frames: [&[u8]; 9] = [
        &long,
        &[0x82, 0xfe, 0, 1],
        &[0x89, 0xfe, 0xff, 0xff, 0, 0, 0, 0],
        &[0x09, 0x80, 0, 0, 0, 0],
        &[0x80, 0x80, 0, 0, 0, 0],
        &[0x02, 0x80, 0, 0, 0, 0, 0x02, 0x80, 0, 0, 0, 0],
        &[0x82, 0x04, b'$', 0, 0, 0],
        &[0xff; 64],
        // Within bounds, and more than is answered.
        &ping,
    ];
    let mut all: Vec<_> = frames
        .iter()
        .map(|frame| ([upgrade().as_bytes(), frame].concat(), ""))
        .collect();
    let texts: [&[u8]; 6] = [
        b"====",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        &[0; 4000],
        &[0xff; 30_000],
        &b" \r\n".repeat(20_000),
        // Frames that never end, in good base64.
        &b"JP//".repeat(10_000),
    ];
    all.extend(texts.iter().map(|text| (text.to_vec(), "POST")));
    all
}

#[tokio::test]
async fn threat_nonsense_in_tunnels_hurts_nobody() {
    let hasty = ["first_request", "message", "handshake"]
        .map(|name| format!("{name}_timeout = \"2s\"\n"))
        .concat();
    let program = Program::start("nonsense", &hasty);
    let witnesses = Witnesses::of(Peer::connect(program.address).await).await;
    let through = [TransportPolicy::Http, TransportPolicy::WebSocket];
    let mut players = Vec::new();
    for transport in through {
        players.push(Player::new(&program, transport).await);
    }
    let (descriptors, memory) = (program.descriptors(), program.memory());
    let all = nonsense();
    for round in 0..6 {
        let mut open = Vec::new();
        for (number, (words, method)) in all.iter().enumerate() {
            let cookie = format!("{round}-{number}");
            if method.is_empty() {
                open.push(say(&program, 1, words).await);
                continue;
            }
            // One after the other, or both at once, and each cookie used twice.
            let mut get = say(&program, 1, half("GET", &cookie).as_bytes()).await;
            if round % 2 == 0 {
                head(&mut get).await;
            }
            let post = [half(method, &cookie).as_bytes(), words].concat();
            open.push(say(&program, 1, &post).await);
            open.push(say(&program, 1, &post).await);
            open.push(say(&program, 1, half("GET", &cookie).as_bytes()).await);
            open.push(get);
        }
        if round % 3 == 0 {
            for stream in &mut open {
                let mut rest = Vec::new();
                let _ = within("the end", stream.read_to_end(&mut rest)).await;
            }
        }
    }
    for limit in [
        "tunnel base64",
        "tunnel halves",
        "websocket frames",
        "handshake_timeout",
        "first_request_timeout",
    ] {
        assert!(program.has_told(&format!("limit={limit}")) > 0, "{limit}");
    }
    is_had(&program, 1, "after").await;
    for player in players {
        player.got_everything().await;
    }
    witnesses.got_everything().await;
    program.is_as_before(descriptors, memory).await;
}
