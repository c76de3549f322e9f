//! Sending to a server: announced, then recording.

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use bytes::BytesMut;
use rtcp::Compound;
use rtcp::ReportBlock;
use rtp_core::PacketView;
use rtsp_session::Now;
use rtsp_session::auth::Credentials;
use rtsp_session::client::ClientSession;
use rtsp_session::client::Event;
use rtsp_session::client::PacketKind;
use rtsp_session::media::Sender;
use rtsp_session::random::Random;
use sdp::Description;

use crate::Client;
use crate::End;
use crate::Error;
use crate::ErrorKind;
use crate::Options;
use crate::TransportPolicy;
use crate::conversation::Conversation;
use crate::conversation::random;
use crate::described::Lower;
use crate::described::is_sealed;
use crate::described::set_up;
use crate::described::transport_error;
use crate::described::unexpected;
use crate::io::udp::ReceiveBuffer;
use crate::paths::Path;

/// A presentation that the server has taken note of.
#[derive(Debug)]
pub struct Announced {
    conversation: Conversation,
    description: Description,
    options: Options,
    credentials: Option<Credentials>,
}

impl Announced {
    pub(crate) fn new(
        conversation: Conversation,
        options: Options,
        credentials: Option<Credentials>,
    ) -> Result<Self, Error> {
        let Some(description) = conversation.session.description().cloned() else {
            let text = "nothing was announced";
            return Err(Error::new(
                ErrorKind::Unsupported,
                conversation.place(),
                text,
            ));
        };
        Ok(Self {
            conversation,
            description,
            options,
            credentials,
        })
    }

    /// What the server calls itself.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.conversation.session.server()
    }

    /// Sets up all media and starts.
    ///
    /// With [`TransportPolicy::Auto`] UDP is tried first, TCP where the server refuses it, and a tunnel over HTTP where that does not get
    /// through either; with `rtsps` UDP only where all media are encrypted themselves.
    ///
    /// # Errors
    ///
    /// When the server refuses; `Transport` when it grants none of the allowed transports.
    pub async fn record(self) -> Result<Recording, Error> {
        match self.options.transport {
            TransportPolicy::Udp => self.start(Lower::Udp).await,
            TransportPolicy::Tcp | TransportPolicy::Http | TransportPolicy::WebSocket => {
                self.start(Lower::Tcp).await
            }
            TransportPolicy::Connections
            | TransportPolicy::ServerConnects
            | TransportPolicy::Multicast => {
                let text = "connections of their own and multicast are for playing";
                let place = self.conversation.place();
                Err(Error::new(ErrorKind::Unsupported, place, text))
            }
            TransportPolicy::Auto if self.conversation.interleaved() != TransportPolicy::Tcp => {
                self.start(Lower::Tcp).await
            }
            TransportPolicy::Auto => Box::pin(self.record_auto()).await,
        }
    }

    async fn record_auto(self) -> Result<Recording, Error> {
        let url = self.conversation.place();
        let mut options = self.options.clone();
        options.credentials = self.credentials.clone();
        let description = self.description.clone();
        let announced = if self.conversation.is_encrypted() && !self.is_sealed() {
            // By UDP they would go in the clear.
            self
        } else {
            match self.start(Lower::Udp).await {
                Err(error) if error.kind() == ErrorKind::Transport => {
                    tracing::warn!(%error, "no UDP, turning to TCP");
                }
                other => return other,
            }
            Client::announce(&url, description.clone(), options.clone()).await?
        };
        let tunnelled = announced.conversation.interleaved() != TransportPolicy::Tcp;
        let error = match announced.start(Lower::Tcp).await {
            Err(error) if error.is_of_the_way() && !tunnelled => error,
            other => return other,
        };
        tracing::warn!(%error, "no media over TCP, turning to a tunnel over HTTP");
        options.transport = TransportPolicy::Http;
        match Client::announce(&url, description, options).await {
            Ok(announced) => announced.start(Lower::Tcp).await,
            Err(no_tunnel) => {
                tracing::warn!(error = %no_tunnel, "no tunnel over HTTP either");
                Err(error)
            }
        }
    }

    fn is_sealed(&self) -> bool {
        self.description.media.iter().all(is_sealed)
    }

    async fn start(mut self, lower: Lower) -> Result<Recording, Error> {
        let mut random = random(&self.conversation.place())?;
        let announced = self.description.media.iter().find_map(announced_cname);
        let cname = announced.unwrap_or_else(|| format!("{}@trackside", random.letters(12)));
        let mut media = Vec::new();
        for index in 0..self.description.media.len() {
            let path = set_up(&mut self.conversation, index, index, lower).await;
            let path = path.map_err(|error| transport_error(error, lower))?;
            if let Path::Datagrams(path) = &path
                && !path.can_send()
            {
                let text = "the server did not say to which UDP port to send";
                let place = self.conversation.place();
                return Err(Error::new(ErrorKind::Transport, place, text));
            }
            media.push(Emission { path, sender: None });
        }
        match self.conversation.step(ClientSession::record).await? {
            Event::Recording => {}
            other => return Err(unexpected(&self.conversation, &other)),
        }
        Ok(Recording {
            conversation: self.conversation,
            description: self.description,
            media,
            random,
            cname,
            buffer: ReceiveBuffer::new(2),
            datagrams: Vec::new(),
            end: None,
        })
    }
}

