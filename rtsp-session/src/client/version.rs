//! Which version to speak, and how that is found out.

use rtsp_msg::Response;
use rtsp_msg::StatusCode;
use rtsp_msg::Version;

/// Which version of RTSP a client speaks to a server it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VersionPolicy {
    /// RTSP/1.0: what nearly every camera speaks, and nothing else.
    #[default]
    V1_0,
    /// RTSP/2.0; a server without it is an error, [`SessionError::VersionRefused`](super::SessionError::VersionRefused).
    V2_0,
    /// RTSP/2.0 where the answer to OPTIONS shows that the server speaks it, else RTSP/1.0 (RFC 7826 §App.H).
    ///
    /// A server that says no goes on in 1.0 on the same connection. One that hangs up, keeps silent or answers something that is
    /// no RTSP has to be connected to again, with [`V1_0`](Self::V1_0): `VersionRefused` says when.
    Negotiate,
}

impl VersionPolicy {
    /// The version of the first request.
    pub(super) fn first(self) -> Version {
        match self {
            Self::V1_0 => Version::V1_0,
            Self::V2_0 | Self::Negotiate => Version::V2_0,
        }
    }
}

impl From<Version> for VersionPolicy {
    fn from(version: Version) -> Self {
        match version {
            Version::V1_0 => Self::V1_0,
            Version::V2_0 => Self::V2_0,
        }
    }
}

/// Whether the answer to an OPTIONS of RTSP/2.0 says that the server does not speak it.
///
/// That is what a status line of 1.0 means, and 505 (RFC 7826 §App.H). 400 and 501 cannot come from a server of RTSP/2.0, which
/// has to know OPTIONS: they come from one of 1.0 that repeats the version of the request in its answer.
pub(super) fn refuses(response: &Response) -> bool {
    response.version == Version::V1_0
        || matches!(
            response.status,
            StatusCode::RTSP_VERSION_NOT_SUPPORTED
                | StatusCode::BAD_REQUEST
                | StatusCode::NOT_IMPLEMENTED
        )
}
