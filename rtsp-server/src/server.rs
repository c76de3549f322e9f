//! Starting and stopping a server.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use rtsp_client::io::{tls::Fingerprint, udp::PairPorts};
use rtsp_session::random::Random;
use tokio::sync::mpsc;

use crate::{
    accept::{Door, Gatekeeper},
    access::{http::HttpUrlError, passwords},
    config::{Config, UdpPorts},
    handler::{DefaultHandler, Handler},
    io::{tls::TlsError, udp::ShardPorts},
    listen::{addresses_of, listen, listen_for_tls},
    publisher::Publisher,
    refusals::Limit,
    shard::{MAILBOX, Mail, Shard, ShardId},
    shared::Shared,
    source::{self, file::MediaFiles},
    stream::{registry::PublishError, slow::SlowReaderCounts},
};

/// Descriptors that are kept for what is no connection.
const SPARE_DESCRIPTORS: u64 = 64;
/// Threads of a shard that read files.
const FILE_THREADS: usize = 4;
/// How long shards may take to end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Nothing to listen on.
    #[error("no address to listen on: set `listen`")]
    NoAddress,
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {error}{}", hint(.error))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The UDP ports could not be bound.
    #[error(
        "cannot bind a pair of UDP ports for shard {shard}: {error}; a wider `udp_ports` range may help"
    )]
    UdpPorts {
        /// For which shard.
        shard: usize,
        /// What the system says.
        error: io::Error,
    },
    /// There is no TLS to be had with what was given.
    #[error("no TLS: {0}")]
    Tls(#[from] TlsError),
    /// The directory of files cannot be served.
    #[error("cannot serve files from {directory}: {error}")]
    Files {
        /// Which.
        directory: std::path::PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The hash of a user's password cannot be used.
    #[error("the password of user {user:?}: {problem}")]
    Password {
        /// Whose.
        user: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nobody can be asked about users, or for the keys of their tokens.
    #[error("`check` or `tokens`: {0}")]
    Url(#[from] HttpUrlError),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// The system gave no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program listens there: stop it, or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need privileges: choose a higher one"
        }
        _ => "",
    }
}

/// An RTSP server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Server {}

/// What a running server can carry.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Capacity {
    /// Connections at most.
    pub connections: usize,
    /// Shards, a thread each.
    pub shards: usize,
    /// Datagrams that the system takes in one call; 1 without segmentation offload.
    pub datagrams_per_call: usize,
    /// Connections that the system writes to in one call; 1 without io_uring, or where [`Config::io_uring`] refuses it.
    pub connections_per_call: usize,
}

/// A running server. Dropping it stops the server without a word to its peers: [`shutdown`](Self::shutdown) is kinder.
#[derive(Debug)]
pub struct ServerHandle {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    skipped: Vec<(SocketAddr, io::Error)>,
    capacity: Capacity,
    threads: Vec<thread::JoinHandle<()>>,
    sources: Vec<tokio::task::JoinHandle<()>>,
}

impl Server {
    /// Starts a server that decides by its configuration alone.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<ServerHandle, StartError> {
        Self::start_with(config, DefaultHandler).await
    }

    /// Starts a server with a policy of the embedder's. Call it within a tokio runtime: pulls and the handler's
    /// own work run there, while listeners, connections and media have threads of their own.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start_with(
        config: Config,
        handler: impl Handler,
    ) -> Result<ServerHandle, StartError> {
        let (listeners, mut skipped) = listen(&config.listen)?;
        let (tls, tls_listeners) = listen_for_tls(config.tls.as_ref(), &mut skipped)?;
        let addresses = addresses_of(&listeners);
        let tls_addresses = addresses_of(&tls_listeners);
        let connections = connection_capacity(config.limits.connections);
        let gatekeeper = Gatekeeper::new(connections, &config.limits);
        let files = files(&config)?;
        let mut random = seed()?;
        check_users(&config)?;
        let shards = shard_count(config.threads);
        let shared = Arc::new(Shared::new(
            config,
            Arc::new(handler),
            gatekeeper,
            files,
            tls.map(Arc::new),
            &mut random,
        )?);

        let (threads, (datagrams_per_call, connections_per_call)) = start_shards(
            shards,
            &shared,
            &[&addresses[..], &tls_addresses].concat(),
            &mut random,
        )
        .await?;
        let capacity = Capacity {
            connections,
            shards,
            datagrams_per_call,
            connections_per_call,
        };
        let mut handle = ServerHandle {
            shared,
            addresses,
            tls_addresses,
            skipped,
            capacity,
            threads,
            sources: Vec::new(),
        };
        // Whoever comes first finds what is always there.
        handle.start_sources(&mut random);
        for (listeners, door) in [(listeners, Door::Any), (tls_listeners, Door::Tls)] {
            for listener in listeners {
                let begun = handle.listen(listener, door).await;
                begun.map_err(StartError::Thread)?;
            }
        }
        if let Some(tls) = &handle.shared.tls {
            handle.sources.push(tokio::spawn(Arc::clone(tls).reload()));
        }
        Ok(handle)
    }
}

