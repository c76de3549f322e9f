//! Who begins with HTTP: RTSP within it, or somebody who is in the wrong place.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::{Buf as _, BytesMut};
use rtsp_session::tunnel::{
    head::{self, Ask, HeadError, Request},
    http, websocket,
};
use tokio::io::Interest;

use super::arrival::{Arrived, FIRST_READ, farewell};
use crate::{
    accept::Permit,
    io::{
        socket::{self, Sink as _, Socket},
        tunnel::{NoFit, Poster},
        websocket::WebSocket,
    },
    refusals::Limit,
    shard::Shard,
};

/// To a browser.
const ELSEWHERE: &str = "This is an RTSP server. Play its streams with rtsp:// and a player.";

/// Somebody who speaks HTTP.
pub(super) struct Visitor {
    pub(super) socket: Socket,
    /// What was read of it.
    pub(super) read: BytesMut,
    pub(super) peer: SocketAddr,
    pub(super) permit: Permit,
    /// When it has to have asked.
    pub(super) until: Instant,
}

/// Finds out what somebody asks for. `None` when it was refused, or is part of something else now.
pub(super) async fn receive(shard: &Shard, mut visitor: Visitor) -> io::Result<Option<Arrived>> {
    let request = match whole_head(shard, &mut visitor).await? {
        Ok(request) => request,
        Err(error) => {
            match error {
                HeadError::TooLong => count(shard, Limit::HeaderBytes, &visitor),
                HeadError::TooMany => count(shard, Limit::HeaderCount, &visitor),
                _ => {}
            }
            return refuse(visitor, error.status(), &error.to_string()).await;
        }
    };
    visitor.read.advance(request.len);
    if request.ask != Ask::Other && !is_welcome(shard, request.origin.as_deref()) {
        count(shard, Limit::WebSocketOrigins, &visitor);
        tracing::debug!(peer = %visitor.peer, origin = ?request.origin, "a tunnel of a site that is none of websocket_origins: refused");
        return refuse(visitor, "403 Forbidden", "this site may not use the server").await;
    }
    match request.ask {
        Ask::Get(cookie) => way_back(shard, visitor, &cookie).await,
        Ask::Post(cookie) => way_forth(shard, visitor, &cookie).await,
        Ask::WebSocket(key) => switch(shard, visitor, &key),
        _ => refuse(visitor, "404 Not Found", ELSEWHERE).await,
    }
}

fn count(shard: &Shard, limit: Limit, visitor: &Visitor) {
    shard.shared.counters.refusals.count(limit, visitor.peer);
}

/// A page of any site can make a browser ask for a WebSocket, and for all else where a name of its site leads here. Whoever is no browser
/// says no origin, or could say any (RFC 6455 §10.2).
fn is_welcome(shard: &Shard, origin: Option<&str>) -> bool {
    let allowed = &shard.shared.config.websocket_origins;
    origin.is_none_or(|origin| {
        let mut allowed = allowed.iter();
        allowed.any(|one| one == "*" || one.eq_ignore_ascii_case(origin))
    })
}

async fn refuse(visitor: Visitor, status: &str, reason: &str) -> io::Result<Option<Arrived>> {
    tracing::debug!(peer = %visitor.peer, status, reason, "HTTP on the RTSP port: refused");
    farewell(&visitor.socket, &head::refusal(status, reason)).await;
    Ok(None)
}

/// Reads on until the head is whole.
async fn whole_head(
    shard: &Shard,
    visitor: &mut Visitor,
) -> io::Result<Result<Request, HeadError>> {
    let Visitor { socket, read, .. } = visitor;
    let reading = async {
        loop {
            match head::request(read) {
                Ok(Some(request)) => return Ok(Ok(request)),
                Ok(None) => {}
                Err(error) => return Ok(Err(error)),
            }
            read.reserve(FIRST_READ);
            match socket.try_read_buf(read) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.ready(Interest::READABLE).await?;
                }
                Err(error) => return Err(error),
            }
        }
    };
    match tokio::time::timeout_at(visitor.until.into(), reading).await {
        Ok(head) => head,
        Err(_) => {
            count(shard, Limit::FirstRequest, visitor);
            Err(io::ErrorKind::TimedOut.into())
        }
    }
}

/// To one half of a tunnel that cannot be had.
async fn turn_away(shard: &Shard, visitor: Visitor, no_fit: NoFit) -> io::Result<Option<Arrived>> {
    let limit = match no_fit {
        NoFit::Orphan => Limit::Handshake,
        NoFit::Crowded => Limit::HalfOpen,
        NoFit::Taken | NoFit::Mixed | NoFit::InUse => Limit::TunnelHalves,
    };
    count(shard, limit, &visitor);
    refuse(visitor, no_fit.status(), no_fit.reason()).await
}

