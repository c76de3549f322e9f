//! PLAY and PAUSE.

use std::{rc::Rc, sync::Arc, time::Duration};

use rtsp_msg::{
    HeaderName, Request, Version,
    headers::{self, NptTime, Range},
};
use rtsp_session::{
    ProtocolError,
    server::{
        ServerSession, SessionId, State,
        plan::{self, PlayAction},
        respond,
    },
};

use super::{
    Link,
    position::{self, FirstPacket, first_packet},
    request::{Outcome, Refusal},
    ways,
};
use crate::{
    config::Start,
    shard::{Role, Shard},
    source::player::{Player, Started},
    stream::{
        reader::Reader,
        registry::{Stream, StreamId},
    },
};

/// Ranges that may follow the one that plays.
const QUEUE: usize = 16;

pub(super) async fn play(
    shard: &Rc<Shard>,
    request: &Request,
    id: SessionId,
) -> Result<Outcome, Refusal> {
    let range = request
        .headers
        .typed::<headers::TimedRange>()
        .map_err(|_| ProtocolError::BadHeader("Range"))?
        .map(|timed| timed.range);
    let (stream, player, action) = {
        let sessions = shard.sessions.borrow();
        let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
        let Role::Reader(reading) = &entry.role else {
            return Err(ProtocolError::WrongState {
                allow: entry.session.allowed(),
            }
            .into());
        };
        let action = plan::play(request.version, entry.session.state(), range.is_some());
        if reading.player.is_none() {
            plan::live_range(request.version, range.as_ref(), &reading.nature())?;
        }
        (Arc::clone(&reading.stream), reading.player.clone(), action)
    };
    match (player, range) {
        (Some(_), Some(range)) if action == PlayAction::Queue => queue(shard, request, id, range),
        (Some(player), range) => {
            let range = continued(shard, request.version, id, range)?;
            let started = begin_file(shard, id, &stream, &player, range.as_ref())?;
            file(shard, request, id, &started)
        }
        (None, _) => live(shard, request, id, &stream).await,
    }
}

/// The range that is played, where the peer left out its start after the last one was done: it goes on from there. At the end
/// of the file RTSP/2.0 has no more to play (RFC 7826 §13.4.1), RTSP/1.0 begins anew.
fn continued(
    shard: &Shard,
    version: Version,
    id: SessionId,
    range: Option<Range>,
) -> Result<Option<Range>, ProtocolError> {
    let sessions = shard.sessions.borrow();
    let Some(Role::Reader(reading)) = sessions.get(&id).map(|entry| &entry.role) else {
        return Err(ProtocolError::SessionNotFound);
    };
    let end = match &range {
        None => None,
        Some(Range::Npt { start: None, end }) => *end,
        Some(_) => return Ok(range),
    };
    if !reading.course.ended {
        return Ok(range);
    }
    let position = reading.position();
    // Positions are told in milliseconds: the last one may be all that is left.
    let done = reading
        .course
        .length()
        .is_some_and(|length| position + Duration::from_millis(1) >= length);
    match (done, version) {
        (false, _) => Ok(Some(Range::Npt {
            start: Some(NptTime::At(position)),
            end,
        })),
        (true, Version::V2_0) => Err(ProtocolError::InvalidRange),
        (true, _) => Ok(range),
    }
}

/// One more range, to be played when those before it are done (RFC 2326 §10.5).
fn queue(
    shard: &Shard,
    request: &Request,
    id: SessionId,
    range: Range,
) -> Result<Outcome, Refusal> {
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions
        .get_mut(&id)
        .ok_or(ProtocolError::SessionNotFound)?;
    let allow = entry.session.allowed();
    let Role::Reader(reading) = &mut entry.role else {
        return Err(ProtocolError::WrongState { allow }.into());
    };
    if !matches!(range, Range::Npt { .. }) {
        return Err(ProtocolError::HeaderNotValid {
            accept_ranges: Some(reading.nature().accept_ranges()),
        }
        .into());
    }
    let length = reading.course.length().unwrap_or_default();
    if position::start_of(&range).is_some_and(|start| start >= length) {
        return Err(ProtocolError::InvalidRange.into());
    }
    if reading.course.queue.len() >= QUEUE {
        return Err(ProtocolError::WrongState { allow }.into());
    }
    let mut response = respond::play(request.version, id);
    response.headers.set(&range);
    reading.course.queue.push_back(range);
    entry.session.touch(shard.now());
    Ok(response.into())
}

