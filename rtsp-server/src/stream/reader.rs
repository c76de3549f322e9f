//! One reader of a stream: its ways out, each with a place in the ring.

mod lag;

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use smallvec::SmallVec;

use self::lag::Lag;
use super::{
    batch::MediaSet,
    form::{Framed, Group},
    lane::{Destination, Lane, NewWay, Pipe, Way},
    ring::{Position, Ring},
};

/// How often a reader that is behind goes on.
pub(crate) const CATCH_UP_TICK: Duration = Duration::from_millis(1);

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

impl Pumped {
    /// What holds for a reader of which one lane says this and the others said `before`: it waits where all wait, and goes on by
    /// the clock where one does.
    fn join(self, before: Option<Self>) -> Self {
        match (before, self) {
            (None, only) => only,
            (Some(Self::Paced), _) | (_, Self::Paced) => Self::Paced,
            (Some(Self::Gone), other) | (Some(other), Self::Gone) => other,
            (Some(Self::CaughtUp), _) | (_, Self::CaughtUp) => Self::CaughtUp,
            (Some(Self::Blocked), Self::Blocked) => Self::Blocked,
        }
    }
}

/// One reader. It has one lane where its media go out together, and more where they go different ways: each lane goes on by
/// itself.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) id: ReaderId,
    pub(crate) lanes: SmallVec<[Lane; 1]>,
    pub(crate) video: MediaSet,
    /// All that it gets.
    media: MediaSet,
    lag: Lag,
    /// All its lanes wait for room.
    blocked: bool,
    /// Since when one of them does.
    /// Who sets this calls `note_place` as well: when the ring has moved on it is too late to know where it was.
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
        ways: impl IntoIterator<Item = NewWay>,
        video: MediaSet,
        place: Position,
        ring: &mut Ring,
    ) -> Self {
        let lanes = ways.into_iter().map(|way| Lane::new(way, place, ring));
        let lanes: SmallVec<[Lane; 1]> = lanes.collect();
        let media = lanes.iter().flat_map(|lane| lane.media(ring).iter());
        Self {
            id,
            media: media.collect(),
            lanes,
            video,
            lag: Lag::new(ring.end()),
            blocked: false,
            blocked_since: None,
            paced: false,
            counters: Counters::default(),
        }
    }

    /// Where it is, counted in what it sends: where its last lane is.
    pub(crate) fn position(&self) -> Position {
        let positions = self.lanes.iter().map(Lane::position);
        positions.min().unwrap_or_default()
    }

    /// Where it is, counted in entries: the same whatever way it goes on.
    pub(crate) fn place(&self, ring: &mut Ring) -> Position {
        let places = self.lanes.iter().map(|lane| lane.place(ring));
        places.min().unwrap_or_default()
    }

    /// Gets no more of one media.
    pub(crate) fn leave_media(&mut self, media: u8, ring: &mut Ring) {
        self.video.remove(media);
        self.leave_behind(media);
        self.leave_lanes(media, ring);
    }

    /// One media goes another way from now on: it goes on with the entry that it has not sent yet.
    pub(crate) fn switch_media(
        &mut self,
        media: u8,
        ways: impl IntoIterator<Item = NewWay>,
        ring: &mut Ring,
    ) {
        let place = self.place_of(media, ring);
        self.leave_lanes(media, ring);
        for way in ways {
            self.lanes.push(Lane::new(way, place, ring));
        }
        self.blocked = false;
        self.note_place(ring);
    }

    /// Where its datagrams go.
    pub(crate) fn destinations(&mut self) -> impl Iterator<Item = &mut Destination> {
        self.lanes.iter_mut().flat_map(|lane| match &mut lane.way {
            Way::Udp { destinations, .. } | Way::Srtp { destinations, .. } => {
                destinations.as_mut_slice()
            }
            Way::Tcp { .. } => &mut [],
        })
    }

    /// Where its media go.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.lanes.first()?.peer()
    }

    /// Whether closing a connection would rid the stream of it.
    pub(crate) fn has_connection(&self) -> bool {
        let tcp = |lane: &Lane| matches!(lane.way, Way::Tcp { .. });
        self.lanes.iter().any(tcp)
    }

    /// Where one media is, counted in entries.
    pub(crate) fn place_of(&self, media: u8, ring: &mut Ring) -> Position {
        let mut its = self.lanes.iter();
        match its.find(|lane| lane.has(media, ring) && !lane.is_of_reports(ring)) {
            Some(lane) => lane.place(ring),
            None => self.place(ring),
        }
    }

    fn leave_lanes(&mut self, media: u8, ring: &mut Ring) {
        self.lanes.retain(|lane| {
            let stays = !lane.has(media, ring) || lane.leave_media(media, ring);
            if !stays {
                lane.close(ring);
            }
            stays
        });
    }

    /// Gives up what it holds in the ring.
    pub(crate) fn close(&self, ring: &mut Ring) {
        self.lanes.iter().for_each(|lane| lane.close(ring));
    }

    /// Whether something of it goes out on an RTSP connection.
    pub(crate) fn is_interleaved(&self) -> bool {
        let on_rtsp = |lane: &Lane| {
            matches!(
                lane.way,
                Way::Tcp {
                    pipe: Pipe::Rtsp(_),
                    ..
                }
            )
        };
        self.lanes.iter().any(on_rtsp)
    }

    /// Whether its peer shows by taking packets that it lives.
    pub(crate) fn is_taken(&self) -> bool {
        let tcp = |lane: &Lane| matches!(lane.way, Way::Tcp { .. });
        !self.lanes.is_empty() && self.lanes.iter().all(tcp) && self.blocked_since.is_none()
    }

    /// Whether nothing can be sent before a socket takes more.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Whether something waits for a socket to take more.
    pub(crate) fn is_waiting(&self) -> bool {
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
            self.blocked = false;
            self.blocked_since = None;
            self.paced = false;
            return Pumped::CaughtUp;
        }
        let mut all = None;
        for lane in &mut self.lanes {
            all = Some(lane.pump(ring, &mut self.counters).join(all));
        }
        self.settle(all.unwrap_or(Pumped::CaughtUp), ring, now)
    }

    /// After its lanes have sent what they could.
    fn settle(&mut self, pumped: Pumped, ring: &mut Ring, now: Instant) -> Pumped {
        let waits = self.lanes.iter().any(|lane| lane.blocked);
        self.paced = pumped == Pumped::Paced;
        self.blocked = pumped == Pumped::Blocked;
        self.blocked_since = waits.then(|| self.blocked_since.unwrap_or(now));
        self.note_place(ring);
        pumped
    }

    /// The one way that it has, if it waits for nothing but the batch that comes next there.
    pub(super) fn level(&self) -> Option<&Lane> {
        let level = !self.blocked && !self.paced && !self.is_waiting() && self.lag.is_level();
        match &self.lanes[..] {
            [lane] if level && lane.is_alive() => Some(lane),
            _ => None,
        }
    }

    /// See [`Lane::wrote`]; of a reader that is level.
    pub(super) fn wrote(
        &mut self,
        framed: &Framed,
        written: io::Result<usize>,
        ring: &mut Ring,
        now: Instant,
    ) -> Pumped {
        let Some(lane) = self.lanes.first_mut() else {
            return Pumped::CaughtUp;
        };
        let pumped = lane.wrote(framed, written, &mut self.counters);
        self.settle(pumped, ring, now)
    }

    /// See [`Lane::passed`]; of a reader that is level.
    pub(super) fn passed(&mut self, group: &Group, sent: Option<bool>) {
        if let Some(lane) = self.lanes.first_mut() {
            lane.passed(group, sent, &mut self.counters);
        }
    }

    /// See [`Lane::sent`]; of a reader that is level.
    pub(super) fn sent(&mut self, groups: u32, ring: &mut Ring, now: Instant) -> Pumped {
        let Some(lane) = self.lanes.first_mut() else {
            return Pumped::CaughtUp;
        };
        let pumped = lane.sent(groups);
        self.settle(pumped, ring, now)
    }

    fn skip_to(&mut self, position: Position, ring: &Ring) {
        for lane in &mut self.lanes {
            lane.skip_to(position, ring);
        }
    }
}
