//! The sessions of a shard: whose stream they read or feed, and how they end.

use std::{
    net::IpAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use rtsp_client::io::udp::Outgoing;
use rtsp_msg::{StatusCode, Version, headers::TerminateCause};
use rtsp_session::{
    Now,
    media::Tripped,
    server::{AfterClose, Lapse, ServerSession, SessionId, State},
    srtp::MasterKey,
    transport::NegotiatedTransport,
};

use super::{Course, Mail, Shard, ShardId};
use crate::{
    admission::SessionPermit,
    connection::Link,
    multicast::Member,
    source::player::Player,
    stream::{
        batch::Kind,
        layout::Layout,
        reader::{Reader, ReaderId},
        registry::{Claim, Stream, StreamId},
        ring::Position,
        secure::Sealing,
    },
};

/// A publisher without a connection that sends nothing for so long will not come back to its session.
const DESERTED: Duration = Duration::from_secs(5);

/// A session of this shard.
pub(crate) struct SessionEntry {
    pub(crate) session: ServerSession,
    /// Its place among the sessions of the server.
    pub(crate) permit: SessionPermit,
    /// The address that its peer reached us at: what it gets comes from there (RFC 7826 §18.54, `src_addr`).
    pub(crate) local: IpAddr,
    pub(crate) role: Role,
}

/// What a session is for.
pub(crate) enum Role {
    /// It reads a stream.
    Reader(Reading),
    /// It feeds one.
    Publisher(Publishing),
}

/// A reading session.
pub(crate) struct Reading {
    pub(crate) stream: Arc<Stream>,
    /// Its place in the stream, while it plays.
    pub(crate) reader: Option<ReaderId>,
    /// Where it was when it paused.
    pub(crate) paused_at: Option<Position>,
    /// A media that goes another way than its reader knows: since a SETUP while it plays.
    pub(crate) switched: Option<u8>,
    /// What plays a file for it.
    pub(crate) player: Option<Player>,
    /// What its packets are sealed with by `a=crypto`, where it was told keys so.
    pub(crate) crypto: Option<Sealing>,
    /// Where it is in what it plays.
    pub(crate) course: Course,
    /// Its part in the stream's multicast group.
    pub(crate) member: Option<Member>,
}

/// A publishing session.
pub(crate) struct Publishing {
    pub(crate) stream: Arc<Stream>,
    /// Holds the path.
    pub(crate) claim: Claim,
    /// The channels of its interleaved media.
    pub(crate) layout: Layout,
    /// When the publisher is next told what arrived.
    pub(crate) next_report: Instant,
    /// When a key frame was last asked for.
    pub(crate) asked_for_key_frame: Option<Instant>,
    /// How often by FIR, which counts its requests (RFC 5104 §4.3.1.1).
    pub(crate) full_intra_requests: u8,
    /// Some of its media come by SRTP.
    pub(crate) secured: bool,
    /// What each of its media is told is sealed with.
    pub(crate) keys: Vec<MasterKey>,
    /// When its RECORD ends, where it said so (RFC 2326 §10.11).
    pub(crate) until: Option<SystemTime>,
}

impl Role {
    pub(crate) fn stream(&self) -> &Arc<Stream> {
        match self {
            Self::Reader(reading) => &reading.stream,
            Self::Publisher(publishing) => &publishing.stream,
        }
    }
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its peer asked for it.
    Teardown,
    /// Nothing was heard of the peer.
    Timeout,
    /// The connection that carried its media has closed.
    ConnectionClosed,
    /// Another connection of the same peer has taken it over: it is over only for the one before.
    TakenOver,
    /// Its stream has ended; the text says why.
    StreamEnded(&'static str),
    /// Its connection did not take what the stream brought.
    TooSlow,
    /// It sent more than it may.
    TooMuch,
    /// Sending it more would harm the network.
    CircuitBreaker(Tripped),
    /// It goes on at another server.
    Moved,
    /// The server takes no more sessions, and ends those that it has.
    Drained,
    /// The server is going down.
    Shutdown,
    /// It did nothing but show that it lives, for too long.
    Inactive,
}

impl Ending {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Teardown => "TEARDOWN",
            Self::Timeout => "nothing was heard of the peer within the session timeout",
            Self::ConnectionClosed => "its connection closed",
            Self::TakenOver => "another connection has it now",
            Self::StreamEnded(reason) => reason,
            Self::CircuitBreaker(why) => why.as_str(),
            Self::TooSlow => "it was too slow for the stream",
            Self::TooMuch => "it sent more than it may",
            Self::Moved => "it was sent to another server",
            Self::Drained => "the server is about to shut down",
            Self::Shutdown => "the server is shutting down",
            Self::Inactive => "it was kept alive and not used for too long",
        }
    }

    /// Whether the peer does not know yet.
    fn is_news(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::Inactive
                | Self::StreamEnded(_)
                | Self::CircuitBreaker(_)
                | Self::Drained
                | Self::Shutdown
        )
    }

    /// As Terminate-Reason has it (RFC 7826 §18.52).
    pub(crate) fn cause(self) -> TerminateCause {
        match self {
            Self::Timeout | Self::Inactive => TerminateCause::SessionTimeout,
            Self::Moved | Self::Drained | Self::Shutdown => TerminateCause::ServerAdmin,
            _ => TerminateCause::InternalError,
        }
    }
}

