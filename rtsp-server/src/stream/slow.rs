//! Readers that cannot take a stream as fast as it comes: what is told of them, and counted.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Why a reader fell behind, as far as the server can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlowCause {
    /// The reader does not read: its receive window is closed, or so small that it alone sets the pace.
    WindowClosed,
    /// The network takes less than the stream brings: what was sent is not acknowledged.
    Network,
    /// The server had no time for it: the reader could have taken more, or never got what another thread received.
    ServerBusy,
    /// The source was late, and then sent all at once more than the reader's connection takes.
    SourceLate,
    /// The connection is full, and the system does not tell why.
    Unknown,
}

impl SlowCause {
    const COUNT: usize = 5;

    fn index(self) -> usize {
        match self {
            Self::WindowClosed => 0,
            Self::Network => 1,
            Self::ServerBusy => 2,
            Self::SourceLate => 3,
            Self::Unknown => 4,
        }
    }
}

impl fmt::Display for SlowCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WindowClosed => "the reader's window is closed: it does not read",
            Self::Network => "the network takes less than the stream brings",
            Self::ServerBusy => "the server had no time for it",
            Self::SourceLate => "the source was late and sent much at once",
            Self::Unknown => "its connection is full",
        })
    }
}

/// A reader has fallen behind: it was made to skip a part of the stream, or disconnected
/// ([`SlowReaders`](crate::SlowReaders)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowReader {
    /// Path of the stream.
    pub path: Arc<str>,
    /// The number of the reader, as in the log.
    pub reader: u64,
    /// Where its media go.
    pub peer: Option<SocketAddr>,
    /// Why, as the server sees it.
    pub cause: SlowCause,
    /// RTP packets of its media that it will not get, exactly. Before this event it got all up to those, and goes on behind
    /// them, at a key frame where the media have such.
    pub skipped_packets: u64,
    /// How long its connection had taken nothing.
    pub stalled: Duration,
    /// It was disconnected.
    pub disconnected: bool,
}

/// Exact counts of what [`SlowReader`] tells, since the stream or the server began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowReaderCounts {
    /// Events with [`SlowCause::WindowClosed`].
    pub window_closed: u64,
    /// Events with [`SlowCause::Network`].
    pub network: u64,
    /// Events with [`SlowCause::ServerBusy`].
    pub server_busy: u64,
    /// Events with [`SlowCause::SourceLate`].
    pub source_late: u64,
    /// Events with [`SlowCause::Unknown`].
    pub unknown: u64,
    /// RTP packets that readers were made to skip.
    pub skipped_packets: u64,
    /// Readers that were disconnected.
    pub disconnected: u64,
}

impl SlowReaderCounts {
    /// Events of all causes.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.window_closed + self.network + self.server_busy + self.source_late + self.unknown
    }
}

/// The counts of one stream, or of all, as all shards add to them. Nothing here is touched by packets.
#[derive(Debug, Default)]
pub(crate) struct SlowCounters {
    causes: [AtomicU64; SlowCause::COUNT],
    skipped_packets: AtomicU64,
    disconnected: AtomicU64,
}

impl SlowCounters {
    pub(crate) fn count(&self, event: &SlowReader) {
        if let Some(cause) = self.causes.get(event.cause.index()) {
            cause.fetch_add(1, Ordering::Relaxed);
        }
        self.more_skipped(event.skipped_packets);
        self.disconnected
            .fetch_add(event.disconnected.into(), Ordering::Relaxed);
    }

    /// What a reader went on to skip after its event, until the key frame came.
    pub(crate) fn more_skipped(&self, packets: u64) {
        self.skipped_packets.fetch_add(packets, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> SlowReaderCounts {
        let [window_closed, network, server_busy, source_late, unknown] = self
            .causes
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        SlowReaderCounts {
            window_closed,
            network,
            server_busy,
            source_late,
            unknown,
            skipped_packets: self.skipped_packets.load(Ordering::Relaxed),
            disconnected: self.disconnected.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_count_of_its_own() {
        let counters = SlowCounters::default();
        let event = SlowReader {
            path: "/x".into(),
            reader: 1,
            peer: None,
            cause: SlowCause::WindowClosed,
            skipped_packets: 10,
            stalled: Duration::ZERO,
            disconnected: false,
        };
        for (times, cause) in (1..).zip([
            SlowCause::WindowClosed,
            SlowCause::Network,
            SlowCause::ServerBusy,
            SlowCause::SourceLate,
            SlowCause::Unknown,
        ]) {
            for _ in 0..times {
                counters.count(&SlowReader {
                    cause,
                    ..event.clone()
                });
            }
        }
        counters.count(&SlowReader {
            disconnected: true,
            skipped_packets: 0,
            ..event
        });
        counters.more_skipped(7);
        let counts = counters.read();
        assert_eq!(
            counts,
            SlowReaderCounts {
                window_closed: 2,
                network: 2,
                server_busy: 3,
                source_late: 4,
                unknown: 5,
                skipped_packets: 157,
                disconnected: 1,
            }
        );
        assert_eq!(counts.events(), 16);
    }
}
