//! The program as its user meets it: what it prints, and its exit status.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtsp-server"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = program(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A file that is gone when the test is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("rtsp-server-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A program that runs, and what it has printed up to its last line.
struct Running {
    child: Child,
    banner: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        Self::start_as(program(arguments))
    }

    fn start_as(mut command: Command) -> Self {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut running = Self {
            child,
            banner: String::new(),
        };
        let lines = BufReader::new(running.child.stdout.take().unwrap()).lines();
        for line in lines {
            let line = line.unwrap();
            running.banner.push_str(&line);
            running.banner.push('\n');
            if line.starts_with("Ctrl-C") {
                return running;
            }
        }
        let mut log = String::new();
        let mut stderr = running.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        panic!("it did not start:\n{}{log}", running.banner);
    }

    /// `HOST:PORT` of the first address.
    fn address(&self) -> String {
        let (_, rest) = self.banner.split_once("listens on ").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Sends a signal and waits for the end.
    fn end(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ANYWHERE: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[test]
fn it_prints_what_can_be_copied_and_ends_on_either_signal() {
    for signal in ["INT", "TERM"] {
        let running = Running::start(&ANYWHERE);
        let address = running.address();
        for line in [
            format!("ffplay -rtsp_transport tcp rtsp://{address}/demo"),
            format!("gst-launch-1.0 playbin uri=rtsp://{address}/demo"),
            format!("-f rtsp -rtsp_transport tcp rtsp://{address}/live"),
        ] {
            assert!(running.banner.contains(&line), "{line}\n{}", running.banner);
        }
        assert!(!running.banner.contains('\x1b'), "no colours into a pipe");
        assert_eq!(running.end(signal), Some(0), "{signal}");
    }
}

#[test]
fn it_ends_while_somebody_is_connected() {
    let running = Running::start(&ANYWHERE);
    let mut peer = TcpStream::connect(running.address()).unwrap();
    peer.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        .unwrap();
    let mut answer = [0; 12];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"RTSP/1.0 200");
    assert_eq!(running.end("INT"), Some(0));
}

/// A reader of the film that the server has, over TCP.
struct Reader {
    stream: TcpStream,
    got: Vec<u8>,
    version: &'static str,
}

impl Reader {
    fn playing(address: &str, version: &'static str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let got = Vec::new();
        let mut reader = Self {
            stream,
            got,
            version,
        };
        let uri = format!("rtsp://{address}/files/demo.mp4");
        reader.send(&format!(
            "SETUP {uri}/trackID=0 {version}\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
        ));
        let answer = reader.message(&format!("{version} 200"));
        let (_, id) = answer.split_once("Session: ").unwrap();
        let id = id.split([';', '\r']).next().unwrap();
        reader.send(&format!(
            "PLAY {uri} {version}\r\nCSeq: 2\r\nSession: {id}\r\n\r\n"
        ));
        reader.message(&format!("{version} 200"));
        reader
    }

    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    fn find(&self, what: &[u8]) -> Option<usize> {
        self.got
            .windows(what.len())
            .position(|window| window == what)
    }

    fn read(&mut self) -> usize {
        let mut more = [0; 65_536];
        let read = match self.stream.read(&mut more) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("{error}"),
        };
        self.got.extend_from_slice(&more[..read]);
        read
    }

    /// The message that begins so; media before it are passed over.
    fn message(&mut self, begin: &str) -> String {
        loop {
            if let Some(at) = self.find(begin.as_bytes()) {
                self.got.drain(..at);
                if let Some(end) = self.find(b"\r\n\r\n") {
                    let head: Vec<u8> = self.got.drain(..end + 4).collect();
                    return String::from_utf8(head).unwrap();
                }
            }
            assert!(self.read() > 0, "closed before {begin}");
        }
    }

    fn until_closed(&mut self) {
        while self.read() > 0 {}
    }
}

/// How long anything may take that has to happen.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// Where the film is that the server has built in.
const FILMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo");

#[test]
fn readers_are_told_why_before_it_ends() {
    for signal in ["INT", "TERM"] {
        let arguments = [&ANYWHERE[..], &["--files", FILMS]].concat();
        let running = Running::start(&arguments);
        let mut new = Reader::playing(&running.address(), "RTSP/2.0");
        let mut old = Reader::playing(&running.address(), "RTSP/1.0");
        assert_eq!(running.end(signal), Some(0), "{signal}");
        let teardown = new.message("TEARDOWN rtsp://");
        let reason = "Terminate-Reason: Server-Admin;user-msg=\"";
        assert!(teardown.contains(reason), "{teardown}");
        new.until_closed();
        old.until_closed();
        // BYE, behind an empty report: RTSP/1.0 has no word for it.
        let bye = old
            .got
            .windows(4)
            .any(|window| window[0] >> 6 == 2 && window[1] == 203);
        assert!(bye && old.find(b"TEARDOWN").is_none());
    }
}

