//! A presentation that is described and not yet played.

use std::net::IpAddr;
use std::time::Duration;
use std::time::Instant;

use rtsp_msg::Method;
use rtsp_msg::StatusCode;
use rtsp_msg::Uri;
use rtsp_msg::Version;
use rtsp_session::auth::Credentials;
use rtsp_session::client::ClientSession;
use rtsp_session::client::Deviation;
use rtsp_session::client::Event;
use rtsp_session::client::MediaTransport;
use rtsp_session::client::RedirectError;
use rtsp_session::client::SessionError;
use rtsp_session::client::TransportRequest;
use rtsp_session::client::VersionPolicy;
use sdp::Description;
use sdp::MediaKind;

use crate::Client;
use crate::Error;
use crate::ErrorKind;
use crate::Options;
use crate::PlayOptions;
use crate::Playing;
use crate::TransportPolicy;
use crate::conversation::Conversation;
use crate::io::framed::Making;
use crate::paths::DatagramPath;
use crate::paths::Path;
use crate::starting::Start;
use crate::starting::bind;
use crate::starting::interleaved;

mod apart;

/// How long the answer to a TEARDOWN is waited for when the session is given up anyway.
const TEARDOWN_PATIENCE: Duration = Duration::from_secs(1);

/// How long the connections of one media may take to come to be.
const CONNECTIONS_PATIENCE: Duration = Duration::from_secs(10);

/// A presentation as its server describes it.
#[derive(Debug)]
pub struct Described {
    pub(crate) conversation: Conversation,
    pub(crate) description: Description,
    pub(crate) options: Options,
    pub(crate) credentials: Option<Credentials>,
    origin: Origin,
    pub(crate) selected: Vec<usize>,
    /// The description came from elsewhere; the server was not asked.
    pub(crate) adopted: bool,
}

/// What was asked for, before redirections, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) uri: Uri,
    pub(crate) credentials: Option<Credentials>,
}

impl Described {
    pub(crate) fn new(
        conversation: Conversation,
        options: Options,
        credentials: Option<Credentials>,
        origin: Origin,
    ) -> Result<Self, Error> {
        let Some(description) = conversation.session.description().cloned() else {
            let text = "the server sent no description";
            return Err(Error::new(ErrorKind::Protocol, conversation.place(), text));
        };
        let controls = description.media.iter().map(|media| &media.control);
        let controls = controls.chain([&description.control]).flatten();
        let foreign = controls
            .filter_map(|control| Uri::parse(control).ok())
            .find(|uri| !conversation.may_ask_about(uri));
        if let Some(uri) = foreign {
            let text = format!(
                "the description leads to {}, which the certificate is not for",
                uri.host()
            );
            return Err(Error::new(ErrorKind::Untrusted, conversation.place(), text));
        }
        // What can be received: RTP video, audio and the like, and no channel back to the server.
        let selected = (0..description.media.len())
            .filter(|&index| {
                let media = description.media.get(index);
                media.is_some_and(sdp::Media::is_rtp) && !description.is_back_channel(index)
            })
            .collect();
        Ok(Self {
            conversation,
            description,
            options,
            credentials,
            origin,
            selected,
            adopted: false,
        })
    }

