//! How a server is set up.

pub(crate) mod provers;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use rtsp_client::io::tls::{Fingerprint, Trust, TrustError};
use rtsp_session::auth::Credentials;

pub use self::provers::{HttpCheck, Tokens};
use crate::access::{passwords, permission::Permission};

mod multicast;

pub use multicast::{GroupRange, Multicast, NotGroups};

/// The port that the server listens on unless told otherwise. The registered one, 554, needs privileges.
pub const DEFAULT_PORT: u16 = 8554;

/// The port for TLS unless told otherwise. The registered one, 322 (RFC 7826 §22.14), needs privileges.
pub const DEFAULT_TLS_PORT: u16 = 8322;

/// Everything that a server can be told. Made with [`Default`] and then changed.
///
/// ```
/// let mut config = rtsp_server::Config::default();
/// config.listen = vec!["127.0.0.1:0".parse()?];
/// config.threads = 1;
/// # Ok::<_, std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// With which certificate TLS is spoken, and where nothing else is; `None`: there is no TLS. Where it is, whoever begins TLS on
    /// an address of [`listen`](Self::listen) gets it there too.
    pub tls: Option<TlsOptions>,
    /// Shards, a thread each; 0 means one per core.
    pub threads: usize,
    /// Send to many connections, or datagrams to many peers, in one call by io_uring where the system has it and lets us; else,
    /// and without this, each connection has a call of its own, and 64 peers one together. Which it is, [`Capacity`](crate::Capacity) says.
    pub io_uring: bool,
    /// The ports that RTP and RTCP over UDP use.
    pub udp_ports: UdpPorts,
    /// The one address that datagrams leave from and are taken at; peers of another family get none. `None`: the address that
    /// each peer reached the server at.
    pub media_address: Option<IpAddr>,
    /// Serve the movies of this directory below `/files/`.
    pub files: Option<PathBuf>,
    /// Serve the built-in clip at `/demo`.
    pub demo: bool,
    /// Who may prove to be whom. A password that begins with `$argon2id$` is its hash in PHC form, see
    /// [`hash_password`](crate::hash_password): its user can be asked for the password itself only (Basic), not for a Digest.
    pub users: Vec<Credentials>,
    /// Take passwords in the clear (Basic) over connections that are not encrypted, too. Everybody on the way can
    /// read them there.
    pub cleartext_passwords: bool,
    /// Who is asked about users that are not among these.
    pub check: Option<HttpCheck>,
    /// Whose tokens prove users.
    pub tokens: Option<Tokens>,
    /// What credentials are asked against.
    pub realm: String,
    /// Who may publish.
    pub publish: Access,
    /// Who may read.
    pub read: Access,
    /// Who may set parameters.
    pub control: Access,
    /// What is allowed where the access is [`Access::Permitted`].
    pub permissions: Vec<Permission>,
    /// Paths that are pulled from elsewhere.
    pub pulls: Vec<Pull>,
    /// Where readers of a published stream start.
    pub start: Start,
    /// What happens to readers that cannot take a live stream as fast as it comes.
    pub slow_readers: SlowReaders,
    /// What differs for some paths.
    pub paths: Vec<PathRule>,
    /// Sites whose pages may use the server by WebSocket and HTTP, as browsers name them (`https://example.com`), or `*` for all. Others are
    /// refused, because a browser lets any page ask, for whoever looks at it (RFC 6455 §10.2). Programs that are no browsers name none.
    pub websocket_origins: Vec<String>,
    /// Whether media may be encrypted on its own (SRTP).
    pub srtp: Srtp,
    /// Tells every RTSP/1.0 reader that may have keys keys of its own by `a=crypto` too (RFC 4568), for those that know no MIKEY. Who does
    /// not answer by MIKEY gets media sealed with these, once for each such reader, whatever profile its SETUP names. Without it only FFmpeg is told so, where its
    /// connection is not TLS.
    pub sdes: bool,
    /// Multicast delivery of what is live; `None` offers none.
    pub multicast: Option<Multicast>,
    /// Bounds on what peers may take.
    pub limits: Limits,
}

/// How a server speaks TLS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsOptions {
    /// Where to listen for TLS and nothing else; port 0 lets the system choose. May be empty.
    pub listen: Vec<SocketAddr>,
    /// What it proves to be itself with.
    pub identity: Identity,
    /// Paths with their leading `/`, or the beginnings of paths and a `*`, that are had by TLS only: who asks for them in the clear
    /// is sent to the same path by `rtsps`. Their media go within TLS, or by SRTP.
    pub required: Vec<String>,
}

