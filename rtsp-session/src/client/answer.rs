//! What a client says when the server asks: few things, but never nothing.

use rtsp_msg::HeaderName;
use rtsp_msg::Method;
use rtsp_msg::Request;
use rtsp_msg::Response;
use rtsp_msg::StatusCode;

/// What we understand as the asked side (RFC 2326 §10, RFC 7826 §13).
const PUBLIC: &str = "OPTIONS, GET_PARAMETER, TEARDOWN, REDIRECT, ANNOUNCE, PLAY_NOTIFY";

/// The answer to a request from the server. A request that names another session than `session` changes nothing.
pub(super) fn to_server(request: &Request, session: Option<&str>) -> Response {
    let named = request
        .headers
        .first(&HeaderName::Session)
        .map(|value| value.split(';').next().unwrap_or_default().trim());
    let status = match &request.method {
        Method::Options => StatusCode::OK,
        _ if named.is_some() && named != session => StatusCode::SESSION_NOT_FOUND,
        // Empty it is a question whether we are alive; parameters we have none.
        Method::GetParameter | Method::SetParameter if !request.body.is_empty() => {
            StatusCode::PARAMETER_NOT_UNDERSTOOD
        }
        Method::GetParameter
        | Method::SetParameter
        | Method::Teardown
        | Method::Redirect
        | Method::Announce
        | Method::PlayNotify => StatusCode::OK,
        _ => StatusCode::NOT_IMPLEMENTED,
    };
    let mut response = Response::new(request.version, status);
    if let Some(cseq) = request.headers.first(&HeaderName::CSeq) {
        response.headers.insert(HeaderName::CSeq, cseq);
    }
    if let (true, Some(session)) = (status.is_success() && named.is_some(), session) {
        response.headers.insert(HeaderName::Session, session);
    }
    if matches!(request.method, Method::Options) || status == StatusCode::NOT_IMPLEMENTED {
        response.headers.insert(HeaderName::Public, PUBLIC);
    }
    response
}
