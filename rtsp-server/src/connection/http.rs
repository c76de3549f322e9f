//! Who begins with HTTP: RTSP within it, or somebody who is in the wrong place.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::{Buf as _, BytesMut};
use rtsp_session::tunnel::{
    head::{self, Ask, HeadError, WebSocketAsk},
    http, websocket,
};
use tokio::io::Interest;

use super::arrival::{Arrived, FIRST_READ, farewell};
use crate::{
    accept::Permit,
    io::{
        socket::{Sink as _, Socket},
        tunnel::{NoFit, Poster},
        websocket::WebSocket,
    },
    places::Place,
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
    let ask = match whole_head(shard, &mut visitor).await? {
        Ok((ask, len)) => {
            visitor.read.advance(len);
            ask
        }
        Err(error) => return refuse(visitor, error.status(), &error.to_string()).await,
    };
    match ask {
        Ask::Get(cookie) => way_back(shard, visitor, &cookie).await,
        Ask::Post(cookie) => way_forth(shard, visitor, &cookie).await,
        Ask::WebSocket(ask) => switch(shard, visitor, &ask).await,
        _ => refuse(visitor, "404 Not Found", ELSEWHERE).await,
    }
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
) -> io::Result<Result<(Ask, usize), HeadError>> {
    let Visitor { socket, read, .. } = visitor;
    let reading = async {
        loop {
            match head::request(read) {
                Ok(Some(head)) => return Ok(Ok(head)),
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
            let refusals = &shard.shared.counters.refusals;
            refusals.count(Limit::FirstRequest, visitor.peer);
            Err(io::ErrorKind::TimedOut.into())
        }
    }
}

/// A place for one half of a tunnel.
fn place(shard: &Shard, peer: SocketAddr) -> Option<Place> {
    let place = shard.shared.half_open.take(peer.ip());
    if place.is_none() {
        shard.shared.counters.refusals.count(Limit::HalfOpen, peer);
    }
    place
}

/// The GET of a tunnel: it waits for its POST.
async fn way_back(shard: &Shard, visitor: Visitor, cookie: &str) -> io::Result<Option<Arrived>> {
    if !visitor.read.is_empty() {
        let reason = "the POST of a tunnel has a connection of its own";
        return refuse(visitor, "400 Bad Request", reason).await;
    }
    let peer = visitor.peer;
    let Some(place) = place(shard, peer) else {
        let reason = "too many tunnels have one half only";
        return refuse(visitor, "503 Service Unavailable", reason).await;
    };
    let tunnels = &shard.shared.tunnels;
    let Some(tunnel) = tunnels.begin(peer.ip(), cookie, visitor.socket.is_secure()) else {
        let reason = "a tunnel with this cookie is open";
        return refuse(visitor, "400 Bad Request", reason).await;
    };
    let socket = visitor.socket.through(tunnel);
    socket.try_write_vectored(&[io::IoSlice::new(http::OPENED)])?;
    match tokio::time::timeout(patience(shard), socket.joined()).await {
        Ok(joined) => joined?,
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

fn patience(shard: &Shard) -> Duration {
    shard.shared.config.limits.handshake_timeout
}

/// The POST of a tunnel: it goes to its GET, which may still be on its way.
async fn way_forth(shard: &Shard, visitor: Visitor, cookie: &str) -> io::Result<Option<Arrived>> {
    let Visitor { peer, until, .. } = visitor;
    let mut poster = Box::new(Poster {
        socket: visitor.socket,
        body: visitor.read,
        permit: visitor.permit,
    });
    let tunnels = &shard.shared.tunnels;
    let deadline = Instant::now() + patience(shard);
    let mut waits: Option<Place> = None;
    let (no_fit, poster) = loop {
        let mut begun = std::pin::pin!(tunnels.begun.notified());
        begun.as_mut().enable();
        match tunnels.join(peer.ip(), cookie, poster) {
            Ok(()) => return Ok(None),
            Err((NoFit::Orphan, waiting)) => {
                poster = waiting;
                waits = waits.or_else(|| place(shard, peer));
                if waits.is_none()
                    || tokio::time::timeout_at(deadline.into(), begun)
                        .await
                        .is_err()
                {
                    break (NoFit::Orphan, poster);
                }
            }
            Err(other) => break other,
        }
    };
    let (status, reason) = match no_fit {
        NoFit::Orphan if waits.is_some() => {
            shard.shared.counters.refusals.count(Limit::Handshake, peer);
            (
                "404 Not Found",
                "no GET has opened a tunnel with this cookie",
            )
        }
        NoFit::Orphan => (
            "503 Service Unavailable",
            "too many tunnels have one half only",
        ),
        NoFit::Taken => ("400 Bad Request", "the tunnel has a POST"),
        NoFit::Mixed => ("400 Bad Request", "GET and POST use TLS both, or neither"),
    };
    let visitor = Visitor {
        socket: poster.socket,
        read: poster.body,
        peer,
        permit: poster.permit,
        until,
    };
    refuse(visitor, status, reason).await
}

/// A WebSocket begins.
async fn switch(
    shard: &Shard,
    visitor: Visitor,
    ask: &WebSocketAsk,
) -> io::Result<Option<Arrived>> {
    if let Some(origin) = &ask.origin {
        // A page of any site can make a browser ask; whoever is no browser says no origin, or could say any (RFC 6455 §10.2).
        let allowed = &shard.shared.config.websocket_origins;
        if !allowed
            .iter()
            .any(|one| one == "*" || one.eq_ignore_ascii_case(origin))
        {
            tracing::info!(peer = %visitor.peer, ?origin, "a WebSocket of a site that is none of websocket_origins: refused");
            return refuse(visitor, "403 Forbidden", "this site may not use the server").await;
        }
    }
    let socket = visitor.socket;
    socket.try_write_vectored(&[io::IoSlice::new(&websocket::switched(&ask.key))])?;
    let mut arrived = Arrived {
        socket: socket.framed(WebSocket::new(visitor.read)),
        buffer: BytesMut::new(),
        since: shard.now(),
        permit: visitor.permit,
    };
    // What came with the request is not told by the socket any more.
    arrived.socket.unframe(&mut arrived.buffer)?;
    Ok(Some(arrived))
}
