//! Whether the presentation can be sought in.

use rtsp_msg::Headers;
use rtsp_msg::headers::MediaProperties;
use rtsp_msg::headers::MediaProperty;
use rtsp_msg::headers::NptTime;
use rtsp_msg::headers::Range;

use super::ClientSession;

/// Where a presentation can be played from. Complete by nature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seeking {
    /// From anywhere.
    Anywhere,
    /// From where it is, and from its beginning.
    BeginningOnly,
    /// Only from where it is.
    Nowhere,
    /// The server has not said.
    Unknown,
}

impl Seeking {
    /// What the description says: a range with both ends can be sought in, one without end cannot (RFC 7826 §D.1.6, RFC 2326
    /// §C.1.5). The range stands at the session, or else at its media.
    fn described(description: &sdp::Description) -> Self {
        let media = description.media.iter().filter_map(|m| m.range.as_deref());
        let mut ranges = description.range.as_deref().into_iter().chain(media);
        let Some(Ok(range)) = ranges.next().map(Range::parse) else {
            return Self::Unknown;
        };
        match range {
            // Live, from now to an end that is known: gst-rtsp-server says so of a file that has not begun.
            Range::Npt {
                start: Some(NptTime::Now),
                end: Some(_),
            } => Self::Unknown,
            Range::Npt { end: Some(_), .. }
            | Range::Smpte { end: Some(_), .. }
            | Range::Clock { end: Some(_), .. } => Self::Anywhere,
            Range::Other(_) => Self::Unknown,
            _ => Self::Nowhere,
        }
    }
}

impl From<&MediaProperties> for Seeking {
    /// Properties that are not known are ignored (RFC 7826 §18.29).
    fn from(properties: &MediaProperties) -> Self {
        let known = properties.0.iter().find_map(|property| match property {
            MediaProperty::RandomAccess(_) => Some(Self::Anywhere),
            MediaProperty::BeginningOnly => Some(Self::BeginningOnly),
            MediaProperty::NoSeeking => Some(Self::Nowhere),
            _ => None,
        });
        known.unwrap_or(Self::Unknown)
    }
}

impl ClientSession {
    /// Where the presentation can be played from: what `Media-Properties` said last, else what the description says.
    #[must_use]
    pub fn seeking(&self) -> Seeking {
        let told = self.properties.as_ref().map(Seeking::from);
        let described = || self.description.as_ref().map(Seeking::described);
        let known = told.filter(|seeking| *seeking != Seeking::Unknown);
        known.or_else(described).unwrap_or(Seeking::Unknown)
    }

    /// The properties of the presentation that the server told last (RFC 7826 §18.29).
    #[must_use]
    pub fn media_properties(&self) -> Option<&MediaProperties> {
        self.properties.as_ref()
    }

    /// Takes what a message of the server tells about the presentation.
    pub(super) fn take_properties(&mut self, headers: &Headers) {
        if let Some(properties) = self.connection.typed::<MediaProperties>(headers) {
            self.properties = Some(properties);
        }
    }
}
