//! Who gets in: listeners, and how many connections they let through.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use rtsp_session::server::Guesses;
use tokio::net::TcpListener;

use crate::{
    access::failures::{Cost, Failures},
    config::Limits,
    connection,
    refusals::Limit,
    shard::{Mail, Shard, ShardId},
};

/// How long accepting pauses when the system has no descriptor left.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// Requests for so much time may come at once.
const AT_ONCE: Duration = Duration::from_secs(5);
/// What would have to wait for longer is refused.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Counts connections in all and per address, and what each address guesses.
#[derive(Debug)]
pub(crate) struct Gatekeeper {
    total: usize,
    per_address: usize,
    limit_loopback: bool,
    failures: Failures,
    /// Time that each request of an address has; none without a bound.
    request_time: Option<Duration>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    /// Those that have connections.
    addresses: HashMap<IpAddr, Visitor>,
}

/// What is known of one address.
#[derive(Debug, Default)]
struct Visitor {
    connections: usize,
    guesses: Guesses,
    /// When the requests that came so far would all have had their time.
    paced: Option<Instant>,
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
    /// Too many wrong credentials came from its address.
    Banned,
}

impl Full {
    fn limit(self) -> Limit {
        match self {
            Self::Server => Limit::Connections,
            Self::Address => Limit::ConnectionsPerAddress,
            Self::Banned => Limit::Failures,
        }
    }
}

impl Gatekeeper {
    pub(crate) fn new(total: usize, limits: &Limits) -> Self {
        Self {
            total,
            per_address: limits.connections_per_address,
            limit_loopback: limits.limit_loopback,
            failures: Failures::new(limits),
            request_time: Duration::from_secs(1).checked_div(limits.requests_per_second),
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
        if self.failures.is_banned(address, Instant::now()) {
            return Err(Full::Banned);
        }
        let mut inside = self.inside();
        if inside.total >= self.total {
            return Err(Full::Server);
        }
        let visitor = inside.addresses.entry(address).or_default();
        if visitor.connections >= self.per_address && self.limits(address) {
            return Err(Full::Address);
        }
        visitor.connections += 1;
        inside.total += 1;
        Ok(Permit {
            gatekeeper: Arc::clone(self),
            address,
        })
    }
}

impl Gatekeeper {
    /// Whether what holds for one address holds for this one.
    fn limits(&self, address: IpAddr) -> bool {
        self.limit_loopback || !address.is_loopback()
    }
}

impl Permit {
    /// One more request of its peer: how long it has to wait for its turn, or `None` where that would be too long.
    pub(crate) fn request(&self, now: Instant) -> Option<Duration> {
        let free = Some(Duration::ZERO);
        let Some(time) = self.gatekeeper.request_time else {
            return free;
        };
        if !self.gatekeeper.limits(self.address) {
            return free;
        }
        let mut inside = self.gatekeeper.inside();
        let Some(visitor) = inside.addresses.get_mut(&self.address) else {
            return free;
        };
        let paced = visitor.paced.map_or(now, |paced| paced.max(now)) + time;
        let wait = paced.saturating_duration_since(now + AT_ONCE);
        if wait > LONGEST_WAIT {
            return None;
        }
        visitor.paced = Some(paced);
        Some(wait)
    }

    /// Its peer has shown wrong credentials. What that costs.
    pub(crate) fn failed(&self, now: Instant) -> Cost {
        self.gatekeeper.failures.failed(self.address, now)
    }

    /// Whether too many wrong credentials came from its address.
    pub(crate) fn is_banned(&self, now: Instant) -> bool {
        self.gatekeeper.failures.is_banned(self.address, now)
    }

