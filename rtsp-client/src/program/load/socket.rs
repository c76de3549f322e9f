//! The socket of a connection of the load, which never waits: as it is, or within TLS.

use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::StreamOwned;
use rustls::pki_types::ServerName;

/// One socket. What is written is on its way once [`Write::flush`] says so.
#[derive(Debug)]
pub(super) enum Socket {
    Plain(TcpStream),
    Sealed(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    /// A socket to `host`, within TLS where there is a configuration for that. The handshake is done by reading and writing.
    pub(super) fn new(
        tcp: TcpStream,
        host: &str,
        tls: Option<&Arc<ClientConfig>>,
    ) -> io::Result<Self> {
        let Some(config) = tls else {
            return Ok(Self::Plain(tcp));
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::other("no certificate can have such a name"))?;
        let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Self::Sealed(Box::new(StreamOwned::new(tls, tcp))))
    }

    /// The system's socket.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Sealed(tls) => &tls.sock,
        }
    }

    /// Whether it is within TLS: then a short read is no sign that nothing is left.
    pub(super) fn is_sealed(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(into),
            Self::Sealed(tls) => tls.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Sealed(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Sealed(tls) => tls.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use mio::Events;
    use mio::Interest;
    use mio::Poll;
    use mio::Token;
    use rtsp_client::io::tls::Fingerprint;
    use rtsp_client::io::tls::Trust;
    use rtsp_client::io::tls::provider;
    use rustls::ServerConfig;
    use rustls::ServerConnection;
    use rustls::pki_types::PrivateKeyDer;

    use super::*;

    /// What comes through: more than buffers on the way hold.
    const OCTETS: usize = 3 << 20;

    /// A server that sends back what it gets, and the fingerprint of its certificate.
    fn echo() -> (std::net::SocketAddr, Fingerprint) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let fingerprint = Fingerprint::of(&certificate);
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for tcp in listener.incoming() {
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(tls, tcp.unwrap());
                let mut piece = vec![0; 1 << 14];
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    if stream.write_all(&piece[..count]).is_err() {
                        break;
                    }
                }
            }
        });
        (address, fingerprint)
    }

    /// Sends octets, and returns those that came back.
    fn exchange(address: std::net::SocketAddr, trust: &Trust) -> io::Result<Vec<u8>> {
        let mut poll = Poll::new()?;
        let mut tcp = TcpStream::connect(address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut tcp, Token(0), interest)?;
        let config = trust.config().map_err(io::Error::other)?;
        let mut socket = Socket::new(tcp, "localhost", Some(&config))?;
        assert!(socket.is_sealed() && socket.tcp().local_addr().is_ok());
        let sent: Vec<u8> = (0..OCTETS).map(|number| (number % 251) as u8).collect();
        let (mut written, mut heard) = (0, Vec::new());
        let mut piece = vec![0; 1 << 16];
        let mut events = Events::with_capacity(8);
        while heard.len() < OCTETS {
            poll.poll(&mut events, Some(Duration::from_secs(30)))?;
            assert!(!events.is_empty(), "{written} sent, {} back", heard.len());
            if socket.tcp().peer_addr().is_err() {
                continue;
            }
            loop {
                let mut done = true;
                match socket.read(&mut piece) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(count) => {
                        heard.extend_from_slice(&piece[..count]);
                        done = false;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
                // No more on the way than both ends hold, so that the echo never waits for us and we for it.
                if written < OCTETS && written - heard.len() < 1 << 16 {
                    match socket.write(&sent[written..OCTETS.min(written + (1 << 14))]) {
                        Ok(count) => {
                            written += count;
                            done = false;
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                if done {
                    break;
                }
            }
            match socket.flush() {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        assert_eq!(heard, sent);
        Ok(heard)
    }

    #[test]
    fn octets_go_through_tls_both_ways_to_who_is_believed_and_to_nobody_else() {
        let (address, fingerprint) = echo();
        assert!(exchange(address, &Trust::pinned([fingerprint])).is_ok());
        let other = Fingerprint::of(b"another certificate");
        let error = exchange(address, &Trust::pinned([other])).unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}
