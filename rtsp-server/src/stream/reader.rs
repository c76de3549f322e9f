//! One reader of a stream: a place in the ring and a way out.

mod lag;

use std::{
    io,
    io::IoSlice,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};

use rtsp_client::io::udp::Outgoing;
use smallvec::SmallVec;

use self::lag::Lag;
use super::{
    batch::{Kind, MediaSet},
    layout::Layout,
    ring::{LayoutId, Position, Ring},
};
use crate::{connection::Link, io::udp::Ports};

/// Most slices of one write: a frame of video in one call, and then some.
const SLICES: usize = 64;
/// Most bytes of one write; more would only wait in the kernel.
const WRITE_BYTES: usize = 512 * 1024;
/// Datagrams that a reader which is behind gets per [`CATCH_UP_TICK`]: about 200 Mbit/s, which the usual receive buffer of a
/// player survives.
const CATCH_UP_PACKETS: u32 = 20;
/// How often a reader that is behind goes on.
pub(crate) const CATCH_UP_TICK: Duration = Duration::from_millis(1);

/// Where one media of a reader goes by UDP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) media: u8,
    pub(crate) rtp: SocketAddr,
    pub(crate) rtcp: SocketAddr,
}

/// How packets leave.
#[derive(Debug)]
pub(crate) enum Way {
    /// Interleaved on a connection.
    Tcp { link: Rc<Link>, layout: LayoutId },
    /// As datagrams from the shard's ports.
    Udp {
        ports: Rc<Ports>,
        source: Option<IpAddr>,
        destinations: SmallVec<[Destination; 2]>,
    },
}

/// What is left to do after an attempt to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pumped {
    /// All that is there was sent.
    CaughtUp,
    /// The socket is full; it says when it takes more.
    Blocked,
    /// There is more, to be sent at a bounded pace.
    Paced,
    /// The peer is gone.
    Gone,
}

/// One reader.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) id: ReaderId,
    pub(crate) way: Way,
    pub(crate) video: MediaSet,
    /// All that it gets.
    media: MediaSet,
    position: Position,
    lag: Lag,
    blocked_since: Option<Instant>,
    paced: bool,
    pub(crate) counters: Counters,
}

/// Number of a reader within its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReaderId(pub(crate) u64);

/// What one reader got, exactly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// RTP packets that it was made to skip because it was too slow.
    pub(crate) skipped_packets: u64,
    /// How often.
    pub(crate) skips: u32,
    /// Datagrams that the system refused to send.
    pub(crate) refused_datagrams: u64,
}

impl Reader {
    /// A reader that begins with the entry at `place`.
    pub(crate) fn new(
        id: ReaderId,
        way: Way,
        video: MediaSet,
        place: Position,
        ring: &mut Ring,
    ) -> Self {
        let counters = Counters::default();
        let (position, media) = match &way {
            Way::Tcp { layout, .. } => {
                let all = ring.layout(*layout).map(Layout::all).unwrap_or_default();
                (ring.frame_of_entry(place, *layout), all)
            }
            Way::Udp { destinations, .. } => (
                ring.group_of_entry(place),
                destinations.iter().map(|to| to.media).collect(),
            ),
        };
        Self {
            id,
            way,
            video,
            media,
            position,
            lag: Lag::new(ring.end()),
            blocked_since: None,
            paced: false,
            counters,
        }
    }

    /// Where it is, counted in what it sends.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Where it is, counted in entries: the same whatever way it goes on.
    pub(crate) fn place(&self, ring: &mut Ring) -> Position {
        match &self.way {
            Way::Tcp { layout, .. } => ring.entry_of_frame(self.position, *layout),
            Way::Udp { .. } => ring.entry_of_group(self.position),
        }
    }

    /// Gets no more of one media.
    pub(crate) fn leave_media(&mut self, media: u8, ring: &mut Ring) {
        let place = self.place(ring);
        self.video.remove(media);
        self.leave_behind(media);
        match &mut self.way {
            Way::Tcp { layout, .. } => {
                let mut left = ring.layout(*layout).cloned().unwrap_or_default();
                left.set(media, None);
                let new = ring.intern(left);
                ring.release_layout(std::mem::replace(layout, new));
                self.position = ring.frame_of_entry(place, new);
            }
            Way::Udp { destinations, .. } => destinations.retain(|to| to.media != media),
        }
    }

