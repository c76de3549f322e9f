//! What requests of ours are for.

use rtsp_msg::Method;

use super::MediaTransport;
use super::TransportRequest;

/// What a request of ours is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Options,
    Describe,
    Announce,
    Adopt,
    Setup {
        media: usize,
        request: TransportRequest,
    },
    Play,
    Record,
    Pause,
    GetParameters,
    SetParameter,
    Locate,
    Teardown,
}

impl Step {
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Options | Self::Adopt => Method::Options,
            Self::Describe => Method::Describe,
            Self::Announce => Method::Announce,
            Self::Setup { .. } => Method::Setup,
            Self::Play => Method::Play,
            Self::Record => Method::Record,
            Self::Pause => Method::Pause,
            Self::GetParameters | Self::Locate => Method::GetParameter,
            Self::SetParameter => Method::SetParameter,
            Self::Teardown => Method::Teardown,
        }
    }
}

/// A media that is set up.
#[derive(Clone, Debug)]
pub(super) struct SetUp {
    pub(super) control: String,
    pub(super) transport: MediaTransport,
}
