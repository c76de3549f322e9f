//! Peers whose connection goes within something else: what they say is carried over it by the other end of theirs.

use std::net::SocketAddr;

use rtsp_server::ServerHandle;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};

use crate::{
    bridge::sealed_stream,
    peer::{Peer, within},
    source::{Source, Track, address, av},
};

/// A connection to the server; by TLS if it has that.
pub(crate) async fn connect(server: &ServerHandle) -> TcpStream {
    let stream = match server.tls_addresses().first() {
        Some(secure) => sealed_stream(server, *secure).await,
        None => TcpStream::connect(address(server))
            .await
            .expect("a connection"),
    };
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// A connection that takes little that is not read.
async fn narrow(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16 << 10).expect("small");
    socket.connect(to).await.expect("a connection")
}

/// Everything up to the end of a head, and not an octet of what follows.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let octet = within("a head", stream.read_u8()).await;
        read.push(octet.expect("an answer"));
    }
    String::from_utf8(read).expect("text")
}

pub(crate) fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in octets.chunks(3) {
        let group = three
            .iter()
            .fold(0, |all, octet| all << 8 | u32::from(*octet));
        let group = group << (8 * (3 - three.len()));
        for digit in 0..=three.len() {
            let digit = group >> (18 - 6 * digit) & 63;
            text.push(char::from(DIGITS[digit as usize]));
        }
        text += &"=="[..3 - three.len()];
    }
    text
}

/// What QuickTime says, as its document has it.
pub(crate) fn get(cookie: &str) -> String {
    format!(
        "GET /live HTTP/1.0\r\nUser-Agent: QTS (qtver=4.1;cpu=PPC;os=Mac 8.6)\r\nx-sessioncookie: {cookie}\r\n\
         Accept: application/x-rtsp-tunnelled\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\r\n"
    )
}

pub(crate) fn post(cookie: &str) -> String {
    format!(
        "POST /live HTTP/1.0\r\nUser-Agent: QTS (qtver=4.1;cpu=PPC;os=Mac 8.6)\r\nx-sessioncookie: {cookie}\r\n\
         Content-Type: application/x-rtsp-tunnelled\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
         Content-Length: 32767\r\nExpires: Sun, 9 Jan 1972 00:00:00 GMT\r\n\r\n"
    )
}

/// A connection of its own to say something on.
pub(crate) async fn say(server: &ServerHandle, words: &str) -> TcpStream {
    let mut stream = connect(server).await;
    stream.write_all(words.as_bytes()).await.expect("said");
    stream
}

/// A tunnel: its GET, which is answered, and its POST.
pub(crate) async fn open(server: &ServerHandle, cookie: &str) -> (TcpStream, TcpStream) {
    let mut get = say(server, &get(cookie)).await;
    let answer = head(&mut get).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.contains("application/x-rtsp-tunnelled"), "{answer}");
    (get, say(server, &post(cookie)).await)
}

/// A peer and the end of what it says.
async fn peer(server: &ServerHandle) -> (Peer, TcpStream) {
    let near = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = near.local_addr().expect("its address");
    let mut peer = Peer::connect_narrow(at, 16 << 10).await;
    let (plain, _) = near.accept().await.expect("the peer");
    peer.address = address(server);
    if let Some(secure) = server.tls_addresses().first() {
        peer.address = *secure;
        peer.scheme = "rtsps";
    }
    (peer, plain)
}

/// A peer in a tunnel over HTTP.
pub(crate) async fn over_http(server: &ServerHandle, cookie: &str) -> Peer {
    let (get, post) = open(server, cookie).await;
    let (peer, plain) = peer(server).await;
    let (mut said, mut heard) = plain.into_split();
    let (mut get, mut post) = (get, post);
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = said.read(&mut buffer).await {
            let text = base64(&buffer[..count]);
            if post.write_all(text.as_bytes()).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move { tokio::io::copy(&mut get, &mut heard).await });
    peer
}

/// A peer on a WebSocket.
pub(crate) async fn over_websocket(server: &ServerHandle) -> Peer {
    websocket_peer(server, connect(server).await).await
}

/// The same; what is not read stays with the server.
pub(crate) async fn over_narrow_websocket(server: &ServerHandle) -> Peer {
    websocket_peer(server, narrow(address(server)).await).await
}

async fn websocket_peer(server: &ServerHandle, mut stream: TcpStream) -> Peer {
    switch(&mut stream).await;
    let (peer, plain) = peer(server).await;
    let (mut said, mut heard) = plain.into_split();
    let (mut inward, mut outward) = stream.into_split();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = said.read(&mut buffer).await {
            let frame = masked(0x82, &buffer[..count]);
            if outward.write_all(&frame).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((0x82, payload)) = frame(&mut inward).await {
            if heard.write_all(&payload).await.is_err() {
                break;
            }
        }
    });
    peer
}

/// What a publisher sends reaches these readers, and one who comes without a tunnel, as it is.
pub(crate) async fn media_reach(
    server: &ServerHandle,
    publisher: Peer,
    readers: impl IntoIterator<Item = Peer>,
) {
    let mut source = Source::tcp_on(publisher, "/live", &av()).await;
    let mut track = Track::video();
    let first = track.key(1000);
    source.send_all(&[(0, first.clone())]).await;
    let mut readers = Vec::from_iter(readers);
    readers.push(Peer::connect(address(server)).await);
    for reader in &mut readers {
        let uri = reader.uri("/live");
        reader.ask("DESCRIBE", &uri, "").await.expect(200);
        reader.play_tcp("/live", 2).await;
        assert_eq!(reader.frame_on(0).await, first);
    }
    for size in [100, 5_000, 60_000] {
        let packet = track.key(size);
        source.send(0, &packet).await;
        for reader in &mut readers {
            assert!(reader.frame_on(0).await == packet);
        }
    }
    // Requests are answered between the frames.
    for reader in &mut readers {
        let uri = reader.uri("/live");
        reader.ask("TEARDOWN", &uri, "").await.expect(200);
    }
}

/// A frame of somebody who has asked for the WebSocket.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0xa5, 0x01, 0x7f, 0xfe];
    let mut wire = vec![first];
    match payload.len() {
        len @ ..=125 => wire.push(0x80 | len as u8),
        len @ ..=65_535 => {
            wire.push(0x80 | 126);
            wire.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            wire.push(0x80 | 127);
            wire.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    wire.extend_from_slice(&KEY);
    wire.extend(
        payload
            .iter()
            .zip(KEY.iter().cycle())
            .map(|(octet, key)| octet ^ key),
    );
    wire
}

/// The next frame of the server: its first octet and its payload. `None` at the end.
pub(crate) async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let first = stream.read_u8().await.ok()?;
    let len = match stream.read_u8().await.ok()? {
        126 => stream.read_u16().await.ok()?.into(),
        127 => stream.read_u64().await.ok()?,
        len => {
            assert!(len < 126, "a server does not mask");
            len.into()
        }
    };
    let mut payload = vec![0; usize::try_from(len).expect("a length")];
    stream.read_exact(&mut payload).await.ok()?;
    Some((first, payload))
}

/// Says the example of ONVIF's document (Streaming §7.3.1) and hears what that says to it.
pub(crate) async fn switch(stream: &mut TcpStream) {
    let asked = "GET /live HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(asked.as_bytes()).await.expect("said");
    let answer = head(stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    for line in [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Sec-WebSocket-Protocol: rtsp.onvif.org",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{answer}");
    }
}