    /// Where its media go.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        match &self.way {
            Way::Tcp { link, .. } => Some(link.peer),
            Way::Udp { destinations, .. } => destinations.first().map(|to| to.rtp),
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked_since.is_some()
    }

    pub(crate) fn is_paced(&self) -> bool {
        self.paced
    }

    /// Sends what is there. Called with each new batch, when the socket takes more, and at the catch-up tick.
    pub(crate) fn pump(&mut self, ring: &mut Ring, now: Instant) -> Pumped {
        if self.lag.evicted {
            return Pumped::CaughtUp;
        }
        if !self.begin_anew(ring) {
            // Nothing is to be sent until the key frame comes.
            self.blocked_since = None;
            self.paced = false;
            return Pumped::CaughtUp;
        }
        let pumped = match &self.way {
            Way::Tcp { .. } => self.pump_tcp(ring),
            Way::Udp { .. } => self.pump_udp(ring),
        };
        self.paced = pumped == Pumped::Paced;
        self.blocked_since = if pumped == Pumped::Blocked {
            Some(self.blocked_since.unwrap_or(now))
        } else {
            None
        };
        self.note_place(ring);
        pumped
    }

    fn pump_tcp(&mut self, ring: &mut Ring) -> Pumped {
        let Way::Tcp { link, layout } = &self.way else {
            return Pumped::Gone;
        };
        let (link, layout) = (Rc::clone(link), *layout);
        while self.position.batch < ring.end() {
            // Responses and the tail of a frame come first.
            if !link.outbox.borrow().is_empty() {
                link.want_write();
                return Pumped::Blocked;
            }
            match self.write_once(ring, &link, layout) {
                Ok(true) => {}
                Ok(false) => {
                    link.want_write();
                    return Pumped::Blocked;
                }
                Err(_) => return Pumped::Gone,
            }
        }
        Pumped::CaughtUp
    }

    /// One write of as much as fits; `false` when the socket is full.
    fn write_once(&mut self, ring: &mut Ring, link: &Link, layout: LayoutId) -> io::Result<bool> {
        let mut forms = SmallVec::<[_; 16]>::new();
        let mut bytes = 0;
        let mut at = self.position;
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
            self.position = at;
            return Ok(true);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let pieces = forms
            .iter()
            .flat_map(|(framed, at)| framed.from(framed.start(at.item)));
        let mut offered = 0;
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            offered += piece.len();
            filled += 1;
        }
        let written = match link
            .stream
            .try_write_vectored(slices.get(..filled).unwrap_or_default())
        {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        self.counters.bytes += written as u64;
        let mut left = written as u32;
        for (framed, at) in &forms {
            let start = framed.start(at.item);
            let rest = framed.len() - start;
            if left >= rest {
                left -= rest;
                self.counters.packets += u64::from(framed.ends.len() as u32 - at.item);
                self.position = Position {
                    batch: at.batch + 1,
                    item: 0,
                };
                continue;
            }
            let (item, tail) = framed.split(start + left);
            self.counters.packets += u64::from(item - at.item);
            self.position = Position {
                batch: at.batch,
                item,
            };
            link.outbox.borrow_mut().push(tail);
            break;
        }
        Ok(written == offered)
    }

    fn pump_udp(&mut self, ring: &mut Ring) -> Pumped {
        let Way::Udp {
            ports,
            source,
            destinations,
        } = &self.way
        else {
            return Pumped::Gone;
        };
        // With the newest batch in reach there is nothing to pace: it goes out as it came in.
        let mut budget = if self.position.batch + 1 >= ring.end() {
            u32::MAX
        } else {
            CATCH_UP_PACKETS
        };
        while let Some(datagrams) = ring.datagrams(self.position.batch) {
            while let Some(group) = datagrams.groups.get(self.position.item as usize) {
                let to = destinations.iter().find(|to| to.media == group.media);
                let Some(to) = to else {
                    self.position.item += 1;
                    continue;
                };
                if budget == 0 {
                    return Pumped::Paced;
                }
                let (socket, destination) = match group.kind {
                    Kind::Rtp => (&ports.pair.rtp, to.rtp),
                    Kind::Rtcp => (&ports.pair.rtcp, to.rtcp),
                };
                let outgoing = Outgoing {
                    destination,
                    contents: &group.contents,
                    segment_size: group.segment.map(usize::from),
                    source: *source,
                };
                match socket.try_send(&outgoing) {
                    Ok(()) => {
                        self.counters.packets += u64::from(group.packets);
                        self.counters.bytes += group.contents.len() as u64;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ports.want_write();
                        return Pumped::Blocked;
                    }
                    // An unreachable peer is found out by its session's timeout; what was not sent is counted.
                    Err(_) => self.counters.refused_datagrams += u64::from(group.packets),
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
