//! PLAY and PAUSE.

use std::{net::IpAddr, rc::Rc, sync::Arc};

use rtsp_msg::{HeaderName, Request, Version, headers};
use rtsp_session::{
    ProtocolError,
    server::{ServerSession, SessionId, State, respond},
    transport::NegotiatedTransport,
};

use super::{
    Link,
    request::{From, Outcome, Refusal},
};
use crate::{
    config::Start,
    shard::{Reading, Role, Shard},
    source::player::Started,
    stream::{
        layout::Layout,
        reader::{Destination, Reader, Way},
        registry::Stream,
    },
};

/// What a PLAY answer says of one media: index, sequence number and RTP timestamp of its first packet.
type FirstPacket = (usize, Option<u16>, Option<u32>);

pub(super) async fn play(
    shard: &Rc<Shard>,
    _from: &From,
    request: &Request,
    id: SessionId,
) -> Result<Outcome, Refusal> {
    let range = request
        .headers
        .typed::<headers::TimedRange>()
        .map_err(|_| ProtocolError::BadHeader("Range"))?
        .map(|timed| timed.range);
    let (stream, player) = {
        let sessions = shard.sessions.borrow();
        let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
        let Role::Reader(reading) = &entry.role else {
            return Err(ProtocolError::WrongState {
                allow: entry.session.allowed(),
            }
            .into());
        };
        (Arc::clone(&reading.stream), reading.player.clone())
    };
    match player {
        Some(player) => {
            let chosen = chosen_media(shard, id)?;
            let before = shard.with_stream(stream.id, |local, _, _| local.ring.live());
            let started = player.play(shard, range.as_ref(), &chosen)?;
            if let Some(Role::Reader(reading)) = shard
                .sessions
                .borrow_mut()
                .get_mut(&id)
                .map(|entry| &mut entry.role)
            {
                // What was not sent before a pause still comes, and what comes now after it.
                reading.paused_at = reading.paused_at.or(before);
            }
            file(shard, request, id, &started)
        }
        None => live(shard, request, id, &stream).await,
    }
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
    respond_play(shard, request, id, &first, "npt=now-")
}

/// The first packet that a reader at `position` gets of a media. Where none is there yet the next one's number is known all
/// the same.
fn first_packet(
    local: &crate::stream::local::LocalStream,
    position: crate::stream::ring::Position,
    media: usize,
) -> FirstPacket {
    match local.ring.first_packet(position, media as u8) {
        Some((sequence, timestamp)) => (media, Some(sequence), Some(timestamp)),
        None => {
            let last = local.ring.last_packet(media as u8);
            (
                media,
                last.map(|(sequence, _)| sequence.wrapping_add(1)),
                None,
            )
        }
    }
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
    respond_play(shard, request, id, &first, &started.range)
}

fn respond_play(
    shard: &Shard,
    request: &Request,
    id: SessionId,
    first: &[FirstPacket],
    range: &str,
) -> Result<Outcome, Refusal> {
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions
        .get_mut(&id)
        .ok_or(ProtocolError::SessionNotFound)?;
    entry.session.play(shard.now());
    let mut response = respond::play(request.version, id);
    response.headers.append(HeaderName::Range, range);
    let stream = entry.role.stream();
    let info = rtp_info(&entry.session, stream, request.version, first);
    if !info.is_empty() {
        response.headers.append(HeaderName::RtpInfo, info);
    }
    Ok(Outcome {
        response,
        start: Some(id),
    })
}

