//! From a request to its answer: which shard it is for, whose session, and what it may.

use std::{net::SocketAddr, rc::Rc, time::Instant};

use rtsp_msg::{HeaderName, Method, Request, RequestTarget, Response, StatusCode, Uri, Version};
use rtsp_session::{
    ProtocolError, Redirection,
    server::{Object, Peer, SessionId, notify, respond, rules, state},
};
use tokio::sync::oneshot;

use super::{
    Link, describe, identity, parameters, pause, play, position, publish, setup, target::Target,
};
use crate::{
    access::{Bearer, permission::Permission},
    config::names,
    handler::{Action, Decision, Elsewhere},
    shard::{Ending, Forwarded, Mail, Reply, SessionEntry, Shard, ShardId},
};

/// Who asks, and how.
pub(super) struct Asker {
    pub(super) peer: Peer,
    pub(super) bearer: Bearer,
    /// The address that the peer reached us at.
    pub(super) local: SocketAddr,
    /// The connection, where it is one of this shard.
    pub(super) link: Option<Rc<Link>>,
}

/// Why a request is not done.
#[derive(Debug)]
pub(super) enum Refusal {
    Error(ProtocolError),
    /// 401.
    Challenge,
    /// Others have to say whether its peer may do this to this path.
    Ask(Action, String),
    /// An answer with more to say than the cause.
    Answer(Box<Response>),
}

impl<E: Into<ProtocolError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// An answer, and what begins once it is on its way.
pub(super) struct Outcome {
    pub(super) response: Response,
    /// A session whose media starts after the answer.
    pub(super) start: Option<SessionId>,
}

impl From<Response> for Outcome {
    fn from(response: Response) -> Self {
        Self {
            response,
            start: None,
        }
    }
}

/// Serves the requests of one connection, in order, until there are none left.
pub(super) async fn work(shard: Rc<Shard>, link: Rc<Link>) {
    loop {
        let next = link.requests.borrow_mut().pop_front();
        let Some(incoming) = next else {
            break;
        };
        let id = incoming.id;
        let (reply, start) = match identity::prove(&shard, &link, &incoming).await {
            Ok((user, bearer)) => {
                let mut from = Asker {
                    peer: link.peer(user),
                    bearer,
                    local: link.local,
                    link: Some(Rc::clone(&link)),
                };
                let request = incoming.request;
                let named = request.headers.contains(&HeaderName::Session);
                let (reply, start) = serve_asking(&shard, &mut from, request).await;
                if named {
                    hold_back(&link, &reply).await;
                }
                (reply, start)
            }
            Err(error) => finish(incoming.request.version, Err(error.into())),
        };
        if link.done.get() {
            // It closed meanwhile: what the request tied to it is let go like the rest.
            link.requests.borrow_mut().clear();
            return shard.connection_closed(&link);
        }
        {
            let mut protocol = link.protocol.borrow_mut();
            match reply {
                Reply::Answer(response) => protocol.answer(id, response),
                Reply::Challenge | Reply::Ask(..) => protocol.challenge(id),
            }
        }
        // The answer is queued before media is: a player must not see media first (quirk 7). Media on the same connection goes
        // out in the same call.
        let together = start.is_some_and(|session| shard.plays_on(&session, link.id));
        let mut sent = match together {
            true => Ok(link.act(&shard)),
            false => link.drive(&shard),
        };
        if let Some(session) = start {
            play::start(&shard, session);
        }
        if together {
            sent = link.flush().and(sent);
        }
        if sent.is_err() {
            link.wake.notify_one();
        }
    }
    // An idle connection keeps no queue.
    link.requests.take();
    link.working.set(false);
    link.wake.notify_one();
}

