//! From a description to media that flow.

use rtsp_session::client::ClientSession;
use rtsp_session::client::Event;
use rtsp_session::client::MediaTransport;
use rtsp_session::client::PlayStart;
use rtsp_session::client::Redirect;
use rtsp_session::client::TransportRequest;

use crate::Described;
use crate::Error;
use crate::ErrorKind;
use crate::PlayOptions;
use crate::Playing;
use crate::conversation::Conversation;
use crate::described::Lower;
use crate::described::set_up;
use crate::described::transport_error;
use crate::described::unexpected;
use crate::paths::DatagramPath;
use crate::paths::Path;

/// How a start went.
pub(crate) enum Start {
    /// Media flow.
    Playing(Box<Playing>),
    /// The server has it elsewhere.
    Redirected(Redirect),
    /// The server does not do it so; on the same connection something else may be tried.
    Refused(Box<Described>, Error),
}

/// What a step of it came to when it came to no end.
enum Stop {
    Redirected(Redirect),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Described {
    /// Sets up the chosen media in one way and plays them. RTSP/2.0 asks for all of it at once, unless PLAY has to wait for
    /// connections of the media's own (RFC 7826 §C.2.2) or for groups to be joined.
    pub(crate) async fn start(mut self, lower: Lower, play: &PlayOptions) -> Result<Start, Error> {
        let mut paths: Vec<Option<Path>> = Vec::new();
        paths.resize_with(self.description.media.len(), || None);
        if self.selected.iter().any(|media| *media >= paths.len()) {
            let text = "the description has fewer media than were chosen";
            let place = self.conversation.place();
            return Err(Error::new(ErrorKind::Unsupported, place, text));
        }
        let options = &self.options;
        self.conversation.prepare_exchange(options).await?;
        let started = match lower {
            Lower::Udp | Lower::Tcp => self.launch(lower, play, &mut paths).await,
            // What is joined after PLAY is missed.
            Lower::Connections | Lower::ServerConnects | Lower::Multicast { .. } => {
                self.one_by_one(lower, play, &mut paths).await
            }
        };
        match started {
            Ok(info) => {
                let playing = Playing::new(self.conversation, self.description, paths, info)?;
                Ok(Start::Playing(Box::new(playing)))
            }
            Err(Stop::Redirected(redirect)) => Ok(Start::Redirected(redirect)),
            Err(Stop::Failed(error)) => Ok(Start::Refused(Box::new(self), error)),
        }
    }

    async fn launch(
        &mut self,
        lower: Lower,
        play: &PlayOptions,
        paths: &mut [Option<Path>],
    ) -> Result<PlayStart, Stop> {
        let mut sockets: Vec<Option<DatagramPath>> = Vec::new();
        sockets.resize_with(paths.len(), || None);
        let mut requests = Vec::new();
        for (order, &media) in self.selected.iter().enumerate() {
            let request = match lower {
                Lower::Udp => {
                    let bound = bind(&self.conversation)?;
                    let request = bound.request();
                    if let Some(slot) = sockets.get_mut(media) {
                        *slot = Some(bound);
                    }
                    request
                }
                _ => interleaved(order),
            };
            requests.push((media, request));
        }
        let begin = |session: &mut ClientSession, now| session.start(now, &requests, &play.request);
        let mut event = self.conversation.step(begin).await;
        loop {
            match event.map_err(|error| transport_error(error, lower))? {
                Event::SetUp { media, transport } => {
                    let bound = sockets.get_mut(media).and_then(Option::take);
                    if let Some(slot) = paths.get_mut(media) {
                        *slot = Some(path(&mut self.conversation, media, &transport, bound)?);
                    }
                }
                Event::Playing(info) => return Ok(info),
                Event::Redirected(redirect) => return Err(Stop::Redirected(redirect)),
                other => return Err(unexpected(&self.conversation, &other).into()),
            }
            event = self.conversation.outcome().await;
        }
    }

    async fn one_by_one(
        &mut self,
        lower: Lower,
        play: &PlayOptions,
        paths: &mut [Option<Path>],
    ) -> Result<PlayStart, Stop> {
        for (order, &media) in self.selected.iter().enumerate() {
            let path = set_up(&mut self.conversation, media, order, lower).await;
            let path = path.map_err(|error| transport_error(error, lower))?;
            if let Some(slot) = paths.get_mut(media) {
                *slot = Some(path);
            }
        }
        let step = |session: &mut ClientSession, now| session.play(now, &play.request);
        match self.conversation.step(step).await? {
            Event::Playing(info) => Ok(info),
            Event::Redirected(redirect) => Err(Stop::Redirected(redirect)),
            other => Err(unexpected(&self.conversation, &other).into()),
        }
    }
}

/// A pair of ports on the address from which the server is reached.
pub(crate) fn bind(conversation: &Conversation) -> Result<DatagramPath, Error> {
    let bound = DatagramPath::bind(conversation.local.ip(), conversation.peer_ip());
    bound.map_err(|error| Error::io(ErrorKind::Io, "cannot bind a pair of UDP ports", error))
}

/// The channels of the media that is the `order`th to be set up.
pub(crate) fn interleaved(order: usize) -> TransportRequest {
    let rtp = u8::try_from(order * 2).unwrap_or(u8::MAX - 1);
    TransportRequest::Interleaved { rtp, rtcp: rtp + 1 }
}

/// The way that was granted; that of datagrams is opened at once, so that address translators let them in.
fn path(
    conversation: &mut Conversation,
    media: usize,
    transport: &MediaTransport,
    bound: Option<DatagramPath>,
) -> Result<Path, Error> {
    match (bound, transport) {
        (Some(bound), transport) => {
            let path = bound.granted(transport);
            if let Path::Datagrams(path) = &path {
                path.punch(&mut conversation.session, media);
            }
            Ok(path)
        }
        (None, MediaTransport::Interleaved { rtp, rtcp, .. }) => Ok(Path::Interleaved {
            rtp: *rtp,
            rtcp: *rtcp,
        }),
        (None, _) => {
            let text = "the server granted UDP where TCP was asked for";
            Err(Error::new(ErrorKind::Transport, conversation.place(), text))
        }
    }
}
