//! DESCRIBE: what a path offers.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rtsp_client::mp4::MovieFile;
use rtsp_msg::{HeaderName, Method, Request, Response, Version};
use rtsp_session::{
    ProtocolError,
    media::feedback,
    server::{
        condition::{self, Representation, Verdict},
        respond, rules,
    },
    transport::can_multiplex,
};

use super::{
    groups,
    request::{Asker, Outcome, Refusal, authorize},
    secure::{self, may_have_keys},
    target::Target,
};
use crate::{
    handler::Action,
    shard::{Reading, Shard},
    source::{
        self,
        file::{NameError, OpenError, describe},
    },
    stream::registry::Stream,
};

/// The one type of description that there is.
const DESCRIPTION: &str = "application/sdp";
/// How long a DESCRIBE waits for a source that is only now fetched.
const SOURCE_PATIENCE: Duration = Duration::from_secs(10);

/// What a path leads to.
pub(super) enum Found {
    Live(Arc<Stream>),
    File(Arc<MovieFile>),
}

pub(super) async fn answer(
    shard: &Rc<Shard>,
    from: &Asker,
    request: &Request,
) -> Result<Outcome, Refusal> {
    let target = Target::of(request).ok_or(ProtocolError::BadTarget)?;
    authorize(shard, from, Action::Read, &target.path)?;
    if !rules::accepts(request, DESCRIPTION) {
        let available = DESCRIPTION;
        return Err(ProtocolError::NotAcceptable { available }.into());
    }
    if request.version == Version::V2_0 && target.media.is_some() {
        // Only a presentation is described (RFC 7826 §13, table 7).
        let allow = allowed(shard, request.version, &target);
        return Err(ProtocolError::MethodNotAllowed { allow }.into());
    }
    let found = find(shard, &target.path).await?;
    let of = (request.version, &*target.path);
    let keys = request.version != Version::V2_0 && may_have_keys(shard, from);
    let mut live = None;
    let (mut description, modified) = match found {
        Found::Live(stream) => {
            let description = presented(shard, from, of, &stream.description, Some(&stream));
            let began = Some(stream.began.wall);
            live = Some(stream);
            (description, began)
        }
        Found::File(movie) => {
            let description = describe(&movie, &target.path);
            let description = presented(shard, from, of, &description, None);
            (description, movie.modified())
        }
    };
    let tagged = description.encode();
    let representation = representing(shard, &tagged, modified);
    if condition::judge(request, &representation)? == Verdict::NotModified {
        return Ok(respond::not_modified(request.version, Some(&representation)).into());
    }
    if request.version == Version::V2_0 {
        // RFC 7826 §D.1.9: the same tag as in the header.
        let tag = format!("\"{}\"", representation.tag.opaque);
        description
            .attributes
            .push(sdp::Attribute::new("mtag", tag));
    }
    // RTSP/2.0 exchanges keys in SETUP. Not part of what is tagged: the message is another each time.
    match live {
        _ if !keys => {}
        Some(stream) => secure::describe(shard, (from, request), &stream, &mut description),
        None => secure::describe_film(shard, (from, request), &target.path, &mut description),
    }
    let location = target.location(request);
    let base = match &request.target {
        rtsp_msg::RequestTarget::Uri(uri) => uri.without_userinfo().as_str().to_owned(),
        _ => target.path,
    };
    let body = match keys || request.version == Version::V2_0 {
        true => description.encode(),
        false => tagged,
    };
    let mut response = respond::describe(request.version, &base, body);
    if let Some(location) = location {
        // The request may name it otherwise, by a query or a slash (RFC 7826 §18.18).
        response
            .headers
            .append(HeaderName::ContentLocation, location);
    }
    tell_methods(shard, request, &mut response);
    respond::represent(&mut response, &representation);
    Ok(response.into())
}

/// The description as it is sent, but for its own tag. What is live has no range but `now`, whatever its publisher says; a film has
/// one, or each of its media.
///
/// RTSP/2.0 readers are told that RTP and RTCP may share a flow (RFC 7826 §C.1.6.4), and what feedback the publisher takes
/// (§C.1.3). Those of RTSP/1.0 are not: live555 would name one port for both and expect everybody to know, and it does not know
/// the profile.
fn presented(
    shard: &Shard,
    from: &Asker,
    (version, path): (Version, &str),
    source: &sdp::Description,
    live: Option<&Arc<Stream>>,
) -> sdp::Description {
    let address = from.local.ip().to_canonical();
    let origin = sdp::Origin::new(shard.shared.session_number(path), 1, address);
    let range = match live {
        Some(_) => Some("npt=now-"),
        None => source.range.as_deref(),
    };
    let mut description = source.for_describe(origin, range);
    for (media, source) in description.media.iter_mut().zip(&source.media) {
        if live.is_none() {
            media.range.clone_from(&source.range);
        }
        let secure = source.is_rtp() && may_have_keys(shard, from);
        if secure {
            media.protocol = "RTP/SAVP".to_owned();
        }
        if version == Version::V2_0 {
            if source.is_rtp() && can_multiplex(source) {
                media.attributes.push(sdp::Attribute::property("rtcp-mux"));
            }
            let feedback = feedback::relayed(source);
            if !feedback.is_empty() {
                let profile = if secure { "RTP/SAVPF" } else { "RTP/AVPF" };
                media.protocol = profile.to_owned();
                media.attributes.extend(feedback);
            }
        }
    }
    if let Some(lease) = live.and_then(|stream| groups::describe(shard, from, stream)) {
        for (index, media) in description.media.iter_mut().enumerate() {
            if let Some(group) = lease.group(index) {
                group.describe(media);
            }
        }
    }
    description
}

