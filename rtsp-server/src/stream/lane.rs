//! One way out of a stream: a place in the ring, and a socket.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Instant,
};

use rtsp_client::io::udp::Outgoing;
use rtsp_session::{
    media::{Breaker, Sent},
    transport::Reports,
};
use smallvec::SmallVec;
use tokio::net::TcpStream;

use super::{
    batch::{Kind, MediaSet},
    form::{Framed, Group},
    layout::Layout,
    reader::{Counters, Pumped},
    ring::{LayoutId, Position, Ring, Seal},
    secure::Sealing,
};
use crate::{
    connection::{Link, Outbox},
    io::{socket::Sink as _, udp::Ports},
    shard::FlowLink,
};

/// Most slices of one write: a frame of video in one call, and then some.
const SLICES: usize = 64;
/// Most bytes of one write; more would only wait in the kernel.
const WRITE_BYTES: usize = 512 * 1024;
/// Datagrams that a reader which is behind gets per [`CATCH_UP_TICK`](super::reader::CATCH_UP_TICK): about 200 Mbit/s.
const CATCH_UP_PACKETS: u32 = 20;

/// Where one media of a reader goes by UDP, and what went there.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) media: u8,
    pub(crate) rtp: SocketAddr,
    pub(crate) reports: Reports,
    pub(crate) account: Box<Account>,
}

/// What went to a destination, and whether more may.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) sent: Sent,
    pub(crate) breaker: Breaker,
}

impl Destination {
    pub(crate) fn new(media: u8, rtp: SocketAddr, reports: Reports) -> Self {
        Self {
            media,
            rtp,
            reports,
            account: Box::new(Account {
                sent: Sent::default(),
                breaker: Breaker::new(Instant::now()),
            }),
        }
    }
}

/// A TCP connection that frames go out on.
#[derive(Clone, Debug)]
pub(crate) enum Pipe {
    /// That of RTSP.
    Rtsp(Rc<Link>),
    /// One for the media alone.
    Own(Rc<FlowLink>),
}

impl Pipe {
    /// The system's socket.
    pub(crate) fn stream(&self) -> &TcpStream {
        match self {
            Self::Rtsp(link) => link.stream.tcp(),
            Self::Own(link) => &link.stream,
        }
    }

    fn outbox(&self) -> &RefCell<Outbox> {
        match self {
            Self::Rtsp(link) => &link.outbox,
            Self::Own(link) => &link.outbox,
        }
    }

    /// Whether frames can go out on the system's socket as they are, and nothing has to go before them.
    pub(super) fn is_free(&self) -> bool {
        let plain = match self {
            Self::Rtsp(link) => link.stream.is_plain(),
            Self::Own(_) => true,
        };
        plain && self.outbox().borrow().is_empty()
    }

    /// Sends some of what is offered; what a sealed connection has taken and could not send goes when its socket takes more.
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let link = match self {
            Self::Own(link) => return link.stream.try_write_vectored(slices),
            Self::Rtsp(link) => link,
        };
        let taken = link.stream.try_write_vectored(slices)?;
        if !link.stream.try_flush()? {
            link.want_write();
        }
        Ok(taken)
    }

    fn want_write(&self) {
        match self {
            Self::Rtsp(link) => link.want_write(),
            Self::Own(link) => link.want_write(),
        }
    }
}

/// How packets leave.
#[derive(Debug)]
pub(crate) enum Way {
    /// Framed, on a connection.
    Tcp { pipe: Pipe, layout: LayoutId },
    /// As datagrams from the shard's ports.
    Udp {
        ports: Rc<Ports>,
        source: Option<IpAddr>,
        destinations: SmallVec<[Destination; 2]>,
    },
    /// The same, sealed: another way, so that nothing meant for the one goes the other.
    Srtp {
        ports: Rc<Ports>,
        source: Option<IpAddr>,
        destinations: SmallVec<[Destination; 2]>,
        seal: Seal,
    },
}

/// A way that is not in a ring yet.
#[derive(Clone, Debug)]
pub(crate) enum NewWay {
    Tcp {
        pipe: Pipe,
        layout: Layout,
        /// What packets are sealed with.
        sealing: Option<Sealing>,
    },
    Udp {
        ports: Rc<Ports>,
        source: Option<IpAddr>,
        destinations: SmallVec<[Destination; 2]>,
        /// What packets are sealed with.
        sealing: Option<Sealing>,
    },
}

