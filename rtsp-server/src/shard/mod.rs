//! A shard: a thread that alone reads and writes its connections, and hands batches to its readers.

mod ask;
mod breakers;
mod casts;
mod course;
mod deliver;
mod feedback;
mod flows;
mod mail;
mod secure;
mod sessions;
mod tick;
mod udp;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::IpAddr,
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use rtsp_session::{Now, random::Random, server::SessionId};
use tokio::sync::{Notify, mpsc};

pub(crate) use self::{
    ask::Asked,
    course::{Course, Played, Queued},
    flows::FlowLink,
    mail::{Forwarded, Mail, OutPacket, Reply},
    secure::Security,
    sessions::{Ended, Ending, Publishing, Reading, Role, SessionEntry},
};
use crate::{
    accept::{self, Door},
    connection::Link,
    io::udp::ShardPorts,
    shared::Shared,
    stream::{
        fan_out::Outlet,
        local::{Aftermath, LocalStream},
        reader::ReaderId,
        registry::StreamId,
        ring::{Ring, RingLimits},
    },
};

/// Which shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ShardId(pub(crate) u8);

impl ShardId {
    /// The number of a connection of this shard, made of one that is unique.
    pub(crate) fn of_connection(self, number: u64) -> u64 {
        number << 8 | u64::from(self.0)
    }

    /// Whose connection this is.
    pub(crate) fn with_connection(connection: u64) -> Self {
        Self(connection as u8)
    }
}

/// Letters that a shard's mailbox holds. Batches that find it full are dropped and counted; everything else waits.
pub(crate) const MAILBOX: usize = 4096;

/// Batches at least this young are kept for readers that lag.
const RING_AGE: std::time::Duration = std::time::Duration::from_secs(4);
/// Largest segment that is sent in a group: what an Ethernet frame carries, less IPv6 and UDP headers.
const SEGMENT: u16 = 1452;

/// Everything that one shard has. Only its own thread touches it.
pub(crate) struct Shard {
    pub(crate) id: ShardId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ports: ShardPorts,
    pub(crate) random: RefCell<Random>,
    pub(crate) streams: RefCell<HashMap<StreamId, LocalStream>>,
    pub(crate) sessions: RefCell<HashMap<SessionId, SessionEntry>>,
    pub(crate) links: RefCell<HashMap<u64, Rc<Link>>>,
    /// TCP connections for media alone, by session and media.
    flows: RefCell<HashMap<(SessionId, u8), flows::FlowPath>>,
    /// SRTP, by session and media.
    securities: RefCell<secure::Securities>,
    /// Groups that streams of this home are sent to.
    casts: RefCell<HashMap<IpAddr, casts::Cast>>,
    /// Told when connections of a media have been made, or cannot be.
    flow_changed: Notify,
    /// Told when a stream has become ready on this shard.
    pub(crate) attached: Notify,
    /// Told when a private stream's reader has caught up.
    pub(crate) drained: Notify,
    next_reader: Cell<u64>,
    /// Readers wait for the catch-up tick.
    paced: Cell<bool>,
    /// Readers that were too slow: their sessions are to be ended.
    evicted: RefCell<Vec<ReaderId>>,
    ticker: Notify,
    segments: usize,
    /// What batches go out with.
    pub(crate) outlet: RefCell<Outlet>,
    /// Streams with a batch that is yet to go out.
    due: RefCell<Vec<StreamId>>,
    /// Told with the first of them.
    turn: Notify,
    /// What accepts connections.
    accepting: RefCell<Vec<tokio::task::AbortHandle>>,
}