    /// What the presentation consists of.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What the server calls itself.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.conversation.session.server()
    }

    /// The version of RTSP that is spoken.
    #[must_use]
    pub fn version(&self) -> Version {
        self.conversation.session.version()
    }

    /// What the server says that it can do.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        self.conversation.session.methods()
    }

    /// The URL without credentials, after redirections.
    #[must_use]
    pub fn url(&self) -> String {
        self.conversation.place()
    }

    /// Whether the server asked for credentials.
    #[must_use]
    pub fn was_challenged(&self) -> bool {
        self.conversation.session.was_challenged()
    }

    /// What the server does otherwise than the RFCs say and was accepted so far, and how often.
    #[must_use]
    pub fn deviations(&self) -> &[(Deviation, u64)] {
        self.conversation.session.deviations()
    }

    /// The media that will be played, by their index in the description.
    #[must_use]
    pub fn selected(&self) -> &[usize] {
        &self.selected
    }

    /// Chooses the media to play; at first all are chosen that can be received.
    pub fn select(&mut self, media: impl IntoIterator<Item = usize>) {
        self.selected = media.into_iter().collect();
        self.selected.sort_unstable();
        self.selected.dedup();
    }

    /// Chooses the first media of this kind and no other; whether there is one.
    pub fn select_kind(&mut self, kind: &MediaKind) -> bool {
        let first = self.description.media.iter().position(|m| m.kind == *kind);
        if let Some(first) = first {
            self.select([first]);
        }
        first.is_some()
    }

    /// Sets up the chosen media and starts them.
    ///
    /// With [`TransportPolicy::Auto`] this waits for the first packet, and turns to TCP when UDP is refused or silent. Media of `rtsps` that are not
    /// encrypted themselves go by TCP at once.
    ///
    /// # Errors
    ///
    /// When the server refuses, closes, or grants what was not asked for; `Transport` when it grants none of the allowed
    /// transports.
    pub async fn play(self, play: PlayOptions) -> Result<Playing, Error> {
        if self.selected.is_empty() {
            let text = "there is no media to play";
            return Err(Error::new(
                ErrorKind::Unsupported,
                self.conversation.place(),
                text,
            ));
        }
        if self.is_scattered() {
            let text = "its media are on several servers, and cannot be controlled as one";
            return Err(Error::new(
                ErrorKind::Unsupported,
                self.conversation.place(),
                text,
            ));
        }
        let again = self.options.reconnect.clone().map(|policy| {
            let origin = self.origin.clone();
            (policy, self.recipe(&play, origin))
        });
        let mut playing = self.follow(&play).await?;
        if let Some((policy, mut recipe)) = again {
            let works = playing.transport();
            if matches!(
                works,
                TransportPolicy::Tcp | TransportPolicy::Http | TransportPolicy::WebSocket
            ) {
                // Whatever else was tried.
                recipe.options.transport = works;
            }
            playing.take_up_again(policy, recipe);
        }
        Ok(playing)
    }

    /// What is needed to come here once more.
    fn recipe(&self, play: &PlayOptions, origin: Origin) -> Recipe {
        let mut options = self.options.clone();
        options.reconnect = None;
        Recipe {
            origin,
            redirect: None,
            same_media: false,
            options,
            selected: self.selected.clone(),
            description: self.description.clone(),
            adopted: self.adopted,
            play: play.clone(),
        }
    }

    /// Plays here, or where the server sends us for it.
    async fn follow(mut self, play: &PlayOptions) -> Result<Playing, Error> {
        let most = self.options.max_redirects;
        for _ in 0..=most {
            let credentials = self.credentials.clone();
            let uri = self.conversation.uri().clone();
            let mut recipe = self.recipe(play, Origin { uri, credentials });
            match self.begin(play).await? {
                Start::Playing(playing) => return Ok(*playing),
                Start::Refused(_, error) => return Err(error),
                Start::Redirected(redirect) => {
                    recipe.redirect = Some(redirect.uri.to_string());
                    self = recipe.described().await?;
                }
            }
        }
        let error = SessionError::Redirect(RedirectError::TooMany);
        Err(Error::session(self.conversation.place(), error))
    }

    /// Whether all that was chosen is encrypted itself, by SRTP.
    fn is_sealed(&self) -> bool {
        let media = self.selected.iter();
        let mut media = media.filter_map(|&media| self.description.media.get(media));
        media.all(is_sealed)
    }

    async fn begin(self, play: &PlayOptions) -> Result<Start, Error> {
        match self.options.transport {
            TransportPolicy::Udp => self.start(Lower::Udp, play).await,
            TransportPolicy::Tcp | TransportPolicy::Http | TransportPolicy::WebSocket => {
                self.start(Lower::Tcp, play).await
            }
            TransportPolicy::Connections => self.start(Lower::Connections, play).await,
            TransportPolicy::ServerConnects => self.start(Lower::ServerConnects, play).await,
            TransportPolicy::Multicast => {
                let interface = self.options.multicast_interface;
                let lower = Lower::Multicast { interface };
                self.start(lower, play).await
            }
            TransportPolicy::Auto => Box::pin(self.start_auto(play)).await,
        }
    }

    /// By UDP; where that is refused or silent by TCP; where that does not get through either by a tunnel over HTTP.
    async fn start_auto(self, play: &PlayOptions) -> Result<Start, Error> {
        if self.conversation.interleaved() != TransportPolicy::Tcp {
            return self.start(Lower::Tcp, play).await;
        }
        let place = self.conversation.place();
        let origin = Origin {
            uri: self.conversation.uri().clone(),
            credentials: self.credentials.clone(),
        };
        let again = self.recipe(play, origin);
        let mut tunnelled = again.clone();
        tunnelled.options.transport = TransportPolicy::Http;
        if self.conversation.is_encrypted() && !self.is_sealed() {
            // By UDP they would go in the clear.
            let started = Box::pin(self.start(Lower::Tcp, play)).await;
            return Box::pin(tunnelled.unless(started)).await;
        }
        let patience = self.options.first_packet_timeout;
        match self.start(Lower::Udp, play).await? {
            Start::Playing(mut playing) => {
                if playing.wait_for_packet(Instant::now() + patience).await {
                    return Ok(Start::Playing(playing));
                }
                tracing::warn!(url = place, "no packet over UDP, turning to TCP");
                playing.teardown(TEARDOWN_PATIENCE).await;
            }
            Start::Refused(described, error) if error.kind() == ErrorKind::Transport => {
                tracing::warn!(%error, "no UDP, turning to TCP");
                if described.version() == Version::V2_0 {
                    let started = Box::pin(described.start(Lower::Tcp, play)).await;
                    return Box::pin(tunnelled.unless(started)).await;
                }
            }
            other => return Ok(other),
        }
        // On a new connection and with a new description: some servers close after TEARDOWN, and some cameras want to be
        // asked again before another SETUP.
        // Boxed, like all that is rare and large: a future is as large as the largest of its branches.
        let described = Box::pin(again.described()).await?;
        let started = Box::pin(described.start(Lower::Tcp, play)).await;
        Box::pin(tunnelled.unless(started)).await
    }
}

