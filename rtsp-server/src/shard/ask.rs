//! What the server asks of its peers, and what follows from their answers: notifications, redirection, the end of sessions.

use std::{collections::HashMap, time::SystemTime};

use rtsp_msg::{Request, Response, StatusCode, Uri, Version, headers::UtcTime};
use rtsp_session::server::{
    ServerSession, SessionId, State,
    notify::{self, EndOfStream},
};

use super::{Ending, Mail, Reading, Role, SessionEntry, Shard, ShardId};
use crate::{connection::position, stream::registry::StreamId};

/// What a request of ours is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// PLAY_NOTIFY.
    Notified(SessionId),
    /// REDIRECT that takes effect at once.
    Redirected(SessionId),
    /// REDIRECT that takes effect at a time: until then the session goes on.
    RedirectedLater(SessionId),
    /// The same in RTSP/1.0, where players that do not answer it are many: they have their time all the same.
    Foretold,
    /// TEARDOWN: whatever the answer, the session is gone.
    TornDown,
}

impl Shard {
    /// Asks the peer of a session, on the connection that it used last, of whatever shard. `false` where it has none: it is never
    /// called (RFC 7826 §10.2).
    pub(crate) fn ask(&self, session: &ServerSession, request: Request, about: Asked) -> bool {
        let Some(connection) = session.connection() else {
            return false;
        };
        self.ask_at(connection, request, about);
        true
    }

    /// Asks the peer of a connection, of whatever shard.
    fn ask_at(&self, connection: u64, request: Request, about: Asked) {
        match ShardId::with_connection(connection) {
            own if own == self.id => self.ask_connection(connection, request, about),
            other => self.shared.post(
                other,
                Mail::Ask {
                    connection,
                    request: Box::new(request),
                    about,
                },
            ),
        }
    }

    /// Asks the peer of a connection of this shard.
    pub(super) fn ask_connection(&self, connection: u64, request: Request, about: Asked) {
        let link = self.links.borrow().get(&connection).cloned();
        match link {
            Some(link) if link.ask(request, about) => {}
            // Nobody is there, or too much is unanswered.
            _ => self.answered(about, None),
        }
    }

    /// A peer has answered, or did not in time.
    pub(crate) fn answered(&self, about: Asked, response: Option<&Response>) {
        let status = response.map(|response| response.status);
        let (session, why) = match about {
            // The peer knows nothing of the session any more.
            Asked::Notified(session) if status == Some(StatusCode::SESSION_NOT_FOUND) => {
                (session, Ending::Teardown)
            }
            Asked::Redirected(session) if status.is_some_and(StatusCode::is_success) => {
                (session, Ending::Moved)
            }
            Asked::Redirected(session) => (session, Ending::Drained),
            // RFC 7826 §13.10: who does not even say no need not be waited for.
            Asked::RedirectedLater(session) if status.is_none() => (session, Ending::Drained),
            Asked::RedirectedLater(_) | Asked::Foretold | Asked::Notified(_) | Asked::TornDown => {
                return;
            }
        };
        match ShardId(session.shard()) {
            own if own == self.id => self.end_session(session, why),
            other => self.shared.post(other, Mail::EndSession { session, why }),
        }
    }

    /// Tells the peer of a session in RTSP/2.0 that all of what it plays was sent.
    pub(super) fn notify_end(&self, entry: &SessionEntry, reading: &Reading, status: StatusCode) {
        let session = &entry.session;
        let Some(played) = &reading.course.played else {
            return;
        };
        if session.state() != State::Play {
            return;
        }
        let last = position::last_packets(self, session, reading);
        let end = EndOfStream {
            play: played.cseq,
            status,
            range: reading.whole(status.is_success()),
            scale: played.scale,
            rtp_info: position::rtp_info(session, &reading.stream, Version::V2_0, &last),
        };
        if let Some(request) = notify::end_of_stream(session, &end) {
            self.ask(session, request, Asked::Notified(session.id()));
        }
    }