impl TlsOptions {
    /// TLS with this identity, on the addresses of [`Config::listen`] only.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            listen: Vec::new(),
            identity,
            required: Vec::new(),
        }
    }
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// Files in PEM, taken again when they change: connections that are there go on, new ones see the new certificate.
    Files {
        /// The certificate, and those that lead from it to an authority.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made as the server starts, for these host names and addresses. Who knows its fingerprint
    /// ([`ServerHandle::fingerprint`](crate::ServerHandle::fingerprint)) can trust it.
    SelfSigned {
        /// Names and addresses.
        names: Vec<String>,
    },
    /// The same, kept in these files, so that its fingerprint stays: it is made where neither of them is there yet.
    Kept {
        /// Names and addresses for the one that is made.
        names: Vec<String>,
        /// The certificate, in PEM.
        certificate: PathBuf,
        /// Its private key, in PEM, which nobody but us may read.
        key: PathBuf,
    },
}

/// The ports for media over UDP: each shard takes an even and the odd port above it, per address family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UdpPorts {
    /// Whatever is free.
    #[default]
    Ephemeral,
    /// Between the two, both included.
    Range(u16, u16),
}

/// Who may do something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Everybody where the server listens on loopback only; otherwise the users of [`Config::users`], and nobody
    /// where there are none.
    #[default]
    Guarded,
    /// Everybody.
    Open,
    /// The users of [`Config::users`].
    Users,
    /// Whom [`Config::permissions`] say.
    Permitted,
    /// Nobody.
    Closed,
}

/// Whether media may be encrypted on its own, by SRTP (RFC 3711).
///
/// Keys are told in clear over RTSP/1.0: only where that goes over TLS are they a secret. RTSP/2.0 exchanges them by MIKEY-RSA-R (RFC 7826 §C.1.4.1), with the
/// certificate of TLS where its key is one of RSA, else with one that this key signs. All readers of a live stream that have its key
/// could forge packets to each other; each session of a film has keys of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Srtp {
    /// No.
    #[default]
    Off,
    /// Where RTSP goes over TLS: there it is offered, and taken from publishers.
    OverTls,
    /// Everywhere: for networks where whoever could read the keys is trusted, and for tests.
    Forced,
}

/// Where readers of a live stream start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// At the newest key frame that was kept: a picture at once.
    #[default]
    KeyFrame,
    /// With the next packet: the least delay, and no picture until a key frame comes.
    Live,
}

/// What happens to a reader that cannot take a live stream as fast as it comes. Others never wait for it, and it takes no
/// memory beyond what is kept of the stream ([`Limits::ring`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlowReaders {
    /// It may fall behind as far as the stream is kept, and then goes on at the newest key frame.
    #[default]
    SkipToKeyFrame,
    /// The same, but what has waited longer than this for its connection is skipped. It goes on at a key frame that is
    /// younger, now or when one comes. Where a reader starts is not bounded by it, see [`Start`].
    LatencyCap(Duration),
    /// It may fall behind as far as the stream is kept; then its connection is closed. Only connections that carry media can be
    /// too slow: datagrams of others are lost on their way.
    Disconnect,
}

/// What holds for some paths only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathRule {
    /// A path with its leading `/`, or the beginning of paths and a `*`. The one that names most of a path holds.
    pub pattern: String,
    /// Instead of [`Config::slow_readers`].
    pub slow_readers: SlowReaders,
}

impl PathRule {
    /// A rule for readers of these paths.
    #[must_use]
    pub fn new(pattern: impl Into<String>, slow_readers: SlowReaders) -> Self {
        Self {
            pattern: pattern.into(),
            slow_readers,
        }
    }
}

/// How much of a path a pattern names, if it is one of its paths: a whole path, or the beginning of paths and a `*`.
pub(crate) fn names(pattern: &str, path: &str) -> Option<usize> {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning).then_some(beginning.len()),
        // More than any beginning.
        None => (pattern == path).then_some(usize::MAX),
    }
}

/// A path that is fed from another server. `Debug` does not show the password in its URL.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pull {
    /// Path on this server, with its leading `/`.
    pub path: String,
    /// Where it comes from, an `rtsp://` or `rtsps://` URL; credentials in it are never logged.
    pub url: String,
    /// Whom to believe there, with `rtsps`.
    pub trust: PullTrust,
    /// Only while somebody reads.
    pub on_demand: bool,
    /// How long after the last reader an `on_demand` pull is let go.
    pub release_after: Duration,
    /// How media comes.
    pub transport: PullTransport,
}

/// Which server is believed to be the one that is pulled from, with `rtsps`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullTrust {
    /// One that the authorities of this system vouch for.
    #[default]
    System,
    /// One that the authorities in this file, in PEM, vouch for; a self-signed certificate is its own. Read at each attempt.
    Authorities(PathBuf),
    /// The one whose certificate this is.
    Pinned(Fingerprint),
}

