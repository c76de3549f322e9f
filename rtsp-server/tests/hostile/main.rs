//! The real program under attack, while somebody reads from it: nothing that strangers do makes a gap in what the reader gets, and
//! what they took comes back.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

#[allow(dead_code)] // each program uses a part
#[path = "../wire/bridge.rs"]
mod bridge;
#[allow(dead_code)]
#[path = "../wire/http.rs"]
mod http;
#[allow(dead_code)]
#[path = "../wire/peer.rs"]
mod peer;
#[allow(dead_code)]
#[path = "../wire/rsa.rs"]
mod rsa;
#[allow(dead_code)]
#[path = "../wire/signer.rs"]
mod signer;
#[allow(dead_code)]
#[path = "../wire/source.rs"]
mod source;

mod aimed;
mod certificates;
mod half_open;
mod injection;
mod keys;
mod limits;
mod lossy;
mod publishers;
mod rotation;
mod tunnels;
mod witness;
mod wrong_door;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    peer::{Event, Peer, within},
    witness::Witnesses,
};

/// The program, ended when dropped, and its configuration file.
struct Program {
    child: Child,
    address: SocketAddr,
    /// Where it speaks TLS, if it does.
    secure: Option<SocketAddr>,
    config: std::path::PathBuf,
}

impl Program {
    /// How often it has told its log of something; at least, where it tells every second time only.
    fn has_told(&self, what: &str) -> usize {
        let log = fs::read_to_string(self.config.with_extension("log")).unwrap();
        log.lines().filter(|line| line.contains(what)).count()
    }

    fn start(name: &str, limits: &str) -> Self {
        Self::with(name, &format!("[limits]\n{limits}"))
    }

    /// With a whole configuration.
    fn with(name: &str, text: &str) -> Self {
        let config = std::env::temp_dir().join(format!("hostile-{name}-{}", std::process::id()));
        fs::write(&config, format!("log = \"warn\"\n{text}")).unwrap();
        let log = fs::File::create(config.with_extension("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_rtsp-server"))
            .args(["--listen", "127.0.0.1:0", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let banner = BufReader::new(child.stdout.take().unwrap());
        let mut lines = banner.lines().map_while(Result::ok);
        let mut secure = None;
        let address = lines.find_map(|line| {
            if let Some(rest) = line.strip_prefix("TLS (rtsps) on ") {
                let first = rest.split([',', ' ']).next();
                secure = first.and_then(|first| first.parse().ok());
            }
            let (_, rest) = line.split_once("rtsp://127.0.0.1:")?;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            Some(SocketAddr::from(([127, 0, 0, 1], digits.parse().ok()?)))
        });
        // What else it prints has to be read, or it waits.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            address: address.expect("an address"),
            secure,
            child,
            config,
        }
    }

    fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        fs::read_dir(folder).unwrap().count()
    }

    /// What it holds in memory, in KiB.
    fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).unwrap()
    }

    /// Waits until it has so many descriptors again, or fewer.
    async fn has_let_go(&self, before: usize) {
        let gone = async {
            while self.descriptors() > before {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within("descriptors that come back", gone).await;
    }

    /// It has what it had before an attack, and serves.
    async fn is_as_before(&self, descriptors: usize, memory: usize) {
        self.has_let_go(descriptors).await;
        is_served(self).await;
        // What an allocator keeps for next time, and buffers that grew, are no leak; what thousands of connections left would be.
        let now = self.memory();
        assert!(now < memory + 64 * 1024, "{memory} KiB before, {now} after");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.config);
        let _ = fs::remove_file(self.config.with_extension("log"));
    }
}