/// What a connection has to know of a session that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) session: SessionId,
    pub(crate) version: Version,
    pub(crate) presentation: String,
    pub(crate) reason: Ending,
}

impl Shard {
    /// Ends a session: frees all it had, tells its peer, and its readers where it fed a stream.
    pub(crate) fn end_session(&self, id: SessionId, why: Ending) {
        let Some(entry) = self.sessions.borrow_mut().remove(&id) else {
            return;
        };
        let link = self.link_of(&entry.session);
        tracing::info!(session = ?id, path = %entry.role.stream().path, reason = why.as_str(), "session ended");
        match &entry.role {
            Role::Reader(reading) => {
                self.stop_reader(&entry.session, reading, link.as_deref());
                if why.is_news() || matches!(why, Ending::Teardown | Ending::Moved) {
                    self.send_bye(&entry, &reading.stream, link.as_deref(), why.as_str());
                }
                if let Some(player) = &reading.player {
                    player.close();
                }
                self.drop_private(&reading.stream);
            }
            Role::Publisher(publishing) => {
                // Only a stream that was opened has readers to tell.
                if self.streams.borrow().contains_key(&publishing.stream.id) {
                    self.close_stream(publishing.stream.id, "its publisher has left");
                }
            }
        }
        for ports in self.ports.iter() {
            ports.forget(&id, None);
        }
        self.unsecure(&id);
        self.close_flows(&id, None);
        if let Some(link) = link {
            for media in entry.session.media() {
                link.free_channels(&media.transport);
            }
        }
        if let Some(connection) = entry.session.connection() {
            self.tell_connection(connection, &entry.session, why);
        }
        drop(entry);
    }

    /// Whether all media of a session travel on this RTSP connection.
    pub(crate) fn plays_on(&self, id: &SessionId, connection: u64) -> bool {
        let sessions = self.sessions.borrow();
        let session = sessions.get(id).map(|entry| &entry.session);
        session.is_some_and(|session| {
            let mut media = session.media().iter();
            session.connection() == Some(connection)
                && media.all(|media| media.transport.is_interleaved())
        })
    }

    /// Tells a connection, of whatever shard, that a session is no longer its.
    pub(crate) fn tell_connection(&self, connection: u64, session: &ServerSession, why: Ending) {
        let ended = Ended {
            session: session.id(),
            version: session.version(),
            presentation: session.presentation().to_owned(),
            reason: why,
        };
        match ShardId::with_connection(connection) {
            own if own == self.id => self.session_ended(connection, &ended),
            other => self
                .shared
                .post(other, Mail::SessionEnded { connection, ended }),
        }
    }

    /// The connection that a session is tied to: not always the one that asks.
    pub(crate) fn link_of(&self, session: &ServerSession) -> Option<Rc<Link>> {
        self.links.borrow().get(&session.connection()?).cloned()
    }

    /// Tells a connection of this shard that a session of its is over.
    pub(super) fn session_ended(&self, connection: u64, ended: &Ended) {
        let Some(link) = self.links.borrow().get(&connection).cloned() else {
            return;
        };
        link.forget_session(ended.session);
        if ended.reason.is_news() {
            link.announce_end(ended);
        }
    }

    /// Forgets a session that never came to be.
    pub(crate) fn discard_session(&self, id: SessionId) {
        let Some(entry) = self.sessions.borrow_mut().remove(&id) else {
            return;
        };
        for ports in self.ports.iter() {
            ports.forget(&id, None);
        }
        self.unsecure(&id);
        self.close_flows(&id, None);
        if let Role::Reader(Reading {
            player: Some(player),
            ..
        }) = &entry.role
        {
            player.close();
        }
        self.drop_private(entry.role.stream());
        let link = self.link_of(&entry.session);
        if let Some(link) = link {
            link.forget_session(id);
        }
    }

