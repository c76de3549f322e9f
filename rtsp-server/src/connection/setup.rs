//! SETUP: how a media travels.

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use rtsp_msg::{Request, Response, Version, headers};
use rtsp_session::{
    ProtocolError,
    server::{
        Direction, Peer, ServerSession, SessionConfig, SessionId,
        condition::{self, Verdict},
        respond,
    },
    transport::{self, Capabilities, NegotiatedTransport},
};

use super::{
    describe::{self, Found},
    publish,
    request::{From, Outcome, Refusal, authorize},
    target::Target,
};
use crate::{
    admission::SessionPermit,
    handler::Action,
    io::udp::UdpPeer,
    shard::{Course, Reading, Role, SessionEntry, Shard},
    source::player::Player,
    stream::registry::Stream,
};

/// A SETUP that begins a session.
pub(super) async fn first(
    shard: &Rc<Shard>,
    from: &From,
    request: &Request,
) -> Result<Outcome, Refusal> {
    let most = shard.shared.config.limits.sessions_per_connection;
    if from
        .link
        .as_ref()
        .is_some_and(|link| link.session_count() >= most)
    {
        return Err(ProtocolError::NotEnoughBandwidth.into());
    }
    if publish::wants_record(from, request) {
        return publish::setup(shard, from, request);
    }
    let target = Target::of(request).ok_or(ProtocolError::BadTarget)?;
    authorize(shard, from, Action::Read, &target.path)?;
    let found = describe::find(shard, &target.path).await?;
    let permit = admit(shard, from, true)?;
    let (stream, player, length) = match found {
        Found::Live(stream) => (stream, None, None),
        Found::File(file) => {
            let length = file.duration();
            let (stream, player) = Player::new(shard, &target.path, file)?;
            (stream, Some(player), Some(length))
        }
    };
    let media = match media_index(&target, &stream) {
        Ok(media) => media,
        Err(error) => {
            if let Some(player) = player {
                player.close();
                shard.drop_private(&stream);
            }
            return Err(error.into());
        }
    };
    let id = SessionId::generate(&mut shard.random.borrow_mut(), shard.id.0);
    let presentation = presentation(request);
    let entry = SessionEntry {
        session: new_session(shard, id, request, presentation, &from.peer),
        _permit: permit,
        local: from.local.ip(),
        role: Role::Reader(Reading {
            stream,
            reader: None,
            paused_at: None,
            player,
            course: Course::new(length),
        }),
    };
    begin(shard, from, request, entry, media, Direction::Play)
}

/// A SETUP of another media of a session, or of the same one anew.
pub(super) async fn again(
    shard: &Rc<Shard>,
    from: &From,
    request: &Request,
    id: SessionId,
) -> Result<Outcome, Refusal> {
    let target = Target::of(request).ok_or(ProtocolError::BadTarget)?;
    let (media, direction) = {
        let sessions = shard.sessions.borrow();
        let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
        match &entry.role {
            Role::Reader(reading) => {
                if *reading.stream.path != *target.path {
                    // One session is one presentation (RFC 7826 §4.3).
                    return Err(ProtocolError::NotFound.into());
                }
                (media_index(&target, &reading.stream)?, Direction::Play)
            }
            Role::Publisher(_) => (publish::media_of(entry, request)?, Direction::Record),
        }
    };
    apply(shard, from, request, id, media, direction)
}

/// Puts a new session in place and sets its first media up; with a refusal nothing stays.
pub(super) fn begin(
    shard: &Rc<Shard>,
    from: &From,
    request: &Request,
    entry: SessionEntry,
    media: usize,
    direction: Direction,
) -> Result<Outcome, Refusal> {
    let id = entry.session.id();
    shard.sessions.borrow_mut().insert(id, entry);
    if let Some(link) = &from.link {
        link.add_session(shard.now(), id);
    }
    let outcome = apply(shard, from, request, id, media, direction);
    if outcome.is_err() {
        shard.discard_session(id);
    }
    outcome
}

