//! ANNOUNCE, and SETUP and RECORD of a publisher.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rtsp_msg::{
    HeaderName, Request, RequestTarget, StatusCode,
    headers::{self, Range, UtcTime},
};
use rtsp_session::{
    ProtocolError,
    server::{Direction, SessionId, respond},
};

use super::{
    Announced,
    request::{Asker, Outcome, Refusal, authorize, say},
    secure::{self, may_have_keys},
    setup::{self, new_session},
    target::Target,
};
use crate::{
    config::Srtp,
    handler::Action,
    refusals::Limit,
    shard::{Publishing, Role, SessionEntry, Shard},
    stream::{
        ingest::Feed,
        layout::Layout,
        registry::{PublishError, Stream},
    },
};

/// A recording that begins so soon begins now: clocks differ.
const AHEAD: Duration = Duration::from_secs(5);
/// The first report to a publisher comes soon.
const FIRST_REPORT: Duration = Duration::from_secs(1);

pub(super) fn announce(
    shard: &Rc<Shard>,
    from: &Asker,
    request: &Request,
) -> Result<Outcome, Refusal> {
    let target = Target::of(request).ok_or(ProtocolError::BadTarget)?;
    authorize(shard, from, Action::Publish, &target.path)?;
    let Some(link) = &from.link else {
        return Err(ProtocolError::SessionNotFound.into());
    };
    let kind = request
        .headers
        .first(&HeaderName::ContentType)
        .unwrap_or("application/sdp");
    if !kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/sdp"))
    {
        return Err(ProtocolError::UnsupportedMediaType.into());
    }
    let description = sdp::Description::parse(&request.body).map_err(|error| {
        tracing::info!(path = target.path, %error, "a description cannot be used");
        ProtocolError::BadDescription
    })?;
    let most = shard.shared.config.limits.media;
    if description.media.len() > most {
        shard
            .shared
            .counters
            .refusals
            .count(Limit::Media, from.peer.address);
        return Err(ProtocolError::BadDescription.into());
    }
    for repair in description.repairs() {
        tracing::debug!(path = target.path, ?repair, "the description was repaired");
    }
    // What this connection announced before and did not record gives way.
    link.announced.borrow_mut().take();
    if shard.shared.is_reserved(&target.path) {
        return Err(refused(request, &target.path, PublishError::Reserved));
    }
    let claim = shard.shared.registry.claim(&target.path).map_err(|error| {
        if error == PublishError::TooMany {
            shard
                .shared
                .counters
                .refusals
                .count(Limit::Streams, from.peer.address);
        }
        refused(request, &target.path, error)
    })?;
    let base = match &request.target {
        RequestTarget::Uri(uri) => uri.without_userinfo().as_str().to_owned(),
        other => other.as_str().to_owned(),
    };
    // Its size is looked at now, so that the publisher hears of it now.
    claim
        .prepare(shard.id, Arc::new(description.clone()))
        .map_err(|error| refused(request, &target.path, error))?;
    let mut response = respond::announce(request.version);
    let keys = match may_have_keys(shard, from) {
        true => secure::announce(shard, &description, &base, &mut response),
        false => Vec::new(),
    };
    *link.announced.borrow_mut() = Some(Announced {
        claim,
        base,
        description: Arc::new(description),
        keys,
    });
    Ok(response.into())
}

fn refused(request: &Request, path: &str, error: PublishError) -> Refusal {
    tracing::info!(path, %error, "a publisher was refused");
    match error {
        PublishError::Taken => say(
            request.version,
            StatusCode::FORBIDDEN,
            "This path is taken: somebody else publishes to it. Choose another, or stop the other publisher.\r\n",
        ),
        PublishError::Reserved => say(
            request.version,
            StatusCode::FORBIDDEN,
            "This path belongs to the server: it has files below it, or is pulled from elsewhere. Choose another.\r\n",
        ),
        PublishError::MediaCount(_) => ProtocolError::BadDescription.into(),
        PublishError::TooMany | PublishError::Closed => {
            ProtocolError::Overloaded { retry_after: None }.into()
        }
    }
}