/// The GET of a tunnel: it waits for its POST.
async fn way_back(shard: &Shard, visitor: Visitor, cookie: &str) -> io::Result<Option<Arrived>> {
    if !visitor.read.is_empty() {
        let reason = "the POST of a tunnel has a connection of its own";
        return refuse(visitor, "400 Bad Request", reason).await;
    }
    let peer = visitor.peer;
    let Some(place) = shard.shared.half_open.take(peer.ip()) else {
        return turn_away(shard, visitor, NoFit::Crowded).await;
    };
    let tunnels = &shard.shared.tunnels;
    let Some(tunnel) = tunnels.begin(peer.ip(), cookie, visitor.socket.is_secure()) else {
        return turn_away(shard, visitor, NoFit::InUse).await;
    };
    let socket = visitor.socket.through(tunnel);
    socket.try_write_vectored(&[io::IoSlice::new(http::OPENED)])?;
    match tokio::time::timeout(patience(shard), socket.joined()).await {
        Ok(joined) => joined.inspect_err(|error| told(shard, peer, error))?,
        Err(_) => {
            shard.shared.counters.refusals.count(Limit::Handshake, peer);
            return Ok(None);
        }
    }
    drop(place);
    Ok(Some(Arrived {
        socket,
        buffer: BytesMut::new(),
        since: shard.now(),
        permit: visitor.permit,
    }))
}

/// Counts what was wrong within a tunnel that ends by it.
pub(super) fn told(shard: &Shard, peer: SocketAddr, error: &io::Error) {
    if let Some(limit) = socket::breach(error) {
        tracing::debug!(%peer, %error, "a tunnel ends");
        shard.shared.counters.refusals.count(limit, peer);
    }
}

fn patience(shard: &Shard) -> Duration {
    shard.shared.config.limits.handshake_timeout
}

/// The POST of a tunnel: it goes to its GET, which may still be on its way.
async fn way_forth(shard: &Shard, visitor: Visitor, cookie: &str) -> io::Result<Option<Arrived>> {
    let peer = visitor.peer;
    let poster = Box::new(Poster {
        socket: visitor.socket,
        body: visitor.read,
        permit: visitor.permit,
    });
    let (no_fit, poster) = match shard.shared.tunnels.join(peer.ip(), cookie, poster) {
        Ok(()) => return Ok(None),
        Err((NoFit::Orphan, poster)) => match wait(shard, peer, cookie, poster).await {
            Ok(()) => return Ok(None),
            Err(alone) => alone,
        },
        Err(other) => other,
    };
    let visitor = Visitor {
        socket: poster.socket,
        read: poster.body,
        peer,
        permit: poster.permit,
        until: visitor.until,
    };
    turn_away(shard, visitor, no_fit).await
}

/// Waits for the GET of a POST that came first.
async fn wait(
    shard: &Shard,
    peer: SocketAddr,
    cookie: &str,
    poster: Box<Poster>,
) -> Result<(), (NoFit, Box<Poster>)> {
    let tunnels = &shard.shared.tunnels;
    let Some(_place) = shard.shared.half_open.take(peer.ip()) else {
        return Err((NoFit::Crowded, poster));
    };
    let Some(awaited) = tunnels.expect(peer.ip(), cookie) else {
        return Err((NoFit::Taken, poster));
    };
    // It may have come in the meantime, and will not be told of again.
    match tunnels.join(peer.ip(), cookie, poster) {
        Err((NoFit::Orphan, poster)) => {
            let _ = tokio::time::timeout(patience(shard), awaited.begun()).await;
            tunnels.join(peer.ip(), cookie, poster)
        }
        joined => joined,
    }
}

/// A WebSocket begins.
fn switch(shard: &Shard, visitor: Visitor, key: &str) -> io::Result<Option<Arrived>> {
    let (peer, socket) = (visitor.peer, visitor.socket);
    socket.try_write_vectored(&[io::IoSlice::new(&websocket::switched(key))])?;
    let mut arrived = Arrived {
        socket: socket.framed(WebSocket::new(visitor.read)),
        buffer: BytesMut::new(),
        since: shard.now(),
        permit: visitor.permit,
    };
    // What came with the request is not told by the socket any more.
    let unframed = arrived.socket.unframe(&mut arrived.buffer);
    unframed.inspect_err(|error| told(shard, peer, error))?;
    Ok(Some(arrived))
}
