//! SETUP: how a media travels.

use std::{rc::Rc, sync::Arc};

use rtsp_msg::{Request, Response, Version, headers};
use rtsp_session::{
    ProtocolError,
    server::{
        Direction, Peer, ServerSession, SessionConfig, SessionId, State,
        condition::{self, Verdict},
        respond,
    },
    srtp::mikey::reverse::Unsigned,
    transport::{self, Capabilities, LocalAddresses, NegotiatedTransport, Selected},
};

use super::{
    describe::{self, Found},
    groups, position, publish,
    request::{Asker, Outcome, Refusal, authorize},
    secure::{self, may_have_keys},
    target::Target,
};
use crate::{
    admission::SessionPermit,
    exchange::Question,
    handler::Action,
    io::udp::UdpPeer,
    refusals::Limit,
    shard::{Course, Reading, Role, SessionEntry, Shard},
    source::player::Player,
    stream::registry::Stream,
};

/// A SETUP that begins a session.
pub(super) async fn first(
    shard: &Rc<Shard>,
    from: &Asker,
    request: &Request,
) -> Result<Outcome, Refusal> {
    let most = shard.shared.config.limits.sessions_per_connection;
    if from
        .link
        .as_ref()
        .is_some_and(|link| link.session_count() >= most)
    {
        shard
            .shared
            .counters
            .refusals
            .count(Limit::SessionsPerConnection, from.peer.address);
        return Err(ProtocolError::NotEnoughBandwidth.into());
    }
    if publish::wants_record(from, request) {
        return publish::setup(shard, from, request);
    }
    let target = Target::of(request).ok_or(ProtocolError::BadTarget)?;
    authorize(shard, from, Action::Read, &target.path)?;
    let question = secure::question(shard, from, request).await?;
    let found = describe::find(shard, &target.path).await?;
    let permit = admit(shard, from, true)?;
    let mut told = secure::told(from, request, &target.path);
    let (stream, player) = match found {
        Found::Live(stream) => (stream, None),
        Found::File(file) => {
            let prepared = told.take_prepared();
            let (stream, player) = Player::new(shard, &target.path, file, prepared)?;
            (stream, Some(player))
        }
    };
    let crypto = told.sealing(&stream);
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
    let mut reading = Reading {
        stream,
        reader: None,
        paused_at: None,
        switched: None,
        player,
        crypto,
        course: Course::new(),
        member: None,
    };
    reading.set_up(&[media]);
    let entry = SessionEntry {
        session: new_session(shard, id, request, presentation, &from.peer),
        permit,
        local: from.local.ip(),
        role: Role::Reader(reading),
    };
    let about = (request, question.as_ref());
    let done = begin(shard, from, about, entry, media, Direction::Play)?;
    let signed = secure::sign(shard, from, question, done).await;
    signed.map_err(|error| {
        shard.discard_session(id);
        error.into()
    })
}

/// A SETUP of another media of a session, or of the same one anew.
pub(super) async fn again(
    shard: &Rc<Shard>,
    from: &Asker,
    request: &Request,
    id: SessionId,
) -> Result<Outcome, Refusal> {
    let target = Target::of(request).ok_or(ProtocolError::BadTarget)?;
    let question = secure::question(shard, from, request).await?;
    let (media, direction) = {
        let sessions = shard.sessions.borrow();
        let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
        match &entry.role {
            Role::Reader(reading) => {
                if *reading.stream.path != *target.path {
                    // One session is one presentation: nothing controls media of two together (RFC 7826 §13.3).
                    return Err(ProtocolError::AggregateNotAllowed.into());
                }
                (media_index(&target, &reading.stream)?, Direction::Play)
            }
            Role::Publisher(_) => (publish::media_of(entry, request)?, Direction::Record),
        }
    };
    let about = (request, question.as_ref());
    let done = apply(shard, from, about, id, media, direction)?;
    Ok(secure::sign(shard, from, question, done).await?)
}

/// What came of a SETUP.
pub(super) struct SetUp {
    pub(super) outcome: Outcome,
    /// What its Transport is to answer with, once that is signed.
    pub(super) unsigned: Option<(Box<Unsigned>, headers::TransportSpec)>,
}