/// A way out and where it is.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) way: Way,
    /// Counted in what it sends: frames or groups of datagrams.
    position: Position,
    /// Its socket was full.
    pub(crate) blocked: bool,
    /// Its peer is gone.
    gone: bool,
}

impl Lane {
    /// A lane that begins with the entry at `place`.
    pub(crate) fn new(way: NewWay, place: Position, ring: &mut Ring) -> Self {
        let (way, position) = match way {
            NewWay::Tcp {
                pipe,
                layout,
                sealing,
            } => {
                let place = match &pipe {
                    // What went out before a pause does not go out again.
                    Pipe::Own(link) => place.max(link.sent.get()),
                    Pipe::Rtsp(_) => place,
                };
                let seal = ring.open_seal(sealing.as_ref(), layout.all());
                let layout = ring.intern(layout, seal);
                let position = ring.frame_of_entry(place, layout);
                (Way::Tcp { pipe, layout }, position)
            }
            NewWay::Udp {
                ports,
                source,
                destinations,
                sealing,
            } => {
                let media = destinations.iter().map(|to| to.media).collect();
                let seal = ring.open_seal(sealing.as_ref(), media);
                let way = match seal {
                    Seal::Plain => Way::Udp {
                        ports,
                        source,
                        destinations,
                    },
                    seal => Way::Srtp {
                        ports,
                        source,
                        destinations,
                        seal,
                    },
                };
                (way, ring.group_of_entry(place, seal))
            }
        };
        Self {
            way,
            position,
            blocked: false,
            gone: false,
        }
    }

    /// Where it is, counted in what it sends.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Goes on at the first item of a batch, unless it is kept and further.
    pub(crate) fn skip_to(&mut self, position: Position, ring: &Ring) {
        if self.position < position || !ring.holds(self.position) {
            self.position = position;
        }
    }

    /// Where it is, counted in entries: the same whatever way it goes on.
    pub(crate) fn place(&self, ring: &mut Ring) -> Position {
        match &self.way {
            Way::Tcp { layout, .. } => ring.entry_of_frame(self.position, *layout),
            Way::Udp { .. } | Way::Srtp { .. } => ring.entry_of_group(self.position, self.seal()),
        }
    }

    /// How its datagrams leave.
    fn seal(&self) -> Seal {
        match &self.way {
            Way::Srtp { seal, .. } => *seal,
            _ => Seal::Plain,
        }
    }

