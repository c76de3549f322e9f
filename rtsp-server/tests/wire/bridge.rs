//! A bridge into TLS: what a peer says in the clear to it, the server hears sealed, and the other way round.

use std::{net::SocketAddr, sync::Arc};

use bytes::{Buf as _, BytesMut};
use rtsp_client::io::tls::{Channel, Fingerprint, Trust};
use rtsp_server::{Config, Identity, Server, ServerHandle, TlsOptions};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::peer::{Peer, within};

/// A server with TLS, on a port of its own and on the one of plain RTSP.
pub(crate) async fn secure_server(change: impl FnOnce(&mut Config)) -> ServerHandle {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".parse().expect("an address")];
    config.threads = 2;
    let mut tls = TlsOptions::new(Identity::SelfSigned {
        names: vec!["localhost".into(), "127.0.0.1".into()],
    });
    tls.listen = config.listen.clone();
    config.tls = Some(tls);
    change(&mut config);
    Server::start(config).await.expect("a server")
}

/// What a client believes that trusts this server alone.
pub(crate) fn trust(server: &ServerHandle) -> Arc<ClientConfig> {
    let fingerprint: Fingerprint = server.fingerprint().expect("TLS");
    Trust::pinned([fingerprint]).config().expect("a trust")
}

/// A connection with TLS.
pub(crate) async fn sealed(
    to: SocketAddr,
    trust: Arc<ClientConfig>,
    buffer: Option<u32>,
) -> (TcpStream, Channel) {
    let socket = TcpSocket::new_v4().expect("a socket");
    if let Some(size) = buffer {
        socket.set_recv_buffer_size(size).expect("a small buffer");
    }
    let stream = socket.connect(to).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut channel = Channel::client(trust, name).expect("a channel");
    within("a handshake", channel.handshake(&stream))
        .await
        .expect("a handshake");
    (stream, channel)
}

/// A peer that speaks TLS with `to`.
pub(crate) async fn peer(server: &ServerHandle, to: SocketAddr) -> Peer {
    bridged(trust(server), to, None).await
}

/// The same with small buffers on the way: what is not read stays with the server.
pub(crate) async fn narrow_peer(server: &ServerHandle, to: SocketAddr) -> Peer {
    bridged(trust(server), to, Some(16 << 10)).await
}

/// The same with whoever is trusted.
pub(crate) async fn bridged(trust: Arc<ClientConfig>, to: SocketAddr, buffer: Option<u32>) -> Peer {
    let near = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (far, channel) = sealed(to, trust, buffer).await;
    let at = near.local_addr().expect("its address");
    let mut peer = match buffer {
        Some(size) => Peer::connect_narrow(at, size).await,
        None => Peer::connect(at).await,
    };
    let (plain, _) = near.accept().await.expect("the peer");
    tokio::spawn(carry(plain, far, channel));
    peer.address = to;
    peer.scheme = "rtsps";
    peer
}

/// Somebody in front of a server that speaks no TLS there, with a certificate of its own, for one connection.
pub(crate) async fn sealing_front(to: SocketAddr) -> (SocketAddr, Fingerprint) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    let fingerprint = Fingerprint::of(made.cert.der());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(rtsp_client::io::tls::provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        let (near, _) = listener.accept().await.expect("it connects");
        let mut channel = Channel::server(Arc::new(config)).expect("a channel");
        channel.handshake(&near).await.expect("a handshake");
        let plain = TcpStream::connect(to).await.expect("a connection");
        carry(plain, near, channel).await;
    });
    (at, fingerprint)
}

/// A connection whose other end comes to the server by TLS.
pub(crate) async fn sealed_stream(server: &ServerHandle, to: SocketAddr) -> TcpStream {
    let near = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (far, channel) = sealed(to, trust(server), None).await;
    let at = near.local_addr().expect("its address");
    let stream = TcpStream::connect(at).await.expect("a connection");
    let (plain, _) = near.accept().await.expect("the peer");
    tokio::spawn(carry(plain, far, channel));
    stream
}

/// Until one of them has closed.
async fn carry(plain: TcpStream, far: TcpStream, mut channel: Channel) {
    let (mut out, mut back) = (BytesMut::new(), BytesMut::new());
    loop {
        match channel.try_read_buf(&far, &mut back) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        while !back.is_empty() {
            match plain.try_write(&back) {
                Ok(count) => back.advance(count),
                Err(_) => {
                    if plain.writable().await.is_err() {
                        return;
                    }
                }
            }
        }
        match plain.try_read_buf(&mut out) {
            Ok(0) => return channel.close(&far),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        while !out.is_empty() {
            match channel.try_write_vectored(&far, &[std::io::IoSlice::new(&out)]) {
                Ok(count) => out.advance(count),
                Err(_) => {
                    if far.writable().await.is_err() {
                        return;
                    }
                }
            }
        }
        while !matches!(channel.try_flush(&far), Ok(true)) {
            if far.writable().await.is_err() {
                return;
            }
        }
        tokio::select! {
            ready = far.readable() => if ready.is_err() { return },
            ready = plain.readable() => if ready.is_err() { return },
        }
    }
}
