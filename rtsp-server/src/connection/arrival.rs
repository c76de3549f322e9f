//! The first octets of a connection: what it speaks, and what has to be done before RTSP can begin.

use std::{
    io,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rtsp_client::io::tls::Channel;
use rtsp_session::Now;
use tokio::net::TcpStream;

use super::{Link, http};
use crate::{
    accept::{Door, Permit},
    io::socket::{Sink as _, Socket},
    refusals::Limit,
    shard::Shard,
};

/// The first read of a connection.
pub(super) const FIRST_READ: usize = 4 * 1024;
/// A request line of HTTP that is longer is left to RTSP, which has words for it.
const LONGEST_LINE: usize = 2 * 1024;
/// How long the last words to somebody who is in the wrong place may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Fatal alert `handshake_failure` (RFC 8446 §6): there is no TLS here.
const NO_TLS: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
/// To who speaks RTSP where TLS is expected. No request was read: there is no CSeq to answer with.
const TLS_ONLY: &[u8] =
    b"RTSP/1.0 400 This port speaks TLS only: use rtsps\r\nConnection: close\r\n\r\n";

/// What somebody speaks, by the first octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tongue {
    Rtsp,
    Tls,
    Http,
    /// More octets will tell.
    Unclear,
}

/// A connection that RTSP can begin on.
pub(super) struct Arrived {
    pub(super) socket: Socket,
    /// What was read of it.
    pub(super) buffer: BytesMut,
    /// When the connection came.
    pub(super) since: Now,
    /// Its place among the connections.
    pub(super) permit: Permit,
}

/// Finds out what a connection is and takes it in.
pub(super) async fn run(
    shard: Rc<Shard>,
    tcp: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    door: Door,
) {
    let arrived = match tcp.set_nodelay(true) {
        Ok(()) => arrive(&shard, tcp, peer, door, permit).await,
        Err(error) => Err(error),
    };
    let link = arrived.and_then(|arrived| match arrived {
        Some(arrived) => Link::new(&shard, arrived, peer).map(Some),
        None => Ok(None),
    });
    match link {
        Ok(Some(link)) => {
            let link = Rc::new(link);
            shard.links.borrow_mut().insert(link.id, Rc::clone(&link));
            // A task of its own: what it takes to find out what a connection is would stay with it to its end.
            tokio::task::spawn_local(super::task::run(shard, link));
        }
        Ok(None) => {}
        Err(error) => tracing::debug!(%peer, %error, "a connection was gone before it began"),
    }
}

/// `None` when it was told that it is wrong here, or is part of something else now.
async fn arrive(
    shard: &Shard,
    tcp: TcpStream,
    peer: SocketAddr,
    door: Door,
    permit: Permit,
) -> io::Result<Option<Arrived>> {
    let since = shard.now();
    let until = since.monotonic + shard.shared.config.limits.first_request_timeout;
    let mut buffer = BytesMut::with_capacity(FIRST_READ);
    let mut socket = Socket::plain(tcp);
    let mut tongue = listen(&socket, &mut buffer, until).await?;
    if tongue == Tongue::Tls {
        let Some(sealed) = secure(shard, socket, &mut buffer, peer).await? else {
            return Ok(None);
        };
        socket = sealed;
        tongue = listen(&socket, &mut buffer, until).await?;
    } else if door == Door::Tls {
        // Nothing is ever read here that is not sealed, so whoever was silent for too long is not left to RTSP either.
        if buffer.is_empty() {
            shard
                .shared
                .counters
                .refusals
                .count(Limit::FirstRequest, peer);
        } else {
            tracing::info!(%peer, "somebody speaks without TLS where only TLS is spoken: refused");
            farewell(&socket, TLS_ONLY).await;
        }
        return Ok(None);
    }
    match tongue {
        Tongue::Http => {
            let visitor = http::Visitor {
                socket,
                read: buffer,
                peer,
                permit,
                until,
            };
            http::receive(shard, visitor).await
        }
        // Whoever has said nothing so far is for RTSP to give up: its time has begun with the connection.
        Tongue::Rtsp | Tongue::Tls | Tongue::Unclear => Ok(Some(Arrived {
            socket,
            buffer,
            since,
            permit,
        })),
    }
}

/// Reads until it is clear what somebody speaks, or the time is over.
async fn listen(socket: &Socket, buffer: &mut BytesMut, until: Instant) -> io::Result<Tongue> {
    let listening = async {
        loop {
            let tongue = tongue(buffer, socket.is_plain());
            if tongue != Tongue::Unclear {
                return Ok(tongue);
            }
            buffer.reserve(FIRST_READ);
            match socket.try_read_buf(buffer) {
                Ok(0) if buffer.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                // RTSP has words for what is incomplete.
                Ok(0) => return Ok(Tongue::Rtsp),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.ready(tokio::io::Interest::READABLE).await?;
                }
                Err(error) => return Err(error),
            }
        }
    };
    match tokio::time::timeout_at(until.into(), listening).await {
        Ok(heard) => heard,
        Err(_) => Ok(Tongue::Unclear),
    }
}