#[test]
fn readers_are_sent_elsewhere_before_it_ends() {
    let config = Scratch::new(
        "redirect.toml",
        &format!(
            "listen = '127.0.0.1:0'\nfiles = '{FILMS}'\nredirect_to = 'rtsp://192.0.2.9:8554'\n"
        ),
    );
    let running = Running::start(&["--config", config.path()]);
    let mut readers =
        ["RTSP/1.0", "RTSP/2.0"].map(|version| Reader::playing(&running.address(), version));
    running.signal("TERM");
    for reader in &mut readers {
        let redirect = reader.message("REDIRECT rtsp://");
        let location = "Location: rtsp://192.0.2.9:8554/files/demo.mp4\r\n";
        assert!(redirect.contains(location), "{redirect}");
        let (_, cseq) = redirect.split_once("CSeq: ").unwrap();
        let (cseq, _) = cseq.split_once("\r\n").unwrap();
        let answer = format!("{} 200 OK\r\nCSeq: {cseq}\r\n\r\n", reader.version);
        reader.send(&answer);
    }
    for reader in &mut readers {
        reader.until_closed();
    }
    let mut running = running;
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_signal_waits_for_nobody() {
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let arguments = [
            &ANYWHERE[..],
            &["--files", FILMS, "--redirect-to", "rtsp://192.0.2.9"],
        ]
        .concat();
        let running = Running::start(&arguments);
        // It is asked to go, and does not answer.
        let mut silent = Reader::playing(&running.address(), "RTSP/2.0");
        running.signal(signal);
        silent.message("REDIRECT rtsp://");
        assert_eq!(running.end(signal), Some(status), "{signal}");
    }
}

/// An attacker takes all connections that the system has descriptors for.
#[test]
fn threat_descriptor_exhaustion() {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_rtsp-server"))
        .args(ANYWHERE)
        .args(["--threads", "2", "--files", FILMS])
        .stdin(Stdio::null());
    let running = Running::start_as(command);
    let address = running.address();
    let mut reader = Reader::playing(&address, "RTSP/2.0");
    let mut served = 0;
    let mut all = Vec::new();
    for _ in 0..200 {
        let mut peer = TcpStream::connect(&address).unwrap();
        served += usize::from(is_served(&mut peer));
        all.push(peer);
    }
    assert!((20..128).contains(&served), "{served} of 200 were served");
    // Who was there is served on: a second of the film, and an answer.
    reader.got.clear();
    while reader.got.len() < 20_000 {
        assert!(reader.read() > 0, "closed");
    }
    drop(all);
    // And somebody else, as soon as there is room.
    while !is_served(&mut TcpStream::connect(&address).unwrap()) {}
    drop(reader);
    assert_eq!(running.end("TERM"), Some(0));
}

/// Whether a request is answered, or the connection closed.
fn is_served(peer: &mut TcpStream) -> bool {
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let sent = peer.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    let mut answer = [0; 12];
    sent.is_ok() && peer.read_exact(&mut answer).is_ok() && &answer == b"RTSP/1.0 200"
}

#[test]
fn check_says_ok_or_what_is_wrong() {
    let right = Scratch::new("right.toml", "listen = ':0'\n");
    let (status, stdout, _) = output(&["--check", "--config", right.path()]);
    assert_eq!((status, stdout.as_str()), (Some(0), "ok\n"));

    let wrong = Scratch::new("wrong.toml", "# listen\nlisen = ':0'\ndemo = 1\n");
    let (status, stdout, stderr) = output(&["--check", "--config", wrong.path()]);
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    let expected = format!(
        "{0}:2: unknown key \"lisen\"; did you mean \"listen\"?\n{0}:3: demo: expected true or false, found 1\n",
        wrong.path()
    );
    assert_eq!(stderr, expected);
}

#[test]
fn a_wrong_configuration_does_not_start() {
    for arguments in [
        &["--config", "/no/such/file.toml"][..],
        &["--users", "/no/such/file"],
        &["--files", "/no/such/folder"],
        &["--read", "users"],
        &["--listen", "127.0.0.1:port"],
        &["--lisen", ":0"],
    ] {
        let (status, stdout, stderr) = output(arguments);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_taken_port_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, stdout, stderr) = output(&["--listen", &address]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains(&address) && stderr.contains("--listen"),
        "{stderr}"
    );
}

#[test]
fn what_connections_are_written_with_is_told() {
    let running = Running::start(&[&ANYWHERE[..], &["--no-io-uring"]].concat());
    assert!(
        running
            .banner
            .contains("1 connection a call, io_uring is off"),
        "{}",
        running.banner
    );
    assert_eq!(running.end("TERM"), Some(0));
}

#[test]
fn users_are_asked_for_their_name() {
    let users = Scratch::new("users", "ann:hunter2\n");
    let arguments = [
        &ANYWHERE[..],
        &["--users", users.path(), "--publish", "users"],
    ]
    .concat();
    let running = Running::start(&arguments);
    let line = format!("rtsp://NAME:PASSWORD@{}/live", running.address());
    assert!(running.banner.contains(&line), "{}", running.banner);
    assert!(!running.banner.contains("hunter2"));
    assert_eq!(running.end("TERM"), Some(0));
}