/// What is needed to describe and play once more.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    origin: Origin,
    /// Where the server sent us, for one attempt.
    pub(crate) redirect: Option<String>,
    /// The server named a host only: the media are said to be the same there.
    pub(crate) same_media: bool,
    options: Options,
    selected: Vec<usize>,
    description: Description,
    adopted: bool,
    pub(crate) play: PlayOptions,
}

impl Recipe {
    pub(crate) fn version(&self) -> VersionPolicy {
        self.options.version
    }

    /// What is known of the media when the server has named a new host and nothing else: the description, which a conditional SETUP
    /// confirms (RFC 7826 §13.10). Controls that name the old host are of no use.
    fn known(&self) -> Option<Description> {
        let tagged = ["mtag", "etag"];
        let tagged = tagged
            .iter()
            .any(|tag| self.description.attribute(tag).is_some());
        let controls = self.description.media.iter().map(|m| m.control.as_deref());
        let mut controls = controls
            .chain([self.description.control.as_deref()])
            .flatten();
        let movable = !controls.any(|control| control.contains("://"));
        (self.same_media && tagged && movable).then(|| self.description.clone())
    }

    async fn described(self) -> Result<Described, Error> {
        let known = self.known().filter(|_| self.redirect.is_some());
        let mut options = self.options;
        let mut url = self.origin.uri.to_string();
        options.credentials = self.origin.credentials;
        if let Some(redirect) = self.redirect {
            let same = Uri::parse(&redirect).is_ok_and(|uri| uri.host() == self.origin.uri.host());
            options.credentials = options.credentials.filter(|_| same);
            url = redirect;
        }
        let mut described = match known {
            Some(description) => {
                options.if_match = true;
                Client::with_description(&url, description, options).await?
            }
            None if self.adopted => {
                Client::with_description(&url, self.description.clone(), options).await?
            }
            None => Client::describe(&url, options).await?,
        };
        if sdp::same_formats(&self.description, &described.description) {
            described.selected = self.selected;
        }
        Ok(described)
    }

    /// Starts this, unless something else has started, or was refused for another reason than that it does not get through.
    async fn unless(self, started: Result<Start, Error>) -> Result<Start, Error> {
        let error = match started {
            Err(error) | Ok(Start::Refused(_, error)) if error.is_of_the_way() => error,
            other => return other,
        };
        tracing::warn!(%error, "no media over TCP, turning to a tunnel over HTTP");
        let play = self.play.clone();
        match self.described().await {
            Ok(described) => described.start(Lower::Tcp, &play).await,
            Err(no_tunnel) => {
                tracing::warn!(error = %no_tunnel, "no tunnel over HTTP either");
                Err(error)
            }
        }
    }

    /// Plays once more.
    pub(crate) async fn play(self) -> Result<Playing, Error> {
        let play = self.play.clone();
        let mut afresh = self.clone();
        afresh.same_media = false;
        match self.described().await?.play(play.clone()).await {
            // They are not what they were.
            Err(error) if error.status() == Some(StatusCode::PRECONDITION_FAILED) => {
                afresh.described().await?.play(play).await
            }
            other => other,
        }
    }
}

