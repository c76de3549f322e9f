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
        let child = program(arguments)
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

    /// Sends a signal and waits for the end.
    fn end(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
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