/// The right to publish, to hand to tasks of the server's own.
#[derive(Clone, Debug)]
pub(crate) struct Publishing(Arc<Shared>);

impl Publishing {
    pub(crate) fn publish(
        &self,
        path: &str,
        description: sdp::Description,
    ) -> Result<Publisher, PublishError> {
        Publisher::new(Arc::clone(&self.0), path, description)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl ServerHandle {
    /// Where it listens, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens for TLS and nothing else.
    #[must_use]
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// What the certificate that it shows now is named by; `None` without TLS.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.shared.tls.as_ref()?.fingerprint()
    }

    /// Addresses that were asked for and could not be had: IPv6 where the system has none.
    pub fn skipped(&self) -> impl Iterator<Item = (SocketAddr, &io::Error)> {
        self.skipped
            .iter()
            .map(|(address, error)| (*address, error))
    }

    /// What it can carry.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// How many streams it has.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.shared.registry.len()
    }

    /// How often a limit was met since the server began.
    #[must_use]
    pub fn refused(&self, limit: Limit) -> u64 {
        self.shared.counters.refusals.of(limit)
    }

    /// What became of readers that were too slow, since the server began.
    #[must_use]
    pub fn slow_readers(&self) -> SlowReaderCounts {
        self.shared.counters.slow.read()
    }

    /// What became of readers of `path` that were too slow, since its stream began; `None` where there is no stream.
    #[must_use]
    pub fn slow_readers_of(&self, path: &str) -> Option<SlowReaderCounts> {
        let stream = self.shared.registry.find(path)?;
        Some(stream.slow.read())
    }

    /// Packets of SRTP that were dropped since the start, because they are not sealed with the key of their peer or were here before.
    #[must_use]
    pub fn unopened_packets(&self) -> u64 {
        self.shared.counters.unopened_packets()
    }

    /// Makes `path` (with its leading `/`) a stream that this process feeds.
    ///
    /// # Errors
    ///
    /// When the path is taken, or the description has no media or too many.
    pub fn publish(
        &self,
        path: &str,
        description: sdp::Description,
    ) -> Result<Publisher, PublishError> {
        self.publishing().publish(path, description)
    }

    fn publishing(&self) -> Publishing {
        Publishing(Arc::clone(&self.shared))
    }

    /// The description of a live path, to be delivered by other ways than RTSP (a page, a mail): its controls are absolute, `base`
    /// is the URL under which readers find the path (RFC 7826 §D.5). `None` where nobody publishes.
    #[must_use]
    pub fn description(&self, path: &str, base: &str) -> Option<String> {
        let stream = self.shared.registry.find(path)?;
        let local = self.shared.config.listen.first()?.ip().to_canonical();
        let origin = sdp::Origin::new(self.shared.session_number(path), 1, local);
        let described = stream.description.for_describe(origin, Some("npt=now-"));
        Some(described.for_delivery(base).encode())
    }

    /// Takes no new sessions, and lets those go that read: to the same path on `target` (`rtsp://host:port`) by REDIRECT, or, without
    /// one, by TEARDOWN with the reason; peers of RTSP/1.0, which has no such TEARDOWN, by BYE and the end of the connection.
    /// New requests for media are sent to `target` by 302, or answered 503. Who came by TLS is sent there by `rtsps`.
    ///
    /// Returns when nobody reads any more, or after a while. Publishers stay until [`shutdown`](Self::shutdown).
    ///
    /// # Errors
    ///
    /// When `target` is no URI; nothing is changed then.
    pub async fn drain(&self, target: Option<&str>) -> Result<(), rtsp_msg::UriError> {
        let target = target.map(rtsp_msg::Uri::parse).transpose()?;
        self.let_go(target, None).await;
        Ok(())
    }

