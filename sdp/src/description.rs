use std::net::IpAddr;
use std::net::Ipv4Addr;

use crate::Attribute;
use crate::Bandwidth;
use crate::Connection;
use crate::Direction;
use crate::Error;
use crate::Limits;
use crate::Media;
use crate::Repair;
use crate::attribute::first_value;
use crate::connection::address_type;
use crate::parse;
use crate::repair::Repairs;

/// A session description as RTSP uses it (RFC 8866, RFC 7826 §D).
///
/// `r=`, `z=` and `k=` lines are left out: they mean nothing to RTSP, and RFC 8866 §5.12 forbids keys there.
#[derive(Debug, Clone)]
pub struct Description {
    /// Who made the description, `o=`.
    pub origin: Origin,
    /// The session's name, `s=`; may be empty.
    pub session_name: String,
    /// Free text about the session, `i=`.
    pub information: Option<String>,
    /// Where more is to be read, `u=`.
    pub uri: Option<String>,
    /// E-mail addresses, `e=`.
    pub emails: Vec<String>,
    /// Telephone numbers, `p=`.
    pub phones: Vec<String>,
    /// The connection address for media without their own, `c=`.
    pub connection: Option<Connection>,
    /// Bandwidths of the whole session, `b=`.
    pub bandwidth: Vec<Bandwidth>,
    /// When the session is valid, `t=`; never empty after parsing.
    pub times: Vec<Timing>,
    /// `a=control` of the session: the aggregate, see [`control::resolve`](crate::control::resolve).
    pub control: Option<String>,
    /// `a=range` as written, such as `npt=0-30.5` (RFC 7826 §D.1.6).
    pub range: Option<String>,
    /// The session's direction, which holds for each media that has none.
    pub direction: Option<Direction>,
    /// All other attributes of the session, untouched and in order.
    pub attributes: Vec<Attribute>,
    /// The media in order.
    pub media: Vec<Media>,
    pub(crate) repairs: Repairs,
}

impl Description {
    /// A description without media, valid for ever.
    pub fn new(origin: Origin, session_name: impl Into<String>) -> Self {
        Self {
            origin,
            session_name: session_name.into(),
            information: None,
            uri: None,
            emails: Vec::new(),
            phones: Vec::new(),
            connection: None,
            bandwidth: Vec::new(),
            times: vec![Timing::default()],
            control: None,
            range: None,
            direction: None,
            attributes: Vec::new(),
            media: Vec::new(),
            repairs: Repairs::default(),
        }
    }

    /// Reads a description, repairing what peers are known to get wrong, within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// See [`Error`]: over a limit, no description at all, or a line without sensible reading.
    pub fn parse(input: &[u8]) -> Result<Self, Error> {
        Self::parse_with(input, &Limits::default())
    }

    /// The same within other limits.
    ///
    /// # Errors
    ///
    /// As [`Description::parse`].
    pub fn parse_with(input: &[u8], limits: &Limits) -> Result<Self, Error> {
        parse::description(input, limits)
    }

    /// What was repaired to read it, each deviation once, in the order met. Empty for a valid description.
    pub fn repairs(&self) -> &[Repair] {
        self.repairs.as_slice()
    }

    /// The value of the first session attribute of that name among [`Description::attributes`].
    pub fn attribute(&self, name: &str) -> Option<&str> {
        first_value(&self.attributes, name)
    }

    /// The connection address that holds for a media: its own first one, else the session's.
    pub fn connection_of<'a>(&'a self, media: &'a Media) -> Option<&'a Connection> {
        media.connections.first().or(self.connection.as_ref())
    }

    /// Whether the media at `index` is a back channel: one that the receiver of this description sends
    /// (ONVIF Streaming Specification §5.3).
    ///
    /// Some cameras mark every media so; then none is.
    pub fn is_back_channel(&self, index: usize) -> bool {
        let sends = |media: &Media| media.direction == Direction::SendOnly;
        self.media.get(index).is_some_and(sends) && !self.media.iter().all(sends)
    }
}

/// Repairs do not count: a repaired description equals its valid spelling.
impl PartialEq for Description {
    fn eq(&self, other: &Self) -> bool {
        self.origin == other.origin
            && self.session_name == other.session_name
            && self.information == other.information
            && self.uri == other.uri
            && self.emails == other.emails
            && self.phones == other.phones
            && self.connection == other.connection
            && self.bandwidth == other.bandwidth
            && self.times == other.times
            && self.control == other.control
            && self.range == other.range
            && self.direction == other.direction
            && self.attributes == other.attributes
            && self.media == other.media
    }
}

/// An `o=` line (RFC 8866 §5.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Login on the host; `None` is written `-`.
    pub username: Option<String>,
    /// Identifies the session at that host: digits, often an NTP time.
    pub session_id: String,
    /// Grows with each change of the description.
    pub session_version: u64,
    /// Network type, `IN`.
    pub network: String,
    /// Address type, `IP4` or `IP6`.
    pub address_type: String,
    /// IP address or name of the host.
    pub address: String,
}

impl Origin {
    /// An origin on an IP host, without user name.
    pub fn new(session_id: u64, session_version: u64, address: IpAddr) -> Self {
        Self {
            username: None,
            session_id: session_id.to_string(),
            session_version,
            network: "IN".to_owned(),
            address_type: address_type(address).to_owned(),
            address: address.to_string(),
        }
    }
}

/// The origin of nobody: `o=- 0 0 IN IP4 0.0.0.0`.
impl Default for Origin {
    fn default() -> Self {
        Self::new(0, 0, IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

/// A `t=` line (RFC 8866 §5.9), in seconds since 1900; `0 0` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Timing {
    /// First second of validity, 0 for no lower bound.
    pub start: u64,
    /// Last second of validity, 0 for no upper bound.
    pub stop: u64,
}

/// Whether a reconnected source still has the same media and formats: kinds, payload types, encodings, clock
/// rates, channels and parameters. Origin, names, addresses, controls and other attributes do not matter.
pub fn same_formats(a: &Description, b: &Description) -> bool {
    let same_media = |a: &Media, b: &Media| {
        a.kind == b.kind
            && a.other_formats == b.other_formats
            && a.formats.len() == b.formats.len()
            && a.formats.iter().zip(&b.formats).all(|(a, b)| a.is_same(b))
    };
    a.media.len() == b.media.len() && a.media.iter().zip(&b.media).all(|(a, b)| same_media(a, b))
}
