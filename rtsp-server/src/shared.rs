//! What all shards of a server share. Nothing in here is touched per packet and reader.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rtsp_session::{random::Random, server::ConnectionConfig};
use tokio::sync::{Notify, mpsc};

use crate::{
    accept::Gatekeeper,
    access::{http::HttpUrlError, verify::Verifier},
    admission::Admission,
    config::Config,
    connection::connection_config,
    exchange::Exchanges,
    handler::AnyHandler,
    io::{tls::Tls, tunnel::Tunnels},
    multicast::Groups,
    places::Places,
    refusals::Refusals,
    shard::{Mail, ShardId},
    source::{self, file::MediaFiles},
    stream::{registry::Registry, slow::SlowCounters},
};

/// Exact counts of what was dropped, by cause.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    foreign_datagrams: AtomicU64,
    overruns: AtomicU64,
    circuit_breakers: AtomicU64,
    failed_handshakes: AtomicU64,
    pub(crate) refusals: Refusals,
    unopened_packets: AtomicU64,
    /// Readers of all streams, also of those that have ended.
    pub(crate) slow: SlowCounters,
}

impl Counters {
    /// A datagram from an address that no session has negotiated.
    pub(crate) fn foreign_datagram(&self) {
        let before = self.foreign_datagrams.fetch_add(1, Ordering::Relaxed);
        if before.is_power_of_two() || before == 0 {
            tracing::debug!(
                count = before + 1,
                "datagrams from addresses that no session has"
            );
        }
    }

    /// A TLS handshake that came to nothing; how many there were, where that is worth a line.
    pub(crate) fn failed_handshake(&self) -> Option<u64> {
        let count = self.failed_handshakes.fetch_add(1, Ordering::Relaxed) + 1;
        (count <= 16 || count.is_power_of_two()).then_some(count)
    }

    /// Packets that SRTP contexts did not let through.
    pub(crate) fn unopened_packets(&self) -> u64 {
        self.unopened_packets.load(Ordering::Relaxed)
    }

    /// A packet of a peer that is not what its SRTP context lets through.
    pub(crate) fn unopened_packet(&self, media: u8, cause: &str) {
        let before = self.unopened_packets.fetch_add(1, Ordering::Relaxed);
        if before.is_power_of_two() || before == 0 {
            // Players open their paths with packets that are none, so a few of them are no reason to worry.
            tracing::info!(
                count = before + 1,
                media,
                cause,
                "packets of SRTP that cannot be opened are dropped"
            );
        }
    }

