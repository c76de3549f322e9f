//! A stream on one shard: its ring, its readers there, and on its home shard the receiving end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use smallvec::SmallVec;

use super::{
    batch::Batch,
    ingest::Ingest,
    lane::NewWay,
    reader::{Pumped, Reader, ReaderId},
    registry::Stream,
    ring::{Position, Ring},
    slow::SlowReader,
};
use crate::{config::SlowReaders, shard::ShardId};

/// At most one line per stream and this long tells of slow readers.
const LOG_PAUSE: Duration = Duration::from_secs(5);

/// The part of a stream that its home shard has.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) ingest: Ingest,
    /// Other shards that have readers of it.
    pub(crate) attached: SmallVec<[ShardId; 4]>,
}

/// A stream as one shard sees it.
#[derive(Debug)]
pub(crate) struct LocalStream {
    pub(crate) stream: Arc<Stream>,
    pub(crate) ring: Ring,
    pub(super) readers: Vec<Reader>,
    pub(crate) origin: Option<Origin>,
    /// What the home shard kept has arrived.
    pub(crate) ready: bool,
    /// It belongs to one session: what it plays of a file.
    pub(crate) private: bool,
    /// What happens to readers that are too slow.
    policy: SlowReaders,
    logged: Option<Instant>,
    /// The batch that nobody was handed yet.
    due: Option<u64>,
}

/// What the shard has to do after packets went out.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// Some readers go on at a bounded pace.
    pub(crate) paced: bool,
    /// These have lost their peer.
    pub(crate) gone: SmallVec<[ReaderId; 4]>,
    /// These are too slow for the stream.
    pub(crate) slow: Vec<SlowReader>,
    /// Packets that readers skipped after they were told of.
    pub(crate) skipped: u64,
}

impl Aftermath {
    pub(super) fn note(&mut self, id: ReaderId, pumped: Pumped) {
        match pumped {
            Pumped::Paced => self.paced = true,
            Pumped::Gone => self.gone.push(id),
            Pumped::CaughtUp | Pumped::Blocked => {}
        }
    }
}

impl LocalStream {
    pub(crate) fn new(
        stream: Arc<Stream>,
        ring: Ring,
        origin: Option<Origin>,
        policy: SlowReaders,
    ) -> Self {
        let ready = origin.is_some();
        Self {
            ring: ring.secured_by(&stream.secured),
            stream,
            readers: Vec::new(),
            origin,
            ready,
            private: false,
            policy,
            logged: None,
            due: None,
        }
    }

    /// Its one reader misses nothing, however slow it is: the source waits.
    pub(crate) fn make_private(&mut self, ring: Ring) {
        self.private = true;
        self.ring = ring.secured_by(&self.stream.secured);
        self.policy = SlowReaders::SkipToKeyFrame;
    }

    pub(crate) fn readers(&self) -> &[Reader] {
        &self.readers
    }

    /// Takes a batch. It is due to every reader that waits for one: see [`Outlet::hand_out`](super::fan_out::Outlet::hand_out), which
    /// comes before the next.
    pub(crate) fn keep(&mut self, index: u64, batch: Arc<Batch>) {
        self.ring.push(index, batch);
        self.due = Some(index);
    }

    /// Whether the newest batch is yet to be handed out.
    pub(crate) fn is_due(&self) -> bool {
        self.due.is_some()
    }

    pub(super) fn take_due(&mut self) -> Option<u64> {
        self.due.take()
    }

    /// Goes on with one reader: its socket takes more, or it has just begun.
    pub(crate) fn pump(&mut self, id: ReaderId, now: Instant, after: &mut Aftermath) {
        if let Some(at) = self.index(id) {
            self.pump_at(at, now, after);
        }
    }

    /// Goes on with all readers for which `wanted` holds.
    pub(crate) fn pump_where(
        &mut self,
        wanted: impl Fn(&Reader) -> bool,
        now: Instant,
        after: &mut Aftermath,
    ) {
        for at in 0..self.readers.len() {
            if self.readers.get(at).is_some_and(&wanted) {
                self.pump_at(at, now, after);
            }
        }
    }

    pub(super) fn pump_at(&mut self, at: usize, now: Instant, after: &mut Aftermath) {
        let Some(reader) = self.readers.get_mut(at) else {
            return;
        };
        if reader.lags(&self.ring, latency(self.policy), now) {
            self.fell_behind(at, now, after);
        }
        let Some(reader) = self.readers.get_mut(at) else {
            return;
        };
        let pumped = reader.pump(&mut self.ring, now);
        after.note(reader.id, pumped);
        let untold = reader.take_untold();
        if untold > 0 {
            self.stream.slow.more_skipped(untold);
            after.skipped += untold;
        }
    }

    /// Looks after readers whose connections are full: nobody calls for them until those take more.
    pub(crate) fn watch(&mut self, now: Instant, after: &mut Aftermath) {
        for at in 0..self.readers.len() {
            let Some(reader) = self.readers.get_mut(at).filter(|it| it.is_waiting()) else {
                continue;
            };
            reader.look();
            if reader.lags(&self.ring, latency(self.policy), now) {
                self.fell_behind(at, now, after);
            }
        }
    }