impl PullTrust {
    /// The same for the client.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or has no certificate that could be used.
    pub fn trust(&self) -> Result<Trust, TrustError> {
        match self {
            Self::System => Ok(Trust::system()),
            Self::Authorities(file) => Trust::authorities(file),
            Self::Pinned(fingerprint) => Ok(Trust::pinned([*fingerprint])),
        }
    }
}

/// How media is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullTransport {
    /// UDP, and TCP where nothing comes.
    Auto,
    /// UDP only.
    Udp,
    /// Interleaved only.
    #[default]
    Tcp,
}

impl Pull {
    /// A pull of `url` to `path`, on demand, let go 10 s after the last reader.
    #[must_use]
    pub fn new(path: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            url: url.into(),
            trust: PullTrust::default(),
            on_demand: true,
            release_after: Duration::from_secs(10),
            transport: PullTransport::default(),
        }
    }
}

impl fmt::Debug for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = rtsp_msg::Uri::parse(&self.url);
        f.debug_struct("Pull")
            .field("path", &self.path)
            .field("url", &url.as_ref().map_or("…".into(), ToString::to_string))
            .field("trust", &self.trust)
            .field("on_demand", &self.on_demand)
            .field("release_after", &self.release_after)
            .field("transport", &self.transport)
            .finish()
    }
}