fn apply(
    shard: &Rc<Shard>,
    from: &From,
    request: &Request,
    id: SessionId,
    media: usize,
    direction: Direction,
) -> Result<Outcome, Refusal> {
    let leniency = &shard.shared.connection_config.session_leniency;
    let grammar = transport::grammar(request, leniency);
    let (before, chosen) = negotiate(shard, from, request, id, media, (grammar, direction))?;
    if let Some(response) = conditions(shard, from, request, &id)? {
        return Err(Refusal::Answer(Box::new(response)));
    }
    take(shard, from, &id, media, before.as_ref(), &chosen)?;
    let timeout = shard.shared.config.limits.session_timeout;
    let ssrc = {
        let mut sessions = shard.sessions.borrow_mut();
        let entry = sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        entry.session.setup(shard.now(), media, chosen, direction);
        if let Role::Publisher(publishing) = &mut entry.role {
            let channels = match chosen {
                NegotiatedTransport::Interleaved { rtp, rtcp } => Some((rtp, rtcp)),
                _ => None,
            };
            publishing.layout.set(media as u8, channels);
        }
        match &entry.role {
            Role::Reader(reading) => reading.stream.clocks.of(media as u8).ssrc,
            Role::Publisher(_) => None,
        }
    };
    let spec = chosen.to_spec(grammar, direction, from.local.ip(), ssrc);
    let mut response = respond::setup(request.version, id, timeout, &spec);
    if request.version == Version::V2_0 {
        let sessions = shard.sessions.borrow();
        if let Some(Role::Reader(reading)) = sessions.get(&id).map(|entry| &entry.role) {
            reading.nature().describe(&mut response.headers);
        }
    }
    Ok(response.into())
}

/// The transport that a media has, if it has one, and the one that is chosen of what is offered.
fn negotiate(
    shard: &Shard,
    from: &From,
    request: &Request,
    id: SessionId,
    media: usize,
    (grammar, direction): (Version, Direction),
) -> Result<(Option<NegotiatedTransport>, NegotiatedTransport), ProtocolError> {
    let offers = request
        .headers
        .typed::<headers::Transport>()
        .map_err(|_| ProtocolError::BadHeader("Transport"))?
        .ok_or(ProtocolError::BadHeader("Transport"))?;
    let before = {
        let sessions = shard.sessions.borrow();
        let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
        entry.session.media_at(media).map(|media| media.transport)
    };
    let ports = shard.ports.towards(from.peer.address);
    // What this media has now is free to be chosen anew.
    let mut channels = from
        .link
        .as_ref()
        .map(|link| link.channels.borrow().clone())
        .unwrap_or_default();
    if let Some(NegotiatedTransport::Interleaved { rtp, rtcp }) = before {
        channels.remove(rtp, rtcp);
    }
    let capabilities = Capabilities {
        server_ports: ports.map(|ports| ports.pair.ports()),
        channels: from.link.is_some().then_some(&channels),
        direction,
        peer: from.peer.address,
        version: grammar,
    };
    let chosen = transport::select(&offers.0, &capabilities)?;
    {
        let sessions = shard.sessions.borrow();
        let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
        entry.session.check_transport(&from.peer, &chosen)?;
        let mixed = entry.session.media().iter().any(|other| {
            other.index != media && other.transport.is_interleaved() != chosen.is_interleaved()
        });
        if mixed {
            // One session, one way out: media that go different ways cannot be kept together.
            return Err(ProtocolError::UnsupportedTransport);
        }
    }
    Ok((before, chosen))
}

/// What a reader makes its SETUP depend on: the units of time that it knows, and the description that it has. The answer is 304
/// where that is still the same.
fn conditions(
    shard: &Shard,
    from: &From,
    request: &Request,
    id: &SessionId,
) -> Result<Option<Response>, ProtocolError> {
    let sessions = shard.sessions.borrow();
    let Some(Role::Reader(reading)) = sessions.get(id).map(|entry| &entry.role) else {
        return Ok(None);
    };
    let nature = reading.nature();
    if request.version == Version::V2_0
        && !nature.shares_unit(request.headers.typed::<headers::AcceptRanges>()?.as_ref())
    {
        return Err(ProtocolError::HeaderNotValid {
            accept_ranges: Some(nature.accept_ranges()),
        });
    }
    if !condition::is_conditional(request) {
        return Ok(None);
    }
    let representation = describe::representation(shard, from, reading);
    let verdict = condition::judge(request, &representation)?;
    Ok((verdict == Verdict::NotModified)
        .then(|| respond::not_modified(request.version, Some(&representation))))
}

