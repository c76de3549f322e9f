//! What shards tell each other.

use std::{io, net::SocketAddr, rc::Rc, sync::Arc, time::SystemTime};

use bytes::Bytes;
use rtsp_msg::{Request, Response, Uri};
use rtsp_session::server::{Peer, SessionId};
use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::{Asked, Ended, Ending, Shard, ShardId};
use crate::{
    accept::{Door, Permit},
    access::Bearer,
    config::Srtp,
    connection,
    handler::Action,
    multicast::Lease,
    stream::{
        batch::{Batch, Kind},
        ingest::{Feed, Ingest},
        local::{LocalStream, Origin},
        registry::{Stream, StreamId},
    },
};

/// One packet from a source in this process.
#[derive(Clone, Debug)]
pub(crate) struct OutPacket {
    pub(crate) media: u8,
    pub(crate) kind: Kind,
    pub(crate) packet: Bytes,
}

/// The answer to a request.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Moved once a request.
pub(crate) enum Reply {
    Answer(Response),
    /// 401 with the challenges of the connection that asked.
    Challenge,
    /// Others have to say whether its peer may do this to this path.
    Ask(Action, String),
}

/// A request for a session of another shard.
#[derive(Debug)]
pub(crate) struct Forwarded {
    pub(crate) peer: Peer,
    pub(crate) bearer: Bearer,
    pub(crate) local: SocketAddr,
    pub(crate) session: SessionId,
    pub(crate) request: Request,
    /// The answer, and whether the session is tied to the connection that asked from now on.
    pub(crate) reply: oneshot::Sender<(Reply, bool)>,
}

/// A letter to a shard.
pub(crate) enum Mail {
    /// This shard accepts what comes in here, for all of them.
    Listen {
        listener: std::net::TcpListener,
        door: Door,
        begun: oneshot::Sender<io::Result<()>>,
    },
    /// A connection that is this shard's from now on.
    Connection {
        stream: std::net::TcpStream,
        peer: SocketAddr,
        permit: Permit,
        door: Door,
    },
    /// This shard becomes the home of a stream that this process feeds.
    Open(Arc<Stream>),
    /// Packets for it.
    Publish {
        stream: StreamId,
        packets: Vec<OutPacket>,
    },
    /// Its source has ended.
    Close {
        stream: StreamId,
        reason: &'static str,
    },
    /// Another shard has readers of a stream whose home this is.
    Attach {
        stream: StreamId,
        shard: ShardId,
    },
    /// It has none any more.
    Detach {
        stream: StreamId,
        shard: ShardId,
    },
    /// What the home shard kept, numbered from `first`.
    Attached {
        stream: StreamId,
        first: u64,
        batches: Vec<Arc<Batch>>,
    },
    /// What came since.
    Batch {
        stream: StreamId,
        index: u64,
        batch: Arc<Batch>,
    },
    /// A reader of a stream whose home this is asks for a key frame.
    KeyFrame {
        stream: StreamId,
        media: u8,
    },
    /// A stream whose home this is has been given a group, or nobody plays it there any more.
    Cast(Arc<Lease>),
    /// The stream is over.
    Ended {
        stream: StreamId,
        reason: &'static str,
    },
    /// A request of ours for the peer of a connection of this shard.
    Ask {
        connection: u64,
        request: Box<Request>,
        about: Asked,
    },
    /// A session of this shard is over.
    EndSession {
        session: SessionId,
        why: Ending,
    },
    /// No new readers: those that there are go elsewhere, now or at a time, or end.
    Drain {
        target: Option<Arc<Uri>>,
        at: Option<SystemTime>,
    },
    Forward(Box<Forwarded>),
    /// A connection of another shard, to which a session of this one is tied, has closed.
    ConnectionClosed {
        connection: u64,
        session: SessionId,
    },
    /// A session of another shard that was tied to a connection of this one is over.
    SessionEnded {
        connection: u64,
        ended: Ended,
    },
    Shutdown,
}

