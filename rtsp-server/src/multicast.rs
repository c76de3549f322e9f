//! Multicast groups: which there are, and which stream has which.
//!
//! A stream has one group, whoever reads it there: it is lent to it with the first SETUP that chooses it, and comes back with the
//! last session that has it. Then it rests, because receivers may still be in it.

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, ErrorKind},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use rtsp_client::io::{
    multicast::Sender,
    udp::{DatagramOptions, DatagramPair},
};
use rtsp_session::transport::Group;

use crate::{
    config::{Multicast, names},
    shard::Mail,
    shared::Shared,
    stream::registry::{Stream, StreamId},
};

/// Why there is no group for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoGroup {
    /// It is not offered for this path, this user or this family of addresses.
    NotOffered,
    /// All are taken, or rest.
    Exhausted,
}

/// A stream and whether its group is one of IPv6.
type Key = (StreamId, bool);
/// A group's address and the even port of each media.
type Place = (IpAddr, Vec<u16>);
/// How many ports that other programs have are passed over.
const PORT_TRIES: usize = 32;

/// All groups of a server.
#[derive(Debug)]
pub(crate) struct Groups {
    settings: Multicast,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lent: HashMap<Key, Weak<Lease>>,
    /// Those that descriptions name stay with their stream as long as it is.
    described: HashMap<Key, Arc<Lease>>,
    taken: BTreeSet<IpAddr>,
    /// Even ports; the odd one above each goes with it.
    ports: BTreeSet<u16>,
    resting: Vec<Resting>,
}

/// What was given back, and until when no other stream has it. Its own stream has it again at once: who comes and goes uses nothing up.
#[derive(Debug)]
struct Resting {
    until: Instant,
    key: Key,
    place: Place,
}

/// A group that is lent to a stream; given back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) stream: Arc<Stream>,
    pub(crate) address: IpAddr,
    /// Where it is sent from.
    pub(crate) source: IpAddr,
    pub(crate) ttl: u8,
    /// The even port of each media.
    ports: Vec<u16>,
    /// The ports that it is sent from: those of its first media.
    sender: Sender,
    /// Sessions that play.
    playing: AtomicUsize,
    groups: Arc<Groups>,
}

