//! PLAY of a film: what it asks of the player, and what the answer says.

use std::{rc::Rc, sync::Arc, time::Duration};

use rtsp_msg::{
    Request, Response, Version,
    headers::{Scale, SeekStyle, Speed},
};
use rtsp_session::{
    ProtocolError,
    server::{
        SessionId, SessionMedia, State,
        plan::{self, PlayAction},
        respond,
        unit::{self, Bound},
    },
    transport::NegotiatedTransport,
};

use super::{
    play::Asked,
    position::{self, FirstPacket},
    request::{Outcome, Refusal},
};
use crate::{
    shard::{Played, Queued, Reading, Role, Shard},
    source::{
        file::{Delivery, End, PlayStart, SeekPolicy, Wish},
        player::Player,
    },
    stream::registry::{Stream, StreamId},
};

/// Ranges that may follow the one that plays.
const QUEUE: usize = 16;

/// PLAY of a film. What it does in the middle of playing follows its version (see [`plan::play`]).
pub(super) fn play(
    shard: &Rc<Shard>,
    request: &Request,
    id: SessionId,
    stream: &Arc<Stream>,
    player: &Player,
    asked: Asked,
) -> Result<Outcome, Refusal> {
    let (action, wish) = {
        let sessions = shard.sessions.borrow();
        let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
        let Role::Reader(reading) = &entry.role else {
            return Err(ProtocolError::Internal.into());
        };
        let state = entry.session.state();
        let datagrams =
            |media: &SessionMedia| matches!(media.transport, NegotiatedTransport::Udp { .. });
        let delivery = match entry.session.media().iter().any(datagrams) {
            true => Delivery::Datagrams,
            false => Delivery::Stream,
        };
        let action = plan::play(request.version, state, asked.range.is_some());
        let wish = wish(request.version, reading, state, delivery, &asked)?;
        (action, wish)
    };
    let version = request.version;
    let changes = asked.scale.is_some() || asked.speed.is_some();
    let started = match action {
        PlayAction::Queue => return queue(shard, request, id, &asked, wish),
        // RTSP/1.0 asks so whether the server lives (RFC 2326 §10.5).
        PlayAction::Continue if version != Version::V2_0 && !changes => player.present(),
        _ => None,
    };
    let started = match started {
        Some(started) => started,
        None => {
            player.will_pause(None);
            begin(shard, id, stream, player, &wish)?
        }
    };
    answer(shard, request, id, player, &asked, &started)
}

/// What a PLAY wishes for.
fn wish(
    version: Version,
    reading: &Reading,
    state: State,
    delivery: Delivery,
    asked: &Asked,
) -> Result<Wish, ProtocolError> {
    let seek = plan::seek(asked.range.as_ref(), &reading.nature())?;
    let (plays, second) = (state == State::Play, version == Version::V2_0);
    let backwards = asked.scale.is_some_and(|scale| scale.value() < 0.0);
    let length = reading.course.film.map(|film| film.length);
    let at_end = length.is_some_and(|length| reading.position() >= length);
    // Without a start it goes on where it is. At the end RTSP/2.0 has no more to play (RFC 7826 §13.4.1), RTSP/1.0 begins anew.
    let anew = !second && !plays && at_end && !backwards;
    let start = seek.start.or(anew.then_some(Duration::ZERO));
    Ok(Wish {
        start,
        end: match seek.end {
            Some(end) => End::At(end),
            None if asked.range.is_none() && !second => End::Kept,
            None => End::Media,
        },
        policy: match &asked.style {
            Some(SeekStyle::CoRap) if second => SeekPolicy::CoRap,
            Some(SeekStyle::FirstPrior) if second => SeekPolicy::FirstPrior,
            Some(SeekStyle::Next) if second => SeekPolicy::Next,
            _ => SeekPolicy::Rap,
        },
        scale: asked.scale.map(Scale::value),
        speed: asked.speed.map(Speed::upper),
        delivery,
        goes_on: plays && start.is_none() && (!second || asked.range.is_some()),
        not_before: asked.not_before,
    })
}

/// One more range, to be played when those before it are done (RFC 2326 §10.5).
fn queue(
    shard: &Shard,
    request: &Request,
    id: SessionId,
    asked: &Asked,
    wish: Wish,
) -> Result<Outcome, Refusal> {
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions
        .get_mut(&id)
        .ok_or(ProtocolError::SessionNotFound)?;
    let allow = entry.session.allowed();
    let Role::Reader(reading) = &mut entry.role else {
        return Err(ProtocolError::WrongState { allow }.into());
    };
    let length = reading.course.film.map(|film| film.length);
    if wish.start >= length && wish.start.is_some() {
        return Err(ProtocolError::InvalidRange.into());
    }
    if reading.course.queue.len() >= QUEUE {
        return Err(ProtocolError::WrongState { allow }.into());
    }
    if let Some(player) = &reading.player {
        // Whoever asks for more does not want to stop before it.
        player.will_pause(None);
    }
    let mut response = respond::play(request.version, id);
    if let Some(range) = &asked.range {
        response.headers.set(range);
    }
    let cseq = request.cseq();
    // It begins where the one before it ends, not where that is now.
    let wish = Wish {
        goes_on: false,
        ..wish
    };
    reading.course.queue.push_back(Queued { cseq, wish });
    entry.session.touch(shard.now());
    Ok(response.into())
}

