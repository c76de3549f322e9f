//! PAUSE: at once, or in RTSP/1.0 at a point that is yet to come.

use std::{rc::Rc, time::Duration};

use rtsp_msg::{HeaderName, Request, Version, headers::Range};
use rtsp_session::{
    ProtocolError,
    server::{SessionId, State, plan, respond},
};

use super::{
    position,
    request::{Outcome, Refusal},
};
use crate::{
    shard::{Reading, Role, Shard},
    source::{
        file::{End, Wish},
        player::Player,
    },
};

/// When a pause begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Where it is.
    Now,
    /// At once, and what is played next begins there.
    NowAt(Duration),
    /// When what plays, or what is to be played after it, comes there.
    Later(Duration),
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
    let link = shard.link_of(&entry.session);
    if let Role::Publisher(publishing) = &entry.role {
        publishing.stream.progress.halt(shard.now().monotonic);
    }
    let plays = entry.session.state() == State::Play;
    let mut response = respond::pause(request.version, id);
    if let Role::Reader(reading) = &mut entry.role {
        // RTSP/2.0 has a Range in the answer only (RFC 7826 §13.6).
        let when = match (request.version, reading.player.clone()) {
            (Version::V1_0, Some(player)) if plays => pause_point(request, reading, &player)?,
            _ => When::Now,
        };
        if let When::Later(at) = when {
            response.headers.set(&reading.range(Some(at), None));
            entry.session.touch(shard.now());
            return Ok(response.into());
        }
        if let Some(position) = shard.stop_reader(&entry.session, reading, link.as_deref()) {
            reading.paused_at = Some(position);
        }
        if let (When::NowAt(at), Some(player)) = (when, &reading.player) {
            player.pause_at(at);
        }
        reading.reader = None;
        reading.course.queue.clear();
        if reading.player.is_none() && reading.course.paused.is_none() {
            reading.course.paused = Some(reading.nature().position());
        }
    }
    entry.session.pause(shard.now());
    if let Role::Reader(reading) = &entry.role {
        match (request.version, &reading.player) {
            (Version::V2_0, _) => response.headers.set(&reading.rest()),
            (_, Some(_)) => response.headers.set(&reading.place()),
            (_, None) => {}
        }
        position::tell(&mut response.headers, request.version, reading);
    }
    Ok(response.into())
}

/// Where a PAUSE wants a film to stop: the first time that it comes there in what plays or is queued (RFC 2326 §10.6). What is
/// queued behind that is dropped.
fn pause_point(
    request: &Request,
    reading: &mut Reading,
    player: &Player,
) -> Result<When, ProtocolError> {
    let Some(value) = request.headers.first(&HeaderName::Range) else {
        return Ok(When::Now);
    };
    let at = point(value, reading)?;
    let (Some(length), Some((from, to))) = (
        reading.course.film.map(|film| film.length),
        player.playing(),
    ) else {
        return Err(ProtocolError::InvalidRange);
    };
    if is_within(at, from, to) {
        reading.course.queue.clear();
        if at != to && !player.end_at(at) {
            return Ok(When::NowAt(at));
        }
        player.will_pause(Some(at));
        return Ok(When::Later(at));
    }
    let mut end = to;
    let mut last = None;
    for (index, queued) in reading.course.queue.iter_mut().enumerate() {
        let begin = queued.wish.start.unwrap_or(end);
        end = end_of(&queued.wish, length);
        if is_within(at, begin, end) {
            queued.wish.end = End::At(at);
            // Nothing of a range is played that begins where it stops.
            last = Some(index + usize::from(begin != at));
            break;
        }
        if at < begin {
            // It lies between two of them: the first are played (RFC 2326 §10.6, the second example).
            last = Some(index).filter(|_| at > to);
            break;
        }
    }
    let last = last.ok_or(ProtocolError::InvalidRange)?;
    reading.course.queue.truncate(last);
    player.will_pause(Some(at));
    Ok(When::Later(at))
}

/// The one value of a Range. Peers write it as a range without an end, or alone.
fn point(value: &str, reading: &Reading) -> Result<Duration, ProtocolError> {
    let malformed = |_| ProtocolError::BadHeader("Range");
    let value = value.split(';').next().unwrap_or_default().trim();
    let range = match value.rsplit_once('=') {
        Some((_, time)) if !time.contains('-') => Range::parse(&format!("{value}-")),
        _ => Range::parse(value),
    };
    let range = range.map_err(malformed)?;
    match plan::seek(Some(&range), &reading.nature())? {
        plan::Seek {
            start: Some(at),
            end: None,
            ..
        } => Ok(at),
        _ => Err(ProtocolError::BadHeader("Range")),
    }
}

fn end_of(wish: &Wish, length: Duration) -> Duration {
    let backwards = wish.scale.is_some_and(|scale| scale < 0.0);
    match wish.end {
        End::At(end) => end.min(length),
        _ if backwards => Duration::ZERO,
        _ => length,
    }
}

/// Whether a time lies in a range, whichever way that goes, its end included: there it stops anyway.
fn is_within(at: Duration, from: Duration, to: Duration) -> bool {
    (from.min(to)..=from.max(to)).contains(&at)
}
