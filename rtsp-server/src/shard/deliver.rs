//! From a publisher's shard to every shard with readers.

use std::{rc::Rc, sync::Arc, time::Instant};

use smallvec::SmallVec;
use tokio::sync::mpsc::error::TrySendError;

use super::{Mail, Shard, ShardId};
use crate::stream::{
    batch::Batch,
    ingest::Ingest,
    local::{Aftermath, LocalStream},
    reader::Reader,
    registry::{Stream, StreamId},
};

/// Streams that share a turn; more would keep the first waiting.
const MOST_DUE: usize = 64;

impl Shard {
    /// Feeds a stream whose home this shard is; what comes of it goes out with this turn of the shard.
    pub(crate) fn ingest(&self, id: StreamId, feed: impl FnOnce(&mut Ingest, Instant)) {
        let fed = self.with_stream(id, |local, now, _| {
            let origin = local.origin.as_mut()?;
            feed(&mut origin.ingest, now);
            let batches: SmallVec<[Arc<Batch>; 4]> = origin.ingest.drain().map(Arc::new).collect();
            let overdue = origin.ingest.deadline().is_some();
            Some((batches, overdue))
        });
        let Some((batches, overdue)) = fed.flatten() else {
            return;
        };
        for batch in batches {
            self.keep(id, None, batch);
        }
        if overdue {
            self.ticker.notify_one();
        }
    }

    /// Takes a batch of a stream, with its number where another shard has given it one. It goes out with all others of this turn,
    /// when every task that had something to do has done it: the streams that were fed by then share their system calls.
    pub(super) fn keep(&self, id: StreamId, index: Option<u64>, batch: Arc<Batch>) {
        let due = |local: &LocalStream| local.is_due();
        if self.streams.borrow().get(&id).is_some_and(due) {
            self.hand_out();
        }
        let private = self.with_stream(id, |local, _, _| {
            let index = index.unwrap_or_else(|| local.ring.end());
            if let Some(origin) = &local.origin {
                for shard in &origin.attached {
                    self.hand_over(*shard, id, index, &batch);
                }
            }
            local.keep(index, batch);
            local.private
        });
        let Some(private) = private else { return };
        let waiting = {
            let mut due = self.due.borrow_mut();
            due.push(id);
            due.len()
        };
        // The source of a private stream looks at what has become of its batch.
        if private || waiting >= MOST_DUE {
            self.hand_out();
        } else if waiting == 1 {
            self.turn.notify_one();
        }
    }

    /// Hands out what was kept in this turn. Before a stream ends, this is for its last batch.
    pub(crate) fn hand_out(&self) {
        let mut due = self.due.take();
        let mut after = Aftermath::default();
        let mut streams = self.streams.borrow_mut();
        let mut outlet = self.outlet.borrow_mut();
        outlet.hand_out(&due, &mut streams, Instant::now(), &mut after);
        drop((streams, outlet));
        due.clear();
        self.due.replace(due);
        self.settle(&after);
    }

    /// Ends each turn, for the life of the shard: tasks have their turns in the order in which they are woken, so those that are
    /// to be run already come before this one.
    pub(super) async fn end_turns(self: Rc<Self>) {
        loop {
            self.turn.notified().await;
            self.hand_out();
        }
    }

    fn hand_over(&self, shard: ShardId, stream: StreamId, index: u64, batch: &Arc<Batch>) {
        let Some(mailbox) = self.shared.mailbox(shard) else {
            return;
        };
        let letter = Mail::Batch {
            stream,
            index,
            batch: Arc::clone(batch),
        };
        if let Err(TrySendError::Full(_)) = mailbox.try_send(letter) {
            // The shard finds the gap by the number; its readers go on at the next key frame.
            self.shared.count_overrun(shard);
        }
    }

    /// Makes a stream of another shard readable here: what its home kept is on its way or already there.
    pub(crate) async fn attach_to(self: &Rc<Self>, stream: &Arc<Stream>) -> bool {
        let id = stream.id;
        loop {
            let changed = self.attached.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let known = self.streams.borrow().get(&id).map(|local| local.ready);
            match known {
                Some(true) => return true,
                Some(false) => {}
                // Its home knows it before anybody can find it in the registry; not there means that it has ended.
                None if stream.home == self.id => return false,
                None => {
                    let local = LocalStream::new(
                        Arc::clone(stream),
                        self.new_ring(),
                        None,
                        self.shared.config.slow_readers_of(&stream.path),
                    );
                    self.streams.borrow_mut().insert(id, local);
                    self.shared.post(
                        stream.home,
                        Mail::Attach {
                            stream: id,
                            shard: self.id,
                        },
                    );
                }
            }
            changed.await;
            if !self.streams.borrow().contains_key(&id) {
                return false;
            }
        }
    }

    /// Takes a reader out of its stream; a stream of another shard without readers is let go.
    pub(crate) fn remove_reader(
        &self,
        stream: StreamId,
        id: crate::stream::reader::ReaderId,
    ) -> Option<Reader> {
        let mut streams = self.streams.borrow_mut();
        let local = streams.get_mut(&stream)?;
        let reader = local.remove(id);
        if local.origin.is_none() && local.readers().is_empty() && local.stream.home != self.id {
            let home = local.stream.home;
            streams.remove(&stream);
            self.shared.post(
                home,
                Mail::Detach {
                    stream,
                    shard: self.id,
                },
            );
        }
        reader
    }
}