impl Shard {
    /// Opens one letter; `true` when it was the last.
    pub(super) fn receive(self: &Rc<Self>, letter: Mail) -> bool {
        match letter {
            Mail::Connection {
                stream,
                peer,
                permit,
                door,
            } => match tokio::net::TcpStream::from_std(stream) {
                Ok(stream) => connection::spawn(self, stream, peer, permit, door),
                Err(error) => tracing::warn!(%peer, %error, "a connection could not be taken in"),
            },
            Mail::Listen {
                listener,
                door,
                begun,
            } => {
                let _ = begun.send(self.listen(listener, door));
            }
            Mail::Open(stream) => self.open(
                stream,
                Feed {
                    datagrams: false,
                    own: true,
                    sealable: self.shared.config.srtp != Srtp::Off,
                },
            ),
            Mail::Publish { stream, packets } => self.publish(stream, packets),
            Mail::Close { stream, reason } => self.close_stream(stream, reason),
            Mail::Attach { stream, shard } => self.attach(stream, shard),
            Mail::Detach { stream, shard } => {
                self.with_stream(stream, |local, _, _| {
                    if let Some(origin) = &mut local.origin {
                        origin.attached.retain(|attached| *attached != shard);
                    }
                });
            }
            Mail::Attached {
                stream,
                first,
                batches,
            } => self.attached(stream, first, batches),
            Mail::Batch {
                stream,
                index,
                batch,
            } => self.keep(stream, Some(index), batch),
            Mail::KeyFrame { stream, media } => self.ask_for_key_frame(stream, media),
            Mail::Cast(lease) => self.look_at_cast(&lease),
            Mail::Ended { stream, reason } => self.ended(stream, reason),
            Mail::Forward(forwarded) => connection::forwarded(self, *forwarded),
            Mail::ConnectionClosed {
                connection,
                session,
            } => self.session_lost_connection(session, connection),
            Mail::SessionEnded { connection, ended } => self.session_ended(connection, &ended),
            Mail::Ask {
                connection,
                request,
                about,
            } => self.ask_connection(connection, *request, about),
            Mail::EndSession { session, why } => self.end_session(session, why),
            Mail::Drain { target, at } => self.drain(target.as_deref(), at),
            Mail::Shutdown => return true,
        }
        false
    }

    /// Makes this shard the home of `stream`.
    pub(crate) fn open(&self, stream: Arc<Stream>, feed: Feed) {
        let ssrc = self.random.borrow_mut().number();
        let ingest = Ingest::new(
            &stream.shapes,
            Arc::clone(&stream.clocks),
            feed,
            ssrc,
            self.now(),
        );
        let origin = Origin {
            ingest,
            attached: SmallVec::new(),
        };
        let policy = self.shared.config.slow_readers_of(&stream.path);
        let local = LocalStream::new(Arc::clone(&stream), self.new_ring(), Some(origin), policy);
        self.streams.borrow_mut().insert(stream.id, local);
    }

    /// Makes a stream of one session's own.
    pub(crate) fn open_private(&self, stream: &Arc<Stream>, feed: Feed) {
        self.open(Arc::clone(stream), feed);
        if let Some(local) = self.streams.borrow_mut().get_mut(&stream.id) {
            local.make_private(self.private_ring());
        }
    }

    fn publish(&self, stream: StreamId, packets: Vec<OutPacket>) {
        self.ingest(stream, |ingest, now| {
            for out in packets {
                ingest.packet(out.media, out.kind, &out.packet, now);
            }
            ingest.close(now);
        });
    }

    fn attach(&self, stream: StreamId, shard: ShardId) {
        let answer = self.with_stream(stream, |local, _, _| {
            let origin = local.origin.as_mut()?;
            if !origin.attached.contains(&shard) {
                origin.attached.push(shard);
            }
            let first = local.ring.first();
            Some(Mail::Attached {
                stream,
                first,
                batches: local.ring.snapshot(first),
            })
        });
        let answer = answer.flatten().unwrap_or(Mail::Ended {
            stream,
            reason: "the stream is gone",
        });
        self.shared.post(shard, answer);
    }

    fn attached(&self, stream: StreamId, first: u64, batches: Vec<Arc<Batch>>) {
        self.with_stream(stream, |local, _, _| {
            local.ready = true;
            local.ring.begin(first);
        });
        for (index, batch) in (first..).zip(batches) {
            self.keep(stream, Some(index), batch);
        }
        self.attached.notify_waiters();
    }
}