/// TLS begins with a record of its handshake (RFC 8446 §5.1); HTTP is told by the end of its first line, because RTSP has methods
/// with the same letters.
fn tongue(heard: &[u8], plain: bool) -> Tongue {
    match heard.first() {
        None => return Tongue::Unclear,
        Some(22) if plain => return Tongue::Tls,
        Some(_) => {}
    }
    let method = |name: &[u8]| heard.iter().zip(name).all(|(a, b)| a == b);
    if !method(b"GET ") && !method(b"POST ") {
        return Tongue::Rtsp;
    }
    match heard.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = heard.get(..end).unwrap_or_default().trim_ascii_end();
            let last = line.rsplit(|byte| *byte == b' ').next();
            match last.is_some_and(|version| version.starts_with(b"HTTP/")) {
                true => Tongue::Http,
                false => Tongue::Rtsp,
            }
        }
        None if heard.len() > LONGEST_LINE => Tongue::Rtsp,
        None => Tongue::Unclear,
    }
}

/// Shakes hands; `None` when that is refused or fails.
async fn secure(
    shard: &Shard,
    socket: Socket,
    buffer: &mut BytesMut,
    peer: SocketAddr,
) -> io::Result<Option<Socket>> {
    let Some(tls) = &shard.shared.tls else {
        tracing::info!(%peer, "somebody begins TLS, which is not set up here: refused");
        farewell(&socket, NO_TLS).await;
        return Ok(None);
    };
    let refusals = &shard.shared.counters.refusals;
    let Some(_half_open) = shard.shared.half_open.take(peer.ip()) else {
        refusals.count(Limit::HalfOpen, peer);
        return Ok(None);
    };
    let mut channel = Channel::server(tls.config.clone())?;
    let shaken = async {
        channel.feed(socket.tcp(), buffer)?;
        channel.handshake(socket.tcp()).await
    };
    let patience = shard.shared.config.limits.handshake_timeout;
    match tokio::time::timeout(patience, shaken).await {
        Ok(Ok(())) => return Ok(Some(socket.seal(channel))),
        Ok(Err(error)) => {
            if let Some(count) = shard.shared.counters.failed_handshake() {
                tracing::info!(%peer, %error, count, "a TLS handshake failed");
            }
        }
        Err(_) => refusals.count(Limit::Handshake, peer),
    }
    Ok(None)
}

/// Says something short, and waits a moment for it to be read: closing with octets unread would take it back (RFC 1122 §4.2.2.13).
pub(super) async fn farewell(socket: &Socket, words: &[u8]) {
    let said = socket.try_write_vectored(&[io::IoSlice::new(words)]);
    let _ = socket.try_flush();
    if said.is_err() {
        return;
    }
    socket.close();
    let _ = socket2::SockRef::from(socket.tcp()).shutdown(std::net::Shutdown::Write);
    let unread = async {
        let mut sink = BytesMut::with_capacity(FIRST_READ);
        loop {
            sink.clear();
            match socket.tcp().try_read_buf(&mut sink) {
                // Who talks as fast as we read would have the shard to itself, past any time.
                Ok(1..) => tokio::task::yield_now().await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if socket.tcp().readable().await.is_err() {
                        return;
                    }
                }
                Ok(0) | Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(FAREWELL, unread).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_stop_talking_leaves_others_their_turns() {
        use std::io::Write as _;

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut talker = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = Socket::plain(listener.accept().await.unwrap().0);
        // As much as the system takes is there before the first read.
        talker.set_nonblocking(true).unwrap();
        let mut said = 0;
        while let Ok(count) = talker.write(&[b'a'; FIRST_READ]) {
            said += count;
        }
        talker.shutdown(std::net::Shutdown::Write).unwrap();
        let mut turns = 0;
        let others = async {
            loop {
                turns += 1;
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = farewell(&socket, b"no") => {}
            () = others => {}
        }
        assert!(
            turns >= said / FIRST_READ,
            "{turns} turns beside {said} octets"
        );
    }

    #[test]
    fn what_is_spoken_is_told_by_the_first_octets_however_they_come() {
        for (first, expected) in [
            (&b"\x16\x03\x01\x02"[..], Tongue::Tls),
            (b"OPTIONS * RTSP/1.0\r\n", Tongue::Rtsp),
            (b"GET_PARAMETER rtsp://h/ RTSP/1.0\r\n", Tongue::Rtsp),
            (b"GET rtsp://h/ RTSP/1.0\r\n", Tongue::Rtsp),
            (b"PLAY rtsp://h/ RTSP/1.0\r\n", Tongue::Rtsp),
            (b"POST /x HTTP/1.0\r\n", Tongue::Http),
            (b"GET /x HTTP/1.1\r\n", Tongue::Http),
            (b"GET / HTTP/1.1\n", Tongue::Http),
            (b"GET /\r\n", Tongue::Rtsp),
            (b"$\x00\x00\x04", Tongue::Rtsp),
        ] {
            let told = (0..=first.len())
                .map(|count| tongue(&first[..count], true))
                .find(|told| *told != Tongue::Unclear);
            assert_eq!(told, Some(expected), "{first:?}");
        }
        assert_eq!(tongue(b"\x16", false), Tongue::Rtsp, "no TLS within TLS");
        assert_eq!(tongue(&[b'G'; LONGEST_LINE], true), Tongue::Rtsp);
        let long = [&b"GET "[..], &[b'/'; LONGEST_LINE]].concat();
        assert_eq!(tongue(&long, true), Tongue::Rtsp);
    }
}
