//! A presentation that plays.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use bytes::BytesMut;
use rtsp_session::client::ClientSession;
use rtsp_session::client::Conduct;
use rtsp_session::client::Deviation;
use rtsp_session::client::PacketKind;
use rtsp_session::client::PlayRequest;
use rtsp_session::client::PlayStart;
use rtsp_session::media::ReceiverStatistics;
use rtsp_session::media::Timeline;
use rtsp_session::random::Random;
use sdp::Description;

use crate::End;
use crate::Error;
use crate::Event;
use crate::Frames;
use crate::MediaPacket;
use crate::TransportPolicy;
use crate::conversation::Conversation;
use crate::conversation::random;
use crate::described::unexpected;
use crate::io::udp::ReceiveBuffer;
use crate::paths::Path;
use reception::Heard;
use reception::Reception;

/// System-level buffers for datagrams.
const RECEIVE_BUFFERS: usize = 16;

mod again;
mod input;
mod reception;
mod seeking;
mod told;

/// A presentation that plays.
///
/// With [`Options::reconnect`](crate::Options::reconnect) it outlives its connection: [`Event::Interrupted`] and
/// [`Event::Resumed`] tell when another takes its place, and with it another description, [`timeline`](Self::timeline) and
/// [`statistics`](Self::statistics). What was paused is not taken up again.
///
/// In RTSP/2.0 the session itself outlives the connection where its media go by UDP: another connection is made to the same address of the server,
/// media flow meanwhile, and nothing is told of it (RFC 7826 §10.4). Where the server does not know the session any more it is lost like any other
/// ([`End::SessionLost`](crate::End::SessionLost)).
///
/// Nothing happens behind the caller's back: packets are read, reports and keep-alives sent, while one of `next`,
/// [`next_event`](Self::next_event) and the like is awaited. A caller that stops awaiting for longer than the session's timeout
/// loses the session.
///
/// Dropping it tells the server as far as that is possible at once; [`close`](Self::close) waits for the answer.
#[derive(Debug)]
pub struct Playing {
    conversation: Conversation,
    description: Description,
    media: Vec<Option<Reception>>,
    info: PlayStart,
    heard: Heard,
    random: Random,
    buffer: Option<ReceiveBuffer>,
    datagrams: Vec<(crate::io::udp::Origin, Bytes)>,
    /// The datagrams of one media that were read at once; empty in between.
    arrived: Vec<(PacketKind, Bytes)>,
    /// The server has told that all has been sent that PLAY asked for.
    at_end: bool,
    /// Where the server has sent us, the media are said to be the same.
    same_media_there: bool,
    ending: Option<Instant>,
    end: Option<End>,
    failure: Option<Error>,
    paused: bool,
    /// What is done when the session is lost; `None`: nothing.
    again: Option<Box<again::Again>>,
}

impl Playing {
    pub(crate) fn new(
        conversation: Conversation,
        description: Description,
        paths: Vec<Option<Path>>,
        info: PlayStart,
    ) -> Result<Self, Error> {
        let mut random = random(&conversation.place())?;
        let cname = format!("{}@trackside", random.letters(12));
        let mut rates = Vec::new();
        let mut media = Vec::new();
        for (index, path) in paths.into_iter().enumerate() {
            let format = description.media.get(index).and_then(|m| m.formats.first());
            let rate = format.map_or(90_000, |format| format.clock_rate);
            rates.push(path.as_ref().map(|_| rate));
            let described = description.media.get(index);
            let drawn = random.number();
            let ssrc = conversation.session.reporter(index).unwrap_or(drawn);
            media.push(path.map(|path| Reception::new(index, path, described, ssrc, &cname)));
        }
        let datagrams = media
            .iter()
            .flatten()
            .any(|reception| matches!(reception.path, Path::Datagrams(_)));
        let mut playing = Self {
            conversation,
            description,
            media,
            heard: Heard {
                timeline: Timeline::new(&rates),
                ready: VecDeque::new(),
                unassigned: 0,
                malformed: 0,
                unopened: 0,
                swapped: 0,
                foreign: 0,
            },
            random,
            buffer: datagrams.then(|| ReceiveBuffer::new(RECEIVE_BUFFERS)),
            datagrams: Vec::new(),
            arrived: Vec::new(),
            at_end: false,
            same_media_there: false,
            ending: None,
            end: None,
            failure: None,
            paused: false,
            again: None,
            info: PlayStart::default(),
        };
        playing.started(info);
        playing.take_inputs();
        Ok(playing)
    }