/// Claims the channels or addresses of a transport, giving back those before.
fn take(
    shard: &Shard,
    from: &From,
    id: &SessionId,
    media: usize,
    before: Option<&NegotiatedTransport>,
    chosen: &NegotiatedTransport,
) -> Result<(), ProtocolError> {
    if before.is_some() {
        for ports in shard.ports.iter() {
            ports.forget(id, Some(media as u8));
        }
    }
    if let (Some(before), Some(link)) = (before, &from.link) {
        link.free_channels(before);
    }
    match chosen {
        NegotiatedTransport::Interleaved { rtp, rtcp } => {
            let link = from
                .link
                .as_ref()
                .ok_or(ProtocolError::UnsupportedTransport)?;
            let free = link.channels.borrow_mut().insert(*rtp, *rtcp);
            free.then_some(())
                .ok_or(ProtocolError::UnsupportedTransport)
        }
        NegotiatedTransport::Udp {
            peer_rtp,
            peer_rtcp,
            ..
        } => {
            let ports = shard
                .ports
                .towards(peer_rtp.ip())
                .ok_or(ProtocolError::UnsupportedTransport)?;
            let peer = UdpPeer {
                session: *id,
                media: media as u8,
            };
            let free = ports.admit(canonical(*peer_rtp), canonical(*peer_rtcp), &peer);
            free.then_some(())
                .ok_or(ProtocolError::UnsupportedTransport)
        }
        _ => Err(ProtocolError::UnsupportedTransport),
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Takes one media out of a session, gives back what it had, and sends no more of it.
pub(super) fn release(shard: &Shard, entry: &mut SessionEntry, media: usize) {
    let Some(gone) = entry.session.remove_media(media) else {
        return;
    };
    for ports in shard.ports.iter() {
        ports.forget(&entry.session.id(), Some(media as u8));
    }
    let link = entry
        .session
        .connection()
        .and_then(|id| shard.links.borrow().get(&id).cloned());
    if let Some(link) = link {
        link.free_channels(&gone.transport);
    }
    if let Role::Reader(Reading {
        stream,
        reader: Some(reader),
        ..
    }) = &entry.role
    {
        shard.with_stream(stream.id, |local, _, _| {
            local.leave_media(*reader, media as u8);
        });
    }
}

fn media_index(target: &Target, stream: &Arc<Stream>) -> Result<usize, ProtocolError> {
    let count = stream.shapes.len();
    match target.media {
        Some(media) if media < count => Ok(media),
        Some(_) => Err(ProtocolError::NotFound),
        // The one media of a presentation may go by the presentation's own name.
        None if count == 1 => Ok(0),
        None => Err(ProtocolError::AggregateNotAllowed),
    }
}

/// A place among the sessions of the server, or 503; among those of the peer's address, or 453.
pub(super) fn admit(
    shard: &Shard,
    from: &From,
    reads: bool,
) -> Result<SessionPermit, ProtocolError> {
    let mut random = shard.random.borrow_mut();
    let admission = &shard.shared.admission;
    admission.admit(from.peer.address, reads, &mut random)
}

/// The URI of the presentation that a SETUP belongs to.
pub(super) fn presentation(request: &Request) -> String {
    let uri = match &request.target {
        rtsp_msg::RequestTarget::Uri(uri) => uri.without_userinfo().as_str().to_owned(),
        other => other.as_str().to_owned(),
    };
    match sdp::control::split_track(&uri) {
        Some((base, _)) => base.into_owned(),
        None => uri,
    }
}

pub(super) fn new_session(
    shard: &Shard,
    id: SessionId,
    request: &Request,
    presentation: String,
    peer: &Peer,
) -> ServerSession {
    let limits = &shard.shared.config.limits;
    let config = SessionConfig {
        timeout: limits.session_timeout,
        grace: limits.session_grace,
        inactive: limits.inactive_timeouts,
    };
    ServerSession::new(shard.now(), id, request.version, presentation, peer, config)
}
