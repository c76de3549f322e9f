//! Which headers and which statuses mean something with which methods (RFC 7826 §18, Figures 2 to 5, and Table 4).

use rtsp_msg::{HeaderName, Headers, Method, Request, Response, StatusCode, Version};

use Method::{
    Describe, GetParameter, Options, Pause, Play, PlayNotify, Redirect, SetParameter, Setup,
    Teardown,
};

/// The methods whose messages a header may stand in. What is not listed may stand in all, and extensions always may.
type Row = (HeaderName, &'static [Method]);

/// What clients ask.
const FROM_CLIENTS: &[Method] = &[
    Options,
    Describe,
    Setup,
    Play,
    Pause,
    Teardown,
    GetParameter,
    SetParameter,
];

/// All but PLAY_NOTIFY.
const ASKED: &[Method] = &[
    Options,
    Describe,
    Setup,
    Play,
    Pause,
    Teardown,
    GetParameter,
    SetParameter,
    Redirect,
];

/// Requests: the rows "R" and "G". Headers of responses alone are not listed: nobody looks for them in a request. Nor is
/// Content-Length, which says where the message ends, whatever it is.
const REQUESTS: &[Row] = &[
    // RFC 7826 §9.3 gives Accept to every request that is answered with a body; the figures have DESCRIBE alone.
    (HeaderName::Accept, &[Describe, GetParameter, SetParameter]),
    (HeaderName::AcceptCredentials, ASKED),
    (
        HeaderName::AcceptEncoding,
        &[Describe, GetParameter, SetParameter, Redirect],
    ),
    (
        HeaderName::AcceptLanguage,
        &[Describe, GetParameter, SetParameter, Redirect],
    ),
    (HeaderName::AcceptRanges, &[Setup, GetParameter]),
    (HeaderName::Authorization, ASKED),
    (
        HeaderName::Bandwidth,
        &[Options, Describe, Setup, Play, SetParameter],
    ),
    (
        HeaderName::Blocksize,
        &[Describe, Setup, Play, SetParameter],
    ),
    (
        HeaderName::CacheControl,
        &[Describe, Setup, GetParameter, SetParameter],
    ),
    (HeaderName::ContentBase, BODIES),
    (HeaderName::ContentEncoding, BODIES),
    (HeaderName::ContentLanguage, BODIES),
    (HeaderName::ContentLocation, BODIES),
    (HeaderName::ContentType, BODIES),
    (HeaderName::From, ASKED),
    (HeaderName::IfMatch, &[Setup]),
    (
        HeaderName::IfModifiedSince,
        &[Describe, Setup, GetParameter],
    ),
    (HeaderName::IfNoneMatch, &[Describe, Setup, GetParameter]),
    (HeaderName::LastModified, &[]),
    (HeaderName::Location, &[Redirect]),
    (HeaderName::MediaProperties, &[GetParameter, PlayNotify]),
    (HeaderName::MediaRange, &[GetParameter, PlayNotify]),
    (HeaderName::NotifyReason, &[PlayNotify]),
    (
        HeaderName::PipelinedRequests,
        &[
            Options,
            Setup,
            Play,
            Pause,
            Teardown,
            GetParameter,
            SetParameter,
        ],
    ),
    (HeaderName::ProxyAuthorization, ASKED),
    (HeaderName::ProxyRequire, ASKED),
    (HeaderName::ProxySupported, ASKED),
    (HeaderName::Range, &[Play, GetParameter, PlayNotify]),
    (HeaderName::Referrer, ASKED),
    (HeaderName::RequestStatus, &[PlayNotify]),
    (HeaderName::RtpInfo, &[GetParameter, PlayNotify]),
    (
        HeaderName::Scale,
        &[Play, GetParameter, Redirect, PlayNotify],
    ),
    (HeaderName::SeekStyle, &[Play]),
    (
        HeaderName::Session,
        &[
            Options,
            Setup,
            Play,
            Pause,
            Teardown,
            GetParameter,
            SetParameter,
            Redirect,
            PlayNotify,
        ],
    ),
    (
        HeaderName::Server,
        &[
            Options,
            Teardown,
            GetParameter,
            SetParameter,
            Redirect,
            PlayNotify,
        ],
    ),
    (HeaderName::Speed, &[Play]),
    (HeaderName::Supported, ASKED),
    (HeaderName::TerminateReason, &[Teardown, Redirect]),
    (HeaderName::Transport, &[Setup]),
    (HeaderName::UserAgent, FROM_CLIENTS),
];

/// Requests that may have a body.
const BODIES: &[Method] = &[GetParameter, SetParameter, PlayNotify];

/// Responses of success: the rows "r" and "G".
const RESPONSES: &[Row] = &[
    (HeaderName::AcceptRanges, &[Setup, GetParameter]),
    (HeaderName::Allow, &[Options, Describe, Setup]),
    (HeaderName::AuthenticationInfo, FROM_CLIENTS),
    (
        HeaderName::CacheControl,
        &[Describe, Setup, GetParameter, SetParameter],
    ),
    (
        HeaderName::ContentBase,
        &[Describe, GetParameter, SetParameter],
    ),
    (
        HeaderName::ContentEncoding,
        &[Describe, GetParameter, SetParameter],
    ),
    (
        HeaderName::ContentLanguage,
        &[Describe, GetParameter, SetParameter],
    ),
    (
        HeaderName::ContentLocation,
        &[Describe, GetParameter, SetParameter],
    ),
    (
        HeaderName::ContentType,
        &[Describe, GetParameter, SetParameter],
    ),
    (HeaderName::Expires, &[Describe, Setup]),
    (HeaderName::LastModified, &[Describe, Setup, GetParameter]),
    (HeaderName::Location, &[]),
    (
        HeaderName::MediaProperties,
        &[Setup, Play, Pause, GetParameter],
    ),
    (HeaderName::MediaRange, &[Setup, Play, Pause, GetParameter]),
    (HeaderName::MTag, &[Describe, Setup, GetParameter]),
    (
        HeaderName::PipelinedRequests,
        &[Options, Setup, Play, Pause, Teardown],
    ),
    (HeaderName::ProxyAuthenticationInfo, FROM_CLIENTS),
    (HeaderName::ProxySupported, ASKED),
    (HeaderName::Public, &[Options]),
    (HeaderName::Range, &[Setup, Play, Pause, GetParameter]),
    (HeaderName::RetryAfter, &[]),
    (HeaderName::RtpInfo, &[Setup, Play, GetParameter]),
    (
        HeaderName::Scale,
        &[Setup, Play, Pause, GetParameter, Redirect, PlayNotify],
    ),
    (HeaderName::SeekStyle, &[Play]),
    (
        HeaderName::Session,
        &[
            Options,
            Setup,
            Play,
            Pause,
            Teardown,
            GetParameter,
            SetParameter,
            Redirect,
            PlayNotify,
        ],
    ),
    (HeaderName::Server, FROM_CLIENTS),
    (HeaderName::Speed, &[Play]),
    (HeaderName::Supported, ASKED),
    (HeaderName::Transport, &[Setup]),
    (HeaderName::WwwAuthenticate, &[]),
];

/// Takes out of a request what does not apply to its method: it has to be ignored (RFC 7826 §18). RTSP/1.0 has no such rule, and
/// peers that count on there being none.
pub(crate) fn heed_request(request: &mut Request) {
    if request.version == Version::V2_0 {
        heed(&mut request.headers, &request.method, REQUESTS);
    }
}

/// Takes out of a response of success what does not apply to the method that it answers (RFC 7826 §18). Errors may carry more, each
/// what its status says.
pub(crate) fn heed_response(response: &mut Response, method: &Method) {
    if response.version == Version::V2_0 && response.status.is_success() {
        heed(&mut response.headers, method, RESPONSES);
    }
}

fn heed(headers: &mut Headers, method: &Method, rows: &[Row]) {
    if matches!(method, Method::Extension(_)) {
        return;
    }
    for (name, methods) in rows {
        if !methods.contains(method) && headers.contains(name) {
            headers.remove(name);
        }
    }
}

/// Whether a status is one that a request of this method can be answered with (RFC 7826 Table 4, RFC 2326 Table 1).
pub(crate) fn answers(status: StatusCode, method: &Method, version: Version) -> bool {
    let methods: &[Method] = match (status, version) {
        // Codes of one version alone.
        (
            StatusCode::CREATED
            | StatusCode::LOW_ON_STORAGE_SPACE
            | StatusCode::MULTIPLE_CHOICES
            | StatusCode::SEE_OTHER
            | StatusCode::LENGTH_REQUIRED
            | StatusCode::CONFERENCE_NOT_FOUND,
            Version::V2_0,
        ) => &[],
        // RFC 4567 §3.2 gives 463 to RTSP/1.0, for keys.
        (status, Version::V1_0) if matches!(status.code(), 464..=472 | 553) => &[],
        (StatusCode::CREATED | StatusCode::LOW_ON_STORAGE_SPACE, _) => &[Method::Record],
        (StatusCode::PRECONDITION_FAILED, _) => &[Describe, Setup],
        // RFC 2326 Table 1 has SETUP alone, §10.8 and §10.9 the two others.
        (StatusCode::PARAMETER_NOT_UNDERSTOOD, Version::V1_0) => {
            &[Setup, GetParameter, SetParameter]
        }
        (StatusCode::PARAMETER_NOT_UNDERSTOOD, _) => &[GetParameter, SetParameter],
        (StatusCode::CONFERENCE_NOT_FOUND | StatusCode::NOT_ENOUGH_BANDWIDTH, _) => &[Setup],
        // RFC 2326 §10.6 has PAUSE as well, its Table 1 has not.
        (StatusCode::INVALID_RANGE, _) => &[Play, Pause],
        (StatusCode::PARAMETER_IS_READ_ONLY, _) => &[SetParameter],
        (StatusCode::DESTINATION_PROHIBITED, _) => &[Setup],
        (StatusCode::DATA_TRANSPORT_NOT_READY_YET, _) => &[Play],
        (StatusCode::NOTIFICATION_REASON_UNKNOWN, _) => &[PlayNotify],
        _ => return true,
    };
    methods.contains(method)
}

#[cfg(test)]
mod tests;