    /// Sends everybody to the same path on `target` (`rtsp://host:port`): new requests for media at once, by 302; those that read
    /// until `at`, of which a REDIRECT tells them now (RFC 7826 §13.10). Who still reads then is let go as by [`drain`](Self::drain)
    /// without a target. Who does not answer the REDIRECT is let go before, but in RTSP/1.0, where FFmpeg does not while it plays.
    /// `at` counts in whole seconds, a fraction as one more.
    ///
    /// Returns when nobody reads any more, or a while after `at`. Publishers stay until [`shutdown`](Self::shutdown).
    ///
    /// # Errors
    ///
    /// When `target` is no URI; nothing is changed then.
    pub async fn redirect(&self, target: &str, at: SystemTime) -> Result<(), rtsp_msg::UriError> {
        let target = rtsp_msg::Uri::parse(target)?;
        self.let_go(Some(target), Some(whole_second(at))).await;
        Ok(())
    }

    async fn let_go(&self, target: Option<rtsp_msg::Uri>, at: Option<SystemTime>) {
        self.shared.admission.drain(target.clone());
        let target = target.map(Arc::new);
        for mailbox in self.shared.mailboxes() {
            let target = target.clone();
            let _ = mailbox.send(Mail::Drain { target, at }).await;
        }
        let until = at.and_then(|at| at.duration_since(SystemTime::now()).ok());
        let patience = match until {
            Some(until) => until + SHUTDOWN_PATIENCE,
            None => self.shared.connection_config.answer_timeout + SHUTDOWN_PATIENCE,
        };
        if tokio::time::timeout(patience, self.shared.admission.without_readers())
            .await
            .is_err()
        {
            tracing::warn!("some readers could not be moved in time");
        }
    }

    /// Stops: no new connections, a BYE to every reader, an end to every session; returns when all is out, or after a
    /// few seconds.
    pub async fn shutdown(mut self) {
        self.stop_sources();
        for mailbox in self.shared.mailboxes() {
            let _ = mailbox.send(Mail::Shutdown).await;
        }
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        if tokio::time::timeout(SHUTDOWN_PATIENCE, joined)
            .await
            .is_err()
        {
            tracing::warn!("a shard did not end in time");
        }
    }

    /// Lets the first shard accept connections.
    async fn listen(&self, listener: std::net::TcpListener, door: Door) -> io::Result<()> {
        let (begun, told) = tokio::sync::oneshot::channel();
        let letter = Mail::Listen {
            listener,
            door,
            begun,
        };
        self.shared.post(ShardId(0), letter);
        told.await
            .unwrap_or_else(|_| Err(io::Error::other("a shard ended as it began")))
    }

    /// Starts what feeds paths from within: the built-in clip, and pulls.
    fn start_sources(&mut self, random: &mut Random) {
        if self.shared.config.demo {
            let task = source::live::demo(&self.publishing(), random.fork());
            self.sources.extend(task.map(tokio::spawn));
        }
        for pull in self.shared.config.pulls.clone() {
            let task = source::pull::run(self.publishing(), pull, random.fork());
            self.sources.push(tokio::spawn(task));
        }
    }