    /// Takes the session's reader out of its stream. Returns where it was.
    pub(crate) fn stop_reader(
        &self,
        session: &ServerSession,
        reading: &Reading,
        link: Option<&Link>,
    ) -> Option<Position> {
        if let Some(player) = &reading.player {
            player.pause();
        }
        if let Some(member) = &reading.member {
            member.pause();
        }
        let id = reading.reader?;
        let place = self.with_stream(reading.stream.id, |local, _, _| local.place(id))?;
        let reader = self.remove_reader(reading.stream.id, id)?;
        if let Some(link) = link {
            link.readers.borrow_mut().retain(|known| known.1 != id);
        }
        let counters = reader.counters;
        tracing::info!(
            session = ?session.id(), path = %reading.stream.path, reader = id.0,
            packets = counters.packets, bytes = counters.bytes, skips = counters.skips,
            skipped_packets = counters.skipped_packets, refused_datagrams = counters.refused_datagrams,
            "reader stopped"
        );
        place
    }

    /// A file's stream belongs to one session and goes with it.
    pub(crate) fn drop_private(&self, stream: &Arc<Stream>) {
        let mut streams = self.streams.borrow_mut();
        if streams.get(&stream.id).is_some_and(|local| local.private) {
            streams.remove(&stream.id);
        }
    }

    /// The last report and a BYE for every media of a session.
    pub(crate) fn send_bye(
        &self,
        entry: &SessionEntry,
        stream: &Stream,
        link: Option<&Link>,
        reason: &str,
    ) {
        for media in entry.session.media() {
            let index = media.index as u8;
            if let Some(bye) = stream.clocks.of(index).bye(Instant::now(), reason) {
                self.send_rtcp(&entry.session, index, link, entry.local, &bye);
            }
        }
    }

    /// Sends one RTCP compound by whatever transport a media has; as a datagram, from `local`.
    pub(crate) fn send_rtcp(
        &self,
        session: &ServerSession,
        media: u8,
        link: Option<&Link>,
        local: IpAddr,
        compound: &[u8],
    ) {
        let Some(compound) = self.seal_compound(session.id(), media, compound) else {
            return;
        };
        let compound: &[u8] = &compound;
        let transport = session.media_at(usize::from(media));
        match transport.map(|media| media.transport) {
            Some(NegotiatedTransport::Interleaved { rtcp, .. }) => {
                if let Some(link) = link {
                    link.send(frame(rtcp, compound));
                }
            }
            Some(NegotiatedTransport::Udp {
                peer_rtp, reports, ..
            }) => {
                let to = (peer_rtp, reports);
                let ports = self.ports.towards(peer_rtp.ip());
                let way = ports.and_then(|ports| Some((ports, ports.way_to(to, Kind::Rtcp)?)));
                let Some((ports, (socket, destination))) = way else {
                    return;
                };
                let outgoing = Outgoing {
                    destination,
                    contents: compound,
                    segment_size: None,
                    source: ports.source(local),
                };
                if let Err(error) = socket.try_send(&outgoing) {
                    tracing::debug!(%error, peer = %destination, "a report was not sent");
                }
            }
            Some(NegotiatedTransport::Connections(_)) => {
                self.send_on_flow(&session.id(), media, compound);
            }
            _ => {}
        }
    }

