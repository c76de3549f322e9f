//! One end of a TLS connection over a socket that never blocks.

use std::fmt;
use std::io;
use std::io::BufRead as _;
use std::io::IoSlice;
use std::io::Write as _;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::Connection;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

/// What is sealed and not taken by the socket yet is bounded by this, give or take a record: more is not taken in.
const SEALED_BYTES: usize = 64 << 10;

/// The state of TLS on one connection. The socket is handed in with every call, always the same one.
///
/// Reading follows the rule of tokio's sockets: whoever was not told `WouldBlock` asks again before waiting for the socket. Nothing
/// that was opened is left behind then.
#[derive(Debug)]
pub struct Channel {
    tls: Connection,
}

impl Channel {
    /// The end of a server, before the handshake.
    ///
    /// # Errors
    ///
    /// When the configuration contradicts itself.
    pub fn server(config: Arc<ServerConfig>) -> io::Result<Self> {
        let tls = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Self::new(tls.into()))
    }

    /// The end of a client that expects the server to be `name`, before the handshake.
    ///
    /// # Errors
    ///
    /// When the configuration contradicts itself.
    pub fn client(config: Arc<ClientConfig>, name: ServerName<'static>) -> io::Result<Self> {
        let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Self::new(tls.into()))
    }

    fn new(mut tls: Connection) -> Self {
        tls.set_buffer_limit(Some(SEALED_BYTES));
        Self { tls }
    }

    /// The certificate that the other end has proved to be its own, in DER, once the handshake is done.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.tls.peer_certificates()?.first()
    }

    /// Whether the other end's certificate is valid for `host` too (RFC 7826 §19.2): a connection may be used for another name
    /// only then.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let Some(certificate) = self.peer_certificate() else {
            return false;
        };
        super::trust::names(certificate, host)
    }

    /// Takes octets that somebody else has read from the socket before.
    ///
    /// # Errors
    ///
    /// `InvalidData` when they are no TLS.
    pub fn feed(&mut self, socket: &TcpStream, octets: &mut BytesMut) -> io::Result<()> {
        let mut rest = &octets[..];
        while !rest.is_empty() {
            if self.tls.read_tls(&mut rest)? == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.process(socket)?;
        }
        octets.clear();
        Ok(())
    }

    /// Shakes hands; dropping the future gives up nothing but the handshake.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the other end closes before the end, `InvalidData` with rustls' reason when it is refused or refuses,
    /// else what the system says.
    pub async fn handshake(&mut self, socket: &TcpStream) -> io::Result<()> {
        loop {
            while self.tls.wants_write() {
                if !self.try_flush(socket)? {
                    socket.writable().await?;
                }
            }
            if !self.tls.is_handshaking() {
                return Ok(());
            }
            match self.receive(socket) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.readable().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what has come, opened. 0 is the end: the other end said so, or its connection closed; messages and frames tell where
    /// they end, so that nothing can be cut off unseen.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing is there, `InvalidData` when what came was not sealed by the other end.
    pub fn try_read_buf(&mut self, socket: &TcpStream, into: &mut BytesMut) -> io::Result<usize> {
        loop {
            let mut reader = self.tls.reader();
            match reader.fill_buf() {
                Ok(opened) => {
                    let count = opened.len();
                    into.extend_from_slice(opened);
                    reader.consume(count);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if self.receive(socket)? > 0 && self.tls.wants_write() {
                // An answer of TLS itself: what does not go now goes with what is written next.
                let _ = self.try_flush(socket)?;
            }
        }
    }

    /// Seals octets and writes them. What is returned has been taken in: it may lie sealed in here, until
    /// [`try_flush`](Self::try_flush) says that all is out.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the socket does not take what was sealed before.
    pub fn try_write_vectored(
        &mut self,
        socket: &TcpStream,
        slices: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        if !self.try_flush(socket)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = self.tls.writer().write_vectored(slices)?;
        self.try_flush(socket)?;
        Ok(taken)
    }

    /// Writes what is sealed; `false` when the socket is full.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn try_flush(&mut self, socket: &TcpStream) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Raw(socket)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Tells the other end that nothing follows, as far as that is possible without waiting.
    pub fn close(&mut self, socket: &TcpStream) {
        self.tls.send_close_notify();
        let _ = self.try_flush(socket);
    }

    /// Takes one read of sealed octets in.
    fn receive(&mut self, socket: &TcpStream) -> io::Result<usize> {
        let count = self.tls.read_tls(&mut Raw(socket))?;
        self.process(socket)?;
        Ok(count)
    }

    fn process(&mut self, socket: &TcpStream) -> io::Result<()> {
        match self.tls.process_new_packets() {
            Ok(_) => Ok(()),
            Err(error) => {
                // The alert says why.
                let _ = self.try_flush(socket);
                Err(io::Error::new(io::ErrorKind::InvalidData, Refused(error)))
            }
        }
    }
}

/// Why TLS ended, in the words of whoever ended it.
#[derive(Debug)]
struct Refused(rustls::Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            rustls::Error::InvalidCertificate(CertificateError::Other(why)) => why.0.fmt(f),
            other => other.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

/// A socket as rustls reads and writes it.
struct Raw<'a>(&'a TcpStream);

impl io::Read for Raw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl io::Write for Raw<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.try_write(from)
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
