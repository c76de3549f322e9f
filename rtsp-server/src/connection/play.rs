//! PLAY: of what is live, and how media set out.

use std::{
    net::IpAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use rtsp_msg::{
    Request, Version,
    headers::{Range, Scale, SeekStyle, Speed, TimedRange, UtcTime},
};
use rtsp_session::{
    ProtocolError,
    server::{ServerSession, SessionId, State, TimeUnit, plan, respond},
};

use super::{
    Link, film, groups,
    position::{self, first_packet},
    request::{Outcome, Refusal},
    ways,
};
use crate::{
    config::Start,
    multicast::Member,
    shard::{Played, Role, Shard},
    stream::{reader::Reader, registry::Stream},
};

/// The longest that a PLAY may ask to wait before it begins.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What a PLAY says beside its Range.
pub(super) struct Asked {
    pub(super) range: Option<Range>,
    /// When to begin (RFC 2326 §10.5). A moment that has passed is now.
    pub(super) not_before: Option<Instant>,
    pub(super) scale: Option<Scale>,
    pub(super) speed: Option<Speed>,
    pub(super) style: Option<SeekStyle>,
}

impl Asked {
    fn of(shard: &Shard, request: &Request) -> Result<Self, ProtocolError> {
        let headers = &request.headers;
        let timed = headers
            .typed::<TimedRange>()
            .map_err(|_| ProtocolError::BadHeader("Range"))?;
        let not_before = match timed.as_ref().and_then(|timed| timed.time) {
            Some(time) if request.version != Version::V2_0 => start_time(shard, time)?,
            _ => None,
        };
        Ok(Self {
            range: timed.map(|timed| timed.range),
            not_before,
            scale: headers
                .typed()
                .map_err(|_| ProtocolError::BadHeader("Scale"))?,
            speed: headers
                .typed()
                .map_err(|_| ProtocolError::BadHeader("Speed"))?,
            style: headers
                .typed()
                .map_err(|_| ProtocolError::BadHeader("Seek-Style"))?,
        })
    }
}

/// The moment at which to begin, if it lies ahead. A server may refuse to keep what it has for long (RFC 2326 §12.29).
fn start_time(shard: &Shard, time: UtcTime) -> Result<Option<Instant>, ProtocolError> {
    let now = shard.now();
    let wall = now.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let ahead = time.to_unix().unwrap_or_default().saturating_sub(wall);
    match ahead {
        Duration::ZERO => Ok(None),
        ahead if ahead <= LONGEST_WAIT => Ok(Some(now.monotonic + ahead)),
        _ => Err(ProtocolError::InvalidRange),
    }
}

pub(super) async fn play(
    shard: &Rc<Shard>,
    request: &Request,
    id: SessionId,
) -> Result<Outcome, Refusal> {
    let asked = Asked::of(shard, request)?;
    let (stream, player) = {
        let mut sessions = shard.sessions.borrow_mut();
        let entry = sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        let allow = entry.session.allowed();
        let Role::Reader(reading) = &mut entry.role else {
            return Err(ProtocolError::WrongState { allow }.into());
        };
        if reading.player.is_none() {
            plan::live_range(request.version, asked.range.as_ref(), &reading.nature())?;
        }
        reading.course.unit = asked
            .range
            .as_ref()
            .and_then(TimeUnit::of)
            .or(reading.course.unit);
        (Arc::clone(&reading.stream), reading.player.clone())
    };
    match player {
        Some(player) => film::play(shard, request, id, &stream, &player, asked),
        None => live(shard, request, id, &stream, asked.not_before).await,
    }
}

async fn live(
    shard: &Rc<Shard>,
    request: &Request,
    id: SessionId,
    stream: &Arc<Stream>,
    not_before: Option<Instant>,
) -> Result<Outcome, Refusal> {
    let first = if groups::has_all(shard, id) {
        // What is sent already is joined where it is, and which packet comes first nobody knows.
        Vec::new()
    } else if !shard.attach_to(stream).await {
        return Err(ProtocolError::NotFound.into());
    } else {
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
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions
        .get_mut(&id)
        .ok_or(ProtocolError::SessionNotFound)?;
    entry.session.play(shard.now());
    let mut response = respond::play(request.version, id);
    if let Role::Reader(reading) = &mut entry.role {
        reading.course.not_before = not_before;
        let place = reading.nature().position();
        let played = request.cseq().map(|cseq| Played {
            cseq,
            start: Some(place),
            end: None,
            scale: None,
        });
        reading.course.play(played);
        // Live media are where they are: `now` in RTSP/1.0, which players know, an explicit time in RTSP/2.0, which forbids it
        // (RFC 7826 §13.4.6).
        let range = match request.version {
            Version::V2_0 => reading.range(Some(place), None),
            _ => Range::now(),
        };
        response.headers.set(&range);
        reading.told(shard.now());
        position::tell(&mut response.headers, request.version, reading);
    }
    // What comes later begins with a packet that nobody knows yet.
    if not_before.is_none() {
        let info = position::rtp_info(&entry.session, entry.role.stream(), request.version, &first);
        if !info.0.is_empty() {
            response.headers.set(&info);
        }
    }
    Ok(Outcome {
        response,
        start: Some(id),
    })
}

/// Sends what is known of the media's clocks, so that the player can put them together from the first packet on.
fn send_reports(
    shard: &Shard,
    (session, local): (&ServerSession, IpAddr),
    stream: &Stream,
    link: Option<&Link>,
) {
    for media in session.media() {
        let media = media.index as u8;
        if let Some(report) = stream.clocks.of(media).report(Instant::now()) {
            shard.send_rtcp(session, media, link, local, &report);
        }
    }
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
    let link = shard.link_of(&entry.session);
    let Role::Reader(reading) = &mut entry.role else {
        return;
    };
    let stream = Arc::clone(&reading.stream);
    if std::mem::take(&mut reading.course.passed) {
        // The end that was asked for has passed: it stops, and says so now that the answer is out (RFC 7826 §13.4.3).
        if let Some(position) = shard.stop_reader(&entry.session, reading, link.as_deref()) {
            reading.paused_at = Some(position);
        }
        reading.reader = None;
        drop(sessions);
        return shard.rest(stream.id);
    }
    if let Some(reader) = reading.reader {
        if let Some(media) = reading.switched.take() {
            let entry = (&entry.session, entry.local);
            ways::switch(shard, entry, (stream.id, reader), media, link.as_ref());
        }
        return;
    }
    let now = Instant::now();
    if let Some(at) = reading.course.not_before.filter(|at| *at > now) {
        start_later(shard, id, at);
        return;
    }
    if reading.course.not_before.take().is_some() {
        // Live media go on from where they are now.
        reading.paused_at = None;
    }
    reading.member.iter().for_each(Member::play);
    let ways = ways::of(shard, &entry.session, entry.local, link.as_ref(), |_| true);
    if ways.is_empty() {
        return;
    }
    send_reports(
        shard,
        (&entry.session, entry.local),
        &stream,
        link.as_deref(),
    );
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

/// Starts live media at a time, unless the session was asked for something else by then.
fn start_later(shard: &Rc<Shard>, id: SessionId, at: Instant) {
    let shard = Rc::clone(shard);
    tokio::task::spawn_local(async move {
        tokio::time::sleep_until(at.into()).await;
        let waits = match shard.sessions.borrow().get(&id).map(|entry| &entry.role) {
            Some(Role::Reader(reading)) => reading.course.not_before == Some(at),
            _ => false,
        };
        if waits {
            start(&shard, id);
        }
    });
}