    /// Its peer has named a session that is not there, or not its own. How long the answer is held back.
    pub(crate) fn guessed(&self, now: Instant) -> Duration {
        let mut inside = self.gatekeeper.inside();
        let Some(visitor) = inside.addresses.get_mut(&self.address) else {
            return Duration::ZERO;
        };
        let guess = visitor.guesses.one_more(now);
        if guess.is_news {
            tracing::warn!(
                address = %self.address, requests = guess.count,
                "requests for sessions that are not there, or not this peer's: session ids may be being guessed"
            );
        }
        match self.gatekeeper.limits(self.address) {
            true => guess.pause,
            false => Duration::ZERO,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inside = self.gatekeeper.inside();
        inside.total = inside.total.saturating_sub(1);
        if let Some(visitor) = inside.addresses.get_mut(&self.address) {
            visitor.connections = visitor.connections.saturating_sub(1);
            if visitor.connections == 0 {
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

/// What a listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Whatever it is, by its first octets.
    Any,
    /// TLS only.
    Tls,
}

/// Accepts for ever, and gives connections to the shards in turn. It runs on a shard itself: where there is but one, a connection
/// wakes one thread and not two.
pub(crate) async fn run(shard: Rc<Shard>, listener: TcpListener, door: Door) {
    let shared = &shard.shared;
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
                shared.counters.refusals.count(full.limit(), peer);
                continue;
            }
        };
        next = (next + 1) % shards;
        let its = ShardId(next as u8);
        if its == shard.id {
            connection::spawn(&shard, stream, peer, permit, door);
        } else if let Ok(stream) = stream.into_std() {
            let letter = Mail::Connection {
                stream,
                peer,
                permit,
                door,
            };
            shared.post(its, letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gatekeeper(total: usize, per_address: usize, limit_loopback: bool) -> Arc<Gatekeeper> {
        let limits = Limits {
            connections_per_address: per_address,
            limit_loopback,
            ..Limits::default()
        };
        Arc::new(Gatekeeper::new(total, &limits))
    }

    #[test]
    fn limits_hold_and_permits_come_back() {
        let gatekeeper = gatekeeper(3, 2, false);
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
    fn requests_of_an_address_are_paced_over_all_its_connections_and_others_are_not() {
        let limits = Limits {
            requests_per_second: 10,
            ..Limits::default()
        };
        let gatekeeper = Arc::new(Gatekeeper::new(100, &limits));
        let (a, b) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let permits: Vec<_> = (0..5).map(|_| gatekeeper.admit(a).unwrap()).collect();
        let now = Instant::now();
        let waits: Vec<_> = (0..200)
            .map(|number| permits[number % 5].request(now))
            .collect();
        assert!(waits[..50].iter().all(|wait| *wait == Some(Duration::ZERO)));
        assert_eq!(waits[59], Some(Duration::from_secs(1)));
        assert_eq!(waits[149], Some(Duration::from_secs(10)));
        assert!(waits[150..].iter().all(Option::is_none));
        let other = gatekeeper.admit(b).unwrap();
        assert_eq!(other.request(now), Some(Duration::ZERO));
        let own = gatekeeper.admit([127, 0, 0, 1].into()).unwrap();
        assert!((0..200).all(|_| own.request(now) == Some(Duration::ZERO)));
        let later = now + Duration::from_secs(20);
        assert_eq!(permits[0].request(later), Some(Duration::ZERO));
    }

    #[test]
    fn loopback_has_no_limit_of_its_own_unless_it_is_to() {
        let open = gatekeeper(10, 1, false);
        let loopback: IpAddr = [127, 0, 0, 1].into();
        let permits: Vec<_> = (0..10).map(|_| open.admit(loopback).unwrap()).collect();
        assert_eq!(permits.len(), 10);
        drop(permits);
        assert!(
            open.inside().addresses.is_empty(),
            "addresses are forgotten"
        );
        let strict = gatekeeper(10, 1, true);
        let _one = strict.admit(loopback).unwrap();
        assert_eq!(strict.admit(loopback).unwrap_err(), Full::Address);
    }

    #[test]
    fn r2_sec_06_guesses_count_for_an_address_over_all_its_connections() {
        let gatekeeper = gatekeeper(100, 100, false);
        let now = Instant::now();
        let guesser = [192, 0, 2, 1].into();
        let _stays = gatekeeper.admit(guesser).unwrap();
        let held_back: Vec<_> = (0..40)
            .map(|_| gatekeeper.admit(guesser).unwrap().guessed(now))
            .collect();
        assert_eq!(held_back[0], Duration::ZERO, "one mistake costs nothing");
        assert!(held_back[39] > held_back[20] && held_back[20] > Duration::ZERO);
        let other = gatekeeper.admit([192, 0, 2, 2].into()).unwrap();
        assert_eq!(other.guessed(now), Duration::ZERO);
        let own = gatekeeper.admit([127, 0, 0, 1].into()).unwrap();
        assert!((0..40).all(|_| own.guessed(now).is_zero()));
    }
}
