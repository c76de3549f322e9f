//! The newest batches of all streams to all readers that wait for them, in as few system calls as there are.
//!
//! Readers that are anywhere else (behind, blocked, at a bounded pace) go on one by one: see [`Reader::pump`].

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Instant,
};

use rtsp_client::io::udp::{DatagramSocket, SendMemory, Shared};
use smallvec::SmallVec;

use super::{
    form::{Framed, Group},
    lane::{Pipe, Way},
    layout::Layout,
    local::{Aftermath, LocalStream},
    reader::Reader,
    registry::StreamId,
    ring::{LayoutId, Position, Ring, Seal},
};
use crate::io::{
    batch::{AT_ONCE, Batch as Sends, Send},
    udp::Ports,
};

/// Readers that are gathered without memory of the heap.
const INLINE: usize = 64;

/// A batch that waits for the call that writes it, with others.
#[derive(Debug)]
struct Whole {
    stream: StreamId,
    /// Which reader of it.
    at: u32,
    pipe: Pipe,
    framed: Rc<Framed>,
}

/// What a shard sends with; one for all its streams.
#[derive(Debug)]
pub(crate) struct Outlet {
    sends: Sends,
    results: Vec<io::Result<usize>>,
    memory: SendMemory,
    outcomes: Vec<Option<bool>>,
    waiting: Vec<Whole>,
}

impl Outlet {
    /// By io_uring where it is, if it is wanted.
    pub(crate) fn new(io_uring: bool) -> Self {
        Self {
            sends: Sends::new(io_uring),
            results: Vec::with_capacity(AT_ONCE),
            memory: SendMemory::default(),
            outcomes: Vec::with_capacity(AT_ONCE),
            waiting: Vec::with_capacity(AT_ONCE),
        }
    }

    /// Connections that are written to with one call.
    pub(crate) fn connections_per_call(&self) -> usize {
        if self.sends.submits() { AT_ONCE } else { 1 }
    }