    /// Where it leads.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        match &self.way {
            Way::Tcp { pipe, .. } => match pipe {
                Pipe::Rtsp(link) => Some(link.peer),
                Pipe::Own(link) => link.stream.peer_addr().ok(),
            },
            Way::Udp { destinations, .. } | Way::Srtp { destinations, .. } => {
                destinations.first().map(|to| to.rtp)
            }
        }
    }

    /// The media that it carries.
    pub(crate) fn media(&self, ring: &Ring) -> MediaSet {
        match &self.way {
            Way::Tcp { layout, .. } => ring.layout(*layout).map(Layout::all).unwrap_or_default(),
            Way::Udp { destinations, .. } | Way::Srtp { destinations, .. } => {
                destinations.iter().map(|to| to.media).collect()
            }
        }
    }

    /// Whether it carries anything of a media.
    pub(crate) fn has(&self, media: u8, ring: &Ring) -> bool {
        self.media(ring).contains(media)
    }

    /// Carries no more of one media; `false` when nothing is left that it does.
    pub(crate) fn leave_media(&mut self, media: u8, ring: &mut Ring) -> bool {
        let (place, seal) = (self.place(ring), self.seal());
        match &mut self.way {
            Way::Tcp { layout, .. } => {
                let mut left = ring.layout(*layout).cloned().unwrap_or_default();
                if matches!(left, Layout::Flow { media: its, .. } if its == media) {
                    return false;
                }
                left.set(media, None);
                let empty = left.is_empty();
                let seal = ring.seal_of(*layout);
                ring.narrow_seal(seal, media);
                let new = ring.intern(left, seal);
                ring.release_layout(std::mem::replace(layout, new));
                self.position = ring.frame_of_entry(place, new);
                !empty
            }
            Way::Udp { destinations, .. } | Way::Srtp { destinations, .. } => {
                destinations.retain(|to| to.media != media);
                ring.narrow_seal(seal, media);
                self.position = ring.group_of_entry(place, seal);
                !destinations.is_empty()
            }
        }
    }

    /// Gives up what it holds in the ring.
    pub(crate) fn close(&self, ring: &mut Ring) {
        match &self.way {
            Way::Tcp { pipe, layout } => {
                if let Pipe::Own(link) = pipe {
                    link.sent.set(ring.entry_of_frame(self.position, *layout));
                }
                ring.close_seal(ring.seal_of(*layout));
                ring.release_layout(*layout);
            }
            Way::Udp { .. } | Way::Srtp { .. } => ring.close_seal(self.seal()),
        }
    }

    /// Whether only reports go out here: they are dropped where nobody takes them, and keep nothing waiting.
    pub(crate) fn is_of_reports(&self, ring: &Ring) -> bool {
        match &self.way {
            Way::Tcp { layout, .. } => {
                matches!(ring.layout(*layout), Some(Layout::Flow { rtp: false, .. }))
            }
            Way::Udp { .. } | Way::Srtp { .. } => false,
        }
    }

    /// Whether it can go on at all.
    pub(super) fn is_alive(&self) -> bool {
        !self.gone
    }

    /// So much of the frames of a batch that was offered whole is on its way.
    pub(super) fn wrote(
        &mut self,
        framed: &Framed,
        written: io::Result<usize>,
        counters: &mut Counters,
    ) -> Pumped {
        let Way::Tcp { pipe, .. } = &self.way else {
            return Pumped::CaughtUp;
        };
        match written {
            Ok(written) => {
                let mut left = written as u32;
                counters.bytes += written as u64;
                if advance(framed, &mut self.position, &mut left, pipe, counters) {
                    return Pumped::CaughtUp;
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                _ => {
                    self.gone = true;
                    return Pumped::Gone;
                }
            },
        }
        pipe.want_write();
        self.blocked = true;
        Pumped::Blocked
    }

    /// A group of datagrams was sent, was refused by the system (`Some(false)`), or is none of this lane's.
    pub(super) fn passed(&mut self, group: &Group, sent: Option<bool>, counters: &mut Counters) {
        self.position.item += 1;
        let (packets, bytes) = (u64::from(group.packets), group.contents.len() as u64);
        match sent {
            None => {}
            Some(false) => counters.refused_datagrams += packets,
            Some(true) => {
                counters.packets += packets;
                counters.bytes += bytes;
                if let (Kind::Rtp, Way::Udp { destinations, .. }) = (group.kind, &mut self.way)
                    && let Some(to) = destinations.iter_mut().find(|to| to.media == group.media)
                {
                    to.account.sent.packets += packets;
                    to.account.sent.octets += bytes;
                }
            }
        }
    }

    /// As many of the `groups` of a batch were sent as the socket takes.
    pub(super) fn sent(&mut self, groups: u32) -> Pumped {
        self.blocked = self.position.item < groups;
        if self.blocked {
            return Pumped::Blocked;
        }
        self.position = Position {
            batch: self.position.batch + 1,
            item: 0,
        };
        Pumped::CaughtUp
    }

    /// Sends what is there.
    pub(crate) fn pump(&mut self, ring: &mut Ring, counters: &mut Counters) -> Pumped {
        if self.gone {
            return Pumped::Gone;
        }
        let mut pumped = match &self.way {
            Way::Tcp { .. } => self.pump_tcp(ring, counters),
            Way::Udp { .. } | Way::Srtp { .. } => self.pump_udp(ring, counters),
        };
        if pumped == Pumped::Blocked && self.is_of_reports(ring) {
            self.position = ring.live();
            pumped = Pumped::CaughtUp;
        }
        self.blocked = pumped == Pumped::Blocked;
        self.gone = pumped == Pumped::Gone;
        pumped
    }

    fn pump_tcp(&mut self, ring: &mut Ring, counters: &mut Counters) -> Pumped {
        let Way::Tcp { pipe, layout } = &self.way else {
            return Pumped::Gone;
        };
        while self.position.batch < ring.end() {
            match write_once(ring, pipe, *layout, &mut self.position, counters) {
                Ok(true) => {}
                Ok(false) => {
                    pipe.want_write();
                    return Pumped::Blocked;
                }
                Err(_) => return Pumped::Gone,
            }
        }
        Pumped::CaughtUp
    }

    fn pump_udp(&mut self, ring: &mut Ring, counters: &mut Counters) -> Pumped {
        let seal = self.seal();
        let (Way::Udp {
            ports,
            source,
            destinations,
        }
        | Way::Srtp {
            ports,
            source,
            destinations,
            ..
        }) = &mut self.way
        else {
            return Pumped::Gone;
        };
        ring.let_go(seal, self.position.batch);
        // With the newest batch in reach there is nothing to pace: it goes out as it came in.
        let mut budget = if self.position.batch + 1 >= ring.end() {
            u32::MAX
        } else {
            CATCH_UP_PACKETS
        };
        while let Some(datagrams) = ring.groups(self.position.batch, seal) {
            while let Some(group) = datagrams.groups.get(self.position.item as usize) {
                let to = destinations.iter_mut().find(|to| to.media == group.media);
                let to =
                    to.and_then(|to| Some((ports.way_to((to.rtp, to.reports), group.kind)?, to)));
                let Some(((socket, destination), to)) = to else {
                    self.position.item += 1;
                    continue;
                };
                if budget == 0 {
                    return Pumped::Paced;
                }
                let outgoing = Outgoing {
                    destination,
                    contents: &group.contents,
                    segment_size: group.segment.map(usize::from),
                    source: *source,
                };
                match socket.try_send(&outgoing) {
                    Ok(()) => {
                        let packets = u64::from(group.packets);
                        let bytes = group.contents.len() as u64;
                        counters.packets += packets;
                        counters.bytes += bytes;
                        if group.kind == Kind::Rtp {
                            to.account.sent.packets += packets;
                            to.account.sent.octets += bytes;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ports.want_write();
                        return Pumped::Blocked;
                    }
                    // An unreachable peer is found out by its session's timeout; what was not sent is counted.
                    Err(_) => counters.refused_datagrams += u64::from(group.packets),
                }
                budget = budget.saturating_sub(group.packets.into());
                self.position.item += 1;
            }
            self.position = Position {
                batch: self.position.batch + 1,
                item: 0,
            };
        }
        Pumped::CaughtUp
    }
}

/// One write of as much as fits; `false` when the socket is full. Responses and the tail of a frame come first, in the same call.
fn write_once(
    ring: &mut Ring,
    pipe: &Pipe,
    layout: LayoutId,
    position: &mut Position,
    counters: &mut Counters,
) -> io::Result<bool> {
    ring.let_go(ring.seal_of(layout), position.batch);
    let mut forms = SmallVec::<[_; 16]>::new();
    let mut bytes = 0;
    let mut at = *position;
    while bytes < WRITE_BYTES && forms.len() < SLICES {
        let Some(framed) = ring.framed(at.batch, layout) else {
            break;
        };
        bytes += (framed.len() - framed.start(at.item)) as usize;
        forms.push((framed, at));
        at = Position {
            batch: at.batch + 1,
            item: 0,
        };
    }
    if bytes == 0 {
        // Nothing of this reader's media in there.
        *position = at;
        return Ok(true);
    }
    let mut outbox = pipe.outbox().borrow_mut();
    if !outbox.is_short() && !outbox.flush(pipe.stream())? {
        return Ok(false);
    }
    let mut slices = [IoSlice::new(&[]); SLICES];
    let mut filled = outbox.fill(&mut slices);
    let ahead = outbox.len();
    let pieces = forms
        .iter()
        .flat_map(|(framed, at)| framed.from(framed.start(at.item)));
    let mut offered = 0;
    for (slice, piece) in slices.iter_mut().skip(filled).zip(pieces) {
        *slice = IoSlice::new(piece);
        offered += piece.len();
        filled += 1;
    }
    let written = match pipe.try_write_vectored(slices.get(..filled).unwrap_or_default()) {
        Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
        Ok(written) => written,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
        Err(error) => return Err(error),
    };
    outbox.written(written.min(ahead));
    drop(outbox);
    let Some(written) = written.checked_sub(ahead) else {
        return Ok(false);
    };
    counters.bytes += written as u64;
    let mut left = written as u32;
    for (framed, at) in &forms {
        *position = *at;
        if !advance(framed, position, &mut left, pipe, counters) {
            break;
        }
    }
    Ok(written == offered)
}

/// Goes on by what was written of the frames from `position` on, `left` octets; whether that was all of the batch. The tail of a
/// frame that was begun goes out before anything else.
fn advance(
    framed: &Framed,
    position: &mut Position,
    left: &mut u32,
    pipe: &Pipe,
    counters: &mut Counters,
) -> bool {
    let start = framed.start(position.item);
    let rest = framed.len() - start;
    if *left >= rest {
        *left -= rest;
        counters.packets += u64::from(framed.ends.len() as u32 - position.item);
        *position = Position {
            batch: position.batch + 1,
            item: 0,
        };
        return true;
    }
    let (item, tail) = framed.split(start + *left);
    counters.packets += u64::from(item - position.item);
    position.item = item;
    pipe.outbox().borrow_mut().push(tail);
    false
}