/// The CNAME that `a=ssrc` gives a source of the media (RFC 5576 §6.1).
fn announced_cname(media: &sdp::Media) -> Option<String> {
    let (_, cname) = media.attribute("ssrc")?.split_once(" cname:")?;
    Some(cname.trim().to_owned()).filter(|cname| !cname.is_empty() && cname.len() < 256)
}

/// How long the last datagrams may be on their way.
const LAST_PACKETS: Duration = Duration::from_millis(250);

/// One media while we send it.
#[derive(Debug)]
struct Emission {
    path: Path,
    /// Made by the first packet, which has the SSRC.
    sender: Option<Sender>,
}

/// A presentation that we send.
///
/// Nothing happens behind the caller's back: reports, keep-alives and what the server has to say are dealt with while one of
/// the methods is awaited; between packets, [`run_until`](Self::run_until) is the way to wait.
#[derive(Debug)]
pub struct Recording {
    conversation: Conversation,
    description: Description,
    media: Vec<Emission>,
    random: Random,
    cname: String,
    buffer: ReceiveBuffer,
    datagrams: Vec<(crate::io::udp::Origin, Bytes)>,
    end: Option<End>,
}

impl Recording {
    /// What is sent.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How the packets travel: never `Auto`.
    #[must_use]
    pub fn transport(&self) -> TransportPolicy {
        let datagrams = |emission: &Emission| matches!(emission.path, Path::Datagrams(_));
        if self.media.iter().any(datagrams) {
            TransportPolicy::Udp
        } else {
            self.conversation.interleaved()
        }
    }

