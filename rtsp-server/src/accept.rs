//! Who gets in: listeners, and how many connections they let through.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::net::TcpListener;

use crate::{
    shard::{Mail, ShardId},
    shared::Shared,
};

/// How long accepting pauses when the system has no descriptor left.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Counts connections in all and per address.
#[derive(Debug)]
pub(crate) struct Gatekeeper {
    total: usize,
    per_address: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// The right of one connection to be there; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gatekeeper: Arc<Gatekeeper>,
    address: IpAddr,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Server,
    Address,
}

impl Gatekeeper {
    pub(crate) fn new(total: usize, per_address: usize) -> Self {
        Self {
            total,
            per_address,
            inside: Mutex::default(),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Full> {
        let address = address.to_canonical();
        let mut inside = self.inside();
        if inside.total >= self.total {
            return Err(Full::Server);
        }
        let from_there = inside.addresses.entry(address).or_default();
        if *from_there >= self.per_address && !address.is_loopback() {
            return Err(Full::Address);
        }
        *from_there += 1;
        inside.total += 1;
        Ok(Permit {
            gatekeeper: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inside = self.gatekeeper.inside();
        inside.total = inside.total.saturating_sub(1);
        if let Some(count) = inside.addresses.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inside.addresses.remove(&self.address);
            }
        }
    }
}

/// Binds a listener. IPv6 sockets take IPv6 only, so that both families can have the same port.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        None,
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts for ever, and gives connections to the shards in turn.
pub(crate) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    let shards = shared.mailboxes().len().max(1);
    let mut next = 0_usize;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Those who are there are served on; out of descriptors, it is no use to ask again at once.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        let permit = match shared.gatekeeper.admit(peer.ip()) {
            Ok(permit) => permit,
            Err(full) => {
                tracing::warn!(%peer, limit = ?full, "a connection was refused: the limit is reached");
                continue;
            }
        };
        let Ok(stream) = stream.into_std() else {
            continue;
        };
        next = (next + 1) % shards;
        shared.post(
            ShardId(next as u8),
            Mail::Connection {
                stream,
                peer,
                permit,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_and_permits_come_back() {
        let gatekeeper = Arc::new(Gatekeeper::new(3, 2));
        let (a, b): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let first = gatekeeper.admit(a).unwrap();
        let _second = gatekeeper.admit(a).unwrap();
        assert_eq!(gatekeeper.admit(a).unwrap_err(), Full::Address);
        let _third = gatekeeper.admit(b).unwrap();
        assert_eq!(gatekeeper.admit(b).unwrap_err(), Full::Server);
        drop(first);
        let _fourth = gatekeeper.admit(a).unwrap();
    }

    #[test]
    fn loopback_has_no_limit_of_its_own() {
        let gatekeeper = Arc::new(Gatekeeper::new(10, 1));
        let permits: Vec<_> = (0..10)
            .map(|_| gatekeeper.admit([127, 0, 0, 1].into()).unwrap())
            .collect();
        assert_eq!(permits.len(), 10);
        drop(permits);
        assert!(
            gatekeeper.inside().addresses.is_empty(),
            "addresses are forgotten"
        );
    }
}
