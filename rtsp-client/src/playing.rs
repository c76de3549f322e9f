//! A presentation that plays.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use bytes::BytesMut;
use rtcp::Compound;
use rtp_core::Packet;
use rtp_core::Reordered;
use rtsp_msg::FrameRun;
use rtsp_session::Now;
use rtsp_session::client::ClientSession;
use rtsp_session::client::CloseReason;
use rtsp_session::client::PacketKind;
use rtsp_session::client::PlayRequest;
use rtsp_session::client::PlayStart;
use rtsp_session::media::Arrived;
use rtsp_session::media::Receiver;
use rtsp_session::media::ReceiverConfig;
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

/// One media while it plays.
#[derive(Debug)]
struct Reception {
    path: Path,
    receiver: Receiver,
    bye: bool,
    /// The timestamp of the last packet in order.
    last: Option<u32>,
}

/// How long after the last BYE packets may still be on their way.
const BYE_GRACE: Duration = Duration::from_millis(250);

/// System-level buffers for datagrams.
const RECEIVE_BUFFERS: usize = 16;

mod again;

/// A presentation that plays.
///
/// With [`Options::reconnect`](crate::Options::reconnect) it outlives its connection: [`Event::Interrupted`] and
/// [`Event::Resumed`] tell when another takes its place, and with it another description, [`timeline`](Self::timeline) and
/// [`statistics`](Self::statistics). What was paused is not taken up again.
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
    timeline: Timeline,
    random: Random,
    ready: VecDeque<Event>,
    buffer: Option<ReceiveBuffer>,
    datagrams: Vec<(crate::io::udp::Origin, Bytes)>,
    ending: Option<Instant>,
    end: Option<End>,
    failure: Option<Error>,
    unassigned: u64,
    malformed: u64,
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
        let now = Instant::now();
        let mut rates = Vec::new();
        let mut media = Vec::new();
        for (index, path) in paths.into_iter().enumerate() {
            let format = description.media.get(index).and_then(|m| m.formats.first());
            let rate = format.map_or(90_000, |format| format.clock_rate);
            rates.push(path.as_ref().map(|_| rate));
            media.push(path.map(|path| {
                let ssrc = random.number();
                let config = match path {
                    Path::Datagrams(_) => ReceiverConfig::datagrams(rate, ssrc, &*cname),
                    Path::Interleaved { .. } => ReceiverConfig::interleaved(rate, ssrc, &*cname),
                };
                Reception {
                    path,
                    receiver: Receiver::new(now, config),
                    bye: false,
                    last: None,
                }
            }));
        }
        let datagrams = media
            .iter()
            .flatten()
            .any(|reception| matches!(reception.path, Path::Datagrams(_)));
        let mut playing = Self {
            conversation,
            description,
            media,
            timeline: Timeline::new(&rates),
            random,
            ready: VecDeque::new(),
            buffer: datagrams.then(|| ReceiveBuffer::new(RECEIVE_BUFFERS)),
            datagrams: Vec::new(),
            ending: None,
            end: None,
            failure: None,
            unassigned: 0,
            malformed: 0,
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
            if let Some(event) = self.ready.pop_front() {
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
        self.conversation.step(ClientSession::pause).await?;
        self.paused = true;
        self.take_inputs();
        Ok(())
    }

    /// Plays on, or from somewhere else.
    ///
    /// # Errors
    ///
    /// When the server refuses or the connection breaks.
    pub async fn resume(&mut self, request: &PlayRequest) -> Result<(), Error> {
        let step = |session: &mut ClientSession, now| session.play(now, request);
        match self.conversation.step(step).await? {
            rtsp_session::client::Event::Playing(info) => self.started(info),
            other => return Err(unexpected(&self.conversation, &other)),
        }
        self.paused = false;
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
        &mut self.timeline
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
        (self.unassigned, self.malformed)
    }

    /// How the packets travel: never `Auto`.
    #[must_use]
    pub fn transport(&self) -> TransportPolicy {
        let mut paths = self.media.iter().flatten();
        if paths.any(|reception| matches!(reception.path, Path::Datagrams(_))) {
            TransportPolicy::Udp
        } else {
            TransportPolicy::Tcp
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
        let Some(Some(reception)) = self.media.get(media) else {
            return false;
        };
        match &reception.path {
            Path::Datagrams(path) => path.try_send(PacketKind::Rtcp, compound),
            Path::Interleaved { rtcp, .. } => {
                let Ok(prefix) = rtsp_msg::Prefix::new(*rtcp, compound.len()) else {
                    return false;
                };
                self.conversation.outbound.extend_from_slice(&prefix.emit());
                self.conversation.outbound.extend_from_slice(compound);
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
            if self.ready.iter().any(packet) || self.end.is_some() || self.failure.is_some() {
                return true;
            }
            if deadline <= Instant::now() {
                return false;
            }
            self.turn(Some(deadline)).await;
        }
    }

    fn started(&mut self, info: PlayStart) {
        let timestamps: Vec<_> = info.points.iter().map(|point| point.timestamp).collect();
        self.timeline.on_play(info.start, &timestamps);
        self.info = info;
    }

    /// Waits for input or the next deadline and takes what there is.
    async fn turn(&mut self, deadline: Option<Instant>) {
        let until = self.deadline().into_iter().chain(deadline).min();
        let inputs = poll_fn(|cx| self.poll_inputs(cx));
        let result = match until {
            Some(until) => tokio::time::timeout_at(until.into(), inputs).await,
            None => Ok(inputs.await),
        };
        if let Ok(Err(error)) = result {
            // What came before it is handed out first.
            self.failure.get_or_insert(error);
        }
        self.on_time();
        self.take_inputs();
    }

    fn poll_inputs(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut progress = self.conversation.poll_io(cx)?.is_ready();
        for index in 0..self.media.len() {
            progress |= self.poll_datagrams(index, cx)?.is_ready();
        }
        if progress {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll_datagrams(&mut self, index: usize, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(Some(Reception {
            path: Path::Datagrams(path),
            receiver,
            bye,
            last,
        })) = self.media.get_mut(index)
        else {
            return Poll::Pending;
        };
        let Some(buffer) = &mut self.buffer else {
            return Poll::Pending;
        };
        let now = Instant::now();
        let mut sink = Sink {
            index,
            receiver,
            bye,
            last,
            timeline: &mut self.timeline,
            malformed: &mut self.malformed,
            ready: &mut self.ready,
        };
        let result = path.poll_read(cx, buffer, &mut self.datagrams, |kind, bytes| {
            sink.take(now, kind, bytes);
        });
        result.map_err(|error| {
            Error::io(crate::ErrorKind::Io, "cannot read from a UDP socket", error)
        })
    }

    /// Takes what the connection has brought, and moves packets that are in order by now.
    fn take_inputs(&mut self) {
        while let Some((now, run)) = self.conversation.take_frames() {
            self.take_run(now, &run);
        }
        while let Some(event) = self.conversation.events.pop_front() {
            self.take_event(&event);
        }
        let now = Instant::now();
        for (index, slot) in self.media.iter_mut().enumerate() {
            let Some(reception) = slot else { continue };
            let mut sink = Sink {
                index,
                receiver: &mut reception.receiver,
                bye: &mut reception.bye,
                last: &mut reception.last,
                timeline: &mut self.timeline,
                malformed: &mut self.malformed,
                ready: &mut self.ready,
            };
            sink.release(now);
        }
        self.look_for_end(now);
    }

    fn take_run(&mut self, now: Now, run: &FrameRun) {
        for frame in &run.frames {
            let Some((index, negotiated)) = self.conversation.session.channel(frame.channel) else {
                self.unassigned += 1;
                continue;
            };
            let Some(Some(reception)) = self.media.get_mut(index) else {
                self.unassigned += 1;
                continue;
            };
            let mut sink = Sink {
                index,
                receiver: &mut reception.receiver,
                bye: &mut reception.bye,
                last: &mut reception.last,
                timeline: &mut self.timeline,
                malformed: &mut self.malformed,
                ready: &mut self.ready,
            };
            sink.take(now.monotonic, negotiated, run.payload(*frame));
        }
    }

    fn take_event(&mut self, event: &rtsp_session::client::Event) {
        use rtsp_session::client::Event as Session;
        let end = match event {
            Session::Ended(reason) => End::from(*reason),
            Session::Redirected(redirect) => End::Redirected(redirect.uri.to_string()),
            Session::TornDown => End::Closed,
            _ => return,
        };
        self.end.get_or_insert(end);
    }

    /// When something is to be done without input.
    fn deadline(&self) -> Option<Instant> {
        let receptions = self.media.iter().flatten();
        receptions
            .flat_map(|r| [r.receiver.deadline(), r.receiver.report_due()])
            .chain([self.conversation.until, self.ending])
            .flatten()
            .min()
    }

    /// Does what is due: keep-alives, reports.
    fn on_time(&mut self) {
        self.conversation.timeout();
        let now = Instant::now();
        for index in 0..self.media.len() {
            let Some(Some(reception)) = self.media.get_mut(index) else {
                continue;
            };
            let mut compound = BytesMut::new();
            let random = self.random.number();
            if reception.receiver.report(now, random, &mut compound) {
                self.send_rtcp(index, &compound);
            }
        }
    }

    fn look_for_end(&mut self, now: Instant) {
        if self.end.is_some() {
            return;
        }
        if let Some(reason) = &self.conversation.closed {
            if let CloseReason::Framing(_) = reason {
                let error = Error::closed(self.conversation.place(), reason.clone());
                self.failure.get_or_insert(error);
            }
            self.end = Some(End::Disconnected);
            return;
        }
        if self.media.iter().flatten().all(|reception| reception.bye) {
            let ending = *self.ending.get_or_insert(now + BYE_GRACE);
            if ending <= now {
                self.end = Some(End::Bye);
            }
        } else {
            self.ending = None;
        }
    }
}

/// Where one media's packets go.
struct Sink<'a> {
    index: usize,
    receiver: &'a mut Receiver,
    bye: &'a mut bool,
    last: &'a mut Option<u32>,
    timeline: &'a mut Timeline,
    malformed: &'a mut u64,
    ready: &'a mut VecDeque<Event>,
}

impl Sink<'_> {
    fn take(&mut self, now: Instant, negotiated: PacketKind, bytes: Bytes) {
        match PacketKind::of(&bytes, negotiated) {
            PacketKind::Rtp => match Packet::parse(bytes) {
                Ok(packet) => {
                    *self.bye = false;
                    self.receiver.push(now, packet);
                    self.release(now);
                }
                Err(_) => *self.malformed += 1,
            },
            PacketKind::Rtcp => self.take_compound(now, bytes),
        }
    }

    /// Moves what is in order by `now`, or given up.
    fn release(&mut self, now: Instant) {
        let media = self.index;
        while let Some(next) = self.receiver.pop(now) {
            self.ready.push_back(match next {
                Reordered::Item(Arrived { packet, at }) => {
                    self.timeline.on_packet(media, packet.timestamp(), at);
                    *self.last = Some(packet.timestamp());
                    Event::Packet(MediaPacket {
                        media,
                        packet,
                        arrival: at,
                    })
                }
                Reordered::Lost { first, count } => Event::Lost {
                    media,
                    first,
                    count,
                },
            });
        }
    }

    fn take_compound(&mut self, now: Instant, bytes: Bytes) {
        let media = self.index;
        let Ok(compound) = Compound::parse_reduced(&bytes) else {
            *self.malformed += 1;
            return;
        };
        let told = self.receiver.on_compound(now, &compound);
        self.ready.push_back(Event::Rtcp {
            media,
            compound: bytes,
        });
        if let Some(clocks) = told.clocks {
            self.timeline.on_report(media, clocks);
            self.ready.push_back(Event::Clocks { media, clocks });
        }
        if told.bye {
            *self.bye = true;
            self.ready.push_back(Event::Bye { media });
        }
    }
}