    /// What the server calls itself.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.conversation.session.server()
    }

    /// The server's last report on one media: its loss and jitter.
    #[must_use]
    pub fn heard(&self, media: usize) -> Option<&ReportBlock> {
        self.media.get(media)?.sender.as_ref()?.heard()
    }

    /// Says that in `media` the RTP `timestamp` belongs to the moment `now`, for the sender reports. Media anchored at the same
    /// moment stay in sync. Without it the first packet of each media sets its own.
    pub fn anchor(&mut self, media: usize, ssrc: u32, now: Now, timestamp: u32) {
        if let Some(sender) = self.sender(media, ssrc) {
            sender.anchor(now, timestamp);
        }
    }

    /// Sends one whole RTP packet; waits while the network takes no more.
    ///
    /// # Errors
    ///
    /// When the session is over, or `packet` is no RTP packet or too long for its transport.
    pub async fn send(&mut self, media: usize, packet: Bytes) -> Result<(), Error> {
        self.queue(media, &packet).await?;
        self.flush().await
    }

    /// Sends packets in one go: what [`send`](Self::send) does, with fewer system calls.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_all(
        &mut self,
        packets: impl IntoIterator<Item = (usize, Bytes)>,
    ) -> Result<(), Error> {
        for (media, packet) in packets {
            self.queue(media, &packet).await?;
        }
        self.flush().await
    }

    /// Deals with the connection until `deadline`.
    ///
    /// # Errors
    ///
    /// When the session is over.
    pub async fn run_until(&mut self, deadline: Instant) -> Result<(), Error> {
        loop {
            self.check()?;
            let now = Instant::now();
            if now >= deadline {
                return Ok(());
            }
            let due = self
                .media
                .iter()
                .filter_map(|m| m.sender.as_ref()?.report_due());
            let until = due.chain([deadline]).min();
            self.conversation.turn(until).await?;
            self.serve();
        }
    }

    /// Says goodbye, ends the session and waits for the server's answer, but not for long.
    pub async fn close(mut self) {
        if self.transport() == TransportPolicy::Udp {
            // The last packets must not be overtaken by the TEARDOWN, after which the server does not take them.
            let _ = self.run_until(Instant::now() + LAST_PACKETS).await;
        }
        let now = Now::read();
        for index in 0..self.media.len() {
            let mut compound = BytesMut::new();
            if let Some(sender) = self.media.get_mut(index).and_then(|m| m.sender.as_mut()) {
                sender.bye(now, &mut compound);
                self.send_rtcp(index, &compound);
            }
        }
        self.conversation.teardown(Duration::from_secs(2)).await;
    }

    async fn queue(&mut self, media: usize, packet: &Bytes) -> Result<(), Error> {
        self.check()?;
        let place = || self.conversation.place();
        let view = PacketView::parse(packet).map_err(|error| {
            let text = format!("not an RTP packet: {error}");
            Error::new(ErrorKind::Unsupported, place(), text)
        })?;
        let (ssrc, timestamp, len) = (view.ssrc(), view.timestamp(), view.payload().len());
        let Some(emission) = self.media.get(media) else {
            let text = format!("there is no media {media}");
            return Err(Error::new(ErrorKind::Unsupported, place(), text));
        };
        let sealed = self
            .conversation
            .session
            .seal(media, PacketKind::Rtp, packet);
        let sealed = sealed.map_err(|error| {
            let text = format!("a packet cannot be sealed: {error}");
            Error::new(ErrorKind::Unsupported, self.conversation.place(), text)
        })?;
        match &emission.path {
            Path::Datagrams(path) => {
                path.send(PacketKind::Rtp, &sealed)
                    .await
                    .map_err(|error| Error::io(ErrorKind::Io, "cannot send a UDP packet", error))?;
            }
            Path::Connections(_) => {
                let text = "connections of their own are for playing";
                let place = self.conversation.place();
                return Err(Error::new(ErrorKind::Unsupported, place, text));
            }
            Path::Interleaved { rtp, .. } => {
                let prefix = rtsp_msg::Prefix::new(*rtp, sealed.len()).map_err(|error| {
                    let place = self.conversation.place();
                    Error::new(ErrorKind::Unsupported, place, error.to_string())
                })?;
                let outbound = &mut self.conversation.outbound;
                outbound.extend_from_slice(&prefix.emit());
                outbound.extend_from_slice(&sealed);
                while self.conversation.wants_flush() {
                    self.conversation.turn(None).await?;
                    self.check()?;
                }
            }
        }
        if let Some(sender) = self.sender(media, ssrc) {
            sender.on_packet(Now::read(), timestamp, len);
        }
        Ok(())
    }

    /// Waits until all is written, and deals with what the server has said meanwhile.
    async fn flush(&mut self) -> Result<(), Error> {
        self.serve();
        while !self.conversation.outbound.is_empty() {
            self.conversation.turn(None).await?;
            self.check()?;
        }
        Ok(())
    }

    /// Reports that are due, and reports that came.
    fn serve(&mut self) {
        self.conversation.timeout();
        self.read_reports();
        let now = Now::read();
        for index in 0..self.media.len() {
            let random = self.random.number();
            let mut compound = BytesMut::new();
            if let Some(sender) = self.media.get_mut(index).and_then(|m| m.sender.as_mut())
                && sender.report(now, random, &mut compound)
            {
                self.send_rtcp(index, &compound);
            }
        }
    }

    fn read_reports(&mut self) {
        while let Some((_, run)) = self.conversation.take_frames() {
            for (channel, payload) in run.iter() {
                let session = &mut self.conversation.session;
                let Some((media, _)) = session.channel(channel) else {
                    continue;
                };
                let sender = self.media.get_mut(media).and_then(|m| m.sender.as_mut());
                let opened = session.open(media, PacketKind::Rtcp, Bytes::copy_from_slice(payload));
                if let (Some(sender), Ok(opened)) = (sender, opened)
                    && let Ok(compound) = Compound::parse_reduced(&opened)
                {
                    sender.on_compound(&compound);
                }
            }
        }
        let session = &mut self.conversation.session;
        let waker = std::task::Waker::noop();
        let mut cx = std::task::Context::from_waker(waker);
        for (media, emission) in self.media.iter_mut().enumerate() {
            let Emission {
                path: Path::Datagrams(path),
                sender: Some(sender),
            } = emission
            else {
                continue;
            };
            // Nobody waits for these: they are looked at when there is something else to do.
            let _ = path.poll_read(
                &mut cx,
                &mut self.buffer,
                &mut self.datagrams,
                |_, bytes| {
                    if let Ok(opened) = session.open(media, PacketKind::Rtcp, bytes)
                        && let Ok(compound) = Compound::parse_reduced(&opened)
                    {
                        sender.on_compound(&compound);
                    }
                },
            );
        }
    }

    fn send_rtcp(&mut self, media: usize, compound: &[u8]) {
        let session = &mut self.conversation.session;
        let Ok(compound) = session.seal(media, PacketKind::Rtcp, compound) else {
            return;
        };
        match self.media.get(media).map(|emission| &emission.path) {
            Some(Path::Datagrams(path)) => {
                path.try_send(PacketKind::Rtcp, &compound);
            }
            Some(Path::Interleaved { rtcp, .. }) => {
                if let Ok(prefix) = rtsp_msg::Prefix::new(*rtcp, compound.len()) {
                    let outbound = &mut self.conversation.outbound;
                    outbound.extend_from_slice(&prefix.emit());
                    outbound.extend_from_slice(&compound);
                }
            }
            // Nothing is recorded over connections of their own.
            Some(Path::Connections(_)) | None => {}
        }
    }

    fn sender(&mut self, media: usize, ssrc: u32) -> Option<&mut Sender> {
        let format = self.description.media.get(media)?.formats.first();
        let clock_rate = format.map_or(90_000, |format| format.clock_rate);
        let emission = self.media.get_mut(media)?;
        let cname = &self.cname;
        let make = || Sender::new(ssrc, clock_rate, cname.as_str());
        Some(emission.sender.get_or_insert_with(make))
    }

    /// Whether the session goes on.
    fn check(&mut self) -> Result<(), Error> {
        while let Some(event) = self.conversation.events.pop_front() {
            let end = match event {
                Event::Ended(reason) => End::from(reason),
                Event::Redirected(redirect) => End::Redirected(redirect.uri.to_string()),
                _ => continue,
            };
            self.end.get_or_insert(end);
        }
        let place = || self.conversation.place();
        if let Some(end) = &self.end {
            return Err(Error::new(ErrorKind::Closed, place(), end.to_string()));
        }
        match &self.conversation.closed {
            Some(reason) => Err(Error::closed(place(), reason.clone())),
            None => Ok(()),
        }
    }
}