/// Goes on with the next range of the queue; `false` when there is none. Ranges that cannot be played are passed over.
pub(crate) fn next_range(shard: &Shard, stream: StreamId) -> bool {
    loop {
        let (id, player, queued, stream) = {
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
            let Some(queued) = reading.course.queue.pop_front() else {
                return false;
            };
            let Some(player) = reading.player.clone() else {
                return false;
            };
            (id, player, queued, Arc::clone(&reading.stream))
        };
        match begin(shard, id, &stream, &player, &queued.wish) {
            Ok(started) => {
                let mut sessions = shard.sessions.borrow_mut();
                if let Some(Role::Reader(reading)) =
                    sessions.get_mut(&id).map(|entry| &mut entry.role)
                {
                    reading.course.play(played(queued.cseq, &started));
                }
                return true;
            }
            Err(error) => tracing::debug!(session = ?id, %error, "a queued range was passed over"),
        }
    }
}

fn begin(
    shard: &Shard,
    id: SessionId,
    stream: &Stream,
    player: &Player,
    wish: &Wish,
) -> Result<PlayStart, ProtocolError> {
    let chosen = chosen_media(shard, id)?;
    let before = shard.with_stream(stream.id, |local, _, _| local.ring.live());
    let started = player.play(shard, wish, &chosen)?;
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

fn played(cseq: Option<u32>, started: &PlayStart) -> Option<Played> {
    Some(Played {
        cseq: cseq?,
        start: Some(started.start),
        end: Some(started.end),
        scale: Scale::new(started.pace.scale()),
    })
}

/// The answer to a PLAY: what is really played, and where the packets begin.
fn answer(
    shard: &Shard,
    request: &Request,
    id: SessionId,
    player: &Player,
    asked: &Asked,
    started: &PlayStart,
) -> Result<Outcome, Refusal> {
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions
        .get_mut(&id)
        .ok_or(ProtocolError::SessionNotFound)?;
    entry.session.play(shard.now());
    let mut response = respond::play(request.version, id);
    let Role::Reader(reading) = &mut entry.role else {
        return Err(ProtocolError::Internal.into());
    };
    reading.course.play(played(request.cseq(), started));
    reading.course.passed = started.passed;
    let range = reading.range(Some(started.start), Some(started.end));
    // Units have their own grain: the RTP timestamps are those of the time that is told.
    let told = match unit::bounds(&range, None) {
        Some((Some(Bound::At(at)), _)) => at,
        _ => started.start,
    };
    let first: Vec<FirstPacket> = player
        .positions(told)
        .iter()
        .map(|media| (media.media, Some(media.sequence), Some(media.rtp_timestamp)))
        .collect();
    response.headers.set(&range);
    tell_pace(&mut response, asked, started);
    let info = position::rtp_info(&entry.session, entry.role.stream(), request.version, &first);
    if !info.0.is_empty() {
        response.headers.set(&info);
    }
    Ok(Outcome {
        response,
        start: Some(id),
    })
}

/// Scale and Speed as they are, and how the start was sought. RTSP/1.0 peers hear only of what they asked for.
fn tell_pace(response: &mut Response, asked: &Asked, started: &PlayStart) {
    let second = response.version == Version::V2_0;
    let headers = &mut response.headers;
    let (scale, speed) = (started.pace.scale(), started.pace.speed());
    if second {
        headers.set(&match started.policy {
            SeekPolicy::Rap => SeekStyle::Rap,
            SeekPolicy::CoRap => SeekStyle::CoRap,
            SeekPolicy::FirstPrior => SeekStyle::FirstPrior,
            SeekPolicy::Next => SeekStyle::Next,
        });
    }
    if (second || asked.scale.is_some() || scale != 1.0)
        && let Some(scale) = Scale::new(scale)
    {
        headers.set(&scale);
    }
    if asked.speed.is_some() || speed != 1.0 {
        // A connection may be slower than what is sent into it, so the lower bound is the peer's.
        let lower = asked.speed.map_or(speed, Speed::lower).min(speed);
        let actual = match second {
            true => Speed::between(lower, speed),
            false => Speed::exact(speed),
        };
        if let Some(actual) = actual {
            headers.set(&actual);
        }
    }
}
