//! Which path has which stream.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rtsp_session::Now;
use tokio::sync::{Notify, watch};

use super::{
    batch::{MAX_MEDIA, MediaSet},
    clocks::Clocks,
    ingest::Shape,
    progress::Progress,
    secure::Secured,
    slow::SlowCounters,
};
use crate::shard::ShardId;

/// Number of a stream since the server began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StreamId(pub(crate) u64);

/// What all shards know of a stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) path: Arc<str>,
    /// The shard that its publisher feeds.
    pub(crate) home: ShardId,
    pub(crate) description: Arc<sdp::Description>,
    pub(crate) shapes: Box<[Shape]>,
    pub(crate) clocks: Arc<Clocks>,
    /// When it began.
    pub(crate) began: Now,
    /// How far it reaches: its normal play time.
    pub(crate) progress: Progress,
    /// Readers on all shards.
    pub(crate) readers: watch::Sender<usize>,
    /// What became of readers that were too slow.
    pub(crate) slow: SlowCounters,
    /// What readers of SRTP get it with.
    pub(crate) secured: Arc<Secured>,
}

impl Stream {
    /// Bits a second of a media: what its description says, else what was measured lately; 0 where neither is known.
    pub(crate) fn bit_rate(&self, media: usize) -> u64 {
        let told = self.description.media.get(media).and_then(|media| {
            let of = |kind: &str| {
                let mut all = media.bandwidth.iter();
                all.find(|one| one.kind.eq_ignore_ascii_case(kind))
                    .map(|one| one.value)
            };
            of("TIAS").or_else(|| of("AS").map(|kilobits| kilobits.saturating_mul(1000)))
        });
        told.unwrap_or_else(|| self.clocks.of(media as u8).bit_rate)
    }

    /// The media among `chosen` whose readers have to start at a key frame.
    pub(crate) fn video(&self, chosen: impl Iterator<Item = u8>) -> MediaSet {
        chosen
            .filter(|media| {
                self.shapes
                    .get(usize::from(*media))
                    .is_some_and(|shape| shape.has_key_frames())
            })
            .collect()
    }
}

/// Why a path cannot be published to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Somebody else publishes there.
    #[error("the path is taken: somebody else publishes to it")]
    Taken,
    /// The server itself serves the path: files, or a pull.
    #[error("the path is the server's own")]
    Reserved,
    /// The description has no media, or too many.
    #[error("a description needs 1 to {MAX_MEDIA} media, this one has {0}")]
    MediaCount(usize),
    /// There are as many streams as there may be.
    #[error("there are as many streams as there may be: see `limits.streams`")]
    TooMany,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Closed,
}

#[derive(Debug, Default)]
struct Place {
    stream: Option<Arc<Stream>>,
    /// Number of the claim that holds the path, stream or not.
    claim: u64,
}

/// All streams of a server by path.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    places: Mutex<HashMap<Arc<str>, Place>>,
    next: AtomicU64,
    changed: Notify,
    /// The most paths that may be taken; 0 for no bound.
    most: usize,
}

/// The right to publish to a path; given back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    registry: Arc<Registry>,
    pub(crate) path: Arc<str>,
    number: u64,
}

impl Registry {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Arc<str>, Place>> {
        self.places
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes a path for a publisher.
    pub(crate) fn claim(self: &Arc<Self>, path: &str) -> Result<Claim, PublishError> {
        let path: Arc<str> = path.into();
        let mut places = self.places();
        if places.contains_key(&path) {
            return Err(PublishError::Taken);
        }
        if self.most > 0 && places.len() >= self.most {
            return Err(PublishError::TooMany);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        places.insert(
            Arc::clone(&path),
            Place {
                stream: None,
                claim: number,
            },
        );
        Ok(Claim {
            registry: Arc::clone(self),
            path,
            number,
        })
    }

    /// The stream of a path.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<Stream>> {
        self.places().get(path)?.stream.clone()
    }

    /// The stream of a path, waiting for it at most so long.
    pub(crate) async fn wait_for(&self, path: &str, patience: Duration) -> Option<Arc<Stream>> {
        let found = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(stream) = self.find(path) {
                    return stream;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, found).await.ok()
    }

    /// How many streams there are.
    pub(crate) fn len(&self) -> usize {
        self.places()
            .values()
            .filter(|place| place.stream.is_some())
            .count()
    }
}

impl Claim {
    /// A stream for this path, not to be found yet.
    pub(crate) fn prepare(
        &self,
        home: ShardId,
        description: Arc<sdp::Description>,
    ) -> Result<Arc<Stream>, PublishError> {
        new_stream(
            StreamId(self.number),
            Arc::clone(&self.path),
            home,
            description,
            Arc::default(),
        )
    }

    /// Makes the stream known; its home shard must have it by now, or on its way.
    pub(crate) fn open(&self, stream: &Arc<Stream>) {
        if let Some(place) = self.registry.places().get_mut(&self.path) {
            place.stream = Some(Arc::clone(stream));
        }
        self.registry.changed.notify_waiters();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut places = self.registry.places();
        if places
            .get(&self.path)
            .is_some_and(|place| place.claim == self.number)
        {
            places.remove(&self.path);
        }
    }
}

/// A stream that no path leads to: what one session plays of a file.
pub(crate) fn private_stream(
    registry: &Registry,
    path: Arc<str>,
    home: ShardId,
    description: Arc<sdp::Description>,
    secured: Arc<Secured>,
) -> Result<Arc<Stream>, PublishError> {
    let id = StreamId(registry.next.fetch_add(1, Ordering::Relaxed));
    new_stream(id, path, home, description, secured)
}

fn new_stream(
    id: StreamId,
    path: Arc<str>,
    home: ShardId,
    description: Arc<sdp::Description>,
    secured: Arc<Secured>,
) -> Result<Arc<Stream>, PublishError> {
    let shapes: Box<[Shape]> = description.media.iter().map(shape).collect();
    if shapes.is_empty() || shapes.len() > MAX_MEDIA {
        return Err(PublishError::MediaCount(shapes.len()));
    }
    let clocks = Arc::new(Clocks::new(shapes.iter().map(|shape| shape.clock_rate)));
    let began = Now::read();
    Ok(Arc::new(Stream {
        id,
        path,
        home,
        description,
        shapes,
        clocks,
        began,
        progress: Progress::new(began.monotonic),
        readers: watch::Sender::new(0),
        slow: SlowCounters::default(),
        secured,
    }))
}

fn shape(media: &sdp::Media) -> Shape {
    match media.formats.first() {
        Some(format) => Shape {
            codec: rtp_core::Codec::from_encoding_name(&format.encoding),
            clock_rate: format.clock_rate.max(1),
        },
        None => Shape {
            codec: rtp_core::Codec::Other,
            clock_rate: 90_000,
        },
    }
}
