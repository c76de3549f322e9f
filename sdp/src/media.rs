use std::fmt;

use crate::Attribute;
use crate::Bandwidth;
use crate::Connection;
use crate::Format;
use crate::attribute::first_value;

/// One `m=` line with all that belongs to it (RFC 8866 §5.14).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Media {
    /// What the media is.
    pub kind: MediaKind,
    /// The transport port, 0 in most descriptions of RTSP servers.
    pub port: u16,
    /// The transport protocol, `RTP/AVP` nearly always.
    pub protocol: String,
    /// The RTP payload types in order of preference.
    pub formats: Vec<Format>,
    /// Formats that are no RTP payload types, as written (`webrtc-datachannel`).
    pub other_formats: Vec<String>,
    /// The title, `i=`.
    pub title: Option<String>,
    /// Connection addresses of this media, `c=`; empty where the session's holds.
    pub connections: Vec<Connection>,
    /// Bandwidths of this media, `b=`.
    pub bandwidth: Vec<Bandwidth>,
    /// `a=control`, see [`control::resolve`](crate::control::resolve). `None` where missing or empty.
    pub control: Option<String>,
    /// `a=range` of this media as written, such as `npt=0-12.5` (RFC 7826 §D.1.6).
    pub range: Option<String>,
    /// Who sends, as seen by the peer that gets the description. The session's where the media has none.
    pub direction: Direction,
    /// `a=framerate` in frames a second, finite and above 0.
    pub framerate: Option<f64>,
    /// All other attributes, untouched and in order.
    pub attributes: Vec<Attribute>,
}

impl Media {
    /// A media without formats, at port 0.
    pub fn new(kind: MediaKind, protocol: impl Into<String>) -> Self {
        Self {
            kind,
            port: 0,
            protocol: protocol.into(),
            formats: Vec::new(),
            other_formats: Vec::new(),
            title: None,
            connections: Vec::new(),
            bandwidth: Vec::new(),
            control: None,
            range: None,
            direction: Direction::SendReceive,
            framerate: None,
            attributes: Vec::new(),
        }
    }

    /// An `RTP/AVP` media of one format.
    pub fn rtp(kind: MediaKind, format: Format) -> Self {
        let mut media = Self::new(kind, "RTP/AVP");
        media.formats.push(format);
        media
    }

    /// Whether it is carried in RTP, under whichever profile.
    pub fn is_rtp(&self) -> bool {
        self.protocol
            .get(..4)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("RTP/"))
    }

    /// The value of the first attribute of that name among [`Media::attributes`].
    pub fn attribute(&self, name: &str) -> Option<&str> {
        first_value(&self.attributes, name)
    }

    /// The format with that payload type.
    pub fn format(&self, payload_type: u8) -> Option<&Format> {
        self.formats
            .iter()
            .find(|format| format.payload_type == payload_type)
    }
}

/// The first word of an `m=` line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaKind {
    /// `video`
    Video,
    /// `audio`
    Audio,
    /// `application`, such as ONVIF metadata
    Application,
    /// `text`
    Text,
    /// Any other word, as written
    Other(String),
}

impl MediaKind {
    /// The word as in the `m=` line.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Application => "application",
            Self::Text => "text",
            Self::Other(word) => word,
        }
    }

    pub(crate) fn from_word(word: &str) -> Self {
        [Self::Video, Self::Audio, Self::Application, Self::Text]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(word))
            .unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who sends (RFC 8866 §6.7), as seen by the peer that receives the description. These four are all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// `a=sendrecv`, also meant where nothing is said.
    #[default]
    SendReceive,
    /// `a=sendonly`: a back channel in the description of an ONVIF camera.
    SendOnly,
    /// `a=recvonly`
    ReceiveOnly,
    /// `a=inactive`
    Inactive,
}

impl Direction {
    /// The name of its attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    pub(crate) fn from_attribute(name: &str) -> Option<Self> {
        [
            Self::SendReceive,
            Self::SendOnly,
            Self::ReceiveOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.as_str().eq_ignore_ascii_case(name))
    }
}