    /// The next packet; `None` when the presentation is over ([`end`](Self::end) says why).
    ///
    /// Cancel-safe: a cancelled call has lost nothing.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    #[allow(clippy::should_implement_trait)] // It is the async form of it.
    pub async fn next(&mut self) -> Result<Option<MediaPacket>, Error> {
        loop {
            match self.next_event().await? {
                Some(Event::Packet(packet)) => return Ok(Some(packet)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next thing that happens; `None` when the presentation is over ([`end`](Self::end) says why).
    ///
    /// Cancel-safe: a cancelled call has lost nothing.
    ///
    /// # Errors
    ///
    /// When the connection breaks; with [`Options::reconnect`](crate::Options::reconnect), when it is given up.
    pub async fn next_event(&mut self) -> Result<Option<Event>, Error> {
        self.next_event_or_again().await
    }

    /// The next event of this session.
    async fn session_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.heard.ready.pop_front() {
                return Ok(Some(event));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.end.is_some() {
                return Ok(None);
            }
            self.turn(None).await;
        }
    }

    /// As frames instead of packets.
    #[must_use]
    pub fn frames(self) -> Frames {
        Frames::new(self)
    }

    /// Stops the flow and keeps the session; [`resume`](Self::resume) goes on.
    ///
    /// # Errors
    ///
    /// When the server refuses or the connection breaks.
    pub async fn pause(&mut self) -> Result<(), Error> {
        match self.conversation.step(ClientSession::pause).await? {
            rtsp_session::client::Event::Paused => self.paused = true,
            other => return Err(unexpected(&self.conversation, &other)),
        }
        self.take_inputs();
        Ok(())
    }

    /// Plays on after a pause, or from somewhere else; [`seek`](Self::seek) does so while it plays.
    ///
    /// # Errors
    ///
    /// When the server refuses or the connection breaks.
    pub async fn resume(&mut self, request: &PlayRequest) -> Result<(), Error> {
        let step = |session: &mut ClientSession, now| session.play(now, request);
        self.at_end = false;
        match self.conversation.step(step).await? {
            rtsp_session::client::Event::Playing(info) => self.started(info),
            other => return Err(unexpected(&self.conversation, &other)),
        }
        self.paused = false;
        if request.range.is_some() {
            self.leave_range();
        }
        // What was at its end plays again.
        self.end.take_if(|end| *end == End::Bye);
        self.heard();
        if let (Some(again), Some(_)) = (&mut self.again, &request.range) {
            again.recipe.play.request = request.clone();
        }
        self.take_inputs();
        Ok(())
    }

    /// Ends the session and waits for the server's answer, but not for long.
    pub async fn close(mut self) {
        self.teardown(Duration::from_secs(2)).await;
    }

    pub(crate) async fn teardown(&mut self, patience: Duration) {
        let now = Instant::now();
        for index in 0..self.media.len() {
            if let Some(Some(reception)) = self.media.get_mut(index)
                && reception.receiver.source().is_some()
            {
                let mut compound = BytesMut::new();
                reception.receiver.bye(now, &mut compound);
                self.send_rtcp(index, &compound);
            }
        }
        self.conversation.teardown(patience).await;
    }

    /// Why the presentation is over, once it is.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// What the presentation consists of.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What the server said to PLAY.
    #[must_use]
    pub fn info(&self) -> &PlayStart {
        &self.info
    }

    /// The clocks of the media: positions and times of day for timestamps.
    pub fn timeline(&mut self) -> &mut Timeline {
        &mut self.heard.timeline
    }

    /// Figures of one media; `None` if it is not played.
    #[must_use]
    pub fn statistics(&self, media: usize) -> Option<ReceiverStatistics> {
        let reception = self.media.get(media)?.as_ref()?;
        Some(reception.receiver.statistics())
    }

    /// Interleaved frames on channels that were never set up, and packets that are none; all of them dropped.
    #[must_use]
    pub fn dropped(&self) -> (u64, u64) {
        (self.heard.unassigned, self.heard.malformed)
    }

    /// Whether the packets of one media are encrypted by SRTP.
    #[must_use]
    pub fn is_secured(&self, media: usize) -> bool {
        self.conversation.session.is_secured(media)
    }

    /// Packets of media with SRTP that could not be opened: forged, changed, or here before; all of them dropped.
    #[must_use]
    pub fn unopened(&self) -> u64 {
        self.heard.unopened
    }

    /// What the server does otherwise than the RFCs say and was accepted, and how often: in its messages and its description, from
    /// the first answer on, and in what it sends.
    #[must_use]
    pub fn deviations(&self) -> Vec<(Deviation, u64)> {
        let mut all = self.conversation.session.deviations().to_vec();
        let heard = [
            (Conduct::SwappedChannels, self.heard.swapped),
            (Conduct::ForeignChannels, self.heard.unassigned),
            (Conduct::ForeignReports, self.heard.foreign),
        ];
        let met = heard.into_iter().filter(|(_, count)| *count > 0);
        all.extend(met.map(|(conduct, count)| (Deviation::Conduct(conduct), count)));
        all
    }

    /// How the packets travel: never `Auto`.
    #[must_use]
    pub fn transport(&self) -> TransportPolicy {
        let any = |wanted: fn(&Path) -> bool| self.media.iter().flatten().any(|r| wanted(&r.path));
        if any(|path| matches!(path, Path::Datagrams(path) if path.is_group())) {
            TransportPolicy::Multicast
        } else if any(|path| matches!(path, Path::Datagrams(_))) {
            TransportPolicy::Udp
        } else if any(|path| matches!(path, Path::Connections(_))) {
            TransportPolicy::Connections
        } else {
            self.conversation.interleaved()
        }
    }

    /// What the server calls itself.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.conversation.session.server()
    }

    /// Sends an RTCP compound of one's own for one media, such as a request for a key frame. Not waited for; whether it went
    /// out.
    pub fn send_rtcp(&mut self, media: usize, compound: &[u8]) -> bool {
        let Some(Some(reception)) = self.media.get_mut(media) else {
            return false;
        };
        let session = &mut self.conversation.session;
        let Ok(compound) = session.seal(media, PacketKind::Rtcp, compound) else {
            return false;
        };
        match &mut reception.path {
            Path::Datagrams(path) => path.try_send(PacketKind::Rtcp, &compound),
            Path::Connections(path) => path.send_rtcp(&compound),
            Path::Interleaved { rtcp, .. } => {
                let Ok(prefix) = rtsp_msg::Prefix::new(*rtcp, compound.len()) else {
                    return false;
                };
                self.conversation.outbound.extend_from_slice(&prefix.emit());
                self.conversation.outbound.extend_from_slice(&compound);
                true
            }
        }
    }

    /// Asks the sender of one media for a key frame (RFC 4585 §6.3.1). Not every server listens.
    pub fn request_key_frame(&mut self, media: usize) -> bool {
        let Some(Some(reception)) = self.media.get(media) else {
            return false;
        };
        let Some(source) = reception.receiver.source() else {
            return false;
        };
        let mut compound = BytesMut::new();
        let mut writer = rtcp::CompoundWriter::new(&mut compound);
        let own = reception.receiver.ssrc();
        writer.receiver_report(own, &[]);
        writer.pli(own, source);
        self.send_rtcp(media, &compound)
    }

    /// Waits until a packet has come; whether one has by `deadline`.
    pub(crate) async fn wait_for_packet(&mut self, deadline: Instant) -> bool {
        loop {
            let packet = |event: &Event| matches!(event, Event::Packet(_));
            if self.heard.ready.iter().any(packet) || self.end.is_some() || self.failure.is_some() {
                return true;
            }
            if deadline <= Instant::now() {
                return false;
            }
            self.turn(Some(deadline)).await;
        }
    }
}
