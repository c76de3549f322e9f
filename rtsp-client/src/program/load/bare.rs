//! `rtsp-client bare-sender`: the least that sending to readers can cost, to compare servers with.
//!
//! It makes the frames of `load` itself and hands each to every reader with one call: a write over TCP, one buffer that the
//! kernel cuts into datagrams (GSO) over UDP. It receives nothing, keeps nothing and parses next to nothing: its answers
//! are fixed texts, and a reader that is too slow is let go.

use std::collections::VecDeque;
use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use clap::Args;
use quinn_udp::Transmit;
use quinn_udp::UdpSockRef;
use quinn_udp::UdpSocketState;

use super::film::Film;
use super::film::Shape;
use super::plan::bits;
use super::stamp;
use crate::program::failure::Failure;

/// What a request may take.
const REQUEST_BYTES: usize = 8 * 1024;
/// How long a peer may take over a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// The command line of `bare-sender`.
#[derive(Debug, Args)]
pub(crate) struct BareSender {
    /// Where to listen; the port is printed
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Bit rate: 500k, 4M
    #[arg(long, value_name = "BITS", default_value = "1M", value_parser = bits)]
    bitrate: f64,
    /// Moments at which pictures are sent within the time of one, each to its share of the readers: the floor of as many streams
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    phases: u16,
    /// Answer, and send nothing: the floor of whole sessions
    #[arg(long)]
    silent: bool,
}

/// A reader that has said PLAY.
enum Reader {
    Tcp(TcpStream, VecDeque<u8>),
    Udp(SocketAddr),
}

/// Listens until it is ended.
pub(crate) fn run(options: &BareSender) -> Result<ExitCode, Failure> {
    let shape = Shape::new(options.bitrate, 1200, 25.0, 25);
    let serve = || -> io::Result<()> {
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let listener = TcpListener::bind(options.listen)?;
        let socket = UdpSocket::bind(SocketAddr::new(options.listen.ip(), 0))?;
        println!("listening on {}", listener.local_addr()?);
        let (sender, readers) = mpsc::channel();
        let port = socket.local_addr()?.port();
        if !options.silent {
            let sender = Sender::new(shape, socket, options.phases)?;
            thread::spawn(move || sender.run(&readers));
        }
        for connection in listener.incoming() {
            // One that fails is its own affair.
            if let Ok(Some(reader)) = converse(connection?, &shape, port, options.silent)
                && sender.send(reader).is_err()
            {
                break;
            }
        }
        Ok(())
    };
    serve().map_err(|error| Failure::new(format!("{}: {error}", options.listen), None))?;
    Ok(ExitCode::SUCCESS)
}

/// Answers until PLAY, or until the peer leaves.
fn converse(
    mut stream: TcpStream,
    shape: &Shape,
    port: u16,
    silent: bool,
) -> io::Result<Option<Reader>> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut memory = [0; REQUEST_BYTES];
    let mut filled = 0;
    let mut ports = None;
    loop {
        let read = stream.read(memory.get_mut(filled..).unwrap_or_default())?;
        if read == 0 {
            return Ok(None);
        }
        filled += read;
        let text = std::str::from_utf8(memory.get(..filled).unwrap_or_default());
        let text = text.map_err(|_| ErrorKind::InvalidData)?;
        if !text.ends_with("\r\n\r\n") {
            continue;
        }
        let cseq = header(text, "CSeq:").unwrap_or("0");
        let method = text.split(' ').next().unwrap_or_default();
        let more = match method {
            "DESCRIBE" => {
                let body = shape.description();
                format!(
                    "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
            "SETUP" => {
                let transport = header(text, "Transport:").unwrap_or_default();
                ports = number_behind(transport, "client_port=");
                let server = format!("{transport};server_port={port}-{}", port.wrapping_add(1));
                let transport = ports.map_or(transport, |_| server.as_str());
                format!("Session: 1;timeout=600\r\nTransport: {transport}\r\n\r\n")
            }
            "OPTIONS" => "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n".to_owned(),
            _ => "Session: 1\r\n\r\n".to_owned(),
        };
        let answer = format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{more}");
        stream.write_all(answer.as_bytes())?;
        filled = 0;
        if method == "PLAY" && !silent {
            let peer = stream.peer_addr()?.ip();
            stream.set_nonblocking(true)?;
            return Ok(Some(match ports {
                Some(port) => {
                    // The connection stays open as long as the program runs.
                    std::mem::forget(stream);
                    Reader::Udp(SocketAddr::new(peer, port))
                }
                None => Reader::Tcp(stream, VecDeque::new()),
            }));
        }
    }
}

fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim())
}