/// Puts a new session in place and sets its first media up; with a refusal nothing stays.
pub(super) fn begin(
    shard: &Rc<Shard>,
    from: &Asker,
    about: (&Request, Option<&Question>),
    entry: SessionEntry,
    media: usize,
    direction: Direction,
) -> Result<SetUp, Refusal> {
    let id = entry.session.id();
    shard.sessions.borrow_mut().insert(id, entry);
    if let Some(link) = &from.link {
        link.add_session(shard.now(), id);
    }
    let outcome = apply(shard, from, about, id, media, direction);
    if outcome.is_err() {
        shard.discard_session(id);
    }
    outcome
}

fn apply(
    shard: &Rc<Shard>,
    from: &Asker,
    about: (&Request, Option<&Question>),
    id: SessionId,
    media: usize,
    direction: Direction,
) -> Result<SetUp, Refusal> {
    let (request, _) = about;
    let leniency = &shard.shared.connection_config.session_leniency;
    let grammar = transport::grammar(request, leniency);
    let (before, mut selected) = negotiate(shard, from, request, id, media, (grammar, direction))?;
    if let Some(response) = conditions(shard, from, request, &id)? {
        return Err(Refusal::Answer(Box::new(response)));
    }
    let (security, mikey) = secure::chosen(shard, about, &id, media, &selected)?;
    let chosen = claim(shard, from, &id, media, before.as_ref(), selected.transport);
    let chosen = chosen.inspect_err(|_| groups::leave_unused(shard, &id))?;
    shard.secure(id, media as u8, security);
    selected.transport = chosen;
    let timeout = shard.shared.config.limits.session_timeout;
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions
        .get_mut(&id)
        .ok_or(ProtocolError::SessionNotFound)?;
    entry.session.setup(shard.now(), media, chosen, direction);
    groups::leave(entry);
    let ssrc = match &mut entry.role {
        Role::Reader(reading) => reading.stream.clocks.of(media as u8).ssrc,
        Role::Publisher(publishing) => {
            let channels = match chosen {
                NegotiatedTransport::Interleaved { rtp, rtcp } => Some((rtp, rtcp)),
                _ => None,
            };
            publishing.layout.set(media as u8, channels);
            publishing.secured = selected.profile.is_secure();
            None
        }
    };
    let local = local_addresses(shard, from);
    let mut spec = selected.to_spec(grammar, direction, local, ssrc);
    let mut unsigned = None;
    match mikey {
        Some(secure::Reply::Whole(text)) => spec.mikey = Some(text),
        Some(secure::Reply::Unsigned(answer)) => unsigned = Some((answer, spec.clone())),
        None => {}
    }
    let mut response = respond::setup(request.version, id, timeout, &spec);
    describe::tell_methods(shard, request, &mut response);
    let mut start = None;
    if let Role::Reader(reading) = &mut entry.role {
        let chosen: Vec<_> = entry.session.media().iter().map(|one| one.index).collect();
        reading.set_up(&chosen);
        if let (Some(player), Some(size)) = (&reading.player, request.headers.typed()?) {
            let headers::Blocksize(octets) = size;
            player.limit_payload(media, octets as usize);
        }
        if request.version == Version::V2_0 {
            reading.course.accepts = request.headers.typed()?;
            reading.nature().describe(&mut response.headers);
        }
        if entry.session.state() == State::Play {
            reading.switched = Some(media as u8);
            position::switch_point(
                shard,
                &entry.session,
                reading,
                media,
                request,
                &mut response,
            );
            start = Some(id);
        }
    }
    let outcome = Outcome { response, start };
    Ok(SetUp { outcome, unsigned })
}

/// The peer's way to us, and where datagrams come from.
fn local_addresses(shard: &Shard, from: &Asker) -> LocalAddresses {
    let rtsp = from.local.ip();
    let ports = shard.ports.towards(from.peer.address);
    LocalAddresses {
        rtsp,
        media: ports.and_then(|ports| ports.address()).unwrap_or(rtsp),
    }
}

/// Sets aside what a media needs: bandwidth where it is read, channels or addresses. Of one that is refused nothing stays.
fn claim(
    shard: &Rc<Shard>,
    from: &Asker,
    id: &SessionId,
    media: usize,
    before: Option<&NegotiatedTransport>,
    transport: NegotiatedTransport,
) -> Result<NegotiatedTransport, ProtocolError> {
    if let NegotiatedTransport::Multicast(_) = transport {
        // One more in the group sends no more.
        return take(shard, from, id, media, before, transport);
    }
    let reserved = reserve(shard, id, media)?;
    let taken = take(shard, from, id, media, before, transport);
    if taken.is_err()
        && let Some(entry) = shard.sessions.borrow_mut().get_mut(id)
    {
        entry.permit.reserve(media, reserved)?;
    }
    taken
}

