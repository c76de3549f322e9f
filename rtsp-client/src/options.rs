//! What a caller chooses.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use rtsp_session::auth::Credentials;
use rtsp_session::client::Courtesy;
use rtsp_session::client::CseqPolicy;
use rtsp_session::client::PlayRequest;
use rtsp_session::client::SessionIdPolicy;
use rtsp_session::client::SrtpPolicy;
use rtsp_session::client::VersionPolicy;

use crate::KeyIdentity;
use crate::ReconnectPolicy;
use crate::io::tls::Trust;
use crate::io::wire::Carriage;

/// How media travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportPolicy {
    /// UDP, unless the server refuses it or no packet comes: then TCP, and where that does not get through either, [`Http`](Self::Http).
    /// Each turn is logged as a warning, with its reason. With `rtsps`, media that are not encrypted themselves (SRTP) go by TCP from the start, within TLS.
    #[default]
    Auto,
    /// Datagrams, never anything else.
    Udp,
    /// Frames on the RTSP connection, never anything else.
    Tcp,
    /// TCP connections for each media alone, which we open (RFC 7826 §C.2.2); only to play, and only in RTSP/2.0.
    Connections,
    /// The same, opened by the server.
    ServerConnects,
    /// Datagrams to a group that everybody may join, never anything else; only to play, and only what is live.
    Multicast,
    /// Frames on an RTSP connection that goes within HTTP: a GET for what the server says, a POST for what we say. It goes to the host
    /// and port of the URL, with TLS for `rtsps`.
    Http,
    /// The same within WebSocket, as ONVIF has it (`rtsp.onvif.org`).
    WebSocket,
}

/// As `--transport` of the program spells it; what that does not know in the words of RFC 7826.
impl fmt::Display for TransportPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Connections => "tcp, actively opened",
            Self::ServerConnects => "tcp, passively opened",
            Self::Multicast => "multicast",
            Self::Http => "http",
            Self::WebSocket => "ws",
        })
    }
}

impl TransportPolicy {
    /// What RTSP itself goes within.
    pub(crate) fn carriage(self) -> Carriage {
        match self {
            Self::Http => Carriage::Http,
            Self::WebSocket => Carriage::WebSocket,
            _ => Carriage::Bare,
        }
    }

    /// How frames on an RTSP connection travel.
    pub(crate) fn interleaved(carriage: Carriage) -> Self {
        match carriage {
            Carriage::Bare => Self::Tcp,
            Carriage::Http => Self::Http,
            Carriage::WebSocket => Self::WebSocket,
        }
    }
}

/// Everything that can be chosen for a session. [`Options::default`] suits most servers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How media travel.
    pub transport: TransportPolicy,
    /// The address of the interface to join groups on, with [`TransportPolicy::Multicast`]; without it that by which the server is
    /// reached.
    pub multicast_interface: Option<IpAddr>,
    /// Who we are, if the server asks. Those in the URL count where these are missing.
    pub credentials: Option<Credentials>,
    /// Which servers are believed to be who they are, with `rtsps`.
    pub trust: Trust,
    /// Where keys of media that are encrypted by SRTP may travel: with `rtsps` only, if nothing else is said.
    pub srtp: SrtpPolicy,
    /// Who we are where keys of SRTP are exchanged by MIKEY-RSA-R: in RTSP/2.0, where the description has no keys.
    pub key_identity: KeyIdentity,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a response may take.
    pub response_timeout: Duration,
    /// With [`TransportPolicy::Auto`]: how long to wait for the first datagram before TCP is tried.
    pub first_packet_timeout: Duration,
    /// What we call ourselves.
    pub user_agent: String,
    /// Which version of RTSP to speak.
    pub version: VersionPolicy,
    /// What requests say about the user: nothing, if nothing is given.
    pub courtesy: Courtesy,
    /// Media are set up only if the presentation is still that of the description, as far as its tag tells (`If-Match`).
    pub if_match: bool,
    /// How many redirections are followed.
    pub max_redirects: u8,
    /// How responses find their requests.
    pub cseq: CseqPolicy,
    /// What to do about changing session ids.
    pub session_id: SessionIdPolicy,
    /// Whether what plays is taken up again when its server is lost; at first it is not. Concerns playing only.
    ///
    /// What has an end goes on from where it was, and is over there; what is live goes on where it is by then.
    pub reconnect: Option<ReconnectPolicy>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            transport: TransportPolicy::default(),
            multicast_interface: None,
            credentials: None,
            trust: Trust::default(),
            srtp: SrtpPolicy::default(),
            key_identity: KeyIdentity::default(),
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(10),
            first_packet_timeout: Duration::from_secs(3),
            user_agent: concat!("Trackside/", env!("CARGO_PKG_VERSION")).to_owned(),
            version: VersionPolicy::default(),
            courtesy: Courtesy::default(),
            if_match: false,
            max_redirects: 5,
            cseq: CseqPolicy::default(),
            session_id: SessionIdPolicy::default(),
            reconnect: None,
        }
    }
}

/// What to play.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlayOptions {
    /// The range and speed to ask for. The default is from the start to the end; live streams start where they are.
    pub request: PlayRequest,
}

impl Default for PlayOptions {
    fn default() -> Self {
        Self {
            request: PlayRequest::from(Duration::ZERO),
        }
    }
}

impl PlayOptions {
    /// From `start` of the presentation.
    #[must_use]
    pub fn from(start: Duration) -> Self {
        Self {
            request: PlayRequest::from(start),
        }
    }
}