/// Goes on with the next range of the queue; `false` when there is none. Ranges that cannot be played are passed over.
pub(crate) fn next_range(shard: &Shard, stream: StreamId) -> bool {
    loop {
        let (id, player, range, stream) = {
            let mut sessions = shard.sessions.borrow_mut();
            let its = sessions.values_mut().find_map(|entry| {
                let id = entry.session.id();
                match &mut entry.role {
                    Role::Reader(reading) if reading.stream.id == stream => Some((id, reading)),
                    _ => None,
                }
            });
            let Some((id, reading)) = its else {
                return false;
            };
            let Some(range) = reading.course.queue.pop_front() else {
                return false;
            };
            let Some(player) = reading.player.clone() else {
                return false;
            };
            (id, player, range, Arc::clone(&reading.stream))
        };
        match begin_file(shard, id, &stream, &player, Some(&range)) {
            Ok(_) => return true,
            Err(error) => tracing::debug!(session = ?id, %error, "a queued range was passed over"),
        }
    }
}

fn begin_file(
    shard: &Shard,
    id: SessionId,
    stream: &Stream,
    player: &Player,
    range: Option<&Range>,
) -> Result<Started, ProtocolError> {
    let chosen = chosen_media(shard, id)?;
    let before = shard.with_stream(stream.id, |local, _, _| local.ring.live());
    let started = player.play(shard, range, &chosen)?;
    if let Some(Role::Reader(reading)) = shard
        .sessions
        .borrow_mut()
        .get_mut(&id)
        .map(|entry| &mut entry.role)
    {
        // What was not sent before a pause still comes, and what comes now after it.
        reading.paused_at = reading.paused_at.or(before);
    }
    Ok(started)
}

fn chosen_media(shard: &Shard, id: SessionId) -> Result<Vec<usize>, ProtocolError> {
    let sessions = shard.sessions.borrow();
    let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
    Ok(entry
        .session
        .media()
        .iter()
        .map(|media| media.index)
        .collect())
}

async fn live(
    shard: &Rc<Shard>,
    request: &Request,
    id: SessionId,
    stream: &Arc<Stream>,
) -> Result<Outcome, Refusal> {
    if !shard.attach_to(stream).await {
        return Err(ProtocolError::NotFound.into());
    }
    let first = {
        let mut sessions = shard.sessions.borrow_mut();
        let mut streams = shard.streams.borrow_mut();
        // Both may have gone while the stream was attached.
        let entry = sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        let local = streams.get_mut(&stream.id).ok_or(ProtocolError::NotFound)?;
        let Role::Reader(reading) = &mut entry.role else {
            return Err(ProtocolError::Internal.into());
        };
        let position = match reading.reader.and_then(|reader| local.place(reader)) {
            // It plays: it goes on where it is.
            Some(place) => place,
            None => {
                let video =
                    stream.video(entry.session.media().iter().map(|media| media.index as u8));
                let live = shard.shared.config.start == Start::Live;
                local.start(video, reading.paused_at, live)
            }
        };
        reading.paused_at = Some(position);
        let media = entry.session.media();
        media
            .iter()
            .map(|media| first_packet(local, position, media.index))
            .collect::<Vec<_>>()
    };
    respond_play(shard, request, id, &first, None)
}

fn file(
    shard: &Rc<Shard>,
    request: &Request,
    id: SessionId,
    started: &Started,
) -> Result<Outcome, Refusal> {
    let first: Vec<FirstPacket> = started
        .media
        .iter()
        .map(|(media, sequence, timestamp)| (*media, Some(*sequence), Some(*timestamp)))
        .collect();
    respond_play(shard, request, id, &first, Some(&started.range))
}

/// The answer to a PLAY. `range` is that of a file; live media are where they are: `now` in RTSP/1.0, which players know, an
/// explicit time in RTSP/2.0, which forbids it (RFC 7826 §13.4.6).
fn respond_play(
    shard: &Shard,
    request: &Request,
    id: SessionId,
    first: &[FirstPacket],
    range: Option<&str>,
) -> Result<Outcome, Refusal> {
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions
        .get_mut(&id)
        .ok_or(ProtocolError::SessionNotFound)?;
    entry.session.play(shard.now());
    let mut response = respond::play(request.version, id);
    let info = position::rtp_info(&entry.session, entry.role.stream(), request.version, first);
    if let Role::Reader(reading) = &mut entry.role {
        let range = match (range.map(Range::parse), request.version) {
            (Some(Ok(range)), _) => range,
            (_, Version::V2_0) => reading.nature().position(),
            _ => Range::now(),
        };
        response.headers.set(&range);
        reading.course.play(request.cseq(), Some(range));
        reading.told(shard.now());
        position::tell(&mut response.headers, request.version, reading, true);
    }
    if !info.0.is_empty() {
        response.headers.set(&info);
    }
    Ok(Outcome {
        response,
        start: Some(id),
    })
}