impl Shard {
    pub(crate) fn new(
        id: ShardId,
        shared: Arc<Shared>,
        ports: ShardPorts,
        random: Random,
    ) -> Rc<Self> {
        let segments = ports
            .iter()
            .map(|ports| ports.pair.rtp.max_segments())
            .min()
            .unwrap_or(1);
        let outlet = Outlet::new(shared.config.io_uring);
        Rc::new(Self {
            id,
            shared,
            ports,
            random: RefCell::new(random),
            streams: RefCell::default(),
            sessions: RefCell::default(),
            links: RefCell::default(),
            flows: RefCell::default(),
            securities: RefCell::default(),
            casts: RefCell::default(),
            flow_changed: Notify::new(),
            attached: Notify::new(),
            drained: Notify::new(),
            next_reader: Cell::new(0),
            paced: Cell::new(false),
            evicted: RefCell::default(),
            ticker: Notify::new(),
            segments,
            outlet: RefCell::new(outlet),
            due: RefCell::default(),
            turn: Notify::new(),
            accepting: RefCell::default(),
        })
    }

    /// Runs until the server shuts down.
    pub(crate) async fn run(self: Rc<Self>, mut mail: mpsc::Receiver<Mail>) {
        for ports in self.ports.iter() {
            udp::spawn(&self, ports);
        }
        tokio::task::spawn_local(tick::run(Rc::clone(&self)));
        tokio::task::spawn_local(Rc::clone(&self).end_turns());
        while let Some(letter) = mail.recv().await {
            if self.receive(letter) {
                break;
            }
        }
        for task in self.accepting.take() {
            task.abort();
        }
        self.hand_out();
        self.farewell().await;
    }

    /// Accepts connections from now on.
    fn listen(self: &Rc<Self>, listener: std::net::TcpListener, door: Door) -> std::io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let task = tokio::task::spawn_local(accept::run(Rc::clone(self), listener, door));
        self.accepting.borrow_mut().push(task.abort_handle());
        Ok(())
    }

    /// Datagrams, and connections, that one call serves here.
    pub(crate) fn per_call(&self) -> (usize, usize) {
        (self.segments, self.outlet.borrow().connections_per_call())
    }

    pub(crate) fn now(&self) -> Now {
        Now::read()
    }

    pub(crate) fn new_ring(&self) -> Ring {
        let limits = RingLimits {
            bytes: self.shared.config.limits.ring,
            age: RING_AGE,
        };
        Ring::new(limits, self.segments, SEGMENT)
    }

    /// A ring whose one reader misses nothing: its source waits.
    pub(crate) fn private_ring(&self) -> Ring {
        let limits = RingLimits {
            bytes: usize::MAX,
            age: std::time::Duration::MAX,
        };
        Ring::new(limits, self.segments, SEGMENT)
    }

    pub(crate) fn next_reader(&self) -> ReaderId {
        // Unique over all shards, so that a log line names one reader.
        let number = self.next_reader.get();
        self.next_reader.set(number + 1);
        ReaderId(number << 8 | u64::from(self.id.0))
    }

    /// Does what is left to do after packets went out.
    pub(crate) fn settle(&self, after: &Aftermath) {
        if after.paced && !self.paced.replace(true) {
            self.ticker.notify_one();
        }
        for event in &after.slow {
            self.shared.counters.slow.count(event);
            self.shared.handler.slow_reader(event);
            if event.disconnected {
                // Sessions may be in use by who has called.
                self.evicted.borrow_mut().push(ReaderId(event.reader));
                self.ticker.notify_one();
            }
        }
        if after.skipped > 0 {
            self.shared.counters.slow.more_skipped(after.skipped);
        }
        for id in &after.gone {
            tracing::debug!(
                reader = id.0,
                "its connection failed while media was written"
            );
        }
    }

    /// Works on a stream of this shard, and settles what follows.
    pub(crate) fn with_stream<T>(
        &self,
        id: StreamId,
        work: impl FnOnce(&mut LocalStream, Instant, &mut Aftermath) -> T,
    ) -> Option<T> {
        let mut after = Aftermath::default();
        let result = {
            let mut streams = self.streams.borrow_mut();
            streams
                .get_mut(&id)
                .map(|stream| work(stream, Instant::now(), &mut after))
        };
        self.settle(&after);
        result
    }
}