    /// The stream has ended: its readers here are told why.
    pub(crate) fn ended(&self, stream: StreamId, reason: &'static str) {
        self.hand_out();
        let sessions: Vec<SessionId> = self
            .sessions
            .borrow()
            .iter()
            .filter(|(_, entry)| {
                matches!(&entry.role, Role::Reader(reading) if reading.stream.id == stream)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in sessions {
            if let Some(entry) = self.sessions.borrow().get(&id)
                && let Role::Reader(reading) = &entry.role
            {
                // A film that cannot be read any further did not come to its end.
                let status = match reading.player {
                    Some(_) => StatusCode::INTERNAL_SERVER_ERROR,
                    None => StatusCode::OK,
                };
                self.notify_end(entry, reading, status);
            }
            self.end_session(id, Ending::StreamEnded(reason));
        }
        self.streams.borrow_mut().remove(&stream);
        self.attached.notify_waiters();
    }

    /// A stream whose home this is has ended: its readers everywhere are told.
    pub(crate) fn close_stream(&self, stream: StreamId, reason: &'static str) {
        let attached = {
            let mut streams = self.streams.borrow_mut();
            let Some(local) = streams.get_mut(&stream) else {
                return;
            };
            let Some(origin) = local.origin.as_mut() else {
                return;
            };
            let received = origin.ingest.received();
            let slow = local.stream.slow.read();
            tracing::info!(
                path = %local.stream.path, packets = received.packets, lost = received.lost,
                malformed = received.malformed, duplicates = received.duplicates, slow_reader_events = slow.events(),
                skipped_packets = slow.skipped_packets, disconnected = slow.disconnected, reason, "stream ended"
            );
            origin.attached.clone()
        };
        for shard in attached {
            self.shared
                .post(shard, super::Mail::Ended { stream, reason });
        }
        if self.is_cast(stream) {
            self.tell_members(stream, reason);
        }
        if let Some(groups) = &self.shared.groups {
            groups.forget(stream);
        }
        self.ended(stream, reason);
    }

    /// A connection has closed: interleaved sessions end with it, others wait for their peer to come back.
    pub(crate) fn connection_closed(&self, link: &Link) {
        self.links.borrow_mut().remove(&link.id);
        for session in link.take_sessions() {
            match ShardId(session.shard()) {
                own if own == self.id => self.session_lost_connection(session, link.id),
                other => self.shared.post(
                    other,
                    Mail::ConnectionClosed {
                        connection: link.id,
                        session,
                    },
                ),
            }
        }
    }

    /// The connection of a session has closed.
    pub(super) fn session_lost_connection(&self, id: SessionId, connection: u64) {
        let now = self.now();
        let ends = match self.sessions.borrow_mut().get_mut(&id) {
            Some(entry) => entry.session.connection_closed(now, connection) == AfterClose::End,
            None => false,
        };
        if ends {
            self.end_session(id, Ending::ConnectionClosed);
        }
    }

    /// Ends every session whose time is up: that has shown no sign of life, or has nothing to do, or goes on elsewhere by now.
    pub(super) fn expire(&self) {
        let now = self.now();
        self.keep_flowing_alive();
        self.end_recordings(now);
        let over: Vec<(SessionId, Ending)> = self
            .sessions
            .borrow()
            .iter()
            .filter_map(|(id, entry)| {
                let why = match entry.session.lapse(now) {
                    Some(Lapse::Inactive) => Ending::Inactive,
                    Some(Lapse::Redirected) => Ending::Drained,
                    Some(Lapse::Silent) => Ending::Timeout,
                    None if self.is_deserted(entry) => Ending::Timeout,
                    None => return None,
                };
                Some((*id, why))
            })
            .collect();
        for (id, why) in over {
            self.end_session(id, why);
        }
    }

    /// What was to be recorded up to a moment that has come is recorded: its sessions are Ready again (RFC 2326 §A.2).
    fn end_recordings(&self, now: Now) {
        for entry in self.sessions.borrow_mut().values_mut() {
            let Role::Publisher(publishing) = &mut entry.role else {
                continue;
            };
            if publishing.until.is_some_and(|until| until <= now.wall) {
                publishing.until = None;
                publishing.stream.progress.halt(now.monotonic);
                entry.session.pause(now);
            }
        }
    }

    /// A publisher whose connection has closed and that sends nothing is gone: its path must not stay taken until the
    /// session times out, because it may be on its way back.
    fn is_deserted(&self, entry: &SessionEntry) -> bool {
        let Role::Publisher(publishing) = &entry.role else {
            return false;
        };
        let streams = self.streams.borrow();
        let heard = streams
            .get(&publishing.stream.id)
            .and_then(|local| local.origin.as_ref()?.ingest.heard());
        entry.session.connection().is_none() && heard.is_none_or(|heard| heard.elapsed() > DESERTED)
    }

    /// A reader on TCP that takes what it is sent is alive, whatever else it says (quirk 12: not all send keep-alives).
    fn keep_flowing_alive(&self) {
        let now = self.now();
        let streams = self.streams.borrow();
        for entry in self.sessions.borrow_mut().values_mut() {
            let Role::Reader(Reading {
                stream,
                reader: Some(id),
                course,
                ..
            }) = &entry.role
            else {
                continue;
            };
            if course.ended {
                // Nothing flows: the peer has to say that it lives.
                continue;
            }
            let reader = streams.get(&stream.id).and_then(|local| local.reader(*id));
            let flows = reader.is_some_and(Reader::is_taken);
            if flows && entry.session.state() == State::Play {
                entry.session.touch(now);
            }
        }
    }

    /// Ends everything, with a word to everybody, and waits until it is out.
    pub(super) async fn farewell(self: &Rc<Self>) {
        let sessions: Vec<SessionId> = self.sessions.borrow().keys().copied().collect();
        for id in sessions {
            self.end_session(id, Ending::Shutdown);
        }
        self.end_casts();
        let links: Vec<Rc<Link>> = self.links.borrow().values().cloned().collect();
        for link in &links {
            link.finish();
        }
        let flushed = async {
            for link in links {
                link.closed().await;
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), flushed).await;
    }
}

/// One `$` frame (RFC 7826 §14).
pub(crate) fn frame(channel: u8, packet: &[u8]) -> Bytes {
    let len = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    let mut out = BytesMut::with_capacity(packet.len() + 4);
    out.put_slice(&[b'$', channel]);
    out.put_u16(len);
    out.put_slice(packet.get(..usize::from(len)).unwrap_or_default());
    out.freeze()
}