/// Whether a media is encrypted itself.
pub(crate) fn is_sealed(media: &sdp::Media) -> bool {
    let protocol = media.protocol.to_ascii_uppercase();
    protocol.starts_with("RTP/SAVP")
}

/// The lower transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lower {
    Udp,
    Tcp,
    /// TCP connections of their own, which we open.
    Connections,
    /// The same, which the server opens.
    ServerConnects,
    /// A group, joined on the interface that has this address, else on that by which the server is reached.
    Multicast {
        interface: Option<IpAddr>,
    },
}

/// Sets up one media; `order` counts the media that are set up.
pub(crate) async fn set_up(
    conversation: &mut Conversation,
    media: usize,
    order: usize,
    lower: Lower,
) -> Result<Path, Error> {
    match lower {
        Lower::Udp => {
            let bound = bind(conversation)?;
            let transport = granted(conversation, media, bound.request()).await?;
            Ok(bound.granted(&transport))
        }
        Lower::Tcp => match granted(conversation, media, interleaved(order)).await? {
            MediaTransport::Interleaved { rtp, rtcp, .. } => Ok(Path::Interleaved { rtp, rtcp }),
            _ => {
                let text = "the server granted UDP where TCP was asked for";
                Err(Error::new(ErrorKind::Transport, conversation.place(), text))
            }
        },
        Lower::Multicast { interface } => {
            let transport = granted(conversation, media, TransportRequest::Multicast).await?;
            join(conversation, &transport, interface)
        }
        Lower::Connections => connections(conversation, media, Making::Active).await,
        Lower::ServerConnects => {
            let making = Making::listen(conversation.local.ip()).await;
            let making = making.map_err(|error| no_connections(conversation, error))?;
            connections(conversation, media, making).await
        }
    }
}

async fn granted(
    conversation: &mut Conversation,
    media: usize,
    request: TransportRequest,
) -> Result<MediaTransport, Error> {
    let step = |session: &mut ClientSession, now| session.setup(now, media, request);
    match conversation.step(step).await? {
        Event::SetUp { transport, .. } => Ok(transport),
        other => Err(unexpected(conversation, &other)),
    }
}

/// Joins the group that was granted.
fn join(
    conversation: &Conversation,
    transport: &MediaTransport,
    interface: Option<IpAddr>,
) -> Result<Path, Error> {
    let MediaTransport::Multicast { group, .. } = transport else {
        let text = "the server granted something else where multicast was asked for";
        return Err(Error::new(ErrorKind::Transport, conversation.place(), text));
    };
    let path = DatagramPath::join(group, interface.unwrap_or(conversation.local.ip()));
    let path = path.map_err(|error| {
        let what = format!("cannot join {} port {}", group.address, group.ports.0);
        Error::io(ErrorKind::Io, what, error)
    })?;
    Ok(Path::Datagrams(Box::new(path)))
}

/// Sets one media up with connections of its own, and makes them.
async fn connections(
    conversation: &mut Conversation,
    media: usize,
    making: Making,
) -> Result<Path, Error> {
    let request = making.request();
    let request = request.map_err(|error| no_connections(conversation, error))?;
    let transport = granted(conversation, media, request).await?;
    let (local, server) = (conversation.local.ip(), conversation.peer_ip());
    let made = making.make(&transport, local, server, CONNECTIONS_PATIENCE);
    match made.await {
        Ok(connections) => Ok(Path::Connections(Box::new(connections))),
        Err(error) => Err(no_connections(conversation, error)),
    }
}

fn no_connections(conversation: &Conversation, error: std::io::Error) -> Error {
    let place = format!("{}: connections for media", conversation.place());
    Error::io(ErrorKind::Transport, place, error)
}

/// A SETUP that fails for the transport: 461 says so, and some servers say it otherwise.
pub(crate) fn transport_error(error: Error, lower: Lower) -> Error {
    let says_so = matches!(
        error.status(),
        Some(StatusCode::UNSUPPORTED_TRANSPORT | StatusCode::NOT_IMPLEMENTED)
    );
    if says_so || (lower == Lower::Udp && error.kind() == ErrorKind::Protocol) {
        error.into_transport()
    } else {
        error
    }
}

/// The session took another turn than was asked for.
pub(crate) fn unexpected(conversation: &Conversation, event: &Event) -> Error {
    let text = match event {
        Event::Ended(_) | Event::TornDown => "the server ended the session".to_owned(),
        Event::Redirected(redirect) => format!("the server redirects to {}", redirect.uri),
        other => format!("unexpected: {other:?}"),
    };
    Error::new(ErrorKind::Closed, conversation.place(), text)
}