/// Lets those wait who name one session after the other that is not there (RFC 7826 §21.1).
async fn hold_back(link: &Link, reply: &Reply) {
    if matches!(reply, Reply::Answer(answer) if answer.status == StatusCode::SESSION_NOT_FOUND) {
        let pause = link.permit.guessed(Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Serves a request of another shard's connection for a session of this one.
pub(crate) fn forwarded(shard: &Rc<Shard>, forwarded: Forwarded) {
    let shard = Rc::clone(shard);
    tokio::task::spawn_local(async move {
        let Forwarded {
            peer,
            bearer,
            local,
            session,
            request,
            reply,
        } = forwarded;
        let from = Asker {
            peer,
            bearer,
            local,
            link: None,
        };
        let (answer, start) = of_session(&shard, &from, &request, session).await;
        let tied = {
            let sessions = shard.sessions.borrow();
            let connection = sessions
                .get(&session)
                .and_then(|entry| entry.session.connection());
            connection == Some(from.peer.connection)
        };
        let _ = reply.send((answer, tied));
        if let Some(session) = start {
            play::start(&shard, session);
        }
    });
}

/// Serves a request. Where others have to say whether its peer may, it is served once they have been asked; nothing came of it before.
async fn serve_asking(
    shard: &Rc<Shard>,
    from: &mut Asker,
    request: Request,
) -> (Reply, Option<SessionId>) {
    let Some(offered) = from.bearer.offered.clone() else {
        return serve(shard, from, request).await;
    };
    let version = request.version;
    let (action, path) = match serve(shard, from, request.clone()).await {
        (Reply::Ask(action, path), _) => (action, path),
        served => return served,
    };
    match identity::ask(shard, from, &offered, action, &path).await {
        Ok(()) => serve(shard, from, request).await,
        Err(refusal) => finish(version, Err(refusal)),
    }
}

async fn serve(shard: &Rc<Shard>, from: &Asker, request: Request) -> (Reply, Option<SessionId>) {
    let version = request.version;
    if let Some(location) = by_tls(shard, from, &request) {
        let how = Redirection::Permanent;
        return finish(version, Err(ProtocolError::Moved { how, location }.into()));
    }
    let session = match session_of(&request) {
        Ok(session) => session,
        Err(error) => return finish(version, Err(error.into())),
    };
    match session {
        Some(id) if ShardId(id.shard()) != shard.id => {
            let (reply, tied) = forward(shard, from, id, request).await;
            if let Some(link) = &from.link {
                // Where the session took this connection for its own, that has to tell it when it closes.
                match tied {
                    true => link.add_session(shard.now(), id),
                    false => link.forget_session(id),
                }
            }
            (reply, None)
        }
        Some(id) => of_session(shard, from, &request, id).await,
        None => finish(version, without_session(shard, from, &request).await),
    }
}

/// Where a request belongs that came in the clear and is about what is had by TLS only (RFC 7826 §19.2).
fn by_tls(shard: &Shard, from: &Asker, request: &Request) -> Option<String> {
    let (tls, options) = (
        shard.shared.tls.as_ref()?,
        shard.shared.config.tls.as_ref()?,
    );
    if from.peer.secure || request.method == Method::Options {
        return None;
    }
    let path = Target::of(request)?.path;
    if !options.required.iter().any(|it| names(it, &path).is_some()) {
        return None;
    }
    let RequestTarget::Uri(uri) = &request.target else {
        return None;
    };
    let host = match uri.host().contains(':') {
        true => format!("[{}]", uri.host()),
        false => uri.host().to_owned(),
    };
    let port = tls.port.unwrap_or(from.local.port());
    Some(format!("rtsps://{host}:{port}{path}"))
}

/// Serves a request for a session of this shard. A redirection ends it (RFC 7826 §B.4).
async fn of_session(
    shard: &Rc<Shard>,
    from: &Asker,
    request: &Request,
    id: SessionId,
) -> (Reply, Option<SessionId>) {
    let result = in_session(shard, from, request, id).await;
    let (reply, start) = finish(request.version, result);
    if matches!(&reply, Reply::Answer(answer) if state::ends_session(answer.status)) {
        shard.end_session(id, Ending::Moved);
    }
    (reply, start)
}

fn finish(version: Version, result: Result<Outcome, Refusal>) -> (Reply, Option<SessionId>) {
    match result {
        Ok(outcome) => (Reply::Answer(outcome.response), outcome.start),
        Err(Refusal::Answer(response)) => (Reply::Answer(*response), None),
        Err(Refusal::Challenge) => (Reply::Challenge, None),
        Err(Refusal::Ask(action, path)) => (Reply::Ask(action, path), None),
        Err(Refusal::Error(error)) => {
            tracing::debug!(%error, "refused");
            (Reply::Answer(error.into_response(version)), None)
        }
    }
}

/// The session that a request names. A name that cannot be one of ours is not found, like one that is gone.
fn session_of(request: &Request) -> Result<Option<SessionId>, ProtocolError> {
    let Some(value) = request.headers.first(&HeaderName::Session) else {
        return Ok(None);
    };
    let id = value.split(';').next().unwrap_or_default().trim();
    SessionId::parse(id)
        .map(Some)
        .ok_or(ProtocolError::SessionNotFound)
}

/// Asks the shard of a session. The answer, and whether the session is tied to this connection from now on.
async fn forward(
    shard: &Shard,
    from: &Asker,
    session: SessionId,
    request: Request,
) -> (Reply, bool) {
    let version = request.version;
    let refused = |error: ProtocolError| (Reply::Answer(error.into_response(version)), false);
    let (reply, answered) = oneshot::channel();
    let letter = Forwarded {
        peer: from.peer.clone(),
        bearer: from.bearer.clone(),
        local: from.local,
        session,
        request,
        reply,
    };
    let home = ShardId(session.shard());
    match shard.shared.mailbox(home) {
        Some(mailbox) if mailbox.send(Mail::Forward(Box::new(letter))).await.is_ok() => answered
            .await
            .unwrap_or_else(|_| refused(ProtocolError::Internal)),
        _ => refused(ProtocolError::SessionNotFound),
    }
}

async fn without_session(
    shard: &Rc<Shard>,
    from: &Asker,
    request: &Request,
) -> Result<Outcome, Refusal> {
    match &request.method {
        Method::Options => options(shard, from, request).await,
        Method::Describe => describe::answer(shard, from, request).await,
        Method::Announce => publish::announce(shard, from, request),
        Method::Setup => setup::first(shard, from, request).await,
        Method::GetParameter => Ok(parameters::get(shard, from, request, None)?.into()),
        Method::SetParameter => Ok(parameters::set(shard, from, request, None)?.into()),
        _ => Err(ProtocolError::SessionNotFound.into()),
    }
}

async fn in_session(
    shard: &Rc<Shard>,
    from: &Asker,
    request: &Request,
    id: SessionId,
) -> Result<Outcome, Refusal> {
    let version = request.version;
    if request.method == Method::Play {
        shard.flows_settle(&id).await;
    }
    let checked = {
        let mut sessions = shard.sessions.borrow_mut();
        let entry = sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        entry.session.admit(&from.peer)?;
        let before = entry.session.connection();
        entry.session.adopt(&from.peer);
        let now_at = entry.session.connection();
        if let Some(before) = before.filter(|before| now_at != Some(*before)) {
            shard.tell_connection(before, &entry.session, Ending::TakenOver);
        }
        if entry.session.is_where_its_datagrams_go() {
            entry.session.touch(shard.now());
        }
        let object = object(entry, request)?;
        entry.session.check(&request.method, object)
    };
    if let Err(error) = checked {
        return Err(match (&request.method, version) {
            (Method::Play, Version::V2_0) => position::refuse_play(shard, id, error),
            _ => error.into(),
        });
    }
    // Media in a connection stay with it, whoever else may ask.
    let own = |link: &&Rc<Link>| {
        let sessions = shard.sessions.borrow();
        sessions
            .get(&id)
            .and_then(|entry| entry.session.connection())
            == Some(link.id)
    };
    if let Some(link) = from.link.as_ref().filter(own) {
        link.add_session(shard.now(), id);
    }
    match &request.method {
        Method::Options => Ok(general_options(shard, version)),
        Method::Describe => describe::answer(shard, from, request).await,
        Method::Setup => setup::again(shard, from, request, id).await,
        Method::Play => match play::play(shard, request, id).await {
            Err(Refusal::Error(error)) if version == Version::V2_0 => {
                Err(position::refuse_play(shard, id, error))
            }
            other => other,
        },
        Method::Pause => pause::pause(shard, request, id),
        Method::Record => publish::record(shard, request, id),
        Method::Teardown => teardown(shard, request, id),
        Method::GetParameter => Ok(parameters::get(shard, from, request, Some(id))?.into()),
        Method::SetParameter => Ok(parameters::set(shard, from, request, Some(id))?.into()),
        _ => Err(ProtocolError::WrongState {
            allow: allowed(shard, id),
        }
        .into()),
    }
}

/// What may be asked in the session's state.
fn allowed(shard: &Shard, id: SessionId) -> Vec<Method> {
    shard
        .sessions
        .borrow()
        .get(&id)
        .map(|entry| entry.session.allowed())
        .unwrap_or_default()
}

fn general_options(shard: &Shard, version: Version) -> Outcome {
    respond::options(version, &shard.shared.connection_config.methods, None).into()
}

/// OPTIONS without a session. Of a path that there is it tells the methods; one that there is not is not found in RTSP/2.0. In
/// RTSP/1.0 it may be about to be published. Who may not read learns nothing of either (RFC 7826 §13.1).
async fn options(shard: &Rc<Shard>, from: &Asker, request: &Request) -> Result<Outcome, Refusal> {
    let version = request.version;
    let target = match Target::of(request) {
        Some(target) if target.path != "/" => target,
        _ => return Ok(general_options(shard, version)),
    };
    if authorize(shard, from, Action::Read, &target.path).is_err() {
        return Ok(general_options(shard, version));
    }
    let known = match version {
        // What is pulled on demand is not fetched for a question.
        Version::V2_0 if shard.shared.demanded(&target.path).is_some() => true,
        Version::V2_0 => {
            describe::find(shard, &target.path).await?;
            true
        }
        _ => shard.shared.registry.find(&target.path).is_some(),
    };
    let methods = &shard.shared.connection_config.methods;
    let allow = describe::allowed(shard, version, &target);
    let differs = known && allow != rules::public(methods, version);
    Ok(respond::options(version, methods, differs.then_some(&allow)).into())
}

/// What of a session a request is about.
pub(super) fn object(entry: &SessionEntry, request: &Request) -> Result<Object, ProtocolError> {
    let Some(target) = Target::of(request) else {
        return Ok(Object::Presentation);
    };
    let media = match &entry.role {
        crate::shard::Role::Reader(_) => target.media,
        crate::shard::Role::Publisher(_) => match request.method {
            Method::Setup => return Ok(Object::Media(publish::media_of(entry, request)?)),
            _ => None,
        },
    };
    match media {
        Some(media) if media >= entry.role.stream().shapes.len() => Err(ProtocolError::NotFound),
        Some(media) => Ok(Object::Media(media)),
        None if request.method == Method::Setup && entry.role.stream().shapes.len() == 1 => {
            Ok(Object::Media(0))
        }
        None => Ok(Object::Presentation),
    }
}

fn teardown(shard: &Shard, request: &Request, id: SessionId) -> Result<Outcome, Refusal> {
    let version = request.version;
    let left = {
        let mut sessions = shard.sessions.borrow_mut();
        let entry = sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        match object(entry, request)? {
            Object::Media(media) if entry.session.media().len() > 1 => {
                setup::release(shard, entry, media);
                true
            }
            _ => false,
        }
    };
    if !left {
        shard.end_session(id, Ending::Teardown);
    }
    Ok(respond::teardown(version, left.then_some(id)).into())
}

/// Asks the policy.
pub(super) fn authorize(
    shard: &Shard,
    from: &Asker,
    action: Action,
    path: &str,
) -> Result<(), Refusal> {
    let admission = &shard.shared.admission;
    admission.elsewhere(path, from.peer.secure, &mut shard.random.borrow_mut())?;
    let rights = from.bearer.rights.as_deref();
    let mut question = crate::handler::Request {
        action,
        path,
        user: from.peer.user.as_deref(),
        address: from.peer.address,
        encrypted: from.bearer.encrypted,
        rights,
    };
    let allows = |rights: &[Permission]| rights.iter().any(|one| one.covers(&question));
    let unsaid = from.bearer.offered.is_some() && !rights.is_some_and(allows);
    if unsaid {
        // Others know the peer, but have not said that it may do this.
        (question.user, question.rights) = (None, None);
    }
    match shard
        .shared
        .handler
        .authorize(&question, &shard.shared.config)
    {
        Decision::Allow => Ok(()),
        Decision::Authenticate if unsaid => Err(Refusal::Ask(action, path.to_owned())),
        Decision::Authenticate => Err(Refusal::Challenge),
        Decision::Deny(reason) => {
            tracing::warn!(peer = %from.peer.address, path, ?action, reason, "refused with 403");
            Err(ProtocolError::Forbidden.into())
        }
        Decision::Gone => Err(ProtocolError::Gone.into()),
        Decision::Elsewhere(elsewhere) => Err(redirected(&elsewhere, path).into()),
    }
}

/// The answer that sends a peer to where the embedder says.
fn redirected(elsewhere: &Elsewhere, path: &str) -> ProtocolError {
    let (how, target) = match elsewhere {
        Elsewhere::Permanently(target) => (Redirection::Permanent, target),
        Elsewhere::Temporarily(target) => (Redirection::Temporary, target),
        Elsewhere::ThroughProxy(target) => (Redirection::Proxy, target),
    };
    match Uri::parse(target) {
        // The proxy itself, whatever is asked of it.
        Ok(target) if how == Redirection::Proxy => ProtocolError::Moved {
            how,
            location: target.as_str().to_owned(),
        },
        Ok(target) => ProtocolError::Moved {
            how,
            location: notify::moved(&target, path),
        },
        Err(error) => {
            tracing::error!(path, target, %error, "the handler sends peers to what is no URI");
            ProtocolError::Internal
        }
    }
}

/// An answer with a status and words of its own.
pub(super) fn say(version: Version, status: StatusCode, text: &'static str) -> Refusal {
    let mut response = Response::new(version, status);
    response
        .headers
        .append(HeaderName::ContentType, "text/plain");
    response.body = bytes::Bytes::from_static(text.as_bytes());
    Refusal::Answer(Box::new(response))
}