    /// A reader by UDP that nothing more may be sent to; how many there were.
    pub(crate) fn circuit_breaker(&self) -> u64 {
        self.circuit_breakers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The common ground of a server.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) connection_config: Arc<ConnectionConfig>,
    /// The same, for connections that nobody on the way can read.
    encrypted_config: Arc<ConnectionConfig>,
    pub(crate) verifier: Verifier,
    pub(crate) handler: Arc<dyn AnyHandler>,
    /// The runtime that started the server: embedder's code runs there.
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) registry: Arc<Registry>,
    pub(crate) gatekeeper: Arc<Gatekeeper>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) half_open: Arc<Places>,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) exchanges: Arc<Exchanges>,
    /// Tunnels over HTTP of which the GET is there.
    pub(crate) tunnels: Arc<Tunnels>,
    pub(crate) files: Option<Arc<MediaFiles>>,
    /// Multicast groups, where it is offered.
    pub(crate) groups: Option<Arc<Groups>>,
    pub(crate) counters: Counters,
    /// For each pulled path, who is told that somebody wants it.
    demands: HashMap<String, Arc<Notify>>,
    hasher: RandomState,
    mailboxes: OnceLock<Vec<mpsc::Sender<Mail>>>,
    next_connection: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        handler: Arc<dyn AnyHandler>,
        gatekeeper: Gatekeeper,
        files: Option<Arc<MediaFiles>>,
        tls: Option<Arc<Tls>>,
        random: &mut Random,
    ) -> Result<Self, HttpUrlError> {
        let registry = Arc::new(Registry::new(config.limits.streams));
        let verifier = Verifier::new(&config, random)?;
        let of = |encrypted| Arc::new(connection_config(&config, &verifier, encrypted));
        let (connection_config, encrypted_config) = (of(false), of(true));
        let demands = config
            .pulls
            .iter()
            .map(|pull| (pull.path.clone(), Arc::default()))
            .collect();
        Ok(Self {
            admission: Arc::new(Admission::new(&config.limits)),
            half_open: Places::new(
                config.limits.half_open,
                config.limits.half_open_per_address,
                config.limits.limit_loopback,
            ),
            exchanges: Arc::new(Exchanges::new(&config.limits, tls.clone())),
            tls,
            tunnels: Arc::default(),
            demands,
            hasher: RandomState::new(),
            groups: config.multicast.clone().map(Groups::new),
            config,
            connection_config,
            encrypted_config,
            verifier,
            handler,
            runtime: tokio::runtime::Handle::current(),
            registry,
            gatekeeper: Arc::new(gatekeeper),
            files,
            counters: Counters::default(),
            mailboxes: OnceLock::new(),
            next_connection: AtomicU64::new(1),
        })
    }

    /// The rules of a connection.
    pub(crate) fn connection_config_of(&self, encrypted: bool) -> Arc<ConnectionConfig> {
        Arc::clone(match encrypted {
            true => &self.encrypted_config,
            false => &self.connection_config,
        })
    }

    /// Says where the shards get their mail. Once, before any of them runs.
    pub(crate) fn connect(&self, mailboxes: Vec<mpsc::Sender<Mail>>) {
        let _ = self.mailboxes.set(mailboxes);
    }

    pub(crate) fn mailboxes(&self) -> &[mpsc::Sender<Mail>] {
        self.mailboxes.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn mailbox(&self, shard: ShardId) -> Option<&mpsc::Sender<Mail>> {
        self.mailboxes().get(usize::from(shard.0))
    }

    /// Sends a letter that must not be lost; where the mailbox is full it waits for room on the side.
    pub(crate) fn post(&self, shard: ShardId, letter: Mail) {
        let Some(mailbox) = self.mailbox(shard) else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(letter)) = mailbox.try_send(letter) {
            let mailbox = mailbox.clone();
            self.runtime.spawn(async move {
                let _ = mailbox.send(letter).await;
            });
        }
    }

    /// Asks for a path that is pulled on demand; `false` where there is no such path.
    pub(crate) fn demand(&self, path: &str) -> bool {
        let Some(wanted) = self.demands.get(path) else {
            return false;
        };
        wanted.notify_one();
        true
    }

    /// Whether the server itself serves a path, so that peers cannot publish over it.
    pub(crate) fn is_reserved(&self, path: &str) -> bool {
        let files = self.files.is_some() && path.starts_with(source::FILES);
        files
            || self.demands.contains_key(path)
            || (self.config.demo && path == source::live::DEMO_PATH)
    }

    /// Is told each time somebody asks for a path that is pulled.
    pub(crate) fn demanded(&self, path: &str) -> Option<Arc<Notify>> {
        self.demands.get(path).cloned()
    }

    /// A number for the origin of descriptions: the same for one path as long as the server runs (RFC 8866 §5.2).
    pub(crate) fn session_number(&self, path: &str) -> u64 {
        // Small enough for peers that read it into a signed 32-bit number.
        self.hasher.hash_one(path) >> 33
    }

    /// A shard's mailbox was full when a batch came.
    pub(crate) fn count_overrun(&self, shard: ShardId) {
        let before = self.counters.overruns.fetch_add(1, Ordering::Relaxed);
        if before.is_power_of_two() || before == 0 {
            tracing::warn!(
                shard = shard.0,
                batches = before + 1,
                "a shard cannot keep up: batches for its readers were dropped; they go on at a key frame"
            );
        }
    }

    pub(crate) fn next_connection(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