    /// The range of a private stream's session has ended. In RTSP/2.0 it stays in Play, and is told; in RTSP/1.0 it rests until
    /// the next PLAY (RFC 7826 §B.4, RFC 2326 §A.2).
    pub(crate) fn rest(&self, stream: StreamId) {
        let mut sessions = self.sessions.borrow_mut();
        let Some(entry) = its_session(&mut sessions, stream) else {
            return;
        };
        let link = self.link_of(&entry.session);
        let stays = entry.session.version() == Version::V2_0;
        if let Role::Reader(reading) = &mut entry.role {
            reading.course.ended = true;
            if !stays {
                let position = self.stop_reader(&entry.session, reading, link.as_deref());
                reading.paused_at = position;
                reading.reader = None;
            }
        }
        entry.session.end_of_media(self.now());
        if let Role::Reader(reading) = &entry.role {
            self.notify_end(entry, reading, StatusCode::OK);
        }
    }

    /// A private stream's session has come to where it was to pause (RFC 2326 §10.6).
    pub(crate) fn pause_at_end(&self, stream: StreamId) {
        let mut sessions = self.sessions.borrow_mut();
        let Some(entry) = its_session(&mut sessions, stream) else {
            return;
        };
        let link = self.link_of(&entry.session);
        if let Role::Reader(reading) = &mut entry.role {
            reading.paused_at = self.stop_reader(&entry.session, reading, link.as_deref());
            reading.reader = None;
        }
        entry.session.end_of_media(self.now());
    }

    /// Whether the sources of a private stream end with its range: players of RTSP/1.0 wait for that.
    pub(crate) fn says_bye(&self, stream: StreamId) -> bool {
        let sessions = self.sessions.borrow();
        let mut its = sessions
            .values()
            .filter(|entry| entry.role.stream().id == stream);
        its.next()
            .is_none_or(|entry| entry.session.version() != Version::V2_0)
    }

    /// Tells readers of live media in RTSP/2.0 how far these reach: now and then, and when their source stops or goes on
    /// (RFC 7826 §13.5.2).
    pub(super) fn update_media(&self) {
        let now = self.now();
        for entry in self.sessions.borrow_mut().values_mut() {
            let plays =
                entry.session.state() == State::Play && entry.session.version() == Version::V2_0;
            let Role::Reader(reading) = &mut entry.role else {
                continue;
            };
            if plays && reading.update_due(now) {
                let nature = reading.nature();
                let place = reading.place();
                let request = notify::media_properties_update(&entry.session, &nature, &place);
                if let Some(request) = request {
                    let about = Asked::Notified(entry.session.id());
                    self.ask(&entry.session, request, about);
                }
            }
        }
    }

    /// Sends all readers elsewhere, now or at a time, or ends their sessions. Publishers stay: somebody may still read them.
    pub(super) fn drain(&self, target: Option<&Uri>, at: Option<SystemTime>) {
        let readers: Vec<SessionId> = self
            .sessions
            .borrow()
            .iter()
            .filter(|(_, entry)| matches!(entry.role, Role::Reader(_)))
            .map(|(id, _)| *id)
            .collect();
        for id in readers {
            let asked = target.is_some_and(|target| self.redirect(id, target, at));
            if !asked && at.is_none() {
                self.end_session(id, Ending::Drained);
            }
        }
    }

    /// Sends the peer of a session elsewhere. `false` where it cannot be told.
    fn redirect(&self, id: SessionId, target: &Uri, at: Option<SystemTime>) -> bool {
        let time = at
            .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
            .and_then(UtcTime::from_unix);
        let asked = {
            let mut sessions = self.sessions.borrow_mut();
            let Some(session) = sessions.get_mut(&id).map(|entry| &mut entry.session) else {
                return false;
            };
            if let Some(at) = at {
                session.redirect_at(self.now(), at);
            }
            let message = Some("the server is shutting down");
            let request = notify::redirect(session, target, time, message);
            let version = session.version();
            session
                .connection()
                .zip(request)
                .map(|asked| (asked, version))
        };
        let Some(((connection, request), version)) = asked else {
            return false;
        };
        let about = match (at, version) {
            (None, _) => Asked::Redirected(id),
            (Some(_), Version::V2_0) => Asked::RedirectedLater(id),
            (Some(_), _) => Asked::Foretold,
        };
        self.ask_at(connection, request, about);
        true
    }
}

/// The session of a private stream, if it is still there.
fn its_session(
    sessions: &mut HashMap<SessionId, SessionEntry>,
    stream: StreamId,
) -> Option<&mut SessionEntry> {
    sessions
        .values_mut()
        .find(|entry| entry.role.stream().id == stream)
}