fn number_behind(text: &str, name: &str) -> Option<u16> {
    let (_, rest) = text.split_once(name)?;
    rest.split(['-', ';']).next()?.parse().ok()
}

/// What sends.
struct Sender {
    films: Vec<(Film, Vec<Reader>)>,
    /// From one film's picture to the next film's.
    interval: Duration,
    socket: UdpSocket,
    state: UdpSocketState,
    segment: usize,
}

impl Sender {
    fn new(shape: Shape, socket: UdpSocket, phases: u16) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let _ = socket2::SockRef::from(&socket).set_send_buffer_size(8 << 20);
        Ok(Self {
            films: (0..phases)
                .map(|_| (Film::new(shape, 1, 0, 0, 1), Vec::new()))
                .collect(),
            interval: shape.interval() / u32::from(phases),
            socket,
            state,
            segment: shape.packet,
        })
    }

    fn run(mut self, joining: &mpsc::Receiver<Reader>) {
        let mut films = std::mem::take(&mut self.films);
        let phases = films.len().max(1);
        let mut joined = 0;
        let mut due = Instant::now();
        let mut datagrams = Vec::new();
        for phase in (0..phases).cycle() {
            due += self.interval;
            loop {
                let wait = due.saturating_duration_since(Instant::now());
                match joining.recv_timeout(wait) {
                    Ok(reader) => {
                        if let Some((_, readers)) = films.get_mut(joined % phases) {
                            readers.push(reader);
                        }
                        joined += 1;
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
            let Some((film, readers)) = films.get_mut(phase) else {
                continue;
            };
            let frame = film.next(stamp::clock()).to_vec();
            film.datagrams(&mut datagrams);
            readers.retain_mut(|reader| match reader {
                Reader::Tcp(stream, rest) => write(stream, rest, &frame),
                Reader::Udp(to) => {
                    self.send(*to, &datagrams);
                    true
                }
            });
        }
    }

    fn send(&self, destination: SocketAddr, contents: &[u8]) {
        // As many in a call as the kernel cuts, and as fit a datagram of the largest size.
        let most = self
            .state
            .max_gso_segments()
            .min(65_000 / self.segment)
            .max(1);
        for contents in contents.chunks(most * self.segment) {
            let transmit = Transmit {
                destination,
                ecn: None,
                contents,
                segment_size: Some(self.segment),
                src_ip: None,
            };
            // What the system refuses is lost, and the readers count it.
            let _ = self
                .state
                .try_send(UdpSockRef::from(&self.socket), &transmit);
        }
    }
}

/// Writes what is left of the frame before, and this one; whether the reader stays.
fn write(mut stream: &TcpStream, rest: &mut VecDeque<u8>, frame: &[u8]) -> bool {
    if rest.is_empty() {
        match stream.write(frame) {
            Ok(written) => rest.extend(frame.get(written..).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => rest.extend(frame),
            Err(_) => return false,
        }
        return true;
    }
    rest.extend(frame);
    match stream.write(rest.make_contiguous()) {
        Ok(written) => drop(rest.drain(..written)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(_) => return false,
    }
    rest.len() < 16 << 20
}
