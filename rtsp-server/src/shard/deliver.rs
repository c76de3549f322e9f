//! From a publisher's shard to every shard with readers.

use std::{rc::Rc, sync::Arc, time::Instant};

use smallvec::SmallVec;
use tokio::sync::mpsc::error::TrySendError;

use super::{Mail, Shard, ShardId};
use crate::stream::{
    batch::Batch,
    ingest::Ingest,
    local::LocalStream,
    reader::Reader,
    registry::{Stream, StreamId},
};

impl Shard {
    /// Feeds a stream whose home this shard is, and sends out what came of it.
    pub(crate) fn ingest(&self, id: StreamId, feed: impl FnOnce(&mut Ingest, Instant)) {
        let overdue = self.with_stream(id, |local, now, after| {
            let origin = local.origin.as_mut()?;
            feed(&mut origin.ingest, now);
            let batches: SmallVec<[Arc<Batch>; 4]> = origin.ingest.drain().map(Arc::new).collect();
            let attached = origin.attached.clone();
            let deadline = origin.ingest.deadline();
            for batch in batches {
                let index = local.ring.end();
                for shard in &attached {
                    self.hand_over(*shard, id, index, &batch);
                }
                local.deliver(index, batch, now, &mut self.outlet.borrow_mut(), after);
            }
            deadline
        });
        if overdue.flatten().is_some() {
            self.ticker.notify_one();
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