    fn stop_sources(&mut self) {
        for task in self.sources.drain(..) {
            task.abort();
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop_sources();
        for mailbox in self.shared.mailboxes() {
            let _ = mailbox.try_send(Mail::Shutdown);
        }
    }
}

/// The time itself, or the next whole second after it: what peers are told has no fractions.
fn whole_second(at: SystemTime) -> SystemTime {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Raises the descriptor limit and says how many connections it leaves room for.
fn connection_capacity(wanted: usize) -> usize {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => {
            tracing::warn!(%error, "the descriptor limit could not be raised");
            rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
        }
    };
    let room = usize::try_from(limit.saturating_sub(SPARE_DESCRIPTORS))
        .unwrap_or(usize::MAX)
        .max(1);
    if wanted == 0 { room } else { wanted.min(room) }
}

fn files(config: &Config) -> Result<Option<Arc<MediaFiles>>, StartError> {
    config
        .files
        .as_ref()
        .map(|directory| {
            MediaFiles::new(directory)
                .map(Arc::new)
                .map_err(|error| StartError::Files {
                    directory: directory.clone(),
                    error,
                })
        })
        .transpose()
}

/// Hashed passwords have to be good, and their users have to have a way to prove them.
fn check_users(config: &Config) -> Result<(), StartError> {
    let hashed = config.users.iter();
    for user in hashed.filter(|user| passwords::is_hash(&user.password)) {
        passwords::check(&user.password).map_err(|problem| StartError::Password {
            user: user.username.clone(),
            problem,
        })?;
        if !config.cleartext_passwords && !config.encrypts() {
            tracing::warn!(
                user = user.username,
                "this user cannot log in: a hashed password is proved by Basic only, which needs TLS, or `cleartext_passwords`"
            );
        }
    }
    if config.asks_others() && !config.cleartext_passwords && !config.encrypts() {
        tracing::warn!(
            "nobody whom `check` or `tokens` know can log in: that shows passwords and tokens, and needs TLS, or `cleartext_passwords`"
        );
    }
    if (config.has_hashed_users() || config.asks_others()) && config.cleartext_passwords {
        tracing::warn!(
            "all users are asked for their passwords in the clear where there is no TLS, because some cannot be proved by Digest"
        );
    }
    Ok(())
}

fn seed() -> Result<Random, StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError::Random(error.to_string()))?;
    Ok(Random::from_seed(seed))
}

fn shard_count(threads: usize) -> usize {
    let wanted = if threads == 0 {
        thread::available_parallelism().map_or(1, usize::from)
    } else {
        threads
    };
    wanted.clamp(1, 255)
}

/// Datagrams, and connections, that one call serves.
type PerCall = (usize, usize);

/// Starts all shards; their threads, and what one call serves on all of them.
async fn start_shards(
    count: usize,
    shared: &Arc<Shared>,
    listen: &[SocketAddr],
    random: &mut Random,
) -> Result<(Vec<thread::JoinHandle<()>>, PerCall), StartError> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(MAILBOX)).unzip();
    shared.connect(senders);
    let mut threads = Vec::with_capacity(count);
    let mut per_call = (usize::MAX, usize::MAX);
    let ports = shared.config.udp_ports;
    for (index, mailbox) in receivers.into_iter().enumerate() {
        let started = start_shard(index, shared, listen, ports, random.fork(), mailbox).await?;
        let (thread, (datagrams, connections)) = started;
        per_call = (per_call.0.min(datagrams), per_call.1.min(connections));
        threads.push(thread);
    }
    Ok((threads, per_call))
}

/// Starts one shard; its thread, and what one call of it serves.
async fn start_shard(
    index: usize,
    shared: &Arc<Shared>,
    listen: &[SocketAddr],
    ports: UdpPorts,
    random: Random,
    mailbox: mpsc::Receiver<Mail>,
) -> Result<(thread::JoinHandle<()>, PerCall), StartError> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let shared = Arc::clone(shared);
    let listen = listen.to_vec();
    let media_address = shared.config.media_address;
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(FILE_THREADS)
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(tell.send(Err(StartError::Thread(error)))),
        };
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let ports = match ports {
                UdpPorts::Ephemeral => PairPorts::Ephemeral,
                UdpPorts::Range(first, last) => PairPorts::Between(first, last),
            };
            let addresses: Vec<_> = match media_address {
                Some(address) => vec![address],
                None => listen.iter().map(SocketAddr::ip).collect(),
            };
            match ShardPorts::bind(&addresses, ports) {
                Err(error) => drop(tell.send(Err(StartError::UdpPorts {
                    shard: index,
                    error,
                }))),
                Ok(ports) => {
                    let shard = Shard::new(ShardId(index as u8), shared, ports, random);
                    let _ = tell.send(Ok(shard.per_call()));
                    shard.run(mailbox).await;
                }
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
    };
    let thread = thread::Builder::new()
        .name(format!("shard-{index}"))
        .spawn(body)
        .map_err(StartError::Thread)?;
    let per_call = told.await.unwrap_or_else(|_| {
        Err(StartError::Thread(io::Error::other(
            "a shard ended as it began",
        )))
    })?;
    Ok((thread, per_call))
}