async fn is_served(program: &Program) {
    let served = async {
        loop {
            let mut peer = Peer::connect(program.address).await;
            let uri = peer.uri("/demo");
            let request = peer.request("DESCRIBE", &uri, "", b"");
            peer.send(&request).await;
            if let Event::Message(answer) = peer.next().await {
                return assert_eq!(answer.status(), 200);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("an answer", served).await;
}

/// Attackers do not care whether they are let in.
async fn open(program: &Program, count: usize) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.extend(TcpStream::connect(program.address).await.ok());
    }
    all
}

#[tokio::test]
async fn threat_descriptors_that_run_out_hurt_nobody_who_is_there() {
    let program = Program::start("descriptors", "");
    let witnesses = Witnesses::new(&program).await;
    let room = program.descriptors() + 10;
    let limited = Command::new("prlimit")
        .arg(format!("--pid={}", program.child.id()))
        .arg(format!("--nofile={room}:{room}"))
        .status();
    if !limited.is_ok_and(|status| status.success()) {
        eprintln!("not tried: there is no prlimit here");
        return;
    }
    let flood = open(&program, 100).await;
    let full = async {
        while program.descriptors() < room {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the last descriptor", full).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(flood);
    is_served(&program).await;
    witnesses.got_everything().await;
}

#[tokio::test]
async fn threat_slow_loris_and_half_open_connections_end_and_their_memory_comes_back() {
    let limits = "first_request_timeout = 2\nmessage_timeout = 2\nidle_timeout = 2\n";
    let program = Program::start("loris", limits);
    let witnesses = Witnesses::new(&program).await;
    let (descriptors, memory) = (program.descriptors(), program.memory());
    let silent = open(&program, 400).await;
    let mut slow = open(&program, 400).await;
    for (number, stream) in slow.iter_mut().enumerate() {
        let begun: &[u8] = match number % 3 {
            0 => b"DESCRIBE rtsp://127.0.0.1/demo RTSP/1.0\r\nCSeq: 1\r\nX-Slow: ",
            1 => b"ANNOUNCE rtsp://127.0.0.1/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 200000\r\n\r\nv=0",
            _ => b"$\0\xff\xff",
        };
        let _ = stream.write_all(begun).await;
    }
    for _ in 0..10 {
        for stream in &mut slow {
            let _ = stream.write_all(b"a").await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    program.has_let_go(descriptors).await;
    drop((silent, slow));
    is_served(&program).await;
    assert!(
        program.memory() < memory + 32 * 1024,
        "{memory} KiB before, {} after",
        program.memory()
    );
    witnesses.got_everything().await;
}

/// What no peer sends: garbage, numbers that are far too large in every header, descriptions that are bombs.
fn bombs() -> Vec<Vec<u8>> {
    let giant = "9".repeat(40);
    let mut bombs: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0; 20_000],
        (0..20_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect(),
        b"$".repeat(30_000),
        b"\r\n".repeat(20_000),
        b"OPTIONS * RTSP/1.0\r\n".repeat(2000),
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n".repeat(2000),
        // Too long, and at once: it begins like a message all the same.
        [&b"RTSP/1.0 200 OK"[..], &[b'a'; 200_000]].concat(),
        [&b"OPTIONS rtsp://h/ RTSP/1.0 "[..], &[b'a'; 200_000]].concat(),
    ];
    bombs.extend(headers(&giant));
    for port in ["", "99999", giant.as_str()] {
        let media = format!(
            "m=video {port} RTP/AVP 96 {giant}\r\na=rtpmap:96 H264/{giant}\r\nb=AS:{giant}\r\n"
        );
        let sdp = format!(
            "v=0\r\no=- {giant} {giant} IN IP4 0\r\ns=-\r\nt={giant} {giant}\r\n{}",
            media.repeat(500)
        );
        let head = format!(
            "ANNOUNCE rtsp://127.0.0.1/bomb RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n",
            sdp.len()
        );
        bombs.push([head.as_bytes(), sdp.as_bytes()].concat());
    }
    bombs
}

fn headers(giant: &str) -> Vec<Vec<u8>> {
    let mut bombs = Vec::new();
    for header in [
        "CSeq",
        "Content-Length",
        "Session",
        "Range",
        "Scale",
        "Speed",
        "Blocksize",
        "Bandwidth",
        "Timestamp",
        "Max-Forwards",
        "Pipelined-Requests",
        "Retry-After",
        "Transport",
        "RTP-Info",
        "If-Modified-Since",
    ] {
        for value in [
            giant.to_owned(),
            format!("-{giant}"),
            format!("npt={giant}-{giant}"),
            format!("RTP/AVP;unicast;client_port={giant}-{giant};ssrc={giant};ttl={giant}"),
            format!("RTP/AVP/TCP;interleaved={giant}-255"),
            "1e308".to_owned(),
            "NaN".to_owned(),
        ] {
            for (method, version) in [("SETUP", "1.0"), ("PLAY", "2.0"), ("DESCRIBE", "1.0")] {
                let text = format!(
                    "{method} rtsp://127.0.0.1/demo/trackID=0 RTSP/{version}\r\nCSeq: 1\r\n{header}: {value}\r\n\r\n"
                );
                bombs.push(text.into_bytes());
            }
        }
    }
    bombs
}

#[tokio::test]
async fn threat_storms_garbage_and_giant_numbers_hurt_nobody() {
    let program = Program::start("storm", "");
    let witnesses = Witnesses::new(&program).await;
    let (descriptors, memory) = (program.descriptors(), program.memory());
    let bombs = bombs();
    for _ in 0..3 {
        for bomb in &bombs {
            if let Ok(mut stream) = TcpStream::connect(program.address).await {
                let _ = stream.write_all(bomb).await;
            }
        }
        drop(open(&program, 300).await);
    }
    program.has_let_go(descriptors).await;
    is_served(&program).await;
    assert!(
        program.memory() < memory + 48 * 1024,
        "{memory} KiB before, {} after",
        program.memory()
    );
    witnesses.got_everything().await;
}