/// Sets bandwidth aside for a media that is read; returns what was set aside for it before.
fn reserve(shard: &Shard, id: &SessionId, media: usize) -> Result<u64, ProtocolError> {
    let mut sessions = shard.sessions.borrow_mut();
    let entry = sessions.get_mut(id).ok_or(ProtocolError::SessionNotFound)?;
    let before = entry.permit.reserved(media);
    if let Role::Reader(reading) = &entry.role {
        let bits = reading.stream.bit_rate(media);
        entry.permit.reserve(media, bits).inspect_err(|_| {
            let refusals = &shard.shared.counters.refusals;
            refusals.count(Limit::Bandwidth, format_args!("session {id:?}"));
        })?;
    }
    Ok(before)
}

/// The transport that a media has, if it has one, and what is chosen of what is offered.
fn negotiate(
    shard: &Shard,
    from: &Asker,
    request: &Request,
    id: SessionId,
    media: usize,
    (grammar, direction): (Version, Direction),
) -> Result<(Option<NegotiatedTransport>, Selected), ProtocolError> {
    let mut offers = request
        .headers
        .typed::<headers::Transport>()
        .map_err(|_| ProtocolError::BadHeader("Transport"))?
        .ok_or(ProtocolError::BadHeader("Transport"))?;
    if let Some(host) = transport::foreign(&offers.0, from.peer.address) {
        tracing::warn!(
            peer = %from.peer.address, session = ?id, destination = ?host,
            "media for an address that is not the peer's own: not sent there"
        );
    }
    let (before, mux) = {
        let sessions = shard.sessions.borrow();
        let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
        let before = entry.session.media_at(media).map(|media| media.transport);
        secure::seal_offers(shard, &entry.role, &mut offers.0);
        secure::keep_within_tls(shard, &entry.role, grammar, &mut offers.0);
        let described = entry.role.stream().description.media.get(media);
        let mux = described.is_some_and(transport::can_multiplex);
        (before, mux)
    };
    let wanted = transport::wants_multicast(&offers.0, grammar) && direction == Direction::Play;
    let lease = wanted.then(|| groups::lend(shard, from, &id));
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
        mux,
        connections: direction == Direction::Play,
        before: match before {
            Some(NegotiatedTransport::Connections(before)) => Some(before),
            _ => None,
        },
        multicast: match &lease {
            Some(Ok(lease)) => lease.group(media),
            _ => None,
        },
        secure: may_have_keys(shard, from),
    };
    let selected = transport::select(&offers.0, &capabilities);
    let selected = selected.map_err(|error| groups::why(error, lease.as_ref()))?;
    {
        let mut sessions = shard.sessions.borrow_mut();
        let entry = sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        check(entry, from, media, direction, &selected.transport)?;
        // Packets of a session are sealed or they are not.
        let secure = selected.profile.is_secure();
        let mut others = entry.session.media().iter();
        if others
            .any(|other| other.index != media && shard.is_secured(id, other.index as u8) != secure)
        {
            return Err(ProtocolError::UnsupportedTransport);
        }
        if let (NegotiatedTransport::Multicast(_), Some(Ok(lease))) = (&selected.transport, lease) {
            groups::join(shard, entry, lease);
        }
    }
    Ok((before, selected))
}

/// Whether a session can have this transport for one of its media now.
fn check(
    entry: &SessionEntry,
    from: &Asker,
    media: usize,
    direction: Direction,
    chosen: &NegotiatedTransport,
) -> Result<(), ProtocolError> {
    let session = &entry.session;
    session.check_transport(&from.peer, chosen)?;
    let mixed = session.media().iter().any(|other| {
        other.index != media && other.transport.is_interleaved() != chosen.is_interleaved()
    });
    if mixed && direction == Direction::Record {
        // Datagrams are put in order and frames are not: a publisher sends all its media in one way.
        return Err(ProtocolError::UnsupportedTransport);
    }
    let before = session.media_at(media).map(|media| media.transport);
    let grouped = [Some(*chosen), before]
        .iter()
        .any(|transport| matches!(transport, Some(NegotiatedTransport::Multicast(_))));
    let waits = matches!(chosen, NegotiatedTransport::Connections(made) if !made.existing);
    let later = waits || grouped;
    if later && session.state() == State::Play {
        // What plays cannot wait for connections, and groups wait for nobody: pause first (RFC 7826 §13.3.1).
        return Err(ProtocolError::WrongState {
            allow: session.allowed(),
        });
    }
    Ok(())
}

