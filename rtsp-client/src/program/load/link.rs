//! One RTSP connection of the load: a socket that never waits, and the session's machine.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Buf;
use bytes::BytesMut;
use mio::Interest;
use mio::Registry;
use mio::Token;
use mio::net::TcpStream;
use rtsp_msg::Scheme;
use rtsp_msg::Uri;
use rtsp_session::Now;
use rtsp_session::client::ClientSession;
use rtsp_session::client::CloseReason;
use rtsp_session::client::Event;
use rtsp_session::client::Input;
use rtsp_session::client::SessionOutput;
use rtsp_session::random::Random;

use super::plan::Plan;
use super::socket::Socket;

/// What one read takes at most; shared by all connections of a thread.
pub(super) const READ_BYTES: usize = 512 << 10;
/// Of the `$` frame.
const PREFIX: usize = 4;

/// What a connection brings.
pub(super) enum Heard<'a> {
    /// A packet, on an interleaved channel.
    Packet(u8, &'a [u8]),
    /// A step of the conversation is done.
    Event(Event),
}

/// Why there is no more of a connection.
pub(super) type Broken = String;

/// The connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: Socket,
    pub(super) session: ClientSession,
    /// The begin of a `$` frame whose rest has not come.
    partial: Vec<u8>,
    /// What the session has not yet taken.
    text: BytesMut,
    outbound: BytesMut,
    until: Option<Instant>,
    connected: bool,
}

impl Link {
    /// Begins to connect; readiness comes as `token`.
    pub(super) fn open(
        (address, uri): (SocketAddr, &Uri),
        plan: &Plan,
        random: Random,
        (registry, token): (&Registry, Token),
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let mut config = plan.config.clone();
        config.connection.encrypted = uri.scheme() == Scheme::Rtsps;
        let tls = plan.tls.as_ref().filter(|_| config.connection.encrypted);
        let stream = Socket::new(stream, uri.host(), tls)?;
        Ok(Self {
            stream,
            session: ClientSession::new(Now::read(), uri, config, random),
            partial: Vec::new(),
            text: BytesMut::new(),
            outbound: BytesMut::new(),
            until: None,
            connected: false,
        })
    }

    /// The socket has become writable; `true` when that means that it is now connected.
    pub(super) fn writable(&mut self) -> Result<bool, Broken> {
        if let Some(error) = self.stream.tcp().take_error().ok().flatten() {
            return Err(format!("cannot connect: {error}"));
        }
        if self.connected {
            self.flush()?;
            return Ok(false);
        }
        if self.stream.tcp().peer_addr().is_err() {
            return Ok(false);
        }
        self.connected = true;
        let _ = self.stream.tcp().set_nodelay(true);
        Ok(true)
    }

    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.stream.tcp().local_addr()
    }

    /// Octets that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.outbound.len()
    }

    /// Reads all there is into `memory`, [`READ_BYTES`] long, and tells what it brought.
    pub(super) fn read(
        &mut self,
        memory: &mut [u8],
        mut hear: impl FnMut(&mut Self, Heard<'_>),
    ) -> Result<(), Broken> {
        loop {
            let begun = self.partial.len();
            let (head, room) = memory.split_at_mut(begun);
            head.copy_from_slice(&self.partial);
            let asked = room.len();
            let read = match self.stream.read(room) {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(read) => read,
                // The end of a handshake may be what writing waited for.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return match self.stream.is_sealed() {
                        true => self.flush(),
                        false => Ok(()),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.to_string()),
            };
            self.partial.clear();
            self.take(memory.get(..begun + read).unwrap_or_default(), &mut hear)?;
            if read < asked && !self.stream.is_sealed() {
                return Ok(());
            }
        }
    }

    /// Frames are looked at where they lie; everything else is the session's.
    fn take(
        &mut self,
        mut bytes: &[u8],
        hear: &mut impl FnMut(&mut Self, Heard<'_>),
    ) -> Result<(), Broken> {
        while self.text.is_empty() {
            let [b'$', channel, high, low, behind @ ..] = bytes else {
                break;
            };
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some((packet, next)) = behind.split_at_checked(length) else {
                break;
            };
            hear(self, Heard::Packet(*channel, packet));
            bytes = next;
        }
        let frame = self.text.is_empty() && bytes.first() == Some(&b'$');
        if bytes.is_empty() {
            return Ok(());
        }
        if frame && bytes.len() < usize::from(u16::MAX) + PREFIX {
            self.partial.extend_from_slice(bytes);
            return Ok(());
        }
        self.text.extend_from_slice(bytes);
        let mut text = std::mem::take(&mut self.text);
        self.session.handle(Now::read(), Input::Read(&mut text));
        self.text = text;
        self.settle(hear)
    }

    /// Takes what the session has to say, and writes.
    pub(super) fn settle(
        &mut self,
        hear: &mut impl FnMut(&mut Self, Heard<'_>),
    ) -> Result<(), Broken> {
        loop {
            match self.session.poll() {
                SessionOutput::Write(bytes) => self.outbound.extend_from_slice(&bytes),
                SessionOutput::Event(event) => hear(self, Heard::Event(event)),
                SessionOutput::Frames(run) => {
                    for (channel, packet) in run.iter() {
                        hear(self, Heard::Packet(channel, packet));
                    }
                }
                SessionOutput::Close(reason) => return Err(broken(&reason)),
                SessionOutput::Wait { until } => {
                    self.until = until;
                    return self.flush();
                }
                _ => {}
            }
        }
    }

    /// Does what is due: keep-alives, and giving up what is not answered.
    pub(super) fn tick(
        &mut self,
        now: Now,
        mut hear: impl FnMut(&mut Self, Heard<'_>),
    ) -> Result<(), Broken> {
        if self.until.is_some_and(|until| until <= now.monotonic) {
            self.session.handle(now, Input::Timeout);
            self.settle(&mut hear)?;
        }
        Ok(())
    }

    /// Writes at once as much as the socket takes; the rest waits.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let mut rest = bytes;
        if self.outbound.is_empty() {
            match self.stream.write(bytes) {
                Ok(written) => rest = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        self.outbound.extend_from_slice(rest);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Broken> {
        while !self.outbound.is_empty() {
            match self.stream.write(&self.outbound) {
                Ok(written) => self.outbound.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        match self.stream.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}

fn broken(reason: &CloseReason) -> Broken {
    match reason {
        CloseReason::ByPeer => "the server closed the connection".to_owned(),
        other => format!("{other:?}"),
    }
}