/// Whether a SETUP without a session is a publisher's: this connection announced what it names.
pub(super) fn wants_record(from: &Asker, request: &Request) -> bool {
    let Some(link) = &from.link else { return false };
    let announced = link.announced.borrow();
    let Some(announced) = announced.as_ref() else {
        return false;
    };
    let RequestTarget::Uri(uri) = &request.target else {
        return false;
    };
    // Some publishers leave `mode=record` out: what they announced says it.
    let reads = request
        .headers
        .typed::<headers::Transport>()
        .ok()
        .flatten()
        .is_some_and(|offers| {
            offers
                .0
                .iter()
                .all(|offer| offer.mode == Some(headers::Mode::Play))
        });
    let below = |path: &str| {
        let rest = uri.path().strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !reads && below(announced.claim.path.trim_end_matches('/'))
}

/// The SETUP that makes a session of what was announced.
pub(super) fn setup(
    shard: &Rc<Shard>,
    from: &Asker,
    request: &Request,
) -> Result<Outcome, Refusal> {
    let link = from.link.as_ref().ok_or(ProtocolError::SessionNotFound)?;
    let Some(announced) = link.announced.borrow_mut().take() else {
        return Err(ProtocolError::Internal.into());
    };
    let path = Arc::clone(&announced.claim.path);
    let attempt = authorize(shard, from, Action::Publish, &path).and_then(|()| {
        let media = find_media(&announced.description, &announced.base, request)?;
        let stream = announced
            .claim
            .prepare(shard.id, Arc::clone(&announced.description))
            .map_err(|error| refused(request, &path, error))?;
        Ok((media, stream, setup::admit(shard, from, false)?))
    });
    let (media, stream, permit) = match attempt {
        Ok(found) => found,
        Err(refusal) => {
            *link.announced.borrow_mut() = Some(announced);
            return Err(refusal);
        }
    };
    let id = SessionId::generate(&mut shard.random.borrow_mut(), shard.id.0);
    let description = Arc::clone(&announced.description);
    let entry = SessionEntry {
        session: new_session(shard, id, request, announced.base.clone(), &from.peer),
        permit,
        local: from.local.ip(),
        role: Role::Publisher(Publishing {
            stream,
            claim: announced.claim,
            layout: Layout::default(),
            next_report: Instant::now() + FIRST_REPORT,
            asked_for_key_frame: None,
            full_intra_requests: 0,
            until: None,
            secured: false,
            keys: announced.keys.clone(),
        }),
    };
    let about = (request, None);
    let outcome = setup::begin(shard, from, about, entry, media, Direction::Record);
    let outcome = outcome.map(|done| done.outcome);
    if outcome.is_err() {
        // The publisher may try another transport: FFmpeg asks for UDP first.
        if let Ok(claim) = shard.shared.registry.claim(&path) {
            *link.announced.borrow_mut() = Some(Announced {
                claim,
                base: announced.base,
                description,
                keys: announced.keys,
            });
        }
    }
    outcome
}

/// Which media a SETUP of a publishing session names.
pub(super) fn media_of(entry: &SessionEntry, request: &Request) -> Result<usize, ProtocolError> {
    find_media(
        &entry.role.stream().description,
        entry.session.presentation(),
        request,
    )
}

fn find_media(
    description: &sdp::Description,
    base: &str,
    request: &Request,
) -> Result<usize, ProtocolError> {
    let RequestTarget::Uri(uri) = &request.target else {
        return Err(ProtocolError::BadTarget);
    };
    let uri = uri.without_userinfo();
    let wanted = below_host(uri.as_str());
    let exact = description.media.iter().position(|media| {
        below_host(&sdp::control::resolve(base, media.control.as_deref())) == wanted
    });
    let by_end = || {
        description.media.iter().position(|media| {
            media
                .control
                .as_deref()
                .is_some_and(|control| !control.is_empty() && wanted.ends_with(control))
        })
    };
    let only = || (description.media.len() == 1).then_some(0);
    let by_number = || {
        Target::from_uri(&uri)
            .media
            .filter(|media| *media < description.media.len())
    };
    exact
        .or_else(by_end)
        .or_else(by_number)
        .or_else(only)
        .ok_or(ProtocolError::NotFound)
}

/// A URI without scheme and host, which peers write in more than one way.
fn below_host(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    rest.find('/')
        .and_then(|at| rest.get(at..))
        .unwrap_or_default()
}

pub(super) fn record(
    shard: &Rc<Shard>,
    request: &Request,
    id: SessionId,
) -> Result<Outcome, Refusal> {
    let now = shard.now();
    let range = recorded(request, now.wall)?;
    let stream: Arc<Stream> = {
        let mut sessions = shard.sessions.borrow_mut();
        let entry = sessions
            .get_mut(&id)
            .ok_or(ProtocolError::SessionNotFound)?;
        let datagrams = !entry.session.is_interleaved();
        let Role::Publisher(publishing) = &mut entry.role else {
            return Err(ProtocolError::WrongState {
                allow: entry.session.allowed(),
            }
            .into());
        };
        let stream = Arc::clone(&publishing.stream);
        if !shard.streams.borrow().contains_key(&stream.id) {
            shard.open(
                Arc::clone(&stream),
                Feed {
                    datagrams,
                    own: false,
                    sealable: shard.shared.config.srtp != Srtp::Off,
                },
            );
            publishing.claim.open(&stream);
        }
        publishing.until = match &range {
            Some(Range::Clock { end: Some(end), .. }) => end.to_unix().map(|end| UNIX_EPOCH + end),
            _ => None,
        };
        entry.session.record(now);
        stream.progress.go_on(now.monotonic);
        stream
    };
    tracing::info!(session = ?id, path = %stream.path, media = stream.shapes.len(), "publishing");
    let mut response = respond::record(request.version, id);
    if let Some(range) = range {
        response.headers.set(&range);
    }
    Ok(response.into())
}

/// What a RECORD asks to be recorded, as it will be: what is live has an absolute time, that is `clock`, and begins now if it has
/// begun (RFC 2326 §10.11). `npt`, which publishers send out of habit, says nothing of it.
fn recorded(request: &Request, wall: SystemTime) -> Result<Option<Range>, ProtocolError> {
    let (start, end) = match request.headers.typed::<Range>()? {
        Some(Range::Clock { start, end }) => (start, end),
        None | Some(Range::Npt { .. }) => return Ok(None),
        // RFC 2326 §10.11: other units make no sense for what is live.
        Some(_) => {
            return Err(ProtocolError::HeaderNotValid {
                accept_ranges: Some("clock"),
            });
        }
    };
    let now = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = |time: Option<UtcTime>| time.and_then(UtcTime::to_unix);
    // Nobody waits here for a recording to begin, and none has an end before its start.
    let ahead = since(start).is_some_and(|start| start > now + AHEAD);
    let over = since(end).is_some_and(|end| end <= now);
    if ahead || over {
        return Err(ProtocolError::HeaderNotValid {
            accept_ranges: None,
        });
    }
    let start = UtcTime::from_unix(Duration::from_secs(now.as_secs()));
    Ok(Some(Range::Clock { start, end }))
}