/// Bounds on what peers may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections in all; 0 takes what the system's descriptor limit allows.
    pub connections: usize,
    /// Connections from one address; those whose requests are still being worked on count, closed or not.
    pub connections_per_address: usize,
    /// Sessions in all; 0 sets no bound. Beyond it SETUP is answered 503 with Retry-After.
    pub sessions: usize,
    /// Sessions of one address, over all of its connections and after them: a session may outlive its connection. Beyond it
    /// SETUP is answered 453.
    pub sessions_per_address: usize,
    /// Sessions on one connection. Beyond it SETUP is answered 453.
    pub sessions_per_connection: usize,
    /// Whether what holds for one address, bans too, holds for loopback as well: there, all programs of a machine are one address.
    pub limit_loopback: bool,
    /// Wrong credentials from one address until no more connections are taken from it for a while; 0 sets no bound. Of IPv6 the
    /// first 64 bits are one address.
    pub failures_per_address: u32,
    /// How long that lasts, and after how long without a failure those before are forgotten.
    pub ban: Duration,
    /// How far the clock of who asks for keys by MIKEY-RSA-R may be off. Questions of that time are remembered, so that none is answered twice. Beyond it
    /// SETUP is answered 466.
    pub clock_skew: Duration,
    /// Exchanges of keys by MIKEY-RSA-R that are computed, or wait for it, at a time: each takes some milliseconds of computing, on half of the
    /// cores at most. Of one address a quarter of it. Beyond it SETUP is answered 503 with Retry-After.
    pub key_exchanges: usize,
    /// Bits a second that all readers together may be sent; 0 sets no bound. Beyond it SETUP is answered 453. A media counts
    /// with what its description says (`b=`), else with what was measured lately.
    pub bandwidth: u64,
    /// Requests a second from one address, over all its connections; 0 sets no bound. Five seconds' worth may come at once. Who asks
    /// more often is answered later; who would have to wait for more than ten seconds gets 503, and its connection ends.
    pub requests_per_second: u32,
    /// Streams at a time, those included that are announced; 0 sets no bound. Beyond it ANNOUNCE is answered 503.
    pub streams: usize,
    /// Media of one description that is announced, 32 at most. With more ANNOUNCE is answered 400.
    pub media: usize,
    /// Bits a second that one publisher may send, measured over some seconds; 0 sets no bound. Beyond it its session ends.
    pub publish_bit_rate: u64,
    /// Bytes of one message's first line and headers together. Beyond it a request is answered 400.
    pub header_bytes: usize,
    /// Header lines of one message. Beyond it a request is answered 400.
    pub header_count: usize,
    /// Bytes of a request's URL. Longer ones are answered 414.
    pub url: usize,
    /// Bytes of one message body. Larger ones are answered 413.
    pub body: usize,
    /// After how long a larger body may be tried again, for who keeps `body` small only for a time: told with 413 by Retry-After.
    pub body_retry_after: Option<Duration>,
    /// Bytes of one stream that are kept for readers that join or lag; a group of pictures that is larger is not kept.
    pub ring: usize,
    /// A session ends after so long without a sign of life.
    pub session_timeout: Duration,
    /// How much later than that a sign of life may come.
    pub session_grace: Duration,
    /// For how many times `session_timeout` a session of RTSP/2.0 may do nothing but show that it lives; 0 is for ever.
    pub inactive_timeouts: u32,
    /// A connection ends when its first request does not come within this.
    pub first_request_timeout: Duration,
    /// A connection ends when its TLS handshake takes longer than this, and one half of a tunnel over HTTP when the other does not come
    /// within it.
    pub handshake_timeout: Duration,
    /// TLS handshakes, and tunnels over HTTP of which one half has come, that may be under way in all.
    pub half_open: usize,
    /// The same for one address.
    pub half_open_per_address: usize,
    /// A connection ends when a request takes longer than this from its first byte to its last.
    pub message_timeout: Duration,
    /// Where there are users, a connection ends that has proved none and has no session after so long, whatever it asks.
    pub unauthenticated_timeout: Duration,
    /// A peer of RTSP/2.0 whose request takes longer is told so, by 100 Continue, again and again.
    pub continue_after: Duration,
    /// A peer is given up that does not answer a request of the server's within this: REDIRECT, PLAY_NOTIFY.
    pub answer_timeout: Duration,
    /// A connection without a session ends after so long without a request.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 0,
            connections_per_address: 4096,
            sessions: 0,
            sessions_per_address: 1024,
            sessions_per_connection: 32,
            limit_loopback: false,
            failures_per_address: 20,
            ban: Duration::from_secs(60),
            clock_skew: Duration::from_secs(3600),
            key_exchanges: 128,
            bandwidth: 0,
            requests_per_second: 1000,
            streams: 4096,
            media: 32,
            publish_bit_rate: 0,
            header_bytes: 64 * 1024,
            header_count: 128,
            url: 4096,
            body: 256 * 1024,
            body_retry_after: None,
            ring: 32 * 1024 * 1024,
            session_timeout: Duration::from_secs(60),
            session_grace: Duration::from_secs(5),
            inactive_timeouts: 10,
            first_request_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            half_open: 1024,
            half_open_per_address: 64,
            message_timeout: Duration::from_secs(20),
            unauthenticated_timeout: Duration::from_secs(60),
            continue_after: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![
                (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
                (Ipv6Addr::LOCALHOST, DEFAULT_PORT).into(),
            ],
            tls: None,
            threads: 0,
            io_uring: true,
            udp_ports: UdpPorts::default(),
            media_address: None,
            files: None,
            demo: false,
            users: Vec::new(),
            check: None,
            tokens: None,
            realm: "Trackside".into(),
            cleartext_passwords: false,
            publish: Access::Guarded,
            read: Access::Open,
            control: Access::Guarded,
            permissions: Vec::new(),
            pulls: Vec::new(),
            start: Start::default(),
            slow_readers: SlowReaders::default(),
            paths: Vec::new(),
            websocket_origins: Vec::new(),
            srtp: Srtp::default(),
            sdes: false,
            multicast: None,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// What happens to slow readers of `path`.
    #[must_use]
    pub fn slow_readers_of(&self, path: &str) -> SlowReaders {
        self.paths
            .iter()
            .filter_map(|rule| Some((names(&rule.pattern, path)?, rule.slow_readers)))
            .max_by_key(|(named, _)| *named)
            .map_or(self.slow_readers, |(_, policy)| policy)
    }

    /// Whether anybody can prove to be a user.
    pub(crate) fn has_users(&self) -> bool {
        !self.users.is_empty() || self.asks_others()
    }

    /// Whether others prove users: by tokens, or when they are asked.
    pub(crate) fn asks_others(&self) -> bool {
        self.tokens.is_some() || self.check.is_some()
    }

    /// Whether the password of some user is hashed.
    pub(crate) fn has_hashed_users(&self) -> bool {
        self.users
            .iter()
            .any(|user| passwords::is_hash(&user.password))
    }

    /// Whether any connection can be encrypted.
    pub(crate) fn encrypts(&self) -> bool {
        self.tls.is_some()
    }

    /// Everywhere that it listens, with TLS and without.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &SocketAddr> {
        let tls = self.tls.iter().flat_map(|tls| &tls.listen);
        self.listen.iter().chain(tls)
    }

    /// Whether only this machine can reach the server.
    pub(crate) fn is_local(&self) -> bool {
        self.addresses().all(|address| address.ip().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_that_names_most_of_a_path_holds() {
        let cap = |seconds| SlowReaders::LatencyCap(Duration::from_secs(seconds));
        let mut config = Config {
            slow_readers: cap(9),
            ..Config::default()
        };
        config.paths = vec![
            PathRule::new("/cams/*", cap(1)),
            PathRule::new("/cams/door/*", cap(2)),
            PathRule::new("/cams/door/1", SlowReaders::Disconnect),
        ];
        for (path, expected) in [
            ("/live", cap(9)),
            ("/cams", cap(9)),
            ("/cams/yard", cap(1)),
            ("/cams/door/2", cap(2)),
            ("/cams/door/1", SlowReaders::Disconnect),
            ("/cams/door/11", cap(2)),
        ] {
            assert_eq!(config.slow_readers_of(path), expected, "{path}");
        }
    }
}