fn representing(shard: &Shard, sent: &str, modified: Option<SystemTime>) -> Representation {
    Representation {
        tag: condition::tag(sent.as_bytes()),
        modified: modified.map(|time| condition::last_modified(time, shard.now())),
    }
}

/// What conditions of a SETUP are held against: what DESCRIBE would tell of the same stream.
pub(super) fn representation(
    shard: &Shard,
    from: &Asker,
    version: Version,
    reading: &Reading,
) -> Representation {
    let stream = &reading.stream;
    let live = reading.player.is_none().then_some(stream);
    let of = (version, &*stream.path);
    let sent = presented(shard, from, of, &stream.description, live);
    let modified = match &reading.player {
        Some(player) => player.modified(),
        None => Some(stream.began.wall),
    };
    representing(shard, &sent.encode(), modified)
}

/// Allow, where what is meant does not have all methods of RTSP/2.0 (RFC 7826 §18.6).
pub(super) fn tell_methods(shard: &Shard, request: &Request, response: &mut Response) {
    let (Version::V2_0, Some(target)) = (request.version, Target::of(request)) else {
        return;
    };
    let methods = allowed(shard, request.version, &target);
    if methods != rules::public(&shard.shared.connection_config.methods, request.version) {
        response
            .headers
            .append(HeaderName::Allow, rules::list(&methods));
    }
}

/// The methods that a path has: a media is not described, and what is read is not announced.
pub(super) fn allowed(shard: &Shard, version: Version, target: &Target) -> Vec<Method> {
    let mut methods = rules::public(&shard.shared.connection_config.methods, version);
    methods.retain(|method| match method {
        Method::Announce | Method::Record => false,
        Method::Describe => target.media.is_none(),
        _ => true,
    });
    methods
}

/// Finds what a path leads to, fetching it where it has to be fetched.
pub(super) async fn find(shard: &Rc<Shard>, path: &str) -> Result<Found, Refusal> {
    if let Some(stream) = shard.shared.registry.find(path) {
        return Ok(Found::Live(stream));
    }
    if let (Some(files), Some(name)) = (&shard.shared.files, path.strip_prefix(source::FILES)) {
        let (files, name) = (Arc::clone(files), name.to_owned());
        let opened = tokio::task::spawn_blocking(move || files.open(&name)).await;
        return match opened {
            Ok(Ok(file)) => Ok(Found::File(file)),
            Ok(Err(error @ OpenError::Name(NameError::Forbidden))) => {
                tracing::warn!(path, %error, "refused with 403");
                Err(ProtocolError::from(error).into())
            }
            Ok(Err(error)) => {
                tracing::info!(path, %error, "a file cannot be served");
                Err(ProtocolError::from(error).into())
            }
            Err(_) => Err(ProtocolError::Internal.into()),
        };
    }
    if shard.shared.demand(path) {
        let stream = shard.shared.registry.wait_for(path, SOURCE_PATIENCE).await;
        return stream
            .map(Found::Live)
            .ok_or_else(|| ProtocolError::UpstreamTimeout.into());
    }
    // The embedder may have it.
    let handler = Arc::clone(&shard.shared.handler);
    let _ = shard
        .shared
        .runtime
        .spawn(handler.missing(path.into()))
        .await;
    let stream = shard.shared.registry.find(path);
    stream
        .map(Found::Live)
        .ok_or_else(|| ProtocolError::NotFound.into())
}

impl From<OpenError> for ProtocolError {
    fn from(error: OpenError) -> Self {
        match error {
            // RFC 7826 §21.1: what looks like an attempt to get out of the folder is forbidden, not just missing.
            OpenError::Name(NameError::Forbidden) | OpenError::Denied => Self::Forbidden,
            OpenError::Name(_) | OpenError::NotFound => Self::NotFound,
            OpenError::Movie(_) => Self::UnsupportedMediaType,
            OpenError::Io(_) => Self::Internal,
        }
    }
}