    /// Sends the same to the first of `to`, and to as many of the following as go with one call: for each, whether the system took it,
    /// `None` where the socket is full.
    fn send_many(
        &mut self,
        socket: &DatagramSocket,
        shared: &Shared<'_>,
        to: &[SocketAddr],
    ) -> &[Option<bool>] {
        self.outcomes.clear();
        // An unreachable peer is found out by its session's timeout; what was not sent is counted.
        let outcome = |sent: io::Result<()>| match sent {
            Ok(()) => Some(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(_) => Some(false),
        };
        #[cfg(target_os = "linux")]
        if self.sends.send_to(socket, shared, to, &mut self.results) {
            let each = self.results.drain(..).zip(to);
            // What did not go is tried by itself: that tells the reactor of a full socket, and falls back where GSO is missing.
            self.outcomes.extend(each.map(|(result, to)| {
                outcome(match result {
                    Ok(_) => Ok(()),
                    Err(_) => socket.try_send(&shared.to(*to)),
                })
            }));
            return &self.outcomes;
        }
        match socket.try_send_many(shared, to, &mut self.memory) {
            Ok(sent) => self.outcomes.resize(sent.max(1), Some(true)),
            Err(error) => self.outcomes.push(outcome(Err(error))),
        }
        &self.outcomes
    }

    /// Hands what these streams have not sent yet to all who wait for it, the connections of all streams together.
    pub(crate) fn hand_out(
        &mut self,
        due: &[StreamId],
        streams: &mut HashMap<StreamId, LocalStream>,
        now: Instant,
        after: &mut Aftermath,
    ) {
        for id in due {
            let Some(local) = streams.get_mut(id) else {
                continue;
            };
            let Some(index) = local.take_due() else {
                continue;
            };
            let mut from = Some(0);
            while let Some(at) = from {
                let Some(local) = streams.get_mut(id) else {
                    break;
                };
                from = local.gather(index, at, now, self, after);
                if from.is_some() {
                    self.write(streams, now, after);
                }
            }
        }
        self.write(streams, now, after);
    }

    /// Writes what was gathered.
    fn write(
        &mut self,
        streams: &mut HashMap<StreamId, LocalStream>,
        now: Instant,
        after: &mut Aftermath,
    ) {
        let mut sends = SmallVec::<[Send<'_>; INLINE]>::new();
        let waiting = self.waiting.iter();
        sends.extend(waiting.map(|whole| (whole.pipe.stream(), whole.octets())));
        self.sends.send(&sends, &mut self.results);
        drop(sends);
        let mut written = self
            .waiting
            .drain(..)
            .zip(self.results.drain(..))
            .peekable();
        while let Some((first, _)) = written.peek() {
            let id = first.stream;
            let mut local = streams.get_mut(&id);
            while let Some((whole, result)) = written.next_if(|(whole, _)| whole.stream == id) {
                if let Some(local) = &mut local
                    && let Some(reader) = local.readers.get_mut(whole.at as usize)
                {
                    let pumped = reader.wrote(&whole.framed, result, &mut local.ring, now);
                    after.note(reader.id, pumped);
                }
            }
        }
    }
}

impl Whole {
    fn octets(&self) -> &[u8] {
        match &self.framed.chunks[..] {
            [octets] => octets,
            _ => &[],
        }
    }
}

/// The forms of the batch that are in use.
type Forms = SmallVec<[(LayoutId, Rc<Framed>); 2]>;

impl LocalStream {
    /// Finds, from reader `first` on, who waits for nothing but batch `index`, the newest. Whoever gets it on a connection is left
    /// to [`Outlet::write`]; all others are served at once. With which reader to go on, when there is no more room.
    fn gather(
        &mut self,
        index: u64,
        first: usize,
        now: Instant,
        outlet: &mut Outlet,
        after: &mut Aftermath,
    ) -> Option<usize> {
        let here = Position {
            batch: index,
            item: 0,
        };
        let mut forms = Forms::new();
        let mut datagrams = false;
        let mut at = first;
        let mut next = None;
        while let Some(reader) = self.readers.get(at) {
            if reader.is_blocked() || reader.is_paced() {
                at += 1;
                continue;
            }
            let level = reader.level().filter(|lane| lane.position() == here);
            match level.map(|lane| &lane.way) {
                Some(Way::Tcp { pipe, layout })
                    if pipe.is_free() && !matches!(self.ring.seal_of(*layout), Seal::Own(_)) =>
                {
                    match whole(&mut forms, here, *layout, &mut self.ring) {
                        Some(_) if outlet.waiting.len() == AT_ONCE => {
                            next = Some(at);
                            break;
                        }
                        Some(framed) => outlet.waiting.push(Whole {
                            stream: self.stream.id,
                            at: at as u32,
                            pipe: pipe.clone(),
                            framed,
                        }),
                        None => self.pump_at(at, now, after),
                    }
                }
                Some(Way::Udp { .. }) => datagrams = true,
                _ => self.pump_at(at, now, after),
            }
            at += 1;
        }
        if datagrams {
            self.send_datagrams(here, now, outlet, after);
        }
        next
    }

    /// The whole batch as datagrams: group by group, each to all who get it.
    fn send_datagrams(
        &mut self,
        here: Position,
        now: Instant,
        outlet: &mut Outlet,
        after: &mut Aftermath,
    ) {
        let Some(datagrams) = self.ring.datagrams(here.batch) else {
            return;
        };
        for from in self.origins(here) {
            let full = (0_u32..).zip(&datagrams.groups).any(|(item, group)| {
                !self.send_group(Position { item, ..here }, group, &from, outlet)
            });
            if full {
                from.ports.want_write();
            }
        }
        let groups = datagrams.groups.len() as u32;
        for reader in &mut self.readers {
            let under_way = reader.level().is_some_and(|lane| {
                lane.position().batch == here.batch && matches!(lane.way, Way::Udp { .. })
            });
            if under_way {
                let pumped = reader.sent(groups, &mut self.ring, now);
                after.note(reader.id, pumped);
            }
        }
    }

    /// From where the readers that are here are sent to: one place, but for servers of several addresses.
    fn origins(&self, here: Position) -> SmallVec<[Origin; 2]> {
        let mut all = SmallVec::<[Origin; 2]>::new();
        let level = self.readers.iter().filter_map(Reader::level);
        for lane in level.filter(|lane| lane.position() == here) {
            if let Way::Udp { ports, source, .. } = &lane.way
                && !all.iter().any(|known| known.is(ports, *source))
            {
                all.push(Origin {
                    ports: Rc::clone(ports),
                    source: *source,
                });
            }
        }
        all
    }

    /// One group to all who wait for it; `false` when the socket is full.
    fn send_group(
        &mut self,
        at: Position,
        group: &Group,
        from: &Origin,
        outlet: &mut Outlet,
    ) -> bool {
        let mut who = SmallVec::<[u32; INLINE]>::new();
        let mut to = SmallVec::<[SocketAddr; INLINE]>::new();
        // Where reports share the port of the media, their socket is that of the media.
        let mut socket = &from.ports.pair.rtp;
        for (number, reader) in (0_u32..).zip(&mut self.readers) {
            let Some(lane) = reader.level().filter(|lane| lane.position() == at) else {
                continue;
            };
            let Way::Udp {
                ports,
                source,
                destinations,
            } = &lane.way
            else {
                continue;
            };
            if !from.is(ports, *source) {
                continue;
            }
            let destination = destinations.iter().find(|to| to.media == group.media);
            match destination.and_then(|to| from.ports.way_to((to.rtp, to.reports), group.kind)) {
                Some((its, address)) if who.is_empty() || std::ptr::eq(its, socket) => {
                    socket = its;
                    who.push(number);
                    to.push(address);
                }
                // By the other socket: in a call of its own, when its turn comes.
                Some((its, address)) => {
                    let shared = from.shared(group);
                    match its.try_send(&shared.to(address)) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                        sent => reader.passed(group, Some(sent.is_ok())),
                    }
                }
                None => reader.passed(group, None),
            }
        }
        let shared = from.shared(group);
        let mut done = 0;
        let mut full = false;
        while let Some(rest) = to.get(done..).filter(|rest| !full && !rest.is_empty()) {
            let outcomes = outlet.send_many(socket, &shared, rest);
            let whose = who.get(done..).unwrap_or_default();
            done += outcomes.len();
            for (number, outcome) in whose.iter().zip(outcomes) {
                let reader = self.readers.get_mut(*number as usize);
                match (*outcome, reader) {
                    (None, _) => full = true,
                    (sent, Some(reader)) => reader.passed(group, sent),
                    (_, None) => {}
                }
            }
        }
        !full
    }
}

/// From where datagrams go out.
struct Origin {
    ports: Rc<Ports>,
    source: Option<IpAddr>,
}

impl Origin {
    fn shared<'a>(&self, group: &'a Group) -> Shared<'a> {
        Shared {
            contents: &group.contents,
            segment_size: group.segment.map(usize::from),
            source: self.source,
        }
    }

    fn is(&self, ports: &Rc<Ports>, source: Option<IpAddr>) -> bool {
        Rc::ptr_eq(&self.ports, ports) && self.source == source
    }
}

/// The batch for this layout, if it lies in one piece, so that one call of the simplest kind writes it. Reports alone may be
/// dropped where nobody takes them, which is not for here.
fn whole(
    forms: &mut Forms,
    here: Position,
    layout: LayoutId,
    ring: &mut Ring,
) -> Option<Rc<Framed>> {
    let known = |forms: &Forms| {
        let form = forms.iter().find(|(known, _)| *known == layout);
        form.map(|(_, framed)| Rc::clone(framed))
    };
    let framed = known(forms).or_else(|| {
        if matches!(ring.layout(layout), Some(Layout::Flow { rtp: false, .. })) {
            return None;
        }
        let framed = ring.framed(here.batch, layout)?;
        forms.push((layout, Rc::clone(&framed)));
        Some(framed)
    })?;
    (framed.chunks.len() == 1).then_some(framed)
}