    /// Does with a reader that is too slow what the path says.
    fn fell_behind(&mut self, at: usize, now: Instant, after: &mut Aftermath) {
        let Some(reader) = self.readers.get_mut(at) else {
            return;
        };
        // Datagrams wait for the server's own socket: that is not the reader's fault.
        let disconnected = self.policy == SlowReaders::Disconnect && reader.has_connection();
        let skipped = if disconnected {
            reader.evict(&self.ring, now)
        } else {
            reader.skip(&mut self.ring, latency(self.policy), now)
        };
        let event = SlowReader {
            path: Arc::clone(&self.stream.path),
            reader: reader.id.0,
            peer: reader.peer(),
            cause: skipped.cause,
            skipped_packets: skipped.packets,
            stalled: skipped.stalled,
            disconnected,
        };
        self.stream.slow.count(&event);
        self.log_slow(&event, now);
        after.slow.push(event);
    }

    pub(crate) fn add(&mut self, reader: Reader) {
        self.readers.push(reader);
        self.stream.readers.send_modify(|count| *count += 1);
    }

    pub(crate) fn remove(&mut self, id: ReaderId) -> Option<Reader> {
        let reader = self.readers.swap_remove(self.index(id)?);
        reader.close(&mut self.ring);
        self.stream
            .readers
            .send_modify(|count| *count = count.saturating_sub(1));
        Some(reader)
    }

    /// A reader gets no more of one media; the others go on where they are.
    pub(crate) fn leave_media(&mut self, id: ReaderId, media: u8) {
        let Some(at) = self.index(id) else { return };
        if let Some(reader) = self.readers.get_mut(at) {
            reader.leave_media(media, &mut self.ring);
        }
    }

    /// Where a reader is.
    pub(crate) fn place(&mut self, id: ReaderId) -> Option<Position> {
        let at = self.index(id)?;
        Some(self.readers.get(at)?.place(&mut self.ring))
    }

    /// Where a reader is with one media.
    pub(crate) fn place_of(&mut self, id: ReaderId, media: u8) -> Option<Position> {
        let at = self.index(id)?;
        Some(self.readers.get(at)?.place_of(media, &mut self.ring))
    }

    /// One media of a reader goes another way from now on. Whether the reader has anything on an RTSP connection then.
    pub(crate) fn switch_media(
        &mut self,
        id: ReaderId,
        media: u8,
        ways: impl IntoIterator<Item = NewWay>,
    ) -> bool {
        let Some(at) = self.index(id) else {
            return false;
        };
        let Some(reader) = self.readers.get_mut(at) else {
            return false;
        };
        reader.switch_media(media, ways, &mut self.ring);
        reader.is_interleaved()
    }

    pub(crate) fn reader_mut(&mut self, id: ReaderId) -> Option<&mut Reader> {
        let at = self.index(id)?;
        self.readers.get_mut(at)
    }

    pub(crate) fn reader(&self, id: ReaderId) -> Option<&Reader> {
        self.readers.get(self.index(id)?)
    }

    fn index(&self, id: ReaderId) -> Option<usize> {
        self.readers.iter().position(|reader| reader.id == id)
    }

    /// Where a reader of these media begins that was last at `before`.
    pub(crate) fn start(
        &self,
        video: super::batch::MediaSet,
        before: Option<Position>,
        live: bool,
    ) -> Position {
        if let Some(before) = before.filter(|before| self.ring.holds(*before)) {
            return before;
        }
        let key = if live {
            None
        } else {
            self.ring.random_access(video)
        };
        let start = key.unwrap_or_else(|| self.ring.live());
        // Receivers drop what they have seen: never go back.
        before.map_or(start, |before| {
            if start < before {
                self.ring.live()
            } else {
                start
            }
        })
    }

    fn log_slow(&mut self, event: &SlowReader, now: Instant) {
        let logged = |last| now.saturating_duration_since(last) < LOG_PAUSE;
        if self.logged.is_some_and(logged) {
            return;
        }
        self.logged = Some(now);
        let counts = self.stream.slow.read();
        tracing::warn!(
            path = %event.path,
            reader = event.reader,
            peer = event.peer.map(tracing::field::display),
            skipped_packets = event.skipped_packets,
            stalled_ms = event.stalled.as_millis() as u64,
            cause = %event.cause,
            events = counts.events(),
            skipped_by_all = counts.skipped_packets,
            "{}",
            if event.disconnected {
                "a reader was too slow: it is disconnected"
            } else {
                "a reader was too slow: it goes on at a key frame"
            }
        );
    }
}

/// How far readers may be behind.
fn latency(policy: SlowReaders) -> Option<Duration> {
    match policy {
        SlowReaders::LatencyCap(latency) => Some(latency),
        SlowReaders::SkipToKeyFrame | SlowReaders::Disconnect => None,
    }
}