/// What a reader makes its SETUP depend on: the units of time that it knows, and the description that it has. The answer is 304
/// where that is still the same.
fn conditions(
    shard: &Shard,
    from: &Asker,
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
    let representation = describe::representation(shard, from, request.version, reading);
    let verdict = condition::judge(request, &representation)?;
    Ok((verdict == Verdict::NotModified)
        .then(|| respond::not_modified(request.version, Some(&representation))))
}

/// Claims the channels, addresses or ports of a transport, and gives back those before. Refused, nothing has changed.
fn take(
    shard: &Rc<Shard>,
    from: &Asker,
    id: &SessionId,
    media: usize,
    before: Option<&NegotiatedTransport>,
    chosen: NegotiatedTransport,
) -> Result<NegotiatedTransport, ProtocolError> {
    let index = media as u8;
    let taken = match chosen {
        NegotiatedTransport::Interleaved { rtp, rtcp } => {
            let link = from.link.as_ref();
            let link = link.ok_or(ProtocolError::UnsupportedTransport)?;
            // Chosen as if those before were free already.
            if let Some(before) = before {
                link.free_channels(before);
            }
            let free = link.channels.borrow_mut().insert(rtp, rtcp);
            free.then_some(chosen)
                .ok_or(ProtocolError::UnsupportedTransport)?
        }
        NegotiatedTransport::Udp {
            peer_rtp, reports, ..
        } => {
            let ports = shard.ports.towards(peer_rtp.ip());
            let ports = ports.ok_or(ProtocolError::UnsupportedTransport)?;
            let peer = UdpPeer {
                session: *id,
                media: index,
                muxed: reports.are_muxed(),
            };
            let free = ports.admit(peer_rtp, reports, &peer);
            free.then_some(chosen)
                .ok_or(ProtocolError::UnsupportedTransport)?
        }
        NegotiatedTransport::Multicast(_) => chosen,
        NegotiatedTransport::Connections(made) if made.existing => return Ok(chosen),
        NegotiatedTransport::Connections(wanted) => {
            let ports = shard.open_flows(*id, index, wanted, from.local.ip());
            let ports = ports.map_err(|error| {
                tracing::warn!(%error, "no port for a data connection");
                ProtocolError::UnsupportedTransport
            })?;
            chosen.listening_on(ports)
        }
        _ => return Err(ProtocolError::UnsupportedTransport),
    };
    match before {
        Some(NegotiatedTransport::Interleaved { .. }) if !taken.is_interleaved() => {
            if let (Some(before), Some(link)) = (before, &from.link) {
                link.free_channels(before);
            }
        }
        Some(NegotiatedTransport::Udp { .. })
            if !matches!(taken, NegotiatedTransport::Udp { .. }) =>
        {
            for ports in shard.ports.iter() {
                ports.forget(id, Some(index));
            }
        }
        Some(NegotiatedTransport::Connections(_))
            if !matches!(taken, NegotiatedTransport::Connections(_)) =>
        {
            shard.close_flows(id, Some(index));
        }
        _ => {}
    }
    Ok(taken)
}

/// Takes one media out of a session, gives back what it had, and sends no more of it.
pub(super) fn release(shard: &Shard, entry: &mut SessionEntry, media: usize) {
    let Some(gone) = entry.session.remove_media(media) else {
        return;
    };
    groups::leave(entry);
    let _ = entry.permit.reserve(media, 0);
    for ports in shard.ports.iter() {
        ports.forget(&entry.session.id(), Some(media as u8));
    }
    shard.close_flows(&entry.session.id(), Some(media as u8));
    shard.secure(entry.session.id(), media as u8, None);
    let link = shard.link_of(&entry.session);
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
    from: &Asker,
    reads: bool,
) -> Result<SessionPermit, ProtocolError> {
    let mut random = shard.random.borrow_mut();
    let (address, shared) = (from.peer.address, &shard.shared);
    let admitted = shared.admission.admit(address, reads, &mut random);
    admitted.inspect_err(|error| {
        let limit = match error {
            ProtocolError::Overloaded { .. } => Limit::Sessions,
            _ => Limit::SessionsPerAddress,
        };
        shared.counters.refusals.count(limit, address);
    })
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
