//! Feeding a stream from this process.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use tokio::sync::watch;

use crate::{
    shard::{Mail, OutPacket, ShardId},
    shared::Shared,
    stream::{
        batch::Kind,
        registry::{Claim, PublishError, Stream},
    },
};

/// Packets that are collected before they have to be sent.
const PENDING: usize = 1024;

/// Feeds one path. Ends the stream, and its readers, when dropped.
///
/// Packets are collected by [`push`](Self::push) and go out together with [`flush`](Self::flush): what belongs
/// together, such as a frame, costs the readers one system call.
pub struct Publisher {
    shared: Arc<Shared>,
    stream: Arc<Stream>,
    pending: Vec<OutPacket>,
    /// Holds the path as long as this lives.
    _claim: Claim,
}

/// The server is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server has shut down")]
#[allow(clippy::exhaustive_structs)] // There is nothing to say about it.
pub struct Closed;

impl Publisher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        path: &str,
        description: sdp::Description,
    ) -> Result<Self, PublishError> {
        let claim = shared.registry.claim(path)?;
        let shards = shared.mailboxes().len().max(1);
        let home = ShardId((shared.next_connection() % shards as u64) as u8);
        let stream = claim.prepare(home, Arc::new(description))?;
        shared.post(home, Mail::Open(Arc::clone(&stream)));
        claim.open(&stream);
        Ok(Self {
            shared,
            stream,
            pending: Vec::new(),
            _claim: claim,
        })
    }

    /// Adds a whole RTP packet of the media with this index. Index out of range: the packet is dropped.
    pub fn push(&mut self, media: usize, packet: Bytes) {
        self.add(media, Kind::Rtp, packet);
    }

    /// Adds an RTCP compound of a media: the sender reports of a source that has its own clock. Without any the server
    /// writes them.
    pub fn push_rtcp(&mut self, media: usize, compound: Bytes) {
        self.add(media, Kind::Rtcp, compound);
    }

    fn add(&mut self, media: usize, kind: Kind, packet: Bytes) {
        if let Ok(media) = u8::try_from(media) {
            self.pending.push(OutPacket {
                media,
                kind,
                packet,
            });
        }
        if self.pending.len() >= PENDING {
            let _ = self.try_flush();
        }
    }

    /// Sends what was pushed, waiting while the server is busy.
    ///
    /// # Errors
    ///
    /// When the server has shut down.
    pub async fn flush(&mut self) -> Result<(), Closed> {
        let letter = self.letter();
        let mailbox = self.shared.mailbox(self.stream.home).ok_or(Closed)?;
        mailbox.send(letter).await.map_err(|_| Closed)
    }

    /// Sends what was pushed, without waiting: where the server is too busy the packets are dropped and logged.
    ///
    /// # Errors
    ///
    /// When the server has shut down.
    pub fn try_flush(&mut self) -> Result<(), Closed> {
        use tokio::sync::mpsc::error::TrySendError;
        let letter = self.letter();
        let mailbox = self.shared.mailbox(self.stream.home).ok_or(Closed)?;
        match mailbox.try_send(letter) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                self.shared.count_overrun(self.stream.home);
                Ok(())
            }
            Err(TrySendError::Closed(_)) => Err(Closed),
        }
    }

    fn letter(&mut self) -> Mail {
        Mail::Publish {
            stream: self.stream.id,
            packets: std::mem::take(&mut self.pending),
        }
    }

    /// Nothing comes for a while: readers of RTSP/2.0 are told that media rest (RFC 7826 §13.5.2), until [`resume`](Self::resume).
    pub fn halt(&self) {
        self.stream.progress.halt(Instant::now());
    }

    /// Media go on after [`halt`](Self::halt).
    pub fn resume(&self) {
        self.stream.progress.go_on(Instant::now());
    }

    /// The path that it feeds.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.stream.path
    }

    /// How many read it now.
    #[must_use]
    pub fn readers(&self) -> usize {
        *self.stream.readers.borrow()
    }

    /// The number of readers as it changes.
    #[must_use]
    pub fn watch_readers(&self) -> watch::Receiver<usize> {
        self.stream.readers.subscribe()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let letter = Mail::Close {
            stream: self.stream.id,
            reason: "its source has ended",
        };
        self.shared.post(self.stream.home, letter);
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("path", &self.stream.path)
            .finish_non_exhaustive()
    }
}