pub(super) fn pause(
    shard: &Rc<Shard>,
    request: &Request,
    id: SessionId,
) -> Result<Outcome, Refusal> {
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions
        .get_mut(&id)
        .ok_or(ProtocolError::SessionNotFound)?;
    let link = link_of(shard, &entry.session);
    if let Role::Publisher(publishing) = &entry.role {
        publishing.stream.progress.halt(shard.now().monotonic);
    }
    if let Role::Reader(reading) = &mut entry.role {
        if let Some(position) = shard.stop_reader(&entry.session, reading, link.as_deref()) {
            reading.paused_at = Some(position);
        }
        reading.reader = None;
        reading.course.queue.clear();
        if reading.player.is_none() && reading.course.paused.is_none() {
            reading.course.paused = Some(reading.nature().position());
        }
    }
    entry.session.pause(shard.now());
    let mut response = respond::pause(request.version, id);
    if let Role::Reader(reading) = &entry.role {
        match &reading.player {
            Some(_) if request.version == Version::V2_0 => response.headers.set(&reading.rest()),
            Some(player) => {
                let position = format!("npt={}-", player.position());
                response.headers.append(HeaderName::Range, position);
            }
            None if request.version == Version::V2_0 => response.headers.set(&reading.rest()),
            None => {}
        }
        position::tell(&mut response.headers, request.version, reading, false);
    }
    Ok(response.into())
}

/// The connection that a session is tied to: not always the one that asks.
fn link_of(shard: &Shard, session: &ServerSession) -> Option<Rc<Link>> {
    shard.links.borrow().get(&session.connection()?).cloned()
}

/// Starts the media of a session whose PLAY was answered.
pub(super) fn start(shard: &Rc<Shard>, id: SessionId) {
    let mut sessions = shard.sessions.borrow_mut();
    let Some(entry) = sessions
        .get_mut(&id)
        .filter(|entry| entry.session.state() == State::Play)
    else {
        return;
    };
    let link = entry
        .session
        .connection()
        .and_then(|id| shard.links.borrow().get(&id).cloned());
    let Role::Reader(reading) = &mut entry.role else {
        return;
    };
    let stream = Arc::clone(&reading.stream);
    if let Some(reader) = reading.reader {
        if let Some(media) = reading.switched.take() {
            let entry = (&entry.session, entry.local);
            ways::switch(shard, entry, (stream.id, reader), media, link.as_ref());
        }
        return;
    }
    let ways = ways::of(shard, &entry.session, entry.local, link.as_ref(), |_| true);
    if ways.is_empty() {
        return;
    }
    // A report first, so that the player can put its media together from the first packet on.
    for media in entry.session.media() {
        if let Some(report) = stream
            .clocks
            .of(media.index as u8)
            .report(std::time::Instant::now())
        {
            let (media, link) = (media.index as u8, link.as_deref());
            shard.send_rtcp(&entry.session, media, link, entry.local, &report);
        }
    }
    let reader_id = shard.next_reader();
    let video = stream.video(entry.session.media().iter().map(|media| media.index as u8));
    let paused_at = reading.paused_at;
    let placed = shard.with_stream(stream.id, |local, now, after| {
        let position = paused_at.unwrap_or_else(|| local.ring.live());
        let reader = Reader::new(reader_id, ways, video, position, &mut local.ring);
        let interleaved = reader.is_interleaved();
        local.add(reader);
        local.pump(reader_id, now, after);
        interleaved
    });
    let Some(interleaved) = placed else { return };
    reading.reader = Some(reader_id);
    if let Some(link) = link.filter(|_| interleaved) {
        link.readers.borrow_mut().push((stream.id, reader_id));
    }
    tracing::info!(
        session = ?id, path = %stream.path, reader = reader_id.0,
        interleaved, "reader started"
    );
}
