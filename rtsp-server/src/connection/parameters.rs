//! GET_PARAMETER and SET_PARAMETER: values of the embedder's, and the headers that RTSP/2.0 peers ask for.

use rtsp_msg::{
    HeaderName, Headers, Request, Response, Version,
    headers::{MediaRange, Range, RtpInfo},
};
use rtsp_session::{
    ProtocolError,
    server::{SessionId, State, TimeUnit, parameters, respond, unit},
};

use super::{
    position,
    request::{Asker, Refusal, authorize},
    target::Target,
};
use crate::{
    handler::{Action, ParameterError, Scope},
    shard::{Reading, Role, SessionEntry, Shard},
};

/// Headers that are questions when they are empty (RFC 7826 §13.8).
const QUESTIONS: [HeaderName; 5] = [
    HeaderName::AcceptRanges,
    HeaderName::MediaProperties,
    HeaderName::MediaRange,
    HeaderName::Range,
    HeaderName::RtpInfo,
];

/// GET_PARAMETER.
pub(super) fn get(
    shard: &Shard,
    from: &Asker,
    request: &Request,
    id: Option<SessionId>,
) -> Result<Response, Refusal> {
    let version = request.version;
    let mut response = if request.body.is_empty() {
        respond::parameters(version, "")
    } else {
        let path = permitted(shard, from, request, id, Action::Read)?;
        let names = parameters::asked(&request.body)?;
        let scope = scope(from, &path, id.as_ref());
        let (mut values, mut unknown) = (Vec::new(), Vec::new());
        for name in names {
            match shard.shared.handler.parameter(&scope, name) {
                Some(value) => values.push((name, value)),
                None => unknown.push(name.to_owned()),
            }
        }
        if !unknown.is_empty() {
            return Err(ProtocolError::ParameterNotUnderstood { names: unknown }.into());
        }
        respond::parameters(version, parameters::values(&values))
    };
    if let Some(id) = id {
        response.headers.insert(HeaderName::Session, id.as_str());
        if version == Version::V2_0 {
            let sessions = shard.sessions.borrow();
            if let Some(entry) = sessions.get(&id) {
                answer_headers(shard, request, entry, &mut response);
            }
        }
    }
    Ok(response)
}

/// SET_PARAMETER: all of them or none.
pub(super) fn set(
    shard: &Shard,
    from: &Asker,
    request: &Request,
    id: Option<SessionId>,
) -> Result<Response, Refusal> {
    if !request.body.is_empty() {
        let path = permitted(shard, from, request, id, Action::Control)?;
        let values = parameters::given(&request.body)?;
        let scope = scope(from, &path, id.as_ref());
        shard
            .shared
            .handler
            .set_parameters(&scope, &values)
            .map_err(|error| match error {
                ParameterError::Unknown(names) => ProtocolError::ParameterNotUnderstood { names },
                ParameterError::ReadOnly(names) => ProtocolError::ParameterReadOnly { names },
                ParameterError::Invalid => ProtocolError::Malformed,
            })?;
    }
    let mut response = respond::ok(request.version);
    if let Some(id) = id {
        response.headers.insert(HeaderName::Session, id.as_str());
    }
    Ok(response)
}

fn scope<'a>(from: &'a Asker, path: &'a str, id: Option<&'a SessionId>) -> Scope<'a> {
    Scope {
        path,
        session: id.map(SessionId::as_str),
        user: from.peer.user.as_deref(),
        address: from.peer.address,
    }
}

/// The path whose parameters are meant: that of the session, else the one that the request names. Its peer has to be allowed to;
/// what is asked for in a session was allowed by its SETUP.
fn permitted(
    shard: &Shard,
    from: &Asker,
    request: &Request,
    id: Option<SessionId>,
    action: Action,
) -> Result<String, Refusal> {
    parameters::check_type(&request.headers)?;
    let path = match id {
        Some(id) => {
            let sessions = shard.sessions.borrow();
            let entry = sessions.get(&id).ok_or(ProtocolError::SessionNotFound)?;
            entry.role.stream().path.to_string()
        }
        None => Target::of(request).ok_or(ProtocolError::BadTarget)?.path,
    };
    if id.is_none() || action == Action::Control {
        authorize(shard, from, action, &path)?;
    }
    Ok(path)
}

/// Fills in what was asked for by empty headers. Only readers have a place in media.
fn answer_headers(shard: &Shard, request: &Request, entry: &SessionEntry, response: &mut Response) {
    let Role::Reader(reading) = &entry.role else {
        return;
    };
    let nature = reading.nature();
    // A unit alone asks for the place in that unit (RFC 7826 §18.40).
    if let Ok(Some(range)) = request.headers.typed::<Range>()
        && let Some(unit) = TimeUnit::of(&range)
        && matches!(unit::bounds(&range, nature.origin()), Some((None, None)))
    {
        response.headers.set(&reading.rest_in(unit));
        tell_scale(&mut response.headers, reading);
    }
    let asks = |name: &HeaderName| {
        request
            .headers
            .first(name)
            .is_some_and(|value| value.trim().is_empty())
    };
    for name in QUESTIONS.iter().filter(|name| asks(name)) {
        let headers = &mut response.headers;
        match name {
            HeaderName::AcceptRanges => headers.insert(name.clone(), nature.accept_ranges()),
            HeaderName::MediaProperties => headers.set(&nature.properties()),
            HeaderName::MediaRange => headers.set::<MediaRange>(&nature.range()),
            HeaderName::Range => {
                headers.set(&reading.rest());
                tell_scale(headers, reading);
            }
            _ => {
                // RFC 7826 §18.45: with the Range that it belongs to, and empty unless media flow.
                headers.set(&reading.rest());
                tell_scale(headers, reading);
                let playing = entry.session.state() == State::Play;
                let last = position::last_packets(shard, &entry.session, reading);
                let info = match playing {
                    true => {
                        position::rtp_info(&entry.session, &reading.stream, Version::V2_0, &last)
                    }
                    false => RtpInfo::default(),
                };
                headers.set(&info);
            }
        }
    }
}

/// What a Range means is told with the scale, unless that is 1 (RFC 7826 §18.40).
fn tell_scale(headers: &mut Headers, reading: &Reading) {
    let scale = reading.course.played.and_then(|played| played.scale);
    if let Some(scale) = scale.filter(|scale| scale.value() != 1.0) {
        headers.set(&scale);
    }
}
