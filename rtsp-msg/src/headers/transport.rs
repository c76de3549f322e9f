//! `Transport`: its types. Reading and writing are in `transport_decode` and `transport_encode`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::Header as _;
use crate::version::Version;

/// The transports offered, in order of preference, or the one chosen (RFC 7826 §18.54, RFC 2326 §12.39).
///
/// An alternative that cannot be read is left out, as RFC 7826 asks; when none is left the list is empty and the
/// answer is 461.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport(pub Vec<TransportSpec>);

/// One alternative. Both versions' parameters stand here; which of them may be used is the session's matter. `Debug` leaves the key out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TransportSpec {
    /// Protocol and profile.
    pub profile: Profile,
    /// What carries it.
    pub lower: Lower,
    /// `unicast` or `multicast`; 1.0 peers leave it out, see [`TransportSpec::is_unicast`].
    pub delivery: Option<Delivery>,
    /// `destination` (1.0).
    pub destination: Option<String>,
    /// `source` (1.0).
    pub source: Option<String>,
    /// `interleaved`: channels of RTP and RTCP.
    pub interleaved: Option<(u8, Option<u8>)>,
    /// `client_port` (1.0): ports of RTP and RTCP.
    pub client_port: Option<(u16, Option<u16>)>,
    /// `server_port` (1.0): ports of RTP and RTCP.
    pub server_port: Option<(u16, Option<u16>)>,
    /// `port` (1.0): multicast ports of RTP and RTCP.
    pub port: Option<(u16, Option<u16>)>,
    /// `ttl` of multicast packets.
    pub ttl: Option<u8>,
    /// `layers`: consecutive multicast addresses.
    pub layers: Option<u8>,
    /// `ssrc`; several only in 2.0.
    pub ssrc: Vec<u32>,
    /// `mode`.
    pub mode: Option<Mode>,
    /// `append` (1.0): record behind what is there.
    pub append: bool,
    /// `dest_addr` (2.0).
    pub dest_addr: Vec<Address>,
    /// `src_addr` (2.0).
    pub src_addr: Vec<Address>,
    /// `RTCP-mux` (2.0): RTP and RTCP share a port.
    pub rtcp_mux: bool,
    /// `setup` (2.0): who opens the connection that carries media.
    pub setup: Option<SetupRole>,
    /// `connection` (2.0): whether it may be one that exists.
    pub connection: Option<ConnectionUse>,
    /// `MIKEY` (2.0): a key-management message, in base64.
    pub mikey: Option<String>,
    /// Parameters that neither RFC names. In 2.0 they make the alternative unusable, in 1.0 they are ignored.
    pub extensions: Vec<(String, Option<String>)>,
}

impl fmt::Debug for TransportSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mikey = self.mikey.as_ref().map(|_| "…".to_owned());
        let mut text = String::new();
        let shown = Self {
            mikey,
            ..self.clone()
        };
        Transport(vec![shown]).encode(&mut text);
        f.debug_tuple("TransportSpec")
            .field(&format_args!("{text}"))
            .finish()
    }
}

impl TransportSpec {
    /// An alternative without parameters.
    pub fn new(profile: Profile, lower: Lower) -> Self {
        Self {
            profile,
            lower,
            ..Self::default()
        }
    }

    /// Whether delivery is unicast: said so, or (for 1.0 peers that say nothing) because there are channels or
    /// client ports. RFC 2326 §12.39 names multicast as the default.
    pub fn is_unicast(&self) -> bool {
        match &self.delivery {
            Some(delivery) => *delivery == Delivery::Unicast,
            None => self.interleaved.is_some() || self.client_port.is_some(),
        }
    }

    /// Whether the alternative may stand in a message of this version.
    ///
    /// 1.0 ignores what it does not know (RFC 2326 §12.39). 2.0 says unicast or multicast, knows `PLAY` as only mode,
    /// has neither the parameters of 1.0 nor unknown ones, and no addresses or connections of their own beside
    /// channels (RFC 7826 §18.54).
    pub fn is_valid_in(&self, version: Version) -> bool {
        if version == Version::V1_0 {
            return true;
        }
        let ports = self.client_port.is_some() || self.server_port.is_some() || self.port.is_some();
        let v1_only = ports || self.destination.is_some() || self.source.is_some() || self.append;
        let addressed = !self.dest_addr.is_empty() || !self.src_addr.is_empty();
        let connected = self.setup.is_some() || self.connection.is_some();
        self.delivery.is_some()
            && matches!(self.mode, None | Some(Mode::Play))
            && !v1_only
            && self.extensions.is_empty()
            && !(self.interleaved.is_some() && (addressed || connected))
    }

    /// Whether media is to flow from the client to the server.
    pub fn is_record(&self) -> bool {
        matches!(self.mode, Some(Mode::Record | Mode::PlayAndRecord))
    }
}

/// Protocol and profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// `RTP/AVP` (RFC 3551).
    #[default]
    RtpAvp,
    /// `RTP/SAVP`: encrypted (RFC 3711).
    RtpSavp,
    /// `RTP/AVPF`: with early feedback (RFC 4585).
    RtpAvpf,
    /// `RTP/SAVPF`: both (RFC 5124).
    RtpSavpf,
    /// Any other, as it stands before the lower transport: `RAW/RAW`, `MP2T/H2221`.
    Other(String),
}

impl Profile {
    /// The text that stands before the lower transport.
    pub fn as_str(&self) -> &str {
        match self {
            Self::RtpAvp => "RTP/AVP",
            Self::RtpSavp => "RTP/SAVP",
            Self::RtpAvpf => "RTP/AVPF",
            Self::RtpSavpf => "RTP/SAVPF",
            Self::Other(text) => text,
        }
    }

    /// Whether packets are SRTP.
    pub fn is_secure(&self) -> bool {
        matches!(self, Self::RtpSavp | Self::RtpSavpf)
    }
}

/// The lower transport.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lower {
    /// `UDP`, the default.
    #[default]
    Udp,
    /// `TCP`: interleaved, unless there are addresses of a connection of its own.
    Tcp,
    /// Any other.
    Other(String),
}

/// To one or to many. Complete: the RFCs have no third.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// `unicast`
    Unicast,
    /// `multicast`
    Multicast,
}

/// What the transport is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// `PLAY`
    Play,
    /// `RECORD`
    Record,
    /// `PLAY,RECORD`
    PlayAndRecord,
    /// Any other list.
    Other(String),
}

/// Who opens a connection for media (RFC 7826 §18.54). Complete: `holdconn` must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetupRole {
    /// `active`: the one who says so.
    Active,
    /// `passive`: the other.
    Passive,
    /// `actpass`: either.
    ActPass,
}

impl SetupRole {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }
}

/// Whether a connection for media may be one that exists (RFC 7826 §18.54). Complete by its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionUse {
    /// `new`
    New,
    /// `existing`
    Existing,
}

impl ConnectionUse {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Existing => "existing",
        }
    }
}

/// An address of `dest_addr` or `src_addr` (RFC 7826 §18.54).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The host, an IPv6 address without brackets; none means the one of the RTSP connection.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
}