fn rtp_info(
    session: &ServerSession,
    stream: &Stream,
    version: Version,
    first: &[FirstPacket],
) -> String {
    let base = session.presentation();
    let mut all = Vec::with_capacity(first.len());
    for (media, sequence, timestamp) in first {
        let url = sdp::control::resolve(base, Some(&sdp::control::track(*media)));
        let mut parts = Vec::with_capacity(2);
        parts.extend(sequence.map(|sequence| format!("seq={sequence}")));
        parts.extend(timestamp.map(|timestamp| format!("rtptime={timestamp}")));
        let parts = parts.join(";");
        if version == Version::V2_0 {
            // RFC 7826 §18.45: without a source there is nothing to say.
            if let Some(ssrc) = stream.clocks.of(*media as u8).ssrc {
                all.push(format!("url=\"{url}\" ssrc={ssrc:08X}:{parts}"));
            }
        } else if parts.is_empty() {
            all.push(format!("url={url}"));
        } else {
            all.push(format!("url={url};{parts}"));
        }
    }
    all.join(",")
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
    if let Role::Reader(reading) = &mut entry.role {
        if let Some(position) = shard.stop_reader(&entry.session, reading, link.as_deref()) {
            reading.paused_at = Some(position);
        }
        reading.reader = None;
    }
    entry.session.pause(shard.now());
    let mut response = respond::pause(request.version, id);
    if let Role::Reader(Reading {
        player: Some(player),
        ..
    }) = &entry.role
    {
        let position = format!("npt={}-", player.position());
        response.headers.append(HeaderName::Range, position);
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
    if reading.reader.is_some() {
        return;
    }
    let Some(way) = way(shard, &entry.session, entry.local, &stream, link.as_ref()) else {
        return;
    };
    // A report first, so that the player can put its media together from the first packet on.
    for media in entry.session.media() {
        if let Some(report) = stream
            .clocks
            .of(media.index as u8)
            .report(std::time::Instant::now())
        {
            shard.send_rtcp(&media.transport, link.as_deref(), entry.local, &report);
        }
    }
    let reader_id = shard.next_reader();
    let video = stream.video(entry.session.media().iter().map(|media| media.index as u8));
    let paused_at = reading.paused_at;
    let tcp = matches!(way, Way::Tcp { .. });
    let placed = shard.with_stream(stream.id, |local, now, after| {
        let position = paused_at.unwrap_or_else(|| local.ring.live());
        let reader = Reader::new(reader_id, way, video, position, &mut local.ring);
        local.add(reader);
        local.pump(reader_id, now, after);
    });
    if placed.is_none() {
        return;
    }
    reading.reader = Some(reader_id);
    if let Some(link) = link.filter(|_| tcp) {
        link.readers.borrow_mut().push((stream.id, reader_id));
    }
    tracing::info!(
        session = ?id, path = %stream.path, reader = reader_id.0,
        transport = if tcp { "TCP" } else { "UDP" }, "reader started"
    );
}

/// How a session's media goes out.
fn way(
    shard: &Shard,
    session: &ServerSession,
    local: IpAddr,
    stream: &Arc<Stream>,
    link: Option<&Rc<Link>>,
) -> Option<Way> {
    if session.is_interleaved() {
        let mut layout = Layout::default();
        for media in session.media() {
            if let NegotiatedTransport::Interleaved { rtp, rtcp } = media.transport {
                layout.set(media.index as u8, Some((rtp, rtcp)));
            }
        }
        let link = Rc::clone(link?);
        let layout = shard.with_stream(stream.id, |local, _, _| local.ring.intern(layout))?;
        return Some(Way::Tcp { link, layout });
    }
    let destinations = session
        .media()
        .iter()
        .filter_map(|media| match media.transport {
            NegotiatedTransport::Udp {
                peer_rtp,
                peer_rtcp,
                ..
            } => Some(Destination {
                media: media.index as u8,
                rtp: peer_rtp,
                rtcp: peer_rtcp,
            }),
            _ => None,
        })
        .collect::<smallvec::SmallVec<[Destination; 2]>>();
    let ports = shard.ports.towards(destinations.first()?.rtp.ip())?;
    Some(Way::Udp {
        ports: Rc::clone(ports),
        source: ports.source(local),
        destinations,
    })
}
