//! What a session tells its driver.

use std::time::Instant;

use bytes::Bytes;
use rtsp_msg::FrameRun;
use rtsp_msg::StatusCode;
use rtsp_msg::headers::MediaProperties;
use rtsp_msg::headers::MediaRange;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::TerminateReason;

use super::CloseReason;
use super::MediaTransport;
use super::PlayStart;
use super::Redirect;
use super::SessionError;
use super::StartPoint;

/// What has become of the session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The description is there: [`ClientSession::description`](super::ClientSession::description).
    Described,
    /// The server has taken our description.
    Announced,
    /// One media is set up.
    SetUp {
        /// Its index in the description.
        media: usize,
        /// The transport that the server granted.
        transport: MediaTransport,
    },
    /// The server plays.
    Playing(PlayStart),
    /// The server records.
    Recording,
    /// Nothing flows any more; the session stays.
    Paused,
    /// The values of the parameters that were asked for: name and value.
    Parameters(Vec<(String, String)>),
    /// The server has set the parameter that it was given.
    ParameterTaken,
    /// Where the session stands: the current position as its range, and the RTP timestamps that belong to it.
    Located(PlayStart),
    /// The session is over because we ended it.
    TornDown,
    /// The server sends us elsewhere; this session is over.
    Redirected(Redirect),
    /// The server will be gone soon. The session goes on until [`Redirected`](Self::Redirected) comes at `at`, a little before the
    /// server's deadline.
    RedirectedAt {
        /// Where to go then.
        redirect: Redirect,
        /// When that event comes.
        at: Instant,
    },
    /// The step that was asked for last has failed.
    Failed(SessionError),
    /// The session is over because the server ended it.
    Ended(EndReason),
    /// The server told something about the media that play (PLAY_NOTIFY). The session goes on.
    Notified(Notice),
    /// The server has set these of our parameters: name and new value.
    ParametersSet(Vec<(String, String)>),
    /// The server has replaced the description (ANNOUNCE, RTSP/1.0). The media and their controls are the same.
    Redescribed,
}

impl Event {
    /// Whether a step can end with it. What the server tells of its own accord comes in between.
    #[must_use]
    pub fn is_outcome(&self) -> bool {
        !matches!(
            self,
            Self::RedirectedAt { .. }
                | Self::Notified(_)
                | Self::ParametersSet(_)
                | Self::Redescribed
        )
    }
}

/// What a PLAY_NOTIFY says (RFC 7826 §13.5).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Notice {
    /// Which media of the description it is about; `None`: the whole presentation.
    pub media: Option<usize>,
    /// What has happened.
    pub kind: NoticeKind,
    /// The range: for the end of the stream where it ends, else what is played from here on.
    pub range: Option<Range>,
    /// Per media of the description, what `RTP-Info` says of it. Empty without that header.
    pub points: Vec<StartPoint>,
}

/// What a PLAY_NOTIFY is sent for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum NoticeKind {
    /// What PLAY asked for has been sent, or will be at the end of the range (RFC 7826 §13.5.1). Another PLAY may follow.
    EndOfStream {
        /// How the PLAY request ended, if the server says so.
        status: Option<StatusCode>,
    },
    /// The media are not what they were (RFC 7826 §13.5.2).
    PropertiesChanged {
        /// What they are now.
        properties: Option<MediaProperties>,
        /// What there is of them.
        available: Option<MediaRange>,
    },
    /// The server plays at another scale, because it must (RFC 7826 §13.5.3).
    ScaleChanged {
        /// The scale, if the server says it.
        scale: Option<f64>,
    },
}

/// Why the server ended a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// It sent TEARDOWN, perhaps with the reason.
    TornDown(Option<TerminateReason>),
    /// It no longer knows the session.
    SessionLost,
}

/// What the session wants. Poll until `Wait` after each input and each command.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send these octets.
    Write(Bytes),
    /// Interleaved frames, in the order of their arrival among events. They may come before `Playing`.
    Frames(FrameRun),
    /// Something has happened.
    Event(Event),
    /// The connection is lost, the session is not: connect to the same server again and call
    /// [`ClientSession::reconnected`](super::ClientSession::reconnected), or say by another `Input::Eof` that it cannot be done.
    /// Only with [`SessionConfig::reconnects`](super::SessionConfig::reconnects).
    Reconnect(CloseReason),
    /// Nothing will come any more; close after the writes.
    Close(CloseReason),
    /// Nothing to do before this instant, or before there is input.
    Wait {
        /// When to come back with `Input::Timeout`; `None`: only input matters.
        until: Option<Instant>,
    },
}
