//! What the server asks of its peers, as values: PLAY_NOTIFY, REDIRECT, TEARDOWN. CSeq and Date the connection fills in.

use super::nature::Nature;
use super::session::ServerSession;
use rtsp_msg::headers::{
    MediaRange, NotifyReason, Range, RequestStatus, RtpInfo, Scale, TerminateCause,
    TerminateReason, UtcTime,
};
use rtsp_msg::{HeaderName, Method, Request, RequestTarget, StatusCode, Uri, Version};
use std::borrow::Cow;

/// The end of what a PLAY asked for (RFC 7826 §13.5.1).
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs)] // What the RFC names.
pub struct EndOfStream {
    /// The number of the PLAY request.
    pub play: u32,
    /// What became of it.
    pub status: StatusCode,
    /// What was played, with an explicit end.
    pub range: Range,
    /// The scale it was played at, unless it was 1.
    pub scale: Option<Scale>,
    /// The last packet of each media.
    pub rtp_info: RtpInfo,
}

/// A scale that could not go on (RFC 7826 §13.5.3).
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs)] // What the RFC names.
pub struct ScaleChange {
    /// The scale from now on.
    pub scale: Scale,
    /// What is played from the change on.
    pub range: Range,
    /// The first packet of each media at the new scale.
    pub rtp_info: RtpInfo,
}

/// PLAY_NOTIFY: all of the range was sent. Only in RTSP/2.0, and only to a session that plays.
#[must_use]
pub fn end_of_stream(session: &ServerSession, end: &EndOfStream) -> Option<Request> {
    let mut request = notification(session, &NotifyReason::EndOfStream)?;
    let headers = &mut request.headers;
    headers.set(&RequestStatus {
        cseq: end.play,
        status: end.status,
        reason: end.status.reason().into(),
    });
    headers.set(&end.range);
    if let Some(scale) = end.scale.filter(|scale| scale.value() != 1.0) {
        headers.set(&scale);
    }
    if !end.rtp_info.0.is_empty() {
        headers.set(&end.rtp_info);
    }
    Some(request)
}

/// PLAY_NOTIFY: what is known of the media has changed, or time has passed (RFC 7826 §13.5.2). `range` is where the session is.
#[must_use]
pub fn media_properties_update(
    session: &ServerSession,
    nature: &Nature,
    range: &Range,
) -> Option<Request> {
    let mut request = notification(session, &NotifyReason::MediaPropertiesUpdate)?;
    request.headers.set(&nature.properties());
    request.headers.set(&nature.range());
    request.headers.set(range);
    Some(request)
}

/// PLAY_NOTIFY: the scale has changed. `nature` tells the scales that there are now.
#[must_use]
pub fn scale_change(
    session: &ServerSession,
    nature: &Nature,
    change: &ScaleChange,
) -> Option<Request> {
    let mut request = notification(session, &NotifyReason::ScaleChange)?;
    request.headers.set(&change.scale);
    request.headers.set(&change.range);
    request.headers.set(&nature.properties());
    request.headers.set::<MediaRange>(&nature.range());
    if !change.rtp_info.0.is_empty() {
        request.headers.set(&change.rtp_info);
    }
    Some(request)
}

/// REDIRECT of one session to the same presentation elsewhere: `target` is the other server, its path is replaced by the
/// presentation's unless it has one of its own (RFC 7826 §13.10, RFC 2326 §10.10). At `time`, or at once.
#[must_use]
pub fn redirect(
    session: &ServerSession,
    target: &Uri,
    time: Option<UtcTime>,
    message: Option<&str>,
) -> Option<Request> {
    let mut request = about(session, Method::Redirect)?;
    let location = moved(target, session.presentation());
    request.headers.append(HeaderName::Location, location);
    if session.version() == Version::V2_0 {
        request
            .headers
            .set(&because(TerminateCause::ServerAdmin, time, message));
    } else if let Some(start) = time {
        request.headers.set(&Range::Clock {
            start: Some(start),
            end: None,
        });
    }
    Some(request)
}

/// REDIRECT of all sessions of a connection (RFC 7826 §13.10): only the server is named. RTSP/2.0.
#[must_use]
pub fn redirect_all(target: &Uri, time: Option<UtcTime>, message: Option<&str>) -> Request {
    let mut request = Request::new(Method::Redirect, RequestTarget::Any, Version::V2_0);
    request.headers.append(HeaderName::Location, origin(target));
    request
        .headers
        .set(&because(TerminateCause::ServerAdmin, time, message));
    request
}

/// TEARDOWN of one session by the server (RFC 7826 §13.7.2). RTSP/1.0 has no such request.
#[must_use]
pub fn teardown(
    session: &ServerSession,
    cause: TerminateCause,
    message: Option<&str>,
) -> Option<Request> {
    if session.version() != Version::V2_0 {
        return None;
    }
    let mut request = about(session, Method::Teardown)?;
    request.headers.set(&because(cause, None, message));
    Some(request)
}

/// TEARDOWN of all sessions of a connection (RFC 7826 §13.7.2). RTSP/2.0.
#[must_use]
pub fn teardown_all(cause: TerminateCause, message: Option<&str>) -> Request {
    let mut request = Request::new(Method::Teardown, RequestTarget::Any, Version::V2_0);
    request.headers.set(&because(cause, None, message));
    request
}

/// Where a presentation of this server is on another one, `target`: the path and query stay, unless the target has a path. Who has
/// it by `rtsps` is sent there by `rtsps`, at the same port: nobody may be led out of TLS (RFC 7826 §13.10).
#[must_use]
pub fn moved(target: &Uri, presentation: &str) -> String {
    let location = location(target, presentation);
    match location.strip_prefix("rtsp://") {
        Some(rest) if presentation.starts_with("rtsps://") => format!("rtsps://{rest}"),
        _ => location,
    }
}

fn location(target: &Uri, presentation: &str) -> String {
    if !matches!(target.path(), "" | "/") {
        return target.as_str().to_owned();
    }
    let rest = presentation
        .split_once("://")
        .map_or(presentation, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    format!("{}{path}", origin(target))
}

/// Scheme, host and port.
fn origin(target: &Uri) -> Cow<'_, str> {
    let text = target.as_str();
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text
        .get(start..)
        .and_then(|rest| rest.find(['/', '?']))
        .map_or(text.len(), |at| start + at);
    Cow::Borrowed(text.get(..end).unwrap_or(text))
}

fn because(cause: TerminateCause, time: Option<UtcTime>, message: Option<&str>) -> TerminateReason {
    TerminateReason {
        cause,
        time,
        user_message: message.map(str::to_owned),
    }
}

/// Only RTSP/2.0 has PLAY_NOTIFY.
fn notification(session: &ServerSession, reason: &NotifyReason) -> Option<Request> {
    if session.version() != Version::V2_0 {
        return None;
    }
    let mut request = about(session, Method::PlayNotify)?;
    request.headers.set(reason);
    Some(request)
}

/// A request to the peer of a session, by its aggregate URI, or by that of its media when it has none.
fn about(session: &ServerSession, method: Method) -> Option<Request> {
    let uri = Uri::parse(session.presentation()).ok()?;
    let mut request = Request::new(method, uri, session.version());
    request
        .headers
        .append(HeaderName::Session, session.id().as_str());
    Some(request)
}

#[cfg(test)]
mod tests;