impl Groups {
    pub(crate) fn new(settings: Multicast) -> Arc<Self> {
        Arc::new(Self {
            settings,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether streams of `path` may be had by multicast, by everybody or by one who has proved to be somebody.
    fn offers(&self, path: &str, guarded: bool) -> bool {
        let patterns = &self.settings.paths;
        let named = |pattern: &String| names(pattern, path).is_some();
        (self.settings.guarded || !guarded) && (patterns.is_empty() || patterns.iter().any(named))
    }

    /// The group of a stream, for a peer of this family: what it has, or another one. `guarded`: not everybody may read it.
    pub(crate) fn lend(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
        v6: bool,
        guarded: bool,
    ) -> Result<Arc<Lease>, NoGroup> {
        if !self.offers(&stream.path, guarded) {
            return Err(NoGroup::NotOffered);
        }
        let mut state = self.state();
        if let Some(lease) = state.lent.get(&(stream.id, v6)).and_then(Weak::upgrade) {
            return Ok(lease);
        }
        let source = self.settings.source_of(v6).ok_or(NoGroup::NotOffered)?;
        let mut ranges = self.settings.groups.iter();
        if !ranges.any(|range| range.is_ipv6() == v6) {
            return Err(NoGroup::NotOffered);
        }
        state.wake(Instant::now());
        let before = state.resume((stream.id, v6)).and_then(|its| {
            let sender = self.sender(source, &its.1);
            let sender = sender.inspect_err(|_| state.free(&its)).ok()?;
            Some((sender, its))
        });
        let (sender, (address, ports)) = match before {
            Some(its) => its,
            None => self.choose(&mut state, source, stream.shapes.len())?,
        };
        let lease = Arc::new(Lease {
            stream: Arc::clone(stream),
            address,
            source,
            ttl: self.settings.ttl,
            ports,
            sender,
            playing: AtomicUsize::new(0),
            groups: Arc::clone(self),
        });
        state.lent.insert((stream.id, v6), Arc::downgrade(&lease));
        Ok(lease)
    }

    /// An address and ports that nobody has, for so many media, and the sockets to send from.
    fn choose(
        &self,
        state: &mut State,
        source: IpAddr,
        media: usize,
    ) -> Result<(Sender, Place), NoGroup> {
        let ranges = self.settings.groups.iter();
        let address = ranges
            .filter(|range| range.is_ipv6() == source.is_ipv6())
            .flat_map(|range| range.addresses())
            .find(|address| !state.taken.contains(address))
            .ok_or(NoGroup::Exhausted)?;
        let (first, last) = self.settings.ports;
        let free = (first.saturating_add(first % 2)..last).step_by(2);
        let free: Vec<u16> = free.filter(|port| !state.ports.contains(port)).collect();
        let mut tries = 0;
        for ports in free.windows(media.max(1)) {
            match self.sender(source, ports) {
                Ok(sender) => {
                    state.taken.insert(address);
                    state.ports.extend(ports);
                    return Ok((sender, (address, ports.to_vec())));
                }
                // Another program has it: one of the next will do.
                Err(error) if error.kind() == ErrorKind::AddrInUse && tries < PORT_TRIES => {
                    tries += 1;
                }
                Err(error) => {
                    tracing::warn!(%source, port = ports.first(), %error, "multicast cannot be sent from here: see multicast.source and multicast.ports");
                    return Err(NoGroup::NotOffered);
                }
            }
        }
        Err(NoGroup::Exhausted)
    }

    /// The sockets to send from, for media with these even ports.
    fn sender(&self, source: IpAddr, ports: &[u16]) -> io::Result<Sender> {
        let first = ports.first().copied().unwrap_or_default();
        let mut options = DatagramOptions::default();
        options.send_buffer = 8 << 20;
        // Nothing that comes here is read: reports go to the group.
        options.receive_buffer = 0;
        Sender::bind(source, (first, first | 1), self.settings.ttl, &options)
    }

    /// The same for a description, where descriptions name groups: the stream keeps it.
    pub(crate) fn describe(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
        v6: bool,
        guarded: bool,
    ) -> Option<Arc<Lease>> {
        if !self.settings.describe {
            return None;
        }
        let lease = self.lend(stream, v6, guarded).ok()?;
        let mut state = self.state();
        state.described.insert((stream.id, v6), Arc::clone(&lease));
        Some(lease)
    }

    /// A stream is over.
    pub(crate) fn forget(&self, stream: StreamId) {
        // Dropped when the lock is free again.
        let _gone = {
            let mut state = self.state();
            let keys = [(stream, false), (stream, true)];
            keys.map(|key| state.described.remove(&key))
        };
    }

    fn give_back(&self, lease: &Lease) {
        let mut state = self.state();
        let key = (lease.stream.id, lease.address.is_ipv6());
        if state
            .lent
            .get(&key)
            .is_some_and(|known| known.strong_count() == 0)
        {
            state.lent.remove(&key);
        }
        state.resting.push(Resting {
            until: Instant::now() + self.settings.quarantine,
            key,
            place: (lease.address, lease.ports.clone()),
        });
    }
}

impl State {
    /// Frees what has rested for long enough.
    fn wake(&mut self, now: Instant) {
        let rested = self.resting.extract_if(.., |it| it.until <= now);
        let rested: Vec<Place> = rested.map(|it| it.place).collect();
        for place in &rested {
            self.free(place);
        }
    }

    fn free(&mut self, (address, ports): &Place) {
        self.taken.remove(address);
        for port in ports {
            self.ports.remove(port);
        }
    }

    /// What a stream had before, if it still rests.
    fn resume(&mut self, key: Key) -> Option<Place> {
        let at = self.resting.iter().position(|it| it.key == key)?;
        Some(self.resting.swap_remove(at).place)
    }
}

impl Lease {
    /// As transports and descriptions say it of a media.
    pub(crate) fn group(&self, media: usize) -> Option<Group> {
        let port = *self.ports.get(media)?;
        Some(Group {
            address: self.address,
            ports: (port, port + 1),
            ttl: Some(self.ttl),
            source: Some(self.source),
        })
    }

    /// The groups of all media.
    pub(crate) fn groups(&self) -> Vec<Group> {
        (0..self.ports.len())
            .map_while(|media| self.group(media))
            .collect()
    }

    /// Where it is sent from, for the reactor that asks.
    pub(crate) fn sockets(&self) -> io::Result<DatagramPair> {
        self.sender.pair()
    }

    /// Whether anybody plays.
    pub(crate) fn is_wanted(&self) -> bool {
        self.playing.load(Ordering::Acquire) > 0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.groups.give_back(self);
    }
}

/// A session's part in a group. Dropped, it is over.
pub(crate) struct Member {
    pub(crate) lease: Arc<Lease>,
    shared: Arc<Shared>,
    plays: std::cell::Cell<bool>,
}

impl Member {
    pub(crate) fn new(lease: Arc<Lease>, shared: &Arc<Shared>) -> Self {
        Self {
            lease,
            shared: Arc::clone(shared),
            plays: std::cell::Cell::new(false),
        }
    }

    /// It plays. The first has the group begin, each other joins what goes on; both are told the time and shown a picture soon.
    pub(crate) fn play(&self) {
        if self.plays.replace(true) {
            return;
        }
        let stream = &self.lease.stream;
        self.lease.playing.fetch_add(1, Ordering::AcqRel);
        self.look();
        let all = 0..stream.shapes.len() as u8;
        for media in stream.video(all).iter() {
            let wish = Mail::KeyFrame {
                stream: stream.id,
                media,
            };
            self.shared.post(stream.home, wish);
        }
    }

    /// It plays no more. The last has the group end.
    pub(crate) fn pause(&self) {
        if self.plays.replace(false) && self.lease.playing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.look();
        }
    }

    /// Has the stream's home do what is to be done: letters may overtake each other, so it looks by itself.
    fn look(&self) {
        let letter = Mail::Cast(Arc::clone(&self.lease));
        self.shared.post(self.lease.stream.home, letter);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.pause();
    }
}
